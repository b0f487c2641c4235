/*
 * Escrow: credits set aside for a lease, a resting order or a rule, of several series and, in a
 * lease sold below its price, of two owners. The rows of one thing stand in the order of pay.
 * Splits are pro rata of what the rows hold, in that order (amount_split_pro_rata).
 */
#ifndef BOURSE_EXCHANGE_ESCROW_H
#define BOURSE_EXCHANGE_ESCROW_H

#include "server/exchange/state.h"

/* The rows of one thing as they stand; changed along with them. */
struct escrow {
    enum escrow_kind kind;
    uint64_t serial;
    struct escrow_row rows[ESCROW_ROWS_MAX];
    amount held[ESCROW_ROWS_MAX];
    uint32_t count;
    amount total;
};

/* What goes back from an escrow, for an event: new tokens, and what went to the accounts of series
 * that have expired since. */
struct escrow_returns {
    struct issued refunds[ESCROW_ROWS_MAX];
    uint32_t refunds_count;
    struct share expired[ESCROW_ROWS_MAX];
    uint32_t expired_count;
};

/* Reads the `rows` rows of a thing (its column escrow_series). */
struct escrow escrow_read(const struct exchange *x, enum escrow_kind kind, uint64_t serial,
                          uint32_t rows);
/* Adds to the row of this owner and series, or a new last row; rows only, the ledger is the
 * caller's. False when there are ESCROW_ROWS_MAX. */
bool escrow_add(struct exchange *x, struct escrow *e, uint32_t owner, uint32_t series, amount a);
/* Lowers row `i`; rows only. */
void escrow_lower(struct exchange *x, struct escrow *e, uint32_t i, amount by);
/* Gives `total` back to the owners, pro rata; rows and ledger. Adds to *out. */
void escrow_return(struct exchange *x, struct escrow *e, amount total, struct escrow_returns *out);
/* Removes all rows, which must hold nothing. */
void escrow_close(struct exchange *x, struct escrow *e);

#endif
