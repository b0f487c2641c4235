/*
 * A hash map of fixed-size rows keyed by their leading bytes. Rows stand in large chunks and keep
 * their place until removed; a removed row's place is the next one given out, while its cache line
 * is still warm. An index of 8-byte slots (32 bits of hash, 32 bits of place) finds them.
 *
 * The index is made of segments of 4 096 slots under a directory (extendible hashing): a segment
 * three quarters full is split by itself, so growth costs some 20 microseconds at a time at any
 * size. Inside a segment probing is linear and a removal moves later slots back, so nothing of
 * removed rows remains. A row costs its size and 11 to 22 bytes.
 *
 * When memory is out the process ends with a message. Internal to server/store.
 */
#ifndef BOURSE_STORE_TABLE_H
#define BOURSE_STORE_TABLE_H

#include <stddef.h>
#include <stdint.h>

enum { TABLE_SEED_SIZE = 16 };

struct table_segment;

struct table {
    size_t row_size;
    size_t key_size;
    uint64_t count; /* rows in it */

    struct table_segment **directory; /* by the leading `depth` bits of the hash; owned */
    unsigned depth;
    void **segment_blocks; /* memory the segments stand in; owned */
    size_t segment_blocks_count;
    unsigned segments_left; /* not yet given out of the last block */

    uint8_t **chunks; /* memory the rows stand in; owned */
    size_t chunks_count;
    size_t rows_first;   /* places in chunk 0, which grows by doubling up to a whole chunk */
    unsigned chunk_bits; /* log2 of the rows in a whole chunk */
    uint32_t places;     /* given out so far, free ones included */
    uint32_t free_first; /* place + 1 of the place freed last; 0: none */

    uint64_t seed[2];
};

/* `row_size` is at least 4. The seed keeps peers from choosing keys that collide. */
void table_init(struct table *t, size_t row_size, size_t key_size,
                const uint8_t seed[TABLE_SEED_SIZE]);
void table_release(struct table *t);

uint32_t table_hash(const struct table *t, const void *key);
/* The row of this key, whose hash is `hash`, or NULL. Valid until the table's next change. The
 * caller may overwrite what follows the key. */
void *table_find(const struct table *t, const void *key, uint32_t hash);
/* Has the processor fetch the slot where the search for `hash` begins; and, best some time after,
 * the row. Nothing changes but the time a later call takes. */
void table_prefetch(const struct table *t, uint32_t hash);
void table_prefetch_row(const struct table *t, uint32_t hash);
/* Adds a row whose key is not in the table. */
void table_insert(struct table *t, const void *row, uint32_t hash);
/* Moves the row of this key, which must exist, out to `row_out`. */
void table_take(struct table *t, const void *key, uint32_t hash, void *row_out);
/* Calls `visit` for each row until it returns other than 0; returns that. */
int table_each(const struct table *t, int (*visit)(void *context, const void *row), void *context);
/* Bytes of memory in use for rows and index. */
size_t table_memory(const struct table *t);

/* Ends the process: memory is out or a table is full. */
_Noreturn void table_die(const char *what);

#endif
