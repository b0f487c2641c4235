/* Plans: a trace in the order of time, and the real trace's figures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/import_plan.h"
#include "protocol/status.h"
#include "protocol/vocabulary.h"

static struct trace_node nodes[] = {{2, 2, 0}, {3, 8, 1}, {4, 2, 0}, {5, 4, 0}, {6, 8, 1}};
/* Out of order, two in the same second, one that begins and ends in it. */
static struct trace_task tasks[] = {
    {2, 1, 3, PROFILE_TRAINING, 125, 600}, {3, 8, 2, PROFILE_TRAINING, 60, 60},
    {4, 2, 1, PROFILE_INFERENCE, 60, 121}, {5, 1, 3, PROFILE_TRAINING, 0, 59},
    {6, 1, 3, PROFILE_TRAINING, 119, 120},
};

static struct trace small_trace(void)
{
    return (struct trace){.models = {"T4", "G2"},
                          .models_count = 2,
                          .nodes = nodes,
                          .nodes_count = 5,
                          .tasks = tasks,
                          .tasks_count = 5};
}

static void orders_tasks_and_rounds_minutes(void **state)
{
    (void)state;
    struct trace t = small_trace();
    struct plan p;
    assert_int_equal(plan_make(&t, 1, 4, &p), STATUS_OK);
    static const struct {
        uint64_t start_min;
        uint32_t duration_min, gpus;
    } expected[] = {{0, 1, 1}, {1, 1, 8}, {1, 2, 2}, {1, 1, 1}, {2, 8, 1}};
    assert_int_equal(p.tasks_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(p.tasks[i].start_min, expected[i].start_min);
        assert_int_equal(p.tasks[i].duration_min, expected[i].duration_min);
        assert_int_equal(p.tasks[i].gpus, expected[i].gpus);
    }
    assert_int_equal(p.span_min, 10);
    /* 8 GPUs of G2 for a minute: ceil(8 x 800000 / 60) and one for each GPU. */
    assert_int_equal(p.tasks[1].funds_ucr, 106667 + 8);
    /* Any model will do: the dearer one is what it may cost. */
    assert_int_equal(p.tasks[0].funds_ucr, 13334 + 1);
    plan_release(&p);
}

static void stops_at_tasks_and_reports(void **state)
{
    (void)state;
    struct trace t = small_trace();
    struct plan p;
    assert_int_equal(plan_make(&t, 1, 2, &p), STATUS_OK);
    static const struct plan_stop expected[] = {
        {0, 0, 1, false}, {1, 1, 3, false}, {2, 4, 1, true},  {4, 5, 0, true},
        {6, 5, 0, true},  {8, 5, 0, true},  {10, 5, 0, true},
    };
    assert_int_equal(p.stops_count, 7);
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(p.stops[i].minute, expected[i].minute);
        assert_int_equal(p.stops[i].task_first, expected[i].task_first);
        assert_int_equal(p.stops[i].task_count, expected[i].task_count);
        assert_int_equal(p.stops[i].reports, expected[i].reports);
    }
    plan_release(&p);
}

static void takes_each_nth_node(void **state)
{
    (void)state;
    struct trace t = small_trace();
    static const struct {
        uint64_t every;
        size_t offers;
        uint64_t t4, g2;
    } expected[] = {{1, 5, 8, 16}, {2, 3, 4, 8}, {3, 2, 6, 0}, {5, 1, 2, 0}, {UINT64_MAX, 1, 2, 0}};
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        struct plan p;
        assert_int_equal(plan_make(&t, expected[i].every, 60, &p), STATUS_OK);
        assert_int_equal(p.offers_count, expected[i].offers);
        assert_int_equal(p.gpus[0], expected[i].t4);
        assert_int_equal(p.gpus[1], expected[i].g2);
        assert_true(p.power_kw[0] >= 1 && p.power_kw[1] >= 1);
        plan_release(&p);
    }
}

static void refuses_what_the_exchange_could_not_hold(void **state)
{
    (void)state;
    struct trace_task far = {2,
                             1,
                             1,
                             PROFILE_TRAINING,
                             UINT64_C(60) * OFFER_SPAN_MAX_MIN,
                             UINT64_C(60) * OFFER_SPAN_MAX_MIN + 60};
    struct trace t = small_trace();
    t.tasks = &far;
    t.tasks_count = 1;
    struct plan p;
    assert_int_equal(plan_make(&t, 1, 60, &p), STATUS_LIMIT);
    assert_null(p.tasks);
}

static void knows_models_and_guesses_others(void **state)
{
    (void)state;
    assert_string_equal(plan_model_of("T4").sku, "t4-pcie-16gb");
    assert_int_equal(plan_model_of("T4").power_w, 70);
    assert_string_equal(plan_model_of("Z9").sku, "Z9");
    assert_true(plan_model_of("Z9").price_ucr > 0);
}

/* The folder of the real trace: $BOURSE_TRACE_DATA, or beside the project's folder. */
static bool real_trace(char nodes_out[PATH_MAX], char tasks_out[PATH_MAX])
{
    const char *folder = getenv("BOURSE_TRACE_DATA");
    if (folder == NULL)
        folder = BOURSE_SOURCE_DIR "/../shared/data";
    snprintf(nodes_out, PATH_MAX, "%s/openb_node_list_gpu_node.csv", folder);
    snprintf(tasks_out, PATH_MAX, "%s/openb_pod_list_gpuspec33.csv", folder);
    if (access(nodes_out, R_OK) == 0 && access(tasks_out, R_OK) == 0)
        return true;
    print_message("SKIPPED: the trace is not in %s; set BOURSE_TRACE_DATA to its folder\n", folder);
    return false;
}

static void plans_the_real_trace(void **state)
{
    (void)state;
    char nodes_path[PATH_MAX];
    char tasks_path[PATH_MAX];
    if (!real_trace(nodes_path, tasks_path))
        skip();
    struct trace t;
    struct buffer error = BUFFER_EMPTY;
    assert_int_equal(trace_read(nodes_path, tasks_path, &t, &error), STATUS_OK);
    assert_int_equal(t.nodes_count, 1213);
    assert_int_equal(t.tasks_count, 7064);
    assert_int_equal(t.models_count, 7);
    struct plan p;
    assert_int_equal(plan_make(&t, 1, 360, &p), STATUS_OK);
    uint64_t gpus = 0;
    for (uint32_t i = 0; i < p.models_count; i++)
        gpus += p.gpus[i];
    assert_int_equal(gpus, 6212);
    assert_int_equal(p.offers_count, 1213);
    size_t seen = 0;
    for (size_t i = 0; i < p.stops_count; i++) {
        assert_int_equal(p.stops[i].task_first, seen);
        assert_true(i == 0 || p.stops[i].minute > p.stops[i - 1].minute);
        seen += p.stops[i].task_count;
    }
    assert_int_equal(seen, 7064);
    assert_true(p.stops[p.stops_count - 1].minute >= p.span_min);
    plan_release(&p);
    assert_int_equal(plan_make(&t, 100, 360, &p), STATUS_OK);
    assert_int_equal(p.offers_count, 13);
    plan_release(&p);
    trace_release(&t);
    buffer_release(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_tasks_and_rounds_minutes),
        cmocka_unit_test(stops_at_tasks_and_reports),
        cmocka_unit_test(takes_each_nth_node),
        cmocka_unit_test(refuses_what_the_exchange_could_not_hold),
        cmocka_unit_test(knows_models_and_guesses_others),
        cmocka_unit_test(plans_the_real_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
