/* Extension: a lease goes on at its price where its offer has the GPUs free. */
#include <assert.h>

#include "server/exchange/account.h"
#include "server/exchange/ask_site.h"
#include "server/exchange/deposit.h"
#include "server/exchange/elastic.h"
#include "server/exchange/event.h"
#include "server/exchange/lease.h"
#include "server/exchange/offer.h"
#include "server/exchange/settlement.h"
#include "server/exchange/sku.h"

/* An extension that has been validated. */
struct extension {
    struct deposit deposit;
    uint64_t end_s;
    amount cost;  /* of the whole lease then */
    amount takes; /* of the tokens */
};

static enum refusal state_check(const struct exchange *x, const struct lease_row *lease)
{
    switch (lease_state_now(x, lease)) {
    case LEASE_STATE_GRANTED:
    case LEASE_STATE_ACTIVE:
        break;
    case LEASE_STATE_PAUSED:
        return REFUSAL_lease_not_active;
    default:
        return REFUSAL_lease_closed;
    }
    if (x->head.time_s >= lease->end_s)
        return REFUSAL_lease_closed;
    if (lease->end_reason != LEASE_END_NOT_YET)
        return REFUSAL_lease_ending;
    /* What is elected is a period's, out of its backstop's pool: beyond that it would be neither
     * owed for nor sold, at the strike, and no revenue. */
    return lease->elected ? REFUSAL_lease_committed : REFUSAL_accepted;
}

/* Whether a lease of this length is one that the offer gives. */
static bool length_agrees(const struct offer_row *offer, const struct lease_row *lease,
                          uint64_t end_s)
{
    uint64_t minutes = (end_s - lease->start_s) / 60;
    if (minutes > DURATION_MAX_MIN || (offer->lease_max_min != 0 && minutes > offer->lease_max_min))
        return false;
    return (minutes + lease->meter_period_min - 1) / lease->meter_period_min <= LEASE_PERIODS_MAX;
}

/* What the offer says. */
static enum refusal offer_check(struct exchange *x, const struct lease_row *lease, uint64_t end_s)
{
    const struct offer_row *row = offer_row_find(x, lease->offer);
    const struct offer *o = offer_find(x, lease->offer);
    const struct account_row *operator= account_find(x, lease->operator);
    if (sku_find(x, lease->sku)->state == SKU_STATE_RETIRED)
        return REFUSAL_sku_retired;
    if (o == NULL || row->state != OFFER_STATE_OPEN || row->end_s <= x->head.time_s)
        return REFUSAL_offer_closed;
    if (lease->gpus % row->block_gpus != 0)
        return REFUSAL_block_invalid;
    if (!length_agrees(row, lease, end_s))
        return REFUSAL_terms_invalid;
    if (x->request_looks >= REQUEST_LOOKS_MAX)
        return REFUSAL_too_many;
    /* What is being asked about is not to be had before those who have waited longer. */
    uint32_t minutes = (uint32_t)((end_s - lease->end_s) / 60);
    if (row->asking || ask_site_hides(x, o) ||
                       operator->state != ACCOUNT_STATE_ACTIVE || offer_free(
                           o, lease->end_s / 60, minutes, &x->request_looks) < lease->gpus)
        return REFUSAL_no_capacity;
    return row->price_ucr <= lease->price_ucr ? REFUSAL_accepted : REFUSAL_price_above_limit;
}

/* What it costs, and what of that the tokens are to pay. */
static enum refusal funds_check(const struct exchange *x, const struct lease_row *lease,
                                struct extension *e)
{
    gpu_minutes more = (e->end_s - lease->end_s) / 60 * lease->gpus;
    gpu_minutes all = lease_gpu_minutes(x, lease) + more;
    gpu_minutes open = lease->gpu_minutes_delivered + all - lease->gpu_minutes_settled_due;
    amount most;
    if (!amount_cost_rounded_up(all, lease->price_ucr, &e->cost))
        return REFUSAL_amount_overflow;
    /* No more is ever delivered than was due. */
    bool fits = amount_cost_rounded_up(open, lease->price_ucr, &most);
    assert(fits);
    amount held = settlement_held(x, lease);
    amount room = most - lease->paid_ucr > held ? most - lease->paid_ucr - held : 0;
    amount total = e->deposit.funding.total;
    if (!lease->elastic && total < room)
        return REFUSAL_insufficient_funds;
    e->takes = total < room ? total : room;
    if (!lease->elastic)
        return REFUSAL_accepted;
    /* The period that its end lies in grows: were that not covered, it would have been paused at
     * its beginning, which may be over. */
    struct lease_row longer = *lease;
    longer.end_s = e->end_s;
    return pause_covers(x, &longer, lease->end_s - 60, held + e->takes)
               ? REFUSAL_accepted
               : REFUSAL_insufficient_funds;
}

static enum refusal extend_check(struct exchange *x, const struct actor *actor,
                                 const struct op_lease_extend *op, const struct lease_row *lease,
                                 struct extension *e)
{
    if (lease != NULL && lease->holder != actor->account)
        return REFUSAL_not_owner;
    enum refusal refusal =
        deposit_read(x, actor, op->tokens.items, op->tokens.count, lease, &e->deposit);
    if (lease == NULL)
        return refusal_first(refusal, REFUSAL_lease_not_found);
    enum refusal state = state_check(x, lease);
    if (state != REFUSAL_accepted)
        return refusal_first(refusal, state);
    e->end_s = lease->end_s + (uint64_t)op->duration_min * 60;
    refusal = refusal_first(refusal, offer_check(x, lease, e->end_s));
    if (refusal != REFUSAL_accepted)
        return refusal;
    return funds_check(x, lease, e);
}

static void extend_log(struct exchange *x, const struct actor *actor,
                       const struct op_lease_extend *op, const struct lease_row *lease,
                       const struct extension *e)
{
    const struct deposit *d = &e->deposit;
    uint64_t *tokens = scratch_alloc(x, (d->count + 1) * sizeof(*tokens));
    for (uint32_t i = 0; i < d->count; i++)
        tokens[i] = d->tokens[i].token;
    struct ev_lease_extended event = {
        EVENT_HEAD_OF(x, actor->account),
        .lease = lease->lease,
        .duration_min = op->duration_min,
        .tokens = {tokens, d->count},
        .operator= lease->operator,
        .end_s = lease->end_s,
        .cost_ucr = lease->cost_ucr,
        .escrow = {d->escrow, d->escrow_count},
        .change = {d->change, d->change_count},
    };
    event_log(x, &ev_lease_extended_message, &event);
}

enum refusal lease_extend(struct exchange *x, const struct actor *actor, const void *body,
                          struct result *out)
{
    const struct op_lease_extend *op = body;
    const struct lease_row *found = lease_find(x, op->lease);
    struct extension e = {.takes = 0};
    enum refusal refusal = extend_check(x, actor, op, found, &e);
    if (refusal != REFUSAL_accepted)
        return refusal;

    struct lease_row row = *found;
    row.end_s = e.end_s;
    row.cost_ucr = e.cost;
    deposit_make(x, &e.deposit, &row, e.takes);
    store_put(x->store, TABLE_LEASE, &row);
    extend_log(x, actor, op, &row, &e);
    out->object = row.lease;
    out->token_count = e.deposit.change_count;
    out->token_first = e.deposit.change_count > 0 ? e.deposit.change[0].token : 0;
    return REFUSAL_accepted;
}
