/*
 * Pledges: what an operator has yet to put into the funds of its lease guarantees as escrow stands
 * in what it has earned. Its balances of all series together do not fall below it by leaving: as
 * payouts, or to pay claims. A call takes of them what the fund lacks of its guarantee's escrow.
 */
#ifndef BOURSE_EXCHANGE_PLEDGE_H
#define BOURSE_EXCHANGE_PLEDGE_H

#include "protocol/amount.h"
#include "server/exchange/contract.h"

/* What the operator has yet to put into the fund of a lease guarantee in force: its escrow, less
 * what calls took of the operator and what is there. 0 of any other contract. */
amount pledge_missing(const struct exchange *x, const struct contract_row *row);
/* The same of all guarantees in force of which the account is the operator, up to UINT64_MAX. */
amount pledge_of(const struct exchange *x, uint32_t account);
/* Whether so much may leave the account's balances, which hold it: balance_pledged. */
enum refusal pledge_refusal(const struct exchange *x, uint32_t account, amount leaving);

/* For how much of that the operator's balances stand in: those of its guarantees that came into
 * force before come first, so that none signed later takes what is pledged for them. */
amount pledge_stands_in(const struct exchange *x, const struct contract_row *row);
/* Whether it would lose of that by coming behind all others of its operator: something is missing
 * in its fund, and in that of one that came into force later. */
bool pledge_would_yield(const struct exchange *x, uint64_t contract);

/* What of `a`, which stands in for a guarantee, one call could take of the operator's balances: of
 * the CALL_BALANCES_MAX largest behind what stands in for guarantees before it, so that neither
 * small change keeps the others from it nor it what is pledged before. */
amount pledge_covers(const struct exchange *x, const struct contract_row *row, amount a);
/* What a call takes: moves it to the beneficiary's balances and books the flow. Returns how much.
 */
amount pledge_draw(struct exchange *x, const struct contract_row *row, amount a,
                   const struct flow *why, struct contract_paid *out);

/* What an account has in the fund of a contract. */
struct fund_line {
    RB_ENTRY(fund_line) link;
    uint64_t contract;
    uint32_t account;
    amount held;
};

RB_HEAD(fund_tree, fund_line);

/* A lease guarantee in force in whose fund something is missing, and where it stands. */
struct pledge_line {
    RB_ENTRY(pledge_line) link;
    uint64_t contract;
    uint64_t place;
    uint32_t account;
};

RB_HEAD(pledge_tree, pledge_line);

/* The same of one operator, in their turn; CONTRACTS_PER_ACCOUNT_MAX at most. They lie side by side
 * since calls and questions add up those before one. */
struct pledge_turn {
    uint64_t place;
    uint64_t contract;
    amount missing;
};

struct pledge_turns {
    struct pledge_turn *items; /* owned */
    size_t count;
    size_t size;
    wide missing; /* of all of them */
};

struct pledge_index {
    struct fund_tree funds;          /* owned */
    struct pledge_tree lines;        /* where something is missing; owned */
    struct pledge_turns *by_account; /* of each operator; owned */
    size_t by_account_size;
};

/* For the hooks of contracts and of rows of escrow: the index follows. */
void pledge_contract_changed(struct exchange *x, const struct contract_row *before,
                             const struct contract_row *after);
void pledge_recourse_changed(struct exchange *x, uint64_t contract);
void pledge_escrow_changed(struct exchange *x, const struct escrow_row *before,
                           const struct escrow_row *after);

/* For checks: what the index says an account has in a fund, and is missing in it, of a guarantee
 * with this place; how many lines of either there are; and what is missing of all of an operator's.
 */
amount pledge_fund_listed(const struct exchange *x, uint64_t contract, uint32_t account);
amount pledge_listed(const struct exchange *x, const struct contract_row *row, uint64_t place);
uint64_t pledge_count_funds(const struct exchange *x);
uint64_t pledge_count_listed(const struct exchange *x);
uint64_t pledge_count_turns(const struct exchange *x);
wide pledge_sum(const struct exchange *x, uint32_t account);

#endif
