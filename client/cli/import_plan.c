#include "client/cli/import_plan.h"

#include <stdlib.h>
#include <string.h>

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

static int plan_offers(const struct trace *t, uint64_t every, struct plan *p)
{
    p->models_count = t->models_count;
    for (uint32_t i = 0; i < t->models_count; i++)
        p->models[i] = plan_model_of(t->models[i]);
    p->offers = calloc(t->nodes_count, sizeof(*p->offers));
    if (p->offers == NULL)
        return STATUS_MEMORY;
    for (size_t i = 0; i < t->nodes_count;) {
        const struct trace_node *n = &t->nodes[i];
        p->offers[p->offers_count++] = (struct plan_offer){n->model, n->gpus};
        p->gpus[n->model] += n->gpus;
        if (every >= t->nodes_count - i)
            break;
        i += (size_t)every;
    }
    for (uint32_t i = 0; i < p->models_count; i++) {
        uint64_t kw = (p->gpus[i] * p->models[i].power_w + 999) / 1000;
        p->power_kw[i] = kw == 0 ? 1 : kw;
        if (kw > POWER_KW_MAX)
            return STATUS_LIMIT;
    }
    return p->offers_count > OFFERS_PER_ACCOUNT_MAX ? STATUS_LIMIT : STATUS_OK;
}

/* A task that is split over several offers pays each part rounded up: at most one micro-credit
 * more for each GPU. */
static int task_funds(const struct plan *p, struct plan_task *task)
{
    uint64_t dearest_ucr = 0;
    for (uint32_t i = 0; i < p->models_count; i++) {
        if ((task->models >> i & 1) != 0 && p->models[i].price_ucr > dearest_ucr)
            dearest_ucr = p->models[i].price_ucr;
    }
    amount cost;
    gpu_minutes minutes = (gpu_minutes)task->gpus * task->duration_min;
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
    status = STATUS_OK;
    for (size_t i = 0; i < t->tasks_count && status == STATUS_OK; i++) {
        const struct trace_task *from = order[i].task;
        uint64_t start_min = from->created_s / 60;
        uint64_t end_min = (from->deleted_s + 59) / 60;
        uint64_t duration_min = end_min > start_min ? end_min - start_min : 1;
        struct plan_task *to = &p->tasks[p->tasks_count++];
        *to = (struct plan_task){.gpus = from->gpus,
                                 .models = from->models,
                                 .profile = from->profile,
                                 .duration_min = (uint32_t)duration_min,
                                 .start_min = start_min};
        if (start_min + duration_min > p->span_min)
            p->span_min = start_min + duration_min;
        status = duration_min > DURATION_MAX_MIN ? STATUS_LIMIT : task_funds(p, to);
        if (status == STATUS_OK && (!amount_add(p->funds_ucr, to->funds_ucr, &p->funds_ucr) ||
                                    p->funds_ucr > AMOUNT_MAX_UCR))
            status = STATUS_LIMIT;
    }
    if (status == STATUS_OK && p->span_min >= OFFER_SPAN_MAX_MIN)
        status = STATUS_LIMIT;
out:
    free(order);
    return status;
}

/* Two rows of minutes, merged: those of tasks and those of reports, the last one at or behind the
 * end of the span. */
static int plan_stops(struct plan *p, uint64_t report_min)
{
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
        while (task < p->tasks_count && p->tasks[task].start_min == stop->minute)
            task++;
        stop->task_count = task - stop->task_first;
    }
    return STATUS_OK;
}

int plan_make(const struct trace *t, uint64_t every, uint64_t report_min, struct plan *out)
{
    *out = (struct plan){.models_count = 0};
    int status = plan_offers(t, every, out);
    if (status == STATUS_OK)
        status = plan_tasks(t, out);
    if (status == STATUS_OK)
        status = plan_stops(out, report_min);
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
