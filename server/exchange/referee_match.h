/*
 * The procedure of match.h worked out the long way: every offer that counts, at every stand, at
 * every start. Internal to referee.c.
 */
#ifndef BOURSE_EXCHANGE_REFEREE_MATCH_H
#define BOURSE_EXCHANGE_REFEREE_MATCH_H

#include "server/exchange/referee_rows.h"

struct trial_part {
    uint64_t offer;
    uint32_t gpus;
    uint64_t price_ucr; /* of the trade */
};

/* What a stand comes to at a start. */
struct trial {
    uint64_t start_min;
    uint32_t gpus;
    uint32_t count;
    struct trial_part parts[ORDER_LEASES_MAX];
};

/* The whole procedure. `asked` is the offer that resting orders are being asked about; 0: none. */
void referee_match(struct referee_rows *rows, const struct wish *w, uint64_t asked,
                   struct trial *best);

/* Step 1 of it but for the start. */
bool referee_admits(struct referee_rows *rows, const struct wish *w, const struct offer_row *o);
/* An offer gives multiples of this. */
uint32_t referee_block(const struct wish *w, const struct offer_row *o);

#endif
