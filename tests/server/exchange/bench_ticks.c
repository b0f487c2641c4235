#include "tests/server/exchange/bench_ticks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "protocol/endian.h"
#include "protocol/moment.h"
#include "server/store/store.h"

enum { CHANGES_MAX = 64 * 1024 * 1024 };

uint64_t bench_cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* What the flusher would take away. */
static void changes_drop(struct bench *b)
{
    struct store *store = exchange_store(b->w.x);
    if (store_changes_bytes(store) < CHANGES_MAX)
        return;
    store_changes_swap(store, &b->changes);
    changes_free(b->changes);
    b->changes = changes_new();
}

uint64_t bench_group(struct bench *b, uint32_t account, const char *key,
                     const struct operation *operations, uint32_t count,
                     const struct result **results_out)
{
    static const uint8_t hash[32];
    struct frame_reply reply = {.refusal = 0};
    struct request request = {.account = account, .valid_until_s = b->w.time_s + 1};
    struct keys keys;
    world_keys(key, &keys);
    memcpy(request.key, keys.sign_public, 32);
    put_u64_be(request.id, ++b->ids);
    request.operations.items = operations;
    request.operations.count = count;
    arena_clear(&b->arena);
    uint64_t begin_ns = bench_cpu_ns();
    exchange_begin(b->w.x, b->group++, b->w.time_s);
    if (count > 0)
        exchange_request(b->w.x, &request, hash, &b->arena, &reply);
    else
        exchange_tick(b->w.x);
    exchange_end(b->w.x);
    uint64_t spent_ns = bench_cpu_ns() - begin_ns;
    for (uint32_t i = 0; i < reply.results.count; i++) {
        if (reply.results.items[i].refusal == REFUSAL_accepted)
            continue;
        fprintf(stderr, "%s was refused: %s\n", operations[i].message->name,
                refusal_name(reply.results.items[i].refusal));
        exit(EXIT_FAILURE);
    }
    if (reply.refusal != REFUSAL_accepted || reply.results.count != count)
        exit(EXIT_FAILURE);
    if (results_out != NULL)
        *results_out = reply.results.items;
    changes_drop(b);
    return spent_ns;
}

void bench_work(struct bench *b, struct bench_cost *cost)
{
    while (exchange_next_due(b->w.x) <= b->w.time_s) {
        uint64_t spent_ns = bench_group(b, 1, "admin", NULL, 0, NULL);
        cost->slices++;
        cost->all_ns += spent_ns;
        if (spent_ns > cost->longest_ns) {
            cost->longest_ns = spent_ns;
            cost->longest = cost->slices;
        }
    }
}

void bench_print(const char *what, const struct bench_cost *cost)
{
    printf("  %-44s %7llu slices, %8.1f ms, longest %7.2f ms (number %llu)\n", what,
           (unsigned long long)cost->slices, (double)cost->all_ns / 1e6,
           (double)cost->longest_ns / 1e6, (unsigned long long)cost->longest);
    fflush(stdout);
}

void bench_settle(struct bench *b, const char *what)
{
    struct bench_cost cost = {0, 0, 0, 0};
    bench_work(b, &cost);
    bench_print(what, &cost);
}

void bench_go_on(struct bench *b, uint64_t seconds)
{
    while (seconds > 0) {
        uint64_t step_s = seconds < HOUR_S ? seconds : HOUR_S;
        b->w.time_s += step_s;
        seconds -= step_s;
        exchange_begin(b->w.x, b->group++, b->w.time_s);
        exchange_end(b->w.x);
    }
}

void bench_begin(struct bench *b, struct world_options options)
{
    memset(b, 0, sizeof(*b));
    world_begin(&b->w, options);
    b->changes = changes_new();
}

void bench_leave_world(struct bench *b)
{
    b->group = b->w.entries[b->w.entries_count - 1].group + 1;
    b->ids = b->w.ids;
}

void bench_end(struct bench *b)
{
    arena_release(&b->arena);
    changes_free(b->changes);
    world_end(&b->w);
}
