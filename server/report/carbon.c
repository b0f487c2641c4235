/* What the leases emitted: GPU-minutes used, the power of their SKU, the grid of their site. */
#include "protocol/amount.h"
#include "server/report/tally.h"

enum { GPU_MINUTES, EMITTED, PAID, LEASES };

/* What is emitted is added up in watts times minutes times grams per kWh: this many make a gram,
 * or a milligram. */
enum { UNITS_PER_GRAM = 60 * 1000, UNITS_PER_MILLIGRAM = 60 };

struct carbon {
    struct job *j;
    struct span span;
    uint32_t leases; /* the table */
    struct tally total;
    struct tally sites; /* by site and SKU */
};

#define CARBON_COLUMNS                                                                             \
    {"gpu_minutes", CELL_KIND_GPU_MINUTES}, {"grams", CELL_KIND_GRAMS},                            \
        {"paid_ucr", CELL_KIND_AMOUNT}, {"milligrams_per_credit", CELL_KIND_MILLIGRAMS},

static const struct job_column total_columns[] = {{"leases", CELL_KIND_COUNT}, CARBON_COLUMNS};
static const struct job_column site_columns[] = {{"site", CELL_KIND_NAMED},
                                                 {"sku", CELL_KIND_NAMED},
                                                 {"leases", CELL_KIND_COUNT},
                                                 CARBON_COLUMNS};
static const struct job_column lease_columns[] = {
    {"lease", CELL_KIND_COUNT}, {"holder", CELL_KIND_NAMED}, {"operator", CELL_KIND_NAMED},
    {"site", CELL_KIND_NAMED},  {"sku", CELL_KIND_NAMED},    CARBON_COLUMNS};

/* Of a million micro-credits; multiplied first, unless that would not fit. */
static uint64_t milligrams_per_credit(wide units, wide paid)
{
    if (paid == 0)
        return REPORT_NONE;
    if (units >> 107 == 0 && paid >> 107 == 0)
        return cell_of(wide_rounded(units * 1000000, paid * UNITS_PER_MILLIGRAM));
    wide milligrams = units / UNITS_PER_MILLIGRAM / paid;
    return milligrams < CELL_MAX ? cell_of(milligrams * 1000000) : CELL_MAX;
}

static void sums_show(struct job *j, const wide sum[TALLY_SUMS])
{
    wide units = sum[EMITTED], paid = sum[PAID];
    job_number(j, cell_of(sum[GPU_MINUTES]));
    job_number(j, cell_of(wide_rounded(units, UNITS_PER_GRAM)));
    job_number(j, cell_of(paid));
    job_number(j, milligrams_per_credit(units, paid));
}

static int sums_add(struct carbon *c, struct tally *t, const uint64_t key[TALLY_KEYS],
                    const wide sum[TALLY_SUMS])
{
    struct tally_line *line;
    int status = tally_at(c->j, t, key, &line);
    for (uint32_t i = 0; status == 0 && i < TALLY_SUMS; i++)
        line->sum[i] = wide_add(line->sum[i], sum[i]);
    return status;
}

static bool lease_counts(const struct carbon *c, const struct lease_row *row)
{
    const struct q_report *q = c->j->query;
    uint32_t whose = c->j->account;
    return row->gpu_minutes_delivered != 0 && row->end_s > c->span.from_s &&
           (c->span.until_s == 0 || row->start_s < c->span.until_s) &&
           (whose == 0 || row->holder == whose || row->operator== whose) &&
           (q->site == 0 || row->site == q->site) && (q->sku == 0 || row->sku == q->sku);
}

/* What of a lease was used in its settled periods: not what the least that its offer charges came
 * to beyond that, which emitted nothing. */
static int lease_used(const struct carbon *c, const struct lease_row *row, uint64_t *out)
{
    uint64_t beyond = 0;
    uint32_t settled = 0;
    int status = 0;
    *out = row->gpu_minutes_delivered;
    if (row->least_charge_ppm == 0)
        return 0;
    for (uint32_t i = 0;
         status == 0 && settled < row->periods_settled && i < (uint32_t)LEASE_PERIODS_MAX; i++) {
        const struct period_row key = {.lease = row->lease, .period = i};
        struct period_row period;
        bool there;
        if (job_stops(c->j))
            return WALK_STOP;
        status = source_find(c->j->source, TABLE_PERIOD, &key, &period, &there);
        if (status != 0 || !there || period.state != PERIOD_STATE_SETTLED)
            continue;
        settled++;
        if (period.gpu_minutes_settled > period.gpu_minutes_metered)
            sum_into(&beyond, period.gpu_minutes_settled - period.gpu_minutes_metered);
    }
    *out -= lesser(*out, beyond);
    return status;
}

static int carbon_lease(void *context, const void *found)
{
    struct carbon *c = context;
    struct job *j = c->j;
    const struct lease_row *row = found;
    if (!lease_counts(c, row))
        return 0;
    const struct sku_row *sku = names_sku(j->names, row->sku);
    uint32_t power_w = sku != NULL ? sku->power_w : 0;
    uint64_t used = 0;
    int status = lease_used(c, row, &used);
    if (status != 0)
        return status;
    const wide sum[TALLY_SUMS] = {
        [GPU_MINUTES] = used,
        [EMITTED] = (wide)used * power_w * row->carbon_g_per_kwh,
        [PAID] = row->paid_ucr,
        [LEASES] = 1,
    };
    const uint64_t all[TALLY_KEYS] = {0}, stand[TALLY_KEYS] = {row->site, row->sku};
    status = sums_add(c, &c->total, all, sum);
    if (status == 0)
        status = sums_add(c, &c->sites, stand, sum);
    if (status != 0 || !job_row(j, c->leases))
        return status != 0 ? status : WALK_STOP;
    job_number(j, cell_of(row->lease));
    job_account(j, row->holder);
    job_account(j, row->operator);
    job_site(j, row->site);
    job_sku(j, row->sku);
    sums_show(j, sum);
    return 0;
}

static void carbon_show(struct carbon *c, uint32_t total, uint32_t sites)
{
    struct job *j = c->j;
    const struct tally_line nothing = {.key = {0}};
    const wide *all = c->total.count > 0 ? c->total.lines[0].sum : nothing.sum;
    if (job_row(j, total)) {
        job_number(j, cell_of(all[LEASES]));
        sums_show(j, all);
    }
    tally_sort(&c->sites);
    for (size_t i = 0; i < c->sites.count && job_row(j, sites); i++) {
        const struct tally_line *line = &c->sites.lines[i];
        job_site(j, line->key[0]);
        job_sku(j, line->key[1]);
        job_number(j, cell_of(line->sum[LEASES]));
        sums_show(j, line->sum);
    }
    job_note(
        j, "GPU-minutes used in settled periods, as metered, or as decided where that is less, x "
           "power of the SKU x grams per kWh of the site, each line rounded half up by itself, so "
           "that lines may not add up. A lease that overlaps the time counts whole; one of which "
           "nothing is settled is left out. What an offer charges at the least, beyond what was "
           "used, is paid and emits nothing.");
    job_note(j, "The grams per kWh are those that the site listed when the lease was granted: what "
                "is listed later changes nothing of it. The operator lists them, and nobody has "
                "verified them. No overhead of buildings, cooling or networks is in it.");
    if (j->account != 0)
        job_note(j, "Of one account: only leases that it holds or serves.");
}

int carbon_report(struct job *j)
{
    struct carbon c = {.j = j, .span = span_asked(j)};
    uint32_t total = JOB_TABLE(j, "total", "Emissions", total_columns);
    uint32_t sites = JOB_TABLE(j, "sites", "By site and SKU", site_columns);
    c.leases = JOB_TABLE(j, "leases", "By lease", lease_columns);
    int status = walk_rows(j, TABLE_LEASE, carbon_lease, &c);
    if (status == 0)
        carbon_show(&c, total, sites);
    tally_release(&c.total);
    tally_release(&c.sites);
    return status;
}
