/*
 * Where a report reads the rows of the exchange: a snapshot of the image, beside a running server,
 * or a store that a replay has led to an earlier index. Nothing of it changes while a report reads.
 */
#ifndef BOURSE_REPORT_SOURCE_H
#define BOURSE_REPORT_SOURCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/exchange/rows.h"
#include "server/store/image.h"
#include "server/store/store.h"

/* Returns 0 to go on; anything else ends the walk. The row is valid during the call only. */
typedef int source_visit(void *context, const void *row);

struct source {
    /* Calls `visit` for each row of a table in the order of its key columns, as numbers. Returns
     * what ended it: 0, what `visit` returned, STATUS_DAMAGED, STATUS_IO, STATUS_MEMORY,
     * STATUS_CLOSED (a snapshot that is to be given back). */
    int (*each)(void *of, enum table table, source_visit *visit, void *context);
    /* Copies the row of a key, laid out as the row's leading columns, to `row_out`. Returns 0,
     * STATUS_NOT_FOUND, or an error as above. */
    int (*find)(void *of, enum table table, const void *key, void *row_out);
    void *of;
    const atomic_bool *stopping; /* set: it is to be given back; may be NULL */
};

/* Rows of a store, whose own order is none: sorted for each walk. */
struct source source_of_store(const struct store *s);

/* No rows at all: as it was before anything was. */
struct source source_of_nothing(void);

/* Rows of a snapshot of the image. */
struct snapshot_source {
    struct image_snapshot *snapshot;
    const atomic_bool *stopping; /* walks end soon once it is set, as the source's; may be NULL */
    struct image_error error;    /* what is wrong with the image, when a walk failed */
};
/* `s` outlives the source. */
struct source source_of_snapshot(struct snapshot_source *s);

/* All rows of a table, in order; for tables that are small beside the machine's memory. */
struct source_rows {
    void *rows; /* `count` structs of the table's row_size; owned, free() */
    size_t count;
};
int source_load(const struct source *from, enum table table, struct source_rows *out);

/* Copies the row of this key, laid out as the row's leading columns, to `row_out`, if there is one;
 * *found_out says so. Returns 0, or an error of the source. */
int source_find(const struct source *from, enum table table, const void *key, void *row_out,
                bool *found_out);

#endif
