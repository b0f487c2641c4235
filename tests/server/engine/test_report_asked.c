/* Reports asked of an engine: as new as any answer, also right after a request and a restart, and
 * the queue gets back what they took. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/status.h"

static int set_up(void **state)
{
    struct bench *b = malloc(sizeof(*b));
    bench_make(b);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    bench_remove(*state);
    free(*state);
    return 0;
}

static const struct a_report *report_of(struct bench *b, const struct q_report *q,
                                        struct arena *arena)
{
    enum refusal refusal = REFUSAL_accepted;
    const struct a_report *answer = bench_answer(b, bench_ask(b, "report", q), arena, &refusal);
    assert_int_equal(refusal, 0);
    assert_non_null(answer);
    return answer;
}

static void test_sees_what_was_answered(void **state)
{
    struct bench *b = *state;
    struct arena arena = ARENA_EMPTY;
    const struct q_report q = {.kind = REPORT_KIND_EXPOSURE};
    bench_start(b);
    for (uint32_t i = 1; i <= 20; i++) {
        bench_register(b, i);
        struct a_status now = bench_status(b, &arena);
        const struct a_report *report = report_of(b, &q, &arena);
        assert_true(report->index >= now.log_size);
        assert_true(report->time_s >= now.time_s);
        assert_int_equal(report->account, 0);
        arena_clear(&arena);
        if (i == 10) {
            bench_stop(b);
            bench_start(b);
        }
    }
    arena_release(&arena);
}

/* The same with a manual clock, whose reports are of no half-done state. */
static void test_manual_clock(void **state)
{
    struct bench *b = *state;
    struct arena arena = ARENA_EMPTY;
    const struct q_report q = {.kind = REPORT_KIND_EXPOSURE};
    b->mode = CLOCK_MODE_MANUAL;
    bench_start(b);
    for (uint32_t i = 1; i <= 5; i++) {
        struct a_status now = bench_status(b, &arena);
        const struct op_clock_advance clock = {.time_s = now.time_s + 3600};
        b->now_s = now.time_s;
        assert_int_equal(bench_do(b, &op_clock_advance_message, &clock).refusal, 0);
        now = bench_status(b, &arena);
        const struct a_report *report = report_of(b, &q, &arena);
        assert_int_equal(report->index, now.log_size);
        assert_int_equal(report->time_s, now.time_s);
        arena_clear(&arena);
    }
    arena_release(&arena);
}

/* Questions of more bytes than the queue has, one after the other. */
static void test_queue_is_given_back(void **state)
{
    enum { CURVE = REPORT_CURVE_ROWS_MAX, TIMES = 400 };
    static struct curve_row curve[CURVE];
    static const char name[NAME_MAX_BYTES + 1] =
        "a-sku-with-the-longest-name-that-there-can-be-in-any-exchange--";
    struct bench *b = *state;
    struct arena arena = ARENA_EMPTY;
    struct q_report q = {.kind = REPORT_KIND_EXPOSURE, .curve = {curve, CURVE}};
    for (uint32_t i = 0; i < CURVE; i++)
        curve[i] = (struct curve_row){.sku = {name, NAME_MAX_BYTES}};
    bench_start(b);
    for (int i = 0; i < TIMES; i++) {
        report_of(b, &q, &arena);
        arena_clear(&arena);
    }
    arena_release(&arena);
}

/* Whoever stops the engine does not wait for reports, and none comes after. */
static void test_stop_meanwhile(void **state)
{
    struct bench *b = *state;
    const struct q_report q = {.kind = REPORT_KIND_EXPOSURE};
    for (int i = 0; i < 20; i++) {
        bench_start(b);
        for (int k = 0; k < 5; k++)
            bench_ask(b, "report", &q);
        bench_stop(b);
    }
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_sees_what_was_answered),
        TEST(test_manual_clock),
        TEST(test_queue_is_given_back),
        TEST(test_stop_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
