/* Files that are written whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "client/paths.h"
#include "protocol/status.h"
#include "tests/client/fake_log.h"

static void test_replace_and_read(void **state)
{
    struct buffer text = BUFFER_EMPTY;
    struct stat stat_now;
    (void)state;
    char *folder = scratch_make();
    char *file = paths_join(folder, "a/b/file");
    assert_int_equal(paths_replace(file, 0600, "x", 1), STATUS_NOT_FOUND);
    assert_int_equal(paths_make_parent(file), STATUS_OK);
    assert_int_equal(paths_make_parent(file), STATUS_OK);
    assert_int_equal(paths_replace(file, 0600, "first", 5), STATUS_OK);
    assert_int_equal(paths_replace(file, 0600, "second!", 7), STATUS_OK);
    assert_int_equal(stat(file, &stat_now), 0);
    assert_int_equal(stat_now.st_mode & 0777, 0600);
    assert_int_equal(paths_read(file, 7, &text), STATUS_OK);
    assert_memory_equal(text.data, "second!", 7);
    buffer_clear(&text);
    assert_int_equal(paths_read(file, 6, &text), STATUS_LIMIT);
    assert_int_equal(paths_read(folder, 100, &text), STATUS_IO); /* a folder is no file */
    free(file);
    file = paths_join(folder, "a/b/file/under-a-file");
    assert_int_equal(paths_read(file, 6, &text), STATUS_NOT_FOUND);
    assert_int_equal(paths_make_folder(file), STATUS_NOT_FOUND);
    free(file);
    buffer_release(&text);
    scratch_remove(folder);
}

static void test_expand(void **state)
{
    (void)state;
    setenv("HOME", "/home/somebody", 1);
    char *path = paths_expand("~/x");
    assert_string_equal(path, "/home/somebody/x");
    free(path);
    path = paths_expand("~other/x");
    assert_string_equal(path, "~other/x");
    free(path);
    setenv("XDG_STATE_HOME", "/state", 1);
    path = paths_state();
    assert_string_equal(path, "/state/bourse");
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replace_and_read),
        cmocka_unit_test(test_expand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
