/* Backstops and their settled periods, as their parties see them. */
#include "server/exchange/backstop.h"
#include "server/exchange/query.h"

static void terms_show(const struct backstop_row *terms, struct arena *arena,
                       struct backstop_info *info)
{
    uint32_t lots_count = terms->lots_count < LOTS_MAX ? terms->lots_count : LOTS_MAX;
    uint32_t names_count = terms->certifications_count < ORDER_CERTIFICATIONS_MAX
                               ? terms->certifications_count
                               : ORDER_CERTIFICATIONS_MAX;
    struct lot *lots = query_alloc(arena, (lots_count + 1) * sizeof(*lots));
    struct required *names = query_alloc(arena, (names_count + 1) * sizeof(*names));
    for (uint32_t i = 0; i < lots_count; i++)
        lots[i] =
            (struct lot){.gpus = (uint32_t)terms->lot_gpus[i], .from_s = terms->lot_from_s[i]};
    for (uint32_t i = 0; i < names_count; i++)
        names[i].name = text_of((const char *)terms->certifications + (size_t)i * NAME_BYTES);
    info->guarantor = terms->guarantor;
    info->operator= terms->operator;
    info->site = terms->site;
    info->sku = terms->sku;
    info->gpus = terms->gpus;
    info->strike_ucr = terms->strike_ucr;
    info->period_min = terms->period_min;
    info->start_s = terms->start_s;
    info->end_s = terms->end_s;
    info->pool_ucr = terms->pool_ucr;
    info->lots.items = lots;
    info->lots.count = lots_count;
    info->price_max_ucr = terms->price_max_ucr;
    info->ahead_min = terms->ahead_min;
    info->certifications.items = names;
    info->certifications.count = names_count;
    info->version = terms->version;
}

static void info_fill(const struct exchange *x, const struct contract_row *row, uint32_t version,
                      struct arena *arena, void *out)
{
    struct backstop_info *info = out;
    const struct cover_row *cover = cover_row_find(x, row->contract);
    const struct backstop_row *terms = backstop_terms(x, row->contract, version);
    *info = (struct backstop_info){
        .contract = row->contract,
        .pending = row->pending,
        .proposer = row->proposer,
    };
    if (terms) {
        terms_show(terms, arena, info);
        info->pool_left_ucr = terms->pool_ucr;
    }
    info->state = row->state;
    info->funded_ucr = contract_funds(x, row, row->debtor);
    info->claims_ucr = row->claims_ucr;
    if (!cover)
        return;
    info->pool_left_ucr = cover->pool_left_ucr;
    info->owed_ucr = cover->owed_ucr;
    info->paid_ucr = cover->paid_ucr;
    info->elected_ucr = cover->elected_ucr;
    info->period = cover->period;
    if (terms && !cover->closed)
        info->period_end_s =
            backstop_period_end(backstop_in_force(x, row->contract), cover->period);
}

enum refusal query_backstops(const struct exchange *x, uint32_t account, const void *body,
                             struct arena *arena, const struct message **answer_out,
                             const void **body_out)
{
    const struct q_backstops *q = body;
    struct contract_page page = {
        .contract = q->contract,
        .version = q->version,
        .account = q->account,
        .kind = CONTRACT_KIND_BACKSTOP,
        .from = q->from,
        .limit = q->limit,
        .size = sizeof(struct backstop_info),
        .fill = info_fill,
    };
    enum refusal refusal = contract_page_fill(x, account, arena, &page);
    if (refusal)
        return refusal;
    struct a_backstops *answer = query_alloc(arena, sizeof(*answer));
    answer->next = page.next;
    answer->rows.items = page.rows;
    answer->rows.count = page.count;
    *answer_out = &a_backstops_message;
    *body_out = answer;
    return REFUSAL_accepted;
}

/* A page of draws goes on from the period `from`. */
enum refusal query_draws(const struct exchange *x, uint32_t account, const void *body,
                         struct arena *arena, const struct message **answer_out,
                         const void **body_out)
{
    const struct q_draws *q = body;
    enum refusal refusal = contract_visible(x, account, q->contract);
    if (refusal)
        return refusal;
    struct a_draws *answer = query_alloc(arena, sizeof(*answer));
    uint32_t rows_max = query_page_rows(q->limit);
    struct draw_info *rows = query_alloc(arena, rows_max * sizeof(*rows));
    const struct cover_row *cover = cover_row_find(x, q->contract);
    uint32_t end = cover ? cover->period : 0;
    for (uint64_t period = q->from; period < end; period++) {
        const struct draw_row key = {.contract = q->contract, .period = (uint32_t)period};
        const struct draw_row *row = store_find(x->store, TABLE_DRAW, &key);
        if (!row)
            break;
        if (answer->rows.count == rows_max) {
            answer->next = period;
            break;
        }
        const struct claim_row *claim = backstop_claim(x, row);
        const struct backstop_row *terms = backstop_terms(x, row->contract, row->version);
        rows[answer->rows.count++] = (struct draw_info){
            .contract = row->contract,
            .period = row->period,
            .start_s = row->start_s,
            .end_s = row->end_s,
            .gpu_minutes_covered = row->gpu_minutes_covered,
            .gpu_minutes_sold = row->gpu_minutes_sold,
            .gpu_minutes_elected = row->gpu_minutes_elected,
            .gpu_minutes_not_offered = row->gpu_minutes_not_offered,
            .gpu_minutes_owed = row->gpu_minutes_owed,
            .strike_ucr = terms ? terms->strike_ucr : 0,
            .owed_ucr = row->owed_ucr,
            .paid_ucr = row->paid_ucr,
            .claim = claim ? claim->claim : 0,
            .paid_since_ucr = claim ? claim->amount_ucr - claim->left_ucr : 0,
            .left_ucr = claim ? claim->left_ucr : 0,
            .pool_left_ucr = row->pool_left_ucr,
            .index = row->index,
        };
    }
    answer->rows.items = rows;
    *answer_out = &a_draws_message;
    *body_out = answer;
    return REFUSAL_accepted;
}
