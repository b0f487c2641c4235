#include "server/exchange/control.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/moment.h"
#include "server/exchange/account.h"
#include "server/exchange/due.h"
#include "server/exchange/event.h"
#include "server/exchange/index.h"
#include "server/exchange/key.h"
#include "server/exchange/query.h"

static uint64_t today(const struct exchange *x)
{
    return x->head.time_s / DAY_S;
}

/* --- Limits --- */

static enum refusal limit_refusal(amount limit, amount so_far, amount a)
{
    if (limit == 0 || (a <= limit && so_far <= limit - a))
        return REFUSAL_accepted;
    return REFUSAL_approval_needed;
}

/* A sum for the day that is past every limit stays there. */
static amount add_capped(amount sum, amount a)
{
    return a <= UINT64_MAX - sum ? sum + a : UINT64_MAX;
}

enum refusal control_mint_refusal(const struct exchange *x, amount a)
{
    amount so_far = x->head.minted_day == today(x) ? x->head.minted_ucr : 0;
    return limit_refusal(x->head.mint_limit_ucr, so_far, a);
}

void control_minted(struct exchange *x, amount a)
{
    if (x->head.minted_day != today(x))
        x->head.minted_ucr = 0;
    x->head.minted_day = today(x);
    x->head.minted_ucr = add_capped(x->head.minted_ucr, a);
}

enum refusal control_payout_refusal(const struct exchange *x, uint32_t account, amount a)
{
    const struct account_row *row = account_find(x, account);
    amount so_far = row->paid_out_day == today(x) ? row->paid_out_ucr : 0;
    return limit_refusal(x->head.payout_limit_ucr, so_far, a);
}

void control_paid_out(struct exchange *x, uint32_t account, amount a)
{
    struct account_row row = *account_find(x, account);
    if (row.paid_out_day != today(x))
        row.paid_out_ucr = 0;
    row.paid_out_day = today(x);
    row.paid_out_ucr = add_capped(row.paid_out_ucr, a);
    store_put(x->store, TABLE_ACCOUNT, &row);
}

enum refusal control_admin_refusal(const struct exchange *x)
{
    return x->head.approvals > 1 ? REFUSAL_approval_needed : REFUSAL_accepted;
}

/* --- Proposals: index --- */

const struct proposal_row *proposal_find(const struct exchange *x, uint64_t proposal)
{
    return store_find(x->store, TABLE_PROPOSAL, &proposal);
}

static struct due_item due_of(const struct proposal_row *row)
{
    return (struct due_item){.due_s = row->until_s, .kind = DUE_PROPOSAL, .serial = row->proposal};
}

static bool is_open(const struct proposal_row *row)
{
    return row && row->state == CONTROL_STATE_OPEN;
}

static bool proposal_lives(const void *context, uint32_t account, uint64_t proposal)
{
    const struct proposal_row *row = proposal_find(context, proposal);
    return is_open(row) && row->proposer == account;
}

static void proposal_hook(void *context, const void *old_row, const void *new_row)
{
    struct exchange *x = context;
    const struct proposal_row *before = old_row;
    const struct proposal_row *after = new_row;
    if (is_open(before) && !is_open(after))
        owned_remove(&x->proposals->by_proposer, before->proposer, before->proposal);
    if (is_open(after) && !is_open(before))
        owned_add(&x->proposals->by_proposer, after->proposer, after->proposal);
    if (is_open(old_row)) {
        due_remove(x, due_of(old_row));
        x->proposals->open--;
    }
    if (is_open(new_row)) {
        due_put(x, due_of(new_row));
        x->proposals->open++;
    }
}

void proposal_index_new(struct exchange *x)
{
    x->proposals = memory_zeroed(1, sizeof(*x->proposals));
    owned_init(&x->proposals->by_proposer, proposal_lives, x);
    store_set_hook(x->store, TABLE_PROPOSAL, proposal_hook, x);
}

void proposal_index_settle(struct exchange *x)
{
    owned_settle(&x->proposals->by_proposer);
}

bool proposal_listed(const struct exchange *x, const struct proposal_row *row)
{
    uint32_t looks = UINT32_MAX;
    uint64_t resume;
    return owned_next(&x->proposals->by_proposer, row->proposer, row->proposal, &looks, &resume) ==
           row->proposal;
}

uint64_t proposal_count_listed(const struct exchange *x)
{
    uint64_t count = 0;
    for (size_t i = 0; i < x->proposals->by_proposer.runs_count; i++)
        count += owned_count(&x->proposals->by_proposer, (uint32_t)i);
    return count;
}

void proposal_index_free(struct exchange *x)
{
    if (x->proposals)
        owned_release(&x->proposals->by_proposer);
    free(x->proposals);
    x->proposals = NULL;
}

/* --- Proposing --- */

/* An account has its own part of the places, so that none keeps the others from proposing. */
static enum refusal room_refusal(const struct exchange *x, uint32_t account)
{
    bool room = x->proposals->open < PROPOSALS_OPEN_MAX &&
                owned_count(&x->proposals->by_proposer, account) < PROPOSALS_PER_ACCOUNT_MAX;
    return room ? REFUSAL_accepted : REFUSAL_too_many;
}

/* A new proposal; an admin who makes it has approved it. */
static struct proposal_row proposal_new(struct exchange *x, const struct actor *actor,
                                        enum control_kind kind)
{
    struct proposal_row row = {
        .proposal = ++x->head.proposal_last,
        .proposed_s = x->head.time_s,
        .until_s = x->head.time_s + PROPOSAL_LIFE_S,
        .index = event_next_index(x),
        .kind = (uint32_t)kind,
        .state = CONTROL_STATE_OPEN,
        .proposer = actor->account,
        .needed = x->head.approvals,
    };
    if (actor->role == ROLE_ADMIN)
        row.approved_by[row.approvals++] = actor->account;
    return row;
}

static struct op_mint proposal_mint(const struct proposal_row *row,
                                    struct payment outputs[CONTROL_PAYMENTS_MAX])
{
    struct op_mint op = {.series = row->series};
    for (uint32_t i = 0; i < row->outputs_count; i++)
        outputs[i] = (struct payment){.account = (uint32_t)row->output_account[i],
                                      .amount_ucr = row->output_ucr[i]};
    op.outputs.items = outputs;
    op.outputs.count = row->outputs_count;
    return op;
}

static struct op_payout proposal_payout(const struct proposal_row *row)
{
    return (struct op_payout){
        .series = row->series,
        .amount_ucr = row->amount_ucr,
        .account = row->account,
        .reference = text_of(row->reference),
    };
}

static struct op_account_register proposal_admin(const struct proposal_row *row)
{
    struct op_account_register op = {.role = ROLE_ADMIN, .name = text_of(row->name)};
    memcpy(op.sign_key, row->sign_key, sizeof(op.sign_key));
    memcpy(op.channel_key, row->channel_key, sizeof(op.channel_key));
    return op;
}

/* Whether the account is an admin who is frozen. */
static enum refusal thaw_refusal(const struct exchange *x, uint32_t account)
{
    uint32_t role = account_role(x, account);
    enum refusal refusal = account_thaw_refusal(x, account);
    if (role != 0 && role != ROLE_ADMIN)
        refusal = refusal_first(refusal, REFUSAL_role_not_allowed);
    return refusal;
}

static enum refusal policy_refusal(const struct exchange *x, uint32_t approvals)
{
    if (approvals == 0 || approvals > APPROVALS_MAX)
        return REFUSAL_malformed;
    return approvals > account_admins(x) ? REFUSAL_terms_invalid : REFUSAL_accepted;
}

/* Whether it could be done now. */
static enum refusal carry_refusal(const struct exchange *x, const struct proposal_row *row)
{
    struct payment outputs[CONTROL_PAYMENTS_MAX];
    switch ((enum control_kind)row->kind) {
    case CONTROL_KIND_MINT: {
        struct op_mint op = proposal_mint(row, outputs);
        return mint_check(x, &op);
    }
    case CONTROL_KIND_PAYOUT: {
        struct op_payout op = proposal_payout(row);
        return payout_check(x, row->account, &op);
    }
    case CONTROL_KIND_ADMIN:
        return row->account > 0
                   ? thaw_refusal(x, row->account)
                   : account_admissible(x, text_of(row->name), row->sign_key, row->channel_key);
    case CONTROL_KIND_POLICY:
        break;
    }
    return policy_refusal(x, row->policy_approvals);
}

static void policy_apply(struct exchange *x, const struct proposal_row *row)
{
    x->head.approvals = row->policy_approvals;
    x->head.mint_limit_ucr = row->mint_limit_ucr;
    x->head.payout_limit_ucr = row->payout_limit_ucr;
    struct ev_policy_changed event = {
        EVENT_HEAD_OF(x, 0),
        .proposal = row->proposal,
        .approvals = row->policy_approvals,
        .mint_limit_ucr = row->mint_limit_ucr,
        .payout_limit_ucr = row->payout_limit_ucr,
    };
    event_log(x, &ev_policy_changed_message, &event);
}

/* What was approved is done, by 0. */
static void carry_out(struct exchange *x, const struct proposal_row *row)
{
    struct payment outputs[CONTROL_PAYMENTS_MAX];
    switch ((enum control_kind)row->kind) {
    case CONTROL_KIND_MINT: {
        struct op_mint op = proposal_mint(row, outputs);
        uint64_t first;
        mint_apply(x, 0, &op, &first);
        break;
    }
    case CONTROL_KIND_PAYOUT: {
        struct op_payout op = proposal_payout(row);
        payout_apply(x, 0, &op);
        break;
    }
    case CONTROL_KIND_ADMIN: {
        struct op_account_register op = proposal_admin(row);
        if (row->account > 0)
            account_thaw(x, 0, row->account);
        else
            account_admit(x, 0, &op);
        break;
    }
    case CONTROL_KIND_POLICY:
        policy_apply(x, row);
        break;
    }
}

/* Puts a proposal whose event is logged; with enough approvals it is done. */
static void proposal_put(struct exchange *x, struct proposal_row *row)
{
    bool enough = row->approvals >= row->needed;
    if (enough)
        row->state = CONTROL_STATE_DONE;
    store_put(x->store, TABLE_PROPOSAL, row);
    if (enough)
        carry_out(x, row);
}

enum refusal mint_propose(struct exchange *x, const struct actor *actor, const void *body,
                          struct result *out)
{
    const struct op_mint_propose *op = body;
    struct op_mint mint = {.series = op->series};
    if (op->outputs.count > CONTROL_PAYMENTS_MAX)
        return REFUSAL_malformed;
    mint.outputs.items = op->outputs.items;
    mint.outputs.count = op->outputs.count;
    enum refusal refusal = refusal_first(mint_check(x, &mint), room_refusal(x, actor->account));
    if (refusal)
        return refusal;
    struct proposal_row row = proposal_new(x, actor, CONTROL_KIND_MINT);
    row.series = op->series;
    row.outputs_count = op->outputs.count;
    for (uint32_t i = 0; i < op->outputs.count; i++) {
        row.output_account[i] = op->outputs.items[i].account;
        row.output_ucr[i] = op->outputs.items[i].amount_ucr;
        row.amount_ucr += op->outputs.items[i].amount_ucr;
    }
    struct ev_mint_proposed event = {EVENT_HEAD_OF(x, actor->account), .proposal = row.proposal,
                                     .series = op->series};
    event.outputs.items = op->outputs.items;
    event.outputs.count = op->outputs.count;
    event_log(x, &ev_mint_proposed_message, &event);
    key_moves(x, row.amount_ucr);
    proposal_put(x, &row);
    out->object = row.proposal;
    return REFUSAL_accepted;
}

enum refusal payout_propose(struct exchange *x, const struct actor *actor, const void *body,
                            struct result *out)
{
    const struct op_payout_propose *op = body;
    struct op_payout payout;
    static_assert(sizeof(payout) == sizeof(*op), "a proposal has the fields of a payout");
    memcpy(&payout, op, sizeof(payout));
    enum refusal refusal =
        refusal_first(payout_check(x, op->account, &payout), room_refusal(x, actor->account));
    if (refusal)
        return refusal;
    struct proposal_row row = proposal_new(x, actor, CONTROL_KIND_PAYOUT);
    row.series = op->series;
    row.account = op->account;
    row.amount_ucr = op->amount_ucr;
    column_set(row.reference, sizeof(row.reference), op->reference);
    struct ev_payout_proposed event = {
        EVENT_HEAD_OF(x, actor->account), .proposal = row.proposal,   .series = op->series,
        .amount_ucr = op->amount_ucr,     .reference = op->reference, .account = op->account,
    };
    event_log(x, &ev_payout_proposed_message, &event);
    key_moves(x, row.amount_ucr);
    proposal_put(x, &row);
    out->object = row.proposal;
    return REFUSAL_accepted;
}

enum refusal policy_propose(struct exchange *x, const struct actor *actor, const void *body,
                            struct result *out)
{
    const struct op_policy_propose *op = body;
    enum refusal refusal =
        refusal_first(policy_refusal(x, op->approvals), room_refusal(x, actor->account));
    if (refusal)
        return refusal;
    struct proposal_row row = proposal_new(x, actor, CONTROL_KIND_POLICY);
    row.policy_approvals = op->approvals;
    row.mint_limit_ucr = op->mint_limit_ucr;
    row.payout_limit_ucr = op->payout_limit_ucr;
    struct ev_policy_proposed event = {
        EVENT_HEAD_OF(x, actor->account),
        .proposal = row.proposal,
        .approvals = op->approvals,
        .mint_limit_ucr = op->mint_limit_ucr,
        .payout_limit_ucr = op->payout_limit_ucr,
    };
    event_log(x, &ev_policy_proposed_message, &event);
    proposal_put(x, &row);
    out->object = row.proposal;
    return REFUSAL_accepted;
}

enum refusal admin_propose(struct exchange *x, const struct actor *actor, const void *body,
                           struct result *out)
{
    const struct op_admin_propose *op = body;
    bool is_new = op->account == 0;
    if (!is_new &&
        (op->name.length > 0 || !key_is_zero(op->sign_key) || !key_is_zero(op->channel_key)))
        return REFUSAL_malformed;
    enum refusal refusal = is_new ? account_admissible(x, op->name, op->sign_key, op->channel_key)
                                  : thaw_refusal(x, op->account);
    refusal = refusal_first(refusal, room_refusal(x, actor->account));
    if (refusal)
        return refusal;
    struct proposal_row row = proposal_new(x, actor, CONTROL_KIND_ADMIN);
    row.account = op->account;
    column_set(row.name, sizeof(row.name), op->name);
    memcpy(row.sign_key, op->sign_key, sizeof(row.sign_key));
    memcpy(row.channel_key, op->channel_key, sizeof(row.channel_key));
    struct ev_admin_proposed event = {EVENT_HEAD_OF(x, actor->account), .proposal = row.proposal,
                                      .account = op->account, .name = op->name};
    memcpy(event.sign_key, op->sign_key, sizeof(event.sign_key));
    memcpy(event.channel_key, op->channel_key, sizeof(event.channel_key));
    event_log(x, &ev_admin_proposed_message, &event);
    proposal_put(x, &row);
    out->object = row.proposal;
    return REFUSAL_accepted;
}

/* --- Approving and rejecting --- */

static enum refusal answer_refusal(const struct exchange *x, uint64_t proposal)
{
    const struct proposal_row *row = proposal_find(x, proposal);
    if (!row)
        return REFUSAL_proposal_not_found;
    if (row->state != CONTROL_STATE_OPEN || x->head.time_s >= row->until_s)
        return REFUSAL_proposal_closed;
    return REFUSAL_accepted;
}

/* The limits of a further key bound what it may move; who decides has the main key. */
static bool is_money(const struct proposal_row *row)
{
    return row->kind == CONTROL_KIND_MINT || row->kind == CONTROL_KIND_PAYOUT;
}

static bool has_approved(const struct proposal_row *row, uint32_t account)
{
    for (uint32_t i = 0; i < row->approvals; i++) {
        if (row->approved_by[i] == account)
            return true;
    }
    return false;
}

/* Leaves those of who approved that are still active admins: only these count. */
static void approvals_prune(const struct exchange *x, struct proposal_row *row)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < row->approvals; i++) {
        if (account_is_active_admin(x, (uint32_t)row->approved_by[i]))
            row->approved_by[kept++] = row->approved_by[i];
    }
    for (uint32_t i = kept; i < row->approvals; i++)
        row->approved_by[i] = 0;
    row->approvals = kept;
}

static enum refusal approve_refusal(const struct exchange *x, const struct actor *actor,
                                    uint64_t proposal)
{
    const struct proposal_row *row = proposal_find(x, proposal);
    enum refusal refusal = answer_refusal(x, proposal);
    if (row && !actor->main_key && !is_money(row))
        refusal = refusal_first(refusal, REFUSAL_main_key_needed);
    if (row && has_approved(row, actor->account))
        refusal = refusal_first(refusal, REFUSAL_already_approved);
    return refusal;
}

enum refusal control_approve(struct exchange *x, const struct actor *actor, const void *body,
                             struct result *out)
{
    const struct op_control_approve *op = body;
    enum refusal refusal = approve_refusal(x, actor, op->proposal);
    if (refusal)
        return refusal;
    struct proposal_row row = *proposal_find(x, op->proposal);
    approvals_prune(x, &row);
    row.approved_by[row.approvals++] = actor->account;
    row.needed = x->head.approvals;
    if (row.approvals >= row.needed)
        refusal = carry_refusal(x, &row);
    if (refusal)
        return refusal;
    struct ev_control_approved event = {
        EVENT_HEAD_OF(x, actor->account),
        .proposal = row.proposal,
        .approvals = row.approvals,
        .needed = row.needed,
    };
    event_log(x, &ev_control_approved_message, &event);
    key_moves(x, row.amount_ucr);
    proposal_put(x, &row);
    out->object = row.proposal;
    return REFUSAL_accepted;
}

static void proposal_close(struct exchange *x, uint32_t by, struct proposal_row *row,
                           enum control_state state, struct text reason)
{
    row->state = (uint32_t)state;
    store_put(x->store, TABLE_PROPOSAL, row);
    struct ev_control_rejected event = {
        EVENT_HEAD_OF(x, by),
        .proposal = row->proposal,
        .reason = reason,
        .state = (uint32_t)state,
    };
    event_log(x, &ev_control_rejected_message, &event);
}

enum refusal control_reject(struct exchange *x, const struct actor *actor, const void *body,
                            struct result *out)
{
    const struct op_control_reject *op = body;
    const struct proposal_row *found = proposal_find(x, op->proposal);
    bool own = found && found->proposer == actor->account;
    enum refusal refusal = answer_refusal(x, op->proposal);
    if (found && !own && actor->role != ROLE_ADMIN)
        refusal = REFUSAL_not_permitted;
    if (refusal)
        return refusal;
    struct proposal_row row = *found;
    proposal_close(x, actor->account, &row, own ? CONTROL_STATE_WITHDRAWN : CONTROL_STATE_REJECTED,
                   op->reason);
    out->object = row.proposal;
    return REFUSAL_accepted;
}

void proposal_due(struct exchange *x, struct due_item item)
{
    struct proposal_row row = *proposal_find(x, item.serial);
    proposal_close(x, 0, &row, CONTROL_STATE_EXPIRED, (struct text){0});
}
