#include "protocol/amount.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocol/limits.h"

enum { AMOUNT_DECIMALS = 6 };

bool amount_add(amount a, amount b, amount *sum_out)
{
    if (b > UINT64_MAX - a)
        return false;
    *sum_out = a + b;
    return true;
}

bool amount_subtract(amount a, amount b, amount *difference_out)
{
    if (b > a)
        return false;
    *difference_out = a - b;
    return true;
}

bool amount_cost_rounded_up(gpu_minutes minutes, uint64_t price_ucr, amount *cost_out)
{
    wide cost = ((wide)minutes * price_ucr + 59) / 60;
    if (cost > UINT64_MAX)
        return false;
    *cost_out = (amount)cost;
    return true;
}

amount amount_share_rounded_down(amount a, uint64_t part, uint64_t whole)
{
    assert(whole > 0 && part <= whole);
    return (amount)((wide)a * part / whole);
}

bool amount_split_pro_rata(amount total, const amount *weights, size_t count, amount *parts_out)
{
    amount whole = 0;
    for (size_t i = 0; i < count; i++) {
        if (!amount_add(whole, weights[i], &whole))
            return false;
    }
    if (whole < total)
        return false;
    amount reached = 0; /* the sum of the weights so far */
    amount given = 0;   /* floor(total x reached / whole) */
    for (size_t i = 0; i < count; i++) {
        reached += weights[i];
        amount until = whole > 0 ? amount_share_rounded_down(total, reached, whole) : 0;
        parts_out[i] = until - given;
        given = until;
    }
    return true;
}

/* Appends a decimal digit to *value; false when it is none or the result does not fit. */
static bool digit_append(amount *value, char digit)
{
    if (digit < '0' || digit > '9')
        return false;
    wide next = (wide)*value * 10 + (unsigned)(digit - '0');
    if (next > UINT64_MAX)
        return false;
    *value = (amount)next;
    return true;
}

bool amount_parse(const char *text, amount *out)
{
    const char *point = strchr(text, '.');
    size_t whole_digits = point != NULL ? (size_t)(point - text) : strlen(text);
    size_t decimals = point != NULL ? strlen(point + 1) : 0;
    /* "5." and ".5" look like slips of the hand where money is meant. */
    if (whole_digits == 0 || decimals > AMOUNT_DECIMALS || (point != NULL && decimals == 0))
        return false;
    amount value = 0;
    for (size_t i = 0; i < whole_digits; i++) {
        if (!digit_append(&value, text[i]))
            return false;
    }
    for (size_t i = 0; i < AMOUNT_DECIMALS; i++) {
        if (!digit_append(&value, i < decimals ? point[1 + i] : '0'))
            return false;
    }
    *out = value;
    return true;
}

const char *amount_format(amount a, char out[AMOUNT_TEXT_BYTES])
{
    int length = snprintf(out, AMOUNT_TEXT_BYTES, "%" PRIu64 ".%06" PRIu64, a / UCR_PER_CREDIT,
                          a % UCR_PER_CREDIT);
    while (out[length - 1] == '0')
        length--;
    if (out[length - 1] == '.')
        length--;
    out[length] = '\0';
    return out;
}
