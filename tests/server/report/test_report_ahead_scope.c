/*
 * What the reports that look ahead tell one account: of rows made by lot, those at sites that are
 * not its business, and contracts of others, may as well not be there. The reports about a site
 * itself hold all that is contracted there, for those whose business it is.
 */
#include "protocol/moment.h"
#include "tests/server/report/made.h"

#include "protocol/month.h"
#include "protocol/report_text.h"

enum { ACCOUNTS = 6, SITES = ACCOUNTS, CONTRACTS = 8, ROUNDS = 25, ROWS = 60 };
#define NOW_S UINT64_C(1800000000)

static struct made all; /* everything that there is */
static struct made own; /* without what is others' business */
static uint32_t whose;
static bool about_sites;          /* others' contracts at one's sites count, too */
static bool concerned[SITES + 1]; /* site i is operated by account i */

static uint32_t somebody(void)
{
    return 1 + (uint32_t)random_below(ACCOUNTS);
}

static void both_put(enum table table, const void *row, bool concerns)
{
    made_put(&all, table, row);
    if (concerns)
        made_put(&own, table, row);
}

static void public_put(void)
{
    const struct sku_row sku = {.sku = 1, .name = "h", .generation = "one"};
    const struct series_row series = {.series = 1, .funder = somebody()};
    both_put(TABLE_SKU, &sku, true);
    both_put(TABLE_SERIES, &series, true);
    for (uint32_t i = 1; i <= ACCOUNTS; i++) {
        const struct account_row account = {.account = i, .role = ROLE_GUARANTOR, .state = 1};
        const struct site_row site = {.site = i, .operator= i };
        both_put(TABLE_ACCOUNT, &account, true);
        both_put(TABLE_SITE, &site, true);
        concerned[i] = i == whose;
    }
}

static void backstop_put(const struct contract_row *c, bool concerns)
{
    const struct backstop_row terms = {
        .contract = c->contract,
        .version = 1,
        .guarantor = c->debtor,
        .operator= c->creditor,
        .site = c->creditor,
        .sku = 1,
        .strike_ucr = random_below(4000000),
        .start_s = c->start_s,
        .end_s = c->end_s,
        .gpus = 1 + (uint32_t)random_below(20),
        .lots_count = 1,
        .lot_from_s = {c->start_s},
        .lot_gpus = {10},
    };
    const struct cover_row cover = {.contract = c->contract,
                                    .cursor_s = NOW_S - 3600,
                                    .pool_left_ucr = random_below(UINT64_C(1) << 40)};
    both_put(TABLE_BACKSTOP, &terms, concerns);
    both_put(TABLE_COVER, &cover, concerns);
}

static void guarantee_put(const struct contract_row *c, bool concerns)
{
    const struct guarantee_row terms = {.contract = c->contract,
                                        .version = 1,
                                        .guarantor = c->debtor,
                                        .operator= c->creditor,
                                        .site = c->creditor,
                                        .limit_ucr = random_below(UINT64_C(1) << 40)};
    const struct recourse_row recourse = {.contract = c->contract,
                                          .site = c->creditor,
                                          .stepped_in_s = random_below(2),
                                          .by_guarantor_ucr = random_below(1000)};
    both_put(TABLE_GUARANTEE, &terms, concerns);
    both_put(TABLE_RECOURSE, &recourse, concerns);
}

static void contracts_put(void)
{
    struct contract_row rows[CONTRACTS];
    for (uint64_t i = 0; i < CONTRACTS; i++) {
        struct contract_row *c = &rows[i];
        *c = (struct contract_row){
            .contract = i + 1,
            .kind = random_below(2) ? CONTRACT_KIND_BACKSTOP : CONTRACT_KIND_GUARANTEE,
            .state = random_below(3) ? CONTRACT_STATE_IN_FORCE : CONTRACT_STATE_PROPOSED,
            .debtor = somebody(),
            .creditor = somebody(),
            .version = 1,
            .start_s = NOW_S - DAY_S,
            .end_s = NOW_S + (1 + random_below(100)) * DAY_S,
        };
        if (c->kind == CONTRACT_KIND_GUARANTEE)
            c->third = somebody();
        bool mine = c->debtor == whose || c->creditor == whose || c->third == whose;
        if (mine && c->state == CONTRACT_STATE_IN_FORCE)
            concerned[c->creditor] = true;
    }
    for (size_t i = 0; i < CONTRACTS; i++) {
        const struct contract_row *c = &rows[i];
        bool concerns = c->debtor == whose || c->creditor == whose || c->third == whose ||
                        (about_sites && concerned[c->creditor]);
        both_put(TABLE_CONTRACT, c, concerns);
        if (c->kind == CONTRACT_KIND_BACKSTOP)
            backstop_put(c, concerns);
        else
            guarantee_put(c, concerns);
    }
}

/* An offer, a lease, a flow and a day, each at a site by lot. */
static void market_put(uint64_t number)
{
    const struct offer_row offer = {.offer = number,
                                    .site = somebody(),
                                    .sku = 1,
                                    .start_s = NOW_S - DAY_S,
                                    .end_s = NOW_S + DAY_S,
                                    .price_ucr = random_below(6000000),
                                    .operator= 1,
                                    .gpus = (uint32_t)random_below(30),
                                    .state = OFFER_STATE_OPEN};
    const struct lease_row lease = {.lease = number,
                                    .offer = number + ROWS,
                                    .site = somebody(),
                                    .sku = 1,
                                    .start_s = NOW_S - DAY_S,
                                    .end_s = NOW_S + random_below(50) * DAY_S,
                                    .holder = somebody(),
                                    .gpus = (uint32_t)random_below(5)};
    const struct flow_row flow = {.flow = number,
                                  .month_s = month_start_s(month_of(NOW_S)),
                                  .kind = FLOW_KIND_LEASE,
                                  .payer = somebody(),
                                  .payee = somebody(),
                                  .site = somebody(),
                                  .sku = 1,
                                  .amount_ucr = random_below(1000000),
                                  .gpu_minutes = random_below(60)};
    const struct occupancy_row day = {.site = somebody(),
                                      .sku = 1,
                                      .day_s = NOW_S / DAY_S * DAY_S - DAY_S * number,
                                      .gpu_minutes_sold = random_below(50000),
                                      .gpu_minutes_free = random_below(50000)};
    both_put(TABLE_OFFER, &offer, concerned[offer.site]);
    both_put(TABLE_LEASE, &lease, concerned[lease.site] || lease.holder == whose);
    both_put(TABLE_FLOW, &flow, concerned[flow.site]);
    both_put(TABLE_OCCUPANCY, &day, concerned[day.site]);
}

static void reports_compare(enum report_kind kind, uint64_t site)
{
    struct curve_row curve[] = {{.value_ucr = 1000000}, {.age_months = 60}};
    struct debt_row debt[] = {
        {.month_s = month_start_s(month_of(NOW_S)), .outstanding_ucr = 5000000, .due_ucr = 1000000},
        {.month_s = month_start_s(month_of(NOW_S) + 2),
         .outstanding_ucr = 5000000,
         .due_ucr = 1000000}};
    struct q_report q = {.kind = kind, .site = site, .price_down_ppm = 500000};
    struct buffer of_all = BUFFER_EMPTY, of_own = BUFFER_EMPTY;
    q.debt.items = debt;
    q.debt.count = 2;
    q.curve.items = curve;
    q.curve.count = 2;
    bool refused = site != 0 && !concerned[site];
    enum refusal expected = refused ? REFUSAL_not_visible : REFUSAL_accepted;
    assert_int_equal(made_ask(&all, &q, whose), expected);
    assert_int_equal(made_ask(&own, &q, whose), expected);
    if (refused)
        return;
    assert_int_equal(report_text(&all.page, REPORT_FORMAT_JSON, NULL, &of_all), 0);
    assert_int_equal(report_text(&own.page, REPORT_FORMAT_JSON, NULL, &of_own), 0);
    assert_int_equal(of_all.length, of_own.length);
    assert_memory_equal(of_all.data, of_own.data, of_all.length);
    buffer_release(&of_all);
    buffer_release(&of_own);
}

static void kinds_compare(void)
{
    if (!about_sites) {
        reports_compare(REPORT_KIND_EXPOSURE, 0);
        reports_compare(REPORT_KIND_STRESS, 0);
        return;
    }
    reports_compare(REPORT_KIND_COLLATERAL, 0);
    for (uint64_t site = 1; site <= SITES; site++) {
        reports_compare(REPORT_KIND_COLLATERAL, site);
        reports_compare(REPORT_KIND_ENDORSEMENT, site);
    }
}

static void test_own_business(void **state)
{
    (void)state;
    random_start();
    for (int round = 0; round < ROUNDS * ACCOUNTS * 2; round++) {
        whose = 1 + (uint32_t)round % ACCOUNTS;
        about_sites = round / ACCOUNTS % 2 != 0;
        made_begin(&all, NOW_S);
        made_begin(&own, NOW_S);
        public_put();
        contracts_put();
        for (uint64_t i = 1; i <= ROWS; i++)
            market_put(i);
        kinds_compare();
        made_end(&all);
        made_end(&own);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_own_business)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
