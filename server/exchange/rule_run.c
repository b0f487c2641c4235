/* What rules do at their steps: they count, buy what is missing, and offer what is too many. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

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
#include "server/exchange/rule.h"
#include "server/exchange/series.h"

__extension__ typedef unsigned __int128 wide;

enum {
    /* A rule's step stands for so many items of a tick: it may search a whole book. */
    STEP_ITEMS = 100,
    /* ... which are so many looks; a second search stands for as many at most. */
    SEARCH_LOOKS = 100 * STEP_ITEMS,
    /* Of the leases that it bought, a rule looks at so many for one that is too many. */
    SURPLUS_TRIES = 64,
};

/* --- What is held -------------------------------------------------------------------------- */

/* From `at_min` on so many GPUs more or less. */
struct change {
    uint64_t at_min;
    int64_t gpus;
};

/* GPUs of a rule's SKUs from from_min on, as changes in the order of time. */
struct held {
    const struct exchange *x;
    const struct rule_row *rule;
    uint64_t from_min;
    uint64_t until_min;    /* the end of the horizon; what is held beyond it is known, too */
    struct buffer changes; /* struct change each; owned */
};

static const struct change *changes_of(const struct held *h, size_t *count_out)
{
    *count_out = h->changes.length / sizeof(struct change);
    return (const struct change *)(const void *)h->changes.data;
}

/* Adds GPUs over [from, to), as far as that is not over. */
static void held_add(struct held *h, uint64_t from_min, uint64_t to_min, int64_t gpus)
{
    uint64_t from = from_min > h->from_min ? from_min : h->from_min;
    if (from >= to_min || gpus == 0)
        return;
    struct change begins = {from, gpus};
    struct change ends = {to_min, -gpus};
    buffer_append(&h->changes, &begins, sizeof(begins));
    buffer_append(&h->changes, &ends, sizeof(ends));
}

static void piece_add(void *context, uint64_t from_s, uint64_t to_s, uint64_t gpus)
{
    held_add(context, from_s / 60, to_s / 60, (int64_t)gpus);
}

static bool sku_is_wanted(const struct rule_row *rule, uint64_t sku)
{
    for (uint32_t i = 0; i < rule->skus_count; i++) {
        if (rule->skus[i] == sku)
            return true;
    }
    return false;
}

/* Whether the lease can still be used, at present or later. */
static bool lease_is_live(const struct exchange *x, const struct lease_row *lease)
{
    enum lease_state state = lease_state_now(x, lease);
    return state == LEASE_STATE_GRANTED || state == LEASE_STATE_ACTIVE;
}

static bool lease_is_of(const struct exchange *x, const struct lease_row *lease,
                        const struct rule_row *rule)
{
    const struct order_row *order = order_find(x, lease->order);
    return order && order->rule == rule->rule && lease_is_live(x, lease);
}

/* What the rule's leases have on offer already will be gone. */
static void offered_take(struct held *h, const struct lease_row *lease)
{
    const struct offer *o = lease->resale_offer ? offer_find(h->x, lease->resale_offer) : NULL;
    if (!o || !o->open || !lease_is_of(h->x, lease, h->rule))
        return;
    uint64_t from = o->start_min > h->from_min ? o->start_min : h->from_min;
    uint64_t looks = 0;
    if (from < o->end_min && o->end_min - from <= UINT32_MAX)
        held_add(h, from, o->end_min,
                 -(int64_t)offer_free(o, from, (uint32_t)(o->end_min - from), &looks));
}

static int change_compare(const void *a, const void *b)
{
    const struct change *left = a;
    const struct change *right = b;
    return (left->at_min > right->at_min) - (left->at_min < right->at_min);
}

/* Reads what the account holds from the next minute on, without what the rule's leases have on
 * offer when that is asked for. False: too many leases, or pieces of them. The caller releases it.
 */
static bool held_read(struct held *h, const struct exchange *x, const struct rule_row *rule,
                      bool less_offered, uint32_t *looks)
{
    *h = (struct held){.x = x, .rule = rule, .changes = BUFFER_EMPTY};
    h->from_min = minute_ceil(x->head.time_s) / 60;
    h->until_min = h->from_min + rule->horizon_min;
    uint32_t leases = 0;
    const struct lease_row *lease;
    for (uint64_t next = 1; (lease = rule_lease_next(x, rule->account, next)) != NULL;
         next = lease->lease + 1) {
        size_t count;
        changes_of(h, &count);
        ++*looks;
        if (++leases > RULE_LEASES_MAX || count > 4 * (size_t)RULE_LEASES_MAX)
            return false;
        if (!sku_is_wanted(rule, lease->sku) || !lease_is_live(x, lease))
            continue;
        uint64_t from_s = lease->start_s > h->from_min * 60 ? lease->start_s : h->from_min * 60;
        if (from_s < lease->end_s)
            relief_each(x, lease, from_s, lease->end_s, piece_add, h);
        if (less_offered)
            offered_take(h, lease);
    }
    if (h->changes.status)
        memory_exhausted();
    if (h->changes.length > 0)
        qsort(h->changes.data, h->changes.length / sizeof(struct change), sizeof(struct change),
              change_compare);
    return true;
}

static void held_release(struct held *h)
{
    buffer_release(&h->changes);
}

/* A piece of time over which as much is held. */
struct level {
    uint64_t from_min;
    uint64_t to_min;
    int64_t gpus;
    size_t next; /* the first change behind it */
};

static struct level level_first(const struct held *h)
{
    return (struct level){.to_min = h->from_min};
}

/* Goes on to the piece behind; false at the end of time. */
static bool level_next(const struct held *h, struct level *l)
{
    size_t count;
    const struct change *changes = changes_of(h, &count);
    if (l->to_min == UINT64_MAX)
        return false;
    l->from_min = l->to_min;
    while (l->next < count && changes[l->next].at_min == l->from_min)
        l->gpus += changes[l->next++].gpus;
    l->to_min = l->next < count ? changes[l->next].at_min : UINT64_MAX;
    return true;
}

/* The first time of the horizon with fewer GPUs than wanted, up to where they rise again or as long
 * as the horizon is; it may end beyond it. */
struct gap {
    uint64_t from_min;
    uint64_t to_min;
    uint32_t missing; /* 0: there is none */
};

static struct gap gap_find(const struct held *h)
{
    struct gap gap = {.from_min = h->until_min, .to_min = h->until_min};
    struct level l = level_first(h);
    int64_t before = 0;
    while (level_next(h, &l)) {
        if (l.from_min >= gap.to_min)
            break;
        if (gap.missing > 0 && l.gpus > before) {
            gap.to_min = l.from_min;
            break;
        }
        if (gap.missing == 0 && l.gpus < (int64_t)h->rule->gpus) {
            gap.from_min = l.from_min;
            gap.to_min = l.from_min + h->rule->horizon_min;
            gap.missing = (uint32_t)((int64_t)h->rule->gpus - l.gpus);
        }
        before = l.gpus;
    }
    return gap;
}

/* How many more than wanted are held at any time of [from, to); 0: none. */
static uint32_t surplus_over(const struct held *h, uint64_t from_min, uint64_t to_min)
{
    int64_t least = INT64_MAX;
    struct level l = level_first(h);
    while (level_next(h, &l)) {
        if (l.from_min < to_min && l.to_min > from_min && l.gpus < least)
            least = l.gpus;
    }
    int64_t surplus = least == INT64_MAX ? 0 : least - (int64_t)h->rule->gpus;
    return surplus > 0 ? (uint32_t)surplus : 0;
}

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

/* From where on fewer GPUs are held than wanted, which are more than 0. */
static uint64_t short_from(const struct held *h)
{
    struct level l = level_first(h);
    while (level_next(h, &l) && l.gpus >= (int64_t)h->rule->gpus)
        ;
    return l.from_min;
}

/* For how many minutes leases and then the budget last, at the dearest that it would pay. */
static uint64_t runway_of(const struct held *h, amount budget)
{
    wide hour = (wide)h->rule->gpus * limit_highest(h->rule);
    if (hour == 0)
        return HORIZON_MAX_MIN;
    wide runway = short_from(h) - h->from_min + (wide)budget * 60 / hour;
    return runway < HORIZON_MAX_MIN ? (uint64_t)runway : (uint64_t)HORIZON_MAX_MIN;
}

bool rule_look(const struct exchange *x, const struct rule_row *row, struct rule_look *out,
               uint32_t *looks)
{
    struct held h;
    struct escrow e = escrow_read(x, ESCROW_KIND_RULE, row->rule, row->escrow_series);
    bool counted = held_read(&h, x, row, false, looks);
    struct level l = level_first(&h);
    *out = (struct rule_look){.budget = budget_of(x, &e)};
    if (counted && level_next(&h, &l))
        out->held = (uint32_t)l.gpus;
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
        if (o && o->start_min < to_min && o->end_min > from_min && lease_is_of(x, lease, row))
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

static struct place *places_get(struct exchange *x, const uint8_t *column, uint32_t count)
{
    struct place *places = scratch_alloc(x, (count + 1) * sizeof(*places));
    for (uint32_t i = 0; i < count; i++)
        places[i].code = text_of((const char *)column + (size_t)i * PLACE_BYTES);
    return places;
}

static struct required *certifications_get(struct exchange *x, const struct rule_row *row)
{
    struct required *names = scratch_alloc(x, (row->certifications_count + 1) * sizeof(*names));
    for (uint32_t i = 0; i < row->certifications_count; i++)
        names[i].name = text_of((const char *)row->certifications + (size_t)i * NAME_BYTES);
    return names;
}

/* Buys what the gap misses up to `to_min`; its refusal, as of an order. */
static enum refusal gap_buy(struct exchange *x, struct rule_row *row, const struct gap *gap,
                            uint64_t to_min, struct escrow *e, uint64_t *looks)
{
    struct sku_limit skus[ORDER_SKUS_MAX];
    for (uint32_t i = 0; i < row->skus_count; i++)
        skus[i] = (struct sku_limit){.sku = row->skus[i], .limit_price_ucr = row->limits_ucr[i]};
    struct op_order_place op = {
        .skus = {skus, row->skus_count},
        .gpus = gap->missing,
        .gpus_min = 1,
        .block_gpus = 1,
        .duration_min = (uint32_t)(to_min - gap->from_min),
        .start_from_s = gap->from_min * 60,
        .placement = row->profile == PROFILE_TRAINING ? PLACEMENT_ONE_SITE : PLACEMENT_SPREAD,
        .time_in_force = TIME_IN_FORCE_IOC,
        .regions = {places_get(x, row->regions, row->regions_count), row->regions_count},
        .jurisdictions = {places_get(x, row->jurisdictions, row->jurisdictions_count),
                          row->jurisdictions_count},
        .preemptible_ok = row->preemptible_ok != 0,
        .profile = row->profile,
        .certifications = {certifications_get(x, row), row->certifications_count},
        .interconnect = text_of(row->interconnect),
        .carbon_g_max = row->carbon_g_max,
        .reliability_ppm_min = row->reliability_ppm_min,
    };
    amount cost = 0;
    enum refusal refusal = order_by_rule(x, row->account, row->rule, &op, e, &cost, looks);
    /* Only tells people; what was ever spent may be more than can be counted. */
    if (!refusal && !amount_add(row->spent_ucr, cost, &row->spent_ucr))
        row->spent_ucr = UINT64_MAX;
    return refusal;
}

/* A gap that goes on beyond the horizon is filled up to its end where that can be had and paid, or
 * there would be a lease for each step; else up to the horizon, as far as it must be. */
static enum refusal gap_fill(struct exchange *x, struct rule_row *row, const struct gap *gap,
                             uint64_t until_min, struct escrow *e, uint32_t *looks)
{
    uint64_t searched = 0;
    enum refusal longer = REFUSAL_no_capacity;
    uint64_t must_min = gap->to_min < until_min ? gap->to_min : until_min;
    if (gap->to_min > must_min) {
        longer = gap_buy(x, row, gap, gap->to_min, e, NULL);
        *looks += SEARCH_LOOKS;
        if (!longer)
            return longer;
    }
    enum refusal refusal = gap_buy(x, row, gap, must_min, e, &searched);
    *looks += searched < SEARCH_LOOKS ? (uint32_t)searched : SEARCH_LOOKS;
    /* Offers may not sell less than the longer time: then it is the funds that are short. */
    return refusal && longer == REFUSAL_insufficient_funds ? longer : refusal;
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
        if (resale_offer_now(x, lease) != 0 || !lease_is_of(x, lease, row))
            continue;
        tries++;
        uint64_t from_s = lease->start_s > h.from_min * 60 ? lease->start_s : h.from_min * 60;
        uint32_t surplus = surplus_over(&h, from_s / 60, lease->end_s / 60);
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
    struct gap gap = counted ? gap_find(&h) : (struct gap){.missing = 0};
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
