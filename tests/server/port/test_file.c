/* Files: what is written is read, however it is cut; failures have the right name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/status.h"
#include "server/port/file.h"

static char root[PATH_MAX / 2];
static char path[PATH_MAX];

static int setup(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(root, sizeof(root), "%s/bourse-file-XXXXXX", base != NULL ? base : "/tmp");
    assert_non_null(mkdtemp(root));
    snprintf(path, sizeof(path), "%s/file", root);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    file_faults_set(NULL);
    unlink(path);
    assert_int_equal(rmdir(root), 0); /* nothing else may be left */
    return 0;
}

static void write_and_read(void **state)
{
    (void)state;
    static uint8_t data[100000], back[100001];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7 + i / 256);
    for (size_t chunk = 0; chunk < 4000; chunk += 1333) {
        const struct file_faults faults = {.chunk_max = chunk};
        int fd = -1;
        size_t got = 0;
        uint64_t size = 0;
        file_faults_set(&faults);
        assert_int_equal(file_open(path, FILE_CREATE, &fd), 0);
        assert_int_equal(file_write_at(fd, 10, data, sizeof(data)), 0);
        assert_int_equal(file_sync_data(fd), 0);
        assert_int_equal(file_size(fd, &size), 0);
        assert_int_equal(size, sizeof(data) + 10);
        assert_int_equal(file_read_at(fd, 10, back, sizeof(back), &got), 0);
        assert_int_equal(got, sizeof(data));
        assert_memory_equal(data, back, sizeof(data));
        assert_int_equal(file_sync(fd), 0);
        file_close(fd);
        assert_int_equal(file_remove(path), 0);
    }
}

static void open_modes(void **state)
{
    (void)state;
    int fd = -1;
    struct stat st;
    assert_int_equal(file_open(path, FILE_READ, &fd), STATUS_NOT_FOUND);
    assert_int_equal(file_open(path, FILE_WRITE, &fd), STATUS_NOT_FOUND);
    assert_false(file_exists(path));
    assert_int_equal(file_open(path, FILE_CREATE, &fd), 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    file_close(fd);
    assert_true(file_exists(path));
    assert_int_equal(file_open(path, FILE_CREATE, &fd), STATUS_EXISTS);
    assert_int_equal(file_open(path, FILE_READ, &fd), 0);
    assert_int_equal(file_write_at(fd, 0, "x", 1), STATUS_IO);
    file_close(fd);
    file_close(-1);
}

static void allocated_file_has_its_size(void **state)
{
    (void)state;
    int fd = -1;
    uint64_t size = 0;
    assert_int_equal(file_open(path, FILE_CREATE, &fd), 0);
    assert_int_equal(file_allocate(fd, 100000), 0);
    assert_int_equal(file_size(fd, &size), 0);
    assert_true(size == 100000 || size == 0);
    file_close(fd);
}

static int full_write(void *context, int fd, uint64_t offset, size_t length, size_t *kept_out)
{
    (void)context;
    (void)fd;
    (void)offset;
    *kept_out = length / 2;
    return ENOSPC;
}

static int quota_write(void *context, int fd, uint64_t offset, size_t length, size_t *kept_out)
{
    (void)full_write(context, fd, offset, length, kept_out);
    return EDQUOT;
}

static int broken_sync(void *context, int fd)
{
    (void)context;
    (void)fd;
    return EIO;
}

static const struct file_faults full = {.write = full_write};
static const struct file_faults quota = {.write = quota_write};
static const struct file_faults broken = {.sync = broken_sync};

static void faults_have_their_names(void **state)
{
    (void)state;
    int fd = -1;
    uint8_t back[10];
    size_t got = 0;
    assert_int_equal(file_open(path, FILE_CREATE, &fd), 0);
    file_faults_set(&full);
    assert_int_equal(file_write_at(fd, 0, "0123456789", 10), STATUS_FULL);
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(file_allocate(fd, 1000), STATUS_FULL);
    file_faults_set(&quota);
    assert_int_equal(file_write_at(fd, 0, "0123456789", 10), STATUS_FULL);
    file_faults_set(&broken);
    assert_int_equal(file_sync(fd), STATUS_IO);
    assert_int_equal(file_sync_data(fd), STATUS_IO);
    file_faults_set(NULL);
    assert_int_equal(file_sync_data(fd), 0);
    assert_int_equal(file_read_at(fd, 0, back, sizeof(back), &got), 0);
    assert_int_equal(got, 5); /* half of it was torn off */
    file_close(fd);
}

static void expect_content(const char *text)
{
    struct buffer b = BUFFER_EMPTY;
    assert_int_equal(file_load(path, 100, &b), 0);
    assert_int_equal(b.length, strlen(text));
    assert_memory_equal(b.data, text, b.length);
    buffer_release(&b);
}

static void replace_is_whole_or_nothing(void **state)
{
    (void)state;
    assert_int_equal(file_replace(path, "old", 3), 0);
    expect_content("old");
    file_faults_set(&full);
    assert_int_equal(file_replace(path, "newer", 5), STATUS_FULL);
    expect_content("old");
    file_faults_set(&broken);
    assert_int_equal(file_replace(path, "newer", 5), STATUS_IO);
    expect_content("old");
    file_faults_set(NULL);
    assert_int_equal(file_replace(path, "newer", 5), 0);
    expect_content("newer");
}

static void load_is_bounded(void **state)
{
    (void)state;
    struct buffer b = BUFFER_EMPTY;
    assert_int_equal(file_load(path, 100, &b), STATUS_NOT_FOUND);
    assert_int_equal(file_replace(path, "0123456789", 10), 0);
    assert_int_equal(file_load(path, 9, &b), STATUS_LIMIT);
    assert_int_equal(b.length, 0);
    buffer_append(&b, "x", 1);
    assert_int_equal(file_load(path, 10, &b), 0);
    assert_int_equal(b.length, 11);
    assert_memory_equal(b.data, "x0123456789", 11);
    buffer_clear(&b);
    assert_int_equal(file_replace(path, "", 0), 0);
    assert_int_equal(file_load(path, 0, &b), 0);
    assert_int_equal(b.length, 0);
    buffer_release(&b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(write_and_read),
        TEST(open_modes),
        TEST(allocated_file_has_its_size),
        TEST(faults_have_their_names),
        TEST(replace_is_whole_or_nothing),
        TEST(load_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
