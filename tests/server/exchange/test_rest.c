/* The index of resting orders against a look at every row, what a walk of it costs, and asking in
 * several ticks. */
#include "server/exchange/order.h"
#include "server/exchange/rest_index.h"
#include "tests/server/exchange/support.h"
#include "tests/server/exchange/world.h"

struct hall {
    struct world w;
    bool mixed; /* orders want leases of all lengths, by their number; else of an hour */
    struct exchange *x;
    uint32_t operator, startup;
    uint64_t orders; /* put behind the rules' back */
};

static const struct result *done(struct hall *h, uint32_t account, const char *key,
                                 const struct message *m, const void *body)
{
    const struct result *result = world_do(&h->w, account, key, m, body);
    assert_int_equal(result->refusal, REFUSAL_accepted);
    return result;
}

/* Two SKUs, three sites: 1 in US-TX, 2 in US-CA, 3 in ID; no offers. */
static struct hall *hall_open(void)
{
    struct hall *h = calloc(1, sizeof(*h));
    static const char *const regions[] = {"US-TX", "US-CA", "ID"};
    static const char *const names[] = {"a", "b", "c"};
    world_begin(&h->w, WORLD_OPTIONS);
    h->x = h->w.x;
    h->operator= world_register(&h->w, "op", ROLE_OPERATOR);
    h->startup = world_register(&h->w, "startup", ROLE_STARTUP);
    for (int i = 0; i < 2; i++) {
        struct text name = text_of(names[i]);
        struct op_sku_add sku = {.name = name,
                                 .vendor = name,
                                 .model = name,
                                 .memory_gb = 80,
                                 .interconnect = name,
                                 .power_w = 1,
                                 .generation = name};
        done(h, 1, "admin", &op_sku_add_message, &sku);
    }
    for (int i = 0; i < 3; i++) {
        struct op_site_add site = {.name = text_of(names[i]),
                                   .region = text_of(regions[i]),
                                   .jurisdiction = {"ID", 2},
                                   .power_kw = POWER_KW_MAX};
        done(h, h->operator, "op", &op_site_add_message, &site);
    }
    return h;
}

static void hall_close(struct hall *h)
{
    world_end(&h->w);
    free(h);
}

static uint64_t publish(struct hall *h, uint64_t site, uint32_t gpus, uint64_t from_min,
                        uint64_t to_min, uint64_t price_ucr)
{
    struct op_offer_publish offer = {.site = site,
                                     .sku = 1,
                                     .gpus = gpus,
                                     .block_gpus = 1,
                                     .start_s = WORLD_BEGIN_S + from_min * 60,
                                     .end_s = WORLD_BEGIN_S + to_min * 60,
                                     .price_ucr = price_ucr,
                                     .lease_min_min = 1,
                                     .billing = BILLING_RESERVED,
                                     .meter_period_min = 60};
    return done(h, h->operator, "op", &op_offer_publish_message, &offer)->object;
}

/* A resting order of SKU 1, of whoever may want anything for whatever time. */
static struct rest_row rest_row_of(uint64_t order, uint64_t limit_ucr, uint32_t gpus_min)
{
    struct rest_row row = {
        .order = order,
        .place = order,
        .start_from_s = WORLD_BEGIN_S,
        .start_until_s = WORLD_BEGIN_S + 3600,
        .due_s = UINT64_MAX / 2 + order,
        .gpus_missing = gpus_min,
        .gpus_min = gpus_min,
        .block_gpus = 1,
        .skus_count = 1,
    };
    row.skus[0] = 1;
    row.limits_ucr[0] = limit_ucr;
    return row;
}

static void rest_put(struct hall *h, const struct rest_row *rest, enum placement placement)
{
    struct order_row order = {.order = rest->order,
                              .account = h->startup,
                              .state = ORDER_STATE_RESTING,
                              .placement = placement,
                              .gpus = rest->gpus_missing,
                              .duration_min = h->mixed ? 1u << rest->order % 16 : 60,
                              .profile = PROFILE_TUNING};
    h->w.replayable = false;
    store_put(h->x->store, TABLE_ORDER, &order);
    store_put(h->x->store, TABLE_REST, rest);
    if (rest->order > h->orders)
        h->orders = rest->order;
}

static void region_set(struct rest_row *row, uint32_t i, const char *code)
{
    memcpy(row->regions + (size_t)i * PLACE_BYTES, code, strlen(code));
    row->regions_count = (uint8_t)(i + 1);
}

/* --- Against every row --------------------------------------------------------------------- */

static struct rest_row random_row(uint64_t order)
{
    static const char *const codes[] = {"US", "US-TX", "US-CA", "ID", "ID-JK", "DE"};
    struct rest_row row =
        rest_row_of(order, random_below(20), 1 + (uint32_t)random_below(1u << random_below(16)));
    uint64_t from_min = random_below(1u << random_below(22));
    row.place = 1 + random_below(50);
    row.start_from_s = WORLD_BEGIN_S + from_min * 60;
    row.start_until_s = row.start_from_s + random_below(1u << random_below(21)) * 60;
    row.gpus_missing = 1 + (uint32_t)random_below(1u << random_below(16));
    row.block_gpus = 1 + (uint32_t)random_below(4);
    if (random_below(3) == 0)
        row.site = 1 + random_below(3);
    uint32_t regions = (uint32_t)random_below(4);
    for (uint32_t i = 0; i < regions; i++)
        region_set(&row, i, codes[random_below(6)]);
    row.skus_count = (uint8_t)(1 + random_below(2));
    row.skus[0] = 1 + random_below(2);
    row.skus[1] = 3 - row.skus[0];
    row.limits_ucr[1] = random_below(20);
    return row;
}

struct expected {
    const struct hall *h;
    const struct offer *o;
    struct rest_key since;
    struct rest_key keys[512];
    uint32_t count;
};

static bool rest_may_want(const struct hall *h, const struct rest_row *row, const struct offer *o)
{
    static const char *const regions[] = {"", "US-TX", "US-CA", "ID"};
    bool spread = order_find(h->x, row->order)->placement == PLACEMENT_SPREAD;
    bool covered = row->regions_count == 0 || row->site != 0;
    for (uint32_t i = 0; i < row->regions_count; i++) {
        const char *code = (const char *)row->regions + (size_t)i * PLACE_BYTES;
        covered = covered || strcmp(code, regions[o->site]) == 0 ||
                  (strlen(code) == 2 && strncmp(code, regions[o->site], 2) == 0);
    }
    uint32_t least = row->gpus_min < row->gpus_missing ? row->gpus_min : row->gpus_missing;
    if (least < row->block_gpus)
        least = row->block_gpus;
    if (spread && row->skus_count > 1)
        least = 1;
    uint64_t supplied = rest_supplied(h->x, o->sku, spread ? 0 : o->site);
    return covered && (row->site == 0 || row->site == o->site) &&
           rest_size(least) <= rest_size(supplied) &&
           rest_size(order_find(h->x, row->order)->duration_min) <= rest_size(rest_left(h->x, o)) &&
           row->start_from_s / 60 <= o->end_min && row->start_until_s / 60 >= o->start_min;
}

static bool expect_key(void *context, const struct rest_row *row, uint64_t limit_ucr)
{
    struct expected *e = context;
    struct rest_key key = {limit_ucr, row->place, row->order};
    if (limit_ucr < e->o->price_ucr)
        return false;
    if (!rest_key_before(&key, &e->since) && rest_may_want(e->h, row, e->o))
        e->keys[e->count++] = key;
    return true;
}

static void walk_compare(const struct hall *h, const struct offer *o, struct rest_key since)
{
    struct expected e = {.h = h, .o = o, .since = since};
    struct rest_walk walk;
    struct rest_key key;
    uint32_t i = 0;
    rest_each(h->x, o->sku, expect_key, &e);
    rest_walk_begin(&walk, h->x, o, since);
    while (rest_walk_next(&walk, &key)) {
        assert_true(i < e.count);
        assert_memory_equal(&key, &e.keys[i], sizeof(key));
        i++;
        rest_walk_pass(&walk);
    }
    assert_int_equal(i, e.count);
    rest_walk_release(&walk);
}

static void walks_find_what_a_look_at_every_row_finds(void **state)
{
    (void)state;
    random_start();
    for (int round = 0; round < 20; round++) {
        struct hall *h = hall_open();
        h->mixed = true;
        uint64_t offers[6];
        for (uint32_t i = 0; i < 6; i++) {
            uint64_t from = random_below(1u << random_below(20));
            offers[i] = publish(h, 1 + random_below(3), 1 + (uint32_t)random_below(4000), from,
                                from + 1 + random_below(1u << random_below(19)), random_below(12));
        }
        for (uint32_t step = 0; step < 600; step++) {
            uint64_t order = 1 + random_below(200);
            uint64_t faults;
            if (rest_find(h->x, order) != NULL && random_below(3) == 0) {
                store_remove(h->x->store, TABLE_REST, &order);
            } else {
                const struct order_row *was = order_find(h->x, order);
                struct rest_row row = random_row(order);
                rest_put(h, &row,
                         was != NULL ? (enum placement)was->placement
                                     : (enum placement)(1 + random_below(2)));
            }
            if (step % 25 != 0)
                continue;
            for (uint32_t i = 0; i < 6; i++) {
                struct rest_key since = {UINT64_MAX, 0, 0};
                if (random_below(2) == 0)
                    since = (struct rest_key){random_below(20), random_below(50), 0};
                walk_compare(h, offer_find(h->x, offers[i]), since);
            }
            rest_lines(h->x, &faults);
            assert_int_equal(faults, 0);
        }
        uint64_t lines;
        uint64_t sum = 0, faults;
        for (uint64_t order = 1; order <= 200; order++) {
            if (rest_find(h->x, order) == NULL)
                continue;
            assert_int_equal(rest_missing(h->x, rest_find(h->x, order), &lines), 0);
            sum += lines;
        }
        assert_int_equal(rest_lines(h->x, &faults), sum);
        hall_close(h);
    }
}

/* --- Effort -------------------------------------------------------------------------------- */

/* Orders with better limits than the ten last: elsewhere, at other times, or too large. */
static struct rest_row bystander(uint64_t order)
{
    struct rest_row row = rest_row_of(order, 1000 + order % 97, 1);
    switch (order % 4) {
    case 0:
        region_set(&row, 0, "DE");
        break;
    case 1:
        row.start_from_s += 40000 * 60 + order * 60;
        row.start_until_s = row.start_from_s + order % 5000 * 60;
        break;
    case 2:
        row.gpus_min = row.gpus_missing = 1000;
        break;
    default:
        row.site = 3;
        break;
    }
    return row;
}

static uint64_t looks_among(uint64_t orders)
{
    struct hall *h = hall_open();
    for (uint64_t order = 1; order <= orders; order++) {
        struct rest_row row = order > orders - 10 ? rest_row_of(order, 500, 1) : bystander(order);
        rest_put(h, &row, PLACEMENT_ONE_SITE);
        if (order % 1000 == 0)
            store_settle(h->x->store);
    }
    /* Published behind the rules' back, too: nobody is asked. */
    struct offer_row row = {.offer = ++h->x->head.offer_last,
                            .site = 1,
                            .sku = 1,
                            .start_s = WORLD_BEGIN_S,
                            .end_s = WORLD_BEGIN_S + 3600 * 24,
                            .price_ucr = 400,
                            .operator= h->operator,
                            .seller = h->operator,
                            .gpus = 100,
                            .block_gpus = 1,
                            .lease_min_min = 1,
                            .meter_period_min = 60,
                            .state = OFFER_STATE_OPEN};
    store_put(h->x->store, TABLE_OFFER, &row);
    struct rest_walk walk;
    struct rest_key key;
    uint32_t found = 0;
    rest_walk_begin(&walk, h->x, offer_find(h->x, row.offer), (struct rest_key){UINT64_MAX, 0, 0});
    while (rest_walk_next(&walk, &key))
        found++;
    assert_int_equal(found, 10);
    uint64_t looks = walk.looks;
    rest_walk_release(&walk);
    hall_close(h);
    return looks;
}

static void a_walk_costs_what_it_finds(void **state)
{
    (void)state;
    uint64_t few = looks_among(1000);
    uint64_t many = looks_among(100000);
    if (many > 2 * few || many > 200)
        fail_msg("%llu looks among 1 000 orders, %llu among 100 000", (unsigned long long)few,
                 (unsigned long long)many);
}

/* --- Limits -------------------------------------------------------------------------------- */

static struct op_order_place order_body(const struct sku_limit *limit, const uint64_t *token,
                                        uint32_t gpus)
{
    return (struct op_order_place){.skus = {limit, 1},
                                   .gpus = gpus,
                                   .gpus_min = 1,
                                   .block_gpus = 1,
                                   .duration_min = 60,
                                   .start_until_s = WORLD_BEGIN_S + 86400,
                                   .placement = PLACEMENT_ONE_SITE,
                                   .time_in_force = TIME_IN_FORCE_GTT,
                                   .rest_until_s = WORLD_BEGIN_S + 86400,
                                   .profile = PROFILE_TUNING,
                                   .tokens = {token, 1}};
}

static void an_account_has_so_many_resting_orders(void **state)
{
    (void)state;
    struct hall *h = hall_open();
    uint64_t token = world_mint(&h->w, world_series(&h->w, "s", 0), h->startup, 1000000);
    struct sku_limit limit = {1, 60};
    struct op_order_place order = order_body(&limit, &token, 4);
    token = done(h, h->startup, "startup", &op_order_place_message, &order)->token_first;
    assert_int_equal(rest_count(h->x, h->startup), 1);
    h->x->rests->counts[h->startup] = ORDERS_RESTING_MAX;
    assert_int_equal(
        world_do(&h->w, h->startup, "startup", &op_order_place_message, &order)->refusal,
        REFUSAL_too_many);
    h->x->rests->counts[h->startup] = ORDERS_RESTING_MAX - 1;
    done(h, h->startup, "startup", &op_order_place_message, &order);
    h->x->rests->counts[h->startup] = 2;
    assert_int_equal(world_check(h->x, NULL), 0);
    hall_close(h);
}

/* --- Asking in several ticks ---------------------------------------------------------------- */

enum { UNWILLING = 2500 };

static const struct order_row *order_now(const struct hall *h, uint64_t order)
{
    return order_find(h->x, order);
}

static void asking_goes_on_in_the_next_tick(void **state)
{
    (void)state;
    struct hall *h = hall_open();
    uint64_t token =
        world_mint(&h->w, world_series(&h->w, "s", 0), h->startup, UINT64_C(100000000));
    struct sku_limit limit = {1, 600};
    struct op_order_place order = order_body(&limit, &token, 4);
    /* They pay well, but want another jurisdiction. */
    struct place place = {{"SG", 2}};
    order.jurisdictions.items = &place;
    order.jurisdictions.count = 1;
    for (uint32_t i = 0; i < UNWILLING; i++)
        token = done(h, h->startup, "startup", &op_order_place_message, &order)->token_first;
    order.jurisdictions.count = 0;
    limit.limit_price_ucr = 300;
    const struct result *r = done(h, h->startup, "startup", &op_order_place_message, &order);
    uint64_t willing = r->object;
    token = r->token_first;

    uint64_t offer = publish(h, 1, 4, 0, 60, 200);
    world_tick(&h->w);
    const struct offer_row *row = store_find(h->x->store, TABLE_OFFER, &offer);
    assert_true(row->asking && row->ask_limit_ucr == 600 && row->ask_place > 0);
    assert_int_equal(order_now(h, willing)->gpus_filled, 0);
    assert_int_equal(world_check(h->x, NULL), 0);

    /* Nobody but those who rest may take it; who pays more than the last one asked comes late, but
     * before all who pay less. */
    limit.limit_price_ucr = 900;
    order.gpus = 3;
    r = done(h, h->startup, "startup", &op_order_place_message, &order);
    uint64_t late = r->object;
    token = r->token_first;
    assert_int_equal(order_now(h, late)->gpus_filled, 0);
    assert_int_equal(row->ask_limit_ucr, 900);
    assert_int_equal(world_check(h->x, NULL), 0);
    world_reload(&h->w);
    h->x = h->w.x;
    world_settle(&h->w);
    assert_int_equal(order_now(h, late)->gpus_filled, 3);
    assert_int_equal(order_now(h, willing)->gpus_filled, 1);
    row = store_find(h->x->store, TABLE_OFFER, &offer);
    assert_false(row->asking);
    h->w.replayable = false; /* the requests' bodies have changed since */
    assert_int_equal(world_verify(&h->w), 0);
    hall_close(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_find_what_a_look_at_every_row_finds),
        cmocka_unit_test(a_walk_costs_what_it_finds),
        cmocka_unit_test(an_account_has_so_many_resting_orders),
        cmocka_unit_test(asking_goes_on_in_the_next_tick),
    };
    return sodium_init() < 0 ? EXIT_FAILURE : cmocka_run_group_tests(tests, NULL, NULL);
}
