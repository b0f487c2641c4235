/* Snapshots of the image: what they show stays, whatever is written meanwhile. */
#include "tests/server/store/support.h"

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "protocol/status.h"
#include "server/store/image.h"
#include "tests/server/store/rows.h"

static struct image *open_image(const char *folder)
{
    struct image *image;
    struct image_error error = {{0}};
    int status = image_open(folder, IMAGE_WRITE, test_specs, TABLES, &image, &error);
    if (status)
        printf("%s\n", error.text);
    assert_int_equal(status, 0);
    return image;
}

static void flush(struct image *image, struct store *s, uint64_t group)
{
    struct image_meta meta = {.group = group, .log_size = 7 * group};
    struct changes *c = changes_new();
    store_changes_swap(s, &c);
    assert_int_equal(image_write(image, c, &meta, NULL), 0);
    changes_free(c);
}

/* Coins 1 to `count`, all of this amount. */
static void coins_put(struct store *s, uint64_t count, uint64_t amount)
{
    for (uint64_t i = 1; i <= count; i++) {
        struct coin_row coin = {.serial = i, .amount_ucr = amount};
        store_put(s, COIN, &coin);
    }
    store_settle(s);
}

struct seen {
    uint64_t count;
    uint64_t last;
    uint64_t amount;
    uint64_t stop_at; /* 0: never */
    bool is_mixed;    /* rows of several amounts, or out of order */
};

static int coin_see(void *context, const void *row)
{
    struct seen *seen = context;
    const struct coin_row *coin = row;
    if (seen->count > 0 && (coin->serial <= seen->last || coin->amount_ucr != seen->amount))
        seen->is_mixed = true;
    seen->count++;
    seen->last = coin->serial;
    seen->amount = coin->amount_ucr;
    return seen->last == seen->stop_at ? 77 : 0;
}

static struct seen coins_see(struct image_snapshot *snapshot)
{
    struct seen seen = {0};
    assert_int_equal(image_snapshot_each(snapshot, COIN, coin_see, &seen, NULL), 0);
    assert_false(seen.is_mixed);
    return seen;
}

static void later_rows_are_not_seen(void **state)
{
    char folder[256];
    struct image_snapshot *old, *fresh;
    struct image_meta meta;
    (void)state;

    folder_make(folder);
    struct store *s = store_new(test_specs, TABLES);
    struct image *image = open_image(folder);
    assert_int_equal(image_snapshot_open(image, &old, &meta, NULL), 0);
    assert_int_equal(meta.group, 0);
    assert_int_equal(coins_see(old).count, 0);
    image_snapshot_close(old);

    coins_put(s, 500, 3);
    flush(image, s, 1);
    assert_int_equal(image_snapshot_open(image, &old, &meta, NULL), 0);
    assert_int_equal(meta.group, 1);
    assert_int_equal(meta.log_size, 7);
    for (uint64_t group = 2; group < 20; group++) {
        coins_put(s, 400 + 10 * group, group + 100);
        struct coin_row first = {.serial = group};
        store_remove(s, COIN, &first);
        store_settle(s);
        flush(image, s, group);
    }
    struct seen seen = coins_see(old);
    assert_int_equal(seen.count, 500);
    assert_int_equal(seen.amount, 3);
    assert_int_equal(image_snapshot_open(image, &fresh, &meta, NULL), 0);
    assert_int_equal(meta.group, 19);
    seen = (struct seen){0};
    assert_int_equal(image_snapshot_each(fresh, COIN, coin_see, &seen, NULL), 0);
    assert_int_equal(seen.count, 589);
    assert_int_equal(coins_see(old).count, 500);
    image_snapshot_close(fresh);
    image_snapshot_close(old);
    image_snapshot_close(NULL);
    image_close(image);
    store_free(s);
    folder_remove(folder);
}

/* By its key, as it was when the snapshot was taken. */
static void rows_are_found_by_their_keys(void **state)
{
    char folder[256];
    struct image_snapshot *snapshot;
    struct image_meta meta;
    struct coin_row coin = {.serial = 2};
    struct note_row note = {.day = 7, .account = 3, .id = "a", .pair = {4, 5}, .title = "t"}, found;
    (void)state;

    folder_make(folder);
    struct store *s = store_new(test_specs, TABLES);
    struct image *image = open_image(folder);
    coins_put(s, 300, 5);
    store_put(s, NOTE, &note);
    store_settle(s);
    flush(image, s, 1);
    assert_int_equal(image_snapshot_open(image, &snapshot, &meta, NULL), 0);
    store_remove(s, COIN, &coin);
    store_settle(s);
    flush(image, s, 2);
    for (uint64_t serial = 1; serial <= 300; serial++) {
        assert_int_equal(image_snapshot_find(snapshot, COIN, &serial, &coin, NULL), 0);
        assert_int_equal(coin.serial, serial);
        assert_int_equal(coin.amount_ucr, 5);
    }
    memset(&found, 0xff, sizeof(found));
    assert_int_equal(image_snapshot_find(snapshot, NOTE, &note, &found, NULL), 0);
    assert_memory_equal(&found, &note, sizeof(note));
    const uint64_t missing[] = {0, 301, UINT64_MAX};
    for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++)
        assert_int_equal(image_snapshot_find(snapshot, COIN, &missing[i], &coin, NULL),
                         STATUS_NOT_FOUND);
    note.id[0] = 'b';
    assert_int_equal(image_snapshot_find(snapshot, NOTE, &note, &found, NULL), STATUS_NOT_FOUND);
    image_snapshot_close(snapshot);
    image_close(image);
    store_free(s);
    folder_remove(folder);
}

struct inside {
    struct image_snapshot *snapshot;
    uint64_t pairs;
};

static int coin_see_inside(void *context, const void *row)
{
    struct inside *in = context;
    const struct coin_row *coin = row;
    uint64_t serial = coin->serial;
    in->pairs += coins_see(in->snapshot).count;
    assert_int_equal(coin->serial, serial);
    return 0;
}

static void walks_end_early_and_run_inside_each_other(void **state)
{
    char folder[256];
    struct image_snapshot *snapshot;
    struct image_meta meta;
    struct seen seen = {.stop_at = 4};
    (void)state;

    folder_make(folder);
    struct store *s = store_new(test_specs, TABLES);
    struct image *image = open_image(folder);
    coins_put(s, 20, 5);
    flush(image, s, 1);
    assert_int_equal(image_snapshot_open(image, &snapshot, &meta, NULL), 0);
    assert_int_equal(image_snapshot_each(snapshot, COIN, coin_see, &seen, NULL), 77);
    assert_int_equal(seen.count, 4);
    struct inside in = {snapshot, 0};
    assert_int_equal(image_snapshot_each(snapshot, COIN, coin_see_inside, &in, NULL), 0);
    assert_int_equal(in.pairs, 400);
    image_snapshot_close(snapshot);
    image_close(image);
    store_free(s);
    folder_remove(folder);
}

struct writer {
    struct image *image;
    struct store *store;
    atomic_bool stops;
};

static void *write_on(void *context)
{
    struct writer *w = context;
    for (uint64_t group = 2; !atomic_load(&w->stops); group++) {
        coins_put(w->store, 300, group);
        flush(w->image, w->store, group);
    }
    return NULL;
}

/* All coins of one write, none of another's, and of the one that the meta record names. */
static void shows_one_state_beside_a_writer(void **state)
{
    char folder[256];
    pthread_t thread;
    (void)state;

    folder_make(folder);
    struct writer w = {.image = open_image(folder), .store = store_new(test_specs, TABLES)};
    coins_put(w.store, 300, 1);
    flush(w.image, w.store, 1);
    assert_int_equal(pthread_create(&thread, NULL, write_on, &w), 0);
    for (uint64_t last = 0; last < 30;) {
        struct image_snapshot *snapshot;
        struct image_meta meta;
        assert_int_equal(image_snapshot_open(w.image, &snapshot, &meta, NULL), 0);
        struct seen seen = coins_see(snapshot);
        assert_int_equal(seen.count, 300);
        assert_int_equal(seen.amount, meta.group);
        assert_true(meta.group >= last);
        last = meta.group;
        image_snapshot_close(snapshot);
    }
    atomic_store(&w.stops, true);
    pthread_join(thread, NULL);
    image_close(w.image);
    store_free(w.store);
    folder_remove(folder);
}

/* Writes over a row behind the program's back. */
static void tamper(const char *folder, MDB_val key, MDB_val value)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, TABLES + 1), 0);
    assert_int_equal(mdb_env_set_mapsize(env, 1u << 28), 0);
    assert_int_equal(mdb_env_open(env, folder, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "coin", 0, &dbi), 0);
    assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void a_damaged_row_is_named(void **state)
{
    uint8_t key[8] = {0, 0, 0, 0, 0, 0, 0, 2}, coin[23] = {0};
    char folder[256];
    struct image_snapshot *snapshot;
    struct image_meta meta;
    struct image_error error = {{0}};
    struct seen seen = {0};
    (void)state;

    folder_make(folder);
    struct store *s = store_new(test_specs, TABLES);
    struct image *image = open_image(folder);
    coins_put(s, 3, 5);
    flush(image, s, 1);
    image_close(image);
    tamper(folder, (MDB_val){8, key}, (MDB_val){23, coin});
    image = open_image(folder);
    assert_int_equal(image_snapshot_open(image, &snapshot, &meta, &error), 0);
    assert_int_equal(image_snapshot_each(snapshot, COIN, coin_see, &seen, &error), STATUS_DAMAGED);
    assert_int_equal(seen.count, 1);
    assert_non_null(strstr(error.text, "table coin, serial=2: does not decode"));
    struct coin_row found = {.serial = 1};
    error = (struct image_error){{0}};
    assert_int_equal(image_snapshot_find(snapshot, COIN, &found.serial, &found, &error), 0);
    found.serial = 2;
    assert_int_equal(image_snapshot_find(snapshot, COIN, &found.serial, &found, &error),
                     STATUS_DAMAGED);
    assert_non_null(strstr(error.text, "table coin, serial=2: does not decode"));
    image_snapshot_close(snapshot);
    image_close(image);
    store_free(s);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(later_rows_are_not_seen),
        cmocka_unit_test(rows_are_found_by_their_keys),
        cmocka_unit_test(walks_end_early_and_run_inside_each_other),
        cmocka_unit_test(shows_one_state_beside_a_writer),
        cmocka_unit_test(a_damaged_row_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
