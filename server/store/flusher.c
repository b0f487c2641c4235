#include "server/store/flusher.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "protocol/status.h"
#include "server/store/changes.h"

struct flusher {
    struct image *image;
    flusher_done *done;
    int (*before)(void *context); /* may be NULL */
    void *context;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    atomic_bool busy; /* the changes are the thread's while set, the engine's while not */
    struct changes *changes;
    struct image_meta meta;
    bool handed;   /* under the lock: work waits */
    bool stopping; /* under the lock */
    int status;    /* of the last write; the thread's until it ended */
};

/* Waits for work. False when there is none and none will come. */
static bool wait_for_work(struct flusher *f)
{
    pthread_mutex_lock(&f->lock);
    while (!f->handed && !f->stopping)
        pthread_cond_wait(&f->wake, &f->lock);
    bool work = f->handed;
    f->handed = false;
    pthread_mutex_unlock(&f->lock);
    return work;
}

static void *run(void *context)
{
    struct flusher *f = context;
    struct image_error error = {{0}};

    while (wait_for_work(f)) {
        struct image_meta meta = f->meta;
        /* After a failed write the image lacks changes, so nothing may be written on top: the
         * failure stays. The journal has it all. */
        if (!f->status && f->before)
            f->status = f->before(f->context);
        if (!f->status)
            f->status = image_write(f->image, f->changes, &meta, &error);
        else
            changes_clear(f->changes);
        int status = f->status;
        /* Free before `done`, so that who is told there finds the flusher ready for more. */
        atomic_store_explicit(&f->busy, false, memory_order_release);
        if (f->done)
            f->done(f->context, status, &meta, &error);
    }
    return NULL;
}

int flusher_start(struct image *i, flusher_done *done, void *context, struct flusher **out)
{
    struct flusher *f = calloc(1, sizeof(*f));

    *out = NULL;
    if (!f)
        return STATUS_MEMORY;
    f->image = i;
    f->done = done;
    f->context = context;
    f->changes = changes_new();
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->wake, NULL);
    atomic_init(&f->busy, false);
    int error = pthread_create(&f->thread, NULL, run, f);
    if (error) {
        pthread_cond_destroy(&f->wake);
        pthread_mutex_destroy(&f->lock);
        changes_free(f->changes);
        free(f);
        return error == ENOMEM ? STATUS_MEMORY : STATUS_IO;
    }
    *out = f;
    return STATUS_OK;
}

void flusher_set_before(struct flusher *f, int (*before)(void *context))
{
    f->before = before;
}

bool flusher_busy(const struct flusher *f)
{
    return atomic_load_explicit(&f->busy, memory_order_acquire);
}

void flusher_hand(struct flusher *f, struct store *s, const struct image_meta *meta)
{
    assert(!flusher_busy(f));
    store_changes_swap(s, &f->changes);
    f->meta = *meta;
    atomic_store_explicit(&f->busy, true, memory_order_relaxed);
    pthread_mutex_lock(&f->lock);
    f->handed = true;
    pthread_cond_signal(&f->wake);
    pthread_mutex_unlock(&f->lock);
}

int flusher_stop(struct flusher *f)
{
    if (!f)
        return STATUS_OK;
    pthread_mutex_lock(&f->lock);
    f->stopping = true;
    pthread_cond_signal(&f->wake);
    pthread_mutex_unlock(&f->lock);
    pthread_join(f->thread, NULL);
    int status = f->status;
    pthread_cond_destroy(&f->wake);
    pthread_mutex_destroy(&f->lock);
    changes_free(f->changes);
    free(f);
    return status;
}
