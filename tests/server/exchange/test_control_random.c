/*
 * Random stories of dual control against a model that is written from docs/protocol.md alone: five
 * admins mint, propose, approve, reject, freeze each other and change the policy; every outcome,
 * the policy, who is active and what was minted agree at each step. In the end everything is
 * checked, replayed, taken over and rebuilt.
 */
#include "protocol/moment.h"
#include "tests/server/exchange/support.h"

#include "server/exchange/account.h"
#include "server/exchange/control.h"
#include "tests/server/exchange/crowd.h"

enum { STEPS = 1500, ADMINS = 5, PROPOSALS_ROOM = STEPS + 1, ALICE = ADMINS + 1 };

enum wanted { TO_MINT, TO_CHANGE, TO_THAW };

struct paper {
    enum wanted wanted;
    bool open;
    uint64_t until_s;
    amount a;            /* to mint, or the limit */
    uint32_t number;     /* approvals of a policy, or the admin to thaw */
    bool by[ADMINS + 1]; /* who has approved */
};

static struct model {
    bool active[ADMINS + 1];
    uint32_t approvals;
    amount limit;
    amount minted;
    amount today;
    uint64_t day;
    struct paper papers[PROPOSALS_ROOM];
    uint32_t papers_count;
} m;
static struct world w;
static const char *const names[] = {"", "admin", "bea", "cem", "dan", "eve"};

static uint32_t active_count(void)
{
    uint32_t count = 0;
    for (uint32_t i = 1; i <= ADMINS; i++)
        count += m.active[i];
    return count;
}

static uint32_t any_admin(void)
{
    return 1 + (uint32_t)random_below(ADMINS);
}

static uint32_t any_active(void)
{
    for (;;) {
        uint32_t admin = any_admin();
        if (m.active[admin])
            return admin;
    }
}

static void expect(uint32_t actor, const struct message *message, const void *op,
                   enum refusal expected)
{
    enum refusal refusal = refusal_of(&w, actor, names[actor], message, op);
    if (refusal != expected)
        fprintf(stderr, "%s by %s: %s, not %s\n", message->name, names[actor],
                refusal_name(refusal), refusal_name(expected));
    assert_int_equal(refusal, expected);
}

/* --- What the model thinks --- */

static enum refusal paper_refusal(const struct paper *p)
{
    if (p->wanted == TO_CHANGE && p->number > active_count())
        return REFUSAL_terms_invalid;
    if (p->wanted == TO_THAW && m.active[p->number])
        return REFUSAL_already_so;
    return REFUSAL_accepted;
}

static void paper_do(struct paper *p)
{
    p->open = false;
    if (p->wanted == TO_MINT) {
        m.minted += p->a;
    } else if (p->wanted == TO_THAW) {
        m.active[p->number] = true;
    } else {
        m.approvals = p->number;
        m.limit = p->a;
    }
}

static void paper_new(uint32_t actor, struct paper p)
{
    p.open = true;
    p.until_s = w.time_s + PROPOSAL_LIFE_S;
    p.by[actor] = true;
    struct paper *kept = &m.papers[++m.papers_count];
    *kept = p;
    if (m.approvals == 1)
        paper_do(kept);
}

static bool paper_waits(uint64_t number)
{
    return m.papers[number].open && w.time_s < m.papers[number].until_s;
}

static bool makes_admins_alone(void)
{
    return m.approvals == 1;
}

/* --- Steps --- */

static void mint_step(uint32_t actor)
{
    struct op_mint *op = NEW(&w, op_mint);
    struct payment *output = NEW(&w, payment);
    *output = (struct payment){.account = ALICE, .amount_ucr = 1 + random_below(60)};
    op->series = 1;
    op->outputs.items = output;
    op->outputs.count = 1;
    if (random_below(2) == 0) {
        struct op_mint_propose *proposed = NEW(&w, op_mint_propose);
        proposed->series = 1;
        proposed->outputs.items = output;
        proposed->outputs.count = 1;
        expect(actor, &op_mint_propose_message, proposed, REFUSAL_accepted);
        paper_new(actor, (struct paper){.wanted = TO_MINT, .a = output->amount_ucr});
        return;
    }
    if (m.day != w.time_s / DAY_S)
        m.today = 0;
    m.day = w.time_s / DAY_S;
    bool within = m.limit == 0 || m.today + output->amount_ucr <= m.limit;
    expect(actor, &op_mint_message, op, within ? REFUSAL_accepted : REFUSAL_approval_needed);
    m.today += within ? output->amount_ucr : 0;
    m.minted += within ? output->amount_ucr : 0;
}

static void policy_step(uint32_t actor)
{
    struct op_policy_propose *op = NEW(&w, op_policy_propose);
    op->approvals = 1 + (uint32_t)random_below(random_below(3) == 0 ? ADMINS + 1 : 3);
    op->mint_limit_ucr = random_below(3) == 0 ? 0 : random_below(200);
    struct paper p = {.wanted = TO_CHANGE, .a = op->mint_limit_ucr, .number = op->approvals};
    enum refusal expected = paper_refusal(&p);
    expect(actor, &op_policy_propose_message, op, expected);
    if (!expected)
        paper_new(actor, p);
}

static void thaw_step(uint32_t actor)
{
    uint32_t admin = any_admin();
    enum refusal expected = m.active[admin] ? REFUSAL_already_so : REFUSAL_accepted;
    if (random_below(2) == 0) {
        struct op_admin_propose *op = NEW(&w, op_admin_propose);
        op->account = admin;
        expect(actor, &op_admin_propose_message, op, expected);
        if (!expected)
            paper_new(actor, (struct paper){.wanted = TO_THAW, .number = admin});
        return;
    }
    struct op_account_unfreeze *op = NEW(&w, op_account_unfreeze);
    op->account = admin;
    if (!expected && !makes_admins_alone())
        expected = REFUSAL_approval_needed;
    expect(actor, &op_account_unfreeze_message, op, expected);
    m.active[admin] = m.active[admin] || !expected;
}

static void freeze_step(uint32_t actor)
{
    struct op_account_freeze *op = NEW(&w, op_account_freeze);
    op->account = any_admin();
    enum refusal expected = op->account == actor               ? REFUSAL_not_permitted
                            : !m.active[op->account]           ? REFUSAL_already_so
                            : active_count() - 1 < m.approvals ? REFUSAL_terms_invalid
                                                               : REFUSAL_accepted;
    expect(actor, &op_account_freeze_message, op, expected);
    if (!expected)
        m.active[op->account] = false;
}

/* One of the last ones: most of those before are closed. */
static uint64_t any_paper(void)
{
    uint64_t back = random_below(12);
    return m.papers_count > back ? m.papers_count - back : 1;
}

static void approve_step(uint32_t actor)
{
    struct op_control_approve *op = NEW(&w, op_control_approve);
    op->proposal = any_paper();
    struct paper *p = &m.papers[op->proposal];
    struct paper after = *p;
    uint32_t count = 0;
    enum refusal expected = REFUSAL_accepted;
    after.by[actor] = true;
    for (uint32_t i = 1; i <= ADMINS; i++) {
        after.by[i] = after.by[i] && m.active[i];
        count += after.by[i];
    }
    if (op->proposal > m.papers_count)
        expected = REFUSAL_proposal_not_found;
    else if (!paper_waits(op->proposal))
        expected = REFUSAL_proposal_closed;
    else if (p->by[actor])
        expected = REFUSAL_already_approved;
    else if (count >= m.approvals)
        expected = paper_refusal(p);
    expect(actor, &op_control_approve_message, op, expected);
    if (expected)
        return;
    *p = after;
    if (count >= m.approvals)
        paper_do(p);
}

static void reject_step(uint32_t actor)
{
    struct op_control_reject *op = NEW(&w, op_control_reject);
    op->proposal = any_paper();
    enum refusal expected = op->proposal > m.papers_count ? REFUSAL_proposal_not_found
                            : paper_waits(op->proposal)   ? REFUSAL_accepted
                                                          : REFUSAL_proposal_closed;
    expect(actor, &op_control_reject_message, op, expected);
    m.papers[op->proposal].open = false;
}

static void compare(void)
{
    uint32_t open = 0;
    const struct q_supply q = {.series = 1};
    const struct message *message;
    const void *body;
    for (uint32_t i = 1; i <= m.papers_count; i++) {
        bool stands = proposal_find(w.x, i)->state == CONTROL_STATE_OPEN;
        assert_true(stands || !paper_waits(i)); /* one too old may wait for its tick */
        assert_true(m.papers[i].open || !stands);
        open += stands;
    }
    assert_int_equal(w.x->proposals->open, open);
    assert_int_equal(account_admins(w.x), active_count());
    for (uint32_t i = 1; i <= ADMINS; i++)
        assert_int_equal(account_is_active_admin(w.x, i), m.active[i]);
    assert_int_equal(w.x->head.approvals, m.approvals);
    assert_int_equal(w.x->head.mint_limit_ucr, m.limit);
    assert_int_equal(exchange_query(w.x, 1, &q_supply_message, &q, &w.arena, &message, &body), 0);
    const struct a_supply *supply = body;
    assert_int_equal(supply->rows.count > 0 ? supply->rows.items[0].minted_ucr : 0, m.minted);
}

static void step(void)
{
    uint32_t actor = any_active();
    switch (random_below(12)) {
    case 0:
    case 1:
        mint_step(actor);
        break;
    case 2:
        policy_step(actor);
        break;
    case 3:
        thaw_step(actor);
        break;
    case 4:
        freeze_step(actor);
        break;
    case 5:
        if (random_below(3) == 0)
            reject_step(actor);
        break;
    case 6:
        world_advance(&w, random_below(random_below(8) == 0 ? 2 * DAY_S : 3600),
                      random_below(2) == 0);
        break;
    default:
        approve_step(actor);
        break;
    }
}

static void follows_a_model(void **state)
{
    (void)state;
    random_start();
    world_begin(&w, WORLD_OPTIONS);
    m.approvals = 1;
    m.active[1] = true;
    for (uint32_t i = 2; i <= ADMINS; i++) {
        assert_int_equal(world_register(&w, names[i], ROLE_ADMIN), i);
        m.active[i] = true;
    }
    assert_int_equal(world_register(&w, "alice", ROLE_STARTUP), ALICE);
    assert_int_equal(world_series(&w, "one", 0), 1);
    for (int i = 0; i < STEPS; i++) {
        step();
        compare();
    }
    uint32_t done = 0;
    for (uint32_t i = 1; i <= m.papers_count; i++)
        done += proposal_find(w.x, i)->state == CONTROL_STATE_DONE;
    printf("%u proposals, %u of them done\n", m.papers_count, done);
    assert_true(done > 10);
    assert_int_equal(world_verify(&w), 0);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(follows_a_model)};
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    return cmocka_run_group_tests_name("control at random", tests, NULL, NULL);
}
