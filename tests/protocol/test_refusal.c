#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "protocol/refusal.h"

static void test_every_refusal(void **state)
{
    (void)state;
    enum {
#define COUNT_ONE(name, number, transient, text) +1
        LISTED = 0 REFUSAL_LIST(COUNT_ONE)
#undef COUNT_ONE
    };
    unsigned known = 0;
    for (unsigned i = 0; i < REFUSAL_COUNT; i++) {
        if (!refusal_is_known(i))
            continue;
        assert_non_null(refusal_name(i));
        assert_non_null(refusal_text(i));
        assert_true(strlen(refusal_text(i)) > 0);
        assert_int_equal(refusal_from_name(refusal_name(i)), i);
        for (unsigned k = 0; k < i; k++)
            assert_string_not_equal(refusal_text(i), refusal_text(k));
        known++;
    }
    assert_int_equal(known, LISTED);
}

static void test_outside_the_list(void **state)
{
    (void)state;
    assert_string_equal(refusal_name(REFUSAL_COUNT), "unknown");
    assert_string_equal(refusal_name(65535), "unknown");
    assert_non_null(refusal_text(65535));
    assert_false(refusal_is_transient(65535));
    assert_int_equal(refusal_from_name("unknown"), -1);
    assert_int_equal(refusal_from_name(""), -1);
}

static void test_numbers_no_longer_used(void **state)
{
    (void)state;
    static const unsigned unused[] = {1, 12, 66, 70, 71};
    for (size_t i = 0; i < sizeof(unused) / sizeof(unused[0]); i++) {
        assert_false(refusal_is_known(unused[i]));
        assert_string_equal(refusal_name(unused[i]), "unknown");
        assert_string_equal(refusal_text(unused[i]), refusal_text(65535));
        assert_false(refusal_is_transient(unused[i]));
    }
}

static void test_transient(void **state)
{
    (void)state;
    assert_false(refusal_is_transient(REFUSAL_accepted));
    assert_true(refusal_is_transient(REFUSAL_no_capacity));
    assert_true(refusal_is_transient(REFUSAL_account_frozen));
    assert_false(refusal_is_transient(REFUSAL_token_spent));
    assert_false(refusal_is_transient(REFUSAL_bad_signature));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_refusal),
        cmocka_unit_test(test_outside_the_list),
        cmocka_unit_test(test_numbers_no_longer_used),
        cmocka_unit_test(test_transient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
