#include "client/cli/advise_plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/advise_price.h"
#include "protocol/amount.h"
#include "protocol/moment.h"

/* --- Candidates ----------------------------------------------------------------------------- */

/* An order for the whole curve. */
static struct plan_part *part_add(struct plan *plan, const struct demand *d, uint32_t profile,
                                  uint32_t gpus)
{
    struct plan_part *part = &plan->parts[plan->count++];
    memset(part, 0, sizeof(*part));
    part->order = *d->wish;
    part->order.gpus = gpus;
    part->order.gpus_min = gpus;
    part->order.block_gpus = 1;
    part->order.duration_min = d->curve->duration_min;
    part->order.start_from_s = d->start_s;
    part->order.start_until_s = d->start_s;
    part->order.time_in_force = TIME_IN_FORCE_FOK;
    part_shape(part, d, profile);
    return part;
}

/* Orders for the windows alone; the first may begin at once, as the curve does. */
static void windows_add(struct cli *cli, const struct demand *d, struct plan *plan,
                        uint32_t profile)
{
    uint64_t begin_s = d->start_s > 0 ? d->start_s : minute_ceil(cli_time_s(cli));
    for (uint32_t i = 0; i < plan->windows.count; i++) {
        const struct window *w = &plan->windows.items[i];
        struct plan_part *part = part_add(plan, d, profile, w->gpus);
        part->from_min = w->from;
        part->above = w->above;
        part->is_window = true;
        part->order.duration_min = w->to - w->from;
        if (w->from > 0)
            part->order.start_from_s = begin_s + (uint64_t)w->from * 60;
        part->order.start_until_s = part->order.start_from_s;
        part_shape(part, d, profile);
    }
}

/* A block for each time without a pause: it is at one site, and another time may be at another. */
static bool side_by_side_begin(struct cli *cli, const struct demand *d, struct plan *plan)
{
    const struct windows *w = &plan->windows;
    if (!windows_side_by_side(d->curve, &cli->arena, &plan->windows))
        return false;
    if (w->count == 1 && w->items[0].from == 0 && w->items[0].to >= d->curve->duration_min)
        plan->senseless = "the demand does not pause";
    else
        windows_add(cli, d, plan, PROFILE_TRAINING);
    return true;
}

/* A block for what is needed nearly always, and above it each layer for its own hours. */
static bool layers_begin(struct cli *cli, const struct demand *d, struct plan *plan)
{
    const struct curve_facts *f = d->facts;
    if (!windows_in_layers(d->curve, f->base, &cli->arena, &plan->windows))
        return false;
    if (plan->windows.count == 0) {
        plan->senseless = "base and peak are the same";
        return true;
    }
    if (f->base > 0)
        part_add(plan, d, PROFILE_TRAINING, f->base);
    windows_add(cli, d, plan, PROFILE_TUNING);
    for (uint32_t i = 0; i < plan->count; i++)
        plan->parts[i].is_either = plan->parts[i].is_window;
    return true;
}

static bool plans_begin(struct cli *cli, const struct demand *d, struct plan plans[PLANS])
{
    static const char *const names[PLANS] = {"training", "tuning",  "inference",
                                             "mix",      "windows", "layers"};
    const struct curve_facts *f = d->facts;
    for (int i = 0; i < PLANS; i++) {
        memset(&plans[i], 0, sizeof(plans[i]));
        plans[i].name = names[i];
    }
    part_add(&plans[PLAN_TRAINING], d, PROFILE_TRAINING, f->peak);
    part_add(&plans[PLAN_TUNING], d, PROFILE_TUNING, f->peak);
    part_add(&plans[PLAN_INFERENCE], d, PROFILE_INFERENCE, f->peak);
    if (f->base == 0 || f->base == f->peak) {
        plans[PLAN_MIX].senseless =
            f->base == 0 ? "there is no base" : "base and peak are the same";
    } else {
        part_add(&plans[PLAN_MIX], d, PROFILE_TRAINING, f->base);
        part_add(&plans[PLAN_MIX], d, PROFILE_INFERENCE, f->peak - f->base)->above = f->base;
    }
    return side_by_side_begin(cli, d, &plans[PLAN_WINDOWS]) &&
           layers_begin(cli, d, &plans[PLAN_LAYERS]);
}

int plans_make(struct cli *cli, const struct demand *d, struct plan plans[PLANS])
{
    if (!plans_begin(cli, d, plans))
        return cli_fail(cli, CLI_LOCAL, "out of memory");
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
static void skus_append(struct cli *cli, const struct plan_part *part, struct buffer *out)
{
    for (uint32_t i = 0; i < part->leases_count; i++) {
        char price[AMOUNT_TEXT_BYTES];
        char word[NAME_MAX_BYTES + AMOUNT_TEXT_BYTES + 2];
        uint64_t sku = part->leases[i].sku;
        uint64_t highest = 0;
        bool first = true;
        for (uint32_t j = 0; j < part->leases_count; j++) {
            const struct quoted_lease *l = &part->leases[j];
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
    skus_append(cli, part, out);
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
