#include "server/net/intake.h"

#include <stdio.h>

#include "protocol/keys.h"
#include "protocol/queries.h"
#include "protocol/sha256.h"
#include "protocol/status.h"

static int intake_request(struct submission *s, const struct frame_request *frame,
                          const uint8_t exchange_id[32], struct intake_outcome *outcome)
{
    struct decode_error error;
    struct request *request = arena_alloc(&s->arena, sizeof(*request));
    if (request == NULL)
        return STATUS_MEMORY;
    int status = message_decode(&request_message, frame->body.data, frame->body.length, &s->arena,
                                request, &error);
    if (status != STATUS_OK) {
        if (status == STATUS_MALFORMED)
            snprintf(outcome->error, sizeof(outcome->error), "%s", error.text);
        return status;
    }
    status = keys_verify(request->key, PURPOSE_REQUEST, exchange_id, frame->body.data,
                         frame->body.length, frame->signature);
    if (status != STATUS_OK) {
        outcome->refusal = REFUSAL_bad_signature;
        return STATUS_FORGED;
    }
    s->kind = SUBMISSION_REQUEST;
    s->body = frame->body;
    sha256(frame->body.data, frame->body.length, s->body_hash);
    for (size_t i = 0; i < sizeof(s->signature); i++)
        s->signature[i] = frame->signature[i];
    s->request = request;
    return STATUS_OK;
}

static int intake_query(struct submission *s, const struct frame_query *frame,
                        struct intake_outcome *outcome)
{
    struct decode_error error;
    s->kind = SUBMISSION_QUERY;
    int status = message_decode_coded(&query_set, frame->body.data, frame->body.length, &s->arena,
                                      &s->query, &s->query_body, &error);
    if (status == STATUS_MALFORMED)
        snprintf(outcome->error, sizeof(outcome->error), "%s", error.text);
    return status;
}

int intake_prepare(struct submission *s, struct session_frame *frame, const uint8_t exchange_id[32],
                   struct intake_outcome *outcome)
{
    *outcome = (struct intake_outcome){.refusal = REFUSAL_accepted};
    s->frame = frame->memory;
    frame->memory = BUFFER_EMPTY;
    switch (frame->code) {
    case FRAME_request:
        s->seq = frame->body.request.seq;
        return intake_request(s, &frame->body.request, exchange_id, outcome);
    case FRAME_query:
        s->seq = frame->body.query.seq;
        return intake_query(s, &frame->body.query, outcome);
    case FRAME_subscribe:
        s->kind = SUBMISSION_SUBSCRIBE;
        s->seq = frame->body.subscribe.seq;
        s->from = frame->body.subscribe.from;
        return STATUS_OK;
    default:
        return STATUS_MISUSE;
    }
}
