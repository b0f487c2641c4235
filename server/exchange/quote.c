/* Quotes: what an order would do now, by the same procedure, and why it would not. */
#include <string.h>

#include "server/exchange/match.h"
#include "server/exchange/order.h"
#include "server/exchange/query.h"
#include "server/exchange/series.h"

/* The fields that a quote shares with an order. */
static struct op_order_place quote_order(const struct q_quote *q)
{
    return (struct op_order_place){
        .skus = {q->skus.items, q->skus.count},
        .gpus = q->gpus,
        .gpus_min = q->gpus_min,
        .duration_min = q->duration_min,
        .start_from_s = q->start_from_s,
        .start_until_s = q->start_until_s,
        .placement = q->placement,
        .time_in_force = q->time_in_force,
        .regions = {q->regions.items, q->regions.count},
        .jurisdictions = {q->jurisdictions.items, q->jurisdictions.count},
        .preemptible_ok = q->preemptible_ok,
        .profile = q->profile,
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

/* Fills in leases and cost of a match. */
static enum refusal quote_match(const struct match *m, const struct wish *wish,
                                const struct funding *funding, struct quoted_lease *leases,
                                struct a_quote *answer)
{
    amount costs[ORDER_LEASES_MAX];
    if (!match_costs(m, wish->duration_min, costs, &answer->cost_ucr))
        return REFUSAL_amount_overflow;
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
            .price_ucr = o->price_ucr,
            .cost_ucr = costs[i],
        };
    }
    answer->gpus = m->gpus;
    answer->leases.items = leases;
    answer->leases.count = m->count;
    /* Without tokens nothing is said about funds. */
    if (funding->count > 0 && funding->total < answer->cost_ucr)
        return REFUSAL_insufficient_funds;
    return REFUSAL_accepted;
}

/* Counts every open offer at the first dimension that it fails. */
static void quote_why(const struct exchange *x, const struct wish *wish, struct funnel_row *rows,
                      struct a_quote *answer)
{
    for (uint32_t d = FUNNEL_SKU; d <= FUNNEL_PRICE; d++)
        rows[d - 1] = (struct funnel_row){.dimension = d};
    for (size_t i = 0; i < x->offers->places; i++) {
        const struct offer *o = x->offers->by_serial[i];
        if (o == NULL || !o->open || o->end_min * 60 <= x->head.time_s)
            continue;
        uint32_t dimension = match_dimension(x, wish, o);
        answer->offers++;
        if (dimension == 0)
            answer->matching++;
        else
            rows[dimension - 1].offers++;
    }
    answer->funnel.items = rows;
    answer->funnel.count = FUNNEL_PRICE;
}

enum refusal query_quote(const struct exchange *x, uint32_t account, const void *body,
                         struct arena *arena, const struct message **answer_out,
                         const void **body_out)
{
    const struct q_quote *q = body;
    struct op_order_place op = quote_order(q);
    struct a_quote *answer = query_alloc(arena, sizeof(*answer));
    struct match *m = query_alloc(arena, sizeof(*m));
    struct funding *funding = query_alloc(arena, sizeof(*funding));
    struct token_row *tokens = query_alloc(arena, (q->tokens.count + 1) * sizeof(*tokens));
    struct wish wish;
    *answer_out = &a_quote_message;
    *body_out = answer;

    enum refusal refusal = quote_tokens(x, account, q, tokens);
    if (refusal == REFUSAL_accepted)
        refusal = funding_from_tokens(x, tokens, q->tokens.count, funding);
    refusal = refusal_first(refusal, wish_from_order(x, &op, arena, &wish));
    if (refusal == REFUSAL_accepted) {
        wish.series = funding->series;
        wish.series_count = funding->count;
        refusal =
            match_find(x, &wish, m)
                ? quote_match(m, &wish, funding,
                              query_alloc(arena, sizeof(struct quoted_lease) * ORDER_LEASES_MAX),
                              answer)
                : match_refusal(x, &wish, m, &m->looks);
        if (q->why)
            quote_why(x, &wish, query_alloc(arena, sizeof(struct funnel_row) * FUNNEL_PRICE),
                      answer);
    }
    answer->refusal = refusal;
    return REFUSAL_accepted;
}
