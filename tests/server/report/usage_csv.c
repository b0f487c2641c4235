/* Prints the usage report of some leases, sold on ones too, and a backstop as CSV, for focus.py.
 * Arguments: what a credit is worth, and in which currency; none: what a report has without them.
 */
#include "protocol/moment.h"
#include "tests/server/report/made.h"

#include <string.h>

#include "protocol/amount.h"
#include "protocol/report_text.h"

enum { NOW_S = 1800000000 };

static struct made m;

static void names_put(void)
{
    const struct account_row accounts[] = {
        {.account = 1, .role = ROLE_STARTUP, .name = "alice"},
        {.account = 2, .role = ROLE_STARTUP, .name = "Bob, \"the lab\""},
        {.account = 3, .role = ROLE_OPERATOR, .name = "op"},
        {.account = 4, .role = ROLE_GUARANTOR, .name = "=g"},
    };
    const struct site_row site = {.site = 1, .operator= 3, .name = "x", .region = "US-TX"};
    const struct sku_row sku = {.sku = 1, .power_w = 700, .name = "h100"};
    for (size_t i = 0; i < sizeof(accounts) / sizeof(accounts[0]); i++)
        made_put(&m, TABLE_ACCOUNT, &accounts[i]);
    made_put(&m, TABLE_SITE, &site);
    made_put(&m, TABLE_SKU, &sku);
}

/* Three periods of 50 minutes: used, used in part, not used at all. */
static void lease_put(uint64_t lease, uint32_t holder, uint64_t start_s, bool elected)
{
    const uint64_t metered[] = {333, 77, 0}, settled[] = {333, 100, 100};
    const struct lease_row row = {
        .lease = lease,
        .offer = 17,
        .site = 1,
        .sku = 1,
        .start_s = start_s,
        .end_s = start_s + 150 * 60,
        .price_ucr = 1999999,
        .gpu_minutes_delivered = 533,
        .paid_ucr = (533 * UINT64_C(1999999) + 59) / 60,
        .holder = holder,
        .operator= 3,
        .gpus = 8,
        .meter_period_min = 50,
        .elected = elected,
    };
    made_put(&m, TABLE_LEASE, &row);
    for (uint32_t i = 0; i < 3; i++) {
        const struct period_row period = {
            .lease = lease,
            .period = i,
            .state = PERIOD_STATE_SETTLED,
            .metered_s = NOW_S,
            .gpu_minutes_due = 400,
            .gpu_minutes_metered = metered[i],
            .gpu_minutes_settled = settled[i],
        };
        made_put(&m, TABLE_PERIOD, &period);
    }
}

/* A lease that alice sold on at less than its price, and one that she sold on for more. */
static void resold_put(void)
{
    struct lease_row row = {
        .lease = 4,
        .parent = 1,
        .offer = 17,
        .site = 1,
        .sku = 1,
        .granted_s = NOW_S + 7,
        .start_s = NOW_S,
        .end_s = NOW_S + 50 * 60,
        .price_ucr = 1999999,
        .gpu_minutes_delivered = 100,
        .paid_ucr = 3333332,
        .holder = 2,
        .operator= 3,
        .gpus = 8,
        .meter_period_min = 50,
    };
    const struct period_row period = {
        .lease = 4,
        .state = PERIOD_STATE_SETTLED,
        .metered_s = NOW_S,
        .gpu_minutes_due = 400,
        .gpu_minutes_metered = 77,
        .gpu_minutes_settled = 100,
    };
    const struct payment_row payments[] = {
        {.lease = 4, .payer = 1, .amount_ucr = 2000001},
        {.lease = 4, .payer = 2, .amount_ucr = 1333331},
    };
    const struct relief_row sale = {
        .lease = 1,
        .kind = RELIEF_KIND_SALE,
        .start_s = NOW_S,
        .end_s = NOW_S + 50 * 60,
        .sold = 5,
        .price_ucr = 2500000,
        .gain_ucr = 3333341,
        .gpus = 8,
    };
    made_put(&m, TABLE_LEASE, &row);
    made_put(&m, TABLE_PERIOD, &period);
    made_put(&m, TABLE_PAYMENT, &payments[0]);
    made_put(&m, TABLE_PAYMENT, &payments[1]);
    row.lease = 5;
    row.gpu_minutes_delivered = row.paid_ucr = 0;
    made_put(&m, TABLE_LEASE, &row);
    made_put(&m, TABLE_RELIEF, &sale);
}

/* A draw in full, one at two strikes, and one that used up the pool; all before the terms that are
 * in force now. */
static void backstop_put(void)
{
    const struct contract_row contract = {.contract = 5,
                                          .kind = CONTRACT_KIND_BACKSTOP,
                                          .state = CONTRACT_STATE_IN_FORCE,
                                          .version = 3,
                                          .debtor = 4,
                                          .creditor = 3};
    struct backstop_row terms = {.contract = 5,
                                 .version = 1,
                                 .guarantor = 4,
                                 .operator= 3,
                                 .site = 1,
                                 .sku = 1,
                                 .strike_ucr = 1500000};
    made_put(&m, TABLE_CONTRACT, &contract);
    made_put(&m, TABLE_BACKSTOP, &terms);
    for (terms.version = 2; terms.version <= 3; terms.version++) {
        terms.strike_ucr = terms.version == 2 ? 1400000 : 99000000;
        made_put(&m, TABLE_BACKSTOP, &terms);
    }
    const uint64_t owed[] = {12000000, 11666667, 5000000};
    const uint32_t versions[] = {1, 0, 2};
    for (uint32_t i = 0; i < 3; i++) {
        const struct draw_row draw = {.contract = 5,
                                      .period = i,
                                      .version = versions[i],
                                      .start_s = NOW_S + i * HOUR_S,
                                      .end_s = NOW_S + (i + 1) * HOUR_S,
                                      .gpu_minutes_owed = 480,
                                      .owed_ucr = owed[i]};
        made_put(&m, TABLE_DRAW, &draw);
    }
}

/* A day of which a part stood unsold, and one that was sold out. */
static void days_put(void)
{
    struct occupancy_row day = {.site = 1,
                                .sku = 1,
                                .day_s = NOW_S / DAY_S * DAY_S,
                                .gpu_minutes_sold = 1440,
                                .gpu_minutes_free = 1001};
    made_put(&m, TABLE_OCCUPANCY, &day);
    day.day_s += DAY_S;
    day.gpu_minutes_free = 0;
    made_put(&m, TABLE_OCCUPANCY, &day);
}

int main(int argc, char **argv)
{
    struct q_report q = {.kind = REPORT_KIND_USAGE};
    struct buffer text = BUFFER_EMPTY;
    if (argc == 3 && !amount_parse(argv[1], &q.par_micros))
        return 2;
    if (argc == 3)
        q.currency = text_of(argv[2]);
    made_begin(&m, NOW_S + 100 * HOUR_S);
    names_put();
    lease_put(1, 1, NOW_S, false);
    lease_put(2, 2, 1801439940, false); /* a minute before a month ends */
    lease_put(3, 4, NOW_S, true);
    resold_put();
    backstop_put();
    days_put();
    made_ask(&m, &q, 0);
    if (m.report == NULL || report_text(&m.page, REPORT_FORMAT_CSV, "usage", &text) != 0)
        return 1;
    fwrite(text.data, 1, text.length, stdout);
    buffer_release(&text);
    made_end(&m);
    return 0;
}
