#include "bench.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>

#include <sodium.h>

#include "protocol/sha256.h"
#include "protocol/status.h"
#include "server/command/command.h"

enum { WAIT_MS = 20000, WORDS_MAX = 48 };

static const struct command *const commands[] = {
    &command_init,   &command_certify, &command_check, &command_replay,
    &command_backup, &command_restore, &command_report};

const char *bench_path(const struct bench *b, const char *name)
{
    static char path[PATH_MAX + 64];
    snprintf(path, sizeof(path), "%s/%s", b->data, name);
    return path;
}

int bench_command(const struct bench *b, const char *name, ...)
{
    char out[PATH_MAX + 16];
    char *words[WORDS_MAX];
    int count = 0, code = -1;
    va_list list;
    va_start(list, name);
    for (const char *word = va_arg(list, const char *); word != NULL;
         word = va_arg(list, const char *)) {
        assert_true(count < WORDS_MAX);
        words[count++] = strdup(word);
    }
    va_end(list);
    snprintf(out, sizeof(out), "%s/out", b->root);
    fflush(stdout);
    fflush(stderr);
    int old_out = dup(STDOUT_FILENO), old_error = dup(STDERR_FILENO);
    int file = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(commands[i]->name, name) == 0)
            code = command_run(commands[i], count, words);
    fflush(stdout);
    fflush(stderr);
    dup2(old_out, STDOUT_FILENO);
    dup2(old_error, STDERR_FILENO);
    close(old_out);
    close(old_error);
    close(file);
    while (count > 0)
        free(words[--count]);
    return code;
}

int bench_check(const struct bench *b)
{
    return bench_command(b, "check", "--data", b->data, NULL);
}

bool bench_said(const struct bench *b, const char *text)
{
    char path[PATH_MAX + 16];
    static char content[65536];
    snprintf(path, sizeof(path), "%s/out", b->root);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t length = fread(content, 1, sizeof(content) - 1, file);
    fclose(file);
    content[length] = '\0';
    bool found = strstr(content, text) != NULL;
    if (!found)
        print_message("%s", content);
    return found;
}

void bench_make(struct bench *b)
{
    const char *base = getenv("TMPDIR");
    uint8_t seed[KEYS_SEED_BYTES] = {1, 2, 3};
    struct keys_public public;
    char text[KEYS_TEXT_BYTES + 1];
    memset(b, 0, sizeof(*b));
    b->mode = CLOCK_MODE_REAL;
    pthread_mutex_init(&b->mutex, NULL);
    pthread_cond_init(&b->changed, NULL);
    snprintf(b->root, sizeof(b->root), "%s/bourse-engine-XXXXXX", base != NULL ? base : "/tmp");
    assert_non_null(mkdtemp(b->root));
    snprintf(b->data, sizeof(b->data), "%.*s/data", PATH_MAX - 8, b->root);
    assert_true(sodium_init() >= 0);
    keys_from_seed(&b->admin, seed);
    keys_get_public(&b->admin, &public);
    keys_print(&public, text);
    int code = bench_command(b, "init", "--data", b->data, "--origin", "example.org/bourse",
                             "--admin", text, "--seed", "7", NULL);
    assert_true(code == 0 || bench_said(b, "\1"));
}

static int entry_remove(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)type;
    (void)place;
    return remove(path);
}

void bench_remove(struct bench *b)
{
    bench_stop(b);
    nftw(b->root, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
    buffer_release(&b->error);
    pthread_cond_destroy(&b->changed);
    pthread_mutex_destroy(&b->mutex);
}

static void on_published(void *context, struct publication *p)
{
    struct bench *b = context;
    pthread_mutex_lock(&b->mutex);
    struct publication **end = &b->published;
    while (*end != NULL)
        end = &(*end)->next;
    *end = p;
    if (p->log_size > b->log_size)
        b->log_size = p->log_size;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->mutex);
}

static void on_failed(void *context, int status, const char *line)
{
    struct bench *b = context;
    pthread_mutex_lock(&b->mutex);
    b->failed = status;
    snprintf(b->line, sizeof(b->line), "%s", line);
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->mutex);
}

int bench_try_start(struct bench *b)
{
    const struct engine_options options = {
        .clock_mode = b->mode, .clock = b->clock, .flush_bytes_max = b->flush_bytes_max};
    const struct engine_callbacks callbacks = {b, on_published, on_failed};
    buffer_clear(&b->error);
    b->failed = 0;
    int status = data_folder_open(b->data, FOLDER_SERVE, &b->folder, &b->error);
    if (status == 0)
        status = engine_start(b->folder, &options, &callbacks, &b->engine, &b->error);
    if (status != 0) {
        data_folder_close(b->folder);
        b->folder = NULL;
        assert_true(b->error.length > 0);
    }
    return status;
}

void bench_start(struct bench *b)
{
    int status = bench_try_start(b);
    if (status != 0)
        print_message("%.*s\n", (int)b->error.length, (const char *)b->error.data);
    assert_int_equal(status, 0);
}

void bench_stop(struct bench *b)
{
    engine_stop(b->engine);
    b->engine = NULL;
    data_folder_close(b->folder);
    b->folder = NULL;
    while (b->published != NULL) {
        struct publication *p = b->published;
        b->published = p->next;
        publication_free(p);
    }
}

static uint64_t now_of(const struct bench *b)
{
    return b->now_s != 0 ? b->now_s : (uint64_t)time(NULL);
}

/* A retry has to be the same to the byte, whatever the clock says by then. */
static uint64_t retry_until_s(struct bench *b)
{
    if (b->retry_until_s < now_of(b))
        b->retry_until_s = now_of(b) + 300;
    return b->retry_until_s;
}

uint32_t bench_submit(struct bench *b, const struct order_of *how,
                      const struct operation *operations, uint32_t count)
{
    const struct keys *keys = how != NULL && how->keys != NULL ? how->keys : &b->admin;
    struct request request = {
        .account = how != NULL && how->account != 0 ? how->account : 1,
        .valid_until_s = now_of(b) + 300,
        .operations = {operations, count},
    };
    struct decode_error wrong;
    uint64_t id = how != NULL && how->id != 0 ? how->id : ++b->next_id + ((uint64_t)1 << 32);
    memcpy(request.id, &id, sizeof(id));
    memcpy(request.key, keys->sign_public, sizeof(request.key));
    if (how != NULL && how->id != 0)
        request.valid_until_s = retry_until_s(b);

    struct submission *s = submission_new();
    s->kind = SUBMISSION_REQUEST;
    s->session = 1;
    s->seq = ++b->next_seq;
    memcpy(s->peer_key, keys->channel_public, sizeof(s->peer_key));
    message_encode(&request_message, &request, &s->frame);
    s->body = (struct bytes){s->frame.data, (uint32_t)s->frame.length};
    sha256(s->body.data, s->body.length, s->body_hash);
    keys_sign(keys, PURPOSE_REQUEST, b->folder->exchange_id, s->body.data, s->body.length,
              s->signature);
    struct request *decoded = arena_alloc(&s->arena, sizeof(*decoded));
    assert_int_equal(
        message_decode(&request_message, s->body.data, s->body.length, &s->arena, decoded, &wrong),
        0);
    s->request = decoded;
    uint32_t seq = s->seq;
    int status;
    while ((status = engine_submit(b->engine, s)) == STATUS_LIMIT)
        usleep(1000);
    if (status != 0)
        submission_free(s);
    return status == 0 ? seq : 0;
}

void outgoing_free(struct outgoing *o)
{
    if (o == NULL)
        return;
    buffer_release(&o->frame);
    free(o);
}

/* Takes the frame with this seq out of what was published. */
static struct outgoing *frame_take(struct bench *b, uint32_t seq)
{
    for (struct publication *p = b->published; p != NULL; p = p->next) {
        for (struct outgoing **o = &p->outgoing; *o != NULL; o = &(*o)->next) {
            struct arena arena = ARENA_EMPTY;
            const struct message *message;
            const void *body;
            struct decode_error wrong;
            assert_int_equal(message_decode_coded(&frame_set, (*o)->frame.data, (*o)->frame.length,
                                                  &arena, &message, &body, &wrong),
                             0);
            /* Every frame begins with it. */
            bool is_it = *(const uint32_t *)body == seq;
            arena_release(&arena);
            if (is_it) {
                struct outgoing *found = *o;
                *o = found->next;
                return found;
            }
        }
    }
    return NULL;
}

struct outgoing *bench_wait(struct bench *b, uint32_t seq, unsigned timeout_ms)
{
    struct timespec until;
    struct outgoing *found;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&b->mutex);
    int rc = 0;
    while ((found = frame_take(b, seq)) == NULL && b->failed == 0 && rc == 0)
        rc = pthread_cond_timedwait(&b->changed, &b->mutex, &until);
    pthread_mutex_unlock(&b->mutex);
    return found;
}

struct frame_reply bench_reply(struct bench *b, uint32_t seq, struct arena *arena)
{
    struct outgoing *o = bench_wait(b, seq, WAIT_MS);
    const struct message *message;
    const void *body;
    struct decode_error wrong;
    if (o == NULL)
        print_message("no reply: %s\n", b->line);
    assert_non_null(o);
    assert_int_equal(message_decode_coded(&frame_set, o->frame.data, o->frame.length, arena,
                                          &message, &body, &wrong),
                     0);
    assert_int_equal(message->code, FRAME_reply);
    outgoing_free(o); /* a reply has no texts that point into it */
    return *(const struct frame_reply *)body;
}

struct result bench_do(struct bench *b, const struct message *operation, const void *body)
{
    struct arena arena = ARENA_EMPTY;
    const struct operation op = {operation, body};
    struct frame_reply reply = bench_reply(b, bench_submit(b, NULL, &op, 1), &arena);
    struct result result = {.refusal = reply.refusal};
    if (reply.refusal == 0) {
        assert_int_equal(reply.results.count, 1);
        result = reply.results.items[0];
    }
    arena_release(&arena);
    return result;
}

uint32_t bench_register(struct bench *b, uint32_t number)
{
    char name[32];
    uint8_t seed[KEYS_SEED_BYTES] = {9};
    struct keys keys;
    memcpy(seed + 1, &number, sizeof(number));
    keys_from_seed(&keys, seed);
    snprintf(name, sizeof(name), "account-%u", number);
    struct op_account_register op = {.name = text_of(name), .role = ROLE_STARTUP};
    memcpy(op.sign_key, keys.sign_public, 32);
    memcpy(op.channel_key, keys.channel_public, 32);
    struct result result = bench_do(b, &op_account_register_message, &op);
    assert_int_equal(result.refusal, 0);
    return (uint32_t)result.object;
}

uint32_t bench_ask(struct bench *b, const char *query, const void *body)
{
    struct submission *s = submission_new();
    struct decode_error wrong;
    s->kind = SUBMISSION_QUERY;
    s->session = 1;
    s->seq = ++b->next_seq;
    memcpy(s->peer_key, b->admin.channel_public, sizeof(s->peer_key));
    message_encode_coded(message_by_name(&query_set, query), body, &s->frame);
    assert_int_equal(message_decode_coded(&query_set, s->frame.data, s->frame.length, &s->arena,
                                          &s->query, &s->query_body, &wrong),
                     0);
    uint32_t seq = s->seq;
    assert_int_equal(engine_submit(b->engine, s), 0);
    return seq;
}

const void *bench_answer(struct bench *b, uint32_t seq, struct arena *arena,
                         enum refusal *refusal_out)
{
    struct outgoing *o = bench_wait(b, seq, WAIT_MS);
    const struct message *message;
    const void *body;
    struct decode_error wrong;
    assert_non_null(o);
    const void *kept = arena_copy(arena, o->frame.data, o->frame.length);
    assert_int_equal(
        message_decode_coded(&frame_set, kept, o->frame.length, arena, &message, &body, &wrong), 0);
    assert_int_equal(message->code, FRAME_answer);
    outgoing_free(o);
    const struct frame_answer *answer = body;
    *refusal_out = answer->refusal;
    if (answer->refusal != 0)
        return NULL;
    assert_int_equal(message_decode_coded(&answer_set, answer->body.data, answer->body.length,
                                          arena, &message, &body, &wrong),
                     0);
    return body;
}

struct a_status bench_status(struct bench *b, struct arena *arena)
{
    const struct q_status query = {{NULL, 0}};
    enum refusal refusal;
    const struct a_status *status =
        bench_answer(b, bench_ask(b, "status", &query), arena, &refusal);
    assert_non_null(status);
    return *status;
}

uint32_t bench_accounts(struct bench *b)
{
    const struct q_accounts query = {0};
    struct arena arena = ARENA_EMPTY;
    enum refusal refusal;
    const struct a_accounts *accounts =
        bench_answer(b, bench_ask(b, "accounts", &query), &arena, &refusal);
    assert_non_null(accounts);
    uint32_t count = accounts->rows.count;
    arena_release(&arena);
    return count;
}
