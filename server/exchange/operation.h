/* Operations: who may do what, and the way to each handler. */
#ifndef BOURSE_EXCHANGE_OPERATION_H
#define BOURSE_EXCHANGE_OPERATION_H

#include "server/exchange/state.h"

/* Whether somebody without an account may send this operation. */
bool operation_newcomer_may(uint32_t code);
/*
 * Works off one operation. Refused (the refusal is also in `out`), it has changed nothing and
 * logged nothing; accepted, it has logged its event, whose index is in `out`, and what followed.
 * One that moves more than the key that signed may in a day is refused as well.
 */
enum refusal operation_work_off(struct exchange *x, const struct actor *actor,
                                const struct operation *operation, struct result *out);

#endif
