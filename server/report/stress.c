/* What the guarantors pay under a shock, beside what they are expected to without. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "protocol/month.h"
#include "protocol/status.h"
#include "server/report/projection.h"
#include "server/report/sums.h"
#include "server/report/walk.h"

struct stress_month {
    uint64_t base_ucr;
    uint64_t stressed_ucr;
};

struct stress_contract {
    struct stress_month sum;
    uint64_t pool_after_ucr;
    uint64_t exhausted_s; /* the month in which the pool is used up; REPORT_NONE: in none */
};

struct stress {
    struct job *job;
    struct projection_shock shock;
    struct projection projection;
    struct stress_month total;
    struct stress_month months[PROJECTION_MONTHS_MAX]; /* from the present one on */
    uint32_t months_count;
    struct stress_contract *contracts; /* as the projection's plans */
    uint32_t table_total, table_months, table_contracts;
};

struct generation_search {
    struct text generation;
    bool found;
};

static int generation_visit(void *context, const void *row)
{
    struct generation_search *s = context;
    s->found = names_same(((const struct sku_row *)row)->generation, s->generation);
    return s->found ? WALK_STOP : 0;
}

/* A density is one of a generation that there is, and no SKU becomes worth more by it. Refuses the
 * job otherwise. A shock of nothing is one: where a row of shocks begins. */
static int shock_check(struct job *j)
{
    const struct q_report *q = j->query;
    struct generation_search search = {.generation = q->generation};
    bool repriced = q->density_ppm != 0;
    if (repriced != (q->generation.length > 0) || (repriced && q->density_ppm < PPM_ONE)) {
        job_refuse(j, REFUSAL_terms_invalid);
        return WALK_STOP;
    }
    int status = repriced ? walk_rows(j, TABLE_SKU, generation_visit, &search) : 0;
    if (status != 0 || !repriced || search.found)
        return status;
    job_refuse(j, REFUSAL_sku_not_found);
    return WALK_STOP;
}

static void stress_tables(struct stress *s)
{
    static const struct job_column total[] = {
        {"base_ucr", CELL_KIND_AMOUNT},
        {"stressed_ucr", CELL_KIND_AMOUNT},
        {"more_ucr", CELL_KIND_AMOUNT},
    };
    static const struct job_column months[] = {
        {"month", CELL_KIND_MONTH},
        {"base_ucr", CELL_KIND_AMOUNT},
        {"stressed_ucr", CELL_KIND_AMOUNT},
        {"more_so_far_ucr", CELL_KIND_AMOUNT},
    };
    static const struct job_column contracts[] = {
        {"contract", CELL_KIND_COUNT},
        {"guarantor", CELL_KIND_NAMED},
        {"operator", CELL_KIND_NAMED},
        {"site", CELL_KIND_NAMED},
        {"sku", CELL_KIND_NAMED},
        {"base_ucr", CELL_KIND_AMOUNT},
        {"stressed_ucr", CELL_KIND_AMOUNT},
        {"more_ucr", CELL_KIND_AMOUNT},
        {"pool_after_ucr", CELL_KIND_AMOUNT},
        {"exhausted_month", CELL_KIND_MONTH},
    };
    s->table_total = JOB_TABLE(s->job, "total", "What guarantors pay", total);
    s->table_months = JOB_TABLE(s->job, "months", "By month", months);
    s->table_contracts = JOB_TABLE(s->job, "contracts", "By contract", contracts);
}

/* Projects a backstop twice. */
static void plan_stress(struct stress *s, const struct projection_plan *plan,
                        struct stress_contract *out)
{
    const struct projection_shock none = {0};
    const uint32_t sells_ppm[PROJECTION_COURSES] = {
        projection_sells_ppm(s->job, plan, &none),
        projection_sells_ppm(s->job, plan, &s->shock),
    };
    uint64_t base_left = lesser(plan->cover.pool_left_ucr, CELL_MAX);
    uint64_t left = base_left;
    struct projection_walk w;
    struct projection_month m;
    *out = (struct stress_contract){.exhausted_s = REPORT_NONE};
    projection_walk_begin(&s->projection, plan, sells_ppm, &w);
    while (projection_walk_next(&w, &m)) {
        struct stress_month *month = &s->months[m.month - s->projection.month];
        uint64_t base = projection_draw(plan, &m, m.owed[0], &base_left);
        uint64_t stressed = projection_draw(plan, &m, m.owed[1], &left);
        s->months_count = (uint32_t)greater(s->months_count, m.month - s->projection.month + 1);
        sum_into(&month->base_ucr, base);
        sum_into(&month->stressed_ucr, stressed);
        out->sum.base_ucr += base;
        out->sum.stressed_ucr += stressed;
        if (left == 0 && out->exhausted_s == REPORT_NONE)
            out->exhausted_s = month_start_s(m.month);
    }
    out->pool_after_ucr = left;
    sum_into(&s->total.base_ucr, out->sum.base_ucr);
    sum_into(&s->total.stressed_ucr, out->sum.stressed_ucr);
}

static void contract_rows(struct stress *s)
{
    struct job *j = s->job;
    for (size_t i = 0; i < s->projection.count && job_row(j, s->table_contracts); i++) {
        const struct projection_plan *plan = &s->projection.plans[i];
        const struct stress_contract *c = &s->contracts[i];
        job_number(j, plan->contract.contract);
        job_account(j, plan->contract.debtor);
        job_account(j, plan->contract.creditor);
        job_site(j, plan->terms.site);
        job_sku(j, plan->terms.sku);
        job_number(j, c->sum.base_ucr);
        job_number(j, c->sum.stressed_ucr);
        job_number(j, c->sum.stressed_ucr - c->sum.base_ucr);
        job_number(j, c->pool_after_ucr);
        job_number(j, c->exhausted_s);
    }
}

static void total_and_months(struct stress *s)
{
    struct job *j = s->job;
    struct stress_month so_far = {0};
    if (!job_row(j, s->table_total))
        return;
    job_number(j, s->total.base_ucr);
    job_number(j, s->total.stressed_ucr);
    job_number(j, s->total.stressed_ucr - s->total.base_ucr);
    for (uint32_t i = 0; i < s->months_count && job_row(j, s->table_months); i++) {
        sum_into(&so_far.base_ucr, s->months[i].base_ucr);
        sum_into(&so_far.stressed_ucr, s->months[i].stressed_ucr);
        job_number(j, month_start_s(s->projection.month + i));
        job_number(j, s->months[i].base_ucr);
        job_number(j, s->months[i].stressed_ucr);
        job_number(j, so_far.stressed_ucr - so_far.base_ucr);
    }
}

enum { DECIMAL_BYTES = 24 };

/* A number in units of 10^-places, without zeros that say nothing. */
static void decimal_print(char out[DECIMAL_BYTES], uint32_t number, int places)
{
    uint32_t unit = 1;
    for (int i = 0; i < places; i++)
        unit *= 10;
    int length = snprintf(out, DECIMAL_BYTES, "%" PRIu32 ".%0*" PRIu32, number / unit, places,
                          number % unit);
    while (out[length - 1] == '0')
        out[--length] = '\0';
    if (out[length - 1] == '.')
        out[length - 1] = '\0';
}

static void stress_notes(struct job *j)
{
    const struct q_report *q = j->query;
    bool repriced = q->density_ppm != 0;
    char demand[DECIMAL_BYTES], price[DECIMAL_BYTES], density[DECIMAL_BYTES];
    decimal_print(demand, q->demand_down_ppm, 4);
    decimal_print(price, q->price_down_ppm, 4);
    decimal_print(density, q->density_ppm, 6);
    job_note(j,
             "The shock holds from now on: demand for open capacity lower by %s %%, prices lower "
             "by %s %%%s%.*s%s%s. Leases granted already go on.",
             demand, price, repriced ? ", and prices of the generation " : "",
             repriced ? (int)q->generation.length : 0, repriced ? q->generation.data : "",
             repriced ? " divided by " : "", repriced ? density : "");
    job_note(j, "Only backstops are projected. When a pool is used up sooner, later months cost "
                "less; so far, and in all, a greater shock never costs less.");
    projection_notes(j);
}

int stress_report(struct job *j)
{
    int status = shock_check(j);
    if (status != 0)
        return status == WALK_STOP ? 0 : status;
    struct stress *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return STATUS_MEMORY;
    s->job = j;
    s->shock = (struct projection_shock){
        .demand_down_ppm = j->query->demand_down_ppm,
        .price_down_ppm = j->query->price_down_ppm,
        .density_ppm = j->query->density_ppm,
        .generation = j->query->generation,
    };
    status = projection_load(j, &s->projection);
    if (status == 0)
        s->contracts = job_alloc(j, s->projection.count * sizeof(*s->contracts) + 1);
    if (status == 0 && s->contracts != NULL) {
        stress_tables(s);
        for (size_t i = 0; i < s->projection.count && !job_stops(j); i++)
            plan_stress(s, &s->projection.plans[i], &s->contracts[i]);
        total_and_months(s);
        contract_rows(s);
        stress_notes(j);
    }
    projection_release(&s->projection);
    free(s);
    return status;
}
