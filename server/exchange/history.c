#include "server/exchange/history.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/moment.h"
#include "server/exchange/backstop_cover.h"

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

const struct listed *listed_find(const struct exchange *x, uint64_t offer)
{
    return offer < x->occupancy->listed_places ? x->occupancy->listed[offer] : NULL;
}

const struct listing_row *listing_find(const struct exchange *x, uint64_t offer, uint32_t part)
{
    struct listing_row key = {.offer = offer, .part = part};
    return store_find(x->store, TABLE_LISTING, &key);
}

/* --- What was listed for how long --- */

/* What a part leaves behind: no more than `gpus` until `until_min`. */
struct shadow {
    uint64_t gpus;
    uint64_t until_min;
};

/* Shadows in the order in which they end, each with more GPUs than the one before. */
struct shadows {
    struct shadow *items;
    size_t first;
    size_t end;
};

static void shadow_add(struct shadows *s, uint64_t gpus, uint64_t until_min)
{
    while (s->end > s->first && s->items[s->end - 1].gpus >= gpus)
        s->end--;
    s->items[s->end++] = (struct shadow){gpus, until_min};
}

/* [from, until) of a part with `gpus`, under the shadows. */
static void shadows_cast(struct shadows *s, uint64_t from, uint64_t until, uint64_t gpus,
                         struct steps *out)
{
    while (from < until) {
        while (s->first < s->end && s->items[s->first].until_min <= from)
            s->first++;
        bool dark = s->first < s->end && s->items[s->first].gpus < gpus;
        uint64_t end = dark ? earlier(s->items[s->first].until_min, until) : until;
        steps_add(out, from, end, (int64_t)(dark ? s->items[s->first].gpus : gpus));
        from = end;
    }
}

void history_stood(const struct exchange *x, const struct listed *l, uint64_t price_max_ucr,
                   uint64_t ahead_min, uint64_t from_min, uint64_t until_min, struct steps *out,
                   uint64_t *looks)
{
    const struct offer *o = offer_find(x, l->offer);
    uint64_t since = from_min > ahead_min ? from_min - ahead_min : 0;
    if (!o || l->until_min <= from_min)
        return;
    uint32_t part = l->parts;
    const struct listing_row *row = NULL;
    while (part > 0 && (row = listing_find(x, l->offer, part - 1)) && row->until_s / 60 > since)
        part--;
    *looks += l->parts - part + 1;
    struct shadows s = {.items = malloc((l->parts - part + 1) * sizeof(*s.items))};
    if (!s.items)
        memory_exhausted();
    if (part == 0 && ahead_min > 0)
        shadow_add(&s, 0, l->from_min + ahead_min);
    uint64_t first = later(from_min, o->start_min);
    for (; part < l->parts && (row = listing_find(x, l->offer, part)) != NULL; part++) {
        uint64_t gpus = row->price_ucr <= price_max_ucr ? row->gpus : 0;
        uint64_t end = row->until_s / 60;
        shadows_cast(&s, later(row->from_s / 60, first), earlier(end, until_min), gpus, out);
        if (ahead_min > 0)
            shadow_add(&s, gpus, end + ahead_min);
    }
    free(s.items);
}

bool history_stood_all(const struct exchange *x, const struct listed *l, uint64_t price_max_ucr,
                       uint64_t ahead_min, uint64_t from_min, uint64_t until_min,
                       uint64_t *gpus_out)
{
    const struct offer *o = offer_find(x, l->offer);
    const struct listing_row *last = l->parts > 0 ? listing_find(x, l->offer, l->parts - 1) : NULL;
    *gpus_out = 0;
    if (!o || l->until_min <= from_min)
        return true;
    /* As parts follow each other, no shadow of those before reaches further than this. */
    if (!last || o->start_min > from_min || last->from_s / 60 + ahead_min > from_min ||
        last->until_s / 60 < until_min)
        return false;
    *gpus_out = last->price_ucr <= price_max_ucr ? last->gpus : 0;
    return true;
}

/* --- Index --- */

static struct listed *listed_get(struct exchange *x, const struct listing_row *row)
{
    struct occupancy_index *index = x->occupancy;
    uint64_t offer = row->offer;
    if (offer >= index->listed_places) {
        size_t places = index->listed_places ? index->listed_places : 64;
        while (places <= offer)
            places *= 2;
        struct listed **grown = realloc(index->listed, places * sizeof(*grown));
        if (!grown)
            memory_exhausted();
        memset(grown + index->listed_places, 0, (places - index->listed_places) * sizeof(*grown));
        index->listed = grown;
        index->listed_places = places;
    }
    if (!index->listed[offer]) {
        struct listed *l = memory_zeroed(1, sizeof(*l));
        l->offer = offer;
        l->stand = stand_get(x, row->site, row->sku);
        l->next = l->stand->offers;
        l->stand->offers = l;
        l->stand->offers_count++;
        l->from_min = l->until_min = row->from_s / 60;
        index->listed[offer] = l;
    }
    return index->listed[offer];
}

static void listed_drop(struct exchange *x, struct listed *l)
{
    struct listed **at = &l->stand->offers;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    l->stand->offers_count--;
    for (struct cover *c = l->stand->covers; c; c = c->next)
        cover_unlist(c, l);
    x->occupancy->listed[l->offer] = NULL;
    free(l);
}

/* Whether a row belongs to an offer as rows do that the rules have put. */
static bool listing_fits(const struct exchange *x, const struct listing_row *row)
{
    const struct offer *o = offer_find(x, row->offer);
    return o && o->lease == 0 && o->site == row->site && o->sku == row->sku &&
           row->from_s % 60 == 0 && row->until_s % 60 == 0 && row->from_s < row->until_s &&
           row->until_s <= TIME_MAX_S && row->gpus > 0 && row->gpus <= GPUS_MAX;
}

/* The GPUs of a part are free but for what is leased: they come (1) or go (-1). */
static void part_change(struct stand *p, const struct offer *o, const struct listing_row *row,
                        int64_t sign)
{
    uint64_t from = later(row->from_s / 60, o->start_min);
    uint64_t until = row->until_s / 60;
    if (from >= until)
        return;
    stand_change(p, from, CURVE_FREE, sign < 0 ? -(int64_t)row->gpus : (int64_t)row->gpus);
    stand_change(p, until, CURVE_FREE, -sign < 0 ? -(int64_t)row->gpus : (int64_t)row->gpus);
}

/* What is leased over [from, until) counts against what is listed there (1) or does no more (-1).
 */
static void leased_change(struct stand *p, const struct offer *o, uint64_t from, uint64_t until,
                          int64_t sign)
{
    uint64_t at = later(later(from, o->start_min), p->curve.kept_min);
    while (at < until) {
        struct piece piece = steps_piece(&o->taken, at);
        uint64_t end = earlier(piece.until, until);
        stand_change(p, at, CURVE_FREE, -sign < 0 ? -(int64_t)piece.value : (int64_t)piece.value);
        stand_change(p, end, CURVE_FREE, sign < 0 ? -(int64_t)piece.value : (int64_t)piece.value);
        at = end;
    }
}

static void listed_set_until(struct listed *l, const struct offer *o, uint64_t until_min)
{
    if (until_min > l->until_min)
        leased_change(l->stand, o, l->until_min, until_min, 1);
    else
        leased_change(l->stand, o, until_min, l->until_min, -1);
    l->until_min = until_min;
}

void history_hook(void *context, const void *old_row, const void *new_row)
{
    struct exchange *x = context;
    const struct listing_row *old = old_row;
    const struct listing_row *new = new_row;
    const struct listing_row *any = new ? new : old;
    if (!listing_fits(x, any) || (old && new && !listing_fits(x, old))) {
        x->occupancy->kept_out += !old && new;
        return;
    }
    struct listed *l = listed_get(x, any);
    const struct offer *o = offer_find(x, any->offer);
    /* Parts come and go at the end. */
    if (any->part != l->parts - (old ? 1 : 0) && !(old && new && any->part < l->parts)) {
        x->occupancy->kept_out += !old && new;
        if (l->parts == 0)
            listed_drop(x, l);
        return;
    }
    if (old)
        part_change(l->stand, o, old, -1);
    if (new)
        part_change(l->stand, o, new, 1);
    if (!old) {
        l->from_min = any->part == 0 ? any->from_s / 60 : l->from_min;
        l->until_min = l->parts == 0 ? l->from_min : l->until_min;
        l->parts++;
        occupancy_count(x, 1);
    } else if (!new) {
        l->parts--;
        occupancy_count(x, -1);
    }
    uint64_t until_min = l->from_min;
    const struct listing_row *last = l->parts > 0 ? listing_find(x, l->offer, l->parts - 1) : NULL;
    if (last)
        until_min = last->until_s / 60;
    listed_set_until(l, o, until_min);
    for (struct cover *c = l->stand->covers; c; c = c->next)
        cover_list(x, c, l);
    if (l->parts == 0)
        listed_drop(x, l);
}

void history_take(struct exchange *x, struct stand *p, const struct offer *o, uint64_t from_min,
                  uint64_t to_min, int64_t gpus)
{
    const struct listed *l = listed_find(x, o->offer);
    if (!l)
        return;
    uint64_t from = later(from_min, later(l->from_min, o->start_min));
    uint64_t until = earlier(to_min, l->until_min);
    if (from < until) {
        stand_change(p, from, CURVE_FREE, -gpus);
        stand_change(p, until, CURVE_FREE, gpus);
    }
    for (struct cover *c = p->covers; c; c = c->next)
        cover_take(c, o, from_min, to_min, gpus);
}

/* --- What the rules note --- */

static uint32_t listed_parts(const struct exchange *x, uint64_t offer)
{
    const struct listed *l = listed_find(x, offer);
    return l ? l->parts : 0;
}

/* The last part; NULL when the offer has none. */
static const struct listing_row *listing_last(const struct exchange *x, uint64_t offer)
{
    uint32_t parts = listed_parts(x, offer);
    return parts > 0 ? listing_find(x, offer, parts - 1) : NULL;
}

/* The part that holds a minute, of the last two; NULL when none does. */
static const struct listing_row *listing_at(const struct exchange *x, uint64_t offer, uint64_t at_s)
{
    uint32_t parts = listed_parts(x, offer);
    const struct listing_row *row = listing_last(x, offer);
    if (row && row->from_s > at_s)
        row = parts > 1 ? listing_find(x, offer, parts - 2) : NULL;
    return row;
}

/* What stood from at_s on stands no more. */
static void listing_cut(struct exchange *x, uint64_t offer, uint64_t at_s)
{
    const struct listing_row *found;
    while ((found = listing_last(x, offer)) != NULL && found->until_s > at_s) {
        struct listing_row row = *found;
        row.until_s = at_s;
        if (row.from_s < at_s)
            store_put(x->store, TABLE_LISTING, &row);
        else
            store_remove(x->store, TABLE_LISTING, &row);
    }
}

/* Stands from at_s on, behind what stood before. */
static void listing_put(struct exchange *x, const struct listing_row *as, uint64_t from_s,
                        uint64_t until_s)
{
    const struct listing_row *last = listing_last(x, as->offer);
    struct listing_row row = *as;
    row.from_s = from_s;
    row.until_s = until_s;
    row.part = listed_parts(x, as->offer);
    if (last && last->until_s == from_s && last->gpus == as->gpus &&
        last->price_ucr == as->price_ucr) {
        row.from_s = last->from_s;
        row.part = last->part;
    }
    store_put(x->store, TABLE_LISTING, &row);
}

/* An offer that is amended: its minute counts as the worst that stood in it, or whoever is dear, or
 * small, but at the ends of minutes would be listed all the time. */
static void listing_amend(struct exchange *x, const struct listing_row *as, uint64_t now_s,
                          uint64_t end_s)
{
    const struct listing_row *before = listing_at(x, as->offer, now_s);
    struct listing_row minute = *as;
    if (before && x->head.time_s > now_s) {
        minute.gpus = before->gpus < as->gpus ? before->gpus : as->gpus;
        minute.price_ucr = before->price_ucr > as->price_ucr ? before->price_ucr : as->price_ucr;
    }
    listing_cut(x, as->offer, now_s);
    bool worse = minute.gpus != as->gpus || minute.price_ucr != as->price_ucr;
    if (worse && now_s < end_s) {
        listing_put(x, &minute, now_s, now_s + 60);
        now_s += 60;
    }
    if (now_s < end_s)
        listing_put(x, as, now_s, end_s);
}

/* The offer stands on as it does, until another end. */
static void listing_end(struct exchange *x, const struct listing_row *last, uint64_t end_s)
{
    struct listing_row row = *last;
    row.until_s = end_s;
    store_put(x->store, TABLE_LISTING, &row);
}

uint64_t listing_until_s(const struct offer_row *offer)
{
    uint64_t least_s = (uint64_t)offer->lease_min_min * 60;
    uint64_t end_s = minute_floor(offer->end_s);
    /* While it moves on it is always long enough, however late the tick that moves it. */
    bool moves = offer->standing_min != 0 && (offer->until_s == 0 || offer->end_s < offer->until_s);
    return !moves && least_s > 60 && end_s + 60 > least_s ? end_s + 60 - least_s : end_s;
}

void listing_note(struct exchange *x, const struct offer_row *offer)
{
    const struct listing_row *last = listing_last(x, offer->offer);
    const struct listing_row as = {
        .offer = offer->offer,
        .gpus = offer->gpus,
        .site = offer->site,
        .sku = offer->sku,
        .price_ucr = offer->price_ucr,
    };
    uint64_t now_s = minute_floor(x->head.time_s);
    uint64_t until_s = later(listing_until_s(offer), now_s);
    if (offer->lease != 0 || offer->state == OFFER_STATE_ENDED)
        return;
    if (last && last->until_s < now_s)
        return; /* what nobody could have any more does not come back */
    if (offer->state == OFFER_STATE_WITHDRAWN)
        listing_cut(x, offer->offer, now_s);
    else if (!last || last->gpus != as.gpus || last->price_ucr != as.price_ucr ||
             last->from_s >= until_s)
        listing_amend(x, &as, now_s, until_s);
    else if (last->until_s != until_s)
        listing_end(x, last, until_s);
}
