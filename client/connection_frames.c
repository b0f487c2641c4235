#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/connection_errors.h"
#include "client/connection_state.h"
#include "protocol/status.h"

/* --- Time ----------------------------------------------------------------------------------- */

uint64_t connection_time_s(const struct connection *c)
{
    if (c->status.clock_mode == CLOCK_MODE_MANUAL)
        return c->time_s;
    return c->time_s + (stream_now_ms() - c->time_at_ms) / 1000;
}

void connection_time_set(struct connection *c, uint64_t time_s)
{
    c->time_s = time_s;
    c->time_at_ms = stream_now_ms();
}

void connection_time_learn(struct connection *c, uint64_t time_s)
{
    if (time_s > connection_time_s(c))
        connection_time_set(c, time_s);
}

/* --- Frames --------------------------------------------------------------------------------- */

void connection_drop(struct connection *c)
{
    stream_close(c->stream);
    c->stream = NULL;
    c->subscription_lost = true;
    while (c->inbox != NULL) {
        struct waiting *next = c->inbox->next;
        free(c->inbox);
        c->inbox = next;
    }
}

uint32_t connection_seq_next(struct connection *c)
{
    c->seq_last = c->seq_last == UINT32_MAX ? 1 : c->seq_last + 1;
    return c->seq_last;
}

int connection_frame_send(struct connection *c, const struct message *m, const void *body,
                          struct connection_error *error)
{
    buffer_clear(&c->frame);
    message_encode_coded(m, body, &c->frame);
    if (c->frame.status != STATUS_OK)
        return connection_fail(error, STATUS_MEMORY, "out of memory");
    if (c->stream == NULL)
        return connection_explain_broken(STATUS_CLOSED, c->address, error);
    int status = stream_send(c->stream, c->frame.data, c->frame.length, c->timeout_ms);
    if (status != STATUS_OK) {
        connection_explain_broken(status, c->address, error);
        if (status != STATUS_LIMIT)
            connection_drop(c);
    }
    return status;
}

static int frame_decode(struct connection *c, const uint8_t *data, size_t length,
                        struct arena *arena, const struct message **frame_out,
                        const void **body_out, struct connection_error *error)
{
    struct decode_error why = {.text = "out of memory"};
    const uint8_t *copy = arena_copy(arena, data, length);
    int status = copy == NULL ? STATUS_MEMORY
                              : message_decode_coded(&frame_set, copy, length, arena, frame_out,
                                                     body_out, &why);
    if (status == STATUS_OK && (*frame_out)->code < FRAME_reply) {
        status = STATUS_MALFORMED;
        snprintf(why.text, sizeof(why.text), "a %s frame", (*frame_out)->name);
    }
    if (status != STATUS_OK) {
        connection_drop(c);
        return connection_fail(error, status,
                               "%s sent what this client does not understand (%s). Install the "
                               "same version on both sides.",
                               c->address, why.text);
    }
    if ((*frame_out)->code == FRAME_reply)
        connection_time_learn(c, ((const struct frame_reply *)*body_out)->time_s);
    else if ((*frame_out)->code == FRAME_answer)
        connection_time_learn(c, ((const struct frame_answer *)*body_out)->time_s);
    return STATUS_OK;
}

static int frame_take(struct connection *c, int timeout_ms, const uint8_t **data_out,
                      size_t *length_out, struct connection_error *error)
{
    if (c->stream == NULL)
        return connection_explain_broken(STATUS_CLOSED, c->address, error);
    int status = stream_receive(c->stream, timeout_ms, data_out, length_out);
    if (status != STATUS_OK) {
        connection_explain_broken(status, c->address, error);
        if (status != STATUS_TIMEOUT)
            connection_drop(c);
    }
    return status;
}

int connection_receive(struct connection *c, int timeout_ms, struct arena *arena,
                       const struct message **frame_out, const void **body_out,
                       struct connection_error *error)
{
    const uint8_t *data;
    size_t length;
    if (c->inbox != NULL) {
        struct waiting *w = c->inbox;
        c->inbox = w->next;
        int status = frame_decode(c, w->data, w->length, arena, frame_out, body_out, error);
        free(w);
        return status;
    }
    int status = frame_take(c, timeout_ms, &data, &length, error);
    return status != STATUS_OK ? status
                               : frame_decode(c, data, length, arena, frame_out, body_out, error);
}

int connection_socket(const struct connection *c)
{
    return c->stream != NULL ? stream_socket(c->stream) : -1;
}

/* The code and seq of an encoded frame, without decoding what may be long; 0 when it does not look
 * like one, and decoding will say why. */
static uint32_t frame_peek(const uint8_t *data, size_t length, uint32_t *seq_out)
{
    *seq_out = 0;
    if (length < 4 || data[0] != 0x92 || data[1] >= 0x80 || (data[2] & 0xf0) != 0x90)
        return 0;
    const uint8_t *at = data + 3;
    size_t bytes = at[0] < 0x80 ? 0 : at[0] == 0xcc ? 1 : at[0] == 0xcd ? 2 : at[0] == 0xce ? 4 : 9;
    if (bytes == 9 || length < 4 + bytes)
        return 0;
    uint32_t seq = bytes == 0 ? at[0] : 0;
    for (size_t i = 1; i <= bytes; i++)
        seq = seq << 8 | at[i];
    *seq_out = seq;
    return data[1];
}

static int inbox_put(struct connection *c, uint32_t code, uint32_t seq, const uint8_t *data,
                     size_t length)
{
    struct waiting **end = &c->inbox;
    while (*end != NULL)
        end = &(*end)->next;
    struct waiting *w = malloc(sizeof(*w) + length);
    if (w == NULL)
        return STATUS_MEMORY;
    *w = (struct waiting){.code = code, .seq = seq, .length = length};
    memcpy(w->data, data, length);
    *end = w;
    return STATUS_OK;
}

static struct waiting *inbox_find(struct connection *c, uint32_t seq)
{
    for (struct waiting **at = &c->inbox; *at != NULL; at = &(*at)->next) {
        if ((*at)->seq == seq) {
            struct waiting *found = *at;
            *at = found->next;
            return found;
        }
    }
    return NULL;
}

int connection_frame_wait(struct connection *c, uint32_t seq, int timeout_ms, struct arena *arena,
                          const struct message **frame_out, const void **body_out,
                          struct connection_error *error)
{
    uint64_t start_ms = stream_now_ms();
    struct waiting *w = inbox_find(c, seq);
    int status = STATUS_OK;
    if (w != NULL)
        status = frame_decode(c, w->data, w->length, arena, frame_out, body_out, error);
    while (w == NULL) {
        const uint8_t *data;
        size_t length;
        uint32_t got_seq = 0;
        uint64_t passed = stream_now_ms() - start_ms;
        int left = timeout_ms < 0                  ? -1
                   : passed < (uint64_t)timeout_ms ? (int)((uint64_t)timeout_ms - passed)
                                                   : 0;
        status = frame_take(c, left, &data, &length, error);
        if (status != STATUS_OK)
            return status;
        uint32_t code = frame_peek(data, length, &got_seq);
        if (code == 0 || got_seq == seq || (code == FRAME_error && got_seq == 0)) {
            status = frame_decode(c, data, length, arena, frame_out, body_out, error);
            break;
        }
        status = inbox_put(c, code, got_seq, data, length);
        if (status != STATUS_OK)
            return connection_fail(error, status, "out of memory");
    }
    free(w);
    if (status == STATUS_OK && (*frame_out)->code == FRAME_error) {
        const struct frame_error *said = *body_out;
        status = connection_explain_wire(said, error);
        if (said->seq == 0 || status == STATUS_CLOSED)
            connection_drop(c);
    }
    return status;
}
