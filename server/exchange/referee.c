#include "server/exchange/referee.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/exchange/match.h"
#include "server/exchange/order.h"
#include "server/exchange/referee_rows.h"
#include "server/exchange/rest.h"
#include "server/exchange/series.h"

struct referee {
    struct exchange *x;
    void (*report)(void *context, const char *line);
    void *context;
    struct referee_counts counts;
    struct referee_rows rows;
};

static void referee_found(struct referee *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void referee_found(struct referee *r, const char *format, ...)
{
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    r->counts.found++;
    r->report(r->context, line);
}

/* --- The procedure of match.h, worked out the long way -------------------------------------- */

/* What one (stand, start) comes to. */
struct trial {
    uint64_t start_min;
    uint32_t gpus;
    uint32_t count;
    struct {
        const struct offer_row *offer;
        uint32_t gpus;
    } parts[ORDER_LEASES_MAX];
};

/* The offers that count at one stand; a spread order has one stand for all of them. */
struct stand {
    const struct offer_row **offers; /* by price, then place; owned */
    size_t count;
    uint64_t price_ucr; /* its rank */
    uint64_t start_min;
    uint64_t place;
};

static uint32_t common_block(uint32_t a, uint32_t b)
{
    uint32_t x = a;
    uint32_t y = b;
    while (y != 0) {
        uint32_t rest = x % y;
        x = y;
        y = rest;
    }
    uint64_t common = (uint64_t)a / x * b;
    return common <= UINT32_MAX ? (uint32_t)common : UINT32_MAX;
}

/* Step 1. */
static bool offer_counts(const struct referee *r, const struct wish *w, const struct offer_row *o)
{
    return common_block(o->block_gpus, w->block_gpus) <= w->gpus && referee_counts_in(r->x, w, o);
}

static uint32_t gives(struct referee *r, const struct wish *w, const struct offer_row *o,
                      uint64_t start_min, uint32_t missing)
{
    uint32_t block = common_block(o->block_gpus, w->block_gpus);
    uint32_t free = referee_free_gpus(&r->rows, o, start_min, start_min + w->duration_min);
    uint32_t most = free < missing ? free : missing;
    return most - most % block;
}

/* Step 4: the candidates give in their order. */
static void trial_run(struct referee *r, const struct wish *w, const struct stand *stand,
                      uint64_t start_min, struct trial *t)
{
    memset(t, 0, sizeof(*t));
    t->start_min = start_min;
    for (size_t i = 0; i < stand->count && t->gpus < w->gpus; i++) {
        const struct offer_row *o = stand->offers[i];
        if (t->count < ORDER_LEASES_MAX) {
            uint32_t gpus = gives(r, w, o, start_min, w->gpus - t->gpus);
            if (gpus == 0)
                continue;
            t->parts[t->count].offer = o;
            t->parts[t->count++].gpus = gpus;
            t->gpus += gpus;
            continue;
        }
        uint32_t least = 0;
        for (uint32_t k = 1; k < t->count; k++) {
            if (t->parts[k].gpus <= t->parts[least].gpus)
                least = k;
        }
        uint32_t without = t->gpus - t->parts[least].gpus;
        uint32_t gpus = gives(r, w, o, start_min, w->gpus - without);
        if (gpus <= t->parts[least].gpus)
            continue;
        memmove(&t->parts[least], &t->parts[least + 1],
                (t->count - least - 1) * sizeof(t->parts[0]));
        t->parts[t->count - 1].offer = o;
        t->parts[t->count - 1].gpus = gpus;
        t->gpus = without + gpus;
    }
}

static int minute_compare(const void *a, const void *b)
{
    uint64_t p = *(const uint64_t *)a;
    uint64_t q = *(const uint64_t *)b;
    return p < q ? -1 : p > q;
}

/* Whether an offer that can give something from this minute on has more free than in the one
 * before. */
static bool start_counts(struct referee *r, const struct wish *w, const struct stand *stand,
                         uint64_t start_min)
{
    for (size_t i = 0; i < stand->count; i++) {
        const struct offer_row *o = stand->offers[i];
        if (gives(r, w, o, start_min, w->gpus) > 0 &&
            referee_free_gpus(&r->rows, o, start_min, start_min + 1) >
                referee_free_gpus(&r->rows, o, start_min - 1, start_min))
            return true;
    }
    return false;
}

/* Steps 3 and 5 at one stand; true when it reaches all that is wanted. */
static bool stand_run(struct referee *r, const struct wish *w, const struct stand *stand,
                      struct trial *best)
{
    struct minutes starts = {NULL, 0, 0};
    minutes_add(&starts, w->from_min);
    for (size_t i = 0; i < stand->count; i++)
        referee_changes(&r->rows, stand->offers[i], w->from_min, w->until_min, &starts);
    qsort(starts.items, starts.count, sizeof(starts.items[0]), minute_compare);
    bool reached = false;
    for (size_t i = 0; i < starts.count && !reached; i++) {
        if (i > 0 &&
            (starts.items[i] == starts.items[i - 1] || !start_counts(r, w, stand, starts.items[i])))
            continue;
        struct trial t;
        trial_run(r, w, stand, starts.items[i], &t);
        if (t.gpus > best->gpus)
            *best = t;
        reached = t.gpus == w->gpus;
    }
    free(starts.items);
    return reached;
}

static int offer_compare(const void *a, const void *b)
{
    const struct offer_row *p = *(const struct offer_row *const *)a;
    const struct offer_row *q = *(const struct offer_row *const *)b;
    if (p->price_ucr != q->price_ucr)
        return p->price_ucr < q->price_ucr ? -1 : 1;
    return p->place < q->place ? -1 : p->place > q->place;
}

/* Step 2: the rank is that of the best candidate; false when there is none. */
static bool stand_rank(struct referee *r, const struct wish *w, struct stand *stand)
{
    bool found = false;
    qsort(stand->offers, stand->count, sizeof(stand->offers[0]), offer_compare);
    for (size_t i = 0; i < stand->count; i++) {
        const struct offer_row *o = stand->offers[i];
        uint64_t start;
        if (found && o->price_ucr > stand->price_ucr)
            break;
        if (!referee_earliest(&r->rows, o, w->from_min, w->until_min, w->duration_min,
                              common_block(o->block_gpus, w->block_gpus), &start))
            continue;
        if (!found || start < stand->start_min) {
            stand->price_ucr = o->price_ucr;
            stand->start_min = start;
            stand->place = o->place;
        }
        found = true;
    }
    return found;
}

static int stand_compare(const void *a, const void *b)
{
    const struct stand *p = a;
    const struct stand *q = b;
    if (p->price_ucr != q->price_ucr)
        return p->price_ucr < q->price_ucr ? -1 : 1;
    if (p->start_min != q->start_min)
        return p->start_min < q->start_min ? -1 : 1;
    return p->place < q->place ? -1 : p->place > q->place;
}

struct stands {
    struct stand *items;
    size_t count;
};

static void stands_add(struct stands *s, const struct wish *w, const struct offer_row *o)
{
    size_t i = 0;
    while (i < s->count && !w->spread &&
           (s->items[i].offers[0]->site != o->site || s->items[i].offers[0]->sku != o->sku))
        i++;
    if (i == s->count) {
        s->items = referee_grow(s->items, s->count + 1, sizeof(s->items[0]));
        s->items[s->count++] = (struct stand){.offers = NULL};
    }
    struct stand *stand = &s->items[i];
    stand->offers = referee_grow(stand->offers, stand->count + 1, sizeof(stand->offers[0]));
    stand->offers[stand->count++] = o;
}

/* The whole procedure. `asked` is the offer that resting orders are being asked about; 0: none. */
static void referee_match(struct referee *r, const struct wish *w, uint64_t asked,
                          struct trial *best)
{
    struct stands stands = {NULL, 0};
    memset(best, 0, sizeof(*best));
    for (uint64_t serial = 1; serial <= r->x->head.offer_last; serial++) {
        const struct offer_row *o = offer_row_find(r->x, serial);
        if (o != NULL && (!o->asking || serial == asked) && offer_counts(r, w, o))
            stands_add(&stands, w, o);
    }
    size_t ranked = 0;
    for (size_t i = 0; i < stands.count; i++) {
        struct stand stand = stands.items[i];
        if (stand_rank(r, w, &stand))
            stands.items[ranked++] = stand;
        else
            free(stand.offers);
    }
    if (ranked > 0)
        qsort(stands.items, ranked, sizeof(stands.items[0]), stand_compare);
    bool reached = false;
    for (size_t i = 0; i < ranked; i++) {
        reached = reached || stand_run(r, w, &stands.items[i], best);
        free(stands.items[i].offers);
    }
    free(stands.items);
}

/* --- Comparing ------------------------------------------------------------------------------ */

static uint64_t trade_price(const struct wish *w, const struct offer_row *o)
{
    if (o->place < w->place)
        return o->price_ucr;
    for (uint32_t i = 0; i < w->skus_count; i++) {
        if (w->skus[i].sku == o->sku)
            return w->skus[i].limit_price_ucr;
    }
    return o->price_ucr;
}

static bool trial_is(const struct wish *w, const struct trial *t, const struct match *m)
{
    if (t->gpus != m->gpus ||
        (t->gpus > 0 && (t->start_min != m->start_min || t->count != m->count)))
        return false;
    for (uint32_t i = 0; i < t->count; i++) {
        if (t->parts[i].offer->offer != m->parts[i].offer->offer ||
            t->parts[i].gpus != m->parts[i].gpus ||
            trade_price(w, t->parts[i].offer) != m->parts[i].price_ucr)
            return false;
    }
    return true;
}

/* The first part in which they differ. */
static void parts_report(struct referee *r, const struct wish *w, const struct trial *t,
                         const struct match *m)
{
    uint32_t i = 0;
    while (i < t->count && i < m->count && t->parts[i].offer->offer == m->parts[i].offer->offer &&
           t->parts[i].gpus == m->parts[i].gpus &&
           trade_price(w, t->parts[i].offer) == m->parts[i].price_ucr)
        i++;
    char line[256];
    int length = snprintf(line, sizeof(line), "    part %u:", i);
    if (i < m->count)
        length += snprintf(line + length, sizeof(line) - (size_t)length,
                           " the rules %u GPUs of offer %" PRIu64 " at %" PRIu64, m->parts[i].gpus,
                           m->parts[i].offer->offer, m->parts[i].price_ucr);
    if (i < t->count)
        snprintf(line + length, sizeof(line) - (size_t)length,
                 " the referee %u GPUs of offer %" PRIu64 " at %" PRIu64, t->parts[i].gpus,
                 t->parts[i].offer->offer, trade_price(w, t->parts[i].offer));
    if (i < m->count || i < t->count)
        r->report(r->context, line);
}

static void referee_matched(void *context, const struct wish *w, const struct match *m)
{
    struct referee *r = context;
    if (m->looks >= MATCH_LOOKS_MAX) {
        r->counts.abandoned++;
        return;
    }
    struct trial t;
    referee_match(r, w, r->x->asked_offer, &t);
    r->counts.matches++;
    if (trial_is(w, &t, m))
        return;
    referee_found(r,
                  "group %" PRIu64 ", log index %" PRIu64 ": account %u wants %u GPUs: the rules "
                  "found %u in %u parts from minute %" PRIu64
                  ", the referee %u in %u from %" PRIu64,
                  r->x->head.group, r->x->head.log_size, w->account, w->gpus, m->gpus, m->count,
                  m->start_min, t.gpus, t.count, t.start_min);
    parts_report(r, w, &t, m);
}

/* Whether some offer that counts gives more than single GPUs. */
static bool wish_has_blocks(struct referee *r, const struct wish *w)
{
    for (uint64_t serial = 1; serial <= r->x->head.offer_last; serial++) {
        const struct offer_row *o = offer_row_find(r->x, serial);
        if (o != NULL && common_block(o->block_gpus, w->block_gpus) > 1 && offer_counts(r, w, o))
            return true;
    }
    return false;
}

/*
 * Whether a resting order could be filled now with the offer that is asked about, and not without
 * it: what it could have had before, when nothing asked it (its account was frozen, say), says
 * nothing of this offer. Orders that blocks matter to are left out, since one that got nothing when
 * its turn came may fit after a later one has taken some (ask.h).
 */
static bool order_could(struct referee *r, const struct rest_row *rest, uint64_t site)
{
    const struct order_row *order = order_find(r->x, rest->order);
    struct arena arena = ARENA_EMPTY;
    struct wish w;
    struct trial with = {.gpus = 0};
    struct trial without = {.gpus = 0};
    bool could = false;
    bool live = order != NULL && order_is_live(r->x, order, rest) &&
                order->duration_min <= rest_left(r->x, offer_find(r->x, r->x->asked_offer));
    if (live)
        wish_from_rest(r->x, order, rest, &arena, &w);
    if (live && !w.spread && w.site != 0 && w.site != site)
        live = false;
    if (live) {
        if (!w.spread)
            w.site = site;
        referee_match(r, &w, r->x->asked_offer, &with);
        could = with.gpus > 0 && with.gpus >= w.gpus_min && !wish_has_blocks(r, &w);
    }
    if (could) {
        referee_match(r, &w, 0, &without);
        could = without.gpus == 0 || without.gpus < w.gpus_min;
    }
    arena_release(&arena);
    return could;
}

struct left {
    struct referee *r;
    const struct offer_row *offer;
    uint64_t before_limit_ucr; /* only orders before this place are looked at */
    uint64_t before_place;
    uint64_t first; /* the first that could be filled; 0: none */
};

static bool left_look(void *context, const struct rest_row *rest, uint64_t limit_ucr)
{
    struct left *l = context;
    if (limit_ucr < l->offer->price_ucr || limit_ucr < l->before_limit_ucr ||
        (limit_ucr == l->before_limit_ucr && rest->place >= l->before_place))
        return false;
    if (order_could(l->r, rest, l->offer->site))
        l->first = rest->order;
    return l->first == 0;
}

/* An order is about to be filled with the offer: nobody before it could be. */
static void referee_fills(void *context, uint64_t offer, const struct rest_row *rest,
                          uint64_t limit_ucr)
{
    struct referee *r = context;
    struct left l = {.r = r,
                     .offer = offer_row_find(r->x, offer),
                     .before_limit_ucr = limit_ucr,
                     .before_place = rest->place};
    const struct order_row *order = order_find(r->x, rest->order);
    const struct lease_row *lease = store_find(r->x->store, TABLE_LEASE, &order->lease_first);
    if (lease != NULL &&
        (rest->start_from_s != lease->start_s || rest->start_until_s != lease->start_s))
        referee_found(
            r, "group %" PRIu64 ": order %" PRIu64 " may be filled apart from its first lease",
            r->x->head.group, rest->order);
    rest_each(r->x, l.offer->sku, left_look, &l);
    if (l.first != 0)
        referee_found(r,
                      "group %" PRIu64 ": offer %" PRIu64 " fills order %" PRIu64 " before order "
                      "%" PRIu64 ", which has the better price or is older",
                      r->x->head.group, offer, rest->order, l.first);
}

/* All have been asked: nobody is left who could be filled. */
static void referee_asked(void *context, uint64_t offer)
{
    struct referee *r = context;
    struct left l = {.r = r, .offer = offer_row_find(r->x, offer), .before_place = UINT64_MAX};
    r->counts.asked++;
    rest_each(r->x, l.offer->sku, left_look, &l);
    if (l.first != 0)
        referee_found(r,
                      "group %" PRIu64 ": offer %" PRIu64 " was passed on although order %" PRIu64
                      " could be filled",
                      r->x->head.group, offer, l.first);
}

/* --- Life ----------------------------------------------------------------------------------- */

struct referee *referee_new(struct exchange *x, void (*report)(void *context, const char *line),
                            void *context)
{
    struct referee *r = calloc(1, sizeof(*r));
    if (r == NULL)
        memory_exhausted();
    r->x = x;
    r->report = report;
    r->context = context;
    referee_rows_init(&r->rows, x);
    x->witness = (struct witness){referee_matched, referee_fills, referee_asked, r};
    return r;
}

void referee_free(struct referee *r)
{
    if (r == NULL)
        return;
    r->x->witness = (struct witness){NULL, NULL, NULL, NULL};
    referee_rows_release(&r->rows);
    free(r);
}

struct referee_counts referee_counts(const struct referee *r)
{
    return r->counts;
}
