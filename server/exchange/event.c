#include "server/exchange/event.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "protocol/endian.h"

static uint32_t events_count(const struct exchange *x)
{
    return (uint32_t)(x->event_ends.length / sizeof(uint32_t));
}

uint64_t event_next_index(const struct exchange *x)
{
    return x->head.log_size;
}

uint64_t event_next_place(const struct exchange *x)
{
    return x->head.place_base + x->head.log_size;
}

/* Keyed, so that leaf hashes of events that could be guessed tell nothing; of the index, so that a
 * replay makes the same. */
static void nonce_append(struct exchange *x, uint64_t index)
{
    uint8_t number[8];
    uint8_t hash[32];
    put_u64_be(number, index);
    crypto_generichash(hash, sizeof(hash), number, sizeof(number), x->nonce_key,
                       sizeof(x->nonce_key));
    buffer_append(&x->events, hash, EVENT_NONCE_BYTES);
}

uint64_t event_log(struct exchange *x, const struct message *m, const void *body)
{
    uint64_t index = x->head.log_size++;
    size_t start = x->events.length;

    nonce_append(x, index);
    message_encode_coded(m, body, &x->events);
    uint32_t end = (uint32_t)x->events.length;
    buffer_append(&x->event_ends, &end, sizeof(end));
    if (x->events.status || x->event_ends.status)
        memory_exhausted();
    assert(x->events.length - start <= EVENT_BYTES_MAX);
    assert(x->events.length <= UINT32_MAX);
    return index;
}

uint32_t event_mark(const struct exchange *x)
{
    return events_count(x);
}

void event_rollback(struct exchange *x, uint32_t mark)
{
    assert(mark <= events_count(x));
    uint32_t end = 0;
    if (mark > 0)
        memcpy(&end, x->event_ends.data + (mark - 1) * sizeof(end), sizeof(end));
    x->events.length = end;
    x->event_ends.length = mark * sizeof(end);
    x->head.log_size = x->events_first + mark;
}
