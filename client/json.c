#include "client/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "protocol/amount.h"
#include "protocol/moment.h"
#include "protocol/refusal.h"

static uint32_t u32_at(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static uint64_t u64_at(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof(value));
    return value;
}

static json_t *number_to_json(uint64_t value)
{
    if (value <= INT64_MAX)
        return json_integer((json_int_t)value);
    return json_sprintf("%" PRIu64, value);
}

static json_t *amount_to_json(uint64_t value)
{
    char text[AMOUNT_TEXT_BYTES];
    return value <= INT64_MAX ? json_integer((json_int_t)value)
                              : json_string(amount_format(value, text));
}

static json_t *time_to_json(uint64_t time_s)
{
    char text[MOMENT_TEXT_BYTES];
    return time_s == 0 ? json_null() : json_string(moment_format(time_s, text));
}

static json_t *enum_to_json(const struct vocabulary *words, uint32_t value)
{
    const char *name = vocabulary_name(words, value);
    return name != NULL ? json_string(name) : json_integer(value);
}

static json_t *flags_to_json(const struct vocabulary *words, uint32_t value)
{
    json_t *names = json_array();
    for (uint32_t i = 0; names != NULL && i < words->count; i++) {
        const struct vocabulary_value *word = &words->values[i];
        if ((value & word->value) != 0 && json_array_append_new(names, json_string(word->name))) {
            json_decref(names);
            return NULL;
        }
    }
    return names;
}

static json_t *refusal_to_json(uint32_t value)
{
    /* A number of a newer server keeps its value rather than become "unknown". */
    return refusal_is_known((unsigned)value) ? json_string(refusal_name(value))
                                             : json_integer(value);
}

static json_t *hex_to_json(const uint8_t *at, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    char text[2 * 64];
    for (size_t i = 0; i < length; i++) {
        text[2 * i] = digits[at[i] >> 4];
        text[2 * i + 1] = digits[at[i] & 15];
    }
    return json_stringn(text, 2 * length);
}

static json_t *text_to_json(const uint8_t *at)
{
    struct text text;
    memcpy(&text, at, sizeof(text));
    return json_stringn(text.length > 0 ? text.data : "", text.length);
}

static json_t *bytes_to_json(const uint8_t *at)
{
    struct bytes bytes;
    memcpy(&bytes, at, sizeof(bytes));
    size_t size = sodium_base64_ENCODED_LEN(bytes.length, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(size);
    if (text == NULL)
        return NULL;
    sodium_bin2base64(text, size, bytes.data, bytes.length, sodium_base64_VARIANT_ORIGINAL);
    json_t *json = json_string(text);
    free(text);
    return json;
}

static json_t *operation_to_json(const struct operation *o)
{
    json_t *object = json_object();
    json_t *fields = message_to_json(o->message, o->body);
    if (object == NULL || fields == NULL ||
        json_object_set_new(object, "operation", json_string(o->message->name)) != 0 ||
        json_object_update(object, fields) != 0) {
        json_decref(object);
        object = NULL;
    }
    json_decref(fields);
    return object;
}

static json_t *list_to_json(const struct field *f, const uint8_t *at)
{
    struct list list;
    memcpy(&list, at, sizeof(list));
    json_t *array = json_array();
    for (uint32_t i = 0; array != NULL && i < list.count; i++) {
        json_t *item;
        if (f->kind == FIELD_LIST)
            item =
                message_to_json(f->part, (const uint8_t *)list.items + (size_t)i * f->part->size);
        else if (f->kind == FIELD_NUMBERS)
            item = number_to_json(((const uint64_t *)list.items)[i]);
        else
            item = operation_to_json((const struct operation *)list.items + i);
        if (json_array_append_new(array, item) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *field_to_json(const struct field *f, const uint8_t *at)
{
    switch (f->kind) {
    case FIELD_BOOL: {
        bool value;
        memcpy(&value, at, sizeof(value));
        return json_boolean(value);
    }
    case FIELD_U32:
    case FIELD_ACCOUNT:
    case FIELD_SERIES:
        return number_to_json(u32_at(at));
    case FIELD_U64:
    case FIELD_NUMBER:
        return number_to_json(u64_at(at));
    case FIELD_AMOUNT:
    case FIELD_PRICE:
        return amount_to_json(u64_at(at));
    case FIELD_TIME:
        return time_to_json(u64_at(at));
    case FIELD_ENUM:
        return enum_to_json(f->words, u32_at(at));
    case FIELD_FLAGS:
        return flags_to_json(f->words, u32_at(at));
    case FIELD_REFUSAL:
        return refusal_to_json(u32_at(at));
    case FIELD_KEY:
    case FIELD_HASH:
    case FIELD_ID:
    case FIELD_SIGNATURE:
        return hex_to_json(at, f->max);
    case FIELD_TEXT:
        return text_to_json(at);
    case FIELD_BYTES:
        return bytes_to_json(at);
    case FIELD_LIST:
    case FIELD_NUMBERS:
    case FIELD_OPERATIONS:
        return list_to_json(f, at);
    }
    return NULL;
}

json_t *message_to_json(const struct message *m, const void *body)
{
    json_t *object = json_object();
    for (uint32_t i = 0; object != NULL && i < m->fields_count; i++) {
        const struct field *f = &m->fields[i];
        json_t *value = field_to_json(f, (const uint8_t *)body + f->offset);
        if (json_object_set_new(object, f->name, value) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}
