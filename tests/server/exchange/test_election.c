/* What elections may look at: REQUEST_LOOKS_MAX in one request, as much whether or not others came
 * before, the backstop has begun or the exchange was loaded anew; and that none leaves anything in
 * memory. */
#include "protocol/moment.h"
#include "tests/server/exchange/support.h"

#include "server/exchange/backstop.h"
#include "tests/server/exchange/crowd.h"

enum { AHEAD_MIN = 90, GPU_UCR = 60 };

static struct world w;
static uint32_t op, guarantor, series;
static uint64_t contract;

/* In force from the third hour on, an hour a period; in the first of them nothing is delivered. */
static void backstop_make(void)
{
    static const struct lot lot = {.gpus = GPUS_MAX, .from_s = WORLD_BEGIN_S + 3 * HOUR_S};
    struct op_contract_accept *accept = NEW(&w, op_contract_accept);
    struct op_backstop_propose *terms = NEW(&w, op_backstop_propose);
    *terms = (struct op_backstop_propose){
        .guarantor = guarantor,
        .operator= op,
        .site = 1,
        .sku = 1,
        .gpus = GPUS_MAX,
        .strike_ucr = GPU_UCR,
        .period_min = 60,
        .start_s = WORLD_BEGIN_S + 2 * HOUR_S,
        .end_s = WORLD_BEGIN_S + 6 * HOUR_S,
        .pool_ucr = 1000 * 1000,
        .lots = {&lot, 1},
        .price_max_ucr = 60,
        .ahead_min = AHEAD_MIN,
    };
    contract = accepted(&w, guarantor, "g", &op_backstop_propose_message, terms)->object;
    *accept = (struct op_contract_accept){.contract = contract, .version = 1};
    accepted(&w, op, "op", &op_contract_accept_message, accept);
}

static void offers_add(uint32_t count, uint64_t end_s)
{
    struct batch b = batch_of(&w, op, "op");
    for (uint32_t i = 0; i < count; i++) {
        batch_add(&b, &op_offer_publish_message, offer_new(&w, 1, end_s));
        if (b.count == 1000)
            batch_send(&b);
    }
    batch_send(&b);
}

static int setup(void **state)
{
    (void)state;
    world_begin(&w, WORLD_OPTIONS);
    op = seller_begin(&w);
    guarantor = world_register(&w, "g", ROLE_GUARANTOR);
    series = world_series(&w, "seed", 0);
    backstop_make();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(world_verify(&w), 0);
    world_end(&w);
    return 0;
}

static uint64_t token_of(uint64_t amount_ucr)
{
    return world_mint(&w, series, guarantor, amount_ucr);
}

static void election_add(struct batch *b, uint32_t period, uint32_t gpus, uint64_t token)
{
    struct op_backstop_elect *elect = NEW(&w, op_backstop_elect);
    uint64_t *kept = arena_alloc(&w.arena, sizeof(*kept));
    *kept = token;
    *elect = (struct op_backstop_elect){
        .contract = contract, .period = period, .gpus = gpus, .tokens = {kept, 1}};
    batch_add(b, &op_backstop_elect_message, elect);
}

static uint32_t election(uint32_t period, uint32_t gpus, uint64_t token)
{
    struct batch b = batch_of(&w, guarantor, "g");
    election_add(&b, period, gpus, token);
    return batch_try(&b)->results.items[0].refusal;
}

/* How many of them had anything to look at; the others are refused for it. */
static uint32_t elections_that_look(uint32_t count, uint64_t token)
{
    struct batch b = batch_of(&w, guarantor, "g");
    for (uint32_t i = 0; i < count; i++)
        election_add(&b, 1 + i % 3, 2, token);
    const struct frame_reply *reply = batch_try(&b);
    uint32_t looked = 0;
    while (looked < count && reply->results.items[looked].refusal == REFUSAL_insufficient_funds)
        looked++;
    for (uint32_t i = looked; i < count; i++)
        assert_int_equal(reply->results.items[i].refusal, REFUSAL_too_many);
    return looked;
}

static void test_request(void **state)
{
    (void)state;
    enum { OFFERS = 4000, MANY = 300 };
    offers_add(OFFERS, WORLD_BEGIN_S + 80 * HOUR_S);
    uint64_t token = token_of(GPU_UCR);
    assert_int_equal(election(1, 2, token), REFUSAL_insufficient_funds);
    uint64_t one = w.x->request_looks;
    assert_true(one >= OFFERS && one < OFFERS + 10);
    assert_int_equal(cover_find(w.x, contract)->kept, false);
    uint32_t looked = elections_that_look(MANY, token);
    assert_int_equal(looked, REQUEST_LOOKS_MAX / one);
    assert_true(w.x->request_looks < REQUEST_LOOKS_MAX + one);
    /* The next request has its own, and so has each after a restart. */
    assert_int_equal(election(3, 1, token), REFUSAL_accepted);
    token = token_of(GPU_UCR);
    looked = elections_that_look(MANY, token);
    assert_int_equal(election(1, 2, token), REFUSAL_insufficient_funds);
    one = w.x->request_looks; /* some more: of one offer there is a lease now */
    world_reload(&w);
    assert_int_equal(elections_that_look(MANY, token), looked);
    assert_int_equal(election(1, 2, token), REFUSAL_insufficient_funds);
    assert_int_equal(w.x->request_looks, one);
    /* Nor does it matter what of the backstop's own view is worked out, once it has begun. */
    world_advance(&w, 2 * HOUR_S + 60, true);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(election(1, 2, token), REFUSAL_insufficient_funds);
        one = i == 0 ? w.x->request_looks : one;
        assert_int_equal(w.x->request_looks, one);
        exchange_prepare(w.x, w.time_s, i == 0 ? OFFERS / 2 : UINT32_MAX);
    }
    world_reload(&w);
    assert_int_equal(election(1, 2, token), REFUSAL_insufficient_funds);
    assert_int_equal(w.x->request_looks, one);
}

/* What does not pay for one GPU looks at nothing. */
static void test_cheap_first(void **state)
{
    (void)state;
    offers_add(100, WORLD_BEGIN_S + 80 * HOUR_S);
    assert_int_equal(election(1, 1, token_of(GPU_UCR - 1)), REFUSAL_insufficient_funds);
    assert_int_equal(w.x->request_looks, 0);
    assert_int_equal(election(0, 1, token_of(GPU_UCR)), REFUSAL_no_capacity);
    assert_true(w.x->request_looks < 5);
    assert_int_equal(election(1, 1, token_of(GPU_UCR)), REFUSAL_accepted);
}

/* More is listed than one request looks at: it takes of what it has seen, alone; behind another one
 * it is to be sent again. */
static void test_cut(void **state)
{
    (void)state;
    enum { GOOD = 1000, OTHERS = 168000, LEASES = ORDER_LEASES_MAX };
    offers_add(GOOD, WORLD_BEGIN_S + 80 * HOUR_S);
    world_advance(&w, 2 * HOUR_S - 600, true);
    /* They count from the middle of the period on, but not to its end. */
    offers_add(OTHERS, WORLD_BEGIN_S + 4 * HOUR_S - 600);
    uint64_t token = token_of(1000 * 1000);
    for (int times = 0; times < 2; times++) {
        struct batch b = batch_of(&w, guarantor, "g");
        election_add(&b, 0, LEASES, token);
        election_add(&b, 1, LEASES, token);
        const struct frame_reply *reply = batch_try(&b);
        assert_int_equal(reply->results.items[0].refusal, REFUSAL_no_capacity);
        assert_int_equal(reply->results.items[1].refusal, REFUSAL_too_many);
        assert_true(w.x->request_looks >= REQUEST_LOOKS_MAX);
        assert_true(w.x->request_looks < REQUEST_LOOKS_MAX + 10);
        if (times == 0)
            world_reload(&w);
    }
    struct batch b = batch_of(&w, guarantor, "g");
    election_add(&b, 1, LEASES, token);
    election_add(&b, 2, LEASES, token_of(1000 * 1000));
    const struct frame_reply *reply = batch_try(&b);
    assert_int_equal(reply->results.items[0].refusal, REFUSAL_accepted);
    assert_int_equal(reply->results.items[0].lease_count, LEASES);
    assert_int_equal(reply->results.items[1].refusal, REFUSAL_too_many);
    assert_int_equal(election(2, LEASES, token_of(1000 * 1000)), REFUSAL_accepted);
}

static uint32_t elected(uint32_t period)
{
    uint64_t last = w.x->head.lease_last;
    uint32_t refusal = election(period, 8, token_of(8 * GPU_UCR));
    assert_true(refusal == REFUSAL_accepted || refusal == REFUSAL_no_capacity);
    return (uint32_t)(w.x->head.lease_last - last);
}

/* What was not on offer for the time ahead when the period begins, or ends before it does, is left
 * out: to the minute. */
static void test_listed_ahead(void **state)
{
    (void)state;
    world_advance(&w, 3 * HOUR_S - AHEAD_MIN * 60, true);
    offers_add(1, WORLD_BEGIN_S + 4 * HOUR_S - 60);
    offers_add(1, WORLD_BEGIN_S + 4 * HOUR_S);
    offers_add(1, WORLD_BEGIN_S + 5 * HOUR_S);
    /* In most of the last hour no lease of it can begin any more. */
    struct op_offer_publish *long_ones = offer_new(&w, 1, WORLD_BEGIN_S + 5 * HOUR_S);
    long_ones->lease_min_min = 60;
    accepted(&w, op, "op", &op_offer_publish_message, long_ones);
    world_advance(&w, 60, true);
    offers_add(1, WORLD_BEGIN_S + 80 * HOUR_S);
    assert_int_equal(elected(2), 2);
    assert_int_equal(elected(1), 3);
    assert_int_equal(elected(3), 1);
    assert_int_equal(elected(3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_request, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cheap_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_listed_ahead, setup, teardown),
    };
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
