/*
 * What the referee reads: which offers count for a wish and what they have free, from the rows
 * alone. Internal to referee.c.
 */
#ifndef BOURSE_EXCHANGE_REFEREE_ROWS_H
#define BOURSE_EXCHANGE_REFEREE_ROWS_H

#include "server/exchange/match.h"
#include "server/exchange/state.h"

/* Serials of leases; those of each offer, up to a lease that no request can undo any more. */
struct serials {
    uint64_t *items; /* owned */
    size_t count;
};

struct referee_rows {
    const struct exchange *x;
    uint64_t group;           /* that the lists were brought up to before */
    uint64_t leases;          /* in the lists: 1 to this */
    uint64_t seen_last;       /* lease_last at the end of the group before */
    struct serials *by_offer; /* leases by the operator's offer; owned, `offers` of them */
    struct serials *through;  /* leases sold through a resale offer */
    size_t offers;
};

struct minutes {
    uint64_t *items; /* owned */
    size_t count;
    size_t capacity;
};

void *referee_grow(void *items, size_t count, size_t item_size);
void minutes_add(struct minutes *m, uint64_t minute);

void referee_rows_init(struct referee_rows *rows, const struct exchange *x);
void referee_rows_release(struct referee_rows *rows);

/* Step 1 of the procedure but for time, free GPUs and blocks. */
bool referee_counts_in(const struct exchange *x, const struct wish *w, const struct offer_row *o);
/* The least free GPUs over the minutes [from, to). */
uint32_t referee_free_gpus(struct referee_rows *rows, const struct offer_row *o, uint64_t from_min,
                           uint64_t to_min);
/* Adds the minutes of [from, until] at which what the offer has free may rise. */
void referee_changes(struct referee_rows *rows, const struct offer_row *o, uint64_t from_min,
                     uint64_t until_min, struct minutes *out);
/* The earliest start of the window at which `block` GPUs are free for the duration. */
bool referee_earliest(struct referee_rows *rows, const struct offer_row *o, uint64_t from_min,
                      uint64_t until_min, uint32_t duration_min, uint32_t block,
                      uint64_t *start_out);

#endif
