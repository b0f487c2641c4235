/*
 * Makes the next segment on a thread of its own while the present one fills, so that appends do
 * not wait for it.
 */
#ifndef BOURSE_JOURNAL_PREPARER_H
#define BOURSE_JOURNAL_PREPARER_H

#include "server/journal/segment.h"

struct preparer;

/* Starts the thread. `plan` and what it points to outlive the preparer. */
int preparer_start(const struct segment_plan *plan, struct preparer **preparer_out);
/* Ends what it is doing, even in the midst of a segment, and frees it. Accepts NULL. */
void preparer_stop(struct preparer *p);
/* Asks for segment `number`; returns at once. The one before must have been waited for. */
void preparer_request(struct preparer *p, uint64_t number);
/* Waits until the segment asked for is there or could not be made; returns which. */
int preparer_wait(struct preparer *p, struct journal_error *error);

#endif
