/* What `boursed check` looks at: everything that must hold between rows, ledger and indexes. */
#ifndef BOURSE_EXCHANGE_CHECK_H
#define BOURSE_EXCHANGE_CHECK_H

#include "server/exchange/state.h"

/* Where findings go; counts them. */
struct check_report {
    void (*line)(void *context, const char *line);
    void *context;
    uint64_t count;
};

/* One thing that does not hold, as a line for people: "series 3: minted 10 but ...". */
void check_found(struct check_report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Of check_capacity.c: skus, sites, orders, leases, periods and escrow rows, their indexes and due
 * items (DUE_LEASE, DUE_PERIOD: see due_has() and due_count()), what is taken of offers, and the
 * book. check.c itself compares the escrow rows with the ledger's ESCROW accounts.
 */
void check_capacity(const struct exchange *x, struct check_report *report);
/* Of check_leases.c: what was sold of leases, pauses, offers of leases, their indexes and due items
 * (DUE_PAUSE). */
void check_leases(const struct exchange *x, struct check_report *report);
/* Of check_offers.c: offers and closures, their indexes and due items (DUE_OFFER, DUE_ASK). */
void check_offers(const struct exchange *x, struct check_report *report);

/* Of check_orders.c: orders, those that rest, what they hold in escrow, who is to be asked about
 * which offer, their indexes and due items (DUE_ORDER, DUE_ASK). */
void check_orders(const struct exchange *x, struct check_report *report);

/*
 * Counters, and that what a row names is there: what the rules rely on without looking. `report`
 * may be NULL. Returns how many things were found.
 */
uint64_t check_references(const struct exchange *x, struct check_report *report);
/* The ledger's accounts against the tokens, gifts and escrow rows under them. */
void check_holdings(const struct exchange *x, struct check_report *report);

/* That the indexes of further keys hold nothing but what has rows. */
void check_keys(const struct exchange *x, struct check_report *report);
/* Rules with their budgets, their index, what is due, and the live leases that they look at. */
void check_rules(const struct exchange *x, struct check_report *report);

/* Revenue shares: that their terms and progress fit their contracts, which the rules rely on
 * without looking (`report` may be NULL; returns how many do not); and their sums, deductions and
 * index. */
uint64_t check_revshare_rows(const struct exchange *x, struct check_report *report);
void check_revshares(const struct exchange *x, struct check_report *report);
/* Backstops with their settled periods, how offers stood, and occupancy; and what the rules rely
 * on. (check_backstop.c) */
uint64_t check_backstop_rows(const struct exchange *x, struct check_report *report);
void check_backstops(const struct exchange *x, struct check_report *report);
/* Flows against what was paid, and the closings of the ledger against its accounts. (check_flow.c)
 */
void check_flows(const struct exchange *x, struct check_report *report);

/* The same of grants and of declarations of revenue. (check_grants.c) */
uint64_t check_grant_references(const struct exchange *x, struct check_report *report);
void check_grants(const struct exchange *x, struct check_report *report);

/* Contracts of all kinds, their funds and claims, and what is due. (check_contracts.c) */
void check_contracts(const struct exchange *x, struct check_report *report);
/* What the rules rely on of contracts and claims, as a part of check_references(). */
uint64_t check_contract_references(const struct exchange *x, struct check_report *report);
/* Lease guarantees, as a part of check_contracts(). (check_guarantees.c) */
void check_guarantees(const struct exchange *x, struct check_report *report);

/* Dual control: what the rules rely on of proposals and the policy; and all else that must hold.
 * (check_control.c) */
uint64_t check_control_references(const struct exchange *x, struct check_report *report);
void check_control(const struct exchange *x, struct check_report *report);

/* What a walk over a table counts and reports. */
struct check_scan {
    const struct exchange *x;
    struct check_report *report;
    uint64_t count;
};

/* Each noun compares its index in memory with one of its rows (or, NULL, as a whole). */
void check_account_index(const struct exchange *x, const struct account_row *row,
                         struct check_report *report);
void check_series_index(const struct exchange *x, const struct series_row *row,
                        struct check_report *report);
void check_token_index(const struct exchange *x, const struct token_row *row,
                       struct check_report *report);
void check_gift_index(const struct exchange *x, const struct gift_row *row,
                      struct check_report *report);
void check_key_index(const struct exchange *x, const struct key_row *row,
                     struct check_report *report);
void check_request_index(const struct exchange *x, const struct request_row *row,
                         struct check_report *report);

#endif
