#include "server/exchange/number_map.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "server/exchange/state.h"

struct number_slot {
    uint32_t hash;
    uint32_t number; /* 0: empty */
};

enum { SLOTS_FIRST = 64 };

void number_map_init(struct number_map *m, number_matches *matches, const void *context,
                     const uint8_t seed[16])
{
    *m = (struct number_map){.matches = matches, .context = context};
    memcpy(m->seed, seed, sizeof(m->seed));
}

void number_map_release(struct number_map *m)
{
    free(m->slots);
    m->slots = NULL;
    m->slots_count = m->used = 0;
}

static uint32_t hash_of(const struct number_map *m, const void *key, size_t length)
{
    uint8_t out[crypto_shorthash_BYTES];
    uint32_t hash;
    static_assert(crypto_shorthash_KEYBYTES == sizeof(m->seed), "the seed keys SipHash");
    crypto_shorthash(out, key, length, m->seed);
    memcpy(&hash, out, sizeof(hash));
    return hash;
}

static void slot_add(struct number_map *m, struct number_slot added)
{
    size_t i = added.hash & (m->slots_count - 1);
    while (m->slots[i].number)
        i = (i + 1) & (m->slots_count - 1);
    m->slots[i] = added;
}

static void map_grow(struct number_map *m)
{
    struct number_slot *old = m->slots;
    size_t old_count = m->slots_count;
    m->slots_count = old_count ? old_count * 2 : SLOTS_FIRST;
    m->slots = calloc(m->slots_count, sizeof(*m->slots));
    if (!m->slots)
        memory_exhausted();
    for (size_t i = 0; i < old_count; i++) {
        if (old[i].number)
            slot_add(m, old[i]);
    }
    free(old);
}

uint32_t number_map_find(const struct number_map *m, const void *key, size_t length)
{
    if (m->used == 0)
        return 0;
    uint32_t hash = hash_of(m, key, length);
    for (size_t i = hash & (m->slots_count - 1); m->slots[i].number;
         i = (i + 1) & (m->slots_count - 1)) {
        const struct number_slot *slot = &m->slots[i];
        if (slot->hash == hash && m->matches(m->context, slot->number, key, length))
            return slot->number;
    }
    return 0;
}

void number_map_add(struct number_map *m, uint32_t number, const void *key, size_t length)
{
    assert(number > 0);
    if (m->used * 4 >= m->slots_count * 3)
        map_grow(m);
    slot_add(m, (struct number_slot){hash_of(m, key, length), number});
    m->used++;
}

/* Empties a slot and moves back the slots behind it that were pushed past it. */
static void slot_remove(struct number_map *m, size_t hole)
{
    size_t mask = m->slots_count - 1;
    for (size_t i = (hole + 1) & mask; m->slots[i].number; i = (i + 1) & mask) {
        size_t distance = (i - m->slots[i].hash) & mask;
        if (distance >= ((i - hole) & mask)) {
            m->slots[hole] = m->slots[i];
            hole = i;
        }
    }
    m->slots[hole] = (struct number_slot){0, 0};
    m->used--;
}

void number_map_remove(struct number_map *m, uint32_t number, const void *key, size_t length)
{
    if (m->used == 0)
        return;
    uint32_t hash = hash_of(m, key, length);
    for (size_t i = hash & (m->slots_count - 1); m->slots[i].number;
         i = (i + 1) & (m->slots_count - 1)) {
        if (m->slots[i].number == number && m->slots[i].hash == hash) {
            slot_remove(m, i);
            return;
        }
    }
}
