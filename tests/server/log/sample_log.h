/*
 * The log that the tests of the log's files work on: events that follow from their index, and the
 * roots they lead to, in a folder of its own.
 */
#ifndef BOURSE_TESTS_SAMPLE_LOG_H
#define BOURSE_TESTS_SAMPLE_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "server/log/log_store.h"

enum { SAMPLE_SEGMENT = 4096, SAMPLE_ENTRIES = 700 };

extern char sample_folder[256];
extern merkle_hash sample_roots[SAMPLE_ENTRIES + 1]; /* by size */

/* Of 0 to 400 bytes or so, told apart by their index; the length. */
size_t sample_event(uint64_t index, uint8_t event[1024]);
void sample_leaf(uint64_t index, uint8_t *leaf);

/* For cmocka: the roots once, a folder for each test. */
int sample_roots_make(void **state);
int sample_folder_make(void **state);
int sample_folder_remove(void **state);
/* The path of a file in the folder. */
void sample_path(const char *name, char path[300]);

/* The store in the folder, which must have this size. */
struct log_store *sample_open(uint64_t size);
/* A new one with all entries, published. */
struct log_store *sample_filled(void);
void sample_append(struct log_store *s, uint64_t from, uint64_t to);
/* The store has the event. */
void sample_expect(const struct log_store *s, uint64_t index);

#endif
