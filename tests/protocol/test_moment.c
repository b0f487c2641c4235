#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "protocol/limits.h"
#include "protocol/moment.h"
#include "tests/random.h"
#include "tests/protocol/generate.h"

static uint64_t seed;
static const uint64_t now_s = 1795341630; /* 2026-11-22T10:00:30Z */

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t value;
    } good[] = {
        {"now", 1795341630},
        {"+6h", 1795341630 + 6 * 3600},
        {"+90m", 1795341630 + 90 * 60},
        {"+1d12h", 1795341630 + 36 * 3600},
        {"-2h", 1795341630 - 2 * 3600},
        {"2026-11-22", 1795305600},
        {"2026-11-22T10:00", 1795341600},
        {"2026-11-22T10:00Z", 1795341600},
        {"2026-11-22T10:00:30", 1795341630},
        {"2026-11-22T10:00:30Z", 1795341630},
        {"@1700000000", 1700000000},
        {"1970-01-01", 0},
        {"2000-02-29", 951782400},
        {"9999-12-31T23:59:59Z", TIME_MAX_S},
        {"@0", 0},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        uint64_t time_s = 0;
        if (!moment_parse(good[i].text, now_s, &time_s) || time_s != good[i].value)
            fail_msg("%s: %llu", good[i].text, (unsigned long long)time_s);
    }
    static const char *const bad[] = {
        "",
        "Now",
        "now ",
        "tomorrow",
        "6h",
        "+",
        "-",
        "+6",
        "+6x",
        "+h",
        "+-6h",
        "@",
        "@-1",
        "@1x",
        "@253402300800",
        "@99999999999999999999",
        "1969-12-31",
        "10000-01-01",
        "2026-13-01",
        "2026-00-01",
        "2026-11-31",
        "2026-02-29",
        "2100-02-29",
        "2026-11-00",
        "2026-1-1",
        "2026-11-22T",
        "2026-11-22T10",
        "2026-11-22T10:",
        "2026-11-22T24:00",
        "2026-11-22T10:60",
        "2026-11-22T10:00:60",
        "2026-11-22T10:00:",
        "2026-11-22T10:00:30ZZ",
        "2026-11-22T10:00+01:00",
        "2026-11-22 10:00",
        "2026-11-22Z",
        "-100000w",
        "+99999999w",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t time_s = 77;
        if (moment_parse(bad[i], now_s, &time_s) || time_s != 77)
            fail_msg("\"%s\" was taken for a time", bad[i]);
    }
}

static void test_format_against_the_c_library(void **state)
{
    (void)state;
    struct generator g = {seed, NULL};
    for (int i = 0; i < 100000; i++) {
        uint64_t time_s = generate_between(&g, 0, TIME_MAX_S);
        char ours[MOMENT_TEXT_BYTES];
        char theirs[64];
        time_t t = (time_t)time_s;
        struct tm tm;
        assert_non_null(gmtime_r(&t, &tm));
        assert_true(strftime(theirs, sizeof(theirs), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0);
        assert_string_equal(moment_format(time_s, ours), theirs);
        uint64_t again = 0;
        assert_true(moment_parse(ours, 0, &again));
        assert_true(again == time_s);
    }
    char text[MOMENT_TEXT_BYTES];
    assert_string_equal(moment_format(UINT64_MAX, text), "@18446744073709551615");
}

/* Every day from 1970 to 2400, that is, every kind of year. */
static void test_every_day(void **state)
{
    (void)state;
    for (uint64_t time_s = 0; time_s < UINT64_C(430) * 365 * 86400; time_s += 86400) {
        char text[MOMENT_TEXT_BYTES];
        uint64_t again = 0;
        assert_true(moment_parse(moment_format(time_s, text), 0, &again));
        assert_true(again == time_s);
        time_t t = (time_t)time_s;
        struct tm tm;
        assert_non_null(gmtime_r(&t, &tm));
        char theirs[64];
        assert_true(strftime(theirs, sizeof(theirs), "%Y-%m-%dT00:00:00Z", &tm) > 0);
        assert_string_equal(text, theirs);
    }
}

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t value;
        const char *formatted;
    } good[] = {
        {"90m", 5400, "1h30m"}, {"24h", 86400, "1d"},
        {"7d", 604800, "7d"},   {"2w", 1209600, "14d"},
        {"45s", 45, "45s"},     {"1d12h", 129600, "1d12h"},
        {"0s", 0, "0s"},        {"1w1d1h1m1s", 694861, "8d1h1m1s"},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        uint64_t seconds = 0;
        char text[MOMENT_TEXT_BYTES];
        assert_true(duration_parse(good[i].text, &seconds));
        assert_int_equal(seconds, good[i].value);
        assert_string_equal(duration_format(seconds, text), good[i].formatted);
    }
    static const char *const bad[] = {"",
                                      "m",
                                      "90",
                                      "1y",
                                      "-1h",
                                      "1h ",
                                      "1.5h",
                                      "1 h",
                                      "h1",
                                      "99999999999999999999s",
                                      "18446744073709551615m",
                                      "18446744073709551615s1s"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t seconds = 0;
        if (duration_parse(bad[i], &seconds))
            fail_msg("\"%s\" was taken for a duration", bad[i]);
    }
    struct generator g = {seed, NULL};
    for (int i = 0; i < 100000; i++) {
        uint64_t seconds = generate_between(&g, 0, UINT64_MAX);
        uint64_t again = 0;
        char text[MOMENT_TEXT_BYTES];
        assert_true(duration_parse(duration_format(seconds, text), &again));
        assert_true(again == seconds);
    }
}

static void test_minutes(void **state)
{
    (void)state;
    assert_int_equal(minute_floor(119), 60);
    assert_int_equal(minute_floor(120), 120);
    assert_int_equal(minute_ceil(120), 120);
    assert_int_equal(minute_ceil(121), 180);
    assert_int_equal(minute_ceil(0), 0);
}

/* Any text at all: no crash, and what is accepted is a time within bounds. */
static void test_random_text(void **state)
{
    (void)state;
    static const char letters[] = "0123456789now+-@:TZdhmsw.";
    struct generator g = {seed, NULL};
    for (int i = 0; i < 200000; i++) {
        char text[24];
        size_t length = generate_below(&g, sizeof(text));
        for (size_t k = 0; k < length; k++)
            text[k] = letters[generate_below(&g, sizeof(letters) - 1)];
        text[length] = '\0';
        uint64_t value = 0;
        if (moment_parse(text, now_s, &value))
            assert_true(value <= TIME_MAX_S);
        (void)duration_parse(text, &value);
    }
}

int main(void)
{
    seed = random_seed();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),     cmocka_unit_test(test_format_against_the_c_library),
        cmocka_unit_test(test_every_day), cmocka_unit_test(test_durations),
        cmocka_unit_test(test_minutes),   cmocka_unit_test(test_random_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
