/* What `quote` and `redeem` share: an order from the command line, and what pays for it. */
#ifndef BOURSE_CLIENT_CLI_ORDER_PLACE_H
#define BOURSE_CLIENT_CLI_ORDER_PLACE_H

#include "client/cli/cli.h"

struct order_input {
    struct op_order_place order;
    struct sku_limit skus[ORDER_SKUS_MAX]; /* what order.skus points to */
    bool limited[ORDER_SKUS_MAX];          /* which of them have a limit price that was given */
};

/* From the flags, or from --file. Returns cli->exit. */
int order_read(struct cli *cli, struct order_input *in);
/* Asks for a quote; NULL after a failure. A refusal within the answer is no failure. */
const struct a_quote *order_quote(struct cli *cli, const struct op_order_place *order, bool why);
/*
 * Gives an order without tokens some that cover what it would cost now: of --series, or of the
 * series that expires first and may be redeemed for it, or of several. Returns cli->exit.
 */
int order_fund(struct cli *cli, struct op_order_place *order);
/* "size_not_met: ..." and what to do, as the failure of the command. Of a price above the limit it
 * asks what the order would cost without one. */
int order_fail(struct cli *cli, const struct op_order_place *order, uint32_t refusal);
/* The highest price of a quote's leases. */
uint64_t order_highest_price(const struct a_quote *quote);

#endif
