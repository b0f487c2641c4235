/*
 * Dual control: to mint or pay out above a limit, to change the limits, and to make another admin
 * needs several admins.
 * The limits hold for what is done on one word in a UTC day, so that it does not help to divide an
 * amount: all minting of the exchange together, and all payouts of one account. What several admins
 * have approved does not count. 0: no limit.
 */
#ifndef BOURSE_EXCHANGE_CONTROL_H
#define BOURSE_EXCHANGE_CONTROL_H

#include "server/exchange/state.h"

/* NULL when there is none. */
const struct proposal_row *proposal_find(const struct exchange *x, uint64_t proposal);
/* For checks: whether it is among the open ones of its proposer, and how many such there are. */
bool proposal_listed(const struct exchange *x, const struct proposal_row *row);
uint64_t proposal_count_listed(const struct exchange *x);

/* Whether this much may be minted, or paid out of the account's balance, on one word today; else
 * approval_needed. */
enum refusal control_mint_refusal(const struct exchange *x, amount a);
enum refusal control_payout_refusal(const struct exchange *x, uint32_t account, amount a);
/* It was: counts it. */
void control_minted(struct exchange *x, amount a);
void control_paid_out(struct exchange *x, uint32_t account, amount a);

/*
 * Whether one admin alone may make another one, new or frozen until now; else approval_needed: who
 * could make admins alone could approve alone.
 */
enum refusal control_admin_refusal(const struct exchange *x);

/* For the operations themselves, which control carries out when they are approved. Refusals as of
 * mint and payout but for the limits. */
enum refusal mint_check(const struct exchange *x, const struct op_mint *op);
void mint_apply(struct exchange *x, uint32_t by, const struct op_mint *op, uint64_t *first_out);
enum refusal payout_check(const struct exchange *x, uint32_t account, const struct op_payout *op);
void payout_apply(struct exchange *x, uint32_t by, const struct op_payout *op);

#endif
