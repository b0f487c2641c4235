#include "server/report/vector.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *vector_reserve(void *items, size_t size, size_t count, size_t *room)
{
    if (count < *room)
        return items;
    size_t more = *room == 0 ? 64 : 2 * *room;
    void *moved = reallocarray(items, more, size);
    if (moved != NULL)
        *room = more;
    return moved;
}

size_t vector_place(const void *items, size_t size, size_t count, const void *key,
                    int (*compare)(const void *item, const void *key))
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare((const uint8_t *)items + middle * size, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void *vector_find(const void *items, size_t size, size_t count, const void *key,
                  int (*compare)(const void *item, const void *key))
{
    size_t at = vector_place(items, size, count, key, compare);
    const uint8_t *item = (const uint8_t *)items + at * size;
    return at < count && compare(item, key) == 0 ? (void *)(uintptr_t)item : NULL;
}

int vector_by_number(const void *item, const void *key)
{
    uint64_t number, other;
    memcpy(&number, item, sizeof(number));
    memcpy(&other, key, sizeof(other));
    return number < other ? -1 : number > other;
}
