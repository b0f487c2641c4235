#include "client/cli/bench_redeem.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/cli/bench_transfer.h"
#include "client/cli/import_wire.h"
#include "client/cli/spawn.h"
#include "client/connection_errors.h"
#include "protocol/refusal.h"
#include "protocol/status.h"

/* The first requests find cold caches and are not counted. */
enum { WARM_UP = 2 };

/* A server with a market of one size. */
struct place_of_size {
    struct spawn *spawn;
    struct connection *connection; /* the admin's, for the time */
    struct wire *wire;             /* the startup's */
    struct wire_party parties[BENCH_PARTIES];
    struct bench_target target;
    struct bench_market *market;
    char schedule[64]; /* where the kernel tells the time of the engine's thread */
    struct arena arena;
    struct connection_error *error;
};

struct samples {
    uint64_t *wall_ns;
    uint64_t *engine_ns;
    uint32_t count;
};

struct redeem {
    const struct redeem_options *options;
    struct place_of_size places[REDEEM_SIZES_MAX];
    struct samples samples[REDEEM_SIZES_MAX][BENCH_WORKS];
    uint32_t rounds;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* --- A market in a server -------------------------------------------------------------------- */

static int place_apply(void *context, enum bench_party who, const struct operation *operations,
                       uint32_t count, const struct result **results_out)
{
    struct place_of_size *p = context;
    const struct frame_reply *reply = NULL;
    arena_clear(&p->arena);
    p->parties[who].account = p->target.accounts[who];
    wire_time_set(p->wire, connection_time_s(p->connection));
    int status = wire_send(p->wire, &p->parties[who], operations, count, p->error);
    if (status == STATUS_OK)
        status = wire_reply(p->wire, &p->arena, &reply, p->error);
    if (status != STATUS_OK)
        return status;
    for (uint32_t i = 0; i < reply->results.count; i++) {
        uint32_t refusal = reply->results.items[i].refusal;
        if (refusal != REFUSAL_accepted)
            return connection_fail(p->error, STATUS_MISUSE, "%s was refused: %s",
                                   operations[i].message->name, refusal_name(refusal));
    }
    *results_out = reply->results.items;
    return reply->results.count == count
               ? STATUS_OK
               : connection_fail(p->error, STATUS_MALFORMED, "a reply to other operations");
}

/* An answer waits until what it reflects is durable, so that the fills are. */
static int place_settle(void *context, uint64_t offer)
{
    struct place_of_size *p = context;
    uint64_t end_ns = now_ns() + (uint64_t)CONNECTION_TIMEOUT_MS * 1000000;
    for (;;) {
        struct q_offers query = {.offer = offer, .limit = 1};
        const void *got = NULL;
        arena_clear(&p->arena);
        int status = wire_ask(p->wire, &q_offers_message, &query, p->error);
        if (status == STATUS_OK)
            status = wire_answer(p->wire, &q_offers_message, &p->arena, &got, p->error);
        if (status != STATUS_OK)
            return status;
        const struct a_offers *answer = got;
        if (answer->rows.count != 1)
            return connection_fail(p->error, STATUS_MALFORMED, "the offer is not there");
        if (!answer->rows.items[0].asking)
            return STATUS_OK;
        if (now_ns() > end_ns)
            return connection_fail(p->error, STATUS_TIMEOUT, "the asking did not end");
    }
}

/* Time that a thread has run, in nanoseconds; 0 when the kernel does not tell. */
static uint64_t thread_ran_ns(const char *path)
{
    uint64_t ran = 0;
    FILE *f = *path != '\0' ? fopen(path, "re") : NULL;
    if (f == NULL)
        return 0;
    if (fscanf(f, "%" SCNu64, &ran) != 1)
        ran = 0;
    fclose(f);
    return ran;
}

static struct bench_moment place_now(void *context)
{
    struct place_of_size *p = context;
    return (struct bench_moment){now_ns(), thread_ran_ns(p->schedule)};
}

static void place_keys(void *context, enum bench_party who, uint8_t sign_out[32],
                       uint8_t channel_out[32])
{
    struct place_of_size *p = context;
    memcpy(sign_out, p->parties[who].keys.sign_public, 32);
    memcpy(channel_out, p->parties[who].keys.channel_public, 32);
}

/* Finds the thread of the server that is called "engine". */
static void engine_find(struct place_of_size *p)
{
    char path[512];
    char name[32];
    snprintf(path, sizeof(path), "/proc/%d/task", (int)spawn_pid(p->spawn));
    DIR *tasks = opendir(path);
    struct dirent *entry;
    p->schedule[0] = '\0';
    while (tasks != NULL && (entry = readdir(tasks)) != NULL) {
        snprintf(path, sizeof(path), "/proc/%d/task/%s/comm", (int)spawn_pid(p->spawn),
                 entry->d_name);
        FILE *f = fopen(path, "re");
        if (f == NULL)
            continue;
        bool is_engine = fgets(name, sizeof(name), f) != NULL && strcmp(name, "engine\n") == 0;
        fclose(f);
        if (is_engine)
            snprintf(p->schedule, sizeof(p->schedule), "/proc/%d/task/%.16s/schedstat",
                     (int)spawn_pid(p->spawn), entry->d_name);
    }
    if (tasks != NULL)
        closedir(tasks);
}

static int server_start(struct place_of_size *p, const struct redeem_options *o,
                        struct connection_error *error)
{
    struct buffer why = BUFFER_EMPTY;
    struct spawn_options how = {.origin = o->origin, .parent = o->folder};
    keys_get_public(o->admin, &how.admin);
    int status = spawn_start(&how, &p->spawn, &why);
    if (status != STATUS_OK)
        connection_fail(error, status, "%.*s", (int)why.length, (const char *)why.data);
    buffer_release(&why);
    return status;
}

static int server_connect(struct place_of_size *p, const struct redeem_options *o,
                          struct connection_error *error)
{
    struct connection_options how = {.address = spawn_address(p->spawn),
                                     .pin = spawn_pin(p->spawn),
                                     .keys = o->admin,
                                     .client = "bourse bench",
                                     .retries = -1};
    int status = connection_open(&how, &p->connection, error);
    if (status != STATUS_OK)
        return status;
    p->parties[BENCH_ADMIN].keys = *o->admin;
    for (int who = BENCH_OPERATOR; who < BENCH_PARTIES; who++) {
        char name[BENCH_NAME_SIZE];
        bench_party_name((enum bench_party)who, name);
        wire_keys(0, name, &p->parties[who].keys);
    }
    p->target = (struct bench_target){
        .context = p,
        .time_s = connection_time_s(p->connection),
        .accounts = {connection_status(p->connection)->you},
        .apply = place_apply,
        .settle = place_settle,
        .now = place_now,
        .keys = place_keys,
    };
    /* The admin asks: it may see every offer. */
    return wire_open(how.address, how.pin, &p->parties[BENCH_ADMIN], 0, p->target.time_s, &p->wire,
                     error);
}

static int place_begin(struct place_of_size *p, const struct redeem_options *o,
                       enum bench_shape shape, uint32_t size, struct connection_error *error)
{
    p->error = error;
    int status = server_start(p, o, error);
    if (status == STATUS_OK)
        status = server_connect(p, o, error);
    if (status == STATUS_OK)
        status = bench_market_make(&p->target, shape, size, false, &p->market);
    if (status == STATUS_OK)
        engine_find(p);
    else if (error->text[0] == '\0')
        connection_fail(error, status, "%s", status_text(status));
    return status;
}

static void place_end(struct place_of_size *p)
{
    bench_market_free(p->market);
    wire_close(p->wire);
    connection_close(p->connection);
    spawn_free(p->spawn);
    arena_release(&p->arena);
    for (int i = 0; i < BENCH_PARTIES; i++)
        keys_wipe(&p->parties[i].keys);
}

/* --- Measuring ------------------------------------------------------------------------------- */

static int samples_make(struct redeem *r, uint32_t works, struct connection_error *error)
{
    for (uint32_t i = 0; i < r->options->sizes_count; i++) {
        for (uint32_t work = 0; work < works; work++) {
            struct samples *s = &r->samples[i][work];
            s->wall_ns = calloc(r->rounds, sizeof(*s->wall_ns));
            s->engine_ns = calloc(r->rounds, sizeof(*s->engine_ns));
            if (s->wall_ns == NULL || s->engine_ns == NULL)
                return connection_fail(error, STATUS_MEMORY, "out of memory");
        }
    }
    return STATUS_OK;
}

static int round_measure(struct redeem *r, uint32_t round, uint32_t works,
                         struct connection_error *error)
{
    for (uint32_t work = 0; work < works; work++) {
        for (uint32_t i = 0; i < r->options->sizes_count; i++) {
            struct bench_moment each;
            struct samples *s = &r->samples[i][work];
            if (r->options->interrupted != NULL && r->options->interrupted())
                return connection_fail(error, STATUS_CLOSED, "interrupted");
            int status = bench_market_work(r->places[i].market, (enum bench_work)work,
                                           r->options->batch, &each);
            if (status != STATUS_OK)
                return status;
            if (round < WARM_UP)
                continue;
            s->wall_ns[s->count] = each.wall_ns;
            s->engine_ns[s->count++] = each.engine_ns;
        }
    }
    return STATUS_OK;
}

static int number_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The value below which `percent` of the sorted numbers are, in microseconds. */
static double percentile_us(const uint64_t *ns, uint32_t count, uint32_t percent)
{
    return (double)ns[((uint64_t)count - 1) * percent / 100] / 1000;
}

static struct redeem_figures figures_of(const struct samples *s)
{
    struct redeem_figures f = {.samples = s->count};
    if (s->count == 0)
        return f;
    qsort(s->wall_ns, s->count, sizeof(*s->wall_ns), number_compare);
    qsort(s->engine_ns, s->count, sizeof(*s->engine_ns), number_compare);
    f.wall_us = percentile_us(s->wall_ns, s->count, 50);
    f.wall_p99_us = percentile_us(s->wall_ns, s->count, 99);
    f.engine_us = percentile_us(s->engine_ns, s->count, 50);
    f.engine_p99_us = percentile_us(s->engine_ns, s->count, 99);
    return f;
}

static int curve_measure(struct redeem *r, struct redeem_curve *out, struct connection_error *error)
{
    const struct redeem_options *o = r->options;
    double sync_per_s = bench_sync_rate(o->folder);
    int status = samples_make(r, out->works, error);
    uint64_t end_ns = now_ns() + (uint64_t)(o->seconds * 1e9);
    for (uint32_t round = 0; status == STATUS_OK && round < r->rounds; round++) {
        if (round > WARM_UP && now_ns() > end_ns)
            break;
        status = round_measure(r, round, out->works, error);
    }
    out->sync_us = sync_per_s > 0 ? 1e6 / sync_per_s / o->batch : 0;
    for (uint32_t i = 0; i < o->sizes_count; i++) {
        for (uint32_t work = 0; work < out->works; work++)
            out->points[i][work] = figures_of(&r->samples[i][work]);
    }
    return status;
}

static void redeem_release(struct redeem *r)
{
    for (uint32_t i = 0; i < r->options->sizes_count; i++) {
        place_end(&r->places[i]);
        for (int work = 0; work < BENCH_WORKS; work++) {
            free(r->samples[i][work].wall_ns);
            free(r->samples[i][work].engine_ns);
        }
    }
    free(r);
}

int bench_redeem(const struct redeem_options *options, enum bench_shape shape,
                 struct redeem_curve *out, struct connection_error *error)
{
    *error = (struct connection_error){.status = STATUS_OK};
    *out = (struct redeem_curve){
        .shape = shape,
        .works = bench_shape_asks(shape) ? BENCH_WORKS : WORK_FLOOR_PUBLISH,
    };
    struct redeem *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return connection_fail(error, STATUS_MEMORY, "out of memory");
    r->options = options;
    r->rounds = (options->operations + options->batch - 1) / options->batch + WARM_UP;
    int status = STATUS_OK;
    for (uint32_t i = 0; status == STATUS_OK && i < options->sizes_count; i++)
        status = place_begin(&r->places[i], options, shape, options->sizes[i], error);
    if (status == STATUS_OK)
        status = curve_measure(r, out, error);
    redeem_release(r);
    return status;
}
