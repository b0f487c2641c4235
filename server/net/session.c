#include "server/net/session.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/arena.h"
#include "protocol/status.h"

struct session {
    struct channel *channel;
    uint64_t deadline_ms;
    int status; /* sticky */
};

struct session *session_new(const uint8_t channel_secret[32], const struct noise_random *random,
                            uint64_t now_ms)
{
    struct session *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return NULL;
    s->channel = channel_new_responder(channel_secret, random);
    if (s->channel == NULL) {
        free(s);
        return NULL;
    }
    s->deadline_ms = now_ms + HANDSHAKE_TIMEOUT_S * UINT64_C(1000);
    return s;
}

void session_free(struct session *s)
{
    if (s == NULL)
        return;
    channel_free(s->channel);
    free(s);
}

int session_receive(struct session *s, const void *bytes, size_t length, uint64_t now_ms)
{
    if (s->status != STATUS_OK)
        return s->status;
    int status = channel_receive(s->channel, bytes, length);
    if (status != STATUS_OK) {
        s->status = status;
        return status;
    }
    /* The time-out of a handshake runs from the connection on: bytes do not prolong it. */
    if (channel_established(s->channel))
        session_touch(s, now_ms);
    return STATUS_OK;
}

/* Decodes the body in place: what it points into is `out->memory`. */
static int frame_decode(struct session_frame *out, struct decode_error *error)
{
    struct arena arena = ARENA_EMPTY; /* client frames have no lists: nothing stays in it */
    const struct message *message;
    const void *body;
    int status = message_decode_coded(&frame_set, out->memory.data, out->memory.length, &arena,
                                      &message, &body, error);
    if (status == STATUS_OK) {
        out->code = (enum frame_code)message->code;
        switch (out->code) {
        case FRAME_request:
        case FRAME_query:
        case FRAME_subscribe:
        case FRAME_unsubscribe:
            memcpy(&out->body, body, message->size);
            break;
        default:
            strcpy(error->text, "only a server sends this kind of frame");
            status = STATUS_MALFORMED;
        }
    }
    arena_release(&arena);
    return status;
}

int session_next(struct session *s, struct session_frame *out)
{
    if (s->status != STATUS_OK)
        return s->status;
    const uint8_t *data;
    size_t length;
    int status = channel_next_frame(s->channel, &data, &length);
    if (status == STATUS_MORE)
        return status;
    if (status != STATUS_OK) {
        s->status = status;
        return status;
    }
    *out = (struct session_frame){.memory = BUFFER_EMPTY};
    buffer_append(&out->memory, data, length);
    struct decode_error error = {.text = "out of memory"};
    status = out->memory.status == STATUS_OK ? frame_decode(out, &error) : STATUS_MEMORY;
    if (status != STATUS_OK) {
        buffer_release(&out->memory);
        session_send_error(s, 0, WIRE_ERROR_MALFORMED, error.text);
        s->status = status;
    }
    return status;
}

size_t session_pending(const struct session *s)
{
    return channel_pending(s->channel);
}

int session_send(struct session *s, const void *frame, size_t length)
{
    return channel_send(s->channel, frame, length);
}

int session_send_error(struct session *s, uint32_t seq, enum wire_error error, const char *message)
{
    size_t length = strlen(message);
    struct frame_error body = {
        .seq = seq,
        .error = error,
        .message = {message,
                    (uint32_t)(length < REASON_MAX_BYTES ? length : (size_t)REASON_MAX_BYTES)},
    };
    struct buffer frame = BUFFER_EMPTY;
    message_encode_coded(&frame_error_message, &body, &frame);
    int status = frame.status;
    if (status == STATUS_OK)
        status = channel_send(s->channel, frame.data, frame.length);
    buffer_release(&frame);
    return status;
}

const uint8_t *session_output(const struct session *s, size_t *length_out)
{
    return channel_output(s->channel, length_out);
}

void session_output_consumed(struct session *s, size_t length)
{
    channel_output_consumed(s->channel, length);
}

const uint8_t *session_peer_key(const struct session *s)
{
    return channel_peer_key(s->channel);
}

uint64_t session_deadline_ms(const struct session *s)
{
    return s->deadline_ms;
}

void session_touch(struct session *s, uint64_t now_ms)
{
    s->deadline_ms = now_ms + IDLE_TIMEOUT_S * UINT64_C(1000);
}
