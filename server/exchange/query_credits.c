/* What accounts hold and what there is of a series, expired value counted as such before a sweep
 * has moved it. */
#include "server/exchange/account.h"
#include "server/exchange/ledger_index.h"
#include "server/exchange/query.h"
#include "server/exchange/series.h"

static amount holds(const struct exchange *x, uint32_t series, enum ledger_kind kind,
                    uint32_t account)
{
    return ledger_holds(x, series, (struct ledger_place){kind, account});
}

static void balance_fill(const struct exchange *x, uint32_t account, uint32_t series,
                         struct balance_info *info)
{
    const struct series_row *s = series_find(x, series);
    *info = (struct balance_info){
        .account = account,
        .series = series,
        .tokens_ucr = holds(x, series, LEDGER_TOKENS, account),
        .gifts_ucr = holds(x, series, LEDGER_GIFTS, account),
        .escrow_ucr = holds(x, series, LEDGER_ESCROW, account),
        .balance_ucr = holds(x, series, LEDGER_BALANCE, account),
        .paid_out_ucr = holds(x, series, LEDGER_PAID_OUT, account),
        .burned_ucr = holds(x, series, LEDGER_BURNED, account),
        .expired_ucr = holds(x, series, LEDGER_EXPIRED, account),
    };
    if (!series_expired(x, s))
        return;
    info->tokens_ucr = info->gifts_ucr = 0;
    if (s->expired_to == account)
        info->expired_ucr +=
            ledger_total(x, series, LEDGER_TOKENS) + ledger_total(x, series, LEDGER_GIFTS);
}

static bool balance_is_empty(const struct balance_info *b)
{
    return (b->tokens_ucr | b->gifts_ucr | b->escrow_ucr | b->balance_ucr | b->paid_out_ucr |
            b->burned_ucr | b->expired_ucr) == 0;
}

enum refusal query_balances(const struct exchange *x, uint32_t account, const void *body,
                            struct arena *arena, const struct message **answer_out,
                            const void **body_out)
{
    const struct q_balances *q = body;
    uint32_t subject;
    enum refusal refusal = query_subject(x, account, q->account, &subject);
    /* Who pays out the balances of others looks at them first. */
    if (refusal == REFUSAL_not_visible && account_role(x, account) == ROLE_TREASURER) {
        subject = q->account;
        refusal = account_role(x, subject) ? REFUSAL_accepted : REFUSAL_account_not_found;
    }
    if (refusal)
        return refusal;

    struct a_balances *answer = query_alloc(arena, sizeof(*answer));
    uint32_t limit = query_page_rows(q->limit);
    struct balance_info *infos = query_alloc(arena, limit * sizeof(*infos));
    uint32_t looks = QUERY_LOOKS_MAX / 10; /* each takes some ten look-ups */
    uint64_t series = q->from;
    while ((series = owned_next(&x->ledger->series, subject, series, &looks, &answer->next)) != 0) {
        struct balance_info info;
        balance_fill(x, subject, (uint32_t)series, &info);
        if (!balance_is_empty(&info)) {
            if (answer->rows.count == limit) {
                answer->next = series;
                break;
            }
            infos[answer->rows.count++] = info;
        }
        series++;
    }
    answer->rows.items = infos;
    *answer_out = &a_balances_message;
    *body_out = answer;
    return REFUSAL_accepted;
}

static void supply_fill(const struct exchange *x, uint32_t series, struct supply_info *info)
{
    *info = (struct supply_info){
        .series = series,
        .minted_ucr = ledger_total(x, series, LEDGER_MINTED),
        .tokens_ucr = ledger_total(x, series, LEDGER_TOKENS),
        .gifts_ucr = ledger_total(x, series, LEDGER_GIFTS),
        .escrow_ucr = ledger_total(x, series, LEDGER_ESCROW),
        .balance_ucr = ledger_total(x, series, LEDGER_BALANCE),
        .paid_out_ucr = ledger_total(x, series, LEDGER_PAID_OUT),
        .burned_ucr = ledger_total(x, series, LEDGER_BURNED),
        .expired_ucr = ledger_total(x, series, LEDGER_EXPIRED),
    };
    if (series_expired(x, series_find(x, series))) {
        info->expired_ucr += info->tokens_ucr + info->gifts_ucr;
        info->tokens_ucr = info->gifts_ucr = 0;
    }
}

/* How much there is of a series is everybody's to see who has an account. */
enum refusal query_supply(const struct exchange *x, uint32_t account, const void *body,
                          struct arena *arena, const struct message **answer_out,
                          const void **body_out)
{
    const struct q_supply *q = body;
    if (account == 0)
        return REFUSAL_unknown_account;
    uint32_t rows = query_page_rows(q->limit);
    uint32_t first = q->from > 1 ? (uint32_t)(q->from < UINT32_MAX ? q->from : UINT32_MAX) : 1;
    uint32_t last = x->head.series_last;
    if (q->series > 0) {
        if (q->series > last)
            return REFUSAL_series_not_found;
        first = last = q->series;
    }

    struct a_supply *answer = query_alloc(arena, sizeof(*answer));
    uint32_t count = first > last ? 0 : last - first + 1;
    if (count > rows) {
        count = rows;
        answer->next = (uint64_t)first + count;
    }
    struct supply_info *infos = query_alloc(arena, count * sizeof(*infos));
    for (uint32_t i = 0; i < count; i++)
        supply_fill(x, first + i, &infos[i]);
    answer->rows.items = infos;
    answer->rows.count = count;
    *answer_out = &a_supply_message;
    *body_out = answer;
    return REFUSAL_accepted;
}
