/* Ticks: a bounded part of what is due at the group's time, in order. */
#include <assert.h>

#include "server/exchange/due.h"
#include "server/exchange/series.h"

/* Does at most `limit` items' worth of work on the item; returns how much it was. */
static uint32_t item_work_off(struct exchange *x, struct due_item item, uint32_t limit)
{
    switch ((enum due_kind)item.kind) {
    case DUE_REQUEST:
        return request_sweep(x, item.serial, limit);
    case DUE_SERIES:
        return series_sweep(x, (uint32_t)item.serial, limit);
    case DUE_LEASE:
        lease_due(x, item);
        break;
    case DUE_PERIOD:
        period_due(x, item);
        break;
    case DUE_OFFER:
        offer_due(x, item);
        break;
    case DUE_PAUSE:
        pause_due(x, item);
        break;
    case DUE_ORDER:
        order_due(x, item);
        break;
    case DUE_ASK:
        return ask_due(x, item.serial, limit);
    case DUE_RULE:
        return rule_due(x, item.serial, limit);
    case DUE_INDEX:
        index_due(x, item);
        break;
    case DUE_KEY:
        key_due(x, item);
        break;
    case DUE_KINDS_END:
        break;
    }
    return 1;
}

void exchange_tick(struct exchange *x)
{
    struct due_item item;
    uint32_t left = TICK_ITEMS_MAX;
    /* The group's time, even when an operation has advanced the clock since: request ids are valid
     * by it, and a retry in the same group must find them. */
    while (left > 0 && due_first(x, &item) && item.due_s <= x->group_time_s) {
        arena_clear(&x->scratch);
        uint32_t worked = item_work_off(x, item, left);
        assert(worked <= left);
        /* A series with nothing left to sweep takes no look, but its turn. */
        left -= worked > 0 ? worked : 1;
    }
}

uint64_t exchange_next_due(const struct exchange *x)
{
    struct due_item item;
    return due_first(x, &item) ? item.due_s : UINT64_MAX;
}
