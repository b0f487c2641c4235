/* Contracts of all kinds: how many there may be, and what a claim cannot grow beyond. */
#include "tests/server/exchange/support.h"

#include "server/exchange/contract.h"
#include "tests/server/exchange/deal.h"

static const void *kept(struct deal *d, const struct op_guarantee_propose *terms)
{
    return world_keep(&d->w, &op_guarantee_propose_message, terms);
}

static enum refusal accept(struct deal *d, uint64_t contract, uint32_t version)
{
    struct op_contract_accept op = {.contract = contract, .version = version};
    return refusal_of(&d->w, d->op, "op", &op_contract_accept_message,
                      world_keep(&d->w, &op_contract_accept_message, &op));
}

/* What somebody proposes fills up his own account and nobody else's. */
static void contracts_of_an_account(void **state)
{
    (void)state;
    struct deal *d = deal_open();
    struct op_guarantee_propose terms = deal_terms(d, 0);
    struct batch b = batch_of(&d->w, d->gua, "gua");
    for (uint32_t i = 0; i < CONTRACTS_PER_ACCOUNT_MAX; i++)
        batch_add(&b, &op_guarantee_propose_message, kept(d, &terms));
    batch_send(&b);
    assert_int_equal(contract_live_count(d->x, d->gua), CONTRACTS_PER_ACCOUNT_MAX);
    assert_int_equal(contract_live_count(d->x, d->op), 0);
    assert_int_equal(
        refusal_of(&d->w, d->gua, "gua", &op_guarantee_propose_message, kept(d, &terms)),
        REFUSAL_too_many);

    b = batch_of(&d->w, d->op, "op");
    for (uint32_t i = 1; i <= CONTRACTS_PER_ACCOUNT_MAX; i++) {
        struct op_contract_accept op = {.contract = i, .version = 1};
        batch_add(&b, &op_contract_accept_message,
                  world_keep(&d->w, &op_contract_accept_message, &op));
    }
    batch_send(&b);
    assert_int_equal(contract_live_count(d->x, d->op), CONTRACTS_PER_ACCOUNT_MAX);
    /* It may amend what it has, but neither propose nor accept one more. */
    struct op_guarantee_propose more = terms;
    assert_int_equal(refusal_of(&d->w, d->op, "op", &op_guarantee_propose_message, kept(d, &more)),
                     REFUSAL_too_many);
    more.guarantor = d->bank;
    more.beneficiary = d->gua;
    const struct result *r =
        accepted(&d->w, d->bank, "bank", &op_guarantee_propose_message, kept(d, &more));
    const uint64_t last = r->object;
    assert_int_equal(accept(d, last, 1), REFUSAL_too_many);
    more = deal_terms(d, CONTRACTS_PER_ACCOUNT_MAX);
    more.limit_ucr = 200;
    accepted(&d->w, d->gua, "gua", &op_guarantee_propose_message, kept(d, &more));
    assert_int_equal(accept(d, CONTRACTS_PER_ACCOUNT_MAX, 2), REFUSAL_accepted);
    /* What has ended counts no more. */
    world_advance(&d->w, 86399, true);
    assert_int_equal(accept(d, last, 1), REFUSAL_too_many);
    assert_int_equal(contract_live_count(d->x, d->gua), CONTRACTS_PER_ACCOUNT_MAX);
    world_advance(&d->w, 1, true);
    assert_int_equal(contract_live_count(d->x, d->gua), 0);
    assert_int_equal(contract_live_count(d->x, d->bank), 1);
    assert_int_equal(world_verify(&d->w), 0);
    deal_close(d);
}

/* Declined versions stay as rows, so that they have a bound, too. */
static void versions_of_a_contract(void **state)
{
    (void)state;
    struct deal *d = deal_open();
    struct op_guarantee_propose terms = deal_terms(d, deal_make(d));
    struct batch b = batch_of(&d->w, d->op, "op");
    for (uint32_t version = 2; version <= CONTRACT_VERSIONS_MAX; version++) {
        struct op_contract_decline op = {.contract = 1, .version = version};
        batch_add(&b, &op_guarantee_propose_message, kept(d, &terms));
        batch_add(&b, &op_contract_decline_message,
                  world_keep(&d->w, &op_contract_decline_message, &op));
    }
    batch_send(&b);
    assert_int_equal(contract_find(d->x, 1)->version_last, CONTRACT_VERSIONS_MAX);
    assert_int_equal(refusal_of(&d->w, d->op, "op", &op_guarantee_propose_message, kept(d, &terms)),
                     REFUSAL_too_many);
    assert_int_equal(world_verify(&d->w), 0);
    deal_close(d);
}

static void terms_longer_than_they_may_be(void **state)
{
    (void)state;
    struct deal *d = deal_open();
    struct op_guarantee_propose terms = deal_terms(d, 0);
    terms.end_s = terms.start_s + (uint64_t)CONTRACT_SPAN_MAX_MIN * 60 + 1;
    assert_int_equal(
        refusal_of(&d->w, d->gua, "gua", &op_guarantee_propose_message, kept(d, &terms)),
        REFUSAL_interval_invalid);
    terms.end_s--;
    assert_int_equal(
        refusal_of(&d->w, d->gua, "gua", &op_guarantee_propose_message, kept(d, &terms)),
        REFUSAL_accepted);
    deal_close(d);
}

/* A group of its own outside of the journal: claims that no kind could come to. */
static void claims_stop_growing(void **state)
{
    (void)state;
    struct deal *d = deal_open();
    deal_make(d);
    struct contract_row row = *contract_find(d->x, 1);
    claim_make(d->x, &row, d->gua, d->bank, UINT64_MAX - 1, d->x->head.time_s);
    claim_make(d->x, &row, d->gua, d->bank, 5, d->x->head.time_s);
    claim_make(d->x, &row, d->gua, d->bank, 5, d->x->head.time_s);
    assert_true(row.claims_ucr == UINT64_MAX);
    assert_int_equal(d->x->head.claim_last, 2);
    assert_int_equal(claim_oldest(d->x, 1, d->gua)->claim, 1);
    assert_null(claim_oldest(d->x, 1, d->op));
    uint32_t count;
    assert_true(contract_claims(d->x, 1, &count) == UINT64_MAX);
    assert_int_equal(count, 2);
    assert_int_equal(row.claims_open, 2);
    d->w.replayable = false;
    deal_close(d);
}

/* What can be proposed of each kind is a field of its row, by the same name and of the same type.
 */
static void all_terms_are_shown(void **state)
{
    static const struct {
        const struct message *proposal, *row;
    } kinds[] = {
        {&op_backstop_propose_message, &backstop_info_message},
        {&op_revshare_propose_message, &revshare_info_message},
        {&op_grant_propose_message, &grant_info_message},
        {&op_guarantee_propose_message, &guarantee_info_message},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        for (uint32_t j = 0; j < kinds[i].proposal->fields_count; j++) {
            const struct field *term = &kinds[i].proposal->fields[j];
            const struct field *shown = NULL;
            for (uint32_t k = 0; k < kinds[i].row->fields_count && !shown; k++) {
                if (strcmp(kinds[i].row->fields[k].name, term->name) == 0)
                    shown = &kinds[i].row->fields[k];
            }
            assert_non_null(shown);
            assert_int_equal(shown->kind, term->kind);
            assert_ptr_equal(shown->part, term->part);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contracts_of_an_account),       cmocka_unit_test(versions_of_a_contract),
        cmocka_unit_test(terms_longer_than_they_may_be), cmocka_unit_test(claims_stop_growing),
        cmocka_unit_test(all_terms_are_shown),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
