/*
 * What a report of one account may say: of rows made by lot, those that are not the account's
 * business may as well not be there. So there are two exchanges, one with all rows and one with
 * those that concern the account, and its reports of both are the same to the byte.
 */
#ifndef BOURSE_TESTS_REPORT_SCOPE_H
#define BOURSE_TESTS_REPORT_SCOPE_H

#include "tests/server/report/made.h"

enum { SCOPE_ACCOUNTS = 6, SCOPE_SITES = SCOPE_ACCOUNTS }; /* site i is of account i */

struct scope_pair {
    struct made all; /* everything that there is */
    struct made own; /* without what is others' business */
    uint32_t whose;
};

/* Both without a row but their heads. */
void scope_begin(struct scope_pair *s, uint32_t whose, uint64_t time_s);
void scope_end(struct scope_pair *s);
void scope_put(struct scope_pair *s, enum table table, const void *row, bool concerns);
/* An account by lot. */
uint32_t scope_somebody(void);
/* Asks both for a report of the account: what is expected of both, and where it is no refusal the
 * same. */
void scope_compare(struct scope_pair *s, const struct q_report *q, enum refusal expected);

#endif
