/*
 * Random offers, amendments, withdrawals, leases, early ends, sales, closures, certifications,
 * amendments of terms and elections against a model that looks at every minute by itself: how each
 * offer stood at its end, which leases took what, what of them the operator withheld, whether the
 * site was open and certified. Every
 * settled period and every day must come to the same, and in the end everything is checked,
 * replayed, taken over and rebuilt.
 */
#include "protocol/amount.h"
#include "tests/server/exchange/support.h"

#include "protocol/endian.h"
#include "server/exchange/backstop.h"
#include "server/exchange/lease.h"
#include "tests/server/exchange/world.h"

enum { STEPS = 1200, MINUTES = 6000, OFFERS = 400, LEASES = 4000, SALES = 40 };

#define BEGIN_MIN (WORLD_BEGIN_S / 60)

/* The worst that stood of one offer in a minute; gpus 0: it was not listed at its end. */
struct standing {
    uint32_t gpus;
    uint32_t price;
};

static struct world w;
static uint32_t op, guarantor, alice, series;
static uint64_t site, sku, contract;
static struct standing stood[OFFERS][MINUTES];
static struct standing worst[OFFERS]; /* of the minute that runs, up to now */
static struct backstop_row terms_at[MINUTES];
static bool certified_at[MINUTES];
static bool frozen_at[MINUTES];
static uint64_t noted_min; /* how far minutes are noted */

/* A lease as it was when it was last looked at. */
struct meant {
    struct lease_row row;
    struct relief_row reliefs[SALES];
};

static struct meant meant[LEASES];
static uint64_t withheld_at[2 * MINUTES];

/* --- What the model notes --- */

/* At the end of the minute that begins at at_s. */
static bool certified(const struct backstop_row *terms, uint64_t at_s)
{
    const struct site_row *row = store_find(w.x->store, TABLE_SITE, &site);
    for (uint32_t i = 0; i < terms->certifications_count; i++) {
        bool held = false;
        for (uint32_t k = 0; k < row->certifications_count; k++)
            held = held ||
                   (memcmp(terms->certifications + (size_t)i * NAME_BYTES,
                           row->certification_names + (size_t)k * NAME_BYTES, NAME_BYTES) == 0 &&
                    row->certification_expires_s[k] >= at_s + 60);
        if (!held)
            return false;
    }
    return true;
}

static bool offer_stands(const struct offer_row *row, uint64_t at_s)
{
    return row && row->lease == 0 && row->state == OFFER_STATE_OPEN && at_s < row->end_s;
}

static struct standing standing_worse(struct standing a, const struct offer_row *row)
{
    if (a.gpus == 0 || row->gpus < a.gpus)
        a.gpus = row->gpus;
    if (row->price_ucr > a.price)
        a.price = (uint32_t)row->price_ucr;
    return a;
}

/* Offers have stood in this minute as they do now, before something happens. */
static void worst_note(void)
{
    for (uint64_t offer = 1; offer <= w.x->head.offer_last && offer < OFFERS; offer++) {
        const struct offer_row *row = offer_row_find(w.x, offer);
        if (w.time_s % 60 != 0 && offer_stands(row, w.time_s))
            worst[offer] = standing_worse(worst[offer], row);
    }
}

/* What a lease was to take at a minute, as it was when it was last looked at. */
static uint64_t meant_takes(const struct meant *m, uint64_t at_min)
{
    uint64_t gpus = m->row.gpus;
    for (uint32_t i = 0; i < m->row.reliefs; i++) {
        const struct relief_row *r = &m->reliefs[i];
        if (r->kind == RELIEF_KIND_SALE && r->start_s / 60 <= at_min &&
            at_min < r->end_s / 60 - r->cut_min)
            gpus -= r->gpus;
    }
    return gpus;
}

/* After each thing that happens: what the operator has ended since the last time was not meant to
 * end there. */
static void meant_note(void)
{
    assert_true(w.x->head.lease_last < LEASES);
    for (uint64_t lease = 1; lease <= w.x->head.lease_last; lease++) {
        struct meant *m = &meant[lease];
        if (m->row.state == LEASE_STATE_SETTLED || m->row.state == LEASE_STATE_FAILED)
            continue;
        const struct lease_row *row = lease_find(w.x, lease);
        bool withheld =
            row->end_reason != m->row.end_reason && m->row.lease != 0 &&
            (row->end_reason == LEASE_END_OPERATOR || row->end_reason == LEASE_END_NOT_ACTIVATED);
        for (uint64_t at = row->end_s / 60; withheld && at < m->row.end_s / 60; at++)
            withheld_at[at - BEGIN_MIN] += meant_takes(m, at);
        m->row = *row;
        for (uint32_t i = 0; i < row->reliefs; i++) {
            const struct relief_row key = {.lease = lease, .relief = i};
            assert_true(i < SALES);
            m->reliefs[i] = *(const struct relief_row *)store_find(w.x->store, TABLE_RELIEF, &key);
        }
    }
}

/* Minutes that are over end as everything stands now. */
static void minutes_note(uint64_t until_min)
{
    for (; noted_min < until_min && noted_min - BEGIN_MIN < MINUTES; noted_min++) {
        uint64_t at = noted_min - BEGIN_MIN;
        const struct backstop_row *terms = backstop_in_force(w.x, contract);
        for (uint64_t offer = 1; offer <= w.x->head.offer_last && offer < OFFERS; offer++) {
            const struct offer_row *row = offer_row_find(w.x, offer);
            if (offer_stands(row, noted_min * 60))
                stood[offer][at] = standing_worse(worst[offer], row);
        }
        memset(worst, 0, sizeof(worst));
        const struct account_row *row = store_find(w.x->store, TABLE_ACCOUNT, &op);
        frozen_at[at] = row->state == ACCOUNT_STATE_FROZEN;
        if (terms) {
            terms_at[at] = *terms;
            certified_at[at] = certified(terms, noted_min * 60);
        }
    }
}

static void time_passes(uint64_t seconds)
{
    while (seconds > 0) {
        uint64_t step = 60 - w.time_s % 60;
        step = step < seconds ? step : seconds;
        minutes_note((w.time_s + step) / 60);
        world_advance(&w, step, true);
        /* In pieces, or all at once where it is needed: nothing else comes of it. */
        exchange_prepare(w.x, w.time_s, (uint32_t)random_below(4));
        meant_note();
        seconds -= step;
    }
}

/* --- What the model makes of it --- */

/* What of a lease is taken of its offer at a minute. */
static uint64_t lease_takes(const struct lease_row *row, uint64_t at_min)
{
    uint64_t gpus = row->start_s / 60 <= at_min && at_min < row->end_s / 60 ? row->gpus : 0;
    for (uint32_t i = 0; i < row->reliefs; i++) {
        const struct relief_row key = {.lease = row->lease, .relief = i};
        const struct relief_row *relief = store_find(w.x->store, TABLE_RELIEF, &key);
        if (relief && relief->kind == RELIEF_KIND_SALE && relief->start_s / 60 <= at_min &&
            at_min < relief->end_s / 60 - relief->cut_min)
            gpus -= relief->gpus;
    }
    return gpus;
}

struct minute {
    uint64_t sold;
    uint64_t elected;
    uint64_t free;
    uint64_t counted;
    uint64_t leased[OFFERS];
};

static void minute_leases(struct minute *m, uint64_t at_min)
{
    for (uint64_t lease = 1; lease <= w.x->head.lease_last; lease++) {
        const struct lease_row *row = lease_find(w.x, lease);
        uint64_t gpus = lease_takes(row, at_min);
        m->leased[row->offer] += gpus;
        *(row->elected ? &m->elected : &m->sold) += gpus;
    }
}

static bool minute_closed(uint64_t at_min)
{
    for (uint64_t closure = 1; closure <= w.x->head.closure_last; closure++) {
        const struct closure_row *row = store_find(w.x->store, TABLE_CLOSURE, &closure);
        if (row && row->start_s / 60 <= at_min && at_min < row->end_s / 60)
            return true;
    }
    return false;
}

/* The least that stood at or below the ceiling from so long before on. */
static uint64_t minute_stood(const struct backstop_row *terms, uint64_t offer, uint64_t at)
{
    const struct offer_row *row = offer_row_find(w.x, offer);
    uint64_t least = UINT64_MAX;
    if (at < terms->ahead_min || (BEGIN_MIN + at) * 60 < row->start_s)
        return 0;
    for (uint64_t t = at - terms->ahead_min; t <= at; t++) {
        const struct standing *s = &stood[offer][t];
        uint64_t gpus = s->price <= terms->price_max_ucr ? s->gpus : 0;
        least = gpus < least ? gpus : least;
    }
    return least;
}

static void minute_fill(struct minute *m, const struct backstop_row *terms, uint64_t at)
{
    memset(m, 0, sizeof(*m));
    minute_leases(m, BEGIN_MIN + at);
    for (uint64_t offer = 1; offer <= w.x->head.offer_last; offer++) {
        const struct offer_row *row = offer_row_find(w.x, offer);
        if (!row || row->lease != 0)
            continue;
        if (stood[offer][at].gpus > 0 && (BEGIN_MIN + at) * 60 >= row->start_s)
            m->free += stood[offer][at].gpus - m->leased[offer];
        uint64_t gpus = terms->period_min > 0 ? minute_stood(terms, offer, at) : 0;
        m->counted += gpus > m->leased[offer] ? gpus - m->leased[offer] : 0;
    }
}

static void draw_compare(const struct draw_row *draw)
{
    static struct minute m;
    uint64_t sold = 0, elected = 0, owed = 0, covered = 0, not_offered = 0;
    wide cost = 0;
    for (uint64_t at = draw->start_s / 60 - BEGIN_MIN; at < draw->end_s / 60 - BEGIN_MIN; at++) {
        const struct backstop_row *terms = &terms_at[at];
        uint64_t delivered = 0;
        for (uint32_t i = 0; i < terms->lots_count; i++)
            delivered += terms->lot_from_s[i] <= (BEGIN_MIN + at) * 60 ? terms->lot_gpus[i] : 0;
        uint64_t most = delivered < terms->gpus ? delivered : terms->gpus;
        minute_fill(&m, terms, at);
        bool good = certified_at[at] && !frozen_at[at] && !minute_closed(BEGIN_MIN + at);
        uint64_t could = m.sold + (good ? m.counted : 0);
        uint64_t open = most > m.elected ? most - m.elected : 0;
        uint64_t least = open < could ? open : could;
        uint64_t taken = m.sold + withheld_at[at];
        uint64_t gpus = least > taken ? least - taken : 0;
        covered += most;
        sold += m.sold;
        elected += m.elected;
        owed += gpus;
        uint64_t used = m.sold + m.elected + gpus;
        not_offered += most > used ? most - used : 0;
        cost += (wide)gpus * terms->strike_ucr;
    }
    amount all = (amount)((cost + 59) / 60);
    amount left = draw->pool_left_ucr + draw->owed_ucr;
    assert_int_equal(draw->gpu_minutes_covered, covered);
    assert_int_equal(draw->gpu_minutes_sold, sold);
    assert_int_equal(draw->gpu_minutes_elected, elected);
    assert_int_equal(draw->gpu_minutes_not_offered, not_offered);
    assert_int_equal(draw->gpu_minutes_owed, owed);
    assert_int_equal(draw->owed_ucr, all < left ? all : left);
}

static int draw_visit(void *context, const void *row)
{
    struct {
        uint64_t owed, settled, elected;
    } *sums = context;
    const struct draw_row *draw = row;
    draw_compare(draw);
    sums->owed += draw->gpu_minutes_owed;
    sums->elected += draw->gpu_minutes_elected;
    sums->settled++;
    return 0;
}

static int day_visit(void *context, const void *row)
{
    static struct minute m;
    static const struct backstop_row none;
    const struct occupancy_row *day = row;
    uint64_t *days = context;
    uint64_t sold = 0, elected = 0, unsold = 0;
    for (uint64_t i = 0; i < 24 * 60; i++) {
        uint64_t at_min = day->day_s / 60 + i;
        if (at_min < BEGIN_MIN)
            continue;
        minute_fill(&m, &none, at_min - BEGIN_MIN);
        sold += m.sold;
        elected += m.elected;
        unsold += (int64_t)m.free > 0 ? m.free : 0; /* more was leased than stood at its worst */
    }
    assert_int_equal(day->gpu_minutes_sold, sold);
    assert_int_equal(day->gpu_minutes_elected, elected);
    assert_int_equal(day->gpu_minutes_free, unsold);
    ++*days;
    return 0;
}

/* --- What happens --- */

/* Whatever comes of it; every third one first in an atomic request that is refused. */
static const struct result *act(uint32_t account, const char *key, const struct message *message,
                                const void *body)
{
    const void *kept = world_keep(&w, message, body);
    worst_note();
    static const struct op_offer_withdraw nothing = {.offer = SERIAL_MAX};
    if (random_below(3) == 0) {
        struct request *request = arena_alloc(&w.arena, sizeof(*request));
        struct operation *operations = arena_alloc(&w.arena, 2 * sizeof(*operations));
        struct keys keys;
        world_keys(key, &keys);
        memcpy(request->key, keys.sign_public, 32);
        request->account = account;
        put_u64_be(request->id, ++w.ids);
        request->valid_until_s = w.time_s + 300;
        request->atomic = true;
        operations[0] = (struct operation){message, kept};
        operations[1] = (struct operation){&op_offer_withdraw_message,
                                           world_keep(&w, &op_offer_withdraw_message, &nothing)};
        request->operations.items = operations;
        request->operations.count = 2;
        world_request(&w, request);
    }
    const struct result *done = world_do(&w, account, key, message, kept);
    meant_note();
    return done;
}

static uint64_t money(uint32_t account)
{
    return world_mint(&w, series, account, 100000);
}

static void offer_act(void)
{
    uint64_t offer = random_below(w.x->head.offer_last + 1) + 1;
    struct op_offer_publish publish = {
        .site = site,
        .sku = sku,
        .gpus = 2 * ((uint32_t)random_below(8) + 1),
        .block_gpus = random_below(4) == 0 ? 2 : 1,
        .start_s = random_below(3) ? 0 : w.time_s / 60 * 60 + 60 * random_below(600),
        .end_s = w.time_s / 60 * 60 + 60 * (60 + random_below(1500)),
        .price_ucr = 60 * (1 + random_below(4)),
        .preemptible = random_below(3) == 0,
        .lease_min_min = 1,
        .billing = BILLING_RESERVED,
        .meter_period_min = 60,
        .standing_min = random_below(4) == 0 ? 300 : 0,
    };
    struct op_offer_amend amend = {.offer = offer};
    struct op_offer_withdraw withdraw = {.offer = offer};
    publish.notice_min = publish.preemptible ? (uint32_t)random_below(3) * 20 : 0;
    publish.start_s = publish.standing_min ? 0 : publish.start_s;
    publish.end_s = publish.standing_min ? 0 : publish.end_s;
    if (random_below(2))
        amend.gpus = 2 * ((uint32_t)random_below(10) + 1);
    if (random_below(2)) {
        amend.has_price = true;
        amend.price_ucr = 60 * (1 + random_below(4));
    }
    if (random_below(4) == 0)
        amend.end_s = w.time_s / 60 * 60 + 60 * random_below(900);
    uint64_t what = random_below(8);
    if (what < 3 && w.x->head.offer_last + 20 < OFFERS)
        act(op, "op", &op_offer_publish_message, &publish);
    else if (what < 7)
        act(op, "op", &op_offer_amend_message, &amend);
    else
        act(op, "op", &op_offer_withdraw_message, &withdraw);
}

static void lease_act(void)
{
    struct sku_limit limit = {sku, 60 * (1 + random_below(4))};
    uint64_t token = money(alice);
    struct op_order_place order = {
        .skus = {&limit, 1},
        .gpus = (uint32_t)random_below(12) + 1,
        .gpus_min = 1,
        .block_gpus = 1,
        .duration_min = (uint32_t)random_below(300) + 1,
        .start_from_s = random_below(2) ? 0 : w.time_s / 60 * 60 + 60 * random_below(200),
        .placement = PLACEMENT_ONE_SITE,
        .time_in_force = TIME_IN_FORCE_IOC,
        .preemptible_ok = true,
        .profile = PROFILE_TUNING,
        .tokens = {&token, 1},
    };
    uint64_t first = w.x->head.lease_last + 1;
    act(alice, "alice", &op_order_place_message, &order);
    for (uint64_t lease = first; lease <= w.x->head.lease_last; lease++) {
        struct op_lease_activate activate = {.lease = lease};
        if (random_below(4))
            act(op, "op", &op_lease_activate_message, &activate);
    }
}

static void lease_change_act(void)
{
    uint64_t last = w.x->head.lease_last;
    if (last == 0)
        return;
    uint64_t lease = last - random_below(last < 20 ? last : 20);
    const struct lease_row *row = lease_find(w.x, lease);
    bool held = row->holder == guarantor;
    struct op_lease_end end = {.lease = lease};
    struct op_lease_resell resell = {
        .lease = lease,
        .gpus = (uint32_t)random_below(row->gpus) + 1,
        .block_gpus = 1,
        .start_s = 0,
        .price_ucr = 60,
        .lease_min_min = 1,
    };
    if (random_below(3) == 0)
        act(op, "op", &op_lease_end_message, &end);
    else if (random_below(2))
        act(row->holder, held ? "g" : "alice", &op_lease_end_message, &end);
    else if (w.x->head.offer_last + 20 < OFFERS)
        act(row->holder, held ? "g" : "alice", &op_lease_resell_message, &resell);
}

static void site_act(void)
{
    struct op_site_close close = {
        .site = site,
        .kind = random_below(2) ? CLOSURE_KIND_OUTAGE : CLOSURE_KIND_MAINTENANCE,
        .end_s = w.time_s / 60 * 60 + 60 * (5 + random_below(30)),
    };
    struct certification held[2] = {
        {.name = {"soc2", 4}, .issuer = {"i", 1}, .expires_s = w.time_s + random_below(40000)},
        {.name = {"iso", 3}, .issuer = {"i", 1}, .expires_s = w.time_s + random_below(60000)},
    };
    struct op_site_change change = {
        .site = site,
        .power_kw = 1000000,
        .certifications = {held, random_below(6) ? 2 : (uint32_t)random_below(3)}};
    struct op_site_reopen reopen = {.closure = w.x->head.closure_last};
    if (close.kind == CLOSURE_KIND_MAINTENANCE)
        close.start_s = w.time_s / 60 * 60 + 120;
    uint64_t what = random_below(6);
    if (what == 0)
        act(op, "op", &op_site_close_message, &close);
    else if (what == 1 && reopen.closure > 0)
        act(op, "op", &op_site_reopen_message, &reopen);
    else
        act(op, "op", &op_site_change_message, &change);
}

/* For a while nobody can have what the operator offers. */
static void freeze_act(void)
{
    struct op_account_freeze freeze = {.account = op};
    struct op_account_unfreeze unfreeze = {.account = op};
    act(1, "admin", &op_account_freeze_message, &freeze);
    time_passes(random_below(400));
    act(1, "admin", &op_account_unfreeze_message, &unfreeze);
}

static struct op_backstop_propose terms_new(struct lot *lots, struct required *names)
{
    const struct backstop_row *now = contract ? backstop_in_force(w.x, contract) : NULL;
    for (uint32_t i = 0; i < 3; i++)
        lots[i] = (struct lot){.gpus = 20 + (uint32_t)random_below(60),
                               .from_s = WORLD_BEGIN_S + 60 * random_below(3000)};
    names[0].name = (struct text){"soc2", 4};
    names[1].name = (struct text){"iso", 3};
    return (struct op_backstop_propose){
        .contract = contract,
        .guarantor = guarantor,
        .operator= op,
        .site = site,
        .sku = sku,
        .gpus = 20 + (uint32_t)random_below(200),
        .strike_ucr = 37 * random_below(20),
        .period_min = now ? now->period_min : 20 + (uint32_t)random_below(300),
        .start_s = now ? now->start_s : WORLD_BEGIN_S + 60 * (60 + random_below(60)),
        .end_s = WORLD_BEGIN_S + 60 * (3000 + random_below(2000)),
        .pool_ucr = random_below(4) ? 100000000 : 20000 + random_below(100000),
        .lots = {lots, 3},
        .price_max_ucr = 60 * (2 + random_below(3)),
        .ahead_min = random_below(2) ? (uint32_t)random_below(100) : 0,
        .certifications = {names, random_below(3) ? 0 : (uint32_t)random_below(3)},
    };
}

static void contract_act(void)
{
    struct lot lots[3];
    struct required names[2];
    struct op_backstop_propose propose = terms_new(lots, names);
    act(guarantor, "g", &op_backstop_propose_message, &propose);
    if (!contract)
        contract = w.x->head.contract_last;
    const struct contract_row *row = contract_find(w.x, contract);
    struct op_contract_accept accept = {.contract = contract, .version = row->pending};
    struct op_contract_decline decline = {.contract = contract, .version = row->pending};
    time_passes(random_below(200));
    if (row->pending == 0)
        return;
    const struct result *done = act(op, "op", &op_contract_accept_message, &accept);
    if (done->refusal)
        act(op, "op", &op_contract_decline_message, &decline);
}

static void elect_act(void)
{
    const struct cover_row *cover = cover_row_find(w.x, contract);
    uint64_t token = money(guarantor);
    struct op_backstop_elect elect = {
        .contract = contract,
        .period = cover->period + (uint32_t)random_below(3),
        .gpus = 1 + (uint32_t)random_below(20),
        .tokens = {&token, 1},
    };
    uint64_t first = w.x->head.lease_last + 1;
    act(guarantor, "g", &op_backstop_elect_message, &elect);
    for (uint64_t lease = first; lease <= w.x->head.lease_last; lease++) {
        struct op_lease_activate activate = {.lease = lease};
        if (random_below(4))
            act(op, "op", &op_lease_activate_message, &activate);
    }
}

static void world_make(void)
{
    world_begin(&w, WORLD_OPTIONS);
    op = world_register(&w, "op", ROLE_OPERATOR);
    guarantor = world_register(&w, "g", ROLE_GUARANTOR);
    alice = world_register(&w, "alice", ROLE_STARTUP);
    series = world_series(&w, "seed", 0);
    struct op_sku_add add = {
        .name = {"h", 1}, .vendor = {"n", 1}, .model = {"m", 1}, .memory_gb = 80, .power_w = 1};
    sku = act(1, "admin", &op_sku_add_message, &add)->object;
    struct op_site_add place = {
        .name = {"x", 1}, .region = {"ID", 2}, .jurisdiction = {"ID", 2}, .power_kw = 1000000};
    struct certification held[2] = {
        {.name = {"soc2", 4}, .issuer = {"i", 1}, .expires_s = WORLD_BEGIN_S + 20000},
        {.name = {"iso", 3}, .issuer = {"i", 1}, .expires_s = WORLD_BEGIN_S + 40000},
    };
    place.certifications.items = held;
    place.certifications.count = 2;
    site = act(op, "op", &op_site_add_message, &place)->object;
    noted_min = BEGIN_MIN;
    contract_act();
    uint64_t token = world_mint(&w, series, guarantor, 50000);
    struct op_contract_fund fund = {.contract = contract, .tokens = {&token, 1}};
    act(guarantor, "g", &op_contract_fund_message, &fund);
}

static void story(void **state)
{
    struct {
        uint64_t owed, settled, elected;
    } sums = {0, 0, 0};
    uint64_t days = 0;
    (void)state;
    random_start();
    world_make();
    for (int step = 0; step < STEPS && noted_min - BEGIN_MIN < MINUTES - 100; step++) {
        uint64_t what = random_below(40);
        if (what < 14 || w.x->head.offer_last == 0)
            offer_act();
        else if (what < 26)
            lease_act();
        else if (what < 32)
            lease_change_act();
        else if (what < 35)
            site_act();
        else if (what < 36)
            freeze_act();
        else if (what < 37 && contract_find(w.x, contract)->state == CONTRACT_STATE_IN_FORCE)
            contract_act();
        else if (what < 38)
            elect_act();
        else if (random_below(4) == 0)
            world_reload(&w);
        time_passes(random_below(4) ? random_below(400) : 0);
        if (step % 50 == 0)
            assert_int_equal(world_check(w.x, NULL), 0);
    }
    store_each(w.x->store, TABLE_DRAW, draw_visit, &sums);
    store_each(w.x->store, TABLE_OCCUPANCY, day_visit, &days);
    printf("%llu periods, %llu GPU-minutes owed, %llu elected, %llu days, %llu leases\n",
           (unsigned long long)sums.settled, (unsigned long long)sums.owed,
           (unsigned long long)sums.elected, (unsigned long long)days,
           (unsigned long long)w.x->head.lease_last);
    assert_true(days > 0 && sums.settled > 0);
    assert_int_equal(world_verify(&w), 0);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(story)};
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
