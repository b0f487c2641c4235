/*
 * libbourse: the client of Bourse, an exchange for tokenized compute credits, for programs in C and
 * whatever can call C. Link with -lbourse; this header is all there is to include.
 *
 * JSON is as the command `bourse` reads and prints it: a message is an object with a key for every
 * field of docs/protocol.md. Amounts are integers of micro-credits (or strings of credits, "12.5"),
 * times "2026-11-22T10:00:00Z", keys and hashes hex.
 *
 * Threads: a struct bourse is used by one thread at a time; different ones by different threads.
 * Nothing here prints, exits or installs signal handlers.
 */
#ifndef BOURSE_H
#define BOURSE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BOURSE_API __attribute__((visibility("default")))

/* What every function returns. The classes are those of the command's exit codes. */
enum bourse_class {
    BOURSE_OK = 0,
    BOURSE_USAGE = 1,      /* an argument is not what it should be */
    BOURSE_REFUSED = 2,    /* the exchange refused: see `refusal` */
    BOURSE_CONNECTION = 3, /* no connection, or it broke */
    BOURSE_UNTRUSTED = 4,  /* a receipt that does not verify, a history that was rewritten */
    BOURSE_LOCAL = 5,      /* a local file, memory */
};

/* Filled in whenever a function does not return BOURSE_OK; may be NULL everywhere. */
struct bourse_error {
    int class_code;    /* enum bourse_class */
    char refusal[48];  /* BOURSE_REFUSED: "token_spent", ...; otherwise empty */
    int is_transient;  /* BOURSE_REFUSED: the same might be accepted later */
    char message[640]; /* for people: what happened and what to do next */
};

/* Strings that functions return through `char **` are the caller's: give them back here. NULL is
 * allowed. */
BOURSE_API void bourse_free(char *text);
/* "0.1.0" */
BOURSE_API const char *bourse_version(void);

/* --- Keys --- */

enum { BOURSE_PUBLIC_KEY_BYTES = 128 }; /* room for a public key as text, and its NUL */

/*
 * Makes a key file with mode 0600, sealed when `passphrase` is not NULL, and prints the public key
 * that an admin registers. Nothing is ever overwritten.
 */
BOURSE_API int bourse_keygen(const char *file, const void *passphrase, size_t passphrase_length,
                             char public_key_out[BOURSE_PUBLIC_KEY_BYTES],
                             struct bourse_error *error);

/* --- Connection --- */

struct bourse;

struct bourse_options {
    const char *server;     /* "127.0.0.1:7420" */
    const char *exchange;   /* the pin line "bourse-exchange:v1:..." */
    const char *key_file;   /* as bourse_keygen() wrote it */
    const void *passphrase; /* of a sealed key file; NULL otherwise */
    size_t passphrase_length;
    const char *state_folder; /* where the log's head is remembered; NULL: as the command does */
    int timeout_ms;           /* for each answer; 0: 30 seconds */
    int retries;              /* when a connection breaks; 0: 3; below 0: none */
};

/*
 * Connects and makes sure that this is the exchange that is pinned and that its log continues the
 * one seen last. *out is the caller's, for bourse_close(); NULL after a failure.
 */
BOURSE_API int bourse_open(const struct bourse_options *options, struct bourse **out,
                           struct bourse_error *error);
BOURSE_API void bourse_close(struct bourse *b);

/* One's own account; 0: this key has none yet. */
BOURSE_API uint32_t bourse_account(const struct bourse *b);
/* The exchange's time in seconds UTC. */
BOURSE_API uint64_t bourse_time_s(const struct bourse *b);

/* --- Requests: signed, worked off exactly once, also when a connection breaks --- */

enum { BOURSE_ATOMIC = 1 }; /* a refusal of one operation undoes all */

/*
 * Sends operations, `[{"operation": "payout", "series": 1, ...}, ...]`, as one request. *reply_out
 * is the reply as JSON, an item of "results" for each operation. BOURSE_REFUSED: the request as a
 * whole was refused (*reply_out is NULL) or one or more operations were (*reply_out says which;
 * `error` is about the first).
 */
BOURSE_API int bourse_submit(struct bourse *b, const char *operations, unsigned flags,
                             char **reply_out, struct bourse_error *error);

/* What came of one operation. */
struct bourse_outcome {
    uint64_t index;       /* its event in the log */
    uint64_t object;      /* the order, gift, ... that it made */
    uint64_t token_first; /* tokens issued: token_count serials that follow on each other */
    uint32_t token_count;
    uint32_t lease_count;
    uint64_t lease_first;
};

struct bourse_payment {
    uint32_t account;
    uint64_t amount_ucr;
};

/* Consumes tokens of one series and issues new ones of the same total. `out` may be NULL. */
BOURSE_API int bourse_transfer(struct bourse *b, const uint64_t *tokens, size_t token_count,
                               const struct bourse_payment *outputs, size_t output_count,
                               struct bourse_outcome *out, struct bourse_error *error);
/* Places an order; JSON as `bourse quote --json` prints it under "order". */
BOURSE_API int bourse_redeem(struct bourse *b, const char *order, struct bourse_outcome *out,
                             struct bourse_error *error);
/* Reports what was delivered in a period (0, 1, ...) of a lease. */
BOURSE_API int bourse_meter(struct bourse *b, uint64_t lease, uint32_t period, uint64_t gpu_minutes,
                            struct bourse_outcome *out, struct bourse_error *error);

/* --- Questions --- */

/*
 * Asks: `query` is a name of docs/protocol.md ("tokens", "offers", "quote"), `fields` its fields as
 * JSON, NULL for none. Lists come in pages: the answer's "next", unless 0, is the next "from".
 */
BOURSE_API int bourse_query(struct bourse *b, const char *query, const char *fields,
                            char **answer_out, struct bourse_error *error);

/* --- Events --- */

/* One event: its index in the log, its name and its fields as JSON, which are the library's. Other
 * than 0 ends bourse_events(). */
typedef int bourse_event_function(void *context, uint64_t index, const char *name,
                                  const char *fields);
/*
 * Gives every event that concerns this account, from log index `from` on, and waits for more. Ends
 * with BOURSE_OK when the function says so, or when nothing came for timeout_ms (below 0: never).
 * *next_out (may be NULL) is where to go on. A connection that breaks is made again and none is
 * missed. Once begun, the same struct bourse must not listen a second time.
 */
BOURSE_API int bourse_events(struct bourse *b, uint64_t from, int timeout_ms,
                             bourse_event_function *function, void *context, uint64_t *next_out,
                             struct bourse_error *error);

/* --- Proof --- */

/* Fetches and verifies the receipt of an event, a text to keep. */
BOURSE_API int bourse_receipt(struct bourse *b, uint64_t index, char **receipt_out,
                              struct bourse_error *error);
/*
 * Verifies a receipt with nothing but the pin line, offline. *event_out (may be NULL) is what it
 * proves, {"index": ..., "event": ..., "fields": {...}}.
 */
BOURSE_API int bourse_verify(const char *exchange, const char *receipt, size_t length,
                             char **event_out, struct bourse_error *error);

#ifdef __cplusplus
}
#endif

#endif
