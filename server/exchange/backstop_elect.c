/*
 * Election: before a period of a backstop begins its guarantor takes what nobody has bought of it
 * as leases at the strike. They are no trade, and their GPUs count as elected, not as sold, whoever
 * holds them later.
 */
#include <assert.h>
#include <stdlib.h>

#include "protocol/moment.h"
#include "server/exchange/account.h"
#include "server/exchange/ask_site.h"
#include "server/exchange/backstop.h"
#include "server/exchange/event.h"
#include "server/exchange/fill.h"
#include "server/exchange/key.h"
#include "server/exchange/ledger.h"
#include "server/exchange/order.h"
#include "server/exchange/token.h"
#include "server/exchange/wish.h"

/* Any capacity can be taken for it. */
enum { ELECTION_PROFILE = PROFILE_TUNING };

/* An election that has been validated, and what becomes of it. */
struct election {
    struct exchange *x;
    const struct op_backstop_elect *op;
    const struct backstop_row *terms;
    struct cover *cover;
    uint64_t start_min;
    uint32_t duration_min;
    const struct token_row *tokens;
    struct funding funding;
    struct match match;
    struct fill fill;
    struct share escrow[ORDER_SERIES_MAX];
    struct issued change[ORDER_SERIES_MAX];
    uint32_t change_count;
};

/* --- What there is to take --- */

/* The GPUs that would be owed for in every minute of the period. */
static uint64_t election_room(struct election *e)
{
    uint64_t end_min = e->start_min + e->duration_min;
    uint64_t room = UINT64_MAX;
    struct backstop_walk w;
    backstop_walk_begin(e->x, e->cover, e->terms, &w);
    while (w.until_min < end_min && room > 0 && e->x->request_looks < REQUEST_LOOKS_MAX) {
        uint64_t until = w.until_min < e->start_min ? e->start_min : end_min;
        struct backstop_minute m = backstop_walk_next(&w, until);
        if (w.until_min > e->start_min && m.owed < room)
            room = m.owed;
        e->x->request_looks++;
    }
    return w.until_min < end_min ? 0 : room;
}

/* The GPUs of an offer that stood under the terms and are free, over the whole period; none of one
 * that resting orders have yet to be asked about: they come first. */
static uint64_t election_free(struct election *e, const struct stood *s)
{
    const struct offer *o = offer_find(e->x, s->offer);
    /* What stood before the cursor is known or not: it takes no look. */
    if (steps_piece(&s->gpus, e->start_min).value == 0)
        return 0;
    if (!o || !o->shown || ask_site_hides(e->x, o) || e->duration_min < o->lease_min_min ||
        (o->lease_max_min != 0 && e->duration_min > o->lease_max_min))
        return 0;
    uint64_t least = offer_free(o, e->start_min, e->duration_min, &e->x->request_looks);
    uint64_t end_min = e->start_min + e->duration_min;
    for (uint64_t at = e->start_min; at < end_min && least > 0;) {
        struct piece stood = steps_piece(&s->gpus, at);
        struct piece leased = steps_piece(&o->taken, at);
        uint64_t free_gpus = stood.value > leased.value ? stood.value - leased.value : 0;
        least = free_gpus < least ? free_gpus : least;
        at = stood.until < leased.until ? stood.until : leased.until;
        e->x->request_looks++;
    }
    return least / o->block_gpus * o->block_gpus;
}

static int part_compare(const void *a, const void *b)
{
    const struct match_part *p = a;
    const struct match_part *q = b;
    return number_compare(p->offer->place, q->offer->place);
}

/* Takes from the oldest offers first. */
static void election_match(struct election *e, uint64_t gpus)
{
    struct match *m = &e->match;
    size_t room = 0;
    size_t count = 0;
    struct match_part *parts = NULL;
    for (const struct stood *s = cover_stood_first(e->cover); s; s = cover_stood_next(s)) {
        uint64_t free_gpus = e->x->request_looks < REQUEST_LOOKS_MAX ? election_free(e, s) : 0;
        if (free_gpus == 0)
            continue;
        if (count == room) {
            room = room ? 2 * room : 64;
            parts = realloc(parts, room * sizeof(*parts));
            if (!parts)
                memory_exhausted();
        }
        parts[count++] = (struct match_part){.offer = offer_find(e->x, s->offer),
                                             .gpus = (uint32_t)free_gpus,
                                             .price_ucr = e->terms->strike_ucr};
    }
    if (count > 0)
        qsort(parts, count, sizeof(*parts), part_compare);
    m->start_min = e->start_min;
    for (size_t i = 0; i < count && m->count < ORDER_LEASES_MAX && m->gpus < gpus; i++) {
        uint64_t left = gpus - m->gpus;
        uint64_t take = parts[i].gpus < left ? parts[i].gpus : left;
        take = take / parts[i].offer->block_gpus * parts[i].offer->block_gpus;
        if (take == 0)
            continue;
        m->parts[m->count] = parts[i];
        m->parts[m->count++].gpus = (uint32_t)take;
        m->gpus += (uint32_t)take;
    }
    free(parts);
}

/* --- Validation --- */

static enum refusal elect_check_contract(struct election *e, uint32_t account)
{
    const struct contract_row *row = contract_find(e->x, e->op->contract);
    if (!row || row->kind != CONTRACT_KIND_BACKSTOP || !contract_has_party(row, account))
        return REFUSAL_contract_not_found;
    if (row->debtor != account)
        return REFUSAL_contract_not_party;
    e->terms = backstop_in_force(e->x, row->contract);
    e->cover = cover_find(e->x, row->contract);
    if (row->state != CONTRACT_STATE_IN_FORCE || !e->terms || !e->cover)
        return REFUSAL_contract_not_in_force;
    if (e->op->period >= backstop_periods(e->terms))
        return REFUSAL_interval_invalid;
    uint64_t start_s = backstop_period_start(e->terms, e->op->period);
    uint64_t minutes = (backstop_period_end(e->terms, e->op->period) - start_s) / 60;
    if (start_s <= e->x->head.time_s)
        return REFUSAL_period_begun;
    if (start_s > e->x->head.time_s + (uint64_t)HORIZON_MAX_MIN * 60)
        return REFUSAL_interval_invalid;
    e->start_min = start_s / 60;
    e->duration_min = (uint32_t)minutes;
    return REFUSAL_accepted;
}

/* Whether the tokens may be redeemed for this SKU at this site. */
static bool election_series_allow(const struct election *e)
{
    const struct sku_limit sku = {.sku = e->terms->sku, .limit_price_ucr = e->terms->strike_ucr};
    const struct wish w = {
        .skus = &sku,
        .skus_count = 1,
        .profile = ELECTION_PROFILE,
        .series = e->funding.series,
        .series_count = e->funding.count,
    };
    return wish_takes_site(e->x, &w, e->terms->sku, e->terms->site);
}

static enum refusal elect_check(struct election *e, const struct actor *actor)
{
    struct exchange *x = e->x;
    enum refusal tokens =
        tokens_resolve(x, actor, e->op->tokens.items, e->op->tokens.count, &e->tokens);
    if (!tokens)
        tokens = funding_from_tokens(x, e->tokens, e->op->tokens.count, &e->funding);
    enum refusal refusal = refusal_first(tokens, elect_check_contract(e, actor->account));
    const struct account_row *operator= e->terms ? account_find(x, e->terms->operator) : NULL;
    if (operator&& operator->state != ACCOUNT_STATE_ACTIVE)
        refusal = refusal_first(refusal, REFUSAL_party_frozen);
    if (!tokens && e->terms && !election_series_allow(e))
        refusal = refusal_first(refusal, REFUSAL_series_restricted);
    if (refusal)
        return refusal;
    if (x->request_looks >= REQUEST_LOOKS_MAX)
        return REFUSAL_too_many;
    /* Counted behind the search, or of very many offers it would find none. */
    uint64_t looks = cover_complete_ahead(x, e->cover);
    uint64_t room = election_room(e);
    election_match(e, room < e->op->gpus ? room : e->op->gpus);
    x->request_looks += looks;
    if (e->match.count == 0)
        return x->request_looks >= REQUEST_LOOKS_MAX ? REFUSAL_too_many : REFUSAL_no_capacity;
    e->fill = (struct fill){
        .match = &e->match,
        .account = actor->account,
        .order = x->head.order_last + 1,
        .duration_min = e->duration_min,
        .profile = ELECTION_PROFILE,
        .elected = true,
    };
    if (!fill_cost(x, &e->fill))
        return REFUSAL_amount_overflow;
    bool covered =
        amount_split_pro_rata(e->fill.pays, e->funding.held, e->funding.count, e->fill.shares);
    if (!covered)
        return REFUSAL_insufficient_funds;
    struct cover_row cover;
    x->request_looks += backstop_as_of_now(x, cover_row_find(x, e->op->contract), &cover);
    bool exhausted = e->fill.cost > cover.pool_left_ucr;
    return exhausted ? REFUSAL_pool_exhausted : REFUSAL_accepted;
}

/* --- Application --- */

/* Tokens become escrow and change. */
static void election_pay(struct election *e, uint32_t account)
{
    struct exchange *x = e->x;
    struct fill *f = &e->fill;
    f->series_count = e->funding.count;
    for (uint32_t i = 0; i < e->op->tokens.count; i++)
        token_spend(x, e->tokens[i].token);
    for (uint32_t i = 0; i < f->series_count; i++) {
        f->series[i] = e->funding.series[i]->series;
        e->escrow[i] = (struct share){.series = f->series[i], .amount_ucr = f->shares[i]};
        if (f->shares[i] > 0)
            ledger_move(x, f->series[i], (struct ledger_place){LEDGER_TOKENS, account},
                        (struct ledger_place){LEDGER_ESCROW, account}, f->shares[i]);
        amount rest = e->funding.held[i] - f->shares[i];
        if (rest == 0)
            continue;
        e->change[e->change_count++] = (struct issued){
            .token = token_issue(x, f->series[i], account, rest),
            .series = f->series[i],
            .account = account,
            .amount_ucr = rest,
        };
    }
    key_moves(x, f->pays);
}

static void election_order_put(struct election *e, uint32_t account)
{
    struct exchange *x = e->x;
    bool filled = e->match.gpus == e->op->gpus;
    struct order_row row = {
        .order = e->fill.order,
        .placed_s = x->head.time_s,
        .ended_s = x->head.time_s,
        .index = event_next_index(x),
        .account = account,
        .state = filled ? ORDER_STATE_FILLED : ORDER_STATE_PARTLY_FILLED,
        .end_reason = filled ? ORDER_END_FILLED : ORDER_END_IMMEDIATE,
        .time_in_force = TIME_IN_FORCE_IOC,
        .placement = PLACEMENT_ONE_SITE,
        .profile = e->fill.profile,
        .gpus = e->op->gpus,
        .duration_min = e->duration_min,
    };
    fill_count(&e->fill, &row);
    store_put(x->store, TABLE_ORDER, &row);
}

static void election_draw(struct election *e)
{
    struct cover_row row = *cover_row_find(e->x, e->op->contract);
    uint64_t end_s = (e->start_min + e->duration_min) * 60;
    row.pool_left_ucr -= e->fill.cost;
    row.elected_ucr += e->fill.cost;
    row.elected_until_s = end_s > row.elected_until_s ? end_s : row.elected_until_s;
    store_put(e->x->store, TABLE_COVER, &row);
}

/* The event says which tokens were spent by their serials. */
static void election_log(struct election *e, uint32_t account)
{
    struct exchange *x = e->x;
    uint32_t count = e->op->tokens.count;
    uint64_t *tokens = scratch_alloc(x, (count + 1) * sizeof(*tokens));
    for (uint32_t i = 0; i < count; i++)
        tokens[i] = e->tokens[i].token;
    struct ev_backstop_elected event = {
        EVENT_HEAD_OF(x, account),
        .contract = e->op->contract,
        .period = e->op->period,
        .gpus = e->op->gpus,
        .tokens = {tokens, count},
        .operator= e->terms->operator,
        .order = e->fill.order,
        .cost_ucr = e->fill.cost,
        .pool_left_ucr = cover_row_find(x, e->op->contract)->pool_left_ucr,
        .leases = {e->fill.leases, e->match.count},
        .escrow = {e->escrow, e->fill.series_count},
        .change = {e->change, e->change_count},
    };
    event_log(x, &ev_backstop_elected_message, &event);
}

enum refusal backstop_elect(struct exchange *x, const struct actor *actor, const void *body,
                            struct result *out)
{
    struct election *e = scratch_alloc(x, sizeof(*e));
    e->x = x;
    e->op = body;
    enum refusal refusal = elect_check(e, actor);
    if (refusal)
        return refusal;
    x->head.order_last++;
    election_pay(e, actor->account);
    fill_grant(x, &e->fill);
    election_order_put(e, actor->account);
    election_draw(e);
    election_log(e, actor->account);
    out->object = e->fill.order;
    out->lease_first = e->fill.leases[0].lease;
    out->lease_count = e->match.count;
    out->token_count = e->change_count;
    out->token_first = e->change_count > 0 ? e->change[0].token : 0;
    return REFUSAL_accepted;
}
