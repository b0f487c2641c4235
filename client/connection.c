#include "client/connection.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "client/connection_errors.h"
#include "client/stream.h"
#include "client/trust.h"
#include "protocol/certificate.h"
#include "protocol/refusal.h"
#include "protocol/status.h"

enum { BACKOFF_FIRST_MS = 200, BACKOFF_MAX_MS = 3000 };

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
    struct buffer body; /* of the request being made */
    struct buffer frame;
};

static void system_fill(void *context, uint8_t *out, size_t length)
{
    (void)context;
    randombytes_buf(out, length);
}

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

/* The exchange's time never runs backwards, but its last group may have been a while ago. */
static void time_learn(struct connection *c, uint64_t time_s)
{
    if (time_s > connection_time_s(c))
        connection_time_set(c, time_s);
}

/* --- Frames --------------------------------------------------------------------------------- */

static void stream_drop(struct connection *c)
{
    stream_close(c->stream);
    c->stream = NULL;
    while (c->inbox != NULL) {
        struct waiting *next = c->inbox->next;
        free(c->inbox);
        c->inbox = next;
    }
}

static uint32_t seq_next(struct connection *c)
{
    c->seq_last = c->seq_last == UINT32_MAX ? 1 : c->seq_last + 1;
    return c->seq_last;
}

static int frame_send(struct connection *c, const struct message *m, const void *body,
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
            stream_drop(c);
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
        stream_drop(c);
        return connection_fail(error, status,
                               "%s sent what this client does not understand (%s). Install the "
                               "same version on both sides.",
                               c->address, why.text);
    }
    if ((*frame_out)->code == FRAME_reply)
        time_learn(c, ((const struct frame_reply *)*body_out)->time_s);
    else if ((*frame_out)->code == FRAME_answer)
        time_learn(c, ((const struct frame_answer *)*body_out)->time_s);
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
            stream_drop(c);
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
    return status != STATUS_OK
               ? status
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

/* Waits for the frame that answers `seq` and keeps others; error frames become errors. */
static int frame_wait(struct connection *c, uint32_t seq, int timeout_ms, struct arena *arena,
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
        int left = timeout_ms < 0                      ? -1
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
            stream_drop(c);
    }
    return status;
}

/* --- Queries -------------------------------------------------------------------------------- */

int connection_send_query(struct connection *c, const struct message *query, const void *body,
                          uint32_t *seq_out, struct connection_error *error)
{
    buffer_clear(&c->body);
    message_encode_coded(query, body, &c->body);
    if (c->body.status != STATUS_OK)
        return connection_fail(error, STATUS_MEMORY, "out of memory");
    struct frame_query frame = {.seq = seq_next(c),
                                .body = {c->body.data, (uint32_t)c->body.length}};
    *seq_out = frame.seq;
    return frame_send(c, &frame_query_message, &frame, error);
}

/* Once, over the connection as it is. */
static int query_once(struct connection *c, const struct message *query, const void *body,
                      struct arena *arena, const void **answer_out, struct connection_error *error)
{
    const struct message *m = NULL;
    const void *got = NULL;
    uint32_t seq = 0;
    *answer_out = NULL;
    int status = connection_send_query(c, query, body, &seq, error);
    if (status == STATUS_OK)
        status = frame_wait(c, seq, c->timeout_ms, arena, &m, &got, error);
    if (status != STATUS_OK)
        return status;
    const struct frame_answer *answer = got;
    const struct message *kind = NULL;
    struct decode_error why = {.text = "an unexpected kind of answer"};
    if (m->code == FRAME_answer && answer->refusal != REFUSAL_accepted) {
        connection_explain_refusal(answer->refusal, error);
        return STATUS_OK;
    }
    status = m->code != FRAME_answer
                 ? STATUS_MALFORMED
                 : message_decode_coded(&answer_set, answer->body.data, answer->body.length, arena,
                                        &kind, answer_out, &why);
    if (status == STATUS_OK && kind->code != query->code)
        status = STATUS_MALFORMED;
    if (status != STATUS_OK) {
        *answer_out = NULL;
        return connection_fail(error, status, "%s gave an answer that is not understood: %s",
                               c->address, why.text);
    }
    return STATUS_OK;
}

/* --- Opening -------------------------------------------------------------------------------- */

static void text_copy(char *out, size_t size, struct text t)
{
    size_t length = t.length < size - 1 ? t.length : size - 1;
    memcpy(out, t.data != NULL ? t.data : "", length);
    out[length] = '\0';
}

static bool text_is(struct text t, const char *expected)
{
    return t.length == strlen(expected) && memcmp(t.data, expected, t.length) == 0;
}

/* A root that certified the keys in use: it is what all trust hangs on. */
static int certificate_verify(const struct connection *c, struct bytes bytes,
                              enum certificate_use use, const uint8_t *key,
                              struct connection_error *error)
{
    struct certificate content;
    const char *what = use == CERTIFICATE_LOG ? "log" : "channel";
    int status = certificate_check(bytes.data, bytes.length, c->pin.root, c->pin.exchange_id, use,
                                   (uint64_t)time(NULL), &content);
    if (status == STATUS_EXPIRED)
        return connection_fail(error, status,
                               "the exchange's certificate for its %s key is outside its window "
                               "of validity. Check this machine's clock; if it is right, the "
                               "exchange's admin must renew the certificate.",
                               what);
    if (status == STATUS_OK && key != NULL && sodium_memcmp(key, content.key, 32) != 0)
        status = STATUS_FORGED;
    if (status != STATUS_OK)
        return connection_fail(error, status,
                               "the pinned root key did not certify the %s key of %s (%s). Do not "
                               "trust it; check the pin line.",
                               what, c->address, status_text(status));
    return STATUS_OK;
}

static int status_verify(const struct connection *c, const struct a_status *a,
                         struct connection_error *error)
{
    if (memcmp(a->exchange_id, c->pin.exchange_id, 32) != 0 ||
        memcmp(a->root_key, c->pin.root, 32) != 0 || !text_is(a->origin, c->pin.origin))
        return connection_fail(error, STATUS_FORGED,
                               "%s has the pinned channel key but is another exchange (%.*s, "
                               "pinned is %s). Check the pin line.",
                               c->address, (int)a->origin.length, a->origin.data, c->pin.origin);
    int status = certificate_verify(c, a->channel_certificate, CERTIFICATE_CHANNEL, c->pin.channel,
                                    error);
    if (status == STATUS_OK)
        status = certificate_verify(c, a->log_certificate, CERTIFICATE_LOG, NULL, error);
    return status;
}

static void status_keep(struct connection *c, const struct a_status *a)
{
    struct connection_status *s = &c->status;
    memcpy(s->exchange_id, a->exchange_id, sizeof(s->exchange_id));
    text_copy(s->origin, sizeof(s->origin), a->origin);
    text_copy(s->version, sizeof(s->version), a->version);
    text_copy(s->name, sizeof(s->name), a->name);
    s->clock_mode = (enum clock_mode)a->clock_mode;
    s->you = a->you;
    s->role = a->role;
    time_learn(c, a->time_s);
}

static int status_ask(struct connection *c, struct connection_error *error)
{
    struct arena arena = ARENA_EMPTY;
    struct q_status body = {.client = {c->client, (uint32_t)strlen(c->client)}};
    const void *answer = NULL;
    int status = query_once(c, &q_status_message, &body, &arena, &answer, error);
    if (status == STATUS_OK && answer == NULL)
        status = connection_fail(error, STATUS_MALFORMED, "%s refuses to say what it is",
                                 c->address);
    if (status == STATUS_OK)
        status = status_verify(c, answer, error);
    if (status == STATUS_OK)
        status_keep(c, answer);
    arena_release(&arena);
    return status;
}

/* The log as it is now must continue the one that was seen last. */
static int trust_ask(struct connection *c, struct connection_error *error)
{
    struct arena arena = ARENA_EMPTY;
    struct trust_error why = {.text = ""};
    struct q_checkpoint body = {.old_size = c->trust.size};
    const void *got = NULL;
    int status = query_once(c, &q_checkpoint_message, &body, &arena, &got, error);
    if (status == STATUS_OK && got == NULL && body.old_size > 0) {
        /* It cannot prove it: it has less than we saw. Its head is the evidence. */
        body.old_size = 0;
        status = query_once(c, &q_checkpoint_message, &body, &arena, &got, error);
    }
    if (status == STATUS_OK && got == NULL)
        status = connection_fail(error, STATUS_MALFORMED, "%s refuses to show the head of its log",
                                 c->address);
    if (status == STATUS_OK) {
        const struct a_checkpoint *head = got;
        status = trust_advance(&c->trust, head->note.data, head->note.length,
                               head->proof.count > 0 ? head->proof.items[0].hash : NULL,
                               head->proof.count, (uint64_t)time(NULL), &why);
        if (status != STATUS_OK)
            connection_fail(error, status, "%s", why.text);
    }
    arena_release(&arena);
    return status;
}

/* Connects, again or for the first time. */
static int attach(struct connection *c, struct connection_error *error)
{
    struct stream_error why;
    stream_drop(c);
    int status = stream_open(c->address, c->keys.channel_secret, c->pin.channel, c->timeout_ms,
                             &c->stream, &why);
    if (status != STATUS_OK)
        return connection_explain_open(status, c->address, why.text, error);
    status = status_ask(c, error);
    if (status == STATUS_OK)
        status = trust_ask(c, error);
    if (status != STATUS_OK)
        stream_drop(c);
    return status;
}

static bool breaks(int status)
{
    return status == STATUS_CLOSED || status == STATUS_IO;
}

/* Connects again until it works, at most as often as *tries says. */
static int attach_again(struct connection *c, int *tries, struct connection_error *error)
{
    int status = STATUS_CLOSED;
    int pause_ms = BACKOFF_FIRST_MS;
    while (breaks(status) && (*tries)-- > 0) {
        (void)poll(NULL, 0, pause_ms);
        pause_ms = 2 * pause_ms < BACKOFF_MAX_MS ? 2 * pause_ms : BACKOFF_MAX_MS;
        status = attach(c, error);
    }
    return status;
}

int connection_open(const struct connection_options *options, struct connection **out,
                    struct connection_error *error)
{
    struct trust_error why = {.text = ""};
    *error = (struct connection_error){.status = STATUS_OK};
    *out = NULL;
    struct connection *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return connection_fail(error, STATUS_MEMORY, "out of memory");
    c->pin = *options->pin;
    c->keys = *options->keys;
    c->ids = options->ids != NULL ? *options->ids : (struct noise_random){system_fill, NULL};
    c->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : CONNECTION_TIMEOUT_MS;
    c->retries = options->retries >= 0 ? options->retries : CONNECTION_RETRIES;
    snprintf(c->client, sizeof(c->client), "%s",
             options->client != NULL ? options->client : "bourse");
    c->address = strdup(options->address);
    int status = c->address == NULL ? connection_fail(error, STATUS_MEMORY, "out of memory") : 0;
    if (status == STATUS_OK) {
        status = trust_load(&c->trust, options->state_folder, &c->pin, &why);
        if (status != STATUS_OK)
            connection_fail(error, status, "%s", why.text);
    }
    if (status == STATUS_OK)
        status = attach(c, error);
    if (status != STATUS_OK) {
        connection_close(c);
        c = NULL;
    }
    *out = c;
    return status;
}

void connection_close(struct connection *c)
{
    if (c == NULL)
        return;
    stream_drop(c);
    trust_release(&c->trust);
    keys_wipe(&c->keys);
    buffer_release(&c->body);
    buffer_release(&c->frame);
    free(c->address);
    free(c);
}

const struct connection_status *connection_status(const struct connection *c)
{
    return &c->status;
}

const struct keys *connection_keys(const struct connection *c)
{
    return &c->keys;
}

int connection_query(struct connection *c, const struct message *query, const void *body,
                     struct arena *arena, const void **answer_out, struct connection_error *error)
{
    int tries = c->retries;
    *error = (struct connection_error){.status = STATUS_OK};
    int status = query_once(c, query, body, arena, answer_out, error);
    while (breaks(status) && tries > 0) {
        status = attach_again(c, &tries, error);
        if (status == STATUS_OK)
            status = query_once(c, query, body, arena, answer_out, error);
    }
    return status;
}

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
    struct frame_request frame = {.seq = seq_next(c),
                                  .body = {body->data, (uint32_t)body->length}};
    keys_sign(&c->keys, PURPOSE_REQUEST, c->pin.exchange_id, body->data, body->length,
              frame.signature);
    *seq_out = frame.seq;
    return frame_send(c, &frame_request_message, &frame, error);
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
        status = frame_wait(c, seq, c->timeout_ms, arena, &m, &got, error);
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
            time_learn(c, ((const struct op_clock_advance *)operations[i].body)->time_s);
    }
    /* A newcomer has an account now. */
    if (c->status.you == 0 && any_accepted(reply))
        (void)status_ask(c, &ignored);
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
    while (breaks(status) && tries > 0) {
        status = attach_again(c, &tries, error);
        if (status != STATUS_OK)
            break;
        (*sent_out)++;
        status = request_once(c, body, arena, reply_out, error);
    }
    if ((breaks(status) || status == STATUS_TIMEOUT) && *sent_out > 0) {
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
    struct frame_subscribe frame = {.seq = seq_next(c), .from = from};
    *error = (struct connection_error){.status = STATUS_OK};
    c->subscribed = true;
    c->subscription_seq = frame.seq;
    c->subscription_next = from;
    return frame_send(c, &frame_subscribe_message, &frame, error);
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
    int status = frame_wait(c, c->subscription_seq, timeout_ms, arena, &m, &got, error);
    while (breaks(status) && tries > 0) {
        status = attach_again(c, &tries, error);
        if (status == STATUS_OK)
            status = connection_subscribe(c, c->subscription_next, error);
        if (status == STATUS_OK)
            status = frame_wait(c, c->subscription_seq, timeout_ms, arena, &m, &got, error);
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
