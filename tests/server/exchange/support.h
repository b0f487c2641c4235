/* What the tests of the rules share: cmocka, random numbers from a printed seed. */
#ifndef BOURSE_TESTS_EXCHANGE_SUPPORT_H
#define BOURSE_TESTS_EXCHANGE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <sodium.h>

static uint64_t random_state;

/* Takes the seed from BOURSE_SEED or the clock and prints it. */
static inline void random_start(void)
{
    const char *given = getenv("BOURSE_SEED");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)now.tv_nsec + 1;
    printf("BOURSE_SEED=%llu\n", (unsigned long long)seed);
    random_state = seed * 0x9e3779b97f4a7c15u + 1;
}

/* Below `limit`, by splitmix64. */
static inline uint64_t random_below(uint64_t limit)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % limit;
}

#endif
