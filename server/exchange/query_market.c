/* Market data: trades, the price index, prices by start. Depth is in query_depth.c. */
#include <stddef.h>
#include <string.h>

#include "protocol/moment.h"
#include "protocol/place.h"
#include "server/exchange/match.h"
#include "server/exchange/order.h"
#include "server/exchange/query.h"
#include "server/exchange/site.h"
#include "server/exchange/sku.h"
#include "server/exchange/trade.h"

enum refusal query_region(struct text region, uint64_t *region_out)
{
    *region_out = 0;
    if (region.length == 0)
        return REFUSAL_accepted;
    if (!place_is_valid(region, true))
        return REFUSAL_malformed;
    *region_out = place_of(region);
    return REFUSAL_accepted;
}

/* --- Trades -------------------------------------------------------------------------------- */

static struct trade_info trade_shown(const struct trade_row *row)
{
    return (struct trade_info){
        .time_s = row->time_s,
        .trade = row->trade,
        .sku = row->sku,
        .region = text_of(row->region),
        .gpus = row->gpus,
        .start_s = row->start_s,
        .end_s = row->end_s,
        .price_ucr = row->price_ucr,
        .kind = row->kind,
        .preemptible = row->preemptible != 0,
        .resale = row->resale != 0,
    };
}

enum refusal query_trades(const struct exchange *x, uint32_t account, const void *body,
                          struct arena *arena, const struct message **answer_out,
                          const void **body_out)
{
    (void)account;
    const struct q_trades *q = body;
    uint64_t region = 0;
    enum refusal refusal = query_region(q->region, &region);
    if (refusal != REFUSAL_accepted)
        return refusal;
    struct a_trades *answer = query_alloc(arena, sizeof(*answer));
    uint32_t rows_max = query_page_rows(q->limit);
    struct trade_info *rows = query_alloc(arena, rows_max * sizeof(*rows));
    uint64_t trade = x->head.trade_last;
    if (q->from > 0 && q->from <= trade)
        trade = q->from - 1;
    answer->rows.items = rows;
    /* No more are kept than a page may look at. */
    _Static_assert((uint32_t)TRADES_KEPT_MAX <= (uint32_t)QUERY_LOOKS_MAX,
                   "a page looks at all trades");
    for (; trade >= trade_first(x) && trade > 0; trade--) {
        const struct trade_row *row = trade_find(x, trade);
        if (row == NULL || (q->sku != 0 && q->sku != row->sku) ||
            (region != 0 && !place_covers(region, place_number(row->region))))
            continue;
        if (answer->rows.count == rows_max) {
            answer->next = trade + 1;
            break;
        }
        rows[answer->rows.count++] = trade_shown(row);
    }
    *answer_out = &a_trades_message;
    *body_out = answer;
    return REFUSAL_accepted;
}

/* --- Price index --------------------------------------------------------------------------- */

enum refusal query_index(const struct exchange *x, uint32_t account, const void *body,
                         struct arena *arena, const struct message **answer_out,
                         const void **body_out)
{
    (void)account;
    const struct q_index *q = body;
    if (sku_find(x, q->sku) == NULL)
        return REFUSAL_sku_not_found;
    struct a_index *answer = query_alloc(arena, sizeof(*answer));
    uint32_t rows_max = query_page_rows(q->limit);
    struct index_point *rows = query_alloc(arena, rows_max * sizeof(*rows));
    const struct point_row *row = price_index_point(x, q->sku, q->kind, q->from);
    answer->rows.items = rows;
    for (; row != NULL; row = price_index_point(x, q->sku, q->kind, row->hour_s + 1)) {
        if (answer->rows.count == rows_max) {
            answer->next = row->hour_s;
            break;
        }
        rows[answer->rows.count++] = (struct index_point){
            .sku = row->sku,
            .kind = row->kind,
            .hour_s = row->hour_s,
            .level_ucr = row->level_ucr,
            .chain_ppm = row->chain_ppm,
            .trades = row->trades,
            .gpu_minutes = row->gpu_minutes,
        };
    }
    *answer_out = &a_index_message;
    *body_out = answer;
    return REFUSAL_accepted;
}

/* --- Prices by start ----------------------------------------------------------------------- */

/* The fields that the question shares with an order, as one that takes what it gets at once. */
static struct op_order_place starts_order(const struct q_starts *q)
{
    struct op_order_place op = {0};
    _Static_assert(offsetof(struct q_starts, tokens) == offsetof(struct op_order_place, tokens),
                   "the question begins as an order does");
    memcpy(&op, q, offsetof(struct op_order_place, tokens));
    op.time_in_force = TIME_IN_FORCE_IOC;
    op.rest_until_s = 0;
    return op;
}

/* What the order would do at one start. */
static enum refusal start_find(const struct exchange *x, uint32_t account,
                               const struct op_order_place *op, struct arena *arena,
                               struct match *m, struct start_price *out)
{
    amount costs[ORDER_LEASES_MAX];
    struct wish wish;
    enum refusal refusal = wish_from_order(x, op, arena, &wish);
    *out = (struct start_price){.start_s = op->start_from_s};
    if (refusal != REFUSAL_accepted)
        return refusal;
    wish.account = account;
    wish.place = UINT64_MAX;
    if (!match_find(x, &wish, m) || !match_costs(m, wish.duration_min, costs, &out->cost_ucr)) {
        out->cost_ucr = 0;
        return REFUSAL_accepted;
    }
    out->gpus = m->gpus;
    for (uint32_t i = 0; i < m->count; i++) {
        if (m->parts[i].price_ucr > out->price_ucr)
            out->price_ucr = m->parts[i].price_ucr;
    }
    return REFUSAL_accepted;
}

enum refusal query_starts(const struct exchange *x, uint32_t account, const void *body,
                          struct arena *arena, const struct message **answer_out,
                          const void **body_out)
{
    const struct q_starts *q = body;
    struct op_order_place op = starts_order(q);
    struct a_starts *answer = query_alloc(arena, sizeof(*answer));
    struct start_price *rows = query_alloc(arena, (q->count + 1) * sizeof(*rows));
    struct match *m = query_alloc(arena, sizeof(*m));
    uint64_t looks = 0;
    uint64_t start_s = q->start_from_s != 0 ? q->start_from_s : minute_floor(x->head.time_s);
    answer->rows.items = rows;
    for (uint32_t i = 0; i < q->count; i++, start_s += (uint64_t)q->step_min * 60) {
        if (looks >= MATCH_LOOKS_MAX) {
            answer->next = start_s;
            break;
        }
        op.start_from_s = start_s;
        op.start_until_s = start_s;
        m->looks = 0;
        enum refusal refusal = start_find(x, account, &op, arena, m, &rows[i]);
        /* What is wrong with a later start alone ends the list; the earlier ones are answered. */
        if (refusal != REFUSAL_accepted && i == 0)
            return refusal;
        if (refusal != REFUSAL_accepted)
            break;
        looks += m->looks;
        answer->rows.count++;
    }
    *answer_out = &a_starts_message;
    *body_out = answer;
    return REFUSAL_accepted;
}
