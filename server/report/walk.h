/* Going over the rows of a table for a report, within a time. */
#ifndef BOURSE_REPORT_WALK_H
#define BOURSE_REPORT_WALK_H

#include "server/report/job.h"

enum {
    WALK_STOP = 1, /* what a visit returns to end the walk without an error */
};

/* Calls `visit` for each row of a table, in the order of its key. Returns 0, what else `visit`
 * returned, or an error of the source. */
int walk_rows(struct job *j, enum table table, source_visit *visit, void *context);

/* [from_s, until_s); until_s 0: without end. */
struct span {
    uint64_t from_s;
    uint64_t until_s;
};

bool span_has(struct span s, uint64_t time_s);
/* What was asked for, as it stands; the report says that it is about it. */
struct span span_asked(struct job *j);
/* The same where something was asked for; else [from_s, until_s). */
struct span span_default(struct job *j, uint64_t from_s, uint64_t until_s);
/* The same for what is there by calendar months alone: all months that it touches. The report says
 * that it is about them, and that it was asked for less. */
struct span span_months(struct job *j, uint64_t from_s, uint64_t until_s);

#endif
