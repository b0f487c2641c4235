/* Each thing that check_leases() looks at, damaged on purpose and reported. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/exchange/due.h"
#include "server/exchange/elastic.h"
#include "server/exchange/lease.h"
#include "server/exchange/offer.h"
#include "server/exchange/trade.h"
#include "tests/server/exchange/shop.h"

static void order(struct shop *s, uint32_t account, const char *key, uint64_t token, uint32_t gpus,
                  uint32_t minutes, uint32_t funded_min)
{
    struct op_order_place op = shop_order(s, token, gpus, minutes, 1000);
    op.profile = funded_min > 0 ? PROFILE_INFERENCE : PROFILE_TUNING;
    op.funded_min = funded_min;
    shop_do(s, account, key, &op_order_place_message, &op);
}

/* Lease 1 of the startup, of which lease 2 of the buyer was sold through offer 2, below its price;
 * lease 3 is elastic and paused. */
static struct shop *shop_open(void)
{
    struct shop *s = shop_begin();
    uint32_t buyer = world_register(&s->w, "buyer", ROLE_STARTUP);
    uint32_t series = world_series(&s->w, "s", 0);
    uint64_t sold = shop_token(s, series, s->startup);
    uint64_t bought = shop_token(s, series, buyer);
    uint64_t funds = shop_token(s, series, buyer);
    struct op_offer_publish offer = shop_offer(8, 86400);
    shop_do(s, s->operator, "op", &op_offer_publish_message, &offer);
    order(s, s->startup, "startup", sold, 6, 600, 0);
    struct op_lease_resell resell = {1, 4, 1, 0, 0, 300, 1};
    shop_do(s, s->startup, "startup", &op_lease_resell_message, &resell);
    order(s, buyer, "buyer", bought, 3, 120, 0);
    order(s, buyer, "buyer", funds, 2, 600, 60);
    struct op_lease_activate activate = {.lease = 1};
    for (activate.lease = 1; activate.lease <= 3; activate.lease++)
        shop_do(s, s->operator, "op", &op_lease_activate_message, &activate);
    world_advance(&s->w, 3600, true);
    assert_int_equal(lease_find(s->x, 2)->parent, 1);
    assert_int_equal(lease_find(s->x, 3)->paused_s, WORLD_BEGIN_S + 3600);
    shop_ready(s);
    return s;
}

static struct relief_row relief_of(const struct shop *s)
{
    struct relief_row key = {.lease = 1, .relief = 0};
    return *(const struct relief_row *)store_find(s->x->store, TABLE_RELIEF, &key);
}

static void test_sales(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    struct relief_row row = relief_of(s), whole = row;
    row.gpus = 2;
    shop_put_unseen(s, TABLE_RELIEF, &row);
    shop_found(s, "relief 0 of lease 1: the buyer's lease or the offer differs");
    shop_found(s, "lease 1: what was sold differs from the buyers' leases");
    shop_found(s, "lease 1: its reliefs differ in the index");
    shop_found(s, "offer 1: what is taken differs from its leases");
    shop_found(s, "offer 2: what is taken differs from its leases");
    row = whole;
    row.sold = 3;
    shop_put_unseen(s, TABLE_RELIEF, &row);
    shop_found(s, "relief 0 of lease 1: the buyer's lease or the offer differs");
    row = whole;
    row.cut_min = 1;
    shop_put_unseen(s, TABLE_RELIEF, &row);
    shop_found(s, "lease 1: its reliefs differ in the index");
    row = whole;
    row.end_s = WORLD_BEGIN_S + 601 * 60;
    shop_put_unseen(s, TABLE_RELIEF, &row);
    shop_found(s, "relief 0 of lease 1 does not fit it");
    shop_put_unseen(s, TABLE_RELIEF, &whole);
    shop_whole(s);

    struct lease_row lease = *lease_find(s->x, 1), lease_whole = lease;
    lease.gpu_minutes_sold++;
    shop_put_unseen(s, TABLE_LEASE, &lease);
    shop_found(s, "lease 1: what was sold differs from the buyers' leases");
    shop_put_unseen(s, TABLE_LEASE, &lease_whole);
    lease = *lease_find(s->x, 2);
    struct lease_row sold_whole = lease;
    lease.parent = 0;
    shop_put_unseen(s, TABLE_LEASE, &lease);
    shop_found(s, "lease 1: what was sold differs from the buyers' leases");
    lease.parent = 2;
    shop_put_unseen(s, TABLE_LEASE, &lease);
    shop_found(s, "lease 2 does not fit the one it was sold out of");
    shop_put_unseen(s, TABLE_LEASE, &sold_whole);
    shop_whole(s);
    shop_close(s);
}

/* Rows that fit no lease stay out of the index, and an image with them is refused. */
static void test_kept_out(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    struct relief_row row = relief_of(s);
    row.relief = 1;
    row.gpus = 4;
    store_put(s->x->store, TABLE_RELIEF, &row);
    assert_int_equal(relief_kept_out(s->x), 1);
    shop_found(s, "reliefs 1: do not fit their leases");
    row.lease = 77;
    store_put(s->x->store, TABLE_RELIEF, &row);
    row.lease = 1;
    row.relief = 2;
    row.start_s -= 3600;
    store_put(s->x->store, TABLE_RELIEF, &row);
    assert_int_equal(relief_kept_out(s->x), 3);
    assert_null(world_copy(&s->w));
    shop_close(s);
}

static struct flow_row flow_of(const struct shop *s, uint32_t payer)
{
    uint64_t count = store_count(s->x->store, TABLE_FLOW);
    for (uint64_t number = 1; number <= count; number++) {
        const struct flow_row *row = store_find(s->x->store, TABLE_FLOW, &number);
        if (row->kind == FLOW_KIND_LEASE && row->payer == payer)
            return *row;
    }
    fail_msg("account %u has paid nothing", payer);
    return (struct flow_row){.flow = 0};
}

/* Who paid what of a lease that was sold below its price. */
static void test_payments(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    uint32_t buyer = lease_find(s->x, 2)->holder;
    const struct op_lease_meter meter = {.lease = 2, .gpu_minutes = 180};
    shop_do(s, s->operator, "op", &op_lease_meter_message, &meter);
    world_advance(&s->w, 4 * 3600, true);
    shop_ready(s);
    /* 3 GPUs for an hour at 600, half of it the buyer's. */
    const struct flow_row own = flow_of(s, buyer), top_up = flow_of(s, s->startup);
    assert_int_equal(own.amount_ucr, 900);
    assert_int_equal(own.gpu_minutes, 180);
    assert_int_equal(top_up.amount_ucr, 900);
    assert_int_equal(top_up.gpu_minutes, 0);

    /* As though who holds a lease had paid all of it. */
    struct flow_row flow = own;
    flow.amount_ucr = 1800;
    shop_put_unseen(s, TABLE_FLOW, &flow);
    flow = top_up;
    flow.amount_ucr = 0;
    shop_put_unseen(s, TABLE_FLOW, &flow);
    shop_found(s, "paid 0.0018 for leases, the rows say 0.0009");
    shop_found(s, "paid 0 for leases, the rows say 0.0009");
    /* More than its escrow has given. */
    flow = own;
    flow.amount_ucr = 1000000000;
    shop_put_unseen(s, TABLE_FLOW, &flow);
    shop_found(s, "paid more of series 1 than left its escrow");
    shop_put_unseen(s, TABLE_FLOW, &own);
    shop_put_unseen(s, TABLE_FLOW, &top_up);
    shop_whole(s);

    struct payment_row key = {.lease = 2, .payer = s->startup};
    struct payment_row wrong =
        *(const struct payment_row *)store_find(s->x->store, TABLE_PAYMENT, &key);
    assert_int_equal(wrong.amount_ucr, 900);
    wrong.lease = 1;
    store_put(s->x->store, TABLE_PAYMENT, &wrong);
    shop_found(s, "payments: one of lease 1 is of no settled period of a sale");
    store_remove(s->x->store, TABLE_PAYMENT, &wrong);
    key.payer = buyer;
    const struct payment_row whole =
        *(const struct payment_row *)store_find(s->x->store, TABLE_PAYMENT, &key);
    store_remove(s->x->store, TABLE_PAYMENT, &whole);
    shop_found(s, "payments: period 0 of lease 2 lacks that of its holder");
    store_put(s->x->store, TABLE_PAYMENT, &whole);
    wrong = whole;
    wrong.amount_ucr++;
    store_put(s->x->store, TABLE_PAYMENT, &wrong);
    shop_found(s, "payments: those of lease 2 come to 0.001801, it paid 0.0018");
    store_put(s->x->store, TABLE_PAYMENT, &whole);
    struct relief_row sale = relief_of(s);
    sale.gain_ucr = 1;
    shop_put_unseen(s, TABLE_RELIEF, &sale);
    shop_found(s, "paid gains of 0, the sales say 0.000001");
    shop_close(s);
}

static void test_trades(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    struct lease_row lease = *lease_find(s->x, 2), whole = lease;
    assert_int_equal(lease.trade, 1); /* of the lease that it was sold out of */
    lease.trade = 2;
    shop_put_unseen(s, TABLE_LEASE, &lease);
    shop_found(s, "lease 2: that is not its trade");
    lease.trade = 4;
    shop_put_unseen(s, TABLE_LEASE, &lease);
    shop_found(s, "lease 2: that is not its trade");
    lease = whole;
    lease.funded_min = 60;
    shop_put_unseen(s, TABLE_LEASE, &lease);
    shop_found(s, "lease 2: it cannot be paid ahead so");
    shop_put_unseen(s, TABLE_LEASE, &whole);
    lease = *lease_find(s->x, 3);
    struct lease_row elastic = lease;
    lease.resumed_s = s->x->head.time_s + 60;
    shop_put_unseen(s, TABLE_LEASE, &lease);
    shop_found(s, "lease 3: it cannot be paid ahead so");
    shop_put_unseen(s, TABLE_LEASE, &elastic);
    const uint64_t number = 1;
    struct trade_row trade = *trade_find(s->x, number), traded = trade;
    trade.gpu_minutes++;
    shop_put_unseen(s, TABLE_TRADE, &trade);
    shop_found(s, "trade 1 holds what no trade can");
    shop_put_unseen(s, TABLE_TRADE, &traded);
    shop_whole(s);
    shop_close(s);
}

static void test_offers(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    struct lease_row lease = *lease_find(s->x, 1), whole = lease;
    lease.resale_offer = 0;
    shop_put_unseen(s, TABLE_LEASE, &lease);
    shop_found(s, "offer 2 does not fit the lease that is on offer");
    lease.resale_offer = 1;
    shop_put_unseen(s, TABLE_LEASE, &lease);
    shop_found(s, "lease 1 names an offer that is not of it");
    shop_put_unseen(s, TABLE_LEASE, &whole);
    struct offer_row offer = *offer_row_find(s->x, 2), offer_whole = offer;
    offer.seller = lease_find(s->x, 2)->holder;
    shop_put_unseen(s, TABLE_OFFER, &offer);
    shop_found(s, "offer 2 does not fit the lease that is on offer");
    shop_put_unseen(s, TABLE_OFFER, &offer_whole);
    lease.resale_offer = 2;
    lease.gpus = 3;
    shop_put_unseen(s, TABLE_LEASE, &lease);
    shop_found(s, "offer 2 has more free than is left of its lease");
    shop_put_unseen(s, TABLE_LEASE, &whole);
    shop_whole(s);
    shop_close(s);
}

static void test_pauses(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    const struct lease_row whole = *lease_find(s->x, 3);
    struct lease_row lease = whole;
    struct due_item due = {.kind = DUE_PAUSE, .serial = 3};
    assert_true(pause_next_due(s->x, &whole, &due.due_s));
    assert_true(due_has(s->x, due));
    due_remove(s->x, due);
    shop_found(s, "lease 3 has no due item for its pause");
    due_put(s->x, due);
    due.serial = 1;
    due_put(s->x, due);
    shop_found(s, "there are due items for pauses that no lease asks for");
    due_remove(s->x, due);
    lease.paused_s = lease.end_s;
    shop_put_unseen(s, TABLE_LEASE, &lease);
    shop_found(s, "lease 3: it cannot be paused then");
    shop_put_unseen(s, TABLE_LEASE, &whole);
    struct escrow_row key = {.kind = ESCROW_KIND_LEASE, .serial = 3, .place = 0};
    struct escrow_row escrow =
        *(const struct escrow_row *)store_find(s->x->store, TABLE_ESCROW, &key);
    escrow.amount_ucr--;
    shop_put_unseen(s, TABLE_ESCROW, &escrow);
    shop_found(s, "lease 3: escrow does not cover what has begun");
    escrow.amount_ucr += 100000;
    shop_put_unseen(s, TABLE_ESCROW, &escrow);
    shop_found(s, "lease 3: escrow holds more than it can come to cost");
    shop_close(s);
}

/* Lease 1 is taken back by its operator after half an hour, lease 2 is never handed over. */
static struct shop *withheld_open(void)
{
    struct shop *s = shop_begin();
    uint32_t series = world_series(&s->w, "s", 0);
    struct op_offer_publish offer = shop_offer(8, 86400);
    offer.preemptible = true;
    shop_do(s, s->operator, "op", &op_offer_publish_message, &offer);
    for (int i = 0; i < 2; i++) {
        struct op_order_place op = shop_order(s, shop_token(s, series, s->startup), 3, 600, 1000);
        op.profile = PROFILE_TUNING;
        op.preemptible_ok = true;
        shop_do(s, s->startup, "startup", &op_order_place_message, &op);
    }
    struct op_lease_activate activate = {.lease = 1};
    struct op_lease_end end = {.lease = 1};
    shop_do(s, s->operator, "op", &op_lease_activate_message, &activate);
    world_advance(&s->w, 1800, true);
    shop_do(s, s->operator, "op", &op_lease_end_message, &end);
    world_advance(&s->w, 86400, true);
    assert_int_equal(lease_find(s->x, 2)->state, LEASE_STATE_FAILED);
    shop_ready(s);
    return s;
}

static void test_withheld(void **state)
{
    (void)state;
    struct shop *s = withheld_open();
    struct relief_row row = relief_of(s), whole = row;
    assert_int_equal(row.kind, RELIEF_KIND_WITHHELD);
    assert_int_equal(row.start_s, WORLD_BEGIN_S + 1800);
    assert_int_equal(row.end_s, WORLD_BEGIN_S + 600 * 60);
    assert_int_equal(row.gpus, 3);
    row.start_s -= 60;
    shop_put_unseen(s, TABLE_RELIEF, &row);
    shop_found(s, "relief 0 of lease 1 does not fit it");
    row = whole;
    row.end_s = row.start_s;
    shop_put_unseen(s, TABLE_RELIEF, &row);
    shop_found(s, "relief 0 of lease 1 does not fit it");
    row = whole;
    row.cut_min = 1;
    shop_put_unseen(s, TABLE_RELIEF, &row);
    shop_found(s, "relief 0 of lease 1 does not fit it");
    shop_put_unseen(s, TABLE_RELIEF, &whole);
    shop_whole(s);

    struct lease_row lease = *lease_find(s->x, 1), lease_whole = lease;
    lease.end_reason = LEASE_END_COMPLETED;
    shop_put_unseen(s, TABLE_LEASE, &lease);
    shop_found(s, "relief 0 of lease 1 does not fit it");
    shop_put_unseen(s, TABLE_LEASE, &lease_whole);
    store_remove(s->x->store, TABLE_RELIEF, &whole);
    shop_found(s, "lease 1: nothing is withheld that its operator ended");
    store_put(s->x->store, TABLE_RELIEF, &whole);
    shop_whole(s);

    row = whole;
    row.relief = 1;
    row.end_s = (uint64_t)TIME_MAX_S + 60 - TIME_MAX_S % 60;
    store_put(s->x->store, TABLE_RELIEF, &row);
    assert_int_equal(relief_kept_out(s->x), 1);
    assert_null(world_copy(&s->w));
    shop_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sales),    cmocka_unit_test(test_kept_out),
        cmocka_unit_test(test_payments), cmocka_unit_test(test_trades),
        cmocka_unit_test(test_offers),   cmocka_unit_test(test_pauses),
        cmocka_unit_test(test_withheld),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
