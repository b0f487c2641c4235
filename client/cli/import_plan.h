/*
 * A trace as a day of business, or 150: when the clock stops, and what happens there. Pure: the
 * same trace gives the same plan.
 *
 * The clock stops at each minute in which a task is created, and at the hours at which the
 * operators report what they delivered. (While it runs, import_run.h adds the minutes at which
 * leases are ended early.) At a stop, in this order: the clock is advanced, what fell due is
 * settled, leases are ended whose tasks are over or whose GPUs are reclaimed, the operators report
 * if this is the hour for it, the tasks are redeemed in the order of their creation, the operators
 * activate the leases.
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

enum {
    PLAN_OPERATORS_MAX = 8, /* of a model */
    PLAN_SELLERS_MAX = TRACE_MODELS_MAX * PLAN_OPERATORS_MAX,
    PLAN_NOTICE_MIN = 30,             /* of preemptible offers */
    PLAN_STANDING_MIN = 30 * 24 * 60, /* how far standing offers reach */
    PLAN_PRICE_SPREAD_MAX_PPM = 900000,
    PLAN_STOP_TASKS_MAX = 4000, /* so many requests on their way at a time are no trouble */
};

/* How a trace is made into a market. Shares and factors are in parts per million; all 0 but the
 * first two: each task is redeemed at once or not at all, at one price for each model. */
struct plan_options {
    uint64_t every;      /* each that-many-th node becomes an offer, beginning with the first */
    uint64_t report_min; /* how often operators report */
    uint64_t seed;
    uint32_t operators;        /* of each model, who share its nodes; 0 counts as 1 */
    uint32_t resting_ppm;      /* of the orders rest */
    uint32_t rest_min;         /* for so long */
    uint32_t spread_ppm;       /* of the orders may be spread over several sites */
    uint32_t partial_ppm;      /* of the orders take fewer GPUs, too */
    uint32_t preemptible_ppm;  /* of the offers are preemptible, of the orders take such */
    uint32_t reclaim_ppm;      /* of the leases of preemptible offers are ended by the operator */
    uint32_t standing_ppm;     /* of the offers stand */
    uint32_t headroom_ppm;     /* leases are booked so much longer than the task runs */
    uint32_t price_spread_ppm; /* prices lie so far around, limits so far above the base */
};

struct plan_offer {
    uint32_t model;  /* place in plan.models */
    uint32_t seller; /* model x operators + which of them */
    uint32_t gpus;
    uint64_t price_ucr;
    bool preemptible;
    bool standing;
};

struct plan_task {
    uint32_t gpus;
    uint32_t gpus_min; /* that are taken when there are no more */
    uint32_t models;   /* bits */
    uint32_t profile;
    uint32_t duration_min; /* that it runs; at least 1 */
    uint32_t booked_min;   /* that is asked for; no less */
    uint32_t limit_ppm;    /* of the base prices */
    bool rests;
    bool spread;
    bool preemptible_ok;
    uint64_t start_min; /* from the trace's beginning */
    amount funds_ucr;   /* what it costs at the dearest model that will do, in any split */
};

struct plan_stop {
    uint64_t minute; /* from the trace's beginning */
    size_t task_first;
    size_t task_count; /* 0: only reports */
    bool reports;
};

struct plan {
    struct plan_options options;
    struct plan_model models[TRACE_MODELS_MAX];
    uint32_t models_count;
    uint32_t sellers_count;
    uint64_t gpus[TRACE_MODELS_MAX];     /* offered of each model */
    uint64_t power_kw[PLAN_SELLERS_MAX]; /* what each seller's draw, rounded up, at least 1 */
    struct plan_offer *offers;           /* owned */
    size_t offers_count;
    struct plan_task *tasks; /* owned; in submit order */
    size_t tasks_count;
    struct plan_stop *stops; /* owned; the minute grows */
    size_t stops_count;
    uint64_t span_min; /* from the trace's beginning to when the last task can be over */
    uint64_t open_min; /* to when the last lease can end as booked; the offers' end is beyond it */
    amount funds_ucr;  /* of all tasks */
};

/* Errors: STATUS_LIMIT (amounts or spans beyond the exchange's limits), STATUS_MEMORY. */
int plan_make(const struct trace *t, const struct plan_options *o, struct plan *out);
void plan_release(struct plan *p);

/* Whether leases may be granted or ended at other times than when tasks come. */
bool plan_is_lively(const struct plan *p);
/* What the task would pay at most for a GPU-hour of a model. */
uint64_t plan_limit_ucr(const struct plan *p, const struct plan_task *task, uint32_t model);

/* What is known of a model; for an unknown one a figure of the middle, with this name. */
struct plan_model plan_model_of(const char *name);

#endif
