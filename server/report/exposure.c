/* What guarantors stand for: nominal, in the worst case and as expected. */
#include <stdlib.h>
#include <string.h>

#include "protocol/month.h"
#include "protocol/status.h"
#include "server/report/party_role.h"
#include "server/report/position.h"
#include "server/report/sums.h"

struct exposure {
    struct job *job;
    struct positions positions;
    struct lookup roles;
    uint32_t total, contracts, guarantors, operators, sites, generations, months, parties;
};

/* --- Tables --- */

static void exposure_tables(struct exposure *e)
{
    static const struct job_column total[] = {
        {"contracts", CELL_KIND_COUNT},      {"nominal_ucr", CELL_KIND_AMOUNT},
        {"worst_ucr", CELL_KIND_AMOUNT},     {"expected_ucr", CELL_KIND_AMOUNT},
        {"funded_ucr", CELL_KIND_AMOUNT},    {"claims_ucr", CELL_KIND_AMOUNT},
        {"backstops_ucr", CELL_KIND_AMOUNT}, {"guarantees_ucr", CELL_KIND_AMOUNT},
    };
    static const struct job_column contracts[] = {
        {"contract", CELL_KIND_COUNT},
        {"kind", CELL_KIND_TEXT},
        {"state", CELL_KIND_TEXT},
        {"guarantor", CELL_KIND_NAMED},
        {"operator", CELL_KIND_NAMED},
        {"lender", CELL_KIND_NAMED},
        {"site", CELL_KIND_NAMED},
        {"sku", CELL_KIND_NAMED},
        {"generation", CELL_KIND_TEXT},
        {"start", CELL_KIND_TIME},
        {"end", CELL_KIND_TIME},
        {"nominal_ucr", CELL_KIND_AMOUNT},
        {"worst_ucr", CELL_KIND_AMOUNT},
        {"expected_ucr", CELL_KIND_AMOUNT},
        {"funded_ucr", CELL_KIND_AMOUNT},
        {"claims_ucr", CELL_KIND_AMOUNT},
        {"certified_until", CELL_KIND_TIME},
        {"escrow_ucr", CELL_KIND_AMOUNT},
        {"escrow_funded_ucr", CELL_KIND_AMOUNT},
        {"escrow_short", CELL_KIND_YES},
    };
#define EXPOSURE_GROUP(name, kind)                                                                 \
    {                                                                                              \
        {name, kind}, {"nominal_ucr", CELL_KIND_AMOUNT}, {"expected_ucr", CELL_KIND_AMOUNT},       \
            {"share_ppm", CELL_KIND_PPM},                                                          \
    }
    static const struct job_column guarantors[] = EXPOSURE_GROUP("guarantor", CELL_KIND_NAMED);
    static const struct job_column operators[] = EXPOSURE_GROUP("operator", CELL_KIND_NAMED);
    static const struct job_column sites[] = EXPOSURE_GROUP("site", CELL_KIND_NAMED);
    static const struct job_column generations[] = EXPOSURE_GROUP("generation", CELL_KIND_TEXT);
#undef EXPOSURE_GROUP
    static const struct job_column months[] = {
        {"month", CELL_KIND_MONTH},
        {"nominal_ucr", CELL_KIND_AMOUNT},
        {"worst_ucr", CELL_KIND_AMOUNT},
        {"expected_ucr", CELL_KIND_AMOUNT},
    };
    static const struct job_column roles[] = {
        {"account", CELL_KIND_NAMED}, {"registered_as", CELL_KIND_TEXT},
        {"guarantor", CELL_KIND_YES}, {"operator", CELL_KIND_YES},
        {"tenant", CELL_KIND_YES},    {"funder", CELL_KIND_YES},
        {"lender", CELL_KIND_YES},    {"several", CELL_KIND_YES},
    };
    struct job *j = e->job;
    e->total = JOB_TABLE(j, "total", "Exposure", total);
    e->contracts = JOB_TABLE(j, "contracts", "Contracts", contracts);
    e->guarantors = JOB_TABLE(j, "guarantors", "By guarantor", guarantors);
    e->operators = JOB_TABLE(j, "operators", "By operator", operators);
    e->sites = JOB_TABLE(j, "sites", "By site", sites);
    e->generations = JOB_TABLE(j, "generations", "By SKU generation", generations);
    e->months = JOB_TABLE(j, "months", "By month", months);
    e->parties = JOB_TABLE(j, "roles", "Parties, and accounts in several roles", roles);
}

static void total_row(struct exposure *e)
{
    struct position sum = {0};
    uint64_t of_kind[2] = {0};
    for (size_t i = 0; i < e->positions.count; i++) {
        const struct position *p = &e->positions.items[i];
        sum_into(&sum.nominal_ucr, p->nominal_ucr);
        sum_into(&sum.worst_ucr, p->worst_ucr);
        sum_into(&sum.expected_ucr, p->expected_ucr);
        sum_into(&sum.funded_ucr, p->funded_ucr);
        sum_into(&sum.claims_ucr, p->claims_ucr);
        sum_into(&of_kind[p->kind == CONTRACT_KIND_GUARANTEE], p->nominal_ucr);
    }
    if (!job_row(e->job, e->total))
        return;
    job_number(e->job, e->positions.count);
    job_number(e->job, sum.nominal_ucr);
    job_number(e->job, sum.worst_ucr);
    job_number(e->job, sum.expected_ucr);
    job_number(e->job, sum.funded_ucr);
    job_number(e->job, sum.claims_ucr);
    job_number(e->job, of_kind[0]);
    job_number(e->job, of_kind[1]);
}

static void contract_rows(struct exposure *e)
{
    struct job *j = e->job;
    for (size_t i = 0; i < e->positions.count; i++) {
        const struct position *p = &e->positions.items[i];
        const char *state = vocabulary_name(&contract_state_vocabulary, p->state);
        if (!job_row(j, e->contracts))
            return;
        job_number(j, p->contract);
        job_text(j, vocabulary_name(&contract_kind_vocabulary, p->kind));
        job_text(j, state != NULL ? state : "?");
        job_account(j, p->guarantor);
        job_account(j, p->operator);
        job_account(j, p->lender);
        job_site(j, p->site);
        job_sku(j, p->sku);
        job_generation(j, p->sku);
        job_number(j, p->start_s);
        job_number(j, p->end_s);
        job_number(j, p->nominal_ucr);
        job_number(j, p->worst_ucr);
        job_number(j, p->expected_ucr);
        job_number(j, p->funded_ucr);
        job_number(j, p->claims_ucr);
        job_number(j, p->certified_s);
        bool guarantee = p->kind == CONTRACT_KIND_GUARANTEE;
        job_number(j, guarantee ? p->escrow_ucr : REPORT_NONE);
        job_number(j, guarantee ? p->escrow_there_ucr : REPORT_NONE);
        job_number(j, guarantee ? p->escrow_there_ucr < p->escrow_ucr : REPORT_NONE);
    }
}

static void month_rows(struct exposure *e)
{
    const struct positions *p = &e->positions;
    for (uint32_t i = 0; i < p->months_count; i++) {
        if (!job_row(e->job, e->months))
            return;
        job_number(e->job, month_start_s(p->projection.month + i));
        job_number(e->job, p->months[i].nominal_ucr);
        job_number(e->job, p->months[i].worst_ucr);
        job_number(e->job, p->months[i].expected_ucr);
    }
}

/* --- Groups --- */

enum grouping { BY_GUARANTOR, BY_OPERATOR, BY_SITE, BY_GENERATION };

struct group {
    uint64_t key;           /* of a generation the first SKU that has it */
    const char *generation; /* "" in the other groupings */
    uint64_t nominal_ucr;
    uint64_t expected_ucr;
};

static int keys_compare(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    return x->key < y->key ? -1 : x->key > y->key;
}

static int generations_compare(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    return strncmp(x->generation, y->generation, NAME_MAX_BYTES);
}

static int sizes_compare(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    if (x->nominal_ucr != y->nominal_ucr)
        return x->nominal_ucr > y->nominal_ucr ? -1 : 1;
    int order = generations_compare(a, b);
    return order != 0 ? order : keys_compare(a, b);
}

static struct group group_of(const struct job *j, const struct position *p, enum grouping by)
{
    struct group g = {
        .generation = "", .nominal_ucr = p->nominal_ucr, .expected_ucr = p->expected_ucr};
    if (by == BY_GUARANTOR)
        g.key = p->guarantor;
    else if (by == BY_OPERATOR)
        g.key = p->operator;
    else if (by == BY_SITE)
        g.key = p->site;
    else
        g.key = p->sku;
    const struct sku_row *sku = by == BY_GENERATION ? names_sku(j->names, p->sku) : NULL;
    if (sku != NULL)
        g.generation = sku->generation;
    return g;
}

/* The biggest first. */
static void group_rows(struct exposure *e, uint32_t table, enum grouping by)
{
    struct job *j = e->job;
    const struct positions *p = &e->positions;
    struct group *groups = job_alloc(j, p->count * sizeof(*groups) + 1);
    size_t count = 0;
    uint64_t whole = 0;
    if (groups == NULL)
        return;
    for (size_t i = 0; i < p->count; i++) {
        groups[i] = group_of(j, &p->items[i], by);
        sum_into(&whole, groups[i].nominal_ucr);
    }
    int (*compare)(const void *, const void *) =
        by == BY_GENERATION ? generations_compare : keys_compare;
    qsort(groups, p->count, sizeof(*groups), compare);
    for (size_t i = 0; i < p->count; i++) {
        if (count > 0 && compare(&groups[count - 1], &groups[i]) == 0) {
            sum_into(&groups[count - 1].nominal_ucr, groups[i].nominal_ucr);
            sum_into(&groups[count - 1].expected_ucr, groups[i].expected_ucr);
        } else {
            groups[count++] = groups[i];
        }
    }
    qsort(groups, count, sizeof(*groups), sizes_compare);
    for (size_t i = 0; i < count && job_row(j, table); i++) {
        if (by == BY_GENERATION)
            job_generation(j, groups[i].key);
        else if (by == BY_SITE)
            job_site(j, groups[i].key);
        else
            job_account(j, (uint32_t)groups[i].key);
        job_number(j, groups[i].nominal_ucr);
        job_number(j, groups[i].expected_ucr);
        job_number(j, share_ppm(groups[i].nominal_ucr, whole));
    }
}

/* --- Roles --- */

/* A bit beside those of enum party_role: party of a contract of the report. */
enum { CONCERNED = 128 };

static int concerned_mark(struct exposure *e, uint32_t account)
{
    struct lookup_item *item = lookup_at(&e->roles, account);
    if (item == NULL)
        return STATUS_MEMORY;
    item->value |= CONCERNED;
    return 0;
}

static void role_row(struct exposure *e, const struct account_row *account, uint8_t roles)
{
    static const enum party_role columns[] = {PARTY_ROLE_GUARANTOR, PARTY_ROLE_OPERATOR,
                                              PARTY_ROLE_TENANT, PARTY_ROLE_FUNDER,
                                              PARTY_ROLE_LENDER};
    const char *role = vocabulary_name(&role_vocabulary, account->role);
    if (!job_row(e->job, e->parties))
        return;
    job_account(e->job, account->account);
    job_text(e->job, role != NULL ? role : "?");
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
        job_number(e->job, (roles & columns[i]) != 0);
    job_number(e->job, party_roles_conflict(roles));
}

/* By number; those who are no party are shown for several roles alone. */
static void role_rows(struct exposure *e)
{
    lookup_sort(&e->roles);
    for (size_t i = 0; i < e->roles.count; i++) {
        uint32_t account = (uint32_t)e->roles.items[i].number;
        uint8_t marks = (uint8_t)e->roles.items[i].value;
        uint8_t roles = marks & (uint8_t)~CONCERNED;
        bool shown = (marks & CONCERNED) != 0 || (roles & (roles - 1)) != 0;
        if (!shown || (e->job->account != 0 && e->job->account != account))
            continue;
        const struct account_row *row = names_account(e->job->names, account);
        if (row != NULL)
            role_row(e, row, roles);
    }
}

static int roles_load(struct exposure *e)
{
    int status = party_roles_load(e->job, &e->roles);
    for (size_t i = 0; status == 0 && i < e->positions.count; i++) {
        const struct position *p = &e->positions.items[i];
        const uint32_t parties[] = {p->guarantor, p->operator, p->lender };
        for (size_t k = 0; status == 0 && k < sizeof(parties) / sizeof(parties[0]); k++)
            status = concerned_mark(e, parties[k]);
    }
    return status;
}

static void exposure_notes(struct job *j)
{
    job_note(j, "Of backstops and lease guarantees in force, and of those that have ended with "
                "claims open. Nominal is what is left of the pool or the limit; worst is what of "
                "it would be drawn with nothing sold at all; claims are owed already, beside it.");
    projection_notes(j);
    job_note(j, "Of a lease guarantee as much is expected to be called until its end as the "
                "guarantor has come to owe so far, paid or not, in the same time; its worst case "
                "stands in its first month, since all of it can be called at once.");
    job_note(j, "By month, nominal is what contracts that run at any time of the month (of the "
                "present month: from now on) may still cost, each with all that is left of it "
                "today: the most that can be called in that month. What is drawn until a month is "
                "not taken off. Shares are rounded half up and may not add up to 100 %%.");
    job_note(j,
             "The escrow of a lease guarantee is what the operator promised to pay calls from "
             "first, less what they have taken of it; funded is what is there, also in series that "
             "have expired, which pay calls as others do. It is short where "
             "that is less: what the operator has earned stands in for it, as far as it goes, "
             "and beyond that the guarantor pays sooner.");
    job_note(j, "Several is yes where roles of one account are on both sides of money (guarantor, "
                "tenant or funder with operator or lender), guarantor with tenant, or operator "
                "with lender. A guarantor that funds the series it guarantees with is named, and "
                "not marked: that is how guarantors pay.");
}

int exposure_report(struct job *j)
{
    struct exposure *e = calloc(1, sizeof(*e));
    int status = e != NULL ? 0 : STATUS_MEMORY;
    if (status == 0) {
        e->job = j;
        status = positions_load(j, &e->positions);
    }
    if (status == 0)
        status = roles_load(e);
    if (status == 0) {
        exposure_tables(e);
        total_row(e);
        contract_rows(e);
        group_rows(e, e->guarantors, BY_GUARANTOR);
        group_rows(e, e->operators, BY_OPERATOR);
        group_rows(e, e->sites, BY_SITE);
        group_rows(e, e->generations, BY_GENERATION);
        month_rows(e);
        role_rows(e);
        exposure_notes(j);
    }
    if (e != NULL) {
        positions_release(&e->positions);
        lookup_release(&e->roles);
    }
    free(e);
    return status;
}
