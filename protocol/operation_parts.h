/* What the fields of several operations are made of. */
#ifndef BOURSE_PROTOCOL_OPERATION_PARTS_H
#define BOURSE_PROTOCOL_OPERATION_PARTS_H

#include "protocol/limits.h"
#include "protocol/message.h"

#define PAYMENT_FIELDS(X, S)                                                                       \
    X(ACCOUNT, S, account, 1, UINT32_MAX)                                                          \
    X(AMOUNT, S, amount_ucr, 0, UINT64_MAX)
MESSAGE_STRUCT(payment, PAYMENT_FIELDS);

#define PLACE_FIELDS(X, S) X(TEXT, S, code, 2, PLACE_MAX_BYTES)
MESSAGE_STRUCT(place, PLACE_FIELDS);

#define CERTIFICATION_FIELDS(X, S)                                                                 \
    X(TEXT, S, name, 1, NAME_MAX_BYTES)                                                            \
    X(TEXT, S, issuer, 1, NAME_MAX_BYTES)                                                          \
    X(TIME, S, expires_s, 1, TIME_MAX_S)
MESSAGE_STRUCT(certification, CERTIFICATION_FIELDS);

#define SKU_LIMIT_FIELDS(X, S)                                                                     \
    X(NUMBER, S, sku, 1, SERIAL_MAX)                                                               \
    X(PRICE, S, limit_price_ucr, 0, PRICE_MAX_UCR)
MESSAGE_STRUCT(sku_limit, SKU_LIMIT_FIELDS);

#define REQUIRED_FIELDS(X, S) X(TEXT, S, name, 1, NAME_MAX_BYTES)
MESSAGE_STRUCT(required, REQUIRED_FIELDS);

/*
 * What a site and an offer must be like for a workload. Empty lists and texts, and 0, rule nothing
 * out. A certification must be in force when the lease is granted and when it starts.
 * `profile` is one workload profile: training takes reserved, not preemptible capacity at one site;
 * inference takes metered capacity; tuning takes any.
 */
#define CONSTRAINT_FIELDS(X, S)                                                                    \
    X(LIST, S, regions, place, FILTER_PLACES_MAX)                                                  \
    X(LIST, S, jurisdictions, place, FILTER_PLACES_MAX)                                            \
    X(BOOL, S, preemptible_ok, 0, 1)                                                               \
    X(ENUM, S, profile, profile, 0)                                                                \
    X(LIST, S, certifications, required, ORDER_CERTIFICATIONS_MAX)                                 \
    X(TEXT, S, interconnect, 0, NAME_MAX_BYTES)                                                    \
    X(U32, S, carbon_g_max, 0, CARBON_G_MAX)                                                       \
    X(U32, S, reliability_ppm_min, 0, 1000000)

#endif
