/* Reports of rows that a test puts itself: what no exchange would come to in a test's time, or
 * would ever hold. */
#ifndef BOURSE_TESTS_REPORT_MADE_H
#define BOURSE_TESTS_REPORT_MADE_H

#include "tests/server/exchange/support.h"

#include "server/report/report.h"
#include "server/store/store.h"

struct made {
    struct store *store;
    struct source source;
    struct report *report; /* the last one; NULL: it was refused */
    struct a_report page;  /* all of it */
};

/* An exchange of no rows but its head, at time_s. */
void made_begin(struct made *m, uint64_t time_s);
void made_end(struct made *m);
void made_put(struct made *m, enum table table, const void *row);
/* Asks for a report; any error but a refusal fails the test. */
enum refusal made_ask(struct made *m, const struct q_report *q, uint32_t account);

uint32_t made_rows(const struct made *m, const char *table);
/* The number in a column of the row at a place among those of its table; the row must be there. */
uint64_t made_number(const struct made *m, const char *table, uint32_t place, const char *column);
struct text made_text(const struct made *m, const char *table, uint32_t place, const char *column);

#endif
