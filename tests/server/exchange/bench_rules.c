#include "tests/server/exchange/bench_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "protocol/endian.h"
#include "protocol/status.h"
#include "server/exchange/state.h"
#include "server/store/store.h"
#include "tests/server/exchange/world.h"

enum { SIZES = 3, BATCH = 10, ROUNDS_MAX = 10000, CHANGES_MAX = 64 * 1024 * 1024 };

static uint32_t sizes[SIZES] = {1000, 10000, 100000};
static uint32_t rounds = 200;

struct rules {
    struct world w;
    struct keys keys[BENCH_PARTIES];
    struct bench_target target;
    struct bench_market *market;
    uint64_t ids;
    uint64_t group;
    uint64_t spent_ns; /* inside groups */
    struct arena arena;
    struct changes *changes;
};

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Works off a request in a group of its own, or what is due when there is none. */
static void group_run(struct rules *r, const struct request *request, struct frame_reply *reply)
{
    static const uint8_t hash[32];
    uint64_t begin_ns = cpu_ns();
    exchange_begin(r->w.x, r->group++, r->w.time_s);
    if (request != NULL)
        exchange_request(r->w.x, request, hash, &r->arena, reply);
    else
        exchange_tick(r->w.x);
    exchange_end(r->w.x);
    r->spent_ns += cpu_ns() - begin_ns;
    struct store *store = exchange_store(r->w.x);
    if (store_changes_bytes(store) > CHANGES_MAX) {
        store_changes_swap(store, &r->changes);
        changes_free(r->changes);
        r->changes = changes_new();
    }
}

static int rules_apply(void *context, enum bench_party who, const struct operation *operations,
                       uint32_t count, const struct result **results_out)
{
    struct rules *r = context;
    struct frame_reply reply = {.refusal = 0};
    struct request request = {.account = r->target.accounts[who],
                              .valid_until_s = r->w.time_s + 300};
    memcpy(request.key, r->keys[who].sign_public, 32);
    put_u64_be(request.id, ++r->ids);
    request.operations.items = operations;
    request.operations.count = count;
    arena_clear(&r->arena);
    group_run(r, &request, &reply);
    for (uint32_t i = 0; i < reply.results.count; i++) {
        if (reply.results.items[i].refusal == REFUSAL_accepted)
            continue;
        fprintf(stderr, "%s was refused: %s\n", operations[i].message->name,
                refusal_name(reply.results.items[i].refusal));
        return STATUS_MISUSE;
    }
    if (reply.refusal != REFUSAL_accepted || reply.results.count != count)
        return STATUS_MISUSE;
    *results_out = reply.results.items;
    return STATUS_OK;
}

static int rules_settle(void *context, uint64_t offer)
{
    struct rules *r = context;
    (void)offer;
    while (exchange_next_due(r->w.x) <= r->w.time_s)
        group_run(r, NULL, NULL);
    return STATUS_OK;
}

static struct bench_moment rules_now(void *context)
{
    struct rules *r = context;
    return (struct bench_moment){0, r->spent_ns};
}

static void rules_keys(void *context, enum bench_party who, uint8_t sign_out[32],
                       uint8_t channel_out[32])
{
    struct rules *r = context;
    memcpy(sign_out, r->keys[who].sign_public, 32);
    memcpy(channel_out, r->keys[who].channel_public, 32);
}

static struct rules *rules_begin(enum bench_shape shape, uint32_t count, bool spread)
{
    struct rules *r = calloc(1, sizeof(*r));
    if (r == NULL)
        exit(EXIT_FAILURE);
    world_begin(&r->w, WORLD_OPTIONS);
    world_keys("admin", &r->keys[BENCH_ADMIN]);
    for (int who = BENCH_OPERATOR; who < BENCH_PARTIES; who++) {
        char name[BENCH_NAME_SIZE];
        bench_party_name((enum bench_party)who, name);
        world_keys(name, &r->keys[who]);
    }
    r->group = r->w.entries[r->w.entries_count - 1].group + 1;
    r->changes = changes_new();
    r->target = (struct bench_target){
        .context = r,
        .time_s = r->w.time_s,
        .accounts = {1},
        .apply = rules_apply,
        .settle = rules_settle,
        .now = rules_now,
        .keys = rules_keys,
    };
    if (bench_market_make(&r->target, shape, count, spread, &r->market) != STATUS_OK) {
        fprintf(stderr, "the market was not made\n");
        exit(EXIT_FAILURE);
    }
    return r;
}

static void rules_end(struct rules *r)
{
    bench_market_free(r->market);
    arena_release(&r->arena);
    changes_free(r->changes);
    world_end(&r->w);
    free(r);
}

static int number_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void line_print(const char *what, uint64_t samples[SIZES][ROUNDS_MAX])
{
    double us[SIZES];
    printf("  %-22s", what);
    for (int i = 0; i < SIZES; i++) {
        qsort(samples[i], rounds, sizeof(samples[i][0]), number_compare);
        us[i] = (double)samples[i][rounds / 2] / 1000;
        printf(" %8.2f us (p99 %8.2f)", us[i], (double)samples[i][rounds * 99 / 100] / 1000);
    }
    printf("   ratio %.2f, %.2f\n", us[1] / us[0], us[2] / us[0]);
    fflush(stdout);
}

void bench_rules(enum bench_shape shape, bool spread)
{
    static const char *const names[BENCH_WORKS] = {"measured", "floor: transfer", "floor: publish"};
    static uint64_t samples[BENCH_WORKS][SIZES][ROUNDS_MAX];
    struct rules *r[SIZES];
    int works = bench_shape_asks(shape) ? WORK_FLOOR_PUBLISH : WORK_FLOOR_TRANSFER;
    printf("%s%s; %u, %u, %u\n", bench_shape_title(shape), spread ? ", spread" : "",
           (unsigned)sizes[0], (unsigned)sizes[1], (unsigned)sizes[2]);
    for (int i = 0; i < SIZES; i++)
        r[i] = rules_begin(shape, sizes[i], spread);
    for (uint32_t round = 0; round < rounds; round++) {
        for (int work = 0; work <= works; work++) {
            for (int i = 0; i < SIZES; i++) {
                struct bench_moment each;
                if (bench_market_work(r[i]->market, (enum bench_work)work, BATCH, &each) !=
                    STATUS_OK)
                    exit(EXIT_FAILURE);
                samples[work][i][round] = each.engine_ns;
            }
        }
    }
    for (int work = 0; work <= works; work++)
        line_print(names[work], samples[work]);
    for (int i = 0; i < SIZES; i++)
        rules_end(r[i]);
}

void bench_rules_looks(enum bench_shape shape, uint32_t count, uint64_t looks_out[2])
{
    struct rules *r = rules_begin(shape, count, false);
    for (int spread = 0; spread < 2; spread++) {
        struct bench_moment each;
        bench_market_spread(r->market, spread != 0);
        if (bench_market_work(r->market, WORK_MEASURED, BATCH, &each) != STATUS_OK)
            exit(EXIT_FAILURE);
        looks_out[spread] = r->w.x->request_looks;
    }
    rules_end(r);
}

void bench_rules_arguments(int argc, char **argv)
{
    if (argc > 1)
        rounds = (uint32_t)strtoul(argv[1], NULL, 10);
    if (rounds == 0 || rounds > ROUNDS_MAX || argc > 2 + SIZES) {
        fprintf(stderr, "rounds are 1 to %d, then up to %d sizes\n", ROUNDS_MAX, SIZES);
        exit(EXIT_FAILURE);
    }
    for (int i = 2; i < argc; i++)
        sizes[i - 2] = (uint32_t)strtoul(argv[i], NULL, 10);
}
