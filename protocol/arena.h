/*
 * Memory that is given back all at once: decoded messages, results and other things that live as
 * long as one request or one group. Freed by arena_release(), reused after arena_clear().
 */
#ifndef BOURSE_PROTOCOL_ARENA_H
#define BOURSE_PROTOCOL_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first; owned */
    size_t used;                /* bytes handed out since the last clear */
};

#define ARENA_EMPTY ((struct arena){NULL, 0})

/* `size` zeroed bytes aligned for any object; NULL when memory is out. */
void *arena_alloc(struct arena *a, size_t size);
/* A copy of `size` bytes; NULL when memory is out. */
void *arena_copy(struct arena *a, const void *data, size_t size);
/* Makes all memory of the arena free for reuse; what was handed out becomes invalid. */
void arena_clear(struct arena *a);
/* Gives all memory back to the system. */
void arena_release(struct arena *a);

#endif
