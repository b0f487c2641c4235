/* An exchange driven through engine_submit(): what is published, when, and what stays. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <errno.h>
#include <stdatomic.h>

#include "protocol/checkpoint.h"
#include "protocol/receipt.h"
#include "protocol/status.h"
#include "server/port/file.h"

static int set_up(void **state)
{
    struct bench *b = malloc(sizeof(*b));
    bench_make(b);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    file_faults_set(NULL);
    bench_remove(*state);
    free(*state);
    return 0;
}

static struct op_account_register register_of(uint32_t number, char name[32])
{
    struct op_account_register op = {.role = ROLE_STARTUP};
    snprintf(name, 32, "number-%u", number);
    op.name = text_of(name);
    memset(op.sign_key, 0x40, 32);
    memset(op.channel_key, 0x41, 32);
    memcpy(op.sign_key, &number, sizeof(number));
    memcpy(op.channel_key, &number, sizeof(number));
    return op;
}

static uint32_t register_submit(struct bench *b, uint32_t number, uint64_t id)
{
    char name[32];
    struct op_account_register body = register_of(number, name);
    const struct operation op = {&op_account_register_message, &body};
    const struct order_of how = {.id = id};
    return bench_submit(b, &how, &op, 1);
}

static void test_request(void **state)
{
    struct bench *b = *state;
    struct arena arena = ARENA_EMPTY;
    bench_start(b);
    assert_int_equal(bench_register(b, 1), 2);
    struct frame_reply reply = bench_reply(b, register_submit(b, 7, 0), &arena);
    assert_int_equal(reply.refusal, 0);
    assert_int_equal(reply.results.count, 1);
    assert_int_equal(reply.results.items[0].object, 3);
    assert_true(reply.index > 0);
    struct a_status now = bench_status(b, &arena);
    assert_int_equal(now.you, 1);
    assert_int_equal(now.role, ROLE_ADMIN);
    assert_int_equal(now.group, reply.group);
    assert_int_equal(now.log_size, log_store_size(engine_log(b->engine)));
    assert_int_equal(now.log_size, b->log_size);
    assert_false(now.clock_waits);
    assert_int_equal(bench_accounts(b), 3);
    arena_release(&arena);
}

/* A retry has the same outcome and no second effect: at once, after others, after a restart. */
static void test_retry(void **state)
{
    struct bench *b = *state;
    struct arena arena = ARENA_EMPTY;
    bench_start(b);
    struct frame_reply first = bench_reply(b, register_submit(b, 7, 99), &arena);
    assert_int_equal(first.results.items[0].object, 2);
    assert_false(first.repeated);
    for (int i = 0; i < 3; i++) {
        struct frame_reply again = bench_reply(b, register_submit(b, 7, 99), &arena);
        assert_true(again.repeated);
        assert_int_equal(again.index, first.index);
        assert_int_equal(again.results.count, 1);
        assert_memory_equal(&again.results.items[0], &first.results.items[0],
                            sizeof(struct result));
        if (i == 0)
            bench_register(b, 1);
        if (i == 1) {
            bench_stop(b);
            bench_start(b);
        }
    }
    struct frame_reply other = bench_reply(b, register_submit(b, 8, 99), &arena);
    assert_int_equal(other.refusal, REFUSAL_id_reused);
    assert_int_equal(bench_accounts(b), 3);
    arena_release(&arena);
}

static struct frame_reply burn_as(struct bench *b, const struct keys *keys, uint32_t account,
                                  uint64_t id, struct arena *arena)
{
    struct op_token_burn nothing = {{0}};
    const struct operation op = {&op_token_burn_message, &nothing};
    const struct order_of how = {.keys = keys, .account = account, .id = id};
    return bench_reply(b, bench_submit(b, &how, &op, 1), arena);
}

/* What leaves no trace makes no group: anybody may sign requests with a key of their own, and the
 * journal is kept for ever. */
static void test_no_trace(void **state)
{
    struct bench *b = *state;
    struct arena arena = ARENA_EMPTY;
    struct keys stranger;
    static const uint8_t seed[KEYS_SEED_BYTES] = {9};
    keys_from_seed(&stranger, seed);
    bench_start(b);
    struct frame_reply first = bench_reply(b, register_submit(b, 7, 99), &arena);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(burn_as(b, &stranger, 77, 0, &arena).refusal, REFUSAL_unknown_account);
        assert_int_equal(burn_as(b, &stranger, 1, 0, &arena).refusal, REFUSAL_key_replaced);
        assert_int_equal(burn_as(b, NULL, 0, 99, &arena).refusal, REFUSAL_id_reused);
        assert_true(bench_reply(b, register_submit(b, 7, 99), &arena).repeated);
    }
    assert_int_equal(bench_status(b, &arena).group, first.group);
    /* What is refused of an account is in its log. */
    struct frame_reply refused = burn_as(b, NULL, 0, 0, &arena);
    assert_int_equal(refused.results.items[0].refusal, REFUSAL_malformed);
    assert_int_equal(refused.group, first.group + 1);
    arena_release(&arena);
}

/* Nothing is refused too early: the second request is good because of the first, and neither waits
 * for the other. */
static void test_rekey_pipelined(void **state)
{
    struct bench *b = *state;
    struct arena arena = ARENA_EMPTY;
    struct keys fresh;
    uint8_t proven[4 + 32 + 32] = {0, 0, 0, 1};
    static const uint8_t seed[KEYS_SEED_BYTES] = {8};
    keys_from_seed(&fresh, seed);
    bench_start(b);
    struct op_account_rekey rekey = {{0}, {0}, {0}};
    memcpy(rekey.sign_key, fresh.sign_public, 32);
    memcpy(rekey.channel_key, fresh.channel_public, 32);
    memcpy(proven + 4, rekey.sign_key, 32);
    memcpy(proven + 36, rekey.channel_key, 32);
    keys_sign(&fresh, PURPOSE_REKEY, b->folder->exchange_id, proven, sizeof(proven), rekey.proof);
    char name[32];
    struct op_account_register body = register_of(7, name);
    const struct operation first = {&op_account_rekey_message, &rekey};
    const struct operation second = {&op_account_register_message, &body};
    const struct order_of how = {.keys = &fresh, .account = 1};
    const struct order_of old = {.account = 0};
    uint32_t one = bench_submit(b, &old, &first, 1);
    uint32_t two = bench_submit(b, &how, &second, 1);
    assert_int_equal(bench_reply(b, one, &arena).results.items[0].refusal, 0);
    struct frame_reply reply = bench_reply(b, two, &arena);
    assert_int_equal(reply.refusal, 0);
    assert_int_equal(reply.results.items[0].refusal, 0);
    arena_release(&arena);
}

/* However many questions wait, the next group has its turn, and all are answered in the end. */
static void test_questions_wait(void **state)
{
    enum { QUESTIONS = 3000 };
    struct bench *b = *state;
    struct arena arena = ARENA_EMPTY;
    static uint32_t seqs[QUESTIONS];
    struct q_accounts q = {.limit = 1};
    bench_start(b);
    for (int i = 0; i < QUESTIONS; i++)
        seqs[i] = bench_ask(b, "accounts", &q);
    struct frame_reply reply = bench_reply(b, register_submit(b, 7, 0), &arena);
    assert_int_equal(reply.results.items[0].refusal, 0);
    for (int i = 0; i < QUESTIONS; i++) {
        enum refusal refusal;
        arena_clear(&arena);
        assert_non_null(bench_answer(b, seqs[i], &arena, &refusal));
    }
    arena_release(&arena);
}

/* Both in one group, the second read from events that are not published yet. */
static void test_retry_same_group(void **state)
{
    struct bench *b = *state;
    struct arena arena = ARENA_EMPTY;
    bench_start(b);
    uint32_t seqs[64];
    for (int i = 0; i < 64; i++)
        seqs[i] = register_submit(b, 7, 99);
    uint32_t fresh = 0;
    for (int i = 0; i < 64; i++) {
        struct frame_reply reply = bench_reply(b, seqs[i], &arena);
        assert_int_equal(reply.refusal, 0);
        assert_int_equal(reply.results.items[0].object, 2);
        fresh += !reply.repeated;
    }
    assert_int_equal(fresh, 1);
    arena_release(&arena);
}

/* --- Nothing leaves before it is durable --- */

struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_shut;
    bool is_reached;
    _Atomic int fail; /* errno that every sync fails with */
};

static int gate_sync(void *context, int fd)
{
    struct gate *g = context;
    (void)fd;
    pthread_mutex_lock(&g->mutex);
    g->is_reached = g->is_reached || g->is_shut;
    pthread_cond_broadcast(&g->changed);
    while (g->is_shut)
        pthread_cond_wait(&g->changed, &g->mutex);
    pthread_mutex_unlock(&g->mutex);
    return g->fail;
}

static void gate_set(struct gate *g, bool shut)
{
    pthread_mutex_lock(&g->mutex);
    g->is_shut = shut;
    g->is_reached = false;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->mutex);
}

static void gate_wait(struct gate *g)
{
    pthread_mutex_lock(&g->mutex);
    while (!g->is_reached)
        pthread_cond_wait(&g->changed, &g->mutex);
    pthread_mutex_unlock(&g->mutex);
}

static void test_nothing_before_durable(void **state)
{
    struct bench *b = *state;
    struct arena arena = ARENA_EMPTY;
    static struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false,
                               0};
    static const struct file_faults faults = {.context = &gate, .sync = gate_sync};
    const struct q_accounts query = {0};
    enum refusal refusal;
    file_faults_set(&faults);
    bench_start(b);
    uint64_t size = log_store_size(engine_log(b->engine));
    gate_set(&gate, true);
    uint32_t request = register_submit(b, 7, 0);
    uint32_t question = bench_ask(b, "accounts", &query);
    gate_wait(&gate);
    uint32_t later = bench_ask(b, "accounts", &query);
    /* The group is applied by now, and stays unseen as long as its record is not on disk. */
    assert_null(bench_wait(b, request, 300));
    assert_null(bench_wait(b, question, 0));
    assert_null(bench_wait(b, later, 0));
    assert_null(b->published);
    assert_int_equal(log_store_size(engine_log(b->engine)), size);
    gate_set(&gate, false);
    assert_int_equal(bench_reply(b, request, &arena).refusal, 0);
    const struct a_accounts *answer = bench_answer(b, later, &arena, &refusal);
    assert_int_equal(answer->rows.count, 2);
    assert_int_equal(log_store_size(engine_log(b->engine)), size + 2);
    bench_stop(b);
    arena_release(&arena);
}

/* The disk is full: the server stops with a line, and all that was acknowledged is there. */
struct full {
    _Atomic bool is_full;
};

static int full_write(void *context, int fd, uint64_t offset, size_t length, size_t *kept_out)
{
    struct full *f = context;
    (void)fd;
    (void)offset;
    *kept_out = length / 2;
    return f->is_full ? ENOSPC : 0;
}

static void test_full_disk(void **state)
{
    struct bench *b = *state;
    /* Static, as in the other tests: the engine's threads may look at it until the tear-down. */
    static struct full full;
    static const struct file_faults faults = {.context = &full, .write = full_write};
    file_faults_set(&faults);
    bench_start(b);
    for (uint32_t i = 0; i < 5; i++)
        bench_register(b, i);
    full.is_full = true;
    uint32_t lost = register_submit(b, 70, 0);
    assert_null(bench_wait(b, lost, 20000));
    assert_int_equal(b->failed, STATUS_FULL);
    assert_non_null(strstr(b->line, "make room on the disk"));
    assert_int_equal(register_submit(b, 71, 0), 0); /* closed */
    bench_stop(b);
    full.is_full = false;
    bench_start(b);
    assert_int_equal(bench_accounts(b), 6);
    assert_int_equal(bench_register(b, 100), 7);
}

static void test_failed_sync(void **state)
{
    struct bench *b = *state;
    static struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false,
                               0};
    static const struct file_faults faults = {.context = &gate, .sync = gate_sync};
    file_faults_set(&faults);
    bench_start(b);
    bench_register(b, 1);
    gate.fail = EIO;
    uint32_t lost = register_submit(b, 70, 0);
    assert_null(bench_wait(b, lost, 20000));
    assert_int_equal(b->failed, STATUS_IO);
    bench_stop(b);
    gate.fail = 0;
    bench_start(b);
    assert_in_range(bench_accounts(b), 2, 3);
}

/* --- Restarts --- */

static void root_of(struct bench *b, uint64_t *size_out, uint8_t root_out[32])
{
    *size_out = log_store_size(engine_log(b->engine));
    assert_int_equal(log_store_root(engine_log(b->engine), *size_out, root_out), 0);
}

static void test_restart(void **state)
{
    struct bench *b = *state;
    uint8_t before[32], after[32];
    uint64_t size, more;
    bench_start(b);
    for (uint32_t i = 0; i < 20; i++)
        bench_register(b, i);
    root_of(b, &size, before);
    for (int i = 0; i < 3; i++) {
        bench_stop(b);
        bench_start(b);
        assert_int_equal(bench_accounts(b), 21);
        assert_int_equal(log_store_root(engine_log(b->engine), size, after), 0);
        assert_memory_equal(before, after, 32);
        root_of(b, &more, after);
        assert_int_equal(more, size + 1 + (uint64_t)i); /* a `started` each */
    }
}

/* A child works and dies without a word; its parent finds everything that was acknowledged. */
static void test_killed(void **state)
{
    struct bench *b = *state;
    for (uint32_t round = 0; round < 4; round++) {
        int pipes[2];
        uint32_t done = 0;
        assert_int_equal(pipe(pipes), 0);
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            b->next_id = (uint64_t)round * 1000;
            bench_start(b);
            for (uint32_t i = 0; i < 50; i++) {
                uint32_t number = bench_register(b, round * 50 + i);
                if (write(pipes[1], &number, sizeof(number)) != sizeof(number))
                    _exit(3);
                /* In one round the image is flushed in between. */
                if (round == 2 && i == 25)
                    usleep(1200000);
            }
            register_submit(b, 1000 + round, 0);
            _exit(0);
        }
        close(pipes[1]);
        int code;
        assert_int_equal(waitpid(child, &code, 0), child);
        assert_int_equal(code, 0);
        while (read(pipes[0], &done, sizeof(done)) == sizeof(done))
            ;
        close(pipes[0]);
        bench_start(b);
        assert_in_range(bench_accounts(b), done, done + 1);
        bench_stop(b);
    }
    assert_int_equal(bench_check(b), 0);
}

static void test_second_server(void **state)
{
    struct bench *b = *state;
    struct data_folder *other;
    struct buffer error = BUFFER_EMPTY;
    bench_start(b);
    assert_int_equal(data_folder_open(b->data, FOLDER_SERVE, &other, &error), STATUS_LOCKED);
    assert_non_null(error.data);
    buffer_release(&error);
    assert_int_equal(data_folder_open(b->data, FOLDER_LOOK, &other, &error), 0);
    data_folder_close(other);
}

/* --- Questions about the log --- */

static void test_receipt(void **state)
{
    struct bench *b = *state;
    struct arena arena = ARENA_EMPTY;
    enum refusal refusal;
    bench_start(b);
    bench_register(b, 1);
    const struct checkpoint_trust trust = {
        .origin = b->folder->origin,
        .root_public = b->folder->genesis.root_key,
        .exchange_id = b->folder->exchange_id,
    };
    for (uint64_t i = 0; i < b->log_size; i++) {
        const struct q_receipt query = {.index = i};
        const struct a_receipt *answer =
            bench_answer(b, bench_ask(b, "receipt", &query), &arena, &refusal);
        assert_non_null(answer);
        struct receipt receipt;
        struct note_error wrong;
        assert_int_equal(receipt_verify(&trust, (const char *)answer->receipt.data,
                                        answer->receipt.length, &receipt, &wrong),
                         0);
        assert_int_equal(receipt.index, i);
        receipt_release(&receipt);
    }
    const struct q_receipt beyond = {.index = b->log_size};
    assert_null(bench_answer(b, bench_ask(b, "receipt", &beyond), &arena, &refusal));
    assert_int_equal(refusal, REFUSAL_not_found);

    uint8_t old_root[32];
    uint64_t old_size;
    root_of(b, &old_size, old_root);
    bench_register(b, 2);
    bench_register(b, 3);
    const struct q_checkpoint query = {.old_size = old_size};
    const struct a_checkpoint *answer =
        bench_answer(b, bench_ask(b, "checkpoint", &query), &arena, &refusal);
    struct checkpoint checkpoint;
    assert_int_equal(checkpoint_verify(&trust, (const char *)answer->note.data, answer->note.length,
                                       &checkpoint, NULL),
                     0);
    assert_int_equal(checkpoint.size, b->log_size);
    assert_int_equal(merkle_consistency_verify(old_size, old_root, checkpoint.size, checkpoint.root,
                                               (const uint8_t *)answer->proof.items,
                                               answer->proof.count),
                     0);
    arena_release(&arena);
}

static void test_subscribe(void **state)
{
    struct bench *b = *state;
    bench_start(b);
    for (int i = 0; i < 2; i++) {
        struct submission *s = submission_new();
        s->kind = SUBMISSION_SUBSCRIBE;
        s->session = 4;
        s->seq = ++b->next_seq;
        s->from = 1;
        if (i == 0)
            memcpy(s->peer_key, b->admin.channel_public, sizeof(s->peer_key));
        assert_int_equal(engine_submit(b->engine, s), 0);
    }
    bench_register(b, 1); /* published in order, so the subscribers are there */
    struct subscriber *found[2] = {NULL, NULL};
    int count = 0;
    pthread_mutex_lock(&b->mutex);
    for (struct publication *p = b->published; p != NULL; p = p->next)
        for (struct subscriber *s = p->subscribers; s != NULL && count < 2; s = s->next)
            found[count++] = s;
    pthread_mutex_unlock(&b->mutex);
    assert_int_equal(count, 2);
    assert_int_equal(found[0]->account, 1);
    assert_true(found[0]->sees_all);
    assert_int_equal(found[0]->session, 4);
    assert_int_equal(found[1]->account, 0);
    assert_false(found[1]->sees_all);
}

/* Many at once, a tiny lag bound: the flusher is always behind and nothing is lost. */
static void test_pressure(void **state)
{
    struct bench *b = *state;
    enum { COUNT = 3000 };
    struct arena arena = ARENA_EMPTY;
    uint32_t *seqs = calloc(COUNT, sizeof(*seqs));
    b->flush_bytes_max = 4096;
    bench_start(b);
    for (uint32_t i = 0; i < COUNT; i++)
        seqs[i] = register_submit(b, i, 0);
    for (uint32_t i = COUNT; i-- > 0;) {
        assert_int_equal(bench_reply(b, seqs[i], &arena).refusal, 0);
        arena_clear(&arena);
    }
    free(seqs);
    arena_release(&arena);
    bench_stop(b);
    bench_start(b);
    const struct q_accounts query = {.from = COUNT};
    enum refusal refusal;
    const struct a_accounts *rows =
        bench_answer(b, bench_ask(b, "accounts", &query), &arena, &refusal);
    assert_int_equal(rows->rows.count, 2);
    arena_release(&arena);
    bench_stop(b);
    assert_int_equal(bench_check(b), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_retry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_trace, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rekey_pipelined, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_questions_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_retry_same_group, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_before_durable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full_disk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failed_sync, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_killed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_second_server, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_receipt, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_subscribe, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pressure, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
