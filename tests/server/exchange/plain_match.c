#include "tests/server/exchange/plain_match.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/amount.h"
#include "server/exchange/lease.h"
#include "server/exchange/site.h"
#include "server/exchange/sku.h"
#include "tests/server/exchange/world.h"

static int plain_lease(void *context, const void *item)
{
    struct plain *p = context;
    const struct lease_row *row = item;
    struct plain_offer *o = &p->offers[row->offer - 1];
    for (uint64_t m = row->start_s / 60; m < row->end_s / 60; m++) {
        uint32_t *free = &o->free[m - p->begin_min];
        /* An offer may have been made smaller since. */
        assert_true(*free >= row->gpus || m < p->x->head.time_s / 60);
        *free -= *free >= row->gpus ? row->gpus : *free;
    }
    return 0;
}

static int plain_closure(void *context, const void *item)
{
    struct plain *p = context;
    const struct closure_row *row = item;
    for (size_t i = 0; i < p->count; i++) {
        for (uint64_t m = row->start_s / 60; m < row->end_s / 60; m++) {
            if (p->offers[i].row.site == row->site && m - p->begin_min < PLAIN_MINUTES)
                p->offers[i].free[m - p->begin_min] = 0;
        }
    }
    return 0;
}

static int plain_compare(const void *a, const void *b)
{
    const struct offer_row *p = &((const struct plain_offer *)a)->row;
    const struct offer_row *q = &((const struct plain_offer *)b)->row;
    if (p->price_ucr != q->price_ucr)
        return p->price_ucr < q->price_ucr ? -1 : 1;
    return p->place < q->place ? -1 : p->place > q->place;
}

void plain_read(struct plain *p, const struct exchange *x)
{
    p->x = x;
    p->begin_min = WORLD_BEGIN_S / 60;
    p->count = (size_t)x->head.offer_last;
    assert_true(p->count <= PLAIN_OFFERS_MAX);
    for (size_t i = 0; i < p->count; i++) {
        struct plain_offer *o = &p->offers[i];
        o->row = *offer_row_find(x, i + 1);
        for (uint64_t m = 0; m < PLAIN_MINUTES; m++) {
            uint64_t at_s = (p->begin_min + m) * 60;
            bool inside = at_s >= o->row.start_s && at_s < o->row.end_s;
            o->free[m] = inside ? o->row.gpus : 0;
        }
    }
    store_each(x->store, TABLE_LEASE, plain_lease, p);
    store_each(x->store, TABLE_CLOSURE, plain_closure, p);
    qsort(p->offers, p->count, sizeof(p->offers[0]), plain_compare);
}

uint32_t plain_free(const struct plain *p, const struct plain_offer *o, uint64_t start,
                    uint32_t duration)
{
    uint32_t least = UINT32_MAX;
    for (uint64_t m = start; m < start + duration; m++) {
        uint32_t here = m - p->begin_min < PLAIN_MINUTES ? o->free[m - p->begin_min] : 0;
        least = here < least ? here : least;
    }
    return least;
}

static uint32_t plain_block(const struct wish *w, const struct plain_offer *o)
{
    uint32_t block = o->row.block_gpus;
    while (block % w->block_gpus != 0)
        block += o->row.block_gpus;
    return block;
}

static bool covered(const uint64_t *filters, uint32_t count, const char *code)
{
    for (uint32_t i = 0; i < count; i++) {
        if (place_covers(filters[i], place_number(code)))
            return true;
    }
    return count == 0;
}

static bool text_is(struct text text, const char *other)
{
    return text.length == strlen(other) && memcmp(text.data, other, text.length) == 0;
}

static bool plain_certified(const struct plain *p, const struct wish *w,
                            const struct site_row *site)
{
    for (uint32_t i = 0; i < w->certifications_count; i++) {
        bool held = false;
        for (uint32_t k = 0; k < site->certifications_count; k++) {
            const char *name = (const char *)site->certification_names + (size_t)k * NAME_BYTES;
            uint64_t expires_s = site->certification_expires_s[k];
            held = held || (text_is(w->certifications[i].name, name) &&
                            expires_s > p->x->head.time_s && expires_s > w->until_min * 60);
        }
        if (!held)
            return false;
    }
    return true;
}

static bool plain_site_counts(const struct plain *p, const struct wish *w, uint64_t site)
{
    const struct site_row *row = site_find(p->x, site);
    uint64_t due = row->gpu_minutes_due;
    uint64_t delivered = due > 0 ? row->gpu_minutes_delivered : 1;
    return (w->site == 0 || w->site == site) &&
           covered(w->regions, w->regions_count, row->region) &&
           covered(w->jurisdictions, w->jurisdictions_count, row->jurisdiction) &&
           (w->carbon_g_max == 0 || row->carbon_g_per_kwh <= w->carbon_g_max) &&
           plain_certified(p, w, row) &&
           delivered * 1000000 / (due > 0 ? due : 1) >= w->reliability_ppm_min;
}

static uint64_t plain_limit(const struct wish *w, uint64_t sku)
{
    for (uint32_t i = 0; i < w->skus_count; i++) {
        if (w->skus[i].sku == sku)
            return w->skus[i].limit_price_ucr;
    }
    return 0; /* no offer is as cheap as that */
}

bool plain_counts(const struct plain *p, const struct wish *w, const struct plain_offer *o,
                  uint64_t site, uint64_t sku)
{
    const struct offer_row *row = &o->row;
    const struct sku_row *kind = sku_find(p->x, row->sku);
    bool training = w->profile == PROFILE_TRAINING;
    return row->state == OFFER_STATE_OPEN && (site == 0 || row->site == site) &&
           (sku == 0 || row->sku == sku) && row->price_ucr <= plain_limit(w, row->sku) &&
           (w->interconnect.length == 0 || text_is(w->interconnect, kind->interconnect)) &&
           plain_site_counts(p, w, row->site) && row->seller != w->account &&
           row->operator!=
           w->account &&(!training || (row->billing == BILLING_RESERVED && !row->preemptible)) &&
           (w->profile != PROFILE_INFERENCE || row->billing == BILLING_METERED) &&
           (w->preemptible_ok || !row->preemptible) && plain_block(w, o) <= w->gpus &&
           w->duration_min >= row->lease_min_min &&
           (row->lease_max_min == 0 || w->duration_min <= row->lease_max_min);
}

struct plain_stand {
    uint64_t site, sku;
    uint64_t price, start, place;
};

static bool plain_rank(const struct plain *p, const struct wish *w, struct plain_stand *stand)
{
    bool found = false;
    for (size_t i = 0; i < p->count; i++) {
        const struct plain_offer *o = &p->offers[i];
        if (!plain_counts(p, w, o, stand->site, stand->sku))
            continue;
        for (uint64_t s = w->from_min; s <= w->until_min; s++) {
            if (plain_free(p, o, s, w->duration_min) < plain_block(w, o))
                continue;
            bool better = !found || o->row.price_ucr < stand->price ||
                          (o->row.price_ucr == stand->price && s < stand->start);
            if (better) {
                stand->price = o->row.price_ucr;
                stand->start = s;
                stand->place = o->row.place;
                found = true;
            }
            break;
        }
    }
    return found;
}

static int plain_stand_compare(const void *a, const void *b)
{
    const struct plain_stand *p = a;
    const struct plain_stand *q = b;
    if (p->price != q->price)
        return p->price < q->price ? -1 : 1;
    if (p->start != q->start)
        return p->start < q->start ? -1 : 1;
    return p->place < q->place ? -1 : p->place > q->place;
}

static bool plain_rises(const struct plain *p, const struct wish *w,
                        const struct plain_stand *stand, uint64_t at)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct plain_offer *o = &p->offers[i];
        uint64_t m = at - p->begin_min;
        if (plain_counts(p, w, o, stand->site, stand->sku) && m > 0 && m < PLAIN_MINUTES &&
            o->free[m] > o->free[m - 1] &&
            plain_free(p, o, at, w->duration_min) >= plain_block(w, o))
            return true;
    }
    return false;
}

/* Step 4 over the offers in the order of price and place. */
static void plain_take(const struct plain *p, const struct wish *w, const struct plain_stand *stand,
                       uint64_t start, struct match *m)
{
    memset(m, 0, sizeof(*m));
    m->start_min = start;
    for (size_t i = 0; i < p->count && m->gpus < w->gpus; i++) {
        const struct plain_offer *o = &p->offers[i];
        if (!plain_counts(p, w, o, stand->site, stand->sku))
            continue;
        uint32_t free = plain_free(p, o, start, w->duration_min);
        uint32_t least = 0;
        bool full = m->count == ORDER_LEASES_MAX;
        for (uint32_t k = 0; full && k < m->count; k++)
            least = m->parts[k].gpus <= m->parts[least].gpus ? k : least;
        uint32_t without = full ? m->gpus - m->parts[least].gpus : m->gpus;
        uint32_t gives = free < w->gpus - without ? free : w->gpus - without;
        gives = gives / plain_block(w, o) * plain_block(w, o);
        if (gives == 0 || (full && gives <= m->parts[least].gpus))
            continue;
        if (full) {
            memmove(&m->parts[least], &m->parts[least + 1],
                    (m->count - least - 1) * sizeof(m->parts[0]));
            m->count--;
        }
        m->parts[m->count++] = (struct match_part){
            .offer = offer_find(p->x, o->row.offer),
            .gpus = gives,
            .price_ucr = o->row.place < w->place ? o->row.price_ucr : plain_limit(w, o->row.sku),
        };
        m->gpus = without + gives;
    }
}

/* Steps 3 and 4: what one stand comes to. */
static void plain_stand_match(const struct plain *p, const struct wish *w,
                              const struct plain_stand *stand, struct match *best)
{
    memset(best, 0, sizeof(*best));
    for (uint64_t s = w->from_min; s <= w->until_min && best->gpus < w->gpus; s++) {
        if (s > w->from_min && !plain_rises(p, w, stand, s))
            continue;
        struct match m;
        plain_take(p, w, stand, s, &m);
        if (m.gpus > best->gpus)
            *best = m;
    }
}

static wide plain_price(const struct match *m)
{
    wide price = 0;
    for (uint32_t i = 0; i < m->count; i++)
        price += (wide)m->parts[i].price_ucr * m->parts[i].gpus;
    return price;
}

void plain_match(const struct plain *p, const struct wish *w, struct match *best)
{
    struct plain_stand stands[PLAIN_STANDS_MAX] = {{0}};
    size_t count = w->spread;
    memset(best, 0, sizeof(*best));
    for (uint64_t site = 1; !w->spread && site <= p->x->head.site_last; site++) {
        for (uint64_t sku = 1; sku <= p->x->head.sku_last; sku++) {
            stands[count] = (struct plain_stand){.site = site, .sku = sku};
            count += plain_rank(p, w, &stands[count]);
        }
    }
    if (count > 0)
        qsort(stands, count, sizeof(stands[0]), plain_stand_compare);
    for (size_t i = 0; i < count; i++) {
        struct match m;
        plain_stand_match(p, w, &stands[i], &m);
        if (m.gpus > best->gpus || (m.gpus == best->gpus && plain_price(&m) < plain_price(best)))
            *best = m;
    }
}
