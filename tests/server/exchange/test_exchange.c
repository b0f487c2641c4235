#include "tests/server/exchange/support.h"

#include "protocol/status.h"
#include "server/exchange/lease.h"
#include "server/exchange/order.h"
#include "server/exchange/rows.h"
#include "server/exchange/state.h"
#include "tests/server/exchange/crowd.h"

static void an_exchange_continues_from_a_backup(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, WORLD_OPTIONS);
    uint32_t alice = world_register(&w, "alice", ROLE_STARTUP);
    uint32_t series = world_series(&w, "seed", 0);
    world_mint(&w, series, alice, 100);
    uint64_t former_size = world_log_size(&w);
    world_restore(&w);

    struct event_batch batch = exchange_events(w.x);
    struct arena arena = ARENA_EMPTY;
    const struct message *message;
    const void *body;
    struct decode_error error;
    assert_int_equal(batch.first_index, 0);
    assert_int_equal(batch.count, 2);
    assert_int_equal(event_decode(batch.data, batch.ends[0], &arena, &message, &body, &error), 0);
    assert_int_equal(message->code, EVENT_restored);
    const struct ev_restored *event = body;
    assert_int_equal(event->former_size, former_size);
    assert_memory_equal(event->exchange_id, w.id, 32);
    /* Holdings go on, ids of requests to the former exchange do not. */
    assert_int_equal(store_count(exchange_store(w.x), TABLE_REQUEST), 0);
    assert_int_equal(store_count(exchange_store(w.x), TABLE_TOKEN), 1);
    assert_int_equal(w.x->head.log_size, 2);
    assert_int_equal(world_check(w.x, NULL), 0);
    arena_release(&arena);
    world_end(&w);
}

static struct op_order_place *order_resting(struct world *w, uint64_t token, uint64_t limit_ucr)
{
    struct op_order_place *op = order_new(w, 2);
    uint64_t *tokens = arena_alloc(&w->arena, sizeof(*tokens));
    *tokens = token;
    struct sku_limit *limit = NEW(w, sku_limit);
    *limit = (struct sku_limit){.sku = 1, .limit_price_ucr = limit_ucr};
    op->skus.items = limit;
    op->tokens.items = tokens;
    op->tokens.count = 1;
    op->time_in_force = TIME_IN_FORCE_GTT;
    op->start_until_s = op->rest_until_s = WORLD_BEGIN_S + 3600;
    return op;
}

/* The log begins anew, ages do not: what stood in the book before is older than what comes. */
static void places_go_on_after_a_restore(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, WORLD_OPTIONS);
    uint32_t op = seller_begin(&w);
    uint32_t alice = world_register(&w, "alice", ROLE_STARTUP);
    uint32_t series = world_series(&w, "seed", 0);
    uint64_t tokens[6];
    for (int i = 0; i < 6; i++)
        tokens[i] = world_mint(&w, series, alice, 10000);
    const struct message *place = &op_order_place_message;
    const struct message *publish = &op_offer_publish_message;
    const struct op_offer_publish *offer = offer_new(&w, 2, WORLD_BEGIN_S + 7200);
    uint64_t old_order =
        accepted(&w, alice, "alice", place, order_resting(&w, tokens[0], 50))->object;
    uint64_t old_offer = accepted(&w, op, "op", publish, offer)->object;
    uint64_t before = world_log_size(&w);
    world_restore(&w);
    uint64_t new_offer = accepted(&w, op, "op", publish, offer)->object;
    uint64_t new_order =
        accepted(&w, alice, "alice", place, order_resting(&w, tokens[1], 50))->object;
    assert_true(world_log_size(&w) < before);
    assert_int_equal(world_check(w.x, NULL), 0);

    /* Of two offers at one price the older one is bought first. */
    uint64_t lease =
        accepted(&w, alice, "alice", place, order_resting(&w, tokens[2], 60))->lease_first;
    assert_int_equal(lease_find(w.x, lease)->offer, old_offer);
    lease = accepted(&w, alice, "alice", place, order_resting(&w, tokens[3], 60))->lease_first;
    assert_int_equal(lease_find(w.x, lease)->offer, new_offer);
    /* Of two orders with one limit the older one is asked first. */
    struct op_offer_publish *cheap = offer_new(&w, 2, WORLD_BEGIN_S + 3600);
    cheap->price_ucr = 50;
    accepted(&w, op, "op", publish, cheap);
    world_settle(&w);
    assert_int_equal(order_find(w.x, old_order)->gpus_filled, 2);
    assert_int_equal(order_find(w.x, new_order)->gpus_filled, 0);
    /* Who takes over the rows has the same order of things. */
    world_reload(&w);
    accepted(&w, op, "op", publish, cheap);
    world_settle(&w);
    assert_int_equal(order_find(w.x, new_order)->gpus_filled, 2);
    assert_int_equal(world_check(w.x, NULL), 0);
    world_end(&w);
}

static void events_are_seen_by_their_parties(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, WORLD_OPTIONS);
    uint32_t alice = world_register(&w, "alice", ROLE_STARTUP);
    uint32_t bob = world_register(&w, "bob", ROLE_STARTUP);
    uint32_t audit = world_register(&w, "audit", ROLE_AUDITOR);
    struct payment output = {alice, 5};
    struct ev_minted minted = {.by = 1, .series = 1, .token_first = 1};
    minted.outputs.items = &output;
    minted.outputs.count = 1;
    struct ev_started started = {.clock_mode = CLOCK_MODE_REAL};
    assert_true(exchange_may_see(w.x, alice, &ev_minted_message, &minted));
    assert_false(exchange_may_see(w.x, bob, &ev_minted_message, &minted));
    assert_false(exchange_may_see(w.x, 0, &ev_minted_message, &minted));
    assert_true(exchange_may_see(w.x, audit, &ev_minted_message, &minted));
    assert_true(exchange_may_see(w.x, 1, &ev_minted_message, &minted));
    assert_true(exchange_may_see(w.x, 0, &ev_started_message, &started));
    world_end(&w);
}

static void accounts_are_found_by_channel(void **state)
{
    (void)state;
    struct world w;
    struct keys keys;
    const char *name;
    world_begin(&w, WORLD_OPTIONS);
    uint32_t alice = world_register(&w, "alice", ROLE_STARTUP);
    world_keys("alice", &keys);
    assert_int_equal(exchange_account_by_channel(w.x, keys.channel_public), alice);
    assert_int_equal(exchange_account_role(w.x, alice, &name), ROLE_STARTUP);
    assert_string_equal(name, "alice");
    world_keys("bob", &keys);
    assert_int_equal(exchange_account_by_channel(w.x, keys.channel_public), 0);
    assert_int_equal(exchange_account_role(w.x, 77, &name), 0);
    assert_string_equal(name, "");
    world_end(&w);
}

static void refused_strangers_leave_no_trace(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, WORLD_OPTIONS);
    uint64_t size = world_log_size(&w);
    struct op_gift_claim claim = {.gift = 5, .name = {"zoe", 3}, .channel_key = {1}};
    for (int i = 0; i < 100; i++) {
        const struct result *result = world_do(&w, 0, "zoe", &op_gift_claim_message, &claim);
        assert_true(result && result->refusal == REFUSAL_gift_not_found);
    }
    assert_int_equal(world_log_size(&w), size);
    assert_int_equal(store_count(exchange_store(w.x), TABLE_REQUEST), 0);
    assert_int_equal(store_count(exchange_store(w.x), TABLE_ACCOUNT), 1);
    world_end(&w);
}

static void an_account_has_so_many_ids(void **state)
{
    (void)state;
    struct world w;
    struct op_token_burn burn = {{0}};
    world_begin(&w, WORLD_OPTIONS);
    struct request_row row = {.valid_until_s = w.time_s + 100, .account = 1};
    for (uint32_t i = 0; i < REQUEST_IDS_MAX; i++) {
        memcpy(row.id, &i, sizeof(i));
        row.id[15] = 1;
        store_put(exchange_store(w.x), TABLE_REQUEST, &row);
    }
    assert_null(world_do(&w, 1, "admin", &op_token_burn_message, &burn));
    assert_int_equal(w.entries[w.entries_count - 1].reply.refusal, REFUSAL_too_many_ids);
    /* From their end on they do not count, swept or not; the sweep takes several ticks. */
    world_advance(&w, 100, false);
    assert_non_null(world_do(&w, 1, "admin", &op_token_burn_message, &burn));
    world_tick(&w);
    assert_int_equal(store_count(exchange_store(w.x), TABLE_REQUEST),
                     REQUEST_IDS_MAX + 1 - TICK_ITEMS_MAX);
    world_settle(&w);
    assert_int_equal(store_count(exchange_store(w.x), TABLE_REQUEST), 1);
    assert_int_equal(world_check(w.x, NULL), 0);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exchange_continues_from_a_backup),
        cmocka_unit_test(places_go_on_after_a_restore),
        cmocka_unit_test(events_are_seen_by_their_parties),
        cmocka_unit_test(accounts_are_found_by_channel),
        cmocka_unit_test(refused_strangers_leave_no_trace),
        cmocka_unit_test(an_account_has_so_many_ids),
    };
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
