/* What the holder does to an order that rests: amends or cancels it. */
#include <assert.h>

#include "server/exchange/ask.h"
#include "server/exchange/event.h"
#include "server/exchange/key.h"
#include "server/exchange/ledger.h"
#include "server/exchange/order_rest.h"
#include "server/exchange/series.h"
#include "server/exchange/token.h"

/* An amendment that has been validated: the rows as they will be. */
struct amending {
    struct exchange *x;
    const struct op_order_amend *op;
    const struct token_row *tokens;
    struct funding funding;
    struct order_row order;
    struct rest_row rest;
    struct escrow escrow; /* before it */
    bool renewed;         /* it loses its place */
    struct match match;
    struct fill fill;
    amount needed; /* of the escrow, fill included */
    struct escrow_returns returns;
};

static enum refusal order_check_owned(const struct exchange *x, const struct actor *actor,
                                      uint64_t serial)
{
    const struct order_row *order = order_find(x, serial);
    if (order == NULL)
        return REFUSAL_order_not_found;
    if (order->account != actor->account)
        return REFUSAL_not_owner;
    return order_rests(x, order, rest_find(x, serial)) ? REFUSAL_accepted : REFUSAL_order_closed;
}

static enum refusal amend_limits(struct amending *a)
{
    const struct sku_limit *skus = a->op->skus.items;
    bool named[ORDER_SKUS_MAX] = {false};
    for (uint32_t i = 0; i < a->op->skus.count; i++) {
        uint32_t at = 0;
        while (at < a->rest.skus_count && a->rest.skus[at] != skus[i].sku)
            at++;
        if (at == a->rest.skus_count || named[at])
            return REFUSAL_malformed;
        named[at] = true;
        a->renewed = a->renewed || a->rest.limits_ucr[at] != skus[i].limit_price_ucr;
        a->rest.limits_ucr[at] = skus[i].limit_price_ucr;
    }
    return REFUSAL_accepted;
}

static enum refusal amend_gpus(struct amending *a)
{
    uint32_t gpus = a->op->gpus;
    if (gpus == 0)
        return REFUSAL_accepted;
    if (gpus < a->rest.block_gpus)
        return REFUSAL_malformed;
    if (a->rest.block_gpus > 1 && gpus % a->rest.block_gpus != 0)
        return REFUSAL_block_invalid;
    if (gpus < a->order.gpus_filled)
        return REFUSAL_below_sold;
    a->renewed = a->renewed || gpus > a->order.gpus;
    a->order.gpus = gpus;
    a->rest.gpus_missing = gpus - a->order.gpus_filled;
    return REFUSAL_accepted;
}

static enum refusal amend_until(struct amending *a)
{
    if (a->op->rest_until_s == 0)
        return REFUSAL_accepted;
    a->order.rest_until_s = a->op->rest_until_s;
    return order_check_until(a->x, a->op->rest_until_s);
}

/* The series that will be in the escrow; NULL when they are too many. */
static const struct series_row **amend_series(struct amending *a, uint32_t *count_out)
{
    const struct series_row **series =
        scratch_alloc(a->x, (ESCROW_ROWS_MAX + ORDER_SERIES_MAX) * sizeof(const void *));
    uint32_t count = 0;
    for (uint32_t i = 0; i < a->escrow.count; i++)
        series[count++] = series_find(a->x, a->escrow.rows[i].series);
    for (uint32_t i = 0; i < a->funding.count; i++) {
        uint32_t at = 0;
        while (at < count && series[at] != a->funding.series[i])
            at++;
        if (at == count)
            series[count++] = a->funding.series[i];
    }
    *count_out = count;
    return count <= ORDER_SERIES_MAX ? series : NULL;
}

/* What the order gets at once on its new terms, and whether its funds suffice for them. */
static enum refusal amend_match(struct amending *a)
{
    struct exchange *x = a->x;
    struct wish wish;
    uint32_t series_count;
    const struct series_row **series = amend_series(a, &series_count);
    if (series == NULL)
        return REFUSAL_series_mixed;
    if (x->request_looks >= REQUEST_LOOKS_MAX)
        return REFUSAL_too_many;
    if (a->renewed)
        a->rest.place = event_next_place(x);
    if (a->rest.gpus_missing > 0) {
        wish_from_rest(x, &a->order, &a->rest, &x->scratch, &wish);
        wish.series = a->funding.series;
        wish.series_count = a->funding.count;
        enum refusal refusal = wish_check_series(x, &wish);
        if (refusal != REFUSAL_accepted)
            return refusal;
        wish.series = series;
        wish.series_count = series_count;
        if (!order_match(x, &wish, &a->match))
            a->match.count = a->match.gpus = 0;
        x->request_looks += a->match.looks;
    }
    struct rest_row after = a->rest;
    amount needs = 0, holds = 0, cost = 0;
    after.gpus_missing -= a->match.gpus;
    a->fill = order_fill_of(&a->order, &a->rest, &a->match);
    if (!fill_cost(x, &a->fill) || !rest_needs(&a->order, &after, &needs) ||
        !amount_add(a->fill.pays, needs, &a->needed) ||
        !amount_add(a->escrow.total, a->funding.total, &holds) ||
        !amount_add(a->order.cost_ucr, a->fill.cost, &cost))
        return REFUSAL_amount_overflow;
    return holds >= a->needed ? REFUSAL_accepted : REFUSAL_insufficient_funds;
}

static enum refusal amend_check(struct amending *a, const struct actor *actor)
{
    struct exchange *x = a->x;
    const struct op_order_amend *op = a->op;
    enum refusal refusal = tokens_resolve(x, actor, op->tokens.items, op->tokens.count, &a->tokens);
    if (refusal == REFUSAL_accepted)
        refusal = funding_from_tokens(x, a->tokens, op->tokens.count, &a->funding);
    enum refusal owned = order_check_owned(x, actor, op->order);
    refusal = refusal_first(refusal, owned);
    if (owned != REFUSAL_accepted)
        return refusal;
    a->order = *order_find(x, op->order);
    a->rest = *rest_find(x, op->order);
    a->escrow = escrow_read(x, ESCROW_KIND_ORDER, op->order, a->rest.escrow_series);
    refusal = refusal_first(refusal, amend_limits(a));
    refusal = refusal_first(refusal, amend_gpus(a));
    refusal = refusal_first(refusal, amend_until(a));
    return refusal == REFUSAL_accepted ? amend_match(a) : refusal;
}

/* The tokens go into the order's escrow, all of them; what it does not need returns from there. */
static void amend_pay(struct amending *a, uint32_t account)
{
    struct exchange *x = a->x;
    amount before = a->escrow.total;
    for (uint32_t i = 0; i < a->op->tokens.count; i++)
        token_spend(x, a->tokens[i].token);
    for (uint32_t i = 0; i < a->funding.count; i++) {
        uint32_t series = a->funding.series[i]->series;
        ledger_move(x, series, (struct ledger_place){LEDGER_TOKENS, account},
                    (struct ledger_place){LEDGER_ESCROW, account}, a->funding.held[i]);
        bool fits = escrow_add(x, &a->escrow, account, series, a->funding.held[i]);
        assert(fits);
    }
    key_moves(x, a->needed > before ? a->needed - before : 0);
}

static void amend_log(struct amending *a)
{
    struct exchange *x = a->x;
    const struct op_order_amend *op = a->op;
    uint64_t *tokens = scratch_alloc(x, (op->tokens.count + 1) * sizeof(*tokens));
    for (uint32_t i = 0; i < op->tokens.count; i++)
        tokens[i] = a->tokens[i].token;
    struct share escrow[ORDER_SERIES_MAX];
    const struct fill *f = &a->fill;
    for (uint32_t i = 0; i < f->series_count; i++)
        escrow[i] = (struct share){.series = f->series[i],
                                   .amount_ucr = a->escrow.held[i] + f->shares[i] - f->gains[i]};
    struct ev_order_amended event = {
        EVENT_HEAD_OF(x, a->order.account),
        .order = op->order,
        .gpus = op->gpus,
        .skus = {op->skus.items, op->skus.count},
        .rest_until_s = op->rest_until_s,
        .tokens = {tokens, op->tokens.count},
        .state = a->order.state,
        .leases = {f->leases, a->match.count},
        .escrow = {escrow, f->series_count},
        .change = {a->returns.refunds, a->returns.refunds_count},
    };
    event_log(x, &ev_order_amended_message, &event);
}

static void result_take_refunds(struct result *out, const struct escrow_returns *returns)
{
    out->token_count = returns->refunds_count;
    out->token_first = returns->refunds_count > 0 ? returns->refunds[0].token : 0;
}

enum refusal order_amend(struct exchange *x, const struct actor *actor, const void *body,
                         struct result *out)
{
    struct amending *a = scratch_alloc(x, sizeof(*a));
    a->x = x;
    a->op = body;
    enum refusal refusal = amend_check(a, actor);
    if (refusal != REFUSAL_accepted)
        return refusal;

    amend_pay(a, actor->account);
    bool covered = order_take(x, &a->order, &a->rest, &a->escrow, &a->fill);
    assert(covered);
    order_settle(x, &a->order, &a->rest, &a->escrow, &a->returns);
    amend_log(a);
    fill_log(x, &a->fill);
    if (a->order.state == ORDER_STATE_RESTING) {
        ask_late(x, a->op->order);
        if (a->match.count > 0)
            order_match_on(x, a->op->order);
    }
    out->object = a->op->order;
    out->lease_count = a->match.count;
    out->lease_first = a->match.count > 0 ? a->fill.leases[0].lease : 0;
    result_take_refunds(out, &a->returns);
    return REFUSAL_accepted;
}

enum refusal order_cancel(struct exchange *x, const struct actor *actor, const void *body,
                          struct result *out)
{
    const struct op_order_cancel *op = body;
    enum refusal refusal = order_check_owned(x, actor, op->order);
    if (refusal != REFUSAL_accepted)
        return refusal;

    bool partly = order_find(x, op->order)->gpus_filled > 0;
    struct order_end end = {
        .state = partly ? ORDER_STATE_PARTLY_FILLED : ORDER_STATE_UNFILLED,
        .reason = ORDER_END_CANCELLED,
        .ended_s = x->head.time_s,
    };
    struct escrow_returns returns;
    order_end(x, op->order, end, actor->account, &returns);
    out->object = op->order;
    result_take_refunds(out, &returns);
    return REFUSAL_accepted;
}
