/* What an offer has free: its GPUs but for those that leases and closures take, added up anew at
 * each look. */
#include <stdlib.h>

#include "server/exchange/lease.h"
#include "server/exchange/referee_rows.h"

void minutes_add(struct minutes *m, uint64_t minute)
{
    m->items = referee_grow(m->items, m->count + 1, sizeof(m->items[0]));
    m->items[m->count++] = minute;
}

/* --- What is taken -------------------------------------------------------------------------- */

/* GPUs that something takes (below 0: gives back) from a minute on: two for each span of time. */
struct edges {
    struct taken *items;
    size_t count;
};

static void edge_add(struct edges *e, uint64_t minute, int64_t gpus)
{
    e->items = referee_grow(e->items, e->count + 1, sizeof(e->items[0]));
    e->items[e->count++] = (struct taken){minute, gpus};
}

static void span_add(struct edges *e, uint64_t from_s, uint64_t to_s, int64_t gpus)
{
    if (from_s >= to_s)
        return;
    edge_add(e, from_s / 60, gpus);
    edge_add(e, to_s / 60, -gpus);
}

/* A lease takes its GPUs but for the parts that were sold out of it. */
static void lease_spans(const struct exchange *x, const struct lease_row *lease, struct edges *out)
{
    span_add(out, lease->start_s, lease->end_s, lease->gpus);
    for (uint32_t i = 0; i < lease->reliefs; i++) {
        struct relief_row key = {.lease = lease->lease, .relief = i};
        const struct relief_row *row = store_find(x->store, TABLE_RELIEF, &key);
        if (row == NULL || row->kind != RELIEF_KIND_SALE)
            continue;
        uint64_t to_s = row->end_s - (uint64_t)row->cut_min * 60;
        span_add(out, row->start_s, to_s, -(int64_t)row->gpus);
    }
}

/* Of a lease that was on offer: what was sold, however early the buyer's lease ended. */
static void part_spans(const struct exchange *x, const struct lease_row *sold, uint64_t offer,
                       struct edges *out)
{
    const struct lease_row *parent = lease_find(x, sold->parent);
    for (uint32_t i = 0; parent != NULL && i < parent->reliefs; i++) {
        struct relief_row key = {.lease = parent->lease, .relief = i};
        const struct relief_row *row = store_find(x->store, TABLE_RELIEF, &key);
        if (row != NULL && row->kind == RELIEF_KIND_SALE && row->sold == sold->lease &&
            row->offer == offer)
            span_add(out, row->start_s, row->end_s, row->gpus);
    }
}

static void taken_spans(const struct exchange *x, const struct offer_row *o, uint64_t serial,
                        struct edges *out)
{
    const struct lease_row *lease = lease_find(x, serial);
    if (lease != NULL && o->lease != 0)
        part_spans(x, lease, o->offer, out);
    else if (lease != NULL && lease->offer == o->offer)
        lease_spans(x, lease, out);
}

bool referee_lease_takes(const struct exchange *x, const struct offer_row *o, uint64_t lease)
{
    struct edges edges = {NULL, 0};
    bool takes = false;
    taken_spans(x, o, lease, &edges);
    for (size_t i = 0; i < edges.count; i++)
        takes = takes || edges.items[i].minute > x->head.time_s / 60;
    free(edges.items);
    return takes;
}

static int taken_compare(const void *a, const void *b)
{
    const struct taken *p = a;
    const struct taken *q = b;
    return p->minute < q->minute ? -1 : p->minute > q->minute;
}

/* The sum of all edges up to each minute that has one. */
static void steps_sum(struct taken_steps *steps, struct edges *edges)
{
    int64_t gpus = 0;
    steps->count = 0;
    if (edges->count > 0)
        qsort(edges->items, edges->count, sizeof(edges->items[0]), taken_compare);
    for (size_t i = 0; i < edges->count; i++) {
        gpus += edges->items[i].gpus;
        if (i + 1 < edges->count && edges->items[i + 1].minute == edges->items[i].minute)
            continue;
        steps->items = referee_grow(steps->items, steps->count + 1, sizeof(steps->items[0]));
        steps->items[steps->count++] = (struct taken){edges->items[i].minute, gpus};
    }
}

static const struct taken_steps *steps_of(struct referee_rows *rows, struct held *h)
{
    const struct offer_row *o = h->row;
    struct edges edges = {NULL, 0};
    if (h->look == rows->look)
        return &h->steps;
    for (size_t i = 0; i < h->leases.count; i++)
        taken_spans(rows->x, o, h->leases.items[i], &edges);
    for (size_t i = 0; i < rows->fresh_count; i++) {
        const struct fresh *f = &rows->fresh[i];
        if ((o->lease != 0 ? f->through : f->offer) == o->offer)
            taken_spans(rows->x, o, f->lease, &edges);
    }
    for (size_t i = 0; i < rows->shut_count; i++) {
        if (rows->shut[i].site == o->site)
            span_add(&edges, rows->shut[i].from_s, rows->shut[i].to_s, o->gpus);
    }
    steps_sum(&h->steps, &edges);
    free(edges.items);
    h->look = rows->look;
    return &h->steps;
}

/* --- What is free --------------------------------------------------------------------------- */

/* How many steps there are up to and with the minute. */
static size_t steps_before(const struct taken_steps *s, uint64_t minute)
{
    size_t low = 0;
    size_t high = s->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->items[middle].minute <= minute)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t referee_free_gpus(struct referee_rows *rows, struct held *h, uint64_t from_min,
                           uint64_t to_min)
{
    const struct offer_row *o = h->row;
    const struct taken_steps *s = steps_of(rows, h);
    if (from_min < o->start_s / 60 || to_min > o->end_s / 60)
        return 0;
    size_t next = steps_before(s, from_min);
    int64_t most = next > 0 ? s->items[next - 1].gpus : 0;
    for (; next < s->count && s->items[next].minute < to_min; next++) {
        if (s->items[next].gpus > most)
            most = s->items[next].gpus;
    }
    return most < (int64_t)o->gpus ? (uint32_t)((int64_t)o->gpus - most) : 0;
}

void referee_changes(struct referee_rows *rows, struct held *h, uint64_t from_min,
                     uint64_t until_min, struct minutes *out)
{
    const struct taken_steps *s = steps_of(rows, h);
    uint64_t begin = h->row->start_s / 60;
    if (begin > from_min && begin <= until_min)
        minutes_add(out, begin);
    for (size_t i = steps_before(s, from_min); i < s->count && s->items[i].minute <= until_min; i++)
        minutes_add(out, s->items[i].minute);
}

bool referee_earliest(struct referee_rows *rows, struct held *h, uint64_t from_min,
                      uint64_t until_min, uint32_t duration_min, uint32_t block,
                      uint64_t *start_out)
{
    struct minutes starts = {NULL, 0};
    bool found = false;
    minutes_add(&starts, from_min);
    referee_changes(rows, h, from_min, until_min, &starts);
    for (size_t i = 0; i < starts.count; i++) {
        uint64_t start = starts.items[i];
        if ((!found || start < *start_out) &&
            referee_free_gpus(rows, h, start, start + duration_min) >= block) {
            *start_out = start;
            found = true;
        }
    }
    free(starts.items);
    return found;
}
