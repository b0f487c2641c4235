/* Key derivation, signatures bound to a purpose and an exchange, sealed bytes, and the text form
 * of public keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <sodium.h>

#include "protocol/keys.h"
#include "protocol/status.h"

static struct keys keys_of(uint8_t first)
{
    uint8_t seed[32] = {first};
    struct keys k;
    keys_from_seed(&k, seed);
    return k;
}

static void test_derivation_is_as_documented(void **state)
{
    (void)state;
    uint8_t seed[32], derived[32], sign_public[32], sign_secret[64], channel_public[32];
    for (int i = 0; i < 32; i++)
        seed[i] = (uint8_t)i;
    struct keys k, again;
    keys_from_seed(&k, seed);
    keys_from_seed(&again, seed);
    assert_memory_equal(&k, &again, sizeof(k));
    crypto_auth_hmacsha256(derived, (const uint8_t *)"bourse/key/sign/v1", 18, seed);
    crypto_sign_seed_keypair(sign_public, sign_secret, derived);
    assert_memory_equal(k.sign_public, sign_public, 32);
    crypto_auth_hmacsha256(derived, (const uint8_t *)"bourse/key/channel/v1", 21, seed);
    crypto_scalarmult_base(channel_public, derived);
    assert_memory_equal(k.channel_public, channel_public, 32);
    assert_memory_equal(k.channel_secret, derived, 32);

    /* Whoever writes a client can test against these, computed with Python and
     * OpenSSL for the seed 00 01 ... 1f. */
    char hex[65];
    sodium_bin2hex(hex, sizeof(hex), k.sign_public, 32);
    assert_string_equal(hex, "6de3fa1131fbaf4816c333929f23e3b75c056bf5be7626d7af92ea1fc3e18003");
    sodium_bin2hex(hex, sizeof(hex), k.channel_public, 32);
    assert_string_equal(hex, "37d748751be3f79bcbdf8474d8b5fc7dbd2ad3f5768e3953af017490e5888247");

    keys_wipe(&k);
    assert_true(sodium_is_zero((const uint8_t *)&k, sizeof(k)));
}

static void test_signature_binds_everything(void **state)
{
    (void)state;
    struct keys k = keys_of(1), other = keys_of(2);
    uint8_t id[32] = {7}, id2[32] = {8}, sig[64], body[100];
    memset(body, 'b', sizeof(body));
    keys_sign(&k, "bourse/request/v1", id, body, sizeof(body), sig);
    assert_int_equal(keys_verify(k.sign_public, "bourse/request/v1", id, body, sizeof(body), sig),
                     0);
    assert_int_equal(
        keys_verify(other.sign_public, "bourse/request/v1", id, body, sizeof(body), sig),
        STATUS_FORGED);
    assert_int_equal(keys_verify(k.sign_public, "bourse/rekey/v1", id, body, sizeof(body), sig),
                     STATUS_FORGED);
    assert_int_equal(keys_verify(k.sign_public, "bourse/request/v1", id2, body, sizeof(body), sig),
                     STATUS_FORGED);
    assert_int_equal(
        keys_verify(k.sign_public, "bourse/request/v1", id, body, sizeof(body) - 1, sig),
        STATUS_FORGED);
    body[50] ^= 1;
    assert_int_equal(keys_verify(k.sign_public, "bourse/request/v1", id, body, sizeof(body), sig),
                     STATUS_FORGED);
    body[50] ^= 1;
    for (size_t bit = 0; bit < sizeof(sig) * 8; bit++) {
        sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(
            keys_verify(k.sign_public, "bourse/request/v1", id, body, sizeof(body), sig),
            STATUS_FORGED);
        sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    /* A key that is no point, or one of small order, signs nothing. */
    uint8_t zero[32] = {0};
    assert_int_equal(keys_verify(zero, "bourse/request/v1", id, body, sizeof(body), sig),
                     STATUS_FORGED);
    keys_sign(&k, "p", id, NULL, 0, sig);
    assert_int_equal(keys_verify(k.sign_public, "p", id, NULL, 0, sig), 0);
}

static void test_signed_text_is_as_documented(void **state)
{
    (void)state;
    struct keys k = keys_of(1);
    uint8_t id[32], sig[64], text[17 + 1 + 32 + 32];
    memset(id, 9, sizeof(id));
    keys_sign(&k, "bourse/request/v1", id, "body", 4, sig);
    memcpy(text, "bourse/request/v1", 18);
    memcpy(text + 18, id, 32);
    crypto_hash_sha256(text + 50, (const uint8_t *)"body", 4);
    assert_int_equal(crypto_sign_verify_detached(sig, text, sizeof(text), k.sign_public), 0);
}

static void test_seal_and_open(void **state)
{
    (void)state;
    struct keys k = keys_of(1), other = keys_of(2);
    uint8_t sealed[5 + KEYS_SEAL_BYTES], out[sizeof(sealed)];
    assert_int_equal(keys_seal(k.channel_public, "hello", 5, sealed), 0);
    assert_int_equal(keys_open(&k, sealed, sizeof(sealed), out), 0);
    assert_memory_equal(out, "hello", 5);
    assert_int_equal(keys_open(&other, sealed, sizeof(sealed), out), STATUS_FORGED);
    for (size_t cut = 0; cut < sizeof(sealed); cut++)
        assert_int_equal(keys_open(&k, sealed, cut, out),
                         cut < KEYS_SEAL_BYTES ? STATUS_MALFORMED : STATUS_FORGED);
    for (size_t at = 0; at < sizeof(sealed); at++) {
        sealed[at] ^= 1;
        assert_int_equal(keys_open(&k, sealed, sizeof(sealed), out), STATUS_FORGED);
        sealed[at] ^= 1;
    }
    uint8_t zero[32] = {0};
    assert_int_equal(keys_seal(zero, "hello", 5, sealed), STATUS_MALFORMED);
}

static void test_text_catches_every_slip(void **state)
{
    (void)state;
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ \n";
    struct keys k = keys_of(3);
    struct keys_public p, got;
    char text[KEYS_TEXT_BYTES + 1], bad[KEYS_TEXT_BYTES + 2];
    keys_get_public(&k, &p);
    keys_print(&p, text);
    assert_int_equal(strlen(text), KEYS_TEXT_BYTES);
    assert_memory_equal(text, "bourse-key:", 11);
    assert_int_equal(keys_parse(text, &got), 0);
    assert_memory_equal(&got, &p, sizeof(p));

    for (size_t at = 0; at < KEYS_TEXT_BYTES; at++) {
        memcpy(bad, text, sizeof(text));
        bad[at] = '\0'; /* truncated */
        assert_int_equal(keys_parse(bad, &got), STATUS_MALFORMED);
        for (const char *c = alphabet; *c != '\0'; c++) { /* one wrong letter */
            bad[at] = *c;
            assert_int_equal(keys_parse(bad, &got), *c == text[at] ? 0 : STATUS_MALFORMED);
        }
        if (at + 1 < KEYS_TEXT_BYTES && text[at] != text[at + 1]) { /* two in the wrong order */
            bad[at] = text[at + 1];
            bad[at + 1] = text[at];
            assert_int_equal(keys_parse(bad, &got), STATUS_MALFORMED);
        }
    }
    memcpy(bad, text, sizeof(text));
    strcat(bad, "A");
    assert_int_equal(keys_parse(bad, &got), STATUS_MALFORMED);
    assert_int_equal(keys_parse("", &got), STATUS_MALFORMED);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_derivation_is_as_documented),
        cmocka_unit_test(test_signature_binds_everything),
        cmocka_unit_test(test_signed_text_is_as_documented),
        cmocka_unit_test(test_seal_and_open),
        cmocka_unit_test(test_text_catches_every_slip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
