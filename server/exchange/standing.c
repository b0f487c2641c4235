#include "server/exchange/standing.h"

#include "server/exchange/ask.h"
#include "server/exchange/due.h"
#include "server/exchange/event.h"
#include "server/exchange/occupancy.h"
#include "server/exchange/offer.h"
#include "server/exchange/site.h"
#include "server/exchange/sku.h"

enum { STEP_S = STANDING_STEP_MIN * 60 };

uint64_t standing_end(uint64_t now_s, uint32_t standing_min, uint64_t until_s)
{
    uint64_t reach_s = now_s + (uint64_t)standing_min * 60;
    uint64_t end_s = (reach_s + STEP_S - 1) / STEP_S * STEP_S;
    return until_s != 0 && until_s < end_s ? until_s : end_s;
}

uint64_t standing_span_min(uint32_t standing_min)
{
    return (uint64_t)standing_min + STANDING_STEP_MIN;
}

bool standing_moves(const struct offer_row *row)
{
    return row->standing_min != 0 && (row->until_s == 0 || row->end_s < row->until_s);
}

uint64_t standing_due(const struct offer_row *row)
{
    /* The end is right as long as it lies `standing_min` ahead, that very second included. */
    uint64_t ahead_s = (uint64_t)row->standing_min * 60;
    return row->end_s > ahead_s ? row->end_s - ahead_s + 1 : 1;
}

/* How far the end can move to `end_s`, a step at a time, before the site's power is short. */
static uint64_t standing_reach(struct exchange *x, const struct offer_row *row, uint64_t end_s)
{
    const struct sku_row *sku = sku_find(x, row->sku);
    uint64_t watts = (uint64_t)row->gpus * sku->power_w;
    uint64_t at_s = row->end_s;
    if (site_has_power(x, row->site, at_s / 60, end_s / 60, watts))
        return end_s;
    while (at_s < end_s) {
        uint64_t next_s = end_s - at_s > STEP_S ? at_s + STEP_S : end_s;
        if (!site_has_power(x, row->site, at_s / 60, next_s / 60, watts))
            break;
        at_s = next_s;
    }
    return at_s;
}

static void standing_renew(struct exchange *x, struct offer_row *row)
{
    uint64_t from_s = row->end_s;
    uint64_t end_s = standing_end(x->head.time_s, row->standing_min, row->until_s);
    row->end_s = standing_reach(x, row, end_s);
    bool stopped = row->end_s < end_s;
    if (stopped) {
        row->standing_min = 0;
        row->until_s = row->end_s; /* tells it from one that never stood, when it ends */
    }
    store_put(x->store, TABLE_OFFER, row);
    listing_note(x, row);
    struct ev_offer_renewed event = {
        EVENT_HEAD_OF(x, 0),
        .offer = row->offer,
        .operator= row->operator,
        .end_s = row->end_s,
        .stopped = stopped,
    };
    event_log(x, &ev_offer_renewed_message, &event);
    if (row->end_s > from_s)
        ask_about(x, row->offer);
}

/* Why an offer that stood ends where it does, enum offer_end_reason; 0: it stood never, or its
 * operator has given it another end since, and all know when it ends. */
static uint32_t standing_end_reason(const struct offer_row *row)
{
    if (row->standing_min == 0)
        return row->until_s != 0 && row->until_s == row->end_s ? OFFER_END_POWER : 0;
    return standing_moves(row) ? OFFER_END_NOT_RENEWED : OFFER_END_COMPLETED;
}

void offer_due(struct exchange *x, struct due_item item)
{
    struct offer_row row = *offer_row_find(x, item.serial);
    if (standing_moves(&row) && x->head.time_s < row.end_s) {
        standing_renew(x, &row);
        return;
    }
    uint32_t reason = standing_end_reason(&row);
    offer_row_close(&row, OFFER_STATE_ENDED);
    store_put(x->store, TABLE_OFFER, &row);
    if (reason == 0)
        return;
    struct ev_offer_ended event = {
        EVENT_HEAD_OF(x, 0),
        .offer = row.offer,
        .operator= row.operator,
        .end_s = row.end_s,
        .reason = reason,
    };
    event_log(x, &ev_offer_ended_message, &event);
}
