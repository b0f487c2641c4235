#include "server/engine/replay.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "protocol/sha256.h"
#include "protocol/status.h"
#include "server/engine/group.h"
#include "server/exchange/rows.h"

enum {
    PUBLISH_GROUPS = 256,
    PROGRESS_GROUPS = 32, /* with a referee they take long */
};

static struct exchange *exchange_make(const struct data_folder *folder)
{
    return exchange_new(&folder->genesis, folder->exchange_id, folder->nonce_key);
}

int replay_exchange_load(const struct data_folder *folder, struct image *image,
                         struct exchange **out, struct image_meta *meta_out, struct buffer *error)
{
    struct image_error wrong = {{0}};
    struct exchange *x = exchange_make(folder);
    *out = NULL;
    if (x == NULL)
        return STATUS_MEMORY;
    int status = image_load(image, exchange_store(x), meta_out, &wrong);
    if (status != 0) {
        buffer_printf(error, "%s", wrong.text);
        goto out;
    }
    if (store_count(exchange_store(x), TABLE_HEAD) == 0)
        goto out; /* nothing in it yet */
    if (memcmp(meta_out->exchange_id, folder->exchange_id, 32) != 0) {
        buffer_printf(error, "%s: the image is of another exchange", folder->path);
        status = STATUS_DAMAGED;
        goto out;
    }
    const uint32_t id = 0;
    const struct head_row *head = store_find(exchange_store(x), TABLE_HEAD, &id);
    if (head == NULL || head->group != meta_out->group || head->log_size != meta_out->log_size)
        status = STATUS_DAMAGED;
    else
        status = exchange_loaded(x);
    if (status != 0)
        buffer_printf(error, "%s: the image contradicts itself", folder->path);
out:
    if (status == 0)
        *out = x;
    else
        exchange_free(x);
    return status;
}

int replay_exchange_new(const struct data_folder *folder, struct exchange **out,
                        struct buffer *error)
{
    char path[PATH_MAX];
    struct image *base = NULL;
    struct image_meta meta;
    struct image_error wrong = {{0}};
    if (!folder->has_base) {
        *out = exchange_make(folder);
        return *out != NULL ? 0 : STATUS_MEMORY;
    }
    int status = data_folder_path(folder, "base/image", path);
    if (status == 0)
        status = image_open(path, IMAGE_READ, exchange_tables, TABLE_COUNT, &base, &wrong);
    if (status != 0) {
        buffer_printf(error, "%s", wrong.text);
        return status;
    }
    status = replay_exchange_load(folder, base, out, &meta, error);
    image_close(base);
    return status;
}

void replay_init(struct replay *r, const struct data_folder *folder, struct exchange *x,
                 uint64_t group, uint64_t time_s, const struct merkle_frontier *frontier)
{
    *r = (struct replay){
        .folder = folder,
        .exchange = x,
        .group = group,
        .time_s = time_s,
    };
    if (frontier != NULL)
        r->frontier = *frontier;
    else
        merkle_frontier_init(&r->frontier);
}

void replay_release(struct replay *r)
{
    arena_release(&r->arena);
}

static int damaged(struct buffer *error, const struct journal_group *group, const char *text)
{
    buffer_printf(error, "journal, group %" PRIu64 ": %s", group->index, text);
    return STATUS_DAMAGED;
}

/* Works off a request as the journal has it. Its outcome was told when it was first worked off. */
static int request_apply(struct replay *r, const struct journal_group *group,
                         const struct group_entry *entry, struct buffer *error)
{
    struct request request;
    struct decode_error wrong;
    struct frame_reply reply = {0};
    uint8_t hash[SHA256_SIZE];
    int status = message_decode(&request_message, entry->body.data, entry->body.length, &r->arena,
                                &request, &wrong);
    if (status == STATUS_MALFORMED)
        return damaged(error, group, wrong.text);
    if (status != 0)
        return status;
    if (r->verifies && keys_verify(request.key, PURPOSE_REQUEST, r->folder->exchange_id,
                                   entry->body.data, entry->body.length, entry->signature) != 0)
        return damaged(error, group, "a request's signature does not verify");
    sha256(entry->body.data, entry->body.length, hash);
    exchange_request(r->exchange, &request, hash, &r->arena, &reply);
    r->requests++;
    arena_clear(&r->arena);
    return 0;
}

static int entry_apply(struct replay *r, const struct journal_group *group,
                       const struct group_entry *entry, struct buffer *error)
{
    switch (entry->kind) {
    case GROUP_FOUND:
        if (group->index != 1)
            return damaged(error, group, "founds the exchange again");
        exchange_found(r->exchange);
        return 0;
    case GROUP_START:
        exchange_start(r->exchange, entry->mode);
        return 0;
    case GROUP_TICK:
        exchange_tick(r->exchange);
        return 0;
    case GROUP_REQUEST:
        return request_apply(r, group, entry, error);
    }
    return damaged(error, group, "an entry of an unknown kind");
}

int replay_log_events(const struct exchange *x, struct log_store *log, struct merkle_frontier *f)
{
    struct event_batch events = exchange_events(x);
    uint32_t at = 0;
    assert(events.count == 0 || events.first_index == f->size);
    for (uint32_t i = 0; i < events.count; i++) {
        merkle_hash leaf;
        size_t length = events.ends[i] - at;
        merkle_leaf_hash(events.data + at, length, leaf);
        merkle_frontier_append(f, leaf);
        int status = log != NULL ? log_store_append(log, events.data + at, length, leaf) : 0;
        if (status != 0)
            return status;
        at = events.ends[i];
    }
    return 0;
}

struct journal_group replay_group_header(uint64_t index, uint64_t time_s,
                                         const struct merkle_frontier *before)
{
    struct journal_group group = {
        .index = index,
        .time_s = time_s,
        .rules_version = RULES_VERSION,
        .root_group = index - 1,
        .root_log_size = before->size,
    };
    merkle_frontier_root(before, group.root_hash);
    return group;
}

/* Whether the rules would let a group have this time. */
static bool time_fits(const struct exchange *x, const struct journal_group *group)
{
    if (exchange_clock_mode(x) == CLOCK_MODE_MANUAL)
        return group->time_s == exchange_manual_time(x);
    return group->index == 1 ||
           (group->time_s >= exchange_time(x) && group->time_s <= exchange_time_limit(x));
}

static int header_check(const struct replay *r, const struct journal_group *group,
                        struct buffer *error)
{
    if (group->rules_version > RULES_VERSION) {
        buffer_printf(error,
                      "journal, group %" PRIu64 ": written by a newer version of boursed (rules "
                      "%" PRIu32 ")",
                      group->index, group->rules_version);
        return STATUS_VERSION;
    }
    if (group->rules_version < RULES_VERSION) {
        buffer_printf(error,
                      "journal, group %" PRIu64 ": written by an older version of boursed (rules "
                      "%" PRIu32 "), whose books this one cannot carry on; run them with that "
                      "version",
                      group->index, group->rules_version);
        return STATUS_VERSION;
    }
    if (!time_fits(r->exchange, group))
        return damaged(error, group, "its time does not follow that of the group before");
    if (group->root_group != r->group)
        return 0; /* known only of the group just before */
    merkle_hash root;
    merkle_frontier_root(&r->frontier, root);
    if (group->root_log_size != r->frontier.size || memcmp(root, group->root_hash, 32) != 0)
        return damaged(error, group,
                       "the log's root before it is not what this replay has come to; the state it "
                       "started from or the rules differ from when it was written");
    return 0;
}

int replay_group(struct replay *r, const struct journal_group *group, const uint8_t *body,
                 size_t length, struct buffer *error)
{
    struct group_reader reader;
    struct group_entry entry;
    assert(group->index == r->group + 1);
    int status = header_check(r, group, error);
    if (status != 0)
        return status;
    status = group_reader_init(&reader, body, length);
    if (status != 0) {
        damaged(error, group, status_text(status));
        return status == STATUS_VERSION ? status : STATUS_DAMAGED;
    }
    exchange_begin(r->exchange, group->index, group->time_s);
    while ((status = group_next(&reader, &entry)) == 0) {
        status = entry_apply(r, group, &entry, error);
        if (status != 0)
            return status;
    }
    if (status != STATUS_NOT_FOUND)
        return damaged(error, group, "its body does not decode");
    exchange_end(r->exchange);
    r->group = group->index;
    r->time_s = group->time_s;
    status = replay_log_events(r->exchange, r->log, &r->frontier);
    if (status != 0)
        buffer_printf(error, "log: %s", status_text(status));
    return status;
}

struct image_meta replay_meta(const struct replay *r)
{
    struct image_meta meta = {
        .group = r->group,
        .time_s = r->time_s,
        .log_size = r->frontier.size,
    };
    merkle_frontier_root(&r->frontier, meta.log_root);
    memcpy(meta.exchange_id, r->folder->exchange_id, sizeof(meta.exchange_id));
    return meta;
}

int replay_flush(struct replay *r, struct buffer *error)
{
    struct image_meta meta = replay_meta(r);
    struct image_error wrong = {{0}};
    struct changes *changes = changes_new();
    store_changes_swap(exchange_store(r->exchange), &changes);
    /* The log behind the image comes first, see the engine's flush. */
    int status = r->log != NULL ? log_store_publish(r->log) : 0;
    if (status == 0 && r->log != NULL)
        status = log_store_sync(r->log);
    if (status != 0) {
        buffer_printf(error, "log: %s", status_text(status));
    } else {
        status = image_write(r->image, changes, &meta, &wrong);
        if (status != 0)
            buffer_printf(error, "%s", wrong.text);
    }
    changes_free(changes);
    return status;
}

/* Keeps memory bounded in a long replay. */
static int memory_bound(struct replay *r, struct buffer *error)
{
    if (r->log != NULL && r->group % PUBLISH_GROUPS == 0) {
        int status = log_store_publish(r->log);
        if (status != 0) {
            buffer_printf(error, "log: %s", status_text(status));
            return status;
        }
    }
    if (r->image != NULL && store_changes_bytes(exchange_store(r->exchange)) > r->flush_bytes_max)
        return replay_flush(r, error);
    return 0;
}

int replay_run(struct replay *r, struct journal_reader *reader, uint64_t to, struct buffer *error)
{
    int status = 0;
    while (status == 0 && r->group < to) {
        struct journal_group group;
        struct journal_error wrong = {{0}};
        const uint8_t *body;
        size_t length;
        status = journal_read(reader, &group, &body, &length, &wrong);
        if (status == STATUS_MORE && to == UINT64_MAX)
            return 0;
        if (status == STATUS_MORE) {
            buffer_printf(error,
                          "journal: ends at group %" PRIu64 ", but group %" PRIu64
                          " is known to have been in it",
                          r->group, to);
            return STATUS_DAMAGED;
        }
        if (status != 0) {
            buffer_printf(error, "%s", wrong.text);
            return status;
        }
        if (group.index != r->group + 1)
            return damaged(error, &group, "not the next one");
        status = replay_group(r, &group, body, length, error);
        if (status == 0)
            status = memory_bound(r, error);
        if (status == 0 && r->progress != NULL && r->group % PROGRESS_GROUPS == 0)
            r->progress(r->context, r->group);
    }
    return status;
}

int replay_journal(struct replay *r, enum reader_mode mode, uint64_t to, struct buffer *error)
{
    char path[PATH_MAX];
    struct journal_reader *reader = NULL;
    struct journal_error wrong = {{0}};
    int status = data_folder_path(r->folder, "journal", path);
    if (status == 0)
        status =
            journal_reader_open(path, r->folder->exchange_id, r->group + 1, mode, &reader, &wrong);
    if (status != 0) {
        buffer_printf(error, "%s", wrong.text[0] != '\0' ? wrong.text : status_text(status));
        return status;
    }
    status = replay_run(r, reader, to, error);
    journal_reader_close(reader);
    return status;
}
