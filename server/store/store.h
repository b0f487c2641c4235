/*
 * The working state: tables of fixed-size rows in memory. Every change goes through store_put()
 * and store_remove(), which record the row's old image for undo, its new image for the flusher,
 * and call the table's hook so that indexes in memory follow. One thread uses a store at a time.
 *
 * When memory is out the process ends with a message: the journal holds everything acknowledged.
 */
#ifndef BOURSE_STORE_STORE_H
#define BOURSE_STORE_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "server/store/row.h"

struct store;

/*
 * Called at each change of a row, undo included: `old_row` is NULL when the row is new, `new_row`
 * is NULL when it goes. The table has changed by then. Both are valid during the call only. A hook
 * changes no rows.
 */
typedef void store_hook(void *context, const void *old_row, const void *new_row);

/* An empty store of `count` tables; a table is named by its place in `specs`, which outlives it. */
struct store *store_new(const struct table_spec *specs, size_t count);
void store_free(struct store *s);

/*
 * Sets the key of the tables' hash while they are empty: random bytes, so that peers cannot choose
 * names and ids that collide. Without it the key is a fixed one, which is right for tests and the
 * simulator only. Nothing but the order of store_each() depends on it.
 */
enum { STORE_SEED_SIZE = 16 };
void store_seed(struct store *s, const uint8_t seed[STORE_SEED_SIZE]);

/* At most one hook a table; set before the first row is put. */
void store_set_hook(struct store *s, unsigned table, store_hook *hook, void *context);

/*
 * The row whose key equals the `key_size` bytes at `key` (laid out as the leading columns of the
 * row struct), or NULL. The pointer is valid until the table's next change.
 */
const void *store_find(const struct store *s, unsigned table, const void *key);
/*
 * Says that rows of these keys, there or not, will be looked up or put soon, so that they are
 * fetched from memory all at once and not one after the other: over millions of rows that is most
 * of what a change costs. For a request's inputs and outputs, some tens at a time. Changes nothing.
 */
void store_expect(const struct store *s, unsigned table, const void *const *keys, size_t count);
/* Inserts `row` or replaces the row of the same key. `row` may not point into the table. */
void store_put(struct store *s, unsigned table, const void *row);
/* Removes the row of this key, which must exist. `key` may point into the row. */
void store_remove(struct store *s, unsigned table, const void *key);
/*
 * Inserts a row as it was loaded from the image: the hook is called, but neither undo nor change
 * is recorded. Not between a mark and store_settle(). Returns -1, and changes nothing, when there
 * is a row of this key.
 */
int store_load_row(struct store *s, unsigned table, const void *row);

uint64_t store_count(const struct store *s, unsigned table);
/* Calls `visit` for each row in no stated order, until it returns other than 0; returns that. The
 * rules use this for checks and rebuilding only, since the order differs from run to run. */
int store_each(const struct store *s, unsigned table, int (*visit)(void *context, const void *row),
               void *context);
/* Bytes of memory that rows, indexes and logs take. */
size_t store_memory(const struct store *s);

/*
 * Undo. store_mark() names the present state; store_rollback() takes back every change since a
 * mark, hooks included; store_settle() forgets all marks: the changes stay.
 */
size_t store_mark(const struct store *s);
void store_rollback(struct store *s, size_t mark);
void store_settle(struct store *s);

/*
 * The rows changed since the last take, for the flusher: a list of new images in the order they
 * were made (a later one of the same key replaces an earlier one). Only called when settled.
 */
struct changes;
struct changes *changes_new(void);
void changes_free(struct changes *c);
/* Bytes the changes take; bounds the flusher's lag. */
size_t store_changes_bytes(const struct store *s);
/* Swaps the store's recorded changes with the empty `*c`: a pointer, no copying. */
void store_changes_swap(struct store *s, struct changes **c);
/* Stops recording changes; for a store that is never flushed (replay for a comparison). */
void store_record_changes(struct store *s, int on);

#endif
