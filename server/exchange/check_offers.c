/*
 * Checks of offers and closures: rows against each other, against the indexes, and what falls due
 * of them. What is taken of an offer, and the book, check_capacity() compares with the leases.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "server/exchange/ask_site.h"
#include "server/exchange/ask_turn.h"
#include "server/exchange/check.h"
#include "server/exchange/closure.h"
#include "server/exchange/due.h"
#include "server/exchange/lease.h"
#include "server/exchange/offer.h"
#include "server/exchange/site.h"
#include "server/exchange/sku.h"
#include "server/exchange/standing.h"

/* What the closure rows of one site add up to. */
struct closed_sums {
    struct steps closed;
    struct steps out;
    uint64_t count;
};

struct checking {
    const struct exchange *x;
    struct check_report *report;
    struct closed_sums *sites;
    size_t sites_count;
    uint64_t open;   /* offers */
    uint64_t asking; /* offers */
    uint64_t asking_sites;
};

/* --- Offers -------------------------------------------------------------------------------- */

static void check_resale(struct checking *c, const struct offer_row *row)
{
    const struct lease_row *lease = lease_find(c->x, row->lease);
    if (lease == NULL || lease->operator!= row->operator|| lease->site != row->site ||
                         lease->sku != row->sku) {
        check_found(c->report, "offer %" PRIu64 " does not fit the lease that it offers",
                    row->offer);
        return;
    }
    bool open = row->state == OFFER_STATE_OPEN && row->end_s > c->x->head.time_s;
    if (open && (lease->holder != row->seller || lease->resale_offer != row->offer))
        check_found(c->report, "offer %" PRIu64 ": its lease is not on offer", row->offer);
}

static void check_references_of(struct checking *c, const struct offer_row *row)
{
    const struct site_row *site = site_find(c->x, row->site);
    if (row->offer == 0 || row->offer > c->x->head.offer_last)
        check_found(c->report, "offer %" PRIu64 " was never issued", row->offer);
    if (site == NULL || site->operator!= row->operator|| sku_find(c->x, row->sku) == NULL)
        check_found(c->report, "offer %" PRIu64 " names a site or SKU that is not there",
                    row->offer);
    if (row->standing_min != 0 && row->until_s != 0 && row->end_s > row->until_s)
        check_found(c->report, "offer %" PRIu64 " has moved on beyond its last end", row->offer);
    if (row->lease != 0)
        check_resale(c, row);
    else if (row->seller != row->operator)
        check_found(c->report, "offer %" PRIu64 " is sold by a stranger", row->offer);
}

static void check_due(struct checking *c, const struct offer_row *row)
{
    struct due_item due = {.due_s = offer_due_s(row), .kind = DUE_OFFER, .serial = row->offer};
    struct due_item ask = {
        .due_s = row->ask_s, .kind = DUE_ASK, .part = row->seller, .serial = row->offer};
    if (row->state != OFFER_STATE_OPEN) {
        if (row->asking)
            check_found(c->report, "offer %" PRIu64 " is closed, but asking", row->offer);
        return;
    }
    c->open++;
    if (!due_has(c->x, due))
        check_found(c->report, "offer %" PRIu64 " has no due item", row->offer);
    c->asking += row->asking != 0;
    if (row->asking && !due_has(c->x, ask))
        check_found(c->report, "offer %" PRIu64 " is asking, but has no due item", row->offer);
    if (row->asking && ask_turn_find(c->x, row->seller) == NULL)
        check_found(c->report, "offer %" PRIu64 " is asking, but its seller has no turn",
                    row->offer);
}

static int check_offer(void *context, const void *item)
{
    struct checking *c = context;
    const struct offer_row *row = item;
    const struct offer *o = offer_find(c->x, row->offer);
    check_references_of(c, row);
    if (o == NULL) {
        check_found(c->report, "offer %" PRIu64 " is not in the index", row->offer);
        return 0;
    }
    bool open = row->state == OFFER_STATE_OPEN;
    if (o->open != open || o->withdrawn != (row->state == OFFER_STATE_WITHDRAWN) ||
        o->shown != (open && !row->asking) || o->gpus != row->gpus ||
        o->price_ucr != row->price_ucr || o->place != row->place || o->lease != row->lease ||
        o->seller != row->seller || o->billing != row->billing ||
        o->closed != closure_steps(c->x, o->site) || o->start_min * 60 != row->start_s ||
        o->end_min * 60 != row->end_s)
        check_found(c->report, "offer %" PRIu64 " differs from its row in the index", row->offer);
    if (open != (offer_open_at(c->x, row->site, row->offer) == o))
        check_found(c->report, "offer %" PRIu64 " is not among its site's open ones", row->offer);
    check_due(c, row);
    const struct ask_site_row *site = ask_site_find(c->x, row->site);
    if (site != NULL && row->offer < site->offer_next && o->shown &&
        row->end_s > c->x->head.time_s && row->price_ucr < site->shown_ucr)
        check_found(c->report, "offer %" PRIu64 " stands in the book unknown to its site",
                    row->offer);
    return 0;
}

/* A site whose offers are yet to ask. */
static int check_asking_site(void *context, const void *item)
{
    struct checking *c = context;
    const struct ask_site_row *row = item;
    const struct site_row *site = site_find(c->x, row->site);
    struct due_item due = {.due_s = row->since_s,
                           .kind = DUE_ASK_SITE,
                           .part = site != NULL ? site->operator: 0,
                           .serial = row->site };
    if (site == NULL || row->since_s > c->x->head.time_s)
        check_found(c->report, "site %" PRIu64 " is to be asked about, but never counted again",
                    row->site);
    if (!due_has(c->x, due))
        check_found(c->report, "site %" PRIu64 " is to be asked about, but has no due item",
                    row->site);
    if (site != NULL && ask_turn_find(c->x, site->operator) == NULL)
        check_found(c->report,
                    "site %" PRIu64 " is to be asked about, but its operator has no turn",
                    row->site);
    c->asking_sites++;
    return 0;
}

static int check_turn(void *context, const void *item)
{
    struct checking *c = context;
    const struct ask_turn_row *row = item;
    if (row->seller == 0 || row->seller > c->x->head.account_last)
        check_found(c->report, "account %u has a turn to ask, but was never registered",
                    row->seller);
    if (!ask_turn_stands(c->x, row))
        check_found(c->report, "account %u does not stand at its turn to ask", row->seller);
    return 0;
}

static void check_open(struct checking *c)
{
    const struct offer_index *index = c->x->offers;
    uint64_t listed = 0;
    uint64_t counted = 0;
    for (uint64_t site = 0; site < c->sites_count; site++) {
        const struct offer *o = offer_open_at(c->x, site, 0);
        for (; o != NULL; o = offer_open_at(c->x, site, o->offer + 1))
            listed++;
    }
    for (size_t i = 0; i < index->open_accounts; i++)
        counted += index->open_counts[i];
    if (listed != c->open || counted != c->open)
        check_found(c->report,
                    "%" PRIu64 " offers are open, but %" PRIu64 " are listed and %" PRIu64
                    " counted",
                    c->open, listed, counted);
    if (due_count(c->x, DUE_OFFER) != c->open || due_count(c->x, DUE_ASK) != c->asking ||
        due_count(c->x, DUE_ASK_SITE) != c->asking_sites)
        check_found(c->report, "there are due items that no offer asks for");
}

/* --- Closures ------------------------------------------------------------------------------ */

static int check_closure(void *context, const void *item)
{
    struct checking *c = context;
    const struct closure_row *row = item;
    if (row->closure == 0 || row->closure > c->x->head.closure_last)
        check_found(c->report, "closure %" PRIu64 " was never issued", row->closure);
    if (row->site >= c->sites_count || site_find(c->x, row->site) == NULL ||
        row->start_s % 60 != 0 || row->end_s % 60 != 0 || row->start_s >= row->end_s) {
        check_found(c->report, "closure %" PRIu64 " closes nothing", row->closure);
        return 0;
    }
    struct closed_sums *sums = &c->sites[row->site];
    sums->count++;
    steps_add(&sums->closed, row->start_s / 60, row->end_s / 60, 1);
    if (row->kind == CLOSURE_KIND_OUTAGE)
        steps_add(&sums->out, row->start_s / 60, row->end_s / 60, 1);
    uint32_t looks = UINT32_MAX;
    uint64_t resume = 0;
    if (owned_next(&c->x->closures->by_site, (uint32_t)row->site, row->closure, &looks, &resume) !=
        row->closure)
        check_found(c->report, "closure %" PRIu64 " is not in its site's list", row->closure);
    if (!closure_is_listed(c->x, row))
        check_found(c->report, "closure %" PRIu64 " is not among its site's ends", row->closure);
    return 0;
}

static void check_closed(struct checking *c, uint64_t site, const struct closed_sums *sums)
{
    const struct closure_index *index = c->x->closures;
    const struct closed_site *s = site < index->places ? index->sites[site] : NULL;
    if (s == NULL) {
        if (sums->count > 0)
            check_found(c->report, "site %" PRIu64 ": its closures are not in the index", site);
        return;
    }
    if (closure_listed(c->x, site) != sums->count || !steps_equal(&s->closed, &sums->closed) ||
        !steps_equal(&s->out, &sums->out))
        check_found(c->report, "site %" PRIu64 " is closed otherwise than its closures say", site);
}

void check_offers(const struct exchange *x, struct check_report *report)
{
    struct checking c = {
        .x = x,
        .report = report,
        .sites_count = (size_t)x->head.site_last + 1,
    };
    c.sites = calloc(c.sites_count, sizeof(*c.sites));
    if (c.sites == NULL)
        memory_exhausted();
    store_each(x->store, TABLE_OFFER, check_offer, &c);
    store_each(x->store, TABLE_ASK_SITE, check_asking_site, &c);
    store_each(x->store, TABLE_ASK_TURN, check_turn, &c);
    if (ask_turn_count(x) != store_count(x->store, TABLE_ASK_TURN))
        check_found(report, "there are turns to ask that no row asks for");
    check_open(&c);
    store_each(x->store, TABLE_CLOSURE, check_closure, &c);
    for (size_t i = 0; i < c.sites_count; i++) {
        check_closed(&c, i, &c.sites[i]);
        steps_release(&c.sites[i].closed);
        steps_release(&c.sites[i].out);
    }
    free(c.sites);
}
