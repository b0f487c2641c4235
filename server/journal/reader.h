/*
 * Reads the groups of a journal in order, checking everything on the way: labels, hashes, the
 * chain, the indexes, and what stands behind the end. Never writes. One thread at a time; any
 * number of readers, also beside a server that is writing.
 */
#ifndef BOURSE_JOURNAL_READER_H
#define BOURSE_JOURNAL_READER_H

#include "server/journal/record.h"
#include "server/journal/tail.h"

struct journal_reader;

enum reader_mode {
    READER_ALONE,  /* nobody writes: what looks damaged is */
    READER_BESIDE, /* a server may be writing: what looks damaged is looked at again for a while */
};

/*
 * Reads from group `from` (1 or more) on. The segment is found by its first record, so that the
 * chain is checked from there; `from` = 1 checks all of it. On success the caller closes the
 * reader. Errors: STATUS_NOT_FOUND (no journal there, or it begins later than `from`),
 * STATUS_DAMAGED, STATUS_VERSION, STATUS_MEMORY, I/O; `error` (may be NULL) says more.
 */
int journal_reader_open(const char *folder, const uint8_t exchange_id[JOURNAL_HASH], uint64_t from,
                        enum reader_mode mode, struct journal_reader **reader_out,
                        struct journal_error *error);
/* Accepts NULL. */
void journal_reader_close(struct journal_reader *r);

/*
 * The next group. The body belongs to the reader and is valid until the next call. STATUS_MORE: no
 * whole record follows, so far; a later call goes on when one has been written. A record that is
 * half written, or torn, counts as not there. STATUS_DAMAGED names file, offset and reason.
 *
 * Beside a server this may return a group a moment before it is durable: compare with what the
 * server has published before telling anyone.
 */
int journal_read(struct journal_reader *r, struct journal_group *group_out,
                 const uint8_t **body_out, size_t *length_out, struct journal_error *error);

/* Where a journal ends; valid after journal_read() has returned STATUS_MORE. */
struct journal_end {
    uint64_t segment;     /* that holds the last record, or would hold the first */
    uint64_t offset;      /* behind it */
    uint64_t last_offset; /* of the last record; equal to `offset` when the segment holds none */
    struct tail_expected next;
    uint64_t torn_segment; /* 0: nothing is torn */
    struct tail torn;
};

void journal_reader_end(const struct journal_reader *r, struct journal_end *end_out);

#endif
