#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocol/limits.h"
#include "protocol/moment.h"
#include "protocol/month.h"

static unsigned days_of(unsigned year, unsigned month)
{
    static const unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int leaps = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);
    return days[month] + (month == 1 && leaps);
}

/* Day by day over 430 years. */
static void test_days_counted(void **state)
{
    (void)state;
    uint64_t time_s = 0;
    for (unsigned year = 1970; year <= 2400; year++) {
        for (unsigned month = 0; month < 12; month++) {
            uint32_t number = (year - 1970) * 12 + month;
            assert_int_equal(month_start_s(number), time_s);
            for (unsigned day = 0; day < days_of(year, month); day++, time_s += DAY_S) {
                assert_int_equal(month_of(time_s), number);
                assert_int_equal(month_of(time_s + DAY_S - 1), number);
            }
        }
    }
}

static void test_known(void **state)
{
    (void)state;
    assert_int_equal(month_start_s(0), 0);
    assert_int_equal(month_start_s(1), 2678400);
    assert_int_equal(month_start_s(30 * 12 + 2), 951868800);         /* 2000-03-01 */
    assert_int_equal(month_start_s((2027 - 1970) * 12), 1798761600); /* 2027-01-01 */
    assert_int_equal(month_start_s(month_of(1800000000)), 1798761600);
    assert_int_equal(month_of(TIME_MAX_S), (9999 - 1970) * 12 + 11);
    assert_int_equal(month_start_s(month_of(TIME_MAX_S) + 1), TIME_MAX_S + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_days_counted),
        cmocka_unit_test(test_known),
    };
    return cmocka_run_group_tests_name("month", tests, NULL, NULL);
}
