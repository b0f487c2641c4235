/*
 * The arithmetic of a revenue share: what of a settlement counts, in which phase each part of it
 * falls, and what the parts come to. A settlement is taken as a line of micro-credits from the
 * first to the last: what lies below the month's floor does not count, and where a milestone is
 * reached and utilisation has been as well, the next micro-credit is in the next phase. Shares are
 * added up in 1/10 000 micro-credits, so that all together come to the sum of each part times its
 * rate, rounded down once.
 */
#ifndef BOURSE_EXCHANGE_REVSHARE_SPLIT_H
#define BOURSE_EXCHANGE_REVSHARE_SPLIT_H

#include "server/exchange/state.h"

/* A phase that was reached, and the totals at which it was. */
struct share_step {
    uint32_t phase;
    amount gross;
    amount share;
};

struct share_split {
    amount base;  /* what of the settlement counts */
    amount share; /* what is due of it */
    struct share_part parts[PHASES_MAX];
    uint32_t parts_count;
    uint32_t phase_first; /* those in which its first and its last micro-credit fall */
    uint32_t phase_last;
    struct share_step steps[PHASES_MAX];
    uint32_t steps_count;
};

/* Takes a settlement of `gross` above 0 into the progress. */
void revshare_split(const struct revshare_row *terms, struct progress_row *p, amount gross,
                    struct share_split *out);
/* Takes the steps that stand open without any further cash: after a look at utilisation, or when
 * terms change. Only the steps of `out` are filled in. */
void revshare_steps(const struct revshare_row *terms, struct progress_row *p,
                    struct share_split *out);

/* Whether the step out of the present phase has its utilisation, its cash; and how much gross or
 * share, as the terms count, is missing. In the last phase: false, false, 0. */
bool revshare_utilised(const struct revshare_row *terms, const struct progress_row *p);
bool revshare_cashed(const struct revshare_row *terms, const struct progress_row *p);
amount revshare_cash_left(const struct revshare_row *terms, const struct progress_row *p);

/* A sum that stays at the largest amount: totals over many series may come beyond what one number
 * holds, and no milestone lies there. */
amount revshare_add(amount a, amount b);

#endif
