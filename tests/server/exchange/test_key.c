/* Further keys: what the check reports of damaged rows, and what a channel key speaks for. */
#include "tests/server/exchange/support.h"

#include "protocol/status.h"
#include "server/exchange/due.h"
#include "server/exchange/key.h"
#include "server/exchange/state.h"
#include "tests/server/exchange/world.h"

static struct world w;
static uint32_t alice;
static struct keys bot;

static struct key_row bot_row(uint32_t slot)
{
    struct key_row row = {.account = alice, .slot = slot, .scopes = SCOPE_ORDERS};
    memcpy(row.sign_key, bot.sign_public, 32);
    memcpy(row.channel_key, bot.channel_public, 32);
    return row;
}

static int setup(void **state)
{
    (void)state;
    world_begin(&w, WORLD_OPTIONS);
    alice = world_register(&w, "alice", ROLE_STARTUP);
    world_keys("bot", &bot);
    struct key_row row = bot_row(3);
    row.expires_s = WORLD_BEGIN_S + 3600;
    store_put(w.x->store, TABLE_KEY, &row);
    assert_int_equal(world_check(w.x, NULL), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_end(&w);
    return 0;
}

static void assert_reported(const char *line)
{
    assert_true(world_reports(w.x, line));
}

static void of_nobody(void **state)
{
    (void)state;
    struct key_row row = bot_row(0);
    row.account = 77;
    store_put(w.x->store, TABLE_KEY, &row);
    assert_reported("further key of account 77: no such account");
    assert_null(world_copy(&w)); /* such rows are not loaded either */
    row.account = UINT32_MAX;
    store_put(w.x->store, TABLE_KEY, &row);
    assert_reported("further key of account 4294967295: no such account");
}

static void of_no_slot_or_scope(void **state)
{
    (void)state;
    struct key_row row = bot_row(KEYS_PER_ACCOUNT_MAX);
    store_put(w.x->store, TABLE_KEY, &row);
    assert_reported("further key of account 2: of no known slot or scope");
    store_remove(w.x->store, TABLE_KEY, &row);
    row = bot_row(3);
    row.scopes = SCOPE_ANY + 1;
    store_put(w.x->store, TABLE_KEY, &row);
    assert_reported("further key of account 2: of no known slot or scope");
    assert_null(world_copy(&w));
}

static void the_same_key_twice(void **state)
{
    (void)state;
    struct key_row row = bot_row(5);
    store_put(w.x->store, TABLE_KEY, &row);
    assert_reported("of account 2: not found by its signing key");
    assert_reported("of account 2: not found by its channel key");
}

static void also_a_main_key(void **state)
{
    (void)state;
    struct keys keys;
    world_keys("alice", &keys);
    struct key_row row = bot_row(5);
    memcpy(row.sign_key, keys.sign_public, 32);
    memset(row.channel_key, 7, 32);
    store_put(w.x->store, TABLE_KEY, &row);
    assert_reported("key 5 of account 2: is the main key of an account, too");
}

static void an_expiry_not_due(void **state)
{
    (void)state;
    due_remove(w.x, (struct due_item){.due_s = WORLD_BEGIN_S + 3600,
                                      .kind = DUE_KEY,
                                      .serial = (uint64_t)alice * KEYS_PER_ACCOUNT_MAX + 3});
    assert_reported("key 3 of account 2: its expiry is not among what is due");
}

static void whom_a_channel_key_speaks_for(void **state)
{
    (void)state;
    struct keys own;
    world_keys("alice", &own);
    struct channel_right right = exchange_channel_right(w.x, own.channel_public);
    assert_int_equal(right.account, alice);
    assert_false(right.is_further);
    right = exchange_channel_right(w.x, bot.channel_public);
    assert_int_equal(right.account, alice);
    assert_true(right.is_further);
    assert_int_equal(right.expires_s, WORLD_BEGIN_S + 3600);
    assert_memory_equal(right.sign_key, bot.sign_public, 32);
    world_advance(&w, 3600, false);
    assert_int_equal(exchange_channel_right(w.x, bot.channel_public).account, 0);
    struct key_info key;
    assert_true(exchange_further_key(w.x, bot.channel_public, &key));
    assert_int_equal(key.expires_s, WORLD_BEGIN_S + 3600);
    assert_false(exchange_further_key(w.x, own.channel_public, &key));
}

/* The expiry of a key makes a group due, so that time goes on even where nothing else happens. */
static void an_expiry_is_due_once(void **state)
{
    (void)state;
    assert_int_equal(exchange_next_due(w.x), WORLD_BEGIN_S + 300); /* a request id */
    world_advance(&w, 600, true);
    assert_int_equal(exchange_next_due(w.x), WORLD_BEGIN_S + 3600);
    world_advance(&w, 3000, true);
    assert_true(exchange_next_due(w.x) == UINT64_MAX);
    assert_int_equal(due_count(w.x, DUE_KEY), 0);
    assert_int_equal(world_check(w.x, NULL), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(of_nobody),
        TEST(of_no_slot_or_scope),
        TEST(the_same_key_twice),
        TEST(also_a_main_key),
        TEST(an_expiry_not_due),
        TEST(whom_a_channel_key_speaks_for),
        TEST(an_expiry_is_due_once),
    };
    return cmocka_run_group_tests_name("key", tests, NULL, NULL);
}
