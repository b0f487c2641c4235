/*
 * Depth: what is free, and what resting orders want, by price, without names.
 *
 * One kind of capacity at a time, so that both sides are of what can trade with each other.
 * Sell: offers of that kind in the book of which at least a block is free over the whole window,
 * and on both sides of it for as long as their shortest lease takes, each with the whole blocks
 * that are free over the window. The book keeps offers of longer leases in larger buckets, so that
 * the walk is made once for each size of lease. Buy: resting orders that name the SKU and take the
 * kind, by their limits, each with what it misses, where their regions and the region asked about
 * have some place in common and so have the times.
 */
#include <stdlib.h>

#include "protocol/moment.h"
#include "server/exchange/ask_site.h"
#include "server/exchange/offer.h"
#include "server/exchange/order.h"
#include "server/exchange/query.h"
#include "server/exchange/rest.h"
#include "server/exchange/site.h"
#include "server/exchange/sku.h"
#include "server/exchange/wish.h"

/* Both sides together fill a page. */
enum { DEPTH_LEVELS_MAX = PAGE_ROWS_MAX / 2 };

struct depth {
    const struct exchange *x;
    uint64_t sku;
    uint64_t region; /* 0: everywhere */
    uint64_t start_s;
    uint64_t end_s;
    bool preemptible; /* the kind of capacity */
    bool metered;
    uint32_t duration_min; /* of the leases asked about; 0: any */
    uint32_t levels_max;
    uint64_t looks;
    bool cut; /* something was not looked at */
    struct asked *asks;
    size_t asks_count;
    size_t asks_room;
    struct depth_level *rows; /* of the answer */
    uint32_t rows_count;
    uint32_t rows_before; /* of the other side */
};

/* What one offer has free. */
struct asked {
    uint64_t price_ucr;
    uint64_t offer;
    uint32_t gpus;
};

/* Adds to the level of this price, which is the last one or a new one; false when that would be one
 * too many. */
static bool level_add(struct depth *d, enum side side, uint64_t price_ucr, uint64_t gpus)
{
    struct depth_level *last = d->rows_count > d->rows_before ? &d->rows[d->rows_count - 1] : NULL;
    if (last == NULL || last->price_ucr != price_ucr) {
        if (d->rows_count - d->rows_before == d->levels_max)
            return false;
        last = &d->rows[d->rows_count++];
        *last = (struct depth_level){.side = side, .price_ucr = price_ucr};
    }
    last->gpus += gpus;
    last->count++;
    return true;
}

/* --- Sell ---------------------------------------------------------------------------------- */

static bool depth_covers(const void *context, uint64_t region)
{
    const struct depth *d = context;
    return d->region == 0 || place_covers(d->region, region);
}

/* How long a block of the offer is free around a minute of its interval. */
static uint64_t run_minutes(const struct offer *o, uint64_t minute)
{
    struct piece run = offer_run(o, minute);
    uint64_t from = run.from > o->start_min ? run.from : o->start_min;
    uint64_t until = run.until < o->end_min ? run.until : o->end_min;
    return until - from;
}

static bool ask_is_of_kind(const struct depth *d, const struct offer *o)
{
    uint32_t minutes = d->duration_min;
    if (o->preemptible != d->preemptible || (o->billing == BILLING_METERED) != d->metered)
        return false;
    return minutes == 0 ||
           (minutes >= o->lease_min_min && (o->lease_max_min == 0 || minutes <= o->lease_max_min));
}

static void ask_add(struct depth *d, const struct offer *o)
{
    uint64_t from_min = d->start_s / 60;
    uint32_t minutes = (uint32_t)(d->end_s / 60 - from_min);
    if (!ask_is_of_kind(d, o))
        return;
    uint32_t free_gpus = offer_free(o, from_min, minutes, &d->looks);
    free_gpus -= free_gpus % o->block_gpus;
    if (!o->shown || ask_site_hides(d->x, o) || free_gpus == 0 || !wish_has_seller(d->x, o))
        return;
    /* It may have been found by another run, while this one is too short for any lease. */
    uint64_t run = run_minutes(o, from_min);
    if (run < o->lease_min_min || run < d->duration_min)
        return;
    if (d->asks_count == d->asks_room) {
        d->asks_room = d->asks_room > 0 ? 2 * d->asks_room : 64;
        d->asks = realloc(d->asks, d->asks_room * sizeof(*d->asks));
        if (d->asks == NULL)
            memory_exhausted();
    }
    d->asks[d->asks_count++] = (struct asked){o->price_ucr, o->offer, free_gpus};
}

/* The offers of one site, cheapest first, as many prices as are asked for. */
static void site_asks(struct depth *d, struct book_walk *walk, const struct book_site *site)
{
    const struct book_entry *entry;
    uint64_t price_ucr = UINT64_MAX;
    uint32_t prices = 0;
    book_walk_site(walk, site, UINT64_MAX);
    d->looks += walk->count;
    while ((entry = book_walk_next(walk)) != NULL) {
        if (d->looks++ >= QUERY_LOOKS_MAX) {
            d->cut = true;
            return;
        }
        size_t before = d->asks_count;
        if (entry->price_ucr != price_ucr && prices == d->levels_max)
            return;
        ask_add(d, entry->of.offer);
        if (d->asks_count > before && entry->price_ucr != price_ucr) {
            price_ucr = entry->price_ucr;
            prices++;
        }
    }
}

/* The offers that a lease of this length may be of: [from, until] are its starts. */
static void asks_walk(struct depth *d, uint64_t from_min, uint64_t until_min, uint32_t duration_min)
{
    struct book *book = d->x->offers->book;
    struct book_walk sites = BOOK_WALK_EMPTY;
    struct book_walk offers = BOOK_WALK_EMPTY;
    const struct book_entry *entry;
    uint64_t mark = book_next_mark(book);
    book_walk_begin(&sites, from_min, until_min, duration_min);
    book_walk_regions(&sites, book, d->sku, depth_covers, d, UINT64_MAX);
    d->looks += sites.count;
    while (!d->cut && (entry = book_walk_next(&sites)) != NULL) {
        if (d->looks++ >= QUERY_LOOKS_MAX)
            d->cut = true;
        if (d->cut || book_mark(entry->of.site, mark))
            continue;
        book_walk_begin(&offers, from_min, until_min, duration_min);
        site_asks(d, &offers, entry->of.site);
    }
    book_walk_release(&sites);
    book_walk_release(&offers);
}

static int asked_compare(const void *a, const void *b)
{
    const struct asked *p = a;
    const struct asked *q = b;
    if (p->price_ucr != q->price_ucr)
        return p->price_ucr < q->price_ucr ? -1 : 1;
    return (p->offer > q->offer) - (p->offer < q->offer);
}

static void depth_sell(struct depth *d)
{
    uint64_t start_min = d->start_s / 60;
    uint64_t end_min = d->end_s / 60;
    uint32_t minutes = (uint32_t)(end_min - start_min);
    asks_walk(d, start_min, start_min, minutes);
    /* What is free over the window, and for the shortest lease of its offer at least, holds a lease
     * of any shorter length that has the window in it. */
    for (uint64_t size = 2; size - 1 <= OFFER_SPAN_MAX_MIN && !d->cut; size *= 2) {
        uint64_t lease_min = size - 1;
        if (lease_min > minutes)
            asks_walk(d, end_min > lease_min ? end_min - lease_min : 0, start_min,
                      (uint32_t)lease_min);
    }
    if (d->asks_count > 0)
        qsort(d->asks, d->asks_count, sizeof(*d->asks), asked_compare);
    for (size_t i = 0; i < d->asks_count; i++) {
        const struct asked *a = &d->asks[i];
        if (i > 0 && d->asks[i - 1].offer == a->offer)
            continue;
        if (!level_add(d, SIDE_SELL, a->price_ucr, a->gpus))
            break;
    }
    free(d->asks);
}

/* --- Buy ----------------------------------------------------------------------------------- */

static bool places_meet(uint64_t a, uint64_t b)
{
    return place_covers(a, b) || place_covers(b, a);
}

/* Whether the order may be filled in the region asked about. */
static bool rest_meets_region(const struct depth *d, const struct rest_row *rest)
{
    const struct site_row *site = rest->site != 0 ? site_find(d->x, rest->site) : NULL;
    if (d->region == 0)
        return true;
    if (site != NULL)
        return place_covers(d->region, place_number(site->region));
    for (uint32_t i = 0; i < rest->regions_count; i++) {
        const char *region = (const char *)rest->regions + (size_t)i * PLACE_BYTES;
        if (places_meet(place_number(region), d->region))
            return true;
    }
    return rest->regions_count == 0;
}

/* Whether the order takes capacity of the kind asked about, as the search does. */
static bool rest_takes_kind(const struct depth *d, const struct rest_row *rest)
{
    if (d->preemptible && (!rest->preemptible_ok || rest->profile == PROFILE_TRAINING))
        return false;
    return rest->profile != (d->metered ? PROFILE_TRAINING : PROFILE_INFERENCE);
}

static bool bid_add(void *context, const struct rest_row *rest, uint64_t limit_ucr)
{
    struct depth *d = context;
    const struct order_row *order = order_find(d->x, rest->order);
    uint64_t now_s = d->x->head.time_s;
    uint64_t last_end_s =
        rest->start_until_s + (order != NULL ? (uint64_t)order->duration_min * 60 : 0);
    if (d->looks++ >= QUERY_LOOKS_MAX) {
        d->cut = true;
        return false;
    }
    /* By the time: an order that has ended may not have been swept yet. */
    if (order == NULL || rest_until(order, rest) <= now_s || order->gpus <= order->gpus_filled)
        return true;
    if (rest->start_from_s >= d->end_s || last_end_s <= d->start_s || !rest_takes_kind(d, rest) ||
        !rest_meets_region(d, rest))
        return true;
    return level_add(d, SIDE_BUY, limit_ucr, order->gpus - order->gpus_filled);
}

/* --- Answer -------------------------------------------------------------------------------- */

static enum refusal depth_window(struct depth *d, const struct q_depth *q)
{
    uint64_t now_s = minute_floor(d->x->head.time_s);
    d->start_s = q->start_s != 0 ? q->start_s : now_s;
    d->end_s = q->end_s != 0 ? q->end_s : d->start_s + 3600;
    if (d->start_s % 60 != 0 || d->end_s % 60 != 0 || d->end_s <= d->start_s ||
        d->end_s - d->start_s > (uint64_t)OFFER_SPAN_MAX_MIN * 60)
        return REFUSAL_interval_invalid;
    return d->end_s <= now_s ? REFUSAL_interval_in_past : REFUSAL_accepted;
}

enum refusal query_depth(const struct exchange *x, uint32_t account, const void *body,
                         struct arena *arena, const struct message **answer_out,
                         const void **body_out)
{
    (void)account;
    const struct q_depth *q = body;
    struct depth d = {.x = x,
                      .sku = q->sku,
                      .preemptible = q->preemptible,
                      .metered = q->metered,
                      .duration_min = q->duration_min};
    enum refusal refusal = query_region(q->region, &d.region);
    if (refusal == REFUSAL_accepted && sku_find(x, q->sku) == NULL)
        refusal = REFUSAL_sku_not_found;
    if (refusal == REFUSAL_accepted)
        refusal = depth_window(&d, q);
    if (refusal != REFUSAL_accepted)
        return refusal;
    struct a_depth *answer = query_alloc(arena, sizeof(*answer));
    d.levels_max = q->limit > 0 && q->limit < DEPTH_LEVELS_MAX ? q->limit : DEPTH_LEVELS_MAX;
    d.rows = query_alloc(arena, 2 * d.levels_max * sizeof(*d.rows));
    depth_sell(&d);
    d.rows_before = d.rows_count;
    d.looks = 0;
    rest_each(x, q->sku, bid_add, &d);
    answer->rows.items = d.rows;
    answer->rows.count = d.rows_count;
    answer->next = d.cut;
    *answer_out = &a_depth_message;
    *body_out = answer;
    return REFUSAL_accepted;
}
