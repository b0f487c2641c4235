#include "protocol/keys.h"

#include <assert.h>
#include <string.h>

#include <sodium.h>

#include "protocol/checked_text.h"
#include "protocol/sha256.h"
#include "protocol/status.h"

static const char text_prefix[] = "bourse-key:";

static_assert(crypto_box_SEALBYTES == KEYS_SEAL_BYTES, "libsodium's sealed boxes");
static_assert(crypto_sign_SECRETKEYBYTES == sizeof(((struct keys *)0)->sign_secret), "Ed25519");
static_assert(KEYS_TEXT_BYTES == sizeof(text_prefix) - 1 + CHECKED_TEXT_LENGTH(64), "text form");

static void derive(const uint8_t seed[KEYS_SEED_BYTES], const char *label, uint8_t out[32])
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, seed, KEYS_SEED_BYTES);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)label, strlen(label));
    crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof(state));
}

void keys_from_seed(struct keys *k, const uint8_t seed[KEYS_SEED_BYTES])
{
    uint8_t sign_seed[crypto_sign_SEEDBYTES];
    derive(seed, "bourse/key/sign/v1", sign_seed);
    crypto_sign_seed_keypair(k->sign_public, k->sign_secret, sign_seed);
    sodium_memzero(sign_seed, sizeof(sign_seed));
    derive(seed, "bourse/key/channel/v1", k->channel_secret);
    crypto_scalarmult_base(k->channel_public, k->channel_secret);
}

void keys_wipe(struct keys *k)
{
    sodium_memzero(k, sizeof(*k));
}

void keys_get_public(const struct keys *k, struct keys_public *public_out)
{
    memcpy(public_out->sign, k->sign_public, sizeof(public_out->sign));
    memcpy(public_out->channel, k->channel_public, sizeof(public_out->channel));
}

/* What is signed: the body enters by its hash, so that it is read once and never copied. */
struct signed_text {
    uint8_t bytes[KEYS_PURPOSE_BYTES_MAX + 1 + KEYS_EXCHANGE_ID_BYTES + SHA256_SIZE];
    size_t length;
};

static void signed_text_make(struct signed_text *t, const char *purpose,
                             const uint8_t exchange_id[KEYS_EXCHANGE_ID_BYTES], const void *body,
                             size_t length)
{
    size_t purpose_length = strlen(purpose);
    assert(purpose_length > 0 && purpose_length <= KEYS_PURPOSE_BYTES_MAX);
    uint8_t *at = t->bytes;
    memcpy(at, purpose, purpose_length + 1);
    at += purpose_length + 1;
    memcpy(at, exchange_id, KEYS_EXCHANGE_ID_BYTES);
    at += KEYS_EXCHANGE_ID_BYTES;
    sha256(body, length, at);
    at += SHA256_SIZE;
    t->length = (size_t)(at - t->bytes);
}

void keys_sign(const struct keys *k, const char *purpose,
               const uint8_t exchange_id[KEYS_EXCHANGE_ID_BYTES], const void *body, size_t length,
               uint8_t signature_out[KEYS_SIGNATURE_BYTES])
{
    struct signed_text t;
    signed_text_make(&t, purpose, exchange_id, body, length);
    crypto_sign_detached(signature_out, NULL, t.bytes, t.length, k->sign_secret);
}

int keys_verify(const uint8_t sign_public[KEYS_PUBLIC_BYTES], const char *purpose,
                const uint8_t exchange_id[KEYS_EXCHANGE_ID_BYTES], const void *body, size_t length,
                const uint8_t signature[KEYS_SIGNATURE_BYTES])
{
    struct signed_text t;
    signed_text_make(&t, purpose, exchange_id, body, length);
    if (crypto_sign_verify_detached(signature, t.bytes, t.length, sign_public) != 0)
        return STATUS_FORGED;
    return STATUS_OK;
}

int keys_seal(const uint8_t channel_public[KEYS_PUBLIC_BYTES], const void *plaintext, size_t length,
              uint8_t *sealed_out)
{
    if (crypto_box_seal(sealed_out, plaintext, length, channel_public) != 0)
        return STATUS_MALFORMED;
    return STATUS_OK;
}

int keys_open(const struct keys *k, const uint8_t *sealed, size_t length, uint8_t *plaintext_out)
{
    if (length < KEYS_SEAL_BYTES)
        return STATUS_MALFORMED;
    if (crypto_box_seal_open(plaintext_out, sealed, length, k->channel_public, k->channel_secret) !=
        0)
        return STATUS_FORGED;
    return STATUS_OK;
}

void keys_print(const struct keys_public *p, char text_out[KEYS_TEXT_BYTES + 1])
{
    uint8_t bytes[64];
    memcpy(bytes, p->sign, 32);
    memcpy(bytes + 32, p->channel, 32);
    checked_text_print(text_prefix, bytes, sizeof(bytes), text_out);
}

int keys_parse(const char *text, struct keys_public *public_out)
{
    uint8_t bytes[64];
    int status = checked_text_parse(text_prefix, text, strlen(text), bytes, sizeof(bytes));
    if (status != STATUS_OK)
        return status;
    memcpy(public_out->sign, bytes, 32);
    memcpy(public_out->channel, bytes + 32, 32);
    return STATUS_OK;
}
