/* Each thing that check_contracts() and check_guarantees() look at, damaged on purpose and
 * reported; what the rules rely on is refused after loading, and no hook stumbles over it. */
#include "tests/server/exchange/support.h"

#include "server/exchange/contract.h"
#include "server/exchange/due.h"
#include "server/exchange/event.h"
#include "server/exchange/guarantee.h"
#include "server/exchange/pledge.h"
#include "tests/server/exchange/deal.h"

/*
 * Contract 1 is in force: both have put something in, 30 of 40 called are paid, the guarantor has
 * stepped in; 2 is proposed, 3 was declined.
 */
static struct deal *d;

static int setup(void **state)
{
    (void)state;
    d = deal_open();
    deal_make(d);
    deal_fund(d, d->op, "op", 1, 3);
    deal_fund(d, d->gua, "gua", 1, 18);
    assert_int_equal(deal_call(d, 1, 40), REFUSAL_accepted);
    assert_int_equal(deal_step_in(d, 1), REFUSAL_accepted);
    deal_fund(d, d->op, "op", 1, 2);
    struct op_guarantee_propose terms = deal_terms(d, 0);
    accepted(&d->w, d->gua, "gua", &op_guarantee_propose_message,
             world_keep(&d->w, &op_guarantee_propose_message, &terms));
    accepted(&d->w, d->gua, "gua", &op_guarantee_propose_message,
             world_keep(&d->w, &op_guarantee_propose_message, &terms));
    struct op_contract_decline decline = {.contract = 3, .version = 1};
    accepted(&d->w, d->op, "op", &op_contract_decline_message,
             world_keep(&d->w, &op_contract_decline_message, &decline));
    assert_int_equal(world_check(d->x, NULL), 0);
    assert_int_equal(world_verify(&d->w), 0);
    d->w.replayable = false;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    deal_close(d);
    return 0;
}

static void found(const char *line)
{
    assert_true(world_reports(d->x, line));
}

static struct contract_row contract_of(uint64_t contract)
{
    return *contract_find(d->x, contract);
}

static struct claim_row claim_of(uint64_t claim)
{
    return *(const struct claim_row *)store_find(d->x->store, TABLE_CLAIM, &claim);
}

/* The row as it is, changed by `change`; reported, and refused when it is loaded. */
#define REFUSED(type, find, table, change, line)                                                   \
    do {                                                                                           \
        const struct type right = (find);                                                          \
        struct type row = right;                                                                   \
        (change);                                                                                  \
        world_put_unseen(d->x, table, &row);                                                       \
        found(line);                                                                               \
        assert_null(world_copy(&d->w));                                                            \
        world_put_unseen(d->x, table, &right);                                                     \
        assert_int_equal(world_check(d->x, NULL), 0);                                              \
    } while (0)

/* The same of what the rules do not stumble over: reported alone. */
#define REPORTED(type, find, table, change, line)                                                  \
    do {                                                                                           \
        const struct type right = (find);                                                          \
        struct type row = right;                                                                   \
        (change);                                                                                  \
        world_put_unseen(d->x, table, &row);                                                       \
        found(line);                                                                               \
        world_put_unseen(d->x, table, &right);                                                     \
        assert_int_equal(world_check(d->x, NULL), 0);                                              \
    } while (0)

#define CONTRACT_REFUSED(change, line)                                                             \
    REFUSED(contract_row, contract_of(1), TABLE_CONTRACT, change, line)
#define CONTRACT_REPORTED(n, change, line)                                                         \
    REPORTED(contract_row, contract_of(n), TABLE_CONTRACT, change, line)

static void what_a_contract_names(void **state)
{
    (void)state;
    static const char parties[] = "contract 1: its parties are not two or three accounts";
    static const char versions[] = "contract 1: its versions are none that there can be";
    CONTRACT_REFUSED(row.kind = 5, "contract 1: of no known kind");
    CONTRACT_REFUSED(row.kind = 0, "contract 1: of no known kind");
    CONTRACT_REFUSED(row.kind = CONTRACT_KIND_GRANT, "contract 1: terms of a version are missing");
    CONTRACT_REFUSED(row.kind = CONTRACT_KIND_GRANT,
                     "contract 1: was in force, and nothing says where it stands");
    CONTRACT_REFUSED(row.state = 7, "contract 1: of no known state, or with more series");
    CONTRACT_REFUSED(row.escrow_series = 65, "contract 1: of no known state, or with more series");
    CONTRACT_REFUSED(row.debtor = 99, parties);
    CONTRACT_REFUSED(row.debtor = UINT32_MAX, parties);
    CONTRACT_REFUSED(row.creditor = 0, parties);
    CONTRACT_REFUSED(row.creditor = row.debtor, parties);
    CONTRACT_REFUSED(row.third = 99, parties);
    CONTRACT_REFUSED(row.third = row.debtor, parties);
    CONTRACT_REFUSED(row.proposer = 0, parties);
    CONTRACT_REFUSED(row.version_last = 0, versions);
    CONTRACT_REFUSED(row.version_last = CONTRACT_VERSIONS_MAX + 1, versions);
    CONTRACT_REFUSED(row.version = 2, versions);
    CONTRACT_REFUSED(row.version = 0, versions);
    CONTRACT_REFUSED(row.pending = 2, versions);
    CONTRACT_REFUSED(row.version_last = 2, "contract 1: terms of a version are missing");
}

static void rows_that_are_missing(void **state)
{
    (void)state;
    struct contract_row more = contract_of(3);
    more.contract = 77;
    store_put(d->x->store, TABLE_CONTRACT, &more);
    found("contract 77: beyond the last one issued");
    assert_null(world_copy(&d->w));
    store_remove(d->x->store, TABLE_CONTRACT, &more);
    const struct contract_row last = contract_of(3);
    store_remove(d->x->store, TABLE_CONTRACT, &last);
    found("contract 3: issued, but not all before it are there");
    store_put(d->x->store, TABLE_CONTRACT, &last);

    const struct claim_row claim = claim_of(1);
    store_remove(d->x->store, TABLE_CLAIM, &claim);
    found("claim 1: issued, but not all before it are there");
    assert_null(world_copy(&d->w));
    store_put(d->x->store, TABLE_CLAIM, &claim);

    const struct recourse_row recourse = *guarantee_recourse(d->x, 1);
    store_remove(d->x->store, TABLE_RECOURSE, &recourse);
    found("contract 1: was in force, and nothing says where it stands");
    assert_null(world_copy(&d->w));
    store_put(d->x->store, TABLE_RECOURSE, &recourse);
    struct recourse_row other = recourse;
    other.contract = 2;
    store_put(d->x->store, TABLE_RECOURSE, &other);
    found("contract 2: has recourse, but is no lease guarantee that was ever in force");
    other.contract = 50;
    store_put(d->x->store, TABLE_RECOURSE, &other);
    found("contract 50: has recourse, but is no lease guarantee that was ever in force");
    assert_null(world_copy(&d->w));
}

static void what_a_claim_names(void **state)
{
    (void)state;
    static const char parties[] = "claim 1: of no contract of its parties";
#define CLAIM_REFUSED(change, line) REFUSED(claim_row, claim_of(1), TABLE_CLAIM, change, line)
    CLAIM_REFUSED(row.contract = 99, parties);
    CLAIM_REFUSED(row.creditor = 1, parties);
    CLAIM_REFUSED(row.creditor = 0, parties);
    CLAIM_REFUSED(row.creditor = row.debtor, parties);
    CLAIM_REFUSED(row.debtor = d->op, parties);
    CLAIM_REFUSED(row.debtor = UINT32_MAX, parties);
    struct claim_row more = claim_of(1);
    more.claim = 9;
    store_put(d->x->store, TABLE_CLAIM, &more);
    found("claim 9: beyond the last one issued");
    assert_null(world_copy(&d->w));
}

static void states_and_what_is_due(void **state)
{
    (void)state;
    static const char versions[] = ": its state is not that of its versions";
    static const char ended[] = ": has ended, but not said when, or is still proposed";
    CONTRACT_REPORTED(2, row.pending = 0, versions);
    CONTRACT_REPORTED(1, row.state = CONTRACT_STATE_PROPOSED, versions);
    CONTRACT_REPORTED(1, row.state = CONTRACT_STATE_DECLINED, versions);
    CONTRACT_REPORTED(1, row.state = CONTRACT_STATE_EXPIRED,
                      "contract 1: something is due, but it is not in force");
    CONTRACT_REPORTED(1, row.state = CONTRACT_STATE_COMPLETED, ended);
    CONTRACT_REPORTED(1, row.ended_s = 5, ended);
    CONTRACT_REPORTED(3, row.ended_s = 0, ended);
    CONTRACT_REPORTED(3, row.pending = 1, ended);
    CONTRACT_REPORTED(1, row.next_s++, "contract 1: is not due when its row says");
    CONTRACT_REPORTED(1, row.next_s = 0, "contracts: 1 are due, of 0 rows");
    struct due_item item = {.due_s = 1, .kind = DUE_CONTRACT, .serial = 2};
    due_put(d->x, item);
    found("contracts: 2 are due, of 1 rows");
    item.kind = DUE_CLAIMS;
    due_put(d->x, item);
    found("contracts: claims of 1 are due to be paid, of 0 rows");
}

static void indexes(void **state)
{
    (void)state;
    struct contract_index *index = d->x->contracts;
    CONTRACT_REPORTED(2, row.proposer = d->op, "contracts count for it, in memory");
    index->live[d->gua]++;
    found("account 3: 2 contracts count for it, in memory 3");
    index->live[d->gua]--;
    CONTRACT_REPORTED(2, row.third = 1, "contract 2: not in memory among those of its parties");
    CONTRACT_REPORTED(2, row.third = 0, "contracts: the lists of accounts hold what has no rows");
    REPORTED(claim_row, claim_of(1), TABLE_CLAIM, row.creditor = d->op,
             "claim 1: not in memory among those of its parties");
    struct claim_line *line = RB_ROOT(&index->claims);
    assert_non_null(line);
    line->claim = 7;
    found("claim 1: not in memory among those of its contract");
    found("contract 1: its claims come to another amount");
    line->claim = 1;
    line->contract = 2;
    found("contract 1: its claims come to another amount");
    line->contract = 1;
    struct step_in_line *step = RB_ROOT(&index->step_ins);
    assert_non_null(step);
    step->site = 2;
    found("lease guarantee 1: not in memory among those that have stepped in");
    step->site = 1;
    step->place++;
    found("lease guarantee 1: not in memory among those that have stepped in");
    step->place--;
    assert_int_equal(world_check(d->x, NULL), 0);
}

static void claims_and_funds(void **state)
{
    (void)state;
    static const char fault[] = "claim 1: more is left than there was, or paid and not paid";
    REPORTED(claim_row, claim_of(1), TABLE_CLAIM, row.left_ucr = 20, fault);
    REPORTED(claim_row, claim_of(1), TABLE_CLAIM, row.paid_s = 1, fault);
    REPORTED(claim_row, claim_of(1), TABLE_CLAIM, row.left_ucr = 0, fault);
    REPORTED(claim_row, claim_of(1), TABLE_CLAIM, (row.left_ucr = 0, row.paid_s = 1),
             "claims: 1 are open in memory, 0 rows");
    static const char paying[] = "contract 1: its fund could pay claims, and does not, or cannot";
    REPORTED(claim_row, claim_of(1), TABLE_CLAIM, row.since_s = d->x->head.time_s + 1,
             "claim 1: is owed since a time to come");
    CONTRACT_REPORTED(1, row.claims_ucr++, "contract 1: its claims come to another amount");
    CONTRACT_REPORTED(1, row.claims_open++, "contract 1: its claims come to another number");
    CONTRACT_REPORTED(1, row.paying_s = 1, paying);
    CONTRACT_REPORTED(1, row.paying_s = 1,
                      "contract 1: its claims are not due to be paid when its row says");
    CONTRACT_REPORTED(1, row.escrow_series++, "contract 1: a row of its fund is missing");
    CONTRACT_REPORTED(1, row.escrow_series = 0,
                      "contract 1: credits are in its fund that it does not count");
    const struct escrow_row key = {.serial = 1, .kind = ESCROW_KIND_CONTRACT, .place = 0};
    const struct escrow_row right =
        *(const struct escrow_row *)store_find(d->x->store, TABLE_ESCROW, &key);
    struct escrow_row row = right;
    row.owner = d->bank;
    world_put_unseen(d->x, TABLE_ESCROW, &row);
    found("contract 1: a row of its fund is of no party of it");
    row.owner = d->gua;
    row.amount_ucr = 5;
    world_put_unseen(d->x, TABLE_ESCROW, &row);
    found(paying);
    world_put_unseen(d->x, TABLE_ESCROW, &right);
    row = right;
    row.serial = 99;
    row.amount_ucr = 0;
    store_put(d->x->store, TABLE_ESCROW, &row);
    found("contract 99: credits are in its fund that it does not count");
}

static void guarantees(void **state)
{
    (void)state;
    static const char sum[] = "lease guarantee 1: what was called is not what both have paid";
    static const char beyond[] = "lease guarantee 1: called beyond its limit, or for another site";
    static const char step[] = "lease guarantee 1: stepped in, with nothing to recover or no right";
#define RECOURSE_REPORTED(change, line)                                                            \
    REPORTED(recourse_row, *guarantee_recourse(d->x, 1), TABLE_RECOURSE, change, line)
#define TERMS_REPORTED(n, change, line)                                                            \
    REPORTED(guarantee_row, *guarantee_terms(d->x, n, 1), TABLE_GUARANTEE, change, line)
    RECOURSE_REPORTED(row.called_ucr++, sum);
    RECOURSE_REPORTED(row.by_operator_ucr++, sum);
    RECOURSE_REPORTED(row.by_guarantor_ucr = 200, beyond);
    RECOURSE_REPORTED(row.site = 2, beyond);
    RECOURSE_REPORTED(row.recovered_ucr = 19,
                      "lease guarantee 1: more is claimed or recovered than was called");
    RECOURSE_REPORTED(row.by_guarantor_ucr = 9,
                      "lease guarantee 1: more is claimed or recovered than was called");
    RECOURSE_REPORTED(row.recovered_ucr = 18, step);
    RECOURSE_REPORTED(row.stepped_in_s = 0, "lease guarantees: 0 have stepped in, in memory 1");
    static const char place[] = "lease guarantee 1: its place is no entry by which it was accepted";
    RECOURSE_REPORTED(row.place = contract_of(1).index, place);
    RECOURSE_REPORTED(row.place = event_next_index(d->x), place);
    TERMS_REPORTED(1, row.step_in = 0, step);
    TERMS_REPORTED(1, row.limit_ucr = 27, beyond);
    TERMS_REPORTED(2, row.guarantor = 1, "lease guarantee 2: terms of other parties");
    TERMS_REPORTED(2, row.operator= 1, "lease guarantee 2: terms of other parties");
    TERMS_REPORTED(2, row.beneficiary = 1, "lease guarantee 2: terms of other parties");
    TERMS_REPORTED(1, row.end_s++, "lease guarantee 1: does not begin or end when its terms say");
    TERMS_REPORTED(1, row.start_s++, "lease guarantee 1: does not begin or end when its terms say");
    struct guarantee_row more = *guarantee_terms(d->x, 1, 1);
    more.version = 2;
    store_put(d->x->store, TABLE_GUARANTEE, &more);
    found("lease guarantee 1: terms of a contract or version that is not there");
    more.contract = 88;
    store_put(d->x->store, TABLE_GUARANTEE, &more);
    found("lease guarantee 88: terms of a contract or version that is not there");
}

/* Of its escrow of 10 a call took 3, and 2 are in the fund. */
static void pledges(void **state)
{
    (void)state;
    static const char held[] = "contract 1: what account 2 has in its fund is another amount";
    static const char missing[] = "lease guarantee 1: what is missing of its escrow is another";
    static const char beyond[] = "lease guarantees: funds or pledges are in memory that have no";
    struct pledge_index *index = d->x->pledges;
    struct fund_line *fund = RB_ROOT(&index->funds);
    struct pledge_line *line = RB_ROOT(&index->lines);
    assert_non_null(fund);
    assert_non_null(line);
    assert_int_equal(d->op, 2);
    struct pledge_turns *turns = &index->by_account[d->op];
    assert_int_equal(turns->count, 1);
    assert_int_equal(turns->items[0].missing, 5);
    fund->held++;
    found(held);
    fund->held--;
    fund->account = d->gua;
    found(held);
    fund->account = d->op;
    turns->items[0].missing++;
    found(missing);
    turns->items[0].missing--;
    turns->items[0].contract++;
    found(missing);
    turns->items[0].contract--;
    turns->count--;
    found(beyond);
    turns->count++;
    line->account = d->bank;
    found(missing);
    line->account = d->op;
    line->place++;
    found(missing);
    line->place--;
    turns->missing++;
    found("lease guarantees: account 2 has pledged another amount in memory");
    turns->missing--;
    assert_int_equal(world_check(d->x, NULL), 0);
    TERMS_REPORTED(1, row.escrow_ucr++, missing);
    TERMS_REPORTED(1, row.escrow_ucr = 5, beyond);
    const struct escrow_row key = {.serial = 1, .kind = ESCROW_KIND_CONTRACT, .place = 0};
    const struct escrow_row right =
        *(const struct escrow_row *)store_find(d->x->store, TABLE_ESCROW, &key);
    struct escrow_row row = right;
    row.amount_ucr++;
    world_put_unseen(d->x, TABLE_ESCROW, &row);
    found(held);
    world_put_unseen(d->x, TABLE_ESCROW, &right);
    row.serial = 99;
    store_put(d->x->store, TABLE_ESCROW, &row);
    found(beyond);
    store_remove(d->x->store, TABLE_ESCROW, &row);
    assert_int_equal(world_check(d->x, NULL), 0);
}

/* Guarantees stand in the order in which they were accepted. */
static void places(void **state)
{
    (void)state;
    uint64_t first = deal_make(d);
    world_advance(&d->w, 60, true);
    uint64_t second = deal_make(d);
    deal_make(d);
    const struct recourse_row before = *guarantee_recourse(d->x, first);
    const struct recourse_row behind = *guarantee_recourse(d->x, second);
    struct recourse_row row = before;
    row.place = behind.place;
    store_put(d->x->store, TABLE_RECOURSE, &row);
    found("has the place of another one");
    row.place = behind.place + 1;
    store_put(d->x->store, TABLE_RECOURSE, &row);
    found("stands behind one that was accepted later");
    store_put(d->x->store, TABLE_RECOURSE, &before);
    assert_int_equal(world_check(d->x, NULL), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_a_contract_names),
        TEST(rows_that_are_missing),
        TEST(what_a_claim_names),
        TEST(states_and_what_is_due),
        TEST(indexes),
        TEST(claims_and_funds),
        TEST(guarantees),
        TEST(pledges),
        TEST(places),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
