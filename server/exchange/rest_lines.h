/*
 * Lines of resting orders in the order in which they are asked (highest limit, then the oldest),
 * where those whose window of starts meets a time are found without going through the others:
 * every subtree knows the earliest and the latest minute of its windows, and which of 64 slots of
 * time they touch.
 */
#ifndef BOURSE_EXCHANGE_REST_LINES_H
#define BOURSE_EXCHANGE_REST_LINES_H

#include "server/exchange/rest.h"
#include "server/exchange/tree.h"

/* Minutes from the first to the last, both included. */
struct rest_span {
    uint64_t from_min;
    uint64_t until_min;
    uint64_t slots; /* rest_slots() of them */
};

struct rest_line {
    RB_ENTRY(rest_line) link;
    struct rest_key key;
    struct rest_span window; /* of starts */
    struct rest_span all;    /* of this line and those below it in the tree */
};

RB_HEAD(rest_line_tree, rest_line);

int rest_line_compare(const struct rest_line *a, const struct rest_line *b);

/* The slots of 1 << bits minutes, counted around modulo 64, that a span touches. */
uint64_t rest_slots(uint64_t from_min, uint64_t until_min, uint32_t bits);

/* False when a line of this key is there. The tree owns what it is given. */
bool rest_lines_put(struct rest_line_tree *lines, struct rest_line *line);
/* Gives back the line of this key; NULL when there is none. */
struct rest_line *rest_lines_take(struct rest_line_tree *lines, const struct rest_line *key);
struct rest_line *rest_lines_find(const struct rest_line_tree *lines, const struct rest_line *key);
/* NULL: none. */
struct rest_line *rest_lines_first(const struct rest_line_tree *lines);
struct rest_line *rest_lines_after(const struct rest_line *line);
/* The first line from `since` on whose window meets the time. Adds to *looks what it looks at. */
struct rest_line *rest_lines_meet(const struct rest_line_tree *lines, const struct rest_key *since,
                                  const struct rest_span *time, uint64_t *looks);
/* Lines whose subtree's span is not what it should be. */
uint64_t rest_lines_faults(const struct rest_line_tree *lines);

#endif
