#include "server/exchange/trade.h"

#include <assert.h>
#include <stdlib.h>

#include "server/exchange/event.h"
#include "server/exchange/index.h"
#include "server/exchange/offer.h"
#include "server/exchange/query.h"
#include "server/exchange/relief.h"
#include "server/exchange/site.h"

enum trade_kind trade_kind_of(uint64_t start_s, uint64_t end_s)
{
    return end_s - start_s >= (uint64_t)COMMITTED_MIN_MIN * 60 ? TRADE_KIND_COMMITTED
                                                               : TRADE_KIND_SPOT;
}

const struct trade_row *trade_find(const struct exchange *x, uint64_t trade)
{
    return store_find(x->store, TABLE_TRADE, &trade);
}

uint64_t trade_first(const struct exchange *x)
{
    uint64_t last = x->head.trade_last;
    return last > TRADES_KEPT_MAX ? last - TRADES_KEPT_MAX + 1 : 1;
}

/* Keeps one trade in place of the oldest. */
static void trade_keep(struct exchange *x, const struct trade *t)
{
    struct trade_row row = {
        .trade = t->trade,
        .time_s = x->head.time_s,
        .sku = t->sku,
        .start_s = t->start_s,
        .end_s = t->end_s,
        .price_ucr = t->price_ucr,
        .gpu_minutes = (t->end_s - t->start_s) / 60 * t->gpus,
        .gpus = t->gpus,
        .kind = (uint8_t)t->kind,
        .preemptible = t->preemptible,
        .resale = t->resale,
    };
    column_set(row.region, sizeof(row.region), t->region);
    store_put(x->store, TABLE_TRADE, &row);
    if (t->trade <= TRADES_KEPT_MAX)
        return;
    uint64_t oldest = t->trade - TRADES_KEPT_MAX;
    if (trade_find(x, oldest) != NULL)
        store_remove(x->store, TABLE_TRADE, &oldest);
}

void trade_log(struct exchange *x, const struct lease_grant *grants, uint32_t count)
{
    struct trade trades[ORDER_LEASES_MAX];
    if (count == 0)
        return;
    assert(count <= ORDER_LEASES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        const struct lease_grant *g = &grants[i];
        const struct offer_row *offer = offer_row_find(x, g->offer);
        trades[i] = (struct trade){
            .trade = ++x->head.trade_last,
            .sku = g->sku,
            .region = text_of(site_find(x, g->site)->region),
            .gpus = g->gpus,
            .start_s = g->start_s,
            .end_s = g->end_s,
            .price_ucr = g->price_ucr,
            .kind = trade_kind_of(g->start_s, g->end_s),
            .preemptible = offer->preemptible != 0,
            .resale = offer->lease != 0,
        };
        trade_keep(x, &trades[i]);
    }
    struct ev_traded event = {EVENT_HEAD_OF(x, 0), .trades = {trades, count}};
    event_log(x, &ev_traded_message, &event);
    price_index_begin(x);
}

/* --- What is given up of it ---------------------------------------------------------------- */

gpu_minutes trade_given_up(const struct exchange *x, const struct lease_row *lease, uint64_t end_s)
{
    const struct trade_row *trade = lease->trade != 0 ? trade_find(x, lease->trade) : NULL;
    if (trade == NULL)
        return 0;
    uint64_t to_s = lease->end_s < trade->end_s ? lease->end_s : trade->end_s;
    return end_s < to_s ? relief_owed(x, lease, end_s, to_s) : 0;
}

void trade_cut(struct exchange *x, uint64_t trade, gpu_minutes given_up)
{
    const struct trade_row *found = given_up > 0 ? trade_find(x, trade) : NULL;
    if (found == NULL || found->preemptible || x->head.time_s > found->time_s + INDEX_STALE_S)
        return;
    struct trade_row row = *found;
    row.gpu_minutes -= given_up < row.gpu_minutes ? given_up : row.gpu_minutes;
    store_put(x->store, TABLE_TRADE, &row);
    struct ev_trade_cut event = {
        EVENT_HEAD_OF(x, 0),
        .trade = row.trade,
        .gpu_minutes = row.gpu_minutes,
    };
    event_log(x, &ev_trade_cut_message, &event);
}

/* --- Index --------------------------------------------------------------------------------- */

void trade_index_new(struct exchange *x)
{
    x->trades = calloc(1, sizeof(*x->trades));
    if (x->trades == NULL)
        memory_exhausted();
    price_index_new(x);
}

void trade_index_free(struct exchange *x)
{
    if (x->trades == NULL)
        return;
    price_index_free(x);
    free(x->trades);
    x->trades = NULL;
}
