/* Traces: what is read, and that each bad line is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/import_trace.h"
#include "protocol/status.h"
#include "protocol/vocabulary.h"

#define NODES_HEAD "sn,cpu_milli,memory_mib,gpu,model\n"
#define TASKS_HEAD "name,num_gpu,gpu_spec,qos,creation_time,deletion_time\n"

#define LONG_NAME "0123456789012345678901234567890123456789"

struct files {
    char folder[64];
    char nodes[96];
    char tasks[96];
};

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
    struct files *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    const char *base = getenv("TMPDIR");
    snprintf(f->folder, sizeof(f->folder), "%.40s/bourse-XXXXXX", base == NULL ? "/tmp" : base);
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->nodes, sizeof(f->nodes), "%s/nodes.csv", f->folder);
    snprintf(f->tasks, sizeof(f->tasks), "%s/tasks.csv", f->folder);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct files *f = *state;
    unlink(f->nodes);
    unlink(f->tasks);
    rmdir(f->folder);
    free(f);
    return 0;
}

static void reads_nodes_and_tasks(void **state)
{
    struct files *f = *state;
    write_file(f->nodes, NODES_HEAD "a,1,1,8,G2\r\nb,1,1,0,\n\nc,1,1,2,T4");
    write_file(f->tasks, TASKS_HEAD "t0,1,,LS,0,59\n"
                                    "t1,0,,BE,0,59\n"
                                    "t2,8,G2|T4|G2,BE,61,120\n"
                                    "t3,1,X9,Burstable,62,62\n");
    struct trace t;
    struct buffer error = BUFFER_EMPTY;
    assert_int_equal(trace_read(f->nodes, f->tasks, &t, NULL, &error), STATUS_OK);
    assert_int_equal(t.nodes_count, 2);
    assert_int_equal(t.nodes[0].gpus, 8);
    assert_int_equal(t.nodes[1].line, 5);
    assert_int_equal(t.models_count, 3);
    assert_string_equal(t.models[0], "G2");
    assert_string_equal(t.models[1], "T4");
    assert_string_equal(t.models[2], "X9");
    assert_int_equal(t.tasks_count, 3);
    assert_int_equal(t.tasks[0].models, 7);
    assert_int_equal(t.tasks[0].profile, PROFILE_INFERENCE);
    assert_int_equal(t.tasks[1].models, 3);
    assert_int_equal(t.tasks[1].gpus, 8);
    assert_int_equal(t.tasks[1].profile, PROFILE_TRAINING);
    assert_int_equal(t.tasks[1].created_s, 61);
    assert_int_equal(t.tasks[2].models, 4);
    assert_int_equal(t.tasks[0].qos, TRACE_QOS_STRICT);
    assert_int_equal(t.tasks[1].qos, TRACE_QOS_BEST_EFFORT);
    assert_int_equal(t.tasks[2].qos, TRACE_QOS_BURSTABLE);
    assert_int_equal(error.length, 0);
    trace_release(&t);
    buffer_release(&error);
}

/* What is wrong with a line, and the words it must be reported with. */
static const struct {
    const char *nodes;
    const char *tasks;
    const char *expected; /* behind the folder */
} bad[] = {
    {"", TASKS_HEAD "t,1,,LS,0,1\n", "nodes.csv: the file is empty"},
    {"sn,model\nx,T4\n", TASKS_HEAD "t,1,,LS,0,1\n", "nodes.csv:1: gpu: no such column"},
    {"gpu;model\n1;T4\n", TASKS_HEAD "t,1,,LS,0,1\n",
     "nodes.csv:1: does not name the columns, with commas between them"},
    /* A byte order mark is no part of the first title. */
    {"\xef\xbb\xbfgpu,model\n1,\n", TASKS_HEAD "t,1,,LS,0,1\n",
     "nodes.csv:2: model: an empty model"},
    {"gpu,model,gpu\n1,T4,1\n", TASKS_HEAD "t,1,,LS,0,1\n",
     "nodes.csv:1: gpu: a column named more than once"},
    {NODES_HEAD "a,1,1,2,T4\na,1,1,2\n", TASKS_HEAD "t,1,,LS,0,1\n",
     "nodes.csv:3: 4 columns where the first line has 5"},
    {NODES_HEAD "a,1,1,two,T4\n", TASKS_HEAD "t,1,,LS,0,1\n",
     "nodes.csv:2: gpu: not a whole number"},
    {NODES_HEAD "a,1,1,1001,T4\n", TASKS_HEAD "t,1,,LS,0,1\n", "nodes.csv:2: gpu: too large"},
    {NODES_HEAD "a,1,1,99999999999999999999999,T4\n", TASKS_HEAD "t,1,,LS,0,1\n",
     "nodes.csv:2: gpu: too large"},
    {NODES_HEAD "a,1,1,2,\n", TASKS_HEAD "t,1,,LS,0,1\n", "nodes.csv:2: model: an empty model"},
    {NODES_HEAD "a,1,1,0,\n", TASKS_HEAD "t,1,,LS,0,1\n", "nodes.csv: no node has a GPU"},
    {NODES_HEAD "a,1,1,2,\"T4\"\n", TASKS_HEAD "t,1,,LS,0,1\n",
     "nodes.csv:2: model: quotes are not understood"},
    {NODES_HEAD "\"a,1\",1,1,2,T4\n", TASKS_HEAD "t,1,,LS,0,1\n",
     "nodes.csv:2: sn: quotes are not understood"},
    {NODES_HEAD "a,1,1,2,T4\n", TASKS_HEAD "t,1,,LS,0,\n", "tasks.csv:2: deletion_time: empty"},
    {NODES_HEAD "a,1,1,2,T4\n", TASKS_HEAD "t,1,,LS,0,1\nt,1,,LS,9,8\n",
     "tasks.csv:3: deletion_time: before creation_time"},
    {NODES_HEAD "a,1,1,2,T4\n", TASKS_HEAD "t,1,,LS,-1,8\n",
     "tasks.csv:2: creation_time: not a whole number"},
    {NODES_HEAD "a,1,1,2,T4\n", TASKS_HEAD "t,1,T4||A10,LS,0,8\n",
     "tasks.csv:2: gpu_spec: an empty model"},
    {NODES_HEAD "a,1,1,2,T4\n", TASKS_HEAD "t,1,T4|,LS,0,8\n",
     "tasks.csv:2: gpu_spec: an empty model"},
    {NODES_HEAD "a,1,1,2,T4\n", TASKS_HEAD "t,0,,LS,0,8\n", "tasks.csv: no task wants a GPU"},
    {NODES_HEAD "a,1,1,2,T4\n", TASKS_HEAD "t,1,a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p,LS,0,8\n",
     "tasks.csv:2: gpu_spec: more than 16 models"},
    {NODES_HEAD "a,1,1,2,T\033[31m\n", TASKS_HEAD "t,1,,LS,0,8\n",
     "nodes.csv:2: model: not plain text"},
    {NODES_HEAD "a,1,\xff,2,T4\n", TASKS_HEAD "t,1,,LS,0,8\n",
     "nodes.csv:2: memory_mib: not plain text"},
    {"sn,g\x01pu,gpu,model\na,1,2,T4\n", TASKS_HEAD "t,1,,LS,0,8\n", "nodes.csv:1: not plain text"},
    {NODES_HEAD "a,1,1,2,T4,9\n", TASKS_HEAD "t,1,,LS,0,8\n",
     "nodes.csv:2: 6 columns where the first line has 5"},
    {NODES_HEAD "a,1,1,2," LONG_NAME "\n", TASKS_HEAD "t,1,,LS,0,8\n",
     "nodes.csv:2: model: a model's name too long"},
    {NODES_HEAD "a,1,1,2,T4\n", TASKS_HEAD "t,1.5,,LS,0,8\n",
     "tasks.csv:2: num_gpu: not a whole number"},
    {NODES_HEAD "a,1,1,2,T4\n", TASKS_HEAD "t, 1,,LS,0,8\n",
     "tasks.csv:2: num_gpu: not a whole number"},
    {NODES_HEAD "a,1,1,2,T4\n", TASKS_HEAD "t,10001,,LS,0,8\n", "tasks.csv:2: num_gpu: too large"},
    {NODES_HEAD "a,1,1,2,T4\n", TASKS_HEAD "t,1,,LS,,8\n", "tasks.csv:2: creation_time: empty"},
    {NODES_HEAD "a,1,1,2,T4\n", TASKS_HEAD "t,1,,LS,0,400000000\n",
     "tasks.csv:2: deletion_time: too large"},
    {NODES_HEAD "a,1,1,2,T4\n", TASKS_HEAD "t,1,,LS,60,63244861\n",
     "tasks.csv:2: deletion_time: more than two years after creation_time"},
    {NODES_HEAD "a,1,1,2,T4\n", "name,num_gpu,gpu_spec,qos,creation_time\nt,1,,LS,0\n",
     "tasks.csv:1: deletion_time: no such column"},
};

static void names_each_bad_line(void **state)
{
    struct files *f = *state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_file(f->nodes, bad[i].nodes);
        write_file(f->tasks, bad[i].tasks);
        struct trace t;
        struct buffer error = BUFFER_EMPTY;
        int status = trace_read(f->nodes, f->tasks, &t, NULL, &error);
        buffer_append(&error, "", 1);
        char expected[256];
        snprintf(expected, sizeof(expected), "%s/%s", f->folder, bad[i].expected);
        if (status != STATUS_MALFORMED || strstr((char *)error.data, expected) == NULL)
            fail_msg("row %zu: status %d, said: %s", i, status, (char *)error.data);
        assert_null(t.tasks);
        buffer_release(&error);
    }
}

static void reports_both_files_and_not_every_line(void **state)
{
    struct files *f = *state;
    write_file(f->nodes, NODES_HEAD "a,1,1,x,T4\n");
    FILE *tasks = fopen(f->tasks, "w");
    assert_non_null(tasks);
    fputs(TASKS_HEAD, tasks);
    for (int i = 0; i < 100; i++)
        fputs("t,x,,LS,0,8\n", tasks);
    fclose(tasks);
    struct trace t;
    struct buffer error = BUFFER_EMPTY;
    assert_int_equal(trace_read(f->nodes, f->tasks, &t, NULL, &error), STATUS_MALFORMED);
    buffer_append(&error, "", 1);
    const char *said = (const char *)error.data;
    assert_non_null(strstr(said, "nodes.csv:2:"));
    assert_non_null(strstr(said, "tasks.csv:21: num_gpu: not a whole number\n"));
    assert_null(strstr(said, "tasks.csv:22:"));
    assert_non_null(strstr(said, "tasks.csv: 100 lines are wrong, of which the first 20 are "
                                 "listed\n"));
    buffer_release(&error);
}

/* What a bad line names is not taken either: its models would be SKUs that nobody has. */
static void skips_bad_lines_when_asked(void **state)
{
    struct files *f = *state;
    write_file(f->nodes, NODES_HEAD "a,1,1,8,G2\nb,1,1,x,T4\nc,1,1,2,A10\n");
    FILE *tasks = fopen(f->tasks, "w");
    assert_non_null(tasks);
    fputs(TASKS_HEAD "t,1,G2,LS,0,8\nt,1,P100|,LS,0,8\nt,1,V100|P100,LS,9,8\n", tasks);
    for (int i = 0; i < 50; i++)
        fputs("t,x,,LS,0,8\nt,2,,BE,60,61\n", tasks);
    fclose(tasks);
    struct trace t;
    struct trace_skipped skipped;
    struct buffer said = BUFFER_EMPTY;
    assert_int_equal(trace_read(f->nodes, f->tasks, &t, &skipped, &said), STATUS_OK);
    buffer_append(&said, "", 1);
    assert_int_equal(skipped.nodes, 1);
    assert_int_equal(skipped.tasks, 52);
    assert_int_equal(t.nodes_count, 2);
    assert_int_equal(t.tasks_count, 51);
    assert_int_equal(t.models_count, 2);
    assert_int_equal(t.tasks[50].models, 3);
    assert_non_null(strstr((char *)said.data, "nodes.csv:3: gpu: not a whole number\n"));
    assert_non_null(strstr((char *)said.data, "tasks.csv:3: gpu_spec: an empty model\n"));
    assert_non_null(strstr((char *)said.data, "tasks.csv: 52 lines are wrong, of which the first"));
    trace_release(&t);
    buffer_release(&said);
    /* Without columns there is nothing to go by, and without any good line nothing to run. */
    write_file(f->tasks, "name,num_gpu\nt,1\n");
    assert_int_equal(trace_read(f->nodes, f->tasks, &t, &skipped, &said), STATUS_MALFORMED);
    write_file(f->tasks, TASKS_HEAD "t,x,,LS,0,8\n");
    assert_int_equal(trace_read(f->nodes, f->tasks, &t, &skipped, &said), STATUS_MALFORMED);
    buffer_release(&said);
}

/* A file that is not lines at all does not fill the memory. */
static void names_lines_that_are_too_long(void **state)
{
    struct files *f = *state;
    write_file(f->nodes, NODES_HEAD "a,1,1,8,G2\n");
    FILE *tasks = fopen(f->tasks, "w");
    assert_non_null(tasks);
    fputs(TASKS_HEAD "t,1,,LS,0,8\n", tasks);
    for (int i = 0; i < TRACE_LINE_BYTES_MAX + 1; i++)
        fputc(i % 2 == 0 ? ',' : '1', tasks);
    fputs("\nt,1,,LS,0,9", tasks);
    fclose(tasks);
    struct trace t;
    struct trace_skipped skipped;
    struct buffer said = BUFFER_EMPTY;
    assert_int_equal(trace_read(f->nodes, f->tasks, &t, NULL, &said), STATUS_MALFORMED);
    buffer_append(&said, "", 1);
    assert_non_null(strstr((char *)said.data, "tasks.csv:3: longer than 65536 bytes\n"));
    buffer_clear(&said);
    assert_int_equal(trace_read(f->nodes, f->tasks, &t, &skipped, &said), STATUS_OK);
    assert_int_equal(t.tasks_count, 2);
    assert_int_equal(t.tasks[1].line, 4);
    trace_release(&t);
    buffer_release(&said);
}

static void says_when_a_file_is_not_there(void **state)
{
    struct files *f = *state;
    unlink(f->nodes);
    write_file(f->tasks, TASKS_HEAD "t,1,,LS,0,8\n");
    struct trace t;
    struct buffer error = BUFFER_EMPTY;
    assert_int_equal(trace_read(f->nodes, f->tasks, &t, NULL, &error), STATUS_NOT_FOUND);
    buffer_append(&error, "", 1);
    assert_non_null(strstr((const char *)error.data, "nodes.csv: No such file"));
    buffer_release(&error);
}

/* Any cut and any changed byte is read or refused, with words. */
static void survives_truncation_and_mutation(void **state)
{
    struct files *f = *state;
    static const char nodes[] = NODES_HEAD "a,1,1,8,G2\nc,1,1,2,T4\n";
    static const char tasks[] = TASKS_HEAD "t0,1,,LS,0,59\nt2,8,G2|T4,BE,61,120\n";
    const char *seed_text = getenv("BOURSE_SEED");
    unsigned seed = seed_text == NULL ? 1 : (unsigned)strtoul(seed_text, NULL, 10);
    print_message("BOURSE_SEED=%u\n", seed);
    srand(seed);
    write_file(f->nodes, nodes);
    for (size_t round = 0; round < sizeof(tasks) + 400; round++) {
        char text[sizeof(tasks)];
        memcpy(text, tasks, sizeof(text));
        if (round < sizeof(tasks))
            text[round] = '\0';
        else
            text[(size_t)rand() % (sizeof(tasks) - 1)] = (char)(1 + rand() % 255);
        write_file(f->tasks, text);
        struct trace t;
        struct buffer error = BUFFER_EMPTY;
        int status = trace_read(f->nodes, f->tasks, &t, NULL, &error);
        assert_true(status == STATUS_OK || status == STATUS_MALFORMED);
        assert_int_equal(status == STATUS_OK, error.length == 0);
        trace_release(&t);
        buffer_release(&error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_nodes_and_tasks, setup, teardown),
        cmocka_unit_test_setup_teardown(names_each_bad_line, setup, teardown),
        cmocka_unit_test_setup_teardown(reports_both_files_and_not_every_line, setup, teardown),
        cmocka_unit_test_setup_teardown(skips_bad_lines_when_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(names_lines_that_are_too_long, setup, teardown),
        cmocka_unit_test_setup_teardown(says_when_a_file_is_not_there, setup, teardown),
        cmocka_unit_test_setup_teardown(survives_truncation_and_mutation, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
