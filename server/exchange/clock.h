/* Time as the rules see it: outages and the deadlines they extend. */
#ifndef BOURSE_EXCHANGE_CLOCK_H
#define BOURSE_EXCHANGE_CLOCK_H

#include "server/exchange/state.h"

/*
 * The deadline of something a user may do from from_s on for grace_s seconds: from_s + grace_s,
 * moved later by every outage, or part of one, that falls between from_s and the deadline so
 * extended.
 */
uint64_t clock_deadline(const struct exchange *x, uint64_t from_s, uint64_t grace_s);

/* Records that the exchange was down in [from_s, to_s), which follows every outage before it; the
 * oldest of more than OUTAGES_KEPT_MAX is forgotten. */
void clock_outage_add(struct exchange *x, uint64_t from_s, uint64_t to_s);

/* After an outage was added: the nouns put their due items anew. */
void lease_deadlines_moved(struct exchange *x);

#endif
