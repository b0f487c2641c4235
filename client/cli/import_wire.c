#include "client/cli/import_wire.h"

#include <stdlib.h>
#include <string.h>

#include "client/connection_errors.h"
#include "client/stream.h"
#include "protocol/endian.h"
#include "protocol/refusal.h"
#include "protocol/sha256.h"
#include "protocol/status.h"

struct wire {
    struct stream *stream;
    char *address;
    uint8_t exchange_id[32];
    uint64_t seed;
    uint64_t time_s;
    uint64_t ids;      /* drawn so far */
    uint32_t sent;     /* seq of the last frame sent */
    uint32_t expected; /* seq of the last frame taken */
    struct buffer body;
    struct buffer frame;
};

/* SHA-256 of what, seed and name: seeds of keys, and ids. */
static void derive(const char *what, uint64_t seed, const void *name, size_t length,
                   uint8_t out[32])
{
    uint8_t number[8];
    put_u64_le(number, seed);
    sha256_parts(what, strlen(what) + 1, number, sizeof(number), name, length, out);
}

void wire_key_seed(uint64_t seed, const char *name, uint8_t out[KEYS_SEED_BYTES])
{
    derive("bourse/import/key/v1", seed, name, strlen(name), out);
}

void wire_keys(uint64_t seed, const char *name, struct keys *out)
{
    uint8_t bytes[KEYS_SEED_BYTES];
    wire_key_seed(seed, name, bytes);
    keys_from_seed(out, bytes);
}

int wire_open(const char *address, const struct pin *pin, const struct wire_party *who,
              uint64_t seed, uint64_t time_s, struct wire **out, struct connection_error *error)
{
    struct stream_error why = {.text = ""};
    struct wire *w = calloc(1, sizeof(*w));
    *out = NULL;
    if (w == NULL)
        return connection_fail(error, STATUS_MEMORY, "out of memory");
    w->seed = seed;
    w->time_s = time_s;
    memcpy(w->exchange_id, pin->exchange_id, sizeof(w->exchange_id));
    w->address = strdup(address);
    int status = w->address == NULL ? connection_fail(error, STATUS_MEMORY, "out of memory")
                                    : stream_open(address, who->keys.channel_secret, pin->channel,
                                                  CONNECTION_TIMEOUT_MS, &w->stream, &why);
    if (status != STATUS_OK) {
        if (status != STATUS_MEMORY)
            connection_explain_open(status, address, why.text, error);
        wire_close(w);
        return status;
    }
    *out = w;
    return STATUS_OK;
}

void wire_close(struct wire *w)
{
    if (w == NULL)
        return;
    stream_close(w->stream);
    buffer_release(&w->body);
    buffer_release(&w->frame);
    free(w->address);
    free(w);
}

void wire_time_set(struct wire *w, uint64_t time_s)
{
    w->time_s = time_s;
}

static int frame_send(struct wire *w, const struct message *m, const void *body,
                      struct connection_error *error)
{
    buffer_clear(&w->frame);
    message_encode_coded(m, body, &w->frame);
    if (w->frame.status != STATUS_OK)
        return connection_fail(error, STATUS_MEMORY, "out of memory");
    int status = stream_send(w->stream, w->frame.data, w->frame.length, CONNECTION_TIMEOUT_MS);
    return status == STATUS_OK ? STATUS_OK : connection_explain_broken(status, w->address, error);
}

int wire_send(struct wire *w, const struct wire_party *signer, const struct operation *operations,
              uint32_t count, struct connection_error *error)
{
    uint8_t number[8];
    uint8_t id[32];
    put_u64_le(number, w->ids++);
    derive("bourse/import/id/v1", w->seed, number, sizeof(number), id);
    struct request r = {
        .account = signer->account,
        .valid_until_s = w->time_s + CONNECTION_VALID_S,
        .operations = {operations, count},
    };
    memcpy(r.key, signer->keys.sign_public, sizeof(r.key));
    memcpy(r.id, id, sizeof(r.id));
    buffer_clear(&w->body);
    message_encode(&request_message, &r, &w->body);
    if (w->body.status != STATUS_OK)
        return connection_fail(error, STATUS_MEMORY, "out of memory");
    if (count > BATCH_OPERATIONS_MAX || w->body.length > REQUEST_BYTES_MAX)
        return connection_fail(error, STATUS_LIMIT, "a request of %u operations is too large",
                               (unsigned)count);
    struct frame_request frame = {.seq = ++w->sent,
                                  .body = {w->body.data, (uint32_t)w->body.length}};
    keys_sign(&signer->keys, PURPOSE_REQUEST, w->exchange_id, w->body.data, w->body.length,
              frame.signature);
    return frame_send(w, &frame_request_message, &frame, error);
}

int wire_ask(struct wire *w, const struct message *query, const void *body,
             struct connection_error *error)
{
    buffer_clear(&w->body);
    message_encode_coded(query, body, &w->body);
    if (w->body.status != STATUS_OK)
        return connection_fail(error, STATUS_MEMORY, "out of memory");
    struct frame_query frame = {.seq = ++w->sent, .body = {w->body.data, (uint32_t)w->body.length}};
    return frame_send(w, &frame_query_message, &frame, error);
}

/* The next frame, which must be of this kind and answer what was sent first. */
static int frame_take(struct wire *w, const struct message *kind, struct arena *arena,
                      const void **body_out, struct connection_error *error)
{
    const uint8_t *data;
    size_t length;
    int status = stream_receive(w->stream, CONNECTION_TIMEOUT_MS, &data, &length);
    if (status != STATUS_OK)
        return connection_explain_broken(status, w->address, error);
    const struct message *m = NULL;
    struct decode_error why = {.text = "out of memory"};
    const uint8_t *copy = arena_copy(arena, data, length);
    status = copy == NULL
                 ? STATUS_MEMORY
                 : message_decode_coded(&frame_set, copy, length, arena, &m, body_out, &why);
    if (status != STATUS_OK)
        return connection_fail(error, status, "%s sent what is not understood: %s", w->address,
                               why.text);
    if (m->code == FRAME_error)
        return connection_explain_wire(*body_out, error);
    w->expected++;
    /* Every frame that answers begins with its seq. */
    uint32_t seq = m == kind ? *(const uint32_t *)*body_out : 0;
    if (seq != w->expected)
        return connection_fail(error, STATUS_MALFORMED, "%s answered out of turn, with a %s frame",
                               w->address, m->name);
    return STATUS_OK;
}

static_assert(offsetof(struct frame_reply, seq) == 0, "frame_take() reads it");
static_assert(offsetof(struct frame_answer, seq) == 0, "frame_take() reads it");

/* A refusal of what a simulation asks as a whole ends it. */
static int refused(uint32_t refusal, struct connection_error *error)
{
    if (refusal == REFUSAL_accepted)
        return STATUS_OK;
    connection_explain_refusal(refusal, error);
    error->status = STATUS_MISUSE;
    return STATUS_MISUSE;
}

int wire_reply(struct wire *w, struct arena *arena, const struct frame_reply **reply_out,
               struct connection_error *error)
{
    const void *body = NULL;
    int status = frame_take(w, &frame_reply_message, arena, &body, error);
    if (status != STATUS_OK)
        return status;
    *reply_out = body;
    return refused((*reply_out)->refusal, error);
}

int wire_answer(struct wire *w, const struct message *query, struct arena *arena,
                const void **answer_out, struct connection_error *error)
{
    const void *body = NULL;
    int status = frame_take(w, &frame_answer_message, arena, &body, error);
    if (status != STATUS_OK)
        return status;
    const struct frame_answer *answer = body;
    status = refused(answer->refusal, error);
    if (status != STATUS_OK)
        return status;
    const struct message *kind = NULL;
    struct decode_error why = {.text = "another kind of answer"};
    status = message_decode_coded(&answer_set, answer->body.data, answer->body.length, arena, &kind,
                                  answer_out, &why);
    if (status == STATUS_OK && kind->code != query->code)
        status = STATUS_MALFORMED;
    return status == STATUS_OK ? STATUS_OK
                               : connection_fail(error, status,
                                                 "%s gave an answer that is not "
                                                 "understood: %s",
                                                 w->address, why.text);
}
