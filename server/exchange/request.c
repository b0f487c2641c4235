/*
 * Requests: batches of operations under an id whose outcome is kept until `valid_until`. A row past
 * that time counts as gone, whether a tick has dropped it or not.
 */
#include <assert.h>

#include <stdlib.h>
#include <string.h>

#include "server/exchange/account.h"
#include "server/exchange/check.h"
#include "server/exchange/due.h"
#include "server/exchange/event.h"
#include "server/exchange/gift.h"
#include "server/exchange/index.h"
#include "server/exchange/key.h"
#include "server/exchange/operation.h"
#include "server/exchange/token.h"
#include "server/exchange/tree.h"

struct request_node {
    RB_ENTRY(request_node) by_time; /* (valid_until, account, id) */
    RB_ENTRY(request_node) by_id;   /* (account, id, valid_until) */
    uint64_t valid_until_s;
    uint32_t account;
    uint8_t id[16];
};

RB_HEAD(time_tree, request_node);
RB_HEAD(id_tree, request_node);

struct request_index {
    struct time_tree by_time;
    struct id_tree by_id;
    uint32_t *counts; /* rows by account; owned */
    size_t counts_size;
};

static int name_compare(const struct request_node *a, const struct request_node *b)
{
    int order = number_compare(a->account, b->account);
    return order ? order : memcmp(a->id, b->id, sizeof(a->id));
}

static int time_compare(const struct request_node *a, const struct request_node *b)
{
    int order = number_compare(a->valid_until_s, b->valid_until_s);
    return order ? order : name_compare(a, b);
}

static int id_compare(const struct request_node *a, const struct request_node *b)
{
    int order = name_compare(a, b);
    return order ? order : number_compare(a->valid_until_s, b->valid_until_s);
}

TREE_GENERATE(time_tree, request_node, by_time, time_compare)
TREE_GENERATE(id_tree, request_node, by_id, id_compare)

/* --- Index --- */

static struct due_item due_of(uint64_t valid_until_s)
{
    return (struct due_item){.due_s = valid_until_s, .kind = DUE_REQUEST, .serial = valid_until_s};
}

static struct request_node node_key(const struct request_row *row)
{
    struct request_node key = {.valid_until_s = row->valid_until_s, .account = row->account};
    memcpy(key.id, row->id, sizeof(key.id));
    return key;
}

static uint32_t *count_of(struct request_index *index, uint32_t account)
{
    if (account >= index->counts_size) {
        size_t size = index->counts_size ? index->counts_size : 64;
        while (size <= account)
            size *= 2;
        uint32_t *counts = realloc(index->counts, size * sizeof(*counts));
        if (!counts)
            memory_exhausted();
        memset(counts + index->counts_size, 0, (size - index->counts_size) * sizeof(*counts));
        index->counts = counts;
        index->counts_size = size;
    }
    return &index->counts[account];
}

/* Whether a neighbour has the same time, so that the due item of it is there, or stays. */
static bool time_is_shared(struct request_node *node)
{
    const struct request_node *before = time_tree_RB_PREV(node);
    const struct request_node *after = time_tree_RB_NEXT(node);
    return (before && before->valid_until_s == node->valid_until_s) ||
           (after && after->valid_until_s == node->valid_until_s);
}

static void request_hook(void *context, const void *old_row, const void *new_row)
{
    struct exchange *x = context;
    struct request_index *index = x->requests;
    const struct request_row *before = old_row;
    const struct request_row *after = new_row;
    assert(!before != !after);
    struct request_node key = node_key(after ? after : before);
    if (key.account > ACCOUNTS_MAX)
        return; /* of a damaged image; the check after loading refuses it */
    if (after) {
        struct request_node *node = malloc(sizeof(*node));
        if (!node)
            memory_exhausted();
        *node = key;
        RB_INSERT(time_tree, &index->by_time, node);
        RB_INSERT(id_tree, &index->by_id, node);
        ++*count_of(index, key.account);
        if (!time_is_shared(node))
            due_put(x, due_of(key.valid_until_s));
    } else {
        struct request_node *node = RB_FIND(time_tree, &index->by_time, &key);
        assert(node);
        if (!time_is_shared(node))
            due_remove(x, due_of(key.valid_until_s));
        RB_REMOVE(time_tree, &index->by_time, node);
        RB_REMOVE(id_tree, &index->by_id, node);
        --*count_of(index, key.account);
        free(node);
    }
}

void request_index_new(struct exchange *x)
{
    x->requests = calloc(1, sizeof(*x->requests));
    if (!x->requests)
        memory_exhausted();
    RB_INIT(&x->requests->by_time);
    RB_INIT(&x->requests->by_id);
    store_set_hook(x->store, TABLE_REQUEST, request_hook, x);
}

void request_index_free(struct exchange *x)
{
    if (!x->requests)
        return;
    struct request_node *next;
    for (struct request_node *n = RB_MIN(time_tree, &x->requests->by_time); n; n = next) {
        next = RB_NEXT(time_tree, &x->requests->by_time, n);
        RB_REMOVE(time_tree, &x->requests->by_time, n);
        free(n);
    }
    free(x->requests->counts);
    free(x->requests);
    x->requests = NULL;
}

static const struct request_row *row_find(const struct exchange *x, const struct request_node *node)
{
    struct request_row key = {.valid_until_s = node->valid_until_s, .account = node->account};
    memcpy(key.id, node->id, sizeof(key.id));
    return store_find(x->store, TABLE_REQUEST, &key);
}

/* The row of a request id that is still kept; NULL: none. */
static const struct request_row *request_find(const struct exchange *x, uint32_t account,
                                              const uint8_t id[16], uint64_t time_s)
{
    struct request_node key = {.valid_until_s = time_s + 1, .account = account};
    memcpy(key.id, id, sizeof(key.id));
    const struct request_node *node = RB_NFIND(id_tree, &x->requests->by_id, &key);
    return node && name_compare(node, &key) == 0 ? row_find(x, node) : NULL;
}

/* Whether the account has as many live ids as it may; those past their time do not count. Its
 * further keys leave some to the main one: else none of them could be removed while it floods. */
static bool ids_at_limit(const struct exchange *x, const struct actor *actor, uint64_t time_s)
{
    uint32_t account = actor->account;
    uint32_t most = actor->main_key ? REQUEST_IDS_MAX : REQUEST_IDS_MAX - REQUEST_IDS_MAIN;
    const struct request_index *index = x->requests;
    uint32_t live = account < index->counts_size ? index->counts[account] : 0;
    if (live < most)
        return false;
    for (struct request_node *n = RB_MIN(time_tree, &x->requests->by_time);
         n && n->valid_until_s <= time_s; n = RB_NEXT(time_tree, &x->requests->by_time, n))
        live -= n->account == account;
    return live >= most;
}

uint32_t request_sweep(struct exchange *x, uint64_t valid_until_s, uint32_t limit)
{
    uint32_t dropped = 0;
    while (dropped < limit) {
        const struct request_node *n = RB_MIN(time_tree, &x->requests->by_time);
        if (!n || n->valid_until_s != valid_until_s)
            break;
        store_remove(x->store, TABLE_REQUEST, row_find(x, n));
        dropped++;
    }
    return dropped;
}

/* --- A request --- */

/* Which of the account's keys has signed. */
static enum refusal actor_key_find(const struct exchange *x, const struct account_row *row,
                                   uint64_t time_s, struct actor *actor)
{
    actor->main_key = memcmp(row->sign_key, actor->key, sizeof(row->sign_key)) == 0;
    if (actor->main_key)
        return REFUSAL_accepted;
    const struct key_row *key = key_find(x, row->account, actor->key);
    if (!key)
        return REFUSAL_key_replaced;
    actor->scopes = key->scopes;
    return key_expired(key, time_s) ? REFUSAL_key_expired : REFUSAL_accepted;
}

static enum refusal actor_find(const struct exchange *x, const struct request *request,
                               uint64_t time_s, struct actor *actor_out)
{
    *actor_out = (struct actor){
        .account = request->account, .key = request->key, .main_key = request->account == 0};
    if (request->account == 0) {
        bool may = request->operations.count == 1 &&
                   operation_newcomer_may(request->operations.items[0].message->code);
        if (may)
            return REFUSAL_accepted;
        /* Whose further key has expired is nobody to the exchange, and learns why. */
        return key_expired_of(x, request->key, time_s) ? REFUSAL_key_expired
                                                       : REFUSAL_unknown_account;
    }
    const struct account_row *row = account_find(x, request->account);
    if (!row)
        return REFUSAL_unknown_account;
    actor_out->role = row->role;
    enum refusal refusal = actor_key_find(x, row, time_s, actor_out);
    if (refusal)
        return refusal;
    return row->state == ACCOUNT_STATE_FROZEN ? REFUSAL_account_frozen : REFUSAL_accepted;
}

static enum refusal request_refusal(const struct exchange *x, const struct request *request,
                                    uint64_t time_s, bool id_is_known, struct actor *actor_out)
{
    enum refusal refusal = actor_find(x, request, time_s, actor_out);
    if (refusal)
        return refusal;
    if (time_s >= request->valid_until_s)
        return REFUSAL_request_expired;
    if (request->valid_until_s > time_s + REQUEST_AHEAD_MAX_S)
        return REFUSAL_valid_until_too_far;
    if (id_is_known)
        return REFUSAL_id_reused;
    if (ids_at_limit(x, actor_out, time_s))
        return REFUSAL_too_many_ids;
    if (request->operations.count == 0)
        return REFUSAL_empty_request;
    return request->operations.count > BATCH_OPERATIONS_MAX ? REFUSAL_malformed : REFUSAL_accepted;
}

/* Undoes an atomic request; all its operations but the refused one are marked as aborted. */
static void request_abort(struct exchange *x, size_t store_state, uint32_t event_state,
                          const struct head_row *head, struct result *results, uint32_t count,
                          uint32_t refused)
{
    enum refusal refusal = results[refused].refusal;
    store_rollback(x->store, store_state);
    event_rollback(x, event_state);
    x->head = *head;
    for (uint32_t i = 0; i < count; i++)
        results[i] = (struct result){.refusal = REFUSAL_batch_aborted};
    results[refused].refusal = (uint32_t)refusal;
}

/* Works off all operations; returns how many were accepted. */
static uint32_t operations_work_off(struct exchange *x, const struct request *request,
                                    struct actor *actor, struct result *results)
{
    size_t store_state = store_mark(x->store);
    uint32_t event_state = event_mark(x);
    struct head_row head = x->head;
    uint32_t count = request->operations.count;
    uint32_t accepted = 0;

    actor->results = results;
    for (uint32_t i = 0; i < count; i++) {
        actor->results_count = i;
        if (i % TOKENS_EXPECT_OPERATIONS == 0) {
            uint32_t ahead = count - i;
            tokens_expect(x, &request->operations.items[i],
                          ahead < TOKENS_EXPECT_OPERATIONS ? ahead : TOKENS_EXPECT_OPERATIONS);
        }
        if (!operation_work_off(x, actor, &request->operations.items[i], &results[i])) {
            accepted++;
        } else if (request->atomic) {
            request_abort(x, store_state, event_state, &head, results, count, i);
            return 0;
        }
    }
    return accepted;
}

static uint64_t request_log(struct exchange *x, const struct request *request,
                            const uint8_t body_hash[32], uint32_t by, uint64_t first_index,
                            const struct result *results, uint32_t accepted)
{
    uint32_t count = request->operations.count;
    struct ev_request event = {EVENT_HEAD_OF(x, by), .first_index = first_index,
                               .accepted = accepted};
    memcpy(event.id, request->id, sizeof(event.id));
    memcpy(event.body_hash, body_hash, sizeof(event.body_hash));

    arena_clear(&x->scratch);
    struct refused *refusals = scratch_alloc(x, (count - accepted) * sizeof(*refusals));
    for (uint32_t i = 0; i < count; i++) {
        if (results[i].refusal)
            refusals[event.refusals.count++] =
                (struct refused){.operation = i, .refusal = results[i].refusal};
    }
    event.refusals.items = refusals;
    return event_log(x, &ev_request_message, &event);
}

static void request_keep(struct exchange *x, const struct request *request,
                         const uint8_t body_hash[32], uint64_t index)
{
    struct request_row row = {
        .valid_until_s = request->valid_until_s,
        .account = request->account,
        .index = index,
        .group = x->head.group,
        .time_s = x->group_time_s,
    };
    memcpy(row.id, request->id, sizeof(row.id));
    memcpy(row.body_hash, body_hash, sizeof(row.body_hash));
    store_put(x->store, TABLE_REQUEST, &row);
}

/* Before everything else: a retry gets the outcome that was, whatever became of the account. */
static bool request_is_repeated(const struct request_row *kept, const uint8_t body_hash[32],
                                struct frame_reply *reply)
{
    if (!kept || memcmp(kept->body_hash, body_hash, sizeof(kept->body_hash)) != 0)
        return false;
    reply->repeated = true;
    reply->group = kept->group;
    reply->time_s = kept->time_s;
    reply->index = kept->index;
    return true;
}

static struct result *results_alloc(struct arena *arena, uint32_t count)
{
    struct result *results = arena_alloc(arena, count * sizeof(*results));
    if (!results)
        memory_exhausted();
    return results;
}

bool exchange_request_matters(const struct exchange *x, const struct request *request,
                              const uint8_t body_hash[32], uint64_t time_s, struct arena *arena,
                              struct frame_reply *reply)
{
    const struct request_row *kept = request_find(x, request->account, request->id, time_s);
    *reply = (struct frame_reply){.seq = reply->seq, .group = x->head.group, .time_s = time_s};
    if (request_is_repeated(kept, body_hash, reply))
        return false;
    struct actor actor;
    reply->refusal = request_refusal(x, request, time_s, kept != NULL, &actor);
    if (reply->refusal || request->account != 0)
        return reply->refusal == REFUSAL_accepted;
    /* A newcomer has one operation, a claim. */
    enum refusal refusal = gift_claim_refusal(x, &actor, request->operations.items[0].body);
    if (refusal == REFUSAL_accepted)
        return true;
    struct result *results = results_alloc(arena, 1);
    results[0].refusal = (uint32_t)refusal;
    reply->results.items = results;
    reply->results.count = 1;
    return false;
}

void exchange_request(struct exchange *x, const struct request *request,
                      const uint8_t body_hash[32], struct arena *arena, struct frame_reply *reply)
{
    const struct request_row *kept =
        request_find(x, request->account, request->id, x->group_time_s);
    uint32_t seq = reply->seq;
    *reply = (struct frame_reply){.seq = seq, .group = x->head.group, .time_s = x->group_time_s};
    if (request_is_repeated(kept, body_hash, reply))
        return;

    struct actor actor;
    reply->refusal = request_refusal(x, request, x->group_time_s, kept != NULL, &actor);
    if (reply->refusal)
        return;
    uint32_t count = request->operations.count;
    struct result *results = results_alloc(arena, count);
    x->request_looks = 0;
    x->request_passed = 0;
    uint64_t first_index = event_next_index(x);
    uint32_t accepted = operations_work_off(x, request, &actor, results);
    reply->results.items = results;
    reply->results.count = count;
    /* Strangers cannot make the log grow with what is refused. */
    if (request->account == 0 && accepted == 0)
        return;
    uint32_t by = request->account ? request->account : (uint32_t)results[0].object;
    reply->index = request_log(x, request, body_hash, by, first_index, results, accepted);
    request_keep(x, request, body_hash, reply->index);
}

void check_request_index(const struct exchange *x, const struct request_row *row,
                         struct check_report *report)
{
    struct request_node key = node_key(row);
    if (!RB_FIND(time_tree, &x->requests->by_time, &key) ||
        !RB_FIND(id_tree, &x->requests->by_id, &key))
        check_found(report, "request of account %u: its id is not found in memory", row->account);
    if (!due_has(x, due_of(row->valid_until_s)))
        check_found(report, "request of account %u: its end is due but not queued", row->account);
}
