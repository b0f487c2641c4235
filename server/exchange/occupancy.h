/*
 * Occupancy: how many GPUs of a SKU at a site are sold, elected by a guarantor, or free in offers,
 * over time, and of how many leases their operators have withheld what they were granted for; that
 * backstops alone read. Each is kept as the points where it changes from the time on up to which it
 * has been added up (head.occupancy_s for the days, the cursor of each backstop for its periods),
 * so that a lease costs the same however many there are; what lies before is in rows. Capacity that
 * a lease takes of an offer is counted where the offer counts (offer_take).
 *
 * A minute counts as it stands at its end: what is listed, leased or withdrawn within a minute is
 * so for all of it.
 */
#ifndef BOURSE_EXCHANGE_OCCUPANCY_H
#define BOURSE_EXCHANGE_OCCUPANCY_H

#include "server/exchange/curve.h"
#include "server/exchange/state.h"

struct cover;  /* a backstop's own view of a stand: backstop_cover.h */
struct listed; /* what is known of an offer's listing: history.h */

/* A SKU at a site, as in match.h. */
struct stand {
    RB_ENTRY(stand) link;
    uint64_t site;
    uint64_t sku;
    struct curve curve;
    uint64_t day_min;            /* days before are added up */
    int64_t values[CURVE_LINES]; /* what holds just before day_min */
    struct listed *offers;       /* the operator's own, newest first */
    uint64_t offers_count;
    struct cover *covers; /* of backstops in force, in no order */
    uint32_t covers_count;
};

RB_HEAD(stand_tree, stand);

struct occupancy_index {
    struct stand_tree stands; /* owned */
    size_t stands_count;
    uint64_t day_min; /* head.occupancy_s; stands up to (done_site, done_sku) have that day done */
    uint64_t done_site;
    uint64_t done_sku;
    uint64_t rows;          /* LISTING rows in the index: while there are any, days fall due */
    struct listed **listed; /* owned; by offer */
    size_t listed_places;
    uint64_t kept_out; /* rows of a damaged image that fit nothing */
    bool moved;        /* somebody has read on: what lies before is for nobody any more */
    bool dropping;     /* there may be such, from the stand (drop_site, drop_sku) on */
    uint64_t drop_site;
    uint64_t drop_sku;
    uint64_t prepare_min; /* when the next cover is to be prepared; UINT64_MAX: none */
};

/* NULL when there is none. */
struct stand *stand_find(const struct exchange *x, uint64_t site, uint64_t sku);
/* The first stand of a site whose SKU is at or above `sku`; NULL: there is none. */
struct stand *stand_at(const struct exchange *x, uint64_t site, uint64_t sku);
/* All of them, by site and SKU; NULL: no further one. */
const struct stand *stand_first(const struct exchange *x);
const struct stand *stand_next(const struct stand *s);
/* Made when there is none. */
struct stand *stand_get(struct exchange *x, uint64_t site, uint64_t sku);
/* From a minute on a line of the stand's numbers is so much higher. */
void stand_change(struct stand *p, uint64_t at_min, enum curve_line line, int64_t change);
/* A new exchange: days count from the present one. */
void occupancy_begin(struct exchange *x);
/* A backstop that begins then is to be prepared. */
void occupancy_prepare_from(struct exchange *x, uint64_t start_min);
/* There is one LISTING row more (1) or less (-1). */
void occupancy_count(struct exchange *x, int rows);

/*
 * The rows of LISTING follow an operator's own offers: called by whatever puts an offer's row,
 * with that. Closes the part that stood so far, now, and begins
 * the next one when GPUs or price differ and the offer is still open. (history.c)
 */
void listing_note(struct exchange *x, const struct offer_row *offer);

/* A lease takes (gpus above 0) or gives back GPUs of an offer over [from_s, to_s); for the lease's
 * hook, behind offer_take(). */
void occupancy_take(struct exchange *x, uint64_t offer, uint64_t from_s, uint64_t to_s,
                    int64_t gpus, bool elected);

/* An operator withholds GPUs that a lease of the offer was granted, or (below 0) does no more. */
void occupancy_withhold(struct exchange *x, uint64_t offer, uint64_t from_s, uint64_t to_s,
                        int64_t gpus);

/*
 * GPU-minutes of a site (0: of all of an operator) over whole days, all SKUs: sold and free.
 * Elected ones are neither. It is added up stand by stand; at_site 0: none yet.
 */
struct occupancy_sum {
    uint32_t operator;
    uint64_t site;
    uint64_t from_s;
    uint64_t until_s;
    uint64_t at_site; /* the stand to go on with, or the next one behind */
    uint64_t at_sku;
    uint64_t sold;
    uint64_t free;
};
/* Goes on until some `days` of stands were looked at; true when none is left. */
bool occupancy_add_up(const struct exchange *x, struct occupancy_sum *s, uint64_t days,
                      uint64_t *looked_out);

#endif
