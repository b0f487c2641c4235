/*
 * Orders: redemptions of tokens for leases, at once or, while the order rests, when capacity comes.
 * A resting order ends by time when that comes, swept or not.
 */
#ifndef BOURSE_EXCHANGE_ORDER_H
#define BOURSE_EXCHANGE_ORDER_H

#include "server/exchange/match.h"
#include "server/exchange/owned.h"
#include "server/exchange/state.h"

struct escrow;

struct order_index {
    struct owned by_account;
};

/* NULL when there is none. Valid until the next change of the table. */
const struct order_row *order_find(const struct exchange *x, uint64_t order);

/* Whether the order still rests, `rest` being its REST row (NULL: none). */
bool order_rests(const struct exchange *x, const struct order_row *order,
                 const struct rest_row *rest);
/* ... and may be filled: its account is not frozen. */
bool order_is_live(const struct exchange *x, const struct order_row *order,
                   const struct rest_row *rest);

/* How an order stands by the time, swept or not. */
struct order_end {
    enum order_state state;
    enum order_end_reason reason;
    uint64_t ended_s; /* 0: it rests */
};
struct order_end order_end_now(const struct exchange *x, const struct order_row *order,
                               const struct rest_row *rest);

/* What each lease of a match costs, and all together; false when it is more than can be counted. */
bool match_costs(const struct match *m, uint32_t duration_min, amount costs_out[ORDER_LEASES_MAX],
                 amount *total_out);

/* Fills a resting order with a match for what it misses, pays from its escrow, returns what it
 * needs no more, and logs what happened (order_filled, lease_sold, traded). False, and nothing
 * done, when its escrow does not cover the match, which no order that rules placed comes to. */
bool order_fill(struct exchange *x, uint64_t order, const struct match *m);

/*
 * What an order that has begun to rest, or was amended, still gets of what is on offer at the start
 * of its first fill: one fill after the other until there is none. What it could get beyond
 * ORDER_FILLS_AT_ONCE is asked about in ticks. Tells offers that are asking of the late-comer.
 */
void order_match_on(struct exchange *x, uint64_t order);
enum { ORDER_FILLS_AT_ONCE = 4 };

/* Whether an order says until when it rests, and none other does. Refusals: interval_invalid,
 * interval_in_past. */
enum refusal order_check_time_in_force(const struct exchange *x, const struct op_order_place *op);

/* A search in a request, against what all of it may look at. Too many: it has looked enough. */
enum refusal order_search(struct exchange *x, const struct wish *w, struct match *out);
/* Runs a search and tells the witness. */
bool order_match(struct exchange *x, const struct wish *w, struct match *out);

/* How much of a match an escrow pays that does not pay all of it. */
struct afford {
    uint32_t gpus; /* in whole blocks, for all of the time; 0: not even one */
    /* When it is not: the block of which it pays the most minutes; 0: not one. */
    uint32_t block_gpus;
    uint32_t minutes;
};

/*
 * Buys for a rule what an immediate-or-cancel order of the account would, paid from the rule's
 * escrow; logs rule_bought, lease_sold, traded. `op` has no tokens. Refusals as of order_place;
 * where there is nothing to buy, `looks` NULL, it is no_capacity without searching for the reason,
 * else what that looks at is added to *looks. With insufficient_funds *can_out says what could be
 * paid. *escrow is the rule's, lowered by what was paid.
 */
enum refusal order_by_rule(struct exchange *x, uint32_t account, uint64_t rule,
                           const struct op_order_place *op, struct escrow *escrow, amount *cost_out,
                           struct afford *can_out, uint64_t *looks);

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
