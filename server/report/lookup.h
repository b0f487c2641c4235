/* From numbers, such as those of accounts, to a value each: found by hash, gone over in order. */
#ifndef BOURSE_REPORT_LOOKUP_H
#define BOURSE_REPORT_LOOKUP_H

#include <stddef.h>
#include <stdint.h>

struct lookup_item {
    uint64_t number;
    uint64_t value;
};

struct lookup {
    struct lookup_item *items; /* owned; in the order in which they were met */
    size_t count;
    size_t room;
    uint32_t *slots; /* owned; by hash, 0: none, else one more than the item's place */
    size_t slots_count;
};

/* The item of a number, made with the value 0 where there is none; valid until the next call. NULL:
 * there is no memory. */
struct lookup_item *lookup_at(struct lookup *m, uint64_t number);
/* NULL: there is none. */
const struct lookup_item *lookup_find(const struct lookup *m, uint64_t number);
/* Puts the items in the order of their numbers; none can be found or made any more. */
void lookup_sort(struct lookup *m);
void lookup_release(struct lookup *m);

#endif
