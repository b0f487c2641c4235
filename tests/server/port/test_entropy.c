/* The system's bytes differ each time, the seeded ones never. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "server/port/entropy.h"

static void system_bytes_differ(void **state)
{
    (void)state;
    uint8_t a[1000] = {0}, b[1000] = {0};
    assert_int_equal(entropy_fill(port_entropy_system(), a, sizeof(a)), 0);
    assert_int_equal(entropy_fill(port_entropy_system(), b, sizeof(b)), 0);
    assert_true(memcmp(a, b, sizeof(a)) != 0);
    /* The end is filled, too. */
    assert_true(memcmp(a + 968, b + 968, 32) != 0);
}

static void seeded_bytes_repeat(void **state)
{
    (void)state;
    struct seeded_entropy one, two;
    uint8_t a[1001], b[1001];
    seeded_entropy_init(&one, 7);
    seeded_entropy_init(&two, 7);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(entropy_fill(&one.entropy, a, sizeof(a)), 0);
        assert_int_equal(entropy_fill(&two.entropy, b, sizeof(b)), 0);
        assert_memory_equal(a, b, sizeof(a));
    }
    seeded_entropy_init(&two, 8);
    assert_true(seeded_entropy_next(&one) != seeded_entropy_next(&two));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(system_bytes_differ),
        cmocka_unit_test(seeded_bytes_repeat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
