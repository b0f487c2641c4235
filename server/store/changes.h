/*
 * The rows changed since the flusher last took them, as the engine records them and the image
 * writes them: entries in the order they were made, and the same entries sorted and coalesced.
 * Internal to server/store.
 */
#ifndef BOURSE_STORE_CHANGES_H
#define BOURSE_STORE_CHANGES_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/buffer.h"
#include "server/store/store.h"

enum change_kind {
    CHANGE_INSERT,  /* there was no row of this key */
    CHANGE_REPLACE, /* there was one */
    CHANGE_REMOVE,
};

struct change {
    uint16_t table;
    uint16_t kind; /* enum change_kind */
    uint32_t size; /* of the entry: this header, the row or (removal) its key, zero padding */
};

struct changes {
    struct buffer bytes;
};

/* Appends one entry; `row` is the whole row, or at least its key for a removal. */
void changes_add(struct changes *c, const struct table_spec *spec, unsigned table,
                 enum change_kind kind, const void *row);
/* Takes back the last entry, which was of this kind. */
void changes_drop_last(struct changes *c, const struct table_spec *spec, enum change_kind kind);
void changes_clear(struct changes *c);

/* What became of one key over all changes. */
struct net_change {
    const void *row; /* the row's last image; only the key when `gone` */
    int gone;        /* the row is no more */
    int was_there;   /* the row existed before the first change */
};

struct change_item;

/* The changes of all tables in order of table and encoded key. Memory is kept for the next use. */
struct change_sorter {
    struct change_item *items; /* owned */
    struct change_item *spare; /* owned; as many */
    size_t capacity;
    size_t *table_ends; /* owned; items of table t end here */
    size_t tables_count;
};

#define CHANGE_SORTER_EMPTY ((struct change_sorter){NULL, NULL, 0, NULL, 0})

/* Sorts; `c` stays and must not change while the sorter is read. STATUS_MEMORY. */
int change_sorter_run(struct change_sorter *o, const struct changes *c,
                      const struct table_spec *specs, size_t specs_count);
/* The entries of one table, before coalescing. */
size_t change_sorter_count(const struct change_sorter *o, unsigned table);
void change_sorter_release(struct change_sorter *o);
/*
 * Calls `visit` for each changed key of a table in order, without the keys whose row neither was
 * there before nor is there after; stops when it returns other than 0 and returns that.
 */
int change_sorter_each(const struct change_sorter *o, const struct changes *c,
                       const struct table_spec *specs, unsigned table,
                       int (*visit)(void *context, const struct net_change *net), void *context);

#endif
