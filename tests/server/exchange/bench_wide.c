/*
 * How long the engine is held by what concerns many rows at once, in processor time of the rules:
 * closing, reopening, freezing and unfreezing where there are so many offers, and the ticks over
 * so many leases whose periods settle. Run by hand: bench_wide [OFFERS [LEASES]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "protocol/endian.h"
#include "server/store/store.h"
#include "tests/server/exchange/crowd.h"

enum {
    BATCH = 1000,
    CHANGES_MAX = 64 * 1024 * 1024,
    GPUS_AN_OFFER = 1000,
    LEASE_MIN = 120,
    PRICE_UCR = 60,
};

#define HOUR_S UINT64_C(3600)

struct bench {
    struct world w; /* for its keys and small requests; its log does not grow with the rest */
    uint64_t group;
    uint64_t ids;
    struct arena arena;
    struct changes *changes;
};

static uint64_t cpu_ns(void)
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

/* A group with a tick (no operations) or with a request; how long it took. */
static uint64_t group_run(struct bench *b, uint32_t account, const char *key,
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
    uint64_t begin_ns = cpu_ns();
    exchange_begin(b->w.x, b->group++, b->w.time_s);
    if (count > 0)
        exchange_request(b->w.x, &request, hash, &b->arena, &reply);
    else
        exchange_tick(b->w.x);
    exchange_end(b->w.x);
    uint64_t spent_ns = cpu_ns() - begin_ns;
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

/* Ticks until nothing is due; prints how many slices that took, and the longest. */
static void settle(struct bench *b, const char *what)
{
    uint64_t slices = 0;
    uint64_t all_ns = 0;
    uint64_t longest_ns = 0;
    uint64_t which = 0;
    while (exchange_next_due(b->w.x) <= b->w.time_s) {
        uint64_t spent_ns = group_run(b, 1, "admin", NULL, 0, NULL);
        slices++;
        all_ns += spent_ns;
        if (spent_ns > longest_ns) {
            longest_ns = spent_ns;
            which = slices;
        }
    }
    printf("  %-44s %7llu slices, %8.1f ms, longest %7.2f ms (number %llu)\n", what,
           (unsigned long long)slices, (double)all_ns / 1e6, (double)longest_ns / 1e6,
           (unsigned long long)which);
    fflush(stdout);
}

static void operate(struct bench *b, const char *what, uint32_t account, const char *key,
                    const struct message *message, const void *body)
{
    struct operation operation = {message, body};
    uint64_t spent_ns = group_run(b, account, key, &operation, 1, NULL);
    printf("  %-44s %26.2f ms\n", what, (double)spent_ns / 1e6);
    fflush(stdout);
    settle(b, "  what follows from it");
}

static void go_on(struct bench *b, uint64_t seconds)
{
    while (seconds > 0) {
        uint64_t step_s = seconds < HOUR_S ? seconds : HOUR_S;
        b->w.time_s += step_s;
        seconds -= step_s;
        exchange_begin(b->w.x, b->group++, b->w.time_s);
        exchange_end(b->w.x);
    }
}

/* Down for two minutes, which moves every deadline. */
static void restart(struct bench *b)
{
    b->w.time_s += 120;
    uint64_t begin_ns = cpu_ns();
    exchange_begin(b->w.x, b->group++, b->w.time_s);
    exchange_start(b->w.x, CLOCK_MODE_REAL);
    exchange_end(b->w.x);
    printf("  %-44s %26.2f ms\n", "a start after an outage", (double)(cpu_ns() - begin_ns) / 1e6);
}

static void begin(struct bench *b)
{
    memset(b, 0, sizeof(*b));
    world_begin(&b->w, WORLD_OPTIONS);
    b->changes = changes_new();
}

/* From here on the world's own groups would not fit. */
static void leave_world(struct bench *b)
{
    b->group = b->w.entries[b->w.entries_count - 1].group + 1;
    b->ids = b->w.ids;
}

static void end(struct bench *b)
{
    arena_release(&b->arena);
    changes_free(b->changes);
    world_end(&b->w);
}

static void publish(struct bench *b, uint32_t op, uint32_t offers, uint32_t gpus, uint64_t end_s)
{
    struct op_offer_publish *offer = offer_new(&b->w, gpus, end_s);
    struct operation operations[BATCH];
    offer->price_ucr = PRICE_UCR;
    for (uint32_t made = 0; made < offers; made += BATCH) {
        uint32_t count = offers - made < BATCH ? offers - made : BATCH;
        for (uint32_t i = 0; i < count; i++)
            operations[i] = (struct operation){&op_offer_publish_message, offer};
        group_run(b, op, "op", operations, count, NULL);
    }
}

static uint64_t minted(struct bench *b, uint32_t series, uint32_t account, amount a)
{
    struct payment output = {account, a};
    struct op_mint mint = {.series = series, .outputs = {&output, 1}};
    struct operation operation = {&op_mint_message, &mint};
    const struct result *results;
    group_run(b, 1, "admin", &operation, 1, &results);
    return results[0].token_first;
}

/* `waiting`: an order rests that every offer has to be shown to and none is long enough for. */
static void measure_offers(uint32_t offers, bool waiting)
{
    struct bench b;
    begin(&b);
    uint32_t op = seller_begin(&b.w);
    uint32_t buyer = world_register(&b.w, "buyer", ROLE_STARTUP);
    uint32_t series = world_series(&b.w, "s", 0);
    leave_world(&b);
    printf("%u offers of one site, %s\n", (unsigned)offers,
           waiting ? "an order rests that all are shown to" : "nobody waits");
    publish(&b, op, offers, 1, WORLD_BEGIN_S + 48 * HOUR_S);
    if (waiting) {
        uint64_t token = minted(&b, series, buyer, 1000000);
        struct op_order_place *order = order_new(&b.w, 2);
        order->time_in_force = TIME_IN_FORCE_GTT;
        order->rest_until_s = b.w.time_s + 40 * HOUR_S;
        order->start_until_s = b.w.time_s + 30 * HOUR_S;
        order->block_gpus = order->gpus_min = 2;
        order->placement = PLACEMENT_SPREAD;
        order->regions.items = NULL;
        order->carbon_g_max = 1;
        order->tokens.items = &token;
        order->tokens.count = 1;
        struct operation operation = {&op_order_place_message, order};
        struct op_site_change dirty = {.site = 1, .power_kw = 1000, .carbon_g_per_kwh = 100};
        struct operation change = {&op_site_change_message, &dirty};
        group_run(&b, op, "op", &change, 1, NULL);
        group_run(&b, buyer, "buyer", &operation, 1, NULL);
    }
    settle(&b, "before");
    struct op_site_close close = {
        .site = 1, .kind = CLOSURE_KIND_OUTAGE, .end_s = WORLD_BEGIN_S + 24 * HOUR_S};
    struct op_site_reopen reopen = {1};
    struct op_account_freeze freeze = {.account = op};
    struct op_account_unfreeze unfreeze = {.account = op};
    operate(&b, "site_close", op, "op", &op_site_close_message, &close);
    go_on(&b, 60);
    operate(&b, "site_reopen", op, "op", &op_site_reopen_message, &reopen);
    operate(&b, "account_freeze", 1, "admin", &op_account_freeze_message, &freeze);
    operate(&b, "account_unfreeze", 1, "admin", &op_account_unfreeze_message, &unfreeze);
    end(&b);
}

/* --- Leases -------------------------------------------------------------------------------- */

static void lease_all(struct bench *b, uint32_t buyer, uint32_t series, uint32_t leases)
{
    static struct payment outputs[BATCH];
    static uint64_t tokens[BATCH];
    static struct op_order_place orders[BATCH];
    struct operation operations[BATCH];
    const struct op_order_place *order = order_new(&b->w, 1);
    for (uint32_t made = 0; made < leases; made += BATCH) {
        struct op_mint mint = {.series = series, .outputs = {outputs, BATCH}};
        struct operation operation = {&op_mint_message, &mint};
        const struct result *results;
        for (uint32_t i = 0; i < BATCH; i++)
            outputs[i] = (struct payment){buyer, (amount)LEASE_MIN * PRICE_UCR};
        group_run(b, 1, "admin", &operation, 1, &results);
        for (uint32_t i = 0; i < BATCH; i++) {
            tokens[i] = results[0].token_first + i;
            orders[i] = *order;
            orders[i].duration_min = LEASE_MIN;
            orders[i].tokens.items = &tokens[i];
            orders[i].tokens.count = 1;
            operations[i] = (struct operation){&op_order_place_message, &orders[i]};
        }
        group_run(b, buyer, "buyer", operations, BATCH, NULL);
    }
}

/* Leases 1 to `leases` are activated, or metered over a period. */
static void operate_all(struct bench *b, uint32_t op, uint32_t leases, bool metered,
                        uint32_t period)
{
    static struct op_lease_activate activate[BATCH];
    static struct op_lease_meter meter[BATCH];
    struct operation operations[BATCH];
    for (uint32_t made = 0; made < leases; made += BATCH) {
        for (uint32_t i = 0; i < BATCH; i++) {
            activate[i] = (struct op_lease_activate){.lease = made + i + 1};
            meter[i] =
                (struct op_lease_meter){.lease = made + i + 1, .period = period, .gpu_minutes = 60};
            operations[i] = metered ? (struct operation){&op_lease_meter_message, &meter[i]}
                                    : (struct operation){&op_lease_activate_message, &activate[i]};
        }
        group_run(b, op, "op", operations, BATCH, NULL);
    }
}

static void measure_leases(uint32_t leases)
{
    struct bench b;
    begin(&b);
    uint32_t op = seller_begin(&b.w);
    uint32_t buyer = world_register(&b.w, "buyer", ROLE_STARTUP);
    uint32_t series = world_series(&b.w, "s", 0);
    leave_world(&b);
    leases = (leases + BATCH - 1) / BATCH * BATCH;
    printf("%u leases of two periods of an hour\n", (unsigned)leases);
    publish(&b, op, (leases + GPUS_AN_OFFER - 1) / GPUS_AN_OFFER, GPUS_AN_OFFER,
            WORLD_BEGIN_S + 48 * HOUR_S);
    lease_all(&b, buyer, series, leases);
    operate_all(&b, op, leases, false, 0);
    settle(&b, "before");
    struct op_site_close close = {
        .site = 1, .kind = CLOSURE_KIND_MAINTENANCE, .end_s = WORLD_BEGIN_S + 24 * HOUR_S};
    operate(&b, "site_close", op, "op", &op_site_close_message, &close);
    go_on(&b, HOUR_S);
    settle(&b, "an hour on");
    struct op_site_reopen reopen = {1};
    operate(&b, "site_reopen", op, "op", &op_site_reopen_message, &reopen);
    operate_all(&b, op, leases, true, 0);
    settle(&b, "metered");
    restart(&b);
    go_on(&b, WORLD_OPTIONS.dispute_window_s);
    settle(&b, "the first period settles");
    go_on(&b, WORLD_OPTIONS.meter_grace_s);
    settle(&b, "the second was not metered in time");
    end(&b);
}

int main(int argc, char **argv)
{
    uint32_t offers = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 200000;
    uint32_t leases = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1000000;
    if (offers > 0) {
        measure_offers(offers, false);
        measure_offers(offers, true);
    }
    if (leases > 0)
        measure_leases(leases);
    return 0;
}
