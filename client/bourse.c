#include "client/bourse.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <sodium.h>

#include "client/connection.h"
#include "client/json.h"
#include "client/operations_json.h"
#include "client/paths.h"
#include "protocol/events.h"
#include "protocol/keyfile.h"
#include "protocol/receipt.h"
#include "protocol/refusal.h"
#include "protocol/status.h"

struct bourse {
    struct connection *connection;
    struct pin pin;
};

__attribute__((format(printf, 3, 4))) static int fail(struct bourse_error *error, int class_code,
                                                      const char *format, ...)
{
    va_list args;
    if (error == NULL)
        return class_code;
    *error = (struct bourse_error){.class_code = class_code};
    va_start(args, format);
    vsnprintf(error->message, sizeof(error->message), format, args);
    va_end(args);
    return class_code;
}

static int fail_memory(struct bourse_error *error)
{
    return fail(error, BOURSE_LOCAL, "out of memory");
}

static int class_of(int status)
{
    switch (status) {
    case STATUS_FORKED:
    case STATUS_FORGED:
    case STATUS_EXPIRED:
        return BOURSE_UNTRUSTED;
    case STATUS_LIMIT:
        return BOURSE_USAGE;
    case STATUS_MEMORY:
    case STATUS_IO:
    case STATUS_FULL:
    case STATUS_PERMISSION:
    case STATUS_DAMAGED:
        return BOURSE_LOCAL;
    default:
        return BOURSE_CONNECTION;
    }
}

static int fail_refused(struct bourse_error *error, uint32_t refusal)
{
    struct connection_error why;
    connection_explain_refusal(refusal, &why);
    fail(error, BOURSE_REFUSED, "%s", why.text);
    if (error != NULL) {
        snprintf(error->refusal, sizeof(error->refusal), "%s", refusal_name(refusal));
        error->is_transient = refusal_is_transient(refusal);
    }
    return BOURSE_REFUSED;
}

static int fail_connection(struct bourse_error *error, const struct connection_error *why)
{
    return why->refusal > 0 ? fail_refused(error, why->refusal)
                            : fail(error, class_of(why->status), "%s", why->text);
}

void bourse_free(char *text)
{
    free(text);
}

const char *bourse_version(void)
{
    return BOURSE_VERSION;
}

/* Dumps and takes the reference. */
static int json_out(json_t *json, char **out, struct bourse_error *error)
{
    *out = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return *out != NULL ? BOURSE_OK : fail_memory(error);
}

/* --- Keys and connection -------------------------------------------------------------------- */

int bourse_keygen(const char *file, const void *passphrase, size_t passphrase_length,
                  char public_key_out[BOURSE_PUBLIC_KEY_BYTES], struct bourse_error *error)
{
    uint8_t seed[KEYS_SEED_BYTES];
    struct keys keys;
    struct keys_public p;
    if (sodium_init() < 0)
        return fail(error, BOURSE_LOCAL, "libsodium does not start");
    randombytes_buf(seed, sizeof(seed));
    int status = keyfile_write(file, seed, passphrase, passphrase_length, NULL);
    if (status == STATUS_OK) {
        keys_from_seed(&keys, seed);
        keys_get_public(&keys, &p);
        keys_print(&p, public_key_out);
        keys_wipe(&keys);
    }
    sodium_memzero(seed, sizeof(seed));
    return status == STATUS_OK
               ? BOURSE_OK
               : fail(error, BOURSE_LOCAL, "cannot write %s: %s", file, status_text(status));
}

/* Everything that opening needs is in `o`; the keys are wiped by the caller. */
static int open_with(struct bourse *b, const struct bourse_options *o, const struct keys *keys,
                     struct bourse_error *error)
{
    struct connection_error why;
    char *state = o->state_folder != NULL ? strdup(o->state_folder) : paths_state();
    if (state == NULL)
        return fail(error, BOURSE_LOCAL, "there is no home folder; give a state folder");
    struct connection_options c = {
        .address = o->server,
        .pin = &b->pin,
        .keys = keys,
        .state_folder = state,
        .client = "libbourse",
        .timeout_ms = o->timeout_ms,
        .retries = o->retries == 0  ? CONNECTION_RETRIES
                   : o->retries < 0 ? 0
                                    : o->retries,
    };
    int status = connection_open(&c, &b->connection, &why);
    free(state);
    return status == STATUS_OK ? BOURSE_OK : fail_connection(error, &why);
}

int bourse_open(const struct bourse_options *options, struct bourse **out,
                struct bourse_error *error)
{
    uint8_t seed[KEYS_SEED_BYTES];
    struct keys keys;
    *out = NULL;
    if (options->server == NULL || options->exchange == NULL || options->key_file == NULL)
        return fail(error, BOURSE_USAGE, "server, exchange and key_file are needed");
    if (sodium_init() < 0)
        return fail(error, BOURSE_LOCAL, "libsodium does not start");
    struct bourse *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return fail_memory(error);
    if (pin_parse(options->exchange, &b->pin) != STATUS_OK) {
        free(b);
        return fail(error, BOURSE_USAGE, "'exchange' is not a pin line");
    }
    int status =
        keyfile_read(options->key_file, options->passphrase, options->passphrase_length, seed);
    if (status != STATUS_OK) {
        free(b);
        return fail(error, BOURSE_LOCAL, "cannot read the key file %s: %s", options->key_file,
                    status_text(status));
    }
    keys_from_seed(&keys, seed);
    sodium_memzero(seed, sizeof(seed));
    int code = open_with(b, options, &keys, error);
    keys_wipe(&keys);
    if (code != BOURSE_OK) {
        bourse_close(b);
        b = NULL;
    }
    *out = b;
    return code;
}

void bourse_close(struct bourse *b)
{
    if (b == NULL)
        return;
    connection_close(b->connection);
    free(b);
}

uint32_t bourse_account(const struct bourse *b)
{
    return connection_status(b->connection)->you;
}

uint64_t bourse_time_s(const struct bourse *b)
{
    return connection_time_s(b->connection);
}

/* --- Requests ------------------------------------------------------------------------------- */

static uint32_t first_refusal(const struct frame_reply *reply)
{
    for (uint32_t i = 0; i < reply->results.count; i++) {
        if (reply->results.items[i].refusal != REFUSAL_accepted)
            return reply->results.items[i].refusal;
    }
    return REFUSAL_accepted;
}

int bourse_submit(struct bourse *b, const char *operations, unsigned flags, char **reply_out,
                  struct bourse_error *error)
{
    struct arena arena = ARENA_EMPTY;
    struct request request;
    struct decode_error why;
    struct connection_error connection_why;
    struct frame_reply reply;
    int code = BOURSE_OK;
    *reply_out = NULL;
    int status = operations_from_json(operations, strlen(operations), &arena, &request, &why);
    if (status != STATUS_OK) {
        code = status == STATUS_MEMORY ? fail_memory(error)
                                       : fail(error, BOURSE_USAGE, "%s", why.text);
        goto out;
    }
    bool atomic = request.atomic || (flags & BOURSE_ATOMIC) != 0;
    status = connection_request(b->connection, request.operations.items, request.operations.count,
                                atomic ? REQUEST_ATOMIC : 0, &arena, &reply, &connection_why);
    if (status != STATUS_OK || reply.refusal != REFUSAL_accepted) {
        code = fail_connection(error, &connection_why);
        goto out;
    }
    code = json_out(message_to_json(&frame_reply_message, &reply), reply_out, error);
    if (code == BOURSE_OK && first_refusal(&reply) != REFUSAL_accepted)
        code = fail_refused(error, first_refusal(&reply));
out:
    arena_release(&arena);
    return code;
}

static int apply(struct bourse *b, const struct message *m, const void *body, struct arena *arena,
                 struct bourse_outcome *out, struct bourse_error *error)
{
    struct connection_error why;
    struct operation one = {m, body};
    struct frame_reply reply;
    int status = connection_request(b->connection, &one, 1, 0, arena, &reply, &why);
    if (status != STATUS_OK || reply.refusal != REFUSAL_accepted)
        return fail_connection(error, &why);
    if (reply.results.count != 1)
        return fail(error, BOURSE_CONNECTION, "the exchange did not say what came of it");
    const struct result *r = reply.results.items;
    if (r->refusal != REFUSAL_accepted)
        return fail_refused(error, r->refusal);
    if (out != NULL)
        *out = (struct bourse_outcome){.index = r->index,
                                       .object = r->object,
                                       .token_first = r->token_first,
                                       .token_count = r->token_count,
                                       .lease_count = r->lease_count,
                                       .lease_first = r->lease_first};
    return BOURSE_OK;
}

int bourse_transfer(struct bourse *b, const uint64_t *tokens, size_t token_count,
                    const struct bourse_payment *outputs, size_t output_count,
                    struct bourse_outcome *out, struct bourse_error *error)
{
    struct arena arena = ARENA_EMPTY;
    struct op_token_transfer op = {0};
    if (token_count > TRANSFER_INPUTS_MAX || output_count > TRANSFER_OUTPUTS_MAX)
        return fail(error, BOURSE_USAGE, "a transfer has at most %d inputs and %d outputs",
                    TRANSFER_INPUTS_MAX, TRANSFER_OUTPUTS_MAX);
    struct payment *payments = arena_alloc(&arena, (output_count + 1) * sizeof(*payments));
    if (payments == NULL)
        return fail_memory(error);
    for (size_t i = 0; i < output_count; i++)
        payments[i] = (struct payment){outputs[i].account, outputs[i].amount_ucr};
    op.inputs.items = tokens;
    op.inputs.count = (uint32_t)token_count;
    op.outputs.items = payments;
    op.outputs.count = (uint32_t)output_count;
    int code = apply(b, &op_token_transfer_message, &op, &arena, out, error);
    arena_release(&arena);
    return code;
}

/* Reads a message from JSON; NULL text is an empty object. */
static int message_read(const struct message *m, const char *text, struct arena *arena,
                        void *body_out, struct bourse_error *error)
{
    json_error_t json_why;
    struct decode_error why;
    json_t *json =
        text != NULL ? json_loads(text, JSON_REJECT_DUPLICATES, &json_why) : json_object();
    if (json == NULL)
        return fail(error, BOURSE_USAGE, "not JSON: line %d: %s", json_why.line, json_why.text);
    int status = message_from_json(m, json, arena, body_out, &why);
    json_decref(json);
    if (status == STATUS_MEMORY)
        return fail_memory(error);
    return status == STATUS_OK ? BOURSE_OK : fail(error, BOURSE_USAGE, "%s", why.text);
}

int bourse_redeem(struct bourse *b, const char *order, struct bourse_outcome *out,
                  struct bourse_error *error)
{
    struct arena arena = ARENA_EMPTY;
    struct op_order_place op;
    int code = message_read(&op_order_place_message, order, &arena, &op, error);
    if (code == BOURSE_OK)
        code = apply(b, &op_order_place_message, &op, &arena, out, error);
    arena_release(&arena);
    return code;
}

int bourse_meter(struct bourse *b, uint64_t lease, uint32_t period, uint64_t gpu_minutes,
                 struct bourse_outcome *out, struct bourse_error *error)
{
    struct arena arena = ARENA_EMPTY;
    struct op_lease_meter op = {.lease = lease, .period = period, .gpu_minutes = gpu_minutes};
    int code = apply(b, &op_lease_meter_message, &op, &arena, out, error);
    arena_release(&arena);
    return code;
}

/* --- Questions ------------------------------------------------------------------------------ */

int bourse_query(struct bourse *b, const char *query, const char *fields, char **answer_out,
                 struct bourse_error *error)
{
    struct arena arena = ARENA_EMPTY;
    struct connection_error why;
    const void *answer = NULL;
    const struct message *m = message_by_name(&query_set, query);
    *answer_out = NULL;
    if (m == NULL)
        return fail(error, BOURSE_USAGE, "there is no query '%s'", query);
    void *body = arena_alloc(&arena, m->size);
    int code = body == NULL ? fail_memory(error) : message_read(m, fields, &arena, body, error);
    if (code == BOURSE_OK) {
        int status = connection_query(b->connection, m, body, &arena, &answer, &why);
        if (status != STATUS_OK || answer == NULL)
            code = fail_connection(error, &why);
    }
    if (code == BOURSE_OK)
        code = json_out(message_to_json(message_by_code(&answer_set, m->code), answer), answer_out,
                        error);
    arena_release(&arena);
    return code;
}

/* --- Events --------------------------------------------------------------------------------- */

/* Gives one event; *stop_out when the function wants no more. */
static int event_give(const struct logged_event *e, struct arena *arena,
                      bourse_event_function *function, void *context, int *stop_out,
                      struct bourse_error *error)
{
    const struct message *m = NULL;
    const void *body = NULL;
    struct decode_error why;
    char *text = NULL;
    int status = event_decode(e->data.data, e->data.length, arena, &m, &body, &why);
    if (status != STATUS_OK)
        return fail(error, BOURSE_CONNECTION, "an event is not understood: %s", why.text);
    int code = json_out(message_to_json(m, body), &text, error);
    if (code == BOURSE_OK)
        *stop_out = function(context, e->index, m->name, text);
    free(text);
    return code;
}

int bourse_events(struct bourse *b, uint64_t from, int timeout_ms, bourse_event_function *function,
                  void *context, uint64_t *next_out, struct bourse_error *error)
{
    struct arena arena = ARENA_EMPTY;
    struct connection_error why;
    const struct frame_events *events = NULL;
    uint64_t next = from;
    int stop = 0;
    int code = connection_subscribe(b->connection, from, &why) == STATUS_OK
                   ? BOURSE_OK
                   : fail_connection(error, &why);
    while (code == BOURSE_OK && stop == 0) {
        arena_clear(&arena);
        int status = connection_events(b->connection, timeout_ms, &arena, &events, &why);
        if (status == STATUS_TIMEOUT)
            break;
        if (status != STATUS_OK)
            code = fail_connection(error, &why);
        for (uint32_t i = 0; code == BOURSE_OK && stop == 0 && i < events->events.count; i++) {
            const struct logged_event *e = &events->events.items[i];
            code = event_give(e, &arena, function, context, &stop, error);
            next = code == BOURSE_OK ? e->index + 1 : next;
        }
        if (code == BOURSE_OK && stop == 0)
            next = events->next;
    }
    if (next_out != NULL)
        *next_out = next;
    arena_release(&arena);
    return code;
}

/* --- Proof ---------------------------------------------------------------------------------- */

static int verify(const struct pin *pin, const char *text, size_t length, struct receipt *out,
                  struct bourse_error *error)
{
    struct checkpoint_trust trust = {pin->origin, pin->root, pin->exchange_id, 0};
    struct note_error why = {.text = ""};
    int status = receipt_verify(&trust, text, length, out, &why);
    if (status == STATUS_MEMORY)
        return fail_memory(error);
    return status == STATUS_OK
               ? BOURSE_OK
               : fail(error, BOURSE_UNTRUSTED, "the receipt does not verify: %s", why.text);
}

int bourse_receipt(struct bourse *b, uint64_t index, char **receipt_out, struct bourse_error *error)
{
    struct arena arena = ARENA_EMPTY;
    struct connection_error why;
    struct q_receipt q = {.index = index};
    struct receipt r;
    const void *got = NULL;
    *receipt_out = NULL;
    int status = connection_query(b->connection, &q_receipt_message, &q, &arena, &got, &why);
    int code = status == STATUS_OK && got != NULL ? BOURSE_OK : fail_connection(error, &why);
    if (code == BOURSE_OK) {
        const struct a_receipt *a = got;
        const char *text = (const char *)a->receipt.data;
        code = verify(&b->pin, text, a->receipt.length, &r, error);
        if (code == BOURSE_OK) {
            if (r.index != index)
                code = fail(error, BOURSE_UNTRUSTED, "the receipt is of another event");
            receipt_release(&r);
        }
        if (code == BOURSE_OK && (*receipt_out = strndup(text, a->receipt.length)) == NULL)
            code = fail_memory(error);
    }
    arena_release(&arena);
    return code;
}

int bourse_verify(const char *exchange, const char *receipt, size_t length, char **event_out,
                  struct bourse_error *error)
{
    struct arena arena = ARENA_EMPTY;
    struct pin pin;
    struct receipt r;
    const struct message *m = NULL;
    const void *body = NULL;
    struct decode_error why;
    if (event_out != NULL)
        *event_out = NULL;
    if (sodium_init() < 0)
        return fail(error, BOURSE_LOCAL, "libsodium does not start");
    if (pin_parse(exchange, &pin) != STATUS_OK)
        return fail(error, BOURSE_USAGE, "'exchange' is not a pin line");
    int code = verify(&pin, receipt, length, &r, error);
    if (code != BOURSE_OK)
        return code;
    if (event_out != NULL) {
        int status = event_decode(r.event.data, r.event.length, &arena, &m, &body, &why);
        code = status == STATUS_OK
                   ? json_out(json_pack("{s:I, s:s, s:o}", "index", (json_int_t)r.index, "event",
                                        m->name, "fields", message_to_json(m, body)),
                              event_out, error)
                   : fail(error, BOURSE_UNTRUSTED, "the event is not understood: %s", why.text);
    }
    receipt_release(&r);
    arena_release(&arena);
    return code;
}
