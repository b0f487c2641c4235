/*
 * Offers: spare capacity for sale over an interval, and how much of it is free when. Times in
 * memory are minutes since 1970.
 */
#ifndef BOURSE_EXCHANGE_OFFER_H
#define BOURSE_EXCHANGE_OFFER_H

#include "server/exchange/book.h"
#include "server/exchange/owned.h"
#include "server/exchange/state.h"
#include "server/exchange/steps.h"

/* An offer as its row and the leases of it say; derived from them by their hooks. */
struct offer {
    uint64_t offer;
    uint64_t site;
    uint64_t sku;
    uint64_t start_min;
    uint64_t end_min;
    uint64_t price_ucr;
    uint32_t operator;
    uint32_t gpus;
    uint32_t block_gpus;
    uint32_t lease_min_min;
    uint32_t lease_max_min; /* 0: up to the offer's end */
    uint32_t power_w;       /* of one GPU */
    bool preemptible;
    bool withdrawn;
    bool open;               /* neither withdrawn nor ended; the book holds open offers alone */
    struct steps taken;      /* GPUs that leases take */
    struct steps blocked;    /* 1 where less than a block is free, else 0; within the offer */
    struct book_site *shelf; /* where the book keeps it */
};

struct offer_index {
    struct exchange *x;
    struct offer **by_serial; /* owned; place i is offer i, NULL: none */
    size_t places;
    struct book *book;
    struct owned by_operator; /* all offers, for pages */
    uint32_t *open_counts;    /* open offers by account */
    size_t open_accounts;
};

/* NULL when there is none. */
const struct offer *offer_find(const struct exchange *x, uint64_t offer);
const struct offer_row *offer_row_find(const struct exchange *x, uint64_t offer);
/* A lease takes (gpus above 0) or gives back (below 0) GPUs over [from_s, to_s). For the lease's
 * hook. */
void offer_take(struct exchange *x, uint64_t offer, uint64_t from_s, uint64_t to_s, int64_t gpus);

/* The least free GPUs over the minutes [from, from + duration); 0 outside the offer's interval.
 * Both add to *looks how many pieces of the offer's time they looked at. */
uint32_t offer_free(const struct offer *o, uint64_t from_min, uint32_t duration_min,
                    uint64_t *looks);
/* The earliest start in [from, until] at which a block is free for the duration. */
bool offer_earliest(const struct offer *o, uint64_t from_min, uint64_t until_min,
                    uint32_t duration_min, uint64_t *start_out, uint64_t *looks);

#endif
