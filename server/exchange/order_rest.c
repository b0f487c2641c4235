/* Orders while they rest: how they are filled, and end by time. */
#include "server/exchange/order_rest.h"

#include <string.h>

#include "protocol/moment.h"
#include "server/exchange/account.h"
#include "server/exchange/ask.h"
#include "server/exchange/due.h"
#include "server/exchange/event.h"
#include "server/exchange/query.h"
#include "server/exchange/series.h"

/* --- Time ---------------------------------------------------------------------------------- */

bool order_rests(const struct exchange *x, const struct order_row *order,
                 const struct rest_row *rest)
{
    return order != NULL && rest != NULL && order->state == ORDER_STATE_RESTING &&
           x->head.time_s < rest->due_s;
}

bool order_is_live(const struct exchange *x, const struct order_row *order,
                   const struct rest_row *rest)
{
    if (!order_rests(x, order, rest))
        return false;
    const struct account_row *account = account_find(x, order->account);
    return account != NULL && account->state == ACCOUNT_STATE_ACTIVE;
}

struct order_end order_end_now(const struct exchange *x, const struct order_row *order,
                               const struct rest_row *rest)
{
    struct order_end end = {
        .state = (enum order_state)order->state,
        .reason = (enum order_end_reason)order->end_reason,
        .ended_s = order->ended_s,
    };
    if (order->state != ORDER_STATE_RESTING || rest == NULL || order_rests(x, order, rest))
        return end;
    end.state = order->gpus_filled > 0 ? ORDER_STATE_PARTLY_FILLED : ORDER_STATE_UNFILLED;
    end.reason = rest->due_s < rest_until(order, rest) ? ORDER_END_SERIES : ORDER_END_EXPIRED;
    end.ended_s = rest->due_s;
    return end;
}

enum refusal order_check_until(const struct exchange *x, uint64_t rest_until_s)
{
    uint64_t now_s = x->head.time_s;
    if (rest_until_s == 0 || rest_until_s > now_s + (uint64_t)HORIZON_MAX_MIN * 60)
        return REFUSAL_interval_invalid;
    return rest_until_s > now_s ? REFUSAL_accepted : REFUSAL_interval_in_past;
}

uint64_t rest_due_s(const struct exchange *x, const struct order_row *order,
                    const struct rest_row *rest, const struct escrow *e)
{
    uint64_t due_s = rest_until(order, rest);
    for (uint32_t i = 0; i < e->count; i++) {
        const struct series_row *series = series_find(x, e->rows[i].series);
        if (series != NULL && series->expires_s != 0 && series->expires_s < due_s)
            due_s = series->expires_s;
    }
    return due_s;
}

/* --- Terms --------------------------------------------------------------------------------- */

static void rest_take_places(uint8_t *column, const struct place *places, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        column_set((char *)column + (size_t)i * PLACE_BYTES, PLACE_BYTES, places[i].code);
}

struct rest_row rest_of_order(const struct exchange *x, const struct op_order_place *op,
                              const struct order_row *order)
{
    uint64_t from_s = op->start_from_s != 0 ? op->start_from_s : minute_floor(x->head.time_s);
    struct rest_row row = {
        .order = order->order,
        .place = event_next_place(x),
        .start_from_s = from_s,
        .start_until_s = op->start_until_s != 0 ? op->start_until_s : from_s,
        .gpus_missing = op->gpus,
        .gpus_min = op->gpus_min,
        .block_gpus = op->block_gpus,
        .funded_min = op->funded_min,
        .carbon_g_max = op->carbon_g_max,
        .reliability_ppm_min = op->reliability_ppm_min,
        .skus_count = (uint8_t)op->skus.count,
        .regions_count = (uint8_t)op->regions.count,
        .jurisdictions_count = (uint8_t)op->jurisdictions.count,
        .certifications_count = (uint8_t)op->certifications.count,
        .preemptible_ok = op->preemptible_ok,
        .profile = (uint8_t)op->profile,
    };
    const struct sku_limit *skus = op->skus.items;
    const struct required *certifications = op->certifications.items;
    for (uint32_t i = 0; i < op->skus.count; i++) {
        row.skus[i] = skus[i].sku;
        row.limits_ucr[i] = skus[i].limit_price_ucr;
    }
    rest_take_places(row.regions, op->regions.items, op->regions.count);
    rest_take_places(row.jurisdictions, op->jurisdictions.items, op->jurisdictions.count);
    for (uint32_t i = 0; i < op->certifications.count; i++)
        column_set((char *)row.certifications + (size_t)i * NAME_BYTES, NAME_BYTES,
                   certifications[i].name);
    column_set(row.interconnect, sizeof(row.interconnect), op->interconnect);
    return row;
}

static uint32_t rest_at_most(uint32_t count, uint32_t most)
{
    return count < most ? count : most;
}

void rest_tell(const struct rest_row *rest, struct arena *arena, struct order_info *out)
{
    uint32_t count = rest_at_most(rest->skus_count, ORDER_SKUS_MAX);
    struct sku_limit *skus = query_alloc(arena, (count + 1u) * sizeof(*skus));
    for (uint32_t i = 0; i < count; i++)
        skus[i] = (struct sku_limit){.sku = rest->skus[i], .limit_price_ucr = rest->limits_ucr[i]};
    out->skus.items = skus;
    out->skus.count = count;
    out->gpus_min = rest->gpus_min;
    out->block_gpus = rest->block_gpus;
    out->start_from_s = rest->start_from_s;
    out->start_until_s = rest->start_until_s;
    out->ends_s = rest->due_s;
    out->regions.count = rest_at_most(rest->regions_count, FILTER_PLACES_MAX);
    out->regions.items = query_texts(rest->regions, PLACE_BYTES, out->regions.count, arena);
    out->jurisdictions.count = rest_at_most(rest->jurisdictions_count, FILTER_PLACES_MAX);
    out->jurisdictions.items =
        query_texts(rest->jurisdictions, PLACE_BYTES, out->jurisdictions.count, arena);
    out->certifications.count = rest_at_most(rest->certifications_count, ORDER_CERTIFICATIONS_MAX);
    out->certifications.items =
        query_texts(rest->certifications, NAME_BYTES, out->certifications.count, arena);
    const char *interconnect = (const char *)rest->interconnect;
    out->interconnect.data = interconnect;
    out->interconnect.length = (uint32_t)strnlen(interconnect, NAME_BYTES);
    out->preemptible_ok = rest->preemptible_ok != 0;
    out->carbon_g_max = rest->carbon_g_max;
    out->reliability_ppm_min = rest->reliability_ppm_min;
    out->place = rest->place;
}

void rest_take_fill(struct rest_row *rest, const struct order_row *order, const struct match *m)
{
    rest->gpus_missing = order->gpus - order->gpus_filled;
    if (m->count == 0)
        return;
    rest->start_from_s = m->start_min * 60;
    rest->start_until_s = rest->start_from_s;
    if (order->placement == PLACEMENT_ONE_SITE)
        rest->site = m->parts[0].offer->site;
}

/* --- Fills --------------------------------------------------------------------------------- */

struct fill order_fill_of(const struct order_row *order, const struct rest_row *rest,
                          const struct match *m)
{
    return (struct fill){
        .match = m,
        .account = order->account,
        .order = order->order,
        .duration_min = order->duration_min,
        .funded_min = rest->funded_min,
        .profile = order->profile,
    };
}

bool order_take(struct exchange *x, struct order_row *order, struct rest_row *rest,
                struct escrow *e, struct fill *f)
{
    if (e->count > ORDER_SERIES_MAX ||
        !amount_split_pro_rata(f->pays, e->held, e->count, f->shares))
        return false;
    f->series_count = e->count;
    for (uint32_t i = 0; i < e->count; i++) {
        f->series[i] = e->rows[i].series;
        if (f->shares[i] > 0)
            escrow_lower(x, e, i, f->shares[i]);
    }
    if (f->match->count > 0)
        fill_grant(x, f);
    fill_count(f, order);
    rest_take_fill(rest, order, f->match);
    return true;
}

void order_settle(struct exchange *x, struct order_row *order, struct rest_row *rest,
                  struct escrow *e, struct escrow_returns *out)
{
    amount needs = 0;
    bool counted = rest_needs(order, rest, &needs);
    if (counted && e->total > needs)
        escrow_return(x, e, e->total - needs, out);
    rest->escrow_series = (uint8_t)e->count;
    rest->due_s = rest_due_s(x, order, rest, e);
    if (rest->gpus_missing > 0) {
        store_put(x->store, TABLE_ORDER, order);
        store_put(x->store, TABLE_REST, rest);
        return;
    }
    escrow_close(x, e);
    order->state = ORDER_STATE_FILLED;
    order->end_reason = ORDER_END_FILLED;
    order->ended_s = x->head.time_s;
    store_put(x->store, TABLE_ORDER, order);
    store_remove(x->store, TABLE_REST, &order->order);
}

bool order_fill(struct exchange *x, uint64_t serial, const struct match *m)
{
    struct order_row order = *order_find(x, serial);
    struct rest_row rest = *rest_find(x, serial);
    struct escrow e = escrow_read(x, ESCROW_KIND_ORDER, serial, rest.escrow_series);
    struct fill *f = scratch_alloc(x, sizeof(*f));
    struct escrow_returns *returns = scratch_alloc(x, sizeof(*returns));
    amount cost;
    *f = order_fill_of(&order, &rest, m);
    if (!fill_cost(x, f) || !amount_add(order.cost_ucr, f->cost, &cost) ||
        !order_take(x, &order, &rest, &e, f))
        return false;
    order_settle(x, &order, &rest, &e, returns);
    struct ev_order_filled event = {
        EVENT_HEAD_OF(x, 0),
        .order = serial,
        .account = order.account,
        .state = order.state,
        .leases = {f->leases, m->count},
        .change = {returns->refunds, returns->refunds_count},
        .expired = {returns->expired, returns->expired_count},
    };
    event_log(x, &ev_order_filled_message, &event);
    fill_log(x, f);
    return true;
}

/* Searches for what the order misses; false when that does not come to a fill. */
static bool order_more(struct exchange *x, uint64_t serial, struct match *m)
{
    const struct order_row *order = order_find(x, serial);
    const struct rest_row *rest = rest_find(x, serial);
    struct wish wish;
    if (!order_is_live(x, order, rest) || x->request_looks >= REQUEST_LOOKS_MAX)
        return false;
    wish_from_rest(x, order, rest, &x->scratch, &wish);
    bool found = order_match(x, &wish, m);
    x->request_looks += m->looks;
    return found && m->gpus > 0;
}

void order_match_on(struct exchange *x, uint64_t order)
{
    struct match *m = scratch_alloc(x, sizeof(*m));
    for (uint32_t fills = 0; fills < ORDER_FILLS_AT_ONCE; fills++) {
        if (!order_more(x, order, m) || !order_fill(x, order, m))
            return;
    }
    while (order_more(x, order, m)) {
        for (uint32_t i = 0; i < m->count; i++)
            ask_about(x, m->parts[i].offer->offer);
    }
}

/* --- Ends ---------------------------------------------------------------------------------- */

void order_end(struct exchange *x, uint64_t serial, struct order_end end, uint32_t by,
               struct escrow_returns *out)
{
    struct order_row order = *order_find(x, serial);
    const struct rest_row *rest = rest_find(x, serial);
    struct escrow e = escrow_read(x, ESCROW_KIND_ORDER, serial, rest->escrow_series);
    memset(out, 0, sizeof(*out));
    escrow_return(x, &e, e.total, out);
    escrow_close(x, &e);
    order.state = end.state;
    order.end_reason = end.reason;
    order.ended_s = end.ended_s;
    store_put(x->store, TABLE_ORDER, &order);
    store_remove(x->store, TABLE_REST, &serial);
    struct ev_order_ended event = {
        EVENT_HEAD_OF(x, by),
        .order = serial,
        .account = order.account,
        .state = order.state,
        .reason = order.end_reason,
        .refunds = {out->refunds, out->refunds_count},
        .expired = {out->expired, out->expired_count},
    };
    event_log(x, &ev_order_ended_message, &event);
}

void order_due(struct exchange *x, struct due_item item)
{
    struct escrow_returns returns;
    struct order_end end = order_end_now(x, order_find(x, item.serial), rest_find(x, item.serial));
    order_end(x, item.serial, end, 0, &returns);
}
