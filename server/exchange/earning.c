#include "server/exchange/earning.h"

#include <assert.h>

#include "server/exchange/flow.h"
#include "server/exchange/ledger.h"

/* The shares of a settlement by series: owners of one series' rows are put together. */
static void earning_collect(struct earning *e, const struct settlement *moved)
{
    for (uint32_t i = 0; i < moved->paid_count; i++) {
        uint32_t at = 0;
        while (at < e->count && e->shares[at].series != moved->paid[i].series)
            at++;
        if (at == e->count)
            e->shares[e->count++] = (struct share){.series = moved->paid[i].series};
        e->shares[at].amount_ucr += moved->paid[i].amount_ucr;
    }
}

/* Who has used what was paid for: its part takes the GPU-minutes; where it paid nothing, the first.
 */
static uint32_t earning_user(const struct lease_row *lease, const struct settlement *moved)
{
    for (uint32_t i = 0; i < moved->paid_count; i++) {
        if (moved->payers[i] == lease->holder)
            return i;
    }
    return 0;
}

/* What the holder, and who sold the lease on below its price, paid of the period. */
static void earning_put_payments(struct exchange *x, const struct earning *e,
                                 const struct settlement *moved)
{
    for (uint32_t i = 0; i <= moved->paid_count; i++) {
        struct payment_row row = {
            .lease = e->lease->lease,
            .period = e->period,
            .payer = i == 0 ? e->lease->holder : moved->payers[i - 1],
        };
        const struct payment_row *found = store_find(x->store, TABLE_PAYMENT, &row);
        row.amount_ucr = found ? found->amount_ucr : 0;
        row.amount_ucr += i == 0 ? 0 : moved->paid[i - 1].amount_ucr;
        store_put(x->store, TABLE_PAYMENT, &row);
    }
}

/* Each part was paid by the owner of its row of the escrow. */
static void earning_book(struct exchange *x, const struct earning *e, const struct flow *why,
                         const struct settlement *moved)
{
    uint32_t user = earning_user(e->lease, moved);
    for (uint32_t i = 0; i < moved->paid_count; i++) {
        struct flow each = *why;
        each.gpu_minutes = i == user ? why->gpu_minutes : 0;
        flow_add(x, &each, moved->payers[i], e->lease->operator, moved->paid[i].series,
                 moved->paid[i].amount_ucr);
    }
    if (moved->shared)
        earning_put_payments(x, e, moved);
}

amount earning_deduct(struct exchange *x, struct earning *e, uint32_t payee, amount a,
                      enum flow_kind kind, struct share *out, uint32_t *count_out)
{
    const struct flow why = {.kind = kind, .site = e->lease->site, .sku = e->lease->sku};
    amount held[ESCROW_ROWS_MAX], parts[ESCROW_ROWS_MAX];
    amount total = a < e->left ? a : e->left;
    for (uint32_t i = 0; i < e->count; i++)
        held[i] = e->shares[i].amount_ucr;
    bool covered = amount_split_pro_rata(total, held, e->count, parts);
    assert(covered);
    uint32_t count = 0;
    for (uint32_t i = 0; i < e->count; i++) {
        if (parts[i] == 0)
            continue;
        uint32_t series = e->shares[i].series;
        ledger_move(x, series, (struct ledger_place){LEDGER_BALANCE, e->lease->operator},
                    (struct ledger_place){LEDGER_BALANCE, payee}, parts[i]);
        e->shares[i].amount_ucr -= parts[i];
        out[count++] = (struct share){.series = series, .amount_ucr = parts[i]};
    }
    e->left -= total;
    flow_add_shares(x, &why, e->lease->operator, payee, out, count);
    *count_out = count;
    return total;
}

void earning_follow(struct exchange *x, const struct lease_row *lease, uint32_t period,
                    gpu_minutes delivered, const struct settlement *moved)
{
    struct earning e = {
        .lease = lease, .period = period, .gross = moved->paid_ucr, .left = moved->paid_ucr};
    const struct flow why = {
        .kind = lease->elected ? FLOW_KIND_ELECTED : FLOW_KIND_LEASE,
        .site = lease->site,
        .sku = lease->sku,
        .gpu_minutes = delivered,
    };
    earning_collect(&e, moved);
    earning_book(x, &e, &why, moved);
    if (lease->elected || e.gross == 0)
        return;
    for (uint32_t i = 0; i < moved->paid_count; i++)
        grant_spent(x, moved->payers[i], moved->paid[i].series, moved->paid[i].amount_ucr);
    guarantee_recover(x, &e);
    revshare_deduct(x, &e);
}
