#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/buffer.h"
#include "protocol/report_options.h"

enum { JAN_2027_S = 1798761600, FEB_2027_S = 1801440000, NOW_S = 1801440030 };

static struct arena arena;

static bool name_find(void *context, enum report_named kind, const char *text, uint64_t *number_out,
                      char why[REPORT_ERROR_BYTES])
{
    (void)context;
    *number_out = 10 + (uint64_t)kind;
    if (strcmp(text, "nobody") == 0)
        snprintf(why, REPORT_ERROR_BYTES, "there is no 'nobody'");
    return strcmp(text, "nobody") != 0;
}

static uint64_t now_s(void *context)
{
    (void)context;
    return NOW_S;
}

static struct report_options options_of(const char *kind)
{
    struct report_options o = {.arena = &arena, .name = name_find, .now_s = now_s};
    assert_true(report_option_kind(&o, kind));
    return o;
}

static void fails(struct report_options *o, const char *name, const char *value, const char *why)
{
    if (report_option_set(o, name, value) || strstr(o->why, why) == NULL)
        fail_msg("--%s %s: %s", name, value, o->why);
}

static void test_kinds(void **state)
{
    (void)state;
    struct report_options o = {0};
    for (uint32_t i = 0; i < report_kind_vocabulary.count; i++) {
        assert_true(report_option_kind(&o, report_kind_vocabulary.values[i].name));
        assert_int_equal(o.query.kind, report_kind_vocabulary.values[i].value);
    }
    assert_false(report_option_kind(&o, "exposition"));
    assert_string_equal(o.why,
                        "'exposition' is no kind of report; there are: exposure, stress, "
                        "collateral, endorsement, circularity, concentration, vacancy, carbon, "
                        "portability, statement, usage");
}

static void test_values(void **state)
{
    (void)state;
    struct report_options o = options_of("vacancy");
    assert_true(report_option_set(&o, "account", "batam"));
    assert_true(report_option_set(&o, "site", "batam-1"));
    assert_true(report_option_set(&o, "sku", "gb300"));
    assert_int_equal(o.query.account, 10);
    assert_int_equal(o.query.site, 11);
    assert_int_equal(o.query.sku, 12);
    assert_true(report_option_set(&o, "from", "2027-01"));
    assert_true(report_option_set(&o, "until", "-30s"));
    assert_int_equal(o.query.from_s, JAN_2027_S);
    assert_int_equal(o.query.until_s, FEB_2027_S);
    assert_true(report_options_check(&o));
    assert_true(report_option_set(&o, "until", "2027-01-01T00:00Z"));
    assert_false(report_options_check(&o));
    o = options_of("vacancy");
    assert_true(report_option_set(&o, "month", "2027-01"));
    assert_int_equal(o.query.from_s, JAN_2027_S);
    assert_int_equal(o.query.until_s, FEB_2027_S);
    assert_true(report_options_check(&o));
    assert_true(report_option_set(&o, "from", "2027-01"));
    assert_false(report_options_check(&o));
    o = options_of("stress");
    assert_true(report_option_set(&o, "demand-down", "20%"));
    assert_true(report_option_set(&o, "price-down", "12.3456"));
    assert_true(report_option_set(&o, "generation", "blackwell"));
    assert_true(report_option_set(&o, "density", "2.5"));
    assert_int_equal(o.query.demand_down_ppm, 200000);
    assert_int_equal(o.query.price_down_ppm, 123456);
    assert_int_equal(o.query.density_ppm, 2500000);
    assert_int_equal(o.query.generation.length, 9);
    assert_true(report_options_check(&o));
}

static void test_wrong_values(void **state)
{
    (void)state;
    static const char *const months[] = {"",        "2027",       "2027-1",  "2027-13", "2027-00",
                                         "1969-12", "2027-01-01", "-27-01x", "9999-12", "202a-01"};
    static const char *const percents[] = {
        "",          "%",    "101",
        "100.0001%", "-1",   "1.23456",
        "a",         "20%%", "99999999999999999999999999999999999"};
    static const char *const factors[] = {"", "0", "0.999999", "1001", "-2", "x", "1.0000001"};
    struct report_options o = options_of("vacancy");
    fails(&o, "account", "nobody", "there is no 'nobody'");
    for (size_t i = 0; i < sizeof(months) / sizeof(months[0]); i++)
        fails(&o, "month", months[i], "--month: ");
    fails(&o, "from", "soon", "--from: 'soon' is not a time");
    fails(&o, "debt", "x.csv", "--debt means nothing for a report of kind vacancy");
    assert_int_equal(o.query.from_s, 0);
    o = options_of("stress");
    for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++)
        fails(&o, "demand-down", percents[i], "is not a percentage");
    fails(&o, "demand-down", "0.2", "Type 0.2% for so much of a hundred, or 20% for 0.2");
    assert_true(report_option_set(&o, "price-down", "0.2%"));
    assert_int_equal(o.query.price_down_ppm, 2000);
    for (size_t i = 0; i < sizeof(factors) / sizeof(factors[0]); i++)
        fails(&o, "density", factors[i], "is not a factor");
    fails(&o, "generation", "", "a name has 1 to 63 bytes");
    fails(&o, "generation", "a\nb", "a name has 1 to 63 bytes");
    assert_int_equal(o.query.demand_down_ppm, 0);
    assert_int_equal(o.query.density_ppm, 0);
}

static void test_par(void **state)
{
    static const char *const pars[] = {"", "0", "-1", "0.0000001", "1000000.000001", "1,5", "1e3"};
    static const char *const currencies[] = {"", "EU", "EURO", "eur", "E1R", "\xc3\x89U"};
    (void)state;
    struct report_options o = options_of("usage");
    for (size_t i = 0; i < sizeof(pars) / sizeof(pars[0]); i++)
        fails(&o, "par", pars[i], "is not what a credit is worth: above 0, up to 1000000");
    for (size_t i = 0; i < sizeof(currencies) / sizeof(currencies[0]); i++)
        fails(&o, "currency", currencies[i], "three capital letters, such as EUR");
    assert_int_equal(o.query.par_micros, 0);
    assert_int_equal(o.query.currency.length, 0);
    assert_true(report_options_check(&o));
    assert_true(report_option_set(&o, "currency", "USD"));
    assert_true(report_options_check(&o));
    assert_true(report_option_set(&o, "currency", "EUR"));
    assert_false(report_options_check(&o));
    assert_string_equal(o.why, "--par is missing: what a credit is worth in EUR");
    assert_true(report_option_set(&o, "par", "0.000001"));
    assert_int_equal(o.query.par_micros, 1);
    assert_true(report_option_set(&o, "par", "1000000"));
    assert_int_equal(o.query.par_micros, 1000000000000);
    assert_true(report_options_check(&o));
    o = options_of("carbon");
    fails(&o, "par", "1", "--par means nothing for a report of kind carbon");
    fails(&o, "currency", "EUR", "--currency means nothing for a report of kind carbon");
}

static void lacks(struct report_options *o, const char *why)
{
    if (report_options_check(o) || strstr(o->why, why) == NULL)
        fail_msg("instead of '%s': '%s'", why, o->why);
}

static void test_what_is_missing(void **state)
{
    (void)state;
    struct report_options o = options_of("stress");
    lacks(&o, "nothing is stressed");
    /* A row of shocks begins with one of nothing. */
    static const char *const nothing[][2] = {{"demand-down", "0%"}, {"price-down", "0"}};
    for (size_t i = 0; i < 2; i++) {
        o = options_of("stress");
        assert_true(report_option_set(&o, nothing[i][0], nothing[i][1]));
        assert_true(report_options_check(&o));
    }
    o = options_of("stress");
    assert_true(report_option_set(&o, "density", "1"));
    assert_true(report_option_set(&o, "generation", "hopper"));
    assert_true(report_options_check(&o));
    o = options_of("stress");
    assert_true(report_option_set(&o, "density", "2"));
    lacks(&o, "--generation and --density belong together");
    o = options_of("collateral");
    lacks(&o, "--debt is missing");
    struct debt_row due = {JAN_2027_S, 0, 5};
    o.query.debt.items = &due;
    o.query.debt.count = 1;
    lacks(&o, "--curve is missing");
    struct curve_row point = {{"", 0}, 0, 1};
    o.query.curve.items = &point;
    o.query.curve.count = 1;
    lacks(&o, "nothing is outstanding");
    due.outstanding_ucr = 1;
    assert_true(report_options_check(&o));
    o = options_of("endorsement");
    lacks(&o, "--site is missing");
    o.query.site = 1;
    lacks(&o, "--debt is missing");
    o.query.debt.items = &due;
    o.query.debt.count = 1;
    assert_true(report_options_check(&o));
    due.due_ucr = 0;
    lacks(&o, "nothing falls due");
}

/* An exchange makes statements of whole months; of any other time it says who makes them. */
static void test_statement_times(void **state)
{
    (void)state;
    struct report_options o = options_of("statement");
    assert_true(report_options_check(&o));
    assert_true(report_option_set(&o, "from", "2027-01"));
    assert_true(report_options_check(&o));
    assert_true(report_option_set(&o, "until", "2027-01-30"));
    assert_false(report_months_whole(&o.query));
    lacks(&o, "boursed report statement --data DIR");
    o.offline = true;
    lacks(&o, "--account is missing");
    o.query.account = 1;
    assert_true(report_options_check(&o));
    o = options_of("statement");
    assert_true(report_option_set(&o, "from", "2027-01-15"));
    lacks(&o, "whole calendar months (UTC): --month 2027-01");
    assert_true(report_option_set(&o, "from", "2999-01"));
    lacks(&o, "has not begun yet");
    o = options_of("vacancy");
    assert_true(report_option_set(&o, "from", "2027-01-15"));
    assert_true(report_options_check(&o));
}

/* --- Files --- */

static bool debt_read(struct q_report *q, const char *text, char *why)
{
    *q = (struct q_report){0};
    return report_debt_read(q, "debt.csv", text, strlen(text), &arena, why);
}

static bool curve_read(struct q_report *q, const char *text, char *why)
{
    *q = (struct q_report){0};
    return report_curve_read(q, "curve.csv", text, strlen(text), &arena, why);
}

static bool fleet_read(struct q_report *q, const char *text, char *why)
{
    *q = (struct q_report){0};
    return report_fleet_read(q, "fleet.csv", text, strlen(text), &arena, why);
}

static void test_fleet_file(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } wrong[] = {
        {"site,sku,gpus\nx,h,1\n", "fleet.csv, line 1: the column in_service is missing"},
        {"site,sku,gpus,in_service\n", "fleet.csv: it has no GPUs below its first line"},
        {"site,sku,gpus,in_service\n,h,1,2027-01\n", "line 2: the name of the site is missing"},
        {"site,sku,gpus,in_service\nx,,1,2027-01\n", "line 2: the name of the SKU is missing"},
        {"site,sku,gpus,in_service\nx,h,0,2027-01\n", "line 2: '0' is not a number of GPUs"},
        {"site,sku,gpus,in_service\nx,h,4294967296,2027-01\n", "is not a number of GPUs"},
        {"site,sku,gpus,in_service\nx,h,1,2027\n", "line 2: '2027' is not a month"},
    };
    struct q_report q;
    char why[REPORT_ERROR_BYTES] = "";
    (void)state;
    assert_true(fleet_read(&q, "in_service,gpus,SKU,site\n2027-01,12,h,x\n2027-02,3,b,y\n", why));
    assert_int_equal(q.fleet.count, 2);
    assert_int_equal(q.fleet.items[0].gpus, 12);
    assert_int_equal(q.fleet.items[0].in_service_s, JAN_2027_S);
    assert_memory_equal(q.fleet.items[1].site.data, "y", 1);
    assert_memory_equal(q.fleet.items[1].sku.data, "b", 1);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (fleet_read(&q, wrong[i].text, why) || strstr(why, wrong[i].why) == NULL)
            fail_msg("%s: %s", wrong[i].text, why);
        assert_int_equal(q.fleet.count, 0);
    }
}

static void test_files(void **state)
{
    (void)state;
    struct q_report q;
    char why[REPORT_ERROR_BYTES] = "";
    assert_true(debt_read(&q,
                          "\xef\xbb\xbfMonth, outstanding ,due\r\n2027-01,\"1000.5\",3\r\n\r\n"
                          "2027-02,900,0",
                          why));
    assert_int_equal(q.debt.count, 2);
    assert_int_equal(q.debt.items[0].month_s, JAN_2027_S);
    assert_int_equal(q.debt.items[0].outstanding_ucr, 1000500000);
    assert_int_equal(q.debt.items[0].due_ucr, 3000000);
    assert_int_equal(q.debt.items[1].month_s, FEB_2027_S);
    assert_true(debt_read(&q, "due,month\n7,2027-02\n", why));
    assert_int_equal(q.debt.items[0].due_ucr, 7000000);
    assert_int_equal(q.debt.items[0].outstanding_ucr, 0);
    assert_true(curve_read(&q, "age_months,value\n0,40000\n36,12000\n", why));
    assert_int_equal(q.curve.count, 2);
    assert_int_equal(q.curve.items[0].sku.length, 0);
    assert_true(curve_read(&q, "sku,age_months,value\na,12,5\nb,0,4\n,3,2\na,13,1\n", why));
    assert_int_equal(q.curve.count, 4);
    assert_int_equal(q.curve.items[3].age_months, 13);
    assert_int_equal(q.curve.items[3].value_ucr, 1000000);
    assert_memory_equal(q.curve.items[1].sku.data, "b", 1);
}

static void test_wrong_files(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *why;
    } debts[] = {
        {"", "debt.csv: it is empty"},
        {"month,due\n", "debt.csv: it has no months below its first line"},
        {"month;due\n", "debt.csv, line 1: there is no column 'month;due'"},
        {"month,outstandng\n", "debt.csv, line 1: there is no column 'outstandng'; the first line "
                               "names the columns, divided by commas: month,outstanding,due"},
        {"due,outstanding\n", "debt.csv, line 1: the column month is missing"},
        {"month\n2027-01\n", "debt.csv, line 1: the month alone"},
        {"month,due,due\n", "debt.csv, line 1: the column due is there twice"},
        {"month,due\n2027-01,5\n2027-01,6\n", "debt.csv, line 3: 2027-01 does not come after"},
        {"month,due\n\n2027-01-01,5\n", "debt.csv, line 3: '2027-01-01' is not a month"},
        {"month,due\n2027-01,5 000\n", "debt.csv, line 2: due: '5 000' is not an amount"},
        {"month,due\n2027-01,-5\n", "debt.csv, line 2: due: '-5' is not an amount"},
        {"month,due\n2027-01,\n", "debt.csv, line 2: due: '' is not an amount"},
        {"month,due\n2027-01,1.1234567\n", "debt.csv, line 2: due: '1.1234567' is not an amount"},
        {"month,due\n2027-01,99999999999999999999\n", "is not an amount"},
        {"month,due\n2027-01\n", "debt.csv, line 2: 1 cell under 2 columns"},
        {"month,due\n2027-01,1,2\n", "debt.csv, line 2: 3 cells under 2 columns"},
        {"month,due\n\"2027-01,1\n", "debt.csv, line 2: a quotation mark is not closed"},
        {"month,due\n2027-01,\xff\n", "debt.csv, line 2: it is not text in UTF-8"},
    };
    static const struct {
        const char *text;
        const char *why;
    } curves[] = {
        {"sku,value\n", "curve.csv, line 1: the column age_months is missing"},
        {"sku,age_months\n", "curve.csv, line 1: the column value is missing"},
        {"age_months,value\n1201,5\n", "curve.csv, line 2: '1201' is not an age"},
        {"age_months,value\n-1,5\n", "curve.csv, line 2: '-1' is not an age"},
        {"age_months,value\n1.5,5\n", "curve.csv, line 2: '1.5' is not an age"},
        {"age_months,value\n3,5\n3,4\n",
         "curve.csv, line 3: the age 3 does not come after 3; sort"},
        {"sku,age_months,value\na,3,5\nb,1,1\na,2,4\n",
         "curve.csv, line 4: the age 2 does not come after 3 of a; sort"},
        {"sku,age_months,value\n"
         "0123456789012345678901234567890123456789012345678901234567890123,3,5\n",
         "curve.csv, line 2: a name has at most 63 bytes"},
    };
    struct q_report q;
    char why[REPORT_ERROR_BYTES];
    for (size_t i = 0; i < sizeof(debts) / sizeof(debts[0]); i++) {
        if (debt_read(&q, debts[i].text, why) || strstr(why, debts[i].why) == NULL)
            fail_msg("%s: %s", debts[i].text, why);
        assert_int_equal(q.debt.count, 0);
    }
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        if (curve_read(&q, curves[i].text, why) || strstr(why, curves[i].why) == NULL)
            fail_msg("%s: %s", curves[i].text, why);
        assert_int_equal(q.curve.count, 0);
    }
}

/* As many rows as REPORT_DEBT_ROWS_MAX, REPORT_CURVE_ROWS_MAX and REPORT_FLEET_ROWS_MAX allow, and
 * one more. */
static void test_row_limits(void **state)
{
    (void)state;
    struct q_report q;
    char why[REPORT_ERROR_BYTES];
    struct buffer b = BUFFER_EMPTY;
    for (int more = 0; more <= 1; more++) {
        buffer_clear(&b);
        buffer_printf(&b, "month,due\n");
        for (int i = 0; i < REPORT_DEBT_ROWS_MAX + more; i++)
            buffer_printf(&b, "%d-%02d,1\n", 2027 + i / 12, i % 12 + 1);
        buffer_append(&b, "", 1);
        assert_int_equal(debt_read(&q, (char *)b.data, why), !more);
    }
    assert_non_null(strstr(why, "debt.csv, line 1202: more than 1200 months"));
    for (int more = 0; more <= 1; more++) {
        buffer_clear(&b);
        buffer_printf(&b, "sku,age_months,value\n");
        for (int i = 0; i < REPORT_CURVE_ROWS_MAX + more; i++)
            buffer_printf(&b, "sku-%d,%d,1\n", i / 1000, i % 1000);
        buffer_append(&b, "", 1);
        assert_int_equal(curve_read(&q, (char *)b.data, why), !more);
    }
    assert_non_null(strstr(why, "curve.csv, line 4002: more than 4000 points"));
    for (int more = 0; more <= 1; more++) {
        buffer_clear(&b);
        buffer_printf(&b, "site,sku,gpus,in_service\n");
        for (int i = 0; i < REPORT_FLEET_ROWS_MAX + more; i++)
            buffer_printf(&b, "x,h,%d,2027-01\n", i + 1);
        buffer_append(&b, "", 1);
        assert_int_equal(fleet_read(&q, (char *)b.data, why), !more);
    }
    assert_non_null(strstr(why, "fleet.csv, line 2002: more than 2000 rows"));
    buffer_release(&b);
}

static void test_file_from_disk(void **state)
{
    (void)state;
    char path[] = "/tmp/test-report-options.XXXXXX";
    struct report_options o = options_of("endorsement");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "month,due\n2027-01,5\n", 20), 20);
    assert_true(report_option_set(&o, "debt", path));
    assert_int_equal(o.query.debt.count, 1);
    assert_int_equal(ftruncate(fd, 2 << 20), 0);
    fails(&o, "debt", path, "is larger than");
    assert_false(o.unreadable);
    close(fd);
    unlink(path);
    fails(&o, "debt", path, "--debt: cannot read /tmp/test-report-options.");
    assert_true(o.unreadable);
    o.unreadable = false;
    fails(&o, "debt", "/", "cannot read /: Is a directory");
    assert_true(o.unreadable);
}

static int arena_free(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_wrong_values),
        cmocka_unit_test(test_what_is_missing),
        cmocka_unit_test(test_statement_times),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_wrong_files),
        cmocka_unit_test(test_row_limits),
        cmocka_unit_test(test_file_from_disk),
        cmocka_unit_test(test_fleet_file),
        cmocka_unit_test(test_par),
    };
    return cmocka_run_group_tests(tests, NULL, arena_free);
}
