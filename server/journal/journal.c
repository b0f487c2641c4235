#include "server/journal/journal.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/status.h"
#include "server/journal/preparer.h"

struct journal {
    char *folder;
    uint8_t exchange_id[JOURNAL_HASH];
    struct segment_plan plan;
    struct preparer *preparer; /* NULL when segments are made when needed */

    struct segment segment;
    uint64_t offset;           /* where the next record goes */
    struct tail_expected next; /* what it will say */
    struct buffer pending;     /* that record, as far as it has been appended */
    uint32_t pending_count;

    bool was_torn;
    int failed; /* sticky */
    struct journal_error error;
};

static int options_check(const struct journal_options *options, uint64_t *size_out,
                         struct journal_error *error)
{
    uint64_t size = options->segment_size == 0 ? JOURNAL_SEGMENT_SIZE : options->segment_size;
    if (size < JOURNAL_SEGMENT_MIN || size > JOURNAL_SEGMENT_MAX || size % JOURNAL_PAGE != 0)
        return journal_fail(error, STATUS_MISUSE, "a segment cannot have %" PRIu64 " bytes", size);
    if (sodium_init() < 0)
        return journal_fail(error, STATUS_IO, "libsodium cannot be initialized");
    *size_out = size;
    return 0;
}

int journal_create(const char *folder, const uint8_t exchange_id[JOURNAL_HASH],
                   const struct journal_options *options, struct journal_error *error)
{
    struct segment_plan plan = {
        .folder = folder,
        .exchange_id = exchange_id,
        .entropy = options->entropy != NULL ? options->entropy : port_entropy_system(),
    };
    uint64_t first, last;
    int status = options_check(options, &plan.size, error);
    if (status != 0)
        return status;
    status = folder_create(folder);
    if (status != 0 && status != STATUS_EXISTS)
        return journal_fail(error, status, "%s: cannot make the folder: %s", folder,
                            strerror(errno));
    status = segment_range(folder, &first, &last, error);
    if (status == 0 && last != 0)
        status = journal_fail(error, STATUS_EXISTS, "%s: there is a journal already", folder);
    return status != 0 ? status : segment_prepare(&plan, 1, NULL, error);
}

/* Reads all groups from `from` on, to find the end. */
static int end_find(const struct journal *j, uint64_t from, struct journal_end *end_out,
                    struct journal_error *error)
{
    struct journal_reader *reader = NULL;
    int status = journal_reader_open(j->folder, j->exchange_id, from, READER_ALONE, &reader, error);
    while (status == 0) {
        struct journal_group group;
        const uint8_t *body;
        size_t length;
        status = journal_read(reader, &group, &body, &length, error);
    }
    if (status != STATUS_MORE)
        goto out;
    journal_reader_end(reader, end_out);
    status = 0;
    if (end_out->next.first_index < from)
        status = journal_fail(error, STATUS_DAMAGED,
                              "%s: the journal ends at group %" PRIu64 ", but group %" PRIu64
                              " is known to have been in it",
                              j->folder, end_out->next.first_index - 1, from - 1);
out:
    journal_reader_close(reader);
    return status;
}

static int torn_cut(struct journal *j, const struct journal_end *end, struct journal_error *error)
{
    struct segment s;
    int status = segment_open(&s, j->folder, end->torn_segment, j->exchange_id, FILE_WRITE, error);
    if (status == 0)
        status = segment_restore(&s, end->torn.offset, end->torn.end, error);
    segment_close(&s);
    return status;
}

/* Writes the last record once more, see journal_open(). */
static int last_harden(struct journal *j, const struct journal_end *end,
                       struct journal_error *error)
{
    size_t length = (size_t)(end->offset - end->last_offset);
    if (length == 0)
        return 0;
    uint8_t *data = malloc(length);
    if (data == NULL)
        return journal_fail(error, STATUS_MEMORY, "%s: out of memory", j->folder);
    int status = segment_read(&j->segment, end->last_offset, data, length, error);
    if (status != 0)
        goto out;
    status = file_write_at(j->segment.fd, end->last_offset, data, length);
    if (status == 0)
        status = file_sync_data(j->segment.fd);
    if (status != 0)
        journal_fail(error, status, "%s: cannot write: %s", j->segment.path, strerror(errno));
out:
    free(data);
    return status;
}

static int end_settle(struct journal *j, uint64_t from, struct journal_error *error)
{
    struct journal_end end;
    int status = end_find(j, from, &end, error);
    if (status == 0)
        status = segment_sweep(j->folder, error);
    if (status == 0)
        status =
            segment_open(&j->segment, j->folder, end.segment, j->exchange_id, FILE_WRITE, error);
    if (status == 0)
        status = last_harden(j, &end, error);
    if (status == 0 && end.torn_segment != 0)
        status = torn_cut(j, &end, error);
    if (status != 0)
        return status;
    /* The server before us may have died between giving a segment its name and syncing that. */
    status = folder_sync(j->folder);
    if (status != 0)
        return journal_fail(error, status, "%s: cannot sync: %s", j->folder, strerror(errno));
    j->was_torn = end.torn_segment != 0;
    j->offset = end.offset;
    j->next = end.next;
    return 0;
}

int journal_open(const char *folder, const uint8_t exchange_id[JOURNAL_HASH], uint64_t from,
                 const struct journal_options *options, struct journal **journal_out,
                 struct journal_error *error)
{
    uint64_t size = 0;
    int status = options_check(options, &size, error);
    if (status != 0)
        return status;
    struct journal *j = calloc(1, sizeof(*j));
    if (j == NULL)
        return journal_fail(error, STATUS_MEMORY, "%s: out of memory", folder);
    j->segment.fd = -1;
    memcpy(j->exchange_id, exchange_id, JOURNAL_HASH);
    j->folder = strdup(folder);
    j->plan = (struct segment_plan){
        .folder = j->folder,
        .exchange_id = j->exchange_id,
        .size = size,
        .entropy = options->entropy != NULL ? options->entropy : port_entropy_system(),
    };
    status = j->folder == NULL ? journal_fail(error, STATUS_MEMORY, "out of memory")
                               : end_settle(j, from, error);
    if (status == 0 && options->prepare_ahead) {
        status = preparer_start(&j->plan, &j->preparer);
        if (status == 0)
            preparer_request(j->preparer, j->segment.number + 1);
        else
            journal_fail(error, status, "%s: cannot start a thread", folder);
    }
    if (status != 0) {
        journal_close(j);
        return status;
    }
    *journal_out = j;
    return 0;
}

void journal_close(struct journal *j)
{
    if (j == NULL)
        return;
    preparer_stop(j->preparer);
    segment_close(&j->segment);
    buffer_release(&j->pending);
    free(j->folder);
    free(j);
}

/* Goes on in the next segment. What is in this one has been synced. */
static int segment_roll(struct journal *j)
{
    struct segment next;
    uint64_t number = j->segment.number + 1;
    int status = j->preparer != NULL ? preparer_wait(j->preparer, &j->error) : STATUS_MORE;
    /* What failed ahead of time may succeed now that it matters: space can have been made. */
    if (status != 0)
        status = segment_prepare(&j->plan, number, NULL, &j->error);
    if (status != 0)
        return status;
    status = segment_open(&next, j->folder, number, j->exchange_id, FILE_WRITE, &j->error);
    if (status != 0)
        return status;
    segment_close(&j->segment);
    j->segment = next;
    j->offset = JOURNAL_PAGE;
    if (j->preparer != NULL)
        preparer_request(j->preparer, number + 1);
    return 0;
}

/* Whether a record with `length` bytes of groups may go to where the next one goes. */
static bool record_fits(const struct journal *j, uint64_t length)
{
    uint64_t extent = record_extent(length);
    return extent <= JOURNAL_RECORD_MAX && extent <= j->segment.size - j->offset;
}

int journal_append(struct journal *j, const struct journal_group *group, const struct iovec *parts,
                   size_t count)
{
    if (j->failed != 0)
        return j->failed;
    if (group->index != journal_last(j) + 1)
        return STATUS_MISUSE;
    size_t length = 0, length_max = journal_body_max(j);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].iov_len > length_max - length)
            return STATUS_LIMIT;
        length += parts[i].iov_len;
    }
    uint64_t extent = group_extent(length);
    if (j->pending_count > 0 && !record_fits(j, j->pending.length - RECORD_HEADER_SIZE + extent)) {
        int status = journal_sync(j);
        if (status != 0)
            return status;
    }
    if (j->pending_count == 0) {
        /* More than once when a segment was prepared while shorter ones were asked for. */
        while (j->failed == 0 && !record_fits(j, extent))
            j->failed = segment_roll(j);
        if (j->failed != 0)
            return j->failed;
        record_begin(&j->pending);
    }
    record_add(&j->pending, group, parts, count, length);
    j->pending_count++;
    if (j->pending.status != 0)
        j->failed = journal_fail(&j->error, STATUS_MEMORY, "%s: out of memory", j->folder);
    return j->failed;
}

int journal_sync(struct journal *j)
{
    if (j->failed != 0 || j->pending_count == 0)
        return j->failed;
    struct record_header h = {
        .group_count = j->pending_count,
        .first_index = j->next.first_index,
        .offset = j->offset,
    };
    memcpy(h.before, j->next.before, JOURNAL_HASH);
    record_finish(&j->pending, &j->segment, &h);
    if (j->pending.status != 0) {
        j->failed = journal_fail(&j->error, STATUS_MEMORY, "%s: out of memory", j->folder);
        return j->failed;
    }
    assert(j->pending.length == record_extent(h.length));
    j->failed = file_write_at(j->segment.fd, j->offset, j->pending.data, j->pending.length);
    if (j->failed == 0)
        j->failed = file_sync_data(j->segment.fd);
    if (j->failed != 0)
        return journal_fail(&j->error, j->failed, "%s: cannot write group %" PRIu64 ": %s",
                            j->segment.path, h.first_index, strerror(errno));
    j->offset += j->pending.length;
    j->next.first_index += j->pending_count;
    memcpy(j->next.before, h.hash, JOURNAL_HASH);
    buffer_clear(&j->pending);
    j->pending_count = 0;
    return 0;
}

uint64_t journal_last(const struct journal *j)
{
    return journal_durable(j) + j->pending_count;
}

uint64_t journal_durable(const struct journal *j)
{
    return j->next.first_index - 1;
}

size_t journal_body_max(const struct journal *j)
{
    /* A group must fit in a segment of its own. */
    uint64_t room = j->plan.size - JOURNAL_PAGE - RECORD_HEADER_SIZE - GROUP_HEADER_SIZE;
    return room < JOURNAL_BODY_MAX ? (size_t)(room & ~(uint64_t)(GROUP_ALIGN - 1))
                                   : JOURNAL_BODY_MAX;
}

bool journal_was_torn(const struct journal *j)
{
    return j->was_torn;
}

const char *journal_error_text(const struct journal *j)
{
    return j->error.text;
}
