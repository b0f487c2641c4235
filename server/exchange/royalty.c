/* Royalty of grants: what is due of what is declared, and paying it. */
#include <assert.h>
#include <string.h>

#include "protocol/amount.h"
#include "server/exchange/event.h"
#include "server/exchange/grant.h"
#include "server/exchange/key.h"
#include "server/exchange/ledger.h"
#include "server/exchange/order.h"
#include "server/exchange/series.h"
#include "server/exchange/token.h"

amount royalty_cap(const struct grant_row *terms, const struct advance_row *advance)
{
    return (amount)((wide)advance->advanced_ucr * terms->cap_bp / WHOLE_BP);
}

amount royalty_due(const struct advance_row *advance)
{
    amount settled = advance->paid_ucr + advance->recorded_ucr;
    return advance->royalty_ucr > settled ? advance->royalty_ucr - settled : 0;
}

bool royalty_carved_out(const struct grant_row *terms, const uint8_t *name)
{
    for (uint32_t i = 0; i < terms->carve_outs_count && i < STREAMS_MAX; i++) {
        if (memcmp(&terms->carve_outs[i * NAME_BYTES], name, NAME_BYTES) == 0)
            return true;
    }
    return false;
}

wide royalty_rated(const struct grant_row *terms, const struct declaration_row *declared)
{
    wide counted = 0;
    for (uint32_t i = 0; i < declared->streams_count && i < STREAMS_MAX; i++) {
        if (!royalty_carved_out(terms, &declared->names[i * NAME_BYTES]))
            counted += declared->amounts_ucr[i];
    }
    return counted * terms->share_bp;
}

wide advance_rated(const struct advance_row *advance)
{
    return (wide)advance->rated_high << 64 | advance->rated_low;
}

void advance_rate(struct advance_row *advance, wide rated)
{
    advance->rated_high = (uint64_t)(rated >> 64);
    advance->rated_low = (uint64_t)rated;
}

void royalty_update(struct exchange *x, struct grant *g, uint64_t month_s)
{
    amount due_before = royalty_due(&g->advance);
    wide earned = advance_rated(&g->advance) / WHOLE_BP;
    amount cap = royalty_cap(&g->terms, &g->advance);
    g->advance.royalty_ucr = earned < cap ? (amount)earned : cap;
    if (royalty_due(&g->advance) == due_before)
        return;
    struct ev_royalty_due event = {
        EVENT_HEAD_OF(x, 0),
        .contract = g->row.contract,
        .creditor = g->row.creditor,
        .debtor = g->row.debtor,
        .month_s = month_s,
        .royalty_ucr = g->advance.royalty_ucr,
        .paid_ucr = g->advance.paid_ucr + g->advance.recorded_ucr,
        .due_ucr = royalty_due(&g->advance),
    };
    event_log(x, &ev_royalty_due_message, &event);
}

/* --- Paying --- */

/* `grant`: NULL where the account may not see it. */
static enum refusal funding_refusal(const struct contract_row *grant, const struct funding *funding,
                                    amount a)
{
    enum refusal refusal = funding->total < a ? REFUSAL_insufficient_funds : REFUSAL_accepted;
    for (uint32_t i = 0; grant && i < funding->count; i++)
        refusal = refusal_first(
            refusal, series_payment_refusal(funding->series[i], grant->debtor, grant->creditor));
    return refusal;
}

static enum refusal pay_refusal(struct exchange *x, const struct actor *actor,
                                const struct op_royalty_pay *op, const struct token_row **tokens,
                                struct funding *funding)
{
    enum refusal refusal = grant_operation_refusal(x, op->contract, actor->account, GRANT_STARTUP);
    if (op->tokens.count == 0)
        return refusal_first(refusal, REFUSAL_malformed);
    enum refusal paying = tokens_resolve(x, actor, op->tokens.items, op->tokens.count, tokens);
    if (!paying)
        paying = funding_from_tokens(x, *tokens, op->tokens.count, funding);
    bool visible = refusal != REFUSAL_contract_not_found;
    if (!paying)
        paying = funding_refusal(visible ? contract_find(x, op->contract) : NULL, funding,
                                 op->amount_ucr);
    refusal = refusal_first(refusal, paying);
    if (refusal)
        return refusal;
    return op->amount_ucr > royalty_due(grant_advance(x, op->contract)) ? REFUSAL_royalty_not_due
                                                                        : REFUSAL_accepted;
}

/* What of each series goes to the funder, and what comes back as change. */
struct paying {
    struct share paid[ORDER_SERIES_MAX];
    uint32_t paid_count;
    struct issued change[ORDER_SERIES_MAX];
    uint32_t change_count;
};

static void paying_move(struct exchange *x, const struct grant *g, amount a,
                        const struct funding *funding, struct paying *out)
{
    const struct flow why = {.kind = FLOW_KIND_ROYALTY};
    amount parts[ORDER_SERIES_MAX];
    bool covered = amount_split_pro_rata(a, funding->held, funding->count, parts);
    assert(covered);
    uint32_t series[ORDER_SERIES_MAX];
    for (uint32_t i = 0; i < funding->count; i++)
        series[i] = funding->series[i]->series;
    for (uint32_t i = 0; i < funding->count; i++) {
        if (parts[i] > 0) {
            ledger_move(x, series[i], (struct ledger_place){LEDGER_TOKENS, g->row.debtor},
                        (struct ledger_place){LEDGER_BALANCE, g->row.creditor}, parts[i]);
            out->paid[out->paid_count++] =
                (struct share){.series = series[i], .amount_ucr = parts[i]};
        }
        amount rest = funding->held[i] - parts[i];
        if (rest > 0)
            out->change[out->change_count++] = (struct issued){
                .token = token_issue(x, series[i], g->row.debtor, rest),
                .series = series[i],
                .account = g->row.debtor,
                .amount_ucr = rest,
            };
    }
    flow_add_shares(x, &why, g->row.debtor, g->row.creditor, out->paid, out->paid_count);
}

enum refusal royalty_pay(struct exchange *x, const struct actor *actor, const void *body,
                         struct result *out)
{
    const struct op_royalty_pay *op = body;
    const struct token_row *tokens = NULL;
    struct funding funding;
    enum refusal refusal = pay_refusal(x, actor, op, &tokens, &funding);
    if (refusal)
        return refusal;
    struct grant g;
    struct paying paying = {.paid_count = 0};
    grant_read(x, op->contract, &g);
    uint64_t *serials = scratch_alloc(x, op->tokens.count * sizeof(*serials));
    for (uint32_t i = 0; i < op->tokens.count; i++) {
        serials[i] = tokens[i].token;
        token_spend(x, tokens[i].token);
    }
    paying_move(x, &g, op->amount_ucr, &funding, &paying);
    key_moves(x, op->amount_ucr);
    g.advance.paid_ucr += op->amount_ucr;
    struct ev_royalty_paid event = {
        EVENT_HEAD_OF(x, actor->account),
        .contract = g.row.contract,
        .creditor = g.row.creditor,
        .debtor = g.row.debtor,
        .amount_ucr = op->amount_ucr,
        .due_ucr = royalty_due(&g.advance),
        .tokens = {serials, op->tokens.count},
        .paid = {paying.paid, paying.paid_count},
        .change = {paying.change, paying.change_count},
    };
    event_log(x, &ev_royalty_paid_message, &event);
    grant_go_on(x, &g);
    out->object = g.row.contract;
    out->token_first = paying.change_count > 0 ? paying.change[0].token : 0;
    out->token_count = paying.change_count;
    return REFUSAL_accepted;
}

/* --- Recording --- */

enum refusal royalty_record(struct exchange *x, const struct actor *actor, const void *body,
                            struct result *out)
{
    const struct op_royalty_record *op = body;
    enum refusal refusal = grant_operation_refusal(x, op->contract, actor->account, GRANT_FUNDER);
    if (refusal)
        return refusal;
    if (op->amount_ucr > royalty_due(grant_advance(x, op->contract)))
        return REFUSAL_royalty_not_due;
    struct grant g;
    grant_read(x, op->contract, &g);
    g.advance.recorded_ucr += op->amount_ucr;
    struct ev_royalty_recorded event = {
        EVENT_HEAD_OF(x, actor->account),   .contract = g.row.contract,
        .amount_ucr = op->amount_ucr,       .reference = op->reference,
        .creditor = g.row.creditor,         .debtor = g.row.debtor,
        .due_ucr = royalty_due(&g.advance),
    };
    event_log(x, &ev_royalty_recorded_message, &event);
    grant_go_on(x, &g);
    out->object = g.row.contract;
    return REFUSAL_accepted;
}
