/* What the fleet is worth under depreciation curves, beside a debt. */
#include "protocol/month.h"
#include "server/report/debt.h"
#include "server/report/depreciation.h"
#include "server/report/fleet.h"
#include "server/report/sums.h"

struct collateral {
    struct job *job;
    struct depreciation curves;
    struct fleet fleet;
    uint32_t summary, cohorts, months;
    uint64_t *values;       /* of the fleet, in each month of the debt */
    uint64_t without_curve; /* cohorts of which nobody says what they are worth */
};

static void collateral_tables(struct collateral *c)
{
    static const struct job_column summary[] = {
        {"value_ucr", CELL_KIND_AMOUNT},
        {"debt_ucr", CELL_KIND_AMOUNT},
        {"loan_to_value_ppm", CELL_KIND_PPM},
        {"first_short_month", CELL_KIND_MONTH},
    };
    static const struct job_column cohorts[] = {
        {"site", CELL_KIND_NAMED},
        {"sku", CELL_KIND_NAMED},
        {"generation", CELL_KIND_TEXT},
        {"in_service", CELL_KIND_MONTH},
        {"gpus", CELL_KIND_COUNT},
        {"age_months", CELL_KIND_COUNT},
        {"value_each_ucr", CELL_KIND_AMOUNT},
        {"value_ucr", CELL_KIND_AMOUNT},
    };
    static const struct job_column months[] = {
        {"month", CELL_KIND_MONTH},
        {"value_ucr", CELL_KIND_AMOUNT},
        {"outstanding_ucr", CELL_KIND_AMOUNT},
        {"loan_to_value_ppm", CELL_KIND_PPM},
        {"short", CELL_KIND_YES},
        {"missing_ucr", CELL_KIND_AMOUNT},
    };
    c->summary = JOB_TABLE(c->job, "summary", "Collateral", summary);
    c->cohorts = JOB_TABLE(c->job, "fleet", "Fleet", cohorts);
    c->months = JOB_TABLE(c->job, "months", "By month of the debt", months);
}

static uint64_t age_at(const struct cohort *c, uint32_t month)
{
    return month > c->month ? month - c->month : 0;
}

/* What a GPU of the cohort is worth in a month; REPORT_NONE: nobody says. */
static uint64_t value_each(const struct collateral *c, const struct cohort *cohort, uint32_t month)
{
    const struct sku_row *sku = names_sku(c->job->names, cohort->sku);
    uint64_t value = 0;
    if (!depreciation_value(&c->curves, sku != NULL ? sku->name : "", age_at(cohort, month),
                            &value))
        return REPORT_NONE;
    return lesser(value, CELL_MAX);
}

static uint64_t value_of(const struct collateral *c, const struct cohort *cohort, uint32_t month)
{
    uint64_t each = value_each(c, cohort, month);
    return each == REPORT_NONE ? 0 : cell_of((wide)each * cohort->gpus);
}

static uint64_t fleet_value(const struct collateral *c, uint32_t month)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < c->fleet.count; i++)
        sum_into(&sum, value_of(c, &c->fleet.cohorts[i], month));
    return sum;
}

static void cohort_rows(struct collateral *c, uint32_t month)
{
    struct job *j = c->job;
    for (size_t i = 0; i < c->fleet.count; i++) {
        const struct cohort *cohort = &c->fleet.cohorts[i];
        uint64_t each = value_each(c, cohort, month);
        c->without_curve += each == REPORT_NONE;
        if (!job_row(j, c->cohorts))
            return;
        job_site(j, cohort->site);
        job_sku(j, cohort->sku);
        job_generation(j, cohort->sku);
        job_number(j, month_start_s(cohort->month));
        job_number(j, cohort->gpus);
        job_number(j, age_at(cohort, month));
        job_number(j, each);
        job_number(j, value_of(c, cohort, month));
    }
}

/* Of the present month and those of the debt from there on. */
static uint64_t first_short(const struct collateral *c, uint32_t month)
{
    const struct q_report *q = c->job->query;
    if (fleet_value(c, month) < lesser(debt_outstanding(q, month), CELL_MAX))
        return month_start_s(month);
    for (uint32_t i = debt_from(q, month); i < q->debt.count; i++) {
        if (c->values[i] < lesser(q->debt.items[i].outstanding_ucr, CELL_MAX))
            return q->debt.items[i].month_s;
    }
    return REPORT_NONE;
}

static void month_rows(struct collateral *c, uint32_t month)
{
    struct job *j = c->job;
    const struct q_report *q = j->query;
    for (uint32_t i = debt_from(q, month); i < q->debt.count && job_row(j, c->months); i++) {
        const struct debt_row *d = &q->debt.items[i];
        uint64_t value = c->values[i];
        uint64_t owed = lesser(d->outstanding_ucr, CELL_MAX);
        job_number(j, d->month_s);
        job_number(j, value);
        job_number(j, owed);
        job_number(j, ratio_ppm(owed, value));
        job_number(j, value < owed);
        job_number(j, value < owed ? owed - value : 0);
    }
}

static void collateral_fill(struct collateral *c)
{
    struct job *j = c->job;
    uint32_t month = month_of(j->head->time_s);
    uint64_t value = fleet_value(c, month);
    uint64_t owed = lesser(debt_outstanding(j->query, month), CELL_MAX);
    c->values = job_alloc(j, j->query->debt.count * sizeof(*c->values));
    if (c->values == NULL)
        return;
    for (uint32_t i = 0; i < j->query->debt.count && !job_stops(j); i++)
        c->values[i] = fleet_value(c, month_of(j->query->debt.items[i].month_s));
    collateral_tables(c);
    if (job_row(j, c->summary)) {
        job_number(j, value);
        job_number(j, owed);
        job_number(j, ratio_ppm(owed, value));
        job_number(j, first_short(c, month));
    }
    cohort_rows(c, month);
    month_rows(c, month);
    job_note(j, "GPUs came into service when the highest daily capacity of their site and SKU "
                "(sold, elected and free) rose, by whole GPUs; none newer than what is on offer "
                "now, or leased now of an offer that stands no more, and when less is there the "
                "oldest have gone.");
    job_note(j, "A GPU is worth what the curve of its SKU's name, else the curve without a name, "
                "says at its age in calendar months: in a straight line between points, as at the "
                "first before it and as at the last behind it.");
    job_note(j, "The debt is what the schedule says of the present month, or of the latest one "
                "before. Months of the schedule that have passed are left out.");
    if (c->without_curve > 0)
        job_note(j, "%llu rows of the fleet have no curve: they count as worth nothing.",
                 (unsigned long long)c->without_curve);
}

int collateral_report(struct job *j)
{
    struct collateral c = {.job = j};
    if (!debt_is_valid(j->query)) {
        job_refuse(j, REFUSAL_terms_invalid);
        return 0;
    }
    if (!depreciation_read(j, &c.curves))
        return 0;
    int status = fleet_load(j, &c.fleet);
    if (status == 0)
        collateral_fill(&c);
    fleet_release(&c.fleet);
    return status;
}
