/* A debt schedule as it is given with a report: what is owed at the beginning of each month, and
 * what falls due in it. */
#ifndef BOURSE_REPORT_DEBT_H
#define BOURSE_REPORT_DEBT_H

#include <stdbool.h>

#include "server/report/job.h"

/* Whether there are months, each by its first second, one after the other. */
bool debt_is_valid(const struct q_report *q);
/* What is owed in a month (since 1970), of a valid schedule: of the latest month given up to that
 * one; before all of them that of the first. */
uint64_t debt_outstanding(const struct q_report *q, uint32_t month);
/* The row of the first month that is not before this one: an index up to the count. */
uint32_t debt_from(const struct q_report *q, uint32_t month);
/* Says in a note when the schedule is of no use now, or begins later; `due`: what falls due counts,
 * else what is outstanding. To be said first. */
void debt_note(struct job *j, bool due);

#endif
