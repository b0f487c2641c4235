#include <string.h>

#include "client/connection_errors.h"
#include "client/connection_state.h"
#include "protocol/refusal.h"
#include "protocol/status.h"

/* --- Requests ------------------------------------------------------------------------------- */

/* Encodes the signed body into c->body. */
static int request_build(struct connection *c, const struct operation *operations, uint32_t count,
                         unsigned flags, struct connection_error *error)
{
    struct request r = {
        .account = c->status.you,
        .valid_until_s = connection_time_s(c) + CONNECTION_VALID_S,
        .atomic = (flags & REQUEST_ATOMIC) != 0,
        .operations = {operations, count},
    };
    if (count > BATCH_OPERATIONS_MAX)
        return connection_fail(error, STATUS_LIMIT,
                               "%u operations are more than a request may have (%d). Send several.",
                               (unsigned)count, BATCH_OPERATIONS_MAX);
    memcpy(r.key, c->keys.sign_public, sizeof(r.key));
    c->ids.fill(c->ids.context, r.id, sizeof(r.id));
    buffer_clear(&c->body);
    message_encode(&request_message, &r, &c->body);
    if (c->body.status != STATUS_OK)
        return connection_fail(error, STATUS_MEMORY, "out of memory");
    if (c->body.length > REQUEST_BYTES_MAX)
        return connection_fail(error, STATUS_LIMIT,
                               "a request of %zu bytes is larger than %d. Send several.",
                               c->body.length, REQUEST_BYTES_MAX);
    return STATUS_OK;
}

static int body_send(struct connection *c, const struct buffer *body, uint32_t *seq_out,
                     struct connection_error *error)
{
    struct frame_request frame = {.seq = connection_seq_next(c),
                                  .body = {body->data, (uint32_t)body->length}};
    keys_sign(&c->keys, PURPOSE_REQUEST, c->pin.exchange_id, body->data, body->length,
              frame.signature);
    *seq_out = frame.seq;
    return connection_frame_send(c, &frame_request_message, &frame, error);
}

int connection_send_request(struct connection *c, const struct operation *operations,
                            uint32_t count, unsigned flags, uint32_t *seq_out,
                            struct connection_error *error)
{
    int status = request_build(c, operations, count, flags, error);
    return status != STATUS_OK ? status : body_send(c, &c->body, seq_out, error);
}

/* Once, over the connection as it is. */
static int request_once(struct connection *c, const struct buffer *body, struct arena *arena,
                        struct frame_reply *reply_out, struct connection_error *error)
{
    const struct message *m = NULL;
    const void *got = NULL;
    uint32_t seq = 0;
    int status = body_send(c, body, &seq, error);
    if (status == STATUS_OK)
        status = connection_frame_wait(c, seq, c->timeout_ms, arena, &m, &got, error);
    if (status == STATUS_OK && m->code != FRAME_reply)
        status = connection_fail(error, STATUS_MALFORMED, "%s answers a request with a frame '%s'",
                                 c->address, m->name);
    if (status == STATUS_OK)
        *reply_out = *(const struct frame_reply *)got;
    return status;
}

static bool any_accepted(const struct frame_reply *reply)
{
    for (uint32_t i = 0; i < reply->results.count; i++) {
        if (reply->results.items[i].refusal == REFUSAL_accepted)
            return true;
    }
    return false;
}

/* What a worked-off request changes for this connection itself. */
static void request_worked(struct connection *c, const struct operation *operations, uint32_t count,
                           const struct frame_reply *reply, struct connection_error *error)
{
    struct connection_error ignored;
    if (reply->refusal != REFUSAL_accepted) {
        connection_explain_refusal(reply->refusal, error);
        return;
    }
    for (uint32_t i = 0; i < count && i < reply->results.count; i++) {
        if (operations[i].message == &op_clock_advance_message &&
            reply->results.items[i].refusal == REFUSAL_accepted)
            connection_time_learn(c, ((const struct op_clock_advance *)operations[i].body)->time_s);
    }
    /* A newcomer has an account now. */
    if (c->status.you == 0 && any_accepted(reply))
        (void)connection_status_ask(c, &ignored);
}

/* Sends one signed body until it is answered. *sent_out: how often it may have arrived. */
static int body_deliver(struct connection *c, const struct buffer *body, struct arena *arena,
                        int *sent_out, struct frame_reply *reply_out,
                        struct connection_error *error)
{
    int tries = c->retries;
    int status = STATUS_CLOSED;
    *sent_out = 0;
    if (c->stream != NULL) {
        (*sent_out)++;
        status = request_once(c, body, arena, reply_out, error);
    }
    while (connection_breaks(status) && tries > 0) {
        status = connection_attach_again(c, &tries, error);
        if (status != STATUS_OK)
            break;
        (*sent_out)++;
        status = request_once(c, body, arena, reply_out, error);
    }
    if (status == STATUS_TIMEOUT)
        connection_drop(c); /* or its late reply would wait in the inbox for ever */
    if ((connection_breaks(status) || status == STATUS_TIMEOUT) && *sent_out > 0) {
        struct connection_error why = *error;
        connection_fail(error, status,
                        "%.500s\nIt is not known whether the request was worked off: look before "
                        "you send it again.",
                        why.text);
    }
    return status;
}

static bool is_about_time(uint32_t refusal)
{
    return refusal == REFUSAL_request_expired || refusal == REFUSAL_valid_until_too_far;
}

int connection_request(struct connection *c, const struct operation *operations, uint32_t count,
                       unsigned flags, struct arena *arena, struct frame_reply *reply_out,
                       struct connection_error *error)
{
    int sent = 0;
    *error = (struct connection_error){.status = STATUS_OK};
    int status = request_build(c, operations, count, flags, error);
    if (status != STATUS_OK)
        return status;
    struct buffer body = c->body; /* reconnecting asks queries, which need c->body */
    c->body = BUFFER_EMPTY;
    status = body_deliver(c, &body, arena, &sent, reply_out, error);
    if (status == STATUS_OK && sent == 1 && is_about_time(reply_out->refusal)) {
        /* We had the exchange's time wrong. It was sent once and refused, so a new id is safe. */
        connection_time_set(c, reply_out->time_s);
        status = request_build(c, operations, count, flags, error);
        buffer_release(&body);
        body = c->body;
        c->body = BUFFER_EMPTY;
        if (status == STATUS_OK)
            status = body_deliver(c, &body, arena, &sent, reply_out, error);
    }
    if (status == STATUS_OK)
        request_worked(c, operations, count, reply_out, error);
    buffer_release(&body);
    return status;
}

/* --- Events --------------------------------------------------------------------------------- */

int connection_subscribe(struct connection *c, uint64_t from, struct connection_error *error)
{
    struct frame_subscribe frame = {.seq = connection_seq_next(c), .from = from};
    *error = (struct connection_error){.status = STATUS_OK};
    c->subscribed = true;
    c->subscription_seq = frame.seq;
    c->subscription_next = from;
    c->subscription_lost = c->stream == NULL;
    return connection_frame_send(c, &frame_subscribe_message, &frame, error);
}

int connection_events(struct connection *c, int timeout_ms, struct arena *arena,
                      const struct frame_events **events_out, struct connection_error *error)
{
    const struct message *m = NULL;
    const void *got = NULL;
    int tries = c->retries;
    *error = (struct connection_error){.status = STATUS_OK};
    if (!c->subscribed)
        return connection_fail(error, STATUS_MISUSE, "no subscription");
    int status = STATUS_OK;
    /* A query may have connected anew meanwhile; its connection knows of no subscription. */
    if (c->subscription_lost && c->stream != NULL)
        status = connection_subscribe(c, c->subscription_next, error);
    if (status == STATUS_OK)
        status = connection_frame_wait(c, c->subscription_seq, timeout_ms, arena, &m, &got, error);
    while (connection_breaks(status) && tries > 0) {
        status = connection_attach_again(c, &tries, error);
        if (status == STATUS_OK)
            status = connection_subscribe(c, c->subscription_next, error);
        if (status == STATUS_OK)
            status =
                connection_frame_wait(c, c->subscription_seq, timeout_ms, arena, &m, &got, error);
    }
    if (status != STATUS_OK)
        return status;
    if (m->code != FRAME_events)
        return connection_fail(error, STATUS_MALFORMED,
                               "%s answers a subscription with a frame '%s'", c->address, m->name);
    *events_out = got;
    c->subscription_next = (*events_out)->next;
    return STATUS_OK;
}
