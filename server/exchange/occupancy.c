#include "server/exchange/occupancy.h"

#include <stdlib.h>

#include "protocol/moment.h"
#include "server/exchange/backstop_cover.h"
#include "server/exchange/due.h"
#include "server/exchange/history.h"
#include "server/exchange/index.h"
#include "server/exchange/offer.h"
#include "server/exchange/site.h"

enum { DAY_MIN = 24 * 60 };

static int stand_compare(const struct stand *a, const struct stand *b)
{
    int order = number_compare(a->site, b->site);
    return order != 0 ? order : number_compare(a->sku, b->sku);
}

TREE_GENERATE(stand_tree, stand, link, stand_compare)

struct stand *stand_find(const struct exchange *x, uint64_t site, uint64_t sku)
{
    struct stand key = {.site = site, .sku = sku};
    return RB_FIND(stand_tree, &x->occupancy->stands, &key);
}

/* The first stand at or behind (site, sku). */
static struct stand *stand_from(const struct exchange *x, uint64_t site, uint64_t sku)
{
    struct stand key = {.site = site, .sku = sku};
    return RB_NFIND(stand_tree, &x->occupancy->stands, &key);
}

struct stand *stand_at(const struct exchange *x, uint64_t site, uint64_t sku)
{
    struct stand *p = stand_from(x, site, sku);
    return p && p->site == site ? p : NULL;
}

const struct stand *stand_first(const struct exchange *x)
{
    return RB_MIN(stand_tree, &x->occupancy->stands);
}

const struct stand *stand_next(const struct stand *s)
{
    return RB_NEXT(stand_tree, NULL, (struct stand *)s);
}

/* --- Where the days stand --- */

static void due_set(struct exchange *x, bool put)
{
    struct due_item item = {.due_s = x->occupancy->day_min * 60 + DAY_S, .kind = DUE_OCCUPANCY};
    if (put)
        due_put(x, item);
    else
        due_remove(x, item);
}

void occupancy_count(struct exchange *x, int rows)
{
    struct occupancy_index *index = x->occupancy;
    bool before = index->rows > 0;
    index->rows += (uint64_t)(int64_t)rows;
    if (before != (index->rows > 0))
        due_set(x, !before);
}

/* The days up to `day_min` are done, and of that one the stands up to (site, sku). */
static void days_set(struct exchange *x, uint64_t day_min, uint64_t site, uint64_t sku)
{
    struct occupancy_index *index = x->occupancy;
    if (index->rows > 0)
        due_set(x, false);
    index->day_min = day_min;
    index->done_site = site;
    index->done_sku = sku;
    if (index->rows > 0)
        due_set(x, true);
}

/* The first stand: while the image is loaded the head's row alone says where the days stand. */
static void days_read(struct exchange *x)
{
    uint32_t id = 0;
    const struct head_row *head = store_find(x->store, TABLE_HEAD, &id);
    if (head && head->occupancy_s <= TIME_MAX_S)
        days_set(x, head->occupancy_s / 60, head->occupancy_site, head->occupancy_sku);
}

/* Where the days of a stand stand. */
static uint64_t stand_day(const struct occupancy_index *index, uint64_t site, uint64_t sku)
{
    bool done = site < index->done_site || (site == index->done_site && sku <= index->done_sku);
    return index->day_min + (done ? DAY_MIN : 0);
}

struct stand *stand_get(struct exchange *x, uint64_t site, uint64_t sku)
{
    struct stand *p = stand_find(x, site, sku);
    if (p)
        return p;
    if (x->occupancy->stands_count == 0)
        days_read(x);
    p = calloc(1, sizeof(*p));
    if (!p)
        memory_exhausted();
    p->site = site;
    p->sku = sku;
    p->day_min = stand_day(x->occupancy, site, sku);
    curve_init(&p->curve, p->day_min);
    RB_INSERT(stand_tree, &x->occupancy->stands, p);
    x->occupancy->stands_count++;
    return p;
}

void stand_change(struct stand *p, uint64_t at_min, enum curve_line line, int64_t change)
{
    if (at_min < p->day_min)
        p->values[line] += change;
    /* What counts as free under a backstop is its own sum. */
    for (struct cover *c = p->covers; c && line != CURVE_FREE; c = c->next) {
        if (at_min < c->cursor_min)
            c->values[line] += change;
    }
    curve_add(&p->curve, at_min, line, change);
}

void occupancy_take(struct exchange *x, uint64_t offer, uint64_t from_s, uint64_t to_s,
                    int64_t gpus, bool elected)
{
    const struct offer *o = offer_find(x, offer);
    if (!o || o->lease != 0 || from_s >= to_s)
        return;
    struct stand *p = stand_get(x, o->site, o->sku);
    enum curve_line line = elected ? CURVE_ELECTED : CURVE_SOLD;
    stand_change(p, from_s / 60, line, gpus);
    stand_change(p, to_s / 60, line, -gpus);
    history_take(x, p, o, from_s / 60, to_s / 60, gpus);
}

void occupancy_withhold(struct exchange *x, uint64_t offer, uint64_t from_s, uint64_t to_s,
                        int64_t gpus)
{
    const struct offer *o = offer_find(x, offer);
    if (!o || o->lease != 0 || from_s >= to_s)
        return;
    struct stand *p = stand_get(x, o->site, o->sku);
    stand_change(p, from_s / 60, CURVE_WITHHELD, gpus);
    stand_change(p, to_s / 60, CURVE_WITHHELD, -gpus);
}

/* --- Days --- */

static void stand_move(struct stand *p, uint64_t to_min)
{
    curve_sum(&p->curve, p->day_min, to_min, p->values);
    p->day_min = to_min;
}

static void stands_move(struct exchange *x, uint64_t to_min)
{
    struct stand_tree *stands = &x->occupancy->stands;
    for (struct stand *p = RB_MIN(stand_tree, stands); p; p = RB_NEXT(stand_tree, stands, p)) {
        if (p->day_min < to_min)
            stand_move(p, to_min);
    }
    x->occupancy->moved = true;
}

/* Adds up a day of a stand; returns how many bends that took. */
static uint32_t day_add(struct exchange *x, struct stand *p)
{
    uint64_t end = p->day_min + DAY_MIN;
    uint64_t sums[CURVE_LINES] = {0};
    int64_t values[CURVE_LINES];
    uint64_t at = p->day_min;
    uint32_t bends = 0;
    for (int i = 0; i < CURVE_LINES; i++)
        values[i] = p->values[i];
    struct bend *b = curve_from(&p->curve, at);
    while (at < end) {
        for (; b && b->at_min <= at; b = curve_next(b), bends++) {
            for (int i = 0; i < CURVE_LINES; i++)
                values[i] += b->change[i];
        }
        uint64_t until = b && b->at_min < end ? b->at_min : end;
        for (int i = 0; i < CURVE_LINES; i++)
            sums[i] += values[i] > 0 ? (uint64_t)values[i] * (until - at) : 0;
        at = until;
    }
    struct occupancy_row row = {
        .site = p->site,
        .sku = p->sku,
        .day_s = p->day_min * 60,
        .gpu_minutes_sold = sums[CURVE_SOLD],
        .gpu_minutes_elected = sums[CURVE_ELECTED],
        .gpu_minutes_free = sums[CURVE_FREE],
    };
    if (sums[CURVE_SOLD] + sums[CURVE_ELECTED] + sums[CURVE_FREE] > 0)
        store_put(x->store, TABLE_OCCUPANCY, &row);
    stand_move(p, end);
    return bends;
}

/* The first day with anything at all to add up, not after the present one: days without are passed
 * over at once. */
static uint64_t day_first(const struct exchange *x)
{
    uint64_t day = x->group_time_s / DAY_S * DAY_MIN;
    struct stand_tree *stands = &x->occupancy->stands;
    for (struct stand *p = RB_MIN(stand_tree, stands); p; p = RB_NEXT(stand_tree, stands, p)) {
        struct bend *b = curve_from(&p->curve, p->day_min);
        for (int i = 0; i < CURVE_LINES; i++) {
            if (p->values[i] != 0)
                return x->occupancy->day_min;
        }
        if (b && b->at_min < day)
            day = b->at_min / DAY_MIN * DAY_MIN;
    }
    return day > x->occupancy->day_min ? day : x->occupancy->day_min;
}

static void day_close(struct exchange *x, uint64_t next_min)
{
    stands_move(x, next_min);
    x->head.occupancy_s = next_min * 60;
    x->head.occupancy_site = x->head.occupancy_sku = 0;
    days_set(x, next_min, 0, 0);
}

uint32_t occupancy_due(struct exchange *x, uint32_t limit)
{
    enum { BENDS_AN_ITEM = 16 };
    struct occupancy_index *index = x->occupancy;
    uint32_t worked = 1;
    if (index->done_site == 0) {
        uint64_t first = day_first(x);
        if (first > index->day_min) {
            day_close(x, first);
            return worked;
        }
    }
    struct stand *p = stand_from(x, index->done_site, index->done_sku + 1);
    for (; p && worked < limit; p = RB_NEXT(stand_tree, &index->stands, p)) {
        worked += 1 + day_add(x, p) / BENDS_AN_ITEM;
        x->head.occupancy_site = index->done_site = p->site;
        x->head.occupancy_sku = index->done_sku = p->sku;
    }
    if (!p)
        day_close(x, index->day_min + DAY_MIN);
    return worked < limit ? worked : limit;
}

void occupancy_begin(struct exchange *x)
{
    x->head.occupancy_s = x->head.time_s / DAY_S * DAY_S;
    days_set(x, x->head.occupancy_s / 60, 0, 0);
}

/* --- Over days --- */

static uint64_t stand_sum(const struct exchange *x, const struct stand *p, struct occupancy_sum *s)
{
    uint64_t days = 0;
    for (uint64_t day_s = s->from_s / DAY_S * DAY_S; day_s < s->until_s; day_s += DAY_S, days++) {
        struct occupancy_row key = {.site = p->site, .sku = p->sku, .day_s = day_s};
        const struct occupancy_row *row = store_find(x->store, TABLE_OCCUPANCY, &key);
        s->sold += row ? row->gpu_minutes_sold : 0;
        s->free += row ? row->gpu_minutes_free : 0;
    }
    return days;
}

/* The stand to go on with; NULL: none is left. */
static const struct stand *sum_next(const struct exchange *x, const struct occupancy_sum *s)
{
    uint32_t looks = UINT32_MAX;
    uint64_t resume = 0;
    uint64_t site = s->at_site > 0 ? s->at_site : s->site;
    if (site == 0)
        site = owned_next(&x->sites->by_operator, s->operator, 1, &looks, &resume);
    while (site > 0) {
        const struct stand *p = stand_at(x, site, site == s->at_site ? s->at_sku : 0);
        if (p || s->site > 0)
            return p;
        site = owned_next(&x->sites->by_operator, s->operator, site + 1, &looks, &resume);
    }
    return NULL;
}

bool occupancy_add_up(const struct exchange *x, struct occupancy_sum *s, uint64_t days,
                      uint64_t *looked_out)
{
    const struct stand *p = NULL;
    *looked_out = 0;
    while (*looked_out < days && (p = sum_next(x, s)) != NULL) {
        *looked_out += 1 + stand_sum(x, p, s);
        s->at_site = p->site;
        s->at_sku = p->sku + 1;
    }
    return p == NULL;
}

/* --- Before a backstop begins to count --- */

void occupancy_prepare_from(struct exchange *x, uint64_t start_min)
{
    if (start_min < x->occupancy->prepare_min)
        x->occupancy->prepare_min = start_min;
}

bool exchange_prepare(struct exchange *x, uint64_t now_s, uint32_t offers)
{
    struct occupancy_index *index = x->occupancy;
    if (index->prepare_min > now_s / 60)
        return false;
    index->prepare_min = UINT64_MAX;
    struct stand_tree *stands = &index->stands;
    for (struct stand *p = RB_MIN(stand_tree, stands); p; p = RB_NEXT(stand_tree, stands, p)) {
        for (struct cover *c = p->covers; c; c = c->next) {
            bool done = c->kept && !c->next_listed;
            /* One that is over is settled, and gone, with the next ticks. */
            if (done || c->end_min <= now_s / 60)
                continue;
            if (c->start_min <= now_s / 60)
                offers = cover_prepare(x, c, offers);
            if (!c->kept || c->next_listed)
                occupancy_prepare_from(x, c->start_min);
        }
    }
    return index->prepare_min <= now_s / 60;
}

/* --- Index --- */

void occupancy_index_new(struct exchange *x)
{
    x->occupancy = memory_zeroed(1, sizeof(*x->occupancy));
    RB_INIT(&x->occupancy->stands);
    x->occupancy->prepare_min = UINT64_MAX;
    store_set_hook(x->store, TABLE_LISTING, history_hook, x);
    store_set_hook(x->store, TABLE_COVER, cover_hook, x);
}

/* What lies before the readers of each stand is for nobody any more. */
static void stands_keep(struct occupancy_index *index)
{
    struct stand_tree *stands = &index->stands;
    for (struct stand *p = RB_MIN(stand_tree, stands); p; p = RB_NEXT(stand_tree, stands, p)) {
        uint64_t kept = p->day_min;
        for (struct cover *c = p->covers; c; c = c->next) {
            kept = c->cursor_min < kept ? c->cursor_min : kept;
            cover_settle(c);
        }
        curve_keep(&p->curve, kept);
    }
    index->dropping = true;
    index->drop_site = index->drop_sku = 0;
}

/* Drops some of that in each group, since a day of a million leases has as many bends. */
static void stands_drop(struct exchange *x)
{
    enum { DROPPED_A_GROUP = 8192 };
    struct occupancy_index *index = x->occupancy;
    size_t left = DROPPED_A_GROUP;
    struct stand *p = stand_from(x, index->drop_site, index->drop_sku);
    for (; p; p = RB_NEXT(stand_tree, &index->stands, p)) {
        left -= curve_drop(&p->curve, left);
        for (struct cover *c = p->covers; c; c = c->next)
            left -= curve_drop(&c->free, left);
        if (left == 0)
            break;
    }
    index->dropping = p != NULL;
    index->drop_site = p ? p->site : 0;
    index->drop_sku = p ? p->sku : 0;
}

void occupancy_index_settle(struct exchange *x)
{
    struct occupancy_index *index = x->occupancy;
    if (index->moved)
        stands_keep(index);
    index->moved = false;
    if (index->dropping)
        stands_drop(x);
}

void occupancy_index_free(struct exchange *x)
{
    struct occupancy_index *index = x->occupancy;
    if (!index)
        return;
    struct stand *p;
    while ((p = RB_ROOT(&index->stands)) != NULL) {
        RB_REMOVE(stand_tree, &index->stands, p);
        cover_free_all(p);
        curve_release(&p->curve);
        free(p);
    }
    for (size_t i = 0; i < index->listed_places; i++)
        free(index->listed[i]);
    free(index->listed);
    free(index);
    x->occupancy = NULL;
}
