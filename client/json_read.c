#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "client/json.h"
#include "protocol/amount.h"
#include "protocol/buffer.h"
#include "protocol/moment.h"
#include "protocol/operations.h"
#include "protocol/refusal.h"
#include "protocol/status.h"

/*
 * Values are read into a body without regard to the fields' limits; the body is then encoded and
 * decoded again, which holds it to exactly the rules of the wire and copies all it points to.
 */
struct reader {
    struct arena *arena;
    struct decode_error *error;
    const char *message; /* what the errors name: message (or part) and field */
    const char *field;
};

__attribute__((format(printf, 2, 3))) static int malformed(struct reader *r, const char *format,
                                                           ...)
{
    char *out = r->error->text;
    size_t size = sizeof(r->error->text);
    int length = r->field != NULL ? snprintf(out, size, "%.40s.%.40s: ", r->message, r->field)
                                  : snprintf(out, size, "%.40s: ", r->message);
    va_list args;
    va_start(args, format);
    vsnprintf(out + length, size - (size_t)length, format, args);
    va_end(args);
    return STATUS_MALFORMED;
}

/* A string without a NUL inside, or NULL. */
static const char *plain_string(const json_t *json)
{
    const char *text = json_string_value(json);
    return text != NULL && strlen(text) == json_string_length(json) ? text : NULL;
}

static int integer_read(struct reader *r, const json_t *json, uint64_t *value_out)
{
    json_int_t value = json_integer_value(json);
    if (value < 0)
        return malformed(r, "%" JSON_INTEGER_FORMAT " is below 0", value);
    *value_out = (uint64_t)value;
    return STATUS_OK;
}

static int number_read(struct reader *r, const json_t *json, uint64_t *value_out)
{
    if (json_is_integer(json))
        return integer_read(r, json, value_out);
    const char *text = plain_string(json);
    if (text == NULL)
        return malformed(r, "not an integer");
    uint64_t value = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at < '0' || *at > '9')
            return malformed(r, "\"%.20s\" is not a number", text);
        uint64_t digit = (uint64_t)(*at - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return malformed(r, "\"%.20s\" is too large", text);
        value = value * 10 + digit;
    }
    if (*text == '\0')
        return malformed(r, "an empty string where a number belongs");
    *value_out = value;
    return STATUS_OK;
}

static int amount_read(struct reader *r, const json_t *json, uint64_t *value_out)
{
    if (json_is_integer(json))
        return integer_read(r, json, value_out);
    const char *text = plain_string(json);
    if (text == NULL)
        return malformed(r, "neither an integer of micro-credits nor a string of credits");
    if (!amount_parse(text, value_out))
        return malformed(r, "\"%.32s\" is not an amount of credits such as \"12.5\"", text);
    return STATUS_OK;
}

static int time_read(struct reader *r, const json_t *json, uint64_t *value_out)
{
    if (json_is_integer(json))
        return integer_read(r, json, value_out);
    if (json_is_null(json)) {
        *value_out = 0;
        return STATUS_OK;
    }
    const char *text = plain_string(json);
    /* Only fixed points in time: what "now" or "+6h" means belongs to the command line. */
    if (text == NULL || *text < '0' || *text > '9' || !moment_parse(text, 0, value_out))
        return malformed(r, "not a time such as \"2026-11-22T10:00:00Z\"");
    return STATUS_OK;
}

static int refusal_read(struct reader *r, const json_t *json, uint64_t *value_out)
{
    if (json_is_integer(json))
        return integer_read(r, json, value_out);
    const char *text = plain_string(json);
    int refusal = text != NULL ? refusal_from_name(text) : -1;
    if (refusal < 0)
        return malformed(r, "not the name of a refusal");
    *value_out = (uint64_t)refusal;
    return STATUS_OK;
}

static int word_read(struct reader *r, const struct vocabulary *words, const json_t *json,
                     uint64_t *value_out)
{
    const char *text = plain_string(json);
    if (text == NULL)
        return malformed(r, "not the name of a %s", words->word);
    int64_t value = vocabulary_value(words, text);
    if (value < 0)
        return malformed(r, "\"%.40s\" is no %s", text, words->word);
    *value_out = (uint64_t)value;
    return STATUS_OK;
}

static int flags_read(struct reader *r, const struct vocabulary *words, const json_t *json,
                      uint64_t *value_out)
{
    if (!json_is_array(json))
        return malformed(r, "not an array of names");
    uint64_t all = 0;
    for (size_t i = 0; i < json_array_size(json); i++) {
        uint64_t bit = 0;
        int rc = word_read(r, words, json_array_get(json, i), &bit);
        if (rc != STATUS_OK)
            return rc;
        all |= bit;
    }
    *value_out = all;
    return STATUS_OK;
}

static int hex_read(struct reader *r, const json_t *json, uint8_t *at, size_t length)
{
    const char *text = json_string_value(json);
    size_t read = 0;
    if (text == NULL || json_string_length(json) != 2 * length ||
        sodium_hex2bin(at, length, text, 2 * length, NULL, &read, NULL) != 0 || read != length)
        return malformed(r, "not %zu digits of hex", 2 * length);
    return STATUS_OK;
}

static int text_read(struct reader *r, const json_t *json, uint8_t *at)
{
    if (!json_is_string(json))
        return malformed(r, "not a string");
    size_t length = json_string_length(json);
    if (length > UINT32_MAX)
        return malformed(r, "too long");
    struct text text = {json_string_value(json), (uint32_t)length};
    memcpy(at, &text, sizeof(text));
    return STATUS_OK;
}

static int bytes_read(struct reader *r, const json_t *json, uint8_t *at)
{
    const char *text = json_string_value(json);
    size_t length = json_string_length(json);
    if (text == NULL || length > UINT32_MAX)
        return malformed(r, "not a string of base64");
    size_t room = length / 4 * 3;
    uint8_t *data = arena_alloc(r->arena, room > 0 ? room : 1);
    if (data == NULL)
        return STATUS_MEMORY;
    size_t read = 0;
    const char *end = NULL;
    if (sodium_base642bin(data, room, text, length, NULL, &read, &end,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        end != text + length)
        return malformed(r, "not base64");
    struct bytes bytes = {data, (uint32_t)read};
    memcpy(at, &bytes, sizeof(bytes));
    return STATUS_OK;
}

static int object_read(struct reader *r, const struct message *m, json_t *json,
                       const char *extra_key, void *body);

static int operation_read(struct reader *r, json_t *json, struct operation *out)
{
    const char *name = plain_string(json_object_get(json, "operation"));
    if (name == NULL)
        return malformed(r, "an item is not an object with the name of an \"operation\"");
    const struct message *m = message_by_name(&operation_set, name);
    if (m == NULL)
        return malformed(r, "there is no operation \"%.40s\"", name);
    void *body = arena_alloc(r->arena, m->size);
    if (body == NULL)
        return STATUS_MEMORY;
    out->message = m;
    out->body = body;
    return object_read(r, m, json, "operation", body);
}

static int item_read(struct reader *r, const struct field *f, json_t *json, uint8_t *items,
                     size_t i)
{
    switch (f->kind) {
    case FIELD_LIST:
        return object_read(r, f->part, json, NULL, items + i * f->part->size);
    case FIELD_NUMBERS:
        return number_read(r, json, (uint64_t *)(void *)items + i);
    default:
        return operation_read(r, json, (struct operation *)(void *)items + i);
    }
}

static int list_read(struct reader *r, const struct field *f, json_t *json, uint8_t *at)
{
    if (!json_is_array(json))
        return malformed(r, "not an array");
    size_t count = json_array_size(json);
    if (count > f->max)
        return malformed(r, "%zu items is above %" PRIu64, count, f->max);
    size_t size = f->kind == FIELD_LIST      ? f->part->size
                  : f->kind == FIELD_NUMBERS ? sizeof(uint64_t)
                                             : sizeof(struct operation);
    uint8_t *items = arena_alloc(r->arena, count * size);
    if (items == NULL)
        return STATUS_MEMORY;
    for (size_t i = 0; i < count; i++) {
        int rc = item_read(r, f, json_array_get(json, i), items, i);
        if (rc != STATUS_OK)
            return rc;
    }
    struct list list = {items, (uint32_t)count};
    memcpy(at, &list, sizeof(list));
    return STATUS_OK;
}

/* Of the kinds that are one number. */
static int value_read(struct reader *r, const struct field *f, const json_t *json,
                      uint64_t *value_out)
{
    switch (f->kind) {
    case FIELD_AMOUNT:
    case FIELD_PRICE:
        return amount_read(r, json, value_out);
    case FIELD_TIME:
        return time_read(r, json, value_out);
    case FIELD_ENUM:
        return word_read(r, f->words, json, value_out);
    case FIELD_FLAGS:
        return flags_read(r, f->words, json, value_out);
    case FIELD_REFUSAL:
        return refusal_read(r, json, value_out);
    default:
        return number_read(r, json, value_out);
    }
}

static int u32_read(struct reader *r, const struct field *f, const json_t *json, uint8_t *at)
{
    uint64_t number = 0;
    int rc = value_read(r, f, json, &number);
    if (rc != STATUS_OK)
        return rc;
    if (number > UINT32_MAX)
        return malformed(r, "%" PRIu64 " is too large", number);
    uint32_t value = (uint32_t)number;
    memcpy(at, &value, sizeof(value));
    return STATUS_OK;
}

static int u64_read(struct reader *r, const struct field *f, const json_t *json, uint8_t *at)
{
    uint64_t value = 0;
    int rc = value_read(r, f, json, &value);
    if (rc == STATUS_OK)
        memcpy(at, &value, sizeof(value));
    return rc;
}

static int field_read(struct reader *r, const struct field *f, json_t *json, uint8_t *at)
{
    switch (f->kind) {
    case FIELD_BOOL: {
        bool value = json_is_true(json);
        memcpy(at, &value, sizeof(value));
        return json_is_boolean(json) ? STATUS_OK : malformed(r, "neither true nor false");
    }
    case FIELD_U32:
    case FIELD_ENUM:
    case FIELD_FLAGS:
    case FIELD_ACCOUNT:
    case FIELD_SERIES:
    case FIELD_REFUSAL:
        return u32_read(r, f, json, at);
    case FIELD_U64:
    case FIELD_AMOUNT:
    case FIELD_PRICE:
    case FIELD_TIME:
    case FIELD_NUMBER:
        return u64_read(r, f, json, at);
    case FIELD_KEY:
    case FIELD_HASH:
    case FIELD_ID:
    case FIELD_SIGNATURE:
        return hex_read(r, json, at, f->max);
    case FIELD_TEXT:
        return text_read(r, json, at);
    case FIELD_BYTES:
        return bytes_read(r, json, at);
    case FIELD_LIST:
    case FIELD_NUMBERS:
    case FIELD_OPERATIONS:
        return list_read(r, f, json, at);
    }
    return STATUS_MALFORMED;
}

/* Whether the field may be zero or empty. Keys and hashes may: the wire has no rule against it. */
static bool zero_allowed(const struct field *f)
{
    switch (f->kind) {
    case FIELD_ENUM:
        return vocabulary_name(f->words, 0) != NULL;
    case FIELD_KEY:
    case FIELD_HASH:
    case FIELD_ID:
    case FIELD_SIGNATURE:
        return true;
    default:
        return f->min == 0;
    }
}

static int known_keys_check(struct reader *r, const struct message *m, json_t *json,
                            const char *extra_key)
{
    const char *key;
    json_t *value;
    json_object_foreach(json, key, value)
    {
        bool known = extra_key != NULL && strcmp(key, extra_key) == 0;
        for (uint32_t i = 0; !known && i < m->fields_count; i++)
            known = strcmp(key, m->fields[i].name) == 0;
        if (!known)
            return malformed(r, "there is no field \"%.40s\"", key);
    }
    return STATUS_OK;
}

/* `body` is zeroed. `extra_key` is a key beside the fields, or NULL. */
static int object_read(struct reader *r, const struct message *m, json_t *json,
                       const char *extra_key, void *body)
{
    struct reader here = {r->arena, r->error, m->name, NULL};
    if (!json_is_object(json))
        return malformed(&here, "not an object");
    int rc = known_keys_check(&here, m, json, extra_key);
    for (uint32_t i = 0; rc == STATUS_OK && i < m->fields_count; i++) {
        const struct field *f = &m->fields[i];
        json_t *value = json_object_get(json, f->name);
        here.field = f->name;
        if (value != NULL)
            rc = field_read(&here, f, value, (uint8_t *)body + f->offset);
        else if (!zero_allowed(f))
            rc = malformed(&here, "missing");
    }
    return rc;
}

int message_from_json(const struct message *m, json_t *json, struct arena *arena, void *body_out,
                      struct decode_error *error)
{
    struct reader r = {arena, error, m->name, NULL};
    struct buffer encoded = BUFFER_EMPTY;
    error->text[0] = '\0';
    void *body = arena_alloc(arena, m->size);
    int rc = body == NULL ? STATUS_MEMORY : object_read(&r, m, json, NULL, body);
    if (rc != STATUS_OK)
        goto out;
    message_encode(m, body, &encoded);
    rc = encoded.status;
    if (rc != STATUS_OK)
        goto out;
    const uint8_t *kept = arena_copy(arena, encoded.data, encoded.length);
    rc = kept == NULL ? STATUS_MEMORY
                      : message_decode(m, kept, encoded.length, arena, body_out, error);
out:
    buffer_release(&encoded);
    return rc;
}
