/* What can still fall due under a contract, as its rows stand. */
#ifndef BOURSE_REPORT_CONTRACT_LEFT_H
#define BOURSE_REPORT_CONTRACT_LEFT_H

#include "server/report/source.h"

/*
 * Of a backstop what is left of its pool, of a lease guarantee what of its limit the guarantor has
 * not paid, of a grant the royalty that is due; REPORT_NONE for others, and where rows are missing.
 * Returns 0, or an error of the source.
 */
int contract_left(const struct source *from, const struct contract_row *contract,
                  uint64_t *left_out);

#endif
