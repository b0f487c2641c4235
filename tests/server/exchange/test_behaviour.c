/* Runs every table of behaviour/, one test a file. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "tests/server/exchange/scenario.h"

static void file_test(void **state)
{
    const char *path = *state;
    assert_int_equal(scenario_run_file(path), 0);
}

int main(int argc, char **argv)
{
    glob_t found;
    const char *pattern = argc > 1 ? argv[1] : BEHAVIOUR_FOLDER "/*.txt";
    if (sodium_init() < 0 || glob(pattern, 0, NULL, &found) != 0)
        return EXIT_FAILURE;
    struct CMUnitTest *tests = calloc(found.gl_pathc, sizeof(*tests));
    if (!tests)
        return EXIT_FAILURE;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *slash = strrchr(found.gl_pathv[i], '/');
        tests[i].name = slash ? slash + 1 : found.gl_pathv[i];
        tests[i].test_func = file_test;
        tests[i].initial_state = found.gl_pathv[i];
    }
    int failed = _cmocka_run_group_tests("behaviour", tests, found.gl_pathc, NULL, NULL);
    free(tests);
    globfree(&found);
    return failed;
}
