#include "server/store/table.h"

#include <assert.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    SLOT_BITS = 12,
    SLOTS = 1 << SLOT_BITS,
    SLOTS_MAX = SLOTS / 4 * 3,    /* a segment with more is split */
    DEPTH_MAX = 32 - SLOT_BITS,   /* directory and slot use different bits of the hash */
    BLOCK_SIZE = 2 * 1024 * 1024, /* one huge page */
    CHUNK_SIZE = BLOCK_SIZE,
    CHUNK_FIRST = 1024, /* bytes of a small table's rows, about */
};

static const uint32_t PLACES_MAX = UINT32_MAX - 1;

struct slot {
    uint32_t hash;
    uint32_t place; /* plus 1; 0: the slot is empty */
};

struct table_segment {
    uint32_t used;
    uint32_t depth;     /* leading bits of the hash that all its rows share */
    uint8_t unused[56]; /* slots start on a cache line */
    struct slot slots[SLOTS];
};

enum { SEGMENTS_IN_BLOCK = BLOCK_SIZE / sizeof(struct table_segment) };

_Noreturn void table_die(const char *what)
{
    fprintf(stderr, "the tables in memory cannot grow: %s\n", what);
    fflush(stderr);
    _exit(EXIT_FAILURE);
}

static void *grown(void *old, size_t size)
{
    void *memory = realloc(old, size);
    if (!memory)
        table_die("out of memory");
    return memory;
}

/* Memory on huge pages where the system has them: at millions of rows nearly every access would
 * miss the TLB too. */
static void *huge_alloc(size_t size)
{
    void *memory = aligned_alloc(BLOCK_SIZE, (size + BLOCK_SIZE - 1) / BLOCK_SIZE * BLOCK_SIZE);
    if (!memory)
        table_die("out of memory");
    (void)madvise(memory, size, MADV_HUGEPAGE); /* a hint: failing costs only speed */
    return memory;
}

void table_init(struct table *t, size_t row_size, size_t key_size,
                const uint8_t seed[TABLE_SEED_SIZE])
{
    assert(row_size >= sizeof(uint32_t) && key_size > 0 && key_size <= row_size);
    assert(row_size <= CHUNK_SIZE);
    memset(t, 0, sizeof(*t));
    t->row_size = row_size;
    t->key_size = key_size;
    while ((row_size << (t->chunk_bits + 1)) <= CHUNK_SIZE)
        t->chunk_bits++;
    memcpy(t->seed, seed, TABLE_SEED_SIZE);
}

void table_release(struct table *t)
{
    for (size_t i = 0; i < t->segment_blocks_count; i++)
        free(t->segment_blocks[i]);
    for (size_t i = 0; i < t->chunks_count; i++)
        free(t->chunks[i]);
    free(t->segment_blocks);
    free(t->chunks);
    free(t->directory);
    memset(t, 0, sizeof(*t));
}

/* Both halves of the 128-bit product folded into one: each bit of the result depends on all bits
 * of both factors. */
static uint64_t fold(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/*
 * Keys of 4 and 8 bytes are numbers that the exchange gives out, so two keyed multiplications do.
 * Longer keys may hold names, keys and ids that peers choose: SipHash.
 */
uint32_t table_hash(const struct table *t, const void *key)
{
    uint64_t number;
    uint32_t half;
    uint64_t digest;

    if (t->key_size == sizeof(number)) {
        memcpy(&number, key, sizeof(number));
    } else if (t->key_size == sizeof(half)) {
        memcpy(&half, key, sizeof(half));
        number = half;
    } else {
        _Static_assert(crypto_shorthash_BYTES == sizeof(digest), "SipHash gives 64 bits");
        crypto_shorthash((unsigned char *)&digest, key, t->key_size,
                         (const unsigned char *)t->seed);
        return (uint32_t)digest;
    }
    digest = fold(number ^ t->seed[0], t->seed[1] | 1);
    return (uint32_t)fold(digest ^ t->seed[1], t->seed[0] | 1);
}

static uint8_t *row_at(const struct table *t, uint32_t place)
{
    size_t chunk = place >> t->chunk_bits;
    size_t inside = place & (((uint32_t)1 << t->chunk_bits) - 1);
    return t->chunks[chunk] + inside * t->row_size;
}

static bool key_equal(const struct table *t, const uint8_t *row, const void *key)
{
    if (t->key_size == sizeof(uint64_t))
        return memcmp(row, key, sizeof(uint64_t)) == 0;
    return memcmp(row, key, t->key_size) == 0;
}

static size_t directory_at(const struct table *t, uint32_t hash)
{
    return (size_t)((uint64_t)hash >> (32 - t->depth));
}

static uint32_t home_of(uint32_t hash)
{
    return hash & (SLOTS - 1);
}

/* The slot of the key or NULL; there is always an empty slot to stop at. */
static struct slot *slot_find(const struct table *t, struct table_segment *segment, const void *key,
                              uint32_t hash)
{
    for (uint32_t i = home_of(hash);; i = (i + 1) & (SLOTS - 1)) {
        struct slot *slot = &segment->slots[i];
        if (!slot->place)
            return NULL;
        if (slot->hash == hash && key_equal(t, row_at(t, slot->place - 1), key))
            return slot;
    }
}

void *table_find(const struct table *t, const void *key, uint32_t hash)
{
    if (!t->directory)
        return NULL;
    const struct slot *slot = slot_find(t, t->directory[directory_at(t, hash)], key, hash);
    return slot ? row_at(t, slot->place - 1) : NULL;
}

void table_prefetch(const struct table *t, uint32_t hash)
{
    if (t->directory)
        __builtin_prefetch(&t->directory[directory_at(t, hash)]->slots[home_of(hash)], 1);
}

void table_prefetch_row(const struct table *t, uint32_t hash)
{
    if (!t->directory)
        return;
    const struct table_segment *segment = t->directory[directory_at(t, hash)];
    for (uint32_t i = home_of(hash); segment->slots[i].place; i = (i + 1) & (SLOTS - 1)) {
        if (segment->slots[i].hash != hash)
            continue;
        __builtin_prefetch(row_at(t, segment->slots[i].place - 1), 1);
        return;
    }
}

static struct table_segment *segment_new(struct table *t, uint32_t depth)
{
    struct table_segment *segment;

    if (!t->directory) {
        /* Most tables stay small: their only segment does not take a whole block. */
        segment = aligned_alloc(64, sizeof(*segment));
        if (!segment)
            table_die("out of memory");
        t->segment_blocks = grown(NULL, sizeof(void *));
        t->segment_blocks[t->segment_blocks_count++] = segment;
    } else {
        if (!t->segments_left) {
            t->segment_blocks =
                grown(t->segment_blocks, (t->segment_blocks_count + 1) * sizeof(void *));
            t->segment_blocks[t->segment_blocks_count++] = huge_alloc(BLOCK_SIZE);
            t->segments_left = SEGMENTS_IN_BLOCK;
        }
        segment = t->segment_blocks[t->segment_blocks_count - 1];
        segment += SEGMENTS_IN_BLOCK - t->segments_left--;
    }
    memset(segment, 0, sizeof(*segment));
    segment->depth = depth;
    return segment;
}

static void slot_add(struct table_segment *segment, struct slot added)
{
    uint32_t i = home_of(added.hash);
    while (segment->slots[i].place)
        i = (i + 1) & (SLOTS - 1);
    segment->slots[i] = added;
    segment->used++;
}

static void directory_double(struct table *t)
{
    size_t count = (size_t)1 << t->depth;
    t->directory = grown(t->directory, 2 * count * sizeof(*t->directory));
    for (size_t i = count; i-- > 0;)
        t->directory[2 * i] = t->directory[2 * i + 1] = t->directory[i];
    t->depth++;
}

/* Moves the rows whose next bit of the hash is 1 to a segment of their own. */
static void segment_split(struct table *t, uint32_t hash)
{
    struct table_segment *old = t->directory[directory_at(t, hash)];
    if (old->depth == DEPTH_MAX) {
        if (old->used == SLOTS - 1)
            table_die("a table has more rows than its index can hold");
        return;
    }
    if (old->depth == t->depth)
        directory_double(t);

    struct table_segment *high = segment_new(t, old->depth + 1);
    struct slot slots[SLOTS];
    uint32_t bit = (uint32_t)1 << (31 - old->depth);
    memcpy(slots, old->slots, sizeof(slots));
    memset(old->slots, 0, sizeof(old->slots));
    old->used = 0;
    old->depth++;
    for (size_t i = 0; i < SLOTS; i++)
        if (slots[i].place)
            slot_add(slots[i].hash & bit ? high : old, slots[i]);

    size_t span = (size_t)1 << (t->depth - old->depth); /* entries of each half */
    size_t first = directory_at(t, hash) / (2 * span) * (2 * span);
    for (size_t i = first + span; i < first + 2 * span; i++)
        t->directory[i] = high;
}

static size_t first_size(const struct table *t)
{
    return t->rows_first * t->row_size;
}

/* Makes room for the row at `place`, the next one never used. */
static void chunks_grow(struct table *t, uint32_t place)
{
    size_t whole = (size_t)1 << t->chunk_bits;

    if (place < whole) {
        if (place < t->rows_first)
            return;
        while (t->rows_first <= place || first_size(t) < CHUNK_FIRST)
            t->rows_first = t->rows_first ? t->rows_first * 2 : 1;
        if (t->rows_first > whole)
            t->rows_first = whole;
        if (!t->chunks_count) {
            t->chunks = grown(NULL, sizeof(*t->chunks));
            t->chunks[0] = NULL;
            t->chunks_count = 1;
        }
        t->chunks[0] = grown(t->chunks[0], first_size(t));
    } else if (place >> t->chunk_bits >= t->chunks_count) {
        t->chunks = grown(t->chunks, (t->chunks_count + 1) * sizeof(*t->chunks));
        t->chunks[t->chunks_count++] = huge_alloc(whole * t->row_size);
    }
}

static uint32_t place_new(struct table *t)
{
    if (t->free_first) {
        uint32_t place = t->free_first - 1;
        memcpy(&t->free_first, row_at(t, place), sizeof(t->free_first));
        return place;
    }
    if (t->places == PLACES_MAX)
        table_die("a table has as many rows as it can number");
    chunks_grow(t, t->places);
    return t->places++;
}

void table_insert(struct table *t, const void *row, uint32_t hash)
{
    if (!t->directory) {
        struct table_segment *first = segment_new(t, 0);
        t->directory = grown(NULL, sizeof(*t->directory));
        t->directory[0] = first;
    }
    if (t->directory[directory_at(t, hash)]->used >= SLOTS_MAX)
        segment_split(t, hash);

    uint32_t place = place_new(t);
    memcpy(row_at(t, place), row, t->row_size);
    slot_add(t->directory[directory_at(t, hash)], (struct slot){hash, place + 1});
    t->count++;
}

/* Empties a slot and moves back the slots behind it that were pushed past it. */
static void slot_remove(struct table_segment *segment, uint32_t hole)
{
    for (uint32_t i = (hole + 1) & (SLOTS - 1); segment->slots[i].place;
         i = (i + 1) & (SLOTS - 1)) {
        uint32_t distance = (i - home_of(segment->slots[i].hash)) & (SLOTS - 1);
        if (distance >= ((i - hole) & (SLOTS - 1))) {
            segment->slots[hole] = segment->slots[i];
            hole = i;
        }
    }
    segment->slots[hole] = (struct slot){0, 0};
    segment->used--;
}

void table_take(struct table *t, const void *key, uint32_t hash, void *row_out)
{
    assert(t->directory);
    struct table_segment *segment = t->directory[directory_at(t, hash)];
    const struct slot *slot = slot_find(t, segment, key, hash);
    assert(slot);

    uint32_t place = slot->place - 1;
    uint8_t *row = row_at(t, place);
    slot_remove(segment, (uint32_t)(slot - segment->slots));
    memcpy(row_out, row, t->row_size);
    memcpy(row, &t->free_first, sizeof(t->free_first));
    t->free_first = place + 1;
    t->count--;
}

int table_each(const struct table *t, int (*visit)(void *context, const void *row), void *context)
{
    size_t count = t->directory ? (size_t)1 << t->depth : 0;

    for (size_t at = 0; at < count;) {
        const struct table_segment *segment = t->directory[at];
        for (size_t i = 0; i < SLOTS; i++) {
            if (!segment->slots[i].place)
                continue;
            int result = visit(context, row_at(t, segment->slots[i].place - 1));
            if (result)
                return result;
        }
        at += (size_t)1 << (t->depth - segment->depth);
    }
    return 0;
}

size_t table_memory(const struct table *t)
{
    size_t bytes = first_size(t);
    if (t->chunks_count > 1)
        bytes += (t->chunks_count - 1) * (t->row_size << t->chunk_bits);
    if (t->segment_blocks_count)
        bytes += sizeof(struct table_segment) + (t->segment_blocks_count - 1) * (size_t)BLOCK_SIZE;
    if (t->directory)
        bytes += sizeof(*t->directory) << t->depth;
    return bytes;
}
