/*
 * Checks of orders and of those that rest: rows against each other, against their escrow and the
 * leases they were filled with, and the indexes against the rows.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "server/exchange/check.h"
#include "server/exchange/event.h"
#include "server/exchange/due.h"
#include "server/exchange/lease.h"
#include "server/exchange/offer.h"
#include "server/exchange/order_rest.h"

/* What the leases of one order add up to. */
struct order_sums {
    uint64_t gpus;
    uint64_t first; /* the first lease */
    uint64_t start_s;
    uint32_t leases;
    bool apart; /* they do not begin together */
};

/* The GPUs that one open offer has the resting orders see. */
struct offered {
    uint64_t sku;
    uint64_t site;
    uint64_t gpus;
};

struct checking {
    const struct exchange *x;
    struct check_report *report;
    struct order_sums *orders;
    size_t orders_count;
    struct offered *offered;
    size_t offered_count;
    size_t offered_capacity;
    uint64_t *counts; /* resting orders by account */
    uint64_t lines;
    uint64_t items; /* due items that there should be */
    uint64_t asks;
    uint64_t asked_in_part;
};

/* --- Orders -------------------------------------------------------------------------------- */

static int check_lease(void *context, const void *item)
{
    struct checking *c = context;
    const struct lease_row *row = item;
    const struct order_row *order = order_find(c->x, row->order);
    if (order == NULL || row->order >= c->orders_count || order->account != row->holder) {
        check_found(c->report, "lease %" PRIu64 " is not of its holder's order", row->lease);
        return 0;
    }
    struct order_sums *sums = &c->orders[row->order];
    sums->gpus += row->gpus;
    sums->apart = sums->apart || (sums->leases > 0 && sums->start_s != row->start_s);
    sums->start_s = row->start_s;
    sums->leases++;
    if (sums->first == 0 || row->lease < sums->first)
        sums->first = row->lease;
    return 0;
}

static bool state_is_right(const struct order_row *row)
{
    switch (row->state) {
    case ORDER_STATE_RESTING:
        return row->end_reason == ORDER_END_NOT_YET && row->ended_s == 0 &&
               row->gpus_filled < row->gpus;
    case ORDER_STATE_FILLED:
        return row->end_reason == ORDER_END_FILLED && row->ended_s != 0 &&
               row->gpus_filled == row->gpus;
    case ORDER_STATE_PARTLY_FILLED:
    case ORDER_STATE_UNFILLED:
        return row->end_reason > ORDER_END_FILLED && row->ended_s != 0 &&
               row->gpus_filled < row->gpus &&
               (row->gpus_filled > 0) == (row->state == ORDER_STATE_PARTLY_FILLED);
    default:
        return false;
    }
}

static int check_order(void *context, const void *item)
{
    struct checking *c = context;
    const struct order_row *row = item;
    uint32_t looks = UINT32_MAX;
    uint64_t resume = 0;
    if (row->order >= c->orders_count || owned_next(&c->x->orders->by_account, row->account,
                                                    row->order, &looks, &resume) != row->order) {
        check_found(c->report, "order %" PRIu64 " is not in its account's list", row->order);
        return 0;
    }
    const struct order_sums *sums = &c->orders[row->order];
    if (sums->gpus != row->gpus_filled)
        check_found(c->report, "order %" PRIu64 ": %u GPUs filled, but its leases have %" PRIu64,
                    row->order, row->gpus_filled, sums->gpus);
    if (sums->leases != row->lease_count || sums->first != row->lease_first)
        check_found(c->report, "order %" PRIu64 ": %u leases, but there are %u", row->order,
                    row->lease_count, sums->leases);
    if (sums->apart)
        check_found(c->report, "order %" PRIu64 ": its leases do not begin together", row->order);
    if (!state_is_right(row))
        check_found(c->report, "order %" PRIu64 ": its state is not what it was filled to",
                    row->order);
    if ((row->state == ORDER_STATE_RESTING) != (rest_find(c->x, row->order) != NULL))
        check_found(c->report, "order %" PRIu64 ": its terms are there, or it rests, alone",
                    row->order);
    return 0;
}

/* --- Resting orders ------------------------------------------------------------------------ */

static void check_rest_escrow(struct checking *c, const struct order_row *order,
                              const struct rest_row *row)
{
    struct escrow e = escrow_read(c->x, ESCROW_KIND_ORDER, row->order, row->escrow_series);
    amount needs = 0;
    if (!rest_needs(order, row, &needs) || e.total != needs || e.count != row->escrow_series)
        check_found(c->report,
                    "order %" PRIu64 ": its escrow holds %" PRIu64 " micro-credits, but %" PRIu64
                    " are needed",
                    row->order, e.total, needs);
    for (uint32_t i = 0; i < e.count; i++) {
        if (e.rows[i].owner != order->account)
            check_found(c->report, "order %" PRIu64 ": its escrow is somebody else's", row->order);
    }
    if (row->due_s != rest_due_s(c->x, order, row, &e))
        check_found(c->report, "order %" PRIu64 ": it ends at another time than it says",
                    row->order);
}

static int check_rest(void *context, const void *item)
{
    struct checking *c = context;
    const struct rest_row *row = item;
    const struct order_row *order = order_find(c->x, row->order);
    uint64_t lines = 0;
    if (order == NULL || order->state != ORDER_STATE_RESTING || row->skus_count == 0 ||
        row->gpus_missing != order->gpus - order->gpus_filled ||
        row->place >= event_next_place(c->x) ||
        (row->site != 0) != (order->placement == PLACEMENT_ONE_SITE && order->lease_count > 0)) {
        check_found(c->report, "order %" PRIu64 ": its terms are not those of an order that rests",
                    row->order);
        return 0;
    }
    const struct order_sums *sums = &c->orders[row->order];
    if (sums->leases > 0 &&
        (row->start_from_s != sums->start_s || row->start_until_s != sums->start_s))
        check_found(c->report, "order %" PRIu64 ": the rest of it may begin apart from its leases",
                    row->order);
    check_rest_escrow(c, order, row);
    if (rest_missing(c->x, row, &lines) > 0)
        check_found(c->report, "order %" PRIu64 " is not where offers look for it", row->order);
    c->lines += lines;
    c->items++;
    struct due_item due = {.due_s = row->due_s, .kind = DUE_ORDER, .serial = row->order};
    if (!due_has(c->x, due))
        check_found(c->report, "order %" PRIu64 " has no due item", row->order);
    if (order->account <= c->x->head.account_last)
        c->counts[order->account]++;
    return 0;
}

static int check_escrow(void *context, const void *item)
{
    struct checking *c = context;
    const struct escrow_row *row = item;
    if (row->kind != ESCROW_KIND_ORDER)
        return 0;
    const struct rest_row *rest = rest_find(c->x, row->serial);
    if (rest == NULL || row->place >= rest->escrow_series)
        check_found(c->report, "escrow %u of order %" PRIu64 " belongs to nothing", row->place,
                    row->serial);
    return 0;
}

/* --- Offers that orders are asked about ----------------------------------------------------- */

/* An offer that has nothing free gives no GPUs. */
static void offered_add(struct checking *c, const struct offer *o)
{
    uint64_t lines;
    book_missing(c->x->offers->book, o, &lines);
    if (c->offered_count == c->offered_capacity) {
        c->offered_capacity = c->offered_capacity != 0 ? 2 * c->offered_capacity : 256;
        c->offered = realloc(c->offered, c->offered_capacity * sizeof(*c->offered));
        if (c->offered == NULL)
            memory_exhausted();
    }
    c->offered[c->offered_count++] = (struct offered){o->sku, o->site, lines > 0 ? o->gpus : 0};
}

static int offered_compare(const void *a, const void *b)
{
    const struct offered *p = a;
    const struct offered *q = b;
    if (p->sku != q->sku)
        return p->sku < q->sku ? -1 : 1;
    return p->site < q->site ? -1 : p->site > q->site;
}

/* What is on offer at each site and in all, against what the offers add up to. */
static void check_offered(struct checking *c)
{
    const struct exchange *x = c->x;
    uint64_t left = 0;
    for (uint64_t sku = 1; sku <= x->head.sku_last; sku++)
        left += rest_supplied(x, sku, 0);
    if (c->offered_count > 0)
        qsort(c->offered, c->offered_count, sizeof(*c->offered), offered_compare);
    for (size_t i = 0, end; i < c->offered_count; i = end) {
        uint64_t gpus = 0;
        for (end = i;
             end < c->offered_count && offered_compare(&c->offered[i], &c->offered[end]) == 0;
             end++)
            gpus += c->offered[end].gpus;
        left -= gpus;
        if (rest_supplied(x, c->offered[i].sku, c->offered[i].site) != gpus)
            check_found(c->report, "SKU %" PRIu64 ": what is on offer at site %" PRIu64 " differs",
                        c->offered[i].sku, c->offered[i].site);
    }
    if (left != 0)
        check_found(c->report, "what is on offer differs from the offers");
}

static bool tracked(const struct exchange *x, uint64_t offer)
{
    const uint64_t *offers;
    size_t count = rest_asking(x, &offers);
    for (size_t i = 0; i < count; i++) {
        if (offers[i] == offer)
            return true;
    }
    return false;
}

static int check_offer(void *context, const void *item)
{
    struct checking *c = context;
    const struct offer_row *row = item;
    const struct offer *o = offer_find(c->x, row->offer);
    bool open = row->state == OFFER_STATE_OPEN;
    bool cursor = row->ask_limit_ucr != 0 || row->ask_place != 0;
    if (o == NULL)
        return 0; /* reported elsewhere */
    if (open)
        offered_add(c, o);
    if (o->shown != (open && !row->asking))
        check_found(c->report, "offer %" PRIu64 " is shown while orders are asked, or is not",
                    row->offer);
    if (!row->asking || !open) {
        if (cursor || row->ask_s != 0 || row->asking)
            check_found(c->report, "offer %" PRIu64 ": nobody is to be asked about it", row->offer);
        return 0;
    }
    c->asks++;
    struct due_item due = {
        .due_s = row->ask_s, .kind = DUE_ASK, .part = row->seller, .serial = row->offer};
    if (!due_has(c->x, due))
        check_found(c->report, "offer %" PRIu64 " has no due item for asking", row->offer);
    c->asked_in_part += cursor;
    if (cursor && !tracked(c->x, row->offer))
        check_found(c->report, "offer %" PRIu64 " is not found by late-comers", row->offer);
    return 0;
}

static void check_indexes(struct checking *c)
{
    const struct exchange *x = c->x;
    const uint64_t *offers;
    uint64_t faults;
    uint64_t lines = rest_lines(x, &faults);
    if (lines != c->lines || faults > 0)
        check_found(c->report,
                    "resting orders have %" PRIu64 " lines in the index, %" PRIu64
                    " are asked for; %" PRIu64 " buckets are wrong",
                    lines, c->lines, faults);
    if (due_count(x, DUE_ORDER) != c->items || due_count(x, DUE_ASK) != c->asks ||
        rest_asking(x, &offers) != c->asked_in_part)
        check_found(c->report, "there are due items that no resting order or offer asks for");
    for (uint32_t account = 1; account <= x->head.account_last; account++) {
        if (rest_count(x, account) != c->counts[account])
            check_found(c->report, "account %u: %" PRIu64 " orders rest, but %" PRIu64 " rows",
                        account, rest_count(x, account), c->counts[account]);
    }
    check_offered(c);
}

void check_orders(const struct exchange *x, struct check_report *report)
{
    struct checking c = {.x = x, .report = report, .orders_count = (size_t)x->head.order_last + 1};
    c.orders = memory_zeroed(c.orders_count, sizeof(*c.orders));
    c.counts = memory_zeroed((size_t)x->head.account_last + 1, sizeof(*c.counts));
    store_each(x->store, TABLE_LEASE, check_lease, &c);
    store_each(x->store, TABLE_ORDER, check_order, &c);
    store_each(x->store, TABLE_REST, check_rest, &c);
    store_each(x->store, TABLE_ESCROW, check_escrow, &c);
    store_each(x->store, TABLE_OFFER, check_offer, &c);
    check_indexes(&c);
    free(c.orders);
    free(c.offered);
    free(c.counts);
}
