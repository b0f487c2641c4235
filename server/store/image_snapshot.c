/* Snapshots of the image: a read transaction that lasts for several walks. */
#include <stdlib.h>

#include "protocol/status.h"
#include "server/store/codec.h"
#include "server/store/image_env.h"

struct image_snapshot {
    struct image *image;
    MDB_txn *txn;
};

int image_snapshot_open(struct image *i, struct image_snapshot **out, struct image_meta *meta_out,
                        struct image_error *error)
{
    struct image_snapshot *s = calloc(1, sizeof(*s));
    *out = NULL;
    if (!s)
        return image_fail(error, STATUS_MEMORY, "image %s: out of memory", i->path);
    s->image = i;
    int status = image_read_begin(i, &s->txn, error);
    if (!status)
        status = image_meta_get(i, s->txn, meta_out, error);
    if (status)
        image_snapshot_close(s);
    else
        *out = s;
    return status;
}

/* A walk has a row of its own, so that another one may run inside it. */
struct walk {
    struct image *image;
    const struct table_spec *spec;
    uint8_t *row;
    int (*visit)(void *context, const void *row);
    void *context;
    struct image_error *error;
};

static int pair_visit(void *context, const MDB_val *key, const MDB_val *value)
{
    struct walk *w = context;
    if (codec_decode(w->spec, key->mv_data, key->mv_size, value->mv_data, value->mv_size, w->row))
        return image_row_damaged(w->image, w->spec, key, w->row, w->error);
    return w->visit(w->context, w->row);
}

int image_snapshot_each(struct image_snapshot *s, unsigned table,
                        int (*visit)(void *context, const void *row), void *context,
                        struct image_error *error)
{
    struct walk w = {
        .image = s->image,
        .spec = &s->image->specs[table],
        .row = image_row_room(s->image),
        .visit = visit,
        .context = context,
        .error = error,
    };
    if (!w.row)
        return image_fail(error, STATUS_MEMORY, "image %s: out of memory", s->image->path);
    int status = image_each_pair(s->image, s->txn, table, pair_visit, &w, error);
    free(w.row);
    return status;
}

int image_snapshot_find(struct image_snapshot *s, unsigned table, const void *key, void *row_out,
                        struct image_error *error)
{
    const struct table_spec *spec = &s->image->specs[table];
    uint8_t encoded[CODEC_KEY_SIZE_MAX];
    MDB_val k = {.mv_size = spec->key_size, .mv_data = encoded};
    MDB_val v;
    codec_encode_key(spec, key, encoded);
    int rc = mdb_get(s->txn, s->image->tables[table].dbi, &k, &v);
    if (rc == MDB_NOTFOUND)
        return STATUS_NOT_FOUND;
    if (rc)
        return image_fail_lmdb(error, rc, "image %s: table %s", s->image->path, spec->name);
    if (codec_decode(spec, k.mv_data, k.mv_size, v.mv_data, v.mv_size, row_out))
        return image_row_damaged(s->image, spec, &k, row_out, error);
    return STATUS_OK;
}

void image_snapshot_close(struct image_snapshot *s)
{
    if (!s)
        return;
    image_read_end(s->txn);
    free(s);
}
