/* Writing whole: over a pipe that takes less at once than is given to it, and where it fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "protocol/write_all.h"

enum { LARGE = 1024 * 1024 }; /* far more than a pipe holds */

struct reader {
    int fd;
    size_t length;
    uint32_t sum;
};

static void *read_slowly(void *argument)
{
    struct reader *r = argument;
    uint8_t piece[1000];
    ssize_t n;
    while ((n = read(r->fd, piece, sizeof(piece))) > 0) {
        r->length += (size_t)n;
        for (ssize_t i = 0; i < n; i++)
            r->sum = r->sum * 31 + piece[i];
    }
    return NULL;
}

static void test_short_writes(void **state)
{
    int ends[2];
    pthread_t thread;
    uint32_t sum = 0;
    uint8_t *data = malloc(LARGE);
    (void)state;
    assert_non_null(data);
    for (size_t i = 0; i < LARGE; i++) {
        data[i] = (uint8_t)(i * 7 + i / 251);
        sum = sum * 31 + data[i];
    }
    assert_int_equal(pipe(ends), 0);
    struct reader r = {.fd = ends[0]};
    assert_int_equal(pthread_create(&thread, NULL, read_slowly, &r), 0);
    assert_true(write_all(ends[1], data, LARGE));
    assert_true(write_all(ends[1], NULL, 0));
    close(ends[1]);
    pthread_join(thread, NULL);
    close(ends[0]);
    assert_int_equal(r.length, LARGE);
    assert_int_equal(r.sum, sum);
    free(data);
}

static void test_failures(void **state)
{
    int ends[2];
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_false(write_all(ends[1], "x", 1));
    assert_int_equal(errno, EPIPE);
    close(ends[1]);
    assert_false(write_all(-1, "x", 1));
    assert_int_equal(errno, EBADF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_short_writes),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
