/* Ticks: a bounded part of what is due at the group's time, in order. */
#include "server/exchange/ask_turn.h"
#include "server/exchange/due.h"
#include "server/exchange/event.h"
#include "server/exchange/ledger_index.h"
#include "server/exchange/series.h"
#include "server/exchange/trade.h"

/* Publishing the index goes over all the trades that are kept: of the largest number of them it is
 * a tick's work. */
static uint32_t index_items(const struct exchange *x)
{
    uint64_t kept = x->head.trade_last - trade_first(x) + 1;
    return 1 + (uint32_t)(kept * (TICK_ITEMS_MAX - 1) / TRADES_KEPT_MAX);
}

/* What is settled may be shared by many contracts: it takes as many items as it logs events. */
static uint32_t events_since(const struct exchange *x, uint32_t mark, uint32_t limit)
{
    uint32_t logged = event_mark(x) - mark;
    return logged < limit ? logged : limit;
}

/* Does at most `limit` items' worth of work on the item; returns how much it was, by its kind. */
static uint32_t kind_work_off(struct exchange *x, struct due_item item, uint32_t limit)
{
    uint32_t events = event_mark(x);
    switch ((enum due_kind)item.kind) {
    case DUE_REQUEST:
        return request_sweep(x, item.serial, limit);
    case DUE_SERIES:
        return series_sweep(x, (uint32_t)item.serial, limit);
    case DUE_LEASE:
        lease_due(x, item);
        return events_since(x, events, limit);
    case DUE_PERIOD:
        period_due(x, item);
        return events_since(x, events, limit);
    case DUE_OFFER:
        offer_due(x, item);
        break;
    case DUE_PAUSE:
        pause_due(x, item);
        break;
    case DUE_ORDER:
        order_due(x, item);
        break;
    case DUE_RULE:
        return rule_due(x, item.serial, limit);
    case DUE_INDEX:
        index_due(x, item);
        return index_items(x);
    case DUE_KEY:
        key_due(x, item);
        break;
    case DUE_ASK_SITE:
    case DUE_ASK: /* in turns */
    case DUE_CONTRACT:
        return contract_due(x, item.serial, limit);
    case DUE_CLAIMS:
        return claims_due(x, item.serial, limit);
    case DUE_OCCUPANCY:
        return occupancy_due(x, limit);
    case DUE_PROPOSAL:
        proposal_due(x, item);
        break;
    case DUE_KINDS_END:
        break;
    }
    return 1;
}

/* What is paid in many series takes longer than its events say: the ledger has a movement for each
 * payment and series. */
static uint32_t item_work_off(struct exchange *x, struct due_item item, uint32_t limit)
{
    enum { MOVES_AN_ITEM = 8 };
    uint64_t moves = ledger_moves(x);
    uint32_t worked = kind_work_off(x, item, limit);
    uint64_t moved = (ledger_moves(x) - moves) / MOVES_AN_ITEM;
    return moved > worked ? (uint32_t)moved : worked;
}

/* What a tick works off: asking, where sellers take turns, and all else, which has half
 * of the tick at least. */
enum tick_sort { TICK_ASKING, TICK_OTHER, TICK_SORTS };
enum { TICK_HALF = TICK_ITEMS_MAX / 2 };

struct tick {
    uint32_t left;
    uint32_t asked; /* the items that asking has used */
    bool due[TICK_SORTS];
    struct due_item items[TICK_SORTS]; /* the first of each that is due */
};

/* An item that is too much for what is left of this tick has the next one; one that is too much for
 * half a tick comes before all that asks there. */
static void tick_weigh(const struct exchange *x, struct tick *t)
{
    if (!t->due[TICK_OTHER] || t->items[TICK_OTHER].kind != DUE_INDEX)
        return;
    uint32_t items = index_items(x);
    if (items > t->left && t->left < TICK_ITEMS_MAX)
        t->due[TICK_OTHER] = false;
    else if (items > TICK_HALF && t->left == TICK_ITEMS_MAX)
        t->due[TICK_ASKING] = false;
}

static void tick_look(const struct exchange *x, struct tick *t)
{
    struct due_item *asking = &t->items[TICK_ASKING];
    struct due_item *other = &t->items[TICK_OTHER];
    /* The group's time, even when an operation has advanced the clock since: request ids are valid
     * by it, and a retry in the same group must find them. */
    t->due[TICK_ASKING] = ask_turn_first(x, asking) && asking->due_s <= x->group_time_s;
    t->due[TICK_OTHER] = due_first(x, other) && other->due_s <= x->group_time_s;
    tick_weigh(x, t);
}

/* Asking comes first, until it has had its half: what has come is shown to those who rest before a
 * rule buys, whatever else has waited for how long. */
static enum tick_sort tick_choose(const struct tick *t, uint32_t *limit_out)
{
    *limit_out = t->left;
    if (!t->due[TICK_ASKING])
        return TICK_OTHER;
    if (!t->due[TICK_OTHER])
        return TICK_ASKING;
    if (t->asked >= TICK_HALF)
        return TICK_OTHER;
    if (TICK_HALF - t->asked < t->left)
        *limit_out = TICK_HALF - t->asked;
    return TICK_ASKING;
}

void exchange_tick(struct exchange *x)
{
    struct tick t = {.left = TICK_ITEMS_MAX};
    tick_look(x, &t);
    while (t.left > 0 && (t.due[TICK_ASKING] || t.due[TICK_OTHER])) {
        uint32_t limit;
        enum tick_sort sort = tick_choose(&t, &limit);
        arena_clear(&x->scratch);
        /* Who is asked may search for longer than a tick, which takes nothing of what all
         * else has. */
        uint32_t worked = sort == TICK_ASKING ? ask_turn_due(x, limit)
                                              : item_work_off(x, t.items[TICK_OTHER], limit);
        /* A series with nothing left to sweep takes no look, but its turn. */
        worked = worked > limit ? limit : worked > 0 ? worked : 1;
        t.left -= worked;
        t.asked += sort == TICK_ASKING ? worked : 0;
        tick_look(x, &t);
    }
}

uint64_t exchange_next_due(const struct exchange *x)
{
    struct due_item item;
    uint64_t due_s = due_first(x, &item) ? item.due_s : UINT64_MAX;
    return ask_turn_first(x, &item) && item.due_s < due_s ? item.due_s : due_s;
}
