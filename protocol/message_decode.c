#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <msgpack.h>

#include "protocol/message.h"
#include "protocol/operations.h"
#include "protocol/status.h"
#include "protocol/utf8.h"
#include "protocol/wire_check.h"

/* Where the decoder stands, innermost first; spelled out only when something is wrong. */
struct position {
    const struct position *up;
    const char *name;
    uint32_t index; /* into the list `name` names; NO_INDEX for none */
};

#define NO_INDEX UINT32_MAX

struct decoder {
    struct arena *arena;
    struct decode_error *error;
};

static size_t position_print(const struct position *p, char *out, size_t size)
{
    size_t length = 0;
    if (p->up != NULL) {
        length = position_print(p->up, out, size);
        if (length + 1 < size)
            out[length++] = '.';
    }
    int more = p->index == NO_INDEX
                   ? snprintf(out + length, size - length, "%s", p->name)
                   : snprintf(out + length, size - length, "%s[%" PRIu32 "]", p->name, p->index);
    length += more > 0 ? (size_t)more : 0;
    return length < size ? length : size - 1;
}

__attribute__((format(printf, 3, 4))) static int
malformed(struct decoder *d, const struct position *p, const char *format, ...)
{
    char *out = d->error->text;
    size_t size = sizeof(d->error->text);
    /* The reason must not be crowded out by a deep position. */
    size_t length = position_print(p, out, size - 64);
    va_list args;
    va_start(args, format);
    vsnprintf(out + length, size - length, format, args);
    va_end(args);
    return STATUS_MALFORMED;
}

static const char *type_name(const msgpack_object *o)
{
    switch (o->type) {
    case MSGPACK_OBJECT_NIL:
        return "nil";
    case MSGPACK_OBJECT_BOOLEAN:
        return "a boolean";
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        return "a number";
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return "a negative number";
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return "a float";
    case MSGPACK_OBJECT_STR:
        return "text";
    case MSGPACK_OBJECT_BIN:
        return "bytes";
    case MSGPACK_OBJECT_ARRAY:
        return "an array";
    case MSGPACK_OBJECT_MAP:
        return "a map";
    default:
        return "an extension";
    }
}

static int wrong_type(struct decoder *d, const struct position *p, const msgpack_object *o,
                      const char *wanted)
{
    return malformed(d, p, ": %s where %s belongs", type_name(o), wanted);
}

/* Of a number, a length or a count. */
static int limits_check(struct decoder *d, const struct position *p, const struct field *f,
                        uint64_t value, const char *unit)
{
    if (value < f->min)
        return malformed(d, p, ": %" PRIu64 "%s is below %" PRIu64, value, unit, f->min);
    if (value > f->max)
        return malformed(d, p, ": %" PRIu64 "%s is above %" PRIu64, value, unit, f->max);
    return STATUS_OK;
}

static int number_decode(struct decoder *d, const struct position *p, const struct field *f,
                         const msgpack_object *o, uint64_t *value_out)
{
    if (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
        return wrong_type(d, p, o, "a number");
    *value_out = o->via.u64;
    return limits_check(d, p, f, o->via.u64, "");
}

static int word_check(struct decoder *d, const struct position *p, const struct field *f,
                      uint32_t value)
{
    if (f->kind == FIELD_ENUM) {
        if (vocabulary_name(f->words, value) == NULL)
            return malformed(d, p, ": %" PRIu32 " is no %s", value, f->words->word);
    } else if (f->kind == FIELD_FLAGS) {
        uint32_t all = 0;
        for (uint32_t i = 0; i < f->words->count; i++)
            all |= f->words->values[i].value;
        if ((value & ~all) != 0)
            return malformed(d, p, ": %" PRIu32 " has a bit that is no %s", value, f->words->word);
    }
    return STATUS_OK;
}

static int u64_decode(struct decoder *d, const struct position *p, const struct field *f,
                      const msgpack_object *o, uint8_t *at)
{
    uint64_t value = 0;
    int rc = number_decode(d, p, f, o, &value);
    if (rc == STATUS_OK)
        memcpy(at, &value, sizeof(value));
    return rc;
}

static int u32_decode(struct decoder *d, const struct position *p, const struct field *f,
                      const msgpack_object *o, uint8_t *at)
{
    uint64_t wide = 0;
    int rc = number_decode(d, p, f, o, &wide);
    if (rc != STATUS_OK)
        return rc;
    if (wide > UINT32_MAX)
        return malformed(d, p, ": %" PRIu64 " has more than 32 bits", wide);
    uint32_t value = (uint32_t)wide;
    memcpy(at, &value, sizeof(value));
    return f->words == NULL ? STATUS_OK : word_check(d, p, f, value);
}

static int bool_decode(struct decoder *d, const struct position *p, const msgpack_object *o,
                       uint8_t *at)
{
    if (o->type != MSGPACK_OBJECT_BOOLEAN)
        return wrong_type(d, p, o, "a boolean");
    memcpy(at, &o->via.boolean, sizeof(bool));
    return STATUS_OK;
}

/* Bytes of a fixed length. */
static int array_decode(struct decoder *d, const struct position *p, const struct field *f,
                        const msgpack_object *o, uint8_t *at)
{
    if (o->type != MSGPACK_OBJECT_BIN)
        return wrong_type(d, p, o, "bytes");
    int rc = limits_check(d, p, f, o->via.bin.size, " bytes");
    if (rc == STATUS_OK)
        memcpy(at, o->via.bin.ptr, f->max);
    return rc;
}

static int text_decode(struct decoder *d, const struct position *p, const struct field *f,
                       const msgpack_object *o, uint8_t *at)
{
    if (o->type != MSGPACK_OBJECT_STR)
        return wrong_type(d, p, o, "text");
    int rc = limits_check(d, p, f, o->via.str.size, " bytes");
    if (rc != STATUS_OK)
        return rc;
    struct text text = {o->via.str.ptr, o->via.str.size};
    if (!utf8_is_plain(text.data, text.length))
        return malformed(d, p, ": not UTF-8 without control characters");
    memcpy(at, &text, sizeof(text));
    return STATUS_OK;
}

static int bytes_decode(struct decoder *d, const struct position *p, const struct field *f,
                        const msgpack_object *o, uint8_t *at)
{
    if (o->type != MSGPACK_OBJECT_BIN)
        return wrong_type(d, p, o, "bytes");
    struct bytes bytes = {(const uint8_t *)o->via.bin.ptr, o->via.bin.size};
    memcpy(at, &bytes, sizeof(bytes));
    return limits_check(d, p, f, bytes.length, " bytes");
}

static int fields_decode(struct decoder *d, const struct position *p, const struct message *m,
                         const msgpack_object *o, void *body);
static int coded_decode(struct decoder *d, const struct position *p, const struct message_set *set,
                        const msgpack_object *o, const struct message **message_out,
                        const void **body_out);

static int numbers_decode(struct decoder *d, const struct position *p, const msgpack_object *o,
                          uint64_t *items)
{
    for (uint32_t i = 0; i < o->via.array.size; i++) {
        const msgpack_object *item = &o->via.array.ptr[i];
        if (item->type != MSGPACK_OBJECT_POSITIVE_INTEGER) {
            struct position here = {p->up, p->name, i};
            return wrong_type(d, &here, item, "a number");
        }
        items[i] = item->via.u64;
    }
    return STATUS_OK;
}

static int parts_decode(struct decoder *d, const struct position *p, const struct message *part,
                        const msgpack_object *o, uint8_t *items)
{
    struct position here = *p;
    int rc = STATUS_OK;
    for (uint32_t i = 0; rc == STATUS_OK && i < o->via.array.size; i++) {
        here.index = i;
        rc = fields_decode(d, &here, part, &o->via.array.ptr[i], items + (size_t)i * part->size);
    }
    return rc;
}

static int operations_decode(struct decoder *d, const struct position *p, const msgpack_object *o,
                             struct operation *items)
{
    struct position here = *p;
    int rc = STATUS_OK;
    for (uint32_t i = 0; rc == STATUS_OK && i < o->via.array.size; i++) {
        here.index = i;
        rc = coded_decode(d, &here, &operation_set, &o->via.array.ptr[i], &items[i].message,
                          &items[i].body);
    }
    return rc;
}

static size_t item_size(const struct field *f)
{
    if (f->kind == FIELD_LIST)
        return f->part->size;
    return f->kind == FIELD_NUMBERS ? sizeof(uint64_t) : sizeof(struct operation);
}

static int list_decode(struct decoder *d, const struct position *p, const struct field *f,
                       const msgpack_object *o, uint8_t *at)
{
    if (o->type != MSGPACK_OBJECT_ARRAY)
        return wrong_type(d, p, o, "an array");
    int rc = limits_check(d, p, f, o->via.array.size, " items");
    if (rc != STATUS_OK)
        return rc;
    struct list list = {NULL, o->via.array.size};
    void *items = NULL;
    if (list.count > 0) {
        items = arena_alloc(d->arena, list.count * item_size(f));
        if (items == NULL)
            return STATUS_MEMORY;
    }
    list.items = items;
    memcpy(at, &list, sizeof(list));
    if (f->kind == FIELD_LIST)
        return parts_decode(d, p, f->part, o, items);
    if (f->kind == FIELD_NUMBERS)
        return numbers_decode(d, p, o, items);
    return operations_decode(d, p, o, items);
}

static int field_decode(struct decoder *d, const struct position *p, const struct field *f,
                        const msgpack_object *o, uint8_t *at)
{
    switch (f->kind) {
    case FIELD_BOOL:
        return bool_decode(d, p, o, at);
    case FIELD_U32:
    case FIELD_ENUM:
    case FIELD_FLAGS:
    case FIELD_ACCOUNT:
    case FIELD_SERIES:
    case FIELD_REFUSAL:
        return u32_decode(d, p, f, o, at);
    case FIELD_U64:
    case FIELD_AMOUNT:
    case FIELD_PRICE:
    case FIELD_TIME:
    case FIELD_NUMBER:
        return u64_decode(d, p, f, o, at);
    case FIELD_KEY:
    case FIELD_HASH:
    case FIELD_ID:
    case FIELD_SIGNATURE:
        return array_decode(d, p, f, o, at);
    case FIELD_TEXT:
        return text_decode(d, p, f, o, at);
    case FIELD_BYTES:
        return bytes_decode(d, p, f, o, at);
    case FIELD_LIST:
    case FIELD_NUMBERS:
    case FIELD_OPERATIONS:
        return list_decode(d, p, f, o, at);
    }
    return STATUS_MALFORMED;
}

static int fields_decode(struct decoder *d, const struct position *p, const struct message *m,
                         const msgpack_object *o, void *body)
{
    if (o->type != MSGPACK_OBJECT_ARRAY)
        return wrong_type(d, p, o, "an array of fields");
    uint32_t count = o->via.array.size;
    if (count < m->fields_count)
        return malformed(d, p, ": the field %s is missing", m->fields[count].name);
    if (count > m->fields_count)
        return malformed(d, p, ": %" PRIu32 " fields, not %" PRIu32, count, m->fields_count);
    struct position here = {p, NULL, NO_INDEX};
    for (uint32_t i = 0; i < count; i++) {
        const struct field *f = &m->fields[i];
        here.name = f->name;
        int rc = field_decode(d, &here, f, &o->via.array.ptr[i], (uint8_t *)body + f->offset);
        if (rc != STATUS_OK)
            return rc;
    }
    return STATUS_OK;
}

static int coded_decode(struct decoder *d, const struct position *p, const struct message_set *set,
                        const msgpack_object *o, const struct message **message_out,
                        const void **body_out)
{
    if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size != 2 ||
        o->via.array.ptr[0].type != MSGPACK_OBJECT_POSITIVE_INTEGER)
        return malformed(d, p, " is not an array of a code and its fields");
    uint64_t code = o->via.array.ptr[0].via.u64;
    const struct message *m = code <= UINT32_MAX ? message_by_code(set, (uint32_t)code) : NULL;
    if (m == NULL)
        return malformed(d, p, ": no %s has the code %" PRIu64, set->name, code);
    void *body = arena_alloc(d->arena, m->size);
    if (body == NULL)
        return STATUS_MEMORY;
    *message_out = m;
    *body_out = body;
    /* The set's own name adds nothing: "token_transfer.inputs", but "request.operations[2]...". */
    struct position here = {p->up != NULL ? p : NULL, m->name, NO_INDEX};
    return fields_decode(d, &here, m, &o->via.array.ptr[1], body);
}

/* The most objects that an encoded message within its limits consists of; UINT64_MAX if it has
 * operations, whose number its bytes bound well enough. */
static uint64_t objects_max(const struct message *m)
{
    uint64_t sum = 1;
    for (uint32_t i = 0; i < m->fields_count; i++) {
        const struct field *f = &m->fields[i];
        sum++;
        if (f->kind == FIELD_OPERATIONS)
            return UINT64_MAX;
        if (f->kind == FIELD_LIST)
            sum += f->max * objects_max(f->part);
        else if (f->kind == FIELD_NUMBERS)
            sum += f->max;
    }
    return sum;
}

/*
 * Unpacks after the first look, so that memory is in proportion to what `m` may hold. Twice that
 * many objects pass, so that a list that is a little too long is called so by name.
 */
static int unpack(struct decoder *d, const struct position *p, const struct message *m,
                  const uint8_t *data, size_t length, msgpack_unpacked *unpacked)
{
    uint64_t most = objects_max(m);
    const char *wrong = wire_check(data, length, most == UINT64_MAX ? most : most * 2 + 64);
    if (wrong != NULL)
        return malformed(d, p, " %s", wrong);
    size_t offset = 0;
    switch (msgpack_unpack_next(unpacked, (const char *)data, length, &offset)) {
    case MSGPACK_UNPACK_SUCCESS:
        break;
    case MSGPACK_UNPACK_NOMEM_ERROR:
        return STATUS_MEMORY;
    default:
        return malformed(d, p, " is no MessagePack");
    }
    return offset == length ? STATUS_OK : malformed(d, p, " has bytes after its end");
}

int message_decode(const struct message *m, const uint8_t *data, size_t length, struct arena *arena,
                   void *body_out, struct decode_error *error)
{
    struct decoder d = {arena, error};
    struct position here = {NULL, m->name, NO_INDEX};
    error->text[0] = '\0';
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    int rc = unpack(&d, &here, m, data, length, &unpacked);
    if (rc == STATUS_OK)
        rc = fields_decode(&d, &here, m, &unpacked.data, body_out);
    msgpack_unpacked_destroy(&unpacked);
    return rc;
}

int message_decode_coded(const struct message_set *set, const uint8_t *data, size_t length,
                         struct arena *arena, const struct message **message_out,
                         const void **body_out, struct decode_error *error)
{
    struct decoder d = {arena, error};
    struct position here = {NULL, set->name, NO_INDEX};
    error->text[0] = '\0';
    uint32_t code;
    const char *wrong = wire_peek_code(data, length, &code);
    if (wrong != NULL)
        return malformed(&d, &here, " %s", wrong);
    const struct message *m = message_by_code(set, code);
    if (m == NULL)
        return malformed(&d, &here, ": no %s has the code %" PRIu32, set->name, code);
    here.name = m->name;
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    int rc = unpack(&d, &here, m, data, length, &unpacked);
    here.name = set->name;
    if (rc == STATUS_OK)
        rc = coded_decode(&d, &here, set, &unpacked.data, message_out, body_out);
    msgpack_unpacked_destroy(&unpacked);
    return rc;
}
