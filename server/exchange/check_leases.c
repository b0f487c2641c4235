/*
 * Checks of what was sold of leases, of pauses, of trades and of offers of leases. As in
 * check_capacity.c what the index holds is worked out a second time from the rows alone.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "server/exchange/check.h"
#include "server/exchange/due.h"
#include "server/exchange/elastic.h"
#include "server/exchange/lease.h"
#include "server/exchange/offer.h"
#include "server/exchange/settlement.h"
#include "server/exchange/trade.h"

/* What the other rows say of one lease. */
struct lease_sums {
    struct steps sold;
    struct steps paused;
    gpu_minutes sold_minutes; /* as granted */
    uint32_t reliefs;
    uint32_t sales;
    uint32_t withheld;
    uint32_t children;
};

struct checking {
    const struct exchange *x;
    struct check_report *report;
    struct lease_sums *leases;
    size_t leases_count;
    uint64_t pause_items; /* that there should be */
};

static struct lease_sums *sums_of(struct checking *c, uint64_t lease)
{
    return lease < c->leases_count && lease_find(c->x, lease) != NULL ? &c->leases[lease] : NULL;
}

/* --- Reliefs ------------------------------------------------------------------------------- */

static bool relief_is_sound(const struct relief_row *row, const struct lease_row *lease)
{
    uint64_t cut_s = (uint64_t)row->cut_min * 60;
    if (row->start_s > row->end_s || cut_s > row->end_s - row->start_s ||
        row->start_s < lease->start_s || row->gpus == 0 || row->gpus > lease->gpus ||
        row->relief >= lease->reliefs)
        return false;
    if (row->kind == RELIEF_KIND_WITHHELD) /* whoever has ended the lease still earlier since */
        return row->start_s >= lease->end_s && row->end_s > row->start_s && cut_s == 0 &&
               lease->end_reason != LEASE_END_NOT_YET && lease->end_reason != LEASE_END_COMPLETED;
    if (row->end_s - cut_s > row->start_s && row->end_s - cut_s > lease->end_s)
        return false;
    return row->kind == RELIEF_KIND_SALE || row->kind == RELIEF_KIND_PAUSE;
}

/* The lease of the buyer and the offer that a part was sold through agree with the row. */
static bool sale_agrees(const struct exchange *x, const struct relief_row *row)
{
    const struct lease_row *sold = lease_find(x, row->sold);
    const struct offer_row *offer = offer_row_find(x, row->offer);
    return sold != NULL && sold->parent == row->lease && sold->gpus == row->gpus &&
           sold->start_s == row->start_s && offer != NULL && offer->lease == row->lease;
}

static int check_relief(void *context, const void *item)
{
    struct checking *c = context;
    const struct relief_row *row = item;
    const struct lease_row *lease = lease_find(c->x, row->lease);
    struct lease_sums *sums = sums_of(c, row->lease);
    if (lease == NULL || sums == NULL || !relief_is_sound(row, lease)) {
        check_found(c->report, "relief %u of lease %" PRIu64 " does not fit it", row->relief,
                    row->lease);
        return 0;
    }
    uint64_t to_min = row->end_s / 60 - row->cut_min;
    sums->reliefs++;
    if (row->kind == RELIEF_KIND_WITHHELD) {
        sums->withheld++;
        return 0;
    }
    if (row->kind == RELIEF_KIND_PAUSE) {
        steps_add(&sums->paused, row->start_s / 60, to_min, 1);
        return 0;
    }
    steps_add(&sums->sold, row->start_s / 60, to_min, row->gpus);
    sums->sold_minutes += (row->end_s - row->start_s) / 60 * row->gpus;
    sums->sales++;
    if (!sale_agrees(c->x, row))
        check_found(c->report,
                    "relief %u of lease %" PRIu64 ": the buyer's lease or the offer differs",
                    row->relief, row->lease);
    return 0;
}

static int count_child(void *context, const void *item)
{
    struct checking *c = context;
    const struct lease_row *row = item;
    if (row->parent == 0)
        return 0;
    struct lease_sums *sums = sums_of(c, row->parent);
    const struct lease_row *parent = lease_find(c->x, row->parent);
    if (sums == NULL || row->parent >= row->lease || parent->offer != row->offer ||
        parent->price_ucr != row->price_ucr || row->elastic) {
        check_found(c->report, "lease %" PRIu64 " does not fit the one it was sold out of",
                    row->lease);
        return 0;
    }
    sums->children++;
    return 0;
}

static void check_sold(struct checking *c, const struct lease_row *row,
                       const struct lease_sums *sums)
{
    static const struct steps nothing = {RB_INITIALIZER(nothing.tree), 0};
    const struct relief_sums *kept = relief_find(c->x, row->lease);
    if (sums->reliefs != row->reliefs || sums->sales != sums->children ||
        sums->sold_minutes != row->gpu_minutes_sold)
        check_found(c->report, "lease %" PRIu64 ": what was sold differs from the buyers' leases",
                    row->lease);
    if (!steps_equal(kept != NULL ? &kept->sold : &nothing, &sums->sold) ||
        !steps_equal(kept != NULL ? &kept->paused : &nothing, &sums->paused) ||
        (kept != NULL && (kept->rows != sums->reliefs || kept->sales != sums->sales)))
        check_found(c->report, "lease %" PRIu64 ": its reliefs differ in the index", row->lease);
    /* The last minute of a lease is never sold, or it would end before that. */
    if (row->end_reason == LEASE_END_OPERATOR && sums->withheld == 0)
        check_found(c->report, "lease %" PRIu64 ": nothing is withheld that its operator ended",
                    row->lease);
    if (steps_max(&sums->sold, 0, UINT64_MAX) > row->gpus)
        check_found(c->report, "lease %" PRIu64 ": more GPUs were sold than it has", row->lease);
}

/* --- Pauses -------------------------------------------------------------------------------- */

static void check_pause(struct checking *c, const struct lease_row *row)
{
    bool live = row->state == LEASE_STATE_GRANTED || row->state == LEASE_STATE_ACTIVE;
    if (row->paused_s != 0 && (!row->elastic || !live || row->paused_s < row->start_s ||
                               row->paused_s >= row->end_s || row->paused_s > c->x->head.time_s))
        check_found(c->report, "lease %" PRIu64 ": it cannot be paused then", row->lease);
    if ((row->elastic != 0) != (row->funded_min > 0) || (row->resumed_s != 0 && !row->elastic) ||
        row->resumed_s % 60 != 0 || row->resumed_s >= c->x->head.time_s + 60)
        check_found(c->report, "lease %" PRIu64 ": it cannot be paid ahead so", row->lease);
    struct due_item due = {.kind = DUE_PAUSE, .serial = row->lease};
    if (!pause_next_due(c->x, row, &due.due_s))
        return;
    c->pause_items++;
    if (!due_has(c->x, due))
        check_found(c->report, "lease %" PRIu64 " has no due item for its pause", row->lease);
}

/* --- Trades -------------------------------------------------------------------------------- */

/* The trade that a lease stands for, as long as it is kept. */
static void check_traded(struct checking *c, const struct lease_row *row)
{
    const struct trade_row *trade = trade_find(c->x, row->trade);
    if ((row->trade == 0) != (row->elected != 0) || row->trade > c->x->head.trade_last ||
        (trade != NULL && (trade->sku != row->sku || trade->gpus < row->gpus ||
                           trade->start_s > row->start_s || trade->resale)))
        check_found(c->report, "lease %" PRIu64 ": that is not its trade", row->lease);
}

/* --- Offers of leases ---------------------------------------------------------------------- */

static int check_offer(void *context, const void *item)
{
    struct checking *c = context;
    const struct offer_row *row = item;
    if (row->lease == 0)
        return 0;
    const struct lease_row *lease = lease_find(c->x, row->lease);
    bool open = row->state == OFFER_STATE_OPEN && row->end_s > c->x->head.time_s;
    if (lease == NULL || lease->holder != row->seller ||
        lease->operator!= row->operator|| lease->site != row->site || lease->sku != row->sku ||
        row->start_s<lease->start_s ||(open && lease->resale_offer != row->offer))
        check_found(c->report, "offer %" PRIu64 " does not fit the lease that is on offer",
                    row->offer);
    return 0;
}

/* GPUs that an open offer still has free must be unsold in its lease. */
static void check_resale(struct checking *c, const struct lease_row *row,
                         const struct lease_sums *sums)
{
    const struct offer_row *offer =
        row->resale_offer != 0 ? offer_row_find(c->x, row->resale_offer) : NULL;
    const struct offer *o = offer_find(c->x, row->resale_offer);
    if (row->resale_offer != 0 && (offer == NULL || offer->lease != row->lease))
        check_found(c->report, "lease %" PRIu64 " names an offer that is not of it", row->lease);
    if (offer == NULL || o == NULL || offer->state != OFFER_STATE_OPEN)
        return;
    uint64_t now_min = c->x->head.time_s / 60;
    uint64_t at = o->start_min > now_min ? o->start_min : now_min;
    while (at < o->end_min) {
        struct piece taken = steps_piece(&o->taken, at);
        struct piece sold = steps_piece(&sums->sold, at);
        uint64_t until = taken.until < sold.until ? taken.until : sold.until;
        uint64_t end = row->end_s / 60;
        if (at < end && until > end)
            until = end;
        uint64_t free_gpus = taken.value < o->gpus ? o->gpus - taken.value : 0;
        uint64_t has = at < end && sold.value < row->gpus ? row->gpus - sold.value : 0;
        if (free_gpus > has) {
            check_found(c->report, "offer %" PRIu64 " has more free than is left of its lease",
                        offer->offer);
            return;
        }
        at = until;
    }
}

static int check_lease(void *context, const void *item)
{
    struct checking *c = context;
    const struct lease_row *row = item;
    if (row->lease >= c->leases_count || row->meter_period_min == 0 || row->end_s < row->start_s)
        return 0; /* reported by check_capacity() */
    const struct lease_sums *sums = &c->leases[row->lease];
    if (row->carbon_g_per_kwh > CARBON_G_MAX)
        check_found(c->report, "lease %" PRIu64 ": no site can have listed so much carbon",
                    row->lease);
    check_sold(c, row, sums);
    check_pause(c, row);
    check_traded(c, row);
    check_resale(c, row, sums);
    return 0;
}

void check_leases(const struct exchange *x, struct check_report *report)
{
    struct checking c = {
        .x = x,
        .report = report,
        .leases_count = (size_t)x->head.lease_last + 1,
    };
    c.leases = calloc(c.leases_count, sizeof(*c.leases));
    if (c.leases == NULL)
        memory_exhausted();
    store_each(x->store, TABLE_RELIEF, check_relief, &c);
    store_each(x->store, TABLE_LEASE, count_child, &c);
    store_each(x->store, TABLE_LEASE, check_lease, &c);
    store_each(x->store, TABLE_OFFER, check_offer, &c);
    if (due_count(x, DUE_PAUSE) != c.pause_items)
        check_found(report, "there are due items for pauses that no lease asks for");
    for (size_t i = 0; i < c.leases_count; i++) {
        steps_release(&c.leases[i].sold);
        steps_release(&c.leases[i].paused);
    }
    free(c.leases);
}
