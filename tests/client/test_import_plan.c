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
    {2, 1, 3, PROFILE_TRAINING, 125, 600, 0}, {3, 8, 2, PROFILE_TRAINING, 60, 60, 0},
    {4, 2, 1, PROFILE_INFERENCE, 60, 121, 0}, {5, 1, 3, PROFILE_TRAINING, 0, 59, 0},
    {6, 1, 3, PROFILE_TRAINING, 119, 120, 0},
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
    assert_int_equal(plan_make(&t, &(struct plan_options){.every = 1, .report_min = 4}, &p),
                     STATUS_OK);
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
    assert_int_equal(plan_make(&t, &(struct plan_options){.every = 1, .report_min = 2}, &p),
                     STATUS_OK);
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
        struct plan_options o = {.every = expected[i].every, .report_min = 60};
        assert_int_equal(plan_make(&t, &o, &p), STATUS_OK);
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
                             UINT64_C(60) * OFFER_SPAN_MAX_MIN + 60,
                             0};
    struct trace t = small_trace();
    t.tasks = &far;
    t.tasks_count = 1;
    struct plan p;
    assert_int_equal(plan_make(&t, &(struct plan_options){.every = 1, .report_min = 60}, &p),
                     STATUS_LIMIT);
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

/* A hundred nodes and tasks: every fourth task best effort, every tenth of several GPUs. */
static struct trace large_trace(struct trace_node some[100], struct trace_task many[100])
{
    for (uint32_t i = 0; i < 100; i++) {
        some[i] = (struct trace_node){i + 2, 2, i % 2};
        many[i] = (struct trace_task){i + 2,
                                      i % 10 == 9 ? 4 : 1,
                                      3,
                                      PROFILE_TRAINING,
                                      60 * (uint64_t)i,
                                      60 * (uint64_t)i + 600,
                                      i % 4 == 0 ? TRACE_QOS_BEST_EFFORT : TRACE_QOS_STRICT};
    }
    return (struct trace){.models = {"T4", "G2"},
                          .models_count = 2,
                          .nodes = some,
                          .nodes_count = 100,
                          .tasks = many,
                          .tasks_count = 100};
}

static void draws_shares_by_lot(void **state)
{
    (void)state;
    struct trace_node some[100];
    struct trace_task many[100];
    struct trace t = large_trace(some, many);
    struct plan_options o = {.every = 1,
                             .report_min = 60,
                             .seed = 7,
                             .operators = 3,
                             .resting_ppm = 100000,
                             .rest_min = 30,
                             .spread_ppm = 120000,
                             .partial_ppm = 60000,
                             .preemptible_ppm = 300000,
                             .standing_ppm = 50000,
                             .headroom_ppm = 250000,
                             .price_spread_ppm = 100000};
    struct plan p;
    struct plan same;
    assert_int_equal(plan_make(&t, &o, &p), STATUS_OK);
    assert_int_equal(plan_make(&t, &o, &same), STATUS_OK);
    assert_memory_equal(p.tasks, same.tasks, 100 * sizeof(*p.tasks));
    assert_memory_equal(p.offers, same.offers, 100 * sizeof(*p.offers));
    plan_release(&same);
    uint32_t rests = 0, spread = 0, large = 0, willing = 0, willing_be = 0, partial = 0;
    for (size_t i = 0; i < 100; i++) {
        const struct plan_task *task = &p.tasks[i];
        rests += task->rests;
        assert_true(!task->rests || i % 4 == 0);
        spread += task->spread;
        large += task->spread && task->gpus == 4;
        partial += task->gpus_min == 1 && task->gpus == 4;
        assert_true(task->gpus_min == 1 || task->gpus_min == task->gpus);
        willing += task->preemptible_ok;
        willing_be += task->preemptible_ok && i % 4 == 0;
        assert_int_equal(task->duration_min, 10);
        assert_int_equal(task->booked_min, 13);
        assert_true(task->limit_ppm >= 1000000 && task->limit_ppm <= 1100000);
        /* Enough for the dearer model at the task's own limit. */
        amount cost;
        assert_true(amount_cost_rounded_up(task->gpus * 13, plan_limit_ucr(&p, task, 1), &cost));
        assert_int_equal(task->funds_ucr, cost + task->gpus);
    }
    assert_int_equal(rests, 10);
    assert_int_equal(spread, 12);
    assert_int_equal(large, 10);
    assert_int_equal(partial, 6);
    assert_int_equal(willing, 30);
    assert_int_equal(willing_be, 25);
    uint32_t preemptible = 0, standing = 0, prices = 0;
    for (size_t i = 0; i < 100; i++) {
        const struct plan_offer *offer = &p.offers[i];
        uint64_t base_ucr = p.models[offer->model].price_ucr;
        preemptible += offer->preemptible;
        standing += offer->standing;
        prices += offer->price_ucr != base_ucr;
        assert_true(10 * offer->price_ucr >= 9 * base_ucr - 10);
        assert_true(10 * offer->price_ucr <= 11 * base_ucr);
        assert_int_equal(offer->seller, offer->model * 3 + i / 2 % 3);
    }
    assert_int_equal(preemptible, 30);
    assert_int_equal(standing, 5);
    assert_true(prices > 90);
    /* The last resting task may begin 30 minutes later than it came. */
    assert_int_equal(p.sellers_count, 6);
    assert_true(p.span_min >= 109 && p.span_min <= 99 + 30 + 10);
    assert_true(p.open_min >= p.span_min);
    plan_release(&p);
    /* Another seed, another lot. */
    o.seed = 8;
    assert_int_equal(plan_make(&t, &o, &same), STATUS_OK);
    uint32_t differs = 0;
    for (size_t i = 0; i < 100; i++)
        differs += same.tasks[i].limit_ppm != 0 && same.tasks[i].rests && i % 4 == 0;
    assert_int_equal(differs, 10);
    plan_release(&same);
}

/* So many tasks of a minute that their requests would not fit on their way. */
static void divides_a_crowded_minute(void **state)
{
    (void)state;
    size_t count = 2 * (size_t)PLAN_STOP_TASKS_MAX + 1;
    struct trace_task *crowd = calloc(count, sizeof(*crowd));
    assert_non_null(crowd);
    for (size_t i = 0; i < count; i++)
        crowd[i] = (struct trace_task){(uint32_t)i, 1, 1, PROFILE_TRAINING, 30, 90, 0};
    struct trace t = small_trace();
    t.tasks = crowd;
    t.tasks_count = count;
    struct plan p;
    struct plan_options o = {.every = 1, .report_min = 60};
    assert_int_equal(plan_make(&t, &o, &p), STATUS_OK);
    assert_int_equal(p.stops_count, 4);
    assert_int_equal(p.stops[1].minute, 0);
    assert_int_equal(p.stops[1].task_first, PLAN_STOP_TASKS_MAX);
    assert_int_equal(p.stops[2].task_count, 1);
    assert_true(p.stops[3].reports);
    plan_release(&p);
    free(crowd);
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
    assert_int_equal(trace_read(nodes_path, tasks_path, &t, NULL, &error), STATUS_OK);
    assert_int_equal(t.nodes_count, 1213);
    assert_int_equal(t.tasks_count, 7064);
    assert_int_equal(t.models_count, 7);
    struct plan p;
    assert_int_equal(plan_make(&t, &(struct plan_options){.every = 1, .report_min = 360}, &p),
                     STATUS_OK);
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
    assert_int_equal(plan_make(&t, &(struct plan_options){.every = 100, .report_min = 360}, &p),
                     STATUS_OK);
    assert_int_equal(p.offers_count, 13);
    plan_release(&p);
    trace_release(&t);
    buffer_release(&error);
}

/* A file of the same columns ten times as large: the rows again and again, later each time. */
static void plans_ten_times_the_real_trace(void **state)
{
    (void)state;
    enum { TIMES = 10, ROUND_S = 152 * 24 * 3600 };
    char nodes_path[PATH_MAX];
    char tasks_path[PATH_MAX];
    if (!real_trace(nodes_path, tasks_path))
        skip();
    struct trace once;
    struct trace t;
    struct buffer error = BUFFER_EMPTY;
    assert_int_equal(trace_read(nodes_path, tasks_path, &once, NULL, &error), STATUS_OK);
    char large_path[] = "/tmp/bourse-trace-XXXXXX";
    int fd = mkstemp(large_path);
    assert_true(fd >= 0);
    FILE *large = fdopen(fd, "w");
    fputs("num_gpu,gpu_spec,qos,creation_time,deletion_time\n", large);
    for (uint64_t round = 0; round < TIMES; round++) {
        for (size_t i = 0; i < once.tasks_count; i++) {
            const struct trace_task *task = &once.tasks[i];
            fprintf(large, "%u,,BE,%llu,%llu\n", task->gpus,
                    (unsigned long long)(task->created_s + round * ROUND_S),
                    (unsigned long long)(task->deleted_s + round * ROUND_S));
        }
    }
    assert_int_equal(fclose(large), 0);
    int status = trace_read(nodes_path, large_path, &t, NULL, &error);
    unlink(large_path);
    assert_int_equal(status, STATUS_OK);
    assert_int_equal(t.tasks_count, TIMES * once.tasks_count);
    struct plan p;
    struct plan_options o = {.every = 1, .report_min = 360};
    assert_int_equal(plan_make(&t, &o, &p), STATUS_OK);
    size_t seen = 0;
    for (size_t i = 0; i < p.stops_count; i++)
        seen += p.stops[i].task_count;
    assert_int_equal(seen, t.tasks_count);
    assert_true(p.span_min > (uint64_t)(TIMES - 1) * ROUND_S / 60);
    plan_release(&p);
    trace_release(&t);
    trace_release(&once);
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
        cmocka_unit_test(draws_shares_by_lot),
        cmocka_unit_test(divides_a_crowded_minute),
        cmocka_unit_test(plans_the_real_trace),
        cmocka_unit_test(plans_ten_times_the_real_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
