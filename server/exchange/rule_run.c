/* What rules do at their steps: they count, buy what is missing, and offer what is too many. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/amount.h"
#include "protocol/moment.h"
#include "server/exchange/account.h"
#include "server/exchange/due.h"
#include "server/exchange/event.h"
#include "server/exchange/ledger.h"
#include "server/exchange/lease.h"
#include "server/exchange/offer.h"
#include "server/exchange/order.h"
#include "server/exchange/query.h"
#include "server/exchange/resale.h"
#include "server/exchange/rule_held.h"
#include "server/exchange/series.h"

enum {
    /* A rule's step stands for so many items of a tick: it may search a whole book. */
    STEP_ITEMS = 100,
    /* ... which are so many looks; a second search stands for as many at most. */
    SEARCH_LOOKS = 100 * STEP_ITEMS,
    /* When the budget does not pay what was found, it searches for less so many times. */
    LESS_TRIES = 3,
    /* Of the leases that it bought, a rule looks at so many for one that is too many. */
    SURPLUS_TRIES = 64,
};

/* --- The budget ---------------------------------------------------------------------------- */

static bool row_expired(const struct exchange *x, const struct escrow_row *row)
{
    const struct series_row *series = series_find(x, row->series);
    return series == NULL || series_expired(x, series);
}

static amount budget_of(const struct exchange *x, const struct escrow *e)
{
    amount budget = 0;
    for (uint32_t i = 0; i < e->count; i++)
        budget += row_expired(x, &e->rows[i]) ? 0 : e->held[i];
    return budget;
}

/* What has expired since goes where its series says. */
static void budget_expire(struct exchange *x, struct escrow *e)
{
    for (uint32_t i = 0; i < e->count; i++) {
        const struct series_row *series = series_find(x, e->rows[i].series);
        if (e->held[i] == 0 || !series_expired(x, series))
            continue;
        struct ev_expired event = {
            EVENT_HEAD_OF(x, 0),       .series = series->series,
            .owner = e->rows[i].owner, .expired_to = series->expired_to,
            .amount_ucr = e->held[i],
        };
        ledger_move(x, series->series, (struct ledger_place){LEDGER_ESCROW, e->rows[i].owner},
                    (struct ledger_place){LEDGER_EXPIRED, series->expired_to}, e->held[i]);
        escrow_lower(x, e, i, e->held[i]);
        event_log(x, &ev_expired_message, &event);
    }
}

static uint64_t limit_highest(const struct rule_row *rule)
{
    uint64_t highest = 0;
    for (uint32_t i = 0; i < rule->skus_count; i++)
        highest = rule->limits_ucr[i] > highest ? rule->limits_ucr[i] : highest;
    return highest;
}

/* For how many minutes leases and then the budget last, at the dearest that it would pay. */
static uint64_t runway_of(const struct held *h, amount budget)
{
    wide hour = (wide)h->rule->gpus * limit_highest(h->rule);
    if (hour == 0)
        return HORIZON_MAX_MIN;
    wide runway = held_short_from(h) - h->from_min + (wide)budget * 60 / hour;
    return runway < HORIZON_MAX_MIN ? (uint64_t)runway : (uint64_t)HORIZON_MAX_MIN;
}

bool rule_look(const struct exchange *x, const struct rule_row *row, struct rule_look *out,
               uint32_t *looks)
{
    struct held h;
    struct escrow e = escrow_read(x, ESCROW_KIND_RULE, row->rule, row->escrow_series);
    bool counted = held_read(&h, x, row, false, looks);
    *out = (struct rule_look){.budget = budget_of(x, &e)};
    if (counted)
        out->held = held_now(&h);
    if (counted && row->state == RULE_STATE_ACTIVE)
        out->runway_min = runway_of(&h, out->budget);
    held_release(&h);
    return counted;
}

/* --- Its end -------------------------------------------------------------------------------- */

void rule_close(struct exchange *x, struct rule_row *row, enum rule_state state,
                struct escrow_returns *returns)
{
    struct escrow e = escrow_read(x, ESCROW_KIND_RULE, row->rule, row->escrow_series);
    *returns = (struct escrow_returns){.refunds_count = 0};
    escrow_return(x, &e, e.total, returns);
    escrow_close(x, &e);
    row->state = (uint32_t)state;
    row->escrow_series = 0;
    store_put(x->store, TABLE_RULE, row);
}

void rule_log_closed(struct exchange *x, uint32_t by, const struct rule_row *row,
                     const struct escrow_returns *returns)
{
    struct ev_rule_closed event = {
        EVENT_HEAD_OF(x, by),
        .rule = row->rule,
        .account = row->account,
        .state = row->state,
        .refunds = {returns->refunds, returns->refunds_count},
        .expired = {returns->expired, returns->expired_count},
    };
    event_log(x, &ev_rule_closed_message, &event);
}

/* --- A step -------------------------------------------------------------------------------- */

/* Withdraws what leases that the rule bought have on offer at any time of [from, to). */
static void offers_withdraw(struct exchange *x, const struct rule_row *row, uint64_t from_min,
                            uint64_t to_min, uint32_t *looks)
{
    const struct lease_row *lease;
    uint32_t leases = 0;
    for (uint64_t next = 1; (lease = rule_lease_next(x, row->account, next)) != NULL;) {
        next = lease->lease + 1;
        if (++leases > RULE_LEASES_MAX)
            break;
        const struct offer *o = lease->resale_offer ? offer_find(x, lease->resale_offer) : NULL;
        if (o && o->start_min < to_min && o->end_min > from_min && rule_lease_is_of(x, lease, row))
            resale_close(x, lease->lease);
    }
    *looks += leases;
}

void rule_offers_withdraw(struct exchange *x, const struct rule_row *row)
{
    uint32_t looks = 0;
    offers_withdraw(x, row, 0, UINT64_MAX, &looks);
    x->request_looks += looks;
}

/* The order for what the gap misses up to `to_min`. */
static struct op_order_place gap_order(const struct rule_row *row, const struct gap *gap,
                                       uint64_t to_min, struct arena *arena)
{
    struct sku_limit *skus = query_alloc(arena, ORDER_SKUS_MAX * sizeof(*skus));
    for (uint32_t i = 0; i < row->skus_count; i++)
        skus[i] = (struct sku_limit){.sku = row->skus[i], .limit_price_ucr = row->limits_ucr[i]};
    return (struct op_order_place){
        .skus = {skus, row->skus_count},
        .gpus = gap->missing,
        .gpus_min = 1,
        .block_gpus = 1,
        .duration_min = (uint32_t)(to_min - gap->from_min),
        .start_from_s = gap->from_min * 60,
        .placement = row->profile == PROFILE_TRAINING ? PLACEMENT_ONE_SITE : PLACEMENT_SPREAD,
        .time_in_force = TIME_IN_FORCE_IOC,
        .regions = {query_texts(row->regions, PLACE_BYTES, row->regions_count, arena),
                    row->regions_count},
        .jurisdictions = {query_texts(row->jurisdictions, PLACE_BYTES, row->jurisdictions_count,
                                      arena),
                          row->jurisdictions_count},
        .preemptible_ok = row->preemptible_ok != 0,
        .profile = row->profile,
        .certifications = {query_texts(row->certifications, NAME_BYTES, row->certifications_count,
                                       arena),
                           row->certifications_count},
        .interconnect = text_of(row->interconnect),
        .carbon_g_max = row->carbon_g_max,
        .reliability_ppm_min = row->reliability_ppm_min,
    };
}

/* Buys what the gap misses up to `to_min`; its refusal, as of an order. With insufficient_funds,
 * *can_out is what could be paid. */
static enum refusal gap_buy(struct exchange *x, struct rule_row *row, const struct gap *gap,
                            uint64_t to_min, struct escrow *e, struct afford *can_out,
                            uint64_t *looks)
{
    struct op_order_place op = gap_order(row, gap, to_min, &x->scratch);
    amount cost = 0;
    enum refusal refusal = order_by_rule(x, row->account, row->rule, &op, e, &cost, can_out, looks);
    /* Only tells people; what was ever spent may be more than can be counted. */
    if (!refusal && !amount_add(row->spent_ucr, cost, &row->spent_ucr))
        row->spent_ucr = UINT64_MAX;
    return refusal;
}

/* Buys of the gap what the budget pays: fewer GPUs, or else a block for fewer minutes. Another
 * search may come to what is dearer, where it is at another site; then to less again. */
static enum refusal gap_buy_less(struct exchange *x, struct rule_row *row, const struct gap *gap,
                                 uint64_t to_min, struct afford can, struct escrow *e,
                                 uint32_t *looks)
{
    enum refusal refusal = REFUSAL_insufficient_funds;
    for (uint32_t i = 0; i < LESS_TRIES && refusal == REFUSAL_insufficient_funds; i++) {
        struct gap less = {.from_min = gap->from_min, .missing = can.gpus};
        if (can.gpus == 0 && can.minutes == 0)
            return REFUSAL_insufficient_funds;
        if (can.gpus == 0) {
            less.missing = can.block_gpus;
            to_min = gap->from_min + can.minutes;
        }
        refusal = gap_buy(x, row, &less, to_min, e, &can, NULL);
        *looks += SEARCH_LOOKS;
    }
    return refusal == REFUSAL_insufficient_funds ? REFUSAL_size_not_met : refusal;
}

/* A gap that goes on beyond the horizon is filled up to its end where that can be had and paid, or
 * there would be a lease for each step; else up to the horizon, as far as it must be, and
 * what of that can be paid. */
static enum refusal gap_fill(struct exchange *x, struct rule_row *row, const struct gap *gap,
                             uint64_t until_min, struct escrow *e, uint32_t *looks)
{
    uint64_t searched = 0;
    struct afford can = {.gpus = 0};
    struct afford can_longer = {.gpus = 0};
    enum refusal longer = REFUSAL_no_capacity;
    uint64_t must_min = gap->to_min < until_min ? gap->to_min : until_min;
    if (gap->to_min > must_min) {
        longer = gap_buy(x, row, gap, gap->to_min, e, &can_longer, NULL);
        *looks += SEARCH_LOOKS;
        if (!longer)
            return longer;
    }
    enum refusal refusal = gap_buy(x, row, gap, must_min, e, &can, &searched);
    *looks += searched < SEARCH_LOOKS ? (uint32_t)searched : SEARCH_LOOKS;
    if (refusal == REFUSAL_insufficient_funds)
        return gap_buy_less(x, row, gap, must_min, can, e, looks);
    /* Offers may not sell less than the longer time: then it is the funds that are short. */
    if (refusal != REFUSAL_accepted && longer == REFUSAL_insufficient_funds)
        return gap_buy_less(x, row, gap, gap->to_min, can_longer, e, looks);
    return refusal;
}

/* The series of the budget that have not expired. */
static void wish_take_budget(const struct exchange *x, struct wish *w, const struct escrow *e,
                             struct arena *arena)
{
    const struct series_row **series = query_alloc(arena, (e->count + 1) * sizeof(const void *));
    for (uint32_t i = 0; i < e->count; i++) {
        if (e->held[i] > 0 && !row_expired(x, &e->rows[i]))
            series[w->series_count++] = series_find(x, e->rows[i].series);
    }
    w->series = series;
}

enum refusal rule_wish(const struct exchange *x, const struct rule_row *row, struct arena *arena,
                       struct wish *wish_out, amount *budget_out)
{
    struct held h;
    uint32_t looks = 0;
    struct escrow e = escrow_read(x, ESCROW_KIND_RULE, row->rule, row->escrow_series);
    bool counted = held_read(&h, x, row, false, &looks);
    struct gap gap = counted ? held_gap(&h) : (struct gap){.missing = 0};
    uint64_t to_min = gap.to_min < h.until_min ? gap.to_min : h.until_min;
    held_release(&h);
    *wish_out = (struct wish){.gpus = 0};
    *budget_out = budget_of(x, &e);
    if (!counted)
        return REFUSAL_too_many;
    if (gap.missing == 0)
        return REFUSAL_accepted;
    struct op_order_place op = gap_order(row, &gap, to_min, arena);
    enum refusal refusal = wish_from_order(x, &op, arena, wish_out);
    if (refusal != REFUSAL_accepted) {
        wish_out->gpus = 0;
        return refusal;
    }
    wish_out->account = row->account;
    wish_take_budget(x, wish_out, &e, arena);
    if (account_may_receive(x, row->account) != REFUSAL_accepted)
        return REFUSAL_account_frozen;
    return *budget_out == 0 ? REFUSAL_insufficient_funds : REFUSAL_accepted;
}

/* Offers of one lease that the rule bought what is too many while it lasts: of the last granted
 * that has no offer. */
static void surplus_offer(struct exchange *x, const struct rule_row *row, uint32_t *looks)
{
    struct held h;
    uint32_t tries = 0;
    uint32_t leases = 0;
    const struct lease_row *lease;
    bool counted = held_read(&h, x, row, true, looks);
    for (uint64_t last = SERIAL_MAX; counted && tries < SURPLUS_TRIES && leases < RULE_LEASES_MAX &&
                                     (lease = rule_lease_before(x, row->account, last)) != NULL;
         last = lease->lease - 1, leases++) {
        if (resale_offer_now(x, lease) != 0 || !rule_lease_is_of(x, lease, row) ||
            !held_counts(&h, lease))
            continue;
        tries++;
        uint64_t from_s = lease->start_s > h.from_min * 60 ? lease->start_s : h.from_min * 60;
        uint32_t surplus = held_surplus(&h, from_s / 60, lease->end_s / 60);
        uint32_t unsold = relief_unsold(x, lease, from_s, lease->end_s);
        uint64_t offer;
        struct op_lease_resell op = {
            .lease = lease->lease,
            .gpus = surplus < unsold ? surplus : unsold,
            .block_gpus = 1,
            .start_s = from_s,
            .end_s = lease->end_s,
            .price_ucr = row->sell_price_ucr,
            .lease_min_min = 1,
        };
        if (op.gpus == 0)
            continue;
        resale_publish(x, 0, row->account, row->rule, &op, &offer);
        break;
    }
    held_release(&h);
}

/* The warning that a rule runs low, once. */
static void low_warn(struct exchange *x, struct rule_row *row, const struct escrow *e,
                     uint32_t *looks)
{
    struct held h;
    if (row->runway_min == 0 || (row->flags & RULE_WARNED) != 0)
        return;
    struct ev_rule_low event = {EVENT_HEAD_OF(x, 0), .rule = row->rule, .account = row->account,
                                .budget_ucr = budget_of(x, e)};
    if (held_read(&h, x, row, false, looks))
        event.runway_min = runway_of(&h, event.budget_ucr);
    else
        event.runway_min = row->runway_min; /* not known */
    held_release(&h);
    if (event.runway_min >= row->runway_min)
        return;
    row->flags |= RULE_WARNED;
    event_log(x, &ev_rule_low_message, &event);
}

/* Buys and offers. Why it did not buy what is missing; insufficient_funds: it can no more. */
static enum refusal rule_act(struct exchange *x, struct rule_row *row, struct escrow *e,
                             uint32_t *looks)
{
    struct held h;
    bool counted = held_read(&h, x, row, false, looks);
    struct gap gap = counted ? held_gap(&h) : (struct gap){.missing = 0};
    enum refusal refusal = REFUSAL_accepted;
    held_release(&h);
    if (!counted)
        return REFUSAL_too_many;
    if (gap.missing > 0) {
        if (budget_of(x, e) == 0)
            return REFUSAL_insufficient_funds;
        offers_withdraw(x, row, gap.from_min, gap.to_min < h.until_min ? gap.to_min : h.until_min,
                        looks);
        refusal = gap_fill(x, row, &gap, h.until_min, e, looks);
    }
    if (refusal != REFUSAL_insufficient_funds && (row->flags & RULE_RESELLS))
        surplus_offer(x, row, looks);
    return refusal;
}

uint32_t rule_due(struct exchange *x, uint64_t rule, uint32_t limit)
{
    const uint64_t step_s = RULE_STEP_MIN * 60;
    struct rule_row row = *rule_find(x, rule);
    struct escrow e = escrow_read(x, ESCROW_KIND_RULE, rule, row.escrow_series);
    uint32_t looks = 0;
    /* Steps that nobody was there for are not made up for. */
    row.next_s = (x->head.time_s / step_s + 1) * step_s;
    budget_expire(x, &e);
    enum refusal frozen = account_may_receive(x, row.account);
    row.last_refusal = frozen ? REFUSAL_account_frozen : rule_act(x, &row, &e, &looks);
    if (row.last_refusal == REFUSAL_insufficient_funds) {
        struct escrow_returns returns;
        rule_close(x, &row, RULE_STATE_EXHAUSTED, &returns);
        rule_log_closed(x, 0, &row, &returns);
        offers_withdraw(x, &row, 0, UINT64_MAX, &looks);
    } else {
        if (!frozen)
            low_warn(x, &row, &e, &looks);
        store_put(x->store, TABLE_RULE, &row);
    }
    uint32_t worked = STEP_ITEMS + looks / 100;
    return worked < limit ? worked : limit;
}
