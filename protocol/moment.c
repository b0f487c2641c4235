#include "protocol/moment.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "protocol/limits.h"

enum { WEEK_S = 7 * 86400 };

static bool is_leap(unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned month_days(unsigned year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days from 1970-01-01 to the first of January of a year from 1970 on. */
static uint64_t days_before_year(unsigned year)
{
    unsigned y = year - 1;
    unsigned leap_days = y / 4 - y / 100 + y / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);
    return (uint64_t)(year - 1970) * 365 + leap_days;
}

/* Reads exactly `count` digits and moves the text on. */
static bool digits_read(const char **text, unsigned count, unsigned *value_out)
{
    unsigned value = 0;
    for (unsigned i = 0; i < count; i++) {
        char c = (*text)[i];
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (unsigned)(c - '0');
    }
    *text += count;
    *value_out = value;
    return true;
}

static bool char_read(const char **text, char c)
{
    if (**text != c)
        return false;
    ++*text;
    return true;
}

/* Reads digits up to the first other character, at least one; false when they do not fit. */
static bool number_read(const char **text, uint64_t *value_out)
{
    const char *at = *text;
    uint64_t value = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    if (at == *text)
        return false;
    *text = at;
    *value_out = value;
    return true;
}

static bool date_read(const char **text, uint64_t *days_out)
{
    unsigned year = 0;
    unsigned month = 0;
    unsigned day = 0;
    if (!digits_read(text, 4, &year) || !char_read(text, '-') || !digits_read(text, 2, &month) ||
        !char_read(text, '-') || !digits_read(text, 2, &day))
        return false;
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > month_days(year, month))
        return false;
    uint64_t days = days_before_year(year) + day - 1;
    for (unsigned m = 1; m < month; m++)
        days += month_days(year, m);
    *days_out = days;
    return true;
}

/* What follows the T of an ISO 8601 time, to the end of the text. */
static bool clock_read(const char *text, uint64_t *seconds_out)
{
    unsigned hour = 0;
    unsigned minute = 0;
    unsigned second = 0;
    if (!digits_read(&text, 2, &hour) || !char_read(&text, ':') || !digits_read(&text, 2, &minute))
        return false;
    if (char_read(&text, ':') && !digits_read(&text, 2, &second))
        return false;
    (void)char_read(&text, 'Z'); /* all times are UTC, said or not */
    if (*text != '\0' || hour > 23 || minute > 59 || second > 59)
        return false;
    *seconds_out = (uint64_t)hour * HOUR_S + (uint64_t)minute * MINUTE_S + second;
    return true;
}

static bool absolute_parse(const char *text, uint64_t *out)
{
    uint64_t days = 0;
    uint64_t seconds = 0;
    if (!date_read(&text, &days))
        return false;
    if (char_read(&text, 'T')) {
        if (!clock_read(text, &seconds))
            return false;
    } else if (*text != '\0') {
        return false;
    }
    *out = days * DAY_S + seconds;
    return true;
}

static bool relative_parse(const char *text, uint64_t now_s, uint64_t *out)
{
    uint64_t distance = 0;
    if (!duration_parse(text + 1, &distance))
        return false;
    if (*text == '-') {
        if (distance > now_s)
            return false;
        *out = now_s - distance;
        return true;
    }
    if (distance > UINT64_MAX - now_s)
        return false;
    *out = now_s + distance;
    return true;
}

bool moment_parse(const char *text, uint64_t now_s, uint64_t *out)
{
    uint64_t time_s = now_s;
    bool ok = true;
    if (*text == '+' || *text == '-') {
        ok = relative_parse(text, now_s, &time_s);
    } else if (*text == '@') {
        text++;
        ok = number_read(&text, &time_s) && *text == '\0';
    } else if (strcmp(text, "now") != 0) {
        ok = absolute_parse(text, &time_s);
    }
    if (!ok || time_s > TIME_MAX_S)
        return false;
    *out = time_s;
    return true;
}

const char *moment_format(uint64_t time_s, char out[MOMENT_TEXT_BYTES])
{
    if (time_s > TIME_MAX_S) {
        snprintf(out, MOMENT_TEXT_BYTES, "@%" PRIu64, time_s);
        return out;
    }
    unsigned days = (unsigned)(time_s / DAY_S);
    unsigned seconds = (unsigned)(time_s % DAY_S);
    /* 400 years have 146 097 days; the estimate is off by at most one year. */
    unsigned year = 1970 + (unsigned)((uint64_t)days * 400 / 146097);
    while (days_before_year(year) > days)
        year--;
    while (days_before_year(year + 1) <= days)
        year++;
    days -= (unsigned)days_before_year(year);
    unsigned month = 1;
    while (days >= month_days(year, month)) {
        days -= month_days(year, month);
        month++;
    }
    snprintf(out, MOMENT_TEXT_BYTES, "%04u-%02u-%02uT%02u:%02u:%02uZ", year, month, days + 1,
             seconds / HOUR_S, seconds / MINUTE_S % 60, seconds % MINUTE_S);
    return out;
}

static uint64_t unit_seconds(char unit)
{
    switch (unit) {
    case 's':
        return 1;
    case 'm':
        return MINUTE_S;
    case 'h':
        return HOUR_S;
    case 'd':
        return DAY_S;
    case 'w':
        return WEEK_S;
    default:
        return 0;
    }
}

bool duration_parse(const char *text, uint64_t *seconds_out)
{
    uint64_t sum = 0;
    do {
        uint64_t number = 0;
        if (!number_read(&text, &number))
            return false;
        uint64_t unit = unit_seconds(*text++);
        if (unit == 0 || number > (UINT64_MAX - sum) / unit)
            return false;
        sum += number * unit;
    } while (*text != '\0');
    *seconds_out = sum;
    return true;
}

const char *duration_format(uint64_t seconds, char out[MOMENT_TEXT_BYTES])
{
    static const char units[] = "dhms";
    size_t length = 0;
    for (const char *unit = units; *unit != '\0'; unit++) {
        uint64_t size = unit_seconds(*unit);
        uint64_t number = seconds / size;
        seconds %= size;
        if (number > 0 || (*unit == 's' && length == 0))
            length += (size_t)snprintf(out + length, MOMENT_TEXT_BYTES - length, "%" PRIu64 "%c",
                                       number, *unit);
    }
    return out;
}

uint64_t minute_floor(uint64_t time_s)
{
    return time_s - time_s % MINUTE_S;
}

uint64_t minute_ceil(uint64_t time_s)
{
    uint64_t over = time_s % MINUTE_S;
    return over == 0 ? time_s : time_s + (MINUTE_S - over);
}
