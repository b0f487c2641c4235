/* Revenue shares against a naive model: the arithmetic of settlements alone, and a story of many
 * weeks with leases, claims, funds and amendments by lot. */
#include "tests/server/exchange/support.h"

#include "protocol/moment.h"
#include "server/exchange/contract.h"
#include "server/exchange/ledger.h"
#include "server/exchange/revshare.h"
#include "server/exchange/revshare_split.h"
#include "tests/server/exchange/crowd.h"
#include "tests/server/exchange/plain_revshare.h"

enum {
    GPUS = 16,
    SHARES = 7,
    LEASES = 400,
    HOURS = 50 * 24,
    SETTLED_AFTER_H = 4,
};

static bool chance(unsigned percent)
{
    return random_below(100) < percent;
}

/* Terms by lot; the phases before `kept` stay. */
static void terms_draw(struct plain_terms *t, unsigned kept, uint64_t cash)
{
    struct plain_terms before = *t;
    uint64_t rate = 9000;
    uint64_t milestone = 0;
    *t = (struct plain_terms){.phases = kept + 1 + (unsigned)random_below(PLAIN_PHASES - kept)};
    t->by_share = chance(30);
    t->latching = chance(50);
    t->above_floor = chance(50);
    t->floor = t->above_floor ? random_below(cash) : 0;
    t->window_days = 1 + (unsigned)random_below(4);
    t->rank = 1 + (unsigned)random_below(3);
    for (unsigned i = 0; i < t->phases; i++) {
        bool fixed = i < kept;
        rate = fixed ? before.rate_bp[i] : random_below(rate);
        if (i >= kept && rate + 1 < t->phases - i)
            t->phases = i + 1; /* the rates that are left do not suffice */
        t->rate_bp[i] = rate;
        milestone = fixed ? before.milestone[i] : milestone + random_below(cash / 4 + 1);
        t->milestone[i] = milestone;
        t->target_ppm[i] = fixed ? before.target_ppm[i] : random_below(3) * random_below(400000);
        if (milestone == 0 && t->target_ppm[i] == 0)
            t->milestone[i] = milestone = 1;
    }
    t->milestone[t->phases - 1] = t->target_ppm[t->phases - 1] = 0;
}

static struct revshare_row terms_row(const struct plain_terms *t)
{
    struct revshare_row row = {
        .base = t->above_floor ? SHARE_BASE_ABOVE_FLOOR : SHARE_BASE_GROSS,
        .floor_ucr = t->floor,
        .milestone = t->by_share ? MILESTONE_KIND_SHARE : MILESTONE_KIND_REVENUE,
        .phases_count = t->phases,
        .latching = t->latching,
    };
    for (unsigned i = 0; i < t->phases; i++) {
        row.rate_bp[i] = t->rate_bp[i];
        row.utilisation_ppm[i] = t->target_ppm[i];
        row.milestone_ucr[i] = t->milestone[i];
    }
    return row;
}

/* --- The arithmetic alone --- */

static void split_compare(const struct plain_share *plain, const struct progress_row *p)
{
    assert_int_equal(p->phase, plain->phase);
    assert_int_equal(p->gross_ucr, plain->gross);
    assert_int_equal(p->share_ucr, plain->units / 10000);
    assert_int_equal(p->rest, plain->units % 10000);
    assert_int_equal(p->month_gross_ucr, plain->month_gross);
}

static void split_once(struct plain_share *plain, const struct revshare_row *row,
                       struct progress_row *p, uint64_t gross)
{
    struct share_split split;
    uint64_t base = 0, share = 0;
    unsigned phase = p->phase;
    uint64_t due = plain_settle(plain, gross, 0);
    revshare_split(row, p, gross, &split);
    assert_int_equal(split.share, due);
    for (uint32_t i = 0; i < split.parts_count; i++) {
        base += split.parts[i].base_ucr;
        share += split.parts[i].share_ucr;
        assert_int_equal(split.parts[i].rate_bp, row->rate_bp[split.parts[i].phase]);
    }
    assert_int_equal(base, split.base);
    assert_int_equal(share, split.share);
    for (uint32_t i = 0; i < split.steps_count; i++)
        assert_int_equal(split.steps[i].phase, phase + i + 1);
    assert_int_equal(p->phase, phase + split.steps_count);
    split_compare(plain, p);
}

static void test_split(void **state)
{
    (void)state;
    struct plain_share *plain = calloc(1, sizeof(*plain));
    for (int round = 0; round < 600; round++) {
        *plain = (struct plain_share){.phase = 0};
        terms_draw(&plain->terms, 0, 1 + random_below(8000));
        struct revshare_row row = terms_row(&plain->terms);
        struct progress_row p = {.phase = 0};
        for (int i = 0; i < 30; i++) {
            if (chance(20)) {
                struct share_split split = {.steps_count = 0};
                plain_look(plain, random_below(1000001));
                p.utilisation_peak_ppm = (uint32_t)plain->peak_ppm;
                revshare_steps(&row, &p, &split);
            }
            split_once(plain, &row, &p, 1 + random_below(chance(20) ? 3000 : 90));
        }
    }
    free(plain);
}

/* Totals that come to the largest number stay there; nothing wraps. */
static void test_split_at_the_edge(void **state)
{
    (void)state;
    struct revshare_row row = {.phases_count = 2,
                               .base = SHARE_BASE_ABOVE_FLOOR,
                               .floor_ucr = AMOUNT_MAX_UCR,
                               .milestone = MILESTONE_KIND_SHARE,
                               .rate_bp = {10000, 9999},
                               .milestone_ucr = {AMOUNT_MAX_UCR}};
    struct progress_row p = {.phase = 0};
    struct share_split split;
    for (int i = 0; i < 40; i++)
        revshare_split(&row, &p, AMOUNT_MAX_UCR, &split);
    assert_int_equal(p.gross_ucr, UINT64_MAX);
    assert_int_equal(p.month_gross_ucr, UINT64_MAX);
    assert_int_equal(p.share_ucr, UINT64_MAX);
    assert_int_equal(p.phase, 1);
    assert_int_equal(split.share, AMOUNT_MAX_UCR / 10000 * 9999);
}

/* --- The story --- */

struct rented {
    uint64_t lease;
    unsigned gpus, from_h, until_h;
    uint64_t settles[HOURS + SETTLED_AFTER_H + 1]; /* by hour */
};

struct story {
    struct world w;
    uint32_t operator, startup, lenders[2], series;
    unsigned hour;
    struct plain_share *shares[SHARES];
    uint32_t lender_of[SHARES];
    unsigned shares_count;
    struct rented *leases[LEASES];
    unsigned leases_count;
    uint64_t sold_gpu_minutes[HOURS / 24 + 2]; /* by day (UTC) */
    uint64_t gross, funded;                    /* so far */
};

static const char *lender_name(const struct story *s, uint32_t lender)
{
    return lender == s->lenders[0] ? "lend" : "bank";
}

static uint64_t now_of(const struct story *s)
{
    return WORLD_BEGIN_S + (uint64_t)s->hour * HOUR_S;
}

static unsigned day_of(uint64_t time_s)
{
    return (unsigned)(time_s / DAY_S - WORLD_BEGIN_S / DAY_S);
}

static int calendar_month(uint64_t time_s)
{
    time_t t = (time_t)time_s;
    struct tm parts;
    gmtime_r(&t, &parts);
    return parts.tm_year * 12 + parts.tm_mon;
}

static const struct result *story_do(struct story *s, uint32_t account, const char *key,
                                     const struct message *m, const void *op)
{
    return accepted(&s->w, account, key, m, world_keep(&s->w, m, op));
}

static uint64_t propose(struct story *s, const struct plain_share *plain, uint32_t lender)
{
    const struct plain_terms *t = &plain->terms;
    struct phase phases[PLAIN_PHASES];
    for (unsigned i = 0; i < t->phases; i++)
        phases[i] = (struct phase){.rate_bp = (uint32_t)t->rate_bp[i],
                                   .utilisation_ppm = (uint32_t)t->target_ppm[i],
                                   .milestone_ucr = t->milestone[i]};
    struct op_revshare_propose op = {
        .contract = plain->contract,
        .beneficiary = lender,
        .operator= s->operator,
        .site = plain->start_s % 2, /* site 1, or any */
        .base = t->above_floor ? SHARE_BASE_ABOVE_FLOOR : SHARE_BASE_GROSS,
        .floor_ucr = t->floor,
        .rank = t->rank,
        .start_s = plain->start_s,
        .window_days = t->window_days,
        .latching = t->latching,
        .milestone = t->by_share ? MILESTONE_KIND_SHARE : MILESTONE_KIND_REVENUE,
        .phases = {phases, t->phases},
    };
    uint64_t contract =
        story_do(s, lender, lender_name(s, lender), &op_revshare_propose_message, &op)->object;
    struct op_contract_accept accept = {.contract = contract,
                                        .version = contract_find(s->w.x, contract)->pending};
    story_do(s, s->operator, "op", &op_contract_accept_message, &accept);
    return contract;
}

/* Of one rank are shares of one lender alone: nobody is passed by an equal. */
static void rank_set(const struct story *s, struct plain_terms *t, uint32_t lender)
{
    t->rank = 2 * t->rank + (lender == s->lenders[1]);
}

static void share_begin(struct story *s)
{
    struct plain_share *plain = calloc(1, sizeof(*plain));
    uint32_t lender = s->lenders[random_below(2)];
    terms_draw(&plain->terms, 0, 60000);
    rank_set(s, &plain->terms, lender);
    plain->month = -1;
    plain->start_s = now_of(s) + random_below(2 * DAY_S);
    plain_steps(plain);
    plain->contract = propose(s, plain, lender);
    s->lender_of[s->shares_count] = lender;
    s->shares[s->shares_count++] = plain;
}

static void share_amend(struct story *s, unsigned i)
{
    struct plain_share *plain = s->shares[i];
    unsigned window_days = plain->terms.window_days;
    terms_draw(&plain->terms, plain->phase, 60000);
    rank_set(s, &plain->terms, s->lender_of[i]);
    if (plain->terms.window_days != window_days)
        plain->now_ppm = plain->peak_ppm = 0;
    if (!plain->terms.latching)
        plain->peak_ppm = plain->now_ppm;
    plain_steps(plain);
    propose(s, plain, s->lender_of[i]);
}

static void share_fund(struct story *s, struct plain_share *plain)
{
    uint64_t a = 1 + random_below(400);
    uint64_t token = world_mint(&s->w, s->series, s->operator, a);
    struct op_contract_fund op = {.contract = plain->contract, .tokens = {&token, 1}};
    story_do(s, s->operator, "op", &op_contract_fund_message, &op);
    plain->fund += a;
    s->funded += a;
    unsigned most = PLAIN_CLAIMS_PAID;
    plain_claims_pay(plain, &plain->fund, &most);
}

static void lease_begin(struct story *s)
{
    unsigned used = 0;
    for (unsigned i = 0; i < s->leases_count; i++)
        used += s->leases[i]->until_h > s->hour ? s->leases[i]->gpus : 0;
    if (used == GPUS || s->leases_count == LEASES)
        return;
    struct rented *l = calloc(1, sizeof(*l));
    l->gpus = 1 + (unsigned)random_below(GPUS - used);
    l->from_h = s->hour;
    l->until_h = s->hour + 1 + (unsigned)random_below(30);
    struct op_order_place *op = order_new(&s->w, l->gpus);
    uint64_t token =
        world_mint(&s->w, s->series, s->startup, (uint64_t)l->gpus * 60 * (l->until_h - l->from_h));
    op->gpus_min = l->gpus;
    op->duration_min = (l->until_h - l->from_h) * 60;
    op->tokens.items = &token;
    op->tokens.count = 1;
    story_do(s, s->startup, "startup", &op_order_place_message, op);
    l->lease = s->w.x->head.lease_last;
    struct op_lease_activate activate = {.lease = l->lease};
    story_do(s, s->operator, "op", &op_lease_activate_message, &activate);
    for (unsigned h = l->from_h; h < l->until_h && h < HOURS; h++)
        s->sold_gpu_minutes[day_of(WORLD_BEGIN_S + (uint64_t)h * HOUR_S)] += l->gpus * 60;
    s->leases[s->leases_count++] = l;
}

/* The period that has just ended, of each lease; now and then nobody reports it. */
static void leases_meter(struct story *s)
{
    for (unsigned i = 0; i < s->leases_count; i++) {
        struct rented *l = s->leases[i];
        if (s->hour <= l->from_h || s->hour > l->until_h || chance(20))
            continue;
        uint64_t minutes = chance(30) ? l->gpus * 60 : random_below(l->gpus * 60 + 1);
        struct op_lease_meter op = {
            .lease = l->lease, .period = s->hour - l->from_h - 1, .gpu_minutes = minutes};
        story_do(s, s->operator, "op", &op_lease_meter_message, &op);
        l->settles[s->hour + SETTLED_AFTER_H] = minutes; /* at 1 a GPU-minute */
    }
}

/* The model's hour: a look at midnight, then what is settled at its end, by lease. */
static struct plain_share *share_ranked(const struct story *s, uint64_t after)
{
    struct plain_share *next = NULL;
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < s->shares_count; i++) {
        uint64_t place = (uint64_t)s->shares[i]->terms.rank << 32 | s->shares[i]->contract;
        if (place > after && place < least) {
            least = place;
            next = s->shares[i];
        }
    }
    return next;
}

static void model_look(struct story *s, uint64_t day_s)
{
    for (unsigned i = 0; i < s->shares_count; i++) {
        struct plain_share *plain = s->shares[i];
        uint64_t sold = 0;
        unsigned days = plain->terms.window_days;
        if (plain->phase + 1 == plain->terms.phases || day_s + 60 <= plain->start_s)
            continue; /* nobody looks any more, or yet */
        for (unsigned d = 1; d <= days; d++)
            sold += day_of(day_s) >= d ? s->sold_gpu_minutes[day_of(day_s) - d] : 0;
        bool whole = day_s >= plain->start_s + (uint64_t)days * DAY_S;
        plain_look(plain, whole ? sold * 1000000 / ((uint64_t)days * 1440 * GPUS) : 0);
    }
}

static void model_settle(struct story *s)
{
    for (unsigned i = 0; i < s->leases_count; i++) {
        uint64_t gross = s->leases[i]->settles[s->hour];
        struct plain_earning e = {gross, gross, PLAIN_CLAIMS_PAID, PLAIN_CLAIMS_PAID};
        uint64_t place = 0;
        struct plain_share *plain;
        s->gross += gross;
        while (gross > 0 && (plain = share_ranked(s, place)) != NULL) {
            place = (uint64_t)plain->terms.rank << 32 | plain->contract;
            if (now_of(s) >= plain->start_s)
                plain_deduct(plain, &e, calendar_month(now_of(s)));
        }
    }
}

static void model_tick(struct story *s)
{
    for (unsigned i = 0; i < s->shares_count; i++)
        plain_claims_tick(s->shares[i]);
}

static void story_compare(const struct story *s)
{
    uint64_t paid[2] = {0, 0};
    uint64_t funds = 0;
    for (unsigned i = 0; i < s->shares_count; i++) {
        const struct plain_share *plain = s->shares[i];
        const struct contract_row *row = contract_find(s->w.x, plain->contract);
        const struct progress_row *p = revshare_progress(s->w.x, plain->contract);
        split_compare(plain, p);
        assert_int_equal(p->utilisation_ppm, plain->now_ppm);
        assert_int_equal(p->utilisation_peak_ppm, plain->peak_ppm);
        assert_int_equal(row->claims_ucr, plain_claimed(plain));
        assert_int_equal(contract_funds(s->w.x, row, s->operator), plain->fund);
        assert_int_equal(plain->paid + plain_claimed(plain), plain->units / 10000);
        paid[s->lender_of[i] == s->lenders[1]] += plain->paid;
        funds += plain->fund;
    }
    for (unsigned i = 0; i < 2; i++) {
        struct ledger_place place = {LEDGER_BALANCE, s->lenders[i]};
        assert_int_equal(ledger_holds(s->w.x, s->series, place), paid[i]);
    }
    struct ledger_place place = {LEDGER_BALANCE, s->operator};
    assert_int_equal(ledger_holds(s->w.x, s->series, place) + paid[0] + paid[1] + funds,
                     s->gross + s->funded);
}

static void story_hour(struct story *s)
{
    uint64_t midnight_s = now_of(s);
    world_advance(&s->w, HOUR_S, true);
    model_tick(s);
    if (midnight_s % DAY_S == 0)
        model_look(s, midnight_s);
    s->hour++;
    model_settle(s);
    model_tick(s);
    leases_meter(s);
    if (chance(25))
        lease_begin(s);
    if (s->shares_count < SHARES && (s->hour == 1 || chance(2)))
        share_begin(s);
    unsigned i = (unsigned)random_below(SHARES);
    if (i < s->shares_count && chance(2))
        share_fund(s, s->shares[i]);
    if (i < s->shares_count && chance(2) && s->shares[i]->start_s <= now_of(s))
        share_amend(s, i);
    story_compare(s);
}

static void test_story(void **state)
{
    (void)state;
    struct story *s = calloc(1, sizeof(*s));
    world_begin(&s->w, WORLD_OPTIONS);
    s->operator= seller_begin(&s->w);
    s->startup = world_register(&s->w, "startup", ROLE_STARTUP);
    s->lenders[0] = world_register(&s->w, "lend", ROLE_GUARANTOR);
    s->lenders[1] = world_register(&s->w, "bank", ROLE_GUARANTOR);
    s->series = world_series(&s->w, "seed", 0);
    accepted(&s->w, s->operator, "op", &op_offer_publish_message,
             offer_new(&s->w, GPUS, WORLD_BEGIN_S + 60 * DAY_S));
    while (s->hour < HOURS)
        story_hour(s);
    assert_int_equal(world_verify(&s->w), 0);
    unsigned phases = 0;
    uint64_t claims = 0;
    for (unsigned i = 0; i < s->shares_count; i++) {
        phases += s->shares[i]->phase;
        claims += s->shares[i]->claims_end;
        free(s->shares[i]);
    }
    printf("%u shares, %u steps, %llu claims, %llu settled by %u leases\n", s->shares_count, phases,
           (unsigned long long)claims, (unsigned long long)s->gross, s->leases_count);
    for (unsigned i = 0; i < s->leases_count; i++)
        free(s->leases[i]);
    world_end(&s->w);
    free(s);
}

/* A tick that comes upon many settlements, each shared by as many as there can be, ends when it has
 * logged as much as it may do. */
static void test_a_tick_is_bounded(void **state)
{
    (void)state;
    enum { METERED = 100 };
    struct world w;
    struct phase only = {.rate_bp = 100};
    world_begin(&w, WORLD_OPTIONS);
    uint32_t operator_account = seller_begin(&w);
    uint32_t lender = world_register(&w, "lend", ROLE_GUARANTOR);
    uint32_t startup = world_register(&w, "startup", ROLE_STARTUP);
    for (unsigned i = 0; i < SHARES_PER_OPERATOR_MAX; i++) {
        struct op_revshare_propose *op = NEW(&w, op_revshare_propose);
        *op = (struct op_revshare_propose){.beneficiary = lender,
                                           .operator= operator_account,
                                           .base = SHARE_BASE_GROSS,
                                           .rank = 1,
                                           .start_s = 1,
                                           .window_days = 1,
                                           .milestone = MILESTONE_KIND_REVENUE,
                                           .phases = {&only, 1}};
        const void *kept = world_keep(&w, &op_revshare_propose_message, op);
        accepted(&w, lender, "lend", &op_revshare_propose_message, kept);
        struct op_contract_accept accept = {.contract = i + 1, .version = 1};
        accepted(&w, operator_account, "op", &op_contract_accept_message,
                 world_keep(&w, &op_contract_accept_message, &accept));
    }
    struct op_offer_publish *offer = offer_new(&w, 1, WORLD_BEGIN_S + DAY_S);
    offer->meter_period_min = 1;
    accepted(&w, operator_account, "op", &op_offer_publish_message, offer);
    struct op_order_place *order = order_new(&w, 1);
    uint64_t token = world_mint(&w, world_series(&w, "seed", 0), startup, METERED);
    order->duration_min = METERED;
    order->tokens.items = &token;
    order->tokens.count = 1;
    accepted(&w, startup, "startup", &op_order_place_message,
             world_keep(&w, &op_order_place_message, order));
    struct op_lease_activate activate = {.lease = 1};
    accepted(&w, operator_account, "op", &op_lease_activate_message,
             world_keep(&w, &op_lease_activate_message, &activate));
    world_advance(&w, METERED * 60, false);
    struct batch batch = batch_of(&w, operator_account, "op");
    for (uint32_t period = 0; period < METERED; period++) {
        struct op_lease_meter *op = NEW(&w, op_lease_meter);
        *op = (struct op_lease_meter){.lease = 1, .period = period, .gpu_minutes = 1};
        batch_add(&batch, &op_lease_meter_message, op);
    }
    batch_send(&batch);
    world_advance(&w, SETTLED_AFTER_H * HOUR_S, false);
    for (unsigned ticks = 1; revshare_progress(w.x, 1)->shares < METERED; ticks++) {
        uint64_t before = world_log_size(&w);
        world_tick(&w);
        assert_in_range(world_log_size(&w) - before, 1,
                        TICK_ITEMS_MAX + SHARES_PER_OPERATOR_MAX + 1);
        assert_true(ticks <= 4);
    }
    assert_int_equal(world_verify(&w), 0);
    world_end(&w);
}

/* Leases GPUs for some minutes, meters all of it, and works it off when nobody disputes it. */
static void minutes_settle(struct world *w, uint32_t operator_account, uint32_t startup,
                           uint32_t gpus, uint32_t minutes, uint32_t period_min)
{
    struct op_offer_publish *offer = offer_new(w, gpus, w->time_s + (uint64_t)minutes * 60);
    offer->meter_period_min = period_min;
    accepted(w, operator_account, "op", &op_offer_publish_message, offer);
    struct op_order_place *order = order_new(w, gpus);
    uint64_t *token = arena_alloc(&w->arena, sizeof(*token));
    *token = world_mint(w, 1, startup, (uint64_t)gpus * minutes);
    order->duration_min = minutes;
    order->tokens.items = token;
    order->tokens.count = 1;
    accepted(w, startup, "startup", &op_order_place_message, order);
    struct op_lease_activate *activate = NEW(w, op_lease_activate);
    activate->lease = w->x->head.lease_last;
    accepted(w, operator_account, "op", &op_lease_activate_message, activate);
    world_advance(w, (uint64_t)minutes * 60, true);
    for (uint32_t period = 0; period < minutes / period_min; period++) {
        struct op_lease_meter *op = NEW(w, op_lease_meter);
        *op = (struct op_lease_meter){
            .lease = activate->lease, .period = period, .gpu_minutes = (uint64_t)gpus * period_min};
        accepted(w, operator_account, "op", &op_lease_meter_message, op);
    }
    world_advance(w, SETTLED_AFTER_H * HOUR_S, true);
}

/* However many shares have claims, one settlement pays so many of all of them together. */
static void test_claims_of_all_shares(void **state)
{
    (void)state;
    enum { PERIODS = 12, CLAIMS = PERIODS * (SHARES_PER_OPERATOR_MAX - 1) };
    static const struct phase all = {.rate_bp = 10000};
    static const struct phase nothing = {.rate_bp = 0};
    struct world w;
    world_begin(&w, WORLD_OPTIONS);
    uint32_t operator_account = seller_begin(&w);
    uint32_t lender = world_register(&w, "lend", ROLE_GUARANTOR);
    uint32_t startup = world_register(&w, "startup", ROLE_STARTUP);
    assert_int_equal(world_series(&w, "seed", 0), 1);
    for (uint32_t version = 1; version <= 2; version++) {
        for (uint64_t i = 1; i <= SHARES_PER_OPERATOR_MAX; i++) {
            struct op_revshare_propose *op = NEW(&w, op_revshare_propose);
            *op = (struct op_revshare_propose){.contract = version == 1 ? 0 : i,
                                               .beneficiary = lender,
                                               .operator= operator_account,
                                               .base = SHARE_BASE_GROSS,
                                               .rank = 1,
                                               .start_s = 1,
                                               .window_days = 1,
                                               .milestone = MILESTONE_KIND_REVENUE,
                                               .phases = {version == 1 ? &all : &nothing, 1}};
            accepted(&w, lender, "lend", &op_revshare_propose_message, op);
            struct op_contract_accept *accept = NEW(&w, op_contract_accept);
            *accept = (struct op_contract_accept){.contract = i, .version = version};
            accepted(&w, operator_account, "op", &op_contract_accept_message, accept);
        }
        if (version == 1)
            minutes_settle(&w, operator_account, startup, 1, PERIODS, 1);
    }
    assert_int_equal(claim_count_open(w.x), CLAIMS);
    minutes_settle(&w, operator_account, startup, 4, 60, 60);
    assert_int_equal(claim_count_open(w.x), CLAIMS - SETTLEMENT_CLAIMS_MAX);
    assert_int_equal(world_verify(&w), 0);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_split_at_the_edge),
        cmocka_unit_test(test_story),
        cmocka_unit_test(test_a_tick_is_bounded),
        cmocka_unit_test(test_claims_of_all_shares),
    };
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    random_start();
    return cmocka_run_group_tests_name("revshare", tests, NULL, NULL);
}
