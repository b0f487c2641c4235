#include "protocol/utf8.h"

#include <stdint.h>

/* The length of the character at `at` of at most `left` bytes; 0 when it is not allowed. */
static size_t character_length(const uint8_t *at, size_t left)
{
    uint8_t first = at[0];
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
    return length;
}

bool utf8_is_plain(const char *data, size_t length)
{
    const uint8_t *at = (const uint8_t *)data;
    while (length > 0) {
        size_t step = character_length(at, length);
        if (step == 0)
            return false;
        at += step;
        length -= step;
    }
    return true;
}
