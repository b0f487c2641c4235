/*
 * What ticks cost among a million live leases at some hundred sites, with backstops and revenue
 * shares in force: the hours before midnight, midnight itself (the days of all stands, and a period
 * of every backstop), the minute after it (the utilisation of every share), and the settlement of
 * all leases at one moment. Processor time of the rules alone. Run by hand:
 *
 *   bench_leases [LEASES [SITES [DAYS]]]        DAYS that pass before, without leases
 */
#include <stdio.h>
#include <stdlib.h>

#include "protocol/moment.h"
#include "server/exchange/state.h"
#include "tests/server/exchange/bench_ticks.h"

enum {
    OPERATORS = 10,
    SKUS = 4,
    COVERED_SKUS = 2, /* the first ones, at every site */
    SITE_SHARES = 15, /* beside the one for all sites of an operator */
    SITES_MAX = 900,
    PRICE_UCR = 60,
    DAY_MIN = 24 * 60,
};

static struct bench b;
static uint32_t operators[OPERATORS], guarantors[COVERED_SKUS], bank, buyer, series;
static uint32_t sites_count;
static uint64_t random_state = 1;

static uint64_t below(uint64_t limit)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (random_state >> 33) % limit;
}

static const char *name_of(const char *what, uint32_t number)
{
    static char text[OPERATORS + COVERED_SKUS][16];
    char *at = text[what[0] == 'g' ? OPERATORS + number : number];
    snprintf(at, sizeof(text[0]), "%s%u", what, (unsigned)number);
    return at;
}

static uint32_t operator_of(uint32_t site)
{
    return site % OPERATORS;
}

/* Region "US-001" is where site 1 is, and no other. */
static struct text region_of(uint32_t site)
{
    static char text[SITES_MAX][8];
    snprintf(text[site], sizeof(text[site]), "US-%03u", (unsigned)site % 1000);
    return (struct text){text[site], 6};
}

/* --- What there is before the leases -------------------------------------------------------- */

static void sites_make(void)
{
    for (uint32_t i = 1; i <= SKUS; i++)
        accepted(&b.w, 1, "admin", &op_sku_add_message, sku_new(&b.w, i));
    for (uint32_t i = 0; i < sites_count; i++) {
        struct op_site_add *site = site_new(&b.w, i);
        site->region = region_of(i);
        accepted(&b.w, operators[operator_of(i)], name_of("op", operator_of(i)),
                 &op_site_add_message, site);
    }
}

/* Ten offers a stand. */
static void offers_make(uint32_t gpus, uint64_t end_s)
{
    for (uint32_t site = 0; site < sites_count; site++) {
        struct op_offer_publish *offers[SKUS];
        struct operation operations[SKUS * 10];
        for (uint32_t i = 0; i < SKUS * 10; i++) {
            if (i < SKUS) {
                offers[i] = offer_new(&b.w, gpus / 10 + 1, end_s);
                offers[i]->site = site + 1;
                offers[i]->sku = i + 1;
                offers[i]->meter_period_min = DAY_MIN;
            }
            operations[i] = (struct operation){&op_offer_publish_message, offers[i % SKUS]};
        }
        bench_group(&b, operators[operator_of(site)], name_of("op", operator_of(site)), operations,
                    SKUS * 10, NULL);
    }
}

/* Proposed, accepted, and half of them with something in the fund. */
static void contract_make(uint32_t proposer, const char *proposer_key, uint32_t accepter,
                          const char *accepter_key, const struct message *message,
                          const void *terms)
{
    struct operation operation = {message, terms};
    const struct result *results;
    bench_group(&b, proposer, proposer_key, &operation, 1, &results);
    struct op_contract_accept accept = {.contract = results[0].object, .version = 1};
    operation = (struct operation){&op_contract_accept_message, &accept};
    bench_group(&b, accepter, accepter_key, &operation, 1, NULL);
}

static uint64_t minted(uint32_t account, amount a)
{
    struct payment output = {account, a};
    struct op_mint mint = {.series = series, .outputs = {&output, 1}};
    struct operation operation = {&op_mint_message, &mint};
    const struct result *results;
    bench_group(&b, 1, "admin", &operation, 1, &results);
    return results[0].token_first;
}

static void backstops_make(uint64_t midnight_s)
{
    const struct lot lot = {.gpus = GPUS_MAX, .from_s = WORLD_BEGIN_S};
    for (uint32_t site = 0; site < sites_count; site++) {
        for (uint32_t sku = 0; sku < COVERED_SKUS; sku++) {
            uint32_t g = guarantors[sku], op = operators[operator_of(site)];
            struct op_backstop_propose terms = {
                .guarantor = g,
                .operator= op,
                .site = site + 1,
                .sku = sku + 1,
                .gpus = GPUS_MAX,
                .strike_ucr = PRICE_UCR,
                .period_min = DAY_MIN,
                .start_s = midnight_s - DAY_MIN * 60,
                .end_s = midnight_s + 90 * DAY_MIN * 60,
                .pool_ucr = AMOUNT_MAX_UCR / 1000,
                .lots = {&lot, 1},
                .price_max_ucr = PRICE_UCR,
                .ahead_min = 60,
            };
            contract_make(g, name_of("g", sku), op, name_of("op", operator_of(site)),
                          &op_backstop_propose_message, &terms);
            uint64_t token = minted(g, 1000000);
            struct op_contract_fund fund = {.contract = b.w.x->head.contract_last,
                                            .tokens = {&token, 1}};
            struct operation operation = {&op_contract_fund_message, &fund};
            if (site % 2 == 0)
                bench_group(&b, g, name_of("g", sku), &operation, 1, NULL);
        }
    }
}

/* `site` 0: at all of the operator's. */
static void share_make(uint32_t op, uint64_t site)
{
    static const struct phase phases[] = {{2000, 500000, 1000}, {1000, 999999, 1000}, {500, 0, 0}};
    struct op_revshare_propose terms = {
        .beneficiary = bank,
        .operator= operators[op],
        .site = site,
        .base = SHARE_BASE_GROSS,
        .rank = site > 0 ? 2 : 1,
        .start_s = b.w.time_s,
        .window_days = 30,
        .latching = true,
        .milestone = MILESTONE_KIND_REVENUE,
        .phases = {phases, 3},
    };
    contract_make(bank, "bank", operators[op], name_of("op", op), &op_revshare_propose_message,
                  &terms);
}

static void shares_make(void)
{
    for (uint32_t op = 0; op < OPERATORS; op++) {
        share_make(op, 0);
        for (uint32_t i = 0; i < SITE_SHARES && op + i * OPERATORS < sites_count; i++)
            share_make(op, op + i * OPERATORS + 1);
    }
}

/* --- Leases --------------------------------------------------------------------------------- */

/* Each of one GPU at a site and of a SKU drawn by lot, beginning at any minute before 21:00, for
 * four to twenty-four hours. */
static void leases_make(uint32_t leases)
{
    static struct payment outputs[BENCH_BATCH];
    static uint64_t tokens[BENCH_BATCH];
    static struct op_order_place orders[BENCH_BATCH];
    static struct sku_limit limits[BENCH_BATCH];
    static struct place places[BENCH_BATCH];
    struct operation operations[BENCH_BATCH];
    const struct op_order_place *order = order_new(&b.w, 1);
    uint64_t now_min = b.w.time_s / 60;
    for (uint32_t made = 0; made < leases; made += BENCH_BATCH) {
        struct op_mint mint = {.series = series, .outputs = {outputs, BENCH_BATCH}};
        struct operation operation = {&op_mint_message, &mint};
        const struct result *results;
        for (uint32_t i = 0; i < BENCH_BATCH; i++)
            outputs[i] = (struct payment){buyer, (amount)DAY_MIN * PRICE_UCR};
        bench_group(&b, 1, "admin", &operation, 1, &results);
        for (uint32_t i = 0; i < BENCH_BATCH; i++) {
            uint32_t site = (made + i) % sites_count;
            tokens[i] = results[0].token_first + i;
            limits[i] = (struct sku_limit){.sku = 1 + below(SKUS), .limit_price_ucr = PRICE_UCR};
            places[i].code = region_of(site);
            orders[i] = *order;
            orders[i].skus.items = &limits[i];
            orders[i].regions.items = &places[i];
            orders[i].regions.count = 1;
            orders[i].start_from_s = (now_min + 60 + below(720)) * 60;
            orders[i].duration_min = 240 + (uint32_t)below(1200);
            orders[i].tokens.items = &tokens[i];
            orders[i].tokens.count = 1;
            operations[i] = (struct operation){&op_order_place_message, &orders[i]};
        }
        bench_group(&b, buyer, "buyer", operations, BENCH_BATCH, NULL);
    }
}

/* All leases are activated, or all GPU-minutes of their one period metered. */
static void leases_operate(uint32_t leases, bool metered)
{
    static struct op_lease_activate activate[BENCH_BATCH];
    static struct op_lease_meter meter[BENCH_BATCH];
    struct operation operations[BENCH_BATCH];
    for (uint32_t op = 0; op < OPERATORS; op++) {
        uint32_t count = 0;
        for (uint32_t i = 1; i <= leases + 1; i++) {
            uint64_t serial = i;
            const struct lease_row *row =
                i <= leases ? store_find(b.w.x->store, TABLE_LEASE, &serial) : NULL;
            if (count == BENCH_BATCH || (i > leases && count > 0)) {
                bench_group(&b, operators[op], name_of("op", op), operations, count, NULL);
                count = 0;
                row = i <= leases ? store_find(b.w.x->store, TABLE_LEASE, &serial) : NULL;
            }
            if (row == NULL || row->operator!= operators[op])
                continue;
            activate[count] = (struct op_lease_activate){.lease = i};
            meter[count] = (struct op_lease_meter){.lease = i,
                                                   .gpu_minutes = (row->end_s - row->start_s) / 60};
            operations[count] =
                metered ? (struct operation){&op_lease_meter_message, &meter[count]}
                        : (struct operation){&op_lease_activate_message, &activate[count]};
            count++;
        }
    }
}

/* Hours go by, and what falls due in each is worked off at its end. */
static void hours_pass(uint64_t until_s, const char *what)
{
    struct bench_cost cost = {0, 0, 0, 0};
    while (b.w.time_s < until_s) {
        uint64_t left_s = until_s - b.w.time_s;
        bench_go_on(&b, left_s < HOUR_S ? left_s : HOUR_S);
        bench_work(&b, &cost);
    }
    bench_print(what, &cost);
}

static void world_make(void)
{
    struct world_options options = WORLD_OPTIONS;
    options.activation_grace_s = options.meter_grace_s = GRACE_MAX_S;
    bench_begin(&b, options);
    for (uint32_t i = 0; i < OPERATORS; i++)
        operators[i] = world_register(&b.w, name_of("op", i), ROLE_OPERATOR);
    for (uint32_t i = 0; i < COVERED_SKUS; i++)
        guarantors[i] = world_register(&b.w, name_of("g", i), ROLE_GUARANTOR);
    bank = world_register(&b.w, "bank", ROLE_GUARANTOR);
    buyer = world_register(&b.w, "buyer", ROLE_STARTUP);
    series = world_series(&b.w, "s", 0);
    sites_make();
    bench_leave_world(&b);
}

int main(int argc, char **argv)
{
    uint32_t leases = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;
    sites_count = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 500;
    uint32_t days = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 31;
    if (sites_count == 0 || sites_count > SITES_MAX)
        return EXIT_FAILURE;
    leases = (leases + BENCH_BATCH - 1) / BENCH_BATCH * BENCH_BATCH;
    world_make();
    uint64_t morning_s = WORLD_BEGIN_S + (uint64_t)days * DAY_MIN * 60;
    uint64_t midnight_s = (morning_s / (DAY_MIN * 60) + 1) * DAY_MIN * 60;
    offers_make(leases / sites_count / SKUS * 2, midnight_s + 30 * DAY_MIN * 60);
    shares_make();
    if (days > 0)
        hours_pass(morning_s - DAY_MIN * 60, "days without leases");
    backstops_make(midnight_s);
    hours_pass(morning_s, "another one, under backstops");
    leases_make(leases);
    leases_operate(leases, false);
    printf("%llu leases at %u sites, %u backstops, %u revenue shares\n",
           (unsigned long long)b.w.x->head.lease_last, (unsigned)sites_count,
           (unsigned)(sites_count * COVERED_SKUS), (unsigned)(b.w.x->head.contract_last));
    bench_settle(&b, "what that left");
    hours_pass(midnight_s - 60, "the hours before midnight");
    bench_go_on(&b, 60);
    bench_settle(&b, "midnight");
    bench_go_on(&b, 60);
    bench_settle(&b, "a minute later: utilisation of shares");
    hours_pass(midnight_s + DAY_MIN * 60 + HOUR_S, "the next day, and its midnight");
    leases_operate(leases, true);
    bench_settle(&b, "metered");
    bench_go_on(&b, b.w.options.dispute_window_s);
    bench_settle(&b, "all of them settle");
    bench_end(&b);
    return EXIT_SUCCESS;
}
