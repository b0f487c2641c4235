#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/status.h"
#include "server/engine/group.h"
#include "tests/random.h"

/* Reads to the end; the status that ended it. */
static int read_all(const uint8_t *data, size_t length, unsigned *count_out)
{
    struct group_reader reader;
    struct group_entry entry;
    *count_out = 0;
    int status = group_reader_init(&reader, data, length);
    while (status == 0 && (status = group_next(&reader, &entry)) == 0)
        ++*count_out;
    return status;
}

static void sample_make(struct buffer *b)
{
    uint8_t signature[64];
    memset(signature, 7, sizeof(signature));
    group_begin(b);
    group_add_found(b);
    group_add_start(b, CLOCK_MODE_MANUAL);
    group_add_tick(b);
    group_add_request(b, signature, (struct bytes){(const uint8_t *)"hello", 5});
    group_add_request(b, signature, (struct bytes){(const uint8_t *)"x", 1});
}

static void test_round_trip(void **state)
{
    (void)state;
    struct buffer b = BUFFER_EMPTY;
    struct group_reader reader;
    struct group_entry entry;
    sample_make(&b);
    assert_int_equal(b.status, 0);
    assert_int_equal(group_reader_init(&reader, b.data, b.length), 0);
    assert_int_equal(group_next(&reader, &entry), 0);
    assert_int_equal(entry.kind, GROUP_FOUND);
    assert_int_equal(group_next(&reader, &entry), 0);
    assert_int_equal(entry.kind, GROUP_START);
    assert_int_equal(entry.mode, CLOCK_MODE_MANUAL);
    assert_int_equal(group_next(&reader, &entry), 0);
    assert_int_equal(entry.kind, GROUP_TICK);
    assert_int_equal(group_next(&reader, &entry), 0);
    assert_int_equal(entry.kind, GROUP_REQUEST);
    assert_int_equal(entry.body.length, 5);
    assert_memory_equal(entry.body.data, "hello", 5);
    assert_int_equal(entry.signature[63], 7);
    assert_int_equal(group_next(&reader, &entry), 0);
    assert_int_equal(group_next(&reader, &entry), STATUS_NOT_FOUND);
    buffer_release(&b);
}

/* Cut short anywhere, it either ends between two entries or is malformed. */
static void test_truncation(void **state)
{
    (void)state;
    struct buffer b = BUFFER_EMPTY;
    unsigned count, ends = 0;
    sample_make(&b);
    for (size_t length = 0; length < b.length; length++) {
        uint8_t *copy = malloc(length + 1);
        memcpy(copy, b.data, length);
        int status = read_all(copy, length, &count);
        assert_true(status == STATUS_NOT_FOUND || status == STATUS_MALFORMED);
        ends += status == STATUS_NOT_FOUND;
        free(copy);
    }
    assert_int_equal(ends, 5); /* behind the version and four entries */
    buffer_release(&b);
}

static void test_faults(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
        int status;
    } cases[] = {
        {"", 0, STATUS_MALFORMED},       /* empty */
        {"\2", 1, STATUS_VERSION},       /* a newer version */
        {"\1\3\1", 3, STATUS_MALFORMED}, /* found not first */
        {"\1\2\3", 3, STATUS_MALFORMED}, /* no such clock */
        {"\1\5", 2, STATUS_MALFORMED},   /* no such entry */
        {"\1\3\3", 3, STATUS_NOT_FOUND}, /* two ticks */
        {"\1", 1, STATUS_NOT_FOUND},     /* nothing in it */
    };
    unsigned count;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(read_all((const uint8_t *)cases[i].bytes, cases[i].length, &count),
                         cases[i].status);
}

static void test_mutation(void **state)
{
    (void)state;
    random_start();
    struct buffer b = BUFFER_EMPTY;
    unsigned count;
    sample_make(&b);
    uint8_t *copy = malloc(b.length);
    for (int i = 0; i < 20000; i++) {
        memcpy(copy, b.data, b.length);
        for (uint64_t n = 1 + random_below(4); n > 0; n--)
            copy[random_below(b.length)] = (uint8_t)random_below(256);
        int status = read_all(copy, b.length, &count);
        assert_true(status == STATUS_NOT_FOUND || status == STATUS_MALFORMED ||
                    status == STATUS_VERSION);
    }
    free(copy);
    buffer_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_mutation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
