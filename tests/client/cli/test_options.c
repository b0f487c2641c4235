/* The command line: where options may stand, and values of every kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "client/cli/cli.h"
#include "protocol/arena.h"

static const struct cli_option options[] = {
    {"series", 0, "SERIES", "help"},
    {"output", 'o', "FILE", "help"},
    {"all", 'a', NULL, "help"},
    {NULL, 0, NULL, NULL},
};
static const struct cli_command command = {.name = "test", .summary = "help", .options = options};

static struct cli cli;

static int parse(int argc, const char **argv)
{
    arena_release(&cli.arena);
    memset(&cli, 0, sizeof(cli));
    cli.command = &command;
    strcpy(cli.path, "bourse test");
    return options_parse(&cli, argc, (char **)argv);
}

#define PARSE(...)                                                                                 \
    parse(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), (const char *[]){__VA_ARGS__})

/* What is missing is named in the order in which it is asked for, all at once. */
static void test_required(void **state)
{
    static const char *const needed[] = {"series", "output", NULL};
    (void)state;
    PARSE("--series", "s", "-o", "f");
    assert_int_equal(options_required(&cli, needed), CLI_OK);
    PARSE("--series", "s");
    assert_int_equal(options_required(&cli, needed), CLI_USAGE);
    PARSE("x");
    assert_int_equal(options_required(&cli, needed), CLI_USAGE);
}

/* A number below 0 is an argument, so that its value is what is refused. */
static void test_negative(void **state)
{
    const char *words[] = {"1", "-3.5", "-x"};
    (void)state;
    assert_int_equal(parse(2, words), 2);
    assert_string_equal(words[1], "-3.5");
    assert_int_equal(parse(3, words), -1);
}

static void test_forms(void **state)
{
    (void)state;
    assert_int_equal(PARSE("a", "--series", "s", "b", "--output=x=y", "-a", "c"), 3);
    assert_string_equal(option_text(&cli, "series"), "s");
    assert_string_equal(option_text(&cli, "output"), "x=y");
    assert_true(option_flag(&cli, "all"));
    assert_false(option_flag(&cli, "json"));
    assert_int_equal(PARSE("-o", "f", "--json", "-"), 1);
    assert_string_equal(option_text(&cli, "output"), "f");
    assert_true(option_flag(&cli, "json"));
    assert_int_equal(PARSE("-of"), 0);
    assert_string_equal(option_text(&cli, "output"), "f");
    assert_int_equal(PARSE("--series", "--all"), 0); /* a value may look like an option */
    assert_string_equal(option_text(&cli, "series"), "--all");
    assert_int_equal(PARSE("--", "--all", "-x"), 2);
    assert_false(option_flag(&cli, "all"));
    assert_int_equal(PARSE("--series", "a", "--series", "b"), 0);
    assert_string_equal(option_text(&cli, "series"), "b");
    assert_string_equal(option_nth(&cli, "series", 0), "a");
    assert_null(option_nth(&cli, "series", 2));
}

static void test_wrong_forms(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--serie", "s"), -1);
    assert_int_equal(PARSE("--series"), -1);
    assert_int_equal(PARSE("--all=yes"), -1);
    assert_int_equal(PARSE("-x"), -1);
    assert_int_equal(PARSE("-ab"), -1);
    assert_int_equal(PARSE("--="), -1);
    assert_int_equal(cli.exit, CLI_USAGE);
}

static void test_items(void **state)
{
    const uint64_t *numbers = NULL;
    (void)state;
    PARSE("--series", "1,2", "--series=3");
    assert_string_equal(option_item(&cli, "series", 0), "1");
    assert_string_equal(option_item(&cli, "series", 1), "2");
    assert_string_equal(option_item(&cli, "series", 2), "3");
    assert_null(option_item(&cli, "series", 3));
    assert_int_equal(option_numbers(&cli, "series", &numbers), 3);
    assert_int_equal(numbers[2], 3);
    assert_int_equal(option_numbers(&cli, "output", &numbers), 0);
    PARSE("--series", "1,,2");
    option_numbers(&cli, "series", &numbers);
    assert_int_equal(cli.exit, CLI_USAGE);
}

static void test_values(void **state)
{
    (void)state;
    PARSE("x");
    assert_int_equal(value_u64(&cli, "N", "18446744073709551615"), UINT64_MAX);
    assert_int_equal(value_u32(&cli, "N", "4294967295"), UINT32_MAX);
    assert_int_equal(value_amount(&cli, "AMOUNT", "12.5"), 12500000);
    assert_int_equal(value_minutes(&cli, "FOR", "1d12h"), 36 * 60);
    assert_int_equal(value_moment(&cli, "TIME", "1970-01-02T00:01:00Z"), 86460);
    assert_int_equal(value_word(&cli, &role_vocabulary, "startup"), ROLE_STARTUP);
    assert_int_equal(cli.exit, CLI_OK);
}

static void test_wrong_values(void **state)
{
    static const char *const numbers[] = {"",   "-1",  "+1",  " 1",
                                          "1 ", "0x1", "1e3", "18446744073709551616"};
    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        PARSE("x");
        assert_int_equal(value_u64(&cli, "N", numbers[i]), 0);
        assert_int_equal(cli.exit, CLI_USAGE);
    }
    PARSE("x");
    assert_int_equal(value_u32(&cli, "N", "4294967296"), 0);
    assert_int_equal(cli.exit, CLI_USAGE);
    PARSE("x");
    assert_int_equal(value_amount(&cli, "AMOUNT", "1.2345678"), 0);
    assert_int_equal(cli.exit, CLI_USAGE);
    PARSE("x");
    assert_int_equal(value_minutes(&cli, "FOR", "90s"), 0);
    assert_int_equal(cli.exit, CLI_USAGE);
    PARSE("x");
    value_text(&cli, "NAME", "toolong", 6);
    assert_int_equal(cli.exit, CLI_USAGE);
}

/* After the first failure nothing happens any more, and the first exit code stays. */
static void test_failures_stick(void **state)
{
    (void)state;
    PARSE("x");
    cli_fail(&cli, CLI_LOCAL, "first");
    assert_int_equal(value_u64(&cli, "N", "7"), 0);
    assert_int_equal(value_amount(&cli, "N", "7"), 0);
    assert_int_equal(cli_fail(&cli, CLI_USAGE, "second"), CLI_LOCAL);
    assert_string_equal(option_required(&cli, "series"), "");
    assert_int_equal(cli_connect(&cli), CLI_LOCAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),        cmocka_unit_test(test_required),
        cmocka_unit_test(test_negative),     cmocka_unit_test(test_wrong_forms),
        cmocka_unit_test(test_items),        cmocka_unit_test(test_values),
        cmocka_unit_test(test_wrong_values), cmocka_unit_test(test_failures_stick),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_release(&cli.arena);
    return failed;
}
