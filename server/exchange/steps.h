/*
 * A step function of time: a whole number for every minute, 0 at first, changed over intervals.
 * The GPUs that leases take of an offer and the watts that offers may draw at a site are such
 * functions. It is kept as the sorted points where the value changes (a red-black tree), so that a
 * change or a question costs O(log n) and the points inside its interval.
 */
#ifndef BOURSE_EXCHANGE_STEPS_H
#define BOURSE_EXCHANGE_STEPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/exchange/tree.h"

/* From `at` to the next step the function has this value. */
struct step {
    RB_ENTRY(step) link;
    uint64_t at;
    uint64_t value;
};

RB_HEAD(step_tree, step);

struct steps {
    struct step_tree tree; /* owned; no two neighbours have the same value */
    size_t count;
};

void steps_init(struct steps *s);
void steps_release(struct steps *s);

/* Adds `change` to the values over [from, to); of no effect when that is empty. No value may fall
 * below 0 (an assertion). Returns how many pieces it went over. */
uint64_t steps_add(struct steps *s, uint64_t from, uint64_t to, int64_t change);

/* A piece [from, until) over which the value is the same, as long as it goes. The first piece
 * begins at 0, the last one ends at UINT64_MAX. */
struct piece {
    uint64_t from;
    uint64_t until;
    uint64_t value;
};

/* The piece that `at` lies in. */
struct piece steps_piece(const struct steps *s, uint64_t at);
/* The largest value over [from, to), which is not empty. */
uint64_t steps_max(const struct steps *s, uint64_t from, uint64_t to);
/* The same; adds to *looks how many pieces it looked at. */
uint64_t steps_max_counted(const struct steps *s, uint64_t from, uint64_t to, uint64_t *looks);
/* Whether two functions are the same. */
bool steps_equal(const struct steps *a, const struct steps *b);

#endif
