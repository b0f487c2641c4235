/*
 * What is to be done at a later minute of an import: leases to be ended, by whom. The earliest
 * minute comes first, and within it what was put down first.
 */
#ifndef BOURSE_CLI_IMPORT_AGENDA_H
#define BOURSE_CLI_IMPORT_AGENDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum agenda_kind {
    AGENDA_END,     /* the task is over: its holder ends the lease */
    AGENDA_RECLAIM, /* the operator gives notice */
};

struct agenda_item {
    uint64_t minute;
    uint64_t serial; /* set by agenda_add() */
    uint64_t lease;
    enum agenda_kind kind;
};

struct agenda {
    struct agenda_item *items; /* owned; a heap */
    size_t count;
    size_t capacity;
    uint64_t serial_last;
};

/* Errors: STATUS_MEMORY. */
int agenda_add(struct agenda *a, struct agenda_item item);
/* The first minute; UINT64_MAX when there is nothing. */
uint64_t agenda_next(const struct agenda *a);
/* Takes the first item when it is of this minute. */
bool agenda_take(struct agenda *a, uint64_t minute, struct agenda_item *out);
void agenda_release(struct agenda *a);

#endif
