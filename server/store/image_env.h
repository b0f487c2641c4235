/* What the files of the image share. The only header of the project that includes lmdb.h. */
#ifndef BOURSE_STORE_IMAGE_ENV_H
#define BOURSE_STORE_IMAGE_ENV_H

#include <lmdb.h>
#include <stdbool.h>

#include "server/store/changes.h"
#include "server/store/image.h"

struct image_table {
    MDB_dbi dbi;
    bool present; /* false: not written yet by the server beside which we read */
};

struct image {
    char *path;
    enum image_mode mode;
    const struct table_spec *specs;
    size_t specs_count;
    MDB_env *env;
    MDB_dbi meta_dbi;
    struct image_table *tables; /* one a spec */
    struct change_sorter sorter;
};

/* Sets `error` to the formatted text, cut off to fit, and returns `status`. */
int image_fail(struct image_error *error, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same for LMDB's code `rc`, with LMDB's words behind the text; the status fits the code. */
int image_fail_lmdb(struct image_error *error, int rc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * The status of a failed write below `path`: LMDB reports a write of which only a part fitted as an
 * input/output error, so that is called STATUS_FULL when next to no space is left.
 */
int image_fail_write(struct image_error *error, int status, const char *path);

/* A read transaction, given back by image_read_end(). */
int image_read_begin(struct image *i, MDB_txn **txn_out, struct image_error *error);
void image_read_end(MDB_txn *txn);
/* The meta record as the transaction sees it; all zero when there is none. */
int image_meta_get(struct image *i, MDB_txn *txn, struct image_meta *meta_out,
                   struct image_error *error);
int image_meta_put(struct image *i, MDB_txn *txn, const struct image_meta *meta,
                   struct image_error *error);

/* Calls `visit` for each key and value of a table in key order until it returns other than 0;
 * returns that, or what LMDB failed with. */
int image_each_pair(struct image *i, MDB_txn *txn, unsigned table,
                    int (*visit)(void *context, const MDB_val *key, const MDB_val *value),
                    void *context, struct image_error *error);
/* Room for one row of any table; NULL when memory is out. */
uint8_t *image_row_room(const struct image *i);
/* Says in `error` which row does not decode, with `row` as room for one; STATUS_DAMAGED. */
int image_row_damaged(struct image *i, const struct table_spec *spec, const MDB_val *key,
                      uint8_t *row, struct image_error *error);

#endif
