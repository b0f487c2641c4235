#include "client/cli/import_run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "client/cli/import_agenda.h"
#include "client/cli/import_choice.h"
#include "client/cli/import_lease.h"
#include "client/connection_errors.h"
#include "protocol/status.h"

enum { SETTLE_ROUNDS_MAX = 16 };

/* Which task an order is of. */
struct placed {
    uint64_t order;
    size_t task;
};

struct run {
    struct market *market;
    struct import_result *result;
    bool lively; /* leases may come and end at any stop */
    uint64_t time_s;
    uint64_t lease_next; /* leases from here on are new */
    struct live_leases live;
    struct agenda agenda;
    struct placed *placed; /* owned; the order's number grows */
    size_t placed_count;
    amount cost_ucr;    /* of all leases, as they ended */
    bool overflows;     /* cost_ucr or base_ucr would */
    struct arena arena; /* of a stop */
};

static int out_of_memory(struct connection_error *error)
{
    return connection_fail(error, STATUS_MEMORY, "out of memory");
}

static uint64_t minute_now(const struct run *r)
{
    return (r->time_s - r->market->epoch_s) / 60;
}

/* --- The clock --- */

static int clock_send(struct run *r, uint64_t time_s, struct connection_error *error)
{
    struct op_clock_advance body = {.time_s = time_s};
    struct operation o = {&op_clock_advance_message, &body};
    int status = market_send_expecting(r->market, &r->market->admin, &o, 1, error);
    r->time_s = time_s;
    wire_time_set(r->market->wire, time_s);
    return status;
}

/* --- Ending --- */

/* Ends leases and waits until that is done: what they free is told of before the next orders. */
static int ends_request(struct run *r, const struct wire_party *who,
                        const struct operation *operations, uint32_t count,
                        struct connection_error *error)
{
    int status = market_send_expecting(r->market, who, operations, count, error);
    return status == STATUS_OK && count > 0 ? market_take_expected(r->market, &r->arena, error)
                                            : status;
}

/* The leases of `ends` that belong to `seller` end, by their operator; by the startup when it is
 * PLAN_SELLERS_MAX. */
static int ends_send_of(struct run *r, const struct agenda_item *ends, uint32_t count,
                        uint32_t seller, struct connection_error *error)
{
    bool holder = seller == PLAN_SELLERS_MAX;
    const struct wire_party *who = holder ? &r->market->startup : &r->market->operators[seller];
    struct operation *o = arena_alloc(&r->arena, (count + 1) * sizeof(*o));
    struct op_lease_end *bodies = arena_alloc(&r->arena, (count + 1) * sizeof(*bodies));
    if (o == NULL || bodies == NULL)
        return out_of_memory(error);
    uint32_t n = 0;
    int status = STATUS_OK;
    for (uint32_t i = 0; status == STATUS_OK && i < count; i++) {
        struct live_lease *l = live_find(&r->live, ends[i].lease);
        /* Ended already, or by its operator soon. */
        if (l == NULL || l->end_s <= r->time_s || (ends[i].kind == AGENDA_END) != holder ||
            (!holder && l->seller != seller))
            continue;
        l->end_s = r->time_s + (holder ? 0 : PLAN_NOTICE_MIN * 60);
        bodies[n] = (struct op_lease_end){.lease = l->lease};
        o[n] = (struct operation){&op_lease_end_message, &bodies[n]};
        if (holder)
            r->result->ended_early++;
        else
            r->result->reclaimed++;
        if (++n == MARKET_BATCH_OPERATIONS) {
            status = ends_request(r, who, o, n, error);
            n = 0;
        }
    }
    return status == STATUS_OK ? ends_request(r, who, o, n, error) : status;
}

/* What is on the agenda for this minute. */
static int ends_send(struct run *r, struct connection_error *error)
{
    struct agenda_item *ends = arena_alloc(&r->arena, (r->agenda.count + 1) * sizeof(*ends));
    if (ends == NULL)
        return out_of_memory(error);
    uint32_t count = 0;
    while (agenda_take(&r->agenda, minute_now(r), &ends[count]))
        count++;
    int status = STATUS_OK;
    bool reclaims = false;
    for (uint32_t i = 0; i < count; i++)
        reclaims = reclaims || ends[i].kind == AGENDA_RECLAIM;
    if (count > 0)
        status = ends_send_of(r, ends, count, PLAN_SELLERS_MAX, error);
    for (uint32_t i = 0; reclaims && status == STATUS_OK && i < r->market->plan->sellers_count; i++)
        status = ends_send_of(r, ends, count, i, error);
    return status;
}

/* --- Metering --- */

/* The reports of one operator on every period that is over, in the order of leases and periods. */
static int reports_send(struct run *r, uint32_t seller, struct connection_error *error)
{
    uint32_t count = 0;
    for (size_t i = 0; i < r->live.count; i++) {
        struct live_lease l = r->live.items[i];
        for (; l.seller == seller && !live_is_metered(&l) && live_period_end_s(&l) <= r->time_s;
             l.period++)
            count++;
    }
    if (count == 0)
        return STATUS_OK;
    struct operation *o = arena_alloc(&r->arena, count * sizeof(*o));
    struct op_lease_meter *bodies = arena_alloc(&r->arena, count * sizeof(*bodies));
    if (o == NULL || bodies == NULL)
        return out_of_memory(error);
    uint32_t at = 0;
    for (size_t i = 0; i < r->live.count; i++) {
        struct live_lease *l = &r->live.items[i];
        for (; l->seller == seller && !live_is_metered(l) && live_period_end_s(l) <= r->time_s;
             l->period++) {
            uint64_t minutes = (live_period_end_s(l) - live_period_start_s(l)) / 60;
            bodies[at] = (struct op_lease_meter){l->lease, l->period, l->gpus * minutes};
            o[at] = (struct operation){&op_lease_meter_message, &bodies[at]};
            at++;
        }
    }
    r->result->periods += count;
    return market_send_expecting(r->market, &r->market->operators[seller], o, count, error);
}

/* A lease is metered altogether: it has come to what it is. */
static void lease_gone(void *context, const struct live_lease *l)
{
    struct run *r = context;
    const struct plan_model *model = &r->market->plan->models[l->model];
    gpu_minutes minutes = l->gpus * ((l->end_s - l->start_s) / 60);
    amount cost_ucr = 0;
    amount base_ucr = 0;
    r->result->sold[l->model] += minutes;
    if (!amount_cost_rounded_up(minutes, l->price_ucr, &cost_ucr) ||
        !amount_cost_rounded_up(minutes, model->price_ucr, &base_ucr) ||
        !amount_add(r->cost_ucr, cost_ucr, &r->cost_ucr) ||
        !amount_add(r->result->base_ucr, base_ucr, &r->result->base_ucr))
        r->overflows = true;
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
    uint64_t until_s =
        task->rests ? r->time_s + (uint64_t)m->plan->options.rest_min * 60 : r->time_s;
    *out = (struct op_order_place){
        .gpus = task->gpus,
        .gpus_min = task->gpus_min,
        .block_gpus = 1,
        .duration_min = task->booked_min,
        .start_from_s = r->time_s,
        .start_until_s = until_s,
        .placement = task->spread ? PLACEMENT_SPREAD : PLACEMENT_ONE_SITE,
        .time_in_force = task->rests ? TIME_IN_FORCE_GTT : TIME_IN_FORCE_IOC,
        .rest_until_s = task->rests ? until_s : 0,
        .preemptible_ok = task->preemptible_ok,
        /* Training takes reserved capacity alone, and these operators meter theirs. */
        .profile = task->profile == PROFILE_TRAINING ? PROFILE_TUNING : task->profile,
    };
    for (uint32_t i = 0; i < m->plan->models_count; i++) {
        if ((task->models >> i & 1) != 0)
            skus[out->skus.count++] =
                (struct sku_limit){m->skus[i], plan_limit_ucr(m->plan, task, i)};
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
    return market_send(r->market, &r->market->startup, o, (uint32_t)stop->task_count, error);
}

/* Takes the outcomes of the stop's orders. `leases_out`: how many were granted at once. */
static int orders_take(struct run *r, const struct plan_stop *stop, uint64_t *leases_out,
                       struct connection_error *error)
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
        for (uint32_t i = 0; i < reply->results.count; i++, taken++) {
            const struct result *got = &reply->results.items[i];
            *leases_out += got->lease_count;
            if (got->refusal == REFUSAL_accepted) {
                r->placed[r->placed_count++] =
                    (struct placed){got->object, stop->task_first + taken};
                continue;
            }
            r->result->refused++;
            if (got->refusal < REFUSAL_COUNT)
                r->result->refusals[got->refusal]++;
        }
    }
    r->result->tasks += taken;
    return STATUS_OK;
}

static int placed_compare(const void *key, const void *item)
{
    uint64_t order = *(const uint64_t *)key;
    const struct placed *other = item;
    return (order > other->order) - (order < other->order);
}

/* --- Leases --- */

static int stranger(const struct lease_info *info, struct connection_error *error)
{
    return connection_fail(error, STATUS_MISUSE,
                           "lease %" PRIu64 " was granted by somebody who is not in the trace. "
                           "Import into an exchange that has no other offers.",
                           info->lease);
}

/* Puts down when the lease is ended, if that is before the end it was booked to. */
static int lease_schedule(struct run *r, const struct lease_info *info, uint32_t duration_min,
                          uint64_t number)
{
    const struct plan_options *o = &r->market->plan->options;
    uint64_t start_min = (info->start_s - r->market->epoch_s) / 60;
    uint64_t over_min = start_min + duration_min;
    int status = STATUS_OK;
    if (over_min < (info->end_s - r->market->epoch_s) / 60)
        status = agenda_add(
            &r->agenda,
            (struct agenda_item){.minute = over_min, .lease = info->lease, .kind = AGENDA_END});
    if (status != STATUS_OK || o->preemptible_ppm == 0 ||
        choice_draw(o->seed, CHOICE_RECLAIM, number) % CHOICE_PPM >= o->reclaim_ppm)
        return status;
    const struct plan_offer *offer = market_offer(r->market, info->offer);
    uint64_t from_min = (start_min > minute_now(r) ? start_min : minute_now(r)) + 1;
    /* The notice must be over before the task is. */
    if (offer == NULL || !offer->preemptible || from_min + PLAN_NOTICE_MIN >= over_min)
        return STATUS_OK;
    uint64_t choices = over_min - PLAN_NOTICE_MIN - from_min;
    uint64_t draw = choice_draw(o->seed, CHOICE_RECLAIM_MINUTE, number);
    return agenda_add(&r->agenda, (struct agenda_item){.minute = from_min + draw % choices,
                                                       .lease = info->lease,
                                                       .kind = AGENDA_RECLAIM});
}

static int lease_take(struct run *r, const struct lease_info *info, struct connection_error *error)
{
    const struct plan *p = r->market->plan;
    uint32_t model = 0;
    while (model < p->models_count && r->market->skus[model] != info->sku)
        model++;
    uint32_t seller = model * p->options.operators;
    uint32_t sellers_end = seller + p->options.operators;
    while (model < p->models_count && seller < sellers_end &&
           info->operator!= r->market->operators[seller].account)
        seller++;
    if (model == p->models_count || seller == sellers_end)
        return stranger(info, error);
    const struct placed *placed =
        r->placed_count == 0
            ? NULL
            : bsearch(&info->order, r->placed, r->placed_count, sizeof(*r->placed), placed_compare);
    if (placed == NULL)
        return connection_fail(error, STATUS_MALFORMED,
                               "lease %" PRIu64 " is of an order that was not placed", info->lease);
    uint64_t number = r->result->leases++;
    if (info->start_s > r->time_s)
        r->result->leases_ahead++;
    struct live_lease lease = {
        .lease = info->lease,
        .start_s = info->start_s,
        .end_s = info->end_s,
        .price_ucr = info->price_ucr,
        .model = model,
        .seller = seller,
        .gpus = info->gpus,
        .period_min = info->meter_period_min,
    };
    int status = live_add(&r->live, lease);
    if (status == STATUS_OK)
        status = lease_schedule(r, info, p->tasks[placed->task].duration_min, number);
    return status == STATUS_OK ? STATUS_OK : out_of_memory(error);
}

static int leases_ask(struct run *r, struct connection_error *error)
{
    struct q_leases body = {.account = r->market->startup.account, .from = r->lease_next};
    return wire_ask(r->market->wire, &q_leases_message, &body, error);
}

/* Takes the answer to leases_ask(), and asks on until all are known; of orders filled at once
 * there are `expected`, and others only where orders rest. */
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
        if (answer->next == 0)
            break;
        r->lease_next = answer->next;
        status = leases_ask(r, error);
        if (status != STATUS_OK)
            return status;
    }
    if (seen == expected || (seen > expected && r->lively))
        return STATUS_OK;
    return connection_fail(error, STATUS_MISUSE,
                           "%" PRIu64 " leases were granted, but %" PRIu64 " are listed", expected,
                           seen);
}

/* The operators activate the new leases; the replies are taken at the next stop. There is no
 * machine behind such a lease, so its access is empty. */
static int activations_send(struct run *r, size_t live_before, struct connection_error *error)
{
    int status = STATUS_OK;
    size_t fresh = r->live.count - live_before;
    struct operation *o = arena_alloc(&r->arena, (fresh + 1) * sizeof(*o));
    struct op_lease_activate *bodies = arena_alloc(&r->arena, (fresh + 1) * sizeof(*bodies));
    if (o == NULL || bodies == NULL)
        return out_of_memory(error);
    uint32_t sellers = fresh == 0 ? 0 : r->market->plan->sellers_count;
    for (uint32_t seller = 0; status == STATUS_OK && seller < sellers; seller++) {
        uint32_t count = 0;
        for (size_t i = live_before; i < r->live.count; i++) {
            if (r->live.items[i].seller != seller)
                continue;
            bodies[count] = (struct op_lease_activate){.lease = r->live.items[i].lease};
            o[count] = (struct operation){&op_lease_activate_message, &bodies[count]};
            count++;
        }
        status = market_send_expecting(r->market, &r->market->operators[seller], o, count, error);
    }
    return status;
}

/* --- Stops --- */

/* Sends all of a stop but activations. */
static int stop_send(struct run *r, const struct plan_stop *stop, struct connection_error *error)
{
    int status = clock_send(r, r->market->epoch_s + stop->minute * 60, error);
    if (status == STATUS_OK)
        status = ends_send(r, error);
    for (uint32_t i = 0; status == STATUS_OK && stop->reports && i < r->market->plan->sellers_count;
         i++)
        status = reports_send(r, i, error);
    if (status == STATUS_OK && stop->task_count > 0)
        status = orders_send(r, stop, error);
    return status;
}

static int stop_run(struct run *r, const struct plan_stop *stop, struct connection_error *error)
{
    uint64_t granted = 0;
    arena_clear(&r->arena);
    int status = stop_send(r, stop, error);
    bool asks = r->lively || stop->task_count > 0;
    if (status == STATUS_OK && asks && !r->lively)
        status = leases_ask(r, error);
    if (status == STATUS_OK)
        status = market_take_expected(r->market, &r->arena, error);
    live_compact(&r->live, lease_gone, r);
    if (status != STATUS_OK || !asks)
        return status;
    size_t live_before = r->live.count;
    status = orders_take(r, stop, &granted, error);
    /* Nothing that changes anything but what is due goes before this: with a manual clock a
     * request waits until all of that is worked off. */
    if (status == STATUS_OK && r->lively)
        status = clock_send(r, r->time_s, error);
    if (status == STATUS_OK && r->lively)
        status = leases_ask(r, error);
    if (status == STATUS_OK)
        status = market_take_expected(r->market, &r->arena, error);
    if (status == STATUS_OK)
        status = leases_take(r, granted, error);
    return status == STATUS_OK ? activations_send(r, live_before, error) : status;
}

/* The next stop: of the plan, or one in between for the agenda; false: there is none. */
static bool stop_next(const struct run *r, size_t *planned, struct plan_stop *out)
{
    const struct plan *p = r->market->plan;
    uint64_t agenda_min = agenda_next(&r->agenda);
    if (*planned < p->stops_count && p->stops[*planned].minute <= agenda_min) {
        *out = p->stops[(*planned)++];
        return true;
    }
    *out = (struct plan_stop){.minute = agenda_min};
    return agenda_min != UINT64_MAX;
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
            status = market_take_expected(r->market, &r->arena, error);
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

static int stops_run(struct run *r, const struct run_progress *progress,
                     struct connection_error *error)
{
    struct plan_stop stop;
    size_t planned = 0;
    int status = STATUS_OK;
    while (status == STATUS_OK && stop_next(r, &planned, &stop)) {
        status = stop_run(r, &stop, error);
        if (status == STATUS_OK && progress != NULL &&
            !progress->at(progress->context, (size_t)r->result->tasks, r->market->plan->tasks_count,
                          r->time_s))
            status = connection_fail(error, STATUS_CLOSED, "interrupted");
    }
    if (status == STATUS_OK && r->live.count > 0)
        status =
            connection_fail(error, STATUS_MISUSE, "%zu leases outlive the trace", r->live.count);
    if (status == STATUS_OK && r->overflows)
        status = connection_fail(error, STATUS_LIMIT, "the leases cost more than fits an amount");
    return status;
}

int run_plan(struct market *m, uint64_t dispute_window_s, const struct run_progress *progress,
             struct import_result *out, struct connection_error *error)
{
    struct run r = {.market = m,
                    .result = out,
                    .lively = plan_is_lively(m->plan),
                    .time_s = m->epoch_s,
                    .arena = ARENA_EMPTY};
    *out = (struct import_result){.tasks = 0};
    double begin_s = seconds_now();
    int status = STATUS_OK;
    r.placed = calloc(m->plan->tasks_count + 1, sizeof(*r.placed));
    if (r.placed == NULL)
        status = out_of_memory(error);
    if (status == STATUS_OK)
        status = stops_run(&r, progress, error);
    if (status == STATUS_OK)
        status = settle(&r, dispute_window_s, error);
    out->trading_s = seconds_now() - begin_s;
    if (status == STATUS_OK)
        status = outcome_count(m, out, error);
    arena_release(&r.arena);
    live_release(&r.live);
    agenda_release(&r.agenda);
    free(r.placed);
    return status;
}
