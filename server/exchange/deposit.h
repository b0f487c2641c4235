/* Tokens that a holder puts into the escrow of a lease, to extend or to fund it. */
#ifndef BOURSE_EXCHANGE_DEPOSIT_H
#define BOURSE_EXCHANGE_DEPOSIT_H

#include "server/exchange/escrow.h"
#include "server/exchange/order.h"
#include "server/exchange/state.h"

struct deposit {
    const struct token_row *tokens; /* x->scratch */
    uint32_t count;
    struct funding funding;
    /* Filled in by deposit_make(): */
    struct issued change[ORDER_SERIES_MAX];
    uint32_t change_count;
    struct share escrow[ESCROW_ROWS_MAX]; /* what the lease holds then */
    uint32_t escrow_count;
};

/*
 * What the tokens named are. Refusals: those of tokens_resolve(), series_mixed (more series than
 * ORDER_SERIES_MAX, or more than the lease's escrow has places for), amount_overflow; and, when
 * `lease` is not NULL, series_restricted.
 */
enum refusal deposit_read(struct exchange *x, const struct actor *actor, const uint64_t *numbers,
                          uint32_t count, const struct lease_row *lease, struct deposit *out);
/* Spends the tokens: `total`, which they must cover, goes into the lease's escrow, each series pro
 * rata, the rest back. Changes `lease`, a copy of the row that the caller puts. */
void deposit_make(struct exchange *x, struct deposit *d, struct lease_row *lease, amount total);

#endif
