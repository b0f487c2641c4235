#include "protocol/place.h"

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool place_is_valid(struct text code, bool subdivision)
{
    if (code.length < 2 || !is_upper(code.data[0]) || !is_upper(code.data[1]))
        return false;
    if (code.length == 2)
        return true;
    if (!subdivision || code.data[2] != '-' || code.length < 4 || code.length > 6)
        return false;
    for (uint32_t i = 3; i < code.length; i++) {
        if (!is_upper(code.data[i]) && !is_digit(code.data[i]))
            return false;
    }
    return true;
}
