/*
 * The durable image of a store: one LMDB environment, a database per table (key: the key columns
 * big-endian, value: the other columns little-endian) and one of meta records. The only part of the
 * project that includes lmdb.h. See docs/storage.md.
 *
 * image_write() is called by one thread at a time; image_load(), image_meta_read(),
 * image_compare(), image_copy() and snapshots may run on other threads meanwhile and see the image
 * as it was when they began. A process opens an image once at a time: LMDB's locks do not bear
 * more.
 */
#ifndef BOURSE_STORE_IMAGE_H
#define BOURSE_STORE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "server/store/store.h"

/* What the image reflects: everything up to and including this group. */
struct image_meta {
    uint64_t group;       /* index of the last group applied; 0: none */
    uint64_t time_s;      /* that group's time */
    uint64_t log_size;    /* leaves in the log after it */
    uint8_t log_root[32]; /* root hash of those leaves */
    uint8_t exchange_id[32];
};

struct image; /* an open environment */

enum image_mode {
    IMAGE_WRITE, /* create when missing; one process only */
    IMAGE_READ,  /* beside a running server */
};

/* What went wrong, in words that name file and row; for messages. */
struct image_error {
    char text[256];
};

/*
 * Opens the image in the existing folder `path`. Errors: STATUS_IO, STATUS_VERSION (a table of
 * another layout, or one not known, named in `error`), STATUS_NOT_FOUND (IMAGE_READ and none
 * there), STATUS_DAMAGED, STATUS_PERMISSION, STATUS_MEMORY, STATUS_FULL. `error` may be NULL here
 * and below.
 */
int image_open(const char *path, enum image_mode mode, const struct table_spec *specs,
               size_t specs_count, struct image **out, struct image_error *error);
void image_close(struct image *i);

/*
 * Puts every row of the image into the empty store, in key order, through the hooks, in one read
 * transaction, so that meta and rows agree. Recorded changes and undo are empty afterwards.
 * Errors: STATUS_DAMAGED (a row that does not decode), STATUS_IO.
 */
int image_load(struct image *i, struct store *s, struct image_meta *meta_out,
               struct image_error *error);
/* The meta record alone; all zero in a fresh image. */
int image_meta_read(struct image *i, struct image_meta *meta_out, struct image_error *error);

/*
 * Writes the last image of each changed row and the meta record in one synced transaction.
 * Empties `c` in any case. Errors: STATUS_IO, STATUS_FULL, STATUS_DAMAGED (a removed row is
 * missing), STATUS_MEMORY; nothing is written then, and since the changes are gone, no later ones
 * may be: they are in the journal.
 */
int image_write(struct image *i, struct changes *c, const struct image_meta *meta,
                struct image_error *error);

/* A row that is not the same in an image as in a store; all valid during the call only. */
struct image_difference {
    const char *line; /* for people, by the names of table and columns */
    unsigned table;
    const void *found;    /* in the image; NULL: missing, or it does not decode */
    const void *expected; /* in the store; NULL: the image's is surplus */
};

/*
 * Compares the image with a store, row by row in key order, in one read transaction, whose meta
 * record it gives. What it finds counts only if that equals what the store reflects: the caller
 * reads it first with image_meta_read() and replays up to there, and does so again as long as
 * somebody has written meanwhile. Calls `differs` for each row that is missing, surplus or
 * different. Returns 0 when read to the end, however many differed.
 */
int image_compare(struct image *i, const struct store *s, struct image_meta *meta_out,
                  void (*differs)(void *context, const struct image_difference *d), void *context,
                  struct image_error *error);

/*
 * The image as it is now, whatever is written meanwhile; for any thread. As long as it is open the
 * file keeps what has been replaced since, so it should not be for longer than seconds.
 */
struct image_snapshot;
int image_snapshot_open(struct image *i, struct image_snapshot **out, struct image_meta *meta_out,
                        struct image_error *error);
/* Calls `visit` for each row of a table in key order, until it returns other than 0; returns that,
 * or STATUS_DAMAGED, STATUS_IO (with `error`). The row is valid during the call. */
int image_snapshot_each(struct image_snapshot *s, unsigned table,
                        int (*visit)(void *context, const void *row), void *context,
                        struct image_error *error);
/* Fills `row_out` (the table's row_size) with the row whose key is that at `key`, laid out as the
 * row's leading columns. STATUS_NOT_FOUND: there is none; STATUS_DAMAGED, STATUS_IO (with `error`).
 */
int image_snapshot_find(struct image_snapshot *s, unsigned table, const void *key, void *row_out,
                        struct image_error *error);
void image_snapshot_close(struct image_snapshot *s);

/* A consistent, compacted, synced copy into the existing empty folder `path`, while others write.
 * Errors: STATUS_EXISTS, STATUS_FULL, STATUS_IO... */
int image_copy(struct image *i, const char *path, struct image_error *error);

#endif
