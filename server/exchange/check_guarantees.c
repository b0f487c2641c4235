/* Lease guarantees: what was called adds up, nobody recovers more than he paid, and what is pledged
 * is what their funds lack. */
#include <stdlib.h>

#include "protocol/amount.h"
#include "server/exchange/check.h"
#include "server/exchange/event.h"
#include "server/exchange/guarantee.h"
#include "server/exchange/pledge.h"

static void guarantee_found(struct check_scan *s, uint64_t contract, const char *fault)
{
    check_found(s->report, "lease guarantee %llu: %s", (unsigned long long)contract, fault);
}

static int recourse_visit(void *context, const void *item)
{
    struct check_scan *s = context;
    const struct recourse_row *row = item;
    const struct contract_row *contract = contract_find(s->x, row->contract);
    const struct guarantee_row *terms = guarantee_terms(s->x, row->contract, contract->version);
    bool paid = row->by_guarantor_ucr >= contract->claims_ucr;
    if (row->called_ucr - row->by_operator_ucr != row->by_guarantor_ucr ||
        row->by_operator_ucr > row->called_ucr)
        guarantee_found(s, row->contract, "what was called is not what both have paid and owe");
    if (row->by_guarantor_ucr > terms->limit_ucr || row->site != terms->site)
        guarantee_found(s, row->contract, "called beyond its limit, or for another site");
    if (!paid || row->recovered_ucr > row->by_guarantor_ucr - contract->claims_ucr)
        guarantee_found(s, row->contract, "more is claimed or recovered than was called");
    if (row->place <= contract->index || row->place >= event_next_index(s->x))
        guarantee_found(s, row->contract, "its place is no entry by which it was accepted");
    bool stands = row->stepped_in_s > 0;
    if (stands && (!terms->step_in || (paid && guarantee_to_recover(contract, row) == 0)))
        guarantee_found(s, row->contract, "stepped in, with nothing to recover or no right to");
    s->count += stands;
    if (stands && !guarantee_listed(s->x, row))
        guarantee_found(s, row->contract, "not in memory among those that have stepped in");
    return 0;
}

/* --- Who came first --- */

/* Where a guarantee stands among others, and since when as far as its contract says so: what has
 * been amended may have its place from before its last acceptance. */
struct turn {
    uint64_t place;
    uint64_t contract;
    uint64_t accepted_s;
    bool amended;
};

struct turn_scan {
    const struct exchange *x;
    struct turn *turns;
    size_t count;
};

static int turn_add(void *context, const void *item)
{
    struct turn_scan *scan = context;
    const struct recourse_row *row = item;
    const struct contract_row *contract = contract_find(scan->x, row->contract);
    scan->turns[scan->count++] = (struct turn){.place = row->place,
                                               .contract = row->contract,
                                               .accepted_s = contract->accepted_s,
                                               .amended = contract->version > 1};
    return 0;
}

static int turn_compare(const void *a, const void *b)
{
    return number_compare(((const struct turn *)a)->place, ((const struct turn *)b)->place);
}

/* No two have one place, and they stand in the order in which they were accepted. */
static void turns_check(const struct exchange *x, struct check_report *report)
{
    struct check_scan s = {.x = x, .report = report};
    struct turn_scan scan = {.x = x};
    scan.turns = memory_zeroed(store_count(x->store, TABLE_RECOURSE) + 1, sizeof(*scan.turns));
    store_each(x->store, TABLE_RECOURSE, turn_add, &scan);
    qsort(scan.turns, scan.count, sizeof(*scan.turns), turn_compare);
    uint64_t since_s = 0;
    for (size_t i = 0; i < scan.count; i++) {
        const struct turn *turn = &scan.turns[i];
        if (i > 0 && turn->place == turn[-1].place)
            guarantee_found(&s, turn->contract, "has the place of another one");
        if (turn->accepted_s < since_s)
            guarantee_found(&s, turn->contract, "stands behind one that was accepted later");
        if (!turn->amended)
            since_s = turn->accepted_s;
    }
    free(scan.turns);
}

/* The terms name the parties of their contract. */
static int terms_visit(void *context, const void *item)
{
    struct check_scan *s = context;
    const struct guarantee_row *row = item;
    const struct contract_row *contract = contract_find(s->x, row->contract);
    if (!contract || contract->kind != CONTRACT_KIND_GUARANTEE || row->version == 0 ||
        row->version > contract->version_last)
        guarantee_found(s, row->contract, "terms of a contract or version that is not there");
    else if (row->guarantor != contract->debtor || row->operator!= contract->creditor ||
                                                   row->beneficiary != contract->third)
        guarantee_found(s, row->contract, "terms of other parties");
    if (contract && row->version == contract->version &&
        contract->state == CONTRACT_STATE_IN_FORCE &&
        (contract->start_s != row->start_s || contract->end_s != row->end_s ||
         contract->next_s != row->end_s))
        guarantee_found(s, row->contract, "does not begin or end when its terms say");
    return 0;
}

/* --- What is pledged --- */

struct pledge_scan {
    struct check_scan base;
    uint64_t funds; /* parts of funds that hold something */
    uint64_t lines; /* guarantees whose escrow is not all in the fund */
    wide *missing;  /* of all guarantees of an operator */
};

static void fund_check(struct pledge_scan *scan, const struct contract_row *row, uint32_t account)
{
    const struct exchange *x = scan->base.x;
    amount held = contract_funds(x, row, account);
    scan->funds += held > 0;
    if (pledge_fund_listed(x, row->contract, account) != held)
        check_found(scan->base.report,
                    "contract %llu: what account %u has in its fund is another amount in memory",
                    (unsigned long long)row->contract, account);
}

static int pledge_visit(void *context, const void *item)
{
    struct pledge_scan *scan = context;
    const struct exchange *x = scan->base.x;
    const struct contract_row *row = item;
    fund_check(scan, row, row->debtor);
    fund_check(scan, row, row->creditor);
    if (row->kind != CONTRACT_KIND_GUARANTEE || row->state != CONTRACT_STATE_IN_FORCE)
        return 0;
    amount escrow = guarantee_escrow_left(x, guarantee_terms(x, row->contract, row->version));
    amount held = contract_funds(x, row, row->creditor);
    amount missing = escrow > held ? escrow - held : 0;
    scan->lines += missing > 0;
    scan->missing[row->creditor] += missing;
    const struct recourse_row *recourse = guarantee_recourse(x, row->contract);
    if (pledge_listed(x, row, recourse ? recourse->place : 0) != missing)
        guarantee_found(&scan->base, row->contract,
                        "what is missing of its escrow is another amount in memory, or in "
                        "another place");
    return 0;
}

static void pledges_check(const struct exchange *x, struct check_report *report)
{
    struct pledge_scan scan = {.base = {.x = x, .report = report}};
    uint32_t accounts = x->head.account_last;
    scan.missing = memory_zeroed((size_t)accounts + 1, sizeof(*scan.missing));
    store_each(x->store, TABLE_CONTRACT, pledge_visit, &scan);
    for (uint32_t account = 1; account <= accounts; account++) {
        if (pledge_sum(x, account) != scan.missing[account])
            check_found(report, "lease guarantees: account %u has pledged another amount in memory",
                        account);
    }
    if (pledge_count_funds(x) != scan.funds || pledge_count_listed(x) != scan.lines ||
        pledge_count_turns(x) != scan.lines)
        check_found(report, "lease guarantees: funds or pledges are in memory that have no rows");
    free(scan.missing);
}

void check_guarantees(const struct exchange *x, struct check_report *report)
{
    struct check_scan scan = {.x = x, .report = report};
    store_each(x->store, TABLE_RECOURSE, recourse_visit, &scan);
    store_each(x->store, TABLE_GUARANTEE, terms_visit, &scan);
    if (guarantee_count_listed(x) != scan.count)
        check_found(report, "lease guarantees: %llu have stepped in, in memory %llu",
                    (unsigned long long)scan.count, (unsigned long long)guarantee_count_listed(x));
    turns_check(x, report);
    pledges_check(x, report);
}
