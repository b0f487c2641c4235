/* Queries about contracts and dual control, and the rows of their answers. A party sees its own
 * contracts; admins and auditors see all. */
#ifndef BOURSE_PROTOCOL_CONTRACT_QUERIES_H
#define BOURSE_PROTOCOL_CONTRACT_QUERIES_H

#include "protocol/contract_events.h"
#include "protocol/contracts.h"
#include "protocol/control.h"
#include "protocol/query_parts.h"

/* --- Queries. `contract` 0: all of the account's. --- */

#define Q_CONTRACTS_FIELDS(X, S)                                                                   \
    X(NUMBER, S, contract, 0, SERIAL_MAX)                                                          \
    X(ACCOUNT, S, account, 0, UINT32_MAX)                                                          \
    X(U32, S, kind, 0, UINT32_MAX)                                                                 \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_contracts, Q_CONTRACTS_FIELDS);

/* `version` of the one contract's terms; 0: in force, or proposed while none is. */
#define Q_BACKSTOPS_FIELDS(X, S)                                                                   \
    X(NUMBER, S, contract, 0, SERIAL_MAX)                                                          \
    X(U32, S, version, 0, UINT32_MAX)                                                              \
    X(ACCOUNT, S, account, 0, UINT32_MAX)                                                          \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_backstops, Q_BACKSTOPS_FIELDS);

#define Q_DRAWS_FIELDS(X, S)                                                                       \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_draws, Q_DRAWS_FIELDS);

/* `version` of the one contract's terms; 0: in force, or proposed while none is. */
#define Q_REVSHARES_FIELDS(X, S)                                                                   \
    X(NUMBER, S, contract, 0, SERIAL_MAX)                                                          \
    X(U32, S, version, 0, UINT32_MAX)                                                              \
    X(ACCOUNT, S, account, 0, UINT32_MAX)                                                          \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_revshares, Q_REVSHARES_FIELDS);

#define Q_SHARES_FIELDS(X, S)                                                                      \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_shares, Q_SHARES_FIELDS);

/* `version` of one contract: its terms, such as those of an amendment that is proposed; 0: those in
 * force, or before that those proposed. */
#define Q_GRANTS_FIELDS(X, S)                                                                      \
    X(NUMBER, S, contract, 0, SERIAL_MAX)                                                          \
    X(U32, S, version, 0, UINT32_MAX)                                                              \
    X(ACCOUNT, S, account, 0, UINT32_MAX)                                                          \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_grants, Q_GRANTS_FIELDS);

#define Q_DECLARATIONS_FIELDS(X, S)                                                                \
    X(ACCOUNT, S, account, 0, UINT32_MAX)                                                          \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_declarations, Q_DECLARATIONS_FIELDS);

/* With `contract` and `version`: the terms of that version, such as those that are pending. */
#define Q_GUARANTEES_FIELDS(X, S)                                                                  \
    X(NUMBER, S, contract, 0, SERIAL_MAX)                                                          \
    X(U32, S, version, 0, UINT32_MAX)                                                              \
    X(ACCOUNT, S, account, 0, UINT32_MAX)                                                          \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_guarantees, Q_GUARANTEES_FIELDS);

#define Q_CLAIMS_FIELDS(X, S)                                                                      \
    X(NUMBER, S, contract, 0, SERIAL_MAX)                                                          \
    X(ACCOUNT, S, account, 0, UINT32_MAX)                                                          \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_claims, Q_CLAIMS_FIELDS);

#define Q_PROPOSALS_FIELDS(X, S)                                                                   \
    X(NUMBER, S, proposal, 0, SERIAL_MAX)                                                          \
    X(BOOL, S, all, 0, 1)                                                                          \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_proposals, Q_PROPOSALS_FIELDS);

#define Q_POLICY_FIELDS(X, S) X(U32, S, reserved, 0, 0)
MESSAGE_STRUCT(q_policy, Q_POLICY_FIELDS);

#define Q_FLOWS_FIELDS(X, S)                                                                       \
    X(ACCOUNT, S, account, 0, UINT32_MAX)                                                          \
    X(TIME, S, from_s, 0, TIME_MAX_S)                                                              \
    X(TIME, S, until_s, 0, TIME_MAX_S)                                                             \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_flows, Q_FLOWS_FIELDS);

#define Q_ROYALTIES_FIELDS(X, S)                                                                   \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_royalties, Q_ROYALTIES_FIELDS);

/* --- Rows --- */

/* `version` is in force (0: none yet), `pending` proposed (0: none). Of a contract that is only
 * proposed the terms shown are those of `pending`. `claims_open`: what claims_ucr is left of;
 * `paying_s`: when the exchange goes on paying them from the fund, 0: it does not. */
#define ROW_CONTRACT_FIELDS(X, S)                                                                  \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(ENUM, S, kind, contract_kind, 0)                                                             \
    X(ENUM, S, state, contract_state, 0)                                                           \
    X(U32, S, version, 0, UINT32_MAX)                                                              \
    X(U32, S, pending, 0, UINT32_MAX)                                                              \
    X(ACCOUNT, S, proposer, 0, UINT32_MAX)                                                         \
    X(ACCOUNT, S, creditor, 1, UINT32_MAX)                                                         \
    X(ACCOUNT, S, debtor, 1, UINT32_MAX)                                                           \
    X(ACCOUNT, S, beneficiary, 0, UINT32_MAX)                                                      \
    X(TIME, S, start_s, 0, TIME_MAX_S)                                                             \
    X(TIME, S, end_s, 0, TIME_MAX_S)                                                               \
    X(AMOUNT, S, funded_ucr, 0, UINT64_MAX)                                                        \
    X(AMOUNT, S, claims_ucr, 0, UINT64_MAX)                                                        \
    X(U64, S, index, 0, UINT64_MAX)                                                                \
    X(U32, S, claims_open, 0, UINT32_MAX)                                                          \
    X(TIME, S, paying_s, 0, TIME_MAX_S)
MESSAGE_STRUCT(contract_info, ROW_CONTRACT_FIELDS);

/* Terms as proposed, then where the contract stands: the period that is next to be settled, what
 * was drawn so far. `pending` 0: no version is proposed. */
#define ROW_BACKSTOP_FIELDS(X, S)                                                                  \
    BACKSTOP_PROPOSE_FIELDS(X, S)                                                                  \
    X(U32, S, version, 0, UINT32_MAX)                                                              \
    X(U32, S, pending, 0, UINT32_MAX)                                                              \
    X(ACCOUNT, S, proposer, 0, UINT32_MAX)                                                         \
    X(ENUM, S, state, contract_state, 0)                                                           \
    X(AMOUNT, S, pool_left_ucr, 0, UINT64_MAX)                                                     \
    X(AMOUNT, S, owed_ucr, 0, UINT64_MAX)                                                          \
    X(AMOUNT, S, paid_ucr, 0, UINT64_MAX)                                                          \
    X(AMOUNT, S, elected_ucr, 0, UINT64_MAX)                                                       \
    X(AMOUNT, S, funded_ucr, 0, UINT64_MAX)                                                        \
    X(AMOUNT, S, claims_ucr, 0, UINT64_MAX)                                                        \
    X(U32, S, period, 0, UINT32_MAX)                                                               \
    X(TIME, S, period_end_s, 0, TIME_MAX_S)
MESSAGE_STRUCT(backstop_info, ROW_BACKSTOP_FIELDS);

/* `strike_ucr`: at which all of it was owed; 0: it was owed at several. `claim`: what the fund
 * lacked became this one, of which `paid_since_ucr` has been paid and `left_ucr` has not; 0: it
 * lacked nothing. */
#define ROW_DRAW_FIELDS(X, S)                                                                      \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(U32, S, period, 0, UINT32_MAX)                                                               \
    X(TIME, S, start_s, 0, TIME_MAX_S)                                                             \
    X(TIME, S, end_s, 0, TIME_MAX_S)                                                               \
    X(U64, S, gpu_minutes_covered, 0, UINT64_MAX)                                                  \
    X(U64, S, gpu_minutes_sold, 0, UINT64_MAX)                                                     \
    X(U64, S, gpu_minutes_elected, 0, UINT64_MAX)                                                  \
    X(U64, S, gpu_minutes_not_offered, 0, UINT64_MAX)                                              \
    X(U64, S, gpu_minutes_owed, 0, UINT64_MAX)                                                     \
    X(PRICE, S, strike_ucr, 0, PRICE_MAX_UCR)                                                      \
    X(AMOUNT, S, owed_ucr, 0, UINT64_MAX)                                                          \
    X(AMOUNT, S, paid_ucr, 0, UINT64_MAX)                                                          \
    X(NUMBER, S, claim, 0, SERIAL_MAX)                                                             \
    X(AMOUNT, S, paid_since_ucr, 0, UINT64_MAX)                                                    \
    X(AMOUNT, S, left_ucr, 0, UINT64_MAX)                                                          \
    X(AMOUNT, S, pool_left_ucr, 0, UINT64_MAX)                                                     \
    X(U64, S, index, 0, UINT64_MAX)
MESSAGE_STRUCT(draw_info, ROW_DRAW_FIELDS);

/* Terms of a version, then where the contract stands: the phase, what has been reached of the step
 * to the next one, all that was settled, shared, and paid of that, claims included. `pending` 0: no
 * version is proposed. */
#define ROW_REVSHARE_FIELDS(X, S)                                                                  \
    REVSHARE_PROPOSE_FIELDS(X, S)                                                                  \
    X(U32, S, version, 0, UINT32_MAX)                                                              \
    X(U32, S, pending, 0, UINT32_MAX)                                                              \
    X(ACCOUNT, S, proposer, 0, UINT32_MAX)                                                         \
    X(ENUM, S, state, contract_state, 0)                                                           \
    X(U32, S, phase, 0, PHASES_MAX)                                                                \
    X(U32, S, utilisation_now_ppm, 0, 1000000)                                                     \
    X(TIME, S, utilisation_s, 0, TIME_MAX_S)                                                       \
    X(TIME, S, utilisation_from_s, 0, TIME_MAX_S)                                                  \
    X(BOOL, S, utilisation_reached, 0, 1)                                                          \
    X(BOOL, S, cash_reached, 0, 1)                                                                 \
    X(AMOUNT, S, cash_left_ucr, 0, UINT64_MAX)                                                     \
    X(AMOUNT, S, gross_ucr, 0, UINT64_MAX)                                                         \
    X(AMOUNT, S, month_gross_ucr, 0, UINT64_MAX)                                                   \
    X(AMOUNT, S, share_ucr, 0, UINT64_MAX)                                                         \
    X(AMOUNT, S, paid_ucr, 0, UINT64_MAX)                                                          \
    X(AMOUNT, S, claims_ucr, 0, UINT64_MAX)
MESSAGE_STRUCT(revshare_info, ROW_REVSHARE_FIELDS);

/* One deduction. `claims_ucr`: what the settlement paid of older claims before; `claim`: what it
 * did not give of the share became this one, of which `paid_since_ucr` has been paid and `left_ucr`
 * has not; 0: it gave all. */
#define ROW_SHARE_FIELDS(X, S)                                                                     \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(U64, S, share, 0, UINT64_MAX)                                                                \
    X(TIME, S, time_s, 0, TIME_MAX_S)                                                              \
    X(NUMBER, S, lease, 1, SERIAL_MAX)                                                             \
    X(U32, S, period, 0, LEASE_PERIODS_MAX)                                                        \
    X(AMOUNT, S, gross_ucr, 0, UINT64_MAX)                                                         \
    X(AMOUNT, S, base_ucr, 0, UINT64_MAX)                                                          \
    X(U32, S, phase_first, 0, PHASES_MAX)                                                          \
    X(U32, S, phase_last, 0, PHASES_MAX)                                                           \
    X(AMOUNT, S, share_ucr, 0, UINT64_MAX)                                                         \
    X(AMOUNT, S, paid_ucr, 0, UINT64_MAX)                                                          \
    X(AMOUNT, S, claims_ucr, 0, UINT64_MAX)                                                        \
    X(NUMBER, S, claim, 0, SERIAL_MAX)                                                             \
    X(AMOUNT, S, paid_since_ucr, 0, UINT64_MAX)                                                    \
    X(AMOUNT, S, left_ucr, 0, UINT64_MAX)                                                          \
    X(U64, S, index, 0, UINT64_MAX)
MESSAGE_STRUCT(share_info, ROW_SHARE_FIELDS);

/* Terms of a version, then where the grant stands by those in force. `tranches_paid` and
 * `tranches_due` are bits, the first tranche 1. `late_month_s`: the month whose declaration is
 * late, which freezes tranches; 0: none. */
#define ROW_GRANT_FIELDS(X, S)                                                                     \
    GRANT_PROPOSE_FIELDS(X, S)                                                                     \
    X(U32, S, version, 0, UINT32_MAX)                                                              \
    X(U32, S, pending, 0, UINT32_MAX)                                                              \
    X(ACCOUNT, S, proposer, 0, UINT32_MAX)                                                         \
    X(ENUM, S, state, contract_state, 0)                                                           \
    X(U32, S, tranches_paid, 0, UINT32_MAX)                                                        \
    X(U32, S, tranches_due, 0, UINT32_MAX)                                                         \
    X(AMOUNT, S, advanced_ucr, 0, UINT64_MAX)                                                      \
    X(AMOUNT, S, spent_so_far_ucr, 0, UINT64_MAX)                                                  \
    X(AMOUNT, S, funded_ucr, 0, UINT64_MAX)                                                        \
    X(AMOUNT, S, royalty_max_ucr, 0, UINT64_MAX)                                                   \
    X(AMOUNT, S, royalty_ucr, 0, UINT64_MAX)                                                       \
    X(AMOUNT, S, paid_ucr, 0, UINT64_MAX)                                                          \
    X(AMOUNT, S, recorded_ucr, 0, UINT64_MAX)                                                      \
    X(AMOUNT, S, due_ucr, 0, UINT64_MAX)                                                           \
    X(TIME, S, late_month_s, 0, TIME_MAX_S)
MESSAGE_STRUCT(grant_info, ROW_GRANT_FIELDS);

#define ROW_DECLARATION_FIELDS(X, S)                                                               \
    X(ACCOUNT, S, account, 1, UINT32_MAX)                                                          \
    REVENUE_DECLARE_FIELDS(X, S)                                                                   \
    X(U32, S, version, 0, UINT32_MAX)                                                              \
    X(TIME, S, declared_s, 0, TIME_MAX_S)                                                          \
    X(U64, S, index, 0, UINT64_MAX)
MESSAGE_STRUCT(declaration_info, ROW_DECLARATION_FIELDS);

/* A month of a grant that is over. `terms`: the version by which it counts; `version`: of its
 * declaration, 0: it is not declared. `carve_outs`: which of its streams do not count.
 * `earned_ucr`: its royalty before the cap, `royalty_ucr` within it. What was paid and recorded
 * counts towards the oldest months first: `settled_ucr` of this one. `late`: not declared by
 * `declare_until_s`. `amended`: declared anew after the grant was over, for which it counts as it
 * was declared before: what is shown is as declared now. */
#define ROW_ROYALTY_FIELDS(X, S)                                                                   \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(ACCOUNT, S, startup, 1, UINT32_MAX)                                                          \
    X(TIME, S, month_s, 0, TIME_MAX_S)                                                             \
    X(LIST, S, streams, revenue, STREAMS_MAX)                                                      \
    X(LIST, S, carve_outs, required, STREAMS_MAX)                                                  \
    X(AMOUNT, S, carved_out_ucr, 0, UINT64_MAX)                                                    \
    X(AMOUNT, S, base_ucr, 0, UINT64_MAX)                                                          \
    X(U32, S, terms, 0, UINT32_MAX)                                                                \
    X(U32, S, share_bp, 0, 10000)                                                                  \
    X(AMOUNT, S, earned_ucr, 0, UINT64_MAX)                                                        \
    X(AMOUNT, S, royalty_ucr, 0, UINT64_MAX)                                                       \
    X(AMOUNT, S, settled_ucr, 0, UINT64_MAX)                                                       \
    X(AMOUNT, S, due_ucr, 0, UINT64_MAX)                                                           \
    X(U32, S, version, 0, UINT32_MAX)                                                              \
    X(TIME, S, declared_s, 0, TIME_MAX_S)                                                          \
    X(TIME, S, declare_until_s, 0, TIME_MAX_S)                                                     \
    X(BOOL, S, late, 0, 1)                                                                         \
    X(BOOL, S, amended, 0, 1)
MESSAGE_STRUCT(royalty_info, ROW_ROYALTY_FIELDS);

/* Terms, and where the guarantee stands. `version`: whose terms these are. `escrow_missing_ucr`: of
 * the escrow, while it is in force; `pledged_ucr`: of that, what the operator's balances would give
 * to a call now. */
#define ROW_GUARANTEE_FIELDS(X, S)                                                                 \
    GUARANTEE_PROPOSE_FIELDS(X, S)                                                                 \
    X(U32, S, version, 0, UINT32_MAX)                                                              \
    X(U32, S, pending, 0, UINT32_MAX)                                                              \
    X(ACCOUNT, S, proposer, 0, UINT32_MAX)                                                         \
    X(ENUM, S, state, contract_state, 0)                                                           \
    X(AMOUNT, S, called_ucr, 0, UINT64_MAX)                                                        \
    X(AMOUNT, S, by_operator_ucr, 0, UINT64_MAX)                                                   \
    X(AMOUNT, S, by_guarantor_ucr, 0, UINT64_MAX)                                                  \
    X(AMOUNT, S, recovered_ucr, 0, UINT64_MAX)                                                     \
    X(TIME, S, stepped_in_s, 0, TIME_MAX_S)                                                        \
    X(AMOUNT, S, operator_funds_ucr, 0, UINT64_MAX)                                                \
    X(AMOUNT, S, guarantor_funds_ucr, 0, UINT64_MAX)                                               \
    X(AMOUNT, S, escrow_missing_ucr, 0, UINT64_MAX)                                                \
    X(AMOUNT, S, pledged_ucr, 0, UINT64_MAX)                                                       \
    X(AMOUNT, S, claims_ucr, 0, UINT64_MAX)
MESSAGE_STRUCT(guarantee_info, ROW_GUARANTEE_FIELDS);

/* `age_s` is how long it has been owed: until now, or until it was paid. */
#define ROW_CLAIM_FIELDS(X, S)                                                                     \
    X(NUMBER, S, claim, 1, SERIAL_MAX)                                                             \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(ACCOUNT, S, creditor, 1, UINT32_MAX)                                                         \
    X(ACCOUNT, S, debtor, 1, UINT32_MAX)                                                           \
    X(AMOUNT, S, amount_ucr, 0, UINT64_MAX)                                                        \
    X(AMOUNT, S, left_ucr, 0, UINT64_MAX)                                                          \
    X(TIME, S, since_s, 0, TIME_MAX_S)                                                             \
    X(U64, S, age_s, 0, UINT64_MAX)                                                                \
    X(U64, S, index, 0, UINT64_MAX)
MESSAGE_STRUCT(claim_info, ROW_CLAIM_FIELDS);

#define ROW_APPROVAL_FIELDS(X, S) X(ACCOUNT, S, account, 1, UINT32_MAX)
MESSAGE_STRUCT(approval, ROW_APPROVAL_FIELDS);

/* Fields that the kind does not have are 0 and empty. */
#define ROW_PROPOSAL_FIELDS(X, S)                                                                  \
    X(NUMBER, S, proposal, 1, SERIAL_MAX)                                                          \
    X(ENUM, S, kind, control_kind, 0)                                                              \
    X(ENUM, S, state, control_state, 0)                                                            \
    X(ACCOUNT, S, proposer, 1, UINT32_MAX)                                                         \
    X(TIME, S, proposed_s, 0, TIME_MAX_S)                                                          \
    X(TIME, S, until_s, 0, TIME_MAX_S)                                                             \
    X(LIST, S, approvals, approval, APPROVALS_MAX)                                                 \
    X(U32, S, needed, 0, APPROVALS_MAX)                                                            \
    X(SERIES, S, series, 0, UINT32_MAX)                                                            \
    X(LIST, S, outputs, payment, CONTROL_PAYMENTS_MAX)                                             \
    X(ACCOUNT, S, account, 0, UINT32_MAX)                                                          \
    X(AMOUNT, S, amount_ucr, 0, UINT64_MAX)                                                        \
    X(TEXT, S, reference, 0, REFERENCE_MAX_BYTES)                                                  \
    X(U32, S, policy_approvals, 0, APPROVALS_MAX)                                                  \
    X(AMOUNT, S, mint_limit_ucr, 0, UINT64_MAX)                                                    \
    X(AMOUNT, S, payout_limit_ucr, 0, UINT64_MAX)                                                  \
    X(TEXT, S, name, 0, NAME_MAX_BYTES)                                                            \
    X(KEY, S, sign_key, 0, 0)                                                                      \
    X(KEY, S, channel_key, 0, 0)                                                                   \
    X(U64, S, index, 0, UINT64_MAX)
MESSAGE_STRUCT(proposal_info, ROW_PROPOSAL_FIELDS);

/* Money that went from one account to another in a calendar month, by kind, series, site and SKU.
 */
#define ROW_FLOW_FIELDS(X, S)                                                                      \
    X(TIME, S, month_s, 0, TIME_MAX_S)                                                             \
    X(ENUM, S, kind, flow_kind, 0)                                                                 \
    X(ACCOUNT, S, payer, 0, UINT32_MAX)                                                            \
    X(ACCOUNT, S, payee, 0, UINT32_MAX)                                                            \
    X(SERIES, S, series, 1, UINT32_MAX)                                                            \
    X(NUMBER, S, site, 0, SERIAL_MAX)                                                              \
    X(NUMBER, S, sku, 0, SERIAL_MAX)                                                               \
    X(AMOUNT, S, amount_ucr, 0, UINT64_MAX)                                                        \
    X(U64, S, gpu_minutes, 0, UINT64_MAX)
MESSAGE_STRUCT(flow_info, ROW_FLOW_FIELDS);

/* --- Answers --- */

#define A_CONTRACTS_FIELDS(X, S) PAGE_OF(X, S, contract_info)
MESSAGE_STRUCT(a_contracts, A_CONTRACTS_FIELDS);

#define A_BACKSTOPS_FIELDS(X, S) PAGE_OF(X, S, backstop_info)
MESSAGE_STRUCT(a_backstops, A_BACKSTOPS_FIELDS);

#define A_DRAWS_FIELDS(X, S) PAGE_OF(X, S, draw_info)
MESSAGE_STRUCT(a_draws, A_DRAWS_FIELDS);

#define A_REVSHARES_FIELDS(X, S) PAGE_OF(X, S, revshare_info)
MESSAGE_STRUCT(a_revshares, A_REVSHARES_FIELDS);

#define A_SHARES_FIELDS(X, S) PAGE_OF(X, S, share_info)
MESSAGE_STRUCT(a_shares, A_SHARES_FIELDS);

#define A_GRANTS_FIELDS(X, S) PAGE_OF(X, S, grant_info)
MESSAGE_STRUCT(a_grants, A_GRANTS_FIELDS);

#define A_DECLARATIONS_FIELDS(X, S) PAGE_OF(X, S, declaration_info)
MESSAGE_STRUCT(a_declarations, A_DECLARATIONS_FIELDS);

#define A_GUARANTEES_FIELDS(X, S) PAGE_OF(X, S, guarantee_info)
MESSAGE_STRUCT(a_guarantees, A_GUARANTEES_FIELDS);

#define A_CLAIMS_FIELDS(X, S) PAGE_OF(X, S, claim_info)
MESSAGE_STRUCT(a_claims, A_CLAIMS_FIELDS);

#define A_PROPOSALS_FIELDS(X, S) PAGE_OF(X, S, proposal_info)
MESSAGE_STRUCT(a_proposals, A_PROPOSALS_FIELDS);

/* `admins`: how many accounts with that role are active. */
#define A_POLICY_FIELDS(X, S)                                                                      \
    POLICY_PROPOSE_FIELDS(X, S)                                                                    \
    X(U32, S, admins, 0, UINT32_MAX)
MESSAGE_STRUCT(a_policy, A_POLICY_FIELDS);

#define A_FLOWS_FIELDS(X, S) PAGE_OF(X, S, flow_info)
MESSAGE_STRUCT(a_flows, A_FLOWS_FIELDS);

#define A_ROYALTIES_FIELDS(X, S) PAGE_OF(X, S, royalty_info)
MESSAGE_STRUCT(a_royalties, A_ROYALTIES_FIELDS);

/* Y(code, name, fields): parts of QUERY_LIST and ANSWER_LIST. */
#define CONTRACT_QUERY_LIST(Y)                                                                     \
    Y(30, contracts, Q_CONTRACTS_FIELDS)                                                           \
    Y(31, backstops, Q_BACKSTOPS_FIELDS)                                                           \
    Y(32, draws, Q_DRAWS_FIELDS)                                                                   \
    Y(33, revshares, Q_REVSHARES_FIELDS)                                                           \
    Y(34, shares, Q_SHARES_FIELDS)                                                                 \
    Y(35, grants, Q_GRANTS_FIELDS)                                                                 \
    Y(36, declarations, Q_DECLARATIONS_FIELDS)                                                     \
    Y(37, guarantees, Q_GUARANTEES_FIELDS)                                                         \
    Y(38, claims, Q_CLAIMS_FIELDS)                                                                 \
    Y(39, proposals, Q_PROPOSALS_FIELDS)                                                           \
    Y(40, policy, Q_POLICY_FIELDS)                                                                 \
    Y(41, flows, Q_FLOWS_FIELDS)                                                                   \
    Y(43, royalties, Q_ROYALTIES_FIELDS)

#define CONTRACT_ANSWER_LIST(Y)                                                                    \
    Y(30, contracts, A_CONTRACTS_FIELDS)                                                           \
    Y(31, backstops, A_BACKSTOPS_FIELDS)                                                           \
    Y(32, draws, A_DRAWS_FIELDS)                                                                   \
    Y(33, revshares, A_REVSHARES_FIELDS)                                                           \
    Y(34, shares, A_SHARES_FIELDS)                                                                 \
    Y(35, grants, A_GRANTS_FIELDS)                                                                 \
    Y(36, declarations, A_DECLARATIONS_FIELDS)                                                     \
    Y(37, guarantees, A_GUARANTEES_FIELDS)                                                         \
    Y(38, claims, A_CLAIMS_FIELDS)                                                                 \
    Y(39, proposals, A_PROPOSALS_FIELDS)                                                           \
    Y(40, policy, A_POLICY_FIELDS)                                                                 \
    Y(41, flows, A_FLOWS_FIELDS)                                                                   \
    Y(43, royalties, A_ROYALTIES_FIELDS)

#endif
