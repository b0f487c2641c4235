/*
 * Asking: capacity that has come or become cheaper is first shown to the resting orders, the
 * highest limit first, then the oldest, and counts for nobody else until they have all been asked.
 * This happens in ticks, a bounded part at a time.
 *
 * Each order is asked in its turn, once. With blocks of 1 nobody who got nothing could be filled
 * after the others were. With larger blocks one may fit after all once a later order has taken
 * some (4 GPUs of one offer and a block of 4 of another do not make 6, but 2 and 4 do); it is asked
 * again when capacity comes next.
 */
#ifndef BOURSE_EXCHANGE_ASK_H
#define BOURSE_EXCHANGE_ASK_H

#include "server/exchange/state.h"

/*
 * To be called when more of an open offer can be had than before, or for less: it was published,
 * amended or extended, a lease of it ended early, its site reopened, its operator was unfrozen.
 * When a resting order might want it the offer's row becomes `asking` (out of the book) and DUE_ASK
 * falls due; otherwise nothing changes. When it is asking already, it is asked anew from the
 * beginning.
 */
void ask_about(struct exchange *x, uint64_t offer);

/* To be called when an order has begun to rest, or its terms have changed: where offers that are
 * asking have passed its place they go back to it. */
void ask_late(struct exchange *x, uint64_t order);

#endif
