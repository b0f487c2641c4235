#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/limits.h"
#include "protocol/status.h"
#include "server/log/log_files.h"
#include "server/log/log_store.h"

enum { CHECK_COUNT = 1024 };

static const uint64_t none = UINT64_MAX;

/* One way to compute the tree, and where it first differs from the tiles. */
struct log_check_tree {
    struct merkle_frontier frontier;
    uint64_t difference[LOG_TILE_LEVELS]; /* a node's index in its file, or `none` */
};

/*
 * Two trees are computed: one from the events' bytes and one from the stored leaf hashes. Which of
 * them has the root that we know from elsewhere tells whether events or hashes were damaged.
 */
struct log_check {
    const struct log_store *store;
    const struct log_check_report *report;
    uint64_t size;
    uint64_t bytes;
    struct log_check_tree from_events;
    struct log_check_tree from_leaves;
    uint64_t offsets_bad;  /* the first event whose place is impossible, or `none` */
    uint64_t events_bad;   /* the first event whose bytes are missing, or `none` */
    uint64_t leaf_differs; /* the first event that does not hash to its stored leaf, or `none` */
    uint64_t tiles_short[LOG_TILE_LEVELS]; /* the first node that cannot be read, or `none` */
    uint64_t ends[CHECK_COUNT + 1];
    merkle_hash leaves[CHECK_COUNT];
    uint8_t *data; /* CHECK_COUNT events of any size */
};

static void first(uint64_t *place, uint64_t index)
{
    if (*place == none)
        *place = index;
}

/* Adds a leaf to a tree and compares the nodes it completes with the stored ones. */
static void check_tree_add(struct log_check *c, struct log_check_tree *t,
                           const uint8_t leaf[MERKLE_HASH_SIZE])
{
    merkle_frontier_append(&t->frontier, leaf);
    for (unsigned i = 1; i < LOG_TILE_LEVELS; i++) {
        if (t->frontier.size % (UINT64_C(1) << 8 * i) != 0)
            break;
        uint64_t index = (t->frontier.size >> 8 * i) - 1;
        merkle_hash stored;
        if (log_file_read(c->store->files.tiles[i], stored, sizeof(stored),
                          index * sizeof(stored)) != STATUS_OK)
            first(&c->tiles_short[i], index);
        else if (memcmp(stored, t->frontier.nodes[8 * i], sizeof(stored)) != 0)
            first(&t->difference[i], index);
    }
}

/* The events' bytes of a run whose places are known; what cannot be read is marked as such. */
static int check_read_events(struct log_check *c, uint64_t from, size_t count, int *readable)
{
    const struct log_files *f = &c->store->files;
    uint64_t bad = none;
    *readable = 0;
    int status = log_files_ends(f, from, count, c->bytes, c->ends, &bad);
    if (status == STATUS_DAMAGED) {
        first(&c->offsets_bad, bad);
        return STATUS_OK;
    }
    if (status == STATUS_OK)
        status =
            log_files_read_events(f, c->data, (size_t)(c->ends[count] - c->ends[0]), c->ends[0]);
    if (status == STATUS_DAMAGED) {
        first(&c->events_bad, from);
        return STATUS_OK;
    }
    *readable = status == STATUS_OK;
    return status;
}

static int check_run(struct log_check *c, uint64_t from, size_t count)
{
    int readable;
    int status = check_read_events(c, from, count, &readable);
    if (status != STATUS_OK)
        return status;
    int has_leaves = 1;
    status = log_file_read(c->store->files.tiles[0], c->leaves, count * MERKLE_HASH_SIZE,
                           from * MERKLE_HASH_SIZE);
    if (status == STATUS_DAMAGED) {
        first(&c->tiles_short[0], from);
        has_leaves = 0;
    } else if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        merkle_hash leaf = {0};
        if (readable)
            merkle_leaf_hash(c->data + (c->ends[i] - c->ends[0]),
                             (size_t)(c->ends[i + 1] - c->ends[i]), leaf);
        const uint8_t *stored = has_leaves ? c->leaves[i] : leaf;
        if (!readable)
            memcpy(leaf, stored, sizeof(leaf));
        else if (has_leaves && memcmp(leaf, stored, sizeof(leaf)) != 0)
            first(&c->leaf_differs, from + i);
        check_tree_add(c, &c->from_events, leaf);
        check_tree_add(c, &c->from_leaves, stored);
    }
    return STATUS_OK;
}

static int check_say(const struct log_check *c, const char *file, uint64_t index, const char *text)
{
    if (index == none)
        return STATUS_OK;
    if (c->report->difference != NULL)
        c->report->difference(c->report->context, file, index, text);
    return STATUS_DAMAGED;
}

/* Says what differs, judged by the tree that has the right root. */
static int check_conclude(const struct log_check *c, const uint8_t root[MERKLE_HASH_SIZE])
{
    merkle_hash by_events;
    merkle_hash by_leaves;
    merkle_frontier_root(&c->from_events.frontier, by_events);
    merkle_frontier_root(&c->from_leaves.frontier, by_leaves);
    int events_right = memcmp(by_events, root, sizeof(by_events)) == 0;
    int leaves_right = memcmp(by_leaves, root, sizeof(by_leaves)) == 0;
    int status = check_say(c, "offsets", c->offsets_bad, "an impossible place of the event");
    status |= check_say(c, "events", c->events_bad, "the event's bytes are missing");
    if (!events_right && leaves_right)
        status |= check_say(c, "events", c->leaf_differs,
                            "the event has other bytes, or another place, than logged");
    else
        status |= check_say(c, "tiles-0", c->leaf_differs, "the leaf is not that of the event");
    const struct log_check_tree *right = events_right ? &c->from_events : &c->from_leaves;
    for (unsigned i = 0; i < LOG_TILE_LEVELS; i++) {
        char file[16];
        snprintf(file, sizeof(file), "tiles-%u", i);
        status |= check_say(c, file, c->tiles_short[i], "the file is too short");
        status |= check_say(c, file, right->difference[i], "the node is not that of its leaves");
    }
    if (!events_right && !leaves_right)
        status |= check_say(c, "root", c->size, "events and hashes give another root than known");
    return status != STATUS_OK ? STATUS_DAMAGED : STATUS_OK;
}

static struct log_check *check_new(const struct log_store *s, uint64_t size,
                                   const struct log_check_report *report)
{
    struct log_check *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    c->data = malloc((size_t)CHECK_COUNT * EVENT_BYTES_MAX);
    if (c->data == NULL) {
        free(c);
        return NULL;
    }
    c->store = s;
    c->report = report;
    c->size = size;
    c->bytes = atomic_load_explicit(&s->bytes, memory_order_acquire);
    c->offsets_bad = c->events_bad = c->leaf_differs = none;
    for (unsigned i = 0; i < LOG_TILE_LEVELS; i++)
        c->tiles_short[i] = c->from_events.difference[i] = c->from_leaves.difference[i] = none;
    return c;
}

int log_store_check(const struct log_store *s, uint64_t size, const uint8_t root[MERKLE_HASH_SIZE],
                    const struct log_check_report *report)
{
    if (size > log_store_size(s))
        return STATUS_NOT_FOUND;
    struct log_check *c = check_new(s, size, report);
    if (c == NULL)
        return STATUS_MEMORY;
    int status = STATUS_OK;
    for (uint64_t from = 0; status == STATUS_OK && from < size;) {
        size_t count = size - from < CHECK_COUNT ? (size_t)(size - from) : CHECK_COUNT;
        status = check_run(c, from, count);
        from += count;
        if (status == STATUS_OK && report->progress != NULL)
            report->progress(report->context, from, size);
    }
    if (status == STATUS_OK)
        status = check_conclude(c, root);
    free(c->data);
    free(c);
    return status;
}
