#include "client/cli/import_choice.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/status.h"

/* The finalizer of splitmix64: every bit of the outcome depends on every bit put in. */
static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

uint64_t choice_draw(uint64_t seed, enum choice what, uint64_t index)
{
    static const uint64_t step = UINT64_C(0x9e3779b97f4a7c15);
    return mix(mix(mix(seed + step) + (uint64_t)what * step) + (index + 1) * step);
}

struct lot {
    uint32_t rank;
    uint64_t draw;
    size_t index;
};

static int lot_compare(const void *a, const void *b)
{
    const struct lot *x = a;
    const struct lot *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    if (x->draw != y->draw)
        return x->draw < y->draw ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

int choice_share(uint64_t seed, enum choice what, size_t count, uint32_t share_ppm,
                 uint32_t (*rank)(const void *context, size_t index), const void *context,
                 bool *chosen_out)
{
    memset(chosen_out, 0, count * sizeof(*chosen_out));
    size_t wanted = (size_t)(((uint64_t)count * share_ppm + CHOICE_PPM / 2) / CHOICE_PPM);
    if (wanted == 0)
        return STATUS_OK;
    struct lot *lots = calloc(count, sizeof(*lots));
    if (lots == NULL)
        return STATUS_MEMORY;
    for (size_t i = 0; i < count; i++)
        lots[i] = (struct lot){rank == NULL ? 0 : rank(context, i), choice_draw(seed, what, i), i};
    qsort(lots, count, sizeof(*lots), lot_compare);
    for (size_t i = 0; i < wanted && i < count; i++)
        chosen_out[lots[i].index] = true;
    free(lots);
    return STATUS_OK;
}
