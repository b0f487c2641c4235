/* What is added to one by one and looked up by order: arrays that grow by doubling. */
#ifndef BOURSE_REPORT_VECTOR_H
#define BOURSE_REPORT_VECTOR_H

#include <stddef.h>

/* Room for one item more behind `count`: `items`, or where they have moved to; NULL: there is no
 * memory, and they stay where they are. */
void *vector_reserve(void *items, size_t size, size_t count, size_t *room);
/* The place of the first item that `compare` (item, key) does not call less than the key. */
size_t vector_place(const void *items, size_t size, size_t count, const void *key,
                    int (*compare)(const void *item, const void *key));
/* The item there when it is the key's; else NULL. */
void *vector_find(const void *items, size_t size, size_t count, const void *key,
                  int (*compare)(const void *item, const void *key));

/* Such a comparison: items begin with a number of 64 bits, and the key is one. */
int vector_by_number(const void *item, const void *key);

#endif
