#include "server/log/log_store.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/endian.h"
#include "protocol/limits.h"
#include "protocol/status.h"
#include "server/log/log_files.h"

enum { RANGE_COUNT = 256, RANGE_BYTES = 1024 * 1024 };

/* How many nodes of tiles-`level` are complete in a log of `size` entries. */
static uint64_t tile_nodes(uint64_t size, unsigned level)
{
    return size >> (8 * level);
}

/* Opens the segments that hold `bytes` bytes of events, and checks that they do. */
static int log_store_open_segments(struct log_files *f, uint64_t bytes)
{
    for (uint64_t at = 0; at < bytes; at += f->segment_bytes) {
        uint64_t length = bytes - at < f->segment_bytes ? bytes - at : f->segment_bytes;
        int file;
        int status = log_files_segment(f, at / f->segment_bytes, 0, &file);
        if (status == STATUS_NOT_FOUND || status == STATUS_LIMIT)
            return STATUS_DAMAGED;
        if (status == STATUS_OK)
            status = log_file_check_length(file, length);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

/* Checks that the files hold `size` entries with this root, and finds the right edge. */
static int log_store_verify(struct log_store *s, uint64_t size,
                            const uint8_t root[MERKLE_HASH_SIZE])
{
    struct log_files *f = &s->files;
    uint8_t end[8] = {0};
    int status = log_file_check_length(f->offsets, size * sizeof(end));
    if (status == STATUS_OK && size > 0)
        status = log_file_read(f->offsets, end, sizeof(end), (size - 1) * sizeof(end));
    for (unsigned i = 0; status == STATUS_OK && i < LOG_TILE_LEVELS; i++)
        status = log_file_check_length(f->tiles[i], tile_nodes(size, i) * MERKLE_HASH_SIZE);
    if (status != STATUS_OK)
        return status;
    s->end = get_u64_le(end);
    if (s->end / f->segment_bytes >= LOG_SEGMENTS_MAX)
        return STATUS_DAMAGED;
    status = log_store_open_segments(f, s->end);
    if (status == STATUS_OK)
        status = merkle_frontier_load(log_files_node, f, size, &s->frontier);
    if (status != STATUS_OK)
        return status;
    merkle_hash found;
    merkle_frontier_root(&s->frontier, found);
    return memcmp(found, root, sizeof(found)) == 0 ? STATUS_OK : STATUS_DAMAGED;
}

/* Cuts off what lies behind `size` entries; the files hold at least those. */
static int log_store_cut(struct log_store *s, uint64_t size)
{
    struct log_files *f = &s->files;
    uint64_t segments = (s->end + f->segment_bytes - 1) / f->segment_bytes;
    int status = log_file_truncate(f->offsets, size * sizeof(uint64_t));
    for (unsigned i = 0; status == STATUS_OK && i < LOG_TILE_LEVELS; i++)
        status = log_file_truncate(f->tiles[i], tile_nodes(size, i) * MERKLE_HASH_SIZE);
    if (status == STATUS_OK && segments > 0) {
        int file;
        status = log_files_segment(f, segments - 1, 0, &file);
        if (status == STATUS_OK)
            status = log_file_truncate(file, s->end - (segments - 1) * f->segment_bytes);
    }
    if (status == STATUS_OK)
        status = log_files_remove_segments(f->directory, segments);
    return status;
}

static int log_store_begin(const char *path, uint64_t segment_bytes, uint64_t size,
                           const uint8_t root[MERKLE_HASH_SIZE], int cut, struct log_store **out)
{
    *out = NULL;
    if (size > LOG_SIZE_MAX)
        return STATUS_LIMIT;
    struct log_store *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return STATUS_MEMORY;
    log_files_init(&s->files, segment_bytes != 0 ? segment_bytes : LOG_SEGMENT_BYTES);
    int status = log_files_open(&s->files, path);
    if (status == STATUS_OK)
        status = log_store_verify(s, size, root);
    if (status == STATUS_OK && cut)
        status = log_store_cut(s, size);
    atomic_init(&s->bytes, s->end);
    atomic_init(&s->size, size);
    s->synced_segment = s->end / s->files.segment_bytes; /* what is vouched for was synced */
    struct buffer last = BUFFER_EMPTY;
    /* The hashes were checked against the root; a look at the last event finds data that were
     * never written behind them. */
    if (status == STATUS_OK && size > 0)
        status = log_store_read(s, size - 1, &last);
    buffer_release(&last);
    if (status != STATUS_OK) {
        log_store_close(s);
        return status;
    }
    *out = s;
    return STATUS_OK;
}

int log_store_open(const char *path, uint64_t segment_bytes, uint64_t size,
                   const uint8_t root[MERKLE_HASH_SIZE], struct log_store **out)
{
    return log_store_begin(path, segment_bytes, size, root, 1, out);
}

int log_store_look(const char *path, uint64_t segment_bytes, uint64_t size,
                   const uint8_t root[MERKLE_HASH_SIZE], struct log_store **out)
{
    *out = NULL;
    if (access(path, F_OK) != 0)
        return STATUS_NOT_FOUND;
    return log_store_begin(path, segment_bytes, size, root, 0, out);
}

void log_store_close(struct log_store *s)
{
    if (s == NULL)
        return;
    log_files_close(&s->files);
    buffer_release(&s->events);
    buffer_release(&s->offsets);
    for (size_t i = 0; i < LOG_TILE_LEVELS; i++)
        buffer_release(&s->tiles[i]);
    free(s);
}

int log_store_reset(const char *path)
{
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return STATUS_OK; /* nothing there; opening tells if it cannot be made */
    int status = log_files_remove_all(directory);
    close(directory);
    return status;
}

int log_store_append(struct log_store *s, const void *event, size_t length,
                     const uint8_t leaf[MERKLE_HASH_SIZE])
{
    if (length > EVENT_BYTES_MAX || s->frontier.size >= LOG_SIZE_MAX)
        return STATUS_LIMIT;
    uint8_t end[8];
    put_u64_le(end, s->end + length);
    buffer_append(&s->events, event, length);
    buffer_append(&s->offsets, end, sizeof(end));
    merkle_frontier_append(&s->frontier, leaf);
    s->end += length;
    int status = s->events.status != STATUS_OK ? s->events.status : s->offsets.status;
    for (unsigned i = 0; i < LOG_TILE_LEVELS; i++) {
        if (s->frontier.size % (UINT64_C(1) << 8 * i) != 0)
            break;
        buffer_append(&s->tiles[i], s->frontier.nodes[8 * i], MERKLE_HASH_SIZE);
        if (status == STATUS_OK)
            status = s->tiles[i].status;
    }
    return status;
}

int log_store_publish(struct log_store *s)
{
    uint64_t size = atomic_load_explicit(&s->size, memory_order_relaxed);
    if (size == s->frontier.size)
        return STATUS_OK;
    int status = s->events.status != STATUS_OK ? s->events.status : s->offsets.status;
    for (unsigned i = 0; status == STATUS_OK && i < LOG_TILE_LEVELS; i++)
        status = s->tiles[i].status;
    if (status == STATUS_OK)
        status = log_files_write_events(&s->files, s->events.data, s->events.length,
                                        atomic_load_explicit(&s->bytes, memory_order_relaxed));
    if (status == STATUS_OK)
        status = log_file_write(s->files.offsets, s->offsets.data, s->offsets.length,
                                size * sizeof(uint64_t));
    for (unsigned i = 0; status == STATUS_OK && i < LOG_TILE_LEVELS; i++)
        status = log_file_write(s->files.tiles[i], s->tiles[i].data, s->tiles[i].length,
                                tile_nodes(size, i) * MERKLE_HASH_SIZE);
    /* What was written in part is written again at the same place next time. */
    if (status != STATUS_OK)
        return status;
    buffer_clear(&s->events);
    buffer_clear(&s->offsets);
    for (unsigned i = 0; i < LOG_TILE_LEVELS; i++)
        buffer_clear(&s->tiles[i]);
    atomic_store_explicit(&s->bytes, s->end, memory_order_release);
    atomic_store_explicit(&s->size, s->frontier.size, memory_order_release);
    return STATUS_OK;
}

const struct merkle_frontier *log_store_frontier(const struct log_store *s)
{
    return &s->frontier;
}

static int log_store_sync_files(struct log_store *s, uint64_t segments)
{
    struct log_files *f = &s->files;
    for (uint64_t i = s->synced_segment; i < segments; i++) {
        int file = atomic_load_explicit(&f->segments[i], memory_order_acquire) - 1;
        assert(file >= 0);
        if (fdatasync(file) != 0)
            return STATUS_IO;
    }
    if (fdatasync(f->offsets) != 0)
        return STATUS_IO;
    for (size_t i = 0; i < LOG_TILE_LEVELS; i++) {
        if (fdatasync(f->tiles[i]) != 0)
            return STATUS_IO;
    }
    /* The folder remembers the names of new segments, and at the first time of all files. */
    if ((s->synced_count == 0 || segments > s->synced_count) && fsync(f->directory) != 0)
        return STATUS_IO;
    return STATUS_OK;
}

int log_store_sync(struct log_store *s)
{
    if (s->sync_status != STATUS_OK)
        return s->sync_status;
    uint64_t bytes = atomic_load_explicit(&s->bytes, memory_order_acquire);
    uint64_t segment_bytes = s->files.segment_bytes;
    uint64_t segments = (bytes + segment_bytes - 1) / segment_bytes;
    s->sync_status = log_store_sync_files(s, segments);
    if (s->sync_status != STATUS_OK)
        return s->sync_status;
    /* A segment that is full never changes again. */
    s->synced_segment = bytes / segment_bytes;
    s->synced_count = segments;
    return STATUS_OK;
}

uint64_t log_store_size(const struct log_store *s)
{
    return atomic_load_explicit(&s->size, memory_order_acquire);
}

static int leaf_matches(const uint8_t *event, size_t length, const uint8_t leaf[MERKLE_HASH_SIZE])
{
    merkle_hash found;
    merkle_leaf_hash(event, length, found);
    return memcmp(found, leaf, sizeof(found)) == 0;
}

int log_store_read(const struct log_store *s, uint64_t index, struct buffer *out)
{
    if (index >= log_store_size(s))
        return STATUS_NOT_FOUND;
    uint64_t bytes = atomic_load_explicit(&s->bytes, memory_order_acquire);
    uint64_t ends[2];
    merkle_hash leaf;
    int status = log_files_ends(&s->files, index, 1, bytes, ends, NULL);
    if (status == STATUS_OK)
        status = log_file_read(s->files.tiles[0], leaf, sizeof(leaf), index * sizeof(leaf));
    if (status != STATUS_OK)
        return status;
    size_t length = (size_t)(ends[1] - ends[0]);
    uint8_t *at = buffer_extend(out, length);
    if (at == NULL)
        return out->status;
    status = log_files_read_events(&s->files, at, length, ends[0]);
    if (status == STATUS_OK && !leaf_matches(at, length, leaf))
        status = STATUS_DAMAGED;
    if (status != STATUS_OK)
        out->length -= length;
    return status;
}

/* Reads and visits the `count` events whose places are in `ends`. */
static int log_store_visit(const struct log_store *s, uint64_t from, size_t count,
                           const uint64_t *ends, struct buffer *data, log_visit *visit,
                           void *context)
{
    merkle_hash leaves[RANGE_COUNT];
    size_t length = (size_t)(ends[count] - ends[0]);
    buffer_clear(data);
    uint8_t *at = buffer_extend(data, length);
    if (at == NULL)
        return data->status;
    int status = log_files_read_events(&s->files, at, length, ends[0]);
    if (status == STATUS_OK)
        status = log_file_read(s->files.tiles[0], leaves, count * MERKLE_HASH_SIZE,
                               from * MERKLE_HASH_SIZE);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        const uint8_t *event = at + (ends[i] - ends[0]);
        size_t event_length = (size_t)(ends[i + 1] - ends[i]);
        if (!leaf_matches(event, event_length, leaves[i]))
            return STATUS_DAMAGED;
        status = visit(context, from + i, event, event_length);
    }
    return status;
}

int log_store_read_range(const struct log_store *s, uint64_t from, uint64_t count_max,
                         size_t bytes_max, log_visit *visit, void *context)
{
    uint64_t size = log_store_size(s);
    uint64_t bytes = atomic_load_explicit(&s->bytes, memory_order_acquire);
    uint64_t to = from < size && count_max < size - from ? from + count_max : size;
    uint64_t ends[RANGE_COUNT + 1];
    struct buffer data = BUFFER_EMPTY;
    int is_first = 1;
    int status = STATUS_OK;
    while (status == STATUS_OK && from < to) {
        size_t count = to - from < RANGE_COUNT ? (size_t)(to - from) : RANGE_COUNT;
        status = log_files_ends(&s->files, from, count, bytes, ends, NULL);
        if (status != STATUS_OK)
            break;
        size_t room = bytes_max < RANGE_BYTES ? bytes_max : RANGE_BYTES;
        size_t fits = 0;
        while (fits < count && ends[fits + 1] - ends[0] <= room)
            fits++;
        if (fits == 0) {
            /* An event is always smaller than a whole reading, so it is the caller's room. */
            if (!is_first)
                break;
            fits = 1;
        }
        status = log_store_visit(s, from, fits, ends, &data, visit, context);
        size_t taken = (size_t)(ends[fits] - ends[0]);
        bytes_max -= taken < bytes_max ? taken : bytes_max;
        from += fits;
        is_first = 0;
    }
    buffer_release(&data);
    return status;
}

int log_store_root(const struct log_store *s, uint64_t size, uint8_t out[MERKLE_HASH_SIZE])
{
    if (size > log_store_size(s))
        return STATUS_NOT_FOUND;
    return merkle_root(log_files_node, (void *)&s->files, size, out);
}

int log_store_inclusion(const struct log_store *s, uint64_t index, uint64_t size,
                        merkle_hash proof_out[MERKLE_PROOF_MAX], size_t *count_out)
{
    if (size > log_store_size(s))
        return STATUS_NOT_FOUND;
    return merkle_inclusion_prove(log_files_node, (void *)&s->files, index, size, proof_out,
                                  count_out);
}

int log_store_consistency(const struct log_store *s, uint64_t old_size, uint64_t new_size,
                          merkle_hash proof_out[MERKLE_PROOF_MAX], size_t *count_out)
{
    if (new_size > log_store_size(s))
        return STATUS_NOT_FOUND;
    return merkle_consistency_prove(log_files_node, (void *)&s->files, old_size, new_size,
                                    proof_out, count_out);
}
