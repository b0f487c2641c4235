/* What a resting order wants, against what it wanted when it came. */
#include "tests/server/exchange/support.h"

#include "server/exchange/order.h"
#include "server/exchange/rest.h"
#include "tests/server/exchange/world.h"

/* Two SKUs, and a startup with tokens of two series; returns the second series. */
static uint32_t market_begin(struct world *w, uint32_t *startup_out, uint64_t tokens[2])
{
    world_begin(w, WORLD_OPTIONS);
    uint32_t startup = world_register(w, "startup", ROLE_STARTUP);
    uint32_t first = world_series(w, "s", 0);
    uint32_t second = world_series(w, "t", 0);
    tokens[0] = world_mint(w, first, startup, 1000000);
    tokens[1] = world_mint(w, second, startup, 1000000);
    for (uint32_t i = 0; i < 2; i++) {
        struct text *name = arena_alloc(&w->arena, sizeof(*name));
        struct op_sku_add *op = arena_alloc(&w->arena, sizeof(*op));
        *name = (struct text){i == 0 ? "sku0" : "sku1", 4};
        *op = (struct op_sku_add){.name = *name,
                                  .vendor = *name,
                                  .model = *name,
                                  .memory_gb = 80,
                                  .interconnect = *name,
                                  .power_w = 700,
                                  .generation = *name};
        assert_int_equal(world_do(w, 1, "admin", &op_sku_add_message, op)->refusal, 0);
    }
    *startup_out = startup;
    return second;
}

static void same_texts(const struct required *a, const struct required *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(a[i].name.length, b[i].name.length);
        assert_memory_equal(a[i].name.data, b[i].name.data, a[i].name.length);
    }
}

static void same_constraints(const struct wish *rests, const struct wish *came)
{
    assert_int_equal(rests->regions_count, came->regions_count);
    assert_memory_equal(rests->regions, came->regions, came->regions_count * sizeof(uint64_t));
    assert_int_equal(rests->jurisdictions_count, came->jurisdictions_count);
    assert_memory_equal(rests->jurisdictions, came->jurisdictions,
                        came->jurisdictions_count * sizeof(uint64_t));
    assert_int_equal(rests->certifications_count, came->certifications_count);
    same_texts(rests->certifications, came->certifications, came->certifications_count);
    same_texts((const struct required *)&rests->interconnect,
               (const struct required *)&came->interconnect, 1);
    assert_int_equal(rests->carbon_g_max, came->carbon_g_max);
    assert_int_equal(rests->reliability_ppm_min, came->reliability_ppm_min);
    assert_int_equal(rests->profile, came->profile);
}

/* What a resting order wants is what it wanted when it came, less what it got. */
static void test_resting_wish(void **state)
{
    (void)state;
    struct world w;
    uint32_t startup;
    uint64_t tokens[2];
    uint32_t other = market_begin(&w, &startup, tokens);
    struct sku_limit limits[] = {{1, 60}, {2, 120}};
    struct place regions[] = {{{"US-TX", 5}}, {{"ID", 2}}};
    struct place jurisdictions[] = {{{"US", 2}}};
    struct required certifications[] = {{{"iso", 3}}, {{"soc", 3}}};
    struct op_order_place op = {
        .skus = {limits, 2},
        .gpus = 8,
        .gpus_min = 4,
        .block_gpus = 2,
        .duration_min = 60,
        .start_from_s = WORLD_BEGIN_S + 600,
        .start_until_s = WORLD_BEGIN_S + 7200,
        .placement = PLACEMENT_SPREAD,
        .time_in_force = TIME_IN_FORCE_GTT,
        .rest_until_s = WORLD_BEGIN_S + 7200,
        .regions = {regions, 2},
        .jurisdictions = {jurisdictions, 1},
        .preemptible_ok = true,
        .profile = PROFILE_TUNING,
        .certifications = {certifications, 2},
        .interconnect = {"sku1", 4},
        .carbon_g_max = 300,
        .reliability_ppm_min = 900000,
        .tokens = {tokens, 2},
    };
    struct wish came, rests;
    assert_int_equal(wish_from_order(w.x, &op, &w.arena, &came), 0);
    const struct result *r = world_do(&w, startup, "startup", &op_order_place_message, &op);
    assert_int_equal(r->refusal, 0);
    world_advance(&w, 1230, false);

    struct order_row order = *order_find(w.x, r->object);
    const struct rest_row *rest = rest_find(w.x, r->object);
    wish_from_rest(w.x, &order, rest, &w.arena, &rests);
    assert_int_equal(rests.account, startup);
    assert_int_equal(rests.place, r->index);
    assert_int_equal(rests.site, 0);
    assert_int_equal(rests.skus_count, 2);
    assert_memory_equal(rests.skus, limits, sizeof(limits));
    assert_int_equal(rests.gpus, 8);
    assert_int_equal(rests.gpus_min, 4);
    assert_int_equal(rests.block_gpus, 2);
    assert_int_equal(rests.duration_min, 60);
    assert_true(rests.spread && rests.preemptible_ok && rests.lifted == 0);
    /* What has passed of the window is gone. */
    assert_int_equal(rests.from_min, WORLD_BEGIN_S / 60 + 20);
    assert_int_equal(rests.until_min, came.until_min);
    assert_int_equal(rests.certified_min, came.certified_min);
    assert_int_equal(came.regions_count + came.jurisdictions_count + came.certifications_count, 5);
    assert_int_equal(came.carbon_g_max, 300);
    assert_int_equal(came.reliability_ppm_min, 900000);
    same_constraints(&rests, &came);
    assert_int_equal(rests.series_count, 2);
    assert_int_equal(rests.series[1]->series, other);

    order.gpus_filled = 6;
    wish_from_rest(w.x, &order, rest, &w.arena, &rests);
    assert_int_equal(rests.gpus, 2);
    assert_int_equal(rests.gpus_min, 2);
    assert_int_equal(world_verify(&w), 0);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resting_wish),
    };
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
