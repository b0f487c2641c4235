#include "server/journal/tail.h"

#include <inttypes.h>
#include <string.h>

#include "protocol/status.h"

int tail_check_order(const struct segment *s, const struct record_header *h,
                     const struct tail_expected *expected, struct journal_error *error)
{
    if (h->first_index != expected->first_index)
        return journal_fail(error, STATUS_DAMAGED,
                            "%s: offset %" PRIu64 ": group %" PRIu64 " instead of group %" PRIu64,
                            s->path, h->offset, h->first_index, expected->first_index);
    if (memcmp(h->before, expected->before, JOURNAL_HASH) != 0)
        return journal_fail(error, STATUS_DAMAGED,
                            "%s: offset %" PRIu64 ": the record of group %" PRIu64
                            " does not follow the record before it",
                            s->path, h->offset, h->first_index);
    return 0;
}

/* All of [offset, end) must be blank. */
static int expect_blank(const struct segment *s, uint64_t offset, uint64_t end, uint64_t torn_at,
                        struct journal_error *error)
{
    uint64_t written, blank;
    int status = segment_survey(s, offset, end, &written, &blank, error);
    if (status == 0 && written < end)
        status = journal_fail(error, STATUS_DAMAGED,
                              "%s: offset %" PRIu64 ": data follows the record at offset %" PRIu64
                              ", which is not whole",
                              s->path, written, torn_at);
    return status;
}

/* The record's header is there; only blank sectors can tell that the rest never was. */
static int judge_with_header(const struct segment *s, const struct record_header *h,
                             struct tail *tail_out, struct journal_error *error)
{
    uint64_t end = h->offset + record_extent(h->length);
    uint64_t written, blank;
    int status = segment_survey(s, h->offset, end, &written, &blank, error);
    if (status != 0)
        return status;
    if (blank == end)
        return journal_fail(error, STATUS_DAMAGED,
                            "%s: offset %" PRIu64 ": the record of group %" PRIu64
                            " was written whole and its content is damaged",
                            s->path, h->offset, h->first_index);
    *tail_out = (struct tail){TAIL_TORN, h->offset, end};
    return expect_blank(s, end, s->size, h->offset, error);
}

/*
 * The first sector is blank but something follows. That is a record without its header, unless one
 * with a header stands there.
 */
static int judge_without_header(const struct segment *s, uint64_t offset, struct tail *tail_out,
                                struct journal_error *error)
{
    uint64_t end =
        s->size - offset < JOURNAL_RECORD_MAX ? s->size : offset + (uint64_t)JOURNAL_RECORD_MAX;
    uint8_t data[RECORD_HEADER_SIZE];
    struct record_header h;
    for (uint64_t at = offset + JOURNAL_PAGE; at < end; at += JOURNAL_PAGE) {
        int status = segment_read(s, at, data, sizeof(data), error);
        if (status != 0)
            return status;
        if (record_header_decode(data, s, at, &h))
            return journal_fail(error, STATUS_DAMAGED,
                                "%s: offset %" PRIu64 ": the record of group %" PRIu64
                                " follows a hole at offset %" PRIu64,
                                s->path, at, h.first_index, offset);
    }
    *tail_out = (struct tail){TAIL_TORN, offset, end};
    return expect_blank(s, end, s->size, offset, error);
}

int tail_judge(const struct segment *s, uint64_t offset, const struct tail_expected *expected,
               struct tail *tail_out, struct journal_error *error)
{
    *tail_out = (struct tail){TAIL_CLEAN, offset, offset};
    if (offset == s->size)
        return 0;
    uint64_t written, blank;
    int status = segment_survey(s, offset, s->size, &written, &blank, error);
    if (status != 0 || written == s->size)
        return status;
    if (written > offset)
        return judge_without_header(s, offset, tail_out, error);

    uint8_t data[RECORD_HEADER_SIZE];
    struct record_header h;
    status = segment_read(s, offset, data, sizeof(data), error);
    if (status != 0)
        return status;
    /* A sector is written whole or not at all, so a header that was ever written is right. */
    if (!record_header_decode(data, s, offset, &h))
        return journal_fail(error, STATUS_DAMAGED,
                            "%s: offset %" PRIu64 ": the header of a record (group %" PRIu64
                            " was expected) is damaged",
                            s->path, offset, expected->first_index);
    status = tail_check_order(s, &h, expected, error);
    return status != 0 ? status : judge_with_header(s, &h, tail_out, error);
}
