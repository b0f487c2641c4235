/*
 * Whole numbers over time, kept as the minutes where they change and by how much: a change over an
 * interval costs O(log n) however many changes lie inside it. A reader goes over the bends from
 * where it stands and adds up; what no reader needs any more is dropped, some of it at a time.
 */
#ifndef BOURSE_EXCHANGE_CURVE_H
#define BOURSE_EXCHANGE_CURVE_H

#include <stddef.h>
#include <stdint.h>

#include "server/exchange/tree.h"

/* Numbers that change together, so that a minute has one bend for all of them. */
enum curve_line { CURVE_SOLD, CURVE_ELECTED, CURVE_FREE, CURVE_WITHHELD, CURVE_LINES };

struct bend {
    RB_ENTRY(bend) link;
    uint64_t at_min;
    int64_t change[CURVE_LINES];
};

RB_HEAD(bend_tree, bend);

struct curve {
    struct bend_tree bends; /* owned; none that changes nothing */
    struct bend *spare;     /* to be used again, linked to the left; owned */
    size_t count;
    uint64_t kept_min; /* nobody reads what lies before, and changes there are passed over */
};

void curve_init(struct curve *c, uint64_t kept_min);
void curve_release(struct curve *c);
void curve_add(struct curve *c, uint64_t at_min, enum curve_line line, int64_t change);
/* The first bend at or after `from_min`; NULL: there is none. */
struct bend *curve_from(const struct curve *c, uint64_t from_min);
/* The bend after; NULL: there is none. */
struct bend *curve_next(struct bend *b);
/* Adds the changes of [from_min, to_min) to `values`, those of the other direction (from_min above
 * to_min) with the opposite sign. */
void curve_sum(const struct curve *c, uint64_t from_min, uint64_t to_min,
               int64_t values[CURVE_LINES]);
/* Nobody reads what lies before `from_min` any more. */
void curve_keep(struct curve *c, uint64_t from_min);
/* Drops bends that nobody reads, at most `most`; returns how many. */
size_t curve_drop(struct curve *c, size_t most);

#endif
