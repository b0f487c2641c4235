/*
 * What a client remembers of an exchange's log: the last signed head it saw. A server that rewrites
 * its history cannot show a head that continues this one, and is caught at the next connection.
 *
 * Kept in FOLDER/<exchange id in hex>/checkpoint, the note as the server sent it; several processes
 * may use it at once. Evidence of a fork stays in fork-<hash>.txt beside it.
 */
#ifndef BOURSE_CLIENT_TRUST_H
#define BOURSE_CLIENT_TRUST_H

#include <stdint.h>

#include "protocol/buffer.h"
#include "protocol/checkpoint.h"
#include "protocol/pin.h"

struct trust_error {
    char text[640]; /* what to tell people */
};

/* The head seen last. size 0: none. */
struct trust {
    struct pin pin;
    char *folder; /* owned; NULL: nothing is kept on disk */
    uint64_t size;
    merkle_hash root;
    struct buffer note; /* as signed */
};

/*
 * Reads the head that was kept. `state_folder` NULL: nothing is kept. Errors: STATUS_DAMAGED (the
 * file is not a head of this exchange's), STATUS_IO, STATUS_PERMISSION, STATUS_MEMORY. On failure
 * nothing is owned.
 */
int trust_load(struct trust *t, const char *state_folder, const struct pin *pin,
               struct trust_error *error);
void trust_release(struct trust *t);

/*
 * Takes the head that the server shows now, with the proof that it continues t->size leaves
 * (`proof_count` hashes of 32 bytes; ignored while t->size is 0). If it does, it becomes the head
 * seen last, on disk too. Errors: STATUS_FORKED when it does not, with evidence written and named;
 * those of checkpoint_verify(); STATUS_IO and the like.
 */
int trust_advance(struct trust *t, const void *note, size_t note_length, const uint8_t *proof,
                  size_t proof_count, uint64_t time_s, struct trust_error *error);

#endif
