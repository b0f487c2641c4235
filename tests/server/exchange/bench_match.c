/*
 * What a redemption costs in the rules among few and many live offers, with the cheaper ones sold
 * out or elsewhere. Run by hand:
 *     bench_match
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/exchange/match.h"
#include "tests/server/exchange/world.h"

enum { ORDERS = 2000, DAYS = 730, SITE_OFFERS = 100 };

/* An account may have so many live request ids only. */
static void pause_for_ids(struct world *w, uint32_t i)
{
    if (i % 30000 == 29999)
        world_advance(w, 301, true);
}

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const struct result *must(const struct result *r)
{
    if (r == NULL || r->refusal != REFUSAL_accepted) {
        fprintf(stderr, "refused: %s\n", r != NULL ? refusal_name(r->refusal) : "all");
        exit(EXIT_FAILURE);
    }
    return r;
}

struct market {
    struct world w;
    uint32_t operator, startup;
    uint64_t token;
};

static void market_begin(struct market *k, uint32_t offers)
{
    struct text name = {"x", 1};
    /* Time passes while the market is filled; nothing shall fail meanwhile. */
    world_begin(&k->w, (struct world_options){CLOCK_MODE_REAL, GRACE_MAX_S, GRACE_MAX_S, 600});
    k->operator= world_register(&k->w, "op", ROLE_OPERATOR);
    k->startup = world_register(&k->w, "startup", ROLE_STARTUP);
    uint32_t series = world_series(&k->w, "s", 0);
    k->token = world_mint(&k->w, series, k->startup, UINT64_C(900000000000000000));
    struct op_sku_add sku = {.name = name,
                             .vendor = name,
                             .model = name,
                             .memory_gb = 80,
                             .interconnect = name,
                             .power_w = 1,
                             .generation = name};
    must(world_do(&k->w, 1, "admin", &op_sku_add_message, &sku));
    for (uint32_t i = 0; i < offers / SITE_OFFERS; i++) {
        char text[16];
        struct op_site_add site = {.name = {text, 0},
                                   .jurisdiction = {"US", 2},
                                   .region = {i % 100 == 0 ? "US" : "ID", 2},
                                   .power_kw = 1000000};
        site.name.length = (uint32_t)snprintf(text, sizeof(text), "site%u", i);
        must(world_do(&k->w, k->operator, "op", &op_site_add_message, &site));
    }
}

/* `offers` of two years over the sites; of the first 99 % of each site everything is sold when
 * `sold_out`. */
static void market_fill(struct market *k, uint32_t offers, bool sold_out)
{
    for (uint32_t i = 0; i < offers; i++) {
        bool cheap = i / (offers / SITE_OFFERS) < 99;
        struct op_offer_publish op = {
            .site = 1 + i % (offers / SITE_OFFERS),
            .sku = 1,
            .gpus = 8,
            .block_gpus = 1,
            .end_s = WORLD_BEGIN_S + DAYS * UINT64_C(86400),
            .price_ucr = sold_out && !cheap ? 2000 + i : 1000 + i % 500,
            .lease_min_min = 1,
            .billing = BILLING_METERED,
            .meter_period_min = 1440,
        };
        pause_for_ids(&k->w, i);
        must(world_do(&k->w, k->operator, "op", &op_offer_publish_message, &op));
    }
    struct sku_limit limit = {1, 1999};
    struct op_order_place op = {.skus = {&limit, 1},
                                .gpus = 8,
                                .gpus_min = 8,
                                .duration_min = 30 * 1440,
                                .placement = PLACEMENT_ONE_SITE,
                                .time_in_force = TIME_IN_FORCE_FOK,
                                .profile = PROFILE_TUNING,
                                .tokens = {&k->token, 1}};
    for (uint32_t i = 0; sold_out && i < offers / 100 * 99; i++) {
        pause_for_ids(&k->w, i);
        k->token =
            must(world_do(&k->w, k->startup, "startup", &op_order_place_message, &op))->token_first;
    }
}

static double market_redeem(struct market *k, bool far)
{
    struct place us = {{"US", 2}};
    struct sku_limit limit = {1, PRICE_MAX_UCR};
    struct op_order_place op = {.skus = {&limit, 1},
                                .gpus = 1,
                                .gpus_min = 1,
                                .duration_min = 60,
                                .placement = PLACEMENT_ONE_SITE,
                                .time_in_force = TIME_IN_FORCE_FOK,
                                .regions = {&us, far},
                                .profile = PROFILE_TUNING,
                                .tokens = {&k->token, 1}};
    double began = seconds_now();
    for (uint32_t i = 0; i < ORDERS; i++) {
        op.start_from_s = op.start_until_s = WORLD_BEGIN_S + 3600 * (uint64_t)(1 + i % 600);
        k->token =
            must(world_do(&k->w, k->startup, "startup", &op_order_place_message, &op))->token_first;
    }
    return (seconds_now() - began) / ORDERS * 1e6;
}

int main(void)
{
    static const char *const names[] = {"all free", "99 % of the cheaper sold out",
                                        "99 % elsewhere"};
    for (int kind = 0; kind < 3; kind++) {
        double us[2];
        for (int i = 0; i < 2; i++) {
            uint32_t offers = i == 0 ? 1000 : 100000;
            /* With 10 sites one of them is in the US, as one in 100 is with 1 000. */
            struct market *k = calloc(1, sizeof(*k));
            market_begin(k, offers);
            market_fill(k, offers, kind == 1);
            us[i] = market_redeem(k, kind == 2);
            world_end(&k->w);
            free(k);
        }
        printf("%-30s 1 000 offers: %6.1f us   100 000: %6.1f us   ratio %.2f\n", names[kind],
               us[0], us[1], us[1] / us[0]);
    }
    return 0;
}
