/* Contracts for tests: lease guarantees between the operator of site 1 and a guarantor. */
#ifndef BOURSE_TESTS_EXCHANGE_DEAL_H
#define BOURSE_TESTS_EXCHANGE_DEAL_H

#include "tests/server/exchange/crowd.h"

struct deal {
    struct world w;
    struct exchange *x;
    uint32_t op, gua, bank; /* keys by these names; site 1 is op's */
    uint32_t series;
};

/* Nothing proposed yet. */
struct deal *deal_open(void);
void deal_close(struct deal *d);
/* Terms for site 1: limit 100, escrow 10, a day from now on, with step-in; `contract` 0: a new one.
 */
struct op_guarantee_propose deal_terms(const struct deal *d, uint64_t contract);
/* Proposed by the guarantor and accepted by the operator; returns the contract. */
uint64_t deal_make(struct deal *d);
/* Puts a new token of the amount into the fund. */
void deal_fund(struct deal *d, uint32_t account, const char *key, uint64_t contract, amount a);
enum refusal deal_call(struct deal *d, uint64_t contract, amount a);
enum refusal deal_step_in(struct deal *d, uint64_t contract);

#endif
