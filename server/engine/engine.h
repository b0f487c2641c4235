/*
 * The engine: sequencer, journal, rules, log and flusher behind two queues. Submissions go in from
 * any thread; what is published comes out through a callback, on the engine's thread, only when it
 * is both applied and durable.
 *
 *   submit --> sequencer: a group, its index and time
 *      group --> journal writer: append + one fdatasync --------------+
 *            \-> apply to the exchange, answer queries, log events ---+--> publish
 *                                          \-> now and then: flusher --> image
 *                                                                  reports <--/ reporter -->
 * publish
 *
 * A failed write or fdatasync, of journal, log or image, ends the process through `failed`.
 */
#ifndef BOURSE_ENGINE_ENGINE_H
#define BOURSE_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/arena.h"
#include "protocol/buffer.h"
#include "protocol/message.h"
#include "protocol/operations.h"
#include "server/log/log_store.h"
#include "server/port/clock.h"

struct engine;
struct frame_reply;
struct data_folder; /* server/engine/folder.h: an opened and locked data directory with its keys */

enum submission_kind {
    SUBMISSION_REQUEST,   /* a signed request, signature verified by the submitter */
    SUBMISSION_QUERY,     /* a query of query_set */
    SUBMISSION_SUBSCRIBE, /* asks what the account may see; answered by a publication_subscriber */
};

/* One thing asked of the engine. The submitter allocates it with submission_new() and fills it in;
 * the engine owns it from a successful engine_submit() on. */
struct submission {
    struct submission *next; /* the engine's */
    enum submission_kind kind;
    uint64_t session;              /* who is answered; opaque to the engine */
    uint32_t seq;                  /* of the frame, copied to the answer */
    uint8_t peer_key[32];          /* the channel key of who asks */
    struct buffer frame;           /* owned: what the rest points into */
    struct arena arena;            /* owned: decoded lists */
    struct bytes body;             /* REQUEST: the signed body */
    uint8_t body_hash[32];         /* REQUEST: its SHA-256 */
    uint8_t signature[64];         /* REQUEST: verified */
    const struct request *request; /* REQUEST: decoded body */
    struct frame_reply *early;     /* REQUEST: the engine's; its outcome, where it needs no group */
    bool is_judged;                /* the engine's */
    bool is_strangers;             /* the engine's; of a judged question */
    const struct message *query;   /* QUERY */
    const void *query_body;        /* QUERY */
    uint64_t from;                 /* SUBSCRIBE: first log index wanted */
};

struct submission *submission_new(void); /* NULL when memory is out */
void submission_free(struct submission *s);

/*
 * The bytes of all publications that are not freed yet, of all engines in the process. An engine
 * whose receiver does not keep up makes no more of them than it must.
 */
size_t publications_bytes(void);

/* A frame to a session: encoded [code, fields], ready for channel_send(). */
struct outgoing {
    struct outgoing *next;
    uint64_t session;
    struct buffer frame;
};

/* Answer to SUBSCRIBE: who the session is; the reader then pushes events from `from` on itself. */
struct subscriber {
    struct subscriber *next;
    uint64_t session;
    uint32_t seq;
    uint64_t from;
    uint32_t account; /* 0: a stranger, who sees public events */
    bool sees_all;    /* admin or auditor */
    bool is_further;  /* by a further key of the account, whose right may end: */
    uint8_t sign_key[32];
    uint64_t expires_s; /* 0: never */
};

/* What became visible: frames to send and how far the log may be read. Owned by the receiver. */
struct publication {
    struct publication *next;
    struct outgoing *outgoing;      /* in order */
    struct subscriber *subscribers; /* in order */
    uint64_t log_size;              /* events that may be shown now; 0: as many as before */
    size_t bytes;                   /* of all its frames */
};
void publication_free(struct publication *p);

struct engine_callbacks {
    void *context;
    /* On the engine's thread or the reporter's; takes the publication. Must not block. */
    void (*published)(void *context, struct publication *p);
    /* On any thread: the engine has stopped and nothing more will be published. `line` is for
     * people and says what to do; the process should end with a failure. */
    void (*failed)(void *context, int status, const char *line);
};

struct engine_options {
    enum clock_mode clock_mode;
    uint64_t flush_bytes_max;       /* the flusher's lag bound; 0: the default */
    const struct port_clock *clock; /* NULL: the machine's; outlives the engine */
    /* May be NULL: a line for the operator about something that is no failure. From engine_start()
     * and later on the engine's thread or the reporter's; must not block. */
    void (*notice)(void *context, const char *line);
    void *notice_context;
};

/*
 * Loads the image, replays the journal behind it, journals the start (with an outage, if any) and
 * runs the threads. `folder` outlives the engine. `error` gets a line for people. Errors:
 * STATUS_DAMAGED, STATUS_IO, STATUS_FULL, STATUS_VERSION, STATUS_MEMORY.
 */
int engine_start(struct data_folder *folder, const struct engine_options *options,
                 const struct engine_callbacks *callbacks, struct engine **out,
                 struct buffer *error);
/*
 * Hands over a submission, from any thread. STATUS_LIMIT: the queue is full, try again after the
 * next publication; STATUS_CLOSED: the engine is stopping. On an error the caller keeps it.
 */
int engine_submit(struct engine *e, struct submission *s);
/* Works off what was submitted, flushes the image, ends the threads, frees. */
void engine_stop(struct engine *e);

/* The published log, for readers on other threads (log_store.h says which calls are safe). */
struct log_store *engine_log(struct engine *e);

#endif
