#include "tests/server/exchange/support.h"

#include "protocol/status.h"
#include "server/exchange/rows.h"
#include "server/exchange/state.h"
#include "tests/server/exchange/world.h"

struct row_move {
    struct store *to;
    unsigned table;
};

static int row_move(void *context, const void *row)
{
    const struct row_move *m = context;
    return store_load_row(m->to, m->table, row);
}

static void an_exchange_continues_from_a_backup(void **state)
{
    (void)state;
    static const uint8_t id[32] = {9}, nonce_key[32] = {8};
    struct world w;
    world_begin(&w, WORLD_OPTIONS);
    uint32_t alice = world_register(&w, "alice", ROLE_STARTUP);
    uint32_t series = world_series(&w, "seed", 0);
    world_mint(&w, series, alice, 100);
    struct genesis genesis = w.genesis;
    genesis.former_origin = w.genesis.origin;
    genesis.former_size = world_log_size(&w);
    struct exchange *x = exchange_new(&genesis, id, nonce_key);
    for (unsigned table = 0; table < TABLE_COUNT; table++) {
        struct row_move move = {exchange_store(x), table};
        assert_int_equal(store_each(exchange_store(w.x), table, row_move, &move), 0);
    }
    assert_int_equal(exchange_loaded(x), STATUS_OK);
    exchange_begin(x, w.x->head.group + 1, w.time_s + 30);
    exchange_found(x);
    exchange_start(x, CLOCK_MODE_REAL);
    exchange_end(x);

    struct event_batch batch = exchange_events(x);
    struct arena arena = ARENA_EMPTY;
    const struct message *message;
    const void *body;
    struct decode_error error;
    assert_int_equal(batch.first_index, 0);
    assert_int_equal(batch.count, 2);
    assert_int_equal(event_decode(batch.data, batch.ends[0], &arena, &message, &body, &error), 0);
    assert_int_equal(message->code, EVENT_restored);
    const struct ev_restored *event = body;
    assert_int_equal(event->former_size, world_log_size(&w));
    assert_memory_equal(event->exchange_id, id, 32);
    /* Holdings go on, ids of requests to the former exchange do not. */
    assert_int_equal(store_count(exchange_store(x), TABLE_REQUEST), 0);
    assert_int_equal(store_count(exchange_store(x), TABLE_TOKEN), 1);
    assert_int_equal(x->head.log_size, 2);
    assert_int_equal(world_check(x, NULL), 0);
    arena_release(&arena);
    exchange_free(x);
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
        cmocka_unit_test(events_are_seen_by_their_parties),
        cmocka_unit_test(accounts_are_found_by_channel),
        cmocka_unit_test(refused_strangers_leave_no_trace),
        cmocka_unit_test(an_account_has_so_many_ids),
    };
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
