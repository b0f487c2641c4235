#include "server/exchange/referee_match.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/amount.h"
#include "server/exchange/ask_site.h"

/* The offers that count at one stand; a spread order has one stand for all of them. */
struct stand {
    struct held **offers; /* by price, then place; owned */
    size_t count;
    uint64_t price_ucr; /* its rank */
    uint64_t start_min;
    uint64_t place;
};

uint32_t referee_block(const struct wish *w, const struct offer_row *o)
{
    uint32_t x = o->block_gpus;
    uint32_t y = w->block_gpus;
    while (y != 0) {
        uint32_t rest = x % y;
        x = y;
        y = rest;
    }
    uint64_t common = (uint64_t)o->block_gpus / x * w->block_gpus;
    return common <= UINT32_MAX ? (uint32_t)common : UINT32_MAX;
}

/* Step 1. Not what has yet to be asked about since its site counts again, and somebody may want. */
bool referee_admits(struct referee_rows *rows, const struct wish *w, const struct offer_row *o)
{
    const struct ask_site_row *site = ask_site_find(rows->x, o->site);
    bool waits =
        site != NULL && o->offer >= site->offer_next && referee_waits(rows, o->sku, o->price_ucr);
    return referee_counts_in(rows->x, w, o) && !waits && referee_block(w, o) <= w->gpus;
}

/* Step 4: the resting side's price. */
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

static uint32_t gives(struct referee_rows *rows, const struct wish *w, struct held *h,
                      uint64_t start_min, uint32_t missing)
{
    uint32_t block = referee_block(w, h->row);
    uint32_t free = referee_free_gpus(rows, h, start_min, start_min + w->duration_min);
    uint32_t most = free < missing ? free : missing;
    return most - most % block;
}

static struct trial_part trial_part_of(const struct wish *w, const struct offer_row *o,
                                       uint32_t gpus)
{
    return (struct trial_part){.offer = o->offer, .gpus = gpus, .price_ucr = trade_price(w, o)};
}

/* Step 4: the candidates give in their order. */
static void trial_run(struct referee_rows *rows, const struct wish *w, const struct stand *stand,
                      uint64_t start_min, struct trial *t)
{
    memset(t, 0, sizeof(*t));
    t->start_min = start_min;
    for (size_t i = 0; i < stand->count && t->gpus < w->gpus; i++) {
        struct held *o = stand->offers[i];
        if (t->count < ORDER_LEASES_MAX) {
            uint32_t gpus = gives(rows, w, o, start_min, w->gpus - t->gpus);
            if (gpus == 0)
                continue;
            t->parts[t->count++] = trial_part_of(w, o->row, gpus);
            t->gpus += gpus;
            continue;
        }
        uint32_t least = 0;
        for (uint32_t k = 1; k < t->count; k++) {
            if (t->parts[k].gpus <= t->parts[least].gpus)
                least = k;
        }
        uint32_t without = t->gpus - t->parts[least].gpus;
        uint32_t gpus = gives(rows, w, o, start_min, w->gpus - without);
        if (gpus <= t->parts[least].gpus)
            continue;
        memmove(&t->parts[least], &t->parts[least + 1],
                (t->count - least - 1) * sizeof(t->parts[0]));
        t->parts[t->count - 1] = trial_part_of(w, o->row, gpus);
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
static bool start_counts(struct referee_rows *rows, const struct wish *w, const struct stand *stand,
                         uint64_t start_min)
{
    for (size_t i = 0; i < stand->count; i++) {
        struct held *o = stand->offers[i];
        if (referee_free_gpus(rows, o, start_min, start_min + 1) >
                referee_free_gpus(rows, o, start_min - 1, start_min) &&
            gives(rows, w, o, start_min, w->gpus) > 0)
            return true;
    }
    return false;
}

/* Step 3: what one stand comes to. */
static void stand_run(struct referee_rows *rows, const struct wish *w, const struct stand *stand,
                      struct trial *best)
{
    struct minutes starts = {NULL, 0};
    memset(best, 0, sizeof(*best));
    minutes_add(&starts, w->from_min);
    for (size_t i = 0; i < stand->count; i++)
        referee_changes(rows, stand->offers[i], w->from_min, w->until_min, &starts);
    qsort(starts.items, starts.count, sizeof(starts.items[0]), minute_compare);
    for (size_t i = 0; i < starts.count && best->gpus < w->gpus; i++) {
        if (i > 0 && (starts.items[i] == starts.items[i - 1] ||
                      !start_counts(rows, w, stand, starts.items[i])))
            continue;
        struct trial t;
        trial_run(rows, w, stand, starts.items[i], &t);
        if (t.gpus > best->gpus)
            *best = t;
    }
    free(starts.items);
}

static int offer_compare(const void *a, const void *b)
{
    const struct offer_row *p = (*(const struct held *const *)a)->row;
    const struct offer_row *q = (*(const struct held *const *)b)->row;
    if (p->price_ucr != q->price_ucr)
        return p->price_ucr < q->price_ucr ? -1 : 1;
    return p->place < q->place ? -1 : p->place > q->place;
}

/* Step 2. The rank is that of the best candidate; false when there is none. */
static bool stand_rank(struct referee_rows *rows, const struct wish *w, struct stand *stand)
{
    bool found = false;
    qsort(stand->offers, stand->count, sizeof(stand->offers[0]), offer_compare);
    for (size_t i = 0; i < stand->count; i++) {
        const struct offer_row *o = stand->offers[i]->row;
        uint64_t start;
        if (found && o->price_ucr > stand->price_ucr)
            break;
        if (!referee_earliest(rows, stand->offers[i], w->from_min, w->until_min, w->duration_min,
                              referee_block(w, o), &start))
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

static void stands_add(struct stands *s, const struct wish *w, struct held *h)
{
    size_t i = 0;
    while (i < s->count && !w->spread &&
           (s->items[i].offers[0]->row->site != h->row->site ||
            s->items[i].offers[0]->row->sku != h->row->sku))
        i++;
    if (i == s->count) {
        s->items = referee_grow(s->items, s->count + 1, sizeof(s->items[0]));
        s->items[s->count++] = (struct stand){.offers = NULL};
    }
    struct stand *stand = &s->items[i];
    stand->offers = referee_grow(stand->offers, stand->count + 1, sizeof(stand->offers[0]));
    stand->offers[stand->count++] = h;
}

static wide trial_price(const struct trial *t)
{
    wide sum = 0;
    for (uint32_t i = 0; i < t->count; i++)
        sum += (wide)t->parts[i].gpus * t->parts[i].price_ucr;
    return sum;
}

/* Step 2: whether what a stand came to is better than that of those before it. */
static bool trial_is_better(const struct trial *t, const struct trial *best)
{
    if (t->gpus != best->gpus)
        return t->gpus > best->gpus;
    return trial_price(t) < trial_price(best);
}

void referee_match(struct referee_rows *rows, const struct wish *w, uint64_t asked,
                   struct trial *best)
{
    struct stands stands = {NULL, 0};
    memset(best, 0, sizeof(*best));
    for (size_t i = 0; i < rows->held_count; i++) {
        struct held *h = &rows->held[i];
        if (h->row != NULL && (!h->row->asking || h->offer == asked) &&
            referee_admits(rows, w, h->row))
            stands_add(&stands, w, h);
    }
    size_t ranked = 0;
    for (size_t i = 0; i < stands.count; i++) {
        struct stand stand = stands.items[i];
        if (stand_rank(rows, w, &stand))
            stands.items[ranked++] = stand;
        else
            free(stand.offers);
    }
    if (ranked > 0)
        qsort(stands.items, ranked, sizeof(stands.items[0]), stand_compare);
    bool over = false;
    for (size_t i = 0; i < ranked; i++) {
        struct trial t;
        /* Nothing of a stand costs less than its best candidate. */
        over = over || (best->gpus == w->gpus &&
                        (wide)w->gpus * stands.items[i].price_ucr >= trial_price(best));
        if (!over) {
            stand_run(rows, w, &stands.items[i], &t);
            if (trial_is_better(&t, best))
                *best = t;
        }
        free(stands.items[i].offers);
    }
    free(stands.items);
}
