/*
 * Depth and utilisation of random books against a plain reading of the rows, minute by minute.
 */
#include <stdbool.h>

#include "server/exchange/offer.h"
#include "server/exchange/order.h"
#include "server/exchange/site.h"
#include "tests/server/exchange/support.h"
#include "tests/server/exchange/world.h"

enum { SITES = 4, OFFERS = 60, ORDERS = 60, SPAN_MIN = 3000, LEVELS = 16, CLOSURES = 3 };

static const char *const site_regions[SITES] = {"US-TX", "US-CA", "ID", "DE"};
static const char *const asked_regions[] = {"", "US", "US-TX", "ID", "FR"};

struct market {
    struct world w;
    uint32_t operator;
    uint32_t startup;
    uint64_t token; /* all that the startup has */
    uint64_t begin_min;
    uint64_t closed_from[CLOSURES];
    uint64_t closed_until[CLOSURES];
    uint64_t closed_site[CLOSURES];
};

static enum refusal try(struct market *m, uint32_t account, const char *key,
                        const struct message *what, const void *body)
{
    return world_do(&m->w, account, key, what, body)->refusal;
}

static void sites_add(struct market *m)
{
    struct text name = {"k", 1};
    struct op_sku_add sku = {
        .name = name, .vendor = name, .model = name, .memory_gb = 80, .power_w = 1};
    assert_int_equal(try(m, 1, "admin", &op_sku_add_message, &sku), REFUSAL_accepted);
    for (uint32_t i = 0; i < SITES; i++) {
        struct text region = text_of(site_regions[i]);
        struct op_site_add site = {.name = region,
                                   .region = region,
                                   .jurisdiction = {site_regions[i], 2},
                                   .power_kw = 100000};
        assert_int_equal(try(m, m->operator, "op", &op_site_add_message, &site), REFUSAL_accepted);
    }
}

static void offer_draw(struct market *m)
{
    uint64_t start = m->begin_min + random_below(SPAN_MIN / 2);
    uint32_t length = 60 + (uint32_t)random_below(SPAN_MIN);
    uint32_t block = 1 + (uint32_t)random_below(4);
    struct op_offer_publish offer = {
        .site = 1 + random_below(SITES),
        .sku = 1,
        .gpus = block * (1 + (uint32_t)random_below(20)),
        .block_gpus = block,
        .start_s = start * 60,
        .end_s = (start + length) * 60,
        .price_ucr = 1000 + random_below(8),
        .lease_min_min = random_below(2) == 0 ? 1 : 1 + (uint32_t)random_below(length),
        .lease_max_min = random_below(3) == 0 ? length : 0,
        .billing = random_below(4) == 0 ? BILLING_METERED : BILLING_RESERVED,
        .meter_period_min = 60,
        .preemptible = random_below(4) == 0,
    };
    assert_int_equal(try(m, m->operator, "op", &op_offer_publish_message, &offer),
                     REFUSAL_accepted);
}

/* Some are filled, some rest, some are refused. */
static void order_draw(struct market *m)
{
    struct sku_limit limit = {1, 995 + random_below(12)};
    struct place place = {{site_regions[random_below(SITES)], 0}};
    if (random_below(3) == 0)
        place.code.data = "US";
    place.code.length = (uint32_t)strlen(place.code.data);
    uint64_t from = m->begin_min + random_below(SPAN_MIN);
    bool rests = random_below(2) == 0;
    uint32_t gpus = 1 + (uint32_t)random_below(30);
    uint64_t until = from + (rests ? random_below(300) : 0);
    struct op_order_place order = {
        .preemptible_ok = random_below(2) == 0,
        .skus = {&limit, 1},
        .gpus = gpus,
        .gpus_min = 1,
        .block_gpus = 1,
        .duration_min = 1 + (uint32_t)random_below(400),
        .start_from_s = from * 60,
        .start_until_s = until * 60,
        .placement = random_below(2) == 0 ? PLACEMENT_SPREAD : PLACEMENT_ONE_SITE,
        .time_in_force = rests ? TIME_IN_FORCE_GTT : TIME_IN_FORCE_IOC,
        .rest_until_s = rests ? (until + 10) * 60 : 0,
        .regions = {&place, (uint32_t)random_below(2)},
        .profile = random_below(3) == 0 ? PROFILE_TRAINING : PROFILE_TUNING,
        .tokens = {&m->token, 1},
    };
    const struct result *r =
        world_do(&m->w, m->startup, "startup", &op_order_place_message, &order);
    if (r->refusal == REFUSAL_accepted) {
        assert_int_equal(r->token_count, 1);
        m->token = r->token_first;
    }
}

static void market_open(struct market *m)
{
    world_begin(&m->w, WORLD_OPTIONS);
    m->begin_min = WORLD_BEGIN_S / 60;
    m->operator= world_register(&m->w, "op", ROLE_OPERATOR);
    m->startup = world_register(&m->w, "startup", ROLE_STARTUP);
    m->token = world_mint(&m->w, world_series(&m->w, "s", 0), m->startup, UINT64_C(1) << 50);
    sites_add(m);
    for (uint32_t i = 0; i < OFFERS; i++)
        offer_draw(m);
    for (uint32_t i = 0; i < CLOSURES; i++) {
        m->closed_from[i] = m->begin_min + random_below(SPAN_MIN);
        m->closed_until[i] = m->closed_from[i] + 1 + random_below(200);
        m->closed_site[i] = 1 + random_below(SITES);
        struct op_site_close close = {.site = m->closed_site[i],
                                      .kind = CLOSURE_KIND_MAINTENANCE,
                                      .start_s = m->closed_from[i] * 60,
                                      .end_s = m->closed_until[i] * 60};
        assert_int_equal(try(m, m->operator, "op", &op_site_close_message, &close),
                         REFUSAL_accepted);
    }
    for (uint32_t i = 0; i < ORDERS; i++)
        order_draw(m);
    for (uint32_t i = 0; i < OFFERS / 10; i++) {
        struct op_offer_withdraw withdraw = {1 + random_below(OFFERS)};
        (void)try(m, m->operator, "op", &op_offer_withdraw_message, &withdraw);
    }
}

/* --- The plain reading ----------------------------------------------------------------------- */

struct plain_leases {
    uint64_t offer;
    uint64_t minute;
    uint64_t gpus;
};

static int lease_add(void *context, const void *item)
{
    struct plain_leases *p = context;
    const struct lease_row *row = item;
    if (row->offer == p->offer && row->start_s <= p->minute * 60 && row->end_s > p->minute * 60)
        p->gpus += row->gpus;
    return 0;
}

static uint64_t plain_leased(const struct market *m, uint64_t offer, uint64_t minute)
{
    struct plain_leases p = {offer, minute, 0};
    store_each(m->w.x->store, TABLE_LEASE, lease_add, &p);
    return p.gpus;
}

static bool plain_closed(const struct market *m, uint64_t site, uint64_t minute)
{
    for (int i = 0; i < CLOSURES; i++) {
        if (m->closed_site[i] == site && minute >= m->closed_from[i] && minute < m->closed_until[i])
            return true;
    }
    return false;
}

static uint64_t plain_free_at(const struct market *m, const struct offer_row *o, uint64_t minute)
{
    if (o->start_s > minute * 60 || o->end_s <= minute * 60 || plain_closed(m, o->site, minute))
        return 0;
    return o->gpus - plain_leased(m, o->offer, minute);
}

/* Free over the whole window, when a block is also free long enough around it for a lease. */
static uint32_t plain_free(const struct market *m, const struct offer_row *o, uint64_t from,
                           uint64_t until, uint32_t duration)
{
    uint64_t run = duration > o->lease_min_min ? duration : o->lease_min_min;
    if (duration > 0 &&
        (duration < o->lease_min_min || (o->lease_max_min > 0 && duration > o->lease_max_min)))
        return 0;
    uint64_t least = o->gpus;
    for (uint64_t minute = from; minute < until && least >= o->block_gpus; minute++) {
        uint64_t here = plain_free_at(m, o, minute);
        least = here < least ? here : least;
    }
    if (least < o->block_gpus)
        return 0;
    while (until - from < run && plain_free_at(m, o, from - 1) >= o->block_gpus)
        from--;
    while (until - from < run && plain_free_at(m, o, until) >= o->block_gpus)
        until++;
    return until - from < run ? 0 : (uint32_t)(least - least % o->block_gpus);
}

struct plain_level {
    uint64_t price;
    uint64_t gpus;
    uint32_t count;
};

static void level_add(struct plain_level *levels, uint64_t price, uint64_t gpus)
{
    struct plain_level *l = levels;
    while (l->count > 0 && l->price != price)
        l++;
    *l = (struct plain_level){price, l->gpus + gpus, l->count + 1};
}

static bool starts_with(const char *text, const char *start)
{
    size_t length = strlen(start);
    return strncmp(text, start, length) == 0 && (text[length] == '\0' || text[length] == '-');
}

struct plain_bids {
    const struct market *m;
    const char *region;
    uint64_t from;
    uint64_t until;
    bool preemptible;
    bool metered;
    struct plain_level levels[LEVELS];
};

static int rest_add(void *context, const void *item)
{
    struct plain_bids *p = context;
    const struct rest_row *rest = item;
    const struct order_row *order = order_find(p->m->w.x, rest->order);
    const struct site_row *site = rest->site != 0 ? site_find(p->m->w.x, rest->site) : NULL;
    bool there = p->region[0] == '\0' || rest->regions_count == 0;
    const char *region = (const char *)rest->regions;
    if (rest->regions_count > 0)
        there = there || starts_with(region, p->region) || starts_with(p->region, region);
    if (site != NULL && p->region[0] != '\0')
        there = starts_with(site->region, p->region);
    bool training = rest->profile == PROFILE_TRAINING;
    if (p->preemptible && (training || !rest->preemptible_ok))
        there = false;
    if (p->metered && training)
        there = false;
    if (there && rest->start_from_s < p->until * 60 &&
        rest->start_until_s + order->duration_min * UINT64_C(60) > p->from * 60)
        level_add(p->levels, rest->limits_ucr[0], order->gpus - order->gpus_filled);
    return 0;
}

static const struct plain_level *level_like(const struct plain_level *levels, uint64_t price)
{
    for (; levels->count > 0; levels++) {
        if (levels->price == price)
            return levels;
    }
    return NULL;
}

static uint32_t levels_count(const struct plain_level *levels)
{
    uint32_t count = 0;
    while (levels[count].count > 0)
        count++;
    return count;
}

/* --- Tests ----------------------------------------------------------------------------------- */

static const void *asked(struct market *m, struct arena *arena, const struct message *query,
                         const void *body)
{
    const struct message *answer = NULL;
    const void *found = NULL;
    assert_int_equal(exchange_query(m->w.x, 0, query, body, arena, &answer, &found),
                     REFUSAL_accepted);
    assert_int_equal(answer->code, query->code);
    return found;
}

static uint32_t depth_compare(struct market *m)
{
    struct arena arena = ARENA_EMPTY;
    struct plain_bids bids = {.m = m, .region = asked_regions[random_below(5)]};
    struct plain_level asks[LEVELS] = {0};
    bids.from = m->begin_min + random_below(SPAN_MIN);
    bids.until = bids.from + 1 + random_below(random_below(2) == 0 ? 10 : 600);
    bids.preemptible = random_below(3) == 0;
    bids.metered = random_below(3) == 0;
    uint32_t duration = random_below(2) == 0 ? 0 : 1 + (uint32_t)random_below(300);
    for (uint64_t i = 1; i <= OFFERS; i++) {
        const struct offer_row *o = offer_row_find(m->w.x, i);
        const char *region = site_find(m->w.x, o->site)->region;
        uint32_t gpus = plain_free(m, o, bids.from, bids.until, duration);
        bool alike = (o->preemptible != 0) == bids.preemptible &&
                     (o->billing == BILLING_METERED) == bids.metered;
        if (o->state == OFFER_STATE_OPEN && !o->asking && alike && gpus > 0 &&
            (bids.region[0] == '\0' || starts_with(region, bids.region)))
            level_add(asks, o->price_ucr, gpus);
    }
    store_each(m->w.x->store, TABLE_REST, rest_add, &bids);
    struct q_depth q = {.sku = 1,
                        .region = text_of(bids.region),
                        .start_s = bids.from * 60,
                        .end_s = bids.until * 60,
                        .preemptible = bids.preemptible,
                        .metered = bids.metered,
                        .duration_min = duration};
    const struct a_depth *a = asked(m, &arena, &q_depth_message, &q);
    assert_int_equal(a->rows.count, levels_count(asks) + levels_count(bids.levels));
    assert_int_equal(a->next, 0);
    for (uint32_t i = 0; i < a->rows.count; i++) {
        const struct depth_level *l = &a->rows.items[i];
        const struct plain_level *p =
            level_like(l->side == SIDE_SELL ? asks : bids.levels, l->price_ucr);
        assert_non_null(p);
        assert_int_equal(l->gpus, p->gpus);
        assert_int_equal(l->count, p->count);
        if (i > 0 && l->side == a->rows.items[i - 1].side)
            assert_true(l->side == SIDE_SELL ? l->price_ucr > a->rows.items[i - 1].price_ucr
                                             : l->price_ucr < a->rows.items[i - 1].price_ucr);
    }
    uint32_t count = a->rows.count;
    arena_release(&arena);
    return count;
}

static void utilisation_compare(struct market *m)
{
    struct arena arena = ARENA_EMPTY;
    struct q_utilisation q = {.sku = 1, .step_min = 1 + (uint32_t)random_below(40)};
    uint64_t from = m->begin_min + random_below(SPAN_MIN);
    uint64_t until = from + 1 + random_below(100);
    uint64_t site = 1 + random_below(SITES);
    q.site = site;
    q.start_s = from * 60;
    q.end_s = until * 60;
    const struct a_utilisation *a = asked(m, &arena, &q_utilisation_message, &q);
    for (uint32_t i = 0; i < a->rows.count; i++) {
        const struct utilisation_row *row = &a->rows.items[i];
        uint64_t offered = 0;
        uint64_t leased = 0;
        assert_int_equal(row->start_s, (from + i * q.step_min) * 60);
        for (uint64_t minute = row->start_s / 60; minute < row->end_s / 60; minute++) {
            for (uint64_t k = 1; k <= OFFERS; k++) {
                const struct offer_row *o = offer_row_find(m->w.x, k);
                uint64_t taken = plain_leased(m, k, minute);
                bool inside = o->start_s <= minute * 60 && minute * 60 < o->end_s;
                if (o->site != site || !inside)
                    continue;
                leased += taken;
                offered += o->state == OFFER_STATE_OPEN ? o->gpus : taken;
            }
        }
        assert_int_equal(row->gpu_minutes_offered, offered);
        assert_int_equal(row->gpu_minutes_leased, leased);
    }
    arena_release(&arena);
}

static void depth_and_utilisation_are_what_the_rows_say(void **state)
{
    (void)state;
    random_start();
    uint32_t levels = 0;
    for (int story = 0; story < 6; story++) {
        struct market m = {0};
        market_open(&m);
        for (int i = 0; i < 40; i++) {
            levels += depth_compare(&m);
            utilisation_compare(&m);
        }
        world_end(&m.w);
    }
    printf("%u levels compared\n", levels);
    assert_true(levels > 500);
}

/* One question may name STARTS_MAX starts; where the searches of it look at too much, the answer
 * says where to go on. */
static void starts_come_in_one_answer(void **state)
{
    (void)state;
    random_start();
    struct market m = {0};
    struct arena arena = ARENA_EMPTY;
    market_open(&m);
    struct sku_limit limit = {1, 2000};
    struct q_starts q = {.skus = {&limit, 1},
                         .gpus = 8,
                         .gpus_min = 1,
                         .block_gpus = 1,
                         .duration_min = 60,
                         .placement = PLACEMENT_SPREAD,
                         .profile = PROFILE_TUNING,
                         .step_min = 5,
                         .count = STARTS_MAX};
    uint32_t rows = 0;
    uint32_t had = 0;
    do {
        const struct a_starts *a = asked(&m, &arena, &q_starts_message, &q);
        for (uint32_t i = 0; i < a->rows.count; i++, rows++) {
            const struct start_price *p = &a->rows.items[i];
            assert_int_equal(p->start_s, (m.begin_min + rows * UINT64_C(5)) * 60);
            had += p->gpus > 0;
        }
        assert_true(a->rows.count > 0);
        assert_true(a->next == 0 || a->next == (m.begin_min + rows * UINT64_C(5)) * 60);
        q.start_from_s = a->next;
        q.count = STARTS_MAX - rows;
    } while (q.start_from_s != 0);
    assert_int_equal(rows, STARTS_MAX);
    assert_true(had > 0);
    arena_release(&arena);
    world_end(&m.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(depth_and_utilisation_are_what_the_rows_say),
        cmocka_unit_test(starts_come_in_one_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
