/*
 * Whose turn it is to ask. The sellers of whom something is to be asked about, an offer or (of an
 * operator) a whole site, stand in a queue: who comes stands last, and after a turn stands last
 * again. A turn is one offer or site, or a part of it of bounded work. So what many offers of one
 * seller cost to ask about delays what the others have to offer by one turn at a time. The places
 * are numbers in rows, which a restart keeps.
 */
#ifndef BOURSE_EXCHANGE_ASK_TURN_H
#define BOURSE_EXCHANGE_ASK_TURN_H

#include "server/exchange/due.h"
#include "server/exchange/state.h"

/* What one turn takes at most of the items of a tick. */
enum { ASK_TURN_ITEMS = TICK_ITEMS_MAX / 4 };

/* NULL when the seller does not stand in the queue. Valid until the next change of the table. */
const struct ask_turn_row *ask_turn_find(const struct exchange *x, uint32_t seller);
/* To be called when something of the seller is to be asked about; of no effect when it stands in
 * the queue already. */
void ask_turn_join(struct exchange *x, uint32_t seller);

/* What is asked about next: of the seller who stands first what has fallen due first. Its serial
 * is 0 when nothing is left of that, as after a withdrawal. False when nobody stands there. */
bool ask_turn_first(const struct exchange *x, struct due_item *out);
/* That one has its turn, of at most `limit` items; returns how many it took, of which a search may
 * have made more. */
uint32_t ask_turn_due(struct exchange *x, uint32_t limit);

/* For checks: how many stand in the queue, and whether this row does, at its place. */
uint64_t ask_turn_count(const struct exchange *x);
bool ask_turn_stands(const struct exchange *x, const struct ask_turn_row *row);

#endif
