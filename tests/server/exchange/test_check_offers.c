/* Each thing that check_offers() looks at, damaged on purpose and reported. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/moment.h"
#include "server/exchange/ask_site.h"
#include "server/exchange/ask_turn.h"
#include "server/exchange/closure.h"
#include "server/exchange/due.h"
#include "server/exchange/offer.h"
#include "server/exchange/site.h"
#include "tests/server/exchange/crowd.h"

#define HOUR_S UINT64_C(3600)

struct shop {
    struct world w;
    struct exchange *x;
    uint32_t operator;
};

static void done(struct shop *s, uint32_t account, const char *key, const struct message *m,
                 const void *body)
{
    assert_int_equal(world_do(&s->w, account, key, m, body)->refusal, REFUSAL_accepted);
}

/* Offer 1 is standing, offer 2 withdrawn; closure 1 is an outage, closure 2 maintenance. */
static struct shop *shop_open(void)
{
    struct shop *s = calloc(1, sizeof(*s));
    world_begin(&s->w, WORLD_OPTIONS);
    s->x = s->w.x;
    s->operator= seller_begin(&s->w);
    struct op_offer_publish offer = {.site = 1,
                                     .sku = 1,
                                     .gpus = 8,
                                     .block_gpus = 1,
                                     .standing_min = 240,
                                     .end_s = WORLD_BEGIN_S + 24 * HOUR_S,
                                     .price_ucr = 600,
                                     .lease_min_min = 1,
                                     .billing = BILLING_METERED,
                                     .meter_period_min = 60};
    done(s, s->operator, "op", &op_offer_publish_message, &offer);
    offer.standing_min = 0;
    done(s, s->operator, "op", &op_offer_publish_message, &offer);
    struct op_offer_withdraw withdraw = {2};
    done(s, s->operator, "op", &op_offer_withdraw_message, &withdraw);
    struct op_site_close close = {
        .site = 1, .kind = CLOSURE_KIND_OUTAGE, .end_s = WORLD_BEGIN_S + HOUR_S};
    done(s, s->operator, "op", &op_site_close_message, &close);
    close.kind = CLOSURE_KIND_MAINTENANCE;
    close.start_s = WORLD_BEGIN_S + HOUR_S / 2;
    close.end_s = WORLD_BEGIN_S + 2 * HOUR_S;
    done(s, s->operator, "op", &op_site_close_message, &close);
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

static void sound(const struct shop *s)
{
    assert_int_equal(world_check(s->x, NULL), 0);
}

/* Puts rows without their hooks: the indexes stay as they were. */
static void put_unseen(struct shop *s, enum table table, const void *row)
{
    world_put_unseen(s->x, table, row);
}

/* One offer's row is another than the index has seen. */
static void offer_wrong(struct shop *s, const struct offer_row *wrong, const char *line)
{
    struct offer_row row = *offer_row_find(s->x, wrong->offer);
    put_unseen(s, TABLE_OFFER, wrong);
    found(s, line);
    put_unseen(s, TABLE_OFFER, &row);
    sound(s);
}

static void test_rows(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    const struct offer_row whole = *offer_row_find(s->x, 1);
    static const char differs[] = "offer 1 differs from its row in the index";
    struct offer_row row = whole;
    row.place++;
    offer_wrong(s, &row, differs);
    row = whole;
    row.gpus++;
    offer_wrong(s, &row, differs);
    row = whole;
    row.billing = BILLING_RESERVED;
    offer_wrong(s, &row, differs);
    row = whole;
    row.seller = 1;
    offer_wrong(s, &row, "offer 1 is sold by a stranger");
    row = whole;
    row.asking = 1;
    offer_wrong(s, &row, differs);
    row = whole;
    row.until_s = row.end_s - 60;
    offer_wrong(s, &row, "offer 1 has moved on beyond its last end");
    row = whole;
    row.lease = 5;
    offer_wrong(s, &row, "offer 1 does not fit the lease that it offers");
    row = whole;
    row.site = 5;
    offer_wrong(s, &row, "offer 1 names a site or SKU that is not there");
    row = whole;
    row.state = OFFER_STATE_ENDED;
    offer_wrong(s, &row, "offer 1 is not among its site's open ones");
    row = *offer_row_find(s->x, 2);
    row.asking = 1;
    offer_wrong(s, &row, "offer 2 is closed, but asking");
    shop_close(s);
}

static void test_index(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    struct offer *o = (struct offer *)(uintptr_t)offer_find(s->x, 1);
    const struct steps *closed = o->closed;
    o->closed = &o->blocked;
    found(s, "offer 1 differs from its row in the index");
    o->closed = closed;
    o->shown = false;
    found(s, "offer 1 differs from its row in the index");
    o->shown = true;
    s->x->offers->open_counts[s->operator]++;
    found(s, "1 offers are open, but 1 are listed and 2 counted");
    s->x->offers->open_counts[s->operator]--;
    sound(s);
    steps_add(&o->taken, o->start_min + 40, o->start_min + 41, 1);
    found(s, "offer 1: what is taken differs from its leases");
    steps_add(&o->taken, o->start_min + 40, o->start_min + 41, -1);
    /* An offer that is hidden while it should be shown is missing in the book. */
    offer_show(s->x, 1, false);
    found(s, "offer 1 differs from its row in the index");
    offer_show(s->x, 1, true);
    sound(s);
    shop_close(s);
}

static void test_due_items(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    struct offer_row row = *offer_row_find(s->x, 1);
    struct due_item item = {.kind = DUE_OFFER, .serial = 1, .due_s = offer_due_s(&row)};
    assert_int_equal(item.due_s, row.end_s - 4 * HOUR_S + 1);
    due_remove(s->x, item);
    found(s, "offer 1 has no due item");
    due_put(s->x, item);
    item.due_s = row.end_s;
    due_put(s->x, item);
    found(s, "there are due items that no offer asks for");
    due_remove(s->x, item);
    sound(s);

    row.asking = 1;
    row.ask_s = WORLD_BEGIN_S;
    store_put(s->x->store, TABLE_OFFER, &row);
    assert_false(offer_find(s->x, 1)->shown);
    found(s, "offer 1 is asking, but its seller has no turn");
    ask_turn_join(s->x, s->operator);
    sound(s);
    item = (struct due_item){
        .kind = DUE_ASK, .part = s->operator, .serial = 1, .due_s = WORLD_BEGIN_S};
    due_remove(s->x, item);
    found(s, "offer 1 is asking, but has no due item");
    due_put(s->x, item);
    row.asking = 0;
    row.ask_s = 0;
    store_put(s->x->store, TABLE_OFFER, &row);
    sound(s);
    due_put(s->x, item);
    found(s, "there are due items that no offer asks for");
    due_remove(s->x, item);
    /* A turn that nobody needs any more goes by itself. */
    assert_non_null(ask_turn_find(s->x, s->operator));
    world_tick(&s->w);
    assert_null(ask_turn_find(s->x, s->operator));
    sound(s);
    shop_close(s);
}

static void test_turns(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    ask_turn_join(s->x, s->operator);
    const struct ask_turn_row whole = *ask_turn_find(s->x, s->operator);
    struct ask_turn_row row = whole;
    row.turn++;
    put_unseen(s, TABLE_ASK_TURN, &row);
    found(s, "account 2 does not stand at its turn to ask");
    put_unseen(s, TABLE_ASK_TURN, &whole);
    sound(s);
    /* One of a damaged image. */
    row.seller = UINT32_MAX;
    store_put(s->x->store, TABLE_ASK_TURN, &row);
    found(s, "account 4294967295 has a turn to ask, but was never registered");
    world_tick(&s->w);
    sound(s);
    shop_close(s);
}

static void test_closures(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    const struct closure_row whole = *closure_find(s->x, 1);
    struct closed_site *site = s->x->closures->sites[1];
    struct closure_row row = whole;
    row.end_s += 60;
    put_unseen(s, TABLE_CLOSURE, &row);
    found(s, "site 1 is closed otherwise than its closures say");
    found(s, "closure 1 is not among its site's ends");
    row = whole;
    row.kind = CLOSURE_KIND_MAINTENANCE;
    put_unseen(s, TABLE_CLOSURE, &row);
    found(s, "site 1 is closed otherwise than its closures say");
    row = whole;
    row.site = 9;
    put_unseen(s, TABLE_CLOSURE, &row);
    found(s, "closure 1 closes nothing");
    row = whole;
    row.start_s = row.end_s;
    put_unseen(s, TABLE_CLOSURE, &row);
    found(s, "closure 1 closes nothing");
    put_unseen(s, TABLE_CLOSURE, &whole);
    sound(s);
    steps_add(&site->out, 0, 5, 1);
    found(s, "site 1 is closed otherwise than its closures say");
    steps_add(&site->out, 0, 5, -1);
    s->x->head.closure_last = 1;
    found(s, "closure 2 was never issued");
    s->x->head.closure_last = 2;
    owned_remove(&s->x->closures->by_site, 1, 2);
    found(s, "closure 2 is not in its site's list");
    shop_close(s);
}

static void test_asking_sites(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    struct ask_site_row row = {.site = 1, .since_s = WORLD_BEGIN_S, .shown_ucr = 600};
    store_put(s->x->store, TABLE_ASK_SITE, &row);
    found(s, "site 1 is to be asked about, but its operator has no turn");
    ask_turn_join(s->x, s->operator);
    sound(s);
    struct due_item item = {
        .kind = DUE_ASK_SITE, .part = s->operator, .serial = 1, .due_s = WORLD_BEGIN_S};
    due_remove(s->x, item);
    found(s, "site 1 is to be asked about, but has no due item");
    due_put(s->x, item);
    row.offer_next = 2;
    store_put(s->x->store, TABLE_ASK_SITE, &row);
    sound(s);
    row.shown_ucr = 601;
    store_put(s->x->store, TABLE_ASK_SITE, &row);
    found(s, "offer 1 stands in the book unknown to its site");
    ask_site_shown(s->x, 1, 600);
    sound(s);
    row.since_s = WORLD_BEGIN_S + 1;
    row.shown_ucr = 0;
    store_put(s->x->store, TABLE_ASK_SITE, &row);
    found(s, "site 1 is to be asked about, but never counted again");
    store_remove(s->x->store, TABLE_ASK_SITE, &row);
    sound(s);
    due_put(s->x, item);
    found(s, "there are due items that no offer asks for");
    due_remove(s->x, item);
    /* One of a damaged image whose site is not there stays out of what falls due. */
    row = (struct ask_site_row){.site = 7, .since_s = WORLD_BEGIN_S};
    store_put(s->x->store, TABLE_ASK_SITE, &row);
    found(s, "site 7 is to be asked about, but never counted again");
    world_tick(&s->w);
    found(s, "site 7 is to be asked about, but has no due item");
    store_remove(s->x->store, TABLE_ASK_SITE, &row);
    sound(s);
    shop_close(s);
}

/* Rows of a damaged image that name what is not there stay out, and nobody minds. */
static void test_kept_out(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    struct closure_row closure = *closure_find(s->x, 1);
    s->x->head.closure_last = 3;
    closure.closure = 3;
    closure.site = UINT64_C(1) << 40;
    store_put(s->x->store, TABLE_CLOSURE, &closure);
    found(s, "closure 3 closes nothing");
    struct op_site_reopen reopen = {3};
    assert_int_equal(world_do(&s->w, s->operator, "op", &op_site_reopen_message, &reopen)->refusal,
                     REFUSAL_not_owner);
    store_remove(s->x->store, TABLE_CLOSURE, &closure);
    sound(s);
    struct offer_row offer = *offer_row_find(s->x, 1);
    s->x->head.offer_last = 3;
    offer.offer = 3;
    offer.sku = 9;
    store_put(s->x->store, TABLE_OFFER, &offer);
    found(s, "offer 3 is not in the index");
    struct op_offer_amend amend = {.offer = 3, .gpus = 4};
    assert_int_equal(world_do(&s->w, s->operator, "op", &op_offer_amend_message, &amend)->refusal,
                     REFUSAL_offer_not_found);
    struct op_offer_withdraw withdraw = {3};
    assert_int_equal(
        world_do(&s->w, s->operator, "op", &op_offer_withdraw_message, &withdraw)->refusal,
        REFUSAL_offer_not_found);
    shop_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),      cmocka_unit_test(test_index),
        cmocka_unit_test(test_due_items), cmocka_unit_test(test_closures),
        cmocka_unit_test(test_kept_out),  cmocka_unit_test(test_asking_sites),
        cmocka_unit_test(test_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
