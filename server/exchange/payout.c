/* Payouts: an earned balance leaves the exchange. */
#include "server/exchange/account.h"
#include "server/exchange/control.h"
#include "server/exchange/event.h"
#include "server/exchange/flow.h"
#include "server/exchange/key.h"
#include "server/exchange/ledger.h"
#include "server/exchange/pledge.h"
#include "server/exchange/series.h"

enum refusal payout_check(const struct exchange *x, uint32_t account, const struct op_payout *op)
{
    struct ledger_place balance = {LEDGER_BALANCE, account};
    if (op->reference.length == 0 || op->reference.length > REFERENCE_MAX_BYTES)
        return REFUSAL_malformed;
    enum refusal refusal = account_may_receive(x, account);
    if (refusal)
        return refusal;
    if (!series_find(x, op->series))
        return REFUSAL_series_not_found;
    if (op->amount_ucr == 0)
        return REFUSAL_amount_zero;
    if (ledger_holds(x, op->series, balance) < op->amount_ucr)
        return REFUSAL_insufficient_funds;
    return pledge_refusal(x, account, op->amount_ucr);
}

void payout_apply(struct exchange *x, uint32_t by, const struct op_payout *op)
{
    const struct flow why = {.kind = FLOW_KIND_PAYOUT};
    ledger_move(x, op->series, (struct ledger_place){LEDGER_BALANCE, op->account},
                (struct ledger_place){LEDGER_PAID_OUT, op->account}, op->amount_ucr);
    flow_add(x, &why, op->account, 0, op->series, op->amount_ucr);
    struct ev_paid_out event = {
        EVENT_HEAD_OF(x, by),       .series = op->series,   .amount_ucr = op->amount_ucr,
        .reference = op->reference, .account = op->account,
    };
    event_log(x, &ev_paid_out_message, &event);
}

enum refusal payout_take(struct exchange *x, const struct actor *actor, const void *body,
                         struct result *out)
{
    struct op_payout op = *(const struct op_payout *)body;
    if (op.account == 0)
        op.account = actor->account;
    else if (op.account != actor->account && actor->role != ROLE_TREASURER)
        return REFUSAL_not_owner;
    enum refusal refusal = payout_check(x, op.account, &op);
    if (!refusal)
        refusal = control_payout_refusal(x, op.account, op.amount_ucr);
    if (refusal)
        return refusal;

    control_paid_out(x, op.account, op.amount_ucr);
    key_moves(x, op.amount_ucr);
    payout_apply(x, actor->account, &op);
    out->object = op.series;
    return REFUSAL_accepted;
}
