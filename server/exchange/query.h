/*
 * Queries: each noun answers its own. A handler sees the state between groups and changes nothing.
 * `account` 0 is a stranger. Texts of the answer may point into rows; everything else is allocated
 * in `arena`.
 */
#ifndef BOURSE_EXCHANGE_QUERY_H
#define BOURSE_EXCHANGE_QUERY_H

#include "server/exchange/state.h"

typedef enum refusal query_handler(const struct exchange *x, uint32_t account, const void *body,
                                   struct arena *arena, const struct message **answer_out,
                                   const void **body_out);

query_handler query_accounts, query_series, query_tokens, query_gifts, query_balances, query_supply;
/* Of query_capacity.c. */
query_handler query_skus, query_sites, query_offers, query_orders, query_leases, query_periods,
    query_quote, query_order_why, query_rule_why;
query_handler query_keys, query_closures, query_rules;
/* Of query_market.c, query_depth.c and query_utilisation.c. */
query_handler query_depth, query_trades, query_index, query_starts, query_utilisation;
query_handler query_contracts, query_claims, query_backstops, query_draws, query_revshares,
    query_shares, query_grants, query_declarations, query_royalties, query_guarantees,
    query_proposals, query_policy, query_flows;

/* A region that is asked about, as place_number(); 0: everywhere. Refusal: malformed. */
enum refusal query_region(struct text region, uint64_t *region_out);

/* How many rows a page of this `limit` field may have: 0 asks for the most. */
static inline uint32_t query_page_rows(uint32_t limit)
{
    return limit == 0 || limit > PAGE_ROWS_MAX ? (uint32_t)PAGE_ROWS_MAX : limit;
}

/* A page looks at this many candidates at most, however few of them pass its filters; then it ends
 * early with `next` set, so that no query keeps the engine for long. */
enum { QUERY_LOOKS_MAX = 100000 };

/* Whether the account sees everybody's things: an admin or an auditor. */
bool query_sees_all(const struct exchange *x, uint32_t account);

/*
 * Whose things a query with an `account` field is about: `named`, or the asking account when that
 * is 0. Refusals: unknown_account for a stranger; not_visible, when it asks for another's
 * without seeing all; account_not_found.
 */
enum refusal query_subject(const struct exchange *x, uint32_t account, uint32_t named,
                           uint32_t *subject_out);

/* arena_alloc() that ends the process when memory is out. */
void *query_alloc(struct arena *arena, size_t size);
/* Texts of a column one behind the other, each in `bytes`; place and required are parts of one text
 * each. A damaged row may say too many: the caller gives no more than the column has. */
const void *query_texts(const uint8_t *column, size_t bytes, uint32_t count, struct arena *arena);

#endif
