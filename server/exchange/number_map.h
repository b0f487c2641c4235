/*
 * Finds the number of something (an account, a series, a SKU) by a name or key of it. The map keeps
 * only a hash and the number; the name or key itself stays in the row, where the map's owner
 * compares it.
 */
#ifndef BOURSE_EXCHANGE_NUMBER_MAP_H
#define BOURSE_EXCHANGE_NUMBER_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether the row `number` has this key. */
typedef bool number_matches(const void *context, uint32_t number, const void *key, size_t length);

struct number_slot;

struct number_map {
    number_matches *matches;
    const void *context;
    uint8_t seed[16]; /* so that nobody can choose names that collide */
    struct number_slot *slots;
    size_t slots_count; /* a power of 2, or 0 */
    size_t used;
};

void number_map_init(struct number_map *m, number_matches *matches, const void *context,
                     const uint8_t seed[16]);
void number_map_release(struct number_map *m);
/* 0: none. */
uint32_t number_map_find(const struct number_map *m, const void *key, size_t length);
/* A number above 0 whose key is not in the map. */
void number_map_add(struct number_map *m, uint32_t number, const void *key, size_t length);
/* Of no effect when it is not there. The rows are not looked at. */
void number_map_remove(struct number_map *m, uint32_t number, const void *key, size_t length);

#endif
