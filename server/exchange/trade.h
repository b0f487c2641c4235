/* Trades as everybody may see them. The price index made of them is in price_index.h. */
#ifndef BOURSE_EXCHANGE_TRADE_H
#define BOURSE_EXCHANGE_TRADE_H

#include "server/exchange/price_index.h"
#include "server/exchange/state.h"

struct trade_index {
    struct point_tree points; /* of the price index; owned */
    struct level_tree levels; /* of the regions; owned */
};

/* Logs what an order has just traded (a `traded` event, by 0) and keeps it for queries; where it
 * becomes one of more than TRADES_KEPT_MAX, the oldest goes. Of no effect without grants. After the
 * order's own event and those of the parts sold. */
void trade_log(struct exchange *x, const struct lease_grant *grants, uint32_t count);

/* What ending a lease at end_s gives up of the trade by which its capacity left the operator: what
 * it would still have owed of the time traded. Before anything of the lease is changed. */
gpu_minutes trade_given_up(const struct exchange *x, const struct lease_row *lease, uint64_t end_s);
/* Takes it off that trade, if it may still count for the price index, and tells everybody
 * (trade_cut, by 0). */
void trade_cut(struct exchange *x, uint64_t trade, gpu_minutes given_up);

/* Spot, or committed by its length. */
enum trade_kind trade_kind_of(uint64_t start_s, uint64_t end_s);

/* NULL when it was never made or is kept no more. Valid until the next change of the table. */
const struct trade_row *trade_find(const struct exchange *x, uint64_t trade);
/* The oldest trade that may still be kept; trade_last + 1 when there is none. */
uint64_t trade_first(const struct exchange *x);

#endif
