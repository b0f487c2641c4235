#include "tests/server/exchange/plain_revshare.h"

#include <assert.h>

void plain_steps(struct plain_share *s)
{
    const struct plain_terms *t = &s->terms;
    while (s->phase + 1 < t->phases && s->peak_ppm >= t->target_ppm[s->phase] &&
           (t->by_share ? s->units / 10000 : s->gross) >= t->milestone[s->phase])
        s->phase++;
}

uint64_t plain_settle(struct plain_share *s, uint64_t gross, int month)
{
    uint64_t before = s->units / 10000;
    if (month != s->month)
        s->month_gross = 0;
    s->month = month;
    for (uint64_t i = 0; i < gross; i++) {
        if (!s->terms.above_floor || s->month_gross >= s->terms.floor)
            s->units += s->terms.rate_bp[s->phase];
        s->gross++;
        s->month_gross++;
        plain_steps(s);
    }
    return s->units / 10000 - before;
}

void plain_look(struct plain_share *s, uint64_t ppm)
{
    s->now_ppm = ppm;
    if (!s->terms.latching || ppm > s->peak_ppm)
        s->peak_ppm = ppm;
    plain_steps(s);
}

void plain_claims_pay(struct plain_share *s, uint64_t *have, unsigned *most)
{
    for (; *most > 0; --*most) {
        uint64_t *claim = &s->claims[s->claims_first];
        if (s->claims_first == s->claims_end || *have == 0)
            return;
        uint64_t pays = *claim < *have ? *claim : *have;
        *claim -= pays;
        *have -= pays;
        s->paid += pays;
        s->claims_first += *claim == 0;
    }
}

void plain_claims_tick(struct plain_share *s)
{
    unsigned most = PLAIN_CLAIMS;
    plain_claims_pay(s, &s->fund, &most);
}

uint64_t plain_claimed(const struct plain_share *s)
{
    uint64_t sum = 0;
    for (unsigned i = s->claims_first; i < s->claims_end; i++)
        sum += s->claims[i];
    return sum;
}

void plain_deduct(struct plain_share *s, struct plain_earning *e, int month)
{
    plain_claims_pay(s, &e->left, &e->claims);
    uint64_t due = plain_settle(s, e->gross, month);
    uint64_t pays = due < e->left ? due : e->left;
    e->left -= pays;
    s->paid += pays;
    if (due == pays)
        return;
    assert(s->claims_end < PLAIN_CLAIMS);
    s->claims[s->claims_end++] = due - pays;
    plain_claims_pay(s, &s->fund, &e->funded);
}
