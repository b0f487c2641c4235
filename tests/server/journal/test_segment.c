/* Segments: made whole or not at all, and blank sectors that nothing else looks like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "protocol/status.h"
#include "server/journal/preparer.h"
#include "tests/server/journal/scratch.h"

static struct segment_plan plan(const struct scratch *s)
{
    assert_int_equal(folder_create(s->folder), 0);
    return (struct segment_plan){s->folder, scratch_exchange, SCRATCH_SEGMENT,
                                 port_entropy_system()};
}

static void prepared_segment_is_blank(void **state)
{
    const struct scratch *s = *state;
    const struct segment_plan p = plan(s);
    struct segment segment;
    uint64_t written, blank;
    assert_int_equal(segment_prepare(&p, 1, NULL, NULL), 0);
    assert_int_equal(segment_prepare(&p, 1, NULL, NULL), 0);
    assert_int_equal(segment_open(&segment, s->folder, 1, scratch_exchange, FILE_WRITE, NULL), 0);
    assert_int_equal(segment.size, SCRATCH_SEGMENT);
    assert_int_equal(segment_survey(&segment, JOURNAL_PAGE, segment.size, &written, &blank, NULL),
                     0);
    assert_int_equal(written, segment.size);
    assert_int_equal(blank, JOURNAL_PAGE);

    /* One changed bit is seen, and restored. */
    scratch_flip(s, 1, 30000, 4);
    assert_int_equal(segment_survey(&segment, JOURNAL_PAGE, segment.size, &written, &blank, NULL),
                     0);
    assert_int_equal(written, 30000 / FILE_SECTOR * FILE_SECTOR);
    assert_int_equal(segment_restore(&segment, written, written + FILE_SECTOR, NULL), 0);
    assert_int_equal(segment_survey(&segment, JOURNAL_PAGE, segment.size, &written, &blank, NULL),
                     0);
    assert_int_equal(written, segment.size);
    segment_close(&segment);
}

static void sectors_differ(void **state)
{
    const struct scratch *s = *state;
    const struct segment_plan p = plan(s);
    enum {
        SECTORS = 2 * SCRATCH_SEGMENT / FILE_SECTOR,
    };
    uint8_t(*sectors)[FILE_SECTOR] = test_malloc((size_t)SECTORS * FILE_SECTOR);
    for (uint64_t number = 1; number <= 2; number++) {
        assert_int_equal(segment_prepare(&p, number, NULL, NULL), 0);
        scratch_peek(s, number, 0, sectors[(number - 1) * SECTORS / 2], SCRATCH_SEGMENT);
    }
    for (int i = 8; i < SECTORS; i++) {
        for (int k = 8; k < i; k++) {
            /* The labels' pages hold zeros. */
            if (i >= SECTORS / 2 && i < SECTORS / 2 + 8)
                continue;
            assert_true(memcmp(sectors[i], sectors[k], FILE_SECTOR) != 0);
        }
    }
    test_free(sectors);
}

static int fail_write(void *context, int fd, uint64_t offset, size_t length, size_t *kept_out)
{
    int *left = context;
    (void)fd;
    (void)offset;
    *kept_out = length / 2;
    return (*left)-- > 0 ? 0 : ENOSPC;
}

static int count_visit(void *context, const char *name)
{
    (void)name;
    ++*(int *)context;
    return 0;
}

static void failed_preparation_leaves_nothing(void **state)
{
    const struct scratch *s = *state;
    const struct segment_plan p = plan(s);
    for (int n = 0; n < 3; n++) {
        int left = n, files = 0;
        const struct file_faults faults = {.context = &left, .write = fail_write};
        struct journal_error error = {{0}};
        file_faults_set(&faults);
        assert_int_equal(segment_prepare(&p, 1, NULL, &error), STATUS_FULL);
        file_faults_set(NULL);
        assert_non_null(strstr(error.text, "No space left on device"));
        assert_int_equal(folder_list(s->folder, count_visit, &files), 0);
        assert_int_equal(files, 0);
    }
    atomic_bool stop;
    int files = 0;
    atomic_init(&stop, true);
    assert_int_equal(segment_prepare(&p, 1, &stop, NULL), STATUS_CLOSED);
    assert_int_equal(folder_list(s->folder, count_visit, &files), 0);
    assert_int_equal(files, 0);
}

static void range_of_segments(void **state)
{
    const struct scratch *s = *state;
    const struct segment_plan p = plan(s);
    uint64_t first = 9, last = 9;
    char path[PATH_MAX];
    int fd;
    assert_int_equal(segment_range(s->folder, &first, &last, NULL), 0);
    assert_true(first == 0 && last == 0);
    for (uint64_t number = 9; number <= 11; number++)
        assert_int_equal(segment_prepare(&p, number, NULL, NULL), 0);
    snprintf(path, sizeof(path), "%s/notes", s->folder);
    assert_int_equal(file_open(path, FILE_CREATE, &fd), 0);
    file_close(fd);
    assert_int_equal(segment_range(s->folder, &first, &last, NULL), 0);
    assert_true(first == 9 && last == 11);
    scratch_path(s, 10, path);
    assert_int_equal(file_remove(path), 0);
    assert_int_equal(segment_range(s->folder, &first, &last, NULL), STATUS_DAMAGED);
}

static void preparer_makes_what_is_asked(void **state)
{
    const struct scratch *s = *state;
    const struct segment_plan p = plan(s);
    struct preparer *preparer = NULL;
    assert_int_equal(preparer_start(&p, &preparer), 0);
    for (uint64_t number = 1; number <= 5; number++) {
        struct segment segment;
        preparer_request(preparer, number);
        assert_int_equal(preparer_wait(preparer, NULL), 0);
        assert_int_equal(
            segment_open(&segment, s->folder, number, scratch_exchange, FILE_READ, NULL), 0);
        segment_close(&segment);
    }
    preparer_request(preparer, 6);
    preparer_stop(preparer);
}

static void preparer_reports_failure(void **state)
{
    const struct scratch *s = *state;
    const struct segment_plan p = plan(s);
    struct preparer *preparer = NULL;
    struct journal_error error = {{0}};
    int left = 0;
    const struct file_faults faults = {.context = &left, .write = fail_write};
    file_faults_set(&faults);
    assert_int_equal(preparer_start(&p, &preparer), 0);
    preparer_request(preparer, 1);
    assert_int_equal(preparer_wait(preparer, &error), STATUS_FULL);
    assert_true(strlen(error.text) > 0);
    file_faults_set(NULL);
    preparer_request(preparer, 1);
    assert_int_equal(preparer_wait(preparer, &error), 0);
    preparer_stop(preparer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(prepared_segment_is_blank),         TEST(sectors_differ),
        TEST(failed_preparation_leaves_nothing), TEST(range_of_segments),
        TEST(preparer_makes_what_is_asked),      TEST(preparer_reports_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
