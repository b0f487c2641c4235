#include "protocol/month.h"

/* Days since 1970 of the first day of a month, by counting years of 365 days and leap days. */
static uint64_t month_days(uint32_t month)
{
    static const uint16_t before[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    uint64_t year = 1970 + month / 12;
    uint64_t full = year - 1; /* the leap days of all years before this one */
    uint64_t leaps = full / 4 - full / 100 + full / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);
    uint64_t days = (year - 1970) * 365 + leaps + before[month % 12];
    if (month % 12 >= 2 && (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)))
        days++;
    return days;
}

uint64_t month_start_s(uint32_t month)
{
    return month_days(month) * 86400;
}

uint32_t month_of(uint64_t time_s)
{
    /* No month is longer than 31 days and none shorter than 28: begin below and go up. */
    uint32_t month = (uint32_t)(time_s / (31 * 86400));
    month = month > 0 ? month - 1 : 0;
    uint32_t step = 1u << 20;
    for (; step > 0; step /= 2) {
        while (month_start_s(month + step) <= time_s)
            month += step;
    }
    return month;
}
