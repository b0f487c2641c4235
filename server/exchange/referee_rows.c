#include "server/exchange/referee_rows.h"

#include <stdlib.h>
#include <string.h>

#include "server/exchange/account.h"
#include "server/exchange/lease.h"
#include "server/exchange/resale.h"
#include "server/exchange/series.h"
#include "server/exchange/site.h"
#include "server/exchange/sku.h"

void *referee_grow(void *items, size_t count, size_t item_size)
{
    /* Room doubles: there is some unless the count before was a power of 2. */
    size_t before = count - 1;
    if (before != 0 && (before & (before - 1)) != 0)
        return items;
    items = realloc(items, (before == 0 ? 1 : 2 * before) * item_size);
    if (items == NULL)
        memory_exhausted();
    return items;
}

void minutes_add(struct minutes *m, uint64_t minute)
{
    m->items = referee_grow(m->items, m->count + 1, sizeof(m->items[0]));
    m->items[m->count++] = minute;
}

/* --- Which leases an offer has -------------------------------------------------------------- */

void referee_rows_init(struct referee_rows *rows, const struct exchange *x)
{
    memset(rows, 0, sizeof(*rows));
    rows->x = x;
}

static void serials_release(struct serials *lists, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(lists[i].items);
    free(lists);
}

void referee_rows_release(struct referee_rows *rows)
{
    serials_release(rows->by_offer, rows->offers);
    serials_release(rows->through, rows->offers);
}

static void serials_add(struct serials *s, uint64_t serial)
{
    s->items = referee_grow(s->items, s->count + 1, sizeof(s->items[0]));
    s->items[s->count++] = serial;
}

/* The offer that a lease was sold through; 0: none. */
static uint64_t lease_sold_through(const struct exchange *x, const struct lease_row *lease)
{
    const struct lease_row *parent = lease->parent != 0 ? lease_find(x, lease->parent) : NULL;
    for (uint32_t i = 0; parent != NULL && i < parent->reliefs; i++) {
        struct relief_row key = {.lease = parent->lease, .relief = i};
        const struct relief_row *row = store_find(x->store, TABLE_RELIEF, &key);
        if (row != NULL && row->kind == RELIEF_KIND_SALE && row->sold == lease->lease)
            return row->offer;
    }
    return 0;
}

static void lists_hold(struct referee_rows *rows, uint64_t offer)
{
    if (offer < rows->offers)
        return;
    size_t offers = rows->offers != 0 ? rows->offers : 64;
    while (offers <= offer)
        offers *= 2;
    rows->by_offer = realloc(rows->by_offer, offers * sizeof(rows->by_offer[0]));
    rows->through = realloc(rows->through, offers * sizeof(rows->through[0]));
    if (rows->by_offer == NULL || rows->through == NULL)
        memory_exhausted();
    size_t added = (offers - rows->offers) * sizeof(struct serials);
    memset(rows->by_offer + rows->offers, 0, added);
    memset(rows->through + rows->offers, 0, added);
    rows->offers = offers;
}

/* Brings the lists up to the groups before the present one, which may still be undone. */
static void lists_follow(struct referee_rows *rows)
{
    const struct exchange *x = rows->x;
    if (rows->group != x->head.group) {
        const struct head_row *before;
        uint32_t id = 0;
        before = store_find(x->store, TABLE_HEAD, &id);
        rows->seen_last = before != NULL ? before->lease_last : 0;
        rows->group = x->head.group;
    }
    while (rows->leases < rows->seen_last) {
        const struct lease_row *lease = lease_find(x, ++rows->leases);
        if (lease == NULL)
            continue;
        lists_hold(rows, lease->offer);
        serials_add(&rows->by_offer[lease->offer], lease->lease);
        uint64_t through = lease_sold_through(x, lease);
        if (through == 0)
            continue;
        lists_hold(rows, through);
        serials_add(&rows->through[through], lease->lease);
    }
}

/* --- What is taken -------------------------------------------------------------------------- */

/* GPUs that something takes (below 0: gives back) over a time. */
struct span {
    uint64_t from_min;
    uint64_t to_min;
    int64_t gpus;
};

struct spans {
    struct span *items;
    size_t count;
};

static void span_add(struct spans *s, uint64_t from_s, uint64_t to_s, int64_t gpus)
{
    if (from_s >= to_s)
        return;
    s->items = referee_grow(s->items, s->count + 1, sizeof(s->items[0]));
    s->items[s->count++] = (struct span){from_s / 60, to_s / 60, gpus};
}

/* A lease takes its GPUs but for the parts that were sold out of it. */
static void lease_spans(const struct exchange *x, const struct lease_row *lease, struct spans *out)
{
    span_add(out, lease->start_s, lease->end_s, lease->gpus);
    for (uint32_t i = 0; i < lease->reliefs; i++) {
        struct relief_row key = {.lease = lease->lease, .relief = i};
        const struct relief_row *row = store_find(x->store, TABLE_RELIEF, &key);
        if (row == NULL || row->kind != RELIEF_KIND_SALE)
            continue;
        uint64_t to_s = row->end_s - (uint64_t)row->cut_min * 60;
        span_add(out, row->start_s, to_s, -(int64_t)row->gpus);
    }
}

/* Of a lease that was on offer: what was sold, however early the buyer's lease ended. */
static void part_spans(const struct exchange *x, const struct lease_row *sold, uint64_t offer,
                       struct spans *out)
{
    const struct lease_row *parent = lease_find(x, sold->parent);
    for (uint32_t i = 0; parent != NULL && i < parent->reliefs; i++) {
        struct relief_row key = {.lease = parent->lease, .relief = i};
        const struct relief_row *row = store_find(x->store, TABLE_RELIEF, &key);
        if (row != NULL && row->kind == RELIEF_KIND_SALE && row->sold == sold->lease &&
            row->offer == offer)
            span_add(out, row->start_s, row->end_s, row->gpus);
    }
}

static void offer_spans(struct referee_rows *rows, const struct offer_row *o, struct spans *out)
{
    const struct exchange *x = rows->x;
    lists_follow(rows);
    const struct serials *lists = o->lease != 0 ? rows->through : rows->by_offer;
    const struct serials *own = o->offer < rows->offers ? &lists[o->offer] : NULL;
    size_t listed = own != NULL ? own->count : 0;
    for (size_t i = 0; i < listed; i++) {
        const struct lease_row *lease = lease_find(x, own->items[i]);
        if (lease != NULL && o->lease != 0)
            part_spans(x, lease, o->offer, out);
        else if (lease != NULL)
            lease_spans(x, lease, out);
    }
    for (uint64_t serial = rows->leases + 1; serial <= x->head.lease_last; serial++) {
        const struct lease_row *lease = lease_find(x, serial);
        if (lease == NULL)
            continue;
        if (o->lease != 0 && lease->parent != 0)
            part_spans(x, lease, o->offer, out);
        else if (o->lease == 0 && lease->offer == o->offer)
            lease_spans(x, lease, out);
    }
    for (uint64_t serial = 1; serial <= x->head.closure_last; serial++) {
        const struct closure_row *closure = store_find(x->store, TABLE_CLOSURE, &serial);
        if (closure != NULL && closure->site == o->site)
            span_add(out, closure->start_s, closure->end_s, o->gpus);
    }
}

static int64_t taken_at(const struct spans *s, uint64_t minute)
{
    int64_t taken = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (s->items[i].from_min <= minute && minute < s->items[i].to_min)
            taken += s->items[i].gpus;
    }
    return taken;
}

static uint32_t spans_free(const struct spans *s, const struct offer_row *o, uint64_t from_min,
                           uint64_t to_min)
{
    if (from_min < o->start_s / 60 || to_min > o->end_s / 60)
        return 0;
    int64_t most = taken_at(s, from_min);
    for (size_t i = 0; i < s->count; i++) {
        /* What is taken changes where a span begins or ends. */
        uint64_t edges[] = {s->items[i].from_min, s->items[i].to_min};
        for (size_t k = 0; k < 2; k++) {
            if (edges[k] <= from_min || edges[k] >= to_min)
                continue;
            int64_t taken = taken_at(s, edges[k]);
            if (taken > most)
                most = taken;
        }
    }
    return most < (int64_t)o->gpus ? (uint32_t)((int64_t)o->gpus - most) : 0;
}

uint32_t referee_free_gpus(struct referee_rows *rows, const struct offer_row *o, uint64_t from_min,
                           uint64_t to_min)
{
    struct spans spans = {NULL, 0};
    offer_spans(rows, o, &spans);
    uint32_t gpus = spans_free(&spans, o, from_min, to_min);
    free(spans.items);
    return gpus;
}

static void spans_changes(const struct spans *s, const struct offer_row *o, uint64_t from_min,
                          uint64_t until_min, struct minutes *out)
{
    uint64_t begin = o->start_s / 60;
    if (begin > from_min && begin <= until_min)
        minutes_add(out, begin);
    for (size_t i = 0; i < s->count; i++) {
        uint64_t edges[] = {s->items[i].from_min, s->items[i].to_min};
        for (size_t k = 0; k < 2; k++) {
            if (edges[k] > from_min && edges[k] <= until_min)
                minutes_add(out, edges[k]);
        }
    }
}

void referee_changes(struct referee_rows *rows, const struct offer_row *o, uint64_t from_min,
                     uint64_t until_min, struct minutes *out)
{
    struct spans spans = {NULL, 0};
    offer_spans(rows, o, &spans);
    spans_changes(&spans, o, from_min, until_min, out);
    free(spans.items);
}

bool referee_earliest(struct referee_rows *rows, const struct offer_row *o, uint64_t from_min,
                      uint64_t until_min, uint32_t duration_min, uint32_t block,
                      uint64_t *start_out)
{
    struct spans spans = {NULL, 0};
    struct minutes starts = {NULL, 0, 0};
    bool found = false;
    offer_spans(rows, o, &spans);
    minutes_add(&starts, from_min);
    spans_changes(&spans, o, from_min, until_min, &starts);
    for (size_t i = 0; i < starts.count; i++) {
        uint64_t start = starts.items[i];
        if ((!found || start < *start_out) &&
            spans_free(&spans, o, start, start + duration_min) >= block) {
            *start_out = start;
            found = true;
        }
    }
    free(starts.items);
    free(spans.items);
    return found;
}

/* --- Which offers count --------------------------------------------------------------------- */

static bool place_fits(const uint64_t *filters, uint32_t count, const char *code)
{
    for (uint32_t i = 0; i < count; i++) {
        if (place_covers(filters[i], place_number(code)))
            return true;
    }
    return count == 0;
}

static bool site_certified(const struct site_row *site, struct text name, uint64_t until_s)
{
    for (uint32_t i = 0; i < site->certifications_count && i < SITE_CERTIFICATIONS_MAX; i++) {
        const char *held = (const char *)site->certification_names + (size_t)i * NAME_BYTES;
        if (strlen(held) == name.length && memcmp(held, name.data, name.length) == 0 &&
            site->certification_expires_s[i] > until_s)
            return true;
    }
    return false;
}

static bool site_fits(const struct exchange *x, const struct wish *w, const struct site_row *site)
{
    uint64_t latest_s = w->until_min * 60 > x->head.time_s ? w->until_min * 60 : x->head.time_s;
    if (!place_fits(w->regions, w->regions_count, site->region) ||
        !place_fits(w->jurisdictions, w->jurisdictions_count, site->jurisdiction))
        return false;
    if (w->carbon_g_max != 0 && site->carbon_g_per_kwh > w->carbon_g_max)
        return false;
    for (uint32_t i = 0; i < w->certifications_count; i++) {
        if (!site_certified(site, w->certifications[i].name, latest_s))
            return false;
    }
    return site_reliability_ppm(site) >= w->reliability_ppm_min;
}

static bool terms_fit(const struct wish *w, const struct offer_row *o)
{
    if ((o->preemptible && !w->preemptible_ok) || (o->lease != 0 && w->elastic))
        return false;
    if (w->duration_min < o->lease_min_min ||
        (o->lease_max_min != 0 && w->duration_min > o->lease_max_min))
        return false;
    if (w->profile == PROFILE_TRAINING)
        return o->billing == BILLING_RESERVED && !o->preemptible;
    return w->profile != PROFILE_INFERENCE || o->billing == BILLING_METERED;
}

/* What a seller gains comes in the buyer's series, which must then be transferable. */
static bool gain_fits(const struct exchange *x, const struct wish *w, const struct offer_row *o,
                      uint64_t limit_ucr)
{
    uint64_t price_ucr = o->place < w->place ? o->price_ucr : limit_ucr;
    if (o->lease != 0 && !resale_is_live(x, offer_find(x, o->offer)))
        return false;
    if (o->lease == 0 || !resale_gains(x, offer_find(x, o->offer), price_ucr))
        return true;
    for (uint32_t i = 0; i < w->series_count; i++) {
        if (!w->series[i]->transferable)
            return false;
    }
    return true;
}

bool referee_counts_in(const struct exchange *x, const struct wish *w, const struct offer_row *o)
{
    const struct sku_limit *limit = NULL;
    for (uint32_t i = 0; i < w->skus_count; i++) {
        if (w->skus[i].sku == o->sku)
            limit = &w->skus[i];
    }
    if (limit == NULL || o->price_ucr > limit->limit_price_ucr)
        return false;
    if (o->state != OFFER_STATE_OPEN || o->end_s <= x->head.time_s || o->seller == w->account ||
        (w->site != 0 && w->site != o->site))
        return false;
    const struct sku_row *sku = sku_find(x, o->sku);
    const struct site_row *site = site_find(x, o->site);
    const struct account_row *operator= account_find(x, o->operator);
    const struct account_row *seller = account_find(x, o->seller);
    if (w->interconnect.length > 0 &&
        (strlen(sku->interconnect) != w->interconnect.length ||
         memcmp(sku->interconnect, w->interconnect.data, w->interconnect.length) != 0))
        return false;
    if (operator== NULL || operator->state != ACCOUNT_STATE_ACTIVE || seller == NULL ||
        seller->state != ACCOUNT_STATE_ACTIVE)
        return false;
    for (uint32_t i = 0; i < w->series_count; i++) {
        if (!series_allows(w->series[i], o->sku, site->region, w->profile))
            return false;
    }
    return site_fits(x, w, site) && terms_fit(w, o) && gain_fits(x, w, o, limit->limit_price_ucr);
}
