/*
 * What an order wants, and which offers count for it: step 1 of the procedure in match.h.
 */
#ifndef BOURSE_EXCHANGE_WISH_H
#define BOURSE_EXCHANGE_WISH_H

#include "server/exchange/offer.h"
#include "server/exchange/state.h"

/* What is wanted; everything it points to belongs to the caller. */
struct wish {
    uint32_t account; /* whose own offers do not count; 0: a stranger's question */
    uint64_t place;   /* of the order in time: an older offer trades at its own price, a younger one
                       * at the limit; UINT64_MAX: younger than all */
    uint64_t site;    /* 0: any */
    const struct sku_limit *skus;
    uint32_t skus_count;
    uint32_t gpus;     /* that are missing */
    uint32_t gpus_min; /* the least that one fill gives, at most gpus */
    uint32_t block_gpus;
    uint32_t duration_min;
    bool spread;
    uint64_t from_min; /* the window's first and last start, not before the present minute; no start
                        * at all when it ends before it begins */
    uint64_t until_min;
    const uint64_t *regions; /* place_number() of each; none: any */
    uint32_t regions_count;
    const uint64_t *jurisdictions;
    uint32_t jurisdictions_count;
    const struct required *certifications;
    uint32_t certifications_count;
    uint64_t certified_min; /* they must not expire by then: until_min, but for the question why */
    struct text interconnect; /* empty: any */
    uint32_t carbon_g_max;    /* 0: any */
    uint32_t reliability_ppm_min;
    bool preemptible_ok;
    uint32_t funded_min; /* above 0: paid as it goes, and so many minutes ahead at first. Leases on
                          * offer, which are paid in full, do not count, nor does what is metered
                          * over more minutes than are paid. */
    uint32_t profile;
    uint32_t lifted;    /* enum funnel: of the terms of leases this one rules nothing out, for the
                         * question why; 0: none */
    uint64_t looks_max; /* what a search may look at; 0: MATCH_LOOKS_MAX */
    const struct series_row *const *series; /* that fund it; none: nothing is ruled out */
    uint32_t series_count;
};

/*
 * Fills a wish from the fields that an order and a quote share, as that of a stranger's order
 * younger than all offers; lists are copied to `arena`. Refusals: malformed, sku_not_found,
 * sku_retired, interval_invalid, interval_in_past, terms_invalid. Account and series are left to
 * the caller.
 */
enum refusal wish_from_order(const struct exchange *x, const struct op_order_place *op,
                             struct arena *arena, struct wish *wish_out);

/* The same for what a resting order still misses, with its account and the series in its escrow;
 * gpus_min is not above what it misses. */
void wish_from_rest(const struct exchange *x, const struct order_row *order,
                    const struct rest_row *rest, struct arena *arena, struct wish *wish_out);

/* Whether each series may pay for any of its SKUs, at any place within its regions (or at the one
 * site it is bound to): series_restricted, or nothing would ever be bought. */
enum refusal wish_check_series(const struct exchange *x, const struct wish *wish);

/* The first dimension at which an offer drops out, enum funnel; 0: it is a candidate somewhere in
 * the window. In two parts, so that the offers of one site and SKU can be asked together: the
 * dimensions up to the series, as far as they are those of site and SKU, and those that are an
 * offer's own, adding to *looks how many pieces of its time were looked at. */
uint32_t wish_site_dimension(const struct exchange *x, const struct wish *wish, uint64_t sku,
                             uint64_t site);
uint32_t wish_offer_dimension(const struct exchange *x, const struct wish *wish,
                              const struct offer *o, uint64_t *looks);

/* --- For the search --- */

/* NULL when the SKU is not wanted. */
const struct sku_limit *wish_limit(const struct wish *w, uint64_t sku);
/* Whether the filters cover a region, place_number(); `context` is the wish. */
bool wish_covers_region(const void *context, uint64_t region);
/* Whether an SKU that is wanted counts. */
bool wish_takes_sku(const struct exchange *x, const struct wish *w, uint64_t sku);
/* Whether a site counts with an SKU that does. */
bool wish_takes_site(const struct exchange *x, const struct wish *w, uint64_t sku, uint64_t site);
/* Whether an offer of such an SKU and site counts, apart from its price and from whose it is. */
bool wish_takes_offer(const struct exchange *x, const struct wish *w, const struct offer *o);
/* Whether a lease is of such an SKU, at such a site and on such terms; of the site's reliability
 * and of who owns it nothing is asked, and of certifications that they are in force now. */
bool wish_takes_lease(const struct exchange *x, const struct wish *w,
                      const struct lease_row *lease);
/* Whether there is somebody who sells it: its operator and its seller are not frozen, and a lease
 * on offer has neither ended nor failed, swept or not. */
bool wish_has_seller(const struct exchange *x, const struct offer *o);
/* Whether who wants would buy of himself: it is his offer, or his capacity that somebody resells.
 */
bool wish_is_own(const struct wish *w, const struct offer *o);
/* For how many minutes an elastic order must pay ahead so that such an offer counts. */
uint32_t wish_funding_needed(const struct wish *w, const struct offer *o);
/* What an offer of a wanted SKU would trade at. */
uint64_t wish_price(const struct wish *w, const struct offer *o);
/* An offer gives multiples of this: the least common multiple of its block and the order's. */
uint64_t wish_block(const struct wish *w, const struct offer *o);
/* The earliest start of the window at which such a block is free for the duration; adds to *looks
 * how many pieces of the offer's time were looked at. */
bool wish_earliest(const struct wish *w, const struct offer *o, uint64_t *start_out,
                   uint64_t *looks);

#endif
