/*
 * The market that a trace is run in: a SKU for each GPU model, one operator or more of it with a
 * site each and an offer for each node, and a startup that holds a token for each task, minted to
 * cover it at its highest limit. Everything is made by requests over the wire, as people would
 * make it. A seller is an operator with its site; import_plan.h numbers them.
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
    struct wire_party operators[PLAN_SELLERS_MAX];
    uint64_t skus[TRACE_MODELS_MAX];
    uint64_t sites[PLAN_SELLERS_MAX];
    uint64_t *offers; /* owned; the exchange's numbers of the plan's offers */
    uint32_t series;
    uint64_t *tokens; /* owned; one a task, in the plan's order */
    struct market_expected {
        const struct message *message;
        uint32_t count;
    } * expected; /* owned; operations on their way that must be accepted, in their order */
    size_t expected_count;
    size_t expected_capacity;
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
/* Sends operations in requests of at most MARKET_BATCH_OPERATIONS; the caller takes the replies. */
int market_send(struct market *m, const struct wire_party *who, const struct operation *operations,
                uint32_t count, struct connection_error *error);
/* Sends operations of one kind that must be accepted. */
int market_send_expecting(struct market *m, const struct wire_party *who,
                          const struct operation *operations, uint32_t count,
                          struct connection_error *error);
/* Takes the replies to all that; a refusal ends it, explained as above. */
int market_take_expected(struct market *m, struct arena *arena, struct connection_error *error);

/* The plan's offer with this number; NULL when it is not of this market. */
const struct plan_offer *market_offer(const struct market *m, uint64_t offer);
/* Explains the refusal of an operation that a simulation cannot go on without. */
int market_refused(const struct operation *o, uint32_t refusal, struct connection_error *error);

#endif
