/*
 * Matching against a plain model of the procedure in match.h, minute by minute, and against a full
 * search over all minutes where the procedure is to be optimal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/exchange/match.h"
#include "server/exchange/lease.h"
#include "server/exchange/site.h"
#include "tests/server/exchange/world.h"

enum { MINUTES = 400, OFFERS_MAX = 400, PLAIN_STANDS_MAX = 16 };

static uint64_t seed;

static uint32_t draw(uint32_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % below;
}

static void seed_set(void)
{
    const char *text = getenv("BOURSE_SEED");
    seed = text != NULL ? strtoull(text, NULL, 10) : 7064;
    printf("BOURSE_SEED=%llu\n", (unsigned long long)seed);
}

/* --- The plain model: what is free of each offer in each minute since the world began ------- */

struct plain_offer {
    struct offer_row row;
    uint32_t free[MINUTES];
};

struct plain {
    struct plain_offer *offers;
    size_t count;
    uint64_t begin_min;
};

static int plain_lease(void *context, const void *item)
{
    struct plain *p = context;
    const struct lease_row *row = item;
    struct plain_offer *o = &p->offers[row->offer - 1];
    for (uint64_t m = row->start_s / 60; m < row->end_s / 60; m++) {
        assert_true(o->free[m - p->begin_min] >= row->gpus);
        o->free[m - p->begin_min] -= row->gpus;
    }
    return 0;
}

static void plain_read(struct plain *p, const struct exchange *x)
{
    p->begin_min = WORLD_BEGIN_S / 60;
    p->count = (size_t)x->head.offer_last;
    assert_true(p->count <= OFFERS_MAX);
    for (size_t i = 0; i < p->count; i++) {
        struct plain_offer *o = &p->offers[i];
        o->row = *offer_row_find(x, i + 1);
        for (uint64_t m = 0; m < MINUTES; m++) {
            uint64_t at_s = (p->begin_min + m) * 60;
            bool inside = at_s >= o->row.start_s && at_s < o->row.end_s;
            o->free[m] = inside ? o->row.gpus : 0;
        }
    }
    store_each(x->store, TABLE_LEASE, plain_lease, p);
}

static uint32_t plain_free(const struct plain *p, const struct plain_offer *o, uint64_t start,
                           uint32_t duration)
{
    uint32_t least = UINT32_MAX;
    for (uint64_t m = start; m < start + duration; m++) {
        uint32_t here = m - p->begin_min < MINUTES ? o->free[m - p->begin_min] : 0;
        least = here < least ? here : least;
    }
    return least;
}

static bool covered(const uint64_t *filters, uint32_t count, const char *code)
{
    for (uint32_t i = 0; i < count; i++) {
        if (place_covers(filters[i], place_number(code)))
            return true;
    }
    return count == 0;
}

static bool plain_counts(const struct exchange *x, const struct wish *w,
                         const struct plain_offer *o, uint64_t site, uint64_t sku)
{
    const struct site_row *row = site_find(x, o->row.site);
    uint64_t limit = 0;
    bool wanted = false;
    for (uint32_t i = 0; i < w->skus_count; i++) {
        if (w->skus[i].sku == sku) {
            limit = w->skus[i].limit_price_ucr;
            wanted = true;
        }
    }
    return wanted && o->row.state == OFFER_STATE_OPEN && o->row.site == site && o->row.sku == sku &&
           o->row.price_ucr <= limit && covered(w->regions, w->regions_count, row->region) &&
           covered(w->jurisdictions, w->jurisdictions_count, row->jurisdiction) &&
           (w->preemptible_ok || !o->row.preemptible) && o->row.block_gpus <= w->gpus &&
           w->duration_min >= o->row.lease_min_min &&
           (o->row.lease_max_min == 0 || w->duration_min <= o->row.lease_max_min);
}

struct plain_stand {
    uint64_t site, sku;
    uint64_t price, start, serial;
};

static bool plain_rank(const struct exchange *x, const struct plain *p, const struct wish *w,
                       struct plain_stand *stand)
{
    bool found = false;
    for (size_t i = 0; i < p->count; i++) {
        const struct plain_offer *o = &p->offers[i];
        if (!plain_counts(x, w, o, stand->site, stand->sku))
            continue;
        for (uint64_t s = w->from_min; s <= w->until_min; s++) {
            if (plain_free(p, o, s, w->duration_min) < o->row.block_gpus)
                continue;
            bool better = !found || o->row.price_ucr < stand->price ||
                          (o->row.price_ucr == stand->price && s < stand->start);
            if (better) {
                stand->price = o->row.price_ucr;
                stand->start = s;
                stand->serial = o->row.offer;
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
    return p->serial < q->serial ? -1 : p->serial > q->serial;
}

static bool plain_rises(const struct exchange *x, const struct plain *p, const struct wish *w,
                        const struct plain_stand *stand, uint64_t at)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct plain_offer *o = &p->offers[i];
        uint64_t m = at - p->begin_min;
        if (plain_counts(x, w, o, stand->site, stand->sku) && m > 0 && m < MINUTES &&
            o->free[m] > o->free[m - 1])
            return true;
    }
    return false;
}

/* Step 4 over the offers in the order of price and serial. */
static void plain_take(const struct exchange *x, const struct plain *p, const struct wish *w,
                       const struct plain_stand *stand, uint64_t start, struct match *m)
{
    memset(m, 0, sizeof(*m));
    m->start_min = start;
    for (uint64_t price = 0; price <= 12; price++) {
        for (size_t i = 0; i < p->count && m->gpus < w->gpus; i++) {
            const struct plain_offer *o = &p->offers[i];
            if (o->row.price_ucr != price * 60 || !plain_counts(x, w, o, stand->site, stand->sku))
                continue;
            uint32_t free = plain_free(p, o, start, w->duration_min);
            uint32_t least = 0;
            bool full = m->count == ORDER_LEASES_MAX;
            for (uint32_t k = 0; full && k < m->count; k++)
                least = m->parts[k].gpus <= m->parts[least].gpus ? k : least;
            uint32_t without = full ? m->gpus - m->parts[least].gpus : m->gpus;
            uint32_t gives = free < w->gpus - without ? free : w->gpus - without;
            gives = gives / o->row.block_gpus * o->row.block_gpus;
            if (gives == 0 || (full && gives <= m->parts[least].gpus))
                continue;
            if (full) {
                memmove(&m->parts[least], &m->parts[least + 1],
                        (m->count - least - 1) * sizeof(m->parts[0]));
                m->count--;
            }
            m->parts[m->count++] = (struct match_part){offer_find(x, o->row.offer), gives};
            m->gpus = without + gives;
        }
    }
}

static void plain_match(const struct exchange *x, const struct plain *p, const struct wish *w,
                        struct match *best)
{
    struct plain_stand stands[PLAIN_STANDS_MAX];
    size_t count = 0;
    memset(best, 0, sizeof(*best));
    for (uint64_t site = 1; site <= x->head.site_last; site++) {
        for (uint64_t sku = 1; sku <= x->head.sku_last; sku++) {
            stands[count] = (struct plain_stand){.site = site, .sku = sku};
            count += plain_rank(x, p, w, &stands[count]);
        }
    }
    if (count > 0)
        qsort(stands, count, sizeof(stands[0]), plain_stand_compare);
    for (size_t i = 0; i < count; i++) {
        for (uint64_t s = w->from_min; s <= w->until_min; s++) {
            if (s > w->from_min && !plain_rises(x, p, w, &stands[i], s))
                continue;
            struct match m;
            plain_take(x, p, w, &stands[i], s, &m);
            if (m.gpus > best->gpus)
                *best = m;
            if (best->gpus == w->gpus)
                return;
        }
    }
}

/* --- Random markets ------------------------------------------------------------------------- */

struct market {
    struct world w;
    uint32_t operator, startup;
    uint64_t token;
    struct plain plain;
};

static void market_begin(struct market *k, uint64_t sites, uint64_t skus)
{
    static const char *regions[] = {"US-TX", "US", "ID"};
    static const char *jurisdictions[] = {"US", "SG", "ID"};
    world_begin(&k->w, WORLD_OPTIONS);
    k->operator= world_register(&k->w, "op", ROLE_OPERATOR);
    k->startup = world_register(&k->w, "startup", ROLE_STARTUP);
    uint32_t series = world_series(&k->w, "s", 0);
    k->token = world_mint(&k->w, series, k->startup, UINT64_C(100000000000000000));
    for (uint64_t i = 0; i < skus; i++) {
        char name[8];
        snprintf(name, sizeof(name), "sku%u", (unsigned)i);
        struct text text = {name, (uint32_t)strlen(name)};
        struct op_sku_add op = {.name = text,
                                .vendor = text,
                                .model = text,
                                .memory_gb = 80,
                                .interconnect = text,
                                .power_w = 700,
                                .generation = text};
        assert_int_equal(world_do(&k->w, 1, "admin", &op_sku_add_message, &op)->refusal, 0);
    }
    for (uint64_t i = 0; i < sites; i++) {
        char name[8];
        snprintf(name, sizeof(name), "site%u", (unsigned)i);
        struct op_site_add op = {
            .name = {name, (uint32_t)strlen(name)},
            .region = {regions[i % 3], (uint32_t)strlen(regions[i % 3])},
            .jurisdiction = {jurisdictions[i % 3], 2},
            .power_kw = 1000000,
        };
        assert_int_equal(world_do(&k->w, k->operator, "op", &op_site_add_message, &op)->refusal, 0);
    }
    k->plain.offers = calloc(OFFERS_MAX, sizeof(*k->plain.offers));
}

static void market_end(struct market *k)
{
    assert_int_equal(world_check(k->w.x, NULL), 0);
    free(k->plain.offers);
    world_end(&k->w);
}

static void market_offer(struct market *k, uint32_t gpus_max, bool blocks)
{
    uint32_t block = blocks ? 1u << draw(3) : 1;
    uint64_t start = WORLD_BEGIN_S + 60 * (uint64_t)draw(150);
    struct op_offer_publish op = {
        .site = 1 + draw((uint32_t)k->w.x->head.site_last),
        .sku = 1 + draw((uint32_t)k->w.x->head.sku_last),
        .gpus = block * (1 + draw(gpus_max)),
        .block_gpus = block,
        .start_s = start,
        .end_s = start + 60 * (uint64_t)(10 + draw(200)),
        .price_ucr = 60 * (1 + (uint64_t)draw(6)),
        .preemptible = blocks && draw(4) == 0,
        .lease_min_min = 1 + draw(10),
        .lease_max_min = draw(3) == 0 ? 60 : 0,
        .billing = BILLING_METERED,
        .meter_period_min = 10,
    };
    const struct result *r = world_do(&k->w, k->operator, "op", &op_offer_publish_message, &op);
    /* Late in a story an offer may have ended before it is made. */
    assert_true(r->refusal == REFUSAL_accepted || r->refusal == REFUSAL_interval_in_past);
}

static void random_order(struct market *k, struct sku_limit limits[2], struct place places[2],
                         struct op_order_place *op, uint32_t gpus_max)
{
    uint64_t start = k->w.time_s + 60 * (uint64_t)draw(100);
    start -= start % 60;
    limits[0] = (struct sku_limit){1, 60 * (1 + (uint64_t)draw(8))};
    limits[1] = (struct sku_limit){2, 60 * (1 + (uint64_t)draw(8))};
    places[0].code = (struct text){draw(2) == 0 ? "US" : "ID", 2};
    *op = (struct op_order_place){
        .skus = {limits, k->w.x->head.sku_last == 1 ? 1 : 1 + draw(2)},
        .gpus = 1 + draw(gpus_max),
        .duration_min = 1 + draw(80),
        .start_from_s = draw(3) == 0 ? 0 : start,
        .start_until_s = start + 60 * (uint64_t)draw(draw(2) == 0 ? 1 : 90),
        .placement = PLACEMENT_ONE_SITE,
        .time_in_force = draw(2) == 0 ? TIME_IN_FORCE_IOC : TIME_IN_FORCE_FOK,
        .regions = {places, draw(3) == 0},
        .preemptible_ok = draw(2) == 0,
        .profile = PROFILE_TRAINING,
        .tokens = {&k->token, 1},
    };
    op->gpus_min = 1 + draw(op->gpus);
}

static void same_match(const struct match *got, const struct match *expected)
{
    assert_int_equal(got->gpus, expected->gpus);
    if (got->gpus == 0)
        return;
    assert_int_equal(got->start_min, expected->start_min);
    assert_int_equal(got->count, expected->count);
    for (uint32_t i = 0; i < got->count; i++) {
        assert_ptr_equal(got->parts[i].offer, expected->parts[i].offer);
        assert_int_equal(got->parts[i].gpus, expected->parts[i].gpus);
    }
}

/* Places the order and holds its outcome to the match. */
static bool order_holds(struct market *k, const struct op_order_place *op, const struct match *m,
                        bool found)
{
    const struct result *r = world_do(&k->w, k->startup, "startup", &op_order_place_message, op);
    if (!found) {
        assert_true(r->refusal == REFUSAL_no_capacity || r->refusal == REFUSAL_size_not_met ||
                    r->refusal == REFUSAL_price_above_limit);
        return false;
    }
    assert_int_equal(r->refusal, 0);
    assert_int_equal(r->lease_count, m->count);
    k->token = r->token_first;
    for (uint32_t i = 0; i < m->count; i++) {
        const struct lease_row *row = lease_find(k->w.x, r->lease_first + i);
        assert_int_equal(row->offer, m->parts[i].offer->offer);
        assert_int_equal(row->gpus, m->parts[i].gpus);
        assert_int_equal(row->start_s, m->start_min * 60);
    }
    return true;
}

static void test_procedure(void **state)
{
    (void)state;
    seed_set();
    unsigned placed = 0;
    for (int round = 0; round < 12; round++) {
        struct market k;
        market_begin(&k, 3, 2);
        for (int i = 0; i < 25; i++)
            market_offer(&k, 6, true);
        for (int i = 0; i < 60; i++) {
            struct sku_limit limits[2];
            struct place places[2];
            struct op_order_place op;
            struct wish wish;
            struct match got, expected;
            if (draw(8) == 0)
                market_offer(&k, 6, true);
            if (draw(6) == 0)
                world_advance(&k.w, draw(200), false);
            random_order(&k, limits, places, &op, 20);
            if (wish_from_order(k.w.x, &op, &k.w.arena, &wish) != REFUSAL_accepted)
                continue;
            plain_read(&k.plain, k.w.x);
            plain_match(k.w.x, &k.plain, &wish, &expected);
            bool found = match_find(k.w.x, &wish, &got);
            same_match(&got, &expected);
            placed += order_holds(&k, &op, &got, found);
        }
        market_end(&k);
    }
    printf("%u orders placed\n", placed);
    assert_true(placed > 100);
}

/* Whether any start of the window and any choice of offers reaches the order's size. */
static bool full_search(const struct exchange *x, const struct plain *p, const struct wish *w)
{
    for (uint64_t s = w->from_min; s <= w->until_min; s++) {
        uint32_t gives[OFFERS_MAX];
        size_t count = 0;
        for (size_t i = 0; i < p->count; i++) {
            if (plain_counts(x, w, &p->offers[i], 1, 1))
                gives[count++] = plain_free(p, &p->offers[i], s, w->duration_min);
        }
        uint64_t sum = 0;
        for (size_t n = 0; n < ORDER_LEASES_MAX && n < count; n++) {
            size_t most = n;
            for (size_t i = n; i < count; i++)
                most = gives[i] > gives[most] ? i : most;
            uint32_t g = gives[most];
            gives[most] = gives[n];
            gives[n] = g;
            sum += g;
        }
        if (sum >= w->gpus)
            return true;
    }
    return false;
}

static void test_full_search(void **state)
{
    (void)state;
    seed_set();
    unsigned filled = 0, refused = 0;
    for (int round = 0; round < 6; round++) {
        struct market k;
        bool many = round % 2 == 1; /* more offers than leases that one order may have */
        market_begin(&k, 1, 1);
        for (int i = 0; i < (many ? 220 : 15); i++)
            market_offer(&k, many ? 3 : 12, false);
        for (int i = 0; i < 60; i++) {
            struct sku_limit limits[2];
            struct place places[2];
            struct op_order_place op;
            struct wish wish;
            struct match got;
            random_order(&k, limits, places, &op, many ? 200 : 60);
            op.time_in_force = TIME_IN_FORCE_FOK;
            op.regions.count = 0;
            if (wish_from_order(k.w.x, &op, &k.w.arena, &wish) != REFUSAL_accepted)
                continue;
            plain_read(&k.plain, k.w.x);
            bool feasible = full_search(k.w.x, &k.plain, &wish);
            bool found = match_find(k.w.x, &wish, &got);
            assert_int_equal(found, feasible);
            filled += found;
            refused += !found;
            order_holds(&k, &op, &got, found);
        }
        market_end(&k);
    }
    printf("%u filled, %u refused\n", filled, refused);
    assert_true(filled > 20 && refused > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_procedure),
        cmocka_unit_test(test_full_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
