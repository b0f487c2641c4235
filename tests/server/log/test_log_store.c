/* The log's files: what was appended is read and proven, and a full disk is told. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "protocol/limits.h"
#include "protocol/status.h"
#include "server/log/log_files.h"
#include "server/log/log_store.h"
#include "tests/server/log/sample_log.h"

static void reads_what_was_published(void **state)
{
    (void)state;
    struct log_store *s = sample_open(0);
    struct buffer b = BUFFER_EMPTY;
    for (uint64_t size = 0; size < SAMPLE_ENTRIES;) {
        uint64_t next = size + 1 + size % 5;
        next = next < SAMPLE_ENTRIES ? next : SAMPLE_ENTRIES;
        sample_append(s, size, next);
        assert_int_equal(log_store_size(s), size);
        assert_int_equal(log_store_read(s, size, &b), STATUS_NOT_FOUND);
        assert_int_equal(log_store_publish(s), STATUS_OK);
        assert_int_equal(log_store_size(s), next);
        size = next;
    }
    for (uint64_t i = 0; i < SAMPLE_ENTRIES; i++)
        sample_expect(s, i);
    assert_int_equal(log_store_read(s, SAMPLE_ENTRIES, &b), STATUS_NOT_FOUND);
    assert_int_equal(log_store_read(s, UINT64_MAX, &b), STATUS_NOT_FOUND);
    assert_int_equal(b.length, 0);
    assert_int_equal(log_store_frontier(s)->size, SAMPLE_ENTRIES);
    assert_int_equal(log_store_publish(s), STATUS_OK); /* nothing to do */
    static const uint8_t large[EVENT_BYTES_MAX + 1];
    assert_int_equal(log_store_append(s, large, sizeof(large), sample_roots[0]), STATUS_LIMIT);
    assert_int_equal(log_store_size(s), SAMPLE_ENTRIES);
    buffer_release(&b);
    log_store_close(s);
}

struct range {
    uint64_t next;
    uint64_t stop;
    size_t bytes;
};

static int visit_range(void *context, uint64_t index, const uint8_t *event, size_t length)
{
    struct range *r = context;
    uint8_t expected[1024];
    assert_int_equal(index, r->next);
    assert_int_equal(length, sample_event(index, expected));
    if (length > 0)
        assert_memory_equal(event, expected, length);
    r->next++;
    r->bytes += length;
    return r->next == r->stop ? 77 : 0;
}

static void reads_ranges(void **state)
{
    (void)state;
    struct log_store *s = sample_filled();
    static const struct {
        uint64_t from, count_max;
        size_t bytes_max;
        uint64_t to;
    } cases[] = {
        {0, UINT64_MAX, SIZE_MAX, SAMPLE_ENTRIES},
        {0, 10, SIZE_MAX, 10},
        {300, 300, SIZE_MAX, 600},
        {699, 10, SIZE_MAX, 700},
        {700, 10, SIZE_MAX, 700},
        {5000, 10, SIZE_MAX, 5000},
        {UINT64_MAX, 10, SIZE_MAX, UINT64_MAX},
        {5, 0, SIZE_MAX, 5},
        {1, 10, 1, 2}, /* at least one: 37 bytes */
        {1, 10, 37, 2},
        {1, 10, 37 + 74, 3},
        {1, 10, 37 + 73, 2},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct range r = {cases[i].from, UINT64_MAX, 0};
        assert_int_equal(log_store_read_range(s, cases[i].from, cases[i].count_max,
                                              cases[i].bytes_max, visit_range, &r),
                         STATUS_OK);
        assert_int_equal(r.next, cases[i].to);
    }
    struct range r = {100, 120, 0};
    assert_int_equal(log_store_read_range(s, 100, 500, SIZE_MAX, visit_range, &r), 77);
    assert_int_equal(r.next, 120);
    r = (struct range){0, UINT64_MAX, 0};
    assert_int_equal(log_store_read_range(s, 0, 700, 20000, visit_range, &r), STATUS_OK);
    assert_in_range(r.bytes, 20000 - 401, 20000);
    log_store_close(s);
}

static void proves_inclusion_and_consistency(void **state)
{
    (void)state;
    struct log_store *s = sample_filled();
    merkle_hash proof[MERKLE_PROOF_MAX] = {{0}};
    merkle_hash root;
    size_t count;
    for (uint64_t size = 0; size <= SAMPLE_ENTRIES; size += size < 260 ? 1 : 37) {
        assert_int_equal(log_store_root(s, size, root), STATUS_OK);
        assert_memory_equal(root, sample_roots[size], sizeof(root));
        for (uint64_t i = 0; i < size; i += 1 + i / 8) {
            merkle_hash leaf;
            sample_leaf(i, leaf);
            assert_int_equal(log_store_inclusion(s, i, size, proof, &count), STATUS_OK);
            assert_int_equal(
                merkle_inclusion_verify(leaf, i, size, proof[0], count, sample_roots[size]),
                STATUS_OK);
            assert_int_equal(log_store_consistency(s, i, size, proof, &count), STATUS_OK);
            assert_int_equal(merkle_consistency_verify(i, sample_roots[i], size, sample_roots[size],
                                                       proof[0], count),
                             STATUS_OK);
        }
    }
    assert_int_equal(log_store_root(s, SAMPLE_ENTRIES + 1, root), STATUS_NOT_FOUND);
    assert_int_equal(log_store_inclusion(s, 0, SAMPLE_ENTRIES + 1, proof, &count),
                     STATUS_NOT_FOUND);
    assert_int_equal(log_store_inclusion(s, 5, 5, proof, &count), STATUS_MISUSE);
    assert_int_equal(log_store_consistency(s, 0, SAMPLE_ENTRIES + 1, proof, &count),
                     STATUS_NOT_FOUND);
    assert_int_equal(log_store_consistency(s, 6, 5, proof, &count), STATUS_MISUSE);
    log_store_close(s);
}

/* Enough entries for the third level of tiles, all of one content. */
static void reaches_the_third_tile_level(void **state)
{
    (void)state;
    enum { MANY = 65536 + 256 + 3 };
    struct log_store *s = sample_open(0);
    merkle_hash leaf;
    merkle_hash root;
    merkle_hash proof[MERKLE_PROOF_MAX] = {{0}};
    size_t count;
    struct log_check_report quiet = {0};
    merkle_leaf_hash("x", 1, leaf);
    for (uint64_t i = 0; i < MANY; i++)
        assert_int_equal(log_store_append(s, "x", 1, leaf), STATUS_OK);
    assert_int_equal(log_store_publish(s), STATUS_OK);
    assert_int_equal(log_store_sync(s), STATUS_OK);
    merkle_frontier_root(log_store_frontier(s), root);
    log_store_close(s);
    assert_int_equal(log_store_open(sample_folder, SAMPLE_SEGMENT, MANY, root, &s), STATUS_OK);
    for (uint64_t i = 0; i < MANY; i += 4999) {
        assert_int_equal(log_store_inclusion(s, i, MANY, proof, &count), STATUS_OK);
        assert_int_equal(merkle_inclusion_verify(leaf, i, MANY, proof[0], count, root), STATUS_OK);
    }
    assert_int_equal(log_store_check(s, MANY, root, &quiet), STATUS_OK);
    log_store_close(s);
}

static void opens_at_an_earlier_size(void **state)
{
    (void)state;
    log_store_close(sample_filled());
    static const uint64_t sizes[] = {700, 650, 513, 512, 511, 257, 256, 255, 100, 12, 1, 0};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct log_store *s = sample_open(sizes[i]);
        for (uint64_t j = 0; j < sizes[i]; j += 7)
            sample_expect(s, j);
        /* What is appended after a cut is as if there had been nothing. */
        sample_append(s, sizes[i], SAMPLE_ENTRIES);
        assert_int_equal(log_store_publish(s), STATUS_OK);
        merkle_hash root;
        assert_int_equal(log_store_root(s, SAMPLE_ENTRIES, root), STATUS_OK);
        assert_memory_equal(root, sample_roots[SAMPLE_ENTRIES], sizeof(root));
        log_store_close(s);
        log_store_close(sample_open(sizes[i]));
        s = sample_open(sizes[i]);
        log_store_close(s);
    }
    struct stat st;
    char path[300];
    snprintf(path, sizeof(path), "%s/events-000000", sample_folder);
    assert_int_equal(stat(path, &st), -1); /* an empty log has no segments */
}

/* A full disk at any of the files: nothing new is visible, and it works again with space. */
static void full_disk(void **state)
{
    (void)state;
    struct log_store *s = sample_open(0);
    sample_append(s, 0, 100);
    assert_int_equal(log_store_publish(s), STATUS_OK);
    int *const files[] = {&s->files.offsets, &s->files.tiles[0], &s->files.tiles[1]};
    uint64_t size = 100;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        int kept = *files[i];
        *files[i] = open("/dev/full", O_RDWR);
        assert_true(*files[i] >= 0);
        sample_append(s, size,
                      size + 200); /* the last one completes a tile, so that tiles-1 grows */
        int status = log_store_publish(s);
        close(*files[i]);
        *files[i] = kept;
        assert_int_equal(status, STATUS_FULL);
        assert_int_equal(log_store_size(s), size);
        assert_int_equal(log_store_publish(s), STATUS_OK);
        size += 200;
        assert_int_equal(log_store_size(s), size);
    }
    struct log_check_report quiet = {0};
    assert_int_equal(log_store_check(s, size, sample_roots[size], &quiet), STATUS_OK);
    log_store_close(s);
}

/* After a failed sync no later one may claim success. */
static void failed_sync_sticks(void **state)
{
    (void)state;
    struct log_store *s = sample_filled();
    assert_int_equal(log_store_sync(s), STATUS_OK);
    int kept = s->files.offsets;
    int pipe_ends[2];
    assert_int_equal(pipe(pipe_ends), 0);
    s->files.offsets = pipe_ends[0]; /* cannot be synced */
    assert_int_equal(log_store_sync(s), STATUS_IO);
    s->files.offsets = kept;
    assert_int_equal(log_store_sync(s), STATUS_IO);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    log_store_close(s);
}

struct crowd {
    struct log_store *store;
    _Atomic int is_done;
    _Atomic int failures;
};

static void *crowd_write(void *context)
{
    struct crowd *c = context;
    for (uint64_t i = 0; i < SAMPLE_ENTRIES; i++) {
        uint8_t event[1024];
        merkle_hash leaf;
        size_t length = sample_event(i, event);
        merkle_leaf_hash(event, length, leaf);
        if (log_store_append(c->store, event, length, leaf) != STATUS_OK ||
            (i % 3 == 0 && log_store_publish(c->store) != STATUS_OK))
            atomic_fetch_add(&c->failures, 1);
    }
    if (log_store_publish(c->store) != STATUS_OK)
        atomic_fetch_add(&c->failures, 1);
    atomic_store(&c->is_done, 1);
    return NULL;
}

static void *crowd_sync(void *context)
{
    struct crowd *c = context;
    while (!atomic_load(&c->is_done)) {
        if (log_store_sync(c->store) != STATUS_OK)
            atomic_fetch_add(&c->failures, 1);
    }
    return NULL;
}

static int visit_count(void *context, uint64_t index, const uint8_t *event, size_t length)
{
    uint8_t expected[1024];
    if (length != sample_event(index, expected) || memcmp(event, expected, length) != 0)
        return 1;
    ++*(uint64_t *)context;
    return 0;
}

static void *crowd_read(void *context)
{
    struct crowd *c = context;
    int last;
    do {
        last = atomic_load(&c->is_done);
        uint64_t size = log_store_size(c->store);
        uint64_t from = size > 20 ? size - 20 : 0;
        uint64_t count = 0;
        merkle_hash proof[MERKLE_PROOF_MAX];
        merkle_hash root;
        merkle_hash leaf;
        size_t length;
        int failed =
            log_store_read_range(c->store, from, size - from, SIZE_MAX, visit_count, &count) != 0 ||
            count != size - from || log_store_root(c->store, size, root) != STATUS_OK ||
            memcmp(root, sample_roots[size], sizeof(root)) != 0;
        if (!failed && size > 0) {
            sample_leaf(size / 2, leaf);
            failed =
                log_store_inclusion(c->store, size / 2, size, proof, &length) != STATUS_OK ||
                merkle_inclusion_verify(leaf, size / 2, size, proof[0], length, root) != STATUS_OK;
        }
        if (failed)
            atomic_fetch_add(&c->failures, 1);
    } while (!last);
    return NULL;
}

/* A writer, a syncer and two readers at once; meant for TSan too. */
static void threads_get_along(void **state)
{
    (void)state;
    struct crowd c = {.store = sample_open(0)};
    void *(*const bodies[])(void *) = {crowd_write, crowd_sync, crowd_read, crowd_read};
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, bodies[i], &c), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&c.failures), 0);
    assert_int_equal(log_store_size(c.store), SAMPLE_ENTRIES);
    log_store_close(c.store);
    log_store_close(sample_open(SAMPLE_ENTRIES));
}

static void missing_parent_and_file_in_the_way(void **state)
{
    (void)state;
    struct log_store *s;
    char path[300];
    sample_path("no/folder", path);
    assert_int_equal(log_store_open(path, SAMPLE_SEGMENT, 0, sample_roots[0], &s),
                     STATUS_NOT_FOUND);
    assert_int_equal(log_store_reset(path), STATUS_OK);
    sample_path("offsets", path);
    log_store_close(sample_open(0));
    assert_int_equal(log_store_open(path, SAMPLE_SEGMENT, 0, sample_roots[0], &s),
                     STATUS_NOT_FOUND);
    log_store_close(NULL);
}

#define WITH_FOLDER(test)                                                                          \
    cmocka_unit_test_setup_teardown(test, sample_folder_make, sample_folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(reads_what_was_published),
        WITH_FOLDER(reads_ranges),
        WITH_FOLDER(proves_inclusion_and_consistency),
        WITH_FOLDER(reaches_the_third_tile_level),
        WITH_FOLDER(opens_at_an_earlier_size),
        WITH_FOLDER(full_disk),
        WITH_FOLDER(failed_sync_sticks),
        WITH_FOLDER(threads_get_along),
        WITH_FOLDER(missing_parent_and_file_in_the_way),
    };
    return cmocka_run_group_tests_name("log_store", tests, sample_roots_make, NULL);
}
