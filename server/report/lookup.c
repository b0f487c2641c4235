#include "server/report/lookup.h"

#include <stdlib.h>

#include "server/report/vector.h"

/* The slot of a number, or the empty one where it belongs. */
static size_t slot_of(const struct lookup *m, uint64_t number)
{
    uint64_t hash = number * UINT64_C(0x9E3779B97F4A7C15);
    hash = (hash ^ hash >> 32) * UINT64_C(0x9E3779B97F4A7C15);
    size_t at = (size_t)(hash >> 32) & (m->slots_count - 1);
    while (m->slots[at] != 0 && m->items[m->slots[at] - 1].number != number)
        at = (at + 1) & (m->slots_count - 1);
    return at;
}

/* Two slots for each item that there is room for. */
static int slots_grow(struct lookup *m)
{
    size_t room = m->room;
    struct lookup_item *items = vector_reserve(m->items, sizeof(*items), m->count, &room);
    if (items == NULL)
        return -1;
    m->items = items;
    uint32_t *slots = calloc(2 * room, sizeof(*slots));
    if (slots == NULL)
        return -1;
    free(m->slots);
    m->slots = slots;
    m->slots_count = 2 * room;
    m->room = room;
    for (size_t i = 0; i < m->count; i++)
        m->slots[slot_of(m, m->items[i].number)] = (uint32_t)i + 1;
    return 0;
}

struct lookup_item *lookup_at(struct lookup *m, uint64_t number)
{
    if (m->count == m->room && slots_grow(m) != 0)
        return NULL;
    size_t at = slot_of(m, number);
    if (m->slots[at] == 0) {
        m->items[m->count++] = (struct lookup_item){number, 0};
        m->slots[at] = (uint32_t)m->count;
    }
    return &m->items[m->slots[at] - 1];
}

const struct lookup_item *lookup_find(const struct lookup *m, uint64_t number)
{
    if (m->count == 0)
        return NULL;
    uint32_t at = m->slots[slot_of(m, number)];
    return at != 0 ? &m->items[at - 1] : NULL;
}

static int items_compare(const void *a, const void *b)
{
    const struct lookup_item *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

void lookup_sort(struct lookup *m)
{
    if (m->count > 1)
        qsort(m->items, m->count, sizeof(*m->items), items_compare);
}

void lookup_release(struct lookup *m)
{
    free(m->items);
    free(m->slots);
    *m = (struct lookup){0};
}
