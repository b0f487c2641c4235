/*
 * What the reports that look ahead tell one account: of rows made by lot, those at sites that are
 * not its business, and contracts of others, may as well not be there. The reports about a site
 * itself hold all that is contracted there, for those whose business it is.
 */
#include "protocol/moment.h"
#include "tests/server/report/scope.h"

#include "protocol/month.h"

enum { CONTRACTS = 8, ROUNDS = 25, ROWS = 60 };
#define NOW_S UINT64_C(1800000000)

static struct scope_pair scope;
static bool about_sites;                /* others' contracts at one's sites count, too */
static bool concerned[SCOPE_SITES + 1]; /* site i is operated by account i */

static void public_put(void)
{
    const struct sku_row sku = {.sku = 1, .name = "h", .generation = "one"};
    const struct series_row series = {.series = 1, .funder = scope_somebody()};
    scope_put(&scope, TABLE_SKU, &sku, true);
    scope_put(&scope, TABLE_SERIES, &series, true);
    for (uint32_t i = 1; i <= SCOPE_ACCOUNTS; i++) {
        const struct account_row account = {.account = i, .role = ROLE_GUARANTOR, .state = 1};
        const struct site_row site = {.site = i, .operator= i };
        scope_put(&scope, TABLE_ACCOUNT, &account, true);
        scope_put(&scope, TABLE_SITE, &site, true);
        concerned[i] = i == scope.whose;
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
    scope_put(&scope, TABLE_BACKSTOP, &terms, concerns);
    scope_put(&scope, TABLE_COVER, &cover, concerns);
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
    scope_put(&scope, TABLE_GUARANTEE, &terms, concerns);
    scope_put(&scope, TABLE_RECOURSE, &recourse, concerns);
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
            .debtor = scope_somebody(),
            .creditor = scope_somebody(),
            .version = 1,
            .start_s = NOW_S - DAY_S,
            .end_s = NOW_S + (1 + random_below(100)) * DAY_S,
        };
        if (c->kind == CONTRACT_KIND_GUARANTEE)
            c->third = scope_somebody();
        bool mine =
            c->debtor == scope.whose || c->creditor == scope.whose || c->third == scope.whose;
        if (mine && c->state == CONTRACT_STATE_IN_FORCE)
            concerned[c->creditor] = true;
    }
    for (size_t i = 0; i < CONTRACTS; i++) {
        const struct contract_row *c = &rows[i];
        bool concerns = c->debtor == scope.whose || c->creditor == scope.whose ||
                        c->third == scope.whose || (about_sites && concerned[c->creditor]);
        scope_put(&scope, TABLE_CONTRACT, c, concerns);
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
                                    .site = scope_somebody(),
                                    .sku = 1,
                                    .start_s = NOW_S - DAY_S,
                                    .end_s = NOW_S + DAY_S,
                                    .price_ucr = random_below(6000000),
                                    .operator= 1,
                                    .gpus = (uint32_t)random_below(30),
                                    .state = OFFER_STATE_OPEN};
    const struct lease_row lease = {.lease = number,
                                    .offer = number + ROWS,
                                    .site = scope_somebody(),
                                    .sku = 1,
                                    .start_s = NOW_S - DAY_S,
                                    .end_s = NOW_S + random_below(50) * DAY_S,
                                    .holder = scope_somebody(),
                                    .gpus = (uint32_t)random_below(5)};
    const struct flow_row flow = {.flow = number,
                                  .month_s = month_start_s(month_of(NOW_S)),
                                  .kind = FLOW_KIND_LEASE,
                                  .payer = scope_somebody(),
                                  .payee = scope_somebody(),
                                  .site = scope_somebody(),
                                  .sku = 1,
                                  .amount_ucr = random_below(1000000),
                                  .gpu_minutes = random_below(60)};
    const struct occupancy_row day = {.site = scope_somebody(),
                                      .sku = 1,
                                      .day_s = NOW_S / DAY_S * DAY_S - DAY_S * number,
                                      .gpu_minutes_sold = random_below(50000),
                                      .gpu_minutes_free = random_below(50000)};
    scope_put(&scope, TABLE_OFFER, &offer, concerned[offer.site]);
    scope_put(&scope, TABLE_LEASE, &lease, concerned[lease.site] || lease.holder == scope.whose);
    scope_put(&scope, TABLE_FLOW, &flow, concerned[flow.site]);
    scope_put(&scope, TABLE_OCCUPANCY, &day, concerned[day.site]);
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
    q.debt.items = debt;
    q.debt.count = 2;
    q.curve.items = curve;
    q.curve.count = 2;
    bool refused = site != 0 && !concerned[site];
    scope_compare(&scope, &q, refused ? REFUSAL_not_visible : REFUSAL_accepted);
}

static void kinds_compare(void)
{
    if (!about_sites) {
        reports_compare(REPORT_KIND_EXPOSURE, 0);
        reports_compare(REPORT_KIND_STRESS, 0);
        return;
    }
    reports_compare(REPORT_KIND_COLLATERAL, 0);
    for (uint64_t site = 1; site <= SCOPE_SITES; site++) {
        reports_compare(REPORT_KIND_COLLATERAL, site);
        reports_compare(REPORT_KIND_ENDORSEMENT, site);
    }
}

static void test_own_business(void **state)
{
    (void)state;
    random_start();
    for (int round = 0; round < ROUNDS * SCOPE_ACCOUNTS * 2; round++) {
        about_sites = round / SCOPE_ACCOUNTS % 2 != 0;
        scope_begin(&scope, 1 + (uint32_t)round % SCOPE_ACCOUNTS, NOW_S);
        public_put();
        contracts_put();
        for (uint64_t i = 1; i <= ROWS; i++)
            market_put(i);
        kinds_compare();
        scope_end(&scope);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_own_business)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
