/*
 * Leases: the result of a match. A lease is granted, then activated by its operator in time or
 * failed; it is active until its end, however early that comes, and settled when all its periods
 * are. That it has ended is told by the time: no row says so.
 */
#ifndef BOURSE_EXCHANGE_LEASE_H
#define BOURSE_EXCHANGE_LEASE_H

#include "server/exchange/owned.h"
#include "server/exchange/relief.h"
#include "server/exchange/state.h"
#include "server/exchange/tree.h"

/* The due item that stands for a lease or a metered period; part of the index, so that it can be
 * taken back when outages have moved deadlines since it was put. */
struct deadline {
    RB_ENTRY(deadline) link;
    uint64_t lease;
    uint32_t period; /* 0 for a lease */
    uint64_t due_s;
    uint64_t metered_s; /* of a period */
};

RB_HEAD(deadline_tree, deadline);

struct lease_index {
    struct owned by_holder;
    struct owned by_operator;
    struct deadline_tree leases;  /* leases that wait for activation or a meter report; owned */
    struct deadline_tree periods; /* metered periods whose dispute window runs; owned */
    struct deadline_tree pauses;  /* elastic leases that a pause is foreseen for or holds; owned */
    struct relief_index reliefs;
};

/* NULL when there is none. Valid until the next change of the table. */
const struct lease_row *lease_find(const struct exchange *x, uint64_t lease);
const struct period_row *period_find(const struct exchange *x, uint64_t lease, uint32_t period);

/* The GPU-minutes that the lease owes as it stands: GPUs times minutes but for what was sold of it
 * or was paused; of a pause that still goes on it may come to owe all. Of one of its periods, as
 * the present pause leaves it; and of those the ones that may count as delivered, which leaves out
 * outages of the site. */
gpu_minutes lease_gpu_minutes(const struct exchange *x, const struct lease_row *lease);
gpu_minutes lease_period_gpu_minutes(const struct exchange *x, const struct lease_row *lease,
                                     uint32_t period);
gpu_minutes lease_period_available(const struct exchange *x, const struct lease_row *lease,
                                   uint32_t period);
/* How many periods it has as it stands. */
uint32_t lease_periods(const struct lease_row *lease);
/* Where a period begins, and where it ends at the lease's end at the latest. */
uint64_t lease_period_start(const struct lease_row *lease, uint32_t period);
uint64_t lease_period_end(const struct lease_row *lease, uint32_t period);

/* Until when the lease may be activated and a period of it metered and disputed: possible before
 * this second, too late from it on. */
uint64_t lease_activate_by(const struct exchange *x, const struct lease_row *lease);
uint64_t lease_meter_by(const struct exchange *x, const struct lease_row *lease, uint32_t period);
uint64_t lease_dispute_by(const struct exchange *x, const struct period_row *period);

/* State and reason of its end as the time says, swept or not. */
enum lease_state lease_state_now(const struct exchange *x, const struct lease_row *lease);
enum lease_end_reason lease_end_reason_now(const struct exchange *x, const struct lease_row *lease);

/* Puts a lease that has just ended early, or failed, and logs that; its GPUs go back to the offer,
 * about which resting orders are asked, and a resale offer of it is withdrawn. */
struct settlement;
void lease_put_ended(struct exchange *x, uint32_t by, const struct lease_row *row,
                     const struct settlement *moved);

/* A period for which no report came in time settles with nothing delivered. (Of period.c.) */
void period_missed(struct exchange *x, uint64_t lease, uint32_t period);

/* For checks: the due item that the row asks for; false: none. */
bool lease_next_due(const struct exchange *x, const struct lease_row *lease, uint64_t *due_out);

#endif
