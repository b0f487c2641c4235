/*
 * A trace as a day of business, or 150: when the clock stops, and what happens there. Pure: the
 * same trace gives the same plan.
 *
 * The clock stops at each minute in which a task is created, and at the hours at which the
 * operators report what they delivered. At a stop, in this order: the clock is advanced, what fell
 * due is settled, the operators report if this is the hour for it, the tasks are redeemed in the
 * order of their creation, the operators activate the leases.
 */
#ifndef BOURSE_CLI_IMPORT_PLAN_H
#define BOURSE_CLI_IMPORT_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/cli/import_trace.h"
#include "protocol/amount.h"

/* What is known of a model, or assumed where the trace hides it; docs/import.md has the sources. */
struct plan_model {
    const char *name; /* the trace's */
    const char *sku;  /* the SKU's name */
    const char *vendor;
    const char *model;
    const char *interconnect;
    const char *generation;
    uint32_t memory_gb;
    uint32_t power_w;
    uint64_t price_ucr; /* per GPU-hour */
};

struct plan_offer {
    uint32_t model; /* place in plan.models */
    uint32_t gpus;
};

struct plan_task {
    uint32_t gpus;
    uint32_t models; /* bits */
    uint32_t profile;
    uint32_t duration_min; /* at least 1 */
    uint64_t start_min;    /* from the trace's beginning */
    amount funds_ucr;      /* what it costs at the dearest model that will do, in any split */
};

struct plan_stop {
    uint64_t minute; /* from the trace's beginning */
    size_t task_first;
    size_t task_count; /* 0: only reports */
    bool reports;
};

struct plan {
    struct plan_model models[TRACE_MODELS_MAX];
    uint32_t models_count;
    uint64_t gpus[TRACE_MODELS_MAX];     /* offered of each model */
    uint64_t power_kw[TRACE_MODELS_MAX]; /* what they draw, rounded up, at least 1 */
    struct plan_offer *offers;           /* owned */
    size_t offers_count;
    struct plan_task *tasks; /* owned; in submit order */
    size_t tasks_count;
    struct plan_stop *stops; /* owned; the minute grows */
    size_t stops_count;
    uint64_t span_min; /* from the trace's beginning to its last deletion */
    amount funds_ucr;  /* of all tasks */
};

/*
 * `every`: each that-many-th node becomes an offer, beginning with the first. `report_min`: how
 * often operators report. Both above 0.
 * Errors: STATUS_LIMIT (amounts or spans beyond the exchange's limits), STATUS_MEMORY.
 */
int plan_make(const struct trace *t, uint64_t every, uint64_t report_min, struct plan *out);
void plan_release(struct plan *p);

/* What is known of a model; for an unknown one a figure of the middle, with this name. */
struct plan_model plan_model_of(const char *name);

#endif
