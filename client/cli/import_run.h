/*
 * Runs a plan in its market, stop by stop, until every lease is settled. Nothing that reaches the
 * exchange depends on this machine's clock or speed.
 */
#ifndef BOURSE_CLI_IMPORT_RUN_H
#define BOURSE_CLI_IMPORT_RUN_H

#include <stdint.h>

#include "client/cli/import_market.h"
#include "client/cli/import_outcome.h"

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
