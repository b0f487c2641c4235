/*
 * The rows of the exchange's state: one list of columns a table. A change of a list is a new
 * version of its table (tables.c) and a new entry in docs/storage.md.
 */
#ifndef BOURSE_EXCHANGE_ROWS_H
#define BOURSE_EXCHANGE_ROWS_H

#include "protocol/limits.h"
#include "server/store/row.h"

enum {
    NAME_BYTES = NAME_MAX_BYTES + 1,
    PLACE_BYTES = PLACE_MAX_BYTES + 1,
};

/* The tables, in the order in which the image is loaded: a row's hook may look at tables before. */
enum table {
    TABLE_HEAD,
    TABLE_OUTAGE,
    TABLE_ACCOUNT,
    TABLE_SERIES,
    TABLE_SKU,
    TABLE_SITE,
    TABLE_LEDGER,
    TABLE_TOKEN,
    TABLE_GIFT,
    TABLE_OFFER,
    TABLE_ORDER,
    TABLE_LEASE,
    TABLE_ESCROW,
    TABLE_PERIOD,
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
    X(U64, S, index, 1) /* of the event that registered it */                                      \
    X(BYTES, S, sign_key, 32)                                                                      \
    X(BYTES, S, channel_key, 32)                                                                   \
    X(TEXT, S, name, NAME_BYTES)
ROW_STRUCT(account_row, ACCOUNT_ROW);

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

/* Totals of debits and credits as 128-bit numbers in two halves. */
#define LEDGER_ROW(X, S)                                                                           \
    X(U32, S, account, 1)                                                                          \
    X(U32, S, series, 1)                                                                           \
    X(U32, S, kind, 1) /* enum ledger_kind */                                                      \
    X(U32, S, reserved, 1)                                                                         \
    X(U64, S, debits_low, 1)                                                                       \
    X(U64, S, debits_high, 1)                                                                      \
    X(U64, S, credits_low, 1)                                                                      \
    X(U64, S, credits_high, 1)
ROW_STRUCT(ledger_row, LEDGER_ROW);

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

#define OFFER_ROW(X, S)                                                                            \
    X(U64, S, offer, 1)                                                                            \
    X(U64, S, site, 1)                                                                             \
    X(U64, S, sku, 1)                                                                              \
    X(U64, S, start_s, 1)                                                                          \
    X(U64, S, end_s, 1)                                                                            \
    X(U64, S, price_ucr, 1)                                                                        \
    X(U64, S, index, 1)                                                                            \
    X(U32, S, operator, 1)                                                                         \
    X(U32, S, gpus, 1)                                                                             \
    X(U32, S, block_gpus, 1)                                                                       \
    X(U32, S, notice_min, 1)                                                                       \
    X(U32, S, lease_min_min, 1)                                                                    \
    X(U32, S, lease_max_min, 1)                                                                    \
    X(U32, S, meter_period_min, 1)                                                                 \
    X(U8, S, preemptible, 1)                                                                       \
    X(U8, S, billing, 1)                                                                           \
    X(U8, S, state, 1) /* open or withdrawn; whether it has ended the time tells */                \
    X(U8, S, reserved, 1)
ROW_STRUCT(offer_row, OFFER_ROW);

#define ORDER_ROW(X, S)                                                                            \
    X(U64, S, order, 1)                                                                            \
    X(U64, S, placed_s, 1)                                                                         \
    X(U64, S, cost_ucr, 1)                                                                         \
    X(U64, S, lease_first, 1)                                                                      \
    X(U64, S, index, 1)                                                                            \
    X(U32, S, account, 1)                                                                          \
    X(U32, S, outcome, 1)                                                                          \
    X(U32, S, time_in_force, 1)                                                                    \
    X(U32, S, profile, 1)                                                                          \
    X(U32, S, gpus, 1)                                                                             \
    X(U32, S, gpus_filled, 1)                                                                      \
    X(U32, S, duration_min, 1)                                                                     \
    X(U32, S, lease_count, 1)
ROW_STRUCT(order_row, ORDER_ROW);

/*
 * end_s is where the lease ends as it stands (an early end moves it); cost_ucr is the cost of
 * [start_s, end_s) as it stands. Escrow = what is in its ESCROW rows.
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
    X(U64, S, index, 1)                                                                            \
    X(U64, S, access_index, 1) /* of the event with the sealed access */                           \
    X(U32, S, holder, 1)                                                                           \
    X(U32, S, operator, 1)                                                                         \
    X(U32, S, gpus, 1)                                                                             \
    X(U32, S, meter_period_min, 1)                                                                 \
    X(U32, S, periods_settled, 1)                                                                  \
    X(U32, S, meter_cursor, 1) /* the first period without a row */                                \
    X(U8, S, state, 1)                                                                             \
    X(U8, S, end_reason, 1)                                                                        \
    X(U8, S, preemptible, 1)                                                                       \
    X(U8, S, escrow_series, 1) /* how many ESCROW rows it was funded with */                       \
    X(U32, S, reserved, 1)
ROW_STRUCT(lease_row, LEASE_ROW);

/* What a lease still holds of each series that funds it; `place` 0, 1, ... in the order of pay. */
#define ESCROW_ROW(X, S)                                                                           \
    X(U64, S, lease, 1)                                                                            \
    X(U32, S, place, 1)                                                                            \
    X(U32, S, series, 1)                                                                           \
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
    X(U64, S, gpu_minutes_claimed, 1) /* by a dispute */                                           \
    X(U64, S, gpu_minutes_settled, 1)
ROW_STRUCT(period_row, PERIOD_ROW);

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
