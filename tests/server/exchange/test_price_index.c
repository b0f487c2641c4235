/*
 * The price index, worked out again from the public events alone: `traded` in, and at each
 * `index_published` a plain, slow reading of docs/protocol.md ("Price index") must give the same.
 */
#include <stdbool.h>

#include "protocol/amount.h"
#include "protocol/events.h"
#include "server/exchange/due.h"
#include "server/exchange/offer.h"
#include "server/exchange/site.h"
#include "server/exchange/trade.h"
#include "tests/server/exchange/support.h"
#include "tests/server/exchange/world.h"

enum { SITES = 4, SKUS = 3, KINDS = 2, PUBLIC_TRADES_MAX = 20000 };

static const char *const site_regions[SITES] = {"US-TX", "US-CA", "ID", "DE"};

/* --- What an outsider keeps ----------------------------------------------------------------- */

struct public_trade {
    uint64_t time_s;
    uint64_t trade;
    uint64_t sku;
    uint32_t kind;
    char region[PLACE_BYTES];
    uint64_t price;
    uint64_t minutes;
    uint64_t least; /* of them, or it does not count */
    bool counts;
};

struct region_level {
    bool there;
    uint64_t level;
    uint64_t minutes;
};

struct public_chain {
    bool begun;
    uint64_t ppm;
    struct region_level regions[SITES];
};

struct outsider {
    struct public_trade *trades;
    size_t count;
    struct public_chain chains[SKUS + 1][KINDS + 1];
    uint64_t points; /* that were compared */
    uint64_t hour_s; /* the last one published */
    uint64_t moved;  /* points whose chain moved */
};

static bool in_window(const struct public_trade *t, uint64_t hour_s, uint64_t sku, uint32_t kind,
                      const char *region)
{
    return t->counts && t->sku == sku && t->kind == kind && t->time_s < hour_s &&
           t->time_s + 24 * 3600 >= hour_s && (region == NULL || strcmp(region, t->region) == 0);
}

/* Each trade as an interval on a line of GPU-minutes, cheapest first; what lies in the middle
 * counts. */
static uint64_t plain_level(const struct outsider *o, uint64_t hour_s, uint64_t sku, uint32_t kind,
                            const char *region, uint64_t *minutes_out, uint32_t *count_out)
{
    uint64_t all = 0;
    uint32_t count = 0;
    wide sum = 0;
    for (size_t i = 0; i < o->count; i++) {
        if (in_window(&o->trades[i], hour_s, sku, kind, region)) {
            all += o->trades[i].minutes;
            count++;
        }
    }
    *minutes_out = all;
    *count_out = count;
    if (count == 0)
        return 0;
    uint64_t low = (uint64_t)((wide)all * 10 / 100);
    uint64_t high = all - low;
    for (size_t i = 0; i < o->count; i++) {
        const struct public_trade *t = &o->trades[i];
        if (!in_window(t, hour_s, sku, kind, region))
            continue;
        uint64_t from = 0;
        for (size_t j = 0; j < o->count; j++) {
            const struct public_trade *p = &o->trades[j];
            if (in_window(p, hour_s, sku, kind, region) &&
                (p->price < t->price || (p->price == t->price && p->trade < t->trade)))
                from += p->minutes;
        }
        uint64_t to = from + t->minutes;
        from = from > low ? from : low;
        to = to < high ? to : high;
        if (from < to)
            sum += (wide)(to - from) * t->price;
    }
    return (uint64_t)(sum / (high - low));
}

/* Works the point out and takes its regions over; false: there is none. */
static bool plain_point(struct outsider *o, uint64_t hour_s, uint64_t sku, uint32_t kind,
                        struct index_point *out)
{
    struct public_chain *chain = &o->chains[sku][kind];
    *out = (struct index_point){.sku = sku, .kind = kind, .hour_s = hour_s};
    out->level_ucr = plain_level(o, hour_s, sku, kind, NULL, &out->gpu_minutes, &out->trades);
    if (out->trades == 0)
        return false;
    struct region_level now[SITES] = {0};
    wide sum_now = 0;
    wide sum_before = 0;
    for (size_t r = 0; r < SITES; r++) {
        uint32_t count = 0;
        now[r].level = plain_level(o, hour_s, sku, kind, site_regions[r], &now[r].minutes, &count);
        now[r].there = count > 0;
        if (now[r].there && chain->regions[r].there) {
            sum_now += (wide)chain->regions[r].minutes * now[r].level;
            sum_before += (wide)chain->regions[r].minutes * chain->regions[r].level;
        }
    }
    uint64_t before = chain->ppm;
    if (!chain->begun)
        chain->ppm = 1000000;
    else if (sum_now > 0 && sum_before > 0) {
        /* Small enough here for the plain product, but for what is cut off at the end. */
        assert_true(sum_now <= ~(wide)0 / chain->ppm);
        wide ppm = chain->ppm * sum_now / sum_before;
        chain->ppm = ppm > UINT64_C(1000000000000000000) ? UINT64_C(1000000000000000000)
                     : ppm == 0                          ? 1
                                                         : (uint64_t)ppm;
    }
    o->moved += chain->begun && chain->ppm != before;
    chain->begun = true;
    memcpy(chain->regions, now, sizeof(now));
    out->chain_ppm = chain->ppm;
    return true;
}

static void outsider_trades(struct outsider *o, const struct ev_traded *e)
{
    assert_int_equal(e->by, 0);
    for (uint32_t i = 0; i < e->trades.count; i++) {
        const struct trade *t = &e->trades.items[i];
        assert_true(o->count < PUBLIC_TRADES_MAX);
        struct public_trade *p = &o->trades[o->count++];
        *p = (struct public_trade){
            .time_s = e->time_s,
            .trade = t->trade,
            .sku = t->sku,
            .kind = t->kind,
            .price = t->price_ucr,
            .minutes = (t->end_s - t->start_s) / 60 * t->gpus,
            .least = t->kind == TRADE_KIND_COMMITTED ? UINT64_C(43200) * t->gpus : 1,
            .counts = !t->preemptible && !t->resale,
        };
        memcpy(p->region, t->region.data, t->region.length);
    }
}

static void outsider_cuts(struct outsider *o, const struct ev_trade_cut *e)
{
    assert_int_equal(e->by, 0);
    for (size_t i = 0; i < o->count; i++) {
        struct public_trade *p = &o->trades[i];
        if (p->trade != e->trade)
            continue;
        assert_true(e->gpu_minutes < p->minutes);
        p->minutes = e->gpu_minutes;
        p->counts = p->counts && p->minutes >= p->least;
    }
}

static void point_compare(const struct index_point *theirs, const struct index_point *mine)
{
    assert_true(theirs->sku == mine->sku && theirs->kind == mine->kind);
    assert_true(theirs->hour_s == mine->hour_s && theirs->trades == mine->trades);
    assert_true(theirs->gpu_minutes == mine->gpu_minutes);
    assert_true(theirs->level_ucr == mine->level_ucr);
    assert_true(theirs->chain_ppm == mine->chain_ppm);
}

/* All points of the hour, in the order of SKU and kind. */
static void outsider_points(struct outsider *o, const struct ev_index_published *e)
{
    uint64_t hour_s = e->time_s - e->time_s % 3600;
    uint32_t at = 0;
    assert_int_equal(e->by, 0);
    assert_true(hour_s > o->hour_s);
    o->hour_s = hour_s;
    for (uint64_t sku = 1; sku <= SKUS; sku++) {
        for (uint32_t kind = TRADE_KIND_SPOT; kind <= TRADE_KIND_COMMITTED; kind++) {
            struct index_point mine;
            if (!plain_point(o, hour_s, sku, kind, &mine))
                continue;
            assert_true(at < e->points.count);
            point_compare(&e->points.items[at], &mine);
            at++;
            o->points++;
        }
    }
    assert_int_equal(at, e->points.count);
}

/* --- The exchange, with trades made up ------------------------------------------------------- */

struct market {
    struct world w;
    struct outsider o;
    uint64_t time_s;
};

static void done(struct market *m, uint32_t account, const char *key, const struct message *what,
                 const void *body)
{
    assert_int_equal(world_do(&m->w, account, key, what, body)->refusal, REFUSAL_accepted);
}

/* At each site offer 2s + 1 is an ordinary one and 2s + 2 preemptible. */
static struct market *market_open(void)
{
    struct market *m = calloc(1, sizeof(*m));
    m->o.trades = calloc(PUBLIC_TRADES_MAX, sizeof(*m->o.trades));
    world_begin(&m->w, WORLD_OPTIONS);
    uint32_t operator= world_register(&m->w, "op", ROLE_OPERATOR);
    for (uint32_t i = 0; i < SKUS; i++) {
        struct text name = {&"abc"[i], 1};
        struct op_sku_add sku = {
            .name = name, .vendor = name, .model = name, .memory_gb = 80, .power_w = 1};
        done(m, 1, "admin", &op_sku_add_message, &sku);
    }
    for (uint32_t i = 0; i < SITES; i++) {
        struct text region = text_of(site_regions[i]);
        struct op_site_add site = {.name = region,
                                   .region = region,
                                   .jurisdiction = {site_regions[i], 2},
                                   .power_kw = 1000};
        done(m, operator, "op", &op_site_add_message, &site);
        struct op_offer_publish offer = {.site = i + 1,
                                         .sku = 1,
                                         .gpus = 8,
                                         .block_gpus = 1,
                                         .end_s = WORLD_BEGIN_S + 86400,
                                         .price_ucr = 600,
                                         .lease_min_min = 1,
                                         .billing = BILLING_METERED,
                                         .meter_period_min = 60};
        done(m, operator, "op", &op_offer_publish_message, &offer);
        offer.preemptible = true;
        done(m, operator, "op", &op_offer_publish_message, &offer);
    }
    m->w.replayable = false;
    m->time_s = m->w.time_s;
    return m;
}

static void market_close(struct market *m)
{
    world_end(&m->w);
    free(m->o.trades);
    free(m);
}

static struct lease_grant grant_of(uint32_t site, bool preemptible, uint64_t sku, uint32_t gpus,
                                   uint32_t minutes, uint64_t price)
{
    return (struct lease_grant){.site = site + 1,
                                .offer = 2 * site + 1 + preemptible,
                                .sku = sku,
                                .gpus = gpus,
                                .start_s = WORLD_BEGIN_S,
                                .end_s = WORLD_BEGIN_S + minutes * UINT64_C(60),
                                .price_ucr = price};
}

static void group_begin(struct market *m)
{
    exchange_begin(m->w.x, m->w.x->head.group + 1, m->time_s);
}

/* Ends the group; the outsider (NULL: nobody) reads its events. Returns how many there were. */
static uint32_t group_end(struct market *m, struct outsider *o)
{
    struct arena arena = ARENA_EMPTY;
    exchange_end(m->w.x);
    struct event_batch batch = exchange_events(m->w.x);
    uint32_t begin = 0;
    for (uint32_t i = 0; i < batch.count && o != NULL; i++) {
        const struct message *event = NULL;
        const void *body = NULL;
        struct decode_error why;
        assert_int_equal(
            event_decode(batch.data + begin, batch.ends[i] - begin, &arena, &event, &body, &why),
            0);
        assert_true(event_is_public(event->code));
        if (event->code == EVENT_traded)
            outsider_trades(o, body);
        else if (event->code == EVENT_trade_cut)
            outsider_cuts(&m->o, body);
        else if (event->code == EVENT_index_published)
            outsider_points(o, body);
        begin = batch.ends[i];
    }
    arena_release(&arena);
    m->w.time_s = m->time_s;
    return batch.count;
}

static struct outsider *own(struct market *m)
{
    return &m->o;
}

/* Nothing but ticks, until nothing more is due. */
static uint32_t market_tick(struct market *m, struct outsider *o)
{
    group_begin(m);
    do
        exchange_tick(m->w.x);
    while (exchange_next_due(m->w.x) <= m->time_s);
    return group_end(m, o);
}

static void trade_draw(struct market *m)
{
    struct lease_grant grants[ORDER_LEASES_MAX];
    uint32_t count = 1 + (uint32_t)random_below(random_below(8) == 0 ? ORDER_LEASES_MAX : 3);
    uint64_t sku = 1 + random_below(SKUS);
    uint32_t minutes = 1 + (uint32_t)random_below(300);
    if (random_below(4) == 0)
        minutes = 30 * 24 * 60 - 2 + (uint32_t)random_below(4);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t price = random_below(8) == 0 ? random_below(100000) : 900 + random_below(200);
        grants[i] = grant_of((uint32_t)random_below(SITES), random_below(6) == 0, sku,
                             1 + (uint32_t)random_below(64), minutes, price);
    }
    group_begin(m);
    trade_log(m->w.x, grants, count);
    assert_int_equal(group_end(m, own(m)), 1);
}

/* --- Tests ----------------------------------------------------------------------------------- */

static void the_index_follows_from_public_events(void **state)
{
    (void)state;
    random_start();
    struct market *m = market_open();
    for (uint32_t step = 0; step < 1500; step++) {
        uint32_t mood = (uint32_t)(step / 100 % 3); /* busy, slow, hardly anybody there */
        if (random_below(mood == 0 ? 2 : mood == 1 ? 6 : 40) == 0)
            trade_draw(m);
        /* Up to an hour on; sometimes to a whole hour, sometimes without a tick. */
        m->time_s += random_below(3600) + 1;
        if (random_below(3) == 0)
            m->time_s -= m->time_s % 3600 < 1800 ? m->time_s % 3600 : 0;
        m->time_s = m->time_s > m->w.time_s ? m->time_s : m->w.time_s;
        group_begin(m);
        if (random_below(mood == 2 ? 10 : 3) > 0)
            exchange_tick(m->w.x);
        group_end(m, own(m));
        if (step % 50 == 0) {
            assert_int_equal(world_check(m->w.x, NULL), 0);
            world_reload(&m->w);
        }
    }
    printf("%zu trades, %llu points, the chain moved %llu times\n", m->o.count,
           (unsigned long long)m->o.points, (unsigned long long)m->o.moved);
    assert_true(m->o.points > 300 && m->o.moved > 100);
    market_close(m);
}

/* The chain is cut off at both ends, and stays when prices are 0. */
static void the_chain_has_ends(void **state)
{
    (void)state;
    struct market *m = market_open();
    static const uint64_t prices[] = {1, PRICE_MAX_UCR, 1, 0, 7, 14};
    static const uint64_t chains[] = {1000000, CHAIN_MAX_PPM, 1000, 1000, 1000, 2000};
    for (size_t i = 0; i < sizeof(prices) / sizeof(prices[0]); i++) {
        struct lease_grant g = grant_of(0, false, 1, 1, 60, prices[i]);
        group_begin(m);
        trade_log(m->w.x, &g, 1);
        group_end(m, NULL);
        for (int hour = 0; hour < 26; hour++) {
            m->time_s += 3600;
            market_tick(m, NULL);
        }
        const struct point_row *last = price_index_last(m->w.x, 1, TRADE_KIND_SPOT);
        assert_non_null(last);
        assert_int_equal(last->level_ucr, prices[i]);
        assert_true(last->chain_ppm == chains[i]);
    }
    assert_int_equal(world_check(m->w.x, NULL), 0);
    market_close(m);
}

/* Once nothing has been traded for a day nothing is due, until somebody trades again; of hours that
 * passed without a tick the last one alone is published. */
static void an_idle_exchange_publishes_nothing(void **state)
{
    (void)state;
    struct market *m = market_open();
    struct lease_grant g = grant_of(0, false, 1, 1, 60, 5);
    assert_int_equal(due_count(m->w.x, DUE_INDEX), 0);
    group_begin(m);
    trade_log(m->w.x, &g, 1);
    group_end(m, own(m));
    assert_int_equal(due_count(m->w.x, DUE_INDEX), 1);
    for (int hour = 0; hour < 5; hour++) { /* time passes, nobody ticks */
        m->time_s += 3600;
        group_begin(m);
        group_end(m, own(m));
    }
    assert_int_equal(market_tick(m, own(m)), 1);
    assert_int_equal(m->o.points, 1);
    for (int hour = 5; hour < 26; hour++) {
        m->time_s += 3600;
        market_tick(m, own(m));
    }
    assert_int_equal(due_count(m->w.x, DUE_INDEX), 0);
    assert_int_equal(m->w.x->head.index_hour_s, 0);
    uint64_t points = m->o.points;
    group_begin(m);
    trade_log(m->w.x, &g, 1);
    group_end(m, own(m));
    m->time_s += 3600;
    market_tick(m, own(m));
    assert_int_equal(m->o.points, points + 1);
    assert_int_equal(world_check(m->w.x, NULL), 0);
    market_close(m);
}

/* Of few trades it is a small item of the tick in which it falls due. */
static void an_index_of_few_trades_waits_for_nothing(void **state)
{
    (void)state;
    struct market *m = market_open();
    struct lease_grant g = grant_of(0, false, 1, 1, 60, 5);
    group_begin(m);
    trade_log(m->w.x, &g, 1);
    group_end(m, own(m));
    m->time_s += 3600;
    assert_true(due_count(m->w.x, DUE_REQUEST) > 0);
    group_begin(m);
    exchange_tick(m->w.x);
    assert_int_equal(group_end(m, own(m)), 1);
    assert_int_equal(due_count(m->w.x, DUE_REQUEST), 0);
    assert_int_equal(m->o.points, 1);
    market_close(m);
}

/* The last ones alone are kept, and the index over all of them has a tick of its own: what else is
 * due, here ids of requests, is worked off in the one before. */
static void trades_are_kept_to_a_limit(void **state)
{
    (void)state;
    struct market *m = market_open();
    struct timespec before, after;
    struct lease_grant grants[ORDER_LEASES_MAX];
    random_start();
    for (uint32_t made = 0; made < TRADES_KEPT_MAX + 1000;) {
        group_begin(m);
        for (uint32_t fill = 0; fill < 100; fill++, made += ORDER_LEASES_MAX) {
            for (uint32_t i = 0; i < ORDER_LEASES_MAX; i++)
                grants[i] = grant_of((uint32_t)random_below(SITES), false, 1 + random_below(SKUS),
                                     1 + (uint32_t)random_below(1000), 60, random_below(1000000));
            trade_log(m->w.x, grants, ORDER_LEASES_MAX);
        }
        group_end(m, NULL);
    }
    assert_int_equal(store_count(m->w.x->store, TABLE_TRADE), TRADES_KEPT_MAX);
    uint64_t first = m->w.x->head.trade_last - TRADES_KEPT_MAX + 1;
    assert_int_equal(trade_first(m->w.x), first);
    assert_null(trade_find(m->w.x, first - 1));
    assert_non_null(trade_find(m->w.x, first));
    m->time_s += 3600;
    assert_true(due_count(m->w.x, DUE_REQUEST) > 0);
    group_begin(m);
    exchange_tick(m->w.x);
    assert_int_equal(group_end(m, NULL), 0);
    assert_int_equal(due_count(m->w.x, DUE_REQUEST), 0);
    assert_true(exchange_next_due(m->w.x) <= m->time_s);
    clock_gettime(CLOCK_MONOTONIC, &before);
    group_begin(m);
    exchange_tick(m->w.x);
    assert_int_equal(group_end(m, NULL), 1);
    clock_gettime(CLOCK_MONOTONIC, &after);
    double ms = (double)(after.tv_sec - before.tv_sec) * 1e3 +
                (double)(after.tv_nsec - before.tv_nsec) / 1e6;
    printf("index over %d trades: %.1f ms\n", TRADES_KEPT_MAX, ms);
    assert_int_equal(world_check(m->w.x, NULL), 0);
    market_close(m);
}

/* What is undone leaves no trade behind. */
static void a_trade_is_undone(void **state)
{
    (void)state;
    struct market *m = market_open();
    struct lease_grant g = grant_of(0, false, 1, 1, 60, 5);
    group_begin(m);
    struct head_row head = m->w.x->head;
    size_t mark = store_mark(m->w.x->store);
    trade_log(m->w.x, &g, 1);
    store_rollback(m->w.x->store, mark);
    m->w.x->head = head;
    exchange_end(m->w.x);
    assert_int_equal(due_count(m->w.x, DUE_INDEX), 0);
    assert_int_equal(store_count(m->w.x->store, TABLE_TRADE), 0);
    m->w.x->events.length = 0;
    assert_int_equal(world_check(m->w.x, NULL), 0);
    market_close(m);
}

static struct market *market_with_points(void)
{
    struct market *m = market_open();
    struct lease_grant g[2] = {grant_of(0, false, 1, 1, 60, 5), grant_of(1, false, 1, 1, 60, 5)};
    group_begin(m);
    trade_log(m->w.x, g, 2);
    group_end(m, NULL);
    m->time_s += 3600;
    market_tick(m, NULL);
    assert_int_equal(world_check(m->w.x, NULL), 0);
    return m;
}

static void damage_is_reported(void **state)
{
    (void)state;
    for (int fault = 0; fault < 6; fault++) {
        struct market *m = market_with_points();
        struct exchange *x = m->w.x;
        struct buffer lines = BUFFER_EMPTY;
        uint64_t one = 1;
        struct trade_row trade = *trade_find(x, 2);
        struct point_row point = *price_index_last(x, 1, TRADE_KIND_SPOT);
        switch (fault) {
        case 0:
            store_remove(x->store, TABLE_TRADE, &one);
            break;
        case 1:
            trade.kind = TRADE_KIND_COMMITTED;
            store_put(x->store, TABLE_TRADE, &trade);
            break;
        case 2:
            point.gpu_minutes++;
            store_put(x->store, TABLE_POINT, &point);
            break;
        case 3:
            store_remove(x->store, TABLE_POINT, &point);
            break;
        case 4:
            due_remove(x,
                       (struct due_item){.due_s = x->head.index_hour_s + 3600, .kind = DUE_INDEX});
            break;
        default:
            trade.time_s = x->head.time_s + 1;
            store_put(x->store, TABLE_TRADE, &trade);
            break;
        }
        assert_true(world_check(x, &lines) > 0);
        buffer_release(&lines);
        market_close(m);
    }
}

/* What this file and the guide to the index in docs/protocol.md take for granted. */
static void the_numbers_are_those_documented(void **state)
{
    (void)state;
    assert_int_equal(INDEX_STALE_S, 24 * 3600);
    assert_int_equal(INDEX_TRIM_PERCENT, 10);
    assert_int_equal(COMMITTED_MIN_MIN, 30 * 24 * 60);
    uint64_t end_s = WORLD_BEGIN_S + COMMITTED_MIN_MIN * UINT64_C(60);
    assert_int_equal(trade_kind_of(WORLD_BEGIN_S, end_s), TRADE_KIND_COMMITTED);
    assert_int_equal(trade_kind_of(WORLD_BEGIN_S, end_s - 60), TRADE_KIND_SPOT);
}

/* The oldest points go as new ones come, of each SKU and kind for itself; after a long pause two
 * for each new one. */
static void points_are_kept_for_so_many_hours(void **state)
{
    (void)state;
    struct market *m = market_with_points();
    struct exchange *x = m->w.x;
    const uint64_t kept_s = (uint64_t)INDEX_HOURS_KEPT_MAX * INDEX_HOUR_S;
    struct point_row point = *price_index_last(x, 1, TRADE_KIND_SPOT);
    uint64_t hour_s = point.hour_s;
    for (uint64_t k = 0; k < 5; k++) {
        point.hour_s = hour_s - kept_s - k * INDEX_HOUR_S;
        store_put(x->store, TABLE_POINT, &point);
    }
    point.kind = TRADE_KIND_COMMITTED;
    store_put(x->store, TABLE_POINT, &point);
    static const uint32_t old_left[] = {3, 1, 0, 0};
    for (uint32_t hour = 0; hour < 4; hour++) {
        m->time_s += INDEX_HOUR_S;
        market_tick(m, NULL);
        uint32_t old = 0;
        const struct point_row *row = price_index_point(x, 1, TRADE_KIND_SPOT, 0);
        for (; row->hour_s <= hour_s - kept_s; old++)
            row = price_index_point(x, 1, TRADE_KIND_SPOT, row->hour_s + 1);
        assert_int_equal(old, old_left[hour]);
    }
    assert_int_equal(price_index_point(x, 1, TRADE_KIND_SPOT, 0)->hour_s, hour_s);
    assert_non_null(price_index_point(x, 1, TRADE_KIND_COMMITTED, 0));
    market_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_numbers_are_those_documented),
        cmocka_unit_test(the_index_follows_from_public_events),
        cmocka_unit_test(points_are_kept_for_so_many_hours),
        cmocka_unit_test(the_chain_has_ends),
        cmocka_unit_test(an_idle_exchange_publishes_nothing),
        cmocka_unit_test(an_index_of_few_trades_waits_for_nothing),
        cmocka_unit_test(trades_are_kept_to_a_limit),
        cmocka_unit_test(a_trade_is_undone),
        cmocka_unit_test(damage_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
