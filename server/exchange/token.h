/* Tokens: signed claims on an amount of one series, owned by one account, spent whole. */
#ifndef BOURSE_EXCHANGE_TOKEN_H
#define BOURSE_EXCHANGE_TOKEN_H

#include "protocol/amount.h"
#include "server/exchange/ledger.h"
#include "server/exchange/series.h"
#include "server/exchange/state.h"

/*
 * Reads what an operation names: replaces references to earlier outputs of the request by serials,
 * and checks that each token exists, is owned by the actor, is named once and of a series that has
 * not expired. Copies of the rows go to `rows_out` (x->scratch), in the order named.
 * Refusals: reference_invalid, token_not_found, token_spent, token_twice, not_owner,
 * series_expired.
 */
enum refusal tokens_resolve(struct exchange *x, const struct actor *actor, const uint64_t *numbers,
                            uint32_t count, const struct token_row **rows_out);

struct inputs {
    const struct token_row *rows;
    const uint64_t *serials; /* x->scratch */
    uint32_t count;
    uint32_t series;                /* that of the first; 0 when it was not found */
    const struct series_row *terms; /* its row; NULL then. Valid until the table's next change */
    wide total;                     /* micro-credits */
};

/* Refusals: those of tokens_resolve(), malformed (none named), series_mixed. Where something was
 * named, `out` is filled in even so, with what was found. */
enum refusal inputs_resolve(struct exchange *x, const struct actor *actor, const uint64_t *numbers,
                            uint32_t count, struct inputs *out);

/*
 * Rows only, the ledger is the caller's: issue gives the next serial to a new token whose event is
 * the one logged next; spend removes one.
 */
uint64_t token_issue(struct exchange *x, uint32_t series, uint32_t owner, amount a);
void token_spend(struct exchange *x, uint64_t token);

/*
 * Gives `a` of a series back to an account: as a new token (1, and *issued_out filled in), or, when
 * the series has expired, to its `expired_to` account (0). `from` is where the ledger takes it.
 */
int token_refund(struct exchange *x, uint32_t series, uint32_t owner, amount a,
                 struct ledger_place from, struct issued *issued_out);

/* How many rows the index has of an account; for checks. */
uint64_t token_owned_count(const struct exchange *x, uint32_t account);

enum { TOKENS_EXPECT_OPERATIONS = 16 };

/*
 * Says that these operations come next, at most TOKENS_EXPECT_OPERATIONS of them, so that the
 * tokens they name and issue are fetched from memory all at once. Changes nothing.
 */
void tokens_expect(const struct exchange *x, const struct operation *operations, uint32_t count);

#endif
