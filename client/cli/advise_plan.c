#include "client/cli/advise_plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocol/amount.h"
#include "protocol/moment.h"
#include "protocol/refusal.h"

/* --- Candidates ----------------------------------------------------------------------------- */

static struct plan_part *part_add(struct plan *plan, const struct demand *d, uint32_t profile,
                                  uint32_t gpus)
{
    struct plan_part *part = &plan->parts[plan->count++];
    uint32_t duration_min = d->curve->duration_min;
    *part = (struct plan_part){.order = *d->wish};
    part->order.gpus = gpus;
    part->order.gpus_min = gpus;
    part->order.block_gpus = 1;
    part->order.duration_min = duration_min;
    part->order.start_from_s = d->start_s;
    part->order.start_until_s = d->start_s;
    part->order.time_in_force = TIME_IN_FORCE_FOK;
    part->order.profile = profile;
    part->order.placement = profile == PROFILE_TRAINING ? PLACEMENT_ONE_SITE : PLACEMENT_SPREAD;
    part->order.preemptible_ok = profile == PROFILE_TUNING;
    if (profile == PROFILE_INFERENCE)
        part->order.funded_min = duration_min < PLAN_FUNDED_MIN ? duration_min : PLAN_FUNDED_MIN;
    return part;
}

static void plans_begin(const struct demand *d, struct plan plans[PLANS])
{
    const struct curve_facts *f = d->facts;
    memset(plans, 0, PLANS * sizeof(*plans));
    plans[PLAN_TRAINING].name = "training";
    plans[PLAN_TUNING].name = "tuning";
    plans[PLAN_INFERENCE].name = "inference";
    plans[PLAN_MIX].name = "mix";
    part_add(&plans[PLAN_TRAINING], d, PROFILE_TRAINING, f->peak);
    part_add(&plans[PLAN_TUNING], d, PROFILE_TUNING, f->peak);
    part_add(&plans[PLAN_INFERENCE], d, PROFILE_INFERENCE, f->peak);
    if (f->base == 0 || f->base == f->peak)
        return;
    part_add(&plans[PLAN_MIX], d, PROFILE_TRAINING, f->base);
    part_add(&plans[PLAN_MIX], d, PROFILE_INFERENCE, f->peak - f->base)->above = f->base;
}

/* --- Prices --------------------------------------------------------------------------------- */

/* What a metered lease that serves the GPUs of the curve beyond `above` would be charged for: what
 * is used, but of each period at least the offer's least charge. */
static uint64_t lease_charged(const struct demand *d, const struct quoted_lease *lease,
                              const struct offer_info *offer, uint32_t above)
{
    uint32_t period_min = offer->meter_period_min > 0 ? offer->meter_period_min : 60;
    uint32_t duration_min = d->curve->duration_min;
    uint64_t charged = 0;
    for (uint32_t from = 0; from < duration_min; from += period_min) {
        uint32_t to = duration_min - from < period_min ? duration_min : from + period_min;
        uint64_t available = (uint64_t)lease->gpus * (to - from);
        uint64_t least = (available * offer->least_charge_ppm + 999999) / 1000000;
        uint64_t use = curve_use(d->curve, from, to, above, lease->gpus);
        charged += use > least ? use : least;
    }
    return charged;
}

static const struct offer_info *offer_find(struct cli *cli, uint64_t offer)
{
    struct q_offers q = {.offer = offer};
    const struct a_offers *a = cli_query(cli, &q_offers_message, &q);
    return a != NULL && a->rows.count == 1 ? a->rows.items : NULL;
}

/* The cheapest lease serves the lowest GPUs of the curve, which are used most; a quote names leases
 * in the order of price. */
static void part_cost(struct cli *cli, const struct demand *d, struct plan_part *part)
{
    uint32_t above = part->above;
    for (uint32_t i = 0; i < part->quote->leases.count && cli->exit == CLI_OK; i++) {
        const struct quoted_lease *lease = &part->quote->leases.items[i];
        const struct offer_info *offer = offer_find(cli, lease->offer);
        uint64_t most = order_cost(cli, lease->gpus, d->curve->duration_min, lease->price_ucr);
        uint64_t charged = offer != NULL && offer->billing == BILLING_METERED
                               ? lease_charged(d, lease, offer, above)
                               : (uint64_t)lease->gpus * d->curve->duration_min;
        part->cost_ucr += order_cost(cli, 1, charged, lease->price_ucr);
        part->most_ucr += most;
        part->preemptible = part->preemptible || (offer != NULL && offer->preemptible);
        above += lease->gpus;
    }
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

/* An order that is shown as it was quoted costs no more: SKUs without a limit get the highest
 * price of the quote. */
static void part_limit(struct cli *cli, struct plan_part *part)
{
    uint32_t count = part->order.skus.count;
    struct sku_limit *skus = arena_copy(&cli->arena, part->order.skus.items, count * sizeof(*skus));
    if (skus == NULL) {
        cli_fail(cli, CLI_LOCAL, "out of memory");
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (skus[i].limit_price_ucr == PRICE_MAX_UCR)
            skus[i].limit_price_ucr = order_highest_price(part->quote);
    }
    part->order.skus.items = skus;
}

static void plan_price(struct cli *cli, const struct demand *d, struct plan *plan)
{
    plan->available = plan->count > 0;
    plan->meets = plan->count > 0;
    for (uint32_t i = 0; i < plan->count && cli->exit == CLI_OK; i++) {
        struct plan_part *part = &plan->parts[i];
        part->quote = order_quote(cli, &part->order, false);
        if (part->quote == NULL)
            return;
        if (part->quote->refusal != REFUSAL_accepted) {
            plan->available = false;
            if (order_may_rest(part->quote->refusal))
                part->first_s = part_first(cli, part);
            continue;
        }
        part_cost(cli, d, part);
        part_limit(cli, part);
        plan->cost_ucr += part->cost_ucr;
        plan->most_ucr += part->most_ucr;
        plan->meets = plan->meets && (d->interruptible || !part->preemptible);
    }
    plan->meets = plan->meets && plan->available;
}

int plans_make(struct cli *cli, const struct demand *d, struct plan plans[PLANS])
{
    plans_begin(d, plans);
    for (int i = 0; i < PLANS; i++)
        plan_price(cli, d, &plans[i]);
    return cli->exit;
}

const struct plan *plans_best(const struct plan plans[PLANS])
{
    const struct plan *best = NULL;
    for (int i = 0; i < PLANS; i++) {
        const struct plan *p = &plans[i];
        if (p->available && p->meets && (best == NULL || p->cost_ucr < best->cost_ucr))
            best = p;
    }
    return best;
}

/* --- Commands ------------------------------------------------------------------------------- */

/* A word as a shell reads it. */
static void word_append(struct buffer *out, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_.,:=/+%@";
    if (text[0] != '\0' && text[strspn(text, plain)] == '\0') {
        buffer_printf(out, " %s", text);
        return;
    }
    buffer_printf(out, " '");
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            buffer_printf(out, "'\\''");
        else
            buffer_append(out, text, 1);
    }
    buffer_printf(out, "'");
}

/* SKUs that were quoted, each at the highest price that was quoted for it. */
static void skus_append(struct cli *cli, const struct a_quote *quote, struct buffer *out)
{
    for (uint32_t i = 0; i < quote->leases.count; i++) {
        char price[AMOUNT_TEXT_BYTES];
        char word[NAME_MAX_BYTES + AMOUNT_TEXT_BYTES + 2];
        uint64_t sku = quote->leases.items[i].sku;
        uint64_t highest = 0;
        bool first = true;
        for (uint32_t j = 0; j < quote->leases.count; j++) {
            const struct quoted_lease *l = &quote->leases.items[j];
            if (l->sku == sku && l->price_ucr > highest)
                highest = l->price_ucr;
            first = first && (j >= i || l->sku != sku);
        }
        if (!first)
            continue;
        snprintf(word, sizeof(word), "%s=%s", name_of(cli, NAMED_SKU, sku),
                 amount_format(highest, price));
        buffer_printf(out, " --sku");
        word_append(out, word);
    }
}

void plan_command(struct cli *cli, const struct plan_part *part, struct buffer *out)
{
    static const char *const kept[] = {"region", "jurisdiction", "sovereign",      "carbon-max",
                                       "cert",   "interconnect", "reliability-min"};
    const struct op_order_place *o = &part->order;
    char text[MOMENT_TEXT_BYTES];
    buffer_printf(out, "bourse order place --profile %s%s%s",
                  vocabulary_name(&profile_vocabulary, o->profile),
                  o->placement == PLACEMENT_SPREAD ? " --spread" : "",
                  o->preemptible_ok ? " --preemptible-ok" : "");
    skus_append(cli, part->quote, out);
    buffer_printf(out, " --gpus %u --duration %s --fok", (unsigned)o->gpus,
                  duration_format((uint64_t)o->duration_min * 60, text));
    if (o->start_from_s > 0)
        buffer_printf(out, " --start %s", moment_format(o->start_from_s, text));
    if (o->funded_min > 0)
        buffer_printf(out, " --funded %s", duration_format((uint64_t)o->funded_min * 60, text));
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        const char *value;
        for (size_t n = 0; (value = option_nth(cli, kept[i], n)) != NULL; n++) {
            buffer_printf(out, " --%s", kept[i]);
            word_append(out, value);
        }
    }
}
