/*
 * The words with a fixed set of values. Each stands in one list with its number on the wire and
 * its name in text and JSON; numbers are never reused.
 */
#ifndef BOURSE_PROTOCOL_VOCABULARY_H
#define BOURSE_PROTOCOL_VOCABULARY_H

#include <stdint.h>

/* Names of an enum or of the bits of a set of flags. */
struct vocabulary {
    const char *word;
    uint32_t count;
    const struct vocabulary_value {
        uint32_t value;
        const char *name;
    } * values;
};

/* The name of a value; NULL when it is not one of the vocabulary. */
const char *vocabulary_name(const struct vocabulary *v, uint32_t value);
/* The value of a name; -1 when it is not one of the vocabulary. */
int64_t vocabulary_value(const struct vocabulary *v, const char *name);

#define ROLE_LIST(X)                                                                               \
    X(ROLE, ADMIN, admin, 1)                                                                       \
    X(ROLE, GUARANTOR, guarantor, 2)                                                               \
    X(ROLE, OPERATOR, operator, 3)                                                                 \
    X(ROLE, STARTUP, startup, 4)                                                                   \
    X(ROLE, AUDITOR, auditor, 5)                                                                   \
    X(ROLE, TREASURER, treasurer, 6)

#define ACCOUNT_STATE_LIST(X)                                                                      \
    X(ACCOUNT_STATE, ACTIVE, active, 1)                                                            \
    X(ACCOUNT_STATE, FROZEN, frozen, 2)

#define SKU_STATE_LIST(X)                                                                          \
    X(SKU_STATE, ACTIVE, active, 1)                                                                \
    X(SKU_STATE, DEPRECATED, deprecated, 2)                                                        \
    X(SKU_STATE, RETIRED, retired, 3)

/* Bits: a series may allow several; none set means any. */
#define PROFILE_LIST(X)                                                                            \
    X(PROFILE, TRAINING, training, 1)                                                              \
    X(PROFILE, TUNING, tuning, 2)                                                                  \
    X(PROFILE, INFERENCE, inference, 4)

/* Reserved: delivered means made available. Metered: delivered means used. */
#define BILLING_LIST(X)                                                                            \
    X(BILLING, RESERVED, reserved, 1)                                                              \
    X(BILLING, METERED, metered, 2)

#define TIME_IN_FORCE_LIST(X)                                                                      \
    X(TIME_IN_FORCE, IOC, immediate_or_cancel, 1)                                                  \
    X(TIME_IN_FORCE, FOK, fill_or_kill, 2)                                                         \
    X(TIME_IN_FORCE, GTT, good_till_time, 3)

#define PLACEMENT_LIST(X)                                                                          \
    X(PLACEMENT, ONE_SITE, one_site, 1)                                                            \
    X(PLACEMENT, SPREAD, spread, 2)

/* Whose doing something was. */
#define PARTY_LIST(X)                                                                              \
    X(PARTY, NOBODY, nobody, 0)                                                                    \
    X(PARTY, HOLDER, holder, 1)                                                                    \
    X(PARTY, OPERATOR, operator, 2)                                                                \
    X(PARTY, EXCHANGE, exchange, 3)                                                                \
    X(PARTY, TIME, time, 4)

/* Bits: the kinds of operations that a further key of an account may sign; operation.c says which
 * operation is of which kind. */
#define SCOPE_LIST(X)                                                                              \
    X(SCOPE, CREDITS, credits, 1)                                                                  \
    X(SCOPE, ORDERS, orders, 2)                                                                    \
    X(SCOPE, CAPACITY, capacity, 4)                                                                \
    X(SCOPE, LEASES, leases, 8)                                                                    \
    X(SCOPE, ADMIN, admin, 16)                                                                     \
    X(SCOPE, CONTRACTS, contracts, 32)

/* Maintenance is announced; an outage has begun. */
#define CLOSURE_KIND_LIST(X)                                                                       \
    X(CLOSURE_KIND, MAINTENANCE, maintenance, 1)                                                   \
    X(CLOSURE_KIND, OUTAGE, outage, 2)

/* Exhausted: the budget is used up. Ended: by its account. */
#define RULE_STATE_LIST(X)                                                                         \
    X(RULE_STATE, ACTIVE, active, 1)                                                               \
    X(RULE_STATE, EXHAUSTED, exhausted, 2)                                                         \
    X(RULE_STATE, ENDED, ended, 3)

/* Committed: for COMMITTED_MIN_MIN or longer. */
#define TRADE_KIND_LIST(X)                                                                         \
    X(TRADE_KIND, SPOT, spot, 1)                                                                   \
    X(TRADE_KIND, COMMITTED, committed, 2)

#define SIDE_LIST(X)                                                                               \
    X(SIDE, SELL, sell, 1)                                                                         \
    X(SIDE, BUY, buy, 2)

/* Why a lease owes less than its GPUs times its minutes. */
#define RELIEF_KIND_LIST(X)                                                                        \
    X(RELIEF_KIND, SALE, sale, 1)                                                                  \
    X(RELIEF_KIND, PAUSE, pause, 2)                                                                \
    X(RELIEF_KIND, WITHHELD, withheld, 3)

/* What an amount in escrow is kept for. */
#define ESCROW_KIND_LIST(X)                                                                        \
    X(ESCROW_KIND, LEASE, lease, 1)                                                                \
    X(ESCROW_KIND, ORDER, order, 2)                                                                \
    X(ESCROW_KIND, RULE, rule, 3)                                                                  \
    X(ESCROW_KIND, CONTRACT, contract, 4)

#define CONTRACT_KIND_LIST(X)                                                                      \
    X(CONTRACT_KIND, BACKSTOP, backstop, 1)                                                        \
    X(CONTRACT_KIND, REVSHARE, revenue_share, 2)                                                   \
    X(CONTRACT_KIND, GRANT, grant, 3)                                                              \
    X(CONTRACT_KIND, GUARANTEE, lease_guarantee, 4)

/* Completed: what it promises is done. Expired: its time has passed. The last four have ended. */
#define CONTRACT_STATE_LIST(X)                                                                     \
    X(CONTRACT_STATE, PROPOSED, proposed, 1)                                                       \
    X(CONTRACT_STATE, IN_FORCE, in_force, 2)                                                       \
    X(CONTRACT_STATE, DECLINED, declined, 3)                                                       \
    X(CONTRACT_STATE, WITHDRAWN, withdrawn, 4)                                                     \
    X(CONTRACT_STATE, COMPLETED, completed, 5)                                                     \
    X(CONTRACT_STATE, EXPIRED, expired, 6)

/* What a revenue share is a share of. */
#define SHARE_BASE_LIST(X)                                                                         \
    X(SHARE_BASE, GROSS, gross, 1)                                                                 \
    X(SHARE_BASE, ABOVE_FLOOR, above_floor, 2)

/* The cash that a milestone counts: what leases settled, or what the beneficiary was due of it. */
#define MILESTONE_KIND_LIST(X)                                                                     \
    X(MILESTONE_KIND, REVENUE, revenue, 1)                                                         \
    X(MILESTONE_KIND, SHARE, share, 2)

#define TRANCHE_KIND_LIST(X)                                                                       \
    X(TRANCHE_KIND, DATE, date, 1)                                                                 \
    X(TRANCHE_KIND, SPENT, spent, 2)                                                               \
    X(TRANCHE_KIND, ADMIN, admin, 3)

/* Why money went from one account to another. */
#define FLOW_KIND_LIST(X)                                                                          \
    X(FLOW_KIND, LEASE, lease, 1)                                                                  \
    X(FLOW_KIND, ELECTED, elected, 2)                                                              \
    X(FLOW_KIND, BACKSTOP, backstop, 3)                                                            \
    X(FLOW_KIND, SHARE, share, 4)                                                                  \
    X(FLOW_KIND, ROYALTY, royalty, 5)                                                              \
    X(FLOW_KIND, GUARANTEE, guarantee, 6)                                                          \
    X(FLOW_KIND, RECOVERY, recovery, 7)                                                            \
    X(FLOW_KIND, GRANT, grant, 8)                                                                  \
    X(FLOW_KIND, RESALE, resale, 9)                                                                \
    X(FLOW_KIND, PAYOUT, payout, 10)

/* The reports that an exchange makes of its rows. */
#define REPORT_KIND_LIST(X)                                                                        \
    X(REPORT_KIND, EXPOSURE, exposure, 1)                                                          \
    X(REPORT_KIND, STRESS, stress, 2)                                                              \
    X(REPORT_KIND, COLLATERAL, collateral, 3)                                                      \
    X(REPORT_KIND, ENDORSEMENT, endorsement, 4)                                                    \
    X(REPORT_KIND, CIRCULARITY, circularity, 5)                                                    \
    X(REPORT_KIND, CONCENTRATION, concentration, 6)                                                \
    X(REPORT_KIND, VACANCY, vacancy, 7)                                                            \
    X(REPORT_KIND, CARBON, carbon, 8)                                                              \
    X(REPORT_KIND, PORTABILITY, portability, 9)                                                    \
    X(REPORT_KIND, STATEMENT, statement, 10)                                                       \
    X(REPORT_KIND, USAGE, usage, 11)

/* What the cells of a report's column are; protocol/report_queries.h says how they are kept. */
#define CELL_KIND_LIST(X)                                                                          \
    X(CELL_KIND, TEXT, text, 1)                                                                    \
    X(CELL_KIND, COUNT, count, 2)                                                                  \
    X(CELL_KIND, AMOUNT, amount, 3)                                                                \
    X(CELL_KIND, PPM, ppm, 4)                                                                      \
    X(CELL_KIND, TIME, time, 5)                                                                    \
    X(CELL_KIND, MONTH, month, 6)                                                                  \
    X(CELL_KIND, GPU_MINUTES, gpu_minutes, 7)                                                      \
    X(CELL_KIND, GRAMS, grams, 8)                                                                  \
    X(CELL_KIND, NAMED, named, 9)                                                                  \
    X(CELL_KIND, YES, yes, 10)                                                                     \
    X(CELL_KIND, MILLIGRAMS, milligrams, 11)

#define CONTROL_KIND_LIST(X)                                                                       \
    X(CONTROL_KIND, MINT, mint, 1)                                                                 \
    X(CONTROL_KIND, PAYOUT, payout, 2)                                                             \
    X(CONTROL_KIND, POLICY, policy, 3)                                                             \
    X(CONTROL_KIND, ADMIN, admin, 4)

#define CONTROL_STATE_LIST(X)                                                                      \
    X(CONTROL_STATE, OPEN, open, 1)                                                                \
    X(CONTROL_STATE, DONE, done, 2)                                                                \
    X(CONTROL_STATE, REJECTED, rejected, 3)                                                        \
    X(CONTROL_STATE, WITHDRAWN, withdrawn, 4)                                                      \
    X(CONTROL_STATE, EXPIRED, expired, 5)

#define CLOCK_MODE_LIST(X)                                                                         \
    X(CLOCK_MODE, REAL, real, 1)                                                                   \
    X(CLOCK_MODE, MANUAL, manual, 2)

#define OFFER_STATE_LIST(X)                                                                        \
    X(OFFER_STATE, OPEN, open, 1)                                                                  \
    X(OFFER_STATE, WITHDRAWN, withdrawn, 2)                                                        \
    X(OFFER_STATE, ENDED, ended, 3)

/* Why a standing offer has ended that nobody withdrew. */
#define OFFER_END_LIST(X)                                                                          \
    X(OFFER_END, COMPLETED, completed, 1)                                                          \
    X(OFFER_END, POWER, power_short, 2)                                                            \
    X(OFFER_END, NOT_RENEWED, not_renewed, 3)

/* A resting order may have been filled in part already. The other three have ended. */
#define ORDER_STATE_LIST(X)                                                                        \
    X(ORDER_STATE, FILLED, filled, 1)                                                              \
    X(ORDER_STATE, PARTLY_FILLED, partly_filled, 2)                                                \
    X(ORDER_STATE, RESTING, resting, 3)                                                            \
    X(ORDER_STATE, UNFILLED, unfilled, 4)

/* Why an order has ended; order_end_party() says whose doing it was. */
#define ORDER_END_LIST(X)                                                                          \
    X(ORDER_END, NOT_YET, not_yet, 0)                                                              \
    X(ORDER_END, FILLED, filled, 1)                                                                \
    X(ORDER_END, IMMEDIATE, rest_cancelled_at_once, 2)                                             \
    X(ORDER_END, CANCELLED, cancelled_by_holder, 3)                                                \
    X(ORDER_END, EXPIRED, expired, 4)                                                              \
    X(ORDER_END, SERIES, series_expired, 5)

/* Ended: no GPU-minute is delivered any more, periods wait for settlement. */
#define LEASE_STATE_LIST(X)                                                                        \
    X(LEASE_STATE, GRANTED, granted, 1)                                                            \
    X(LEASE_STATE, ACTIVE, active, 2)                                                              \
    X(LEASE_STATE, ENDED, ended, 3)                                                                \
    X(LEASE_STATE, SETTLED, settled, 4)                                                            \
    X(LEASE_STATE, FAILED, failed, 5)                                                              \
    X(LEASE_STATE, PAUSED, paused, 6)

/* Why a lease has ended; lease_end_party() says whose doing it was. */
#define LEASE_END_LIST(X)                                                                          \
    X(LEASE_END, NOT_YET, not_yet, 0)                                                              \
    X(LEASE_END, COMPLETED, completed, 1)                                                          \
    X(LEASE_END, HOLDER, ended_by_holder, 2)                                                       \
    X(LEASE_END, OPERATOR, ended_by_operator, 3)                                                   \
    X(LEASE_END, NOT_ACTIVATED, not_activated, 4)                                                  \
    X(LEASE_END, SOLD, sold, 5)                                                                    \
    X(LEASE_END, UNFUNDED, funds_ran_out, 6)

#define PERIOD_STATE_LIST(X)                                                                       \
    X(PERIOD_STATE, OPEN, open, 1)                                                                 \
    X(PERIOD_STATE, METERED, metered, 2)                                                           \
    X(PERIOD_STATE, DISPUTED, disputed, 3)                                                         \
    X(PERIOD_STATE, SETTLED, settled, 4)

/* The dimensions of the exclusion funnel, in the order in which an offer is looked at; own is the
 * last, so that it counts what the account would trade with itself. */
#define FUNNEL_LIST(X)                                                                             \
    X(FUNNEL, SKU, sku, 1)                                                                         \
    X(FUNNEL, INTERCONNECT, interconnect, 9)                                                       \
    X(FUNNEL, REGION, region, 2)                                                                   \
    X(FUNNEL, JURISDICTION, jurisdiction, 3)                                                       \
    X(FUNNEL, CARBON, carbon, 10)                                                                  \
    X(FUNNEL, CERTIFICATION, certification, 11)                                                    \
    X(FUNNEL, RELIABILITY, reliability, 12)                                                        \
    X(FUNNEL, SERIES, series, 4)                                                                   \
    X(FUNNEL, PREEMPTIBLE, preemptible, 14)                                                        \
    X(FUNNEL, BILLING, billing, 15)                                                                \
    X(FUNNEL, LENGTH, length, 16)                                                                  \
    X(FUNNEL, FROZEN, frozen, 17)                                                                  \
    X(FUNNEL, TIME, time, 6)                                                                       \
    X(FUNNEL, SIZE, size, 7)                                                                       \
    X(FUNNEL, PRICE, price, 8)                                                                     \
    X(FUNNEL, OWN, own, 13)

/* The ledger's kinds of account; what each holds is a liability of the exchange, MINTED is the
 * contra account. */
#define LEDGER_LIST(X)                                                                             \
    X(LEDGER, MINTED, minted, 1)                                                                   \
    X(LEDGER, TOKENS, tokens, 2)                                                                   \
    X(LEDGER, GIFTS, gifts, 3)                                                                     \
    X(LEDGER, ESCROW, escrow, 4)                                                                   \
    X(LEDGER, BALANCE, balance, 5)                                                                 \
    X(LEDGER, PAID_OUT, paid_out, 6)                                                               \
    X(LEDGER, BURNED, burned, 7)                                                                   \
    X(LEDGER, EXPIRED, expired, 8)

/* Why the server could not handle a frame. */
#define WIRE_ERROR_LIST(X)                                                                         \
    X(WIRE_ERROR, MALFORMED, malformed, 1)                                                         \
    X(WIRE_ERROR, BUSY, busy, 2)                                                                   \
    X(WIRE_ERROR, LIMIT, limit, 3)                                                                 \
    X(WIRE_ERROR, STOPPING, stopping, 4)                                                           \
    X(WIRE_ERROR, INTERNAL, internal, 5)

#define VOCABULARY_LIST(V)                                                                         \
    V(role, ROLE_LIST)                                                                             \
    V(account_state, ACCOUNT_STATE_LIST)                                                           \
    V(sku_state, SKU_STATE_LIST)                                                                   \
    V(profile, PROFILE_LIST)                                                                       \
    V(billing, BILLING_LIST)                                                                       \
    V(time_in_force, TIME_IN_FORCE_LIST)                                                           \
    V(placement, PLACEMENT_LIST)                                                                   \
    V(clock_mode, CLOCK_MODE_LIST)                                                                 \
    V(offer_state, OFFER_STATE_LIST)                                                               \
    V(offer_end_reason, OFFER_END_LIST)                                                            \
    V(order_state, ORDER_STATE_LIST)                                                               \
    V(order_end_reason, ORDER_END_LIST)                                                            \
    V(party, PARTY_LIST)                                                                           \
    V(scope, SCOPE_LIST)                                                                           \
    V(closure_kind, CLOSURE_KIND_LIST)                                                             \
    V(rule_state, RULE_STATE_LIST)                                                                 \
    V(trade_kind, TRADE_KIND_LIST)                                                                 \
    V(side, SIDE_LIST)                                                                             \
    V(relief_kind, RELIEF_KIND_LIST)                                                               \
    V(escrow_kind, ESCROW_KIND_LIST)                                                               \
    V(contract_kind, CONTRACT_KIND_LIST)                                                           \
    V(contract_state, CONTRACT_STATE_LIST)                                                         \
    V(share_base, SHARE_BASE_LIST)                                                                 \
    V(milestone_kind, MILESTONE_KIND_LIST)                                                         \
    V(tranche_kind, TRANCHE_KIND_LIST)                                                             \
    V(flow_kind, FLOW_KIND_LIST)                                                                   \
    V(report_kind, REPORT_KIND_LIST)                                                               \
    V(cell_kind, CELL_KIND_LIST)                                                                   \
    V(control_kind, CONTROL_KIND_LIST)                                                             \
    V(control_state, CONTROL_STATE_LIST)                                                           \
    V(lease_state, LEASE_STATE_LIST)                                                               \
    V(lease_end_reason, LEASE_END_LIST)                                                            \
    V(period_state, PERIOD_STATE_LIST)                                                             \
    V(funnel, FUNNEL_LIST)                                                                         \
    V(ledger_kind, LEDGER_LIST)                                                                    \
    V(wire_error, WIRE_ERROR_LIST)

/* enum role { ROLE_ADMIN = 1, ... }; extern const struct vocabulary role_vocabulary; */
#define VOCABULARY_ENUM_VALUE(prefix, upper, lower, number) prefix##_##upper = number,
#define VOCABULARY_DECLARE(word, LIST)                                                             \
    enum word { LIST(VOCABULARY_ENUM_VALUE) };                                                     \
    extern const struct vocabulary word##_vocabulary;
VOCABULARY_LIST(VOCABULARY_DECLARE)
#undef VOCABULARY_DECLARE

#define PROFILE_ANY 7u
#define SCOPE_ANY   63u

/* Whose doing an end was, by its reason. */
enum party order_end_party(uint32_t reason);
enum party lease_end_party(uint32_t reason);

#endif
