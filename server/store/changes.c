#include "server/store/changes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/endian.h"
#include "protocol/status.h"
#include "server/store/codec.h"
#include "server/store/table.h"

/* A buffer that once grew beyond this is given back after its flush instead of being kept. */
static const size_t KEPT_MAX = 256u * 1024 * 1024;

struct changes *changes_new(void)
{
    struct changes *c = malloc(sizeof(*c));
    if (!c)
        table_die("out of memory");
    c->bytes = BUFFER_EMPTY;
    return c;
}

void changes_free(struct changes *c)
{
    if (!c)
        return;
    buffer_release(&c->bytes);
    free(c);
}

void changes_clear(struct changes *c)
{
    if (c->bytes.capacity > KEPT_MAX)
        buffer_release(&c->bytes);
    buffer_clear(&c->bytes);
}

static size_t entry_size(const struct table_spec *spec, enum change_kind kind)
{
    size_t image = kind == CHANGE_REMOVE ? spec->key_size : spec->row_size;
    return sizeof(struct change) + ((image + 7) & ~(size_t)7);
}

void changes_add(struct changes *c, const struct table_spec *spec, unsigned table,
                 enum change_kind kind, const void *row)
{
    size_t size = entry_size(spec, kind);
    uint8_t *at = buffer_extend(&c->bytes, size);
    if (!at)
        table_die("out of memory");
    struct change entry = {
        .table = (uint16_t)table, .kind = (uint16_t)kind, .size = (uint32_t)size};
    memcpy(at, &entry, sizeof(entry));
    memcpy(at + sizeof(entry), row, kind == CHANGE_REMOVE ? spec->key_size : spec->row_size);
}

void changes_drop_last(struct changes *c, const struct table_spec *spec, enum change_kind kind)
{
    size_t size = entry_size(spec, kind);
    assert(c->bytes.length >= size);
    c->bytes.length -= size;
}

struct change_item {
    uint64_t word; /* of the encoded key: the part being sorted by */
    uint64_t at;   /* where the entry begins */
};

enum {
    WORD_SIZE = 8,
    FEW_ITEMS = 64, /* up to here insertion beats counting */
};

static void entry_get(const struct changes *c, uint64_t at, struct change *entry_out)
{
    memcpy(entry_out, c->bytes.data + at, sizeof(*entry_out));
}

static const uint8_t *entry_row(const struct changes *c, uint64_t at)
{
    return c->bytes.data + at + sizeof(struct change);
}

/* Grows the sorter's memory for these changes and sets table_ends[t] to where table t begins. */
static int sorter_prepare(struct change_sorter *o, const struct changes *c, size_t specs_count)
{
    size_t total = 0;
    struct change entry;

    if (o->tables_count != specs_count) {
        free(o->table_ends);
        o->tables_count = 0;
        o->table_ends = calloc(specs_count + 1, sizeof(*o->table_ends));
        if (!o->table_ends)
            return STATUS_MEMORY;
        o->tables_count = specs_count;
    }
    memset(o->table_ends, 0, (specs_count + 1) * sizeof(*o->table_ends));
    for (size_t at = 0; at < c->bytes.length; at += entry.size) {
        entry_get(c, at, &entry);
        assert(entry.table < specs_count);
        o->table_ends[entry.table + 1]++;
        total++;
    }
    for (size_t t = 1; t <= specs_count; t++)
        o->table_ends[t] += o->table_ends[t - 1];
    if (total <= o->capacity)
        return STATUS_OK;

    free(o->items);
    free(o->spare);
    o->items = malloc(total * sizeof(*o->items));
    o->spare = malloc(total * sizeof(*o->spare));
    o->capacity = o->items && o->spare ? total : 0;
    return o->capacity ? STATUS_OK : STATUS_MEMORY;
}

void change_sorter_release(struct change_sorter *o)
{
    free(o->items);
    free(o->spare);
    free(o->table_ends);
    *o = CHANGE_SORTER_EMPTY;
}

/* What a sort needs beside the items. */
struct sort {
    const struct changes *changes;
    const struct table_spec *spec;
    struct change_item *spare; /* as many as are sorted */
};

/* Sets each item's word to the `number`-th 8 bytes of its encoded key, zeros behind the key. */
static void words_set(const struct sort *o, struct change_item *items, size_t count, size_t number)
{
    uint8_t key[CODEC_KEY_SIZE_MAX + WORD_SIZE] = {0};

    for (size_t i = 0; i < count; i++) {
        codec_encode_key(o->spec, entry_row(o->changes, items[i].at), key);
        items[i].word = get_u64_be(key + number * WORD_SIZE);
    }
}

static void insertion_sort(struct change_item *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct change_item item = items[i];
        size_t to = i;
        for (; to > 0 && items[to - 1].word > item.word; to--)
            items[to] = items[to - 1];
        items[to] = item;
    }
}

/* Sorts by counting, byte by byte from the lowest, skipping bytes that are equal in all: serials
 * of one flush mostly share their upper ones. Keeps the order of equal words. */
static void radix_sort(struct change_item *items, struct change_item *spare, size_t count)
{
    struct change_item *from = items;
    struct change_item *to = spare;
    uint64_t varying = 0;

    for (size_t i = 1; i < count; i++)
        varying |= items[i].word ^ items[0].word;
    for (unsigned shift = 0; shift < 64; shift += 8) {
        size_t starts[256] = {0};
        if (((varying >> shift) & 0xff) == 0)
            continue;
        for (size_t i = 0; i < count; i++)
            starts[(from[i].word >> shift) & 0xff]++;
        for (size_t i = 0, sum = 0; i < 256; i++) {
            size_t here = starts[i];
            starts[i] = sum;
            sum += here;
        }
        for (size_t i = 0; i < count; i++)
            to[starts[(from[i].word >> shift) & 0xff]++] = from[i];
        struct change_item *swap = from;
        from = to;
        to = swap;
    }
    if (from != items)
        memcpy(items, from, count * sizeof(*items));
}

/* Sorts items whose keys agree before the `number`-th word; the depth is the key's words at most.
 */
static void items_sort(const struct sort *o, struct change_item *items, size_t count, size_t number)
{
    words_set(o, items, count, number);
    if (count <= FEW_ITEMS)
        insertion_sort(items, count);
    else
        radix_sort(items, o->spare, count);
    if ((number + 1) * WORD_SIZE >= o->spec->key_size)
        return;
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && items[end].word == items[first].word;)
            end++;
        if (end - first > 1)
            items_sort(o, items + first, end - first, number + 1);
    }
}

int change_sorter_run(struct change_sorter *o, const struct changes *c,
                      const struct table_spec *specs, size_t specs_count)
{
    struct change entry;
    int status = sorter_prepare(o, c, specs_count);

    if (status)
        return status;
    /* Entry t is where table t begins; dealing its items out moves it on to where t ends. */
    for (size_t at = 0; at < c->bytes.length; at += entry.size) {
        entry_get(c, at, &entry);
        o->items[o->table_ends[entry.table]++].at = at;
    }
    for (size_t t = 0; t < specs_count; t++) {
        size_t first = t ? o->table_ends[t - 1] : 0;
        struct sort sort = {c, &specs[t], o->spare};
        items_sort(&sort, o->items + first, o->table_ends[t] - first, 0);
    }
    return STATUS_OK;
}

size_t change_sorter_count(const struct change_sorter *o, unsigned table)
{
    return o->table_ends[table] - (table ? o->table_ends[table - 1] : 0);
}

int change_sorter_each(const struct change_sorter *o, const struct changes *c,
                       const struct table_spec *specs, unsigned table,
                       int (*visit)(void *context, const struct net_change *net), void *context)
{
    size_t end = o->table_ends[table];
    size_t key_size = specs[table].key_size;

    for (size_t i = table ? o->table_ends[table - 1] : 0; i < end; i++) {
        struct change first, last;
        const uint8_t *key = entry_row(c, o->items[i].at);
        entry_get(c, o->items[i].at, &first);
        while (i + 1 < end && memcmp(entry_row(c, o->items[i + 1].at), key, key_size) == 0)
            i++;
        entry_get(c, o->items[i].at, &last);

        struct net_change net = {
            .row = entry_row(c, o->items[i].at),
            .gone = last.kind == CHANGE_REMOVE,
            .was_there = first.kind != CHANGE_INSERT,
        };
        if (net.gone && !net.was_there)
            continue;
        int result = visit(context, &net);
        if (result)
            return result;
    }
    return 0;
}
