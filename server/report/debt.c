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
    return q->debt.items[behind > 0 ? behind - 1 : 0].outstanding_ucr;
}

void debt_note(struct job *j, bool due)
{
    const struct q_report *q = j->query;
    uint32_t month = month_of(j->head->time_s);
    bool any = false;
    for (uint32_t i = debt_from(q, month); i < q->debt.count; i++)
        any = any || (due ? q->debt.items[i].due_ucr : q->debt.items[i].outstanding_ucr) > 0;
    if (debt_from(q, month) == q->debt.count)
        job_note(j, "Attention: all months of the debt schedule have passed.");
    else if (!any)
        job_note(j, "Attention: the debt schedule says that nothing %s from this month on.",
                 due ? "falls due" : "is outstanding");
    else if (debt_from(q, month + 1) == 0)
        job_note(j, "Attention: the debt schedule begins later than this month; it is counted from "
                    "its first month.");
}
