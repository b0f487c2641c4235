/* The line that clients pin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <sodium.h>

#include "protocol/pin.h"
#include "protocol/status.h"

static struct pin pin_of(const char *origin)
{
    struct pin p = {.exchange_id = {1}, .root = {2}, .channel = {3}};
    snprintf(p.origin, sizeof(p.origin), "%s", origin);
    return p;
}

static void test_round_trip(void **state)
{
    (void)state;
    char longest[ORIGIN_MAX_BYTES + 1];
    memset(longest, 'o', ORIGIN_MAX_BYTES);
    longest[ORIGIN_MAX_BYTES] = '\0';
    const char *origins[] = {"example.org/bourse", "x", "host:7420/bourse", ":", "a:b:c", longest};
    for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
        struct pin p = pin_of(origins[i]), got;
        char text[PIN_TEXT_SIZE];
        assert_int_equal(pin_print(&p, text), 0);
        assert_memory_equal(text, "bourse-exchange:v1:", 19);
        assert_int_equal(strlen(text), 19 + strlen(origins[i]) + 1 + 134);
        assert_int_equal(pin_parse(text, &got), 0);
        assert_string_equal(got.origin, p.origin);
        assert_memory_equal(got.exchange_id, p.exchange_id, 32);
        assert_memory_equal(got.root, p.root, 32);
        assert_memory_equal(got.channel, p.channel, 32);
    }
}

static void test_origins(void **state)
{
    (void)state;
    const char *bad[] = {"", "a b", "a+b", "a\nb", "a\tb", "\x7f", "caf\xc3\xa9"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct pin p = pin_of(bad[i]);
        char text[PIN_TEXT_SIZE];
        assert_false(pin_origin_valid(bad[i]));
        assert_int_equal(pin_print(&p, text), STATUS_MALFORMED);
    }
    char longer[ORIGIN_MAX_BYTES + 2];
    memset(longer, 'o', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_false(pin_origin_valid(longer));
}

static void test_slips(void **state)
{
    (void)state;
    struct pin p = pin_of("example.org/bourse"), got;
    char text[PIN_TEXT_SIZE], bad[PIN_TEXT_SIZE + 300];
    assert_int_equal(pin_print(&p, text), 0);
    size_t length = strlen(text);
    for (size_t at = 0; at < length; at++) {
        strcpy(bad, text);
        bad[at] = '\0';
        assert_int_not_equal(pin_parse(bad, &got), 0);
        for (int c = 1; c < 256; c++) {
            bad[at] = (char)c;
            assert_int_equal(pin_parse(bad, &got) == 0, bad[at] == text[at]);
        }
    }
    snprintf(bad, sizeof(bad), "%s\n", text);
    assert_int_equal(pin_parse(bad, &got), STATUS_MALFORMED);
    snprintf(bad, sizeof(bad), " %s", text);
    assert_int_equal(pin_parse(bad, &got), STATUS_MALFORMED);
    snprintf(bad, sizeof(bad), "bourse-exchange:v2:%s", text + 19);
    assert_int_equal(pin_parse(bad, &got), STATUS_VERSION);
    assert_int_equal(pin_parse("bourse-exchange:v1:", &got), STATUS_MALFORMED);
    assert_int_equal(pin_parse("", &got), STATUS_MALFORMED);
    memset(bad, 'o', sizeof(bad));
    memcpy(bad, "bourse-exchange:v1:", 19);
    bad[sizeof(bad) - 1] = '\0';
    assert_int_equal(pin_parse(bad, &got), STATUS_MALFORMED);
    bad[sizeof(bad) - 2] = ':';
    assert_int_equal(pin_parse(bad, &got), STATUS_MALFORMED);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_origins),
        cmocka_unit_test(test_slips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
