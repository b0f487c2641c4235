/* A torn record is cut off; damage of any other kind is named and nothing is touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/status.h"
#include "tests/random.h"
#include "tests/server/journal/scratch.h"

enum {
    /* Three groups of a page, then one of two pages: sixteen sectors to lose. */
    BEFORE = 3,
    BEFORE_LENGTH = 3000,
    LAST_OFFSET = (1 + BEFORE) * JOURNAL_PAGE,
    LAST_LENGTH = 6000,
    LAST_EXTENT = 2 * JOURNAL_PAGE,
    LAST_SECTORS = LAST_EXTENT / FILE_SECTOR,
    ALL = (1 << LAST_SECTORS) - 1,
};

struct images {
    uint8_t blank[LAST_EXTENT];   /* before the last record was written */
    uint8_t written[LAST_EXTENT]; /* and after */
};

static void images_make(const struct scratch *s, struct images *images)
{
    struct journal *j = scratch_create(s);
    for (int i = 0; i < BEFORE; i++)
        scratch_write(j, BEFORE_LENGTH);
    scratch_peek(s, 1, LAST_OFFSET, images->blank, LAST_EXTENT);
    scratch_write(j, LAST_LENGTH);
    scratch_peek(s, 1, LAST_OFFSET, images->written, LAST_EXTENT);
    journal_close(j);
}

/* Puts on disk those sectors of the last record whose bit is set. */
static void sectors_put(const struct scratch *s, const struct images *images, unsigned mask)
{
    uint8_t mixed[LAST_EXTENT];
    for (unsigned i = 0; i < LAST_SECTORS; i++) {
        const uint8_t *from = (mask >> i & 1) != 0 ? images->written : images->blank;
        memcpy(mixed + i * FILE_SECTOR, from + i * FILE_SECTOR, FILE_SECTOR);
    }
    scratch_poke(s, 1, LAST_OFFSET, mixed, LAST_EXTENT);
}

static void expect_torn(const struct scratch *s, const struct images *images, unsigned mask)
{
    uint8_t after[LAST_EXTENT];
    sectors_put(s, images, mask);
    assert_int_equal(scratch_check(s, 1), BEFORE);
    struct journal *j = scratch_open(s, 1);
    assert_int_equal(journal_last(j), BEFORE);
    assert_int_equal(journal_was_torn(j), mask != 0);
    scratch_peek(s, 1, LAST_OFFSET, after, sizeof(after));
    assert_memory_equal(after, images->blank, sizeof(after));
    /* The next record stands in the same place and can be told apart just as well. */
    scratch_write(j, 10);
    journal_close(j);
    assert_int_equal(scratch_check(s, 1), BEFORE + 1);
}

static void torn_at_each_sector(void **state)
{
    const struct scratch *s = *state;
    struct images images;
    images_make(s, &images);
    for (unsigned k = 0; k < LAST_SECTORS; k++) {
        expect_torn(s, &images, (1u << k) - 1);                /* only the first k arrived */
        expect_torn(s, &images, ALL & ~((1u << (k + 1)) - 1)); /* the first k + 1 did not */
        expect_torn(s, &images, ALL & ~(1u << k));             /* one is missing */
        expect_torn(s, &images, 1u << k);                      /* one is there */
        for (unsigned i = 0; i < k; i++)
            expect_torn(s, &images, ALL & ~(1u << k) & ~(1u << i));
    }
    sectors_put(s, &images, ALL);
    assert_int_equal(scratch_check(s, 1), BEFORE + 1);
}

static void torn_anyhow(void **state)
{
    const struct scratch *s = *state;
    struct images images;
    struct seeded_entropy e;
    seeded_entropy_init(&e, random_seed());
    images_make(s, &images);
    for (int i = 0; i < 200; i++) {
        unsigned mask = (unsigned)seeded_entropy_next(&e) & ALL;
        if (mask != ALL)
            expect_torn(s, &images, mask);
    }
}

/* Damage in a file's record area must be found, named by its offset, and left as it is. */
static void expect_damage(const struct scratch *s, uint64_t number, uint64_t offset)
{
    struct journal_error error = {{0}};
    char words[PATH_MAX + 64], path[PATH_MAX];
    scratch_path(s, number, path);
    snprintf(words, sizeof(words), "%s: offset %" PRIu64 ":", path, offset);
    assert_int_equal(scratch_read_all(s, &error), STATUS_DAMAGED);
    if (strstr(error.text, words) == NULL)
        fail_msg("\"%s\" does not name \"%s\"", error.text, words);
}

static void each_flipped_bit_is_damage(void **state)
{
    const struct scratch *s = *state;
    struct images images;
    images_make(s, &images);
    struct seeded_entropy e;
    seeded_entropy_init(&e, random_seed());
    for (uint64_t at = JOURNAL_PAGE; at < LAST_OFFSET + LAST_EXTENT; at++) {
        uint64_t record = at < LAST_OFFSET ? at / JOURNAL_PAGE * JOURNAL_PAGE : LAST_OFFSET;
        /* Each byte of the headers and of the last record's edges, some of the rest. */
        if (at - record > RECORD_HEADER_SIZE + GROUP_HEADER_SIZE &&
            at + 64 < LAST_OFFSET + LAST_EXTENT && at % 13 != 0)
            continue;
        unsigned bit = (unsigned)seeded_entropy_next(&e) % 8;
        scratch_flip(s, 1, at, bit);
        expect_damage(s, 1, record);
        scratch_flip(s, 1, at, bit);
    }
    assert_int_equal(scratch_check(s, 1), BEFORE + 1);
}

static void damage_is_left_alone(void **state)
{
    const struct scratch *s = *state;
    struct images images;
    uint8_t *before = test_malloc(SCRATCH_SEGMENT), *after = test_malloc(SCRATCH_SEGMENT);
    images_make(s, &images);
    scratch_flip(s, 1, LAST_OFFSET + 1000, 3);
    scratch_peek(s, 1, 0, before, SCRATCH_SEGMENT);
    scratch_open_fails(s, 1, STATUS_DAMAGED, "written whole and its content is damaged");
    scratch_peek(s, 1, 0, after, SCRATCH_SEGMENT);
    assert_memory_equal(before, after, SCRATCH_SEGMENT);
    test_free(before);
    test_free(after);
}

/* A bit that flips in a record that was torn anyway takes nothing from anybody. */
static void torn_and_flipped(void **state)
{
    const struct scratch *s = *state;
    struct images images;
    images_make(s, &images);
    sectors_put(s, &images, ALL & ~(1u << 9));
    scratch_flip(s, 1, LAST_OFFSET + 3 * FILE_SECTOR, 0);
    struct journal *j = scratch_open(s, 1);
    assert_true(journal_was_torn(j));
    assert_int_equal(journal_last(j), BEFORE);
    journal_close(j);
}

/* Blanks the first sector, or one in the middle, of a record that another one follows. */
static void record_behind_a_hole(void **state)
{
    const struct scratch *s = *state;
    struct images images;
    images_make(s, &images);
    struct journal *j = scratch_open(s, 1);
    scratch_write(j, 100);
    journal_close(j);

    sectors_put(s, &images, ALL & ~1u);
    scratch_open_fails(s, 1, STATUS_DAMAGED, "follows a hole");
    sectors_put(s, &images, 0);
    scratch_open_fails(s, 1, STATUS_DAMAGED, "follows a hole");
    sectors_put(s, &images, ALL & ~(1u << 5));
    scratch_open_fails(s, 1, STATUS_DAMAGED, "is not whole");
    /* What follows need not be valid to be proof. */
    scratch_flip(s, 1, LAST_OFFSET + LAST_EXTENT + 3, 1);
    scratch_open_fails(s, 1, STATUS_DAMAGED, "is not whole");
    scratch_flip(s, 1, LAST_OFFSET + LAST_EXTENT + 3, 1);
    sectors_put(s, &images, ALL);
    assert_int_equal(scratch_check(s, 1), BEFORE + 2);
}

/* A record of zeros, or of anything else, is not one that was never written. */
static void overwritten_sector(void **state)
{
    const struct scratch *s = *state;
    struct images images;
    images_make(s, &images);
    uint8_t sector[FILE_SECTOR] = {0};
    for (unsigned i = 0; i < LAST_SECTORS - 4; i++) {
        scratch_poke(s, 1, LAST_OFFSET + i * FILE_SECTOR, sector, sizeof(sector));
        expect_damage(s, 1, LAST_OFFSET);
        sectors_put(s, &images, ALL);
    }
    /* Nor is a blank sector of another place, as a misdirected write leaves it. */
    scratch_peek(s, 1, LAST_OFFSET + LAST_EXTENT, sector, sizeof(sector));
    scratch_poke(s, 1, LAST_OFFSET + 2 * FILE_SECTOR, sector, sizeof(sector));
    expect_damage(s, 1, LAST_OFFSET);
}

/* The segment's first record torn, with the one before it in the segment before. */
static void torn_first_of_segment(void **state)
{
    const struct scratch *s = *state;
    uint8_t blank[JOURNAL_PAGE];
    struct journal *j = scratch_create(s);
    for (int i = 0; i < 2; i++)
        scratch_write(j, journal_body_max(j));
    scratch_write(j, 1000);
    journal_close(j);
    uint8_t written[JOURNAL_PAGE];
    scratch_peek(s, 3, JOURNAL_PAGE, written, sizeof(written));
    scratch_peek(s, 3, (uint64_t)2 * JOURNAL_PAGE, blank, sizeof(blank));
    struct segment segment;
    assert_int_equal(segment_open(&segment, s->folder, 3, scratch_exchange, FILE_READ, NULL), 0);
    segment_pattern(&segment, JOURNAL_PAGE, blank, sizeof(blank));
    segment_close(&segment);
    for (unsigned k = 0; k < JOURNAL_PAGE / FILE_SECTOR; k++) {
        scratch_poke(s, 3, JOURNAL_PAGE, written, sizeof(written));
        scratch_poke(s, 3, JOURNAL_PAGE + k * FILE_SECTOR, blank + k * FILE_SECTOR, FILE_SECTOR);
        assert_int_equal(scratch_check(s, 1), 2);
        for (uint64_t from = 1; from <= 3; from++) {
            j = scratch_open(s, from);
            assert_int_equal(journal_was_torn(j), from == 1);
            assert_int_equal(journal_last(j), 2);
            journal_close(j);
        }
    }
    j = scratch_open(s, 3);
    scratch_write(j, 500);
    journal_close(j);
    assert_int_equal(scratch_check(s, 1), 3);
}

/* A segment was finished and synced before the next was begun. */
static void torn_before_next_segment(void **state)
{
    const struct scratch *s = *state;
    uint8_t blank[FILE_SECTOR];
    struct journal *j = scratch_create(s);
    scratch_write(j, 40000);
    scratch_write(j, 40000);
    journal_close(j);
    struct segment segment;
    assert_int_equal(segment_open(&segment, s->folder, 1, scratch_exchange, FILE_READ, NULL), 0);
    segment_pattern(&segment, JOURNAL_PAGE + 5 * FILE_SECTOR, blank, sizeof(blank));
    segment_close(&segment);
    scratch_poke(s, 1, JOURNAL_PAGE + 5 * FILE_SECTOR, blank, sizeof(blank));
    scratch_open_fails(s, 1, STATUS_DAMAGED, "is not whole");
}

static void fill(const struct scratch *s, int count)
{
    struct journal *j = scratch_create(s);
    for (int i = 0; i < count; i++)
        scratch_write(j, 20000);
    journal_close(j);
}

static void missing_segment(void **state)
{
    const struct scratch *s = *state;
    char path[PATH_MAX];
    fill(s, 10);
    scratch_path(s, 3, path);
    assert_int_equal(file_remove(path), 0);
    scratch_open_fails(s, 1, STATUS_DAMAGED, "this segment is missing (number 3)");
    scratch_open_fails(s, 1, STATUS_DAMAGED, path);
}

static void missing_ends(void **state)
{
    const struct scratch *s = *state;
    char path[PATH_MAX];
    fill(s, 10);
    /* Old segments may be moved away; what is left must then be enough. */
    scratch_path(s, 1, path);
    assert_int_equal(file_remove(path), 0);
    scratch_open_fails(s, 1, STATUS_NOT_FOUND, "begins at group");
    scratch_open_fails(s, 1, STATUS_NOT_FOUND, "the segments 1 to 1 are missing");
    scratch_open_fails(s, 1, STATUS_NOT_FOUND, s->folder);
    assert_int_equal(scratch_check(s, 5), 10);
    /* The newest may not: the caller knows how far the journal must reach. */
    uint64_t first, last;
    assert_int_equal(segment_range(s->folder, &first, &last, NULL), 0);
    scratch_path(s, last, path);
    assert_int_equal(file_remove(path), 0);
    scratch_open_fails(s, 11, STATUS_DAMAGED, "group 10 is known to have been in it");
}

static void wrong_chain(void **state)
{
    const struct scratch *s = *state;
    fill(s, 3);
    struct segment segment;
    struct record_header h;
    uint64_t offset = JOURNAL_PAGE + record_extent(group_extent(20000));
    uint8_t *record = test_malloc(record_extent(group_extent(20000)));
    assert_int_equal(segment_open(&segment, s->folder, 1, scratch_exchange, FILE_READ, NULL), 0);
    scratch_peek(s, 1, offset, record, record_extent(group_extent(20000)));
    assert_true(record_header_decode(record, &segment, offset, &h));

    /* The same groups in a record that is right but for what it says of its place in the order. */
    struct buffer b = BUFFER_EMPTY;
    buffer_append(&b, record, RECORD_HEADER_SIZE + h.length);
    h.before[7] ^= 1;
    record_finish(&b, &segment, &h);
    scratch_poke(s, 1, offset, b.data, b.length);
    expect_damage(s, 1, offset);
    scratch_open_fails(s, 1, STATUS_DAMAGED, "does not follow the record before it");
    h.before[7] ^= 1;
    b.length = RECORD_HEADER_SIZE + h.length;
    h.first_index = 3;
    record_finish(&b, &segment, &h);
    scratch_poke(s, 1, offset, b.data, b.length);
    scratch_open_fails(s, 1, STATUS_DAMAGED, "group 3 instead of group 2");
    segment_close(&segment);
    buffer_release(&b);
    test_free(record);
}

/* A record copied to where another should be is whole but misplaced. */
static void misplaced_record(void **state)
{
    const struct scratch *s = *state;
    struct images images;
    uint8_t page[JOURNAL_PAGE];
    images_make(s, &images);
    scratch_peek(s, 1, (uint64_t)2 * JOURNAL_PAGE, page, sizeof(page));
    scratch_poke(s, 1, (uint64_t)3 * JOURNAL_PAGE, page, sizeof(page));
    expect_damage(s, 1, (uint64_t)3 * JOURNAL_PAGE);
}

static void foreign_segment(void **state)
{
    const struct scratch *s = *state;
    static const uint8_t other[JOURNAL_HASH] = "another exchange";
    const struct journal_options options = {.segment_size = SCRATCH_SEGMENT};
    fill(s, 5);
    struct scratch foreign = *s;
    snprintf(foreign.folder, sizeof(foreign.folder), "%s/foreign", s->root);
    struct journal *j = NULL;
    assert_int_equal(journal_create(foreign.folder, other, &options, NULL), 0);
    assert_int_equal(journal_open(foreign.folder, other, 1, &options, &j, NULL), 0);
    for (int i = 0; i < 5; i++)
        scratch_write(j, 20000);
    journal_close(j);
    uint8_t *data = test_malloc(SCRATCH_SEGMENT);
    scratch_peek(&foreign, 2, 0, data, SCRATCH_SEGMENT);
    for (uint64_t number = 1; number <= 3; number++) {
        char path[PATH_MAX];
        scratch_path(&foreign, number, path);
        (void)file_remove(path);
    }
    assert_int_equal(remove(foreign.folder), 0);
    scratch_poke(s, 2, 0, data, SCRATCH_SEGMENT);
    test_free(data);
    scratch_open_fails(s, 1, STATUS_DAMAGED, "belongs to another exchange");
}

static void damaged_label(void **state)
{
    const struct scratch *s = *state;
    char path[PATH_MAX];
    fill(s, 5);
    scratch_path(s, 2, path);
    for (uint64_t at = 0; at < JOURNAL_PAGE; at += at < LABEL_END ? 1 : 61) {
        scratch_flip(s, 2, at, (unsigned)at % 8);
        scratch_open_fails(s, 1, STATUS_DAMAGED, path);
        scratch_flip(s, 2, at, (unsigned)at % 8);
    }
    uint8_t byte = 0;
    scratch_poke(s, 2, SCRATCH_SEGMENT, &byte, 1);
    scratch_open_fails(s, 1, STATUS_DAMAGED, "bytes long instead of");
}

/* The segment of another number under this name. */
static void renamed_segment(void **state)
{
    const struct scratch *s = *state;
    uint8_t *data = test_malloc(SCRATCH_SEGMENT);
    fill(s, 5);
    scratch_peek(s, 1, 0, data, SCRATCH_SEGMENT);
    scratch_poke(s, 2, 0, data, SCRATCH_SEGMENT);
    scratch_open_fails(s, 1, STATUS_DAMAGED, "this is segment 1");
    test_free(data);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(torn_at_each_sector),  TEST(torn_anyhow),           TEST(each_flipped_bit_is_damage),
        TEST(damage_is_left_alone), TEST(torn_and_flipped),      TEST(record_behind_a_hole),
        TEST(overwritten_sector),   TEST(torn_first_of_segment), TEST(torn_before_next_segment),
        TEST(missing_segment),      TEST(missing_ends),          TEST(wrong_chain),
        TEST(misplaced_record),     TEST(foreign_segment),       TEST(damaged_label),
        TEST(renamed_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
