#include "server/engine/reporter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "protocol/frames.h"
#include "protocol/limits.h"
#include "protocol/queries.h"
#include "protocol/status.h"
#include "server/engine/engine_state.h"
#include "server/engine/kept_report.h"
#include "server/report/report.h"

enum {
    RECEIVER_WAIT_MS = 5, /* between two looks whether the network has room for a page */
    NOTICE_BYTES = 512,
};

/* A question that waits. Each of an account's has a later turn, so who asks for one waits for one
 * of each account before, and not for all that they ask for. */
struct waiting {
    struct submission *submission;
    uint32_t asker; /* whose key asks */
    uint32_t account;
    uint64_t turn;
    uint64_t group; /* that the image must have reached */
    uint64_t time_s;
};

struct reporter {
    struct reporter_options options;
    struct kept_reports kept; /* the thread's */
    bool has_failed;          /* the thread's: the operator was told so */
    atomic_bool gives_up;     /* set under the lock, read without by walks: they end */
    pthread_t thread;
    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t wake;
    bool stopping;
    bool makes;                                  /* a report is being made */
    uint64_t since_ns;                           /* when that was first looked at; 0: not yet */
    struct waiting waiting[REPORTS_WAITING_MAX]; /* in the order in which they came */
    uint32_t waiting_count;
    uint64_t turn;          /* the latest one whose time has come */
    uint64_t image_group;   /* the image has been written up to here */
    uint64_t settled_group; /* the last one handed to be written after which nothing was due */
};

static const struct q_report *question_of(const struct submission *s)
{
    return s->query_body;
}

/* --- Answers --- */

static void notice(const struct reporter *r, const char *what, const char *why)
{
    char line[NOTICE_BYTES];
    if (r->options.notice == NULL)
        return;
    snprintf(line, sizeof(line), "%s: %s; `boursed check` says what is wrong with the image", what,
             why);
    r->options.notice(r->options.notice_context, line);
}

/* Publishes one frame, unless the end has come. */
static void frame_publish(struct reporter *r, const struct submission *s,
                          const struct message *frame, const void *body)
{
    struct publication *p = publication_of_frame(s->session, frame, body);
    if (p == NULL) {
        notice(r, "a report cannot be answered", status_text(STATUS_MEMORY));
        return;
    }
    pthread_mutex_lock(&r->mutex);
    if (r->stopping)
        publication_free(p);
    else
        r->options.callbacks.published(r->options.callbacks.context, p);
    pthread_mutex_unlock(&r->mutex);
}

static void refusal_publish(struct reporter *r, const struct waiting *w, enum refusal refusal)
{
    const struct frame_answer answer = {
        .seq = w->submission->seq,
        .refusal = refusal,
        .group = w->group,
        .time_s = w->time_s,
    };
    frame_publish(r, w->submission, &frame_answer_message, &answer);
}

static void failure_publish(struct reporter *r, const struct submission *s, const char *why)
{
    static const char words[] = "the report could not be made; the exchange's operator is told why";
    const struct frame_error error = {
        .seq = s->seq,
        .error = WIRE_ERROR_INTERNAL,
        .message = {words, sizeof(words) - 1},
    };
    if (!r->has_failed)
        notice(r, "a report could not be made", why);
    r->has_failed = true;
    frame_publish(r, s, &frame_error_message, &error);
}

/* The page that the submission asks for; whether others follow. */
static bool page_publish(struct reporter *r, const struct waiting *w, const struct report *report,
                         uint64_t group)
{
    struct buffer encoded = BUFFER_EMPTY;
    const struct submission *s = w->submission;
    const struct q_report *q = question_of(s);
    struct a_report page = report_page(report, q->index != 0 ? q->from : 0, false);
    message_encode_coded(&a_report_message, &page, &encoded);
    const struct frame_answer answer = {
        .seq = s->seq,
        .group = group,
        .time_s = page.time_s,
        .body = {encoded.data, (uint32_t)encoded.length},
    };
    if (encoded.status != 0)
        failure_publish(r, s, status_text(encoded.status));
    else if (encoded.length > FRAME_BYTES_MAX - FRAME_BYTES_MAX / 8)
        refusal_publish(r, w, REFUSAL_report_too_large);
    else
        frame_publish(r, s, &frame_answer_message, &answer);
    buffer_release(&encoded);
    return page.next != 0;
}

/* --- Making --- */

static void making_set(struct reporter *r, bool makes)
{
    pthread_mutex_lock(&r->mutex);
    r->makes = makes;
    r->since_ns = 0;
    atomic_store(&r->gives_up, r->stopping);
    pthread_mutex_unlock(&r->mutex);
}

/* Makes the report of a snapshot and answers its first page. */
static void report_work(struct reporter *r, const struct waiting *w,
                        struct image_snapshot *snapshot, uint64_t group)
{
    struct submission *s = w->submission;
    struct snapshot_source of = {.snapshot = snapshot, .stopping = &r->gives_up};
    const struct source source = source_of_snapshot(&of);
    struct kept_report made = {.owner = w->asker, .group = group};
    enum refusal refusal = REFUSAL_accepted;
    int status = report_asker_init(&made.asker, s->peer_key, w->account, question_of(s));
    making_set(r, true);
    if (status == 0)
        status = report_make(question_of(s), w->account, &source, &made.report, &refusal);
    making_set(r, false);
    if (status == STATUS_CLOSED) {
        /* At the end nobody is told. */
        refusal_publish(r, w, REFUSAL_report_too_large);
        return;
    }
    if (status != 0) {
        failure_publish(r, s, of.error.text[0] != '\0' ? of.error.text : status_text(status));
        return;
    }
    r->has_failed = false;
    if (refusal != REFUSAL_accepted)
        refusal_publish(r, w, refusal);
    else if (page_publish(r, w, made.report, group))
        kept_reports_put(&r->kept, made);
    else
        report_free(made.report);
}

/* A page after the first. */
static void page_work(struct reporter *r, const struct waiting *w)
{
    struct submission *s = w->submission;
    struct report_asker asker;
    int status = report_asker_init(&asker, s->peer_key, w->account, question_of(s));
    if (status != 0) {
        failure_publish(r, s, status_text(status));
        return;
    }
    struct kept_report *kept = kept_reports_find(&r->kept, &asker, question_of(s)->index);
    if (kept == NULL)
        refusal_publish(r, w, REFUSAL_report_gone);
    else if (!page_publish(r, w, kept->report, kept->group))
        kept_reports_drop(&r->kept, kept);
}

/* --- The thread; the lock is held --- */

/* Whether a report may be made of the image, now that it has been written up to `group`. */
static bool image_serves(const struct reporter *r, const struct waiting *w, uint64_t group)
{
    return group >= w->group && (!r->options.only_settled || group == r->settled_group);
}

static void waiting_remove(struct reporter *r, uint32_t at)
{
    r->waiting_count--;
    memmove(&r->waiting[at], &r->waiting[at + 1], (r->waiting_count - at) * sizeof(r->waiting[0]));
}

/* The place of the one whose turn it is, of those that can be worked off; REPORTS_WAITING_MAX:
 * there is none. */
static uint32_t waiting_find(const struct reporter *r)
{
    uint32_t found = REPORTS_WAITING_MAX;
    for (uint32_t i = 0; i < r->waiting_count; i++) {
        const struct waiting *w = &r->waiting[i];
        if (question_of(w->submission)->index == 0 && !image_serves(r, w, r->image_group))
            continue;
        if (found == REPORTS_WAITING_MAX || w->turn < r->waiting[found].turn)
            found = i;
    }
    return found;
}

/* Takes one, or waits; false: ask again. */
static bool waiting_take(struct reporter *r, struct waiting *out)
{
    bool is_full = publications_bytes() >= ANSWERS_BYTES_MAX;
    uint32_t at = is_full ? REPORTS_WAITING_MAX : waiting_find(r);
    if (at < REPORTS_WAITING_MAX) {
        *out = r->waiting[at];
        r->turn = out->turn > r->turn ? out->turn : r->turn;
        waiting_remove(r, at);
        return true;
    }
    if (is_full && r->waiting_count > 0) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += RECEIVER_WAIT_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&r->wake, &r->mutex, &until);
    } else {
        pthread_cond_wait(&r->wake, &r->mutex);
    }
    return false;
}

/* A snapshot that serves, or NULL: the end has come, or that is answered. Without the lock. */
static struct image_snapshot *snapshot_take(struct reporter *r, const struct waiting *w,
                                            uint64_t *group_out)
{
    for (;;) {
        struct image_snapshot *snapshot;
        struct image_meta meta;
        struct image_error error = {{0}};
        int status = image_snapshot_open(r->options.image, &snapshot, &meta, &error);
        if (status != 0) {
            failure_publish(r, w->submission, error.text);
            return NULL;
        }
        pthread_mutex_lock(&r->mutex);
        bool serves = image_serves(r, w, meta.group);
        bool stops = r->stopping;
        if (serves && !stops) {
            pthread_mutex_unlock(&r->mutex);
            *group_out = meta.group;
            return snapshot;
        }
        pthread_mutex_unlock(&r->mutex);
        image_snapshot_close(snapshot);
        if (stops)
            return NULL;
        /* It has moved on meanwhile, to where something is due: wait until it serves again. */
        pthread_mutex_lock(&r->mutex);
        while (!r->stopping && (r->image_group < meta.group || !image_serves(r, w, r->image_group)))
            pthread_cond_wait(&r->wake, &r->mutex);
        pthread_mutex_unlock(&r->mutex);
    }
}

static void waiting_work(struct reporter *r, const struct waiting *w)
{
    uint64_t group;
    if (question_of(w->submission)->index != 0) {
        page_work(r, w);
        return;
    }
    struct image_snapshot *snapshot = snapshot_take(r, w, &group);
    if (snapshot == NULL)
        return;
    report_work(r, w, snapshot, group);
    image_snapshot_close(snapshot);
}

static void *reporter_run(void *context)
{
    struct reporter *r = context;
    struct waiting w;
    pthread_mutex_lock(&r->mutex);
    while (!r->stopping) {
        if (!waiting_take(r, &w))
            continue;
        pthread_mutex_unlock(&r->mutex);
        waiting_work(r, &w);
        submission_free(w.submission);
        pthread_mutex_lock(&r->mutex);
    }
    pthread_mutex_unlock(&r->mutex);
    return NULL;
}

/* --- What other threads say --- */

int reporter_start(const struct reporter_options *options, struct reporter **out)
{
    struct reporter *r = calloc(1, sizeof(*r));
    *out = NULL;
    if (r == NULL)
        return STATUS_MEMORY;
    r->options = *options;
    r->kept.bytes_max = REPORT_BYTES_MAX;
    pthread_mutex_init(&r->mutex, NULL);
    pthread_cond_init(&r->wake, NULL);
    atomic_init(&r->gives_up, false);
    if (pthread_create(&r->thread, NULL, reporter_run, r) != 0) {
        pthread_cond_destroy(&r->wake);
        pthread_mutex_destroy(&r->mutex);
        free(r);
        return STATUS_MEMORY;
    }
    pthread_setname_np(r->thread, "reporter");
    *out = r;
    return 0;
}

int reporter_hand(struct reporter *r, struct submission *s, uint32_t asker, uint32_t account,
                  uint64_t group, uint64_t time_s)
{
    uint32_t same = 0;
    pthread_mutex_lock(&r->mutex);
    uint64_t turn = r->turn;
    for (uint32_t i = 0; i < r->waiting_count; i++) {
        if (r->waiting[i].asker != asker)
            continue;
        same++;
        turn = r->waiting[i].turn > turn ? r->waiting[i].turn : turn;
    }
    bool has_room = r->waiting_count < REPORTS_WAITING_MAX && same < REPORTS_WAITING_ACCOUNT_MAX;
    if (has_room) {
        r->waiting[r->waiting_count++] =
            (struct waiting){s, asker, account, turn + 1, group, time_s};
        pthread_cond_signal(&r->wake);
    }
    pthread_mutex_unlock(&r->mutex);
    return has_room ? 0 : STATUS_LIMIT;
}

bool reporter_wants(struct reporter *r, uint64_t group)
{
    bool wants = false;
    pthread_mutex_lock(&r->mutex);
    for (uint32_t i = 0; i < r->waiting_count && !wants; i++)
        wants = question_of(r->waiting[i].submission)->index == 0 && r->waiting[i].group > group;
    pthread_mutex_unlock(&r->mutex);
    return wants;
}

void reporter_settled_at(struct reporter *r, uint64_t group)
{
    pthread_mutex_lock(&r->mutex);
    r->settled_group = group;
    pthread_mutex_unlock(&r->mutex);
}

void reporter_image_at(struct reporter *r, uint64_t group)
{
    pthread_mutex_lock(&r->mutex);
    r->image_group = group;
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->mutex);
}

void reporter_look(struct reporter *r, uint64_t now_ns)
{
    pthread_mutex_lock(&r->mutex);
    if (r->makes && r->since_ns == 0)
        r->since_ns = now_ns;
    else if (r->makes && now_ns - r->since_ns >= REPORT_READ_MAX_S * UINT64_C(1000000000))
        atomic_store(&r->gives_up, true);
    pthread_mutex_unlock(&r->mutex);
}

void reporter_end(struct reporter *r)
{
    if (r == NULL)
        return;
    pthread_mutex_lock(&r->mutex);
    r->stopping = true;
    atomic_store(&r->gives_up, true);
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->mutex);
}

void reporter_stop(struct reporter *r)
{
    if (r == NULL)
        return;
    reporter_end(r);
    pthread_join(r->thread, NULL);
    for (uint32_t i = 0; i < r->waiting_count; i++)
        submission_free(r->waiting[i].submission);
    kept_reports_release(&r->kept);
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->mutex);
    free(r);
}
