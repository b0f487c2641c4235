/*
 * A report of one account says nothing of others: of rows made by lot, those that do not concern
 * the account may as well not be there, and its reports stay the same to the byte.
 */
#include "tests/server/report/made.h"

#include "protocol/month.h"
#include "protocol/report_text.h"

enum { NOW_S = 1800000000, ACCOUNTS = 6, ROUNDS = 25, ROWS = 60, SITES = ACCOUNTS, SKUS = 2 };

static const enum report_kind kinds[] = {
    REPORT_KIND_CIRCULARITY, REPORT_KIND_CONCENTRATION, REPORT_KIND_VACANCY, REPORT_KIND_CARBON,
    REPORT_KIND_PORTABILITY, REPORT_KIND_STATEMENT,     REPORT_KIND_USAGE,
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static struct made all; /* everything that there is */
static struct made own; /* without what is others' business */
static uint32_t whose;
static bool backed[SITES + 1][SKUS + 1]; /* by the account, with a backstop in force */
static uint32_t backed_seen;             /* in all rounds */

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

/* Accounts, series, SKUs and sites are no secret. Site i is of account i. */
static void public_put(void)
{
    const uint32_t roles[ACCOUNTS + 1] = {0,
                                          ROLE_STARTUP,
                                          ROLE_STARTUP,
                                          ROLE_OPERATOR,
                                          ROLE_OPERATOR,
                                          ROLE_GUARANTOR,
                                          ROLE_GUARANTOR};
    const struct sku_row skus[SKUS] = {{.sku = 1, .power_w = 700, .name = "h"},
                                       {.sku = 2, .power_w = 900, .name = "i"}};
    for (uint32_t i = 0; i < SKUS; i++)
        both_put(TABLE_SKU, &skus[i], true);
    for (uint32_t i = 1; i <= ACCOUNTS; i++) {
        const struct account_row account = {.account = i, .role = roles[i], .state = 1};
        const struct series_row series = {.series = i, .funder = somebody()};
        const struct site_row site = {.site = i, .operator= i, .carbon_g_per_kwh = 400};
        both_put(TABLE_ACCOUNT, &account, true);
        both_put(TABLE_SERIES, &series, true);
        both_put(TABLE_SITE, &site, true);
    }
}

static void flow_put(uint64_t number)
{
    const struct flow_row row = {
        .flow = number,
        .month_s = month_start_s(month_of(NOW_S) - (uint32_t)random_below(3)),
        .kind = 1 + (uint32_t)random_below(10),
        .payer = somebody(),
        .payee = somebody(),
        .series = somebody(),
        .site = 1 + random_below(SITES),
        .sku = 1,
        .amount_ucr = random_below(1000000),
    };
    both_put(TABLE_FLOW, &row, row.payer == whose || row.payee == whose);
}

static void lease_put(uint64_t number)
{
    const struct lease_row row = {
        .lease = number,
        .site = 1 + random_below(SITES),
        .sku = 1,
        .start_s = NOW_S - 7200,
        .end_s = NOW_S - 3600,
        .gpu_minutes_delivered = 60,
        .price_ucr = random_below(1000000),
        .paid_ucr = random_below(1000000),
        .holder = somebody(),
        .operator= somebody(),
        .gpus = 1,
        .meter_period_min = 60,
    };
    const struct period_row period = {
        .lease = number,
        .state = PERIOD_STATE_SETTLED,
        .gpu_minutes_metered = 60,
        .gpu_minutes_settled = 60,
    };
    bool concerns = row.holder == whose || row.operator== whose;
    both_put(TABLE_LEASE, &row, concerns);
    both_put(TABLE_PERIOD, &period, concerns);
}

static void day_put(uint64_t number)
{
    const struct occupancy_row row = {
        .site = 1 + number % SITES,
        .sku = 1 + number / SITES % SKUS,
        .day_s = (uint64_t)NOW_S / 86400 * 86400 - 86400 * (1 + number / SITES),
        .gpu_minutes_sold = random_below(1000),
        .gpu_minutes_elected = random_below(1000),
        .gpu_minutes_free = random_below(1000),
    };
    both_put(TABLE_OCCUPANCY, &row, row.site == whose || backed[row.site][row.sku]);
}

static void ledger_put(uint64_t number)
{
    const struct ledger_row row = {
        .account = somebody(),
        .series = somebody(),
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
    both_put(TABLE_LEDGER, &row, row.account == whose);
    both_put(TABLE_CLOSING, &before, row.account == whose);
}

/* A backstop or a lease guarantee with all that belongs to it. */
static void contract_put(uint64_t number)
{
    bool backstop = random_below(2) == 0;
    const struct contract_row row = {
        .contract = number,
        .kind = backstop ? CONTRACT_KIND_BACKSTOP : CONTRACT_KIND_GUARANTEE,
        .state = 1 + (uint32_t)random_below(6),
        .debtor = somebody(),
        .creditor = somebody(),
        .third = backstop ? 0 : somebody(),
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
    bool concerns = row.debtor == whose || row.creditor == whose || row.third == whose;
    if (backstop && row.state == CONTRACT_STATE_IN_FORCE && row.debtor == whose) {
        backed[terms.site][terms.sku] = true;
        backed_seen += row.creditor != whose;
    }
    both_put(TABLE_CONTRACT, &row, concerns);
    both_put(TABLE_CLAIM, &claim, concerns);
    both_put(TABLE_ESCROW, &escrow, concerns);
    both_put(backstop ? TABLE_BACKSTOP : TABLE_GUARANTEE,
             backstop ? (const void *)&terms : (const void *)&limit, concerns);
    both_put(backstop ? TABLE_COVER : TABLE_RECOURSE,
             backstop ? (const void *)&cover : (const void *)&recourse, concerns);
    if (backstop)
        both_put(TABLE_DRAW, &draw, concerns);
}

static void reports_compare(void)
{
    for (uint32_t i = 0; i < KINDS; i++) {
        const struct q_report q = {.kind = kinds[i]};
        struct buffer of_all = BUFFER_EMPTY, of_own = BUFFER_EMPTY;
        assert_int_equal(made_ask(&all, &q, whose), REFUSAL_accepted);
        assert_int_equal(made_ask(&own, &q, whose), REFUSAL_accepted);
        assert_int_equal(report_text(&all.page, REPORT_FORMAT_JSON, NULL, &of_all), 0);
        assert_int_equal(report_text(&own.page, REPORT_FORMAT_JSON, NULL, &of_own), 0);
        assert_int_equal(of_all.length, of_own.length);
        assert_memory_equal(of_all.data, of_own.data, of_all.length);
        buffer_release(&of_all);
        buffer_release(&of_own);
    }
}

static void test_own_business(void **state)
{
    (void)state;
    random_start();
    for (int round = 0; round < ROUNDS; round++) {
        for (whose = 1; whose <= ACCOUNTS; whose++) {
            made_begin(&all, NOW_S);
            made_begin(&own, NOW_S);
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
            made_end(&all);
            made_end(&own);
        }
    }
    assert_true(backed_seen > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_own_business)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
