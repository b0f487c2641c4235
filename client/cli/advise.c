/* Which profile and order fit a demand curve, and what each would cost now. */
#include <inttypes.h>
#include <string.h>

#include "client/cli/advise_plan.h"
#include "client/json.h"
#include "protocol/amount.h"
#include "protocol/moment.h"
#include "protocol/refusal.h"
#include "protocol/status.h"

enum { FILE_BYTES_MAX = 64 * 1024 * 1024, STEADY_PPM = 200000, BURSTY_PPM = 600000 };

/* --- What is asked -------------------------------------------------------------------------- */

static int curve_from_file(struct cli *cli, const char *file, struct curve *out)
{
    struct buffer text = BUFFER_EMPTY;
    char why[CURVE_ERROR_BYTES] = "";
    if (cli_read_file(cli, file, FILE_BYTES_MAX, &text) != CLI_OK)
        return cli->exit;
    if (!curve_read(text.data != NULL ? (const char *)text.data : "", text.length, &cli->arena, out,
                    why))
        cli_fail(cli, CLI_USAGE, "%s, %s", file, why);
    buffer_release(&text);
    return cli->exit;
}

/* --sku, or all SKUs that may be offered. */
static int skus_read(struct cli *cli, struct order_input *in)
{
    struct q_skus q = {0};
    const void *rows = NULL;
    in->order.skus.items = in->skus;
    in->order.skus.count = order_skus(cli, in->skus, in->limited);
    if (cli->exit != CLI_OK || in->order.skus.count > 0)
        return cli->exit;
    uint32_t found = 0;
    uint32_t count = records_fetch(cli, &q_skus_message, &q, UINT32_MAX, &rows);
    for (uint32_t i = 0; i < count && found < ORDER_SKUS_MAX; i++) {
        const struct sku_info *sku = (const struct sku_info *)rows + i;
        if (sku->state == SKU_STATE_ACTIVE)
            in->skus[found++] =
                (struct sku_limit){sku->sku, option_amount(cli, "limit", PRICE_MAX_UCR)};
    }
    in->order.skus.count = found;
    if (cli->exit == CLI_OK && found == 0)
        cli_fail(cli, CLI_REFUSED, "there are no SKUs yet; see 'bourse sku list'");
    return cli->exit;
}

/* A curve that was measured stands for what comes: one that lies in the past begins now. */
static uint64_t start_read(struct cli *cli, const struct curve *curve)
{
    if (option_text(cli, "start") != NULL)
        return minute_ceil(option_moment(cli, "start", 0));
    uint64_t start_s = minute_floor(curve->start_s);
    return start_s > cli_time_s(cli) ? start_s : 0;
}

/* --- What is said --------------------------------------------------------------------------- */

static const char *shape(const struct curve_facts *f)
{
    return f->variability_ppm <= STEADY_PPM   ? "steady"
           : f->variability_ppm >= BURSTY_PPM ? "bursty"
                                              : "varying";
}

static const char *shape_means(const struct demand *d)
{
    const struct curve_facts *f = d->facts;
    bool half = f->gpu_minutes * 2 >= (uint64_t)f->peak * d->curve->duration_min;
    if (f->variability_ppm <= STEADY_PPM)
        return "steady demand suits a committed block: little of it stands idle";
    if (f->variability_ppm >= BURSTY_PPM && half)
        return "it varies much, yet uses more than half of a block at its peak: the prices decide";
    if (f->variability_ppm >= BURSTY_PPM)
        return "bursty demand suits elastic capacity: a block at its peak would mostly stand idle";
    return "varying demand suits a committed base with elastic peaks";
}

static void demand_print(struct cli *cli, const struct demand *d)
{
    char duration[MOMENT_TEXT_BYTES];
    char start[MOMENT_TEXT_BYTES];
    const struct curve_facts *f = d->facts;
    uint64_t minutes = d->curve->duration_min;
    uint64_t tenths = f->gpu_minutes * 10 / minutes;
    cli_print(cli,
              "demand: %s from %s, %" PRIu64 " GPU-hours; base %u, mean %" PRIu64 ".%" PRIu64
              ", peak %u GPUs; %u%% of the peak is not base: %s\n%s\n\n",
              duration_format(minutes * 60, duration),
              d->start_s > 0 ? moment_format(d->start_s, start) : "now", f->gpu_minutes / 60,
              (unsigned)f->base, tenths / 10, tenths % 10, (unsigned)f->peak,
              (unsigned)(f->variability_ppm / 10000), shape(f), shape_means(d));
}

static void what_append(const struct plan *p, struct buffer *out)
{
    for (uint32_t i = 0; i < p->count; i++) {
        const struct op_order_place *o = &p->parts[i].order;
        buffer_printf(out, "%s%u GPUs %s", i > 0 ? " + " : "", (unsigned)o->gpus,
                      o->profile == PROFILE_TRAINING ? "committed"
                      : o->profile != PROFILE_TUNING ? "elastic"
                      : p->parts[i].preemptible      ? "that may be taken back"
                                                     : "over several sites");
    }
}

static void plan_print(struct cli *cli, const struct demand *d, const struct plan *p)
{
    struct buffer what = BUFFER_EMPTY;
    char cost[AMOUNT_TEXT_BYTES];
    char most[AMOUNT_TEXT_BYTES];
    char first[MOMENT_TEXT_BYTES];
    what_append(p, &what);
    cli_print(cli, "  %-10s %-34.*s ", p->name, (int)what.length,
              what.data != NULL ? (const char *)what.data : "");
    buffer_release(&what);
    if (p->count == 0)
        cli_print(cli, d->facts->base == 0 ? "there is no base" : "base and peak are the same");
    else if (p->available)
        cli_print(cli, "%12s%s%s%s%s", amount_format(p->cost_ucr, cost),
                  p->most_ucr > p->cost_ucr ? "  (at most " : "",
                  p->most_ucr > p->cost_ucr ? amount_format(p->most_ucr, most) : "",
                  p->most_ucr > p->cost_ucr ? ")" : "",
                  p->meets ? "" : "  only if it may be interrupted: --interruptible");
    for (uint32_t i = 0; i < p->count && !p->available; i++) {
        const struct plan_part *part = &p->parts[i];
        if (part->quote == NULL || part->quote->refusal == REFUSAL_accepted)
            continue;
        cli_print(cli, "not available: %s (%s)%s%s", refusal_text(part->quote->refusal),
                  refusal_name(part->quote->refusal), part->first_s > 0 ? ", but from " : "",
                  part->first_s > 0 ? moment_format(part->first_s, first) : "");
        break;
    }
    cli_print(cli, "\n");
}

static void best_print(struct cli *cli, const struct plan *best)
{
    struct buffer line = BUFFER_EMPTY;
    char cost[AMOUNT_TEXT_BYTES];
    cli_print(cli, "\ncheapest that meets it: %s, for %s credits. Place it with:\n", best->name,
              amount_format(best->cost_ucr, cost));
    for (uint32_t i = 0; i < best->count; i++) {
        buffer_clear(&line);
        plan_command(cli, &best->parts[i], &line);
        cli_print(cli, "  %.*s\n", (int)line.length, (const char *)line.data);
    }
    buffer_release(&line);
}

static json_t *part_json(struct cli *cli, const struct plan_part *part)
{
    struct buffer line = BUFFER_EMPTY;
    char first[MOMENT_TEXT_BYTES];
    json_t *json = json_pack("{s:o, s:s, s:b}", "order",
                             message_to_json(&op_order_place_message, &part->order), "refusal",
                             part->quote != NULL ? refusal_name(part->quote->refusal) : "unknown",
                             "preemptible", part->preemptible);
    if (part->first_s > 0)
        json_object_set_new(json, "first_start_s",
                            json_string(moment_format(part->first_s, first)));
    if (part->quote != NULL && part->quote->refusal == REFUSAL_accepted) {
        plan_command(cli, part, &line);
        json_object_set_new(json, "command", json_stringn((const char *)line.data, line.length));
        json_object_set_new(json, "cost_ucr", json_integer((json_int_t)part->cost_ucr));
        json_object_set_new(json, "most_ucr", json_integer((json_int_t)part->most_ucr));
    }
    buffer_release(&line);
    return json;
}

static int advice_json(struct cli *cli, const struct demand *d, const struct plan *plans,
                       const struct plan *best)
{
    const struct curve_facts *f = d->facts;
    json_t *list = json_array();
    for (int i = 0; i < PLANS; i++) {
        json_t *orders = json_array();
        for (uint32_t j = 0; j < plans[i].count; j++)
            json_array_append_new(orders, part_json(cli, &plans[i].parts[j]));
        json_t *one = json_pack("{s:s, s:b, s:b, s:o}", "name", plans[i].name, "available",
                                plans[i].available, "meets", plans[i].meets, "orders", orders);
        if (plans[i].available) {
            json_object_set_new(one, "cost_ucr", json_integer((json_int_t)plans[i].cost_ucr));
            json_object_set_new(one, "most_ucr", json_integer((json_int_t)plans[i].most_ucr));
        }
        json_array_append_new(list, one);
    }
    return cli_print_json(cli, json_pack("{s:{s:i, s:i, s:i, s:I, s:i, s:s}, s:o, s:s?}", "demand",
                                         "duration_min", (int)d->curve->duration_min, "base",
                                         (int)f->base, "peak", (int)f->peak, "gpu_minutes",
                                         (json_int_t)f->gpu_minutes, "variability_ppm",
                                         (int)f->variability_ppm, "shape", shape(f), "candidates",
                                         list, "best", best != NULL ? best->name : NULL));
}

int command_advise(struct cli *cli, int argc, char **argv)
{
    struct curve curve;
    struct curve_facts facts;
    struct order_input in = {0};
    struct plan plans[PLANS];
    (void)argc;
    if (curve_from_file(cli, argv[0], &curve) != CLI_OK)
        return cli->exit;
    if (!curve_look(&curve, &cli->arena, &facts))
        return cli_fail(cli, CLI_LOCAL, "out of memory");
    if (facts.peak == 0)
        return cli_fail(cli, CLI_USAGE, "%s: the demand is 0 all the time", argv[0]);
    if (order_constraints(cli, &in.order) != CLI_OK || skus_read(cli, &in) != CLI_OK)
        return cli->exit;
    struct demand d = {
        .curve = &curve,
        .facts = &facts,
        .wish = &in.order,
        .start_s = start_read(cli, &curve),
        .interruptible = option_flag(cli, "interruptible"),
    };
    if (cli->exit != CLI_OK || plans_make(cli, &d, plans) != CLI_OK)
        return cli->exit;
    const struct plan *best = plans_best(plans);
    if (cli->json)
        return advice_json(cli, &d, plans, best);
    demand_print(cli, &d);
    cli_print(cli, "  %-10s %-34s %12s\n", "CANDIDATE", "WHAT", "COST NOW");
    for (int i = 0; i < PLANS; i++)
        plan_print(cli, &d, &plans[i]);
    if (best == NULL)
        return cli_fail(cli, CLI_REFUSED,
                        "nothing on offer meets it %s; see 'bourse quote --why'%s",
                        d.start_s > 0 ? "at that time" : "now",
                        d.start_s > 0 ? ", or look at another time with --start"
                                      : ", or let an order rest with --rest");
    if (option_text(cli, "sku") == NULL && in.order.skus.count > 1)
        cli_print(cli, "\nEvery SKU counted alike; --sku names those that fit.");
    best_print(cli, best);
    return cli->exit;
}
