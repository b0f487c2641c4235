#include "client/cli/bench_market.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/moment.h"
#include "protocol/status.h"

enum {
    FILL_BATCH = 1000, /* operations of a request while a market is filled */
    NEAR_EACH = 100,   /* one in so many is what is looked for */
    SITE_OFFERS = 100,
    OFFER_DAYS = 730,
    SOLD_DAYS = 30,
    /* Leases begin after a day, so that none fails meanwhile for not being activated. */
    FIRST_HOUR = 48,
    HOURS = 600,
    OFFER_GPUS = 8,
    LARGE_GPUS = 64,
    CHEAP_UCR = 1000,
    DEAR_UCR = 2000,
    LIMIT_UCR = 1500,
    BETTER_UCR = 3000,
    COIN_UCR = 1000,
};

static const struct {
    const char *name;
    const char *title;
} shapes[BENCH_SHAPES] = {
    [SHAPE_REDEEM_ALIKE] = {"redeem_alike", "a redemption among offers all alike"},
    [SHAPE_REDEEM_SOLD_OUT] = {"redeem_sold_out",
                               "a redemption, 99 % of the offers cheaper and sold out"},
    [SHAPE_REDEEM_ELSEWHERE] = {"redeem_elsewhere",
                                "a redemption, 99 % of the offers cheaper, in other regions"},
    [SHAPE_ASK_ALIKE] = {"ask_alike", "a new offer, resting orders all alike"},
    [SHAPE_ASK_TOO_LARGE] = {"ask_too_large",
                             "a new offer, 99 % of the orders with better limits, too large"},
    [SHAPE_ASK_ELSEWHERE] = {"ask_elsewhere",
                             "a new offer, 99 % of the orders with better limits, elsewhere"},
    [SHAPE_ASK_OTHER_TIMES] = {"ask_other_times",
                               "a new offer, 99 % of the orders with better limits, other times"},
    [SHAPE_ASK_TOO_LONG] = {"ask_too_long",
                            "a new offer, 99 % of the orders with better limits, too long"},
};

/* The operations of one request, and what they point to. */
struct gathered {
    struct operation operations[FILL_BATCH];
    uint32_t count;
    uint64_t *spends; /* the token that they pass on, one to the next; NULL: none */
    uint64_t tokens[FILL_BATCH];
    struct sku_limit limits[FILL_BATCH];
    struct payment payments[FILL_BATCH];
    char names[FILL_BATCH][16];
    union {
        struct op_site_add site;
        struct op_offer_publish offer;
        struct op_order_place order;
        struct op_token_transfer transfer;
    } bodies[FILL_BATCH];
};

struct bench_market {
    struct bench_target *target;
    enum bench_shape shape;
    bool spread;
    uint32_t count;
    uint64_t begin_s; /* a whole minute */
    uint64_t sku;
    uint64_t other_sku; /* for which no order rests */
    uint64_t first_site;
    uint32_t sites;
    uint64_t purses[BENCH_PARTIES]; /* each startup's token of all its credits */
    uint64_t coin;                  /* the first one's token of COIN_UCR, for transfers */
    uint64_t done;                  /* operations measured so far */
    uint32_t holders;               /* requests of those whose orders rest */
    struct gathered gathered;
};

const char *bench_shape_name(enum bench_shape shape)
{
    return shapes[shape].name;
}

const char *bench_shape_title(enum bench_shape shape)
{
    return shapes[shape].title;
}

bool bench_shape_asks(enum bench_shape shape)
{
    return shape >= SHAPE_ASK_ALIKE;
}

/* --- Requests ------------------------------------------------------------------------------- */

static int apply_one(struct bench_market *m, enum bench_party who, const struct message *message,
                     const void *body, uint64_t *object_out, uint64_t *token_out)
{
    const struct result *results;
    struct operation o = {message, (void *)(uintptr_t)body};
    int status = m->target->apply(m->target->context, who, &o, 1, &results);
    if (status == STATUS_OK && object_out != NULL)
        *object_out = results[0].object;
    if (status == STATUS_OK && token_out != NULL)
        *token_out = results[0].token_first;
    return status;
}

/* Sends what has been gathered; *object_out (NULL: not wanted) is what came of the last one. */
static int gathered_send(struct bench_market *m, enum bench_party who, uint64_t *object_out)
{
    struct gathered *g = &m->gathered;
    const struct result *results;
    if (g->count == 0)
        return STATUS_OK;
    int status = m->target->apply(m->target->context, who, g->operations, g->count, &results);
    if (status == STATUS_OK) {
        const struct result *last = &results[g->count - 1];
        if (g->spends != NULL)
            *g->spends = last->token_first;
        if (object_out != NULL)
            *object_out = last->object;
    }
    g->count = 0;
    g->spends = NULL;
    return status;
}

static void *gather(struct bench_market *m, const struct message *message, size_t size)
{
    struct gathered *g = &m->gathered;
    void *body = &g->bodies[g->count];
    memset(body, 0, size);
    g->operations[g->count] = (struct operation){message, body};
    return body;
}

/* A token passes from one operation of a request to the next, as its change. */
static uint64_t *gather_token(struct bench_market *m, uint64_t *token)
{
    struct gathered *g = &m->gathered;
    g->spends = token;
    g->tokens[g->count] = g->count == 0 ? *token : token_reference(g->count - 1, 0);
    return &g->tokens[g->count];
}

static struct op_order_place *gather_order(struct bench_market *m, enum bench_party who,
                                           uint64_t limit_ucr)
{
    struct op_order_place *op = gather(m, &op_order_place_message, sizeof(*op));
    struct gathered *g = &m->gathered;
    g->limits[g->count] = (struct sku_limit){m->sku, limit_ucr};
    op->skus.items = &g->limits[g->count];
    op->skus.count = 1;
    op->gpus = op->gpus_min = op->block_gpus = 1;
    op->duration_min = 60;
    op->placement = PLACEMENT_ONE_SITE;
    op->time_in_force = TIME_IN_FORCE_IOC;
    op->profile = PROFILE_TUNING;
    op->tokens.items = gather_token(m, &m->purses[who]);
    op->tokens.count = 1;
    g->count++;
    return op;
}

static struct op_offer_publish *gather_offer(struct bench_market *m, uint64_t site)
{
    struct op_offer_publish *op = gather(m, &op_offer_publish_message, sizeof(*op));
    *op = (struct op_offer_publish){
        .site = m->first_site + site,
        .sku = m->sku,
        .gpus = 1,
        .block_gpus = 1,
        .price_ucr = CHEAP_UCR,
        .lease_min_min = 1,
        .billing = BILLING_METERED,
        .meter_period_min = 1440,
    };
    m->gathered.count++;
    return op;
}

/* --- Filling a market ------------------------------------------------------------------------ */

static const struct place near_place = {.code = {"US", 2}};
static const struct place far_place = {.code = {"ID", 2}};

void bench_party_name(enum bench_party who, char name_out[BENCH_NAME_SIZE])
{
    static const char *const names[] = {"bench-admin", "bench-operator", "bench-startup"};
    if (who < BENCH_HOLDER)
        snprintf(name_out, BENCH_NAME_SIZE, "%s", names[who]);
    else
        snprintf(name_out, BENCH_NAME_SIZE, "bench-holder-%d", who - BENCH_HOLDER + 1);
}

static int parties_make(struct bench_market *m)
{
    int status = STATUS_OK;
    for (int who = BENCH_OPERATOR; status == STATUS_OK && who < BENCH_PARTIES; who++) {
        char name[BENCH_NAME_SIZE];
        bench_party_name((enum bench_party)who, name);
        struct op_account_register op = {
            .name = text_of(name),
            .role = who == BENCH_OPERATOR ? ROLE_OPERATOR : ROLE_STARTUP,
        };
        uint64_t account = 0;
        m->target->keys(m->target->context, (enum bench_party)who, op.sign_key, op.channel_key);
        status = apply_one(m, BENCH_ADMIN, &op_account_register_message, &op, &account, NULL);
        m->target->accounts[who] = (uint32_t)account;
    }
    return status;
}

static int sku_make(struct bench_market *m, const char *name, uint64_t *sku_out)
{
    struct text text = text_of(name);
    struct op_sku_add op = {.name = text,
                            .vendor = text,
                            .model = text,
                            .memory_gb = 80,
                            .interconnect = text,
                            .power_w = 1,
                            .generation = text};
    return apply_one(m, BENCH_ADMIN, &op_sku_add_message, &op, sku_out, NULL);
}

static int funds_make(struct bench_market *m)
{
    uint32_t admin = m->target->accounts[BENCH_ADMIN];
    struct op_series_create series = {
        .name = {"bench", 5}, .funder = admin, .expired_to = admin, .transferable = true};
    struct payment to[BENCH_PARTIES - BENCH_STARTUP + 1];
    uint32_t count = 0;
    uint64_t first = 0;
    for (int who = BENCH_STARTUP; who < BENCH_PARTIES; who++)
        to[count++] = (struct payment){m->target->accounts[who], AMOUNT_MAX_UCR / BENCH_PARTIES};
    to[count++] = (struct payment){m->target->accounts[BENCH_STARTUP], COIN_UCR};
    uint64_t number = 0;
    int status = apply_one(m, BENCH_ADMIN, &op_series_create_message, &series, &number, NULL);
    struct op_mint mint = {.series = (uint32_t)number, .outputs = {to, count}};
    if (status == STATUS_OK)
        status = apply_one(m, BENCH_ADMIN, &op_mint_message, &mint, NULL, &first);
    for (uint32_t i = 0; i + 1 < count; i++)
        m->purses[BENCH_STARTUP + i] = first + i;
    m->coin = first + count - 1;
    return status;
}

/* One site in a hundred, but at least the first, is where orders look that name a region. */
static bool site_is_near(uint32_t site)
{
    return site % NEAR_EACH == 0;
}

static int sites_make(struct bench_market *m)
{
    struct gathered *g = &m->gathered;
    uint64_t last = 0;
    for (uint32_t i = 0; i < m->sites; i++) {
        struct op_site_add *op = gather(m, &op_site_add_message, sizeof(*op));
        int length = snprintf(g->names[g->count], sizeof(g->names[0]), "site-%u", (unsigned)i);
        op->name = (struct text){g->names[g->count], (uint32_t)length};
        op->region = op->jurisdiction = site_is_near(i) ? near_place.code : far_place.code;
        op->power_kw = 1000 * 1000;
        g->count++;
    }
    int status = gathered_send(m, BENCH_OPERATOR, &last);
    m->first_site = last - m->sites + 1;
    return status;
}

/* One offer in a hundred is at a near site. */
static uint32_t offer_site(const struct bench_market *m, uint32_t i)
{
    uint32_t near = (m->sites + NEAR_EACH - 1) / NEAR_EACH;
    if (i % NEAR_EACH == 0)
        return NEAR_EACH * (i / NEAR_EACH % near);
    uint32_t far = i % (m->sites - near);
    return 1 + far + far / (NEAR_EACH - 1);
}

static int offers_make(struct bench_market *m)
{
    int status = STATUS_OK;
    bool alike = m->shape == SHAPE_REDEEM_ALIKE;
    for (uint32_t i = 0; status == STATUS_OK && i < m->count; i++) {
        struct op_offer_publish *op = gather_offer(m, offer_site(m, i));
        op->gpus = OFFER_GPUS;
        op->end_s = m->begin_s + (uint64_t)OFFER_DAYS * DAY_S;
        if (!alike)
            op->price_ucr = i % NEAR_EACH == 0 ? DEAR_UCR + i : CHEAP_UCR + i % 500;
        if (m->gathered.count == FILL_BATCH || i + 1 == m->count)
            status = gathered_send(m, BENCH_OPERATOR, NULL);
    }
    return status;
}

/* Leases of everything that the cheaper offers have, for as long as redemptions ask for. */
static int offers_sell(struct bench_market *m)
{
    int status = STATUS_OK;
    uint32_t sold = m->count - (m->count + NEAR_EACH - 1) / NEAR_EACH;
    for (uint32_t i = 0; status == STATUS_OK && i < sold; i++) {
        struct op_order_place *op = gather_order(m, BENCH_STARTUP, DEAR_UCR - 1);
        op->gpus = op->gpus_min = OFFER_GPUS;
        op->start_from_s = m->begin_s + DAY_S;
        op->duration_min = SOLD_DAYS * DAY_S / 60;
        op->time_in_force = TIME_IN_FORCE_FOK;
        if (m->gathered.count == FILL_BATCH || i + 1 == sold)
            status = gathered_send(m, BENCH_STARTUP, NULL);
    }
    return status;
}

/* A site where more is on offer than the large orders want, but sold. */
static int large_sell(struct bench_market *m)
{
    struct op_offer_publish *offer = gather_offer(m, 0);
    offer->gpus = 2 * LARGE_GPUS;
    offer->start_s = m->begin_s + DAY_S;
    offer->end_s = offer->start_s + (uint64_t)SOLD_DAYS * DAY_S;
    int status = gathered_send(m, BENCH_OPERATOR, NULL);
    struct op_order_place *order = gather_order(m, BENCH_STARTUP, DEAR_UCR);
    order->gpus = order->gpus_min = 2 * LARGE_GPUS;
    order->start_from_s = m->begin_s + DAY_S;
    order->duration_min = SOLD_DAYS * DAY_S / 60;
    return status == STATUS_OK ? gathered_send(m, BENCH_STARTUP, NULL) : status;
}

/* Each request of resting orders is another one's. */
static enum bench_party holder_next(struct bench_market *m)
{
    return (enum bench_party)(BENCH_HOLDER + m->holders++ % (BENCH_PARTIES - BENCH_HOLDER));
}

/* A resting order: one that the new offers are for, or one that would come before it. */
static void gather_rest(struct bench_market *m, enum bench_party holder, bool wanted)
{
    bool better = !wanted && m->shape != SHAPE_ASK_ALIKE;
    struct op_order_place *op = gather_order(m, holder, better ? BETTER_UCR : LIMIT_UCR);
    op->time_in_force = TIME_IN_FORCE_GTT;
    op->start_from_s = m->begin_s + DAY_S;
    op->start_until_s = op->start_from_s + 60 * DAY_S;
    op->rest_until_s = m->begin_s + 300 * (uint64_t)DAY_S;
    if (m->shape == SHAPE_ASK_ELSEWHERE) {
        op->regions.items = better ? &far_place : &near_place;
        op->regions.count = 1;
    }
    if (!better)
        return;
    if (m->shape == SHAPE_ASK_TOO_LARGE)
        op->gpus = op->gpus_min = LARGE_GPUS;
    if (m->shape == SHAPE_ASK_TOO_LONG)
        op->duration_min = 10 * DAY_S / 60;
    if (m->shape == SHAPE_ASK_OTHER_TIMES) {
        op->start_from_s += 100 * DAY_S;
        op->start_until_s += 100 * DAY_S;
    }
}

static int orders_make(struct bench_market *m)
{
    int status = m->shape == SHAPE_ASK_TOO_LARGE ? large_sell(m) : STATUS_OK;
    enum bench_party holder = holder_next(m);
    for (uint32_t i = 0; status == STATUS_OK && i < m->count; i++) {
        gather_rest(m, holder, i % NEAR_EACH == 0);
        if (m->gathered.count < FILL_BATCH && i + 1 < m->count)
            continue;
        status = gathered_send(m, holder, NULL);
        holder = holder_next(m);
    }
    return status;
}

static int market_fill(struct bench_market *m)
{
    int status = parties_make(m);
    if (status == STATUS_OK)
        status = sku_make(m, "bench-gpu", &m->sku);
    if (status == STATUS_OK)
        status = sku_make(m, "other-gpu", &m->other_sku);
    if (status == STATUS_OK)
        status = funds_make(m);
    if (status == STATUS_OK)
        status = sites_make(m);
    if (status == STATUS_OK)
        status = bench_shape_asks(m->shape) ? orders_make(m) : offers_make(m);
    if (status == STATUS_OK && m->shape == SHAPE_REDEEM_SOLD_OUT)
        status = offers_sell(m);
    return status;
}

int bench_market_make(struct bench_target *target, enum bench_shape shape, uint32_t count,
                      bool spread, struct bench_market **out)
{
    struct bench_market *m = calloc(1, sizeof(*m));
    *out = m;
    if (m == NULL)
        return STATUS_MEMORY;
    m->target = target;
    m->shape = shape;
    m->spread = spread;
    m->count = count;
    m->begin_s = target->time_s - target->time_s % 60;
    m->sites = (count + SITE_OFFERS - 1) / SITE_OFFERS;
    return market_fill(m);
}

void bench_market_free(struct bench_market *m)
{
    free(m);
}

void bench_market_spread(struct bench_market *m, bool spread)
{
    m->spread = spread;
}

/* --- Measured -------------------------------------------------------------------------------- */

/* Redemptions of an hour at one hour after the other, so that none finds the market changed. */
static uint64_t hour_next(struct bench_market *m)
{
    return m->begin_s + HOUR_S * (FIRST_HOUR + m->done++ % HOURS);
}

static int redeem(struct bench_market *m, uint32_t batch)
{
    for (uint32_t i = 0; i < batch; i++) {
        struct op_order_place *op = gather_order(m, BENCH_STARTUP, PRICE_MAX_UCR);
        op->start_from_s = hour_next(m);
        if (m->spread) {
            op->gpus = op->gpus_min = OFFER_GPUS + 1;
            op->placement = PLACEMENT_SPREAD;
        }
        if (m->shape == SHAPE_REDEEM_ELSEWHERE) {
            op->regions.items = &near_place;
            op->regions.count = 1;
        }
    }
    return gathered_send(m, BENCH_STARTUP, NULL);
}

static int publish(struct bench_market *m, uint64_t sku, uint32_t batch, uint64_t *offer_out)
{
    for (uint32_t i = 0; i < batch; i++) {
        struct op_offer_publish *op = gather_offer(m, 0);
        op->sku = sku;
        op->start_s = hour_next(m);
        op->end_s = op->start_s + HOUR_S;
    }
    return gathered_send(m, BENCH_OPERATOR, offer_out);
}

static int transfer(struct bench_market *m, uint32_t batch)
{
    struct gathered *g = &m->gathered;
    for (uint32_t i = 0; i < batch; i++) {
        struct op_token_transfer *op = gather(m, &op_token_transfer_message, sizeof(*op));
        g->payments[i] = (struct payment){m->target->accounts[BENCH_STARTUP], COIN_UCR};
        op->inputs.items = gather_token(m, &m->coin);
        op->inputs.count = 1;
        op->outputs.items = &g->payments[i];
        op->outputs.count = 1;
        g->count++;
    }
    return gathered_send(m, BENCH_STARTUP, NULL);
}

/* As many orders rest again as before. */
static int refill(struct bench_market *m, uint32_t batch)
{
    enum bench_party holder = holder_next(m);
    for (uint32_t i = 0; i < batch; i++)
        gather_rest(m, holder, true);
    return gathered_send(m, holder, NULL);
}

int bench_market_work(struct bench_market *m, enum bench_work work, uint32_t batch,
                      struct bench_moment *each_out)
{
    struct bench_target *t = m->target;
    uint64_t offer = 0;
    bool asks = work == WORK_MEASURED && bench_shape_asks(m->shape);
    int status;
    struct bench_moment begin = t->now(t->context);
    if (work == WORK_FLOOR_TRANSFER)
        status = transfer(m, batch);
    else if (work == WORK_FLOOR_PUBLISH || asks)
        status = publish(m, asks ? m->sku : m->other_sku, batch, &offer);
    else
        status = redeem(m, batch);
    if (status == STATUS_OK && asks)
        status = t->settle(t->context, offer);
    struct bench_moment end = t->now(t->context);
    each_out->wall_ns = (end.wall_ns - begin.wall_ns) / batch;
    each_out->engine_ns = (end.engine_ns - begin.engine_ns) / batch;
    return status == STATUS_OK && asks ? refill(m, batch) : status;
}
