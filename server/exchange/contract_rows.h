/*
 * The rows of contracts, of what they move, and of dual control. Terms are rows by contract and
 * version; beside them each kind has one row that says where the contract stands.
 */
#ifndef BOURSE_EXCHANGE_CONTRACT_ROWS_H
#define BOURSE_EXCHANGE_CONTRACT_ROWS_H

#include "protocol/limits.h"
#include "server/store/row.h"

enum {
    NAME_BYTES = NAME_MAX_BYTES + 1,
    PLACE_BYTES = PLACE_MAX_BYTES + 1,
};

/*
 * A contract of any kind. `debtor` is who pays under it: guarantor, operator (of a share), startup
 * (of a grant), guarantor (of a lease guarantee); `creditor` the other party: operator,
 * beneficiary, funder, operator. `third` is the beneficiary of a lease guarantee. version: in
 * force, 0: none; pending: proposed by `proposer`, 0: none. next_s: when its kind has something to
 * do next, 0: never. claims_ucr: what is left of its claims; claims_open: of so many. paying_s:
 * when ticks go on to pay them from the debtor's part of the fund, 0: none is open, or nothing is
 * left.
 */
#define CONTRACT_ROW(X, S)                                                                         \
    X(U64, S, contract, 1)                                                                         \
    X(U64, S, start_s, 1)                                                                          \
    X(U64, S, end_s, 1)                                                                            \
    X(U64, S, next_s, 1)                                                                           \
    X(U64, S, proposed_s, 1)                                                                       \
    X(U64, S, accepted_s, 1)                                                                       \
    X(U64, S, ended_s, 1)                                                                          \
    X(U64, S, claims_ucr, 1)                                                                       \
    X(U64, S, paying_s, 1)                                                                         \
    X(U64, S, index, 1)                                                                            \
    X(U32, S, kind, 1)                                                                             \
    X(U32, S, state, 1)                                                                            \
    X(U32, S, debtor, 1)                                                                           \
    X(U32, S, creditor, 1)                                                                         \
    X(U32, S, third, 1)                                                                            \
    X(U32, S, proposer, 1)                                                                         \
    X(U32, S, version, 1)                                                                          \
    X(U32, S, pending, 1)                                                                          \
    X(U32, S, version_last, 1)                                                                     \
    X(U32, S, escrow_series, 1)                                                                    \
    X(U32, S, claims_open, 1)                                                                      \
    X(U32, S, reserved, 1)
ROW_STRUCT(contract_row, CONTRACT_ROW);

/* What could not be paid under a contract. paid_s 0: not wholly paid yet. */
#define CLAIM_ROW(X, S)                                                                            \
    X(U64, S, claim, 1)                                                                            \
    X(U64, S, contract, 1)                                                                         \
    X(U64, S, amount_ucr, 1)                                                                       \
    X(U64, S, left_ucr, 1)                                                                         \
    X(U64, S, since_s, 1)                                                                          \
    X(U64, S, paid_s, 1)                                                                           \
    X(U64, S, index, 1)                                                                            \
    X(U32, S, debtor, 1)                                                                           \
    X(U32, S, creditor, 1)
ROW_STRUCT(claim_row, CLAIM_ROW);

/* Terms of a backstop. */
#define BACKSTOP_ROW(X, S)                                                                         \
    X(U64, S, contract, 1)                                                                         \
    X(U32, S, version, 1)                                                                          \
    X(U32, S, guarantor, 1)                                                                        \
    X(U64, S, site, 1)                                                                             \
    X(U64, S, sku, 1)                                                                              \
    X(U64, S, strike_ucr, 1)                                                                       \
    X(U64, S, start_s, 1)                                                                          \
    X(U64, S, end_s, 1)                                                                            \
    X(U64, S, pool_ucr, 1)                                                                         \
    X(U64, S, price_max_ucr, 1)                                                                    \
    X(U32, S, operator, 1)                                                                         \
    X(U32, S, gpus, 1)                                                                             \
    X(U32, S, period_min, 1)                                                                       \
    X(U32, S, ahead_min, 1)                                                                        \
    X(U32, S, lots_count, 1)                                                                       \
    X(U32, S, certifications_count, 1)                                                             \
    X(U64S, S, lot_from_s, LOTS_MAX)                                                               \
    X(U64S, S, lot_gpus, LOTS_MAX)                                                                 \
    X(BYTES, S, certifications, ORDER_CERTIFICATIONS_MAX *NAME_BYTES)
ROW_STRUCT(backstop_row, BACKSTOP_ROW);

/*
 * Where a backstop stands: the next period to be settled, how far within it (cursor_s) minutes have
 * been added up to the gpu_minutes_*, and what was drawn of the pool by settlement and election.
 * gpu_minutes_not_offered: covered and, minute by minute, neither sold, elected nor owed. cost: of
 * the minutes owed, each at the strike that held then, in sixtieths of a micro-credit, a 128-bit
 * number in two halves. elected_until_s: where the last elected lease ends. version: of the terms
 * that hold from the cursor on. closed 1: no period is left. mixed 1: minutes of the period were
 * owed at another strike before.
 */
#define COVER_ROW(X, S)                                                                            \
    X(U64, S, contract, 1)                                                                         \
    X(U64, S, cursor_s, 1)                                                                         \
    X(U64, S, gpu_minutes_covered, 1)                                                              \
    X(U64, S, gpu_minutes_sold, 1)                                                                 \
    X(U64, S, gpu_minutes_elected, 1)                                                              \
    X(U64, S, gpu_minutes_not_offered, 1)                                                          \
    X(U64, S, gpu_minutes_owed, 1)                                                                 \
    X(U64, S, pool_left_ucr, 1)                                                                    \
    X(U64, S, owed_ucr, 1)                                                                         \
    X(U64, S, paid_ucr, 1)                                                                         \
    X(U64, S, elected_ucr, 1)                                                                      \
    X(U64, S, cost_low, 1)                                                                         \
    X(U64, S, cost_high, 1)                                                                        \
    X(U64, S, elected_until_s, 1)                                                                  \
    X(U32, S, period, 1)                                                                           \
    X(U32, S, version, 1)                                                                          \
    X(U32, S, closed, 1)                                                                           \
    X(U32, S, mixed, 1)
ROW_STRUCT(cover_row, COVER_ROW);

/* A settled period of a backstop. version: terms by whose strike all of it was owed; 0: it was owed
 * at several. */
#define DRAW_ROW(X, S)                                                                             \
    X(U64, S, contract, 1)                                                                         \
    X(U32, S, period, 1)                                                                           \
    X(U32, S, version, 1)                                                                          \
    X(U64, S, start_s, 1)                                                                          \
    X(U64, S, end_s, 1)                                                                            \
    X(U64, S, gpu_minutes_covered, 1)                                                              \
    X(U64, S, gpu_minutes_sold, 1)                                                                 \
    X(U64, S, gpu_minutes_elected, 1)                                                              \
    X(U64, S, gpu_minutes_not_offered, 1)                                                          \
    X(U64, S, gpu_minutes_owed, 1)                                                                 \
    X(U64, S, owed_ucr, 1)                                                                         \
    X(U64, S, paid_ucr, 1)                                                                         \
    X(U64, S, pool_left_ucr, 1)                                                                    \
    X(U64, S, index, 1)
ROW_STRUCT(draw_row, DRAW_ROW);

/*
 * How an offer stood over time: `gpus` of it at price_ucr from from_s until until_s (its end, while
 * this is how it stands). `part` 0, 1, ... of each offer.
 */
#define LISTING_ROW(X, S)                                                                          \
    X(U64, S, offer, 1)                                                                            \
    X(U32, S, part, 1)                                                                             \
    X(U32, S, gpus, 1)                                                                             \
    X(U64, S, site, 1)                                                                             \
    X(U64, S, sku, 1)                                                                              \
    X(U64, S, from_s, 1)                                                                           \
    X(U64, S, until_s, 1)                                                                          \
    X(U64, S, price_ucr, 1)
ROW_STRUCT(listing_row, LISTING_ROW);

/* GPU-minutes of a SKU at a site on a day (UTC): sold, elected by guarantors, free in offers. */
#define OCCUPANCY_ROW(X, S)                                                                        \
    X(U64, S, site, 1)                                                                             \
    X(U64, S, sku, 1)                                                                              \
    X(U64, S, day_s, 1)                                                                            \
    X(U64, S, gpu_minutes_sold, 1)                                                                 \
    X(U64, S, gpu_minutes_elected, 1)                                                              \
    X(U64, S, gpu_minutes_free, 1)
ROW_STRUCT(occupancy_row, OCCUPANCY_ROW);

/* Terms of a revenue share. */
#define REVSHARE_ROW(X, S)                                                                         \
    X(U64, S, contract, 1)                                                                         \
    X(U32, S, version, 1)                                                                          \
    X(U32, S, beneficiary, 1)                                                                      \
    X(U64, S, site, 1)                                                                             \
    X(U64, S, floor_ucr, 1)                                                                        \
    X(U64, S, start_s, 1)                                                                          \
    X(U32, S, operator, 1)                                                                         \
    X(U32, S, rank, 1)                                                                             \
    X(U32, S, window_days, 1)                                                                      \
    X(U32, S, base, 1)                                                                             \
    X(U32, S, milestone, 1)                                                                        \
    X(U32, S, phases_count, 1)                                                                     \
    X(U32, S, latching, 1)                                                                         \
    X(U32, S, reserved, 1)                                                                         \
    X(U64S, S, rate_bp, PHASES_MAX)                                                                \
    X(U64S, S, utilisation_ppm, PHASES_MAX)                                                        \
    X(U64S, S, milestone_ucr, PHASES_MAX)
ROW_STRUCT(revshare_row, REVSHARE_ROW);

/*
 * Where a revenue share stands. gross_ucr, share_ucr: since the beginning; paid_ucr: what
 * settlements gave of it at once; month_gross_ucr: of the calendar month that begins at month_s.
 * rest: what rounding down has left, in 1/10 000 micro-credits. Utilisation of the window that
 * ended at the midnight utilisation_s (0: not measured yet), and the highest one that counts: with
 * latching of all days, else of the last. In the middle of looking: look_* are how far that has
 * come, look_site 0 otherwise.
 */
#define PROGRESS_ROW(X, S)                                                                         \
    X(U64, S, contract, 1)                                                                         \
    X(U64, S, gross_ucr, 1)                                                                        \
    X(U64, S, share_ucr, 1)                                                                        \
    X(U64, S, paid_ucr, 1)                                                                         \
    X(U64, S, month_s, 1)                                                                          \
    X(U64, S, month_gross_ucr, 1)                                                                  \
    X(U64, S, shares, 1)                                                                           \
    X(U64, S, utilisation_s, 1)                                                                    \
    X(U64, S, look_site, 1)                                                                        \
    X(U64, S, look_sku, 1)                                                                         \
    X(U64, S, look_sold, 1)                                                                        \
    X(U64, S, look_free, 1)                                                                        \
    X(U32, S, operator, 1)                                                                         \
    X(U32, S, rank, 1)                                                                             \
    X(U32, S, phase, 1)                                                                            \
    X(U32, S, rest, 1)                                                                             \
    X(U32, S, utilisation_ppm, 1)                                                                  \
    X(U32, S, utilisation_peak_ppm, 1)                                                             \
    X(U32, S, version, 1) /* of the terms that it stands under */                                  \
    X(U32, S, reserved, 1)
ROW_STRUCT(progress_row, PROGRESS_ROW);

/* One deduction of a revenue share; `share` 1, 2, ... of each contract. claims_ucr: what the
 * settlement paid of older claims before. */
#define SHARE_ROW(X, S)                                                                            \
    X(U64, S, contract, 1)                                                                         \
    X(U64, S, share, 1)                                                                            \
    X(U64, S, time_s, 1)                                                                           \
    X(U64, S, lease, 1)                                                                            \
    X(U64, S, gross_ucr, 1)                                                                        \
    X(U64, S, base_ucr, 1)                                                                         \
    X(U64, S, share_ucr, 1)                                                                        \
    X(U64, S, paid_ucr, 1)                                                                         \
    X(U64, S, claims_ucr, 1)                                                                       \
    X(U64, S, index, 1)                                                                            \
    X(U32, S, period, 1)                                                                           \
    X(U32, S, phase_first, 1)                                                                      \
    X(U32, S, phase_last, 1)                                                                       \
    X(U32, S, reserved, 1)
ROW_STRUCT(share_row, SHARE_ROW);

/*
 * Terms of a grant. accepted_s 0: never in force. previous: the version in force before this one, 0
 * for the first: a month counts by the terms that were in force when it ended.
 */
#define GRANT_ROW(X, S)                                                                            \
    X(U64, S, contract, 1)                                                                         \
    X(U32, S, version, 1)                                                                          \
    X(U32, S, funder, 1)                                                                           \
    X(U64, S, start_s, 1)                                                                          \
    X(U64, S, accepted_s, 1)                                                                       \
    X(U32, S, startup, 1)                                                                          \
    X(U32, S, series, 1)                                                                           \
    X(U32, S, share_bp, 1)                                                                         \
    X(U32, S, cap_bp, 1)                                                                           \
    X(U32, S, term_months, 1)                                                                      \
    X(U32, S, tail_months, 1)                                                                      \
    X(U32, S, declare_days, 1)                                                                     \
    X(U32, S, tranches_count, 1)                                                                   \
    X(U32, S, carve_outs_count, 1)                                                                 \
    X(U32, S, previous, 1)                                                                         \
    X(U64S, S, tranche_amount_ucr, TRANCHES_MAX)                                                   \
    X(U64S, S, tranche_from_s, TRANCHES_MAX)                                                       \
    X(U64S, S, tranche_spent_ucr, TRANCHES_MAX)                                                    \
    X(U64S, S, tranche_kind, TRANCHES_MAX)                                                         \
    X(BYTES, S, carve_outs, STREAMS_MAX *NAME_BYTES)
ROW_STRUCT(grant_row, GRANT_ROW);

/*
 * Where a grant stands. tranches_*: bits, the first tranche 1; released: by an admin. rated: what
 * is declared in months and streams that count, each times its basis points, in 1/10 000
 * micro-credits; royalty_ucr: of that, within the cap; paid in credits, recorded as paid outside.
 * month_s: the first month from the start on that has not been declared; spent_ucr: of its series,
 * by the startup, under leases. open: in force. counts: what is declared counts, as long as it is
 * in force, and after it has expired below its cap.
 */
#define ADVANCE_ROW(X, S)                                                                          \
    X(U64, S, contract, 1)                                                                         \
    X(U64, S, advanced_ucr, 1)                                                                     \
    X(U64, S, spent_ucr, 1)                                                                        \
    X(U64, S, royalty_ucr, 1)                                                                      \
    X(U64, S, paid_ucr, 1)                                                                         \
    X(U64, S, recorded_ucr, 1)                                                                     \
    X(U64, S, month_s, 1)                                                                          \
    X(U64, S, rated_high, 1)                                                                       \
    X(U64, S, rated_low, 1)                                                                        \
    X(U32, S, startup, 1)                                                                          \
    X(U32, S, series, 1)                                                                           \
    X(U32, S, tranches_paid, 1)                                                                    \
    X(U32, S, tranches_released, 1)                                                                \
    X(U32, S, open, 1)                                                                             \
    X(U32, S, counts, 1)
ROW_STRUCT(advance_row, ADVANCE_ROW);

/* What an account declared to have earned in a calendar month. */
#define DECLARATION_ROW(X, S)                                                                      \
    X(U32, S, account, 1)                                                                          \
    X(U32, S, reserved, 1)                                                                         \
    X(U64, S, month_s, 1)                                                                          \
    X(U64, S, declared_s, 1)                                                                       \
    X(U64, S, index, 1)                                                                            \
    X(U32, S, version, 1)                                                                          \
    X(U32, S, streams_count, 1)                                                                    \
    X(U64S, S, amounts_ucr, STREAMS_MAX)                                                           \
    X(BYTES, S, names, STREAMS_MAX *NAME_BYTES)                                                    \
    X(BYTES, S, evidence, 32)
ROW_STRUCT(declaration_row, DECLARATION_ROW);

/* Terms of a lease guarantee. */
#define GUARANTEE_ROW(X, S)                                                                        \
    X(U64, S, contract, 1)                                                                         \
    X(U32, S, version, 1)                                                                          \
    X(U32, S, guarantor, 1)                                                                        \
    X(U64, S, site, 1)                                                                             \
    X(U64, S, limit_ucr, 1)                                                                        \
    X(U64, S, escrow_ucr, 1)                                                                       \
    X(U64, S, start_s, 1)                                                                          \
    X(U64, S, end_s, 1)                                                                            \
    X(U32, S, operator, 1)                                                                         \
    X(U32, S, beneficiary, 1)                                                                      \
    X(U32, S, step_in, 1)                                                                          \
    X(U32, S, reserved, 1)
ROW_STRUCT(guarantee_row, GUARANTEE_ROW);

/* Where a lease guarantee stands. by_guarantor_ucr: claims on it included. stepped_in_s 0: not.
 * place: the log index of the acceptance from which it has its turn among the guarantees of its
 * operator, the smaller the earlier. */
#define RECOURSE_ROW(X, S)                                                                         \
    X(U64, S, contract, 1)                                                                         \
    X(U64, S, site, 1)                                                                             \
    X(U64, S, called_ucr, 1)                                                                       \
    X(U64, S, by_operator_ucr, 1)                                                                  \
    X(U64, S, by_guarantor_ucr, 1)                                                                 \
    X(U64, S, recovered_ucr, 1)                                                                    \
    X(U64, S, stepped_in_s, 1)                                                                     \
    X(U64, S, place, 1)
ROW_STRUCT(recourse_row, RECOURSE_ROW);

/*
 * What went from one account to another in a calendar month, and why (enum flow_kind). payer 0: the
 * exchange; payee 0: out of it. `flow` 1, 2, ...: no two of them are of the same month, kind,
 * accounts, series, site and SKU.
 */
#define FLOW_ROW(X, S)                                                                             \
    X(U64, S, flow, 1)                                                                             \
    X(U64, S, month_s, 1)                                                                          \
    X(U32, S, kind, 1)                                                                             \
    X(U32, S, payer, 1)                                                                            \
    X(U32, S, payee, 1)                                                                            \
    X(U32, S, series, 1)                                                                           \
    X(U64, S, site, 1)                                                                             \
    X(U64, S, sku, 1)                                                                              \
    X(U64, S, amount_ucr, 1)                                                                       \
    X(U64, S, gpu_minutes, 1)
ROW_STRUCT(flow_row, FLOW_ROW);

/* What waits for the word of several admins. */
#define PROPOSAL_ROW(X, S)                                                                         \
    X(U64, S, proposal, 1)                                                                         \
    X(U64, S, proposed_s, 1)                                                                       \
    X(U64, S, until_s, 1)                                                                          \
    X(U64, S, amount_ucr, 1)                                                                       \
    X(U64, S, mint_limit_ucr, 1)                                                                   \
    X(U64, S, payout_limit_ucr, 1)                                                                 \
    X(U64, S, index, 1)                                                                            \
    X(U32, S, kind, 1)                                                                             \
    X(U32, S, state, 1)                                                                            \
    X(U32, S, proposer, 1)                                                                         \
    X(U32, S, series, 1)                                                                           \
    X(U32, S, account, 1)                                                                          \
    X(U32, S, approvals, 1)                                                                        \
    X(U32, S, needed, 1)                                                                           \
    X(U32, S, policy_approvals, 1)                                                                 \
    X(U32, S, outputs_count, 1)                                                                    \
    X(U32, S, reserved, 1)                                                                         \
    X(U64S, S, approved_by, APPROVALS_MAX)                                                         \
    X(U64S, S, output_account, CONTROL_PAYMENTS_MAX)                                               \
    X(U64S, S, output_ucr, CONTROL_PAYMENTS_MAX)                                                   \
    X(BYTES, S, sign_key, 32)                                                                      \
    X(BYTES, S, channel_key, 32)                                                                   \
    X(TEXT, S, name, NAME_BYTES)                                                                   \
    X(TEXT, S, reference, REFERENCE_MAX_BYTES + 1)
ROW_STRUCT(proposal_row, PROPOSAL_ROW);

#endif
