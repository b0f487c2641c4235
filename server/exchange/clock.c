#include "server/exchange/clock.h"

#include <assert.h>

#include "server/exchange/event.h"

static uint64_t outage_first(const struct exchange *x)
{
    uint64_t last = x->head.outage_last;
    return last > OUTAGES_KEPT_MAX ? last - OUTAGES_KEPT_MAX + 1 : 1;
}

static const struct outage_row *outage_find(const struct exchange *x, uint64_t outage)
{
    return store_find(x->store, TABLE_OUTAGE, &outage);
}

/* The first outage that ends after `time_s`; they follow on each other in time. */
static uint64_t outage_search(const struct exchange *x, uint64_t time_s)
{
    uint64_t low = outage_first(x);
    uint64_t high = x->head.outage_last + 1;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (outage_find(x, middle)->to_s <= time_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint64_t clock_deadline(const struct exchange *x, uint64_t from_s, uint64_t grace_s)
{
    uint64_t deadline = from_s + grace_s;
    for (uint64_t i = outage_search(x, from_s); i <= x->head.outage_last; i++) {
        const struct outage_row *outage = outage_find(x, i);
        if (outage->from_s >= deadline)
            break;
        uint64_t begin = outage->from_s > from_s ? outage->from_s : from_s;
        deadline += outage->to_s - begin;
    }
    return deadline;
}

void clock_outage_add(struct exchange *x, uint64_t from_s, uint64_t to_s)
{
    assert(from_s < to_s);
    struct outage_row row = {.outage = ++x->head.outage_last, .from_s = from_s, .to_s = to_s};
    store_put(x->store, TABLE_OUTAGE, &row);
    if (x->head.outage_last > OUTAGES_KEPT_MAX) {
        uint64_t oldest = x->head.outage_last - OUTAGES_KEPT_MAX;
        store_remove(x->store, TABLE_OUTAGE, &oldest);
    }
    lease_deadlines_moved(x);
}

enum refusal clock_advance(struct exchange *x, const struct actor *actor, const void *body,
                           struct result *out)
{
    const struct op_clock_advance *op = body;
    (void)out;
    if (op->time_s > TIME_MAX_S)
        return REFUSAL_malformed;
    if (x->head.clock_mode == CLOCK_MODE_MANUAL) {
        if (op->time_s < x->head.time_s)
            return REFUSAL_time_backwards;
        x->head.time_s = op->time_s;
    } else if (op->time_s <= exchange_time_limit(x)) {
        return REFUSAL_clock_not_manual;
    }
    x->head.confirmed_s = op->time_s;

    struct ev_clock_advanced event = {EVENT_HEAD_OF(x, actor->account), .to_s = op->time_s};
    event_log(x, &ev_clock_advanced_message, &event);
    return REFUSAL_accepted;
}

uint64_t exchange_time(const struct exchange *x)
{
    return x->head.time_s;
}

enum clock_mode exchange_clock_mode(const struct exchange *x)
{
    return x->head.clock_mode;
}

uint64_t exchange_manual_time(const struct exchange *x)
{
    return x->head.confirmed_s;
}

uint64_t exchange_time_limit(const struct exchange *x)
{
    uint64_t from_s = x->head.confirmed_s > x->head.time_s ? x->head.confirmed_s : x->head.time_s;
    return from_s + CLOCK_JUMP_MAX_S;
}
