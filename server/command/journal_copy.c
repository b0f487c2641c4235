#include "server/command/journal_copy.h"

#include "protocol/status.h"
#include "server/journal/journal.h"
#include "server/port/file.h"

static int one_copy(struct journal *to, struct replay *replay, const struct journal_group *group,
                    const uint8_t *body, size_t length, struct buffer *error)
{
    /* The journal only reads it. */
    const struct iovec part = {(void *)(uintptr_t)body, length};
    int status = journal_append(to, group, &part, 1);
    if (status != 0) {
        buffer_printf(error, "%s", journal_error_text(to));
        return status;
    }
    return replay != NULL ? replay_group(replay, group, body, length, error) : 0;
}

/* What a reader beside a server sees may not be durable yet: a copy must never be ahead of it. */
static int source_sync(const char *path, const struct journal_reader *reader, struct buffer *error)
{
    struct journal_end end;
    char segment[PATH_MAX];
    int fd = -1;
    journal_reader_end(reader, &end);
    int status = segment_path(path, end.segment, segment);
    if (status == 0)
        status = file_open(segment, FILE_READ, &fd);
    if (status == 0)
        status = file_sync_data(fd);
    file_close(fd);
    if (status != 0)
        buffer_printf(error, "%s: %s", segment, status_text(status));
    return status;
}

static int all_copy(struct journal_reader *reader, struct journal *to, struct replay *replay,
                    struct buffer *error)
{
    struct journal_group group;
    struct journal_error wrong = {{0}};
    const uint8_t *body;
    size_t length;
    int status = 0;
    while (status == 0) {
        status = journal_read(reader, &group, &body, &length, &wrong);
        if (status == STATUS_MORE)
            break;
        if (status != 0)
            buffer_printf(error, "%s", wrong.text);
        else
            status = one_copy(to, replay, &group, body, length, error);
    }
    if (status != STATUS_MORE)
        return status;
    status = journal_sync(to);
    if (status != 0)
        buffer_printf(error, "%s", journal_error_text(to));
    return status;
}

int journal_copy(const struct data_folder *from, enum reader_mode mode, const struct stage *stage,
                 struct replay *replay, uint64_t *last_out, struct buffer *error)
{
    char source[PATH_MAX], target[PATH_MAX];
    struct journal_error wrong = {{0}};
    struct journal_reader *reader = NULL;
    struct journal *to = NULL;
    const struct journal_options options = {0};
    int status = data_folder_path(from, "journal", source);
    if (status == 0)
        status = stage_path(stage, "journal", target);
    if (status == 0)
        status = journal_create(target, from->exchange_id, &options, &wrong);
    if (status == 0)
        status = journal_open(target, from->exchange_id, 1, &options, &to, &wrong);
    if (status == 0)
        status = journal_reader_open(source, from->exchange_id, 1, mode, &reader, &wrong);
    if (status != 0) {
        buffer_printf(error, "%s", wrong.text[0] != '\0' ? wrong.text : status_text(status));
        goto out;
    }
    status = all_copy(reader, to, replay, error);
    if (status == 0)
        status = source_sync(source, reader, error);
    *last_out = journal_last(to);
out:
    journal_reader_close(reader);
    journal_close(to);
    return status;
}
