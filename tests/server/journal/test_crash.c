/*
 * Random crashes: groups are appended and synced, then the power fails in the midst of a write and
 * any of its sectors may or may not be on the disk. Whatever was acknowledged must be there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "protocol/status.h"
#include "tests/random.h"
#include "tests/server/journal/scratch.h"

enum {
    CRASHES = 150,
    WRITE_MAX = 1 << 20,
};

/* Stops the world at a write or a sync, and keeps what the last write changed. */
struct power {
    struct seeded_entropy entropy;
    int left; /* operations until it fails */
    uint64_t offset;
    size_t length;
    uint8_t before[WRITE_MAX];
};

static int power_write(void *context, int fd, uint64_t offset, size_t length, size_t *kept_out)
{
    struct power *p = context;
    if (p->left == 0)
        return EIO; /* after the failure: nothing more arrives */
    size_t got = 0;
    p->offset = offset;
    p->length = length <= WRITE_MAX ? length : 0;
    assert_int_equal(file_read_at(fd, offset, p->before, p->length, &got), 0);
    if (got < p->length)
        p->length = 0; /* a file that is being made: its name does not exist yet */
    if (--p->left > 0)
        return 0;
    *kept_out = seeded_entropy_next(&p->entropy) % (length / FILE_SECTOR + 1) * FILE_SECTOR;
    return EIO;
}

static int power_sync(void *context, int fd)
{
    struct power *p = context;
    (void)fd;
    return p->left == 0 || --p->left == 0 ? EIO : 0;
}

/* The last write was not synced: some of its sectors go back to what they were. */
static void sectors_lose(struct power *p, int fd)
{
    unsigned odds = (unsigned)seeded_entropy_next(&p->entropy) % 5;
    for (size_t at = 0; at < p->length; at += FILE_SECTOR) {
        if (seeded_entropy_next(&p->entropy) % 4 < odds)
            continue;
        size_t length = p->length - at < FILE_SECTOR ? p->length - at : FILE_SECTOR;
        assert_int_equal(file_write_at(fd, p->offset + at, p->before + at, length), 0);
    }
}

/* Appends until the power fails; returns the last group that was acknowledged. */
static uint64_t run(const struct scratch *s, struct power *p, uint64_t from)
{
    const struct journal_options options = {.segment_size = SCRATCH_SEGMENT};
    const struct file_faults faults = {p, power_write, power_sync, 0};
    struct journal *j = NULL;
    uint64_t acknowledged = from - 1;
    char path[PATH_MAX];
    int fd = -1;
    p->left = 1 + (int)(seeded_entropy_next(&p->entropy) % 60);
    p->length = 0;
    file_faults_set(&faults);
    if (journal_open(s->folder, scratch_exchange, from, &options, &j, NULL) == 0) {
        for (;;) {
            int status = 0;
            unsigned groups = 1 + (unsigned)(seeded_entropy_next(&p->entropy) % 4);
            for (unsigned i = 0; status == 0 && i < groups; i++)
                status = scratch_append(j, seeded_entropy_next(&p->entropy) % 9000);
            if (status == 0)
                status = journal_sync(j);
            acknowledged = journal_durable(j);
            if (status != 0)
                break;
        }
    }
    file_faults_set(NULL);
    /* Whichever segment the last write went to is told by its content. */
    uint64_t first, last;
    assert_int_equal(segment_range(s->folder, &first, &last, NULL), 0);
    uint8_t *now = test_malloc(WRITE_MAX);
    for (uint64_t number = last; p->length > 0 && number >= first && number + 2 > last; number--) {
        size_t got = 0;
        scratch_path(s, number, path);
        assert_int_equal(file_open(path, FILE_WRITE, &fd), 0);
        assert_int_equal(file_read_at(fd, p->offset, now, p->length, &got), 0);
        /* An acknowledged record must not lose anything; this one was not. */
        if (j != NULL && got == p->length && p->offset >= JOURNAL_PAGE &&
            memcmp(now, RECORD_MAGIC, 8) == 0 && memcmp(now, p->before, got) != 0) {
            struct segment segment;
            struct record_header h;
            assert_int_equal(
                segment_open(&segment, s->folder, number, scratch_exchange, FILE_READ, NULL), 0);
            if (record_header_decode(now, &segment, p->offset, &h) &&
                h.first_index == acknowledged + 1)
                sectors_lose(p, fd);
            segment_close(&segment);
        }
        file_close(fd);
    }
    test_free(now);
    journal_close(j);
    return acknowledged;
}

static void crashes_lose_nothing_acknowledged(void **state)
{
    const struct scratch *s = *state;
    struct power *p = test_calloc(1, sizeof(*p));
    seeded_entropy_init(&p->entropy, random_seed());
    journal_close(scratch_create(s));
    uint64_t last = 0, torn = 0;
    for (int i = 0; i < CRASHES; i++) {
        uint64_t acknowledged = run(s, p, last + 1);
        assert_true(acknowledged >= last);
        struct journal *j = scratch_open(s, last + 1);
        torn += journal_was_torn(j);
        last = journal_last(j);
        assert_true(last >= acknowledged);
        journal_close(j);
    }
    assert_int_equal(scratch_check(s, 1), last);
    /* Otherwise this test would test nothing. */
    assert_true(torn > CRASHES / 10);
    print_message("%d crashes, %d torn records, %d groups\n", CRASHES, (int)torn, (int)last);
    test_free(p);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(crashes_lose_nothing_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
