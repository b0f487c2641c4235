/* How the rules of an account stand. */
#include "server/exchange/account.h"
#include "server/exchange/index.h"
#include "server/exchange/query.h"
#include "server/exchange/rule_held.h"

/* What it asks of sites and terms; lists are those of the row. */
static void constraints_tell(const struct rule_row *row, const struct rule_terms *terms,
                             struct arena *arena, struct rule_info *info)
{
    const struct wish *w = &terms->wish;
    info->regions.count = w->regions_count;
    info->regions.items = query_texts(row->regions, PLACE_BYTES, w->regions_count, arena);
    info->jurisdictions.count = w->jurisdictions_count;
    info->jurisdictions.items =
        query_texts(row->jurisdictions, PLACE_BYTES, w->jurisdictions_count, arena);
    info->certifications.count = w->certifications_count;
    info->certifications.items =
        query_texts(row->certifications, NAME_BYTES, w->certifications_count, arena);
    info->interconnect = w->interconnect;
    info->carbon_g_max = row->carbon_g_max;
    info->reliability_ppm_min = row->reliability_ppm_min;
    info->preemptible_ok = w->preemptible_ok;
    info->profile = row->profile;
}

static void info_fill(const struct exchange *x, struct arena *arena, struct rule_info *info,
                      const struct rule_row *row, uint32_t *looks)
{
    struct rule_look look = {.budget = 0};
    struct rule_terms terms;
    struct sku_limit *skus = query_alloc(arena, sizeof(terms.skus));
    rule_terms_read(row, &terms);
    for (uint32_t i = 0; i < terms.wish.skus_count; i++)
        skus[i] = terms.skus[i];
    rule_look(x, row, &look, looks);
    *info = (struct rule_info){
        .rule = row->rule,
        .account = row->account,
        .state = row->state,
        .skus = {skus, terms.wish.skus_count},
        .gpus = row->gpus,
        .horizon_min = row->horizon_min,
        .resell = (row->flags & RULE_RESELLS) != 0,
        .sell_price_ucr = row->sell_price_ucr,
        .budget_ucr = look.budget,
        .spent_ucr = row->spent_ucr,
        .held_gpus = look.held,
        .runway_warn_min = row->runway_min,
        .runway_min = look.runway_min,
        .last_refusal = row->last_refusal,
        .index = row->index,
    };
    constraints_tell(row, &terms, arena, info);
}

/* Each rule looks at all leases of its account: a page with many ends early. */
static void rules_answer(const struct exchange *x, uint32_t owner, const struct q_rules *q,
                         struct arena *arena, uint32_t limit, struct a_rules *answer,
                         struct rule_info *infos)
{
    uint32_t looks = QUERY_LOOKS_MAX;
    uint32_t looked = 0;
    uint64_t serial = q->from;
    while ((serial = owned_next(&x->rules->by_account, owner, serial, &looks, &answer->next)) !=
           0) {
        if (answer->rows.count == limit || looked >= QUERY_LOOKS_MAX) {
            answer->next = serial;
            break;
        }
        info_fill(x, arena, &infos[answer->rows.count++], rule_find(x, serial), &looked);
        serial++;
    }
}

enum refusal query_rules(const struct exchange *x, uint32_t account, const void *body,
                         struct arena *arena, const struct message **answer_out,
                         const void **body_out)
{
    const struct q_rules *q = body;
    struct a_rules *answer = query_alloc(arena, sizeof(*answer));
    uint32_t limit = q->rule > 0 ? 1 : query_page_rows(q->limit);
    struct rule_info *infos = query_alloc(arena, limit * sizeof(*infos));

    if (q->rule > 0) {
        const struct rule_row *row = rule_find(x, q->rule);
        uint32_t looks = 0;
        if (!row || account == 0 || (row->account != account && !query_sees_all(x, account)))
            return REFUSAL_not_found;
        info_fill(x, arena, &infos[answer->rows.count++], row, &looks);
    } else {
        uint32_t owner;
        enum refusal refusal = query_subject(x, account, q->account, &owner);
        if (refusal)
            return refusal;
        rules_answer(x, owner, q, arena, limit, answer, infos);
    }
    answer->rows.items = infos;
    *answer_out = &a_rules_message;
    *body_out = answer;
    return REFUSAL_accepted;
}
