/* Resting orders: their terms, and where to find those that might want an offer. */
#ifndef BOURSE_EXCHANGE_REST_H
#define BOURSE_EXCHANGE_REST_H

#include "server/exchange/match.h"
#include "server/exchange/state.h"

/* NULL when the order does not rest. Valid until the next change of the table. */
const struct rest_row *rest_find(const struct exchange *x, uint64_t order);
/* How many orders of the account rest. */
uint64_t rest_count(const struct exchange *x, uint32_t account);
/* Whether any resting order wants this SKU at this price. */
bool rest_waits(const struct exchange *x, uint64_t sku, uint64_t price_ucr);
/* Calls `visit` for each resting order that names the SKU, highest limit first, then the oldest,
 * until it returns false. */
void rest_each(const struct exchange *x, uint64_t sku,
               bool (*visit)(void *context, const struct rest_row *rest, uint64_t limit_ucr),
               void *context);

/* The last second before which the order rests, whatever its series: until its rest_until_s, or
 * until the last start of its window has passed. */
uint64_t rest_until(const struct order_row *order, const struct rest_row *rest);
/* What its escrow holds while it misses rest->gpus_missing: for each GPU the cost of the duration
 * (of funded_min, when it is paid as it goes) at the highest limit, rounded up, so that it covers
 * whatever leases these GPUs are divided into. False: more than can be counted. */
bool rest_needs(const struct order_row *order, const struct rest_row *rest, amount *needs_out);

/* The GPUs of offers of a SKU at a site that the book has come (above 0) or go; for the offers'
 * hook. */
void rest_supply(struct exchange *x, uint64_t sku, uint64_t site, int64_t gpus);
/* An offer that is asking comes or goes; for the same. */
void rest_track(struct exchange *x, const struct offer_row *offer, bool here);

/* --- Who might want an offer --- */

/* The order in which resting orders are asked: highest limit, then the oldest. */
struct rest_key {
    uint64_t limit_ucr;
    uint64_t place;
    uint64_t order;
};

bool rest_key_before(const struct rest_key *a, const struct rest_key *b);

struct rest_walk {
    const struct exchange *x;
    const struct offer *offer;
    uint64_t from_min; /* the offer's interval from now on; rest_left() of it is left */
    uint64_t last_min;
    struct rest_key since;
    struct rest_key last; /* the one given last */
    struct rest_item *heap;
    size_t count;
    size_t capacity;
    uint64_t looks; /* at shelves, buckets and orders so far */
};

/*
 * Walks the resting orders that might want an offer, from `since` on: those that name its SKU with
 * a limit of at least its price, cover its region, may start within its interval, for no longer
 * than what is left of it, and need no more GPUs at least than there are on offer (at the site; for
 * a spread order anywhere). Of length and GPUs the power of 2 is compared alone.
 */
uint64_t rest_left(const struct exchange *x, const struct offer *o);
void rest_walk_begin(struct rest_walk *w, const struct exchange *x, const struct offer *o,
                     struct rest_key since);
void rest_walk_release(struct rest_walk *w);
/* The next one; false at the end. */
bool rest_walk_next(struct rest_walk *w, struct rest_key *out);
/* Before the order given last is changed or ends; no other may be while walking. */
void rest_walk_pass(struct rest_walk *w);

/* Offers that some resting orders have been asked about and others not: for late-comers. */
size_t rest_asking(const struct exchange *x, const uint64_t **offers_out);

/* --- For checks --- */

/* How many of the row's lines are missing in the index; *lines_out is how many there should be. */
uint64_t rest_missing(const struct exchange *x, const struct rest_row *rest, uint64_t *lines_out);
/* Lines in the index, and buckets whose best order is not the best of what is below them. */
uint64_t rest_lines(const struct exchange *x, uint64_t *faults_out);
/* What rest_supply() has come to; site 0: of all sites. */
uint64_t rest_supplied(const struct exchange *x, uint64_t sku, uint64_t site);

#endif
