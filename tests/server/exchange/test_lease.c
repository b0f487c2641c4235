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

#include "protocol/endian.h"
#include "server/exchange/lease.h"
#include "server/exchange/ledger.h"
#include "server/exchange/offer.h"
#include "server/exchange/site.h"
#include "tests/server/exchange/world.h"

enum {
    LEASES_MAX = 600,
    PERIODS_MAX = 64,
    OFFERS_MAX = 120,
    POWER_W = 700,
    POWER_KW = 100,
    STEPS = 2500,
};

static const struct world_options options = {CLOCK_MODE_REAL, 600, 900, 1200};

static uint64_t seed;

static uint32_t draw(uint32_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % below;
}

/* --- The model ------------------------------------------------------------------------------ */

enum plain_state { OPEN, METERED, DISPUTED, SETTLED };

struct plain_period {
    enum plain_state state;
    uint64_t metered_s;
    uint64_t minutes;
};

struct plain_lease {
    uint64_t lease, offer;
    uint64_t granted_s, start_s, end_s;
    uint64_t price, cost;
    uint32_t gpus, period_min, lease_min, notice;
    bool preemptible, activated, failed, by_operator;
    struct plain_period periods[PERIODS_MAX];
};

struct story {
    struct world w;
    uint32_t operator, startup;
    uint32_t series[2];
    uint64_t minted;
    struct plain_lease leases[LEASES_MAX];
    uint32_t count;
    unsigned accepted[8], refused[8];
};

static uint64_t plain_cost(uint64_t minutes, uint64_t price)
{
    return (minutes * price + 59) / 60;
}

static uint32_t plain_periods(const struct plain_lease *l)
{
    uint64_t minutes = (l->end_s - l->start_s) / 60;
    uint32_t count = 0;
    for (uint64_t at = 0; at < minutes; at += l->period_min)
        count++;
    return count;
}

static uint64_t plain_period_end(const struct plain_lease *l, uint32_t k)
{
    uint64_t end_s = l->start_s + 60 * (uint64_t)l->period_min * (k + 1);
    return end_s < l->end_s ? end_s : l->end_s;
}

static uint64_t plain_due(const struct plain_lease *l, uint32_t k)
{
    return (plain_period_end(l, k) - l->start_s - 60 * (uint64_t)l->period_min * k) / 60 * l->gpus;
}

static uint64_t plain_activate_by(const struct plain_lease *l)
{
    uint64_t from_s = l->granted_s > l->start_s ? l->granted_s : l->start_s;
    return from_s + options.activation_grace_s;
}

/* What time alone does to a lease. */
static void plain_pass(struct plain_lease *l, uint64_t now_s)
{
    if (!l->activated) {
        l->failed = l->failed || (l->end_s > l->start_s && now_s >= plain_activate_by(l));
        return;
    }
    for (uint32_t k = 0; k < plain_periods(l); k++) {
        struct plain_period *p = &l->periods[k];
        if (p->state == OPEN && now_s >= plain_period_end(l, k) + options.meter_grace_s) {
            p->state = SETTLED;
            p->minutes = 0;
        }
        if (p->state == METERED && now_s >= p->metered_s + options.dispute_window_s)
            p->state = SETTLED;
    }
}

/* What the operator has earned and what is still held for it. */
static void plain_money(const struct plain_lease *l, uint64_t *paid, uint64_t *held)
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
            possible += plain_due(l, k);
    }
    *paid = plain_cost(delivered, l->price);
    *held = plain_cost(delivered + possible, l->price) - *paid;
}

/* --- Comparing ------------------------------------------------------------------------------ */

/* No GPU is leased twice at any minute, and no more power is sold than there is. */
static void compare_capacity(const struct story *s)
{
    uint64_t begin = WORLD_BEGIN_S / 60, end = s->w.time_s / 60 + 600;
    uint32_t *taken = calloc(OFFERS_MAX, sizeof(*taken));
    for (uint64_t m = begin; m < end; m++) {
        uint64_t site_gpus = 0;
        memset(taken, 0, OFFERS_MAX * sizeof(*taken));
        for (uint32_t i = 0; i < s->count; i++) {
            const struct plain_lease *l = &s->leases[i];
            uint64_t until_s = l->failed ? plain_activate_by(l) : l->end_s;
            if (l->start_s <= m * 60 && m * 60 < until_s && m * 60 < l->end_s)
                taken[l->offer] += l->gpus;
        }
        for (uint64_t o = 1; o <= s->w.x->head.offer_last; o++) {
            const struct offer_row *row = offer_row_find(s->w.x, o);
            assert_true(taken[o] <= row->gpus);
            bool inside = row->start_s <= m * 60 && m * 60 < row->end_s;
            bool whole = inside && row->state != OFFER_STATE_WITHDRAWN;
            site_gpus += whole ? row->gpus : taken[o];
            struct piece piece = steps_piece(&offer_find(s->w.x, o)->taken, m);
            assert_int_equal(piece.value, taken[o]);
        }
        assert_true(site_gpus * POWER_W <= (uint64_t)POWER_KW * 1000);
    }
    free(taken);
}

static uint64_t holds(const struct story *s, enum ledger_kind kind, uint32_t account)
{
    struct ledger_place place = {kind, account};
    return ledger_holds(s->w.x, s->series[0], place) + ledger_holds(s->w.x, s->series[1], place);
}

static void compare_money(const struct story *s)
{
    uint64_t paid_all = 0, held_all = 0;
    uint64_t due = 0, delivered = 0, failed = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        const struct plain_lease *l = &s->leases[i];
        const struct lease_row *row = lease_find(s->w.x, l->lease);
        uint64_t paid, held;
        plain_money(l, &paid, &held);
        assert_int_equal(row->paid_ucr, paid);
        assert_int_equal(row->paid_ucr + row->refunded_ucr + held, l->cost);
        paid_all += paid;
        held_all += held;
        failed += l->failed;
        for (uint32_t k = 0; k < plain_periods(l); k++) {
            bool settled = l->periods[k].state == SETTLED;
            due += l->failed || settled ? plain_due(l, k) : 0;
            delivered += settled ? l->periods[k].minutes : 0;
        }
    }
    const struct site_row *site = site_find(s->w.x, 1);
    assert_int_equal(site->gpu_minutes_delivered, delivered);
    assert_int_equal(site->gpu_minutes_due, due);
    assert_int_equal(site->leases_failed, failed);
    assert_int_equal(holds(s, LEDGER_BALANCE, s->operator), paid_all);
    assert_int_equal(holds(s, LEDGER_ESCROW, s->startup), held_all);
    assert_int_equal(holds(s, LEDGER_TOKENS, s->startup), s->minted - paid_all - held_all);
}

/* --- Doing ---------------------------------------------------------------------------------- */

/* The operation in an atomic request that ends in a refusal: nothing may be left of it, neither in
 * rows nor in indexes. */
static void act_and_undo(struct story *s, uint32_t account, const char *key,
                         const struct message *m, const void *body)
{
    static const struct op_token_burn nothing; /* refused: names no token */
    struct request *request = arena_alloc(&s->w.arena, sizeof(*request));
    struct operation *operations = arena_alloc(&s->w.arena, 2 * sizeof(*operations));
    struct keys keys;
    world_keys(key, &keys);
    request->account = account;
    memcpy(request->key, keys.sign_public, 32);
    put_u64_be(request->id, ++s->w.ids);
    request->valid_until_s = s->w.time_s + 300;
    request->atomic = true;
    operations[0] = (struct operation){m, body};
    operations[1] = (struct operation){&op_token_burn_message, &nothing};
    request->operations.items = operations;
    request->operations.count = 2;
    const struct frame_reply *reply = world_request(&s->w, request);
    assert_int_equal(reply->refusal, 0);
    assert_int_not_equal(reply->results.items[0].refusal, 0);
}

/* One operation; the world keeps a copy of it for its replay. */
static const struct result *act(struct story *s, uint32_t account, const char *key,
                                const struct message *m, const void *body)
{
    struct buffer encoded = BUFFER_EMPTY;
    struct decode_error error;
    message_encode(m, body, &encoded);
    const uint8_t *data = arena_copy(&s->w.arena, encoded.data, encoded.length);
    void *copy = arena_alloc(&s->w.arena, m->size);
    int status = message_decode(m, data, encoded.length, &s->w.arena, copy, &error);
    assert_int_equal(status, 0);
    buffer_release(&encoded);
    if (draw(4) == 0)
        act_and_undo(s, account, key, m, copy);
    return world_do(&s->w, account, key, m, copy);
}

static struct story *story_begin(void)
{
    struct story *s = calloc(1, sizeof(*s));
    struct text name = {"x", 1};
    world_begin(&s->w, options);
    s->operator= world_register(&s->w, "op", ROLE_OPERATOR);
    s->startup = world_register(&s->w, "startup", ROLE_STARTUP);
    s->series[0] = world_series(&s->w, "a", 0);
    s->series[1] = world_series(&s->w, "b", 0);
    struct op_sku_add sku = {.name = name,
                             .vendor = name,
                             .model = name,
                             .memory_gb = 80,
                             .interconnect = name,
                             .power_w = POWER_W,
                             .generation = name};
    assert_int_equal(act(s, 1, "admin", &op_sku_add_message, &sku)->refusal, 0);
    struct op_site_add site = {
        .name = name, .region = {"ID", 2}, .jurisdiction = {"ID", 2}, .power_kw = POWER_KW};
    assert_int_equal(act(s, s->operator, "op", &op_site_add_message, &site)->refusal, 0);
    return s;
}

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
        .billing = BILLING_RESERVED,
        .meter_period_min = 7 + draw(20),
    };
    if (s->w.x->head.offer_last + 1 == OFFERS_MAX)
        return;
    const struct result *r = act(s, s->operator, "op", &op_offer_publish_message, &op);
    assert_true(r->refusal == REFUSAL_accepted || r->refusal == REFUSAL_power_exceeded);
}

static void do_withdraw(struct story *s)
{
    if (s->w.x->head.offer_last == 0)
        return;
    struct op_offer_withdraw op = {1 + draw((uint32_t)s->w.x->head.offer_last)};
    const struct offer_row row = *offer_row_find(s->w.x, op.offer);
    const struct result *r = act(s, s->operator, "op", &op_offer_withdraw_message, &op);
    bool closed = row.state != OFFER_STATE_OPEN || row.end_s <= s->w.time_s;
    assert_int_equal(r->refusal, closed ? REFUSAL_offer_closed : REFUSAL_accepted);
}

static void note_leases(struct story *s, const struct result *r)
{
    for (uint32_t i = 0; i < r->lease_count; i++) {
        const struct lease_row *row = lease_find(s->w.x, r->lease_first + i);
        const struct offer_row *offer = offer_row_find(s->w.x, row->offer);
        struct plain_lease *l = &s->leases[s->count++];
        *l = (struct plain_lease){
            .lease = row->lease,
            .offer = row->offer,
            .granted_s = s->w.time_s,
            .start_s = row->start_s,
            .end_s = row->end_s,
            .price = offer->price_ucr,
            .gpus = row->gpus,
            .period_min = offer->meter_period_min,
            .lease_min = offer->lease_min_min,
            .notice = offer->notice_min,
            .preemptible = offer->preemptible != 0,
        };
        l->cost = plain_cost((row->end_s - row->start_s) / 60 * row->gpus, l->price);
        assert_int_equal(row->cost_ucr, l->cost);
        assert_true(offer->state == OFFER_STATE_OPEN);
        assert_true(plain_periods(l) <= PERIODS_MAX);
    }
}

static void do_order(struct story *s)
{
    if (s->count + 16 > LEASES_MAX)
        return;
    uint64_t tokens[2];
    for (int i = 0; i < 2; i++) {
        tokens[i] = world_mint(&s->w, s->series[i], s->startup, 1 + draw(3000));
    }
    struct sku_limit limit = {1, 1 + draw(120)};
    struct op_order_place op = {
        .skus = {&limit, 1},
        .gpus = 1 + draw(15),
        .gpus_min = 1,
        .duration_min = 1 + draw(60),
        .start_until_s = s->w.time_s - s->w.time_s % 60 + 60 * (uint64_t)draw(60),
        .placement = PLACEMENT_ONE_SITE,
        .time_in_force = TIME_IN_FORCE_IOC,
        .preemptible_ok = true,
        .profile = PROFILE_TUNING,
        .tokens = {tokens, 2},
    };
    const struct result *r = act(s, s->startup, "startup", &op_order_place_message, &op);
    if (r->refusal == REFUSAL_accepted)
        note_leases(s, r);
    else
        assert_true(r->refusal == REFUSAL_no_capacity || r->refusal == REFUSAL_insufficient_funds ||
                    r->refusal == REFUSAL_price_above_limit);
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
                                                      : REFUSAL_accepted;
    outcome(s, 1, act(s, s->operator, "op", &op_lease_activate_message, &op), expected);
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
    if (!l->activated)
        expected = REFUSAL_lease_not_active;
    else if (k >= plain_periods(l))
        expected = REFUSAL_period_not_found;
    else if (now_s < plain_period_end(l, k))
        expected = REFUSAL_period_not_over;
    else if (now_s >= plain_period_end(l, k) + options.meter_grace_s)
        expected = REFUSAL_meter_too_late;
    else if (l->periods[k].state != OPEN)
        expected = REFUSAL_already_metered;
    else if (op.gpu_minutes > plain_due(l, k))
        expected = REFUSAL_meter_too_large;
    outcome(s, 2, act(s, s->operator, "op", &op_lease_meter_message, &op), expected);
    if (expected == REFUSAL_accepted)
        l->periods[k] = (struct plain_period){METERED, now_s, op.gpu_minutes};
}

static void do_dispute(struct story *s, struct plain_lease *l)
{
    uint32_t k = some_period(s, l, METERED);
    struct plain_period *p = &l->periods[k];
    struct op_lease_dispute op = {l->lease, k, draw(20), {"no", 2}};
    enum refusal expected = REFUSAL_accepted;
    if (!l->activated)
        expected = REFUSAL_lease_not_active;
    else if (k >= plain_periods(l))
        expected = REFUSAL_period_not_found;
    else if (p->metered_s == 0)
        expected = REFUSAL_not_metered;
    else if (s->w.time_s >= p->metered_s + options.dispute_window_s)
        expected = REFUSAL_dispute_too_late;
    else if (p->state != METERED)
        expected = REFUSAL_already_disputed;
    else if (op.gpu_minutes >= p->minutes)
        expected = REFUSAL_claim_too_large;
    outcome(s, 3, act(s, s->startup, "startup", &op_lease_dispute_message, &op), expected);
    if (expected == REFUSAL_accepted)
        p->state = DISPUTED;
}

static void do_decide(struct story *s, struct plain_lease *l)
{
    uint32_t k = some_period(s, l, DISPUTED);
    struct op_dispute_decide op = {l->lease, k, draw(100), {"so", 2}};
    enum refusal expected = REFUSAL_accepted;
    if (!l->activated)
        expected = REFUSAL_lease_not_active;
    else if (k >= plain_periods(l))
        expected = REFUSAL_period_not_found;
    else if (op.gpu_minutes > plain_due(l, k))
        expected = REFUSAL_meter_too_large;
    else if (l->periods[k].state != DISPUTED)
        expected = REFUSAL_not_disputed;
    outcome(s, 4, act(s, 1, "admin", &op_dispute_decide_message, &op), expected);
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
    enum refusal expected = REFUSAL_accepted;
    if (!holder && !l->preemptible)
        expected = REFUSAL_not_preemptible;
    else if (l->failed || now_s >= l->end_s || l->end_s == l->start_s)
        expected = REFUSAL_lease_closed;
    else if (end_s >= l->end_s)
        expected = REFUSAL_lease_ending;
    struct op_lease_end op = {l->lease};
    outcome(s, 5,
            act(s, holder ? s->startup : s->operator, holder ? "startup" : "op",
                &op_lease_end_message, &op),
            expected);
    if (expected == REFUSAL_accepted)
        l->end_s = end_s;
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

static void story_step(struct story *s)
{
    static void (*const deeds[])(struct story *, struct plain_lease *) = {
        do_activate, do_activate, do_meter,  do_meter,  do_meter, do_meter,
        do_dispute,  do_dispute,  do_decide, do_decide, do_end};
    for (uint32_t i = 0; i < s->count; i++)
        plain_pass(&s->leases[i], s->w.time_s);
    /* What takes over the rows goes on exactly as what has been there from the beginning: the
     * replay in world_verify() is never reloaded. */
    if (draw(60) == 0)
        world_reload(&s->w);
    uint32_t what = draw(100);
    if (what < 6)
        do_publish(s);
    else if (what < 8)
        do_withdraw(s);
    else if (what < 14)
        do_order(s);
    else if (what < 34)
        world_advance(&s->w, draw(200), draw(2) == 0);
    else if (s->count > 0)
        deeds[what % 11](s, some_lease(s));
}

static void test_random_stories(void **state)
{
    (void)state;
    const char *text = getenv("BOURSE_SEED");
    seed = text != NULL ? strtoull(text, NULL, 10) : 4242;
    printf("BOURSE_SEED=%llu\n", (unsigned long long)seed);
    unsigned accepted[8] = {0}, refused[8] = {0};
    for (int round = 0; round < 5; round++) {
        struct story *s = story_begin();
        for (int i = 0; i < STEPS; i++) {
            story_step(s);
            if (i % 50 != 49)
                continue;
            world_settle(&s->w);
            for (uint32_t k = 0; k < s->count; k++)
                plain_pass(&s->leases[k], s->w.time_s);
            s->minted = ledger_total(s->w.x, s->series[0], LEDGER_MINTED) +
                        ledger_total(s->w.x, s->series[1], LEDGER_MINTED);
            compare_money(s);
            compare_capacity(s);
        }
        assert_int_equal(world_verify(&s->w), 0);
        for (int i = 0; i < 6; i++) {
            accepted[i] += s->accepted[i];
            refused[i] += s->refused[i];
        }
        world_end(&s->w);
        free(s);
    }
    static const char *const names[] = {"order", "activate", "meter", "dispute", "decide", "end"};
    for (int i = 0; i < 6; i++) {
        printf("%-8s accepted %u refused %u\n", names[i], accepted[i], refused[i]);
        assert_true(accepted[i] > 0 && refused[i] > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_stories)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
