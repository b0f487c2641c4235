#include "server/journal/segment.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/endian.h"
#include "protocol/status.h"

enum {
    PATTERN_BLOCK = 64, /* bytes of a ChaCha20 block */
    CHUNK = 1 << 20,    /* bytes written or compared at a time */
    NAME_DIGITS = 16,
};

static const char unfinished_suffix[] = ".preparing";

int journal_fail(struct journal_error *error, int status, const char *format, ...)
{
    if (error == NULL)
        return status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof(error->text), format, arguments);
    va_end(arguments);
    return status;
}

/* A failed file operation on `path`, with errno's reason. */
static int fail_io(struct journal_error *error, int status, const char *path, const char *what)
{
    int reason = errno;
    return journal_fail(error, status, "%s: %s: %s", path, what, strerror(reason));
}

int segment_path(const char *folder, uint64_t number, char path_out[PATH_MAX])
{
    int n = snprintf(path_out, PATH_MAX, "%s/%016" PRIx64, folder, number);
    /* Room is left for the suffix of an unfinished one. */
    return n < 0 || (size_t)n + sizeof(unfinished_suffix) > PATH_MAX ? STATUS_LIMIT : 0;
}

/* The number that a file's name stands for, 0 when it is not a segment's. */
static uint64_t number_of(const char *name)
{
    if (strlen(name) != NAME_DIGITS || strspn(name, "0123456789abcdef") != NAME_DIGITS)
        return 0;
    return strtoull(name, NULL, 16);
}

struct range {
    uint64_t first, last, count;
};

static int range_visit(void *context, const char *name)
{
    struct range *range = context;
    uint64_t number = number_of(name);
    if (number == 0)
        return 0;
    if (range->count == 0 || number < range->first)
        range->first = number;
    if (number > range->last)
        range->last = number;
    range->count++;
    return 0;
}

int segment_range(const char *folder, uint64_t *first_out, uint64_t *last_out,
                  struct journal_error *error)
{
    struct range range = {0};
    int status = folder_list(folder, range_visit, &range);
    if (status != 0)
        return fail_io(error, status, folder, "cannot list the journal's folder");
    *first_out = range.first;
    *last_out = range.last;
    if (range.count == 0 || range.last - range.first + 1 == range.count)
        return 0;
    for (uint64_t number = range.first; number < range.last; number++) {
        char path[PATH_MAX];
        if (segment_path(folder, number, path) == 0 && !file_exists(path))
            return journal_fail(error, STATUS_DAMAGED,
                                "%s: this segment is missing (number %" PRIu64 ")", path, number);
    }
    return 0; /* a segment was added while the folder was being listed */
}

struct sweep {
    const char *folder;
    struct journal_error *error;
};

static int sweep_visit(void *context, const char *name)
{
    struct sweep *sweep = context;
    char path[PATH_MAX];
    size_t length = strlen(name);
    if (length != NAME_DIGITS + sizeof(unfinished_suffix) - 1 ||
        strcmp(name + NAME_DIGITS, unfinished_suffix) != 0)
        return 0;
    int n = snprintf(path, sizeof(path), "%s/%s", sweep->folder, name);
    if (n < 0 || (size_t)n >= sizeof(path))
        return STATUS_LIMIT;
    int status = file_remove(path);
    return status == 0 ? 0 : fail_io(sweep->error, status, path, "cannot remove");
}

int segment_sweep(const char *folder, struct journal_error *error)
{
    struct sweep sweep = {folder, error};
    return folder_list(folder, sweep_visit, &sweep);
}

static void label_encode(const struct segment *s, const uint8_t *exchange_id, uint8_t *page)
{
    memset(page, 0, JOURNAL_PAGE);
    memcpy(page, LABEL_MAGIC, 8);
    put_u32_le(page + LABEL_VERSION, JOURNAL_VERSION);
    put_u32_le(page + LABEL_PAGE, JOURNAL_PAGE);
    put_u64_le(page + LABEL_NUMBER, s->number);
    put_u64_le(page + LABEL_SIZE, s->size);
    memcpy(page + LABEL_EXCHANGE, exchange_id, JOURNAL_HASH);
    memcpy(page + LABEL_SALT, s->salt, JOURNAL_HASH);
    crypto_generichash(page + LABEL_HASH, JOURNAL_HASH, page, LABEL_HASH, NULL, 0);
}

static int label_decode(struct segment *s, const uint8_t *exchange_id, const uint8_t *page,
                        struct journal_error *error)
{
    uint8_t hash[JOURNAL_HASH];
    if (memcmp(page, LABEL_MAGIC, 8) != 0)
        return journal_fail(error, STATUS_DAMAGED, "%s: not a segment of a journal", s->path);
    crypto_generichash(hash, sizeof(hash), page, LABEL_HASH, NULL, 0);
    if (memcmp(hash, page + LABEL_HASH, sizeof(hash)) != 0 ||
        !sodium_is_zero(page + LABEL_END, JOURNAL_PAGE - LABEL_END))
        return journal_fail(error, STATUS_DAMAGED, "%s: offset 0: the label is damaged", s->path);
    if (get_u32_le(page + LABEL_VERSION) != JOURNAL_VERSION ||
        get_u32_le(page + LABEL_PAGE) != JOURNAL_PAGE)
        return journal_fail(error, STATUS_VERSION, "%s: format %" PRIu32 " is not known", s->path,
                            get_u32_le(page + LABEL_VERSION));
    if (memcmp(page + LABEL_EXCHANGE, exchange_id, JOURNAL_HASH) != 0)
        return journal_fail(error, STATUS_DAMAGED, "%s: belongs to another exchange", s->path);
    uint64_t number = get_u64_le(page + LABEL_NUMBER);
    if (number != s->number)
        return journal_fail(error, STATUS_DAMAGED, "%s: this is segment %" PRIx64, s->path, number);
    s->size = get_u64_le(page + LABEL_SIZE);
    if (s->size < JOURNAL_SEGMENT_MIN || s->size > JOURNAL_SEGMENT_MAX ||
        s->size % JOURNAL_PAGE != 0)
        return journal_fail(error, STATUS_DAMAGED, "%s: offset 0: impossible size", s->path);
    memcpy(s->salt, page + LABEL_SALT, JOURNAL_HASH);
    return 0;
}

void segment_pattern(const struct segment *s, uint64_t offset, uint8_t *out, size_t length)
{
    static_assert(FILE_SECTOR % PATTERN_BLOCK == 0, "a sector is whole blocks");
    static_assert(JOURNAL_HASH == crypto_stream_chacha20_KEYBYTES, "the salt is the key");
    uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];
    put_u64_le(nonce, s->number);
    memset(out, 0, length);
    crypto_stream_chacha20_xor_ic(out, out, length, nonce, offset / PATTERN_BLOCK, s->salt);
}

static size_t chunk_at(uint64_t offset, uint64_t end)
{
    return end - offset < CHUNK ? (size_t)(end - offset) : CHUNK;
}

/* Label and pattern into the new file of `s`, durable. */
static int segment_fill(const struct segment *s, const uint8_t *exchange_id,
                        const atomic_bool *stop)
{
    uint8_t *chunk = malloc(CHUNK);
    if (chunk == NULL) {
        errno = ENOMEM;
        return STATUS_MEMORY;
    }
    label_encode(s, exchange_id, chunk);
    int status = file_allocate(s->fd, s->size);
    if (status == 0)
        status = file_write_at(s->fd, 0, chunk, JOURNAL_PAGE);
    for (uint64_t at = JOURNAL_PAGE; status == 0 && at < s->size; at += CHUNK) {
        size_t length = chunk_at(at, s->size);
        segment_pattern(s, at, chunk, length);
        status = file_write_at(s->fd, at, chunk, length);
        /* Synced piece by piece, so that a group's fdatasync beside this never has to wait for
         * the whole segment. */
        if (status == 0)
            status = file_sync_data(s->fd);
        if (status == 0 && stop != NULL && atomic_load(stop)) {
            errno = ECANCELED;
            status = STATUS_CLOSED;
        }
    }
    if (status == 0)
        status = file_sync(s->fd);
    free(chunk);
    return status;
}

int segment_prepare(const struct segment_plan *plan, uint64_t number, const atomic_bool *stop,
                    struct journal_error *error)
{
    struct segment s = {.fd = -1, .number = number, .size = plan->size};
    char unfinished[PATH_MAX + sizeof(unfinished_suffix)];
    int status = segment_path(plan->folder, number, s.path);
    if (status != 0)
        return journal_fail(error, status, "%s: the path is too long", plan->folder);
    if (file_exists(s.path))
        return 0;
    status = entropy_fill(plan->entropy, s.salt, sizeof(s.salt));
    if (status != 0)
        return journal_fail(error, status, "%s: no random bytes", s.path);
    snprintf(unfinished, sizeof(unfinished), "%s%s", s.path, unfinished_suffix);
    (void)file_remove(unfinished);
    status = file_open(unfinished, FILE_CREATE, &s.fd);
    if (status != 0)
        return fail_io(error, status, unfinished, "cannot create");
    status = segment_fill(&s, plan->exchange_id, stop);
    if (status == 0)
        status = file_rename(unfinished, s.path);
    if (status == 0)
        status = folder_sync(plan->folder);
    if (status != 0) {
        fail_io(error, status, s.path, "cannot prepare the segment");
        (void)file_remove(unfinished);
    }
    segment_close(&s);
    return status;
}

int segment_open(struct segment *s, const char *folder, uint64_t number, const uint8_t *exchange_id,
                 enum file_mode mode, struct journal_error *error)
{
    uint8_t page[JOURNAL_PAGE];
    uint64_t size = 0;
    size_t got = 0;
    *s = (struct segment){.fd = -1, .number = number};
    int status = segment_path(folder, number, s->path);
    if (status != 0)
        return journal_fail(error, status, "%s: the path is too long", folder);
    status = file_open(s->path, mode, &s->fd);
    if (status == 0)
        status = file_size(s->fd, &size);
    if (status == 0)
        status = file_read_at(s->fd, 0, page, sizeof(page), &got);
    if (status != 0) {
        fail_io(error, status, s->path, "cannot open");
        goto out;
    }
    if (got < sizeof(page))
        status = journal_fail(error, STATUS_DAMAGED, "%s: shorter than its label", s->path);
    else
        status = label_decode(s, exchange_id, page, error);
    if (status == 0 && size != s->size)
        status =
            journal_fail(error, STATUS_DAMAGED, "%s: is %" PRIu64 " bytes long instead of %" PRIu64,
                         s->path, size, s->size);
out:
    if (status != 0)
        segment_close(s);
    return status;
}

void segment_close(struct segment *s)
{
    file_close(s->fd);
    s->fd = -1;
}

int segment_read(const struct segment *s, uint64_t offset, void *data, size_t length,
                 struct journal_error *error)
{
    size_t got = 0;
    int status = file_read_at(s->fd, offset, data, length, &got);
    if (status != 0)
        return fail_io(error, status, s->path, "cannot read");
    if (got < length)
        return journal_fail(error, STATUS_DAMAGED, "%s: offset %" PRIu64 ": the file ends here",
                            s->path, offset + got);
    return 0;
}

int segment_survey(const struct segment *s, uint64_t offset, uint64_t end, uint64_t *written_out,
                   uint64_t *blank_out, struct journal_error *error)
{
    *written_out = end;
    *blank_out = end;
    uint8_t *memory = malloc((size_t)2 * CHUNK);
    if (memory == NULL)
        return journal_fail(error, STATUS_MEMORY, "%s: out of memory", s->path);
    uint8_t *found = memory, *pattern = memory + CHUNK;
    int status = 0;
    for (uint64_t at = offset; at < end; at += CHUNK) {
        size_t length = chunk_at(at, end);
        status = segment_read(s, at, found, length, error);
        if (status != 0)
            break;
        segment_pattern(s, at, pattern, length);
        for (size_t i = 0; i < length; i += FILE_SECTOR) {
            bool blank = memcmp(found + i, pattern + i, FILE_SECTOR) == 0;
            uint64_t *out = blank ? blank_out : written_out;
            if (*out == end)
                *out = at + i;
        }
        if (*written_out != end && *blank_out != end)
            break;
    }
    free(memory);
    return status;
}

int segment_restore(const struct segment *s, uint64_t offset, uint64_t end,
                    struct journal_error *error)
{
    uint8_t *chunk = malloc(CHUNK);
    if (chunk == NULL)
        return journal_fail(error, STATUS_MEMORY, "%s: out of memory", s->path);
    int status = 0;
    for (uint64_t at = offset; status == 0 && at < end; at += CHUNK) {
        size_t length = chunk_at(at, end);
        segment_pattern(s, at, chunk, length);
        status = file_write_at(s->fd, at, chunk, length);
    }
    if (status == 0)
        status = file_sync_data(s->fd);
    if (status != 0)
        fail_io(error, status, s->path, "cannot restore the pattern");
    free(chunk);
    return status;
}
