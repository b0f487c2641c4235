#include "client/cli/import_agenda.h"

#include <stdlib.h>

#include "protocol/status.h"

static bool item_before(const struct agenda_item *a, const struct agenda_item *b)
{
    return a->minute != b->minute ? a->minute < b->minute : a->serial < b->serial;
}

static void items_swap(struct agenda *a, size_t i, size_t j)
{
    struct agenda_item item = a->items[i];
    a->items[i] = a->items[j];
    a->items[j] = item;
}

int agenda_add(struct agenda *a, struct agenda_item item)
{
    if (a->count == a->capacity) {
        size_t capacity = a->capacity == 0 ? 256 : 2 * a->capacity;
        struct agenda_item *items = reallocarray(a->items, capacity, sizeof(*items));
        if (items == NULL)
            return STATUS_MEMORY;
        a->items = items;
        a->capacity = capacity;
    }
    item.serial = ++a->serial_last;
    size_t at = a->count++;
    a->items[at] = item;
    for (; at > 0 && item_before(&a->items[at], &a->items[(at - 1) / 2]); at = (at - 1) / 2)
        items_swap(a, at, (at - 1) / 2);
    return STATUS_OK;
}

uint64_t agenda_next(const struct agenda *a)
{
    return a->count == 0 ? UINT64_MAX : a->items[0].minute;
}

bool agenda_take(struct agenda *a, uint64_t minute, struct agenda_item *out)
{
    if (agenda_next(a) != minute || a->count == 0)
        return false;
    *out = a->items[0];
    a->items[0] = a->items[--a->count];
    for (size_t at = 0;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < a->count; child++) {
            if (item_before(&a->items[child], &a->items[least]))
                least = child;
        }
        if (least == at)
            return true;
        items_swap(a, at, least);
        at = least;
    }
}

void agenda_release(struct agenda *a)
{
    free(a->items);
    *a = (struct agenda){.items = NULL};
}
