/*
 * Noise_XK_25519_ChaChaPoly_SHA256 by revision 34 of the Noise specification
 * (https://noiseprotocol.org/noise.html): the initiator knows the responder's static key before it
 * starts, the responder learns the initiator's in the third message.
 *
 *     <- s (known before)      -> e, es      <- e, ee      -> s, se
 *
 * A struct noise is one end of one conversation, first of the handshake and then of the transport.
 * It does no input or output. Not thread safe: one thread at a time.
 */
#ifndef BOURSE_PROTOCOL_NOISE_H
#define BOURSE_PROTOCOL_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    NOISE_KEY_BYTES = 32,
    NOISE_HASH_BYTES = 32,
    NOISE_TAG_BYTES = 16,
    NOISE_MESSAGE_BYTES_MAX = 65535,
    NOISE_PLAINTEXT_BYTES_MAX = NOISE_MESSAGE_BYTES_MAX - NOISE_TAG_BYTES,
    NOISE_HANDSHAKE_MESSAGES = 3,
};

/*
 * Where ephemeral secrets come from. `fill` writes `length` unpredictable bytes and cannot fail.
 * Anything but the system's randomness is for published test vectors and for simulation.
 */
struct noise_random {
    void (*fill)(void *context, uint8_t *out, size_t length);
    void *context;
};

/* One direction's key and the number of messages it has protected. */
struct noise_cipher {
    uint8_t key[NOISE_KEY_BYTES];
    uint64_t nonce;
};

/* Members are for noise.c; callers use the functions. Holds secrets: end with noise_wipe(). */
struct noise {
    bool initiator;
    int messages; /* handshake messages done, 0 to NOISE_HANDSHAKE_MESSAGES */
    int status;   /* 0, or what ended the handshake */
    struct noise_random random;
    uint8_t chaining_key[NOISE_HASH_BYTES];
    uint8_t hash[NOISE_HASH_BYTES];
    struct noise_cipher handshake;
    struct noise_cipher send;
    struct noise_cipher receive;
    uint8_t static_secret[NOISE_KEY_BYTES];
    uint8_t static_public[NOISE_KEY_BYTES];
    uint8_t ephemeral_secret[NOISE_KEY_BYTES];
    uint8_t ephemeral_public[NOISE_KEY_BYTES];
    uint8_t remote_static[NOISE_KEY_BYTES];
    uint8_t remote_ephemeral[NOISE_KEY_BYTES];
};

/*
 * Starts an end. Both ends must give the same prologue. Everything is copied. `random` may be NULL
 * for the system's. The secret is an X25519 scalar; its public key is computed from it.
 */
void noise_init_initiator(struct noise *n, const uint8_t secret[NOISE_KEY_BYTES],
                          const uint8_t responder_public[NOISE_KEY_BYTES], const void *prologue,
                          size_t prologue_length, const struct noise_random *random);
void noise_init_responder(struct noise *n, const uint8_t secret[NOISE_KEY_BYTES],
                          const void *prologue, size_t prologue_length,
                          const struct noise_random *random);

/* Overwrites every secret; the struct is then unusable until it is initialized again. */
void noise_wipe(struct noise *n);

/* Bytes that the handshake message which is due next adds to its payload: 48, 48, then 64. */
size_t noise_handshake_overhead(const struct noise *n);

/* Whether the next handshake message is this end's to write. False once the handshake is done. */
bool noise_handshake_writes(const struct noise *n);

/* Whether all three messages are done and transport messages can be exchanged. */
bool noise_handshake_done(const struct noise *n);

/*
 * Writes the next handshake message, payload_length + noise_handshake_overhead() bytes, to
 * `message_out`. The payload of the first message can be read by whoever learns the responder's
 * secret later, and be replayed.
 * Errors: STATUS_MISUSE when the turn is the peer's or the handshake is done (state unchanged),
 * STATUS_LIMIT when the message would be too long (state unchanged), STATUS_FORGED when a
 * Diffie-Hellman result is all zero (final: every later call returns it).
 */
int noise_handshake_write(struct noise *n, const void *payload, size_t payload_length,
                          uint8_t *message_out);

/*
 * Reads the peer's next handshake message and writes its payload, length -
 * noise_handshake_overhead() bytes, to `payload_out` (may be NULL if that is 0).
 * Errors: STATUS_MISUSE as above; STATUS_MALFORMED when it is too short or too long, STATUS_FORGED
 * when it does not authenticate or brings an all-zero Diffie-Hellman result. Both are final.
 */
int noise_handshake_read(struct noise *n, const uint8_t *message, size_t length,
                         uint8_t *payload_out);

/*
 * Protects up to NOISE_PLAINTEXT_BYTES_MAX bytes; writes length + NOISE_TAG_BYTES bytes to
 * `message_out`, which may be the same address as `plaintext`.
 * Errors: STATUS_MISUSE before the handshake is done, STATUS_LIMIT when the plaintext is too long
 * or the direction has used up its 2^64 - 1 nonces.
 */
int noise_encrypt(struct noise *n, const void *plaintext, size_t length, uint8_t *message_out);

/*
 * Opens the peer's next transport message; writes length - NOISE_TAG_BYTES bytes to
 * `plaintext_out`, which may be the same address as `message`.
 * Errors: STATUS_MISUSE and STATUS_LIMIT as above, STATUS_MALFORMED when shorter than a tag or
 * longer than NOISE_MESSAGE_BYTES_MAX, STATUS_FORGED when it was tampered with, comes out of order
 * or was seen before (the output then holds nothing of it; the nonce does not move on).
 */
int noise_decrypt(struct noise *n, const uint8_t *message, size_t length, uint8_t *plaintext_out);

/* The peer's static public key. Initiator: always; responder: once the handshake is done. */
const uint8_t *noise_remote_static(const struct noise *n);

#endif
