/*
 * Statements against a plain model of a ledger: credits move at random over some months, the model
 * writes down what each account holds at the end of each. Of any months and any account opening and
 * movements give closing, and the closings of a series add up to what was minted. Of any other time
 * the same holds of two states, and of whole months both ways give the same to the byte.
 */
#include "tests/server/report/made.h"

#include "protocol/month.h"
#include "protocol/report_text.h"

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

/* What was paid in a month is one row for payer, payee and series. */
static void flow_add(uint32_t month, uint32_t series, uint32_t payer, uint32_t payee, uint64_t a)
{
    uint64_t flow = ((month * (ACCOUNTS + 1) + payer) * (ACCOUNTS + 1) + payee) * (SERIES + 1);
    const struct flow_row key = {.flow = flow + series};
    const struct flow_row *so_far = store_find(m.store, TABLE_FLOW, &key);
    const struct flow_row row = {.flow = key.flow,
                                 .month_s = month_start_s(FIRST + month),
                                 .kind = FLOW_KIND_LEASE,
                                 .payer = payer,
                                 .payee = payee,
                                 .series = series,
                                 .amount_ucr = a + (so_far != NULL ? so_far->amount_ucr : 0)};
    made_put(&m, TABLE_FLOW, &row);
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
    flow_add(month - FIRST, series, from, to, amount);
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

/* --- Two states --- */

struct copying {
    struct store *to;
    enum table table;
};

static int row_copy(void *context, const void *row)
{
    struct copying *c = context;
    store_put(c->to, c->table, row);
    return 0;
}

/* The rows as they are now. */
static struct store *state_copy(void)
{
    struct copying c = {.to = store_new(exchange_tables, TABLE_COUNT)};
    for (c.table = 0; c.table < TABLE_COUNT; c.table++)
        store_each(m.store, c.table, row_copy, &c);
    store_settle(c.to);
    return c.to;
}

static void ask_between(const struct q_report *q, uint32_t account, const struct source *before)
{
    enum refusal refusal;
    report_free(m.report);
    assert_int_equal(report_make_between(q, account, before, &m.source, &m.report, &refusal), 0);
    assert_int_equal(refusal, REFUSAL_accepted);
    m.page = report_page(m.report, 0, true);
}

static void printed(struct buffer *out)
{
    assert_int_equal(report_text(&m.page, REPORT_FORMAT_JSON, NULL, out), 0);
}

/* Plays months, with a copy when month `cut` has begun and `moves` have been made in it. */
static struct store *months_play_cut(uint32_t cut, uint64_t moves)
{
    struct store *before = NULL;
    memset(lines, 0, sizeof(lines));
    for (uint32_t month = 0; month < MONTHS; month++) {
        for (uint64_t i = 0; i < MOVES; i++) {
            if (month == cut && i == moves) {
                before = state_copy();
                memcpy(at_end[0], lines, sizeof(lines));
            }
            move(FIRST + month);
        }
    }
    return before;
}

/* What the statement has of the time, against what the model held when it began and now. */
static void between_check(uint32_t account)
{
    uint32_t rows = made_rows(&m, "ledger");
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t series = (uint32_t)made_number(&m, "ledger", i, "series");
        uint32_t kind = kind_of(made_text(&m, "ledger", i, "kind"));
        const struct line *first = &at_end[0][account][series][kind];
        const struct line *last = &lines[account][series][kind];
        assert_int_equal(made_number(&m, "ledger", i, "opening_ucr"), holds(kind, first));
        assert_int_equal(made_number(&m, "ledger", i, "closing_ucr"), holds(kind, last));
        assert_int_equal(made_number(&m, "ledger", i, "debits_ucr"), last->debits - first->debits);
    }
    uint64_t moved = 0, paid = 0;
    for (uint32_t series = 1; series <= SERIES; series++) {
        for (uint32_t kind = LEDGER_MINTED; kind <= KINDS; kind++)
            moved += lines[account][series][kind].debits - at_end[0][account][series][kind].debits;
    }
    for (uint32_t i = 0; i < made_rows(&m, "flows"); i++)
        paid += made_number(&m, "flows", i, "out_ucr");
    assert_int_equal(paid, moved);
}

static void test_between(void **state)
{
    (void)state;
    random_start();
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t cut = (uint32_t)random_below(MONTHS);
        uint64_t moves = random_below(2) * random_below(MOVES);
        made_begin(&m, month_start_s(FIRST + MONTHS) - 1);
        struct store *opening = months_play_cut(cut, moves);
        const struct source before = source_of_store(opening);
        const struct q_report q = {.kind = REPORT_KIND_STATEMENT,
                                   .from_s = month_start_s(FIRST + cut) + moves,
                                   .until_s = month_start_s(FIRST + MONTHS)};
        for (uint32_t account = 1; account <= ACCOUNTS; account++) {
            struct buffer one = BUFFER_EMPTY, two = BUFFER_EMPTY;
            ask_between(&q, account, &before);
            between_check(account);
            printed(&one);
            assert_int_equal(made_ask(&m, &q, account),
                             moves == 0 ? REFUSAL_accepted : REFUSAL_terms_invalid);
            if (moves == 0) {
                printed(&two);
                assert_int_equal(one.length, two.length);
                assert_memory_equal(one.data, two.data, one.length);
            }
            buffer_release(&one);
            buffer_release(&two);
        }
        store_free(opening);
        made_end(&m);
    }
}

/* Before anything was, nothing was held; of a time in which nothing happened there are no rows. */
static void test_between_nothing(void **state)
{
    const struct source nothing = source_of_nothing();
    struct q_report q = {.kind = REPORT_KIND_STATEMENT, .until_s = month_start_s(FIRST) + 5};
    (void)state;
    random_start();
    made_begin(&m, month_start_s(FIRST + MONTHS) - 1);
    months_play();
    ask_between(&q, 1, &nothing);
    for (uint32_t i = 0; i < made_rows(&m, "ledger"); i++)
        assert_int_equal(made_number(&m, "ledger", i, "opening_ucr"), 0);
    q.from_s = month_start_s(FIRST) + 1;
    ask_between(&q, 1, &m.source);
    assert_int_equal(made_rows(&m, "flows"), 0);
    for (uint32_t i = 0; i < made_rows(&m, "ledger"); i++)
        assert_int_equal(made_number(&m, "ledger", i, "debits_ucr"), 0);
    made_end(&m);
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
        cmocka_unit_test(test_between),
        cmocka_unit_test(test_between_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
