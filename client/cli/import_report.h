/* What an import shows: progress while it runs, and its outcome as a table or as JSON. */
#ifndef BOURSE_CLI_IMPORT_REPORT_H
#define BOURSE_CLI_IMPORT_REPORT_H

#include <jansson.h>

#include "client/cli/cli.h"
#include "client/cli/import_plan.h"
#include "client/cli/import_outcome.h"

struct import_report {
    const struct plan *plan;
    const struct import_result *result;
    struct trace_skipped skipped;
    const struct buffer *bad; /* the lines that were passed over; NULL: none */
    uint64_t seed;
    uint64_t epoch_s;
    uint64_t log_size;
    uint8_t log_root[32];
    double wall_s;     /* everything but starting the server and checking its data */
    const char *check; /* "passed" or "not run" */
};

/* A new reference; NULL when memory is out. */
json_t *import_report_json(const struct import_report *r);
void import_report_print(struct cli *cli, const struct import_report *r);

/* A bar on standard error, drawn ten times a second at most and only on a terminal. */
struct progress_bar {
    bool shown;
    bool full; /* has been drawn so */
    uint64_t drawn_ms;
};
void progress_bar_begin(struct progress_bar *b, bool wanted);
void progress_bar_at(struct progress_bar *b, size_t done, size_t all, uint64_t time_s);
void progress_bar_end(struct progress_bar *b);

#endif
