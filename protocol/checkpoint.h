/*
 * The signed head of the log: C2SP tlog-checkpoint v1.0.0, a note (note.h) whose text is origin,
 * decimal size and base64 root, a line each. It carries two signature lines under the origin's
 * name:
 *
 *   1. the log key's Ed25519 signature, for everyone who knows the log key;
 *   2. the root key's delegation: its key id is SHA-256(name || 0x0A || 0xFF ||
 *      "bourse/delegation/v1" || root public key)[:4], 0xFF being signed-note's type without an
 *      assigned identifier, and its bytes are the root's certificate of the log key
 *      (certificate.h). So whoever pins the root alone can verify the first line offline; code of
 *      others skips the second as a key it does not know.
 *
 * Any thread; sodium_init() must have been called.
 */
#ifndef BOURSE_PROTOCOL_CHECKPOINT_H
#define BOURSE_PROTOCOL_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/buffer.h"
#include "protocol/certificate.h"
#include "protocol/merkle.h"
#include "protocol/note.h"

#define CHECKPOINT_DELEGATION "bourse/delegation/v1"

struct checkpoint {
    uint64_t size; /* leaves, at most 2^63 - 1 */
    merkle_hash root;
    struct certificate certificate; /* of the log key that signed it */
};

/* What a verifier believes beforehand; nothing is owned. A struct pin has the first three. */
struct checkpoint_trust {
    const char *origin;
    const uint8_t *root_public; /* Ed25519, 32 bytes */
    const uint8_t *exchange_id; /* 32 bytes */
    uint64_t time_s; /* when the certificate must be valid; 0: any time, for old receipts */
};

/* What signs checkpoints; nothing is owned. */
struct checkpoint_signer {
    const char *origin;
    const uint8_t *root_public; /* Ed25519, 32 bytes */
    const uint8_t *log_secret;  /* Ed25519, libsodium's 64 bytes */
    const uint8_t *certificate; /* of the log key, by the root; CERTIFICATE_BYTES */
};

/* Appends the text that is signed. `origin` is valid by note_name_valid(). */
void checkpoint_text(const char *origin, uint64_t size, const uint8_t root[MERKLE_HASH_SIZE],
                     struct buffer *out);
/* Appends the whole note with both signature lines; see `out->status` for STATUS_MEMORY. */
void checkpoint_sign(const struct checkpoint_signer *signer, uint64_t size,
                     const uint8_t root[MERKLE_HASH_SIZE], struct buffer *out);

/* The key id of the delegation line. */
uint32_t checkpoint_delegation_id(const char *origin, const uint8_t root_public[32]);

/*
 * Parses and verifies a checkpoint. `error` (may be NULL) says in words what failed. Errors:
 * STATUS_MALFORMED or STATUS_LIMIT: not a checkpoint; STATUS_FORGED: of another origin, without one
 * of the two lines, or one of them does not verify; STATUS_VERSION: a certificate of a newer
 * version; STATUS_EXPIRED: genuine, but the certificate was not valid at `time_s`.
 */
int checkpoint_verify(const struct checkpoint_trust *trust, const char *note, size_t length,
                      struct checkpoint *out, struct note_error *error);

#endif
