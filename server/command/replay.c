/* `boursed replay`: the journal worked off from the first group on, into a directory of its own. */
#include <inttypes.h>
#include <string.h>

#include "protocol/status.h"
#include "server/command/command.h"
#include "server/command/journal_copy.h"
#include "server/command/tell.h"
#include "server/exchange/rows.h"

enum { FLUSH_BYTES = 256 << 20 };

static const struct option_spec options[] = {
    {"data", "DIR", "the exchange's data directory", true},
    {"into", "NEWDIR", "where to; must not exist, or be empty", true},
    {NULL, NULL, NULL, false},
};

/* Opens what the replay fills: the stage's log and image. */
static int targets_open(const struct stage *stage, struct log_store **log_out,
                        struct image **image_out, struct buffer *error)
{
    char path[PATH_MAX];
    merkle_hash empty;
    struct image_error wrong = {{0}};
    merkle_empty_root(empty);
    int status = stage_path(stage, "log", path);
    if (status == 0)
        status = log_store_open(path, 0, 0, empty, log_out);
    if (status != 0) {
        buffer_printf(error, "%s: %s", path, status_text(status));
        return status;
    }
    status = stage_path(stage, "image", path);
    if (status == 0)
        status = image_open(path, IMAGE_WRITE, exchange_tables, TABLE_COUNT, image_out, &wrong);
    if (status != 0)
        buffer_printf(error, "%s", wrong.text);
    return status;
}

/* The state that the exchange began with, and its image. */
static int base_copy(const struct data_folder *from, const struct stage *stage,
                     struct buffer *error)
{
    char path[PATH_MAX];
    if (!from->has_base)
        return stage_folder(stage, "image", error);
    int status = data_folder_path(from, "base", path);
    if (status == 0)
        status = stage_copy(stage, "base", path, error);
    if (status == 0)
        status = data_folder_path(from, "base/image", path);
    return status == 0 ? stage_copy(stage, "image", path, error) : status;
}

static void groups_shown(void *context, uint64_t group)
{
    progress_show(context, group);
}

/* The groups that the source's image knows of: how far there is to go, more or less. */
static uint64_t groups_guess(const struct data_folder *from)
{
    char path[PATH_MAX];
    struct image *image = NULL;
    struct image_meta meta = {0};
    struct image_error wrong;
    if (data_folder_path(from, "image", path) == 0 &&
        image_open(path, IMAGE_READ, exchange_tables, TABLE_COUNT, &image, &wrong) == 0) {
        image_meta_read(image, &meta, &wrong);
        image_close(image);
    }
    return meta.group;
}

static int all_replay(const struct data_folder *from, const struct stage *stage,
                      struct image_meta *meta_out, struct buffer *error)
{
    struct replay replay = {0};
    struct exchange *x = NULL;
    struct log_store *log = NULL;
    struct image *image = NULL;
    uint64_t last = 0;
    int status = base_copy(from, stage, error);
    if (status == 0)
        status = targets_open(stage, &log, &image, error);
    if (status == 0)
        status = replay_exchange_new(from, &x, error);
    if (status != 0)
        goto out;
    struct progress progress = progress_begin("replay", groups_guess(from));
    replay_init(&replay, from, x, 0, 0, NULL);
    replay.log = log;
    replay.image = image;
    replay.flush_bytes_max = FLUSH_BYTES;
    replay.progress = groups_shown;
    replay.context = &progress;
    status = journal_copy(from, READER_BESIDE, stage, &replay, &last, error);
    if (status == 0)
        status = replay_flush(&replay, error);
    progress_end(&progress);
    *meta_out = replay_meta(&replay);
    replay_release(&replay);
out:
    log_store_close(log);
    if (image != NULL)
        image_close(image);
    if (x != NULL)
        exchange_free(x);
    return status;
}

/* What the source's own log says of the same entries; false when it does not. */
static bool source_root(const struct data_folder *from, const struct image_meta *replayed)
{
    char path[PATH_MAX];
    struct log_store *log = NULL;
    if (data_folder_path(from, "log", path) != 0)
        return false;
    bool same = log_store_look(path, 0, replayed->log_size, replayed->log_root, &log) == 0;
    log_store_close(log);
    return same;
}

static int run(const struct arguments *a)
{
    struct data_folder *from = NULL;
    struct stage stage = {0};
    struct image_meta meta = {0};
    struct buffer error = BUFFER_EMPTY;
    char hash[65];
    bool same = false;
    bool has_log = true;
    int status = data_folder_open(arguments_get(a, "data"), FOLDER_LOOK, &from, &error);
    if (status == 0)
        has_log = !from->is_backup;
    if (status == 0)
        status = stage_begin(&stage, arguments_get(a, "into"), &error);
    if (status == 0)
        status = identity_copy(&stage, from, &error);
    if (status == 0)
        status = all_replay(from, &stage, &meta, &error);
    if (status == 0) {
        same = has_log && source_root(from, &meta);
        status = stage_commit(&stage, &error);
    }
    stage_rename_in(&stage, &error);
    stage_abort(&stage);
    data_folder_close(from);
    if (status != 0)
        return tell_failure(a, status, &error);
    printf("replayed %" PRIu64 " groups, %" PRIu64 " log entries\n", meta.group, meta.log_size);
    printf("root     %s\n", tell_hash(meta.log_root, hash));
    if (!has_log) {
        printf("source   a backup has no log; a signed head of as many entries has this root\n");
        return EXIT_DONE;
    }
    printf("source   %s\n", same ? hash : "its log does not hold these entries with this root");
    return same ? EXIT_DONE : EXIT_FAILED;
}

const struct command command_replay = {
    .name = "replay",
    .summary = "work the journal off again, into an empty directory",
    .text = "Makes a full data directory from genesis and journal alone and compares the log's "
            "root with\nthat of the source. Works beside a running server. Never run a server on "
            "both directories.",
    .options = options,
    .run = run,
};
