/*
 * Replies to requests and answers to queries, encoded as frames. What only the rules know is asked
 * of them; what needs the log or the server (status, receipt, checkpoint, access) is answered here,
 * once the group it reflects is published.
 */
#include <string.h>

#include "protocol/frames.h"
#include "protocol/queries.h"
#include "protocol/receipt.h"
#include "protocol/status.h"
#include "server/engine/engine_state.h"

/* Events as reply_rebuild() and others read them: logged, or of the group at hand. */
struct event_source {
    const struct engine *engine;
    struct buffer data;
};

static int event_get(void *context, uint64_t index, const uint8_t **data_out, size_t *length_out)
{
    struct event_source *source = context;
    struct event_batch present = exchange_events(source->engine->exchange);
    buffer_clear(&source->data);
    if (index >= present.first_index && index - present.first_index < present.count) {
        uint32_t place = (uint32_t)(index - present.first_index);
        uint32_t at = place == 0 ? 0 : present.ends[place - 1];
        *data_out = present.data + at;
        *length_out = present.ends[place] - at;
        return 0;
    }
    int status = log_store_read(source->engine->log, index, &source->data);
    *data_out = source->data.data;
    *length_out = source->data.length;
    /* The rules name only events that they have logged. */
    return status == STATUS_NOT_FOUND ? STATUS_DAMAGED : status;
}

/* Adds the reply; the outcome of a retry is read from the log again. */
static int reply_add(struct engine *e, struct submission *s, struct frame_reply *reply)
{
    int status = 0;
    if (reply->repeated) {
        struct event_source source = {e, BUFFER_EMPTY};
        status = reply_rebuild(reply, event_get, &source, &s->arena);
        buffer_release(&source.data);
    }
    reply->seq = s->seq;
    if (status == 0)
        status = publication_add_frame(e, s->session, &frame_reply_message, reply);
    return status;
}

bool answer_judge(void *context, struct submission *s, uint64_t time_s)
{
    struct engine *e = context;
    struct frame_reply *reply = arena_alloc(&s->arena, sizeof(*reply));
    /* Without memory the group finds out what becomes of it. */
    if (reply == NULL ||
        exchange_request_matters(e->exchange, s->request, s->body_hash, time_s, &s->arena, reply))
        return true;
    s->early = reply;
    return false;
}

int answer_request(struct engine *e, struct submission *s)
{
    struct frame_reply reply = {0};
    exchange_request(e->exchange, s->request, s->body_hash, &s->arena, &reply);
    return reply_add(e, s, &reply);
}

int answer_early(struct engine *e, struct submission *s)
{
    return reply_add(e, s, s->early);
}

/* Adds an answer; `message` NULL: a refusal. */
static int answer_add(struct engine *e, const struct submission *s, enum refusal refusal,
                      const struct message *message, const void *body)
{
    struct buffer encoded = BUFFER_EMPTY;
    struct key_info key;
    /* A stranger whose key spoke for an account until it expired is told so. */
    if (refusal == REFUSAL_unknown_account && exchange_further_key(e->exchange, s->peer_key, &key))
        refusal = REFUSAL_key_expired;
    struct frame_answer answer = {
        .seq = s->seq,
        .refusal = refusal,
        .group = e->group,
        .time_s = exchange_time(e->exchange),
    };
    if (refusal == REFUSAL_accepted)
        message_encode_coded(message, body, &encoded);
    int status = encoded.status;
    /* A page of the largest rows is far below this; a row never is above it. */
    if (status == 0 && encoded.length > FRAME_BYTES_MAX / 2) {
        answer.refusal = REFUSAL_too_many;
        buffer_clear(&encoded);
    }
    answer.body = (struct bytes){encoded.data, (uint32_t)encoded.length};
    if (status == 0)
        status = publication_add_frame(e, s->session, &frame_answer_message, &answer);
    buffer_release(&encoded);
    return status;
}

static int status_answer(struct engine *e, struct submission *s)
{
    const struct data_folder *folder = e->folder;
    struct sequencer_view view = engine_view(e);
    struct sequencer_now now = sequencer_look(&e->sequencer, &view);
    struct a_status answer = {
        .origin = folder->genesis.origin,
        .version = {BOURSE_VERSION, sizeof(BOURSE_VERSION) - 1},
        .time_s = exchange_time(e->exchange),
        .clock_mode = e->options.clock_mode,
        .clock_waits = now.waits,
        .clock_s = now.clock_s,
        .group = e->group,
        .log_size = e->checkpoint_size,
        .log_certificate = {folder->log_certificate, CERTIFICATE_BYTES},
        .channel_certificate = {folder->channel_certificate, CERTIFICATE_BYTES},
        .activation_grace_s = folder->genesis.activation_grace_s,
        .meter_grace_s = folder->genesis.meter_grace_s,
        .dispute_window_s = folder->genesis.dispute_window_s,
    };
    memcpy(answer.exchange_id, folder->exchange_id, sizeof(answer.exchange_id));
    memcpy(answer.root_key, folder->genesis.root_key, sizeof(answer.root_key));
    struct key_info key;
    answer.you = exchange_account_by_channel(e->exchange, s->peer_key);
    if (exchange_further_key(e->exchange, s->peer_key, &key)) {
        answer.keys.items = &key;
        answer.keys.count = 1;
    }
    if (answer.you != 0) {
        const char *name = "";
        answer.role = exchange_account_role(e->exchange, answer.you, &name);
        answer.name = text_of(name);
    }
    return answer_add(e, s, REFUSAL_accepted, &a_status_message, &answer);
}

/* Reads the event at `index` and decodes it. Other accounts' events are as good as absent. */
static int event_look(struct engine *e, struct submission *s, uint64_t index, struct buffer *data,
                      const struct message **message_out, const void **body_out,
                      enum refusal *refusal_out)
{
    struct decode_error wrong;
    *refusal_out = REFUSAL_not_found;
    if (index >= e->checkpoint_size)
        return 0;
    int status = log_store_read(e->log, index, data);
    if (status == 0)
        status = event_decode(data->data, data->length, &s->arena, message_out, body_out, &wrong);
    if (status != 0)
        return status == STATUS_MALFORMED ? STATUS_DAMAGED : status;
    uint32_t account = exchange_account_by_channel(e->exchange, s->peer_key);
    if (exchange_may_see(e->exchange, account, *message_out, *body_out))
        *refusal_out = REFUSAL_accepted;
    return 0;
}

static int receipt_answer(struct engine *e, struct submission *s)
{
    const struct q_receipt *query = s->query_body;
    struct buffer event = BUFFER_EMPTY, text = BUFFER_EMPTY;
    const struct message *message;
    const void *body;
    enum refusal refusal;
    merkle_hash proof[MERKLE_PROOF_MAX];
    size_t count = 0;
    int status = event_look(e, s, query->index, &event, &message, &body, &refusal);
    if (status != 0)
        goto out;
    if (refusal != REFUSAL_accepted) {
        status = answer_add(e, s, refusal, NULL, NULL);
        goto out;
    }
    status = log_store_inclusion(e->log, query->index, e->checkpoint_size, proof, &count);
    if (status != 0)
        goto out;
    receipt_encode(event.data, event.length, query->index, proof[0], count,
                   (const char *)e->checkpoint.data, e->checkpoint.length, &text);
    struct a_receipt answer = {.receipt = {text.data, (uint32_t)text.length}};
    status = text.status;
    if (status == 0)
        status = answer_add(e, s, REFUSAL_accepted, &a_receipt_message, &answer);
out:
    buffer_release(&event);
    buffer_release(&text);
    return status;
}

static int checkpoint_answer(struct engine *e, struct submission *s)
{
    const struct q_checkpoint *query = s->query_body;
    merkle_hash proof[MERKLE_PROOF_MAX];
    struct hash_row rows[MERKLE_PROOF_MAX];
    size_t count = 0;
    int status = 0;
    /* Who knows a longer log than ours gets no proof, and sees from the note why. */
    if (query->old_size <= e->checkpoint_size)
        status = log_store_consistency(e->log, query->old_size, e->checkpoint_size, proof, &count);
    if (status != 0)
        return status;
    for (size_t i = 0; i < count; i++)
        memcpy(rows[i].hash, proof[i], sizeof(rows[i].hash));
    struct a_checkpoint answer = {
        .note = {e->checkpoint.data, (uint32_t)e->checkpoint.length},
        .proof = {rows, (uint32_t)count},
    };
    return answer_add(e, s, REFUSAL_accepted, &a_checkpoint_message, &answer);
}

static int access_answer(struct engine *e, struct submission *s)
{
    const struct q_access *query = s->query_body;
    struct buffer event = BUFFER_EMPTY;
    const struct message *message = NULL;
    const void *body = NULL;
    uint64_t index = 0;
    int status = 0;
    uint32_t account = exchange_account_by_channel(e->exchange, s->peer_key);
    enum refusal refusal = exchange_access_index(e->exchange, account, query->lease, &index);
    if (refusal == REFUSAL_accepted)
        status = event_look(e, s, index, &event, &message, &body, &refusal);
    if (status != 0)
        goto out;
    struct a_access answer = {.lease = query->lease};
    if (refusal == REFUSAL_accepted && message->code == EVENT_lease_activated)
        answer.sealed = ((const struct ev_lease_activated *)body)->access;
    else if (refusal == REFUSAL_accepted)
        refusal = REFUSAL_not_found;
    status = answer_add(e, s, refusal, &a_access_message, &answer);
out:
    buffer_release(&event);
    return status;
}

bool answer_is_deferred(const struct submission *s)
{
    if (s->kind != SUBMISSION_QUERY)
        return false;
    switch (s->query->code) {
    case QUERY_status:
    case QUERY_receipt:
    case QUERY_checkpoint:
    case QUERY_access:
        return true;
    default:
        return false;
    }
}

/* Hands a question for a report over, or refuses it. */
static int report_hand(struct engine *e, struct submission *s, uint32_t account, bool *handed_out)
{
    uint32_t subject = 0;
    enum refusal refusal = exchange_report_subject(e->exchange, account, s->query_body, &subject);
    if (refusal == REFUSAL_accepted && reporter_hand(e->reporter, s, account, subject, e->group,
                                                     exchange_time(e->exchange)) == 0) {
        *handed_out = true;
        return 0;
    }
    return answer_add(e, s, refusal != REFUSAL_accepted ? refusal : REFUSAL_reports_busy, NULL,
                      NULL);
}

int answer_question(struct engine *e, struct submission *s, bool *handed_out)
{
    const struct message *message = NULL;
    const void *body = NULL;
    if (s->kind == SUBMISSION_SUBSCRIBE)
        return publication_add_subscriber(e, s);
    if (answer_is_deferred(s))
        return 0;
    uint32_t account = exchange_account_by_channel(e->exchange, s->peer_key);
    if (s->query->code == QUERY_report)
        return report_hand(e, s, account, handed_out);
    enum refusal refusal =
        exchange_query(e->exchange, account, s->query, s->query_body, &s->arena, &message, &body);
    return answer_add(e, s, refusal, message, body);
}

int answer_deferred(struct engine *e, struct submission *s)
{
    switch (s->query->code) {
    case QUERY_status:
        return status_answer(e, s);
    case QUERY_receipt:
        return receipt_answer(e, s);
    case QUERY_checkpoint:
        return checkpoint_answer(e, s);
    default:
        return access_answer(e, s);
    }
}
