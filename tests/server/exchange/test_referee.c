/* The referee finds the faults that it is there for, planted in what it watches, and reports none
 * where the rules do as they should. */
#include "server/exchange/fill.h"
#include "server/exchange/lease.h"
#include "server/exchange/offer.h"
#include "server/exchange/order.h"
#include "server/exchange/referee.h"
#include "server/exchange/rest.h"
#include "server/exchange/wish.h"
#include "tests/server/exchange/support.h"
#include "tests/server/exchange/world.h"

struct court {
    struct world w;
    struct referee *referee;
    uint32_t operator, startup, series;
    char said[256]; /* the last report */
};

static void court_hear(void *context, const char *line)
{
    struct court *c = context;
    snprintf(c->said, sizeof(c->said), "%s", line);
}

static const struct result *done(struct court *c, uint32_t account, const char *key,
                                 const struct message *m, const void *body)
{
    const struct result *result = world_do(&c->w, account, key, m, body);
    assert_int_equal(result->refusal, REFUSAL_accepted);
    return result;
}

/* One SKU, one site, no offers; watched from the beginning. */
static struct court *court_open(void)
{
    struct court *c = calloc(1, sizeof(*c));
    struct op_sku_add sku = {
        .name = {"h", 1}, .vendor = {"v", 1}, .model = {"m", 1}, .memory_gb = 80, .power_w = 1};
    struct op_site_add site = {
        .name = {"x", 1}, .region = {"US", 2}, .jurisdiction = {"US", 2}, .power_kw = 1000};
    world_begin(&c->w, WORLD_OPTIONS);
    c->operator= world_register(&c->w, "op", ROLE_OPERATOR);
    c->startup = world_register(&c->w, "startup", ROLE_STARTUP);
    c->series = world_series(&c->w, "seed", 0);
    done(c, 1, "admin", &op_sku_add_message, &sku);
    done(c, c->operator, "op", &op_site_add_message, &site);
    c->referee = referee_new(c->w.x, court_hear, c);
    return c;
}

static void court_close(struct court *c)
{
    referee_free(c->referee);
    world_end(&c->w);
    free(c);
}

static uint64_t found(const struct court *c)
{
    return referee_counts(c->referee).found;
}

static uint64_t publish_at(struct court *c, uint64_t site, uint32_t gpus, uint32_t block,
                           uint64_t price_ucr)
{
    struct op_offer_publish offer = {.site = site,
                                     .sku = 1,
                                     .gpus = gpus,
                                     .block_gpus = block,
                                     .start_s = WORLD_BEGIN_S,
                                     .end_s = WORLD_BEGIN_S + 7200,
                                     .price_ucr = price_ucr,
                                     .lease_min_min = 1,
                                     .billing = BILLING_RESERVED,
                                     .meter_period_min = 60};
    return done(c, c->operator, "op", &op_offer_publish_message, &offer)->object;
}

static uint64_t publish(struct court *c, uint32_t gpus, uint32_t block, uint64_t price_ucr)
{
    return publish_at(c, 1, gpus, block, price_ucr);
}

/* An order for an hour from now on. */
static uint64_t place_least(struct court *c, enum time_in_force time_in_force, uint32_t gpus,
                            uint32_t gpus_min, uint64_t limit_ucr)
{
    uint64_t token = world_mint(&c->w, c->series, c->startup, gpus * limit_ucr);
    struct sku_limit limit = {.sku = 1, .limit_price_ucr = limit_ucr};
    struct op_order_place order = {
        .skus = {&limit, 1},
        .gpus = gpus,
        .gpus_min = gpus_min,
        .block_gpus = 1,
        .duration_min = 60,
        .placement = PLACEMENT_ONE_SITE,
        .time_in_force = (uint32_t)time_in_force,
        .rest_until_s = time_in_force == TIME_IN_FORCE_GTT ? WORLD_BEGIN_S + 3600 : 0,
        .profile = PROFILE_TUNING,
        .tokens = {&token, 1},
    };
    return done(c, c->startup, "startup", &op_order_place_message, &order)->object;
}

/* All of the GPUs or none. */
static uint64_t place(struct court *c, enum time_in_force time_in_force, uint32_t gpus,
                      uint64_t limit_ucr)
{
    return place_least(c, time_in_force, gpus, gpus, limit_ucr);
}

/* --- Planted faults ------------------------------------------------------------------------- */

/* What the rules found reaches the referee changed. */
struct tamper {
    struct witness real;
    void (*change)(struct match *m);
};

static void tamper_matched(void *context, const struct wish *w, const struct match *m)
{
    const struct tamper *t = context;
    struct match changed = *m;
    t->change(&changed);
    t->real.matched(t->real.context, w, &changed);
}

static void change_nothing(struct match *m)
{
    (void)m;
}

static void change_order(struct match *m)
{
    struct match_part first = m->parts[0];
    m->parts[0] = m->parts[1];
    m->parts[1] = first;
}

static void change_price(struct match *m)
{
    m->parts[0].price_ucr++;
}

static void change_start(struct match *m)
{
    m->start_min++;
}

static void change_gpus(struct match *m)
{
    m->parts[1].gpus--;
    m->gpus--;
}

static void change_all(struct match *m)
{
    m->gpus = m->count = 0;
}

static void test_matches(void **state)
{
    static const struct {
        void (*change)(struct match *m);
        uint64_t found;
    } faults[] = {
        {change_nothing, 0}, {change_order, 1}, {change_price, 1},
        {change_start, 1},   {change_gpus, 1},  {change_all, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct court *c = court_open();
        struct tamper t = {c->w.x->witness, faults[i].change};
        publish(c, 4, 1, 10);
        publish(c, 4, 1, 20);
        c->w.x->witness = (struct witness){.matched = tamper_matched, .context = &t};
        place(c, TIME_IN_FORCE_IOC, 6, 20);
        assert_int_equal(found(c), faults[i].found);
        c->w.x->witness = t.real;
        court_close(c);
    }
}

/* GPUs that are leased, but free in the index in memory. */
static void test_double_selling(void **state)
{
    (void)state;
    struct court *c = court_open();
    uint64_t offer = publish(c, 4, 1, 10);
    place(c, TIME_IN_FORCE_IOC, 4, 10);
    assert_int_equal(found(c), 0);
    offer_take(c->w.x, offer, WORLD_BEGIN_S, WORLD_BEGIN_S + 3600, -4);
    place(c, TIME_IN_FORCE_IOC, 4, 10);
    assert_int_equal(found(c), 1);
    assert_non_null(strstr(c->said, "the rules 4 GPUs of offer 1"));
    court_close(c);
}

/* Two orders wait; the offer is published, and nobody has been asked about it yet. */
static uint64_t court_with_two(struct court *c, uint64_t limits_ucr[2])
{
    for (int i = 0; i < 2; i++)
        place(c, TIME_IN_FORCE_GTT, 4, limits_ucr[i]);
    uint64_t offer = publish(c, 4, 1, 10);
    assert_true(offer_row_find(c->w.x, offer)->asking);
    return offer;
}

/* The rules would fill the order that is behind. */
static void test_priority(void **state)
{
    static uint64_t limits[][2] = {{20, 15}, {20, 20}};
    (void)state;
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct court *c = court_open();
        uint64_t offer = court_with_two(c, limits[i]);
        const struct witness *w = &c->w.x->witness;
        c->w.x->asked_offer = offer;
        w->fills(w->context, offer, rest_find(c->w.x, 1), limits[i][0]);
        assert_int_equal(found(c), 0);
        w->fills(w->context, offer, rest_find(c->w.x, 2), limits[i][1]);
        assert_int_equal(found(c), 1);
        assert_non_null(strstr(c->said, "fills order 2 before order 1"));
        c->w.x->asked_offer = 0;
        world_settle(&c->w);
        assert_int_equal(found(c), 1);
        assert_null(rest_find(c->w.x, 1));
        assert_non_null(rest_find(c->w.x, 2));
        court_close(c);
    }
}

/* Rows that are other than the rules' indexes and searches have them while the referee looks. */
struct blind {
    struct court *c;
    struct witness real;
    bool at_fills;                                         /* else at grants */
    void (*change)(struct court *c, const struct fill *f); /* and back */
};

static void blind_matched(void *context, const struct wish *w, const struct match *m)
{
    struct blind *b = context;
    b->real.matched(b->real.context, w, m);
}

static void blind_fills(void *context, uint64_t offer, const struct rest_row *rest,
                        uint64_t limit_ucr)
{
    struct blind *b = context;
    b->change(b->c, NULL);
    b->real.fills(b->real.context, offer, rest, limit_ucr);
    b->change(b->c, NULL);
}

static void blind_granted(void *context, const struct fill *f)
{
    struct blind *b = context;
    if (!b->at_fills)
        b->change(b->c, f);
    b->real.granted(b->real.context, f);
    if (!b->at_fills)
        b->change(b->c, f);
}

static void blind_begin(struct blind *b, struct court *c, bool at_fills,
                        void (*change)(struct court *c, const struct fill *f))
{
    *b = (struct blind){c, c->w.x->witness, at_fills, change};
    c->w.x->witness = (struct witness){.matched = blind_matched,
                                       .granted = blind_granted,
                                       .fills = at_fills ? blind_fills : NULL,
                                       .context = b};
}

static struct rest_row *rest_of(struct court *c, uint64_t order)
{
    return (struct rest_row *)(uintptr_t)rest_find(c->w.x, order);
}

static void change_places(struct court *c, const struct fill *f)
{
    uint64_t place = rest_of(c, 1)->place;
    (void)f;
    rest_of(c, 1)->place = rest_of(c, 2)->place;
    rest_of(c, 2)->place = place;
}

/* The rules do fill the order that by its row is the younger one; of an offer in one block too. */
static void test_wrong_order(void **state)
{
    static const uint32_t blocks[] = {1, 4};
    (void)state;
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        struct court *c = court_open();
        struct blind b;
        place(c, TIME_IN_FORCE_GTT, 4, 20);
        place(c, TIME_IN_FORCE_GTT, 4, 20);
        blind_begin(&b, c, true, change_places);
        publish(c, 4, blocks[i], 10);
        world_settle(&c->w);
        assert_null(rest_find(c->w.x, 1));
        assert_int_equal(found(c), 1);
        assert_non_null(strstr(c->said, "fills order 1 before order 2"));
        c->w.x->witness = b.real;
        court_close(c);
    }
}

static void change_limit(struct court *c, const struct fill *f)
{
    (void)f;
    rest_of(c, 1)->limits_ucr[0] = 25 - rest_of(c, 1)->limits_ucr[0];
}

/* The rules search for what the order does not want. */
static void test_wrong_wish(void **state)
{
    (void)state;
    struct court *c = court_open();
    struct blind b;
    place(c, TIME_IN_FORCE_GTT, 4, 20);
    blind_begin(&b, c, true, change_limit);
    publish(c, 4, 1, 10);
    world_settle(&c->w);
    assert_int_equal(found(c), 1);
    assert_non_null(strstr(c->said, "order 1 was searched for otherwise"));
    c->w.x->witness = b.real;
    court_close(c);
}

static struct lease_row *lease_of(struct court *c)
{
    return (struct lease_row *)(uintptr_t)lease_find(c->w.x, 1);
}

static void change_lease_price(struct court *c, const struct fill *f)
{
    (void)f;
    lease_of(c)->price_ucr ^= 1;
}

static void change_lease_gpus(struct court *c, const struct fill *f)
{
    (void)f;
    lease_of(c)->gpus ^= 1;
}

static void change_lease_start(struct court *c, const struct fill *f)
{
    (void)f;
    lease_of(c)->start_s ^= 64;
}

static void change_lease_end(struct court *c, const struct fill *f)
{
    (void)f;
    lease_of(c)->end_s ^= 64;
}

static void change_lease_offer(struct court *c, const struct fill *f)
{
    (void)f;
    lease_of(c)->offer ^= 1;
}

static void change_lease_holder(struct court *c, const struct fill *f)
{
    (void)f;
    lease_of(c)->holder ^= 1;
}

static void change_grant_price(struct court *c, const struct fill *f)
{
    (void)c;
    ((struct fill *)(uintptr_t)f)->leases[0].price_ucr ^= 1;
}

static void change_no_lease(struct court *c, const struct fill *f)
{
    (void)c;
    (void)f;
}

/* The rules grant something else than they have found. */
static void test_leases(void **state)
{
    static void (*const faults[])(struct court *, const struct fill *) = {
        change_no_lease,  change_lease_price, change_lease_gpus,   change_lease_start,
        change_lease_end, change_lease_offer, change_lease_holder, change_grant_price,
    };
    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct court *c = court_open();
        struct blind b;
        publish(c, 4, 1, 10);
        blind_begin(&b, c, false, faults[i]);
        place(c, TIME_IN_FORCE_IOC, 3, 20);
        assert_int_equal(found(c), i > 0);
        assert_int_equal(referee_counts(c->referee).leases, 1);
        if (i > 0)
            assert_non_null(strstr(c->said, "lease 1 is not what the search came to"));
        c->w.x->witness = b.real;
        court_close(c);
    }
}

/* Leases that come of no search, or of one that had given its leases. */
static void test_leases_of_nothing(void **state)
{
    (void)state;
    struct court *c = court_open();
    void (*granted)(void *, const struct fill *) = c->w.x->witness.granted;
    publish(c, 4, 1, 10);
    c->w.x->witness.granted = NULL;
    place(c, TIME_IN_FORCE_IOC, 1, 10);
    assert_int_equal(found(c), 1);
    assert_non_null(strstr(c->said, "lease 1 was granted without a search"));
    c->w.x->witness.granted = granted;
    place(c, TIME_IN_FORCE_IOC, 1, 10);
    c->w.x->witness.matched = NULL;
    place(c, TIME_IN_FORCE_IOC, 1, 10);
    assert_int_equal(found(c), 2);
    court_close(c);
}

/* The rules would let the rest of an order begin apart from its first lease. */
static void test_start(void **state)
{
    (void)state;
    struct court *c = court_open();
    publish(c, 2, 1, 10);
    uint64_t order = place_least(c, TIME_IN_FORCE_GTT, 4, 1, 10);
    uint64_t offer = publish(c, 2, 1, 10);
    const struct witness *w = &c->w.x->witness;
    struct rest_row rest = *rest_find(c->w.x, order);
    c->w.x->asked_offer = offer;
    w->fills(w->context, offer, &rest, 10);
    assert_int_equal(found(c), 0);
    rest.start_until_s += 60;
    w->fills(w->context, offer, &rest, 10);
    assert_int_equal(found(c), 1);
    assert_non_null(strstr(c->said, "order 1 may be filled apart from its first lease"));
    c->w.x->asked_offer = 0;
    world_settle(&c->w);
    assert_int_equal(found(c), 1);
    assert_null(rest_find(c->w.x, order));
    court_close(c);
}

/* The rules would show the offer to everybody although an order waits for it. */
static void test_passed_over(void **state)
{
    static uint64_t limits[] = {20, 15};
    (void)state;
    struct court *c = court_open();
    uint64_t offer = court_with_two(c, limits);
    const struct witness *w = &c->w.x->witness;
    c->w.x->asked_offer = offer;
    w->asked(w->context, offer);
    assert_int_equal(found(c), 1);
    assert_non_null(strstr(c->said, "was passed on although order 1"));
    c->w.x->asked_offer = 0;
    court_close(c);
}

/* The rules would sell what has yet to be shown to those who wait for it. */
static void test_hidden(void **state)
{
    struct op_account_freeze freeze = {.account = 0};
    struct op_account_unfreeze unfreeze = {.account = 0};
    struct sku_limit limit = {.sku = 1, .limit_price_ucr = 40};
    struct wish wish = {.place = UINT64_MAX,
                        .skus = &limit,
                        .skus_count = 1,
                        .gpus = 1,
                        .gpus_min = 1,
                        .block_gpus = 1,
                        .duration_min = 60,
                        .from_min = WORLD_BEGIN_S / 60,
                        .until_min = WORLD_BEGIN_S / 60,
                        .profile = PROFILE_TUNING};
    (void)state;
    struct court *c = court_open();
    freeze.account = unfreeze.account = c->operator;
    uint64_t cheap = publish(c, 2, 1, 10);
    uint64_t dear = publish(c, 2, 1, 40);
    done(c, 1, "admin", &op_account_freeze_message, &freeze);
    place(c, TIME_IN_FORCE_GTT, 2, 20);
    done(c, 1, "admin", &op_account_unfreeze_message, &unfreeze);
    place(c, TIME_IN_FORCE_IOC, 1, 40);
    assert_int_equal(offer_leased_max(offer_find(c->w.x, dear), 0, UINT64_MAX), 1);
    assert_int_equal(found(c), 0);
    struct match match = {.start_min = wish.from_min, .gpus = 1, .count = 1};
    match.parts[0].offer = offer_find(c->w.x, cheap);
    match.parts[0].gpus = 1;
    match.parts[0].price_ucr = 10;
    c->w.x->witness.matched(c->w.x->witness.context, &wish, &match);
    assert_int_equal(found(c), 1);
    world_settle(&c->w);
    assert_null(rest_find(c->w.x, 1));
    assert_int_equal(found(c), 1);
    court_close(c);
}

/* --- No faults ------------------------------------------------------------------------------ */

/* An order that got nothing in its turn fits when a later one has taken some: blocks do that. */
static void test_blocks(void **state)
{
    (void)state;
    struct court *c = court_open();
    publish(c, 4, 4, 20);
    place(c, TIME_IN_FORCE_GTT, 6, 30);
    place(c, TIME_IN_FORCE_GTT, 2, 25);
    publish(c, 4, 1, 10);
    world_settle(&c->w);
    assert_non_null(rest_find(c->w.x, 1));
    assert_null(rest_find(c->w.x, 2));
    assert_int_equal(found(c), 0);
    assert_int_equal(referee_counts(c->referee).unjudged, 1);
    /* It is asked again when capacity comes next, if only one GPU. */
    publish(c, 1, 1, 30);
    world_settle(&c->w);
    assert_null(rest_find(c->w.x, 1));
    assert_int_equal(found(c), 0);
    court_close(c);
}

/* An offer whose block is more than is wanted does not count, and ranks no stand. */
static void test_large_blocks(void **state)
{
    struct op_site_add second = {
        .name = {"y", 1}, .region = {"US", 2}, .jurisdiction = {"US", 2}, .power_kw = 1000};
    (void)state;
    struct court *c = court_open();
    done(c, c->operator, "op", &op_site_add_message, &second);
    publish_at(c, 1, 4, 4, 10);
    uint64_t dear = publish_at(c, 1, 4, 1, 30);
    uint64_t middle = publish_at(c, 2, 4, 1, 20);
    place(c, TIME_IN_FORCE_IOC, 2, 30);
    assert_int_equal(offer_leased_max(offer_find(c->w.x, dear), 0, UINT64_MAX), 0);
    assert_int_equal(offer_leased_max(offer_find(c->w.x, middle), 0, UINT64_MAX), 2);
    assert_int_equal(found(c), 0);
    court_close(c);
}

/* Orders of a frozen account are not asked, and not when it is unfrozen either. */
static void test_frozen(void **state)
{
    struct op_account_freeze freeze = {.account = 0};
    struct op_account_unfreeze unfreeze = {.account = 0};
    (void)state;
    struct court *c = court_open();
    freeze.account = unfreeze.account = c->startup;
    place(c, TIME_IN_FORCE_GTT, 4, 30);
    done(c, 1, "admin", &op_account_freeze_message, &freeze);
    publish(c, 4, 1, 10);
    world_settle(&c->w);
    done(c, 1, "admin", &op_account_unfreeze_message, &unfreeze);
    /* Too late for the order's start, so that nobody asks it. */
    struct op_offer_publish late = {.site = 1,
                                    .sku = 1,
                                    .gpus = 4,
                                    .block_gpus = 1,
                                    .start_s = WORLD_BEGIN_S + 5400,
                                    .end_s = WORLD_BEGIN_S + 9000,
                                    .price_ucr = 10,
                                    .lease_min_min = 1,
                                    .billing = BILLING_RESERVED,
                                    .meter_period_min = 60};
    done(c, c->operator, "op", &op_offer_publish_message, &late);
    world_settle(&c->w);
    assert_non_null(rest_find(c->w.x, 1));
    assert_int_equal(referee_counts(c->referee).asked, 2);
    assert_int_equal(found(c), 0);
    court_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matches),
        cmocka_unit_test(test_double_selling),
        cmocka_unit_test(test_priority),
        cmocka_unit_test(test_passed_over),
        cmocka_unit_test(test_start),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_large_blocks),
        cmocka_unit_test(test_frozen),
        cmocka_unit_test(test_hidden),
        cmocka_unit_test(test_wrong_order),
        cmocka_unit_test(test_wrong_wish),
        cmocka_unit_test(test_leases),
        cmocka_unit_test(test_leases_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
