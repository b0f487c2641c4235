#include "tests/server/exchange/lease_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/endian.h"
#include "server/exchange/lease.h"
#include "server/exchange/ledger.h"
#include "server/exchange/offer.h"
#include "server/exchange/settlement.h"
#include "server/exchange/site.h"

static uint64_t lot;

void draw_from(uint64_t seed)
{
    lot = seed;
}

uint32_t draw(uint32_t below)
{
    lot = lot * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(lot >> 33) % below;
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
                taken[l->offer] += l->gpus - l->sold[m - l->start_s / 60];
        }
        for (uint64_t o = 1; o <= s->w.x->head.offer_last; o++) {
            const struct offer_row *row = offer_row_find(s->w.x, o);
            if (row->lease != 0)
                continue;
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
        uint64_t holds_now = settlement_held(s->w.x, row);
        if (l->elastic && !l->failed && row->state != LEASE_STATE_SETTLED)
            assert_true(holds_now <= held + plain_cost(row->gpu_minutes_paused, l->price));
        else
            assert_int_equal(holds_now, held);
        if (!l->failed)
            assert_int_equal(row->cost_ucr,
                             plain_cost(plain_owed(l, l->start_s, l->end_s), l->price));
        paid_all += paid;
        held_all += holds_now;
        failed += l->failed;
        if (l->failed) {
            due += plain_owed(l, l->start_s, l->end_s);
            continue;
        }
        uint64_t before = due;
        for (uint32_t k = 0; k < plain_periods(l); k++) {
            bool settled = l->periods[k].state == SETTLED;
            due += settled ? plain_due(l, k) : 0;
            delivered += settled ? l->periods[k].minutes : 0;
        }
        assert_int_equal(due - before, row->gpu_minutes_settled_due);
    }
    const struct site_row *site = site_find(s->w.x, 1);
    assert_int_equal(site->gpu_minutes_delivered, delivered);
    assert_int_equal(site->gpu_minutes_due, due);
    assert_int_equal(site->leases_failed, failed);
    assert_int_equal(holds(s, LEDGER_BALANCE, s->operator), paid_all);
    assert_int_equal(holds(s, LEDGER_ESCROW, s->startup) + holds(s, LEDGER_ESCROW, s->trader),
                     held_all);
    assert_int_equal(holds(s, LEDGER_TOKENS, s->startup) + holds(s, LEDGER_TOKENS, s->trader),
                     s->minted - paid_all - held_all);
}

void story_compare(struct story *s)
{
    s->minted = ledger_total(s->w.x, s->series[0], LEDGER_MINTED) +
                ledger_total(s->w.x, s->series[1], LEDGER_MINTED);
    compare_money(s);
    compare_capacity(s);
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

const struct result *story_act(struct story *s, uint32_t account, const char *key,
                               const struct message *m, const void *body)
{
    const void *copy = world_keep(&s->w, m, body);
    if (draw(4) == 0)
        act_and_undo(s, account, key, m, copy);
    return world_do(&s->w, account, key, m, copy);
}

const char *story_name_of(const struct story *s, uint32_t account)
{
    return account == s->operator? "op" : account == s->startup ? "startup" : "trader";
}

struct story *story_begin(void)
{
    struct story *s = calloc(1, sizeof(*s));
    struct text name = {"x", 1};
    world_begin(&s->w, plain_options);
    s->operator= world_register(&s->w, "op", ROLE_OPERATOR);
    s->startup = world_register(&s->w, "startup", ROLE_STARTUP);
    s->trader = world_register(&s->w, "trader", ROLE_STARTUP);
    s->series[0] = world_series(&s->w, "a", 0);
    s->series[1] = world_series(&s->w, "b", 0);
    struct op_sku_add sku = {.name = name,
                             .vendor = name,
                             .model = name,
                             .memory_gb = 80,
                             .interconnect = name,
                             .power_w = POWER_W,
                             .generation = name};
    assert_int_equal(story_act(s, 1, "admin", &op_sku_add_message, &sku)->refusal, 0);
    struct op_site_add site = {
        .name = name, .region = {"ID", 2}, .jurisdiction = {"ID", 2}, .power_kw = POWER_KW};
    assert_int_equal(story_act(s, s->operator, "op", &op_site_add_message, &site)->refusal, 0);
    return s;
}
