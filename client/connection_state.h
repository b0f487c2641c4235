/* The inside of a connection; for the files connection*.c alone. */
#ifndef BOURSE_CLIENT_CONNECTION_STATE_H
#define BOURSE_CLIENT_CONNECTION_STATE_H

#include "client/connection.h"
#include "client/stream.h"
#include "client/trust.h"

/* A frame that came while another one was waited for. */
struct waiting {
    struct waiting *next;
    uint32_t code;
    uint32_t seq;
    size_t length;
    uint8_t data[];
};

struct connection {
    char *address;
    char client[NAME_MAX_BYTES + 1];
    struct pin pin;
    struct keys keys;
    struct noise_random ids;
    int timeout_ms;
    int retries;
    struct trust trust;
    struct stream *stream; /* NULL while broken */
    struct connection_status status;
    uint64_t time_s;     /* the newest time the exchange named */
    uint64_t time_at_ms; /* when that was, on our monotonic clock */
    uint32_t seq_last;
    struct waiting *inbox; /* oldest first */
    bool subscribed;
    uint32_t subscription_seq;
    uint64_t subscription_next;
    bool subscription_lost; /* with the stream that it was made on */
    struct buffer body;     /* of the request being made */
    struct buffer frame;
};

/* --- Frames (connection_frames.c) --- */

/* Ends the stream and forgets what it brought. */
void connection_drop(struct connection *c);
uint32_t connection_seq_next(struct connection *c);
int connection_frame_send(struct connection *c, const struct message *m, const void *body,
                          struct connection_error *error);
/* Waits for the frame that answers `seq` and keeps others; error frames become errors. */
int connection_frame_wait(struct connection *c, uint32_t seq, int timeout_ms, struct arena *arena,
                          const struct message **frame_out, const void **body_out,
                          struct connection_error *error);
/* The exchange's time never runs backwards, but its last group may have been a while ago. */
void connection_time_learn(struct connection *c, uint64_t time_s);

/* --- Opening (connection.c) --- */

/* Whether another try over a new connection may help. */
bool connection_breaks(int status);
/* Connects again until it works, at most as often as *tries says. */
int connection_attach_again(struct connection *c, int *tries, struct connection_error *error);
/* Asks who the exchange is and who we are, and verifies it. */
int connection_status_ask(struct connection *c, struct connection_error *error);

#endif
