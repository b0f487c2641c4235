/* Reading: from anywhere, to the end, on from there, and beside a server that writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/status.h"
#include "tests/server/journal/scratch.h"

static struct journal_reader *reader(const struct scratch *s, uint64_t from, enum reader_mode mode)
{
    struct journal_error error = {{0}};
    struct journal_reader *r = NULL;
    if (journal_reader_open(s->folder, scratch_exchange, from, mode, &r, &error) != 0)
        fail_msg("%s", error.text);
    return r;
}

/* Reads group `index`, whose body must be right. */
static int read_one(struct journal_reader *r, uint64_t index)
{
    struct journal_error error = {{0}};
    struct journal_group group;
    const uint8_t *body;
    size_t length;
    int status = journal_read(r, &group, &body, &length, &error);
    if (status == STATUS_DAMAGED)
        fail_msg("%s", error.text);
    if (status != 0)
        return status;
    uint8_t *wanted = malloc(length + 1);
    assert_non_null(wanted);
    scratch_body(index, wanted, length);
    assert_int_equal(group.index, index);
    assert_memory_equal(body, wanted, length);
    free(wanted);
    return 0;
}

static void goes_on_after_the_end(void **state)
{
    const struct scratch *s = *state;
    struct journal *j = scratch_create(s);
    struct journal_reader *r = reader(s, 1, READER_BESIDE);
    for (uint64_t index = 1; index <= 60; index++) {
        assert_int_equal(read_one(r, index), STATUS_MORE);
        assert_int_equal(scratch_append(j, 4000), 0);
        assert_int_equal(read_one(r, index), STATUS_MORE);
        assert_int_equal(journal_sync(j), 0);
        assert_int_equal(read_one(r, index), 0);
    }
    journal_reader_close(r);
    journal_close(j);
}

static void begins_anywhere(void **state)
{
    const struct scratch *s = *state;
    struct journal *j = scratch_create(s);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(scratch_append(j, 1500), 0);
        if (i % 3 == 0)
            assert_int_equal(journal_sync(j), 0);
    }
    assert_int_equal(journal_sync(j), 0);
    journal_close(j);
    for (uint64_t from = 0; from <= 101; from++) {
        struct journal_reader *r = reader(s, from, READER_ALONE);
        uint64_t index = from == 0 ? 1 : from;
        for (; index <= 100; index++)
            assert_int_equal(read_one(r, index), 0);
        assert_int_equal(read_one(r, 101), STATUS_MORE);
        journal_reader_close(r);
    }
}

/* Half a record beside a server is no record yet, and one as soon as the rest is there. */
static void half_a_record_is_none(void **state)
{
    const struct scratch *s = *state;
    enum {
        OFFSET = 2 * JOURNAL_PAGE,
        EXTENT = 3 * JOURNAL_PAGE,
    };
    uint8_t blank[EXTENT], written[EXTENT], mixed[EXTENT];
    struct journal *j = scratch_create(s);
    scratch_write(j, 100);
    scratch_peek(s, 1, OFFSET, blank, EXTENT);
    scratch_write(j, 10000);
    scratch_peek(s, 1, OFFSET, written, EXTENT);
    journal_close(j);
    for (size_t k = 0; k < EXTENT; k += FILE_SECTOR) {
        memcpy(mixed, blank, EXTENT);
        memcpy(mixed, written, k);
        scratch_poke(s, 1, OFFSET, mixed, EXTENT);
        struct journal_reader *r = reader(s, 1, READER_BESIDE);
        assert_int_equal(read_one(r, 1), 0);
        assert_int_equal(read_one(r, 2), STATUS_MORE);
        assert_int_equal(read_one(r, 2), STATUS_MORE);
        scratch_poke(s, 1, OFFSET, written, EXTENT);
        assert_int_equal(read_one(r, 2), 0);
        journal_reader_close(r);
    }
}

/* Patience ends: what stays damaged is damage beside a server, too. */
static void damage_beside_a_server(void **state)
{
    const struct scratch *s = *state;
    struct journal *j = scratch_create(s);
    scratch_write(j, 100);
    scratch_write(j, 100);
    scratch_flip(s, 1, (uint64_t)2 * JOURNAL_PAGE + 150, 2);
    struct journal_reader *r = reader(s, 1, READER_BESIDE);
    struct journal_error error = {{0}};
    struct journal_group group;
    const uint8_t *body;
    size_t length;
    assert_int_equal(read_one(r, 1), 0);
    assert_int_equal(journal_read(r, &group, &body, &length, &error), STATUS_DAMAGED);
    assert_non_null(strstr(error.text, "offset 8192"));
    journal_reader_close(r);
    journal_close(j);
}

enum {
    BESIDE_GROUPS = 3000,
};

static void *write_beside(void *context)
{
    const struct scratch *s = context;
    const struct journal_options options = {.segment_size = SCRATCH_SEGMENT, .prepare_ahead = true};
    struct journal *j = NULL;
    if (journal_open(s->folder, scratch_exchange, 1, &options, &j, NULL) != 0)
        return "cannot open";
    for (int i = 0; i < BESIDE_GROUPS; i++) {
        if (scratch_append(j, (size_t)(i * 37) % 20000) != 0)
            return "cannot append";
        if (i % 3 == 0 && journal_sync(j) != 0)
            return "cannot sync";
    }
    if (journal_sync(j) != 0)
        return "cannot sync";
    journal_close(j);
    return NULL;
}

static void reads_beside_a_writer(void **state)
{
    struct scratch *s = *state;
    journal_close(scratch_create(s));
    pthread_t thread;
    struct journal_reader *r = reader(s, 1, READER_BESIDE);
    assert_int_equal(pthread_create(&thread, NULL, write_beside, s), 0);
    for (uint64_t index = 1; index <= BESIDE_GROUPS;) {
        int status = read_one(r, index);
        if (status == 0)
            index++;
        else
            assert_int_equal(status, STATUS_MORE);
    }
    void *failure = NULL;
    assert_int_equal(pthread_join(thread, &failure), 0);
    assert_null(failure);
    assert_int_equal(read_one(r, BESIDE_GROUPS + 1), STATUS_MORE);
    journal_reader_close(r);
    assert_int_equal(scratch_check(s, 1), BESIDE_GROUPS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(goes_on_after_the_end),  TEST(begins_anywhere),       TEST(half_a_record_is_none),
        TEST(damage_beside_a_server), TEST(reads_beside_a_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
