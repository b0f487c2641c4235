/*
 * What needs the word of several admins: to mint or pay out above a limit, to change these limits,
 * and to make another admin. One admin proposes, others approve; with the approvals that the policy
 * asks for it is done at once. docs/protocol.md, "Dual control".
 */
#ifndef BOURSE_PROTOCOL_CONTROL_H
#define BOURSE_PROTOCOL_CONTROL_H

#include "protocol/limits.h"
#include "protocol/message.h"
#include "protocol/operation_parts.h"

/*
 * An earned balance leaves the exchange against a reference (a bank transfer, an invoice).
 * `account` 0: the account's own; a treasurer pays out that of any account.
 */
#define PAYOUT_FIELDS(X, S)                                                                        \
    X(SERIES, S, series, 1, UINT32_MAX)                                                            \
    X(AMOUNT, S, amount_ucr, 0, UINT64_MAX)                                                        \
    X(TEXT, S, reference, 1, REFERENCE_MAX_BYTES)                                                  \
    X(ACCOUNT, S, account, 0, UINT32_MAX)

/* Proposes to mint; result: object = the proposal. */
#define MINT_PROPOSE_FIELDS(X, S)                                                                  \
    X(SERIES, S, series, 1, UINT32_MAX)                                                            \
    X(LIST, S, outputs, payment, CONTROL_PAYMENTS_MAX)
MESSAGE_STRUCT(op_mint_propose, MINT_PROPOSE_FIELDS);

/* Proposes to pay out an account's balance; by an admin or a treasurer. */
#define PAYOUT_PROPOSE_FIELDS(X, S) PAYOUT_FIELDS(X, S)
MESSAGE_STRUCT(op_payout_propose, PAYOUT_PROPOSE_FIELDS);

/* Proposes another policy: to mint or pay out more than the limits in a UTC day needs `approvals`
 * admins. A limit of 0 is none. */
#define POLICY_PROPOSE_FIELDS(X, S)                                                                \
    X(U32, S, approvals, 1, APPROVALS_MAX)                                                         \
    X(AMOUNT, S, mint_limit_ucr, 0, UINT64_MAX)                                                    \
    X(AMOUNT, S, payout_limit_ucr, 0, UINT64_MAX)
MESSAGE_STRUCT(op_policy_propose, POLICY_PROPOSE_FIELDS);

/* Proposes another admin: a new account of this name and keys, or, with `account`, one that is
 * frozen, which is then to be active again. */
#define ADMIN_PROPOSE_FIELDS(X, S)                                                                 \
    X(ACCOUNT, S, account, 0, UINT32_MAX)                                                          \
    X(TEXT, S, name, 0, NAME_MAX_BYTES)                                                            \
    X(KEY, S, sign_key, 0, 0)                                                                      \
    X(KEY, S, channel_key, 0, 0)
MESSAGE_STRUCT(op_admin_propose, ADMIN_PROPOSE_FIELDS);

/* An admin who has not done so approves; the last one needed carries it out. */
#define CONTROL_APPROVE_FIELDS(X, S) X(NUMBER, S, proposal, 1, SERIAL_MAX)
MESSAGE_STRUCT(op_control_approve, CONTROL_APPROVE_FIELDS);

/* Any admin rejects it, or its proposer takes it back: it is closed. */
#define CONTROL_REJECT_FIELDS(X, S)                                                                \
    X(NUMBER, S, proposal, 1, SERIAL_MAX)                                                          \
    X(TEXT, S, reason, 0, REASON_MAX_BYTES)
MESSAGE_STRUCT(op_control_reject, CONTROL_REJECT_FIELDS);

/* Y(code, name, fields): a part of OPERATION_LIST. */
#define CONTROL_OPERATION_LIST(Y)                                                                  \
    Y(90, mint_propose, MINT_PROPOSE_FIELDS)                                                       \
    Y(91, payout_propose, PAYOUT_PROPOSE_FIELDS)                                                   \
    Y(92, policy_propose, POLICY_PROPOSE_FIELDS)                                                   \
    Y(93, control_approve, CONTROL_APPROVE_FIELDS)                                                 \
    Y(94, control_reject, CONTROL_REJECT_FIELDS)                                                   \
    Y(95, admin_propose, ADMIN_PROPOSE_FIELDS)

#endif
