/*
 * What a question why costs in the rules, which serve nobody else meanwhile: among many open offers
 * at a hundred sites, asked by whom little rules out and by whom everything does. Run by hand:
 * bench_why [OFFERS]
 */
#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "protocol/moment.h"
#include "server/exchange/exchange.h"
#include "tests/server/exchange/crowd.h"

enum { SITES = 100, SKUS = 4, A_REQUEST = 50, ROUNDS = 5 };

static struct world w;
static uint32_t startup;

/* What there is rises at every minute of the first weeks: offers begin one after the other. */
static void offers_publish(uint32_t operator, uint32_t count)
{
    struct batch b = batch_of(&w, operator, "op");
    for (uint32_t i = 0; i < count; i++) {
        struct op_offer_publish *op = offer_new(&w, 8, WORLD_BEGIN_S + 400 * (uint64_t)DAY_S);
        op->site = 1 + i % SITES;
        op->sku = 1 + i / SITES % SKUS;
        op->start_s += 60 * (uint64_t)(i % 20000);
        op->price_ucr = 1000 + i % 5000;
        op->meter_period_min = 1440;
        batch_add(&b, &op_offer_publish_message, op);
        if (i % A_REQUEST == A_REQUEST - 1)
            batch_send(&b);
    }
    batch_send(&b);
}

static void market_begin(uint32_t offers)
{
    world_begin(&w, (struct world_options){CLOCK_MODE_REAL, 3600, 3600, 600, 1, 0, 0, NULL});
    uint32_t operator= world_register(&w, "op", ROLE_OPERATOR);
    startup = world_register(&w, "startup", ROLE_STARTUP);
    for (unsigned i = 1; i <= SKUS; i++)
        accepted(&w, 1, "admin", &op_sku_add_message, sku_new(&w, i));
    for (unsigned i = 1; i <= SITES; i++) {
        struct op_site_add *site = site_new(&w, i);
        site->region = i % 2 == 0 ? (struct text){"US", 2} : (struct text){"ID", 2};
        site->carbon_g_per_kwh = i % 5 * 100;
        accepted(&w, operator, "op", &op_site_add_message, site);
    }
    offers_publish(operator, offers);
}

/* The slowest of some rounds, in milliseconds of this process's processor time. */
static double question_ms(const struct q_quote *q, const struct a_quote **answer_out)
{
    double slowest = 0;
    for (int i = 0; i < ROUNDS; i++) {
        const struct message *answer;
        const void *body;
        clock_t began = clock();
        enum refusal refusal =
            exchange_query(w.x, startup, &q_quote_message, q, &w.arena, &answer, &body);
        double ms = (double)(clock() - began) * 1000 / CLOCKS_PER_SEC;
        assert(refusal == REFUSAL_accepted);
        *answer_out = body;
        slowest = ms > slowest ? ms : slowest;
    }
    return slowest;
}

static void question(const char *name, struct q_quote q)
{
    const struct a_quote *a;
    double plain_ms = question_ms(&q, &a);
    q.why = true;
    double ms = question_ms(&q, &a);
    printf("%-34s %8.1f ms, without why %8.1f ms, %s, %llu offers\n", name, ms, plain_ms,
           refusal_name(a->refusal), (unsigned long long)a->offers);
}

int main(int argc, char **argv)
{
    uint32_t offers = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 200 * 1000;
    struct sku_limit limits[SKUS];
    struct place id = {{"ID", 2}};
    if (sodium_init() < 0 || offers == 0)
        return EXIT_FAILURE;
    market_begin(offers);
    for (uint32_t i = 0; i < SKUS; i++)
        limits[i] = (struct sku_limit){1 + i, PRICE_MAX_UCR};
    struct q_quote q = {.skus = {limits, SKUS},
                        .gpus = 8,
                        .gpus_min = 8,
                        .block_gpus = 1,
                        .duration_min = 60,
                        .start_from_s = WORLD_BEGIN_S + 6000,
                        .placement = PLACEMENT_SPREAD,
                        .time_in_force = TIME_IN_FORCE_IOC,
                        .profile = PROFILE_TUNING};
    question("there is one", q);
    q.gpus = q.gpus_min = GPUS_MAX;
    question("too many GPUs", q);
    q.start_until_s = q.start_from_s + 250 * (uint64_t)DAY_S;
    question("too many GPUs at any time", q);
    q.placement = PLACEMENT_ONE_SITE;
    question("too many GPUs at any time, one site", q);
    q.regions.items = q.jurisdictions.items = &id;
    q.regions.count = 1;
    q.carbon_g_max = 100;
    question("everything ruled out in part", q);
    q.jurisdictions.count = 1;
    for (uint32_t i = 0; i < SKUS; i++)
        limits[i].limit_price_ucr = 900;
    question("everything ruled out", q);
    world_end(&w);
    return 0;
}
