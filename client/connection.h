/*
 * A connection to an exchange: socket, Noise channel with the pinned key, and the checks that tell
 * a client whom it talks to. Blocking, with timeouts; one thread at a time.
 *
 * Opening does, in this order: TCP, Noise XK with the pin's channel key, the query `status`, the
 * checks of exchange id, origin, root key and both certificates (against this machine's clock), and
 * the comparison of the log with the head seen last (trust.h).
 */
#ifndef BOURSE_CLIENT_CONNECTION_H
#define BOURSE_CLIENT_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/frames.h"
#include "protocol/keys.h"
#include "protocol/noise.h"
#include "protocol/operations.h"
#include "protocol/pin.h"
#include "protocol/queries.h"

enum {
    CONNECTION_TIMEOUT_MS = 30 * 1000,
    CONNECTION_RETRIES = 3,
    CONNECTION_VALID_S = 300, /* how far ahead of the exchange's time valid_until is put */
};

struct connection;

/* What failed, in words that say what to do next. */
struct connection_error {
    int status;       /* enum status */
    uint32_t refusal; /* enum refusal; above 0: the exchange refused, status is STATUS_OK */
    char text[640];   /* one or more lines without a newline at the end; no control characters that
                         a peer chose */
};

struct connection_options {
    const char *address;     /* "host:port", "[::1]:7420" */
    const struct pin *pin;   /* copied */
    const struct keys *keys; /* copied, wiped at the end */
    /* Where the head of the log is kept between runs; NULL: it is not, and the log is compared
     * within this connection's life only (for benchmarks and simulations). */
    const char *state_folder;
    const char *client; /* names the program to the server; NULL: "bourse" */
    int timeout_ms;     /* for each answer; 0: CONNECTION_TIMEOUT_MS */
    int retries;        /* of a request whose connection broke; below 0: CONNECTION_RETRIES */
    /* Where request ids come from; NULL: the system's randomness. Anything else is for
     * simulations that must repeat exactly. Copied. */
    const struct noise_random *ids;
};

/* What the exchange said of itself and of us when the connection was opened. */
struct connection_status {
    uint8_t exchange_id[32];
    char origin[ORIGIN_MAX_BYTES + 1];
    char version[NAME_MAX_BYTES + 1];
    enum clock_mode clock_mode;
    uint32_t you;     /* 0: no account has this key */
    bool key_expired; /* it was a further key of some account's */
    uint32_t role;
    char name[NAME_MAX_BYTES + 1];
    bool first_seen; /* no head of its log was known before this connection was opened */
};

/*
 * Opens a connection. Errors, all explained in `error`: STATUS_MALFORMED (address), STATUS_CLOSED
 * (nobody there, or hung up), STATUS_TIMEOUT, STATUS_FORGED (not the pinned exchange),
 * STATUS_VERSION, STATUS_EXPIRED (a certificate), STATUS_FORKED (the log was rewritten),
 * STATUS_IO (the state folder), STATUS_MEMORY.
 */
int connection_open(const struct connection_options *options, struct connection **out,
                    struct connection_error *error);
/* NULL is allowed. */
void connection_close(struct connection *c);

const struct connection_status *connection_status(const struct connection *c);

/*
 * The exchange's time as far as is known: the newest time it named, moved on by this machine's
 * monotonic clock; with a manual clock exactly the newest time it named.
 */
uint64_t connection_time_s(const struct connection *c);
/* For whoever drives a manual clock and pipelines: the exchange's time is now this. */
void connection_time_set(struct connection *c, uint64_t time_s);

enum { REQUEST_ATOMIC = 1 };

/*
 * Signs and sends a request of `count` operations and waits for its outcome, which goes to `arena`.
 * When the connection breaks before the reply it connects anew and sends the same request, under
 * the same id, so that it is worked off once; at most `retries` times.
 *
 * STATUS_OK: the request was worked off; each operation has its own outcome in reply->results. A
 * refusal of the request as a whole is STATUS_OK with reply->refusal above 0, explained in `error`.
 * Errors: STATUS_LIMIT (over 8 190 operations or 1 MiB; nothing was sent), STATUS_CLOSED and
 * STATUS_TIMEOUT (it is not known whether it was worked off), those of connection_open().
 */
int connection_request(struct connection *c, const struct operation *operations, uint32_t count,
                       unsigned flags, struct arena *arena, struct frame_reply *reply_out,
                       struct connection_error *error);

/*
 * Asks and waits. `query` is one of query_set, `body` its struct; the answer (of answer_set) goes
 * to `arena`. A refused query is STATUS_OK with error->refusal above 0 and *answer_out NULL. One
 * whose connection broke is asked again over a new one.
 */
int connection_query(struct connection *c, const struct message *query, const void *body,
                     struct arena *arena, const void **answer_out, struct connection_error *error);

/* --- Pipelining: several requests on their way at once; no retries ---------------------------- */

/* Signs and sends; does not wait. At most REQUESTS_IN_FLIGHT_MAX may be on their way. */
int connection_send_request(struct connection *c, const struct operation *operations,
                            uint32_t count, unsigned flags, uint32_t *seq_out,
                            struct connection_error *error);
int connection_send_query(struct connection *c, const struct message *query, const void *body,
                          uint32_t *seq_out, struct connection_error *error);
/*
 * The next frame of any kind: reply, answer, events or error (frame_set), in `arena`. Replies come
 * in the order of the requests. timeout_ms below 0: wait for ever; 0: only what is there.
 * Errors: STATUS_TIMEOUT, STATUS_CLOSED, STATUS_FORGED, STATUS_MALFORMED, STATUS_MEMORY.
 */
int connection_receive(struct connection *c, int timeout_ms, struct arena *arena,
                       const struct message **frame_out, const void **body_out,
                       struct connection_error *error);
/* The socket, to poll for reading beside others after connection_receive() said STATUS_TIMEOUT. */
int connection_socket(const struct connection *c);

/* --- Events ----------------------------------------------------------------------------------- */

/* Asks for every event this account may see from log index `from` on. */
int connection_subscribe(struct connection *c, uint64_t from, struct connection_error *error);
/*
 * Waits for the next frame of events, in `arena`. An empty one says that everything up to
 * events_out->next has been seen. When the connection breaks it connects anew and resumes where it
 * was, so that no event is missed or given twice. Errors: STATUS_TIMEOUT (the subscription goes
 * on), those of connection_open() after the retries.
 */
int connection_events(struct connection *c, int timeout_ms, struct arena *arena,
                      const struct frame_events **events_out, struct connection_error *error);

/*
 * Connects anew, once, and resumes the subscription if there is one, where it was: for callers who
 * wait longer than the retries do. Errors: those of connection_open().
 */
int connection_resume(struct connection *c, struct connection_error *error);

/* --- Words for errors ------------------------------------------------------------------------- */

/* "token_spent: the token has been spent" and what to do next, where there is something. */
void connection_explain_refusal(uint32_t refusal, struct connection_error *error);

#endif
