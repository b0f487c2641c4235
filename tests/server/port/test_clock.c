/* The machine's clocks run on, the manual one only when told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "server/port/clock.h"

static void system_clock_runs(void **state)
{
    (void)state;
    const struct port_clock *clock = port_clock_system();
    /* Some moment after this was written. */
    assert_true(clock_wall_s(clock) > 1700000000);
    uint64_t last = clock_monotonic_ns(clock);
    for (int i = 0; i < 1000; i++) {
        uint64_t now = clock_monotonic_ns(clock);
        assert_true(now >= last);
        last = now;
    }
}

static void manual_clock_obeys(void **state)
{
    (void)state;
    struct manual_clock m;
    manual_clock_init(&m, 1000);
    assert_int_equal(clock_wall_s(&m.clock), 1000);
    assert_int_equal(clock_monotonic_ns(&m.clock), 0);
    manual_clock_advance(&m, 60);
    assert_int_equal(clock_wall_s(&m.clock), 1060);
    assert_int_equal(clock_monotonic_ns(&m.clock), UINT64_C(60000000000));
    manual_clock_set_wall(&m, 5);
    assert_int_equal(clock_wall_s(&m.clock), 5);
    assert_int_equal(clock_monotonic_ns(&m.clock), UINT64_C(60000000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(system_clock_runs),
        cmocka_unit_test(manual_clock_obeys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
