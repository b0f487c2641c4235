/* Calendar months in UTC. */
#ifndef BOURSE_PROTOCOL_MONTH_H
#define BOURSE_PROTOCOL_MONTH_H

#include <stdint.h>

/* Months since January 1970 of a time; proleptic Gregorian calendar. */
uint32_t month_of(uint64_t time_s);
/* The first second of a month; of the next one it is the end. */
uint64_t month_start_s(uint32_t month);

#endif
