/* Rules: what the check reports of damaged rows, and the bound on the leases they look at. */
#include "tests/server/exchange/support.h"

#include "protocol/status.h"
#include "server/exchange/due.h"
#include "server/exchange/ledger.h"
#include "server/exchange/rule.h"
#include "server/exchange/state.h"
#include "tests/server/exchange/world.h"

static struct world w;
static uint32_t alice, series;
static uint64_t sku, rule;

static uint64_t done(uint32_t account, const char *who, const struct message *m, const void *body)
{
    const struct result *result = world_do(&w, account, who, m, body);
    assert_true(result && !result->refusal);
    return result->object;
}

static void offer_gpus(uint32_t gpus)
{
    uint32_t op = world_register(&w, "op", ROLE_OPERATOR);
    struct op_site_add site = {
        .name = {"x", 1}, .region = {"ID", 2}, .jurisdiction = {"ID", 2}, .power_kw = 1000000};
    struct op_offer_publish offer = {
        .site = done(op, "op", &op_site_add_message, &site),
        .sku = sku,
        .gpus = gpus,
        .block_gpus = 1,
        .end_s = WORLD_BEGIN_S + 86400,
        .price_ucr = 60,
        .lease_min_min = 1,
        .billing = BILLING_RESERVED,
        .meter_period_min = 60,
    };
    done(op, "op", &op_offer_publish_message, &offer);
}

static void rule_make(uint32_t gpus, uint64_t token)
{
    const struct sku_limit limit = {sku, 60};
    struct op_rule_add add = {
        .skus = {&limit, 1},
        .gpus = gpus,
        .horizon_min = 60,
        .profile = PROFILE_TUNING,
        .tokens = {&token, 1},
    };
    rule = done(alice, "alice", &op_rule_add_message, &add);
}

static int setup(void **state)
{
    (void)state;
    world_begin(&w, WORLD_OPTIONS);
    alice = world_register(&w, "alice", ROLE_STARTUP);
    series = world_series(&w, "seed", 0);
    struct op_sku_add add = {
        .name = {"h", 1}, .vendor = {"n", 1}, .model = {"m", 1}, .memory_gb = 80, .power_w = 1};
    sku = done(1, "admin", &op_sku_add_message, &add);
    return 0;
}

static int setup_rule(void **state)
{
    setup(state);
    rule_make(8, world_mint(&w, series, alice, 1000));
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

static void references(void **state)
{
    (void)state;
    const struct rule_row row = *rule_find(w.x, rule);
    struct rule_row damaged = row;
    damaged.account = 77;
    store_put(w.x->store, TABLE_RULE, &damaged);
    assert_reported("rule 1: of no known account");
    assert_null(world_copy(&w)); /* such rows are not loaded either */
    damaged.account = UINT32_MAX;
    store_put(w.x->store, TABLE_RULE, &damaged);
    assert_reported("rule 1: of no known account");
    damaged = row;
    damaged.state = 9;
    store_put(w.x->store, TABLE_RULE, &damaged);
    assert_reported("rule 1: of no known state or profile");
    damaged = row;
    damaged.last_refusal = UINT16_MAX + 1;
    store_put(w.x->store, TABLE_RULE, &damaged);
    assert_reported("rule 1: of no known refusal");
    damaged = row;
    damaged.skus_count = ORDER_SKUS_MAX + 1;
    store_put(w.x->store, TABLE_RULE, &damaged);
    assert_reported("rule 1: names more than it can");
    damaged = row;
    damaged.rule = 9;
    store_put(w.x->store, TABLE_RULE, &row);
    store_put(w.x->store, TABLE_RULE, &damaged);
    assert_reported("rule 9: beyond the last one issued");
    store_remove(w.x->store, TABLE_RULE, &damaged.rule);
    assert_int_equal(world_check(w.x, NULL), 0);
}

static void not_due(void **state)
{
    (void)state;
    due_remove(w.x, (struct due_item){
                        .due_s = rule_find(w.x, rule)->next_s, .kind = DUE_RULE, .serial = rule});
    assert_reported("rule 1: not among what is due");
    assert_reported("rules: 1 are active, 1 in memory, 0 due");
}

static void ended_with_a_budget(void **state)
{
    (void)state;
    struct rule_row row = *rule_find(w.x, rule);
    row.state = RULE_STATE_ENDED;
    store_put(w.x->store, TABLE_RULE, &row);
    assert_reported("rule 1: has ended and still holds a budget");
}

static void escrow_of_no_rule(void **state)
{
    (void)state;
    struct rule_row row = *rule_find(w.x, rule);
    row.escrow_series = 0;
    store_put(w.x->store, TABLE_RULE, &row);
    assert_reported("escrow 0 of rule 1: no such rule, or not its account's");
    row.escrow_series = 2;
    store_put(w.x->store, TABLE_RULE, &row);
    assert_reported("rule 1: 1 rows of escrow are there, not 2");
}

static void a_live_lease_forgotten(void **state)
{
    (void)state;
    offer_gpus(20);
    world_advance(&w, 0, true);
    const struct lease_row *lease = rule_lease_next(w.x, alice, 1);
    assert_non_null(lease);
    assert_int_equal(lease->gpus, 8);
    assert_true(rule_lease_before(w.x, alice, SERIAL_MAX) == lease);
    assert_null(rule_lease_before(w.x, alice, lease->lease - 1));
    assert_null(rule_lease_next(w.x, alice, lease->lease + 1));
    assert_null(rule_lease_next(w.x, alice + 1, 0));
    assert_null(rule_lease_before(w.x, alice - 1, SERIAL_MAX));
    assert_int_equal(world_check(w.x, NULL), 0);
    struct lease_row ended = *lease;
    ended.state = LEASE_STATE_SETTLED;
    rule_lease_changed(w.x, lease, &ended);
    assert_reported("lease 1: not in memory among its holder's live ones");
    assert_reported("live leases: 0 in memory, 1 rows");
}

/* One lease more than a rule looks at: it does nothing, rather than to count wrongly. */
static void too_many_leases(void **state)
{
    (void)state;
    offer_gpus(RULE_LEASES_MAX + 100);
    uint64_t token = world_mint(&w, series, alice, 100 * RULE_LEASES_MAX);
    const struct sku_limit limit = {sku, 60};
    for (uint32_t i = 0; i <= RULE_LEASES_MAX; i++) {
        struct op_order_place order = {
            .skus = {&limit, 1},
            .gpus = 1,
            .gpus_min = 1,
            .block_gpus = 1,
            .duration_min = 1,
            .placement = PLACEMENT_ONE_SITE,
            .time_in_force = TIME_IN_FORCE_FOK,
            .profile = PROFILE_TUNING,
            .tokens = {&token, 1},
        };
        const struct result *result = world_do(&w, alice, "alice", &op_order_place_message, &order);
        assert_true(result && !result->refusal && result->token_count == 1);
        token = result->token_first;
    }
    rule_make(RULE_LEASES_MAX + 50, token);
    world_advance(&w, 0, true);
    assert_int_equal(rule_find(w.x, rule)->spent_ucr, 0);
    assert_int_equal(rule_find(w.x, rule)->state, RULE_STATE_ACTIVE);
    /* Leases that nobody activated have failed, and it goes on. */
    world_advance(&w, 3600 + 900, true);
    assert_true(rule_find(w.x, rule)->spent_ucr > 0);
}

static enum refusal rule_try(uint64_t token)
{
    const struct sku_limit limit = {sku, 60};
    struct op_rule_add add = {
        .skus = {&limit, 1},
        .gpus = 1,
        .horizon_min = 60,
        .profile = PROFILE_TUNING,
        .tokens = {&token, 1},
    };
    return world_do(&w, alice, "alice", &op_rule_add_message, &add)->refusal;
}

/* As many as an account may have; all of them act at the same second, a few a tick. */
static void as_many_as_may_be(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < RULES_PER_ACCOUNT_MAX; i++)
        assert_int_equal(rule_try(world_mint(&w, series, alice, 100)), 0);
    uint64_t token = world_mint(&w, series, alice, 100);
    assert_int_equal(rule_try(token), REFUSAL_too_many);
    world_tick(&w);
    uint32_t acted = 0;
    for (uint64_t i = 1; i <= RULES_PER_ACCOUNT_MAX; i++) {
        uint64_t next_s = rule_find(w.x, i)->next_s;
        assert_true(next_s == WORLD_BEGIN_S || next_s == WORLD_BEGIN_S + RULE_STEP_MIN * 60);
        acted += next_s > WORLD_BEGIN_S;
    }
    assert_true(acted > 0 && acted <= TICK_ITEMS_MAX / 10);
    world_advance(&w, 0, true);
    for (uint64_t i = 1; i <= RULES_PER_ACCOUNT_MAX; i++)
        assert_true(rule_find(w.x, i)->next_s > WORLD_BEGIN_S);
    /* One that has ended makes room. */
    struct op_rule_end end = {.rule = 7};
    done(alice, "alice", &op_rule_end_message, &end);
    assert_int_equal(rule_try(token), 0);
    assert_int_equal(world_check(w.x, NULL), 0);
}

/* ORDER_SERIES_MAX: as many series as an order may be paid from. */
static void as_many_series_as_may_be(void **state)
{
    (void)state;
    uint64_t tokens[ORDER_SERIES_MAX + 1];
    for (uint32_t i = 0; i <= ORDER_SERIES_MAX; i++) {
        char name[] = "series-a";
        name[7] = (char)('a' + i);
        tokens[i] = world_mint(&w, world_series(&w, name, 0), alice, 100);
    }
    rule_make(1, world_mint(&w, series, alice, 100));
    struct op_rule_change change = {.rule = rule, .gpus = 1, .tokens = {tokens, ORDER_SERIES_MAX}};
    assert_int_equal(world_do(&w, alice, "alice", &op_rule_change_message, &change)->refusal,
                     REFUSAL_series_mixed);
    change.tokens.count = ORDER_SERIES_MAX - 1;
    done(alice, "alice", &op_rule_change_message, &change);
    change.tokens.items = &tokens[ORDER_SERIES_MAX];
    change.tokens.count = 1;
    assert_int_equal(world_do(&w, alice, "alice", &op_rule_change_message, &change)->refusal,
                     REFUSAL_series_mixed);
    uint64_t more = world_mint(&w, series, alice, 100);
    change.tokens.items = &more;
    done(alice, "alice", &op_rule_change_message, &change);
    assert_int_equal(world_check(w.x, NULL), 0);
}

#define TEST(f, s) cmocka_unit_test_setup_teardown(f, s, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(references, setup_rule),
        TEST(not_due, setup_rule),
        TEST(ended_with_a_budget, setup_rule),
        TEST(escrow_of_no_rule, setup_rule),
        TEST(a_live_lease_forgotten, setup_rule),
        TEST(too_many_leases, setup),
        TEST(as_many_as_may_be, setup),
        TEST(as_many_series_as_may_be, setup),
    };
    return cmocka_run_group_tests_name("rule", tests, NULL, NULL);
}
