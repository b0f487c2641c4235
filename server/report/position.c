#include "server/report/position.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/amount.h"
#include "protocol/month.h"
#include "protocol/status.h"
#include "server/report/sums.h"
#include "server/report/vector.h"

struct position_pass {
    const struct job *job;
    struct positions *out;
};

/* --- Rows --- */

static int contract_visit(void *context, const void *row)
{
    const struct position_pass *pass = context;
    struct positions *p = pass->out;
    const struct contract_row *c = row;
    uint32_t account = pass->job->account;
    if (c->kind != CONTRACT_KIND_BACKSTOP && c->kind != CONTRACT_KIND_GUARANTEE)
        return 0;
    if (c->state != CONTRACT_STATE_IN_FORCE && (c->version == 0 || c->claims_ucr == 0))
        return 0;
    if (account != 0 && c->debtor != account && c->creditor != account && c->third != account)
        return 0;
    struct position *items = vector_reserve(p->items, sizeof(*items), p->count, &p->room);
    if (items == NULL)
        return STATUS_MEMORY;
    p->items = items;
    p->items[p->count++] = (struct position){
        .contract = c->contract,
        .start_s = c->start_s,
        .end_s = c->end_s,
        .claims_ucr = lesser(c->claims_ucr, CELL_MAX),
        .certified_s = REPORT_NONE,
        .kind = c->kind,
        .state = c->state,
        .version = c->version,
        .guarantor = c->debtor,
        .operator= c->creditor,
        .lender = c->kind == CONTRACT_KIND_GUARANTEE ? c->third : 0,
    };
    return 0;
}

static struct position *position_find(struct positions *p, uint64_t contract)
{
    return vector_find(p->items, sizeof(*p->items), p->count, &contract, vector_by_number);
}

static int backstop_visit(void *context, const void *row)
{
    const struct position_pass *pass = context;
    const struct backstop_row *terms = row;
    struct position *at = position_find(pass->out, terms->contract);
    if (at == NULL || at->kind != CONTRACT_KIND_BACKSTOP || at->version != terms->version)
        return 0;
    at->site = terms->site;
    at->sku = terms->sku;
    at->found = true;
    return 0;
}

static int guarantee_visit(void *context, const void *row)
{
    const struct position_pass *pass = context;
    const struct guarantee_row *terms = row;
    struct position *at = position_find(pass->out, terms->contract);
    if (at == NULL || at->kind != CONTRACT_KIND_GUARANTEE || at->version != terms->version)
        return 0;
    at->site = terms->site;
    at->escrow_ucr = at->state == CONTRACT_STATE_IN_FORCE ? lesser(terms->escrow_ucr, CELL_MAX) : 0;
    at->nominal_ucr = at->state == CONTRACT_STATE_IN_FORCE ? lesser(terms->limit_ucr, CELL_MAX) : 0;
    at->found = true;
    return 0;
}

static int recourse_visit(void *context, const void *row)
{
    const struct position_pass *pass = context;
    const struct recourse_row *r = row;
    struct position *at = position_find(pass->out, r->contract);
    if (at == NULL || at->kind != CONTRACT_KIND_GUARANTEE)
        return 0;
    at->called_ucr = r->by_guarantor_ucr;
    at->nominal_ucr -= lesser(at->nominal_ucr, r->by_guarantor_ucr);
    at->escrow_ucr -= lesser(at->escrow_ucr, r->by_operator_ucr);
    return 0;
}

/* Settlements and calls are paid in credits of expired series, too, and a balance never expires. */
static int escrow_visit(void *context, const void *row)
{
    const struct position_pass *pass = context;
    const struct escrow_row *e = row;
    struct position *at =
        e->kind == ESCROW_KIND_CONTRACT ? position_find(pass->out, e->serial) : NULL;
    if (at == NULL)
        return 0;
    if (e->owner == at->guarantor)
        sum_into(&at->funded_ucr, e->amount_ucr);
    else if (e->owner == at->operator&& at->kind == CONTRACT_KIND_GUARANTEE)
        sum_into(&at->escrow_there_ucr, e->amount_ucr);
    return 0;
}

/* Leaves what is not asked for, or has no terms, out. */
static void positions_choose(const struct job *j, struct positions *p)
{
    const struct q_report *q = j->query;
    size_t kept = 0;
    for (size_t i = 0; i < p->count; i++) {
        const struct position *at = &p->items[i];
        if (at->found && (q->site == 0 || at->site == q->site) &&
            (q->sku == 0 || at->sku == q->sku))
            p->items[kept++] = *at;
    }
    p->count = kept;
}

/* --- Months --- */

/* The place of a month: the first for what is past, the last for what lies behind. */
static uint32_t month_place(const struct positions *p, uint32_t month)
{
    uint32_t first = p->projection.month;
    return month <= first ? 0 : (uint32_t)lesser(month - first, PROJECTION_MONTHS_MAX - 1);
}

static struct position_month *month_at(struct positions *p, uint32_t month)
{
    uint32_t at = month_place(p, month);
    p->months_count = (uint32_t)greater(p->months_count, at + 1);
    return &p->months[at];
}

static uint32_t month_last(const struct position *at)
{
    return month_of(lesser(at->end_s > at->start_s ? at->end_s - 1 : at->start_s, TIME_MAX_S));
}

/* The month from which on it may cost something. */
static uint32_t month_first(const struct job *j, const struct position *at)
{
    return month_of(lesser(greater(j->head->time_s, at->start_s), TIME_MAX_S));
}

/* What the contract may still cost, in each month in which it runs at some time: so that no month's
 * worst case is above its nominal. */
static void nominal_spread(const struct job *j, struct positions *p, const struct position *at)
{
    uint32_t from = month_first(j, at);
    uint32_t last = (uint32_t)greater(from, month_last(at));
    month_at(p, last);
    for (uint32_t i = month_place(p, from); i <= month_place(p, last); i++)
        sum_into(&p->months[i].nominal_ucr, at->nominal_ucr);
}

static void backstop_project(const struct job *j, struct positions *p, struct position *at,
                             const struct projection_plan *plan)
{
    const struct projection_shock none = {0};
    const uint32_t sells_ppm[PROJECTION_COURSES] = {projection_sells_ppm(j, plan, &none)};
    uint64_t worst_left = lesser(plan->cover.pool_left_ucr, CELL_MAX);
    uint64_t left = worst_left;
    struct projection_walk w;
    struct projection_month m;
    at->nominal_ucr = left;
    if (plan->certified_min != UINT64_MAX)
        at->certified_s = lesser(plan->certified_min, TIME_MAX_S / 60) * 60;
    projection_walk_begin(&p->projection, plan, sells_ppm, &w);
    while (projection_walk_next(&w, &m)) {
        uint64_t worst = projection_draw(plan, &m, m.owed_worst, &worst_left);
        uint64_t expected = projection_draw(plan, &m, m.owed[0], &left);
        struct position_month *month = month_at(p, m.month);
        sum_into(&month->worst_ucr, worst);
        sum_into(&month->expected_ucr, expected);
        at->worst_ucr += worst;
        at->expected_ucr += expected;
    }
}

/* What is expected to be called from now until then, at the rate of the calls so far. */
static uint64_t calls_until(const struct position *at, uint64_t now_s, uint64_t then_s)
{
    if (now_s <= at->start_s || then_s <= now_s)
        return 0;
    wide calls = (wide)at->called_ucr * (then_s - now_s) / (now_s - at->start_s);
    return lesser(cell_of(calls), at->nominal_ucr);
}

/* All that is left may be called at once: the worst case stands in its first month. */
static void guarantee_project(const struct job *j, struct positions *p, struct position *at)
{
    uint64_t now_s = j->head->time_s;
    uint64_t before = 0;
    at->worst_ucr = at->nominal_ucr;
    at->expected_ucr = calls_until(at, now_s, at->end_s);
    uint32_t last = p->projection.month + month_place(p, month_last(at));
    for (uint32_t month = p->projection.month; month <= last; month++) {
        uint64_t then_s = month == last ? at->end_s : month_start_s(month + 1);
        uint64_t calls = calls_until(at, now_s, lesser(then_s, at->end_s));
        sum_into(&month_at(p, month)->expected_ucr, calls - before);
        before = calls;
    }
    sum_into(&month_at(p, month_first(j, at))->worst_ucr, at->worst_ucr);
}

static void positions_project(struct job *j, struct positions *p)
{
    size_t next = 0;
    for (size_t i = 0; i < p->count && !job_stops(j); i++) {
        struct position *at = &p->items[i];
        const struct projection *projection = &p->projection;
        while (next < projection->count && projection->plans[next].contract.contract < at->contract)
            next++;
        if (at->state != CONTRACT_STATE_IN_FORCE)
            continue;
        if (at->kind == CONTRACT_KIND_GUARANTEE)
            guarantee_project(j, p, at);
        else if (next < projection->count &&
                 projection->plans[next].contract.contract == at->contract)
            backstop_project(j, p, at, &projection->plans[next]);
        nominal_spread(j, p, at);
    }
}

int positions_load(struct job *j, struct positions *out)
{
    static const struct {
        enum table table;
        source_visit *visit;
    } passes[] = {
        {TABLE_CONTRACT, contract_visit},   {TABLE_BACKSTOP, backstop_visit},
        {TABLE_GUARANTEE, guarantee_visit}, {TABLE_RECOURSE, recourse_visit},
        {TABLE_ESCROW, escrow_visit},
    };
    struct position_pass pass = {j, out};
    int status = 0;
    for (size_t i = 0; status == 0 && i < sizeof(passes) / sizeof(passes[0]); i++)
        status = j->source->each(j->source->of, passes[i].table, passes[i].visit, &pass);
    if (status == 0)
        status = projection_load(j, &out->projection);
    if (status != 0)
        return status;
    positions_choose(j, out);
    month_at(out, out->projection.month);
    positions_project(j, out);
    return 0;
}

const struct position *positions_find(const struct positions *p, uint64_t contract)
{
    return vector_find(p->items, sizeof(*p->items), p->count, &contract, vector_by_number);
}

void positions_release(struct positions *p)
{
    projection_release(&p->projection);
    free(p->items);
    *p = (struct positions){0};
}
