#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/command/arguments.h"

static int runs;

static int run(const struct arguments *a)
{
    (void)a;
    runs++;
    return EXIT_DONE;
}

static const struct option_spec options[] = {
    {"data", "DIR", "a folder", true},        {"grace", "TIME", "a duration", false},
    {"count", "N", "a number", false},        {"json", NULL, "a flag", false},
    {"host", "NAME...", "some names", false}, {NULL, NULL, NULL, false},
};

static const struct command command = {
    .name = "test", .summary = "test", .options = options, .run = run};

static const struct command worded = {
    .name = "test", .summary = "test", .word = "KIND", .options = options, .run = run};

/* Splits at spaces and runs. */
static int words_run(const struct command *c, const char *line)
{
    char *copy = strdup(line), *words[16], *rest = copy;
    int count = 0;
    for (char *word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    int code = command_run(c, count, words);
    free(copy);
    return code;
}

static int run_words(const char *line)
{
    return words_run(&command, line);
}

/* A word before the options, for a command that asks for one. */
static void test_word(void **state)
{
    (void)state;
    assert_int_equal(words_run(&worded, "usage --data x"), EXIT_DONE);
    assert_int_equal(words_run(&worded, "--data x"), EXIT_USAGE);
    assert_int_equal(words_run(&worded, "--data x usage"), EXIT_USAGE);
    assert_int_equal(words_run(&worded, "usage more --data x"), EXIT_USAGE);
    assert_int_equal(words_run(&worded, ""), EXIT_USAGE);
    assert_int_equal(words_run(&worded, "usage"), EXIT_USAGE);
    assert_int_equal(words_run(&worded, "--help"), EXIT_DONE);
}

/* One that may be given several times keeps all its values, in their order; up to a limit. */
static void test_repeated(void **state)
{
    (void)state;
    char *words[2 * (OPTION_REPEATS_MAX + 1) + 1] = {"--data=x"};
    struct arguments a;
    for (int i = 1; i < 2 * (OPTION_REPEATS_MAX + 1); i += 2) {
        words[i] = "--host";
        words[i + 1] = i == 1 ? "first" : "other";
    }
    assert_true(arguments_parse(&command, 1, words, &a));
    assert_int_equal(a.repeated_count, 0);
    assert_true(arguments_parse(&command, 1 + 2 * OPTION_REPEATS_MAX, words, &a));
    assert_int_equal(a.repeated_count, OPTION_REPEATS_MAX);
    assert_string_equal(a.repeated[0], "first");
    assert_string_equal(a.repeated[OPTION_REPEATS_MAX - 1], "other");
    assert_false(arguments_parse(&command, 1 + 2 * (OPTION_REPEATS_MAX + 1), words, &a));
}

static void test_lines(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int code;
    } cases[] = {
        {"--data x", EXIT_DONE},
        {"--data=x --json --grace 30m", EXIT_DONE},
        {"--data=", EXIT_DONE},
        {"--help", EXIT_DONE},
        {"--wrong -h", EXIT_DONE},
        {"", EXIT_USAGE},            /* --data is needed */
        {"--data", EXIT_USAGE},      /* without its value */
        {"--data x y", EXIT_USAGE},  /* a position */
        {"--data x --", EXIT_USAGE}, /* not an option */
        {"--dat x", EXIT_USAGE},     /* no prefixes */
        {"--data x --data y", EXIT_USAGE},
        {"--data x --json=yes", EXIT_USAGE},
        {"--data --json", EXIT_USAGE}, /* an option is no value */
        {"--data x --grace --count 3", EXIT_USAGE},
        {"--data=--json", EXIT_DONE}, /* unless it is meant */
        {"--data x --grace -3d", EXIT_DONE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(run_words(cases[i].line), cases[i].code);
    assert_int_equal(runs, 5);
}

static void test_values(void **state)
{
    (void)state;
    static const struct {
        const char *count, *grace;
        bool count_ok, grace_ok;
    } cases[] = {
        {"7", "30m", true, true},    {"1", "1m", true, true},    {"10", "1h", true, true},
        {"0", "59s", false, false},  {"11", "2h", false, false}, {"-1", "-5m", false, false},
        {"x", "soon", false, false}, {"7x", "", false, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arguments a = {.command = &command, .values = {"x", cases[i].grace, cases[i].count}};
        uint64_t value;
        assert_int_equal(arguments_number(&a, "count", 1, 10, 5, &value), cases[i].count_ok);
        assert_int_equal(arguments_duration(&a, "grace", 60, 3600, 120, &value), cases[i].grace_ok);
        assert_false(arguments_has(&a, "json"));
        assert_string_equal(arguments_get(&a, "data"), "x");
    }
    struct arguments none = {.command = &command};
    uint64_t value;
    assert_true(arguments_number(&none, "count", 1, 10, 5, &value));
    assert_int_equal(value, 5);
    assert_true(arguments_duration(&none, "grace", 60, 3600, 120, &value));
    assert_int_equal(value, 120);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repeated),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_word),
        cmocka_unit_test(test_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
