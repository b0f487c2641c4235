/* Events of contracts and of dual control. Amounts moved stand by series. */
#ifndef BOURSE_PROTOCOL_CONTRACT_EVENTS_H
#define BOURSE_PROTOCOL_CONTRACT_EVENTS_H

#include "protocol/contracts.h"
#include "protocol/control.h"
#include "protocol/event_parts.h"
#include "protocol/limits.h"
#include "protocol/message.h"

/* Terms are proposed: version `version` of contract `proposed`. */
#define EVENT_BACKSTOP_PROPOSED_FIELDS(X, S)                                                       \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, proposed, 1, SERIAL_MAX)                                                          \
    X(U32, S, version, 1, UINT32_MAX)                                                              \
    BACKSTOP_PROPOSE_FIELDS(X, S)
MESSAGE_STRUCT(ev_backstop_proposed, EVENT_BACKSTOP_PROPOSED_FIELDS);

#define EVENT_REVSHARE_PROPOSED_FIELDS(X, S)                                                       \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, proposed, 1, SERIAL_MAX)                                                          \
    X(U32, S, version, 1, UINT32_MAX)                                                              \
    REVSHARE_PROPOSE_FIELDS(X, S)
MESSAGE_STRUCT(ev_revshare_proposed, EVENT_REVSHARE_PROPOSED_FIELDS);

#define EVENT_GRANT_PROPOSED_FIELDS(X, S)                                                          \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, proposed, 1, SERIAL_MAX)                                                          \
    X(U32, S, version, 1, UINT32_MAX)                                                              \
    GRANT_PROPOSE_FIELDS(X, S)
MESSAGE_STRUCT(ev_grant_proposed, EVENT_GRANT_PROPOSED_FIELDS);

#define EVENT_GUARANTEE_PROPOSED_FIELDS(X, S)                                                      \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, proposed, 1, SERIAL_MAX)                                                          \
    X(U32, S, version, 1, UINT32_MAX)                                                              \
    GUARANTEE_PROPOSE_FIELDS(X, S)
MESSAGE_STRUCT(ev_guarantee_proposed, EVENT_GUARANTEE_PROPOSED_FIELDS);

/* The version is in force from now on. The debtor is who pays under the contract (guarantor,
 * operator, startup), the creditor the other one; a lease guarantee has a beneficiary, too. */
#define EVENT_CONTRACT_ACCEPTED_FIELDS(X, S)                                                       \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(U32, S, version, 1, UINT32_MAX)                                                              \
    X(ENUM, S, kind, contract_kind, 0)                                                             \
    X(ACCOUNT, S, creditor, 1, UINT32_MAX)                                                         \
    X(ACCOUNT, S, debtor, 1, UINT32_MAX)                                                           \
    X(ACCOUNT, S, beneficiary, 0, UINT32_MAX)
MESSAGE_STRUCT(ev_contract_accepted, EVENT_CONTRACT_ACCEPTED_FIELDS);

#define EVENT_CONTRACT_DECLINED_FIELDS(X, S)                                                       \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(U32, S, version, 1, UINT32_MAX)                                                              \
    X(ACCOUNT, S, creditor, 1, UINT32_MAX)                                                         \
    X(ACCOUNT, S, debtor, 1, UINT32_MAX)                                                           \
    X(ACCOUNT, S, beneficiary, 0, UINT32_MAX)
MESSAGE_STRUCT(ev_contract_declined, EVENT_CONTRACT_DECLINED_FIELDS);

/* The contract is over: its time has passed, or all that it promises is done. */
#define EVENT_CONTRACT_ENDED_FIELDS(X, S)                                                          \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(ENUM, S, state, contract_state, 0)                                                           \
    X(ACCOUNT, S, creditor, 1, UINT32_MAX)                                                         \
    X(ACCOUNT, S, debtor, 1, UINT32_MAX)                                                           \
    X(ACCOUNT, S, beneficiary, 0, UINT32_MAX)
MESSAGE_STRUCT(ev_contract_ended, EVENT_CONTRACT_ENDED_FIELDS);

#define EVENT_CONTRACT_FUNDED_FIELDS(X, S)                                                         \
    EVENT_HEAD(X, S)                                                                               \
    CONTRACT_FUND_FIELDS(X, S)                                                                     \
    X(ACCOUNT, S, creditor, 1, UINT32_MAX)                                                         \
    X(ACCOUNT, S, debtor, 1, UINT32_MAX)                                                           \
    X(ACCOUNT, S, beneficiary, 0, UINT32_MAX)                                                      \
    X(LIST, S, added, share, ORDER_SERIES_MAX)
MESSAGE_STRUCT(ev_contract_funded, EVENT_CONTRACT_FUNDED_FIELDS);

#define EVENT_CONTRACT_WITHDRAWN_FIELDS(X, S)                                                      \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(ACCOUNT, S, creditor, 1, UINT32_MAX)                                                         \
    X(ACCOUNT, S, debtor, 1, UINT32_MAX)                                                           \
    X(ACCOUNT, S, beneficiary, 0, UINT32_MAX)                                                      \
    X(LIST, S, returns, issued, ESCROW_ROWS_MAX)                                                   \
    X(LIST, S, expired, share, ESCROW_ROWS_MAX)
MESSAGE_STRUCT(ev_contract_withdrawn, EVENT_CONTRACT_WITHDRAWN_FIELDS);

/* What could not be paid is owed: a claim of its own. */
#define EVENT_CLAIM_MADE_FIELDS(X, S)                                                              \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, claim, 1, SERIAL_MAX)                                                             \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(ACCOUNT, S, creditor, 1, UINT32_MAX)                                                         \
    X(ACCOUNT, S, debtor, 1, UINT32_MAX)                                                           \
    X(AMOUNT, S, amount_ucr, 1, UINT64_MAX)
MESSAGE_STRUCT(ev_claim_made, EVENT_CLAIM_MADE_FIELDS);

#define EVENT_CLAIM_PAID_FIELDS(X, S)                                                              \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, claim, 1, SERIAL_MAX)                                                             \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(ACCOUNT, S, creditor, 1, UINT32_MAX)                                                         \
    X(ACCOUNT, S, debtor, 1, UINT32_MAX)                                                           \
    X(AMOUNT, S, paid_ucr, 0, UINT64_MAX)                                                          \
    X(AMOUNT, S, left_ucr, 0, UINT64_MAX)                                                          \
    X(LIST, S, paid, share, ESCROW_ROWS_MAX)
MESSAGE_STRUCT(ev_claim_paid, EVENT_CLAIM_PAID_FIELDS);

/* The debtor pays claims out of its balance: each of them follows as an event of its own. */
#define EVENT_CLAIM_SETTLED_FIELDS(X, S)                                                           \
    EVENT_HEAD(X, S)                                                                               \
    CLAIM_PAY_FIELDS(X, S)                                                                         \
    X(ACCOUNT, S, creditor, 1, UINT32_MAX)                                                         \
    X(ACCOUNT, S, debtor, 1, UINT32_MAX)                                                           \
    X(ACCOUNT, S, beneficiary, 0, UINT32_MAX)
MESSAGE_STRUCT(ev_claim_settled, EVENT_CLAIM_SETTLED_FIELDS);

/* A period of a backstop is closed: what it came to, and what of it was paid from the fund. */
#define EVENT_BACKSTOP_SETTLED_FIELDS(X, S)                                                        \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(ACCOUNT, S, creditor, 1, UINT32_MAX)                                                         \
    X(ACCOUNT, S, debtor, 1, UINT32_MAX)                                                           \
    X(U32, S, period, 0, UINT32_MAX)                                                               \
    X(TIME, S, start_s, 0, TIME_MAX_S)                                                             \
    X(TIME, S, end_s, 0, TIME_MAX_S)                                                               \
    X(U64, S, gpu_minutes_covered, 0, UINT64_MAX)                                                  \
    X(U64, S, gpu_minutes_sold, 0, UINT64_MAX)                                                     \
    X(U64, S, gpu_minutes_elected, 0, UINT64_MAX)                                                  \
    X(U64, S, gpu_minutes_owed, 0, UINT64_MAX)                                                     \
    X(AMOUNT, S, owed_ucr, 0, UINT64_MAX)                                                          \
    X(AMOUNT, S, paid_ucr, 0, UINT64_MAX)                                                          \
    X(AMOUNT, S, pool_left_ucr, 0, UINT64_MAX)                                                     \
    X(LIST, S, paid, share, ESCROW_ROWS_MAX)
MESSAGE_STRUCT(ev_backstop_settled, EVENT_BACKSTOP_SETTLED_FIELDS);

/* The order that the election made; its leases stand in the order's own fields. */
#define EVENT_BACKSTOP_ELECTED_FIELDS(X, S)                                                        \
    EVENT_HEAD(X, S)                                                                               \
    BACKSTOP_ELECT_FIELDS(X, S)                                                                    \
    X(ACCOUNT, S, operator, 1, UINT32_MAX)                                                         \
    X(NUMBER, S, order, 1, SERIAL_MAX)                                                             \
    X(AMOUNT, S, cost_ucr, 0, UINT64_MAX)                                                          \
    X(AMOUNT, S, pool_left_ucr, 0, UINT64_MAX)                                                     \
    X(LIST, S, leases, lease_grant, ORDER_LEASES_MAX)                                              \
    X(LIST, S, escrow, share, ORDER_SERIES_MAX)                                                    \
    X(LIST, S, change, issued, ORDER_SERIES_MAX)
MESSAGE_STRUCT(ev_backstop_elected, EVENT_BACKSTOP_ELECTED_FIELDS);

/* A share of one settlement: of `gross_ucr`, `base_ucr` counts; each phase that it falls into pays
 * its rate of a part. */
#define SHARE_PART_FIELDS(X, S)                                                                    \
    X(U32, S, phase, 0, PHASES_MAX)                                                                \
    X(U32, S, rate_bp, 0, 10000)                                                                   \
    X(AMOUNT, S, base_ucr, 0, UINT64_MAX)                                                          \
    X(AMOUNT, S, share_ucr, 0, UINT64_MAX)
MESSAGE_STRUCT(share_part, SHARE_PART_FIELDS);

#define EVENT_SHARE_PAID_FIELDS(X, S)                                                              \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(ACCOUNT, S, creditor, 1, UINT32_MAX)                                                         \
    X(ACCOUNT, S, debtor, 1, UINT32_MAX)                                                           \
    X(NUMBER, S, lease, 1, SERIAL_MAX)                                                             \
    X(U32, S, period, 0, LEASE_PERIODS_MAX)                                                        \
    X(AMOUNT, S, gross_ucr, 0, UINT64_MAX)                                                         \
    X(AMOUNT, S, base_ucr, 0, UINT64_MAX)                                                          \
    X(AMOUNT, S, share_ucr, 0, UINT64_MAX)                                                         \
    X(AMOUNT, S, paid_ucr, 0, UINT64_MAX)                                                          \
    X(LIST, S, parts, share_part, PHASES_MAX)                                                      \
    X(LIST, S, paid, share, ESCROW_ROWS_MAX)
MESSAGE_STRUCT(ev_share_paid, EVENT_SHARE_PAID_FIELDS);

#define EVENT_PHASE_REACHED_FIELDS(X, S)                                                           \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(ACCOUNT, S, creditor, 1, UINT32_MAX)                                                         \
    X(ACCOUNT, S, debtor, 1, UINT32_MAX)                                                           \
    X(U32, S, phase, 0, PHASES_MAX)                                                                \
    X(U32, S, rate_bp, 0, 10000)                                                                   \
    X(U32, S, utilisation_ppm, 0, 1000000)                                                         \
    X(AMOUNT, S, gross_ucr, 0, UINT64_MAX)                                                         \
    X(AMOUNT, S, share_ucr, 0, UINT64_MAX)
MESSAGE_STRUCT(ev_phase_reached, EVENT_PHASE_REACHED_FIELDS);

/* A tranche of a grant is paid: a token of its series to the startup. */
#define EVENT_TRANCHE_PAID_FIELDS(X, S)                                                            \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(ACCOUNT, S, creditor, 1, UINT32_MAX)                                                         \
    X(ACCOUNT, S, debtor, 1, UINT32_MAX)                                                           \
    X(U32, S, tranche, 0, TRANCHES_MAX)                                                            \
    X(AMOUNT, S, amount_ucr, 0, UINT64_MAX)                                                        \
    X(LIST, S, issued, issued, 1)
MESSAGE_STRUCT(ev_tranche_paid, EVENT_TRANCHE_PAID_FIELDS);

/* An admin's word for a tranche; that it is paid is another event, now or later. */
#define EVENT_TRANCHE_RELEASED_FIELDS(X, S)                                                        \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(ACCOUNT, S, creditor, 1, UINT32_MAX)                                                         \
    X(ACCOUNT, S, debtor, 1, UINT32_MAX)                                                           \
    X(U32, S, tranche, 0, TRANCHES_MAX)
MESSAGE_STRUCT(ev_tranche_released, EVENT_TRANCHE_RELEASED_FIELDS);

#define EVENT_REVENUE_DECLARED_FIELDS(X, S)                                                        \
    EVENT_HEAD(X, S)                                                                               \
    REVENUE_DECLARE_FIELDS(X, S)                                                                   \
    X(U32, S, version, 1, UINT32_MAX)
MESSAGE_STRUCT(ev_revenue_declared, EVENT_REVENUE_DECLARED_FIELDS);

/* What is due under one grant has changed, in all and now: by the declaration of a month, or (0) by
 * a tranche or an amendment, since they move the cap. */
#define EVENT_ROYALTY_DUE_FIELDS(X, S)                                                             \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(ACCOUNT, S, creditor, 1, UINT32_MAX)                                                         \
    X(ACCOUNT, S, debtor, 1, UINT32_MAX)                                                           \
    X(TIME, S, month_s, 0, TIME_MAX_S)                                                             \
    X(AMOUNT, S, royalty_ucr, 0, UINT64_MAX)                                                       \
    X(AMOUNT, S, paid_ucr, 0, UINT64_MAX)                                                          \
    X(AMOUNT, S, due_ucr, 0, UINT64_MAX)
MESSAGE_STRUCT(ev_royalty_due, EVENT_ROYALTY_DUE_FIELDS);

#define EVENT_ROYALTY_PAID_FIELDS(X, S)                                                            \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(ACCOUNT, S, creditor, 1, UINT32_MAX)                                                         \
    X(ACCOUNT, S, debtor, 1, UINT32_MAX)                                                           \
    X(AMOUNT, S, amount_ucr, 0, UINT64_MAX)                                                        \
    X(AMOUNT, S, due_ucr, 0, UINT64_MAX)                                                           \
    X(NUMBERS, S, tokens, 1, ORDER_TOKENS_MAX)                                                     \
    X(LIST, S, paid, share, ORDER_SERIES_MAX)                                                      \
    X(LIST, S, change, issued, ORDER_SERIES_MAX)
MESSAGE_STRUCT(ev_royalty_paid, EVENT_ROYALTY_PAID_FIELDS);

#define EVENT_ROYALTY_RECORDED_FIELDS(X, S)                                                        \
    EVENT_HEAD(X, S)                                                                               \
    ROYALTY_RECORD_FIELDS(X, S)                                                                    \
    X(ACCOUNT, S, creditor, 1, UINT32_MAX)                                                         \
    X(ACCOUNT, S, debtor, 1, UINT32_MAX)                                                           \
    X(AMOUNT, S, due_ucr, 0, UINT64_MAX)
MESSAGE_STRUCT(ev_royalty_recorded, EVENT_ROYALTY_RECORDED_FIELDS);

/* Paid: out of the operator's part of the fund, out of its balances, out of the guarantor's part,
 * in this order. */
#define EVENT_GUARANTEE_CALLED_FIELDS(X, S)                                                        \
    EVENT_HEAD(X, S)                                                                               \
    GUARANTEE_CALL_FIELDS(X, S)                                                                    \
    X(ACCOUNT, S, guarantor, 1, UINT32_MAX)                                                        \
    X(ACCOUNT, S, operator, 1, UINT32_MAX)                                                         \
    X(AMOUNT, S, by_operator_ucr, 0, UINT64_MAX)                                                   \
    X(AMOUNT, S, by_guarantor_ucr, 0, UINT64_MAX)                                                  \
    X(AMOUNT, S, claimed_ucr, 0, UINT64_MAX)                                                       \
    X(LIST, S, paid, share, ESCROW_ROWS_MAX + CALL_BALANCES_MAX)
MESSAGE_STRUCT(ev_guarantee_called, EVENT_GUARANTEE_CALLED_FIELDS);

#define EVENT_GUARANTEE_STEPPED_IN_FIELDS(X, S)                                                    \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(ACCOUNT, S, operator, 1, UINT32_MAX)                                                         \
    X(AMOUNT, S, to_recover_ucr, 0, UINT64_MAX)
MESSAGE_STRUCT(ev_guarantee_stepped_in, EVENT_GUARANTEE_STEPPED_IN_FIELDS);

/* What a guarantor that has stepped in takes of one settlement. */
#define EVENT_GUARANTEE_RECOVERED_FIELDS(X, S)                                                     \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, contract, 1, SERIAL_MAX)                                                          \
    X(ACCOUNT, S, creditor, 1, UINT32_MAX)                                                         \
    X(ACCOUNT, S, debtor, 1, UINT32_MAX)                                                           \
    X(NUMBER, S, lease, 1, SERIAL_MAX)                                                             \
    X(U32, S, period, 0, LEASE_PERIODS_MAX)                                                        \
    X(AMOUNT, S, left_ucr, 0, UINT64_MAX)                                                          \
    X(LIST, S, paid, share, ESCROW_ROWS_MAX)
MESSAGE_STRUCT(ev_guarantee_recovered, EVENT_GUARANTEE_RECOVERED_FIELDS);

#define EVENT_MINT_PROPOSED_FIELDS(X, S)                                                           \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, proposal, 1, SERIAL_MAX)                                                          \
    MINT_PROPOSE_FIELDS(X, S)
MESSAGE_STRUCT(ev_mint_proposed, EVENT_MINT_PROPOSED_FIELDS);

#define EVENT_PAYOUT_PROPOSED_FIELDS(X, S)                                                         \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, proposal, 1, SERIAL_MAX)                                                          \
    PAYOUT_PROPOSE_FIELDS(X, S)
MESSAGE_STRUCT(ev_payout_proposed, EVENT_PAYOUT_PROPOSED_FIELDS);

#define EVENT_POLICY_PROPOSED_FIELDS(X, S)                                                         \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, proposal, 1, SERIAL_MAX)                                                          \
    POLICY_PROPOSE_FIELDS(X, S)
MESSAGE_STRUCT(ev_policy_proposed, EVENT_POLICY_PROPOSED_FIELDS);

#define EVENT_ADMIN_PROPOSED_FIELDS(X, S)                                                          \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, proposal, 1, SERIAL_MAX)                                                          \
    ADMIN_PROPOSE_FIELDS(X, S)
MESSAGE_STRUCT(ev_admin_proposed, EVENT_ADMIN_PROPOSED_FIELDS);

/* `approvals` of `needed`; with the last one what was proposed follows as events of its own. */
#define EVENT_CONTROL_APPROVED_FIELDS(X, S)                                                        \
    EVENT_HEAD(X, S)                                                                               \
    CONTROL_APPROVE_FIELDS(X, S)                                                                   \
    X(U32, S, approvals, 0, APPROVALS_MAX)                                                         \
    X(U32, S, needed, 0, APPROVALS_MAX)
MESSAGE_STRUCT(ev_control_approved, EVENT_CONTROL_APPROVED_FIELDS);

/* Rejected, taken back, or (by 0) too old. */
#define EVENT_CONTROL_REJECTED_FIELDS(X, S)                                                        \
    EVENT_HEAD(X, S)                                                                               \
    CONTROL_REJECT_FIELDS(X, S)                                                                    \
    X(ENUM, S, state, control_state, 0)
MESSAGE_STRUCT(ev_control_rejected, EVENT_CONTROL_REJECTED_FIELDS);

#define EVENT_POLICY_CHANGED_FIELDS(X, S)                                                          \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, proposal, 1, SERIAL_MAX)                                                          \
    POLICY_PROPOSE_FIELDS(X, S)
MESSAGE_STRUCT(ev_policy_changed, EVENT_POLICY_CHANGED_FIELDS);

/* Y(code, name, fields, public): a part of EVENT_LIST. */
#define CONTRACT_EVENT_LIST(Y)                                                                     \
    Y(80, backstop_proposed, EVENT_BACKSTOP_PROPOSED_FIELDS, false)                                \
    Y(81, revshare_proposed, EVENT_REVSHARE_PROPOSED_FIELDS, false)                                \
    Y(82, grant_proposed, EVENT_GRANT_PROPOSED_FIELDS, false)                                      \
    Y(83, guarantee_proposed, EVENT_GUARANTEE_PROPOSED_FIELDS, false)                              \
    Y(84, contract_accepted, EVENT_CONTRACT_ACCEPTED_FIELDS, false)                                \
    Y(85, contract_declined, EVENT_CONTRACT_DECLINED_FIELDS, false)                                \
    Y(86, contract_ended, EVENT_CONTRACT_ENDED_FIELDS, false)                                      \
    Y(87, contract_funded, EVENT_CONTRACT_FUNDED_FIELDS, false)                                    \
    Y(88, contract_withdrawn, EVENT_CONTRACT_WITHDRAWN_FIELDS, false)                              \
    Y(89, claim_made, EVENT_CLAIM_MADE_FIELDS, false)                                              \
    Y(90, claim_paid, EVENT_CLAIM_PAID_FIELDS, false)                                              \
    Y(91, backstop_settled, EVENT_BACKSTOP_SETTLED_FIELDS, false)                                  \
    Y(92, backstop_elected, EVENT_BACKSTOP_ELECTED_FIELDS, false)                                  \
    Y(93, share_paid, EVENT_SHARE_PAID_FIELDS, false)                                              \
    Y(94, phase_reached, EVENT_PHASE_REACHED_FIELDS, false)                                        \
    Y(95, tranche_paid, EVENT_TRANCHE_PAID_FIELDS, false)                                          \
    Y(96, tranche_released, EVENT_TRANCHE_RELEASED_FIELDS, false)                                  \
    Y(97, revenue_declared, EVENT_REVENUE_DECLARED_FIELDS, false)                                  \
    Y(98, royalty_due, EVENT_ROYALTY_DUE_FIELDS, false)                                            \
    Y(99, royalty_paid, EVENT_ROYALTY_PAID_FIELDS, false)                                          \
    Y(100, royalty_recorded, EVENT_ROYALTY_RECORDED_FIELDS, false)                                 \
    Y(101, guarantee_called, EVENT_GUARANTEE_CALLED_FIELDS, false)                                 \
    Y(102, guarantee_stepped_in, EVENT_GUARANTEE_STEPPED_IN_FIELDS, false)                         \
    Y(103, guarantee_recovered, EVENT_GUARANTEE_RECOVERED_FIELDS, false)                           \
    Y(104, claim_settled, EVENT_CLAIM_SETTLED_FIELDS, false)                                       \
    Y(110, mint_proposed, EVENT_MINT_PROPOSED_FIELDS, false)                                       \
    Y(111, payout_proposed, EVENT_PAYOUT_PROPOSED_FIELDS, false)                                   \
    Y(112, policy_proposed, EVENT_POLICY_PROPOSED_FIELDS, false)                                   \
    Y(113, control_approved, EVENT_CONTROL_APPROVED_FIELDS, false)                                 \
    Y(114, control_rejected, EVENT_CONTROL_REJECTED_FIELDS, false)                                 \
    Y(115, policy_changed, EVENT_POLICY_CHANGED_FIELDS, true)                                      \
    Y(116, admin_proposed, EVENT_ADMIN_PROPOSED_FIELDS, false)

#endif
