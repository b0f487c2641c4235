/* How much may wait for the engine and how much of its answers for the network: what is beyond
 * QUEUE_BYTES_MAX is handed back to its sender, and beyond ANSWERS_BYTES_MAX questions wait. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "protocol/sha256.h"
#include "protocol/status.h"

enum {
    INPUTS = 100,
    OPERATIONS = 1000, /* of nine bytes an input: nearly a megabyte a request */
    REQUESTS = 2 * QUEUE_BYTES_MAX / (OPERATIONS * INPUTS * 9) + 2,
};

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

/* A signed request of burns that will all be refused, not submitted. */
static struct submission *prepare(struct bench *b, uint32_t seq)
{
    static uint64_t inputs[INPUTS];
    static struct operation operations[OPERATIONS];
    static const struct op_token_burn burn = {.inputs = {inputs, INPUTS}};
    for (size_t i = 0; i < INPUTS; i++)
        inputs[i] = SERIAL_MAX - i;
    for (size_t i = 0; i < OPERATIONS; i++)
        operations[i] = (struct operation){&op_token_burn_message, &burn};
    struct request request = {
        .account = 1,
        .valid_until_s = (uint64_t)time(NULL) + 300,
        .operations = {operations, OPERATIONS},
    };
    memcpy(request.id, &seq, sizeof(seq));
    memcpy(request.key, b->admin.sign_public, sizeof(request.key));

    struct submission *s = submission_new();
    struct decode_error wrong;
    s->kind = SUBMISSION_REQUEST;
    s->session = 1;
    s->seq = seq;
    message_encode(&request_message, &request, &s->frame);
    s->body = (struct bytes){s->frame.data, (uint32_t)s->frame.length};
    assert_in_range(s->body.length, OPERATIONS * INPUTS * 9, REQUEST_BYTES_MAX);
    sha256(s->body.data, s->body.length, s->body_hash);
    keys_sign(&b->admin, PURPOSE_REQUEST, b->folder->exchange_id, s->body.data, s->body.length,
              s->signature);
    struct request *decoded = arena_alloc(&s->arena, sizeof(*decoded));
    assert_int_equal(
        message_decode(&request_message, s->body.data, s->body.length, &s->arena, decoded, &wrong),
        0);
    s->request = decoded;
    return s;
}

static void test_full(void **state)
{
    struct bench *b = *state;
    struct arena arena = ARENA_EMPTY;
    static struct submission *ready[REQUESTS];
    bench_start(b);
    for (uint32_t i = 0; i < REQUESTS; i++)
        ready[i] = prepare(b, 1000 + i);

    /* Handed over much faster than they are worked off. */
    uint32_t refused_first = 0;
    uint32_t refused = 0;
    for (uint32_t i = 0; i < REQUESTS; i++) {
        int status;
        while ((status = engine_submit(b->engine, ready[i])) == STATUS_LIMIT) {
            if (refused++ == 0)
                refused_first = i;
            /* Nothing was taken: the sender still has it and tries again. */
            assert_int_equal(ready[i]->seq, 1000 + i);
            usleep(1000);
        }
        assert_int_equal(status, 0);
    }
    assert_true(refused > 0);
    /* Not before what fits was taken. */
    assert_true(refused_first >= QUEUE_BYTES_MAX / REQUEST_BYTES_MAX);
    /* Each is answered once, in the end. */
    for (uint32_t i = 0; i < REQUESTS; i++) {
        struct frame_reply reply = bench_reply(b, 1000 + i, &arena);
        assert_int_equal(reply.refusal, 0);
        assert_false(reply.repeated);
        assert_int_equal(reply.results.count, OPERATIONS);
        assert_int_equal(reply.results.items[0].refusal, REFUSAL_token_not_found);
        arena_clear(&arena);
    }
    assert_int_equal(bench_accounts(b), 1);
    arena_release(&arena);
}

/* --- Answers that nobody takes --- */

enum { SKUS = PAGE_ROWS_MAX, QUESTIONS = 600, STILL_MS = 300 };

/* SKUs with the longest texts there are: a page of them takes a third of a megabyte. */
static void skus_add(struct bench *b)
{
    static char names[SKUS][NAME_MAX_BYTES + 1];
    static struct op_sku_add bodies[SKUS];
    static struct operation operations[SKUS];
    struct arena arena = ARENA_EMPTY;
    for (unsigned i = 0; i < SKUS; i++) {
        snprintf(names[i], sizeof(names[i]), "%0*u", (int)NAME_MAX_BYTES, i);
        const struct text text = {names[i], NAME_MAX_BYTES};
        bodies[i] = (struct op_sku_add){text, text, text, 1, text, 1, text};
        operations[i] = (struct operation){&op_sku_add_message, &bodies[i]};
    }
    struct frame_reply reply = bench_reply(b, bench_submit(b, NULL, operations, SKUS), &arena);
    assert_int_equal(reply.refusal, 0);
    assert_int_equal(reply.results.items[SKUS - 1].refusal, 0);
    arena_release(&arena);
}

/* Frames and bytes published and not taken. */
static size_t published(struct bench *b, uint32_t *frames_out)
{
    size_t bytes = 0;
    *frames_out = 0;
    pthread_mutex_lock(&b->mutex);
    for (const struct publication *p = b->published; p != NULL; p = p->next) {
        for (const struct outgoing *o = p->outgoing; o != NULL; o = o->next) {
            bytes += o->frame.length;
            ++*frames_out;
        }
    }
    pthread_mutex_unlock(&b->mutex);
    return bytes;
}

/* Takes all that was published; how many frames it were. */
static uint32_t published_take(struct bench *b)
{
    uint32_t frames = 0;
    pthread_mutex_lock(&b->mutex);
    struct publication *first = b->published;
    b->published = NULL;
    pthread_mutex_unlock(&b->mutex);
    while (first != NULL) {
        struct publication *p = first;
        first = p->next;
        for (const struct outgoing *o = p->outgoing; o != NULL; o = o->next)
            frames++;
        publication_free(p);
    }
    return frames;
}

static void test_answers_wait(void **state)
{
    struct bench *b = *state;
    struct q_skus q = {.limit = 0};
    bench_start(b);
    skus_add(b);
    published_take(b);
    for (int i = 0; i < QUESTIONS; i++)
        bench_ask(b, "skus", &q);

    /* Until nothing more comes, while nothing is taken. */
    uint32_t frames = 0;
    uint32_t frames_before;
    size_t bytes;
    unsigned turns = 0;
    do {
        frames_before = frames;
        usleep(STILL_MS * 1000);
        bytes = published(b, &frames);
        assert_true(++turns < 200);
    } while (frames == 0 || frames != frames_before);
    assert_true(frames < QUESTIONS);
    assert_in_range(bytes, ANSWERS_BYTES_MAX, 2 * (size_t)ANSWERS_BYTES_MAX + FRAME_BYTES_MAX);

    /* Whoever takes them gets the others. */
    uint32_t taken = 0;
    for (turns = 0; taken < QUESTIONS; turns++) {
        uint32_t now = published_take(b);
        taken += now;
        if (now == 0)
            usleep(1000);
        assert_true(turns < 60000);
    }
    assert_int_equal(taken, QUESTIONS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_full, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_answers_wait, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
