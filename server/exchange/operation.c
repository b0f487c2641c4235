#include "server/exchange/operation.h"

#include <assert.h>
#include <string.h>

#include "server/exchange/event.h"
#include "server/exchange/key.h"

enum {
    ADMIN = 1 << ROLE_ADMIN,
    GUARANTOR = 1 << ROLE_GUARANTOR,
    OPERATOR = 1 << ROLE_OPERATOR,
    STARTUP = 1 << ROLE_STARTUP,
    AUDITOR = 1 << ROLE_AUDITOR,
    TREASURER = 1 << ROLE_TREASURER,
    HOLDER = ADMIN | GUARANTOR | OPERATOR | STARTUP, /* who may hold tokens */
    BUYER = GUARANTOR | OPERATOR | STARTUP,          /* who may hold leases */
    EVERYBODY = HOLDER | AUDITOR | TREASURER,
    NEWCOMER = 1 << 0, /* the request names no account */
};

/*
 * Who may do what. That somebody owns the token, site or lease in question is for the handler to
 * say; a frozen account may do nothing at all (request.c).
 */
static const struct right {
    uint32_t code;
    uint32_t roles;
    uint32_t scope; /* enum scope, of further keys; 0: the main key alone */
    operation_handler *handler;
} rights[] = {
    {OPERATION_account_register, ADMIN, SCOPE_ADMIN, account_register},
    {OPERATION_account_freeze, ADMIN, SCOPE_ADMIN, account_freeze},
    {OPERATION_account_unfreeze, ADMIN, SCOPE_ADMIN, account_unfreeze},
    {OPERATION_account_rekey, EVERYBODY, 0, account_rekey},
    {OPERATION_account_key_add, EVERYBODY, 0, account_key_add},
    {OPERATION_account_key_remove, EVERYBODY, 0, account_key_remove},
    {OPERATION_sku_add, ADMIN, SCOPE_ADMIN, sku_add},
    {OPERATION_sku_change, ADMIN, SCOPE_ADMIN, sku_change},
    {OPERATION_site_add, OPERATOR, SCOPE_CAPACITY, site_add},
    {OPERATION_site_change, OPERATOR, SCOPE_CAPACITY, site_change},
    {OPERATION_site_close, OPERATOR | ADMIN, SCOPE_CAPACITY, site_close},
    {OPERATION_site_reopen, OPERATOR | ADMIN, SCOPE_CAPACITY, site_reopen},
    {OPERATION_series_create, ADMIN, SCOPE_ADMIN, series_create},
    {OPERATION_mint, ADMIN, SCOPE_ADMIN, series_mint},
    {OPERATION_token_transfer, HOLDER, SCOPE_CREDITS, token_transfer},
    {OPERATION_token_burn, HOLDER, SCOPE_CREDITS, token_burn},
    {OPERATION_token_give, HOLDER, SCOPE_CREDITS, gift_give},
    {OPERATION_gift_claim, HOLDER | NEWCOMER, SCOPE_CREDITS, gift_claim},
    {OPERATION_gift_revoke, HOLDER, SCOPE_CREDITS, gift_revoke},
    {OPERATION_offer_publish, OPERATOR, SCOPE_CAPACITY, offer_publish},
    {OPERATION_offer_amend, BUYER, SCOPE_CAPACITY, offer_amend},
    {OPERATION_offer_withdraw, BUYER, SCOPE_CAPACITY, offer_withdraw},
    {OPERATION_order_place, BUYER, SCOPE_ORDERS, order_place},
    {OPERATION_order_amend, BUYER, SCOPE_ORDERS, order_amend},
    {OPERATION_order_cancel, BUYER, SCOPE_ORDERS, order_cancel},
    {OPERATION_rule_add, BUYER, SCOPE_ORDERS, rule_add},
    {OPERATION_rule_change, BUYER, SCOPE_ORDERS, rule_change},
    {OPERATION_rule_end, BUYER, SCOPE_ORDERS, rule_end},
    {OPERATION_lease_activate, OPERATOR, SCOPE_LEASES, lease_activate},
    {OPERATION_lease_meter, OPERATOR, SCOPE_LEASES, lease_meter},
    {OPERATION_lease_dispute, BUYER, SCOPE_LEASES, lease_dispute},
    {OPERATION_dispute_decide, ADMIN, SCOPE_ADMIN, dispute_decide},
    {OPERATION_lease_end, BUYER, SCOPE_LEASES, lease_end},
    {OPERATION_lease_resell, BUYER, SCOPE_LEASES, lease_resell},
    {OPERATION_lease_extend, BUYER, SCOPE_LEASES, lease_extend},
    {OPERATION_lease_fund, BUYER, SCOPE_LEASES, lease_fund},
    {OPERATION_payout, GUARANTOR | OPERATOR | TREASURER, SCOPE_CREDITS, payout_take},
    {OPERATION_contract_accept, HOLDER, SCOPE_CONTRACTS, contract_accept},
    {OPERATION_contract_decline, HOLDER, SCOPE_CONTRACTS, contract_decline},
    {OPERATION_contract_fund, HOLDER, SCOPE_CONTRACTS, contract_fund},
    {OPERATION_contract_withdraw, HOLDER, SCOPE_CONTRACTS, contract_withdraw},
    {OPERATION_claim_pay, HOLDER, SCOPE_CONTRACTS, claim_pay},
    {OPERATION_backstop_propose, GUARANTOR | OPERATOR, SCOPE_CONTRACTS, backstop_propose},
    {OPERATION_backstop_elect, GUARANTOR, SCOPE_CONTRACTS, backstop_elect},
    {OPERATION_revshare_propose, BUYER, SCOPE_CONTRACTS, revshare_propose},
    {OPERATION_grant_propose, ADMIN | GUARANTOR | STARTUP, SCOPE_CONTRACTS, grant_propose},
    {OPERATION_grant_release, ADMIN, SCOPE_ADMIN, grant_release},
    {OPERATION_royalty_pay, STARTUP, SCOPE_CONTRACTS, royalty_pay},
    {OPERATION_royalty_record, ADMIN | GUARANTOR, SCOPE_CONTRACTS, royalty_record},
    {OPERATION_revenue_declare, STARTUP, SCOPE_CONTRACTS, revenue_declare},
    {OPERATION_guarantee_propose, GUARANTOR | OPERATOR, SCOPE_CONTRACTS, guarantee_propose},
    {OPERATION_guarantee_call, HOLDER, SCOPE_CONTRACTS, guarantee_call},
    {OPERATION_guarantee_step_in, GUARANTOR, SCOPE_CONTRACTS, guarantee_step_in},
    {OPERATION_mint_propose, ADMIN, SCOPE_ADMIN, mint_propose},
    {OPERATION_payout_propose, ADMIN | TREASURER, SCOPE_ADMIN, payout_propose},
    {OPERATION_policy_propose, ADMIN, 0, policy_propose},
    {OPERATION_admin_propose, ADMIN, 0, admin_propose},
    {OPERATION_control_approve, ADMIN, SCOPE_ADMIN, control_approve},
    {OPERATION_control_reject, ADMIN | TREASURER, SCOPE_ADMIN, control_reject},
    {OPERATION_clock_advance, ADMIN, SCOPE_ADMIN, clock_advance},
};

static const struct right *right_find(uint32_t code)
{
    for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
        if (rights[i].code == code)
            return &rights[i];
    }
    return NULL;
}

bool operation_newcomer_may(uint32_t code)
{
    const struct right *right = right_find(code);
    return right && (right->roles & NEWCOMER) != 0;
}

/* Whether role and key may do this at all. */
static enum refusal right_refusal(const struct right *right, const struct actor *actor)
{
    uint32_t role = actor->account ? 1u << actor->role : (uint32_t)NEWCOMER;
    if (!(right->roles & role))
        return REFUSAL_not_permitted;
    if (actor->main_key)
        return REFUSAL_accepted;
    if (right->scope == 0)
        return REFUSAL_main_key_needed;
    return actor->scopes & right->scope ? REFUSAL_accepted : REFUSAL_key_out_of_scope;
}

static enum refusal operation_run(struct exchange *x, const struct actor *actor,
                                  const struct operation *operation, struct result *out)
{
    const struct right *right = right_find(operation->message->code);
    assert(right); /* what is no operation did not decode */
    enum refusal refusal = right_refusal(right, actor);
    return refusal ? refusal : right->handler(x, actor, operation->body, out);
}

/* What an operation moves is known when it is done: one that moves more than its key may is taken
 * back. */
static enum refusal operation_charge(struct exchange *x, const struct actor *actor, size_t mark,
                                     uint32_t events, const struct head_row *head)
{
    enum refusal refusal = key_charge(x, actor);
    if (refusal) {
        store_rollback(x->store, mark);
        event_rollback(x, events);
        x->head = *head;
    }
    return refusal;
}

enum refusal operation_work_off(struct exchange *x, const struct actor *actor,
                                const struct operation *operation, struct result *out)
{
    size_t mark = store_mark(x->store);
    uint64_t index = event_next_index(x);
    uint32_t events = event_mark(x);
    struct head_row head = x->head;

    arena_clear(&x->scratch);
    memset(out, 0, sizeof(*out));
    x->moved_ucr = 0;
    enum refusal refusal = operation_run(x, actor, operation, out);
    if (!refusal)
        refusal = operation_charge(x, actor, mark, events, &head);
    if (refusal) {
        assert(store_mark(x->store) == mark && event_next_index(x) == index);
        memset(out, 0, sizeof(*out));
        out->refusal = (uint32_t)refusal;
        return refusal;
    }
    assert(event_next_index(x) > index); /* its event, and what followed from it, by 0 */
    out->index = index;
    return REFUSAL_accepted;
}
