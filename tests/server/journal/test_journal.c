/* Appending: what was synced is there again, over segments, restarts and failing disks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "protocol/status.h"
#include "tests/server/journal/scratch.h"

static void create_refuses_second(void **state)
{
    const struct scratch *s = *state;
    journal_close(scratch_create(s));
    const struct journal_options options = {.segment_size = SCRATCH_SEGMENT};
    struct journal_error error;
    assert_int_equal(journal_create(s->folder, scratch_exchange, &options, &error), STATUS_EXISTS);
}

static void options_are_checked(void **state)
{
    const struct scratch *s = *state;
    const uint64_t sizes[] = {1, JOURNAL_PAGE, JOURNAL_SEGMENT_MIN + 1, JOURNAL_SEGMENT_MAX * 2};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const struct journal_options options = {.segment_size = sizes[i]};
        assert_int_equal(journal_create(s->folder, scratch_exchange, &options, NULL),
                         STATUS_MISUSE);
    }
}

static void open_without_journal(void **state)
{
    const struct scratch *s = *state;
    scratch_open_fails(s, 1, STATUS_NOT_FOUND, s->folder);
    assert_int_equal(folder_create(s->folder), 0);
    scratch_open_fails(s, 1, STATUS_NOT_FOUND, "no journal here");
}

static void empty_journal_opens(void **state)
{
    const struct scratch *s = *state;
    struct journal *j = scratch_create(s);
    assert_int_equal(journal_last(j), 0);
    assert_int_equal(journal_durable(j), 0);
    assert_int_equal(journal_sync(j), 0);
    journal_close(j);
    assert_int_equal(scratch_check(s, 1), 0);
}

static void round_trip_over_segments(void **state)
{
    const struct scratch *s = *state;
    static const size_t lengths[] = {0, 1, 7, 8, 3000, 3888, 3889, 4096, 9000, 20000, 59000, 12};
    struct journal *j = scratch_create(s);
    uint64_t count = 0;
    for (int round = 0; round < 6; round++) {
        for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
            scratch_write(j, lengths[i]);
            assert_int_equal(journal_durable(j), ++count);
        }
        journal_close(j);
        j = scratch_open(s, count / 2);
        assert_int_equal(journal_last(j), count);
        assert_false(journal_was_torn(j));
    }
    journal_close(j);
    for (uint64_t from = 1; from <= count + 1; from++)
        assert_int_equal(scratch_check(s, from), count);
    uint64_t first, last;
    assert_int_equal(segment_range(s->folder, &first, &last, NULL), 0);
    assert_true(first == 1 && last > 6);
}

static void groups_share_a_record(void **state)
{
    const struct scratch *s = *state;
    struct journal *j = scratch_create(s);
    for (int i = 0; i < 500; i++)
        assert_int_equal(scratch_append(j, 200), 0);
    assert_int_equal(journal_last(j), 500);
    /* What did not fit in one record has been written on the way. */
    assert_true(journal_durable(j) > 0 && journal_durable(j) < 500);
    assert_int_equal(journal_sync(j), 0);
    assert_int_equal(journal_durable(j), 500);
    /* Never synced, so never written. */
    assert_int_equal(scratch_append(j, 200), 0);
    journal_close(j);
    assert_int_equal(scratch_check(s, 1), 500);
}

static void misuse_changes_nothing(void **state)
{
    const struct scratch *s = *state;
    struct journal *j = scratch_create(s);
    const struct journal_group wrong[] = {scratch_group(0), scratch_group(2)};
    assert_int_equal(journal_append(j, &wrong[0], NULL, 0), STATUS_MISUSE);
    assert_int_equal(journal_append(j, &wrong[1], NULL, 0), STATUS_MISUSE);
    assert_int_equal(scratch_append(j, journal_body_max(j) + 1), STATUS_LIMIT);
    scratch_write(j, journal_body_max(j));
    scratch_write(j, journal_body_max(j));
    journal_close(j);
    assert_int_equal(scratch_check(s, 1), 2);
}

static void segment_size_may_change(void **state)
{
    const struct scratch *s = *state;
    static const uint64_t sizes[] = {256 << 10, JOURNAL_SEGMENT_MIN, 128 << 10, 64 << 10};
    journal_close(scratch_create(s));
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        /* Prepared ahead, so that one of the last size is waiting each time. */
        const struct journal_options options = {.segment_size = sizes[i], .prepare_ahead = true};
        struct journal *j = NULL;
        assert_int_equal(journal_open(s->folder, scratch_exchange, 1, &options, &j, NULL), 0);
        for (int k = 0; k < 5; k++)
            scratch_write(j, journal_body_max(j));
        journal_close(j);
    }
    assert_int_equal(scratch_check(s, 1), 20);
}

static void longest_body(void **state)
{
    const struct scratch *s = *state;
    const struct journal_options options = {.segment_size = (uint64_t)20 << 20,
                                            .prepare_ahead = true};
    struct journal *j = NULL;
    assert_int_equal(journal_create(s->folder, scratch_exchange, &options, NULL), 0);
    assert_int_equal(journal_open(s->folder, scratch_exchange, 1, &options, &j, NULL), 0);
    assert_int_equal(journal_body_max(j), JOURNAL_BODY_MAX);
    assert_int_equal(scratch_append(j, JOURNAL_BODY_MAX + 1), STATUS_LIMIT);
    scratch_write(j, JOURNAL_BODY_MAX);
    scratch_write(j, JOURNAL_BODY_MAX);
    journal_close(j);
    assert_int_equal(scratch_check(s, 1), 2);
}

static void unfinished_preparation_is_swept(void **state)
{
    const struct scratch *s = *state;
    char path[PATH_MAX + 16];
    char name[PATH_MAX];
    int fd;
    journal_close(scratch_create(s));
    scratch_path(s, 2, name);
    snprintf(path, sizeof(path), "%s.preparing", name);
    assert_int_equal(file_open(path, FILE_CREATE, &fd), 0);
    assert_int_equal(file_write_at(fd, 0, "half", 4), 0);
    file_close(fd);
    struct journal *j = scratch_open(s, 1);
    assert_false(file_exists(path));
    for (int i = 0; i < 40; i++)
        scratch_write(j, 3000);
    journal_close(j);
    assert_int_equal(scratch_check(s, 1), 40);
}

struct disk {
    int writes_left; /* until one fails */
    int syncs_left;
    int error;
    size_t kept; /* bytes of the failing write that reach the disk */
};

static int disk_write(void *context, int fd, uint64_t offset, size_t length, size_t *kept_out)
{
    struct disk *disk = context;
    (void)fd;
    (void)offset;
    (void)length;
    if (disk->writes_left-- > 0)
        return 0;
    *kept_out = disk->kept;
    return disk->error;
}

static int disk_sync(void *context, int fd)
{
    struct disk *disk = context;
    (void)fd;
    return disk->syncs_left-- > 0 ? 0 : disk->error;
}

/* Writes until the disk fails. All acknowledged must be there afterwards, and at most one more. */
static void run_until_failure(const struct scratch *s, struct disk *disk, int status)
{
    const struct file_faults faults = {disk, disk_write, disk_sync, 0};
    struct journal *j = scratch_create(s);
    file_faults_set(&faults);
    int got = 0;
    for (int i = 0; got == 0 && i < 200; i++) {
        got = scratch_append(j, 2000 + (size_t)i * 50);
        if (got == 0)
            got = journal_sync(j);
    }
    uint64_t durable = journal_durable(j);
    file_faults_set(NULL); /* the disk is well again, but this journal stays shut */
    assert_int_equal(got, status);
    assert_true(strlen(journal_error_text(j)) > 0);
    assert_int_equal(scratch_append(j, 10), status);
    assert_int_equal(journal_sync(j), status);
    assert_int_equal(journal_durable(j), durable);
    journal_close(j);

    j = scratch_open(s, durable + 1);
    uint64_t last = journal_last(j);
    assert_true(last == durable || last == durable + 1);
    scratch_write(j, 100);
    journal_close(j);
    assert_int_equal(scratch_check(s, 1), last + 1);
}

static void again(void **state)
{
    scratch_teardown(state);
    scratch_setup(state);
}

static void full_disk_at_each_write(void **state)
{
    for (int n = 0; n < 40; n++) {
        struct disk disk = {.writes_left = n, .syncs_left = 1000, .error = ENOSPC};
        disk.kept = (size_t)(n % 9) * FILE_SECTOR;
        run_until_failure(*state, &disk, STATUS_FULL);
        again(state);
    }
}

static void broken_disk_at_each_write(void **state)
{
    for (int n = 0; n < 40; n += 3) {
        struct disk disk = {.writes_left = n, .syncs_left = 1000, .error = EIO, .kept = 1 << 20};
        run_until_failure(*state, &disk, STATUS_IO);
        again(state);
    }
}

static void failed_sync_is_final(void **state)
{
    for (int n = 0; n < 40; n++) {
        struct disk disk = {.writes_left = 1000, .syncs_left = n, .error = EIO};
        run_until_failure(*state, &disk, STATUS_IO);
        again(state);
    }
}

static void system_calls_cut_short(void **state)
{
    const struct scratch *s = *state;
    const struct file_faults faults = {.chunk_max = 777};
    file_faults_set(&faults);
    struct journal *j = scratch_create(s);
    for (int i = 0; i < 30; i++)
        scratch_write(j, 5000);
    journal_close(j);
    assert_int_equal(scratch_check(s, 1), 30);
}

static int note_write(void *context, int fd, uint64_t offset, size_t length, size_t *kept_out)
{
    uint64_t *noted = context;
    (void)fd;
    (void)kept_out;
    noted[0] = offset;
    noted[1] = length;
    return 0;
}

static int note_sync(void *context, int fd)
{
    uint64_t *noted = context;
    (void)fd;
    noted[2]++;
    return 0;
}

/* What the page cache shows after a crash need not be on the disk: opening puts it there. */
static void last_record_is_written_again(void **state)
{
    const struct scratch *s = *state;
    struct journal *j = scratch_create(s);
    scratch_write(j, 100);
    scratch_write(j, 6000);
    journal_close(j);
    uint64_t noted[3] = {0};
    const struct file_faults faults = {noted, note_write, note_sync, 0};
    file_faults_set(&faults);
    j = scratch_open(s, 3);
    assert_int_equal(noted[0], 2 * JOURNAL_PAGE);
    assert_int_equal(noted[1], 2 * JOURNAL_PAGE);
    assert_int_equal(noted[2], 2); /* the record, and the folder */
    journal_close(j);
    struct disk disk = {.writes_left = 0, .syncs_left = 1000, .error = EIO};
    const struct file_faults broken = {&disk, disk_write, disk_sync, 0};
    file_faults_set(&broken);
    scratch_open_fails(s, 3, STATUS_IO, "cannot write");
    file_faults_set(NULL);
    assert_int_equal(scratch_check(s, 1), 2);
}

/* Space that is made while the journal still has room of its own must not come too late. */
static void preparation_is_tried_again(void **state)
{
    const struct scratch *s = *state;
    struct disk disk = {.writes_left = 0, .syncs_left = 1000, .error = ENOSPC};
    const struct file_faults faults = {&disk, disk_write, disk_sync, 0};
    const struct journal_options options = {.segment_size = SCRATCH_SEGMENT, .prepare_ahead = true};
    struct journal *j = NULL;
    journal_close(scratch_create(s));
    file_faults_set(&faults);
    assert_int_equal(journal_open(s->folder, scratch_exchange, 1, &options, &j, NULL), 0);
    /* Closing waits for the thread, so the failed preparation is over then. */
    journal_close(j);
    file_faults_set(NULL);
    assert_int_equal(journal_open(s->folder, scratch_exchange, 1, &options, &j, NULL), 0);
    for (int i = 0; i < 100; i++)
        scratch_write(j, 3000);
    journal_close(j);
    assert_int_equal(scratch_check(s, 1), 100);
}

static void same_entropy_same_bytes(void **state)
{
    const struct scratch *s = *state;
    uint8_t *pages[2] = {NULL, NULL};
    for (int i = 0; i < 2; i++) {
        struct seeded_entropy entropy;
        seeded_entropy_init(&entropy, 42);
        const struct journal_options options = {.segment_size = SCRATCH_SEGMENT,
                                                .entropy = &entropy.entropy};
        struct journal *j = NULL;
        assert_int_equal(journal_create(s->folder, scratch_exchange, &options, NULL), 0);
        assert_int_equal(journal_open(s->folder, scratch_exchange, 1, &options, &j, NULL), 0);
        scratch_write(j, 100);
        journal_close(j);
        pages[i] = test_malloc(SCRATCH_SEGMENT);
        scratch_peek(s, 1, 0, pages[i], SCRATCH_SEGMENT);
        char path[PATH_MAX];
        scratch_path(s, 1, path);
        assert_int_equal(file_remove(path), 0);
    }
    assert_memory_equal(pages[0], pages[1], SCRATCH_SEGMENT);
    test_free(pages[0]);
    test_free(pages[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(create_refuses_second),
        TEST(options_are_checked),
        TEST(open_without_journal),
        TEST(empty_journal_opens),
        TEST(round_trip_over_segments),
        TEST(groups_share_a_record),
        TEST(misuse_changes_nothing),
        TEST(segment_size_may_change),
        TEST(longest_body),
        TEST(unfinished_preparation_is_swept),
        TEST(full_disk_at_each_write),
        TEST(broken_disk_at_each_write),
        TEST(failed_sync_is_final),
        TEST(system_calls_cut_short),
        TEST(last_record_is_written_again),
        TEST(preparation_is_tried_again),
        TEST(same_entropy_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
