#include "server/exchange/period.h"

#include "protocol/amount.h"
#include "server/exchange/due.h"
#include "server/exchange/earning.h"
#include "server/exchange/elastic.h"
#include "server/exchange/event.h"
#include "server/exchange/settlement.h"
#include "server/exchange/site.h"

enum period_state period_state(const struct period_row *row)
{
    return row != NULL ? (enum period_state)row->state : PERIOD_STATE_OPEN;
}

/* --- Settling one period ------------------------------------------------------------------- */

gpu_minutes period_charge(const struct exchange *x, const struct lease_row *lease,
                          const struct period_row *period)
{
    gpu_minutes available = lease_period_available(x, lease, period->period);
    gpu_minutes least =
        (gpu_minutes)(((wide)available * lease->least_charge_ppm + 999999) / 1000000);
    return period->gpu_minutes_metered > least ? period->gpu_minutes_metered : least;
}

gpu_minutes period_spared(const struct exchange *x, const struct lease_row *lease,
                          const struct period_row *period)
{
    gpu_minutes charge = period_charge(x, lease, period);
    return charge < period->gpu_minutes_due ? period->gpu_minutes_due - charge : 0;
}

/* Settles a period whose row the caller has filled in but not put, and puts period, lease and site.
 * `lease` is a copy of the lease's row. Returns what pause_lift() does. */
static uint64_t period_settle(struct exchange *x, struct lease_row *lease,
                              struct period_row *period, gpu_minutes delivered,
                              struct settlement *moved_out)
{
    struct site_row site = *site_find(x, lease->site);
    site.gpu_minutes_due += period->gpu_minutes_due;
    site.gpu_minutes_delivered += delivered;
    if (period->metered_s != 0)
        lease->gpu_minutes_spared -= period_spared(x, lease, period);
    period->state = PERIOD_STATE_SETTLED;
    period->gpu_minutes_settled = delivered;
    settlement_period(x, lease, period->gpu_minutes_due, delivered, moved_out);
    uint64_t lifted_s = pause_lift(x, lease);
    store_put(x->store, TABLE_PERIOD, period);
    store_put(x->store, TABLE_LEASE, lease);
    store_put(x->store, TABLE_SITE, &site);
    return lifted_s;
}

static void period_log_settled(struct exchange *x, const struct lease_row *lease,
                               const struct period_row *period, const struct settlement *moved,
                               uint64_t lifted_s)
{
    struct ev_lease_settled event = {
        EVENT_HEAD_OF(x, 0),
        .lease = lease->lease,
        .holder = lease->holder,
        .operator= lease->operator,
        .period = period->period,
        .gpu_minutes = period->gpu_minutes_settled,
        .paid_ucr = moved->paid_ucr,
        .last = lease->state == LEASE_STATE_SETTLED,
    };
    event.paid.items = moved->paid;
    event.paid.count = moved->paid_count;
    event.refunds.items = moved->returns.refunds;
    event.refunds.count = moved->returns.refunds_count;
    event.expired.items = moved->returns.expired;
    event.expired.count = moved->returns.expired_count;
    event_log(x, &ev_lease_settled_message, &event);
    if (lifted_s != 0)
        pause_lift_log(x, lease, lifted_s);
    earning_follow(x, lease, period->period, period->gpu_minutes_settled, moved);
}

/* Moves the cursor to the first period without a row; `taken` is getting its row now. */
static void lease_advance_cursor(const struct exchange *x, struct lease_row *lease, uint32_t taken)
{
    uint32_t periods = lease_periods(lease);
    while (
        lease->meter_cursor < periods &&
        (lease->meter_cursor == taken || period_find(x, lease->lease, lease->meter_cursor) != NULL))
        lease->meter_cursor++;
}

void period_missed(struct exchange *x, uint64_t lease, uint32_t period)
{
    struct lease_row row = *lease_find(x, lease);
    struct period_row missed = {
        .lease = lease,
        .period = period,
        .gpu_minutes_due = lease_period_gpu_minutes(x, &row, period),
    };
    lease_advance_cursor(x, &row, period);
    struct settlement moved;
    uint64_t lifted_s = period_settle(x, &row, &missed, 0, &moved);
    period_log_settled(x, &row, &missed, &moved, lifted_s);
}

void period_due(struct exchange *x, struct due_item item)
{
    struct lease_row lease = *lease_find(x, item.serial);
    struct period_row period = *period_find(x, item.serial, item.part);
    struct settlement moved;
    uint64_t lifted_s =
        period_settle(x, &lease, &period, period_charge(x, &lease, &period), &moved);
    period_log_settled(x, &lease, &period, &moved, lifted_s);
}

/* --- Operations ---------------------------------------------------------------------------- */

enum who {
    WHO_HOLDER,
    WHO_OPERATOR,
    WHO_ADMIN,
};

/* The lease as the time says, in *view; NULL when there is none. */
static const struct lease_row *lease_view(const struct exchange *x, const struct lease_row *lease,
                                          struct lease_row *view)
{
    if (lease == NULL)
        return NULL;
    *view = pause_view(x, lease);
    return view;
}

/* A pause that was taken into the row, or has ended. */
static void pause_log_change(struct exchange *x, const struct lease_row *lease, bool taken,
                             uint64_t lifted_s)
{
    if (lifted_s != 0)
        pause_lift_log(x, lease, lifted_s);
    else if (taken)
        pause_log(x, lease);
}

/* What metering, disputing and deciding look at first. */
static enum refusal period_check(const struct actor *actor, const struct lease_row *lease,
                                 uint32_t period, enum who who)
{
    if (lease == NULL)
        return REFUSAL_lease_not_found;
    if ((who == WHO_HOLDER && lease->holder != actor->account) ||
        (who == WHO_OPERATOR && lease->operator!= actor->account))
        return REFUSAL_not_owner;
    if (lease->activated_s == 0)
        return REFUSAL_lease_not_active;
    if (period >= lease_periods(lease))
        return REFUSAL_period_not_found;
    return REFUSAL_accepted;
}

static enum refusal meter_check(const struct exchange *x, const struct actor *actor,
                                const struct op_lease_meter *op, const struct lease_row *lease)
{
    enum refusal refusal = period_check(actor, lease, op->period, WHO_OPERATOR);
    if (refusal != REFUSAL_accepted)
        return refusal;
    /* One that begins in a pause may not be there when that is over. */
    bool waits = lease->paused_s != 0 && lease_period_start(lease, op->period) >= lease->paused_s;
    if (waits || x->head.time_s < lease_period_end(lease, op->period))
        return REFUSAL_period_not_over;
    if (x->head.time_s >= lease_meter_by(x, lease, op->period))
        return REFUSAL_meter_too_late;
    if (period_find(x, op->lease, op->period) != NULL)
        return REFUSAL_already_metered;
    if (op->gpu_minutes > lease_period_available(x, lease, op->period))
        return REFUSAL_meter_too_large;
    return REFUSAL_accepted;
}

enum refusal lease_meter(struct exchange *x, const struct actor *actor, const void *body,
                         struct result *out)
{
    const struct op_lease_meter *op = body;
    const struct lease_row *found = lease_find(x, op->lease);
    struct lease_row view;
    enum refusal refusal = meter_check(x, actor, op, lease_view(x, found, &view));
    if (refusal != REFUSAL_accepted)
        return refusal;

    struct lease_row lease = *found;
    struct period_row period = {
        .lease = op->lease,
        .period = op->period,
        .state = PERIOD_STATE_METERED,
        .metered_s = x->head.time_s,
        .gpu_minutes_due = lease_period_gpu_minutes(x, &lease, op->period),
        .gpu_minutes_metered = op->gpu_minutes,
    };
    lease_advance_cursor(x, &lease, op->period);
    bool paused = pause_take(x, &lease);
    lease.gpu_minutes_spared += period_spared(x, &lease, &period);
    uint64_t lifted_s = pause_lift(x, &lease);
    store_put(x->store, TABLE_PERIOD, &period);
    store_put(x->store, TABLE_LEASE, &lease);
    struct ev_lease_metered event = {
        EVENT_HEAD_OF(x, actor->account), .lease = op->lease,
        .holder = lease.holder,           .period = op->period,
        .gpu_minutes = op->gpu_minutes,
    };
    event_log(x, &ev_lease_metered_message, &event);
    pause_log_change(x, &lease, paused, lifted_s);
    out->object = op->lease;
    return REFUSAL_accepted;
}

static enum refusal dispute_check(const struct exchange *x, const struct actor *actor,
                                  const struct op_lease_dispute *op, const struct lease_row *lease)
{
    enum refusal refusal = period_check(actor, lease, op->period, WHO_HOLDER);
    if (refusal != REFUSAL_accepted)
        return refusal;
    const struct period_row *period = period_find(x, op->lease, op->period);
    /* A period that settled without a report has a row, too. */
    if (period == NULL || period->metered_s == 0)
        return REFUSAL_not_metered;
    if (x->head.time_s >= lease_dispute_by(x, period))
        return REFUSAL_dispute_too_late;
    if (period->state != PERIOD_STATE_METERED)
        return REFUSAL_already_disputed;
    /* What is disputed is the charge: it is due whatever less was metered. */
    if (op->gpu_minutes >= period_charge(x, lease, period))
        return REFUSAL_claim_too_large;
    return REFUSAL_accepted;
}

enum refusal lease_dispute(struct exchange *x, const struct actor *actor, const void *body,
                           struct result *out)
{
    const struct op_lease_dispute *op = body;
    const struct lease_row *lease = lease_find(x, op->lease);
    struct lease_row view;
    enum refusal refusal = dispute_check(x, actor, op, lease_view(x, lease, &view));
    if (refusal != REFUSAL_accepted)
        return refusal;

    struct period_row period = *period_find(x, op->lease, op->period);
    period.state = PERIOD_STATE_DISPUTED;
    period.gpu_minutes_claimed = op->gpu_minutes;
    store_put(x->store, TABLE_PERIOD, &period);
    struct ev_lease_disputed event = {
        EVENT_HEAD_OF(x, actor->account),
        .lease = op->lease,
        .operator= lease->operator,
        .period = op->period,
        .gpu_minutes = op->gpu_minutes,
        .reason = op->reason,
    };
    event_log(x, &ev_lease_disputed_message, &event);
    out->object = op->lease;
    return REFUSAL_accepted;
}

static enum refusal decide_check(const struct exchange *x, const struct actor *actor,
                                 const struct op_dispute_decide *op, const struct lease_row *lease)
{
    enum refusal refusal = period_check(actor, lease, op->period, WHO_ADMIN);
    if (refusal != REFUSAL_accepted)
        return refusal;
    const struct period_row *period = period_find(x, op->lease, op->period);
    bool disputed = period_state(period) == PERIOD_STATE_DISPUTED;
    /* Its escrow may hold no more for the period than what is charged comes to. */
    gpu_minutes most = lease->elastic && disputed ? period_charge(x, lease, period)
                                                  : lease_period_gpu_minutes(x, lease, op->period);
    if (op->gpu_minutes > most)
        return REFUSAL_meter_too_large;
    if (!disputed)
        return REFUSAL_not_disputed;
    return REFUSAL_accepted;
}

enum refusal dispute_decide(struct exchange *x, const struct actor *actor, const void *body,
                            struct result *out)
{
    const struct op_dispute_decide *op = body;
    const struct lease_row *found = lease_find(x, op->lease);
    struct lease_row view;
    enum refusal refusal = decide_check(x, actor, op, lease_view(x, found, &view));
    if (refusal != REFUSAL_accepted)
        return refusal;

    struct lease_row lease = *found;
    struct period_row period = *period_find(x, op->lease, op->period);
    bool paused = pause_take(x, &lease);
    struct settlement moved;
    uint64_t lifted_s = period_settle(x, &lease, &period, op->gpu_minutes, &moved);
    struct ev_dispute_decided event = {
        EVENT_HEAD_OF(x, actor->account), .lease = op->lease,
        .holder = lease.holder,           .operator= lease.operator, .period = op->period,
        .gpu_minutes = op->gpu_minutes,   .reason = op->reason,
        .paid_ucr = moved.paid_ucr,
    };
    event.paid.items = moved.paid;
    event.paid.count = moved.paid_count;
    event.refunds.items = moved.returns.refunds;
    event.refunds.count = moved.returns.refunds_count;
    event.expired.items = moved.returns.expired;
    event.expired.count = moved.returns.expired_count;
    event_log(x, &ev_dispute_decided_message, &event);
    pause_log_change(x, &lease, paused, lifted_s);
    earning_follow(x, &lease, op->period, op->gpu_minutes, &moved);
    out->object = op->lease;
    out->token_count = moved.returns.refunds_count;
    out->token_first = moved.returns.refunds_count > 0 ? moved.returns.refunds[0].token : 0;
    return REFUSAL_accepted;
}
