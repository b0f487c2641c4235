/*
 * Limits on what one order may name and be funded with: at the limit it is accepted, beyond it
 * refused.
 */
#include "tests/server/exchange/support.h"

#include "server/exchange/rows.h"
#include "server/exchange/state.h"
#include "tests/server/exchange/crowd.h"

#define T WORLD_BEGIN_S

static void test_order_tokens_and_series(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, WORLD_OPTIONS);
    uint32_t op = seller_begin(&w);
    uint32_t alice = world_register(&w, "alice", ROLE_STARTUP);
    assert_int_equal(
        refusal_of(&w, op, "op", &op_offer_publish_message, offer_new(&w, 100, T + 7200)), 0);
    struct op_order_place *order = order_new(&w, 4);
    order->tokens.items = tokens_new(&w, alice, ORDER_SERIES_MAX + 1, ORDER_SERIES_MAX + 1);
    order->tokens.count = ORDER_SERIES_MAX + 1;
    assert_int_equal(refusal_of(&w, alice, "alice", &op_order_place_message, order),
                     REFUSAL_series_mixed);
    /* The most tokens of the most series, all of which the order costs: 256 GPU-minutes at 60 an
     * hour. */
    order = order_new(&w, 4);
    order->duration_min = ORDER_TOKENS_MAX / 4;
    order->tokens.items = tokens_new(&w, alice, ORDER_SERIES_MAX, ORDER_TOKENS_MAX);
    order->tokens.count = ORDER_TOKENS_MAX;
    const struct result *r = world_do(&w, alice, "alice", &op_order_place_message, order);
    assert_int_equal(r->refusal, 0);
    assert_int_equal(r->lease_count, 1);
    assert_int_equal(store_count(exchange_store(w.x), TABLE_ESCROW), ORDER_SERIES_MAX);
    assert_int_equal(world_verify(&w), 0);
    world_end(&w);
}

/* What an order is paid from in its life, an amendment's tokens included. */
static void test_amended_series(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, WORLD_OPTIONS);
    seller_begin(&w);
    uint32_t alice = world_register(&w, "alice", ROLE_STARTUP);
    const uint64_t *tokens = tokens_new(&w, alice, ORDER_SERIES_MAX + 1, ORDER_SERIES_MAX + 1);
    struct op_order_place *order = order_new(&w, ORDER_SERIES_MAX);
    struct sku_limit limit = {.sku = 1, .limit_price_ucr = 1};
    order->skus.items = &limit;
    order->time_in_force = TIME_IN_FORCE_GTT;
    order->rest_until_s = order->start_until_s = T + 3600;
    order->tokens.items = tokens;
    order->tokens.count = ORDER_SERIES_MAX;
    assert_int_equal(refusal_of(&w, alice, "alice", &op_order_place_message, order), 0);
    struct op_order_amend amend = {.order = 1, .tokens = {&tokens[ORDER_SERIES_MAX], 1}};
    amend.gpus = ORDER_SERIES_MAX + 1;
    assert_int_equal(refusal_of(&w, alice, "alice", &op_order_amend_message, &amend),
                     REFUSAL_series_mixed);
    uint64_t more = world_mint(&w, 1, alice, 1);
    amend.tokens.items = &more;
    assert_int_equal(refusal_of(&w, alice, "alice", &op_order_amend_message,
                                world_keep(&w, &op_order_amend_message, &amend)),
                     0);
    assert_int_equal(world_check(w.x, NULL), 0);
    world_end(&w);
}

static void test_order_leases(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, WORLD_OPTIONS);
    uint32_t op = seller_begin(&w);
    uint32_t alice = world_register(&w, "alice", ROLE_STARTUP);
    struct batch b = batch_of(&w, op, "op");
    for (unsigned i = 0; i <= ORDER_LEASES_MAX; i++)
        batch_add(&b, &op_offer_publish_message, offer_new(&w, 1, T + 7200));
    batch_send(&b);
    uint64_t token = world_mint(&w, world_series(&w, "seed", 0), alice, 100000);
    /* 65 GPUs are free, but in 65 pieces. */
    struct op_order_place *order = order_new(&w, ORDER_LEASES_MAX + 1);
    order->tokens.items = &token;
    order->tokens.count = 1;
    order->time_in_force = TIME_IN_FORCE_FOK;
    assert_int_equal(refusal_of(&w, alice, "alice", &op_order_place_message, order),
                     REFUSAL_size_not_met);
    struct op_order_place *fewer = NEW(&w, op_order_place);
    *fewer = *order;
    fewer->gpus = ORDER_LEASES_MAX;
    const struct result *r = world_do(&w, alice, "alice", &op_order_place_message, fewer);
    assert_int_equal(r->refusal, 0);
    assert_int_equal(r->lease_count, ORDER_LEASES_MAX);
    assert_int_equal(world_verify(&w), 0);
    world_end(&w);
}

static void test_order_filters(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, WORLD_OPTIONS);
    uint32_t op = seller_begin(&w);
    uint32_t alice = world_register(&w, "alice", ROLE_STARTUP);
    struct sku_limit skus[ORDER_SKUS_MAX];
    struct place places[FILTER_PLACES_MAX];
    static const char codes[] = "AAABACADAEAFAGAHAIAJAKALAMANAOUS";
    static_assert(sizeof(codes) == 2 * FILTER_PLACES_MAX + 1, "so many codes of two letters");
    for (uint32_t i = 0; i < FILTER_PLACES_MAX; i++)
        places[i].code = (struct text){codes + 2 * (size_t)i, 2};
    /* What fits stands last. */
    for (uint32_t i = 0; i < ORDER_SKUS_MAX; i++) {
        skus[i] = (struct sku_limit){.sku = ORDER_SKUS_MAX - i, .limit_price_ucr = 60};
        if (i > 0)
            assert_int_equal(refusal_of(&w, 1, "admin", &op_sku_add_message, sku_new(&w, i + 1)),
                             0);
    }
    assert_int_equal(
        refusal_of(&w, op, "op", &op_offer_publish_message, offer_new(&w, 8, T + 7200)), 0);
    uint64_t token = world_mint(&w, world_series(&w, "seed", 0), alice, 100000);
    struct op_order_place *order = order_new(&w, 1);
    order->skus.items = skus;
    order->skus.count = ORDER_SKUS_MAX;
    order->regions.items = order->jurisdictions.items = places;
    order->regions.count = order->jurisdictions.count = FILTER_PLACES_MAX;
    order->tokens.items = &token;
    order->tokens.count = 1;
    assert_int_equal(refusal_of(&w, alice, "alice", &op_order_place_message, order), 0);
    order->regions.count--;
    assert_int_equal(refusal_of(&w, alice, "alice", &op_order_place_message, order),
                     REFUSAL_token_spent);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_tokens_and_series),
        cmocka_unit_test(test_amended_series),
        cmocka_unit_test(test_order_leases),
        cmocka_unit_test(test_order_filters),
    };
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
