/*
 * Relief: what a lease does not owe of its GPU-minutes, because a part of it was sold on or because
 * it was paused. A row each, counted from the lease's start to its end; what was sold counts for
 * the primary offer as the new lease's, and for the offer that it was sold through as taken.
 * A lease that ends early by its operator's doing has further rows for what it would have owed from
 * there on: a backstop does not pay for that (occupancy.h).
 */
#ifndef BOURSE_EXCHANGE_RELIEF_H
#define BOURSE_EXCHANGE_RELIEF_H

#include "server/exchange/state.h"
#include "server/exchange/steps.h"
#include "server/exchange/tree.h"

/* What the rows of one lease say, over minutes. */
struct relief_sums {
    RB_ENTRY(relief_sums) link;
    uint64_t lease;
    struct steps sold;   /* GPUs */
    struct steps paused; /* 1 where it was */
    gpu_minutes sold_minutes;
    uint32_t sales; /* rows of kind sale */
    uint32_t rows;
};

RB_HEAD(relief_tree, relief_sums);

struct relief_index {
    struct relief_tree sums; /* owned; of leases that have rows */
    uint64_t kept_out;       /* rows of a damaged image that fit no lease */
};

/* NULL when the lease has no rows. */
const struct relief_sums *relief_find(const struct exchange *x, uint64_t lease);
/* Rows that are not in the index. */
uint64_t relief_kept_out(const struct exchange *x);

/* GPU-minutes that the lease owes over [from_s, to_s), which lies within it; a pause that still
 * goes on (paused_s) is not looked at. */
gpu_minutes relief_owed(const struct exchange *x, const struct lease_row *lease, uint64_t from_s,
                        uint64_t to_s);
/* Calls `piece` for each part of [from_s, to_s) over which the lease owes the same GPUs, not 0. */
void relief_each(const struct exchange *x, const struct lease_row *lease, uint64_t from_s,
                 uint64_t to_s,
                 void (*piece)(void *context, uint64_t from_s, uint64_t to_s, uint64_t gpus),
                 void *context);
/* The least GPUs of the lease that are unsold at any time of [from_s, to_s); 0 where that is not
 * within the lease. */
uint32_t relief_unsold(const struct exchange *x, const struct lease_row *lease, uint64_t from_s,
                       uint64_t to_s);
/* From where on all of the lease is sold, up to its end: end_s when its last minute is not. */
uint64_t relief_tail(const struct exchange *x, const struct lease_row *lease);

/*
 * Each changes `lease`, a copy of the row that the caller puts afterwards; the lease's stored end
 * must still be the old one.
 *
 * A new row; its columns lease and relief are filled in.
 */
void relief_add(struct exchange *x, struct lease_row *lease, struct relief_row *row);
/* The lease is about to end at end_s: what lies beyond counts no more. */
void relief_cut(struct exchange *x, const struct lease_row *lease, uint64_t end_s);

/* The lease is about to end at end_s by its operator's doing: what it would have owed beyond is
 * withheld, whoever ends it still earlier. Before relief_cut(). */
void relief_withhold(struct exchange *x, struct lease_row *lease, uint64_t end_s);

/* Part of the lease's index. */
void relief_index_new(struct exchange *x);
void relief_index_free(struct exchange *x);

#endif
