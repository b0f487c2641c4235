/*
 * A report of one account says nothing of others: of rows made by lot, those that do not concern
 * the account may as well not be there, and its reports stay the same to the byte.
 */
#include "tests/server/report/scope.h"

#include "protocol/month.h"

enum { NOW_S = 1800000000, ROUNDS = 25, ROWS = 60, SKUS = 2 };

static const enum report_kind kinds[] = {
    REPORT_KIND_CIRCULARITY, REPORT_KIND_CONCENTRATION, REPORT_KIND_VACANCY, REPORT_KIND_CARBON,
    REPORT_KIND_PORTABILITY, REPORT_KIND_STATEMENT,     REPORT_KIND_USAGE,
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static struct scope_pair scope;
static bool backed[SCOPE_SITES + 1][SKUS + 1]; /* by the account, with a backstop in force */
static uint32_t backed_seen;                   /* in all rounds */

/* Accounts, series, SKUs and sites are no secret. Site i is of account i. */
static void public_put(void)
{
    const uint32_t roles[SCOPE_ACCOUNTS + 1] = {0,
                                                ROLE_STARTUP,
                                                ROLE_STARTUP,
                                                ROLE_OPERATOR,
                                                ROLE_OPERATOR,
                                                ROLE_GUARANTOR,
                                                ROLE_GUARANTOR};
    const struct sku_row skus[SKUS] = {{.sku = 1, .power_w = 700, .name = "h"},
                                       {.sku = 2, .power_w = 900, .name = "i"}};
    for (uint32_t i = 0; i < SKUS; i++)
        scope_put(&scope, TABLE_SKU, &skus[i], true);
    for (uint32_t i = 1; i <= SCOPE_ACCOUNTS; i++) {
        const struct account_row account = {.account = i, .role = roles[i], .state = 1};
        const struct series_row series = {.series = i, .funder = scope_somebody()};
        const struct site_row site = {.site = i, .operator= i, .carbon_g_per_kwh = 400};
        scope_put(&scope, TABLE_ACCOUNT, &account, true);
        scope_put(&scope, TABLE_SERIES, &series, true);
        scope_put(&scope, TABLE_SITE, &site, true);
    }
}

static void flow_put(uint64_t number)
{
    const struct flow_row row = {
        .flow = number,
        .month_s = month_start_s(month_of(NOW_S) - (uint32_t)random_below(3)),
        .kind = 1 + (uint32_t)random_below(10),
        .payer = scope_somebody(),
        .payee = scope_somebody(),
        .series = scope_somebody(),
        .site = 1 + random_below(SCOPE_SITES),
        .sku = 1,
        .amount_ucr = random_below(1000000),
    };
    scope_put(&scope, TABLE_FLOW, &row, row.payer == scope.whose || row.payee == scope.whose);
}

static void lease_put(uint64_t number)
{
    const struct lease_row row = {
        .lease = number,
        .site = 1 + random_below(SCOPE_SITES),
        .sku = 1,
        .start_s = NOW_S - 7200,
        .end_s = NOW_S - 3600,
        .gpu_minutes_delivered = 60,
        .price_ucr = random_below(1000000),
        .paid_ucr = random_below(1000000),
        .holder = scope_somebody(),
        .operator= scope_somebody(),
        .gpus = 1,
        .meter_period_min = 60,
        .parent = number,
    };
    const struct payment_row held = {
        .lease = number, .payer = row.holder, .amount_ucr = random_below(row.price_ucr + 1)};
    const struct payment_row top_up = {
        .lease = number, .payer = row.holder + 1, .amount_ucr = row.price_ucr - held.amount_ucr};
    const struct relief_row sale = {
        .lease = number,
        .kind = RELIEF_KIND_SALE,
        .start_s = row.start_s,
        .end_s = row.end_s,
        .sold = number,
        .gain_ucr = random_below(1000),
        .gpus = 1,
    };
    const struct period_row period = {
        .lease = number,
        .state = PERIOD_STATE_SETTLED,
        .gpu_minutes_metered = 60,
        .gpu_minutes_settled = 60,
    };
    bool concerns = row.holder == scope.whose || row.operator== scope.whose;
    bool pays = top_up.payer == scope.whose;
    scope_put(&scope, TABLE_LEASE, &row, concerns || pays);
    scope_put(&scope, TABLE_PERIOD, &period, concerns);
    scope_put(&scope, TABLE_PAYMENT, &held, concerns);
    scope_put(&scope, TABLE_PAYMENT, &top_up, row.operator== scope.whose || pays);
    scope_put(&scope, TABLE_RELIEF, &sale, row.holder == scope.whose);
}

static void day_put(uint64_t number)
{
    const struct occupancy_row row = {
        .site = 1 + number % SCOPE_SITES,
        .sku = 1 + number / SCOPE_SITES % SKUS,
        .day_s = (uint64_t)NOW_S / 86400 * 86400 - 86400 * (1 + number / SCOPE_SITES),
        .gpu_minutes_sold = random_below(1000),
        .gpu_minutes_elected = random_below(1000),
        .gpu_minutes_free = random_below(1000),
    };
    scope_put(&scope, TABLE_OCCUPANCY, &row, row.site == scope.whose || backed[row.site][row.sku]);
}

static void ledger_put(uint64_t number)
{
    const struct ledger_row row = {
        .account = scope_somebody(),
        .series = scope_somebody(),
        .kind = LEDGER_TOKENS + (uint32_t)number % 7,
        .month = month_of(NOW_S),
        .debits_low = random_below(1000),
        .credits_low = 1000 + random_below(1000),
    };
    struct closing_row before = {
        .account = row.account,
        .series = row.series,
        .kind = row.kind,
        .month = row.month - 1,
        .credits_low = random_below(1000),
    };
    scope_put(&scope, TABLE_LEDGER, &row, row.account == scope.whose);
    scope_put(&scope, TABLE_CLOSING, &before, row.account == scope.whose);
}

/* A backstop or a lease guarantee with all that belongs to it. */
static void contract_put(uint64_t number)
{
    bool backstop = random_below(2) == 0;
    const struct contract_row row = {
        .contract = number,
        .kind = backstop ? CONTRACT_KIND_BACKSTOP : CONTRACT_KIND_GUARANTEE,
        .state = 1 + (uint32_t)random_below(6),
        .debtor = scope_somebody(),
        .creditor = scope_somebody(),
        .third = backstop ? 0 : scope_somebody(),
        .version = 1,
        .claims_ucr = random_below(2),
    };
    const struct backstop_row terms = {.contract = number,
                                       .version = 1,
                                       .guarantor = row.debtor,
                                       .operator= row.creditor,
                                       .site = row.creditor,
                                       .sku = 1 + random_below(SKUS),
                                       .strike_ucr = 1000000};
    const struct cover_row cover = {.contract = number, .pool_left_ucr = random_below(1000000)};
    const struct draw_row draw = {.contract = number,
                                  .start_s = NOW_S - 7200,
                                  .end_s = NOW_S - 3600,
                                  .gpu_minutes_owed = 60,
                                  .owed_ucr = 1000000};
    const struct guarantee_row limit = {.contract = number,
                                        .version = 1,
                                        .guarantor = row.debtor,
                                        .operator= row.creditor,
                                        .limit_ucr = random_below(1000000)};
    const struct recourse_row recourse = {.contract = number};
    const struct claim_row claim = {.claim = number,
                                    .contract = number,
                                    .left_ucr = random_below(1000),
                                    .debtor = row.debtor,
                                    .creditor = row.creditor};
    const struct escrow_row escrow = {.serial = number,
                                      .kind = ESCROW_KIND_CONTRACT,
                                      .owner = row.debtor,
                                      .amount_ucr = random_below(1000)};
    bool concerns =
        row.debtor == scope.whose || row.creditor == scope.whose || row.third == scope.whose;
    if (backstop && row.state == CONTRACT_STATE_IN_FORCE && row.debtor == scope.whose) {
        backed[terms.site][terms.sku] = true;
        backed_seen += row.creditor != scope.whose;
    }
    scope_put(&scope, TABLE_CONTRACT, &row, concerns);
    scope_put(&scope, TABLE_CLAIM, &claim, concerns);
    scope_put(&scope, TABLE_ESCROW, &escrow, concerns);
    scope_put(&scope, backstop ? TABLE_BACKSTOP : TABLE_GUARANTEE,
              backstop ? (const void *)&terms : (const void *)&limit, concerns);
    scope_put(&scope, backstop ? TABLE_COVER : TABLE_RECOURSE,
              backstop ? (const void *)&cover : (const void *)&recourse, concerns);
    if (backstop)
        scope_put(&scope, TABLE_DRAW, &draw, concerns);
}

static void reports_compare(void)
{
    for (uint32_t i = 0; i < KINDS; i++) {
        const struct q_report q = {.kind = kinds[i]};
        scope_compare(&scope, &q, REFUSAL_accepted);
    }
}

static void test_own_business(void **state)
{
    (void)state;
    random_start();
    for (int round = 0; round < ROUNDS; round++) {
        for (uint32_t whose = 1; whose <= SCOPE_ACCOUNTS; whose++) {
            scope_begin(&scope, whose, NOW_S);
            memset(backed, 0, sizeof(backed));
            public_put();
            for (uint64_t i = 1; i <= ROWS; i++) {
                flow_put(i);
                lease_put(i);
                ledger_put(i);
                contract_put(i);
            }
            /* Whose business days are follows from contracts. */
            for (uint64_t i = 1; i <= ROWS; i++)
                day_put(i);
            reports_compare();
            scope_end(&scope);
        }
    }
    assert_true(backed_seen > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_own_business)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
