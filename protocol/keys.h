/*
 * A user's keys. One seed of 32 random bytes gives both pairs, so that one small secret is kept:
 *
 *   signing seed    = HMAC-SHA256(key = seed, "bourse/key/sign/v1")     -> Ed25519 (RFC 8032)
 *   channel secret  = HMAC-SHA256(key = seed, "bourse/key/channel/v1")  -> X25519 (RFC 7748)
 *
 * (HMAC-SHA256, because whoever writes a client has it already for the Noise channel.)
 *
 * What a signature covers is of fixed size, whatever the body:
 *
 *   signature = Ed25519(purpose || 0x00 || exchange id (32 bytes) || SHA-256(body) (32 bytes))
 *
 * The purpose is ASCII without 0x00, such as "bourse/request/v1"; it keeps a signature made for one
 * use from being shown for another, the exchange id one made for one exchange from being shown to
 * another.
 *
 * sodium_init() must have been called. Everything here may be called from any thread.
 */
#ifndef BOURSE_PROTOCOL_KEYS_H
#define BOURSE_PROTOCOL_KEYS_H

#include <stddef.h>
#include <stdint.h>

enum {
    KEYS_SEED_BYTES = 32,
    KEYS_PUBLIC_BYTES = 32, /* of either kind */
    KEYS_SIGNATURE_BYTES = 64,
    KEYS_EXCHANGE_ID_BYTES = 32,
    KEYS_PURPOSE_BYTES_MAX = 64,
    KEYS_SEAL_BYTES = 48, /* what sealing adds */
    /* "bourse-key:" and 68 bytes in base64url, without the terminating NUL. */
    KEYS_TEXT_BYTES = 11 + 91,
};

/* Holds secrets: end with keys_wipe(). */
struct keys {
    uint8_t sign_public[32];
    uint8_t sign_secret[64]; /* seed and public key, as libsodium keeps it */
    uint8_t channel_public[32];
    uint8_t channel_secret[32];
};

/* What the world may know of a struct keys. */
struct keys_public {
    uint8_t sign[32];
    uint8_t channel[32];
};

/* Derives both pairs; the same seed always gives the same keys. */
void keys_from_seed(struct keys *k, const uint8_t seed[KEYS_SEED_BYTES]);
void keys_wipe(struct keys *k);
void keys_get_public(const struct keys *k, struct keys_public *public_out);

/* Signs a body, see above. `purpose` is our own constant of 1 to KEYS_PURPOSE_BYTES_MAX bytes. */
void keys_sign(const struct keys *k, const char *purpose,
               const uint8_t exchange_id[KEYS_EXCHANGE_ID_BYTES], const void *body, size_t length,
               uint8_t signature_out[KEYS_SIGNATURE_BYTES]);

/* 0, or STATUS_FORGED when the signature is not the key's over exactly these. */
int keys_verify(const uint8_t sign_public[KEYS_PUBLIC_BYTES], const char *purpose,
                const uint8_t exchange_id[KEYS_EXCHANGE_ID_BYTES], const void *body, size_t length,
                const uint8_t signature[KEYS_SIGNATURE_BYTES]);

/*
 * Seals bytes so that only the holder of the channel secret can read them; nobody learns who sealed
 * them (libsodium's crypto_box_seal: X25519, BLAKE2b nonce, XSalsa20-Poly1305). Writes
 * length + KEYS_SEAL_BYTES bytes.
 * Errors: STATUS_MALFORMED when the public key is a point of small order.
 */
int keys_seal(const uint8_t channel_public[KEYS_PUBLIC_BYTES], const void *plaintext, size_t length,
              uint8_t *sealed_out);

/*
 * Opens what keys_seal() made for this pair; writes length - KEYS_SEAL_BYTES bytes.
 * Errors: STATUS_MALFORMED when too short, STATUS_FORGED when it was sealed to another key or
 * changed (the output then holds nothing of it).
 */
int keys_open(const struct keys *k, const uint8_t *sealed, size_t length, uint8_t *plaintext_out);

/*
 * The two public keys as one word that people can copy: "bourse-key:" and the base64url (RFC 4648
 * section 5, no padding) of sign || channel || checksum (checked_text.h), which catches typing
 * errors but proves nothing. Prints KEYS_TEXT_BYTES characters and a NUL.
 */
void keys_print(const struct keys_public *p, char text_out[KEYS_TEXT_BYTES + 1]);

/* Reads exactly what keys_print() writes. Errors: STATUS_MALFORMED, a wrong checksum included. */
int keys_parse(const char *text, struct keys_public *public_out);

#endif
