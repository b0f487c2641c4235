#include "server/exchange/ask.h"

#include <stdlib.h>

#include "server/exchange/ask_site.h"
#include "server/exchange/ask_turn.h"
#include "server/exchange/due.h"
#include "server/exchange/offer.h"
#include "server/exchange/order.h"
#include "server/exchange/rest.h"

/* So many things looked at count as one due item of a tick, so that a tick's items and its looks
 * are used up together. */
enum { LOOKS_AN_ITEM = CROSS_LOOKS_MAX / TICK_ITEMS_MAX };

void ask_about(struct exchange *x, uint64_t offer)
{
    const struct offer_row *found = offer_row_find(x, offer);
    if (found == NULL || found->state != OFFER_STATE_OPEN || found->end_s <= x->head.time_s)
        return;
    /* It is come to. */
    if (ask_site_waits(x, found->site, offer))
        return;
    bool asking = found->asking != 0;
    if (!asking && !rest_waits(x, found->sku, found->price_ucr)) {
        ask_site_shown(x, found->site, found->price_ucr);
        return;
    }
    struct offer_row row = *found;
    row.asking = 1;
    row.ask_limit_ucr = 0;
    row.ask_place = 0;
    if (!asking)
        row.ask_s = x->head.time_s;
    store_put(x->store, TABLE_OFFER, &row);
    ask_turn_join(x, row.seller);
}

/* Whether the offer's cursor has passed the order. */
static bool ask_has_passed(const struct offer_row *offer, const struct rest_row *rest,
                           uint64_t *limit_out)
{
    struct rest_key cursor = {offer->ask_limit_ucr, offer->ask_place, 0};
    for (uint32_t i = 0; i < rest->skus_count && i < ORDER_SKUS_MAX; i++) {
        struct rest_key key = {rest->limits_ucr[i], rest->place, 0};
        if (rest->skus[i] != offer->sku)
            continue;
        *limit_out = key.limit_ucr;
        return rest_key_before(&key, &cursor);
    }
    return false;
}

void ask_late(struct exchange *x, uint64_t order)
{
    const struct rest_row *rest = rest_find(x, order);
    const uint64_t *offers;
    size_t count = rest_asking(x, &offers);
    for (size_t i = 0; rest != NULL && i < count; i++) {
        struct offer_row row = *offer_row_find(x, offers[i]);
        uint64_t limit_ucr;
        if (!ask_has_passed(&row, rest, &limit_ucr))
            continue;
        row.ask_limit_ucr = limit_ucr;
        row.ask_place = rest->place;
        /* The cursor is not at the beginning, so that the list stays as it is. */
        store_put(x->store, TABLE_OFFER, &row);
    }
}

/* --- In ticks ------------------------------------------------------------------------------ */

struct asking {
    struct exchange *x;
    const struct offer *offer;
    uint32_t limit; /* of the tick's items */
    uint64_t looks;
    uint32_t asked;
    struct match *match; /* owned by ask_due() */
};

static uint32_t ask_work(const struct asking *a)
{
    return a->asked + (uint32_t)(a->looks / LOOKS_AN_ITEM);
}

/* Whether a block of it is to be had at all. */
static bool ask_has_free(struct asking *a)
{
    const struct offer *o = a->offer;
    uint64_t start;
    return o->open && offer_earliest(o, a->x->head.time_s / 60, o->end_min, o->lease_min_min,
                                     &start, &a->looks);
}

/* Searches for the order with the offer shown; false when it does not come to a fill. */
static bool ask_search(struct asking *a, uint64_t serial)
{
    struct exchange *x = a->x;
    const struct order_row *order = order_find(x, serial);
    const struct rest_row *rest = rest_find(x, serial);
    struct wish wish;
    a->looks++;
    if (!order_is_live(x, order, rest) || order->duration_min > rest_left(x, a->offer))
        return false;
    arena_clear(&x->scratch);
    wish_from_rest(x, order, rest, &x->scratch, &wish);
    if (!wish.spread)
        wish.site = a->offer->site;
    if (!wish_takes_sku(x, &wish, a->offer->sku) ||
        !wish_takes_site(x, &wish, a->offer->sku, a->offer->site))
        return false;
    /* What was sold on meanwhile may have changed the offer's row, and hidden it. */
    offer_show(x, a->offer->offer, true);
    bool found = order_match(x, &wish, a->match);
    a->looks += a->match->looks;
    return found && a->match->gpus > 0;
}

/* Asks one order, which may be filled several times at one start: with another of its SKUs, or with
 * more offers than one fill has leases. False when the budget was used up before that came to its
 * end. */
static bool ask_order(struct asking *a, struct rest_walk *walk, struct rest_key key)
{
    struct exchange *x = a->x;
    a->asked++;
    while (ask_search(a, key.order)) {
        rest_walk_pass(walk);
        if (x->witness.fills != NULL)
            x->witness.fills(x->witness.context, a->offer->offer, rest_find(x, key.order),
                             key.limit_ucr);
        if (!order_fill(x, key.order, a->match))
            return true;
        if (rest_find(x, key.order) == NULL)
            return true;
        if (ask_work(a) >= a->limit)
            return false;
        a->asked++;
    }
    return true;
}

/* Asks one after the other from the cursor on; true when all have been asked, else *next is the
 * first that has not. */
static bool ask_all(struct asking *a, struct rest_key *next)
{
    struct rest_walk walk;
    struct rest_key key;
    bool ended = true;
    rest_walk_begin(&walk, a->x, a->offer, *next);
    while (ask_has_free(a) && rest_walk_next(&walk, &key)) {
        a->looks += walk.looks;
        walk.looks = 0;
        *next = key;
        ended = ask_order(a, &walk, key);
        if (ended)
            next->place++;
        ended = ended && ask_work(a) < a->limit;
        if (!ended)
            break;
    }
    rest_walk_release(&walk);
    return ended;
}

/* An offer that was asking before its site counted again is asked about anew when that is gone
 * through. False: it may be asked about. */
static bool ask_waits(struct exchange *x, const struct offer_row *found)
{
    if (!ask_site_waits(x, found->site, found->offer))
        return false;
    struct offer_row row = *found;
    row.asking = 0;
    row.ask_s = 0;
    row.ask_limit_ucr = 0;
    row.ask_place = 0;
    store_put(x->store, TABLE_OFFER, &row);
    return true;
}

uint32_t ask_due(struct exchange *x, uint64_t offer, uint32_t limit)
{
    const struct offer_row *found = offer_row_find(x, offer);
    if (ask_waits(x, found))
        return 1;
    struct asking a = {.x = x, .offer = offer_find(x, offer), .limit = limit};
    struct rest_key next = {found->ask_limit_ucr, found->ask_place, 0};
    if (next.limit_ucr == 0 && next.place == 0)
        next.limit_ucr = UINT64_MAX; /* the beginning */
    a.match = malloc(sizeof(*a.match));
    if (a.match == NULL)
        memory_exhausted();
    x->asked_offer = offer;
    offer_show(x, offer, true);
    bool ended = ask_all(&a, &next);
    if (ended && x->witness.asked != NULL)
        x->witness.asked(x->witness.context, offer);
    x->asked_offer = 0;
    free(a.match);

    /* The hook shows it or hides it as the row says. */
    struct offer_row row = *offer_row_find(x, offer);
    ended = ended || row.state != OFFER_STATE_OPEN;
    row.asking = !ended;
    row.ask_s = ended ? 0 : row.ask_s;
    row.ask_limit_ucr = ended ? 0 : next.limit_ucr;
    row.ask_place = ended ? 0 : next.place;
    store_put(x->store, TABLE_OFFER, &row);
    if (ended)
        ask_site_shown(x, row.site, row.price_ucr);
    return ask_work(&a);
}
