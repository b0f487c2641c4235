/* What an order would do now, and why it would not: shared by the answers to quote and order_why.
 */
#ifndef BOURSE_EXCHANGE_QUOTE_H
#define BOURSE_EXCHANGE_QUOTE_H

#include "server/exchange/match.h"
#include "server/exchange/query.h"

/* Adds the leases that a match gives, and what they cost; false when that is more than can be
 * counted. */
bool quote_leases(const struct match *m, const struct wish *wish, struct arena *arena,
                  struct a_quote *answer);

/*
 * Adds the funnel: every offer on show counted at the first dimension at which it drops out, and,
 * when there is no match, the nearest miss of each dimension: what there would be with this
 * constraint alone lifted. (Of why.c.)
 */
void quote_why(const struct exchange *x, const struct wish *wish, bool found, struct arena *arena,
               struct a_quote *answer);

#endif
