/* The rows that answers to queries list. */
#ifndef BOURSE_PROTOCOL_ANSWER_ROWS_H
#define BOURSE_PROTOCOL_ANSWER_ROWS_H

#include "protocol/events.h"
#include "protocol/limits.h"
#include "protocol/message.h"
#include "protocol/operations.h"

#define ROW_ACCOUNT_FIELDS(X, S)                                                                   \
    X(ACCOUNT, S, account, 1, UINT32_MAX)                                                          \
    X(TEXT, S, name, 1, NAME_MAX_BYTES)                                                            \
    X(ENUM, S, role, role, 0)                                                                      \
    X(ENUM, S, state, account_state, 0)                                                            \
    X(TIME, S, registered_s, 0, TIME_MAX_S)                                                        \
    X(KEY, S, sign_key, 0, 0)                                                                      \
    X(KEY, S, channel_key, 0, 0)                                                                   \
    X(U64, S, index, 0, UINT64_MAX)
MESSAGE_STRUCT(account_info, ROW_ACCOUNT_FIELDS);

#define ROW_SKU_FIELDS(X, S)                                                                       \
    X(NUMBER, S, sku, 1, SERIAL_MAX)                                                               \
    X(ENUM, S, state, sku_state, 0)                                                                \
    SKU_ADD_FIELDS(X, S)                                                                           \
    X(U64, S, index, 0, UINT64_MAX)
MESSAGE_STRUCT(sku_info, ROW_SKU_FIELDS);

/* `reliability_ppm`: delivered in parts per million of due GPU-minutes, over all settled periods
 * and failed leases; 1 000 000 before the first. */
#define ROW_SITE_FIELDS(X, S)                                                                      \
    X(NUMBER, S, site, 1, SERIAL_MAX)                                                              \
    X(ACCOUNT, S, operator, 1, UINT32_MAX)                                                         \
    SITE_ADD_FIELDS(X, S)                                                                          \
    X(U32, S, reliability_ppm, 0, 1000000)                                                         \
    X(U64, S, gpu_minutes_due, 0, UINT64_MAX)                                                      \
    X(U64, S, gpu_minutes_delivered, 0, UINT64_MAX)                                                \
    X(U64, S, leases_granted, 0, UINT64_MAX)                                                       \
    X(U64, S, leases_failed, 0, UINT64_MAX)                                                        \
    X(U64, S, leases_ended_by_operator, 0, UINT64_MAX)                                             \
    X(U64, S, index, 0, UINT64_MAX)
MESSAGE_STRUCT(site_info, ROW_SITE_FIELDS);

#define ROW_SERIES_FIELDS(X, S)                                                                    \
    X(SERIES, S, series, 1, UINT32_MAX)                                                            \
    SERIES_CREATE_FIELDS(X, S)                                                                     \
    X(BOOL, S, expired, 0, 1)                                                                      \
    X(U64, S, index, 0, UINT64_MAX)
MESSAGE_STRUCT(series_info, ROW_SERIES_FIELDS);

#define ROW_TOKEN_FIELDS(X, S)                                                                     \
    X(NUMBER, S, token, 1, SERIAL_MAX)                                                             \
    X(SERIES, S, series, 1, UINT32_MAX)                                                            \
    X(ACCOUNT, S, owner, 1, UINT32_MAX)                                                            \
    X(AMOUNT, S, amount_ucr, 0, UINT64_MAX)                                                        \
    X(U64, S, index, 0, UINT64_MAX)
MESSAGE_STRUCT(token_info, ROW_TOKEN_FIELDS);

#define ROW_GIFT_FIELDS(X, S)                                                                      \
    X(NUMBER, S, gift, 1, SERIAL_MAX)                                                              \
    X(ACCOUNT, S, giver, 1, UINT32_MAX)                                                            \
    X(SERIES, S, series, 1, UINT32_MAX)                                                            \
    X(AMOUNT, S, amount_ucr, 0, UINT64_MAX)                                                        \
    X(KEY, S, claim_key, 0, 0)                                                                     \
    X(U64, S, index, 0, UINT64_MAX)
MESSAGE_STRUCT(gift_info, ROW_GIFT_FIELDS);

/*
 * `free_gpus` is what is free over the rest of the offer's interval, at its least. `lease`: the one
 * that is on offer, 0 of an operator's own capacity. `until_s`: where a standing offer's end stops
 * (0: never). `place`: its age, the smaller the older. `asking`: resting orders are asked first.
 */
#define ROW_OFFER_FIELDS(X, S)                                                                     \
    X(NUMBER, S, offer, 1, SERIAL_MAX)                                                             \
    X(ACCOUNT, S, operator, 1, UINT32_MAX)                                                         \
    X(ENUM, S, state, offer_state, 0)                                                              \
    OFFER_PUBLISH_FIELDS(X, S)                                                                     \
    X(U32, S, free_gpus, 0, GPUS_MAX)                                                              \
    X(NUMBER, S, lease, 0, SERIAL_MAX)                                                             \
    X(TIME, S, until_s, 0, TIME_MAX_S)                                                             \
    X(U64, S, place, 0, UINT64_MAX)                                                                \
    X(BOOL, S, asking, 0, 1)                                                                       \
    X(U64, S, index, 0, UINT64_MAX)
MESSAGE_STRUCT(offer_info, ROW_OFFER_FIELDS);

/* `skus` and `place` (the age, the smaller the older) of resting orders alone; cost_ucr is what its
 * leases cost, escrow_ucr what the order itself still holds. */
#define ROW_ORDER_FIELDS(X, S)                                                                     \
    X(NUMBER, S, order, 1, SERIAL_MAX)                                                             \
    X(ACCOUNT, S, account, 1, UINT32_MAX)                                                          \
    X(ENUM, S, state, order_state, 0)                                                              \
    X(ENUM, S, end_reason, order_end_reason, 0)                                                    \
    X(ENUM, S, ended_by, party, 0)                                                                 \
    X(TIME, S, placed_s, 0, TIME_MAX_S)                                                            \
    X(TIME, S, rest_until_s, 0, TIME_MAX_S)                                                        \
    X(TIME, S, ended_s, 0, TIME_MAX_S)                                                             \
    X(NUMBER, S, rule, 0, SERIAL_MAX)                                                              \
    X(ENUM, S, placement, placement, 0)                                                            \
    X(LIST, S, skus, sku_limit, ORDER_SKUS_MAX)                                                    \
    X(ENUM, S, time_in_force, time_in_force, 0)                                                    \
    X(U32, S, gpus, 0, GPUS_MAX)                                                                   \
    X(U32, S, gpus_filled, 0, GPUS_MAX)                                                            \
    X(U32, S, gpus_min, 0, GPUS_MAX)                                                               \
    X(U32, S, block_gpus, 0, GPUS_MAX)                                                             \
    X(U32, S, duration_min, 0, DURATION_MAX_MIN)                                                   \
    X(AMOUNT, S, cost_ucr, 0, UINT64_MAX)                                                          \
    X(AMOUNT, S, escrow_ucr, 0, UINT64_MAX)                                                        \
    X(NUMBER, S, lease_first, 0, SERIAL_MAX)                                                       \
    X(U32, S, lease_count, 0, UINT32_MAX)                                                          \
    X(TIME, S, start_from_s, 0, TIME_MAX_S)                                                        \
    X(TIME, S, start_until_s, 0, TIME_MAX_S)                                                       \
    X(TIME, S, ends_s, 0, TIME_MAX_S)                                                              \
    CONSTRAINT_FIELDS(X, S)                                                                        \
    X(U64, S, place, 0, UINT64_MAX)                                                                \
    X(U64, S, index, 0, UINT64_MAX)
MESSAGE_STRUCT(order_info, ROW_ORDER_FIELDS);

/* `parent`: the lease that this one was sold out of; `resale_offer`: the open offer that it stands
 * in; `gpu_minutes_sold`: what was sold out of it. `elected`: taken under a backstop by its
 * guarantor, or sold out of one that was. `carbon_g_per_kwh`: of its site, as listed when the lease
 * was granted. */
#define ROW_LEASE_FIELDS(X, S)                                                                     \
    X(NUMBER, S, lease, 1, SERIAL_MAX)                                                             \
    X(NUMBER, S, order, 1, SERIAL_MAX)                                                             \
    X(NUMBER, S, offer, 1, SERIAL_MAX)                                                             \
    X(NUMBER, S, site, 1, SERIAL_MAX)                                                              \
    X(NUMBER, S, sku, 1, SERIAL_MAX)                                                               \
    X(ACCOUNT, S, holder, 1, UINT32_MAX)                                                           \
    X(ACCOUNT, S, operator, 1, UINT32_MAX)                                                         \
    X(ENUM, S, state, lease_state, 0)                                                              \
    X(ENUM, S, end_reason, lease_end_reason, 0)                                                    \
    X(ENUM, S, ended_by, party, 0)                                                                 \
    X(U32, S, gpus, 1, GPUS_MAX)                                                                   \
    X(TIME, S, start_s, 0, TIME_MAX_S)                                                             \
    X(TIME, S, end_s, 0, TIME_MAX_S)                                                               \
    X(TIME, S, activate_by_s, 0, TIME_MAX_S)                                                       \
    X(TIME, S, activated_s, 0, TIME_MAX_S)                                                         \
    X(PRICE, S, price_ucr, 0, PRICE_MAX_UCR)                                                       \
    X(U32, S, meter_period_min, 0, METER_PERIOD_MAX_MIN)                                           \
    X(U32, S, periods, 0, LEASE_PERIODS_MAX)                                                       \
    X(U32, S, periods_settled, 0, LEASE_PERIODS_MAX)                                               \
    X(AMOUNT, S, cost_ucr, 0, UINT64_MAX)                                                          \
    X(AMOUNT, S, escrow_ucr, 0, UINT64_MAX)                                                        \
    X(AMOUNT, S, paid_ucr, 0, UINT64_MAX)                                                          \
    X(AMOUNT, S, refunded_ucr, 0, UINT64_MAX)                                                      \
    X(U64, S, gpu_minutes_delivered, 0, UINT64_MAX)                                                \
    X(ENUM, S, billing, billing, 0)                                                                \
    X(U32, S, least_charge_ppm, 0, 1000000)                                                        \
    X(BOOL, S, elastic, 0, 1)                                                                      \
    X(TIME, S, paused_until_s, 0, TIME_MAX_S)                                                      \
    X(NUMBER, S, parent, 0, SERIAL_MAX)                                                            \
    X(NUMBER, S, resale_offer, 0, SERIAL_MAX)                                                      \
    X(U64, S, gpu_minutes_sold, 0, UINT64_MAX)                                                     \
    X(BOOL, S, preemptible, 0, 1)                                                                  \
    X(U32, S, notice_min, 0, NOTICE_MAX_MIN)                                                       \
    X(U32, S, gpus_unsold, 0, GPUS_MAX)                                                            \
    X(BOOL, S, elected, 0, 1)                                                                      \
    X(U32, S, carbon_g_per_kwh, 0, CARBON_G_MAX)                                                   \
    X(U64, S, index, 0, UINT64_MAX)
MESSAGE_STRUCT(lease_info, ROW_LEASE_FIELDS);

/* `deadline_s`: until when the next step is possible (metering, dispute), outages included.
 * `gpu_minutes_available`: what is due but for outages of the site, the most that can be metered.
 * `gpu_minutes_charged`: what counts of the report, so what a dispute must be below; of a period
 * that is settled what counted. */
#define ROW_PERIOD_FIELDS(X, S)                                                                    \
    X(NUMBER, S, lease, 1, SERIAL_MAX)                                                             \
    X(U32, S, period, 0, LEASE_PERIODS_MAX)                                                        \
    X(ENUM, S, state, period_state, 0)                                                             \
    X(TIME, S, start_s, 0, TIME_MAX_S)                                                             \
    X(TIME, S, end_s, 0, TIME_MAX_S)                                                               \
    X(TIME, S, deadline_s, 0, TIME_MAX_S)                                                          \
    X(U64, S, gpu_minutes_due, 0, UINT64_MAX)                                                      \
    X(U64, S, gpu_minutes_available, 0, UINT64_MAX)                                                \
    X(U64, S, gpu_minutes_metered, 0, UINT64_MAX)                                                  \
    X(U64, S, gpu_minutes_charged, 0, UINT64_MAX)                                                  \
    X(U64, S, gpu_minutes_claimed, 0, UINT64_MAX)                                                  \
    X(U64, S, gpu_minutes_settled, 0, UINT64_MAX)
MESSAGE_STRUCT(period_info, ROW_PERIOD_FIELDS);

#define ROW_BALANCE_FIELDS(X, S)                                                                   \
    X(ACCOUNT, S, account, 1, UINT32_MAX)                                                          \
    X(SERIES, S, series, 1, UINT32_MAX)                                                            \
    X(AMOUNT, S, tokens_ucr, 0, UINT64_MAX)                                                        \
    X(AMOUNT, S, gifts_ucr, 0, UINT64_MAX)                                                         \
    X(AMOUNT, S, escrow_ucr, 0, UINT64_MAX)                                                        \
    X(AMOUNT, S, balance_ucr, 0, UINT64_MAX)                                                       \
    X(AMOUNT, S, paid_out_ucr, 0, UINT64_MAX)                                                      \
    X(AMOUNT, S, burned_ucr, 0, UINT64_MAX)                                                        \
    X(AMOUNT, S, expired_ucr, 0, UINT64_MAX)
MESSAGE_STRUCT(balance_info, ROW_BALANCE_FIELDS);

#define ROW_SUPPLY_FIELDS(X, S)                                                                    \
    X(SERIES, S, series, 1, UINT32_MAX)                                                            \
    X(AMOUNT, S, minted_ucr, 0, UINT64_MAX)                                                        \
    X(AMOUNT, S, tokens_ucr, 0, UINT64_MAX)                                                        \
    X(AMOUNT, S, gifts_ucr, 0, UINT64_MAX)                                                         \
    X(AMOUNT, S, escrow_ucr, 0, UINT64_MAX)                                                        \
    X(AMOUNT, S, balance_ucr, 0, UINT64_MAX)                                                       \
    X(AMOUNT, S, paid_out_ucr, 0, UINT64_MAX)                                                      \
    X(AMOUNT, S, burned_ucr, 0, UINT64_MAX)                                                        \
    X(AMOUNT, S, expired_ucr, 0, UINT64_MAX)
MESSAGE_STRUCT(supply_info, ROW_SUPPLY_FIELDS);

/*
 * How many live offers fell out at a dimension; each offer counts at the first it fails. The
 * nearest miss: what the order would get if this dimension alone did not bind it (gpus 0: nothing
 * even so): so many GPUs at this site, from start_s on, the dearest part at price_ucr. Of the
 * dimension time start_s is the first time it would fit, of size gpus is what it could get, of
 * price price_ucr is the limit that would fill it now, of length duration_min is the nearest length
 * that can be had, of billing for how many minutes an elastic order must pay ahead, if that is all
 * (0 of all others). Of size block_gpus are the blocks in which these GPUs are sold, when that is
 * what stands in the way, and leases how many leases they are (0 of all others). any_price: only
 * with no limit prices either, which the dearest part then is above.
 */
#define FUNNEL_ROW_FIELDS(X, S)                                                                    \
    X(ENUM, S, dimension, funnel, 0)                                                               \
    X(U64, S, offers, 0, UINT64_MAX)                                                               \
    X(U32, S, gpus, 0, GPUS_MAX)                                                                   \
    X(TIME, S, start_s, 0, TIME_MAX_S)                                                             \
    X(PRICE, S, price_ucr, 0, PRICE_MAX_UCR)                                                       \
    X(NUMBER, S, site, 0, SERIAL_MAX)                                                              \
    X(NUMBER, S, sku, 0, SERIAL_MAX)                                                               \
    X(U32, S, duration_min, 0, DURATION_MAX_MIN)                                                   \
    X(U32, S, block_gpus, 0, GPUS_MAX)                                                             \
    X(U32, S, leases, 0, ORDER_LEASES_MAX)                                                         \
    X(BOOL, S, any_price, 0, 1)
MESSAGE_STRUCT(funnel_row, FUNNEL_ROW_FIELDS);

/* `scopes`, `daily_ucr` (0: no limit), `expires_s` (0: never) as the key was added with. */
#define ROW_KEY_FIELDS(X, S)                                                                       \
    X(KEY, S, sign_key, 0, 0)                                                                      \
    X(KEY, S, channel_key, 0, 0)                                                                   \
    X(TEXT, S, label, 0, NAME_MAX_BYTES)                                                           \
    X(FLAGS, S, scopes, scope, 0)                                                                  \
    X(AMOUNT, S, daily_ucr, 0, UINT64_MAX)                                                         \
    X(AMOUNT, S, spent_today_ucr, 0, UINT64_MAX)                                                   \
    X(TIME, S, expires_s, 0, TIME_MAX_S)                                                           \
    X(U64, S, index, 0, UINT64_MAX)
MESSAGE_STRUCT(key_info, ROW_KEY_FIELDS);

#define ROW_CLOSURE_FIELDS(X, S)                                                                   \
    X(NUMBER, S, closure, 1, SERIAL_MAX)                                                           \
    SITE_CLOSE_FIELDS(X, S)                                                                        \
    X(BOOL, S, over, 0, 1)                                                                         \
    X(U64, S, index, 0, UINT64_MAX)
MESSAGE_STRUCT(closure_info, ROW_CLOSURE_FIELDS);

/* `held_gpus`: GPUs of these SKUs that the account has now. `runway_min`: how long budget and
 * leases of the rule last. `last_refusal`: why it did not buy at its last step; 0: it bought, or
 * nothing was missing. */
#define ROW_RULE_FIELDS(X, S)                                                                      \
    X(NUMBER, S, rule, 1, SERIAL_MAX)                                                              \
    X(ACCOUNT, S, account, 1, UINT32_MAX)                                                          \
    X(ENUM, S, state, rule_state, 0)                                                               \
    X(LIST, S, skus, sku_limit, ORDER_SKUS_MAX)                                                    \
    X(U32, S, gpus, 0, GPUS_MAX)                                                                   \
    X(U32, S, horizon_min, 1, DURATION_MAX_MIN)                                                    \
    X(BOOL, S, resell, 0, 1)                                                                       \
    X(PRICE, S, sell_price_ucr, 0, PRICE_MAX_UCR)                                                  \
    CONSTRAINT_FIELDS(X, S)                                                                        \
    X(AMOUNT, S, budget_ucr, 0, UINT64_MAX)                                                        \
    X(AMOUNT, S, spent_ucr, 0, UINT64_MAX)                                                         \
    X(U32, S, held_gpus, 0, UINT32_MAX)                                                            \
    X(U32, S, runway_warn_min, 0, DURATION_MAX_MIN)                                                \
    X(U64, S, runway_min, 0, UINT64_MAX)                                                           \
    X(REFUSAL, S, last_refusal, 0, UINT16_MAX)                                                     \
    X(U64, S, index, 0, UINT64_MAX)
MESSAGE_STRUCT(rule_info, ROW_RULE_FIELDS);

/* One price of one side: `gpus` free over the whole window asked for at this price (sell), or that
 * resting orders want at most at it (buy), and how many offers or orders that is. */
#define ROW_DEPTH_FIELDS(X, S)                                                                     \
    X(ENUM, S, side, side, 0)                                                                      \
    X(PRICE, S, price_ucr, 0, PRICE_MAX_UCR)                                                       \
    X(U64, S, gpus, 0, UINT64_MAX)                                                                 \
    X(U32, S, count, 0, UINT32_MAX)
MESSAGE_STRUCT(depth_level, ROW_DEPTH_FIELDS);

#define ROW_TRADE_FIELDS(X, S)                                                                     \
    X(TIME, S, time_s, 0, TIME_MAX_S)                                                              \
    TRADE_FIELDS(X, S)
MESSAGE_STRUCT(trade_info, ROW_TRADE_FIELDS);

/* gpus 0: it cannot be had then. */
#define ROW_START_FIELDS(X, S)                                                                     \
    X(TIME, S, start_s, 0, TIME_MAX_S)                                                             \
    X(U32, S, gpus, 0, GPUS_MAX)                                                                   \
    X(AMOUNT, S, cost_ucr, 0, UINT64_MAX)                                                          \
    X(PRICE, S, price_ucr, 0, PRICE_MAX_UCR)
MESSAGE_STRUCT(start_price, ROW_START_FIELDS);

/* GPU-minutes that offers and leases of the site held over one step of time, and those leased. */
#define ROW_UTILISATION_FIELDS(X, S)                                                               \
    X(NUMBER, S, site, 1, SERIAL_MAX)                                                              \
    X(NUMBER, S, sku, 1, SERIAL_MAX)                                                               \
    X(TIME, S, start_s, 0, TIME_MAX_S)                                                             \
    X(TIME, S, end_s, 0, TIME_MAX_S)                                                               \
    X(U64, S, gpu_minutes_offered, 0, UINT64_MAX)                                                  \
    X(U64, S, gpu_minutes_leased, 0, UINT64_MAX)
MESSAGE_STRUCT(utilisation_row, ROW_UTILISATION_FIELDS);

#define HASH_ROW_FIELDS(X, S) X(HASH, S, hash, 0, 0)
MESSAGE_STRUCT(hash_row, HASH_ROW_FIELDS);

#endif
