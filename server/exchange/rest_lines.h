/*
 * Lines of resting orders in the order in which they are asked (highest limit, then the oldest),
 * where those whose window of starts meets a time are found without going through the others:
 * every subtree knows the earliest and the latest minute of its windows, and which of 64 slots of
 * time they touch.
 *
 * The tree divides keys by their bits, so that its shape follows from what stands in it and not
 * from what came and went: what a search looks at decides how much of a tick it is, and an exchange
 * that was loaded must come to the same as the one that went on.
 */
#ifndef BOURSE_EXCHANGE_REST_LINES_H
#define BOURSE_EXCHANGE_REST_LINES_H

#include "server/exchange/rest.h"

/* Minutes from the first to the last, both included. */
struct rest_span {
    uint64_t from_min;
    uint64_t until_min;
    uint64_t slots; /* rest_slots() of them */
};

/* A leaf, or a branch of keys that are alike up to its bit. */
struct rest_node {
    struct rest_node *parent;
    struct rest_node *sides[2]; /* by the bit; NULL: not a branch */
    uint32_t bit;               /* counted from the key's first; of a leaf beyond the last */
    struct rest_span all;       /* of the lines below */
};

struct rest_line {
    struct rest_key key;
    struct rest_span window; /* of starts */
    struct rest_node leaf;
    struct rest_node branch; /* of the tree, anywhere in it: one less is needed than lines */
};

struct rest_line_tree {
    struct rest_node *root;
};

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
/* The first line from `since` on whose window meets the time. Adds to *looks what it looks at, the
 * same for the same lines. */
struct rest_line *rest_lines_meet(const struct rest_line_tree *lines, const struct rest_key *since,
                                  const struct rest_span *time, uint64_t *looks);
/* Lines whose subtree's span is not what it should be. */
uint64_t rest_lines_faults(const struct rest_line_tree *lines);

#endif
