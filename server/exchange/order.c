#include "server/exchange/order.h"

#include <assert.h>
#include <stdlib.h>

#include "protocol/amount.h"
#include "server/exchange/account.h"
#include "server/exchange/ask.h"
#include "server/exchange/escrow.h"
#include "server/exchange/event.h"
#include "server/exchange/fill.h"
#include "server/exchange/index.h"
#include "server/exchange/key.h"
#include "server/exchange/ledger.h"
#include "server/exchange/order_rest.h"
#include "server/exchange/rest.h"
#include "server/exchange/series.h"
#include "server/exchange/token.h"

const struct order_row *order_find(const struct exchange *x, uint64_t order)
{
    return store_find(x->store, TABLE_ORDER, &order);
}

/* --- Index --------------------------------------------------------------------------------- */

static bool order_lives(const void *context, uint32_t account, uint64_t serial)
{
    const struct order_row *row = order_find(context, serial);
    return row != NULL && row->account == account;
}

static void order_hook(void *context, const void *old_row, const void *new_row)
{
    struct exchange *x = context;
    const struct order_row *old = old_row;
    const struct order_row *new = new_row;
    if (old == NULL)
        owned_add(&x->orders->by_account, new->account, new->order);
    else if (new == NULL)
        owned_remove(&x->orders->by_account, old->account, old->order);
}

void order_index_new(struct exchange *x)
{
    x->orders = calloc(1, sizeof(*x->orders));
    if (x->orders == NULL)
        memory_exhausted();
    owned_init(&x->orders->by_account, order_lives, x);
    store_set_hook(x->store, TABLE_ORDER, order_hook, x);
}

void order_index_free(struct exchange *x)
{
    if (x->orders == NULL)
        return;
    owned_release(&x->orders->by_account);
    free(x->orders);
    x->orders = NULL;
}

/* --- Funds --------------------------------------------------------------------------------- */

bool match_costs(const struct match *m, uint32_t duration_min, amount costs_out[ORDER_LEASES_MAX],
                 amount *total_out)
{
    amount total = 0;
    for (uint32_t i = 0; i < m->count; i++) {
        gpu_minutes minutes = (gpu_minutes)m->parts[i].gpus * duration_min;
        if (!amount_cost_rounded_up(minutes, m->parts[i].price_ucr, &costs_out[i]) ||
            !amount_add(total, costs_out[i], &total))
            return false;
    }
    *total_out = total;
    return true;
}

enum refusal funding_from_tokens(const struct exchange *x, const struct token_row *tokens,
                                 uint32_t count, struct funding *out)
{
    *out = (struct funding){.count = 0};
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = 0;
        while (at < out->count && out->series[at]->series != tokens[i].series)
            at++;
        if (at == ORDER_SERIES_MAX)
            return REFUSAL_series_mixed;
        if (at == out->count)
            out->series[out->count++] = series_find(x, tokens[i].series);
        if (!amount_add(out->held[at], tokens[i].amount_ucr, &out->held[at]) ||
            !amount_add(out->total, tokens[i].amount_ucr, &out->total))
            return REFUSAL_amount_overflow;
    }
    return REFUSAL_accepted;
}

/* --- Searching ----------------------------------------------------------------------------- */

bool order_match(struct exchange *x, const struct wish *w, struct match *out)
{
    bool found = match_find(x, w, out);
    if (x->witness.matched != NULL)
        x->witness.matched(x->witness.context, w, out);
    return found;
}

enum refusal order_search(struct exchange *x, const struct wish *w, struct match *out)
{
    /* Nobody else is served meanwhile. */
    if (x->request_looks >= REQUEST_LOOKS_MAX)
        return REFUSAL_too_many;
    bool found = order_match(x, w, out);
    x->request_looks += out->looks;
    return found ? REFUSAL_accepted : match_refusal(x, w, out, &x->request_looks);
}

/* --- Placing ------------------------------------------------------------------------------- */

/* An order that has been validated, and what becomes of it. */
struct placing {
    struct exchange *x;
    uint32_t account;
    const struct op_order_place *op;
    const struct token_row *tokens;
    struct funding funding;
    struct match match;
    struct fill fill;
    struct order_row order;
    struct rest_row rest;
    bool rests;
    amount kept; /* of the tokens: what its leases pay and what it needs while it rests */
    amount keeps[ORDER_SERIES_MAX];
    struct share escrow[ORDER_SERIES_MAX];
    struct issued change[ORDER_SERIES_MAX];
    uint32_t change_count;
};

static struct order_row order_of(const struct placing *p)
{
    const struct op_order_place *op = p->op;
    return (struct order_row){
        .order = p->x->head.order_last + 1,
        .placed_s = p->x->head.time_s,
        .index = event_next_index(p->x),
        .rest_until_s = op->rest_until_s,
        .account = p->account,
        .time_in_force = op->time_in_force,
        .placement = op->placement,
        .profile = op->profile,
        .gpus = op->gpus,
        .duration_min = op->duration_min,
    };
}

enum refusal order_check_time_in_force(const struct exchange *x, const struct op_order_place *op)
{
    if (op->time_in_force == TIME_IN_FORCE_GTT)
        return order_check_until(x, op->rest_until_s);
    return op->rest_until_s == 0 ? REFUSAL_accepted : REFUSAL_interval_invalid;
}

/* What an order gets at once: its leases; one that may rest gets none when they are too few. */
static enum refusal order_check_match(struct placing *p, const struct wish *wish)
{
    struct exchange *x = p->x;
    bool may_rest = p->op->time_in_force == TIME_IN_FORCE_GTT;
    if (!may_rest)
        return order_search(x, wish, &p->match);
    if (x->request_looks >= REQUEST_LOOKS_MAX)
        return REFUSAL_too_many;
    if (!order_match(x, wish, &p->match))
        p->match.count = p->match.gpus = 0;
    x->request_looks += p->match.looks;
    return REFUSAL_accepted;
}

static enum refusal order_check_funds(struct placing *p)
{
    amount needs = 0;
    p->fill = (struct fill){
        .match = &p->match,
        .account = p->account,
        .order = p->order.order,
        .duration_min = p->op->duration_min,
        .funded_min = p->op->funded_min,
        .profile = p->op->profile,
    };
    p->rests = p->op->time_in_force == TIME_IN_FORCE_GTT && p->match.gpus < p->op->gpus;
    p->rest.gpus_missing = p->op->gpus - p->match.gpus;
    if (!fill_cost(p->x, &p->fill) || (p->rests && !rest_needs(&p->order, &p->rest, &needs)) ||
        !amount_add(p->fill.pays, needs, &p->kept))
        return REFUSAL_amount_overflow;
    if (!amount_split_pro_rata(p->kept, p->funding.held, p->funding.count, p->keeps))
        return REFUSAL_insufficient_funds;
    if (p->rests && rest_count(p->x, p->account) >= ORDERS_RESTING_MAX)
        return REFUSAL_too_many;
    return REFUSAL_accepted;
}

static enum refusal order_check(struct placing *p, const struct actor *actor)
{
    struct exchange *x = p->x;
    struct wish wish;
    enum refusal refusal =
        tokens_resolve(x, actor, p->op->tokens.items, p->op->tokens.count, &p->tokens);
    if (refusal == REFUSAL_accepted)
        refusal = funding_from_tokens(x, p->tokens, p->op->tokens.count, &p->funding);
    refusal = refusal_first(refusal, wish_from_order(x, p->op, &x->scratch, &wish));
    refusal = refusal_first(refusal, order_check_time_in_force(x, p->op));
    if (refusal != REFUSAL_accepted)
        return refusal;
    wish.account = p->account;
    wish.series = p->funding.series;
    wish.series_count = p->funding.count;
    if (p->op->time_in_force == TIME_IN_FORCE_GTT)
        refusal = wish_check_series(x, &wish);
    if (refusal != REFUSAL_accepted)
        return refusal;
    p->order = order_of(p);
    p->rest = rest_of_order(x, p->op, &p->order);
    refusal = order_check_match(p, &wish);
    return refusal == REFUSAL_accepted ? order_check_funds(p) : refusal;
}

/* Tokens become escrow and change. */
static void order_pay(struct placing *p)
{
    struct exchange *x = p->x;
    for (uint32_t i = 0; i < p->op->tokens.count; i++)
        token_spend(x, p->tokens[i].token);
    for (uint32_t i = 0; i < p->funding.count; i++) {
        uint32_t series = p->funding.series[i]->series;
        if (p->keeps[i] > 0)
            ledger_move(x, series, (struct ledger_place){LEDGER_TOKENS, p->account},
                        (struct ledger_place){LEDGER_ESCROW, p->account}, p->keeps[i]);
        amount rest = p->funding.held[i] - p->keeps[i];
        if (rest == 0)
            continue;
        p->change[p->change_count++] = (struct issued){
            .token = token_issue(x, series, p->account, rest),
            .series = series,
            .account = p->account,
            .amount_ucr = rest,
        };
    }
    key_moves(x, p->kept);
}

static void order_grant(struct placing *p)
{
    struct fill *f = &p->fill;
    f->series_count = p->funding.count;
    for (uint32_t i = 0; i < f->series_count; i++)
        f->series[i] = p->funding.series[i]->series;
    bool covered = amount_split_pro_rata(f->pays, p->keeps, f->series_count, f->shares);
    assert(covered);
    if (p->match.count > 0)
        fill_grant(p->x, f);
    fill_count(f, &p->order);
    for (uint32_t i = 0; i < f->series_count; i++)
        p->escrow[i] =
            (struct share){.series = f->series[i], .amount_ucr = p->keeps[i] - f->gains[i]};
}

/* What the leases do not pay stays with the order while it rests. */
static void order_put(struct placing *p)
{
    struct exchange *x = p->x;
    if (!p->rests) {
        bool filled = p->order.gpus_filled == p->order.gpus;
        p->order.state = filled ? ORDER_STATE_FILLED : ORDER_STATE_PARTLY_FILLED;
        p->order.end_reason = filled ? ORDER_END_FILLED : ORDER_END_IMMEDIATE;
        p->order.ended_s = x->head.time_s;
        store_put(x->store, TABLE_ORDER, &p->order);
        return;
    }
    p->order.state = ORDER_STATE_RESTING;
    struct escrow e = {.kind = ESCROW_KIND_ORDER, .serial = p->order.order};
    for (uint32_t i = 0; i < p->funding.count; i++) {
        amount rest = p->keeps[i] - p->fill.shares[i];
        if (rest > 0)
            escrow_add(x, &e, p->account, p->fill.series[i], rest);
    }
    p->rest.escrow_series = (uint8_t)e.count;
    rest_take_fill(&p->rest, &p->order, &p->match);
    p->rest.due_s = rest_due_s(x, &p->order, &p->rest, &e);
    store_put(x->store, TABLE_ORDER, &p->order);
    store_put(x->store, TABLE_REST, &p->rest);
}

/* The event says which tokens were spent by their serials, also where the order referred to outputs
 * of its own request. */
static void order_log(struct placing *p)
{
    struct exchange *x = p->x;
    const struct op_order_place *op = p->op;
    uint64_t *tokens = scratch_alloc(x, (op->tokens.count + 1) * sizeof(*tokens));
    for (uint32_t i = 0; i < op->tokens.count; i++)
        tokens[i] = p->tokens[i].token;
    struct ev_order_placed event = {
        EVENT_HEAD_OF(x, p->account),
        .order = p->order.order,
        .skus = {op->skus.items, op->skus.count},
        .gpus = op->gpus,
        .gpus_min = op->gpus_min,
        .block_gpus = op->block_gpus,
        .duration_min = op->duration_min,
        .start_from_s = op->start_from_s,
        .start_until_s = op->start_until_s,
        .placement = op->placement,
        .time_in_force = op->time_in_force,
        .rest_until_s = op->rest_until_s,
        .regions = {op->regions.items, op->regions.count},
        .jurisdictions = {op->jurisdictions.items, op->jurisdictions.count},
        .preemptible_ok = op->preemptible_ok,
        .profile = op->profile,
        .certifications = {op->certifications.items, op->certifications.count},
        .interconnect = op->interconnect,
        .carbon_g_max = op->carbon_g_max,
        .reliability_ppm_min = op->reliability_ppm_min,
        .funded_min = op->funded_min,
        .tokens = {tokens, op->tokens.count},
        .state = p->order.state,
        .leases = {p->fill.leases, p->match.count},
        .escrow = {p->escrow, p->funding.count},
        .change = {p->change, p->change_count},
    };
    event_log(x, &ev_order_placed_message, &event);
}

enum refusal order_place(struct exchange *x, const struct actor *actor, const void *body,
                         struct result *out)
{
    struct placing *p = scratch_alloc(x, sizeof(*p));
    p->x = x;
    p->account = actor->account;
    p->op = body;
    enum refusal refusal = order_check(p, actor);
    if (refusal != REFUSAL_accepted)
        return refusal;

    x->head.order_last++;
    order_pay(p);
    order_grant(p);
    order_put(p);
    order_log(p);
    fill_log(x, &p->fill);
    if (p->rests) {
        ask_late(x, p->order.order);
        if (p->match.count > 0)
            order_match_on(x, p->order.order);
    }
    out->object = p->order.order;
    out->lease_first = p->match.count > 0 ? p->fill.leases[0].lease : 0;
    out->lease_count = p->match.count;
    out->token_count = p->change_count;
    out->token_first = p->change_count > 0 ? p->change[0].token : 0;
    return REFUSAL_accepted;
}

/* --- For rules ----------------------------------------------------------------------------- */

/* The series in a rule's escrow that may pay, as places of its rows. */
struct paying {
    const struct series_row *series[ORDER_SERIES_MAX];
    uint32_t rows[ORDER_SERIES_MAX];
    amount held[ORDER_SERIES_MAX];
    uint32_t count;
};

static struct paying paying_from_escrow(const struct exchange *x, const struct escrow *e)
{
    struct paying p = {.count = 0};
    for (uint32_t i = 0; i < e->count && p.count < ORDER_SERIES_MAX; i++) {
        const struct series_row *series = series_find(x, e->rows[i].series);
        if (e->held[i] == 0 || series == NULL || series_expired(x, series))
            continue;
        p.series[p.count] = series;
        p.rows[p.count] = i;
        p.held[p.count++] = e->held[i];
    }
    return p;
}

static void rule_order_put(struct exchange *x, uint64_t rule, const struct op_order_place *op,
                           const struct fill *f)
{
    bool filled = f->match->gpus == op->gpus;
    struct order_row row = {
        .order = f->order,
        .placed_s = x->head.time_s,
        .ended_s = x->head.time_s,
        .index = event_next_index(x),
        .rule = rule,
        .account = f->account,
        .state = filled ? ORDER_STATE_FILLED : ORDER_STATE_PARTLY_FILLED,
        .end_reason = filled ? ORDER_END_FILLED : ORDER_END_IMMEDIATE,
        .time_in_force = op->time_in_force,
        .placement = op->placement,
        .profile = op->profile,
        .gpus = op->gpus,
        .duration_min = op->duration_min,
    };
    fill_count(f, &row);
    store_put(x->store, TABLE_ORDER, &row);
}

/* How many GPU-minutes at a price an amount pays. */
static gpu_minutes amount_buys(amount funds, uint64_t price_ucr)
{
    wide minutes = price_ucr > 0 ? (wide)funds * 60 / price_ucr : UINT64_MAX;
    return minutes < UINT64_MAX ? (gpu_minutes)minutes : UINT64_MAX;
}

/* The parts of a match give in their order as long as the funds last. */
static struct afford match_afford(const struct wish *w, const struct match *m,
                                  const struct paying *paying)
{
    struct afford can = {.gpus = 0};
    amount funds = 0;
    for (uint32_t i = 0; i < paying->count; i++)
        funds += paying->held[i];
    amount left = funds;
    for (uint32_t i = 0; i < m->count; i++) {
        const struct match_part *part = &m->parts[i];
        uint64_t block = wish_block(w, part->offer);
        gpu_minutes paid = amount_buys(left, part->price_ucr) / w->duration_min;
        uint64_t gpus = paid < part->gpus ? paid / block * block : part->gpus;
        gpu_minutes minutes = amount_buys(funds, part->price_ucr) / block;
        amount cost = 0;
        amount_cost_rounded_up(gpus * w->duration_min, part->price_ucr, &cost);
        left -= cost;
        can.gpus += (uint32_t)gpus;
        if (minutes >= w->duration_min)
            minutes = w->duration_min - 1;
        if (minutes >= part->offer->lease_min_min && minutes > can.minutes) {
            can.minutes = (uint32_t)minutes;
            can.block_gpus = (uint32_t)block;
        }
    }
    return can;
}

enum refusal order_by_rule(struct exchange *x, uint32_t account, uint64_t rule,
                           const struct op_order_place *op, struct escrow *escrow, amount *cost_out,
                           struct afford *can_out, uint64_t *looks)
{
    struct wish wish;
    enum refusal refusal = wish_from_order(x, op, &x->scratch, &wish);
    if (refusal != REFUSAL_accepted)
        return refusal;
    struct paying paying = paying_from_escrow(x, escrow);
    wish.account = account;
    wish.series = paying.series;
    wish.series_count = paying.count;
    struct match *m = scratch_alloc(x, sizeof(*m));
    struct fill *f = scratch_alloc(x, sizeof(*f));
    if (!order_match(x, &wish, m))
        return looks ? match_refusal(x, &wish, m, looks) : REFUSAL_no_capacity;
    *f = (struct fill){
        .match = m,
        .account = account,
        .order = x->head.order_last + 1,
        .duration_min = op->duration_min,
        .funded_min = op->funded_min,
        .profile = op->profile,
        .series_count = paying.count,
    };
    if (!fill_cost(x, f))
        return REFUSAL_amount_overflow;
    if (!amount_split_pro_rata(f->pays, paying.held, paying.count, f->shares)) {
        *can_out = match_afford(&wish, m, &paying);
        return REFUSAL_insufficient_funds;
    }

    x->head.order_last++;
    for (uint32_t i = 0; i < paying.count; i++) {
        f->series[i] = paying.series[i]->series;
        escrow_lower(x, escrow, paying.rows[i], f->shares[i]);
    }
    fill_grant(x, f);
    rule_order_put(x, rule, op, f);
    struct ev_rule_bought event = {
        EVENT_HEAD_OF(x, 0), .rule = rule,    .account = account,
        .order = f->order,   .gpus = m->gpus, .leases = {f->leases, m->count},
    };
    event_log(x, &ev_rule_bought_message, &event);
    fill_log(x, f);
    *cost_out = f->pays;
    return REFUSAL_accepted;
}
