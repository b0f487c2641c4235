/* What the files of the engine share. Included by server/engine alone. */
#ifndef BOURSE_ENGINE_ENGINE_STATE_H
#define BOURSE_ENGINE_ENGINE_STATE_H

#include <pthread.h>

#include "protocol/checkpoint.h"
#include "server/engine/engine.h"
#include "server/engine/folder.h"
#include "server/engine/replay.h"
#include "server/engine/reporter.h"
#include "server/engine/sequencer.h"
#include "server/exchange/exchange.h"
#include "server/journal/writer.h"
#include "server/store/flusher.h"

enum {
    FLUSH_EVERY_MS = 1000,
    FLUSH_SOON_MS = 100, /* while a report waits for it */
    FLUSH_BYTES = 32 << 20,
    FLUSH_BYTES_MAX_DEFAULT = 512 << 20,
};

struct engine {
    const struct data_folder *folder;
    struct engine_options options;
    struct engine_callbacks callbacks;
    const struct port_clock *clock;

    /* The engine thread's, once that runs. */
    struct exchange *exchange;
    struct image *image;
    struct log_store *log;
    struct journal *journal; /* the writer's while that runs */
    struct writer *writer;
    struct flusher *flusher;
    struct reporter *reporter;
    struct sequencer sequencer;
    struct sequencer_draft draft;
    struct merkle_frontier frontier; /* of everything applied */
    uint64_t group;                  /* the last one applied */
    uint64_t time_s;                 /* its time */
    uint64_t flushed_ns;             /* when changes were last handed over */
    uint64_t flushed_group;          /* up to where, for reports; 0: they cannot use it */
    struct checkpoint_signer signer;
    struct buffer checkpoint; /* the signed head of what is published */
    uint64_t checkpoint_size;
    struct publication *publication; /* in the making */
    bool clock_waits;                /* the operator was told so */
    bool clock_behind;               /* likewise */
    struct outgoing **outgoing_end;
    struct subscriber **subscribers_end;

    pthread_t thread;
    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t wake;   /* something below has changed */
    struct submission *inbox;
    struct submission **inbox_end;
    size_t queue_bytes; /* submitted, and neither answered nor handed to the reporter yet */
    bool image_moved;   /* the flusher is free again, and the engine has not looked since */
    bool stopping;
    bool failed;
    uint64_t durable;
    int writer_status;
    int flusher_status;
    struct image_error flusher_error;
};

/* The bytes that a submission counts for in the queue. */
size_t submission_bytes(const struct submission *s);

/* Opens everything of `folder` and brings the exchange up to the journal's end (start.c). */
int engine_open(struct engine *e, struct buffer *error);
/* Makes the start's group: durable, applied, in the log (start.c). */
int engine_open_group(struct engine *e, struct buffer *error);

/* Tells the operator when the clock begins to wait or falls behind (start.c). */
void engine_clock_notice(struct engine *e, const struct sequencer_view *view);

/* What the exchange says to the sequencer. */
struct sequencer_view engine_view(const struct engine *e);

/* A new empty publication in the making; STATUS_MEMORY (publication.c). */
int publication_begin(struct engine *e);
/* Adds a frame to a session, a message of frame_set. */
int publication_add_frame(struct engine *e, uint64_t session, const struct message *frame,
                          const void *body);
int publication_add_subscriber(struct engine *e, const struct submission *s);
/* One frame to a session, published by itself by another thread; it says nothing of the log. NULL:
 * out of memory. */
struct publication *publication_of_frame(uint64_t session, const struct message *frame,
                                         const void *body);

/* A sequencer_judge; its context is the engine. */
bool answer_judge(void *context, struct submission *s, uint64_t time_s);
/* Works off a request of the group at hand and adds the reply. */
int answer_request(struct engine *e, struct submission *s);
/* Whether a query has to wait until the group it reflects is published. */
bool answer_is_deferred(const struct submission *s);
/* Adds the reply to a request that needs no group. */
int answer_early(struct engine *e, struct submission *s);
/* Answers a question from the state; does nothing with one that is deferred. *handed_out: the
 * reporter has it now and will answer it. */
int answer_question(struct engine *e, struct submission *s, bool *handed_out);
/* Answers one that is. */
int answer_deferred(struct engine *e, struct submission *s);

/* Ends the engine: nothing is published any more. Only the first failure is told. */
void engine_fail(struct engine *e, int status, const char *where, const char *why);
/* Whether nothing is half done. With a manual clock questions wait for that, as requests do. */
bool engine_is_settled(const struct engine *e);

/* --- Changed rows on their way to the image (flush.c) --- */

/* On the flusher's thread, before and after each write. */
int flush_before(void *context);
void flush_done(void *context, int status, const struct image_meta *meta,
                const struct image_error *error);
/* Whether the flusher may take the changes now. Its failure is told here. */
int flush_look(struct engine *e);
/* Hands the changes over; the flusher is free. */
void flush_hand(struct engine *e);
/*
 * At a group boundary, with everything applied durable and published. Gives how long until it has
 * to be called again because of a report, at most `sleep_ms`; once the flusher is free the engine
 * wakes by itself.
 */
unsigned flush_perhaps(struct engine *e, unsigned sleep_ms);
/* Waits while the flusher is too far behind. */
void flush_lag_wait(struct engine *e);

/* Signs the head of what has been published. */
int engine_sign(struct engine *e);

#endif
