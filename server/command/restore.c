/*
 * `boursed restore`: an exchange from a backup. When the backup's journal is whole, the exchange
 * goes on where it stopped. Otherwise going on would fork the log, since clients hold proofs of
 * entries that are lost: then a new exchange begins, with the books of the old one, and its log
 * says so in its first entry.
 */
#include <inttypes.h>
#include <string.h>

#include <sodium.h>

#include "protocol/moment.h"
#include "protocol/status.h"
#include "server/command/command.h"
#include "server/command/journal_copy.h"
#include "server/command/tell.h"
#include "server/command/root_key.h"
#include "server/exchange/rows.h"
#include "server/journal/journal.h"
#include "server/port/clock.h"
#include "server/port/entropy.h"

enum { CERTIFICATE_DAYS = 730, EARLY_S = 3600, FLUSH_BYTES = 256 << 20 };

/* Added to the index of every event of the former log that a row names, so that it is not taken
 * for one of the new log. */
#define FORMER_INDEX (UINT64_C(1) << 62)

static const struct option_spec options[] = {
    {"from", "BACKUP", "the backup, made by `boursed backup`", true},
    {"data", "DIR", "where to; must not exist, or be empty", true},
    {"complete", NULL, "nothing was acknowledged after the backup: continue the same log", false},
    {"origin", "NAME", "or: begin a new log of this name with the old books", false},
    {"root-key", "FILE", "the root's key file, with --origin", false},
    ROOT_PASSPHRASE_OPTION,
    {NULL, NULL, NULL, false},
};

/* --- The same exchange, continued --- */

static int continued_make(const struct data_folder *from, const struct stage *stage,
                          struct buffer *error)
{
    static const char *const names[] = {"image", "base"};
    char path[PATH_MAX];
    uint64_t last = 0;
    int status = identity_copy(stage, from, error);
    for (size_t i = 0; status == 0 && i < sizeof(names) / sizeof(names[0]); i++) {
        status = data_folder_path(from, names[i], path);
        if (status == 0 && file_exists(path))
            status = stage_copy(stage, names[i], path, error);
    }
    return status == 0 ? journal_copy(from, READER_ALONE, stage, NULL, &last, error) : status;
}

/* --- A new exchange with the old books --- */

/* The rows of one table whose columns name events, collected before they are changed. */
struct former {
    struct store *store;
    unsigned table;
    struct buffer rows;
};

static int row_collect(void *context, const void *row)
{
    struct former *f = context;
    buffer_append(&f->rows, row, exchange_tables[f->table].row_size);
    return f->rows.status;
}

static bool column_names_event(const struct column *c)
{
    return c->kind == COLUMN_U64 &&
           (strcmp(c->name, "index") == 0 || strcmp(c->name, "access_index") == 0);
}

/* Marks the indexes in a table's rows as the former log's. */
static int table_mark(struct store *store, unsigned table)
{
    const struct table_spec *spec = &exchange_tables[table];
    struct former f = {store, table, BUFFER_EMPTY};
    bool names = false;
    for (size_t i = 0; i < spec->columns_count; i++)
        names = names || column_names_event(&spec->columns[i]);
    int status = names ? store_each(store, table, row_collect, &f) : 0;
    for (size_t at = 0; status == 0 && at < f.rows.length; at += spec->row_size) {
        uint8_t *row = f.rows.data + at;
        for (size_t i = 0; i < spec->columns_count; i++) {
            uint64_t index;
            if (!column_names_event(&spec->columns[i]))
                continue;
            memcpy(&index, row + spec->columns[i].offset, sizeof(index));
            index |= FORMER_INDEX;
            memcpy(row + spec->columns[i].offset, &index, sizeof(index));
        }
        store_put(store, table, row);
    }
    buffer_release(&f.rows);
    return status;
}

/* Requests of the former exchange cannot come again: their signatures name its identity. */
static int requests_drop(struct store *store)
{
    struct former f = {store, TABLE_REQUEST, BUFFER_EMPTY};
    int status = store_each(store, TABLE_REQUEST, row_collect, &f);
    for (size_t at = 0; status == 0 && at < f.rows.length; at += sizeof(struct request_row))
        store_remove(store, TABLE_REQUEST, f.rows.data + at);
    buffer_release(&f.rows);
    return status;
}

/* Makes of the old exchange's last state the new one's first: group and log begin again. */
static int state_renew(struct store *store)
{
    struct head_row head;
    uint32_t key = 0;
    int status = requests_drop(store);
    for (unsigned table = 0; status == 0 && table < TABLE_COUNT; table++)
        status = table_mark(store, table);
    const struct head_row *row = store_find(store, TABLE_HEAD, &key);
    if (status != 0 || row == NULL)
        return status != 0 ? status : STATUS_DAMAGED;
    head = *row;
    head.group = 0;
    /* What is placed from now on is younger than everything of the former log. */
    head.place_base += head.log_size;
    head.log_size = 0;
    store_put(store, TABLE_HEAD, &head);
    store_settle(store);
    return 0;
}

/* Turns the image of the old exchange's last state into the new one's first. A bare store, since no
 * rule may do this to rows. */
static int base_renew(struct image *image, const uint8_t exchange_id[32], struct buffer *error)
{
    struct image_meta meta = {0};
    struct image_error wrong = {{0}};
    struct store *store = store_new(exchange_tables, TABLE_COUNT);
    struct changes *changes = changes_new();
    int status = image_load(image, store, &meta, &wrong);
    if (status == 0)
        status = state_renew(store);
    if (status == 0) {
        meta = (struct image_meta){0};
        memcpy(meta.exchange_id, exchange_id, sizeof(meta.exchange_id));
        merkle_empty_root(meta.log_root);
        store_changes_swap(store, &changes);
        status = image_write(image, changes, &meta, &wrong);
    }
    if (status != 0)
        buffer_printf(error, "%s", wrong.text[0] != '\0' ? wrong.text : status_text(status));
    changes_free(changes);
    store_free(store);
    return status;
}

/* The new exchange's genesis: the old one's terms and admins, and where it comes from. */
static int identity_renew(const struct arguments *a, const struct data_folder *from,
                          const struct image_meta *last, struct identity *identity)
{
    const char *origin = arguments_get(a, "origin");
    uint64_t now_s = clock_wall_s(port_clock_system());
    struct genesis *g = &identity->genesis;
    *g = from->genesis;
    g->rules_version = RULES_VERSION;
    g->origin = text_of(origin);
    g->created_s = now_s;
    g->former_origin = from->genesis.origin;
    g->former_size = last->log_size;
    memcpy(g->former_exchange_id, from->exchange_id, sizeof(g->former_exchange_id));
    memcpy(g->former_root, last->log_root, sizeof(g->former_root));
    identity->not_before_s = now_s - EARLY_S;
    identity->not_after_s = now_s + (uint64_t)CERTIFICATE_DAYS * DAY_S;
    const struct port_entropy *entropy = port_entropy_system();
    int status = entropy_fill(entropy, g->nonce, sizeof(g->nonce));
    if (status == 0)
        status = entropy_fill(entropy, identity->log, sizeof(identity->log));
    if (status == 0)
        status = entropy_fill(entropy, identity->channel, sizeof(identity->channel));
    if (status == 0)
        status = entropy_fill(entropy, identity->nonce, sizeof(identity->nonce));
    return status;
}

/* Where the new exchange's first state goes: what the old one itself began with, if anything. */
static int base_open(const struct data_folder *from, const struct stage *stage,
                     struct image **image_out, struct buffer *error)
{
    char path[PATH_MAX];
    struct image_error wrong = {{0}};
    int status = stage_folder(stage, "base", error);
    if (status == 0 && from->has_base) {
        status = data_folder_path(from, "base/image", path);
        if (status == 0)
            status = stage_copy(stage, "base/image", path, error);
    } else if (status == 0) {
        status = stage_folder(stage, "base/image", error);
    }
    if (status == 0)
        status = stage_path(stage, "base/image", path);
    if (status != 0)
        return status;
    status = image_open(path, IMAGE_WRITE, exchange_tables, TABLE_COUNT, image_out, &wrong);
    if (status != 0)
        buffer_printf(error, "%s", wrong.text);
    return status;
}

static int journal_make(const struct stage *stage, const uint8_t id[32], struct buffer *error)
{
    char path[PATH_MAX];
    struct journal_error wrong = {{0}};
    const struct journal_options journal = {0};
    int status = stage_path(stage, "journal", path);
    if (status == 0)
        status = journal_create(path, id, &journal, &wrong);
    if (status != 0)
        buffer_printf(error, "%s", wrong.text);
    return status;
}

/* The old books: replayed from the first group on, so that the head they lead to is proven. */
static int books_read(const struct data_folder *from, struct image *base, struct exchange *x,
                      struct image_meta *last_out, struct buffer *error)
{
    struct replay replay;
    replay_init(&replay, from, x, 0, 0, NULL);
    replay.image = base;
    replay.flush_bytes_max = FLUSH_BYTES;
    int status = replay_journal(&replay, READER_ALONE, UINT64_MAX, error);
    if (status == 0)
        status = replay_flush(&replay, error);
    *last_out = replay_meta(&replay);
    replay_release(&replay);
    if (status == 0 && last_out->group == 0) {
        buffer_printf(error, "the backup's journal is empty");
        status = STATUS_DAMAGED;
    }
    return status;
}

static int renewed_make(const struct arguments *a, const struct data_folder *from,
                        const struct stage *stage, struct identity *identity, struct buffer *error)
{
    struct image *base = NULL;
    struct exchange *x = NULL;
    struct image_meta last;
    uint8_t id[32];
    int status = base_open(from, stage, &base, error);
    if (status == 0)
        status = replay_exchange_new(from, &x, error);
    if (status == 0)
        status = books_read(from, base, x, &last, error);
    if (status == 0)
        status = identity_renew(a, from, &last, identity);
    if (status == 0)
        status = identity_write(stage, identity, id, error);
    if (status == 0)
        status = base_renew(base, id, error);
    if (status == 0)
        status = journal_make(stage, id, error);
    if (base != NULL)
        image_close(base);
    if (x != NULL)
        exchange_free(x);
    return status;
}

/* A log that begins anew under the name of one that was signed for contradicts it. */
static int origin_check(const struct arguments *a, const struct data_folder *from,
                        struct buffer *error)
{
    const char *origin = arguments_get(a, "origin");
    const struct text *former = &from->genesis.former_origin;
    bool is_former =
        former->length == strlen(origin) && memcmp(former->data, origin, former->length) == 0;
    if (strcmp(origin, from->origin) != 0 && !is_former)
        return 0;
    buffer_printf(error,
                  "--origin %s is the name of the %s log: a log that goes on under the same name "
                  "would contradict what was signed; choose another",
                  origin, is_former ? "backup's former" : "backup's");
    return STATUS_MISUSE;
}

static bool choice_check(const struct arguments *a)
{
    const char *origin = arguments_get(a, "origin");
    bool is_complete = arguments_has(a, "complete");
    if (is_complete == (origin != NULL)) {
        fprintf(stderr,
                "boursed restore: say either --complete, if nothing was acknowledged after the "
                "backup was made,\nor --origin NAME --root-key FILE to begin a new log; continuing "
                "a log that lost entries would fork it\n");
        return false;
    }
    if (origin != NULL && !arguments_has(a, "root-key")) {
        fprintf(stderr, "boursed restore: --origin needs --root-key FILE\n");
        return false;
    }
    if (origin != NULL && !pin_origin_valid(origin)) {
        fprintf(stderr, "boursed restore: --origin '%s' is not a valid name\n", origin);
        return false;
    }
    return true;
}

static int made_tell(const struct arguments *a, const struct stage *stage, struct buffer *error)
{
    struct data_folder *folder = NULL;
    struct pin pin;
    char text[PIN_TEXT_SIZE];
    int status = data_folder_open(stage->target, FOLDER_LOOK, &folder, error);
    if (status != 0)
        return status;
    data_folder_pin(folder, &pin);
    status = pin_print(&pin, text);
    if (status == 0)
        printf("%s\n", text);
    fflush(stdout);
    if (status == 0 && arguments_has(a, "complete"))
        fprintf(stderr,
                "Restored to %s. The exchange goes on with the same log; never run the old one "
                "again.\n",
                stage->target);
    else if (status == 0)
        fprintf(
            stderr,
            "Restored to %s as a NEW exchange, %s, with the books of %.*s as of log entry "
            "%" PRIu64 ".\nThe line above is what clients pin from now on. Its log begins with "
            "the old one's head;\nrequests acknowledged after the backup are lost, and requests "
            "and proofs of the old exchange\nare not valid in this one. Sealed access to leases "
            "stays in the old log.\n",
            stage->target, folder->origin, (int)folder->genesis.former_origin.length,
            folder->genesis.former_origin.data, folder->genesis.former_size);
    data_folder_close(folder);
    return status;
}

static int run(const struct arguments *a)
{
    struct data_folder *from = NULL;
    struct stage stage = {0};
    struct identity identity = {0};
    struct buffer error = BUFFER_EMPTY;
    bool is_complete = arguments_has(a, "complete");
    if (!choice_check(a))
        return EXIT_USAGE;
    int status = data_folder_open(arguments_get(a, "from"), FOLDER_LOOK, &from, &error);
    if (status == 0 && !from->is_backup) {
        buffer_printf(&error, "%s is not a backup", from->path);
        status = STATUS_MISUSE;
    }
    if (status == 0 && !is_complete)
        status = origin_check(a, from, &error);
    if (status == 0 && !is_complete) {
        const char *path = arguments_get(a, "root-key");
        status = root_key_read(a, path, identity.root);
        if (status == STATUS_NOT_FOUND)
            buffer_printf(&error, "%s: %s", path, status_text(status));
    }
    if (status == 0)
        status = stage_begin(&stage, arguments_get(a, "data"), &error);
    if (status == 0)
        status = is_complete ? continued_make(from, &stage, &error)
                             : renewed_make(a, from, &stage, &identity, &error);
    if (status == 0)
        status = stage_commit(&stage, &error);
    if (status == 0)
        status = made_tell(a, &stage, &error);
    stage_rename_in(&stage, &error);
    stage_abort(&stage);
    sodium_memzero(&identity, sizeof(identity));
    data_folder_close(from);
    if (status != 0)
        return tell_failure(a, status, &error);
    buffer_release(&error);
    return EXIT_DONE;
}

const struct command command_restore = {
    .name = "restore",
    .summary = "make an exchange from a backup",
    .text = "With --complete the exchange continues. Without it the journal's tail is lost, and a "
            "log that goes\non would contradict proofs that clients hold: a new exchange begins "
            "with the old books.",
    .options = options,
    .run = run,
};
