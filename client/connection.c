#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "client/connection_errors.h"
#include "client/connection_state.h"
#include "protocol/certificate.h"
#include "protocol/refusal.h"
#include "protocol/status.h"

enum { BACKOFF_FIRST_MS = 200, BACKOFF_MAX_MS = 3000 };

static void system_fill(void *context, uint8_t *out, size_t length)
{
    (void)context;
    randombytes_buf(out, length);
}

/* --- Queries -------------------------------------------------------------------------------- */

int connection_send_query(struct connection *c, const struct message *query, const void *body,
                          uint32_t *seq_out, struct connection_error *error)
{
    buffer_clear(&c->body);
    message_encode_coded(query, body, &c->body);
    if (c->body.status != STATUS_OK)
        return connection_fail(error, STATUS_MEMORY, "out of memory");
    struct frame_query frame = {.seq = connection_seq_next(c),
                                .body = {c->body.data, (uint32_t)c->body.length}};
    *seq_out = frame.seq;
    return connection_frame_send(c, &frame_query_message, &frame, error);
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
        status = connection_frame_wait(c, seq, c->timeout_ms, arena, &m, &got, error);
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
    int status =
        certificate_verify(c, a->channel_certificate, CERTIFICATE_CHANNEL, c->pin.channel, error);
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
    s->key_expired = a->you == 0 && a->keys.count > 0;
    s->role = a->role;
    connection_time_learn(c, a->time_s);
    /* An idle exchange's last group may be long ago; its clock says what the next one will have. */
    if (a->clock_mode == CLOCK_MODE_REAL && !a->clock_waits)
        connection_time_learn(c, a->clock_s);
}

int connection_status_ask(struct connection *c, struct connection_error *error)
{
    struct arena arena = ARENA_EMPTY;
    struct q_status body = {.client = text_of(c->client)};
    const void *answer = NULL;
    int status = query_once(c, &q_status_message, &body, &arena, &answer, error);
    if (status == STATUS_OK && answer == NULL)
        status =
            connection_fail(error, STATUS_MALFORMED, "%s refuses to say what it is", c->address);
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
    connection_drop(c);
    int status = stream_open(c->address, c->keys.channel_secret, c->pin.channel, c->timeout_ms,
                             &c->stream, &why);
    if (status != STATUS_OK)
        return connection_explain_open(status, c->address, why.text, error);
    status = connection_status_ask(c, error);
    if (status == STATUS_OK)
        status = trust_ask(c, error);
    if (status != STATUS_OK)
        connection_drop(c);
    return status;
}

bool connection_breaks(int status)
{
    return status == STATUS_CLOSED || status == STATUS_IO;
}

int connection_attach_again(struct connection *c, int *tries, struct connection_error *error)
{
    int status = STATUS_CLOSED;
    int pause_ms = BACKOFF_FIRST_MS;
    while (connection_breaks(status) && (*tries)-- > 0) {
        (void)poll(NULL, 0, pause_ms);
        pause_ms = 2 * pause_ms < BACKOFF_MAX_MS ? 2 * pause_ms : BACKOFF_MAX_MS;
        status = attach(c, error);
    }
    return status;
}

int connection_resume(struct connection *c, struct connection_error *error)
{
    *error = (struct connection_error){.status = STATUS_OK};
    int status = attach(c, error);
    if (status == STATUS_OK && c->subscribed)
        status = connection_subscribe(c, c->subscription_next, error);
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
    c->time_at_ms = stream_now_ms();
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
    if (status == STATUS_OK) {
        c->status.first_seen = c->trust.size == 0;
        status = attach(c, error);
    }
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
    connection_drop(c);
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

int connection_query(struct connection *c, const struct message *query, const void *body,
                     struct arena *arena, const void **answer_out, struct connection_error *error)
{
    int tries = c->retries;
    *error = (struct connection_error){.status = STATUS_OK};
    int status = query_once(c, query, body, arena, answer_out, error);
    while (connection_breaks(status) && tries > 0) {
        status = connection_attach_again(c, &tries, error);
        if (status == STATUS_OK)
            status = query_once(c, query, body, arena, answer_out, error);
    }
    return status;
}
