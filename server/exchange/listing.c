/* What operators, and holders of leases, do with their offers: publish, amend, withdraw. */
#include "protocol/moment.h"
#include "server/exchange/ask.h"
#include "server/exchange/event.h"
#include "server/exchange/key.h"
#include "server/exchange/lease.h"
#include "server/exchange/occupancy.h"
#include "server/exchange/offer.h"
#include "server/exchange/resale.h"
#include "server/exchange/site.h"
#include "server/exchange/sku.h"
#include "server/exchange/standing.h"

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* --- What an offer must be like ------------------------------------------------------------ */

static enum refusal interval_check(const struct exchange *x, const struct offer_row *row)
{
    uint64_t now_s = x->head.time_s;
    if (row->start_s % 60 != 0 || row->end_s % 60 != 0 || row->start_s >= row->end_s)
        return REFUSAL_interval_invalid;
    if (row->end_s - row->start_s > (uint64_t)OFFER_SPAN_MAX_MIN * 60 ||
        row->start_s > now_s + (uint64_t)HORIZON_MAX_MIN * 60)
        return REFUSAL_interval_invalid;
    if (row->end_s <= now_s)
        return REFUSAL_interval_in_past;
    return REFUSAL_accepted;
}

/* Whether leases that start at from_s or later can be had under these terms. */
static bool terms_agree(const struct offer_row *row, uint64_t from_s)
{
    uint64_t last_s = row->standing_min != 0 ? row->until_s : row->end_s;
    uint64_t longest = row->lease_max_min != 0 ? row->lease_max_min : DURATION_MAX_MIN;
    if (longest > DURATION_MAX_MIN)
        longest = DURATION_MAX_MIN;
    if (last_s != 0 && longest > (last_s - from_s) / 60)
        longest = (last_s - from_s) / 60;
    if (row->standing_min != 0 && longest > standing_span_min(row->standing_min))
        longest = standing_span_min(row->standing_min);
    if (row->notice_min > 0 && !row->preemptible)
        return false;
    if (row->least_charge_ppm > 0 && row->billing != BILLING_METERED)
        return false;
    if (row->standing_min != 0 && row->standing_min < row->lease_min_min)
        return false;
    /* This also catches lease_min above lease_max, and an offer too short for any lease. */
    if (row->lease_min_min > longest)
        return false;
    return (longest + row->meter_period_min - 1) / row->meter_period_min <= LEASE_PERIODS_MAX;
}

/* --- Publish ------------------------------------------------------------------------------- */

static enum refusal publish_check(struct exchange *x, const struct actor *actor,
                                  const struct offer_row *row)
{
    const struct site_row *site = site_find(x, row->site);
    const struct sku_row *sku = sku_find(x, row->sku);
    if (site != NULL && site->operator!= actor->account)
        return REFUSAL_not_owner;
    if (sku == NULL)
        return REFUSAL_sku_not_found;
    if (sku->state != SKU_STATE_ACTIVE)
        return REFUSAL_sku_retired;
    if (site == NULL)
        return REFUSAL_site_not_found;
    enum refusal refusal = interval_check(x, row);
    if (refusal != REFUSAL_accepted)
        return refusal;
    if (row->gpus % row->block_gpus != 0)
        return REFUSAL_block_invalid;
    if (x->request_looks >= REQUEST_LOOKS_MAX)
        return REFUSAL_too_many;
    if (!site_has_power(x, row->site, row->start_s / 60, row->end_s / 60,
                        (uint64_t)row->gpus * sku->power_w))
        return REFUSAL_power_exceeded;
    if (!terms_agree(row, row->start_s))
        return REFUSAL_terms_invalid;
    if (offer_open_count(x, actor->account) >= OFFERS_PER_ACCOUNT_MAX)
        return REFUSAL_too_many;
    return REFUSAL_accepted;
}

static struct offer_row row_of(const struct exchange *x, const struct op_offer_publish *op,
                               uint32_t account)
{
    struct offer_row row = {
        .site = op->site,
        .sku = op->sku,
        .start_s = op->start_s != 0 ? op->start_s : minute_floor(x->head.time_s),
        .end_s = op->end_s,
        .price_ucr = op->price_ucr,
        .operator= account,
        .seller = account,
        .least_charge_ppm = op->least_charge_ppm,
        .gpus = op->gpus,
        .block_gpus = op->block_gpus,
        .notice_min = op->notice_min,
        .lease_min_min = op->lease_min_min,
        .lease_max_min = op->lease_max_min,
        .meter_period_min = op->meter_period_min,
        .preemptible = op->preemptible,
        .billing = (uint8_t)op->billing,
        .state = OFFER_STATE_OPEN,
    };
    if (op->standing_min != 0) {
        row.standing_min = op->standing_min;
        row.until_s = op->end_s;
        row.end_s = standing_end(x->head.time_s, op->standing_min, op->end_s);
    }
    return row;
}

enum refusal offer_publish(struct exchange *x, const struct actor *actor, const void *body,
                           struct result *out)
{
    const struct op_offer_publish *op = body;
    struct offer_row row = row_of(x, op, actor->account);
    enum refusal refusal = publish_check(x, actor, &row);
    if (refusal != REFUSAL_accepted)
        return refusal;

    row.offer = ++x->head.offer_last;
    row.index = event_next_index(x);
    row.place = event_next_place(x);
    store_put(x->store, TABLE_OFFER, &row);
    listing_note(x, &row);
    x->request_looks += offer_looks(offer_find(x, row.offer));
    struct ev_offer_published event = {
        EVENT_HEAD_OF(x, actor->account),
        .offer = row.offer,
        .site = op->site,
        .sku = op->sku,
        .gpus = op->gpus,
        .block_gpus = op->block_gpus,
        .start_s = row.start_s,
        .end_s = op->end_s,
        .price_ucr = op->price_ucr,
        .preemptible = op->preemptible,
        .notice_min = op->notice_min,
        .lease_min_min = op->lease_min_min,
        .lease_max_min = op->lease_max_min,
        .billing = op->billing,
        .meter_period_min = op->meter_period_min,
        .standing_min = op->standing_min,
        .least_charge_ppm = op->least_charge_ppm,
    };
    event_log(x, &ev_offer_published_message, &event);
    ask_about(x, row.offer);
    out->object = row.offer;
    return REFUSAL_accepted;
}

/* --- Amend --------------------------------------------------------------------------------- */

/* Who may change an offer, and whether it is still there to be changed. */
static enum refusal seller_check(const struct exchange *x, const struct actor *actor,
                                 const struct offer_row *row)
{
    if (row != NULL && row->seller != actor->account)
        return REFUSAL_not_owner;
    /* Nothing can be done with a row of a damaged image that names what is not there. */
    if (row == NULL || offer_find(x, row->offer) == NULL ||
        (row->lease != 0 && lease_find(x, row->lease) == NULL))
        return REFUSAL_offer_not_found;
    if (row->state != OFFER_STATE_OPEN || row->end_s <= x->head.time_s)
        return REFUSAL_offer_closed;
    return REFUSAL_accepted;
}

static struct offer_row row_amended(const struct exchange *x, const struct offer_row *found,
                                    const struct op_offer_amend *op)
{
    struct offer_row row = *found;
    if (op->gpus != 0)
        row.gpus = op->gpus;
    if (op->has_price)
        row.price_ucr = op->price_ucr;
    if (op->end_s != 0 && row.standing_min != 0) {
        row.until_s = op->end_s;
        row.end_s = standing_end(x->head.time_s, row.standing_min, op->end_s);
    } else if (op->end_s != 0) {
        row.end_s = op->end_s;
    }
    return row;
}

static bool power_suffices(struct exchange *x, const struct offer_row *old,
                           const struct offer_row *new)
{
    const struct sku_row *sku = sku_find(x, new->sku);
    uint64_t last_s = old->end_s < new->end_s ? old->end_s : new->end_s;
    if (new->lease != 0)
        return true; /* draws what its lease draws */
    if (new->gpus > old->gpus && !site_has_power(x, new->site, new->start_s / 60, last_s / 60,
                                                 (uint64_t)(new->gpus - old->gpus) * sku->power_w))
        return false;
    return new->end_s <= old->end_s ||
           site_has_power(x, new->site, old->end_s / 60, new->end_s / 60,
                          (uint64_t) new->gpus * sku->power_w);
}

/* Whether a lease on offer has these GPUs over the offer's interval, apart from what was sold of it
 * through other offers or is paused. */
static bool lease_suffices(const struct exchange *x, const struct offer_row *row)
{
    const struct lease_row *lease = lease_find(x, row->lease);
    uint64_t from = later(row->start_s, minute_floor(x->head.time_s)) / 60;
    struct steps gone;
    steps_init(&gone);
    for (uint32_t i = 0; i < lease->reliefs; i++) {
        struct relief_row key = {.lease = row->lease, .relief = i};
        const struct relief_row *relief = store_find(x->store, TABLE_RELIEF, &key);
        if (relief == NULL || relief->offer == row->offer || relief->kind == RELIEF_KIND_WITHHELD)
            continue;
        /* What the lease was extended by since is not what was sold; behind its end nothing is. */
        uint64_t until_s = relief->end_s - (uint64_t)relief->cut_min * 60;
        steps_add(&gone, relief->start_s / 60, until_s / 60, relief->gpus);
        steps_add(&gone, later(until_s, lease->end_s) / 60, relief->end_s / 60, relief->gpus);
    }
    uint64_t most = steps_max(&gone, from, row->end_s / 60);
    steps_release(&gone);
    return row->gpus + most <= lease->gpus;
}

/* Whether what is leased of the offer fits into what it is to be. */
static bool leases_fit(const struct exchange *x, const struct offer_row *old,
                       const struct offer_row *new)
{
    const struct offer *o = offer_find(x, new->offer);
    uint64_t now = minute_floor(x->head.time_s) / 60;
    if (offer_leased_max(o, now, old->end_s / 60) > new->gpus)
        return false;
    if (new->end_s < old->end_s && offer_leased_max(o, new->end_s / 60, old->end_s / 60) > 0)
        return false;
    return new->lease == 0 || lease_suffices(x, new);
}

static enum refusal amend_check(struct exchange *x, const struct offer_row *old,
                                const struct offer_row *new, const struct op_offer_amend *op)
{
    uint64_t from_s = later(new->start_s, minute_floor(x->head.time_s));
    if (op->end_s != 0) {
        enum refusal refusal = interval_check(x, new);
        if (refusal != REFUSAL_accepted)
            return refusal;
        if (new->lease != 0 && new->end_s > lease_find(x, new->lease)->end_s)
            return REFUSAL_interval_invalid;
    }
    if (new->gpus % new->block_gpus != 0)
        return REFUSAL_block_invalid;
    if (x->request_looks >= REQUEST_LOOKS_MAX)
        return REFUSAL_too_many;
    if (!power_suffices(x, old, new))
        return REFUSAL_power_exceeded;
    if ((op->end_s != 0 && !terms_agree(new, from_s)) ||
        (new->lease != 0 && !resale_price_agrees(lease_find(x, new->lease), new->price_ucr)))
        return REFUSAL_terms_invalid;
    return leases_fit(x, old, new) ? REFUSAL_accepted : REFUSAL_below_sold;
}

static void amend_log(struct exchange *x, uint32_t by, const struct offer_row *row,
                      const struct op_offer_amend *op)
{
    struct ev_offer_amended amended = {
        EVENT_HEAD_OF(x, by),       .offer = op->offer,         .gpus = op->gpus,
        .has_price = op->has_price, .price_ucr = op->price_ucr, .end_s = op->end_s,
    };
    struct ev_resale_amended resale = {
        EVENT_HEAD_OF(x, by), .seller = row->seller,      .offer = op->offer,
        .gpus = op->gpus,     .has_price = op->has_price, .price_ucr = op->price_ucr,
        .end_s = op->end_s,
    };
    if (row->lease == 0)
        event_log(x, &ev_offer_amended_message, &amended);
    else
        event_log(x, &ev_resale_amended_message, &resale);
}

enum refusal offer_amend(struct exchange *x, const struct actor *actor, const void *body,
                         struct result *out)
{
    const struct op_offer_amend *op = body;
    const struct offer_row *found = offer_row_find(x, op->offer);
    enum refusal refusal = seller_check(x, actor, found);
    if (refusal != REFUSAL_accepted)
        return refusal;
    struct offer_row old = *found;
    struct offer_row row = row_amended(x, &old, op);
    refusal = amend_check(x, &old, &row, op);
    if (refusal != REFUSAL_accepted)
        return refusal;

    uint64_t now_s = minute_floor(x->head.time_s);
    amount given = resale_given_away(x, &row, now_s);
    amount before = resale_given_away(x, &old, now_s);
    key_moves(x, given > before ? given - before : 0);
    bool more = row.gpus > old.gpus || row.end_s > old.end_s;
    if (more || row.price_ucr != old.price_ucr)
        row.place = event_next_place(x);
    store_put(x->store, TABLE_OFFER, &row);
    listing_note(x, &row);
    x->request_looks += offer_looks(offer_find(x, row.offer));
    amend_log(x, actor->account, &row, op);
    if (more || row.price_ucr < old.price_ucr)
        ask_about(x, row.offer);
    out->object = row.offer;
    return REFUSAL_accepted;
}

/* --- Withdraw ------------------------------------------------------------------------------ */

/* The holder's lease is not on offer any more. */
static void resale_withdraw(struct exchange *x, uint32_t by, const struct offer_row *row)
{
    struct lease_row lease = *lease_find(x, row->lease);
    lease.resale_offer = 0;
    store_put(x->store, TABLE_LEASE, &lease);
    struct ev_resale_withdrawn event = {EVENT_HEAD_OF(x, by), .seller = row->seller,
                                        .offer = row->offer};
    event_log(x, &ev_resale_withdrawn_message, &event);
}

enum refusal offer_withdraw(struct exchange *x, const struct actor *actor, const void *body,
                            struct result *out)
{
    const struct op_offer_withdraw *op = body;
    const struct offer_row *found = offer_row_find(x, op->offer);
    enum refusal refusal = seller_check(x, actor, found);
    if (refusal != REFUSAL_accepted)
        return refusal;
    if (x->request_looks >= REQUEST_LOOKS_MAX)
        return REFUSAL_too_many;

    struct offer_row row = *found;
    x->request_looks += offer_looks(offer_find(x, row.offer));
    offer_row_close(&row, OFFER_STATE_WITHDRAWN);
    store_put(x->store, TABLE_OFFER, &row);
    listing_note(x, &row);
    if (row.lease != 0) {
        resale_withdraw(x, actor->account, &row);
    } else {
        struct ev_offer_withdrawn event = {EVENT_HEAD_OF(x, actor->account), .offer = op->offer};
        event_log(x, &ev_offer_withdrawn_message, &event);
    }
    out->object = op->offer;
    return REFUSAL_accepted;
}
