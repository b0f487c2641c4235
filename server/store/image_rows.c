/* The rows of the image: writing what changed, loading all, comparing with a store. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/status.h"
#include "server/store/codec.h"
#include "server/store/image_env.h"

/* What a row is called in messages: "table token, serial=5". */
static void name_row(const struct table_spec *spec, const void *row, struct buffer *text)
{
    buffer_printf(text, "table %s, ", spec->name);
    codec_print(spec, row, spec->key_columns, text);
}

static void name_raw_key(const struct table_spec *spec, const MDB_val *key, struct buffer *text)
{
    const uint8_t *bytes = key->mv_data;

    buffer_printf(text, "table %s, key ", spec->name);
    for (size_t i = 0; i < key->mv_size; i++)
        buffer_printf(text, "%02x", bytes[i]);
}

static const char *line_of(struct buffer *text)
{
    buffer_append(text, "", 1);
    return text->status ? "(out of memory)" : (const char *)text->data;
}

/* One table's part of an image_write(). */
struct table_write {
    struct image *image;
    const struct table_spec *spec;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_cursor *cursor;
    uint8_t *value; /* room for one */
    struct image_error *error;
    bool appending; /* all that is left lies behind the last key */
    bool has_last;
    uint8_t last_key[CODEC_KEY_SIZE_MAX]; /* the last one before this write */
};

static int write_failed(struct table_write *w, int rc, const void *row)
{
    struct buffer text = BUFFER_EMPTY;
    int status;

    name_row(w->spec, row, &text);
    if (rc == MDB_NOTFOUND)
        status = image_fail(w->error, STATUS_DAMAGED, "image %s: %s: missing", w->image->path,
                            line_of(&text));
    else
        status = image_fail_lmdb(w->error, rc, "image %s: %s", w->image->path, line_of(&text));
    buffer_release(&text);
    return status;
}

/* From the first new key behind the last one on, rows go to the end of the tree without a search.
 * What was there before lies in front of them, so every later one is new too. */
static int start_appending(struct table_write *w, const uint8_t *key)
{
    if (w->appending)
        return 0;
    if (w->has_last && memcmp(key, w->last_key, w->spec->key_size) <= 0)
        return 0;
    w->appending = true;
    mdb_cursor_close(w->cursor);
    w->cursor = NULL;
    return mdb_cursor_open(w->txn, w->dbi, &w->cursor);
}

static int write_row(void *context, const struct net_change *net)
{
    struct table_write *w = context;
    uint8_t key[CODEC_KEY_SIZE_MAX];
    MDB_val k = {.mv_size = w->spec->key_size, .mv_data = key};
    MDB_val v = {.mv_size = (size_t)w->spec->row_size - w->spec->key_size, .mv_data = w->value};
    int rc;

    codec_encode_key(w->spec, net->row, key);
    if (net->gone) {
        MDB_val old;
        rc = mdb_cursor_get(w->cursor, &k, &old, MDB_SET);
        if (!rc)
            rc = mdb_cursor_del(w->cursor, 0);
        return rc ? write_failed(w, rc, net->row) : 0;
    }
    codec_encode_value(w->spec, net->row, w->value);
    rc = net->was_there ? 0 : start_appending(w, key);
    if (!rc)
        rc = mdb_cursor_put(w->cursor, &k, &v, w->appending ? MDB_APPEND : 0);
    return rc ? write_failed(w, rc, net->row) : 0;
}

static int find_last_key(struct table_write *w)
{
    MDB_val key, value;
    int rc = mdb_cursor_get(w->cursor, &key, &value, MDB_LAST);

    if (rc == MDB_NOTFOUND)
        return 0;
    if (rc)
        return rc;
    if (key.mv_size != w->spec->key_size)
        return MDB_CORRUPTED;
    memcpy(w->last_key, key.mv_data, key.mv_size);
    w->has_last = true;
    return 0;
}

static int write_table(struct image *i, MDB_txn *txn, const struct changes *c, unsigned table,
                       struct image_error *error)
{
    struct table_write w = {.image = i,
                            .spec = &i->specs[table],
                            .txn = txn,
                            .dbi = i->tables[table].dbi,
                            .error = error};
    int status = STATUS_OK;

    if (!change_sorter_count(&i->sorter, table))
        return STATUS_OK;
    w.value = malloc(w.spec->row_size);
    if (!w.value)
        return image_fail(error, STATUS_MEMORY, "image %s: out of memory", i->path);
    int rc = mdb_cursor_open(txn, w.dbi, &w.cursor);
    if (!rc)
        rc = find_last_key(&w);
    if (rc)
        status = image_fail_lmdb(error, rc, "image %s: table %s", i->path, w.spec->name);
    else
        status = change_sorter_each(&i->sorter, c, i->specs, table, write_row, &w);
    if (w.cursor)
        mdb_cursor_close(w.cursor);
    free(w.value);
    return status;
}

int image_write(struct image *i, struct changes *c, const struct image_meta *meta,
                struct image_error *error)
{
    MDB_txn *txn = NULL;
    assert(i->mode == IMAGE_WRITE);
    int status = change_sorter_run(&i->sorter, c, i->specs, i->specs_count);
    if (status) {
        image_fail(error, status, "image %s: out of memory", i->path);
        goto out;
    }
    int rc = mdb_txn_begin(i->env, NULL, 0, &txn);
    if (rc) {
        status = image_fail_lmdb(error, rc, "image %s", i->path);
        goto out;
    }
    for (unsigned t = 0; !status && t < i->specs_count; t++)
        status = write_table(i, txn, c, t, error);
    if (!status)
        status = image_meta_put(i, txn, meta, error);
    if (!status) {
        rc = mdb_txn_commit(txn); /* frees it in any case */
        txn = NULL;
        if (rc)
            status = image_fail_lmdb(error, rc, "image %s: commit", i->path);
    }
    status = image_fail_write(error, status, i->path);
out:
    if (txn)
        mdb_txn_abort(txn);
    changes_clear(c);
    return status;
}

int image_each_pair(struct image *i, MDB_txn *txn, unsigned table,
                    int (*visit)(void *context, const MDB_val *key, const MDB_val *value),
                    void *context, struct image_error *error)
{
    MDB_cursor *cursor;
    MDB_val key, value;

    if (!i->tables[table].present)
        return STATUS_OK;
    int rc = mdb_cursor_open(txn, i->tables[table].dbi, &cursor);
    if (rc)
        return image_fail_lmdb(error, rc, "image %s: table %s", i->path, i->specs[table].name);
    int result = 0;
    rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    for (; !rc && !result; rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT))
        result = visit(context, &key, &value);
    mdb_cursor_close(cursor);
    if (!result && rc != MDB_NOTFOUND)
        return image_fail_lmdb(error, rc, "image %s: table %s", i->path, i->specs[table].name);
    return result;
}

uint8_t *image_row_room(const struct image *i)
{
    size_t size = 1;
    for (size_t t = 0; t < i->specs_count; t++)
        if (i->specs[t].row_size > size)
            size = i->specs[t].row_size;
    return malloc(size);
}

int image_row_damaged(struct image *i, const struct table_spec *spec, const MDB_val *key,
                      uint8_t *row, struct image_error *error)
{
    struct buffer text = BUFFER_EMPTY;
    if (codec_decode_key(spec, key->mv_data, key->mv_size, row) == STATUS_OK)
        name_row(spec, row, &text);
    else
        name_raw_key(spec, key, &text);
    image_fail(error, STATUS_DAMAGED, "image %s: %s: does not decode", i->path, line_of(&text));
    buffer_release(&text);
    return STATUS_DAMAGED;
}

struct load {
    struct image *image;
    struct store *store;
    unsigned table;
    uint8_t *row;
    struct image_error *error;
};

static int load_pair(void *context, const MDB_val *key, const MDB_val *value)
{
    struct load *l = context;
    const struct table_spec *spec = &l->image->specs[l->table];

    if (codec_decode(spec, key->mv_data, key->mv_size, value->mv_data, value->mv_size, l->row) ==
            STATUS_OK &&
        store_load_row(l->store, l->table, l->row) == 0)
        return 0;

    return image_row_damaged(l->image, spec, key, l->row, l->error);
}

int image_load(struct image *i, struct store *s, struct image_meta *meta_out,
               struct image_error *error)
{
    struct load l = {.image = i, .store = s, .row = image_row_room(i), .error = error};
    MDB_txn *txn = NULL;
    int status;

    if (!l.row) {
        status = image_fail(error, STATUS_MEMORY, "image %s: out of memory", i->path);
        goto out;
    }
    status = image_read_begin(i, &txn, error);
    if (status)
        goto out;
    status = image_meta_get(i, txn, meta_out, error);
    for (; !status && l.table < i->specs_count; l.table++) {
        assert(store_count(s, l.table) == 0);
        status = image_each_pair(i, txn, l.table, load_pair, &l, error);
    }
out:
    image_read_end(txn);
    free(l.row);
    return status;
}

struct comparison {
    struct image *image;
    const struct store *store;
    unsigned table;
    MDB_txn *txn;
    uint8_t *row;
    uint64_t matched; /* rows of the store whose key is in the image */
    void (*differs)(void *context, const struct image_difference *d);
    void *context;
    const uint8_t **missing; /* rows of the store whose key is not */
    size_t missing_count;
    size_t missing_max;
};

static void report(const struct comparison *c, struct buffer *line, const void *found,
                   const void *expected)
{
    const struct image_difference d = {line_of(line), c->table, found, expected};
    c->differs(c->context, &d);
    buffer_release(line);
}

static int compare_pair(void *context, const MDB_val *key, const MDB_val *value)
{
    struct comparison *c = context;
    const struct table_spec *spec = &c->image->specs[c->table];
    struct buffer line = BUFFER_EMPTY;

    if (codec_decode_key(spec, key->mv_data, key->mv_size, c->row)) {
        name_raw_key(spec, key, &line);
        buffer_printf(&line, ": the key does not decode");
        report(c, &line, NULL, NULL);
        return 0;
    }
    const void *expected = store_find(c->store, c->table, c->row);
    c->matched += expected != NULL;
    int status =
        codec_decode(spec, key->mv_data, key->mv_size, value->mv_data, value->mv_size, c->row);
    if (!status && expected && memcmp(c->row, expected, spec->row_size) == 0)
        return 0;

    name_row(spec, c->row, &line);
    if (status) {
        buffer_printf(&line, ": does not decode");
    } else if (!expected) {
        buffer_printf(&line, ": surplus in the image");
    } else {
        buffer_printf(&line, ": ");
        codec_print_difference(spec, c->row, expected, &line);
    }
    report(c, &line, status ? NULL : c->row, expected);
    return 0;
}

static int collect_missing(void *context, const void *row)
{
    struct comparison *c = context;
    const struct table_spec *spec = &c->image->specs[c->table];
    uint8_t bytes[CODEC_KEY_SIZE_MAX];
    MDB_val key = {.mv_size = spec->key_size, .mv_data = bytes};
    MDB_val value;
    int rc = MDB_NOTFOUND;

    codec_encode_key(spec, row, bytes);
    if (c->image->tables[c->table].present)
        rc = mdb_get(c->txn, c->image->tables[c->table].dbi, &key, &value);
    if (!rc)
        return 0;
    if (rc != MDB_NOTFOUND)
        return rc;
    if (c->missing_count < c->missing_max)
        c->missing[c->missing_count++] = row;
    return 0;
}

static int by_key(const void *left, const void *right, void *context)
{
    const struct table_spec *spec = context;
    const uint8_t *const *rows[2] = {left, right};
    uint8_t keys[2][CODEC_KEY_SIZE_MAX];

    codec_encode_key(spec, *rows[0], keys[0]);
    codec_encode_key(spec, *rows[1], keys[1]);
    return memcmp(keys[0], keys[1], spec->key_size);
}

/* Names the rows that the image lacks, in key order: the store gives them in none. */
static int report_missing(struct comparison *c, struct image_error *error)
{
    struct table_spec spec = c->image->specs[c->table];

    c->missing_max = (size_t)(store_count(c->store, c->table) - c->matched);
    c->missing_count = 0;
    if (!c->missing_max)
        return STATUS_OK;
    c->missing = malloc(c->missing_max * sizeof(*c->missing));
    if (!c->missing)
        return image_fail(error, STATUS_MEMORY, "image %s: out of memory", c->image->path);
    int rc = store_each(c->store, c->table, collect_missing, c);
    if (!rc) {
        qsort_r(c->missing, c->missing_count, sizeof(*c->missing), by_key, &spec);
        for (size_t i = 0; i < c->missing_count; i++) {
            struct buffer line = BUFFER_EMPTY;
            name_row(&spec, c->missing[i], &line);
            buffer_printf(&line, ": missing in the image");
            report(c, &line, NULL, c->missing[i]);
        }
    }
    free(c->missing);
    c->missing = NULL;
    return rc ? image_fail_lmdb(error, rc, "image %s: table %s", c->image->path, spec.name) : 0;
}

int image_compare(struct image *i, const struct store *s, struct image_meta *meta_out,
                  void (*differs)(void *context, const struct image_difference *d), void *context,
                  struct image_error *error)
{
    struct comparison c = {
        .image = i, .store = s, .row = image_row_room(i), .differs = differs, .context = context};
    int status;

    if (!c.row) {
        status = image_fail(error, STATUS_MEMORY, "image %s: out of memory", i->path);
        goto out;
    }
    status = image_read_begin(i, &c.txn, error);
    if (status)
        goto out;
    status = image_meta_get(i, c.txn, meta_out, error);
    for (; !status && c.table < i->specs_count; c.table++) {
        c.matched = 0;
        status = image_each_pair(i, c.txn, c.table, compare_pair, &c, error);
        if (!status)
            status = report_missing(&c, error);
    }
out:
    image_read_end(c.txn);
    free(c.row);
    return status;
}
