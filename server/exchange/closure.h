/* Closures: times in which a site gives no capacity, announced (maintenance) or not (outage). */
#ifndef BOURSE_EXCHANGE_CLOSURE_H
#define BOURSE_EXCHANGE_CLOSURE_H

#include "server/exchange/owned.h"
#include "server/exchange/state.h"
#include "server/exchange/steps.h"
#include "server/exchange/tree.h"

/* Where a closure stands among those of its site. */
struct closure_end {
    RB_ENTRY(closure_end) link;
    uint64_t end_s;
    uint64_t closure;
};

RB_HEAD(closure_ends, closure_end);

struct closed_site {
    struct steps closed;      /* how many closures hold */
    struct steps out;         /* how many of them are outages */
    struct closure_ends ends; /* its closures by their ends; owned */
};

struct closure_index {
    struct closed_site **sites; /* owned; by site number; NULL: it never had one */
    size_t places;
    struct owned by_site; /* for pages */
};

/* NULL when there is none. Valid until the next change of the table. */
const struct closure_row *closure_find(const struct exchange *x, uint64_t closure);
/* How many closures hold at each minute at a site that is there. Stays where it is as long as the
 * exchange. */
const struct steps *closure_steps(const struct exchange *x, uint64_t site);
/* Whether a site is open from some start in [from, until] on for the duration, all in minutes; adds
 * to *looks how many closed times were looked at. */
bool closure_opens(const struct exchange *x, uint64_t site, uint64_t from_min, uint64_t until_min,
                   uint32_t duration_min, uint64_t *looks);
/* How many minutes of [from_s, to_s) the site was out (outages alone, overlaps counted once). */
uint64_t closure_outage_minutes(const struct exchange *x, uint64_t site, uint64_t from_s,
                                uint64_t to_s);
/* How many closures of the site are not over. */
uint32_t closure_count(const struct exchange *x, uint64_t site);
/* For checks: whether the closure is among its site's ends, and how many are. */
bool closure_is_listed(const struct exchange *x, const struct closure_row *row);
uint64_t closure_listed(const struct exchange *x, uint64_t site);

#endif
