/* `boursed report`: its options are those of every report, and it goes back to any index. */
#include "bench.h"

#include <string.h>

#include "protocol/moment.h"
#include "protocol/report_options.h"
#include "server/command/command.h"

static const struct option_spec *option_of(const char *name)
{
    for (const struct option_spec *o = command_report.options; o->name != NULL; o++)
        if (strcmp(o->name, name) == 0)
            return o;
    return NULL;
}

static void test_options(void **state)
{
    (void)state;
    for (size_t i = 0; report_options_all[i] != NULL; i++) {
        const struct option_spec *o = option_of(report_options_all[i]);
        assert_non_null(o);
        assert_non_null(o->argument);
        assert_false(o->required);
    }
}

/* The state after each entry of the log, with the server running and not. */
static void test_every_index(void **state)
{
    struct bench b;
    struct arena arena = ARENA_EMPTY;
    char at[32], said[64];
    (void)state;
    bench_make(&b);
    bench_start(&b);
    for (uint32_t i = 0; i < 5; i++)
        bench_register(&b, i);
    uint64_t size = bench_status(&b, &arena).log_size;
    for (uint64_t index = 1; index <= size + 1; index++) {
        snprintf(at, sizeof(at), "%u", (unsigned)index);
        int code =
            bench_command(&b, "report", "exposure", "--data", b.data, "--at", at, "--json", NULL);
        if (index > size) {
            assert_int_equal(code, EXIT_FAILED);
            snprintf(said, sizeof(said), "has %u entries so far", (unsigned)size);
            assert_true(bench_said(&b, said));
        } else if (code != EXIT_DONE) {
            /* Only before the first group's end there is nothing. */
            assert_true(bench_said(&b, "the first group alone has more"));
            assert_true(index < 4);
        }
    }
    bench_stop(&b);
    assert_int_equal(bench_command(&b, "report", "portability", "--data", b.data, NULL), EXIT_DONE);
    assert_int_equal(bench_command(&b, "report", "--data", b.data, NULL), EXIT_USAGE);
    assert_int_equal(bench_command(&b, "report", "exposure", "--data", b.root, NULL), EXIT_FAILED);
    arena_release(&arena);
    bench_remove(&b);
}

/* A state: how long the log was, and when that was. */
struct moment {
    uint64_t index;
    uint64_t time_s;
};

static struct moment bench_moment(struct bench *b, struct arena *arena)
{
    const struct a_status now = bench_status(b, arena);
    b->now_s = now.time_s;
    arena_clear(arena);
    return (struct moment){now.log_size, now.time_s};
}

/* Makes a report of the last state by `at` (0: any) that is not after time_s; its exit code. */
static int moment_report(const struct bench *b, uint64_t at, uint64_t time_s)
{
    char moment[MOMENT_TEXT_BYTES], index[32];
    snprintf(index, sizeof(index), "%u", (unsigned)at);
    moment_format(time_s, moment);
    return bench_command(b, "report", "exposure", "--data", b->data, "--time", moment, "--json",
                         at > 0 ? "--at" : NULL, index, NULL);
}

static void moment_expect(const struct bench *b, struct moment m)
{
    char moment[MOMENT_TEXT_BYTES], said[128];
    snprintf(said, sizeof(said), "\"index\": %u,", (unsigned)m.index);
    assert_true(bench_said(b, said));
    snprintf(said, sizeof(said), "\"time_s\": \"%s\"", moment_format(m.time_s, moment));
    assert_true(bench_said(b, said));
}

/* A group that moves a manual clock is as late as what it is moved to. */
static void test_time_of_a_manual_clock(void **state)
{
    enum { MOMENTS = 4, STEP_S = 3600 };
    struct bench b;
    struct arena arena = ARENA_EMPTY;
    struct moment moments[MOMENTS];
    (void)state;
    bench_make(&b);
    b.mode = CLOCK_MODE_MANUAL;
    bench_start(&b);
    for (uint32_t i = 0; i < MOMENTS; i++) {
        bench_moment(&b, &arena);
        bench_register(&b, i);
        moments[i] = bench_moment(&b, &arena);
        const struct op_clock_advance clock = {.time_s = moments[i].time_s + STEP_S};
        assert_int_equal(bench_do(&b, &op_clock_advance_message, &clock).refusal, 0);
    }
    const struct moment end = bench_moment(&b, &arena);
    for (uint32_t i = 0; i < MOMENTS; i++) {
        const struct moment m = moments[i];
        assert_int_equal(moment_report(&b, 0, m.time_s), EXIT_DONE);
        moment_expect(&b, m);
        assert_int_equal(moment_report(&b, 0, m.time_s + STEP_S - 1), EXIT_DONE);
        moment_expect(&b, m);
        assert_false(bench_said(&b, "boursed report:"));
        /* The log has that entry, but later. */
        assert_int_equal(moment_report(&b, end.index, m.time_s + STEP_S - 1), EXIT_DONE);
        moment_expect(&b, m);
        assert_true(bench_said(&b, "the last one that is not after "));
        assert_false(bench_said(&b, "divided"));
    }
    /* The journal's last group is the one that moved the clock. */
    assert_int_equal(moment_report(&b, 0, end.time_s), EXIT_DONE);
    moment_expect(&b, end);
    assert_int_equal(moment_report(&b, end.index + 1, end.time_s), EXIT_FAILED);
    assert_true(bench_said(&b, "entries so far"));
    /* What is too early, and why. */
    assert_int_equal(moment_report(&b, 0, 0), EXIT_FAILED);
    assert_true(bench_said(&b, "nothing was there yet at 1970-01-01T00:00:00Z"));
    assert_int_equal(moment_report(&b, 1, end.time_s), EXIT_FAILED);
    assert_true(bench_said(&b, "the first group alone has more than 1 log entries"));
    arena_release(&arena);
    bench_remove(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_every_index),
        cmocka_unit_test(test_time_of_a_manual_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
