#include "protocol/utf8.h"

#include <stdio.h>

/* The length of the character at `at` of at most `left` bytes, its code point to *point_out; 0
 * when it is not allowed. */
static size_t character_read(const uint8_t *at, size_t left, uint32_t *point_out)
{
    uint8_t first = at[0];
    *point_out = first;
    if (first < 0x80)
        return first >= 0x20 && first != 0x7f ? 1 : 0;
    size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    /* 0xc0 and 0xc1 could only begin what is shorter otherwise. */
    if (first < 0xc2 || first > 0xf4 || left < length)
        return 0;
    uint32_t point = first & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (at[i] & 0x3fu);
    }
    static const uint32_t least[] = {0, 0, 0xa0, 0x800, 0x10000};
    if (point < least[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return 0;
    *point_out = point;
    return length;
}

bool utf8_is_plain(const char *data, size_t length)
{
    const uint8_t *at = (const uint8_t *)data;
    uint32_t point;
    while (length > 0) {
        size_t step = character_read(at, length, &point);
        if (step == 0)
            return false;
        at += step;
        length -= step;
    }
    return true;
}

uint32_t utf8_hidden(const char *data, size_t length, size_t *size_out)
{
    static const struct {
        uint32_t first, last;
    } hidden[] = {
        {0xad, 0xad},       {0x61c, 0x61c},     {0x180e, 0x180e},   {0x200b, 0x200f},
        {0x2028, 0x202e},   {0x2060, 0x206f},   {0xfeff, 0xfeff},   {0xfff9, 0xfffb},
        {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe007f},
    };
    uint32_t point = 0;
    *size_out = length > 0 ? character_read((const uint8_t *)data, length, &point) : 0;
    for (size_t i = 0; *size_out > 0 && i < sizeof(hidden) / sizeof(hidden[0]); i++) {
        if (point >= hidden[i].first && point <= hidden[i].last)
            return point;
    }
    return 0;
}

const char *utf8_spell(uint32_t point, char out[UTF8_SPELT_BYTES])
{
    snprintf(out, UTF8_SPELT_BYTES, point > 0xffff ? "\\U%08x" : "\\u%04x", (unsigned)point);
    return out;
}

const char *utf8_spell_json(uint32_t point, char out[UTF8_SPELT_BYTES])
{
    unsigned high = 0xd7c0u + (unsigned)(point >> 10);
    unsigned low = 0xdc00u | (unsigned)(point & 0x3ff);
    if (point <= 0xffff)
        return utf8_spell(point, out);
    snprintf(out, UTF8_SPELT_BYTES, "\\u%04x\\u%04x", high & 0xffffu, low);
    return out;
}

/* How many bytes the character at `text` takes; 0 when it is not to be shown as it is. */
static size_t character_plain(const char *text, size_t length)
{
    unsigned char first = (unsigned char)text[0];
    size_t size = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    return size <= length && utf8_is_plain(text, size) ? size : 0;
}

void escape_append(struct buffer *out, const char *text, size_t length, bool newlines)
{
    char spelt[UTF8_SPELT_BYTES];
    while (length > 0) {
        size_t size = character_plain(text, length);
        size_t hidden_size;
        uint32_t hidden = size > 0 ? utf8_hidden(text, size, &hidden_size) : 0;
        if (size == 0 && newlines && *text == '\n')
            size = 1;
        if (hidden != 0) {
            buffer_printf(out, "%s", utf8_spell(hidden, spelt));
        } else if (size > 0) {
            buffer_append(out, text, size);
        } else {
            buffer_printf(out, "\\x%02x", (unsigned char)*text);
            size = 1;
        }
        text += size;
        length -= size;
    }
}
