/*
 * What the benches of many rows share: groups that are given to the rules alone, request or tick,
 * each with the processor time that it took. The log and the journal of the world behind them do
 * not grow, nor do the changes that a flusher would take away.
 */
#ifndef BOURSE_TESTS_EXCHANGE_BENCH_TICKS_H
#define BOURSE_TESTS_EXCHANGE_BENCH_TICKS_H

#include "protocol/moment.h"
#include "tests/server/exchange/crowd.h"

enum { BENCH_BATCH = 1000 };

#define HOUR_S UINT64_C(3600)

struct bench {
    struct world w; /* for its keys and small requests; its log does not grow with the rest */
    uint64_t group;
    uint64_t ids;
    struct arena arena; /* of the last group; cleared by the next */
    struct changes *changes;
};

/* The processor time of this thread. */
uint64_t bench_cpu_ns(void);

void bench_begin(struct bench *b, struct world_options options);
/* From here on the world's own groups would not fit. */
void bench_leave_world(struct bench *b);
void bench_end(struct bench *b);

/* A group with a tick (no operations) or with a request, all of which must be accepted; how long it
 * took. */
uint64_t bench_group(struct bench *b, uint32_t account, const char *key,
                     const struct operation *operations, uint32_t count,
                     const struct result **results_out);

/* What ticks have cost. */
struct bench_cost {
    uint64_t slices;
    uint64_t all_ns;
    uint64_t longest_ns;
    uint64_t longest; /* which one that was, from 1 on */
};

/* Ticks until nothing is due. */
void bench_work(struct bench *b, struct bench_cost *cost);
void bench_print(const char *what, const struct bench_cost *cost);
/* Both. */
void bench_settle(struct bench *b, const char *what);
/* Time goes on, and nothing is worked off. */
void bench_go_on(struct bench *b, uint64_t seconds);

#endif
