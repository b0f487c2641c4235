/* The events of the present group, as they will be logged. */
#ifndef BOURSE_EXCHANGE_EVENT_H
#define BOURSE_EXCHANGE_EVENT_H

#include "server/exchange/state.h"

/* The log index that the next event will have: for rows that name the event that made them. */
uint64_t event_next_index(const struct exchange *x);
/* The place in time that the next event gives to an offer or a resting order: its log index, going
 * on behind the former log in an exchange that continues another's books. */
uint64_t event_next_place(const struct exchange *x);

/*
 * Appends an event: nonce (keyed BLAKE2b of the index, first EVENT_NONCE_BYTES) and [code, fields].
 * The body's head (time_s, by) is filled in by the caller: see event_head_of(). Returns its index.
 */
uint64_t event_log(struct exchange *x, const struct message *m, const void *body);

/* Macro helper: the first two members of every event struct. */
#define EVENT_HEAD_OF(x, account) .time_s = (x)->head.time_s, .by = (account)

/* For undo: event_mark() names the end, event_rollback() drops every event after it. */
uint32_t event_mark(const struct exchange *x);
void event_rollback(struct exchange *x, uint32_t mark);

#endif
