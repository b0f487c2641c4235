/*
 * Points in time (seconds UTC) and durations as people write them.
 */
#ifndef BOURSE_PROTOCOL_MOMENT_H
#define BOURSE_PROTOCOL_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

enum { MOMENT_TEXT_BYTES = 32 };
enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 24 * HOUR_S };

/* `now`, `+6h`, `+90m`, `+1d12h`, `-2h`, `2026-11-22`, `2026-11-22T10:00`, `...T10:00:30Z`,
 * or plain seconds as `@1700000000`. Relative ones count from now_s. False when it is none of
 * these or lies outside 1970 to 9999. */
bool moment_parse(const char *text, uint64_t now_s, uint64_t *out);
/* ISO 8601 in UTC: "2026-11-22T10:00:30Z". */
const char *moment_format(uint64_t time_s, char out[MOMENT_TEXT_BYTES]);

/* `90m`, `24h`, `7d`, `2w`, `45s`, sums such as `1d12h`. */
bool duration_parse(const char *text, uint64_t *seconds_out);
/* "1d12h", "90m" as 1h30m, "0s". */
const char *duration_format(uint64_t seconds, char out[MOMENT_TEXT_BYTES]);

/* Whole minutes. */
uint64_t minute_floor(uint64_t time_s);
uint64_t minute_ceil(uint64_t time_s);

#endif
