/* The report of an import: its keys, and figures that follow from others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "client/cli/import_report.h"
#include "protocol/refusal.h"

static bool near(const json_t *number, double expected)
{
    return json_is_real(number) && fabs(json_real_value(number) - expected) < 1e-9;
}

static void tells_what_came_of_it(void **state)
{
    (void)state;
    struct plan plan = {.models_count = 2,
                        .gpus = {10, 0},
                        .span_min = 600,
                        .options = {.every = 100, .resting_ppm = 125000}};
    plan.models[0] = plan_model_of("T4");
    plan.models[1] = plan_model_of("G3");
    struct import_result result = {.tasks = 17,
                                   .filled = 7,
                                   .filled_later = 2,
                                   .rested_s = 3 * 3600,
                                   .partly_filled = 2,
                                   .partly_wanted = 12,
                                   .partly_got = 5,
                                   .expired = 3,
                                   .leases_ahead = 4,
                                   .ended_early = 5,
                                   .reclaimed = 6,
                                   .base_ucr = 10000000,
                                   .refused = 3,
                                   .leases = 8,
                                   .periods = 9,
                                   .sold = {1500, 0},
                                   .settled_ucr = 8750000,
                                   .trading_s = 2};
    result.refusals[REFUSAL_no_capacity] = 2;
    result.refusals[REFUSAL_size_not_met] = 1;
    struct buffer bad = BUFFER_EMPTY;
    buffer_printf(&bad, "nodes.csv:2: gpu: empty\ntasks.csv:3: gpu: empty\n");
    struct import_report report = {.plan = &plan,
                                   .result = &result,
                                   .seed = 4,
                                   .skipped = {1, 2},
                                   .bad = &bad,
                                   .epoch_s = 1767225600,
                                   .log_size = 77,
                                   .log_root = {0xab, 0xcd},
                                   .wall_s = 2.5,
                                   .check = "passed"};
    json_t *json = import_report_json(&report);
    assert_non_null(json);
    const json_t *outcomes = json_object_get(json, "outcomes");
    const json_t *refusals = json_object_get(json, "refusals");
    const json_t *utilisation = json_object_get(json, "utilisation");
    assert_int_equal(json_integer_value(json_object_get(json, "tasks")), 17);
    assert_int_equal(json_integer_value(json_object_get(outcomes, "filled")), 7);
    assert_int_equal(json_integer_value(json_object_get(outcomes, "partly_filled")), 2);
    assert_int_equal(json_integer_value(json_object_get(outcomes, "refused")), 3);
    assert_int_equal(json_integer_value(json_object_get(outcomes, "filled_later")), 2);
    assert_int_equal(json_integer_value(json_object_get(outcomes, "expired")), 3);
    assert_int_equal(json_object_size(outcomes), 5);
    const json_t *partly = json_object_get(json, "partly_filled_gpus");
    assert_int_equal(json_integer_value(json_object_get(partly, "wanted")), 12);
    assert_int_equal(json_integer_value(json_object_get(partly, "got")), 5);
    assert_true(near(json_object_get(json, "rest_hours_mean"), 1.5));
    assert_true(near(json_object_get(json, "price_of_base"), 0.875));
    assert_true(near(json_object_get(json, "utilisation_all"), 0.25));
    assert_int_equal(json_integer_value(json_object_get(json, "leases_ahead")), 4);
    assert_int_equal(json_integer_value(json_object_get(json, "ended_early")), 5);
    assert_int_equal(json_integer_value(json_object_get(json, "reclaimed")), 6);
    assert_true(near(json_object_get(json_object_get(json, "options"), "resting"), 12.5));
    const json_t *skipped = json_object_get(json, "skipped");
    assert_int_equal(json_integer_value(json_object_get(skipped, "tasks")), 2);
    assert_int_equal(json_array_size(json_object_get(skipped, "lines")), 2);
    assert_string_equal(json_string_value(json_array_get(json_object_get(skipped, "lines"), 1)),
                        "tasks.csv:3: gpu: empty");
    /* Only what happened. */
    assert_int_equal(json_object_size(refusals), 2);
    assert_int_equal(json_integer_value(json_object_get(refusals, "no_capacity")), 2);
    assert_int_equal(json_integer_value(json_object_get(refusals, "size_not_met")), 1);
    assert_true(near(json_object_get(json, "gpu_hours_sold"), 25));
    assert_true(near(json_object_get(utilisation, "t4-pcie-16gb"), 0.25));
    /* Of nothing, nothing was used. */
    assert_true(near(json_object_get(utilisation, "trace-g3"), 0));
    assert_true(near(json_object_get(json, "credits_settled"), 8.75));
    assert_int_equal(json_integer_value(json_object_get(json, "settled_ucr")), 8750000);
    assert_true(near(json_object_get(json, "redemptions_per_s"), 8.5));
    assert_true(near(json_object_get(json, "wall_s"), 2.5));
    const char *root = json_string_value(json_object_get(json, "log_root"));
    assert_int_equal(strlen(root), 64);
    assert_memory_equal(root, "abcd0000", 8);
    assert_int_equal(json_integer_value(json_object_get(json, "log_size")), 77);
    assert_string_equal(json_string_value(json_object_get(json, "check")), "passed");
    assert_string_equal(json_string_value(json_object_get(json, "epoch")), "2026-01-01T00:00:00Z");
    json_decref(json);
    buffer_release(&bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tells_what_came_of_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
