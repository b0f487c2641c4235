/* Which profile and order fit a demand curve, and what each would cost now. */
#include <inttypes.h>
#include <string.h>

#include "client/cli/advise_plan.h"
#include "client/json.h"
#include "protocol/amount.h"
#include "protocol/moment.h"
#include "protocol/refusal.h"
#include "protocol/status.h"

enum {
    FILE_BYTES_MAX = 64 * 1024 * 1024,
    STEADY_PPM = 200000,
    BURSTY_PPM = 600000,
    WEEK_S = 7 * DAY_S,
};

#define NOT_CONSIDERED                                                                             \
    "other bases than the one above, orders that rest, resale of what stands idle"

/* --- What is asked -------------------------------------------------------------------------- */

static int curve_from_file(struct cli *cli, const char *file, struct curve *out)
{
    struct buffer text = BUFFER_EMPTY;
    char why[CURVE_ERROR_BYTES] = "";
    if (cli_read_file(cli, file, FILE_BYTES_MAX, &text) != CLI_OK)
        return cli->exit;
    if (!curve_read(text.data != NULL ? (const char *)text.data : "", text.length, &cli->arena, out,
                    why))
        cli_fail(cli, CLI_USAGE, "%s%s", file, why);
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
    if (option_text(cli, "start") != NULL) {
        uint64_t given_s = minute_ceil(option_moment(cli, "start", 0));
        if (cli->exit == CLI_OK && given_s < cli_time_s(cli))
            cli_fail(cli, CLI_USAGE, "--start lies in the past");
        return given_s;
    }
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

static const char *part_kind(const struct plan_part *part)
{
    uint32_t profile = part->order.profile;
    return profile == PROFILE_TRAINING    ? "committed"
           : profile == PROFILE_INFERENCE ? "elastic"
           : part->order.preemptible_ok   ? "that may be taken back"
                                          : "over several sites";
}

static void what_append(const struct plan *p, struct buffer *out)
{
    uint32_t most = 0;
    uint32_t least = UINT32_MAX;
    for (uint32_t i = 0; i < p->count && !p->parts[i].is_window; i++)
        buffer_printf(out, "%s%u GPU%s %s", i > 0 ? " + " : "", (unsigned)p->parts[i].order.gpus,
                      p->parts[i].order.gpus == 1 ? "" : "s", part_kind(&p->parts[i]));
    for (uint32_t i = 0; i < p->windows.count; i++) {
        const struct window *w = &p->windows.items[i];
        uint32_t high = w->above + w->gpus - p->windows.items[0].above;
        most = high > most ? high : most;
        least = high < least ? high : least;
    }
    if (p->windows.count == 0 || p->count == 0)
        return;
    buffer_printf(out, "%s%s%u%s", out->length > 0 ? " + " : "", least < most ? "up to " : "",
                  (unsigned)most,
                  out->length > 0 ? ""
                  : most == 1     ? " GPU"
                                  : " GPUs");
    buffer_printf(out, "%s in %u window%s", p->parts[p->count - 1].is_either ? "" : " committed",
                  (unsigned)p->windows.count, p->windows.count == 1 ? "" : "s");
}

/* Why a plan cannot be had: what the first of its parts that failed was told. */
static void missing_print(struct cli *cli, const struct plan *p)
{
    char text[MOMENT_TEXT_BYTES];
    const struct plan_part *part = p->parts;
    while (part < &p->parts[p->count - 1] && (!part->asked || part->refusal == REFUSAL_accepted))
        part++;
    if (!part->asked)
        return;
    cli_print(cli, "not available: %s (%s)", refusal_text(part->refusal),
              refusal_name(part->refusal));
    if (part->is_window) {
        cli_print(cli, " for %u GPU%s over %s from ", (unsigned)part->order.gpus,
                  part->order.gpus == 1 ? "" : "s",
                  duration_format((uint64_t)part->order.duration_min * 60, text));
        cli_print(cli, "%s on",
                  part->order.start_from_s > 0 ? moment_format(part->order.start_from_s, text)
                                               : "now");
    } else if (part->first_s > 0) {
        cli_print(cli, ", but from %s", moment_format(part->first_s, text));
    }
}

static void plan_print(struct cli *cli, const struct plan *p)
{
    struct buffer what = BUFFER_EMPTY;
    char cost[AMOUNT_TEXT_BYTES];
    char most[AMOUNT_TEXT_BYTES];
    what_append(p, &what);
    cli_print(cli, "  %-10s %-41.*s ", p->name, (int)what.length,
              what.data != NULL ? (const char *)what.data : "");
    buffer_release(&what);
    if (p->senseless != NULL)
        cli_print(cli, "%s", p->senseless);
    else if (p->available)
        cli_print(cli, "%12s%s%s%s%s", amount_format(p->cost_ucr, cost),
                  p->most_ucr > p->cost_ucr ? "  (at most " : "",
                  p->most_ucr > p->cost_ucr ? amount_format(p->most_ucr, most) : "",
                  p->most_ucr > p->cost_ucr ? ")" : "",
                  p->meets ? "" : "  only if it may be interrupted: --interruptible");
    else
        missing_print(cli, p);
    cli_print(cli, "\n");
}

/* A curve that is moved in time starts its windows at other hours of the day. */
static void hours_print(struct cli *cli, const struct demand *d)
{
    char then[MOMENT_TEXT_BYTES];
    char now[MOMENT_TEXT_BYTES];
    char start[MOMENT_TEXT_BYTES];
    uint64_t period_s = d->curve->duration_min >= WEEK_S / 60 ? WEEK_S : DAY_S;
    uint64_t now_s = minute_ceil(cli_time_s(cli));
    uint64_t first_s = minute_floor(d->curve->start_s);
    if (d->start_s > 0 || d->curve->start_s < DAY_S || first_s > now_s ||
        (now_s - first_s) % period_s == 0)
        return;
    uint64_t next_s = now_s + period_s - (now_s - first_s) % period_s;
    cli_print(
        cli,
        "\nThe windows count from now: what the curve has at %.16s is needed at %.16s. To keep "
        "its hours%s:\n  --start %s\n",
        moment_format(first_s, then), moment_format(now_s, now),
        period_s == WEEK_S ? " and days of the week" : "", moment_format(next_s, start));
}

static uint32_t plans_quotes(const struct plan plans[PLANS])
{
    uint32_t quotes = 0;
    for (int i = 0; i < PLANS; i++)
        quotes += plans[i].quotes;
    return quotes;
}

/* What might be cheaper, and was not asked for. */
static void limits_append(const struct demand *d, const struct plan *p, struct buffer *out)
{
    const struct windows *w = &p->windows;
    if (p->count == 0)
        return;
    if (w->filled > 0)
        buffer_printf(out,
                      "%s: more than %d windows; the least gaps were filled, with %" PRIu64
                      ".%" PRIu64 " GPU-hours that stand idle\n",
                      p->name, WINDOWS_MAX, w->filled / 60, w->filled % 60 / 6);
    if (w->step_min > 0)
        buffer_printf(
            out, "%s: in steps of %u minutes, each at its peak, since the curve has %u lines\n",
            p->name, (unsigned)w->step_min, (unsigned)d->curve->count);
}

static void asked_print(struct cli *cli, const struct demand *d, const struct plan plans[PLANS])
{
    struct buffer cut = BUFFER_EMPTY;
    uint32_t quotes = plans_quotes(plans);
    cli_print(cli, "\n%u quotes. Not considered: " NOT_CONSIDERED ".\n", (unsigned)quotes);
    limits_append(d, &plans[PLAN_WINDOWS], &cut);
    limits_append(d, &plans[PLAN_LAYERS], &cut);
    cli_print(cli, "%.*s", (int)cut.length, cut.data != NULL ? (const char *)cut.data : "");
    buffer_release(&cut);
}

static void best_print(struct cli *cli, const struct plan *best)
{
    struct buffer line = BUFFER_EMPTY;
    char cost[AMOUNT_TEXT_BYTES];
    cli_print(cli, "\ncheapest that meets it: %s, for %s credits. Place %s with:\n", best->name,
              amount_format(best->cost_ucr, cost), best->count == 1 ? "it" : "them in this order");
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
                             part->asked ? refusal_name(part->refusal) : "not_asked", "preemptible",
                             part->preemptible);
    if (part->first_s > 0)
        json_object_set_new(json, "first_start_s",
                            json_string(moment_format(part->first_s, first)));
    if (part->asked && part->refusal == REFUSAL_accepted) {
        plan_command(cli, part, &line);
        json_object_set_new(json, "command", json_stringn((const char *)line.data, line.length));
        json_object_set_new(json, "cost_ucr", json_integer((json_int_t)part->cost_ucr));
        json_object_set_new(json, "most_ucr", json_integer((json_int_t)part->most_ucr));
    }
    buffer_release(&line);
    return json;
}

static json_t *plan_json(struct cli *cli, const struct plan *p)
{
    json_t *orders = json_array();
    for (uint32_t i = 0; i < p->count; i++)
        json_array_append_new(orders, part_json(cli, &p->parts[i]));
    json_t *json = json_pack("{s:s, s:b, s:b, s:o}", "name", p->name, "available", p->available,
                             "meets", p->meets, "orders", orders);
    if (p->senseless != NULL)
        json_object_set_new(json, "senseless", json_string(p->senseless));
    if (p->available) {
        json_object_set_new(json, "cost_ucr", json_integer((json_int_t)p->cost_ucr));
        json_object_set_new(json, "most_ucr", json_integer((json_int_t)p->most_ucr));
    }
    if (p->windows.count > 0 && p->count > 0) {
        json_object_set_new(json, "windows", json_integer(p->windows.count));
        json_object_set_new(json, "filled_gpu_minutes",
                            json_integer((json_int_t)p->windows.filled));
        json_object_set_new(json, "step_min", json_integer(p->windows.step_min));
    }
    return json;
}

static int advice_json(struct cli *cli, const struct demand *d, const struct plan *plans,
                       const struct plan *best)
{
    const struct curve_facts *f = d->facts;
    json_t *list = json_array();
    for (int i = 0; i < PLANS; i++)
        json_array_append_new(list, plan_json(cli, &plans[i]));
    return cli_print_json(cli, json_pack("{s:{s:i, s:i, s:i, s:I, s:i, s:s}, s:o, s:i, s:s, s:s?}",
                                         "demand", "duration_min", (int)d->curve->duration_min,
                                         "base", (int)f->base, "peak", (int)f->peak, "gpu_minutes",
                                         (json_int_t)f->gpu_minutes, "variability_ppm",
                                         (int)f->variability_ppm, "shape", shape(f), "candidates",
                                         list, "quotes", (int)plans_quotes(plans), "not_considered",
                                         NOT_CONSIDERED, "best", best != NULL ? best->name : NULL));
}

/* What was found, for people. */
static int advice_print(struct cli *cli, const struct demand *d, const struct plan *plans,
                        const struct plan *best)
{
    demand_print(cli, d);
    cli_print(cli, "  %-10s %-41s %12s\n", "CANDIDATE", "WHAT", "COST NOW");
    for (int i = 0; i < PLANS; i++)
        plan_print(cli, &plans[i]);
    asked_print(cli, d, plans);
    if (best == NULL)
        return cli_fail(cli, CLI_REFUSED,
                        "nothing on offer meets it %s; see 'bourse quote --why'%s",
                        d->start_s > 0 ? "at that time" : "now",
                        d->start_s > 0 ? ", or look at another time with --start"
                                       : ", or let an order rest with --rest");
    if (option_text(cli, "sku") == NULL && d->wish->skus.count > 1)
        cli_print(cli, "Every SKU counted alike; --sku names those that fit.\n");
    if (best->windows.count > 0)
        hours_print(cli, d);
    best_print(cli, best);
    return cli->exit;
}

int command_advise(struct cli *cli, int argc, char **argv)
{
    struct curve curve;
    struct curve_facts facts;
    struct order_input in = {0};
    struct buffer offers = BUFFER_EMPTY;
    (void)argc;
    struct plan *plans = arena_alloc(&cli->arena, PLANS * sizeof(*plans));
    if (curve_from_file(cli, argv[0], &curve) != CLI_OK)
        return cli->exit;
    if (plans == NULL || !curve_look(&curve, &cli->arena, &facts))
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
        .offers = &offers,
    };
    if (cli->exit == CLI_OK)
        plans_make(cli, &d, plans);
    buffer_release(&offers);
    if (cli->exit != CLI_OK)
        return cli->exit;
    const struct plan *best = plans_best(plans);
    return cli->json ? advice_json(cli, &d, plans, best) : advice_print(cli, &d, plans, best);
}
