/*
 * Red-black trees of libbsd's <bsd/sys/tree.h>, for ordered indexes in memory. Its
 * RB_GENERATE_STATIC relies on a BSD's __unused, hence this one.
 */
#ifndef BOURSE_EXCHANGE_TREE_H
#define BOURSE_EXCHANGE_TREE_H

#include <stddef.h>
#include <stdint.h>

#include <bsd/sys/tree.h>

#define TREE_GENERATE(name, type, field, compare)                                                  \
    RB_GENERATE_INTERNAL(name, type, field, compare, __attribute__((unused)) static)

/* Below 0, 0 or above it, as comparisons of keys are made up of. */
static inline int number_compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

#endif
