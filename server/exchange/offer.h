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
#include "server/exchange/tree.h"

/* An offer as its row and the leases of it say; derived from them by their hooks. What its site's
 * closures take is not in it: free is what neither takes. */
struct offer {
    RB_ENTRY(offer) link; /* among the open ones, by site and serial */
    uint64_t offer;
    uint64_t site;
    uint64_t sku;
    uint64_t start_min;
    uint64_t end_min;
    uint64_t price_ucr;
    uint64_t place; /* its age among offers of its price: a log index, the smaller the older */
    uint64_t lease; /* that is on offer; 0: the operator's own capacity */
    uint32_t operator;
    uint32_t seller; /* the operator, or the holder of the lease */
    uint32_t gpus;
    uint32_t block_gpus;
    uint32_t lease_min_min;
    uint32_t lease_max_min; /* 0: up to the offer's end */
    uint32_t power_w;       /* of one GPU; 0 of a lease on offer, which draws no more than before */
    uint32_t billing;
    uint32_t meter_period_min;
    bool preemptible;
    bool withdrawn;
    bool open;                  /* neither withdrawn nor ended */
    bool shown;                 /* open, and not asking: the book holds these alone */
    struct steps taken;         /* GPUs that leases take */
    struct steps blocked;       /* 1 where they leave less than a block, else 0; within the offer */
    const struct steps *closed; /* closure_steps() of its site */
    struct book_site *shelf;    /* where the book keeps it */
    int64_t lines;              /* that it has there */
};

RB_HEAD(offer_tree, offer);

struct offer_index {
    struct offer **by_serial; /* owned; place i is offer i, NULL: none */
    size_t places;
    struct book *book;
    struct offer_tree open;   /* the open ones, by site and serial */
    struct owned by_operator; /* all offers, for pages */
    uint32_t *open_counts;    /* open offers by seller */
    size_t open_accounts;
};

/* NULL when there is none. */
const struct offer *offer_find(const struct exchange *x, uint64_t offer);
const struct offer_row *offer_row_find(const struct exchange *x, uint64_t offer);
/* How many open offers the account sells. */
uint32_t offer_open_count(const struct exchange *x, uint32_t account);
/* The open offers of a site in the order of their serials: the first whose serial is at or above
 * `from`; NULL: there is none. */
const struct offer *offer_open_at(const struct exchange *x, uint64_t site, uint64_t from);
/* The open offers of all sites, site by site; NULL: there is none, or no more. */
const struct offer *offer_open_first(const struct exchange *x);
const struct offer *offer_open_next(const struct offer *o);
/* The offer is closed: withdrawn or ended. Nobody is asked about it any more, it stands no more. */
void offer_row_close(struct offer_row *row, enum offer_state state);
/* What a change of the whole offer costs, in the looks of a request. */
uint64_t offer_looks(const struct offer *o);
/* When something happens to an open offer by itself: it ends, or moves its end on. */
uint64_t offer_due_s(const struct offer_row *row);

/* A lease takes (gpus above 0) or gives back (below 0) GPUs over [from_s, to_s). For the lease's
 * hook. */
void offer_take(struct exchange *x, uint64_t offer, uint64_t from_s, uint64_t to_s, int64_t gpus);

/* Puts an offer that is asking into the book, or takes it out again, without a word to its row:
 * while resting orders are asked about it. */
void offer_show(struct exchange *x, uint64_t offer, bool shown);

/* The least free GPUs over the minutes [from, from + duration); 0 outside the offer's interval.
 * Both add to *looks how many pieces of the offer's time they looked at. */
uint32_t offer_free(const struct offer *o, uint64_t from_min, uint32_t duration_min,
                    uint64_t *looks);
/* The piece of its time around a minute over which as many GPUs cannot be had, all of them where
 * the site is closed; and that over which a block is free (value 0) or not. */
struct piece offer_piece(const struct offer *o, uint64_t at_min);
struct piece offer_run(const struct offer *o, uint64_t at_min);
/* The most GPUs that leases take over the minutes [from, to), closures or not. */
uint64_t offer_leased_max(const struct offer *o, uint64_t from_min, uint64_t to_min);
/* The earliest start in [from, until] at which a block is free for the duration. */
bool offer_earliest(const struct offer *o, uint64_t from_min, uint64_t until_min,
                    uint32_t duration_min, uint64_t *start_out, uint64_t *looks);

#endif
