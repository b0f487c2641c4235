/*
 * What an import draws by lot: numbers that follow from its seed and from what they are for, the
 * same on every machine.
 */
#ifndef BOURSE_CLI_IMPORT_CHOICE_H
#define BOURSE_CLI_IMPORT_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is drawn; each kind is independent of the others. */
enum choice {
    CHOICE_RESTS = 1,
    CHOICE_SPREAD,
    CHOICE_PREEMPTIBLE_OK,
    CHOICE_PREEMPTIBLE,
    CHOICE_STANDING,
    CHOICE_PRICE,
    CHOICE_LIMIT,
    CHOICE_RECLAIM,
    CHOICE_RECLAIM_MINUTE,
    CHOICE_PARTIAL,
};

enum { CHOICE_PPM = 1000000 };

/* 64 even bits for thing number `index`. */
uint64_t choice_draw(uint64_t seed, enum choice what, uint64_t index);

/*
 * Chooses `share_ppm` of `count` things, to the nearest whole one: those of a lower rank first,
 * by lot among equals. chosen_out[i] is set for each thing; `rank` NULL: all are equal.
 * Errors: STATUS_MEMORY.
 */
int choice_share(uint64_t seed, enum choice what, size_t count, uint32_t share_ppm,
                 uint32_t (*rank)(const void *context, size_t index), const void *context,
                 bool *chosen_out);

#endif
