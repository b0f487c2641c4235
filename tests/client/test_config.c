/* The configuration file: what it may say, and that errors name file and line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <sodium.h>

#include "client/config.h"
#include "client/paths.h"
#include "protocol/status.h"
#include "tests/client/fake_log.h"

static char pin_line[PIN_TEXT_SIZE];

static int setup_group(void **state)
{
    struct fake_log log;
    (void)state;
    fake_log_init(&log, 1, 1);
    return pin_print(&log.pin, pin_line);
}

static int parse(struct config *c, const char *text, struct config_error *error)
{
    return config_parse(c, "FILE", text, strlen(text), error);
}

static void test_reads(void **state)
{
    char text[1024];
    struct config c;
    struct config_error error;
    (void)state;
    setenv("HOME", "/home/somebody", 1);
    snprintf(text, sizeof(text),
             "# comment\n\n  server=127.0.0.1:1  \n\texchange = %s\r\nkey = ~/k  # not a comment",
             pin_line);
    assert_int_equal(parse(&c, text, &error), STATUS_OK);
    assert_string_equal(c.server, "127.0.0.1:1");
    assert_string_equal(c.key, "/home/somebody/k  # not a comment");
    assert_string_equal(c.exchange, pin_line);
    assert_string_equal(c.pin.origin, "example.org/fake");
    config_release(&c);
    assert_int_equal(parse(&c, "", &error), STATUS_OK);
    assert_null(c.server);
    config_release(&c);
}

static void test_errors_name_the_line(void **state)
{
    static const struct {
        const char *text;
        const char *words;
    } rows[] = {
        {"server = a:1\n\nnonsense\n", "FILE:3: expected 'name = value'"},
        {"= value\n", "FILE:1: expected"},
        {"sever = a:1\n", "FILE:1: there is no setting 'sever'"},
        {"server =\n", "FILE:1: server needs a value"},
        {"\nserver = localhost\n", "FILE:2: 'localhost' is not host:port"},
        {"server = a:1\nserver = b:1\n", "FILE:2: server is set a second time"},
        {"exchange = bourse-exchange:v1:x:AAAA\n", "FILE:1: not a pin line"},
        {"exchange = bourse-exchange:v2:x:AAAA\n", "FILE:1: the pin line is of a version"},
    };
    struct config c;
    struct config_error error;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(parse(&c, rows[i].text, &error), STATUS_MALFORMED);
        if (strstr(error.text, rows[i].words) == NULL)
            fail_msg("'%s' is not in: %s", rows[i].words, error.text);
        assert_null(c.server);
    }
    assert_int_equal(config_parse(&c, "FILE", "a\0b", 3, &error), STATUS_MALFORMED);
}

static void test_any_change_of_a_pin_is_seen(void **state)
{
    struct config c = CONFIG_EMPTY;
    struct config_error error;
    char changed[PIN_TEXT_SIZE];
    (void)state;
    for (size_t i = 0; pin_line[i] != '\0'; i++) {
        strcpy(changed, pin_line);
        changed[i] = changed[i] == 'a' ? 'b' : 'a';
        assert_int_equal(config_set(&c, "exchange", changed, &error), STATUS_MALFORMED);
    }
    assert_null(c.exchange);
}

static void test_write_keeps_the_rest(void **state)
{
    struct config_error error;
    struct buffer text = BUFFER_EMPTY;
    (void)state;
    char *folder = scratch_make();
    char *file = paths_join(folder, "new/config");
    assert_int_equal(config_write(file, "server", "a:1", &error), STATUS_OK);
    assert_int_equal(config_write(file, "key", "/k", &error), STATUS_OK);
    free(file);
    file = scratch_file(folder, "config", "# mine\nserver = a:1\n\nkey = /k");
    assert_int_equal(config_write(file, "server", "b:2", &error), STATUS_OK);
    assert_int_equal(config_write(file, "exchange", pin_line, &error), STATUS_OK);
    assert_int_equal(paths_read(file, 4096, &text), STATUS_OK);
    buffer_append(&text, "", 1);
    char expected[1024];
    snprintf(expected, sizeof(expected), "# mine\nserver = b:2\n\nkey = /k\nexchange = %s\n",
             pin_line);
    assert_string_equal((const char *)text.data, expected);
    assert_int_equal(config_write(file, "sever", "b:2", &error), STATUS_NOT_FOUND);
    assert_int_equal(config_write(file, "key", "a\nserver = evil:1", &error), STATUS_MALFORMED);
    buffer_release(&text);
    free(file);
    scratch_remove(folder);
}

static void test_default_file(void **state)
{
    (void)state;
    setenv("BOURSE_CONFIG", "/some/where", 1);
    char *file = config_default_file();
    assert_string_equal(file, "/some/where");
    free(file);
    unsetenv("BOURSE_CONFIG");
    setenv("XDG_CONFIG_HOME", "/xdg", 1);
    file = config_default_file();
    assert_string_equal(file, "/xdg/bourse/config");
    free(file);
    setenv("XDG_CONFIG_HOME", "relative", 1); /* to be ignored, says the specification */
    setenv("HOME", "/home/somebody", 1);
    file = config_default_file();
    assert_string_equal(file, "/home/somebody/.config/bourse/config");
    free(file);
}

static void test_missing_file(void **state)
{
    struct config c;
    struct config_error error;
    (void)state;
    assert_int_equal(config_load(&c, "/nonexistent/config", &error), STATUS_NOT_FOUND);
    assert_non_null(strstr(error.text, "/nonexistent/config"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_errors_name_the_line),
        cmocka_unit_test(test_any_change_of_a_pin_is_seen),
        cmocka_unit_test(test_write_keeps_the_rest),
        cmocka_unit_test(test_default_file),
        cmocka_unit_test(test_missing_file),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, setup_group, NULL);
}
