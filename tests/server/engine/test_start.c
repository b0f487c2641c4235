/* Starting: from what is on disk, from what is left of it, and with clocks that are off. */
#include "bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/keyfile.h"
#include "protocol/status.h"
#include "server/engine/replay.h"
#include "server/engine/stage.h"
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
    bench_remove(*state);
    free(*state);
    return 0;
}

/* Registers `count` accounts; flushed to the image at the stop, or the process dies before. */
static void work(struct bench *b, uint32_t first, uint32_t count, bool is_killed)
{
    if (!is_killed) {
        bench_start(b);
        for (uint32_t i = 0; i < count; i++)
            bench_register(b, first + i);
        bench_stop(b);
        return;
    }
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        bench_start(b);
        for (uint32_t i = 0; i < count; i++)
            bench_register(b, first + i);
        _exit(0);
    }
    int code;
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_int_equal(code, 0);
    b->next_id += count;
}

static void root_take(struct bench *b, uint64_t *size_out, uint8_t root_out[32])
{
    bench_start(b);
    *size_out = log_store_size(engine_log(b->engine));
    assert_int_equal(log_store_root(engine_log(b->engine), *size_out, root_out), 0);
    bench_stop(b);
}

static void root_check(struct bench *b, uint64_t size, const uint8_t root[32])
{
    uint8_t found[32];
    bench_start(b);
    assert_int_equal(log_store_root(engine_log(b->engine), size, found), 0);
    assert_memory_equal(root, found, 32);
    bench_stop(b);
}

static void file_flip(const char *path, off_t at)
{
    uint8_t byte;
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void test_damaged_journal(void **state)
{
    struct bench *b = *state;
    work(b, 0, 10, true);
    char path[PATH_MAX + 64];
    snprintf(path, sizeof(path), "%s", bench_path(b, "journal/0000000000000001"));
    file_flip(path, 3 * 4096 + 300); /* in the third record, with others behind it */
    assert_int_equal(bench_try_start(b), STATUS_DAMAGED);
    assert_non_null(memmem(b->error.data, b->error.length, "0000000000000001", 16));
    assert_int_equal(bench_check(b), 1);
    assert_true(bench_said(b, "WRONG journal"));
    file_flip(path, 3 * 4096 + 300);
    bench_start(b);
    assert_int_equal(bench_accounts(b), 11);
}

static void test_lost_log(void **state)
{
    struct bench *b = *state;
    uint64_t size;
    uint8_t root[32];
    work(b, 0, 10, false);
    work(b, 10, 10, true); /* a tail behind the image */
    root_take(b, &size, root);
    assert_int_equal(folder_remove(bench_path(b, "log")), 0);
    root_check(b, size, root);
    assert_int_equal(truncate(bench_path(b, "log/tiles-0"), 64), 0);
    root_check(b, size, root);
    file_flip(bench_path(b, "log/tiles-0"), 70);
    root_check(b, size, root);
    assert_int_equal(bench_check(b), 0);
}

static void test_lost_image(void **state)
{
    struct bench *b = *state;
    uint64_t size;
    uint8_t root[32];
    work(b, 0, 10, false);
    root_take(b, &size, root);
    assert_int_equal(folder_remove(bench_path(b, "image")), 0);
    root_check(b, size, root);
    bench_start(b);
    assert_int_equal(bench_accounts(b), 11);
}

/* The journal ends before what the image knows: somebody took it away. */
static void test_lost_journal(void **state)
{
    struct bench *b = *state;
    work(b, 0, 3, false);
    char aside[PATH_MAX + 16], kept[PATH_MAX + 64];
    snprintf(aside, sizeof(aside), "%s/aside", b->root);
    snprintf(kept, sizeof(kept), "%s", bench_path(b, "journal"));
    assert_int_equal(rename(kept, aside), 0);
    assert_true(bench_try_start(b) < 0);
    assert_int_equal(rename(aside, kept), 0);
    bench_start(b);
}

static void test_other_exchange(void **state)
{
    struct bench *b = *state;
    struct bench other;
    char from[PATH_MAX + 64], to[PATH_MAX + 64];
    work(b, 0, 3, false);
    bench_make(&other);
    work(&other, 0, 3, false);
    /* Same seed, same exchange: its image fits. Another origin makes another one. */
    snprintf(from, sizeof(from), "%s/third", other.root);
    char key[KEYS_TEXT_BYTES + 1];
    struct keys_public public;
    keys_get_public(&other.admin, &public);
    keys_print(&public, key);
    assert_int_equal(bench_command(&other, "init", "--data", from, "--origin", "example.org/other",
                                   "--admin", key, "--seed", "8", NULL),
                     0);
    snprintf(other.data, sizeof(other.data), "%.*s", PATH_MAX - 1, from);
    work(&other, 0, 3, false);
    snprintf(from, sizeof(from), "%s", bench_path(&other, "image"));
    snprintf(to, sizeof(to), "%s", bench_path(b, "image"));
    assert_int_equal(folder_remove(to), 0);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(bench_try_start(b), STATUS_DAMAGED);
    bench_remove(&other);
}

/* --- Rules --- */

static void genesis_put(struct bench *b, const uint8_t *bytes, size_t length)
{
    FILE *file = fopen(bench_path(b, "genesis"), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

/* Makes the folder say that it was founded under other rules, or with another policy. */
static void genesis_change(struct bench *b, uint32_t rules_version, uint32_t approvals)
{
    struct buffer bytes = BUFFER_EMPTY;
    struct arena arena = ARENA_EMPTY;
    struct genesis genesis;
    struct decode_error wrong;
    const char *path = bench_path(b, "genesis");
    assert_int_equal(file_load(path, 4096, &bytes), 0);
    assert_int_equal(
        message_decode(&genesis_message, bytes.data, bytes.length, &arena, &genesis, &wrong), 0);
    genesis.rules_version = rules_version;
    genesis.approvals = approvals;
    struct buffer older = BUFFER_EMPTY;
    message_encode(&genesis_message, &genesis, &older);
    assert_int_equal(older.status, 0);
    genesis_put(b, older.data, older.length);
    buffer_release(&bytes);
    buffer_release(&older);
    arena_release(&arena);
}

static void genesis_age(struct bench *b)
{
    genesis_change(b, RULES_VERSION - 1, 1);
}

static bool error_has(struct bench *b, const char *text)
{
    buffer_append(&b->error, "", 1);
    return strstr((const char *)b->error.data, text) != NULL;
}

/* Whether it is said that rules older than these by one wrote `what`. */
static bool error_has_older(struct bench *b, const char *what)
{
    char text[128];
    snprintf(text, sizeof(text), "%s by an older version of boursed (rules %d)", what,
             RULES_VERSION - 1);
    return error_has(b, text);
}

/* A folder of older rules is refused by everything that opens it, with a word on what to do. */
static void test_older_folder(void **state)
{
    struct bench *b = *state;
    char backup[PATH_MAX + 16], restored[PATH_MAX + 16];
    work(b, 0, 3, false);
    snprintf(backup, sizeof(backup), "%s/backup", b->root);
    snprintf(restored, sizeof(restored), "%s/restored", b->root);
    assert_int_equal(bench_command(b, "backup", "--data", b->data, "--to", backup, NULL), 0);
    genesis_age(b);
    assert_int_equal(bench_try_start(b), STATUS_VERSION);
    assert_true(error_has_older(b, "made"));
    assert_true(error_has(b, "`boursed init`"));
    assert_int_not_equal(bench_check(b), 0);
    assert_true(bench_said(b, "made by an older version of boursed"));

    char data[PATH_MAX];
    snprintf(data, sizeof(data), "%s", b->data);
    snprintf(b->data, sizeof(b->data), "%.*s", PATH_MAX - 1, backup);
    genesis_age(b);
    snprintf(b->data, sizeof(b->data), "%s", data);
    assert_int_not_equal(
        bench_command(b, "restore", "--from", backup, "--data", restored, "--complete", NULL), 0);
    assert_true(bench_said(b, "made by an older version of boursed"));
    assert_false(file_exists(restored));
}

/* Older records had other fields: that is said, and not that they are damaged. */
static void test_older_fields(void **state)
{
    struct bench *b = *state;
    static const uint8_t older[] = {0xdc, 0, 18, RULES_VERSION - 1, 0xa1, 'x', 0xc4, 0};
    genesis_put(b, older, sizeof(older));
    assert_int_equal(bench_try_start(b), STATUS_VERSION);
    assert_true(error_has_older(b, "made"));
}

/* Records with fewer admins than must approve are none that `boursed init` makes. */
static void test_founded_with_too_few(void **state)
{
    struct bench *b = *state;
    genesis_change(b, RULES_VERSION, 2);
    assert_int_equal(bench_try_start(b), STATUS_DAMAGED);
    assert_true(error_has(b, "genesis: damaged: 2 admins are to approve, but there are 1"));
}

/* So is a journal's group, wherever it comes from. */
static void test_older_journal(void **state)
{
    struct bench *b = *state;
    struct exchange *x = NULL;
    struct data_folder *folder = NULL;
    struct replay replay;
    assert_int_equal(data_folder_open(b->data, FOLDER_LOOK, &folder, &b->error), 0);
    assert_int_equal(replay_exchange_new(folder, &x, &b->error), 0);
    replay_init(&replay, folder, x, 0, 0, NULL);
    struct journal_group group = replay_group_header(1, 0, &replay.frontier);
    group.rules_version = RULES_VERSION - 1;
    assert_int_equal(replay_group(&replay, &group, NULL, 0, &b->error), STATUS_VERSION);
    assert_true(error_has_older(b, "group 1: written"));
    replay_release(&replay);
    exchange_free(x);
    data_folder_close(folder);
}

/* --- Time --- */

static void test_outage(void **state)
{
    struct bench *b = *state;
    struct manual_clock clock;
    struct arena arena = ARENA_EMPTY;
    manual_clock_init(&clock, 1800000000);
    b->clock = &clock.clock;
    b->now_s = 1800000000;
    bench_start(b);
    bench_stop(b);
    manual_clock_advance(&clock, 900);
    b->now_s += 900;
    bench_start(b);
    struct a_status now = bench_status(b, &arena);
    assert_int_equal(now.time_s, 1800000900);
    assert_false(now.clock_waits);
    /* The log tells the outage. */
    struct buffer event = BUFFER_EMPTY;
    const struct message *message;
    const void *body;
    assert_int_equal(log_store_read(engine_log(b->engine), now.log_size - 1, &event), 0);
    struct decode_error wrong;
    assert_int_equal(event_decode(event.data, event.length, &arena, &message, &body, &wrong), 0);
    assert_int_equal(message->code, EVENT_started);
    assert_int_equal(((const struct ev_started *)body)->outage_from_s, 1800000000);
    buffer_release(&event);
    arena_release(&arena);
    bench_stop(b); /* before its clock goes */
}

static uint32_t advance_submit(struct bench *b, uint64_t to_s)
{
    const struct op_clock_advance body = {.time_s = to_s};
    const struct operation op = {&op_clock_advance_message, &body};
    return bench_submit(b, NULL, &op, 1);
}

/* Down for two days, or so it seems: everybody waits for an admin's word. */
static void test_jump_at_start(void **state)
{
    struct bench *b = *state;
    struct manual_clock clock;
    struct arena arena = ARENA_EMPTY;
    manual_clock_init(&clock, 1800000000);
    b->clock = &clock.clock;
    b->now_s = 1800000000;
    bench_start(b);
    bench_stop(b);
    manual_clock_set_wall(&clock, 1800000000 + 2 * 86400);
    bench_start(b);
    struct a_status now = bench_status(b, &arena);
    assert_true(now.clock_waits);
    assert_int_equal(now.clock_s, 1800000000 + 2 * 86400);
    assert_int_equal(now.time_s, 1800000000);
    struct frame_reply reply = bench_reply(b, advance_submit(b, now.clock_s), &arena);
    assert_int_equal(reply.refusal, 0);
    assert_int_equal(reply.results.items[0].refusal, 0);
    b->now_s = now.clock_s;
    assert_int_equal(bench_register(b, 1), 2);
    now = bench_status(b, &arena);
    assert_false(now.clock_waits);
    assert_int_equal(now.time_s, 1800000000 + 2 * 86400);
    arena_release(&arena);
    bench_stop(b);
    assert_int_equal(bench_check(b), 0);
}

static void test_jump_while_running(void **state)
{
    struct bench *b = *state;
    struct manual_clock clock;
    struct arena arena = ARENA_EMPTY;
    manual_clock_init(&clock, 1800000000);
    b->clock = &clock.clock;
    b->now_s = 1800000000;
    bench_start(b);
    manual_clock_set_wall(&clock, 1800000000 + 7200);
    assert_int_equal(bench_register(b, 1), 2);
    struct a_status now = bench_status(b, &arena);
    assert_true(now.clock_waits);
    assert_int_equal(now.time_s, 1800000000);
    /* And back again: nothing has happened. */
    manual_clock_set_wall(&clock, 1800000000 + 5);
    assert_int_equal(bench_register(b, 2), 3);
    now = bench_status(b, &arena);
    assert_false(now.clock_waits);
    assert_int_equal(now.time_s, 1800000005);
    manual_clock_set_wall(&clock, 1800000000 - 900);
    assert_int_equal(bench_register(b, 3), 4);
    now = bench_status(b, &arena);
    assert_int_equal(now.time_s, 1800000005);
    arena_release(&arena);
    bench_stop(b);
}

static void test_manual_clock(void **state)
{
    struct bench *b = *state;
    struct arena arena = ARENA_EMPTY;
    uint8_t roots[2][32];
    uint64_t sizes[2];
    for (int run = 0; run < 2; run++) {
        struct bench one;
        struct bench *x = run == 0 ? b : &one;
        if (run == 1)
            bench_make(&one);
        x->mode = CLOCK_MODE_MANUAL;
        x->now_s = 1767225600; /* what --seed makes it begin with */
        bench_start(x);
        struct a_status now = bench_status(x, &arena);
        assert_int_equal(now.clock_mode, CLOCK_MODE_MANUAL);
        assert_int_equal(now.time_s, x->now_s);
        for (uint32_t i = 0; i < 20; i++) {
            /* In the second run the requests come in other groups. */
            if (run == 0) {
                bench_register(x, i);
                bench_reply(x, advance_submit(x, x->now_s + 60), &arena);
            } else {
                bench_register(x, i);
                if (i == 7) {
                    bench_stop(x);
                    bench_start(x);
                }
                bench_reply(x, advance_submit(x, x->now_s + 60), &arena);
            }
            x->now_s += 60;
        }
        assert_int_equal(bench_status(x, &arena).time_s, x->now_s);
        sizes[run] = log_store_size(engine_log(x->engine));
        assert_int_equal(log_store_root(engine_log(x->engine), sizes[run], roots[run]), 0);
        bench_stop(x);
        assert_int_equal(bench_command(x, "check", "--data", x->data, NULL), 0);
        if (run == 1)
            bench_remove(&one);
    }
    assert_int_equal(sizes[1], sizes[0] + 1); /* the second start */
    arena_release(&arena);
}

/* A real clock after a manual one, and back: each start says so. */
static void test_modes_change(void **state)
{
    struct bench *b = *state;
    struct arena arena = ARENA_EMPTY;
    static const enum clock_mode modes[] = {CLOCK_MODE_REAL, CLOCK_MODE_MANUAL, CLOCK_MODE_REAL,
                                            CLOCK_MODE_MANUAL};
    for (size_t i = 0; i < 4; i++) {
        b->mode = modes[i];
        bench_start(b);
        assert_int_equal(bench_status(b, &arena).clock_mode, modes[i]);
        assert_int_equal(bench_register(b, (uint32_t)i), i + 2);
        bench_stop(b);
    }
    assert_int_equal(bench_check(b), 0);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_damaged_journal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lost_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lost_image, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lost_journal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_exchange, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_older_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_older_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_founded_with_too_few, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_older_journal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_outage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_jump_at_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_jump_while_running, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_manual_clock, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_modes_change, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
