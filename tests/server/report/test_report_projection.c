/*
 * What backstops are projected to cost, against a plain walk over every minute of every lease, and
 * the property that makes it a stress: a greater shock never costs less.
 */
#include "protocol/moment.h"
#include "tests/server/report/made.h"

#include "protocol/month.h"
#include "server/report/sums.h"

enum {
    SPOTS = 3,
    LEASES_MAX = 40,
    PLANS_MAX = 5,
    OFFERS_MAX = 6,
    FLOWS_MAX = 6,
    DAYS_MAX = 12,
    CLOSURES_MAX = 5,
    GUARANTEES = 4,
    MONTHS = 8,
    CERTIFICATIONS = 2
};
#define NOW_S UINT64_C(1800000000) /* 2027-01-15T08:00:00Z */

struct draw {
    struct made made;
    struct backstop_row plans[PLANS_MAX];
    struct cover_row covers[PLANS_MAX];
    uint32_t plans_count;
    struct lease_row leases[LEASES_MAX];
    struct relief_row reliefs[LEASES_MAX];
    uint32_t leases_count, reliefs_count;
    struct offer_row offers[OFFERS_MAX];
    struct flow_row flows[FLOWS_MAX];
    struct occupancy_row days[SPOTS * DAYS_MAX];
    struct closure_row closures[CLOSURES_MAX];
    uint64_t expires_s[SPOTS][CERTIFICATIONS]; /* of the sites' certifications */
};

static const char *const certifications[CERTIFICATIONS] = {"iso", "soc2"};
static const char *const generations[SPOTS] = {"one", "two", "one"};

static uint64_t minute_near(uint64_t from_s, uint64_t span_s)
{
    return from_s + random_below(span_s / 60) * 60;
}

/* --- Drawing --- */

static void names_draw(struct draw *d)
{
    for (uint32_t account = 1; account <= 4; account++) {
        struct account_row row = {.account = account, .role = ROLE_GUARANTOR};
        snprintf(row.name, sizeof(row.name), "a%u", account);
        made_put(&d->made, TABLE_ACCOUNT, &row);
    }
    for (uint64_t i = 1; i <= SPOTS; i++) {
        struct sku_row sku = {.sku = i};
        struct site_row site = {.site = i, .operator= 3 };
        snprintf(sku.generation, sizeof(sku.generation), "%s", generations[i - 1]);
        made_put(&d->made, TABLE_SKU, &sku);
        for (uint32_t c = 0; c < CERTIFICATIONS; c++) { /* and one of the name that lapses before */
            d->expires_s[i - 1][c] = NOW_S + random_below(70 * (uint64_t)DAY_S);
            for (uint32_t twice = 0; twice < 2; twice++) {
                uint32_t at = site.certifications_count++;
                site.certification_expires_s[at] = d->expires_s[i - 1][c] - twice * DAY_S;
                snprintf((char *)site.certification_names + (size_t)at * NAME_BYTES, NAME_BYTES,
                         "%s", certifications[c]);
            }
        }
        made_put(&d->made, TABLE_SITE, &site);
    }
}

/* One behind the other at a site and SKU, as acceptance sees to it. */
static void plans_draw(struct draw *d)
{
    uint64_t free_s[SPOTS];
    for (uint32_t i = 0; i < SPOTS; i++)
        free_s[i] = minute_near(NOW_S - 20 * DAY_S, 40 * DAY_S);
    d->plans_count = 1 + (uint32_t)random_below(PLANS_MAX);
    for (uint32_t i = 0; i < d->plans_count; i++) {
        uint64_t spot = random_below(SPOTS);
        struct backstop_row *p = &d->plans[i];
        *p = (struct backstop_row){
            .contract = i + 1,
            .version = 2,
            .guarantor = 2,
            .operator= 3,
            .site = spot + 1,
            .sku = spot + 1,
            .strike_ucr = 1 + random_below(3000000),
            .start_s = free_s[spot],
            .gpus = 1 + (uint32_t)random_below(20),
            .pool_ucr = 1,
            .lots_count = 1 + (uint32_t)random_below(3),
        };
        p->certifications_count = (uint32_t)random_below(CERTIFICATIONS + 1);
        for (uint32_t c = 0; c < p->certifications_count; c++)
            snprintf((char *)p->certifications + (size_t)c * NAME_BYTES, NAME_BYTES, "%s",
                     certifications[c]);
        p->end_s = p->start_s + 60 + random_below(60 * 1440) * 60;
        free_s[spot] = p->end_s + random_below(3) * 600;
        for (uint32_t lot = 0; lot < p->lots_count; lot++) {
            p->lot_from_s[lot] = minute_near(p->start_s - DAY_S, 30 * DAY_S);
            p->lot_gpus[lot] = random_below(15);
        }
        uint64_t cursor_s = p->start_s;
        if (p->start_s < NOW_S && p->end_s > NOW_S)
            cursor_s = NOW_S - random_below(lesser(NOW_S - p->start_s, DAY_S) / 60 + 1) * 60;
        else if (p->end_s <= NOW_S)
            cursor_s = p->end_s;
        d->covers[i] = (struct cover_row){
            .contract = i + 1,
            .cursor_s = cursor_s,
            .pool_left_ucr =
                random_below(2) ? random_below(UINT64_C(2000000000)) : UINT64_C(1) << 50,
            .cost_low = p->start_s >= NOW_S || random_below(3) ? 0 : random_below(60000000),
        };
        struct backstop_row former = *p, pending = *p; /* not in force */
        former.version = 1;
        pending.version = 3;
        former.strike_ucr = pending.strike_ucr = 7 * p->strike_ucr;
        struct contract_row c = {.contract = i + 1,
                                 .kind = CONTRACT_KIND_BACKSTOP,
                                 .state = CONTRACT_STATE_IN_FORCE,
                                 .debtor = 2,
                                 .creditor = 3,
                                 .version = 2,
                                 .version_last = 2,
                                 .start_s = p->start_s,
                                 .end_s = p->end_s};
        made_put(&d->made, TABLE_CONTRACT, &c);
        made_put(&d->made, TABLE_BACKSTOP, p);
        made_put(&d->made, TABLE_BACKSTOP, &former);
        made_put(&d->made, TABLE_BACKSTOP, &pending);
        made_put(&d->made, TABLE_COVER, &d->covers[i]);
    }
}

/* What the operator withholds of the lease from its end on. */
static void withheld_draw(struct draw *d, const struct lease_row *l)
{
    struct relief_row *r = &d->reliefs[d->reliefs_count++];
    *r = (struct relief_row){.lease = l->lease,
                             .kind = RELIEF_KIND_WITHHELD,
                             .start_s = l->end_s,
                             .end_s = l->end_s + random_below(30 * 1440) * 60,
                             .gpus = 1 + (uint32_t)random_below(l->gpus)};
    made_put(&d->made, TABLE_RELIEF, r);
}

static void leases_draw(struct draw *d)
{
    d->leases_count = (uint32_t)random_below(LEASES_MAX + 1);
    d->reliefs_count = 0;
    for (uint32_t i = 0; i < d->leases_count; i++) {
        struct lease_row *l = &d->leases[i];
        uint64_t spot = random_below(SPOTS);
        *l = (struct lease_row){.lease = i + 1,
                                .site = spot + 1,
                                .sku = spot + 1,
                                .holder = 4,
                                .gpus = 1 + (uint32_t)random_below(5),
                                .elected = random_below(5) == 0};
        l->start_s = minute_near(NOW_S - 10 * DAY_S, 60 * DAY_S);
        l->end_s = l->start_s + 60 * random_below(30 * 1440);
        made_put(&d->made, TABLE_LEASE, l);
        if (random_below(5) == 0) {
            withheld_draw(d, l);
            continue;
        }
        if (random_below(4) != 0 || l->end_s < l->start_s + 600)
            continue;
        struct relief_row *r = &d->reliefs[d->reliefs_count++];
        *r = (struct relief_row){.lease = i + 1,
                                 .relief = 0,
                                 .kind = random_below(4) ? RELIEF_KIND_SALE : RELIEF_KIND_PAUSE,
                                 .gpus = 1 + (uint32_t)random_below(l->gpus)};
        r->start_s = minute_near(l->start_s, l->end_s - l->start_s);
        r->end_s = r->start_s + 60 * random_below((l->end_s - r->start_s) / 60 + 1);
        r->cut_min =
            (uint32_t)random_below(2) * (uint32_t)random_below((r->end_s - r->start_s) / 60 + 1);
        made_put(&d->made, TABLE_RELIEF, r);
    }
}

static void market_draw(struct draw *d)
{
    for (uint32_t i = 0; i < OFFERS_MAX; i++) {
        uint64_t spot = random_below(SPOTS);
        d->offers[i] =
            (struct offer_row){.offer = i + 1,
                               .site = spot + 1,
                               .sku = spot + 1,
                               .start_s = random_below(4) ? NOW_S : NOW_S + 60,
                               .end_s = random_below(3) ? NOW_S + DAY_S : NOW_S,
                               .price_ucr = random_below(6000000),
                               .gpus = (uint32_t)random_below(25),
                               .lease = random_below(4) == 0,
                               .state = random_below(4) ? OFFER_STATE_OPEN : OFFER_STATE_WITHDRAWN};
        made_put(&d->made, TABLE_OFFER, &d->offers[i]);
    }
    for (uint32_t i = 0; i < FLOWS_MAX; i++) {
        uint64_t spot = random_below(SPOTS);
        d->flows[i] =
            (struct flow_row){.flow = i + 1,
                              .site = spot + 1,
                              .sku = spot + 1,
                              .month_s = month_start_s(month_of(NOW_S) - (uint32_t)random_below(5)),
                              .kind = random_below(3) ? FLOW_KIND_LEASE : FLOW_KIND_BACKSTOP,
                              .amount_ucr = random_below(UINT64_C(300000000)),
                              .gpu_minutes = random_below(6000)};
        made_put(&d->made, TABLE_FLOW, &d->flows[i]);
    }
    for (uint32_t i = 0; i < SPOTS * DAYS_MAX; i++) {
        uint64_t day = NOW_S / DAY_S - (i / SPOTS) * 9;
        d->days[i] = (struct occupancy_row){.site = i % SPOTS + 1,
                                            .sku = i % SPOTS + 1,
                                            .day_s = day * DAY_S,
                                            .gpu_minutes_sold = random_below(9000),
                                            .gpu_minutes_elected = random_below(9000),
                                            .gpu_minutes_free = random_below(9000)};
        made_put(&d->made, TABLE_OCCUPANCY, &d->days[i]);
    }
}

static void closures_draw(struct draw *d)
{
    for (uint32_t i = 0; i < CLOSURES_MAX; i++) {
        uint64_t start_s = minute_near(NOW_S - 10 * DAY_S, 60 * DAY_S);
        d->closures[i] = (struct closure_row){.closure = i + 1,
                                              .site = random_below(SPOTS + 2),
                                              .start_s = start_s,
                                              .end_s = start_s + random_below(20 * 1440) * 60};
        made_put(&d->made, TABLE_CLOSURE, &d->closures[i]);
    }
}

/* Lease guarantees with what has been called of them, numbered behind the backstops. */
static void guarantees_draw(struct draw *d)
{
    for (uint64_t i = 0; i < GUARANTEES; i++) {
        uint64_t contract = PLANS_MAX + 1 + i;
        uint64_t start_s = minute_near(NOW_S - 60 * DAY_S, 150 * DAY_S);
        const struct contract_row c = {.contract = contract,
                                       .kind = CONTRACT_KIND_GUARANTEE,
                                       .state = CONTRACT_STATE_IN_FORCE,
                                       .debtor = 2,
                                       .creditor = 3,
                                       .third = 4,
                                       .version = 1,
                                       .start_s = start_s,
                                       .end_s = start_s + 60 + random_below(200 * 1440) * 60};
        const struct guarantee_row terms = {.contract = contract,
                                            .version = 1,
                                            .guarantor = 2,
                                            .operator= 3,
                                            .site = 1,
                                            .limit_ucr = 1 + random_below(UINT64_C(1) << 40)};
        const struct recourse_row recourse = {
            .contract = contract, .site = 1, .by_guarantor_ucr = random_below(terms.limit_ucr)};
        made_put(&d->made, TABLE_CONTRACT, &c);
        made_put(&d->made, TABLE_GUARANTEE, &terms);
        made_put(&d->made, TABLE_RECOURSE, &recourse);
    }
}

static void draw_begin(struct draw *d)
{
    made_begin(&d->made, NOW_S);
    names_draw(d);
    plans_draw(d);
    leases_draw(d);
    market_draw(d);
    closures_draw(d);
}

/* --- The plain way --- */

/* What is owed for in each month, in GPU-minutes times a million. */
struct plain {
    uint64_t elected[MONTHS]; /* GPU-minutes */
    uint64_t owed[MONTHS];    /* where so much of what is open sells */
    uint64_t floor[MONTHS];   /* with nothing sold, not even what is already */
    uint64_t worst[MONTHS];   /* and certifications renewed, and the site open */
};

static int64_t taken_at(const struct draw *d, uint64_t sku, uint64_t at_s, bool elected)
{
    int64_t gpus = 0;
    for (uint32_t i = 0; i < d->leases_count; i++) {
        const struct lease_row *l = &d->leases[i];
        if (l->sku != sku || (l->elected != 0) != elected)
            continue;
        gpus += l->start_s <= at_s && at_s < l->end_s ? l->gpus : 0;
        for (uint32_t r = 0; r < d->reliefs_count; r++) {
            const struct relief_row *relief = &d->reliefs[r];
            if (relief->lease == l->lease && relief->kind == RELIEF_KIND_SALE &&
                relief->start_s <= at_s && at_s + relief->cut_min * 60 < relief->end_s)
                gpus -= relief->gpus;
        }
    }
    return gpus;
}

/* What is withheld of leases that may be long over. */
static int64_t withheld_at(const struct draw *d, uint64_t sku, uint64_t at_s)
{
    int64_t gpus = 0;
    for (uint32_t r = 0; r < d->reliefs_count; r++) {
        const struct relief_row *relief = &d->reliefs[r];
        if (relief->kind == RELIEF_KIND_WITHHELD && d->leases[relief->lease - 1].sku == sku &&
            relief->start_s <= at_s && at_s < relief->end_s)
            gpus += relief->gpus;
    }
    return gpus;
}

/* What stands in the operator's own offers now. */
static int64_t offered_now(const struct draw *d, uint64_t sku)
{
    int64_t gpus = 0;
    for (uint32_t i = 0; i < OFFERS_MAX; i++) {
        const struct offer_row *o = &d->offers[i];
        if (o->sku == sku && o->lease == 0 && o->state == OFFER_STATE_OPEN && o->start_s <= NOW_S &&
            o->end_s > NOW_S)
            gpus += o->gpus;
    }
    return gpus;
}

/* Whether the site is closed, or lacks a certification that the terms ask for. */
static bool bars_at(const struct draw *d, const struct backstop_row *p, uint64_t at_s)
{
    bool bars = false;
    for (uint32_t i = 0; i < CLOSURES_MAX; i++) {
        const struct closure_row *c = &d->closures[i];
        bars = bars || (c->site == p->site && c->start_s <= at_s && at_s < c->end_s);
    }
    for (uint32_t c = 0; c < p->certifications_count; c++)
        bars = bars || at_s / 60 >= d->expires_s[p->site - 1][c] / 60;
    return bars;
}

static uint64_t above_0(int64_t number)
{
    return number > 0 ? (uint64_t)number : 0;
}

static struct plain plain_minutes(const struct draw *d, uint32_t plan, uint64_t sells_ppm)
{
    const struct backstop_row *p = &d->plans[plan];
    struct plain sum = {{0}, {0}, {0}, {0}};
    uint32_t first = month_of(NOW_S);
    int64_t offered = offered_now(d, p->sku);
    for (uint64_t at_s = greater(p->start_s, d->covers[plan].cursor_s); at_s < p->end_s;
         at_s += 60) {
        uint64_t delivered = 0;
        uint32_t month = month_of(at_s) > first ? month_of(at_s) - first : 0;
        for (uint32_t lot = 0; lot < p->lots_count; lot++)
            delivered += p->lot_from_s[lot] <= at_s ? p->lot_gpus[lot] : 0;
        int64_t covered = (int64_t)lesser(delivered, p->gpus);
        int64_t elected = taken_at(d, p->sku, at_s, true);
        int64_t sold = taken_at(d, p->sku, at_s, false);
        elected = elected < covered ? elected : covered;
        int64_t capacity = (covered > offered ? covered : offered) - elected;
        sum.elected[month] += (uint64_t)elected;
        bool barred = bars_at(d, p, at_s);
        int64_t held = withheld_at(d, p->sku, at_s) * 1000000;
        int64_t usual = (int64_t)(above_0(capacity) * sells_ppm);
        int64_t sells = usual > sold * 1000000 ? usual : sold * 1000000;
        uint64_t most = above_0((covered - elected) * 1000000 - held);
        sum.owed[month] += barred ? 0 : above_0((covered - elected) * 1000000 - sells - held);
        sum.floor[month] += barred ? 0 : most;
        sum.worst[month] += most;
    }
    return sum;
}

/* What of the open part sells: the same sentence of docs/protocol.md, told over the drawn rows. */
static uint64_t plain_sells_ppm(const struct draw *d, const struct backstop_row *p,
                                const struct q_report *q)
{
    uint64_t sold = 0, all = 0, paid = 0, minutes = 0, price = UINT64_MAX;
    for (uint32_t i = 0; i < SPOTS * DAYS_MAX; i++) {
        const struct occupancy_row *day = &d->days[i];
        if (day->sku != p->sku || day->day_s / DAY_S >= NOW_S / DAY_S ||
            day->day_s / DAY_S + 90 < NOW_S / DAY_S)
            continue;
        sold += day->gpu_minutes_sold;
        all += day->gpu_minutes_sold + day->gpu_minutes_free;
    }
    for (uint32_t i = 0; i < FLOWS_MAX; i++) {
        const struct flow_row *f = &d->flows[i];
        if (f->sku != p->sku || f->kind != FLOW_KIND_LEASE ||
            month_of(f->month_s) < month_of(NOW_S - UINT64_C(90) * DAY_S))
            continue;
        paid += f->amount_ucr;
        minutes += f->gpu_minutes;
    }
    for (uint32_t i = 0; i < OFFERS_MAX && minutes == 0; i++) {
        const struct offer_row *o = &d->offers[i];
        if (o->sku == p->sku && o->lease == 0 && o->state == OFFER_STATE_OPEN && o->end_s > NOW_S)
            price = lesser(price, o->price_ucr);
    }
    if (minutes > 0)
        price = paid * 60 / minutes;
    if (price == UINT64_MAX || all == 0)
        return 0;
    uint64_t divisor = 1000000;
    if (q->density_ppm != 0 && strcmp(generations[p->sku - 1], q->generation.data) == 0)
        divisor = q->density_ppm;
    if (price * (1000000 - q->price_down_ppm) / divisor < p->strike_ucr)
        return 0;
    return sold * 1000000 / all * (1000000 - q->demand_down_ppm) / 1000000;
}

static void plain_draws(const struct draw *d, uint32_t plan, const uint64_t millionths[MONTHS],
                        uint64_t months[MONTHS])
{
    const struct backstop_row *p = &d->plans[plan];
    uint64_t left = d->covers[plan].pool_left_ucr;
    for (uint32_t m = 0; m < MONTHS; m++) {
        uint64_t owed = ((millionths[m] + 999999) / 1000000 * p->strike_ucr + 59) / 60;
        owed += m == 0 ? (d->covers[plan].cost_low + 59) / 60 : 0;
        owed = lesser(owed, left);
        left -= owed;
        months[m] += owed;
    }
}

/* --- Tests --- */

static struct q_report shock_draw(void)
{
    struct q_report q = {.kind = REPORT_KIND_STRESS};
    q.demand_down_ppm = (uint32_t)random_below(1000001);
    q.price_down_ppm = 1 + (uint32_t)random_below(1000000);
    if (random_below(2)) {
        q.generation = (struct text){"one", 3};
        q.density_ppm = 1000000 + (uint32_t)random_below(4000000);
    }
    return q;
}

static void the_projection_is_the_sum_of_its_minutes(void **state)
{
    (void)state;
    static struct draw d;
    for (int round = 0; round < 25; round++) {
        uint64_t base[MONTHS] = {0}, stressed[MONTHS] = {0}, worst[MONTHS] = {0};
        draw_begin(&d);
        struct q_report q = shock_draw();
        const struct q_report none = {0};
        for (uint32_t i = 0; i < d.plans_count; i++) {
            struct plain minutes = plain_minutes(&d, i, plain_sells_ppm(&d, &d.plans[i], &none));
            plain_draws(&d, i, minutes.owed, base);
            plain_draws(&d, i, minutes.worst, worst);
            minutes = plain_minutes(&d, i, plain_sells_ppm(&d, &d.plans[i], &q));
            plain_draws(&d, i, minutes.owed, stressed);
        }
        assert_int_equal(made_ask(&d.made, &q, 0), REFUSAL_accepted);
        assert_int_equal(made_rows(&d.made, "contracts"), d.plans_count);
        uint32_t months = made_rows(&d.made, "months");
        for (uint32_t m = 0; m < MONTHS; m++) {
            uint64_t is_base = m < months ? made_number(&d.made, "months", m, "base_ucr") : 0;
            uint64_t is = m < months ? made_number(&d.made, "months", m, "stressed_ucr") : 0;
            assert_int_equal(is_base, base[m]);
            assert_int_equal(is, stressed[m]);
        }
        q = (struct q_report){.kind = REPORT_KIND_EXPOSURE};
        assert_int_equal(made_ask(&d.made, &q, 0), REFUSAL_accepted);
        for (uint32_t m = 0; m < months; m++) {
            assert_int_equal(made_number(&d.made, "months", m, "expected_ucr"), base[m]);
            assert_int_equal(made_number(&d.made, "months", m, "worst_ucr"), worst[m]);
        }
        made_end(&d.made);
    }
}

/* The same rows under one shock and under one that is greater in one respect. */
static void shocks_compare(struct draw *d, const struct q_report *less, const struct q_report *more)
{
    static uint64_t so_far[1300];
    assert_int_equal(made_ask(&d->made, less, 0), REFUSAL_accepted);
    uint64_t base = made_number(&d->made, "total", 0, "base_ucr");
    uint64_t total = made_number(&d->made, "total", 0, "stressed_ucr");
    uint32_t months = made_rows(&d->made, "months");
    for (uint32_t m = 0; m < months; m++)
        so_far[m] = made_number(&d->made, "months", m, "more_so_far_ucr");
    assert_int_equal(made_ask(&d->made, more, 0), REFUSAL_accepted);
    assert_int_equal(made_number(&d->made, "total", 0, "base_ucr"), base);
    assert_true(base <= total);
    assert_true(total <= made_number(&d->made, "total", 0, "stressed_ucr"));
    for (uint32_t m = 0; m < months; m++)
        assert_true(so_far[m] <= made_number(&d->made, "months", m, "more_so_far_ucr"));
}

static void stress_grows_with_the_shock(void **state)
{
    (void)state;
    static struct draw d;
    uint32_t rises = 0;
    for (int round = 0; round < 150; round++) {
        draw_begin(&d);
        for (int pair = 0; pair < 12; pair++) {
            struct q_report less = shock_draw(), more = less;
            switch (random_below(3)) {
            case 0:
                more.demand_down_ppm += (uint32_t)random_below(1000001 - less.demand_down_ppm);
                break;
            case 1:
                more.price_down_ppm += (uint32_t)random_below(1000001 - less.price_down_ppm);
                break;
            default:
                more.density_ppm += less.density_ppm == 0 ? 0 : (uint32_t)random_below(9000000);
            }
            shocks_compare(&d, &less, &more);
            rises += made_number(&d.made, "total", 0, "more_ucr") > 0;
        }
        made_end(&d.made);
    }
    assert_true(rises > 50); /* or it would have shown nothing */
}

/* Exposure and stress without a shock that changes anything say the same. */
static void exposure_expects_what_stress_begins_with(void **state)
{
    (void)state;
    static struct draw d;
    for (int round = 0; round < 20; round++) {
        struct q_report shock = {.kind = REPORT_KIND_STRESS, .demand_down_ppm = 1};
        struct q_report q = {.kind = REPORT_KIND_EXPOSURE};
        draw_begin(&d);
        assert_int_equal(made_ask(&d.made, &shock, 0), REFUSAL_accepted);
        uint64_t base = made_number(&d.made, "total", 0, "base_ucr");
        assert_int_equal(made_ask(&d.made, &q, 0), REFUSAL_accepted);
        assert_int_equal(made_number(&d.made, "total", 0, "expected_ucr"), base);
        uint64_t worst = made_number(&d.made, "total", 0, "worst_ucr");
        assert_true(base <= worst);
        assert_true(worst <= made_number(&d.made, "total", 0, "nominal_ucr"));
        made_end(&d.made);
    }
}

/* Nor is more expected of it: its nominal is of all that runs at any time of it. */
static void no_month_costs_more_than_its_nominal(void **state)
{
    (void)state;
    static struct draw d;
    const struct q_report q = {.kind = REPORT_KIND_EXPOSURE};
    uint32_t all_of_it = 0;
    for (int round = 0; round < 100; round++) {
        draw_begin(&d);
        guarantees_draw(&d);
        assert_int_equal(made_ask(&d.made, &q, 0), REFUSAL_accepted);
        uint32_t months = made_rows(&d.made, "months");
        for (uint32_t m = 0; m < months; m++) {
            uint64_t nominal = made_number(&d.made, "months", m, "nominal_ucr");
            uint64_t worst = made_number(&d.made, "months", m, "worst_ucr");
            assert_true(worst <= nominal);
            assert_true(made_number(&d.made, "months", m, "expected_ucr") <= nominal);
            all_of_it += worst == nominal && worst > 0;
        }
        made_end(&d.made);
    }
    assert_true(all_of_it > 0); /* it could not be lower */
}

/* At 0 % sold a site gets the strike for all that is covered, while the conditions hold, until the
 * pools are used up. */
static void the_floor_is_what_is_covered_at_the_strike(void **state)
{
    (void)state;
    static struct draw d;
    struct debt_row debt[MONTHS];
    for (uint32_t m = 0; m < MONTHS; m++)
        debt[m] = (struct debt_row){.month_s = month_start_s(month_of(NOW_S) + m)};
    for (int round = 0; round < 20; round++) {
        uint64_t floor[MONTHS] = {0};
        draw_begin(&d);
        struct q_report q = {.kind = REPORT_KIND_ENDORSEMENT, .site = 1 + random_below(SPOTS)};
        q.debt.items = debt;
        q.debt.count = MONTHS;
        for (uint32_t i = 0; i < d.plans_count; i++) {
            if (d.plans[i].site != q.site)
                continue;
            struct plain minutes = plain_minutes(&d, i, 0);
            for (uint32_t m = 0; m < MONTHS; m++)
                floor[m] += (minutes.elected[m] * d.plans[i].strike_ucr + 59) / 60;
            plain_draws(&d, i, minutes.floor, floor);
        }
        assert_int_equal(made_ask(&d.made, &q, 0), REFUSAL_accepted);
        for (uint32_t m = 0; m < MONTHS; m++) {
            assert_int_equal(made_number(&d.made, "months", 4 * m, "sold_ppm"), 0);
            assert_int_equal(made_number(&d.made, "months", 4 * m, "cash_ucr"), floor[m]);
        }
        made_end(&d.made);
    }
}

/* No contract lasts as long; a damaged row may say so. */
static void a_century_is_projected_and_no_more(void **state)
{
    (void)state;
    static struct made m;
    const struct q_report q = {.kind = REPORT_KIND_EXPOSURE};
    const struct contract_row contract = {.contract = 1,
                                          .kind = CONTRACT_KIND_BACKSTOP,
                                          .state = CONTRACT_STATE_IN_FORCE,
                                          .version = 1,
                                          .start_s = NOW_S,
                                          .end_s = UINT64_MAX};
    const struct backstop_row terms = {.contract = 1,
                                       .version = 1,
                                       .site = 1,
                                       .sku = 1,
                                       .strike_ucr = 60,
                                       .gpus = 1,
                                       .lots_count = 1,
                                       .lot_gpus = {1},
                                       .start_s = NOW_S,
                                       .end_s = UINT64_MAX};
    const struct cover_row cover = {.contract = 1, .pool_left_ucr = UINT64_C(1) << 60};
    made_begin(&m, NOW_S);
    made_put(&m, TABLE_CONTRACT, &contract);
    made_put(&m, TABLE_BACKSTOP, &terms);
    made_put(&m, TABLE_COVER, &cover);
    assert_int_equal(made_ask(&m, &q, 0), REFUSAL_accepted);
    assert_int_equal(made_rows(&m, "months"), 1200);
    uint64_t minutes = (month_start_s(month_of(NOW_S) + 1200) - NOW_S) / 60;
    assert_int_equal(made_number(&m, "total", 0, "expected_ucr"), minutes);
    made_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_projection_is_the_sum_of_its_minutes),
        cmocka_unit_test(stress_grows_with_the_shock),
        cmocka_unit_test(exposure_expects_what_stress_begins_with),
        cmocka_unit_test(no_month_costs_more_than_its_nominal),
        cmocka_unit_test(a_century_is_projected_and_no_more),
        cmocka_unit_test(the_floor_is_what_is_covered_at_the_strike),
    };
    random_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
