#include "tests/server/exchange/deal.h"

#include <stdlib.h>

#include "tests/server/exchange/support.h"

struct deal *deal_open(void)
{
    struct deal *d = calloc(1, sizeof(*d));
    world_begin(&d->w, WORLD_OPTIONS);
    d->x = d->w.x;
    d->op = seller_begin(&d->w);
    d->gua = world_register(&d->w, "gua", ROLE_GUARANTOR);
    d->bank = world_register(&d->w, "bank", ROLE_GUARANTOR);
    d->series = world_series(&d->w, "s", 0);
    return d;
}

void deal_close(struct deal *d)
{
    world_end(&d->w);
    free(d);
}

struct op_guarantee_propose deal_terms(const struct deal *d, uint64_t contract)
{
    return (struct op_guarantee_propose){
        .contract = contract,
        .guarantor = d->gua,
        .operator= d->op,
        .beneficiary = d->bank,
        .site = 1,
        .limit_ucr = 100,
        .escrow_ucr = 10,
        .start_s = WORLD_BEGIN_S,
        .end_s = WORLD_BEGIN_S + 86400,
        .step_in = true,
    };
}

uint64_t deal_make(struct deal *d)
{
    struct op_guarantee_propose terms = deal_terms(d, 0);
    const struct result *r = accepted(&d->w, d->gua, "gua", &op_guarantee_propose_message,
                                      world_keep(&d->w, &op_guarantee_propose_message, &terms));
    struct op_contract_accept accept = {.contract = r->object, .version = 1};
    accepted(&d->w, d->op, "op", &op_contract_accept_message,
             world_keep(&d->w, &op_contract_accept_message, &accept));
    return accept.contract;
}

void deal_fund(struct deal *d, uint32_t account, const char *key, uint64_t contract, amount a)
{
    uint64_t token = world_mint(&d->w, d->series, account, a);
    struct op_contract_fund op = {.contract = contract, .tokens = {&token, 1}};
    accepted(&d->w, account, key, &op_contract_fund_message,
             world_keep(&d->w, &op_contract_fund_message, &op));
}

enum refusal deal_call(struct deal *d, uint64_t contract, amount a)
{
    struct op_guarantee_call op = {.contract = contract, .amount_ucr = a, .reference = {"rent", 4}};
    return refusal_of(&d->w, d->bank, "bank", &op_guarantee_call_message,
                      world_keep(&d->w, &op_guarantee_call_message, &op));
}

enum refusal deal_step_in(struct deal *d, uint64_t contract)
{
    struct op_guarantee_step_in op = {.contract = contract};
    return refusal_of(&d->w, d->gua, "gua", &op_guarantee_step_in_message,
                      world_keep(&d->w, &op_guarantee_step_in_message, &op));
}
