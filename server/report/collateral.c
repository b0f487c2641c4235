/* What the fleet is worth under depreciation curves, beside a debt. */
#include <inttypes.h>
#include <string.h>

#include "protocol/amount.h"
#include "protocol/month.h"
#include "server/report/debt.h"
#include "server/report/depreciation.h"
#include "server/report/fleet.h"
#include "server/report/site_scope.h"
#include "server/report/sums.h"

struct collateral {
    struct job *job;
    struct depreciation curves;
    struct fleet fleet;
    uint32_t summary, cohorts, months;
    uint64_t *values;       /* of the fleet, in each month of the debt */
    uint64_t without_curve; /* cohorts of which nobody says what they are worth */
    uint64_t gpus;          /* in service now; of them proven, and what these are worth */
    uint64_t proven_gpus;
    uint64_t proven_ucr;
};

static void collateral_tables(struct collateral *c)
{
    static const struct job_column summary[] = {
        {"value_ucr", CELL_KIND_AMOUNT},
        {"debt_ucr", CELL_KIND_AMOUNT},
        {"loan_to_value_ppm", CELL_KIND_PPM},
        {"first_short_month", CELL_KIND_MONTH},
        {"gpus", CELL_KIND_COUNT},
        {"proven_gpus", CELL_KIND_COUNT},
        {"proven_value_ucr", CELL_KIND_AMOUNT},
        {"proven_loan_to_value_ppm", CELL_KIND_PPM},
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
        {"proven_gpus", CELL_KIND_COUNT},
        {"proven_value_ucr", CELL_KIND_AMOUNT},
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

/* Of so many GPUs of the cohort; before they come into service they are worth nothing. */
static uint64_t value_of(const struct collateral *c, const struct cohort *cohort, uint64_t gpus,
                         uint32_t month)
{
    uint64_t each = value_each(c, cohort, month);
    return each == REPORT_NONE || cohort->month > month ? 0 : cell_of((wide)each * gpus);
}

static uint64_t fleet_value(const struct collateral *c, uint32_t month)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < c->fleet.count; i++)
        sum_into(&sum, value_of(c, &c->fleet.cohorts[i], c->fleet.cohorts[i].gpus, month));
    return sum;
}

static void fleet_count(struct collateral *c, uint32_t month)
{
    for (size_t i = 0; i < c->fleet.count; i++) {
        const struct cohort *cohort = &c->fleet.cohorts[i];
        c->without_curve += value_each(c, cohort, month) == REPORT_NONE;
        if (cohort->month > month)
            continue;
        sum_into(&c->gpus, cohort->gpus);
        sum_into(&c->proven_gpus, cohort->proven);
        sum_into(&c->proven_ucr, value_of(c, cohort, cohort->proven, month));
    }
}

static void cohort_rows(struct collateral *c, uint32_t month)
{
    struct job *j = c->job;
    for (size_t i = 0; i < c->fleet.count; i++) {
        const struct cohort *cohort = &c->fleet.cohorts[i];
        uint64_t each = value_each(c, cohort, month);
        if (!job_row(j, c->cohorts))
            return;
        job_site(j, cohort->site);
        job_sku(j, cohort->sku);
        job_generation(j, cohort->sku);
        job_number(j, month_start_s(cohort->month));
        job_number(j, cohort->gpus);
        job_number(j, age_at(cohort, month));
        job_number(j, each);
        job_number(j, value_of(c, cohort, cohort->gpus, month));
        job_number(j, cohort->proven);
        job_number(j, value_of(c, cohort, cohort->proven, month));
    }
}

/* Of the present month, if the schedule has begun, and those of the debt from there on. */
static uint64_t first_short(const struct collateral *c, uint32_t month)
{
    const struct q_report *q = c->job->query;
    if (debt_from(q, month + 1) > 0 &&
        fleet_value(c, month) < lesser(debt_outstanding(q, month), CELL_MAX))
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
        job_number(j, ratio_up_ppm(owed, value));
        job_number(j, value < owed);
        job_number(j, value < owed ? owed - value : 0);
    }
}

/* Names in the curves that no SKU has: a slip there leaves GPUs without a value. */
static void curve_notes(struct collateral *c)
{
    struct job *j = c->job;
    uint32_t unknown = 0;
    struct text first = {0};
    for (uint32_t i = 0; i < c->curves.count; i++) {
        const struct curve_row *point = &c->curves.points[i];
        if (names_sku_named(j->names, point->sku) != 0 || point->sku.length == 0 ||
            (i > 0 && point->sku.length == point[-1].sku.length &&
             memcmp(point->sku.data, point[-1].sku.data, point->sku.length) == 0))
            continue;
        first = unknown++ == 0 ? point->sku : first;
    }
    if (c->without_curve > 0)
        job_note(j,
                 "Attention: %" PRIu64 " of %zu rows of the fleet have no curve: they count as "
                 "worth nothing.",
                 c->without_curve, c->fleet.count);
    if (unknown > 0)
        job_note(j,
                 "Attention: %" PRIu32 " of the curves are of no SKU that there is, the first of "
                 "'%.*s'.",
                 unknown, (int)first.length, first.data);
}

static void collateral_notes(struct collateral *c)
{
    struct job *j = c->job;
    debt_note(j, false);
    curve_notes(c);
    if (j->query->fleet.count > 0)
        job_note(j, "The GPUs are those of the list that was given. The exchange has not counted "
                    "them; what is proven is what it has seen itself.");
    else
        job_note(j, "Attention: the GPUs are declared, not counted: what the operator has put on "
                    "offer, which it can raise at will and which nobody has looked at. They came "
                    "into service when the highest daily capacity of their site and SKU (sold, "
                    "elected and free) rose, by whole GPUs, or are on offer above that now. What "
                    "is withdrawn from offer stays: whether it is still there the exchange does "
                    "not know. A lender may give a list of its own.");
    job_note(j,
             "Proven are as many GPUs of a site and SKU as leases took, elected ones too, on the "
             "day (UTC, over) on which they took the most, on an average of the day; the oldest "
             "ones count as proven first. That they were leased proves that somebody paid for "
             "them, not that they are there today.");
    job_note(j, "A GPU is worth what the curve of its SKU's name, else the curve without a name, "
                "says at its age in calendar months: in a straight line between points, as at the "
                "first before it and as at the last behind it.");
    job_note(j, "The debt is what the schedule says of the present month, or of the latest one "
                "before, or where it begins later of its first month. Months of the schedule that "
                "have passed are left out. Loan to value is rounded up.");
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
    fleet_count(c, month);
    collateral_tables(c);
    if (job_row(j, c->summary)) {
        job_number(j, value);
        job_number(j, owed);
        job_number(j, ratio_up_ppm(owed, value));
        job_number(j, first_short(c, month));
        job_number(j, c->gpus);
        job_number(j, c->proven_gpus);
        job_number(j, c->proven_ucr);
        job_number(j, ratio_up_ppm(owed, c->proven_ucr));
    }
    cohort_rows(c, month);
    month_rows(c, month);
    collateral_notes(c);
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
    bool concerned;
    int status = site_scope_check(j, &concerned);
    if (status == 0 && concerned)
        status = fleet_load(j, &c.fleet);
    if (status == 0 && concerned)
        collateral_fill(&c);
    fleet_release(&c.fleet);
    return status;
}
