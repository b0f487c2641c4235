/* Dual control: what the policy may be, and that open proposals can be approved and fall due. */
#include "protocol/moment.h"
#include "server/exchange/account.h"
#include "server/exchange/check.h"
#include "server/exchange/control.h"
#include "server/exchange/due.h"
#include "server/exchange/series.h"

static void proposal_found(struct check_scan *s, const struct proposal_row *row, const char *fault)
{
    if (s->report)
        check_found(s->report, "proposal %llu: %s", (unsigned long long)row->proposal, fault);
}

/* --- References: what the rules rely on without looking --- */

static void reference_found(struct check_scan *s, const struct proposal_row *row, const char *fault)
{
    s->count++;
    proposal_found(s, row, fault);
}

static bool account_is_there(const struct exchange *x, uint64_t account)
{
    return account <= ACCOUNTS_MAX && account_role(x, (uint32_t)account) != 0;
}

/* Each is an account, none stands twice, and what is beyond the count is empty. */
static bool approvals_fit(const struct exchange *x, const struct proposal_row *row)
{
    if (row->approvals > APPROVALS_MAX)
        return false;
    for (uint32_t i = 0; i < APPROVALS_MAX; i++) {
        if (i >= row->approvals ? row->approved_by[i] != 0
                                : !account_is_there(x, row->approved_by[i]))
            return false;
        for (uint32_t k = 0; k < i && i < row->approvals; k++) {
            if (row->approved_by[k] == row->approved_by[i])
                return false;
        }
    }
    return true;
}

/* Only a proposal to mint has outputs, and its amount is theirs. */
static bool outputs_fit(const struct exchange *x, const struct proposal_row *row)
{
    bool mints = row->kind == CONTROL_KIND_MINT;
    amount total = 0;
    if (row->outputs_count > CONTROL_PAYMENTS_MAX || mints != (row->outputs_count > 0))
        return false;
    for (uint32_t i = 0; i < row->outputs_count; i++) {
        if (!account_is_there(x, row->output_account[i]) ||
            !amount_add(total, row->output_ucr[i], &total))
            return false;
    }
    return !mints || total == row->amount_ucr;
}

static bool subject_fits(const struct exchange *x, const struct proposal_row *row)
{
    switch ((enum control_kind)row->kind) {
    case CONTROL_KIND_MINT:
        return series_find(x, row->series) != NULL;
    case CONTROL_KIND_PAYOUT:
        return series_find(x, row->series) != NULL && account_is_there(x, row->account);
    case CONTROL_KIND_POLICY:
        return row->policy_approvals > 0 && row->policy_approvals <= APPROVALS_MAX;
    case CONTROL_KIND_ADMIN:
        return row->account == 0 || account_role(x, row->account) == ROLE_ADMIN;
    }
    return false;
}

static int reference_visit(void *context, const void *item)
{
    struct check_scan *s = context;
    const struct proposal_row *row = item;
    if (row->proposal == 0 || row->proposal > s->x->head.proposal_last)
        reference_found(s, row, "its number was never issued");
    if (!vocabulary_name(&control_kind_vocabulary, row->kind) ||
        !vocabulary_name(&control_state_vocabulary, row->state))
        reference_found(s, row, "of no known kind or state");
    else if (!subject_fits(s->x, row))
        reference_found(s, row, "names no such series or account, or more approvals than can be");
    if (!account_is_there(s->x, row->proposer))
        reference_found(s, row, "by no known account");
    if (!approvals_fit(s->x, row))
        reference_found(s, row, "its approvals are not those of so many different accounts");
    if (!outputs_fit(s->x, row))
        reference_found(s, row, "its outputs are not what it is to mint");
    if (row->name[sizeof(row->name) - 1] || row->reference[sizeof(row->reference) - 1])
        reference_found(s, row, "a text does not end");
    return 0;
}

uint64_t check_control_references(const struct exchange *x, struct check_report *report)
{
    struct check_scan scan = {.x = x, .report = report};
    if (x->head.approvals == 0 || x->head.approvals > APPROVALS_MAX) {
        scan.count++;
        if (report)
            check_found(report, "policy: %u approvals are none that there can be",
                        x->head.approvals);
    } else if (x->head.account_last > 0 && account_admins(x) < x->head.approvals) {
        scan.count++;
        if (report)
            check_found(report, "policy: %u admins are to approve, but there are %u",
                        x->head.approvals, account_admins(x));
    }
    store_each(x->store, TABLE_PROPOSAL, reference_visit, &scan);
    return scan.count;
}

/* --- Proposals --- */

static int proposal_visit(void *context, const void *item)
{
    struct check_scan *s = context;
    const struct proposal_row *row = item;
    bool open = row->state == CONTROL_STATE_OPEN;
    bool due = due_has(s->x, (struct due_item){
                                 .due_s = row->until_s,
                                 .kind = DUE_PROPOSAL,
                                 .serial = row->proposal,
                             });
    s->count += open;
    if (open != due)
        proposal_found(s, row,
                       open ? "open, but its end is not due" : "closed, but its end is due");
    if (open && !proposal_listed(s->x, row))
        proposal_found(s, row, "open, but not among those of its proposer");
    if (row->until_s != row->proposed_s + PROPOSAL_LIFE_S || row->proposed_s > s->x->head.time_s)
        proposal_found(s, row, "does not end when one made then does");
    for (uint32_t i = 0; i < row->approvals; i++) {
        if (account_role(s->x, (uint32_t)row->approved_by[i]) != ROLE_ADMIN)
            proposal_found(s, row, "approved by who is no admin");
    }
    if (row->needed == 0 || row->needed > APPROVALS_MAX)
        proposal_found(s, row, "needs no number of approvals that there can be");
    else if (open && row->approvals >= row->needed)
        proposal_found(s, row, "open, but has the approvals that it needs");
    else if (row->state == CONTROL_STATE_DONE && row->approvals < row->needed)
        proposal_found(s, row, "done without the approvals that it needed");
    return 0;
}

/* --- What was done on one word --- */

static int account_visit(void *context, const void *item)
{
    struct check_scan *s = context;
    const struct account_row *row = item;
    s->count += row->role == ROLE_ADMIN && row->state == ACCOUNT_STATE_ACTIVE;
    if (row->paid_out_day > s->x->head.time_s / DAY_S)
        check_found(s->report, "account %u: was paid out on a day to come", row->account);
    return 0;
}

void check_control(const struct exchange *x, struct check_report *report)
{
    struct check_scan proposals = {.x = x, .report = report};
    struct check_scan accounts = {.x = x, .report = report};
    store_each(x->store, TABLE_PROPOSAL, proposal_visit, &proposals);
    store_each(x->store, TABLE_ACCOUNT, account_visit, &accounts);
    if (store_count(x->store, TABLE_PROPOSAL) != x->head.proposal_last)
        check_found(report, "proposals: %llu issued, but not all are there",
                    (unsigned long long)x->head.proposal_last);
    if (proposals.count != x->proposals->open || due_count(x, DUE_PROPOSAL) != proposals.count)
        check_found(report, "proposals: %llu are open, in memory %llu, due %llu",
                    (unsigned long long)proposals.count, (unsigned long long)x->proposals->open,
                    (unsigned long long)due_count(x, DUE_PROPOSAL));
    if (proposals.count != proposal_count_listed(x))
        check_found(report, "proposals: %llu are open, by their proposers %llu",
                    (unsigned long long)proposals.count,
                    (unsigned long long)proposal_count_listed(x));
    if (accounts.count != account_admins(x))
        check_found(report, "accounts: %llu admins are active, in memory %u",
                    (unsigned long long)accounts.count, account_admins(x));
    if (x->head.minted_day > x->head.time_s / DAY_S)
        check_found(report, "policy: minted on a day to come");
}
