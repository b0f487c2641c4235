/*
 * What goes round: credits that a guarantor paid into a series, that startups redeem at operators,
 * and that come back to the guarantor as its income.
 */
#include "protocol/amount.h"
#include "server/report/tally.h"

enum { INCOME, INCOME_OWN };
enum { REVENUE, REVENUE_GUARANTEED };
enum { SERIES_REVENUE, SERIES_INCOME, SERIES_RETURNED, SERIES_PAID_OUT };

struct circle {
    struct job *j;
    struct span span;
    struct tally funders; /* accounts that fund a series */
    struct tally income;  /* by account */
    struct tally revenue; /* by operator */
    struct tally funded;  /* by operator and funder */
    struct tally series;
};

static const struct job_column guarantor_columns[] = {
    {"account", CELL_KIND_NAMED},    {"income_ucr", CELL_KIND_AMOUNT},
    {"own_ucr", CELL_KIND_AMOUNT},   {"third_party_ucr", CELL_KIND_AMOUNT},
    {"circular_ppm", CELL_KIND_PPM}, {"third_party_ppm", CELL_KIND_PPM},
};
static const struct job_column operator_columns[] = {
    {"operator", CELL_KIND_NAMED},
    {"revenue_ucr", CELL_KIND_AMOUNT},
    {"guarantors_ucr", CELL_KIND_AMOUNT},
    {"guarantors_ppm", CELL_KIND_PPM},
};
static const struct job_column funder_columns[] = {
    {"operator", CELL_KIND_NAMED},
    {"funder", CELL_KIND_NAMED},
    {"revenue_ucr", CELL_KIND_AMOUNT},
    {"share_ppm", CELL_KIND_PPM},
};
static const struct job_column series_columns[] = {
    {"series", CELL_KIND_NAMED},        {"funder", CELL_KIND_NAMED},
    {"revenue_ucr", CELL_KIND_AMOUNT},  {"income_ucr", CELL_KIND_AMOUNT},
    {"returned_ucr", CELL_KIND_AMOUNT}, {"paid_out_ucr", CELL_KIND_AMOUNT},
};

static bool kind_is_income(uint32_t kind)
{
    return kind == FLOW_KIND_SHARE || kind == FLOW_KIND_ROYALTY || kind == FLOW_KIND_RECOVERY ||
           kind == FLOW_KIND_RESALE || kind == FLOW_KIND_LEASE;
}

static bool account_is_guarantor(const struct circle *c, uint32_t account)
{
    const struct account_row *row = names_account(c->j->names, account);
    return row != NULL && row->role == ROLE_GUARANTOR;
}

/* Whose income is looked at: guarantors, and whoever funds a series. */
static bool account_counts(const struct circle *c, uint32_t account)
{
    const uint64_t key[TALLY_KEYS] = {account};
    return account != 0 &&
           (account_is_guarantor(c, account) || tally_find(&c->funders, key) != NULL);
}

/* Of a party: its own income and revenue alone. */
static bool account_shown(const struct circle *c, uint32_t account)
{
    return c->j->account == 0 || c->j->account == account;
}

static int circle_income(struct circle *c, const struct flow_row *row, uint32_t funder)
{
    struct tally_line *line;
    int status = TALLY_AT(c->j, &c->income, &line, row->payee);
    if (status != 0)
        return status;
    line->sum[INCOME] = wide_add(line->sum[INCOME], row->amount_ucr);
    if (funder == row->payee)
        line->sum[INCOME_OWN] = wide_add(line->sum[INCOME_OWN], row->amount_ucr);
    return 0;
}

static int circle_revenue(struct circle *c, const struct flow_row *row, uint32_t funder)
{
    struct tally_line *line;
    int status = TALLY_AT(c->j, &c->revenue, &line, row->payee);
    if (status != 0)
        return status;
    line->sum[REVENUE] = wide_add(line->sum[REVENUE], row->amount_ucr);
    if (account_is_guarantor(c, funder))
        line->sum[REVENUE_GUARANTEED] = wide_add(line->sum[REVENUE_GUARANTEED], row->amount_ucr);
    const uint64_t key[TALLY_KEYS] = {row->payee, funder};
    return tally_add(c->j, &c->funded, key, 0, row->amount_ucr);
}

static int circle_series(struct circle *c, const struct flow_row *row, uint32_t funder, bool income)
{
    struct tally_line *line;
    if (row->kind != FLOW_KIND_LEASE && row->kind != FLOW_KIND_PAYOUT && !income)
        return 0;
    int status = TALLY_AT(c->j, &c->series, &line, row->series);
    if (status != 0)
        return status;
    bool adds[TALLY_SUMS] = {
        [SERIES_REVENUE] = row->kind == FLOW_KIND_LEASE,
        [SERIES_INCOME] = income,
        [SERIES_RETURNED] = income && funder == row->payee,
        [SERIES_PAID_OUT] = row->kind == FLOW_KIND_PAYOUT,
    };
    for (uint32_t i = 0; i < TALLY_SUMS; i++)
        line->sum[i] = wide_add(line->sum[i], adds[i] ? row->amount_ucr : 0);
    return 0;
}

static int circle_flow(void *context, const void *found)
{
    struct circle *c = context;
    const struct flow_row *row = found;
    uint32_t whose = c->j->account;
    if (!span_has(c->span, row->month_s) || row->payer == row->payee ||
        (whose != 0 && row->payer != whose && row->payee != whose))
        return 0;
    const struct series_row *series = names_series(c->j->names, row->series);
    uint32_t funder = series != NULL ? series->funder : 0;
    bool income =
        kind_is_income(row->kind) && account_shown(c, row->payee) && account_counts(c, row->payee);
    int status = circle_series(c, row, funder, income);
    if (status == 0 && income)
        status = circle_income(c, row, funder);
    if (status == 0 && row->kind == FLOW_KIND_LEASE && account_shown(c, row->payee))
        status = circle_revenue(c, row, funder);
    return status;
}

static int circle_funder(void *context, const void *found)
{
    struct circle *c = context;
    const uint64_t key[TALLY_KEYS] = {((const struct series_row *)found)->funder};
    return tally_add(c->j, &c->funders, key, 0, 1);
}

static int circle_collect(struct circle *c)
{
    int status = walk_rows(c->j, TABLE_SERIES, circle_funder, c);
    return status != 0 ? status : walk_rows(c->j, TABLE_FLOW, circle_flow, c);
}

/* --- Tables --- */

static void guarantors_show(struct circle *c)
{
    struct job *j = c->j;
    uint32_t table = JOB_TABLE(
        j, "guarantors", "Income of guarantors and funders, and what of it they funded themselves",
        guarantor_columns);
    tally_sort_by(&c->income, INCOME);
    for (size_t i = 0; i < c->income.count && job_row(j, table); i++) {
        const struct tally_line *line = &c->income.lines[i];
        wide all = line->sum[INCOME], own = line->sum[INCOME_OWN];
        job_account(j, (uint32_t)line->key[0]);
        job_number(j, cell_of(all));
        job_number(j, cell_of(own));
        job_number(j, cell_of(all - own));
        job_number(j, wide_ppm(own, all));
        job_number(j, wide_ppm(all - own, all));
    }
}

/* By funder first: the totals of the operators cannot be found any more once they are in order. */
static void operators_show(struct circle *c)
{
    struct job *j = c->j;
    uint32_t operators = JOB_TABLE(
        j, "operators", "Revenue of operators, and what of it guarantors funded", operator_columns);
    uint32_t funders =
        JOB_TABLE(j, "funders", "Revenue of operators by who funded it", funder_columns);
    tally_sort(&c->funded);
    for (size_t i = 0; i < c->funded.count && job_row(j, funders); i++) {
        const struct tally_line *line = &c->funded.lines[i];
        const uint64_t key[TALLY_KEYS] = {line->key[0]};
        const struct tally_line *total = tally_find(&c->revenue, key);
        job_account(j, (uint32_t)line->key[0]);
        job_account(j, (uint32_t)line->key[1]);
        job_number(j, cell_of(line->sum[0]));
        job_number(j, wide_ppm(line->sum[0], total != NULL ? total->sum[REVENUE] : 0));
    }
    tally_sort_by(&c->revenue, REVENUE);
    for (size_t i = 0; i < c->revenue.count && job_row(j, operators); i++) {
        const struct tally_line *line = &c->revenue.lines[i];
        job_account(j, (uint32_t)line->key[0]);
        job_number(j, cell_of(line->sum[REVENUE]));
        job_number(j, cell_of(line->sum[REVENUE_GUARANTEED]));
        job_number(j, wide_ppm(line->sum[REVENUE_GUARANTEED], line->sum[REVENUE]));
    }
}

static void series_show(struct circle *c)
{
    struct job *j = c->j;
    uint32_t table =
        JOB_TABLE(j, "series", "What became of each series in this time", series_columns);
    tally_sort(&c->series);
    for (size_t i = 0; i < c->series.count && job_row(j, table); i++) {
        const struct tally_line *line = &c->series.lines[i];
        const struct series_row *row = names_series(j->names, (uint32_t)line->key[0]);
        job_series(j, (uint32_t)line->key[0]);
        job_account(j, row != NULL ? row->funder : 0);
        for (uint32_t sum = 0; sum < TALLY_SUMS; sum++)
            job_number(j, cell_of(line->sum[sum]));
    }
}

int circularity_report(struct job *j)
{
    struct circle c = {.j = j, .span = span_months(j, 0, 0)};
    int status = circle_collect(&c);
    if (status == 0) {
        guarantors_show(&c);
        operators_show(&c);
        series_show(&c);
        job_note(j, "Income: revenue shares, royalties, recoveries, gains of resale and leases "
                    "served. A royalty recorded as paid outside is in no series and is left out.");
        job_note(j, "Revenue: what leases settled; backstop payments and elected leases are not "
                    "in it. Whole months, by their first second. Shares are rounded half up and "
                    "may not add up to 100 %%.");
        if (j->account != 0)
            job_note(j, "Of one account: only what it paid and was paid.");
    }
    tally_release(&c.funders);
    tally_release(&c.income);
    tally_release(&c.revenue);
    tally_release(&c.funded);
    tally_release(&c.series);
    return status;
}
