#include "server/engine/engine.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "protocol/limits.h"
#include "protocol/status.h"
#include "server/engine/engine_state.h"
#include "server/log/log.h"

enum {
    WRITER_QUEUE_MAX = 4,
    ROUND_SESSIONS = 4096,
    ROUND_QUESTIONS = 512,
    ROUND_SHARE = 16, /* questions of one session in a round */
    RECEIVER_WAIT_MS = 2,
    ROUND_OFFERS = 4 * 1024, /* that are prepared for backstops, some milliseconds' worth */
};

#define NS_PER_MS UINT64_C(1000000)

struct sequencer_view engine_view(const struct engine *e)
{
    return (struct sequencer_view){
        .group = e->group,
        .mode = exchange_clock_mode(e->exchange),
        .created_s = e->folder->genesis.created_s,
        .last_s = exchange_time(e->exchange),
        .limit_s = exchange_time_limit(e->exchange),
        .manual_s = exchange_manual_time(e->exchange),
        .next_due_s = exchange_next_due(e->exchange),
    };
}

struct log_store *engine_log(struct engine *e)
{
    return e->log;
}

int engine_sign(struct engine *e)
{
    if (e->checkpoint_size == e->frontier.size)
        return 0;
    buffer_clear(&e->checkpoint);
    int status = log_head_sign(&e->signer, &e->frontier, &e->checkpoint);
    if (status == 0)
        e->checkpoint_size = e->frontier.size;
    return status;
}

/* --- What other threads say --- */

int engine_submit(struct engine *e, struct submission *s)
{
    int status = 0;
    pthread_mutex_lock(&e->mutex);
    if (e->stopping || e->failed)
        status = STATUS_CLOSED;
    else if (e->queue_bytes > 0 && e->queue_bytes + submission_bytes(s) > QUEUE_BYTES_MAX)
        status = STATUS_LIMIT;
    if (status == 0) {
        e->queue_bytes += submission_bytes(s);
        s->next = NULL;
        *e->inbox_end = s;
        e->inbox_end = &s->next;
        pthread_cond_signal(&e->wake);
    }
    pthread_mutex_unlock(&e->mutex);
    return status;
}

/* On the writer's thread. */
static void group_written(void *context, uint64_t index, int status)
{
    struct engine *e = context;
    pthread_mutex_lock(&e->mutex);
    if (status == 0)
        e->durable = index;
    else
        e->writer_status = status;
    pthread_cond_signal(&e->wake);
    pthread_mutex_unlock(&e->mutex);
}

/* --- The engine's thread --- */

void engine_fail(struct engine *e, int status, const char *where, const char *why)
{
    struct buffer line = BUFFER_EMPTY;
    pthread_mutex_lock(&e->mutex);
    bool is_first = !e->failed;
    e->failed = true;
    pthread_mutex_unlock(&e->mutex);
    if (!is_first)
        return;
    reporter_end(e->reporter);
    buffer_printf(&line,
                  "%s: %s%s%s. Everything acknowledged is in the journal; %s, then start again.",
                  where, status_text(status), why[0] != '\0' ? ": " : "", why,
                  status == STATUS_FULL         ? "make room on the disk"
                  : status == STATUS_FILE_LIMIT ? "raise the limit"
                                                : "mend this");
    buffer_append(&line, "", 1);
    if (e->callbacks.failed != NULL)
        e->callbacks.failed(e->callbacks.context, status,
                            line.status == 0 ? (const char *)line.data : where);
    buffer_release(&line);
}

static bool is_stopping(struct engine *e)
{
    pthread_mutex_lock(&e->mutex);
    bool stopping = e->stopping || e->failed;
    pthread_mutex_unlock(&e->mutex);
    return stopping;
}

/* Waits while the network has more to send than is good for memory. */
static void receiver_wait(struct engine *e)
{
    struct timespec pause = {0, RECEIVER_WAIT_MS * (long)NS_PER_MS};
    if (publications_bytes() >= ANSWERS_BYTES_MAX && !is_stopping(e))
        nanosleep(&pause, NULL);
}

/* Takes what was submitted; sleeps up to `sleep_ms` when there is nothing. False when the engine is
 * to end: it was told to, and nothing is left. */
static bool inbox_take(struct engine *e, unsigned sleep_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + sleep_ms * NS_PER_MS;
    until.tv_sec += (time_t)(ns / (1000 * NS_PER_MS));
    until.tv_nsec = (long)(ns % (1000 * NS_PER_MS));

    pthread_mutex_lock(&e->mutex);
    int rc = sleep_ms == 0 ? ETIMEDOUT : 0;
    while (e->inbox == NULL && !e->stopping && !e->failed && e->flusher_status == 0 &&
           !e->image_moved && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&e->wake, &e->mutex, &until);
    e->image_moved = false;
    if (e->inbox != NULL)
        sequencer_push(&e->sequencer, e->inbox);
    e->inbox = NULL;
    e->inbox_end = &e->inbox;
    bool ends = e->failed || (e->stopping && sequencer_is_empty(&e->sequencer));
    pthread_mutex_unlock(&e->mutex);
    return !ends;
}

/* Begins a group: to the journal's thread with it. */
static int group_hand(struct engine *e)
{
    struct journal_group group = replay_group_header(e->group + 1, e->draft.time_s, &e->frontier);
    int status = writer_submit(e->writer, &group, e->draft.body.data, e->draft.body.length);
    if (status != 0) {
        engine_fail(e, status, "the journal cannot be written", journal_error_text(e->journal));
        return status;
    }
    exchange_begin(e->exchange, group.index, group.time_s);
    if (e->draft.has_start)
        exchange_start(e->exchange, e->options.clock_mode);
    if (e->draft.has_tick)
        exchange_tick(e->exchange);
    return 0;
}

/* What changes nothing: queries, and requests that need no group. */
static bool is_question(const struct submission *s)
{
    return s->kind != SUBMISSION_REQUEST || s->early != NULL;
}

/* Works off the requests taken; questions stay, in their order. */
static int requests_apply(struct engine *e)
{
    for (struct submission *s = e->draft.taken; s != NULL; s = s->next) {
        int status = is_question(s) ? 0 : answer_request(e, s);
        if (status != 0)
            return status;
    }
    exchange_end(e->exchange);
    e->group++;
    e->time_s = e->draft.time_s;
    return replay_log_events(e->exchange, e->log, &e->frontier);
}

/* Whether a stranger asks; looked up once, since a question may wait for many rounds. */
static bool is_strangers(const struct engine *e, struct submission *s)
{
    if (!s->is_judged) {
        s->is_strangers = exchange_account_by_channel(e->exchange, s->peer_key) == 0;
        s->is_judged = true;
    }
    return s->is_strangers;
}

/* What is left of a round for questions. */
struct round {
    struct engine *engine;
    uint64_t until_ns;
    uint32_t answered;
    uint8_t asked[ROUND_SESSIONS]; /* questions answered, by session; a few share a place */
};

static bool round_has_room(const struct round *r)
{
    /* One is always answered, so that no question waits for ever. */
    if (r->answered == 0)
        return publications_bytes() < 2 * (size_t)ANSWERS_BYTES_MAX;
    return r->answered < ROUND_QUESTIONS && publications_bytes() < ANSWERS_BYTES_MAX &&
           clock_monotonic_ns(r->engine->clock) < r->until_ns;
}

/* Puts what was answered behind *answered_end; a report's question is the reporter's from here on,
 * and does not count as submitted any more. */
static int question_answer(struct engine *e, struct submission *s,
                           struct submission ***answered_end)
{
    bool handed = false;
    size_t bytes = submission_bytes(s);
    int status =
        s->kind == SUBMISSION_REQUEST ? answer_early(e, s) : answer_question(e, s, &handed);
    if (!handed) {
        **answered_end = s;
        *answered_end = &s->next;
        return status;
    }
    pthread_mutex_lock(&e->mutex);
    e->queue_bytes -= bytes;
    pthread_mutex_unlock(&e->mutex);
    return status;
}

/*
 * Answers questions of `list`, strangers' or the others', as far as the round has room, a few of
 * each session. What was answered goes to *answered_end, what was not stays, and what waits because
 * its session has had its share comes after what was not looked at.
 */
static int questions_of(struct round *r, bool strangers, struct submission **list,
                        struct submission ***answered_end)
{
    struct submission *postponed = NULL;
    struct submission **postponed_end = &postponed;
    struct submission **at = list;
    int status = 0;
    while (status == 0 && *at != NULL && round_has_room(r)) {
        struct submission *s = *at;
        if (is_strangers(r->engine, s) != strangers) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        s->next = NULL;
        uint8_t *asked = &r->asked[(s->session * UINT64_C(0x9e3779b97f4a7c15)) >> 52];
        if (*asked >= ROUND_SHARE) {
            *postponed_end = s;
            postponed_end = &s->next;
            continue;
        }
        ++*asked;
        r->answered++;
        status = question_answer(r->engine, s, answered_end);
    }
    while (*at != NULL)
        at = &(*at)->next;
    *at = postponed;
    return status;
}

/*
 * Answers the questions taken, as long as it takes no longer than others can wait, accounts before
 * strangers; what is left goes back to the sequencer. A query may take milliseconds, and anybody
 * may send thousands.
 */
static int questions_answer(struct engine *e)
{
    bool wait = !engine_is_settled(e) && !is_stopping(e);
    struct round r = {
        .engine = e,
        .until_ns = clock_monotonic_ns(e->clock) + ANSWERS_ROUND_MS * NS_PER_MS,
    };
    struct submission *questions = NULL;
    struct submission **questions_end = &questions;
    struct submission **taken_end = &e->draft.taken;
    for (struct submission *s = e->draft.taken; s != NULL; s = s->next) {
        struct submission ***end = is_question(s) ? &questions_end : &taken_end;
        **end = s;
        *end = &s->next;
    }
    *questions_end = NULL;
    *taken_end = NULL;
    int status = wait ? 0 : questions_of(&r, false, &questions, &taken_end);
    if (status == 0 && !wait)
        status = questions_of(&r, true, &questions, &taken_end);
    /* At the end nobody listens any more: then what is left is freed with what was answered. */
    if (is_stopping(e))
        *taken_end = questions;
    else
        sequencer_return(&e->sequencer, questions);
    return status;
}

static int deferred_answer(struct engine *e)
{
    for (struct submission *s = e->draft.taken; s != NULL; s = s->next) {
        int status = answer_is_deferred(s) ? answer_deferred(e, s) : 0;
        if (status != 0)
            return status;
    }
    return 0;
}

/* Waits until the group at hand is durable. */
static int durable_wait(struct engine *e)
{
    pthread_mutex_lock(&e->mutex);
    while (e->durable < e->group && e->writer_status == 0)
        pthread_cond_wait(&e->wake, &e->mutex);
    int status = e->durable < e->group ? e->writer_status : 0;
    pthread_mutex_unlock(&e->mutex);
    if (status != 0)
        engine_fail(e, status, "the journal cannot be written", journal_error_text(e->journal));
    return status;
}

static void taken_free(struct engine *e)
{
    size_t bytes = 0;
    while (e->draft.taken != NULL) {
        struct submission *s = e->draft.taken;
        e->draft.taken = s->next;
        bytes += submission_bytes(s);
        submission_free(s);
    }
    pthread_mutex_lock(&e->mutex);
    e->queue_bytes -= bytes;
    pthread_mutex_unlock(&e->mutex);
}

/* Makes the group visible: everything of it is applied and durable. */
static int group_publish(struct engine *e)
{
    int status = log_store_publish(e->log);
    if (status != 0) {
        engine_fail(e, status, "the log cannot be written", e->folder->path);
        return status;
    }
    return engine_sign(e);
}

/* One group, or questions alone. */
static int round_run(struct engine *e)
{
    bool has_group = e->draft.has_group;
    int status = publication_begin(e);
    if (status == 0 && has_group)
        status = group_hand(e);
    if (status == 0 && has_group)
        status = requests_apply(e);
    if (status == 0)
        status = questions_answer(e);
    if (status == 0 && has_group)
        status = durable_wait(e);
    if (status == 0 && has_group)
        status = group_publish(e);
    if (status == 0)
        status = deferred_answer(e);
    if (status != 0) {
        engine_fail(e, status, "the engine", "");
        publication_free(e->publication);
        e->publication = NULL;
        return status;
    }
    struct publication *p = e->publication;
    e->publication = NULL;
    p->log_size = e->checkpoint_size;
    /* The queue has room before anyone hears that it has. */
    taken_free(e);
    e->callbacks.published(e->callbacks.context, p);
    return 0;
}

static void *engine_run(void *context)
{
    struct engine *e = context;
    int status = 0;
    while (status == 0) {
        struct sequencer_view view = engine_view(e);
        receiver_wait(e);
        engine_clock_notice(e, &view);
        reporter_look(e->reporter, clock_monotonic_ns(e->clock));
        unsigned sleep_ms = sequencer_sleep_ms(&e->sequencer, &view);
        if (exchange_prepare(e->exchange, sequencer_look(&e->sequencer, &view).time_s,
                             ROUND_OFFERS))
            sleep_ms = 0;
        if (!inbox_take(e, flush_perhaps(e, sleep_ms)))
            break;
        status = flush_look(e);
        if (status == 0)
            status = sequencer_next(&e->sequencer, &view, &e->draft);
        if (status != 0) {
            engine_fail(e, status, "the engine", "");
            break;
        }
        if (e->draft.has_group || e->draft.taken != NULL)
            status = round_run(e);
        if (status == 0)
            flush_lag_wait(e);
    }
    return NULL;
}

/* --- Start and stop --- */

/* Once no other thread of the engine runs: the reporter reads the image. */
static void engine_free(struct engine *e)
{
    reporter_stop(e->reporter);
    while (e->inbox != NULL) {
        struct submission *s = e->inbox;
        e->inbox = s->next;
        submission_free(s);
    }
    while (e->draft.taken != NULL) {
        struct submission *s = e->draft.taken;
        e->draft.taken = s->next;
        submission_free(s);
    }
    if (e->sequencer.end != NULL)
        sequencer_release(&e->sequencer);
    journal_close(e->journal);
    log_store_close(e->log);
    if (e->image != NULL)
        image_close(e->image);
    if (e->exchange != NULL)
        exchange_free(e->exchange);
    buffer_release(&e->draft.body);
    buffer_release(&e->checkpoint);
    pthread_cond_destroy(&e->wake);
    pthread_mutex_destroy(&e->mutex);
    free(e);
}

static int engine_threads_start(struct engine *e)
{
    const struct reporter_options reports = {
        .image = e->image,
        .callbacks = e->callbacks,
        .only_settled = e->options.clock_mode == CLOCK_MODE_MANUAL,
        .notice = e->options.notice,
        .notice_context = e->options.notice_context,
    };
    int status = reporter_start(&reports, &e->reporter);
    if (status == 0)
        status = flusher_start(e->image, flush_done, e, &e->flusher);
    if (status != 0)
        return status;
    flusher_set_before(e->flusher, flush_before);
    e->flushed_ns = clock_monotonic_ns(e->clock);
    status = writer_start(e->journal, WRITER_QUEUE_MAX, group_written, e, &e->writer);
    if (status == 0 && pthread_create(&e->thread, NULL, engine_run, e) != 0)
        status = STATUS_MEMORY;
    /* So that `top` and benchmarks can tell what the engine does. */
    if (status == 0)
        pthread_setname_np(e->thread, "engine");
    if (status != 0) {
        writer_stop(e->writer);
        flusher_stop(e->flusher);
    }
    return status;
}

static struct engine *engine_new(struct data_folder *folder, const struct engine_options *options,
                                 const struct engine_callbacks *callbacks)
{
    pthread_condattr_t attributes;
    struct engine *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return NULL;
    e->folder = folder;
    e->options = *options;
    e->callbacks = *callbacks;
    e->clock = options->clock != NULL ? options->clock : port_clock_system();
    if (e->options.flush_bytes_max == 0)
        e->options.flush_bytes_max = FLUSH_BYTES_MAX_DEFAULT;
    e->inbox_end = &e->inbox;
    pthread_mutex_init(&e->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&e->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    return e;
}

int engine_start(struct data_folder *folder, const struct engine_options *options,
                 const struct engine_callbacks *callbacks, struct engine **out,
                 struct buffer *error)
{
    *out = NULL;
    struct engine *e = engine_new(folder, options, callbacks);
    if (e == NULL)
        return STATUS_MEMORY;
    int status = engine_open(e, error);
    if (status == 0)
        status = engine_open_group(e, error);
    e->durable = e->group;
    if (status == 0)
        status = engine_threads_start(e);
    if (status != 0) {
        if (error->length == 0)
            buffer_printf(error, "%s: %s", folder->path, status_text(status));
        engine_free(e);
        return status;
    }
    *out = e;
    return 0;
}

void engine_stop(struct engine *e)
{
    if (e == NULL)
        return;
    pthread_mutex_lock(&e->mutex);
    e->stopping = true;
    pthread_cond_signal(&e->wake);
    pthread_mutex_unlock(&e->mutex);
    reporter_end(e->reporter);
    pthread_join(e->thread, NULL);
    writer_stop(e->writer);
    /* What failed may have left the state ahead of the journal: then nothing more is written. */
    if (!e->failed) {
        pthread_mutex_lock(&e->mutex);
        while (flusher_busy(e->flusher))
            pthread_cond_wait(&e->wake, &e->mutex);
        pthread_mutex_unlock(&e->mutex);
        if (store_changes_bytes(exchange_store(e->exchange)) > 0)
            flush_hand(e);
    }
    int status = flusher_stop(e->flusher);
    if (status != 0)
        engine_fail(e, status, "the image cannot be written", e->flusher_error.text);
    engine_free(e);
}
