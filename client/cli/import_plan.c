#include "client/cli/import_plan.h"

#include <stdlib.h>
#include <string.h>

#include "client/cli/import_choice.h"
#include "protocol/limits.h"
#include "protocol/status.h"

/*
 * Memory and power as the vendor publishes them for the board named; what the trace calls G2 and
 * G3 it does not tell, and their figures are assumptions. Prices are round figures of the order
 * and in the proportion that clouds ask. docs/import.md says the same to the reader.
 */
static const struct plan_model known_models[] = {
    {"P100", "p100-pcie-16gb", "nvidia", "P100", "pcie", "pascal", 16, 250, 600000},
    {"T4", "t4-pcie-16gb", "nvidia", "T4", "pcie", "turing", 16, 70, 350000},
    {"V100M16", "v100-sxm2-16gb", "nvidia", "V100", "nvlink", "volta", 16, 300, 1200000},
    {"V100M32", "v100-sxm2-32gb", "nvidia", "V100", "nvlink", "volta", 32, 300, 1500000},
    {"A10", "a10-pcie-24gb", "nvidia", "A10", "pcie", "ampere", 24, 150, 750000},
    {"G2", "trace-g2", "undisclosed", "G2", "", "", 24, 150, 800000},
    {"G3", "trace-g3", "undisclosed", "G3", "", "", 80, 400, 2500000},
};

struct plan_model plan_model_of(const char *name)
{
    for (size_t i = 0; i < sizeof(known_models) / sizeof(known_models[0]); i++) {
        if (strcmp(known_models[i].name, name) == 0)
            return known_models[i];
    }
    return (struct plan_model){name, name, "undisclosed", name, "", "", 32, 300, 1000000};
}

uint64_t plan_limit_ucr(const struct plan *p, const struct plan_task *task, uint32_t model)
{
    return p->models[model].price_ucr * task->limit_ppm / CHOICE_PPM;
}

bool plan_is_lively(const struct plan *p)
{
    const struct plan_options *o = &p->options;
    return o->resting_ppm > 0 || o->preemptible_ppm > 0 || o->headroom_ppm > 0;
}

/* --- Offers --- */

/* The base price, more or less up to the spread. */
static uint64_t offer_price(const struct plan *p, uint32_t model, size_t offer)
{
    uint64_t base_ucr = p->models[model].price_ucr;
    uint32_t spread_ppm = p->options.price_spread_ppm;
    uint64_t draw = choice_draw(p->options.seed, CHOICE_PRICE, offer);
    return base_ucr * (CHOICE_PPM - spread_ppm + draw % (2 * (uint64_t)spread_ppm + 1)) /
           CHOICE_PPM;
}

static int offers_choose(struct plan *p)
{
    const struct plan_options *o = &p->options;
    bool *chosen = calloc(p->offers_count + 1, sizeof(*chosen));
    if (chosen == NULL)
        return STATUS_MEMORY;
    int status = choice_share(o->seed, CHOICE_PREEMPTIBLE, p->offers_count, o->preemptible_ppm,
                              NULL, NULL, chosen);
    for (size_t i = 0; status == STATUS_OK && i < p->offers_count; i++)
        p->offers[i].preemptible = chosen[i];
    if (status == STATUS_OK)
        status = choice_share(o->seed, CHOICE_STANDING, p->offers_count, o->standing_ppm, NULL,
                              NULL, chosen);
    for (size_t i = 0; status == STATUS_OK && i < p->offers_count; i++)
        p->offers[i].standing = chosen[i];
    free(chosen);
    return status;
}

static int plan_offers(const struct trace *t, struct plan *p)
{
    uint32_t operators = p->options.operators;
    uint64_t seller_gpus[PLAN_SELLERS_MAX] = {0};
    size_t nodes[TRACE_MODELS_MAX] = {0};
    p->models_count = t->models_count;
    p->sellers_count = t->models_count * operators;
    for (uint32_t i = 0; i < t->models_count; i++)
        p->models[i] = plan_model_of(t->models[i]);
    p->offers = calloc(t->nodes_count, sizeof(*p->offers));
    if (p->offers == NULL)
        return STATUS_MEMORY;
    for (size_t i = 0; i < t->nodes_count;) {
        const struct trace_node *n = &t->nodes[i];
        uint32_t seller = n->model * operators + (uint32_t)(nodes[n->model]++ % operators);
        p->offers[p->offers_count] =
            (struct plan_offer){.model = n->model,
                                .seller = seller,
                                .gpus = n->gpus,
                                .price_ucr = offer_price(p, n->model, p->offers_count)};
        p->offers_count++;
        p->gpus[n->model] += n->gpus;
        seller_gpus[seller] += n->gpus;
        if (p->options.every >= t->nodes_count - i)
            break;
        i += (size_t)p->options.every;
    }
    for (uint32_t i = 0; i < p->sellers_count; i++) {
        uint64_t kw = (seller_gpus[i] * p->models[i / operators].power_w + 999) / 1000;
        p->power_kw[i] = kw == 0 ? 1 : kw;
        if (kw > POWER_KW_MAX)
            return STATUS_LIMIT;
    }
    return p->offers_count > OFFERS_PER_ACCOUNT_MAX ? STATUS_LIMIT : offers_choose(p);
}

/* --- Tasks --- */

/* A task that is split over several offers pays each part rounded up: at most one micro-credit
 * more for each GPU. */
static int task_funds(const struct plan *p, struct plan_task *task)
{
    uint64_t dearest_ucr = 0;
    for (uint32_t i = 0; i < p->models_count; i++) {
        uint64_t limit_ucr = plan_limit_ucr(p, task, i);
        if ((task->models >> i & 1) != 0 && limit_ucr > dearest_ucr)
            dearest_ucr = limit_ucr;
    }
    amount cost;
    gpu_minutes minutes = (gpu_minutes)task->gpus * task->booked_min;
    if (!amount_cost_rounded_up(minutes, dearest_ucr, &cost) ||
        !amount_add(cost, task->gpus, &task->funds_ucr) || task->funds_ucr > AMOUNT_MAX_UCR)
        return STATUS_LIMIT;
    return STATUS_OK;
}

/* A task beside its place in the file, which breaks ties. */
struct submitted {
    const struct trace_task *task;
    size_t place;
};

static int submitted_compare(const void *a, const void *b)
{
    const struct submitted *x = a;
    const struct submitted *y = b;
    if (x->task->created_s != y->task->created_s)
        return x->task->created_s < y->task->created_s ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

/* Best-effort tasks can wait and can stand being ended; then burstable ones, then the rest. */
static uint32_t rank_by_qos(const void *context, size_t index)
{
    const struct submitted *order = context;
    return TRACE_QOS_BEST_EFFORT - order[index].task->qos;
}

/* A single GPU can neither be spread nor be had in part. */
static uint32_t rank_by_gpus(const void *context, size_t index)
{
    const struct submitted *order = context;
    return order[index].task->gpus > 1 ? 0 : 1;
}

static int tasks_choose(struct plan *p, const struct submitted *order, size_t count)
{
    const struct plan_options *o = &p->options;
    bool *chosen = calloc(count + 1, sizeof(*chosen));
    if (chosen == NULL)
        return STATUS_MEMORY;
    int status =
        choice_share(o->seed, CHOICE_RESTS, count, o->resting_ppm, rank_by_qos, order, chosen);
    for (size_t i = 0; status == STATUS_OK && i < count; i++)
        p->tasks[i].rests = chosen[i];
    if (status == STATUS_OK)
        status =
            choice_share(o->seed, CHOICE_SPREAD, count, o->spread_ppm, rank_by_gpus, order, chosen);
    for (size_t i = 0; status == STATUS_OK && i < count; i++)
        p->tasks[i].spread = chosen[i];
    if (status == STATUS_OK)
        status = choice_share(o->seed, CHOICE_PREEMPTIBLE_OK, count, o->preemptible_ppm,
                              rank_by_qos, order, chosen);
    for (size_t i = 0; status == STATUS_OK && i < count; i++)
        p->tasks[i].preemptible_ok = chosen[i];
    if (status == STATUS_OK)
        status = choice_share(o->seed, CHOICE_PARTIAL, count, o->partial_ppm, rank_by_gpus, order,
                              chosen);
    for (size_t i = 0; status == STATUS_OK && i < count; i++)
        p->tasks[i].gpus_min = chosen[i] ? 1 : order[i].task->gpus;
    free(chosen);
    return status;
}

static void task_make(const struct plan *p, const struct trace_task *from, size_t index,
                      struct plan_task *to)
{
    const struct plan_options *o = &p->options;
    uint64_t start_min = from->created_s / 60;
    uint64_t end_min = (from->deleted_s + 59) / 60;
    uint64_t duration_min = end_min > start_min ? end_min - start_min : 1;
    uint64_t headroom_min = (duration_min * o->headroom_ppm + CHOICE_PPM - 1) / CHOICE_PPM;
    uint64_t booked_min = duration_min + headroom_min;
    if (booked_min > DURATION_MAX_MIN)
        booked_min = duration_min > DURATION_MAX_MIN ? duration_min : DURATION_MAX_MIN;
    uint64_t draw = choice_draw(o->seed, CHOICE_LIMIT, index);
    to->gpus = from->gpus;
    to->models = from->models;
    to->profile = from->profile;
    to->start_min = start_min;
    to->duration_min = (uint32_t)duration_min;
    to->booked_min = (uint32_t)booked_min;
    to->limit_ppm = CHOICE_PPM + (uint32_t)(draw % ((uint64_t)o->price_spread_ppm + 1));
}

/* Moves the ends of the trade on to what the task can come to. */
static void span_cover(struct plan *p, const struct plan_task *task)
{
    uint64_t start_min = task->start_min + (task->rests ? p->options.rest_min : 0);
    if (start_min + task->duration_min > p->span_min)
        p->span_min = start_min + task->duration_min;
    if (start_min + task->booked_min > p->open_min)
        p->open_min = start_min + task->booked_min;
}

static int plan_tasks(const struct trace *t, struct plan *p)
{
    int status = STATUS_MEMORY;
    struct submitted *order = calloc(t->tasks_count, sizeof(*order));
    p->tasks = calloc(t->tasks_count, sizeof(*p->tasks));
    if (order == NULL || p->tasks == NULL)
        goto out;
    for (size_t i = 0; i < t->tasks_count; i++)
        order[i] = (struct submitted){&t->tasks[i], i};
    qsort(order, t->tasks_count, sizeof(*order), submitted_compare);
    status = tasks_choose(p, order, t->tasks_count);
    for (size_t i = 0; i < t->tasks_count && status == STATUS_OK; i++) {
        struct plan_task *to = &p->tasks[p->tasks_count++];
        task_make(p, order[i].task, i, to);
        span_cover(p, to);
        status = to->duration_min > DURATION_MAX_MIN ? STATUS_LIMIT : task_funds(p, to);
        if (status == STATUS_OK && (!amount_add(p->funds_ucr, to->funds_ucr, &p->funds_ucr) ||
                                    p->funds_ucr > AMOUNT_MAX_UCR))
            status = STATUS_LIMIT;
    }
    if (status == STATUS_OK && p->open_min >= OFFER_SPAN_MAX_MIN)
        status = STATUS_LIMIT;
out:
    free(order);
    return status;
}

/* --- Stops --- */

/* Two rows of minutes, merged: those of tasks and those of reports, the last one at or behind the
 * end of the span. A minute with very many tasks is several stops. */
static int plan_stops(struct plan *p)
{
    uint64_t report_min = p->options.report_min;
    uint64_t reports = (p->span_min + report_min - 1) / report_min;
    p->stops = calloc(p->tasks_count + (size_t)reports, sizeof(*p->stops));
    if (p->stops == NULL)
        return STATUS_MEMORY;
    size_t task = 0;
    uint64_t report = 1;
    while (task < p->tasks_count || report <= reports) {
        uint64_t report_at = report <= reports ? report * report_min : UINT64_MAX;
        uint64_t task_at = task < p->tasks_count ? p->tasks[task].start_min : UINT64_MAX;
        struct plan_stop *stop = &p->stops[p->stops_count++];
        *stop = (struct plan_stop){.minute = task_at < report_at ? task_at : report_at,
                                   .task_first = task};
        if (report_at == stop->minute) {
            stop->reports = true;
            report++;
        }
        while (task < p->tasks_count && p->tasks[task].start_min == stop->minute &&
               task - stop->task_first < PLAN_STOP_TASKS_MAX)
            task++;
        stop->task_count = task - stop->task_first;
    }
    return STATUS_OK;
}

int plan_make(const struct trace *t, const struct plan_options *o, struct plan *out)
{
    *out = (struct plan){.options = *o};
    if (out->options.operators == 0)
        out->options.operators = 1;
    if (out->options.operators > PLAN_OPERATORS_MAX)
        return STATUS_LIMIT;
    int status = plan_offers(t, out);
    if (status == STATUS_OK)
        status = plan_tasks(t, out);
    if (status == STATUS_OK)
        status = plan_stops(out);
    if (status != STATUS_OK)
        plan_release(out);
    return status;
}

void plan_release(struct plan *p)
{
    free(p->offers);
    free(p->tasks);
    free(p->stops);
    *p = (struct plan){.models_count = 0};
}
