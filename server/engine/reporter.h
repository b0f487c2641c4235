/*
 * The thread that makes reports, so that the engine does not wait for them: of a snapshot of the
 * image that is at least as new as the answer to any other question asked at that time would have
 * been. The engine checks who asks and hands over; pages after the first come from the report that
 * is kept. What is wrong with the image is told to who asks and to the operator, and ends nothing.
 */
#ifndef BOURSE_ENGINE_REPORTER_H
#define BOURSE_ENGINE_REPORTER_H

#include <stdbool.h>

#include "server/engine/engine.h"
#include "server/store/image.h"

struct reporter;

/* A report that has read for longer is refused as too large: as long as it has its snapshot, the
 * image's file grows. */
enum { REPORT_READ_MAX_S = 30 };

struct reporter_options {
    struct image *image;               /* outlives the reporter */
    struct engine_callbacks callbacks; /* `published` is called on the reporter's thread, too */
    /* With a manual clock: only of an image that reporter_settled_at() has named. */
    bool only_settled;
    void (*notice)(void *context, const char *line); /* as in engine_options; may be NULL */
    void *notice_context;
};

/* Errors: STATUS_MEMORY. */
int reporter_start(const struct reporter_options *options, struct reporter **out);
/*
 * Hands over a submission with a report query; `asker` is the account whose key asks, `account`
 * whose report it is (0: of the whole exchange), `group` what the image must have reached, `time_s`
 * that group's time. Takes the submission, or says STATUS_LIMIT: too many wait, of all or of the
 * asker, and leaves it.
 */
int reporter_hand(struct reporter *r, struct submission *s, uint32_t asker, uint32_t account,
                  uint64_t group, uint64_t time_s);
/* Whether a report waits for an image newer than this: then the engine flushes soon. */
bool reporter_wants(struct reporter *r, uint64_t group);
/* The engine is going to have this group written, and nothing was due after it. */
void reporter_settled_at(struct reporter *r, uint64_t group);
/* Any thread: the image has been written up to here. */
void reporter_image_at(struct reporter *r, uint64_t group);
/* To be called every second or so, with a monotonic clock: looks how long the report takes. */
void reporter_look(struct reporter *r, uint64_t now_ns);
/* Any thread: from when this returns on nothing is published any more. NULL is nothing. */
void reporter_end(struct reporter *r);
/* Ends the thread; what waits is dropped. */
void reporter_stop(struct reporter *r);

#endif
