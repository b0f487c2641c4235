/*
 * The journal: every group of requests, in order, durable before anyone hears of it. It is the
 * truth; everything else can be rebuilt from it. Layout and words in format.h, reading in
 * reader.h, a thread that appends in writer.h.
 *
 * One process writes a journal at a time; the caller sees to that (folder_lock()). One thread at a
 * time uses a struct journal.
 */
#ifndef BOURSE_JOURNAL_JOURNAL_H
#define BOURSE_JOURNAL_JOURNAL_H

#include <sys/uio.h>

#include "server/journal/reader.h"

struct journal;

struct journal_options {
    uint64_t segment_size; /* bytes, a multiple of JOURNAL_PAGE; 0: JOURNAL_SEGMENT_SIZE */
    bool prepare_ahead;    /* make segments on a thread of their own rather than when needed */
    const struct port_entropy *entropy; /* NULL: the system's; outlives the journal */
};

/*
 * Makes a journal without groups in `folder`, which is made too when it is not there (the caller
 * syncs the folder that holds it). Errors: STATUS_EXISTS, STATUS_FULL, STATUS_MISUSE (options),
 * others of I/O; `error` (may be NULL, here and below) says more.
 */
int journal_create(const char *folder, const uint8_t exchange_id[JOURNAL_HASH],
                   const struct journal_options *options, struct journal_error *error);

/*
 * Opens a journal for appending. Reads it from group `from` on, which is the first one that the
 * caller has nowhere else: when the journal ends before group `from` - 1, something was lost and
 * that is damage. A torn last record is cut off: the pattern is written over it again, so that
 * this can be told of the next record as well. The last whole record is written again and synced,
 * since the server that wrote it may have died before its sync, or of its sync's failure, and what
 * the page cache shows then need not be on the disk.
 *
 * On success the caller closes the journal. Errors: those of journal_reader_open(),
 * STATUS_DAMAGED, STATUS_FULL, STATUS_MISUSE (options), others of I/O. Nothing is changed on disk
 * when the journal is damaged.
 */
int journal_open(const char *folder, const uint8_t exchange_id[JOURNAL_HASH], uint64_t from,
                 const struct journal_options *options, struct journal **journal_out,
                 struct journal_error *error);

/* Groups appended and not synced are not written. Accepts NULL. */
void journal_close(struct journal *j);

/*
 * Adds a group to the record that the next journal_sync() writes. The parts are copied. May write
 * and sync what was added before when the record or the segment is full.
 *
 * Errors that change nothing: STATUS_MISUSE (group->index is not the next one), STATUS_LIMIT (the
 * body is longer than journal_body_max()). All others, STATUS_FULL and I/O, are final: each later
 * call returns the same and the process must end, since what is on disk is known only after it has
 * been read again.
 */
int journal_append(struct journal *j, const struct journal_group *group, const struct iovec *parts,
                   size_t count);

/* Makes all groups appended durable: one write, one fdatasync. Errors are final, see above. */
int journal_sync(struct journal *j);

/* The last group appended and the last one durable; 0: none. */
uint64_t journal_last(const struct journal *j);
uint64_t journal_durable(const struct journal *j);
/* The longest body that a group may have, in bytes. */
size_t journal_body_max(const struct journal *j);
/* Whether journal_open() cut off a torn record, for the server's own log. */
bool journal_was_torn(const struct journal *j);
/* What the last error was, in words; empty while there was none. Valid as long as the journal. */
const char *journal_error_text(const struct journal *j);

#endif
