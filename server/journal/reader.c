#include "server/journal/reader.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "protocol/status.h"

enum {
    /* A writer beside us needs far less than this to finish what it is in the midst of. */
    LOOKS_MAX = 20,
    LOOK_PAUSE_NS = 10 * 1000 * 1000,
};

struct journal_reader {
    char *folder;
    uint8_t exchange_id[JOURNAL_HASH];
    uint64_t from;
    enum reader_mode mode;
    /* Someone is known to write: what follows the end is not looked at beyond its first sector,
     * since that would be a race that never ends. */
    bool living;

    struct journal_end end;
    struct segment segment; /* end.segment, open */

    struct buffer record;
    const uint8_t *at; /* the next group in it */
    size_t left;
    uint32_t groups_left;
    uint64_t index; /* of the next group */
};

/* Does the whole record at `offset` of `s` follow ours? STATUS_MORE: there is no whole record. */
static int record_load(struct journal_reader *r, const struct segment *s, uint64_t offset,
                       struct record_header *h_out, struct journal_error *error)
{
    if (offset >= s->size)
        return STATUS_MORE;
    buffer_clear(&r->record);
    uint8_t *data = buffer_extend(&r->record, JOURNAL_PAGE);
    if (data == NULL)
        return journal_fail(error, STATUS_MEMORY, "%s: out of memory", s->path);
    int status = segment_read(s, offset, data, JOURNAL_PAGE, error);
    if (status != 0)
        return status;
    if (!record_header_decode(data, s, offset, h_out))
        return STATUS_MORE;
    status = tail_check_order(s, h_out, &r->end.next, error);
    if (status != 0)
        return status;
    size_t rest = (size_t)record_extent(h_out->length) - JOURNAL_PAGE;
    if (rest > 0) {
        data = buffer_extend(&r->record, rest);
        if (data == NULL)
            return journal_fail(error, STATUS_MEMORY, "%s: out of memory", s->path);
        status = segment_read(s, offset + JOURNAL_PAGE, data, rest, error);
        if (status != 0)
            return status;
    }
    return record_body_valid(r->record.data, h_out) ? 0 : STATUS_MORE;
}

/* Moves behind the record just loaded and makes its groups the next ones. */
static void record_accept(struct journal_reader *r, const struct record_header *h)
{
    r->end.segment = h->segment;
    r->end.last_offset = h->offset;
    r->end.offset = h->offset + record_extent(h->length);
    r->end.next.first_index = h->first_index + h->group_count;
    memcpy(r->end.next.before, h->hash, JOURNAL_HASH);
    r->at = r->record.data + RECORD_HEADER_SIZE;
    r->left = h->length;
    r->groups_left = h->group_count;
    r->index = h->first_index;
}

/* Judges the end of a segment and notes a torn record there. */
static int tail_note(struct journal_reader *r, const struct segment *s, uint64_t offset,
                     struct journal_error *error)
{
    if (r->living && offset < s->size) {
        uint64_t written, blank;
        int status = segment_survey(s, offset, offset + FILE_SECTOR, &written, &blank, error);
        if (status != 0 || blank == offset)
            return status;
    }
    struct tail tail;
    int status = tail_judge(s, offset, &r->end.next, &tail, error);
    if (status == 0 && tail.kind == TAIL_TORN) {
        r->end.torn_segment = s->number;
        r->end.torn = tail;
    }
    return status;
}

static bool segment_exists(const struct journal_reader *r, uint64_t number)
{
    char path[PATH_MAX];
    return segment_path(r->folder, number, path) == 0 && file_exists(path);
}

/* Nothing may stand in a segment behind one that ends with a torn record. */
static int blank_check(const struct journal_reader *r, const struct segment *s,
                       struct journal_error *error)
{
    uint64_t written, blank;
    int status = segment_survey(s, JOURNAL_PAGE, s->size, &written, &blank, error);
    if (status != 0 || written == s->size)
        return status;
    return journal_fail(error, STATUS_DAMAGED,
                        "%s: offset %" PRIu64 ": data follows segment %" PRIx64
                        ", whose end at offset %" PRIu64 " is not whole",
                        s->path, written, r->end.torn_segment, r->end.torn.offset);
}

/*
 * All up to segment `number` holds no next record. Looks at this one, which `peek` becomes. 0: its
 * first record is the next and has been loaded. STATUS_MORE: it holds none.
 */
static int segment_advance(struct journal_reader *r, struct segment *peek, uint64_t number,
                           struct record_header *h_out, struct journal_error *error)
{
    segment_close(peek);
    int status = segment_open(peek, r->folder, number, r->exchange_id, FILE_READ, error);
    if (status != 0)
        return status;
    if (r->end.torn_segment != 0) {
        status = blank_check(r, peek, error);
        return status != 0 ? status : STATUS_MORE;
    }
    status = record_load(r, peek, JOURNAL_PAGE, h_out, error);
    if (status != STATUS_MORE)
        return status;
    status = tail_note(r, peek, JOURNAL_PAGE, error);
    return status != 0 ? status : STATUS_MORE;
}

/* Loads the next record. STATUS_MORE: r->end says what stands at the end. */
static int record_next(struct journal_reader *r, struct journal_error *error)
{
    struct record_header h;
    r->end.torn_segment = 0;
    int status = record_load(r, &r->segment, r->end.offset, &h, error);
    if (status == 0)
        record_accept(r, &h);
    if (status != STATUS_MORE)
        return status;
    status = tail_note(r, &r->segment, r->end.offset, error);
    if (status != 0)
        return status;
    struct segment peek = {.fd = -1};
    uint64_t number = r->segment.number + 1;
    for (status = STATUS_MORE; status == STATUS_MORE && segment_exists(r, number); number++)
        status = segment_advance(r, &peek, number, &h, error);
    if (status == 0) {
        segment_close(&r->segment);
        r->segment = peek;
        record_accept(r, &h);
    } else {
        segment_close(&peek);
    }
    return status;
}

/* record_next(), looking again while a writer beside us may be in the midst of something. */
static int record_next_patiently(struct journal_reader *r, struct journal_error *error)
{
    int status = record_next(r, error);
    for (int looks = 1; status == STATUS_DAMAGED && r->mode == READER_BESIDE && looks < LOOKS_MAX;
         looks++) {
        const struct timespec pause = {0, LOOK_PAUSE_NS};
        nanosleep(&pause, NULL);
        status = record_next(r, error);
        if (status == 0)
            r->living = true;
    }
    if (status == STATUS_MORE && r->mode == READER_BESIDE)
        r->living = true;
    return status;
}

int journal_read(struct journal_reader *r, struct journal_group *group_out,
                 const uint8_t **body_out, size_t *length_out, struct journal_error *error)
{
    for (;;) {
        while (r->groups_left == 0) {
            int status = record_next_patiently(r, error);
            if (status != 0)
                return status;
        }
        size_t taken = record_take(r->at, r->left, group_out, body_out, length_out);
        r->groups_left--;
        if (taken == 0 || group_out->index != r->index || (r->groups_left == 0 && taken != r->left))
            return journal_fail(error, STATUS_DAMAGED,
                                "%s: offset %" PRIu64 ": the record's groups make no sense",
                                r->segment.path, r->end.last_offset);
        r->at += taken;
        r->left -= taken;
        r->index++;
        if (group_out->index >= r->from)
            return 0;
    }
}

void journal_reader_end(const struct journal_reader *r, struct journal_end *end_out)
{
    *end_out = r->end;
}

/*
 * Opens the last segment whose first record comes before `from`, or else the first segment. Coming
 * before rather than at `from` makes the record before `from` part of what is read.
 */
static int start_find(struct journal_reader *r, struct journal_error *error)
{
    uint64_t first, last;
    int status = segment_range(r->folder, &first, &last, error);
    if (status != 0)
        return status;
    if (first == 0)
        return journal_fail(error, STATUS_NOT_FOUND,
                            "%s: there is no journal here: segment 1 is missing", r->folder);
    for (uint64_t number = last;; number--) {
        uint8_t data[RECORD_HEADER_SIZE];
        struct record_header h;
        status = segment_open(&r->segment, r->folder, number, r->exchange_id, FILE_READ, error);
        if (status == 0)
            status = segment_read(&r->segment, JOURNAL_PAGE, data, sizeof(data), error);
        if (status != 0)
            return status;
        bool known = record_header_decode(data, &r->segment, JOURNAL_PAGE, &h);
        r->end = (struct journal_end){.segment = number, .offset = JOURNAL_PAGE};
        r->end.last_offset = JOURNAL_PAGE;
        if (number == 1) {
            r->end.next.first_index = 1;
            memcpy(r->end.next.before, r->exchange_id, JOURNAL_HASH);
            return 0;
        }
        if (known && (h.first_index < r->from || number == first)) {
            r->end.next.first_index = h.first_index;
            memcpy(r->end.next.before, h.before, JOURNAL_HASH);
            break;
        }
        if (number == first)
            return journal_fail(error, STATUS_DAMAGED,
                                "%s: segment %" PRIu64 " is missing, and segment %" PRIu64
                                " does not begin with a record",
                                r->folder, first - 1, first);
        segment_close(&r->segment);
    }
    if (r->end.next.first_index > r->from)
        return journal_fail(error, STATUS_NOT_FOUND,
                            "%s: the segments 1 to %" PRIu64
                            " are missing: the journal begins at group %" PRIu64 ", group %" PRIu64
                            " is wanted",
                            r->folder, first - 1, r->end.next.first_index, r->from);
    return 0;
}

int journal_reader_open(const char *folder, const uint8_t exchange_id[JOURNAL_HASH], uint64_t from,
                        enum reader_mode mode, struct journal_reader **reader_out,
                        struct journal_error *error)
{
    if (sodium_init() < 0)
        return journal_fail(error, STATUS_IO, "libsodium cannot be initialized");
    struct journal_reader *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return journal_fail(error, STATUS_MEMORY, "%s: out of memory", folder);
    r->segment.fd = -1;
    r->from = from == 0 ? 1 : from;
    r->mode = mode;
    memcpy(r->exchange_id, exchange_id, JOURNAL_HASH);
    r->folder = strdup(folder);
    int status = r->folder == NULL ? journal_fail(error, STATUS_MEMORY, "out of memory")
                                   : start_find(r, error);
    if (status != 0) {
        journal_reader_close(r);
        return status;
    }
    *reader_out = r;
    return 0;
}

void journal_reader_close(struct journal_reader *r)
{
    if (r == NULL)
        return;
    segment_close(&r->segment);
    buffer_release(&r->record);
    free(r->folder);
    free(r);
}
