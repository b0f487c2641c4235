/* Changed rows on their way to the image: when, up to where, and who waits for it. */
#include "protocol/status.h"
#include "server/engine/engine_state.h"

#define NS_PER_MS UINT64_C(1000000)

/* On the flusher's thread, before each write: the log that the image will name comes first, so
 * that a crash never leaves an image whose log is not there. */
int flush_before(void *context)
{
    struct engine *e = context;
    return log_store_sync(e->log);
}

void flush_done(void *context, int status, const struct image_meta *meta,
                const struct image_error *error)
{
    struct engine *e = context;
    if (status == 0)
        reporter_image_at(e->reporter, meta->group);
    pthread_mutex_lock(&e->mutex);
    e->image_moved = true;
    if (status != 0 && e->flusher_status == 0) {
        e->flusher_status = status;
        e->flusher_error = *error;
    }
    pthread_cond_signal(&e->wake);
    pthread_mutex_unlock(&e->mutex);
}

int flush_look(struct engine *e)
{
    pthread_mutex_lock(&e->mutex);
    int status = e->flusher_status;
    struct image_error error = e->flusher_error;
    pthread_mutex_unlock(&e->mutex);
    if (status != 0)
        engine_fail(e, status, "the image cannot be written", error.text);
    return status;
}

bool engine_is_settled(const struct engine *e)
{
    return e->sequencer.mode != CLOCK_MODE_MANUAL ||
           exchange_next_due(e->exchange) > exchange_manual_time(e->exchange);
}

void flush_hand(struct engine *e)
{
    struct image_meta meta = {
        .group = e->group,
        .time_s = e->time_s,
        .log_size = e->frontier.size,
    };
    merkle_frontier_root(&e->frontier, meta.log_root);
    for (size_t i = 0; i < sizeof(meta.exchange_id); i++)
        meta.exchange_id[i] = e->folder->exchange_id[i];
    e->flushed_group = engine_is_settled(e) ? e->group : 0;
    if (e->flushed_group != 0)
        reporter_settled_at(e->reporter, e->group);
    flusher_hand(e->flusher, exchange_store(e->exchange), &meta);
    e->flushed_ns = clock_monotonic_ns(e->clock);
}

unsigned flush_perhaps(struct engine *e, unsigned sleep_ms)
{
    size_t bytes = store_changes_bytes(exchange_store(e->exchange));
    if (bytes == 0 || flusher_busy(e->flusher))
        return sleep_ms;
    uint64_t since_ms = (clock_monotonic_ns(e->clock) - e->flushed_ns) / NS_PER_MS;
    bool is_wanted = engine_is_settled(e) && reporter_wants(e->reporter, e->flushed_group);
    if (bytes >= FLUSH_BYTES || since_ms >= (is_wanted ? FLUSH_SOON_MS : FLUSH_EVERY_MS)) {
        flush_hand(e);
        return sleep_ms;
    }
    unsigned wait_ms = FLUSH_SOON_MS - (unsigned)since_ms;
    return is_wanted && wait_ms < sleep_ms ? wait_ms : sleep_ms;
}

void flush_lag_wait(struct engine *e)
{
    if (store_changes_bytes(exchange_store(e->exchange)) <= e->options.flush_bytes_max)
        return;
    pthread_mutex_lock(&e->mutex);
    while (flusher_busy(e->flusher) && e->flusher_status == 0)
        pthread_cond_wait(&e->wake, &e->mutex);
    pthread_mutex_unlock(&e->mutex);
    if (flush_look(e) == 0)
        flush_hand(e);
}
