/*
 * The journal on disk, all numbers little-endian. docs/storage.md tells the same in words.
 *
 * A journal is a folder of segments, files named by their number in 16 hexadecimal digits. The
 * first page of a segment is its label; the rest is written full with a pattern, synced, and only
 * then given its name. Records follow from the second page on, each from a page boundary. What has
 * never been written still shows the pattern, sector by sector.
 *
 * A record is what one write puts down: one or more groups. It is synced before the next one is
 * begun, so that at most the last record of a journal can be torn.
 */
#ifndef BOURSE_JOURNAL_FORMAT_H
#define BOURSE_JOURNAL_FORMAT_H

#include <assert.h>
#include <stdint.h>

#include "server/port/file.h"

enum {
    JOURNAL_PAGE = 4096,      /* records start at multiples of this */
    JOURNAL_HASH = 32,        /* bytes of a BLAKE2b-256 hash */
    JOURNAL_VERSION = 1,      /* of this format */
    RECORD_HEADER_SIZE = 136, /* of a record, before its groups */
    GROUP_HEADER_SIZE = 72,   /* of a group, before its body */
    GROUP_ALIGN = 8,          /* a group's body is padded with zeros to a multiple of this */

    /* The longest body of a group and the longest record. */
    JOURNAL_BODY_MAX = 16 << 20,
    JOURNAL_RECORD_MAX = JOURNAL_BODY_MAX + JOURNAL_PAGE,
    JOURNAL_SEGMENT_MIN = 16 << 10,
};
#define JOURNAL_SEGMENT_SIZE ((uint64_t)64 << 20)
#define JOURNAL_SEGMENT_MAX  ((uint64_t)1 << 32)

static_assert(JOURNAL_PAGE % FILE_SECTOR == 0, "a page is whole sectors");
/* A header that is in one sector is there whole or not at all. */
static_assert(RECORD_HEADER_SIZE <= FILE_SECTOR, "a header fits in a sector");
static_assert(RECORD_HEADER_SIZE % GROUP_ALIGN == 0 && GROUP_HEADER_SIZE % GROUP_ALIGN == 0,
              "groups start aligned");
static_assert(RECORD_HEADER_SIZE + GROUP_HEADER_SIZE + JOURNAL_BODY_MAX <= JOURNAL_RECORD_MAX,
              "a record holds the longest group");
static_assert(JOURNAL_RECORD_MAX + JOURNAL_PAGE <= JOURNAL_SEGMENT_SIZE,
              "a segment holds the longest record");

/* `size` rounded up to a multiple of `unit`, a power of two. */
static inline uint64_t round_up(uint64_t size, uint64_t unit)
{
    return (size + unit - 1) & ~(unit - 1);
}

/*
 * The label, in the first page; the rest of the page is zeros.
 *   0 magic  8 version u32  12 page u32  16 segment number u64  24 segment size u64
 *   32 exchange identity  64 salt  96 hash of all before
 */
enum {
    LABEL_VERSION = 8,
    LABEL_PAGE = 12,
    LABEL_NUMBER = 16,
    LABEL_SIZE = 24,
    LABEL_EXCHANGE = 32,
    LABEL_SALT = 64,
    LABEL_HASH = 96,
    LABEL_END = 128,
};
#define LABEL_MAGIC "bourseJ1"

/*
 * A record's header.
 *   0 magic  8 number of groups u32  12 length of the groups u32  16 index of the first group u64
 *   24 segment number u64  32 offset in the segment u64  40 hash of the record before
 *   72 hash of the groups  104 hash of all before, keyed with the segment's salt
 * The last is the record's hash, to which the next one points. The first record of a journal
 * points to the exchange's identity. The key keeps clients, who choose what a body says, from
 * writing something there that looks like a record of ours. Zeros follow the groups to the end of
 * the page.
 */
enum {
    RECORD_COUNT = 8,
    RECORD_LENGTH = 12,
    RECORD_INDEX = 16,
    RECORD_SEGMENT = 24,
    RECORD_OFFSET = 32,
    RECORD_BEFORE = 40,
    RECORD_BODY_HASH = 72,
    RECORD_HASH = 104,
};
#define RECORD_MAGIC "bourseR1"

/*
 * A group's header.
 *   0 index u64  8 time u64  16 rules' version u32  20 length of the body u32
 *   24 root's group u64  32 root's log size u64  40 root
 */
enum {
    GROUP_INDEX = 0,
    GROUP_TIME = 8,
    GROUP_RULES = 16,
    GROUP_LENGTH = 20,
    GROUP_ROOT_GROUP = 24,
    GROUP_ROOT_SIZE = 32,
    GROUP_ROOT = 40,
};

#endif
