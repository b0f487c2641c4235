#include "server/store/codec.h"

#include <assert.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "protocol/endian.h"
#include "protocol/status.h"

static size_t column_size(const struct column *c)
{
    return column_element_size(c) * c->count;
}

void codec_check_spec(const struct table_spec *spec)
{
    size_t offset = 0;

    assert(spec->key_columns > 0 && spec->key_columns <= spec->columns_count);
    assert(spec->key_size <= CODEC_KEY_SIZE_MAX);
    for (size_t i = 0; i < spec->columns_count; i++) {
        assert(spec->columns[i].offset == offset);
        offset += column_size(&spec->columns[i]);
        if (i + 1 == spec->key_columns)
            assert(offset == spec->key_size);
    }
    assert(offset == spec->row_size);
}

static uint64_t number_get(const void *at, size_t size)
{
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;

    switch (size) {
    case 2:
        memcpy(&u16, at, 2);
        return u16;
    case 4:
        memcpy(&u32, at, 4);
        return u32;
    case 8:
        memcpy(&u64, at, 8);
        return u64;
    default:
        memcpy(&u8, at, 1);
        return u8;
    }
}

/* Copies one column between the machine's byte order and the given one, in either direction. */
static void column_copy(const struct column *c, bool big_endian, const uint8_t *from, uint8_t *to)
{
    bool swap = big_endian == (__BYTE_ORDER == __LITTLE_ENDIAN);
    size_t size = column_element_size(c);

    if (!swap || size == 1) {
        memcpy(to, from, column_size(c));
        return;
    }
    for (size_t i = 0; i < c->count; i++, from += size, to += size)
        for (size_t b = 0; b < size; b++)
            to[b] = from[size - 1 - b];
}

/* Where there is nothing to swap, the value columns are one run of bytes. */
static bool values_are_raw(void)
{
    return __BYTE_ORDER == __LITTLE_ENDIAN;
}

void codec_encode_key(const struct table_spec *spec, const void *row, uint8_t *key_out)
{
    const uint8_t *from = row;

    for (size_t i = 0; i < spec->key_columns; i++) {
        const struct column *c = &spec->columns[i];
        if (c->kind == COLUMN_U64 && c->count == 1) {
            put_u64_be(key_out + c->offset, number_get(from + c->offset, 8));
            continue;
        }
        column_copy(c, true, from + c->offset, key_out + c->offset);
    }
}

void codec_encode_value(const struct table_spec *spec, const void *row, uint8_t *value_out)
{
    const uint8_t *from = row;

    if (values_are_raw()) {
        memcpy(value_out, from + spec->key_size, (size_t)spec->row_size - spec->key_size);
        return;
    }
    for (size_t i = spec->key_columns; i < spec->columns_count; i++) {
        const struct column *c = &spec->columns[i];
        column_copy(c, false, from + c->offset, value_out + c->offset - spec->key_size);
    }
}

/* A text ends with a NUL and has nothing behind its first one. */
static bool text_is_padded(const struct column *c, const uint8_t *row)
{
    const uint8_t *text = row + c->offset;
    const uint8_t *end = memchr(text, 0, c->count);

    if (!end)
        return false;
    for (; end < text + c->count; end++)
        if (*end)
            return false;
    return true;
}

int codec_decode_key(const struct table_spec *spec, const void *key, size_t key_length,
                     void *row_out)
{
    const uint8_t *from = key;
    uint8_t *row = row_out;

    if (key_length != spec->key_size)
        return STATUS_DAMAGED;
    for (size_t i = 0; i < spec->key_columns; i++) {
        const struct column *c = &spec->columns[i];
        column_copy(c, true, from + c->offset, row + c->offset);
        if (c->kind == COLUMN_TEXT && !text_is_padded(c, row))
            return STATUS_DAMAGED;
    }
    return STATUS_OK;
}

int codec_decode(const struct table_spec *spec, const void *key, size_t key_length,
                 const void *value, size_t value_length, void *row_out)
{
    const uint8_t *from = value;
    uint8_t *row = row_out;
    int status = codec_decode_key(spec, key, key_length, row_out);

    if (status)
        return status;
    if (value_length != (size_t)spec->row_size - spec->key_size)
        return STATUS_DAMAGED;
    if (values_are_raw() && value_length)
        memcpy(row + spec->key_size, from, value_length);
    for (size_t i = spec->key_columns; i < spec->columns_count; i++) {
        const struct column *c = &spec->columns[i];
        if (!values_are_raw())
            column_copy(c, false, from + c->offset - spec->key_size, row + c->offset);
        if (c->kind == COLUMN_TEXT && !text_is_padded(c, row))
            return STATUS_DAMAGED;
    }
    return STATUS_OK;
}

static void print_text(const struct column *c, const uint8_t *at, struct buffer *text)
{
    buffer_printf(text, "\"");
    for (size_t i = 0; i < c->count && at[i]; i++) {
        bool plain = at[i] >= 0x20 && at[i] < 0x7f && at[i] != '"' && at[i] != '\\';
        buffer_printf(text, plain ? "%c" : "\\x%02x", at[i]);
    }
    buffer_printf(text, "\"");
}

static void print_column(const struct column *c, const uint8_t *row, struct buffer *text)
{
    const uint8_t *at = row + c->offset;

    switch (c->kind) {
    case COLUMN_TEXT:
        print_text(c, at, text);
        return;
    case COLUMN_BYTES:
        for (size_t i = 0; i < c->count; i++)
            buffer_printf(text, "%02x", at[i]);
        return;
    case COLUMN_U8:
    case COLUMN_U16:
    case COLUMN_U32:
    case COLUMN_U64:
        for (size_t i = 0; i < c->count; i++)
            buffer_printf(text, "%s%" PRIu64, i ? "," : "",
                          number_get(at + i * column_element_size(c), column_element_size(c)));
        return;
    }
}

void codec_print(const struct table_spec *spec, const void *row, size_t columns,
                 struct buffer *text)
{
    for (size_t i = 0; i < columns && i < spec->columns_count; i++) {
        buffer_printf(text, "%s%s=", i ? " " : "", spec->columns[i].name);
        print_column(&spec->columns[i], row, text);
    }
}

void codec_print_difference(const struct table_spec *spec, const void *row, const void *expected,
                            struct buffer *text)
{
    const uint8_t *left = row;
    const uint8_t *right = expected;
    const char *between = "";

    for (size_t i = 0; i < spec->columns_count; i++) {
        const struct column *c = &spec->columns[i];
        if (memcmp(left + c->offset, right + c->offset, column_size(c)) == 0)
            continue;
        buffer_printf(text, "%s%s=", between, c->name);
        print_column(c, left, text);
        buffer_printf(text, " instead of ");
        print_column(c, right, text);
        between = ", ";
    }
}

void codec_layout(const struct table_spec *spec, uint8_t layout_out[CODEC_LAYOUT_SIZE])
{
    crypto_generichash_state state;
    uint8_t numbers[4];

    crypto_generichash_init(&state, NULL, 0, CODEC_LAYOUT_SIZE);
    put_u16_le(numbers, spec->key_columns);
    put_u16_le(numbers + 2, spec->columns_count);
    crypto_generichash_update(&state, numbers, sizeof(numbers));
    for (size_t i = 0; i < spec->columns_count; i++) {
        const struct column *c = &spec->columns[i];
        put_u16_le(numbers, (uint16_t)c->kind);
        put_u16_le(numbers + 2, c->count);
        crypto_generichash_update(&state, (const unsigned char *)c->name, strlen(c->name) + 1);
        crypto_generichash_update(&state, numbers, sizeof(numbers));
    }
    crypto_generichash_final(&state, layout_out, CODEC_LAYOUT_SIZE);
}
