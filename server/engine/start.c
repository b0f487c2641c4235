/* The start of the engine: image, log, and the journal behind them. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "protocol/moment.h"
#include "protocol/status.h"
#include "server/engine/engine_state.h"
#include "server/engine/stage.h"
#include "server/exchange/rows.h"
#include "server/port/file.h"

enum {
    NOTICE_BYTES = 512,
    BEHIND_S = 5,             /* a clock that is adjusted steps back by less */
    LOG_LOOK_ENTRIES = 65536, /* of so many the log is recomputed at each start; some 0.1 s */
};

__attribute__((format(printf, 2, 3))) static void notice(const struct engine *e, const char *format,
                                                         ...)
{
    char line[NOTICE_BYTES];
    va_list arguments;
    if (e->options.notice == NULL)
        return;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    e->options.notice(e->options.notice_context, line);
}

void engine_clock_notice(struct engine *e, const struct sequencer_view *view)
{
    char clock[MOMENT_TEXT_BYTES], time[MOMENT_TEXT_BYTES];
    struct sequencer_now now = sequencer_look(&e->sequencer, view);
    bool is_behind = now.clock_s + BEHIND_S < view->last_s;
    if (now.waits && !e->clock_waits)
        notice(e,
               "the clock jumped to %s, and the exchange's time is %s; it waits for an admin: look "
               "at the machine's clock, and if it is right say `bourse clock confirm`",
               moment_format(now.clock_s, clock), moment_format(now.time_s, time));
    if (is_behind && !e->clock_behind)
        notice(e,
               "the wall clock, %s, is behind the exchange's time, %s, which stands until it has "
               "caught up; look at the machine's clock",
               moment_format(now.clock_s, clock), moment_format(view->last_s, time));
    e->clock_waits = now.waits;
    e->clock_behind = is_behind;
}

/* Takes over what was said of the journal, with what to do when it is damaged. */
static int journal_told(int status, struct buffer *text, struct buffer *error)
{
    bool is_damaged = status == STATUS_DAMAGED || status == STATUS_NOT_FOUND;
    if (status != 0)
        buffer_printf(error, "%s%.*s%s", is_damaged ? "the journal is damaged: " : "",
                      (int)text->length, text->length > 0 ? (const char *)text->data : "",
                      is_damaged ? ". Do not delete anything: copy the directory, look at the "
                                   "disk, restore from a backup (docs/operations.md)"
                                 : "");
    buffer_release(text);
    return status;
}

static int path_of(struct engine *e, const char *name, char out[PATH_MAX], struct buffer *error)
{
    int status = data_folder_path(e->folder, name, out);
    if (status != 0)
        buffer_printf(error, "%s/%s: %s", e->folder->path, name, status_text(status));
    return status;
}

/* In an exchange that continues another's books, the image begins as a copy of the base. */
static int image_seed(struct engine *e, const char *path, struct buffer *error)
{
    char base_path[PATH_MAX], fresh[PATH_MAX];
    struct image *base = NULL;
    struct image_error wrong = {{0}};
    int status = path_of(e, "base/image", base_path, error);
    if (status == 0)
        status = path_of(e, "image.new", fresh, error);
    if (status != 0)
        return status;
    status = image_open(base_path, IMAGE_READ, exchange_tables, TABLE_COUNT, &base, &wrong);
    if (status == 0)
        status = folder_remove(fresh);
    if (status == 0)
        status = folder_create(fresh);
    if (status == 0)
        status = image_copy(base, fresh, &wrong);
    if (status == 0)
        status = file_rename(fresh, path);
    if (status != 0)
        buffer_printf(error, "%s: cannot be made from %s: %s", path, base_path,
                      wrong.text[0] != '\0' ? wrong.text : status_text(status));
    image_close(base);
    return status;
}

/* The image as the last server left it. */
static int state_load(struct engine *e, struct image_meta *meta_out, struct buffer *error)
{
    char path[PATH_MAX];
    struct image_error wrong = {{0}};
    int status = path_of(e, "image", path, error);
    if (status == 0 && e->folder->has_base && !file_exists(path))
        status = image_seed(e, path, error);
    if (status != 0)
        return status;
    status = folder_create(path);
    if (status == 0 || status == STATUS_EXISTS)
        status = image_open(path, IMAGE_WRITE, exchange_tables, TABLE_COUNT, &e->image, &wrong);
    if (status != 0) {
        if (wrong.text[0] != '\0')
            buffer_printf(error, "%s", wrong.text);
        else
            buffer_printf(error, "%s: %s", path, status_text(status));
        return status;
    }
    status = replay_exchange_load(e->folder, e->image, &e->exchange, meta_out, error);
    if (status == STATUS_DAMAGED)
        buffer_printf(
            error, "; the image can be made again from the journal: move %s away and start again",
            path);
    return status;
}

/* Makes the log's files again from the first group on, in a second exchange beside. */
static int log_rebuild(struct engine *e, const char *path, const struct image_meta *meta,
                       struct buffer *error)
{
    struct replay replay;
    struct exchange *scratch = NULL;
    struct buffer text = BUFFER_EMPTY;
    merkle_hash empty;
    merkle_empty_root(empty);
    int status = log_store_reset(path);
    if (status == 0)
        status = log_store_open(path, 0, 0, empty, &e->log);
    if (status != 0) {
        buffer_printf(error, "%s: %s", path, status_text(status));
        return status;
    }
    status = replay_exchange_new(e->folder, &scratch, error);
    if (status != 0)
        return status;
    store_record_changes(exchange_store(scratch), 0);
    replay_init(&replay, e->folder, scratch, 0, 0, NULL);
    replay.log = e->log;
    status = meta->group > 0 ? replay_journal(&replay, READER_ALONE, meta->group, &text) : 0;
    status = journal_told(status, &text, error);
    if (status == 0)
        status = log_store_publish(e->log);
    struct image_meta found = replay_meta(&replay);
    if (status == 0 && (found.log_size != meta->log_size ||
                        memcmp(found.log_root, meta->log_root, sizeof(found.log_root)) != 0)) {
        buffer_printf(error,
                      "%s: the journal leads to another log than the image names at group %" PRIu64
                      "; `boursed check` says more",
                      e->folder->path, meta->group);
        status = STATUS_DAMAGED;
    }
    replay_release(&replay);
    exchange_free(scratch);
    return status;
}

static int log_load(struct engine *e, struct image_meta *meta, struct buffer *error)
{
    char path[PATH_MAX];
    int status = path_of(e, "log", path, error);
    if (status != 0)
        return status;
    if (meta->group == 0)
        merkle_empty_root(meta->log_root);
    status = log_store_open(path, 0, meta->log_size, meta->log_root, &e->log);
    if (status == 0 && meta->log_size <= LOG_LOOK_ENTRIES) {
        const struct log_check_report silent = {0};
        status = log_store_check(e->log, meta->log_size, meta->log_root, &silent);
        if (status != 0) {
            log_store_close(e->log);
            e->log = NULL;
        }
    }
    if (status == STATUS_DAMAGED) {
        notice(e,
               "the log's files in %s are missing or damaged; they are made again from the journal",
               path);
        status = log_rebuild(e, path, meta, error);
    } else if (status != 0)
        buffer_printf(error, "%s: %s", path, status_text(status));
    return status;
}

static int journal_replay(struct engine *e, const struct image_meta *meta, struct buffer *error)
{
    char path[PATH_MAX];
    struct replay replay;
    struct journal_error wrong = {{0}};
    const struct journal_options options = {.prepare_ahead = true};
    int status = path_of(e, "journal", path, error);
    if (status != 0)
        return status;
    status =
        journal_open(path, e->folder->exchange_id, meta->group + 1, &options, &e->journal, &wrong);
    if (status != 0) {
        if (wrong.text[0] != '\0')
            buffer_printf(error, "%s", wrong.text);
        else
            buffer_printf(error, "%s: %s", path, status_text(status));
        return status;
    }
    if (journal_was_torn(e->journal))
        notice(e, "a record that was never completely written was cut off the journal's end; "
                  "nothing in it had been acknowledged");
    replay_init(&replay, e->folder, e->exchange, meta->group, meta->time_s,
                log_store_frontier(e->log));
    replay.log = e->log;
    replay.image = e->image;
    replay.flush_bytes_max = (size_t)e->options.flush_bytes_max;
    if (journal_last(e->journal) > meta->group)
        status = replay_journal(&replay, READER_ALONE, UINT64_MAX, error);
    if (status == 0) {
        status = log_store_publish(e->log);
        if (status != 0)
            buffer_printf(error, "log: %s", status_text(status));
    }
    if (status == 0 && replay.group != journal_last(e->journal)) {
        buffer_printf(error, "%s: read up to group %" PRIu64 " of %" PRIu64, path, replay.group,
                      journal_last(e->journal));
        status = STATUS_DAMAGED;
    }
    e->group = replay.group;
    e->time_s = replay.time_s;
    e->frontier = replay.frontier;
    replay_release(&replay);
    return status;
}

int engine_open(struct engine *e, struct buffer *error)
{
    struct image_meta meta = {0};
    e->signer = (struct checkpoint_signer){
        .origin = e->folder->origin,
        .root_public = e->folder->genesis.root_key,
        .log_secret = e->folder->log_key.sign_secret,
        .certificate = e->folder->log_certificate,
    };
    int status = 0;
    /* A manual clock is no measure of what the world holds valid. */
    if (e->options.clock_mode == CLOCK_MODE_REAL)
        status = data_folder_certificates_check(e->folder, clock_wall_s(e->clock), error);
    if (status == 0)
        status = state_load(e, &meta, error);
    if (status == 0)
        status = log_load(e, &meta, error);
    if (status == 0) {
        struct buffer text = BUFFER_EMPTY;
        status = journal_replay(e, &meta, &text);
        status = journal_told(status, &text, error);
    }
    return status;
}

int engine_open_group(struct engine *e, struct buffer *error)
{
    struct sequencer_view view = engine_view(e);
    struct replay replay;
    sequencer_init(&e->sequencer, e->clock, e->options.clock_mode, view.last_s);
    e->sequencer.judge = answer_judge;
    e->sequencer.judge_context = e;
    int status = sequencer_start(&e->sequencer, &view, &e->draft);
    if (status != 0)
        return status;
    struct journal_group group = replay_group_header(e->group + 1, e->draft.time_s, &e->frontier);
    const struct iovec part = {e->draft.body.data, e->draft.body.length};
    status = journal_append(e->journal, &group, &part, 1);
    if (status == 0)
        status = journal_sync(e->journal);
    if (status != 0) {
        buffer_printf(error, "%s", journal_error_text(e->journal));
        return status;
    }
    replay_init(&replay, e->folder, e->exchange, e->group, e->time_s, &e->frontier);
    replay.log = e->log;
    status = replay_group(&replay, &group, e->draft.body.data, e->draft.body.length, error);
    e->group = replay.group;
    e->time_s = replay.time_s;
    e->frontier = replay.frontier;
    replay_release(&replay);
    if (status == 0) {
        status = log_store_publish(e->log);
        if (status != 0)
            buffer_printf(error, "log: %s", status_text(status));
    }
    if (status == 0)
        status = engine_sign(e);
    if (status == 0) {
        view = engine_view(e);
        engine_clock_notice(e, &view);
    }
    return status;
}
