/* What the ledger keeps in memory, for ledger.c, the queries and the check. */
#ifndef BOURSE_EXCHANGE_LEDGER_INDEX_H
#define BOURSE_EXCHANGE_LEDGER_INDEX_H

#include "protocol/amount.h"
#include "server/exchange/ledger.h"
#include "server/exchange/owned.h"
#include "server/exchange/tree.h"

/* A balance with something in it. */
struct balance_line {
    RB_ENTRY(balance_line) link;
    uint32_t account;
    uint32_t series;
    amount held;
};

RB_HEAD(balance_tree, balance_line);

struct series_totals {
    amount holds[LEDGER_EXPIRED + 1]; /* by kind, over all accounts */
    bool touched;                     /* since the last ledger_assert_conserved() */
};

struct ledger_index {
    struct series_totals *totals; /* by series; owned */
    uint32_t *touched;            /* series; owned, as many places as totals */
    size_t totals_count;
    size_t touched_count;
    struct owned series; /* the series in which an account has ledger rows other than MINTED */
    struct balance_tree balances; /* by account, the largest first, then by series; owned */
    wide *earned;                 /* by account: its balances of all series together; owned */
    size_t earned_count;
    uint64_t moves; /* since the exchange is in memory */
};

/* How often ledger_move() has moved something; only what it grows by says something. */
uint64_t ledger_moves(const struct exchange *x);

/* What the row's account holds (for MINTED: what was minted). */
amount ledger_row_holds(const struct ledger_row *row);
/* Makes sure that there is a row, so that queries of the account come by the series. */
void ledger_open(struct exchange *x, uint32_t series, struct ledger_place place);
/* What all kinds but MINTED hold together. */
amount ledger_conserved_sum(const struct exchange *x, uint32_t series);
/* The account's largest balance, of equal ones that of the lower series, and the one after it;
 * NULL: there is none. Valid until the next change of the ledger. */
const struct balance_line *ledger_balance_first(const struct exchange *x, uint32_t account);
const struct balance_line *ledger_balance_next(const struct exchange *x,
                                               const struct balance_line *line);
/* What the account's balances come to in memory. */
wide ledger_earned(const struct exchange *x, uint32_t account);
/* For checks: whether a balance is among them, and how many such lines there are of all accounts.
 */
bool ledger_balance_listed(const struct exchange *x, uint32_t account, uint32_t series,
                           amount held);
uint64_t ledger_balances_listed(const struct exchange *x);

#endif
