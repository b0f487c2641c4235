#include "server/exchange/quote.h"

#include "server/exchange/fill.h"
#include "server/exchange/order.h"
#include "server/exchange/rest.h"
#include "server/exchange/series.h"

/* The fields that a quote shares with an order. */
static struct op_order_place quote_order(const struct q_quote *q)
{
    return (struct op_order_place){
        .skus = {q->skus.items, q->skus.count},
        .gpus = q->gpus,
        .gpus_min = q->gpus_min,
        .block_gpus = q->block_gpus,
        .duration_min = q->duration_min,
        .start_from_s = q->start_from_s,
        .start_until_s = q->start_until_s,
        .placement = q->placement,
        .time_in_force = q->time_in_force,
        .rest_until_s = q->rest_until_s,
        .regions = {q->regions.items, q->regions.count},
        .jurisdictions = {q->jurisdictions.items, q->jurisdictions.count},
        .preemptible_ok = q->preemptible_ok,
        .profile = q->profile,
        .certifications = {q->certifications.items, q->certifications.count},
        .interconnect = q->interconnect,
        .carbon_g_max = q->carbon_g_max,
        .reliability_ppm_min = q->reliability_ppm_min,
        .funded_min = q->funded_min,
        .tokens = {q->tokens.items, q->tokens.count},
    };
}

/* Looks at the tokens as an order would, without the references that only a request can have. */
static enum refusal quote_tokens(const struct exchange *x, uint32_t account,
                                 const struct q_quote *q, struct token_row *rows)
{
    enum refusal refusal = REFUSAL_accepted;
    for (uint32_t i = 0; i < q->tokens.count; i++) {
        uint64_t serial = q->tokens.items[i];
        const struct token_row *row = store_find(x->store, TABLE_TOKEN, &serial);
        if (row == NULL) {
            refusal = refusal_first(refusal, serial <= x->head.token_last && serial > 0
                                                 ? REFUSAL_token_spent
                                                 : REFUSAL_token_not_found);
            continue;
        }
        if (row->owner != account)
            return REFUSAL_not_owner;
        if (series_expired(x, series_find(x, row->series)))
            refusal = refusal_first(refusal, REFUSAL_series_expired);
        for (uint32_t j = 0; j < i; j++) {
            if (q->tokens.items[j] == serial)
                refusal = refusal_first(refusal, REFUSAL_token_twice);
        }
        rows[i] = *row;
    }
    return refusal;
}

bool quote_leases(const struct match *m, const struct wish *wish, struct arena *arena,
                  struct a_quote *answer)
{
    amount costs[ORDER_LEASES_MAX];
    if (!match_costs(m, wish->duration_min, costs, &answer->cost_ucr))
        return false;
    struct quoted_lease *leases = query_alloc(arena, sizeof(*leases) * ORDER_LEASES_MAX);
    for (uint32_t i = 0; i < m->count; i++) {
        const struct offer *o = m->parts[i].offer;
        leases[i] = (struct quoted_lease){
            .offer = o->offer,
            .site = o->site,
            .sku = o->sku,
            .operator= o->operator,
            .gpus = m->parts[i].gpus,
            .start_s = m->start_min * 60,
            .end_s = (m->start_min + wish->duration_min) * 60,
            .price_ucr = m->parts[i].price_ucr,
            .cost_ucr = costs[i],
        };
    }
    answer->gpus = m->gpus;
    answer->leases.items = leases;
    answer->leases.count = m->count;
    return true;
}

/* What the tokens must cover: what is filled at once and what the rest needs while it rests. */
static bool quote_needs(const struct exchange *x, const struct op_order_place *op,
                        const struct match *m, struct arena *arena, amount *needs_out)
{
    struct fill *fill = query_alloc(arena, sizeof(*fill));
    *fill = (struct fill){.match = m,
                          .duration_min = op->duration_min,
                          .funded_min = op->funded_min,
                          .profile = op->profile};
    if (!fill_cost(x, fill))
        return false;
    *needs_out = fill->pays;
    if (op->time_in_force != TIME_IN_FORCE_GTT)
        return true;
    struct order_row order = {.duration_min = op->duration_min};
    struct rest_row rest = {.funded_min = op->funded_min,
                            .gpus_missing = op->gpus - m->gpus,
                            .skus_count = (uint8_t)op->skus.count};
    for (uint32_t i = 0; i < op->skus.count; i++)
        rest.limits_ucr[i] = op->skus.items[i].limit_price_ucr;
    amount needs;
    return rest_needs(&order, &rest, &needs) && amount_add(*needs_out, needs, needs_out);
}

/* An order that may rest is not refused for want of capacity. */
static enum refusal quote_match(const struct exchange *x, const struct op_order_place *op,
                                const struct wish *wish, const struct funding *funding, bool why,
                                struct arena *arena, struct a_quote *answer)
{
    struct match *m = query_alloc(arena, sizeof(*m));
    bool rests = op->time_in_force == TIME_IN_FORCE_GTT;
    enum refusal refusal = REFUSAL_accepted;
    amount needs;
    if (why) {
        refusal = quote_why(x, wish, arena, m, answer);
    } else if (!match_find(x, wish, m)) {
        refusal = rests ? REFUSAL_accepted : match_refusal(x, wish, m, &m->looks);
        *m = (struct match){.gpus = 0};
    }
    if (rests)
        refusal = wish_check_series(x, wish);
    if (refusal != REFUSAL_accepted)
        return refusal;
    if (!quote_leases(m, wish, arena, answer) || !quote_needs(x, op, m, arena, &needs))
        return REFUSAL_amount_overflow;
    /* Without tokens nothing is said about funds. */
    return funding->count > 0 && funding->total < needs ? REFUSAL_insufficient_funds
                                                        : REFUSAL_accepted;
}

enum refusal query_quote(const struct exchange *x, uint32_t account, const void *body,
                         struct arena *arena, const struct message **answer_out,
                         const void **body_out)
{
    const struct q_quote *q = body;
    struct op_order_place op = quote_order(q);
    struct a_quote *answer = query_alloc(arena, sizeof(*answer));
    struct funding *funding = query_alloc(arena, sizeof(*funding));
    struct token_row *tokens = query_alloc(arena, (q->tokens.count + 1) * sizeof(*tokens));
    struct wish wish;
    *answer_out = &a_quote_message;
    *body_out = answer;

    enum refusal refusal = quote_tokens(x, account, q, tokens);
    if (refusal == REFUSAL_accepted)
        refusal = funding_from_tokens(x, tokens, q->tokens.count, funding);
    refusal = refusal_first(refusal, wish_from_order(x, &op, arena, &wish));
    refusal = refusal_first(refusal, order_check_time_in_force(x, &op));
    if (refusal == REFUSAL_accepted) {
        wish.account = account;
        wish.series = funding->series;
        wish.series_count = funding->count;
        refusal = quote_match(x, &op, &wish, funding, q->why, arena, answer);
    }
    answer->refusal = refusal;
    return REFUSAL_accepted;
}
