#include "server/exchange/price_index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/amount.h"
#include "server/exchange/book.h"
#include "server/exchange/due.h"
#include "server/exchange/event.h"
#include "server/exchange/trade.h"

/* --- Indexes ------------------------------------------------------------------------------- */

static int point_compare(const struct point_node *a, const struct point_node *b)
{
    int order = number_compare(a->sku, b->sku);
    if (order == 0)
        order = number_compare(a->kind, b->kind);
    return order != 0 ? order : number_compare(a->hour_s, b->hour_s);
}

static int level_compare(const struct level_node *a, const struct level_node *b)
{
    int order = number_compare(a->sku, b->sku);
    if (order == 0)
        order = number_compare(a->kind, b->kind);
    return order != 0 ? order : number_compare(a->region, b->region);
}

TREE_GENERATE(point_tree, point_node, link, point_compare)
TREE_GENERATE(level_tree, level_node, link, level_compare)

static void *node_new(size_t size)
{
    void *node = malloc(size);
    if (node == NULL)
        memory_exhausted();
    return node;
}

static void point_hook(void *context, const void *old_row, const void *new_row)
{
    struct exchange *x = context;
    const struct point_row *row = new_row != NULL ? new_row : old_row;
    struct point_node key = {.sku = row->sku, .kind = row->kind, .hour_s = row->hour_s};
    struct point_node *node = RB_FIND(point_tree, &x->trades->points, &key);
    if (new_row == NULL && node != NULL) {
        RB_REMOVE(point_tree, &x->trades->points, node);
        free(node);
    } else if (new_row != NULL && node == NULL) {
        node = node_new(sizeof(*node));
        *node = key;
        RB_INSERT(point_tree, &x->trades->points, node);
    }
}

static void level_hook(void *context, const void *old_row, const void *new_row)
{
    struct exchange *x = context;
    const struct level_row *row = new_row != NULL ? new_row : old_row;
    struct level_node key = {.sku = row->sku, .kind = row->kind, .region = row->region};
    struct level_node *node = RB_FIND(level_tree, &x->trades->levels, &key);
    if (new_row == NULL && node != NULL) {
        RB_REMOVE(level_tree, &x->trades->levels, node);
        free(node);
    } else if (new_row != NULL && node == NULL) {
        node = node_new(sizeof(*node));
        *node = key;
        RB_INSERT(level_tree, &x->trades->levels, node);
    }
}

static struct due_item hour_item(uint64_t index_hour_s)
{
    return (struct due_item){.due_s = index_hour_s + INDEX_HOUR_S, .kind = DUE_INDEX};
}

/* The head row is put once a group; within one index_due() keeps the item itself. */
static void head_hook(void *context, const void *old_row, const void *new_row)
{
    struct exchange *x = context;
    const struct head_row *old = old_row;
    const struct head_row *new = new_row;
    if (old != NULL)
        due_remove(x, hour_item(old->index_hour_s));
    if (new != NULL &&new->index_hour_s != 0)
        due_put(x, hour_item(new->index_hour_s));
}

void price_index_new(struct exchange *x)
{
    RB_INIT(&x->trades->points);
    RB_INIT(&x->trades->levels);
    store_set_hook(x->store, TABLE_POINT, point_hook, x);
    store_set_hook(x->store, TABLE_LEVEL, level_hook, x);
    store_set_hook(x->store, TABLE_HEAD, head_hook, x);
}

void price_index_free(struct exchange *x)
{
    struct point_node *point;
    struct level_node *level;
    while ((point = RB_MIN(point_tree, &x->trades->points)) != NULL) {
        RB_REMOVE(point_tree, &x->trades->points, point);
        free(point);
    }
    while ((level = RB_MIN(level_tree, &x->trades->levels)) != NULL) {
        RB_REMOVE(level_tree, &x->trades->levels, level);
        free(level);
    }
}

static const struct point_row *point_of(const struct exchange *x, const struct point_node *node,
                                        uint64_t sku, uint32_t kind)
{
    if (node == NULL || node->sku != sku || node->kind != kind)
        return NULL;
    struct point_row key = {.sku = sku, .hour_s = node->hour_s, .kind = kind};
    return store_find(x->store, TABLE_POINT, &key);
}

const struct point_row *price_index_point(const struct exchange *x, uint64_t sku, uint32_t kind,
                                          uint64_t from_s)
{
    struct point_node key = {.sku = sku, .kind = kind, .hour_s = from_s};
    return point_of(x, RB_NFIND(point_tree, &x->trades->points, &key), sku, kind);
}

const struct point_row *price_index_last(const struct exchange *x, uint64_t sku, uint32_t kind)
{
    struct point_node key = {.sku = sku, .kind = kind, .hour_s = UINT64_MAX};
    struct point_node *after = RB_NFIND(point_tree, &x->trades->points, &key);
    return point_of(x,
                    after != NULL ? RB_PREV(point_tree, &x->trades->points, after)
                                  : RB_MAX(point_tree, &x->trades->points),
                    sku, kind);
}

/* --- Level --------------------------------------------------------------------------------- */

/* A trade that enters the index. */
struct priced {
    uint64_t sku;
    uint64_t region;
    uint64_t price_ucr;
    gpu_minutes minutes;
    uint64_t kind;
};

static uint64_t key_of(const struct priced *p, size_t field)
{
    uint64_t key;
    memcpy(&key, (const uint8_t *)p + field, sizeof(key));
    return key;
}

static void few_sort(struct priced *trades, size_t count, size_t field)
{
    for (size_t i = 1; i < count; i++) {
        struct priced one = trades[i];
        size_t at = i;
        for (; at > 0 && key_of(&trades[at - 1], field) > key_of(&one, field); at--)
            trades[at] = trades[at - 1];
        trades[at] = one;
    }
}

/* Puts trades in the order of a field, equal ones as they were, byte by byte of it: TRADES_KEPT_MAX
 * of them take a tick's time at the most, which comparing them does not. `room` is as large. */
static void priced_sort(struct priced *trades, struct priced *room, size_t count, size_t field)
{
    enum { FEW = 64 };
    size_t counts[8][256] = {{0}};
    struct priced *from = trades, *to = room;
    if (count < FEW) {
        few_sort(trades, count, field);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t key = key_of(&trades[i], field);
        for (int byte = 0; byte < 8; byte++)
            counts[byte][key >> 8 * byte & 0xff]++;
    }
    for (int byte = 0; byte < 8; byte++) {
        size_t at = 0;
        if (counts[byte][key_of(from, field) >> 8 * byte & 0xff] == count)
            continue;
        for (int value = 0; value < 256; value++) {
            size_t of_value = counts[byte][value];
            counts[byte][value] = at;
            at += of_value;
        }
        for (size_t i = 0; i < count; i++)
            to[counts[byte][key_of(&from[i], field) >> 8 * byte & 0xff]++] = from[i];
        struct priced *sorted = to;
        to = from;
        from = sorted;
    }
    if (from != trades)
        memcpy(trades, from, count * sizeof(*trades));
}

/* 100 000 trades of 10 000 000 GPUs for 24 months each add up to 1.1e18 GPU-minutes. */
_Static_assert((uint64_t)GPUS_MAX *DURATION_MAX_MIN <= UINT64_MAX / TRADES_KEPT_MAX,
               "the GPU-minutes of all trades fit");

static gpu_minutes minutes_sum(const struct priced *trades, size_t count)
{
    gpu_minutes sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += trades[i].minutes;
    return sum;
}

/* The level of trades that are in the order of price. */
static uint64_t level_of(const struct priced *trades, size_t count)
{
    gpu_minutes all = minutes_sum(trades, count);
    gpu_minutes cut = (gpu_minutes)((wide)all * INDEX_TRIM_PERCENT / 100);
    gpu_minutes skip = cut;
    gpu_minutes left = all - 2 * cut;
    wide sum = 0;
    for (size_t i = 0; i < count && left > 0; i++) {
        gpu_minutes minutes = trades[i].minutes;
        gpu_minutes skipped = minutes < skip ? minutes : skip;
        skip -= skipped;
        minutes -= skipped;
        minutes = minutes < left ? minutes : left;
        left -= minutes;
        sum += (wide)minutes * trades[i].price_ucr;
    }
    return all > 0 ? (uint64_t)(sum / (all - 2 * cut)) : 0;
}

/* Whether enough is left of a trade for its kind. */
static bool trade_counts(const struct trade_row *row)
{
    gpu_minutes least =
        row->kind == TRADE_KIND_COMMITTED ? (gpu_minutes)row->gpus * COMMITTED_MIN_MIN : 1;
    return row->gpu_minutes >= least &&
           row->gpu_minutes <= (gpu_minutes)row->gpus * DURATION_MAX_MIN && row->gpus <= GPUS_MAX;
}

/* Has the next trades that are looked at come to the processor. */
static void trades_expect(const struct exchange *x, uint64_t trade, uint64_t last)
{
    enum { AHEAD = 32 };
    uint64_t serials[AHEAD];
    const void *keys[AHEAD];
    size_t count = 0;
    if (trade % AHEAD != 0)
        return;
    for (uint64_t next = trade; next <= last && count < AHEAD; next++, count++) {
        serials[count] = next;
        keys[count] = &serials[count];
    }
    store_expect(x->store, TABLE_TRADE, keys, count);
}

/* The first trade that is kept and was made at `from_s` or later; their times grow with their
 * numbers. */
static uint64_t trade_from(const struct exchange *x, uint64_t from_s)
{
    uint64_t first = trade_first(x);
    uint64_t end = x->head.trade_last + 1;
    while (first < end) {
        uint64_t middle = first + (end - first) / 2;
        const struct trade_row *row = trade_find(x, middle);
        if (row == NULL || row->time_s < from_s)
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

/* The trades that enter the index of an hour, by SKU, kind, price and number; the caller frees them
 * and the room that is left behind as many. */
static struct priced *trades_gather(const struct exchange *x, uint64_t hour_s, size_t *count_out)
{
    uint64_t last = x->head.trade_last;
    uint64_t from_s = hour_s > INDEX_STALE_S ? hour_s - INDEX_STALE_S : 0;
    uint64_t first = trade_from(x, from_s);
    struct priced *trades = malloc(2 * (size_t)(last + 2 - first) * sizeof(*trades));
    size_t count = 0;
    if (trades == NULL)
        memory_exhausted();
    for (uint64_t trade = first; trade <= last; trade++) {
        trades_expect(x, trade, last);
        const struct trade_row *row = trade_find(x, trade);
        if (row == NULL || row->time_s >= hour_s || row->preemptible || row->resale ||
            !trade_counts(row))
            continue;
        trades[count++] = (struct priced){
            .sku = row->sku,
            .region = place_number(row->region),
            .price_ucr = row->price_ucr,
            .minutes = row->gpu_minutes,
            .kind = row->kind,
        };
    }
    priced_sort(trades, trades + count, count, offsetof(struct priced, price_ucr));
    priced_sort(trades, trades + count, count, offsetof(struct priced, kind));
    priced_sort(trades, trades + count, count, offsetof(struct priced, sku));
    *count_out = count;
    return trades;
}

/* --- Chain --------------------------------------------------------------------------------- */

/* floor(a x part / whole), at most CHAIN_MAX_PPM; part and whole are below 2^126. */
static uint64_t share_of(uint64_t a, wide part, wide whole)
{
    wide quotient = 0;
    wide rest = 0;
    for (int bit = 63; bit >= 0; bit--) {
        quotient *= 2;
        rest *= 2;
        if ((a >> bit & 1) != 0) {
            quotient += part / whole;
            rest += part % whole;
        }
        quotient += rest / whole;
        rest %= whole;
        if (quotient > CHAIN_MAX_PPM)
            return CHAIN_MAX_PPM;
    }
    return (uint64_t)quotient;
}

static const struct level_row *level_find(const struct exchange *x, uint64_t sku, uint32_t kind,
                                          uint64_t region)
{
    struct level_row key = {.sku = sku, .region = region, .kind = kind};
    return store_find(x->store, TABLE_LEVEL, &key);
}

static uint64_t chain_next(const struct exchange *x, const struct point_row *last,
                           const struct level_row *levels, size_t count)
{
    wide now = 0;
    wide before = 0;
    if (last == NULL)
        return CHAIN_FIRST_PPM;
    for (size_t i = 0; i < count; i++) {
        const struct level_row *row =
            level_find(x, levels[i].sku, levels[i].kind, levels[i].region);
        if (row == NULL)
            continue;
        now += (wide)row->gpu_minutes * levels[i].level_ucr;
        before += (wide)row->gpu_minutes * row->level_ucr;
    }
    if (now == 0 || before == 0)
        return last->chain_ppm;
    uint64_t chain = share_of(last->chain_ppm, now, before);
    return chain > 0 ? chain : 1;
}

/* The regions' levels take the place of those at the point before. */
static void levels_replace(struct exchange *x, uint64_t sku, uint32_t kind,
                           const struct level_row *levels, size_t count)
{
    struct level_node key = {.sku = sku, .kind = kind};
    struct level_node *node = RB_NFIND(level_tree, &x->trades->levels, &key);
    size_t at = 0;
    while (node != NULL && node->sku == sku && node->kind == kind) {
        struct level_row old = {.sku = sku, .region = node->region, .kind = kind};
        node = RB_NEXT(level_tree, &x->trades->levels, node);
        while (at < count && levels[at].region < old.region)
            at++;
        if (at == count || levels[at].region != old.region)
            store_remove(x->store, TABLE_LEVEL, &old);
    }
    for (size_t i = 0; i < count; i++)
        store_put(x->store, TABLE_LEVEL, &levels[i]);
}

/* --- Publication --------------------------------------------------------------------------- */

/* With each new point at most two old ones go, so that a long pause costs no long tick; there are
 * never more than INDEX_HOURS_KEPT_MAX and one of a SKU and kind. */
static void points_trim(struct exchange *x, uint64_t sku, uint32_t kind, uint64_t hour_s)
{
    uint64_t kept_s = (uint64_t)INDEX_HOURS_KEPT_MAX * INDEX_HOUR_S;
    for (int i = 0; i < 2; i++) {
        const struct point_row *row = price_index_point(x, sku, kind, 0);
        if (row == NULL || row->hour_s + kept_s > hour_s)
            return;
        struct point_row key = *row;
        store_remove(x->store, TABLE_POINT, &key);
    }
}

/* The point of one SKU and kind, whose trades are in the order of price; puts them in that of
 * region, in a `room` as large. `levels` has room for one of each trade. */
static struct index_point point_make(struct exchange *x, uint64_t hour_s, struct priced *trades,
                                     struct priced *room, size_t count, struct level_row *levels)
{
    size_t regions = 0;
    struct point_row row = {
        .sku = trades[0].sku,
        .hour_s = hour_s,
        .kind = (uint32_t)trades[0].kind,
        .trades = (uint32_t)count,
        .level_ucr = level_of(trades, count),
        .gpu_minutes = minutes_sum(trades, count),
    };
    priced_sort(trades, room, count, offsetof(struct priced, region));
    for (size_t at = 0, end; at < count; at = end) {
        for (end = at + 1; end < count && trades[end].region == trades[at].region;)
            end++;
        levels[regions++] = (struct level_row){
            .sku = row.sku,
            .region = trades[at].region,
            .kind = row.kind,
            .level_ucr = level_of(trades + at, end - at),
            .gpu_minutes = minutes_sum(trades + at, end - at),
        };
    }
    row.chain_ppm = chain_next(x, price_index_last(x, row.sku, row.kind), levels, regions);
    levels_replace(x, row.sku, row.kind, levels, regions);
    store_put(x->store, TABLE_POINT, &row);
    points_trim(x, row.sku, row.kind, hour_s);
    return (struct index_point){
        .sku = row.sku,
        .kind = row.kind,
        .hour_s = row.hour_s,
        .level_ucr = row.level_ucr,
        .chain_ppm = row.chain_ppm,
        .trades = row.trades,
        .gpu_minutes = row.gpu_minutes,
    };
}

static void points_log(struct exchange *x, const struct index_point *points, uint32_t count)
{
    struct ev_index_published event = {EVENT_HEAD_OF(x, 0), .points = {points, count}};
    if (count > 0)
        event_log(x, &ev_index_published_message, &event);
}

static void index_publish(struct exchange *x, uint64_t hour_s)
{
    struct index_point points[INDEX_EVENT_POINTS_MAX];
    uint32_t made = 0;
    size_t count = 0;
    struct priced *trades = trades_gather(x, hour_s, &count);
    struct level_row *levels = malloc((count + 1) * sizeof(*levels));
    if (levels == NULL)
        memory_exhausted();
    for (size_t at = 0, end; at < count; at = end) {
        for (end = at + 1; end < count && trades[end].sku == trades[at].sku &&
                           trades[end].kind == trades[at].kind;)
            end++;
        points[made++] = point_make(x, hour_s, trades + at, trades + count, end - at, levels);
        if (made == INDEX_EVENT_POINTS_MAX) {
            points_log(x, points, made);
            made = 0;
        }
    }
    points_log(x, points, made);
    free(levels);
    free(trades);
}

void price_index_begin(struct exchange *x)
{
    if (x->head.index_hour_s == 0)
        x->head.index_hour_s = x->head.time_s - x->head.time_s % INDEX_HOUR_S;
}

void index_due(struct exchange *x, struct due_item item)
{
    uint64_t hour_s = x->head.time_s - x->head.time_s % INDEX_HOUR_S;
    const struct trade_row *last = trade_find(x, x->head.trade_last);
    due_remove(x, item);
    index_publish(x, hour_s);
    /* Nothing is due any more until the next trade. */
    bool idle = last == NULL || last->time_s + INDEX_STALE_S < hour_s;
    x->head.index_hour_s = idle ? 0 : hour_s;
    if (!idle)
        due_put(x, hour_item(hour_s));
}

/* --- Checks -------------------------------------------------------------------------------- */

struct trades_checking {
    const struct exchange *x;
    struct check_report *report;
};

static int check_trade(void *context, const void *item)
{
    struct trades_checking *c = context;
    const struct trade_row *row = item;
    const struct trade_row *before = trade_find(c->x, row->trade - 1);
    if (row->trade < trade_first(c->x) || row->trade > c->x->head.trade_last)
        check_found(c->report, "trade %llu is not among those kept",
                    (unsigned long long)row->trade);
    if (row->time_s > c->x->head.time_s || (before != NULL && before->time_s > row->time_s))
        check_found(c->report, "trade %llu was made at no time it can have been",
                    (unsigned long long)row->trade);
    if (row->end_s <= row->start_s || row->gpus == 0 || row->price_ucr > PRICE_MAX_UCR ||
        row->gpus > GPUS_MAX || row->end_s - row->start_s > (uint64_t)DURATION_MAX_MIN * 60 ||
        row->gpu_minutes > (row->end_s - row->start_s) / 60 * row->gpus ||
        row->kind != trade_kind_of(row->start_s, row->end_s))
        check_found(c->report, "trade %llu holds what no trade can",
                    (unsigned long long)row->trade);
    return 0;
}

static int check_point(void *context, const void *item)
{
    struct trades_checking *c = context;
    const struct point_row *row = item;
    struct point_node key = {.sku = row->sku, .kind = row->kind, .hour_s = row->hour_s};
    if (RB_FIND(point_tree, &c->x->trades->points, &key) == NULL)
        check_found(c->report, "the index of SKU %llu at %llu is not in memory",
                    (unsigned long long)row->sku, (unsigned long long)row->hour_s);
    if (row->hour_s % INDEX_HOUR_S != 0 || row->hour_s > c->x->head.time_s || row->trades == 0 ||
        row->chain_ppm == 0 || row->chain_ppm > CHAIN_MAX_PPM || row->level_ucr > PRICE_MAX_UCR)
        check_found(c->report, "the index of SKU %llu at %llu holds what it cannot",
                    (unsigned long long)row->sku, (unsigned long long)row->hour_s);
    return 0;
}

static int check_level(void *context, const void *item)
{
    struct trades_checking *c = context;
    const struct level_row *row = item;
    struct level_node key = {.sku = row->sku, .kind = row->kind, .region = row->region};
    if (RB_FIND(level_tree, &c->x->trades->levels, &key) == NULL ||
        price_index_last(c->x, row->sku, row->kind) == NULL)
        check_found(c->report, "a region's level of SKU %llu belongs to no point",
                    (unsigned long long)row->sku);
    return 0;
}

/* What the regions had at the last point of each SKU and kind adds up to what the point had. */
static void check_level_sums(struct trades_checking *c)
{
    const struct level_node *node = RB_MIN(level_tree, &c->x->trades->levels);
    while (node != NULL) {
        const struct level_node *first = node;
        const struct point_row *last = price_index_last(c->x, first->sku, first->kind);
        gpu_minutes sum = 0;
        while (node != NULL && node->sku == first->sku && node->kind == first->kind) {
            const struct level_row *row = level_find(c->x, node->sku, node->kind, node->region);
            sum += row != NULL ? row->gpu_minutes : 0;
            node = RB_NEXT(level_tree, NULL, (struct level_node *)node);
        }
        if (last != NULL && last->gpu_minutes != sum)
            check_found(c->report,
                        "the regions of SKU %llu do not add up to its last point of the index",
                        (unsigned long long)first->sku);
    }
}

void check_trades(const struct exchange *x, struct check_report *report)
{
    struct trades_checking c = {x, report};
    uint64_t kept = x->head.trade_last + 1 - trade_first(x);
    uint64_t points = 0;
    uint64_t levels = 0;
    struct point_node *point;
    struct level_node *level;
    if (store_count(x->store, TABLE_TRADE) != kept)
        check_found(report, "trades: %llu are kept, not the last %llu",
                    (unsigned long long)store_count(x->store, TABLE_TRADE),
                    (unsigned long long)kept);
    store_each(x->store, TABLE_TRADE, check_trade, &c);
    store_each(x->store, TABLE_POINT, check_point, &c);
    store_each(x->store, TABLE_LEVEL, check_level, &c);
    check_level_sums(&c);
    RB_FOREACH (point, point_tree, &x->trades->points)
        points++;
    RB_FOREACH (level, level_tree, &x->trades->levels)
        levels++;
    if (points != store_count(x->store, TABLE_POINT) ||
        levels != store_count(x->store, TABLE_LEVEL))
        check_found(report, "the price index in memory differs from its rows");
    uint64_t hour_s = x->head.index_hour_s;
    if (due_count(x, DUE_INDEX) != (hour_s != 0) || (hour_s != 0 && !due_has(x, hour_item(hour_s))))
        check_found(report, "the price index is not due when it should be");
    if (hour_s % INDEX_HOUR_S != 0 || hour_s > x->head.time_s)
        check_found(report, "the price index was published for an hour that was not");
}
