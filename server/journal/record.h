/*
 * Records as bytes: made, and checked one property at a time, since what is wrong decides whether
 * a record was torn or damaged. No files here. See format.h for the layout.
 */
#ifndef BOURSE_JOURNAL_RECORD_H
#define BOURSE_JOURNAL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "protocol/buffer.h"
#include "server/journal/segment.h"

/* What the journal says about a group beside its body. */
struct journal_group {
    uint64_t index;         /* starts at 1, no gaps */
    uint64_t time_s;        /* UTC seconds, as the sequencer gave it */
    uint32_t rules_version; /* that the group was, or is to be, applied by */
    /* The log's size and root after an earlier group, so that a replay notices a difference. The
     * journal keeps them and asks nothing of them. */
    uint64_t root_group;
    uint64_t root_log_size;
    uint8_t root_hash[JOURNAL_HASH];
};

struct record_header {
    uint32_t group_count;
    uint32_t length; /* of the groups, headers and padding included */
    uint64_t first_index;
    uint64_t segment;
    uint64_t offset;
    uint8_t before[JOURNAL_HASH];
    uint8_t body_hash[JOURNAL_HASH];
    uint8_t hash[JOURNAL_HASH];
};

/* The bytes that a record with `length` bytes of groups takes in a segment: whole pages. */
static inline uint64_t record_extent(uint64_t length)
{
    return round_up(RECORD_HEADER_SIZE + length, JOURNAL_PAGE);
}

/* The bytes that a group with a body of `length` bytes takes in a record. */
static inline uint64_t group_extent(uint64_t length)
{
    return GROUP_HEADER_SIZE + round_up(length, GROUP_ALIGN);
}

/* Appends room for a record's header to an empty buffer. */
void record_begin(struct buffer *b);
/* Appends a group, its body made of `count` parts. */
void record_add(struct buffer *b, const struct journal_group *group, const struct iovec *parts,
                size_t count, size_t length);
/*
 * Fills in the header and pads to whole pages. `h` says group_count, first_index, offset and
 * before; the rest is computed into it. The buffer's sticky error tells of failure.
 */
void record_finish(struct buffer *b, const struct segment *s, struct record_header *h);

/*
 * Reads a header from the first RECORD_HEADER_SIZE bytes at `data`, found at `offset` of `s`. False
 * unless its hash is right, it was written for this very place, and the record fits there.
 */
bool record_header_decode(const uint8_t *data, const struct segment *s, uint64_t offset,
                          struct record_header *h_out);
/* Whether the whole record at `data`, record_extent() bytes, is what its header says. */
bool record_body_valid(const uint8_t *data, const struct record_header *h);

/*
 * Takes the next group from the `length` bytes at `data`, which a record's hash has vouched for.
 * Returns the bytes it took, 0 when they make no sense (a fault of ours, then).
 */
size_t record_take(const uint8_t *data, size_t length, struct journal_group *group_out,
                   const uint8_t **body_out, size_t *body_length_out);

#endif
