/* The writer's thread: order, durability before completion, failure for all that follow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "protocol/status.h"
#include "server/journal/writer.h"
#include "tests/server/journal/scratch.h"

struct waiter {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    const struct journal *journal; /* its writer calls, so that it may be asked */
    uint64_t last;                 /* told of */
    uint64_t good;                 /* the last one told of with status 0 */
    int status;                    /* of the first that failed */
    bool out_of_order, too_early;
};

static void waiter_done(void *context, uint64_t index, int status)
{
    struct waiter *w = context;
    pthread_mutex_lock(&w->mutex);
    w->out_of_order |= index != w->last + 1 || (status == 0 && w->status != 0);
    w->too_early |= status == 0 && w->journal != NULL && journal_durable(w->journal) < index;
    w->last = index;
    if (status == 0)
        w->good = index;
    else if (w->status == 0)
        w->status = status;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->mutex);
}

static void waiter_wait(struct waiter *w, uint64_t index)
{
    pthread_mutex_lock(&w->mutex);
    while (w->last < index)
        pthread_cond_wait(&w->changed, &w->mutex);
    pthread_mutex_unlock(&w->mutex);
}

#define WAITER_INIT                                                                                \
    {                                                                                              \
        .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER                    \
    }

enum {
    GROUPS = 2000,
    QUEUE = 32,
    BODY_MAX = 9000,
};

static size_t body_length(uint64_t index)
{
    return (size_t)(index * 131 % BODY_MAX);
}

/* Bodies stay where they are until told of: one place for each that can be in flight. */
static void submit(struct writer *w, struct waiter *waiter, uint8_t (*bodies)[BODY_MAX],
                   uint64_t index)
{
    if (index > QUEUE)
        waiter_wait(waiter, index - QUEUE);
    uint8_t *body = bodies[index % QUEUE];
    const struct journal_group group = scratch_group(index);
    scratch_body(index, body, body_length(index));
    assert_int_equal(writer_submit(w, &group, body, body_length(index)), 0);
}

static void groups_become_durable_in_order(void **state)
{
    const struct scratch *s = *state;
    struct waiter waiter = WAITER_INIT;
    const struct journal_options options = {.segment_size = 1 << 20, .prepare_ahead = true};
    uint8_t(*bodies)[BODY_MAX] = test_calloc(QUEUE, BODY_MAX);
    struct journal *j = NULL;
    journal_close(scratch_create(s));
    assert_int_equal(journal_open(s->folder, scratch_exchange, 1, &options, &j, NULL), 0);
    struct writer *w = NULL;
    assert_int_equal(writer_start(j, QUEUE, waiter_done, &waiter, &w), 0);
    pthread_mutex_lock(&waiter.mutex);
    waiter.journal = j;
    pthread_mutex_unlock(&waiter.mutex);
    for (uint64_t index = 1; index <= GROUPS; index++)
        submit(w, &waiter, bodies, index);
    waiter_wait(&waiter, GROUPS);
    writer_stop(w);
    journal_close(j);
    assert_false(waiter.out_of_order);
    assert_false(waiter.too_early);
    assert_int_equal(waiter.good, GROUPS);
    assert_int_equal(scratch_check(s, 1), GROUPS);
    test_free(bodies);
}

static void stop_writes_what_is_queued(void **state)
{
    const struct scratch *s = *state;
    struct waiter waiter = WAITER_INIT;
    uint8_t(*bodies)[BODY_MAX] = test_calloc(QUEUE, BODY_MAX);
    struct journal *j = scratch_create(s);
    struct writer *w = NULL;
    assert_int_equal(writer_start(j, QUEUE, waiter_done, &waiter, &w), 0);
    for (uint64_t index = 1; index <= QUEUE; index++)
        submit(w, &waiter, bodies, index);
    writer_stop(w);
    assert_int_equal(waiter.good, QUEUE);
    journal_close(j);
    assert_int_equal(scratch_check(s, 1), QUEUE);
    test_free(bodies);
}

struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t opened;
    bool open;
    int syncs;
    int fail_at; /* that many syncs succeed; negative: all */
};

static int gate_sync(void *context, int fd)
{
    struct gate *gate = context;
    (void)fd;
    pthread_mutex_lock(&gate->mutex);
    while (!gate->open)
        pthread_cond_wait(&gate->opened, &gate->mutex);
    int error = gate->fail_at >= 0 && gate->syncs >= gate->fail_at ? EIO : 0;
    gate->syncs++;
    pthread_mutex_unlock(&gate->mutex);
    return error;
}

static void gate_open(struct gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    gate->open = true;
    pthread_cond_broadcast(&gate->opened);
    pthread_mutex_unlock(&gate->mutex);
}

#define GATE_INIT(at)                                                                              \
    {                                                                                              \
        .mutex = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER, .fail_at = (at)    \
    }

static void queued_groups_share_a_sync(void **state)
{
    const struct scratch *s = *state;
    struct waiter waiter = WAITER_INIT;
    struct gate gate = GATE_INIT(-1);
    const struct file_faults faults = {.context = &gate, .sync = gate_sync};
    static const uint8_t body[100];
    struct journal *j = scratch_create(s);
    struct writer *w = NULL;
    file_faults_set(&faults);
    assert_int_equal(writer_start(j, QUEUE, waiter_done, &waiter, &w), 0);
    for (uint64_t index = 1; index <= QUEUE; index++) {
        const struct journal_group group = scratch_group(index);
        assert_int_equal(writer_submit(w, &group, body, sizeof(body)), 0);
    }
    /* All are waiting, the first ones perhaps for their sync: the queue is full. */
    const struct journal_group more = scratch_group(QUEUE + 1);
    assert_int_equal(writer_submit(w, &more, body, sizeof(body)), STATUS_LIMIT);
    gate_open(&gate);
    waiter_wait(&waiter, QUEUE);
    writer_stop(w);
    file_faults_set(NULL);
    /* What came before the first sync went out, and the rest. */
    assert_true(gate.syncs <= 2);
    journal_close(j);
}

static void failure_reaches_all_that_follow(void **state)
{
    const struct scratch *s = *state;
    struct waiter waiter = WAITER_INIT;
    struct gate gate = GATE_INIT(3);
    const struct file_faults faults = {.context = &gate, .sync = gate_sync};
    uint8_t(*bodies)[BODY_MAX] = test_calloc(QUEUE, BODY_MAX);
    struct journal *j = scratch_create(s);
    struct writer *w = NULL;
    gate_open(&gate);
    file_faults_set(&faults);
    assert_int_equal(writer_start(j, QUEUE, waiter_done, &waiter, &w), 0);
    uint64_t index = 1;
    for (int status = 0; status == 0; index++) {
        const struct journal_group group = scratch_group(index);
        scratch_body(index, bodies[index % QUEUE], body_length(index));
        status = writer_submit(w, &group, bodies[index % QUEUE], body_length(index));
        if (status == 0)
            waiter_wait(&waiter, index);
        else
            assert_int_equal(status, STATUS_IO);
    }
    writer_stop(w);
    file_faults_set(NULL);
    assert_false(waiter.out_of_order);
    assert_int_equal(waiter.status, STATUS_IO);
    assert_int_equal(waiter.good, 3);
    assert_int_equal(waiter.last, index - 2);
    assert_non_null(strstr(journal_error_text(j), "cannot write group 4"));
    journal_close(j);
    test_free(bodies);
}

static void misuse_is_refused(void **state)
{
    const struct scratch *s = *state;
    struct waiter waiter = WAITER_INIT;
    static const uint8_t body[SCRATCH_SEGMENT];
    struct journal *j = scratch_create(s);
    struct writer *w = NULL;
    assert_int_equal(writer_start(j, QUEUE, waiter_done, &waiter, &w), 0);
    const struct journal_group wrong = scratch_group(2), right = scratch_group(1);
    assert_int_equal(writer_submit(w, &wrong, body, 1), STATUS_MISUSE);
    assert_int_equal(writer_submit(w, &right, body, sizeof(body)), STATUS_LIMIT);
    assert_int_equal(writer_submit(w, &right, body, 1), 0);
    writer_stop(w);
    assert_int_equal(waiter.last, 1);
    journal_close(j);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(groups_become_durable_in_order),
        TEST(stop_writes_what_is_queued),
        TEST(queued_groups_share_a_sync),
        TEST(failure_reaches_all_that_follow),
        TEST(misuse_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
