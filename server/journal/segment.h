/*
 * A segment: one file of a journal, see format.h. Until a record is written over it, each sector
 * holds its own part of a pattern: the ChaCha20 key stream under the segment's random salt, with
 * its number as nonce. So neither stale blocks nor anything that a client sends look like it.
 */
#ifndef BOURSE_JOURNAL_SEGMENT_H
#define BOURSE_JOURNAL_SEGMENT_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/journal/format.h"
#include "server/port/entropy.h"

struct segment {
    int fd;                     /* -1 when not open */
    uint64_t number;            /* starts at 1 */
    uint64_t size;              /* bytes, the label included */
    uint8_t salt[JOURNAL_HASH]; /* from the label */
    char path[PATH_MAX];        /* for messages */
};

/* What went wrong, in words for the person who runs the server: file, place and reason. */
struct journal_error {
    char text[PATH_MAX + 256];
};

/* Writes the text; `error` may be NULL. Returns `status`. */
int journal_fail(struct journal_error *error, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The path of segment `number`; STATUS_LIMIT when the folder's name is too long. */
int segment_path(const char *folder, uint64_t number, char path_out[PATH_MAX]);

/* The lowest and the highest number of the segments in a folder, both 0 when there is none.
 * STATUS_DAMAGED: one between them is missing. */
int segment_range(const char *folder, uint64_t *first_out, uint64_t *last_out,
                  struct journal_error *error);

/* Removes what preparations that a crash interrupted have left behind. */
int segment_sweep(const char *folder, struct journal_error *error);

struct segment_plan {
    const char *folder;
    const uint8_t *exchange_id; /* JOURNAL_HASH bytes */
    uint64_t size;              /* a multiple of JOURNAL_PAGE */
    const struct port_entropy *entropy;
};

/*
 * Makes a segment, label and pattern, durable under its name. Does nothing when it exists. Any
 * thread, one at a time. `stop` (may be NULL) ends the work early with STATUS_CLOSED. STATUS_FULL:
 * no room on the disk. On failure nothing is left behind.
 */
int segment_prepare(const struct segment_plan *plan, uint64_t number, const atomic_bool *stop,
                    struct journal_error *error);

/*
 * Opens a segment and checks its label. The caller closes it with segment_close(), on failure too
 * if it likes. Errors: STATUS_NOT_FOUND, STATUS_VERSION (a newer format), STATUS_DAMAGED (the label
 * is not whole, or of another exchange or number, or the file has the wrong length), I/O.
 */
int segment_open(struct segment *s, const char *folder, uint64_t number, const uint8_t *exchange_id,
                 enum file_mode mode, struct journal_error *error);
void segment_close(struct segment *s);

/* The pattern of `length` bytes at `offset`, both multiples of 64. */
void segment_pattern(const struct segment *s, uint64_t offset, uint8_t *out, size_t length);

/* Reads `length` bytes at `offset`, which lie within the segment. */
int segment_read(const struct segment *s, uint64_t offset, void *data, size_t length,
                 struct journal_error *error);

/*
 * Compares the sectors of [offset, end) with the pattern. *written_out is the offset of the first
 * sector that differs, *blank_out of the first that does not; `end` where there is none.
 */
int segment_survey(const struct segment *s, uint64_t offset, uint64_t end, uint64_t *written_out,
                   uint64_t *blank_out, struct journal_error *error);

/* Writes the pattern over [offset, end) again and syncs. */
int segment_restore(const struct segment *s, uint64_t offset, uint64_t end,
                    struct journal_error *error);

#endif
