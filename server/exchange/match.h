/*
 * Matching: which GPUs of which offers an order gets. This procedure is the definition.
 *
 * An order wants `gpus` GPUs of its SKUs for [s, s + duration), for one start s of its window
 * [from, until]. All leases of one fill have the same interval; with placement one_site also the
 * same site and SKU, with placement spread each its own.
 *
 * 1. Which offers count. Open offers that resting orders are not being asked about, of a SKU of the
 *    order with the interconnect asked for, at a price of at most that SKU's limit; at a site whose
 *    region and jurisdiction the filters cover, and at the order's one site if it has been filled
 *    at one before; whose carbon intensity is at most the one allowed, whose reliability is at
 *    least the one asked for, and which holds every certification asked for, none of which expires
 *    by the present or by `until`; for whose SKU and region every funding series may be redeemed;
 *    whose operator and seller are not frozen. Not the account's own, nor its own capacity that
 *    somebody sells on. With profile training: reserved and not preemptible; with inference:
 *    metered, and of an elastic order not a lease on offer, and metered over no more minutes than
 *    are paid ahead, unless that is all its duration. Not preemptible unless the order allows that;
 *    duration between its shortest and its longest lease; its block not larger than `gpus`, where
 *    its block is the least common multiple of its own and the order's. A lease on offer by whose
 *    sale at the price of the trade (4) its seller may gain counts only if every funding series is
 *    transferable, as the gain is paid in them. An offer that counts is a candidate at s when [s, s
 *    + duration) lies in its interval and one block of it is free throughout.
 * 2. Where. With one_site a stand is a (site, SKU), with spread there is one stand, which has every
 *    offer. Taken is what the stand comes to (3, 4) that comes to the most GPUs; of equals the one
 *    whose GPUs cost least together (the sum over its leases of GPUs times the price of the trade,
 *    before rounding); of equals the one of the best rank. A stand's rank is that of its best
 *    candidate: least price, then earliest start within the window, then least place (the oldest).
 * 3. When. At a stand the starts are tried in the order of time: `from`, and then every later
 *    minute s of the window at which a candidate at s has more GPUs free than in the minute before
 *    (where the offer begins, a lease of it ends, or its site opens again). Between two such
 *    minutes what an offer can give over [s, s + duration) only falls as s grows, so that no other
 *    start could give more. A stand comes to the first s that reaches `gpus`, or else to the one
 *    that gives the most, the first of equals.
 * 4. What. At (stand, s) the candidates are taken in the order of price, then place. Each gives
 *    what it has free, but not more than is still missing, rounded down to its block. After
 *    ORDER_LEASES_MAX offers have given, a further one replaces the one that gave least (of equals
 *    the last) if it gives more in its place. This ends as soon as `gpus` are reached. What an
 *    offer gives trades at the resting side's price: its own when its place is older than the
 *    order's, as it always is when the order comes in, and else the order's limit for its SKU.
 * 5. Outcome. What is taken is the match if it reaches `gpus`, and else the partial match, which an
 *    order takes that is not fill-or-kill if it holds at least `gpus_min`.
 * 6. Effort. Stands are tried in the order of their ranks, until one that reaches `gpus` costs no
 *    more than `gpus` at the price of the next one's best candidate would. A search that has looked
 *    at MATCH_LOOKS_MAX things (shelves and lines of the book, offers, starts, and the pieces of
 *    time between changes of an offer's free GPUs) ends, and what it came to so far is the outcome.
 *    If that is not enough the refusal is `search_ended`.
 *
 * With blocks of 1, and as long as 6 does not end it, the procedure reaches `gpus` at a stand
 * whenever any choice of ORDER_LEASES_MAX offers and of a start does: 3 leaves out no better start,
 * and 4 ends with the offers that have the most.
 */
#ifndef BOURSE_EXCHANGE_MATCH_H
#define BOURSE_EXCHANGE_MATCH_H

#include "server/exchange/wish.h"

struct match_part {
    const struct offer *offer;
    uint32_t gpus;
    uint64_t price_ucr; /* of the trade */
};

struct match {
    uint64_t start_min;
    uint32_t gpus; /* 0: nothing at all */
    uint32_t count;
    bool own;                                  /* offers were passed over as the order's own */
    bool cut;                                  /* 6 has ended it before it reached `gpus` */
    uint64_t looks;                            /* that the search took */
    struct match_part parts[ORDER_LEASES_MAX]; /* by price, then place */
};

/* Runs the procedure; true when it came to gpus_min at least. Otherwise *out is the partial match.
 * Changes nothing. */
bool match_find(const struct exchange *x, const struct wish *wish, struct match *out);

/*
 * Why there is no match; `partial` is what match_find() left. The first of: search_ended, 6 has
 * ended it, so that nobody knows (nothing more is looked at then); series_restricted, without the
 * series' rules there would be one; self_trade, with what wish_is_own() there would be one;
 * price_above_limit, without the limit prices there would be one; size_not_met, some GPUs are
 * there; no_capacity, none. What it looks at is added to *looks.
 */
enum refusal match_refusal(const struct exchange *x, const struct wish *wish,
                           const struct match *partial, uint64_t *looks);

#endif
