/* Lease guarantees, as their checks see them. */
#ifndef BOURSE_EXCHANGE_GUARANTEE_H
#define BOURSE_EXCHANGE_GUARANTEE_H

#include "server/exchange/contract.h"

/* The terms of one version, and where the guarantee stands; NULL when there are none. Valid until
 * the next change of the table. */
const struct guarantee_row *guarantee_terms(const struct exchange *x, uint64_t contract,
                                            uint32_t version);
const struct recourse_row *guarantee_recourse(const struct exchange *x, uint64_t contract);
/* What calls have left of the escrow under these terms: it is what the operator answers for in all.
 */
amount guarantee_escrow_left(const struct exchange *x, const struct guarantee_row *terms);
/* What the guarantor has paid (not what it owes in claims) and not recovered. */
amount guarantee_to_recover(const struct contract_row *row, const struct recourse_row *recourse);

/* For checks: whether it is among those that have stepped in, and how many these are. */
bool guarantee_listed(const struct exchange *x, const struct recourse_row *row);
uint64_t guarantee_count_listed(const struct exchange *x);

#endif
