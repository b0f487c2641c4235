/* Gifts: amounts locked to a fresh key, for somebody who need not have an account yet. */
#ifndef BOURSE_EXCHANGE_GIFT_H
#define BOURSE_EXCHANGE_GIFT_H

#include "server/exchange/state.h"

/* Adds the row with the next serial; its event is the one logged next, the ledger the caller's. */
uint64_t gift_add(struct exchange *x, uint32_t series, uint32_t giver, amount a,
                  const uint8_t claim_key[32]);
/* Whether the account has GIFTS_PER_ACCOUNT_MAX gifts waiting; expired ones do not count. */
bool gifts_at_limit(const struct exchange *x, uint32_t giver);
/* Why this actor may not claim; accepted: it may. */
enum refusal gift_claim_refusal(const struct exchange *x, const struct actor *actor,
                                const struct op_gift_claim *op);
/* How many rows the index has of an account; for checks. */
uint64_t gift_owned_count(const struct exchange *x, uint32_t account);

#endif
