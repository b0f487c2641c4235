#include "client/cli/import_run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "client/connection_errors.h"
#include "protocol/status.h"

enum { SETTLE_ROUNDS_MAX = 16 };

/* A lease with periods that are not metered yet. */
struct live_lease {
    uint64_t lease;
    uint64_t start_s;
    uint64_t end_s;
    uint32_t model;
    uint32_t gpus;
    uint32_t period_min;
    uint32_t period; /* the next to be metered */
};

struct run {
    struct market *market;
    struct import_result *result;
    uint64_t time_s;
    uint64_t lease_next;     /* leases from here on are new */
    struct live_lease *live; /* owned; in the order of their grant */
    size_t live_count;
    size_t live_capacity;
    amount cost_ucr;                        /* of all leases */
    uint32_t activations[TRACE_MODELS_MAX]; /* operations whose outcomes have not been taken */
    struct arena arena;                     /* of a stop */
};

static int out_of_memory(struct connection_error *error)
{
    return connection_fail(error, STATUS_MEMORY, "out of memory");
}

/* --- Sending --- */

static int clock_send(struct run *r, uint64_t time_s, struct connection_error *error)
{
    struct op_clock_advance body = {.time_s = time_s};
    struct operation o = {&op_clock_advance_message, &body};
    int status = wire_send(r->market->wire, &r->market->admin, &o, 1, error);
    r->time_s = time_s;
    wire_time_set(r->market->wire, time_s);
    return status;
}

/* Sends operations in requests of at most MARKET_BATCH_OPERATIONS. */
static int batches_send(struct run *r, const struct wire_party *who,
                        const struct operation *operations, uint32_t count,
                        struct connection_error *error)
{
    int status = STATUS_OK;
    for (uint32_t at = 0; status == STATUS_OK && at < count; at += MARKET_BATCH_OPERATIONS) {
        uint32_t left = count - at;
        status = wire_send(r->market->wire, who, operations + at,
                           left < MARKET_BATCH_OPERATIONS ? left : MARKET_BATCH_OPERATIONS, error);
    }
    return status;
}

/* Takes the replies to what batches_send() sent; every operation must have been accepted. */
static int batches_accepted(struct run *r, const struct message *message, uint32_t count,
                            struct connection_error *error)
{
    while (count > 0) {
        const struct frame_reply *reply = NULL;
        int status = wire_reply(r->market->wire, &r->arena, &reply, error);
        if (status != STATUS_OK)
            return status;
        if (reply->results.count == 0 || reply->results.count > count)
            return connection_fail(error, STATUS_MALFORMED, "a reply to other operations");
        for (uint32_t i = 0; i < reply->results.count; i++) {
            struct operation o = {message, NULL};
            if (reply->results.items[i].refusal != REFUSAL_accepted)
                return market_refused(&o, reply->results.items[i].refusal, error);
        }
        count -= reply->results.count;
    }
    return STATUS_OK;
}

/* --- Metering --- */

static uint64_t period_end_s(const struct live_lease *l)
{
    uint64_t end_s = l->start_s + ((uint64_t)l->period + 1) * l->period_min * 60;
    return end_s < l->end_s ? end_s : l->end_s;
}

static bool lease_is_metered(const struct live_lease *l)
{
    return l->start_s + (uint64_t)l->period * l->period_min * 60 >= l->end_s;
}

/* The reports of one operator on every period that is over, in the order of leases and periods. */
static int reports_send(struct run *r, uint32_t model, uint32_t *count_out,
                        struct connection_error *error)
{
    uint32_t count = 0;
    for (size_t i = 0; i < r->live_count; i++) {
        struct live_lease l = r->live[i];
        for (; l.model == model && !lease_is_metered(&l) && period_end_s(&l) <= r->time_s;
             l.period++)
            count++;
    }
    *count_out = count;
    if (count == 0)
        return STATUS_OK;
    struct operation *o = arena_alloc(&r->arena, count * sizeof(*o));
    struct op_lease_meter *bodies = arena_alloc(&r->arena, count * sizeof(*bodies));
    if (o == NULL || bodies == NULL)
        return out_of_memory(error);
    uint32_t at = 0;
    for (size_t i = 0; i < r->live_count; i++) {
        struct live_lease *l = &r->live[i];
        for (; l->model == model && !lease_is_metered(l) && period_end_s(l) <= r->time_s;
             l->period++) {
            uint64_t from_s = l->start_s + (uint64_t)l->period * l->period_min * 60;
            bodies[at] = (struct op_lease_meter){l->lease, l->period,
                                                 l->gpus * ((period_end_s(l) - from_s) / 60)};
            o[at] = (struct operation){&op_lease_meter_message, &bodies[at]};
            at++;
        }
    }
    r->result->periods += count;
    return batches_send(r, &r->market->operators[model], o, count, error);
}

static void live_compact(struct run *r)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->live_count; i++) {
        if (!lease_is_metered(&r->live[i]))
            r->live[kept++] = r->live[i];
    }
    r->live_count = kept;
}

/* --- Redeeming --- */

static int order_fill(const struct run *r, const struct plan_task *task, uint64_t token,
                      struct op_order_place *out, struct arena *arena)
{
    const struct market *m = r->market;
    struct sku_limit *skus = arena_alloc(arena, m->plan->models_count * sizeof(*skus));
    uint64_t *tokens = arena_copy(arena, &token, sizeof(token));
    if (skus == NULL || tokens == NULL)
        return STATUS_MEMORY;
    *out = (struct op_order_place){
        .gpus = task->gpus,
        .gpus_min = task->gpus,
        .duration_min = task->duration_min,
        .start_from_s = r->time_s,
        .start_until_s = r->time_s,
        .placement = PLACEMENT_ONE_SITE,
        .time_in_force = TIME_IN_FORCE_IOC,
        .profile = task->profile,
    };
    for (uint32_t i = 0; i < m->plan->models_count; i++) {
        if ((task->models >> i & 1) != 0)
            skus[out->skus.count++] = (struct sku_limit){m->skus[i], m->plan->models[i].price_ucr};
    }
    out->skus.items = skus;
    out->tokens.items = tokens;
    out->tokens.count = 1;
    return STATUS_OK;
}

static int orders_send(struct run *r, const struct plan_stop *stop, struct connection_error *error)
{
    struct operation *o = arena_alloc(&r->arena, (stop->task_count + 1) * sizeof(*o));
    struct op_order_place *bodies =
        arena_alloc(&r->arena, (stop->task_count + 1) * sizeof(*bodies));
    if (o == NULL || bodies == NULL)
        return out_of_memory(error);
    for (size_t i = 0; i < stop->task_count; i++) {
        size_t task = stop->task_first + i;
        if (order_fill(r, &r->market->plan->tasks[task], r->market->tokens[task], &bodies[i],
                       &r->arena) != STATUS_OK)
            return out_of_memory(error);
        o[i] = (struct operation){&op_order_place_message, &bodies[i]};
    }
    return batches_send(r, &r->market->startup, o, (uint32_t)stop->task_count, error);
}

/* Takes the outcomes of the stop's orders; refused ones are counted here, the others when their
 * leases are known. `leases_out`: how many were granted. */
static int orders_take(struct run *r, const struct plan_stop *stop, struct result *results_out,
                       uint64_t *leases_out, struct connection_error *error)
{
    size_t taken = 0;
    *leases_out = 0;
    while (taken < stop->task_count) {
        const struct frame_reply *reply = NULL;
        int status = wire_reply(r->market->wire, &r->arena, &reply, error);
        if (status != STATUS_OK)
            return status;
        if (reply->results.count == 0 || reply->results.count > stop->task_count - taken)
            return connection_fail(error, STATUS_MALFORMED, "a reply to other operations");
        for (uint32_t i = 0; i < reply->results.count; i++) {
            const struct result *got = &reply->results.items[i];
            results_out[taken++] = *got;
            *leases_out += got->lease_count;
            if (got->refusal == REFUSAL_accepted)
                continue;
            r->result->refused++;
            if (got->refusal < REFUSAL_COUNT)
                r->result->refusals[got->refusal]++;
        }
    }
    r->result->tasks += taken;
    return STATUS_OK;
}

/* --- Leases --- */

static int live_add(struct run *r, const struct lease_info *info, uint32_t model,
                    struct connection_error *error)
{
    if (r->live_count == r->live_capacity) {
        size_t capacity = r->live_capacity == 0 ? 256 : 2 * r->live_capacity;
        struct live_lease *live = reallocarray(r->live, capacity, sizeof(*live));
        if (live == NULL)
            return out_of_memory(error);
        r->live = live;
        r->live_capacity = capacity;
    }
    r->live[r->live_count++] = (struct live_lease){
        .lease = info->lease,
        .start_s = info->start_s,
        .end_s = info->end_s,
        .model = model,
        .gpus = info->gpus,
        .period_min = info->meter_period_min,
    };
    r->result->leases++;
    r->result->sold[model] += info->gpus * ((info->end_s - info->start_s) / 60);
    return amount_add(r->cost_ucr, info->cost_ucr, &r->cost_ucr)
               ? STATUS_OK
               : connection_fail(error, STATUS_LIMIT, "the leases cost more than fits an amount");
}

static int lease_take(struct run *r, const struct lease_info *info, struct connection_error *error)
{
    uint32_t model = 0;
    while (model < r->market->plan->models_count && r->market->skus[model] != info->sku)
        model++;
    if (model == r->market->plan->models_count ||
        info->operator!= r->market->operators[model].account)
        return connection_fail(error, STATUS_MISUSE,
                               "lease %" PRIu64 " was granted by somebody who is not in the trace. "
                               "Import into an exchange that has no other offers.",
                               info->lease);
    return live_add(r, info, model, error);
}

static int leases_ask(struct run *r, struct connection_error *error)
{
    struct q_leases body = {.account = r->market->startup.account, .from = r->lease_next};
    return wire_ask(r->market->wire, &q_leases_message, &body, error);
}

/* Takes the answer to leases_ask(), and asks on until all `expected` leases are known. */
static int leases_take(struct run *r, uint64_t expected, struct connection_error *error)
{
    uint64_t seen = 0;
    for (;;) {
        const void *got = NULL;
        int status = wire_answer(r->market->wire, &q_leases_message, &r->arena, &got, error);
        const struct a_leases *answer = got;
        for (uint32_t i = 0; status == STATUS_OK && i < answer->rows.count; i++) {
            const struct lease_info *info = &answer->rows.items[i];
            status = lease_take(r, info, error);
            r->lease_next = info->lease + 1;
            seen++;
        }
        if (status != STATUS_OK)
            return status;
        if (seen == expected)
            return STATUS_OK;
        if (seen > expected || answer->rows.count == 0)
            return connection_fail(error, STATUS_MISUSE,
                                   "%" PRIu64 " leases were granted, but %" PRIu64 " are listed",
                                   expected, seen);
        status = leases_ask(r, error);
        if (status != STATUS_OK)
            return status;
    }
}

/* Which of the orders that were not refused got all they asked for. */
static void outcomes_count(struct run *r, const struct plan_stop *stop,
                           const struct result *results, size_t live_before)
{
    size_t lease = live_before;
    for (size_t i = 0; i < stop->task_count; i++) {
        uint64_t gpus = 0;
        if (results[i].refusal != REFUSAL_accepted)
            continue;
        for (uint32_t j = 0; j < results[i].lease_count && lease < r->live_count; j++)
            gpus += r->live[lease++].gpus;
        if (gpus == r->market->plan->tasks[stop->task_first + i].gpus)
            r->result->filled++;
        else
            r->result->partly_filled++;
    }
}

/* The operators activate the new leases; the replies are taken at the next stop. There is no
 * machine behind such a lease, so its access is empty. */
static int activations_send(struct run *r, size_t live_before, struct connection_error *error)
{
    int status = STATUS_OK;
    size_t fresh = r->live_count - live_before;
    struct operation *o = arena_alloc(&r->arena, (fresh + 1) * sizeof(*o));
    struct op_lease_activate *bodies = arena_alloc(&r->arena, (fresh + 1) * sizeof(*bodies));
    if (o == NULL || bodies == NULL)
        return out_of_memory(error);
    for (uint32_t model = 0; model < r->market->plan->models_count; model++) {
        uint32_t count = 0;
        for (size_t i = live_before; i < r->live_count; i++) {
            if (r->live[i].model != model)
                continue;
            bodies[count] = (struct op_lease_activate){.lease = r->live[i].lease};
            o[count] = (struct operation){&op_lease_activate_message, &bodies[count]};
            count++;
        }
        if (status == STATUS_OK)
            status = batches_send(r, &r->market->operators[model], o, count, error);
        r->activations[model] = count;
    }
    return status;
}

static int activations_take(struct run *r, struct connection_error *error)
{
    int status = STATUS_OK;
    for (uint32_t model = 0; status == STATUS_OK && model < r->market->plan->models_count;
         model++) {
        status = batches_accepted(r, &op_lease_activate_message, r->activations[model], error);
        r->activations[model] = 0;
    }
    return status;
}

/* --- Stops --- */

static int stop_send(struct run *r, const struct plan_stop *stop,
                     uint32_t reports_out[TRACE_MODELS_MAX], struct connection_error *error)
{
    int status = clock_send(r, r->market->epoch_s + stop->minute * 60, error);
    for (uint32_t i = 0; status == STATUS_OK && i < r->market->plan->models_count; i++) {
        reports_out[i] = 0;
        if (stop->reports)
            status = reports_send(r, i, &reports_out[i], error);
    }
    if (status == STATUS_OK && stop->task_count > 0)
        status = orders_send(r, stop, error);
    if (status == STATUS_OK && stop->task_count > 0)
        status = leases_ask(r, error);
    return status;
}

static int stop_run(struct run *r, const struct plan_stop *stop, struct connection_error *error)
{
    uint32_t reports[TRACE_MODELS_MAX] = {0};
    uint64_t granted = 0;
    arena_clear(&r->arena);
    int status = stop_send(r, stop, reports, error);
    if (status == STATUS_OK)
        status = activations_take(r, error);
    if (status == STATUS_OK)
        status = batches_accepted(r, &op_clock_advance_message, 1, error);
    for (uint32_t i = 0; status == STATUS_OK && i < r->market->plan->models_count; i++)
        status = batches_accepted(r, &op_lease_meter_message, reports[i], error);
    live_compact(r);
    if (status != STATUS_OK || stop->task_count == 0)
        return status;
    size_t live_before = r->live_count;
    struct result *results = arena_alloc(&r->arena, stop->task_count * sizeof(*results));
    if (results == NULL)
        return out_of_memory(error);
    status = orders_take(r, stop, results, &granted, error);
    if (status == STATUS_OK)
        status = leases_take(r, granted, error);
    if (status != STATUS_OK)
        return status;
    outcomes_count(r, stop, results, live_before);
    return activations_send(r, live_before, error);
}

/* --- Settlement --- */

static int escrow_ask(struct run *r, struct supply_info *out, struct connection_error *error)
{
    struct q_supply body = {.series = r->market->series};
    const void *got = NULL;
    int status = wire_ask(r->market->wire, &q_supply_message, &body, error);
    if (status == STATUS_OK)
        status = wire_answer(r->market->wire, &q_supply_message, &r->arena, &got, error);
    const struct a_supply *answer = got;
    if (status == STATUS_OK && answer->rows.count != 1)
        status = connection_fail(error, STATUS_MALFORMED, "the series has no supply");
    if (status == STATUS_OK)
        *out = answer->rows.items[0];
    return status;
}

/* Everything is metered: lets the windows for disputes pass until no lease holds an escrow. */
static int settle(struct run *r, uint64_t dispute_window_s, struct connection_error *error)
{
    struct supply_info supply;
    for (int round = 0; round < SETTLE_ROUNDS_MAX; round++) {
        arena_clear(&r->arena);
        int status = clock_send(r, r->time_s + dispute_window_s + 60, error);
        if (status == STATUS_OK)
            status = activations_take(r, error);
        if (status == STATUS_OK)
            status = batches_accepted(r, &op_clock_advance_message, 1, error);
        if (status == STATUS_OK)
            status = escrow_ask(r, &supply, error);
        if (status != STATUS_OK)
            return status;
        if (supply.escrow_ucr == 0) {
            r->result->settled_ucr = supply.balance_ucr;
            if (supply.balance_ucr == r->cost_ucr)
                return STATUS_OK;
            return connection_fail(error, STATUS_MISUSE,
                                   "the operators earned %" PRIu64 " micro-credits where leases "
                                   "delivered in full cost %" PRIu64,
                                   supply.balance_ucr, r->cost_ucr);
        }
    }
    return connection_fail(error, STATUS_MISUSE, "%" PRIu64 " micro-credits stay in escrow",
                           supply.escrow_ucr);
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int run_plan(struct market *m, uint64_t dispute_window_s, const struct run_progress *progress,
             struct import_result *out, struct connection_error *error)
{
    struct run r = {.market = m, .result = out, .time_s = m->epoch_s, .arena = ARENA_EMPTY};
    *out = (struct import_result){.tasks = 0};
    double begin_s = seconds_now();
    int status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < m->plan->stops_count; i++) {
        status = stop_run(&r, &m->plan->stops[i], error);
        if (status == STATUS_OK && progress != NULL &&
            !progress->at(progress->context, (size_t)out->tasks, m->plan->tasks_count, r.time_s))
            status = connection_fail(error, STATUS_CLOSED, "interrupted");
    }
    if (status == STATUS_OK && r.live_count > 0)
        status =
            connection_fail(error, STATUS_MISUSE, "%zu leases outlive the trace", r.live_count);
    if (status == STATUS_OK)
        status = settle(&r, dispute_window_s, error);
    out->trading_s = seconds_now() - begin_s;
    arena_release(&r.arena);
    free(r.live);
    return status;
}
