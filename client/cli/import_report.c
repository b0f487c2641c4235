#include "client/cli/import_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "client/stream.h"
#include "protocol/moment.h"
#include "protocol/refusal.h"

enum { BAR_CELLS = 40, BAR_EVERY_MS = 100, HEX_BYTES = 65 };

static gpu_minutes offered(const struct plan *p, uint32_t model)
{
    return p->gpus[model] * p->span_min;
}

static double share(gpu_minutes sold, gpu_minutes of)
{
    return of == 0 ? 0 : (double)sold / (double)of;
}

static gpu_minutes sold_in_all(const struct import_report *r)
{
    gpu_minutes sum = 0;
    for (uint32_t i = 0; i < r->plan->models_count; i++)
        sum += r->result->sold[i];
    return sum;
}

static double redemptions_per_s(const struct import_result *r)
{
    return r->trading_s > 0 ? (double)r->tasks / r->trading_s : 0;
}

static json_t *refusals_json(const struct import_result *r)
{
    json_t *all = json_object();
    for (unsigned i = 0; i < REFUSAL_COUNT; i++) {
        if (r->refusals[i] > 0)
            json_object_set_new(all, refusal_name(i), json_integer((json_int_t)r->refusals[i]));
    }
    return all;
}

static json_t *utilisation_json(const struct import_report *r)
{
    json_t *all = json_object();
    for (uint32_t i = 0; i < r->plan->models_count; i++)
        json_object_set_new(all, r->plan->models[i].sku,
                            json_real(share(r->result->sold[i], offered(r->plan, i))));
    return all;
}

/* The average price in parts of what the same leases cost at the models' base prices. */
static double price_of_base(const struct import_result *r)
{
    return r->base_ucr == 0 ? 1 : (double)r->settled_ucr / (double)r->base_ucr;
}

static double utilisation_in_all(const struct import_report *r)
{
    gpu_minutes all = 0;
    for (uint32_t i = 0; i < r->plan->models_count; i++)
        all += offered(r->plan, i);
    return share(sold_in_all(r), all);
}

static double rest_hours_mean(const struct import_result *r)
{
    return r->filled_later == 0 ? 0 : (double)r->rested_s / 3600 / (double)r->filled_later;
}

static json_t *outcomes_json(const struct import_result *r)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "filled", (json_int_t)r->filled, "filled_later",
                     (json_int_t)r->filled_later, "partly_filled", (json_int_t)r->partly_filled,
                     "expired", (json_int_t)r->expired, "refused", (json_int_t)r->refused);
}

static json_t *skipped_json(const struct import_report *r)
{
    json_t *lines = json_array();
    const char *at = r->bad == NULL ? NULL : (const char *)r->bad->data;
    const char *end = at == NULL ? NULL : at + r->bad->length;
    while (at != NULL && at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((newline == NULL ? end : newline) - at);
        json_array_append_new(lines, json_stringn(at, length));
        at += length + 1;
    }
    return json_pack("{s:I, s:I, s:o}", "nodes", (json_int_t)r->skipped.nodes, "tasks",
                     (json_int_t)r->skipped.tasks, "lines", lines);
}

/* As given, in percent. */
static json_t *options_json(const struct plan_options *o)
{
    return json_pack("{s:f, s:I, s:f, s:f, s:f, s:I, s:f, s:f, s:f, s:f}", "resting",
                     o->resting_ppm / 1e4, "rest_min", (json_int_t)o->rest_min, "headroom",
                     o->headroom_ppm / 1e4, "spread", o->spread_ppm / 1e4, "partial",
                     o->partial_ppm / 1e4, "operators", (json_int_t)o->operators, "preemptible",
                     o->preemptible_ppm / 1e4, "reclaim", o->reclaim_ppm / 1e4, "standing",
                     o->standing_ppm / 1e4, "price_spread", o->price_spread_ppm / 1e4);
}

json_t *import_report_json(const struct import_report *r)
{
    char root[HEX_BYTES];
    char epoch[MOMENT_TEXT_BYTES];
    const struct import_result *got = r->result;
    sodium_bin2hex(root, sizeof(root), r->log_root, sizeof(r->log_root));
    json_t *all = json_pack(
        "{s:I, s:o, s:o, s:f, s:o, s:f, s:f, s:I, s:I, s:I, s:f, s:f, s:s, s:I, s:s, s:I, s:I, "
        "s:s}",
        "tasks", (json_int_t)got->tasks, "outcomes", outcomes_json(got), "refusals",
        refusals_json(got), "gpu_hours_sold", (double)sold_in_all(r) / 60, "utilisation",
        utilisation_json(r), "utilisation_all", utilisation_in_all(r), "credits_settled",
        (double)got->settled_ucr / (double)UCR_PER_CREDIT, "settled_ucr",
        (json_int_t)got->settled_ucr, "leases", (json_int_t)got->leases, "periods_metered",
        (json_int_t)got->periods, "redemptions_per_s", redemptions_per_s(got), "wall_s", r->wall_s,
        "log_root", root, "log_size", (json_int_t)r->log_size, "check", r->check, "seed",
        (json_int_t)r->seed, "every", (json_int_t)r->plan->options.every, "epoch",
        moment_format(r->epoch_s, epoch));
    json_t *more = json_pack(
        "{s:f, s:{s:I, s:I}, s:f, s:I, s:I, s:I, s:o, s:o}", "rest_hours_mean",
        rest_hours_mean(got), "partly_filled_gpus", "wanted", (json_int_t)got->partly_wanted, "got",
        (json_int_t)got->partly_got, "price_of_base", price_of_base(got), "leases_ahead",
        (json_int_t)got->leases_ahead, "ended_early", (json_int_t)got->ended_early, "reclaimed",
        (json_int_t)got->reclaimed, "options", options_json(&r->plan->options), "skipped",
        skipped_json(r));
    if (all != NULL && more != NULL)
        json_object_update(all, more);
    json_decref(more);
    return all;
}

static void print_skus(struct cli *cli, const struct import_report *r)
{
    cli_print(cli, "\n%-16s %8s %14s %14s %8s\n", "SKU", "GPUs", "GPU-h offered", "GPU-h sold",
              "used");
    for (uint32_t i = 0; i < r->plan->models_count; i++)
        cli_print(cli, "%-16s %8" PRIu64 " %14.1f %14.1f %7.2f%%\n", r->plan->models[i].sku,
                  r->plan->gpus[i], (double)offered(r->plan, i) / 60,
                  (double)r->result->sold[i] / 60,
                  100 * share(r->result->sold[i], offered(r->plan, i)));
}

static void print_outcomes(struct cli *cli, const struct import_report *r)
{
    const struct import_result *got = r->result;
    bool rests = r->plan->options.resting_ppm > 0;
    cli_print(cli, "filled           %" PRIu64 "%s\n", got->filled, rests ? " at once" : "");
    if (rests) {
        cli_print(cli, "filled later     %" PRIu64, got->filled_later);
        if (got->filled_later > 0)
            cli_print(cli, ", after resting %.1f h on average", rest_hours_mean(got));
        cli_print(cli, "\n");
        cli_print(cli, "expired          %" PRIu64 " unfilled\n", got->expired);
    }
    if (got->partly_filled > 0)
        cli_print(cli, "partly filled    %" PRIu64 ", with %" PRIu64 " of %" PRIu64 " GPUs\n",
                  got->partly_filled, got->partly_got, got->partly_wanted);
    cli_print(cli, "refused          %" PRIu64 "\n", got->refused);
    for (unsigned i = 0; i < REFUSAL_COUNT; i++) {
        if (got->refusals[i] > 0)
            cli_print(cli, "  %-17s %" PRIu64 "\n", refusal_name(i), got->refusals[i]);
    }
    cli_print(cli, "leases           %" PRIu64 ", metered in %" PRIu64 " period%s\n", got->leases,
              got->periods, got->periods == 1 ? "" : "s");
    if (got->leases_ahead > 0)
        cli_print(cli, "  booked ahead      %" PRIu64 "\n", got->leases_ahead);
    if (got->ended_early > 0)
        cli_print(cli, "  ended early       %" PRIu64 " by their holder\n", got->ended_early);
    if (got->reclaimed > 0)
        cli_print(cli, "  reclaimed         %" PRIu64 " by their operator\n", got->reclaimed);
}

void import_report_print(struct cli *cli, const struct import_report *r)
{
    char text[AMOUNT_TEXT_BYTES];
    char root[HEX_BYTES];
    char epoch[MOMENT_TEXT_BYTES];
    const struct import_result *got = r->result;
    sodium_bin2hex(root, sizeof(root), r->log_root, sizeof(r->log_root));
    cli_print(cli, "tasks            %" PRIu64 ", from %s on\n", got->tasks,
              moment_format(r->epoch_s, epoch));
    if (r->skipped.nodes + r->skipped.tasks > 0)
        cli_print(cli, "lines skipped    %" PRIu64 " of nodes, %" PRIu64 " of tasks\n",
                  r->skipped.nodes, r->skipped.tasks);
    if (r->plan->options.every > 1)
        cli_print(cli, "nodes            one of each %" PRIu64 "\n", r->plan->options.every);
    print_outcomes(cli, r);
    cli_print(cli, "GPU-hours sold   %.1f, %.2f%% of those offered\n", (double)sold_in_all(r) / 60,
              100 * utilisation_in_all(r));
    cli_print(cli, "credits settled  %s, %.2f%% of base prices\n",
              amount_format(got->settled_ucr, text), 100 * price_of_base(got));
    cli_print(cli, "redemptions/s    %.0f (%.1f s of trade, %.1f s in all)\n",
              redemptions_per_s(got), got->trading_s, r->wall_s);
    cli_print(cli, "log              %" PRIu64 " events, root %s (seed %" PRIu64 ")\n", r->log_size,
              root, r->seed);
    cli_print(cli, "boursed check    %s\n", r->check);
    print_skus(cli, r);
}

void progress_bar_begin(struct progress_bar *b, bool wanted)
{
    *b = (struct progress_bar){.shown = wanted && isatty(STDERR_FILENO) == 1};
}

void progress_bar_at(struct progress_bar *b, size_t done, size_t all, uint64_t time_s)
{
    uint64_t now_ms = stream_now_ms();
    bool fills = done == all && !b->full;
    if (!b->shown || (now_ms - b->drawn_ms < BAR_EVERY_MS && !fills))
        return;
    b->drawn_ms = now_ms;
    b->full = done == all;
    char cells[BAR_CELLS + 1] = {0};
    char moment[MOMENT_TEXT_BYTES];
    for (size_t i = 0; i < BAR_CELLS; i++)
        cells[i] = i * all < done * BAR_CELLS ? '#' : '.';
    fprintf(stderr, "\r[%s] %zu/%zu tasks  %.16s", cells, done, all, moment_format(time_s, moment));
}

void progress_bar_end(struct progress_bar *b)
{
    if (b->shown)
        fprintf(stderr, "\r\033[K");
}
