/* The line of a gift: it comes back as it was written, and no slip of the hand passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <sodium.h>

#include "client/claim.h"
#include "protocol/endian.h"
#include "protocol/status.h"
#include "tests/client/fake_log.h"

static struct claim example;
static char line[CLAIM_TEXT_SIZE];

static int setup_group(void **state)
{
    struct fake_log log;
    (void)state;
    fake_log_init(&log, 3, 1);
    example.gift = 17;
    memset(example.seed, 0xa5, sizeof(example.seed));
    strcpy(example.server, "exchange.example.org:7420");
    example.pin = log.pin;
    return claim_print(&example, line);
}

static void test_round_trip(void **state)
{
    static const uint64_t gifts[] = {1, 17, 255, 65536, SERIAL_MAX};
    struct claim got;
    char text[CLAIM_TEXT_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof(gifts) / sizeof(gifts[0]); i++) {
        struct claim c = example;
        c.gift = gifts[i];
        assert_int_equal(claim_print(&c, text), STATUS_OK);
        assert_int_equal(claim_parse(text, strlen(text), &got), STATUS_OK);
        assert_true(got.gift == gifts[i]);
        assert_memory_equal(got.seed, c.seed, sizeof(c.seed));
        assert_string_equal(got.server, c.server);
        assert_memory_equal(got.pin.exchange_id, c.pin.exchange_id, 32);
        assert_memory_equal(got.pin.root, c.pin.root, 32);
    }
}

static void test_white_space_around_it(void **state)
{
    struct claim got;
    char text[CLAIM_TEXT_SIZE + 16];
    (void)state;
    snprintf(text, sizeof(text), " \t%s\r\n\n", line);
    assert_int_equal(claim_parse(text, strlen(text), &got), STATUS_OK);
    assert_true(got.gift == 17);
}

static void test_longest(void **state)
{
    struct claim c = example;
    struct claim got;
    char text[CLAIM_TEXT_SIZE];
    (void)state;
    memset(c.server, 's', sizeof(c.server) - 1);
    c.server[sizeof(c.server) - 1] = '\0';
    memset(c.pin.origin, 'o', ORIGIN_MAX_BYTES);
    c.pin.origin[ORIGIN_MAX_BYTES] = '\0';
    assert_int_equal(claim_print(&c, text), STATUS_OK);
    assert_true(strlen(text) < CLAIM_TEXT_SIZE);
    assert_int_equal(claim_parse(text, strlen(text), &got), STATUS_OK);
    assert_string_equal(got.pin.origin, c.pin.origin);
}

static void expect_refused(const char *text, size_t length)
{
    struct claim got;
    uint8_t nothing[sizeof(got)] = {0};
    assert_int_not_equal(claim_parse(text, length, &got), STATUS_OK);
    assert_memory_equal(&got, nothing, sizeof(got));
}

static void test_every_bit_counts(void **state)
{
    char text[CLAIM_TEXT_SIZE];
    size_t length = strlen(line);
    (void)state;
    for (size_t i = 0; i < length; i++) {
        for (int bit = 0; bit < 8; bit++) {
            memcpy(text, line, length);
            text[i] = (char)(text[i] ^ (1 << bit));
            expect_refused(text, length);
        }
    }
}

static void test_every_truncation(void **state)
{
    (void)state;
    for (size_t i = 0; i < strlen(line); i++)
        expect_refused(line, i);
}

static void test_other_versions(void **state)
{
    struct claim got;
    static const char text[] = "bourse-gift:v2:AAAAAAAAAAAAAAAAAAAAAAAAAAAA server pin";
    (void)state;
    assert_int_equal(claim_parse(text, strlen(text), &got), STATUS_VERSION);
}

static void test_unusable_servers(void **state)
{
    struct claim c = example;
    char text[CLAIM_TEXT_SIZE];
    (void)state;
    strcpy(c.server, "a b:1");
    assert_int_equal(claim_print(&c, text), STATUS_MALFORMED);
    strcpy(c.server, "");
    assert_int_equal(claim_print(&c, text), STATUS_MALFORMED);
    strcpy(c.server, "-");
    assert_int_equal(claim_print(&c, text), STATUS_OK);
}

static void test_proof(void **state)
{
    struct keys keys;
    uint8_t body[8 + 32 + 32];
    uint8_t proof[64];
    uint8_t sign_key[32];
    uint8_t channel_key[32];
    (void)state;
    memset(sign_key, 1, 32);
    memset(channel_key, 2, 32);
    claim_prove(&example, sign_key, channel_key, proof);
    put_u64_be(body, example.gift);
    memcpy(body + 8, sign_key, 32);
    memcpy(body + 40, channel_key, 32);
    keys_from_seed(&keys, example.seed);
    assert_int_equal(keys_verify(keys.sign_public, PURPOSE_CLAIM, example.pin.exchange_id, body,
                                 sizeof(body), proof),
                     STATUS_OK);
    body[8] ^= 1; /* for nobody else */
    assert_int_equal(keys_verify(keys.sign_public, PURPOSE_CLAIM, example.pin.exchange_id, body,
                                 sizeof(body), proof),
                     STATUS_FORGED);
    keys_wipe(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),       cmocka_unit_test(test_white_space_around_it),
        cmocka_unit_test(test_longest),          cmocka_unit_test(test_every_bit_counts),
        cmocka_unit_test(test_every_truncation), cmocka_unit_test(test_other_versions),
        cmocka_unit_test(test_unusable_servers), cmocka_unit_test(test_proof),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, setup_group, NULL);
}
