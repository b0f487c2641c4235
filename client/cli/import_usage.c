#include "client/cli/import_usage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/cli/import_outcome.h"
#include "client/connection_errors.h"
#include "protocol/status.h"

/* The rows of one page, which are sums of some of the offers. */
static void rows_add(struct usage *u, uint32_t model, const struct a_utilisation *answer)
{
    for (uint32_t i = 0; i < answer->rows.count; i++) {
        const struct utilisation_row *row = &answer->rows.items[i];
        uint64_t step = (row->start_s - u->start_s) / 60 / u->step_min;
        if (row->start_s < u->start_s || step >= u->steps)
            continue;
        u->offered[model][step] += row->gpu_minutes_offered;
        u->leased[model][step] += row->gpu_minutes_leased;
    }
}

static int seller_take(struct market *m, uint32_t seller, struct usage *u,
                       struct connection_error *error)
{
    struct arena arena = ARENA_EMPTY;
    uint32_t model = seller / m->plan->options.operators;
    struct q_utilisation body = {.site = m->sites[seller],
                                 .sku = m->skus[model],
                                 .start_s = u->start_s,
                                 .end_s = u->start_s + (uint64_t)u->step_min * u->steps * 60,
                                 .step_min = u->step_min};
    int status = STATUS_OK;
    do {
        const void *got = NULL;
        arena_clear(&arena);
        status = wire_ask(m->wire, &q_utilisation_message, &body, error);
        if (status == STATUS_OK)
            status = wire_answer(m->wire, &q_utilisation_message, &arena, &got, error);
        if (status != STATUS_OK)
            break;
        rows_add(u, model, got);
        body.from = ((const struct a_utilisation *)got)->next;
    } while (body.from != 0);
    arena_release(&arena);
    return status;
}

/* An order takes all it wants or nothing, so it waited for that from its placing to its end. */
static void order_add(void *context, const struct order_info *order)
{
    struct usage *u = context;
    uint64_t until_s = order->ended_s;
    if (order->time_in_force != TIME_IN_FORCE_GTT)
        return;
    if (until_s == 0 || until_s > order->rest_until_s)
        until_s = order->rest_until_s;
    uint64_t from_min = order->placed_s < u->start_s ? 0 : (order->placed_s - u->start_s) / 60;
    uint64_t until_min = until_s < u->start_s ? 0 : (until_s - u->start_s) / 60;
    while (from_min < until_min) {
        uint64_t step = from_min / u->step_min;
        uint64_t end_min = (step + 1) * u->step_min;
        end_min = end_min < until_min ? end_min : until_min;
        if (step < u->steps)
            u->resting[step] += order->gpus * (end_min - from_min);
        from_min = end_min;
    }
}

int usage_take(struct market *m, struct usage *out, struct connection_error *error)
{
    uint64_t span_min = m->plan->span_min;
    *out = (struct usage){.step_min = plot_step_min(span_min),
                          .models_count = m->plan->models_count,
                          .start_s = m->epoch_s,
                          .rests = m->plan->options.resting_ppm > 0};
    out->steps = (uint32_t)((span_min + out->step_min - 1) / out->step_min);
    if (out->steps > PLOT_STEPS_MAX)
        return connection_fail(error, STATUS_LIMIT, "the trace is too long for a plot");
    int status = STATUS_OK;
    for (uint32_t i = 0; status == STATUS_OK && i < m->plan->sellers_count; i++)
        status = seller_take(m, i, out, error);
    return status == STATUS_OK && out->rests ? outcome_orders(m, order_add, out, error) : status;
}

/* Values and names of the lines, while they are drawn. */
struct drawing {
    struct plot plot;
    double values[PLOT_LINES_MAX + 1][PLOT_STEPS_MAX];
    char names[PLOT_LINES_MAX + 1][96];
    char title[160];
    char axis[64];
};

static double percent(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : 100 * (double)part / (double)whole;
}

/* A line of the models in `bits` together. */
static void line_add(struct drawing *d, const struct usage *u, uint32_t bits, const char *name)
{
    uint64_t offered_all = 0;
    uint64_t leased_all = 0;
    uint32_t line = d->plot.count++;
    for (uint32_t step = 0; step < u->steps; step++) {
        uint64_t offered = 0;
        uint64_t leased = 0;
        for (uint32_t i = 0; i < u->models_count; i++) {
            offered += (bits >> i & 1) != 0 ? u->offered[i][step] : 0;
            leased += (bits >> i & 1) != 0 ? u->leased[i][step] : 0;
        }
        d->values[line][step] = percent(leased, offered);
        offered_all += offered;
        leased_all += leased;
    }
    snprintf(d->names[line], sizeof(d->names[line]), "%s (%.1f %%)", name,
             percent(leased_all, offered_all));
    d->plot.lines[line] = (struct plot_line){d->names[line], d->values[line]};
}

/* The SKUs with the most GPUs have a line of their own beside that of all, unless there is but
 * one. */
static void lines_add(struct drawing *d, const struct usage *u, const struct plan *p)
{
    uint32_t all = (UINT32_C(1) << p->models_count) - 1;
    uint32_t done = 0;
    uint32_t with_gpus = 0;
    for (uint32_t i = 0; i < p->models_count; i++)
        with_gpus += p->gpus[i] > 0 ? 1 : 0;
    line_add(d, u, all, "all");
    while (with_gpus > 1 && d->plot.count < PLOT_LINES_MAX) {
        uint32_t best = p->models_count;
        for (uint32_t i = 0; i < p->models_count; i++) {
            if ((done >> i & 1) == 0 && p->gpus[i] > 0 &&
                (best == p->models_count || p->gpus[i] > p->gpus[best]))
                best = i;
        }
        if (best == p->models_count)
            return;
        done |= UINT32_C(1) << best;
        line_add(d, u, UINT32_C(1) << best, p->models[best].sku);
    }
}

void usage_plot(const struct usage *u, const struct plan *p, uint64_t every, struct buffer *out)
{
    struct drawing *d = calloc(1, sizeof(*d));
    uint64_t gpus = 0;
    if (d == NULL) {
        out->status = STATUS_MEMORY;
        return;
    }
    for (uint32_t i = 0; i < p->models_count; i++)
        gpus += p->gpus[i];
    int n = snprintf(d->title, sizeof(d->title),
                     "Utilisation: %" PRIu64 " GPUs in %zu offers, %zu tasks", gpus,
                     p->offers_count, p->tasks_count);
    if (every > 1)
        snprintf(d->title + n, sizeof(d->title) - (size_t)n, " (1 of %" PRIu64 " nodes)", every);
    snprintf(d->axis, sizeof(d->axis), "leased, %% of the GPUs offered");
    d->plot = (struct plot){.title = d->title,
                            .axis = d->axis,
                            .beside_axis = "GPUs waited for",
                            .start_s = u->start_s,
                            .step_min = u->step_min,
                            .steps = u->steps};
    lines_add(d, u, p);
    double *resting = d->values[PLOT_LINES_MAX];
    for (uint32_t step = 0; step < u->steps; step++)
        resting[step] = (double)u->resting[step] / u->step_min;
    if (u->rests)
        d->plot.beside = (struct plot_line){"resting orders (right scale)", resting};
    plot_draw(&d->plot, out);
    free(d);
}
