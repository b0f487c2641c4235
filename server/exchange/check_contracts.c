/* Contracts of all kinds: what their rows name, their funds, claims and what is due. Each kind
 * checks its own rows besides. */
#include <stdlib.h>

#include "server/exchange/account.h"
#include "server/exchange/check.h"
#include "server/exchange/contract.h"
#include "server/exchange/due.h"
#include "server/exchange/guarantee.h"

static void contract_found(struct check_scan *s, uint64_t contract, const char *fault)
{
    s->count++;
    if (s->report)
        check_found(s->report, "contract %llu: %s", (unsigned long long)contract, fault);
}

static void claim_found(struct check_scan *s, uint64_t claim, const char *fault)
{
    s->count++;
    if (s->report)
        check_found(s->report, "claim %llu: %s", (unsigned long long)claim, fault);
}

/* --- References: what the rules rely on --- */

/* Where a kind's terms stand, and where its contracts stand once they are in force. */
static const struct {
    enum table terms;
    enum table stands;
} kind_tables[] = {
    [CONTRACT_KIND_BACKSTOP] = {TABLE_BACKSTOP, TABLE_COVER},
    [CONTRACT_KIND_REVSHARE] = {TABLE_REVSHARE, TABLE_PROGRESS},
    [CONTRACT_KIND_GRANT] = {TABLE_GRANT, TABLE_ADVANCE},
    [CONTRACT_KIND_GUARANTEE] = {TABLE_GUARANTEE, TABLE_RECOURSE},
};

static bool account_there(const struct check_scan *s, uint32_t account)
{
    return account <= ACCOUNTS_MAX && account_role(s->x, account) != 0;
}

/* Terms of all kinds begin with contract and version, and where they stand with the contract. */
static void terms_visit(struct check_scan *s, const struct contract_row *row)
{
    const struct store *store = s->x->store;
    for (uint32_t version = 1; version <= row->version_last; version++) {
        const struct guarantee_row key = {.contract = row->contract, .version = version};
        if (!store_find(store, kind_tables[row->kind].terms, &key))
            contract_found(s, row->contract, "terms of a version are missing");
    }
    if (row->version > 0 && !store_find(store, kind_tables[row->kind].stands, &row->contract))
        contract_found(s, row->contract, "was in force, and nothing says where it stands");
}

static int reference_visit(void *context, const void *item)
{
    struct check_scan *s = context;
    const struct contract_row *row = item;
    if (row->contract == 0 || row->contract > s->x->head.contract_last)
        contract_found(s, row->contract, "beyond the last one issued");
    if (!account_there(s, row->debtor) || !account_there(s, row->creditor) ||
        !account_there(s, row->proposer) || (row->third > 0 && !account_there(s, row->third)) ||
        row->debtor == row->creditor || row->third == row->debtor || row->third == row->creditor)
        contract_found(s, row->contract, "its parties are not two or three accounts");
    if (!vocabulary_name(&contract_state_vocabulary, row->state) ||
        row->escrow_series > ESCROW_ROWS_MAX)
        contract_found(s, row->contract, "of no known state, or with more series than it can");
    if (row->version_last == 0 || row->version_last > CONTRACT_VERSIONS_MAX ||
        row->version > row->version_last ||
        (row->pending != 0 && row->pending != row->version_last) ||
        (row->version == 0 && row->state != CONTRACT_STATE_PROPOSED &&
         row->state != CONTRACT_STATE_DECLINED && row->state != CONTRACT_STATE_WITHDRAWN))
        contract_found(s, row->contract, "its versions are none that there can be");
    else if (!contract_rules_of(row->kind))
        contract_found(s, row->contract, "of no known kind");
    else
        terms_visit(s, row);
    return 0;
}

static int claim_reference_visit(void *context, const void *item)
{
    struct check_scan *s = context;
    const struct claim_row *row = item;
    const struct contract_row *contract = contract_find(s->x, row->contract);
    if (row->claim == 0 || row->claim > s->x->head.claim_last)
        claim_found(s, row->claim, "beyond the last one issued");
    if (!contract || row->debtor != contract->debtor || row->creditor == row->debtor ||
        !contract_has_party(contract, row->creditor))
        claim_found(s, row->claim, "of no contract of its parties");
    return 0;
}

static int recourse_reference_visit(void *context, const void *item)
{
    struct check_scan *s = context;
    const struct recourse_row *row = item;
    const struct contract_row *contract = contract_find(s->x, row->contract);
    if (!contract || contract->kind != CONTRACT_KIND_GUARANTEE || contract->version == 0)
        contract_found(s, row->contract,
                       "has recourse, but is no lease guarantee that was ever "
                       "in force");
    return 0;
}

uint64_t check_contract_references(const struct exchange *x, struct check_report *report)
{
    struct check_scan scan = {.x = x, .report = report};
    if (store_count(x->store, TABLE_CONTRACT) != x->head.contract_last)
        contract_found(&scan, x->head.contract_last, "issued, but not all before it are there");
    if (store_count(x->store, TABLE_CLAIM) != x->head.claim_last)
        claim_found(&scan, x->head.claim_last, "issued, but not all before it are there");
    store_each(x->store, TABLE_CONTRACT, reference_visit, &scan);
    store_each(x->store, TABLE_CLAIM, claim_reference_visit, &scan);
    store_each(x->store, TABLE_RECOURSE, recourse_reference_visit, &scan);
    return scan.count;
}

/* --- What must hold between rows, indexes and what is due --- */

struct contract_scan {
    struct check_scan base;
    uint64_t due;
    uint64_t paying;
    uint64_t listed;      /* places in the lists of accounts, as the rows say */
    uint64_t claims_open; /* claims that are not wholly paid */
    uint64_t claims_listed;
    uint32_t *live; /* what counts for each account; owned */
};

static bool listed(const struct owned *o, uint32_t account, uint64_t serial)
{
    uint32_t looks = UINT32_MAX;
    uint64_t resume;
    return owned_next(o, account, serial, &looks, &resume) == serial;
}

static void state_check(struct check_scan *s, const struct contract_row *row)
{
    bool proposed = row->state == CONTRACT_STATE_PROPOSED;
    bool in_force = row->state == CONTRACT_STATE_IN_FORCE;
    bool never = row->state == CONTRACT_STATE_DECLINED || row->state == CONTRACT_STATE_WITHDRAWN;
    if ((proposed || never) != (row->version == 0) || (proposed && row->pending == 0))
        contract_found(s, row->contract, "its state is not that of its versions");
    if (!in_force && row->next_s != 0)
        contract_found(s, row->contract, "something is due, but it is not in force");
    if ((proposed || in_force) != (row->ended_s == 0) ||
        (!proposed && !in_force && row->pending != 0))
        contract_found(s, row->contract, "has ended, but not said when, or is still proposed");
}

/* The rows of a fund are those that the contract counts, without a gap. */
static void fund_check(struct check_scan *s, const struct contract_row *row)
{
    struct escrow e = escrow_read(s->x, ESCROW_KIND_CONTRACT, row->contract, row->escrow_series);
    if (e.count != row->escrow_series)
        contract_found(s, row->contract, "a row of its fund is missing");
    for (uint32_t i = 0; i < e.count; i++) {
        if (e.rows[i].owner != row->debtor && e.rows[i].owner != row->creditor)
            contract_found(s, row->contract, "a row of its fund is of no party of it");
    }
}

/* Claims are paid as long as the debtor's part of the fund has something, and only then. */
static void paying_check(struct check_scan *s, const struct contract_row *row)
{
    uint32_t count;
    if (row->claims_ucr != contract_claims(s->x, row->contract, &count))
        contract_found(s, row->contract, "its claims come to another amount");
    if (row->claims_open != count)
        contract_found(s, row->contract, "its claims come to another number");
    bool payable = count > 0 && contract_funds(s->x, row, row->debtor) > 0;
    if (payable != (row->paying_s != 0) || row->paying_s > s->x->head.time_s)
        contract_found(s, row->contract, "its fund could pay claims, and does not, or cannot");
}

static int contract_visit(void *context, const void *item)
{
    struct contract_scan *scan = context;
    struct check_scan *s = &scan->base;
    const struct contract_row *row = item;
    const struct owned *o = &s->x->contracts->by_account;
    state_check(s, row);
    fund_check(s, row);
    paying_check(s, row);
    if (!listed(o, row->debtor, row->contract) || !listed(o, row->creditor, row->contract) ||
        (row->third > 0 && !listed(o, row->third, row->contract)))
        contract_found(s, row->contract, "not in memory among those of its parties");
    scan->listed += row->third > 0 ? 3 : 2;
    scan->live[row->debtor] += contract_counts_for(row, row->debtor);
    scan->live[row->creditor] += contract_counts_for(row, row->creditor);
    struct due_item due = {.due_s = row->next_s, .kind = DUE_CONTRACT, .serial = row->contract};
    struct due_item pay = {.due_s = row->paying_s, .kind = DUE_CLAIMS, .serial = row->contract};
    scan->due += row->next_s != 0;
    scan->paying += row->paying_s != 0;
    if (row->next_s != 0 && !due_has(s->x, due))
        contract_found(s, row->contract, "is not due when its row says");
    if (row->paying_s != 0 && !due_has(s->x, pay))
        contract_found(s, row->contract, "its claims are not due to be paid when its row says");
    return 0;
}

static int claim_visit(void *context, const void *item)
{
    struct contract_scan *scan = context;
    struct check_scan *s = &scan->base;
    const struct claim_row *row = item;
    const struct owned *o = &s->x->contracts->claims_by_party;
    if (row->left_ucr > row->amount_ucr || (row->left_ucr == 0) != (row->paid_s != 0))
        claim_found(s, row->claim, "more is left than there was, or paid and not paid");
    if (row->since_s > s->x->head.time_s)
        claim_found(s, row->claim, "is owed since a time to come");
    if (!listed(o, row->debtor, row->claim) || !listed(o, row->creditor, row->claim))
        claim_found(s, row->claim, "not in memory among those of its parties");
    if (row->left_ucr > 0 && !claim_listed(s->x, row))
        claim_found(s, row->claim, "not in memory among those of its contract");
    scan->claims_open += row->left_ucr > 0;
    scan->claims_listed += 2;
    return 0;
}

static int escrow_visit(void *context, const void *item)
{
    struct check_scan *s = &((struct contract_scan *)context)->base;
    const struct escrow_row *row = item;
    if (row->kind != ESCROW_KIND_CONTRACT)
        return 0;
    const struct contract_row *contract = contract_find(s->x, row->serial);
    if (!contract || row->place >= contract->escrow_series)
        contract_found(s, row->serial, "credits are in its fund that it does not count");
    return 0;
}

/* All rows are in the indexes; with equal counts nothing else is. */
static void counts_check(struct contract_scan *scan)
{
    const struct exchange *x = scan->base.x;
    struct check_report *report = scan->base.report;
    uint64_t in_lists = 0;
    uint64_t claims_in_lists = 0;
    for (uint32_t account = 1; account <= x->head.account_last; account++) {
        in_lists += owned_count(&x->contracts->by_account, account);
        claims_in_lists += owned_count(&x->contracts->claims_by_party, account);
        if (contract_live_count(x, account) != scan->live[account])
            check_found(report, "account %u: %u contracts count for it, in memory %u", account,
                        scan->live[account], contract_live_count(x, account));
    }
    if (in_lists != scan->listed || claims_in_lists != scan->claims_listed)
        check_found(report, "contracts: the lists of accounts hold what has no rows");
    if (claim_count_open(x) != scan->claims_open)
        check_found(report, "claims: %llu are open in memory, %llu rows",
                    (unsigned long long)claim_count_open(x), (unsigned long long)scan->claims_open);
    if (due_count(x, DUE_CONTRACT) != scan->due)
        check_found(report, "contracts: %llu are due, of %llu rows",
                    (unsigned long long)due_count(x, DUE_CONTRACT), (unsigned long long)scan->due);
    if (due_count(x, DUE_CLAIMS) != scan->paying)
        check_found(report, "contracts: claims of %llu are due to be paid, of %llu rows",
                    (unsigned long long)due_count(x, DUE_CLAIMS), (unsigned long long)scan->paying);
}

void check_contracts(const struct exchange *x, struct check_report *report)
{
    struct contract_scan scan = {.base = {.x = x, .report = report}};
    scan.live = memory_zeroed(x->head.account_last + 1, sizeof(*scan.live));
    store_each(x->store, TABLE_CONTRACT, contract_visit, &scan);
    store_each(x->store, TABLE_CLAIM, claim_visit, &scan);
    store_each(x->store, TABLE_ESCROW, escrow_visit, &scan);
    counts_check(&scan);
    free(scan.live);
    check_guarantees(x, report);
}
