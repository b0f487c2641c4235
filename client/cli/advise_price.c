#include "client/cli/advise_price.h"

#include <string.h>

#include "protocol/refusal.h"

void part_shape(struct plan_part *part, const struct demand *d, uint32_t profile)
{
    struct op_order_place *o = &part->order;
    o->profile = profile;
    o->placement = profile == PROFILE_TRAINING ? PLACEMENT_ONE_SITE : PLACEMENT_SPREAD;
    o->preemptible_ok = profile == PROFILE_TUNING && (!part->is_window || d->interruptible);
    o->funded_min = 0;
    if (profile == PROFILE_INFERENCE)
        o->funded_min = o->duration_min < PLAN_FUNDED_MIN ? o->duration_min : PLAN_FUNDED_MIN;
}

/* --- What a lease costs --------------------------------------------------------------------- */

/* What a metered lease that serves the GPUs of the curve beyond `above` would be charged for: what
 * is used, but of each period at least the offer's least charge. */
static uint64_t lease_charged(const struct demand *d, const struct plan_part *part,
                              const struct quoted_lease *lease, const struct offer_info *offer,
                              uint32_t above)
{
    uint32_t period_min = offer->meter_period_min > 0 ? offer->meter_period_min : 60;
    uint32_t end = part->from_min + part->order.duration_min;
    uint64_t charged = 0;
    for (uint32_t from = part->from_min; from < end; from += period_min) {
        uint32_t to = end - from < period_min ? end : from + period_min;
        uint64_t available = (uint64_t)lease->gpus * (to - from);
        uint64_t least = (available * offer->least_charge_ppm + 999999) / 1000000;
        uint64_t use = curve_use(d->curve, from, to, above, lease->gpus);
        charged += use > least ? use : least;
    }
    return charged;
}

/* NULL when it is gone meanwhile. The windows of a curve meet the same offers again and again, so
 * each is asked for once. */
static const struct offer_info *offer_find(struct cli *cli, const struct demand *d, uint64_t offer)
{
    struct q_offers q = {.offer = offer};
    const struct offer_info *known = (const void *)d->offers->data;
    for (size_t i = 0; i < d->offers->length / sizeof(*known); i++) {
        if (known[i].offer == offer)
            return &known[i];
    }
    const struct a_offers *a = cli_query(cli, &q_offers_message, &q);
    if (a == NULL || a->rows.count != 1)
        return NULL;
    buffer_append(d->offers, a->rows.items, sizeof(*known));
    return a->rows.items;
}

/* The cheapest lease serves the lowest GPUs of the curve, which are used most; a quote names leases
 * in the order of price. */
static void part_cost(struct cli *cli, const struct demand *d, struct plan_part *part)
{
    uint32_t above = part->above;
    uint32_t duration_min = part->order.duration_min;
    for (uint32_t i = 0; i < part->leases_count && cli->exit == CLI_OK; i++) {
        const struct quoted_lease *lease = &part->leases[i];
        const struct offer_info *offer = offer_find(cli, d, lease->offer);
        uint64_t charged = offer != NULL && offer->billing == BILLING_METERED
                               ? lease_charged(d, part, lease, offer, above)
                               : (uint64_t)lease->gpus * duration_min;
        part->cost_ucr += order_cost(cli, 1, charged, lease->price_ucr);
        part->most_ucr += order_cost(cli, lease->gpus, duration_min, lease->price_ucr);
        part->preemptible = part->preemptible || (offer != NULL && offer->preemptible);
        above += lease->gpus;
    }
}

/* --- What a part gets ----------------------------------------------------------------------- */

/* The GPUs that the first `earlier` parts of the plan take of an offer (0: of all) during a part.
 * Lower layers last for as long as those above them, so that what they take counts in full. */
static uint64_t gpus_taken(const struct plan *plan, uint32_t earlier, const struct plan_part *part,
                           uint64_t offer)
{
    uint64_t taken = 0;
    uint64_t end = (uint64_t)part->from_min + part->order.duration_min;
    for (uint32_t i = 0; i < earlier; i++) {
        const struct plan_part *p = &plan->parts[i];
        if (p->from_min >= end || p->from_min + p->order.duration_min <= part->from_min)
            continue;
        for (uint32_t j = 0; j < p->leases_count; j++)
            taken += offer == 0 || p->leases[j].offer == offer ? p->leases[j].gpus : 0;
    }
    return taken;
}

/* Of what is quoted, cheapest first, the part takes what the earlier ones leave. */
static void part_take(struct cli *cli, const struct plan *plan, uint32_t earlier,
                      struct plan_part *part, const struct a_quote *quote)
{
    uint32_t missing = part->order.gpus;
    part->leases = arena_alloc(&cli->arena, (quote->leases.count + 1) * sizeof(*part->leases));
    if (part->leases == NULL) {
        cli_fail(cli, CLI_LOCAL, "out of memory");
        return;
    }
    for (uint32_t i = 0; i < quote->leases.count && missing > 0; i++) {
        struct quoted_lease lease = quote->leases.items[i];
        uint64_t taken = gpus_taken(plan, earlier, part, lease.offer);
        if (taken >= lease.gpus)
            continue;
        lease.gpus -= (uint32_t)taken;
        lease.gpus = lease.gpus < missing ? lease.gpus : missing;
        missing -= lease.gpus;
        part->leases[part->leases_count++] = lease;
    }
    if (missing > 0)
        part->refusal = REFUSAL_size_not_met;
}

/* An order that is shown as it was quoted costs no more: SKUs without a limit get the highest
 * price of the quote. */
static void part_limit(struct cli *cli, struct plan_part *part)
{
    uint32_t count = part->order.skus.count;
    uint64_t highest = 0;
    struct sku_limit *skus = arena_copy(&cli->arena, part->order.skus.items, count * sizeof(*skus));
    if (skus == NULL) {
        cli_fail(cli, CLI_LOCAL, "out of memory");
        return;
    }
    for (uint32_t i = 0; i < part->leases_count; i++)
        highest = part->leases[i].price_ucr > highest ? part->leases[i].price_ucr : highest;
    for (uint32_t i = 0; i < count; i++) {
        if (skus[i].limit_price_ucr == PRICE_MAX_UCR)
            skus[i].limit_price_ucr = highest;
    }
    part->order.skus.items = skus;
}

/* Asks for as many GPUs more as the earlier parts take meanwhile: among these and its own are those
 * that it gets when the others have theirs. */
static void part_ask(struct cli *cli, const struct demand *d, struct plan *plan, uint32_t earlier,
                     struct plan_part *part)
{
    struct op_order_place order = part->order;
    uint64_t taken = gpus_taken(plan, earlier, part, 0);
    part->cost_ucr = 0;
    part->most_ucr = 0;
    part->preemptible = false;
    part->leases_count = 0;
    if (taken > 0) {
        order.gpus = taken < GPUS_MAX - order.gpus ? order.gpus + (uint32_t)taken : GPUS_MAX;
        order.time_in_force = TIME_IN_FORCE_IOC;
    }
    const struct a_quote *quote = order_quote(cli, &order, false);
    plan->quotes++;
    if (quote == NULL)
        return;
    part->asked = true;
    part->refusal = quote->refusal;
    if (quote->refusal == REFUSAL_accepted)
        part_take(cli, plan, earlier, part, quote);
    if (part->refusal == REFUSAL_accepted) {
        part_cost(cli, d, part);
        part_limit(cli, part);
    } else {
        part->leases_count = 0;
    }
}

/* A window that is shorter than leases usually are is asked for at a longer time as well. */
static void window_ask(struct cli *cli, const struct demand *d, struct plan *plan, uint32_t earlier,
                       struct plan_part *part)
{
    part_ask(cli, d, plan, earlier, part);
    if (cli->exit != CLI_OK || part->refusal != REFUSAL_no_capacity ||
        part->order.duration_min >= PLAN_WINDOW_LEAST_MIN)
        return;
    uint32_t duration_min = part->order.duration_min;
    part->order.duration_min = PLAN_WINDOW_LEAST_MIN;
    part_shape(part, d, part->order.profile);
    part_ask(cli, d, plan, earlier, part);
    if (part->refusal == REFUSAL_accepted)
        return;
    part->order.duration_min = duration_min;
    part_shape(part, d, part->order.profile);
}

/* Reserved or elastic. */
static void either_ask(struct cli *cli, const struct demand *d, struct plan *plan, uint32_t earlier,
                       struct plan_part *part)
{
    struct plan_part elastic = *part;
    window_ask(cli, d, plan, earlier, part);
    if (cli->exit != CLI_OK)
        return;
    part_shape(&elastic, d, PROFILE_INFERENCE);
    window_ask(cli, d, plan, earlier, &elastic);
    if (cli->exit == CLI_OK && elastic.refusal == REFUSAL_accepted &&
        (part->refusal != REFUSAL_accepted || elastic.cost_ucr < part->cost_ucr))
        *part = elastic;
}

/* From when on the order could be had, hour by hour. */
static uint64_t part_first(struct cli *cli, const struct plan_part *part)
{
    struct q_starts q;
    memset(&q, 0, sizeof(q));
    memcpy(&q, &part->order, sizeof(part->order));
    q.step_min = 60;
    q.count = PLAN_STARTS;
    const struct a_starts *a = cli_query_quietly(cli, &q_starts_message, &q);
    for (uint32_t i = 0; a != NULL && i < a->rows.count; i++) {
        if (a->rows.items[i].gpus >= part->order.gpus)
            return a->rows.items[i].start_s;
    }
    return 0;
}

void plan_price(struct cli *cli, const struct demand *d, struct plan *plan)
{
    bool windows = plan->windows.count > 0;
    plan->available = plan->count > 0;
    plan->meets = plan->count > 0;
    for (uint32_t i = 0; i < plan->count && (plan->available || !windows); i++) {
        struct plan_part *part = &plan->parts[i];
        if (part->is_either)
            either_ask(cli, d, plan, i, part);
        else if (part->is_window)
            window_ask(cli, d, plan, i, part);
        else
            part_ask(cli, d, plan, i, part);
        if (cli->exit != CLI_OK)
            return;
        if (part->refusal != REFUSAL_accepted) {
            plan->available = false;
            if (!part->is_window && order_may_rest(part->refusal))
                part->first_s = part_first(cli, part);
            continue;
        }
        plan->cost_ucr += part->cost_ucr;
        plan->most_ucr += part->most_ucr;
        plan->meets = plan->meets && (d->interruptible || !part->preemptible);
    }
    plan->meets = plan->meets && plan->available;
}
