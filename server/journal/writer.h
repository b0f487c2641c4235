/*
 * A thread that appends to a journal. What is handed over while it syncs is written together and
 * synced once, so that the rate of groups is not bound to that of fdatasync.
 */
#ifndef BOURSE_JOURNAL_WRITER_H
#define BOURSE_JOURNAL_WRITER_H

#include "server/journal/journal.h"

struct writer;

/*
 * Called on the writer's thread once for each group, in order: with 0 when it is durable, or else
 * with the status that ended the journal, which all later groups get too. The body is the caller's
 * again. May call writer_submit(), not writer_stop().
 */
typedef void writer_done(void *context, uint64_t index, int status);

/*
 * Starts the thread. At most `queue_max` groups wait at a time. The journal stays the caller's but
 * may not be used until writer_stop(), but for journal_body_max() and, after a group has failed,
 * journal_error_text(). Errors: STATUS_MEMORY.
 */
int writer_start(struct journal *j, size_t queue_max, writer_done *done, void *context,
                 struct writer **writer_out);

/*
 * Hands over the next group. The body is lent until `done` is called for it. Any thread, one at a
 * time. Errors: STATUS_LIMIT (the queue is full, or the body longer than journal_body_max()),
 * STATUS_MISUSE (not the next index), and after a failure the status of that; `done` is not called
 * then.
 */
int writer_submit(struct writer *w, const struct journal_group *group, const void *body,
                  size_t length);

/* Writes what is queued, calls `done` for it, ends the thread and frees the writer. Accepts NULL.
 */
void writer_stop(struct writer *w);

#endif
