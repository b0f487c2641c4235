/* How much hangs on how few: the Herfindahl-Hirschman index of what leases settled, and of what
 * guarantors promise. */
#include <stdlib.h>

#include "protocol/amount.h"
#include "protocol/month.h"
#include "server/report/contract_left.h"
#include "server/report/tally.h"

/* What it is looked at by: the first key of a tally's lines; the second is whose the line is. */
enum by {
    BY_TENANT = 1,
    BY_OPERATOR,
    BY_SKU,
    BY_SITE,
    BY_GUARANTOR,
    BY_EXPOSURE_OPERATOR,
    BY_EXPOSURE_SITE,
    BY_EXPOSURE_SKU,
    BY_COUNT
};

static const char *const by_names[BY_COUNT] = {
    [BY_TENANT] = "tenant",
    [BY_OPERATOR] = "operator",
    [BY_SKU] = "sku",
    [BY_SITE] = "site",
    [BY_GUARANTOR] = "guarantor",
    [BY_EXPOSURE_OPERATOR] = "exposure_operator",
    [BY_EXPOSURE_SITE] = "exposure_site",
    [BY_EXPOSURE_SKU] = "exposure_sku",
};

struct market {
    struct job *j;
    struct span span;
    struct tally shares;
};

static const struct job_column index_columns[] = {
    {"by", CELL_KIND_TEXT},   {"parties", CELL_KIND_COUNT}, {"amount_ucr", CELL_KIND_AMOUNT},
    {"hhi", CELL_KIND_COUNT}, {"largest", CELL_KIND_NAMED}, {"largest_ppm", CELL_KIND_PPM},
};
static const struct job_column share_columns[] = {
    {"by", CELL_KIND_TEXT},
    {"name", CELL_KIND_NAMED},
    {"amount_ucr", CELL_KIND_AMOUNT},
    {"share_ppm", CELL_KIND_PPM},
};

/* --- Adding up --- */

static int market_flow(void *context, const void *found)
{
    struct market *m = context;
    const struct flow_row *row = found;
    uint32_t whose = m->j->account;
    if (row->kind != FLOW_KIND_LEASE || row->amount_ucr == 0 || !span_has(m->span, row->month_s) ||
        (whose != 0 && row->payer != whose && row->payee != whose))
        return 0;
    const uint64_t keys[][TALLY_KEYS] = {
        {BY_TENANT, row->payer},
        {BY_OPERATOR, row->payee},
        {BY_SKU, row->sku},
        {BY_SITE, row->site},
    };
    int status = 0;
    for (size_t i = 0; status == 0 && i < sizeof(keys) / sizeof(keys[0]); i++)
        status = tally_add(m->j, &m->shares, keys[i], 0, row->amount_ucr);
    return status;
}

/* The site and the SKU of a contract's terms; a lease guarantee is of no SKU. *found_out: there are
 * such terms. */
static int terms_find(const struct source *from, const struct contract_row *c, uint64_t *site_out,
                      uint64_t *sku_out, bool *found_out)
{
    const struct backstop_row backstop_key = {.contract = c->contract, .version = c->version};
    const struct guarantee_row guarantee_key = {.contract = c->contract, .version = c->version};
    struct backstop_row backstop;
    struct guarantee_row guarantee;
    int status;
    *sku_out = 0;
    if (c->kind == CONTRACT_KIND_GUARANTEE) {
        status = source_find(from, TABLE_GUARANTEE, &guarantee_key, &guarantee, found_out);
        if (*found_out)
            *site_out = guarantee.site;
        return status;
    }
    status = source_find(from, TABLE_BACKSTOP, &backstop_key, &backstop, found_out);
    if (*found_out) {
        *site_out = backstop.site;
        *sku_out = backstop.sku;
    }
    return status;
}

/* What the guarantor stands for, by whom and what it hangs on. */
static int market_exposure(struct market *m, const struct contract_row *row, uint64_t nominal)
{
    uint64_t site, sku;
    bool found;
    int status = terms_find(m->j->source, row, &site, &sku, &found);
    if (!found)
        return status;
    const uint64_t keys[][TALLY_KEYS] = {
        {BY_EXPOSURE_OPERATOR, row->creditor},
        {BY_EXPOSURE_SITE, site},
        {BY_EXPOSURE_SKU, sku},
    };
    size_t count = sizeof(keys) / sizeof(keys[0]) - (sku == 0 ? 1 : 0);
    for (size_t i = 0; status == 0 && i < count; i++)
        status = tally_add(m->j, &m->shares, keys[i], 0, nominal);
    return status;
}

/* What a guarantor may still come to owe under a contract in force. */
static int market_contract(void *context, const void *found)
{
    struct market *m = context;
    const struct contract_row *row = found;
    uint32_t whose = m->j->account;
    bool guarded = row->kind == CONTRACT_KIND_BACKSTOP || row->kind == CONTRACT_KIND_GUARANTEE;
    uint64_t nominal;
    if (!guarded || row->state != CONTRACT_STATE_IN_FORCE ||
        (whose != 0 && row->debtor != whose && row->creditor != whose && row->third != whose))
        return 0;
    int status = contract_left(m->j->source, row, &nominal);
    const uint64_t key[TALLY_KEYS] = {BY_GUARANTOR, row->debtor};
    if (status != 0 || nominal == 0 || nominal == REPORT_NONE)
        return status;
    status = tally_add(m->j, &m->shares, key, 0, nominal);
    if (status == 0 && (whose == 0 || row->debtor == whose))
        status = market_exposure(m, row, nominal);
    return status;
}

static int market_collect(struct market *m)
{
    int status = walk_rows(m->j, TABLE_FLOW, market_flow, m);
    if (status == 0)
        status = walk_rows(m->j, TABLE_CONTRACT, market_contract, m);
    return status;
}

/* --- Tables --- */

/* 10 000 times the sum of the squares of the shares. Amounts are cut to 56 bits first, all by as
 * many bits, so that squares fit; below 72 thousand million credits that cuts nothing. */
static uint64_t lines_hhi(const struct tally_line *lines, size_t count, wide total)
{
    uint32_t cut = 0;
    wide whole = 0, squares = 0;
    while (total >> cut >> 56 != 0)
        cut++;
    for (size_t i = 0; i < count; i++) {
        wide a = lines[i].sum[0] >> cut;
        whole += a;
        squares += a * a;
    }
    return whole == 0 ? REPORT_NONE : cell_of(10000 * squares / (whole * whole));
}

static void named_show(struct job *j, uint64_t by, uint64_t number)
{
    if (by == BY_SKU || by == BY_EXPOSURE_SKU)
        job_sku(j, number);
    else if (by == BY_SITE || by == BY_EXPOSURE_SITE)
        job_site(j, number);
    else
        job_account(j, (uint32_t)number);
}

/* The lines of one way to look at it: biggest first. */
static void lines_show(struct job *j, uint32_t indexes, uint32_t shares, uint64_t by,
                       const struct tally_line *lines, size_t count)
{
    wide total = 0;
    for (size_t i = 0; i < count; i++)
        total = wide_add(total, lines[i].sum[0]);
    if (job_row(j, indexes)) {
        job_text(j, by_names[by]);
        job_number(j, count);
        job_number(j, cell_of(total));
        job_number(j, lines_hhi(lines, count, total));
        named_show(j, by, count > 0 ? lines[0].key[1] : 0);
        job_number(j, count > 0 ? wide_ppm(lines[0].sum[0], total) : REPORT_NONE);
    }
    for (size_t i = 0; i < count && job_row(j, shares); i++) {
        job_text(j, by_names[by]);
        named_show(j, by, lines[i].key[1]);
        job_number(j, cell_of(lines[i].sum[0]));
        job_number(j, wide_ppm(lines[i].sum[0], total));
    }
}

/* By what it is looked at, then biggest first. */
static int lines_compare(const void *a, const void *b)
{
    const struct tally_line *x = a, *y = b;
    if (x->key[0] != y->key[0])
        return x->key[0] < y->key[0] ? -1 : 1;
    if (x->sum[0] != y->sum[0])
        return x->sum[0] > y->sum[0] ? -1 : 1;
    return x->key[1] < y->key[1] ? -1 : x->key[1] > y->key[1];
}

static void market_show(struct market *m)
{
    struct job *j = m->j;
    uint32_t indexes = JOB_TABLE(j, "indexes", "Concentration", index_columns);
    uint32_t shares = JOB_TABLE(j, "shares", "Shares", share_columns);
    struct tally *t = &m->shares;
    if (t->count > 1)
        qsort(t->lines, t->count, sizeof(*t->lines), lines_compare);
    size_t at = 0;
    for (uint64_t by = BY_TENANT; by < BY_COUNT; by++) {
        size_t until = at;
        while (until < t->count && t->lines[until].key[0] == by)
            until++;
        lines_show(j, indexes, shares, by, t->lines + at, until - at);
        at = until;
    }
    job_note(j, "Tenants, operators, SKUs and sites by what leases settled in whole months, by "
                "their first second; elected leases are left out.");
    job_note(j, "Guarantors by what they may still come to owe under contracts in force: what is "
                "left of pools and of limits. The same by operator, site and SKU is exposure_...; "
                "a lease guarantee is of no SKU and is not in exposure_sku.");
    job_note(j, "Shares are rounded half up, each by itself, and may not add up to 100 %%.");
    if (j->account != 0)
        job_note(j, "Of one account: only what it paid and was paid, and its own contracts; in "
                    "exposure_... those of which it is the guarantor.");
}

int concentration_report(struct job *j)
{
    uint32_t month = month_of(j->head->time_s);
    uint64_t from_s = month > 11 ? month_start_s(month - 11) : 0;
    struct market m = {.j = j, .span = span_months(j, from_s, month_start_s(month + 1))};
    int status = market_collect(&m);
    if (status == 0)
        market_show(&m);
    tally_release(&m.shares);
    return status;
}
