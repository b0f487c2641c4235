/*
 * Usage rows of leases made by lot: what the rows of a lease bill adds up to what it paid, and
 * their GPU-minutes to what it delivered, however its periods came to be settled; a time that is
 * cut in two has the same rows as the whole. Of leases that were sold on each is billed what it
 * paid of them, and what it paid for them.
 */
#include "tests/server/report/made.h"

#include <string.h>

#include "protocol/amount.h"
#include "server/report/sums.h"

enum { NOW_S = 1800000000, ROUNDS = 60, LEASES = 12, PERIODS = 6 };

static struct made m;
static struct lease_row leases[LEASES + 1];

/* A lease with some settled periods, and what they came to; returns how many there are. */
static uint32_t lease_put(uint64_t number, struct period_row periods_out[PERIODS])
{
    struct lease_row *lease = &leases[number];
    uint32_t periods = 1 + (uint32_t)random_below(PERIODS);
    uint32_t minutes = 1 + (uint32_t)random_below(180);
    uint32_t gpus = 1 + (uint32_t)random_below(9);
    *lease = (struct lease_row){
        .lease = number,
        .offer = 1,
        .site = 1,
        .sku = 1,
        .start_s = NOW_S + random_below(100) * 60,
        .price_ucr = random_below(5000000),
        .holder = 1 + (uint32_t)random_below(3),
        .operator= 7,
        .gpus = gpus,
        .meter_period_min = minutes,
    };
    lease->end_s = lease->start_s + (uint64_t)periods * minutes * 60 - random_below(minutes) * 60;
    for (uint32_t i = 0; i < periods; i++) {
        uint64_t due = (uint64_t)gpus * minutes;
        struct period_row period = {
            .lease = number,
            .period = i,
            .state = random_below(4) == 0 ? PERIOD_STATE_METERED : PERIOD_STATE_SETTLED,
            .metered_s = NOW_S,
            .gpu_minutes_due = due,
            .gpu_minutes_metered = random_below(due + 1),
            .gpu_minutes_settled = random_below(due + 1),
        };
        if (period.state == PERIOD_STATE_METERED)
            period.gpu_minutes_settled = 0;
        lease->gpu_minutes_delivered += period.gpu_minutes_settled;
        made_put(&m, TABLE_PERIOD, &period);
        periods_out[i] = period;
    }
    assert_true(
        amount_cost_rounded_up(lease->gpu_minutes_delivered, lease->price_ucr, &lease->paid_ucr));
    made_put(&m, TABLE_LEASE, lease);
    return periods;
}

/* Makes a lease one that was sold on: of each settled period, the last one first, others pay a
 * part; or the holder bought it above its price. Adds what each account paid to `paid`. */
static void lease_put_sold(uint64_t number, const struct period_row *periods, uint32_t count,
                           uint64_t paid[4])
{
    struct lease_row *lease = &leases[number];
    uint64_t minutes = 0, before = 0, cost = 0;
    bool below = random_below(2) == 0;
    lease->parent = LEASES + number;
    lease->granted_s = lease->start_s;
    made_put(&m, TABLE_LEASE, lease);
    for (uint32_t i = count; i-- > 0; before = cost) {
        if (periods[i].state != PERIOD_STATE_SETTLED)
            continue;
        minutes += periods[i].gpu_minutes_settled;
        assert_true(amount_cost_rounded_up(minutes, lease->price_ucr, &cost));
        uint64_t left = cost - before;
        for (uint32_t account = 1; below && account <= 3; account++) {
            if (account == lease->holder)
                continue;
            struct payment_row row = {.lease = number,
                                      .period = i,
                                      .payer = account,
                                      .amount_ucr = random_below(left + 1)};
            if (random_below(4) == 0)
                row.amount_ucr = left;
            left -= row.amount_ucr;
            paid[account] += row.amount_ucr;
            made_put(&m, TABLE_PAYMENT, &row);
        }
        const struct payment_row own = {
            .lease = number, .period = i, .payer = lease->holder, .amount_ucr = left};
        paid[lease->holder] += left;
        if (below)
            made_put(&m, TABLE_PAYMENT, &own);
    }
    const struct relief_row sale = {
        .lease = LEASES + number,
        .kind = RELIEF_KIND_SALE,
        .start_s = lease->start_s,
        .end_s = lease->end_s,
        .sold = number,
        .gpus = lease->gpus,
        .gain_ucr = below ? 0 : random_below(5000000),
    };
    paid[lease->holder] += sale.gain_ucr;
    made_put(&m, TABLE_RELIEF, &sale);
}

struct sums {
    uint64_t rows;
    uint64_t billed;
    uint64_t minutes;
    uint64_t used;
};

static struct sums usage_sums(uint32_t account, uint64_t from_s, uint64_t until_s)
{
    const struct q_report q = {.kind = REPORT_KIND_USAGE, .from_s = from_s, .until_s = until_s};
    struct sums s = {0};
    assert_int_equal(made_ask(&m, &q, account), REFUSAL_accepted);
    s.rows = made_rows(&m, "usage");
    for (uint32_t i = 0; i < s.rows; i++) {
        struct text status = made_text(&m, "usage", i, "CapacityReservationStatus");
        bool used = status.length == strlen("Used");
        uint64_t minutes = made_number(&m, "usage", i, "PricingQuantity");
        uint64_t start_s = made_number(&m, "usage", i, "ChargePeriodStart");
        s.billed += made_number(&m, "usage", i, "BilledCost");
        s.minutes += minutes;
        s.used += used ? minutes : 0;
        assert_true(minutes > 0);
        assert_int_equal(made_number(&m, "usage", i, "ConsumedQuantity"), used ? minutes : 0);
        assert_true(made_number(&m, "usage", i, "ChargePeriodEnd") > start_s);
        assert_true(made_number(&m, "usage", i, "BillingPeriodStart") <= start_s);
        assert_true(made_number(&m, "usage", i, "BillingPeriodEnd") > start_s);
    }
    return s;
}

static void test_sums(void **state)
{
    const struct site_row site = {.site = 1, .operator= 7, .name = "x", .region = "NO"};
    (void)state;
    random_start();
    for (int round = 0; round < ROUNDS; round++) {
        struct sums expected[4] = {{0}};
        made_begin(&m, NOW_S);
        made_put(&m, TABLE_SITE, &site);
        for (uint64_t i = 1; i <= LEASES; i++) {
            lease_put(i, (struct period_row[PERIODS]){{0}});
            expected[leases[i].holder].billed += leases[i].paid_ucr;
            expected[leases[i].holder].minutes += leases[i].gpu_minutes_delivered;
            expected[0].billed += leases[i].paid_ucr;
            expected[0].minutes += leases[i].gpu_minutes_delivered;
        }
        for (uint32_t account = 0; account < 4; account++) {
            struct sums s = usage_sums(account, 0, 0);
            uint64_t middle_s = NOW_S + random_below(30000);
            struct sums before = usage_sums(account, 0, middle_s);
            struct sums after = usage_sums(account, middle_s, 0);
            assert_int_equal(s.billed, expected[account].billed);
            assert_int_equal(s.minutes, expected[account].minutes);
            assert_int_equal(s.rows, before.rows + after.rows);
            assert_int_equal(s.billed, before.billed + after.billed);
            assert_int_equal(s.used, before.used + after.used);
        }
        assert_int_equal(usage_sums(7, 0, 0).billed, expected[0].billed);
        assert_int_equal(usage_sums(8, 0, 0).rows, 0);
        made_end(&m);
    }
}

/* What an account is billed, of the rows of its own report. */
static uint64_t billed_to(uint32_t account, const struct q_report *q)
{
    uint64_t billed = 0;
    assert_int_equal(made_ask(&m, q, account), REFUSAL_accepted);
    for (uint32_t i = 0; i < made_rows(&m, "usage"); i++) {
        struct text whose = made_text(&m, "usage", i, "BillingAccountId");
        assert_int_equal(whose.length, 1);
        assert_int_equal(whose.data[0], '0' + account);
        billed += made_number(&m, "usage", i, "BilledCost");
        assert_int_equal(made_number(&m, "usage", i, "EffectiveCost"),
                         made_number(&m, "usage", i, "PricingCurrencyEffectiveCost"));
    }
    return billed;
}

static void test_sold_on(void **state)
{
    const struct site_row site = {.site = 1, .operator= 7, .name = "x", .region = "NO"};
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t paid[4] = {0};
        made_begin(&m, NOW_S);
        made_put(&m, TABLE_SITE, &site);
        for (uint64_t i = 1; i <= LEASES; i++) {
            struct period_row periods[PERIODS];
            uint32_t count = lease_put(i, periods);
            lease_put_sold(i, periods, count, paid);
        }
        for (uint32_t account = 1; account < 4; account++) {
            uint64_t middle_s = NOW_S + random_below(30000);
            const struct q_report whole = {.kind = REPORT_KIND_USAGE};
            const struct q_report before = {.kind = REPORT_KIND_USAGE, .until_s = middle_s};
            const struct q_report after = {.kind = REPORT_KIND_USAGE, .from_s = middle_s};
            assert_int_equal(billed_to(account, &whole), paid[account]);
            assert_int_equal(billed_to(account, &before) + billed_to(account, &after),
                             paid[account]);
        }
        made_end(&m);
    }
}

/* At a par drawn by lot what a holder is billed is what each lease paid, rounded once; and nothing
 * that is in credits changes. */
static void test_sums_at_par(void **state)
{
    const struct site_row site = {.site = 1, .operator= 7, .name = "x", .region = "NO"};
    static const char *const priced[] = {"PricingCurrencyEffectiveCost",
                                         "PricingCurrencyListUnitPrice", "PricingQuantity"};
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t par = 1 + random_below(random_below(2) ? 3000000 : 1000000000000);
        struct q_report q = {.kind = REPORT_KIND_USAGE, .par_micros = par, .currency = {"JPY", 3}};
        const struct q_report plain = {.kind = REPORT_KIND_USAGE};
        static uint64_t credits[LEASES * 12][3];
        uint64_t expected = 0, billed = 0;
        made_begin(&m, NOW_S);
        made_put(&m, TABLE_SITE, &site);
        for (uint64_t i = 1; i <= LEASES; i++) {
            lease_put(i, (struct period_row[PERIODS]){{0}});
            expected += (uint64_t)(((wide)leases[i].paid_ucr * par + 500000) / 1000000);
        }
        assert_int_equal(made_ask(&m, &plain, 0), REFUSAL_accepted);
        uint32_t rows = made_rows(&m, "usage");
        for (uint32_t i = 0; i < rows * 3; i++)
            credits[i / 3][i % 3] = made_number(&m, "usage", i / 3, priced[i % 3]);
        assert_int_equal(made_ask(&m, &q, 0), REFUSAL_accepted);
        assert_int_equal(made_rows(&m, "usage"), rows);
        for (uint32_t i = 0; i < rows * 3; i++)
            assert_int_equal(made_number(&m, "usage", i / 3, priced[i % 3]), credits[i / 3][i % 3]);
        for (uint32_t i = 0; i < rows; i++) {
            uint64_t cost = made_number(&m, "usage", i, "BilledCost");
            uint64_t price = made_number(&m, "usage", i, "ListUnitPrice");
            struct text currency = made_text(&m, "usage", i, "BillingCurrency");
            assert_int_equal(made_number(&m, "usage", i, "EffectiveCost"), cost);
            assert_int_equal(made_number(&m, "usage", i, "ListCost"), cost);
            assert_int_equal(price, (uint64_t)(((wide)credits[i][1] * par + 500000) / 1000000));
            assert_int_equal(currency.length, 3);
            assert_memory_equal(currency.data, "JPY", 3);
            billed += cost;
        }
        assert_int_equal(billed, expected);
        made_end(&m);
    }
}

/* Money that no cell can hold is the most that one does. */
static void test_par_of_too_much(void **state)
{
    const struct draw_row draw = {.contract = 1,
                                  .version = 1,
                                  .start_s = NOW_S,
                                  .end_s = NOW_S + 60,
                                  .gpu_minutes_owed = 1,
                                  .owed_ucr = UINT64_MAX};
    const struct backstop_row terms = {
        .contract = 1, .version = 1, .guarantor = 1, .operator= 7, .strike_ucr = UINT64_MAX};
    const struct q_report q = {
        .kind = REPORT_KIND_USAGE, .par_micros = 1000000000000, .currency = {"IDR", 3}};
    (void)state;
    made_begin(&m, NOW_S);
    made_put(&m, TABLE_BACKSTOP, &terms);
    made_put(&m, TABLE_DRAW, &draw);
    assert_int_equal(made_ask(&m, &q, 0), REFUSAL_accepted);
    assert_int_equal(made_rows(&m, "usage"), 1);
    assert_int_equal(made_number(&m, "usage", 0, "BilledCost"), CELL_MAX);
    assert_int_equal(made_number(&m, "usage", 0, "ListUnitPrice"), CELL_MAX);
    assert_int_equal(made_number(&m, "usage", 0, "ListCost"), CELL_MAX);
    made_end(&m);
}

static void test_par_refused(void **state)
{
    static const struct {
        uint64_t par_micros;
        const char *currency;
    } wrong[] = {{0, "EUR"}, {1000000, "eur"}, {1000000, "EU"}, {1000000, "E1R"}, {0, "U"}};
    (void)state;
    made_begin(&m, NOW_S);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        const struct q_report q = {.kind = REPORT_KIND_USAGE,
                                   .par_micros = wrong[i].par_micros,
                                   .currency = text_of(wrong[i].currency)};
        assert_int_equal(made_ask(&m, &q, 0), REFUSAL_terms_invalid);
    }
    for (uint64_t par = 0; par < 2; par++) {
        const struct q_report q = {
            .kind = REPORT_KIND_USAGE, .par_micros = par, .currency = {"USD", 3}};
        assert_int_equal(made_ask(&m, &q, 0), REFUSAL_accepted);
    }
    made_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums),        cmocka_unit_test(test_sold_on),
        cmocka_unit_test(test_sums_at_par), cmocka_unit_test(test_par_of_too_much),
        cmocka_unit_test(test_par_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
