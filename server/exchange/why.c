#include "server/exchange/quote.h"

#include "server/exchange/order.h"
#include "server/exchange/rest.h"

/* The dimensions in the order in which an offer is looked at. */
static const uint32_t dimensions[] = {
#define FUNNEL_DIMENSION(prefix, upper, lower, number) number,
    FUNNEL_LIST(FUNNEL_DIMENSION)
#undef FUNNEL_DIMENSION
};

enum { DIMENSIONS = sizeof(dimensions) / sizeof(dimensions[0]) };

static struct funnel_row *why_row(struct funnel_row *rows, uint32_t dimension)
{
    uint32_t i = 0;
    while (i + 1 < DIMENSIONS && rows[i].dimension != dimension)
        i++;
    return &rows[i];
}

/* Counts every offer on show at the first dimension at which it drops out. */
static void why_count(const struct exchange *x, const struct wish *wish, struct funnel_row *rows,
                      struct a_quote *answer)
{
    for (size_t i = 0; i < x->offers->places; i++) {
        const struct offer *o = x->offers->by_serial[i];
        if (o == NULL || !o->shown || o->end_min * 60 <= x->head.time_s)
            continue;
        uint32_t dimension = match_dimension(x, wish, o);
        answer->offers++;
        if (dimension == 0)
            answer->matching++;
        else
            why_row(rows, dimension)->offers++;
    }
}

/* Lifts one constraint of a wish; `limits` is room for those of its SKUs. False: not this one. */
static bool wish_lift(const struct exchange *x, struct wish *w, uint32_t dimension,
                      struct sku_limit limits[ORDER_SKUS_MAX])
{
    switch (dimension) {
    case FUNNEL_INTERCONNECT:
        w->interconnect.length = 0;
        return true;
    case FUNNEL_REGION:
        w->regions_count = 0;
        w->site = 0;
        return true;
    case FUNNEL_JURISDICTION:
        w->jurisdictions_count = 0;
        return true;
    case FUNNEL_CARBON:
        w->carbon_g_max = 0;
        return true;
    case FUNNEL_CERTIFICATION:
        w->certifications_count = 0;
        return true;
    case FUNNEL_RELIABILITY:
        w->reliability_ppm_min = 0;
        return true;
    case FUNNEL_SERIES:
        w->series_count = 0;
        return true;
    case FUNNEL_OWN:
        w->account = 0;
        return true;
    case FUNNEL_TERMS:
        w->any_terms = true;
        return true;
    case FUNNEL_TIME:
        w->until_min = x->head.time_s / 60 + HORIZON_MAX_MIN;
        return true;
    case FUNNEL_SIZE:
        w->gpus_min = 1;
        return true;
    case FUNNEL_PRICE:
        for (uint32_t i = 0; i < w->skus_count; i++)
            limits[i] = (struct sku_limit){w->skus[i].sku, PRICE_MAX_UCR};
        w->skus = limits;
        return true;
    default:
        return false;
    }
}

/* What a match without the constraint comes to: the dearest of its offers says the price, and the
 * site and SKU are those of the first. */
static void why_miss(const struct match *m, struct funnel_row *row)
{
    row->gpus = m->gpus;
    row->start_s = m->start_min * 60;
    row->site = m->parts[0].offer->site;
    row->sku = m->parts[0].offer->sku;
    for (uint32_t i = 0; i < m->count; i++) {
        if (m->parts[i].price_ucr > row->price_ucr)
            row->price_ucr = m->parts[i].price_ucr;
    }
}

/*
 * Only where offers have dropped out can lifting a constraint help; but an offer that is taken for
 * some time of the window drops out by its size, and how many GPUs there are in all is a matter of
 * size alone.
 */
static void why_misses(const struct exchange *x, const struct wish *wish, struct funnel_row *rows,
                       struct arena *arena)
{
    struct match *m = query_alloc(arena, sizeof(*m));
    struct sku_limit limits[ORDER_SKUS_MAX];
    uint64_t looks = 0;
    for (uint32_t i = 0; i < DIMENSIONS && looks < WHY_LOOKS_MAX; i++) {
        uint32_t dimension = rows[i].dimension;
        struct wish lifted = *wish;
        /* Prices are those of the offers, not the limits that a resting order would pay. */
        lifted.place = UINT64_MAX;
        if (rows[i].offers == 0 && dimension != FUNNEL_TIME && dimension != FUNNEL_SIZE)
            continue;
        if (!wish_lift(x, &lifted, dimension, limits))
            continue;
        bool found = match_find(x, &lifted, m);
        looks += m->looks;
        if (!found && dimension == FUNNEL_SIZE && lifted.block_gpus > 1) {
            lifted.block_gpus = 1;
            found = match_find(x, &lifted, m);
            looks += m->looks;
        }
        if (found)
            why_miss(m, &rows[i]);
    }
}

void quote_why(const struct exchange *x, const struct wish *wish, bool found, struct arena *arena,
               struct a_quote *answer)
{
    struct funnel_row *rows = query_alloc(arena, sizeof(*rows) * DIMENSIONS);
    for (uint32_t i = 0; i < DIMENSIONS; i++)
        rows[i] = (struct funnel_row){.dimension = dimensions[i]};
    why_count(x, wish, rows, answer);
    if (!found)
        why_misses(x, wish, rows, arena);
    answer->funnel.items = rows;
    answer->funnel.count = DIMENSIONS;
}

enum refusal query_order_why(const struct exchange *x, uint32_t account, const void *body,
                             struct arena *arena, const struct message **answer_out,
                             const void **body_out)
{
    const struct q_order_why *q = body;
    const struct order_row *order = order_find(x, q->order);
    if (order == NULL)
        return REFUSAL_order_not_found;
    if (account == 0 || (order->account != account && !query_sees_all(x, account)))
        return REFUSAL_not_visible;
    const struct rest_row *rest = rest_find(x, q->order);
    if (!order_rests(x, order, rest))
        return REFUSAL_order_closed;
    struct wish wish;
    wish_from_rest(x, order, rest, arena, &wish);
    struct a_quote answer = {.refusal = REFUSAL_accepted};
    struct match *m = query_alloc(arena, sizeof(*m));
    bool found = match_find(x, &wish, m);
    if (!found)
        answer.refusal = match_refusal(x, &wish, m, &m->looks);
    else if (!quote_leases(m, &wish, arena, &answer))
        answer.refusal = REFUSAL_amount_overflow;
    quote_why(x, &wish, found, arena, &answer);

    struct a_order_why *why = query_alloc(arena, sizeof(*why));
    *why = (struct a_order_why){
        .refusal = answer.refusal,
        .gpus = answer.gpus,
        .cost_ucr = answer.cost_ucr,
        .leases = {answer.leases.items, answer.leases.count},
        .offers = answer.offers,
        .matching = answer.matching,
        .funnel = {answer.funnel.items, answer.funnel.count},
    };
    *answer_out = &a_order_why_message;
    *body_out = why;
    return REFUSAL_accepted;
}
