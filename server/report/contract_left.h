/* What can still fall due under a contract, as its rows stand. */
#ifndef BOURSE_REPORT_CONTRACT_LEFT_H
#define BOURSE_REPORT_CONTRACT_LEFT_H

#include "server/report/source.h"

/*
 * Of a backstop what is left of its pool, of a lease guarantee what of its limit the guarantor has
 * not come to owe, of a grant what is left of the cap on what was advanced so far; REPORT_NONE for
 * others, and where rows are missing. Returns 0, or an error of the source.
 */
int contract_left(const struct source *from, const struct contract_row *contract,
                  uint64_t *left_out);
/* Of that, what a grant's startup owes already; 0 of other kinds. Returns as above. */
int contract_royalty_due(const struct source *from, const struct contract_row *contract,
                         uint64_t *due_out);

#endif
