#include "server/exchange/order.h"

#include <assert.h>
#include <stdlib.h>

#include "server/exchange/event.h"
#include "server/exchange/index.h"
#include "server/exchange/ledger.h"
#include "server/exchange/series.h"
#include "server/exchange/site.h"
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
        if (!amount_cost_rounded_up(minutes, m->parts[i].offer->price_ucr, &costs_out[i]) ||
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

/* --- Placing ------------------------------------------------------------------------------- */

/* An order that has been validated, and what becomes of it. */
struct placing {
    struct exchange *x;
    uint32_t account;
    const struct op_order_place *op;
    const struct token_row *tokens;
    struct funding funding;
    struct match match;
    amount costs[ORDER_LEASES_MAX];
    amount total;
    amount pays[ORDER_SERIES_MAX]; /* by series */
    struct lease_grant leases[ORDER_LEASES_MAX];
    struct share escrow[ORDER_SERIES_MAX];
    struct issued change[ORDER_SERIES_MAX];
    uint32_t change_count;
};

static enum refusal order_check(struct placing *p, const struct actor *actor)
{
    struct exchange *x = p->x;
    struct wish wish;
    enum refusal refusal =
        tokens_resolve(x, actor, p->op->tokens.items, p->op->tokens.count, &p->tokens);
    if (refusal == REFUSAL_accepted)
        refusal = funding_from_tokens(x, p->tokens, p->op->tokens.count, &p->funding);
    refusal = refusal_first(refusal, wish_from_order(x, p->op, &x->scratch, &wish));
    if (refusal != REFUSAL_accepted)
        return refusal;
    wish.series = p->funding.series;
    wish.series_count = p->funding.count;
    /* Nobody else is served meanwhile. */
    if (x->request_looks >= REQUEST_LOOKS_MAX)
        return REFUSAL_too_many;
    bool found = match_find(x, &wish, &p->match);
    x->request_looks += p->match.looks;
    if (!found)
        return match_refusal(x, &wish, &p->match, &x->request_looks);
    if (!match_costs(&p->match, p->op->duration_min, p->costs, &p->total))
        return REFUSAL_amount_overflow;
    if (!amount_split_pro_rata(p->total, p->funding.held, p->funding.count, p->pays))
        return REFUSAL_insufficient_funds;
    return REFUSAL_accepted;
}

/* Tokens become escrow and change. */
static void order_pay(struct placing *p)
{
    struct exchange *x = p->x;
    for (uint32_t i = 0; i < p->op->tokens.count; i++)
        token_spend(x, p->tokens[i].token);
    for (uint32_t i = 0; i < p->funding.count; i++) {
        uint32_t series = p->funding.series[i]->series;
        if (p->pays[i] > 0)
            ledger_move(x, series, (struct ledger_place){LEDGER_TOKENS, p->account},
                        (struct ledger_place){LEDGER_ESCROW, p->account}, p->pays[i]);
        p->escrow[i] = (struct share){.series = series, .amount_ucr = p->pays[i]};
        amount rest = p->funding.held[i] - p->pays[i];
        if (rest == 0)
            continue;
        p->change[p->change_count++] = (struct issued){
            .token = token_issue(x, series, p->account, rest),
            .series = series,
            .account = p->account,
            .amount_ucr = rest,
        };
    }
}

/* Divides the escrow of one lease: each series pays pro rata of what it has left to pay, so that
 * the last lease takes the rest of each exactly. Returns the number of rows. */
static uint8_t order_put_escrow(struct placing *p, uint64_t lease, amount cost,
                                amount left[ORDER_SERIES_MAX])
{
    amount parts[ORDER_SERIES_MAX];
    bool covered = amount_split_pro_rata(cost, left, p->funding.count, parts);
    assert(covered);
    uint8_t place = 0;
    for (uint32_t i = 0; i < p->funding.count; i++) {
        if (parts[i] == 0)
            continue;
        struct escrow_row row = {
            .lease = lease,
            .place = place,
            .series = p->escrow[i].series,
            .amount_ucr = parts[i],
        };
        store_put(p->x->store, TABLE_ESCROW, &row);
        left[i] -= parts[i];
        place++;
    }
    return place;
}

static struct lease_row order_lease(const struct placing *p, uint32_t i)
{
    const struct exchange *x = p->x;
    const struct offer *o = p->match.parts[i].offer;
    const struct offer_row *offer = offer_row_find(x, o->offer);
    uint64_t start_s = p->match.start_min * 60;
    return (struct lease_row){
        .order = x->head.order_last,
        .offer = o->offer,
        .site = o->site,
        .sku = o->sku,
        .granted_s = x->head.time_s,
        .start_s = start_s,
        .end_s = start_s + (uint64_t)p->op->duration_min * 60,
        .price_ucr = o->price_ucr,
        .cost_ucr = p->costs[i],
        .index = event_next_index(x),
        .holder = p->account,
        .operator= o->operator,
        .gpus = p->match.parts[i].gpus,
        .meter_period_min = offer->meter_period_min,
        .state = LEASE_STATE_GRANTED,
        .end_reason = LEASE_END_NOT_YET,
        .preemptible = offer->preemptible,
    };
}

static void order_grant(struct placing *p)
{
    struct exchange *x = p->x;
    amount left[ORDER_SERIES_MAX];
    for (uint32_t i = 0; i < p->funding.count; i++)
        left[i] = p->pays[i];
    for (uint32_t i = 0; i < p->match.count; i++) {
        struct lease_row row = order_lease(p, i);
        row.lease = ++x->head.lease_last;
        row.escrow_series = order_put_escrow(p, row.lease, row.cost_ucr, left);
        store_put(x->store, TABLE_LEASE, &row);
        p->leases[i] = (struct lease_grant){
            .lease = row.lease,
            .offer = row.offer,
            .site = row.site,
            .sku = row.sku,
            .operator= row.operator,
            .gpus = row.gpus,
            .start_s = row.start_s,
            .end_s = row.end_s,
            .price_ucr = row.price_ucr,
            .cost_ucr = row.cost_ucr,
        };
    }
    struct site_row site = *site_find(x, p->leases[0].site);
    site.leases_granted += p->match.count;
    store_put(x->store, TABLE_SITE, &site);
}

static struct order_row order_put(struct placing *p)
{
    struct exchange *x = p->x;
    struct order_row row = {
        .order = x->head.order_last,
        .placed_s = x->head.time_s,
        .cost_ucr = p->total,
        .lease_first = p->leases[0].lease,
        .index = event_next_index(x),
        .account = p->account,
        .outcome =
            p->match.gpus == p->op->gpus ? ORDER_OUTCOME_FILLED : ORDER_OUTCOME_PARTLY_FILLED,
        .time_in_force = p->op->time_in_force,
        .profile = p->op->profile,
        .gpus = p->op->gpus,
        .gpus_filled = p->match.gpus,
        .duration_min = p->op->duration_min,
        .lease_count = p->match.count,
    };
    store_put(x->store, TABLE_ORDER, &row);
    return row;
}

/* The event says which tokens were spent by their serials, also where the order referred to outputs
 * of its own request. */
static void order_log(struct placing *p, const struct order_row *row)
{
    struct exchange *x = p->x;
    const struct op_order_place *op = p->op;
    uint64_t *tokens = arena_alloc(&x->scratch, (op->tokens.count + 1) * sizeof(*tokens));
    if (tokens == NULL)
        memory_exhausted();
    for (uint32_t i = 0; i < op->tokens.count; i++)
        tokens[i] = p->tokens[i].token;
    struct ev_order_placed event = {
        EVENT_HEAD_OF(x, p->account),
        .order = row->order,
        .skus = {op->skus.items, op->skus.count},
        .gpus = op->gpus,
        .gpus_min = op->gpus_min,
        .duration_min = op->duration_min,
        .start_from_s = op->start_from_s,
        .start_until_s = op->start_until_s,
        .placement = op->placement,
        .time_in_force = op->time_in_force,
        .regions = {op->regions.items, op->regions.count},
        .jurisdictions = {op->jurisdictions.items, op->jurisdictions.count},
        .preemptible_ok = op->preemptible_ok,
        .profile = op->profile,
        .tokens = {tokens, op->tokens.count},
        .outcome = row->outcome,
        .leases = {p->leases, p->match.count},
        .escrow = {p->escrow, p->funding.count},
        .change = {p->change, p->change_count},
    };
    event_log(x, &ev_order_placed_message, &event);
}

enum refusal order_place(struct exchange *x, const struct actor *actor, const void *body,
                         struct result *out)
{
    struct placing *p = arena_alloc(&x->scratch, sizeof(*p));
    if (p == NULL)
        memory_exhausted();
    p->x = x;
    p->account = actor->account;
    p->op = body;
    enum refusal refusal = order_check(p, actor);
    if (refusal != REFUSAL_accepted)
        return refusal;

    x->head.order_last++;
    order_pay(p);
    order_grant(p);
    struct order_row row = order_put(p);
    order_log(p, &row);
    out->object = row.order;
    out->lease_first = row.lease_first;
    out->lease_count = row.lease_count;
    out->token_count = p->change_count;
    out->token_first = p->change_count > 0 ? p->change[0].token : 0;
    return REFUSAL_accepted;
}
