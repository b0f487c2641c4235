/*
 * Events: what the log records, one leaf each. The leaf's data is a nonce of EVENT_NONCE_BYTES and
 * then [code, fields]. Every event begins with its time and the account that caused it (0: the
 * exchange itself, in a tick). ACCOUNT fields name the parties, who may see the event; events of
 * PUBLIC kinds everybody may see. Times are the group's.
 */
#ifndef BOURSE_PROTOCOL_EVENTS_H
#define BOURSE_PROTOCOL_EVENTS_H

#include "protocol/contract_events.h"
#include "protocol/event_parts.h"
#include "protocol/limits.h"
#include "protocol/message.h"
#include "protocol/operations.h"

/* --- The exchange itself --- */

#define EVENT_GENESIS_FIELDS(X, S)                                                                 \
    EVENT_HEAD(X, S)                                                                               \
    X(HASH, S, exchange_id, 0, 0)                                                                  \
    X(TEXT, S, origin, 1, ORIGIN_MAX_BYTES)                                                        \
    X(KEY, S, root_key, 0, 0)
MESSAGE_STRUCT(ev_genesis, EVENT_GENESIS_FIELDS);

/* The first event of a log that continues another exchange's books from a backup. */
#define EVENT_RESTORED_FIELDS(X, S)                                                                \
    EVENT_HEAD(X, S)                                                                               \
    X(HASH, S, exchange_id, 0, 0)                                                                  \
    X(TEXT, S, origin, 1, ORIGIN_MAX_BYTES)                                                        \
    X(HASH, S, former_exchange_id, 0, 0)                                                           \
    X(TEXT, S, former_origin, 1, ORIGIN_MAX_BYTES)                                                 \
    X(U64, S, former_size, 0, UINT64_MAX)                                                          \
    X(HASH, S, former_root, 0, 0)
MESSAGE_STRUCT(ev_restored, EVENT_RESTORED_FIELDS);

/* Written at every start. `outage_from_s` above 0: the exchange was down from then until now, and
 * the deadlines of its users that lie after it move by as much. */
#define EVENT_STARTED_FIELDS(X, S)                                                                 \
    EVENT_HEAD(X, S)                                                                               \
    X(ENUM, S, clock_mode, clock_mode, 0)                                                          \
    X(TIME, S, outage_from_s, 0, TIME_MAX_S)
MESSAGE_STRUCT(ev_started, EVENT_STARTED_FIELDS);

#define EVENT_CLOCK_ADVANCED_FIELDS(X, S)                                                          \
    EVENT_HEAD(X, S)                                                                               \
    X(TIME, S, to_s, 0, TIME_MAX_S)
MESSAGE_STRUCT(ev_clock_advanced, EVENT_CLOCK_ADVANCED_FIELDS);

/*
 * A signed request was worked off: the events of its accepted operations are the `accepted` leaves
 * from `first_index` on, in the order of the operations, leaving out those that the exchange itself
 * (by 0) logged between them as what followed; all other operations were refused as listed.
 * `body_hash` is the SHA-256 of the signed body.
 */
#define EVENT_REQUEST_FIELDS(X, S)                                                                 \
    EVENT_HEAD(X, S)                                                                               \
    X(ID, S, id, 0, 0)                                                                             \
    X(HASH, S, body_hash, 0, 0)                                                                    \
    X(U64, S, first_index, 0, UINT64_MAX)                                                          \
    X(U32, S, accepted, 0, BATCH_OPERATIONS_MAX)                                                   \
    X(LIST, S, refusals, refused, BATCH_OPERATIONS_MAX)
MESSAGE_STRUCT(ev_request, EVENT_REQUEST_FIELDS);

/* --- Accounts --- */

#define EVENT_ACCOUNT_REGISTERED_FIELDS(X, S)                                                      \
    EVENT_HEAD(X, S)                                                                               \
    X(ACCOUNT, S, account, 1, UINT32_MAX)                                                          \
    X(TEXT, S, name, 1, NAME_MAX_BYTES)                                                            \
    X(ENUM, S, role, role, 0)                                                                      \
    X(KEY, S, sign_key, 0, 0)                                                                      \
    X(KEY, S, channel_key, 0, 0)
MESSAGE_STRUCT(ev_account_registered, EVENT_ACCOUNT_REGISTERED_FIELDS);

#define EVENT_ACCOUNT_FROZEN_FIELDS(X, S)                                                          \
    EVENT_HEAD(X, S)                                                                               \
    X(ACCOUNT, S, account, 1, UINT32_MAX)                                                          \
    X(TEXT, S, reason, 0, REASON_MAX_BYTES)
MESSAGE_STRUCT(ev_account_frozen, EVENT_ACCOUNT_FROZEN_FIELDS);

#define EVENT_ACCOUNT_UNFROZEN_FIELDS(X, S)                                                        \
    EVENT_HEAD(X, S)                                                                               \
    X(ACCOUNT, S, account, 1, UINT32_MAX)
MESSAGE_STRUCT(ev_account_unfrozen, EVENT_ACCOUNT_UNFROZEN_FIELDS);

#define EVENT_ACCOUNT_REKEYED_FIELDS(X, S)                                                         \
    EVENT_HEAD(X, S)                                                                               \
    X(ACCOUNT, S, account, 1, UINT32_MAX)                                                          \
    X(KEY, S, sign_key, 0, 0)                                                                      \
    X(KEY, S, channel_key, 0, 0)
MESSAGE_STRUCT(ev_account_rekeyed, EVENT_ACCOUNT_REKEYED_FIELDS);

#define EVENT_ACCOUNT_KEY_ADDED_FIELDS(X, S)                                                       \
    EVENT_HEAD(X, S)                                                                               \
    X(ACCOUNT, S, account, 1, UINT32_MAX)                                                          \
    X(KEY, S, sign_key, 0, 0)                                                                      \
    X(KEY, S, channel_key, 0, 0)                                                                   \
    X(TEXT, S, label, 0, NAME_MAX_BYTES)                                                           \
    X(FLAGS, S, scopes, scope, 0)                                                                  \
    X(AMOUNT, S, daily_ucr, 0, UINT64_MAX)                                                         \
    X(TIME, S, expires_s, 0, TIME_MAX_S)
MESSAGE_STRUCT(ev_account_key_added, EVENT_ACCOUNT_KEY_ADDED_FIELDS);

#define EVENT_ACCOUNT_KEY_REMOVED_FIELDS(X, S)                                                     \
    EVENT_HEAD(X, S)                                                                               \
    X(ACCOUNT, S, account, 1, UINT32_MAX)                                                          \
    X(KEY, S, sign_key, 0, 0)
MESSAGE_STRUCT(ev_account_key_removed, EVENT_ACCOUNT_KEY_REMOVED_FIELDS);

/* --- Credits --- */

#define EVENT_SERIES_CREATED_FIELDS(X, S)                                                          \
    EVENT_HEAD(X, S)                                                                               \
    X(SERIES, S, series, 1, UINT32_MAX)                                                            \
    SERIES_CREATE_FIELDS(X, S)
MESSAGE_STRUCT(ev_series_created, EVENT_SERIES_CREATED_FIELDS);

#define EVENT_MINTED_FIELDS(X, S)                                                                  \
    EVENT_HEAD(X, S)                                                                               \
    X(SERIES, S, series, 1, UINT32_MAX)                                                            \
    X(NUMBER, S, token_first, 1, SERIAL_MAX)                                                       \
    X(LIST, S, outputs, payment, TRANSFER_OUTPUTS_MAX)
MESSAGE_STRUCT(ev_minted, EVENT_MINTED_FIELDS);

/* The outputs' serials are token_first, token_first + 1, ... */
#define EVENT_TOKEN_TRANSFERRED_FIELDS(X, S)                                                       \
    EVENT_HEAD(X, S)                                                                               \
    X(SERIES, S, series, 1, UINT32_MAX)                                                            \
    X(NUMBERS, S, inputs, 0, TRANSFER_INPUTS_MAX)                                                  \
    X(NUMBER, S, token_first, 1, SERIAL_MAX)                                                       \
    X(LIST, S, outputs, payment, TRANSFER_OUTPUTS_MAX)
MESSAGE_STRUCT(ev_token_transferred, EVENT_TOKEN_TRANSFERRED_FIELDS);

#define EVENT_TOKEN_BURNED_FIELDS(X, S)                                                            \
    EVENT_HEAD(X, S)                                                                               \
    X(SERIES, S, series, 1, UINT32_MAX)                                                            \
    X(NUMBERS, S, inputs, 0, TRANSFER_INPUTS_MAX)                                                  \
    X(AMOUNT, S, amount_ucr, 0, UINT64_MAX)
MESSAGE_STRUCT(ev_token_burned, EVENT_TOKEN_BURNED_FIELDS);

/* `change` 0: nothing came back. */
#define EVENT_TOKEN_GIVEN_FIELDS(X, S)                                                             \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, gift, 1, SERIAL_MAX)                                                              \
    X(SERIES, S, series, 1, UINT32_MAX)                                                            \
    X(NUMBERS, S, inputs, 0, TRANSFER_INPUTS_MAX)                                                  \
    X(AMOUNT, S, amount_ucr, 0, UINT64_MAX)                                                        \
    X(KEY, S, claim_key, 0, 0)                                                                     \
    X(NUMBER, S, change, 0, SERIAL_MAX)                                                            \
    X(AMOUNT, S, change_ucr, 0, UINT64_MAX)
MESSAGE_STRUCT(ev_token_given, EVENT_TOKEN_GIVEN_FIELDS);

/* `registered`: the account was made by this claim (name and keys follow), else they are empty. */
#define EVENT_GIFT_CLAIMED_FIELDS(X, S)                                                            \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, gift, 1, SERIAL_MAX)                                                              \
    X(ACCOUNT, S, giver, 1, UINT32_MAX)                                                            \
    X(ACCOUNT, S, account, 1, UINT32_MAX)                                                          \
    X(SERIES, S, series, 1, UINT32_MAX)                                                            \
    X(NUMBER, S, token, 1, SERIAL_MAX)                                                             \
    X(AMOUNT, S, amount_ucr, 0, UINT64_MAX)                                                        \
    X(BOOL, S, registered, 0, 1)                                                                   \
    X(TEXT, S, name, 0, NAME_MAX_BYTES)                                                            \
    X(KEY, S, sign_key, 0, 0)                                                                      \
    X(KEY, S, channel_key, 0, 0)
MESSAGE_STRUCT(ev_gift_claimed, EVENT_GIFT_CLAIMED_FIELDS);

#define EVENT_GIFT_REVOKED_FIELDS(X, S)                                                            \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, gift, 1, SERIAL_MAX)                                                              \
    X(SERIES, S, series, 1, UINT32_MAX)                                                            \
    X(NUMBER, S, token, 1, SERIAL_MAX)                                                             \
    X(AMOUNT, S, amount_ucr, 0, UINT64_MAX)
MESSAGE_STRUCT(ev_gift_revoked, EVENT_GIFT_REVOKED_FIELDS);

/* Tokens of one owner (or one gift of one giver) swept after their series expired. */
#define EVENT_EXPIRED_FIELDS(X, S)                                                                 \
    EVENT_HEAD(X, S)                                                                               \
    X(SERIES, S, series, 1, UINT32_MAX)                                                            \
    X(ACCOUNT, S, owner, 1, UINT32_MAX)                                                            \
    X(ACCOUNT, S, expired_to, 1, UINT32_MAX)                                                       \
    X(NUMBER, S, token, 0, SERIAL_MAX)                                                             \
    X(NUMBER, S, gift, 0, SERIAL_MAX)                                                              \
    X(AMOUNT, S, amount_ucr, 0, UINT64_MAX)
MESSAGE_STRUCT(ev_expired, EVENT_EXPIRED_FIELDS);

#define EVENT_PAID_OUT_FIELDS(X, S)                                                                \
    EVENT_HEAD(X, S)                                                                               \
    PAYOUT_FIELDS(X, S)
MESSAGE_STRUCT(ev_paid_out, EVENT_PAID_OUT_FIELDS);

/* --- Capacity --- */

#define EVENT_SKU_ADDED_FIELDS(X, S)                                                               \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, sku, 1, SERIAL_MAX)                                                               \
    SKU_ADD_FIELDS(X, S)
MESSAGE_STRUCT(ev_sku_added, EVENT_SKU_ADDED_FIELDS);

#define EVENT_SKU_CHANGED_FIELDS(X, S)                                                             \
    EVENT_HEAD(X, S)                                                                               \
    SKU_CHANGE_FIELDS(X, S)
MESSAGE_STRUCT(ev_sku_changed, EVENT_SKU_CHANGED_FIELDS);

#define EVENT_SITE_ADDED_FIELDS(X, S)                                                              \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, site, 1, SERIAL_MAX)                                                              \
    SITE_ADD_FIELDS(X, S)
MESSAGE_STRUCT(ev_site_added, EVENT_SITE_ADDED_FIELDS);

#define EVENT_OFFER_PUBLISHED_FIELDS(X, S)                                                         \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, offer, 1, SERIAL_MAX)                                                             \
    OFFER_PUBLISH_FIELDS(X, S)
MESSAGE_STRUCT(ev_offer_published, EVENT_OFFER_PUBLISHED_FIELDS);

#define EVENT_SITE_CHANGED_FIELDS(X, S)                                                            \
    EVENT_HEAD(X, S)                                                                               \
    SITE_CHANGE_FIELDS(X, S)
MESSAGE_STRUCT(ev_site_changed, EVENT_SITE_CHANGED_FIELDS);

#define EVENT_SITE_CLOSED_FIELDS(X, S)                                                             \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, closure, 1, SERIAL_MAX)                                                           \
    SITE_CLOSE_FIELDS(X, S)
MESSAGE_STRUCT(ev_site_closed, EVENT_SITE_CLOSED_FIELDS);

#define EVENT_SITE_REOPENED_FIELDS(X, S)                                                           \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, closure, 1, SERIAL_MAX)                                                           \
    X(NUMBER, S, site, 1, SERIAL_MAX)                                                              \
    X(TIME, S, end_s, 0, TIME_MAX_S)
MESSAGE_STRUCT(ev_site_reopened, EVENT_SITE_REOPENED_FIELDS);

#define EVENT_OFFER_AMENDED_FIELDS(X, S)                                                           \
    EVENT_HEAD(X, S)                                                                               \
    OFFER_AMEND_FIELDS(X, S)
MESSAGE_STRUCT(ev_offer_amended, EVENT_OFFER_AMENDED_FIELDS);

/* A standing offer's end has moved on. `stopped`: the site has not the power for more, and it will
 * move no further. */
#define EVENT_OFFER_RENEWED_FIELDS(X, S)                                                           \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, offer, 1, SERIAL_MAX)                                                             \
    X(ACCOUNT, S, operator, 1, UINT32_MAX)                                                         \
    X(TIME, S, end_s, 0, TIME_MAX_S)                                                               \
    X(BOOL, S, stopped, 0, 1)
MESSAGE_STRUCT(ev_offer_renewed, EVENT_OFFER_RENEWED_FIELDS);

/* A standing offer has ended by itself. */
#define EVENT_OFFER_ENDED_FIELDS(X, S)                                                             \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, offer, 1, SERIAL_MAX)                                                             \
    X(ACCOUNT, S, operator, 1, UINT32_MAX)                                                         \
    X(TIME, S, end_s, 0, TIME_MAX_S)                                                               \
    X(ENUM, S, reason, offer_end_reason, 0)
MESSAGE_STRUCT(ev_offer_ended, EVENT_OFFER_ENDED_FIELDS);

#define EVENT_OFFER_WITHDRAWN_FIELDS(X, S)                                                         \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, offer, 1, SERIAL_MAX)
MESSAGE_STRUCT(ev_offer_withdrawn, EVENT_OFFER_WITHDRAWN_FIELDS);

/* --- Redemption and leases --- */

#define EVENT_ORDER_PLACED_FIELDS(X, S)                                                            \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, order, 1, SERIAL_MAX)                                                             \
    ORDER_PLACE_FIELDS(X, S)                                                                       \
    X(ENUM, S, state, order_state, 0)                                                              \
    X(LIST, S, leases, lease_grant, ORDER_LEASES_MAX)                                              \
    X(LIST, S, escrow, share, ORDER_SERIES_MAX)                                                    \
    X(LIST, S, change, issued, ORDER_SERIES_MAX)
MESSAGE_STRUCT(ev_order_placed, EVENT_ORDER_PLACED_FIELDS);

/* `escrow` is what the order and its new leases hold together after it; as in the next ones. */
#define EVENT_ORDER_AMENDED_FIELDS(X, S)                                                           \
    EVENT_HEAD(X, S)                                                                               \
    ORDER_AMEND_FIELDS(X, S)                                                                       \
    X(ENUM, S, state, order_state, 0)                                                              \
    X(LIST, S, leases, lease_grant, ORDER_LEASES_MAX)                                              \
    X(LIST, S, escrow, share, ESCROW_ROWS_MAX)                                                     \
    X(LIST, S, change, issued, ESCROW_ROWS_MAX)
MESSAGE_STRUCT(ev_order_amended, EVENT_ORDER_AMENDED_FIELDS);

/* A resting order was filled, in all or in part; what it needs no more went back. */
#define EVENT_ORDER_FILLED_FIELDS(X, S)                                                            \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, order, 1, SERIAL_MAX)                                                             \
    X(ACCOUNT, S, account, 1, UINT32_MAX)                                                          \
    X(ENUM, S, state, order_state, 0)                                                              \
    X(LIST, S, leases, lease_grant, ORDER_LEASES_MAX)                                              \
    X(LIST, S, change, issued, ESCROW_ROWS_MAX)                                                    \
    X(LIST, S, expired, share, ESCROW_ROWS_MAX)
MESSAGE_STRUCT(ev_order_filled, EVENT_ORDER_FILLED_FIELDS);

#define EVENT_ORDER_ENDED_FIELDS(X, S)                                                             \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, order, 1, SERIAL_MAX)                                                             \
    X(ACCOUNT, S, account, 1, UINT32_MAX)                                                          \
    X(ENUM, S, state, order_state, 0)                                                              \
    X(ENUM, S, reason, order_end_reason, 0)                                                        \
    X(LIST, S, refunds, issued, ESCROW_ROWS_MAX)                                                   \
    X(LIST, S, expired, share, ESCROW_ROWS_MAX)
MESSAGE_STRUCT(ev_order_ended, EVENT_ORDER_ENDED_FIELDS);

/* What has just been traded, for everybody. */
#define EVENT_TRADED_FIELDS(X, S)                                                                  \
    EVENT_HEAD(X, S)                                                                               \
    X(LIST, S, trades, trade, ORDER_LEASES_MAX)
MESSAGE_STRUCT(ev_traded, EVENT_TRADED_FIELDS);

#define EVENT_INDEX_PUBLISHED_FIELDS(X, S)                                                         \
    EVENT_HEAD(X, S)                                                                               \
    X(LIST, S, points, index_point, 256)
MESSAGE_STRUCT(ev_index_published, EVENT_INDEX_PUBLISHED_FIELDS);

/* Of a trade that may still count for the index a part is given up: its lease has ended before its
 * time, or failed. gpu_minutes: what is left of it. */
#define EVENT_TRADE_CUT_FIELDS(X, S)                                                               \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, trade, 1, SERIAL_MAX)                                                             \
    X(U64, S, gpu_minutes, 0, UINT64_MAX)
MESSAGE_STRUCT(ev_trade_cut, EVENT_TRADE_CUT_FIELDS);

/* --- Rules --- */

#define EVENT_RULE_ADDED_FIELDS(X, S)                                                              \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, rule, 1, SERIAL_MAX)                                                              \
    RULE_ADD_FIELDS(X, S)                                                                          \
    X(LIST, S, escrow, share, ESCROW_ROWS_MAX)
MESSAGE_STRUCT(ev_rule_added, EVENT_RULE_ADDED_FIELDS);

#define EVENT_RULE_CHANGED_FIELDS(X, S)                                                            \
    EVENT_HEAD(X, S)                                                                               \
    RULE_CHANGE_FIELDS(X, S)                                                                       \
    X(LIST, S, escrow, share, ESCROW_ROWS_MAX)
MESSAGE_STRUCT(ev_rule_changed, EVENT_RULE_CHANGED_FIELDS);

/* The rule bought: an order of its account, paid from the budget. */
#define EVENT_RULE_BOUGHT_FIELDS(X, S)                                                             \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, rule, 1, SERIAL_MAX)                                                              \
    X(ACCOUNT, S, account, 1, UINT32_MAX)                                                          \
    X(NUMBER, S, order, 1, SERIAL_MAX)                                                             \
    X(U32, S, gpus, 1, GPUS_MAX)                                                                   \
    X(LIST, S, leases, lease_grant, ORDER_LEASES_MAX)
MESSAGE_STRUCT(ev_rule_bought, EVENT_RULE_BOUGHT_FIELDS);

/* Budget and leases of the rule last for `runway_min` more, less than the rule names. */
#define EVENT_RULE_LOW_FIELDS(X, S)                                                                \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, rule, 1, SERIAL_MAX)                                                              \
    X(ACCOUNT, S, account, 1, UINT32_MAX)                                                          \
    X(AMOUNT, S, budget_ucr, 0, UINT64_MAX)                                                        \
    X(U64, S, runway_min, 0, UINT64_MAX)
MESSAGE_STRUCT(ev_rule_low, EVENT_RULE_LOW_FIELDS);

#define EVENT_RULE_CLOSED_FIELDS(X, S)                                                             \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, rule, 1, SERIAL_MAX)                                                              \
    X(ACCOUNT, S, account, 1, UINT32_MAX)                                                          \
    X(ENUM, S, state, rule_state, 0)                                                               \
    X(LIST, S, refunds, issued, ESCROW_ROWS_MAX)                                                   \
    X(LIST, S, expired, share, ESCROW_ROWS_MAX)
MESSAGE_STRUCT(ev_rule_closed, EVENT_RULE_CLOSED_FIELDS);

/* --- Leases --- */

/* The holder (by; 0: a rule of the account `seller`) offers a part of a lease. */
#define EVENT_LEASE_RESOLD_FIELDS(X, S)                                                            \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, offer, 1, SERIAL_MAX)                                                             \
    X(ACCOUNT, S, seller, 1, UINT32_MAX)                                                           \
    X(ACCOUNT, S, operator, 1, UINT32_MAX)                                                         \
    X(NUMBER, S, rule, 0, SERIAL_MAX)                                                              \
    LEASE_RESELL_FIELDS(X, S)
MESSAGE_STRUCT(ev_lease_resold, EVENT_LEASE_RESOLD_FIELDS);

/*
 * A part of `lease` was sold: `sold_lease` has taken its place with the operator. `gain` are tokens
 * that the seller got of the buyer's series; `top_up` is what the seller has left in the escrow of
 * the new lease, having sold below its own price; `refunds` what returned of the old escrow.
 */
#define EVENT_LEASE_SOLD_FIELDS(X, S)                                                              \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, lease, 1, SERIAL_MAX)                                                             \
    X(ACCOUNT, S, seller, 1, UINT32_MAX)                                                           \
    X(ACCOUNT, S, operator, 1, UINT32_MAX)                                                         \
    X(NUMBER, S, offer, 1, SERIAL_MAX)                                                             \
    X(NUMBER, S, sold_lease, 1, SERIAL_MAX)                                                        \
    X(U32, S, gpus, 1, GPUS_MAX)                                                                   \
    X(TIME, S, start_s, 0, TIME_MAX_S)                                                             \
    X(TIME, S, end_s, 0, TIME_MAX_S)                                                               \
    X(PRICE, S, price_ucr, 0, PRICE_MAX_UCR)                                                       \
    X(LIST, S, gain, issued, ESCROW_ROWS_MAX)                                                      \
    X(LIST, S, top_up, share, ESCROW_ROWS_MAX)                                                     \
    X(LIST, S, refunds, issued, ESCROW_ROWS_MAX)                                                   \
    X(LIST, S, expired, share, ESCROW_ROWS_MAX)
MESSAGE_STRUCT(ev_lease_sold, EVENT_LEASE_SOLD_FIELDS);

/* What offer_amend and offer_withdraw do to an offer of a lease, of which only its parties hear. By
 * 0: the lease has ended, or a rule has acted. */
#define EVENT_RESALE_AMENDED_FIELDS(X, S)                                                          \
    EVENT_HEAD(X, S)                                                                               \
    X(ACCOUNT, S, seller, 1, UINT32_MAX)                                                           \
    OFFER_AMEND_FIELDS(X, S)
MESSAGE_STRUCT(ev_resale_amended, EVENT_RESALE_AMENDED_FIELDS);

#define EVENT_RESALE_WITHDRAWN_FIELDS(X, S)                                                        \
    EVENT_HEAD(X, S)                                                                               \
    X(ACCOUNT, S, seller, 1, UINT32_MAX)                                                           \
    X(NUMBER, S, offer, 1, SERIAL_MAX)
MESSAGE_STRUCT(ev_resale_withdrawn, EVENT_RESALE_WITHDRAWN_FIELDS);

#define EVENT_LEASE_EXTENDED_FIELDS(X, S)                                                          \
    EVENT_HEAD(X, S)                                                                               \
    LEASE_EXTEND_FIELDS(X, S)                                                                      \
    X(ACCOUNT, S, operator, 1, UINT32_MAX)                                                         \
    X(TIME, S, end_s, 0, TIME_MAX_S)                                                               \
    X(AMOUNT, S, cost_ucr, 0, UINT64_MAX)                                                          \
    X(LIST, S, escrow, share, ESCROW_ROWS_MAX)                                                     \
    X(LIST, S, change, issued, ESCROW_ROWS_MAX)
MESSAGE_STRUCT(ev_lease_extended, EVENT_LEASE_EXTENDED_FIELDS);

#define EVENT_LEASE_FUNDED_FIELDS(X, S)                                                            \
    EVENT_HEAD(X, S)                                                                               \
    LEASE_FUND_FIELDS(X, S)                                                                        \
    X(ACCOUNT, S, operator, 1, UINT32_MAX)                                                         \
    X(BOOL, S, resumed, 0, 1)                                                                      \
    X(LIST, S, escrow, share, ESCROW_ROWS_MAX)                                                     \
    X(LIST, S, change, issued, ESCROW_ROWS_MAX)
MESSAGE_STRUCT(ev_lease_funded, EVENT_LEASE_FUNDED_FIELDS);

/* An elastic lease has no funds for its next period: nothing is owed and delivered from from_s on,
 * and it ends there unless it is funded before until_s. */
#define EVENT_LEASE_PAUSED_FIELDS(X, S)                                                            \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, lease, 1, SERIAL_MAX)                                                             \
    X(ACCOUNT, S, holder, 1, UINT32_MAX)                                                           \
    X(ACCOUNT, S, operator, 1, UINT32_MAX)                                                         \
    X(TIME, S, from_s, 0, TIME_MAX_S)                                                              \
    X(TIME, S, until_s, 0, TIME_MAX_S)
MESSAGE_STRUCT(ev_lease_paused, EVENT_LEASE_PAUSED_FIELDS);

/* A paused lease goes on without being funded, since the periods before have come to cost less:
 * nothing was owed over [from_s, until_s). */
#define EVENT_LEASE_RESUMED_FIELDS(X, S) EVENT_LEASE_PAUSED_FIELDS(X, S)
MESSAGE_STRUCT(ev_lease_resumed, EVENT_LEASE_RESUMED_FIELDS);

#define EVENT_LEASE_ACTIVATED_FIELDS(X, S)                                                         \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, lease, 1, SERIAL_MAX)                                                             \
    X(ACCOUNT, S, holder, 1, UINT32_MAX)                                                           \
    X(BYTES, S, access, 0, ACCESS_SEALED_MAX)
MESSAGE_STRUCT(ev_lease_activated, EVENT_LEASE_ACTIVATED_FIELDS);

#define EVENT_LEASE_METERED_FIELDS(X, S)                                                           \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, lease, 1, SERIAL_MAX)                                                             \
    X(ACCOUNT, S, holder, 1, UINT32_MAX)                                                           \
    X(U32, S, period, 0, LEASE_PERIODS_MAX)                                                        \
    X(U64, S, gpu_minutes, 0, UINT64_MAX)
MESSAGE_STRUCT(ev_lease_metered, EVENT_LEASE_METERED_FIELDS);

#define EVENT_LEASE_DISPUTED_FIELDS(X, S)                                                          \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, lease, 1, SERIAL_MAX)                                                             \
    X(ACCOUNT, S, operator, 1, UINT32_MAX)                                                         \
    X(U32, S, period, 0, LEASE_PERIODS_MAX)                                                        \
    X(U64, S, gpu_minutes, 0, UINT64_MAX)                                                          \
    X(TEXT, S, reason, 0, REASON_MAX_BYTES)
MESSAGE_STRUCT(ev_lease_disputed, EVENT_LEASE_DISPUTED_FIELDS);

#define EVENT_DISPUTE_DECIDED_FIELDS(X, S)                                                         \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, lease, 1, SERIAL_MAX)                                                             \
    X(ACCOUNT, S, holder, 1, UINT32_MAX)                                                           \
    X(ACCOUNT, S, operator, 1, UINT32_MAX)                                                         \
    X(U32, S, period, 0, LEASE_PERIODS_MAX)                                                        \
    X(U64, S, gpu_minutes, 0, UINT64_MAX)                                                          \
    X(TEXT, S, reason, 0, REASON_MAX_BYTES)                                                        \
    X(AMOUNT, S, paid_ucr, 0, UINT64_MAX)                                                          \
    X(LIST, S, paid, share, ESCROW_ROWS_MAX)                                                       \
    X(LIST, S, refunds, issued, ESCROW_ROWS_MAX)                                                   \
    X(LIST, S, expired, share, ESCROW_ROWS_MAX)
MESSAGE_STRUCT(ev_dispute_decided, EVENT_DISPUTE_DECIDED_FIELDS);

/*
 * A lease ends before its time, or fails: its new end, why, and what went back. Refunds are tokens
 * of the holder; what was paid from a series that has expired since goes to that series' account
 * (`expired`).
 */
#define EVENT_LEASE_ENDED_FIELDS(X, S)                                                             \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, lease, 1, SERIAL_MAX)                                                             \
    X(ACCOUNT, S, holder, 1, UINT32_MAX)                                                           \
    X(ACCOUNT, S, operator, 1, UINT32_MAX)                                                         \
    X(ENUM, S, reason, lease_end_reason, 0)                                                        \
    X(TIME, S, end_s, 0, TIME_MAX_S)                                                               \
    X(LIST, S, refunds, issued, ESCROW_ROWS_MAX)                                                   \
    X(LIST, S, expired, share, ESCROW_ROWS_MAX)
MESSAGE_STRUCT(ev_lease_ended, EVENT_LEASE_ENDED_FIELDS);

/* One period of a lease is settled: what counts as delivered, what the operator earned. `last`:
 * the lease is settled altogether. */
#define EVENT_LEASE_SETTLED_FIELDS(X, S)                                                           \
    EVENT_HEAD(X, S)                                                                               \
    X(NUMBER, S, lease, 1, SERIAL_MAX)                                                             \
    X(ACCOUNT, S, holder, 1, UINT32_MAX)                                                           \
    X(ACCOUNT, S, operator, 1, UINT32_MAX)                                                         \
    X(U32, S, period, 0, LEASE_PERIODS_MAX)                                                        \
    X(U64, S, gpu_minutes, 0, UINT64_MAX)                                                          \
    X(AMOUNT, S, paid_ucr, 0, UINT64_MAX)                                                          \
    X(LIST, S, paid, share, ESCROW_ROWS_MAX)                                                       \
    X(LIST, S, refunds, issued, ESCROW_ROWS_MAX)                                                   \
    X(LIST, S, expired, share, ESCROW_ROWS_MAX)                                                    \
    X(BOOL, S, last, 0, 1)
MESSAGE_STRUCT(ev_lease_settled, EVENT_LEASE_SETTLED_FIELDS);

/* Y(code, name, fields, public) */
#define EVENT_LIST(Y)                                                                              \
    Y(1, genesis, EVENT_GENESIS_FIELDS, true)                                                      \
    Y(2, restored, EVENT_RESTORED_FIELDS, true)                                                    \
    Y(3, started, EVENT_STARTED_FIELDS, true)                                                      \
    Y(4, clock_advanced, EVENT_CLOCK_ADVANCED_FIELDS, true)                                        \
    Y(5, request, EVENT_REQUEST_FIELDS, false)                                                     \
    Y(10, account_registered, EVENT_ACCOUNT_REGISTERED_FIELDS, false)                              \
    Y(11, account_frozen, EVENT_ACCOUNT_FROZEN_FIELDS, false)                                      \
    Y(12, account_unfrozen, EVENT_ACCOUNT_UNFROZEN_FIELDS, false)                                  \
    Y(13, account_rekeyed, EVENT_ACCOUNT_REKEYED_FIELDS, false)                                    \
    Y(14, account_key_added, EVENT_ACCOUNT_KEY_ADDED_FIELDS, false)                                \
    Y(15, account_key_removed, EVENT_ACCOUNT_KEY_REMOVED_FIELDS, false)                            \
    Y(20, series_created, EVENT_SERIES_CREATED_FIELDS, true)                                       \
    Y(21, minted, EVENT_MINTED_FIELDS, false)                                                      \
    Y(22, token_transferred, EVENT_TOKEN_TRANSFERRED_FIELDS, false)                                \
    Y(23, token_burned, EVENT_TOKEN_BURNED_FIELDS, false)                                          \
    Y(24, token_given, EVENT_TOKEN_GIVEN_FIELDS, false)                                            \
    Y(25, gift_claimed, EVENT_GIFT_CLAIMED_FIELDS, false)                                          \
    Y(26, gift_revoked, EVENT_GIFT_REVOKED_FIELDS, false)                                          \
    Y(27, expired, EVENT_EXPIRED_FIELDS, false)                                                    \
    Y(28, paid_out, EVENT_PAID_OUT_FIELDS, false)                                                  \
    Y(30, sku_added, EVENT_SKU_ADDED_FIELDS, true)                                                 \
    Y(31, sku_changed, EVENT_SKU_CHANGED_FIELDS, true)                                             \
    Y(32, site_added, EVENT_SITE_ADDED_FIELDS, true)                                               \
    Y(33, offer_published, EVENT_OFFER_PUBLISHED_FIELDS, true)                                     \
    Y(34, offer_withdrawn, EVENT_OFFER_WITHDRAWN_FIELDS, true)                                     \
    Y(35, site_changed, EVENT_SITE_CHANGED_FIELDS, true)                                           \
    Y(36, site_closed, EVENT_SITE_CLOSED_FIELDS, true)                                             \
    Y(37, site_reopened, EVENT_SITE_REOPENED_FIELDS, true)                                         \
    Y(38, offer_amended, EVENT_OFFER_AMENDED_FIELDS, true)                                         \
    Y(39, offer_renewed, EVENT_OFFER_RENEWED_FIELDS, true)                                         \
    Y(40, order_placed, EVENT_ORDER_PLACED_FIELDS, false)                                          \
    Y(41, lease_activated, EVENT_LEASE_ACTIVATED_FIELDS, false)                                    \
    Y(42, lease_metered, EVENT_LEASE_METERED_FIELDS, false)                                        \
    Y(43, lease_disputed, EVENT_LEASE_DISPUTED_FIELDS, false)                                      \
    Y(44, dispute_decided, EVENT_DISPUTE_DECIDED_FIELDS, false)                                    \
    Y(45, lease_ended, EVENT_LEASE_ENDED_FIELDS, false)                                            \
    Y(46, lease_settled, EVENT_LEASE_SETTLED_FIELDS, false)                                        \
    Y(47, order_amended, EVENT_ORDER_AMENDED_FIELDS, false)                                        \
    Y(48, order_filled, EVENT_ORDER_FILLED_FIELDS, false)                                          \
    Y(49, order_ended, EVENT_ORDER_ENDED_FIELDS, false)                                            \
    Y(50, traded, EVENT_TRADED_FIELDS, true)                                                       \
    Y(51, index_published, EVENT_INDEX_PUBLISHED_FIELDS, true)                                     \
    Y(52, offer_ended, EVENT_OFFER_ENDED_FIELDS, true)                                             \
    Y(53, trade_cut, EVENT_TRADE_CUT_FIELDS, true)                                                 \
    Y(60, rule_added, EVENT_RULE_ADDED_FIELDS, false)                                              \
    Y(61, rule_changed, EVENT_RULE_CHANGED_FIELDS, false)                                          \
    Y(62, rule_bought, EVENT_RULE_BOUGHT_FIELDS, false)                                            \
    Y(63, rule_low, EVENT_RULE_LOW_FIELDS, false)                                                  \
    Y(64, rule_closed, EVENT_RULE_CLOSED_FIELDS, false)                                            \
    Y(70, lease_resold, EVENT_LEASE_RESOLD_FIELDS, false)                                          \
    Y(71, lease_sold, EVENT_LEASE_SOLD_FIELDS, false)                                              \
    Y(72, lease_extended, EVENT_LEASE_EXTENDED_FIELDS, false)                                      \
    Y(73, lease_funded, EVENT_LEASE_FUNDED_FIELDS, false)                                          \
    Y(74, lease_paused, EVENT_LEASE_PAUSED_FIELDS, false)                                          \
    Y(75, resale_amended, EVENT_RESALE_AMENDED_FIELDS, false)                                      \
    Y(76, resale_withdrawn, EVENT_RESALE_WITHDRAWN_FIELDS, false)                                  \
    Y(77, lease_resumed, EVENT_LEASE_RESUMED_FIELDS, false)                                        \
    CONTRACT_EVENT_LIST(Y)

enum event_code {
#define EVENT_CODE(code, name, fields, public) EVENT_##name = code,
    EVENT_LIST(EVENT_CODE)
#undef EVENT_CODE
};

extern const struct message_set event_set;

/* Whether everybody may see events of this kind. */
bool event_is_public(uint32_t code);

/*
 * Whether `account` may see an event: it is public, or the account is a party. (Admins and auditors
 * see all; the caller knows the role.)
 */
bool event_names(const struct message *m, const void *body, uint32_t account);

/*
 * Decodes a leaf's data (nonce and event). The same rules and errors as message_decode_coded().
 */
int event_decode(const uint8_t *data, size_t length, struct arena *arena,
                 const struct message **message_out, const void **body_out,
                 struct decode_error *error);

#endif
