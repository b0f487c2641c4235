#include "tests/server/exchange/plain_lease.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "server/exchange/elastic.h"
#include "server/exchange/lease.h"
#include "server/exchange/settlement.h"

const struct world_options plain_options = {CLOCK_MODE_REAL, 600, 900, 1200, 1, 0, 0, NULL};

uint64_t plain_cost(uint64_t minutes, uint64_t price)
{
    return (minutes * price + 59) / 60;
}

uint32_t plain_periods(const struct plain_lease *l)
{
    uint64_t minutes = (l->end_s - l->start_s) / 60;
    uint32_t count = 0;
    for (uint64_t at = 0; at < minutes; at += l->period_min)
        count++;
    return count;
}

uint64_t plain_period_end(const struct plain_lease *l, uint32_t k)
{
    uint64_t end_s = l->start_s + 60 * (uint64_t)l->period_min * (k + 1);
    return end_s < l->end_s ? end_s : l->end_s;
}

uint64_t plain_period_start(const struct plain_lease *l, uint32_t k)
{
    return l->start_s + 60 * (uint64_t)l->period_min * k;
}

/* What is owed over a time; a pause that still goes on is not looked at. */
uint64_t plain_owed(const struct plain_lease *l, uint64_t from_s, uint64_t to_s)
{
    uint64_t minutes = 0;
    for (uint64_t at = from_s; at < to_s; at += 60) {
        uint64_t m = (at - l->start_s) / 60;
        minutes += l->paused[m] ? 0 : l->gpus - l->sold[m];
    }
    return minutes;
}

uint64_t plain_due(const struct plain_lease *l, uint32_t k)
{
    uint64_t end_s = plain_period_end(l, k);
    if (l->paused_s != 0 && l->paused_s < end_s)
        end_s = l->paused_s;
    return plain_owed(l, plain_period_start(l, k), end_s);
}

uint64_t plain_charge(const struct plain_lease *l, uint32_t k)
{
    uint64_t least = (plain_due(l, k) * l->least_ppm + 999999) / 1000000;
    return l->periods[k].minutes > least ? l->periods[k].minutes : least;
}

uint64_t plain_activate_by(const struct plain_lease *l)
{
    uint64_t from_s = l->granted_s > l->start_s ? l->granted_s : l->start_s;
    if (l->resumed_s > from_s)
        from_s = l->resumed_s;
    return from_s + plain_options.activation_grace_s;
}

static bool plain_missed(const struct plain_lease *l, uint32_t k, uint64_t now_s)
{
    return l->periods[k].state == OPEN &&
           now_s >= plain_period_end(l, k) + plain_options.meter_grace_s;
}

bool plain_miss_waits(const struct exchange *x, const struct plain_lease *l, uint64_t now_s)
{
    if (!l->elastic || !l->activated || l->paused_s != 0)
        return false;
    for (uint32_t k = 0; k < plain_periods(l); k++) {
        if (plain_missed(l, k, now_s) && period_find(x, l->lease, k) == NULL)
            return true;
    }
    return false;
}

/* What time alone does to a lease. */
void plain_pass(struct plain_lease *l, uint64_t now_s)
{
    if (!l->activated) {
        bool waits = l->end_s > l->start_s && l->paused_s == 0;
        l->failed = l->failed || (waits && now_s >= plain_activate_by(l));
        return;
    }
    for (uint32_t k = 0; k < plain_periods(l); k++) {
        struct plain_period *p = &l->periods[k];
        if (l->paused_s != 0 && plain_period_start(l, k) >= l->paused_s)
            break;
        if (plain_missed(l, k, now_s)) {
            p->state = SETTLED;
            p->minutes = 0;
        }
        if (p->state == METERED && now_s >= p->metered_s + plain_options.dispute_window_s) {
            p->state = SETTLED;
            p->minutes = plain_charge(l, k);
        }
    }
}

/* Pauses that are over, also those that ended by themselves when little was metered. */
static void pauses_follow(const struct exchange *x, const struct lease_row *row,
                          struct plain_lease *l)
{
    for (uint32_t i = 0; i < row->reliefs; i++) {
        struct relief_row key = {.lease = row->lease, .relief = i};
        const struct relief_row *relief = store_find(x->store, TABLE_RELIEF, &key);
        if (relief->kind != RELIEF_KIND_PAUSE)
            continue;
        assert_int_equal((relief->start_s - l->start_s) % (60 * (uint64_t)l->period_min), 0);
        for (uint64_t at = relief->start_s; at < relief->end_s; at += 60)
            l->paused[(at - l->start_s) / 60] = true;
    }
}

/* When an elastic lease is paused depends on what it held then: that is taken from the rules, and
 * asserted to be a time at which a period began that all its funds could not cover. */
void plain_follow(const struct exchange *x, struct plain_lease *l)
{
    const struct lease_row *row = lease_find(x, l->lease);
    if (!l->elastic || l->failed)
        return;
    pauses_follow(x, row, l);
    assert_true(row->resumed_s >= l->resumed_s && row->resumed_s % 60 == 0);
    l->resumed_s = row->resumed_s;
    struct lease_row view = pause_view(x, row);
    bool known = l->paused_s != 0;
    if (view.end_reason == LEASE_END_UNFUNDED)
        l->end_s = view.end_s;
    l->paused_s = view.end_reason == LEASE_END_UNFUNDED ? 0 : view.paused_s;
    uint64_t since_s = l->paused_s != 0                        ? l->paused_s
                       : view.end_reason == LEASE_END_UNFUNDED ? l->end_s
                                                               : 0;
    if (since_s == 0)
        return;
    assert_true(since_s <= x->head.time_s);
    assert_int_equal((since_s - l->start_s) % (60 * (uint64_t)l->period_min), 0);
    if (l->paused_s == 0 || known)
        return;
    uint32_t k = (uint32_t)((since_s - l->start_s) / (60 * (uint64_t)l->period_min));
    uint64_t funds = row->paid_ucr + settlement_held(x, row);
    assert_true(plain_cost(plain_owed(l, l->start_s, plain_period_end(l, k)), l->price) > funds);
}

/* What the operator has earned and what is still held for it. */
void plain_money(const struct plain_lease *l, uint64_t *paid, uint64_t *held)
{
    uint64_t delivered = 0, possible = 0;
    *paid = 0;
    *held = 0;
    if (l->failed)
        return;
    for (uint32_t k = 0; k < plain_periods(l); k++) {
        if (l->periods[k].state == SETTLED)
            delivered += l->periods[k].minutes;
        else
            possible += plain_owed(l, plain_period_start(l, k), plain_period_end(l, k));
    }
    *paid = plain_cost(delivered, l->price);
    *held = plain_cost(delivered + possible, l->price) - *paid;
}

/* The fewest GPUs that are left of a lease at any minute. */
uint32_t plain_left(const struct plain_lease *l, uint64_t from_s, uint64_t to_s)
{
    uint32_t left = l->gpus;
    for (uint64_t at = from_s; at < to_s; at += 60) {
        uint32_t here = l->gpus - l->sold[(at - l->start_s) / 60];
        left = here < left ? here : left;
    }
    return left;
}
