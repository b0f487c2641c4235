/*
 * Key files: one seed (keys.h) in a small text file that only its owner may read, as it is or
 * sealed with a passphrase. Exactly these lines, each ended by a newline:
 *
 *   bourse-keyfile v1
 *   # bourse-key:...                        the public keys, for people and for keyfile_inspect()
 *   seed:<checked text of the 32 bytes>     when not sealed
 *
 * or, in place of the last line,
 *
 *   argon2id:<passes>:<memory in KiB>
 *   sealed:<checked text of salt (16) || nonce (24) || box (48)>
 *
 * where box is XChaCha20-Poly1305 (libsodium's ..._ietf) of the seed under the Argon2id (version
 * 1.3, one lane) hash of passphrase and salt, with all text before the line "sealed:" as additional
 * data, so that nothing in the file can be changed unnoticed. "Checked text" is the base64url of
 * checked_text.h; its prefix is the word before it, colon included.
 *
 * sodium_init() must have been called. Any thread. Argon2id takes memory and time: see the cost.
 */
#ifndef BOURSE_PROTOCOL_KEYFILE_H
#define BOURSE_PROTOCOL_KEYFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/keys.h"

enum {
    KEYFILE_TEXT_SIZE = 512, /* room for the longest key file */
    /* What a file may ask of the reader: 16 passes over 1 GiB are some ten seconds. */
    KEYFILE_PASSES_MAX = 16,
    KEYFILE_MEMORY_KIB_MIN = 8,
    KEYFILE_MEMORY_KIB_MAX = 1024 * 1024,
    /* What is written unless the caller says otherwise (libsodium's "moderate"). */
    KEYFILE_PASSES_DEFAULT = 3,
    KEYFILE_MEMORY_KIB_DEFAULT = 256 * 1024,
};

/* What it costs to try one passphrase. */
struct keyfile_cost {
    uint32_t passes;
    uint32_t memory_kib;
};

/* What a key file tells without its passphrase; of a sealed one, unproven until it is opened. */
struct keyfile_info {
    bool sealed;
    struct keys_public keys;
};

/*
 * Creates the file with mode 0600 and writes the seed to disk. Sealed if `passphrase` is not NULL
 * (1 byte at least), at `cost` or, when that is NULL, at the default.
 * Errors: STATUS_EXISTS (nothing is ever overwritten), STATUS_NOT_FOUND for the folder,
 * STATUS_PERMISSION, STATUS_FULL, STATUS_IO, STATUS_MEMORY (Argon2id); STATUS_MISUSE for an empty
 * passphrase, STATUS_LIMIT for a cost outside the limits. On failure no file is left behind.
 */
int keyfile_write(const char *path, const uint8_t seed[KEYS_SEED_BYTES], const void *passphrase,
                  size_t passphrase_length, const struct keyfile_cost *cost);

/*
 * Tells whether the file is sealed and which keys it holds.
 * Errors: STATUS_NOT_FOUND; STATUS_PERMISSION when we may not read it, or when group or others may
 * do anything with it; STATUS_VERSION, STATUS_MALFORMED, STATUS_IO.
 */
int keyfile_inspect(const char *path, struct keyfile_info *info_out);

/*
 * Reads the seed; the caller wipes it. `passphrase` may be NULL, and is not used when the file is
 * not sealed.
 * Errors: those of keyfile_inspect(); STATUS_MISUSE when the file is sealed and `passphrase` NULL;
 * STATUS_FORGED for a wrong passphrase or a changed file; STATUS_LIMIT when the file asks for more
 * work than the limits above; STATUS_MEMORY (Argon2id). The output is set on success only.
 */
int keyfile_read(const char *path, const void *passphrase, size_t passphrase_length,
                 uint8_t seed_out[KEYS_SEED_BYTES]);

/* The same on the file's text; no file is touched. `text_out` holds a secret unless sealed. */
int keyfile_encode(const uint8_t seed[KEYS_SEED_BYTES], const void *passphrase,
                   size_t passphrase_length, const struct keyfile_cost *cost,
                   char text_out[KEYFILE_TEXT_SIZE], size_t *length_out);
int keyfile_inspect_text(const char *text, size_t length, struct keyfile_info *info_out);
int keyfile_decode(const char *text, size_t length, const void *passphrase,
                   size_t passphrase_length, uint8_t seed_out[KEYS_SEED_BYTES]);

#endif
