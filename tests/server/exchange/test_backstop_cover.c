/* What backstops keep in memory of their stands' offers: of which of them, how many there may be,
 * and that it is the same when it is worked out in pieces. */
#include "protocol/moment.h"
#include "tests/server/exchange/support.h"

#include "protocol/endian.h"
#include "server/exchange/backstop.h"
#include "tests/server/exchange/crowd.h"

enum { OFFERS = 7 };

static struct world w;
static uint32_t op, guarantor;

/* Proposed by the guarantor, for an hour from so many hours on. */
static uint64_t hour_proposed(uint32_t hours)
{
    static const struct lot lot = {.gpus = 50, .from_s = WORLD_BEGIN_S};
    struct op_backstop_propose *terms = NEW(&w, op_backstop_propose);
    *terms = (struct op_backstop_propose){
        .guarantor = guarantor,
        .operator= op,
        .site = 1,
        .sku = 1,
        .gpus = 50,
        .strike_ucr = 60,
        .period_min = 20,
        .start_s = WORLD_BEGIN_S + hours * HOUR_S,
        .end_s = WORLD_BEGIN_S + (hours + 1) * HOUR_S,
        .pool_ucr = 1000000,
        .lots = {&lot, 1},
        .price_max_ucr = 60,
    };
    return accepted(&w, guarantor, "g", &op_backstop_propose_message, terms)->object;
}

static const struct op_contract_accept *accept_of(uint64_t contract)
{
    struct op_contract_accept *accept = NEW(&w, op_contract_accept);
    *accept = (struct op_contract_accept){.contract = contract, .version = 1};
    return accept;
}

static enum refusal acceptance(uint64_t contract)
{
    return refusal_of(&w, op, "op", &op_contract_accept_message, accept_of(contract));
}

static uint64_t hour_in_force(uint32_t hours)
{
    uint64_t contract = hour_proposed(hours);
    assert_int_equal(acceptance(contract), REFUSAL_accepted);
    return contract;
}

static int setup(void **state)
{
    (void)state;
    world_begin(&w, WORLD_OPTIONS);
    op = seller_begin(&w);
    guarantor = world_register(&w, "g", ROLE_GUARANTOR);
    for (uint32_t i = 0; i < OFFERS; i++)
        accepted(&w, op, "op", &op_offer_publish_message,
                 offer_new(&w, 4, WORLD_BEGIN_S + 80 * HOUR_S + 60 * i));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(world_verify(&w), 0);
    world_end(&w);
    return 0;
}

static bool is_empty(const struct cover *c)
{
    return !c->kept && !cover_stood_first(c) && c->free.count == 0 && c->values[CURVE_FREE] == 0;
}

static uint32_t stood_count(const struct cover *c)
{
    uint32_t count = 0;
    for (const struct stood *s = cover_stood_first(c); s; s = cover_stood_next(s))
        count++;
    return count;
}

static void test_many(void **state)
{
    uint64_t contracts[BACKSTOPS_PER_STAND_MAX + 1];
    (void)state;
    for (uint32_t i = 0; i <= BACKSTOPS_PER_STAND_MAX; i++)
        contracts[i] = hour_proposed(i + 2);
    for (uint32_t i = 0; i < BACKSTOPS_PER_STAND_MAX; i++)
        assert_int_equal(acceptance(contracts[i]), REFUSAL_accepted);
    assert_int_equal(acceptance(contracts[BACKSTOPS_PER_STAND_MAX]), REFUSAL_too_many);
    world_reload(&w);
    assert_int_equal(acceptance(contracts[BACKSTOPS_PER_STAND_MAX]), REFUSAL_too_many);
    world_advance(&w, 2 * HOUR_S + 1800, true);
    assert_false(exchange_prepare(w.x, w.time_s, UINT32_MAX));
    assert_int_equal(stood_count(cover_find(w.x, contracts[0])), OFFERS);
    for (uint32_t i = 1; i < BACKSTOPS_PER_STAND_MAX; i++)
        assert_true(is_empty(cover_find(w.x, contracts[i])));
    /* The first one is over. */
    world_advance(&w, HOUR_S, true);
    assert_null(cover_find(w.x, contracts[0]));
    assert_int_equal(acceptance(contracts[BACKSTOPS_PER_STAND_MAX]), REFUSAL_accepted);
}

/* An offer is published by a request that is taken back. */
static void publish_undone(void)
{
    struct keys keys;
    struct request *request = arena_alloc(&w.arena, sizeof(*request));
    struct operation *operations = arena_alloc(&w.arena, 2 * sizeof(*operations));
    struct op_offer_withdraw *nothing = NEW(&w, op_offer_withdraw);
    nothing->offer = SERIAL_MAX;
    world_keys("op", &keys);
    memcpy(request->key, keys.sign_public, 32);
    request->account = op;
    put_u64_be(request->id, ++w.ids);
    request->valid_until_s = w.time_s + 300;
    request->atomic = true;
    operations[0] = (struct operation){&op_offer_publish_message,
                                       offer_new(&w, 9, WORLD_BEGIN_S + 80 * HOUR_S)};
    operations[1] = (struct operation){&op_offer_withdraw_message, nothing};
    request->operations.items = operations;
    request->operations.count = 2;
    uint64_t last = w.x->head.offer_last;
    world_request(&w, request);
    assert_int_equal(w.x->head.offer_last, last);
}

/* Between the pieces an offer changes that was worked out, one that was not, and one comes and
 * goes. */
static void test_pieces(void **state)
{
    (void)state;
    uint64_t contract = hour_in_force(2);
    world_advance(&w, HOUR_S, true);
    assert_false(exchange_prepare(w.x, w.time_s, UINT32_MAX));
    assert_true(is_empty(cover_find(w.x, contract)));
    world_advance(&w, HOUR_S, true);
    assert_true(exchange_prepare(w.x, w.time_s, 3));
    const struct cover *c = cover_find(w.x, contract);
    assert_int_equal(stood_count(c), 3);
    assert_int_equal(c->next_listed->offer, OFFERS - 3);
    for (uint64_t offer = 1; offer <= OFFERS; offer += OFFERS - 1) {
        struct op_offer_amend *amend = NEW(&w, op_offer_amend);
        *amend = (struct op_offer_amend){.offer = offer, .gpus = 6};
        accepted(&w, op, "op", &op_offer_amend_message, amend);
    }
    assert_int_equal(stood_count(c), 4);
    publish_undone();
    accepted(&w, op, "op", &op_offer_publish_message,
             offer_new(&w, 5, WORLD_BEGIN_S + 80 * HOUR_S));
    assert_int_equal(stood_count(c), 5);
    assert_true(exchange_prepare(w.x, w.time_s, 3));
    assert_false(exchange_prepare(w.x, w.time_s, 3));
    assert_false(exchange_prepare(w.x, w.time_s, 3));
    assert_int_equal(stood_count(c), OFFERS + 1);
    assert_int_equal(c->values[CURVE_FREE], 0);
    assert_int_equal(world_check(w.x, NULL), 0);
    /* A fault in it is found, whether or not all was worked out. */
    ((struct cover *)(uintptr_t)c)->values[CURVE_FREE]++;
    assert_true(world_reports(w.x, "what counts as free is not what its rows come to"));
    ((struct cover *)(uintptr_t)c)->values[CURVE_FREE]--;
    world_advance(&w, HOUR_S, true);
    const struct draw_row key = {.contract = contract};
    const struct draw_row *draw = store_find(w.x->store, TABLE_DRAW, &key);
    assert_int_equal(draw->gpu_minutes_owed, 20 * (4 * (OFFERS - 2) + 6 + 6 + 5));
}

static uint64_t elected(uint64_t contract)
{
    struct op_backstop_elect *elect = NEW(&w, op_backstop_elect);
    uint64_t *token = arena_alloc(&w.arena, sizeof(*token));
    *token = world_mint(&w, w.x->head.series_last, guarantor, 1000);
    *elect = (struct op_backstop_elect){
        .contract = contract, .period = 0, .gpus = 6, .tokens = {token, 1}};
    return accepted(&w, guarantor, "g", &op_backstop_elect_message, elect)->lease_count;
}

/* An election before it begins leaves nothing of it. */
static void test_ahead(void **state)
{
    (void)state;
    world_series(&w, "seed", 0);
    uint64_t contract = hour_in_force(2);
    assert_int_equal(elected(contract), 2);
    assert_true(w.x->request_looks >= OFFERS);
    assert_true(is_empty(cover_find(w.x, contract)));
    world_reload(&w);
    assert_int_equal(elected(contract), 2);
    assert_true(is_empty(cover_find(w.x, contract)));
}

/* Requests that have looked at enough already accept nothing. */
static void test_looks(void **state)
{
    (void)state;
    enum { STEPS = 600, OVER = 1000 };
    uint64_t contract = hour_proposed(2);
    struct batch b = batch_of(&w, op, "op");
    for (uint32_t i = 0; i < STEPS; i++)
        batch_add(&b, &op_offer_publish_message,
                  offer_new(&w, 1, WORLD_BEGIN_S + 40 * HOUR_S + 60 * i));
    batch_send(&b);
    for (uint32_t i = 0; i < OVER; i++)
        batch_add(&b, &op_offer_publish_message, offer_new(&w, 1, WORLD_BEGIN_S + 90 * HOUR_S));
    batch_add(&b, &op_contract_accept_message, accept_of(contract));
    const struct frame_reply *reply = batch_try(&b);
    assert_true(w.x->request_looks >= REQUEST_LOOKS_MAX);
    assert_int_equal(reply->results.items[OVER].refusal, REFUSAL_too_many);
    assert_int_equal(acceptance(contract), REFUSAL_accepted);
}

/* After a time in which nothing was settled a tick works out what counts under some of many. */
static void test_ticks(void **state)
{
    (void)state;
    enum { MANY = 12800, CONTRACTS = 12 };
    struct batch b = batch_of(&w, op, "op");
    for (uint32_t i = 0; i < MANY; i++)
        batch_add(&b, &op_offer_publish_message, offer_new(&w, 1, WORLD_BEGIN_S + 90 * HOUR_S));
    batch_send(&b);
    for (uint32_t i = 0; i < CONTRACTS; i++)
        hour_in_force(2 + i);
    world_advance(&w, (2 + CONTRACTS) * HOUR_S, false);
    uint64_t contract_last = w.x->head.contract_last;
    uint32_t ticks = 0;
    for (; store_count(w.x->store, TABLE_DRAW) < 3 * CONTRACTS; ticks++) {
        uint64_t before = store_count(w.x->store, TABLE_DRAW);
        world_tick(&w);
        assert_true(store_count(w.x->store, TABLE_DRAW) <= before + 3 * 6);
    }
    assert_true(ticks >= 2);
    assert_null(cover_find(w.x, contract_last));
}

/* --- What waits to be settled --- */

/* What one midnight makes due of as many as an operator may have never stands in the way. */
static_assert(2 * CONTRACTS_PER_ACCOUNT_MAX <= BACKSTOP_BEHIND_MAX, "a period and a midnight each");

/* In force at a site for ten days from a minute on, in periods of a minute. */
static uint64_t minutes_in_force(uint64_t site, uint64_t start_s)
{
    static const struct lot lot = {.gpus = 50, .from_s = WORLD_BEGIN_S};
    struct op_backstop_propose *terms = NEW(&w, op_backstop_propose);
    *terms = (struct op_backstop_propose){
        .guarantor = guarantor,
        .operator= op,
        .site = site,
        .sku = 1,
        .gpus = 50,
        .strike_ucr = 60,
        .period_min = 1,
        .start_s = start_s,
        .end_s = start_s + 10 * 24 * HOUR_S,
        .pool_ucr = 1000000,
        .lots = {&lot, 1},
        .price_max_ucr = 60,
    };
    uint64_t contract = accepted(&w, guarantor, "g", &op_backstop_propose_message, terms)->object;
    assert_int_equal(acceptance(contract), REFUSAL_accepted);
    struct op_backstop_propose *other = NEW(&w, op_backstop_propose);
    *other = *terms;
    other->contract = contract;
    other->strike_ucr = 59;
    accepted(&w, guarantor, "g", &op_backstop_propose_message, other);
    return contract;
}

static const struct op_site_change *change_of(uint64_t site)
{
    struct op_site_change *change = NEW(&w, op_site_change);
    *change = (struct op_site_change){.site = site, .power_kw = 1000000};
    return change;
}

/* More than BACKSTOP_BEHIND_MAX waits: whatever would settle it is refused until ticks have been.
 */
static void test_behind(void **state)
{
    (void)state;
    struct op_account_freeze *freeze = NEW(&w, op_account_freeze);
    struct op_account_unfreeze *unfreeze = NEW(&w, op_account_unfreeze);
    freeze->account = unfreeze->account = op;
    uint64_t contract = minutes_in_force(1, WORLD_BEGIN_S + 60);
    struct op_contract_accept *amendment = NEW(&w, op_contract_accept);
    *amendment = (struct op_contract_accept){.contract = contract, .version = 2};
    /* One midnight, and all other steps are periods; one more than may be. */
    world_advance(&w, BACKSTOP_BEHIND_MAX * 60 + 60, false);
    uint64_t size = world_log_size(&w);
    assert_int_equal(refusal_of(&w, 1, "admin", &op_account_freeze_message, freeze),
                     REFUSAL_too_many);
    assert_int_equal(refusal_of(&w, op, "op", &op_site_change_message, change_of(1)),
                     REFUSAL_too_many);
    assert_int_equal(refusal_of(&w, op, "op", &op_contract_accept_message, amendment),
                     REFUSAL_too_many);
    assert_true(world_log_size(&w) <= size + 3);
    assert_int_equal(store_count(w.x->store, TABLE_DRAW), 0);
    /* Who has no sites has nothing to settle. */
    struct op_account_freeze *another = NEW(&w, op_account_freeze);
    another->account = guarantor;
    assert_int_equal(refusal_of(&w, 1, "admin", &op_account_freeze_message, another), 0);
    struct op_account_unfreeze *again = NEW(&w, op_account_unfreeze);
    again->account = guarantor;
    assert_int_equal(refusal_of(&w, 1, "admin", &op_account_unfreeze_message, again), 0);
    world_reload(&w);
    assert_int_equal(refusal_of(&w, 1, "admin", &op_account_freeze_message, freeze),
                     REFUSAL_too_many);
    world_tick(&w);
    assert_int_equal(refusal_of(&w, 1, "admin", &op_account_freeze_message, freeze), 0);
    assert_int_equal(store_count(w.x->store, TABLE_DRAW), BACKSTOP_BEHIND_MAX);
    world_advance(&w, BACKSTOP_BEHIND_MAX * 60, false);
    assert_int_equal(refusal_of(&w, 1, "admin", &op_account_unfreeze_message, unfreeze),
                     REFUSAL_too_many);
    world_tick(&w);
    assert_int_equal(refusal_of(&w, 1, "admin", &op_account_unfreeze_message, unfreeze), 0);
    assert_int_equal(refusal_of(&w, op, "op", &op_contract_accept_message, amendment), 0);
}

/* Exactly so many are settled by one operation. */
static void test_behind_so_many(void **state)
{
    (void)state;
    struct op_account_freeze *freeze = NEW(&w, op_account_freeze);
    freeze->account = op;
    minutes_in_force(1, WORLD_BEGIN_S + 60);
    world_advance(&w, BACKSTOP_BEHIND_MAX * 60, false);
    assert_int_equal(refusal_of(&w, 1, "admin", &op_account_freeze_message, freeze), 0);
    assert_int_equal(store_count(w.x->store, TABLE_DRAW), BACKSTOP_BEHIND_MAX - 1);
}

/* What operations of one request settle counts together. */
static void test_behind_together(void **state)
{
    (void)state;
    uint64_t site = accepted(&w, op, "op", &op_site_add_message, site_new(&w, 2))->object;
    minutes_in_force(1, WORLD_BEGIN_S + 60);
    minutes_in_force(site, WORLD_BEGIN_S + 60);
    world_advance(&w, BACKSTOP_BEHIND_MAX / 2 * 60 + 120, false);
    struct batch b = batch_of(&w, op, "op");
    for (uint32_t i = 0; i < 3; i++)
        batch_add(&b, &op_site_change_message, change_of(i == 2 ? site : 1));
    const struct frame_reply *reply = batch_try(&b);
    assert_int_equal(reply->results.items[0].refusal, REFUSAL_accepted);
    assert_int_equal(reply->results.items[1].refusal, REFUSAL_accepted);
    assert_int_equal(reply->results.items[2].refusal, REFUSAL_too_many);
    assert_int_equal(refusal_of(&w, op, "op", &op_site_change_message, change_of(site)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pieces, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ahead, setup, teardown),
        cmocka_unit_test_setup_teardown(test_looks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ticks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_behind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_behind_so_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_behind_together, setup, teardown),
    };
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
