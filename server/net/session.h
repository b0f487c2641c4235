/*
 * One connection as a step function: bytes and the time in, decoded frames and bytes out. It does
 * no input or output, so that a simulator can run it. Used by the network's thread alone.
 */
#ifndef BOURSE_NET_SESSION_H
#define BOURSE_NET_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/buffer.h"
#include "protocol/channel.h"
#include "protocol/frames.h"

struct session;

/* A frame that a client sent, decoded. `memory` owns what the texts and bytes of `body` point into.
 */
struct session_frame {
    enum frame_code code; /* request, query, subscribe or unsubscribe */
    struct buffer memory; /* the receiver releases it */
    union {
        struct frame_request request;
        struct frame_query query;
        struct frame_subscribe subscribe;
        struct frame_unsubscribe unsubscribe;
    } body;
};

/* `now_ms` is a monotonic clock throughout. NULL when memory is out. `random` may be NULL. */
struct session *session_new(const uint8_t channel_secret[32], const struct noise_random *random,
                            uint64_t now_ms);
void session_free(struct session *s);

/*
 * Takes bytes from the socket. Other than 0 ends the session after its output was sent: the
 * statuses of channel_receive(); STATUS_MALFORMED also for a frame that does not decode, which is
 * told to the client in an error frame first.
 */
int session_receive(struct session *s, const void *bytes, size_t length, uint64_t now_ms);
/* The next frame: 0; STATUS_MORE when there is none; STATUS_MALFORMED as above. */
int session_next(struct session *s, struct session_frame *out);

/* Bytes received that no frame was made of yet. */
size_t session_pending(const struct session *s);

/* Queues an encoded frame. Errors: those of channel_send(). */
int session_send(struct session *s, const void *frame, size_t length);
/* Queues an error frame; `seq` 0 is the connection itself. */
int session_send_error(struct session *s, uint32_t seq, enum wire_error error, const char *message);

const uint8_t *session_output(const struct session *s, size_t *length_out);
void session_output_consumed(struct session *s, size_t length);

/* The client's channel key; NULL before the handshake is done. */
const uint8_t *session_peer_key(const struct session *s);

/* When the session is to be closed unless something comes before: handshake or idle time-out. */
uint64_t session_deadline_ms(const struct session *s);
/* Keeps an idle session open: it waits for events or replies. */
void session_touch(struct session *s, uint64_t now_ms);

#endif
