/*
 * Signed notes (C2SP signed-note v1.0.0): a text, a blank line, signature lines. Any thread; a
 * parsed note points into the bytes it was parsed from and owns nothing.
 */
#ifndef BOURSE_PROTOCOL_NOTE_H
#define BOURSE_PROTOCOL_NOTE_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/buffer.h"

enum {
    NOTE_BYTES_MAX = 128 * 1024,
    NOTE_SIGNATURES_MAX = 16,        /* what a verifier must accept at least */
    NOTE_SIGNATURE_BYTES_MAX = 8192, /* decoded; the largest assigned type takes nearly 5 000 */
    NOTE_NAME_MAX = 255,
    NOTE_ED25519 = 0x01,
    NOTE_UNASSIGNED = 0xff,
};

/* What failed, for people. `text` is never unterminated; empty when nothing failed. */
struct note_error {
    char text[160];
};

/* Writes the text, unless `e` is NULL, and returns `status`. */
int note_error_set(struct note_error *e, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

struct note_signature {
    const char *name; /* not terminated */
    size_t name_length;
    uint32_t key_id;
    const char *encoded; /* base64 of key id and signature, checked */
    size_t encoded_length;
};

struct note {
    const char *text; /* with its last newline; these bytes are signed */
    size_t text_length;
    struct note_signature signatures[NOTE_SIGNATURES_MAX];
    size_t signature_count; /* at least 1 */
};

/* 1 if the text may name a key: UTF-8, 1 to NOTE_NAME_MAX bytes, no spaces, controls or plus. */
int note_name_valid(const char *name, size_t length);

/*
 * Takes a note apart, strictly: UTF-8 without control characters, canonical base64, at least one
 * signature line, nothing behind the last. No signature is verified. Errors: STATUS_MALFORMED,
 * STATUS_LIMIT beyond the maxima above.
 */
int note_parse(const char *bytes, size_t length, struct note *out, struct note_error *error);

/* The first 4 bytes, big-endian, of SHA-256(name || 0x0A || type || key). */
uint32_t note_key_id(const char *name, uint8_t type, const uint8_t *key, size_t key_length);

/* name+hex(key id)+base64(0x01 || public key): one line of text that pins an Ed25519 key. */
void note_verifier_key(const char *name, const uint8_t public_key[32], struct buffer *out);
/*
 * Reads that line. `name_out` takes NOTE_NAME_MAX bytes and a NUL. Errors: STATUS_MALFORMED, also
 * if the key id is not that of the key.
 */
int note_verifier_key_parse(const char *text, size_t length, char name_out[NOTE_NAME_MAX + 1],
                            uint8_t public_key_out[32]);

/*
 * The one signature line of this name and key id. Errors: STATUS_NOT_FOUND without one,
 * STATUS_MALFORMED if there are several.
 */
int note_find(const struct note *n, const char *name, uint32_t key_id,
              const struct note_signature **out);
/* The signature's bytes behind the key id. Errors: STATUS_LIMIT if longer than `capacity`. */
int note_signature_bytes(const struct note_signature *s, uint8_t *out, size_t capacity,
                         size_t *length_out);

/*
 * Checks the note's signature by this Ed25519 key; the lines of other keys are skipped. Errors:
 * STATUS_NOT_FOUND if the key did not sign, STATUS_FORGED if its signature does not verify,
 * STATUS_MALFORMED if it has several lines.
 */
int note_verify(const struct note *n, const char *name, const uint8_t public_key[32]);

/* Appends a signature line with these bytes as the signature. */
void note_append_signature(struct buffer *note, const char *name, uint32_t key_id,
                           const uint8_t *signature, size_t length);
/*
 * Signs `text`, which must end in a newline, and appends the signature line to `note`, which holds
 * the text, the blank line and perhaps other signatures. `secret_key` is libsodium's 64 bytes.
 */
void note_sign(struct buffer *note, const char *text, size_t text_length, const char *name,
               const uint8_t secret_key[64]);

/* Base64 (RFC 4648 section 4) at the end of `out`. */
void note_base64_append(struct buffer *out, const uint8_t *data, size_t length);
/*
 * Canonical base64 only: padded, no other bytes, unused bits zero. Errors: STATUS_MALFORMED,
 * STATUS_LIMIT if longer than `capacity`.
 */
int note_base64_decode(const char *text, size_t length, uint8_t *out, size_t capacity,
                       size_t *length_out);
/* Decimal without leading zeros, at most 2^63 - 1, which is as far as others' code counts. */
int note_decimal_parse(const char *text, size_t length, uint64_t *out);

#endif
