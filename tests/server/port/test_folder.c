/* Folders: listing, and the lock that only one can hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/status.h"
#include "server/port/file.h"

static char root[PATH_MAX / 2];

static int remove_visit(void *context, const char *name)
{
    char path[PATH_MAX];
    (void)context;
    snprintf(path, sizeof(path), "%s/%s", root, name);
    return remove(path);
}

static int setup(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(root, sizeof(root), "%s/bourse-folder-XXXXXX", base != NULL ? base : "/tmp");
    assert_non_null(mkdtemp(root));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    folder_list(root, remove_visit, NULL);
    assert_int_equal(rmdir(root), 0);
    return 0;
}

static int count_visit(void *context, const char *name)
{
    int *count = context;
    assert_true(strcmp(name, "one") == 0 || strcmp(name, "two") == 0);
    return ++*count == 5 ? STATUS_LIMIT : 0;
}

static void create_list_rename(void **state)
{
    (void)state;
    char one[PATH_MAX], two[PATH_MAX];
    int count = 0;
    snprintf(one, sizeof(one), "%s/one", root);
    snprintf(two, sizeof(two), "%s/two", root);
    assert_int_equal(folder_list(one, count_visit, &count), STATUS_NOT_FOUND);
    assert_int_equal(folder_list(root, count_visit, &count), 0);
    assert_int_equal(count, 0);
    assert_int_equal(folder_create(one), 0);
    assert_int_equal(folder_create(one), STATUS_EXISTS);
    assert_int_equal(file_replace(two, "x", 1), 0);
    assert_int_equal(folder_list(root, count_visit, &count), 0);
    assert_int_equal(count, 2);
    count = 4;
    assert_int_equal(folder_list(root, count_visit, &count), STATUS_LIMIT);
    assert_int_equal(folder_sync(root), 0);
    assert_int_equal(file_remove(two), 0);
    assert_int_equal(file_rename(one, two), 0);
    assert_false(file_exists(one));
    assert_int_equal(folder_sync(one), STATUS_NOT_FOUND);
}

static void lock_excludes(void **state)
{
    (void)state;
    int first = -1, second = -1;
    pid_t holder = -1;
    assert_int_equal(folder_lock(root, &first, &holder), 0);
    assert_int_equal(holder, 0);
    assert_int_equal(folder_lock(root, &second, &holder), STATUS_LOCKED);
    assert_int_equal(holder, getpid());
    folder_unlock(first);
    assert_int_equal(folder_lock(root, &second, &holder), 0);
    folder_unlock(second);
}

static void lock_of_a_killed_process_is_free(void **state)
{
    (void)state;
    int ready[2], fd = -1;
    pid_t holder = -1;
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (folder_lock(root, &fd, &holder) == 0 && write(ready[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(folder_lock(root, &fd, &holder), STATUS_LOCKED);
    assert_int_equal(holder, child);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(folder_lock(root, &fd, &holder), 0);
    folder_unlock(fd);
    close(ready[0]);
    close(ready[1]);
}

static void file_lock_excludes(void **state)
{
    (void)state;
    char path[PATH_MAX];
    int first = -1, second = -1;
    snprintf(path, sizeof(path), "%s/file", root);
    assert_int_equal(file_lock(path, &first), STATUS_NOT_FOUND);
    assert_int_equal(file_replace(path, "x", 1), 0);
    assert_int_equal(file_lock(path, &first), 0);
    assert_int_equal(file_lock(path, &second), STATUS_LOCKED);
    file_close(first);
    assert_int_equal(file_lock(path, &second), 0);
    file_close(second);
}

static void lock_needs_the_folder(void **state)
{
    (void)state;
    char path[PATH_MAX];
    int fd = -1;
    pid_t holder = -1;
    snprintf(path, sizeof(path), "%s/none", root);
    assert_int_equal(folder_lock(path, &fd, &holder), STATUS_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(create_list_rename),
        TEST(lock_excludes),
        TEST(lock_of_a_killed_process_is_free),
        TEST(file_lock_excludes),
        TEST(lock_needs_the_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
