/*
 * What the rows say of the time ahead for a SKU at a site: what is sold and elected by leases that
 * are granted already, what operators withhold of leases that they ended, when the site is closed,
 * and what the last 90 days say of prices and of what could be sold.
 */
#ifndef BOURSE_REPORT_OUTLOOK_H
#define BOURSE_REPORT_OUTLOOK_H

#include <stdbool.h>

#include "server/report/job.h"

enum { OUTLOOK_DAYS = 90 };

enum outlook_line {
    OUTLOOK_SOLD,
    OUTLOOK_ELECTED,  /* by guarantors */
    OUTLOOK_WITHHELD, /* granted, and not handed over or taken back: no backstop pays for it */
    OUTLOOK_CLOSED,   /* closures of the site in place of GPUs: no backstop pays meanwhile */
    OUTLOOK_LINES,
};

/* From at_min on so many GPUs (or closures) more are in this line. */
struct outlook_bend {
    uint64_t at_min;
    int64_t gpus;
    enum outlook_line line;
};

struct outlook_spot {
    uint64_t site;
    uint64_t sku;
    uint64_t from_min;          /* what lies before is not looked at */
    uint64_t offered_gpus;      /* in the operator's own open offers, now */
    uint64_t lowest_ucr;        /* their lowest price; REPORT_NONE: there are none */
    uint64_t sold_minutes;      /* of the last 90 whole days */
    uint64_t open_minutes;      /* free in offers, of these days */
    uint64_t settled_ucr;       /* for leases, in the months of the last 90 days */
    uint64_t settled_minutes;   /* what was delivered for that */
    struct outlook_bend *bends; /* in time, one a line and minute; owned */
    size_t bends_count;
    size_t bends_room;
};

struct outlook {
    struct outlook_spot *spots; /* by site and SKU; owned */
    size_t count;
    size_t room;
    uint64_t site; /* all SKUs that are on offer at this site are added; 0: none */
    uint64_t sku;  /* ... but this one alone; 0: all */
};

/* To be called for each before the rows are read. */
int outlook_add(struct outlook *o, uint64_t site, uint64_t sku, uint64_t from_min);
int outlook_load(struct outlook *o, const struct job *j);
void outlook_release(struct outlook *o);
/* NULL: it was not added. */
struct outlook_spot *outlook_find(const struct outlook *o, uint64_t site, uint64_t sku);

/* What a GPU-hour sells for: of the settled leases, else of the lowest offer; REPORT_NONE: nobody
 * knows. */
uint64_t outlook_price(const struct outlook_spot *s);
/* sold / (sold + free); 0 when there was nothing to sell. */
uint32_t outlook_utilisation_ppm(const struct outlook_spot *s);

/* Goes over time from the spot's from_min on: `until_min` is how far what it says holds. */
struct outlook_walk {
    const struct outlook_spot *spot;
    size_t next;
    int64_t gpus[OUTLOOK_LINES];
};
struct outlook_walk outlook_walk_begin(const struct outlook_spot *s);
/* Moves on to at_min; returns the minute until which that holds, at most `end_min`. */
uint64_t outlook_walk_to(struct outlook_walk *w, uint64_t at_min, uint64_t end_min);
/* GPUs of a line where the walk is: never less than none, whatever the rows say. */
uint64_t outlook_walk_gpus(const struct outlook_walk *w, enum outlook_line line);

#endif
