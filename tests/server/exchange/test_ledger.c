#include "tests/server/exchange/support.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves_and_undo),
        cmocka_unit_test(refunds_go_where_they_belong),
    };
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
