/*
 * What stands behind the last whole record: nothing, a record that was never written whole, or
 * damage. This is where the journal decides whether it may forget something, so it is strict.
 */
#ifndef BOURSE_JOURNAL_TAIL_H
#define BOURSE_JOURNAL_TAIL_H

#include "server/journal/record.h"

enum tail_kind {
    TAIL_CLEAN, /* the pattern and nothing else */
    TAIL_TORN,  /* one record with some sectors still blank: it was never synced */
};

struct tail {
    enum tail_kind kind;
    uint64_t offset; /* when torn: the bytes that may hold parts of the record */
    uint64_t end;
};

/* What the next record must say. */
struct tail_expected {
    uint64_t first_index;
    uint8_t before[JOURNAL_HASH];
};

/*
 * Judges [offset, end of the segment), where no whole record starts at `offset`. Records are
 * synced one by one, so whatever follows a torn one proves that it was once whole. Errors:
 * STATUS_DAMAGED with file, offset and reason; STATUS_MEMORY, I/O.
 */
int tail_judge(const struct segment *s, uint64_t offset, const struct tail_expected *expected,
               struct tail *tail_out, struct journal_error *error);

/* Checks that a header follows the record before it; STATUS_DAMAGED says how it does not. */
int tail_check_order(const struct segment *s, const struct record_header *h,
                     const struct tail_expected *expected, struct journal_error *error);

#endif
