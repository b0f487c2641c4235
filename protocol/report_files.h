/*
 * What a report takes from files: a debt schedule, depreciation curves and a lender's list of GPUs,
 * as CSV. The first line names the columns, in any order:
 *
 *   month,outstanding,due        one of the two amounts may be missing; each month after the last
 *   sku,age_months,value         without sku: of any; the ages of a SKU go up
 *   site,sku,gpus,in_service     site and SKU by their names, the month in which they came
 *
 * Months are such as 2027-01, amounts credits such as 12.5, ages whole months.
 */
#ifndef BOURSE_PROTOCOL_REPORT_FILES_H
#define BOURSE_PROTOCOL_REPORT_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/arena.h"
#include "protocol/queries.h"

enum { REPORT_ERROR_BYTES = 512 };

/*
 * Read the text into the lists of the query, whose rows live in the arena. False with `why`, in
 * which `file` and the line are named and what to do.
 */
bool report_debt_read(struct q_report *q, const char *file, const char *text, size_t length,
                      struct arena *arena, char why[REPORT_ERROR_BYTES]);
bool report_curve_read(struct q_report *q, const char *file, const char *text, size_t length,
                       struct arena *arena, char why[REPORT_ERROR_BYTES]);
bool report_fleet_read(struct q_report *q, const char *file, const char *text, size_t length,
                       struct arena *arena, char why[REPORT_ERROR_BYTES]);

/* "2027-01" as the first second of that month; false when it is none. */
bool report_month_parse(const char *text, uint64_t *start_s_out);

#endif
