#include "protocol/message.h"

#include <assert.h>
#include <string.h>

#include <msgpack.h>

/* A list of any kind is read and written through struct list, by memcpy. */
static_assert(sizeof(struct list) == sizeof(struct {
                  const uint64_t *items;
                  uint32_t count;
              }),
              "lists share one layout");

struct text text_of(const char *terminated)
{
    return (struct text){terminated, (uint32_t)strlen(terminated)};
}

const struct message *message_by_code(const struct message_set *set, uint32_t code)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->messages[i]->code == code)
            return set->messages[i];
    }
    return NULL;
}

const struct message *message_by_name(const struct message_set *set, const char *name)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (strcmp(set->messages[i]->name, name) == 0)
            return set->messages[i];
    }
    return NULL;
}

/* --- Encoding --- */

/* msgpack-c's write callback. The buffer's error is sticky, so there is nothing to report here. */
static int buffer_write(void *buffer, const char *data, size_t length)
{
    buffer_append(buffer, data, length);
    return 0;
}

static void fields_pack(msgpack_packer *packer, const struct message *m, const void *body);

static void coded_pack(msgpack_packer *packer, const struct message *m, const void *body)
{
    msgpack_pack_array(packer, 2);
    msgpack_pack_uint32(packer, m->code);
    fields_pack(packer, m, body);
}

static void list_pack(msgpack_packer *packer, const struct field *f, const uint8_t *at)
{
    struct list list;
    memcpy(&list, at, sizeof(list));
    msgpack_pack_array(packer, list.count);
    if (f->kind == FIELD_LIST) {
        const uint8_t *item = list.items;
        for (uint32_t i = 0; i < list.count; i++, item += f->part->size)
            fields_pack(packer, f->part, item);
    } else if (f->kind == FIELD_NUMBERS) {
        const uint64_t *numbers = list.items;
        for (uint32_t i = 0; i < list.count; i++)
            msgpack_pack_uint64(packer, numbers[i]);
    } else {
        const struct operation *operations = list.items;
        for (uint32_t i = 0; i < list.count; i++)
            coded_pack(packer, operations[i].message, operations[i].body);
    }
}

static void bin_pack(msgpack_packer *packer, const void *data, size_t length)
{
    msgpack_pack_bin(packer, length);
    if (length > 0)
        msgpack_pack_bin_body(packer, data, length);
}

static void text_pack(msgpack_packer *packer, const uint8_t *at)
{
    struct text text;
    memcpy(&text, at, sizeof(text));
    msgpack_pack_str(packer, text.length);
    if (text.length > 0)
        msgpack_pack_str_body(packer, text.data, text.length);
}

static void bytes_pack(msgpack_packer *packer, const uint8_t *at)
{
    struct bytes bytes;
    memcpy(&bytes, at, sizeof(bytes));
    bin_pack(packer, bytes.data, bytes.length);
}

static void u32_pack(msgpack_packer *packer, const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    msgpack_pack_uint32(packer, value);
}

static void u64_pack(msgpack_packer *packer, const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof(value));
    msgpack_pack_uint64(packer, value);
}

static void bool_pack(msgpack_packer *packer, const uint8_t *at)
{
    bool value;
    memcpy(&value, at, sizeof(value));
    if (value)
        msgpack_pack_true(packer);
    else
        msgpack_pack_false(packer);
}

static void field_pack(msgpack_packer *packer, const struct field *f, const uint8_t *at)
{
    switch (f->kind) {
    case FIELD_BOOL:
        bool_pack(packer, at);
        break;
    case FIELD_U32:
    case FIELD_ENUM:
    case FIELD_FLAGS:
    case FIELD_ACCOUNT:
    case FIELD_SERIES:
    case FIELD_REFUSAL:
        u32_pack(packer, at);
        break;
    case FIELD_U64:
    case FIELD_AMOUNT:
    case FIELD_PRICE:
    case FIELD_TIME:
    case FIELD_NUMBER:
        u64_pack(packer, at);
        break;
    case FIELD_KEY:
    case FIELD_HASH:
    case FIELD_ID:
    case FIELD_SIGNATURE:
        bin_pack(packer, at, f->max);
        break;
    case FIELD_TEXT:
        text_pack(packer, at);
        break;
    case FIELD_BYTES:
        bytes_pack(packer, at);
        break;
    case FIELD_LIST:
    case FIELD_NUMBERS:
    case FIELD_OPERATIONS:
        list_pack(packer, f, at);
        break;
    }
}

static void fields_pack(msgpack_packer *packer, const struct message *m, const void *body)
{
    msgpack_pack_array(packer, m->fields_count);
    for (uint32_t i = 0; i < m->fields_count; i++)
        field_pack(packer, &m->fields[i], (const uint8_t *)body + m->fields[i].offset);
}

void message_encode(const struct message *m, const void *body, struct buffer *out)
{
    msgpack_packer packer;
    msgpack_packer_init(&packer, out, buffer_write);
    fields_pack(&packer, m, body);
}

void message_encode_coded(const struct message *m, const void *body, struct buffer *out)
{
    msgpack_packer packer;
    msgpack_packer_init(&packer, out, buffer_write);
    coded_pack(&packer, m, body);
}

/* --- Parties --- */

static bool list_names_account(const struct field *f, const uint8_t *at, uint32_t account)
{
    struct list list;
    memcpy(&list, at, sizeof(list));
    if (f->kind == FIELD_LIST) {
        const uint8_t *item = list.items;
        for (uint32_t i = 0; i < list.count; i++, item += f->part->size) {
            if (message_names_account(f->part, item, account))
                return true;
        }
        return false;
    }
    const struct operation *operations = list.items;
    for (uint32_t i = 0; i < list.count; i++) {
        if (message_names_account(operations[i].message, operations[i].body, account))
            return true;
    }
    return false;
}

bool message_names_account(const struct message *m, const void *body, uint32_t account)
{
    for (uint32_t i = 0; i < m->fields_count; i++) {
        const struct field *f = &m->fields[i];
        const uint8_t *at = (const uint8_t *)body + f->offset;
        if (f->kind == FIELD_ACCOUNT) {
            uint32_t named;
            memcpy(&named, at, sizeof(named));
            if (named == account)
                return true;
        } else if (f->kind == FIELD_LIST || f->kind == FIELD_OPERATIONS) {
            if (list_names_account(f, at, account))
                return true;
        }
    }
    return false;
}
