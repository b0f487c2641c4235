/*
 * What it costs to close the periods of a backstop: 10 000 offers at one stand, leases that begin
 * and end at any minute, all minutes added up. Times are this process's processor time inside the
 * groups that do it: each tick is a slice. Also what elections cost before it begins: each looks at
 * all offers and is refused then, for want of funds, so that all are of the same stand.
 *
 *   bench_backstop [offers [leases [days a period]]]
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "server/exchange/backstop.h"
#include "tests/server/exchange/crowd.h"

enum { DAY_MIN = 24 * 60 };

static struct world w;
static uint32_t op, guarantor, alice, series;
static uint64_t contract;
static uint64_t random_state = 1;

static uint64_t below(uint64_t limit)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (random_state >> 33) % limit;
}

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void offers_make(uint32_t count)
{
    struct batch b = batch_of(&w, op, "op");
    uint32_t gpus =
        count > 15000 ? 1000 * 1000 / count : 64; /* what the site's power is enough for */
    for (uint32_t i = 0; i < count; i++) {
        struct op_offer_publish *offer = offer_new(&w, gpus, WORLD_BEGIN_S + 86400 * 400);
        offer->meter_period_min = 1440;
        batch_add(&b, &op_offer_publish_message, offer);
        if (i % 1000 == 999)
            batch_send(&b);
    }
    if (b.count > 0)
        batch_send(&b);
}

static void backstop_make(uint32_t period_min)
{
    static const struct lot lot = {.gpus = GPUS_MAX, .from_s = WORLD_BEGIN_S};
    struct op_backstop_propose *propose = NEW(&w, op_backstop_propose);
    *propose = (struct op_backstop_propose){
        .guarantor = guarantor,
        .operator= op,
        .site = 1,
        .sku = 1,
        .gpus = GPUS_MAX,
        .strike_ucr = 1000,
        .period_min = period_min,
        .start_s = WORLD_BEGIN_S + 16 * 3600,
        .end_s = WORLD_BEGIN_S + 16 * 3600 + (uint64_t)period_min * 60 * 2,
        .pool_ucr = AMOUNT_MAX_UCR,
        .lots = {&lot, 1},
        .price_max_ucr = PRICE_MAX_UCR,
        .ahead_min = 60,
    };
    struct op_contract_accept *accept = NEW(&w, op_contract_accept);
    contract = accepted(&w, guarantor, "g", &op_backstop_propose_message, propose)->object;
    *accept = (struct op_contract_accept){.contract = contract, .version = 1};
    uint64_t begin_ns = cpu_ns();
    accepted(&w, op, "op", &op_contract_accept_message, accept);
    printf("accepted in %.2f ms\n", (double)(cpu_ns() - begin_ns) / 1e6);
}

static void leases_make(uint32_t count, uint32_t span_min)
{
    struct batch b = batch_of(&w, alice, "alice");
    for (uint32_t i = 0; i < count; i++) {
        struct op_order_place *order = order_new(&w, 1 + (uint32_t)below(64));
        uint64_t token = world_mint(&w, series, alice, 1000000);
        uint64_t *kept = arena_alloc(&w.arena, sizeof(*kept));
        *kept = token;
        order->tokens.items = kept;
        order->tokens.count = 1;
        order->duration_min = 1 + (uint32_t)below(DAY_MIN);
        order->start_from_s = WORLD_BEGIN_S + 60 * (960 + below(span_min));
        batch_add(&b, &op_order_place_message, order);
        if (b.count == 100)
            batch_try(&b);
    }
}

static int ns_compare(const void *a, const void *b)
{
    const uint64_t *p = a;
    const uint64_t *q = b;
    return (*p > *q) - (*p < *q);
}

/* Of elections in one request; returns how many of them have looked at anything. */
static uint32_t elections_ask(uint32_t count, uint64_t token, uint64_t *ns_out)
{
    struct batch b = batch_of(&w, guarantor, "g");
    for (uint32_t i = 0; i < count; i++) {
        struct op_backstop_elect *elect = NEW(&w, op_backstop_elect);
        uint64_t *kept = arena_alloc(&w.arena, sizeof(*kept));
        *kept = token;
        *elect = (struct op_backstop_elect){
            .contract = contract, .period = i % 2, .gpus = 4096, .tokens = {kept, 1}};
        batch_add(&b, &op_backstop_elect_message, elect);
    }
    uint64_t begin_ns = cpu_ns();
    const struct frame_reply *reply = batch_try(&b);
    *ns_out = cpu_ns() - begin_ns;
    uint32_t looked = 0;
    for (uint32_t i = 0; i < reply->results.count; i++)
        looked += reply->results.items[i].refusal == REFUSAL_insufficient_funds;
    return looked;
}

static void elections_run(uint32_t period_min)
{
    enum { TIMES = 15, AT_ONCE = 60 };
    uint64_t ns[TIMES];
    uint64_t all_ns = 0;
    uint64_t token = world_mint(&w, series, guarantor, (uint64_t)period_min * 1000 / 60 + 1);
    for (uint32_t i = 0; i < TIMES; i++)
        elections_ask(1, token, &ns[i]);
    uint64_t looks = w.x->request_looks;
    qsort(ns, TIMES, sizeof(ns[0]), ns_compare);
    uint32_t looked = elections_ask(AT_ONCE, token, &all_ns);
    printf(
        "an election ahead: %.2f ms, the longest %.2f ms, %llu looks; %d in one request: %.2f ms, "
        "%u looked\n",
        (double)ns[TIMES / 2] / 1e6, (double)ns[TIMES - 1] / 1e6, (unsigned long long)looks,
        AT_ONCE, (double)all_ns / 1e6, looked);
}

/* What ticks have cost. */
struct cost {
    uint64_t ticks;
    uint64_t sum_ns;
    uint64_t most_ns;
};

static void ticks_run(struct cost *c)
{
    while (exchange_next_due(w.x) <= w.time_s) {
        uint64_t begin_ns = cpu_ns();
        world_tick(&w);
        uint64_t ns = cpu_ns() - begin_ns;
        c->most_ns = ns > c->most_ns ? ns : c->most_ns;
        c->sum_ns += ns;
        c->ticks++;
    }
}

/* As the engine does between groups. */
static void prepare_run(struct cost *c)
{
    bool more = true;
    while (more) {
        uint64_t begin_ns = cpu_ns();
        more = exchange_prepare(w.x, w.time_s, 4096);
        uint64_t ns = cpu_ns() - begin_ns;
        c->most_ns = ns > c->most_ns ? ns : c->most_ns;
        c->sum_ns += ns;
        c->ticks++;
    }
}

static void cost_print(const char *what, const struct cost *c)
{
    printf("%s: %llu slices, %.3f ms, the longest %.3f ms\n", what, (unsigned long long)c->ticks,
           (double)c->sum_ns / 1e6, (double)c->most_ns / 1e6);
}

int main(int argc, char **argv)
{
    uint32_t offers = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 10000;
    uint32_t leases = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 10000;
    uint32_t days = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 1;
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    struct world_options options = WORLD_OPTIONS;
    options.activation_grace_s = GRACE_MAX_S;
    world_begin(&w, options);
    op = seller_begin(&w);
    guarantor = world_register(&w, "g", ROLE_GUARANTOR);
    alice = world_register(&w, "alice", ROLE_STARTUP);
    series = world_series(&w, "seed", 0);
    offers_make(offers);
    backstop_make(days * DAY_MIN);
    leases_make(leases, days * DAY_MIN);
    elections_run(days * DAY_MIN);
    world_advance(&w, 16 * 3600, true);
    struct cost prepared = {0, 0, 0}, daily = {0, 0, 0}, closing = {0, 0, 0};
    prepare_run(&prepared);
    cost_print("prepared as it begins", &prepared);
    for (uint32_t day = 0; day < days; day++) {
        world_advance(&w, 86400 - 60, true);
        world_advance(&w, 60, false);
        ticks_run(day + 1 < days ? &daily : &closing);
    }
    if (days > 1)
        cost_print("the days before the last one", &daily);
    cost_print("the last day, and the period is closed", &closing);
    const struct draw_row key = {.contract = contract};
    const struct draw_row *draw = store_find(w.x->store, TABLE_DRAW, &key);
    if (!draw)
        return EXIT_FAILURE;
    printf("%llu leases, %llu GPU-minutes sold, %llu owed\n",
           (unsigned long long)w.x->head.lease_last, (unsigned long long)draw->gpu_minutes_sold,
           (unsigned long long)draw->gpu_minutes_owed);
    world_end(&w);
    return EXIT_SUCCESS;
}
