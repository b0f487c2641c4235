#include "server/report/fleet.h"

#include <stdlib.h>

#include "protocol/amount.h"
#include "protocol/month.h"
#include "protocol/status.h"
#include "server/report/site_scope.h"
#include "server/report/sums.h"
#include "server/report/vector.h"

enum { DAY_MIN = 24 * 60 };

struct fleet_pass {
    struct job *job;
    struct site_scope scope;
    struct fleet fleet;   /* as the days tell, or the lender's list */
    struct fleet leased;  /* the most that leases took on a day; one for each site and SKU */
    struct fleet present; /* what is on offer or leased now */
    uint64_t peak;        /* of the site and SKU of the last cohort */
};

static bool pass_takes(const struct fleet_pass *p, uint64_t site, uint64_t sku)
{
    const struct q_report *q = p->job->query;
    return (q->site == 0 || q->site == site) && (q->sku == 0 || q->sku == sku) &&
           site_scope_has(&p->scope, site);
}

static int cohort_add(struct fleet *f, struct cohort c)
{
    struct cohort *cohorts = vector_reserve(f->cohorts, sizeof(c), f->count, &f->room);
    if (cohorts == NULL)
        return STATUS_MEMORY;
    f->cohorts = cohorts;
    f->cohorts[f->count++] = c;
    return 0;
}

static int stands_compare(const struct cohort *a, const struct cohort *b)
{
    if (a->site != b->site)
        return a->site < b->site ? -1 : 1;
    return a->sku < b->sku ? -1 : a->sku > b->sku;
}

static bool same_stand(const struct cohort *a, const struct cohort *b)
{
    return stands_compare(a, b) == 0;
}

static int cohorts_compare(const void *a, const void *b)
{
    const struct cohort *x = a, *y = b;
    int order = stands_compare(x, y);
    if (order != 0)
        return order;
    return x->month < y->month ? -1 : x->month > y->month;
}

/* Puts them in order, those of one site, SKU and month together. */
static void fleet_merge(struct fleet *f)
{
    size_t kept = 0;
    if (f->count == 0)
        return;
    qsort(f->cohorts, f->count, sizeof(*f->cohorts), cohorts_compare);
    for (size_t i = 1; i < f->count; i++) {
        if (cohorts_compare(&f->cohorts[i], &f->cohorts[kept]) == 0)
            sum_into(&f->cohorts[kept].gpus, f->cohorts[i].gpus);
        else
            f->cohorts[++kept] = f->cohorts[i];
    }
    f->count = kept + 1;
}

/* --- What the days tell --- */

static int leased_note(struct fleet_pass *p, const struct occupancy_row *r)
{
    struct fleet *f = &p->leased;
    wide minutes = (wide)r->gpu_minutes_sold + r->gpu_minutes_elected;
    struct cohort c = {.site = r->site, .sku = r->sku, .gpus = cell_of(minutes / DAY_MIN)};
    struct cohort *last = f->count > 0 ? &f->cohorts[f->count - 1] : NULL;
    if (last == NULL || !same_stand(last, &c))
        return cohort_add(f, c);
    last->gpus = greater(last->gpus, c.gpus);
    return 0;
}

static int capacity_note(struct fleet_pass *p, const struct occupancy_row *r)
{
    struct fleet *f = &p->fleet;
    struct cohort c = {.site = r->site, .sku = r->sku, .month = month_of(r->day_s)};
    struct cohort *last = f->count > 0 ? &f->cohorts[f->count - 1] : NULL;
    wide minutes = (wide)r->gpu_minutes_sold + r->gpu_minutes_elected + r->gpu_minutes_free;
    uint64_t gpus = cell_of(minutes / DAY_MIN);
    if (last == NULL || !same_stand(last, &c)) {
        p->peak = 0;
        last = NULL;
    }
    if (gpus <= p->peak)
        return 0;
    c.gpus = gpus - p->peak;
    p->peak = gpus;
    if (last == NULL || last->month != c.month)
        return cohort_add(f, c);
    last->gpus += c.gpus;
    return 0;
}

/* Days come by site, SKU and time. */
static int occupancy_visit(void *context, const void *row)
{
    struct fleet_pass *p = context;
    const struct occupancy_row *r = row;
    if (!pass_takes(p, r->site, r->sku) || r->day_s > p->job->head->time_s)
        return 0;
    int status = leased_note(p, r);
    return status != 0 || p->job->query->fleet.count > 0 ? status : capacity_note(p, r);
}

/* --- What stands there now --- */

static bool offer_is_open(const struct fleet_pass *p, const struct offer_row *o)
{
    uint64_t now_s = p->job->head->time_s;
    return o->lease == 0 && o->state == OFFER_STATE_OPEN && o->start_s <= now_s && o->end_s > now_s;
}

static int offer_visit(void *context, const void *row)
{
    struct fleet_pass *p = context;
    const struct offer_row *o = row;
    if (!offer_is_open(p, o) || !pass_takes(p, o->site, o->sku))
        return 0;
    return cohort_add(&p->present,
                      (struct cohort){.site = o->site, .sku = o->sku, .gpus = o->gpus});
}

/* What is leased now of an offer that stands no more is there still. */
static int lease_visit(void *context, const void *row)
{
    struct fleet_pass *p = context;
    const struct lease_row *l = row;
    uint64_t now_s = p->job->head->time_s;
    if (l->parent != 0 || l->start_s > now_s || l->end_s <= now_s ||
        !pass_takes(p, l->site, l->sku))
        return 0;
    struct offer_row o;
    bool found;
    int status = source_find(p->job->source, TABLE_OFFER, &l->offer, &o, &found);
    if (status != 0 || (found && offer_is_open(p, &o)))
        return status;
    return cohort_add(&p->present,
                      (struct cohort){.site = l->site, .sku = l->sku, .gpus = l->gpus});
}

/* What stands there above the highest day has come this month; both are in order. */
static int present_join(struct fleet_pass *p)
{
    struct fleet *f = &p->fleet;
    size_t told_count = f->count, at = 0;
    int status = 0;
    fleet_merge(&p->present);
    for (size_t i = 0; status == 0 && i < p->present.count; i++) {
        struct cohort more = p->present.cohorts[i];
        uint64_t told = 0;
        while (at < told_count && stands_compare(&f->cohorts[at], &more) < 0)
            at++;
        for (; at < told_count && same_stand(&f->cohorts[at], &more); at++)
            sum_into(&told, f->cohorts[at].gpus);
        more.gpus -= lesser(told, more.gpus);
        more.month = month_of(p->job->head->time_s);
        if (more.gpus > 0)
            status = cohort_add(f, more);
    }
    fleet_merge(f);
    return status;
}

static int present_load(struct fleet_pass *p)
{
    const struct source *from = p->job->source;
    int status = from->each(from->of, TABLE_OFFER, offer_visit, p);
    if (status == 0)
        status = from->each(from->of, TABLE_LEASE, lease_visit, p);
    return status != 0 ? status : present_join(p);
}

/* --- A lender's list --- */

static int list_take(struct fleet_pass *p)
{
    struct job *j = p->job;
    int status = 0;
    for (uint32_t i = 0; status == 0 && i < j->query->fleet.count && !job_stops(j); i++) {
        const struct fleet_row *row = &j->query->fleet.items[i];
        struct cohort c = {.site = names_site_named(j->names, row->site),
                           .sku = names_sku_named(j->names, row->sku),
                           .gpus = row->gpus,
                           .month = month_of(row->in_service_s)};
        if (c.site == 0 || c.sku == 0)
            job_refuse(j, c.site == 0 ? REFUSAL_site_not_found : REFUSAL_sku_not_found);
        else if (!site_scope_has(&p->scope, c.site))
            job_refuse(j, REFUSAL_not_visible);
        else if (pass_takes(p, c.site, c.sku))
            status = cohort_add(&p->fleet, c);
    }
    fleet_merge(&p->fleet);
    return status;
}

/* --- What is proven --- */

/* The oldest first: what is proven shall not be thought newer than it may be. */
static void fleet_prove(struct fleet *f, const struct fleet *leased)
{
    size_t at = 0;
    uint64_t left = 0;
    for (size_t i = 0; i < f->count; i++) {
        struct cohort *c = &f->cohorts[i];
        if (i == 0 || !same_stand(c, c - 1)) {
            while (at < leased->count && stands_compare(&leased->cohorts[at], c) < 0)
                at++;
            bool there = at < leased->count && same_stand(&leased->cohorts[at], c);
            left = there ? leased->cohorts[at].gpus : 0;
        }
        c->proven = lesser(left, c->gpus);
        left -= c->proven;
    }
}

int fleet_load(struct job *j, struct fleet *out)
{
    const struct source *from = j->source;
    struct fleet_pass p = {.job = j};
    int status = site_scope_load(j, &p.scope);
    if (status == 0)
        status = from->each(from->of, TABLE_OCCUPANCY, occupancy_visit, &p);
    if (status == 0)
        status = j->query->fleet.count > 0 ? list_take(&p) : present_load(&p);
    fleet_prove(&p.fleet, &p.leased);
    *out = p.fleet;
    fleet_release(&p.leased);
    fleet_release(&p.present);
    site_scope_release(&p.scope);
    return status;
}

void fleet_release(struct fleet *f)
{
    free(f->cohorts);
    *f = (struct fleet){0};
}
