#include "server/exchange/pledge.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/amount.h"
#include "server/exchange/guarantee.h"
#include "server/exchange/index.h"
#include "server/exchange/ledger.h"
#include "server/exchange/ledger_index.h"

/* --- What is in the funds, and what is missing there --- */

static int fund_compare(const struct fund_line *a, const struct fund_line *b)
{
    int order = number_compare(a->contract, b->contract);
    return order != 0 ? order : number_compare(a->account, b->account);
}

TREE_GENERATE(fund_tree, fund_line, link, fund_compare)

static int pledge_compare(const struct pledge_line *a, const struct pledge_line *b)
{
    return number_compare(a->contract, b->contract);
}

TREE_GENERATE(pledge_tree, pledge_line, link, pledge_compare)

static struct fund_line *fund_find(const struct exchange *x, uint64_t contract, uint32_t account)
{
    struct fund_line key = {.contract = contract, .account = account};
    return RB_FIND(fund_tree, &x->pledges->funds, &key);
}

amount pledge_fund_listed(const struct exchange *x, uint64_t contract, uint32_t account)
{
    const struct fund_line *line = fund_find(x, contract, account);
    return line ? line->held : 0;
}

/* While the image is loaded the terms may not be there yet. */
amount pledge_missing(const struct exchange *x, const struct contract_row *row)
{
    if (row->kind != CONTRACT_KIND_GUARANTEE || row->state != CONTRACT_STATE_IN_FORCE)
        return 0;
    const struct guarantee_row *terms = guarantee_terms(x, row->contract, row->version);
    amount escrow = terms ? guarantee_escrow_left(x, terms) : 0;
    amount held = pledge_fund_listed(x, row->contract, row->creditor);
    return escrow > held ? escrow - held : 0;
}

static struct pledge_turns *turns_of(struct pledge_index *index, uint32_t account)
{
    if (account >= index->by_account_size) {
        size_t size = index->by_account_size ? index->by_account_size : 64;
        while (size <= account)
            size *= 2;
        struct pledge_turns *all = realloc(index->by_account, size * sizeof(*all));
        if (!all)
            memory_exhausted();
        memset(all + index->by_account_size, 0, (size - index->by_account_size) * sizeof(*all));
        index->by_account = all;
        index->by_account_size = size;
    }
    return &index->by_account[account];
}

/* Of an account that has no guarantees, too. */
static const struct pledge_turns *turns_find(const struct exchange *x, uint32_t account)
{
    static const struct pledge_turns none;
    const struct pledge_index *index = x->pledges;
    return account < index->by_account_size ? &index->by_account[account] : &none;
}

/* Where the line is among those of its operator, or would be. */
static size_t turn_at(const struct pledge_turns *turns, const struct pledge_line *line)
{
    size_t low = 0;
    size_t high = turns->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct pledge_turn *turn = &turns->items[middle];
        int order = number_compare(turn->place, line->place);
        if (order < 0 || (order == 0 && turn->contract < line->contract))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct pledge_turn *turn_find(const struct pledge_turns *turns,
                                     const struct pledge_line *line)
{
    size_t at = turn_at(turns, line);
    return at < turns->count && turns->items[at].contract == line->contract ? &turns->items[at]
                                                                            : NULL;
}

static void turn_add(struct pledge_turns *turns, const struct pledge_line *line, amount missing)
{
    size_t at = turn_at(turns, line);
    if (turns->count == turns->size) {
        turns->size = turns->size ? 2 * turns->size : 4;
        turns->items = realloc(turns->items, turns->size * sizeof(*turns->items));
        if (!turns->items)
            memory_exhausted();
    }
    memmove(turns->items + at + 1, turns->items + at, (turns->count - at) * sizeof(*turns->items));
    turns->items[at] = (struct pledge_turn){line->place, line->contract, missing};
    turns->count++;
    turns->missing += missing;
}

static void turn_drop(struct pledge_turns *turns, const struct pledge_line *line)
{
    size_t at = turn_at(turns, line);
    turns->missing -= turns->items[at].missing;
    turns->count--;
    memmove(turns->items + at, turns->items + at + 1, (turns->count - at) * sizeof(*turns->items));
}

static struct pledge_line *line_find(const struct exchange *x, uint64_t contract)
{
    struct pledge_line key = {.contract = contract};
    return RB_FIND(pledge_tree, &x->pledges->lines, &key);
}

void pledge_index_free(struct exchange *x)
{
    struct pledge_index *index = x->pledges;
    struct fund_line *fund;
    struct pledge_line *line;
    if (!index)
        return;
    while ((fund = RB_ROOT(&index->funds)) != NULL) {
        RB_REMOVE(fund_tree, &index->funds, fund);
        free(fund);
    }
    while ((line = RB_ROOT(&index->lines)) != NULL) {
        RB_REMOVE(pledge_tree, &index->lines, line);
        free(line);
    }
    for (size_t account = 0; account < index->by_account_size; account++)
        free(index->by_account[account].items);
    free(index->by_account);
    free(index);
    x->pledges = NULL;
}

/* So much is missing of a guarantee from now on; there is a line as long as something is. */
static void line_set(struct exchange *x, struct pledge_line to, amount missing)
{
    struct pledge_index *index = x->pledges;
    struct pledge_line *line = line_find(x, to.contract);
    bool same = line && line->account == to.account && line->place == to.place;
    if (same && missing > 0) {
        struct pledge_turns *turns = turns_of(index, line->account);
        struct pledge_turn *turn = turn_find(turns, line);
        turns->missing = turns->missing - turn->missing + missing;
        turn->missing = missing;
        return;
    }
    if (line)
        turn_drop(turns_of(index, line->account), line);
    if (missing > 0 && to.account > 0 && to.account <= ACCOUNTS_MAX) {
        if (!line) {
            line = memory_zeroed(1, sizeof(*line));
            line->contract = to.contract;
            RB_INSERT(pledge_tree, &index->lines, line);
        }
        line->account = to.account;
        line->place = to.place;
        turn_add(turns_of(index, line->account), line, missing);
    } else if (line) {
        RB_REMOVE(pledge_tree, &index->lines, line);
        free(line);
    }
}

/* Where it stands by its row; while the image is loaded the place may not be there yet. */
static struct pledge_line line_of(const struct exchange *x, const struct contract_row *row)
{
    const struct recourse_row *recourse = guarantee_recourse(x, row->contract);
    return (struct pledge_line){.contract = row->contract,
                                .place = recourse ? recourse->place : 0,
                                .account = row->creditor};
}

void pledge_contract_changed(struct exchange *x, const struct contract_row *before,
                             const struct contract_row *after)
{
    if (after && after->kind == CONTRACT_KIND_GUARANTEE)
        line_set(x, line_of(x, after), pledge_missing(x, after));
    else if (before && before->kind == CONTRACT_KIND_GUARANTEE)
        line_set(x, line_of(x, before), 0);
}

static void pledge_refresh(struct exchange *x, uint64_t contract)
{
    const struct contract_row *row = contract_find(x, contract);
    pledge_contract_changed(x, row, row);
}

static void terms_hook(void *context, const void *old_row, const void *new_row)
{
    const struct guarantee_row *any = new_row ? new_row : old_row;
    pledge_refresh(context, any->contract);
}

void pledge_recourse_changed(struct exchange *x, uint64_t contract)
{
    pledge_refresh(x, contract);
}

static void fund_change(struct exchange *x, const struct escrow_row *row, bool more)
{
    struct fund_tree *funds = &x->pledges->funds;
    struct fund_line *line = fund_find(x, row->serial, row->owner);
    if (row->amount_ucr == 0)
        return;
    if (!line) {
        line = memory_zeroed(1, sizeof(*line));
        line->contract = row->serial;
        line->account = row->owner;
        RB_INSERT(fund_tree, funds, line);
    }
    line->held += more ? row->amount_ucr : 0 - row->amount_ucr;
    if (line->held == 0) {
        RB_REMOVE(fund_tree, funds, line);
        free(line);
    }
}

void pledge_escrow_changed(struct exchange *x, const struct escrow_row *before,
                           const struct escrow_row *after)
{
    if (after)
        fund_change(x, after, true);
    if (before)
        fund_change(x, before, false);
    pledge_refresh(x, after ? after->serial : before->serial);
}

void pledge_index_new(struct exchange *x)
{
    x->pledges = memory_zeroed(1, sizeof(*x->pledges));
    RB_INIT(&x->pledges->funds);
    RB_INIT(&x->pledges->lines);
    store_set_hook(x->store, TABLE_GUARANTEE, terms_hook, x);
}

/* --- What is pledged --- */

wide pledge_sum(const struct exchange *x, uint32_t account)
{
    return turns_find(x, account)->missing;
}

amount pledge_of(const struct exchange *x, uint32_t account)
{
    wide sum = pledge_sum(x, account);
    return sum < UINT64_MAX ? (amount)sum : UINT64_MAX;
}

enum refusal pledge_refusal(const struct exchange *x, uint32_t account, amount leaving)
{
    amount pledged = pledge_of(x, account);
    return pledged == 0 || ledger_earned_covers(x, account, pledged, leaving)
               ? REFUSAL_accepted
               : REFUSAL_balance_pledged;
}

/* What is missing of the guarantees that stand before one of the same operator. */
static wide pledge_before(const struct exchange *x, const struct contract_row *row)
{
    const struct pledge_turns *turns = turns_find(x, row->creditor);
    wide before = 0;
    for (size_t i = 0; i < turns->count && turns->items[i].contract != row->contract; i++)
        before += turns->items[i].missing;
    return before;
}

amount pledge_stands_in(const struct exchange *x, const struct contract_row *row)
{
    amount missing = pledge_missing(x, row);
    if (missing == 0)
        return 0;
    wide earned = ledger_earned(x, row->creditor);
    wide before = pledge_before(x, row);
    wide free = earned > before ? earned - before : 0;
    return free < missing ? (amount)free : missing;
}

bool pledge_would_yield(const struct exchange *x, uint64_t contract)
{
    const struct pledge_line *line = line_find(x, contract);
    const struct pledge_turns *turns = line ? turns_find(x, line->account) : NULL;
    return turns && turns->items[turns->count - 1].contract != contract;
}

/* What a call for `a` takes, by balance. Returns how many there are. What stands in for guarantees
 * before this one is left in the largest balances, where a call of theirs finds it. */
static uint32_t pledge_parts(const struct exchange *x, const struct contract_row *row, amount a,
                             struct share parts[CALL_BALANCES_MAX])
{
    const struct balance_line *line = a > 0 ? ledger_balance_first(x, row->creditor) : NULL;
    wide before = a > 0 ? pledge_before(x, row) : 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < CALL_BALANCES_MAX && line && before >= line->held; i++) {
        before = i + 1 < CALL_BALANCES_MAX ? before - line->held : 0;
        line = ledger_balance_next(x, line);
    }
    for (; count < CALL_BALANCES_MAX && line && a > 0; line = ledger_balance_next(x, line)) {
        amount open = line->held - (amount)before;
        before = 0;
        parts[count] = (struct share){.series = line->series, .amount_ucr = open < a ? open : a};
        a -= parts[count++].amount_ucr;
    }
    return count;
}

amount pledge_covers(const struct exchange *x, const struct contract_row *row, amount a)
{
    struct share parts[CALL_BALANCES_MAX];
    uint32_t count = pledge_parts(x, row, a, parts);
    amount covered = 0;
    for (uint32_t i = 0; i < count; i++)
        covered += parts[i].amount_ucr;
    return covered;
}

amount pledge_draw(struct exchange *x, const struct contract_row *row, amount a,
                   const struct flow *why, struct contract_paid *out)
{
    out->count = pledge_parts(x, row, a, out->shares);
    out->total = 0;
    for (uint32_t i = 0; i < out->count; i++) {
        const struct share *part = &out->shares[i];
        ledger_move(x, part->series, (struct ledger_place){LEDGER_BALANCE, row->creditor},
                    (struct ledger_place){LEDGER_BALANCE, row->third}, part->amount_ucr);
        out->total += part->amount_ucr;
    }
    flow_add_shares(x, why, row->creditor, row->third, out->shares, out->count);
    return out->total;
}

/* --- For checks --- */

amount pledge_listed(const struct exchange *x, const struct contract_row *row, uint64_t place)
{
    const struct pledge_line *line = line_find(x, row->contract);
    bool stands = line && line->account == row->creditor && line->place == place;
    const struct pledge_turn *turn = stands ? turn_find(turns_find(x, line->account), line) : NULL;
    return turn ? turn->missing : 0;
}

uint64_t pledge_count_funds(const struct exchange *x)
{
    struct fund_line *line;
    uint64_t count = 0;
    RB_FOREACH (line, fund_tree, &x->pledges->funds)
        count++;
    return count;
}

uint64_t pledge_count_listed(const struct exchange *x)
{
    struct pledge_line *line;
    uint64_t count = 0;
    RB_FOREACH (line, pledge_tree, &x->pledges->lines)
        count++;
    return count;
}

uint64_t pledge_count_turns(const struct exchange *x)
{
    uint64_t count = 0;
    for (size_t account = 0; account < x->pledges->by_account_size; account++)
        count += x->pledges->by_account[account].count;
    return count;
}
