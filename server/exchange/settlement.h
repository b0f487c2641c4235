/*
 * Settlement: what leaves a lease's escrow, to the operator as it earns and back to the holder.
 *
 * With d GPU-minutes delivered of s due in the settled periods, out of D due over the lease as it
 * stands, the operator has earned ceil(d x price / 60) in all, and the most it can come to earn is
 * ceil((d + D - s) x price / 60). The escrow holds the difference, no more: what can no longer be
 * earned goes back at once. So rounding happens once over a lease, however many periods it has, and
 * the cost divides into paid and refunded without a remainder.
 *
 * The escrow of an elastic lease may hold less, but never less than what the periods that have
 * begun can come to cost (elastic.h); what it can no longer come to cost goes back from it, too.
 *
 * Several series pay pro rata of what the escrow holds of each, in the order of their places; what
 * goes back goes to the owner of each part.
 */
#ifndef BOURSE_EXCHANGE_SETTLEMENT_H
#define BOURSE_EXCHANGE_SETTLEMENT_H

#include "server/exchange/escrow.h"
#include "server/exchange/state.h"

/* What moved, for the event; lists without parts of 0. */
struct settlement {
    amount paid_ucr;
    struct share paid[ESCROW_ROWS_MAX];
    uint32_t payers[ESCROW_ROWS_MAX]; /* whose each of `paid` was */
    uint32_t paid_count;
    bool shared; /* the escrow has parts of others than the holder, be they empty */
    struct escrow_returns returns;
    gpu_minutes
        given_up; /* of what was traded: what the lease would have owed beyond its new end */
};

/* What the escrow of a lease holds, all series together. */
amount settlement_held(const struct exchange *x, const struct lease_row *lease);
/* What it must hold, by the formula above; of an elastic lease: what it can come to need. */
amount settlement_needed(const struct exchange *x, const struct lease_row *lease);
/* What it would have to hold if so many GPU-minutes less could still be delivered. */
amount settlement_needed_without(const struct exchange *x, const struct lease_row *lease,
                                 gpu_minutes minutes);
/* The lease's cost as it stands. */
amount settlement_cost(const struct exchange *x, const struct lease_row *lease);

/*
 * Each changes `lease`, a copy of the row that the caller puts, and moves what follows from that;
 * `out` is filled in anew.
 *
 * One more period is settled: `due` GPU-minutes of which `delivered` count.
 */
void settlement_period(struct exchange *x, struct lease_row *lease, gpu_minutes due,
                       gpu_minutes delivered, struct settlement *out);
/* The lease ends at end_s, not after its present end. */
void settlement_shorten(struct exchange *x, struct lease_row *lease, uint64_t end_s,
                        struct settlement *out);
/* The lease has failed, and its GPUs are free from end_s on: everything goes back. */
void settlement_cancel(struct exchange *x, struct lease_row *lease, uint64_t end_s,
                       struct settlement *out);

#endif
