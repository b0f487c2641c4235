#include "server/store/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/buffer.h"
#include "server/store/changes.h"
#include "server/store/codec.h"
#include "server/store/table.h"

struct hook {
    store_hook *call;
    void *context;
};

struct store {
    const struct table_spec *specs;
    size_t count;
    struct table *tables;
    struct hook *hooks;
    struct buffer undo; /* entries: image, padding, struct undo */
    struct changes *changes;
    int recording;
    uint8_t *scratch; /* room for one row of any table */
};

/* Stands behind its image, since the log is read from its end. The image is the old row, or the
 * key when there was none. */
struct undo {
    uint16_t table;
    uint16_t kind; /* enum change_kind */
    uint8_t recorded;
    uint8_t unused[3];
};

static const uint8_t default_seed[STORE_SEED_SIZE] = "one fixed order";

struct store *store_new(const struct table_spec *specs, size_t count)
{
    struct store *s = calloc(1, sizeof(*s));
    if (!s)
        table_die("out of memory");
    s->specs = specs;
    s->count = count;
    s->tables = calloc(count, sizeof(*s->tables));
    s->hooks = calloc(count, sizeof(*s->hooks));
    size_t row_size = 1;
    for (size_t i = 0; i < count; i++) {
        codec_check_spec(&specs[i]);
        if (specs[i].row_size > row_size)
            row_size = specs[i].row_size;
    }
    s->scratch = malloc(row_size);
    if (!s->tables || !s->hooks || !s->scratch)
        table_die("out of memory");
    for (size_t i = 0; i < count; i++)
        table_init(&s->tables[i], specs[i].row_size, specs[i].key_size, default_seed);
    s->undo = BUFFER_EMPTY;
    s->changes = changes_new();
    s->recording = 1;
    return s;
}

void store_seed(struct store *s, const uint8_t seed[STORE_SEED_SIZE])
{
    for (size_t i = 0; i < s->count; i++) {
        assert(s->tables[i].count == 0);
        table_release(&s->tables[i]);
        table_init(&s->tables[i], s->specs[i].row_size, s->specs[i].key_size, seed);
    }
}

void store_free(struct store *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->count; i++)
        table_release(&s->tables[i]);
    free(s->tables);
    free(s->hooks);
    free(s->scratch);
    buffer_release(&s->undo);
    changes_free(s->changes);
    free(s);
}

void store_set_hook(struct store *s, unsigned table, store_hook *hook, void *context)
{
    assert(table < s->count && s->tables[table].count == 0 && !s->hooks[table].call);
    s->hooks[table] = (struct hook){hook, context};
}

static void call_hook(const struct store *s, unsigned table, const void *old_row,
                      const void *new_row)
{
    const struct hook *hook = &s->hooks[table];
    if (hook->call)
        hook->call(hook->context, old_row, new_row);
}

static size_t padded(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

/* Room for an image of `size` bytes and its undo entry, which is filled in. */
static uint8_t *undo_add(struct store *s, unsigned table, enum change_kind kind, size_t size)
{
    size_t room = padded(size);
    uint8_t *at = buffer_extend(&s->undo, room + sizeof(struct undo));
    if (!at)
        table_die("out of memory");
    struct undo entry = {
        .table = (uint16_t)table, .kind = (uint16_t)kind, .recorded = (uint8_t)s->recording};
    memcpy(at + room, &entry, sizeof(entry));
    return at;
}

const void *store_find(const struct store *s, unsigned table, const void *key)
{
    assert(table < s->count);
    const struct table *t = &s->tables[table];
    return table_find(t, key, table_hash(t, key));
}

void store_expect(const struct store *s, unsigned table, const void *const *keys, size_t count)
{
    enum { AT_ONCE = 16 }; /* as many misses as a processor keeps in flight, about */
    uint32_t hashes[AT_ONCE];

    assert(table < s->count);
    const struct table *t = &s->tables[table];
    for (size_t first = 0; first < count; first += AT_ONCE) {
        size_t here = count - first < AT_ONCE ? count - first : AT_ONCE;
        for (size_t i = 0; i < here; i++) {
            hashes[i] = table_hash(t, keys[first + i]);
            table_prefetch(t, hashes[i]);
        }
        for (size_t i = 0; i < here; i++)
            table_prefetch_row(t, hashes[i]);
    }
}

void store_put(struct store *s, unsigned table, const void *row)
{
    assert(table < s->count);
    struct table *t = &s->tables[table];
    uint32_t hash = table_hash(t, row);
    uint8_t *present = table_find(t, row, hash);
    enum change_kind kind = present ? CHANGE_REPLACE : CHANGE_INSERT;
    const void *old_row = NULL;

    if (present) {
        old_row = memcpy(undo_add(s, table, kind, t->row_size), present, t->row_size);
        memcpy(present, row, t->row_size);
    } else {
        memcpy(undo_add(s, table, kind, t->key_size), row, t->key_size);
        table_insert(t, row, hash);
    }
    if (s->recording)
        changes_add(s->changes, &s->specs[table], table, kind, row);
    call_hook(s, table, old_row, row);
}

void store_remove(struct store *s, unsigned table, const void *key)
{
    assert(table < s->count);
    struct table *t = &s->tables[table];
    uint8_t *old_row = undo_add(s, table, CHANGE_REMOVE, t->row_size);
    /* The hash is taken first and the key not used after: it may point into the row. */
    table_take(t, key, table_hash(t, key), old_row);
    if (s->recording)
        changes_add(s->changes, &s->specs[table], table, CHANGE_REMOVE, old_row);
    call_hook(s, table, old_row, NULL);
}

int store_load_row(struct store *s, unsigned table, const void *row)
{
    assert(table < s->count && s->undo.length == 0);
    struct table *t = &s->tables[table];
    uint32_t hash = table_hash(t, row);
    if (table_find(t, row, hash))
        return -1;
    table_insert(t, row, hash);
    call_hook(s, table, NULL, row);
    return 0;
}

uint64_t store_count(const struct store *s, unsigned table)
{
    assert(table < s->count);
    return s->tables[table].count;
}

int store_each(const struct store *s, unsigned table, int (*visit)(void *context, const void *row),
               void *context)
{
    assert(table < s->count);
    return table_each(&s->tables[table], visit, context);
}

size_t store_memory(const struct store *s)
{
    size_t bytes = s->undo.capacity + s->changes->bytes.capacity;
    for (size_t i = 0; i < s->count; i++)
        bytes += table_memory(&s->tables[i]);
    return bytes;
}

size_t store_mark(const struct store *s)
{
    return s->undo.length;
}

/* Takes back the change that `entry` stands for; `image` is what undo_add() made room for. */
static void undo_one(struct store *s, const struct undo *entry, const uint8_t *image)
{
    struct table *t = &s->tables[entry->table];
    uint32_t hash = table_hash(t, image);

    /* What is taken back last was recorded last: its record goes too, as if it had never been. */
    if (entry->recorded)
        changes_drop_last(s->changes, &s->specs[entry->table], entry->kind);
    switch ((enum change_kind)entry->kind) {
    case CHANGE_INSERT:
        table_take(t, image, hash, s->scratch);
        call_hook(s, entry->table, s->scratch, NULL);
        break;
    case CHANGE_REPLACE: {
        uint8_t *present = table_find(t, image, hash);
        assert(present);
        memcpy(s->scratch, present, t->row_size);
        memcpy(present, image, t->row_size);
        call_hook(s, entry->table, s->scratch, image);
        break;
    }
    case CHANGE_REMOVE:
        table_insert(t, image, hash);
        call_hook(s, entry->table, NULL, image);
        break;
    }
}

void store_rollback(struct store *s, size_t mark)
{
    assert(mark <= s->undo.length);
    while (s->undo.length > mark) {
        struct undo entry;
        size_t at = s->undo.length - sizeof(entry);
        memcpy(&entry, s->undo.data + at, sizeof(entry));
        const struct table_spec *spec = &s->specs[entry.table];
        at -= padded(entry.kind == CHANGE_INSERT ? spec->key_size : spec->row_size);
        undo_one(s, &entry, s->undo.data + at);
        s->undo.length = at;
    }
    assert(s->undo.length == mark);
}

void store_settle(struct store *s)
{
    buffer_clear(&s->undo);
}

size_t store_changes_bytes(const struct store *s)
{
    return s->changes->bytes.length;
}

void store_changes_swap(struct store *s, struct changes **c)
{
    assert(s->undo.length == 0 && (*c)->bytes.length == 0);
    struct changes *taken = s->changes;
    s->changes = *c;
    *c = taken;
}

void store_record_changes(struct store *s, int on)
{
    assert(s->undo.length == 0);
    s->recording = on != 0;
}
