/*
 * Runs a plan in its market, stop by stop, until every lease is settled. Nothing that reaches the
 * exchange depends on this machine's clock or speed.
 */
#ifndef BOURSE_CLI_IMPORT_RUN_H
#define BOURSE_CLI_IMPORT_RUN_H

#include <stdint.h>

#include "client/cli/import_market.h"
#include "protocol/amount.h"
#include "protocol/refusal.h"

/* What came of it. */
struct import_result {
    uint64_t tasks;
    uint64_t filled;
    uint64_t partly_filled;
    uint64_t refused;
    uint64_t refusals[REFUSAL_COUNT]; /* of orders, by reason */
    uint64_t leases;
    uint64_t periods; /* metered */
    gpu_minutes sold[TRACE_MODELS_MAX];
    amount settled_ucr; /* what the operators earned */
    double trading_s;   /* wall time from the first stop to the last settlement */
};

/* Called after each stop; false: no more of it (STATUS_CLOSED). */
struct run_progress {
    void *context;
    bool (*at)(void *context, size_t tasks_done, size_t tasks, uint64_t time_s);
};

/*
 * `dispute_window_s` is the exchange's: after it a metered period is settled. Errors, explained:
 * those of the wire; STATUS_MISUSE when the exchange refuses what only a fault of ours or another
 * user of this exchange can be the reason of (an activation, a meter report), or when in the end
 * the books do not show what the leases say.
 */
int run_plan(struct market *m, uint64_t dispute_window_s, const struct run_progress *progress,
             struct import_result *out, struct connection_error *error);

#endif
