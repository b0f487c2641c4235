/*
 * Double-entry accounts under everything: one per (account, series, kind). MINTED is the contra
 * account, held by the series' funder; every other kind holds credits for somebody. Sum of debits =
 * sum of credits, always.
 */
#ifndef BOURSE_EXCHANGE_LEDGER_H
#define BOURSE_EXCHANGE_LEDGER_H

#include "server/exchange/state.h"

struct ledger_place {
    enum ledger_kind kind;
    uint32_t account;
};

/*
 * Moves `a` of a series from one place (debited) to another (credited). What is debited must hold
 * it (an assertion: operations validate before). Minting is a move from MINTED.
 */
void ledger_move(struct exchange *x, uint32_t series, struct ledger_place from,
                 struct ledger_place to, amount a);

/* What a place holds (for MINTED: what was ever minted). */
amount ledger_holds(const struct exchange *x, uint32_t series, struct ledger_place place);
/* What all accounts of a kind hold in a series together. */
amount ledger_total(const struct exchange *x, uint32_t series, enum ledger_kind kind);
/* Whether the account's balances of all series together hold both: what is to stay and what is to
 * leave. */
bool ledger_earned_covers(const struct exchange *x, uint32_t account, amount kept, amount leaving);
/* Whether `a` more may be minted of the series without passing AMOUNT_MAX_UCR in all. */
bool ledger_may_mint(const struct exchange *x, uint32_t series, amount a);

/* Whether minted = sum of all other kinds, in every series; asked of what was loaded. */
bool ledger_is_conserved(const struct exchange *x);
/* Asserts, for each series touched since the last call: minted = sum of all other kinds. */
void ledger_assert_conserved(struct exchange *x);

#endif
