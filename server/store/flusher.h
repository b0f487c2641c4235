/*
 * The thread that writes changed rows to the image behind the engine's back. The engine hands over
 * a buffer of changes when the flusher is idle and goes on at once.
 */
#ifndef BOURSE_STORE_FLUSHER_H
#define BOURSE_STORE_FLUSHER_H

#include <stdbool.h>

#include "server/store/image.h"

struct flusher;

/* Called on the flusher's thread after each write: `status` is image_write()'s. */
typedef void flusher_done(void *context, int status, const struct image_meta *meta,
                          const struct image_error *error);

/* Starts the thread. `i` outlives it. Errors: STATUS_MEMORY, STATUS_IO. */
int flusher_start(struct image *i, flusher_done *done, void *context, struct flusher **out);
/* Has `before` called on the flusher's thread ahead of each write; a status other than 0 from it is
 * the write's, and nothing is written. Set before the first hand-over. */
void flusher_set_before(struct flusher *f, int (*before)(void *context));
/* Whether a handed-over buffer is still being written. */
bool flusher_busy(const struct flusher *f);
/*
 * Hands over the store's changes (swapped out, the store records into an empty buffer after) to be
 * written with `meta`. Not to be called while busy. Everything in them is already durable in the
 * journal: the caller sees to that.
 */
void flusher_hand(struct flusher *f, struct store *s, const struct image_meta *meta);
/* Waits for what was handed over, ends the thread, frees. Returns the last write's status. */
int flusher_stop(struct flusher *f);

#endif
