/* What is owed under a backstop: the sum over minutes, and the settlement of its periods. */
#include <assert.h>
#include <string.h>

#include "protocol/amount.h"
#include "protocol/moment.h"
#include "server/exchange/account.h"
#include "server/exchange/backstop.h"
#include "server/exchange/closure.h"
#include "server/exchange/event.h"
#include "server/exchange/index.h"
#include "server/exchange/site.h"

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* --- Minutes --- */

/* Until when the site holds a certification at the end of `at_min`: 0 when it does not. */
static uint64_t held_until_min(const struct site_row *site, const uint8_t *name, uint64_t at_min)
{
    uint64_t until_s = 0;
    for (uint32_t i = 0; i < site->certifications_count && i < SITE_CERTIFICATIONS_MAX; i++) {
        const uint8_t *held = site->certification_names + (size_t)i * NAME_BYTES;
        uint64_t expires_s = site->certification_expires_s[i];
        if (memcmp(held, name, NAME_BYTES) == 0 && expires_s > until_s)
            until_s = expires_s;
    }
    return until_s / 60 > at_min ? until_s / 60 : 0;
}

/* Whether the site is certified as the terms ask, and until when that stays so. */
static bool walk_certified(const struct backstop_walk *w, uint64_t *until_min)
{
    const struct backstop_row *terms = w->terms;
    const struct site_row *site = site_find(w->x, terms->site);
    bool all = site != NULL;
    for (uint32_t i = 0; all && i < terms->certifications_count; i++) {
        uint64_t until =
            held_until_min(site, terms->certifications + (size_t)i * NAME_BYTES, w->at_min);
        all = until > 0;
        *until_min = all ? earlier(*until_min, until) : *until_min;
    }
    return all;
}

/* Whether the site is open and what is offered there can be bought at all. */
static bool walk_healthy(const struct backstop_walk *w, uint64_t *until_min)
{
    const struct account_row *operator= account_find(w->x, w->terms->operator);
    if (!operator|| operator->state != ACCOUNT_STATE_ACTIVE)
        return false;
    if (!w->closed)
        return true;
    struct piece piece = steps_piece(w->closed, w->at_min);
    *until_min = earlier(*until_min, piece.until);
    return piece.value == 0;
}

void backstop_walk_begin_free(const struct exchange *x, const struct cover *c,
                              const struct backstop_row *terms, const struct curve *free_gpus,
                              struct backstop_walk *w)
{
    *w = (struct backstop_walk){
        .x = x,
        .terms = terms,
        .closed = closure_steps(x, terms->site),
        .at_min = c->cursor_min,
        .bend = curve_from(&c->stand->curve, c->cursor_min),
        .free_bend = curve_from(free_gpus, c->cursor_min),
        .until_min = c->cursor_min,
    };
    memcpy(w->values, c->values, sizeof(w->values));
    w->values[CURVE_FREE] = 0;
}

void backstop_walk_begin(const struct exchange *x, struct cover *c,
                         const struct backstop_row *terms, struct backstop_walk *w)
{
    cover_complete(x, c);
    backstop_walk_begin_free(x, c, terms, &c->free, w);
    w->values[CURVE_FREE] = c->values[CURVE_FREE];
}

struct backstop_minute backstop_walk_next(struct backstop_walk *w, uint64_t end_min)
{
    w->at_min = w->until_min;
    for (; w->bend && w->bend->at_min <= w->at_min; w->bend = curve_next(w->bend)) {
        w->values[CURVE_SOLD] += w->bend->change[CURVE_SOLD];
        w->values[CURVE_ELECTED] += w->bend->change[CURVE_ELECTED];
        w->values[CURVE_WITHHELD] += w->bend->change[CURVE_WITHHELD];
    }
    for (; w->free_bend && w->free_bend->at_min <= w->at_min;
         w->free_bend = curve_next(w->free_bend))
        w->values[CURVE_FREE] += w->free_bend->change[CURVE_FREE];
    uint64_t until = end_min;
    if (w->bend)
        until = earlier(until, w->bend->at_min);
    if (w->free_bend)
        until = earlier(until, w->free_bend->at_min);
    for (uint32_t i = 0; i < w->terms->lots_count && i < LOTS_MAX; i++) {
        if (w->terms->lot_from_s[i] > w->at_min * 60)
            until = earlier(until, w->terms->lot_from_s[i] / 60);
    }
    bool certified = walk_certified(w, &until);
    bool healthy = walk_healthy(w, &until);
    w->until_min = until;

    int64_t covered = (int64_t)backstop_covered(w->terms, w->at_min);
    int64_t sold = w->values[CURVE_SOLD];
    int64_t could = sold + (certified && healthy ? w->values[CURVE_FREE] : 0);
    int64_t open = covered - w->values[CURVE_ELECTED];
    int64_t owed = (open < could ? open : could) - sold - w->values[CURVE_WITHHELD];
    owed = owed > 0 ? owed : 0;
    int64_t rest = open - sold - owed; /* more may be sold than is covered */
    return (struct backstop_minute){
        .covered = (uint64_t)covered,
        .sold = sold > 0 ? (uint64_t)sold : 0,
        .elected = w->values[CURVE_ELECTED] > 0 ? (uint64_t)w->values[CURVE_ELECTED] : 0,
        .not_offered = rest > 0 ? (uint64_t)rest : 0,
        .owed = (uint64_t)owed,
    };
}

/* Adds up minutes up to `to_s`, at most `limit` pieces of time; returns how many. */
static uint32_t walk_add_up(struct backstop_walk *w, struct cover_row *row, uint64_t to_s,
                            uint32_t limit)
{
    uint32_t pieces = 0;
    wide cost = ((wide)row->cost_high << 64) + row->cost_low;
    for (; pieces < limit && w->until_min * 60 < to_s; pieces++) {
        struct backstop_minute m = backstop_walk_next(w, to_s / 60);
        uint64_t minutes = w->until_min - w->at_min;
        row->gpu_minutes_covered += minutes * m.covered;
        row->gpu_minutes_sold += minutes * m.sold;
        row->gpu_minutes_elected += minutes * m.elected;
        row->gpu_minutes_not_offered += minutes * m.not_offered;
        row->gpu_minutes_owed += minutes * m.owed;
        cost += (wide)(minutes * m.owed) * w->terms->strike_ucr;
    }
    row->cost_low = (uint64_t)cost;
    row->cost_high = (uint64_t)(cost >> 64);
    row->cursor_s = w->until_min * 60;
    return pieces;
}

static uint32_t cover_add_up(const struct exchange *x, struct cover_row *row,
                             const struct backstop_row *terms, uint64_t to_s, uint32_t limit)
{
    struct cover *c = cover_find(x, row->contract);
    struct backstop_walk w;
    if (!c || row->cursor_s >= to_s)
        return 0;
    backstop_walk_begin(x, c, terms, &w);
    return walk_add_up(&w, row, to_s, limit);
}

void backstop_catch_up(struct exchange *x, uint64_t contract)
{
    struct cover_row row = *cover_row_find(x, contract);
    const struct backstop_row *terms = backstop_terms(x, contract, row.version);
    uint64_t to_s = earlier(minute_floor(x->head.time_s), backstop_period_end(terms, row.period));
    uint32_t pieces = cover_add_up(x, &row, terms, to_s, UINT32_MAX);
    x->request_looks += pieces;
    if (pieces > 0)
        store_put(x->store, TABLE_COVER, &row);
}

void backstop_catch_up_site(struct exchange *x, uint64_t site)
{
    for (struct stand *p = stand_at(x, site, 0); p; p = stand_at(x, site, p->sku + 1)) {
        for (struct cover *c = p->covers; c; c = c->next)
            backstop_catch_up(x, c->contract);
    }
}

/* --- Settlement --- */

uint64_t backstop_next_s(const struct cover_row *cover, const struct backstop_row *terms)
{
    /* A day at a time, so that whoever has to catch up never has more than that before it. */
    uint64_t midnight_s = (cover->cursor_s / DAY_S + 1) * DAY_S;
    return earlier(midnight_s, backstop_period_end(terms, cover->period));
}

/* What the period has come to, at most what is left of the pool. */
static amount period_owed(const struct cover_row *row)
{
    wide cost = ((wide)row->cost_high << 64) + row->cost_low;
    wide owed = cost / 60 + (cost % 60 != 0);
    return owed < row->pool_left_ucr ? (amount)owed : row->pool_left_ucr;
}

static void period_draw(struct cover_row *cover, amount owed)
{
    cover->pool_left_ucr -= owed;
    cover->owed_ucr += owed;
}

/* Clears the sums for the next period. */
static void period_close(struct cover_row *cover, const struct backstop_row *terms)
{
    cover->closed = backstop_period_end(terms, cover->period) >= terms->end_s;
    cover->period++;
    cover->gpu_minutes_covered = cover->gpu_minutes_sold = 0;
    cover->gpu_minutes_elected = cover->gpu_minutes_owed = 0;
    cover->gpu_minutes_not_offered = 0;
    cover->cost_low = cover->cost_high = 0;
    cover->mixed = 0;
}

/* Puts the draw and clears the sums for the next period. */
static void draw_put(struct exchange *x, struct cover_row *cover, const struct backstop_row *terms,
                     amount owed, amount paid)
{
    struct draw_row draw = {
        .contract = cover->contract,
        .period = cover->period,
        .version = cover->mixed ? 0 : cover->version,
        .start_s = backstop_period_start(terms, cover->period),
        .end_s = backstop_period_end(terms, cover->period),
        .gpu_minutes_covered = cover->gpu_minutes_covered,
        .gpu_minutes_sold = cover->gpu_minutes_sold,
        .gpu_minutes_elected = cover->gpu_minutes_elected,
        .gpu_minutes_not_offered = cover->gpu_minutes_not_offered,
        .gpu_minutes_owed = cover->gpu_minutes_owed,
        .owed_ucr = owed,
        .paid_ucr = paid,
        .pool_left_ucr = cover->pool_left_ucr,
        .index = event_next_index(x),
    };
    store_put(x->store, TABLE_DRAW, &draw);
    period_close(cover, terms);
    store_put(x->store, TABLE_COVER, cover);
}

static void period_log(struct exchange *x, const struct contract_row *row, uint32_t period,
                       const struct contract_paid *paid)
{
    const struct draw_row key = {.contract = row->contract, .period = period};
    const struct draw_row *draw = store_find(x->store, TABLE_DRAW, &key);
    struct ev_backstop_settled event = {
        EVENT_HEAD_OF(x, 0),
        .contract = row->contract,
        .creditor = row->creditor,
        .debtor = row->debtor,
        .period = period,
        .start_s = draw->start_s,
        .end_s = draw->end_s,
        .gpu_minutes_covered = draw->gpu_minutes_covered,
        .gpu_minutes_sold = draw->gpu_minutes_sold,
        .gpu_minutes_elected = draw->gpu_minutes_elected,
        .gpu_minutes_owed = draw->gpu_minutes_owed,
        .owed_ucr = draw->owed_ucr,
        .paid_ucr = draw->paid_ucr,
        .pool_left_ucr = draw->pool_left_ucr,
    };
    event.paid.items = paid->shares;
    event.paid.count = paid->count;
    event_log(x, &ev_backstop_settled_message, &event);
}

static void period_settle(struct exchange *x, struct contract_row *row, struct cover_row *cover,
                          const struct backstop_row *terms)
{
    struct contract_paid paid;
    uint32_t period = cover->period;
    uint64_t since_s = backstop_period_end(terms, period); /* however late this is */
    amount owed = period_owed(cover);
    const struct flow why = {
        .kind = FLOW_KIND_BACKSTOP,
        .site = terms->site,
        .sku = terms->sku,
        .gpu_minutes = cover->gpu_minutes_owed,
    };
    contract_pay(x, row, row->debtor, row->creditor, contract_payable(x, row, owed), &why, &paid);
    period_draw(cover, owed);
    cover->paid_ucr += paid.total;
    draw_put(x, cover, terms, owed, paid.total);
    period_log(x, row, period, &paid);
    claim_make(x, row, row->debtor, row->creditor, owed - paid.total, since_s);
}

/* The entry behind that of the settlement made it. */
const struct claim_row *backstop_claim(const struct exchange *x, const struct draw_row *draw)
{
    if (draw->paid_ucr >= draw->owed_ucr)
        return NULL;
    const struct claim_row *claim = claim_made_from(x, draw->index + 1);
    bool own = claim && claim->index == draw->index + 1 && claim->contract == draw->contract &&
               claim->left_ucr <= claim->amount_ucr;
    return own ? claim : NULL;
}

/* The items of a tick that the first minutes take: what counts as free may have to be worked out
 * for them, of many backstops in a row when the exchange was down. Whether it was prepared is no
 * row's matter. */
static uint32_t first_items(const struct exchange *x, const struct cover_row *row,
                            const struct backstop_row *terms)
{
    enum { OFFERS_AN_ITEM = 64 };
    const struct cover *c = cover_find(x, row->contract);
    return c && row->cursor_s == terms->start_s
               ? (uint32_t)(c->stand->offers_count / OFFERS_AN_ITEM)
               : 0;
}

uint32_t backstop_due(struct exchange *x, struct contract_row *row, uint32_t limit)
{
    struct cover_row cover = *cover_row_find(x, row->contract);
    const struct backstop_row *terms = backstop_terms(x, row->contract, cover.version);
    uint32_t worked = first_items(x, &cover, terms);
    worked += cover_add_up(x, &cover, terms, row->next_s, limit);
    if (cover.cursor_s < row->next_s) {
        store_put(x->store, TABLE_COVER, &cover);
        return worked;
    }
    if (cover.cursor_s >= backstop_period_end(terms, cover.period))
        period_settle(x, row, &cover, terms);
    else
        store_put(x->store, TABLE_COVER, &cover);
    if (cover.closed) {
        contract_end(x, row, CONTRACT_STATE_EXPIRED);
        return worked;
    }
    row->next_s = backstop_next_s(&cover, terms);
    store_put(x->store, TABLE_CONTRACT, row);
    return worked;
}

void backstop_pass(struct exchange *x, struct contract_row *row)
{
    while (row->state == CONTRACT_STATE_IN_FORCE && row->next_s <= x->head.time_s) {
        x->request_looks += backstop_due(x, row, UINT32_MAX);
        x->request_passed++;
    }
    if (row->state == CONTRACT_STATE_IN_FORCE)
        backstop_catch_up(x, row->contract);
}

void backstop_pass_site(struct exchange *x, uint64_t site)
{
    for (struct stand *p = stand_at(x, site, 0); p; p = stand_at(x, site, p->sku + 1)) {
        struct cover *next;
        for (struct cover *c = p->covers; c; c = next) {
            next = c->next; /* with its last period a contract leaves the stand */
            struct contract_row row = *contract_find(x, c->contract);
            backstop_pass(x, &row);
        }
    }
}

void backstop_pass_operator(struct exchange *x, uint32_t operator_account)
{
    uint32_t looks = UINT32_MAX;
    uint64_t resume = 0;
    uint64_t site = owned_next(&x->sites->by_operator, operator_account, 1, &looks, &resume);
    while (site != 0) {
        backstop_pass_site(x, site);
        site = owned_next(&x->sites->by_operator, operator_account, site + 1, &looks, &resume);
    }
}

/* How many steps backstop_pass() takes at the most: periods that are over, and midnights. By rows
 * alone. */
static uint64_t steps_behind(struct exchange *x, uint64_t contract)
{
    const struct contract_row *row = contract_find(x, contract);
    const struct cover_row *cover = cover_row_find(x, contract);
    const struct backstop_row *terms = cover ? backstop_terms(x, contract, cover->version) : NULL;
    x->request_looks++;
    if (!row || !terms || row->state != CONTRACT_STATE_IN_FORCE || row->next_s > x->head.time_s)
        return 0;
    uint64_t until_s = earlier(x->head.time_s, terms->end_s);
    uint64_t periods = until_s == terms->end_s
                           ? backstop_periods(terms)
                           : (until_s - terms->start_s) / ((uint64_t)terms->period_min * 60);
    return periods - cover->period + until_s / DAY_S - cover->cursor_s / DAY_S;
}

static uint64_t steps_behind_site(struct exchange *x, uint64_t site)
{
    uint64_t steps = 0;
    for (struct stand *p = stand_at(x, site, 0); p; p = stand_at(x, site, p->sku + 1)) {
        for (struct cover *c = p->covers; c; c = c->next)
            steps += steps_behind(x, c->contract);
    }
    return steps;
}

static enum refusal steps_refusal(const struct exchange *x, uint64_t steps)
{
    bool many = steps > 0 && x->request_passed + steps > BACKSTOP_BEHIND_MAX;
    return many ? REFUSAL_too_many : REFUSAL_accepted;
}

enum refusal backstop_pass_refusal(struct exchange *x, uint64_t contract)
{
    return steps_refusal(x, steps_behind(x, contract));
}

enum refusal backstop_pass_site_refusal(struct exchange *x, uint64_t site)
{
    return steps_refusal(x, steps_behind_site(x, site));
}

enum refusal backstop_pass_operator_refusal(struct exchange *x, uint32_t operator_account)
{
    uint32_t looks = UINT32_MAX;
    uint64_t resume = 0;
    uint64_t steps = 0;
    uint64_t site = owned_next(&x->sites->by_operator, operator_account, 1, &looks, &resume);
    while (site != 0) {
        steps += steps_behind_site(x, site);
        site = owned_next(&x->sites->by_operator, operator_account, site + 1, &looks, &resume);
    }
    return steps_refusal(x, steps);
}

uint64_t backstop_as_of_now(const struct exchange *x, const struct cover_row *row,
                            struct cover_row *out)
{
    uint64_t pieces = 0;
    const struct backstop_row *terms = backstop_terms(x, row->contract, row->version);
    struct cover *c = cover_find(x, row->contract);
    struct backstop_walk w;
    *out = *row;
    if (!terms || !c || backstop_period_end(terms, row->period) > x->head.time_s)
        return 0;
    backstop_walk_begin(x, c, terms, &w);
    while (!out->closed && backstop_period_end(terms, out->period) <= x->head.time_s) {
        pieces += walk_add_up(&w, out, backstop_period_end(terms, out->period), UINT32_MAX);
        period_draw(out, period_owed(out));
        period_close(out, terms);
    }
    return pieces;
}
