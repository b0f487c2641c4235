/* What `boursed check` says of contracts: how many of each kind it worked out again, and of an
 * image in which one stands otherwise than the journal says, which and how. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/contracts.h"
#include "protocol/control.h"
#include "protocol/moment.h"
#include "server/engine/stage.h"
#include "server/exchange/rows.h"
#include "server/store/image.h"

#define CREDITS(n) ((uint64_t)(n)*1000000)

enum {
    BEGIN_S =
        1767225600, /* a midnight, the first of January 2026: what `init --seed` begins with */
};

/* Accounts in the order in which they are registered; 1 is the admin. */
enum { GUARANTOR = 2, OPERATOR, STARTUP, BANK };
/* Contracts in the order in which they are proposed. */
enum { BACKSTOP = 1, REVSHARE, GRANT, GUARANTEE };

static struct keys keys_of(uint32_t account)
{
    uint8_t seed[KEYS_SEED_BYTES] = {5, (uint8_t)account};
    struct keys keys;
    keys_from_seed(&keys, seed);
    return keys;
}

/* One operation of an account's, which must be accepted. */
static struct result by(struct bench *b, uint32_t account, const struct message *operation,
                        const void *body)
{
    struct arena arena = ARENA_EMPTY;
    struct keys keys = keys_of(account);
    const struct order_of how = {.keys = account == 1 ? NULL : &keys, .account = account};
    const struct operation op = {operation, body};
    struct frame_reply reply = bench_reply(b, bench_submit(b, &how, &op, 1), &arena);
    assert_int_equal(reply.refusal, 0);
    struct result result = reply.results.items[0];
    if (result.refusal != 0)
        print_message("%s: %s\n", operation->name, refusal_name(result.refusal));
    assert_int_equal(result.refusal, 0);
    arena_release(&arena);
    return result;
}

static void registered(struct bench *b, uint32_t account, const char *name, enum role role)
{
    struct keys keys = keys_of(account);
    struct op_account_register op = {.name = text_of(name), .role = role};
    memcpy(op.sign_key, keys.sign_public, 32);
    memcpy(op.channel_key, keys.channel_public, 32);
    assert_int_equal(by(b, 1, &op_account_register_message, &op).object, account);
}

static void advance(struct bench *b, uint64_t seconds)
{
    const struct op_clock_advance op = {.time_s = b->now_s + seconds};
    by(b, 1, &op_clock_advance_message, &op);
    b->now_s += seconds;
}

static void accept(struct bench *b, uint32_t account, uint64_t contract)
{
    const struct op_contract_accept op = {.contract = contract, .version = 1};
    by(b, account, &op_contract_accept_message, &op);
}

static void funded(struct bench *b, uint32_t account, uint64_t contract, uint64_t token)
{
    const struct op_contract_fund op = {.contract = contract, .tokens = {&token, 1}};
    by(b, account, &op_contract_fund_message, &op);
}

/* Two series, five tokens, and 10 GPUs on offer. */
static void market_make(struct bench *b)
{
    registered(b, GUARANTOR, "atlas", ROLE_GUARANTOR);
    registered(b, OPERATOR, "meridian", ROLE_OPERATOR);
    registered(b, STARTUP, "aurora", ROLE_STARTUP);
    registered(b, BANK, "bank", ROLE_GUARANTOR);
    const struct op_series_create series[] = {
        {.name = {"main", 4}, .funder = GUARANTOR, .expired_to = 1, .transferable = true},
        {.name = {"seed", 4}, .funder = GUARANTOR, .expired_to = 1, .transferable = true}};
    by(b, 1, &op_series_create_message, &series[0]);
    by(b, 1, &op_series_create_message, &series[1]);
    const struct payment outputs[][2] = {{{GUARANTOR, CREDITS(5)}, {STARTUP, CREDITS(100)}},
                                         {{GUARANTOR, CREDITS(250)}}};
    const struct op_mint mints[] = {{.series = 1, .outputs = {outputs[0], 2}},
                                    {.series = 2, .outputs = {outputs[1], 1}}};
    by(b, 1, &op_mint_message, &mints[0]);
    by(b, 1, &op_mint_message, &mints[1]);
    const struct op_sku_add sku = {
        .name = {"h", 1}, .vendor = {"n", 1}, .model = {"H", 1}, .memory_gb = 80, .power_w = 700};
    by(b, 1, &op_sku_add_message, &sku);
    const struct op_site_add site = {
        .name = {"hall", 4}, .region = {"US-TX", 5}, .jurisdiction = {"US", 2}, .power_kw = 1000};
    by(b, OPERATOR, &op_site_add_message, &site);
    const struct op_offer_publish offer = {.site = 1,
                                           .sku = 1,
                                           .gpus = 10,
                                           .block_gpus = 1,
                                           .end_s = BEGIN_S + 90 * DAY_S,
                                           .price_ucr = CREDITS(2),
                                           .lease_min_min = 1,
                                           .billing = BILLING_RESERVED,
                                           .meter_period_min = 60};
    by(b, OPERATOR, &op_offer_publish_message, &offer);
}

static void contracts_make(struct bench *b)
{
    const struct lot lot = {.gpus = 8, .from_s = BEGIN_S};
    const struct op_backstop_propose backstop = {.guarantor = GUARANTOR,
                                                 .operator= OPERATOR,
                                                 .site = 1,
                                                 .sku = 1,
                                                 .gpus = 8,
                                                 .strike_ucr = CREDITS(1),
                                                 .period_min = 60,
                                                 .start_s = BEGIN_S + HOUR_S,
                                                 .end_s = BEGIN_S + 3 * HOUR_S,
                                                 .pool_ucr = CREDITS(500),
                                                 .lots = {&lot, 1},
                                                 .price_max_ucr = CREDITS(2)};
    const struct phase phases[] = {{.rate_bp = 2000, .milestone_ucr = CREDITS(1)},
                                   {.rate_bp = 1000}};
    const struct op_revshare_propose share = {.beneficiary = GUARANTOR,
                                              .operator= OPERATOR,
                                              .base = SHARE_BASE_GROSS,
                                              .rank = 1,
                                              .start_s = BEGIN_S,
                                              .window_days = 1,
                                              .milestone = MILESTONE_KIND_REVENUE,
                                              .phases = {phases, 2}};
    const struct tranche tranche = {
        .kind = TRANCHE_KIND_DATE, .amount_ucr = CREDITS(200), .from_s = BEGIN_S};
    const struct op_grant_propose grant = {.funder = GUARANTOR,
                                           .startup = STARTUP,
                                           .series = 2,
                                           .share_bp = 500,
                                           .cap_bp = 15000,
                                           .start_s = BEGIN_S,
                                           .term_months = 24,
                                           .declare_days = 20,
                                           .tranches = {&tranche, 1}};
    const struct op_guarantee_propose guarantee = {.guarantor = GUARANTOR,
                                                   .operator= OPERATOR,
                                                   .beneficiary = BANK,
                                                   .site = 1,
                                                   .limit_ucr = CREDITS(100),
                                                   .escrow_ucr = CREDITS(50),
                                                   .start_s = BEGIN_S,
                                                   .end_s = BEGIN_S + 90 * DAY_S,
                                                   .step_in = true};
    by(b, GUARANTOR, &op_backstop_propose_message, &backstop);
    accept(b, OPERATOR, BACKSTOP);
    by(b, GUARANTOR, &op_revshare_propose_message, &share);
    accept(b, OPERATOR, REVSHARE);
    by(b, GUARANTOR, &op_grant_propose_message, &grant);
    accept(b, STARTUP, GRANT);
    by(b, GUARANTOR, &op_guarantee_propose_message, &guarantee);
    accept(b, OPERATOR, GUARANTEE);
    /* Nobody accepts this one: it is no backstop. */
    by(b, GUARANTOR, &op_backstop_propose_message, &backstop);
}

/* Two periods of a backstop, of which the fund pays less than one; a lease settled and shared; a
 * grant's month declared; a guarantee called, which takes what the operator has earned, since
 * nothing of its escrow is in the fund. Stopped in the end. */
static int set_up(void **state)
{
    struct bench *b = malloc(sizeof(*b));
    bench_make(b);
    *state = b;
    b->mode = CLOCK_MODE_MANUAL;
    b->now_s = BEGIN_S;
    bench_start(b);
    market_make(b);
    contracts_make(b);
    funded(b, GUARANTOR, BACKSTOP, 1);
    funded(b, GUARANTOR, GRANT, 3);
    const struct sku_limit limit = {.sku = 1, .limit_price_ucr = CREDITS(2)};
    const struct op_order_place order = {.skus = {&limit, 1},
                                         .gpus = 2,
                                         .gpus_min = 2,
                                         .block_gpus = 1,
                                         .duration_min = 60,
                                         .placement = PLACEMENT_ONE_SITE,
                                         .time_in_force = TIME_IN_FORCE_IOC,
                                         .profile = PROFILE_TUNING,
                                         .tokens = {&(uint64_t){2}, 1}};
    by(b, STARTUP, &op_order_place_message, &order);
    const struct op_lease_activate activate = {.lease = 1, .access = {(const uint8_t *)"x", 1}};
    by(b, OPERATOR, &op_lease_activate_message, &activate);
    advance(b, HOUR_S);
    const struct op_lease_meter meter = {.lease = 1, .gpu_minutes = 120};
    by(b, OPERATOR, &op_lease_meter_message, &meter);
    advance(b, 40 * DAY_S);
    const struct revenue sales = {.name = {"sales", 5}, .amount_ucr = CREDITS(1000)};
    const struct op_revenue_declare declare = {.month_s = BEGIN_S, .streams = {&sales, 1}};
    by(b, STARTUP, &op_revenue_declare_message, &declare);
    const struct op_guarantee_call call = {
        .contract = GUARANTEE, .amount_ucr = CREDITS(20), .reference = {"rent", 4}};
    by(b, BANK, &op_guarantee_call_message, &call);
    bench_stop(b);
    return 0;
}

static int tear_down(void **state)
{
    bench_remove(*state);
    free(*state);
    return 0;
}

static void test_counted(void **state)
{
    struct bench *b = *state;
    assert_int_equal(bench_check(b), 0);
    assert_true(bench_said(
        b,
        "ok    contract 5 contracts worked out again from the journal, 3 of them in force, 1 "
        "never accepted: 1 backstop (2 settled periods), 1 revenue share (1 deduction), 1 grant "
        "(1 declared month), 1 lease guarantee; 50 credits in their funds, 41.5 missing of "
        "operators' escrows; 3 open claims over 22.5 credits; the image has each of them there\n"));
    assert_int_equal(bench_command(b, "check", "--data", b->data, "--json", NULL), 0);
    assert_true(bench_said(b, "\"never_accepted\": 1"));
    assert_true(bench_said(b, "\"settled_periods\": 2"));
    assert_true(bench_said(b, "\"claims_ucr\": 22500000"));
    assert_true(bench_said(b, "\"escrows_missing_ucr\": 41500000"));
}

/* --- An image in which a contract stands otherwise --- */

/* What is planted: in the row of this key, so much is added to a column of 64 bits. */
static const struct planted {
    enum table table;
    uint64_t key[2];
    size_t offset;
    uint64_t change;
    const char *said;
} faults[] = {
    {TABLE_COVER,
     {BACKSTOP},
     offsetof(struct cover_row, pool_left_ucr),
     CREDITS(1),
     "backstop 1: left of its pool 485 credits in the image, 484 credits by the journal"},
    {TABLE_COVER,
     {BACKSTOP},
     offsetof(struct cover_row, paid_ucr),
     CREDITS(1),
     "backstop 1: paid for what was not sold 6 credits in the image, 5 credits by the journal"},
    {TABLE_DRAW,
     {BACKSTOP, 1},
     offsetof(struct draw_row, gpu_minutes_owed),
     60,
     "period 1 of backstop 1: gpu minutes owed 540 GPU-minutes in the image, 480 GPU-minutes by "
     "the journal"},
    {TABLE_PROGRESS,
     {REVSHARE},
     offsetof(struct progress_row, gross_ucr),
     CREDITS(3),
     "revenue share 2: gross of what was settled 7 credits in the image, 4 credits by the journal"},
    {TABLE_SHARE,
     {REVSHARE, 1},
     offsetof(struct share_row, share_ucr),
     CREDITS(1),
     "deduction 1 of revenue share 2: share 1.5 credits in the image, 0.5 credits by the journal"},
    {TABLE_ADVANCE,
     {GRANT},
     offsetof(struct advance_row, royalty_ucr),
     CREDITS(1),
     "grant 3: royalty in all 51 credits in the image, 50 credits by the journal"},
    {TABLE_ADVANCE,
     {GRANT},
     offsetof(struct advance_row, advanced_ucr),
     CREDITS(1),
     "grant 3: advanced 201 credits in the image, 200 credits by the journal"},
    {TABLE_RECOURSE,
     {GUARANTEE},
     offsetof(struct recourse_row, recovered_ucr),
     CREDITS(1),
     "lease guarantee 4: recovered by the guarantor 1 credits in the image, 0 credits by the "
     "journal"},
    {TABLE_RECOURSE,
     {GUARANTEE},
     offsetof(struct recourse_row, by_operator_ucr),
     CREDITS(1),
     "lease guarantee 4: borne by the operator 9.5 credits in the image, 8.5 credits by the "
     "journal"},
    {TABLE_CLAIM,
     {3},
     offsetof(struct claim_row, left_ucr),
     (uint64_t)-CREDITS(1),
     "claim 3 under contract 4: left to pay 10.5 credits in the image, 11.5 credits by the "
     "journal"},
    {TABLE_CONTRACT,
     {BACKSTOP},
     offsetof(struct contract_row, claims_ucr),
     CREDITS(1),
     "contract 1: open claims 12 credits in the image, 11 credits by the journal"},
    {TABLE_GUARANTEE,
     {GUARANTEE, 1},
     offsetof(struct guarantee_row, limit_ucr),
     CREDITS(900),
     "version 1 of lease guarantee 4: limit 1000 credits in the image, 100 credits by the "
     "journal"},
    {TABLE_ESCROW,
     {GRANT, ESCROW_KIND_CONTRACT},
     offsetof(struct escrow_row, amount_ucr),
     CREDITS(1),
     "row 0 of the fund of contract 3: held 51 credits in the image, 50 credits by the journal"},
    {TABLE_DECLARATION,
     {STARTUP, BEGIN_S},
     offsetof(struct declaration_row, declared_s),
     DAY_S,
     "revenue that account 4 declared for 2026-01: declared "},
};

/* Changes the image behind the exchange's back, past the rules; `remove` takes the row away. */
static void image_change(struct bench *b, const struct planted *fault, bool remove)
{
    struct image *image;
    struct image_meta meta;
    struct store *store = store_new(exchange_tables, TABLE_COUNT);
    struct changes *changes = changes_new();
    uint8_t row[8192];
    uint64_t value;
    assert_int_equal(
        image_open(bench_path(b, "image"), IMAGE_WRITE, exchange_tables, TABLE_COUNT, &image, NULL),
        0);
    assert_int_equal(image_load(image, store, &meta, NULL), 0);
    assert_true(exchange_tables[fault->table].row_size <= sizeof(row));
    const void *found = store_find(store, fault->table, fault->key);
    assert_non_null(found);
    memcpy(row, found, exchange_tables[fault->table].row_size);
    memcpy(&value, row + fault->offset, sizeof(value));
    value += fault->change;
    memcpy(row + fault->offset, &value, sizeof(value));
    if (remove)
        store_remove(store, fault->table, fault->key);
    else
        store_put(store, fault->table, row);
    store_settle(store);
    store_changes_swap(store, &changes);
    assert_int_equal(image_write(image, changes, &meta, NULL), 0);
    changes_free(changes);
    store_free(store);
    image_close(image);
}

static void image_mend(struct bench *b)
{
    assert_int_equal(folder_remove(bench_path(b, "image")), 0);
    bench_start(b);
    bench_stop(b);
    assert_int_equal(bench_check(b), 0);
}

static void test_planted(void **state)
{
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        image_change(b, &faults[i], false);
        assert_int_equal(bench_check(b), 1);
        assert_true(bench_said(b, "WRONG contract the journal is right"));
        assert_true(bench_said(b, faults[i].said));
        /* It is made again from the journal. */
        image_mend(b);
    }
}

static void test_missing_and_surplus(void **state)
{
    struct bench *b = *state;
    const struct planted draw = {.table = TABLE_DRAW, .key = {BACKSTOP, 1}};
    const struct planted share = {
        .table = TABLE_SHARE, .key = {REVSHARE, 1}, offsetof(struct share_row, share), 1, NULL};
    image_change(b, &draw, true);
    assert_int_equal(bench_check(b), 1);
    assert_true(bench_said(b, "period 1 of backstop 1: missing in the image"));
    image_mend(b);
    image_change(b, &share, false);
    assert_int_equal(bench_check(b), 1);
    assert_true(bench_said(b, "deduction 2 of revenue share 2: in the image, but the journal does "
                              "not lead to it"));
    image_mend(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counted),
        cmocka_unit_test(test_planted),
        cmocka_unit_test(test_missing_and_surplus),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
