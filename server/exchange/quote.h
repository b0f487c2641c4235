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
 * Searches for the wish and adds the funnel: every offer on show counted at the first dimension at
 * which it drops out, and, when there is no match, the nearest miss of each dimension: what there
 * would be with this constraint alone lifted. *found_out is the match, without GPUs when there is
 * none; then the answer is that of match_refusal(). All searches together look at WHY_LOOKS_MAX
 * things, the count at WHY_OFFERS_MAX; `cut` of the answer says that there was more. (Of why.c.)
 */
enum refusal quote_why(const struct exchange *x, const struct wish *wish, struct arena *arena,
                       struct match *found_out, struct a_quote *answer);

#endif
