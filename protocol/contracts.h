/*
 * Contracts between accounts: backstop, revenue share, grant, lease guarantee. One party proposes
 * terms, the other accepts them with its signature, and only then they are in force; amendments
 * likewise, as a new version of the terms. Rates are basis points, parts per million where named
 * so; prices are micro-credits per GPU-hour. docs/protocol.md, "Contracts".
 */
#ifndef BOURSE_PROTOCOL_CONTRACTS_H
#define BOURSE_PROTOCOL_CONTRACTS_H

#include "protocol/limits.h"
#include "protocol/message.h"
#include "protocol/operation_parts.h"

/* --- Parts --- */

/* GPUs of a backstop that count as delivered from a whole minute on. */
#define LOT_FIELDS(X, S)                                                                           \
    X(U32, S, gpus, 1, GPUS_MAX)                                                                   \
    X(TIME, S, from_s, 1, TIME_MAX_S)
MESSAGE_STRUCT(lot, LOT_FIELDS);

/*
 * A phase of a revenue share: its rate, and what leads to the next one: a utilisation over the
 * contract's window, in parts per million, and a total of cash. The last phase has neither.
 */
#define PHASE_FIELDS(X, S)                                                                         \
    X(U32, S, rate_bp, 0, 10000)                                                                   \
    X(U32, S, utilisation_ppm, 0, 1000000)                                                         \
    X(AMOUNT, S, milestone_ucr, 0, AMOUNT_MAX_UCR)
MESSAGE_STRUCT(phase, PHASE_FIELDS);

/* A part of a grant, paid on a date, when the startup has spent so much of what it was paid, or on
 * an admin's word. */
#define TRANCHE_FIELDS(X, S)                                                                       \
    X(ENUM, S, kind, tranche_kind, 0)                                                              \
    X(AMOUNT, S, amount_ucr, 1, AMOUNT_MAX_UCR)                                                    \
    X(TIME, S, from_s, 0, TIME_MAX_S)                                                              \
    X(AMOUNT, S, spent_ucr, 0, AMOUNT_MAX_UCR)
MESSAGE_STRUCT(tranche, TRANCHE_FIELDS);

/* A kind of revenue by its name, as declared by a startup. */
#define REVENUE_FIELDS(X, S)                                                                       \
    X(TEXT, S, name, 1, NAME_MAX_BYTES)                                                            \
    X(AMOUNT, S, amount_ucr, 0, AMOUNT_MAX_UCR)
MESSAGE_STRUCT(revenue, REVENUE_FIELDS);

/* --- Proposals. `contract` 0: a new one; else an amendment of that one, by either party. The
 * result's object is the contract. --- */

/*
 * The guarantor owes, for each minute of [start_s, end_s), the strike for
 * max(0, min(covered, healthy and certified and (sold or listed)) - sold) GPUs of the SKU at the
 * site, settled after each period of `period_min` from start_s on, and never more than the pool in
 * all. Covered: of `gpus`, what the lots have delivered. Listed: free in an offer of the operator
 * at or below `price_max_ucr` that stood so for `ahead_min` before the minute. Healthy: the site is
 * not closed. Certified: the site holds all `certifications` then.
 */
#define BACKSTOP_PROPOSE_FIELDS(X, S)                                                              \
    X(NUMBER, S, contract, 0, SERIAL_MAX)                                                          \
    X(ACCOUNT, S, guarantor, 1, UINT32_MAX)                                                        \
    X(ACCOUNT, S, operator, 1, UINT32_MAX)                                                         \
    X(NUMBER, S, site, 1, SERIAL_MAX)                                                              \
    X(NUMBER, S, sku, 1, SERIAL_MAX)                                                               \
    X(U32, S, gpus, 1, GPUS_MAX)                                                                   \
    X(PRICE, S, strike_ucr, 0, PRICE_MAX_UCR)                                                      \
    X(U32, S, period_min, 1, BACKSTOP_PERIOD_MAX_MIN)                                              \
    X(TIME, S, start_s, 1, TIME_MAX_S)                                                             \
    X(TIME, S, end_s, 1, TIME_MAX_S)                                                               \
    X(AMOUNT, S, pool_ucr, 1, AMOUNT_MAX_UCR)                                                      \
    X(LIST, S, lots, lot, LOTS_MAX)                                                                \
    X(PRICE, S, price_max_ucr, 0, PRICE_MAX_UCR)                                                   \
    X(U32, S, ahead_min, 0, BACKSTOP_AHEAD_MAX_MIN)                                                \
    X(LIST, S, certifications, required, ORDER_CERTIFICATIONS_MAX)
MESSAGE_STRUCT(op_backstop_propose, BACKSTOP_PROPOSE_FIELDS);

/*
 * The beneficiary gets a share of what leases at the site (0: at any of the operator's) settle from
 * start_s on: the phase's rate of all of it (base gross), or of what a calendar month brings above
 * `floor_ucr`. Several contracts of one operator are paid by rank, the lowest first; what a
 * settlement cannot give is claimed. A step to the next phase needs its utilisation over the last
 * `window_days` and its cash; with `latching` each counts once reached.
 */
#define REVSHARE_PROPOSE_FIELDS(X, S)                                                              \
    X(NUMBER, S, contract, 0, SERIAL_MAX)                                                          \
    X(ACCOUNT, S, beneficiary, 1, UINT32_MAX)                                                      \
    X(ACCOUNT, S, operator, 1, UINT32_MAX)                                                         \
    X(NUMBER, S, site, 0, SERIAL_MAX)                                                              \
    X(ENUM, S, base, share_base, 0)                                                                \
    X(AMOUNT, S, floor_ucr, 0, AMOUNT_MAX_UCR)                                                     \
    X(U32, S, rank, 1, SHARE_RANK_MAX)                                                             \
    X(TIME, S, start_s, 1, TIME_MAX_S)                                                             \
    X(U32, S, window_days, 1, SHARE_WINDOW_MAX_DAYS)                                               \
    X(BOOL, S, latching, 0, 1)                                                                     \
    X(ENUM, S, milestone, milestone_kind, 0)                                                       \
    X(LIST, S, phases, phase, PHASES_MAX)
MESSAGE_STRUCT(op_revshare_propose, REVSHARE_PROPOSE_FIELDS);

/*
 * Credits of one series from the contract's fund to a startup, in tranches, against `share_bp` of
 * the revenue it declares for the months of the term and the tail, until cap_bp / 10 000 times what
 * was advanced is paid. Streams named in `carve_outs` do not count. A month is declared within
 * `declare_days` of its end; while one is late no tranche is paid.
 */
#define GRANT_PROPOSE_FIELDS(X, S)                                                                 \
    X(NUMBER, S, contract, 0, SERIAL_MAX)                                                          \
    X(ACCOUNT, S, funder, 1, UINT32_MAX)                                                           \
    X(ACCOUNT, S, startup, 1, UINT32_MAX)                                                          \
    X(SERIES, S, series, 1, UINT32_MAX)                                                            \
    X(U32, S, share_bp, 0, 10000)                                                                  \
    X(U32, S, cap_bp, 0, GRANT_CAP_MAX_BP)                                                         \
    X(TIME, S, start_s, 1, TIME_MAX_S)                                                             \
    X(U32, S, term_months, 1, GRANT_MONTHS_MAX)                                                    \
    X(U32, S, tail_months, 0, GRANT_MONTHS_MAX)                                                    \
    X(U32, S, declare_days, 1, GRANT_DECLARE_MAX_DAYS)                                             \
    X(LIST, S, tranches, tranche, TRANCHES_MAX)                                                    \
    X(LIST, S, carve_outs, required, STREAMS_MAX)
MESSAGE_STRUCT(op_grant_propose, GRANT_PROPOSE_FIELDS);

/*
 * The guarantor stands for what the operator owes a beneficiary (a lender, a landlord) for a site,
 * up to limit_ucr, after the operator's own escrow of escrow_ucr in the contract's fund. With
 * `step_in`, once it had to pay, it may take what the site's leases settle until it has that back.
 */
#define GUARANTEE_PROPOSE_FIELDS(X, S)                                                             \
    X(NUMBER, S, contract, 0, SERIAL_MAX)                                                          \
    X(ACCOUNT, S, guarantor, 1, UINT32_MAX)                                                        \
    X(ACCOUNT, S, operator, 1, UINT32_MAX)                                                         \
    X(ACCOUNT, S, beneficiary, 1, UINT32_MAX)                                                      \
    X(NUMBER, S, site, 1, SERIAL_MAX)                                                              \
    X(AMOUNT, S, limit_ucr, 1, AMOUNT_MAX_UCR)                                                     \
    X(AMOUNT, S, escrow_ucr, 0, AMOUNT_MAX_UCR)                                                    \
    X(TIME, S, start_s, 1, TIME_MAX_S)                                                             \
    X(TIME, S, end_s, 1, TIME_MAX_S)                                                               \
    X(BOOL, S, step_in, 0, 1)
MESSAGE_STRUCT(op_guarantee_propose, GUARANTEE_PROPOSE_FIELDS);

/* --- Any contract --- */

/* The other party accepts exactly this version of the terms. */
#define CONTRACT_ACCEPT_FIELDS(X, S)                                                               \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(U32, S, version, 1, UINT32_MAX)
MESSAGE_STRUCT(op_contract_accept, CONTRACT_ACCEPT_FIELDS);

/* The other party declines the version that is proposed, or its proposer takes it back. */
#define CONTRACT_DECLINE_FIELDS(X, S)                                                              \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(U32, S, version, 1, UINT32_MAX)
MESSAGE_STRUCT(op_contract_decline, CONTRACT_DECLINE_FIELDS);

/* Puts tokens into the contract's fund, all that they hold. Claims of the contract against the
 * account are paid from it at once, the oldest first. */
#define CONTRACT_FUND_FIELDS(X, S)                                                                 \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(NUMBERS, S, tokens, 1, ORDER_TOKENS_MAX)
MESSAGE_STRUCT(op_contract_fund, CONTRACT_FUND_FIELDS);

/* Takes back what the account has in the fund and need not keep there: as tokens of the same
 * series, pro rata. */
#define CONTRACT_WITHDRAW_FIELDS(X, S)                                                             \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(AMOUNT, S, amount_ucr, 1, AMOUNT_MAX_UCR)
MESSAGE_STRUCT(op_contract_withdraw, CONTRACT_WITHDRAW_FIELDS);

/*
 * The debtor pays the contract's open claims against it, the oldest first, out of what it has
 * earned: its balance of one series. What exceeds them stays in the balance.
 */
#define CLAIM_PAY_FIELDS(X, S)                                                                     \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(SERIES, S, series, 1, UINT32_MAX)                                                            \
    X(AMOUNT, S, amount_ucr, 1, AMOUNT_MAX_UCR)
MESSAGE_STRUCT(op_claim_pay, CLAIM_PAY_FIELDS);

/* --- Of one kind --- */

/*
 * Before a period of a backstop begins its guarantor takes up to `gpus` that are unsold for all of
 * it, at the strike. The leases' cost counts against the pool. Result: object = an order, with its
 * leases.
 */
#define BACKSTOP_ELECT_FIELDS(X, S)                                                                \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(U32, S, period, 0, UINT32_MAX)                                                               \
    X(U32, S, gpus, 1, GPUS_MAX)                                                                   \
    X(NUMBERS, S, tokens, 1, ORDER_TOKENS_MAX)
MESSAGE_STRUCT(op_backstop_elect, BACKSTOP_ELECT_FIELDS);

/* What a startup earned in the calendar month (UTC) that begins at month_s; again: in place of what
 * it declared before. `evidence` is the SHA-256 of what shows it. */
#define REVENUE_DECLARE_FIELDS(X, S)                                                               \
    X(TIME, S, month_s, 0, TIME_MAX_S)                                                             \
    X(LIST, S, streams, revenue, STREAMS_MAX)                                                      \
    X(HASH, S, evidence, 0, 0)
MESSAGE_STRUCT(op_revenue_declare, REVENUE_DECLARE_FIELDS);

/* The startup pays royalty of a grant in credits, to the funder's balance; change returns. */
#define ROYALTY_PAY_FIELDS(X, S)                                                                   \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(AMOUNT, S, amount_ucr, 1, AMOUNT_MAX_UCR)                                                    \
    X(NUMBERS, S, tokens, 1, ORDER_TOKENS_MAX)
MESSAGE_STRUCT(op_royalty_pay, ROYALTY_PAY_FIELDS);

/* The funder says that royalty was paid to it outside the exchange. */
#define ROYALTY_RECORD_FIELDS(X, S)                                                                \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(AMOUNT, S, amount_ucr, 1, AMOUNT_MAX_UCR)                                                    \
    X(TEXT, S, reference, 1, REFERENCE_MAX_BYTES)
MESSAGE_STRUCT(op_royalty_record, ROYALTY_RECORD_FIELDS);

/* An admin releases a tranche that waits for it; the first is 0. */
#define GRANT_RELEASE_FIELDS(X, S)                                                                 \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(U32, S, tranche, 0, TRANCHES_MAX)
MESSAGE_STRUCT(op_grant_release, GRANT_RELEASE_FIELDS);

/* The beneficiary of a lease guarantee calls for what the operator has not paid it. */
#define GUARANTEE_CALL_FIELDS(X, S)                                                                \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(AMOUNT, S, amount_ucr, 1, AMOUNT_MAX_UCR)                                                    \
    X(TEXT, S, reference, 1, REFERENCE_MAX_BYTES)
MESSAGE_STRUCT(op_guarantee_call, GUARANTEE_CALL_FIELDS);

#define GUARANTEE_STEP_IN_FIELDS(X, S) X(NUMBER, S, contract, 1, SERIAL_MAX)
MESSAGE_STRUCT(op_guarantee_step_in, GUARANTEE_STEP_IN_FIELDS);

/* Y(code, name, fields): a part of OPERATION_LIST. */
#define CONTRACT_OPERATION_LIST(Y)                                                                 \
    Y(70, backstop_propose, BACKSTOP_PROPOSE_FIELDS)                                               \
    Y(71, revshare_propose, REVSHARE_PROPOSE_FIELDS)                                               \
    Y(72, grant_propose, GRANT_PROPOSE_FIELDS)                                                     \
    Y(73, guarantee_propose, GUARANTEE_PROPOSE_FIELDS)                                             \
    Y(74, contract_accept, CONTRACT_ACCEPT_FIELDS)                                                 \
    Y(75, contract_decline, CONTRACT_DECLINE_FIELDS)                                               \
    Y(76, contract_fund, CONTRACT_FUND_FIELDS)                                                     \
    Y(77, contract_withdraw, CONTRACT_WITHDRAW_FIELDS)                                             \
    Y(78, backstop_elect, BACKSTOP_ELECT_FIELDS)                                                   \
    Y(79, revenue_declare, REVENUE_DECLARE_FIELDS)                                                 \
    Y(80, royalty_pay, ROYALTY_PAY_FIELDS)                                                         \
    Y(81, royalty_record, ROYALTY_RECORD_FIELDS)                                                   \
    Y(82, grant_release, GRANT_RELEASE_FIELDS)                                                     \
    Y(83, guarantee_call, GUARANTEE_CALL_FIELDS)                                                   \
    Y(84, guarantee_step_in, GUARANTEE_STEP_IN_FIELDS)                                             \
    Y(85, claim_pay, CLAIM_PAY_FIELDS)

#endif
