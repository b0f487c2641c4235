#include "tests/server/exchange/plain_grant.h"

static const struct plain_version *last(const struct plain_grant *g)
{
    return &g->versions[g->versions_count - 1];
}

static uint32_t months(const struct plain_grant *g)
{
    return g->term_months + last(g)->tail_months;
}

/* The latest terms that were accepted before the month ended; before any: the first. */
static const struct plain_version *terms_of(const struct plain_grant *g, uint32_t month)
{
    const struct plain_version *found = &g->versions[0];
    for (uint32_t v = 0; v < g->versions_count; v++) {
        if (g->versions[v].accepted_s < g->month_s[month + 1])
            found = &g->versions[v];
    }
    return found;
}

uint64_t plain_royalty(const struct plain_grant *g)
{
    uint64_t sum = 0; /* amounts of tests are small */
    for (uint32_t month = 0; month < months(g); month++) {
        if (!g->declared[month])
            continue;
        const struct plain_version *v = terms_of(g, month);
        uint64_t counted = g->streams_ucr[month][0] + (v->carved ? 0 : g->streams_ucr[month][1]);
        sum += counted * v->share_bp;
    }
    uint64_t cap = g->advanced_ucr * last(g)->cap_bp / 10000;
    return sum / 10000 < cap ? sum / 10000 : cap;
}

uint64_t plain_due(const struct plain_grant *g)
{
    uint64_t royalty = plain_royalty(g);
    if (royalty <= g->paid_ucr)
        return 0;
    return royalty - g->paid_ucr;
}

uint32_t plain_late(const struct plain_grant *g)
{
    for (uint32_t month = 0; month < months(g); month++) {
        uint64_t by_s = g->month_s[month + 1] + (uint64_t)g->declare_days * 86400;
        if (!g->declared[month] && by_s <= g->now_s)
            return month;
    }
    return PLAIN_MONTHS;
}

static bool waits(const struct plain_grant *g, const struct plain_tranche *t)
{
    return !t->paid && (t->by_admin ? t->released : t->from_s <= g->now_s);
}

static bool all_declared(const struct plain_grant *g)
{
    for (uint32_t month = 0; month < months(g); month++) {
        if (!g->declared[month])
            return false;
    }
    return true;
}

void plain_go_on(struct plain_grant *g)
{
    bool term_over = g->now_s >= g->month_s[g->term_months];
    bool all = true;
    if (g->completed || g->expired)
        return;
    for (uint32_t i = 0; i < PLAIN_TRANCHES; i++) {
        struct plain_tranche *t = &g->tranches[i];
        if (!waits(g, t) || term_over || plain_late(g) != PLAIN_MONTHS)
            continue;
        if (g->fund_ucr < t->amount_ucr)
            break;
        g->fund_ucr -= t->amount_ucr;
        g->advanced_ucr += t->amount_ucr;
        t->paid = true;
    }
    for (uint32_t i = 0; i < PLAIN_TRANCHES; i++)
        all = all && g->tranches[i].paid;
    uint64_t cap = g->advanced_ucr * last(g)->cap_bp / 10000;
    uint64_t close_s = g->month_s[months(g)] + (uint64_t)g->declare_days * 86400;
    if ((all || term_over) && g->paid_ucr >= cap) {
        g->completed = g->advanced_ucr > 0;
        g->expired = !g->completed;
    } else if (g->now_s >= close_s && plain_due(g) == 0 && all_declared(g)) {
        g->expired = true;
    }
}
