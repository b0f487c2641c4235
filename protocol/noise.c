#include "protocol/noise.h"

#include <assert.h>
#include <string.h>

#include <sodium.h>

#include "protocol/endian.h"
#include "protocol/status.h"

/* Exactly as long as a hash, so the specification takes the name itself as the first hash. */
static const char noise_protocol_name[] = "Noise_XK_25519_ChaChaPoly_SHA256";

static_assert(sizeof(noise_protocol_name) - 1 == NOISE_HASH_BYTES, "the name is hashed otherwise");
static_assert(crypto_scalarmult_BYTES == NOISE_KEY_BYTES, "X25519");
static_assert(crypto_aead_chacha20poly1305_ietf_KEYBYTES == NOISE_KEY_BYTES, "ChaChaPoly");
static_assert(crypto_aead_chacha20poly1305_ietf_ABYTES == NOISE_TAG_BYTES, "ChaChaPoly");
static_assert(crypto_hash_sha256_BYTES == NOISE_HASH_BYTES, "SHA256");

static void system_random(void *context, uint8_t *out, size_t length)
{
    (void)context;
    randombytes_buf(out, length);
}

static void mix_hash(struct noise *n, const void *data, size_t length)
{
    crypto_hash_sha256_state sha;
    crypto_hash_sha256_init(&sha);
    crypto_hash_sha256_update(&sha, n->hash, sizeof(n->hash));
    crypto_hash_sha256_update(&sha, data, length);
    crypto_hash_sha256_final(&sha, n->hash);
}

static void hmac(const uint8_t key[NOISE_HASH_BYTES], const void *data, size_t length, uint8_t last,
                 uint8_t out[NOISE_HASH_BYTES])
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key, NOISE_HASH_BYTES);
    crypto_auth_hmacsha256_update(&state, data, length);
    if (last != 0)
        crypto_auth_hmacsha256_update(&state, &last, 1);
    crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof(state));
}

/* HKDF with two outputs, as section 4.3 of the specification defines it. */
static void hkdf(const uint8_t chaining_key[NOISE_HASH_BYTES], const void *input,
                 size_t input_length, uint8_t first_out[NOISE_HASH_BYTES],
                 uint8_t second_out[NOISE_HASH_BYTES])
{
    uint8_t key[NOISE_HASH_BYTES];
    hmac(chaining_key, input, input_length, 0, key);
    hmac(key, NULL, 0, 1, first_out);
    hmac(key, first_out, NOISE_HASH_BYTES, 2, second_out);
    sodium_memzero(key, sizeof(key));
}

static int mix_dh(struct noise *n, const uint8_t secret[NOISE_KEY_BYTES],
                  const uint8_t public_key[NOISE_KEY_BYTES])
{
    uint8_t shared[NOISE_KEY_BYTES];
    int status = STATUS_OK;
    /* A peer with a point of small order would otherwise choose the secret for both. */
    if (crypto_scalarmult(shared, secret, public_key) != 0 ||
        sodium_is_zero(shared, sizeof(shared)) == 1) {
        status = STATUS_FORGED;
        goto out;
    }
    uint8_t next[NOISE_HASH_BYTES];
    hkdf(n->chaining_key, shared, sizeof(shared), next, n->handshake.key);
    memcpy(n->chaining_key, next, sizeof(next));
    n->handshake.nonce = 0;
    sodium_memzero(next, sizeof(next));
out:
    sodium_memzero(shared, sizeof(shared));
    return status;
}

static void nonce_bytes(uint64_t nonce, uint8_t out[crypto_aead_chacha20poly1305_ietf_NPUBBYTES])
{
    memset(out, 0, 4);
    put_u64_le(out + 4, nonce);
}

static int cipher_encrypt(struct noise_cipher *c, const uint8_t *ad, size_t ad_length,
                          const void *plaintext, size_t length, uint8_t *out)
{
    /* The specification reserves the last nonce for rekeying. */
    if (c->nonce == UINT64_MAX)
        return STATUS_LIMIT;
    uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];
    nonce_bytes(c->nonce, nonce);
    crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, plaintext, length, ad, ad_length, NULL,
                                              nonce, c->key);
    c->nonce++;
    return STATUS_OK;
}

static int cipher_decrypt(struct noise_cipher *c, const uint8_t *ad, size_t ad_length,
                          const uint8_t *message, size_t length, uint8_t *out)
{
    if (c->nonce == UINT64_MAX)
        return STATUS_LIMIT;
    uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];
    nonce_bytes(c->nonce, nonce);
    uint8_t none;
    if (crypto_aead_chacha20poly1305_ietf_decrypt(out != NULL ? out : &none, NULL, NULL, message,
                                                  length, ad, ad_length, nonce, c->key) != 0)
        return STATUS_FORGED;
    c->nonce++;
    return STATUS_OK;
}

static int encrypt_and_hash(struct noise *n, const void *plaintext, size_t length, uint8_t *out)
{
    int status = cipher_encrypt(&n->handshake, n->hash, sizeof(n->hash), plaintext, length, out);
    if (status == STATUS_OK)
        mix_hash(n, out, length + NOISE_TAG_BYTES);
    return status;
}

static int decrypt_and_hash(struct noise *n, const uint8_t *message, size_t length, uint8_t *out)
{
    /* Hash first: `out` may lie where the message does. */
    uint8_t before[NOISE_HASH_BYTES];
    memcpy(before, n->hash, sizeof(before));
    mix_hash(n, message, length);
    return cipher_decrypt(&n->handshake, before, sizeof(before), message, length, out);
}

static void init(struct noise *n, bool initiator, const uint8_t secret[NOISE_KEY_BYTES],
                 const void *prologue, size_t prologue_length, const struct noise_random *random)
{
    memset(n, 0, sizeof(*n));
    n->initiator = initiator;
    n->random = random != NULL ? *random : (struct noise_random){system_random, NULL};
    memcpy(n->static_secret, secret, NOISE_KEY_BYTES);
    crypto_scalarmult_base(n->static_public, n->static_secret);
    memcpy(n->hash, noise_protocol_name, sizeof(n->hash));
    memcpy(n->chaining_key, n->hash, sizeof(n->hash));
    mix_hash(n, prologue, prologue_length);
}

void noise_init_initiator(struct noise *n, const uint8_t secret[NOISE_KEY_BYTES],
                          const uint8_t responder_public[NOISE_KEY_BYTES], const void *prologue,
                          size_t prologue_length, const struct noise_random *random)
{
    init(n, true, secret, prologue, prologue_length, random);
    memcpy(n->remote_static, responder_public, NOISE_KEY_BYTES);
    mix_hash(n, n->remote_static, NOISE_KEY_BYTES);
}

void noise_init_responder(struct noise *n, const uint8_t secret[NOISE_KEY_BYTES],
                          const void *prologue, size_t prologue_length,
                          const struct noise_random *random)
{
    init(n, false, secret, prologue, prologue_length, random);
    mix_hash(n, n->static_public, NOISE_KEY_BYTES);
}

void noise_wipe(struct noise *n)
{
    sodium_memzero(n, sizeof(*n));
    n->status = STATUS_MISUSE;
}

size_t noise_handshake_overhead(const struct noise *n)
{
    size_t keyed = NOISE_KEY_BYTES + NOISE_TAG_BYTES;
    return n->messages < 2 ? keyed : keyed + NOISE_TAG_BYTES;
}

bool noise_handshake_writes(const struct noise *n)
{
    return n->messages < NOISE_HANDSHAKE_MESSAGES && n->initiator == (n->messages % 2 == 0);
}

bool noise_handshake_done(const struct noise *n)
{
    return n->status == STATUS_OK && n->messages == NOISE_HANDSHAKE_MESSAGES;
}

/* A handshake that failed must not go on: its keys are gone, only the reason stays. */
static int handshake_fail(struct noise *n, int status)
{
    sodium_memzero(n, sizeof(*n));
    n->status = status;
    return status;
}

static void split(struct noise *n)
{
    struct noise_cipher first = {.nonce = 0};
    struct noise_cipher second = {.nonce = 0};
    hkdf(n->chaining_key, NULL, 0, first.key, second.key);
    n->send = n->initiator ? first : second;
    n->receive = n->initiator ? second : first;
    sodium_memzero(&first, sizeof(first));
    sodium_memzero(&second, sizeof(second));
    /* Forward secrecy begins here: nothing left can open what was recorded. */
    sodium_memzero(n->chaining_key, sizeof(n->chaining_key));
    sodium_memzero(&n->handshake, sizeof(n->handshake));
    sodium_memzero(n->ephemeral_secret, sizeof(n->ephemeral_secret));
    sodium_memzero(n->static_secret, sizeof(n->static_secret));
}

/* The Diffie-Hellman of the message that is due, which is the same on both sides: es, ee, se. */
static int mix_message_dh(struct noise *n)
{
    switch (n->messages) {
    case 0:
        return n->initiator ? mix_dh(n, n->ephemeral_secret, n->remote_static)
                            : mix_dh(n, n->static_secret, n->remote_ephemeral);
    case 1:
        return mix_dh(n, n->ephemeral_secret, n->remote_ephemeral);
    default:
        return n->initiator ? mix_dh(n, n->static_secret, n->remote_ephemeral)
                            : mix_dh(n, n->ephemeral_secret, n->remote_static);
    }
}

static void finish_message(struct noise *n)
{
    n->messages++;
    if (n->messages == NOISE_HANDSHAKE_MESSAGES)
        split(n);
}

int noise_handshake_write(struct noise *n, const void *payload, size_t payload_length,
                          uint8_t *message_out)
{
    if (n->status != STATUS_OK)
        return n->status;
    if (!noise_handshake_writes(n))
        return STATUS_MISUSE;
    if (payload_length > NOISE_MESSAGE_BYTES_MAX - noise_handshake_overhead(n))
        return STATUS_LIMIT;

    uint8_t *at = message_out;
    int status = STATUS_OK;
    if (n->messages < 2) {
        n->random.fill(n->random.context, n->ephemeral_secret, NOISE_KEY_BYTES);
        crypto_scalarmult_base(n->ephemeral_public, n->ephemeral_secret);
        memcpy(at, n->ephemeral_public, NOISE_KEY_BYTES);
        mix_hash(n, at, NOISE_KEY_BYTES);
        at += NOISE_KEY_BYTES;
    } else {
        status = encrypt_and_hash(n, n->static_public, NOISE_KEY_BYTES, at);
        at += NOISE_KEY_BYTES + NOISE_TAG_BYTES;
    }
    if (status == STATUS_OK)
        status = mix_message_dh(n);
    if (status == STATUS_OK)
        status = encrypt_and_hash(n, payload, payload_length, at);
    if (status != STATUS_OK)
        return handshake_fail(n, status);
    finish_message(n);
    return STATUS_OK;
}

int noise_handshake_read(struct noise *n, const uint8_t *message, size_t length,
                         uint8_t *payload_out)
{
    if (n->status != STATUS_OK)
        return n->status;
    if (noise_handshake_writes(n) || n->messages == NOISE_HANDSHAKE_MESSAGES)
        return STATUS_MISUSE;
    if (length < noise_handshake_overhead(n) || length > NOISE_MESSAGE_BYTES_MAX)
        return handshake_fail(n, STATUS_MALFORMED);

    const uint8_t *at = message;
    int status = STATUS_OK;
    if (n->messages < 2) {
        memcpy(n->remote_ephemeral, at, NOISE_KEY_BYTES);
        mix_hash(n, at, NOISE_KEY_BYTES);
        at += NOISE_KEY_BYTES;
    } else {
        size_t sealed = NOISE_KEY_BYTES + NOISE_TAG_BYTES;
        status = decrypt_and_hash(n, at, sealed, n->remote_static);
        at += sealed;
    }
    if (status == STATUS_OK)
        status = mix_message_dh(n);
    if (status == STATUS_OK)
        status = decrypt_and_hash(n, at, length - (size_t)(at - message), payload_out);
    if (status != STATUS_OK)
        return handshake_fail(n, status);
    finish_message(n);
    return STATUS_OK;
}

int noise_encrypt(struct noise *n, const void *plaintext, size_t length, uint8_t *message_out)
{
    if (!noise_handshake_done(n))
        return STATUS_MISUSE;
    if (length > NOISE_PLAINTEXT_BYTES_MAX)
        return STATUS_LIMIT;
    return cipher_encrypt(&n->send, NULL, 0, plaintext, length, message_out);
}

int noise_decrypt(struct noise *n, const uint8_t *message, size_t length, uint8_t *plaintext_out)
{
    if (!noise_handshake_done(n))
        return STATUS_MISUSE;
    if (length < NOISE_TAG_BYTES || length > NOISE_MESSAGE_BYTES_MAX)
        return STATUS_MALFORMED;
    return cipher_decrypt(&n->receive, NULL, 0, message, length, plaintext_out);
}

const uint8_t *noise_remote_static(const struct noise *n)
{
    return n->remote_static;
}
