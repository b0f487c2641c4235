#include "server/exchange/elastic.h"

#include <assert.h>

#include "protocol/moment.h"
#include "server/exchange/clock.h"
#include "server/exchange/deposit.h"
#include "server/exchange/due.h"
#include "server/exchange/event.h"
#include "server/exchange/lease.h"
#include "server/exchange/settlement.h"

/* --- When a lease is paused ---------------------------------------------------------------- */

static uint32_t period_at(const struct lease_row *lease, uint64_t time_s)
{
    return (uint32_t)((time_s - lease->start_s) / ((uint64_t)lease->meter_period_min * 60));
}

/* Whether `funds`, with what was paid already, cover all that the lease can come to cost up to the
 * end of a period, if `less` of that is not owed. A period that was metered costs its charge. */
static bool period_covered(const struct exchange *x, const struct lease_row *lease, uint32_t period,
                           gpu_minutes less, amount funds)
{
    gpu_minutes owed = relief_owed(x, lease, lease->start_s, lease_period_end(lease, period));
    gpu_minutes gone = lease->gpu_minutes_settled_due + lease->gpu_minutes_spared + less;
    gpu_minutes open = owed > gone ? owed - gone : 0;
    amount cost = 0;
    if (!amount_cost_rounded_up(lease->gpu_minutes_delivered + open, lease->price_ucr, &cost))
        return false;
    return cost - lease->paid_ucr <= funds;
}

bool pause_covers(const struct exchange *x, const struct lease_row *lease, uint64_t at_s,
                  amount funds)
{
    return period_covered(x, lease, period_at(lease, at_s), 0, funds);
}

/* Where the first period begins that the escrow does not cover; 0: it covers all. What is covered
 * once stays so: no period costs more when it is metered than it could have, or more when it is
 * settled than as charged. */
static uint64_t pause_foreseen(const struct exchange *x, const struct lease_row *lease)
{
    amount funds = settlement_held(x, lease);
    uint32_t low = 0;
    uint32_t high = lease_periods(lease);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (period_covered(x, lease, middle, 0, funds))
            low = middle + 1;
        else
            high = middle;
    }
    return low < lease_periods(lease) ? lease_period_start(lease, low) : 0;
}

static bool lease_may_pause(const struct lease_row *lease)
{
    return lease->elastic &&
           (lease->state == LEASE_STATE_GRANTED || lease->state == LEASE_STATE_ACTIVE);
}

uint64_t pause_since(const struct exchange *x, const struct lease_row *lease)
{
    if (!lease_may_pause(lease))
        return 0;
    if (lease->paused_s != 0)
        return lease->paused_s;
    uint64_t foreseen_s = pause_foreseen(x, lease);
    /* A lease that is not handed over in time fails, if that comes first. */
    bool failed = lease->state == LEASE_STATE_GRANTED && foreseen_s >= lease_activate_by(x, lease);
    return !failed && foreseen_s <= x->head.time_s ? foreseen_s : 0;
}

uint64_t pause_until(const struct exchange *x, const struct lease_row *lease, uint64_t since_s)
{
    uint64_t paid_s = (uint64_t)lease->funded_min * 60;
    uint64_t grace_s = paid_s < ELASTIC_GRACE_S ? paid_s : ELASTIC_GRACE_S;
    uint64_t until_s = clock_deadline(x, since_s, grace_s);
    return until_s < lease->end_s ? until_s : lease->end_s;
}

/* Where a pause that began at since_s ends the lease: one that was never handed over as if it had
 * not begun, so that nobody has failed. */
static uint64_t pause_end(const struct lease_row *lease, uint64_t since_s)
{
    return lease->state == LEASE_STATE_GRANTED ? lease->start_s : since_s;
}

bool pause_has_ended(const struct exchange *x, const struct lease_row *lease)
{
    uint64_t since_s = pause_since(x, lease);
    return since_s != 0 && x->head.time_s >= pause_until(x, lease, since_s);
}

struct lease_row pause_view(const struct exchange *x, const struct lease_row *lease)
{
    struct lease_row view = *lease;
    uint64_t since_s = pause_since(x, lease);
    if (since_s == 0)
        return view;
    view.paused_s = since_s;
    if (pause_has_ended(x, lease)) {
        view.end_s = pause_end(lease, since_s);
        view.end_reason = LEASE_END_UNFUNDED;
    }
    return view;
}

bool pause_next_due(const struct exchange *x, const struct lease_row *lease, uint64_t *due_out)
{
    if (!lease_may_pause(lease))
        return false;
    *due_out =
        lease->paused_s != 0 ? pause_until(x, lease, lease->paused_s) : pause_foreseen(x, lease);
    return *due_out != 0;
}

/* --- Pausing and ending -------------------------------------------------------------------- */

bool pause_take(const struct exchange *x, struct lease_row *lease)
{
    if (lease->paused_s != 0)
        return false;
    lease->paused_s = pause_since(x, lease);
    return lease->paused_s != 0;
}

void pause_log(struct exchange *x, const struct lease_row *lease)
{
    struct ev_lease_paused event = {
        EVENT_HEAD_OF(x, 0),
        .lease = lease->lease,
        .holder = lease->holder,
        .operator= lease->operator,
        .from_s = lease->paused_s,
        .until_s = pause_until(x, lease, lease->paused_s),
    };
    event_log(x, &ev_lease_paused_message, &event);
}

void pause_due(struct exchange *x, struct due_item item)
{
    struct lease_row row = *lease_find(x, item.serial);
    if (row.paused_s == 0) {
        row.paused_s = item.due_s;
        store_put(x->store, TABLE_LEASE, &row);
        pause_log(x, &row);
        return;
    }
    uint64_t since_s = row.paused_s;
    row.paused_s = 0;
    row.end_reason = LEASE_END_UNFUNDED;
    struct settlement moved;
    settlement_shorten(x, &row, pause_end(&row, since_s), &moved);
    lease_put_ended(x, 0, &row, &moved);
}

/* --- Going on ------------------------------------------------------------------------------ */

/* The pause is over: what was not owed meanwhile stays so. */
static void lease_resume(struct exchange *x, struct lease_row *lease, uint64_t since_s,
                         uint64_t resume_s)
{
    lease->paused_s = 0;
    lease->resumed_s = resume_s;
    if (since_s < resume_s) {
        struct relief_row relief = {
            .kind = RELIEF_KIND_PAUSE,
            .start_s = since_s,
            .end_s = resume_s,
            .gpus = lease->gpus,
        };
        lease->gpu_minutes_paused += relief_owed(x, lease, since_s, resume_s);
        relief_add(x, lease, &relief);
    }
    lease->cost_ucr = settlement_cost(x, lease);
}

uint64_t pause_lift(struct exchange *x, struct lease_row *lease)
{
    uint64_t since_s = lease->paused_s;
    uint64_t resume_s = minute_ceil(x->head.time_s);
    if (!lease_may_pause(lease) || since_s == 0 || resume_s >= lease->end_s ||
        pause_has_ended(x, lease))
        return 0;
    gpu_minutes paused = relief_owed(x, lease, since_s, resume_s);
    if (!period_covered(x, lease, period_at(lease, resume_s), paused, settlement_held(x, lease)))
        return 0;
    lease_resume(x, lease, since_s, resume_s);
    return since_s;
}

void pause_lift_log(struct exchange *x, const struct lease_row *lease, uint64_t since_s)
{
    struct ev_lease_resumed event = {
        EVENT_HEAD_OF(x, 0),
        .lease = lease->lease,
        .holder = lease->holder,
        .operator= lease->operator,
        .from_s = since_s,
        .until_s = minute_ceil(x->head.time_s),
    };
    event_log(x, &ev_lease_resumed_message, &event);
}

/* --- Funding ------------------------------------------------------------------------------- */

/* What funding a lease comes to. */
struct refill {
    struct deposit deposit;
    uint64_t since_s;   /* the pause; 0: none */
    uint64_t resume_s;  /* where the lease would go on */
    gpu_minutes paused; /* not owed then, for the pause */
    amount held;
    amount takes; /* of the tokens */
    bool resumes;
};

static void refill_work_out(const struct exchange *x, const struct lease_row *lease,
                            struct refill *f)
{
    f->held = settlement_held(x, lease);
    f->since_s = pause_since(x, lease);
    f->resume_s = minute_ceil(x->head.time_s);
    if (f->since_s != 0 && f->resume_s < lease->end_s)
        f->paused = relief_owed(x, lease, f->since_s, f->resume_s);
    amount most = settlement_needed_without(x, lease, f->paused);
    amount room = most > f->held ? most - f->held : 0;
    f->takes = f->deposit.funding.total < room ? f->deposit.funding.total : room;
    if (f->since_s == 0 || f->resume_s >= lease->end_s)
        return;
    f->resumes =
        period_covered(x, lease, period_at(lease, f->resume_s), f->paused, f->held + f->takes);
}

static enum refusal fund_check(struct exchange *x, const struct actor *actor,
                               const struct op_lease_fund *op, const struct lease_row *lease,
                               struct refill *f)
{
    if (lease != NULL && lease->holder != actor->account)
        return REFUSAL_not_owner;
    if (op->tokens.count == 0)
        return REFUSAL_malformed;
    enum refusal refusal =
        deposit_read(x, actor, op->tokens.items, op->tokens.count, lease, &f->deposit);
    if (lease == NULL)
        return refusal_first(refusal, REFUSAL_lease_not_found);
    enum lease_state state = lease_state_now(x, lease);
    bool live =
        state == LEASE_STATE_GRANTED || state == LEASE_STATE_ACTIVE || state == LEASE_STATE_PAUSED;
    if (!live || x->head.time_s >= pause_view(x, lease).end_s)
        return refusal_first(refusal, REFUSAL_lease_closed);
    if (!lease->elastic)
        return refusal_first(refusal, REFUSAL_not_elastic);
    if (refusal != REFUSAL_accepted)
        return refusal;
    refill_work_out(x, lease, f);
    return f->takes == 0 && !f->resumes ? REFUSAL_not_elastic : REFUSAL_accepted;
}

static void fund_log(struct exchange *x, const struct actor *actor, const struct lease_row *lease,
                     const struct refill *f)
{
    const struct deposit *d = &f->deposit;
    uint64_t *tokens = scratch_alloc(x, d->count * sizeof(*tokens));
    for (uint32_t i = 0; i < d->count; i++)
        tokens[i] = d->tokens[i].token;
    struct ev_lease_funded event = {
        EVENT_HEAD_OF(x, actor->account),       .lease = lease->lease,
        .tokens = {tokens, d->count},           .operator= lease->operator, .resumed = f->resumes,
        .escrow = {d->escrow, d->escrow_count}, .change = {d->change, d->change_count},
    };
    event_log(x, &ev_lease_funded_message, &event);
}

enum refusal lease_fund(struct exchange *x, const struct actor *actor, const void *body,
                        struct result *out)
{
    const struct op_lease_fund *op = body;
    const struct lease_row *found = lease_find(x, op->lease);
    struct refill f = {.takes = 0};
    enum refusal refusal = fund_check(x, actor, op, found, &f);
    if (refusal != REFUSAL_accepted)
        return refusal;

    struct lease_row row = *found;
    bool paused = pause_take(x, &row);
    deposit_make(x, &f.deposit, &row, f.takes);
    if (f.resumes)
        lease_resume(x, &row, f.since_s, f.resume_s);
    store_put(x->store, TABLE_LEASE, &row);
    fund_log(x, actor, &row, &f);
    if (paused && !f.resumes)
        pause_log(x, &row);
    out->object = row.lease;
    out->token_count = f.deposit.change_count;
    out->token_first = f.deposit.change_count > 0 ? f.deposit.change[0].token : 0;
    return REFUSAL_accepted;
}
