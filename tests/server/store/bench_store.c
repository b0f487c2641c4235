/*
 * How fast tables and image are: `bench_store [ROWS [FOLDER]]`. Not run by the tests.
 * A transfer here takes one random row and adds two, settled every 1 000.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "protocol/status.h"
#include "server/store/changes.h"
#include "server/store/image.h"
#include "server/store/store.h"
#include "tests/server/store/rows.h"

enum { TRANSFERS = 1000000, GROUP = 1000, FLUSH_TRANSFERS = 100000, EXPECTED = 10 };

struct bench {
    struct store *store;
    struct changes *changes;
    uint64_t *live; /* serials of the rows there are */
    size_t live_count;
    uint64_t serial_last;
    uint64_t random;
};

static double clock_s(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double now_s(void)
{
    return clock_s(CLOCK_MONOTONIC);
}

static uint64_t next_random(struct bench *b)
{
    b->random ^= b->random << 13;
    b->random ^= b->random >> 7;
    b->random ^= b->random << 17;
    return b->random;
}

static void add(struct bench *b, uint64_t amount)
{
    struct coin_row row = {.serial = ++b->serial_last, .amount_ucr = amount, .owner = 7};
    store_put(b->store, COIN, &row);
    b->live[b->live_count++] = row.serial;
}

/* Spends the token at this place of `live` into two. */
static void transfer_from(struct bench *b, size_t at)
{
    uint64_t serial = b->live[at];
    const struct coin_row *coin = store_find(b->store, COIN, &serial);
    uint64_t amount = coin->amount_ucr;
    store_remove(b->store, COIN, &serial);
    b->live[at] = b->live[--b->live_count];
    add(b, amount / 2);
    add(b, amount - amount / 2);
}

static void transfer(struct bench *b)
{
    transfer_from(b, (size_t)(next_random(b) % b->live_count));
}

/* Transfers of one request: their tokens are announced to the store first. */
static void transfer_expected(struct bench *b)
{
    size_t at[EXPECTED];
    uint64_t keys[3 * EXPECTED];
    const void *pointers[3 * EXPECTED];

    for (size_t i = 0; i < 3 * EXPECTED; i++) {
        if (i < EXPECTED) {
            at[i] = (size_t)(next_random(b) % (b->live_count / EXPECTED)) * EXPECTED + i;
            keys[i] = b->live[at[i]];
        } else {
            keys[i] = b->serial_last + 1 + i - EXPECTED;
        }
        pointers[i] = &keys[i];
    }
    store_expect(b->store, COIN, pointers, 3 * EXPECTED);
    for (size_t i = 0; i < EXPECTED; i++)
        transfer_from(b, at[i]);
}

static void drop_changes(struct bench *b)
{
    store_changes_swap(b->store, &b->changes);
    changes_clear(b->changes); /* keeps the memory, as the flusher does */
}

/* Puts the rows and says how long the longest single put took: growth must not stop the engine.
 * That in processor time, since on a busy machine the scheduler's pauses are longer. */
static void fill(struct bench *b, size_t rows, int record)
{
    double longest = 0, begin = now_s();

    store_record_changes(b->store, record);
    for (size_t i = 0; i < rows; i++) {
        double before = clock_s(CLOCK_THREAD_CPUTIME_ID);
        add(b, 1000000);
        double took = clock_s(CLOCK_THREAD_CPUTIME_ID) - before;
        if (took > longest)
            longest = took;
        store_settle(b->store);
    }
    store_record_changes(b->store, 1);
    printf("fill: %.0f rows/s, longest put %.0f us, %.1f bytes a row\n",
           (double)rows / (now_s() - begin), longest * 1e6,
           (double)store_memory(b->store) / (double)rows);
}

static void run_transfers(struct bench *b, const char *name, int expected)
{
    double begin = now_s(), cpu_begin = clock_s(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 1; i <= TRANSFERS; i++) {
        if (!expected)
            transfer(b);
        else if (i % EXPECTED == 0)
            transfer_expected(b);
        if (i % GROUP == 0)
            store_settle(b->store);
        if (i % FLUSH_TRANSFERS == 0)
            drop_changes(b);
    }
    double took = now_s() - begin, cpu = clock_s(CLOCK_THREAD_CPUTIME_ID) - cpu_begin;
    printf("%s: %.0f/s, %.0f per second of processor time, up to %zu rows\n", name,
           TRANSFERS / took, TRANSFERS / cpu, b->live_count);
}

static void run_flush(struct bench *b, const char *folder)
{
    struct image *image;
    struct image_error error = {{0}};
    struct image_meta meta = {.group = 1};
    if (image_open(folder, IMAGE_WRITE, test_specs, TABLES, &image, &error)) {
        printf("%s\n", error.text);
        exit(EXIT_FAILURE);
    }
    for (int round = 0; round < 5; round++) {
        if (round)
            for (int i = 0; i < FLUSH_TRANSFERS; i++)
                transfer(b);
        store_settle(b->store);
        store_changes_swap(b->store, &b->changes);
        double begin = now_s();
        if (image_write(image, b->changes, &meta, &error)) {
            printf("%s\n", error.text);
            exit(EXIT_FAILURE);
        }
        double took = now_s() - begin;
        if (!round)
            printf("first image of all rows: %.2f s\n", took);
        else
            printf("flush of %d changes: %.3f s, %.0f/s\n", 3 * FLUSH_TRANSFERS, took,
                   3 * FLUSH_TRANSFERS / took);
    }
    image_close(image);
}

int main(int argc, char **argv)
{
    size_t rows = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    struct bench b = {.store = store_new(test_specs, TABLES),
                      .changes = changes_new(),
                      .random = 88172645463325252};

    b.live = calloc(rows + 4 * TRANSFERS, sizeof(*b.live));
    if (!b.live)
        return EXIT_FAILURE;
    fill(&b, rows, argc > 2);
    if (argc > 2)
        run_flush(&b, argv[2]);
    else {
        run_transfers(&b, "transfers", 0);
        run_transfers(&b, "transfers, expected by tens", 1);
    }
    store_free(b.store);
    changes_free(b.changes);
    free(b.live);
    return EXIT_SUCCESS;
}
