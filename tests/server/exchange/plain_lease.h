/*
 * The naive model of a lease that test_lease.c holds the rules to: its periods one by one, what is
 * owed minute by minute.
 */
#ifndef BOURSE_TESTS_EXCHANGE_PLAIN_LEASE_H
#define BOURSE_TESTS_EXCHANGE_PLAIN_LEASE_H

#include "server/exchange/state.h"
#include "tests/server/exchange/world.h"

enum { PERIODS_MAX = 64, MINUTES_MAX = 400 };

/* The graces of the stories. */
extern const struct world_options plain_options;

enum plain_state { OPEN, METERED, DISPUTED, SETTLED };

struct plain_period {
    enum plain_state state;
    uint64_t metered_s;
    uint64_t minutes;
};

struct plain_lease {
    uint64_t lease, offer;
    uint64_t granted_s, start_s, end_s;
    uint64_t price;
    uint64_t paused_s;  /* 0: not now */
    uint64_t resumed_s; /* where the last pause that is over ended */
    uint32_t holder, gpus, period_min, lease_min, notice, least_ppm;
    bool preemptible, activated, failed, elastic, early;
    uint32_t sold[MINUTES_MAX]; /* GPUs, by minute since the start */
    bool paused[MINUTES_MAX];   /* in pauses that are over */
    struct plain_period periods[PERIODS_MAX];
};

/* Rounded up. */
uint64_t plain_cost(uint64_t minutes, uint64_t price);
uint32_t plain_periods(const struct plain_lease *l);
uint64_t plain_period_end(const struct plain_lease *l, uint32_t k);
uint64_t plain_period_start(const struct plain_lease *l, uint32_t k);
/* GPU-minutes owed over a time, a pause that still goes on not looked at; of a period, as far as
 * that pause lets it be. */
uint64_t plain_owed(const struct plain_lease *l, uint64_t from_s, uint64_t to_s);
uint64_t plain_due(const struct plain_lease *l, uint32_t k);
/* What is charged of a period that was metered. */
uint64_t plain_charge(const struct plain_lease *l, uint32_t k);
uint64_t plain_activate_by(const struct plain_lease *l);
/* Whether a period of an elastic lease is to be settled without a report, which the rules have not
 * come to. Until then they may take the lease for paused, or ended by that, though it is funded. */
bool plain_miss_waits(const struct exchange *x, const struct plain_lease *l, uint64_t now_s);
/* What time alone does to a lease. */
void plain_pass(struct plain_lease *l, uint64_t now_s);
/* Takes over from the rules when an elastic lease is paused, and asserts that it had to be. */
void plain_follow(const struct exchange *x, struct plain_lease *l);
/* What the operator has earned and what can still be. */
void plain_money(const struct plain_lease *l, uint64_t *paid, uint64_t *held);
/* The fewest GPUs that are left of a lease at any minute. */
uint32_t plain_left(const struct plain_lease *l, uint64_t from_s, uint64_t to_s);

#endif
