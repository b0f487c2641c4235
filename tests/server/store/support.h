/* What the tests of the store share: random numbers from a printed seed, folders for images. */
#ifndef BOURSE_TESTS_STORE_SUPPORT_H
#define BOURSE_TESTS_STORE_SUPPORT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/random.h"

/* A folder of one's own; folder_remove() takes it and an image in it away. */
static inline void folder_make(char path[256])
{
    const char *base = getenv("TMPDIR");
    snprintf(path, 256, "%s/bourse-store-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(path));
}

static inline void folder_remove(const char *path)
{
    char file[300];
    snprintf(file, sizeof(file), "%s/data.mdb", path);
    unlink(file);
    snprintf(file, sizeof(file), "%s/lock.mdb", path);
    unlink(file);
    assert_int_equal(rmdir(path), 0);
}

#endif
