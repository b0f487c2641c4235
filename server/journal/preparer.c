#include "server/journal/preparer.h"

#include <pthread.h>
#include <stdlib.h>

#include "protocol/status.h"

struct preparer {
    const struct segment_plan *plan;
    pthread_t thread;
    atomic_bool stop;

    pthread_mutex_t mutex;  /* guards all below */
    pthread_cond_t changed; /* of any of it */
    uint64_t wanted;        /* 0: nothing to do */
    int status;             /* of the last segment asked for */
    struct journal_error error;
};

static void *preparer_run(void *context)
{
    struct preparer *p = context;
    pthread_mutex_lock(&p->mutex);
    while (!atomic_load(&p->stop)) {
        if (p->wanted == 0) {
            pthread_cond_wait(&p->changed, &p->mutex);
            continue;
        }
        uint64_t number = p->wanted;
        struct journal_error error = {{0}};
        pthread_mutex_unlock(&p->mutex);
        int status = segment_prepare(p->plan, number, &p->stop, &error);
        pthread_mutex_lock(&p->mutex);
        p->status = status;
        p->error = error;
        p->wanted = 0;
        pthread_cond_broadcast(&p->changed);
    }
    pthread_mutex_unlock(&p->mutex);
    return NULL;
}

int preparer_start(const struct segment_plan *plan, struct preparer **preparer_out)
{
    struct preparer *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return STATUS_MEMORY;
    p->plan = plan;
    atomic_init(&p->stop, false);
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->changed, NULL);
    if (pthread_create(&p->thread, NULL, preparer_run, p) != 0) {
        pthread_cond_destroy(&p->changed);
        pthread_mutex_destroy(&p->mutex);
        free(p);
        return STATUS_MEMORY;
    }
    *preparer_out = p;
    return 0;
}

void preparer_stop(struct preparer *p)
{
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->mutex);
    atomic_store(&p->stop, true);
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->mutex);
    pthread_join(p->thread, NULL);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->mutex);
    free(p);
}

void preparer_request(struct preparer *p, uint64_t number)
{
    pthread_mutex_lock(&p->mutex);
    p->wanted = number;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->mutex);
}

int preparer_wait(struct preparer *p, struct journal_error *error)
{
    pthread_mutex_lock(&p->mutex);
    while (p->wanted != 0)
        pthread_cond_wait(&p->changed, &p->mutex);
    int status = p->status;
    if (status != 0 && error != NULL)
        *error = p->error;
    pthread_mutex_unlock(&p->mutex);
    return status;
}
