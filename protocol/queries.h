/*
 * Queries and their answers. A query is not signed; it is answered from the state as of a group,
 * with what the asking account may see. Lists come in pages: `from` is where to begin (0: at the
 * start), the answer's `next` where to go on (0: there is no more), `limit` 0 the largest page.
 * A list query whose number is above 0 shows that one alone.
 */
#ifndef BOURSE_PROTOCOL_QUERIES_H
#define BOURSE_PROTOCOL_QUERIES_H

#include "protocol/events.h"
#include "protocol/limits.h"
#include "protocol/message.h"
#include "protocol/operations.h"

#define PAGE_FIELDS(X, S)                                                                          \
    X(U64, S, from, 0, UINT64_MAX)                                                                 \
    X(U32, S, limit, 0, PAGE_ROWS_MAX)

/* --- Rows of answers --- */

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
    X(ENUM, S, profile, profile, 0)                                                                \
    X(U32, S, gpus, 0, GPUS_MAX)                                                                   \
    X(U32, S, gpus_filled, 0, GPUS_MAX)                                                            \
    X(U32, S, duration_min, 0, DURATION_MAX_MIN)                                                   \
    X(AMOUNT, S, cost_ucr, 0, UINT64_MAX)                                                          \
    X(AMOUNT, S, escrow_ucr, 0, UINT64_MAX)                                                        \
    X(NUMBER, S, lease_first, 0, SERIAL_MAX)                                                       \
    X(U32, S, lease_count, 0, UINT32_MAX)                                                          \
    X(U64, S, place, 0, UINT64_MAX)                                                                \
    X(U64, S, index, 0, UINT64_MAX)
MESSAGE_STRUCT(order_info, ROW_ORDER_FIELDS);

/* `parent`: the lease that this one was sold out of; `resale_offer`: the open offer that it stands
 * in; `gpu_minutes_sold`: what was sold out of it. */
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
    X(U64, S, index, 0, UINT64_MAX)
MESSAGE_STRUCT(lease_info, ROW_LEASE_FIELDS);

/* `deadline_s`: until when the next step is possible (metering, dispute), outages included. */
#define ROW_PERIOD_FIELDS(X, S)                                                                    \
    X(NUMBER, S, lease, 1, SERIAL_MAX)                                                             \
    X(U32, S, period, 0, LEASE_PERIODS_MAX)                                                        \
    X(ENUM, S, state, period_state, 0)                                                             \
    X(TIME, S, start_s, 0, TIME_MAX_S)                                                             \
    X(TIME, S, end_s, 0, TIME_MAX_S)                                                               \
    X(TIME, S, deadline_s, 0, TIME_MAX_S)                                                          \
    X(U64, S, gpu_minutes_due, 0, UINT64_MAX)                                                      \
    X(U64, S, gpu_minutes_metered, 0, UINT64_MAX)                                                  \
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
 * price price_ucr is the limit that would fill it now.
 */
#define FUNNEL_ROW_FIELDS(X, S)                                                                    \
    X(ENUM, S, dimension, funnel, 0)                                                               \
    X(U64, S, offers, 0, UINT64_MAX)                                                               \
    X(U32, S, gpus, 0, GPUS_MAX)                                                                   \
    X(TIME, S, start_s, 0, TIME_MAX_S)                                                             \
    X(PRICE, S, price_ucr, 0, PRICE_MAX_UCR)                                                       \
    X(NUMBER, S, site, 0, SERIAL_MAX)                                                              \
    X(NUMBER, S, sku, 0, SERIAL_MAX)
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
 * leases of the rule last. */
#define ROW_RULE_FIELDS(X, S)                                                                      \
    X(NUMBER, S, rule, 1, SERIAL_MAX)                                                              \
    X(ACCOUNT, S, account, 1, UINT32_MAX)                                                          \
    X(ENUM, S, state, rule_state, 0)                                                               \
    X(LIST, S, skus, sku_limit, ORDER_SKUS_MAX)                                                    \
    X(U32, S, gpus, 0, GPUS_MAX)                                                                   \
    X(U32, S, horizon_min, 1, DURATION_MAX_MIN)                                                    \
    X(BOOL, S, resell, 0, 1)                                                                       \
    X(PRICE, S, sell_price_ucr, 0, PRICE_MAX_UCR)                                                  \
    X(ENUM, S, profile, profile, 0)                                                                \
    X(AMOUNT, S, budget_ucr, 0, UINT64_MAX)                                                        \
    X(AMOUNT, S, spent_ucr, 0, UINT64_MAX)                                                         \
    X(U32, S, held_gpus, 0, UINT32_MAX)                                                            \
    X(U32, S, runway_warn_min, 0, DURATION_MAX_MIN)                                                \
    X(U64, S, runway_min, 0, UINT64_MAX)                                                           \
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

/* --- Queries --- */

/* `client` says what program asks, for the server's log. */
#define Q_STATUS_FIELDS(X, S) X(TEXT, S, client, 0, NAME_MAX_BYTES)
MESSAGE_STRUCT(q_status, Q_STATUS_FIELDS);

#define Q_ACCOUNTS_FIELDS(X, S)                                                                    \
    X(ACCOUNT, S, account, 0, UINT32_MAX)                                                          \
    X(TEXT, S, name, 0, NAME_MAX_BYTES)                                                            \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_accounts, Q_ACCOUNTS_FIELDS);

#define Q_SKUS_FIELDS(X, S)                                                                        \
    X(NUMBER, S, sku, 0, SERIAL_MAX)                                                               \
    X(TEXT, S, name, 0, NAME_MAX_BYTES)                                                            \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_skus, Q_SKUS_FIELDS);

#define Q_SITES_FIELDS(X, S)                                                                       \
    X(NUMBER, S, site, 0, SERIAL_MAX)                                                              \
    X(TEXT, S, name, 0, NAME_MAX_BYTES)                                                            \
    X(ACCOUNT, S, operator, 0, UINT32_MAX)                                                         \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_sites, Q_SITES_FIELDS);

#define Q_SERIES_FIELDS(X, S)                                                                      \
    X(SERIES, S, series, 0, UINT32_MAX)                                                            \
    X(TEXT, S, name, 0, NAME_MAX_BYTES)                                                            \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_series, Q_SERIES_FIELDS);

/* `account` 0: one's own; of others only for admins and auditors. */
#define Q_TOKENS_FIELDS(X, S)                                                                      \
    X(NUMBER, S, token, 0, SERIAL_MAX)                                                             \
    X(ACCOUNT, S, account, 0, UINT32_MAX)                                                          \
    X(SERIES, S, series, 0, UINT32_MAX)                                                            \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_tokens, Q_TOKENS_FIELDS);

#define Q_GIFTS_FIELDS(X, S)                                                                       \
    X(NUMBER, S, gift, 0, SERIAL_MAX)                                                              \
    X(ACCOUNT, S, account, 0, UINT32_MAX)                                                          \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_gifts, Q_GIFTS_FIELDS);

#define Q_OFFERS_FIELDS(X, S)                                                                      \
    X(NUMBER, S, offer, 0, SERIAL_MAX)                                                             \
    X(ACCOUNT, S, operator, 0, UINT32_MAX)                                                         \
    X(NUMBER, S, site, 0, SERIAL_MAX)                                                              \
    X(NUMBER, S, sku, 0, SERIAL_MAX)                                                               \
    X(BOOL, S, open_only, 0, 1)                                                                    \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_offers, Q_OFFERS_FIELDS);

#define Q_ORDERS_FIELDS(X, S)                                                                      \
    X(NUMBER, S, order, 0, SERIAL_MAX)                                                             \
    X(ACCOUNT, S, account, 0, UINT32_MAX)                                                          \
    X(BOOL, S, resting_only, 0, 1)                                                                 \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_orders, Q_ORDERS_FIELDS);

/* `account` is holder or operator. `live_only`: neither settled nor failed. */
#define Q_LEASES_FIELDS(X, S)                                                                      \
    X(NUMBER, S, lease, 0, SERIAL_MAX)                                                             \
    X(NUMBER, S, order, 0, SERIAL_MAX)                                                             \
    X(ACCOUNT, S, account, 0, UINT32_MAX)                                                          \
    X(BOOL, S, live_only, 0, 1)                                                                    \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_leases, Q_LEASES_FIELDS);

#define Q_PERIODS_FIELDS(X, S)                                                                     \
    X(NUMBER, S, lease, 1, SERIAL_MAX)                                                             \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_periods, Q_PERIODS_FIELDS);

#define Q_ACCESS_FIELDS(X, S) X(NUMBER, S, lease, 1, SERIAL_MAX)
MESSAGE_STRUCT(q_access, Q_ACCESS_FIELDS);

/* `account` 0: one's own. `from` is a series. */
#define Q_BALANCES_FIELDS(X, S)                                                                    \
    X(ACCOUNT, S, account, 0, UINT32_MAX)                                                          \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_balances, Q_BALANCES_FIELDS);

#define Q_SUPPLY_FIELDS(X, S)                                                                      \
    X(SERIES, S, series, 0, UINT32_MAX)                                                            \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_supply, Q_SUPPLY_FIELDS);

/* The fields are those of an order; tokens may be left out. */
#define Q_QUOTE_FIELDS(X, S)                                                                       \
    ORDER_PLACE_FIELDS(X, S)                                                                       \
    X(BOOL, S, why, 0, 1)
MESSAGE_STRUCT(q_quote, Q_QUOTE_FIELDS);

/* Why a resting order is not filled: the answer is that of quote with `why`. */
#define Q_ORDER_WHY_FIELDS(X, S) X(NUMBER, S, order, 1, SERIAL_MAX)
MESSAGE_STRUCT(q_order_why, Q_ORDER_WHY_FIELDS);

/* The further keys of an account; 0: one's own. */
#define Q_KEYS_FIELDS(X, S)                                                                        \
    X(ACCOUNT, S, account, 0, UINT32_MAX)                                                          \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_keys, Q_KEYS_FIELDS);

#define Q_CLOSURES_FIELDS(X, S)                                                                    \
    X(NUMBER, S, closure, 0, SERIAL_MAX)                                                           \
    X(NUMBER, S, site, 0, SERIAL_MAX)                                                              \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_closures, Q_CLOSURES_FIELDS);

#define Q_RULES_FIELDS(X, S)                                                                       \
    X(NUMBER, S, rule, 0, SERIAL_MAX)                                                              \
    X(ACCOUNT, S, account, 0, UINT32_MAX)                                                          \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_rules, Q_RULES_FIELDS);

/* Anonymous depth of a SKU over the window [start_s, end_s) (0: now; 0: an hour on), in a region
 * ("": everywhere), of offers for leases of any length. Both sides come best price first. */
#define Q_DEPTH_FIELDS(X, S)                                                                       \
    X(NUMBER, S, sku, 1, SERIAL_MAX)                                                               \
    X(TEXT, S, region, 0, PLACE_MAX_BYTES)                                                         \
    X(TIME, S, start_s, 0, TIME_MAX_S)                                                             \
    X(TIME, S, end_s, 0, TIME_MAX_S)                                                               \
    X(U32, S, limit, 0, PAGE_ROWS_MAX)
MESSAGE_STRUCT(q_depth, Q_DEPTH_FIELDS);

/* The last trades, the latest first; `from`: before this trade (0: the latest). */
#define Q_TRADES_FIELDS(X, S)                                                                      \
    X(NUMBER, S, sku, 0, SERIAL_MAX)                                                               \
    X(TEXT, S, region, 0, PLACE_MAX_BYTES)                                                         \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_trades, Q_TRADES_FIELDS);

/* Points of the index from an hour on (`from`, in seconds). */
#define Q_INDEX_FIELDS(X, S)                                                                       \
    X(NUMBER, S, sku, 1, SERIAL_MAX)                                                               \
    X(ENUM, S, kind, trade_kind, 0)                                                                \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_index, Q_INDEX_FIELDS);

/* The best price of an order by its start: at start_from_s and every `step_min` after it, `count`
 * times. The window and the tokens of the order are not looked at. */
#define Q_STARTS_FIELDS(X, S)                                                                      \
    ORDER_PLACE_FIELDS(X, S)                                                                       \
    X(U32, S, step_min, 1, DURATION_MAX_MIN)                                                       \
    X(U32, S, count, 1, STARTS_MAX)
MESSAGE_STRUCT(q_starts, Q_STARTS_FIELDS);

/* `site` and `sku` 0: all. Steps of step_min (0: one step) over [start_s, end_s). */
#define Q_UTILISATION_FIELDS(X, S)                                                                 \
    X(NUMBER, S, site, 0, SERIAL_MAX)                                                              \
    X(NUMBER, S, sku, 0, SERIAL_MAX)                                                               \
    X(TIME, S, start_s, 0, TIME_MAX_S)                                                             \
    X(TIME, S, end_s, 0, TIME_MAX_S)                                                               \
    X(U32, S, step_min, 0, DURATION_MAX_MIN)                                                       \
    PAGE_FIELDS(X, S)
MESSAGE_STRUCT(q_utilisation, Q_UTILISATION_FIELDS);

#define Q_RECEIPT_FIELDS(X, S) X(U64, S, index, 0, UINT64_MAX)
MESSAGE_STRUCT(q_receipt, Q_RECEIPT_FIELDS);

/* The present checkpoint and a proof that it continues the log of `old_size` leaves. */
#define Q_CHECKPOINT_FIELDS(X, S) X(U64, S, old_size, 0, UINT64_MAX)
MESSAGE_STRUCT(q_checkpoint, Q_CHECKPOINT_FIELDS);

/* Y(code, name, query's fields); answers have the codes of their queries. */
#define QUERY_LIST(Y)                                                                              \
    Y(1, status, Q_STATUS_FIELDS)                                                                  \
    Y(2, accounts, Q_ACCOUNTS_FIELDS)                                                              \
    Y(3, skus, Q_SKUS_FIELDS)                                                                      \
    Y(4, sites, Q_SITES_FIELDS)                                                                    \
    Y(5, series, Q_SERIES_FIELDS)                                                                  \
    Y(6, tokens, Q_TOKENS_FIELDS)                                                                  \
    Y(7, gifts, Q_GIFTS_FIELDS)                                                                    \
    Y(8, offers, Q_OFFERS_FIELDS)                                                                  \
    Y(9, orders, Q_ORDERS_FIELDS)                                                                  \
    Y(10, leases, Q_LEASES_FIELDS)                                                                 \
    Y(11, periods, Q_PERIODS_FIELDS)                                                               \
    Y(12, access, Q_ACCESS_FIELDS)                                                                 \
    Y(13, balances, Q_BALANCES_FIELDS)                                                             \
    Y(14, supply, Q_SUPPLY_FIELDS)                                                                 \
    Y(15, quote, Q_QUOTE_FIELDS)                                                                   \
    Y(16, receipt, Q_RECEIPT_FIELDS)                                                               \
    Y(17, checkpoint, Q_CHECKPOINT_FIELDS)                                                         \
    Y(18, order_why, Q_ORDER_WHY_FIELDS)                                                           \
    Y(19, keys, Q_KEYS_FIELDS)                                                                     \
    Y(20, closures, Q_CLOSURES_FIELDS)                                                             \
    Y(21, rules, Q_RULES_FIELDS)                                                                   \
    Y(22, depth, Q_DEPTH_FIELDS)                                                                   \
    Y(23, trades, Q_TRADES_FIELDS)                                                                 \
    Y(24, index, Q_INDEX_FIELDS)                                                                   \
    Y(25, starts, Q_STARTS_FIELDS)                                                                 \
    Y(26, utilisation, Q_UTILISATION_FIELDS)

/* --- Answers --- */

/* `you`: the account that asks; 0 for a stranger. `clock_waits`: the clock jumped forward to
 * `clock_s`, and an admin must confirm it. */
#define A_STATUS_FIELDS(X, S)                                                                      \
    X(HASH, S, exchange_id, 0, 0)                                                                  \
    X(TEXT, S, origin, 1, ORIGIN_MAX_BYTES)                                                        \
    X(KEY, S, root_key, 0, 0)                                                                      \
    X(TEXT, S, version, 0, NAME_MAX_BYTES)                                                         \
    X(TIME, S, time_s, 0, TIME_MAX_S)                                                              \
    X(ENUM, S, clock_mode, clock_mode, 0)                                                          \
    X(BOOL, S, clock_waits, 0, 1)                                                                  \
    X(TIME, S, clock_s, 0, TIME_MAX_S)                                                             \
    X(U64, S, group, 0, UINT64_MAX)                                                                \
    X(U64, S, log_size, 0, UINT64_MAX)                                                             \
    X(ACCOUNT, S, you, 0, UINT32_MAX)                                                              \
    X(TEXT, S, name, 0, NAME_MAX_BYTES)                                                            \
    X(U32, S, role, 0, UINT32_MAX)                                                                 \
    X(BYTES, S, log_certificate, 0, 1024)                                                          \
    X(BYTES, S, channel_certificate, 0, 1024)                                                      \
    X(U32, S, activation_grace_s, 0, UINT32_MAX)                                                   \
    X(U32, S, meter_grace_s, 0, UINT32_MAX)                                                        \
    X(U32, S, dispute_window_s, 0, UINT32_MAX)
MESSAGE_STRUCT(a_status, A_STATUS_FIELDS);

#define PAGE_OF(X, S, part)                                                                        \
    X(U64, S, next, 0, UINT64_MAX)                                                                 \
    X(LIST, S, rows, part, PAGE_ROWS_MAX)

#define A_ACCOUNTS_FIELDS(X, S) PAGE_OF(X, S, account_info)
MESSAGE_STRUCT(a_accounts, A_ACCOUNTS_FIELDS);
#define A_SKUS_FIELDS(X, S) PAGE_OF(X, S, sku_info)
MESSAGE_STRUCT(a_skus, A_SKUS_FIELDS);
#define A_SITES_FIELDS(X, S) PAGE_OF(X, S, site_info)
MESSAGE_STRUCT(a_sites, A_SITES_FIELDS);
#define A_SERIES_FIELDS(X, S) PAGE_OF(X, S, series_info)
MESSAGE_STRUCT(a_series, A_SERIES_FIELDS);
#define A_TOKENS_FIELDS(X, S) PAGE_OF(X, S, token_info)
MESSAGE_STRUCT(a_tokens, A_TOKENS_FIELDS);
#define A_GIFTS_FIELDS(X, S) PAGE_OF(X, S, gift_info)
MESSAGE_STRUCT(a_gifts, A_GIFTS_FIELDS);
#define A_OFFERS_FIELDS(X, S) PAGE_OF(X, S, offer_info)
MESSAGE_STRUCT(a_offers, A_OFFERS_FIELDS);
#define A_ORDERS_FIELDS(X, S) PAGE_OF(X, S, order_info)
MESSAGE_STRUCT(a_orders, A_ORDERS_FIELDS);
#define A_LEASES_FIELDS(X, S) PAGE_OF(X, S, lease_info)
MESSAGE_STRUCT(a_leases, A_LEASES_FIELDS);
#define A_PERIODS_FIELDS(X, S) PAGE_OF(X, S, period_info)
MESSAGE_STRUCT(a_periods, A_PERIODS_FIELDS);
#define A_BALANCES_FIELDS(X, S) PAGE_OF(X, S, balance_info)
MESSAGE_STRUCT(a_balances, A_BALANCES_FIELDS);
#define A_SUPPLY_FIELDS(X, S) PAGE_OF(X, S, supply_info)
MESSAGE_STRUCT(a_supply, A_SUPPLY_FIELDS);

/* Sealed to the channel key that the holder had when the lease was activated. */
#define A_ACCESS_FIELDS(X, S)                                                                      \
    X(NUMBER, S, lease, 1, SERIAL_MAX)                                                             \
    X(BYTES, S, sealed, 0, ACCESS_SEALED_MAX)
MESSAGE_STRUCT(a_access, A_ACCESS_FIELDS);

/* What the order would do now. `refusal` 0: leases (their numbers are 0 or the next ones) and cost.
 * With `why`: the funnel; `offers` is how many are open in all, `matching` how many fit alone or
 * in part. */
#define QUOTED_FIELDS(X, S)                                                                        \
    X(NUMBER, S, offer, 1, SERIAL_MAX)                                                             \
    X(NUMBER, S, site, 1, SERIAL_MAX)                                                              \
    X(NUMBER, S, sku, 1, SERIAL_MAX)                                                               \
    X(ACCOUNT, S, operator, 1, UINT32_MAX)                                                         \
    X(U32, S, gpus, 1, GPUS_MAX)                                                                   \
    X(TIME, S, start_s, 1, TIME_MAX_S)                                                             \
    X(TIME, S, end_s, 1, TIME_MAX_S)                                                               \
    X(PRICE, S, price_ucr, 0, PRICE_MAX_UCR)                                                       \
    X(AMOUNT, S, cost_ucr, 0, UINT64_MAX)
MESSAGE_STRUCT(quoted_lease, QUOTED_FIELDS);

#define A_QUOTE_FIELDS(X, S)                                                                       \
    X(REFUSAL, S, refusal, 0, UINT16_MAX)                                                          \
    X(U32, S, gpus, 0, GPUS_MAX)                                                                   \
    X(AMOUNT, S, cost_ucr, 0, UINT64_MAX)                                                          \
    X(LIST, S, leases, quoted_lease, ORDER_LEASES_MAX)                                             \
    X(U64, S, offers, 0, UINT64_MAX)                                                               \
    X(U64, S, matching, 0, UINT64_MAX)                                                             \
    X(LIST, S, funnel, funnel_row, 16)
MESSAGE_STRUCT(a_quote, A_QUOTE_FIELDS);
MESSAGE_STRUCT(a_order_why, A_QUOTE_FIELDS);

#define A_KEYS_FIELDS(X, S) PAGE_OF(X, S, key_info)
MESSAGE_STRUCT(a_keys, A_KEYS_FIELDS);
#define A_CLOSURES_FIELDS(X, S) PAGE_OF(X, S, closure_info)
MESSAGE_STRUCT(a_closures, A_CLOSURES_FIELDS);
#define A_RULES_FIELDS(X, S) PAGE_OF(X, S, rule_info)
MESSAGE_STRUCT(a_rules, A_RULES_FIELDS);
#define A_DEPTH_FIELDS(X, S) PAGE_OF(X, S, depth_level)
MESSAGE_STRUCT(a_depth, A_DEPTH_FIELDS);
#define A_TRADES_FIELDS(X, S) PAGE_OF(X, S, trade_info)
MESSAGE_STRUCT(a_trades, A_TRADES_FIELDS);
#define A_INDEX_FIELDS(X, S) PAGE_OF(X, S, index_point)
MESSAGE_STRUCT(a_index, A_INDEX_FIELDS);
#define A_STARTS_FIELDS(X, S) PAGE_OF(X, S, start_price)
MESSAGE_STRUCT(a_starts, A_STARTS_FIELDS);
#define A_UTILISATION_FIELDS(X, S) PAGE_OF(X, S, utilisation_row)
MESSAGE_STRUCT(a_utilisation, A_UTILISATION_FIELDS);

#define A_RECEIPT_FIELDS(X, S) X(BYTES, S, receipt, 0, FRAME_BYTES_MAX)
MESSAGE_STRUCT(a_receipt, A_RECEIPT_FIELDS);

#define A_CHECKPOINT_FIELDS(X, S)                                                                  \
    X(BYTES, S, note, 0, 8192)                                                                     \
    X(LIST, S, proof, hash_row, 64)
MESSAGE_STRUCT(a_checkpoint, A_CHECKPOINT_FIELDS);

#define ANSWER_LIST(Y)                                                                             \
    Y(1, status, A_STATUS_FIELDS)                                                                  \
    Y(2, accounts, A_ACCOUNTS_FIELDS)                                                              \
    Y(3, skus, A_SKUS_FIELDS)                                                                      \
    Y(4, sites, A_SITES_FIELDS)                                                                    \
    Y(5, series, A_SERIES_FIELDS)                                                                  \
    Y(6, tokens, A_TOKENS_FIELDS)                                                                  \
    Y(7, gifts, A_GIFTS_FIELDS)                                                                    \
    Y(8, offers, A_OFFERS_FIELDS)                                                                  \
    Y(9, orders, A_ORDERS_FIELDS)                                                                  \
    Y(10, leases, A_LEASES_FIELDS)                                                                 \
    Y(11, periods, A_PERIODS_FIELDS)                                                               \
    Y(12, access, A_ACCESS_FIELDS)                                                                 \
    Y(13, balances, A_BALANCES_FIELDS)                                                             \
    Y(14, supply, A_SUPPLY_FIELDS)                                                                 \
    Y(15, quote, A_QUOTE_FIELDS)                                                                   \
    Y(16, receipt, A_RECEIPT_FIELDS)                                                               \
    Y(17, checkpoint, A_CHECKPOINT_FIELDS)                                                         \
    Y(18, order_why, A_QUOTE_FIELDS)                                                               \
    Y(19, keys, A_KEYS_FIELDS)                                                                     \
    Y(20, closures, A_CLOSURES_FIELDS)                                                             \
    Y(21, rules, A_RULES_FIELDS)                                                                   \
    Y(22, depth, A_DEPTH_FIELDS)                                                                   \
    Y(23, trades, A_TRADES_FIELDS)                                                                 \
    Y(24, index, A_INDEX_FIELDS)                                                                   \
    Y(25, starts, A_STARTS_FIELDS)                                                                 \
    Y(26, utilisation, A_UTILISATION_FIELDS)

enum query_code {
#define QUERY_CODE(code, name, fields) QUERY_##name = code,
    QUERY_LIST(QUERY_CODE)
#undef QUERY_CODE
};

extern const struct message_set query_set;
extern const struct message_set answer_set;

#endif
