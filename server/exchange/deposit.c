#include "server/exchange/deposit.h"

#include <assert.h>

#include "server/exchange/key.h"
#include "server/exchange/ledger.h"
#include "server/exchange/resale.h"
#include "server/exchange/series.h"
#include "server/exchange/site.h"
#include "server/exchange/token.h"

/* How many rows the escrow would have more. */
static uint32_t deposit_rows(const struct exchange *x, const struct lease_row *lease,
                             const struct funding *funding)
{
    uint32_t rows = 0;
    struct escrow e = escrow_read(x, ESCROW_KIND_LEASE, lease->lease, lease->escrow_series);
    for (uint32_t i = 0; i < funding->count; i++) {
        uint32_t at = 0;
        while (at < e.count && (e.rows[at].series != funding->series[i]->series ||
                                e.rows[at].owner != lease->holder))
            at++;
        rows += at == e.count;
    }
    return rows;
}

/* Whether each series may be redeemed for the lease, and its escrow has room for all of them. */
static enum refusal deposit_check(const struct exchange *x, const struct lease_row *lease,
                                  const struct funding *funding)
{
    const struct site_row *site = site_find(x, lease->site);
    enum refusal refusal = REFUSAL_accepted;
    for (uint32_t i = 0; i < funding->count; i++) {
        if (!series_allows(funding->series[i], lease->sku, site->region, lease->profile))
            refusal = REFUSAL_series_restricted;
    }
    uint32_t more = deposit_rows(x, lease, funding);
    if (more > 0 && lease->escrow_series + more > RESALE_ROWS_MAX)
        refusal = refusal_first(refusal, REFUSAL_series_mixed);
    return refusal;
}

enum refusal deposit_read(struct exchange *x, const struct actor *actor, const uint64_t *numbers,
                          uint32_t count, const struct lease_row *lease, struct deposit *out)
{
    out->count = count;
    out->funding.count = 0;
    out->funding.total = 0;
    out->change_count = 0;
    out->escrow_count = 0;
    enum refusal refusal = tokens_resolve(x, actor, numbers, count, &out->tokens);
    if (refusal == REFUSAL_accepted)
        refusal = funding_from_tokens(x, out->tokens, count, &out->funding);
    if (refusal == REFUSAL_accepted && lease != NULL)
        refusal = deposit_check(x, lease, &out->funding);
    return refusal;
}

void deposit_make(struct exchange *x, struct deposit *d, struct lease_row *lease, amount total)
{
    amount pays[ORDER_SERIES_MAX];
    bool covered = amount_split_pro_rata(total, d->funding.held, d->funding.count, pays);
    assert(covered);
    key_moves(x, total);
    for (uint32_t i = 0; i < d->count; i++)
        token_spend(x, d->tokens[i].token);
    struct escrow e = escrow_read(x, ESCROW_KIND_LEASE, lease->lease, lease->escrow_series);
    for (uint32_t i = 0; i < d->funding.count; i++) {
        uint32_t series = d->funding.series[i]->series;
        amount rest = d->funding.held[i] - pays[i];
        if (pays[i] > 0) {
            ledger_move(x, series, (struct ledger_place){LEDGER_TOKENS, lease->holder},
                        (struct ledger_place){LEDGER_ESCROW, lease->holder}, pays[i]);
            bool room = escrow_add(x, &e, lease->holder, series, pays[i]);
            assert(room);
        }
        if (rest > 0)
            d->change[d->change_count++] = (struct issued){
                .token = token_issue(x, series, lease->holder, rest),
                .series = series,
                .account = lease->holder,
                .amount_ucr = rest,
            };
    }
    lease->escrow_series = (uint8_t)e.count;
    for (uint32_t i = 0; i < e.count; i++) {
        if (e.held[i] > 0)
            d->escrow[d->escrow_count++] =
                (struct share){.series = e.rows[i].series, .amount_ucr = e.held[i]};
    }
}
