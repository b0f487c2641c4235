/* For each thing that exchange_check() looks at: it is damaged, and reported. */
#include "tests/server/exchange/support.h"

#include "protocol/status.h"
#include "server/exchange/ledger_index.h"
#include "server/exchange/state.h"
#include "tests/server/exchange/world.h"

static struct world w;
static uint32_t alice, series;
static uint64_t token, gift;

static int setup(void **state)
{
    (void)state;
    world_begin(&w, WORLD_OPTIONS);
    alice = world_register(&w, "alice", ROLE_STARTUP);
    series = world_series(&w, "seed", WORLD_BEGIN_S + 86400);
    token = world_mint(&w, series, alice, 100);
    uint64_t given = world_mint(&w, series, alice, 50);
    struct op_token_give give = {.amount_ucr = 20, .claim_key = {1}};
    give.inputs.items = &given;
    give.inputs.count = 1;
    const struct result *result = world_do(&w, alice, "alice", &op_token_give_message, &give);
    assert_true(result && !result->refusal);
    gift = result->object;
    assert_int_equal(world_check(w.x, NULL), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_end(&w);
    return 0;
}

static void assert_reported(const char *line)
{
    assert_true(world_reports(w.x, line));
}

static void *row_of(unsigned table, const void *key, size_t size)
{
    static union {
        uint8_t bytes[4096];
        uint64_t aligned;
    } copy;
    const void *row = store_find(w.x->store, table, key);
    assert_non_null(row);
    memcpy(copy.bytes, row, size);
    return copy.bytes;
}

static struct ledger_row *ledger_row_of(enum ledger_kind kind, uint32_t account)
{
    struct ledger_row key = {.account = account, .series = series, .kind = (uint32_t)kind};
    return row_of(TABLE_LEDGER, &key, sizeof(key));
}

static void conservation(void **state)
{
    (void)state;
    struct ledger_row *row = ledger_row_of(LEDGER_MINTED, 1);
    row->debits_low += 5;
    store_put(w.x->store, TABLE_LEDGER, row);
    assert_reported("series 1: minted 0.000155 credits, but tokens, gifts, escrow, balances, paid "
                    "out, burned and expired are 0.00015");
    assert_reported("the trial balance is not zero");
    assert_null(world_copy(&w)); /* and it is not loaded: no group would end well */
}

static void trial_balance(void **state)
{
    (void)state;
    /* Both a debit and a credit of another account, so that conservation alone does not see it. */
    struct ledger_row *row = ledger_row_of(LEDGER_TOKENS, alice);
    row->debits_low += 5;
    row->credits_low += 4;
    store_put(w.x->store, TABLE_LEDGER, row);
    assert_reported("the trial balance is not zero");
}

static void less_than_nothing(void **state)
{
    (void)state;
    struct ledger_row *row = ledger_row_of(LEDGER_TOKENS, alice);
    row->debits_low = row->credits_low + 1;
    store_put(w.x->store, TABLE_LEDGER, row);
    assert_reported("tokens of account 2 in series 1 holds less than nothing");
}

static void balances_by_account(void **state)
{
    (void)state;
    struct ledger_row row = {
        .account = alice, .series = series, .kind = LEDGER_BALANCE, .credits_low = 5};
    store_put(w.x->store, TABLE_LEDGER, &row);
    w.x->ledger->earned[alice]++;
    assert_reported("ledger: the balances of account 2 come to another amount in memory");
    w.x->ledger->earned[alice]--;
    struct balance_line *line = RB_ROOT(&w.x->ledger->balances);
    assert_non_null(line);
    line->series++;
    assert_reported("ledger: the balance of account 2 in series 1 is not in memory");
    line->series--;
    line->held++;
    assert_reported("ledger: the balance of account 2 in series 1 is not in memory");
    line->held--;
    row.credits_low = 0;
    world_put_unseen(w.x, TABLE_LEDGER, &row);
    assert_reported("ledger: 0 balances hold something, in memory 1");
    /* An account that there is not: kept out, and refused. */
    row.account = UINT32_MAX;
    row.credits_low = 5;
    store_put(w.x->store, TABLE_LEDGER, &row);
    assert_null(world_copy(&w));
}

static void a_token_too_much(void **state)
{
    (void)state;
    struct token_row *row = row_of(TABLE_TOKEN, &token, sizeof(*row));
    store_remove(w.x->store, TABLE_TOKEN, &token);
    row->amount_ucr = 101;
    store_put(w.x->store, TABLE_TOKEN, row);
    assert_reported("account 2: tokens of series 1 are 0.000131, the ledger says 0.00013");
}

static void a_token_lost(void **state)
{
    (void)state;
    store_remove(w.x->store, TABLE_TOKEN, &token);
    assert_reported("account 2: tokens of series 1 are 0.00003, the ledger says 0.00013");
}

static void a_gift_lost(void **state)
{
    (void)state;
    store_remove(w.x->store, TABLE_GIFT, &gift);
    assert_reported("account 2: gifts of series 1 are 0, the ledger says 0.00002");
}

static void escrow_without_ledger(void **state)
{
    (void)state;
    struct escrow_row row = {
        .kind = ESCROW_KIND_LEASE, .serial = 9, .series = series, .amount_ucr = 3};
    store_put(w.x->store, TABLE_ESCROW, &row);
    assert_reported("escrow of series 1 are 0.000003, the ledger says 0");
}

static void references(void **state)
{
    (void)state;
    struct token_row *row = row_of(TABLE_TOKEN, &token, sizeof(*row));
    store_remove(w.x->store, TABLE_TOKEN, &token);
    row->owner = 77;
    store_put(w.x->store, TABLE_TOKEN, row);
    assert_reported("token 1: its owner or series does not exist");
    assert_null(world_copy(&w)); /* such rows are not loaded either */
    store_remove(w.x->store, TABLE_TOKEN, &token);
    row->owner = UINT32_MAX;
    store_put(w.x->store, TABLE_TOKEN, row);
    assert_reported("token 1: its owner or series does not exist");
    assert_null(world_copy(&w));
    store_remove(w.x->store, TABLE_TOKEN, &token);
    row->owner = alice;
    row->token = 900;
    store_put(w.x->store, TABLE_TOKEN, row);
    assert_reported("token 900: beyond the last one issued");
}

static void references_of_gifts(void **state)
{
    (void)state;
    struct gift_row *row = row_of(TABLE_GIFT, &gift, sizeof(*row));
    store_remove(w.x->store, TABLE_GIFT, &gift);
    row->series = 4;
    store_put(w.x->store, TABLE_GIFT, row);
    assert_reported("gift 1: its giver or series does not exist");
    store_remove(w.x->store, TABLE_GIFT, &gift);
    row->series = series;
    row->gift = 5;
    store_put(w.x->store, TABLE_GIFT, row);
    assert_reported("gift 5: beyond the last one issued");
}

static void references_of_series(void **state)
{
    (void)state;
    struct series_row *row = row_of(TABLE_SERIES, &series, sizeof(*row));
    row->funder = 50;
    store_put(w.x->store, TABLE_SERIES, row);
    assert_reported("series 1: its funder or expired_to is no account");
    row->funder = 1;
    row->skus_count = 200;
    store_put(w.x->store, TABLE_SERIES, row);
    assert_reported("series 1: names more SKUs or regions than it can");
    assert_null(world_copy(&w));
}

static void references_of_the_ledger(void **state)
{
    (void)state;
    struct ledger_row row = {.account = 50, .series = series, .kind = LEDGER_BALANCE};
    store_put(w.x->store, TABLE_LEDGER, &row);
    assert_reported("ledger account of series 1: its holder or series does not exist");
    row.account = alice;
    row.kind = 99;
    store_put(w.x->store, TABLE_LEDGER, &row);
    assert_reported("ledger account of series 1: of no known kind");
}

static void references_of_requests(void **state)
{
    (void)state;
    struct request_row row = {.valid_until_s = w.time_s + 9, .account = alice, .index = 1000};
    store_put(w.x->store, TABLE_REQUEST, &row);
    assert_reported("request of account 2: its event is not in the log");
    store_remove(w.x->store, TABLE_REQUEST, &row);
    row.account = 60;
    row.index = 0;
    store_put(w.x->store, TABLE_REQUEST, &row);
    assert_reported("request of account 60: no such account");
}

static void outages(void **state)
{
    (void)state;
    struct outage_row row = {.outage = 4, .from_s = 9, .to_s = 8};
    store_put(w.x->store, TABLE_OUTAGE, &row);
    assert_reported("outage 4: not among those kept");
    assert_reported("outage 4: ends before it begins, or in the future");
}

static void counters(void **state)
{
    (void)state;
    w.x->head.account_last++;
    assert_reported("accounts 3: issued, but not all are there");
    w.x->head.account_last -= 2;
    assert_reported("account 2: beyond the last one issued");
    w.x->head.account_last++;
    w.x->head.series_last++;
    assert_reported("series 2: issued, but not all are there");
    w.x->head.series_last--;
    /* Nothing makes room for as many as such a counter says. */
    uint64_t *counters[] = {&w.x->head.sku_last,   &w.x->head.site_last,  &w.x->head.offer_last,
                            &w.x->head.order_last, &w.x->head.lease_last, &w.x->head.rule_last,
                            &w.x->head.trade_last, &w.x->head.outage_last};
    static const char *const names[] = {"SKUs",   "sites", "offers", "orders",
                                        "leases", "rules", "trades", "outages"};
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
        char line[64];
        *counters[i] = UINT64_C(1) << 62;
        uint64_t kept = i == 6 ? TRADES_KEPT_MAX : i == 7 ? OUTAGES_KEPT_MAX : *counters[i];
        snprintf(line, sizeof(line), "%s %llu: issued, but not all are there", names[i],
                 (unsigned long long)kept);
        assert_reported(line);
        *counters[i] = 0;
        assert_int_equal(world_check(w.x, NULL), 0);
    }
}

static void roles(void **state)
{
    (void)state;
    struct account_row *row = row_of(TABLE_ACCOUNT, &alice, sizeof(*row));
    row->role = 9;
    store_put(w.x->store, TABLE_ACCOUNT, row);
    assert_reported("account 2: of no known role or state");
}

/* Exchanges one index with that of an exchange that lacks what this one has. */
#define WITH_INDEX_OF_ANOTHER(member, line)                                                        \
    do {                                                                                           \
        struct world other;                                                                        \
        world_begin(&other, WORLD_OPTIONS);                                                        \
        void *own = w.x->member;                                                                   \
        w.x->member = other.x->member;                                                             \
        assert_reported(line);                                                                     \
        w.x->member = own;                                                                         \
        assert_int_equal(world_check(w.x, NULL), 0);                                               \
        world_end(&other);                                                                         \
    } while (0)

static void indexes(void **state)
{
    (void)state;
    WITH_INDEX_OF_ANOTHER(tokens, "token 1: not among its owner's tokens in memory");
    WITH_INDEX_OF_ANOTHER(tokens, "tokens: 0 in memory, 2 rows");
    WITH_INDEX_OF_ANOTHER(gifts, "gift 1: not among its giver's gifts in memory");
    WITH_INDEX_OF_ANOTHER(gifts, "gifts: 0 in memory, 1 rows");
    WITH_INDEX_OF_ANOTHER(ledger, "series 1: total of minted in memory is 0, of the rows 0.00015");
    WITH_INDEX_OF_ANOTHER(ledger, "ledger: series 1 is not in memory among those of account 2");
    WITH_INDEX_OF_ANOTHER(series, "series 1: not found by its name");
    WITH_INDEX_OF_ANOTHER(due, "series 1: its expiry is due but not queued");
    WITH_INDEX_OF_ANOTHER(due, "request of account 2: its end is due but not queued");
    WITH_INDEX_OF_ANOTHER(requests, "request of account 2: its id is not found in memory");
}

static void account_index(void **state)
{
    (void)state;
    /* The other exchange's second account is another one. */
    struct world other;
    world_begin(&other, WORLD_OPTIONS);
    world_register(&other, "bob", ROLE_OPERATOR);
    struct account_index *own = w.x->accounts;
    w.x->accounts = other.x->accounts;
    assert_reported("account 2: role and state in memory differ from the row's");
    assert_reported("account 2: not found by its name");
    assert_reported("account 2: not found by its signing key");
    assert_reported("account 2: not found by its channel key");
    w.x->accounts = own;
    world_end(&other);
}

static void a_contradicting_head(void **state)
{
    (void)state;
    uint32_t id = 0;
    struct head_row *row = row_of(TABLE_HEAD, &id, sizeof(*row));
    row->token_last = 0;
    store_put(w.x->store, TABLE_HEAD, row);
    assert_null(world_copy(&w));
    store_remove(w.x->store, TABLE_HEAD, &id);
    assert_null(world_copy(&w));
}

int main(void)
{
#define DAMAGE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        DAMAGE(conservation),
        DAMAGE(trial_balance),
        DAMAGE(less_than_nothing),
        DAMAGE(balances_by_account),
        DAMAGE(a_token_too_much),
        DAMAGE(a_token_lost),
        DAMAGE(a_gift_lost),
        DAMAGE(escrow_without_ledger),
        DAMAGE(references),
        DAMAGE(references_of_gifts),
        DAMAGE(references_of_series),
        DAMAGE(references_of_the_ledger),
        DAMAGE(references_of_requests),
        DAMAGE(outages),
        DAMAGE(counters),
        DAMAGE(roles),
        DAMAGE(indexes),
        DAMAGE(account_index),
        DAMAGE(a_contradicting_head),
    };
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
