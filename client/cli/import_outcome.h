/* What came of an import. What became of the orders the exchange is asked in the end. */
#ifndef BOURSE_CLI_IMPORT_OUTCOME_H
#define BOURSE_CLI_IMPORT_OUTCOME_H

#include <stdint.h>

#include "client/cli/import_market.h"
#include "protocol/amount.h"
#include "protocol/queries.h"
#include "protocol/refusal.h"

struct import_result {
    uint64_t tasks; /* each is one of the next five */
    uint64_t filled;
    uint64_t filled_later;  /* rested first */
    uint64_t partly_filled; /* got some of their GPUs, and no more */
    uint64_t expired;       /* rested, and got nothing */
    uint64_t refused;
    uint64_t refusals[REFUSAL_COUNT]; /* of orders, by reason */
    uint64_t rested_s;                /* of the orders filled later, together */
    uint64_t partly_wanted;           /* GPUs of the orders that were filled in part */
    uint64_t partly_got;
    uint64_t leases;
    uint64_t leases_ahead; /* began later than they were granted */
    uint64_t ended_early;  /* leases ended by the holder, their task being over */
    uint64_t reclaimed;    /* leases ended by the operator */
    uint64_t periods;      /* metered */
    gpu_minutes sold[TRACE_MODELS_MAX];
    amount settled_ucr; /* what the operators earned */
    amount base_ucr;    /* the same at the models' base prices */
    double trading_s;   /* wall time from the first stop to the last settlement */
};

/* Calls `each` for every order of the startup that was not refused. Errors, explained: the
 * wire's. */
int outcome_orders(struct market *m, void (*each)(void *context, const struct order_info *order),
                   void *context, struct connection_error *error);

/* Counts them in `r`. Everything must have ended. */
int outcome_count(struct market *m, struct import_result *r, struct connection_error *error);

#endif
