/*
 * Rules: standing wishes of an account that the exchange carries out in ticks, at whole multiples
 * of RULE_STEP_MIN. A rule keeps so many GPUs of its SKUs for the account over the next minutes of
 * its horizon, counting all leases that are granted or active: it buys what is missing, one gap a
 * step, and with `resell` offers what is too many of the leases that it bought, one lease a step.
 * What is missing at the horizon's end it buys for as long as the horizon where it can, so that it
 * may hold up to twice its horizon ahead.
 *
 * Work is bounded: a rule of an account with more than RULE_LEASES_MAX leases that are not settled
 * (or so many pieces of leases) does nothing until there are fewer, rather than to count wrongly.
 */
#ifndef BOURSE_EXCHANGE_RULE_H
#define BOURSE_EXCHANGE_RULE_H

#include "server/exchange/escrow.h"
#include "server/exchange/owned.h"
#include "server/exchange/state.h"
#include "server/exchange/tree.h"
#include "server/exchange/wish.h"

/* The column `flags`. */
enum {
    RULE_RESELLS = 1,
    RULE_WARNED = 2, /* that it runs low; until tokens are added */
};

/* A lease that may be live, by its holder. */
struct live_lease {
    RB_ENTRY(live_lease) link;
    uint32_t holder;
    uint64_t lease;
};

RB_HEAD(live_tree, live_lease);

struct rule_index {
    struct owned by_account;
    uint32_t *active; /* active rules by account; owned */
    size_t active_size;
    struct live_tree live; /* all leases that are granted, active or paused by their rows; owned */
    uint64_t live_count;
};

/* NULL when there is none. Valid until the next change of the table. */
const struct rule_row *rule_find(const struct exchange *x, uint64_t rule);
/* A lease comes, changes or goes; for its hook. */
void rule_lease_changed(struct exchange *x, const struct lease_row *old,
                        const struct lease_row *new);
/* The leases of an account that are not settled, by serial: the first at or above `from`, and the
 * last at or below `until`; NULL: there is none. */
const struct lease_row *rule_lease_next(const struct exchange *x, uint32_t holder, uint64_t from);
const struct lease_row *rule_lease_before(const struct exchange *x, uint32_t holder,
                                          uint64_t until);

/* --- What it does (rule_run.c) --- */

/* How a rule stands. */
struct rule_look {
    amount budget;       /* what may still be spent, of series that have not expired */
    uint32_t held;       /* GPUs of its SKUs that the account has now */
    uint64_t runway_min; /* how long leases and budget last, at most HORIZON_MAX_MIN is said */
};
/* False when the account has too many leases. Adds to *looks how many were looked at. */
bool rule_look(const struct exchange *x, const struct rule_row *row, struct rule_look *out,
               uint32_t *looks);
/* What an active rule would buy now, for the shorter time, as an order of its account within
 * *budget_out; its gpus are 0 when nothing is missing, or when the answer is too_many: the account
 * has too many leases. account_frozen: it buys nothing while that lasts. */
enum refusal rule_wish(const struct exchange *x, const struct rule_row *row, struct arena *arena,
                       struct wish *wish_out, amount *budget_out);
/* Ends an active rule: what its escrow holds returns. `row` is a copy, put; rows first, so that the
 * caller's event is the next one (`returns`). */
void rule_close(struct exchange *x, struct rule_row *row, enum rule_state state,
                struct escrow_returns *returns);
void rule_log_closed(struct exchange *x, uint32_t by, const struct rule_row *row,
                     const struct escrow_returns *returns);

/* Withdraws the offers that stand of leases that the rule bought. */
void rule_offers_withdraw(struct exchange *x, const struct rule_row *row);

#endif
