#include "server/report/outlook.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/amount.h"
#include "protocol/moment.h"
#include "protocol/month.h"
#include "protocol/status.h"
#include "server/report/sums.h"
#include "server/report/vector.h"
#include "server/report/walk.h"

/* --- Spots --- */

static int spot_compare(const void *item, const void *key)
{
    const struct outlook_spot *a = item, *b = key;
    if (a->site != b->site)
        return a->site < b->site ? -1 : 1;
    return a->sku < b->sku ? -1 : a->sku > b->sku;
}

struct outlook_spot *outlook_find(const struct outlook *o, uint64_t site, uint64_t sku)
{
    const struct outlook_spot key = {.site = site, .sku = sku};
    return vector_find(o->spots, sizeof(*o->spots), o->count, &key, spot_compare);
}

int outlook_add(struct outlook *o, uint64_t site, uint64_t sku, uint64_t from_min)
{
    struct outlook_spot *there = outlook_find(o, site, sku);
    if (there != NULL) {
        there->from_min = lesser(there->from_min, from_min);
        return 0;
    }
    struct outlook_spot *spots = vector_reserve(o->spots, sizeof(*spots), o->count, &o->room);
    if (spots == NULL)
        return STATUS_MEMORY;
    o->spots = spots;
    const struct outlook_spot key = {.site = site, .sku = sku};
    size_t at = vector_place(o->spots, sizeof(*spots), o->count, &key, spot_compare);
    memmove(o->spots + at + 1, o->spots + at, (o->count - at) * sizeof(*o->spots));
    o->spots[at] = (struct outlook_spot){
        .site = site, .sku = sku, .from_min = from_min, .lowest_ucr = REPORT_NONE};
    o->count++;
    return 0;
}

void outlook_release(struct outlook *o)
{
    for (size_t i = 0; i < o->count; i++)
        free(o->spots[i].bends);
    free(o->spots);
    *o = (struct outlook){0};
}

/* --- Leases --- */

static int bends_compare(const void *a, const void *b)
{
    const struct outlook_bend *x = a, *y = b;
    if (x->at_min != y->at_min)
        return x->at_min < y->at_min ? -1 : 1;
    return (int)x->line - (int)y->line;
}

/* Puts them in order, those of one minute and line together. */
static void bends_merge(struct outlook_spot *s)
{
    size_t kept = 0;
    if (s->bends_count == 0)
        return;
    qsort(s->bends, s->bends_count, sizeof(*s->bends), bends_compare);
    for (size_t i = 1; i < s->bends_count; i++) {
        if (bends_compare(&s->bends[i], &s->bends[kept]) == 0)
            s->bends[kept].gpus += s->bends[i].gpus;
        else
            s->bends[++kept] = s->bends[i];
    }
    s->bends_count = kept + 1;
}

/* Room for two more: many leases begin and end in the same minutes, and are merged first. */
static int bends_reserve(struct outlook_spot *s)
{
    if (s->bends_count + 2 <= s->bends_room)
        return 0;
    bends_merge(s);
    if (s->bends_count + 2 <= s->bends_room / 2)
        return 0;
    struct outlook_bend *bends =
        vector_reserve(s->bends, sizeof(*bends), s->bends_room, &s->bends_room);
    if (bends == NULL)
        return STATUS_MEMORY;
    s->bends = bends;
    return 0;
}

static int spot_take(struct outlook_spot *s, uint64_t from_s, uint64_t to_s, int64_t gpus,
                     enum outlook_line line)
{
    uint64_t from_min = greater(from_s / 60, s->from_min);
    uint64_t to_min = to_s / 60;
    if (from_min >= to_min)
        return 0;
    int status = bends_reserve(s);
    if (status != 0)
        return status;
    s->bends[s->bends_count++] = (struct outlook_bend){from_min, gpus, line};
    s->bends[s->bends_count++] = (struct outlook_bend){to_min, -gpus, line};
    return 0;
}

/* What a lease has not of its GPUs: sold on, and then the buyer's own lease counts for it, or
 * withheld after its operator has ended it. */
struct outlook_relief {
    uint64_t lease;
    uint64_t from_s;
    uint64_t to_s;
    uint32_t gpus;
    bool withheld;
};

struct outlook_pass {
    struct outlook *outlook;
    uint64_t now_s;
    uint64_t least_min; /* what ends before concerns no spot */
    struct outlook_relief *reliefs;
    size_t reliefs_count;
    size_t reliefs_room;
    size_t relief_next;
};

static int relief_visit(void *context, const void *row)
{
    struct outlook_pass *p = context;
    const struct relief_row *r = row;
    uint64_t cut_s = (uint64_t)r->cut_min * 60;
    if ((r->kind != RELIEF_KIND_SALE && r->kind != RELIEF_KIND_WITHHELD) || r->end_s < cut_s ||
        r->end_s - cut_s <= r->start_s || (r->end_s - cut_s) / 60 <= p->least_min)
        return 0;
    struct outlook_relief *reliefs =
        vector_reserve(p->reliefs, sizeof(*reliefs), p->reliefs_count, &p->reliefs_room);
    if (reliefs == NULL)
        return STATUS_MEMORY;
    p->reliefs = reliefs;
    p->reliefs[p->reliefs_count++] = (struct outlook_relief){
        r->lease, r->start_s, r->end_s - cut_s, r->gpus, r->kind == RELIEF_KIND_WITHHELD};
    return 0;
}

/* What is withheld lies behind the lease's end. */
static int relief_take(struct outlook_spot *s, const struct lease_row *l,
                       const struct outlook_relief *r)
{
    int64_t gpus = (int64_t)lesser(r->gpus, l->gpus);
    uint64_t from_s = greater(r->from_s, l->start_s);
    if (r->withheld)
        return spot_take(s, from_s, r->to_s, gpus, OUTLOOK_WITHHELD);
    return spot_take(s, from_s, lesser(r->to_s, l->end_s), -gpus,
                     l->elected != 0 ? OUTLOOK_ELECTED : OUTLOOK_SOLD);
}

/* Leases come in the order in which their reliefs have come. */
static int lease_visit(void *context, const void *row)
{
    struct outlook_pass *p = context;
    const struct lease_row *l = row;
    while (p->relief_next < p->reliefs_count && p->reliefs[p->relief_next].lease < l->lease)
        p->relief_next++;
    bool relieved =
        p->relief_next < p->reliefs_count && p->reliefs[p->relief_next].lease == l->lease;
    if (!relieved && l->end_s / 60 <= p->least_min)
        return 0;
    struct outlook_spot *s = outlook_find(p->outlook, l->site, l->sku);
    if (s == NULL)
        return 0;
    int status = spot_take(s, l->start_s, l->end_s, l->gpus,
                           l->elected != 0 ? OUTLOOK_ELECTED : OUTLOOK_SOLD);
    for (size_t i = p->relief_next;
         status == 0 && i < p->reliefs_count && p->reliefs[i].lease == l->lease; i++)
        status = relief_take(s, l, &p->reliefs[i]);
    return status;
}

/* --- Closures --- */

static int closure_visit(void *context, const void *row)
{
    struct outlook_pass *p = context;
    const struct closure_row *c = row;
    int status = 0;
    for (size_t i = 0; status == 0 && i < p->outlook->count; i++) {
        if (p->outlook->spots[i].site == c->site)
            status = spot_take(&p->outlook->spots[i], c->start_s, c->end_s, 1, OUTLOOK_CLOSED);
    }
    return status;
}

/* --- Prices and what could be sold --- */

static int offer_visit(void *context, const void *row)
{
    struct outlook_pass *p = context;
    struct outlook *o = p->outlook;
    const struct offer_row *r = row;
    if (r->lease != 0 || r->state != OFFER_STATE_OPEN || r->end_s <= p->now_s)
        return 0;
    if (o->site != 0 && o->site == r->site && (o->sku == 0 || o->sku == r->sku)) {
        int status = outlook_add(o, r->site, r->sku, p->now_s / 60);
        if (status != 0)
            return status;
    }
    struct outlook_spot *s = outlook_find(o, r->site, r->sku);
    if (s == NULL)
        return 0;
    s->lowest_ucr = lesser(s->lowest_ucr, r->price_ucr);
    if (r->start_s <= p->now_s)
        s->offered_gpus += r->gpus;
    return 0;
}

static int flow_visit(void *context, const void *row)
{
    const struct outlook_pass *p = context;
    const struct flow_row *r = row;
    uint64_t since_s = p->now_s - lesser(p->now_s, (uint64_t)OUTLOOK_DAYS * DAY_S);
    if (r->kind != FLOW_KIND_LEASE || r->month_s < month_start_s(month_of(since_s)) ||
        r->month_s > p->now_s)
        return 0;
    struct outlook_spot *s = outlook_find(p->outlook, r->site, r->sku);
    if (s == NULL)
        return 0;
    sum_into(&s->settled_ucr, r->amount_ucr);
    sum_into(&s->settled_minutes, r->gpu_minutes);
    return 0;
}

static int occupancy_visit(void *context, const void *row)
{
    const struct outlook_pass *p = context;
    const struct occupancy_row *r = row;
    uint64_t today_s = p->now_s / DAY_S * DAY_S;
    uint64_t since_s = today_s - lesser(today_s, (uint64_t)OUTLOOK_DAYS * DAY_S);
    struct outlook_spot *s = outlook_find(p->outlook, r->site, r->sku);
    if (s == NULL || r->day_s < since_s || r->day_s >= today_s)
        return 0;
    sum_into(&s->sold_minutes, r->gpu_minutes_sold);
    sum_into(&s->open_minutes, r->gpu_minutes_free);
    return 0;
}

int outlook_load(struct outlook *o, const struct job *j)
{
    const struct source *from = j->source;
    struct outlook_pass p = {
        .outlook = o, .now_s = j->head->time_s, .least_min = j->head->time_s / 60};
    if (o->count == 0 && o->site == 0)
        return 0;
    int status = from->each(from->of, TABLE_OFFER, offer_visit, &p);
    for (size_t i = 0; i < o->count; i++)
        p.least_min = lesser(p.least_min, o->spots[i].from_min);
    if (status == 0)
        status = from->each(from->of, TABLE_FLOW, flow_visit, &p);
    if (status == 0)
        status = from->each(from->of, TABLE_OCCUPANCY, occupancy_visit, &p);
    if (status == 0)
        status = from->each(from->of, TABLE_RELIEF, relief_visit, &p);
    if (status == 0)
        status = from->each(from->of, TABLE_LEASE, lease_visit, &p);
    if (status == 0)
        status = from->each(from->of, TABLE_CLOSURE, closure_visit, &p);
    for (size_t i = 0; i < o->count; i++)
        bends_merge(&o->spots[i]);
    free(p.reliefs);
    return status;
}

uint64_t outlook_price(const struct outlook_spot *s)
{
    if (s->settled_minutes == 0)
        return s->lowest_ucr;
    return cell_of((wide)s->settled_ucr * 60 / s->settled_minutes);
}

uint32_t outlook_utilisation_ppm(const struct outlook_spot *s)
{
    wide all = (wide)s->sold_minutes + s->open_minutes;
    return all == 0 ? 0 : (uint32_t)((wide)s->sold_minutes * PPM_ONE / all);
}

/* --- Over time --- */

struct outlook_walk outlook_walk_begin(const struct outlook_spot *s)
{
    return (struct outlook_walk){.spot = s};
}

uint64_t outlook_walk_to(struct outlook_walk *w, uint64_t at_min, uint64_t end_min)
{
    const struct outlook_spot *s = w->spot;
    for (; w->next < s->bends_count && s->bends[w->next].at_min <= at_min; w->next++)
        w->gpus[s->bends[w->next].line] += s->bends[w->next].gpus;
    return w->next < s->bends_count ? lesser(s->bends[w->next].at_min, end_min) : end_min;
}

uint64_t outlook_walk_gpus(const struct outlook_walk *w, enum outlook_line line)
{
    return w->gpus[line] > 0 ? (uint64_t)w->gpus[line] : 0;
}
