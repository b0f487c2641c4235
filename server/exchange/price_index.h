/*
 * The price index: of each SKU, spot and committed apart, a level and a chained one at whole hours.
 *
 * It is published in a tick, for the last whole hour H at or before the tick's time, when none was
 * published for H yet: hours that passed while nobody ticked are left out. It looks at the last
 * TRADES_KEPT_MAX trades, and of those at the ones made in [H - INDEX_STALE_S, H) that were neither
 * of a preemptible offer nor a resale, each with the GPU-minutes that have not been given up since
 * by an early end of its lease, or of leases sold out of that: none with nothing left, and no
 * committed one with less than COMMITTED_MIN_MIN of each GPU. For each SKU and kind that has some
 * there is a point:
 *
 * Level. Trades in the order of price, of equal ones in that of their numbers, each as long as it
 * has GPU-minutes, V in all. floor(V x INDEX_TRIM_PERCENT / 100) are cut off at each end, a trade
 * in part where the cut falls into it; the level is the mean price of the GPU-minutes that are
 * left, rounded down. The level of a region is the same of the trades of that region alone.
 *
 * Chain. CHAIN_FIRST_PPM at the first point of the SKU and kind. Later, with the regions that had
 * trades both now and at the point before: the chain of the point before, times the sum of w x
 * (level of the region now), divided by the sum of w x (level of the region before), rounded down,
 * where w is the GPU-minutes that the region had before. It is kept within 1 and CHAIN_MAX_PPM, and
 * stays as it was when there is no such region or when one of the two sums is 0.
 *
 * One publication sorts TRADES_KEPT_MAX trades at most, and has a tick of its own then; while
 * nothing has been traded for INDEX_STALE_S nothing is due.
 */
#ifndef BOURSE_EXCHANGE_PRICE_INDEX_H
#define BOURSE_EXCHANGE_PRICE_INDEX_H

#include "server/exchange/check.h"
#include "server/exchange/state.h"
#include "server/exchange/tree.h"

enum { INDEX_HOUR_S = 3600, CHAIN_FIRST_PPM = 1000 * 1000, INDEX_EVENT_POINTS_MAX = 256 };
#define CHAIN_MAX_PPM UINT64_C(1000000000000000000)

/* The keys of the points in their order: SKU, kind, hour. */
struct point_node {
    RB_ENTRY(point_node) link;
    uint64_t sku;
    uint64_t hour_s;
    uint32_t kind;
};

/* The keys of the regions' levels at the last point, by SKU, kind, region. */
struct level_node {
    RB_ENTRY(level_node) link;
    uint64_t sku;
    uint64_t region;
    uint32_t kind;
};

RB_HEAD(point_tree, point_node);
RB_HEAD(level_tree, level_node);

/* For trade_index_new() and trade_index_free(). */
void price_index_new(struct exchange *x);
void price_index_free(struct exchange *x);

/* There has been a trade: from now on the index is due at whole hours. */
void price_index_begin(struct exchange *x);

/* The point of this SKU and kind at an hour or the next one that there is, NULL: none. Valid until
 * the next change of the table. */
const struct point_row *price_index_point(const struct exchange *x, uint64_t sku, uint32_t kind,
                                          uint64_t from_s);
/* The last point; NULL: none. */
const struct point_row *price_index_last(const struct exchange *x, uint64_t sku, uint32_t kind);

/* Trades, points and levels against each other and against what is due. */
void check_trades(const struct exchange *x, struct check_report *report);

#endif
