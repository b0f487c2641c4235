/*
 * Turns to ask: what cheap offers of one seller, and orders that almost fit them, cost everybody
 * else. Nobody pays for these orders: they match what is free alone.
 */
#include "tests/server/exchange/support.h"

#include "server/exchange/ask_turn.h"
#include "server/exchange/due.h"
#include "server/exchange/offer.h"
#include "server/exchange/order.h"
#include "tests/server/exchange/world.h"

enum { ORDERS = 3000, CHEAP_OFFERS = 12, EXPIRING = 1500 };

static struct world w;
static uint32_t evil;
static uint32_t honest;
static uint32_t startup;

static const struct result *done(uint32_t account, const char *key, const struct message *operation,
                                 const void *body)
{
    const struct result *r = world_do(&w, account, key, operation, world_keep(&w, operation, body));
    assert_int_equal(r->refusal, REFUSAL_accepted);
    return r;
}

static uint64_t publish(uint32_t operator, const char * key, uint64_t site, uint32_t gpus)
{
    const struct op_offer_publish op = {.site = site,
                                        .sku = 1,
                                        .gpus = gpus,
                                        .block_gpus = 1,
                                        .end_s = WORLD_BEGIN_S + 86400,
                                        .lease_min_min = 1,
                                        .billing = BILLING_RESERVED,
                                        .meter_period_min = 60};
    return done(operator, key, &op_offer_publish_message, &op)->object;
}

/* For 513 GPUs at least, which are nowhere free together for an hour. */
static uint64_t order_rest(uint64_t rest_until_s)
{
    struct sku_limit limit = {1, 0};
    const struct op_order_place op = {.skus = {&limit, 1},
                                      .gpus = 600,
                                      .gpus_min = 513,
                                      .block_gpus = 1,
                                      .duration_min = 60,
                                      .start_until_s = WORLD_BEGIN_S + 72000,
                                      .placement = PLACEMENT_ONE_SITE,
                                      .time_in_force = TIME_IN_FORCE_GTT,
                                      .rest_until_s = rest_until_s,
                                      .profile = PROFILE_TUNING};
    return done(startup, "startup", &op_order_place_message, &op)->object;
}

/* Two sites; at the first one 1 024 GPUs are on offer, and leased but for the last half hour. */
static void market_open(void)
{
    const struct text name = {"x", 1};
    const struct op_sku_add sku = {.name = name,
                                   .vendor = name,
                                   .model = name,
                                   .memory_gb = 80,
                                   .interconnect = name,
                                   .power_w = 1,
                                   .generation = name};
    const struct op_site_add site = {
        .name = name, .region = {"ID", 2}, .jurisdiction = {"ID", 2}, .power_kw = POWER_KW_MAX};
    struct sku_limit limit = {1, 0};
    struct op_order_place all = {.skus = {&limit, 1},
                                 .gpus = 1024,
                                 .gpus_min = 1024,
                                 .block_gpus = 1,
                                 .duration_min = 24 * 60 - 30,
                                 .placement = PLACEMENT_ONE_SITE,
                                 .time_in_force = TIME_IN_FORCE_FOK,
                                 .profile = PROFILE_TUNING};
    world_begin(&w, WORLD_OPTIONS);
    evil = world_register(&w, "evil", ROLE_OPERATOR);
    honest = world_register(&w, "honest", ROLE_OPERATOR);
    startup = world_register(&w, "startup", ROLE_STARTUP);
    done(1, "admin", &op_sku_add_message, &sku);
    done(evil, "evil", &op_site_add_message, &site);
    done(honest, "honest", &op_site_add_message, &site);
    publish(evil, "evil", 1, 1024);
    done(startup, "startup", &op_order_place_message, &all);
}

static void market_close(void)
{
    world_settle(&w);
    assert_int_equal(store_count(w.x->store, TABLE_ASK_TURN), 0);
    assert_int_equal(world_check(w.x, NULL), 0);
    assert_int_equal(world_verify(&w), 0);
    world_end(&w);
}

static bool is_asking(uint64_t offer)
{
    return offer_row_find(w.x, offer)->asking != 0;
}

/* Each of the cheap offers takes some ticks; who else has something new waits for one turn. */
static void one_sellers_offers_delay_nobody(void **state)
{
    (void)state;
    uint64_t cheap[CHEAP_OFFERS];
    market_open();
    for (int i = 0; i < ORDERS; i++)
        order_rest(WORLD_BEGIN_S + 72000);
    for (int i = 0; i < CHEAP_OFFERS; i++)
        cheap[i] = publish(evil, "evil", 1, 1);
    uint64_t offer = publish(honest, "honest", 2, 8);
    assert_true(is_asking(offer));
    world_tick(&w);
    assert_false(is_asking(offer));
    assert_true(is_asking(cheap[0]));
    /* In the middle of the turns: whoever takes over goes on at the same place. */
    world_reload(&w);
    uint64_t again = publish(honest, "honest", 2, 8);
    world_tick(&w);
    assert_false(is_asking(again));
    world_reload(&w);
    world_tick(&w);
    assert_true(is_asking(cheap[CHEAP_OFFERS - 1]));
    market_close();
}

/* What else is due has half of each tick, and so has asking. */
static void asking_and_all_else_share_a_tick(void **state)
{
    (void)state;
    market_open();
    for (int i = 0; i < ORDERS; i++)
        order_rest(WORLD_BEGIN_S + 72000);
    uint64_t expires = order_rest(WORLD_BEGIN_S + 60);
    uint64_t cheap = publish(evil, "evil", 1, 1);
    world_advance(&w, 120, false);
    assert_int_equal(order_find(w.x, expires)->ended_s, 0);
    world_tick(&w);
    assert_int_not_equal(order_find(w.x, expires)->ended_s, 0);
    assert_true(is_asking(cheap));
    world_settle(&w);
    /* And the reverse: the orders that end came first. */
    uint64_t last = 0;
    for (int i = 0; i < EXPIRING; i++)
        last = order_rest(WORLD_BEGIN_S + 180);
    world_advance(&w, 120, false);
    uint64_t offer = publish(honest, "honest", 2, 8);
    world_tick(&w);
    assert_false(is_asking(offer));
    assert_int_equal(order_find(w.x, last)->ended_s, 0);
    market_close();
}

struct asked {
    uint64_t offers[8];
    size_t count;
};

static void asked_keep(void *context, uint64_t offer)
{
    struct asked *asked = context;
    if (asked->count < sizeof(asked->offers) / sizeof(asked->offers[0]))
        asked->offers[asked->count++] = offer;
}

/* Nobody has a second turn before all others have had one. */
static void each_has_a_turn(void **state)
{
    (void)state;
    struct asked asked = {.count = 0};
    struct due_item item;
    market_open();
    order_rest(WORLD_BEGIN_S + 72000);
    uint64_t a = publish(evil, "evil", 1, 1);
    uint64_t b = publish(evil, "evil", 1, 1);
    uint64_t c = publish(honest, "honest", 2, 1);
    uint64_t d = publish(evil, "evil", 1, 1);
    assert_int_equal(ask_turn_count(w.x), 2);
    assert_true(ask_turn_first(w.x, &item));
    assert_true(item.kind == DUE_ASK && item.serial == a && item.part == evil);
    w.x->witness = (struct witness){.asked = asked_keep, .context = &asked};
    world_tick(&w);
    w.x->witness = (struct witness){.asked = NULL};
    assert_int_equal(asked.count, 4);
    assert_true(asked.offers[0] == a && asked.offers[1] == c);
    assert_true(asked.offers[2] == b && asked.offers[3] == d);
    market_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_sellers_offers_delay_nobody),
        cmocka_unit_test(asking_and_all_else_share_a_tick),
        cmocka_unit_test(each_has_a_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
