/*
 * The files behind a log store; only log_*.c include this. See log_store.h for their layout.
 */
#ifndef BOURSE_SERVER_LOG_LOG_FILES_H
#define BOURSE_SERVER_LOG_LOG_FILES_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "server/log/log_store.h"

struct log_files {
    int directory;
    int offsets;
    int tiles[LOG_TILE_LEVELS];
    uint64_t segment_bytes;
    /* Descriptor + 1 of each open segment, 0 for none. The writer opens them, everyone reads. */
    _Atomic int segments[LOG_SEGMENTS_MAX];
};

struct log_store {
    struct log_files files;
    /* Readers load `size` first and `bytes` after it, the writer stores them the other way round:
     * so `bytes` covers at least the entries below `size`. */
    _Atomic uint64_t size;
    _Atomic uint64_t bytes;

    /* The writer's: what was appended, and the part of it that is not written yet. */
    struct merkle_frontier frontier;
    uint64_t end;
    struct buffer events;
    struct buffer offsets;
    struct buffer tiles[LOG_TILE_LEVELS];

    /* The syncer's. */
    uint64_t synced_segment; /* the segments before it are durable */
    uint64_t synced_count;   /* segments whose names are durable */
    int sync_status;
};

/* Sets every descriptor to "none", so that log_files_close() can be called at any time. */
void log_files_init(struct log_files *f, uint64_t segment_bytes);
/* Opens folder, offsets and tiles, making what is missing. */
int log_files_open(struct log_files *f, const char *path);
void log_files_close(struct log_files *f);
/* Removes the segments from `first` on from the folder; none of them may be open. */
int log_files_remove_segments(int directory, uint64_t first);
/* Removes offsets and tiles too. */
int log_files_remove_all(int directory);

/* The segment's descriptor in `*out`, opened if need be and made if `create`. Writer only.
 * STATUS_NOT_FOUND if it does not exist, STATUS_LIMIT beyond LOG_SEGMENTS_MAX. */
int log_files_segment(struct log_files *f, uint64_t number, int create, int *out);

/* Whole reads and writes at a place. A read beyond the end is STATUS_DAMAGED, a full disk
 * STATUS_FULL. */
int log_file_read(int file, void *out, size_t length, uint64_t at);
int log_file_write(int file, const void *data, size_t length, uint64_t at);
/* STATUS_DAMAGED if the file is shorter than `length`. */
int log_file_check_length(int file, uint64_t length);
int log_file_truncate(int file, uint64_t length);

/* The same for the run of all event bytes. */
int log_files_read_events(const struct log_files *f, void *out, size_t length, uint64_t at);
int log_files_write_events(struct log_files *f, const void *data, size_t length, uint64_t at);

/*
 * The places of `count` events from index `from` on: ends_out[0] is where the first begins and
 * ends_out[i] where the i-th ends; count + 1 values. STATUS_DAMAGED unless they grow, by no more
 * than an event may have, and stay within `bytes`; `*bad_out` (unless NULL) says at which event.
 */
int log_files_ends(const struct log_files *f, uint64_t from, size_t count, uint64_t bytes,
                   uint64_t *ends_out, uint64_t *bad_out);
/* A merkle_read over the tiles; the context is a struct log_files. */
int log_files_node(void *context, unsigned level, uint64_t index, uint8_t out[MERKLE_HASH_SIZE]);

#endif
