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
#include "tests/server/exchange/shop.h"

/* Two offers, one withdrawn; lease 1 waits for activation, lease 2 of the withdrawn offer is active
 * with period 0 metered, period 1 settled. */
static struct shop *shop_open(void)
{
    struct shop *s = shop_begin();
    uint64_t token = shop_token(s, world_series(&s->w, "s", 0), s->startup);
    struct op_offer_publish offer = shop_offer(8, 86400);
    struct op_order_place order = shop_order(s, token, 4, 240, 1000);
    shop_do(s, s->operator, "op", &op_offer_publish_message, &offer);
    order.start_from_s = order.start_until_s = WORLD_BEGIN_S + 36000;
    shop_do(s, s->startup, "startup", &op_order_place_message, &order);
    offer.price_ucr = 300;
    shop_do(s, s->operator, "op", &op_offer_publish_message, &offer);
    order = shop_order(s, token + 1, 4, 240, 1000);
    shop_do(s, s->startup, "startup", &op_order_place_message, &order);
    struct op_offer_withdraw withdraw = {2};
    shop_do(s, s->operator, "op", &op_offer_withdraw_message, &withdraw);
    struct op_lease_activate activate = {2, {NULL, 0}};
    shop_do(s, s->operator, "op", &op_lease_activate_message, &activate);
    world_advance(&s->w, 7200, true);
    struct op_lease_meter meter = {2, 0, 200};
    shop_do(s, s->operator, "op", &op_lease_meter_message, &meter);
    meter.period = 1;
    shop_do(s, s->operator, "op", &op_lease_meter_message, &meter);
    struct op_lease_dispute dispute = {2, 1, 0, {NULL, 0}};
    shop_do(s, s->startup, "startup", &op_lease_dispute_message, &dispute);
    struct op_dispute_decide decide = {2, 1, 100, {NULL, 0}};
    shop_do(s, 1, "admin", &op_dispute_decide_message, &decide);
    shop_ready(s);
    return s;
}

static struct lease_row lease_of(const struct shop *s, uint64_t lease)
{
    return *lease_find(s->x, lease);
}

static void test_capacity_sold_twice(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    struct lease_row row = lease_of(s, 1);
    row.gpus = 9;
    row.cost_ucr = 21600;
    shop_put_unseen(s, TABLE_LEASE, &row);
    shop_found(s, "offer 1: GPUs were sold twice");
    shop_found(s, "offer 1: what is taken differs from its leases");
    shop_found(s, "order 1: 4 GPUs filled, but its leases have 9");
    shop_close(s);
}

static void test_steps_and_book(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    struct offer *o = (struct offer *)(uintptr_t)offer_find(s->x, 1);
    steps_add(&o->taken, o->start_min, o->start_min + 5, 1);
    shop_found(s, "offer 1: what is taken differs from its leases");
    steps_add(&o->taken, o->start_min, o->start_min + 5, 7);
    shop_found(s, "offer 1: its runs differ from what is free");
    steps_add(&o->taken, o->start_min, o->start_min + 5, -8);
    shop_whole(s);

    steps_add(&o->blocked, o->start_min, o->end_min, 1);
    shop_found(s, "the book has");
    steps_add(&o->blocked, o->start_min, o->end_min, -1);
    o->price_ucr++;
    shop_found(s, "offer 1 is missing in the book");
    shop_found(s, "offer 1 differs from its row in the index");
    o->price_ucr--;

    struct book_walk walk = BOOK_WALK_EMPTY;
    book_walk_begin(&walk, o->start_min + 600, o->start_min + 600, 60);
    book_walk_regions(&walk, s->x->offers->book, 1, NULL, NULL, UINT64_MAX);
    struct book_entry *entry = (struct book_entry *)(uintptr_t)book_walk_next(&walk);
    assert_non_null(entry);
    entry->price_ucr++;
    shop_found(s, "the book's regions differ from its sites");
    entry->price_ucr--;
    book_walk_release(&walk);
    shop_whole(s);
    shop_close(s);
}

static void test_power(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    site_draw(s->x, 1, WORLD_BEGIN_S / 60, WORLD_BEGIN_S / 60 + 1, 1);
    shop_found(s, "site 1: its power differs from its offers");
    site_draw(s->x, 1, WORLD_BEGIN_S / 60, WORLD_BEGIN_S / 60 + 1, -1);
    struct site_row row = *site_find(s->x, 1);
    row.power_kw = 11;
    store_put(s->x->store, TABLE_SITE, &row);
    shop_found(s, "site 1: its power ceiling is passed");
    row.power_kw = 12;
    store_put(s->x->store, TABLE_SITE, &row);
    shop_whole(s);
    row.leases_granted++;
    store_put(s->x->store, TABLE_SITE, &row);
    shop_found(s, "site 1: its counts differ from its leases");
    row.leases_granted--;
    row.gpu_minutes_delivered = row.gpu_minutes_due + 1;
    store_put(s->x->store, TABLE_SITE, &row);
    shop_found(s, "site 1 delivered more than was due");
    shop_close(s);
}

static void test_money(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    struct lease_row row = lease_of(s, 2), whole = row;
    row.paid_ucr--;
    shop_put_unseen(s, TABLE_LEASE, &row);
    shop_found(s, "lease 2: paid is not what was delivered");
    row = whole;
    row.cost_ucr++;
    shop_put_unseen(s, TABLE_LEASE, &row);
    shop_found(s, "lease 2: its cost is not that of its interval");
    row = whole;
    row.gpu_minutes_settled_due = 100000;
    shop_put_unseen(s, TABLE_LEASE, &row);
    shop_found(s, "lease 2: more is settled than it holds");
    row = whole;
    row.gpu_minutes_spared++;
    shop_put_unseen(s, TABLE_LEASE, &row);
    shop_found(s, "lease 2 differs from its metered periods");
    shop_put_unseen(s, TABLE_LEASE, &whole);
    struct escrow_row key = {.kind = ESCROW_KIND_LEASE, .serial = 2, .place = 0};
    struct escrow_row escrow =
        *(const struct escrow_row *)store_find(s->x->store, TABLE_ESCROW, &key);
    escrow.amount_ucr++;
    store_put(s->x->store, TABLE_ESCROW, &escrow);
    shop_found(s, "lease 2: escrow holds");
    escrow.amount_ucr--;
    store_put(s->x->store, TABLE_ESCROW, &escrow);
    shop_whole(s);
    escrow.place = 3;
    escrow.amount_ucr = 0;
    store_put(s->x->store, TABLE_ESCROW, &escrow);
    shop_found(s, "escrow 3 of lease 2 belongs to nothing");
    shop_close(s);
}

static void test_periods(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    struct period_row row = *period_find(s->x, 2, 1), whole = row;
    row.gpu_minutes_settled++;
    shop_put_unseen(s, TABLE_PERIOD, &row);
    shop_found(s, "lease 2 differs from its settled periods");
    row.gpu_minutes_settled = 241;
    shop_put_unseen(s, TABLE_PERIOD, &row);
    shop_found(s, "period 1 of lease 2 holds wrong GPU-minutes");
    shop_put_unseen(s, TABLE_PERIOD, &whole);
    row = whole;
    row.period = 9;
    store_put(s->x->store, TABLE_PERIOD, &row);
    shop_found(s, "period 9 of lease 2 belongs to nothing");
    store_remove(s->x->store, TABLE_PERIOD, &row);
    struct lease_row lease = lease_of(s, 2), lease_whole = lease;
    lease.meter_cursor = 1;
    shop_put_unseen(s, TABLE_LEASE, &lease);
    shop_found(s, "lease 2: its first open period is wrong");
    lease = lease_whole;
    lease.state = LEASE_STATE_SETTLED;
    shop_put_unseen(s, TABLE_LEASE, &lease);
    shop_found(s, "lease 2: its state contradicts its periods");
    shop_close(s);
}

/* Both periods were reported with 200 of 240 GPU-minutes. */
static void test_claims(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    struct period_row row = *period_find(s->x, 2, 1), whole = row;
    row.gpu_minutes_claimed = 199;
    shop_put_unseen(s, TABLE_PERIOD, &row);
    shop_whole(s);
    row.gpu_minutes_claimed = 200;
    shop_put_unseen(s, TABLE_PERIOD, &row);
    shop_found(s, "period 1 of lease 2 has a claim not below its charge");
    /* Below a charge that is more than what was metered. */
    struct lease_row lease = lease_of(s, 2), lease_whole = lease;
    lease.least_charge_ppm = 1000000;
    lease.gpu_minutes_spared = 0;
    shop_put_unseen(s, TABLE_LEASE, &lease);
    shop_whole(s);
    row.gpu_minutes_claimed = 240;
    shop_put_unseen(s, TABLE_PERIOD, &row);
    shop_found(s, "period 1 of lease 2 has a claim not below its charge");
    shop_put_unseen(s, TABLE_LEASE, &lease_whole);
    shop_put_unseen(s, TABLE_PERIOD, &whole);
    shop_whole(s);
    /* Nobody has disputed the first period; nor can who is charged nothing. */
    row = whole = *period_find(s->x, 2, 0);
    row.gpu_minutes_claimed = 1;
    shop_put_unseen(s, TABLE_PERIOD, &row);
    shop_found(s, "period 0 of lease 2 has a claim not below its charge");
    row = whole;
    row.state = PERIOD_STATE_DISPUTED;
    row.gpu_minutes_metered = 0;
    shop_put_unseen(s, TABLE_PERIOD, &row);
    shop_found(s, "period 0 of lease 2 has a claim not below its charge");
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
        shop_found(s, lines[i]);
        due_put(s->x, items[i]);
        shop_whole(s);
        items[i].due_s++;
        due_put(s->x, items[i]);
        shop_found(s, "there are due items that no");
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
    shop_put_unseen(s, TABLE_LEASE, &lease);
    shop_found(s, "lease 1 does not fit its offer or order");
    lease = whole;
    lease.carbon_g_per_kwh = CARBON_G_MAX + 1;
    shop_put_unseen(s, TABLE_LEASE, &lease);
    shop_found(s, "lease 1: no site can have listed so much carbon");
    lease = whole;
    lease.order = 2;
    shop_put_unseen(s, TABLE_LEASE, &lease);
    shop_found(s, "order 1: 4 GPUs filled, but its leases have 0");
    shop_put_unseen(s, TABLE_LEASE, &whole);
    struct offer_row offer = *offer_row_find(s->x, 1), offer_whole = offer;
    offer.sku = 5;
    shop_put_unseen(s, TABLE_OFFER, &offer);
    shop_found(s, "offer 1 names a site or SKU that is not there");
    shop_put_unseen(s, TABLE_OFFER, &offer_whole);
    number_map_remove(&s->x->skus->by_name, 1, "sku 1", 5);
    shop_found(s, "SKU 1 is not found by its name");
    number_map_add(&s->x->skus->by_name, 1, "sku 1", 5);
    struct sku_row sku = *sku_find(s->x, 1);
    sku.sku = 7;
    sku.name[0] = 'y';
    store_put(s->x->store, TABLE_SKU, &sku);
    s->x->head.sku_last = 2;
    shop_found(s, "SKU 7 was never issued");
    offer = offer_whole;
    offer.offer = 3;
    s->x->head.offer_last = 3;
    offer.site = 9;
    store_put(s->x->store, TABLE_OFFER, &offer);
    shop_found(s, "offer 3 is not in the index");
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
        cmocka_unit_test(test_claims),
        cmocka_unit_test(test_due_items),
        cmocka_unit_test(test_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
