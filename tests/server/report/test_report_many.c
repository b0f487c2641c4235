/*
 * A million leases: what is too large is refused, within the memory that a report may take, and
 * what is not is made in time. The rows are made up while they are read.
 */
#include "tests/server/report/made.h"

#include "protocol/status.h"

enum { NOW_S = 1800000000, LEASES = 1000 * 1000, HOLDERS = 50, FLOWS = 300 * 1000 };

static int many_leases(source_visit *visit, void *context)
{
    int status = 0;
    for (uint64_t i = 1; status == 0 && i <= LEASES; i++) {
        const struct lease_row row = {
            .lease = i,
            .offer = i,
            .site = i % 7,
            .sku = i % 3,
            .start_s = NOW_S,
            .end_s = NOW_S + 7200,
            .gpu_minutes_delivered = 120,
            .price_ucr = 2000000,
            .paid_ucr = 4000000,
            .holder = (uint32_t)(1 + i % HOLDERS),
            .operator= 77,
            .gpus = 1,
            .meter_period_min = 60,
        };
        status = visit(context, &row);
    }
    return status;
}

static int many_periods(source_visit *visit, void *context)
{
    int status = 0;
    for (uint64_t i = 0; status == 0 && i < 2 * LEASES; i++) {
        const struct period_row row = {
            .lease = 1 + i / 2,
            .period = i % 2,
            .state = PERIOD_STATE_SETTLED,
            .metered_s = NOW_S,
            .gpu_minutes_due = 60,
            .gpu_minutes_metered = 60,
            .gpu_minutes_settled = 60,
        };
        status = visit(context, &row);
    }
    return status;
}

/* Each of another tenant. */
static int many_flows(source_visit *visit, void *context)
{
    int status = 0;
    for (uint32_t i = 1; status == 0 && i <= FLOWS; i++) {
        const struct flow_row row = {.flow = i,
                                     .month_s = 1798761600,
                                     .kind = FLOW_KIND_LEASE,
                                     .payer = i,
                                     .payee = 1000000,
                                     .series = 1,
                                     .amount_ucr = 5};
        status = visit(context, &row);
    }
    return status;
}

static int many_each(void *of, enum table table, source_visit *visit, void *context)
{
    const struct head_row head = {.time_s = NOW_S + 7200, .log_size = 1};
    (void)of;
    switch (table) {
    case TABLE_HEAD:
        return visit(context, &head);
    case TABLE_LEASE:
        return many_leases(visit, context);
    case TABLE_PERIOD:
        return many_periods(visit, context);
    case TABLE_FLOW:
        return many_flows(visit, context);
    default:
        return 0;
    }
}

/* Nobody and nothing has a name. */
static int many_find(void *of, enum table table, const void *key, void *row_out)
{
    (void)of;
    (void)table;
    (void)key;
    (void)row_out;
    return STATUS_NOT_FOUND;
}

static struct made m = {.source = {.each = many_each, .find = many_find}};

static void test_too_large(void **state)
{
    const enum report_kind kinds[] = {REPORT_KIND_CARBON, REPORT_KIND_USAGE,
                                      REPORT_KIND_CONCENTRATION};
    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const struct q_report q = {.kind = kinds[i]};
        assert_int_equal(made_ask(&m, &q, 0), REFUSAL_report_too_large);
    }
}

static void test_of_one(void **state)
{
    const struct q_report carbon = {.kind = REPORT_KIND_CARBON};
    const struct q_report usage = {.kind = REPORT_KIND_USAGE, .until_s = NOW_S + 3600};
    (void)state;
    assert_int_equal(made_ask(&m, &carbon, 5), REFUSAL_accepted);
    assert_int_equal(made_rows(&m, "leases"), LEASES / HOLDERS);
    assert_int_equal(made_number(&m, "total", 0, "paid_ucr"), LEASES / HOLDERS * 4000000ull);
    assert_true(report_bytes(m.report) <= REPORT_BYTES_MAX + 65536);
    assert_int_equal(made_ask(&m, &usage, 5), REFUSAL_accepted);
    assert_int_equal(made_rows(&m, "usage"), LEASES / HOLDERS);
    assert_true(report_bytes(m.report) <= REPORT_BYTES_MAX + 65536);
    report_free(m.report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_of_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
