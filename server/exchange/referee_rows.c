#include "server/exchange/referee_rows.h"

#include <stdlib.h>
#include <string.h>

#include "server/exchange/account.h"
#include "server/exchange/escrow.h"
#include "server/exchange/lease.h"
#include "server/exchange/order.h"
#include "server/exchange/resale.h"
#include "server/exchange/series.h"
#include "server/exchange/site.h"
#include "server/exchange/sku.h"

enum { SWEEP_GROUPS = 64 };

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

void referee_rows_init(struct referee_rows *rows, const struct exchange *x)
{
    memset(rows, 0, sizeof(*rows));
    rows->x = x;
}

static void held_release(struct held *h)
{
    free(h->leases.items);
    free(h->steps.items);
}

void referee_rows_release(struct referee_rows *rows)
{
    for (size_t i = 0; i < rows->held_count; i++)
        held_release(&rows->held[i]);
    free(rows->held);
    free(rows->closures.items);
    free(rows->shut);
    free(rows->fresh);
    free(rows->waiting);
}

static void serials_add(struct serials *s, uint64_t serial)
{
    s->items = referee_grow(s->items, s->count + 1, sizeof(s->items[0]));
    s->items[s->count++] = serial;
}

struct held *referee_held(struct referee_rows *rows, uint64_t offer)
{
    size_t low = 0;
    size_t high = rows->held_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rows->held[middle].offer < offer)
            low = middle + 1;
        else
            high = middle;
    }
    return low < rows->held_count && rows->held[low].offer == offer ? &rows->held[low] : NULL;
}

uint64_t referee_sold_through(const struct exchange *x, const struct lease_row *lease)
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

/* --- Following the groups ------------------------------------------------------------------- */

static void offers_follow(struct referee_rows *rows)
{
    while (rows->offers_seen < rows->x->head.offer_last) {
        rows->held = referee_grow(rows->held, rows->held_count + 1, sizeof(rows->held[0]));
        rows->held[rows->held_count++] = (struct held){.offer = ++rows->offers_seen};
    }
    while (rows->closures_seen < rows->x->head.closure_last)
        serials_add(&rows->closures, ++rows->closures_seen);
}

/* Of what can be undone no more. */
static void leases_follow(struct referee_rows *rows)
{
    const struct exchange *x = rows->x;
    while (rows->leases_seen < x->head.lease_last) {
        const struct lease_row *lease = lease_find(x, ++rows->leases_seen);
        uint64_t through = lease != NULL ? referee_sold_through(x, lease) : 0;
        struct held *of = lease != NULL ? referee_held(rows, lease->offer) : NULL;
        struct held *sold = through != 0 ? referee_held(rows, through) : NULL;
        if (of != NULL)
            serials_add(&of->leases, lease->lease);
        if (sold != NULL && sold != of)
            serials_add(&sold->leases, lease->lease);
    }
}

static void closures_sweep(struct referee_rows *rows)
{
    size_t kept = 0;
    for (size_t i = 0; i < rows->closures.count; i++) {
        uint64_t serial = rows->closures.items[i];
        const struct closure_row *row = store_find(rows->x->store, TABLE_CLOSURE, &serial);
        if (row != NULL && row->end_s > rows->x->head.time_s)
            rows->closures.items[kept++] = serial;
    }
    rows->closures.count = kept;
}

static void leases_sweep(struct referee_rows *rows, struct held *h)
{
    const struct offer_row *o = offer_row_find(rows->x, h->offer);
    size_t kept = 0;
    for (size_t i = 0; i < h->leases.count; i++) {
        if (referee_lease_takes(rows->x, o, h->leases.items[i]))
            h->leases.items[kept++] = h->leases.items[i];
    }
    h->leases.count = kept;
}

/* Forgets what is over, which it stays. */
static void rows_sweep(struct referee_rows *rows)
{
    size_t kept = 0;
    closures_sweep(rows);
    for (size_t i = 0; i < rows->held_count; i++) {
        struct held *h = &rows->held[i];
        const struct offer_row *o = offer_row_find(rows->x, h->offer);
        if (o == NULL || o->state != OFFER_STATE_OPEN) {
            held_release(h);
            continue;
        }
        leases_sweep(rows, h);
        rows->held[kept++] = *h;
    }
    rows->held_count = kept;
}

void referee_rows_settled(struct referee_rows *rows)
{
    const struct exchange *x = rows->x;
    /* Serials of what was undone are given again. */
    while (rows->held_count > 0 && rows->held[rows->held_count - 1].offer > x->head.offer_last)
        held_release(&rows->held[--rows->held_count]);
    while (rows->closures.count > 0 &&
           rows->closures.items[rows->closures.count - 1] > x->head.closure_last)
        rows->closures.count--;
    if (rows->offers_seen > x->head.offer_last)
        rows->offers_seen = x->head.offer_last;
    if (rows->closures_seen > x->head.closure_last)
        rows->closures_seen = x->head.closure_last;
    offers_follow(rows);
    leases_follow(rows);
    if (x->head.group % SWEEP_GROUPS == 0)
        rows_sweep(rows);
}

/* --- A look --------------------------------------------------------------------------------- */

static void fresh_look(struct referee_rows *rows)
{
    const struct exchange *x = rows->x;
    rows->fresh_count = 0;
    for (uint64_t serial = rows->leases_seen + 1; serial <= x->head.lease_last; serial++) {
        const struct lease_row *lease = lease_find(x, serial);
        if (lease == NULL)
            continue;
        rows->fresh = referee_grow(rows->fresh, rows->fresh_count + 1, sizeof(rows->fresh[0]));
        rows->fresh[rows->fresh_count++] = (struct fresh){
            .lease = serial,
            .offer = lease->offer,
            .through = referee_sold_through(x, lease),
        };
    }
}

static int shut_compare(const void *a, const void *b)
{
    const struct shut *p = a;
    const struct shut *q = b;
    if (p->site != q->site)
        return p->site < q->site ? -1 : 1;
    return p->from_s < q->from_s ? -1 : p->from_s > q->from_s;
}

/* Closures that overlap or follow one another at once become one time. */
static void closures_look(struct referee_rows *rows)
{
    size_t count = 0;
    for (size_t i = 0; i < rows->closures.count; i++) {
        uint64_t serial = rows->closures.items[i];
        const struct closure_row *row = store_find(rows->x->store, TABLE_CLOSURE, &serial);
        if (row == NULL || row->end_s <= rows->x->head.time_s)
            continue;
        rows->shut = referee_grow(rows->shut, count + 1, sizeof(rows->shut[0]));
        rows->shut[count++] = (struct shut){row->site, row->start_s, row->end_s};
    }
    rows->shut_count = 0;
    if (count > 0)
        qsort(rows->shut, count, sizeof(rows->shut[0]), shut_compare);
    for (size_t i = 0; i < count; i++) {
        struct shut next = rows->shut[i];
        struct shut *last = rows->shut_count > 0 ? &rows->shut[rows->shut_count - 1] : NULL;
        if (last == NULL || last->site != next.site || last->to_s < next.from_s)
            rows->shut[rows->shut_count++] = next;
        else if (last->to_s < next.to_s)
            last->to_s = next.to_s;
    }
}

void referee_look(struct referee_rows *rows)
{
    rows->look++;
    offers_follow(rows);
    fresh_look(rows);
    closures_look(rows);
    for (size_t i = 0; i < rows->held_count; i++)
        rows->held[i].row = offer_row_find(rows->x, rows->held[i].offer);
}

/* --- Orders that rest ------------------------------------------------------------------------- */

bool referee_limit(const struct rest_row *rest, uint64_t sku, uint64_t *limit_out)
{
    for (uint32_t i = 0; i < rest->skus_count && i < ORDER_SKUS_MAX; i++) {
        if (rest->skus[i] == sku) {
            *limit_out = rest->limits_ucr[i];
            return true;
        }
    }
    return false;
}

static void waiting_add(struct referee_rows *rows, uint64_t sku, uint64_t limit_ucr)
{
    size_t i = 0;
    while (i < rows->waiting_count && rows->waiting[i].sku != sku)
        i++;
    if (i == rows->waiting_count) {
        rows->waiting = referee_grow(rows->waiting, i + 1, sizeof(rows->waiting[0]));
        rows->waiting[rows->waiting_count++] = (struct waiting){.sku = sku};
    }
    if (rows->waiting[i].limit_ucr < limit_ucr)
        rows->waiting[i].limit_ucr = limit_ucr;
}

static int waiting_read(void *context, const void *item)
{
    const struct rest_row *rest = item;
    for (uint32_t i = 0; i < rest->skus_count && i < ORDER_SKUS_MAX; i++)
        waiting_add(context, rest->skus[i], rest->limits_ucr[i]);
    return 0;
}

bool referee_waits(struct referee_rows *rows, uint64_t sku, uint64_t price_ucr)
{
    if (rows->waiting_look != rows->look) {
        rows->waiting_count = 0;
        rows->waiting_look = rows->look;
        store_each(rows->x->store, TABLE_REST, waiting_read, rows);
    }
    for (size_t i = 0; i < rows->waiting_count; i++) {
        if (rows->waiting[i].sku == sku)
            return rows->waiting[i].limit_ucr >= price_ucr;
    }
    return false;
}

static uint32_t claim_places(const uint8_t *column, uint32_t count, uint64_t *out)
{
    uint32_t n = count < FILTER_PLACES_MAX ? count : FILTER_PLACES_MAX;
    for (uint32_t i = 0; i < n; i++) {
        char code[PLACE_BYTES + 1] = "";
        memcpy(code, column + (size_t)i * PLACE_BYTES, PLACE_BYTES);
        out[i] = place_number(code);
    }
    return n;
}

static struct text claim_text(const void *column)
{
    return (struct text){.data = column, .length = (uint32_t)strnlen(column, NAME_BYTES)};
}

static void claim_constraints(const struct rest_row *rest, struct claim *c)
{
    struct wish *w = &c->wish;
    for (uint32_t i = 0; i < rest->skus_count && i < ORDER_SKUS_MAX; i++)
        c->skus[w->skus_count++] = (struct sku_limit){rest->skus[i], rest->limits_ucr[i]};
    w->regions_count = claim_places(rest->regions, rest->regions_count, c->regions);
    w->jurisdictions_count =
        claim_places(rest->jurisdictions, rest->jurisdictions_count, c->jurisdictions);
    for (uint32_t i = 0; i < rest->certifications_count && i < ORDER_CERTIFICATIONS_MAX; i++)
        c->certifications[w->certifications_count++].name =
            claim_text(rest->certifications + (size_t)i * NAME_BYTES);
    w->interconnect = claim_text(rest->interconnect);
    w->skus = c->skus;
    w->regions = c->regions;
    w->jurisdictions = c->jurisdictions;
    w->certifications = c->certifications;
    w->series = c->series;
}

static void claim_series(const struct exchange *x, const struct rest_row *rest, struct claim *c)
{
    for (uint8_t i = 0; i < rest->escrow_series && i < ORDER_SERIES_MAX; i++) {
        struct escrow_row key = {.kind = ESCROW_KIND_ORDER, .serial = rest->order, .place = i};
        const struct escrow_row *row = store_find(x->store, TABLE_ESCROW, &key);
        const struct series_row *series = row != NULL ? series_find(x, row->series) : NULL;
        if (series != NULL)
            c->series[c->wish.series_count++] = series;
    }
}

bool referee_claim(const struct exchange *x, const struct rest_row *rest, struct claim *out)
{
    const struct order_row *order = order_find(x, rest->order);
    uint64_t now_min = x->head.time_s / 60;
    if (order == NULL || order->state != ORDER_STATE_RESTING || x->head.time_s >= rest->due_s ||
        order->gpus <= order->gpus_filled)
        return false;
    const struct account_row *account = account_find(x, order->account);
    if (account == NULL || account->state != ACCOUNT_STATE_ACTIVE)
        return false;
    memset(out, 0, sizeof(*out));
    struct wish *w = &out->wish;
    w->account = order->account;
    w->place = rest->place;
    w->site = rest->site;
    w->gpus = order->gpus - order->gpus_filled;
    w->gpus_min = rest->gpus_min < w->gpus ? rest->gpus_min : w->gpus;
    w->block_gpus = rest->block_gpus;
    w->duration_min = order->duration_min;
    w->spread = order->placement == PLACEMENT_SPREAD;
    w->from_min = rest->start_from_s / 60 > now_min ? rest->start_from_s / 60 : now_min;
    w->until_min = rest->start_until_s / 60;
    w->funded_min = rest->funded_min;
    w->profile = order->profile;
    w->preemptible_ok = rest->preemptible_ok != 0;
    w->carbon_g_max = rest->carbon_g_max;
    w->reliability_ppm_min = rest->reliability_ppm_min;
    claim_constraints(rest, out);
    claim_series(x, rest, out);
    return true;
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
    if ((o->preemptible && !w->preemptible_ok) || (o->lease != 0 && w->funded_min > 0))
        return false;
    if (w->funded_min > 0 && w->funded_min < o->meter_period_min && w->funded_min < w->duration_min)
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
        o->operator== w->account ||(w->site != 0 && w->site != o->site))
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
