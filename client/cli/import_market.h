/*
 * The market that a trace is run in: an operator, a SKU and a site for each GPU model with an offer
 * for each node, and a startup that holds a token for each task, minted to cover it at the dearest
 * model that will do. Everything is made by requests over the wire, as people would make it.
 */
#ifndef BOURSE_CLI_IMPORT_MARKET_H
#define BOURSE_CLI_IMPORT_MARKET_H

#include <stdint.h>

#include "client/cli/import_plan.h"
#include "client/cli/import_wire.h"

enum {
    /* Operators report by the day, and an hour later at most one period is open. */
    MARKET_METER_PERIOD_MIN = 24 * 60,
    MARKET_BATCH_OPERATIONS = 500,
};

struct market {
    struct wire *wire; /* borrowed; open as the admin */
    const struct plan *plan;
    uint64_t seed;
    uint64_t epoch_s; /* the trace's beginning */
    struct wire_party admin;
    struct wire_party startup;
    struct wire_party operators[TRACE_MODELS_MAX];
    uint64_t skus[TRACE_MODELS_MAX];
    uint64_t sites[TRACE_MODELS_MAX];
    uint32_t series;
    uint64_t *tokens; /* owned; one a task, in the plan's order */
};

/*
 * Advances the clock to the epoch and sets the market up. `m` comes with wire, plan, seed, epoch_s
 * and admin. On an error, explained, market_release() is still due: a refusal is STATUS_MISUSE with
 * error->refusal.
 */
int market_open(struct market *m, struct connection_error *error);
/* Wipes keys and frees; not the wire. */
void market_release(struct market *m);

/*
 * Sends operations as one or more requests and waits until all are accepted; the results, one an
 * operation, go to `arena` (NULL: not wanted). A refusal ends it, explained with the operation's
 * name.
 */
int market_apply(struct market *m, const struct wire_party *who, const struct operation *operations,
                 uint32_t count, struct arena *arena, struct result **results_out,
                 struct connection_error *error);
/* Explains the refusal of an operation that a simulation cannot go on without. */
int market_refused(const struct operation *o, uint32_t refusal, struct connection_error *error);

#endif
