/*
 * Lease guarantees against a naive model: whole micro-credits in piles, claims in an array. Random
 * fundings, calls, withdrawals, steps, amendments, settlements, payouts and payments of claims;
 * after each everything that the queries say is compared.
 */
#include "tests/server/exchange/support.h"

#include "server/exchange/contract.h"
#include "server/exchange/guarantee.h"
#include "server/exchange/lease.h"
#include "server/exchange/ledger.h"
#include "server/exchange/pledge.h"
#include "tests/server/exchange/deal.h"

enum { STEPS = 240, CLAIMS = 400, GUARANTEES = 3, PILES = 2 };

/* A guarantee as somebody would keep it on paper. */
struct paper {
    amount limit, escrow;
    amount by_operator_fund, by_guarantor_fund; /* in the fund */
    amount called, from_operator, from_guarantor, recovered;
    amount claims[CLAIMS]; /* what is left of each, oldest first */
    uint32_t claims_count;
    bool stepped_in;
    uint32_t turn; /* the smaller, the earlier it was signed */
};

struct model {
    struct deal *d;
    struct paper papers[GUARANTEES];
    uint32_t startup;
    uint32_t series[PILES];  /* the first one is the funds' */
    amount bank[PILES];      /* what the beneficiary has got, by series */
    amount guarantor[PILES]; /* what came back to the guarantor */
    amount operator[PILES];  /* what the operator has earned */
    uint32_t turns;          /* given so far */
};

static amount pile_sum(const amount piles[PILES])
{
    amount sum = 0;
    for (uint32_t i = 0; i < PILES; i++)
        sum += piles[i];
    return sum;
}

/* What calls have left of the escrow. */
static amount escrow_of(const struct paper *p)
{
    return p->escrow > p->from_operator ? p->escrow - p->from_operator : 0;
}

/* What of it the operator has yet to put into the fund. */
static amount missing_of(const struct paper *p)
{
    return escrow_of(p) > p->by_operator_fund ? escrow_of(p) - p->by_operator_fund : 0;
}

static amount missing_all(const struct model *m)
{
    amount sum = 0;
    for (uint32_t i = 0; i < GUARANTEES; i++)
        sum += missing_of(&m->papers[i]);
    return sum;
}

static amount open_claims(const struct paper *p)
{
    amount sum = 0;
    for (uint32_t i = 0; i < p->claims_count; i++)
        sum += p->claims[i];
    return sum;
}

/* The guarantor's money answers its claims, the oldest first. */
static void claims_answer(struct model *m, struct paper *p)
{
    for (uint32_t i = 0; i < p->claims_count && p->by_guarantor_fund > 0; i++) {
        amount a = p->claims[i] < p->by_guarantor_fund ? p->claims[i] : p->by_guarantor_fund;
        p->claims[i] -= a;
        p->by_guarantor_fund -= a;
        m->bank[0] += a;
    }
}

static void do_fund(struct model *m, struct paper *p, uint64_t contract)
{
    amount a = 1 + random_below(60);
    if (random_below(2)) {
        deal_fund(m->d, m->d->op, "op", contract, a);
        p->by_operator_fund += a;
    } else {
        deal_fund(m->d, m->d->gua, "gua", contract, a);
        p->by_guarantor_fund += a;
        claims_answer(m, p);
    }
}

static amount least(amount a, amount b)
{
    return a < b ? a : b;
}

/* What of the balances stands in for guarantees before it. */
static amount stands_before(const struct model *m, const struct paper *p)
{
    amount free = pile_sum(m->operator);
    for (uint32_t i = 0; i < GUARANTEES; i++)
        free -= m->papers[i].turn < p->turn ? least(free, missing_of(&m->papers[i])) : 0;
    return pile_sum(m->operator) - free;
}

/* What of them stands in for it. */
static amount stands_in(const struct model *m, const struct paper *p)
{
    return least(pile_sum(m->operator) - stands_before(m, p), missing_of(p));
}

/* Whether the beneficiary would lose by its coming behind the others. */
static bool would_yield(const struct model *m, const struct paper *p)
{
    bool others = false;
    for (uint32_t i = 0; i < GUARANTEES; i++)
        others = others || (m->papers[i].turn > p->turn && missing_of(&m->papers[i]) > 0);
    return others && missing_of(p) > 0;
}

static void do_call(struct model *m, struct paper *p, uint64_t contract)
{
    amount a = 1 + random_below(80);
    amount first = least(a, p->by_operator_fund);
    amount earned = least(a - first, stands_in(m, p));
    amount kept = stands_before(m, p);
    amount rest = a - first - earned;
    bool covered = p->from_guarantor + rest <= p->limit;
    assert_int_equal(deal_call(m->d, contract, a),
                     covered ? REFUSAL_accepted : REFUSAL_guarantee_exhausted);
    if (!covered)
        return;
    p->called += a;
    p->from_operator += first + earned;
    p->by_operator_fund -= first;
    p->from_guarantor += rest;
    m->bank[0] += first;
    /* The larger pile first, but for what stands in for others. */
    _Static_assert(PILES == 2, "one is the larger");
    uint32_t larger = m->operator[1]> m->operator[0];
    for (uint32_t i = 0; i < PILES; i++) {
        uint32_t pile = i == 0 ? larger : 1 - larger;
        amount left = least(kept, m->operator[pile]);
        amount part = least(earned, m->operator[pile] - left);
        m->operator[pile] -= part;
        m->bank[pile] += part;
        kept -= left;
        earned -= part;
    }
    if (rest > 0) {
        assert_true(p->claims_count < CLAIMS);
        p->claims[p->claims_count++] = rest;
    }
    claims_answer(m, p);
}

/* What the operator has earned leaves the exchange, but for what its escrows are short of. */
static void do_payout(struct model *m)
{
    uint32_t pile = (uint32_t)random_below(PILES);
    amount a = 1 + random_below(40);
    enum refusal expected = m->operator[pile]<a ? REFUSAL_insufficient_funds
                            : pile_sum(m->operator) - a < missing_all(m) ? REFUSAL_balance_pledged
                                                                         : REFUSAL_accepted;
    struct op_payout body = {.series = m->series[pile], .amount_ucr = a, .reference = {"out", 3}};
    assert_int_equal(refusal_of(&m->d->w, m->d->op, "op", &op_payout_message,
                                world_keep(&m->d->w, &op_payout_message, &body)),
                     expected);
    if (!expected)
        m->operator[pile] -= a;
}

/* The guarantor pays claims out of what it has recovered. */
static void do_claim_pay(struct model *m, struct paper *p, uint64_t contract)
{
    uint32_t pile = (uint32_t)random_below(PILES);
    amount a = 1 + random_below(20);
    enum refusal expected = open_claims(p) == 0      ? REFUSAL_no_claim
                            : m->guarantor[pile] < a ? REFUSAL_insufficient_funds
                                                     : REFUSAL_accepted;
    struct op_claim_pay body = {.contract = contract, .series = m->series[pile], .amount_ucr = a};
    assert_int_equal(refusal_of(&m->d->w, m->d->gua, "gua", &op_claim_pay_message,
                                world_keep(&m->d->w, &op_claim_pay_message, &body)),
                     expected);
    uint32_t paid = 0;
    for (uint32_t i = 0; !expected && i < p->claims_count && paid < CLAIMS_PAID_MAX; i++) {
        amount part = least(a, p->claims[i]);
        paid += p->claims[i] > 0;
        p->claims[i] -= part;
        m->guarantor[pile] -= part;
        m->bank[pile] += part;
        a -= part;
    }
}

static void do_withdraw(struct model *m, struct paper *p, uint64_t contract)
{
    bool op = random_below(2);
    amount a = 1 + random_below(40);
    amount *fund = op ? &p->by_operator_fund : &p->by_guarantor_fund;
    amount kept = op ? escrow_of(p) : open_claims(p);
    enum refusal expected = *fund < a          ? REFUSAL_insufficient_funds
                            : *fund < kept + a ? REFUSAL_funds_kept
                                               : REFUSAL_accepted;
    struct op_contract_withdraw body = {.contract = contract, .amount_ucr = a};
    assert_int_equal(refusal_of(&m->d->w, op ? m->d->op : m->d->gua, op ? "op" : "gua",
                                &op_contract_withdraw_message,
                                world_keep(&m->d->w, &op_contract_withdraw_message, &body)),
                     expected);
    if (!expected)
        *fund -= a;
}

static amount to_recover(const struct paper *p)
{
    return p->from_guarantor - open_claims(p) - p->recovered;
}

static void do_step_in(struct model *m, struct paper *p, uint64_t contract)
{
    bool may = !p->stepped_in && to_recover(p) > 0;
    assert_int_equal(deal_step_in(m->d, contract),
                     may ? REFUSAL_accepted : REFUSAL_nothing_to_recover);
    p->stepped_in = p->stepped_in || may;
}

/* The guarantor proposes a limit and escrow, the operator accepts. */
static void do_amend(struct model *m, struct paper *p, uint64_t contract)
{
    struct deal *d = m->d;
    struct op_guarantee_propose terms = deal_terms(d, contract);
    terms.limit_ucr = p->limit - (p->limit > 1 && random_below(3) == 0) + random_below(60);
    terms.escrow_ucr = p->escrow - (p->escrow > 0 && random_below(3) == 0) + random_below(6);
    terms.end_s = WORLD_BEGIN_S + 400 * 86400;
    bool longer = contract_find(d->x, contract)->version == 1;
    bool more = longer || terms.limit_ucr > p->limit || terms.escrow_ucr > p->escrow;
    bool may = terms.limit_ucr >= p->limit && terms.escrow_ucr >= p->escrow &&
               !(more && would_yield(m, p));
    assert_int_equal(refusal_of(&d->w, d->gua, "gua", &op_guarantee_propose_message,
                                world_keep(&d->w, &op_guarantee_propose_message, &terms)),
                     may ? REFUSAL_accepted : REFUSAL_contract_third_party);
    if (!may)
        return;
    struct op_contract_accept accept = {.contract = contract,
                                        .version = contract_find(d->x, contract)->pending};
    accepted(&d->w, d->op, "op", &op_contract_accept_message,
             world_keep(&d->w, &op_contract_accept_message, &accept));
    p->limit = terms.limit_ucr;
    p->escrow = terms.escrow_ucr;
    if (more)
        p->turn = ++m->turns;
}

/* A lease of the site is delivered and settled: so much of 60 micro-credits a GPU-hour. */
static void lease_settle(struct model *m, uint32_t pile, uint32_t minutes)
{
    struct deal *d = m->d;
    struct op_order_place *order = order_new(&d->w, 1);
    uint64_t token = world_mint(&d->w, m->series[pile], m->startup, 60);
    order->tokens.items = &token;
    order->tokens.count = 1;
    const struct result *r = accepted(&d->w, m->startup, "startup", &op_order_place_message,
                                      world_keep(&d->w, &op_order_place_message, order));
    struct op_lease_activate activate = {.lease = r->lease_first};
    struct op_lease_meter meter = {.lease = r->lease_first, .gpu_minutes = minutes};
    accepted(&d->w, d->op, "op", &op_lease_activate_message,
             world_keep(&d->w, &op_lease_activate_message, &activate));
    world_advance(&d->w, 3600, true);
    accepted(&d->w, d->op, "op", &op_lease_meter_message,
             world_keep(&d->w, &op_lease_meter_message, &meter));
    world_advance(&d->w, 14400, true);
}

/* In their turn. */
static void papers_sort(struct model *m, struct paper *sorted[GUARANTEES])
{
    for (uint32_t i = 0; i < GUARANTEES; i++) {
        uint32_t at = i;
        for (; at > 0 && sorted[at - 1]->turn > m->papers[i].turn; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = &m->papers[i];
    }
}

static void do_earn(struct model *m)
{
    uint32_t minutes = (uint32_t)random_below(61);
    uint32_t pile = (uint32_t)random_below(PILES);
    lease_settle(m, pile, minutes);
    amount left = minutes;
    struct paper *sorted[GUARANTEES];
    papers_sort(m, sorted);
    for (uint32_t i = 0; i < GUARANTEES; i++) {
        struct paper *p = sorted[i];
        amount due = p->stepped_in ? to_recover(p) : 0;
        amount a = due < left ? due : left;
        p->recovered += a;
        m->guarantor[pile] += a;
        left -= a;
        if (p->stepped_in && to_recover(p) == 0)
            p->stepped_in = false;
    }
    m->operator[pile] += left;
}

static amount balance_of(const struct model *m, uint32_t account, uint32_t pile)
{
    return ledger_holds(m->d->x, m->series[pile], (struct ledger_place){LEDGER_BALANCE, account});
}

static void market_open(struct model *m)
{
    struct deal *d = m->d;
    m->startup = world_register(&d->w, "startup", ROLE_STARTUP);
    m->series[0] = d->series;
    m->series[1] = world_series(&d->w, "s2", 0);
    accepted(&d->w, d->op, "op", &op_offer_publish_message,
             offer_new(&d->w, 8, WORLD_BEGIN_S + 300 * 86400));
}

/* A settlement is no longer for all the guarantors that there are. */
static void many_guarantors_at_one_site(void **state)
{
    (void)state;
    enum { MANY = 17 };
    struct model m = {.d = deal_open()};
    struct deal *d = m.d;
    market_open(&m);
    for (uint64_t contract = 1; contract <= MANY; contract++) {
        assert_int_equal(deal_make(d), contract);
        deal_fund(d, d->gua, "gua", contract, 1);
        assert_int_equal(deal_call(d, contract, 1), REFUSAL_accepted);
        assert_int_equal(deal_step_in(d, contract), REFUSAL_accepted);
    }
    lease_settle(&m, 0, 60);
    assert_int_equal(balance_of(&m, d->gua, 0), 16);
    assert_int_equal(balance_of(&m, d->op, 0), 44);
    assert_int_equal(guarantee_recourse(d->x, MANY)->recovered_ucr, 0);
    lease_settle(&m, 0, 60);
    assert_int_equal(balance_of(&m, d->gua, 0), MANY);
    assert_int_equal(balance_of(&m, d->op, 0), 120 - MANY);
    assert_int_equal(world_verify(&d->w), 0);
    deal_close(d);
}

static void compare(const struct model *m)
{
    const struct exchange *x = m->d->x;
    for (uint32_t i = 0; i < GUARANTEES; i++) {
        const struct paper *p = &m->papers[i];
        const struct contract_row *row = contract_find(x, i + 1);
        const struct recourse_row *recourse = guarantee_recourse(x, i + 1);
        assert_int_equal(recourse->called_ucr, p->called);
        assert_int_equal(recourse->by_operator_ucr, p->from_operator);
        assert_int_equal(recourse->by_guarantor_ucr, p->from_guarantor);
        assert_int_equal(recourse->recovered_ucr, p->recovered);
        assert_int_equal(recourse->stepped_in_s > 0, p->stepped_in);
        assert_int_equal(row->claims_ucr, open_claims(p));
        assert_int_equal(contract_funds(x, row, row->debtor), p->by_guarantor_fund);
        assert_int_equal(contract_funds(x, row, row->creditor), p->by_operator_fund);
        assert_int_equal(pledge_missing(x, row), missing_of(p));
        assert_int_equal(pledge_stands_in(x, row), stands_in(m, p));
        assert_int_equal(pledge_covers(x, row, missing_of(p)), stands_in(m, p));
    }
    assert_int_equal(pledge_of(x, m->d->op), missing_all(m));
    for (uint32_t i = 0; i < PILES; i++) {
        assert_int_equal(balance_of(m, m->d->bank, i), m->bank[i]);
        assert_int_equal(balance_of(m, m->d->gua, i), m->guarantor[i]);
        assert_int_equal(balance_of(m, m->d->op, i), m->operator[i]);
    }
    assert_int_equal(world_check(x, NULL), 0);
}

static void a_random_story(void **state)
{
    (void)state;
    struct model m = {.d = deal_open()};
    struct deal *d = m.d;
    market_open(&m);
    for (uint32_t i = 0; i < GUARANTEES; i++) {
        m.papers[i] = (struct paper){.limit = 100, .escrow = 10, .turn = ++m.turns};
        assert_int_equal(deal_make(d), i + 1);
        /* Some are refused; one that is not moves the end behind that of the story. */
        while (contract_find(d->x, i + 1)->version < 2)
            do_amend(&m, &m.papers[i], i + 1);
    }
    for (uint32_t step = 0; step < STEPS; step++) {
        uint64_t contract = 1 + random_below(GUARANTEES);
        struct paper *p = &m.papers[contract - 1];
        switch (random_below(11)) {
        case 0:
        case 1:
            do_fund(&m, p, contract);
            break;
        case 2:
        case 3:
            do_call(&m, p, contract);
            break;
        case 4:
            do_withdraw(&m, p, contract);
            break;
        case 5:
            do_step_in(&m, p, contract);
            break;
        case 6:
            do_amend(&m, p, contract);
            break;
        case 7:
            do_payout(&m);
            break;
        case 8:
            do_claim_pay(&m, p, contract);
            break;
        default:
            do_earn(&m);
            break;
        }
        compare(&m);
    }
    assert_int_equal(world_verify(&d->w), 0);
    deal_close(d);
}

int main(void)
{
    random_start();
    const struct CMUnitTest tests[] = {cmocka_unit_test(many_guarantors_at_one_site),
                                       cmocka_unit_test(a_random_story)};
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
