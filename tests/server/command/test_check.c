/* `boursed check`: what it says of a sound exchange, and of each thing damaged on purpose. */
#include "bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/status.h"
#include "server/engine/stage.h"
#include "server/exchange/rows.h"
#include "server/store/image.h"

/* An exchange with a series, tokens and a few accounts, stopped. */
static int set_up(void **state)
{
    struct bench *b = malloc(sizeof(*b));
    bench_make(b);
    bench_start(b);
    for (uint32_t i = 0; i < 5; i++)
        bench_register(b, i);
    const struct op_series_create series = {
        .name = {"first", 5}, .funder = 1, .expired_to = 1, .transferable = true};
    assert_int_equal(bench_do(b, &op_series_create_message, &series).refusal, 0);
    const struct payment outputs[] = {{2, 1000}, {3, 2000}, {2, 500}};
    const struct op_mint mint = {.series = 1, .outputs = {outputs, 3}};
    assert_int_equal(bench_do(b, &op_mint_message, &mint).refusal, 0);
    bench_stop(b);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    bench_remove(*state);
    free(*state);
    return 0;
}

static void test_sound(void **state)
{
    struct bench *b = *state;
    assert_int_equal(bench_check(b), 0);
    assert_true(bench_said(b, "ok    books"));
    assert_true(bench_said(b, "ok    rows"));
    assert_true(bench_said(b, "ok    log"));
    assert_true(bench_said(b, "ok    journal"));
    assert_true(bench_said(b, "ok    contract there are none\n"));
    assert_int_equal(bench_command(b, "check", "--data", b->data, "--json", NULL), 0);
    assert_true(bench_said(b, "\"ok\": true"));
    assert_true(bench_said(b, "\"requests\": "));
    assert_int_equal(bench_command(b, "check", "--data", b->data, "--market", "--json", NULL), 0);
    assert_true(bench_said(b, "\"offers_asked\": 0"));
    /* Beside the server, while it works and flushes. */
    bench_start(b);
    for (uint32_t i = 10; i < 40; i++)
        bench_register(b, i);
    assert_int_equal(bench_check(b), 0);
    usleep(1100000);
    bench_register(b, 50);
    assert_int_equal(bench_check(b), 0);
}

static void test_nothing_there(void **state)
{
    struct bench *b = *state;
    assert_int_equal(bench_command(b, "check", "--data", b->root, NULL), 1);
    assert_true(bench_said(b, "there is no exchange here"));
}

/* Changes the image behind the exchange's back, past the rules. */
static void image_change(struct bench *b, void (*change)(struct store *s))
{
    struct image *image;
    struct image_meta meta;
    struct image_error wrong;
    struct store *store = store_new(exchange_tables, TABLE_COUNT);
    struct changes *changes = changes_new();
    assert_int_equal(image_open(bench_path(b, "image"), IMAGE_WRITE, exchange_tables, TABLE_COUNT,
                                &image, &wrong),
                     0);
    assert_int_equal(image_load(image, store, &meta, &wrong), 0);
    change(store);
    store_settle(store);
    store_changes_swap(store, &changes);
    assert_int_equal(image_write(image, changes, &meta, &wrong), 0);
    changes_free(changes);
    store_free(store);
    image_close(image);
}

static void token_grows(struct store *s)
{
    uint64_t key = 2;
    struct token_row row = *(const struct token_row *)store_find(s, TABLE_TOKEN, &key);
    row.amount_ucr += 7;
    store_put(s, TABLE_TOKEN, &row);
}

static void token_changes_owner(struct store *s)
{
    uint64_t key = 2;
    struct token_row row = *(const struct token_row *)store_find(s, TABLE_TOKEN, &key);
    row.owner = 4;
    store_put(s, TABLE_TOKEN, &row);
}

static void token_goes(struct store *s)
{
    uint64_t key = 1;
    store_remove(s, TABLE_TOKEN, &key);
}

static int ledger_first(void *context, const void *row)
{
    memcpy(context, row, sizeof(struct ledger_row));
    return ((const struct ledger_row *)row)->kind == LEDGER_TOKENS;
}

static void ledger_changes(struct store *s)
{
    struct ledger_row row;
    assert_int_equal(store_each(s, TABLE_LEDGER, ledger_first, &row), 1);
    row.credits_low += 3;
    store_put(s, TABLE_LEDGER, &row);
}

static void account_renamed(struct store *s)
{
    uint32_t key = 3;
    struct account_row row = *(const struct account_row *)store_find(s, TABLE_ACCOUNT, &key);
    memset(row.name, 0, sizeof(row.name));
    memcpy(row.name, "mallory", 7);
    store_put(s, TABLE_ACCOUNT, &row);
}

static void series_transferable(struct store *s)
{
    uint32_t key = 1;
    struct series_row row = *(const struct series_row *)store_find(s, TABLE_SERIES, &key);
    row.transferable = 0;
    store_put(s, TABLE_SERIES, &row);
}

static void token_dangles(struct store *s)
{
    uint64_t key = 2;
    struct token_row row = *(const struct token_row *)store_find(s, TABLE_TOKEN, &key);
    row.series = 9;
    store_put(s, TABLE_TOKEN, &row);
}

static void test_image_damaged(void **state)
{
    struct bench *b = *state;
    static const struct {
        void (*change)(struct store *s);
        const char *said[2];
    } cases[] = {
        {token_grows, {"WRONG books", "WRONG rows"}},
        {token_changes_owner, {"WRONG books", "WRONG rows"}},
        {token_goes, {"WRONG books", "WRONG rows"}},
        {ledger_changes, {"WRONG image", "WRONG rows"}},
        {account_renamed, {"ok    books", "WRONG rows"}},
        {series_transferable, {"ok    books", "WRONG rows"}},
        {token_dangles, {"WRONG image", "WRONG rows"}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        image_change(b, cases[i].change);
        assert_int_equal(bench_check(b), 1);
        assert_true(bench_said(b, cases[i].said[0]));
        assert_true(bench_said(b, cases[i].said[1]));
        /* It is made again from the journal. */
        assert_int_equal(folder_remove(bench_path(b, "image")), 0);
        bench_start(b);
        bench_stop(b);
        assert_int_equal(bench_check(b), 0);
    }
}

static void file_flip(const char *path, off_t at)
{
    uint8_t byte;
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x01;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void test_files_damaged(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *file;
        off_t at;
        const char *said;
    } cases[] = {
        {"log/events-000000", 40, "WRONG log"},
        {"log/tiles-0", 33, "WRONG log"},
        {"log/offsets", 8, "WRONG log"},
        {"journal/0000000000000001", 2 * 4096 + 250, "WRONG journal"},
        {"keys/log.certificate", 80, "WRONG keys"},
        {"keys/channel.certificate", 5, "WRONG keys"},
    };
    assert_int_equal(bench_check(b), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char path[PATH_MAX + 64];
        snprintf(path, sizeof(path), "%s", bench_path(b, cases[i].file));
        file_flip(path, cases[i].at);
        assert_int_equal(bench_check(b), 1);
        assert_true(bench_said(b, cases[i].said));
        file_flip(path, cases[i].at);
        assert_int_equal(bench_check(b), 0);
    }
    char path[PATH_MAX + 64];
    snprintf(path, sizeof(path), "%s", bench_path(b, "log"));
    assert_int_equal(folder_remove(path), 0);
    assert_int_equal(bench_check(b), 1);
    assert_true(bench_said(b, "WRONG log"));
    assert_true(bench_said(b, "remove the folder log/"));
    bench_start(b);
    bench_stop(b);
    assert_int_equal(bench_check(b), 0);
    /* A start finds damage in any of the files of a log that is not long. */
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s", bench_path(b, cases[i].file));
        file_flip(path, cases[i].at);
        bench_start(b);
        bench_stop(b);
        assert_int_equal(bench_check(b), 0);
    }
    snprintf(path, sizeof(path), "%s", bench_path(b, "journal/0000000000000001"));
    file_flip(path, 2 * 4096 + 250);
    assert_int_equal(bench_check(b), 1);
    assert_true(bench_said(b, "do not delete anything"));
    assert_int_equal(folder_remove(bench_path(b, "image")), 0);
    assert_int_equal(bench_try_start(b), STATUS_DAMAGED);
    assert_non_null(memmem(b->error.data, b->error.length, "the journal is damaged: ", 24));
    assert_non_null(memmem(b->error.data, b->error.length, "restore from a backup", 21));
    const uint8_t *once = memmem(b->error.data, b->error.length, path, strlen(path));
    assert_non_null(once);
    size_t rest = b->error.length - (size_t)(once + 1 - b->error.data);
    assert_null(memmem(once + 1, rest, path, strlen(path)));
}

/* A request that its account never signed, put into a journal that is otherwise whole. */
static void test_forged_request(void **state)
{
    struct bench *b = *state;
    struct arena arena = ARENA_EMPTY;
    bench_start(b);
    /* The engine trusts who submits that the signature was verified. */
    struct submission *s = submission_new();
    struct request request = {.account = 1,
                              .valid_until_s = clock_wall_s(port_clock_system()) + 60};
    const struct op_account_freeze freeze = {.account = 3};
    const struct operation op = {&op_account_freeze_message, &freeze};
    struct decode_error wrong;
    request.operations.items = &op;
    request.operations.count = 1;
    memcpy(request.key, b->admin.sign_public, 32);
    message_encode(&request_message, &request, &s->frame);
    s->kind = SUBMISSION_REQUEST;
    s->seq = ++b->next_seq;
    s->body = (struct bytes){s->frame.data, (uint32_t)s->frame.length};
    struct request *decoded = arena_alloc(&s->arena, sizeof(*decoded));
    assert_int_equal(
        message_decode(&request_message, s->body.data, s->body.length, &s->arena, decoded, &wrong),
        0);
    s->request = decoded;
    uint32_t seq = s->seq;
    assert_int_equal(engine_submit(b->engine, s), 0);
    assert_int_equal(bench_reply(b, seq, &arena).refusal, 0);
    bench_stop(b);
    arena_release(&arena);
    assert_int_equal(bench_check(b), 1);
    assert_true(bench_said(b, "signature does not verify"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_image_damaged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_files_damaged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_forged_request, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
