#include "server/journal/writer.h"

#include <pthread.h>
#include <stdlib.h>

#include "protocol/status.h"

enum {
    /* What one sync covers: enough to fill the disk's time, little enough to answer soon. */
    BATCH_BYTES = 4 << 20,
};

struct entry {
    struct journal_group group;
    const void *body; /* borrowed */
    size_t length;
};

struct writer {
    struct journal *journal;
    writer_done *done;
    void *context;
    size_t body_max;
    pthread_t thread;

    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t filled; /* something was queued, or stop was set */
    struct entry *ring;
    size_t ring_size;
    size_t head;   /* place of the oldest entry */
    size_t count;  /* entries queued, those being written included */
    uint64_t last; /* index of the last group queued */
    bool stop;
    int failed; /* sticky */
};

/* Entries in the ring from `head` on that are written together; the queue is not empty. */
static size_t batch_measure(const struct writer *w)
{
    size_t bytes = 0, n = 0;
    while (n < w->count) {
        const struct entry *e = &w->ring[(w->head + n) % w->ring_size];
        if (n > 0 && bytes + e->length > BATCH_BYTES)
            break;
        bytes += e->length;
        n++;
    }
    return n;
}

/* Appends and syncs `n` entries. They stay in the ring, where nobody else touches them. */
static int batch_write(struct writer *w, size_t head, size_t n)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < n; i++) {
        const struct entry *e = &w->ring[(head + i) % w->ring_size];
        /* The journal only reads it. */
        const struct iovec part = {(void *)(uintptr_t)e->body, e->length};
        status = journal_append(w->journal, &e->group, &part, 1);
    }
    if (status == 0)
        status = journal_sync(w->journal);
    return status;
}

static void batch_finish(struct writer *w, uint64_t first, size_t n, int status)
{
    uint64_t durable = journal_durable(w->journal);
    for (uint64_t index = first; index < first + n; index++)
        w->done(w->context, index, index <= durable ? 0 : status);
}

static void *writer_run(void *context)
{
    struct writer *w = context;
    pthread_mutex_lock(&w->mutex);
    for (;;) {
        if (w->count == 0) {
            if (w->stop)
                break;
            pthread_cond_wait(&w->filled, &w->mutex);
            continue;
        }
        size_t head = w->head, n = batch_measure(w);
        uint64_t first = w->ring[head].group.index;
        int status = w->failed;
        pthread_mutex_unlock(&w->mutex);

        if (status == 0)
            status = batch_write(w, head, n);

        pthread_mutex_lock(&w->mutex);
        w->failed = status;
        w->head = (w->head + n) % w->ring_size;
        w->count -= n;
        pthread_mutex_unlock(&w->mutex);

        batch_finish(w, first, n, status);
        pthread_mutex_lock(&w->mutex);
    }
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

static void writer_free(struct writer *w)
{
    pthread_cond_destroy(&w->filled);
    pthread_mutex_destroy(&w->mutex);
    free(w->ring);
    free(w);
}

int writer_start(struct journal *j, size_t queue_max, writer_done *done, void *context,
                 struct writer **writer_out)
{
    struct writer *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return STATUS_MEMORY;
    w->journal = j;
    w->done = done;
    w->context = context;
    w->body_max = journal_body_max(j);
    w->last = journal_last(j);
    w->ring_size = queue_max > 0 ? queue_max : 1;
    w->ring = calloc(w->ring_size, sizeof(*w->ring));
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->filled, NULL);
    if (w->ring == NULL || pthread_create(&w->thread, NULL, writer_run, w) != 0) {
        writer_free(w);
        return STATUS_MEMORY;
    }
    *writer_out = w;
    return 0;
}

int writer_submit(struct writer *w, const struct journal_group *group, const void *body,
                  size_t length)
{
    int status = 0;
    pthread_mutex_lock(&w->mutex);
    if (w->failed != 0)
        status = w->failed;
    else if (w->stop || group->index != w->last + 1)
        status = STATUS_MISUSE;
    else if (w->count == w->ring_size || length > w->body_max)
        status = STATUS_LIMIT;
    if (status == 0) {
        w->ring[(w->head + w->count) % w->ring_size] = (struct entry){*group, body, length};
        w->count++;
        w->last = group->index;
        pthread_cond_signal(&w->filled);
    }
    pthread_mutex_unlock(&w->mutex);
    return status;
}

void writer_stop(struct writer *w)
{
    if (w == NULL)
        return;
    pthread_mutex_lock(&w->mutex);
    w->stop = true;
    pthread_cond_signal(&w->filled);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
    writer_free(w);
}
