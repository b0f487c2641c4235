/*
 * The real trace, by the real programs: each hundredth node, where orders compete, twice; the log
 * must be the same. Then with orders that rest, and the whole cluster, which holds every task.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

enum { TASKS = 7064 };

/* The program, which lies above the folder of the tests. */
static void find_program(char out[PATH_MAX])
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    assert_true(n > 0);
    self[n] = '\0';
    for (int level = 0; level < 2; level++)
        *strrchr(self, '/') = '\0';
    assert_true(snprintf(out, PATH_MAX, "%s/bourse", self) < PATH_MAX);
}

static void skip_without_trace(char folder_out[PATH_MAX])
{
    char file[PATH_MAX + 64];
    const char *folder = getenv("BOURSE_TRACE_DATA");
    snprintf(folder_out, PATH_MAX, "%s",
             folder != NULL ? folder : BOURSE_SOURCE_DIR "/../shared/data");
    snprintf(file, sizeof(file), "%s/openb_pod_list_gpuspec33.csv", folder_out);
    if (access(file, R_OK) == 0)
        return;
    print_message("SKIPPED: the trace is not in %s; set BOURSE_TRACE_DATA to its folder\n",
                  folder_out);
    skip();
}

static json_t *import(const char *folder, const char *options)
{
    char program[PATH_MAX];
    char command[3 * PATH_MAX + 128];
    json_error_t error;
    find_program(program);
    snprintf(command, sizeof(command),
             "'%s' import --nodes '%s/openb_node_list_gpu_node.csv' "
             "--tasks '%s/openb_pod_list_gpuspec33.csv' --json %s",
             program, folder, folder, options);
    FILE *output = popen(command, "r");
    assert_non_null(output);
    json_t *json = json_loadf(output, 0, &error);
    int state = pclose(output);
    assert_true(WIFEXITED(state));
    assert_int_equal(WEXITSTATUS(state), 0);
    assert_non_null(json);
    return json;
}

static int64_t outcome(const json_t *json, const char *name)
{
    return json_integer_value(json_object_get(json_object_get(json, "outcomes"), name));
}

/* What must hold whatever the nodes are. */
static void assert_books(const json_t *json)
{
    int64_t refused = 0;
    const char *reason;
    json_t *count;
    json_object_foreach(json_object_get(json, "refusals"), reason, count)
    {
        refused += json_integer_value(count);
        assert_true(strcmp(reason, "no_capacity") == 0 || strcmp(reason, "size_not_met") == 0);
    }
    assert_int_equal(json_integer_value(json_object_get(json, "tasks")), TASKS);
    assert_int_equal(outcome(json, "filled") + outcome(json, "refused"), TASKS);
    assert_int_equal(outcome(json, "partly_filled"), 0);
    assert_int_equal(outcome(json, "refused"), refused);
    assert_string_equal(json_string_value(json_object_get(json, "check")), "passed");
    assert_true(json_real_value(json_object_get(json, "credits_settled")) > 0);
}

static void a_hundredth_of_the_nodes_gives_the_same_log_twice(void **state)
{
    (void)state;
    char folder[PATH_MAX];
    skip_without_trace(folder);
    json_t *first = import(folder, "--every 100");
    json_t *second = import(folder, "--every 100");
    assert_books(first);
    /* As docs/import.md says. */
    assert_int_equal(outcome(first, "filled"), 5305);
    assert_int_equal(outcome(first, "refused"), 1759);
    static const char *const same[] = {"log_root",       "log_size",    "outcomes",
                                       "refusals",       "settled_ucr", "leases",
                                       "gpu_hours_sold", "utilisation", "periods_metered"};
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
        assert_true(json_equal(json_object_get(first, same[i]), json_object_get(second, same[i])));
    json_decref(first);
    json_decref(second);
}

/* The options of the second run in docs/import.md. */
static void a_hundredth_of_the_nodes_uses_the_whole_book(void **state)
{
    (void)state;
    char folder[PATH_MAX];
    skip_without_trace(folder);
    json_t *json = import(folder, "--every 100 --resting 40 --rest 3d --spread 20 --operators 2 "
                                  "--preemptible 30 --standing 30 --price-spread 20");
    static const char *const all[] = {"filled", "filled_later", "expired", "refused"};
    int64_t sum = 0;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        assert_true(outcome(json, all[i]) > 0);
        sum += outcome(json, all[i]);
    }
    assert_int_equal(sum, TASKS);
    static const char *const counts[] = {"leases_ahead", "ended_early", "reclaimed"};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        assert_true(json_integer_value(json_object_get(json, counts[i])) > 0);
    assert_string_equal(json_string_value(json_object_get(json, "check")), "passed");
    double price = json_real_value(json_object_get(json, "price_of_base"));
    assert_true(price > 0.8 && price < 1.2);
    json_decref(json);
}

static void the_whole_cluster_holds_every_task(void **state)
{
    (void)state;
    char folder[PATH_MAX];
    skip_without_trace(folder);
    json_t *json = import(folder, "--every 1");
    assert_books(json);
    assert_int_equal(outcome(json, "filled"), TASKS);
    /* The sum over the file of GPUs times whole minutes. */
    assert_true(fabs(json_real_value(json_object_get(json, "gpu_hours_sold")) - 3594316 / 60.0) <
                1e-6);
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundredth_of_the_nodes_gives_the_same_log_twice),
        cmocka_unit_test(a_hundredth_of_the_nodes_uses_the_whole_book),
        cmocka_unit_test(the_whole_cluster_holds_every_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
