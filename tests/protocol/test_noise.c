/* Noise_XK_25519_ChaChaPoly_SHA256 against published vectors, and what must not be accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <sodium.h>

#include "protocol/noise.h"
#include "protocol/status.h"

enum { VECTOR_MESSAGES_MAX = 6, BYTES_MAX = 256 };

struct vector {
    const char *source;
    const char *prologue;
    const char *init_static;
    const char *init_ephemeral;
    const char *resp_static;
    const char *resp_ephemeral;
    struct {
        const char *payload;
        const char *message;
    } messages[VECTOR_MESSAGES_MAX];
};

static const struct vector vectors[] = {
    {
        .source = "cacophony, vectors/cacophony.txt",
        .prologue = "4a6f686e2047616c74",
        .init_static = "e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1",
        .init_ephemeral = "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a",
        .resp_static = "4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893",
        .resp_ephemeral = "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b",
        .messages =
            {{"4c756477696720766f6e204d69736573",
              "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944a3785af283c991bab613"
              "473804356ef6931f83acf64f99c274b93570857cfc5e"},
             {"4d757272617920526f746862617264",
              "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f1448088433a4534805fa9fe4eb834"
              "3ace6609160c767ad9b832e8eea1d9b7a2111818dd"},
             {"462e20412e20486179656b",
              "5d8e67b9c1b8e36f5dc674bc5cd2ce243fb5d1710fa57de0370da7cc979015398eaad94603b05498ba9a"
              "613d2fd923dcaa6fd4288dfd8d70f419bf737efb4cd37f5da37ebb728849318c82"},
             {"4361726c204d656e676572", "3205e1265f809505e6edc092839d3156745d2abafbfd946b261e41"},
             {"4a65616e2d426170746973746520536179",
              "470bcb1ae099555ff0d729500df550418d6ee5149d9e40bd2f4c6b3d263cc818d5"},
             {"457567656e2042f6686d20766f6e2042617765726b",
              "d7187ed9d217ba6e91cf596e4871012ccedf7b5bed0d4cb8f7affb020fa17a95a23371e0f6"}},
    },
    {
        .source = "flynn/noise, vectors.txt",
        .prologue = "",
        .init_static = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        .init_ephemeral = "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
        .resp_static = "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20",
        .resp_ephemeral = "4142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f60",
        .messages =
            {{"", "358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd1662549963aa4003cb0f60"
                  "f51f7f8b1c0e6a9c"},
             {"", "64b101b1d0be5a8704bd078f9895001fc03e8e9f9522f188dd128d9846d4846630166c893dafe95f"
                  "71d102a8ac640a52"},
             {"", "24a819b832ab7a11dd1464c2baf72f2c49e0665757911662ab11495a5fd4437e0abe01f5c07176e7"
                  "76e02716c4cb98a005ec4c884c4dc7500d2d9b99e9670ab3"},
             /* Here, unlike above, the initiator speaks first after the handshake. */
             {NULL, NULL},
             {"79656c6c6f777375626d6172696e65",
              "e8b0f2fc220f7edc287a91ba45c76f6da1327405789dc61e31a649f57d6d93"},
             {"7375626d6172696e6579656c6c6f77",
              "ed6901a7cd973e880242b047fc86da03b498e8ed8e9838d6f3d107420dfcd9"}},
    },
};

static size_t unhex(const char *text, uint8_t *out)
{
    size_t length = 0;
    assert_int_equal(sodium_hex2bin(out, BYTES_MAX, text, strlen(text), NULL, &length, NULL), 0);
    return length;
}

static void fill_fixed(void *context, uint8_t *out, size_t length)
{
    memcpy(out, context, length);
}

/* Two ends that can talk to each other; the keys are those of a vector. */
struct pair {
    struct noise ends[2]; /* initiator, responder */
    uint8_t ephemerals[2][32];
    uint8_t init_public[32];
};

static void pair_init(struct pair *p, const struct vector *v)
{
    uint8_t prologue[BYTES_MAX];
    uint8_t secret[BYTES_MAX];
    uint8_t responder[32];
    size_t prologue_length = unhex(v->prologue, prologue);
    uint8_t ephemeral[BYTES_MAX];
    unhex(v->init_ephemeral, ephemeral);
    memcpy(p->ephemerals[0], ephemeral, 32);
    unhex(v->resp_ephemeral, ephemeral);
    memcpy(p->ephemerals[1], ephemeral, 32);
    struct noise_random first = {fill_fixed, p->ephemerals[0]};
    struct noise_random second = {fill_fixed, p->ephemerals[1]};
    unhex(v->resp_static, secret);
    crypto_scalarmult_base(responder, secret);
    noise_init_responder(&p->ends[1], secret, prologue, prologue_length, &second);
    unhex(v->init_static, secret);
    crypto_scalarmult_base(p->init_public, secret);
    noise_init_initiator(&p->ends[0], secret, responder, prologue, prologue_length, &first);
}

/* Plays the first `count` handshake messages with empty payloads. */
static void pair_handshake(struct pair *p, int count)
{
    uint8_t message[BYTES_MAX];
    for (int i = 0; i < count; i++) {
        size_t length = noise_handshake_overhead(&p->ends[i % 2]);
        assert_true(noise_handshake_writes(&p->ends[i % 2]));
        assert_false(noise_handshake_writes(&p->ends[1 - i % 2]));
        assert_int_equal(noise_handshake_write(&p->ends[i % 2], NULL, 0, message), 0);
        assert_int_equal(noise_handshake_read(&p->ends[1 - i % 2], message, length, NULL), 0);
    }
}

static void test_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        const struct vector *v = &vectors[i];
        print_message("vector: %s\n", v->source);
        struct pair p;
        pair_init(&p, v);
        for (int m = 0; m < VECTOR_MESSAGES_MAX; m++) {
            if (v->messages[m].payload == NULL)
                continue;
            uint8_t payload[BYTES_MAX], expected[BYTES_MAX], message[BYTES_MAX], got[BYTES_MAX];
            size_t payload_length = unhex(v->messages[m].payload, payload);
            size_t length = unhex(v->messages[m].message, expected);
            struct noise *from = &p.ends[m % 2], *to = &p.ends[1 - m % 2];
            if (m < NOISE_HANDSHAKE_MESSAGES) {
                assert_int_equal(payload_length + noise_handshake_overhead(from), length);
                assert_int_equal(noise_handshake_write(from, payload, payload_length, message), 0);
                assert_memory_equal(message, expected, length);
                assert_int_equal(noise_handshake_read(to, message, length, got), 0);
            } else {
                assert_int_equal(noise_encrypt(from, payload, payload_length, message), 0);
                assert_memory_equal(message, expected, length);
                assert_int_equal(noise_decrypt(to, message, length, got), 0);
            }
            assert_memory_equal(got, payload, payload_length);
        }
        assert_true(noise_handshake_done(&p.ends[0]));
        assert_true(noise_handshake_done(&p.ends[1]));
        assert_memory_equal(noise_remote_static(&p.ends[1]), p.init_public, 32);
    }
}

static void test_every_changed_handshake_byte_is_noticed(void **state)
{
    (void)state;
    for (int m = 0; m < NOISE_HANDSHAKE_MESSAGES; m++) {
        struct pair p;
        pair_init(&p, &vectors[1]);
        pair_handshake(&p, m);
        uint8_t message[BYTES_MAX];
        size_t length = noise_handshake_overhead(&p.ends[m % 2]);
        assert_int_equal(noise_handshake_write(&p.ends[m % 2], NULL, 0, message), 0);
        for (size_t at = 0; at < length; at++) {
            struct noise reader = p.ends[1 - m % 2];
            message[at] ^= 0x40;
            assert_int_equal(noise_handshake_read(&reader, message, length, NULL), STATUS_FORGED);
            message[at] ^= 0x40;
            /* It stays failed, and holds nothing any more. */
            assert_int_equal(noise_handshake_read(&reader, message, length, NULL), STATUS_FORGED);
            assert_true(sodium_is_zero(reader.static_secret, 32));
            assert_true(sodium_is_zero(reader.chaining_key, 32));
        }
        for (size_t cut = 0; cut < length; cut++) {
            struct noise reader = p.ends[1 - m % 2];
            assert_int_equal(noise_handshake_read(&reader, message, cut, NULL), STATUS_MALFORMED);
        }
        struct noise reader = p.ends[1 - m % 2];
        assert_int_equal(noise_handshake_read(&reader, message, length, NULL), 0);
    }
}

static void test_wrong_keys_and_prologue(void **state)
{
    (void)state;
    uint8_t secrets[2][32], publics[2][32], message[BYTES_MAX];
    for (int i = 0; i < 2; i++) {
        randombytes_buf(secrets[i], 32);
        crypto_scalarmult_base(publics[i], secrets[i]);
    }
    struct noise a, b;
    /* The initiator expects another responder. */
    noise_init_initiator(&a, secrets[0], publics[0], "x", 1, NULL);
    noise_init_responder(&b, secrets[1], "x", 1, NULL);
    assert_int_equal(noise_handshake_write(&a, NULL, 0, message), 0);
    assert_int_equal(noise_handshake_read(&b, message, 48, NULL), STATUS_FORGED);
    /* The two saw different prologues. */
    noise_init_initiator(&a, secrets[0], publics[1], "x", 1, NULL);
    noise_init_responder(&b, secrets[1], "y", 1, NULL);
    assert_int_equal(noise_handshake_write(&a, NULL, 0, message), 0);
    assert_int_equal(noise_handshake_read(&b, message, 48, NULL), STATUS_FORGED);
    /* Points of small order give an all-zero secret, as a pinned key and as an ephemeral one. */
    uint8_t zero[32] = {0}, one[32] = {1};
    noise_init_initiator(&a, secrets[0], zero, "x", 1, NULL);
    assert_int_equal(noise_handshake_write(&a, NULL, 0, message), STATUS_FORGED);
    noise_init_initiator(&a, secrets[0], one, "x", 1, NULL);
    assert_int_equal(noise_handshake_write(&a, NULL, 0, message), STATUS_FORGED);
    noise_init_responder(&b, secrets[1], "x", 1, NULL);
    memset(message, 0, sizeof(message));
    assert_int_equal(noise_handshake_read(&b, message, 48, NULL), STATUS_FORGED);
}

static void test_turns(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, &vectors[0]);
    uint8_t message[BYTES_MAX] = {0};
    assert_int_equal(noise_handshake_write(&p.ends[1], NULL, 0, message), STATUS_MISUSE);
    assert_int_equal(noise_handshake_read(&p.ends[0], message, 48, NULL), STATUS_MISUSE);
    assert_int_equal(noise_encrypt(&p.ends[0], "x", 1, message), STATUS_MISUSE);
    assert_int_equal(noise_decrypt(&p.ends[0], message, 20, message), STATUS_MISUSE);
    assert_int_equal(noise_handshake_write(&p.ends[0], message, NOISE_MESSAGE_BYTES_MAX, message),
                     STATUS_LIMIT);
    /* None of that changed anything. */
    pair_handshake(&p, 3);
    assert_int_equal(noise_handshake_write(&p.ends[0], NULL, 0, message), STATUS_MISUSE);
    assert_int_equal(noise_handshake_read(&p.ends[1], message, 64, NULL), STATUS_MISUSE);
    assert_true(noise_handshake_done(&p.ends[0]));
}

static void test_transport_refusals(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, &vectors[0]);
    pair_handshake(&p, 3);
    uint8_t first[21], second[21], out[64];
    assert_int_equal(noise_encrypt(&p.ends[0], "first", 5, first), 0);
    assert_int_equal(noise_encrypt(&p.ends[0], "later", 5, second), 0);
    assert_int_equal(noise_decrypt(&p.ends[1], second, 21, out), STATUS_FORGED); /* reordered */
    assert_int_equal(noise_decrypt(&p.ends[0], first, 21, out), STATUS_FORGED);  /* reflected */
    for (size_t at = 0; at < sizeof(first); at++) {
        first[at] ^= 1;
        assert_int_equal(noise_decrypt(&p.ends[1], first, 21, out), STATUS_FORGED);
        first[at] ^= 1;
    }
    for (size_t cut = 0; cut < sizeof(first); cut++)
        assert_int_equal(noise_decrypt(&p.ends[1], first, cut, out),
                         cut < NOISE_TAG_BYTES ? STATUS_MALFORMED : STATUS_FORGED);
    assert_int_equal(noise_decrypt(&p.ends[1], first, 21, first), 0); /* in place */
    assert_memory_equal(first, "first", 5);
    assert_int_equal(noise_decrypt(&p.ends[1], second, 21, out), 0);
    assert_int_equal(noise_decrypt(&p.ends[1], second, 21, out), STATUS_FORGED); /* replayed */
}

static void test_largest_message_and_last_nonce(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, &vectors[0]);
    pair_handshake(&p, 3);
    static uint8_t plaintext[NOISE_PLAINTEXT_BYTES_MAX + 1], message[NOISE_MESSAGE_BYTES_MAX + 1];
    memset(plaintext, 7, sizeof(plaintext));
    assert_int_equal(noise_encrypt(&p.ends[0], plaintext, sizeof(plaintext), message),
                     STATUS_LIMIT);
    assert_int_equal(noise_encrypt(&p.ends[0], plaintext, sizeof(plaintext) - 1, message), 0);
    assert_int_equal(noise_decrypt(&p.ends[1], message, sizeof(message), message),
                     STATUS_MALFORMED);
    assert_int_equal(noise_decrypt(&p.ends[1], message, NOISE_MESSAGE_BYTES_MAX, message), 0);
    assert_memory_equal(message, plaintext, NOISE_PLAINTEXT_BYTES_MAX);

    p.ends[0].send.nonce = p.ends[1].receive.nonce = UINT64_MAX - 1;
    assert_int_equal(noise_encrypt(&p.ends[0], "last", 4, message), 0);
    assert_int_equal(noise_decrypt(&p.ends[1], message, 20, message), 0);
    assert_int_equal(noise_encrypt(&p.ends[0], "over", 4, message), STATUS_LIMIT);
    assert_int_equal(noise_decrypt(&p.ends[1], message, 20, message), STATUS_LIMIT);
}

static void test_secrets_go(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, &vectors[0]);
    pair_handshake(&p, 3);
    for (int i = 0; i < 2; i++) {
        assert_true(sodium_is_zero(p.ends[i].static_secret, 32));
        assert_true(sodium_is_zero(p.ends[i].ephemeral_secret, 32));
        assert_true(sodium_is_zero(p.ends[i].chaining_key, 32));
        assert_false(sodium_is_zero(p.ends[i].send.key, 32));
        noise_wipe(&p.ends[i]);
        assert_true(sodium_is_zero(p.ends[i].send.key, 32));
        assert_int_equal(noise_encrypt(&p.ends[i], "x", 1, (uint8_t[17]){0}), STATUS_MISUSE);
    }
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_every_changed_handshake_byte_is_noticed),
        cmocka_unit_test(test_wrong_keys_and_prologue),
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_transport_refusals),
        cmocka_unit_test(test_largest_message_and_last_nonce),
        cmocka_unit_test(test_secrets_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
