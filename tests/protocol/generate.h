/*
 * Random valid messages, made from their descriptions. The same seed makes the same messages.
 */
#ifndef BOURSE_TESTS_PROTOCOL_GENERATE_H
#define BOURSE_TESTS_PROTOCOL_GENERATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/arena.h"
#include "protocol/message.h"

struct generator {
    uint64_t state;
    struct arena *arena; /* what bodies point to */
};

uint64_t generate_u64(struct generator *g);
/* Below `bound`, which is above 0. */
uint64_t generate_below(struct generator *g, uint64_t bound);
/* From min to max, often at or near one of them, and of all orders of magnitude. */
uint64_t generate_between(struct generator *g, uint64_t min, uint64_t max);

/* Fills the struct that `m` describes with random values within its limits. */
void generate_body(struct generator *g, const struct message *m, void *body_out);

/* Changes, removes, inserts or repeats a few random bytes. `data` has room for `capacity` bytes;
 * the new length is returned. */
size_t generate_mutation(struct generator *g, uint8_t *data, size_t length, size_t capacity);

/* Whether two bodies hold the same values, field by field; knows nothing of any encoding. */
bool bodies_equal(const struct message *m, const void *a, const void *b);

#endif
