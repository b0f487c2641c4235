/*
 * Reports: tables computed from the rows of one state of the exchange, each kind in a file of its
 * own. They change nothing, know no clock and give the same for the same rows, so that anybody who
 * has the journal can make each of them again. docs/protocol.md ("Reports") says what each holds
 * and how it is computed.
 */
#ifndef BOURSE_REPORT_REPORT_H
#define BOURSE_REPORT_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/arena.h"
#include "protocol/queries.h"
#include "protocol/refusal.h"
#include "server/report/names.h"
#include "server/report/source.h"

/* A report that is finished. */
struct report;

/*
 * Makes the report `q` of the rows of `from`. `account`: whose it is; rows that are not its
 * business are left out; 0: of the whole exchange. Refused (*refusal_out): report_too_large,
 * terms_invalid (what was asked for lacks something or contradicts itself), site_not_found,
 * sku_not_found, not_visible (of an account: a site that is not its business); *out is NULL then.
 * Errors: those of the source, STATUS_MEMORY.
 */
int report_make(const struct q_report *q, uint32_t account, const struct source *from,
                struct report **out, enum refusal *refusal_out);
/*
 * A statement of any time: `before` has the rows as they were when it began, `from` as they were
 * when it was over.
 */
int report_make_between(const struct q_report *q, uint32_t account, const struct source *before,
                        const struct source *from, struct report **out, enum refusal *refusal_out);
void report_free(struct report *r);

uint64_t report_index(const struct report *r);
size_t report_bytes(const struct report *r);
/* Rows from `from` on, as many as fit a page, or all with `whole`. Points into the report. */
struct a_report report_page(const struct report *r, uint32_t from, bool whole);

#endif
