/*
 * Queries and their answers. A query is not signed; it is answered from the state as of a group,
 * with what the asking account may see. Lists come in pages: `from` is where to begin (0: at the
 * start), the answer's `next` where to go on (0: there is no more), `limit` 0 the largest page.
 * A list query whose number is above 0 shows that one alone.
 */
#ifndef BOURSE_PROTOCOL_QUERIES_H
#define BOURSE_PROTOCOL_QUERIES_H

#include "protocol/answer_rows.h"
#include "protocol/contract_queries.h"
#include "protocol/events.h"
#include "protocol/limits.h"
#include "protocol/message.h"
#include "protocol/operations.h"
#include "protocol/query_parts.h"
#include "protocol/report_queries.h"

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

/* Why an active rule does not buy what is missing: the answer is that of quote with `why`. */
#define Q_RULE_WHY_FIELDS(X, S) X(NUMBER, S, rule, 1, SERIAL_MAX)
MESSAGE_STRUCT(q_rule_why, Q_RULE_WHY_FIELDS);

/* Anonymous depth of a SKU over the window [start_s, end_s) (0: now; 0: an hour on), in a region
 * ("": everywhere), of one kind of capacity: reserved, or `metered`; firm, or `preemptible`. Orders
 * stand in the depth of each kind that they take. `duration_min`: only offers of which a lease of
 * that length can be had around the window (0: of any length). Both sides come best price first. */
#define Q_DEPTH_FIELDS(X, S)                                                                       \
    X(NUMBER, S, sku, 1, SERIAL_MAX)                                                               \
    X(TEXT, S, region, 0, PLACE_MAX_BYTES)                                                         \
    X(TIME, S, start_s, 0, TIME_MAX_S)                                                             \
    X(TIME, S, end_s, 0, TIME_MAX_S)                                                               \
    X(U32, S, limit, 0, PAGE_ROWS_MAX)                                                             \
    X(BOOL, S, preemptible, 0, 1)                                                                  \
    X(BOOL, S, metered, 0, 1)                                                                      \
    X(U32, S, duration_min, 0, DURATION_MAX_MIN)
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
    Y(26, utilisation, Q_UTILISATION_FIELDS)                                                       \
    Y(27, rule_why, Q_RULE_WHY_FIELDS)                                                             \
    CONTRACT_QUERY_LIST(Y)                                                                         \
    REPORT_QUERY_LIST(Y)

/* --- Answers --- */

/* `you`: the account that asks; 0 for a stranger. `clock_waits`: the clock jumped forward to
 * `clock_s`, and an admin must confirm it. `keys`: the further key that asks, if one does; one that
 * has expired is there, too, and speaks for nobody. */
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
    X(U32, S, dispute_window_s, 0, UINT32_MAX)                                                     \
    X(LIST, S, keys, key_info, 1)
MESSAGE_STRUCT(a_status, A_STATUS_FIELDS);

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
 * in part. `cut`: there was more to look at than one answer may, and both, the counts of the funnel
 * and its misses are of the part looked at. */
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
    X(LIST, S, funnel, funnel_row, 16)                                                             \
    X(BOOL, S, cut, 0, 1)
MESSAGE_STRUCT(a_quote, A_QUOTE_FIELDS);
MESSAGE_STRUCT(a_order_why, A_QUOTE_FIELDS);

/* What it is about is how many GPUs the rule misses, and over which time it would buy them; 0:
 * none. */
#define A_RULE_WHY_FIELDS(X, S)                                                                    \
    A_QUOTE_FIELDS(X, S)                                                                           \
    X(U32, S, missing_gpus, 0, GPUS_MAX)                                                           \
    X(TIME, S, start_s, 0, TIME_MAX_S)                                                             \
    X(TIME, S, end_s, 0, TIME_MAX_S)
MESSAGE_STRUCT(a_rule_why, A_RULE_WHY_FIELDS);

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
    Y(26, utilisation, A_UTILISATION_FIELDS)                                                       \
    Y(27, rule_why, A_RULE_WHY_FIELDS)                                                             \
    CONTRACT_ANSWER_LIST(Y)                                                                        \
    REPORT_ANSWER_LIST(Y)

enum query_code {
#define QUERY_CODE(code, name, fields) QUERY_##name = code,
    QUERY_LIST(QUERY_CODE)
#undef QUERY_CODE
};

extern const struct message_set query_set;
extern const struct message_set answer_set;

#endif
