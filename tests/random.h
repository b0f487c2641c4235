/* Random numbers of a test: their seed is BOURSE_SEED or comes from the clock, and is printed, so
 * that what was found can be seen again. */
#ifndef BOURSE_TESTS_RANDOM_H
#define BOURSE_TESTS_RANDOM_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Takes a seed and prints it. */
static inline uint64_t random_seed(void)
{
    const char *given = getenv("BOURSE_SEED");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10)
                                  : (uint64_t)now.tv_sec * 1000000007u + (uint64_t)now.tv_nsec;
    printf("BOURSE_SEED=%" PRIu64 "\n", seed);
    fflush(stdout);
    return seed;
}

/* A counter through a mixing function, in the manner of splitmix64: any seed will do. */
static inline uint64_t random_next(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* For a test with one source of them. */
static uint64_t random_state;

static inline void random_start(void)
{
    random_state = random_seed();
}

static inline uint64_t random_below(uint64_t limit)
{
    return random_next(&random_state) % limit;
}

#endif
