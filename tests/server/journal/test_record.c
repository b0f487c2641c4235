/* Records as bytes: there and back, cut short, and with any byte changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/endian.h"
#include "tests/random.h"
#include "tests/server/journal/scratch.h"

static const struct segment place = {.fd = -1, .number = 5, .size = SCRATCH_SEGMENT, .salt = {9}};

enum {
    OFFSET = 3 * JOURNAL_PAGE,
};

static struct record_header make(struct buffer *b, unsigned groups, size_t length)
{
    struct record_header h = {.group_count = groups, .first_index = 41, .offset = OFFSET};
    memset(h.before, 0x11, sizeof(h.before));
    record_begin(b);
    for (unsigned i = 0; i < groups; i++) {
        uint8_t *body = malloc(length + 1);
        assert_non_null(body);
        const struct journal_group group = scratch_group(41 + i);
        scratch_body(41 + i, body, length);
        const struct iovec part = {body, length};
        record_add(b, &group, &part, 1, length);
        free(body);
    }
    record_finish(b, &place, &h);
    assert_int_equal(b->status, 0);
    assert_int_equal(b->length, record_extent(h.length));
    return h;
}

static void there_and_back(void **state)
{
    (void)state;
    for (size_t length = 0; length < 5000; length += length < 20 ? 1 : 487) {
        for (unsigned groups = 1; groups <= 3; groups++) {
            struct buffer b = BUFFER_EMPTY;
            struct record_header made = make(&b, groups, length), read;
            assert_true(record_header_decode(b.data, &place, OFFSET, &read));
            assert_true(record_body_valid(b.data, &read));
            assert_int_equal(read.group_count, groups);
            assert_int_equal(read.first_index, 41);
            assert_memory_equal(read.hash, made.hash, sizeof(made.hash));
            assert_memory_equal(read.before, made.before, sizeof(made.before));
            const uint8_t *at = b.data + RECORD_HEADER_SIZE;
            size_t left = read.length;
            for (unsigned i = 0; i < groups; i++) {
                struct journal_group group;
                const uint8_t *body;
                size_t body_length;
                size_t taken = record_take(at, left, &group, &body, &body_length);
                assert_int_equal(taken, group_extent(length));
                assert_int_equal(group.index, 41 + i);
                assert_int_equal(body_length, length);
                at += taken;
                left -= taken;
            }
            assert_int_equal(left, 0);
            buffer_release(&b);
        }
    }
}

static void each_changed_byte_is_seen(void **state)
{
    (void)state;
    struct buffer b = BUFFER_EMPTY;
    struct record_header h;
    make(&b, 2, 3000);
    for (size_t i = 0; i < b.length; i++) {
        uint8_t flip = (uint8_t)(1u << i % 8);
        b.data[i] ^= flip;
        bool whole =
            record_header_decode(b.data, &place, OFFSET, &h) && record_body_valid(b.data, &h);
        assert_false(whole);
        b.data[i] ^= flip;
    }
    buffer_release(&b);
}

static void place_is_part_of_the_record(void **state)
{
    (void)state;
    struct buffer b = BUFFER_EMPTY;
    struct record_header h;
    make(&b, 1, 100);
    struct segment other = place;
    assert_false(record_header_decode(b.data, &place, OFFSET + JOURNAL_PAGE, &h));
    other.number = 6;
    assert_false(record_header_decode(b.data, &other, OFFSET, &h));
    other = place;
    other.salt[31] = 1;
    assert_false(record_header_decode(b.data, &other, OFFSET, &h));
    other = place;
    other.size = OFFSET;
    assert_true(record_header_decode(b.data, &place, OFFSET, &h));
    buffer_release(&b);
}

/* A header whose hash is right still may not claim more than there can be. */
static void impossible_lengths(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {SCRATCH_SEGMENT, JOURNAL_RECORD_MAX, UINT32_MAX};
    struct buffer b = BUFFER_EMPTY;
    struct record_header h;
    make(&b, 1, 100);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        put_u32_le(b.data + RECORD_LENGTH, lengths[i]);
        crypto_generichash(b.data + RECORD_HASH, JOURNAL_HASH, b.data, RECORD_HASH, place.salt,
                           sizeof(place.salt));
        assert_false(record_header_decode(b.data, &place, OFFSET, &h));
    }
    buffer_release(&b);
}

static void groups_cut_short(void **state)
{
    (void)state;
    struct buffer b = BUFFER_EMPTY;
    struct record_header h = make(&b, 1, 500);
    struct journal_group group;
    const uint8_t *body;
    size_t length;
    for (size_t left = 0; left < h.length; left++) {
        /* In memory of exactly this size, so that a sanitizer sees a read beyond it. */
        uint8_t *part = malloc(left + (left == 0));
        assert_non_null(part);
        memcpy(part, b.data + RECORD_HEADER_SIZE, left);
        assert_int_equal(record_take(part, left, &group, &body, &length), 0);
        free(part);
    }
    buffer_release(&b);
}

static void groups_of_noise(void **state)
{
    (void)state;
    struct seeded_entropy e;
    seeded_entropy_init(&e, random_seed());
    for (int i = 0; i < 20000; i++) {
        uint8_t noise[256];
        size_t size = seeded_entropy_next(&e) % sizeof(noise);
        struct journal_group group;
        const uint8_t *body;
        size_t length;
        entropy_fill(&e.entropy, noise, sizeof(noise));
        if (i % 2 == 0)
            put_u32_le(noise + GROUP_LENGTH, (uint32_t)(noise[0]));
        size_t taken = record_take(noise, size, &group, &body, &length);
        assert_true(taken <= size);
        if (taken > 0)
            assert_true(body >= noise && body + length <= noise + size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(each_changed_byte_is_seen),
        cmocka_unit_test(place_is_part_of_the_record),
        cmocka_unit_test(impossible_lengths),
        cmocka_unit_test(groups_cut_short),
        cmocka_unit_test(groups_of_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
