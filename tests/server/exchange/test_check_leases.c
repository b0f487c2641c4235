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
#include "tests/server/exchange/crowd.h"

struct shop {
    struct world w;
    struct exchange *x;
    uint32_t operator, seller, buyer;
};

static void done(struct shop *s, uint32_t account, const char *key, const struct message *m,
                 const void *body)
{
    assert_int_equal(world_do(&s->w, account, key, m, body)->refusal, REFUSAL_accepted);
}

static void order(struct shop *s, uint32_t account, const char *key, uint64_t token, uint32_t gpus,
                  uint32_t minutes, uint32_t funded_min)
{
    struct sku_limit limit = {1, 1000};
    struct op_order_place op = {.skus = {&limit, 1},
                                .gpus = gpus,
                                .gpus_min = gpus,
                                .block_gpus = 1,
                                .duration_min = minutes,
                                .placement = PLACEMENT_ONE_SITE,
                                .time_in_force = TIME_IN_FORCE_FOK,
                                .profile = funded_min > 0 ? PROFILE_INFERENCE : PROFILE_TUNING,
                                .funded_min = funded_min,
                                .tokens = {&token, 1}};
    done(s, account, key, &op_order_place_message, &op);
}

/* Lease 1 of the seller, of which lease 2 of the buyer was sold through offer 2, below its price;
 * lease 3 is elastic and paused. */
static struct shop *shop_open(void)
{
    struct shop *s = calloc(1, sizeof(*s));
    world_begin(&s->w, WORLD_OPTIONS);
    s->x = s->w.x;
    s->operator= seller_begin(&s->w);
    s->seller = world_register(&s->w, "seller", ROLE_STARTUP);
    s->buyer = world_register(&s->w, "buyer", ROLE_STARTUP);
    uint32_t series = world_series(&s->w, "s", 0);
    uint64_t tokens[3];
    for (int i = 0; i < 3; i++)
        tokens[i] = world_mint(&s->w, series, i == 0 ? s->seller : s->buyer, 100000000);
    struct op_offer_publish offer = {.site = 1,
                                     .sku = 1,
                                     .gpus = 8,
                                     .block_gpus = 1,
                                     .end_s = WORLD_BEGIN_S + 86400,
                                     .price_ucr = 600,
                                     .lease_min_min = 1,
                                     .billing = BILLING_METERED,
                                     .meter_period_min = 60};
    done(s, s->operator, "op", &op_offer_publish_message, &offer);
    order(s, s->seller, "seller", tokens[0], 6, 600, 0);
    struct op_lease_resell resell = {1, 4, 1, 0, 0, 300, 1};
    done(s, s->seller, "seller", &op_lease_resell_message, &resell);
    order(s, s->buyer, "buyer", tokens[1], 3, 120, 0);
    order(s, s->buyer, "buyer", tokens[2], 2, 600, 60);
    struct op_lease_activate activate = {.lease = 1};
    for (activate.lease = 1; activate.lease <= 3; activate.lease++)
        done(s, s->operator, "op", &op_lease_activate_message, &activate);
    world_advance(&s->w, 3600, true);
    assert_int_equal(lease_find(s->x, 2)->parent, 1);
    assert_int_equal(lease_find(s->x, 3)->paused_s, WORLD_BEGIN_S + 3600);
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

/* Puts rows without their hooks: the indexes stay as they were. */
static void put_unseen(struct shop *s, enum table table, const void *row)
{
    world_put_unseen(s->x, table, row);
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
    put_unseen(s, TABLE_RELIEF, &row);
    found(s, "relief 0 of lease 1: the buyer's lease or the offer differs");
    found(s, "lease 1: what was sold differs from the buyers' leases");
    found(s, "lease 1: its reliefs differ in the index");
    found(s, "offer 1: what is taken differs from its leases");
    found(s, "offer 2: what is taken differs from its leases");
    row = whole;
    row.sold = 3;
    put_unseen(s, TABLE_RELIEF, &row);
    found(s, "relief 0 of lease 1: the buyer's lease or the offer differs");
    row = whole;
    row.cut_min = 1;
    put_unseen(s, TABLE_RELIEF, &row);
    found(s, "lease 1: its reliefs differ in the index");
    row = whole;
    row.end_s = WORLD_BEGIN_S + 601 * 60;
    put_unseen(s, TABLE_RELIEF, &row);
    found(s, "relief 0 of lease 1 does not fit it");
    put_unseen(s, TABLE_RELIEF, &whole);
    assert_int_equal(world_check(s->x, NULL), 0);

    struct lease_row lease = *lease_find(s->x, 1), lease_whole = lease;
    lease.gpu_minutes_sold++;
    put_unseen(s, TABLE_LEASE, &lease);
    found(s, "lease 1: what was sold differs from the buyers' leases");
    put_unseen(s, TABLE_LEASE, &lease_whole);
    lease = *lease_find(s->x, 2);
    struct lease_row sold_whole = lease;
    lease.parent = 0;
    put_unseen(s, TABLE_LEASE, &lease);
    found(s, "lease 1: what was sold differs from the buyers' leases");
    lease.parent = 2;
    put_unseen(s, TABLE_LEASE, &lease);
    found(s, "lease 2 does not fit the one it was sold out of");
    put_unseen(s, TABLE_LEASE, &sold_whole);
    assert_int_equal(world_check(s->x, NULL), 0);
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
    found(s, "reliefs 1: do not fit their leases");
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

static void test_offers(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    struct lease_row lease = *lease_find(s->x, 1), whole = lease;
    lease.resale_offer = 0;
    put_unseen(s, TABLE_LEASE, &lease);
    found(s, "offer 2 does not fit the lease that is on offer");
    lease.resale_offer = 1;
    put_unseen(s, TABLE_LEASE, &lease);
    found(s, "lease 1 names an offer that is not of it");
    put_unseen(s, TABLE_LEASE, &whole);
    struct offer_row offer = *offer_row_find(s->x, 2), offer_whole = offer;
    offer.seller = s->buyer;
    put_unseen(s, TABLE_OFFER, &offer);
    found(s, "offer 2 does not fit the lease that is on offer");
    put_unseen(s, TABLE_OFFER, &offer_whole);
    lease.resale_offer = 2;
    lease.gpus = 3;
    put_unseen(s, TABLE_LEASE, &lease);
    found(s, "offer 2 has more free than is left of its lease");
    put_unseen(s, TABLE_LEASE, &whole);
    assert_int_equal(world_check(s->x, NULL), 0);
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
    found(s, "lease 3 has no due item for its pause");
    due_put(s->x, due);
    due.serial = 1;
    due_put(s->x, due);
    found(s, "there are due items for pauses that no lease asks for");
    due_remove(s->x, due);
    lease.paused_s = lease.end_s;
    put_unseen(s, TABLE_LEASE, &lease);
    found(s, "lease 3: it cannot be paused then");
    put_unseen(s, TABLE_LEASE, &whole);
    struct escrow_row key = {.kind = ESCROW_KIND_LEASE, .serial = 3, .place = 0};
    struct escrow_row escrow =
        *(const struct escrow_row *)store_find(s->x->store, TABLE_ESCROW, &key);
    escrow.amount_ucr--;
    put_unseen(s, TABLE_ESCROW, &escrow);
    found(s, "lease 3: escrow does not cover what has begun");
    escrow.amount_ucr += 100000;
    put_unseen(s, TABLE_ESCROW, &escrow);
    found(s, "lease 3: escrow holds more than it can come to cost");
    shop_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sales),
        cmocka_unit_test(test_kept_out),
        cmocka_unit_test(test_offers),
        cmocka_unit_test(test_pauses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
