#include "server/report/tally.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/amount.h"
#include "protocol/status.h"

/* --- Numbers --- */

wide wide_add(wide a, wide b)
{
    return a > ~(wide)0 - b ? ~(wide)0 : a + b;
}

uint64_t wide_ppm(wide part, wide whole)
{
    while (whole >> 100 != 0) {
        whole >>= 1;
        part >>= 1;
    }
    return whole == 0 ? REPORT_NONE : cell_of(wide_rounded(part * PPM_ONE, whole));
}

/* --- Lines --- */

static uint64_t key_hash(const uint64_t key[TALLY_KEYS])
{
    uint64_t hash = 0;
    for (uint32_t i = 0; i < TALLY_KEYS; i++) {
        hash = (hash ^ key[i]) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 32;
    }
    return hash;
}

/* The slot of a key, or the empty one where it belongs. */
static size_t slot_of(const struct tally *t, const uint64_t key[TALLY_KEYS])
{
    size_t at = (size_t)key_hash(key) & (t->slots_count - 1);
    while (t->slots[at] != 0 &&
           memcmp(t->lines[t->slots[at] - 1].key, key, sizeof(t->lines[0].key)) != 0)
        at = (at + 1) & (t->slots_count - 1);
    return at;
}

/* Room for twice as many lines, and two slots for each of them. */
static int tally_grow(struct tally *t)
{
    size_t room = t->room == 0 ? 64 : 2 * t->room;
    struct tally_line *lines = reallocarray(t->lines, room, sizeof(*lines));
    if (lines == NULL)
        return STATUS_MEMORY;
    t->lines = lines;
    uint32_t *slots = calloc(2 * room, sizeof(*slots));
    if (slots == NULL)
        return STATUS_MEMORY;
    free(t->slots);
    t->slots = slots;
    t->slots_count = 2 * room;
    t->room = room;
    for (size_t i = 0; i < t->count; i++)
        t->slots[slot_of(t, t->lines[i].key)] = (uint32_t)i + 1;
    return 0;
}

int tally_at(struct job *j, struct tally *t, const uint64_t key[TALLY_KEYS],
             struct tally_line **out)
{
    if (t->count == t->room) {
        int status = tally_grow(t);
        if (status != 0)
            return status;
    }
    size_t at = slot_of(t, key);
    if (t->slots[at] == 0) {
        if (t->count == REPORT_ROWS_MAX) {
            job_refuse(j, REFUSAL_report_too_large);
            return WALK_STOP;
        }
        struct tally_line *line = &t->lines[t->count++];
        memset(line, 0, sizeof(*line));
        memcpy(line->key, key, sizeof(line->key));
        t->slots[at] = (uint32_t)t->count;
    }
    *out = &t->lines[t->slots[at] - 1];
    return 0;
}

const struct tally_line *tally_find(const struct tally *t, const uint64_t key[TALLY_KEYS])
{
    if (t->count == 0)
        return NULL;
    uint32_t at = t->slots[slot_of(t, key)];
    return at != 0 ? &t->lines[at - 1] : NULL;
}

int tally_add(struct job *j, struct tally *t, const uint64_t key[TALLY_KEYS], uint32_t sum, wide a)
{
    struct tally_line *line;
    int status = tally_at(j, t, key, &line);
    if (status == 0)
        line->sum[sum] = wide_add(line->sum[sum], a);
    return status;
}

/* --- Order --- */

static int keys_compare(const void *a, const void *b)
{
    const struct tally_line *x = a, *y = b;
    for (uint32_t i = 0; i < TALLY_KEYS; i++) {
        if (x->key[i] != y->key[i])
            return x->key[i] < y->key[i] ? -1 : 1;
    }
    return 0;
}

static int sums_compare(const void *a, const void *b, void *context)
{
    const struct tally_line *x = a, *y = b;
    uint32_t sum = *(const uint32_t *)context;
    if (x->sum[sum] != y->sum[sum])
        return x->sum[sum] > y->sum[sum] ? -1 : 1;
    return keys_compare(a, b);
}

void tally_sort(struct tally *t)
{
    if (t->count > 1)
        qsort(t->lines, t->count, sizeof(*t->lines), keys_compare);
}

void tally_sort_by(struct tally *t, uint32_t sum)
{
    if (t->count > 1)
        qsort_r(t->lines, t->count, sizeof(*t->lines), sums_compare, &sum);
}

void tally_release(struct tally *t)
{
    free(t->lines);
    free(t->slots);
    memset(t, 0, sizeof(*t));
}
