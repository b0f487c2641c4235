#include "server/exchange/ledger.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/amount.h"
#include "server/exchange/index.h"
#include "server/exchange/ledger_index.h"

static wide debits_of(const struct ledger_row *row)
{
    return (wide)row->debits_high << 64 | row->debits_low;
}

static wide credits_of(const struct ledger_row *row)
{
    return (wide)row->credits_high << 64 | row->credits_low;
}

amount ledger_row_holds(const struct ledger_row *row)
{
    wide debits = debits_of(row);
    wide credits = credits_of(row);
    return (amount)(row->kind == LEDGER_MINTED ? debits - credits : credits - debits);
}

static struct ledger_row key_of(uint32_t series, struct ledger_place place)
{
    return (struct ledger_row){
        .account = place.account, .series = series, .kind = (uint32_t)place.kind};
}

/* --- Index --- */

static struct series_totals *totals_of(struct ledger_index *index, uint32_t series)
{
    if (series >= index->totals_count) {
        size_t count = index->totals_count ? index->totals_count : 16;
        while (count <= series)
            count *= 2;
        struct series_totals *totals = realloc(index->totals, count * sizeof(*totals));
        uint32_t *touched = realloc(index->touched, count * sizeof(*touched));
        if (!totals || !touched)
            memory_exhausted();
        memset(totals + index->totals_count, 0, (count - index->totals_count) * sizeof(*totals));
        index->totals = totals;
        index->touched = touched;
        index->totals_count = count;
    }
    return &index->totals[series];
}

static bool account_has_series(const void *context, uint32_t account, uint64_t series)
{
    const struct exchange *x = context;
    for (unsigned kind = LEDGER_TOKENS; kind <= LEDGER_EXPIRED; kind++) {
        struct ledger_row key = key_of((uint32_t)series, (struct ledger_place){kind, account});
        if (store_find(x->store, TABLE_LEDGER, &key))
            return true;
    }
    return false;
}

/* Whether a row of this account and series stands beside `row`, which comes or has gone. */
static bool row_has_sibling(const struct exchange *x, const struct ledger_row *row)
{
    for (unsigned kind = LEDGER_TOKENS; kind <= LEDGER_EXPIRED; kind++) {
        struct ledger_row key = key_of(row->series, (struct ledger_place){kind, row->account});
        if (kind != row->kind && store_find(x->store, TABLE_LEDGER, &key))
            return true;
    }
    return false;
}

/* --- Balances by account --- */

static int balance_compare(const struct balance_line *a, const struct balance_line *b)
{
    int order = number_compare(a->account, b->account);
    if (order == 0)
        order = number_compare(b->held, a->held);
    return order != 0 ? order : number_compare(a->series, b->series);
}

TREE_GENERATE(balance_tree, balance_line, link, balance_compare)

static wide *earned_of(struct ledger_index *index, uint32_t account)
{
    if (account >= index->earned_count) {
        size_t count = index->earned_count ? index->earned_count : 64;
        while (count <= account)
            count *= 2;
        wide *earned = realloc(index->earned, count * sizeof(*earned));
        if (!earned)
            memory_exhausted();
        memset(earned + index->earned_count, 0, (count - index->earned_count) * sizeof(*earned));
        index->earned = earned;
        index->earned_count = count;
    }
    return &index->earned[account];
}

static struct balance_line *balance_find(struct ledger_index *index, uint32_t account,
                                         uint32_t series, amount held)
{
    struct balance_line key = {.account = account, .series = series, .held = held};
    return RB_FIND(balance_tree, &index->balances, &key);
}

/* A balance is another one now; a line comes and goes with what is in it. */
static void balance_changed(struct ledger_index *index, const struct ledger_row *row, amount before,
                            amount after)
{
    if (row->account == 0 || row->account > ACCOUNTS_MAX)
        return; /* of a damaged image */
    wide *earned = earned_of(index, row->account);
    *earned = *earned - before + after;
    if (before == after)
        return;
    struct balance_line *line =
        before > 0 ? balance_find(index, row->account, row->series, before) : NULL;
    if (line)
        RB_REMOVE(balance_tree, &index->balances, line);
    if (after > 0) {
        if (!line)
            line = memory_zeroed(1, sizeof(*line));
        line->account = row->account;
        line->series = row->series;
        line->held = after;
        RB_INSERT(balance_tree, &index->balances, line);
    } else {
        free(line);
    }
}

static void balances_free(struct balance_tree *tree)
{
    struct balance_line *line;
    while ((line = RB_ROOT(tree)) != NULL) {
        RB_REMOVE(balance_tree, tree, line);
        free(line);
    }
}

wide ledger_earned(const struct exchange *x, uint32_t account)
{
    return account < x->ledger->earned_count ? x->ledger->earned[account] : 0;
}

bool ledger_earned_covers(const struct exchange *x, uint32_t account, amount kept, amount leaving)
{
    return ledger_earned(x, account) >= (wide)kept + leaving;
}

const struct balance_line *ledger_balance_first(const struct exchange *x, uint32_t account)
{
    struct balance_line key = {.account = account, .held = UINT64_MAX};
    const struct balance_line *line = RB_NFIND(balance_tree, &x->ledger->balances, &key);
    return line && line->account == account ? line : NULL;
}

const struct balance_line *ledger_balance_next(const struct exchange *x,
                                               const struct balance_line *line)
{
    struct balance_line key = {
        .account = line->account, .series = line->series + 1, .held = line->held};
    const struct balance_line *next = RB_NFIND(balance_tree, &x->ledger->balances, &key);
    return next && next->account == line->account ? next : NULL;
}

bool ledger_balance_listed(const struct exchange *x, uint32_t account, uint32_t series, amount held)
{
    return balance_find(x->ledger, account, series, held) != NULL;
}

uint64_t ledger_balances_listed(const struct exchange *x)
{
    struct balance_line *line;
    uint64_t count = 0;
    RB_FOREACH (line, balance_tree, &x->ledger->balances)
        count++;
    return count;
}

static void ledger_hook(void *context, const void *old_row, const void *new_row)
{
    struct exchange *x = context;
    const struct ledger_row *before = old_row;
    const struct ledger_row *after = new_row;
    const struct ledger_row *any = after ? after : before;
    struct ledger_index *index = x->ledger;

    if (any->series > SERIES_MAX || any->kind < LEDGER_MINTED || any->kind > LEDGER_EXPIRED)
        return; /* of a damaged image; the check after loading refuses it */
    struct series_totals *totals = totals_of(index, any->series);
    if (before)
        totals->holds[any->kind] -= ledger_row_holds(before);
    if (after)
        totals->holds[any->kind] += ledger_row_holds(after);
    if (!totals->touched) {
        totals->touched = true;
        index->touched[index->touched_count++] = any->series;
    }
    if (any->kind == LEDGER_BALANCE)
        balance_changed(index, any, before ? ledger_row_holds(before) : 0,
                        after ? ledger_row_holds(after) : 0);
    if (any->kind != LEDGER_MINTED && !before != !after && !row_has_sibling(x, any)) {
        if (after)
            owned_add(&index->series, any->account, any->series);
        else
            owned_remove(&index->series, any->account, any->series);
    }
}

void ledger_index_new(struct exchange *x)
{
    x->ledger = calloc(1, sizeof(*x->ledger));
    if (!x->ledger)
        memory_exhausted();
    owned_init(&x->ledger->series, account_has_series, x);
    RB_INIT(&x->ledger->balances);
    store_set_hook(x->store, TABLE_LEDGER, ledger_hook, x);
}

void ledger_index_settle(struct exchange *x)
{
    owned_settle(&x->ledger->series);
}

void ledger_index_free(struct exchange *x)
{
    if (!x->ledger)
        return;
    owned_release(&x->ledger->series);
    free(x->ledger->totals);
    free(x->ledger->touched);
    balances_free(&x->ledger->balances);
    free(x->ledger->earned);
    free(x->ledger);
    x->ledger = NULL;
}

/* --- Moves --- */

static struct ledger_row row_of(const struct exchange *x, uint32_t series,
                                struct ledger_place place)
{
    struct ledger_row key = key_of(series, place);
    const struct ledger_row *row = store_find(x->store, TABLE_LEDGER, &key);
    return row ? *row : key;
}

/* The row as it is to be changed in the present month: what it was at the end of the last one in
 * which it had changed is kept. */
static struct ledger_row row_for_change(struct exchange *x, uint32_t series,
                                        struct ledger_place place)
{
    struct ledger_row row = key_of(series, place);
    const struct ledger_row *so_far = store_find(x->store, TABLE_LEDGER, &row);
    uint32_t month = exchange_month(x);
    if (so_far)
        row = *so_far;
    if (so_far && row.month < month) {
        struct closing_row closing;
        static_assert(sizeof(closing) == sizeof(row), "a closing is the row as it was");
        memcpy(&closing, &row, sizeof(closing));
        store_put(x->store, TABLE_CLOSING, &closing);
    }
    if (row.month < month)
        row.month = month;
    return row;
}

void ledger_open(struct exchange *x, uint32_t series, struct ledger_place place)
{
    struct ledger_row row = row_for_change(x, series, place);
    store_put(x->store, TABLE_LEDGER, &row);
}

void ledger_move(struct exchange *x, uint32_t series, struct ledger_place from,
                 struct ledger_place to, amount a)
{
    if (a == 0 || (from.kind == to.kind && from.account == to.account))
        return;
    struct ledger_row debited = row_for_change(x, series, from);
    struct ledger_row credited = row_for_change(x, series, to);
    x->ledger->moves++;

    assert(from.kind == LEDGER_MINTED || ledger_row_holds(&debited) >= a);
    wide debits = debits_of(&debited) + a;
    debited.debits_low = (uint64_t)debits;
    debited.debits_high = (uint64_t)(debits >> 64);
    wide credits = credits_of(&credited) + a;
    credited.credits_low = (uint64_t)credits;
    credited.credits_high = (uint64_t)(credits >> 64);
    store_put(x->store, TABLE_LEDGER, &debited);
    store_put(x->store, TABLE_LEDGER, &credited);
}

uint64_t ledger_moves(const struct exchange *x)
{
    return x->ledger->moves;
}

amount ledger_holds(const struct exchange *x, uint32_t series, struct ledger_place place)
{
    struct ledger_row row = row_of(x, series, place);
    return ledger_row_holds(&row);
}

amount ledger_total(const struct exchange *x, uint32_t series, enum ledger_kind kind)
{
    const struct ledger_index *index = x->ledger;
    return series < index->totals_count ? index->totals[series].holds[kind] : 0;
}

bool ledger_may_mint(const struct exchange *x, uint32_t series, amount a)
{
    amount minted = ledger_total(x, series, LEDGER_MINTED);
    return a <= AMOUNT_MAX_UCR && minted <= AMOUNT_MAX_UCR - a;
}

amount ledger_conserved_sum(const struct exchange *x, uint32_t series)
{
    amount sum = 0;
    for (unsigned kind = LEDGER_TOKENS; kind <= LEDGER_EXPIRED; kind++)
        sum += ledger_total(x, series, kind);
    return sum;
}

bool ledger_is_conserved(const struct exchange *x)
{
    for (uint32_t series = 1; series <= x->head.series_last; series++) {
        if (ledger_conserved_sum(x, series) != ledger_total(x, series, LEDGER_MINTED))
            return false;
    }
    return true;
}

void ledger_assert_conserved(struct exchange *x)
{
    struct ledger_index *index = x->ledger;
    for (size_t i = 0; i < index->touched_count; i++) {
        uint32_t series = index->touched[i];
        assert(ledger_conserved_sum(x, series) == ledger_total(x, series, LEDGER_MINTED));
        index->totals[series].touched = false;
    }
    index->touched_count = 0;
}
