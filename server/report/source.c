#include "server/report/source.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/status.h"
#include "server/report/vector.h"

/* --- Keys --- */

static uint64_t column_number(const struct column *c, const uint8_t *row)
{
    uint64_t whole;
    uint32_t half;
    uint16_t quarter;
    switch (c->kind) {
    case COLUMN_U64:
        memcpy(&whole, row + c->offset, sizeof(whole));
        return whole;
    case COLUMN_U32:
        memcpy(&half, row + c->offset, sizeof(half));
        return half;
    case COLUMN_U16:
        memcpy(&quarter, row + c->offset, sizeof(quarter));
        return quarter;
    default:
        return row[c->offset];
    }
}

/* The order of two keys by their columns; only those of single numbers and bytes stand in keys. */
static int keys_compare(const struct table_spec *spec, const void *a, const void *b)
{
    for (uint16_t i = 0; i < spec->key_columns; i++) {
        const struct column *c = &spec->columns[i];
        const uint8_t *left = a, *right = b;
        if (c->count > 1) {
            int order =
                memcmp(left + c->offset, right + c->offset, c->count * column_element_size(c));
            if (order != 0)
                return order;
            continue;
        }
        uint64_t x = column_number(c, left), y = column_number(c, right);
        if (x != y)
            return x < y ? -1 : 1;
    }
    return 0;
}

/* --- A store --- */

struct pointers {
    const void **rows;
    size_t count;
    size_t room;
};

static int pointer_add(void *context, const void *row)
{
    struct pointers *p = context;
    if (p->count < p->room)
        p->rows[p->count++] = row;
    return 0;
}

static int pointers_compare(const void *a, const void *b, void *spec)
{
    return keys_compare(spec, *(const void *const *)a, *(const void *const *)b);
}

static int store_source_each(void *of, enum table table, source_visit *visit, void *context)
{
    const struct store *s = of;
    struct table_spec spec = exchange_tables[table];
    struct pointers p = {.room = (size_t)store_count(s, table)};
    if (p.room == 0)
        return 0;
    p.rows = calloc(p.room, sizeof(*p.rows));
    if (p.rows == NULL)
        return STATUS_MEMORY;
    store_each(s, table, pointer_add, &p);
    qsort_r(p.rows, p.count, sizeof(*p.rows), pointers_compare, &spec);
    int status = 0;
    for (size_t i = 0; status == 0 && i < p.count; i++)
        status = visit(context, p.rows[i]);
    free(p.rows);
    return status;
}

static int store_source_find(void *of, enum table table, const void *key, void *row_out)
{
    const void *row = store_find(of, table, key);
    if (row == NULL)
        return STATUS_NOT_FOUND;
    memcpy(row_out, row, exchange_tables[table].row_size);
    return 0;
}

struct source source_of_store(const struct store *s)
{
    return (struct source){
        .each = store_source_each, .find = store_source_find, .of = (void *)(uintptr_t)s};
}

/* --- Nothing --- */

static int nothing_each(void *of, enum table table, source_visit *visit, void *context)
{
    (void)of;
    (void)table;
    (void)visit;
    (void)context;
    return 0;
}

static int nothing_find(void *of, enum table table, const void *key, void *row_out)
{
    (void)of;
    (void)table;
    (void)key;
    (void)row_out;
    return STATUS_NOT_FOUND;
}

struct source source_of_nothing(void)
{
    return (struct source){.each = nothing_each, .find = nothing_find};
}

/* --- A snapshot --- */

struct snapshot_walk {
    const atomic_bool *stopping;
    source_visit *visit;
    void *context;
};

static bool snapshot_stops(const atomic_bool *stopping)
{
    return stopping != NULL && atomic_load_explicit(stopping, memory_order_relaxed);
}

static int snapshot_visit(void *context, const void *row)
{
    struct snapshot_walk *w = context;
    return snapshot_stops(w->stopping) ? STATUS_CLOSED : w->visit(w->context, row);
}

static int snapshot_source_each(void *of, enum table table, source_visit *visit, void *context)
{
    struct snapshot_source *s = of;
    struct snapshot_walk walk = {s->stopping, visit, context};
    return image_snapshot_each(s->snapshot, table, snapshot_visit, &walk, &s->error);
}

static int snapshot_source_find(void *of, enum table table, const void *key, void *row_out)
{
    struct snapshot_source *s = of;
    if (snapshot_stops(s->stopping))
        return STATUS_CLOSED;
    return image_snapshot_find(s->snapshot, table, key, row_out, &s->error);
}

struct source source_of_snapshot(struct snapshot_source *s)
{
    return (struct source){.each = snapshot_source_each,
                           .find = snapshot_source_find,
                           .of = s,
                           .stopping = s->stopping};
}

/* --- All rows of a table --- */

struct load {
    struct source_rows *out;
    size_t row_size;
    size_t room;
};

static int load_add(void *context, const void *row)
{
    struct load *l = context;
    void *rows = vector_reserve(l->out->rows, l->row_size, l->out->count, &l->room);
    if (rows == NULL)
        return STATUS_MEMORY;
    l->out->rows = rows;
    memcpy((uint8_t *)l->out->rows + l->out->count * l->row_size, row, l->row_size);
    l->out->count++;
    return 0;
}

int source_load(const struct source *from, enum table table, struct source_rows *out)
{
    *out = (struct source_rows){NULL, 0};
    struct load l = {.out = out, .row_size = exchange_tables[table].row_size};
    return from->each(from->of, table, load_add, &l);
}

int source_find(const struct source *from, enum table table, const void *key, void *row_out,
                bool *found_out)
{
    int status = from->find(from->of, table, key, row_out);
    *found_out = status == 0;
    return status == STATUS_NOT_FOUND ? 0 : status;
}
