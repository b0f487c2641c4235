#include "server/log/log_files.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/endian.h"
#include "protocol/limits.h"
#include "protocol/status.h"

enum { NAME_BYTES = 32, TILE_HEIGHT = 8, TILE_NODES = 256 };

void log_files_init(struct log_files *f, uint64_t segment_bytes)
{
    f->directory = -1;
    f->offsets = -1;
    for (size_t i = 0; i < LOG_TILE_LEVELS; i++)
        f->tiles[i] = -1;
    f->segment_bytes = segment_bytes;
    for (size_t i = 0; i < LOG_SEGMENTS_MAX; i++)
        atomic_init(&f->segments[i], 0);
}

int log_files_open(struct log_files *f, const char *path)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return status_of_errno(errno);
    f->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->directory < 0)
        return status_of_errno(errno);
    f->offsets = openat(f->directory, "offsets", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (f->offsets < 0)
        return status_of_errno(errno);
    for (unsigned i = 0; i < LOG_TILE_LEVELS; i++) {
        char name[NAME_BYTES];
        snprintf(name, sizeof(name), "tiles-%u", i);
        f->tiles[i] = openat(f->directory, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (f->tiles[i] < 0)
            return status_of_errno(errno);
    }
    return STATUS_OK;
}

void log_files_close(struct log_files *f)
{
    for (size_t i = 0; i < LOG_SEGMENTS_MAX; i++) {
        int file = atomic_exchange(&f->segments[i], 0);
        if (file > 0)
            close(file - 1);
    }
    for (size_t i = 0; i < LOG_TILE_LEVELS; i++) {
        if (f->tiles[i] >= 0)
            close(f->tiles[i]);
    }
    if (f->offsets >= 0)
        close(f->offsets);
    if (f->directory >= 0)
        close(f->directory);
    log_files_init(f, f->segment_bytes);
}

/* The number in a segment's file name, or -1 for any other name. */
static long long segment_number(const char *name)
{
    static const char prefix[] = "events-";
    if (strncmp(name, prefix, sizeof(prefix) - 1) != 0)
        return -1;
    const char *digits = name + sizeof(prefix) - 1;
    if (strlen(digits) != 6 || strspn(digits, "0123456789") != 6)
        return -1;
    return strtoll(digits, NULL, 10);
}

/* Calls unlink for the names that `chosen` takes, and makes their removal durable. */
static int directory_remove(int directory, uint64_t first_segment, int with_rest)
{
    int again = dup(directory);
    if (again < 0)
        return status_of_errno(errno);
    DIR *d = fdopendir(again);
    if (d == NULL) {
        close(again);
        return status_of_errno(errno);
    }
    rewinddir(d);
    int status = STATUS_OK;
    const struct dirent *entry;
    while (status == STATUS_OK && (errno = 0, entry = readdir(d)) != NULL) {
        long long number = segment_number(entry->d_name);
        int is_rest =
            strcmp(entry->d_name, "offsets") == 0 || strncmp(entry->d_name, "tiles-", 6) == 0;
        if ((number >= 0 && (uint64_t)number >= first_segment) || (with_rest && is_rest)) {
            if (unlinkat(directory, entry->d_name, 0) != 0)
                status = status_of_errno(errno);
        }
    }
    if (status == STATUS_OK && errno != 0)
        status = status_of_errno(errno);
    closedir(d);
    if (status == STATUS_OK && fsync(directory) != 0)
        status = status_of_errno(errno);
    return status;
}

int log_files_remove_segments(int directory, uint64_t first)
{
    return directory_remove(directory, first, 0);
}

int log_files_remove_all(int directory)
{
    return directory_remove(directory, 0, 1);
}

int log_files_segment(struct log_files *f, uint64_t number, int create, int *out)
{
    if (number >= LOG_SEGMENTS_MAX)
        return STATUS_LIMIT;
    int file = atomic_load_explicit(&f->segments[number], memory_order_acquire) - 1;
    if (file < 0) {
        char name[NAME_BYTES];
        snprintf(name, sizeof(name), "events-%06u", (unsigned)number);
        file = openat(f->directory, name, O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0600);
        if (file < 0)
            return status_of_errno(errno);
        atomic_store_explicit(&f->segments[number], file + 1, memory_order_release);
    }
    *out = file;
    return STATUS_OK;
}

int log_file_read(int file, void *out, size_t length, uint64_t at)
{
    uint8_t *to = out;
    while (length > 0) {
        ssize_t count = pread(file, to, length, (off_t)at);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return status_of_errno(errno);
        if (count == 0)
            return STATUS_DAMAGED;
        to += count;
        at += (uint64_t)count;
        length -= (size_t)count;
    }
    return STATUS_OK;
}

int log_file_write(int file, const void *data, size_t length, uint64_t at)
{
    const uint8_t *from = data;
    while (length > 0) {
        ssize_t count = pwrite(file, from, length, (off_t)at);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return status_of_errno(errno);
        if (count == 0)
            return STATUS_IO;
        from += count;
        at += (uint64_t)count;
        length -= (size_t)count;
    }
    return STATUS_OK;
}

int log_file_check_length(int file, uint64_t length)
{
    struct stat st;
    if (fstat(file, &st) != 0)
        return status_of_errno(errno);
    return st.st_size >= 0 && (uint64_t)st.st_size >= length ? STATUS_OK : STATUS_DAMAGED;
}

int log_file_truncate(int file, uint64_t length)
{
    return ftruncate(file, (off_t)length) == 0 ? STATUS_OK : status_of_errno(errno);
}

int log_files_read_events(const struct log_files *f, void *out, size_t length, uint64_t at)
{
    uint8_t *to = out;
    while (length > 0) {
        uint64_t number = at / f->segment_bytes;
        uint64_t place = at % f->segment_bytes;
        size_t part = length;
        if (part > f->segment_bytes - place)
            part = (size_t)(f->segment_bytes - place);
        if (number >= LOG_SEGMENTS_MAX)
            return STATUS_DAMAGED;
        int file = atomic_load_explicit(&f->segments[number], memory_order_acquire) - 1;
        if (file < 0)
            return STATUS_DAMAGED;
        int status = log_file_read(file, to, part, place);
        if (status != STATUS_OK)
            return status;
        to += part;
        at += part;
        length -= part;
    }
    return STATUS_OK;
}

int log_files_write_events(struct log_files *f, const void *data, size_t length, uint64_t at)
{
    const uint8_t *from = data;
    while (length > 0) {
        uint64_t place = at % f->segment_bytes;
        size_t part = length;
        if (part > f->segment_bytes - place)
            part = (size_t)(f->segment_bytes - place);
        int file = -1;
        int status = log_files_segment(f, at / f->segment_bytes, 1, &file);
        if (status == STATUS_OK)
            status = log_file_write(file, from, part, place);
        if (status != STATUS_OK)
            return status;
        from += part;
        at += part;
        length -= part;
    }
    return STATUS_OK;
}

int log_files_ends(const struct log_files *f, uint64_t from, size_t count, uint64_t bytes,
                   uint64_t *ends_out, uint64_t *bad_out)
{
    size_t skip = from == 0 ? 0 : 1; /* the first event begins at 0, which is not stored */
    ends_out[0] = 0;
    uint64_t *raw = ends_out + 1 - skip;
    int status = log_file_read(f->offsets, raw, (count + skip) * sizeof(uint64_t),
                               (from - skip) * sizeof(uint64_t));
    if (bad_out != NULL)
        *bad_out = from;
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < count + skip; i++)
        raw[i] = get_u64_le(&raw[i]);
    if (ends_out[0] > bytes)
        return STATUS_DAMAGED;
    for (size_t i = 0; i < count; i++) {
        if (ends_out[i + 1] < ends_out[i] || ends_out[i + 1] - ends_out[i] > EVENT_BYTES_MAX ||
            ends_out[i + 1] > bytes) {
            if (bad_out != NULL)
                *bad_out = from + i;
            return STATUS_DAMAGED;
        }
    }
    return STATUS_OK;
}

int log_files_node(void *context, unsigned level, uint64_t index, uint8_t out[MERKLE_HASH_SIZE])
{
    const struct log_files *f = context;
    unsigned tile = level / TILE_HEIGHT;
    if (tile >= LOG_TILE_LEVELS)
        return STATUS_LIMIT;
    /* Between the levels that are stored, a node is hashed from those it covers in its tile. */
    unsigned height = level % TILE_HEIGHT;
    size_t count = (size_t)1 << height;
    merkle_hash nodes[TILE_NODES / 2];
    assert(count <= TILE_NODES / 2);
    int status = log_file_read(f->tiles[tile], nodes, count * MERKLE_HASH_SIZE,
                               (index << height) * MERKLE_HASH_SIZE);
    if (status != STATUS_OK)
        return status;
    for (; count > 1; count /= 2) {
        for (size_t i = 0; i < count / 2; i++)
            merkle_node_hash(nodes[2 * i], nodes[2 * i + 1], nodes[i]);
    }
    memcpy(out, nodes[0], MERKLE_HASH_SIZE);
    return STATUS_OK;
}
