/* `boursed replay`, `boursed backup` and `boursed restore`. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/keyfile.h"
#include "protocol/status.h"
#include "server/engine/stage.h"
#include "server/port/file.h"

struct scene {
    struct bench bench;
    char other[PATH_MAX + 32]; /* where things are made */
    char backup[PATH_MAX + 32];
    char root_key[PATH_MAX + 32];
    uint64_t size; /* of the log, and its root */
    uint8_t root[32];
};

static int set_up(void **state)
{
    struct scene *p = calloc(1, sizeof(*p));
    bench_make(&p->bench);
    snprintf(p->other, sizeof(p->other), "%s/other", p->bench.root);
    snprintf(p->backup, sizeof(p->backup), "%s/backup", p->bench.root);
    snprintf(p->root_key, sizeof(p->root_key), "%s/root", p->bench.root);
    assert_int_equal(rename(bench_path(&p->bench, "keys/root.key"), p->root_key), 0);
    bench_start(&p->bench);
    for (uint32_t i = 0; i < 10; i++)
        bench_register(&p->bench, i);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *p = *state;
    bench_remove(&p->bench);
    free(p);
    return 0;
}

static void root_take(struct scene *p)
{
    struct log_store *log = engine_log(p->bench.engine);
    p->size = log_store_size(log);
    assert_int_equal(log_store_root(log, p->size, p->root), 0);
}

/* Goes on with the exchange in `path` in place of the first. */
static void move_to(struct scene *p, const char *path)
{
    bench_stop(&p->bench);
    snprintf(p->bench.data, sizeof(p->bench.data), "%.*s", PATH_MAX - 1, path);
}

static void root_check(struct scene *p)
{
    uint8_t root[32];
    assert_int_equal(log_store_root(engine_log(p->bench.engine), p->size, root), 0);
    assert_memory_equal(root, p->root, 32);
}

static void test_replay(void **state)
{
    struct scene *p = *state;
    struct bench *b = &p->bench;
    root_take(p);
    /* Beside the server, and without it. */
    assert_int_equal(bench_command(b, "replay", "--data", b->data, "--into", p->other, NULL), 0);
    bench_stop(b);
    assert_int_equal(bench_command(b, "replay", "--data", b->data, "--into", p->other, NULL), 1);
    assert_true(bench_said(b, "there is an exchange here already"));
    assert_int_equal(folder_remove(p->other), 0);
    assert_int_equal(bench_command(b, "replay", "--data", b->data, "--into", p->other, NULL), 0);
    assert_int_equal(bench_command(b, "check", "--data", p->other, NULL), 0);
    move_to(p, p->other);
    bench_start(b);
    root_check(p);
    assert_int_equal(bench_accounts(b), 11);
    assert_int_equal(bench_register(b, 99), 12);
}

static void test_replay_differs(void **state)
{
    struct scene *p = *state;
    struct bench *b = &p->bench;
    bench_stop(b);
    assert_int_equal(truncate(bench_path(b, "log/tiles-0"), 32), 0);
    assert_int_equal(bench_command(b, "replay", "--data", b->data, "--into", p->other, NULL), 1);
    assert_true(bench_said(b, "does not hold these entries"));
}

static void test_backup_complete(void **state)
{
    struct scene *p = *state;
    struct bench *b = &p->bench;
    struct buffer error = BUFFER_EMPTY;
    struct data_folder *folder;
    char path[PATH_MAX + 64];
    bench_stop(b); /* so that there is an image to back up */
    bench_start(b);
    root_take(p);
    assert_int_equal(bench_command(b, "backup", "--data", b->data, "--to", p->backup, NULL), 0);
    assert_int_equal(bench_command(b, "check", "--data", p->backup, NULL), 0);
    assert_int_equal(bench_command(b, "replay", "--data", p->backup, "--into", p->other, NULL), 0);
    assert_true(bench_said(b, "source   a backup has no log"));
    assert_int_equal(folder_remove(p->other), 0);
    snprintf(path, sizeof(path), "%s/keys/root.key", p->backup);
    assert_false(file_exists(path));
    assert_int_equal(data_folder_open(p->backup, FOLDER_SERVE, &folder, &error), STATUS_MISUSE);
    assert_non_null(memmem(error.data, error.length, "boursed restore", 15));
    buffer_release(&error);
    /* Nobody is told of the temporary name. */
    assert_int_equal(bench_command(b, "restore", "--from", p->backup, "--data", "/nowhere/at/all",
                                   "--complete", NULL),
                     1);
    assert_true(bench_said(b, "/nowhere/at/all: cannot be made: the folder /nowhere/at does not "
                              "exist\n"));
    assert_int_equal(
        bench_command(b, "restore", "--from", b->data, "--data", p->other, "--complete", NULL),
        1); /* not a backup */
    assert_int_equal(bench_command(b, "restore", "--from", p->backup, "--data", p->other, NULL), 2);
    assert_int_equal(
        bench_command(b, "restore", "--from", p->backup, "--data", p->other, "--complete", NULL),
        0);
    move_to(p, p->other);
    /* Before the first start there is no log, and nothing is wrong with that. */
    assert_int_equal(bench_check(b), 0);
    assert_true(bench_said(b, "made again from the journal at the first start"));
    bench_start(b);
    root_check(p);
    assert_int_equal(bench_accounts(b), 11);
    assert_int_equal(bench_register(b, 99), 12);
    bench_stop(b);
    assert_int_equal(bench_check(b), 0);
}

/* A backup while others work: whatever is in it is one whole state. */
struct worker {
    struct bench *bench;
    _Atomic bool stop;
};

static void *worker_run(void *context)
{
    struct worker *w = context;
    for (uint32_t i = 100; !w->stop; i++)
        bench_register(w->bench, i);
    return NULL;
}

static void test_backup_hot(void **state)
{
    struct scene *p = *state;
    struct bench *b = &p->bench;
    struct worker worker = {b, false};
    struct bench quiet = *b; /* its own words only */
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, worker_run, &worker), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            bench_command(&quiet, "backup", "--data", b->data, "--to", p->backup, NULL), 0);
        assert_int_equal(bench_command(&quiet, "check", "--data", p->backup, NULL), 0);
        assert_int_equal(bench_command(&quiet, "check", "--data", b->data, NULL), 0);
        assert_int_equal(folder_remove(p->backup), 0);
    }
    worker.stop = true;
    pthread_join(thread, NULL);
    assert_int_equal(b->failed, 0);
}

/* The journal's tail is lost: a new log begins, with the old books. */
static void test_restore_new_origin(void **state)
{
    struct scene *p = *state;
    struct bench *b = &p->bench;
    struct arena arena = ARENA_EMPTY;
    struct data_folder *former;
    struct buffer error = BUFFER_EMPTY, event = BUFFER_EMPTY;
    struct decode_error wrong;
    const struct message *message;
    const void *body;
    const struct op_series_create series = {
        .name = {"first", 5}, .funder = 1, .expired_to = 1, .transferable = true};
    assert_int_equal(bench_do(b, &op_series_create_message, &series).refusal, 0);
    const struct payment outputs[] = {{2, 1000}, {3, 2000}};
    const struct op_mint mint = {.series = 1, .outputs = {outputs, 2}};
    assert_int_equal(bench_do(b, &op_mint_message, &mint).refusal, 0);
    root_take(p);
    assert_int_equal(bench_command(b, "backup", "--data", b->data, "--to", p->backup, NULL), 0);
    bench_register(b, 77); /* lost */
    assert_int_equal(bench_command(b, "restore", "--from", p->backup, "--data", p->other,
                                   "--origin", "example.org/two", NULL),
                     2); /* without the root key */
    assert_int_equal(bench_command(b, "restore", "--from", p->backup, "--data", p->other,
                                   "--origin", "example.org/bourse", "--root-key", p->root_key,
                                   NULL),
                     1); /* its own name */
    assert_true(bench_said(b, "would contradict what was signed; choose another"));
    assert_false(file_exists(p->other));
    assert_int_equal(bench_command(b, "restore", "--from", p->backup, "--data", p->other,
                                   "--origin", "example.org/two", "--root-key", p->root_key, NULL),
                     0);
    assert_true(bench_said(b, "NEW exchange"));
    move_to(p, p->other);
    for (int round = 0; round < 3; round++) {
        bench_start(b);
        assert_string_equal(b->folder->origin, "example.org/two");
        assert_int_equal(bench_accounts(b), 11 + (uint32_t)round);
        assert_int_equal(bench_register(b, 77 + (uint32_t)round), 12 + (uint32_t)round);
        const struct q_tokens query = {.account = 2};
        enum refusal refusal;
        const struct a_tokens *tokens =
            bench_answer(b, bench_ask(b, "tokens", &query), &arena, &refusal);
        assert_int_equal(tokens->rows.count, 1);
        assert_int_equal(tokens->rows.items[0].amount_ucr, 1000);
        bench_stop(b);
        assert_int_equal(bench_check(b), 0);
        if (round == 0) /* the image is made again from the base */
            assert_int_equal(folder_remove(bench_path(b, "image")), 0);
        if (round == 1)
            assert_int_equal(folder_remove(bench_path(b, "log")), 0);
    }
    bench_start(b);
    assert_int_equal(data_folder_open(p->backup, FOLDER_LOOK, &former, &error), 0);
    assert_int_equal(log_store_read(engine_log(b->engine), 0, &event), 0);
    assert_int_equal(event_decode(event.data, event.length, &arena, &message, &body, &wrong), 0);
    assert_int_equal(message->code, EVENT_restored);
    const struct ev_restored *restored = body;
    assert_int_equal(restored->former_size, p->size);
    assert_memory_equal(restored->former_root, p->root, 32);
    assert_memory_equal(restored->former_exchange_id, former->exchange_id, 32);
    assert_memory_equal(restored->former_origin.data, "example.org/bourse", 18);
    data_folder_close(former);
    buffer_release(&event);
    arena_release(&arena);
    bench_stop(b);

    /* And once more: a backup and a replay of what was restored. */
    char third[PATH_MAX + 32], again[PATH_MAX + 32];
    snprintf(third, sizeof(third), "%s/third", b->root);
    snprintf(again, sizeof(again), "%s/again", b->root);
    assert_int_equal(bench_command(b, "replay", "--data", b->data, "--into", again, NULL), 0);
    assert_int_equal(bench_command(b, "check", "--data", again, NULL), 0);
    assert_int_equal(folder_remove(p->backup), 0);
    assert_int_equal(bench_command(b, "backup", "--data", b->data, "--to", p->backup, NULL), 0);
    assert_int_equal(bench_command(b, "restore", "--from", p->backup, "--data", third, "--origin",
                                   "example.org/bourse", "--root-key", p->root_key, NULL),
                     1); /* the name of the one before */
    assert_int_equal(bench_command(b, "restore", "--from", p->backup, "--data", third, "--origin",
                                   "example.org/three", "--root-key", p->root_key, NULL),
                     0);
    move_to(p, third);
    bench_start(b);
    assert_int_equal(bench_accounts(b), 14);
}

/* A backup whose journal is damaged is not restored, not even as a new exchange. */
static void test_restore_damaged(void **state)
{
    struct scene *p = *state;
    struct bench *b = &p->bench;
    char path[PATH_MAX + 64];
    assert_int_equal(bench_command(b, "backup", "--data", b->data, "--to", p->backup, NULL), 0);
    snprintf(path, sizeof(path), "%s/journal/0000000000000001", p->backup);
    FILE *file = fopen(path, "r+");
    assert_int_equal(fseek(file, 4096 + 260, SEEK_SET), 0);
    fputc('x', file);
    fclose(file);
    assert_int_equal(bench_command(b, "restore", "--from", p->backup, "--data", p->other,
                                   "--origin", "example.org/two", "--root-key", p->root_key, NULL),
                     1);
    assert_false(file_exists(p->other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_replay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_replay_differs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_backup_complete, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_backup_hot, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_restore_new_origin, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_restore_damaged, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
