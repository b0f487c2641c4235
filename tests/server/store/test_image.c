#include "tests/server/store/support.h"

#include <lmdb.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "protocol/status.h"
#include "server/store/image.h"
#include "tests/server/store/rows.h"

enum { KEYS = 4000 };

/* Changes some coins, notes and marks, as a group of requests would; the same for the same
 * `group`, so that another process can replay it. */
static void apply_group(struct store *s, uint64_t group)
{
    random_state = group * 1000003;
    for (int step = 0; step < 200; step++) {
        struct coin_row coin = {.serial = random_below(KEYS), .amount_ucr = group, .owner = 3};
        struct note_row note = {.day = random_below(5), .account = (uint32_t)random_below(300)};
        struct mark_row mark = {.number = (uint32_t)random_below(1000)};
        note.small = (uint16_t)step;
        snprintf(note.title, sizeof(note.title), "g%u", (unsigned)(group % 1000));
        store_put(s, COIN, &coin);
        store_put(s, NOTE, &note);
        store_put(s, MARK, &mark);
        coin.serial = random_below(KEYS);
        if (store_find(s, COIN, &coin))
            store_remove(s, COIN, &coin);
        note.account = (uint32_t)random_below(300);
        if (store_find(s, NOTE, &note))
            store_remove(s, NOTE, &note);
        coin.serial = KEYS + group * 200 + (uint64_t)step; /* a growing one */
        store_put(s, COIN, &coin);
        if (step % 3 == 0)
            store_remove(s, COIN, &coin);
    }
    store_settle(s);
}

static struct image_meta meta_of(uint64_t group)
{
    struct image_meta meta = {.group = group, .time_s = 1000 + group, .log_size = group * 7};
    memset(meta.log_root, (int)group, sizeof(meta.log_root));
    memset(meta.exchange_id, 0x5a, sizeof(meta.exchange_id));
    return meta;
}

static struct image *open_image(const char *folder, enum image_mode mode)
{
    struct image *image;
    struct image_error error = {{0}};
    int status = image_open(folder, mode, test_specs, TABLES, &image, &error);
    if (status)
        printf("%s\n", error.text);
    assert_int_equal(status, 0);
    return image;
}

static void flush(struct image *image, struct store *s, uint64_t group)
{
    struct image_meta meta = meta_of(group);
    struct image_error error = {{0}};
    struct changes *c = changes_new();
    store_changes_swap(s, &c);
    int status = image_write(image, c, &meta, &error);
    if (status)
        printf("%s\n", error.text);
    assert_int_equal(status, 0);
    changes_free(c);
}

struct lines {
    int count;
    char last[200];
};

static void keep_line(void *context, const struct image_difference *d)
{
    struct lines *lines = context;
    lines->count++;
    snprintf(lines->last, sizeof(lines->last), "%s", d->line);
}

static void expect_equal(struct image *image, const struct store *s, uint64_t group)
{
    struct lines lines = {0};
    struct image_meta meta, expected = meta_of(group);
    assert_int_equal(image_compare(image, s, &meta, keep_line, &lines, NULL), 0);
    if (lines.count)
        printf("%d differences, the last: %s\n", lines.count, lines.last);
    assert_int_equal(lines.count, 0);
    assert_memory_equal(&meta, &expected, sizeof(meta));
}

static void expect_line(struct image *image, const struct store *s, const char *text)
{
    struct lines lines = {0};
    struct image_meta meta;
    assert_int_equal(image_compare(image, s, &meta, keep_line, &lines, NULL), 0);
    assert_int_equal(lines.count, 1);
    assert_string_equal(lines.last, text);
}

static void comes_back_as_it_was_written(void **state)
{
    char folder[256];
    struct image_meta meta, zero = {0};
    (void)state;

    folder_make(folder);
    struct store *s = store_new(test_specs, TABLES);
    struct image *image = open_image(folder, IMAGE_WRITE);
    assert_int_equal(image_meta_read(image, &meta, NULL), 0);
    assert_memory_equal(&meta, &zero, sizeof(meta));
    for (uint64_t group = 1; group <= 12; group++) {
        apply_group(s, group);
        flush(image, s, group);
        expect_equal(image, s, group);
    }
    uint64_t coins = store_count(s, COIN);
    apply_group(s, 13);
    image_close(image);

    /* Written, dropped, opened again: what came after the last write is not there. */
    image = open_image(folder, IMAGE_WRITE);
    struct store *loaded = store_new(test_specs, TABLES);
    assert_int_equal(image_load(image, loaded, &meta, NULL), 0);
    assert_int_equal(meta.group, 12);
    assert_int_equal(store_count(loaded, COIN), coins);
    assert_int_equal(store_changes_bytes(loaded), 0);
    expect_equal(image, loaded, 12);
    apply_group(loaded, 13);
    flush(image, loaded, 13);
    expect_equal(image, s, 13);
    image_close(image);
    store_free(loaded);
    store_free(s);
    folder_remove(folder);
}

static void count_rows(void *context, const void *old_row, const void *new_row)
{
    uint64_t *last = context;
    const struct coin_row *coin = new_row;
    assert_null(old_row);
    assert_true(coin->serial > *last);
    *last = coin->serial;
}

static void loads_in_key_order_through_the_hooks(void **state)
{
    char folder[256];
    uint64_t last = 0;
    struct image_meta meta;
    (void)state;

    folder_make(folder);
    struct store *s = store_new(test_specs, TABLES);
    struct image *image = open_image(folder, IMAGE_WRITE);
    for (uint64_t n = 1000; n > 0; n--) {
        struct coin_row coin = {.serial = n * 7919 % 100003};
        store_put(s, COIN, &coin);
    }
    store_settle(s);
    flush(image, s, 1);
    struct store *loaded = store_new(test_specs, TABLES);
    store_set_hook(loaded, COIN, count_rows, &last);
    assert_int_equal(image_load(image, loaded, &meta, NULL), 0);
    assert_true(last > 0);
    image_close(image);
    store_free(loaded);
    store_free(s);
    folder_remove(folder);
}

/* Replays up to what the image says and compares; the exit code is the number of differences. */
static int compare_as_another_process(const char *folder)
{
    struct image *image;
    struct image_meta meta, again;
    struct lines lines;
    uint64_t group = 0;

    if (image_open(folder, IMAGE_READ, test_specs, TABLES, &image, NULL))
        return 100;
    struct store *s = store_new(test_specs, TABLES);
    store_record_changes(s, 0);
    do {
        lines = (struct lines){0};
        if (image_meta_read(image, &meta, NULL))
            return 101;
        while (group < meta.group)
            apply_group(s, ++group);
        if (image_compare(image, s, &again, keep_line, &lines, NULL))
            return 102;
    } while (again.group != meta.group);
    image_close(image);
    store_free(s);
    return lines.count < 99 ? lines.count : 99;
}

static void compares_beside_a_writer(void **state)
{
    enum { READERS = 4 };
    char folder[256];
    pid_t readers[READERS];
    uint64_t group = 0;
    (void)state;

    folder_make(folder);
    struct store *s = store_new(test_specs, TABLES);
    struct image *image = open_image(folder, IMAGE_WRITE);
    for (int r = 0; r < READERS; r++) {
        fflush(stdout);
        readers[r] = fork();
        assert_true(readers[r] >= 0);
        if (readers[r] == 0)
            _exit(compare_as_another_process(folder));
        for (int i = 0; i < 10; i++) {
            apply_group(s, ++group);
            flush(image, s, group);
        }
    }
    for (int r = 0; r < READERS; r++) {
        int result;
        assert_int_equal(waitpid(readers[r], &result, 0), readers[r]);
        assert_true(WIFEXITED(result));
        assert_int_equal(WEXITSTATUS(result), 0);
    }
    image_close(image);
    store_free(s);
    folder_remove(folder);
}

/* Writes group after group until it is killed. */
static void write_for_ever(const char *folder, int ready)
{
    struct image *image;
    struct image_meta meta;
    struct store *s = store_new(test_specs, TABLES);

    if (image_open(folder, IMAGE_WRITE, test_specs, TABLES, &image, NULL) ||
        image_load(image, s, &meta, NULL))
        _exit(1);
    for (uint64_t group = meta.group + 1;; group++) {
        struct changes *c = changes_new();
        apply_group(s, group);
        store_changes_swap(s, &c);
        meta = meta_of(group);
        if (image_write(image, c, &meta, NULL) || write(ready, "", 1) != 1)
            _exit(1);
        changes_free(c);
    }
}

static void a_writer_killed_at_any_moment_leaves_a_whole_image(void **state)
{
    char folder[256], byte;
    struct image_meta meta;
    uint64_t group = 0;
    (void)state;

    random_start();
    folder_make(folder);
    for (int round = 0; round < 10; round++) {
        int ready[2], result;
        useconds_t wait_us = (useconds_t)random_below(5000);
        assert_int_equal(pipe(ready), 0);
        fflush(stdout);
        pid_t writer = fork();
        assert_true(writer >= 0);
        if (writer == 0)
            write_for_ever(folder, ready[1]);
        close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        usleep(wait_us); /* a random moment of the writes that follow */
        kill(writer, SIGKILL);
        assert_int_equal(waitpid(writer, &result, 0), writer);
        assert_true(WIFSIGNALED(result));
        close(ready[0]);

        struct image *image = open_image(folder, IMAGE_WRITE);
        assert_int_equal(image_meta_read(image, &meta, NULL), 0);
        assert_true(meta.group > group);
        group = meta.group;
        struct store *s = store_new(test_specs, TABLES);
        uint64_t kept = random_state;
        for (uint64_t g = 1; g <= group; g++)
            apply_group(s, g);
        random_state = kept;
        expect_equal(image, s, group);
        image_close(image);
        store_free(s);
    }
    folder_remove(folder);
}

static void a_copy_can_be_loaded(void **state)
{
    char folder[256], copy[256];
    struct image_meta meta;
    (void)state;

    folder_make(folder);
    folder_make(copy);
    struct store *s = store_new(test_specs, TABLES);
    struct image *image = open_image(folder, IMAGE_WRITE);
    apply_group(s, 1);
    flush(image, s, 1);
    assert_int_equal(image_copy(image, copy, NULL), 0);
    assert_int_equal(image_copy(image, copy, NULL), STATUS_EXISTS);
    struct store *before = store_new(test_specs, TABLES);
    apply_group(before, 1);
    apply_group(s, 2);
    flush(image, s, 2);
    image_close(image);

    image = open_image(copy, IMAGE_WRITE);
    expect_equal(image, before, 1);
    struct store *loaded = store_new(test_specs, TABLES);
    assert_int_equal(image_load(image, loaded, &meta, NULL), 0);
    assert_int_equal(meta.group, 1);
    image_close(image);
    store_free(loaded);
    store_free(before);
    store_free(s);
    folder_remove(folder);
    folder_remove(copy);
}

static void another_layout_is_refused_and_named(void **state)
{
    char folder[256];
    struct image *image;
    struct image_error error = {{0}};
    struct table_spec specs[TABLES];
    (void)state;

    folder_make(folder);
    assert_int_equal(image_open(folder, IMAGE_READ, test_specs, TABLES, &image, &error),
                     STATUS_NOT_FOUND);
    image_close(open_image(folder, IMAGE_WRITE));
    memcpy(specs, test_specs, sizeof(specs));
    specs[NOTE].version = 2;
    for (int mode = IMAGE_WRITE; mode <= IMAGE_READ; mode++) {
        assert_int_equal(image_open(folder, (enum image_mode)mode, specs, TABLES, &image, &error),
                         STATUS_VERSION);
        assert_non_null(strstr(error.text, "table note"));
    }
    /* The same version with other columns: somebody forgot to count it up. */
    memcpy(specs, test_specs, sizeof(specs));
    specs[MARK] = (struct table_spec)TABLE_SPEC("mark", 1, coin_row, 1, 8);
    assert_int_equal(image_open(folder, IMAGE_WRITE, specs, TABLES, &image, &error),
                     STATUS_VERSION);
    assert_non_null(strstr(error.text, "table mark"));
    /* A table that the program does not know. */
    assert_int_equal(image_open(folder, IMAGE_WRITE, test_specs, TABLES - 1, &image, &error),
                     STATUS_VERSION);
    assert_non_null(strstr(error.text, "table mark"));
    folder_remove(folder);
}

/* Overwrites, or with a NULL value removes, one pair behind the image's back. */
static void tamper(const char *folder, const char *table, MDB_val key, const MDB_val *value)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val copy = value ? *value : (MDB_val){0, NULL};

    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 10), 0);
    assert_int_equal(mdb_env_set_mapsize(env, 1u << 28), 0);
    assert_int_equal(mdb_env_open(env, folder, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, table, 0, &dbi), 0);
    assert_int_equal(value ? mdb_put(txn, dbi, &key, &copy, 0) : mdb_del(txn, dbi, &key, NULL), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

/* An image of three coins and a note, closed; and the store it came from. */
static struct store *small_image(const char *folder)
{
    struct store *s = store_new(test_specs, TABLES);
    struct image *image = open_image(folder, IMAGE_WRITE);
    struct note_row note = {.day = 4, .title = "hello"};

    for (uint64_t serial = 1; serial <= 3; serial++) {
        struct coin_row coin = {.serial = serial, .amount_ucr = 100 * serial};
        store_put(s, COIN, &coin);
    }
    store_put(s, NOTE, &note);
    store_settle(s);
    flush(image, s, 1);
    image_close(image);
    return s;
}

static void expect_damaged(const char *folder, const char *text)
{
    struct image_meta meta;
    struct image_error error = {{0}};
    struct image *image = open_image(folder, IMAGE_WRITE);
    struct store *s = store_new(test_specs, TABLES);

    assert_int_equal(image_load(image, s, &meta, &error), STATUS_DAMAGED);
    if (!strstr(error.text, text))
        printf("%s\n", error.text);
    assert_non_null(strstr(error.text, text));
    image_close(image);
    store_free(s);
}

static void damage_is_found_and_named(void **state)
{
    uint8_t key[8] = {0, 0, 0, 0, 0, 0, 0, 2}, note_key[24] = {[7] = 4};
    uint8_t coin[24] = {201}, note[24];
    MDB_val coin_key = {8, key}, changed = {24, coin}, shortened = {23, coin};
    MDB_val title_key = {24, note_key}, title = {24, note};
    char folder[256];
    (void)state;

    folder_make(folder);
    struct store *s = small_image(folder);
    tamper(folder, "coin", coin_key, &changed);
    struct image *image = open_image(folder, IMAGE_READ);
    expect_line(image, s, "table coin, serial=2: amount_ucr=201 instead of 200");
    image_close(image);

    tamper(folder, "coin", coin_key, &shortened);
    image = open_image(folder, IMAGE_READ);
    expect_line(image, s, "table coin, serial=2: does not decode");
    image_close(image);
    expect_damaged(folder, "table coin, serial=2: does not decode");

    tamper(folder, "coin", coin_key, NULL);
    image = open_image(folder, IMAGE_READ);
    expect_line(image, s, "table coin, serial=2: missing in the image");
    image_close(image);

    coin[0] = 200;
    tamper(folder, "coin", coin_key, &changed);
    key[7] = 9;
    tamper(folder, "coin", coin_key, &changed);
    image = open_image(folder, IMAGE_READ);
    expect_line(image, s, "table coin, serial=9: surplus in the image");
    image_close(image);
    tamper(folder, "coin", coin_key, NULL);

    coin_key.mv_size = 7;
    tamper(folder, "coin", coin_key, &changed);
    image = open_image(folder, IMAGE_READ);
    expect_line(image, s, "table coin, key 00000000000000: the key does not decode");
    image_close(image);
    expect_damaged(folder, "table coin, key 00000000000000: does not decode");
    tamper(folder, "coin", coin_key, NULL);

    memset(note, 'x', sizeof(note));
    tamper(folder, "note", title_key, &title);
    expect_damaged(folder, "table note, day=4");

    title.mv_size = 5;
    tamper(folder, "@meta", (MDB_val){5, "state"}, &title);
    expect_damaged(folder, "meta record");
    store_free(s);
    folder_remove(folder);
}

static void a_missing_row_stops_the_write_and_nothing_is_written(void **state)
{
    uint8_t key[8] = {0, 0, 0, 0, 0, 0, 0, 2};
    char folder[256];
    uint64_t serial = 2;
    struct image_meta meta = meta_of(2);
    struct image_error error = {{0}};
    struct changes *c = changes_new();
    (void)state;

    folder_make(folder);
    struct store *s = small_image(folder);
    tamper(folder, "coin", (MDB_val){8, key}, NULL);
    struct image *image = open_image(folder, IMAGE_WRITE);
    struct coin_row coin = {.serial = 1, .amount_ucr = 5};
    store_put(s, COIN, &coin);
    store_remove(s, COIN, &serial);
    store_settle(s);
    store_changes_swap(s, &c);
    assert_int_equal(image_write(image, c, &meta, &error), STATUS_DAMAGED);
    assert_non_null(strstr(error.text, "table coin, serial=2: missing"));
    assert_int_equal(image_meta_read(image, &meta, NULL), 0);
    assert_int_equal(meta.group, 1);
    coin.amount_ucr = 100;
    store_put(s, COIN, &coin);
    expect_equal(image, s, 1);
    image_close(image);
    changes_free(c);
    store_free(s);
    folder_remove(folder);
}

static void a_file_cut_off_is_refused(void **state)
{
    char folder[256], file[300];
    struct image *image;
    struct image_error error = {{0}};
    (void)state;

    folder_make(folder);
    struct store *s = store_new(test_specs, TABLES);
    image = open_image(folder, IMAGE_WRITE);
    apply_group(s, 1);
    flush(image, s, 1);
    image_close(image);
    snprintf(file, sizeof(file), "%s/data.mdb", folder);
    assert_int_equal(truncate(file, 3 * 4096), 0);
    assert_int_equal(image_open(folder, IMAGE_WRITE, test_specs, TABLES, &image, &error),
                     STATUS_DAMAGED);
    assert_non_null(strstr(error.text, "cut off"));
    assert_int_equal(truncate(file, 100), 0);
    assert_true(image_open(folder, IMAGE_WRITE, test_specs, TABLES, &image, &error) < 0);
    store_free(s);
    folder_remove(folder);
}

/* Says of the table without rows that its root is a page of a large value, which LMDB asserts not
 * to be so. */
static void plant_impossible_root(const char *folder)
{
    char file[300];
    snprintf(file, sizeof(file), "%s/data.mdb", folder);
    FILE *f = fopen(file, "r+b");
    assert_non_null(f);
    static uint8_t bytes[1 << 20];
    size_t length = fread(bytes, 1, sizeof(bytes), f);
    unsigned planted = 0;
    for (size_t i = 8; i + 4 < length; i++) {
        /* A node has flags, the size of its key, and the key; F_SUBDATA is 2, F_BIGDATA 1. */
        if (memcmp(&bytes[i], "mark", 4) != 0 || bytes[i - 2] != 4 || bytes[i - 4] != 2)
            continue;
        bytes[i - 4] |= 1;
        planted++;
    }
    assert_true(planted > 0);
    rewind(f);
    assert_int_equal(fwrite(bytes, 1, length, f), length);
    assert_int_equal(fclose(f), 0);
}

static void an_impossible_page_ends_the_process_with_a_hint(void **state)
{
    char folder[256], text[600] = "";
    int words[2], status;
    (void)state;

    folder_make(folder);
    store_free(small_image(folder));
    plant_impossible_root(folder);
    assert_int_equal(pipe(words), 0);
    pid_t child = fork();
    if (child == 0) {
        struct image_meta meta;
        struct image_error error;
        struct image *image;
        dup2(words[1], STDERR_FILENO);
        close(words[0]);
        if (image_open(folder, IMAGE_WRITE, test_specs, TABLES, &image, &error) == 0)
            image_load(image, store_new(test_specs, TABLES), &meta, &error);
        _exit(EXIT_SUCCESS);
    }
    close(words[1]);
    assert_true(child > 0 && read(words[0], text, sizeof(text) - 1) > 0);
    close(words[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE);
    assert_non_null(strstr(text, "remove the folder image/, and the next start makes it again"));
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_as_it_was_written),
        cmocka_unit_test(loads_in_key_order_through_the_hooks),
        cmocka_unit_test(compares_beside_a_writer),
        cmocka_unit_test(a_writer_killed_at_any_moment_leaves_a_whole_image),
        cmocka_unit_test(a_copy_can_be_loaded),
        cmocka_unit_test(another_layout_is_refused_and_named),
        cmocka_unit_test(damage_is_found_and_named),
        cmocka_unit_test(a_missing_row_stops_the_write_and_nothing_is_written),
        cmocka_unit_test(a_file_cut_off_is_refused),
        cmocka_unit_test(an_impossible_page_ends_the_process_with_a_hint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
