/* What the tests of the store share: random numbers from a printed seed, folders for images. */
#ifndef BOURSE_TESTS_STORE_SUPPORT_H
#define BOURSE_TESTS_STORE_SUPPORT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

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

/* A folder of one's own; folder_remove() takes it and an image in it away. */
static inline void folder_make(char path[256])
{
    const char *base = getenv("TMPDIR");
    snprintf(path, 256, "%s/bourse-store-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(path));
}

static inline void folder_remove(const char *path)
{
    char file[300];
    snprintf(file, sizeof(file), "%s/data.mdb", path);
    unlink(file);
    snprintf(file, sizeof(file), "%s/lock.mdb", path);
    unlink(file);
    assert_int_equal(rmdir(path), 0);
}

#endif
