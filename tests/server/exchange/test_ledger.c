#include "tests/server/exchange/support.h"

#include "protocol/month.h"
#include "server/exchange/ledger.h"
#include "server/exchange/ledger_index.h"
#include "server/exchange/token.h"
#include "tests/server/exchange/world.h"

static void moves_and_undo(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, WORLD_OPTIONS);
    struct exchange *x = w.x;
    uint32_t alice = world_register(&w, "alice", ROLE_STARTUP);
    uint32_t series = world_series(&w, "seed", 0);
    struct ledger_place minted = {LEDGER_MINTED, 1};
    struct ledger_place tokens = {LEDGER_TOKENS, alice};
    struct ledger_place balance = {LEDGER_BALANCE, alice};
    size_t mark = store_mark(x->store);
    assert_true(ledger_may_mint(x, series, AMOUNT_MAX_UCR));
    assert_false(ledger_may_mint(x, series, AMOUNT_MAX_UCR + 1));
    ledger_move(x, series, minted, tokens, AMOUNT_MAX_UCR);
    assert_false(ledger_may_mint(x, series, 1));
    assert_int_equal(ledger_holds(x, series, tokens), AMOUNT_MAX_UCR);
    /* More than 64 bits of turnover. */
    for (int i = 0; i < 100; i++) {
        ledger_move(x, series, tokens, balance, AMOUNT_MAX_UCR);
        ledger_move(x, series, balance, tokens, AMOUNT_MAX_UCR);
    }
    ledger_move(x, series, tokens, balance, 7);
    ledger_move(x, series, tokens, tokens, 7);
    ledger_move(x, series, balance, tokens, 0);
    assert_int_equal(ledger_holds(x, series, tokens), AMOUNT_MAX_UCR - 7);
    assert_int_equal(ledger_total(x, series, LEDGER_BALANCE), 7);
    assert_int_equal(ledger_conserved_sum(x, series), AMOUNT_MAX_UCR);
    assert_int_equal(owned_count(&x->ledger->series, alice), 1);
    ledger_assert_conserved(x);
    store_rollback(x->store, mark);
    assert_int_equal(ledger_total(x, series, LEDGER_MINTED), 0);
    assert_int_equal(ledger_total(x, series, LEDGER_BALANCE), 0);
    assert_int_equal(owned_count(&x->ledger->series, alice), 0);
    assert_int_equal(world_verify(&w), 0);
    world_end(&w);
}

static void refunds_go_where_they_belong(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, WORLD_OPTIONS);
    struct exchange *x = w.x;
    uint32_t alice = world_register(&w, "alice", ROLE_STARTUP);
    uint32_t series = world_series(&w, "seed", WORLD_BEGIN_S + 100);
    struct ledger_place minted = {LEDGER_MINTED, 1};
    struct ledger_place escrow = {LEDGER_ESCROW, alice};
    struct issued issued = {0};
    ledger_move(x, series, minted, escrow, 30);
    assert_int_equal(token_refund(x, series, alice, 10, escrow, &issued), 1);
    assert_int_equal(issued.token, 1);
    assert_int_equal(issued.amount_ucr, 10);
    assert_int_equal(ledger_holds(x, series, (struct ledger_place){LEDGER_TOKENS, alice}), 10);
    x->head.time_s = WORLD_BEGIN_S + 100;
    assert_int_equal(token_refund(x, series, alice, 20, escrow, &issued), 0);
    assert_int_equal(ledger_holds(x, series, (struct ledger_place){LEDGER_EXPIRED, 1}), 20);
    assert_int_equal(ledger_total(x, series, LEDGER_ESCROW), 0);
    ledger_assert_conserved(x);
    world_end(&w);
}

static const struct closing_row *closing_of(const struct exchange *x, uint32_t series,
                                            struct ledger_place place, uint32_t month)
{
    struct closing_row key = {
        .account = place.account, .series = series, .kind = place.kind, .month = month};
    return store_find(x->store, TABLE_CLOSING, &key);
}

/* What an account was at the end of a month in which it changed, and nothing in between. */
static void months_are_closed(void **state)
{
    (void)state;
    struct world w;
    world_begin(&w, WORLD_OPTIONS);
    struct exchange *x = w.x;
    uint32_t alice = world_register(&w, "alice", ROLE_STARTUP);
    uint32_t bob = world_register(&w, "bob", ROLE_STARTUP);
    uint32_t series = world_series(&w, "seed", 0);
    struct ledger_place minted = {LEDGER_MINTED, 1};
    struct ledger_place tokens = {LEDGER_TOKENS, alice};
    struct ledger_place others = {LEDGER_TOKENS, bob};
    uint32_t first = month_of(x->head.time_s);
    world_mint(&w, series, alice, 100);
    world_mint(&w, series, alice, 20);
    assert_int_equal(store_count(x->store, TABLE_CLOSING), 0);
    /* Nothing changes in the next month; then something does, twice. */
    world_advance(&w, month_start_s(first + 2) - w.time_s, true);
    assert_int_equal(store_count(x->store, TABLE_CLOSING), 0);
    uint64_t third = world_mint(&w, series, alice, 3);
    assert_int_equal(month_of(x->head.time_s), first + 2);
    world_mint(&w, series, bob, 7);
    const struct closing_row *closing = closing_of(x, series, tokens, first);
    assert_non_null(closing);
    assert_int_equal(closing->credits_low, 120);
    assert_int_equal(closing->debits_low, 0);
    assert_int_equal(closing_of(x, series, minted, first)->debits_low, 120);
    assert_null(closing_of(x, series, tokens, first + 1));
    assert_null(closing_of(x, series, others, first));
    assert_int_equal(store_count(x->store, TABLE_CLOSING), 2);
    /* The last second of a month belongs to it. */
    world_advance(&w, month_start_s(first + 3) - 1 - w.time_s, true);
    struct payment to_bob = {.account = bob, .amount_ucr = 3};
    struct op_token_transfer op = {.inputs = {&third, 1}, .outputs = {&to_bob, 1}};
    assert_int_equal(world_do(&w, alice, "alice", &op_token_transfer_message, &op)->refusal, 0);
    assert_int_equal(store_count(x->store, TABLE_CLOSING), 2);
    world_advance(&w, 1, true);
    world_mint(&w, series, bob, 1);
    assert_int_equal(closing_of(x, series, others, first + 2)->credits_low, 10);
    assert_null(closing_of(x, series, tokens, first + 2));
    assert_int_equal(closing_of(x, series, minted, first + 2)->debits_low, 130);
    assert_int_equal(store_count(x->store, TABLE_CLOSING), 4);
    /* Undone with what caused it. */
    world_advance(&w, month_start_s(first + 4) - w.time_s, true);
    size_t mark = store_mark(x->store);
    ledger_move(x, series, minted, tokens, 1);
    assert_int_equal(store_count(x->store, TABLE_CLOSING), 6);
    store_rollback(x->store, mark);
    assert_int_equal(store_count(x->store, TABLE_CLOSING), 4);
    assert_int_equal(world_verify(&w), 0);
    struct closing_row damaged = *closing_of(x, series, tokens, first);
    damaged.credits_low = 1000;
    store_put(x->store, TABLE_CLOSING, &damaged);
    assert_true(world_reports(x, "is not what comes after its closing"));
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves_and_undo),
        cmocka_unit_test(refunds_go_where_they_belong),
        cmocka_unit_test(months_are_closed),
    };
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
