/*
 * Statements against a plain model of a ledger: credits move at random over some months, the model
 * writes down what each account holds at the end of each. Of any months and any account opening and
 * movements give closing, and the closings of a series add up to what was minted.
 */
#include "tests/server/report/made.h"

#include "protocol/month.h"

enum { MONTHS = 7, FIRST = 684, ACCOUNTS = 5, SERIES = 2, KINDS = 8, ROUNDS = 40, MOVES = 60 };

struct line {
    uint64_t debits;
    uint64_t credits;
    uint32_t month; /* of the last change; 0: none yet */
};

static struct made m;
/* Accounts and series from 1 on, kinds as enum ledger_kind. */
static struct line lines[ACCOUNTS + 1][SERIES + 1][KINDS + 1];
static struct line at_end[MONTHS][ACCOUNTS + 1][SERIES + 1][KINDS + 1];

static uint64_t holds(uint32_t kind, const struct line *l)
{
    return kind == LEDGER_MINTED ? l->debits - l->credits : l->credits - l->debits;
}

/* As the rules do: at the first change of another month what was is kept. */
static void line_change(uint32_t month, uint32_t account, uint32_t series, uint32_t kind,
                        uint64_t debit, uint64_t credit)
{
    struct line *l = &lines[account][series][kind];
    if (l->month != 0 && l->month != month) {
        const struct closing_row row = {.account = account,
                                        .series = series,
                                        .kind = kind,
                                        .month = l->month,
                                        .debits_low = l->debits,
                                        .credits_low = l->credits};
        made_put(&m, TABLE_CLOSING, &row);
    }
    l->month = month;
    l->debits += debit;
    l->credits += credit;
    const struct ledger_row row = {.account = account,
                                   .series = series,
                                   .kind = kind,
                                   .month = month,
                                   .debits_low = l->debits,
                                   .credits_low = l->credits};
    made_put(&m, TABLE_LEDGER, &row);
}

static void move(uint32_t month)
{
    uint32_t series = 1 + (uint32_t)random_below(SERIES);
    uint32_t from = 1 + (uint32_t)random_below(ACCOUNTS);
    uint32_t to = 1 + (uint32_t)random_below(ACCOUNTS);
    uint32_t from_kind = LEDGER_MINTED + (uint32_t)random_below(KINDS);
    uint32_t to_kind = LEDGER_TOKENS + (uint32_t)random_below(KINDS - 1);
    uint64_t held =
        from_kind == LEDGER_MINTED ? 1000000 : holds(from_kind, &lines[from][series][from_kind]);
    if (held == 0)
        return;
    uint64_t amount = 1 + random_below(held);
    line_change(month, from, series, from_kind, amount, 0);
    line_change(month, to, series, to_kind, 0, amount);
}

static void months_play(void)
{
    memset(lines, 0, sizeof(lines));
    for (uint32_t month = 0; month < MONTHS; month++) {
        uint64_t moves = random_below(3) == 0 ? 0 : random_below(MOVES);
        for (uint64_t i = 0; i < moves; i++)
            move(FIRST + month);
        memcpy(at_end[month], lines, sizeof(lines));
    }
}

/* What the model held when a month began. */
static struct line line_before(uint32_t month, uint32_t account, uint32_t series, uint32_t kind)
{
    return month == 0 ? (struct line){0} : at_end[month - 1][account][series][kind];
}

static uint32_t kind_of(struct text word)
{
    char name[32] = "";
    memcpy(name, word.data, word.length < sizeof(name) ? word.length : sizeof(name) - 1);
    return (uint32_t)vocabulary_value(&ledger_kind_vocabulary, name);
}

/* Adds the closings of an account to minted and to what is held, by series. */
static void statement_check(uint32_t account, uint32_t from, uint32_t until,
                            uint64_t minted[SERIES + 1], uint64_t held[SERIES + 1])
{
    const struct q_report q = {.kind = REPORT_KIND_STATEMENT,
                               .from_s = month_start_s(FIRST + from),
                               .until_s = month_start_s(FIRST + until)};
    assert_int_equal(made_ask(&m, &q, account), REFUSAL_accepted);
    uint32_t expected = 0, rows = made_rows(&m, "ledger");
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t series = (uint32_t)made_number(&m, "ledger", i, "series");
        uint32_t kind = kind_of(made_text(&m, "ledger", i, "kind"));
        struct line first = line_before(from, account, series, kind);
        struct line last = line_before(until, account, series, kind);
        uint64_t closing = made_number(&m, "ledger", i, "closing_ucr");
        assert_int_equal(made_number(&m, "ledger", i, "opening_ucr"), holds(kind, &first));
        assert_int_equal(closing, holds(kind, &last));
        assert_int_equal(made_number(&m, "ledger", i, "debits_ucr"), last.debits - first.debits);
        assert_int_equal(made_number(&m, "ledger", i, "credits_ucr"), last.credits - first.credits);
        *(kind == LEDGER_MINTED ? &minted[series] : &held[series]) += closing;
    }
    for (uint32_t series = 1; series <= SERIES; series++) {
        for (uint32_t kind = LEDGER_MINTED; kind <= KINDS; kind++) {
            struct line first = line_before(from, account, series, kind);
            struct line last = line_before(until, account, series, kind);
            expected += holds(kind, &first) != 0 || last.debits != first.debits ||
                        last.credits != first.credits;
        }
    }
    assert_int_equal(rows, expected);
}

static void test_trial_balance(void **state)
{
    (void)state;
    random_start();
    for (int round = 0; round < ROUNDS; round++) {
        made_begin(&m, month_start_s(FIRST + MONTHS) - 1);
        months_play();
        for (uint32_t i = 0; i < 8; i++) {
            uint32_t from = (uint32_t)random_below(MONTHS);
            uint32_t until = from + 1 + (uint32_t)random_below(MONTHS - from);
            uint64_t minted[SERIES + 1] = {0}, held[SERIES + 1] = {0};
            for (uint32_t account = 1; account <= ACCOUNTS; account++)
                statement_check(account, from, until, minted, held);
            for (uint32_t series = 1; series <= SERIES; series++)
                assert_int_equal(minted[series], held[series]);
        }
        made_end(&m);
    }
}

/* More than 64 bits went through a line: what it holds is right, what moved stops. */
static void test_wide_totals(void **state)
{
    const struct q_report q = {.kind = REPORT_KIND_STATEMENT};
    const struct ledger_row row = {.account = 1,
                                   .series = 1,
                                   .kind = LEDGER_BALANCE,
                                   .month = FIRST,
                                   .debits_low = 5,
                                   .debits_high = 3,
                                   .credits_low = 47,
                                   .credits_high = 3};
    const struct ledger_row odd = {
        .account = 1, .series = 2, .kind = LEDGER_BALANCE, .month = FIRST, .debits_low = 1};
    (void)state;
    made_begin(&m, month_start_s(FIRST));
    made_put(&m, TABLE_LEDGER, &row);
    made_put(&m, TABLE_LEDGER, &odd);
    assert_int_equal(made_ask(&m, &q, 1), REFUSAL_accepted);
    assert_int_equal(made_number(&m, "ledger", 0, "closing_ucr"), 42);
    assert_int_equal(made_number(&m, "ledger", 0, "credits_ucr"), REPORT_NONE - 1);
    /* Less than nothing is no amount. */
    assert_int_equal(made_number(&m, "ledger", 1, "closing_ucr"), REPORT_NONE);
    made_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trial_balance),
        cmocka_unit_test(test_wide_totals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
