/* Resale where tables of behaviour would be too long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/exchange/lease.h"
#include "server/exchange/offer.h"
#include "server/exchange/resale.h"
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

/* A token of each of so many new series, all to be spent in one operation. */
static const uint64_t *tokens_of(struct world *w, uint32_t account, uint32_t count, amount each)
{
    uint64_t *tokens = arena_alloc(&w->arena, count * sizeof(*tokens));
    for (uint32_t i = 0; i < count; i++) {
        struct text name = text_printf(w, "series %u", w->x->head.series_last + 1);
        tokens[i] = world_mint(w, world_series(w, name.data, 0), account, each);
    }
    return tokens;
}

/* What a lease holds in escrow comes from ESCROW_ROWS_MAX series and owners at the most: a buyer's
 * ORDER_SERIES_MAX beside RESALE_ROWS_MAX of the lease that a part is bought of. */
static void test_widest_escrow(void **state)
{
    (void)state;
    struct world world;
    struct world *w = &world;
    enum { EACH = 1000000 };
    world_begin(w, WORLD_OPTIONS);
    uint32_t operator= seller_begin(w);
    uint32_t seller = world_register(w, "seller", ROLE_STARTUP);
    uint32_t buyer = world_register(w, "buyer", ROLE_STARTUP);
    struct op_offer_publish *offer = offer_new(w, 2, WORLD_BEGIN_S + 86400);
    offer->price_ucr = 60000;
    accepted(w, operator, "op", &op_offer_publish_message, offer);

    struct sku_limit limit = {1, 60000};
    struct op_order_place *order = order_new(w, 2);
    order->skus.items = &limit;
    order->tokens.items = tokens_of(w, seller, ORDER_SERIES_MAX, EACH);
    order->tokens.count = ORDER_SERIES_MAX;
    accepted(w, seller, "seller", &op_order_place_message, order);
    struct op_lease_extend extend = {.lease = 1, .duration_min = 60};
    uint32_t rows = ORDER_SERIES_MAX;
    for (; rows < RESALE_ROWS_MAX; rows += ORDER_SERIES_MAX) {
        extend.tokens.items = tokens_of(w, seller, ORDER_SERIES_MAX, EACH);
        extend.tokens.count = ORDER_SERIES_MAX;
        accepted(w, seller, "seller", &op_lease_extend_message, &extend);
    }
    assert_int_equal(lease_find(w->x, 1)->escrow_series, RESALE_ROWS_MAX);
    extend.tokens.items = tokens_of(w, seller, 1, EACH);
    extend.tokens.count = 1;
    assert_int_equal(refusal_of(w, seller, "seller", &op_lease_extend_message, &extend),
                     REFUSAL_series_mixed);
    /* More of a series that is in it needs no room. */
    struct escrow held = escrow_read(w->x, ESCROW_KIND_LEASE, 1, RESALE_ROWS_MAX);
    uint64_t more = world_mint(w, held.rows[0].series, seller, EACH);
    extend.tokens.items = &more;
    extend.duration_min = 1;
    accepted(w, seller, "seller", &op_lease_extend_message, &extend);
    assert_int_equal(lease_find(w->x, 1)->escrow_series, RESALE_ROWS_MAX);

    /* At less than its price, so that the seller leaves something of every series in it. */
    struct op_lease_resell resell = {
        .lease = 1, .gpus = 1, .block_gpus = 1, .price_ucr = 30000, .lease_min_min = 1};
    accepted(w, seller, "seller", &op_lease_resell_message, &resell);
    order->gpus = 1;
    order->tokens.items = tokens_of(w, buyer, ORDER_SERIES_MAX, EACH);
    accepted(w, buyer, "buyer", &op_order_place_message, order);
    assert_int_equal(lease_find(w->x, 2)->parent, 1);
    assert_int_equal(lease_find(w->x, 2)->escrow_series, ESCROW_ROWS_MAX);
    struct escrow full = escrow_read(w->x, ESCROW_KIND_LEASE, 2, ESCROW_ROWS_MAX);
    assert_int_equal(full.count, ESCROW_ROWS_MAX);
    for (uint32_t i = 0; i < full.count; i++)
        assert_true(full.held[i] > 0);
    /* It has no room for one more: neither sold on nor extended by other funds. */
    assert_false(escrow_add(w->x, &full, operator, full.rows[0].series, 1));
    resell.lease = extend.lease = 2;
    assert_int_equal(refusal_of(w, buyer, "buyer", &op_lease_resell_message, &resell),
                     REFUSAL_too_many);
    extend.tokens.items = tokens_of(w, buyer, 1, EACH);
    assert_int_equal(refusal_of(w, buyer, "buyer", &op_lease_extend_message, &extend),
                     REFUSAL_series_mixed);
    /* All of it is settled, pro rata. */
    struct op_lease_activate activate = {.lease = 2};
    struct op_lease_meter meter = {.lease = 2, .gpu_minutes = 60};
    accepted(w, operator, "op", &op_lease_activate_message, &activate);
    world_advance(w, 3600, true);
    accepted(w, operator, "op", &op_lease_meter_message, &meter);
    world_advance(w, 86400, true);
    assert_int_equal(lease_find(w->x, 2)->state, LEASE_STATE_SETTLED);
    assert_int_equal(lease_find(w->x, 2)->paid_ucr, 60000);
    assert_int_equal(world_check(w->x, NULL), 0);
    world_end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_most_sales),
        cmocka_unit_test(test_widest_escrow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
