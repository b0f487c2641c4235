#include "client/cli/import_lease.h"

#include <stdlib.h>

#include "protocol/status.h"

int live_add(struct live_leases *l, struct live_lease lease)
{
    if (l->count == l->capacity) {
        size_t capacity = l->capacity == 0 ? 256 : 2 * l->capacity;
        struct live_lease *items = reallocarray(l->items, capacity, sizeof(*items));
        if (items == NULL)
            return STATUS_MEMORY;
        l->items = items;
        l->capacity = capacity;
    }
    l->items[l->count++] = lease;
    return STATUS_OK;
}

static int live_compare(const void *key, const void *item)
{
    uint64_t lease = *(const uint64_t *)key;
    const struct live_lease *other = item;
    return (lease > other->lease) - (lease < other->lease);
}

struct live_lease *live_find(struct live_leases *l, uint64_t lease)
{
    return l->count == 0 ? NULL
                         : bsearch(&lease, l->items, l->count, sizeof(*l->items), live_compare);
}

void live_compact(struct live_leases *l,
                  void (*gone)(void *context, const struct live_lease *lease), void *context)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->count; i++) {
        if (!live_is_metered(&l->items[i]))
            l->items[kept++] = l->items[i];
        else
            gone(context, &l->items[i]);
    }
    l->count = kept;
}

void live_release(struct live_leases *l)
{
    free(l->items);
    *l = (struct live_leases){.items = NULL};
}

uint64_t live_period_start_s(const struct live_lease *lease)
{
    return lease->start_s + (uint64_t)lease->period * lease->period_min * 60;
}

uint64_t live_period_end_s(const struct live_lease *lease)
{
    uint64_t end_s = live_period_start_s(lease) + (uint64_t)lease->period_min * 60;
    return end_s < lease->end_s ? end_s : lease->end_s;
}

bool live_is_metered(const struct live_lease *lease)
{
    return live_period_start_s(lease) >= lease->end_s;
}
