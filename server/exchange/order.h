/* Orders: redemptions of tokens for leases. */
#ifndef BOURSE_EXCHANGE_ORDER_H
#define BOURSE_EXCHANGE_ORDER_H

#include "server/exchange/owned.h"
#include "server/exchange/match.h"
#include "server/exchange/state.h"

struct order_index {
    struct owned by_account;
};

/* NULL when there is none. Valid until the next change of the table. */
const struct order_row *order_find(const struct exchange *x, uint64_t order);

/* What each lease of a match costs, and all together; false when it is more than can be counted. */
bool match_costs(const struct match *m, uint32_t duration_min, amount costs_out[ORDER_LEASES_MAX],
                 amount *total_out);

/* The series that tokens are of, each once, in the order of first appearance, and what the tokens
 * hold of each. */
struct funding {
    const struct series_row *series[ORDER_SERIES_MAX];
    amount held[ORDER_SERIES_MAX];
    uint32_t count;
    amount total;
};

/* Refusals: series_mixed (more series than ORDER_SERIES_MAX), amount_overflow. */
enum refusal funding_from_tokens(const struct exchange *x, const struct token_row *tokens,
                                 uint32_t count, struct funding *out);

#endif
