#include "protocol/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_BLOCK_SIZE = 64 * 1024 };

struct arena_block {
    struct arena_block *next;
    size_t size;
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

void *arena_alloc(struct arena *a, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    struct arena_block *block = a->blocks;
    if (block == NULL || block->size - block->used < size) {
        size_t room = size > ARENA_BLOCK_SIZE ? size : ARENA_BLOCK_SIZE;
        block = malloc(sizeof(*block) + room);
        if (block == NULL)
            return NULL;
        block->next = a->blocks;
        block->size = room;
        block->used = 0;
        a->blocks = block;
    }
    void *at = block->bytes + block->used;
    block->used += size;
    a->used += size;
    return memset(at, 0, size);
}

void *arena_copy(struct arena *a, const void *data, size_t size)
{
    void *at = arena_alloc(a, size);
    if (at != NULL && size > 0)
        memcpy(at, data, size);
    return at;
}

void arena_clear(struct arena *a)
{
    /* Keep one ordinary block so that a steady flow of small requests allocates nothing. */
    struct arena_block *keep = NULL;
    struct arena_block *block = a->blocks;
    while (block != NULL) {
        struct arena_block *next = block->next;
        if (keep == NULL && block->size == ARENA_BLOCK_SIZE) {
            keep = block;
        } else {
            free(block);
        }
        block = next;
    }
    if (keep != NULL) {
        keep->next = NULL;
        keep->used = 0;
    }
    a->blocks = keep;
    a->used = 0;
}

void arena_release(struct arena *a)
{
    struct arena_block *block = a->blocks;
    while (block != NULL) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
    *a = ARENA_EMPTY;
}
