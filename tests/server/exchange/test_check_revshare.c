/* Each thing that the checks of revenue shares and flows look at, damaged on purpose and
 * reported; and what a start refuses because the rules rely on it without looking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/moment.h"
#include "server/exchange/contract.h"
#include "server/exchange/flow.h"
#include "server/exchange/revshare.h"
#include "tests/server/exchange/crowd.h"

struct shop {
    struct world w;
    struct exchange *x;
    uint32_t operator, lender, startup;
};

static void share_begin(struct shop *s, uint32_t rank, const struct phase *phases, uint32_t count)
{
    struct op_revshare_propose op = {.beneficiary = s->lender,
                                     .operator= s->operator,
                                     .base = SHARE_BASE_GROSS,
                                     .rank = rank,
                                     .start_s = 1,
                                     .window_days = 1,
                                     .milestone = MILESTONE_KIND_REVENUE,
                                     .phases = {phases, count}};
    struct op_contract_accept accept = {.version = 1};
    accept.contract = accepted(&s->w, s->lender, "lend", &op_revshare_propose_message, &op)->object;
    accepted(&s->w, s->operator, "op", &op_contract_accept_message, &accept);
}

/* Shares 1 (in its second phase) and 2, of which a part is claimed; 3 is only proposed. */
static struct shop *shop_open(void)
{
    static const struct phase phases[2] = {{8000, 0, 50}, {7000, 0, 0}};
    struct shop *s = calloc(1, sizeof(*s));
    world_begin(&s->w, WORLD_OPTIONS);
    s->x = s->w.x;
    s->w.replayable = false;
    s->operator= seller_begin(&s->w);
    s->lender = world_register(&s->w, "lend", ROLE_GUARANTOR);
    s->startup = world_register(&s->w, "startup", ROLE_STARTUP);
    uint32_t series = world_series(&s->w, "seed", 0);
    share_begin(s, 1, phases, 2);
    share_begin(s, 2, phases + 1, 1);
    struct op_revshare_propose third = {.beneficiary = s->lender,
                                        .operator= s->operator,
                                        .base = SHARE_BASE_GROSS,
                                        .rank = 1,
                                        .start_s = 1,
                                        .window_days = 1,
                                        .milestone = MILESTONE_KIND_REVENUE,
                                        .phases = {phases, 2}};
    accepted(&s->w, s->lender, "lend", &op_revshare_propose_message, &third);
    accepted(&s->w, s->operator, "op", &op_offer_publish_message,
             offer_new(&s->w, 8, WORLD_BEGIN_S + 24 * HOUR_S));
    struct op_order_place *order = order_new(&s->w, 2);
    uint64_t token = world_mint(&s->w, series, s->startup, 1000);
    order->tokens.items = &token;
    order->tokens.count = 1;
    accepted(&s->w, s->startup, "startup", &op_order_place_message, order);
    struct op_lease_activate activate = {.lease = 1};
    accepted(&s->w, s->operator, "op", &op_lease_activate_message, &activate);
    world_advance(&s->w, HOUR_S, true);
    struct op_lease_meter meter = {.lease = 1, .gpu_minutes = 100};
    accepted(&s->w, s->operator, "op", &op_lease_meter_message, &meter);
    world_advance(&s->w, 4 * HOUR_S, true);
    struct op_payout payout = {.series = series, .amount_ucr = 5, .reference = {"inv", 3}};
    accepted(&s->w, s->lender, "lend", &op_payout_message, &payout);
    assert_int_equal(revshare_progress(s->x, 1)->phase, 1);
    assert_int_equal(contract_find(s->x, 2)->claims_ucr, 45);
    assert_int_equal(world_check(s->x, NULL), 0);
    return s;
}

static void shop_close(struct shop *s)
{
    world_end(&s->w);
    free(s);
}

static struct progress_row progress_of(const struct shop *s, uint64_t contract)
{
    return *revshare_progress(s->x, contract);
}

static struct revshare_row terms_of(const struct shop *s, uint64_t contract)
{
    return *revshare_terms(s->x, contract, 1);
}

static struct share_row share_of(const struct shop *s, uint64_t contract)
{
    struct share_row key = {.contract = contract, .share = 1};
    return *(const struct share_row *)store_find(s->x->store, TABLE_SHARE, &key);
}

/* The check says so, and a start does not take such rows over. */
static void refused(struct shop *s, const char *line)
{
    assert_true(world_reports(s->x, line));
    assert_null(world_copy(&s->w));
}

static void test_rows_relied_on(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    struct revshare_row terms = terms_of(s, 1), whole = terms;
    terms.phases_count = PHASES_MAX + 1;
    store_put(s->x->store, TABLE_REVSHARE, &terms);
    refused(s, "revenue share 1: more or fewer phases or days than there can be");
    terms = whole;
    terms.rate_bp[1] = 8000;
    store_put(s->x->store, TABLE_REVSHARE, &terms);
    refused(s, "revenue share 1: rates that do not fall strictly");
    terms = whole;
    terms.operator= s->lender;
    store_put(s->x->store, TABLE_REVSHARE, &terms);
    refused(s, "revenue share 1: terms of no version of a contract of these parties");
    terms = whole;
    terms.base = 9;
    store_put(s->x->store, TABLE_REVSHARE, &terms);
    refused(s, "revenue share 1: terms of no known base or milestone");
    store_put(s->x->store, TABLE_REVSHARE, &whole);

    struct progress_row progress = progress_of(s, 1), all = progress;
    progress.phase = 2;
    store_put(s->x->store, TABLE_PROGRESS, &progress);
    refused(s, "revenue share 1: in a phase that it has not");
    progress = all;
    progress.rank = 7;
    store_put(s->x->store, TABLE_PROGRESS, &progress);
    refused(s, "revenue share 1: its progress has another operator or rank");
    progress = all;
    progress.version = 2;
    store_put(s->x->store, TABLE_PROGRESS, &progress);
    refused(s, "revenue share 1: its progress is not that of the version in force");
    uint64_t contract = 1;
    store_remove(s->x->store, TABLE_PROGRESS, &contract);
    refused(s, "revenue share 1: is in force, but nothing says how it stands");
    store_put(s->x->store, TABLE_PROGRESS, &all);
    assert_int_equal(world_check(s->x, NULL), 0);

    struct revshare_row key = {.contract = 3, .version = 1};
    store_remove(s->x->store, TABLE_REVSHARE, &key);
    refused(s, "revenue share 3: a version is proposed, but has no terms");
    shop_close(s);
}

static void test_sums(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    struct progress_row progress = progress_of(s, 1), all = progress;
    progress.share_ucr++;
    store_put(s->x->store, TABLE_PROGRESS, &progress);
    assert_true(world_reports(s->x, "revenue share 1: its deductions come to another progress"));
    assert_true(world_reports(s->x, "flows: payments of revenue shares come to"));
    assert_true(world_reports(s->x, "revenue share 1: what was paid and claimed is not what was"));
    progress = all;
    progress.month_gross_ucr = 101;
    store_put(s->x->store, TABLE_PROGRESS, &progress);
    assert_true(world_reports(s->x, "revenue share 1: more in a month than in all"));
    /* Measured in the middle of a day, on a day to come, never. */
    const uint64_t today_s = s->x->head.time_s / (24 * HOUR_S) * (24 * HOUR_S);
    const uint64_t wrong[] = {today_s + 1, today_s + 24 * HOUR_S, 0};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        progress = all;
        progress.utilisation_s = wrong[i];
        progress.utilisation_ppm = 1;
        store_put(s->x->store, TABLE_PROGRESS, &progress);
        assert_true(world_reports(s->x, "revenue share 1: its utilisation was measured until a "
                                        "time that cannot be"));
    }
    progress.utilisation_s = today_s;
    store_put(s->x->store, TABLE_PROGRESS, &progress);
    assert_int_equal(world_check(s->x, NULL), 0);
    store_put(s->x->store, TABLE_PROGRESS, &all);

    struct share_row share = share_of(s, 2), whole = share;
    share.paid_ucr = share.share_ucr + 1;
    store_put(s->x->store, TABLE_SHARE, &share);
    assert_true(world_reports(s->x, "revenue share 2: a deduction pays more than is due"));
    share = whole;
    share.index++;
    store_put(s->x->store, TABLE_SHARE, &share);
    assert_true(world_reports(s->x, "revenue share 2: a deduction lacked another amount than its"));
    share = whole;
    share.claims_ucr = whole.gross_ucr;
    store_put(s->x->store, TABLE_SHARE, &share);
    assert_true(world_reports(s->x, "revenue share 2: a deduction takes more than was settled"));
    assert_true(world_reports(s->x, "revenue share 2: its deductions paid more of claims than"));
    store_put(s->x->store, TABLE_SHARE, &whole);
    share = share_of(s, 1);
    whole = share;
    share.phase_first = 1;
    share.phase_last = 0;
    store_put(s->x->store, TABLE_SHARE, &share);
    assert_true(world_reports(s->x, "revenue share 1: a deduction went back to a former phase"));
    store_put(s->x->store, TABLE_SHARE, &whole);
    share.share = 2;
    store_put(s->x->store, TABLE_SHARE, &share);
    assert_true(world_reports(s->x, "revenue shares: 2 deductions, but 3 rows"));
    store_remove(s->x->store, TABLE_SHARE, &share);
    store_remove(s->x->store, TABLE_SHARE, &whole);
    assert_true(world_reports(s->x, "revenue share 1: a deduction is missing"));
    shop_close(s);
}

static void test_index_and_looks(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    struct share_line *line = revshare_first(s->x, s->operator);
    assert_int_equal(line->contract, 1);
    line->contract = 9;
    assert_true(world_reports(s->x, "revenue share 1: not in memory among those of its operator"));
    line->contract = 1;
    s->x->revshares->count++;
    assert_true(world_reports(s->x, "revenue shares: 3 in memory, of 2 rows"));
    s->x->revshares->count--;

    struct progress_row progress = progress_of(s, 1);
    struct contract_row contract = *contract_find(s->x, 1);
    progress.phase = 0;
    contract.next_s = 0;
    store_put(s->x->store, TABLE_PROGRESS, &progress);
    store_put(s->x->store, TABLE_CONTRACT, &contract);
    assert_true(
        world_reports(s->x, "revenue share 1: nobody looks whether its next phase is reached"));
    contract.next_s = s->x->head.time_s + 1;
    progress.look_site = 1;
    store_put(s->x->store, TABLE_PROGRESS, &progress);
    store_put(s->x->store, TABLE_CONTRACT, &contract);
    assert_true(
        world_reports(s->x, "revenue share 1: nobody looks whether its next phase is reached"));
    shop_close(s);
}

/* A look over three stands is taken in as many pieces where each tick has room for one, and comes
 * to what it comes to in one; what is taken over in between goes on with it. */
static void test_look_in_pieces(void **state)
{
    enum { WINDOW = 64 };
    static const struct phase phases[2] = {{8000, 900000, 0}, {7000, 0, 0}};
    (void)state;
    struct shop *s = calloc(1, sizeof(*s));
    struct world *w = &s->w;
    world_begin(w, WORLD_OPTIONS);
    s->operator= seller_begin(w);
    s->lender = world_register(w, "lend", ROLE_GUARANTOR);
    s->startup = world_register(w, "startup", ROLE_STARTUP);
    for (unsigned site = 1; site <= 3; site++) {
        struct op_offer_publish *offer = offer_new(w, 10, WORLD_BEGIN_S + 100 * DAY_S);
        offer->site = site;
        if (site > 1)
            accepted(w, s->operator, "op", &op_site_add_message, site_new(w, site));
        accepted(w, s->operator, "op", &op_offer_publish_message, offer);
    }
    uint64_t token = world_mint(w, world_series(w, "seed", 0), s->startup, 100000000);
    struct op_order_place *order = order_new(w, 6);
    order->duration_min = 90 * 24 * 60;
    order->tokens.items = &token;
    order->tokens.count = 1;
    struct op_lease_activate activate = {
        .lease = accepted(w, s->startup, "startup", &op_order_place_message, order)->lease_first};
    accepted(w, s->operator, "op", &op_lease_activate_message, &activate);
    struct op_revshare_propose op = {.beneficiary = s->lender,
                                     .operator= s->operator,
                                     .base = SHARE_BASE_GROSS,
                                     .rank = 1,
                                     .start_s = 1,
                                     .window_days = WINDOW,
                                     .milestone = MILESTONE_KIND_REVENUE,
                                     .phases = {phases, 2}};
    struct op_contract_accept accept = {.version = 1, .contract = 1};
    accepted(w, s->lender, "lend", &op_revshare_propose_message, &op);
    accepted(w, s->operator, "op", &op_contract_accept_message, &accept);
    uint64_t look_s = (WORLD_BEGIN_S / DAY_S + WINDOW + 1) * DAY_S + 60;
    world_advance(w, look_s - 60 - w->time_s, true);
    w->replayable = false;
    for (uint64_t pieces = 1; pieces <= 4; pieces++) {
        s->x = w->x;
        struct contract_row row = *contract_find(s->x, 1);
        w->time_s = look_s;
        exchange_begin(s->x, s->x->head.group + 1, look_s);
        assert_int_equal(revshare_rules.due(s->x, &row, 1), 1);
        exchange_end(s->x);
        struct progress_row p = progress_of(s, 1);
        assert_int_equal(p.look_site, pieces < 4 ? pieces : 0);
        assert_int_equal(p.utilisation_ppm, pieces < 4 ? 0 : 200000);
        assert_int_equal(contract_find(s->x, 1)->next_s, pieces < 4 ? look_s : look_s + DAY_S);
        assert_int_equal(world_check(s->x, NULL), 0);
        struct exchange *copy = world_copy(w);
        assert_non_null(copy);
        exchange_free(copy);
    }
    shop_close(s);
}

static void test_flows(void **state)
{
    (void)state;
    struct shop *s = shop_open();
    uint64_t number = 1;
    struct flow_row flow = *(const struct flow_row *)store_find(s->x->store, TABLE_FLOW, &number);
    struct flow_row whole = flow;
    assert_int_equal(flow.kind, FLOW_KIND_LEASE);
    assert_int_equal(flow.amount_ucr, 100);
    assert_int_equal(flow.gpu_minutes, 100);
    flow.amount_ucr = 99;
    store_put(s->x->store, TABLE_FLOW, &flow);
    assert_true(world_reports(s->x, "flows: payments of leases come to 0.000099"));
    flow = whole;
    flow.kind = 77;
    world_put_unseen(s->x, TABLE_FLOW, &flow);
    assert_true(world_reports(s->x, "is of no known kind"));
    flow = whole;
    flow.month_s++;
    world_put_unseen(s->x, TABLE_FLOW, &flow);
    assert_true(world_reports(s->x, "does not begin with a month"));
    flow = whole;
    flow.payee = s->lender;
    world_put_unseen(s->x, TABLE_FLOW, &flow);
    assert_true(world_reports(s->x, "flows: 1 is not in memory among those of its accounts"));
    flow = whole;
    flow.sku = 9;
    world_put_unseen(s->x, TABLE_FLOW, &flow);
    assert_true(world_reports(s->x, "flows: 1 is there twice, or not in memory"));
    world_put_unseen(s->x, TABLE_FLOW, &whole);
    flow = whole;
    flow.flow = 20;
    store_put(s->x->store, TABLE_FLOW, &flow);
    assert_true(world_reports(s->x, "has no number of its own"));
    store_remove(s->x->store, TABLE_FLOW, &flow.flow);

    number = 3; /* the payout */
    flow = *(const struct flow_row *)store_find(s->x->store, TABLE_FLOW, &number);
    assert_int_equal(flow.kind, FLOW_KIND_PAYOUT);
    flow.amount_ucr++;
    store_put(s->x->store, TABLE_FLOW, &flow);
    assert_true(world_reports(s->x, "flows: payouts come to 0.000006, the rows say 0.000005"));
    shop_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_relied_on),  cmocka_unit_test(test_sums),
        cmocka_unit_test(test_index_and_looks), cmocka_unit_test(test_look_in_pieces),
        cmocka_unit_test(test_flows),
    };
    return cmocka_run_group_tests_name("check_revshare", tests, NULL, NULL);
}
