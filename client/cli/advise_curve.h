/* A demand curve: how many GPUs a workload needs over time, and what can be said of it. */
#ifndef BOURSE_CLIENT_CLI_ADVISE_CURVE_H
#define BOURSE_CLIENT_CLI_ADVISE_CURVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/arena.h"

enum {
    CURVE_LINES_MAX = 2 * 1000 * 1000,
    CURVE_ERROR_BYTES = 192,
    CURVE_NEARLY_ALWAYS_PERCENT = 90, /* the base is needed for so much of the time */
};

/* From this minute on, counted from the curve's beginning, until the next step. */
struct curve_step {
    uint32_t minute;
    uint32_t gpus;
};

struct curve {
    uint64_t start_s; /* of its first line, as it stands there */
    const struct curve_step *steps;
    uint32_t count;
    uint32_t duration_min;
};

struct curve_facts {
    uint32_t base; /* the level needed nearly always */
    uint32_t peak;
    uint64_t gpu_minutes;
    uint32_t variability_ppm; /* what part of the peak is not base */
};

/*
 * Reads CSV with the columns `time` (ISO 8601, or seconds) and `gpus`, others being left alone.
 * Each line holds until the next one, the last as long as the one before it, or not at all when it
 * is 0. Within one minute the highest level counts. Times grow. False when it is not
 * like this, or longer than a lease may be; `why` then goes on where the file's name ends, with the
 * line where it is of one.
 */
bool curve_read(const char *text, size_t length, struct arena *arena, struct curve *out,
                char why[CURVE_ERROR_BYTES]);

/* The minute at which step number `i` is over. */
uint32_t curve_step_end(const struct curve *c, uint32_t i);

/* False when memory is out. */
bool curve_look(const struct curve *c, struct arena *arena, struct curve_facts *out);

/* GPU-minutes needed over minutes [from, to) beyond the first `above` GPUs, counting at most `most`
 * GPUs at a time. */
uint64_t curve_use(const struct curve *c, uint32_t from, uint32_t to, uint32_t above,
                   uint32_t most);

#endif
