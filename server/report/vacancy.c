/* How much of the capacity stood unsold, from what each day of it was added up to. */
#include "protocol/amount.h"
#include "protocol/moment.h"
#include "protocol/month.h"
#include "server/report/tally.h"

enum { SOLD, ELECTED, VACANT };

struct vacancy {
    struct job *j;
    struct span span;
    struct tally backed; /* sites and SKUs of backstops in force whose guarantor asks */
    struct tally stands; /* by site and SKU */
    struct tally months;
    struct tally total;
};

#define VACANCY_COLUMNS                                                                            \
    {"capacity_gpu_minutes", CELL_KIND_GPU_MINUTES}, {"sold_gpu_minutes", CELL_KIND_GPU_MINUTES},  \
        {"elected_gpu_minutes", CELL_KIND_GPU_MINUTES},                                            \
        {"vacant_gpu_minutes", CELL_KIND_GPU_MINUTES}, {"vacancy_ppm", CELL_KIND_PPM},

static const struct job_column total_columns[] = {VACANCY_COLUMNS};
static const struct job_column site_columns[] = {
    {"site", CELL_KIND_NAMED}, {"sku", CELL_KIND_NAMED}, VACANCY_COLUMNS};
static const struct job_column month_columns[] = {{"month", CELL_KIND_MONTH}, VACANCY_COLUMNS};

/* --- What is shown --- */

static int vacancy_contract(void *context, const void *found)
{
    struct vacancy *v = context;
    struct job *j = v->j;
    const struct contract_row *c = found;
    const struct backstop_row key = {.contract = c->contract, .version = c->version};
    struct backstop_row terms;
    struct tally_line *line;
    bool agreed;
    if (c->kind != CONTRACT_KIND_BACKSTOP || c->state != CONTRACT_STATE_IN_FORCE ||
        c->debtor != j->account)
        return 0;
    int status = source_find(j->source, TABLE_BACKSTOP, &key, &terms, &agreed);
    if (agreed)
        status = TALLY_AT(j, &v->backed, &line, terms.site, terms.sku);
    return status;
}

/* What is sold of a stand that it backs is what a guarantor pays by; of other SKUs of the site it
 * learns nothing. */
static bool stand_shown(const struct vacancy *v, uint64_t site, uint64_t sku)
{
    const struct job *j = v->j;
    const uint64_t key[TALLY_KEYS] = {site, sku};
    if (j->account == 0 || tally_find(&v->backed, key) != NULL)
        return true;
    const struct site_row *row = names_site(j->names, site);
    return row != NULL && row->operator== j->account;
}

/* Whether what the question names is shown at all: nothing else is to look empty. */
static bool question_shown(const struct vacancy *v)
{
    const struct q_report *q = v->j->query;
    if (q->site == 0 || stand_shown(v, q->site, q->sku))
        return true;
    for (size_t i = 0; q->sku == 0 && i < v->backed.count; i++) {
        if (v->backed.lines[i].key[0] == q->site)
            return true;
    }
    return false;
}

/* --- Adding up --- */

static int vacancy_add(struct vacancy *v, struct tally *t, const uint64_t key[TALLY_KEYS],
                       const struct occupancy_row *row)
{
    struct tally_line *line;
    int status = tally_at(v->j, t, key, &line);
    if (status != 0)
        return status;
    line->sum[SOLD] = wide_add(line->sum[SOLD], row->gpu_minutes_sold);
    line->sum[ELECTED] = wide_add(line->sum[ELECTED], row->gpu_minutes_elected);
    line->sum[VACANT] = wide_add(line->sum[VACANT], row->gpu_minutes_free);
    return 0;
}

static int vacancy_day(void *context, const void *found)
{
    struct vacancy *v = context;
    const struct occupancy_row *row = found;
    const struct q_report *q = v->j->query;
    if (!span_has(v->span, row->day_s) || (q->site != 0 && row->site != q->site) ||
        (q->sku != 0 && row->sku != q->sku) || !stand_shown(v, row->site, row->sku))
        return 0;
    const uint64_t stand[TALLY_KEYS] = {row->site, row->sku};
    const uint64_t month[TALLY_KEYS] = {
        month_start_s(month_of(row->day_s < TIME_MAX_S ? row->day_s : TIME_MAX_S))};
    const uint64_t all[TALLY_KEYS] = {0};
    int status = vacancy_add(v, &v->stands, stand, row);
    if (status == 0)
        status = vacancy_add(v, &v->months, month, row);
    if (status == 0)
        status = vacancy_add(v, &v->total, all, row);
    return status;
}

/* --- Tables --- */

static void sums_show(struct job *j, const wide sum[TALLY_SUMS])
{
    wide capacity = wide_add(wide_add(sum[SOLD], sum[ELECTED]), sum[VACANT]);
    job_number(j, cell_of(capacity));
    job_number(j, cell_of(sum[SOLD]));
    job_number(j, cell_of(sum[ELECTED]));
    job_number(j, cell_of(sum[VACANT]));
    job_number(j, wide_ppm(sum[VACANT], capacity));
}

static void vacancy_show(struct vacancy *v)
{
    struct job *j = v->j;
    const struct tally_line nothing = {.key = {0}};
    uint32_t total = JOB_TABLE(j, "total", "Vacancy", total_columns);
    uint32_t sites = JOB_TABLE(j, "sites", "By site and SKU", site_columns);
    uint32_t months = JOB_TABLE(j, "months", "By month", month_columns);
    if (job_row(j, total))
        sums_show(j, v->total.count > 0 ? v->total.lines[0].sum : nothing.sum);
    tally_sort(&v->stands);
    for (size_t i = 0; i < v->stands.count && job_row(j, sites); i++) {
        job_site(j, v->stands.lines[i].key[0]);
        job_sku(j, v->stands.lines[i].key[1]);
        sums_show(j, v->stands.lines[i].sum);
    }
    tally_sort(&v->months);
    for (size_t i = 0; i < v->months.count && job_row(j, months); i++) {
        job_number(j, v->months.lines[i].key[0]);
        sums_show(j, v->months.lines[i].sum);
    }
    job_note(j, "Whole days that are over. Capacity is what operators' own offers held while they "
                "were open, and what leases took; elected is what guarantors took at the strike.");
    if (j->account != 0)
        job_note(j,
                 "Of one account: only its own sites, and of others' the SKUs that it guarantees "
                 "by a backstop in force.");
}

int vacancy_report(struct job *j)
{
    uint64_t today_s = j->head->time_s / DAY_S * DAY_S;
    uint64_t from_s = today_s > 30 * DAY_S ? today_s - 30 * DAY_S : 0;
    struct vacancy v = {.j = j, .span = span_default(j, from_s, today_s)};
    int status = j->account != 0 ? walk_rows(j, TABLE_CONTRACT, vacancy_contract, &v) : 0;
    bool shown = status == 0 && question_shown(&v);
    if (status == 0 && !shown)
        job_refuse(j, REFUSAL_not_visible);
    if (shown)
        status = walk_rows(j, TABLE_OCCUPANCY, vacancy_day, &v);
    if (shown && status == 0)
        vacancy_show(&v);
    tally_release(&v.backed);
    tally_release(&v.stands);
    tally_release(&v.months);
    tally_release(&v.total);
    return status;
}
