/*
 * Whether startups could go elsewhere: which of their credits could be spent now at more than one
 * operator. First the stands are found where an operator has a GPU to lease now; then, for each
 * series that startups hold, the operators with a stand that the series allows.
 */
#include <stdlib.h>
#include <string.h>

#include "protocol/amount.h"
#include "protocol/status.h"
#include "server/exchange/series.h"
#include "server/report/tally.h"
#include "server/report/vector.h"

/* Of one series: its operators in `operators`, from place `first` on. */
struct reach {
    uint32_t first;
    uint32_t count;
};

struct portability {
    struct job *j;
    uint64_t now_s;
    struct tally taken;  /* GPUs by offer, now */
    struct tally given;  /* GPUs by offer that leases have sold on, and so do not take */
    struct tally parts;  /* offers by lease that has sold some */
    struct tally closed; /* sites */
    struct tally stands; /* operator, site, SKU with a GPU to lease now */
    struct tally held;   /* by startup and series */
    struct tally series; /* credits by series */
    uint32_t *operators; /* owned */
    size_t operators_count;
    size_t operators_room;
};

static const struct job_column startup_columns[] = {
    {"account", CELL_KIND_NAMED},       {"credits_ucr", CELL_KIND_AMOUNT},
    {"portable_ucr", CELL_KIND_AMOUNT}, {"portable_ppm", CELL_KIND_PPM},
    {"operators", CELL_KIND_COUNT},
};
static const struct job_column series_columns[] = {
    {"series", CELL_KIND_NAMED},    {"credits_ucr", CELL_KIND_AMOUNT},
    {"operators", CELL_KIND_COUNT}, {"transferable", CELL_KIND_YES},
    {"expires", CELL_KIND_TIME},
};

/* --- Where capacity is to be had now --- */

static int closure_visit(void *context, const void *found)
{
    struct portability *p = context;
    const struct closure_row *row = found;
    const uint64_t key[TALLY_KEYS] = {row->site};
    if (p->now_s < row->start_s || p->now_s >= row->end_s)
        return 0;
    return tally_add(p->j, &p->closed, key, 0, 1);
}

static int lease_visit(void *context, const void *found)
{
    struct portability *p = context;
    const struct lease_row *row = found;
    const uint64_t offer[TALLY_KEYS] = {row->offer};
    if (p->now_s < row->start_s || p->now_s >= row->end_s)
        return 0;
    if (row->reliefs != 0) {
        const uint64_t part[TALLY_KEYS] = {row->lease};
        int status = tally_add(p->j, &p->parts, part, 0, row->offer);
        if (status != 0)
            return status;
    }
    return tally_add(p->j, &p->taken, offer, 0, row->gpus);
}

/* What was sold on counts as the buyer's lease, and no more as the seller's. */
static int relief_visit(void *context, const void *found)
{
    struct portability *p = context;
    const struct relief_row *row = found;
    uint64_t cut_s = (uint64_t)row->cut_min * 60;
    const uint64_t part[TALLY_KEYS] = {row->lease};
    if (row->kind != RELIEF_KIND_SALE || p->now_s < row->start_s || row->end_s < cut_s ||
        p->now_s >= row->end_s - cut_s)
        return 0;
    const struct tally_line *lease = tally_find(&p->parts, part);
    if (lease == NULL)
        return 0;
    const uint64_t offer[TALLY_KEYS] = {(uint64_t)lease->sum[0]};
    return tally_add(p->j, &p->given, offer, 0, row->gpus);
}

/* Whether anything at all could be leased of an offer now: an operator's own, open, its time. */
static bool offer_is_open(const struct portability *p, const struct offer_row *row)
{
    struct names *n = p->j->names;
    const struct account_row *operator= names_account(n, row->operator);
    const struct sku_row *sku = names_sku(n, row->sku);
    const uint64_t site[TALLY_KEYS] = {row->site};
    return row->state == OFFER_STATE_OPEN && row->lease == 0 && p->now_s >= row->start_s &&
           p->now_s < row->end_s &&
           operator!= NULL && operator->state == ACCOUNT_STATE_ACTIVE && sku != NULL &&
               sku->state != SKU_STATE_RETIRED && names_site(n, row->site) != NULL &&
           tally_find(&p->closed, site) == NULL;
}

static int offer_visit(void *context, const void *found)
{
    struct portability *p = context;
    const struct offer_row *row = found;
    const uint64_t offer[TALLY_KEYS] = {row->offer};
    const uint64_t stand[TALLY_KEYS] = {row->operator, row->site, row->sku};
    if (!offer_is_open(p, row))
        return 0;
    const struct tally_line *taken = tally_find(&p->taken, offer);
    const struct tally_line *given = tally_find(&p->given, offer);
    wide gpus = wide_add(row->gpus, given != NULL ? given->sum[0] : 0);
    if (taken != NULL && taken->sum[0] >= gpus)
        return 0;
    return tally_add(p->j, &p->stands, stand, 0, 1);
}

/* --- What startups hold --- */

static int ledger_visit(void *context, const void *found)
{
    struct portability *p = context;
    const struct ledger_row *row = found;
    if (row->kind != LEDGER_TOKENS || (p->j->account != 0 && p->j->account != row->account))
        return 0;
    wide debits = (wide)row->debits_high << 64 | row->debits_low;
    wide credits = (wide)row->credits_high << 64 | row->credits_low;
    if (credits <= debits)
        return 0;
    const struct account_row *account = names_account(p->j->names, row->account);
    if (account == NULL || account->role != ROLE_STARTUP)
        return 0;
    const uint64_t held[TALLY_KEYS] = {row->account, row->series};
    const uint64_t series[TALLY_KEYS] = {row->series};
    int status = tally_add(p->j, &p->held, held, 0, credits - debits);
    return status != 0 ? status : tally_add(p->j, &p->series, series, 0, credits - debits);
}

static int portability_collect(struct portability *p)
{
    int status = walk_rows(p->j, TABLE_CLOSURE, closure_visit, p);
    if (status == 0)
        status = walk_rows(p->j, TABLE_LEASE, lease_visit, p);
    if (status == 0)
        status = walk_rows(p->j, TABLE_RELIEF, relief_visit, p);
    if (status == 0)
        status = walk_rows(p->j, TABLE_OFFER, offer_visit, p);
    if (status == 0)
        status = walk_rows(p->j, TABLE_LEDGER, ledger_visit, p);
    return status;
}

/* --- Which operators a series reaches --- */

static int operator_push(struct portability *p, uint32_t operator)
{
    if (p->operators_count == p->operators_room &&
        2 * p->operators_room * sizeof(*p->operators) > REPORT_BYTES_MAX) {
        job_refuse(p->j, REFUSAL_report_too_large);
        return WALK_STOP;
    }
    uint32_t *moved =
        vector_reserve(p->operators, sizeof(*moved), p->operators_count, &p->operators_room);
    if (moved == NULL)
        return STATUS_MEMORY;
    p->operators = moved;
    p->operators[p->operators_count++] = operator;
    return 0;
}

/* A workload that the series is for: any of them will do. */
static uint32_t series_profile(const struct series_row *row)
{
    return row->profiles == 0 ? PROFILE_TRAINING : row->profiles & (~row->profiles + 1);
}

/* Whether the series allows what the stand has; of damaged rows texts may lack their end. */
static bool stand_allowed(const struct portability *p, const struct series_row *row,
                          const struct tally_line *stand)
{
    char region[PLACE_BYTES] = "";
    const struct site_row *site = names_site(p->j->names, stand->key[1]);
    if (site != NULL)
        memcpy(region, site->region, PLACE_MAX_BYTES);
    return series_allows(row, stand->key[2], region, series_profile(row));
}

/* The stands are in order, those of an operator together. */
static int series_reach(struct portability *p, const struct series_row *found, struct reach *out)
{
    *out = (struct reach){.first = (uint32_t)p->operators_count};
    if (found == NULL || (found->expires_s != 0 && p->now_s >= found->expires_s) ||
        found->skus_count > SERIES_SKUS_MAX || found->regions_count > SERIES_REGIONS_MAX)
        return 0;
    struct series_row row = *found;
    for (size_t i = 1; i <= SERIES_REGIONS_MAX; i++)
        row.regions[i * PLACE_BYTES - 1] = '\0';
    for (size_t i = 0; i < p->stands.count; i++) {
        uint32_t seller = (uint32_t)p->stands.lines[i].key[0];
        if ((out->count > 0 && p->operators[p->operators_count - 1] == seller) ||
            !stand_allowed(p, &row, &p->stands.lines[i]))
            continue;
        int status = operator_push(p, seller);
        if (status != 0)
            return status;
        out->count++;
    }
    return 0;
}

/* --- Tables --- */

static int number_compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* How many operators the series of one startup reach together: lines [from, until) of what is
 * held, each with the place of its reach. */
static int startup_operators(struct portability *p, const struct reach *reaches, size_t from,
                             size_t until, uint64_t *out)
{
    size_t count = 0, distinct = 0;
    for (size_t i = from; i < until; i++)
        count += reaches[i].count;
    uint32_t *all = calloc(count + 1, sizeof(*all));
    if (all == NULL)
        return STATUS_MEMORY;
    count = 0;
    for (size_t i = from; i < until; i++) {
        if (reaches[i].count > 0)
            memcpy(all + count, p->operators + reaches[i].first, reaches[i].count * sizeof(*all));
        count += reaches[i].count;
    }
    qsort(all, count, sizeof(*all), number_compare_u32);
    for (size_t i = 0; i < count; i++)
        distinct += i == 0 || all[i] != all[i - 1];
    free(all);
    *out = distinct;
    return 0;
}

static int startups_show(struct portability *p, uint32_t table, const struct reach *reaches)
{
    struct job *j = p->j;
    const struct tally *held = &p->held;
    for (size_t i = 0, until; i < held->count; i = until) {
        wide all = 0, portable = 0;
        uint64_t operators;
        for (until = i; until < held->count && held->lines[until].key[0] == held->lines[i].key[0];
             until++) {
            all = wide_add(all, held->lines[until].sum[0]);
            if (reaches[until].count > 1)
                portable = wide_add(portable, held->lines[until].sum[0]);
        }
        int status = startup_operators(p, reaches, i, until, &operators);
        if (status != 0)
            return status;
        if (!job_row(j, table))
            return 0;
        job_account(j, (uint32_t)held->lines[i].key[0]);
        job_number(j, cell_of(all));
        job_number(j, cell_of(portable));
        job_number(j, wide_ppm(portable, all));
        job_number(j, operators);
    }
    return 0;
}

static void series_show(struct portability *p, uint32_t table, const struct reach *reaches)
{
    struct job *j = p->j;
    for (size_t i = 0; i < p->series.count && job_row(j, table); i++) {
        uint32_t series = (uint32_t)p->series.lines[i].key[0];
        const struct series_row *row = names_series(j->names, series);
        job_series(j, series);
        job_number(j, cell_of(p->series.lines[i].sum[0]));
        job_number(j, reaches[i].count);
        job_number(j, row != NULL && row->transferable);
        job_number(j, row != NULL && row->expires_s != 0 ? row->expires_s : REPORT_NONE);
    }
}

/* The place of a series among those held, which are in order. */
static size_t series_place(const struct portability *p, uint64_t series)
{
    return vector_place(p->series.lines, sizeof(*p->series.lines), p->series.count, &series,
                        vector_by_number);
}

static int portability_show(struct portability *p)
{
    struct job *j = p->j;
    uint32_t startups = JOB_TABLE(j, "startups", "Startups", startup_columns);
    uint32_t series = JOB_TABLE(j, "series", "Series that they hold", series_columns);
    tally_sort(&p->stands);
    tally_sort(&p->series);
    tally_sort(&p->held);
    struct reach *of_series = calloc(p->series.count + 1, sizeof(*of_series));
    struct reach *of_held = calloc(p->held.count + 1, sizeof(*of_held));
    int status = of_series != NULL && of_held != NULL ? 0 : STATUS_MEMORY;
    for (size_t i = 0; status == 0 && i < p->series.count; i++) {
        uint32_t number = (uint32_t)p->series.lines[i].key[0];
        status = series_reach(p, names_series(j->names, number), &of_series[i]);
    }
    for (size_t i = 0; status == 0 && i < p->held.count; i++)
        of_held[i] = of_series[series_place(p, p->held.lines[i].key[1])];
    if (status == 0)
        status = startups_show(p, startups, of_held);
    if (status == 0)
        series_show(p, series, of_series);
    free(of_series);
    free(of_held);
    return status == WALK_STOP ? 0 : status;
}

int portability_report(struct job *j)
{
    struct portability p = {.j = j, .now_s = j->head->time_s};
    int status = portability_collect(&p);
    if (status == 0)
        status = portability_show(&p);
    if (status == 0) {
        job_note(j, "Portable: in a series that could be spent now at more than one operator. "
                    "Credits are tokens; gifts not claimed and what is in escrow are left out.");
        job_note(j, "An operator counts when it is not frozen and has an open offer of its own "
                    "whose time it is, of a SKU and at a site that the series allows and that is "
                    "not closed, with a GPU that no lease takes now; prices are not looked at.");
        if (j->account != 0)
            job_note(j, "Of one account: only its own credits.");
    }
    tally_release(&p.taken);
    tally_release(&p.given);
    tally_release(&p.parts);
    tally_release(&p.closed);
    tally_release(&p.stands);
    tally_release(&p.held);
    tally_release(&p.series);
    free(p.operators);
    return status;
}
