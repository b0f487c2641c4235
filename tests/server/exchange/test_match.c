/*
 * Matching against a plain model of the procedure in match.h, minute by minute, and against a full
 * search over all minutes where the procedure is to be optimal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/exchange/lease.h"
#include "tests/server/exchange/plain_match.h"
#include "tests/server/exchange/world.h"

static uint64_t seed;

static uint32_t draw(uint32_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % below;
}

static void seed_set(void)
{
    const char *text = getenv("BOURSE_SEED");
    seed = text != NULL ? strtoull(text, NULL, 10) : 7064;
    printf("BOURSE_SEED=%llu\n", (unsigned long long)seed);
}

/* --- Random markets ------------------------------------------------------------------------- */

struct market {
    struct world w;
    uint32_t operators[2];
    uint32_t startup;
    uint64_t token;
    struct plain plain;
    unsigned amended, closed;
};

static const char *operator_key(uint64_t i)
{
    return i == 0 ? "op0" : "op1";
}

static void market_sites(struct market *k, uint64_t sites)
{
    static const char *regions[] = {"US-TX", "US", "ID"};
    static const char *jurisdictions[] = {"US", "SG", "ID"};
    static const struct certification held[] = {
        {{"iso", 3}, {"x", 1}, WORLD_BEGIN_S + 3600},
        {{"soc", 3}, {"x", 1}, WORLD_BEGIN_S + 100 * UINT64_C(86400)},
    };
    for (uint64_t i = 0; i < sites; i++) {
        char name[8];
        snprintf(name, sizeof(name), "site%u", (unsigned)i);
        struct op_site_add op = {
            .name = text_of(name),
            .region = text_of(regions[i % 3]),
            .jurisdiction = {jurisdictions[i % 3], 2},
            .power_kw = 1000000,
            .carbon_g_per_kwh = 100 + 100 * (uint32_t)(i % 3),
            .certifications = {held, (uint32_t)(i % 3)},
        };
        assert_int_equal(
            world_do(&k->w, k->operators[i % 2], operator_key(i % 2), &op_site_add_message, &op)
                ->refusal,
            0);
    }
}

static void market_begin(struct market *k, uint64_t sites, uint64_t skus)
{
    memset(k, 0, sizeof(*k));
    /* Leases fail soon, so that sites come to differ in reliability. */
    world_begin(&k->w, (struct world_options){CLOCK_MODE_REAL, 300, 7200, 14400, 1, 0, 0, NULL});
    for (uint64_t i = 0; i < 2; i++)
        k->operators[i] = world_register(&k->w, operator_key(i), ROLE_OPERATOR);
    k->startup = world_register(&k->w, "startup", ROLE_STARTUP);
    uint32_t series = world_series(&k->w, "s", 0);
    k->token = world_mint(&k->w, series, k->startup, UINT64_C(100000000000000000));
    for (uint64_t i = 0; i < skus; i++) {
        char name[8];
        snprintf(name, sizeof(name), "sku%u", (unsigned)i);
        struct text text = text_of(name);
        struct op_sku_add op = {.name = text,
                                .vendor = text,
                                .model = text,
                                .memory_gb = 80,
                                .interconnect = text,
                                .power_w = 700,
                                .generation = text};
        assert_int_equal(world_do(&k->w, 1, "admin", &op_sku_add_message, &op)->refusal, 0);
    }
    market_sites(k, sites);
    k->plain.offers = calloc(PLAIN_OFFERS_MAX, sizeof(*k->plain.offers));
}

static void market_end(struct market *k)
{
    assert_int_equal(world_check(k->w.x, NULL), 0);
    free(k->plain.offers);
    world_end(&k->w);
}

/* Sites belong to the operators in turn. */
static const struct result *market_do(struct market *k, uint64_t site,
                                      const struct message *message, const void *op)
{
    uint64_t i = (site - 1) % 2;
    return world_do(&k->w, k->operators[i], operator_key(i), message, op);
}

static void market_offer(struct market *k, uint32_t gpus_max, bool blocks)
{
    uint32_t block = blocks ? 1u + draw(4) : 1;
    uint64_t start = WORLD_BEGIN_S + 60 * (uint64_t)draw(150);
    struct op_offer_publish op = {
        .site = 1 + draw((uint32_t)k->w.x->head.site_last),
        .sku = 1 + draw((uint32_t)k->w.x->head.sku_last),
        .gpus = block * (1 + draw(gpus_max)),
        .block_gpus = block,
        .start_s = start,
        .end_s = start + 60 * (uint64_t)(10 + draw(200)),
        .price_ucr = 60 * (1 + (uint64_t)draw(6)),
        .preemptible = blocks && draw(4) == 0,
        .lease_min_min = 1 + draw(10),
        .lease_max_min = draw(3) == 0 ? 60 : 0,
        .billing = draw(3) == 0 ? BILLING_RESERVED : BILLING_METERED,
        .meter_period_min = 10,
    };
    const struct result *r = market_do(k, op.site, &op_offer_publish_message, &op);
    /* Late in a story an offer may have ended before it is made. */
    assert_true(r->refusal == REFUSAL_accepted || r->refusal == REFUSAL_interval_in_past);
}

/* Another price gives an offer another place. */
static void market_amend(struct market *k)
{
    const struct offer_row *row = offer_row_find(k->w.x, 1 + draw((uint32_t)k->plain.count));
    struct op_offer_amend op = {
        .offer = row->offer, .has_price = true, .price_ucr = 60 * (1 + (uint64_t)draw(6))};
    if (draw(2) == 0)
        op.gpus = row->block_gpus * (1 + draw(8));
    k->amended += market_do(k, row->site, &op_offer_amend_message, &op)->refusal == 0;
}

static void market_close(struct market *k)
{
    uint64_t start = k->w.time_s - k->w.time_s % 60 + 60 * (uint64_t)(1 + draw(60));
    struct op_site_close op = {.site = 1 + draw((uint32_t)k->w.x->head.site_last),
                               .kind = CLOSURE_KIND_MAINTENANCE,
                               .start_s = start,
                               .end_s = start + 60 * (uint64_t)(1 + draw(30)),
                               .reason = {"x", 1}};
    k->closed += market_do(k, op.site, &op_site_close_message, &op)->refusal == 0;
}

/* What a random order may point to. */
struct order_lists {
    struct sku_limit limits[2];
    struct place places[2];
    struct required required[1];
};

static void random_constraints(struct order_lists *lists, struct op_order_place *op)
{
    op->block_gpus = draw(2) == 0 ? 1 : 1 + draw(4);
    op->gpus = (op->gpus + op->block_gpus - 1) / op->block_gpus * op->block_gpus;
    op->regions.count = draw(3) == 0;
    op->carbon_g_max = draw(4) == 0 ? 200 : 0;
    op->reliability_ppm_min = draw(4) == 0 ? 900000 : 0;
    lists->required[0].name = (struct text){draw(2) == 0 ? "iso" : "soc", 3};
    op->certifications.items = lists->required;
    op->certifications.count = draw(6) == 0;
    if (draw(4) == 0)
        op->interconnect = (struct text){draw(2) == 0 ? "sku0" : "sku1", 4};
    op->profile = 1u << draw(3);
    if (op->profile == PROFILE_TRAINING)
        return;
    op->preemptible_ok = draw(2) == 0;
    op->placement = draw(2) == 0 ? PLACEMENT_SPREAD : PLACEMENT_ONE_SITE;
}

static void random_order(struct market *k, struct order_lists *lists, struct op_order_place *op,
                         uint32_t gpus_max)
{
    uint64_t start = k->w.time_s + 60 * (uint64_t)draw(100);
    start -= start % 60;
    lists->limits[0] = (struct sku_limit){1, 60 * (1 + (uint64_t)draw(8))};
    lists->limits[1] = (struct sku_limit){2, 60 * (1 + (uint64_t)draw(8))};
    lists->places[0].code = (struct text){draw(2) == 0 ? "US" : "ID", 2};
    *op = (struct op_order_place){
        .skus = {lists->limits, k->w.x->head.sku_last == 1 ? 1 : 1 + draw(2)},
        .gpus = 1 + draw(gpus_max),
        .block_gpus = 1,
        .duration_min = 1 + draw(80),
        .start_from_s = draw(3) == 0 ? 0 : start,
        .start_until_s = start + 60 * (uint64_t)draw(draw(2) == 0 ? 1 : 90),
        .placement = PLACEMENT_ONE_SITE,
        .time_in_force = draw(2) == 0 ? TIME_IN_FORCE_IOC : TIME_IN_FORCE_FOK,
        .regions = {lists->places, 0},
        .profile = PROFILE_TUNING,
        .tokens = {&k->token, 1},
    };
    op->gpus_min = 1 + draw(op->gpus);
}

static void same_match(const struct match *got, const struct match *expected)
{
    assert_int_equal(got->gpus, expected->gpus);
    if (got->gpus == 0)
        return;
    assert_int_equal(got->start_min, expected->start_min);
    assert_int_equal(got->count, expected->count);
    for (uint32_t i = 0; i < got->count; i++) {
        assert_ptr_equal(got->parts[i].offer, expected->parts[i].offer);
        assert_int_equal(got->parts[i].gpus, expected->parts[i].gpus);
        assert_int_equal(got->parts[i].price_ucr, expected->parts[i].price_ucr);
    }
}

/* Places the order and holds its outcome to the match. */
static bool order_holds(struct market *k, const struct op_order_place *op, const struct match *m,
                        bool found)
{
    const struct result *r = world_do(&k->w, k->startup, "startup", &op_order_place_message, op);
    if (!found) {
        assert_true(r->refusal == REFUSAL_no_capacity || r->refusal == REFUSAL_size_not_met ||
                    r->refusal == REFUSAL_price_above_limit);
        return false;
    }
    assert_int_equal(r->refusal, 0);
    assert_int_equal(r->lease_count, m->count);
    k->token = r->token_first;
    for (uint32_t i = 0; i < m->count; i++) {
        const struct lease_row *row = lease_find(k->w.x, r->lease_first + i);
        assert_int_equal(row->offer, m->parts[i].offer->offer);
        assert_int_equal(row->gpus, m->parts[i].gpus);
        assert_int_equal(row->start_s, m->start_min * 60);
        assert_int_equal(row->price_ucr, m->parts[i].price_ucr);
    }
    return true;
}

/* The same wish as that of an operator, of a resting order older than some offers, or of one that
 * is bound to a site. */
static void wish_vary(struct market *k, const struct wish *wish)
{
    struct wish w = *wish;
    struct match got, expected;
    w.account = k->operators[draw(2)];
    if (draw(2) == 0)
        w.place = draw((uint32_t)k->w.x->head.log_size);
    if (draw(2) == 0)
        w.site = 1 + draw((uint32_t)k->w.x->head.site_last);
    plain_match(&k->plain, &w, &expected);
    bool found = match_find(k->w.x, &w, &got);
    assert_int_equal(found, expected.gpus > 0 && expected.gpus >= w.gpus_min);
    same_match(&got, &expected);
}

static void test_procedure(void **state)
{
    (void)state;
    seed_set();
    unsigned placed = 0, amended = 0, closed = 0, spread = 0;
    for (int round = 0; round < 16; round++) {
        struct market k;
        market_begin(&k, 5, 2);
        for (int i = 0; i < 40; i++)
            market_offer(&k, 6, true);
        for (int i = 0; i < 80; i++) {
            struct order_lists lists;
            struct op_order_place op;
            struct wish wish;
            struct match got, expected;
            if (draw(8) == 0)
                market_offer(&k, 6, true);
            plain_read(&k.plain, k.w.x);
            if (draw(6) == 0)
                market_amend(&k);
            if (draw(20) == 0)
                market_close(&k);
            if (draw(6) == 0)
                world_advance(&k.w, draw(200), draw(2) == 0);
            random_order(&k, &lists, &op, 20);
            random_constraints(&lists, &op);
            if (wish_from_order(k.w.x, &op, &k.w.arena, &wish) != REFUSAL_accepted)
                continue;
            plain_read(&k.plain, k.w.x);
            wish_vary(&k, &wish);
            wish.account = k.startup;
            plain_match(&k.plain, &wish, &expected);
            bool found = match_find(k.w.x, &wish, &got);
            same_match(&got, &expected);
            spread += found && wish.spread && got.count > 1;
            placed += order_holds(&k, &op, &got, found);
        }
        amended += k.amended;
        closed += k.closed;
        market_end(&k);
    }
    printf("%u orders placed, %u spread; %u amendments, %u closures\n", placed, spread, amended,
           closed);
    assert_true(placed > 100 && spread > 20 && amended > 20 && closed > 10);
}

/* Whether any choice of offers at a stand reaches the order's size at a start. */
static bool full_search_at(const struct plain *p, const struct wish *w, uint64_t site, uint64_t sku,
                           uint64_t start)
{
    uint32_t gives[PLAIN_OFFERS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < p->count; i++) {
        if (plain_counts(p, w, &p->offers[i], site, sku))
            gives[count++] = plain_free(p, &p->offers[i], start, w->duration_min);
    }
    uint64_t sum = 0;
    for (size_t n = 0; n < ORDER_LEASES_MAX && n < count; n++) {
        size_t most = n;
        for (size_t i = n; i < count; i++)
            most = gives[i] > gives[most] ? i : most;
        uint32_t g = gives[most];
        gives[most] = gives[n];
        gives[n] = g;
        sum += g;
    }
    return sum >= w->gpus;
}

static bool full_search(const struct plain *p, const struct wish *w)
{
    for (uint64_t s = w->from_min; s <= w->until_min; s++) {
        if (w->spread && full_search_at(p, w, 0, 0, s))
            return true;
        for (uint64_t site = 1; !w->spread && site <= p->x->head.site_last; site++) {
            for (uint64_t sku = 1; sku <= p->x->head.sku_last; sku++) {
                if (full_search_at(p, w, site, sku, s))
                    return true;
            }
        }
    }
    return false;
}

static void test_full_search(void **state)
{
    (void)state;
    seed_set();
    unsigned filled = 0, refused = 0;
    for (int round = 0; round < 8; round++) {
        struct market k;
        bool many = round % 2 == 1;   /* more offers than leases that one order may have */
        bool spread = round % 4 >= 2; /* several stands */
        market_begin(&k, spread ? 3 : 1, spread ? 2 : 1);
        for (int i = 0; i < (many ? 220 : 30); i++)
            market_offer(&k, many ? 3 : 12, false);
        for (int i = 0; i < 60; i++) {
            struct order_lists lists;
            struct op_order_place op;
            struct wish wish;
            struct match got;
            random_order(&k, &lists, &op, many ? 200 : 60);
            op.time_in_force = TIME_IN_FORCE_FOK;
            op.placement = draw(2) == 0 ? PLACEMENT_SPREAD : PLACEMENT_ONE_SITE;
            if (wish_from_order(k.w.x, &op, &k.w.arena, &wish) != REFUSAL_accepted)
                continue;
            wish.account = k.startup;
            plain_read(&k.plain, k.w.x);
            bool feasible = full_search(&k.plain, &wish);
            bool found = match_find(k.w.x, &wish, &got);
            assert_int_equal(found, feasible);
            filled += found;
            refused += !found;
            order_holds(&k, &op, &got, found);
        }
        market_end(&k);
    }
    printf("%u filled, %u refused\n", filled, refused);
    assert_true(filled > 20 && refused > 20);
}

static void site_offer(struct market *k, uint64_t site, uint32_t gpus, uint64_t price_ucr)
{
    struct op_offer_publish op = {.site = site,
                                  .sku = 1,
                                  .gpus = gpus,
                                  .block_gpus = 1,
                                  .start_s = WORLD_BEGIN_S,
                                  .end_s = WORLD_BEGIN_S + 7200,
                                  .price_ucr = price_ucr,
                                  .lease_min_min = 1,
                                  .billing = BILLING_METERED,
                                  .meter_period_min = 10};
    assert_int_equal(market_do(k, site, &op_offer_publish_message, &op)->refusal, 0);
}

/* Of many sites only those are looked at whose cheapest offer might make the whole fill cheaper. */
static void test_sites_looked_at(void **state)
{
    enum { SITES = 100 };
    static const struct {
        uint32_t bait; /* sites with one GPU cheaper than all */
        uint64_t looks_max;
    } cases[] = {{0, 40}, {1, 60}, {SITES, 40 * SITES}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct market k;
        struct sku_limit limit = {1, 100000};
        struct op_order_place op = {.skus = {&limit, 1},
                                    .gpus = 8,
                                    .gpus_min = 8,
                                    .block_gpus = 1,
                                    .duration_min = 60,
                                    .placement = PLACEMENT_ONE_SITE,
                                    .profile = PROFILE_TUNING};
        struct wish wish;
        struct match got;
        market_begin(&k, SITES, 1);
        for (uint64_t site = 1; site <= SITES; site++) {
            site_offer(&k, site, 8, 60 * (100 + site));
            if (site > SITES - cases[i].bait)
                site_offer(&k, site, 1, 60);
        }
        assert_int_equal(wish_from_order(k.w.x, &op, &k.w.arena, &wish), REFUSAL_accepted);
        assert_true(match_find(k.w.x, &wish, &got));
        assert_int_equal(got.parts[got.count - 1].offer->site, 1);
        assert_true(got.looks <= cases[i].looks_max);
        market_end(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_procedure),
        cmocka_unit_test(test_full_search),
        cmocka_unit_test(test_sites_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
