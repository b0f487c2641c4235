/*
 * How long the engine is held by what concerns many rows at once, in processor time of the rules:
 * closing, reopening, freezing and unfreezing where there are so many offers, and the ticks over
 * so many leases whose periods settle. Run by hand: bench_wide [OFFERS [LEASES]]
 */
#include <stdio.h>
#include <stdlib.h>

#include "protocol/moment.h"
#include "tests/server/exchange/bench_ticks.h"

enum {
    GPUS_AN_OFFER = 1000,
    LEASE_MIN = 120,
    PRICE_UCR = 60,
};

static void operate(struct bench *b, const char *what, uint32_t account, const char *key,
                    const struct message *message, const void *body)
{
    struct operation operation = {message, body};
    uint64_t spent_ns = bench_group(b, account, key, &operation, 1, NULL);
    printf("  %-44s %26.2f ms\n", what, (double)spent_ns / 1e6);
    fflush(stdout);
    bench_settle(b, "  what follows from it");
}

/* Down for two minutes, which moves every deadline. */
static void restart(struct bench *b)
{
    b->w.time_s += 120;
    uint64_t begin_ns = bench_cpu_ns();
    exchange_begin(b->w.x, b->group++, b->w.time_s);
    exchange_start(b->w.x, CLOCK_MODE_REAL);
    exchange_end(b->w.x);
    printf("  %-44s %26.2f ms\n", "a start after an outage",
           (double)(bench_cpu_ns() - begin_ns) / 1e6);
}

static void publish(struct bench *b, uint32_t op, uint32_t offers, uint32_t gpus, uint64_t end_s)
{
    struct op_offer_publish *offer = offer_new(&b->w, gpus, end_s);
    struct operation operations[BENCH_BATCH];
    offer->price_ucr = PRICE_UCR;
    for (uint32_t made = 0; made < offers; made += BENCH_BATCH) {
        uint32_t count = offers - made < BENCH_BATCH ? offers - made : BENCH_BATCH;
        for (uint32_t i = 0; i < count; i++)
            operations[i] = (struct operation){&op_offer_publish_message, offer};
        bench_group(b, op, "op", operations, count, NULL);
    }
}

static uint64_t minted(struct bench *b, uint32_t series, uint32_t account, amount a)
{
    struct payment output = {account, a};
    struct op_mint mint = {.series = series, .outputs = {&output, 1}};
    struct operation operation = {&op_mint_message, &mint};
    const struct result *results;
    bench_group(b, 1, "admin", &operation, 1, &results);
    return results[0].token_first;
}

/* `waiting`: an order rests that every offer has to be shown to and none is long enough for. */
static void measure_offers(uint32_t offers, bool waiting)
{
    struct bench b;
    bench_begin(&b, WORLD_OPTIONS);
    uint32_t op = seller_begin(&b.w);
    uint32_t buyer = world_register(&b.w, "buyer", ROLE_STARTUP);
    uint32_t series = world_series(&b.w, "s", 0);
    bench_leave_world(&b);
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
        bench_group(&b, op, "op", &change, 1, NULL);
        bench_group(&b, buyer, "buyer", &operation, 1, NULL);
    }
    bench_settle(&b, "before");
    struct op_site_close close = {
        .site = 1, .kind = CLOSURE_KIND_OUTAGE, .end_s = WORLD_BEGIN_S + 24 * HOUR_S};
    struct op_site_reopen reopen = {1};
    struct op_account_freeze freeze = {.account = op};
    struct op_account_unfreeze unfreeze = {.account = op};
    operate(&b, "site_close", op, "op", &op_site_close_message, &close);
    bench_go_on(&b, 60);
    operate(&b, "site_reopen", op, "op", &op_site_reopen_message, &reopen);
    operate(&b, "account_freeze", 1, "admin", &op_account_freeze_message, &freeze);
    operate(&b, "account_unfreeze", 1, "admin", &op_account_unfreeze_message, &unfreeze);
    bench_end(&b);
}

/* --- Leases -------------------------------------------------------------------------------- */

static void lease_all(struct bench *b, uint32_t buyer, uint32_t series, uint32_t leases)
{
    static struct payment outputs[BENCH_BATCH];
    static uint64_t tokens[BENCH_BATCH];
    static struct op_order_place orders[BENCH_BATCH];
    struct operation operations[BENCH_BATCH];
    const struct op_order_place *order = order_new(&b->w, 1);
    for (uint32_t made = 0; made < leases; made += BENCH_BATCH) {
        struct op_mint mint = {.series = series, .outputs = {outputs, BENCH_BATCH}};
        struct operation operation = {&op_mint_message, &mint};
        const struct result *results;
        for (uint32_t i = 0; i < BENCH_BATCH; i++)
            outputs[i] = (struct payment){buyer, (amount)LEASE_MIN * PRICE_UCR};
        bench_group(b, 1, "admin", &operation, 1, &results);
        for (uint32_t i = 0; i < BENCH_BATCH; i++) {
            tokens[i] = results[0].token_first + i;
            orders[i] = *order;
            orders[i].duration_min = LEASE_MIN;
            orders[i].tokens.items = &tokens[i];
            orders[i].tokens.count = 1;
            operations[i] = (struct operation){&op_order_place_message, &orders[i]};
        }
        bench_group(b, buyer, "buyer", operations, BENCH_BATCH, NULL);
    }
}

/* Leases 1 to `leases` are activated, or metered over a period. */
static void operate_all(struct bench *b, uint32_t op, uint32_t leases, bool metered,
                        uint32_t period)
{
    static struct op_lease_activate activate[BENCH_BATCH];
    static struct op_lease_meter meter[BENCH_BATCH];
    struct operation operations[BENCH_BATCH];
    for (uint32_t made = 0; made < leases; made += BENCH_BATCH) {
        for (uint32_t i = 0; i < BENCH_BATCH; i++) {
            activate[i] = (struct op_lease_activate){.lease = made + i + 1};
            meter[i] =
                (struct op_lease_meter){.lease = made + i + 1, .period = period, .gpu_minutes = 60};
            operations[i] = metered ? (struct operation){&op_lease_meter_message, &meter[i]}
                                    : (struct operation){&op_lease_activate_message, &activate[i]};
        }
        bench_group(b, op, "op", operations, BENCH_BATCH, NULL);
    }
}

static void measure_leases(uint32_t leases)
{
    struct bench b;
    bench_begin(&b, WORLD_OPTIONS);
    uint32_t op = seller_begin(&b.w);
    uint32_t buyer = world_register(&b.w, "buyer", ROLE_STARTUP);
    uint32_t series = world_series(&b.w, "s", 0);
    bench_leave_world(&b);
    leases = (leases + BENCH_BATCH - 1) / BENCH_BATCH * BENCH_BATCH;
    printf("%u leases of two periods of an hour\n", (unsigned)leases);
    publish(&b, op, (leases + GPUS_AN_OFFER - 1) / GPUS_AN_OFFER, GPUS_AN_OFFER,
            WORLD_BEGIN_S + 48 * HOUR_S);
    lease_all(&b, buyer, series, leases);
    operate_all(&b, op, leases, false, 0);
    bench_settle(&b, "before");
    struct op_site_close close = {
        .site = 1, .kind = CLOSURE_KIND_MAINTENANCE, .end_s = WORLD_BEGIN_S + 24 * HOUR_S};
    operate(&b, "site_close", op, "op", &op_site_close_message, &close);
    bench_go_on(&b, HOUR_S);
    bench_settle(&b, "an hour on");
    struct op_site_reopen reopen = {1};
    operate(&b, "site_reopen", op, "op", &op_site_reopen_message, &reopen);
    operate_all(&b, op, leases, true, 0);
    bench_settle(&b, "metered");
    restart(&b);
    bench_go_on(&b, WORLD_OPTIONS.dispute_window_s);
    bench_settle(&b, "the first period settles");
    bench_go_on(&b, WORLD_OPTIONS.meter_grace_s);
    bench_settle(&b, "the second was not metered in time");
    bench_end(&b);
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
