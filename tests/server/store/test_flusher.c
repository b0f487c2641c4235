#include "tests/server/store/support.h"

#include <pthread.h>
#include <sys/resource.h>
#include <signal.h>

#include "protocol/status.h"
#include "server/store/flusher.h"
#include "tests/server/store/rows.h"

/* What the flusher's thread told last. */
struct told {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int calls;
    int status;
    uint64_t group;
};

static void tell(void *context, int status, const struct image_meta *meta,
                 const struct image_error *error)
{
    struct told *told = context;
    (void)error;
    pthread_mutex_lock(&told->lock);
    told->calls++;
    told->status = status;
    told->group = meta->group;
    pthread_cond_signal(&told->changed);
    pthread_mutex_unlock(&told->lock);
}

static int wait_for_call(struct told *told, int calls)
{
    pthread_mutex_lock(&told->lock);
    while (told->calls < calls)
        pthread_cond_wait(&told->changed, &told->lock);
    int status = told->status;
    pthread_mutex_unlock(&told->lock);
    return status;
}

static void change_coins(struct store *s)
{
    for (int i = 0; i < 50; i++) {
        struct coin_row coin = {.serial = random_below(2000), .amount_ucr = random_below(1000)};
        if (store_find(s, COIN, &coin) && random_below(2))
            store_remove(s, COIN, &coin);
        else
            store_put(s, COIN, &coin);
    }
    store_settle(s);
}

static void count_line(void *context, const struct image_difference *d)
{
    (void)d;
    ++*(int *)context;
}

static void the_image_follows_while_the_store_goes_on(void **state)
{
    struct told told = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0};
    struct image_meta meta = {0};
    struct image *image;
    struct flusher *f;
    char folder[256];
    int hands = 0, differences = 0;
    (void)state;

    random_start();
    folder_make(folder);
    struct store *s = store_new(test_specs, TABLES);
    assert_int_equal(image_open(folder, IMAGE_WRITE, test_specs, TABLES, &image, NULL), 0);
    assert_int_equal(flusher_start(image, tell, &told, &f), 0);
    for (uint64_t group = 1; group <= 3000 || hands < 5; group++) {
        change_coins(s);
        meta.group = group;
        if (flusher_busy(f))
            continue;
        flusher_hand(f, s, &meta);
        assert_int_equal(store_changes_bytes(s), 0);
        hands++;
    }
    assert_int_equal(wait_for_call(&told, hands), 0);
    assert_false(flusher_busy(f));
    flusher_hand(f, s, &meta);
    assert_int_equal(flusher_stop(f), 0);
    assert_int_equal(told.calls, hands + 1);
    assert_int_equal(told.group, meta.group);
    assert_int_equal(image_compare(image, s, &meta, count_line, &differences, NULL), 0);
    assert_int_equal(differences, 0);
    image_close(image);
    store_free(s);
    folder_remove(folder);
}

/* A limit on the size of files stands for a full disk: writes beyond it fail. */
static void a_failed_write_is_told_and_stays(void **state)
{
    struct told told = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0};
    struct image_meta meta = {.group = 1};
    struct rlimit before, small;
    struct image *image;
    struct flusher *f;
    char folder[256];
    (void)state;

    folder_make(folder);
    struct store *s = store_new(test_specs, TABLES);
    assert_int_equal(image_open(folder, IMAGE_WRITE, test_specs, TABLES, &image, NULL), 0);
    assert_int_equal(flusher_start(image, tell, &told, &f), 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 4096; /* not even LMDB's first pages */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (uint64_t serial = 1; serial <= 20000; serial++) {
        struct coin_row coin = {.serial = serial};
        store_put(s, COIN, &coin);
    }
    store_settle(s);
    flusher_hand(f, s, &meta);
    assert_int_equal(wait_for_call(&told, 1), STATUS_FILE_LIMIT);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    meta.group = 2;
    flusher_hand(f, s, &meta);
    assert_int_equal(wait_for_call(&told, 2), STATUS_FILE_LIMIT);
    assert_int_equal(flusher_stop(f), STATUS_FILE_LIMIT);
    assert_int_equal(image_meta_read(image, &meta, NULL), 0);
    assert_int_equal(meta.group, 0);
    image_close(image);
    store_free(s);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_image_follows_while_the_store_goes_on),
        cmocka_unit_test(a_failed_write_is_told_and_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
