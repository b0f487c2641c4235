/* What one request may cost everybody else: searches that find nothing, refusals by the thousand.
 */
#include "tests/server/exchange/support.h"

#include "protocol/endian.h"
#include "server/exchange/match.h"
#include "server/exchange/offer.h"
#include "server/exchange/order.h"
#include "tests/server/exchange/world.h"

enum { OFFERS = 3000, ORDERS = 40, GIFTS_A_REQUEST = 8000 };

static struct world w;

static const struct result *must(const struct result *r)
{
    assert_non_null(r);
    assert_int_equal(r->refusal, 0);
    return r;
}

/* One request. */
static const struct frame_reply *request_of(const char *key, uint32_t account,
                                            const struct operation *operations, uint32_t count)
{
    struct request *request = arena_alloc(&w.arena, sizeof(*request));
    struct keys keys;
    world_keys(key, &keys);
    request->account = account;
    memcpy(request->key, keys.sign_public, 32);
    put_u64_be(request->id, ++w.ids);
    request->valid_until_s = w.time_s + 300;
    request->operations.items = operations;
    request->operations.count = count;
    return world_request(&w, request);
}

/* One site with offers that begin one minute after the other and overlap: what is free rises at
 * every minute of a window. */
static void offers_publish(uint32_t operator)
{
    struct text name = {"x", 1};
    struct op_sku_add *sku = arena_alloc(&w.arena, sizeof(*sku));
    struct op_site_add *site = arena_alloc(&w.arena, sizeof(*site));
    *sku = (struct op_sku_add){.name = name,
                               .vendor = name,
                               .model = name,
                               .memory_gb = 80,
                               .interconnect = name,
                               .power_w = 1,
                               .generation = name};
    *site = (struct op_site_add){
        .name = name, .region = {"ID", 2}, .jurisdiction = {"ID", 2}, .power_kw = POWER_KW_MAX};
    must(world_do(&w, 1, "admin", &op_sku_add_message, sku));
    must(world_do(&w, operator, "op", &op_site_add_message, site));
    for (uint32_t i = 0; i < OFFERS; i++) {
        struct op_offer_publish *op = arena_alloc(&w.arena, sizeof(*op));
        *op = (struct op_offer_publish){.site = 1,
                                        .sku = 1,
                                        .gpus = 8,
                                        .block_gpus = 1,
                                        .start_s = WORLD_BEGIN_S + 60 * (uint64_t)(i + 10),
                                        .end_s = WORLD_BEGIN_S + 300 * UINT64_C(86400),
                                        .price_ucr = 1000,
                                        .lease_min_min = 1,
                                        .billing = BILLING_METERED,
                                        .meter_period_min = 1440};
        must(world_do(&w, operator, "op", &op_offer_publish_message, op));
    }
}

/* The best that nobody can have: far more than there is, at any minute of a long window. */
static struct op_order_place *hopeless(enum placement placement)
{
    struct sku_limit *limit = arena_alloc(&w.arena, sizeof(*limit));
    struct op_order_place *op = arena_alloc(&w.arena, sizeof(*op));
    *limit = (struct sku_limit){1, PRICE_MAX_UCR};
    *op = (struct op_order_place){.skus = {limit, 1},
                                  .gpus = GPUS_MAX,
                                  .gpus_min = 1,
                                  .block_gpus = 1,
                                  .duration_min = 60,
                                  .start_from_s = WORLD_BEGIN_S + 600,
                                  .start_until_s = WORLD_BEGIN_S + 600 + 250 * UINT64_C(86400),
                                  .placement = placement,
                                  .time_in_force = TIME_IN_FORCE_FOK,
                                  .profile = PROFILE_TUNING};
    return op;
}

/* So many of them in one request end: the first refused for what it is, the last unheard. */
static void orders_end(uint32_t startup, enum placement placement)
{
    struct operation *operations = arena_alloc(&w.arena, ORDERS * sizeof(*operations));
    for (uint32_t i = 0; i < ORDERS; i++)
        operations[i] = (struct operation){&op_order_place_message, hopeless(placement)};
    const struct frame_reply *reply = request_of("startup", startup, operations, ORDERS);
    assert_int_equal(reply->results.items[0].refusal, REFUSAL_search_ended);
    assert_int_equal(reply->results.items[ORDERS - 1].refusal, REFUSAL_too_many);
    /* What one search looks at is bounded but for the last thing it looked at. */
    assert_true(w.x->request_looks < REQUEST_LOOKS_MAX + 2 * (MATCH_LOOKS_MAX + 2 * OFFERS));
}

static void hopeless_orders_end(void **state)
{
    (void)state;
    world_begin(&w, (struct world_options){CLOCK_MODE_REAL, 3600, 3600, 600, 1, 0, 0, NULL});
    uint32_t operator= world_register(&w, "op", ROLE_OPERATOR);
    uint32_t startup = world_register(&w, "startup", ROLE_STARTUP);
    offers_publish(operator);
    orders_end(startup, PLACEMENT_ONE_SITE);
    /* The next request begins anew, and who took over the rows stops at the same place. */
    orders_end(startup, PLACEMENT_SPREAD);
    world_reload(&w);
    orders_end(startup, PLACEMENT_ONE_SITE);
    orders_end(startup, PLACEMENT_SPREAD);
    assert_int_equal(world_verify(&w), 0);
    world_end(&w);
}

/* Why one does not get far more than there is. */
static struct q_quote hopeless_question(void)
{
    const struct op_order_place *op = hopeless(PLACEMENT_SPREAD);
    return (struct q_quote){.skus = {op->skus.items, op->skus.count},
                            .gpus = op->gpus,
                            .gpus_min = op->gpus,
                            .block_gpus = 1,
                            .duration_min = op->duration_min,
                            .start_from_s = op->start_from_s,
                            .start_until_s = op->start_until_s,
                            .placement = op->placement,
                            .time_in_force = op->time_in_force,
                            .profile = op->profile,
                            .why = true};
}

/* To ask why costs more than one order, and ends all the same. */
static void questions_why_end(void **state)
{
    (void)state;
    world_begin(&w, (struct world_options){CLOCK_MODE_REAL, 3600, 3600, 600, 1, 0, 0, NULL});
    uint32_t operator= world_register(&w, "op", ROLE_OPERATOR);
    uint32_t startup = world_register(&w, "startup", ROLE_STARTUP);
    offers_publish(operator);
    struct q_quote q = hopeless_question();
    const struct message *answer;
    const void *body;
    clock_t began = clock();
    assert_int_equal(exchange_query(w.x, startup, &q_quote_message, &q, &w.arena, &answer, &body),
                     0);
    assert_true(clock() - began < 5 * CLOCKS_PER_SEC);
    const struct a_quote *quote = body;
    assert_int_equal(quote->refusal, REFUSAL_search_ended);
    assert_int_equal(quote->offers, OFFERS);
    assert_int_equal(quote->funnel.count, 16);
    assert_true(quote->cut);
    world_end(&w);
}

/* One offer more at a site of its own. */
static void site_with_an_offer(uint32_t operator, const char * name, const char *region,
                               const char *jurisdiction, uint32_t carbon_g)
{
    struct op_site_add site = {.name = {name, 1},
                               .region = {region, 2},
                               .jurisdiction = {jurisdiction, 2},
                               .power_kw = 1,
                               .carbon_g_per_kwh = carbon_g};
    const struct message *add = &op_site_add_message;
    const struct result *r = must(world_do(&w, operator, "op", add, world_keep(&w, add, &site)));
    struct op_offer_publish offer = {.site = r->object,
                                     .sku = 1,
                                     .gpus = 8,
                                     .block_gpus = 1,
                                     .start_s = WORLD_BEGIN_S + 600,
                                     .end_s = WORLD_BEGIN_S + 300 * UINT64_C(86400),
                                     .price_ucr = 1000,
                                     .lease_min_min = 1,
                                     .billing = BILLING_METERED,
                                     .meter_period_min = 1440};
    must(world_do(&w, operator, "op", &op_offer_publish_message,
                  world_keep(&w, &op_offer_publish_message, &offer)));
}

static const struct a_quote *answer_to(uint32_t startup, const struct q_quote *q)
{
    const struct message *answer;
    const void *body;
    assert_int_equal(exchange_query(w.x, startup, &q_quote_message, q, &w.arena, &answer, &body),
                     0);
    return body;
}

/* What lifting the size would give of one that asks for far more than there is. */
static uint32_t size_miss(uint32_t startup)
{
    struct place id = {{"ID", 2}};
    struct q_quote q = hopeless_question();
    q.regions.items = q.jurisdictions.items = &id;
    q.regions.count = q.jurisdictions.count = 1;
    q.carbon_g_max = 100;
    const struct a_quote *quote = answer_to(startup, &q);
    assert_true(quote->cut);
    for (uint32_t i = 0; i < quote->funnel.count; i++) {
        if (quote->funnel.items[i].dimension == FUNNEL_SIZE)
            return quote->funnel.items[i].gpus;
    }
    return UINT32_MAX;
}

/* So many cheap offers of leases too short to be of use, behind the rules' back: nobody is asked.
 */
static void litter_with_offers(uint32_t operator, uint64_t site, uint64_t count)
{
    struct offer_row row = {.site = site,
                            .sku = 1,
                            .start_s = WORLD_BEGIN_S,
                            .end_s = WORLD_BEGIN_S + 24 * UINT64_C(3600),
                            .price_ucr = 1,
                            .operator= operator,
                            .seller = operator,
                            .gpus = 8,
                            .block_gpus = 1,
                            .lease_min_min = 1,
                            .lease_max_min = 1,
                            .meter_period_min = 60,
                            .billing = BILLING_METERED,
                            .state = OFFER_STATE_OPEN};
    for (uint64_t i = 0; i < count; i++) {
        row.offer = ++w.x->head.offer_last;
        row.place++;
        store_put(w.x->store, TABLE_OFFER, &row);
        if (i % 1000 == 0)
            store_settle(w.x->store);
    }
    store_settle(w.x->store);
}

/* What a search that looked at MATCH_LOOKS_MAX things has not come to is not said to be missing. */
static void a_search_says_that_it_ended(void **state)
{
    (void)state;
    world_begin(&w, (struct world_options){CLOCK_MODE_REAL, 3600, 3600, 600, 1, 0, 0, NULL});
    uint32_t operator= world_register(&w, "op", ROLE_OPERATOR);
    uint32_t startup = world_register(&w, "startup", ROLE_STARTUP);
    uint64_t token = world_mint(&w, world_series(&w, "s", 0), startup, UINT64_C(1000000));
    offers_publish(operator);
    site_with_an_offer(operator, "r", "US", "US", 0);
    litter_with_offers(operator, 1, MATCH_LOOKS_MAX);
    struct op_order_place op = *hopeless(PLACEMENT_ONE_SITE);
    struct place us = {{"US", 2}};
    const struct message *place = &op_order_place_message;
    op.gpus = op.gpus_min = 8;
    op.start_until_s = op.start_from_s;
    op.tokens.items = &token;
    op.tokens.count = 1;
    struct q_quote q = hopeless_question();
    q.gpus = q.gpus_min = 8;
    q.start_until_s = q.start_from_s;
    for (int why = 0; why <= 1; why++) {
        q.why = why != 0;
        q.regions.count = 0;
        assert_int_equal(answer_to(startup, &q)->refusal, REFUSAL_search_ended);
        q.regions.items = &us;
        q.regions.count = 1;
        assert_int_equal(answer_to(startup, &q)->refusal, REFUSAL_accepted);
    }
    assert_int_equal(world_do(&w, startup, "startup", place, world_keep(&w, place, &op))->refusal,
                     REFUSAL_search_ended);
    op.regions.items = &us;
    op.regions.count = 1;
    must(world_do(&w, startup, "startup", place, world_keep(&w, place, &op)));
    world_end(&w);
}

/* Each hopeless search would look at WHY_LOOKS_MAX things alone. They share them equally, so that
 * none before it leaves the size without an answer. */
static void questions_why_share_their_looks(void **state)
{
    (void)state;
    static_assert(WHY_LOOKS_MAX < MATCH_LOOKS_MAX, "one search of an order looks at more");
    world_begin(&w, (struct world_options){CLOCK_MODE_REAL, 3600, 3600, 600, 1, 0, 0, NULL});
    uint32_t operator= world_register(&w, "op", ROLE_OPERATOR);
    uint32_t startup = world_register(&w, "startup", ROLE_STARTUP);
    offers_publish(operator);
    site_with_an_offer(operator, "r", "US", "ID", 0);
    site_with_an_offer(operator, "j", "ID", "US", 0);
    assert_in_range(size_miss(startup), 8, ORDER_LEASES_MAX * 8);
    site_with_an_offer(operator, "c", "ID", "ID", 101);
    assert_in_range(size_miss(startup), 8, ORDER_LEASES_MAX * 8);
    world_end(&w);
}

/* What each offer has free changes twice at every closure of its site, and never lasts as long as
 * the lease: the count ends after WHY_OFFERS_MAX of these, before it has come to all offers. */
static void questions_why_count_a_part(void **state)
{
    (void)state;
    const uint64_t apart_s = 3000;
    world_begin(&w, (struct world_options){CLOCK_MODE_REAL, 3600, 3600, 600, 1, 0, 0, NULL});
    uint32_t operator= world_register(&w, "op", ROLE_OPERATOR);
    uint32_t startup = world_register(&w, "startup", ROLE_STARTUP);
    offers_publish(operator);
    struct q_quote q = hopeless_question();
    q.start_until_s = q.start_from_s + apart_s * (CLOSURES_PER_SITE_MAX - 2);
    q.gpus = q.gpus_min = 1;
    const struct a_quote *quote = answer_to(startup, &q);
    assert_int_equal(quote->refusal, 0);
    assert_int_equal(quote->offers, OFFERS);
    assert_false(quote->cut);
    for (uint64_t i = 0; i < CLOSURES_PER_SITE_MAX; i++) {
        struct op_site_close op = {.site = 1,
                                   .kind = CLOSURE_KIND_MAINTENANCE,
                                   .start_s = WORLD_BEGIN_S + 600 + apart_s * i,
                                   .end_s = WORLD_BEGIN_S + 660 + apart_s * i};
        must(world_do(&w, operator, "op", &op_site_close_message,
                      world_keep(&w, &op_site_close_message, &op)));
    }
    quote = answer_to(startup, &q);
    assert_int_equal(quote->refusal, REFUSAL_no_capacity);
    assert_true(quote->cut);
    assert_in_range(quote->offers, WHY_OFFERS_MAX / (2 * CLOSURES_PER_SITE_MAX + 2), OFFERS - 1);
    world_end(&w);
}

/* A resting order for more than there is, or for 8 GPUs. */
static uint64_t resting_order(uint32_t startup, uint64_t *token, uint32_t gpus, uint64_t limit_ucr)
{
    struct sku_limit limit = {1, limit_ucr};
    struct op_order_place op = *hopeless(PLACEMENT_ONE_SITE);
    op.skus.items = &limit;
    op.gpus = op.gpus_min = gpus;
    op.time_in_force = TIME_IN_FORCE_GTT;
    op.rest_until_s = WORLD_BEGIN_S + 86400;
    op.tokens.items = token;
    op.tokens.count = 1;
    const struct result *r = must(world_do(&w, startup, "startup", &op_order_place_message,
                                           world_keep(&w, &op_order_place_message, &op)));
    *token = r->token_first;
    return r->object;
}

/* One search may look at more than CROSS_LOOKS_MAX things, and is then all of a tick's asking;
 * the next order is asked in the next tick. */
static void a_tick_asks_for_so_long(void **state)
{
    (void)state;
    static_assert(MATCH_LOOKS_MAX > CROSS_LOOKS_MAX, "one search may use up a tick");
    world_begin(&w, (struct world_options){CLOCK_MODE_REAL, 3600, 3600, 600, 1, 0, 0, NULL});
    uint32_t operator= world_register(&w, "op", ROLE_OPERATOR);
    uint32_t startup = world_register(&w, "startup", ROLE_STARTUP);
    uint64_t token = world_mint(&w, world_series(&w, "s", 0), startup, UINT64_C(1000000000));
    offers_publish(operator);
    for (int i = 0; i < 3; i++)
        resting_order(startup, &token, 30000, 2000);
    uint64_t willing = resting_order(startup, &token, 8, 500);
    struct op_offer_publish cheap = {.site = 1,
                                     .sku = 1,
                                     .gpus = 8,
                                     .block_gpus = 1,
                                     .start_s = WORLD_BEGIN_S + 600,
                                     .end_s = WORLD_BEGIN_S + 4200,
                                     .price_ucr = 500,
                                     .lease_min_min = 1,
                                     .billing = BILLING_METERED,
                                     .meter_period_min = 60};
    must(world_do(&w, operator, "op", &op_offer_publish_message, &cheap));
    uint64_t place = 0;
    for (int i = 0; i < 3; i++) {
        world_tick(&w);
        const struct offer_row *row = offer_row_find(w.x, OFFERS + 1);
        assert_true(row->asking && row->ask_place > place);
        place = row->ask_place;
        assert_int_equal(order_find(w.x, willing)->gpus_filled, 0);
    }
    world_tick(&w);
    assert_false(offer_row_find(w.x, OFFERS + 1)->asking);
    assert_int_equal(order_find(w.x, willing)->gpus_filled, 8);
    assert_int_equal(world_verify(&w), 0);
    world_end(&w);
}

/* A site that is closed at all starts costs no look at its offers, nor does one whose offers are
 * all to be shown to others first. */
static void closed_sites_cost_little(void **state)
{
    (void)state;
    world_begin(&w, (struct world_options){CLOCK_MODE_REAL, 3600, 3600, 600, 1, 0, 0, NULL});
    uint32_t operator= world_register(&w, "op", ROLE_OPERATOR);
    uint32_t startup = world_register(&w, "startup", ROLE_STARTUP);
    uint64_t token = world_mint(&w, world_series(&w, "s", 0), startup, UINT64_C(1000000000));
    struct op_site_close close = {
        .site = 1, .kind = CLOSURE_KIND_OUTAGE, .end_s = WORLD_BEGIN_S + 30 * UINT64_C(86400)};
    struct op_site_reopen reopen = {1};
    struct sku_limit limit = {1, 1000};
    struct wish wish = {.place = UINT64_MAX,
                        .skus = &limit,
                        .skus_count = 1,
                        .gpus = GPUS_MAX,
                        .gpus_min = GPUS_MAX,
                        .block_gpus = 1,
                        .duration_min = 60,
                        .from_min = WORLD_BEGIN_S / 60 + OFFERS,
                        .until_min = WORLD_BEGIN_S / 60 + OFFERS + 600,
                        .profile = PROFILE_TUNING};
    struct match match;
    offers_publish(operator);
    assert_false(match_find(w.x, &wish, &match));
    assert_true(match.gpus > 0 && match.looks > OFFERS / 2);
    must(world_do(&w, operator, "op", &op_site_close_message, &close));
    assert_false(match_find(w.x, &wish, &match));
    assert_true(match.gpus == 0 && match.looks < 100);
    resting_order(startup, &token, 30000, 1000);
    must(world_do(&w, operator, "op", &op_site_reopen_message, &reopen));
    assert_false(match_find(w.x, &wish, &match));
    assert_true(match.gpus == 0 && match.looks < 100);
    world_settle(&w);
    assert_false(match_find(w.x, &wish, &match));
    assert_true(match.gpus > 0);
    assert_int_equal(world_verify(&w), 0);
    world_end(&w);
}

/* What an offer draws or may draw is looked at piece by piece: of a site with offers by the
 * thousand one request changes and asks only so much. */
static void changes_of_capacity_end(void **state)
{
    enum { CHANGES = 2000 };
    (void)state;
    world_begin(&w, (struct world_options){CLOCK_MODE_REAL, 3600, 3600, 600, 1, 0, 0, NULL});
    uint32_t operator= world_register(&w, "op", ROLE_OPERATOR);
    offers_publish(operator);
    struct op_offer_publish publish = {.site = 1,
                                       .sku = 1,
                                       .gpus = 1,
                                       .block_gpus = 1,
                                       .start_s = WORLD_BEGIN_S,
                                       .end_s = WORLD_BEGIN_S + 300 * UINT64_C(86400),
                                       .price_ucr = 1000,
                                       .lease_min_min = 1,
                                       .billing = BILLING_METERED,
                                       .meter_period_min = 1440};
    struct op_site_change change = {.site = 1, .power_kw = POWER_KW_MAX};
    static struct op_offer_amend amends[CHANGES];
    const struct operation kinds[] = {{&op_offer_publish_message, &publish},
                                      {&op_site_change_message, &change},
                                      {&op_offer_amend_message, NULL}};
    for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
        struct operation *operations = arena_alloc(&w.arena, CHANGES * sizeof(*operations));
        for (uint32_t i = 0; i < CHANGES; i++) {
            amends[i] = (struct op_offer_amend){.offer = 1, .gpus = 9 + i};
            operations[i] = kinds[kind];
            if (operations[i].body == NULL)
                operations[i].body = &amends[i];
        }
        const struct frame_reply *reply = request_of("op", operator, operations, CHANGES);
        assert_int_not_equal(reply->results.items[0].refusal, REFUSAL_too_many);
        assert_int_equal(reply->results.items[CHANGES - 1].refusal, REFUSAL_too_many);
        assert_true(w.x->request_looks < REQUEST_LOOKS_MAX + 8 * OFFERS);
    }
    assert_int_equal(world_verify(&w), 0);
    world_end(&w);
}

/* Gives until the account has as many gifts as it may; then each refusal costs no more than any. */
static void gifts_at_their_limit(void **state)
{
    (void)state;
    world_begin(&w, WORLD_OPTIONS);
    uint32_t giver = world_register(&w, "giver", ROLE_STARTUP);
    uint32_t series = world_series(&w, "s", 0);
    uint64_t token = world_mint(&w, series, giver, 1000000);
    uint64_t given = 0;
    for (;;) {
        struct operation *operations = arena_alloc(&w.arena, GIFTS_A_REQUEST * sizeof(*operations));
        for (uint32_t i = 0; i < GIFTS_A_REQUEST; i++) {
            struct op_token_give *op = arena_alloc(&w.arena, sizeof(*op));
            uint64_t *input = arena_alloc(&w.arena, sizeof(*input));
            *input = i == 0 ? token : token_reference(i - 1, 0);
            op->inputs.items = input;
            op->inputs.count = 1;
            op->amount_ucr = 1;
            memset(op->claim_key, 7, 32);
            operations[i] = (struct operation){&op_token_give_message, op};
        }
        clock_t began = clock();
        const struct frame_reply *reply = request_of("giver", giver, operations, GIFTS_A_REQUEST);
        assert_true(clock() - began < 5 * CLOCKS_PER_SEC);
        uint32_t accepted = 0;
        while (accepted < GIFTS_A_REQUEST && reply->results.items[accepted].refusal == 0)
            accepted++;
        given += accepted;
        if (accepted > 0)
            token = reply->results.items[accepted - 1].token_first;
        if (accepted == GIFTS_A_REQUEST)
            continue;
        assert_int_equal(reply->results.items[accepted].refusal, REFUSAL_too_many);
        if (accepted == 0)
            break;
    }
    assert_int_equal(given, GIFTS_PER_ACCOUNT_MAX);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hopeless_orders_end),
        cmocka_unit_test(changes_of_capacity_end),
        cmocka_unit_test(a_search_says_that_it_ended),
        cmocka_unit_test(questions_why_end),
        cmocka_unit_test(questions_why_share_their_looks),
        cmocka_unit_test(questions_why_count_a_part),
        cmocka_unit_test(a_tick_asks_for_so_long),
        cmocka_unit_test(closed_sites_cost_little),
        cmocka_unit_test(gifts_at_their_limit),
    };
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
