/*
 * The referee: an independent, slow matcher for `boursed check --market`. It shares no index with
 * the rules: whatever an order or a tick matches it works out again from the rows alone, every
 * offer and every start; the leases that come of it must be that; and it holds the resting orders,
 * whose wishes it reads from their rows, to price and time: what was filled was the first that
 * could be, and what is left cannot be. Of an order that comes in it takes the wish as the rules
 * have read it from the request.
 */
#ifndef BOURSE_EXCHANGE_REFEREE_H
#define BOURSE_EXCHANGE_REFEREE_H

#include "server/exchange/exchange.h"

struct referee;

/* What it has looked at. */
struct referee_counts {
    uint64_t matches;   /* searches compared */
    uint64_t abandoned; /* searches that the rules ended for their effort: not compared */
    uint64_t leases;    /* leases compared as they were granted */
    uint64_t asked;     /* offers that resting orders were asked about */
    uint64_t unjudged;  /* orders of which blocks, or a search ended for its effort, left open
                         * whether they should have been filled */
    uint64_t found;     /* differences */
};

/* Watches an exchange until it is freed; `report` gets a line for each difference. */
struct referee *referee_new(struct exchange *x, void (*report)(void *context, const char *line),
                            void *context);
void referee_free(struct referee *r);
struct referee_counts referee_counts(const struct referee *r);

#endif
