#include "client/cli/cli.h"

int command_balance(struct cli *cli, int argc, char **argv)
{
    struct q_balances q = {.account = argc > 0 ? name_account(cli, argv[0]) : 0};
    return records_list(cli, &q_balances_message, &q,
                        "series tokens_ucr gifts_ucr escrow_ucr balance_ucr paid_out_ucr "
                        "burned_ucr expired_ucr",
                        "nothing yet");
}

int command_supply(struct cli *cli, int argc, char **argv)
{
    struct q_supply q = {.series = argc > 0 ? name_series(cli, argv[0]) : 0};
    return records_list(cli, &q_supply_message, &q,
                        "series minted_ucr tokens_ucr gifts_ucr escrow_ucr balance_ucr "
                        "paid_out_ucr burned_ucr expired_ucr",
                        "no series yet");
}

int command_payout(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    const char *account = option_text(cli, "account");
    struct op_payout op = {
        .series = name_series(cli, argv[0]),
        .amount_ucr = value_amount(cli, "AMOUNT", argv[1]),
        .reference =
            value_text(cli, "--reference", option_required(cli, "reference"), REFERENCE_MAX_BYTES),
        .account = account != NULL ? name_account(cli, account) : 0,
    };
    cli_echo(cli, json_pack("{s:I, s:s%}", "amount_ucr", (json_int_t)op.amount_ucr, "reference",
                            op.reference.data, (size_t)op.reference.length));
    const struct result *r = cli->exit == CLI_OK ? cli_apply(cli, &op_payout_message, &op) : NULL;
    return cli_print_result(cli, &op_payout_message, r, "series",
                            "paid out %s of %s%s%s against %s", text_credits(cli, op.amount_ucr),
                            cli->exit == CLI_OK ? name_of(cli, NAMED_SERIES, op.series) : "",
                            account != NULL ? " for " : "", account != NULL ? account : "",
                            op.reference.length > 0 ? op.reference.data : "");
}
