#include "client/cli/order_place.h"

#include <inttypes.h>

#include "client/json.h"
#include "protocol/amount.h"
#include "protocol/refusal.h"

int command_order_list(struct cli *cli, int argc, char **argv)
{
    const char *account = option_text(cli, "account");
    struct q_orders q = {.account = account != NULL ? name_account(cli, account) : 0};
    (void)argc;
    (void)argv;
    return records_list(cli, &q_orders_message, &q,
                        "order account outcome placed_s gpus gpus_filled duration_min cost_ucr "
                        "lease_first lease_count",
                        "no orders");
}

int command_order_show(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct q_orders q = {.order = value_u64(cli, "ORDER", argv[0])};
    return records_show(cli, &q_orders_message, &q, "there is no such order of yours");
}

/* --- Quote ---------------------------------------------------------------------------------- */

/* Sent back as an order it must not cost more than was quoted: SKUs without a limit price get the
 * highest price of the quote. */
static void limits_fill(struct order_input *in, const struct a_quote *a)
{
    uint64_t highest = order_highest_price(a);
    for (uint32_t i = 0; i < in->order.skus.count && a->refusal == REFUSAL_accepted; i++) {
        if (!in->limited[i])
            in->skus[i].limit_price_ucr = highest;
    }
}

static void quote_print(struct cli *cli, const struct a_quote *a, bool why)
{
    char text[AMOUNT_TEXT_BYTES];
    if (a->refusal == REFUSAL_accepted) {
        cli_print(cli, "%u GPUs for %s credits\n", (unsigned)a->gpus,
                  amount_format(a->cost_ucr, text));
        records_table(cli, &quoted_lease_message, a->leases.items, a->leases.count,
                      "offer site sku operator gpus start_s end_s price_ucr cost_ucr");
    }
    if (!why)
        return;
    cli_print(cli, "%" PRIu64 " open offers, %" PRIu64 " match\n", a->offers, a->matching);
    for (uint32_t i = 0; i < a->funnel.count; i++) {
        const char *word = vocabulary_name(&funnel_vocabulary, a->funnel.items[i].dimension);
        cli_print(cli, "  fell out at %-13s %" PRIu64 "\n", word != NULL ? word : "?",
                  a->funnel.items[i].offers);
    }
}

int command_quote(struct cli *cli, int argc, char **argv)
{
    struct order_input in;
    bool why = option_flag(cli, "why");
    const char *series = option_text(cli, "series");
    (void)argc;
    (void)argv;
    if (order_read(cli, &in) != CLI_OK)
        return cli->exit;
    const struct a_quote *a = order_quote(cli, &in.order, why);
    /* With its tokens the series' rules count too. */
    if (a != NULL && a->refusal == REFUSAL_accepted && series != NULL && in.order.tokens.count == 0)
        a = order_fund(cli, &in.order) == CLI_OK ? order_quote(cli, &in.order, why) : NULL;
    if (a == NULL)
        return cli->exit;
    limits_fill(&in, a);
    if (cli->json)
        cli_print_json(cli, json_pack("{s:o, s:o}", "order",
                                      message_to_json(&op_order_place_message, &in.order), "quote",
                                      message_to_json(&a_quote_message, a)));
    else
        quote_print(cli, a, why);
    return a->refusal == REFUSAL_accepted ? cli->exit : order_fail(cli, &in.order, a->refusal);
}

/* --- Redeem --------------------------------------------------------------------------------- */

static int redeemed_print(struct cli *cli, const struct result *r)
{
    char text[AMOUNT_TEXT_BYTES];
    struct q_orders q = {.order = r->object};
    const struct a_orders *a = cli_query_quietly(cli, &q_orders_message, &q);
    cli_print(cli, "order %" PRIu64, r->object);
    if (a != NULL && a->rows.count == 1)
        cli_print(cli, ": %u of %u GPUs for %s credits", (unsigned)a->rows.items[0].gpus_filled,
                  (unsigned)a->rows.items[0].gpus, amount_format(a->rows.items[0].cost_ucr, text));
    cli_print(cli, " (event %" PRIu64 ")\n", r->index);
    for (uint32_t i = 0; i < r->lease_count; i++)
        cli_print(cli, "  lease %" PRIu64 "\n", r->lease_first + i);
    for (uint32_t i = 0; i < r->token_count; i++)
        cli_print(cli, "  change in token %" PRIu64 "\n", r->token_first + i);
    return cli->exit;
}

/* Said before the tokens are looked for: who may hold none has too few of them anyway. */
static int may_redeem(struct cli *cli)
{
    if (cli_connect(cli) != CLI_OK)
        return cli->exit;
    const struct connection_status *s = connection_status(cli->connection);
    if (s->you == 0)
        return cli_fail_refusal(cli, REFUSAL_unknown_account);
    return s->role == ROLE_STARTUP ? CLI_OK : cli_fail_refusal(cli, REFUSAL_not_permitted);
}

int command_redeem(struct cli *cli, int argc, char **argv)
{
    struct order_input in;
    (void)argc;
    (void)argv;
    if (order_read(cli, &in) != CLI_OK)
        return cli->exit;
    for (uint32_t i = 0; i < in.order.skus.count; i++) {
        if (!in.limited[i] && !option_flag(cli, "any-price"))
            return cli_fail(cli, CLI_USAGE,
                            "at what price at most? Give --limit, or --any-price; 'bourse quote' "
                            "shows prices");
    }
    if (may_redeem(cli) != CLI_OK || order_fund(cli, &in.order) != CLI_OK)
        return cli->exit;
    uint32_t refusal;
    const struct result *r = cli_try(cli, &op_order_place_message, &in.order, &refusal);
    if (refusal != REFUSAL_accepted)
        return order_fail(cli, &in.order, refusal);
    if (r == NULL)
        return cli->exit;
    if (cli->json)
        return cli_print_result(cli, &op_order_place_message, r, "order", "%s", "");
    return redeemed_print(cli, r);
}
