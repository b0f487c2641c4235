/* `boursed backup`: a consistent copy, also while the server runs. */
#include <inttypes.h>

#include "protocol/moment.h"
#include "protocol/status.h"
#include "server/command/command.h"
#include "server/command/journal_copy.h"
#include "server/command/tell.h"
#include "server/exchange/rows.h"
#include "server/port/clock.h"

static const struct option_spec options[] = {
    {"data", "DIR", "the exchange's data directory", true},
    {"to", "NEWDIR", "where to; must not exist, or be empty", true},
    {NULL, NULL, NULL, false},
};

/* The image before the journal: then the journal reaches at least as far. */
static int image_take(const struct data_folder *from, const struct stage *stage,
                      struct image_meta *meta_out, struct buffer *error)
{
    char source[PATH_MAX], target[PATH_MAX];
    struct image *image = NULL;
    struct image_error wrong = {{0}};
    int status = stage_folder(stage, "image", error);
    if (status == 0)
        status = data_folder_path(from, "image", source);
    if (status == 0)
        status = stage_path(stage, "image", target);
    if (status != 0)
        return status;
    status = image_open(source, IMAGE_READ, exchange_tables, TABLE_COUNT, &image, &wrong);
    if (status == STATUS_NOT_FOUND)
        return folder_remove(target); /* nothing was flushed yet; the journal has it all */
    if (status == 0)
        status = image_copy(image, target, &wrong);
    if (image != NULL)
        image_close(image);
    if (status == 0)
        status = image_open(target, IMAGE_READ, exchange_tables, TABLE_COUNT, &image, &wrong);
    if (status == 0) {
        status = image_meta_read(image, meta_out, &wrong);
        image_close(image);
    }
    if (status != 0)
        buffer_printf(error, "%s", wrong.text);
    return status;
}

static int mark(const struct stage *stage, uint64_t last, struct buffer *error)
{
    struct buffer text = BUFFER_EMPTY;
    char time[MOMENT_TEXT_BYTES];
    buffer_printf(&text,
                  "A backup of an exchange, made %s, up to group %" PRIu64 ".\n"
                  "No server may run on it: `boursed restore` makes an exchange of it.\n",
                  moment_format(clock_wall_s(port_clock_system()), time), last);
    int status = text.status;
    if (status == 0)
        status = stage_write(stage, "BACKUP", text.data, text.length, error);
    buffer_release(&text);
    return status;
}

static int all_copy(const struct data_folder *from, const struct stage *stage, uint64_t *last_out,
                    struct buffer *error)
{
    char path[PATH_MAX];
    struct image_meta meta = {0};
    int status = identity_copy(stage, from, error);
    if (status == 0 && from->has_base) {
        status = data_folder_path(from, "base", path);
        if (status == 0)
            status = stage_copy(stage, "base", path, error);
    }
    if (status == 0)
        status = image_take(from, stage, &meta, error);
    if (status == 0)
        status = journal_copy(from, READER_BESIDE, stage, NULL, last_out, error);
    if (status == 0 && *last_out < meta.group) {
        buffer_printf(error, "the journal ends at group %" PRIu64 ", before the image's %" PRIu64,
                      *last_out, meta.group);
        status = STATUS_DAMAGED;
    }
    return status == 0 ? mark(stage, *last_out, error) : status;
}

static int run(const struct arguments *a)
{
    struct data_folder *from = NULL;
    struct stage stage = {0};
    struct buffer error = BUFFER_EMPTY;
    uint64_t last = 0;
    int status = data_folder_open(arguments_get(a, "data"), FOLDER_LOOK, &from, &error);
    if (status == 0)
        status = stage_begin(&stage, arguments_get(a, "to"), &error);
    if (status == 0)
        status = all_copy(from, &stage, &last, &error);
    if (status == 0)
        status = stage_commit(&stage, &error);
    stage_rename_in(&stage, &error);
    stage_abort(&stage);
    data_folder_close(from);
    if (status != 0)
        return tell_failure(a, status, &error);
    printf("backed up %s to %s, up to group %" PRIu64 "\n", arguments_get(a, "data"), stage.target,
           last);
    return EXIT_DONE;
}

const struct command command_backup = {
    .name = "backup",
    .summary = "copy the exchange, also while it runs",
    .text = "Copies genesis, keys (but never the root key), image and journal. What the journal "
            "says can be\ntold from the copy alone; the log's files are made again from it. "
            "Guard it like the server:\nwho has it can sign checkpoints.",
    .options = options,
    .run = run,
};
