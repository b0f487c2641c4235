/*
 * What backstops will cost, month by month to their ends. What stands on offer there is what is on
 * offer now, and all that is covered. Of it, what is in leases granted already is sold; of the open
 * rest as large a part sells as did in the last 90 days, and none of it at a price below the
 * strike, which the operator rather takes. All that is sold counts against what is covered first.
 * What of that is left is owed for, but for what is withheld of leases that their operator has
 * ended by now, until the pool is used up; nothing is while the site is closed, as announced by
 * now, or once a certification has expired that the terms ask for, except in the worst case, in
 * which the one is reopened and the other renewed. A shock makes sales fewer or prices lower; each
 * of its numbers can only raise what is owed in all.
 */
#ifndef BOURSE_REPORT_PROJECTION_H
#define BOURSE_REPORT_PROJECTION_H

#include "server/report/outlook.h"

enum { PROJECTION_MONTHS_MAX = 1200 }; /* what lies later is not projected */

/* A backstop in force. */
struct projection_plan {
    struct contract_row contract; /* its number first: vector_by_number() */
    struct backstop_row terms;
    struct cover_row cover;
    const struct outlook_spot *spot;
    /* From this minute on the site lacks a certification that the terms ask for, as listed now; 0:
     * already; UINT64_MAX: none is asked for. */
    uint64_t certified_min;
};

struct projection {
    struct projection_plan *plans; /* by number; owned */
    size_t count;
    size_t room;
    struct outlook outlook;
    uint32_t month; /* the present one, in months since 1970 */
};

/* What is otherwise than in the last 90 days. density_ppm 0: nothing. */
struct projection_shock {
    uint32_t demand_down_ppm;
    uint32_t price_down_ppm;
    uint32_t density_ppm;
    struct text generation; /* whose SKUs the density reprices */
};

/* The backstops in force that concern the job: of its account, and of its site and SKU where it
 * names them. outlook.site may be set before. */
int projection_load(struct job *j, struct projection *out);
void projection_release(struct projection *p);
/* The sentences that say what the projection assumes. */
void projection_notes(struct job *j);

enum { PROJECTION_COURSES = 2 };

/* GPU-minutes of a month that are owed for; of the present one those since the backstop's minutes
 * were last added up. `accrued_ucr`: what the running period has come to by then, in the present
 * month. */
struct projection_month {
    uint32_t month;
    uint64_t owed[PROJECTION_COURSES]; /* when so much of what is open sells */
    uint64_t
        owed_worst; /* with nothing sold, not even what is already, and projection_owes() always */
    uint64_t accrued_ucr;
};

struct projection_walk {
    const struct projection_plan *plan;
    struct outlook_walk outlook;
    uint32_t sells_ppm[PROJECTION_COURSES];
    uint32_t month; /* the next one */
    uint32_t month_last;
    uint64_t at_min;
    uint64_t accrued_ucr;
};
/* `sells_ppm`: the part of the open capacity that sells, in each of two courses of things. */
void projection_walk_begin(const struct projection *p, const struct projection_plan *plan,
                           const uint32_t sells_ppm[PROJECTION_COURSES],
                           struct projection_walk *out);
/* False after the last month. */
bool projection_walk_next(struct projection_walk *w, struct projection_month *out);

/* Whether what is covered and not sold is owed for where the walk stands, at this minute: the site
 * is not closed then, and has the certifications that the terms ask for. Lowers `until_min` to how
 * far that holds. */
bool projection_owes(const struct projection_plan *plan, const struct outlook_walk *walk,
                     uint64_t at_min, uint64_t *until_min);
/* What the running period has come to up to where its minutes were added up. */
uint64_t projection_accrued(const struct projection_plan *plan);
/* Where the backstop's minutes have not been added up yet. */
uint64_t projection_from_min(const struct projection_plan *plan);
/* GPUs that the lots have delivered by a minute, and the minute until which that stays so. */
uint64_t projection_covered(const struct backstop_row *terms, uint64_t at_min, uint64_t *until_min);

/* GPUs that stand on offer at the site and SKU or are taken, with so many covered: what is on offer
 * now stays so, and what is covered is on offer. */
uint64_t projection_capacity(const struct projection_plan *plan, uint64_t covered);

/* The part of open capacity that sells, in parts per million. */
uint32_t projection_sells_ppm(const struct job *j, const struct projection_plan *plan,
                              const struct projection_shock *shock);
/* What is drawn of a month of which so many GPU-minutes are owed for; lowers what is left of the
 * pool. */
uint64_t projection_draw(const struct projection_plan *plan, const struct projection_month *month,
                         uint64_t owed_minutes, uint64_t *pool_left_ucr);

#endif
