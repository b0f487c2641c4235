/*
 * What falls due: derived from the rows by their hooks, in the order (due, kind, serial, part). A
 * tick works off what is due at the group's time; the rules themselves compare deadlines with the
 * time and never wait for a tick.
 */
#ifndef BOURSE_EXCHANGE_DUE_H
#define BOURSE_EXCHANGE_DUE_H

#include "server/exchange/state.h"

enum due_kind {
    DUE_REQUEST = 1, /* request ids whose valid_until has passed are dropped; serial is that time */
    DUE_SERIES = 2,  /* a series expires */
    DUE_LEASE = 3,   /* a lease's next deadline: activation, end, metering of the next period */
    DUE_PERIOD = 4,  /* a metered period's dispute window ends; part is the period */
    DUE_OFFER = 5,   /* an offer ends */
};

struct due_item {
    uint64_t due_s;
    uint32_t kind;
    uint32_t part;
    uint64_t serial;
};

void due_put(struct exchange *x, struct due_item item);    /* of no effect when it is there */
void due_remove(struct exchange *x, struct due_item item); /* of no effect when it is not */
/* The first item; false when there is none. */
bool due_first(const struct exchange *x, struct due_item *out);
/* For checks. */
bool due_has(const struct exchange *x, struct due_item item);
uint64_t due_count(const struct exchange *x, enum due_kind kind);

/*
 * Works off one due item: must change rows so that the item goes or moves later. Each noun gives
 * its handler; tick.c calls it.
 */
typedef void due_handler(struct exchange *x, struct due_item item);
due_handler lease_due, period_due, offer_due;

/* Work that may be longer than one tick: does at most `limit` rows of it, returns how many. Drops
 * the request ids that were valid until `valid_until_s`. (The other one is series_sweep().) */
uint32_t request_sweep(struct exchange *x, uint64_t valid_until_s, uint32_t limit);

#endif
