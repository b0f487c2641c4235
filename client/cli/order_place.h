/* What the commands about orders share: an order from the command line, and what pays for it. */
#ifndef BOURSE_CLIENT_CLI_ORDER_PLACE_H
#define BOURSE_CLIENT_CLI_ORDER_PLACE_H

#include "client/cli/cli.h"

struct order_input {
    struct op_order_place order;
    struct sku_limit skus[ORDER_SKUS_MAX]; /* what order.skus points to */
    bool limited[ORDER_SKUS_MAX];          /* which of them have a limit price that was given */
};

/* --- From the command line (order_flags.c) --- */

/* From the flags. Returns cli->exit. */
int order_flags(struct cli *cli, struct order_input *in);
/* --sku and --limit alone; how many. */
uint32_t order_skus(struct cli *cli, struct sku_limit skus[ORDER_SKUS_MAX],
                    bool limited[ORDER_SKUS_MAX]);
/* --tokens. Returns cli->exit. */
int order_tokens(struct cli *cli, const uint64_t **items_out, uint32_t *count_out);
/* One order as JSON: the order alone, or what `bourse quote --json` printed. Returns cli->exit. */
int order_from_json(struct cli *cli, const char *file, json_t *json, struct order_input *in);
/* The flags, or the JSON of --file. Returns cli->exit. */
int order_read(struct cli *cli, struct order_input *in);
/* Without a limit price an order needs --any-price. Returns cli->exit. */
int order_limited(struct cli *cli, const struct order_input *in);

/* --- Constraints (constraint.c) --- */

/* Region, jurisdiction, certifications and the like, and the profile. Returns cli->exit. */
int order_constraints(struct cli *cli, struct op_order_place *o);
/* Which names among them no site or SKU has, and what was meant or there is; in the arena; NULL:
 * none. Such a name may be mistyped, or of what comes one day. */
const char *order_unknown(struct cli *cli, const struct op_order_place *o);
/* --region of a question about the market; empty when it is not given. */
struct text region_option(struct cli *cli);
/* The same of a region alone. */
const char *region_unheard(struct cli *cli, struct text region);

/* Whether one may place orders at all (order_place.c). Said before tokens are looked for: who may
 * hold none has too few of them anyway. Connects; returns cli->exit. */
int order_permitted(struct cli *cli);

/* --- What came of an order (order.c) --- */

/* One's order; NULL when there is none, or it is not to be seen. */
const struct order_info *order_find(struct cli *cli, uint64_t order);
/* Why one that rests ends at ends_s, where that is before rest_until_s: " (...)"; else "". */
const char *order_end_why(const struct order_info *o);
/* The result as JSON, the same for one order and for each of many: index, order, tokens, leases,
 * and of the order as it is now state, gpus, gpus_filled, cost_ucr and escrow_ucr. A refused one
 * has its operation and the "error" that a refused command has. `o` may be NULL. */
json_t *order_outcome_json(const struct message *operation, const struct result *r,
                           const struct order_info *o);

/* --- Quotes (quote.c) --- */

/* Asks for a quote; NULL after a failure. A refusal within the answer is no failure. */
const struct a_quote *order_quote(struct cli *cli, const struct op_order_place *order, bool why);
/* "size_not_met: ..." and what to do, as the failure of the command. Of a price above the limit it
 * asks what the order would cost without one. */
int order_fail(struct cli *cli, const struct op_order_place *order, uint32_t refusal);
/* The highest price of a quote's leases, and the highest limit of an order. */
uint64_t order_highest_price(const struct a_quote *quote);
uint64_t order_highest_limit(const struct op_order_place *order);
/* Whether a refusal means only that there is nothing to be had at once. */
bool order_may_rest(uint32_t refusal);
/* The funnel: where offers fell out, and the nearest miss of each dimension. */
void quote_why_print(struct cli *cli, const struct a_quote *a, uint32_t gpus);

/* --- What pays (order_fund.c) --- */

/* ceil(gpus x minutes x price / 60); fails when that is more than there can be. */
uint64_t order_cost(struct cli *cli, uint64_t gpus, uint64_t minutes, uint64_t price_ucr);
/* The most an order can need: all its GPUs at its highest limit. */
uint64_t order_need_most(struct cli *cli, const struct op_order_place *order);
/*
 * Gives an order without tokens some that cover what it needs now: of --series, or of the series
 * that expires first and may be redeemed for it, or of several. Returns cli->exit.
 */
int order_fund(struct cli *cli, struct op_order_place *order);
/* Tokens that cover an amount: --tokens, or some of --series, or of the only series one holds.
 * Returns cli->exit. */
int funds_for(struct cli *cli, uint64_t amount_ucr, const uint64_t **tokens_out,
              uint32_t *count_out);

/* The same to the last micro-credit, for what takes all that its tokens hold: cuts the amount off
 * with a transfer to oneself where they hold more. */
int funds_cut(struct cli *cli, uint64_t amount_ucr, const uint64_t **tokens_out,
              uint32_t *count_out);

/* --- Many orders (order_batch.c) --- */

/* Places all orders of a file's text, which ends with a NUL behind it. Returns cli->exit. */
int order_batch(struct cli *cli, const char *file, const char *text, size_t length);

/* Whether --rest lies in the future. */
int order_rest_check(struct cli *cli, uint64_t rest_until_s);

#endif
