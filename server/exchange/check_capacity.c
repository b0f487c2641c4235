/*
 * Checks of capacity and leases. What the indexes hold is worked out a second time from the rows
 * alone, in a plainer way, and compared.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "server/exchange/check.h"
#include "server/exchange/due.h"
#include "server/exchange/elastic.h"
#include "server/exchange/lease.h"
#include "server/exchange/offer.h"
#include "server/exchange/order.h"
#include "server/exchange/period.h"
#include "server/exchange/settlement.h"
#include "server/exchange/site.h"
#include "server/exchange/sku.h"

/* What the leases of one site add up to. */
struct site_sums {
    struct steps draws;
    uint64_t granted;
    uint64_t failed;
    gpu_minutes due;
    gpu_minutes delivered;
};

/* What the period rows of one lease add up to. */
struct lease_sums {
    uint32_t settled;
    gpu_minutes due;
    gpu_minutes delivered;
    gpu_minutes spared;
};

struct checking {
    const struct exchange *x;
    struct check_report *report;
    struct steps *taken; /* by offer */
    size_t offers;
    struct site_sums *sites;
    size_t sites_count;
    struct lease_sums *leases;
    size_t leases_count;
    uint64_t lease_items; /* due items that there should be */
    uint64_t period_items;
    uint64_t lines; /* of the book */
};

/* --- Rows ---------------------------------------------------------------------------------- */

static int check_sku(void *context, const void *item)
{
    struct checking *c = context;
    const struct sku_row *row = item;
    struct text name = {.data = row->name};
    while (row->name[name.length] != '\0')
        name.length++;
    if (row->sku == 0 || row->sku > c->x->head.sku_last)
        check_found(c->report, "SKU %" PRIu64 " was never issued", row->sku);
    if (sku_by_name(c->x, name) != row->sku)
        check_found(c->report, "SKU %" PRIu64 " is not found by its name", row->sku);
    return 0;
}

static int check_site(void *context, const void *item)
{
    struct checking *c = context;
    const struct site_row *row = item;
    if (row->site == 0 || row->site > c->x->head.site_last)
        check_found(c->report, "site %" PRIu64 " was never issued", row->site);
    uint32_t looks = UINT32_MAX;
    uint64_t resume = 0;
    if (owned_next(&c->x->sites->by_operator, row->operator, row->site, &looks, &resume) !=
        row->site)
        check_found(c->report, "site %" PRIu64 " is not in its operator's list", row->site);
    if (row->gpu_minutes_delivered > row->gpu_minutes_due)
        check_found(c->report, "site %" PRIu64 " delivered more than was due", row->site);
    return 0;
}

/* Whether a dispute can have claimed this: less than is charged, of what was reported only. */
static bool claim_is_possible(const struct exchange *x, const struct lease_row *lease,
                              const struct period_row *row)
{
    bool disputed = row->state == PERIOD_STATE_DISPUTED;
    if (row->gpu_minutes_claimed == 0 && !disputed)
        return true;
    return row->metered_s != 0 && row->state != PERIOD_STATE_METERED &&
           row->gpu_minutes_claimed < period_charge(x, lease, row);
}

static int check_period(void *context, const void *item)
{
    struct checking *c = context;
    const struct period_row *row = item;
    const struct lease_row *lease = lease_find(c->x, row->lease);
    if (lease == NULL || row->lease >= c->leases_count || lease->meter_period_min == 0 ||
        row->period >= lease_periods(lease)) {
        check_found(c->report, "period %u of lease %" PRIu64 " belongs to nothing", row->period,
                    row->lease);
        return 0;
    }
    if (row->gpu_minutes_due != lease_period_gpu_minutes(c->x, lease, row->period) ||
        row->gpu_minutes_settled > row->gpu_minutes_due ||
        row->gpu_minutes_metered > row->gpu_minutes_due)
        check_found(c->report, "period %u of lease %" PRIu64 " holds wrong GPU-minutes",
                    row->period, row->lease);
    if (!claim_is_possible(c->x, lease, row))
        check_found(c->report, "period %u of lease %" PRIu64 " has a claim not below its charge",
                    row->period, row->lease);
    if (row->state == PERIOD_STATE_SETTLED) {
        struct lease_sums *sums = &c->leases[row->lease];
        sums->settled++;
        sums->due += row->gpu_minutes_due;
        sums->delivered += row->gpu_minutes_settled;
    } else if (row->metered_s != 0) {
        c->leases[row->lease].spared += period_spared(c->x, lease, row);
    }
    if (row->state == PERIOD_STATE_METERED) {
        struct due_item due = {.due_s = lease_dispute_by(c->x, row),
                               .kind = DUE_PERIOD,
                               .part = row->period,
                               .serial = row->lease};
        c->period_items++;
        if (!due_has(c->x, due))
            check_found(c->report, "period %u of lease %" PRIu64 " has no due item", row->period,
                        row->lease);
    }
    return 0;
}

static int check_escrow(void *context, const void *item)
{
    struct checking *c = context;
    const struct escrow_row *row = item;
    if (row->kind != ESCROW_KIND_LEASE)
        return 0;
    const struct lease_row *lease = lease_find(c->x, row->serial);
    if (lease == NULL || row->place >= lease->escrow_series ||
        lease->state == LEASE_STATE_SETTLED || lease->state == LEASE_STATE_FAILED)
        check_found(c->report, "escrow %u of lease %" PRIu64 " belongs to nothing", row->place,
                    row->serial);
    return 0;
}

/* --- Leases -------------------------------------------------------------------------------- */

/* What the periods that have begun may still cost an elastic lease; a pause that has come and was
 * not swept is left out. */
static amount elastic_least(const struct exchange *x, const struct lease_row *row)
{
    struct lease_row view = pause_view(x, row);
    gpu_minutes begun = 0;
    amount cost = 0;
    for (uint32_t i = 0; i < lease_periods(&view); i++) {
        if (lease_period_start(&view, i) <= x->head.time_s)
            begun += lease_period_gpu_minutes(x, &view, i);
    }
    gpu_minutes gone = row->gpu_minutes_settled_due + row->gpu_minutes_spared;
    gpu_minutes open = begun > gone ? begun - gone : 0;
    if (!amount_cost_rounded_up(row->gpu_minutes_delivered + open, row->price_ucr, &cost))
        return UINT64_MAX;
    return cost - row->paid_ucr;
}

static void check_lease_escrow(struct checking *c, const struct lease_row *row)
{
    amount held = settlement_held(c->x, row);
    amount needed = settlement_needed(c->x, row);
    bool open = row->state == LEASE_STATE_GRANTED || row->state == LEASE_STATE_ACTIVE;
    if (!row->elastic || !open) {
        if (held != needed)
            check_found(c->report,
                        "lease %" PRIu64 ": escrow holds %" PRIu64 " micro-credits, but %" PRIu64
                        " can still be earned",
                        row->lease, held, needed);
        return;
    }
    /* What is over when a pause ends stays until the next period settles. */
    amount paused = 0;
    if (!amount_cost_rounded_up(row->gpu_minutes_paused, row->price_ucr, &paused) ||
        held > needed + paused)
        check_found(c->report, "lease %" PRIu64 ": escrow holds more than it can come to cost",
                    row->lease);
    if (held < elastic_least(c->x, row))
        check_found(c->report, "lease %" PRIu64 ": escrow does not cover what has begun",
                    row->lease);
}

static void check_lease_money(struct checking *c, const struct lease_row *row)
{
    amount earned = 0;
    if (!amount_cost_rounded_up(row->gpu_minutes_delivered, row->price_ucr, &earned) ||
        earned != row->paid_ucr)
        check_found(c->report, "lease %" PRIu64 ": paid is not what was delivered", row->lease);
    amount cost = 0;
    bool open = row->state != LEASE_STATE_FAILED;
    if (open && (!amount_cost_rounded_up(lease_gpu_minutes(c->x, row), row->price_ucr, &cost) ||
                 cost != row->cost_ucr))
        check_found(c->report, "lease %" PRIu64 ": its cost is not that of its interval",
                    row->lease);
    if (row->gpu_minutes_settled_due > lease_gpu_minutes(c->x, row) ||
        row->gpu_minutes_delivered > row->gpu_minutes_settled_due) {
        check_found(c->report, "lease %" PRIu64 ": more is settled than it holds", row->lease);
        return;
    }
    if (earned == row->paid_ucr)
        check_lease_escrow(c, row);
}

static void check_lease_periods(struct checking *c, const struct lease_row *row)
{
    const struct lease_sums *sums = &c->leases[row->lease];
    if (sums->settled != row->periods_settled || sums->due != row->gpu_minutes_settled_due ||
        sums->delivered != row->gpu_minutes_delivered)
        check_found(c->report, "lease %" PRIu64 " differs from its settled periods", row->lease);
    if (sums->spared != row->gpu_minutes_spared)
        check_found(c->report, "lease %" PRIu64 " differs from its metered periods", row->lease);
    if (row->meter_cursor > lease_periods(row) ||
        (row->meter_cursor < lease_periods(row) &&
         period_find(c->x, row->lease, row->meter_cursor) != NULL) ||
        (row->meter_cursor > 0 && period_find(c->x, row->lease, row->meter_cursor - 1) == NULL))
        check_found(c->report, "lease %" PRIu64 ": its first open period is wrong", row->lease);
    if ((row->state == LEASE_STATE_SETTLED) !=
        (row->state != LEASE_STATE_FAILED && row->periods_settled == lease_periods(row)))
        check_found(c->report, "lease %" PRIu64 ": its state contradicts its periods", row->lease);
}

static void check_lease_lists(struct checking *c, const struct lease_row *row)
{
    uint32_t looks = UINT32_MAX;
    uint64_t resume = 0;
    if (owned_next(&c->x->leases->by_holder, row->holder, row->lease, &looks, &resume) !=
            row->lease ||
        owned_next(&c->x->leases->by_operator, row->operator, row->lease, &looks, &resume) !=
            row->lease)
        check_found(c->report, "lease %" PRIu64 " is not in its accounts' lists", row->lease);
    struct due_item due = {.kind = DUE_LEASE, .serial = row->lease};
    if (!lease_next_due(c->x, row, &due.due_s))
        return;
    c->lease_items++;
    if (!due_has(c->x, due))
        check_found(c->report, "lease %" PRIu64 " has no due item", row->lease);
}

/* The price an offer asks now may be another than that of a lease granted before. A lease that
 * ended before it began takes nothing of the offer, which may end earlier now. */
static bool lease_fits(const struct lease_row *row, const struct offer_row *offer)
{
    bool inside = row->start_s >= offer->start_s && row->end_s <= offer->end_s;
    return offer->site == row->site && offer->sku == row->sku &&
           offer->operator== row->operator&& offer->lease == 0 &&
           offer->meter_period_min == row->meter_period_min &&
           row->start_s <= row->end_s &&(inside || row->start_s == row->end_s);
}

static int check_lease(void *context, const void *item)
{
    struct checking *c = context;
    const struct lease_row *row = item;
    const struct offer_row *offer = offer_row_find(c->x, row->offer);
    if (row->lease == 0 || row->lease >= c->leases_count || row->offer >= c->offers ||
        row->site >= c->sites_count || offer == NULL || !lease_fits(row, offer) ||
        order_find(c->x, row->order) == NULL) {
        check_found(c->report, "lease %" PRIu64 " does not fit its offer or order", row->lease);
        return 0;
    }
    steps_add(&c->taken[row->offer], row->start_s / 60, row->end_s / 60, (int64_t)row->gpus);
    struct site_sums *site = &c->sites[row->site];
    site->granted++;
    site->failed += row->state == LEASE_STATE_FAILED;
    site->due += row->gpu_minutes_settled_due;
    site->delivered += row->gpu_minutes_delivered;
    const struct sku_row *sku = sku_find(c->x, row->sku);
    if (offer->state == OFFER_STATE_WITHDRAWN && sku != NULL)
        steps_add(&site->draws, row->start_s / 60, row->end_s / 60,
                  (int64_t)row->gpus * sku->power_w);
    check_lease_money(c, row);
    check_lease_periods(c, row);
    check_lease_lists(c, row);
    return 0;
}

/* --- Indexes ------------------------------------------------------------------------------- */

/* Whether `blocked` says exactly where less than a block is free. */
static bool offer_blocked_right(const struct offer *o)
{
    uint64_t at = o->start_min;
    while (at < o->end_min) {
        struct piece taken = steps_piece(&o->taken, at);
        struct piece blocked = steps_piece(&o->blocked, at);
        if ((blocked.value != 0) != (taken.value + o->block_gpus > o->gpus))
            return false;
        at = taken.until < blocked.until ? taken.until : blocked.until;
    }
    return true;
}

/* What was sold of leases is taken by the buyers' leases, and of the offers it was sold through. */
static int check_relief(void *context, const void *item)
{
    struct checking *c = context;
    const struct relief_row *row = item;
    const struct lease_row *lease = lease_find(c->x, row->lease);
    uint64_t from = row->start_s / 60;
    uint64_t to = row->end_s / 60 - row->cut_min;
    if (row->kind != RELIEF_KIND_SALE || lease == NULL || lease->offer >= c->offers ||
        lease->site >= c->sites_count || row->offer >= c->offers || row->end_s < row->start_s)
        return 0;
    steps_add(&c->taken[row->offer], from, row->end_s / 60, row->gpus);
    /* A row that does not fit its lease is reported by check_leases(). */
    if (from >= to || from < lease->start_s / 60 || to > lease->end_s / 60 ||
        row->gpus > lease->gpus)
        return 0;
    steps_add(&c->taken[lease->offer], from, to, -(int64_t)row->gpus);
    const struct offer_row *offer = offer_row_find(c->x, lease->offer);
    const struct sku_row *sku = sku_find(c->x, lease->sku);
    if (offer != NULL && offer->state == OFFER_STATE_WITHDRAWN && sku != NULL)
        steps_add(&c->sites[lease->site].draws, from, to, -(int64_t)row->gpus * sku->power_w);
    return 0;
}

static void check_offer(struct checking *c, const struct offer *o)
{
    uint64_t expected = 0;
    if (o->offer >= c->offers || o->site >= c->sites_count)
        return;
    /* What has passed may have been sold of an offer that was larger then. */
    if (steps_max(&c->taken[o->offer], c->x->head.time_s / 60, UINT64_MAX) > o->gpus)
        check_found(c->report, "offer %" PRIu64 ": GPUs were sold twice", o->offer);
    if (!steps_equal(&o->taken, &c->taken[o->offer]))
        check_found(c->report, "offer %" PRIu64 ": what is taken differs from its leases",
                    o->offer);
    if (!offer_blocked_right(o))
        check_found(c->report, "offer %" PRIu64 ": its runs differ from what is free", o->offer);
    if (book_missing(c->x->offers->book, o, &expected) > 0)
        check_found(c->report, "offer %" PRIu64 " is missing in the book", o->offer);
    c->lines += expected;
    if (!o->withdrawn)
        steps_add(&c->sites[o->site].draws, o->start_min, o->end_min,
                  (int64_t)o->gpus * o->power_w);
}

static void check_site_sums(struct checking *c, uint64_t number, const struct site_sums *sums)
{
    const struct site_row *row = site_find(c->x, number);
    const struct steps *draws = site_draws(c->x, number);
    if (row == NULL || draws == NULL) {
        if (row != NULL || sums->granted > 0)
            check_found(c->report, "site %" PRIu64 " is not in the index", number);
        return;
    }
    if (!steps_equal(draws, &sums->draws))
        check_found(c->report, "site %" PRIu64 ": its power differs from its offers", number);
    if (steps_max(&sums->draws, c->x->head.time_s / 60, UINT64_MAX) >
        (uint64_t)row->power_kw * 1000)
        check_found(c->report, "site %" PRIu64 ": its power ceiling is passed", number);
    if (row->leases_granted != sums->granted || row->leases_failed != sums->failed ||
        row->gpu_minutes_delivered != sums->delivered || row->gpu_minutes_due < sums->due)
        check_found(c->report, "site %" PRIu64 ": its counts differ from its leases", number);
}

static void check_indexes(struct checking *c)
{
    const struct exchange *x = c->x;
    for (size_t i = 0; i < x->offers->places; i++) {
        if (x->offers->by_serial[i] != NULL)
            check_offer(c, x->offers->by_serial[i]);
    }
    for (size_t i = 0; i < c->sites_count; i++)
        check_site_sums(c, i, &c->sites[i]);
    if (book_lines(x->offers->book) != c->lines)
        check_found(c->report, "the book has %" PRIu64 " lines, the offers ask for %" PRIu64,
                    book_lines(x->offers->book), c->lines);
    if (book_region_faults(x->offers->book) > 0)
        check_found(c->report, "the book's regions differ from its sites");
    if (due_count(x, DUE_LEASE) != c->lease_items || due_count(x, DUE_PERIOD) != c->period_items)
        check_found(c->report, "there are due items that no lease or period asks for");
}

void check_capacity(const struct exchange *x, struct check_report *report)
{
    struct checking c = {
        .x = x,
        .report = report,
        .offers = (size_t)x->head.offer_last + 1,
        .sites_count = (size_t)x->head.site_last + 1,
        .leases_count = (size_t)x->head.lease_last + 1,
    };
    c.taken = memory_zeroed(c.offers, sizeof(*c.taken));
    c.sites = memory_zeroed(c.sites_count, sizeof(*c.sites));
    c.leases = memory_zeroed(c.leases_count, sizeof(*c.leases));
    store_each(x->store, TABLE_SKU, check_sku, &c);
    store_each(x->store, TABLE_SITE, check_site, &c);
    store_each(x->store, TABLE_PERIOD, check_period, &c);
    store_each(x->store, TABLE_ESCROW, check_escrow, &c);
    store_each(x->store, TABLE_LEASE, check_lease, &c);
    if (relief_kept_out(x) == 0)
        store_each(x->store, TABLE_RELIEF, check_relief, &c);
    check_indexes(&c);
    for (size_t i = 0; i < c.offers; i++)
        steps_release(&c.taken[i]);
    for (size_t i = 0; i < c.sites_count; i++) {
        steps_release(&c.sites[i].draws);
    }
    free(c.taken);
    free(c.sites);
    free(c.leases);
}
