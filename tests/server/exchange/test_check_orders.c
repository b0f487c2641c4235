/* Each thing that check_orders() looks at, damaged on purpose and reported. */
#include "server/exchange/due.h"
#include "server/exchange/escrow.h"
#include "server/exchange/offer.h"
#include "server/exchange/order.h"
#include "server/exchange/rest_index.h"
#include "tests/server/exchange/support.h"
#include "tests/server/exchange/crowd.h"

struct shop {
    struct world w;
    struct exchange *x;
    uint32_t operator, startup;
};

static uint64_t done(struct shop *s, uint32_t account, const char *key, const struct message *m,
                     const void *body)
{
    const struct result *result = world_do(&s->w, account, key, m, body);
    assert_int_equal(result->refusal, REFUSAL_accepted);
    return result->token_first;
}

/* Offer 1; order 1 has been filled with 4 of its 6 GPUs and rests; order 2 was placed at once;
 * offer 2 waits for order 1 to be asked about it. */
static struct shop *shop_open(void)
{
    struct shop *s = calloc(1, sizeof(*s));
    world_begin(&s->w, WORLD_OPTIONS);
    s->x = s->w.x;
    s->operator= seller_begin(&s->w);
    s->startup = world_register(&s->w, "startup", ROLE_STARTUP);
    uint64_t token = world_mint(&s->w, world_series(&s->w, "s", 0), s->startup, 1000000);
    struct op_offer_publish offer = {.site = 1,
                                     .sku = 1,
                                     .gpus = 5,
                                     .block_gpus = 1,
                                     .end_s = WORLD_BEGIN_S + 3600,
                                     .price_ucr = 600,
                                     .lease_min_min = 1,
                                     .billing = BILLING_RESERVED,
                                     .meter_period_min = 60};
    done(s, s->operator, "op", &op_offer_publish_message, &offer);
    struct sku_limit limit = {1, 900};
    struct op_order_place order = {.skus = {&limit, 1},
                                   .gpus = 1,
                                   .gpus_min = 1,
                                   .block_gpus = 1,
                                   .duration_min = 60,
                                   .placement = PLACEMENT_ONE_SITE,
                                   .time_in_force = TIME_IN_FORCE_IOC,
                                   .profile = PROFILE_TUNING,
                                   .tokens = {&token, 1}};
    token = done(s, s->startup, "startup", &op_order_place_message, &order);
    order.gpus = 6;
    order.time_in_force = TIME_IN_FORCE_GTT;
    order.rest_until_s = order.start_until_s = WORLD_BEGIN_S + 7200;
    done(s, s->startup, "startup", &op_order_place_message, &order);
    offer.gpus = 1;
    done(s, s->operator, "op", &op_offer_publish_message, &offer);
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

static void orders_and_their_leases(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    const struct order_row right = *order_find(s->x, 2);
    assert_int_equal(right.gpus_filled, 4);
    struct order_row row = right;
    row.gpus_filled = 3;
    put_unseen(s, TABLE_ORDER, &row);
    found(s, "order 2: 3 GPUs filled, but its leases have 4");
    row = right;
    row.lease_count = 2;
    put_unseen(s, TABLE_ORDER, &row);
    found(s, "order 2: 2 leases, but there are 1");
    row = right;
    row.lease_first = 1;
    put_unseen(s, TABLE_ORDER, &row);
    found(s, "order 2: 1 leases, but there are 1");
    row = right;
    row.ended_s = 1;
    put_unseen(s, TABLE_ORDER, &row);
    found(s, "order 2: its state is not what it was filled to");
    row = right;
    row.state = ORDER_STATE_UNFILLED;
    put_unseen(s, TABLE_ORDER, &row);
    found(s, "order 2: its state is not what it was filled to");
    found(s, "order 2: its terms are there, or it rests, alone");
    struct lease_row lease =
        *(const struct lease_row *)store_find(s->x->store, TABLE_LEASE, &(uint64_t){1});
    const uint64_t own = lease.order;
    lease.order = 2;
    lease.start_s += 60;
    put_unseen(s, TABLE_LEASE, &lease);
    found(s, "order 2: its leases do not begin together");
    lease.order = own;
    lease.start_s -= 60;
    put_unseen(s, TABLE_LEASE, &lease);
    row = right;
    row.account = s->operator;
    put_unseen(s, TABLE_ORDER, &row);
    found(s, "order 2 is not in its account's list");
    found(s, "is not of its holder's order");
    put_unseen(s, TABLE_ORDER, &right);
    assert_int_equal(world_check(s->x, NULL), 0);
    store_remove(s->x->store, TABLE_REST, &right.order);
    found(s, "order 2: its terms are there, or it rests, alone");
    found(s, "escrow 0 of order 2 belongs to nothing");
    shop_close(s);
}

static void terms_and_escrow(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    const struct rest_row right = *rest_find(s->x, 2);
    struct rest_row row = right;
    row.gpus_missing = 1;
    put_unseen(s, TABLE_REST, &row);
    found(s, "order 2: its terms are not those of an order that rests");
    row = right;
    row.site = 0;
    put_unseen(s, TABLE_REST, &row);
    found(s, "order 2: its terms are not those of an order that rests");
    row = right;
    row.limits_ucr[0]++;
    put_unseen(s, TABLE_REST, &row);
    found(s, "order 2: its escrow holds 1800 micro-credits, but 1802 are needed");
    found(s, "order 2 is not where offers look for it");
    row = right;
    row.start_until_s += 60;
    put_unseen(s, TABLE_REST, &row);
    found(s, "order 2: the rest of it may begin apart from its leases");
    row = right;
    row.due_s++;
    put_unseen(s, TABLE_REST, &row);
    found(s, "order 2: it ends at another time than it says");
    found(s, "order 2 has no due item");
    put_unseen(s, TABLE_REST, &right);
    struct escrow_row escrow = {.kind = ESCROW_KIND_ORDER, .serial = 2};
    escrow = *(const struct escrow_row *)store_find(s->x->store, TABLE_ESCROW, &escrow);
    escrow.owner = s->operator;
    put_unseen(s, TABLE_ESCROW, &escrow);
    found(s, "order 2: its escrow is somebody else's");
    escrow.owner = s->startup;
    put_unseen(s, TABLE_ESCROW, &escrow);
    assert_int_equal(world_check(s->x, NULL), 0);
    shop_close(s);
}

static void indexes(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    struct rest_index *index = s->x->rests;
    index->counts[s->startup]++;
    found(s, "2 orders rest, but 1 rows");
    index->counts[s->startup]--;
    struct rest_shelf *shelf = RB_ROOT(&index->shelves);
    struct rest_bucket *bucket = RB_ROOT(&shelf->buckets);
    bucket->best.limit_ucr++;
    found(s, "1 lines in the index, 1 are asked for; 1 buckets are wrong");
    bucket->best.limit_ucr--;
    index->lines++;
    found(s, "1 buckets are wrong");
    index->lines--;
    struct rest_line *line;
    while ((line = rest_lines_first(&bucket->lines)) == NULL) {
        uint32_t child = 0;
        while (bucket->children[child] == NULL)
            child++;
        bucket = bucket->children[child];
    }
    line->all.until_min++;
    found(s, "1 buckets are wrong");
    line->all.until_min--;
    rest_supply(s->x, 1, 1, 1);
    found(s, "SKU 1: what is on offer at site 1 differs");
    found(s, "what is on offer differs from the offers");
    rest_supply(s->x, 1, 1, -1);
    struct due_item item = {.due_s = WORLD_BEGIN_S + 9, .kind = DUE_ORDER, .serial = 7};
    due_put(s->x, item);
    found(s, "there are due items that no resting order or offer asks for");
    due_remove(s->x, item);
    assert_int_equal(world_check(s->x, NULL), 0);
    shop_close(s);
}

static void asking(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    const struct offer_row right = *offer_row_find(s->x, 2);
    assert_true(right.asking);
    offer_show(s->x, 2, true);
    found(s, "offer 2 is shown while orders are asked, or is not");
    offer_show(s->x, 2, false);
    struct due_item item = {.due_s = right.ask_s, .kind = DUE_ASK, .serial = 2};
    due_remove(s->x, item);
    found(s, "offer 2 has no due item for asking");
    due_put(s->x, item);
    struct offer_row row = right;
    row.ask_place = 5;
    put_unseen(s, TABLE_OFFER, &row);
    found(s, "offer 2 is not found by late-comers");
    put_unseen(s, TABLE_OFFER, &right);
    row = *offer_row_find(s->x, 1);
    row.ask_s = 5;
    put_unseen(s, TABLE_OFFER, &row);
    found(s, "offer 1: nobody is to be asked about it");
    row.ask_s = 0;
    put_unseen(s, TABLE_OFFER, &row);
    assert_int_equal(world_check(s->x, NULL), 0);
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
