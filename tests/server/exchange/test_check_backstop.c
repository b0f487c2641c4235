/* Backstops: their limits, what occupancy adds up to, and what the check reports of rows that do
 * not agree with each other, or with what is in memory. */
#include "protocol/moment.h"
#include "tests/server/exchange/support.h"

#include "protocol/status.h"
#include "server/exchange/backstop.h"
#include "server/exchange/due.h"
#include "server/exchange/fill.h"
#include "server/exchange/lease.h"
#include "server/exchange/referee.h"
#include "tests/server/exchange/crowd.h"

static struct world w;
static uint32_t op, guarantor;
static uint64_t contract;

static struct op_backstop_propose *terms_new(void)
{
    static const struct lot lot = {.gpus = 8, .from_s = WORLD_BEGIN_S};
    struct op_backstop_propose *terms = NEW(&w, op_backstop_propose);
    *terms = (struct op_backstop_propose){
        .guarantor = guarantor,
        .operator= op,
        .site = 1,
        .sku = 1,
        .gpus = 8,
        .strike_ucr = 60,
        .period_min = 60,
        .start_s = WORLD_BEGIN_S + HOUR_S,
        .end_s = WORLD_BEGIN_S + 100 * HOUR_S,
        .pool_ucr = 1000000,
        .lots = {&lot, 1},
        .price_max_ucr = 60,
    };
    return terms;
}

static enum refusal proposed(const struct op_backstop_propose *terms)
{
    return refusal_of(&w, guarantor, "g", &op_backstop_propose_message, terms);
}

static void accept_version(uint64_t number, uint32_t version)
{
    struct op_contract_accept *accept = NEW(&w, op_contract_accept);
    *accept = (struct op_contract_accept){.contract = number, .version = version};
    accepted(&w, op, "op", &op_contract_accept_message, accept);
}

/* A backstop in force with two settled periods, in the middle of the third, and a lease. */
static int setup(void **state)
{
    (void)state;
    world_begin(&w, WORLD_OPTIONS);
    op = seller_begin(&w);
    guarantor = world_register(&w, "g", ROLE_GUARANTOR);
    uint32_t alice = world_register(&w, "alice", ROLE_STARTUP);
    uint64_t token = world_mint(&w, world_series(&w, "seed", 0), alice, 1000000);
    struct op_offer_publish *offer = offer_new(&w, 10, WORLD_BEGIN_S + 50 * HOUR_S);
    accepted(&w, op, "op", &op_offer_publish_message, offer);
    contract = accepted(&w, guarantor, "g", &op_backstop_propose_message, terms_new())->object;
    accept_version(contract, 1);
    struct op_order_place *order = order_new(&w, 3);
    order->tokens.items = &token;
    order->tokens.count = 1;
    order->start_from_s = WORLD_BEGIN_S + HOUR_S;
    const struct result *r = world_do(&w, alice, "alice", &op_order_place_message,
                                      world_keep(&w, &op_order_place_message, order));
    struct op_lease_activate *activate = NEW(&w, op_lease_activate);
    activate->lease = r->lease_first;
    accepted(&w, op, "op", &op_lease_activate_message, activate);
    world_advance(&w, 3 * HOUR_S + 1800, true);
    assert_int_equal(world_check(w.x, NULL), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_end(&w);
    return 0;
}

static void test_limits(void **state)
{
    struct op_backstop_propose *terms = terms_new();
    struct lot lots[LOTS_MAX + 1];
    (void)state;
    for (size_t i = 0; i <= LOTS_MAX; i++)
        lots[i] = (struct lot){.gpus = 1, .from_s = WORLD_BEGIN_S};
    terms->start_s += 200 * HOUR_S;
    terms->end_s = terms->start_s + (uint64_t)BACKSTOP_PERIODS_MAX * 60;
    terms->period_min = 1;
    terms->ahead_min = BACKSTOP_AHEAD_MAX_MIN;
    terms->lots.items = lots;
    terms->lots.count = LOTS_MAX;
    assert_int_equal(proposed(terms), REFUSAL_accepted);
    terms->end_s += 60;
    assert_int_equal(proposed(terms), REFUSAL_terms_invalid);
    terms->period_min = BACKSTOP_PERIOD_MAX_MIN;
    assert_int_equal(proposed(terms), REFUSAL_accepted);

    /* A message with more does not decode. */
    struct buffer encoded = BUFFER_EMPTY;
    struct decode_error error;
    struct op_backstop_propose decoded;
    const struct {
        uint32_t period_min, ahead_min, lots;
    } beyond[] = {
        {BACKSTOP_PERIOD_MAX_MIN + 1, 0, 1},
        {1, BACKSTOP_AHEAD_MAX_MIN + 1, 1},
        {1, 0, LOTS_MAX + 1},
    };
    for (size_t i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
        terms->period_min = beyond[i].period_min;
        terms->ahead_min = beyond[i].ahead_min;
        terms->lots.count = beyond[i].lots;
        buffer_clear(&encoded);
        message_encode(&op_backstop_propose_message, terms, &encoded);
        assert_int_equal(message_decode(&op_backstop_propose_message, encoded.data, encoded.length,
                                        &w.arena, &decoded, &error),
                         STATUS_MALFORMED);
    }
    buffer_release(&encoded);
}

static struct occupancy_sum day_sum(uint32_t operator_account, uint64_t site, uint64_t day_s)
{
    uint64_t looked;
    struct occupancy_sum sum = {
        .operator= operator_account, .site = site, .from_s = day_s, .until_s = day_s + DAY_S};
    assert_true(occupancy_add_up(w.x, &sum, UINT64_MAX, &looked));
    return sum;
}

/* 10 GPUs are listed, 3 of them leased for an hour. */
static void test_days(void **state)
{
    (void)state;
    uint64_t day_s = WORLD_BEGIN_S / DAY_S * DAY_S;
    world_advance(&w, DAY_S, true);
    struct occupancy_sum sum = day_sum(op, 0, day_s);
    assert_int_equal(sum.sold, 3 * 60);
    assert_int_equal(sum.sold + sum.free, 10 * 16 * 60);
    assert_int_equal(day_sum(op, 1, day_s).sold, 3 * 60);
    assert_int_equal(day_sum(op, 2, day_s).free, 0);
    assert_int_equal(day_sum(guarantor, 0, day_s).free, 0);
    assert_int_equal(w.x->head.occupancy_s, day_s + DAY_S);
    assert_int_equal(world_verify(&w), 0);
}

/* A day in which something changes nearly every minute takes more than one tick, and the rows say
 * how far it has come. */
static void test_slices(void **state)
{
    (void)state;
    struct op_backstop_propose *terms = terms_new();
    struct batch b = batch_of(&w, 4, "alice");
    uint64_t day_s = (WORLD_BEGIN_S / DAY_S + 1) * DAY_S;
    terms->contract = contract;
    terms->end_s = day_s;
    assert_int_equal(proposed(terms), REFUSAL_accepted);
    accept_version(contract, 2);
    world_advance(&w, day_s - w.time_s, true);
    terms = terms_new();
    terms->start_s = day_s + DAY_S;
    terms->end_s = day_s + 2 * DAY_S;
    terms->period_min = 24 * 60;
    assert_int_equal(proposed(terms), REFUSAL_accepted);
    accept_version(contract + 1, 1);
    struct op_offer_publish *offer = offer_new(&w, 10, day_s + 3 * DAY_S);
    accepted(&w, op, "op", &op_offer_publish_message, offer);
    for (uint32_t minute = 0; minute < 24 * 60; minute += 2) {
        struct op_order_place *order = order_new(&w, 1);
        uint64_t *token = arena_alloc(&w.arena, sizeof(*token));
        *token = world_mint(&w, 1, 4, 1000);
        order->tokens.items = token;
        order->tokens.count = 1;
        order->duration_min = 1;
        order->start_from_s = day_s + DAY_S + 60 * minute;
        batch_add(&b, &op_order_place_message, order);
        if (b.count == 240)
            batch_send(&b);
    }
    world_advance(&w, DAY_S, true);
    world_advance(&w, DAY_S, false);
    /* Leases that nobody handed over fail first. */
    const struct cover_row *cover = cover_row_find(w.x, contract + 1);
    for (int i = 0; i < 10 && cover->cursor_s == terms->start_s; i++)
        world_tick(&w);
    assert_true(cover->cursor_s > terms->start_s && cover->cursor_s < terms->end_s);
    assert_int_equal(cover->period, 0);
    world_reload(&w);
    world_settle(&w);
    const struct draw_row key = {.contract = contract + 1};
    const struct draw_row *draw = store_find(w.x->store, TABLE_DRAW, &key);
    assert_non_null(draw);
    assert_int_equal(draw->gpu_minutes_sold, 24 * 60 / 2);
    assert_int_equal(draw->gpu_minutes_owed, 24 * 60 * 8 - 24 * 60 / 2);
    assert_int_equal(world_verify(&w), 0);
}

/* A row that is put in another's place, unseen by the hooks, is reported, and no more when it is
 * back. */
static void assert_unseen(unsigned table, const void *damaged, const void *row, const char *text)
{
    world_put_unseen(w.x, table, damaged);
    assert_true(world_reports(w.x, text));
    world_put_unseen(w.x, table, row);
    assert_int_equal(world_check(w.x, NULL), 0);
}

static void test_terms(void **state)
{
    (void)state;
    const struct backstop_row row = *backstop_terms(w.x, contract, 1);
    struct backstop_row damaged = row;
    damaged.guarantor = op;
    assert_unseen(TABLE_BACKSTOP, &damaged, &row, "terms that belong to no version of it");
    damaged = row;
    damaged.period_min = 0;
    assert_unseen(TABLE_BACKSTOP, &damaged, &row, "terms that nobody could propose");
    world_put_unseen(w.x, TABLE_BACKSTOP, &damaged);
    assert_null(world_copy(&w)); /* such rows are not loaded either */
}

static void test_position(void **state)
{
    (void)state;
    const struct cover_row row = *cover_row_find(w.x, contract);
    struct cover_row damaged = row;
    damaged.version = 9;
    assert_unseen(TABLE_COVER, &damaged, &row, "stands where its terms do not reach");
    damaged = row;
    damaged.closed = 1;
    assert_unseen(TABLE_COVER, &damaged, &row, "or none and is not");
    damaged = row;
    damaged.owed_ucr++;
    assert_unseen(TABLE_COVER, &damaged, &row, "its settled periods come to another amount");
    damaged = row;
    damaged.pool_left_ucr++;
    assert_unseen(TABLE_COVER, &damaged, &row, "the pool is not what was drawn of it");
    damaged = row;
    damaged.mixed = 2;
    assert_unseen(TABLE_COVER, &damaged, &row, "costs other than its minutes at the strike");
    damaged = row;
    damaged.gpu_minutes_covered++;
    assert_unseen(TABLE_COVER, &damaged, &row, "minutes of the period are of no kind");
    damaged = row;
    damaged.cost_low++;
    assert_unseen(TABLE_COVER, &damaged, &row, "costs other than its minutes at the strike");
    damaged = row;
    damaged.cursor_s += 60;
    assert_unseen(TABLE_COVER, &damaged, &row, "is not in memory as its row says");
    damaged = row;
    damaged.period = 1;
    assert_unseen(TABLE_COVER, &damaged, &row, "a period is settled that is not over");
    damaged.period = 3;
    assert_unseen(TABLE_COVER, &damaged, &row, "a settled period is missing");
    store_remove(w.x->store, TABLE_COVER, &row);
    assert_true(world_reports(w.x, "another version is in force than its position says"));
}

static void test_draws(void **state)
{
    (void)state;
    const struct draw_row key = {.contract = contract, .period = 1};
    const struct draw_row row = *(const struct draw_row *)store_find(w.x->store, TABLE_DRAW, &key);
    struct draw_row damaged = row;
    assert_int_equal(row.gpu_minutes_owed, 8 * 60);
    damaged.start_s += 60;
    assert_unseen(TABLE_DRAW, &damaged, &row, "a settled period is missing or does not follow");
    damaged = row;
    damaged.paid_ucr = row.owed_ucr + 1;
    assert_unseen(TABLE_DRAW, &damaged, &row, "a settled period is missing or does not follow");

    damaged = row;
    damaged.gpu_minutes_not_offered++;
    assert_unseen(TABLE_DRAW, &damaged, &row, "minutes of a settled period are of no kind");

    damaged = row;
    damaged.version = 2;
    assert_unseen(TABLE_DRAW, &damaged, &row, "was owed at other than its strike");
    damaged = row;
    damaged.gpu_minutes_owed++;
    assert_unseen(TABLE_DRAW, &damaged, &row, "was owed at other than its strike");

    /* Nothing was in the fund: all of it became a claim. */
    const struct claim_row claim = *backstop_claim(w.x, &row);
    assert_int_equal(claim.amount_ucr, row.owed_ucr);
    damaged = row;
    damaged.index++;
    assert_unseen(TABLE_DRAW, &damaged, &row, "lacked another amount than its claim");
    struct claim_row lower = claim;
    lower.amount_ucr--;
    lower.left_ucr--;
    assert_unseen(TABLE_CLAIM, &lower, &claim, "lacked another amount than its claim");
    struct claim_row later = claim;
    later.since_s += 60;
    assert_unseen(TABLE_CLAIM, &later, &claim, "what a period lacked is not claimed since its end");
}

static void test_listings(void **state)
{
    (void)state;
    const struct listing_row row = *listing_find(w.x, 1, 0);
    struct listing_row damaged = row;
    damaged.gpus = 9;
    assert_unseen(TABLE_LISTING, &damaged, &row, "it does not stand as its listing says");
    assert_unseen(TABLE_LISTING, &damaged, &row, "is not what its rows come to");
    damaged = row;
    damaged.until_s -= 60;
    assert_unseen(TABLE_LISTING, &damaged, &row, "its listing in memory is not that of its rows");
    damaged = row;
    damaged.offer = 7;
    store_put(w.x->store, TABLE_LISTING, &damaged);
    assert_true(world_reports(w.x, "of no such offer, or it does not follow"));
    store_remove(w.x->store, TABLE_LISTING, &damaged);
    damaged = row;
    damaged.part = 5;
    store_put(w.x->store, TABLE_LISTING, &damaged);
    assert_true(world_reports(w.x, "that fit no offer"));
}

/* Of what is withheld, a row against the lines in memory. */
static void test_withheld(void **state)
{
    (void)state;
    uint32_t bob = world_register(&w, "bob", ROLE_STARTUP);
    uint64_t token = world_mint(&w, 1, bob, 1000000);
    struct op_order_place *order = order_new(&w, 3);
    order->duration_min = 600;
    order->tokens.items = &token;
    order->tokens.count = 1;
    accepted(&w, bob, "bob", &op_order_place_message, order);
    world_advance(&w, 2 * HOUR_S, true);
    struct cover *cover = cover_find(w.x, contract);
    assert_int_equal(cover->values[CURVE_WITHHELD], 3);
    const struct relief_row key = {.lease = 2, .relief = 0};
    const struct relief_row row =
        *(const struct relief_row *)store_find(w.x->store, TABLE_RELIEF, &key);
    struct relief_row damaged = row;
    damaged.gpus = 2;
    assert_unseen(TABLE_RELIEF, &damaged, &row, "occupancy of SKU 1 at site 1 is not what");
    damaged = row;
    damaged.end_s -= 60;
    assert_unseen(TABLE_RELIEF, &damaged, &row, "what counts as free is not what its rows come to");
    cover->values[CURVE_WITHHELD]++;
    assert_true(world_reports(w.x, "what counts as free is not what its rows come to"));
    cover->values[CURVE_WITHHELD]--;
    store_remove(w.x->store, TABLE_RELIEF, &row);
    assert_int_equal(cover->values[CURVE_WITHHELD], 0);
    store_put(w.x->store, TABLE_RELIEF, &row);
    assert_int_equal(cover->values[CURVE_WITHHELD], 3);
    world_reload(&w);
    assert_int_equal(cover_find(w.x, contract)->values[CURVE_WITHHELD], 3);
    assert_int_equal(world_verify(&w), 0);
}

static void test_memory(void **state)
{
    (void)state;
    struct stand *stand = stand_find(w.x, 1, 1);
    struct cover *cover = cover_find(w.x, contract);
    stand_change(stand, WORLD_BEGIN_S / 60 + 600, CURVE_SOLD, 1);
    assert_true(world_reports(w.x, "occupancy of SKU 1 at site 1 is not what its rows come to"));
    stand_change(stand, WORLD_BEGIN_S / 60 + 600, CURVE_SOLD, -1);
    cover->values[CURVE_FREE]++;
    assert_true(world_reports(w.x, "what counts as free is not what its rows come to"));
    cover->values[CURVE_FREE]--;
    assert_int_equal(world_check(w.x, NULL), 0);
    struct due_item item = {.due_s = w.x->occupancy->day_min * 60 + DAY_S, .kind = DUE_OCCUPANCY};
    due_remove(w.x, item);
    assert_true(world_reports(w.x, "the next day is not due when it should be"));
    due_put(w.x, item);
    w.x->head.occupancy_s += DAY_S;
    assert_true(world_reports(w.x, "days in memory are not those of the head"));
}

/* --- What the referee makes of an election --- */

static void (*referee_granted)(void *context, const struct fill *f);
static void (*lease_change)(struct lease_row *row);
static char said[256]; /* the referee's last report */

static void hear(void *context, const char *line)
{
    (void)context;
    snprintf(said, sizeof(said), "%s", line);
}

static void change_nothing(struct lease_row *row)
{
    (void)row;
}

static void change_elected(struct lease_row *row)
{
    row->elected ^= 1;
}

static void change_trade(struct lease_row *row)
{
    row->trade ^= 1;
}

static void change_price(struct lease_row *row)
{
    row->price_ucr ^= 1;
}

static void change_holder(struct lease_row *row)
{
    row->holder ^= 1;
}

static void change_end(struct lease_row *row)
{
    row->end_s += 1000 * HOUR_S;
}

/* The row that the referee sees is another one. */
static void tamper_granted(void *context, const struct fill *f)
{
    uint64_t lease = f->leases[0].lease;
    struct lease_row *row = (struct lease_row *)(uintptr_t)lease_find(w.x, lease);
    struct lease_row kept = *row;
    lease_change(row);
    referee_granted(context, f);
    *row = kept;
}

/* What a guarantor elects is held to its backstop, what is bought is elected by nobody. */
static void test_elected(void **state)
{
    static void (*const faults[])(struct lease_row *) = {
        change_nothing, change_elected, change_trade, change_price, change_holder, change_end,
    };
    enum { FAULTS = sizeof(faults) / sizeof(faults[0]) };
    (void)state;
    struct referee *referee = referee_new(w.x, hear, NULL);
    referee_granted = w.x->witness.granted;
    w.x->witness.granted = tamper_granted;
    for (size_t i = 0; i < FAULTS; i++) {
        uint64_t token = world_mint(&w, 1, guarantor, 60);
        struct op_backstop_elect *elect = NEW(&w, op_backstop_elect);
        *elect = (struct op_backstop_elect){
            .contract = contract, .period = 3, .gpus = 1, .tokens = {&token, 1}};
        lease_change = faults[i];
        accepted(&w, guarantor, "g", &op_backstop_elect_message, elect);
        assert_int_equal(referee_counts(referee).found, i);
        if (i > 0)
            assert_non_null(strstr(said, "is elected under no backstop"));
    }
    uint64_t token = world_mint(&w, 1, guarantor, 1000);
    struct op_order_place *order = order_new(&w, 1);
    order->tokens.items = &token;
    order->tokens.count = 1;
    lease_change = change_elected;
    accepted(&w, guarantor, "g", &op_order_place_message, order);
    assert_int_equal(referee_counts(referee).found, FAULTS);
    assert_non_null(strstr(said, "is not what the search came to"));
    referee_free(referee);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_days, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slices, setup, teardown),
        cmocka_unit_test_setup_teardown(test_terms, setup, teardown),
        cmocka_unit_test_setup_teardown(test_position, setup, teardown),
        cmocka_unit_test_setup_teardown(test_draws, setup, teardown),
        cmocka_unit_test_setup_teardown(test_listings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_withheld, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_elected, setup, teardown),
    };
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
