#include "tests/server/exchange/shop.h"

#include "tests/server/exchange/crowd.h"
#include "tests/server/exchange/support.h"

struct shop *shop_begin(void)
{
    struct shop *s = calloc(1, sizeof(*s));
    world_begin(&s->w, WORLD_OPTIONS);
    s->x = s->w.x;
    s->operator= world_register(&s->w, "op", ROLE_OPERATOR);
    s->startup = world_register(&s->w, "startup", ROLE_STARTUP);
    struct op_sku_add *sku = sku_new(&s->w, 1);
    struct op_site_add *site = site_new(&s->w, 1);
    sku->power_w = 1000;
    site->power_kw = 20;
    shop_do(s, 1, "admin", &op_sku_add_message, sku);
    shop_do(s, s->operator, "op", &op_site_add_message, site);
    return s;
}

void shop_ready(struct shop *s)
{
    shop_whole(s);
    s->w.replayable = false;
}

void shop_close(struct shop *s)
{
    world_end(&s->w);
    free(s);
}

const struct result *shop_do(struct shop *s, uint32_t account, const char *key,
                             const struct message *m, const void *body)
{
    return accepted(&s->w, account, key, m, body);
}

uint64_t shop_token(struct shop *s, uint32_t series, uint32_t account)
{
    return world_mint(&s->w, series, account, 100000000);
}

struct op_offer_publish shop_offer(uint32_t gpus, uint64_t seconds)
{
    return (struct op_offer_publish){.site = 1,
                                     .sku = 1,
                                     .gpus = gpus,
                                     .block_gpus = 1,
                                     .end_s = WORLD_BEGIN_S + seconds,
                                     .price_ucr = 600,
                                     .lease_min_min = 1,
                                     .billing = BILLING_METERED,
                                     .meter_period_min = 60};
}

struct op_order_place shop_order(struct shop *s, uint64_t token, uint32_t gpus, uint32_t minutes,
                                 uint64_t limit_ucr)
{
    struct sku_limit *limit = NEW(&s->w, sku_limit);
    uint64_t *tokens = arena_alloc(&s->w.arena, sizeof(*tokens));
    *limit = (struct sku_limit){1, limit_ucr};
    *tokens = token;
    return (struct op_order_place){.skus = {limit, 1},
                                   .gpus = gpus,
                                   .gpus_min = gpus,
                                   .block_gpus = 1,
                                   .duration_min = minutes,
                                   .placement = PLACEMENT_ONE_SITE,
                                   .time_in_force = TIME_IN_FORCE_FOK,
                                   .profile = PROFILE_TUNING,
                                   .tokens = {tokens, 1}};
}

void shop_found(const struct shop *s, const char *line)
{
    assert_true(world_reports(s->x, line));
}

void shop_whole(const struct shop *s)
{
    assert_int_equal(world_check(s->x, NULL), 0);
}

void shop_put_unseen(struct shop *s, enum table table, const void *row)
{
    world_put_unseen(s->x, table, row);
}
