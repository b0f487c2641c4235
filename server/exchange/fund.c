/* The fund of a contract: tokens that its parties put in, take back, and are paid from. */
#include <assert.h>

#include "server/exchange/contract.h"
#include "server/exchange/due.h"
#include "server/exchange/event.h"
#include "server/exchange/key.h"
#include "server/exchange/ledger.h"
#include "server/exchange/order.h"
#include "server/exchange/series.h"
#include "server/exchange/token.h"

/* Each party has half of the rows, so that neither fills them up with series for the other. */
enum { FUND_SERIES_MAX = ESCROW_ROWS_MAX / 2 };
static_assert((int)ORDER_SERIES_MAX <= (int)FUND_SERIES_MAX, "what one operation brings has room");

static struct escrow fund_read(const struct exchange *x, const struct contract_row *row)
{
    return escrow_read(x, ESCROW_KIND_CONTRACT, row->contract, row->escrow_series);
}

/* What the account has in each row of the fund: 0 in those of others. */
static amount fund_parts(const struct escrow *e, uint32_t account, amount held[ESCROW_ROWS_MAX])
{
    amount total = 0;
    for (uint32_t i = 0; i < e->count; i++) {
        held[i] = e->rows[i].owner == account ? e->held[i] : 0;
        total += held[i];
    }
    return total;
}

amount contract_funds(const struct exchange *x, const struct contract_row *row, uint32_t account)
{
    struct escrow e = fund_read(x, row);
    amount held[ESCROW_ROWS_MAX];
    return fund_parts(&e, account, held);
}

amount contract_pay(struct exchange *x, const struct contract_row *row, uint32_t payer,
                    uint32_t payee, amount a, const struct flow *why, struct contract_paid *out)
{
    struct escrow e = fund_read(x, row);
    amount held[ESCROW_ROWS_MAX], parts[ESCROW_ROWS_MAX];
    amount total = fund_parts(&e, payer, held);
    out->count = 0;
    out->total = total < a ? total : a;
    bool covered = amount_split_pro_rata(out->total, held, e.count, parts);
    assert(covered);
    for (uint32_t i = 0; i < e.count; i++) {
        if (parts[i] == 0)
            continue;
        uint32_t series = e.rows[i].series;
        ledger_move(x, series, (struct ledger_place){LEDGER_ESCROW, payer},
                    (struct ledger_place){LEDGER_BALANCE, payee}, parts[i]);
        escrow_lower(x, &e, i, parts[i]);
        out->shares[out->count++] = (struct share){.series = series, .amount_ucr = parts[i]};
    }
    flow_add_shares(x, why, payer, payee, out->shares, out->count);
    return out->total;
}

amount contract_payable(const struct exchange *x, const struct contract_row *row, amount a)
{
    if (row->claims_ucr == 0)
        return a;
    amount funds = contract_funds(x, row, row->debtor);
    amount free = funds > row->claims_ucr ? funds - row->claims_ucr : 0;
    return a < free ? a : free;
}

void contract_paying_set(const struct exchange *x, struct contract_row *row)
{
    if (row->claims_open == 0 || contract_funds(x, row, row->debtor) == 0)
        row->paying_s = 0;
    else if (row->paying_s == 0)
        row->paying_s = x->head.time_s;
}

/* --- Putting in --- */

static bool fund_open(const struct contract_row *row)
{
    return row->state == CONTRACT_STATE_IN_FORCE || row->claims_ucr > 0;
}

/* How many series the account would have in the fund. */
static uint32_t fund_series(const struct escrow *e, uint32_t account, const struct funding *funding)
{
    uint32_t count = funding->count;
    for (uint32_t i = 0; i < e->count; i++) {
        bool counts = e->rows[i].owner == account && e->held[i] > 0;
        for (uint32_t j = 0; counts && j < funding->count; j++)
            counts = funding->series[j]->series != e->rows[i].series;
        count += counts;
    }
    return count;
}

static enum refusal fund_refusal(const struct exchange *x, const struct contract_row *row,
                                 uint32_t account, const struct funding *funding)
{
    const struct contract_rules *rules = contract_rules_of(row->kind);
    struct escrow e = fund_read(x, row);
    amount held[ESCROW_ROWS_MAX];
    amount funds = fund_parts(&e, account, held);
    enum refusal refusal = REFUSAL_accepted;
    if (fund_series(&e, account, funding) > FUND_SERIES_MAX)
        refusal = REFUSAL_series_mixed;
    if (funding->total > AMOUNT_MAX_UCR || funds > AMOUNT_MAX_UCR - funding->total)
        refusal = refusal_first(refusal, REFUSAL_amount_overflow);
    for (uint32_t i = 0; i < funding->count; i++) {
        const struct series_row *series = funding->series[i];
        refusal = refusal_first(refusal, series_payment_refusal(series, account, 0));
        if (rules->fund_refusal)
            refusal = refusal_first(refusal, rules->fund_refusal(x, row, account, series->series));
    }
    return refusal;
}

static enum refusal fund_read_tokens(struct exchange *x, const struct actor *actor,
                                     const struct op_contract_fund *op,
                                     const struct token_row **tokens, struct funding *funding)
{
    const struct contract_row *row = contract_find(x, op->contract);
    enum refusal open = REFUSAL_accepted;
    if (!row || !contract_has_party(row, actor->account))
        open = REFUSAL_contract_not_found;
    else if (actor->account != row->debtor && actor->account != row->creditor)
        open = REFUSAL_contract_not_party;
    else if (!fund_open(row))
        open = REFUSAL_contract_not_in_force;
    enum refusal refusal = tokens_resolve(x, actor, op->tokens.items, op->tokens.count, tokens);
    if (!refusal)
        refusal = funding_from_tokens(x, *tokens, op->tokens.count, funding);
    if (!refusal && !open)
        refusal = fund_refusal(x, row, actor->account, funding);
    return refusal_first(open, refusal);
}

/* Removes rows that hold nothing any more, and moves the others together: a fund may see more
 * series over time than it has places. */
static void fund_pack(struct exchange *x, struct escrow *e)
{
    struct escrow full = *e;
    for (uint32_t i = 0; i < full.count; i++)
        store_remove(x->store, TABLE_ESCROW, &full.rows[i]);
    e->count = 0;
    e->total = 0;
    for (uint32_t i = 0; i < full.count; i++) {
        if (full.held[i] > 0)
            escrow_add(x, e, full.rows[i].owner, full.rows[i].series, full.held[i]);
    }
}

/* Tokens to rows of the fund. */
static void fund_take(struct exchange *x, struct contract_row *row, uint32_t account,
                      const struct token_row *tokens, uint32_t count, const struct funding *funding)
{
    struct escrow e = fund_read(x, row);
    fund_pack(x, &e);
    for (uint32_t i = 0; i < count; i++)
        token_spend(x, tokens[i].token);
    for (uint32_t i = 0; i < funding->count; i++) {
        uint32_t series = funding->series[i]->series;
        ledger_move(x, series, (struct ledger_place){LEDGER_TOKENS, account},
                    (struct ledger_place){LEDGER_ESCROW, account}, funding->held[i]);
        bool room = escrow_add(x, &e, account, series, funding->held[i]);
        assert(room);
    }
    row->escrow_series = e.count;
    store_put(x->store, TABLE_CONTRACT, row);
}

/* The oldest ones, as long as the fund lasts; returns how many were paid, wholly or in part. */
static uint32_t claims_pay(struct exchange *x, struct contract_row *row, uint32_t limit)
{
    const struct flow why = claim_flow(x, row);
    uint32_t count = 0;
    for (; count < limit; count++) {
        const struct claim_row *oldest = claim_oldest(x, row->contract, row->debtor);
        if (!oldest)
            break;
        struct claim_row claim = *oldest;
        struct contract_paid paid;
        if (contract_pay(x, row, row->debtor, claim.creditor, claim.left_ucr, &why, &paid) == 0)
            break;
        claim_lower(x, row, &claim, &paid);
    }
    contract_paying_set(x, row);
    store_put(x->store, TABLE_CONTRACT, row);
    return count;
}

uint32_t claims_due(struct exchange *x, uint64_t contract, uint32_t limit)
{
    struct contract_row row = *contract_find(x, contract);
    uint32_t count = claims_pay(x, &row, limit < CLAIMS_PAID_MAX ? limit : CLAIMS_PAID_MAX);
    if (count == 0 && row.paying_s != 0) {
        row.paying_s = 0; /* a damaged image counts claims that there are not */
        store_put(x->store, TABLE_CONTRACT, &row);
    } else if (row.paying_s != 0) {
        row.paying_s = x->head.time_s; /* behind what else is due, however many come after them */
        store_put(x->store, TABLE_CONTRACT, &row);
    }
    return count;
}

enum refusal contract_fund(struct exchange *x, const struct actor *actor, const void *body,
                           struct result *out)
{
    const struct op_contract_fund *op = body;
    const struct token_row *tokens = NULL;
    struct funding funding;
    enum refusal refusal = fund_read_tokens(x, actor, op, &tokens, &funding);
    if (refusal)
        return refusal;
    struct contract_row row = *contract_find(x, op->contract);
    fund_take(x, &row, actor->account, tokens, op->tokens.count, &funding);
    key_moves(x, funding.total);
    struct share added[ORDER_SERIES_MAX];
    for (uint32_t i = 0; i < funding.count; i++)
        added[i] =
            (struct share){.series = funding.series[i]->series, .amount_ucr = funding.held[i]};
    struct ev_contract_funded event = {
        EVENT_HEAD_OF(x, actor->account), .contract = row.contract,
        .creditor = row.creditor,         .debtor = row.debtor,
        .beneficiary = row.third,
    };
    event.tokens.items = op->tokens.items;
    event.tokens.count = op->tokens.count;
    event.added.items = added;
    event.added.count = funding.count;
    event_log(x, &ev_contract_funded_message, &event);
    claims_pay(x, &row, CLAIMS_PAID_MAX);
    const struct contract_rules *rules = contract_rules_of(row.kind);
    if (rules->funded && row.state == CONTRACT_STATE_IN_FORCE)
        rules->funded(x, &row);
    out->object = row.contract;
    return REFUSAL_accepted;
}

/* --- Taking back --- */

/* What an account may take back: not what its open claims need, nor what its kind keeps. */
static amount fund_free(const struct exchange *x, const struct contract_row *row, uint32_t account)
{
    const struct contract_rules *rules = contract_rules_of(row->kind);
    amount funds = contract_funds(x, row, account);
    amount kept = 0;
    if (rules->kept && row->state == CONTRACT_STATE_IN_FORCE)
        kept = rules->kept(x, row, account);
    if (account == row->debtor && row->claims_ucr > kept)
        kept = row->claims_ucr;
    return funds > kept ? funds - kept : 0;
}

static enum refusal withdraw_refusal(const struct exchange *x, uint32_t account,
                                     const struct op_contract_withdraw *op)
{
    const struct contract_row *row = contract_find(x, op->contract);
    if (!row || !contract_has_party(row, account))
        return REFUSAL_contract_not_found;
    if (account != row->debtor && account != row->creditor)
        return REFUSAL_contract_not_party;
    if (contract_funds(x, row, account) < op->amount_ucr)
        return REFUSAL_insufficient_funds;
    return fund_free(x, row, account) < op->amount_ucr ? REFUSAL_funds_kept : REFUSAL_accepted;
}

enum refusal contract_withdraw(struct exchange *x, const struct actor *actor, const void *body,
                               struct result *out)
{
    const struct op_contract_withdraw *op = body;
    enum refusal refusal = withdraw_refusal(x, actor->account, op);
    if (refusal)
        return refusal;
    struct contract_row row = *contract_find(x, op->contract);
    struct escrow e = fund_read(x, &row);
    amount held[ESCROW_ROWS_MAX], parts[ESCROW_ROWS_MAX];
    fund_parts(&e, actor->account, held);
    bool covered = amount_split_pro_rata(op->amount_ucr, held, e.count, parts);
    assert(covered);
    struct escrow_returns returns = {.refunds_count = 0};
    for (uint32_t i = 0; i < e.count; i++) {
        if (parts[i] == 0)
            continue;
        struct ledger_place from = {LEDGER_ESCROW, actor->account};
        if (token_refund(x, e.rows[i].series, actor->account, parts[i], from,
                         &returns.refunds[returns.refunds_count]))
            returns.refunds_count++;
        else
            returns.expired[returns.expired_count++] =
                (struct share){.series = e.rows[i].series, .amount_ucr = parts[i]};
        escrow_lower(x, &e, i, parts[i]);
    }
    struct ev_contract_withdrawn event = {
        EVENT_HEAD_OF(x, actor->account), .contract = row.contract,
        .creditor = row.creditor,         .debtor = row.debtor,
        .beneficiary = row.third,
    };
    event.returns.items = returns.refunds;
    event.returns.count = returns.refunds_count;
    event.expired.items = returns.expired;
    event.expired.count = returns.expired_count;
    event_log(x, &ev_contract_withdrawn_message, &event);
    out->object = row.contract;
    out->token_first = returns.refunds_count > 0 ? returns.refunds[0].token : 0;
    out->token_count = returns.refunds_count;
    return REFUSAL_accepted;
}
