/* Each thing that check_orders() looks at, damaged on purpose and reported. */
#include "server/exchange/due.h"
#include "server/exchange/escrow.h"
#include "server/exchange/offer.h"
#include "server/exchange/order.h"
#include "server/exchange/rest_index.h"
#include "tests/server/exchange/shop.h"
#include "tests/server/exchange/support.h"

/* Offer 1; order 1 has been filled with 4 of its 6 GPUs and rests; order 2 was placed at once;
 * offer 2 waits for order 1 to be asked about it. */
static struct shop *shop_open(void)
{
    struct shop *s = shop_begin();
    uint64_t token = shop_token(s, world_series(&s->w, "s", 0), s->startup);
    struct op_offer_publish offer = shop_offer(5, 3600);
    shop_do(s, s->operator, "op", &op_offer_publish_message, &offer);
    struct op_order_place order = shop_order(s, token, 1, 60, 900);
    token = shop_do(s, s->startup, "startup", &op_order_place_message, &order)->token_first;
    order = shop_order(s, token, 6, 60, 900);
    order.gpus_min = 1;
    order.time_in_force = TIME_IN_FORCE_GTT;
    order.rest_until_s = order.start_until_s = WORLD_BEGIN_S + 7200;
    shop_do(s, s->startup, "startup", &op_order_place_message, &order);
    offer.gpus = 1;
    shop_do(s, s->operator, "op", &op_offer_publish_message, &offer);
    shop_ready(s);
    return s;
}

static void orders_and_their_leases(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    const struct order_row right = *order_find(s->x, 2);
    assert_int_equal(right.gpus_filled, 4);
    struct order_row row = right;
    row.gpus_filled = 3;
    shop_put_unseen(s, TABLE_ORDER, &row);
    shop_found(s, "order 2: 3 GPUs filled, but its leases have 4");
    row = right;
    row.lease_count = 2;
    shop_put_unseen(s, TABLE_ORDER, &row);
    shop_found(s, "order 2: 2 leases, but there are 1");
    row = right;
    row.lease_first = 1;
    shop_put_unseen(s, TABLE_ORDER, &row);
    shop_found(s, "order 2: 1 leases, but there are 1");
    row = right;
    row.ended_s = 1;
    shop_put_unseen(s, TABLE_ORDER, &row);
    shop_found(s, "order 2: its state is not what it was filled to");
    row = right;
    row.state = ORDER_STATE_UNFILLED;
    shop_put_unseen(s, TABLE_ORDER, &row);
    shop_found(s, "order 2: its state is not what it was filled to");
    shop_found(s, "order 2: its terms are there, or it rests, alone");
    struct lease_row lease =
        *(const struct lease_row *)store_find(s->x->store, TABLE_LEASE, &(uint64_t){1});
    const uint64_t own = lease.order;
    lease.order = 2;
    lease.start_s += 60;
    shop_put_unseen(s, TABLE_LEASE, &lease);
    shop_found(s, "order 2: its leases do not begin together");
    lease.order = own;
    lease.start_s -= 60;
    shop_put_unseen(s, TABLE_LEASE, &lease);
    row = right;
    row.account = s->operator;
    shop_put_unseen(s, TABLE_ORDER, &row);
    shop_found(s, "order 2 is not in its account's list");
    shop_found(s, "is not of its holder's order");
    shop_put_unseen(s, TABLE_ORDER, &right);
    shop_whole(s);
    store_remove(s->x->store, TABLE_REST, &right.order);
    shop_found(s, "order 2: its terms are there, or it rests, alone");
    shop_found(s, "escrow 0 of order 2 belongs to nothing");
    shop_close(s);
}

static void terms_and_escrow(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    const struct rest_row right = *rest_find(s->x, 2);
    struct rest_row row = right;
    row.gpus_missing = 1;
    shop_put_unseen(s, TABLE_REST, &row);
    shop_found(s, "order 2: its terms are not those of an order that rests");
    row = right;
    row.site = 0;
    shop_put_unseen(s, TABLE_REST, &row);
    shop_found(s, "order 2: its terms are not those of an order that rests");
    row = right;
    row.limits_ucr[0]++;
    shop_put_unseen(s, TABLE_REST, &row);
    shop_found(s, "order 2: its escrow holds 1800 micro-credits, but 1802 are needed");
    shop_found(s, "order 2 is not where offers look for it");
    row = right;
    row.start_until_s += 60;
    shop_put_unseen(s, TABLE_REST, &row);
    shop_found(s, "order 2: the rest of it may begin apart from its leases");
    row = right;
    row.due_s++;
    shop_put_unseen(s, TABLE_REST, &row);
    shop_found(s, "order 2: it ends at another time than it says");
    shop_found(s, "order 2 has no due item");
    shop_put_unseen(s, TABLE_REST, &right);
    struct escrow_row escrow = {.kind = ESCROW_KIND_ORDER, .serial = 2};
    escrow = *(const struct escrow_row *)store_find(s->x->store, TABLE_ESCROW, &escrow);
    escrow.owner = s->operator;
    shop_put_unseen(s, TABLE_ESCROW, &escrow);
    shop_found(s, "order 2: its escrow is somebody else's");
    escrow.owner = s->startup;
    shop_put_unseen(s, TABLE_ESCROW, &escrow);
    shop_whole(s);
    shop_close(s);
}

static void indexes(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    struct rest_index *index = s->x->rests;
    index->counts[s->startup]++;
    shop_found(s, "2 orders rest, but 1 rows");
    index->counts[s->startup]--;
    struct rest_shelf *shelf = RB_ROOT(&index->shelves);
    struct rest_bucket *bucket = RB_ROOT(&shelf->buckets);
    bucket->best.limit_ucr++;
    shop_found(s, "1 lines in the index, 1 are asked for; 1 buckets are wrong");
    bucket->best.limit_ucr--;
    index->lines++;
    shop_found(s, "1 buckets are wrong");
    index->lines--;
    struct rest_line *line;
    while ((line = rest_lines_first(&bucket->lines)) == NULL) {
        uint32_t child = 0;
        while (bucket->children[child] == NULL)
            child++;
        bucket = bucket->children[child];
    }
    line->leaf.all.until_min++;
    shop_found(s, "1 buckets are wrong");
    line->leaf.all.until_min--;
    rest_supply(s->x, 1, 1, 1);
    shop_found(s, "SKU 1: what is on offer at site 1 differs");
    shop_found(s, "what is on offer differs from the offers");
    rest_supply(s->x, 1, 1, -1);
    struct due_item item = {.due_s = WORLD_BEGIN_S + 9, .kind = DUE_ORDER, .serial = 7};
    due_put(s->x, item);
    shop_found(s, "there are due items that no resting order or offer asks for");
    due_remove(s->x, item);
    shop_whole(s);
    shop_close(s);
}

static void asking(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    const struct offer_row right = *offer_row_find(s->x, 2);
    assert_true(right.asking);
    offer_show(s->x, 2, true);
    shop_found(s, "offer 2 is shown while orders are asked, or is not");
    offer_show(s->x, 2, false);
    struct due_item item = {
        .due_s = right.ask_s, .kind = DUE_ASK, .part = right.seller, .serial = 2};
    due_remove(s->x, item);
    shop_found(s, "offer 2 has no due item for asking");
    due_put(s->x, item);
    struct offer_row row = right;
    row.ask_place = 5;
    shop_put_unseen(s, TABLE_OFFER, &row);
    shop_found(s, "offer 2 is not found by late-comers");
    shop_put_unseen(s, TABLE_OFFER, &right);
    row = *offer_row_find(s->x, 1);
    row.ask_s = 5;
    shop_put_unseen(s, TABLE_OFFER, &row);
    shop_found(s, "offer 1: nobody is to be asked about it");
    row.ask_s = 0;
    shop_put_unseen(s, TABLE_OFFER, &row);
    shop_whole(s);
    shop_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_and_their_leases),
        cmocka_unit_test(terms_and_escrow),
        cmocka_unit_test(indexes),
        cmocka_unit_test(asking),
    };
    return sodium_init() < 0 ? EXIT_FAILURE : cmocka_run_group_tests(tests, NULL, NULL);
}
