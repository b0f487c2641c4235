#include "tests/server/report/scope.h"

#include "protocol/report_text.h"

void scope_begin(struct scope_pair *s, uint32_t whose, uint64_t time_s)
{
    made_begin(&s->all, time_s);
    made_begin(&s->own, time_s);
    s->whose = whose;
}

void scope_end(struct scope_pair *s)
{
    made_end(&s->all);
    made_end(&s->own);
}

void scope_put(struct scope_pair *s, enum table table, const void *row, bool concerns)
{
    made_put(&s->all, table, row);
    if (concerns)
        made_put(&s->own, table, row);
}

uint32_t scope_somebody(void)
{
    return 1 + (uint32_t)random_below(SCOPE_ACCOUNTS);
}

void scope_compare(struct scope_pair *s, const struct q_report *q, enum refusal expected)
{
    struct buffer of_all = BUFFER_EMPTY, of_own = BUFFER_EMPTY;
    assert_int_equal(made_ask(&s->all, q, s->whose), expected);
    assert_int_equal(made_ask(&s->own, q, s->whose), expected);
    if (expected != REFUSAL_accepted)
        return;
    assert_int_equal(report_text(&s->all.page, REPORT_FORMAT_JSON, NULL, &of_all), 0);
    assert_int_equal(report_text(&s->own.page, REPORT_FORMAT_JSON, NULL, &of_own), 0);
    assert_int_equal(of_all.length, of_own.length);
    assert_memory_equal(of_all.data, of_own.data, of_all.length);
    buffer_release(&of_all);
    buffer_release(&of_own);
}
