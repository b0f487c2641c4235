/* Sites: where an operator runs GPUs, and how much power its offers may draw at a time. */
#ifndef BOURSE_EXCHANGE_SITE_H
#define BOURSE_EXCHANGE_SITE_H

#include "server/exchange/owned.h"
#include "server/exchange/state.h"
#include "server/exchange/steps.h"

struct site_index {
    struct steps **draws; /* owned; watts over minutes, by site number; NULL: no such site */
    size_t places;
    struct owned by_operator;
};

/* NULL when there is none. Valid until the next change of the table. */
const struct site_row *site_find(const struct exchange *x, uint64_t site);

/* The watts that the site's offers may draw over the minutes [from, to) change; for the hooks of
 * offers and leases. A site that does not exist is passed over. */
void site_draw(struct exchange *x, uint64_t site, uint64_t from_min, uint64_t to_min,
               int64_t watts);
/* NULL when there is no such site. */
const struct steps *site_draws(const struct exchange *x, uint64_t site);

/* Whether the site has power for so many watts more at every minute of [from, to); what has passed
 * is no matter. */
bool site_has_power(struct exchange *x, uint64_t site, uint64_t from_min, uint64_t to_min,
                    uint64_t watts);

/* Delivered in parts per million of due GPU-minutes; 1 000 000 before the first. */
uint32_t site_reliability_ppm(const struct site_row *row);

/* Whether a filter "US" or "US-TX" covers the place `code`, both packed by place_number(). */
bool place_covers(uint64_t filter, uint64_t code);
/* place_number() of a valid code. */
uint64_t place_of(struct text code);

#endif
