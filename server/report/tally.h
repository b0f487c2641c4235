/*
 * Sums by key: what a report adds up while it goes over rows. Each key met has a line. Sums are 128
 * bits wide and stay at the largest number rather than overflow, whatever the rows say.
 */
#ifndef BOURSE_REPORT_TALLY_H
#define BOURSE_REPORT_TALLY_H

#include "protocol/amount.h"
#include "server/report/sums.h"
#include "server/report/walk.h"

enum { TALLY_KEYS = 6, TALLY_SUMS = 4 };

struct tally_line {
    uint64_t key[TALLY_KEYS];
    wide sum[TALLY_SUMS];
};

struct tally {
    struct tally_line *lines; /* owned; in the order in which their keys were met */
    size_t count;
    size_t room;
    uint32_t *slots; /* owned; the lines by hash, 0: none, else one more than its place */
    size_t slots_count;
};

/*
 * The line of a key, with sums of 0 where it is new; valid until the next call. Returns 0,
 * STATUS_MEMORY, or WALK_STOP when there would be more than REPORT_ROWS_MAX: the report is refused.
 */
int tally_at(struct job *j, struct tally *t, const uint64_t key[TALLY_KEYS],
             struct tally_line **out);
/* Keys left out are 0. */
#define TALLY_AT(j, t, out, ...) tally_at(j, t, (const uint64_t[TALLY_KEYS]){__VA_ARGS__}, out)
/* NULL: there is none. */
const struct tally_line *tally_find(const struct tally *t, const uint64_t key[TALLY_KEYS]);
/* Adds to one sum of a key's line; returns what tally_at() does. */
int tally_add(struct job *j, struct tally *t, const uint64_t key[TALLY_KEYS], uint32_t sum, wide a);

/* Each puts the lines in order; no line can be found or added any more. */
void tally_sort(struct tally *t);                  /* by key */
void tally_sort_by(struct tally *t, uint32_t sum); /* the largest first, then by key */
void tally_release(struct tally *t);

/* a + b, the largest number where that does not fit. */
wide wide_add(wide a, wide b);
/* Parts per million of `whole`, rounded half up, so that parts may not add up to a million;
 * REPORT_NONE when `whole` is 0. */
uint64_t wide_ppm(wide part, wide whole);

#endif
