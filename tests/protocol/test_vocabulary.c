#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "protocol/vocabulary.h"

#define VOCABULARY_ADDRESS(word, LIST) &word##_vocabulary,
static const struct vocabulary *const all[] = {VOCABULARY_LIST(VOCABULARY_ADDRESS)};
enum { ALL = sizeof(all) / sizeof(all[0]) };

static void test_names_and_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALL; i++) {
        for (uint32_t k = 0; k < all[i]->count; k++) {
            const struct vocabulary_value *v = &all[i]->values[k];
            /* Both directions lead back only when neither name nor number stands twice. */
            assert_string_equal(vocabulary_name(all[i], v->value), v->name);
            assert_int_equal(vocabulary_value(all[i], v->name), v->value);
        }
        assert_null(vocabulary_name(all[i], 99));
        assert_null(vocabulary_name(all[i], UINT32_MAX));
        assert_int_equal(vocabulary_value(all[i], "nonsense"), -1);
        assert_int_equal(vocabulary_value(all[i], ""), -1);
    }
}

static void test_profiles_are_bits(void **state)
{
    (void)state;
    uint32_t seen = 0;
    for (uint32_t k = 0; k < profile_vocabulary.count; k++) {
        uint32_t value = profile_vocabulary.values[k].value;
        assert_true(value != 0 && (value & (value - 1)) == 0);
        assert_int_equal(seen & value, 0);
        seen |= value;
    }
    assert_int_equal(seen, PROFILE_ANY);
}

/* Numbers on the wire never change. */
static void test_some_numbers(void **state)
{
    (void)state;
    assert_int_equal(vocabulary_value(&role_vocabulary, "admin"), 1);
    assert_int_equal(vocabulary_value(&role_vocabulary, "auditor"), 5);
    assert_int_equal(vocabulary_value(&time_in_force_vocabulary, "fill_or_kill"), 2);
    assert_int_equal(vocabulary_value(&lease_end_reason_vocabulary, "not_yet"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_values),
        cmocka_unit_test(test_profiles_are_bits),
        cmocka_unit_test(test_some_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
