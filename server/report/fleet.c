#include "server/report/fleet.h"

#include <stdlib.h>

#include "protocol/month.h"
#include "protocol/status.h"
#include "server/report/site_scope.h"
#include "server/report/sums.h"

enum { DAY_MIN = 24 * 60 };

struct fleet_pass {
    const struct job *job;
    struct site_scope scope;
    struct fleet fleet;   /* as the days tell */
    struct fleet present; /* what stands there now */
    struct source_rows offers;
    uint64_t peak; /* of the site and SKU of the last cohort */
};

static bool pass_takes(const struct fleet_pass *p, uint64_t site, uint64_t sku)
{
    const struct q_report *q = p->job->query;
    return (q->site == 0 || q->site == site) && (q->sku == 0 || q->sku == sku) &&
           site_scope_has(&p->scope, site);
}

static int cohort_add(struct fleet *f, struct cohort c)
{
    if (f->count == f->room) {
        size_t room = f->room == 0 ? 64 : 2 * f->room;
        struct cohort *moved = reallocarray(f->cohorts, room, sizeof(*moved));
        if (moved == NULL)
            return STATUS_MEMORY;
        f->cohorts = moved;
        f->room = room;
    }
    f->cohorts[f->count++] = c;
    return 0;
}

static bool same_stand(const struct cohort *a, const struct cohort *b)
{
    return a->site == b->site && a->sku == b->sku;
}

/* --- What the days tell --- */

/* Days come by site, SKU and time. */
static int occupancy_visit(void *context, const void *row)
{
    struct fleet_pass *p = context;
    const struct occupancy_row *r = row;
    if (!pass_takes(p, r->site, r->sku) || r->day_s > p->job->head->time_s)
        return 0;
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
    return cohort_add(&p->present, (struct cohort){o->site, o->sku, o->gpus, 0});
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
    const struct offer_row *o = source_find(&p->offers, TABLE_OFFER, &l->offer);
    if (o != NULL && offer_is_open(p, o))
        return 0;
    return cohort_add(&p->present, (struct cohort){l->site, l->sku, l->gpus, 0});
}

static int cohorts_compare(const void *a, const void *b)
{
    const struct cohort *x = a, *y = b;
    if (x->site != y->site)
        return x->site < y->site ? -1 : 1;
    if (x->sku != y->sku)
        return x->sku < y->sku ? -1 : 1;
    return x->month < y->month ? -1 : x->month > y->month;
}

static void present_merge(struct fleet *f)
{
    size_t kept = 0;
    if (f->count == 0)
        return;
    qsort(f->cohorts, f->count, sizeof(*f->cohorts), cohorts_compare);
    for (size_t i = 1; i < f->count; i++) {
        if (same_stand(&f->cohorts[i], &f->cohorts[kept]))
            sum_into(&f->cohorts[kept].gpus, f->cohorts[i].gpus);
        else
            f->cohorts[++kept] = f->cohorts[i];
    }
    f->count = kept + 1;
}

/* --- Both --- */

/* The newest cohorts of one site and SKU that make up what stands there now; `first` to `end` are
 * what the days tell of it. What is more has come into service this month. */
static int stand_join(struct fleet *out, const struct cohort *cohorts, size_t first, size_t end,
                      const struct cohort *present, uint32_t month)
{
    uint64_t told = 0;
    int status = 0;
    for (size_t i = first; i < end; i++)
        sum_into(&told, cohorts[i].gpus);
    uint64_t gone = told > present->gpus ? told - present->gpus : 0;
    for (size_t i = first; status == 0 && i < end; i++) {
        struct cohort c = cohorts[i];
        uint64_t lost = lesser(gone, c.gpus);
        gone -= lost;
        c.gpus -= lost;
        if (c.gpus > 0)
            status = cohort_add(out, c);
    }
    struct cohort *last = out->count > 0 ? &out->cohorts[out->count - 1] : NULL;
    uint64_t more = present->gpus > told ? present->gpus - told : 0;
    if (status != 0 || more == 0)
        return status;
    if (last != NULL && same_stand(last, present) && last->month == month) {
        last->gpus += more;
        return 0;
    }
    return cohort_add(out, (struct cohort){present->site, present->sku, more, month});
}

static int fleets_join(const struct fleet_pass *p, struct fleet *out)
{
    const struct fleet *told = &p->fleet;
    uint32_t month = month_of(p->job->head->time_s);
    size_t first = 0;
    int status = 0;
    for (size_t i = 0; status == 0 && i < p->present.count; i++) {
        const struct cohort *present = &p->present.cohorts[i];
        struct cohort least = {.site = present->site, .sku = present->sku};
        while (first < told->count && cohorts_compare(&told->cohorts[first], &least) < 0)
            first++;
        size_t end = first;
        while (end < told->count && same_stand(&told->cohorts[end], present))
            end++;
        status = stand_join(out, told->cohorts, first, end, present, month);
        first = end;
    }
    return status;
}

int fleet_load(struct job *j, struct fleet *out)
{
    const struct source *from = j->source;
    struct fleet_pass p = {.job = j};
    *out = (struct fleet){0};
    int status = site_scope_load(j, &p.scope);
    if (status == 0)
        status = source_load(from, TABLE_OFFER, &p.offers);
    if (status == 0)
        status = from->each(from->of, TABLE_OCCUPANCY, occupancy_visit, &p);
    if (status == 0)
        status = from->each(from->of, TABLE_OFFER, offer_visit, &p);
    if (status == 0)
        status = from->each(from->of, TABLE_LEASE, lease_visit, &p);
    present_merge(&p.present);
    if (status == 0)
        status = fleets_join(&p, out);
    free(p.offers.rows);
    fleet_release(&p.fleet);
    fleet_release(&p.present);
    site_scope_release(&p.scope);
    return status;
}

void fleet_release(struct fleet *f)
{
    free(f->cohorts);
    *f = (struct fleet){0};
}
