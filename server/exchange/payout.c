/* Payouts: an earned balance leaves the exchange. */
#include "server/exchange/event.h"
#include "server/exchange/key.h"
#include "server/exchange/ledger.h"
#include "server/exchange/series.h"

enum refusal payout_take(struct exchange *x, const struct actor *actor, const void *body,
                         struct result *out)
{
    const struct op_payout *op = body;
    struct ledger_place balance = {LEDGER_BALANCE, actor->account};
    if (op->reference.length == 0 || op->reference.length > REFERENCE_MAX_BYTES)
        return REFUSAL_malformed;
    if (!series_find(x, op->series))
        return REFUSAL_series_not_found;
    if (op->amount_ucr == 0)
        return REFUSAL_amount_zero;
    if (ledger_holds(x, op->series, balance) < op->amount_ucr)
        return REFUSAL_insufficient_funds;

    ledger_move(x, op->series, balance, (struct ledger_place){LEDGER_PAID_OUT, actor->account},
                op->amount_ucr);
    key_moves(x, op->amount_ucr);
    struct ev_paid_out event = {
        EVENT_HEAD_OF(x, actor->account),
        .series = op->series,
        .amount_ucr = op->amount_ucr,
        .reference = op->reference,
    };
    event_log(x, &ev_paid_out_message, &event);
    out->object = op->series;
    return REFUSAL_accepted;
}
