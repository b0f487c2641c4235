/* Each thing that check_capacity() looks at, damaged on purpose and reported. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/exchange/due.h"
#include "server/exchange/lease.h"
#include "server/exchange/offer.h"
#include "server/exchange/order.h"
#include "server/exchange/period.h"
#include "server/exchange/site.h"
#include "server/exchange/sku.h"
#include "tests/server/exchange/world.h"

struct shop {
    struct world w;
    struct exchange *x;
    uint32_t operator, startup;
};

static void done(struct shop *s, uint32_t account, const char *key, const struct message *m,
                 const void *body)
{
    assert_int_equal(world_do(&s->w, account, key, m, body)->refusal, REFUSAL_accepted);
}

/* Two offers, one withdrawn; lease 1 waits for activation, lease 2 of the withdrawn offer is active
 * with period 0 metered, period 1 settled. */
static struct shop *shop_open(void)
{
    struct shop *s = calloc(1, sizeof(*s));
    struct text name = {"x", 1};
    world_begin(&s->w, WORLD_OPTIONS);
    s->x = s->w.x;
    s->operator= world_register(&s->w, "op", ROLE_OPERATOR);
    s->startup = world_register(&s->w, "startup", ROLE_STARTUP);
    uint64_t token =
        world_mint(&s->w, world_series(&s->w, "s", 0), s->startup, UINT64_C(100000000));
    struct op_sku_add sku = {.name = name,
                             .vendor = name,
                             .model = name,
                             .memory_gb = 80,
                             .interconnect = name,
                             .power_w = 1000,
                             .generation = name};
    done(s, 1, "admin", &op_sku_add_message, &sku);
    struct op_site_add site = {
        .name = name, .region = {"ID", 2}, .jurisdiction = {"ID", 2}, .power_kw = 20};
    done(s, s->operator, "op", &op_site_add_message, &site);
    struct op_offer_publish offer = {.site = 1,
                                     .sku = 1,
                                     .gpus = 8,
                                     .block_gpus = 1,
                                     .end_s = WORLD_BEGIN_S + 86400,
                                     .price_ucr = 600,
                                     .lease_min_min = 1,
                                     .billing = BILLING_METERED,
                                     .meter_period_min = 60};
    struct sku_limit limit = {1, 1000};
    struct op_order_place order = {.skus = {&limit, 1},
                                   .gpus = 4,
                                   .gpus_min = 4,
                                   .block_gpus = 1,
                                   .duration_min = 240,
                                   .placement = PLACEMENT_ONE_SITE,
                                   .time_in_force = TIME_IN_FORCE_FOK,
                                   .profile = PROFILE_TUNING,
                                   .tokens = {&token, 1}};
    done(s, s->operator, "op", &op_offer_publish_message, &offer);
    order.start_from_s = order.start_until_s = WORLD_BEGIN_S + 36000;
    done(s, s->startup, "startup", &op_order_place_message, &order);
    token++;
    offer.price_ucr = 300;
    done(s, s->operator, "op", &op_offer_publish_message, &offer);
    order.start_from_s = order.start_until_s = 0;
    done(s, s->startup, "startup", &op_order_place_message, &order);
    struct op_offer_withdraw withdraw = {2};
    done(s, s->operator, "op", &op_offer_withdraw_message, &withdraw);
    struct op_lease_activate activate = {2, {NULL, 0}};
    done(s, s->operator, "op", &op_lease_activate_message, &activate);
    world_advance(&s->w, 7200, true);
    struct op_lease_meter meter = {2, 0, 200};
    done(s, s->operator, "op", &op_lease_meter_message, &meter);
    meter.period = 1;
    done(s, s->operator, "op", &op_lease_meter_message, &meter);
    struct op_lease_dispute dispute = {2, 1, 0, {NULL, 0}};
    done(s, s->startup, "startup", &op_lease_dispute_message, &dispute);
    struct op_dispute_decide decide = {2, 1, 100, {NULL, 0}};
    done(s, 1, "admin", &op_dispute_decide_message, &decide);
    assert_int_equal(world_check(s->x, NULL), 0);
    s->w.replayable = false;
    return s;
}

static void shop_close(struct shop *s)
{
    world_end(&s->w);
    free(s);
}

/* The check must say this. */
static void found(const struct shop *s, const char *line)
{
    assert_true(world_reports(s->x, line));
}

static struct lease_row lease_of(const struct shop *s, uint64_t lease)
{
    return *lease_find(s->x, lease);
}

/* Puts rows without their hooks: the indexes stay as they were. */
static void put_unseen(struct shop *s, enum table table, const void *row)
{
    world_put_unseen(s->x, table, row);
}

static void test_capacity_sold_twice(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    struct lease_row row = lease_of(s, 1);
    row.gpus = 9;
    row.cost_ucr = 21600;
    put_unseen(s, TABLE_LEASE, &row);
    found(s, "offer 1: GPUs were sold twice");
    found(s, "offer 1: what is taken differs from its leases");
    found(s, "order 1: 4 GPUs filled, but its leases have 9");
    shop_close(s);
}

static void test_steps_and_book(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    struct offer *o = (struct offer *)(uintptr_t)offer_find(s->x, 1);
    steps_add(&o->taken, o->start_min, o->start_min + 5, 1);
    found(s, "offer 1: what is taken differs from its leases");
    steps_add(&o->taken, o->start_min, o->start_min + 5, 7);
    found(s, "offer 1: its runs differ from what is free");
    steps_add(&o->taken, o->start_min, o->start_min + 5, -8);
    assert_int_equal(world_check(s->x, NULL), 0);

    steps_add(&o->blocked, o->start_min, o->end_min, 1);
    found(s, "the book has");
    steps_add(&o->blocked, o->start_min, o->end_min, -1);
    o->price_ucr++;
    found(s, "offer 1 is missing in the book");
    found(s, "offer 1 differs from its row in the index");
    o->price_ucr--;

    struct book_walk walk = BOOK_WALK_EMPTY;
    book_walk_begin(&walk, o->start_min + 600, o->start_min + 600, 60);
    book_walk_regions(&walk, s->x->offers->book, 1, NULL, NULL, UINT64_MAX);
    struct book_entry *entry = (struct book_entry *)(uintptr_t)book_walk_next(&walk);
    assert_non_null(entry);
    entry->price_ucr++;
    found(s, "the book's regions differ from its sites");
    entry->price_ucr--;
    book_walk_release(&walk);
    assert_int_equal(world_check(s->x, NULL), 0);
    shop_close(s);
}

static void test_power(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    site_draw(s->x, 1, WORLD_BEGIN_S / 60, WORLD_BEGIN_S / 60 + 1, 1);
    found(s, "site 1: its power differs from its offers");
    site_draw(s->x, 1, WORLD_BEGIN_S / 60, WORLD_BEGIN_S / 60 + 1, -1);
    struct site_row row = *site_find(s->x, 1);
    row.power_kw = 11;
    store_put(s->x->store, TABLE_SITE, &row);
    found(s, "site 1: its power ceiling is passed");
    row.power_kw = 12;
    store_put(s->x->store, TABLE_SITE, &row);
    assert_int_equal(world_check(s->x, NULL), 0);
    row.leases_granted++;
    store_put(s->x->store, TABLE_SITE, &row);
    found(s, "site 1: its counts differ from its leases");
    row.leases_granted--;
    row.gpu_minutes_delivered = row.gpu_minutes_due + 1;
    store_put(s->x->store, TABLE_SITE, &row);
    found(s, "site 1 delivered more than was due");
    shop_close(s);
}

static void test_money(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    struct lease_row row = lease_of(s, 2), whole = row;
    row.paid_ucr--;
    put_unseen(s, TABLE_LEASE, &row);
    found(s, "lease 2: paid is not what was delivered");
    row = whole;
    row.cost_ucr++;
    put_unseen(s, TABLE_LEASE, &row);
    found(s, "lease 2: its cost is not that of its interval");
    row = whole;
    row.gpu_minutes_settled_due = 100000;
    put_unseen(s, TABLE_LEASE, &row);
    found(s, "lease 2: more is settled than it holds");
    row = whole;
    row.gpu_minutes_spared++;
    put_unseen(s, TABLE_LEASE, &row);
    found(s, "lease 2 differs from its metered periods");
    put_unseen(s, TABLE_LEASE, &whole);
    struct escrow_row key = {.kind = ESCROW_KIND_LEASE, .serial = 2, .place = 0};
    struct escrow_row escrow =
        *(const struct escrow_row *)store_find(s->x->store, TABLE_ESCROW, &key);
    escrow.amount_ucr++;
    store_put(s->x->store, TABLE_ESCROW, &escrow);
    found(s, "lease 2: escrow holds");
    escrow.amount_ucr--;
    store_put(s->x->store, TABLE_ESCROW, &escrow);
    assert_int_equal(world_check(s->x, NULL), 0);
    escrow.place = 3;
    escrow.amount_ucr = 0;
    store_put(s->x->store, TABLE_ESCROW, &escrow);
    found(s, "escrow 3 of lease 2 belongs to nothing");
    shop_close(s);
}

static void test_periods(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    struct period_row row = *period_find(s->x, 2, 1), whole = row;
    row.gpu_minutes_settled++;
    put_unseen(s, TABLE_PERIOD, &row);
    found(s, "lease 2 differs from its settled periods");
    row.gpu_minutes_settled = 241;
    put_unseen(s, TABLE_PERIOD, &row);
    found(s, "period 1 of lease 2 holds wrong GPU-minutes");
    put_unseen(s, TABLE_PERIOD, &whole);
    row = whole;
    row.period = 9;
    store_put(s->x->store, TABLE_PERIOD, &row);
    found(s, "period 9 of lease 2 belongs to nothing");
    store_remove(s->x->store, TABLE_PERIOD, &row);
    struct lease_row lease = lease_of(s, 2), lease_whole = lease;
    lease.meter_cursor = 1;
    put_unseen(s, TABLE_LEASE, &lease);
    found(s, "lease 2: its first open period is wrong");
    lease = lease_whole;
    lease.state = LEASE_STATE_SETTLED;
    put_unseen(s, TABLE_LEASE, &lease);
    found(s, "lease 2: its state contradicts its periods");
    shop_close(s);
}

static void test_due_items(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    const struct lease_row lease = lease_of(s, 1);
    struct due_item items[3] = {
        {.kind = DUE_LEASE, .serial = 1},
        {.kind = DUE_PERIOD, .serial = 2, .due_s = lease_dispute_by(s->x, period_find(s->x, 2, 0))},
        {.kind = DUE_OFFER, .serial = 1, .due_s = WORLD_BEGIN_S + 86400},
    };
    static const char *const lines[] = {"lease 1 has no due item",
                                        "period 0 of lease 2 has no due item",
                                        "offer 1 has no due item"};
    assert_true(lease_next_due(s->x, &lease, &items[0].due_s));
    for (int i = 0; i < 3; i++) {
        assert_true(due_has(s->x, items[i]));
        due_remove(s->x, items[i]);
        found(s, lines[i]);
        due_put(s->x, items[i]);
        assert_int_equal(world_check(s->x, NULL), 0);
        items[i].due_s++;
        due_put(s->x, items[i]);
        found(s, "there are due items that no");
        due_remove(s->x, items[i]);
    }
    shop_close(s);
}

static void test_references(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    struct lease_row lease = lease_of(s, 1), whole = lease;
    lease.site = 77;
    put_unseen(s, TABLE_LEASE, &lease);
    found(s, "lease 1 does not fit its offer or order");
    lease = whole;
    lease.order = 2;
    put_unseen(s, TABLE_LEASE, &lease);
    found(s, "order 1: 4 GPUs filled, but its leases have 0");
    put_unseen(s, TABLE_LEASE, &whole);
    struct offer_row offer = *offer_row_find(s->x, 1), offer_whole = offer;
    offer.sku = 5;
    put_unseen(s, TABLE_OFFER, &offer);
    found(s, "offer 1 names a site or SKU that is not there");
    put_unseen(s, TABLE_OFFER, &offer_whole);
    number_map_remove(&s->x->skus->by_name, 1, "x", 1);
    s->x->head.sku_last = 0;
    found(s, "SKU 1 is not found by its name");
    found(s, "SKU 1 was never issued");
    s->x->head.sku_last = 1;
    number_map_add(&s->x->skus->by_name, 1, "x", 1);
    offer = offer_whole;
    offer.offer = 3;
    s->x->head.offer_last = 3;
    offer.site = 9;
    store_put(s->x->store, TABLE_OFFER, &offer);
    found(s, "offer 3 is not in the index");
    shop_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_capacity_sold_twice),
        cmocka_unit_test(test_steps_and_book),
        cmocka_unit_test(test_power),
        cmocka_unit_test(test_money),
        cmocka_unit_test(test_periods),
        cmocka_unit_test(test_due_items),
        cmocka_unit_test(test_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
