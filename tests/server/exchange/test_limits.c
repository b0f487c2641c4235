/*
 * Limits on how much there may be of something: at the limit the next is refused, and what goes
 * makes room again. Where a limit is out of a test's reach the counter of the head row is put just
 * below it; then the rows that are missing are no fault and the world is not verified.
 */
#include "tests/server/exchange/support.h"

#include "protocol/endian.h"
#include "protocol/status.h"
#include "server/exchange/clock.h"
#include "server/exchange/rows.h"
#include "server/exchange/state.h"
#include "tests/server/exchange/crowd.h"

#define T WORLD_BEGIN_S

static enum refusal request_refusal_of(const struct world *w)
{
    return w->entries[w->entries_count - 1].reply.refusal;
}

/* --- Counters of the head row --- */

static void test_accounts(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, WORLD_OPTIONS);
    struct op_account_register *op = NEW(&w, op_account_register);
    *op = (struct op_account_register){
        .name = {"last", 4}, .role = ROLE_STARTUP, .sign_key = {1}, .channel_key = {2}};
    w.x->head.account_last = ACCOUNTS_MAX - 1;
    assert_int_equal(refusal_of(&w, 1, "admin", &op_account_register_message, op), 0);
    assert_int_equal(w.x->head.account_last, ACCOUNTS_MAX);
    *op = (struct op_account_register){
        .name = {"next", 4}, .role = ROLE_STARTUP, .sign_key = {3}, .channel_key = {4}};
    assert_int_equal(refusal_of(&w, 1, "admin", &op_account_register_message, op),
                     REFUSAL_too_many);
    /* What else is wrong comes first in the order of reasons. */
    op->name = (struct text){"admin", 5};
    assert_int_equal(refusal_of(&w, 1, "admin", &op_account_register_message, op),
                     REFUSAL_name_taken);
    world_end(&w);
}

/* Nor does a newcomer get an account; the gift is still there for somebody who has one. */
static void test_accounts_of_newcomers(void **state)
{
    (void)state;
    struct world w;
    struct keys claim;
    struct keys zoe;
    world_begin(&w, WORLD_OPTIONS);
    world_keys("claim", &claim);
    world_keys("zoe", &zoe);
    uint32_t series = world_series(&w, "seed", 0);
    uint64_t token = world_mint(&w, series, 1, 5);
    struct op_token_give give = {.amount_ucr = 5, .inputs = {&token, 1}};
    memcpy(give.claim_key, claim.sign_public, 32);
    assert_int_equal(refusal_of(&w, 1, "admin", &op_token_give_message, &give), 0);

    struct op_gift_claim op = {.gift = 1, .name = {"zoe", 3}};
    uint8_t proven[8 + 32 + 32];
    memcpy(op.channel_key, zoe.channel_public, 32);
    put_u64_be(proven, 1);
    memcpy(proven + 8, zoe.sign_public, 32);
    memcpy(proven + 40, zoe.channel_public, 32);
    keys_sign(&claim, PURPOSE_CLAIM, w.id, proven, sizeof(proven), op.proof);
    w.x->head.account_last = ACCOUNTS_MAX;
    assert_int_equal(refusal_of(&w, 0, "zoe", &op_gift_claim_message, &op), REFUSAL_too_many);
    assert_int_equal(store_count(exchange_store(w.x), TABLE_GIFT), 1);
    w.x->head.account_last = 1;
    assert_int_equal(refusal_of(&w, 0, "zoe", &op_gift_claim_message, &op), 0);
    world_end(&w);
}

static void test_series(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, WORLD_OPTIONS);
    struct op_series_create op = {.name = {"last", 4}, .funder = 1, .expired_to = 1};
    w.x->head.series_last = SERIES_MAX - 1;
    assert_int_equal(refusal_of(&w, 1, "admin", &op_series_create_message, &op), 0);
    assert_int_equal(w.x->head.series_last, SERIES_MAX);
    /* The last one is as good as any. */
    assert_int_equal(world_mint(&w, SERIES_MAX, 1, 5), 1);
    op.name = (struct text){"next", 4};
    assert_int_equal(refusal_of(&w, 1, "admin", &op_series_create_message, &op), REFUSAL_too_many);
    world_end(&w);
}

/* --- SKUs and sites --- */

static void test_skus(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, WORLD_OPTIONS);
    struct batch b = batch_of(&w, 1, "admin");
    for (unsigned i = 1; i <= SKUS_MAX; i++)
        batch_add(&b, &op_sku_add_message, sku_new(&w, i));
    batch_send(&b);
    const struct op_sku_add *next = sku_new(&w, SKUS_MAX + 1);
    assert_int_equal(refusal_of(&w, 1, "admin", &op_sku_add_message, next), REFUSAL_too_many);
    /* A retired one still has its number. */
    struct op_sku_change change = {.sku = 1, .state = SKU_STATE_RETIRED};
    assert_int_equal(refusal_of(&w, 1, "admin", &op_sku_change_message, &change), 0);
    assert_int_equal(refusal_of(&w, 1, "admin", &op_sku_add_message, next), REFUSAL_too_many);
    assert_int_equal(store_count(exchange_store(w.x), TABLE_SKU), SKUS_MAX);
    assert_int_equal(world_verify(&w), 0);
    world_end(&w);
}

/* Every unfreezing looks at all sites of the account: a request has room for some. */
static void unfreeze_often(struct world *w, uint32_t account)
{
    enum { TIMES = REQUEST_LOOKS_MAX / SITES_PER_ACCOUNT_MAX };
    struct op_account_freeze *freeze = NEW(w, op_account_freeze);
    struct op_account_unfreeze *unfreeze = NEW(w, op_account_unfreeze);
    *freeze = (struct op_account_freeze){.account = account};
    *unfreeze = (struct op_account_unfreeze){.account = account};
    struct batch b = batch_of(w, 1, "admin");
    for (uint32_t i = 0; i < TIMES; i++) {
        batch_add(&b, &op_account_freeze_message, freeze);
        batch_add(&b, &op_account_unfreeze_message, unfreeze);
    }
    batch_send(&b);
    for (uint32_t i = 0; i <= TIMES; i++) {
        batch_add(&b, &op_account_freeze_message, freeze);
        batch_add(&b, &op_account_unfreeze_message, unfreeze);
    }
    const struct frame_reply *reply = batch_try(&b);
    assert_int_equal(reply->results.items[2 * TIMES - 1].refusal, REFUSAL_accepted);
    assert_int_equal(reply->results.items[2 * TIMES + 1].refusal, REFUSAL_too_many);
    assert_int_equal(refusal_of(w, 1, "admin", &op_account_unfreeze_message, unfreeze), 0);
}

static void test_sites(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, WORLD_OPTIONS);
    uint32_t one = world_register(&w, "one", ROLE_OPERATOR);
    uint32_t two = world_register(&w, "two", ROLE_OPERATOR);
    struct batch b = batch_of(&w, one, "one");
    for (unsigned i = 1; i <= SITES_PER_ACCOUNT_MAX; i++)
        batch_add(&b, &op_site_add_message, site_new(&w, i));
    batch_send(&b);
    const struct op_site_add *next = site_new(&w, SITES_PER_ACCOUNT_MAX + 1);
    assert_int_equal(refusal_of(&w, one, "one", &op_site_add_message, next), REFUSAL_too_many);
    assert_int_equal(refusal_of(&w, two, "two", &op_site_add_message, next), 0);
    world_reload(&w);
    assert_int_equal(refusal_of(&w, one, "one", &op_site_add_message, next), REFUSAL_too_many);
    unfreeze_often(&w, one);
    assert_int_equal(world_verify(&w), 0);
    world_end(&w);
}

/* --- Offers --- */

static void test_offers(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, WORLD_OPTIONS);
    uint32_t op = seller_begin(&w);
    uint32_t two = world_register(&w, "two", ROLE_OPERATOR);
    assert_int_equal(refusal_of(&w, two, "two", &op_site_add_message, site_new(&w, 2)), 0);
    struct batch b = batch_of(&w, op, "op");
    /* Three of them end in an hour, the others later. */
    for (unsigned i = 0; i < OFFERS_PER_ACCOUNT_MAX; i++)
        batch_add(&b, &op_offer_publish_message, offer_new(&w, 1, T + (i < 3 ? 3600 : 7200)));
    batch_send(&b);
    const struct op_offer_publish *next = offer_new(&w, 1, T + 7200);
    assert_int_equal(refusal_of(&w, op, "op", &op_offer_publish_message, next), REFUSAL_too_many);
    /* The limit is each operator's own. */
    struct op_offer_publish *others = NEW(&w, op_offer_publish);
    *others = *next;
    others->site = 2;
    assert_int_equal(refusal_of(&w, two, "two", &op_offer_publish_message, others), 0);
    /* One withdrawn makes room for one. */
    struct op_offer_withdraw withdraw = {.offer = 5};
    assert_int_equal(refusal_of(&w, op, "op", &op_offer_withdraw_message, &withdraw), 0);
    assert_int_equal(refusal_of(&w, op, "op", &op_offer_publish_message, next), 0);
    assert_int_equal(refusal_of(&w, op, "op", &op_offer_publish_message, next), REFUSAL_too_many);
    /* So do those that have ended. */
    world_advance(&w, 3600, true);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(refusal_of(&w, op, "op", &op_offer_publish_message, next), 0);
    assert_int_equal(refusal_of(&w, op, "op", &op_offer_publish_message, next), REFUSAL_too_many);
    assert_int_equal(world_check(w.x, NULL), 0);
    world_end(&w);
}

/* --- Gifts --- */

/* Gives `count` gifts of one micro-credit, each from what the one before it left. */
static void gifts_give(struct world *w, uint64_t token, uint32_t count)
{
    static uint8_t claim_key[32] = {7};
    struct batch b = batch_of(w, 1, "admin");
    for (uint32_t i = 0; i < count; i++) {
        if (b.count == BATCH_OPERATIONS_MAX) {
            batch_send(&b);
            token = w->x->head.token_last;
        }
        struct op_token_give *op = NEW(w, op_token_give);
        uint64_t *input = arena_alloc(&w->arena, sizeof(*input));
        *input = b.count == 0 ? token : token_reference(b.count - 1, 0);
        *op = (struct op_token_give){.amount_ucr = 1, .inputs = {input, 1}};
        memcpy(op->claim_key, claim_key, 32);
        batch_add(&b, &op_token_give_message, op);
    }
    batch_send(&b);
}

static enum refusal gift_give_one(struct world *w, uint64_t token)
{
    struct op_token_give *op = NEW(w, op_token_give);
    uint64_t *input = arena_alloc(&w->arena, sizeof(*input));
    *input = token;
    *op = (struct op_token_give){.amount_ucr = 1, .inputs = {input, 1}, .claim_key = {7}};
    return refusal_of(w, 1, "admin", &op_token_give_message, op);
}

static void test_gifts(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, WORLD_OPTIONS);
    uint32_t lasting = world_series(&w, "lasting", 0);
    uint32_t ending = world_series(&w, "ending", T + 3600);
    gifts_give(&w, world_mint(&w, ending, 1, 100), 2);
    gifts_give(&w, world_mint(&w, lasting, 1, 1000 * 1000), GIFTS_PER_ACCOUNT_MAX - 2);
    assert_int_equal(store_count(exchange_store(w.x), TABLE_GIFT), GIFTS_PER_ACCOUNT_MAX);
    assert_int_equal(gift_give_one(&w, w.x->head.token_last), REFUSAL_too_many);
    /* One taken back makes room for one. */
    uint64_t rest = w.x->head.token_last;
    struct op_gift_revoke revoke = {.gift = 500};
    assert_int_equal(refusal_of(&w, 1, "admin", &op_gift_revoke_message, &revoke), 0);
    assert_int_equal(gift_give_one(&w, rest), 0);
    rest = w.x->head.token_last;
    assert_int_equal(gift_give_one(&w, rest), REFUSAL_too_many);
    /* Those of an expired series do not count, swept or not. */
    world_advance(&w, 3600, false);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(gift_give_one(&w, rest), 0);
        rest = w.x->head.token_last;
    }
    assert_int_equal(gift_give_one(&w, rest), REFUSAL_too_many);
    assert_int_equal(store_count(exchange_store(w.x), TABLE_GIFT), GIFTS_PER_ACCOUNT_MAX + 2);
    world_settle(&w);
    assert_int_equal(store_count(exchange_store(w.x), TABLE_GIFT), GIFTS_PER_ACCOUNT_MAX);
    assert_int_equal(gift_give_one(&w, rest), REFUSAL_too_many);
    assert_int_equal(world_check(w.x, NULL), 0);
    world_end(&w);
}

/* --- Request ids --- */

static void test_request_ids(void **state)
{
    (void)state;
    struct world w;
    struct op_token_burn burn = {{0}};
    world_begin(&w, WORLD_OPTIONS);
    uint32_t bob = world_register(&w, "bob", ROLE_STARTUP);
    struct request_row row = {.valid_until_s = w.time_s + 100, .account = 1};
    struct keys desk;
    world_keys("desk", &desk);
    struct key_row further = {.account = 1, .scopes = SCOPE_ANY};
    memcpy(further.sign_key, desk.sign_public, 32);
    memcpy(further.channel_key, desk.channel_public, 32);
    store_put(exchange_store(w.x), TABLE_KEY, &further);
    /* One id was used to register bob. */
    for (uint32_t i = 1; i + 1 < REQUEST_IDS_MAX; i++) {
        /* Further keys leave some to the main key. */
        if (i + 1 == REQUEST_IDS_MAX - REQUEST_IDS_MAIN)
            assert_int_equal(refusal_of(&w, 1, "desk", &op_token_burn_message, &burn),
                             REFUSAL_malformed);
        if (i == REQUEST_IDS_MAX - REQUEST_IDS_MAIN) {
            assert_null(world_do(&w, 1, "desk", &op_token_burn_message, &burn));
            assert_int_equal(request_refusal_of(&w), REFUSAL_too_many_ids);
            continue; /* the one that desk has used */
        }
        memcpy(row.id, &i, sizeof(i));
        row.id[15] = 1;
        store_put(exchange_store(w.x), TABLE_REQUEST, &row);
    }
    assert_int_equal(refusal_of(&w, 1, "admin", &op_token_burn_message, &burn), REFUSAL_malformed);
    const struct request *last = w.entries[w.entries_count - 1].request;
    uint64_t size = world_log_size(&w);
    assert_null(world_do(&w, 1, "admin", &op_token_burn_message, &burn));
    assert_int_equal(request_refusal_of(&w), REFUSAL_too_many_ids);
    assert_int_equal(world_log_size(&w), size);
    /* A retry needs no id of its own, and others have theirs. */
    assert_true(world_request(&w, last)->repeated);
    assert_int_equal(refusal_of(&w, bob, "bob", &op_token_burn_message, &burn), REFUSAL_malformed);
    /* From their time on they leave, without any tick. */
    world_advance(&w, 99, false);
    assert_null(world_do(&w, 1, "admin", &op_token_burn_message, &burn));
    world_advance(&w, 1, false);
    assert_non_null(world_do(&w, 1, "admin", &op_token_burn_message, &burn));
    world_settle(&w);
    assert_int_equal(world_check(w.x, NULL), 0);
    world_end(&w);
}

/* --- Transfers --- */

static void test_widest_transfer(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, WORLD_OPTIONS);
    uint32_t series = world_series(&w, "seed", 0);
    struct payment *outputs = arena_alloc(&w.arena, TRANSFER_OUTPUTS_MAX * sizeof(struct payment));
    uint64_t *inputs = arena_alloc(&w.arena, TRANSFER_INPUTS_MAX * sizeof(*inputs));
    /* Serials and amounts that take as many bytes of an event as they may. */
    w.x->head.token_last = SERIAL_MAX - 3 * TRANSFER_OUTPUTS_MAX;
    for (uint32_t i = 0; i < TRANSFER_OUTPUTS_MAX; i++) {
        outputs[i] = (struct payment){1, AMOUNT_MAX_UCR / TRANSFER_OUTPUTS_MAX};
        inputs[i] = w.x->head.token_last + 1 + i;
    }
    struct op_mint mint = {.series = series, .outputs = {outputs, TRANSFER_OUTPUTS_MAX}};
    struct op_token_transfer transfer = {.inputs = {inputs, TRANSFER_INPUTS_MAX},
                                         .outputs = {outputs, TRANSFER_OUTPUTS_MAX}};
    assert_int_equal(refusal_of(&w, 1, "admin", &op_mint_message, &mint), 0);
    assert_int_equal(refusal_of(&w, 1, "admin", &op_token_transfer_message, &transfer), 0);
    struct event_batch events = exchange_events(w.x);
    assert_in_range(events.ends[0], 36000, EVENT_BYTES_MAX);
    for (uint32_t i = 0; i < TRANSFER_INPUTS_MAX; i++)
        inputs[i] += TRANSFER_OUTPUTS_MAX;
    struct op_token_burn burn = {.inputs = {inputs, TRANSFER_INPUTS_MAX}};
    assert_int_equal(refusal_of(&w, 1, "admin", &op_token_burn_message, &burn), 0);
    assert_int_equal(store_count(exchange_store(w.x), TABLE_TOKEN), 0);
    assert_int_equal(world_check(w.x, NULL), 0);
    world_end(&w);
}

/* --- Time --- */

/* Due items are worked off a thousand a tick, and all of them in the end. */
static void test_tick_items(void **state)
{
    (void)state;
    enum { OFFERS = TICK_ITEMS_MAX + 200, TOKENS = 1500 };
    struct world w;
    world_begin(&w, WORLD_OPTIONS);
    uint32_t op = seller_begin(&w);
    struct batch b = batch_of(&w, op, "op");
    for (unsigned i = 0; i < OFFERS; i++)
        batch_add(&b, &op_offer_publish_message, offer_new(&w, 1, T + 3600));
    batch_send(&b);
    uint32_t series = world_series(&w, "seed", T + 3600);
    struct op_mint mint = {.series = series};
    struct payment *outputs = arena_alloc(&w.arena, TOKENS * sizeof(*outputs));
    for (uint32_t i = 0; i < TOKENS; i++)
        outputs[i] = (struct payment){1, 1};
    mint.outputs.items = outputs;
    mint.outputs.count = TOKENS;
    assert_int_equal(refusal_of(&w, 1, "admin", &op_mint_message, &mint), 0);
    world_advance(&w, 3599, true);
    assert_int_equal(store_count(exchange_store(w.x), TABLE_REQUEST), 0);
    assert_int_equal(store_count(exchange_store(w.x), TABLE_TOKEN), TOKENS);

    /* Series, then offers, in the order of kinds; 2 700 items in all. */
    world_advance(&w, 1, false);
    unsigned ticks = 0;
    while (exchange_next_due(w.x) <= w.time_s) {
        uint64_t before = store_count(exchange_store(w.x), TABLE_TOKEN);
        world_tick(&w);
        ticks++;
        uint64_t left = store_count(exchange_store(w.x), TABLE_TOKEN);
        assert_true(before - left <= TICK_ITEMS_MAX);
        assert_true(exchange_events(w.x).count <= TICK_ITEMS_MAX);
        if (ticks == 1)
            assert_int_equal(left, TOKENS - TICK_ITEMS_MAX);
    }
    assert_int_equal(ticks, 3);
    assert_int_equal(store_count(exchange_store(w.x), TABLE_TOKEN), 0);
    for (uint64_t i = 1; i <= OFFERS; i++) {
        const struct offer_row *row = store_find(exchange_store(w.x), TABLE_OFFER, &i);
        assert_int_equal(row->state, OFFER_STATE_ENDED);
    }
    assert_int_equal(world_verify(&w), 0);
    world_end(&w);
}

static void test_outages_kept(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, WORLD_OPTIONS);
    for (uint64_t i = 0; i < OUTAGES_KEPT_MAX; i++)
        clock_outage_add(w.x, T + i * 100, T + i * 100 + OUTAGE_MIN_S);
    w.x->head.time_s = T + 1000000;
    assert_int_equal(store_count(exchange_store(w.x), TABLE_OUTAGE), OUTAGES_KEPT_MAX);
    assert_int_equal(clock_deadline(w.x, T, 10), T + 10 + OUTAGE_MIN_S);
    /* One more, and the first is forgotten; the second is not. */
    clock_outage_add(w.x, T + 900000, T + 900060);
    assert_int_equal(store_count(exchange_store(w.x), TABLE_OUTAGE), OUTAGES_KEPT_MAX);
    assert_int_equal(clock_deadline(w.x, T, 10), T + 10);
    assert_int_equal(clock_deadline(w.x, T + 100, 10), T + 110 + OUTAGE_MIN_S);
    assert_int_equal(world_check(w.x, NULL), 0);
    world_end(&w);
}

/* --- Answers --- */

static void test_page_rows(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, WORLD_OPTIONS);
    struct batch b = batch_of(&w, 1, "admin");
    for (unsigned i = 1; i <= PAGE_ROWS_MAX + 1; i++)
        batch_add(&b, &op_sku_add_message, sku_new(&w, i));
    batch_send(&b);
    struct q_skus q = {.limit = 0};
    const struct message *message;
    const void *body;
    assert_int_equal(exchange_query(w.x, 0, &q_skus_message, &q, &w.arena, &message, &body), 0);
    const struct a_skus *answer = body;
    assert_int_equal(answer->rows.count, PAGE_ROWS_MAX);
    assert_int_equal(answer->next, PAGE_ROWS_MAX + 1);
    /* The largest page that may be asked for is that one; a larger one does not decode. */
    q.limit = PAGE_ROWS_MAX + 1;
    assert_int_equal(exchange_query(w.x, 0, &q_skus_message, &q, &w.arena, &message, &body), 0);
    assert_int_equal(((const struct a_skus *)body)->rows.count, PAGE_ROWS_MAX);
    q = (struct q_skus){.from = PAGE_ROWS_MAX + 1};
    assert_int_equal(exchange_query(w.x, 0, &q_skus_message, &q, &w.arena, &message, &body), 0);
    answer = body;
    assert_int_equal(answer->rows.count, 1);
    assert_int_equal(answer->next, 0);
    world_end(&w);
}

/* --- Every operation has a rule --- */

/* An auditor may do nothing but care for its keys, and each operation says so. */
static void test_every_operation_has_a_rule(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, WORLD_OPTIONS);
    uint32_t audit = world_register(&w, "audit", ROLE_AUDITOR);
    for (uint32_t i = 0; i < operation_set.count; i++) {
        const struct message *m = operation_set.messages[i];
        enum refusal refusal = refusal_of(&w, audit, "audit", m, arena_alloc(&w.arena, m->size));
        bool may = m->code == OPERATION_account_rekey || m->code == OPERATION_account_key_add;
        enum refusal expected = may ? REFUSAL_malformed : REFUSAL_not_permitted;
        if (m->code == OPERATION_account_key_remove)
            expected = REFUSAL_key_not_found;
        assert_int_equal(refusal, expected);
    }
    world_end(&w);
}

/* A further key without scopes may sign nothing, whatever its account may do; one with all of them
 * may sign what changes no keys. */
static void test_every_operation_has_a_scope(void **state)
{
    (void)state;
    struct world w;
    struct keys keys;
    world_begin(&w, WORLD_OPTIONS);
    for (uint32_t role = ROLE_ADMIN; role <= ROLE_TREASURER; role++) {
        char name[] = "account-0";
        name[8] = (char)('0' + role);
        struct key_row row = {.account = world_register(&w, name, (enum role)role)};
        for (uint32_t all = 0; all <= 1; all++) {
            char key[] = "key-0-0";
            key[4] = (char)('0' + role);
            key[6] = (char)('0' + all);
            world_keys(key, &keys);
            memcpy(row.sign_key, keys.sign_public, 32);
            memcpy(row.channel_key, keys.channel_public, 32);
            row.slot = all;
            row.scopes = all ? SCOPE_ANY : 0;
            store_put(w.x->store, TABLE_KEY, &row);
            for (uint32_t i = 0; i < operation_set.count; i++) {
                const struct message *m = operation_set.messages[i];
                enum refusal refusal =
                    refusal_of(&w, row.account, key, m, arena_alloc(&w.arena, m->size));
                bool keys_alone =
                    m->code >= OPERATION_account_rekey && m->code <= OPERATION_account_key_remove;
                bool admin_alone =
                    m->code == OPERATION_policy_propose || m->code == OPERATION_admin_propose;
                if (keys_alone || (admin_alone && role == ROLE_ADMIN))
                    assert_int_equal(refusal, REFUSAL_main_key_needed);
                else if (all || refusal == REFUSAL_not_permitted)
                    assert_int_not_equal(refusal, REFUSAL_key_out_of_scope);
                else
                    assert_int_equal(refusal, REFUSAL_key_out_of_scope);
            }
        }
    }
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accounts),
        cmocka_unit_test(test_accounts_of_newcomers),
        cmocka_unit_test(test_series),
        cmocka_unit_test(test_skus),
        cmocka_unit_test(test_sites),
        cmocka_unit_test(test_offers),
        cmocka_unit_test(test_gifts),
        cmocka_unit_test(test_request_ids),
        cmocka_unit_test(test_widest_transfer),
        cmocka_unit_test(test_tick_items),
        cmocka_unit_test(test_outages_kept),
        cmocka_unit_test(test_page_rows),
        cmocka_unit_test(test_every_operation_has_a_rule),
        cmocka_unit_test(test_every_operation_has_a_scope),
    };
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
