/* Resale where tables of behaviour would be too long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/exchange/lease.h"
#include "server/exchange/offer.h"
#include "tests/server/exchange/crowd.h"

/* A lease is sold in no more than LEASE_SALES_MAX parts: then its offer is withdrawn. */
static void test_most_sales(void **state)
{
    (void)state;
    struct world world;
    struct world *w = &world;
    world_begin(w, WORLD_OPTIONS);
    uint32_t operator= seller_begin(w);
    uint32_t seller = world_register(w, "seller", ROLE_STARTUP);
    uint32_t buyer = world_register(w, "buyer", ROLE_STARTUP);
    uint32_t series = world_series(w, "s", 0);
    struct op_offer_publish offer = {
        .site = 1,
        .sku = 1,
        .gpus = 2,
        .block_gpus = 1,
        .start_s = WORLD_BEGIN_S,
        .end_s = WORLD_BEGIN_S + 600 * 60,
        .price_ucr = 60,
        .lease_min_min = 1,
        .billing = BILLING_RESERVED,
        .meter_period_min = 60,
    };
    uint64_t token = world_mint(w, series, seller, 100000);
    struct sku_limit limit = {1, 1000};
    struct op_order_place order = {
        .skus = {&limit, 1},
        .gpus = 2,
        .gpus_min = 2,
        .block_gpus = 1,
        .duration_min = 600,
        .placement = PLACEMENT_ONE_SITE,
        .time_in_force = TIME_IN_FORCE_FOK,
        .profile = PROFILE_TUNING,
        .tokens = {&token, 1},
    };
    struct op_lease_resell resell = {1, 2, 1, 0, 0, 60, 1};
    accepted(w, operator, "op", &op_offer_publish_message, &offer);
    accepted(w, seller, "seller", &op_order_place_message, &order);
    accepted(w, seller, "seller", &op_lease_resell_message, &resell);
    order.gpus = order.gpus_min = order.duration_min = 1;
    for (uint64_t i = 0; i < LEASE_SALES_MAX; i++) {
        token = world_mint(w, series, buyer, 10);
        order.start_from_s = order.start_until_s = WORLD_BEGIN_S + 60 * (i / 2);
        assert_int_equal(lease_find(w->x, 1)->resale_offer, 2);
        accepted(w, buyer, "buyer", &op_order_place_message, &order);
    }
    assert_int_equal(lease_find(w->x, 1)->resale_offer, 0);
    assert_int_equal(offer_row_find(w->x, 2)->state, OFFER_STATE_WITHDRAWN);
    assert_int_equal(world_do(w, seller, "seller", &op_lease_resell_message, &resell)->refusal,
                     REFUSAL_too_many);
    world_advance(w, 7200, true);
    assert_int_equal(world_check(w->x, NULL), 0);
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_most_sales)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
