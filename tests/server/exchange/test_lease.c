/*
 * Random stories of offers, redemptions and leases against a naive model: a list of leases with
 * their periods, worked through one by one at every step, minute by minute for capacity.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/exchange/lease.h"
#include "server/exchange/offer.h"
#include "server/exchange/settlement.h"
#include "tests/server/exchange/lease_story.h"

enum { STEPS = 2500 };

static void do_publish(struct story *s)
{
    bool preemptible = draw(2) == 0;
    uint64_t start_s = s->w.time_s - s->w.time_s % 60 + 60 * (uint64_t)draw(40);
    struct op_offer_publish op = {
        .site = 1,
        .sku = 1,
        .gpus = 1 + draw(20),
        .block_gpus = 1,
        .start_s = start_s,
        .end_s = start_s + 60 * (uint64_t)(20 + draw(150)),
        .price_ucr = 1 + draw(100),
        .preemptible = preemptible,
        .notice_min = preemptible ? draw(10) : 0,
        .lease_min_min = 1 + draw(15),
        .billing = draw(2) == 0 ? BILLING_RESERVED : BILLING_METERED,
        .meter_period_min = 7 + draw(20),
    };
    if (op.billing == BILLING_METERED && draw(2) == 0)
        op.least_charge_ppm = draw(1000001);
    if (s->w.x->head.offer_last + 1 == OFFERS_MAX)
        return;
    const struct result *r = story_act(s, s->operator, "op", &op_offer_publish_message, &op);
    assert_true(r->refusal == REFUSAL_accepted || r->refusal == REFUSAL_power_exceeded);
}

static void do_withdraw(struct story *s)
{
    if (s->w.x->head.offer_last == 0)
        return;
    struct op_offer_withdraw op = {1 + draw((uint32_t)s->w.x->head.offer_last)};
    const struct offer_row row = *offer_row_find(s->w.x, op.offer);
    const struct result *r =
        story_act(s, row.seller, story_name_of(s, row.seller), &op_offer_withdraw_message, &op);
    bool closed = row.state != OFFER_STATE_OPEN || row.end_s <= s->w.time_s;
    assert_int_equal(r->refusal, closed ? REFUSAL_offer_closed : REFUSAL_accepted);
}

/* A part of a lease has been sold: where its tail is gone altogether it ends there, though not in a
 * period that is over. */
static void note_sale(struct plain_lease *parent, const struct plain_lease *sold, uint64_t now_s)
{
    uint64_t over_s = parent->start_s;
    for (uint32_t k = 0; parent->activated && k < plain_periods(parent); k++) {
        if (plain_period_end(parent, k) <= now_s)
            over_s = plain_period_end(parent, k);
    }
    for (uint64_t at = sold->start_s; at < sold->end_s; at += 60) {
        uint64_t m = (at - parent->start_s) / 60;
        parent->sold[m] += sold->gpus;
        assert_true(parent->sold[m] <= parent->gpus);
    }
    while (parent->end_s > over_s &&
           parent->sold[(parent->end_s - parent->start_s) / 60 - 1] == parent->gpus)
        parent->end_s -= 60;
}

static void note_leases(struct story *s, const struct result *r)
{
    for (uint32_t i = 0; i < r->lease_count; i++) {
        const struct lease_row *row = lease_find(s->w.x, r->lease_first + i);
        const struct offer_row *offer = offer_row_find(s->w.x, row->offer);
        struct plain_lease *parent = row->parent != 0 ? &s->leases[row->parent - 1] : NULL;
        struct plain_lease *l = &s->leases[s->count++];
        assert_int_equal(row->lease, s->count);
        *l = (struct plain_lease){
            .lease = row->lease,
            .offer = parent != NULL ? parent->offer : row->offer,
            .granted_s = s->w.time_s,
            .start_s = row->start_s,
            .end_s = row->end_s,
            .price = parent != NULL ? parent->price : offer->price_ucr,
            .holder = row->holder,
            .gpus = row->gpus,
            .period_min = offer->meter_period_min,
            .lease_min = offer->lease_min_min,
            .notice = offer->notice_min,
            .least_ppm = offer->least_charge_ppm,
            .preemptible = offer->preemptible != 0,
            .elastic = row->elastic != 0,
        };
        assert_int_equal(row->price_ucr, l->price);
        assert_int_equal(row->offer, l->offer);
        assert_int_equal(row->cost_ucr,
                         plain_cost((row->end_s - row->start_s) / 60 * row->gpus, l->price));
        assert_true(parent != NULL || offer->state == OFFER_STATE_OPEN);
        assert_true(plain_periods(l) <= PERIODS_MAX);
        if (parent != NULL)
            note_sale(parent, l, s->w.time_s);
        s->accepted[8] += parent != NULL;
    }
}

static void do_order(struct story *s)
{
    if (s->count + 16 > LEASES_MAX)
        return;
    uint32_t who = draw(2) == 0 ? s->startup : s->trader;
    uint64_t tokens[2];
    for (int i = 0; i < 2; i++) {
        tokens[i] = world_mint(&s->w, s->series[i], who, 1 + draw(3000));
    }
    struct sku_limit limit = {1, 1 + draw(120)};
    struct op_order_place op = {
        .skus = {&limit, 1},
        .gpus = 1 + draw(15),
        .gpus_min = 1,
        .block_gpus = 1,
        .duration_min = 1 + draw(60),
        .start_until_s = s->w.time_s - s->w.time_s % 60 + 60 * (uint64_t)draw(60),
        .placement = PLACEMENT_ONE_SITE,
        .time_in_force = TIME_IN_FORCE_IOC,
        .preemptible_ok = true,
        .profile = PROFILE_TUNING,
        .tokens = {tokens, 2},
    };
    if (draw(3) == 0) {
        op.profile = PROFILE_INFERENCE;
        op.funded_min = 1 + draw(op.duration_min);
    }
    const struct result *r = story_act(s, who, story_name_of(s, who), &op_order_place_message, &op);
    if (r->refusal == REFUSAL_accepted)
        note_leases(s, r);
    else
        assert_true(r->refusal == REFUSAL_no_capacity || r->refusal == REFUSAL_insufficient_funds ||
                    r->refusal == REFUSAL_price_above_limit || r->refusal == REFUSAL_self_trade);
    s->accepted[0] += r->refusal == 0;
    s->refused[0] += r->refusal != 0;
}

static void outcome(struct story *s, int kind, const struct result *r, enum refusal expected)
{
    assert_int_equal(r->refusal, expected);
    s->accepted[kind] += expected == REFUSAL_accepted;
    s->refused[kind] += expected != REFUSAL_accepted;
}

static void do_activate(struct story *s, struct plain_lease *l)
{
    struct op_lease_activate op = {l->lease, {(const uint8_t *)"key", 3}};
    bool cancelled = l->end_s == l->start_s;
    enum refusal expected = l->activated || cancelled ? REFUSAL_lease_not_granted
                            : l->failed               ? REFUSAL_activation_too_late
                            : s->w.time_s >= l->end_s ? REFUSAL_lease_closed
                                                      : REFUSAL_accepted;
    outcome(s, 1, story_act(s, s->operator, "op", &op_lease_activate_message, &op), expected);
    if (expected == REFUSAL_accepted)
        l->activated = true;
}

/* Mostly a period in this state whose end has come, if there is one; else any, or none at all. */
static uint32_t some_period(const struct story *s, const struct plain_lease *l,
                            enum plain_state state)
{
    uint32_t periods = plain_periods(l);
    uint32_t first = draw(periods + 1);
    for (uint32_t i = 0; i < periods && draw(10) > 0; i++) {
        uint32_t k = (first + i) % periods;
        if (l->periods[k].state == state && plain_period_end(l, k) <= s->w.time_s)
            return k;
    }
    return first;
}

static void do_meter(struct story *s, struct plain_lease *l)
{
    uint32_t k = some_period(s, l, OPEN);
    uint64_t now_s = s->w.time_s;
    struct op_lease_meter op = {l->lease, k, 0};
    enum refusal expected = REFUSAL_accepted;
    if (k < plain_periods(l))
        op.gpu_minutes = plain_due(l, k) + 1 - draw((uint32_t)plain_due(l, k) / 4 + 2);
    if (draw(4) == 0)
        op.gpu_minutes = draw(30);
    if (!l->activated)
        expected = REFUSAL_lease_not_active;
    else if (k >= plain_periods(l))
        expected = REFUSAL_period_not_found;
    else if (now_s < plain_period_end(l, k) ||
             (l->paused_s != 0 && plain_period_start(l, k) >= l->paused_s))
        expected = REFUSAL_period_not_over;
    else if (now_s >= plain_period_end(l, k) + plain_options.meter_grace_s)
        expected = REFUSAL_meter_too_late;
    else if (l->periods[k].state != OPEN)
        expected = REFUSAL_already_metered;
    else if (op.gpu_minutes > plain_due(l, k))
        expected = REFUSAL_meter_too_large;
    outcome(s, 2, story_act(s, s->operator, "op", &op_lease_meter_message, &op), expected);
    if (expected == REFUSAL_accepted)
        l->periods[k] = (struct plain_period){METERED, now_s, op.gpu_minutes};
}

static void do_dispute(struct story *s, struct plain_lease *l)
{
    uint32_t k = some_period(s, l, METERED);
    struct plain_period *p = &l->periods[k];
    struct op_lease_dispute op = {l->lease, k, draw(20), {"no", 2}};
    enum refusal expected = REFUSAL_accepted;
    if (k < plain_periods(l) && draw(2) == 0)
        op.gpu_minutes = plain_charge(l, k) + 1 - draw(3); /* about where it becomes too large */
    if (!l->activated)
        expected = REFUSAL_lease_not_active;
    else if (k >= plain_periods(l))
        expected = REFUSAL_period_not_found;
    else if (p->metered_s == 0)
        expected = REFUSAL_not_metered;
    else if (s->w.time_s >= p->metered_s + plain_options.dispute_window_s)
        expected = REFUSAL_dispute_too_late;
    else if (p->state != METERED)
        expected = REFUSAL_already_disputed;
    else if (op.gpu_minutes >= plain_charge(l, k))
        expected = REFUSAL_claim_too_large;
    outcome(s, 3,
            story_act(s, l->holder, story_name_of(s, l->holder), &op_lease_dispute_message, &op),
            expected);
    if (expected == REFUSAL_accepted)
        p->state = DISPUTED;
}

/* Of an elastic lease no more than what was to be charged. */
static uint64_t plain_decided_most(const struct plain_lease *l, uint32_t k)
{
    bool charge = l->elastic && l->periods[k].state == DISPUTED;
    return charge ? plain_charge(l, k) : plain_due(l, k);
}

static void do_decide(struct story *s, struct plain_lease *l)
{
    uint32_t k = some_period(s, l, DISPUTED);
    struct op_dispute_decide op = {l->lease, k, draw(100), {"so", 2}};
    enum refusal expected = REFUSAL_accepted;
    if (k < plain_periods(l) && draw(2) == 0)
        op.gpu_minutes = plain_decided_most(l, k) + 1 - draw(3);
    if (!l->activated)
        expected = REFUSAL_lease_not_active;
    else if (k >= plain_periods(l))
        expected = REFUSAL_period_not_found;
    else if (op.gpu_minutes > plain_decided_most(l, k))
        expected = REFUSAL_meter_too_large;
    else if (l->periods[k].state != DISPUTED)
        expected = REFUSAL_not_disputed;
    outcome(s, 4, story_act(s, 1, "admin", &op_dispute_decide_message, &op), expected);
    if (expected == REFUSAL_accepted) {
        l->periods[k].state = SETTLED;
        l->periods[k].minutes = op.gpu_minutes;
    }
}

static void do_end(struct story *s, struct plain_lease *l)
{
    bool holder = draw(2) == 0;
    uint64_t now_s = s->w.time_s, ceil_s = (now_s + 59) / 60 * 60;
    uint64_t end_s = ceil_s + 60 * (uint64_t)l->notice;
    if (holder)
        end_s = l->start_s + 60 * (uint64_t)l->lease_min;
    if (holder && end_s < ceil_s)
        end_s = ceil_s;
    if (!holder && now_s < l->start_s)
        end_s = l->start_s;
    if (l->paused_s != 0)
        end_s = l->paused_s;
    enum refusal expected = REFUSAL_accepted;
    if (!holder && !l->preemptible)
        expected = REFUSAL_not_preemptible;
    else if (l->failed || now_s >= l->end_s || l->end_s == l->start_s)
        expected = REFUSAL_lease_closed;
    else if (end_s >= l->end_s)
        expected = REFUSAL_lease_ending;
    struct op_lease_end op = {l->lease};
    outcome(s, 5,
            story_act(s, holder ? l->holder : s->operator,
                      holder ? story_name_of(s, l->holder) : "op", &op_lease_end_message, &op),
            expected);
    if (expected == REFUSAL_accepted) {
        l->end_s = end_s;
        l->paused_s = 0;
        l->early = true;
    }
}

static bool plain_on_offer(const struct story *s, const struct plain_lease *l)
{
    for (uint64_t o = 1; o <= s->w.x->head.offer_last; o++) {
        const struct offer_row *row = offer_row_find(s->w.x, o);
        if (row->lease == l->lease && row->state == OFFER_STATE_OPEN && row->end_s > s->w.time_s)
            return true;
    }
    return false;
}

static void do_resell(struct story *s, struct plain_lease *l)
{
    uint64_t now_s = s->w.time_s, ceil_s = (now_s + 59) / 60 * 60;
    uint64_t first_s = l->start_s > ceil_s ? l->start_s : ceil_s;
    struct op_lease_resell op = {
        .lease = l->lease,
        .gpus = 1 + draw(l->gpus + 1),
        .block_gpus = 1,
        .start_s = draw(2) == 0 ? 0 : first_s + 60 * (uint64_t)draw(20),
        .end_s = draw(2) == 0 ? 0 : first_s + 60 * (uint64_t)(10 + draw(30)),
        .price_ucr = draw(30),
        .lease_min_min = 1,
    };
    if (s->w.x->head.offer_last + 1 >= OFFERS_MAX)
        return;
    uint64_t from_s = op.start_s != 0 ? op.start_s : first_s;
    uint64_t to_s = op.end_s != 0 ? op.end_s : l->end_s;
    enum refusal expected = REFUSAL_accepted;
    if (l->failed || now_s >= l->end_s || l->end_s == l->start_s)
        expected = REFUSAL_lease_closed;
    else if (l->activated && l->paused_s != 0)
        expected = REFUSAL_lease_not_active;
    else if (from_s >= to_s || to_s > l->end_s)
        expected = REFUSAL_interval_invalid;
    else if (op.price_ucr == 0 || (l->elastic && op.price_ucr < l->price))
        expected = REFUSAL_terms_invalid;
    else if (op.gpus > plain_left(l, from_s, to_s))
        expected = REFUSAL_below_sold;
    else if (plain_on_offer(s, l))
        expected = REFUSAL_resale_open;
    outcome(s, 6,
            story_act(s, l->holder, story_name_of(s, l->holder), &op_lease_resell_message, &op),
            expected);
}

static void do_extend(struct story *s, struct plain_lease *l)
{
    uint64_t token = world_mint(&s->w, s->series[0], l->holder, 5000);
    struct op_lease_extend op = {l->lease, 1 + draw(20), {&token, 1}};
    const struct offer_row offer = *offer_row_find(s->w.x, l->offer);
    const struct result *r =
        story_act(s, l->holder, story_name_of(s, l->holder), &op_lease_extend_message, &op);
    s->accepted[7] += r->refusal == REFUSAL_accepted;
    s->refused[7] += r->refusal != REFUSAL_accepted;
    if (r->refusal != REFUSAL_accepted)
        return;
    assert_true(!l->failed && !l->early && s->w.time_s < l->end_s);
    assert_true(l->paused_s == 0 || !l->activated);
    assert_true(offer.state == OFFER_STATE_OPEN && offer.price_ucr <= l->price);
    uint64_t old_s = l->end_s;
    l->end_s += 60 * (uint64_t)op.duration_min;
    assert_true(l->end_s <= offer.end_s && plain_periods(l) <= PERIODS_MAX);
    for (uint64_t at = old_s; at < l->end_s; at += 60)
        l->sold[(at - l->start_s) / 60] = 0;
}

static void do_fund(struct story *s, struct plain_lease *l)
{
    uint64_t token = world_mint(&s->w, s->series[1], l->holder, 1 + draw(2000));
    struct op_lease_fund op = {l->lease, {&token, 1}};
    uint64_t held = settlement_held(s->w.x, lease_find(s->w.x, l->lease));
    const struct result *r =
        story_act(s, l->holder, story_name_of(s, l->holder), &op_lease_fund_message, &op);
    if (r->refusal != REFUSAL_accepted) {
        assert_true(r->refusal == REFUSAL_lease_closed || r->refusal == REFUSAL_not_elastic);
        return;
    }
    const struct lease_row *row = lease_find(s->w.x, l->lease);
    assert_true(l->elastic && !l->failed && s->w.time_s < l->end_s);
    assert_true(settlement_held(s->w.x, row) >= held);
    if (l->paused_s == 0 || row->paused_s != 0)
        return;
    uint64_t until_s = (s->w.time_s + 59) / 60 * 60;
    for (uint64_t at = l->paused_s; at < until_s; at += 60)
        l->paused[(at - l->start_s) / 60] = true;
    l->paused_s = 0;
}

/* Mostly a lease of the last ones that is active: there something happens. */
static struct plain_lease *some_lease(struct story *s)
{
    uint32_t last = s->count < 12 ? s->count : 12;
    struct plain_lease *l = &s->leases[s->count - 1 - draw(last)];
    for (int i = 0; i < 5 && draw(5) > 0 && (!l->activated || s->w.time_s < l->start_s); i++)
        l = &s->leases[s->count - 1 - draw(last)];
    return l;
}

static void story_pass(struct story *s)
{
    bool waits = false;
    for (uint32_t i = 0; i < s->count && !waits; i++)
        waits = plain_miss_waits(s->w.x, &s->leases[i], s->w.time_s);
    if (waits)
        world_settle(&s->w);
    for (uint32_t i = 0; i < s->count; i++) {
        plain_follow(s->w.x, &s->leases[i]);
        plain_pass(&s->leases[i], s->w.time_s);
    }
}

static void story_step(struct story *s)
{
    static void (*const deeds[])(struct story *, struct plain_lease *) = {
        do_activate, do_activate, do_meter, do_meter,  do_meter,  do_meter,  do_dispute, do_dispute,
        do_decide,   do_decide,   do_end,   do_resell, do_resell, do_extend, do_fund,    do_fund};
    story_pass(s);
    /* What takes over the rows goes on exactly as what has been there from the beginning: the
     * replay in world_verify() is never reloaded. */
    if (draw(60) == 0)
        world_reload(&s->w);
    uint32_t what = draw(100);
    if (what < 6)
        do_publish(s);
    else if (what < 8)
        do_withdraw(s);
    else if (what < 18)
        do_order(s);
    else if (what < 34)
        world_advance(&s->w, draw(200), draw(2) == 0);
    else if (s->count > 0)
        deeds[what % 16](s, some_lease(s));
}

static void test_random_stories(void **state)
{
    (void)state;
    const char *text = getenv("BOURSE_SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 4242;
    draw_from(seed);
    printf("BOURSE_SEED=%llu\n", (unsigned long long)seed);
    unsigned accepted[9] = {0}, refused[9] = {0};
    for (int round = 0; round < 5; round++) {
        struct story *s = story_begin();
        for (int i = 0; i < STEPS; i++) {
            story_step(s);
            if (i % 50 != 49)
                continue;
            world_settle(&s->w);
            story_pass(s);
            story_compare(s);
        }
        assert_int_equal(world_verify(&s->w), 0);
        for (int i = 0; i < 9; i++) {
            accepted[i] += s->accepted[i];
            refused[i] += s->refused[i];
        }
        world_end(&s->w);
        free(s);
    }
    static const char *const names[] = {"order", "activate", "meter",  "dispute", "decide",
                                        "end",   "resell",   "extend", "sold"};
    for (int i = 0; i < 9; i++) {
        printf("%-8s accepted %u refused %u\n", names[i], accepted[i], refused[i]);
        assert_true(accepted[i] > 0 && (refused[i] > 0 || i == 8));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_stories)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
