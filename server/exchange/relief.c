#include "server/exchange/relief.h"

#include <assert.h>
#include <stdlib.h>

#include "server/exchange/elastic.h"
#include "server/exchange/lease.h"
#include "server/exchange/occupancy.h"
#include "server/exchange/offer.h"

static int sums_compare(const struct relief_sums *a, const struct relief_sums *b)
{
    return (a->lease > b->lease) - (a->lease < b->lease);
}

TREE_GENERATE(relief_tree, relief_sums, link, sums_compare)

static struct relief_sums *sums_find(const struct exchange *x, uint64_t lease)
{
    struct relief_sums key = {.lease = lease};
    return RB_FIND(relief_tree, &x->leases->reliefs.sums, &key);
}

const struct relief_sums *relief_find(const struct exchange *x, uint64_t lease)
{
    return sums_find(x, lease);
}

uint64_t relief_kept_out(const struct exchange *x)
{
    return x->leases->reliefs.kept_out;
}

/* --- Questions ----------------------------------------------------------------------------- */

void relief_each(const struct exchange *x, const struct lease_row *lease, uint64_t from_s,
                 uint64_t to_s,
                 void (*piece)(void *context, uint64_t from_s, uint64_t to_s, uint64_t gpus),
                 void *context)
{
    const struct relief_sums *sums = relief_find(x, lease->lease);
    uint64_t at = from_s / 60;
    uint64_t end = to_s / 60;
    while (at < end) {
        uint64_t until = end;
        uint64_t gpus = lease->gpus;
        if (sums != NULL) {
            struct piece sold = steps_piece(&sums->sold, at);
            struct piece paused = steps_piece(&sums->paused, at);
            until = sold.until < until ? sold.until : until;
            until = paused.until < until ? paused.until : until;
            gpus = paused.value > 0 || sold.value > gpus ? 0 : gpus - sold.value;
        }
        if (gpus > 0)
            piece(context, at * 60, until * 60, gpus);
        at = until;
    }
}

static void owed_add(void *context, uint64_t from_s, uint64_t to_s, uint64_t gpus)
{
    gpu_minutes *total = context;
    *total += (to_s - from_s) / 60 * gpus;
}

gpu_minutes relief_owed(const struct exchange *x, const struct lease_row *lease, uint64_t from_s,
                        uint64_t to_s)
{
    gpu_minutes total = 0;
    relief_each(x, lease, from_s, to_s, owed_add, &total);
    return total;
}

uint32_t relief_unsold(const struct exchange *x, const struct lease_row *lease, uint64_t from_s,
                       uint64_t to_s)
{
    if (from_s < lease->start_s || to_s > lease->end_s || from_s >= to_s)
        return 0;
    const struct relief_sums *sums = relief_find(x, lease->lease);
    uint64_t sold = sums != NULL ? steps_max(&sums->sold, from_s / 60, to_s / 60) : 0;
    return sold < lease->gpus ? lease->gpus - (uint32_t)sold : 0;
}

uint64_t relief_tail(const struct exchange *x, const struct lease_row *lease)
{
    const struct relief_sums *sums = relief_find(x, lease->lease);
    if (sums == NULL)
        return lease->end_s;
    uint64_t tail = lease->start_s / 60;
    uint64_t end = lease->end_s / 60;
    for (uint64_t at = tail; at < end;) {
        struct piece sold = steps_piece(&sums->sold, at);
        at = sold.until < end ? sold.until : end;
        if (sold.value < lease->gpus)
            tail = at;
    }
    return tail * 60;
}

/* --- Index --------------------------------------------------------------------------------- */

static uint64_t relief_counts_until(const struct relief_row *row)
{
    return row->end_s - (uint64_t)row->cut_min * 60;
}

/* Whether the row lies within its lease, as all rows do that the rules have put. */
static bool relief_fits(const struct exchange *x, const struct relief_row *row)
{
    const struct lease_row *lease = lease_find(x, row->lease);
    if (lease == NULL || lease->meter_period_min == 0 || row->end_s < row->start_s ||
        row->start_s % 60 != 0 || row->end_s % 60 != 0 ||
        (uint64_t)row->cut_min * 60 > row->end_s - row->start_s)
        return false;
    if (row->gpus == 0 || row->gpus > lease->gpus || row->start_s < lease->start_s)
        return false;
    uint64_t until_s = relief_counts_until(row);
    switch (row->kind) {
    case RELIEF_KIND_SALE:
    case RELIEF_KIND_PAUSE:
        return until_s == row->start_s || until_s <= lease->end_s;
    case RELIEF_KIND_WITHHELD:
        return row->cut_min == 0 && row->end_s <= TIME_MAX_S;
    default:
        return false;
    }
}

static void sums_change(struct relief_sums *sums, const struct relief_row *row, int sign)
{
    uint64_t from = row->start_s / 60;
    uint64_t to = relief_counts_until(row) / 60;
    if (row->kind == RELIEF_KIND_PAUSE) {
        steps_add(&sums->paused, from, to, sign);
    } else if (row->kind == RELIEF_KIND_SALE) {
        steps_add(&sums->sold, from, to, sign * (int64_t)row->gpus);
        gpu_minutes minutes = (to - from) * row->gpus;
        sums->sold_minutes += sign > 0 ? minutes : -minutes;
        sums->sales += sign > 0 ? 1 : -1U;
    }
    sums->rows += sign > 0 ? 1 : -1U;
}

/* The sold part is free for the primary offer, where the lease of its buyer takes it, and taken in
 * the offer that it was sold through. */
static void offers_change(struct exchange *x, const struct relief_row *row, int sign)
{
    int64_t gpus = sign * (int64_t)row->gpus;
    const struct lease_row *lease = lease_find(x, row->lease);
    if (row->kind == RELIEF_KIND_WITHHELD)
        occupancy_withhold(x, lease->offer, row->start_s, row->end_s, gpus);
    if (row->kind != RELIEF_KIND_SALE)
        return;
    offer_take(x, lease->offer, row->start_s, relief_counts_until(row), -gpus);
    occupancy_take(x, lease->offer, row->start_s, relief_counts_until(row), -gpus, lease->elected);
    offer_take(x, row->offer, row->start_s, row->end_s, gpus);
}

static void relief_enter(struct exchange *x, const struct relief_row *row)
{
    struct relief_sums *sums = sums_find(x, row->lease);
    uint64_t from = row->start_s / 60;
    uint64_t to = relief_counts_until(row) / 60;
    uint64_t sold = sums != NULL && from < to ? steps_max(&sums->sold, from, to) : 0;
    if (row->kind == RELIEF_KIND_SALE && sold + row->gpus > lease_find(x, row->lease)->gpus) {
        x->leases->reliefs.kept_out++;
        return;
    }
    if (sums == NULL) {
        sums = calloc(1, sizeof(*sums));
        if (sums == NULL)
            memory_exhausted();
        sums->lease = row->lease;
        steps_init(&sums->sold);
        steps_init(&sums->paused);
        RB_INSERT(relief_tree, &x->leases->reliefs.sums, sums);
    }
    sums_change(sums, row, 1);
    offers_change(x, row, 1);
}

static void sums_drop(struct exchange *x, struct relief_sums *sums)
{
    RB_REMOVE(relief_tree, &x->leases->reliefs.sums, sums);
    steps_release(&sums->sold);
    steps_release(&sums->paused);
    free(sums);
}

static void relief_leave(struct exchange *x, const struct relief_row *row)
{
    struct relief_sums *sums = sums_find(x, row->lease);
    if (sums == NULL)
        return;
    offers_change(x, row, -1);
    sums_change(sums, row, -1);
    if (sums->rows == 0)
        sums_drop(x, sums);
}

static void relief_hook(void *context, const void *old_row, const void *new_row)
{
    struct exchange *x = context;
    const struct relief_row *old = old_row;
    const struct relief_row *new = new_row;
    if (old != NULL && relief_fits(x, old))
        relief_leave(x, old);
    if (new != NULL && relief_fits(x, new))
        relief_enter(x, new);
    else if (new != NULL)
        x->leases->reliefs.kept_out++;
    pause_refresh(x, old != NULL ? old->lease : new->lease);
}

void relief_index_new(struct exchange *x)
{
    RB_INIT(&x->leases->reliefs.sums);
    store_set_hook(x->store, TABLE_RELIEF, relief_hook, x);
}

void relief_index_free(struct exchange *x)
{
    struct relief_sums *sums;
    while ((sums = RB_ROOT(&x->leases->reliefs.sums)) != NULL)
        sums_drop(x, sums);
}

/* --- Changes ------------------------------------------------------------------------------- */

void relief_add(struct exchange *x, struct lease_row *lease, struct relief_row *row)
{
    row->lease = lease->lease;
    row->relief = lease->reliefs++;
    store_put(x->store, TABLE_RELIEF, row);
}

void relief_cut(struct exchange *x, const struct lease_row *lease, uint64_t end_s)
{
    for (uint32_t i = 0; i < lease->reliefs; i++) {
        struct relief_row key = {.lease = lease->lease, .relief = i};
        const struct relief_row *found = store_find(x->store, TABLE_RELIEF, &key);
        if (found == NULL || found->kind == RELIEF_KIND_WITHHELD ||
            relief_counts_until(found) <= end_s || relief_counts_until(found) == found->start_s)
            continue;
        struct relief_row row = *found;
        uint64_t from_s = row.start_s > end_s ? row.start_s : end_s;
        row.cut_min = (uint32_t)((row.end_s - from_s) / 60);
        store_put(x->store, TABLE_RELIEF, &row);
    }
}

struct withholding {
    struct exchange *x;
    struct lease_row *lease;
};

static void withheld_add(void *context, uint64_t from_s, uint64_t to_s, uint64_t gpus)
{
    struct withholding *w = context;
    struct relief_row row = {
        .kind = RELIEF_KIND_WITHHELD,
        .start_s = from_s,
        .end_s = to_s,
        .gpus = (uint32_t)gpus,
    };
    relief_add(w->x, w->lease, &row);
}

void relief_withhold(struct exchange *x, struct lease_row *lease, uint64_t end_s)
{
    struct withholding w = {x, lease};
    relief_each(x, lease, end_s, lease->end_s, withheld_add, &w);
}
