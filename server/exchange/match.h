/*
 * Matching: which GPUs of which offers an order gets. This procedure is the definition.
 *
 * An order wants `gpus` GPUs of one of its SKUs at one site for [s, s + duration), for one start s
 * of its window [from, until]. All its leases have the same site, SKU and interval.
 *
 * 1. Which offers count. Open offers of a SKU of the order at a price of at most that SKU's limit,
 *    at a site whose region and jurisdiction the filters cover, whose operator is not frozen, and
 *    for whose SKU and region every funding series may be redeemed; not preemptible unless the
 *    order allows that; its block not larger than `gpus`; duration between its shortest and its
 *    longest lease. It is a candidate at s when [s, s + duration) lies in its interval and at least
 *    one block of it is free throughout.
 * 2. Where. A stand is a (site, SKU). Its rank is that of its best candidate: least price, then
 *    earliest start within the window, then least serial (the oldest). Stands are tried in the
 *    order of their ranks.
 * 3. When. At a stand the starts are tried in the order of time: `from`, and then every later
 *    minute of the window at which the free GPUs of an offer that counts rise (where the offer
 *    begins, or a lease of it ends). Between two such minutes free capacity over [s, s + duration)
 *    only falls as s grows, so that no other start could give more.
 * 4. What. At (stand, s) the candidates are taken in the order of price, then serial. Each gives
 *    what it has free, but not more than is still missing, rounded down to its block. After
 *    ORDER_LEASES_MAX offers have given, a further one replaces the one that gave least (of equals
 *    the last) if it gives more in its place. This ends as soon as `gpus` are reached.
 * 5. Outcome. The first (stand, s) that reaches `gpus` is the match. When none does, the one that
 *    came to the most GPUs, the first of equals, is the partial match, which an
 *    immediate-or-cancel order takes if it holds at least `gpus_min`.
 * 6. Effort. A search that has looked at MATCH_LOOKS_MAX things (shelves and lines of the book,
 *    offers, starts, and the pieces of time between changes of an offer's free GPUs) ends, and what
 *    it came to so far is the outcome.
 *
 * With blocks of 1, and as long as 6 does not end it, the procedure reaches `gpus` at a stand
 * whenever any choice of ORDER_LEASES_MAX offers and of a start does: 3 leaves out no better start,
 * and 4 ends with the offers that have the most.
 */
#ifndef BOURSE_EXCHANGE_MATCH_H
#define BOURSE_EXCHANGE_MATCH_H

#include "server/exchange/offer.h"
#include "server/exchange/state.h"

/* What is wanted; everything it points to belongs to the caller. */
struct wish {
    const struct sku_limit *skus;
    uint32_t skus_count;
    uint32_t gpus;
    uint32_t gpus_min;
    uint32_t duration_min;
    uint64_t from_min; /* the window's first and last start, not before the present minute */
    uint64_t until_min;
    const uint64_t *regions; /* place_number() of each; none: any */
    uint32_t regions_count;
    const uint64_t *jurisdictions;
    uint32_t jurisdictions_count;
    bool preemptible_ok;
    bool fill_or_kill;
    uint32_t profile;
    const struct series_row *const *series; /* that fund it; none: nothing is ruled out */
    uint32_t series_count;
};

struct match_part {
    const struct offer *offer;
    uint32_t gpus;
};

struct match {
    uint64_t start_min;
    uint32_t gpus; /* 0: nothing at all */
    uint32_t count;
    uint64_t looks;                            /* that the search took */
    struct match_part parts[ORDER_LEASES_MAX]; /* by price, then serial */
};

/*
 * Fills a wish from the fields that an order and a quote share; lists are copied to `arena`.
 * Refusals: malformed, sku_not_found, sku_retired, interval_invalid, interval_in_past. The series
 * are left to the caller.
 */
enum refusal wish_from_order(const struct exchange *x, const struct op_order_place *op,
                             struct arena *arena, struct wish *wish_out);

/* Runs the procedure; true when the order can be placed: `gpus` reached, or enough for an
 * immediate-or-cancel one. Otherwise *out is the partial match. Changes nothing. */
bool match_find(const struct exchange *x, const struct wish *wish, struct match *out);

/*
 * Why there is no match; `partial` is what match_find() left. series_restricted: without the
 * series' rules there would be one. price_above_limit: without the limit prices there would be one.
 * size_not_met: some GPUs are there. no_capacity: none. What it looks at is added to *looks.
 */
enum refusal match_refusal(const struct exchange *x, const struct wish *wish,
                           const struct match *partial, uint64_t *looks);

/* The first dimension at which an offer drops out, enum funnel; 0: it is a candidate somewhere in
 * the window. */
uint32_t match_dimension(const struct exchange *x, const struct wish *wish, const struct offer *o);

#endif
