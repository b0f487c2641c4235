/*
 * What the referee reads: which offers count for a wish and what they have free, from the rows
 * alone. It remembers serials of offers, leases and closures, so that what is over for good is not
 * read again, and within one look, while no row changes, what it has added up. Internal to
 * referee.c.
 */
#ifndef BOURSE_EXCHANGE_REFEREE_ROWS_H
#define BOURSE_EXCHANGE_REFEREE_ROWS_H

#include "server/exchange/match.h"
#include "server/exchange/state.h"

struct serials {
    uint64_t *items; /* owned */
    size_t count;
};

/* From this minute on, until the next step, this many GPUs are taken. */
struct taken {
    uint64_t minute;
    int64_t gpus;
};

struct taken_steps {
    struct taken *items; /* by minute; owned */
    size_t count;
};

/* An offer that may be open. */
struct held {
    uint64_t offer;
    const struct offer_row *row; /* as of the last look; NULL: there is none */
    struct serials leases; /* that take from it, or of a lease on offer were sold through it, up to
                            * the group before */
    uint64_t look;         /* at which the steps were added up */
    struct taken_steps steps;
};

/* A lease of the present group, which may still be undone. */
struct fresh {
    uint64_t lease;
    uint64_t offer;
    uint64_t through; /* that it was sold through; 0: none */
};

/* The highest limit for a SKU of all orders that rest. */
struct waiting {
    uint64_t sku;
    uint64_t limit_ucr;
};

/* A time at which a site is closed. */
struct shut {
    uint64_t site;
    uint64_t from_s;
    uint64_t to_s;
};

struct referee_rows {
    const struct exchange *x;
    uint64_t look;     /* how many there were */
    struct held *held; /* by offer; owned */
    size_t held_count;
    uint64_t offers_seen; /* 1 to this are in `held`, but for those swept */
    uint64_t leases_seen; /* the same of leases, in the lists of their offers */
    struct serials closures;
    uint64_t closures_seen;
    struct shut *shut; /* by site, then time; as of the last look; owned */
    size_t shut_count;
    struct fresh *fresh; /* as of the last look; owned */
    size_t fresh_count;
    struct waiting *waiting; /* as of the look at which they were read; owned */
    size_t waiting_count;
    uint64_t waiting_look;
};

/* What an order that rests wants, read from its rows. */
struct claim {
    struct wish wish; /* points into the rest of it, and into rows */
    struct sku_limit skus[ORDER_SKUS_MAX];
    uint64_t regions[FILTER_PLACES_MAX];
    uint64_t jurisdictions[FILTER_PLACES_MAX];
    struct required certifications[ORDER_CERTIFICATIONS_MAX];
    const struct series_row *series[ORDER_SERIES_MAX];
};

struct minutes {
    uint64_t *items; /* owned */
    size_t count;
};

void *referee_grow(void *items, size_t count, size_t item_size);

void referee_rows_init(struct referee_rows *rows, const struct exchange *x);
void referee_rows_release(struct referee_rows *rows);
/* A group has ended: nothing of it can be undone. */
void referee_rows_settled(struct referee_rows *rows);
/* Before rows are looked at; until the next look none may change. */
void referee_look(struct referee_rows *rows);

/* NULL: it is closed for good. */
struct held *referee_held(struct referee_rows *rows, uint64_t offer);
/* Step 1 of the procedure but for time, free GPUs and blocks. */
bool referee_counts_in(const struct exchange *x, const struct wish *w, const struct offer_row *o);

/* Whether some order rests that would pay the price for the SKU. */
bool referee_waits(struct referee_rows *rows, uint64_t sku, uint64_t price_ucr);
/* The order's limit for the SKU; false: it does not want it. */
bool referee_limit(const struct rest_row *rest, uint64_t sku, uint64_t *limit_out);
/* False: the order is not asked just now, as it is over or its account is frozen. */
bool referee_claim(const struct exchange *x, const struct rest_row *rest, struct claim *out);
/* The offer that a lease was sold through, of another's lease that was on offer; 0: none. */
uint64_t referee_sold_through(const struct exchange *x, const struct lease_row *lease);

/* --- What is free (referee_free.c) --- */

/* Whether the lease takes something of the offer from now on. */
bool referee_lease_takes(const struct exchange *x, const struct offer_row *o, uint64_t lease);
void minutes_add(struct minutes *m, uint64_t minute);
/* The least free GPUs over the minutes [from, to). */
uint32_t referee_free_gpus(struct referee_rows *rows, struct held *h, uint64_t from_min,
                           uint64_t to_min);
/* Adds the minutes of (from, until] at which what the offer has free may rise. */
void referee_changes(struct referee_rows *rows, struct held *h, uint64_t from_min,
                     uint64_t until_min, struct minutes *out);
/* The earliest start of the window at which `block` GPUs are free for the duration. */
bool referee_earliest(struct referee_rows *rows, struct held *h, uint64_t from_min,
                      uint64_t until_min, uint32_t duration_min, uint32_t block,
                      uint64_t *start_out);

#endif
