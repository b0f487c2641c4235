/* Each thing that the check looks at in grants and declarations, damaged on purpose and reported.
 */
#include "tests/server/exchange/support.h"

#include "protocol/month.h"
#include "server/exchange/check.h"
#include "server/exchange/grant.h"
#include "tests/server/exchange/world.h"

static struct world w;
static uint32_t fund, young, series;
static uint64_t contract;

static uint64_t done(uint32_t account, const char *who, const struct message *m, const void *body)
{
    const struct result *result = world_do(&w, account, who, m, body);
    assert_true(result && !result->refusal);
    return result->object;
}

/* Two tranches, the first of them paid, the second not released; January declared. */
static int setup(void **state)
{
    (void)state;
    static const struct tranche tranches[2] = {
        {.kind = TRANCHE_KIND_DATE, .amount_ucr = 600, .from_s = WORLD_BEGIN_S},
        {.kind = TRANCHE_KIND_ADMIN, .amount_ucr = 300},
    };
    static const struct required carved = {{"gifts", 5}};
    static const struct revenue streams[1] = {{{"sales", 5}, 5000}};
    world_begin(&w, WORLD_OPTIONS);
    fund = world_register(&w, "fund", ROLE_GUARANTOR);
    young = world_register(&w, "young", ROLE_STARTUP);
    struct op_series_create create = {.name = {"s", 1}, .funder = fund, .expired_to = fund};
    series = (uint32_t)done(1, "admin", &op_series_create_message, &create);
    uint64_t token = world_mint(&w, series, fund, 1000);
    struct op_grant_propose propose = {
        .funder = fund,
        .startup = young,
        .series = series,
        .share_bp = 500,
        .cap_bp = 15000,
        .start_s = WORLD_BEGIN_S,
        .term_months = 12,
        .declare_days = 20,
        .tranches = {tranches, 2},
        .carve_outs = {&carved, 1},
    };
    contract = done(fund, "fund", &op_grant_propose_message, &propose);
    struct op_contract_accept accept = {contract, 1};
    done(young, "young", &op_contract_accept_message, &accept);
    struct op_contract_fund funding = {contract, {&token, 1}};
    done(fund, "fund", &op_contract_fund_message, &funding);
    world_advance(&w, 20 * 86400, true);
    struct op_revenue_declare declare = {
        .month_s = month_start_s(month_of(WORLD_BEGIN_S)),
        .streams = {streams, 1},
    };
    done(young, "young", &op_revenue_declare_message, &declare);
    assert_int_equal(world_check(w.x, NULL), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_end(&w);
    return 0;
}

static struct advance_row advance(void)
{
    return *grant_advance(w.x, contract);
}

static struct grant_row terms(void)
{
    return *grant_terms(w.x, contract, 1);
}

static void put_advance(struct advance_row row)
{
    store_put(w.x->store, TABLE_ADVANCE, &row);
}

static void assert_reported(const char *line)
{
    assert_true(world_reports(w.x, line));
}

/* Terms so damaged are reported, and not loaded either. */
static void assert_terms_kept_out(struct grant_row damaged, const char *line)
{
    struct grant_row row = terms();
    store_put(w.x->store, TABLE_GRANT, &damaged);
    assert_reported(line);
    assert_null(world_copy(&w));
    store_put(w.x->store, TABLE_GRANT, &row);
}

static void terms_damaged(void **state)
{
    (void)state;
    struct grant_row row = terms();
    row.startup = 77;
    assert_terms_kept_out(row, "grant 1: terms of no contract of these parties");
    row = terms();
    row.series = 9;
    assert_terms_kept_out(row, "grant 1: terms name no known series");
    row = terms();
    row.tranches_count = TRANCHES_MAX + 1;
    assert_terms_kept_out(row, "grant 1: terms name more than they can, or what is unknown");
    row = terms();
    row.tranche_kind[1] = 9;
    assert_terms_kept_out(row, "grant 1: terms name more than they can, or what is unknown");
    row = terms();
    row.carve_outs_count = 2; /* the second one is empty */
    assert_terms_kept_out(row, "grant 1: terms name more than they can, or what is unknown");
    row = terms();
    row.term_months = UINT32_MAX;
    assert_terms_kept_out(row, "grant 1: terms are beyond the limits");
    row = terms();
    row.previous = 1;
    assert_terms_kept_out(row, "grant 1: terms follow a version that is not there");
}

static void rows_missing(void **state)
{
    (void)state;
    struct grant_row row = terms();
    store_remove(w.x->store, TABLE_GRANT, &row);
    assert_reported("contract 1: terms of a version are missing");
    assert_reported("grant 1: an advance of no grant of this startup and series");
    assert_null(world_copy(&w));
    store_put(w.x->store, TABLE_GRANT, &row);
    struct advance_row gone = advance();
    store_remove(w.x->store, TABLE_ADVANCE, &gone.contract);
    assert_reported("contract 1: was in force, and nothing says where it stands");
    assert_null(world_copy(&w));
}

static void advance_of_another(void **state)
{
    (void)state;
    struct advance_row row = advance();
    row.startup = fund;
    put_advance(row);
    assert_reported("grant 1: an advance of no grant of this startup and series");
    row.startup = young;
    row.series = SERIES_MAX + 5;
    put_advance(row);
    assert_reported("grant 1: an advance of no grant of this startup and series");
    row.series = series;
    put_advance(row);
    assert_int_equal(world_check(w.x, NULL), 0);
}

static void declaration_damaged(void **state)
{
    (void)state;
    struct declaration_row row = *revenue_find(w.x, young, month_start_s(month_of(WORLD_BEGIN_S)));
    struct declaration_row damaged = row;
    damaged.names[NAME_BYTES - 1] = 'x';
    store_put(w.x->store, TABLE_DECLARATION, &damaged);
    assert_reported("declaration of account 3: of nobody, of no month, or of no streams");
    assert_null(world_copy(&w));
    store_put(w.x->store, TABLE_DECLARATION, &row);
    damaged = row;
    damaged.month_s++;
    store_put(w.x->store, TABLE_DECLARATION, &damaged);
    assert_reported("declaration of account 3: of nobody, of no month, or of no streams");
    store_remove(w.x->store, TABLE_DECLARATION, &damaged);
    damaged.month_s = UINT64_MAX;
    store_put(w.x->store, TABLE_DECLARATION, &damaged);
    assert_reported("declaration of account 3: of nobody, of no month, or of no streams");
    store_remove(w.x->store, TABLE_DECLARATION, &damaged);
    damaged = row;
    damaged.account = 99;
    store_put(w.x->store, TABLE_DECLARATION, &damaged);
    assert_reported("declaration of account 99: of nobody, of no month, or of no streams");
    assert_null(world_copy(&w));
}

/* A declaration that the grant does not know of. */
static void declared_otherwise(void **state)
{
    (void)state;
    struct declaration_row row = *revenue_find(w.x, young, month_start_s(month_of(WORLD_BEGIN_S)));
    row.amounts_ucr[0]++;
    store_put(w.x->store, TABLE_DECLARATION, &row);
    assert_reported("grant 1: what is declared comes to another royalty");
    store_remove(w.x->store, TABLE_DECLARATION, &row);
    assert_reported("grant 1: waits for another month than the first undeclared one");
}

static void royalty_beyond_the_cap(void **state)
{
    (void)state;
    struct advance_row row = advance();
    row.royalty_ucr++;
    put_advance(row);
    assert_reported("grant 1: its royalty is not what is declared, up to its cap");
}

static void tranches_damaged(void **state)
{
    (void)state;
    struct advance_row row = advance();
    row.advanced_ucr += 5;
    put_advance(row);
    assert_reported("grant 1: advanced is not what its tranches come to");
    row = advance();
    row.tranches_released = 4;
    put_advance(row);
    assert_reported("grant 1: a tranche is paid that it has not");
    row.tranches_released = 2;
    put_advance(row);
    assert_reported("grant 1: a tranche waits that could be paid");
}

static void not_open(void **state)
{
    (void)state;
    struct advance_row row = advance();
    row.open = 0;
    put_advance(row);
    assert_reported("grant 1: open or due and not in force, or the other way round");
    assert_null(world_copy(&w));
    row.open = 1;
    put_advance(row);
    struct contract_row ended = *contract_find(w.x, contract);
    struct contract_row stands = ended;
    ended.state = CONTRACT_STATE_EXPIRED;
    store_put(w.x->store, TABLE_CONTRACT, &ended);
    assert_reported("grant 1: open or due and not in force, or the other way round");
    store_put(w.x->store, TABLE_CONTRACT, &stands);
    assert_int_equal(world_check(w.x, NULL), 0);
}

static void index_forgets(void **state)
{
    (void)state;
    struct advance_row row = advance();
    struct advance_row closed = row;
    closed.counts = 0;
    put_advance(closed);
    assert_reported("grant 1: declarations count where they do not, or do not count");
    world_put_unseen(w.x, TABLE_ADVANCE, &row);
    assert_reported("grant 1: in memory among those that count, and is not, or not there");
    assert_reported("grants: 1 count declarations, 0 in memory");
}

static void series_forgotten(void **state)
{
    (void)state;
    w.x->grants->by_series[series] = 0;
    assert_reported("grant 1: is not the one of its series in memory");
}

static void never_looked_at(void **state)
{
    (void)state;
    struct contract_row row = *contract_find(w.x, contract);
    row.next_s = 0;
    store_put(w.x->store, TABLE_CONTRACT, &row);
    assert_reported("grant 1: has time to go, but is never looked at");
}

int main(void)
{
#define FAULT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        FAULT(terms_damaged),       FAULT(rows_missing),       FAULT(advance_of_another),
        FAULT(declaration_damaged), FAULT(declared_otherwise), FAULT(royalty_beyond_the_cap),
        FAULT(tranches_damaged),    FAULT(not_open),           FAULT(index_forgets),
        FAULT(series_forgotten),    FAULT(never_looked_at),
    };
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
