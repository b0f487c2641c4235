/* Why nothing, or not enough, is there for an order or a rule: the funnel and the nearest misses.
 */
#include <stddef.h>
#include <string.h>

#include "server/exchange/ask_site.h"
#include "server/exchange/order.h"
#include "server/exchange/quote.h"
#include "server/exchange/resale.h"
#include "server/exchange/rest.h"
#include "server/exchange/rule.h"

/* The dimensions in the order in which an offer is looked at. */
static const uint32_t dimensions[] = {
#define FUNNEL_DIMENSION(prefix, upper, lower, number) number,
    FUNNEL_LIST(FUNNEL_DIMENSION)
#undef FUNNEL_DIMENSION
};

enum { DIMENSIONS = sizeof(dimensions) / sizeof(dimensions[0]) };

/* A question on its way to its answer. */
struct why {
    const struct exchange *x;
    const struct wish *wish;
    struct funnel_row *rows;
    uint64_t offers;
    uint64_t matching;
    bool counted;        /* all offers that are on show */
    bool cut;            /* there was more to look at */
    uint64_t looks;      /* that searches may still take */
    uint64_t turns;      /* dimensions whose misses are still to come, this one included */
    uint64_t longer_min; /* the nearest lengths that offers which fell out by it give; 0: none */
    uint64_t shorter_min;
    uint32_t
        funded_min; /* the least that offers which fell out by billing alone ask for; 0: none */
    uint32_t block_gpus; /* the least block above what is wanted; 0: none */
    uint64_t site;       /* of the offer looked at last; what is known of it for each SKU wanted */
    uint32_t known;
    uint32_t site_dimensions[ORDER_SKUS_MAX];
    struct match match; /* of the search made last */
};

static struct funnel_row *why_row(struct why *why, uint32_t dimension)
{
    uint32_t i = 0;
    while (i + 1 < DIMENSIONS && why->rows[i].dimension != dimension)
        i++;
    return &why->rows[i];
}

/* --- The funnel ---------------------------------------------------------------------------- */

/* Offers come site by site: what is one answer for all of a site and SKU is asked once. */
static uint32_t why_site_dimension(struct why *why, const struct offer *o)
{
    const struct sku_limit *limit = wish_limit(why->wish, o->sku);
    if (limit == NULL)
        return FUNNEL_SKU;
    if (why->site != o->site) {
        why->site = o->site;
        why->known = 0;
    }
    size_t i = (size_t)(limit - why->wish->skus);
    if ((why->known >> i & 1) == 0) {
        why->known |= UINT32_C(1) << i;
        why->site_dimensions[i] = wish_site_dimension(why->x, why->wish, o->sku, o->site);
    }
    return why->site_dimensions[i];
}

/* The lengths next to the one wanted that are to be had at all. */
static void why_take_length(struct why *why, const struct offer *o)
{
    if (o->lease_min_min > why->wish->duration_min &&
        (why->longer_min == 0 || o->lease_min_min < why->longer_min))
        why->longer_min = o->lease_min_min;
    else if (o->lease_min_min <= why->wish->duration_min && o->lease_max_min > why->shorter_min)
        why->shorter_min = o->lease_max_min;
}

/* How long an elastic order must pay ahead for one that has the right billing. */
static void why_take_funding(struct why *why, const struct offer *o)
{
    struct wish paid = *why->wish;
    uint64_t looks = 0;
    paid.funded_min = wish_funding_needed(why->wish, o);
    if (why->wish->funded_min == 0 ||
        wish_offer_dimension(why->x, &paid, o, &looks) == FUNNEL_BILLING)
        return;
    if (why->funded_min == 0 || paid.funded_min < why->funded_min)
        why->funded_min = paid.funded_min;
}

static void why_take_block(struct why *why, const struct offer *o)
{
    uint64_t block = wish_block(why->wish, o);
    if (block > why->wish->gpus && block <= GPUS_MAX &&
        (why->block_gpus == 0 || block < why->block_gpus))
        why->block_gpus = (uint32_t)block;
}

/* Counts an offer at the first dimension at which it drops out. */
static void why_count_offer(struct why *why, const struct offer *o, uint64_t *looks)
{
    uint32_t dimension = why_site_dimension(why, o);
    if (dimension == 0)
        dimension = wish_offer_dimension(why->x, why->wish, o, looks);
    /* A lease that is not there any more is not on offer, swept or not. */
    if (dimension == FUNNEL_FROZEN && o->lease != 0 && !resale_is_live(why->x, o))
        return;
    why->offers++;
    if (dimension == 0)
        why->matching++;
    else
        why_row(why, dimension)->offers++;
    if (dimension == FUNNEL_LENGTH)
        why_take_length(why, o);
    else if (dimension == FUNNEL_BILLING)
        why_take_funding(why, o);
    else if (dimension == FUNNEL_SIZE)
        why_take_block(why, o);
}

/* Counts the offers on show, those of WHY_OFFERS_MAX looks at most. */
static void why_count(struct why *why)
{
    uint64_t looks = 0;
    for (const struct offer *o = offer_open_first(why->x); o != NULL; o = offer_open_next(o)) {
        if (looks >= WHY_OFFERS_MAX) {
            why->cut = true;
            return;
        }
        looks++;
        if (o->shown && o->end_min * 60 > why->x->head.time_s && !ask_site_hides(why->x, o))
            why_count_offer(why, o, &looks);
    }
    why->counted = true;
}

/* --- The nearest misses -------------------------------------------------------------------- */

/* Lifts one constraint of a wish, but the length and the size, which are tried in steps; `limits`
 * is room for those of its SKUs. */
static void wish_lift(const struct exchange *x, struct wish *w, uint32_t dimension,
                      struct sku_limit limits[ORDER_SKUS_MAX])
{
    switch (dimension) {
    case FUNNEL_INTERCONNECT:
        w->interconnect.length = 0;
        break;
    case FUNNEL_REGION:
        w->regions_count = 0;
        w->site = 0;
        break;
    case FUNNEL_JURISDICTION:
        w->jurisdictions_count = 0;
        break;
    case FUNNEL_CARBON:
        w->carbon_g_max = 0;
        break;
    case FUNNEL_CERTIFICATION:
        w->certifications_count = 0;
        break;
    case FUNNEL_RELIABILITY:
        w->reliability_ppm_min = 0;
        break;
    case FUNNEL_SERIES:
        w->series_count = 0;
        break;
    case FUNNEL_PREEMPTIBLE:
    case FUNNEL_BILLING:
        w->lifted = dimension;
        break;
    case FUNNEL_TIME:
        w->until_min = x->head.time_s / 60 + HORIZON_MAX_MIN;
        break;
    case FUNNEL_PRICE:
        for (uint32_t i = 0; i < w->skus_count; i++)
            limits[i] = (struct sku_limit){w->skus[i].sku, PRICE_MAX_UCR};
        w->skus = limits;
        break;
    case FUNNEL_OWN:
        w->account = 0;
        break;
    default:
        break;
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

/* Each search may look at its equal part of what is left. */
static bool why_try(struct why *why, const struct wish *wish, uint64_t turns)
{
    struct wish lifted = *wish;
    lifted.looks_max = why->looks / turns + 1;
    bool found = match_find(why->x, &lifted, &why->match);
    why->looks -= why->match.looks < why->looks ? why->match.looks : why->looks;
    why->cut = why->cut || why->match.cut;
    return found;
}

/* The nearest length that can be had, then the nearest on the other side. */
static void why_try_lengths(struct why *why, const struct wish *wish, struct funnel_row *row)
{
    struct wish lifted = *wish;
    uint64_t wanted = why->wish->duration_min;
    uint64_t lengths[2] = {why->shorter_min, why->longer_min};
    if (why->shorter_min == 0 ||
        (why->longer_min != 0 && why->longer_min - wanted < wanted - why->shorter_min)) {
        lengths[0] = why->longer_min;
        lengths[1] = why->shorter_min;
    }
    for (uint32_t i = 0; i < 2 && lengths[i] != 0 && row->gpus == 0; i++) {
        lifted.duration_min = (uint32_t)lengths[i];
        if (!why_try(why, &lifted, why->turns + 1 - i))
            continue;
        why_miss(&why->match, row);
        row->duration_min = lifted.duration_min;
    }
}

/* To pay ahead for longer may be enough; else any billing will do. */
static void why_try_billing(struct why *why, const struct wish *wish, struct funnel_row *row)
{
    struct wish lifted = *wish;
    if (why->funded_min != 0) {
        lifted.lifted = 0;
        lifted.funded_min = why->funded_min;
        if (why_try(why, &lifted, why->turns + 1)) {
            why_miss(&why->match, row);
            row->duration_min = why->funded_min;
            return;
        }
    }
    if (why_try(why, wish, why->turns))
        why_miss(&why->match, row);
}

static void why_miss_size(const struct why *why, const struct wish *wish, struct funnel_row *row)
{
    const struct match *m = &why->match;
    uint64_t largest = 0;
    why_miss(m, row);
    row->leases = m->count;
    for (uint32_t i = 0; i < m->count; i++) {
        uint64_t block = wish_block(wish, m->parts[i].offer);
        largest = block > largest ? block : largest;
    }
    /* What is missing is no whole block, or the order is for less than one. */
    bool rest = m->gpus < wish->gpus && wish->gpus - m->gpus < largest;
    if (rest || wish->gpus != why->wish->gpus)
        row->block_gpus = (uint32_t)largest;
}

/* One GPU is enough; where that does not help, blocks of 1 are; and else one block more than is
 * wanted may be had. */
static void why_try_sizes(struct why *why, const struct wish *wish, struct funnel_row *row)
{
    struct wish lifted = *wish;
    bool larger = why->block_gpus != 0;
    lifted.gpus_min = 1;
    bool found = why_try(why, &lifted, why->turns + (lifted.block_gpus > 1) + larger);
    if (!found && lifted.block_gpus > 1) {
        lifted.block_gpus = 1;
        found = why_try(why, &lifted, why->turns + larger);
    }
    if (!found && larger) {
        lifted.block_gpus = wish->block_gpus;
        lifted.gpus = lifted.gpus_min = why->block_gpus;
        found = why_try(why, &lifted, why->turns);
    }
    if (found)
        why_miss_size(why, &lifted, row);
}

/*
 * Whether there may be a miss: to lift the SKU or what is frozen says nothing. Only where offers
 * have dropped out can lifting a constraint help, if all were looked at; but an offer that is taken
 * for some time of the window drops out by its size, and how many GPUs there are in all is a matter
 * of size alone.
 */
static bool why_turns(const struct why *why, const struct funnel_row *row)
{
    switch (row->dimension) {
    case FUNNEL_SKU:
    case FUNNEL_FROZEN:
        return false;
    case FUNNEL_TIME:
    case FUNNEL_SIZE:
        return true;
    case FUNNEL_LENGTH:
        return row->offers > 0;
    default:
        return row->offers > 0 || !why->counted;
    }
}

static void why_try_row(struct why *why, const struct wish *lifted, struct funnel_row *row)
{
    if (row->dimension == FUNNEL_LENGTH)
        why_try_lengths(why, lifted, row);
    else if (row->dimension == FUNNEL_BILLING)
        why_try_billing(why, lifted, row);
    else if (row->dimension == FUNNEL_SIZE)
        why_try_sizes(why, lifted, row);
    else if (why_try(why, lifted, why->turns))
        why_miss(&why->match, row);
}

static bool wish_has_limits(const struct wish *w)
{
    for (uint32_t i = 0; i < w->skus_count; i++) {
        if (w->skus[i].limit_price_ucr < PRICE_MAX_UCR)
            return true;
    }
    return false;
}

/* Each dimension that has none yet; `any_price`: with no limits either. */
static void why_misses(struct why *why, bool any_price)
{
    struct sku_limit limits[ORDER_SKUS_MAX];
    why->turns = 0;
    for (uint32_t i = 0; i < DIMENSIONS; i++)
        why->turns += why_turns(why, &why->rows[i]) && why->rows[i].gpus == 0;
    for (uint32_t i = 0; i < DIMENSIONS; i++) {
        struct funnel_row *row = &why->rows[i];
        struct wish lifted = *why->wish;
        if (!why_turns(why, row) || row->gpus > 0)
            continue;
        /* Prices are those of the offers, not the limits that a resting order would pay. */
        lifted.place = UINT64_MAX;
        wish_lift(why->x, &lifted, row->dimension, limits);
        if (any_price)
            wish_lift(why->x, &lifted, FUNNEL_PRICE, limits);
        why_try_row(why, &lifted, row);
        row->any_price = any_price && row->gpus > 0;
        why->turns--;
    }
}

/* As match_refusal() has it: it tries the same. */
static enum refusal why_refusal(struct why *why, const struct match *partial)
{
    if (partial->cut)
        return REFUSAL_search_ended;
    if (why_row(why, FUNNEL_SERIES)->gpus > 0 && !why_row(why, FUNNEL_SERIES)->any_price)
        return REFUSAL_series_restricted;
    if (why_row(why, FUNNEL_OWN)->gpus > 0 && !why_row(why, FUNNEL_OWN)->any_price)
        return REFUSAL_self_trade;
    if (why_row(why, FUNNEL_PRICE)->gpus > 0)
        return REFUSAL_price_above_limit;
    return partial->gpus > 0 ? REFUSAL_size_not_met : REFUSAL_no_capacity;
}

enum refusal quote_why(const struct exchange *x, const struct wish *wish, struct arena *arena,
                       struct match *found_out, struct a_quote *answer)
{
    struct why *why = query_alloc(arena, sizeof(*why));
    enum refusal refusal = REFUSAL_accepted;
    *why = (struct why){.x = x, .wish = wish, .looks = WHY_LOOKS_MAX};
    why->rows = query_alloc(arena, sizeof(*why->rows) * DIMENSIONS);
    for (uint32_t i = 0; i < DIMENSIONS; i++)
        why->rows[i] = (struct funnel_row){.dimension = dimensions[i]};
    bool found = why_try(why, wish, 2);
    *found_out = why->match;
    why_count(why);
    if (!found) {
        why_misses(why, false);
        /* Where another price alone would do there is nothing more to say. */
        if (wish_has_limits(wish) && why_row(why, FUNNEL_PRICE)->gpus == 0)
            why_misses(why, true);
        refusal = why_refusal(why, found_out);
        *found_out = (struct match){.gpus = 0};
    }
    answer->offers = why->offers;
    answer->matching = why->matching;
    answer->funnel.items = why->rows;
    answer->funnel.count = DIMENSIONS;
    answer->cut = why->cut;
    return refusal;
}

/* --- Questions ----------------------------------------------------------------------------- */

/* The answers to all questions why begin with the fields of a quote's. */
_Static_assert(sizeof(struct a_order_why) == sizeof(struct a_quote), "one answer");
_Static_assert(offsetof(struct a_rule_why, cut) == offsetof(struct a_quote, cut), "one beginning");

/* What there would be for a wish, and why not more. */
static const struct a_quote *why_answer(const struct exchange *x, const struct wish *wish,
                                        struct arena *arena)
{
    struct a_quote *answer = query_alloc(arena, sizeof(*answer));
    struct match *m = query_alloc(arena, sizeof(*m));
    *answer = (struct a_quote){.refusal = REFUSAL_accepted};
    answer->refusal = quote_why(x, wish, arena, m, answer);
    if (m->gpus > 0 && !quote_leases(m, wish, arena, answer))
        answer->refusal = REFUSAL_amount_overflow;
    return answer;
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
    *answer_out = &a_order_why_message;
    *body_out = why_answer(x, &wish, arena);
    return REFUSAL_accepted;
}

enum refusal query_rule_why(const struct exchange *x, uint32_t account, const void *body,
                            struct arena *arena, const struct message **answer_out,
                            const void **body_out)
{
    const struct q_rule_why *q = body;
    const struct rule_row *rule = rule_find(x, q->rule);
    struct wish wish;
    amount budget;
    struct a_rule_why *answer = query_alloc(arena, sizeof(*answer));
    *answer = (struct a_rule_why){.refusal = REFUSAL_accepted};
    *answer_out = &a_rule_why_message;
    *body_out = answer;
    if (rule == NULL)
        return REFUSAL_rule_not_found;
    if (account == 0 || (rule->account != account && !query_sees_all(x, account)))
        return REFUSAL_not_visible;
    if (rule->state != RULE_STATE_ACTIVE)
        return REFUSAL_rule_closed;
    enum refusal refusal = rule_wish(x, rule, arena, &wish, &budget);
    if (wish.gpus > 0) {
        memcpy(answer, why_answer(x, &wish, arena), sizeof(struct a_quote));
        answer->missing_gpus = wish.gpus;
        answer->start_s = wish.from_min * 60;
        answer->end_s = (wish.from_min + wish.duration_min) * 60;
        if (answer->gpus > 0 && answer->cost_ucr > budget)
            answer->refusal = REFUSAL_insufficient_funds;
    }
    if (refusal != REFUSAL_accepted)
        answer->refusal = refusal;
    return REFUSAL_accepted;
}
