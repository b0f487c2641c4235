/* Reports of rows that no exchange would write: none, damaged ones, numbers at their limits. */
#include "tests/server/report/made.h"

#include "protocol/month.h"
#include "protocol/report_text.h"
#include "protocol/status.h"

enum { NOW_S = 1800000000, ROUNDS = 60, ROWS = 40 };

static const enum report_kind kinds[] = {
    REPORT_KIND_CIRCULARITY, REPORT_KIND_CONCENTRATION, REPORT_KIND_VACANCY,
    REPORT_KIND_CARBON,      REPORT_KIND_PORTABILITY,   REPORT_KIND_STATEMENT,
    REPORT_KIND_USAGE,       REPORT_KIND_EXPOSURE,      REPORT_KIND_STRESS,
    REPORT_KIND_COLLATERAL,  REPORT_KIND_ENDORSEMENT,
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static struct made m;

/* What the kinds that look ahead need. */
static void ahead_fill(struct q_report *q)
{
    static struct curve_row curve[2];
    static struct debt_row debt[4];
    static struct fleet_row fleet = {{"x", 1}, {"x", 1}, UINT32_MAX, TIME_MAX_S};
    curve[0] = (struct curve_row){.sku = {"x", 1}, .value_ucr = UINT64_MAX};
    curve[1] = (struct curve_row){.age_months = 3, .value_ucr = 7};
    for (uint32_t i = 0; i < 4; i++)
        debt[i] = (struct debt_row){.month_s = month_start_s(month_of(NOW_S) - 1 + i * i),
                                    .outstanding_ucr = UINT64_MAX,
                                    .due_ucr = i};
    q->curve.items = curve;
    q->curve.count = 2;
    q->debt.items = debt;
    q->debt.count = 4;
    q->fleet.items = &fleet;
    q->fleet.count = q->kind == REPORT_KIND_COLLATERAL ? q->until_s % 2 : 0;
    q->price_down_ppm = 1;
    q->site = q->kind == REPORT_KIND_ENDORSEMENT ? 1 + q->from_s % 3 : 0;
}

/* Every kind, of the whole and of some accounts, with and without a time, in all formats. */
static void ask_everything(void)
{
    const uint64_t spans[][2] = {
        {0, 0}, {NOW_S - 86400, NOW_S + 86400}, {0, 1}, {month_start_s(month_of(NOW_S)), 0}};
    for (uint32_t i = 0; i < KINDS * 4 * 4; i++) {
        uint32_t account = i / KINDS % 4;
        const uint64_t *span = spans[i / KINDS / 4];
        struct q_report q = {.kind = kinds[i % KINDS], .from_s = span[0], .until_s = span[1]};
        ahead_fill(&q);
        enum refusal refusal = made_ask(&m, &q, account);
        bool sites = q.kind == REPORT_KIND_ENDORSEMENT || q.fleet.count > 0;
        if (refusal != REFUSAL_accepted && refusal != REFUSAL_terms_invalid && sites) {
            assert_true(refusal == REFUSAL_site_not_found || refusal == REFUSAL_sku_not_found ||
                        refusal == REFUSAL_not_visible);
            continue;
        }
        if (refusal != REFUSAL_accepted) {
            assert_int_equal(refusal, REFUSAL_terms_invalid);
            assert_int_equal(q.kind, REPORT_KIND_STATEMENT);
            continue;
        }
        for (int format = REPORT_FORMAT_TABLE; format <= REPORT_FORMAT_CSV; format++) {
            struct buffer text = BUFFER_EMPTY;
            assert_int_equal(report_text(&m.page, (enum report_format)format,
                                         format == REPORT_FORMAT_CSV ? "all" : NULL, &text),
                             0);
            buffer_release(&text);
        }
    }
}

/* A time behind the calendar's end is damage, for every kind. */
static void test_time_damaged(void **state)
{
    const uint64_t times[] = {TIME_MAX_S + 1, UINT64_MAX};
    (void)state;
    for (size_t i = 0; i < KINDS * sizeof(times) / sizeof(times[0]); i++) {
        struct q_report q = {.kind = kinds[i % KINDS]};
        enum refusal refusal;
        ahead_fill(&q);
        made_begin(&m, times[i / KINDS]);
        assert_int_equal(report_make(&q, 1, &m.source, &m.report, &refusal), STATUS_DAMAGED);
        assert_null(m.report);
        made_end(&m);
    }
}

static void test_nothing(void **state)
{
    (void)state;
    made_begin(&m, 0);
    ask_everything();
    made_end(&m);
    made_begin(&m, NOW_S);
    ask_everything();
    const struct q_report q = {.kind = REPORT_KIND_STATEMENT};
    assert_int_equal(made_ask(&m, &q, 1), REFUSAL_accepted);
    assert_int_equal(m.page.rows.count, 0);
    assert_true(m.page.from_s <= NOW_S && NOW_S < m.page.until_s);
    made_end(&m);
}

/* --- Damaged rows --- */

static uint64_t odd_number(void)
{
    const uint64_t numbers[] = {0,          1,          2,
                                3,          4,          NOW_S - 3600,
                                NOW_S,      NOW_S + 60, month_start_s(month_of(NOW_S)),
                                UINT32_MAX, UINT64_MAX, UINT64_MAX - 1,
                                SERIAL_MAX, TIME_MAX_S, AMOUNT_MAX_UCR};
    uint64_t pick = random_below(2 + sizeof(numbers) / sizeof(numbers[0]));
    return pick < sizeof(numbers) / sizeof(numbers[0]) ? numbers[pick] : random_below(8);
}

/* The width of a number of this kind of column; 0: they are bytes or a text. */
static size_t column_width(const struct column *c)
{
    switch (c->kind) {
    case COLUMN_U8:
        return 1;
    case COLUMN_U16:
        return 2;
    case COLUMN_U32:
        return 4;
    case COLUMN_U64:
        return 8;
    default:
        return 0;
    }
}

/* A row of any table; keys from a few numbers, so that rows are about each other. */
static void odd_row(const struct table_spec *spec, uint8_t *row)
{
    memset(row, 0, spec->row_size);
    for (uint16_t i = 0; i < spec->columns_count; i++) {
        const struct column *c = &spec->columns[i];
        size_t width = column_width(c);
        bool small = i < spec->key_columns || random_below(2) == 0;
        for (size_t at = 0; width > 0 && at < c->count; at++) {
            uint64_t number = small ? random_below(6) : odd_number();
            memcpy(row + c->offset + at * width, &number, width);
        }
        if (width == 0 && random_below(4) == 0)
            memset(row + c->offset, 'x', c->count); /* without an end, where it is a text */
    }
}

static void test_damaged(void **state)
{
    static uint8_t row[UINT16_MAX]; /* no table's row_size is more */
    (void)state;
    random_start();
    for (int round = 0; round < ROUNDS; round++) {
        made_begin(&m, NOW_S);
        for (int i = 0; i < ROWS * TABLE_COUNT; i++) {
            enum table table = (enum table)random_below(TABLE_COUNT);
            if (table == TABLE_HEAD)
                continue;
            odd_row(&exchange_tables[table], row);
            made_put(&m, table, row);
        }
        ask_everything();
        made_end(&m);
    }
}

/* --- Numbers at their limits --- */

static void flow_put(uint64_t flow, uint32_t payer, uint32_t series, uint64_t amount_ucr)
{
    const struct flow_row row = {
        .flow = flow,
        .month_s = month_start_s(month_of(NOW_S)),
        .kind = FLOW_KIND_LEASE,
        .payer = payer,
        .payee = 9,
        .series = series,
        .site = 1,
        .sku = 1,
        .amount_ucr = amount_ucr,
    };
    made_put(&m, TABLE_FLOW, &row);
}

static void test_sums_stop(void **state)
{
    const struct q_report concentration = {.kind = REPORT_KIND_CONCENTRATION};
    const struct q_report circularity = {.kind = REPORT_KIND_CIRCULARITY};
    const struct account_row guarantor = {.account = 7, .role = ROLE_GUARANTOR};
    const struct series_row series[] = {{.series = 1, .funder = 7}, {.series = 2, .funder = 8}};
    (void)state;
    made_begin(&m, NOW_S);
    made_put(&m, TABLE_ACCOUNT, &guarantor);
    made_put(&m, TABLE_SERIES, &series[0]);
    made_put(&m, TABLE_SERIES, &series[1]);
    flow_put(1, 3, 1, UINT64_MAX);
    flow_put(2, 4, 2, UINT64_MAX);
    assert_int_equal(made_ask(&m, &concentration, 0), REFUSAL_accepted);
    assert_int_equal(made_number(&m, "indexes", 0, "hhi"), 5000); /* two tenants */
    assert_int_equal(made_number(&m, "indexes", 0, "amount_ucr"), REPORT_NONE - 1);
    assert_int_equal(made_number(&m, "indexes", 0, "largest"), 3);
    assert_int_equal(made_number(&m, "indexes", 0, "largest_ppm"), 500000);
    assert_int_equal(made_number(&m, "indexes", 1, "hhi"), 10000); /* one operator */
    assert_int_equal(made_ask(&m, &circularity, 0), REFUSAL_accepted);
    assert_int_equal(made_number(&m, "operators", 0, "revenue_ucr"), REPORT_NONE - 1);
    assert_int_equal(made_number(&m, "operators", 0, "guarantors_ppm"), 500000);
    /* The smallest beside the largest. */
    flow_put(3, 5, 1, 1);
    assert_int_equal(made_ask(&m, &concentration, 0), REFUSAL_accepted);
    assert_int_equal(made_number(&m, "indexes", 0, "parties"), 3);
    assert_int_equal(made_number(&m, "indexes", 0, "hhi"), 5000);
    made_end(&m);
}

static void test_three_thirds(void **state)
{
    const struct q_report q = {.kind = REPORT_KIND_CONCENTRATION};
    (void)state;
    made_begin(&m, NOW_S);
    for (uint32_t i = 1; i <= 3; i++)
        flow_put(i, i, 1, 1000000);
    assert_int_equal(made_ask(&m, &q, 0), REFUSAL_accepted);
    assert_int_equal(made_number(&m, "indexes", 0, "hhi"), 3333);
    assert_int_equal(made_number(&m, "shares", 2, "share_ppm"), 333333);
    made_end(&m);
}

/* What is income and what is revenue; what an account pays itself is neither. */
static void test_kinds_of_flows(void **state)
{
    const struct q_report circularity = {.kind = REPORT_KIND_CIRCULARITY};
    const struct q_report concentration = {.kind = REPORT_KIND_CONCENTRATION};
    const struct account_row guarantor = {.account = 7, .role = ROLE_GUARANTOR};
    struct flow_row row = {
        .month_s = month_start_s(month_of(NOW_S)), .payee = 7, .series = 1, .amount_ucr = 1};
    (void)state;
    made_begin(&m, NOW_S);
    made_put(&m, TABLE_ACCOUNT, &guarantor);
    for (uint32_t kind = FLOW_KIND_LEASE; kind <= FLOW_KIND_PAYOUT; kind++) {
        for (row.payer = 7; row.payer <= 8; row.payer++) {
            row.flow++;
            row.kind = kind;
            row.amount_ucr *= 2;
            made_put(&m, TABLE_FLOW, &row);
        }
    }
    uint64_t income_ucr = 0;
    const uint32_t incomes[] = {FLOW_KIND_LEASE, FLOW_KIND_SHARE, FLOW_KIND_ROYALTY,
                                FLOW_KIND_RECOVERY, FLOW_KIND_RESALE};
    for (size_t i = 0; i < sizeof(incomes) / sizeof(incomes[0]); i++)
        income_ucr += UINT64_C(1) << 2 * incomes[i];
    assert_int_equal(made_ask(&m, &circularity, 0), REFUSAL_accepted);
    assert_int_equal(made_number(&m, "guarantors", 0, "income_ucr"), income_ucr);
    assert_int_equal(made_number(&m, "operators", 0, "revenue_ucr"), 4);
    assert_int_equal(made_ask(&m, &concentration, 0), REFUSAL_accepted);
    assert_int_equal(made_number(&m, "indexes", 0, "amount_ucr"), 6); /* a tenant of itself, too */
    made_end(&m);
}

/* What goes on computing for long once the rows are read gives up when it is told to. */
static void test_given_up(void **state)
{
    const enum report_kind ahead[] = {REPORT_KIND_EXPOSURE, REPORT_KIND_STRESS,
                                      REPORT_KIND_COLLATERAL, REPORT_KIND_ENDORSEMENT};
    const struct site_row site = {.site = 1, .operator= 1 };
    const struct contract_row contract = {.contract = 1,
                                          .kind = CONTRACT_KIND_BACKSTOP,
                                          .state = CONTRACT_STATE_IN_FORCE,
                                          .debtor = 2,
                                          .creditor = 1,
                                          .version = 1};
    const struct backstop_row terms = {
        .contract = 1, .version = 1, .site = 1, .sku = 1, .end_s = NOW_S + 86400};
    const struct cover_row cover = {.contract = 1, .pool_left_ucr = 1};
    static atomic_bool stopping;
    enum refusal refusal;
    (void)state;
    made_begin(&m, NOW_S);
    made_put(&m, TABLE_SITE, &site);
    made_put(&m, TABLE_CONTRACT, &contract);
    made_put(&m, TABLE_BACKSTOP, &terms);
    made_put(&m, TABLE_COVER, &cover);
    m.source.stopping = &stopping;
    for (size_t i = 0; i < sizeof(ahead) / sizeof(ahead[0]); i++) {
        struct q_report q = {.kind = ahead[i]};
        ahead_fill(&q);
        q.site = 1;
        atomic_store(&stopping, false);
        assert_int_equal(made_ask(&m, &q, 1), REFUSAL_accepted);
        report_free(m.report);
        atomic_store(&stopping, true);
        assert_int_equal(report_make(&q, 1, &m.source, &m.report, &refusal), STATUS_CLOSED);
        assert_null(m.report);
    }
    made_end(&m);
}

static void test_carbon_stops(void **state)
{
    const struct q_report q = {.kind = REPORT_KIND_CARBON};
    const struct sku_row sku = {.sku = 1, .power_w = UINT32_MAX, .name = "hot"};
    (void)state;
    made_begin(&m, NOW_S);
    made_put(&m, TABLE_SKU, &sku);
    for (uint64_t i = 1; i <= 3; i++) {
        const struct lease_row lease = {
            .lease = i,
            .site = 99,            /* which there is not */
            .sku = i < 3 ? 1 : 99, /* of the last one there is no SKU either */
            .end_s = NOW_S,
            .carbon_g_per_kwh = UINT32_MAX,
            .gpu_minutes_delivered = UINT64_MAX,
            .paid_ucr = 1,
        };
        made_put(&m, TABLE_LEASE, &lease);
    }
    assert_int_equal(made_ask(&m, &q, 0), REFUSAL_accepted);
    assert_int_equal(made_number(&m, "leases", 0, "grams"), REPORT_NONE - 1);
    assert_int_equal(made_number(&m, "leases", 0, "milligrams_per_credit"), REPORT_NONE - 1);
    assert_int_equal(made_number(&m, "leases", 2, "grams"), 0);
    assert_int_equal(made_number(&m, "total", 0, "gpu_minutes"), REPORT_NONE - 1);
    assert_int_equal(made_number(&m, "total", 0, "paid_ucr"), 3);
    made_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),      cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_sums_stop),    cmocka_unit_test(test_three_thirds),
        cmocka_unit_test(test_carbon_stops), cmocka_unit_test(test_kinds_of_flows),
        cmocka_unit_test(test_given_up),     cmocka_unit_test(test_time_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
