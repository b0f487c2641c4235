/*
 * A TCP socket with a Noise channel over it: whole frames in and out, with timeouts. One thread at
 * a time.
 */
#ifndef BOURSE_CLIENT_STREAM_H
#define BOURSE_CLIENT_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/channel.h"

struct stream;

/* What failed, when it is not the status alone that says it. */
struct stream_error {
    char text[256];
};

/*
 * Connects and shakes hands, in timeout_ms altogether. Errors: STATUS_MALFORMED (the address),
 * STATUS_NOT_FOUND (no such host), STATUS_CLOSED (refused or hung up), STATUS_TIMEOUT, those of
 * channel_receive(); `error` has words.
 */
int stream_open(const char *address, const uint8_t secret[32], const uint8_t responder_key[32],
                int timeout_ms, struct stream **out, struct stream_error *error);
void stream_close(struct stream *s);
int stream_socket(const struct stream *s);

/*
 * Sends a frame. While the peer does not take it, frames that arrive are kept for
 * stream_receive(), so that two ends that both send never wait for each other.
 * Errors: STATUS_TIMEOUT, STATUS_CLOSED, those of channel_send().
 */
int stream_send(struct stream *s, const void *frame, size_t length, int timeout_ms);

/*
 * The next frame, in memory that stays as it is until the next call of stream_receive().
 * timeout_ms below 0: none. Errors: STATUS_TIMEOUT, STATUS_CLOSED, those of channel_receive().
 */
int stream_receive(struct stream *s, int timeout_ms, const uint8_t **frame_out, size_t *length_out);

/* Milliseconds of a clock that only runs forward. */
uint64_t stream_now_ms(void);

#endif
