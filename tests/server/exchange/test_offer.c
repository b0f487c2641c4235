/*
 * Random offers, amendments, closures, changes of sites, leases and resales, undone at random:
 * after every request the indexes agree with the rows, and in the end everything is replayed and
 * taken over. What an operator may do to an offer is held against the leases of it, counted minute
 * by minute.
 */
#include "tests/server/exchange/support.h"

#include "protocol/endian.h"
#include "server/exchange/closure.h"
#include "server/exchange/lease.h"
#include "server/exchange/offer.h"
#include "server/exchange/site.h"
#include "tests/server/exchange/world.h"

enum {
    STEPS = 1000,
    SITES = 2,
    BATCH = 5,
};

static struct world w;
static uint32_t op;
static const char *const buyers[] = {"startup", "second"};
static uint32_t buyer_accounts[2];
static uint32_t series;

static void *body_alloc(size_t size)
{
    void *body = arena_alloc(&w.arena, size);
    assert_non_null(body);
    return body;
}

static uint64_t any_offer(void)
{
    return random_below(w.x->head.offer_last) + 1;
}

static uint64_t any_time(uint64_t hours)
{
    uint64_t minutes = random_below(4) == 0 ? random_below(hours * 60) : random_below(hours) * 60;
    return w.time_s / 60 * 60 + minutes * 60;
}

static struct operation publish_any(void)
{
    struct op_offer_publish *o = body_alloc(sizeof(*o));
    *o = (struct op_offer_publish){
        .site = random_below(SITES) + 1,
        .sku = 1,
        .block_gpus = (uint32_t)random_below(3) + 1,
        .end_s = any_time(60),
        .price_ucr = random_below(5) * 60,
        .lease_min_min = 1,
        .billing = BILLING_METERED,
        .meter_period_min = 60,
    };
    o->gpus = o->block_gpus * ((uint32_t)random_below(8) + 1);
    if (random_below(3) == 0)
        o->start_s = any_time(20);
    if (random_below(3) == 0) {
        o->standing_min = (uint32_t)random_below(600) + 1;
        o->end_s = random_below(2) == 0 ? 0 : o->end_s;
    }
    return (struct operation){&op_offer_publish_message, o};
}

static struct operation amend_any(void)
{
    struct op_offer_amend *o = body_alloc(sizeof(*o));
    *o = (struct op_offer_amend){.offer = any_offer()};
    if (random_below(2) == 0)
        o->gpus = (uint32_t)random_below(24) + 1;
    if (random_below(2) == 0)
        o->end_s = any_time(60);
    if (random_below(2) == 0) {
        o->has_price = true;
        o->price_ucr = random_below(5) * 60;
    }
    return (struct operation){&op_offer_amend_message, o};
}

static struct operation close_any(void)
{
    struct op_site_close *o = body_alloc(sizeof(*o));
    *o = (struct op_site_close){
        .site = random_below(SITES) + 1,
        .kind = random_below(2) == 0 ? CLOSURE_KIND_OUTAGE : CLOSURE_KIND_MAINTENANCE,
        .end_s = any_time(40),
    };
    if (o->kind == CLOSURE_KIND_MAINTENANCE)
        o->start_s = any_time(40);
    return (struct operation){&op_site_close_message, o};
}

static struct operation any_operation(void)
{
    switch (random_below(10)) {
    case 0:
    case 1:
        return publish_any();
    case 2:
    case 3:
    case 4:
    case 5:
        return amend_any();
    case 6: {
        struct op_offer_withdraw *o = body_alloc(sizeof(*o));
        o->offer = any_offer();
        return (struct operation){&op_offer_withdraw_message, o};
    }
    case 7: {
        struct op_site_reopen *o = body_alloc(sizeof(*o));
        o->closure = random_below(w.x->head.closure_last + 1) + 1;
        return (struct operation){&op_site_reopen_message, o};
    }
    case 8: {
        struct op_site_change *o = body_alloc(sizeof(*o));
        *o = (struct op_site_change){.site = random_below(SITES) + 1,
                                     .power_kw = (uint32_t)random_below(200) + 50};
        return (struct operation){&op_site_change_message, o};
    }
    default:
        return close_any();
    }
}

/* Some operations of the operator, refused or not; of an atomic one a refusal undoes all. */
static void request_any(void)
{
    struct request *request = body_alloc(sizeof(*request));
    struct operation *operations = body_alloc(BATCH * sizeof(*operations));
    struct keys keys;
    world_keys("op", &keys);
    request->account = op;
    memcpy(request->key, keys.sign_public, 32);
    put_u64_be(request->id, ++w.ids);
    request->valid_until_s = w.time_s + 60;
    request->atomic = random_below(2) == 0;
    request->operations.count = (uint32_t)random_below(BATCH) + 1;
    for (uint32_t i = 0; i < request->operations.count; i++)
        operations[i] = any_operation();
    request->operations.items = operations;
    assert_int_equal(world_request(&w, request)->refusal, 0);
}

static void order_any(void)
{
    uint64_t *token = body_alloc(sizeof(*token));
    struct sku_limit *limit = body_alloc(sizeof(*limit));
    struct op_order_place *o = body_alloc(sizeof(*o));
    uint64_t who = random_below(2);
    *token = world_mint(&w, series, buyer_accounts[who], UINT64_C(1000000));
    *limit = (struct sku_limit){1, PRICE_MAX_UCR};
    *o = (struct op_order_place){
        .skus = {limit, 1},
        .gpus = (uint32_t)random_below(8) + 1,
        .gpus_min = 1,
        .block_gpus = 1,
        .duration_min = (uint32_t)random_below(900) + 1,
        .start_from_s = any_time(20),
        .placement = PLACEMENT_ONE_SITE,
        .time_in_force = TIME_IN_FORCE_IOC,
        .profile = PROFILE_TUNING,
        .tokens = {token, 1},
    };
    limit->limit_price_ucr = random_below(5) * 60;
    if (random_below(3) == 0) {
        o->time_in_force = TIME_IN_FORCE_GTT;
        o->start_until_s = o->start_from_s + random_below(40) * 3600;
        o->rest_until_s = o->start_until_s + 60;
    }
    world_do(&w, buyer_accounts[who], buyers[who], &op_order_place_message, o);
}

static uint64_t any_lease(void)
{
    uint64_t last = w.x->head.lease_last;
    uint64_t back = random_below(8); /* mostly those still live */
    return last > back ? last - back : 1;
}

/* Leases are activated and sold on; their offers change like others. */
static void resell_any(void)
{
    struct op_lease_activate *activate = body_alloc(sizeof(*activate));
    struct op_lease_resell *o = body_alloc(sizeof(*o));
    uint64_t who = random_below(2);
    activate->lease = any_lease();
    world_do(&w, op, "op", &op_lease_activate_message, activate);
    *o = (struct op_lease_resell){
        .lease = any_lease(),
        .gpus = (uint32_t)random_below(4) + 1,
        .block_gpus = 1,
        .price_ucr = random_below(5) * 60,
        .lease_min_min = 1,
    };
    world_do(&w, buyer_accounts[who], buyers[who], &op_lease_resell_message, o);
    struct operation change = amend_any();
    world_do(&w, buyer_accounts[who], buyers[who], change.message, change.body);
}

static void end_any(void)
{
    struct op_lease_end *o = body_alloc(sizeof(*o));
    uint64_t who = random_below(2);
    o->lease = any_lease();
    world_do(&w, buyer_accounts[who], buyers[who], &op_lease_end_message, o);
}

/* The GPUs of a lease that were sold through an offer (0: any) and are held at that time. */
static uint64_t sold_at(const struct lease_row *lease, uint64_t offer, uint64_t time_s)
{
    uint64_t gpus = 0;
    for (uint32_t i = 0; i < lease->reliefs; i++) {
        struct relief_row key = {.lease = lease->lease, .relief = i};
        const struct relief_row *row = store_find(w.x->store, TABLE_RELIEF, &key);
        bool holds = row->kind == RELIEF_KIND_SALE && row->start_s <= time_s && time_s < row->end_s;
        gpus += holds && (offer == 0 || row->offer == offer) ? row->gpus : 0;
    }
    return gpus;
}

static uint64_t leased_at(const struct offer *o, uint64_t time_s)
{
    uint64_t gpus = 0;
    for (uint64_t l = 1; l <= w.x->head.lease_last; l++) {
        const struct lease_row *lease = lease_find(w.x, l);
        if (o->lease == l)
            gpus += sold_at(lease, o->offer, time_s);
        if (lease->offer == o->offer && lease->start_s <= time_s && time_s < lease->end_s)
            gpus += lease->gpus - sold_at(lease, 0, time_s);
    }
    return gpus;
}

/* From now on every open offer holds its leases, inside its interval, and gives nothing while its
 * site is closed. */
static void offers_hold(void)
{
    for (uint64_t i = 1; i <= w.x->head.offer_last; i++) {
        const struct offer *o = offer_find(w.x, i);
        uint64_t now = w.time_s / 60;
        if (o == NULL || !o->open)
            continue;
        const struct steps *closed = closure_steps(w.x, o->site);
        for (uint64_t at = now > o->start_min ? now : o->start_min; at < o->end_min; at += 7) {
            uint64_t looks = 0;
            uint64_t leased = leased_at(o, at * 60);
            bool is_closed = steps_piece(closed, at).value > 0;
            assert_true(leased <= o->gpus);
            assert_int_equal(offer_leased_max(o, at, at + 1), leased);
            assert_int_equal(offer_free(o, at, 1, &looks), is_closed ? 0 : o->gpus - leased);
        }
    }
}

/* What stands, reaches far enough, unless something stopped it. */
static void standing_hold(void)
{
    for (uint64_t i = 1; i <= w.x->head.offer_last; i++) {
        const struct offer_row *row = offer_row_find(w.x, i);
        if (row == NULL || row->state != OFFER_STATE_OPEN || row->standing_min == 0)
            continue;
        uint64_t reach_s = w.time_s + (uint64_t)row->standing_min * 60;
        assert_true(row->end_s >= reach_s || row->end_s == row->until_s);
        assert_true(row->end_s < reach_s + (uint64_t)STANDING_STEP_MIN * 60);
        assert_true(row->end_s % 3600 == 0 || row->end_s == row->until_s);
    }
}

static void begin(void)
{
    struct text name = {"x", 1};
    world_begin(&w, WORLD_OPTIONS);
    op = world_register(&w, "op", ROLE_OPERATOR);
    for (int i = 0; i < 2; i++)
        buyer_accounts[i] = world_register(&w, buyers[i], ROLE_STARTUP);
    series = world_series(&w, "s", 0);
    struct op_sku_add *sku = body_alloc(sizeof(*sku));
    *sku = (struct op_sku_add){.name = name,
                               .vendor = name,
                               .model = name,
                               .memory_gb = 80,
                               .interconnect = name,
                               .power_w = 1000,
                               .generation = name};
    assert_int_equal(world_do(&w, 1, "admin", &op_sku_add_message, sku)->refusal, 0);
    static const char *const names[SITES] = {"a", "b"};
    for (int i = 0; i < SITES; i++) {
        struct op_site_add *site = body_alloc(sizeof(*site));
        *site = (struct op_site_add){
            .name = {names[i], 1}, .region = {"ID", 2}, .jurisdiction = {"ID", 2}, .power_kw = 150};
        assert_int_equal(world_do(&w, op, "op", &op_site_add_message, site)->refusal, 0);
    }
    while (w.x->head.offer_last == 0) {
        struct operation first = publish_any();
        world_do(&w, op, "op", first.message, first.body);
    }
}

static void follows_the_rows(void **state)
{
    (void)state;
    begin();
    for (int i = 1; i <= STEPS; i++) {
        switch (random_below(10)) {
        case 0:
            world_advance(&w, random_below(7200), true);
            break;
        case 1:
        case 2:
            order_any();
            break;
        case 3:
            end_any();
            break;
        case 4:
        case 5:
            resell_any();
            break;
        default:
            request_any();
        }
        world_settle(&w);
        assert_int_equal(world_check(w.x, NULL), 0);
        standing_hold();
        if (i % 20 == 0)
            offers_hold();
        if (i % 150 == 0)
            world_reload(&w);
    }
    printf("%llu offers, %llu leases, %llu parts sold on, %llu closures\n",
           (unsigned long long)w.x->head.offer_last, (unsigned long long)w.x->head.lease_last,
           (unsigned long long)store_count(w.x->store, TABLE_RELIEF),
           (unsigned long long)w.x->head.closure_last);
    assert_int_equal(world_verify(&w), 0);
    world_end(&w);
}

static void outage_until(uint64_t end_s)
{
    struct op_site_close *o = body_alloc(sizeof(*o));
    *o = (struct op_site_close){.site = 1, .kind = CLOSURE_KIND_OUTAGE, .end_s = end_s};
    assert_int_equal(world_do(&w, op, "op", &op_site_close_message, o)->refusal, 0);
}

/* Outages alone count, where they overlap once, and also when they are long over. */
static void counts_outage_minutes(void **state)
{
    (void)state;
    begin();
    const uint64_t t = WORLD_BEGIN_S;
    struct op_site_close *maintenance = body_alloc(sizeof(*maintenance));
    *maintenance =
        (struct op_site_close){.site = 1, .kind = CLOSURE_KIND_MAINTENANCE, .end_s = t + 7200};
    assert_int_equal(world_do(&w, op, "op", &op_site_close_message, maintenance)->refusal, 0);
    assert_int_equal(closure_outage_minutes(w.x, 1, t, t + 7200), 0);
    world_advance(&w, 90, true);
    outage_until(t + 1800);
    world_advance(&w, 600, true);
    outage_until(t + 3600);
    assert_int_equal(closure_outage_minutes(w.x, 1, t, t + 7200), 59);
    assert_int_equal(closure_outage_minutes(w.x, 1, t, t + 60), 0);
    assert_int_equal(closure_outage_minutes(w.x, 1, t + 60, t + 120), 1);
    assert_int_equal(closure_outage_minutes(w.x, 1, t + 3540, t + 3660), 1);
    assert_int_equal(closure_outage_minutes(w.x, 1, t + 3600, t + 3600), 0);
    assert_int_equal(closure_outage_minutes(w.x, 2, t, t + 7200), 0);
    assert_int_equal(closure_outage_minutes(w.x, 77, t, t + 7200), 0);
    world_advance(&w, 86400, true);
    world_reload(&w);
    assert_int_equal(closure_outage_minutes(w.x, 1, t, t + 7200), 59);
    assert_int_equal(closure_count(w.x, 1), 0);
    assert_int_equal(world_verify(&w), 0);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_rows),
        cmocka_unit_test(counts_outage_minutes),
    };
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    random_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
