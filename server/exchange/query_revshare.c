/* Revenue shares as their parties see them: terms, where they stand, and every deduction. */
#include "protocol/month.h"
#include "server/exchange/query.h"
#include "server/exchange/revshare.h"
#include "server/exchange/revshare_split.h"

static void terms_fill(const struct revshare_row *terms, struct arena *arena,
                       struct revshare_info *info)
{
    struct phase *phases = query_alloc(arena, PHASES_MAX * sizeof(*phases));
    for (uint32_t i = 0; i < terms->phases_count; i++)
        phases[i] = (struct phase){
            .rate_bp = (uint32_t)terms->rate_bp[i],
            .utilisation_ppm = (uint32_t)terms->utilisation_ppm[i],
            .milestone_ucr = terms->milestone_ucr[i],
        };
    info->version = terms->version;
    info->beneficiary = terms->beneficiary;
    info->operator= terms->operator;
    info->site = terms->site;
    info->base = terms->base;
    info->floor_ucr = terms->floor_ucr;
    info->rank = terms->rank;
    info->start_s = terms->start_s;
    info->window_days = terms->window_days;
    info->latching = terms->latching;
    info->milestone = terms->milestone;
    info->phases.items = phases;
    info->phases.count = terms->phases_count;
}

static void progress_fill(const struct exchange *x, const struct contract_row *row,
                          struct revshare_info *info)
{
    const struct progress_row *p = revshare_progress(x, row->contract);
    if (!p)
        return;
    const struct revshare_row *terms = revshare_terms(x, row->contract, row->version);
    info->phase = p->phase;
    info->utilisation_now_ppm = p->utilisation_ppm;
    info->utilisation_s = p->utilisation_s;
    info->utilisation_from_s = revshare_measured_from_s(row, terms, p);
    info->utilisation_reached = revshare_utilised(terms, p);
    info->cash_reached = revshare_cashed(terms, p);
    info->cash_left_ucr = revshare_cash_left(terms, p);
    info->gross_ucr = p->gross_ucr;
    if (p->month_s == month_start_s(month_of(x->head.time_s)))
        info->month_gross_ucr = p->month_gross_ucr;
    info->share_ucr = p->share_ucr;
    info->paid_ucr = p->share_ucr > row->claims_ucr ? p->share_ucr - row->claims_ucr : 0;
}

static void info_fill(const struct exchange *x, const struct contract_row *row, uint32_t version,
                      struct arena *arena, void *out)
{
    struct revshare_info *info = out;
    *info = (struct revshare_info){
        .contract = row->contract,
        .pending = row->pending,
        .proposer = row->proposer,
        .state = row->state,
        .claims_ucr = row->claims_ucr,
    };
    const struct revshare_row *terms = revshare_terms(x, row->contract, version);
    terms_fill(terms, arena, info);
    /* Of what never was in force all of the first milestone is left; that of a last phase is 0. */
    if (terms->phases_count > 0)
        info->cash_left_ucr = terms->milestone_ucr[0];
    progress_fill(x, row, info);
}

enum refusal query_revshares(const struct exchange *x, uint32_t account, const void *body,
                             struct arena *arena, const struct message **answer_out,
                             const void **body_out)
{
    const struct q_revshares *q = body;
    struct contract_page page = {
        .contract = q->contract,
        .version = q->version,
        .account = q->account,
        .kind = CONTRACT_KIND_REVSHARE,
        .from = q->from,
        .limit = q->limit,
        .size = sizeof(struct revshare_info),
        .fill = info_fill,
    };
    enum refusal refusal = contract_page_fill(x, account, arena, &page);
    if (refusal)
        return refusal;
    struct a_revshares *answer = query_alloc(arena, sizeof(*answer));
    answer->next = page.next;
    answer->rows.items = page.rows;
    answer->rows.count = page.count;
    *answer_out = &a_revshares_message;
    *body_out = answer;
    return REFUSAL_accepted;
}

/* --- Deductions --- */

enum refusal query_shares(const struct exchange *x, uint32_t account, const void *body,
                          struct arena *arena, const struct message **answer_out,
                          const void **body_out)
{
    const struct q_shares *q = body;
    enum refusal refusal = contract_visible(x, account, q->contract);
    if (refusal)
        return refusal;
    uint32_t rows_max = query_page_rows(q->limit);
    struct a_shares *answer = query_alloc(arena, sizeof(*answer));
    struct share_info *rows = query_alloc(arena, rows_max * sizeof(*rows));
    const struct progress_row *p = revshare_progress(x, q->contract);
    uint64_t last = p ? p->shares : 0;
    for (uint64_t share = q->from > 0 ? q->from : 1; share <= last; share++) {
        if (answer->rows.count == rows_max) {
            answer->next = share;
            break;
        }
        struct share_row key = {.contract = q->contract, .share = share};
        const struct share_row *row = store_find(x->store, TABLE_SHARE, &key);
        if (!row)
            continue;
        const struct claim_row *claim = revshare_claim(x, row);
        rows[answer->rows.count++] = (struct share_info){
            .contract = row->contract,
            .share = row->share,
            .time_s = row->time_s,
            .lease = row->lease,
            .period = row->period,
            .gross_ucr = row->gross_ucr,
            .base_ucr = row->base_ucr,
            .phase_first = row->phase_first,
            .phase_last = row->phase_last,
            .share_ucr = row->share_ucr,
            .paid_ucr = row->paid_ucr,
            .claims_ucr = row->claims_ucr,
            .claim = claim ? claim->claim : 0,
            .paid_since_ucr = claim ? claim->amount_ucr - claim->left_ucr : 0,
            .left_ucr = claim ? claim->left_ucr : 0,
            .index = row->index,
        };
    }
    answer->rows.items = rows;
    *answer_out = &a_shares_message;
    *body_out = answer;
    return REFUSAL_accepted;
}
