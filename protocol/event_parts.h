/* What events are made of besides single fields; queries answer with some of it, too. */
#ifndef BOURSE_PROTOCOL_EVENT_PARTS_H
#define BOURSE_PROTOCOL_EVENT_PARTS_H

#include "protocol/limits.h"
#include "protocol/message.h"

#define EVENT_HEAD(X, S)                                                                           \
    X(TIME, S, time_s, 0, TIME_MAX_S)                                                              \
    X(ACCOUNT, S, by, 0, UINT32_MAX)

/* What every event struct begins with. */
MESSAGE_STRUCT(event_head, EVENT_HEAD);

#define REFUSED_FIELDS(X, S)                                                                       \
    X(U32, S, operation, 0, BATCH_OPERATIONS_MAX)                                                  \
    X(REFUSAL, S, refusal, 1, UINT16_MAX)
MESSAGE_STRUCT(refused, REFUSED_FIELDS);

/* A token issued; of the event's series where that is named there, else of `series`. */
#define ISSUED_FIELDS(X, S)                                                                        \
    X(NUMBER, S, token, 1, SERIAL_MAX)                                                             \
    X(SERIES, S, series, 1, UINT32_MAX)                                                            \
    X(ACCOUNT, S, account, 1, UINT32_MAX)                                                          \
    X(AMOUNT, S, amount_ucr, 1, UINT64_MAX)
MESSAGE_STRUCT(issued, ISSUED_FIELDS);

/* An amount in a series. */
#define SHARE_FIELDS(X, S)                                                                         \
    X(SERIES, S, series, 1, UINT32_MAX)                                                            \
    X(AMOUNT, S, amount_ucr, 0, UINT64_MAX)
MESSAGE_STRUCT(share, SHARE_FIELDS);

/* price_ucr and cost_ucr are what the buyer pays, also of a lease that was on offer. */
#define GRANT_FIELDS(X, S)                                                                         \
    X(NUMBER, S, lease, 1, SERIAL_MAX)                                                             \
    X(NUMBER, S, offer, 1, SERIAL_MAX)                                                             \
    X(NUMBER, S, site, 1, SERIAL_MAX)                                                              \
    X(NUMBER, S, sku, 1, SERIAL_MAX)                                                               \
    X(ACCOUNT, S, operator, 1, UINT32_MAX)                                                         \
    X(U32, S, gpus, 1, GPUS_MAX)                                                                   \
    X(TIME, S, start_s, 1, TIME_MAX_S)                                                             \
    X(TIME, S, end_s, 1, TIME_MAX_S)                                                               \
    X(PRICE, S, price_ucr, 0, PRICE_MAX_UCR)                                                       \
    X(AMOUNT, S, cost_ucr, 0, UINT64_MAX)
MESSAGE_STRUCT(lease_grant, GRANT_FIELDS);

/* A trade without its parties; `resale`: of a lease that was on offer. */
#define TRADE_FIELDS(X, S)                                                                         \
    X(NUMBER, S, trade, 1, SERIAL_MAX)                                                             \
    X(NUMBER, S, sku, 1, SERIAL_MAX)                                                               \
    X(TEXT, S, region, 2, PLACE_MAX_BYTES)                                                         \
    X(U32, S, gpus, 1, GPUS_MAX)                                                                   \
    X(TIME, S, start_s, 0, TIME_MAX_S)                                                             \
    X(TIME, S, end_s, 0, TIME_MAX_S)                                                               \
    X(PRICE, S, price_ucr, 0, PRICE_MAX_UCR)                                                       \
    X(ENUM, S, kind, trade_kind, 0)                                                                \
    X(BOOL, S, preemptible, 0, 1)                                                                  \
    X(BOOL, S, resale, 0, 1)
MESSAGE_STRUCT(trade, TRADE_FIELDS);

/* The index of a SKU and kind at a whole hour; docs/protocol.md, "Price index". */
#define INDEX_POINT_FIELDS(X, S)                                                                   \
    X(NUMBER, S, sku, 1, SERIAL_MAX)                                                               \
    X(ENUM, S, kind, trade_kind, 0)                                                                \
    X(TIME, S, hour_s, 0, TIME_MAX_S)                                                              \
    X(PRICE, S, level_ucr, 0, PRICE_MAX_UCR)                                                       \
    X(U64, S, chain_ppm, 0, UINT64_MAX)                                                            \
    X(U32, S, trades, 0, UINT32_MAX)                                                               \
    X(U64, S, gpu_minutes, 0, UINT64_MAX)
MESSAGE_STRUCT(index_point, INDEX_POINT_FIELDS);

#endif
