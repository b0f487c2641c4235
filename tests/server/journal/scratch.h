/*
 * What the journal's tests share: a folder that goes away, groups whose content follows from their
 * index, and ways to look at and damage the files.
 */
#ifndef BOURSE_TESTS_JOURNAL_SCRATCH_H
#define BOURSE_TESTS_JOURNAL_SCRATCH_H

#include "server/journal/journal.h"

enum {
    SCRATCH_SEGMENT = 64 << 10, /* bytes of a segment in most tests */
};

extern const uint8_t scratch_exchange[JOURNAL_HASH];

struct scratch {
    char root[PATH_MAX / 4];   /* made by mkdtemp */
    char folder[PATH_MAX / 2]; /* the journal's, in it */
};

/* For cmocka: makes *state a struct scratch, and removes it with all that is in it. */
int scratch_setup(void **state);
int scratch_teardown(void **state);

/* The body of group `index`, `length` bytes. */
void scratch_body(uint64_t index, uint8_t *out, size_t length);
struct journal_group scratch_group(uint64_t index);

/* Creates and opens a journal of small segments, or opens it from `from` on; both must succeed. */
struct journal *scratch_create(const struct scratch *s);
struct journal *scratch_open(const struct scratch *s, uint64_t from);
/* Opening must fail with `status` and a text that contains `words`. */
void scratch_open_fails(const struct scratch *s, uint64_t from, int status, const char *words);

/* Appends the next group with a body of `length` bytes; returns the status. */
int scratch_append(struct journal *j, size_t length);
/* The same and syncs; both must succeed. */
void scratch_write(struct journal *j, size_t length);
/* Reads all groups from `from` on and compares them; returns the last index. */
uint64_t scratch_check(const struct scratch *s, uint64_t from);
/* Reads until it ends; returns how: STATUS_MORE or an error, whose text is written. */
int scratch_read_all(const struct scratch *s, struct journal_error *error);

/* Bytes of segment `number`'s file. */
void scratch_peek(const struct scratch *s, uint64_t number, uint64_t offset, void *data,
                  size_t length);
void scratch_poke(const struct scratch *s, uint64_t number, uint64_t offset, const void *data,
                  size_t length);
void scratch_flip(const struct scratch *s, uint64_t number, uint64_t offset, unsigned bit);
void scratch_path(const struct scratch *s, uint64_t number, char path_out[PATH_MAX]);

#endif
