#include "server/exchange/settlement.h"

#include <assert.h>
#include <string.h>

#include "server/exchange/ledger.h"
#include "server/exchange/lease.h"
#include "server/exchange/token.h"

/* The escrow rows of a lease, by place. */
struct escrow {
    struct escrow_row rows[ORDER_SERIES_MAX];
    amount held[ORDER_SERIES_MAX];
    size_t count;
    amount total;
};

static struct escrow escrow_read(const struct exchange *x, const struct lease_row *lease)
{
    struct escrow e = {.count = 0};
    for (uint32_t place = 0; place < lease->escrow_series && place < ORDER_SERIES_MAX; place++) {
        struct escrow_row key = {.lease = lease->lease, .place = place};
        const struct escrow_row *row = store_find(x->store, TABLE_ESCROW, &key);
        if (row == NULL)
            continue;
        e.rows[e.count] = *row;
        e.held[e.count++] = row->amount_ucr;
        e.total += row->amount_ucr;
    }
    return e;
}

static void escrow_lower(struct exchange *x, struct escrow *e, size_t i, amount by)
{
    e->held[i] -= by;
    e->total -= by;
    e->rows[i].amount_ucr = e->held[i];
    store_put(x->store, TABLE_ESCROW, &e->rows[i]);
}

amount settlement_held(const struct exchange *x, const struct lease_row *lease)
{
    return escrow_read(x, lease).total;
}

/* The cost that the lease was granted with fits, and this is for no more GPU-minutes. */
static amount cost_of(const struct lease_row *lease, gpu_minutes minutes)
{
    amount cost = 0;
    bool fits = amount_cost_rounded_up(minutes, lease->price_ucr, &cost);
    assert(fits);
    return cost;
}

amount settlement_needed(const struct lease_row *lease)
{
    if (lease->state == LEASE_STATE_SETTLED || lease->state == LEASE_STATE_FAILED)
        return 0;
    gpu_minutes possible = lease_gpu_minutes(lease) - lease->gpu_minutes_settled_due;
    return cost_of(lease, lease->gpu_minutes_delivered + possible) - lease->paid_ucr;
}

static void escrow_split(const struct escrow *e, amount total, amount parts_out[ORDER_SERIES_MAX])
{
    bool covered = amount_split_pro_rata(total, e->held, e->count, parts_out);
    assert(covered);
}

static void escrow_pay(struct exchange *x, struct lease_row *lease, struct escrow *e, amount total,
                       struct settlement *out)
{
    amount parts[ORDER_SERIES_MAX];
    escrow_split(e, total, parts);
    for (size_t i = 0; i < e->count; i++) {
        if (parts[i] == 0)
            continue;
        ledger_move(x, e->rows[i].series, (struct ledger_place){LEDGER_ESCROW, lease->holder},
                    (struct ledger_place){LEDGER_BALANCE, lease->operator}, parts[i]);
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
    amount parts[ORDER_SERIES_MAX];
    escrow_split(e, total, parts);
    for (size_t i = 0; i < e->count; i++) {
        if (parts[i] == 0)
            continue;
        uint32_t series = e->rows[i].series;
        struct ledger_place from = {LEDGER_ESCROW, lease->holder};
        if (token_refund(x, series, lease->holder, parts[i], from,
                         &out->refunds[out->refunds_count]))
            out->refunds_count++;
        else
            out->expired[out->expired_count++] =
                (struct share){.series = series, .amount_ucr = parts[i]};
        escrow_lower(x, e, i, parts[i]);
    }
    lease->refunded_ucr += total;
}

/* Gives back what the lease can no longer cost. When nothing of it is open any more, its escrow
 * rows, empty by then, go. */
static void escrow_settle(struct exchange *x, struct lease_row *lease, struct escrow *e,
                          struct settlement *out)
{
    escrow_refund(x, lease, e, e->total - settlement_needed(lease), out);
    if (lease->state != LEASE_STATE_SETTLED && lease->state != LEASE_STATE_FAILED)
        return;
    assert(e->total == 0);
    for (size_t i = 0; i < e->count; i++)
        store_remove(x->store, TABLE_ESCROW, &e->rows[i]);
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
    struct escrow e = escrow_read(x, lease);
    lease->gpu_minutes_settled_due += due;
    lease->gpu_minutes_delivered += delivered;
    lease->periods_settled++;
    amount earned = cost_of(lease, lease->gpu_minutes_delivered);
    escrow_pay(x, lease, &e, earned - lease->paid_ucr, out);
    lease_close(lease);
    escrow_settle(x, lease, &e, out);
}

void settlement_shorten(struct exchange *x, struct lease_row *lease, uint64_t end_s,
                        struct settlement *out)
{
    memset(out, 0, sizeof(*out));
    struct escrow e = escrow_read(x, lease);
    lease->end_s = end_s;
    lease->cost_ucr = cost_of(lease, lease_gpu_minutes(lease));
    lease_close(lease);
    escrow_settle(x, lease, &e, out);
}

void settlement_cancel(struct exchange *x, struct lease_row *lease, struct settlement *out)
{
    memset(out, 0, sizeof(*out));
    struct escrow e = escrow_read(x, lease);
    lease->state = LEASE_STATE_FAILED;
    lease->cost_ucr = 0;
    escrow_settle(x, lease, &e, out);
}
