/* Dual control: each thing that check_control() looks at, damaged on purpose and reported, and the
 * limits on proposals. What goes on between admins stands in behaviour/control.txt. */
#include "tests/server/exchange/support.h"

#include "server/exchange/account.h"
#include "server/exchange/control.h"
#include "server/exchange/due.h"
#include "tests/server/exchange/crowd.h"

/*
 * Two of the admins "admin" (1) and "bea" (3) approve. Proposals: 1 to mint to alice (2), open; 2
 * of a policy, done; 3 of an admin, rejected; 4 to mint to two, open.
 */
static struct world w;
static uint32_t alice;
static uint32_t bea;
static uint32_t series;

enum { OPEN = 1, POLICY = 2, CLOSED = 3, TWO_OUTPUTS = 4 };

static const struct result *mint_proposed(uint32_t account, amount first, amount second)
{
    struct op_mint_propose *op = NEW(&w, op_mint_propose);
    struct payment *outputs = arena_alloc(&w.arena, 2 * sizeof(*outputs));
    outputs[0] = (struct payment){.account = account, .amount_ucr = first};
    outputs[1] = (struct payment){.account = 1, .amount_ucr = second};
    op->series = series;
    op->outputs.items = outputs;
    op->outputs.count = second > 0 ? 2 : 1;
    return accepted(&w, 1, "admin", &op_mint_propose_message, op);
}

static void approve(uint64_t proposal)
{
    struct op_control_approve *op = NEW(&w, op_control_approve);
    op->proposal = proposal;
    accepted(&w, bea, "bea", &op_control_approve_message, op);
}

static void proposals_make(void)
{
    struct op_policy_propose *policy = NEW(&w, op_policy_propose);
    struct op_admin_propose *admin = NEW(&w, op_admin_propose);
    struct op_control_reject *reject = NEW(&w, op_control_reject);
    assert_int_equal(mint_proposed(alice, 100, 0)->object, OPEN);
    *policy = (struct op_policy_propose){.approvals = 2, .mint_limit_ucr = 7};
    accepted(&w, 1, "admin", &op_policy_propose_message, policy);
    approve(POLICY);
    *admin = (struct op_admin_propose){.name = {"cem", 3}, .sign_key = {1}, .channel_key = {2}};
    accepted(&w, 1, "admin", &op_admin_propose_message, admin);
    reject->proposal = CLOSED;
    accepted(&w, bea, "bea", &op_control_reject_message, reject);
    assert_int_equal(mint_proposed(alice, 5, 6)->object, TWO_OUTPUTS);
}

static int setup(void **state)
{
    (void)state;
    struct world_options options = WORLD_OPTIONS;
    options.approvals = 2;
    options.co_admins = "bea";
    world_begin(&w, options);
    bea = 2;
    alice = world_register(&w, "alice", ROLE_STARTUP);
    series = world_series(&w, "one", 0);
    proposals_make();
    assert_int_equal(world_verify(&w), 0);
    w.replayable = false;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_end(&w);
    return 0;
}

static struct proposal_row row_of(uint64_t proposal)
{
    return *proposal_find(w.x, proposal);
}

/* The row changed by `change` is reported, and refused when it is loaded. */
#define REFUSED(proposal, change, line)                                                            \
    do {                                                                                           \
        const struct proposal_row right = row_of(proposal);                                        \
        struct proposal_row row = right;                                                           \
        (change);                                                                                  \
        world_put_unseen(w.x, TABLE_PROPOSAL, &row);                                               \
        assert_true(world_reports(w.x, line));                                                     \
        assert_null(world_copy(&w));                                                               \
        world_put_unseen(w.x, TABLE_PROPOSAL, &right);                                             \
        assert_int_equal(world_check(w.x, NULL), 0);                                               \
    } while (0)

/* The same of what the rules do not stumble over: reported alone. */
#define REPORTED(proposal, change, line)                                                           \
    do {                                                                                           \
        const struct proposal_row right = row_of(proposal);                                        \
        struct proposal_row row = right;                                                           \
        (change);                                                                                  \
        world_put_unseen(w.x, TABLE_PROPOSAL, &row);                                               \
        assert_true(world_reports(w.x, line));                                                     \
        world_put_unseen(w.x, TABLE_PROPOSAL, &right);                                             \
        assert_int_equal(world_check(w.x, NULL), 0);                                               \
    } while (0)

static void what_a_proposal_names(void **state)
{
    (void)state;
    static const char subject[] = "names no such series or account, or more approvals than can be";
    static const char outputs[] = "its outputs are not what it is to mint";
    REFUSED(OPEN, row.kind = 0, "proposal 1: of no known kind or state");
    REFUSED(OPEN, row.kind = 5, "proposal 1: of no known kind or state");
    REFUSED(OPEN, row.state = 6, "proposal 1: of no known kind or state");
    REFUSED(OPEN, row.series = 9, subject);
    REFUSED(OPEN, row.proposer = 99, "proposal 1: by no known account");
    REFUSED(POLICY, row.policy_approvals = 0, subject);
    REFUSED(POLICY, row.policy_approvals = APPROVALS_MAX + 1, subject);
    REFUSED(CLOSED, row.account = alice, subject);
    REFUSED(OPEN, (row.kind = CONTROL_KIND_PAYOUT, row.outputs_count = 0), subject);
    REFUSED(OPEN, row.kind = CONTROL_KIND_POLICY, outputs);
    REFUSED(OPEN, row.outputs_count = 0, outputs);
    REFUSED(OPEN, row.outputs_count = CONTROL_PAYMENTS_MAX + 1, outputs);
    REFUSED(OPEN, row.output_account[0] = 99, outputs);
    REFUSED(OPEN, row.output_account[0] = UINT64_MAX, outputs);
    REFUSED(OPEN, row.amount_ucr++, outputs);
    REFUSED(TWO_OUTPUTS, row.output_ucr[1] = UINT64_MAX, outputs);
    REFUSED(OPEN, memset(row.name, 'x', sizeof(row.name)), "proposal 1: a text does not end");
    REFUSED(OPEN, memset(row.reference, 'x', sizeof(row.reference)),
            "proposal 1: a text does not end");
}

static void whose_approvals_there_are(void **state)
{
    (void)state;
    static const char approvals[] = "its approvals are not those of so many different accounts";
    REFUSED(OPEN, row.approvals = APPROVALS_MAX + 1, approvals);
    REFUSED(OPEN, row.approvals = 2, approvals);
    REFUSED(OPEN, row.approved_by[0] = 99, approvals);
    REFUSED(OPEN, row.approved_by[1] = bea, approvals); /* beyond the count */
    REFUSED(POLICY, row.approved_by[1] = 1, approvals); /* twice */
    REPORTED(OPEN, row.approved_by[0] = alice, "proposal 1: approved by who is no admin");
    REPORTED(OPEN, row.needed = 0, "needs no number of approvals that there can be");
    REPORTED(OPEN, row.needed = APPROVALS_MAX + 1,
             "needs no number of approvals that there can be");
    REPORTED(OPEN, row.needed = 1, "proposal 1: open, but has the approvals that it needs");
    REPORTED(POLICY, row.needed = 3, "proposal 2: done without the approvals that it needed");
}

static void what_is_open_and_due(void **state)
{
    (void)state;
    static const char end[] = "does not end when one made then does";
    REPORTED(OPEN, row.state = CONTROL_STATE_EXPIRED, "proposal 1: closed, but its end is due");
    REPORTED(OPEN, row.state = CONTROL_STATE_EXPIRED, "proposals: 1 are open, in memory 2, due 2");
    REPORTED(CLOSED, row.state = CONTROL_STATE_OPEN, "proposal 3: open, but its end is not due");
    REPORTED(CLOSED, row.state = CONTROL_STATE_OPEN,
             "proposal 3: open, but not among those of its proposer");
    REPORTED(OPEN, row.proposer = bea, "proposal 1: open, but not among those of its proposer");
    REPORTED(OPEN, row.state = CONTROL_STATE_EXPIRED,
             "proposals: 1 are open, by their proposers 2");
    REPORTED(CLOSED, row.until_s++, end);
    REPORTED(OPEN, row.proposed_s = w.time_s + 1, end);
    assert_int_equal(row_of(OPEN).until_s, w.time_s + PROPOSAL_LIFE_S);
    due_remove(w.x, (struct due_item){
                        .due_s = w.time_s + PROPOSAL_LIFE_S, .kind = DUE_PROPOSAL, .serial = OPEN});
    assert_true(world_reports(w.x, "proposal 1: open, but its end is not due"));
    assert_true(world_reports(w.x, "proposals: 2 are open, in memory 2, due 1"));
}

static void rows_that_are_missing(void **state)
{
    (void)state;
    uint64_t proposal = CLOSED;
    struct proposal_row strange = row_of(CLOSED);
    strange.proposal = 77;
    store_put(w.x->store, TABLE_PROPOSAL, &strange);
    assert_true(world_reports(w.x, "proposal 77: its number was never issued"));
    assert_null(world_copy(&w));
    store_remove(w.x->store, TABLE_PROPOSAL, &strange.proposal);
    store_remove(w.x->store, TABLE_PROPOSAL, &proposal);
    assert_true(world_reports(w.x, "proposals: 4 issued, but not all are there"));
}

static void the_policy(void **state)
{
    (void)state;
    for (uint32_t approvals = 0; approvals <= APPROVALS_MAX + 1; approvals += APPROVALS_MAX + 1) {
        w.x->head.approvals = approvals;
        assert_true(world_reports(w.x, "approvals are none that there can be"));
    }
    w.x->head.approvals = 3;
    assert_true(world_reports(w.x, "policy: 3 admins are to approve, but there are 2"));
    w.x->head.approvals = 2;
    assert_int_equal(world_check(w.x, NULL), 0);
    w.x->head.minted_day = w.time_s / 86400 + 1;
    assert_true(world_reports(w.x, "policy: minted on a day to come"));
    w.x->head.minted_day = 0;
    struct account_row row = *account_find(w.x, alice);
    row.paid_out_day = w.time_s / 86400 + 1;
    world_put_unseen(w.x, TABLE_ACCOUNT, &row);
    assert_true(world_reports(w.x, "account 3: was paid out on a day to come"));
}

static void how_many_admins_there_are(void **state)
{
    (void)state;
    assert_int_equal(account_admins(w.x), 2);
    struct account_row row = *account_find(w.x, bea);
    row.state = ACCOUNT_STATE_FROZEN;
    world_put_unseen(w.x, TABLE_ACCOUNT, &row);
    assert_true(world_reports(w.x, "accounts: 1 admins are active, in memory 2"));
}

/* --- Limits --- */

static void so_many_may_be_open(void **state)
{
    (void)state;
    enum { FULL = PROPOSALS_OPEN_MAX / PROPOSALS_PER_ACCOUNT_MAX };
    static const char *const admins[] = {"admin", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"};
    static_assert(FULL + 1 == sizeof(admins) / sizeof(admins[0]), "one more than fill all places");
    struct world_options options = WORLD_OPTIONS;
    options.approvals = 2;
    options.co_admins = "b,c,d,e,f,g,h,i,j,k";
    world_end(&w);
    world_begin(&w, options);
    alice = world_register(&w, "alice", ROLE_STARTUP);
    series = world_series(&w, "one", 0);
    struct op_control_reject reject = {.proposal = 1};
    struct op_policy_propose policy = {.approvals = 2};
    struct op_payout_propose payout = {.series = series, .account = alice, .amount_ucr = 1};
    for (uint32_t i = 0; i < FULL; i++) {
        struct batch b = batch_of(&w, i + 1, admins[i]);
        for (unsigned k = 0; k < PROPOSALS_PER_ACCOUNT_MAX; k++)
            batch_add(&b, &op_policy_propose_message, &policy);
        batch_send(&b);
        /* It has had its part, and the others still have theirs. */
        assert_int_equal(refusal_of(&w, i + 1, admins[i], &op_policy_propose_message, &policy),
                         REFUSAL_too_many);
        if (i == 0)
            world_reload(&w);
    }
    assert_int_equal(due_count(w.x, DUE_PROPOSAL), PROPOSALS_OPEN_MAX);
    assert_int_equal(refusal_of(&w, FULL + 1, "k", &op_policy_propose_message, &policy),
                     REFUSAL_too_many);
    assert_int_equal(refusal_of(&w, 1, "admin", &op_policy_propose_message, &policy),
                     REFUSAL_too_many);
    struct op_admin_propose admin = {.name = {"dan", 3}, .sign_key = {1}, .channel_key = {2}};
    assert_int_equal(refusal_of(&w, 1, "admin", &op_admin_propose_message, &admin),
                     REFUSAL_too_many);
    struct payment output = {.account = alice, .amount_ucr = 1};
    struct op_mint_propose mint = {.series = series, .outputs = {&output, 1}};
    assert_int_equal(refusal_of(&w, 1, "admin", &op_mint_propose_message, &mint), REFUSAL_too_many);
    /* What else is wrong comes first in the order of reasons. */
    payout.reference = (struct text){"r", 1};
    assert_int_equal(refusal_of(&w, 1, "admin", &op_payout_propose_message, &payout),
                     REFUSAL_insufficient_funds);
    assert_int_equal(refusal_of(&w, 2, "b", &op_control_reject_message, &reject), 0);
    assert_int_equal(refusal_of(&w, 2, "b", &op_policy_propose_message, &policy), REFUSAL_too_many);
    assert_int_equal(refusal_of(&w, 1, "admin", &op_policy_propose_message, &policy), 0);
    /* All of them are too old at once; a tick closes them in as many slices as it takes. */
    world_advance(&w, PROPOSAL_LIFE_S, true);
    world_settle(&w);
    assert_int_equal(due_count(w.x, DUE_PROPOSAL), 0);
    assert_int_equal(world_check(w.x, NULL), 0);
}

static void so_many_outputs_and_approvals(void **state)
{
    (void)state;
    struct payment outputs[CONTROL_PAYMENTS_MAX + 1];
    for (uint32_t i = 0; i <= CONTROL_PAYMENTS_MAX; i++)
        outputs[i] = (struct payment){.account = alice, .amount_ucr = 1};
    struct op_mint_propose op = {.series = series, .outputs = {outputs, CONTROL_PAYMENTS_MAX + 1}};
    assert_int_equal(refusal_of(&w, 1, "admin", &op_mint_propose_message, &op), REFUSAL_malformed);
    op.outputs.count = CONTROL_PAYMENTS_MAX;
    assert_int_equal(refusal_of(&w, 1, "admin", &op_mint_propose_message, &op), 0);
    struct op_policy_propose policy = {.approvals = APPROVALS_MAX + 1};
    assert_int_equal(refusal_of(&w, 1, "admin", &op_policy_propose_message, &policy),
                     REFUSAL_malformed);
    policy.approvals = APPROVALS_MAX; /* but there are no so many admins */
    assert_int_equal(refusal_of(&w, 1, "admin", &op_policy_propose_message, &policy),
                     REFUSAL_terms_invalid);
}

/* As many approvals as there can be: the row holds them all, and the last one carries it out. */
static void the_most_approvals(void **state)
{
    (void)state;
    struct world full;
    struct world_options options = WORLD_OPTIONS;
    options.approvals = APPROVALS_MAX;
    options.co_admins = "admin 2,admin 3,admin 4,admin 5,admin 6,admin 7,admin 8,admin 9,admin 10,"
                        "admin 11,admin 12,admin 13,admin 14,admin 15,admin 16";
    world_begin(&full, options);
    assert_int_equal(account_admins(full.x), APPROVALS_MAX);
    struct op_policy_propose *policy = NEW(&full, op_policy_propose);
    policy->approvals = 1;
    accepted(&full, 1, "admin", &op_policy_propose_message, policy);
    struct op_control_approve *approve = NEW(&full, op_control_approve);
    approve->proposal = 1;
    for (uint32_t i = 2; i <= APPROVALS_MAX; i++) {
        assert_int_equal(full.x->head.approvals, APPROVALS_MAX);
        accepted(&full, i, text_printf(&full, "admin %u", i).data, &op_control_approve_message,
                 approve);
    }
    assert_int_equal(full.x->head.approvals, 1);
    assert_int_equal(world_verify(&full), 0);
    world_end(&full);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_a_proposal_names),
        TEST(whose_approvals_there_are),
        TEST(what_is_open_and_due),
        TEST(rows_that_are_missing),
        TEST(the_policy),
        TEST(how_many_admins_there_are),
        TEST(so_many_may_be_open),
        TEST(so_many_outputs_and_approvals),
        cmocka_unit_test(the_most_approvals),
    };
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
