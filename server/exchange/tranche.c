/* Tranches of grants: when they may be paid, and paying them. */
#include "server/exchange/earning.h"
#include "server/exchange/event.h"
#include "server/exchange/grant.h"
#include "server/exchange/ledger.h"
#include "server/exchange/series.h"
#include "server/exchange/token.h"

uint32_t tranches_all(const struct grant_row *terms)
{
    return (UINT32_C(1) << terms->tranches_count) - 1;
}

amount tranches_sum(const struct grant_row *terms, uint32_t bits)
{
    amount sum = 0;
    for (uint32_t i = 0; i < terms->tranches_count; i++)
        sum += bits >> i & 1 ? terms->tranche_amount_ucr[i] : 0;
    return sum;
}

static bool tranche_is_due(const struct grant_row *terms, const struct advance_row *advance,
                           uint32_t i, uint64_t at_s)
{
    switch (terms->tranche_kind[i]) {
    case TRANCHE_KIND_DATE:
        return terms->tranche_from_s[i] <= at_s;
    case TRANCHE_KIND_SPENT:
        return terms->tranche_spent_ucr[i] <= advance->spent_ucr;
    default:
        return advance->tranches_released >> i & 1;
    }
}

uint32_t tranches_due(const struct grant_row *terms, const struct advance_row *advance,
                      uint64_t at_s)
{
    uint32_t bits = 0;
    if (!advance->open || at_s < terms->start_s || at_s >= grant_term_end_s(terms))
        return 0;
    for (uint32_t i = 0; i < terms->tranches_count; i++) {
        if (!(advance->tranches_paid >> i & 1) && tranche_is_due(terms, advance, i, at_s))
            bits |= UINT32_C(1) << i;
    }
    return bits;
}

/* The place of the funder's part of the fund, which is of the grant's series alone;
 * ESCROW_ROWS_MAX: there is none. */
static uint32_t fund_place(const struct grant *g, const struct escrow *e)
{
    for (uint32_t i = 0; i < e->count; i++) {
        if (e->rows[i].owner == g->terms.funder && e->rows[i].series == g->terms.series)
            return i;
    }
    return ESCROW_ROWS_MAX;
}

static struct escrow fund_read(const struct exchange *x, const struct grant *g)
{
    return escrow_read(x, ESCROW_KIND_CONTRACT, g->row.contract, g->row.escrow_series);
}

/* What the fund has for tranches: nothing once the series has expired. */
static amount fund_left(const struct exchange *x, const struct grant *g)
{
    struct escrow e = fund_read(x, g);
    uint32_t place = fund_place(g, &e);
    bool expired = series_expired(x, series_find(x, g->terms.series));
    return expired || place == ESCROW_ROWS_MAX ? 0 : e.held[place];
}

static void tranche_pay(struct exchange *x, struct grant *g, uint32_t i)
{
    uint32_t series = g->terms.series;
    amount a = g->terms.tranche_amount_ucr[i];
    const struct flow why = {.kind = FLOW_KIND_GRANT};
    struct escrow e = fund_read(x, g);
    escrow_lower(x, &e, fund_place(g, &e), a);
    ledger_move(x, series, (struct ledger_place){LEDGER_ESCROW, g->terms.funder},
                (struct ledger_place){LEDGER_TOKENS, g->terms.startup}, a);
    flow_add(x, &why, g->terms.funder, g->terms.startup, series, a);
    struct issued issued = {
        .token = token_issue(x, series, g->terms.startup, a),
        .series = series,
        .account = g->terms.startup,
        .amount_ucr = a,
    };
    g->advance.tranches_paid |= UINT32_C(1) << i;
    g->advance.advanced_ucr += a;
    struct ev_tranche_paid event = {
        EVENT_HEAD_OF(x, 0),
        .contract = g->row.contract,
        .creditor = g->row.creditor,
        .debtor = g->row.debtor,
        .tranche = i,
        .amount_ucr = a,
        .issued = {&issued, 1},
    };
    event_log(x, &ev_tranche_paid_message, &event);
}

void tranches_pay(struct exchange *x, struct grant *g)
{
    uint32_t waiting = tranches_due(&g->terms, &g->advance, g->at_s);
    if (waiting == 0 || revenue_late_s(&g->terms, &g->advance, g->at_s) != 0)
        return;
    bool paid = false;
    for (uint32_t i = 0; i < g->terms.tranches_count; i++) {
        if (!(waiting >> i & 1))
            continue;
        /* A later one does not overtake it, even where the fund would do. */
        if (fund_left(x, g) < g->terms.tranche_amount_ucr[i])
            break;
        tranche_pay(x, g, i);
        paid = true;
    }
    if (paid)
        royalty_update(x, g, 0);
}

/* --- By an admin's word --- */

static enum refusal release_refusal(const struct exchange *x, const struct actor *actor,
                                    const struct op_grant_release *op)
{
    enum refusal refusal = grant_operation_refusal(x, op->contract, actor->account, GRANT_ADMIN);
    if (refusal)
        return refusal;
    const struct contract_row *row = contract_find(x, op->contract);
    const struct grant_row *terms = grant_terms(x, row->contract, row->version);
    const struct advance_row *advance = grant_advance(x, row->contract);
    if (x->head.time_s >= grant_term_end_s(terms))
        return REFUSAL_contract_not_in_force;
    if (op->tranche >= terms->tranches_count)
        return REFUSAL_tranche_not_found;
    uint32_t done = advance->tranches_paid | advance->tranches_released;
    if (done >> op->tranche & 1)
        return REFUSAL_tranche_paid;
    return terms->tranche_kind[op->tranche] == TRANCHE_KIND_ADMIN ? REFUSAL_accepted
                                                                  : REFUSAL_tranche_not_found;
}

enum refusal grant_release(struct exchange *x, const struct actor *actor, const void *body,
                           struct result *out)
{
    const struct op_grant_release *op = body;
    enum refusal refusal = release_refusal(x, actor, op);
    if (refusal)
        return refusal;
    struct grant g;
    grant_read(x, op->contract, &g);
    struct ev_tranche_released event = {
        EVENT_HEAD_OF(x, actor->account), .contract = g.row.contract, .creditor = g.row.creditor,
        .debtor = g.row.debtor,           .tranche = op->tranche,
    };
    event_log(x, &ev_tranche_released_message, &event);
    g.advance.tranches_released |= UINT32_C(1) << op->tranche;
    grant_go_on(x, &g);
    out->object = g.row.contract;
    return REFUSAL_accepted;
}

/* --- By what is spent --- */

void grant_spent(struct exchange *x, uint32_t startup, uint32_t series, amount a)
{
    uint64_t contract = grant_of_series(x, series);
    const struct advance_row *found = contract != 0 ? grant_advance(x, contract) : NULL;
    if (!found || !found->open || found->startup != startup)
        return;
    struct advance_row advance = *found;
    uint32_t version = contract_find(x, contract)->version;
    uint32_t before = tranches_due(grant_terms(x, contract, version), &advance, x->head.time_s);
    advance.spent_ucr += a;
    store_put(x->store, TABLE_ADVANCE, &advance);
    if (tranches_due(grant_terms(x, contract, version), &advance, x->head.time_s) == before)
        return;
    struct grant g;
    grant_read(x, contract, &g);
    grant_go_on(x, &g);
}
