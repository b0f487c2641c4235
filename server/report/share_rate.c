#include "server/report/share_rate.h"

#include <stdlib.h>

#include "protocol/amount.h"
#include "protocol/month.h"
#include "protocol/status.h"
#include "server/report/sums.h"
#include "server/report/vector.h"

struct rate_pass {
    const struct source *source;
    const struct site_row *site;
    struct share_rates *out;
};

static int contract_visit(void *context, const void *row)
{
    const struct rate_pass *p = context;
    struct share_rates *s = p->out;
    const struct contract_row *c = row;
    if (c->kind != CONTRACT_KIND_REVSHARE || c->state != CONTRACT_STATE_IN_FORCE ||
        c->debtor != p->site->operator)
        return 0;
    struct share_rate *items = vector_reserve(s->items, sizeof(*items), s->count, &s->room);
    if (items == NULL)
        return STATUS_MEMORY;
    s->items = items;
    s->items[s->count++] = (struct share_rate){.contract = c->contract,
                                               .version = c->version,
                                               .start_s = c->start_s,
                                               .claims_ucr = c->claims_ucr};
    return 0;
}

static int terms_visit(void *context, const void *row)
{
    const struct rate_pass *p = context;
    const struct revshare_row *terms = row;
    struct progress_row progress;
    struct share_rate *rate = vector_find(p->out->items, sizeof(*rate), p->out->count,
                                          &terms->contract, vector_by_number);
    if (rate == NULL || rate->version != terms->version ||
        (terms->site != 0 && terms->site != p->site->site))
        return 0;
    int status = source_find(p->source, TABLE_PROGRESS, &terms->contract, &progress, &rate->found);
    rate->found =
        rate->found && progress.phase < terms->phases_count && progress.phase < PHASES_MAX;
    if (!rate->found)
        return status;
    rate->rank = terms->rank;
    rate->rate_bp = (uint32_t)lesser(terms->rate_bp[progress.phase], BP_ONE);
    rate->floor_ucr = terms->base == SHARE_BASE_ABOVE_FLOOR ? terms->floor_ucr : 0;
    rate->month_s = progress.month_s;
    rate->month_gross_ucr = progress.month_gross_ucr;
    return 0;
}

/* What a guarantor has paid, not what is still claimed of it, until it has got that back. */
static int recourse_visit(void *context, const void *row)
{
    const struct rate_pass *p = context;
    const struct recourse_row *r = row;
    struct contract_row c;
    bool found;
    if (r->stepped_in_s == 0 || r->site != p->site->site)
        return 0;
    int status = source_find(p->source, TABLE_CONTRACT, &r->contract, &c, &found);
    if (!found)
        return status;
    uint64_t gone = sum_of(c.claims_ucr, r->recovered_ucr);
    sum_into(&p->out->recover_ucr, r->by_guarantor_ucr - lesser(r->by_guarantor_ucr, gone));
    return 0;
}

static int rates_compare(const void *a, const void *b)
{
    const struct share_rate *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->contract < y->contract ? -1 : x->contract > y->contract;
}

int share_rates_load(const struct job *j, uint64_t site, struct share_rates *out)
{
    const struct source *from = j->source;
    struct rate_pass p = {.source = from, .site = names_site(j->names, site), .out = out};
    *out = (struct share_rates){0};
    if (p.site == NULL)
        return 0;
    int status = from->each(from->of, TABLE_CONTRACT, contract_visit, &p);
    if (status == 0)
        status = from->each(from->of, TABLE_REVSHARE, terms_visit, &p);
    if (status == 0)
        status = from->each(from->of, TABLE_RECOURSE, recourse_visit, &p);
    size_t kept = 0;
    for (size_t i = 0; i < out->count; i++) {
        if (!out->items[i].found)
            continue;
        sum_into(&out->claims_ucr, out->items[i].claims_ucr);
        out->items[kept++] = out->items[i];
    }
    out->count = kept;
    if (kept > 0)
        qsort(out->items, kept, sizeof(*out->items), rates_compare);
    return status;
}

uint64_t share_rates_take(const struct share_rates *s, uint32_t month, uint64_t sales_ucr)
{
    uint64_t left = sales_ucr;
    for (size_t i = 0; i < s->count; i++) {
        const struct share_rate *rate = &s->items[i];
        uint64_t month_s = month_start_s(month);
        uint64_t before = rate->month_s == month_s ? rate->month_gross_ucr : 0;
        uint64_t below = rate->floor_ucr > before ? rate->floor_ucr - before : 0;
        if (rate->start_s >= month_start_s(month + 1) || sales_ucr <= below)
            continue;
        left -= lesser(left, (uint64_t)((wide)(sales_ucr - below) * rate->rate_bp / BP_ONE));
    }
    return sales_ucr - left;
}

void share_rates_release(struct share_rates *s)
{
    free(s->items);
    *s = (struct share_rates){0};
}
