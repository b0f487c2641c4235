#include "tests/server/exchange/world.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/endian.h"
#include "protocol/sha256.h"
#include "protocol/status.h"
#include "server/exchange/rows.h"
#include "server/store/codec.h"

static const uint8_t nonce_key[32] = "nonce key of a world of tests";

void world_keys(const char *name, struct keys *k)
{
    uint8_t seed[32] = {0};
    size_t length = strlen(name);
    memcpy(seed, name, length < sizeof(seed) ? length : sizeof(seed));
    keys_from_seed(k, seed);
}

static struct exchange *exchange_make(const struct world *w)
{
    return exchange_new(&w->genesis, w->id, nonce_key);
}

/* --- Entries --- */

static struct world_entry *entry_add(struct world *w, enum entry_kind kind)
{
    if (w->entries_count == w->entries_room) {
        w->entries_room = w->entries_room ? w->entries_room * 2 : 64;
        w->entries = realloc(w->entries, w->entries_room * sizeof(*w->entries));
        assert(w->entries);
    }
    struct world_entry *e = &w->entries[w->entries_count++];
    *e = (struct world_entry){.kind = kind, .time_s = w->time_s};
    return e;
}

static void entry_run(struct exchange *x, struct world_entry *e, struct arena *arena,
                      struct frame_reply *reply)
{
    switch (e->kind) {
    case ENTRY_FOUND:
        exchange_found(x);
        break;
    case ENTRY_START:
        exchange_start(x, e->mode);
        break;
    case ENTRY_TICK:
        exchange_tick(x);
        break;
    case ENTRY_REQUEST:
        memset(reply, 0, sizeof(*reply));
        exchange_request(x, e->request, e->body_hash, arena, reply);
        break;
    case ENTRY_IDLE:
        break;
    }
}

static void events_keep(const struct exchange *x, struct buffer *log, struct buffer *ends)
{
    struct event_batch batch = exchange_events(x);
    uint32_t from = 0;
    assert(batch.first_index == ends->length / sizeof(uint64_t));
    for (uint32_t i = 0; i < batch.count; i++) {
        buffer_append(log, batch.data + from, batch.ends[i] - from);
        from = batch.ends[i];
        uint64_t end = log->length;
        buffer_append(ends, &end, sizeof(end));
    }
    assert(!log->status && !ends->status);
}

static uint64_t group_next(struct exchange *x)
{
    uint32_t id = 0;
    const struct head_row *head = store_find(exchange_store(x), TABLE_HEAD, &id);
    return head ? head->group + 1 : 1;
}

static void group_run(struct world *w, size_t first)
{
    uint64_t group = group_next(w->x);
    exchange_begin(w->x, group, w->time_s);
    for (size_t i = first; i < w->entries_count; i++) {
        w->entries[i].group = group;
        entry_run(w->x, &w->entries[i], &w->arena, &w->entries[i].reply);
    }
    exchange_end(w->x);
    events_keep(w->x, &w->log, &w->log_ends);
    w->time_s = exchange_time(w->x);
}

static struct genesis_admin admin_of(struct world *w, const char *name, size_t length)
{
    struct genesis_admin admin;
    struct keys k;
    char *copy = arena_alloc(&w->arena, length + 1);
    assert(copy);
    memcpy(copy, name, length);
    copy[length] = '\0';
    world_keys(copy, &k);
    admin.name = (struct text){copy, (uint32_t)length};
    memcpy(admin.sign_key, k.sign_public, 32);
    memcpy(admin.channel_key, k.channel_public, 32);
    return admin;
}

static void admins_put(struct world *w)
{
    struct genesis_admin *admins = arena_alloc(&w->arena, GENESIS_ADMINS_MAX * sizeof(*admins));
    const char *name = w->options.co_admins;
    uint32_t count = 0;
    assert(admins);
    admins[count++] = admin_of(w, "admin", 5);
    while (name && *name) {
        size_t length = strcspn(name, ",");
        assert(count < GENESIS_ADMINS_MAX);
        admins[count++] = admin_of(w, name, length);
        name += length + (name[length] == ',');
    }
    w->genesis.admins.items = admins;
    w->genesis.admins.count = count;
}

void world_begin(struct world *w, struct world_options options)
{
    struct buffer encoded = BUFFER_EMPTY;
    memset(w, 0, sizeof(*w));
    w->options = options;
    w->time_s = WORLD_BEGIN_S;
    w->replayable = true;
    w->genesis = (struct genesis){
        .rules_version = RULES_VERSION,
        .origin = {"test.example/bourse", 19},
        .created_s = WORLD_BEGIN_S,
        .activation_grace_s = options.activation_grace_s,
        .meter_grace_s = options.meter_grace_s,
        .dispute_window_s = options.dispute_window_s,
        .approvals = options.approvals,
        .mint_limit_ucr = options.mint_limit_ucr,
        .payout_limit_ucr = options.payout_limit_ucr,
    };
    admins_put(w);
    message_encode(&genesis_message, &w->genesis, &encoded);
    genesis_id(encoded.data, encoded.length, w->id);
    buffer_release(&encoded);
    w->x = exchange_make(w);
    entry_add(w, ENTRY_FOUND);
    entry_add(w, ENTRY_START)->mode = options.mode;
    group_run(w, 0);
}

void world_end(struct world *w)
{
    exchange_free(w->x);
    free(w->entries);
    buffer_release(&w->log);
    buffer_release(&w->log_ends);
    arena_release(&w->arena);
}

void world_start(struct world *w, enum clock_mode mode)
{
    entry_add(w, ENTRY_START)->mode = mode;
    group_run(w, w->entries_count - 1);
}

void world_tick(struct world *w)
{
    entry_add(w, ENTRY_TICK);
    group_run(w, w->entries_count - 1);
}

static void world_idle(struct world *w)
{
    entry_add(w, ENTRY_IDLE);
    group_run(w, w->entries_count - 1);
}

void world_hash(const struct request *request, uint8_t hash_out[32])
{
    struct buffer encoded = BUFFER_EMPTY;
    message_encode(&request_message, request, &encoded);
    assert(!encoded.status);
    sha256(encoded.data, encoded.length, hash_out);
    buffer_release(&encoded);
}

const struct frame_reply *world_request(struct world *w, const struct request *request)
{
    struct world_entry *e = entry_add(w, ENTRY_REQUEST);
    e->request = request;
    world_hash(request, e->body_hash);
    group_run(w, w->entries_count - 1);
    return &w->entries[w->entries_count - 1].reply;
}

/* --- Time --- */

void world_settle(struct world *w)
{
    unsigned turns = 0;
    while (exchange_next_due(w->x) <= w->time_s) {
        world_tick(w);
        assert(++turns < 100000);
    }
}

/* Lets the clock stand at time_s, from where the next group begins. */
static void time_reach(struct world *w, uint64_t time_s)
{
    if (time_s == w->time_s)
        return;
    if (exchange_clock_mode(w->x) == CLOCK_MODE_MANUAL) {
        struct op_clock_advance *op = arena_alloc(&w->arena, sizeof(*op));
        op->time_s = time_s;
        const struct result *result = world_do(w, 1, "admin", &op_clock_advance_message, op);
        assert(result && !result->refusal);
        (void)result;
    }
    w->time_s = time_s;
}

void world_advance(struct world *w, uint64_t seconds, bool working)
{
    uint64_t target = w->time_s + seconds;
    while (w->time_s < target) {
        uint64_t next = target;
        uint64_t due = exchange_next_due(w->x);
        if (working && due > w->time_s && due < next)
            next = due;
        if (exchange_clock_mode(w->x) == CLOCK_MODE_REAL && next > exchange_time_limit(w->x))
            next = exchange_time_limit(w->x);
        time_reach(w, next);
        if (working)
            world_settle(w);
        if (exchange_time(w->x) < w->time_s)
            world_idle(w);
    }
    if (working)
        world_settle(w);
}

void world_restart(struct world *w, uint64_t outage_s, enum clock_mode mode)
{
    uint64_t target = w->time_s + outage_s;
    bool waits = exchange_clock_mode(w->x) == CLOCK_MODE_REAL && target > exchange_time_limit(w->x);
    if (waits) {
        struct op_clock_advance *op = arena_alloc(&w->arena, sizeof(*op));
        op->time_s = target;
        world_start(w, mode);
        const struct result *result = world_do(w, 1, "admin", &op_clock_advance_message, op);
        assert(result && !result->refusal);
        (void)result;
        w->time_s = target;
        world_idle(w);
    } else {
        if (exchange_clock_mode(w->x) == CLOCK_MODE_REAL)
            w->time_s = target;
        world_start(w, mode);
    }
}

/* --- Requests made easily --- */

const struct result *world_do(struct world *w, uint32_t account, const char *key_name,
                              const struct message *operation, const void *body)
{
    struct request *request = arena_alloc(&w->arena, sizeof(*request));
    struct operation *operations = arena_alloc(&w->arena, sizeof(*operations));
    struct keys keys;
    world_keys(key_name, &keys);
    request->account = account;
    memcpy(request->key, keys.sign_public, 32);
    put_u64_be(request->id, ++w->ids);
    request->valid_until_s = w->time_s + 300;
    operations->message = operation;
    operations->body = body;
    request->operations.items = operations;
    request->operations.count = 1;
    const struct frame_reply *reply = world_request(w, request);
    return reply->results.count == 1 ? reply->results.items : NULL;
}

const void *world_keep(struct world *w, const struct message *operation, const void *body)
{
    struct buffer encoded = BUFFER_EMPTY;
    struct decode_error error;
    message_encode(operation, body, &encoded);
    const uint8_t *data = arena_copy(&w->arena, encoded.data, encoded.length);
    void *copy = arena_alloc(&w->arena, operation->size);
    int status = message_decode(operation, data, encoded.length, &w->arena, copy, &error);
    assert(status == 0);
    buffer_release(&encoded);
    return copy;
}

uint32_t world_register(struct world *w, const char *name, enum role role)
{
    struct op_account_register *op = arena_alloc(&w->arena, sizeof(*op));
    struct keys keys;
    world_keys(name, &keys);
    op->name.data = arena_copy(&w->arena, name, strlen(name));
    op->name.length = (uint32_t)strlen(name);
    op->role = (uint32_t)role;
    memcpy(op->sign_key, keys.sign_public, 32);
    memcpy(op->channel_key, keys.channel_public, 32);
    const struct result *result = world_do(w, 1, "admin", &op_account_register_message, op);
    assert(result && !result->refusal);
    return (uint32_t)result->object;
}

uint32_t world_series(struct world *w, const char *name, uint64_t expires_s)
{
    struct op_series_create *op = arena_alloc(&w->arena, sizeof(*op));
    op->name.data = arena_copy(&w->arena, name, strlen(name));
    op->name.length = (uint32_t)strlen(name);
    op->funder = 1;
    op->expired_to = 1;
    op->expires_s = expires_s;
    op->transferable = true;
    const struct result *result = world_do(w, 1, "admin", &op_series_create_message, op);
    assert(result && !result->refusal);
    return (uint32_t)result->object;
}

uint64_t world_mint(struct world *w, uint32_t series, uint32_t account, amount a)
{
    struct op_mint *op = arena_alloc(&w->arena, sizeof(*op));
    struct payment *output = arena_alloc(&w->arena, sizeof(*output));
    *output = (struct payment){.account = account, .amount_ucr = a};
    op->series = series;
    op->outputs.items = output;
    op->outputs.count = 1;
    const struct result *result = world_do(w, 1, "admin", &op_mint_message, op);
    assert(result && !result->refusal);
    return result->token_first;
}

/* --- The log --- */

uint64_t world_log_size(const struct world *w)
{
    return w->log_ends.length / sizeof(uint64_t);
}

int world_read(void *world, uint64_t index, const uint8_t **data_out, size_t *length_out)
{
    const struct world *w = world;
    const uint64_t *ends = (const uint64_t *)(const void *)w->log_ends.data;
    if (index >= world_log_size(w))
        return STATUS_DAMAGED;
    uint64_t from = index > 0 ? ends[index - 1] : 0;
    *data_out = w->log.data + from;
    *length_out = (size_t)(ends[index] - from);
    return STATUS_OK;
}

/* --- Verification --- */

static void line_print(void *context, const char *line)
{
    struct buffer *lines = context;
    if (lines)
        buffer_printf(lines, "%s\n", line);
    else
        fprintf(stderr, "check: %s\n", line);
}

uint64_t world_check(const struct exchange *x, struct buffer *lines)
{
    return exchange_check(x, line_print, lines);
}

bool world_reports(const struct exchange *x, const char *text)
{
    struct buffer lines = BUFFER_EMPTY;
    uint64_t count = world_check(x, &lines);
    buffer_append(&lines, "", 1);
    bool reported = count > 0 && strstr((const char *)lines.data, text) != NULL;
    if (!reported)
        fprintf(stderr, "not reported: %s; but:\n%s", text, (const char *)lines.data);
    buffer_release(&lines);
    return reported;
}

void world_put_unseen(struct exchange *x, unsigned table, const void *row)
{
    memcpy((void *)(uintptr_t)store_find(exchange_store(x), table, row), row,
           exchange_tables[table].row_size);
}

struct row_list {
    const struct table_spec *spec;
    struct buffer rows;
};

static int row_keep(void *context, const void *row)
{
    struct row_list *list = context;
    buffer_append(&list->rows, row, list->spec->row_size);
    return 0;
}

static const struct table_spec *sorted_spec; /* of the qsort() under way */

static int row_compare(const void *a, const void *b)
{
    uint8_t left[CODEC_KEY_SIZE_MAX];
    uint8_t right[CODEC_KEY_SIZE_MAX];
    codec_encode_key(sorted_spec, a, left);
    codec_encode_key(sorted_spec, b, right);
    return memcmp(left, right, sorted_spec->key_size);
}

/* In key order, as image_load() does it. */
static void table_copy(struct store *from, struct store *to, unsigned table)
{
    struct row_list list = {&exchange_tables[table], BUFFER_EMPTY};
    size_t size = list.spec->row_size;
    store_each(from, table, row_keep, &list);
    size_t count = list.rows.length / size;
    sorted_spec = list.spec;
    if (count > 0)
        qsort(list.rows.data, count, size, row_compare);
    for (size_t i = 0; i < count; i++) {
        int status = store_load_row(to, table, list.rows.data + i * size);
        assert(status == 0);
        (void)status;
    }
    buffer_release(&list.rows);
}

struct exchange *world_copy(const struct world *w)
{
    struct exchange *copy = exchange_make(w);
    for (unsigned table = 0; table < TABLE_COUNT; table++)
        table_copy(exchange_store(w->x), exchange_store(copy), table);
    if (exchange_loaded(copy) == STATUS_OK)
        return copy;
    exchange_free(copy);
    return NULL;
}

void world_reload(struct world *w)
{
    struct exchange *copy = world_copy(w);
    assert(copy);
    exchange_free(w->x);
    w->x = copy;
}

void world_restore(struct world *w)
{
    w->genesis.former_origin = w->genesis.origin;
    w->genesis.former_size = world_log_size(w);
    w->genesis.origin = (struct text){"test.example/restored", 21};
    memcpy(w->genesis.former_exchange_id, w->id, sizeof(w->id));
    w->id[0] ^= 1;
    world_reload(w);
    buffer_clear(&w->log);
    buffer_clear(&w->log_ends);
    w->replayable = false;
    entry_add(w, ENTRY_FOUND);
    entry_add(w, ENTRY_START)->mode = CLOCK_MODE_REAL;
    group_run(w, w->entries_count - 2);
}

struct row_compare {
    struct store *other;
    unsigned table;
    unsigned differ;
};

static int row_differs(void *context, const void *row)
{
    struct row_compare *c = context;
    const struct table_spec *spec = &exchange_tables[c->table];
    const void *other = store_find(c->other, c->table, row);
    if (!other || memcmp(row, other, spec->row_size) != 0)
        c->differ++;
    return 0;
}

static unsigned rows_compare(struct exchange *a, struct exchange *b, bool with_groups,
                             const char *what)
{
    unsigned faults = 0;
    for (unsigned table = 0; table < TABLE_COUNT; table++) {
        /* Head and request rows name their group, which differs where grouping does. */
        if (!with_groups && (table == TABLE_HEAD || table == TABLE_REQUEST))
            continue;
        struct row_compare c = {exchange_store(b), table, 0};
        store_each(exchange_store(a), table, row_differs, &c);
        if (store_count(exchange_store(a), table) != store_count(exchange_store(b), table))
            c.differ++;
        if (c.differ > 0) {
            fprintf(stderr, "%s: %u rows of table %s differ\n", what, c.differ,
                    exchange_tables[table].name);
            faults++;
        }
    }
    return faults;
}

/* A start is never moved to the group before: whether there was an outage depends on it. */
static bool same_group(const struct world_entry *first, const struct world_entry *e, bool merged)
{
    if (e == first || e->group == first->group)
        return true;
    return merged && e->time_s == first->time_s && e->kind != ENTRY_START;
}

/* Gives all entries to a fresh exchange, `merged` into as few groups as their times allow. */
static unsigned replay(struct world *w, bool merged, const char *what)
{
    struct exchange *x = exchange_make(w);
    struct buffer log = BUFFER_EMPTY;
    struct buffer ends = BUFFER_EMPTY;
    struct arena arena = ARENA_EMPTY;
    unsigned faults = 0;

    for (size_t i = 0, end; i < w->entries_count; i = end) {
        struct world_entry *first = &w->entries[i];
        exchange_begin(x, group_next(x), first->time_s);
        for (end = i; end < w->entries_count && same_group(first, &w->entries[end], merged);
             end++) {
            struct frame_reply reply = {0};
            entry_run(x, &w->entries[end], &arena, &reply);
            if (reply.refusal != w->entries[end].reply.refusal ||
                reply.index != w->entries[end].reply.index) {
                fprintf(stderr, "%s: entry %zu has another outcome\n", what, end);
                faults++;
            }
        }
        exchange_end(x);
        events_keep(x, &log, &ends);
    }
    if (log.length != w->log.length || ends.length != w->log_ends.length ||
        memcmp(log.data, w->log.data, log.length) != 0) {
        fprintf(stderr, "%s: other events\n", what);
        faults++;
    }
    faults += rows_compare(w->x, x, false, what);
    faults += (unsigned)world_check(x, NULL);
    arena_release(&arena);
    buffer_release(&log);
    buffer_release(&ends);
    exchange_free(x);
    return faults;
}

static bool result_equals(const struct result *a, const struct result *b)
{
    return a->refusal == b->refusal && a->index == b->index && a->object == b->object &&
           a->token_first == b->token_first && a->token_count == b->token_count &&
           a->lease_first == b->lease_first && a->lease_count == b->lease_count;
}

static unsigned reply_compare(struct world *w, const struct world_entry *e)
{
    struct arena arena = ARENA_EMPTY;
    struct frame_reply rebuilt = {.index = e->reply.index};
    bool equal = reply_rebuild(&rebuilt, world_read, w, &arena) == STATUS_OK &&
                 rebuilt.results.count == e->reply.results.count;
    for (uint32_t i = 0; equal && i < rebuilt.results.count; i++)
        equal = result_equals(&rebuilt.results.items[i], &e->reply.results.items[i]);
    if (!equal)
        fprintf(stderr, "the outcome of the request at index %llu is rebuilt otherwise\n",
                (unsigned long long)e->reply.index);
    arena_release(&arena);
    return equal ? 0 : 1;
}

unsigned world_verify(struct world *w)
{
    unsigned faults = (unsigned)world_check(w->x, NULL);
    if (w->replayable) {
        faults += replay(w, false, "replay");
        faults += replay(w, true, "replay in other groups");
    }
    struct exchange *copy = world_copy(w);
    if (copy) {
        faults += rows_compare(w->x, copy, true, "copy");
        faults += (unsigned)world_check(copy, NULL);
        exchange_free(copy);
    } else {
        fprintf(stderr, "the rows contradict each other\n");
        faults++;
    }
    for (size_t i = 0; i < w->entries_count; i++) {
        const struct world_entry *e = &w->entries[i];
        if (e->kind == ENTRY_REQUEST && e->reply.index > 0 && !e->reply.repeated)
            faults += reply_compare(w, e);
    }
    return faults;
}
