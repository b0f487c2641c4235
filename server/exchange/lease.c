#include "server/exchange/lease.h"

#include <stdlib.h>

#include "protocol/moment.h"
#include "server/exchange/ask.h"
#include "server/exchange/clock.h"
#include "server/exchange/closure.h"
#include "server/exchange/due.h"
#include "server/exchange/elastic.h"
#include "server/exchange/event.h"
#include "server/exchange/index.h"
#include "server/exchange/occupancy.h"
#include "server/exchange/offer.h"
#include "server/exchange/order.h"
#include "server/exchange/pledge.h"
#include "server/exchange/resale.h"
#include "server/exchange/rule.h"
#include "server/exchange/settlement.h"
#include "server/exchange/site.h"
#include "server/exchange/trade.h"

static int deadline_compare(const struct deadline *a, const struct deadline *b)
{
    if (a->lease != b->lease)
        return a->lease < b->lease ? -1 : 1;
    return a->period < b->period ? -1 : a->period > b->period;
}

TREE_GENERATE(deadline_tree, deadline, link, deadline_compare)

const struct lease_row *lease_find(const struct exchange *x, uint64_t lease)
{
    return store_find(x->store, TABLE_LEASE, &lease);
}

const struct period_row *period_find(const struct exchange *x, uint64_t lease, uint32_t period)
{
    struct period_row key = {.lease = lease, .period = period};
    return store_find(x->store, TABLE_PERIOD, &key);
}

/* --- Times and sizes ----------------------------------------------------------------------- */

gpu_minutes lease_gpu_minutes(const struct exchange *x, const struct lease_row *lease)
{
    const struct relief_sums *sums = relief_find(x, lease->lease);
    if (sums != NULL && sums->paused.count > 0)
        return relief_owed(x, lease, lease->start_s, lease->end_s);
    gpu_minutes whole = (lease->end_s - lease->start_s) / 60 * lease->gpus;
    return sums != NULL ? whole - sums->sold_minutes : whole;
}

uint32_t lease_periods(const struct lease_row *lease)
{
    uint64_t minutes = (lease->end_s - lease->start_s) / 60;
    return (uint32_t)((minutes + lease->meter_period_min - 1) / lease->meter_period_min);
}

uint64_t lease_period_start(const struct lease_row *lease, uint32_t period)
{
    return lease->start_s + (uint64_t)period * lease->meter_period_min * 60;
}

uint64_t lease_period_end(const struct lease_row *lease, uint32_t period)
{
    uint64_t end_s = lease_period_start(lease, period + 1);
    return end_s < lease->end_s ? end_s : lease->end_s;
}

/* Where what is owed of a period ends: at a pause that still goes on. */
static uint64_t lease_period_owed_until(const struct lease_row *lease, uint32_t period)
{
    uint64_t start_s = lease_period_start(lease, period);
    uint64_t end_s = lease_period_end(lease, period);
    if (lease->paused_s == 0 || lease->paused_s >= end_s)
        return end_s;
    return lease->paused_s > start_s ? lease->paused_s : start_s;
}

gpu_minutes lease_period_gpu_minutes(const struct exchange *x, const struct lease_row *lease,
                                     uint32_t period)
{
    return relief_owed(x, lease, lease_period_start(lease, period),
                       lease_period_owed_until(lease, period));
}

struct available {
    const struct exchange *x;
    uint64_t site;
    gpu_minutes total;
};

static void available_add(void *context, uint64_t from_s, uint64_t to_s, uint64_t gpus)
{
    struct available *a = context;
    uint64_t minutes = (to_s - from_s) / 60;
    uint64_t out = closure_outage_minutes(a->x, a->site, from_s, to_s);
    a->total += out < minutes ? (minutes - out) * gpus : 0;
}

gpu_minutes lease_period_available(const struct exchange *x, const struct lease_row *lease,
                                   uint32_t period)
{
    struct available a = {.x = x, .site = lease->site};
    relief_each(x, lease, lease_period_start(lease, period), lease_period_owed_until(lease, period),
                available_add, &a);
    return a.total;
}

uint64_t lease_activate_by(const struct exchange *x, const struct lease_row *lease)
{
    uint64_t from_s = lease->granted_s > lease->start_s ? lease->granted_s : lease->start_s;
    if (lease->resumed_s > from_s)
        from_s = lease->resumed_s;
    return clock_deadline(x, from_s, x->genesis.activation_grace_s);
}

uint64_t lease_meter_by(const struct exchange *x, const struct lease_row *lease, uint32_t period)
{
    return clock_deadline(x, lease_period_end(lease, period), x->genesis.meter_grace_s);
}

uint64_t lease_dispute_by(const struct exchange *x, const struct period_row *period)
{
    return clock_deadline(x, period->metered_s, x->genesis.dispute_window_s);
}

enum lease_state lease_state_now(const struct exchange *x, const struct lease_row *lease)
{
    uint64_t now_s = x->head.time_s;
    bool ended = pause_has_ended(x, lease);
    if (lease->state == LEASE_STATE_GRANTED && ended)
        return LEASE_STATE_SETTLED; /* it never began */
    if (lease->state == LEASE_STATE_GRANTED && now_s >= lease_activate_by(x, lease) &&
        pause_since(x, lease) == 0)
        return LEASE_STATE_FAILED;
    if (lease->state != LEASE_STATE_ACTIVE)
        return (enum lease_state)lease->state;
    if (now_s >= lease->end_s || ended)
        return LEASE_STATE_ENDED;
    return pause_since(x, lease) != 0 ? LEASE_STATE_PAUSED : LEASE_STATE_ACTIVE;
}

enum lease_end_reason lease_end_reason_now(const struct exchange *x, const struct lease_row *lease)
{
    enum lease_state state = lease_state_now(x, lease);
    if (state == LEASE_STATE_FAILED)
        return LEASE_END_NOT_ACTIVATED;
    if (pause_has_ended(x, lease))
        return LEASE_END_UNFUNDED;
    if (state == LEASE_STATE_ENDED && lease->end_reason == LEASE_END_NOT_YET)
        return LEASE_END_COMPLETED;
    return (enum lease_end_reason)lease->end_reason;
}

/* --- Index --------------------------------------------------------------------------------- */

bool lease_next_due(const struct exchange *x, const struct lease_row *lease, uint64_t *due_out)
{
    if (lease->state == LEASE_STATE_GRANTED) {
        *due_out = lease_activate_by(x, lease);
        return lease->paused_s == 0;
    }
    /* Periods that begin in a pause wait until it is over: it may yet end the lease before them. */
    if (lease->paused_s != 0 && lease_period_start(lease, lease->meter_cursor) >= lease->paused_s)
        return false;
    if (lease->state == LEASE_STATE_ACTIVE && lease->meter_cursor < lease_periods(lease)) {
        *due_out = lease_meter_by(x, lease, lease->meter_cursor);
        return true;
    }
    return false;
}

static struct due_item lease_item(const struct deadline *d)
{
    return (struct due_item){.due_s = d->due_s, .kind = DUE_LEASE, .part = 0, .serial = d->lease};
}

static struct due_item period_item(const struct deadline *d)
{
    return (struct due_item){
        .due_s = d->due_s, .kind = DUE_PERIOD, .part = d->period, .serial = d->lease};
}

static struct deadline *deadline_get(struct deadline_tree *tree, uint64_t lease, uint32_t period)
{
    struct deadline key = {.lease = lease, .period = period};
    struct deadline *d = RB_FIND(deadline_tree, tree, &key);
    if (d != NULL)
        return d;
    d = calloc(1, sizeof(*d));
    if (d == NULL)
        memory_exhausted();
    d->lease = lease;
    d->period = period;
    RB_INSERT(deadline_tree, tree, d);
    return d;
}

static void deadline_drop(struct deadline_tree *tree, struct deadline *d)
{
    RB_REMOVE(deadline_tree, tree, d);
    free(d);
}

static struct due_item pause_item(const struct deadline *d)
{
    return (struct due_item){.due_s = d->due_s, .kind = DUE_PAUSE, .part = 0, .serial = d->lease};
}

/* Puts, moves or takes back what stands for a lease in one of the trees. */
static void deadline_set(struct exchange *x, struct deadline_tree *tree, uint64_t lease, bool waits,
                         uint64_t due_s, struct due_item item(const struct deadline *d))
{
    struct deadline key = {.lease = lease};
    struct deadline *d = RB_FIND(deadline_tree, tree, &key);
    if (d != NULL && waits && d->due_s == due_s)
        return;
    if (d != NULL)
        due_remove(x, item(d));
    if (waits) {
        d = deadline_get(tree, lease, 0);
        d->due_s = due_s;
        due_put(x, item(d));
    } else if (d != NULL) {
        deadline_drop(tree, d);
    }
}

static void lease_set_due(struct exchange *x, uint64_t lease, const struct lease_row *row)
{
    uint64_t due_s = 0;
    bool waits = row != NULL && lease_next_due(x, row, &due_s);
    deadline_set(x, &x->leases->leases, lease, waits, due_s, lease_item);
}

void pause_refresh(struct exchange *x, uint64_t lease)
{
    const struct lease_row *row = lease_find(x, lease);
    uint64_t due_s = 0;
    if (row != NULL && (!row->elastic || row->meter_period_min == 0))
        return;
    bool waits = row != NULL && pause_next_due(x, row, &due_s);
    deadline_set(x, &x->leases->pauses, lease, waits, due_s, pause_item);
}

static void lease_take(struct exchange *x, const struct lease_row *lease, uint64_t from_s,
                       uint64_t to_s, int sign)
{
    int64_t gpus = sign * (int64_t)lease->gpus;
    offer_take(x, lease->offer, from_s, to_s, gpus);
    occupancy_take(x, lease->offer, from_s, to_s, gpus, lease->elected);
}

/* Keeps what is taken of the offer equal to what its leases say. */
static void lease_set_taken(struct exchange *x, const struct lease_row *old,
                            const struct lease_row *new)
{
    if (old == NULL) {
        lease_take(x, new, new->start_s, new->end_s, 1);
    } else if (new == NULL) {
        lease_take(x, old, old->start_s, old->end_s, -1);
    } else {
        /* Nothing but the end of a lease ever moves; one of these two is empty. */
        lease_take(x, old, new->end_s, old->end_s, -1);
        lease_take(x, old, old->end_s, new->end_s, 1);
    }
}

static void lease_hook(void *context, const void *old_row, const void *new_row)
{
    struct exchange *x = context;
    const struct lease_row *old = old_row;
    const struct lease_row *new = new_row;
    /* A damaged image's row without a period would not count its periods; the check reports it. */
    if (new != NULL && (new->meter_period_min == 0 || new->end_s < new->start_s))
        return;
    lease_set_taken(x, old, new);
    lease_set_due(x, old != NULL ? old->lease : new->lease, new);
    pause_refresh(x, old != NULL ? old->lease : new->lease);
    rule_lease_changed(x, old, new);
    if (old == NULL) {
        owned_add(&x->leases->by_holder, new->holder, new->lease);
        owned_add(&x->leases->by_operator, new->operator, new->lease);
    } else if (new == NULL) {
        owned_remove(&x->leases->by_holder, old->holder, old->lease);
        owned_remove(&x->leases->by_operator, old->operator, old->lease);
    }
}

static void period_hook(void *context, const void *old_row, const void *new_row)
{
    struct exchange *x = context;
    struct deadline_tree *tree = &x->leases->periods;
    const struct period_row *new = new_row;
    const struct period_row *any = new != NULL ? new : old_row;
    struct deadline key = {.lease = any->lease, .period = any->period};
    struct deadline *d = RB_FIND(deadline_tree, tree, &key);
    if (d != NULL) {
        due_remove(x, period_item(d));
        deadline_drop(tree, d);
    }
    if (new == NULL || new->state != PERIOD_STATE_METERED)
        return;
    d = deadline_get(tree, new->lease, new->period);
    d->metered_s = new->metered_s;
    d->due_s = lease_dispute_by(x, new);
    due_put(x, period_item(d));
}

/* What an elastic lease's escrow holds says when it is paused; what a contract's fund does, what is
 * pledged. */
static void escrow_hook(void *context, const void *old_row, const void *new_row)
{
    const struct escrow_row *any = new_row != NULL ? new_row : old_row;
    if (any->kind == ESCROW_KIND_LEASE)
        pause_refresh(context, any->serial);
    else if (any->kind == ESCROW_KIND_CONTRACT)
        pledge_escrow_changed(context, old_row, new_row);
}

void lease_deadlines_moved(struct exchange *x)
{
    struct deadline *d;
    RB_FOREACH (d, deadline_tree, &x->leases->pauses) {
        due_remove(x, pause_item(d));
        pause_next_due(x, lease_find(x, d->lease), &d->due_s);
        due_put(x, pause_item(d));
    }
    RB_FOREACH (d, deadline_tree, &x->leases->leases) {
        due_remove(x, lease_item(d));
        lease_next_due(x, lease_find(x, d->lease), &d->due_s);
        due_put(x, lease_item(d));
    }
    RB_FOREACH (d, deadline_tree, &x->leases->periods) {
        due_remove(x, period_item(d));
        d->due_s = clock_deadline(x, d->metered_s, x->genesis.dispute_window_s);
        due_put(x, period_item(d));
    }
}

static bool holder_has(const void *context, uint32_t account, uint64_t serial)
{
    const struct lease_row *row = lease_find(context, serial);
    return row != NULL && row->holder == account;
}

static bool operator_has(const void *context, uint32_t account, uint64_t serial)
{
    const struct lease_row *row = lease_find(context, serial);
    return row != NULL && row->operator== account;
}

void lease_index_new(struct exchange *x)
{
    x->leases = calloc(1, sizeof(*x->leases));
    if (x->leases == NULL)
        memory_exhausted();
    owned_init(&x->leases->by_holder, holder_has, x);
    owned_init(&x->leases->by_operator, operator_has, x);
    RB_INIT(&x->leases->leases);
    RB_INIT(&x->leases->periods);
    RB_INIT(&x->leases->pauses);
    relief_index_new(x);
    store_set_hook(x->store, TABLE_LEASE, lease_hook, x);
    store_set_hook(x->store, TABLE_ESCROW, escrow_hook, x);
    store_set_hook(x->store, TABLE_PERIOD, period_hook, x);
}

static void deadlines_free(struct deadline_tree *tree)
{
    struct deadline *d;
    while ((d = RB_ROOT(tree)) != NULL)
        deadline_drop(tree, d);
}

void lease_index_free(struct exchange *x)
{
    if (x->leases == NULL)
        return;
    owned_release(&x->leases->by_holder);
    owned_release(&x->leases->by_operator);
    deadlines_free(&x->leases->leases);
    deadlines_free(&x->leases->periods);
    deadlines_free(&x->leases->pauses);
    relief_index_free(x);
    free(x->leases);
    x->leases = NULL;
}

/* --- What happens to a lease --------------------------------------------------------------- */

/* The event of a lease that ends early or fails. */
static uint64_t lease_log_ended(struct exchange *x, uint32_t by, const struct lease_row *row,
                                const struct settlement *moved)
{
    struct ev_lease_ended event = {
        EVENT_HEAD_OF(x, by),  .lease = row->lease,
        .holder = row->holder, .operator= row->operator, .reason = row->end_reason,
        .end_s = row->end_s,
    };
    event.refunds.items = moved->returns.refunds;
    event.refunds.count = moved->returns.refunds_count;
    event.expired.items = moved->returns.expired;
    event.expired.count = moved->returns.expired_count;
    return event_log(x, &ev_lease_ended_message, &event);
}

void lease_put_ended(struct exchange *x, uint32_t by, const struct lease_row *row,
                     const struct settlement *moved)
{
    store_put(x->store, TABLE_LEASE, row);
    lease_log_ended(x, by, row, moved);
    trade_cut(x, row->trade, moved->given_up);
    resale_close(x, row->lease);
    ask_about(x, row->offer);
}

/* Nobody handed the lease over in time. */
static void lease_fail(struct exchange *x, const struct lease_row *found)
{
    struct lease_row row = *found;
    struct site_row site = *site_find(x, row.site);
    site.gpu_minutes_due += lease_gpu_minutes(x, &row);
    site.leases_failed++;
    store_put(x->store, TABLE_SITE, &site);
    /* The GPUs are free again from the deadline on, whenever the sweep comes. */
    uint64_t failed_s = minute_ceil(lease_activate_by(x, &row));
    row.end_reason = LEASE_END_NOT_ACTIVATED;
    row.paused_s = 0;
    struct settlement moved;
    settlement_cancel(x, &row, failed_s < row.end_s ? failed_s : row.end_s, &moved);
    lease_put_ended(x, 0, &row, &moved);
}

void lease_due(struct exchange *x, struct due_item item)
{
    const struct lease_row *row = lease_find(x, item.serial);
    if (row->state == LEASE_STATE_GRANTED)
        lease_fail(x, row);
    else
        period_missed(x, row->lease, row->meter_cursor);
}

/* --- Operations ---------------------------------------------------------------------------- */

static enum refusal lease_check_activate(const struct exchange *x, const struct actor *actor,
                                         const struct lease_row *row)
{
    if (row == NULL)
        return REFUSAL_lease_not_found;
    if (row->operator!= actor->account)
        return REFUSAL_not_owner;
    struct lease_row view = pause_view(x, row);
    switch (lease_state_now(x, row)) {
    case LEASE_STATE_GRANTED:
        return x->head.time_s < view.end_s ? REFUSAL_accepted : REFUSAL_lease_closed;
    case LEASE_STATE_FAILED:
        return REFUSAL_activation_too_late;
    default:
        return REFUSAL_lease_not_granted;
    }
}

enum refusal lease_activate(struct exchange *x, const struct actor *actor, const void *body,
                            struct result *out)
{
    const struct op_lease_activate *op = body;
    const struct lease_row *found = lease_find(x, op->lease);
    enum refusal refusal = lease_check_activate(x, actor, found);
    if (refusal != REFUSAL_accepted)
        return refusal;

    struct lease_row row = *found;
    row.state = LEASE_STATE_ACTIVE;
    row.activated_s = x->head.time_s;
    row.access_index = event_next_index(x);
    store_put(x->store, TABLE_LEASE, &row);
    struct ev_lease_activated event = {
        EVENT_HEAD_OF(x, actor->account),
        .lease = row.lease,
        .holder = row.holder,
        .access = op->access,
    };
    event_log(x, &ev_lease_activated_message, &event);
    out->object = row.lease;
    return REFUSAL_accepted;
}

/* Where the lease ends when this side ends it now: a paused one where its pause began. */
static uint64_t lease_early_end(const struct exchange *x, const struct lease_row *row, bool holder)
{
    const struct offer_row *offer = offer_row_find(x, row->offer);
    uint64_t now_s = minute_ceil(x->head.time_s);
    uint64_t since_s = pause_since(x, row);
    if (since_s != 0)
        return since_s;
    if (holder) {
        uint64_t least_s = row->start_s + (uint64_t)offer->lease_min_min * 60;
        return least_s > now_s ? least_s : now_s;
    }
    /* What has not begun ends where it would have begun: nothing is delivered, nothing is owed. */
    if (x->head.time_s < row->start_s)
        return row->start_s;
    return now_s + (uint64_t)offer->notice_min * 60;
}

/* Its capacity was taken out of the market for good, for somebody who may not want it any more but
 * has to find who does. What a guarantor elected has lowered its pool for good, too: to elect and
 * to give back would be to get rid of a backstop. */
static bool lease_is_committed(const struct exchange *x, const struct lease_row *row)
{
    const struct order_row *order = order_find(x, row->order);
    return row->elected || (order != NULL && order->profile == PROFILE_TRAINING);
}

static enum refusal lease_check_end(const struct exchange *x, const struct actor *actor,
                                    const struct lease_row *row)
{
    if (row == NULL)
        return REFUSAL_lease_not_found;
    bool holder = row->holder == actor->account;
    if (!holder && row->operator!= actor->account)
        return REFUSAL_not_owner;
    if (!holder && !row->preemptible)
        return REFUSAL_not_preemptible;
    enum lease_state state = lease_state_now(x, row);
    bool live =
        state == LEASE_STATE_GRANTED || state == LEASE_STATE_ACTIVE || state == LEASE_STATE_PAUSED;
    struct lease_row view = pause_view(x, row);
    if (!live || x->head.time_s >= view.end_s)
        return REFUSAL_lease_closed;
    if (holder && lease_is_committed(x, row))
        return REFUSAL_lease_committed;
    return lease_early_end(x, row, holder) < row->end_s ? REFUSAL_accepted : REFUSAL_lease_ending;
}

enum refusal lease_end(struct exchange *x, const struct actor *actor, const void *body,
                       struct result *out)
{
    const struct op_lease_end *op = body;
    const struct lease_row *found = lease_find(x, op->lease);
    enum refusal refusal = lease_check_end(x, actor, found);
    if (refusal != REFUSAL_accepted)
        return refusal;

    struct lease_row row = *found;
    bool holder = row.holder == actor->account;
    row.end_reason = holder ? LEASE_END_HOLDER : LEASE_END_OPERATOR;
    uint64_t end_s = lease_early_end(x, found, holder);
    row.paused_s = 0;
    struct settlement moved;
    settlement_shorten(x, &row, end_s, &moved);
    if (!holder) {
        struct site_row site = *site_find(x, row.site);
        site.leases_ended_by_operator++;
        store_put(x->store, TABLE_SITE, &site);
    }
    lease_put_ended(x, actor->account, &row, &moved);
    out->object = row.lease;
    out->token_count = moved.returns.refunds_count;
    out->token_first = moved.returns.refunds_count > 0 ? moved.returns.refunds[0].token : 0;
    return REFUSAL_accepted;
}
