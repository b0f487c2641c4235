#include "tests/server/exchange/crowd.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "protocol/endian.h"
#include "server/exchange/state.h"

struct batch batch_of(struct world *w, uint32_t account, const char *key)
{
    return (struct batch){
        .w = w,
        .account = account,
        .key = key,
        .operations = arena_alloc(&w->arena, BATCH_OPERATIONS_MAX * sizeof(struct operation)),
    };
}

const struct frame_reply *batch_try(struct batch *b)
{
    struct keys keys;
    struct request *request = arena_alloc(&b->w->arena, sizeof(*request));
    world_keys(b->key, &keys);
    request->account = b->account;
    memcpy(request->key, keys.sign_public, 32);
    put_u64_be(request->id, ++b->w->ids);
    request->valid_until_s = b->w->time_s + 300;
    request->operations.items = b->operations;
    request->operations.count = b->count;
    *b = batch_of(b->w, b->account, b->key);
    return world_request(b->w, request);
}

void batch_send(struct batch *b)
{
    uint32_t count = b->count;
    if (count == 0)
        return;
    const struct frame_reply *reply = batch_try(b);
    assert(reply->refusal == REFUSAL_accepted);
    for (uint32_t i = 0; i < count; i++)
        assert(reply->results.items[i].refusal == REFUSAL_accepted);
}

void batch_add(struct batch *b, const struct message *message, const void *body)
{
    if (b->count == BATCH_OPERATIONS_MAX)
        batch_send(b);
    b->operations[b->count++] = (struct operation){message, body};
}

struct text text_printf(struct world *w, const char *format, unsigned number)
{
    char *data = arena_alloc(&w->arena, 32);
    int length = snprintf(data, 32, format, number);
    return (struct text){data, (uint32_t)length};
}

enum refusal refusal_of(struct world *w, uint32_t account, const char *key,
                        const struct message *message, const void *body)
{
    const struct result *result = world_do(w, account, key, message, body);
    assert(result != NULL);
    return result->refusal;
}

const struct result *accepted(struct world *w, uint32_t account, const char *key,
                              const struct message *message, const void *body)
{
    const struct result *result = world_do(w, account, key, message, body);
    assert(result != NULL && result->refusal == REFUSAL_accepted);
    return result;
}

struct op_sku_add *sku_new(struct world *w, unsigned number)
{
    struct op_sku_add *op = NEW(w, op_sku_add);
    *op = (struct op_sku_add){.name = text_printf(w, "sku %u", number),
                              .vendor = {"v", 1},
                              .model = {"m", 1},
                              .memory_gb = 80,
                              .power_w = 1};
    return op;
}

struct op_site_add *site_new(struct world *w, unsigned number)
{
    struct op_site_add *op = NEW(w, op_site_add);
    *op = (struct op_site_add){.name = text_printf(w, "site %u", number),
                               .region = {"US", 2},
                               .jurisdiction = {"US", 2},
                               .power_kw = 1000};
    return op;
}

struct op_offer_publish *offer_new(struct world *w, uint32_t gpus, uint64_t end_s)
{
    struct op_offer_publish *op = NEW(w, op_offer_publish);
    *op = (struct op_offer_publish){.site = 1,
                                    .sku = 1,
                                    .gpus = gpus,
                                    .block_gpus = 1,
                                    .start_s = WORLD_BEGIN_S,
                                    .end_s = end_s,
                                    .price_ucr = 60,
                                    .lease_min_min = 1,
                                    .billing = BILLING_METERED,
                                    .meter_period_min = 60};
    return op;
}

uint32_t seller_begin(struct world *w)
{
    uint32_t op = world_register(w, "op", ROLE_OPERATOR);
    accepted(w, 1, "admin", &op_sku_add_message, sku_new(w, 1));
    accepted(w, op, "op", &op_site_add_message, site_new(w, 1));
    return op;
}

struct op_order_place *order_new(struct world *w, uint32_t gpus)
{
    struct op_order_place *op = NEW(w, op_order_place);
    struct sku_limit *limit = NEW(w, sku_limit);
    *limit = (struct sku_limit){.sku = 1, .limit_price_ucr = 60};
    *op = (struct op_order_place){.skus = {limit, 1},
                                  .gpus = gpus,
                                  .gpus_min = 1,
                                  .block_gpus = 1,
                                  .duration_min = 60,
                                  .placement = PLACEMENT_ONE_SITE,
                                  .time_in_force = TIME_IN_FORCE_IOC,
                                  .profile = PROFILE_TUNING};
    return op;
}

const uint64_t *tokens_new(struct world *w, uint32_t account, uint32_t series, uint32_t count)
{
    uint64_t *tokens = arena_alloc(&w->arena, count * sizeof(*tokens));
    uint32_t number = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (i < series) {
            struct text name = text_printf(w, "series %u", w->x->head.series_last + 1);
            number = world_series(w, name.data, 0);
        }
        tokens[i] = world_mint(w, number, account, 1);
    }
    return tokens;
}
