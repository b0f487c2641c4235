#include "server/exchange/settlement.h"

#include <assert.h>
#include <string.h>

#include "protocol/moment.h"
#include "server/exchange/backstop.h"
#include "server/exchange/escrow.h"
#include "server/exchange/ledger.h"
#include "server/exchange/lease.h"
#include "server/exchange/token.h"
#include "server/exchange/trade.h"

/* A share takes at most 1 + 5 + 9 bytes, an issued token 1 + 9 + 5 + 5 + 9; no event of a lease has
 * more than two lists of each. */
static_assert(ESCROW_ROWS_MAX * (2 * 15 + 2 * 29) + 1024 < EVENT_BYTES_MAX,
              "an event of a lease fits");

static struct escrow escrow_of(const struct exchange *x, const struct lease_row *lease)
{
    return escrow_read(x, ESCROW_KIND_LEASE, lease->lease, lease->escrow_series);
}

amount settlement_held(const struct exchange *x, const struct lease_row *lease)
{
    return escrow_of(x, lease).total;
}

/* The cost that the lease was granted with fits, and this is for no more GPU-minutes. */
static amount cost_of(const struct lease_row *lease, gpu_minutes minutes)
{
    amount cost = 0;
    bool fits = amount_cost_rounded_up(minutes, lease->price_ucr, &cost);
    assert(fits);
    return cost;
}

amount settlement_cost(const struct exchange *x, const struct lease_row *lease)
{
    return cost_of(lease, lease_gpu_minutes(x, lease));
}

amount settlement_needed_without(const struct exchange *x, const struct lease_row *lease,
                                 gpu_minutes minutes)
{
    if (lease->state == LEASE_STATE_SETTLED || lease->state == LEASE_STATE_FAILED)
        return 0;
    gpu_minutes possible = lease_gpu_minutes(x, lease) - lease->gpu_minutes_settled_due;
    possible = minutes < possible ? possible - minutes : 0;
    return cost_of(lease, lease->gpu_minutes_delivered + possible) - lease->paid_ucr;
}

amount settlement_needed(const struct exchange *x, const struct lease_row *lease)
{
    return settlement_needed_without(x, lease, 0);
}

static void escrow_pay(struct exchange *x, struct lease_row *lease, struct escrow *e, amount total,
                       struct settlement *out)
{
    amount parts[ESCROW_ROWS_MAX];
    bool covered = amount_split_pro_rata(total, e->held, e->count, parts);
    assert(covered);
    for (uint32_t i = 0; i < e->count; i++) {
        out->shared = out->shared || e->rows[i].owner != lease->holder;
        if (parts[i] == 0)
            continue;
        ledger_move(x, e->rows[i].series, (struct ledger_place){LEDGER_ESCROW, e->rows[i].owner},
                    (struct ledger_place){LEDGER_BALANCE, lease->operator}, parts[i]);
        out->payers[out->paid_count] = e->rows[i].owner;
        out->paid[out->paid_count++] =
            (struct share){.series = e->rows[i].series, .amount_ucr = parts[i]};
        escrow_lower(x, e, i, parts[i]);
    }
    out->paid_ucr = total;
    lease->paid_ucr += total;
}

static void escrow_refund(struct exchange *x, struct lease_row *lease, struct escrow *e,
                          amount total, struct settlement *out)
{
    escrow_return(x, e, total, &out->returns);
    lease->refunded_ucr += total;
}

/* Gives back what the lease can no longer cost. When nothing of it is open any more, its escrow
 * rows, empty by then, go. */
static void escrow_settle(struct exchange *x, struct lease_row *lease, struct escrow *e,
                          struct settlement *out)
{
    amount needed = settlement_needed(x, lease);
    assert(e->total >= needed || lease->elastic);
    if (e->total > needed)
        escrow_refund(x, lease, e, e->total - needed, out);
    if (lease->state != LEASE_STATE_SETTLED && lease->state != LEASE_STATE_FAILED)
        return;
    escrow_close(x, e);
    lease->escrow_series = 0;
}

/* The lease is settled once all its periods are. */
static void lease_close(struct lease_row *lease)
{
    if (lease->periods_settled < lease_periods(lease))
        return;
    lease->state = LEASE_STATE_SETTLED;
    if (lease->end_reason == LEASE_END_NOT_YET)
        lease->end_reason = LEASE_END_COMPLETED;
}

void settlement_period(struct exchange *x, struct lease_row *lease, gpu_minutes due,
                       gpu_minutes delivered, struct settlement *out)
{
    memset(out, 0, sizeof(*out));
    struct escrow e = escrow_of(x, lease);
    lease->gpu_minutes_settled_due += due;
    lease->gpu_minutes_delivered += delivered;
    lease->periods_settled++;
    amount earned = cost_of(lease, lease->gpu_minutes_delivered);
    escrow_pay(x, lease, &e, earned - lease->paid_ucr, out);
    lease_close(lease);
    escrow_settle(x, lease, &e, out);
}

/* The lease ends at end_s, for the reason that it has. */
static void lease_cut(struct exchange *x, struct lease_row *lease, uint64_t end_s)
{
    if (lease_end_party(lease->end_reason) == PARTY_OPERATOR)
        relief_withhold(x, lease, end_s);
    relief_cut(x, lease, end_s);
    lease->end_s = end_s;
}

void settlement_shorten(struct exchange *x, struct lease_row *lease, uint64_t end_s,
                        struct settlement *out)
{
    /* A lease that was paused ends in the past; nobody else could have its GPUs meanwhile. */
    if (end_s < minute_floor(x->head.time_s))
        backstop_catch_up_site(x, lease->site);
    memset(out, 0, sizeof(*out));
    struct escrow e = escrow_of(x, lease);
    out->given_up = trade_given_up(x, lease, end_s);
    lease_cut(x, lease, end_s);
    lease->cost_ucr = settlement_cost(x, lease);
    lease_close(lease);
    escrow_settle(x, lease, &e, out);
}

void settlement_cancel(struct exchange *x, struct lease_row *lease, uint64_t end_s,
                       struct settlement *out)
{
    memset(out, 0, sizeof(*out));
    struct escrow e = escrow_of(x, lease);
    out->given_up = trade_given_up(x, lease, lease->start_s);
    lease_cut(x, lease, end_s);
    lease->state = LEASE_STATE_FAILED;
    lease->cost_ucr = 0;
    escrow_settle(x, lease, &e, out);
}
