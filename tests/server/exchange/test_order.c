/* Random stories of orders that rest, are amended and cancelled, and of offers that come, change
 * and go: after each step the check finds nothing, and the referee agrees with every match, with
 * who was filled first and with who was left. */
#include "server/exchange/lease.h"
#include "server/exchange/offer.h"
#include "server/exchange/order.h"
#include "server/exchange/referee.h"
#include "server/exchange/rest.h"
#include "tests/server/exchange/support.h"
#include "tests/server/exchange/world.h"

enum { STORIES = 12, STEPS = 150, BUYERS = 3, SELLERS = 2 };

struct story {
    struct world w;
    struct referee *referee;
    uint32_t buyers[BUYERS];
    uint32_t sellers[SELLERS];
    uint32_t series[2];
    uint64_t filled;
    uint64_t rested;
    uint64_t ended;
};

static const char *const buyer_names[] = {"alice", "bob", "carl"};
static const char *const seller_names[] = {"op", "op2"};

static void report(void *context, const char *line)
{
    (void)context;
    fprintf(stderr, "referee: %s\n", line);
}

/* The world keeps a copy of the body for its replay. */
static const struct result *act(struct story *s, uint32_t account, const char *key,
                                const struct message *m, const void *body)
{
    return world_do(&s->w, account, key, m, world_keep(&s->w, m, body));
}

static struct story *story_begin(void)
{
    struct story *s = calloc(1, sizeof(*s));
    static const char *const regions[] = {"US-TX", "US-CA", "ID"};
    static const char *const names[] = {"a", "b", "c"};
    world_begin(&s->w, WORLD_OPTIONS);
    for (int i = 0; i < BUYERS; i++)
        s->buyers[i] = world_register(&s->w, buyer_names[i], ROLE_STARTUP);
    for (int i = 0; i < SELLERS; i++)
        s->sellers[i] = world_register(&s->w, seller_names[i], ROLE_OPERATOR);
    s->series[0] = world_series(&s->w, "for ever", 0);
    s->series[1] = world_series(&s->w, "short", WORLD_BEGIN_S + 7777);
    for (int i = 0; i < 2; i++) {
        struct text name = text_of(names[i]);
        struct op_sku_add sku = {.name = name,
                                 .vendor = name,
                                 .model = name,
                                 .memory_gb = 80,
                                 .interconnect = name,
                                 .power_w = 1,
                                 .generation = name};
        act(s, 1, "admin", &op_sku_add_message, &sku);
    }
    for (int i = 0; i < 3; i++) {
        struct op_site_add site = {.name = text_of(names[i]),
                                   .region = text_of(regions[i]),
                                   .jurisdiction = {"ID", 2},
                                   .power_kw = 1000};
        act(s, s->sellers[i % SELLERS], seller_names[i % SELLERS], &op_site_add_message, &site);
    }
    s->referee = referee_new(s->w.x, report, NULL);
    return s;
}

static uint64_t minute_now(const struct story *s)
{
    return s->w.time_s - s->w.time_s % 60;
}

static void do_publish(struct story *s)
{
    uint64_t site = 1 + random_below(3);
    uint32_t seller = (uint32_t)(site - 1) % SELLERS;
    uint64_t start_s = minute_now(s) + 60 * random_below(40);
    struct op_offer_publish op = {
        .site = site,
        .sku = 1 + random_below(2),
        .gpus = 1 + (uint32_t)random_below(12),
        .block_gpus = 1,
        .start_s = start_s,
        .end_s = start_s + 60 * (10 + random_below(150)),
        .price_ucr = 1 + random_below(100),
        .lease_min_min = 1 + (uint32_t)random_below(10),
        .billing = random_below(2) == 0 ? BILLING_RESERVED : BILLING_METERED,
        .meter_period_min = 30,
    };
    act(s, s->sellers[seller], seller_names[seller], &op_offer_publish_message, &op);
}

static void do_change_offer(struct story *s)
{
    const struct offer_row *row = offer_row_find(s->w.x, 1 + random_below(40));
    if (row == NULL)
        return;
    const char *key = row->seller == s->sellers[0] ? seller_names[0] : seller_names[1];
    if (random_below(5) == 0) {
        struct op_offer_withdraw op = {row->offer};
        act(s, row->seller, key, &op_offer_withdraw_message, &op);
        return;
    }
    struct op_offer_amend op = {.offer = row->offer,
                                .gpus = (uint32_t)random_below(16),
                                .has_price = random_below(2) == 0,
                                .price_ucr = random_below(100)};
    act(s, row->seller, key, &op_offer_amend_message, &op);
}

static void do_place(struct story *s)
{
    uint32_t buyer = (uint32_t)random_below(BUYERS);
    uint64_t tokens[2];
    struct sku_limit limits[2] = {{1, random_below(120)}, {2, random_below(120)}};
    struct place place = {text_of(random_below(2) == 0 ? "US" : "ID")};
    for (int i = 0; i < 2; i++)
        tokens[i] = world_mint(&s->w, s->series[i == 1 && s->w.time_s < WORLD_BEGIN_S + 7000],
                               s->buyers[buyer], 1 + random_below(4000));
    bool spread = random_below(3) == 0;
    uint32_t gpus = 1 + (uint32_t)random_below(20);
    bool rests = random_below(4) != 0;
    uint64_t from_s = random_below(2) == 0 ? 0 : minute_now(s) + 60 * random_below(60);
    struct op_order_place op = {
        .skus = {limits, 1 + (uint32_t)random_below(2)},
        .gpus = gpus,
        .gpus_min = 1 + (uint32_t)random_below(random_below(2) == 0 ? gpus : 1),
        .block_gpus = 1,
        .duration_min = 1 + (uint32_t)random_below(60),
        .start_from_s = from_s,
        .start_until_s = (from_s == 0 ? minute_now(s) : from_s) + 60 * random_below(100),
        .placement = spread ? PLACEMENT_SPREAD : PLACEMENT_ONE_SITE,
        .time_in_force = rests ? TIME_IN_FORCE_GTT : TIME_IN_FORCE_IOC,
        .rest_until_s = rests ? s->w.time_s + 1 + random_below(9000) : 0,
        .regions = {&place, (uint32_t)random_below(4) == 0},
        .profile = random_below(3) == 0 ? PROFILE_INFERENCE : PROFILE_TUNING,
        .tokens = {tokens, 1 + (uint32_t)random_below(2)},
    };
    if (op.profile == PROFILE_INFERENCE && random_below(2) == 0)
        op.funded_min = 1 + (uint32_t)random_below(op.duration_min);
    const struct result *r =
        act(s, s->buyers[buyer], buyer_names[buyer], &op_order_place_message, &op);
    s->rested += r->refusal == 0 && rest_find(s->w.x, r->object) != NULL;
}

static void do_change_order(struct story *s)
{
    uint64_t order = 1 + random_below(s->w.x->head.order_last + 1);
    const struct order_row *row = order_find(s->w.x, order);
    const struct rest_row *rest = rest_find(s->w.x, order);
    if (row == NULL)
        return;
    uint32_t buyer = 0;
    while (s->buyers[buyer] != row->account)
        buyer++;
    bool rests = order_rests(s->w.x, row, rest);
    enum refusal refusal;
    if (random_below(3) == 0) {
        struct op_order_cancel op = {order};
        refusal = world_do(&s->w, row->account, buyer_names[buyer], &op_order_cancel_message,
                           arena_copy(&s->w.arena, &op, sizeof(op)))
                      ->refusal;
        s->ended += refusal == 0;
    } else {
        uint64_t token = world_mint(&s->w, s->series[0], row->account, 1 + random_below(2000));
        struct sku_limit limit = {rest != NULL ? rest->skus[0] : 1, random_below(130)};
        struct op_order_amend op = {.order = order,
                                    .gpus = (uint32_t)random_below(24),
                                    .skus = {&limit, (uint32_t)random_below(2)},
                                    .tokens = {&token, (uint32_t)random_below(2)}};
        refusal = act(s, row->account, buyer_names[buyer], &op_order_amend_message, &op)->refusal;
    }
    assert_true(rests || refusal == REFUSAL_order_closed);
}

/* No lease costs its buyer more than the limit: what a resting order has left covers what it still
 * misses, which the check looks at; here, that what is left of all was paid for. */
static void do_end_lease(struct story *s)
{
    uint64_t lease = 1 + random_below(s->w.x->head.lease_last + 1);
    const struct lease_row *row = lease_find(s->w.x, lease);
    if (row == NULL)
        return;
    uint32_t buyer = 0;
    while (s->buyers[buyer] != row->holder)
        buyer++;
    struct op_lease_end op = {lease};
    act(s, row->holder, buyer_names[buyer], &op_lease_end_message, &op);
}

static void story_step(struct story *s)
{
    switch (random_below(10)) {
    case 0:
    case 1:
        do_publish(s);
        break;
    case 2:
        do_change_offer(s);
        break;
    case 3:
    case 4:
    case 5:
        do_place(s);
        break;
    case 6:
        do_change_order(s);
        break;
    case 7:
        do_end_lease(s);
        break;
    case 8:
        world_tick(&s->w);
        break;
    default:
        world_advance(&s->w, random_below(400), random_below(2) == 0);
        break;
    }
}

static void stories_of_resting_orders(void **state)
{
    (void)state;
    random_start();
    uint64_t filled = 0, rested = 0, ended = 0;
    for (int i = 0; i < STORIES; i++) {
        struct story *s = story_begin();
        for (int step = 0; step < STEPS; step++) {
            story_step(s);
            assert_int_equal(world_check(s->w.x, NULL), 0);
            assert_int_equal(referee_counts(s->referee).found, 0);
        }
        world_settle(&s->w);
        filled += s->w.x->head.lease_last;
        rested += s->rested;
        ended += s->ended;
        referee_free(s->referee);
        assert_int_equal(world_verify(&s->w), 0);
        world_end(&s->w);
        free(s);
    }
    printf("%llu leases, %llu orders rested, %llu were cancelled\n", (unsigned long long)filled,
           (unsigned long long)rested, (unsigned long long)ended);
    assert_true(filled > 100 && rested > 100 && ended > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(stories_of_resting_orders)};
    return sodium_init() < 0 ? EXIT_FAILURE : cmocka_run_group_tests(tests, NULL, NULL);
}
