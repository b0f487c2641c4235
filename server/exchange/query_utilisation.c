/*
 * Utilisation: GPU-minutes offered and leased, by site, SKU and step of time.
 *
 * Offered is what operators' own offers hold over a step, open or ended; of a withdrawn one what
 * its leases still take. Leased is what leases take, as they stand. Leases on offer are no further
 * capacity and are left out.
 *
 * A page looks at some offers, in the order of their numbers, and its rows are the sums of these:
 * where there are more pages, rows of the same site, SKU and step are to be added up. `next` is the
 * offer to go on with.
 */
#include "server/exchange/offer.h"
#include "server/exchange/query.h"
#include "server/exchange/site.h"
#include "server/exchange/sku.h"

struct utilisation {
    const struct exchange *x;
    const struct q_utilisation *q;
    uint64_t start_min;
    uint64_t end_min;
    uint64_t step_min;
    uint32_t steps;
    uint32_t groups_max;
    struct utilisation_row *rows; /* `steps` for each (site, SKU) met so far */
    uint32_t groups;
    uint64_t looks;
};

static enum refusal utilisation_steps(struct utilisation *u)
{
    const struct q_utilisation *q = u->q;
    if (q->start_s % 60 != 0 || q->end_s % 60 != 0 || q->end_s <= q->start_s ||
        q->end_s - q->start_s > (uint64_t)OFFER_SPAN_MAX_MIN * 60)
        return REFUSAL_interval_invalid;
    u->start_min = q->start_s / 60;
    u->end_min = q->end_s / 60;
    u->step_min = q->step_min != 0 ? q->step_min : u->end_min - u->start_min;
    uint64_t steps = (u->end_min - u->start_min + u->step_min - 1) / u->step_min;
    uint32_t rows_max = query_page_rows(q->limit);
    if (steps > rows_max)
        return REFUSAL_too_many;
    u->steps = (uint32_t)steps;
    u->groups_max = rows_max / u->steps;
    return REFUSAL_accepted;
}

/* The rows of a site and SKU, made when there are none; NULL: the page is full. */
static struct utilisation_row *group_of(struct utilisation *u, uint64_t site, uint64_t sku)
{
    for (uint32_t i = 0; i < u->groups; i++) {
        struct utilisation_row *rows = u->rows + (size_t)i * u->steps;
        if (rows->site == site && rows->sku == sku)
            return rows;
    }
    if (u->groups == u->groups_max)
        return NULL;
    struct utilisation_row *rows = u->rows + (size_t)u->groups++ * u->steps;
    for (uint32_t i = 0; i < u->steps; i++) {
        uint64_t from_min = u->start_min + i * u->step_min;
        uint64_t until_min =
            from_min + u->step_min < u->end_min ? from_min + u->step_min : u->end_min;
        rows[i] = (struct utilisation_row){
            .site = site,
            .sku = sku,
            .start_s = from_min * 60,
            .end_s = until_min * 60,
        };
    }
    return rows;
}

/* Adds `gpus` over [from, to) minutes to the steps that these fall into. */
static void steps_spread(const struct utilisation *u, struct utilisation_row *rows,
                         uint64_t from_min, uint64_t to_min, uint64_t gpus, bool leased)
{
    while (from_min < to_min) {
        uint64_t step = (from_min - u->start_min) / u->step_min;
        uint64_t until_min = u->start_min + (step + 1) * u->step_min;
        until_min = until_min < to_min ? until_min : to_min;
        uint64_t minutes = gpus * (until_min - from_min);
        if (leased)
            rows[step].gpu_minutes_leased += minutes;
        else
            rows[step].gpu_minutes_offered += minutes;
        from_min = until_min;
    }
}

/* What leases take of an offer over a piece of time. */
static void leases_spread(struct utilisation *u, const struct offer *o,
                          struct utilisation_row *rows, uint64_t from_min, uint64_t to_min)
{
    while (from_min < to_min) {
        struct piece taken = steps_piece(&o->taken, from_min);
        uint64_t until_min = taken.until < to_min ? taken.until : to_min;
        steps_spread(u, rows, from_min, until_min, taken.value, true);
        if (o->withdrawn)
            steps_spread(u, rows, from_min, until_min, taken.value, false);
        u->looks += 1 + (until_min - from_min) / u->step_min;
        from_min = until_min;
    }
}

/* False: there is no more room on the page, and the offer was not looked at. */
static bool offer_add(struct utilisation *u, const struct offer *o)
{
    const struct q_utilisation *q = u->q;
    uint64_t from_min = o->start_min > u->start_min ? o->start_min : u->start_min;
    uint64_t to_min = o->end_min < u->end_min ? o->end_min : u->end_min;
    if (o->lease != 0 || from_min >= to_min || (q->site != 0 && q->site != o->site) ||
        (q->sku != 0 && q->sku != o->sku))
        return true;
    struct utilisation_row *rows = group_of(u, o->site, o->sku);
    if (rows == NULL)
        return false;
    if (!o->withdrawn)
        steps_spread(u, rows, from_min, to_min, o->gpus, false);
    leases_spread(u, o, rows, from_min, to_min);
    return true;
}

/* The next offer at or after `serial`, of the site's operator where a site is named; 0: no more.
 * *resume_out above 0: to go on from there on the next page. */
static uint64_t offer_next(struct utilisation *u, uint32_t operator, uint64_t serial,
                           uint64_t *resume_out)
{
    *resume_out = 0;
    if (u->looks >= QUERY_LOOKS_MAX) {
        *resume_out = serial <= u->x->head.offer_last ? serial : 0;
        return 0;
    }
    if (operator== 0) {
        u->looks++;
        return serial <= u->x->head.offer_last ? serial : 0;
    }
    uint32_t before = (uint32_t)(QUERY_LOOKS_MAX - u->looks);
    uint32_t left = before;
    serial = owned_next(&u->x->offers->by_operator, operator, serial, &left, resume_out);
    u->looks += before - left;
    return serial;
}

enum refusal query_utilisation(const struct exchange *x, uint32_t account, const void *body,
                               struct arena *arena, const struct message **answer_out,
                               const void **body_out)
{
    (void)account;
    const struct q_utilisation *q = body;
    struct utilisation u = {.x = x, .q = q};
    const struct site_row *site = q->site != 0 ? site_find(x, q->site) : NULL;
    if (q->site != 0 && site == NULL)
        return REFUSAL_site_not_found;
    if (q->sku != 0 && sku_find(x, q->sku) == NULL)
        return REFUSAL_sku_not_found;
    enum refusal refusal = utilisation_steps(&u);
    if (refusal != REFUSAL_accepted)
        return refusal;
    struct a_utilisation *answer = query_alloc(arena, sizeof(*answer));
    u.rows = query_alloc(arena, (size_t)u.groups_max * u.steps * sizeof(*u.rows));
    uint32_t operator= site != NULL ? site->operator: 0;
    uint64_t serial = q->from > 0 ? q->from : 1;
    while ((serial = offer_next(&u, operator, serial, &answer->next)) != 0) {
        const struct offer *o = offer_find(x, serial);
        if (o != NULL && !offer_add(&u, o)) {
            answer->next = serial;
            break;
        }
        serial++;
    }
    answer->rows.items = u.rows;
    answer->rows.count = u.groups * u.steps;
    *answer_out = &a_utilisation_message;
    *body_out = answer;
    return REFUSAL_accepted;
}
