/*
 * How the capacity of an import was used over time, as the exchange answers it: the utilisation of
 * each SKU at the import's own sites, and what rested unfilled; and the plot of it.
 */
#ifndef BOURSE_CLI_IMPORT_USAGE_H
#define BOURSE_CLI_IMPORT_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "client/cli/import_market.h"
#include "client/cli/plot.h"

struct usage {
    uint32_t step_min;
    uint32_t steps;
    uint32_t models_count;
    uint64_t start_s;
    bool rests;                                         /* whether orders could rest */
    uint64_t offered[TRACE_MODELS_MAX][PLOT_STEPS_MAX]; /* GPU-minutes */
    uint64_t leased[TRACE_MODELS_MAX][PLOT_STEPS_MAX];
    uint64_t resting[PLOT_STEPS_MAX]; /* GPU-minutes that orders waited for */
};

/* Asks for the whole of the trade. Errors, explained: the wire's. */
int usage_take(struct market *m, struct usage *out, struct connection_error *error);

/* The plot of it as an SVG document. Errors: STATUS_MEMORY, in out->status. */
void usage_plot(const struct usage *u, const struct plan *p, uint64_t every, struct buffer *out);

#endif
