/*
 * The rows of the exchange's state: one list of columns a table. A change of a list is a new
 * version of its table (tables.c) and a new entry in docs/storage.md.
 */
#ifndef BOURSE_EXCHANGE_ROWS_H
#define BOURSE_EXCHANGE_ROWS_H

#include "protocol/limits.h"
#include "server/exchange/contract_rows.h"
#include "server/store/row.h"

/* The tables, in the order in which the image is loaded: a row's hook may look at tables before. */
enum table {
    TABLE_HEAD,
    TABLE_OUTAGE,
    TABLE_ACCOUNT,
    TABLE_KEY,
    TABLE_SERIES,
    TABLE_SKU,
    TABLE_SITE,
    TABLE_LEDGER,
    TABLE_TOKEN,
    TABLE_GIFT,
    TABLE_CLOSURE,
    TABLE_ASK_SITE,
    TABLE_ASK_TURN,
    TABLE_CONTRACT,
    TABLE_BACKSTOP,
    TABLE_COVER,
    TABLE_REVSHARE,
    TABLE_PROGRESS,
    TABLE_GRANT,
    TABLE_ADVANCE,
    TABLE_GUARANTEE,
    TABLE_RECOURSE,
    TABLE_CLAIM,
    TABLE_DRAW,
    TABLE_SHARE,
    TABLE_DECLARATION,
    TABLE_OCCUPANCY,
    TABLE_OFFER,
    TABLE_LISTING,
    TABLE_ORDER,
    TABLE_REST,
    TABLE_LEASE,
    TABLE_RELIEF,
    TABLE_ESCROW,
    TABLE_PERIOD,
    TABLE_PAYMENT,
    TABLE_RULE,
    TABLE_TRADE,
    TABLE_POINT,
    TABLE_LEVEL,
    TABLE_FLOW,
    TABLE_PROPOSAL,
    TABLE_CLOSING,
    TABLE_REQUEST,
    TABLE_COUNT
};

/* One row: the counters and the clock. Kept in struct exchange and put once a group. */
#define HEAD_ROW(X, S)                                                                             \
    X(U32, S, id, 1) /* 0 */                                                                       \
    X(U32, S, clock_mode, 1)                                                                       \
    X(U64, S, group, 1)                                                                            \
    X(U64, S, time_s, 1)      /* the present, as the rules see it */                               \
    X(U64, S, confirmed_s, 1) /* manual clock: where it stands; real: the latest admin's word */   \
    X(U64, S, log_size, 1)    /* events logged */                                                  \
    X(U64, S, token_last, 1)  /* the last serial issued, of each kind */                           \
    X(U64, S, gift_last, 1)                                                                        \
    X(U64, S, sku_last, 1)                                                                         \
    X(U64, S, site_last, 1)                                                                        \
    X(U64, S, offer_last, 1)                                                                       \
    X(U64, S, order_last, 1)                                                                       \
    X(U64, S, lease_last, 1)                                                                       \
    X(U64, S, outage_last, 1)                                                                      \
    X(U64, S, closure_last, 1)                                                                     \
    X(U64, S, rule_last, 1)                                                                        \
    X(U64, S, trade_last, 1)                                                                       \
    X(U64, S, place_base, 1)   /* entries of the logs that this one goes on from */                \
    X(U64, S, index_hour_s, 1) /* the last whole hour for which the index was published */         \
    X(U64, S, contract_last, 1)                                                                    \
    X(U64, S, claim_last, 1)                                                                       \
    X(U64, S, proposal_last, 1)                                                                    \
    X(U64, S, occupancy_s, 1)    /* until when occupancy has been added up */                      \
    X(U64, S, occupancy_site, 1) /* ... and of the day after up to this place */                   \
    X(U64, S, occupancy_sku, 1)                                                                    \
    X(U64, S, minted_day, 1) /* days since 1970 of minted_ucr, which was minted on one word */     \
    X(U64, S, minted_ucr, 1)                                                                       \
    X(U64, S, mint_limit_ucr, 1)                                                                   \
    X(U64, S, payout_limit_ucr, 1)                                                                 \
    X(U32, S, approvals, 1)                                                                        \
    X(U32, S, reserved, 1)                                                                         \
    X(U32, S, account_last, 1)                                                                     \
    X(U32, S, series_last, 1)
ROW_STRUCT(head_row, HEAD_ROW);

/* A time in which the exchange was down: [from_s, to_s). */
#define OUTAGE_ROW(X, S)                                                                           \
    X(U64, S, outage, 1)                                                                           \
    X(U64, S, from_s, 1)                                                                           \
    X(U64, S, to_s, 1)
ROW_STRUCT(outage_row, OUTAGE_ROW);

#define ACCOUNT_ROW(X, S)                                                                          \
    X(U32, S, account, 1)                                                                          \
    X(U32, S, role, 1)                                                                             \
    X(U32, S, state, 1)                                                                            \
    X(U32, S, reserved, 1)                                                                         \
    X(U64, S, registered_s, 1)                                                                     \
    X(U64, S, paid_out_day, 1) /* days since 1970 of paid_out_ucr, paid out on one word */         \
    X(U64, S, paid_out_ucr, 1)                                                                     \
    X(U64, S, index, 1) /* of the event that registered it */                                      \
    X(BYTES, S, sign_key, 32)                                                                      \
    X(BYTES, S, channel_key, 32)                                                                   \
    X(TEXT, S, name, NAME_BYTES)
ROW_STRUCT(account_row, ACCOUNT_ROW);

/* A further key of an account; `slot` 0 to KEYS_PER_ACCOUNT_MAX - 1. */
#define KEY_ROW(X, S)                                                                              \
    X(U32, S, account, 1)                                                                          \
    X(U32, S, slot, 1)                                                                             \
    X(U32, S, scopes, 1)                                                                           \
    X(U32, S, lapsed, 1)    /* 1: a tick has been at expires_s */                                  \
    X(U64, S, daily_ucr, 1) /* 0: no limit */                                                      \
    X(U64, S, spent_day, 1) /* days since 1970 of spent_ucr */                                     \
    X(U64, S, spent_ucr, 1) /* moved on that day */                                                \
    X(U64, S, expires_s, 1) /* 0: never */                                                         \
    X(U64, S, index, 1)                                                                            \
    X(BYTES, S, sign_key, 32)                                                                      \
    X(BYTES, S, channel_key, 32)                                                                   \
    X(TEXT, S, label, NAME_BYTES)
ROW_STRUCT(key_row, KEY_ROW);

#define SERIES_ROW(X, S)                                                                           \
    X(U32, S, series, 1)                                                                           \
    X(U32, S, funder, 1)                                                                           \
    X(U32, S, expired_to, 1)                                                                       \
    X(U32, S, profiles, 1)    /* bits of enum profile; 0: any */                                   \
    X(U64, S, expires_s, 1)   /* 0: never */                                                       \
    X(U64, S, swept_token, 1) /* tokens up to this serial have been swept after expiry */          \
    X(U64, S, swept_gift, 1)                                                                       \
    X(U64, S, index, 1)                                                                            \
    X(U8, S, transferable, 1)                                                                      \
    X(U8, S, swept, 1) /* the sweep has come to its end */                                         \
    X(U8, S, skus_count, 1)                                                                        \
    X(U8, S, regions_count, 1)                                                                     \
    X(U32, S, reserved, 1)                                                                         \
    X(U64S, S, skus, SERIES_SKUS_MAX)                                                              \
    X(BYTES, S, regions, SERIES_REGIONS_MAX *PLACE_BYTES) /* NUL-padded codes */                   \
    X(TEXT, S, name, NAME_BYTES)
ROW_STRUCT(series_row, SERIES_ROW);

#define SKU_ROW(X, S)                                                                              \
    X(U64, S, sku, 1)                                                                              \
    X(U64, S, index, 1)                                                                            \
    X(U32, S, state, 1)                                                                            \
    X(U32, S, memory_gb, 1)                                                                        \
    X(U32, S, power_w, 1)                                                                          \
    X(U32, S, reserved, 1)                                                                         \
    X(TEXT, S, name, NAME_BYTES)                                                                   \
    X(TEXT, S, vendor, NAME_BYTES)                                                                 \
    X(TEXT, S, model, NAME_BYTES)                                                                  \
    X(TEXT, S, interconnect, NAME_BYTES)                                                           \
    X(TEXT, S, generation, NAME_BYTES)
ROW_STRUCT(sku_row, SKU_ROW);

#define SITE_ROW(X, S)                                                                             \
    X(U64, S, site, 1)                                                                             \
    X(U64, S, gpu_minutes_due, 1) /* of settled periods and failed leases */                       \
    X(U64, S, gpu_minutes_delivered, 1)                                                            \
    X(U64, S, leases_granted, 1)                                                                   \
    X(U64, S, leases_failed, 1)                                                                    \
    X(U64, S, leases_ended_by_operator, 1)                                                         \
    X(U64, S, index, 1)                                                                            \
    X(U64S, S, certification_expires_s, SITE_CERTIFICATIONS_MAX)                                   \
    X(U32, S, operator, 1)                                                                         \
    X(U32, S, power_kw, 1)                                                                         \
    X(U32, S, carbon_g_per_kwh, 1)                                                                 \
    X(U32, S, certifications_count, 1)                                                             \
    X(TEXT, S, region, PLACE_BYTES)                                                                \
    X(TEXT, S, jurisdiction, PLACE_BYTES)                                                          \
    X(TEXT, S, name, NAME_BYTES)                                                                   \
    X(BYTES, S, certification_names, SITE_CERTIFICATIONS_MAX *NAME_BYTES)                          \
    X(BYTES, S, certification_issuers, SITE_CERTIFICATIONS_MAX *NAME_BYTES)
ROW_STRUCT(site_row, SITE_ROW);

/* Totals of debits and credits as 128-bit numbers in two halves. `month`: months since 1970 of the
 * last change; at the first change of another month the totals are kept in a CLOSING row. */
#define LEDGER_ROW(X, S)                                                                           \
    X(U32, S, account, 1)                                                                          \
    X(U32, S, series, 1)                                                                           \
    X(U32, S, kind, 1) /* enum ledger_kind */                                                      \
    X(U32, S, month, 1)                                                                            \
    X(U64, S, debits_low, 1)                                                                       \
    X(U64, S, debits_high, 1)                                                                      \
    X(U64, S, credits_low, 1)                                                                      \
    X(U64, S, credits_high, 1)
ROW_STRUCT(ledger_row, LEDGER_ROW);

/* What a LEDGER row was at the end of a month in which it had changed. */
#define CLOSING_ROW(X, S) LEDGER_ROW(X, S)
ROW_STRUCT(closing_row, CLOSING_ROW);

#define TOKEN_ROW(X, S)                                                                            \
    X(U64, S, token, 1)                                                                            \
    X(U64, S, amount_ucr, 1)                                                                       \
    X(U64, S, index, 1) /* of the event that issued it */                                          \
    X(U32, S, series, 1)                                                                           \
    X(U32, S, owner, 1)
ROW_STRUCT(token_row, TOKEN_ROW);

#define GIFT_ROW(X, S)                                                                             \
    X(U64, S, gift, 1)                                                                             \
    X(U64, S, amount_ucr, 1)                                                                       \
    X(U64, S, index, 1)                                                                            \
    X(U32, S, series, 1)                                                                           \
    X(U32, S, giver, 1)                                                                            \
    X(BYTES, S, claim_key, 32)
ROW_STRUCT(gift_row, GIFT_ROW);

/* A time in which a site gives no capacity. */
#define CLOSURE_ROW(X, S)                                                                          \
    X(U64, S, closure, 1)                                                                          \
    X(U64, S, site, 1)                                                                             \
    X(U64, S, start_s, 1)                                                                          \
    X(U64, S, end_s, 1)                                                                            \
    X(U64, S, index, 1)                                                                            \
    X(U32, S, kind, 1) /* enum closure_kind */                                                     \
    X(U32, S, reserved, 1)                                                                         \
    X(TEXT, S, reason, REASON_MAX_BYTES + 1)
ROW_STRUCT(closure_row, CLOSURE_ROW);

/*
 * What a site has to offer counts again since since_s, and resting orders are to be asked about it:
 * its open offers below offer_next have been gone through. None of these that stands in the book
 * has a lower price than shown_ucr. The row goes when all have been.
 */
#define ASK_SITE_ROW(X, S)                                                                         \
    X(U64, S, site, 1)                                                                             \
    X(U64, S, since_s, 1)                                                                          \
    X(U64, S, offer_next, 1)                                                                       \
    X(U64, S, shown_ucr, 1)
ROW_STRUCT(ask_site_row, ASK_SITE_ROW);

/* Who has something that is to be asked about, and had its turn in this order, the lowest first.
 * The row of a seller with nothing left goes at its next turn. */
#define ASK_TURN_ROW(X, S)                                                                         \
    X(U32, S, seller, 1)                                                                           \
    X(U32, S, reserved, 1)                                                                         \
    X(U64, S, turn, 1)
ROW_STRUCT(ask_turn_row, ASK_TURN_ROW);

/*
 * `place` is the log index of the event that gave the offer its place among those of its price, and
 * `index` that of its publication. An offer that resting orders have not all been asked about is
 * `asking`: since ask_s, and all those before (ask_limit_ucr, ask_place) have been.
 */
#define OFFER_ROW(X, S)                                                                            \
    X(U64, S, offer, 1)                                                                            \
    X(U64, S, site, 1)                                                                             \
    X(U64, S, sku, 1)                                                                              \
    X(U64, S, start_s, 1)                                                                          \
    X(U64, S, end_s, 1)                                                                            \
    X(U64, S, price_ucr, 1)                                                                        \
    X(U64, S, index, 1)                                                                            \
    X(U64, S, place, 1)                                                                            \
    X(U64, S, until_s, 1) /* of a standing offer: where its end stops; 0: never */                 \
    X(U64, S, lease, 1)   /* the lease that is on offer; 0: an operator's own capacity */          \
    X(U64, S, ask_s, 1)                                                                            \
    X(U64, S, ask_limit_ucr, 1)                                                                    \
    X(U64, S, ask_place, 1)                                                                        \
    X(U32, S, operator, 1)                                                                         \
    X(U32, S, seller, 1)       /* who may change it: the operator, or the holder of the lease */   \
    X(U32, S, standing_min, 1) /* 0: not (any more) a standing offer */                            \
    X(U32, S, least_charge_ppm, 1)                                                                 \
    X(U32, S, gpus, 1)                                                                             \
    X(U32, S, block_gpus, 1)                                                                       \
    X(U32, S, notice_min, 1)                                                                       \
    X(U32, S, lease_min_min, 1)                                                                    \
    X(U32, S, lease_max_min, 1)                                                                    \
    X(U32, S, meter_period_min, 1)                                                                 \
    X(U32, S, reserved, 1)                                                                         \
    X(U8, S, preemptible, 1)                                                                       \
    X(U8, S, billing, 1)                                                                           \
    X(U8, S, state, 1) /* open or withdrawn; whether it has ended the time tells */                \
    X(U8, S, asking, 1)
ROW_STRUCT(offer_row, OFFER_ROW);

/* cost_ucr is what its leases were granted for. */
#define ORDER_ROW(X, S)                                                                            \
    X(U64, S, order, 1)                                                                            \
    X(U64, S, placed_s, 1)                                                                         \
    X(U64, S, ended_s, 1) /* 0 while it rests */                                                   \
    X(U64, S, cost_ucr, 1)                                                                         \
    X(U64, S, lease_first, 1) /* 0: none yet */                                                    \
    X(U64, S, index, 1)                                                                            \
    X(U64, S, rule, 1) /* that placed it; 0: none */                                               \
    X(U64, S, rest_until_s, 1)                                                                     \
    X(U32, S, account, 1)                                                                          \
    X(U32, S, state, 1)                                                                            \
    X(U32, S, end_reason, 1)                                                                       \
    X(U32, S, time_in_force, 1)                                                                    \
    X(U32, S, placement, 1)                                                                        \
    X(U32, S, profile, 1)                                                                          \
    X(U32, S, gpus, 1)                                                                             \
    X(U32, S, gpus_filled, 1)                                                                      \
    X(U32, S, duration_min, 1)                                                                     \
    X(U32, S, lease_count, 1)
ROW_STRUCT(order_row, ORDER_ROW);

/* What a rest row and a rule row share: SKUs with limits, and constraints. */
#define CONSTRAINT_COLUMNS(X, S)                                                                   \
    X(U64S, S, skus, ORDER_SKUS_MAX)                                                               \
    X(U64S, S, limits_ucr, ORDER_SKUS_MAX)                                                         \
    X(U32, S, carbon_g_max, 1)                                                                     \
    X(U32, S, reliability_ppm_min, 1)                                                              \
    X(U8, S, skus_count, 1)                                                                        \
    X(U8, S, regions_count, 1)                                                                     \
    X(U8, S, jurisdictions_count, 1)                                                               \
    X(U8, S, certifications_count, 1)                                                              \
    X(U8, S, preemptible_ok, 1)                                                                    \
    X(U8, S, profile, 1)                                                                           \
    X(U8, S, escrow_series, 1) /* how many ESCROW rows it has */                                   \
    X(U8, S, flags, 1)                                                                             \
    X(BYTES, S, regions, FILTER_PLACES_MAX *PLACE_BYTES)                                           \
    X(BYTES, S, jurisdictions, FILTER_PLACES_MAX *PLACE_BYTES)                                     \
    X(BYTES, S, certifications, ORDER_CERTIFICATIONS_MAX *NAME_BYTES)                              \
    X(TEXT, S, interconnect, NAME_BYTES)

/*
 * The terms of an order while it rests. `place` is the log index of the event that gave it its
 * place among those of its limit. `site` is where it has been filled first, with placement
 * one_site, and where all of it must be; once it has been filled in part its window is the start of
 * that fill alone. `due_s` is when it ends by time: at rest_until_s of the order, after the last
 * start of its window, or with the first series in its escrow to expire.
 */
#define REST_ROW(X, S)                                                                             \
    X(U64, S, order, 1)                                                                            \
    X(U64, S, place, 1)                                                                            \
    X(U64, S, site, 1)                                                                             \
    X(U64, S, start_from_s, 1)                                                                     \
    X(U64, S, start_until_s, 1)                                                                    \
    X(U64, S, due_s, 1)                                                                            \
    X(U32, S, gpus_missing, 1)                                                                     \
    X(U32, S, gpus_min, 1)                                                                         \
    X(U32, S, block_gpus, 1)                                                                       \
    X(U32, S, funded_min, 1)                                                                       \
    CONSTRAINT_COLUMNS(X, S)
ROW_STRUCT(rest_row, REST_ROW);

/* A standing wish of an account. flags: 1 resell, 2 the warning has been given. last_refusal: why
 * it did not buy at its last step; 0: it bought, or nothing was missing. */
#define RULE_ROW(X, S)                                                                             \
    X(U64, S, rule, 1)                                                                             \
    X(U64, S, next_s, 1) /* when it acts next */                                                   \
    X(U64, S, sell_price_ucr, 1)                                                                   \
    X(U64, S, spent_ucr, 1)                                                                        \
    X(U64, S, index, 1)                                                                            \
    X(U32, S, account, 1)                                                                          \
    X(U32, S, state, 1)                                                                            \
    X(U32, S, gpus, 1)                                                                             \
    X(U32, S, horizon_min, 1)                                                                      \
    X(U32, S, runway_min, 1)                                                                       \
    X(U32, S, last_refusal, 1)                                                                     \
    CONSTRAINT_COLUMNS(X, S)
ROW_STRUCT(rule_row, RULE_ROW);

/*
 * end_s is where the lease ends as it stands (an early end or an extension moves it); cost_ucr is
 * the cost of what it owes of [start_s, end_s) as it stands: all its GPU-minutes but those of its
 * RELIEF rows. Escrow = what is in its ESCROW rows. price_ucr is the operator's, also of a lease
 * that was bought of another holder.
 */
#define LEASE_ROW(X, S)                                                                            \
    X(U64, S, lease, 1)                                                                            \
    X(U64, S, order, 1)                                                                            \
    X(U64, S, offer, 1)                                                                            \
    X(U64, S, site, 1)                                                                             \
    X(U64, S, sku, 1)                                                                              \
    X(U64, S, granted_s, 1)                                                                        \
    X(U64, S, start_s, 1)                                                                          \
    X(U64, S, end_s, 1)                                                                            \
    X(U64, S, activated_s, 1) /* 0: not yet */                                                     \
    X(U64, S, price_ucr, 1)                                                                        \
    X(U64, S, cost_ucr, 1)                                                                         \
    X(U64, S, paid_ucr, 1)                                                                         \
    X(U64, S, refunded_ucr, 1)                                                                     \
    X(U64, S, gpu_minutes_settled_due, 1) /* due in settled periods */                             \
    X(U64, S, gpu_minutes_delivered, 1)   /* counted as delivered in settled periods */            \
    X(U64, S, gpu_minutes_spared, 1) /* due but not charged in periods metered, not settled */     \
    X(U64, S, index, 1)                                                                            \
    X(U64, S, access_index, 1)     /* of the event with the sealed access */                       \
    X(U64, S, parent, 1)           /* the lease that it was sold out of; 0: none */                \
    X(U64, S, resale_offer, 1)     /* the open offer that it stands in; 0: none */                 \
    X(U64, S, gpu_minutes_sold, 1) /* as granted to the buyers */                                  \
    X(U64, S, trade, 1)            /* the operator's, also where it was sold on since */           \
    X(U64, S, gpu_minutes_paused, 1)                                                               \
    X(U64, S, paused_s, 1)  /* 0: not paused; else since when */                                   \
    X(U64, S, resumed_s, 1) /* 0: it never was; else where the last pause that is over ended */    \
    X(U32, S, holder, 1)                                                                           \
    X(U32, S, operator, 1)                                                                         \
    X(U32, S, gpus, 1)                                                                             \
    X(U32, S, meter_period_min, 1)                                                                 \
    X(U32, S, periods_settled, 1)                                                                  \
    X(U32, S, meter_cursor, 1) /* the first period without a row */                                \
    X(U32, S, reliefs, 1)      /* how many RELIEF rows it has */                                   \
    X(U32, S, least_charge_ppm, 1)                                                                 \
    X(U32, S, funded_min, 1)       /* of an elastic lease: for how long it was paid ahead */       \
    X(U32, S, carbon_g_per_kwh, 1) /* of its site, as listed when it was granted */                \
    X(U8, S, state, 1)                                                                             \
    X(U8, S, end_reason, 1)                                                                        \
    X(U8, S, preemptible, 1)                                                                       \
    X(U8, S, escrow_series, 1) /* how many ESCROW rows it has */                                   \
    X(U8, S, elastic, 1)                                                                           \
    X(U8, S, billing, 1)                                                                           \
    X(U8, S, profile, 1)                                                                           \
    X(U8, S, elected, 1) /* taken by the guarantor of a backstop at its strike */
ROW_STRUCT(lease_row, LEASE_ROW);

/* What a lease does not owe: `gpus` of it over [start_s, end_s) were sold to the holder of the
 * lease `sold`, or it was paused then. `relief` 0, 1, ... of each lease. When the lease is cut to
 * an earlier end, cut_min grows by what lies beyond that, so that an extension begins anew there.
 * What was withheld lies behind the lease's end and is never cut.
 */
#define RELIEF_ROW(X, S)                                                                           \
    X(U64, S, lease, 1)                                                                            \
    X(U32, S, relief, 1)                                                                           \
    X(U32, S, kind, 1) /* enum relief_kind */                                                      \
    X(U64, S, start_s, 1)                                                                          \
    X(U64, S, end_s, 1)                                                                            \
    X(U64, S, sold, 1)                                                                             \
    X(U64, S, offer, 1) /* that it was sold through */                                             \
    X(U64, S, price_ucr, 1)                                                                        \
    X(U64, S, gain_ucr, 1) /* of who sold it, paid by who bought it */                             \
    X(U32, S, gpus, 1)                                                                             \
    X(U32, S, cut_min, 1) /* before end_s: counts no more */
ROW_STRUCT(relief_row, RELIEF_ROW);

/*
 * What a lease, a resting order or a rule (`kind`, enum escrow_kind; `serial`) still holds of each
 * series; `place` 0, 1, ... in the order of pay. `owner` is whose it is and to whom it returns: the
 * holder, or of a lease sold below its price also the seller.
 */
#define ESCROW_ROW(X, S)                                                                           \
    X(U64, S, serial, 1)                                                                           \
    X(U32, S, kind, 1)                                                                             \
    X(U32, S, place, 1)                                                                            \
    X(U32, S, series, 1)                                                                           \
    X(U32, S, owner, 1)                                                                            \
    X(U64, S, amount_ucr, 1)
ROW_STRUCT(escrow_row, ESCROW_ROW);

/* A period that was metered, or whose time for metering has passed. */
#define PERIOD_ROW(X, S)                                                                           \
    X(U64, S, lease, 1)                                                                            \
    X(U32, S, period, 1)                                                                           \
    X(U32, S, state, 1)                                                                            \
    X(U64, S, metered_s, 1)                                                                        \
    X(U64, S, gpu_minutes_due, 1)                                                                  \
    X(U64, S, gpu_minutes_metered, 1)                                                              \
    X(U64, S, gpu_minutes_claimed, 1) /* by a dispute: below the charge */                         \
    X(U64, S, gpu_minutes_settled, 1)
ROW_STRUCT(period_row, PERIOD_ROW);

/* What was paid of a settled period by whom, of a lease that others have a part in the escrow of
 * than its holder: who sold it on below its price. The holder's is always there, be it nothing. */
#define PAYMENT_ROW(X, S)                                                                          \
    X(U64, S, lease, 1)                                                                            \
    X(U32, S, period, 1)                                                                           \
    X(U32, S, payer, 1)                                                                            \
    X(U64, S, amount_ucr, 1)
ROW_STRUCT(payment_row, PAYMENT_ROW);

/* One of the last trades. */
#define TRADE_ROW(X, S)                                                                            \
    X(U64, S, trade, 1)                                                                            \
    X(U64, S, time_s, 1)                                                                           \
    X(U64, S, sku, 1)                                                                              \
    X(U64, S, start_s, 1)                                                                          \
    X(U64, S, end_s, 1)                                                                            \
    X(U64, S, price_ucr, 1)                                                                        \
    X(U64, S, gpu_minutes, 1) /* what still counts of it */                                        \
    X(U32, S, gpus, 1)                                                                             \
    X(U8, S, kind, 1)                                                                              \
    X(U8, S, preemptible, 1)                                                                       \
    X(U8, S, resale, 1)                                                                            \
    X(U8, S, reserved, 1)                                                                          \
    X(TEXT, S, region, PLACE_BYTES)
ROW_STRUCT(trade_row, TRADE_ROW);

/* The price index of a SKU and kind at a whole hour. */
#define POINT_ROW(X, S)                                                                            \
    X(U64, S, sku, 1)                                                                              \
    X(U64, S, hour_s, 1)                                                                           \
    X(U32, S, kind, 1)                                                                             \
    X(U32, S, trades, 1)                                                                           \
    X(U64, S, level_ucr, 1)                                                                        \
    X(U64, S, chain_ppm, 1)                                                                        \
    X(U64, S, gpu_minutes, 1)
ROW_STRUCT(point_row, POINT_ROW);

/* What the trades of one region were worth at the last point of a SKU and kind; `region` is its
 * place_number(). */
#define LEVEL_ROW(X, S)                                                                            \
    X(U64, S, sku, 1)                                                                              \
    X(U64, S, region, 1)                                                                           \
    X(U32, S, kind, 1)                                                                             \
    X(U32, S, reserved, 1)                                                                         \
    X(U64, S, level_ucr, 1)                                                                        \
    X(U64, S, gpu_minutes, 1)
ROW_STRUCT(level_row, LEVEL_ROW);

/* A live request id: grows and leaves in the order of valid_until_s. */
#define REQUEST_ROW(X, S)                                                                          \
    X(U64, S, valid_until_s, 1)                                                                    \
    X(U32, S, account, 1)                                                                          \
    X(U32, S, reserved, 1)                                                                         \
    X(BYTES, S, id, 16)                                                                            \
    X(BYTES, S, body_hash, 32)                                                                     \
    X(U64, S, index, 1) /* of the request's event, from which its outcome is read again */         \
    X(U64, S, group, 1)                                                                            \
    X(U64, S, time_s, 1)
ROW_STRUCT(request_row, REQUEST_ROW);

/* The tables' descriptions, TABLE_COUNT of them, for store_new() and image_open(). */
extern const struct table_spec exchange_tables[TABLE_COUNT];

#endif
