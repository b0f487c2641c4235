/*
 * A receipt: one event, the proof that the log includes it, and the checkpoint that the proof leads
 * to, as the text `c2sp.org/tlog-proof@v1`:
 *
 *   c2sp.org/tlog-proof@v1
 *   extra <base64 of the event's bytes>
 *   index <decimal>
 *   <base64 of a hash>            none to 64 of them, from the leaf's sibling up
 *
 *   <the checkpoint, checkpoint.h>
 *
 * The format calls `extra` opaque and not authenticated; here it is authenticated, since its leaf
 * hash must lead to the checkpoint's root. Any thread; sodium_init() must have been called.
 */
#ifndef BOURSE_PROTOCOL_RECEIPT_H
#define BOURSE_PROTOCOL_RECEIPT_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/buffer.h"
#include "protocol/checkpoint.h"
#include "protocol/merkle.h"
#include "protocol/note.h"

enum { RECEIPT_BYTES_MAX = 256 * 1024 };

struct receipt {
    uint64_t index;
    struct checkpoint checkpoint;
    struct buffer event; /* owned: receipt_release() */
};

/*
 * Appends a receipt; see `out->status` for STATUS_MEMORY. `checkpoint` is a whole note, `proof` the
 * inclusion proof of `index` at its size. An event has at most EVENT_BYTES_MAX bytes.
 */
void receipt_encode(const void *event, size_t event_length, uint64_t index, const uint8_t *proof,
                    size_t proof_count, const char *checkpoint, size_t checkpoint_length,
                    struct buffer *out);

/*
 * Verifies a receipt; on success the caller owns `*out`, on failure it is empty. `error` (may be
 * NULL) says in words what failed. Errors: STATUS_MALFORMED or STATUS_LIMIT: not a receipt;
 * STATUS_FORGED: the event is not what the log has at this index; those of checkpoint_verify();
 * STATUS_MEMORY.
 */
int receipt_verify(const struct checkpoint_trust *trust, const char *text, size_t length,
                   struct receipt *out, struct note_error *error);
void receipt_release(struct receipt *r);

#endif
