#include "client/cli/bench_transfer.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "client/cli/bench_codec.h"
#include "client/cli/import_wire.h"
#include "client/connection_errors.h"
#include "client/stream.h"
#include "protocol/refusal.h"
#include "protocol/status.h"

enum {
    TOKEN_UCR = 1000000,
    MINT_OPERATIONS = 40, /* of TRANSFER_OUTPUTS_MAX tokens each, a request */
    WAIT_MS = 30 * 1000,
    SYNC_FILE_BYTES = 16 * 1024 * 1024,
    SYNC_BLOCK_BYTES = 4096,
    SYNC_MEASURE_MS = 500,
};

/* The tokens that an account holds and has not sent away. */
struct pool {
    struct wire_party party;
    uint64_t *tokens; /* owned; room for all tokens there are */
    size_t count;
};

struct flight {
    uint64_t sent_ns;
    uint32_t to; /* the pool that receives */
};

struct lane {
    struct stream *stream;
    uint32_t sent; /* seq of the last request */
    uint32_t taken;
    struct flight flights[BENCH_WINDOW_MAX]; /* by seq modulo their number */
};

struct bench {
    const struct bench_options *options;
    struct bench_figures *figures;
    struct connection *connection;
    struct wire *wire;
    uint32_t series;
    struct pool pools[BENCH_ACCOUNTS];
    struct lane *lanes; /* owned */
    uint32_t next_pool;
    uint64_t random;
    uint64_t *batch;        /* owned; the tokens of one request or reply */
    uint32_t *latencies_us; /* owned */
    size_t latencies_capacity;
    struct buffer body;
    struct buffer frame;
    uint64_t sent; /* requests */
    uint64_t group_first;
    uint64_t group_last;
    uint64_t last_ns; /* of the last reply */
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* xorshift64*: which token is next need not be unpredictable, only spread evenly and cheap. */
static uint64_t random_next(struct bench *b)
{
    b->random ^= b->random >> 12;
    b->random ^= b->random << 25;
    b->random ^= b->random >> 27;
    return b->random * UINT64_C(2685821657736338717);
}

static int out_of_memory(struct connection_error *error)
{
    return connection_fail(error, STATUS_MEMORY, "out of memory");
}

/* --- Setting up ------------------------------------------------------------------------------- */

static int apply(struct bench *b, const struct wire_party *who, const struct operation *o,
                 uint32_t count, struct arena *arena, const struct frame_reply **reply_out,
                 struct connection_error *error)
{
    int status = wire_send(b->wire, who, o, count, error);
    if (status == STATUS_OK)
        status = wire_reply(b->wire, arena, reply_out, error);
    if (status != STATUS_OK)
        return status;
    for (uint32_t i = 0; i < (*reply_out)->results.count; i++) {
        uint32_t refusal = (*reply_out)->results.items[i].refusal;
        if (refusal != REFUSAL_accepted)
            return connection_fail(error, STATUS_MISUSE, "%s was refused: %s", o[i].message->name,
                                   refusal_name(refusal));
    }
    return (*reply_out)->results.count == count
               ? STATUS_OK
               : connection_fail(error, STATUS_MALFORMED, "a reply to other operations");
}

static int accounts_make(struct bench *b, const struct wire_party *admin, struct arena *arena,
                         struct connection_error *error)
{
    struct op_account_register bodies[BENCH_ACCOUNTS];
    struct operation o[BENCH_ACCOUNTS];
    char names[BENCH_ACCOUNTS][32];
    const struct frame_reply *reply = NULL;
    for (uint32_t i = 0; i < BENCH_ACCOUNTS; i++) {
        struct pool *p = &b->pools[i];
        snprintf(names[i], sizeof(names[i]), "bench-%u", (unsigned)i);
        wire_keys(0, names[i], &p->party.keys);
        p->tokens = malloc(b->options->tokens * sizeof(*p->tokens));
        if (p->tokens == NULL)
            return out_of_memory(error);
        bodies[i] = (struct op_account_register){.name = text_of(names[i]), .role = ROLE_STARTUP};
        memcpy(bodies[i].sign_key, p->party.keys.sign_public, 32);
        memcpy(bodies[i].channel_key, p->party.keys.channel_public, 32);
        o[i] = (struct operation){&op_account_register_message, &bodies[i]};
    }
    int status = apply(b, admin, o, BENCH_ACCOUNTS, arena, &reply, error);
    for (uint32_t i = 0; status == STATUS_OK && i < BENCH_ACCOUNTS; i++)
        b->pools[i].party.account = (uint32_t)reply->results.items[i].object;
    return status;
}

static int series_make(struct bench *b, const struct wire_party *admin, struct arena *arena,
                       struct connection_error *error)
{
    const struct frame_reply *reply = NULL;
    struct op_series_create body = {.name = {"bench", 5},
                                    .funder = admin->account,
                                    .expired_to = admin->account,
                                    .transferable = true};
    struct operation o = {&op_series_create_message, &body};
    int status = apply(b, admin, &o, 1, arena, &reply, error);
    if (status == STATUS_OK)
        b->series = (uint32_t)reply->results.items[0].object;
    return status;
}

/* Up to `count` tokens, in one request, an operation for each account in turn. Returns how many in
 * *count. */
static int tokens_mint(struct bench *b, const struct wire_party *admin, uint64_t *count,
                       struct arena *arena, struct connection_error *error)
{
    struct op_mint bodies[MINT_OPERATIONS];
    struct operation o[MINT_OPERATIONS];
    const struct frame_reply *reply = NULL;
    uint64_t left = *count;
    uint32_t n = 0;
    for (; n < MINT_OPERATIONS && left > 0; n++) {
        uint32_t outputs = left < TRANSFER_OUTPUTS_MAX ? (uint32_t)left : TRANSFER_OUTPUTS_MAX;
        struct payment *to = arena_alloc(arena, outputs * sizeof(*to));
        if (to == NULL)
            return out_of_memory(error);
        for (uint32_t i = 0; i < outputs; i++)
            to[i] = (struct payment){b->pools[n % BENCH_ACCOUNTS].party.account, TOKEN_UCR};
        bodies[n] = (struct op_mint){.series = b->series};
        bodies[n].outputs.items = to;
        bodies[n].outputs.count = outputs;
        o[n] = (struct operation){&op_mint_message, &bodies[n]};
        left -= outputs;
    }
    int status = apply(b, admin, o, n, arena, &reply, error);
    for (uint32_t i = 0; status == STATUS_OK && i < n; i++) {
        struct pool *p = &b->pools[i % BENCH_ACCOUNTS];
        for (uint32_t j = 0; j < reply->results.items[i].token_count; j++)
            p->tokens[p->count++] = reply->results.items[i].token_first + j;
    }
    *count -= left;
    return status;
}

static int lanes_open(struct bench *b, struct connection_error *error)
{
    b->lanes = calloc(b->options->connections, sizeof(*b->lanes));
    if (b->lanes == NULL)
        return out_of_memory(error);
    for (uint32_t i = 0; i < b->options->connections; i++) {
        struct stream_error why = {.text = ""};
        const struct keys *keys = &b->pools[i % BENCH_ACCOUNTS].party.keys;
        int status = stream_open(b->options->address, keys->channel_secret,
                                 b->options->pin->channel, WAIT_MS, &b->lanes[i].stream, &why);
        if (status != STATUS_OK)
            return connection_explain_open(status, b->options->address, why.text, error);
    }
    return STATUS_OK;
}

static int set_up(struct bench *b, struct connection_error *error)
{
    struct arena arena = ARENA_EMPTY;
    struct wire_party admin = {.keys = *b->options->admin};
    struct connection_options how = {.address = b->options->address,
                                     .pin = b->options->pin,
                                     .keys = b->options->admin,
                                     .client = "bourse bench",
                                     .retries = -1};
    uint64_t begin_ns = now_ns();
    int status = connection_open(&how, &b->connection, error);
    if (status != STATUS_OK)
        return status;
    admin.account = connection_status(b->connection)->you;
    status = wire_open(b->options->address, b->options->pin, &admin, 0,
                       connection_time_s(b->connection), &b->wire, error);
    if (status == STATUS_OK)
        status = accounts_make(b, &admin, &arena, error);
    if (status == STATUS_OK)
        status = series_make(b, &admin, &arena, error);
    for (uint64_t left = b->options->tokens; status == STATUS_OK && left > 0;) {
        uint64_t count = left;
        arena_clear(&arena);
        wire_time_set(b->wire, connection_time_s(b->connection));
        status = tokens_mint(b, &admin, &count, &arena, error);
        left -= count;
    }
    if (status == STATUS_OK)
        status = lanes_open(b, error);
    b->figures->mint_s = (double)(now_ns() - begin_ns) / 1e9;
    keys_wipe(&admin.keys);
    arena_release(&arena);
    return status;
}

/* --- Requests --------------------------------------------------------------------------------- */

/* The next account in turn that holds enough; -1: none does until replies come. */
static int pool_choose(struct bench *b)
{
    for (uint32_t i = 0; i < BENCH_ACCOUNTS; i++) {
        uint32_t at = (b->next_pool + i) % BENCH_ACCOUNTS;
        if (b->pools[at].count >= b->options->batch) {
            b->next_pool = at + 1;
            return (int)at;
        }
    }
    return -1;
}

static void pool_draw(struct bench *b, struct pool *p)
{
    for (uint32_t i = 0; i < b->options->batch; i++) {
        size_t at = (size_t)(random_next(b) % p->count);
        b->batch[i] = p->tokens[at];
        p->tokens[at] = p->tokens[--p->count];
    }
}

static int request_send(struct bench *b, struct lane *lane, uint32_t from,
                        struct connection_error *error)
{
    struct pool *p = &b->pools[from];
    uint32_t to = (from + 1) % BENCH_ACCOUNTS;
    uint8_t signature[KEYS_SIGNATURE_BYTES];
    struct bench_request request = {
        .account = p->party.account,
        .key = p->party.keys.sign_public,
        .valid_until_s = connection_time_s(b->connection) + CONNECTION_VALID_S,
        .tokens = b->batch,
        .count = b->options->batch,
        .to = b->pools[to].party.account,
        .amount_ucr = TOKEN_UCR,
    };
    pool_draw(b, p);
    randombytes_buf(request.id, sizeof(request.id));
    buffer_clear(&b->body);
    buffer_clear(&b->frame);
    bench_encode_request(&request, &b->body);
    keys_sign(&p->party.keys, PURPOSE_REQUEST, b->options->pin->exchange_id, b->body.data,
              b->body.length, signature);
    lane->sent++;
    bench_encode_frame(lane->sent, &b->body, signature, &b->frame);
    if (b->body.status != STATUS_OK || b->frame.status != STATUS_OK)
        return out_of_memory(error);
    lane->flights[lane->sent % BENCH_WINDOW_MAX] = (struct flight){now_ns(), to};
    b->sent++;
    int status = stream_send(lane->stream, b->frame.data, b->frame.length, WAIT_MS);
    return status == STATUS_OK ? STATUS_OK
                               : connection_explain_broken(status, b->options->address, error);
}

static int latency_add(struct bench *b, uint64_t ns, struct connection_error *error)
{
    if (b->figures->requests == b->latencies_capacity) {
        size_t capacity = b->latencies_capacity == 0 ? 4096 : 2 * b->latencies_capacity;
        uint32_t *grown = reallocarray(b->latencies_us, capacity, sizeof(*grown));
        if (grown == NULL)
            return out_of_memory(error);
        b->latencies_us = grown;
        b->latencies_capacity = capacity;
    }
    uint64_t us = ns / 1000;
    b->latencies_us[b->figures->requests++] = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
    return STATUS_OK;
}

static int reply_take(struct bench *b, struct lane *lane, const uint8_t *data, size_t length,
                      struct connection_error *error)
{
    struct bench_reply reply;
    if (bench_decode_reply(data, length, b->options->batch, b->batch, &reply) != STATUS_OK)
        return connection_fail(error, STATUS_MALFORMED,
                               "the server sent something else than the reply to transfers");
    if (reply.refusal != REFUSAL_accepted)
        return connection_fail(error, STATUS_MISUSE, "a transfer was refused: %s: %s",
                               refusal_name(reply.refusal), refusal_text(reply.refusal));
    if (reply.seq != ++lane->taken || reply.count != b->options->batch)
        return connection_fail(error, STATUS_MALFORMED, "a reply to another request");
    const struct flight *f = &lane->flights[reply.seq % BENCH_WINDOW_MAX];
    struct pool *to = &b->pools[f->to];
    memcpy(to->tokens + to->count, b->batch, reply.count * sizeof(*b->batch));
    to->count += reply.count;
    b->figures->operations += reply.count;
    b->last_ns = now_ns();
    if (b->group_first == 0)
        b->group_first = reply.group;
    b->group_last = reply.group;
    return latency_add(b, b->last_ns - f->sent_ns, error);
}

/* Takes the replies that are there; *some_out: there were any. */
static int replies_take(struct bench *b, struct lane *lane, bool *some_out,
                        struct connection_error *error)
{
    for (;;) {
        const uint8_t *data;
        size_t length;
        int status = stream_receive(lane->stream, 0, &data, &length);
        if (status == STATUS_TIMEOUT)
            return STATUS_OK;
        if (status != STATUS_OK)
            return connection_explain_broken(status, b->options->address, error);
        *some_out = true;
        status = reply_take(b, lane, data, length, error);
        if (status != STATUS_OK)
            return status;
    }
}

static int replies_wait(struct bench *b, struct connection_error *error)
{
    struct pollfd fds[BENCH_CONNECTIONS_MAX];
    for (uint32_t i = 0; i < b->options->connections; i++)
        fds[i] = (struct pollfd){.fd = stream_socket(b->lanes[i].stream), .events = POLLIN};
    int n = poll(fds, b->options->connections, WAIT_MS);
    return n != 0
               ? STATUS_OK
               : connection_fail(error, STATUS_TIMEOUT, "no reply came for %d s", WAIT_MS / 1000);
}

static bool is_interrupted(const struct bench *b)
{
    return b->options->interrupted != NULL && b->options->interrupted();
}

static bool wants_more(const struct bench *b, uint64_t end_ns)
{
    if (is_interrupted(b))
        return false;
    if (b->options->requests > 0)
        return b->sent < b->options->requests;
    return now_ns() < end_ns;
}

/* Sends while the window has room. */
static int lane_fill(struct bench *b, struct lane *lane, uint64_t end_ns,
                     struct connection_error *error)
{
    while (lane->sent - lane->taken < b->options->window && wants_more(b, end_ns)) {
        int from = pool_choose(b);
        if (from < 0)
            return STATUS_OK;
        int status = request_send(b, lane, (uint32_t)from, error);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static int measure(struct bench *b, struct connection_error *error)
{
    int status = STATUS_OK;
    uint64_t begin_ns = now_ns();
    uint64_t end_ns = begin_ns + (uint64_t)(b->options->seconds * 1e9);
    bool waits = true;
    while (status == STATUS_OK && (waits || wants_more(b, end_ns))) {
        bool some = false;
        for (uint32_t i = 0; status == STATUS_OK && i < b->options->connections; i++) {
            status = replies_take(b, &b->lanes[i], &some, error);
            if (status == STATUS_OK)
                status = lane_fill(b, &b->lanes[i], end_ns, error);
        }
        waits = b->figures->requests < b->sent;
        if (status == STATUS_OK && !some && waits)
            status = replies_wait(b, error);
    }
    if (status == STATUS_OK && is_interrupted(b))
        status = connection_fail(error, STATUS_CLOSED, "interrupted");
    b->figures->wall_s = (double)(b->last_ns - begin_ns) / 1e9;
    b->figures->groups = b->sent > 0 ? b->group_last - b->group_first + 1 : 0;
    return status;
}

/* --- Figures ---------------------------------------------------------------------------------- */

static int latency_compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void latencies_count(struct bench *b)
{
    size_t n = (size_t)b->figures->requests;
    if (n == 0)
        return;
    qsort(b->latencies_us, n, sizeof(*b->latencies_us), latency_compare);
    b->figures->p50_ms = b->latencies_us[(n - 1) / 2] / 1000.0;
    b->figures->p99_ms = b->latencies_us[(n - 1) * 99 / 100] / 1000.0;
    b->figures->max_ms = b->latencies_us[n - 1] / 1000.0;
}

/* Nothing may have been lost or made. */
static int supply_verify(struct bench *b, struct connection_error *error)
{
    struct arena arena = ARENA_EMPTY;
    struct q_supply body = {.series = b->series};
    const void *got = NULL;
    int status = connection_query(b->connection, &q_supply_message, &body, &arena, &got, error);
    const struct a_supply *answer = got;
    uint64_t expected = b->options->tokens * TOKEN_UCR;
    if (status == STATUS_OK && (answer == NULL || answer->rows.count != 1))
        status = connection_fail(error, STATUS_MALFORMED, "the series has no supply");
    if (status == STATUS_OK && (answer->rows.items[0].tokens_ucr != expected ||
                                answer->rows.items[0].minted_ucr != expected))
        status =
            connection_fail(error, STATUS_MISUSE,
                            "%" PRIu64 " micro-credits are in tokens where %" PRIu64 " were minted",
                            answer->rows.items[0].tokens_ucr, expected);
    arena_release(&arena);
    return status;
}

static double cpu_seconds(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static void bench_release(struct bench *b)
{
    for (uint32_t i = 0; b->lanes != NULL && i < b->options->connections; i++)
        stream_close(b->lanes[i].stream);
    for (uint32_t i = 0; i < BENCH_ACCOUNTS; i++) {
        keys_wipe(&b->pools[i].party.keys);
        free(b->pools[i].tokens);
    }
    wire_close(b->wire);
    connection_close(b->connection);
    free(b->lanes);
    free(b->batch);
    free(b->latencies_us);
    buffer_release(&b->body);
    buffer_release(&b->frame);
}

int bench_transfer(const struct bench_options *options, struct bench_figures *out,
                   struct connection_error *error)
{
    struct bench b = {.options = options, .figures = out, .random = UINT64_C(88172645463325252)};
    *out = (struct bench_figures){.operations = 0};
    *error = (struct connection_error){.status = STATUS_OK};
    b.batch = calloc(options->batch, sizeof(*b.batch));
    int status = b.batch == NULL ? out_of_memory(error) : set_up(&b, error);
    double cpu_s = cpu_seconds();
    if (status == STATUS_OK)
        status = measure(&b, error);
    out->client_cpu_s = cpu_seconds() - cpu_s;
    if (status == STATUS_OK)
        status = supply_verify(&b, error);
    latencies_count(&b);
    bench_release(&b);
    return status;
}

/* A file written once, as journals are, so that syncs need not wait for the file system. */
static int sync_file_make(const char *folder)
{
    static const uint8_t block[64 * 1024] = {1};
    char path[4096];
    snprintf(path, sizeof(path), "%s/bourse-sync-XXXXXX", folder);
    int fd = mkstemp(path);
    if (fd < 0)
        return -1;
    unlink(path);
    for (off_t at = 0; at < SYNC_FILE_BYTES; at += (off_t)sizeof(block)) {
        if (pwrite(fd, block, sizeof(block), at) != (ssize_t)sizeof(block)) {
            close(fd);
            return -1;
        }
    }
    fsync(fd);
    return fd;
}

double bench_sync_rate(const char *folder)
{
    static const uint8_t block[SYNC_BLOCK_BYTES] = {2};
    int fd = sync_file_make(folder);
    if (fd < 0)
        return 0;
    uint64_t begin_ns = now_ns();
    uint64_t count = 0;
    off_t at = 0;
    while (now_ns() - begin_ns < SYNC_MEASURE_MS * UINT64_C(1000000)) {
        if (pwrite(fd, block, sizeof(block), at) != (ssize_t)sizeof(block) || fdatasync(fd) != 0)
            break;
        at = (at + SYNC_BLOCK_BYTES) % SYNC_FILE_BYTES;
        count++;
    }
    double passed_s = (double)(now_ns() - begin_ns) / 1e9;
    close(fd);
    return (double)count / passed_s;
}
