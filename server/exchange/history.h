/*
 * How operators' own offers stood over time: LISTING rows, a part for each number of GPUs and price
 * that an offer had, from the minute of the change on. Parts of an offer follow each other without
 * a gap until it is withdrawn, or too short for the offer's shortest lease.
 */
#ifndef BOURSE_EXCHANGE_HISTORY_H
#define BOURSE_EXCHANGE_HISTORY_H

#include "server/exchange/occupancy.h"
#include "server/exchange/offer.h"

/* An offer's parts, in memory. */
struct listed {
    struct listed *next; /* at its stand */
    struct stand *stand;
    uint64_t offer;
    uint64_t from_min;  /* of the first part */
    uint64_t until_min; /* of the last one */
    uint32_t parts;
};

/* Until when an offer that stands as this one is listed: a lease of its least length can begin in
 * the minute before. What nobody can have is not on offer. */
uint64_t listing_until_s(const struct offer_row *offer);

/* NULL when the offer has no parts. */
const struct listed *listed_find(const struct exchange *x, uint64_t offer);
/* NULL when there is none. */
const struct listing_row *listing_find(const struct exchange *x, uint64_t offer, uint32_t part);

/*
 * Fills `out` with the GPUs of an offer that stood at a price of at most price_max_ucr for all of
 * the ahead_min before each minute of [from_min, until_min) and in it, free or not. Adds to *looks
 * how many parts it looked at.
 */
void history_stood(const struct exchange *x, const struct listed *l, uint64_t price_max_ucr,
                   uint64_t ahead_min, uint64_t from_min, uint64_t until_min, struct steps *out,
                   uint64_t *looks);

/* Whether that is the same over the whole of [from_min, until_min), as the last part alone says:
 * then it is in *gpus_out. Costs little; where it says no history_stood() knows. */
bool history_stood_all(const struct exchange *x, const struct listed *l, uint64_t price_max_ucr,
                       uint64_t ahead_min, uint64_t from_min, uint64_t until_min,
                       uint64_t *gpus_out);

/* A lease takes GPUs of an own offer over the minutes [from, to): what is free follows. */
void history_take(struct exchange *x, struct stand *p, const struct offer *o, uint64_t from_min,
                  uint64_t to_min, int64_t gpus);

/* For the table LISTING. */
void history_hook(void *context, const void *old_row, const void *new_row);

#endif
