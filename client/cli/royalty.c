/* Royalty of grants: paid in credits, or recorded as paid outside. */
#include <inttypes.h>

#include "client/cli/order_place.h"
#include "protocol/amount.h"

/* What is due under the grant after a payment, for people; "?" when it cannot be asked for. */
static const char *due_now(struct cli *cli, uint64_t contract, char out[AMOUNT_TEXT_BYTES])
{
    struct q_grants q = {.contract = contract};
    const struct a_grants *a = cli_query_quietly(cli, &q_grants_message, &q);
    return a != NULL && a->rows.count == 1 ? amount_format(a->rows.items[0].due_ucr, out) : "?";
}

int command_royalty_pay(struct cli *cli, int argc, char **argv)
{
    char paid[AMOUNT_TEXT_BYTES];
    char due[AMOUNT_TEXT_BYTES];
    uint64_t total_ucr = 0;
    (void)argc;
    struct op_royalty_pay op = {
        .contract = value_u64(cli, "CONTRACT", argv[0]),
        .amount_ucr = value_amount(cli, "AMOUNT", argv[1]),
    };
    if (option_text(cli, "tokens") != NULL)
        order_tokens(cli, &op.tokens.items, &op.tokens.count);
    else if (cli->exit == CLI_OK)
        op.tokens.count = funds_choose(cli, funds_series(cli), op.amount_ucr, ORDER_TOKENS_MAX,
                                       &op.tokens.items, &total_ucr);
    const struct result *r =
        cli->exit == CLI_OK ? cli_apply(cli, &op_royalty_pay_message, &op) : NULL;
    cli_print_result(cli, &op_royalty_pay_message, r, "contract",
                     "paid %s credits under contract %" PRIu64 "; %s are due",
                     amount_format(op.amount_ucr, paid), op.contract,
                     r != NULL ? due_now(cli, op.contract, due) : "?");
    for (uint32_t i = 0; r != NULL && i < r->token_count; i++)
        cli_print(cli, "  change in token %" PRIu64 "\n", r->token_first + i);
    return cli->exit;
}

int command_royalty_record(struct cli *cli, int argc, char **argv)
{
    char paid[AMOUNT_TEXT_BYTES];
    char due[AMOUNT_TEXT_BYTES];
    (void)argc;
    option_required(cli, "reference");
    struct op_royalty_record op = {
        .contract = value_u64(cli, "CONTRACT", argv[0]),
        .amount_ucr = value_amount(cli, "AMOUNT", argv[1]),
        .reference = option_string(cli, "reference", REFERENCE_MAX_BYTES),
    };
    const struct result *r =
        cli->exit == CLI_OK ? cli_apply(cli, &op_royalty_record_message, &op) : NULL;
    return cli_print_result(cli, &op_royalty_record_message, r, "contract",
                            "recorded %s credits as paid outside under contract %" PRIu64
                            "; %s are due",
                            amount_format(op.amount_ucr, paid), op.contract,
                            r != NULL ? due_now(cli, op.contract, due) : "?");
}
