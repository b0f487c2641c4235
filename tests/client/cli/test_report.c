/* Pages of a report, from an exchange that is busy, forgets it, or mixes it up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "client/cli/commands.h"
#include "protocol/report_options.h"
#include "tests/client/cli/run.h"
#include "tests/client/fake_exchange.h"

static struct fake_exchange exchange;
static char *folder;
static struct run r;

static int setup(void **state)
{
    char line[1024];
    char pin[PIN_TEXT_SIZE];
    (void)state;
    folder = scratch_make();
    setenv("XDG_CONFIG_HOME", folder, 1);
    setenv("XDG_STATE_HOME", folder, 1);
    unsetenv("BOURSE_CONFIG");
    fake_exchange_start(&exchange);
    assert_int_equal(pin_print(&exchange.log.pin, pin), 0);
    run_line(&r, "keygen", NULL);
    assert_int_equal(r.code, CLI_OK);
    snprintf(line, sizeof(line), "config init --server %s --exchange %s", exchange.address, pin);
    run_line(&r, line, NULL);
    assert_int_equal(r.code, CLI_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_exchange_stop(&exchange);
    scratch_remove(folder);
    return 0;
}

/* The places of all rows, each once and in order. */
static void expect_rows(uint32_t count)
{
    char expected[1024] = "place\r\n";
    for (uint32_t i = 0; i < count; i++) {
        char row[16];
        snprintf(row, sizeof(row), "%u\r\n", (unsigned)i);
        strcat(expected, row);
    }
    run_line(&r, "report exposure --csv", NULL);
    if (r.code != CLI_OK)
        fail_msg("exit %d: %s", r.code, r.error);
    assert_string_equal(r.out, expected);
    assert_true(run_says(&r, "as of log index 42,"));
    assert_null(strstr(r.error, "rows")); /* no progress: it is no terminal */
}

static void test_pages(void **state)
{
    (void)state;
    for (uint32_t rows = 0; rows <= 7; rows++) {
        FAKE_SET(&exchange, report_rows, rows);
        FAKE_SET(&exchange, reports, 0);
        expect_rows(rows);
        assert_int_equal(fake_exchange_now(&exchange).reports, rows == 0 ? 1 : (rows + 1) / 2);
    }
}

static void test_busy(void **state)
{
    (void)state;
    FAKE_SET(&exchange, report_rows, 5);
    FAKE_SET(&exchange, reports_busy, 2);
    expect_rows(5);
    assert_int_equal(fake_exchange_now(&exchange).reports, 5);
}

/* Begins again, and keeps no row of what is gone. */
static void test_gone(void **state)
{
    (void)state;
    FAKE_SET(&exchange, report_rows, 5);
    FAKE_SET(&exchange, reports_gone, 2);
    expect_rows(5);
    FAKE_SET(&exchange, reports_gone, 1000);
    run_line(&r, "report exposure --csv", NULL);
    assert_int_equal(r.code, CLI_REFUSED);
    assert_string_equal(r.out, "");
    assert_true(run_says(&r, "report_gone"));
    assert_int_equal(fake_exchange_now(&exchange).reports, 4 + 3 + 10);
}

static void test_mixed(void **state)
{
    (void)state;
    FAKE_SET(&exchange, report_rows, 5);
    FAKE_SET(&exchange, report_mixed, true);
    run_line(&r, "report exposure --json", NULL);
    assert_int_equal(r.code, CLI_CONNECTION);
    assert_string_equal(r.out, "");
    assert_true(run_says(&r, "do not fit together"));
}

/* Each kind has a command, and its options are those that count for it. */
static void test_commands(void **state)
{
    (void)state;
    uint32_t kinds = 0;
    for (const struct cli_command *c = report_commands; c->name != NULL; c++, kinds++) {
        int64_t kind = vocabulary_value(&report_kind_vocabulary, c->name);
        uint32_t there = 0;
        uint32_t counting = 0;
        assert_true(kind > 0);
        for (const struct cli_option *o = c->options; o->name != NULL; o++)
            there += report_option_counts((enum report_kind)kind, o->name);
        for (size_t i = 0; report_options_all[i] != NULL; i++)
            counting += report_option_counts((enum report_kind)kind, report_options_all[i]);
        assert_int_equal(there, counting);
        assert_non_null(strstr(c->details, c->name));
    }
    assert_int_equal(kinds, report_kind_vocabulary.count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_busy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mixed, setup, teardown),
        cmocka_unit_test(test_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
