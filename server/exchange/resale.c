#include "server/exchange/resale.h"

#include <assert.h>
#include <string.h>

#include "protocol/amount.h"
#include "protocol/moment.h"
#include "server/exchange/ask.h"
#include "server/exchange/event.h"
#include "server/exchange/flow.h"
#include "server/exchange/key.h"
#include "server/exchange/ledger.h"
#include "server/exchange/lease.h"
#include "server/exchange/settlement.h"
#include "server/exchange/token.h"

uint64_t resale_offer_now(const struct exchange *x, const struct lease_row *lease)
{
    const struct offer_row *row =
        lease->resale_offer != 0 ? offer_row_find(x, lease->resale_offer) : NULL;
    bool open = row != NULL && row->state == OFFER_STATE_OPEN && row->end_s > x->head.time_s;
    return open ? lease->resale_offer : 0;
}

/* --- Prices -------------------------------------------------------------------------------- */

bool resale_price_agrees(const struct lease_row *lease, uint64_t price_ucr)
{
    if (lease->elastic)
        return price_ucr >= lease->price_ucr;
    return price_ucr > 0 || lease->price_ucr == 0;
}

/* What of a lease's escrow is no longer needed when a part of it is sold: by row, all together, and
 * of that what belongs to earlier sellers. */
struct parting {
    struct escrow escrow;
    amount parts[ESCROW_ROWS_MAX];
    amount total;
    amount others;
};

static struct parting parting_of(const struct exchange *x, const struct lease_row *lease,
                                 gpu_minutes sold)
{
    struct parting p = {
        .escrow = escrow_read(x, ESCROW_KIND_LEASE, lease->lease, lease->escrow_series),
    };
    amount needed = settlement_needed_without(x, lease, sold);
    p.total = p.escrow.total > needed ? p.escrow.total - needed : 0;
    bool covered = amount_split_pro_rata(p.total, p.escrow.held, p.escrow.count, p.parts);
    assert(covered);
    for (uint32_t i = 0; i < p.escrow.count; i++) {
        if (p.escrow.rows[i].owner != lease->holder)
            p.others += p.parts[i];
    }
    return p;
}

bool resale_gains(const struct exchange *x, const struct offer *o, uint64_t price_ucr)
{
    const struct lease_row *lease = lease_find(x, o->lease);
    if (lease == NULL)
        return true;
    struct escrow e = escrow_read(x, ESCROW_KIND_LEASE, lease->lease, lease->escrow_series);
    amount own = 0;
    for (uint32_t i = 0; i < e.count; i++)
        own += e.rows[i].owner == lease->holder ? e.held[i] : 0;
    if (own == e.total)
        return price_ucr > lease->price_ucr;
    /* The holder's own part of the price; splits are rounded by less than 2 micro-credits, at the
     * least for one GPU-minute. */
    return ((wide)price_ucr + 2 * 60) * e.total > (wide)lease->price_ucr * own;
}

amount resale_given_away(const struct exchange *x, const struct offer_row *offer, uint64_t from_s)
{
    const struct lease_row *lease = offer->lease != 0 ? lease_find(x, offer->lease) : NULL;
    uint64_t start_s = offer->start_s > from_s ? offer->start_s : from_s;
    if (lease == NULL || start_s >= offer->end_s || offer->price_ucr >= lease->price_ucr)
        return 0;
    gpu_minutes minutes = (offer->end_s - start_s) / 60 * offer->gpus;
    amount worth = 0;
    amount asked = 0;
    if (!amount_cost_rounded_up(minutes, lease->price_ucr, &worth))
        return UINT64_MAX;
    bool fits = amount_cost_rounded_up(minutes, offer->price_ucr, &asked);
    assert(fits); /* a lower price */
    return worth - asked;
}

bool resale_is_live(const struct exchange *x, const struct offer *o)
{
    const struct lease_row *lease = lease_find(x, o->lease);
    if (lease == NULL)
        return false;
    enum lease_state state = lease_state_now(x, lease);
    return state == LEASE_STATE_GRANTED || state == LEASE_STATE_ACTIVE ||
           state == LEASE_STATE_PAUSED;
}

bool resale_cost(const struct exchange *x, const struct offer *o, uint64_t start_min,
                 uint32_t duration_min, uint32_t gpus, uint64_t price_ucr,
                 struct resale_cost *cost_out)
{
    const struct lease_row *lease = lease_find(x, o->lease);
    gpu_minutes minutes = (gpu_minutes)gpus * duration_min;
    amount worth = 0;
    (void)start_min; /* a minute is as dear as any other */
    if (lease == NULL || !amount_cost_rounded_up(minutes, price_ucr, &cost_out->pays) ||
        !amount_cost_rounded_up(minutes, lease->price_ucr, &worth))
        return false;
    amount others = parting_of(x, lease, minutes).others;
    amount missing = worth > others ? worth - others : 0;
    cost_out->escrow = cost_out->pays < missing ? cost_out->pays : missing;
    cost_out->gain = cost_out->pays - cost_out->escrow;
    return true;
}

/* --- Novation ------------------------------------------------------------------------------ */

void resale_inherit(const struct exchange *x, const struct offer *o, struct lease_row *lease)
{
    const struct lease_row *parent = lease_find(x, o->lease);
    lease->parent = parent->lease;
    lease->offer = parent->offer;
    lease->site = parent->site;
    lease->sku = parent->sku;
    lease->operator= parent->operator;
    lease->price_ucr = parent->price_ucr;
    lease->billing = parent->billing;
    lease->least_charge_ppm = parent->least_charge_ppm;
    lease->meter_period_min = parent->meter_period_min;
    lease->preemptible = parent->preemptible;
    lease->trade = parent->trade;
    lease->elected = parent->elected;
    lease->elastic = 0;
    gpu_minutes minutes = (lease->end_s - lease->start_s) / 60 * lease->gpus;
    bool fits = amount_cost_rounded_up(minutes, parent->price_ucr, &lease->cost_ucr);
    assert(fits); /* as that of the whole lease did */
}

/* What resale_novate() leaves to resale_log(). */
struct sale {
    uint64_t lease;
    uint32_t buyer;
    gpu_minutes minutes;
    struct share tops[ESCROW_ROWS_MAX]; /* what the seller leaves in the new lease */
    uint32_t tops_count;
    struct share backs[ESCROW_ROWS_MAX]; /* what returns to the seller */
    uint32_t backs_count;
};

/* Makes up the new lease's escrow from what the old one needs no more: first what earlier sellers
 * have in it, then what is missing from the seller's own, whose rest returns. */
static void escrow_part(struct exchange *x, struct lease_row *lease, struct lease_row *sold,
                        gpu_minutes minutes, struct sale *sale)
{
    struct parting p = parting_of(x, lease, minutes);
    struct escrow *from = &p.escrow;
    struct escrow into = escrow_read(x, ESCROW_KIND_LEASE, sold->lease, sold->escrow_series);
    assert(into.total + p.others <= sold->cost_ucr);
    amount missing = sold->cost_ucr - into.total - p.others;
    amount own[ESCROW_ROWS_MAX], tops[ESCROW_ROWS_MAX];
    for (uint32_t i = 0; i < from->count; i++)
        own[i] = from->rows[i].owner == lease->holder ? p.parts[i] : 0;
    bool covered = amount_split_pro_rata(missing, own, from->count, tops);
    assert(covered);
    for (uint32_t i = 0; i < from->count; i++) {
        const struct escrow_row *row = &from->rows[i];
        bool others = row->owner != lease->holder;
        amount moves = others ? p.parts[i] : tops[i];
        struct share top = {.series = row->series, .amount_ucr = moves};
        struct share back = {.series = row->series, .amount_ucr = p.parts[i] - moves};
        if (moves > 0) {
            bool room = escrow_add(x, &into, row->owner, row->series, moves);
            assert(room); /* RESALE_ROWS_MAX sees to it */
        }
        if (moves > 0 && !others)
            sale->tops[sale->tops_count++] = top;
        if (back.amount_ucr > 0)
            sale->backs[sale->backs_count++] = back;
        lease->refunded_ucr += back.amount_ucr;
        if (p.parts[i] > 0)
            escrow_lower(x, from, i, p.parts[i]);
    }
    sold->escrow_series = (uint8_t)into.count;
}

/* Where the last period of a lease ends that is over: what comes before may be metered or settled.
 */
static uint64_t periods_over(const struct exchange *x, const struct lease_row *lease)
{
    if (lease->activated_s == 0 || x->head.time_s <= lease->start_s)
        return lease->start_s;
    uint64_t period_s = (uint64_t)lease->meter_period_min * 60;
    return lease->start_s + (x->head.time_s - lease->start_s) / period_s * period_s;
}

/* When the tail of a lease is sold altogether it ends before that, and at once when it has no whole
 * minute left; but never within periods that are over, though all of them was sold, too. */
static void tail_cut(struct exchange *x, struct lease_row *lease)
{
    uint64_t tail_s = relief_tail(x, lease);
    uint64_t over_s = periods_over(x, lease);
    if (tail_s < over_s)
        tail_s = over_s;
    if (tail_s == lease->end_s)
        return;
    if (tail_s <= minute_ceil(x->head.time_s) && lease->end_reason == LEASE_END_NOT_YET)
        lease->end_reason = LEASE_END_SOLD;
    struct settlement moved;
    settlement_shorten(x, lease, tail_s, &moved);
    assert(moved.returns.refunds_count == 0 && moved.returns.expired_count == 0);
}

void resale_novate(struct exchange *x, struct novation *n)
{
    const struct offer_row *offer = offer_row_find(x, n->offer);
    struct lease_row row = *lease_find(x, offer->lease);
    struct lease_row sold = *lease_find(x, n->sold);
    struct sale *sale = scratch_alloc(x, sizeof(*sale));
    n->sale = sale;
    sale->lease = row.lease;
    sale->buyer = sold.holder;
    sale->minutes = (sold.end_s - sold.start_s) / 60 * sold.gpus;
    escrow_part(x, &row, &sold, sale->minutes, sale);
    struct relief_row relief = {
        .kind = RELIEF_KIND_SALE,
        .start_s = sold.start_s,
        .end_s = sold.end_s,
        .sold = sold.lease,
        .offer = n->offer,
        .price_ucr = n->price_ucr,
        .gpus = sold.gpus,
    };
    for (uint32_t i = 0; i < n->gains_count; i++)
        relief.gain_ucr += n->gains[i].amount_ucr;
    relief_add(x, &row, &relief);
    row.gpu_minutes_sold += sale->minutes;
    row.cost_ucr = settlement_cost(x, &row);
    tail_cut(x, &row);
    store_put(x->store, TABLE_LEASE, &row);
    store_put(x->store, TABLE_LEASE, &sold);
}

/* Turns shares into tokens of the seller; lists what went elsewhere because its series has expired
 * meanwhile. */
static void shares_return(struct exchange *x, const struct share *shares, uint32_t count,
                          uint32_t seller, uint32_t from, struct issued *issued,
                          uint32_t *issued_count, struct escrow_returns *expired)
{
    for (uint32_t i = 0; i < count; i++) {
        if (shares[i].amount_ucr == 0)
            continue;
        struct ledger_place place = {LEDGER_ESCROW, from};
        if (token_refund(x, shares[i].series, seller, shares[i].amount_ucr, place,
                         &issued[*issued_count]))
            ++*issued_count;
        else
            expired->expired[expired->expired_count++] = shares[i];
    }
}

void resale_log(struct exchange *x, const struct novation *n)
{
    const struct sale *sale = n->sale;
    const struct lease_row *row = lease_find(x, sale->lease);
    const struct lease_row *sold = lease_find(x, n->sold);
    struct escrow_returns returns = {.refunds_count = 0};
    struct issued gains[ORDER_SERIES_MAX];
    uint32_t gains_count = 0;
    shares_return(x, n->gains, n->gains_count, row->holder, sale->buyer, gains, &gains_count,
                  &returns);
    shares_return(x, sale->backs, sale->backs_count, row->holder, row->holder, returns.refunds,
                  &returns.refunds_count, &returns);
    struct ev_lease_sold event = {
        EVENT_HEAD_OF(x, 0),
        .lease = row->lease,
        .seller = row->holder,
        .operator= row->operator,
        .offer = n->offer,
        .sold_lease = n->sold,
        .gpus = sold->gpus,
        .start_s = sold->start_s,
        .end_s = sold->end_s,
        .price_ucr = n->price_ucr,
        .gain = {gains, gains_count},
        .top_up = {sale->tops, sale->tops_count},
        .refunds = {returns.refunds, returns.refunds_count},
        .expired = {returns.expired, returns.expired_count},
    };
    event_log(x, &ev_lease_sold_message, &event);
    for (uint32_t i = 0; i < gains_count; i++)
        flow_add(x, &(struct flow){.kind = FLOW_KIND_RESALE, .site = row->site, .sku = row->sku},
                 sale->buyer, row->holder, gains[i].series, gains[i].amount_ucr);
    if (row->end_reason == LEASE_END_SOLD || row->state == LEASE_STATE_SETTLED ||
        relief_find(x, row->lease)->sales >= LEASE_SALES_MAX)
        resale_close(x, row->lease);
}

/* --- Offering ------------------------------------------------------------------------------ */

void resale_close(struct exchange *x, uint64_t lease)
{
    struct lease_row row = *lease_find(x, lease);
    if (resale_offer_now(x, &row) == 0)
        return;
    struct offer_row offer = *offer_row_find(x, row.resale_offer);
    offer_row_close(&offer, OFFER_STATE_WITHDRAWN);
    store_put(x->store, TABLE_OFFER, &offer);
    row.resale_offer = 0;
    store_put(x->store, TABLE_LEASE, &row);
    struct ev_resale_withdrawn event = {EVENT_HEAD_OF(x, 0), .seller = offer.seller,
                                        .offer = offer.offer};
    event_log(x, &ev_resale_withdrawn_message, &event);
}

static enum refusal resell_check_lease(const struct exchange *x, uint32_t seller,
                                       const struct lease_row *lease)
{
    if (lease == NULL)
        return REFUSAL_lease_not_found;
    if (lease->holder != seller)
        return REFUSAL_not_owner;
    switch (lease_state_now(x, lease)) {
    case LEASE_STATE_GRANTED:
    case LEASE_STATE_ACTIVE:
        return x->head.time_s < lease->end_s ? REFUSAL_accepted : REFUSAL_lease_closed;
    case LEASE_STATE_PAUSED:
        return REFUSAL_lease_not_active;
    default:
        return REFUSAL_lease_closed;
    }
}

/* The interval, resolved already. */
static enum refusal resell_check_interval(const struct exchange *x, const struct lease_row *lease,
                                          const struct op_lease_resell *op)
{
    if (op->start_s % 60 != 0 || op->end_s % 60 != 0 || op->start_s >= op->end_s ||
        op->start_s < lease->start_s || op->end_s > lease->end_s)
        return REFUSAL_interval_invalid;
    return op->start_s >= x->head.time_s ? REFUSAL_accepted : REFUSAL_interval_in_past;
}

static enum refusal resell_check_terms(const struct exchange *x, const struct lease_row *lease,
                                       const struct op_lease_resell *op)
{
    if (op->gpus % op->block_gpus != 0)
        return REFUSAL_block_invalid;
    if (op->lease_min_min > (op->end_s - op->start_s) / 60 ||
        !resale_price_agrees(lease, op->price_ucr))
        return REFUSAL_terms_invalid;
    const struct relief_sums *sums = relief_find(x, lease->lease);
    bool full = lease->holder < x->offers->open_accounts &&
                x->offers->open_counts[lease->holder] >= OFFERS_PER_ACCOUNT_MAX;
    if (full || lease->escrow_series > RESALE_ROWS_MAX ||
        (sums != NULL && sums->sales >= LEASE_SALES_MAX))
        return REFUSAL_too_many;
    if (op->gpus > relief_unsold(x, lease, op->start_s, op->end_s))
        return REFUSAL_below_sold;
    return resale_offer_now(x, lease) == 0 ? REFUSAL_accepted : REFUSAL_resale_open;
}

static struct offer_row resell_row(struct exchange *x, const struct lease_row *lease,
                                   const struct op_lease_resell *op)
{
    return (struct offer_row){
        .offer = ++x->head.offer_last,
        .site = lease->site,
        .sku = lease->sku,
        .start_s = op->start_s,
        .end_s = op->end_s,
        .price_ucr = op->price_ucr,
        .index = event_next_index(x),
        .place = event_next_place(x),
        .lease = lease->lease,
        .operator= lease->operator,
        .seller = lease->holder,
        .least_charge_ppm = lease->least_charge_ppm,
        .gpus = op->gpus,
        .block_gpus = op->block_gpus,
        .notice_min = offer_row_find(x, lease->offer)->notice_min,
        .lease_min_min = op->lease_min_min,
        .meter_period_min = lease->meter_period_min,
        .preemptible = lease->preemptible,
        .billing = lease->billing,
        .state = OFFER_STATE_OPEN,
    };
}

static void resell_log(struct exchange *x, uint32_t by, uint64_t rule, const struct offer_row *row)
{
    struct ev_lease_resold event = {
        EVENT_HEAD_OF(x, by),
        .offer = row->offer,
        .seller = row->seller,
        .operator= row->operator,
        .rule = rule,
        .lease = row->lease,
        .gpus = row->gpus,
        .block_gpus = row->block_gpus,
        .start_s = row->start_s,
        .end_s = row->end_s,
        .price_ucr = row->price_ucr,
        .lease_min_min = row->lease_min_min,
    };
    event_log(x, &ev_lease_resold_message, &event);
}

enum refusal resale_publish(struct exchange *x, uint32_t by, uint32_t seller, uint64_t rule,
                            const struct op_lease_resell *op, uint64_t *offer_out)
{
    const struct lease_row *found = lease_find(x, op->lease);
    enum refusal refusal = resell_check_lease(x, seller, found);
    if (refusal != REFUSAL_accepted)
        return refusal;
    struct op_lease_resell whole = *op;
    uint64_t now_s = minute_ceil(x->head.time_s);
    if (whole.start_s == 0)
        whole.start_s = found->start_s > now_s ? found->start_s : now_s;
    if (whole.end_s == 0)
        whole.end_s = found->end_s;
    refusal = resell_check_interval(x, found, &whole);
    if (refusal == REFUSAL_accepted)
        refusal = resell_check_terms(x, found, &whole);
    if (refusal != REFUSAL_accepted)
        return refusal;

    struct lease_row lease = *found;
    struct offer_row row = resell_row(x, &lease, &whole);
    lease.resale_offer = row.offer;
    store_put(x->store, TABLE_OFFER, &row);
    store_put(x->store, TABLE_LEASE, &lease);
    resell_log(x, by, rule, &row);
    ask_about(x, row.offer);
    *offer_out = row.offer;
    return REFUSAL_accepted;
}

enum refusal lease_resell(struct exchange *x, const struct actor *actor, const void *body,
                          struct result *out)
{
    enum refusal refusal = resale_publish(x, actor->account, actor->account, 0, body, &out->object);
    if (refusal == REFUSAL_accepted)
        key_moves(x, resale_given_away(x, offer_row_find(x, out->object), x->head.time_s));
    return refusal;
}
