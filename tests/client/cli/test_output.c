/* What people and programs get to see: escaped text, errors as JSON, exit codes, tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "client/cli/cli.h"
#include "protocol/status.h"
#include "protocol/utf8.h"
#include "tests/client/cli/run.h"
#include "tests/client/fake_log.h"

static struct run r;

static void expect_escaped(const char *text, size_t length, const char *expected)
{
    struct buffer b = BUFFER_EMPTY;
    escape_append(&b, text, length, false);
    buffer_append(&b, "", 1);
    assert_string_equal((const char *)b.data, expected);
    buffer_release(&b);
}

static void test_escape(void **state)
{
    (void)state;
    expect_escaped("plain \xc3\xbc \xe2\x82\xac", 12, "plain \xc3\xbc \xe2\x82\xac");
    expect_escaped("\033[2Jgone\a", 9, "\\x1b[2Jgone\\x07");
    expect_escaped("a\nb\rc\0d", 7, "a\\x0ab\\x0dc\\x00d");
    expect_escaped("\xc2\x9b"
                   "31m",
                   5, "\\xc2\\x9b31m"); /* a C1 control, CSI */
    expect_escaped("\xff\xc3", 2, "\\xff\\xc3");
    expect_escaped("\xed\xa0\x80", 3, "\\xed\\xa0\\x80"); /* a surrogate */
    expect_escaped("a\u202eb\u2069", 8, "a\\u202eb\\u2069");
    expect_escaped("\u061c\u200b\U000e0041", 9, "\\u061c\\u200b\\U000e0041");
}

/* Hidden characters are escaped in JSON too; what it says is the same. */
static void test_json(void **state)
{
    (void)state;
    static const char name[] = "\"a\u202e\n\u00fc\U0001f600\U000e0041\u2069";
    char *text = NULL;
    size_t length = 0;
    FILE *to = open_memstream(&text, &length);
    json_t *json = json_pack("{s:s}", "name", name);
    json_print(to, json, JSON_COMPACT);
    fclose(to);
    assert_string_equal(text, "{\"name\":\"\\\"a\\u202e\\n\u00fc\U0001f600\\udb40\\udc41"
                              "\\u2069\"}\n");
    json_t *read = json_loads(text, 0, NULL);
    assert_true(json_equal(read, json));
    json_decref(read);
    json_decref(json);
    free(text);
}

static void test_errors_as_json(void **state)
{
    (void)state;
    run_line(&r, "token split x 5 --json", NULL);
    assert_int_equal(r.code, CLI_USAGE);
    assert_string_equal(r.out, "");
    json_t *json = json_loads(r.error, 0, NULL);
    json_t *error = json_object_get(json, "error");
    assert_string_equal(json_string_value(json_object_get(error, "class")), "usage");
    assert_int_equal(json_integer_value(json_object_get(error, "exit_code")), CLI_USAGE);
    assert_non_null(strstr(json_string_value(json_object_get(error, "message")), "'x'"));
    json_decref(json);
    run_line(&r, "--json tokn", NULL); /* also before it is known what command it is */
    json = json_loads(r.error, 0, NULL);
    assert_non_null(json_object_get(json, "error"));
    json_decref(json);
}

static void test_classes(void **state)
{
    static const struct {
        const char *line;
        int code;
        const char *words;
    } rows[] = {
        {"token list --bogus", CLI_USAGE, "unknown option --bogus; see 'bourse token list --help'"},
        {"token split 5", CLI_USAGE, "needs more arguments: TOKEN AMOUNT..."},
        {"token gifts 5", CLI_USAGE, "one argument too many"},
        {"token list", CLI_USAGE, "which exchange?"},
        {"token list --exchange nonsense", CLI_USAGE, "not a pin line"},
        {"status --config /nonexistent/config", CLI_LOCAL, "/nonexistent/config"},
        {"verify /nonexistent/receipt", CLI_USAGE, "of which exchange?"},
        {"token claim --file /nonexistent/line", CLI_LOCAL, "cannot read /nonexistent/line"},
        {"token claim --file -", CLI_USAGE, "begins with bourse-gift:v1:"},
        {"keygen a -o b", CLI_USAGE, "which file, b or a?"},
        {"lease activate 1", CLI_USAGE, "nothing can be attached later"},
        {"lease activate 1 --no-access --access-file -", CLI_USAGE, "--no-access alone"},
        {"keygen --show /nonexistent/key", CLI_LOCAL, "bourse keygen"},
        {"config set colour red", CLI_USAGE, "there is no setting 'colour'"},
        {"account register acme --role king K", CLI_USAGE, "'king' is no role; there are: admin"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        run_line(&r, rows[i].line, "bourse-gift:v1:nonsense");
        if (r.code != rows[i].code || strstr(r.error, rows[i].words) == NULL)
            fail_msg("%s: exit %d, '%s' is not in: %s", rows[i].line, r.code, rows[i].words,
                     r.error);
        assert_memory_equal(r.error, "bourse: ", 8);
        assert_null(strchr(r.error, '\033')); /* no colours: it is no terminal */
    }
    assert_int_equal(cli_exit_code(STATUS_OK), CLI_OK);
    assert_int_equal(cli_exit_code(STATUS_FORKED), CLI_UNTRUSTED);
    assert_int_equal(cli_exit_code(STATUS_CLOSED), CLI_CONNECTION);
    assert_int_equal(cli_exit_code(STATUS_IO), CLI_LOCAL);
}

/* Whoever reads over a shoulder, or a script's log, must not get a gift. */
static void test_claim_lines_are_not_repeated(void **state)
{
    static const char *const rows[] = {
        "token claim bourse-gift:v1:SECRET",        "token claim --file bourse-gift:v1:SECRET",
        "token claim --name=bourse-gift:v1:SECRET", "bourse-gift:v1:SECRET",
        "token show bourse-gift:v2:SECRET --json",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        run_line(&r, rows[i], "");
        assert_int_equal(r.code, CLI_USAGE);
        assert_null(strstr(r.error, "SECRET"));
        assert_null(strstr(r.out, "SECRET"));
        assert_non_null(strstr(r.error, "use --file or standard input"));
    }
}

static void test_control_characters_in_errors(void **state)
{
    (void)state;
    run_line(&r, "token show \033[2J", NULL);
    assert_null(strchr(r.error, '\033'));
    assert_non_null(strstr(r.error, "\\x1b[2J"));
}

static void test_keygen_and_config(void **state)
{
    char line[1024];
    (void)state;
    char folder[] = "/tmp/bourse-cli-XXXXXX";
    assert_non_null(mkdtemp(folder));
    setenv("XDG_CONFIG_HOME", folder, 1);
    setenv("XDG_STATE_HOME", folder, 1);
    run_line(&r, "keygen", NULL);
    assert_int_equal(r.code, CLI_OK);
    assert_memory_equal(r.out, "bourse-key:", 11);
    char *key = strdup(r.out);
    run_line(&r, "keygen", NULL);
    assert_int_equal(r.code, CLI_LOCAL); /* never overwritten */
    run_line(&r, "keygen --show", NULL);
    assert_string_equal(r.out, key);
    free(key);
    run_line(&r, "config set server localhost:1", NULL);
    assert_int_equal(r.code, CLI_OK);
    run_line(&r, "config show --json", NULL);
    json_t *json = json_loads(r.out, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(json, "server")), "localhost:1");
    json_decref(json);
    run_line(&r, "config show --server other:2", NULL);
    assert_non_null(strstr(r.out, "server = other:2\n"));
    snprintf(line, sizeof(line), "keygen -o %s/other", folder);
    run_line(&r, line, NULL);
    assert_int_equal(r.code, CLI_OK);
    key = strdup(r.out);
    snprintf(line, sizeof(line), "keygen --show --output %s/other", folder);
    run_line(&r, line, NULL);
    assert_string_equal(r.out, key);
    snprintf(line, sizeof(line), "keygen --show %s/other", folder);
    run_line(&r, line, NULL);
    assert_string_equal(r.out, key);
    free(key);
    snprintf(line, sizeof(line), "keygen %s/sealed --passphrase-file -", folder);
    run_line(&r, line, "a passphrase\n");
    assert_int_equal(r.code, CLI_OK);
    struct fake_log log;
    char pin[PIN_TEXT_SIZE];
    fake_log_init(&log, 1, 1);
    assert_int_equal(pin_print(&log.pin, pin), STATUS_OK);
    snprintf(line, sizeof(line),
             "status --key %s/sealed --passphrase-file - --exchange %s --server 127.0.0.1:1",
             folder, pin);
    run_line(&r, line, "another one\n");
    assert_int_equal(r.code, CLI_LOCAL);
    assert_non_null(strstr(r.error, "wrong passphrase"));
    run_line(&r, line, "a passphrase\n"); /* the key opens, and nobody listens on port 1 */
    assert_int_equal(r.code, CLI_CONNECTION);
    run_line(&r, line, "");
    assert_int_equal(r.code, CLI_USAGE);
    snprintf(line, sizeof(line), "rm -r %s", folder);
    assert_int_equal(system(line), 0);
    unsetenv("XDG_CONFIG_HOME");
}

static void print_table(struct cli *cli)
{
    static const struct token_info rows[] = {
        {.token = 5, .series = 2, .owner = 3, .amount_ucr = 12500000, .index = 9},
        {.token = 12345, .series = 2, .owner = 40, .amount_ucr = 1, .index = 100},
    };
    records_table(cli, &token_info_message, rows, 2, "token owner amount_ucr index");
}

static void test_table(void **state)
{
    (void)state;
    struct cli *cli = calloc(1, sizeof(*cli));
    for (int i = 0; i < NAMED_KINDS; i++) /* nobody to ask for names */
        cli->names[i] = (struct cli_names){.asked = true, .missed = UINT32_MAX};
    struct cli_name known = {.number = 3, .name = "ac\u202eme"};
    buffer_append(&cli->names[NAMED_ACCOUNT].known, &known, sizeof(known));
    char *out = NULL;
    size_t size = 0;
    FILE *kept = stdout;
    stdout = open_memstream(&out, &size);
    print_table(cli);
    fclose(stdout);
    stdout = kept;
    assert_string_equal(out, "TOKEN  OWNER         AMOUNT  INDEX\n"
                             "    5  ac\\u202eme      12.5      9\n"
                             "12345  40          0.000001    100\n");
    free(out);
    buffer_release(&cli->names[NAMED_ACCOUNT].known);
    arena_release(&cli->arena);
    free(cli);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escape),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_errors_as_json),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_control_characters_in_errors),
        cmocka_unit_test(test_claim_lines_are_not_repeated),
        cmocka_unit_test(test_keygen_and_config),
        cmocka_unit_test(test_table),
    };
    setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
    unsetenv("BOURSE_CONFIG");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
