/* Lease guarantees. */
#include <inttypes.h>
#include <string.h>

#include "client/cli/cli.h"
#include "client/cli/contract.h"
#include "protocol/amount.h"

#define NO_GUARANTEE "there is no such lease guarantee of yours; see 'bourse guarantee list'"

/* --- Proposing ------------------------------------------------------------------------------ */

/* The terms that an amendment begins with: those that stand. */
static void terms_fetch(struct cli *cli, uint64_t contract, struct op_guarantee_propose *op)
{
    struct q_guarantees q = {.contract = contract};
    cli->missing = NO_GUARANTEE;
    const struct a_guarantees *a =
        cli->exit == CLI_OK ? cli_query(cli, &q_guarantees_message, &q) : NULL;
    if (a != NULL && a->rows.count == 0)
        cli_fail(cli, CLI_REFUSED, NO_GUARANTEE);
    cli->missing = NULL;
    if (cli->exit != CLI_OK)
        return;
    const struct guarantee_info *g = a->rows.items;
    *op = (struct op_guarantee_propose){
        .contract = contract,
        .guarantor = g->guarantor,
        .operator= g->operator,
        .beneficiary = g->beneficiary,
        .site = g->site,
        .limit_ucr = g->limit_ucr,
        .escrow_ucr = g->escrow_ucr,
        .start_s = g->start_s,
        .end_s = g->end_s,
        .step_in = g->step_in,
    };
}

/* An account that a new guarantee names; oneself when the option is left out. */
static uint32_t party_read(struct cli *cli, const char *option)
{
    const char *text = option_text(cli, option);
    if (text != NULL)
        return name_account(cli, text);
    return cli_connect(cli) == CLI_OK ? connection_status(cli->connection)->you : 0;
}

static void parties_read(struct cli *cli, struct op_guarantee_propose *op)
{
    static const char *const needed[] = {"beneficiary", "site", "limit", "end", NULL};
    if (options_required(cli, needed) == CLI_OK && option_text(cli, "guarantor") == NULL &&
        option_text(cli, "operator") == NULL)
        cli_fail(cli, CLI_USAGE, "with whom? Give --operator, or --guarantor");
    if (cli->exit != CLI_OK)
        return;
    op->guarantor = party_read(cli, "guarantor");
    op->operator= party_read(cli, "operator");
    op->beneficiary = name_account(cli, option_text(cli, "beneficiary"));
    op->site = name_site(cli, option_text(cli, "site"));
    op->start_s = cli_time_s(cli);
    op->step_in = true;
}

static void step_in_read(struct cli *cli, struct op_guarantee_propose *op)
{
    const char *text = option_text(cli, "step-in");
    if (text == NULL)
        return;
    if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
        cli_fail(cli, CLI_USAGE, "--step-in: '%s' is neither yes nor no", text);
    op->step_in = strcmp(text, "yes") == 0;
}

int command_guarantee_propose(struct cli *cli, int argc, char **argv)
{
    struct op_guarantee_propose op = {0};
    uint64_t amended = contract_amended(cli, "guarantor operator beneficiary site", "guarantee");
    (void)argc;
    (void)argv;
    if (amended != 0)
        terms_fetch(cli, amended, &op);
    else if (cli->exit == CLI_OK)
        parties_read(cli, &op);
    if (cli->exit != CLI_OK)
        return cli->exit;
    op.limit_ucr = option_amount(cli, "limit", op.limit_ucr);
    op.escrow_ucr = option_amount(cli, "escrow", op.escrow_ucr);
    op.start_s = option_moment(cli, "start", op.start_s);
    op.end_s = option_moment(cli, "end", op.end_s);
    step_in_read(cli, &op);
    return contract_propose(cli, &op_guarantee_propose_message, &op, op.contract, "guarantee");
}

/* --- Looking -------------------------------------------------------------------------------- */

int command_guarantee_list(struct cli *cli, int argc, char **argv)
{
    const char *account = option_text(cli, "account");
    struct q_guarantees q = {.account = account != NULL ? name_account(cli, account) : 0};
    (void)argc;
    (void)argv;
    return records_list(
        cli, &q_guarantees_message, &q,
        "contract state guarantor operator beneficiary site limit_ucr escrow_ucr "
        "escrow_missing_ucr pledged_ucr end_s called_ucr by_guarantor_ucr recovered_ucr claims_ucr",
        "no lease guarantees; 'bourse guarantee propose' makes one");
}

/* What it was to pay and what of that it still owes stand in one number otherwise. */
static void paid_print(struct cli *cli, const void *row)
{
    char by[AMOUNT_TEXT_BYTES], open[AMOUNT_TEXT_BYTES], paid[AMOUNT_TEXT_BYTES];
    char missing[AMOUNT_TEXT_BYTES];
    const struct guarantee_info *g = row;
    uint64_t paid_ucr =
        g->by_guarantor_ucr > g->claims_ucr ? g->by_guarantor_ucr - g->claims_ucr : 0;
    if (g->claims_ucr > 0)
        cli_print(cli, "\nof the guarantor's %s it has paid %s; %s is still owed, as a claim\n",
                  amount_format(g->by_guarantor_ucr, by), amount_format(paid_ucr, paid),
                  amount_format(g->claims_ucr, open));
    uint64_t left_ucr = g->escrow_missing_ucr + g->operator_funds_ucr;
    if (g->escrow_missing_ucr > 0)
        cli_print(
            cli,
            "\nof %s that are left of the operator's escrow %s is in the fund, %s is missing: its "
            "earned balances stand in for %s of that\n",
            amount_format(left_ucr, by), amount_format(g->operator_funds_ucr, paid),
            amount_format(g->escrow_missing_ucr, missing), amount_format(g->pledged_ucr, open));
}

int command_guarantee_show(struct cli *cli, int argc, char **argv)
{
    return contract_show(cli, argc, argv, NULL, paid_print);
}

/* --- Calling and stepping in ---------------------------------------------------------------- */

int command_guarantee_call(struct cli *cli, int argc, char **argv)
{
    char text[AMOUNT_TEXT_BYTES];
    (void)argc;
    option_required(cli, "reference");
    struct op_guarantee_call op = {
        .contract = value_u64(cli, "CONTRACT", argv[0]),
        .amount_ucr = value_amount(cli, "AMOUNT", argv[1]),
        .reference = option_string(cli, "reference", REFERENCE_MAX_BYTES),
    };
    const struct result *r =
        cli->exit == CLI_OK ? cli_apply(cli, &op_guarantee_call_message, &op) : NULL;
    return cli_print_result(cli, &op_guarantee_call_message, r, "contract",
                            "called for %s credits under contract %" PRIu64
                            "; 'bourse claim list' has what was not paid at once",
                            amount_format(op.amount_ucr, text), op.contract);
}

int command_guarantee_step_in(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct op_guarantee_step_in op = {.contract = value_u64(cli, "CONTRACT", argv[0])};
    const struct result *r =
        cli->exit == CLI_OK ? cli_apply(cli, &op_guarantee_step_in_message, &op) : NULL;
    return cli_print_result(cli, &op_guarantee_step_in_message, r, "contract",
                            "stepped in under contract %" PRIu64
                            ": what the site earns goes to you until you have it back",
                            op.contract);
}
