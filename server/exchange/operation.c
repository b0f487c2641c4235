#include "server/exchange/operation.h"

#include <assert.h>
#include <string.h>

#include "server/exchange/event.h"

enum {
    ADMIN = 1 << ROLE_ADMIN,
    GUARANTOR = 1 << ROLE_GUARANTOR,
    OPERATOR = 1 << ROLE_OPERATOR,
    STARTUP = 1 << ROLE_STARTUP,
    AUDITOR = 1 << ROLE_AUDITOR,
    HOLDER = ADMIN | GUARANTOR | OPERATOR | STARTUP, /* who may hold tokens */
    EVERYBODY = HOLDER | AUDITOR,
    NEWCOMER = 1 << 0, /* the request names no account */
};

/*
 * Who may do what. That somebody owns the token, site or lease in question is for the handler to
 * say; a frozen account may do nothing at all (request.c).
 */
static const struct rule {
    uint32_t code;
    uint32_t roles;
    operation_handler *handler;
} rules[] = {
    {OPERATION_account_register, ADMIN, account_register},
    {OPERATION_account_freeze, ADMIN, account_freeze},
    {OPERATION_account_unfreeze, ADMIN, account_unfreeze},
    {OPERATION_account_rekey, EVERYBODY, account_rekey},
    {OPERATION_sku_add, ADMIN, sku_add},
    {OPERATION_sku_change, ADMIN, sku_change},
    {OPERATION_site_add, OPERATOR, site_add},
    {OPERATION_series_create, ADMIN, series_create},
    {OPERATION_mint, ADMIN, series_mint},
    {OPERATION_token_transfer, HOLDER, token_transfer},
    {OPERATION_token_burn, HOLDER, token_burn},
    {OPERATION_token_give, HOLDER, gift_give},
    {OPERATION_gift_claim, HOLDER | NEWCOMER, gift_claim},
    {OPERATION_gift_revoke, HOLDER, gift_revoke},
    {OPERATION_offer_publish, OPERATOR, offer_publish},
    {OPERATION_offer_withdraw, OPERATOR, offer_withdraw},
    {OPERATION_order_place, STARTUP, order_place},
    {OPERATION_lease_activate, OPERATOR, lease_activate},
    {OPERATION_lease_meter, OPERATOR, lease_meter},
    {OPERATION_lease_dispute, STARTUP, lease_dispute},
    {OPERATION_dispute_decide, ADMIN, dispute_decide},
    {OPERATION_lease_end, STARTUP | OPERATOR, lease_end},
    {OPERATION_payout, GUARANTOR | OPERATOR, payout_take},
    {OPERATION_clock_advance, ADMIN, clock_advance},
};

static const struct rule *rule_find(uint32_t code)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (rules[i].code == code)
            return &rules[i];
    }
    return NULL;
}

bool operation_newcomer_may(uint32_t code)
{
    const struct rule *rule = rule_find(code);
    return rule && (rule->roles & NEWCOMER) != 0;
}

static enum refusal operation_run(struct exchange *x, const struct actor *actor,
                                  const struct operation *operation, struct result *out)
{
    const struct rule *rule = rule_find(operation->message->code);
    assert(rule); /* what is no operation did not decode */
    uint32_t role = actor->account ? 1u << actor->role : (uint32_t)NEWCOMER;
    if (!(rule->roles & role))
        return REFUSAL_not_permitted;
    return rule->handler(x, actor, operation->body, out);
}

enum refusal operation_work_off(struct exchange *x, const struct actor *actor,
                                const struct operation *operation, struct result *out)
{
    size_t mark = store_mark(x->store);
    uint64_t index = event_next_index(x);

    arena_clear(&x->scratch);
    memset(out, 0, sizeof(*out));
    enum refusal refusal = operation_run(x, actor, operation, out);
    if (refusal) {
        assert(store_mark(x->store) == mark && event_next_index(x) == index);
        memset(out, 0, sizeof(*out));
        out->refusal = (uint32_t)refusal;
        return refusal;
    }
    assert(event_next_index(x) == index + 1);
    out->index = index;
    return REFUSAL_accepted;
}
