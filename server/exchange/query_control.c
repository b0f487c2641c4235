/* Proposals and the policy, as admins, treasurers and auditors see them. */
#include <string.h>

#include "server/exchange/account.h"
#include "server/exchange/control.h"
#include "server/exchange/query.h"

static bool control_visible(const struct exchange *x, uint32_t account)
{
    return query_sees_all(x, account) || account_role(x, account) == ROLE_TREASURER;
}

/* Who has approved: while it is open those whose approval counts now, which is of active admins. */
static void approvals_show(const struct exchange *x, const struct proposal_row *row, bool open,
                           struct arena *arena, struct proposal_info *info)
{
    struct approval *approvals = query_alloc(arena, APPROVALS_MAX * sizeof(*approvals));
    for (uint32_t i = 0; i < row->approvals; i++) {
        uint32_t account = (uint32_t)row->approved_by[i];
        if (!open || account_is_active_admin(x, account))
            approvals[info->approvals.count++].account = account;
    }
    info->approvals.items = approvals;
    if (open)
        info->needed = x->head.approvals;
}

static struct proposal_info proposal_shown(const struct exchange *x, const struct proposal_row *row,
                                           struct arena *arena)
{
    struct proposal_info info = {
        .proposal = row->proposal,
        .kind = row->kind,
        .state = row->state,
        .proposer = row->proposer,
        .proposed_s = row->proposed_s,
        .until_s = row->until_s,
        .needed = row->needed,
        .series = row->series,
        .account = row->account,
        .amount_ucr = row->amount_ucr,
        .reference = text_of(row->reference),
        .policy_approvals = row->policy_approvals,
        .mint_limit_ucr = row->mint_limit_ucr,
        .payout_limit_ucr = row->payout_limit_ucr,
        .name = text_of(row->name),
        .index = row->index,
    };
    memcpy(info.sign_key, row->sign_key, sizeof(info.sign_key));
    memcpy(info.channel_key, row->channel_key, sizeof(info.channel_key));
    if (row->state == CONTROL_STATE_OPEN && x->head.time_s >= row->until_s)
        info.state = CONTROL_STATE_EXPIRED;
    approvals_show(x, row, info.state == CONTROL_STATE_OPEN, arena, &info);
    struct payment *outputs = query_alloc(arena, CONTROL_PAYMENTS_MAX * sizeof(*outputs));
    for (uint32_t i = 0; i < row->outputs_count; i++)
        outputs[i] = (struct payment){.account = (uint32_t)row->output_account[i],
                                      .amount_ucr = row->output_ucr[i]};
    info.outputs.items = outputs;
    info.outputs.count = row->outputs_count;
    return info;
}

enum refusal query_proposals(const struct exchange *x, uint32_t account, const void *body,
                             struct arena *arena, const struct message **answer_out,
                             const void **body_out)
{
    const struct q_proposals *q = body;
    if (!control_visible(x, account))
        return account ? REFUSAL_not_visible : REFUSAL_unknown_account;
    if (q->proposal > 0 && !proposal_find(x, q->proposal))
        return REFUSAL_proposal_not_found;
    struct a_proposals *answer = query_alloc(arena, sizeof(*answer));
    uint32_t rows_max = q->proposal > 0 ? 1 : query_page_rows(q->limit);
    struct proposal_info *rows = query_alloc(arena, rows_max * sizeof(*rows));
    uint64_t last = q->proposal > 0 ? q->proposal : x->head.proposal_last;
    uint64_t serial = q->proposal > 0 ? q->proposal : q->from > 0 ? q->from : 1;
    uint32_t looks = QUERY_LOOKS_MAX;
    for (; serial <= last; serial++) {
        const struct proposal_row *row = proposal_find(x, serial);
        if (looks-- == 0 || answer->rows.count == rows_max) {
            answer->next = serial;
            break;
        }
        if (row && (q->proposal > 0 || q->all || row->state == CONTROL_STATE_OPEN))
            rows[answer->rows.count++] = proposal_shown(x, row, arena);
    }
    answer->rows.items = rows;
    *answer_out = &a_proposals_message;
    *body_out = answer;
    return REFUSAL_accepted;
}

/* Everybody may know under which limits the exchange is run. */
enum refusal query_policy(const struct exchange *x, uint32_t account, const void *body,
                          struct arena *arena, const struct message **answer_out,
                          const void **body_out)
{
    (void)account;
    (void)body;
    struct a_policy *answer = query_alloc(arena, sizeof(*answer));
    answer->approvals = x->head.approvals;
    answer->mint_limit_ucr = x->head.mint_limit_ucr;
    answer->payout_limit_ucr = x->head.payout_limit_ucr;
    answer->admins = account_admins(x);
    *answer_out = &a_policy_message;
    *body_out = answer;
    return REFUSAL_accepted;
}
