/*
 * Fills: what a match comes to cost, and how it becomes leases. The one way in which placing,
 * amending, asking and rules buy.
 */
#ifndef BOURSE_EXCHANGE_FILL_H
#define BOURSE_EXCHANGE_FILL_H

#include "server/exchange/match.h"
#include "server/exchange/resale.h"
#include "server/exchange/state.h"

struct fill {
    /* By the caller. */
    const struct match *match;
    uint32_t account; /* who buys */
    uint64_t order;
    uint32_t duration_min;
    uint32_t funded_min; /* above 0: the leases are elastic and paid ahead for so long */
    uint32_t profile;
    bool elected; /* by the guarantor of a backstop */

    /* By fill_cost(). */
    amount costs[ORDER_LEASES_MAX]; /* what each lease was bought for */
    struct resale_cost parts[ORDER_LEASES_MAX];
    amount cost; /* of all leases together */
    amount pays; /* what is to be set aside for them now */

    /* By the caller, before fill_grant(): which series pay, and how much of `pays` each. */
    uint32_t series[ORDER_SERIES_MAX];
    amount shares[ORDER_SERIES_MAX];
    uint32_t series_count;

    /* By fill_grant(). */
    struct lease_grant leases[ORDER_LEASES_MAX];
    amount gains[ORDER_SERIES_MAX]; /* of the shares, what went to holders who sold leases on */
    struct novation *novations;     /* x->scratch */
    uint32_t novations_count;
};

/* False: more than can be counted. */
bool fill_cost(const struct exchange *x, struct fill *f);
/* Puts the leases and their escrow, whose shares the ledger holds as the account's escrow already,
 * and counts them at their sites. Before the event that names them is logged. */
void fill_grant(struct exchange *x, struct fill *f);
/* Adds to an order's row what the fill gave; not its state. */
void fill_count(const struct fill *f, struct order_row *order);
/* What follows from it: leases sold on, and the trades, for everybody. After that event. */
void fill_log(struct exchange *x, const struct fill *f);

#endif
