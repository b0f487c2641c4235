#include "server/report/walk.h"

#include "protocol/month.h"

int walk_rows(struct job *j, enum table table, source_visit *visit, void *context)
{
    int status = j->source->each(j->source->of, table, visit, context);
    return status == WALK_STOP ? 0 : status;
}

bool span_has(struct span s, uint64_t time_s)
{
    return time_s >= s.from_s && (s.until_s == 0 || time_s < s.until_s);
}

struct span span_asked(struct job *j)
{
    job_span(j, j->query->from_s, j->query->until_s);
    return (struct span){j->query->from_s, j->query->until_s};
}

struct span span_default(struct job *j, uint64_t from_s, uint64_t until_s)
{
    if (j->query->from_s != 0 || j->query->until_s != 0)
        return span_asked(j);
    job_span(j, from_s, until_s);
    return (struct span){from_s, until_s};
}

struct span span_months(struct job *j, uint64_t from_s, uint64_t until_s)
{
    struct span asked = span_default(j, from_s, until_s);
    struct span months = asked;
    months.from_s = month_start_s(month_of(asked.from_s));
    if (asked.until_s != 0 && month_start_s(month_of(asked.until_s)) != asked.until_s)
        months.until_s = month_start_s(month_of(asked.until_s) + 1);
    if (months.until_s > TIME_MAX_S)
        months.until_s = 0;
    job_span(j, months.from_s, months.until_s);
    if (months.from_s != asked.from_s || months.until_s != asked.until_s)
        job_note(j, "What is paid is added up by whole calendar months (UTC). What was asked for "
                    "begins or ends within one: all of that month counts.");
    return months;
}
