/* How the contracts of one account stand. */
#ifndef BOURSE_REPORT_OBLIGATION_H
#define BOURSE_REPORT_OBLIGATION_H

#include "server/report/tally.h"

/* Adds the table "contracts": those that the report's account is a party of and that are proposed,
 * in force or have claims left. Returns 0 or an error of the source. */
int obligations_show(struct job *j);

#endif
