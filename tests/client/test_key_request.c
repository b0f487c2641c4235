/* The line that asks for a further key: it comes back as it was written, no slip of the hand
 * passes, and its proof is worth nothing for another account or exchange. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <sodium.h>

#include "client/key_request.h"
#include "protocol/status.h"

static const uint8_t exchange_id[32] = {1, 2, 3};
static struct key_request example;
static char line[KEY_REQUEST_TEXT_SIZE];

static int setup_group(void **state)
{
    static const uint8_t seed[KEYS_SEED_BYTES] = {9};
    struct keys keys;
    (void)state;
    if (sodium_init() < 0)
        return -1;
    keys_from_seed(&keys, seed);
    key_request_make(&example, &keys, 7, exchange_id);
    key_request_print(&example, line);
    keys_wipe(&keys);
    return 0;
}

static void test_round_trip(void **state)
{
    struct key_request got;
    char text[KEY_REQUEST_TEXT_SIZE + 16];
    (void)state;
    assert_int_equal(strlen(line), KEY_REQUEST_TEXT_SIZE - 1);
    snprintf(text, sizeof(text), " \t%s\r\n", line);
    assert_int_equal(key_request_parse(text, strlen(text), &got), STATUS_OK);
    assert_int_equal(got.account, 7);
    assert_memory_equal(&got.keys, &example.keys, sizeof(got.keys));
    assert_memory_equal(got.proof, example.proof, sizeof(got.proof));
    assert_int_equal(key_request_verify(&got, exchange_id), STATUS_OK);
}

static void test_no_slip_passes(void **state)
{
    struct key_request got;
    char text[KEY_REQUEST_TEXT_SIZE];
    (void)state;
    for (size_t length = 0; length < strlen(line); length++)
        assert_int_not_equal(key_request_parse(line, length, &got), STATUS_OK);
    for (size_t i = 0; i < strlen(line); i++) {
        memcpy(text, line, sizeof(text));
        text[i] = text[i] == 'A' ? 'B' : 'A';
        assert_int_not_equal(key_request_parse(text, strlen(text), &got), STATUS_OK);
    }
    assert_int_equal(key_request_parse("bourse-key-request:v2:AAAA", 26, &got), STATUS_VERSION);
    assert_int_equal(key_request_parse("bourse-key:AAAA", 15, &got), STATUS_MALFORMED);
    assert_int_equal(key_request_parse("", 0, &got), STATUS_MALFORMED);
}

static void test_proof_is_bound(void **state)
{
    static const uint8_t other_id[32] = {1, 2, 4};
    struct key_request r = example;
    (void)state;
    assert_int_equal(key_request_verify(&r, other_id), STATUS_FORGED);
    r.account = 8;
    assert_int_equal(key_request_verify(&r, exchange_id), STATUS_FORGED);
    r = example;
    r.keys.channel[0] ^= 1;
    assert_int_equal(key_request_verify(&r, exchange_id), STATUS_FORGED);
    r = example;
    r.keys.sign[0] ^= 1;
    assert_int_equal(key_request_verify(&r, exchange_id), STATUS_FORGED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_no_slip_passes),
        cmocka_unit_test(test_proof_is_bound),
    };
    return cmocka_run_group_tests(tests, setup_group, NULL);
}
