#include "protocol/month.h"
#include "server/exchange/exchange.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/status.h"
#include "protocol/utf8.h"
#include "server/exchange/account.h"
#include "server/exchange/check.h"
#include "server/exchange/clock.h"
#include "server/exchange/event.h"
#include "server/exchange/index.h"
#include "server/exchange/ledger.h"
#include "server/exchange/occupancy.h"
#include "server/exchange/query.h"

/* --- What the nouns share --- */

void memory_exhausted(void)
{
    fprintf(stderr, "boursed: out of memory; everything acknowledged is in the journal\n");
    fflush(stderr);
    _Exit(EXIT_FAILURE);
}

void *memory_zeroed(size_t count, size_t size)
{
    void *p = calloc(count, size);
    if (p == NULL)
        memory_exhausted();
    return p;
}

void *scratch_alloc(struct exchange *x, size_t size)
{
    void *memory = arena_alloc(&x->scratch, size);
    if (!memory)
        memory_exhausted();
    return memory;
}

bool name_allowed(struct text name)
{
    return name.length > 0 && name.length <= NAME_MAX_BYTES && name.data[0] != ' ' &&
           name.data[name.length - 1] != ' ' && utf8_is_plain(name.data, name.length);
}

void column_set(char *column, size_t size, struct text text)
{
    assert(text.length < size);
    memset(column, 0, size);
    if (text.length > 0)
        memcpy(column, text.data, text.length);
}

bool key_is_zero(const uint8_t key[32])
{
    return sodium_is_zero(key, 32) == 1;
}

uint32_t exchange_month(struct exchange *x)
{
    if (x->head.time_s < x->month_from_s || x->head.time_s >= x->month_until_s) {
        x->month = month_of(x->head.time_s);
        x->month_from_s = month_start_s(x->month);
        x->month_until_s = month_start_s(x->month + 1);
    }
    return x->month;
}

/* --- Life --- */

/* A copy in our own memory, by way of the record's encoding. */
static void genesis_take(struct exchange *x, const struct genesis *genesis)
{
    struct buffer encoded = BUFFER_EMPTY;
    struct decode_error error;
    message_encode(&genesis_message, genesis, &encoded);
    const uint8_t *copy = arena_copy(&x->genesis_arena, encoded.data, encoded.length);
    if (encoded.status || !copy)
        memory_exhausted();
    int status = message_decode(&genesis_message, copy, encoded.length, &x->genesis_arena,
                                &x->genesis, &error);
    assert(status == STATUS_OK);
    buffer_release(&encoded);
}

/* A secret of the exchange gives the key of all hashes in memory, so that nobody can choose names
 * and ids that collide; nothing else depends on it. */
static void seed_derive(struct exchange *x)
{
    static const char purpose[] = "bourse/hashes in memory/v1";
    crypto_generichash(x->seed, sizeof(x->seed), (const uint8_t *)purpose, sizeof(purpose),
                       x->nonce_key, sizeof(x->nonce_key));
}

struct exchange *exchange_new(const struct genesis *genesis, const uint8_t exchange_id[32],
                              const uint8_t nonce_key[32])
{
    struct exchange *x = calloc(1, sizeof(*x));
    if (!x)
        memory_exhausted();
    x->genesis_arena = ARENA_EMPTY;
    x->scratch = ARENA_EMPTY;
    x->events = BUFFER_EMPTY;
    x->event_ends = BUFFER_EMPTY;
    memcpy(x->id, exchange_id, sizeof(x->id));
    memcpy(x->nonce_key, nonce_key, sizeof(x->nonce_key));
    genesis_take(x, genesis);
    seed_derive(x);
    static_assert(STORE_SEED_SIZE == sizeof(x->seed), "one seed for all");
    x->store = store_new(exchange_tables, TABLE_COUNT);
    store_seed(x->store, x->seed);
    due_queue_new(x);
    account_index_new(x);
    ledger_index_new(x);
    series_index_new(x);
    token_index_new(x);
    gift_index_new(x);
    request_index_new(x);
    key_index_new(x);
    sku_index_new(x);
    site_index_new(x);
    closure_index_new(x);
    ask_site_index_new(x);
    ask_turn_index_new(x);
    offer_index_new(x);
    order_index_new(x);
    rest_index_new(x);
    lease_index_new(x);
    rule_index_new(x);
    contract_index_new(x);
    pledge_index_new(x);
    grant_index_new(x);
    revshare_index_new(x);
    flow_index_new(x);
    occupancy_index_new(x);
    proposal_index_new(x);
    trade_index_new(x);
    return x;
}

void exchange_free(struct exchange *x)
{
    if (!x)
        return;
    occupancy_index_free(x);
    flow_index_free(x);
    revshare_index_free(x);
    grant_index_free(x);
    pledge_index_free(x);
    contract_index_free(x);
    proposal_index_free(x);
    trade_index_free(x);
    rule_index_free(x);
    lease_index_free(x);
    rest_index_free(x);
    order_index_free(x);
    offer_index_free(x);
    ask_turn_index_free(x);
    closure_index_free(x);
    site_index_free(x);
    sku_index_free(x);
    key_index_free(x);
    request_index_free(x);
    gift_index_free(x);
    token_index_free(x);
    series_index_free(x);
    ledger_index_free(x);
    account_index_free(x);
    due_queue_free(x);
    store_free(x->store);
    buffer_release(&x->events);
    buffer_release(&x->event_ends);
    arena_release(&x->genesis_arena);
    arena_release(&x->scratch);
    sodium_memzero(x->nonce_key, sizeof(x->nonce_key));
    sodium_memzero(x->seed, sizeof(x->seed));
    free(x);
}

struct store *exchange_store(struct exchange *x)
{
    return x->store;
}

static bool store_is_empty(const struct exchange *x)
{
    for (unsigned table = 0; table < TABLE_COUNT; table++) {
        if (store_count(x->store, table) > 0)
            return false;
    }
    return true;
}

int exchange_loaded(struct exchange *x)
{
    uint32_t id = 0;
    const struct head_row *head = store_find(x->store, TABLE_HEAD, &id);
    if (!head)
        return store_is_empty(x) ? STATUS_OK : STATUS_DAMAGED;
    if (store_count(x->store, TABLE_HEAD) != 1 || head->time_s > TIME_MAX_S)
        return STATUS_DAMAGED;
    x->head = *head;
    x->group_time_s = head->time_s;
    x->events_first = head->log_size;
    if (check_references(x, NULL) != 0 || !ledger_is_conserved(x))
        return STATUS_DAMAGED;
    /* While leases were loaded it was not known yet how many outages there have been. */
    lease_deadlines_moved(x);
    return STATUS_OK;
}

/* --- A group --- */

void exchange_begin(struct exchange *x, uint64_t group, uint64_t time_s)
{
    assert(group == x->head.group + 1);
    if (x->head.clock_mode == CLOCK_MODE_MANUAL)
        assert(time_s == x->head.confirmed_s);
    else if (x->head.group > 0)
        assert(time_s >= x->head.time_s && time_s <= exchange_time_limit(x));
    bool jumped =
        x->head.clock_mode == CLOCK_MODE_REAL && time_s > x->head.time_s + CLOCK_JUMP_MAX_S;

    x->last_time_s = x->head.time_s;
    x->group_time_s = time_s;
    x->head.group = group;
    x->head.time_s = time_s;
    x->events_first = x->head.log_size;
    buffer_clear(&x->events);
    buffer_clear(&x->event_ends);
    /* While the jump waited for the admin's word nobody else was served. */
    if (jumped)
        clock_outage_add(x, x->last_time_s, time_s);
}

void exchange_end(struct exchange *x)
{
    ledger_assert_conserved(x);
    store_put(x->store, TABLE_HEAD, &x->head);
    store_settle(x->store);
    ledger_index_settle(x);
    token_index_settle(x);
    gift_index_settle(x);
    proposal_index_settle(x);
    closure_index_settle(x);
    if (x->witness.settled != NULL)
        x->witness.settled(x->witness.context);
    flow_index_settle(x);
    occupancy_index_settle(x);
}

struct event_batch exchange_events(const struct exchange *x)
{
    return (struct event_batch){
        .first_index = x->events_first,
        .count = event_mark(x),
        .ends = (const uint32_t *)(const void *)x->event_ends.data,
        .data = x->events.data,
    };
}

static void genesis_log(struct exchange *x)
{
    const struct genesis *g = &x->genesis;
    struct ev_genesis event = {EVENT_HEAD_OF(x, 0), .origin = g->origin};
    memcpy(event.exchange_id, x->id, sizeof(event.exchange_id));
    memcpy(event.root_key, g->root_key, sizeof(event.root_key));
    const struct genesis_admin *first = &g->admins.items[0];
    uint32_t admin = account_add(x, first->name, ROLE_ADMIN, first->sign_key, first->channel_key);
    assert(admin == 1);
    x->head.approvals = g->approvals;
    x->head.mint_limit_ucr = g->mint_limit_ucr;
    x->head.payout_limit_ucr = g->payout_limit_ucr;
    event_log(x, &ev_genesis_message, &event);
    for (uint32_t i = 1; i < g->admins.count; i++) {
        struct op_account_register op = {.name = g->admins.items[i].name, .role = ROLE_ADMIN};
        memcpy(op.sign_key, g->admins.items[i].sign_key, sizeof(op.sign_key));
        memcpy(op.channel_key, g->admins.items[i].channel_key, sizeof(op.channel_key));
        account_admit(x, 0, &op);
    }
}

struct keys_found {
    struct buffer rows;
    size_t row_size;
};

static int row_collect(void *context, const void *row)
{
    struct keys_found *found = context;
    buffer_append(&found->rows, row, found->row_size);
    return 0;
}

/* What names events of the former log is of no use in the new one: ids of requests, which were
 * signed for the former exchange anyway, and where sealed access is to be read. */
static void former_log_forget(struct exchange *x)
{
    struct keys_found found = {BUFFER_EMPTY, sizeof(struct request_row)};
    store_each(x->store, TABLE_REQUEST, row_collect, &found);
    for (size_t at = 0; at < found.rows.length; at += found.row_size)
        store_remove(x->store, TABLE_REQUEST, found.rows.data + at);
    buffer_clear(&found.rows);
    found.row_size = sizeof(struct lease_row);
    store_each(x->store, TABLE_LEASE, row_collect, &found);
    for (size_t at = 0; at < found.rows.length; at += found.row_size) {
        struct lease_row lease;
        memcpy(&lease, found.rows.data + at, sizeof(lease));
        lease.access_index = 0;
        store_put(x->store, TABLE_LEASE, &lease);
    }
    if (found.rows.status)
        memory_exhausted();
    buffer_release(&found.rows);
}

static void restored_log(struct exchange *x)
{
    const struct genesis *g = &x->genesis;
    struct ev_restored event = {
        EVENT_HEAD_OF(x, 0),
        .origin = g->origin,
        .former_origin = g->former_origin,
        .former_size = g->former_size,
    };
    memcpy(event.exchange_id, x->id, sizeof(event.exchange_id));
    memcpy(event.former_exchange_id, g->former_exchange_id, sizeof(event.former_exchange_id));
    memcpy(event.former_root, g->former_root, sizeof(event.former_root));
    x->head.place_base += x->head.log_size;
    x->head.log_size = 0;
    x->events_first = 0;
    former_log_forget(x);
    event_log(x, &ev_restored_message, &event);
}

void exchange_found(struct exchange *x)
{
    assert(event_mark(x) == 0);
    if (x->genesis.former_origin.length > 0) {
        restored_log(x);
    } else {
        assert(x->head.account_last == 0 && x->head.log_size == 0);
        occupancy_begin(x);
        genesis_log(x);
    }
}

void exchange_start(struct exchange *x, enum clock_mode mode)
{
    bool first = x->head.clock_mode == 0;
    bool jumped = x->head.clock_mode == CLOCK_MODE_REAL &&
                  x->group_time_s > x->last_time_s + CLOCK_JUMP_MAX_S;
    bool down =
        !first && mode == CLOCK_MODE_REAL && x->group_time_s - x->last_time_s >= OUTAGE_MIN_S;
    struct ev_started event = {EVENT_HEAD_OF(x, 0), .clock_mode = (uint32_t)mode};

    if (down) {
        event.outage_from_s = x->last_time_s;
        /* A confirmed jump has been counted already, when the group began. */
        if (!jumped)
            clock_outage_add(x, x->last_time_s, x->group_time_s);
    }
    x->head.clock_mode = (uint32_t)mode;
    if (mode == CLOCK_MODE_MANUAL && x->head.confirmed_s < x->head.time_s)
        x->head.confirmed_s = x->head.time_s;
    event_log(x, &ev_started_message, &event);
}

/* --- Questions --- */

bool exchange_may_see(const struct exchange *x, uint32_t account, const struct message *event,
                      const void *body)
{
    return query_sees_all(x, account) || event_names(event, body, account);
}

enum refusal exchange_access_index(const struct exchange *x, uint32_t account, uint64_t lease,
                                   uint64_t *index_out)
{
    const struct lease_row *row = store_find(x->store, TABLE_LEASE, &lease);
    if (!row || account == 0 || row->holder != account)
        return REFUSAL_not_found;
    if (row->access_index == 0)
        return REFUSAL_lease_not_active;
    *index_out = row->access_index;
    return REFUSAL_accepted;
}
