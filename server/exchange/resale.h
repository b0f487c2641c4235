/*
 * Resale: the holder of a lease offers a part of it in the book; who buys it gets a lease with the
 * same operator and terms (novation). The buyer pays the price of the trade. The operator is owed
 * what it was owed before, at the lease's own price: the buyer's credits take the place of the
 * seller's in escrow, which return in their own series. What the buyer pays beyond that is the
 * seller's gain, tokens of the buyer's series; what is missing the seller leaves in the escrow of
 * the new lease, in its own series, to whom it also returns.
 */
#ifndef BOURSE_EXCHANGE_RESALE_H
#define BOURSE_EXCHANGE_RESALE_H

#include "server/exchange/escrow.h"
#include "server/exchange/offer.h"
#include "server/exchange/state.h"

/* A lease whose escrow has more rows than this cannot be sold on: those of a buyer must fit beside
 * them. */
enum { RESALE_ROWS_MAX = ESCROW_ROWS_MAX - ORDER_SERIES_MAX };

/* Whether a lease may be offered at this price. An elastic one, whose escrow could not make up for
 * less, not below its own price; any other not for nothing, unless it costs nothing: what rounding
 * leaves over must be paid by somebody. */
bool resale_price_agrees(const struct lease_row *lease, uint64_t price_ucr);
/* Whether a sale at this price may leave the seller a gain: then the series that pay must be
 * transferable. Where earlier sellers have a part in the escrow, in doubt yes. */
bool resale_gains(const struct exchange *x, const struct offer *o, uint64_t price_ucr);

/* What an offer of a lease gives away, if all of it is sold from from_s on: what that part of the
 * lease costs, less what is asked for it; 0 for any other offer. */
amount resale_given_away(const struct exchange *x, const struct offer_row *offer, uint64_t from_s);

/* Whether the lease on offer is still there, as the time says. */
bool resale_is_live(const struct exchange *x, const struct offer *o);

/* How what a buyer pays for a part of a lease on offer is divided. pays = escrow + gain. */
struct resale_cost {
    amount pays;   /* ceil(GPUs x minutes x price / 60) */
    amount escrow; /* of it, into the escrow of the new lease */
    amount gain;   /* of it, to the seller */
};

/* false: more than can be counted. `price_ucr` is that of the trade, at least the offer's. */
bool resale_cost(const struct exchange *x, const struct offer *o, uint64_t start_min,
                 uint32_t duration_min, uint32_t gpus, uint64_t price_ucr,
                 struct resale_cost *cost_out);

struct sale;

/* One part sold; filled in by resale_novate() for resale_log(). */
struct novation {
    uint64_t offer; /* the resale offer */
    uint64_t sold;  /* the new lease */
    uint64_t price_ucr;
    struct share gains[ORDER_SERIES_MAX]; /* what the seller gets of each series of the buyer */
    uint32_t gains_count;
    /* Filled in: */
    struct sale *sale; /* in x->scratch */
};

/* The terms that a lease takes over from the one it is sold out of: offer, operator, price_ucr,
 * site, sku, billing, least_charge_ppm, meter_period_min, preemptible, trade, parent, and cost_ucr
 * of [start_s, end_s). It is never elastic. The caller has filled in gpus, start_s and end_s. */
void resale_inherit(const struct exchange *x, const struct offer *o, struct lease_row *lease);

/*
 * Called after the new lease's row and the buyer's escrow rows (resale_cost.escrow in all) have
 * been put: takes the part out of the seller's lease (a RELIEF row), and moves what earlier sellers
 * have in its escrow, and the seller's top-up, to the new lease's. The buyer's gain must be in the
 * buyer's ESCROW in the ledger, from where resale_log() takes it.
 */
void resale_novate(struct exchange *x, struct novation *n);
/* Moves gains and refunds to the seller and logs the lease_sold event; after that of the buyer's
 * order. Withdraws the offer when nothing is left of the lease, or it may not be sold again. */
void resale_log(struct exchange *x, const struct novation *n);

/* The open offer that a lease stands in, as the time says; 0: none. */
uint64_t resale_offer_now(const struct exchange *x, const struct lease_row *lease);
/* Withdraws the open resale offer of a lease that has ended early, if there is one; logs the event.
 */
void resale_close(struct exchange *x, uint64_t lease);

/* For rules: offers a part of the account's lease as lease_resell does; by 0. */
enum refusal resale_publish(struct exchange *x, uint32_t by, uint32_t seller, uint64_t rule,
                            const struct op_lease_resell *op, uint64_t *offer_out);

#endif
