/*
 * The log's events and Merkle hashes on disk: derived data, written behind the journal and rebuilt
 * from it when lost. A folder of append-only files:
 *
 *   events-NNNNNN  the events' bytes, one after the other, cut into segments of one size; an event
 *                  may begin in one segment and end in the next
 *   offsets        64 bits, little-endian, an event: where it ends in the run of all event bytes
 *   tiles-L        32 bytes a node: tiles-0 has the leaf hashes, tiles-L the hash of each complete
 *                  node of level 8 L. 256 in a row are a tile as C2SP tlog-tiles defines it
 *
 * Threads: the writer (append, publish), one syncer (sync) and any number of readers may use a
 * store at the same time, without locks; each function says whose it is. Readers see published
 * entries only.
 *
 * Nothing read from the files is trusted: lengths are checked, and an event is given out only if
 * its bytes hash to its leaf. Errors common to all: STATUS_IO, STATUS_MEMORY, STATUS_DAMAGED when
 * the files contradict each other or end too early.
 */
#ifndef BOURSE_SERVER_LOG_LOG_STORE_H
#define BOURSE_SERVER_LOG_LOG_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/buffer.h"
#include "protocol/merkle.h"

enum { LOG_TILE_LEVELS = 6 }; /* enough for LOG_SIZE_MAX entries */

#define LOG_SIZE_MAX      (UINT64_C(1) << 48) /* entries */
#define LOG_SEGMENT_BYTES (UINT64_C(1) << 30)
#define LOG_SEGMENTS_MAX  16384

struct log_store;

/*
 * Opens the store in folder `path`, which is made if missing, cuts it back to the `size` entries
 * that the caller vouches for, and checks that they have this `root`. `segment_bytes` 0 means
 * LOG_SEGMENT_BYTES; it must be the same at each opening. On success the caller owns `*out`.
 * STATUS_DAMAGED: the files hold fewer entries or others, and were left as they are; the caller
 * calls log_store_reset(), opens an empty store and appends everything anew from the journal.
 * Startup, before the threads.
 */
int log_store_open(const char *path, uint64_t segment_bytes, uint64_t size,
                   const uint8_t root[MERKLE_HASH_SIZE], struct log_store **out);
/*
 * Opens a store to look at its first `size` entries, beside the process that writes it or without
 * one; changes nothing. Only the functions of any thread may be used. STATUS_NOT_FOUND: no folder.
 */
int log_store_look(const char *path, uint64_t segment_bytes, uint64_t size,
                   const uint8_t root[MERKLE_HASH_SIZE], struct log_store **out);
/* Forgets what was appended and not published. No thread may use the store any more. */
void log_store_close(struct log_store *s);
/* Removes the files of a store that is not open, so that it can be opened empty. */
int log_store_reset(const char *path);

/*
 * Writer: takes one event, at most EVENT_BYTES_MAX, and its leaf hash. Kept in memory until
 * published. STATUS_LIMIT when the event or the log is too large; after STATUS_MEMORY the store
 * can only be closed.
 */
int log_store_append(struct log_store *s, const void *event, size_t length,
                     const uint8_t leaf[MERKLE_HASH_SIZE]);
/*
 * Writer: writes what was appended and makes it visible to readers. On an error (STATUS_FULL: no
 * space) nothing new is visible, and the call may be repeated.
 */
int log_store_publish(struct log_store *s);
/* Writer: the frontier of all entries appended, published or not. Valid until the next append. */
const struct merkle_frontier *log_store_frontier(const struct log_store *s);

/*
 * Syncer: makes durable what was published before the call. After an error nothing may be believed
 * to be durable, and every later call fails too: the process must end.
 */
int log_store_sync(struct log_store *s);

/* Any thread: the number of published entries. */
uint64_t log_store_size(const struct log_store *s);

/* Any thread: appends the event's bytes to `out`. STATUS_NOT_FOUND unless it is published. */
int log_store_read(const struct log_store *s, uint64_t index, struct buffer *out);

/* Gets one event; the bytes are valid during the call. Other than 0 ends the reading. */
typedef int log_visit(void *context, uint64_t index, const uint8_t *event, size_t length);
/*
 * Any thread: visits published events from index `from` on: at most `count_max` of them and about
 * `bytes_max` bytes, but at least one if there is one. Returns what `visit` returned if not 0.
 */
int log_store_read_range(const struct log_store *s, uint64_t from, uint64_t count_max,
                         size_t bytes_max, log_visit *visit, void *context);

/* Any thread: the root at `size`, which is at most the published size, else STATUS_NOT_FOUND. */
int log_store_root(const struct log_store *s, uint64_t size, uint8_t out[MERKLE_HASH_SIZE]);
/* Any thread: proofs, see merkle.h. STATUS_NOT_FOUND beyond the published size. */
int log_store_inclusion(const struct log_store *s, uint64_t index, uint64_t size,
                        merkle_hash proof_out[MERKLE_PROOF_MAX], size_t *count_out);
int log_store_consistency(const struct log_store *s, uint64_t old_size, uint64_t new_size,
                          merkle_hash proof_out[MERKLE_PROOF_MAX], size_t *count_out);

/* What log_store_check() tells its caller. Either function may be NULL. */
struct log_check_report {
    void *context;
    /* Now and then: `done` of `total` entries were looked at. */
    void (*progress)(void *context, uint64_t done, uint64_t total);
    /* At most once a file, the first place that is wrong: an event's index, or a node's index in
     * its file. */
    void (*difference)(void *context, const char *file, uint64_t index, const char *text);
};

/*
 * Any thread: recomputes every leaf and node of the first `size` published entries from the events'
 * bytes and compares it with what is stored. `root` is the root known from elsewhere; it decides
 * whether the events or the hashes are wrong where the two differ. STATUS_DAMAGED after reporting
 * differences.
 */
int log_store_check(const struct log_store *s, uint64_t size, const uint8_t root[MERKLE_HASH_SIZE],
                    const struct log_check_report *report);

#endif
