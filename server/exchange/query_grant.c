/* Grants as their parties see them. */
#include "server/exchange/grant.h"
#include "server/exchange/query.h"

static void lists_fill(const struct grant_row *terms, struct arena *arena, struct grant_info *info)
{
    uint32_t count = terms->tranches_count < TRANCHES_MAX ? terms->tranches_count : TRANCHES_MAX;
    uint32_t names = terms->carve_outs_count < STREAMS_MAX ? terms->carve_outs_count : STREAMS_MAX;
    struct tranche *tranches = query_alloc(arena, (count + 1) * sizeof(*tranches));
    struct required *carve_outs = query_alloc(arena, (names + 1) * sizeof(*carve_outs));
    for (uint32_t i = 0; i < count; i++)
        tranches[i] = (struct tranche){
            .kind = (uint32_t)terms->tranche_kind[i],
            .amount_ucr = terms->tranche_amount_ucr[i],
            .from_s = terms->tranche_from_s[i],
            .spent_ucr = terms->tranche_spent_ucr[i],
        };
    for (uint32_t i = 0; i < names; i++)
        carve_outs[i].name = text_of((const char *)&terms->carve_outs[i * NAME_BYTES]);
    info->tranches.items = tranches;
    info->tranches.count = count;
    info->carve_outs.items = carve_outs;
    info->carve_outs.count = names;
}

/* The terms of a version, and where the grant stands by those in force. */
static void terms_fill(const struct exchange *x, const struct contract_row *row,
                       const struct grant_row *terms, struct arena *arena, struct grant_info *info)
{
    *info = (struct grant_info){
        .contract = row->contract,
        .funder = terms->funder,
        .startup = terms->startup,
        .series = terms->series,
        .share_bp = terms->share_bp,
        .cap_bp = terms->cap_bp,
        .start_s = terms->start_s,
        .term_months = terms->term_months,
        .tail_months = terms->tail_months,
        .declare_days = terms->declare_days,
        .version = terms->version,
        .pending = row->pending,
        .proposer = row->proposer,
        .state = row->state,
    };
    lists_fill(terms, arena, info);
    const struct advance_row *advance = grant_advance(x, row->contract);
    const struct grant_row *force = grant_terms(x, row->contract, row->version);
    if (!advance || !force)
        return;
    info->tranches_paid = advance->tranches_paid;
    info->tranches_due = tranches_due(force, advance, x->head.time_s);
    info->advanced_ucr = advance->advanced_ucr;
    info->spent_so_far_ucr = advance->spent_ucr;
    info->funded_ucr = contract_funds(x, row, row->creditor);
    info->royalty_max_ucr = royalty_cap(force, advance);
    info->royalty_ucr = advance->royalty_ucr;
    info->paid_ucr = advance->paid_ucr;
    info->recorded_ucr = advance->recorded_ucr;
    info->due_ucr = royalty_due(advance);
    info->late_month_s = revenue_late_s(force, advance, x->head.time_s);
}

static void info_fill(const struct exchange *x, const struct contract_row *row, struct arena *arena,
                      void *info)
{
    uint32_t version = row->version != 0 ? row->version : row->version_last;
    terms_fill(x, row, grant_terms(x, row->contract, version), arena, info);
}

enum refusal query_grants(const struct exchange *x, uint32_t account, const void *body,
                          struct arena *arena, const struct message **answer_out,
                          const void **body_out)
{
    const struct q_grants *q = body;
    struct contract_page page = {
        .contract = q->contract,
        .account = q->account,
        .kind = CONTRACT_KIND_GRANT,
        .from = q->from,
        .limit = q->limit,
        .size = sizeof(struct grant_info),
        .fill = info_fill,
    };
    enum refusal refusal = contract_page_fill(x, account, arena, &page);
    if (refusal)
        return refusal;
    if (q->version != 0) {
        const struct grant_row *terms =
            q->contract != 0 ? grant_terms(x, q->contract, q->version) : NULL;
        if (!terms)
            return REFUSAL_contract_no_proposal;
        terms_fill(x, contract_find(x, q->contract), terms, arena, page.rows);
    }
    struct a_grants *answer = query_alloc(arena, sizeof(*answer));
    answer->next = page.next;
    answer->rows.items = page.rows;
    answer->rows.count = page.count;
    *answer_out = &a_grants_message;
    *body_out = answer;
    return REFUSAL_accepted;
}
