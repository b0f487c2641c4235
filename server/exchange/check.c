#include "server/exchange/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "protocol/amount.h"
#include "server/exchange/due.h"
#include "server/exchange/gift.h"
#include "server/exchange/ledger_index.h"
#include "server/exchange/price_index.h"
#include "server/exchange/series.h"
#include "server/exchange/token.h"

void check_found(struct check_report *report, const char *format, ...)
{
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    report->count++;
    report->line(report->context, line);
}

struct checking {
    const struct exchange *x;
    struct check_report *report;
};

/* --- The ledger --- */

/* Sums taken from the rows alone, to compare with what is kept in memory. */
struct ledger_sums {
    struct checking c;
    amount (*holds)[LEDGER_EXPIRED + 1]; /* by series */
    wide debits;
    wide credits;
};

static int ledger_row_sum(void *context, const void *item)
{
    struct ledger_sums *sums = context;
    const struct ledger_row *row = item;
    if (row->series > sums->c.x->head.series_last || row->kind < LEDGER_MINTED ||
        row->kind > LEDGER_EXPIRED)
        return 0; /* reported by check_references() */
    wide debits = (wide)row->debits_high << 64 | row->debits_low;
    wide credits = (wide)row->credits_high << 64 | row->credits_low;
    sums->debits += debits;
    sums->credits += credits;
    if (row->kind == LEDGER_MINTED ? credits > debits : debits > credits)
        check_found(sums->c.report, "ledger: %s of account %u in series %u holds less than nothing",
                    vocabulary_name(&ledger_kind_vocabulary, row->kind), row->account, row->series);
    else
        sums->holds[row->series][row->kind] += ledger_row_holds(row);
    return 0;
}

static void series_compare(struct ledger_sums *sums, uint32_t series)
{
    const amount *holds = sums->holds[series];
    char minted[AMOUNT_TEXT_BYTES], all[AMOUNT_TEXT_BYTES];
    amount sum = 0;
    for (unsigned kind = LEDGER_TOKENS; kind <= LEDGER_EXPIRED; kind++)
        sum += holds[kind];
    if (sum != holds[LEDGER_MINTED])
        check_found(sums->c.report,
                    "series %u: minted %s credits, but tokens, gifts, escrow, balances, paid out, "
                    "burned and expired are %s",
                    series, amount_format(holds[LEDGER_MINTED], minted), amount_format(sum, all));
    for (unsigned kind = LEDGER_MINTED; kind <= LEDGER_EXPIRED; kind++) {
        amount kept = ledger_total(sums->c.x, series, (enum ledger_kind)kind);
        if (kept != holds[kind])
            check_found(sums->c.report, "series %u: total of %s in memory is %s, of the rows %s",
                        series, vocabulary_name(&ledger_kind_vocabulary, kind),
                        amount_format(kept, minted), amount_format(holds[kind], all));
    }
}

static void check_ledger(struct checking *c)
{
    struct arena arena = ARENA_EMPTY;
    size_t series_count = (size_t)c->x->head.series_last + 1;
    struct ledger_sums sums = {.c = *c};
    sums.holds = arena_alloc(&arena, series_count * sizeof(*sums.holds));
    if (!sums.holds)
        memory_exhausted();
    store_each(c->x->store, TABLE_LEDGER, ledger_row_sum, &sums);
    if (sums.debits != sums.credits)
        check_found(c->report, "ledger: the trial balance is not zero");
    for (uint32_t series = 1; series < series_count; series++)
        series_compare(&sums, series);
    arena_release(&arena);
}

/* What the accounts have earned, by the rows alone. */
struct balance_sums {
    struct checking c;
    wide *earned; /* by account */
    uint64_t lines;
};

static int balance_sum(void *context, const void *item)
{
    struct balance_sums *sums = context;
    const struct ledger_row *row = item;
    amount holds = row->kind == LEDGER_BALANCE ? ledger_row_holds(row) : 0;
    if (holds == 0)
        return 0;
    sums->earned[row->account] += holds;
    sums->lines++;
    if (!ledger_balance_listed(sums->c.x, row->account, row->series, holds))
        check_found(sums->c.report,
                    "ledger: the balance of account %u in series %u is not in memory", row->account,
                    row->series);
    return 0;
}

static void check_balances(struct checking *c)
{
    struct balance_sums sums = {.c = *c};
    uint32_t accounts = c->x->head.account_last;
    sums.earned = memory_zeroed((size_t)accounts + 1, sizeof(*sums.earned));
    store_each(c->x->store, TABLE_LEDGER, balance_sum, &sums);
    for (uint32_t account = 1; account <= accounts; account++) {
        if (ledger_earned(c->x, account) != sums.earned[account])
            check_found(c->report,
                        "ledger: the balances of account %u come to another amount in memory",
                        account);
    }
    if (ledger_balances_listed(c->x) != sums.lines)
        check_found(c->report, "ledger: %llu balances hold something, in memory %llu",
                    (unsigned long long)sums.lines,
                    (unsigned long long)ledger_balances_listed(c->x));
    free(sums.earned);
}

/* --- Indexes --- */

static int account_visit(void *context, const void *row)
{
    struct checking *c = context;
    check_account_index(c->x, row, c->report);
    return 0;
}

static int key_visit(void *context, const void *row)
{
    struct checking *c = context;
    check_key_index(c->x, row, c->report);
    return 0;
}

static int series_visit(void *context, const void *row)
{
    struct checking *c = context;
    check_series_index(c->x, row, c->report);
    return 0;
}

static int token_visit(void *context, const void *row)
{
    struct checking *c = context;
    check_token_index(c->x, row, c->report);
    return 0;
}

static int gift_visit(void *context, const void *row)
{
    struct checking *c = context;
    check_gift_index(c->x, row, c->report);
    return 0;
}

static int request_visit(void *context, const void *row)
{
    struct checking *c = context;
    check_request_index(c->x, row, c->report);
    return 0;
}

static int ledger_visit(void *context, const void *item)
{
    struct checking *c = context;
    const struct ledger_row *row = item;
    uint32_t looks = UINT32_MAX;
    uint64_t resume;
    if (row->kind != LEDGER_MINTED && owned_next(&c->x->ledger->series, row->account, row->series,
                                                 &looks, &resume) != row->series)
        check_found(c->report, "ledger: series %u is not in memory among those of account %u",
                    row->series, row->account);
    return 0;
}

/* All rows are in the index; with equal counts nothing else is. */
static void check_counts(struct checking *c)
{
    uint64_t tokens = 0;
    uint64_t gifts = 0;
    for (uint32_t account = 1; account <= c->x->head.account_last; account++) {
        tokens += token_owned_count(c->x, account);
        gifts += gift_owned_count(c->x, account);
    }
    if (tokens != store_count(c->x->store, TABLE_TOKEN))
        check_found(c->report, "tokens: %llu in memory, %llu rows", (unsigned long long)tokens,
                    (unsigned long long)store_count(c->x->store, TABLE_TOKEN));
    if (gifts != store_count(c->x->store, TABLE_GIFT))
        check_found(c->report, "gifts: %llu in memory, %llu rows", (unsigned long long)gifts,
                    (unsigned long long)store_count(c->x->store, TABLE_GIFT));
}

uint64_t exchange_check(const struct exchange *x, void (*report)(void *context, const char *line),
                        void *context)
{
    struct check_report found = {.line = report, .context = context};
    struct checking c = {.x = x, .report = &found};
    /* What follows relies on references that hold. */
    if (check_references(x, &found) > 0)
        return found.count;
    check_ledger(&c);
    check_balances(&c);
    check_holdings(x, &found);
    store_each(x->store, TABLE_ACCOUNT, account_visit, &c);
    store_each(x->store, TABLE_KEY, key_visit, &c);
    check_keys(x, &found);
    check_rules(x, &found);
    store_each(x->store, TABLE_SERIES, series_visit, &c);
    store_each(x->store, TABLE_TOKEN, token_visit, &c);
    store_each(x->store, TABLE_GIFT, gift_visit, &c);
    store_each(x->store, TABLE_REQUEST, request_visit, &c);
    store_each(x->store, TABLE_LEDGER, ledger_visit, &c);
    check_counts(&c);
    check_offers(x, &found);
    check_capacity(x, &found);
    check_leases(x, &found);
    check_orders(x, &found);
    check_trades(x, &found);
    check_contracts(x, &found);
    check_revshares(x, &found);
    check_backstops(x, &found);
    check_grants(x, &found);
    check_flows(x, &found);
    check_control(x, &found);
    return found.count;
}
