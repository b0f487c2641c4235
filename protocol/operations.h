/*
 * The request and its operations: what an account signs. Each operation is one row of the table in
 * docs/protocol.md. A token of an operation may be a reference to an output that an earlier
 * operation of the same request issues: see token_reference().
 */
#ifndef BOURSE_PROTOCOL_OPERATIONS_H
#define BOURSE_PROTOCOL_OPERATIONS_H

#include "protocol/contracts.h"
#include "protocol/control.h"
#include "protocol/limits.h"
#include "protocol/message.h"
#include "protocol/operation_parts.h"

/* --- Operations -------------------------------------------------------------------------- */

/* An admin registers an account. Result: object = its number. */
#define ACCOUNT_REGISTER_FIELDS(X, S)                                                              \
    X(TEXT, S, name, 1, NAME_MAX_BYTES)                                                            \
    X(ENUM, S, role, role, 0)                                                                      \
    X(KEY, S, sign_key, 0, 0)                                                                      \
    X(KEY, S, channel_key, 0, 0)
MESSAGE_STRUCT(op_account_register, ACCOUNT_REGISTER_FIELDS);

#define ACCOUNT_FREEZE_FIELDS(X, S)                                                                \
    X(ACCOUNT, S, account, 1, UINT32_MAX)                                                          \
    X(TEXT, S, reason, 0, REASON_MAX_BYTES)
MESSAGE_STRUCT(op_account_freeze, ACCOUNT_FREEZE_FIELDS);

#define ACCOUNT_UNFREEZE_FIELDS(X, S) X(ACCOUNT, S, account, 1, UINT32_MAX)
MESSAGE_STRUCT(op_account_unfreeze, ACCOUNT_UNFREEZE_FIELDS);

/*
 * The account replaces both its keys. `proof` is the new signing key's signature (keys_sign,
 * purpose PURPOSE_REKEY) over account (u32 big-endian) || sign_key || channel_key, so that nobody
 * can take a key that is not theirs.
 */
#define ACCOUNT_REKEY_FIELDS(X, S)                                                                 \
    X(KEY, S, sign_key, 0, 0)                                                                      \
    X(KEY, S, channel_key, 0, 0)                                                                   \
    X(SIGNATURE, S, proof, 0, 0)
MESSAGE_STRUCT(op_account_rekey, ACCOUNT_REKEY_FIELDS);

/*
 * A further key of the account, for a bot or a colleague, that may sign operations of the kinds in
 * `scopes`, moving at most `daily_ucr` a UTC day (0: no limit) until `expires_s` (0: never). Only
 * the main key may add and remove keys. `proof` as in account_rekey.
 */
#define ACCOUNT_KEY_ADD_FIELDS(X, S)                                                               \
    X(KEY, S, sign_key, 0, 0)                                                                      \
    X(KEY, S, channel_key, 0, 0)                                                                   \
    X(TEXT, S, label, 0, NAME_MAX_BYTES)                                                           \
    X(FLAGS, S, scopes, scope, 0)                                                                  \
    X(AMOUNT, S, daily_ucr, 0, UINT64_MAX)                                                         \
    X(TIME, S, expires_s, 0, TIME_MAX_S)                                                           \
    X(SIGNATURE, S, proof, 0, 0)
MESSAGE_STRUCT(op_account_key_add, ACCOUNT_KEY_ADD_FIELDS);

#define ACCOUNT_KEY_REMOVE_FIELDS(X, S) X(KEY, S, sign_key, 0, 0)
MESSAGE_STRUCT(op_account_key_remove, ACCOUNT_KEY_REMOVE_FIELDS);

#define SKU_ADD_FIELDS(X, S)                                                                       \
    X(TEXT, S, name, 1, NAME_MAX_BYTES)                                                            \
    X(TEXT, S, vendor, 1, NAME_MAX_BYTES)                                                          \
    X(TEXT, S, model, 1, NAME_MAX_BYTES)                                                           \
    X(U32, S, memory_gb, 1, MEMORY_GB_MAX)                                                         \
    X(TEXT, S, interconnect, 0, NAME_MAX_BYTES)                                                    \
    X(U32, S, power_w, 1, POWER_W_MAX)                                                             \
    X(TEXT, S, generation, 0, NAME_MAX_BYTES)
MESSAGE_STRUCT(op_sku_add, SKU_ADD_FIELDS);

#define SKU_CHANGE_FIELDS(X, S)                                                                    \
    X(NUMBER, S, sku, 1, SERIAL_MAX)                                                               \
    X(ENUM, S, state, sku_state, 0)
MESSAGE_STRUCT(op_sku_change, SKU_CHANGE_FIELDS);

#define SITE_ADD_FIELDS(X, S)                                                                      \
    X(TEXT, S, name, 1, NAME_MAX_BYTES)                                                            \
    X(TEXT, S, region, 2, PLACE_MAX_BYTES)                                                         \
    X(TEXT, S, jurisdiction, 2, PLACE_MAX_BYTES)                                                   \
    X(U32, S, power_kw, 1, POWER_KW_MAX)                                                           \
    X(U32, S, carbon_g_per_kwh, 0, CARBON_G_MAX)                                                   \
    X(LIST, S, certifications, certification, SITE_CERTIFICATIONS_MAX)
MESSAGE_STRUCT(op_site_add, SITE_ADD_FIELDS);

/* The site as it is from now on; leases and offers stay as they are. */
#define SITE_CHANGE_FIELDS(X, S)                                                                   \
    X(NUMBER, S, site, 1, SERIAL_MAX)                                                              \
    X(U32, S, power_kw, 1, POWER_KW_MAX)                                                           \
    X(U32, S, carbon_g_per_kwh, 0, CARBON_G_MAX)                                                   \
    X(LIST, S, certifications, certification, SITE_CERTIFICATIONS_MAX)
MESSAGE_STRUCT(op_site_change, SITE_CHANGE_FIELDS);

/*
 * The site gives no capacity over [start_s, end_s), whole minutes (start_s 0: from now). No lease
 * is granted into it; leases already granted stand. Of an outage, which begins now, no minute
 * counts as delivered. Result: object = the closure.
 */
#define SITE_CLOSE_FIELDS(X, S)                                                                    \
    X(NUMBER, S, site, 1, SERIAL_MAX)                                                              \
    X(ENUM, S, kind, closure_kind, 0)                                                              \
    X(TIME, S, start_s, 0, TIME_MAX_S)                                                             \
    X(TIME, S, end_s, 1, TIME_MAX_S)                                                               \
    X(TEXT, S, reason, 0, REASON_MAX_BYTES)
MESSAGE_STRUCT(op_site_close, SITE_CLOSE_FIELDS);

/* The closure ends now, or is called off when it has not begun. */
#define SITE_REOPEN_FIELDS(X, S) X(NUMBER, S, closure, 1, SERIAL_MAX)
MESSAGE_STRUCT(op_site_reopen, SITE_REOPEN_FIELDS);

/* `expires_s` 0: never. Empty lists and no profile: any. Expired value goes to `expired_to`. */
#define SERIES_CREATE_FIELDS(X, S)                                                                 \
    X(TEXT, S, name, 1, NAME_MAX_BYTES)                                                            \
    X(ACCOUNT, S, funder, 1, UINT32_MAX)                                                           \
    X(ACCOUNT, S, expired_to, 1, UINT32_MAX)                                                       \
    X(TIME, S, expires_s, 0, TIME_MAX_S)                                                           \
    X(BOOL, S, transferable, 0, 1)                                                                 \
    X(NUMBERS, S, skus, 0, SERIES_SKUS_MAX)                                                        \
    X(LIST, S, regions, place, SERIES_REGIONS_MAX)                                                 \
    X(FLAGS, S, profiles, profile, 0)
MESSAGE_STRUCT(op_series_create, SERIES_CREATE_FIELDS);

/* An admin issues tokens of a series, one an output. */
#define MINT_FIELDS(X, S)                                                                          \
    X(SERIES, S, series, 1, UINT32_MAX)                                                            \
    X(LIST, S, outputs, payment, TRANSFER_OUTPUTS_MAX)
MESSAGE_STRUCT(op_mint, MINT_FIELDS);

/* Consumes tokens of one series and issues new ones of the same total; split and merge are
 * transfers to oneself. */
#define TOKEN_TRANSFER_FIELDS(X, S)                                                                \
    X(NUMBERS, S, inputs, 0, TRANSFER_INPUTS_MAX)                                                  \
    X(LIST, S, outputs, payment, TRANSFER_OUTPUTS_MAX)
MESSAGE_STRUCT(op_token_transfer, TOKEN_TRANSFER_FIELDS);

#define TOKEN_BURN_FIELDS(X, S) X(NUMBERS, S, inputs, 0, TRANSFER_INPUTS_MAX)
MESSAGE_STRUCT(op_token_burn, TOKEN_BURN_FIELDS);

/* Locks an amount to a fresh key; what the inputs hold beyond it comes back as one token.
 * Result: object = the gift. */
#define TOKEN_GIVE_FIELDS(X, S)                                                                    \
    X(NUMBERS, S, inputs, 0, TRANSFER_INPUTS_MAX)                                                  \
    X(AMOUNT, S, amount_ucr, 0, UINT64_MAX)                                                        \
    X(KEY, S, claim_key, 0, 0)
MESSAGE_STRUCT(op_token_give, TOKEN_GIVE_FIELDS);

/*
 * Takes a gift. A newcomer (request.account 0) names itself and is registered as a startup with the
 * request's signing key; somebody with an account leaves name empty and channel_key zero. `proof`
 * is the claim key's signature (PURPOSE_CLAIM) over gift (u64 big-endian) || the request's signing
 * key || channel_key. Result: object = the claiming account.
 */
#define GIFT_CLAIM_FIELDS(X, S)                                                                    \
    X(NUMBER, S, gift, 1, SERIAL_MAX)                                                              \
    X(TEXT, S, name, 0, NAME_MAX_BYTES)                                                            \
    X(KEY, S, channel_key, 0, 0)                                                                   \
    X(SIGNATURE, S, proof, 0, 0)
MESSAGE_STRUCT(op_gift_claim, GIFT_CLAIM_FIELDS);

/* The giver takes an unclaimed gift back. */
#define GIFT_REVOKE_FIELDS(X, S) X(NUMBER, S, gift, 1, SERIAL_MAX)
MESSAGE_STRUCT(op_gift_revoke, GIFT_REVOKE_FIELDS);

/*
 * Result: object = the offer. Times are whole minutes. `lease_max_min` 0: up to the offer's end.
 * `standing_min` above 0: the offer always reaches at least so far ahead; its end moves on by
 * STANDING_STEP_MIN at a time, up to end_s (0: until it is withdrawn). `least_charge_ppm`: of
 * metered leases, the part of what was available that is charged even when it was not used.
 */
#define OFFER_PUBLISH_FIELDS(X, S)                                                                 \
    X(NUMBER, S, site, 1, SERIAL_MAX)                                                              \
    X(NUMBER, S, sku, 1, SERIAL_MAX)                                                               \
    X(U32, S, gpus, 1, GPUS_MAX)                                                                   \
    X(U32, S, block_gpus, 1, GPUS_MAX)                                                             \
    X(TIME, S, start_s, 0, TIME_MAX_S)                                                             \
    X(TIME, S, end_s, 0, TIME_MAX_S)                                                               \
    X(PRICE, S, price_ucr, 0, PRICE_MAX_UCR)                                                       \
    X(BOOL, S, preemptible, 0, 1)                                                                  \
    X(U32, S, notice_min, 0, NOTICE_MAX_MIN)                                                       \
    X(U32, S, lease_min_min, 1, DURATION_MAX_MIN)                                                  \
    X(U32, S, lease_max_min, 0, DURATION_MAX_MIN)                                                  \
    X(ENUM, S, billing, billing, 0)                                                                \
    X(U32, S, meter_period_min, METER_PERIOD_MIN_MIN, METER_PERIOD_MAX_MIN)                        \
    X(U32, S, standing_min, 0, HORIZON_MAX_MIN)                                                    \
    X(U32, S, least_charge_ppm, 0, 1000000)
MESSAGE_STRUCT(op_offer_publish, OFFER_PUBLISH_FIELDS);

/* Takes the unsold part off the market; leases already granted are untouched. */
#define OFFER_WITHDRAW_FIELDS(X, S) X(NUMBER, S, offer, 1, SERIAL_MAX)
MESSAGE_STRUCT(op_offer_withdraw, OFFER_WITHDRAW_FIELDS);

/*
 * Changes an offer; what it has leased stays as it is. `gpus` 0, `end_s` 0 and `has_price` false
 * leave theirs. Another price, more GPUs or a later end make it the youngest of its price; fewer
 * GPUs or an earlier end keep its place. Also the seller's word on an offer of a lease.
 */
#define OFFER_AMEND_FIELDS(X, S)                                                                   \
    X(NUMBER, S, offer, 1, SERIAL_MAX)                                                             \
    X(U32, S, gpus, 0, GPUS_MAX)                                                                   \
    X(BOOL, S, has_price, 0, 1)                                                                    \
    X(PRICE, S, price_ucr, 0, PRICE_MAX_UCR)                                                       \
    X(TIME, S, end_s, 0, TIME_MAX_S)
MESSAGE_STRUCT(op_offer_amend, OFFER_AMEND_FIELDS);

/*
 * A redemption. Its leases may start at any minute from `start_from_s` (0: now) to `start_until_s`
 * (0: the same as start_from_s), all of them at the same. `gpus_min` is the least that one fill
 * gives (fill_or_kill: all); each lease is a multiple of `block_gpus`, and so must `gpus` be
 * (block_invalid). An order that is good_till_time rests until `rest_until_s`, and after a first
 * fill no longer than until its start; what it could cost at its limits is kept in escrow.
 * `funded_min` above 0, of inference alone: the lease is elastic, paid ahead for so many minutes
 * and funded further by lease_fund. Change returns as tokens in the same request.
 * Result: object = the order, leases and tokens as issued. A quote's body is the same message.
 */
#define ORDER_PLACE_FIELDS(X, S)                                                                   \
    X(LIST, S, skus, sku_limit, ORDER_SKUS_MAX)                                                    \
    X(U32, S, gpus, 1, GPUS_MAX)                                                                   \
    X(U32, S, gpus_min, 1, GPUS_MAX)                                                               \
    X(U32, S, block_gpus, 1, GPUS_MAX)                                                             \
    X(U32, S, duration_min, 1, DURATION_MAX_MIN)                                                   \
    X(TIME, S, start_from_s, 0, TIME_MAX_S)                                                        \
    X(TIME, S, start_until_s, 0, TIME_MAX_S)                                                       \
    X(ENUM, S, placement, placement, 0)                                                            \
    X(ENUM, S, time_in_force, time_in_force, 0)                                                    \
    X(TIME, S, rest_until_s, 0, TIME_MAX_S)                                                        \
    CONSTRAINT_FIELDS(X, S)                                                                        \
    X(U32, S, funded_min, 0, DURATION_MAX_MIN)                                                     \
    X(NUMBERS, S, tokens, 0, ORDER_TOKENS_MAX)
MESSAGE_STRUCT(op_order_place, ORDER_PLACE_FIELDS);

/*
 * Changes a resting order: `gpus` in all, what is filled included (0: as it is), limits of the same
 * SKUs (empty: as they are), `rest_until_s` (0: as it is). Another limit or more GPUs make it the
 * youngest of its price; fewer GPUs keep its place. `tokens` add to its escrow; what it needs no
 * more returns. It is matched at once.
 */
#define ORDER_AMEND_FIELDS(X, S)                                                                   \
    X(NUMBER, S, order, 1, SERIAL_MAX)                                                             \
    X(U32, S, gpus, 0, GPUS_MAX)                                                                   \
    X(LIST, S, skus, sku_limit, ORDER_SKUS_MAX)                                                    \
    X(TIME, S, rest_until_s, 0, TIME_MAX_S)                                                        \
    X(NUMBERS, S, tokens, 0, ORDER_TOKENS_MAX)
MESSAGE_STRUCT(op_order_amend, ORDER_AMEND_FIELDS);

#define ORDER_CANCEL_FIELDS(X, S) X(NUMBER, S, order, 1, SERIAL_MAX)
MESSAGE_STRUCT(op_order_cancel, ORDER_CANCEL_FIELDS);

/*
 * A rule: keep `gpus` GPUs of these SKUs for the next `horizon_min` minutes; buy what is missing at
 * or below the limits; with `resell`, offer leases that the rule bought and that are too many at
 * `sell_price_ucr`. `tokens` are its budget. `runway_min`: an event warns when budget and leases
 * last for less. Refused: horizon_min below RULE_HORIZON_LEAST_MIN (terms_invalid), a budget with a
 * series that may pay for nothing of it (series_restricted). Result: object = the rule.
 */
#define RULE_ADD_FIELDS(X, S)                                                                      \
    X(LIST, S, skus, sku_limit, ORDER_SKUS_MAX)                                                    \
    X(U32, S, gpus, 1, GPUS_MAX)                                                                   \
    X(U32, S, horizon_min, 1, DURATION_MAX_MIN)                                                    \
    X(BOOL, S, resell, 0, 1)                                                                       \
    X(PRICE, S, sell_price_ucr, 0, PRICE_MAX_UCR)                                                  \
    X(U32, S, runway_min, 0, DURATION_MAX_MIN)                                                     \
    CONSTRAINT_FIELDS(X, S)                                                                        \
    X(NUMBERS, S, tokens, 0, ORDER_TOKENS_MAX)
MESSAGE_STRUCT(op_rule_add, RULE_ADD_FIELDS);

/* `gpus` from now on (0: none any more, all that the rule bought is too many); `tokens` add to the
 * budget. */
#define RULE_CHANGE_FIELDS(X, S)                                                                   \
    X(NUMBER, S, rule, 1, SERIAL_MAX)                                                              \
    X(U32, S, gpus, 0, GPUS_MAX)                                                                   \
    X(NUMBERS, S, tokens, 0, ORDER_TOKENS_MAX)
MESSAGE_STRUCT(op_rule_change, RULE_CHANGE_FIELDS);

/* The rest of the budget returns; leases stay. */
#define RULE_END_FIELDS(X, S) X(NUMBER, S, rule, 1, SERIAL_MAX)
MESSAGE_STRUCT(op_rule_end, RULE_END_FIELDS);

/* The operator hands over the lease. `access` is sealed to the holder's channel key. */
#define LEASE_ACTIVATE_FIELDS(X, S)                                                                \
    X(NUMBER, S, lease, 1, SERIAL_MAX)                                                             \
    X(BYTES, S, access, 0, ACCESS_SEALED_MAX)
MESSAGE_STRUCT(op_lease_activate, LEASE_ACTIVATE_FIELDS);

/* What was delivered in one period (0, 1, ...) of the lease. */
#define LEASE_METER_FIELDS(X, S)                                                                   \
    X(NUMBER, S, lease, 1, SERIAL_MAX)                                                             \
    X(U32, S, period, 0, LEASE_PERIODS_MAX)                                                        \
    X(U64, S, gpu_minutes, 0, UINT64_MAX)
MESSAGE_STRUCT(op_lease_meter, LEASE_METER_FIELDS);

/* The holder says that only `gpu_minutes` were delivered. */
#define LEASE_DISPUTE_FIELDS(X, S)                                                                 \
    X(NUMBER, S, lease, 1, SERIAL_MAX)                                                             \
    X(U32, S, period, 0, LEASE_PERIODS_MAX)                                                        \
    X(U64, S, gpu_minutes, 0, UINT64_MAX)                                                          \
    X(TEXT, S, reason, 0, REASON_MAX_BYTES)
MESSAGE_STRUCT(op_lease_dispute, LEASE_DISPUTE_FIELDS);

/* An admin decides what counts as delivered; the period settles at once. */
#define DISPUTE_DECIDE_FIELDS(X, S)                                                                \
    X(NUMBER, S, lease, 1, SERIAL_MAX)                                                             \
    X(U32, S, period, 0, LEASE_PERIODS_MAX)                                                        \
    X(U64, S, gpu_minutes, 0, UINT64_MAX)                                                          \
    X(TEXT, S, reason, 0, REASON_MAX_BYTES)
MESSAGE_STRUCT(op_dispute_decide, DISPUTE_DECIDE_FIELDS);

/* Ends a lease before its time, under the offer's terms (docs/protocol.md). */
#define LEASE_END_FIELDS(X, S) X(NUMBER, S, lease, 1, SERIAL_MAX)
MESSAGE_STRUCT(op_lease_end, LEASE_END_FIELDS);

/*
 * The holder offers GPUs of a lease over [start_s, end_s) (0: from now; 0: to the lease's end) at a
 * price of its own. Who buys gets a lease with the same operator and terms; docs/protocol.md,
 * "Resale". Result: object = the offer, which offer_amend and offer_withdraw take, too.
 */
#define LEASE_RESELL_FIELDS(X, S)                                                                  \
    X(NUMBER, S, lease, 1, SERIAL_MAX)                                                             \
    X(U32, S, gpus, 1, GPUS_MAX)                                                                   \
    X(U32, S, block_gpus, 1, GPUS_MAX)                                                             \
    X(TIME, S, start_s, 0, TIME_MAX_S)                                                             \
    X(TIME, S, end_s, 0, TIME_MAX_S)                                                               \
    X(PRICE, S, price_ucr, 0, PRICE_MAX_UCR)                                                       \
    X(U32, S, lease_min_min, 1, DURATION_MAX_MIN)
MESSAGE_STRUCT(op_lease_resell, LEASE_RESELL_FIELDS);

/* The lease goes on for `duration_min` more at its price, when its offer has the GPUs free then and
 * asks no more than that. */
#define LEASE_EXTEND_FIELDS(X, S)                                                                  \
    X(NUMBER, S, lease, 1, SERIAL_MAX)                                                             \
    X(U32, S, duration_min, 1, DURATION_MAX_MIN)                                                   \
    X(NUMBERS, S, tokens, 0, ORDER_TOKENS_MAX)
MESSAGE_STRUCT(op_lease_extend, LEASE_EXTEND_FIELDS);

/* Puts tokens into the escrow of an elastic lease, as much as it can come to cost; a paused lease
 * goes on from the next minute. */
#define LEASE_FUND_FIELDS(X, S)                                                                    \
    X(NUMBER, S, lease, 1, SERIAL_MAX)                                                             \
    X(NUMBERS, S, tokens, 0, ORDER_TOKENS_MAX)
MESSAGE_STRUCT(op_lease_fund, LEASE_FUND_FIELDS);

MESSAGE_STRUCT(op_payout, PAYOUT_FIELDS);

/* An admin advances a manual clock, or confirms the time that a real clock jumped to. */
#define CLOCK_ADVANCE_FIELDS(X, S) X(TIME, S, time_s, 1, TIME_MAX_S)
MESSAGE_STRUCT(op_clock_advance, CLOCK_ADVANCE_FIELDS);

/* Y(code, name) */
#define OPERATION_LIST(Y)                                                                          \
    Y(1, account_register, ACCOUNT_REGISTER_FIELDS)                                                \
    Y(2, account_freeze, ACCOUNT_FREEZE_FIELDS)                                                    \
    Y(3, account_unfreeze, ACCOUNT_UNFREEZE_FIELDS)                                                \
    Y(4, account_rekey, ACCOUNT_REKEY_FIELDS)                                                      \
    Y(5, account_key_add, ACCOUNT_KEY_ADD_FIELDS)                                                  \
    Y(6, account_key_remove, ACCOUNT_KEY_REMOVE_FIELDS)                                            \
    Y(10, sku_add, SKU_ADD_FIELDS)                                                                 \
    Y(11, sku_change, SKU_CHANGE_FIELDS)                                                           \
    Y(12, site_add, SITE_ADD_FIELDS)                                                               \
    Y(13, site_change, SITE_CHANGE_FIELDS)                                                         \
    Y(14, site_close, SITE_CLOSE_FIELDS)                                                           \
    Y(15, site_reopen, SITE_REOPEN_FIELDS)                                                         \
    Y(20, series_create, SERIES_CREATE_FIELDS)                                                     \
    Y(21, mint, MINT_FIELDS)                                                                       \
    Y(22, token_transfer, TOKEN_TRANSFER_FIELDS)                                                   \
    Y(23, token_burn, TOKEN_BURN_FIELDS)                                                           \
    Y(24, token_give, TOKEN_GIVE_FIELDS)                                                           \
    Y(25, gift_claim, GIFT_CLAIM_FIELDS)                                                           \
    Y(26, gift_revoke, GIFT_REVOKE_FIELDS)                                                         \
    Y(30, offer_publish, OFFER_PUBLISH_FIELDS)                                                     \
    Y(31, offer_withdraw, OFFER_WITHDRAW_FIELDS)                                                   \
    Y(32, order_place, ORDER_PLACE_FIELDS)                                                         \
    Y(33, offer_amend, OFFER_AMEND_FIELDS)                                                         \
    Y(34, order_amend, ORDER_AMEND_FIELDS)                                                         \
    Y(35, order_cancel, ORDER_CANCEL_FIELDS)                                                       \
    Y(36, rule_add, RULE_ADD_FIELDS)                                                               \
    Y(37, rule_change, RULE_CHANGE_FIELDS)                                                         \
    Y(38, rule_end, RULE_END_FIELDS)                                                               \
    Y(40, lease_activate, LEASE_ACTIVATE_FIELDS)                                                   \
    Y(41, lease_meter, LEASE_METER_FIELDS)                                                         \
    Y(42, lease_dispute, LEASE_DISPUTE_FIELDS)                                                     \
    Y(43, dispute_decide, DISPUTE_DECIDE_FIELDS)                                                   \
    Y(44, lease_end, LEASE_END_FIELDS)                                                             \
    Y(45, lease_resell, LEASE_RESELL_FIELDS)                                                       \
    Y(46, lease_extend, LEASE_EXTEND_FIELDS)                                                       \
    Y(47, lease_fund, LEASE_FUND_FIELDS)                                                           \
    Y(50, payout, PAYOUT_FIELDS)                                                                   \
    Y(60, clock_advance, CLOCK_ADVANCE_FIELDS)                                                     \
    CONTRACT_OPERATION_LIST(Y)                                                                     \
    CONTROL_OPERATION_LIST(Y)

/* enum { OPERATION_account_register = 1, ... } */
enum operation_code {
#define OPERATION_CODE(code, name, fields) OPERATION_##name = code,
    OPERATION_LIST(OPERATION_CODE)
#undef OPERATION_CODE
};

extern const struct message_set operation_set;

/*
 * The signed body. `account` 0 is a newcomer, who may only claim gifts. `key` is the signing key
 * that the signature verifies under; it must be the account's. `id` is drawn at random by the
 * client and names the request for retries.
 */
#define REQUEST_FIELDS(X, S)                                                                       \
    X(ACCOUNT, S, account, 0, UINT32_MAX)                                                          \
    X(KEY, S, key, 0, 0)                                                                           \
    X(ID, S, id, 0, 0)                                                                             \
    X(TIME, S, valid_until_s, 1, TIME_MAX_S)                                                       \
    X(BOOL, S, atomic, 0, 1)                                                                       \
    X(OPERATIONS, S, operations, 0, BATCH_OPERATIONS_MAX)
MESSAGE_STRUCT(request, REQUEST_FIELDS);

/* What keys_sign() is called with; docs/protocol.md, "Signatures". */
#define PURPOSE_REQUEST "bourse/request/v1"
#define PURPOSE_REKEY   "bourse/rekey/v1"
#define PURPOSE_CLAIM   "bourse/claim/v1"

/* Names output `output` (0 the first token issued) of operation `operation` (0 the first). */
#define TOKEN_REFERENCE_BIT (UINT64_C(1) << 63)
static inline uint64_t token_reference(uint32_t operation, uint32_t output)
{
    return TOKEN_REFERENCE_BIT | (uint64_t)operation << 32 | output;
}

#endif
