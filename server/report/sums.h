/*
 * Sums of what rows say: a report never trusts a row, so sums stop at the greatest number a cell
 * can hold, and ratios are taken over 128 bits.
 */
#ifndef BOURSE_REPORT_SUMS_H
#define BOURSE_REPORT_SUMS_H

#include <stdint.h>

#include "protocol/amount.h"
#include "protocol/report_queries.h"

#define CELL_MAX (REPORT_NONE - 1)
enum {
    PPM_ONE = 1000000,
    BP_ONE = 10000, /* basis points */
};

static inline uint64_t cell_of(wide value)
{
    return value < CELL_MAX ? (uint64_t)value : CELL_MAX;
}

static inline uint64_t sum_of(uint64_t a, uint64_t b)
{
    return cell_of((wide)a + b);
}

static inline void sum_into(uint64_t *sum, uint64_t more)
{
    *sum = sum_of(*sum, more);
}

/* number / by, rounded half up; `by` is not 0. */
static inline wide wide_rounded(wide number, wide by)
{
    wide rest = number % by;
    return number / by + (rest >= by - rest);
}

/* A share of `whole` in parts per million, rounded half up, so that shares may not add up to a
 * million; REPORT_NONE where there is nothing to share. */
static inline uint64_t share_ppm(uint64_t part, uint64_t whole)
{
    return whole == 0 ? REPORT_NONE : cell_of(wide_rounded((wide)part * PPM_ONE, whole));
}

/* A ratio, such as of cash to the debt that it is to cover, in parts per million, rounded down:
 * what is covered almost is not covered. REPORT_NONE where there is nothing to cover. */
static inline uint64_t ratio_ppm(uint64_t part, uint64_t whole)
{
    return whole == 0 ? REPORT_NONE : cell_of((wide)part * PPM_ONE / whole);
}

/* A ratio of which less is better, such as of a loan to the value behind it: rounded up. */
static inline uint64_t ratio_up_ppm(uint64_t part, uint64_t whole)
{
    return whole == 0 ? REPORT_NONE : cell_of(((wide)part * PPM_ONE + (whole - 1)) / whole);
}

/* What GPU-minutes cost at a price for a GPU-hour, rounded up as every cost is. */
static inline uint64_t cost_of(wide minutes, uint64_t price_ucr)
{
    wide most = (wide)CELL_MAX * 60;
    if (price_ucr == 0 || minutes == 0)
        return 0;
    if (minutes > most / price_ucr)
        return CELL_MAX;
    return cell_of((minutes * price_ucr + 59) / 60);
}

static inline uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t greater(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

#endif
