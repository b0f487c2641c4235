#include "server/report/debt.h"

#include "protocol/month.h"

bool debt_is_valid(const struct q_report *q)
{
    for (uint32_t i = 0; i < q->debt.count; i++) {
        uint64_t month_s = q->debt.items[i].month_s;
        if (month_start_s(month_of(month_s)) != month_s ||
            (i > 0 && month_s <= q->debt.items[i - 1].month_s))
            return false;
    }
    return q->debt.count > 0;
}

uint32_t debt_from(const struct q_report *q, uint32_t month)
{
    uint32_t at = 0;
    while (at < q->debt.count && month_of(q->debt.items[at].month_s) < month)
        at++;
    return at;
}

uint64_t debt_outstanding(const struct q_report *q, uint32_t month)
{
    uint32_t behind = debt_from(q, month + 1);
    return behind > 0 ? q->debt.items[behind - 1].outstanding_ucr : 0;
}
