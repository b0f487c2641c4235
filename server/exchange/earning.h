/*
 * What follows when an operator has earned: the flow is booked, then a guarantor that has stepped
 * in recovers what it paid, then revenue shares are deducted, the lowest rank first.
 */
#ifndef BOURSE_EXCHANGE_EARNING_H
#define BOURSE_EXCHANGE_EARNING_H

#include "server/exchange/settlement.h"
#include "server/exchange/state.h"

/* `moved` was settled for one period of the lease, and that is logged. `delivered` GPU-minutes
 * count as delivered. Only the balances that `moved` paid are touched. */
void earning_follow(struct exchange *x, const struct lease_row *lease, uint32_t period,
                    gpu_minutes delivered, const struct settlement *moved);

/* What of one settlement is still the operator's, by series; deductions lower it. */
struct earning {
    const struct lease_row *lease;
    uint32_t period;
    amount gross; /* of the settlement */
    amount left;
    struct share shares[ESCROW_ROWS_MAX]; /* what is left, by series */
    uint32_t count;
    uint32_t claims_paid;   /* older claims of revenue shares that it has paid so far */
    uint32_t claims_funded; /* and such as the shares' funds have, for what it lacked */
};

/* Moves up to `a` of what is left to the payee's balance, pro rata of the series, and books the
 * flow; returns what was moved, with its shares in `out` (ESCROW_ROWS_MAX places). */
amount earning_deduct(struct exchange *x, struct earning *e, uint32_t payee, amount a,
                      enum flow_kind kind, struct share *out, uint32_t *count_out);

/* Of guarantee.c: what guarantors that have stepped in at the lease's site take. */
void guarantee_recover(struct exchange *x, struct earning *e);
/* Of revshare.c: what revenue shares of the operator take, by rank. */
void revshare_deduct(struct exchange *x, struct earning *e);
/* Of grant.c: a startup has paid `a` of a series under a lease, its own or one that it sold on. */
void grant_spent(struct exchange *x, uint32_t startup, uint32_t series, amount a);

#endif
