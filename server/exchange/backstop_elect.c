/*
 * Election: before a period of a backstop begins its guarantor takes what nobody has bought of it
 * as leases at the strike. They are no trade, and their GPUs count as elected, not as sold, whoever
 * holds them later.
 */
#include <assert.h>
#include <stdlib.h>

#include "protocol/amount.h"
#include "protocol/moment.h"
#include "server/exchange/account.h"
#include "server/exchange/ask_site.h"
#include "server/exchange/backstop.h"
#include "server/exchange/event.h"
#include "server/exchange/fill.h"
#include "server/exchange/history.h"
#include "server/exchange/key.h"
#include "server/exchange/ledger.h"
#include "server/exchange/order.h"
#include "server/exchange/token.h"
#include "server/exchange/wish.h"

/* Any capacity can be taken for it. */
enum { ELECTION_PROFILE = PROFILE_TUNING };

/* What an offer could give. */
struct candidate {
    const struct offer *offer;
    uint64_t place;
    uint32_t gpus;
};

/* An election that has been validated, and what becomes of it. */
struct election {
    struct exchange *x;
    const struct op_backstop_elect *op;
    const struct backstop_row *terms;
    const struct cover *cover;
    bool alone; /* nothing in its request has looked at anything before */
    uint64_t start_min;
    uint64_t end_min;
    uint32_t duration_min;
    const struct token_row *tokens;
    struct funding funding;
    struct match match;
    struct fill fill;
    struct share escrow[ORDER_SERIES_MAX];
    struct issued change[ORDER_SERIES_MAX];
    uint32_t change_count;
};

/*
 * --- What there is to take ---
 *
 * What is free is worked out from the offers that are open, over the period alone, and nothing of
 * it is kept. So it takes as many looks whether or not the backstop has begun, something was
 * elected of it before, or the exchange has started anew meanwhile.
 */

struct election_search {
    struct election *e;
    uint64_t most;                /* GPUs at the most, whatever is free */
    struct curve free;            /* CURVE_FREE over the period; what has been looked at */
    int64_t steady;               /* of that, what is the same in all of the period */
    struct candidate *candidates; /* that can give a block; owned */
    size_t count;
    size_t room;
    bool cut; /* the request's looks were used up before all offers were seen */
};

static bool looks_are_used_up(const struct exchange *x)
{
    return x->request_looks >= REQUEST_LOOKS_MAX;
}

/* The GPUs that would be owed for in every minute of the period, if so many were free. Goes over no
 * more than `pieces` of time: 0 when that does not take it to the end. */
static uint64_t election_room(struct election *e, const struct curve *free_gpus, uint64_t pieces)
{
    uint64_t room = UINT64_MAX;
    struct backstop_walk w;
    backstop_walk_begin_free(e->x, e->cover, e->terms, free_gpus, &w);
    while (w.until_min < e->end_min && room > 0 && pieces > 0) {
        uint64_t until = w.until_min < e->start_min ? e->start_min : e->end_min;
        struct backstop_minute m = backstop_walk_next(&w, until);
        if (w.until_min > e->start_min && m.owed < room)
            room = m.owed;
        e->x->request_looks++;
        pieces--;
    }
    return w.until_min < e->end_min ? 0 : room;
}

/* The same with more free than can be. */
static uint64_t election_room_most(struct election *e)
{
    struct curve plenty;
    uint64_t looks = e->x->request_looks;
    uint64_t left = looks < REQUEST_LOOKS_MAX ? REQUEST_LOOKS_MAX - looks : 0;
    curve_init(&plenty, e->cover->cursor_min);
    curve_add(&plenty, e->cover->cursor_min, CURVE_FREE, INT64_MAX / 4);
    uint64_t room = election_room(e, &plenty, left);
    curve_release(&plenty);
    return room;
}

/* The GPUs of an offer that stood under the terms and are free in all of the period; adds what is
 * free in each minute. */
static uint64_t search_add_free(struct election_search *s, const struct offer *o,
                                const struct listed *l)
{
    const struct election *e = s->e;
    const struct backstop_row *terms = e->terms;
    uint64_t *looks = &e->x->request_looks;
    uint64_t least = 0;
    bool steady = history_stood_all(e->x, l, terms->price_max_ucr, terms->ahead_min, e->start_min,
                                    e->end_min, &least);
    if (steady && (least == 0 || o->taken.count == 0)) {
        s->steady += (int64_t)least;
        return least;
    }
    struct steps gpus;
    steps_init(&gpus);
    history_stood(e->x, l, terms->price_max_ucr, terms->ahead_min, e->start_min, e->end_min, &gpus,
                  looks);
    least = UINT64_MAX;
    for (uint64_t at = e->start_min; at < e->end_min;) {
        struct piece stood = steps_piece(&gpus, at);
        struct piece leased = steps_piece(&o->taken, at);
        uint64_t left = stood.value > leased.value ? stood.value - leased.value : 0;
        uint64_t until = stood.until < leased.until ? stood.until : leased.until;
        until = until < e->end_min ? until : e->end_min;
        curve_add(&s->free, at, CURVE_FREE, (int64_t)left);
        curve_add(&s->free, until, CURVE_FREE, -(int64_t)left);
        least = left < least ? left : least;
        at = until;
        ++*looks;
    }
    steps_release(&gpus);
    return least;
}

/* Whether a lease of the period can be had of it; not of one that resting orders have yet to be
 * asked about: they come first. */
static bool election_may_take(const struct election *e, const struct offer *o)
{
    return o->shown && !ask_site_hides(e->x, o) && e->duration_min >= o->lease_min_min &&
           (o->lease_max_min == 0 || e->duration_min <= o->lease_max_min);
}

static void search_add_candidate(struct election_search *s, const struct offer *o, uint64_t gpus)
{
    if (s->count == s->room) {
        s->room = s->room ? 2 * s->room : 64;
        s->candidates = realloc(s->candidates, s->room * sizeof(*s->candidates));
        if (!s->candidates)
            memory_exhausted();
    }
    s->candidates[s->count++] = (struct candidate){
        .offer = o,
        .place = o->place,
        .gpus = (uint32_t)(gpus / o->block_gpus * o->block_gpus),
    };
}

/* Goes over the open offers of the site by serial until the request's looks are used up. Those that
 * are closed stand in no minute that is to come. */
static void search_offers(struct election_search *s)
{
    const struct election *e = s->e;
    struct exchange *x = e->x;
    const struct offer *o = offer_open_at(x, e->terms->site, 0);
    for (; o && o->site == e->terms->site; o = offer_open_next(o)) {
        if (looks_are_used_up(x)) {
            s->cut = true;
            return;
        }
        x->request_looks++;
        const struct listed *l = listed_find(x, o->offer);
        if (!l || o->lease != 0 || o->sku != e->terms->sku)
            continue;
        uint64_t least = search_add_free(s, o, l);
        uint64_t looks = 0; /* those into the offer's time are counted already */
        if (least < o->block_gpus || s->most < o->block_gpus || !election_may_take(e, o))
            continue;
        uint64_t free_gpus = offer_free(o, e->start_min, e->duration_min, &looks);
        least = free_gpus < least ? free_gpus : least;
        if (least >= o->block_gpus)
            search_add_candidate(s, o, least);
    }
}

static int candidate_compare(const void *a, const void *b)
{
    const struct candidate *p = a;
    const struct candidate *q = b;
    return number_compare(p->place, q->place);
}

/* Takes from the oldest offers first. */
static void search_take(struct election_search *s, uint64_t gpus)
{
    struct match *m = &s->e->match;
    if (gpus > 0 && s->count > 0)
        qsort(s->candidates, s->count, sizeof(*s->candidates), candidate_compare);
    m->start_min = s->e->start_min;
    for (size_t i = 0; i < s->count && m->count < ORDER_LEASES_MAX && m->gpus < gpus; i++) {
        const struct candidate *c = &s->candidates[i];
        uint64_t left = gpus - m->gpus;
        uint64_t take = c->gpus < left ? c->gpus : left;
        take = take / c->offer->block_gpus * c->offer->block_gpus;
        if (take == 0)
            continue;
        m->parts[m->count++] = (struct match_part){
            .offer = c->offer, .gpus = (uint32_t)take, .price_ucr = s->e->terms->strike_ucr};
        m->gpus += (uint32_t)take;
    }
}

/* What has been seen when the looks are used up is taken, as with other searches, but only by the
 * request that has looked at nothing else. */
static enum refusal election_match(struct election *e)
{
    struct exchange *x = e->x;
    struct election_search s = {.e = e};
    uint64_t room = election_room_most(e);
    s.most = room < e->op->gpus ? room : e->op->gpus;
    if (s.most == 0)
        return looks_are_used_up(x) ? REFUSAL_too_many : REFUSAL_no_capacity;
    curve_init(&s.free, e->start_min);
    search_offers(&s);
    if (e->alone || !s.cut) {
        curve_add(&s.free, e->start_min, CURVE_FREE, s.steady);
        room = election_room(e, &s.free, UINT64_MAX);
        search_take(&s, room < s.most ? room : s.most);
    }
    curve_release(&s.free);
    free(s.candidates);
    if (e->match.count > 0)
        return REFUSAL_accepted;
    return s.cut ? REFUSAL_too_many : REFUSAL_no_capacity;
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
        return REFUSAL_period_not_found;
    uint64_t start_s = backstop_period_start(e->terms, e->op->period);
    uint64_t minutes = (backstop_period_end(e->terms, e->op->period) - start_s) / 60;
    if (start_s <= e->x->head.time_s)
        return REFUSAL_period_begun;
    if (start_s > e->x->head.time_s + (uint64_t)HORIZON_MAX_MIN * 60)
        return REFUSAL_interval_invalid;
    e->start_min = start_s / 60;
    e->end_min = e->start_min + minutes;
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

/* Whether what pays is enough for one GPU, before offers are looked at. */
static enum refusal elect_check_least(struct election *e, uint64_t *pool_left_ucr_out)
{
    struct exchange *x = e->x;
    struct cover_row cover;
    amount least = 0;
    if (!amount_cost_rounded_up(e->duration_min, e->terms->strike_ucr, &least))
        return REFUSAL_amount_overflow;
    if (least > e->funding.total)
        return REFUSAL_insufficient_funds;
    if (looks_are_used_up(x))
        return REFUSAL_too_many;
    x->request_looks += backstop_as_of_now(x, cover_row_find(x, e->op->contract), &cover);
    *pool_left_ucr_out = cover.pool_left_ucr;
    return least > cover.pool_left_ucr ? REFUSAL_pool_exhausted : REFUSAL_accepted;
}

static enum refusal elect_check(struct election *e, const struct actor *actor)
{
    struct exchange *x = e->x;
    e->alone = x->request_looks == 0;
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
    uint64_t pool_left_ucr = 0;
    refusal = elect_check_least(e, &pool_left_ucr);
    if (!refusal)
        refusal = election_match(e);
    if (refusal)
        return refusal;
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
    return e->fill.cost > pool_left_ucr ? REFUSAL_pool_exhausted : REFUSAL_accepted;
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
