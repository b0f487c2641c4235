/* The sequencer with a clock that the test moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/frames.h"
#include "protocol/limits.h"
#include "protocol/operations.h"
#include "protocol/status.h"
#include "server/engine/group.h"
#include "server/engine/sequencer.h"

enum { START_S = 1800000000 };

struct table {
    struct manual_clock clock;
    struct sequencer sequencer;
    struct sequencer_view view;
    struct sequencer_draft draft;
};

static void table_set(struct table *t, enum clock_mode mode)
{
    memset(t, 0, sizeof(*t));
    manual_clock_init(&t->clock, START_S);
    sequencer_init(&t->sequencer, &t->clock.clock, mode, START_S);
    t->view = (struct sequencer_view){
        .group = 5,
        .mode = mode,
        .last_s = START_S,
        .limit_s = START_S + CLOCK_JUMP_MAX_S,
        .manual_s = START_S,
        .next_due_s = UINT64_MAX,
    };
}

static void taken_free(struct table *t)
{
    while (t->draft.taken != NULL) {
        struct submission *s = t->draft.taken;
        t->draft.taken = s->next;
        submission_free(s);
    }
}

static void table_clear(struct table *t)
{
    taken_free(t);
    sequencer_release(&t->sequencer);
    buffer_release(&t->draft.body);
}

/* Makes a group; the rules have applied it. */
static bool step(struct table *t)
{
    taken_free(t);
    assert_int_equal(sequencer_next(&t->sequencer, &t->view, &t->draft), 0);
    if (!t->draft.has_group)
        return false;
    assert_true(t->draft.time_s >= t->view.last_s);
    t->view.group++;
    t->view.last_s = t->draft.time_s;
    if (t->view.limit_s < t->view.last_s + CLOCK_JUMP_MAX_S)
        t->view.limit_s = t->view.last_s + CLOCK_JUMP_MAX_S;
    return true;
}

static void push(struct table *t, enum submission_kind kind, size_t length,
                 const struct message *operation)
{
    struct submission *s = submission_new();
    s->kind = kind;
    uint8_t *body = buffer_extend(&s->frame, length > 0 ? length : 1);
    memset(body, 1, length > 0 ? length : 1);
    s->body = (struct bytes){body, (uint32_t)length};
    struct request *request = arena_alloc(&s->arena, sizeof(*request));
    struct operation *op = arena_alloc(&s->arena, sizeof(*op));
    op->message = operation != NULL ? operation : &op_token_burn_message;
    request->operations.items = op;
    request->operations.count = 1;
    s->request = request;
    sequencer_push(&t->sequencer, s);
}

static unsigned taken_count(const struct table *t)
{
    unsigned n = 0;
    for (const struct submission *s = t->draft.taken; s != NULL; s = s->next)
        n++;
    return n;
}

static void test_time_follows(void **state)
{
    (void)state;
    struct table t;
    table_set(&t, CLOCK_MODE_REAL);
    manual_clock_advance(&t.clock, 10);
    push(&t, SUBMISSION_REQUEST, 10, NULL);
    assert_true(step(&t));
    assert_int_equal(t.draft.time_s, START_S + 10);
    assert_false(t.draft.has_tick);
    assert_false(step(&t));
    assert_int_equal(sequencer_sleep_ms(&t.sequencer, &t.view), SEQUENCER_SLEEP_MAX_MS);
    table_clear(&t);
}

static void test_clock_back(void **state)
{
    (void)state;
    struct table t;
    table_set(&t, CLOCK_MODE_REAL);
    manual_clock_advance(&t.clock, 100);
    push(&t, SUBMISSION_REQUEST, 10, NULL);
    assert_true(step(&t));
    manual_clock_set_wall(&t.clock, START_S - 5000);
    push(&t, SUBMISSION_REQUEST, 10, NULL);
    assert_true(step(&t));
    assert_int_equal(t.draft.time_s, START_S + 100);
    struct sequencer_now now = sequencer_look(&t.sequencer, &t.view);
    assert_false(now.waits);
    /* It goes on when the clock is there again. */
    manual_clock_set_wall(&t.clock, START_S + 150);
    push(&t, SUBMISSION_REQUEST, 10, NULL);
    assert_true(step(&t));
    assert_int_equal(t.draft.time_s, START_S + 150);
    table_clear(&t);
}

static void test_clock_jump(void **state)
{
    (void)state;
    struct table t;
    table_set(&t, CLOCK_MODE_REAL);
    push(&t, SUBMISSION_REQUEST, 10, NULL);
    assert_true(step(&t));
    manual_clock_set_wall(&t.clock, START_S + 2 * 86400);
    struct sequencer_now now = sequencer_look(&t.sequencer, &t.view);
    assert_true(now.waits);
    assert_int_equal(now.clock_s, START_S + 2 * 86400);
    assert_int_equal(now.time_s, START_S);
    /* Time goes on by the monotonic clock. */
    manual_clock_advance(&t.clock, 30);
    push(&t, SUBMISSION_REQUEST, 10, NULL);
    assert_true(step(&t));
    assert_int_equal(t.draft.time_s, START_S + 30);
    manual_clock_advance(&t.clock, 30);
    push(&t, SUBMISSION_REQUEST, 10, NULL);
    assert_true(step(&t));
    assert_int_equal(t.draft.time_s, START_S + 60);
    /* An admin's word moves the limit: the rules then see all of it. */
    t.view.limit_s = START_S + 2 * 86400 + 60 + CLOCK_JUMP_MAX_S;
    now = sequencer_look(&t.sequencer, &t.view);
    assert_false(now.waits);
    push(&t, SUBMISSION_REQUEST, 10, NULL);
    assert_true(step(&t));
    assert_int_equal(t.draft.time_s, START_S + 2 * 86400 + 60);
    /* The gap is told as a start, so that the log shows it. */
    assert_true(t.draft.has_start);
    table_clear(&t);
}

/* A step of less than an hour needs nobody's word. */
static void test_clock_small_step(void **state)
{
    (void)state;
    struct table t;
    table_set(&t, CLOCK_MODE_REAL);
    manual_clock_set_wall(&t.clock, START_S + CLOCK_JUMP_MAX_S);
    struct sequencer_now now = sequencer_look(&t.sequencer, &t.view);
    assert_false(now.waits);
    assert_int_equal(now.time_s, START_S + CLOCK_JUMP_MAX_S);
    table_clear(&t);
}

/* An idle exchange keeps its time, so that the next request is no jump. */
static void test_idle(void **state)
{
    (void)state;
    struct table t;
    unsigned groups = 0;
    table_set(&t, CLOCK_MODE_REAL);
    for (int i = 0; i < 86400 / 60; i++) {
        manual_clock_advance(&t.clock, 60);
        assert_false(sequencer_look(&t.sequencer, &t.view).waits);
        if (sequencer_sleep_ms(&t.sequencer, &t.view) == 0) {
            assert_true(step(&t));
            assert_false(t.draft.has_start);
            groups++;
        }
    }
    assert_in_range(groups, 40, 60);
    table_clear(&t);
}

/* The process stood still for five hours: groups of a tick each catch up, requests wait. */
static void test_stopped(void **state)
{
    (void)state;
    struct table t;
    unsigned groups = 0;
    table_set(&t, CLOCK_MODE_REAL);
    manual_clock_advance(&t.clock, 5 * 3600 + 7);
    assert_false(sequencer_look(&t.sequencer, &t.view).waits);
    push(&t, SUBMISSION_REQUEST, 10, NULL);
    while (t.view.last_s < START_S + 5 * 3600 + 7) {
        assert_true(step(&t));
        assert_true(t.draft.taken == NULL || t.view.last_s == START_S + 5 * 3600 + 7);
        groups++;
    }
    assert_int_equal(groups, 6);
    assert_int_equal(taken_count(&t), 1);
    table_clear(&t);
}

static void test_start(void **state)
{
    (void)state;
    struct table t;
    table_set(&t, CLOCK_MODE_REAL);
    /* Down for ten minutes. */
    manual_clock_set_wall(&t.clock, START_S + 600);
    assert_int_equal(sequencer_start(&t.sequencer, &t.view, &t.draft), 0);
    assert_true(t.draft.has_start);
    assert_false(t.draft.has_found);
    assert_int_equal(t.draft.time_s, START_S + 600);
    table_clear(&t);
    table_set(&t, CLOCK_MODE_REAL);
    /* Down for two days, or a clock that is wrong: an admin has to say which. */
    manual_clock_set_wall(&t.clock, START_S + 2 * 86400);
    assert_int_equal(sequencer_start(&t.sequencer, &t.view, &t.draft), 0);
    assert_int_equal(t.draft.time_s, START_S);
    assert_true(sequencer_look(&t.sequencer, &t.view).waits);
    table_clear(&t);
}

static void test_found(void **state)
{
    (void)state;
    static const struct {
        enum clock_mode mode;
        uint64_t time_s;
    } cases[] = {{CLOCK_MODE_REAL, START_S}, {CLOCK_MODE_MANUAL, START_S - 900}};
    for (size_t i = 0; i < 2; i++) {
        struct table t;
        struct group_reader reader;
        struct group_entry entry;
        table_set(&t, cases[i].mode);
        t.view = (struct sequencer_view){.created_s = START_S - 900, .next_due_s = UINT64_MAX};
        assert_int_equal(sequencer_start(&t.sequencer, &t.view, &t.draft), 0);
        assert_int_equal(t.draft.time_s, cases[i].time_s);
        assert_int_equal(group_reader_init(&reader, t.draft.body.data, t.draft.body.length), 0);
        assert_int_equal(group_next(&reader, &entry), 0);
        assert_int_equal(entry.kind, GROUP_FOUND);
        assert_int_equal(group_next(&reader, &entry), 0);
        assert_int_equal(entry.kind, GROUP_START);
        assert_int_equal(entry.mode, cases[i].mode);
        table_clear(&t);
    }
}

/* Changing the clock's mode: the start's group is still in the old one. */
static void test_mode_changes(void **state)
{
    (void)state;
    struct table t;
    table_set(&t, CLOCK_MODE_REAL);
    t.view.mode = CLOCK_MODE_MANUAL;
    t.view.manual_s = START_S + 7;
    manual_clock_advance(&t.clock, 50);
    assert_int_equal(sequencer_start(&t.sequencer, &t.view, &t.draft), 0);
    assert_int_equal(t.draft.time_s, START_S + 7);
    table_clear(&t);
    table_set(&t, CLOCK_MODE_MANUAL);
    t.view.mode = CLOCK_MODE_REAL;
    t.view.manual_s = 0;
    assert_int_equal(sequencer_start(&t.sequencer, &t.view, &t.draft), 0);
    assert_int_equal(t.draft.time_s, START_S);
    table_clear(&t);
}

static void test_ticks(void **state)
{
    (void)state;
    struct table t;
    table_set(&t, CLOCK_MODE_REAL);
    t.view.next_due_s = START_S + 5;
    assert_false(step(&t));
    manual_clock_advance(&t.clock, 5);
    assert_int_equal(sequencer_sleep_ms(&t.sequencer, &t.view), 0);
    push(&t, SUBMISSION_REQUEST, 10, NULL);
    assert_true(step(&t));
    assert_true(t.draft.has_tick);
    assert_int_equal(taken_count(&t), 1); /* a long sweep holds nobody up */
    table_clear(&t);

    table_set(&t, CLOCK_MODE_MANUAL);
    t.view.next_due_s = START_S;
    push(&t, SUBMISSION_REQUEST, 10, NULL);
    assert_true(step(&t));
    assert_true(t.draft.has_tick);
    assert_null(t.draft.taken); /* ... but with a manual clock the order is always the same */
    t.view.next_due_s = UINT64_MAX;
    assert_true(step(&t));
    assert_false(t.draft.has_tick);
    assert_int_equal(taken_count(&t), 1);
    table_clear(&t);
}

static void test_bounds(void **state)
{
    (void)state;
    struct table t;
    table_set(&t, CLOCK_MODE_REAL);
    for (int i = 0; i < 10; i++)
        push(&t, SUBMISSION_REQUEST, REQUEST_BYTES_MAX, NULL);
    push(&t, SUBMISSION_QUERY, 0, NULL);
    assert_true(step(&t));
    assert_int_equal(taken_count(&t), 7);
    assert_true(t.draft.body.length <= GROUP_BYTES_MAX);
    assert_true(step(&t));
    assert_int_equal(taken_count(&t), 4); /* the question keeps its place */
    assert_true(sequencer_is_empty(&t.sequencer));
    for (int i = 0; i < GROUP_REQUESTS_MAX + 1; i++)
        push(&t, SUBMISSION_REQUEST, 1, NULL);
    assert_true(step(&t));
    assert_int_equal(taken_count(&t), GROUP_REQUESTS_MAX);
    assert_true(step(&t));
    assert_int_equal(taken_count(&t), 1);
    /* Questions alone make no group. */
    push(&t, SUBMISSION_QUERY, 0, NULL);
    assert_false(step(&t));
    assert_int_equal(taken_count(&t), 1);
    table_clear(&t);
}

static void test_clock_advance_ends_group(void **state)
{
    (void)state;
    struct table t;
    table_set(&t, CLOCK_MODE_MANUAL);
    push(&t, SUBMISSION_REQUEST, 1, NULL);
    push(&t, SUBMISSION_REQUEST, 1, &op_clock_advance_message);
    push(&t, SUBMISSION_REQUEST, 1, NULL);
    assert_true(step(&t));
    assert_int_equal(taken_count(&t), 2);
    assert_true(step(&t));
    assert_int_equal(taken_count(&t), 1);
    table_clear(&t);
}

/* With a manual clock what a request leaves due comes before the next one, however they arrive. */
static void test_what_leaves_something_due_ends_group(void **state)
{
    static const struct message *const leaves[] = {
        &op_account_unfreeze_message, &op_site_reopen_message, &op_offer_publish_message,
        &op_offer_amend_message,      &op_order_place_message, &op_order_amend_message,
        &op_rule_change_message,      &op_rule_end_message,    &op_lease_end_message,
        &op_lease_resell_message,
    };
    (void)state;
    for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
        for (int manual = 0; manual <= 1; manual++) {
            struct table t;
            table_set(&t, manual ? CLOCK_MODE_MANUAL : CLOCK_MODE_REAL);
            push(&t, SUBMISSION_REQUEST, 1, leaves[i]);
            push(&t, SUBMISSION_REQUEST, 1, NULL);
            assert_true(step(&t));
            assert_int_equal(taken_count(&t), manual ? 1 : 2);
            table_clear(&t);
        }
    }
}

static void push_of(struct table *t, uint64_t session, enum submission_kind kind,
                    const struct message *operation)
{
    push(t, kind, 1, operation);
    struct submission *last = t->sequencer.first;
    while (last->next != NULL)
        last = last->next;
    last->session = session;
}

/* Of what sessions the draft took submissions, in order; each is a digit. */
static unsigned taken_sessions(const struct table *t)
{
    unsigned sessions = 0;
    for (const struct submission *s = t->draft.taken; s != NULL; s = s->next)
        sessions = sessions * 10 + (unsigned)s->session;
    return sessions;
}

/* GROUP_ELECTIONS_MAX: those beyond it wait, and what their sessions sent behind them; others pass
 * them, questions included. */
static void test_elections_wait(void **state)
{
    (void)state;
    for (int manual = 0; manual <= 1; manual++) {
        struct table t;
        table_set(&t, manual ? CLOCK_MODE_MANUAL : CLOCK_MODE_REAL);
        for (int i = 0; i < GROUP_ELECTIONS_MAX + 1; i++)
            push_of(&t, 1, SUBMISSION_REQUEST, &op_backstop_elect_message);
        push_of(&t, 1, SUBMISSION_QUERY, NULL);
        push_of(&t, 2, SUBMISSION_REQUEST, &op_backstop_elect_message);
        push_of(&t, 3, SUBMISSION_REQUEST, NULL);
        push_of(&t, 2, SUBMISSION_REQUEST, NULL);
        push_of(&t, 4, SUBMISSION_QUERY, NULL);
        assert_true(step(&t));
        assert_int_equal(taken_sessions(&t), 134);
        /* What comes meanwhile goes behind. */
        push_of(&t, 3, SUBMISSION_REQUEST, NULL);
        assert_true(step(&t));
        assert_int_equal(taken_sessions(&t), 113);
        push_of(&t, 5, SUBMISSION_REQUEST, NULL);
        assert_true(step(&t));
        assert_int_equal(taken_sessions(&t), 225);
        assert_true(sequencer_is_empty(&t.sequencer));
        push_of(&t, 5, SUBMISSION_REQUEST, NULL);
        assert_true(step(&t));
        assert_int_equal(taken_sessions(&t), 5);
        table_clear(&t);
    }
}

/* The last one in the queue waits: what is pushed then comes behind it. */
static void test_elections_wait_at_the_end(void **state)
{
    (void)state;
    struct table t;
    table_set(&t, CLOCK_MODE_REAL);
    push_of(&t, 1, SUBMISSION_REQUEST, &op_backstop_elect_message);
    push_of(&t, 2, SUBMISSION_REQUEST, &op_backstop_elect_message);
    push_of(&t, 3, SUBMISSION_REQUEST, NULL);
    assert_true(step(&t));
    assert_int_equal(taken_sessions(&t), 13);
    push_of(&t, 4, SUBMISSION_REQUEST, NULL);
    assert_true(step(&t));
    assert_int_equal(taken_sessions(&t), 24);
    assert_true(sequencer_is_empty(&t.sequencer));
    /* No more than so many are passed. */
    for (int i = 0; i < GROUP_ELECTIONS_MAX + SEQUENCER_PASSED_MAX; i++)
        push_of(&t, 1, SUBMISSION_REQUEST, &op_backstop_elect_message);
    push_of(&t, 2, SUBMISSION_REQUEST, NULL);
    assert_true(step(&t));
    assert_int_equal(taken_sessions(&t), 1);
    assert_true(step(&t));
    assert_int_equal(taken_sessions(&t), 12);
    table_clear(&t);
}

/* Says of every second request of the judge's that it needs no group. */
static bool judge_odd(void *context, struct submission *s, uint64_t time_s)
{
    static struct frame_reply outcome;
    uint32_t *judged = context;
    assert_int_equal(time_s, START_S);
    if (++*judged % 2 == 0)
        s->early = &outcome;
    return s->early == NULL;
}

static void test_judge(void **state)
{
    (void)state;
    struct table t;
    uint32_t judged = 0;
    table_set(&t, CLOCK_MODE_REAL);
    t.sequencer.judge = judge_odd;
    t.sequencer.judge_context = &judged;
    for (uint64_t session = 1; session <= 4; session++) {
        push(&t, SUBMISSION_REQUEST, 10, NULL);
        struct submission *last = t.sequencer.first;
        while (last->next != NULL)
            last = last->next;
        last->session = session;
    }
    assert_true(step(&t));
    assert_int_equal(judged, 4);
    assert_int_equal(taken_count(&t), 4);
    /* Two of them are in the group, the others go along. */
    size_t one = GROUP_REQUEST_OVERHEAD + 10;
    assert_int_equal(t.draft.body.length, 1 + 2 * one);
    /* Behind another one of the same session nothing is judged: it might see too old a state. */
    judged = 0;
    push(&t, SUBMISSION_REQUEST, 10, NULL);
    push(&t, SUBMISSION_REQUEST, 10, NULL);
    assert_true(step(&t));
    assert_int_equal(judged, 1);
    assert_int_equal(t.draft.body.length, 1 + 2 * one);
    table_clear(&t);
}

static void test_return(void **state)
{
    (void)state;
    struct table t;
    table_set(&t, CLOCK_MODE_REAL);
    for (size_t i = 1; i <= 3; i++)
        push(&t, SUBMISSION_QUERY, i, NULL);
    assert_false(step(&t));
    struct submission *list = t.draft.taken;
    t.draft.taken = NULL;
    sequencer_return(&t.sequencer, NULL);
    assert_true(sequencer_is_empty(&t.sequencer));
    sequencer_return(&t.sequencer, list);
    push(&t, SUBMISSION_QUERY, 4, NULL);
    assert_false(step(&t));
    list = t.draft.taken;
    t.draft.taken = NULL;
    push(&t, SUBMISSION_QUERY, 5, NULL);
    sequencer_return(&t.sequencer, list);
    assert_false(step(&t));
    size_t expected = 1;
    for (const struct submission *s = t.draft.taken; s != NULL; s = s->next)
        assert_int_equal(s->body.length, expected++);
    assert_int_equal(expected, 6);
    table_clear(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elections_wait),
        cmocka_unit_test(test_elections_wait_at_the_end),
        cmocka_unit_test(test_judge),
        cmocka_unit_test(test_return),
        cmocka_unit_test(test_time_follows),
        cmocka_unit_test(test_clock_back),
        cmocka_unit_test(test_clock_jump),
        cmocka_unit_test(test_clock_small_step),
        cmocka_unit_test(test_idle),
        cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_start),
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_mode_changes),
        cmocka_unit_test(test_ticks),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_clock_advance_ends_group),
        cmocka_unit_test(test_what_leaves_something_due_ends_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
