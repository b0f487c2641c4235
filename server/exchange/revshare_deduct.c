/* What revenue shares take of a settlement, by rank: first what is still claimed, then the new
 * share; what the settlement cannot give is claimed. */
#include "protocol/month.h"
#include "server/exchange/earning.h"
#include "server/exchange/event.h"
#include "server/exchange/revshare.h"
#include "server/exchange/revshare_split.h"

/* Of what is left of the settlement to open claims, the oldest first; changes `row`. All shares
 * together have SETTLEMENT_CLAIMS_MAX of them; further ones wait for the next settlement. */
static void claims_from_earning(struct exchange *x, struct earning *e, struct contract_row *row)
{
    for (; e->claims_paid < SETTLEMENT_CLAIMS_MAX && e->left > 0 && row->claims_ucr > 0;
         e->claims_paid++) {
        const struct claim_row *oldest = claim_oldest(x, row->contract, row->debtor);
        if (!oldest)
            return;
        struct claim_row claim = *oldest;
        struct contract_paid paid;
        paid.total = earning_deduct(x, e, claim.creditor, claim.left_ucr, FLOW_KIND_SHARE,
                                    paid.shares, &paid.count);
        claim_lower(x, row, &claim, &paid);
    }
}

/* What the operator has put into the fund pays open claims as well, of all shares together as many,
 * further ones by ticks; changes `row`. */
static void claims_from_fund(struct exchange *x, struct earning *e, struct contract_row *row)
{
    const struct flow why = {.kind = FLOW_KIND_SHARE, .site = e->lease->site, .sku = e->lease->sku};
    for (; e->claims_funded < SETTLEMENT_CLAIMS_MAX && row->claims_ucr > 0; e->claims_funded++) {
        const struct claim_row *oldest = claim_oldest(x, row->contract, row->debtor);
        struct contract_paid paid;
        if (!oldest)
            break;
        struct claim_row claim = *oldest;
        if (contract_pay(x, row, row->debtor, claim.creditor, claim.left_ucr, &why, &paid) == 0)
            break;
        claim_lower(x, row, &claim, &paid);
    }
    contract_paying_set(x, row);
}

static void share_log(struct exchange *x, const struct contract_row *row,
                      const struct share_row *share, const struct share_split *split,
                      const struct contract_paid *paid)
{
    struct ev_share_paid event = {
        EVENT_HEAD_OF(x, 0),           .contract = row->contract,   .creditor = row->creditor,
        .debtor = row->debtor,         .lease = share->lease,       .period = share->period,
        .gross_ucr = share->gross_ucr, .base_ucr = share->base_ucr, .share_ucr = share->share_ucr,
        .paid_ucr = share->paid_ucr,
    };
    event.parts.items = split->parts;
    event.parts.count = split->parts_count;
    event.paid.items = paid->shares;
    event.paid.count = paid->count;
    event_log(x, &ev_share_paid_message, &event);
}

/* The settlement's share: progress, row and events. `claims` is what has gone to older claims of
 * it. Returns what is missing of the share. */
static amount share_take(struct exchange *x, struct earning *e, const struct contract_row *row,
                         const struct revshare_row *terms, amount claims)
{
    struct progress_row p = *revshare_progress(x, row->contract);
    struct share_split split;
    struct contract_paid paid;
    uint64_t month_s = month_start_s(exchange_month(x));
    if (p.month_s != month_s) {
        p.month_s = month_s;
        p.month_gross_ucr = 0;
    }
    revshare_split(terms, &p, e->gross, &split);
    paid.total =
        earning_deduct(x, e, row->creditor, split.share, FLOW_KIND_SHARE, paid.shares, &paid.count);
    p.paid_ucr = revshare_add(p.paid_ucr, paid.total);
    struct share_row share = {
        .contract = row->contract,
        .share = ++p.shares,
        .time_s = x->head.time_s,
        .lease = e->lease->lease,
        .gross_ucr = e->gross,
        .base_ucr = split.base,
        .share_ucr = split.share,
        .paid_ucr = paid.total,
        .claims_ucr = claims,
        .index = event_next_index(x),
        .period = e->period,
        .phase_first = split.phase_first,
        .phase_last = split.phase_last,
    };
    store_put(x->store, TABLE_PROGRESS, &p);
    store_put(x->store, TABLE_SHARE, &share);
    share_log(x, row, &share, &split, &paid);
    for (uint32_t i = 0; i < split.steps_count; i++)
        revshare_step_log(x, row, terms, &p, split.steps[i].phase, split.steps[i].gross,
                          split.steps[i].share);
    return split.share - paid.total;
}

static void contract_deduct(struct exchange *x, struct earning *e, uint64_t contract)
{
    struct contract_row row = *contract_find(x, contract);
    const struct revshare_row terms = *revshare_terms(x, contract, row.version);
    if (row.state != CONTRACT_STATE_IN_FORCE || x->head.time_s < row.start_s ||
        (terms.site > 0 && terms.site != e->lease->site))
        return;
    amount claims_before = row.claims_ucr;
    claims_from_earning(x, e, &row);
    amount missing = share_take(x, e, &row, &terms, claims_before - row.claims_ucr);
    claim_make(x, &row, row.debtor, row.creditor, missing, x->head.time_s);
    if (missing > 0 && row.escrow_series > 0)
        claims_from_fund(x, e, &row);
    if (row.claims_ucr != claims_before || missing > 0)
        store_put(x->store, TABLE_CONTRACT, &row);
}

void revshare_deduct(struct exchange *x, struct earning *e)
{
    struct share_line *line = revshare_first(x, e->lease->operator);
    for (; line; line = revshare_next(line))
        contract_deduct(x, e, line->contract);
}
