/*
 * How orders begin to rest, are filled, and end. Internal to the files of orders; for others see
 * order.h and rest.h.
 */
#ifndef BOURSE_EXCHANGE_ORDER_REST_H
#define BOURSE_EXCHANGE_ORDER_REST_H

#include "protocol/queries.h"
#include "server/exchange/escrow.h"
#include "server/exchange/fill.h"
#include "server/exchange/order.h"
#include "server/exchange/rest.h"

/* Until when an order may rest. Refusals: interval_invalid, interval_in_past. */
enum refusal order_check_until(const struct exchange *x, uint64_t rest_until_s);
/* The row of an order that would rest; place that of the event logged next; escrow and due_s are
 * left to the caller. */
struct rest_row rest_of_order(const struct exchange *x, const struct op_order_place *op,
                              const struct order_row *order);
/* What it asks for, as an answer; texts point into the row. */
void rest_tell(const struct rest_row *rest, struct arena *arena, struct order_info *out);
/* What the order misses after a fill, and where and when the rest of it must be: all its leases
 * begin together. */
void rest_take_fill(struct rest_row *rest, const struct order_row *order, const struct match *m);
/* When it ends by time: with the first of the series in its escrow at the latest. */
uint64_t rest_due_s(const struct exchange *x, const struct order_row *order,
                    const struct rest_row *rest, const struct escrow *e);

/*
 * Pays for a fill, whose costs have been worked out, from the order's escrow, and grants it:
 * changes the rows given, which are not put yet. The match may have no parts. False, and nothing
 * changed, when the escrow does not cover it.
 */
bool order_take(struct exchange *x, struct order_row *order, struct rest_row *rest,
                struct escrow *e, struct fill *f);
/* Puts the rows, and when it ends by time, or ends the order when it misses nothing more; what its
 * escrow needs no more goes back. */
void order_settle(struct exchange *x, struct order_row *order, struct rest_row *rest,
                  struct escrow *e, struct escrow_returns *out);
/* Ends an order that rests: everything not spent goes back. Logs the event, by `by`. */
void order_end(struct exchange *x, uint64_t order, struct order_end end, uint32_t by,
               struct escrow_returns *out);
/* The fill of an order that rests; costs are left to the caller. */
struct fill order_fill_of(const struct order_row *order, const struct rest_row *rest,
                          const struct match *m);

#endif
