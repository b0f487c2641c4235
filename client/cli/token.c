#include "client/cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "protocol/amount.h"

int command_token_list(struct cli *cli, int argc, char **argv)
{
    const char *account = option_text(cli, "account");
    const char *series = option_text(cli, "series");
    struct q_tokens q = {
        .account = account != NULL ? name_account(cli, account) : 0,
        .series = series != NULL ? name_series(cli, series) : 0,
    };
    (void)argc;
    (void)argv;
    return records_list(cli, &q_tokens_message, &q, "token series owner amount_ucr index",
                        "no tokens");
}

int command_token_show(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct q_tokens q = {.token = value_u64(cli, "TOKEN", argv[0])};
    return records_show(
        cli, &q_tokens_message, &q,
        "there is no such token of yours: spent, or another's; see 'bourse token list'");
}

/* One token of one's own; NULL after a failure. */
static const struct token_info *token_find(struct cli *cli, uint64_t token)
{
    struct q_tokens q = {.token = token};
    char none[128];
    snprintf(none, sizeof(none),
             "you have no token %" PRIu64 "; 'bourse token list' shows what you have", token);
    cli->missing = none;
    const struct a_tokens *a = cli_query(cli, &q_tokens_message, &q);
    cli->missing = NULL;
    if (a != NULL && a->rows.count == 0)
        cli_fail(cli, CLI_REFUSED, "%s", none);
    return cli->exit == CLI_OK ? a->rows.items : NULL;
}

/* What the tokens given with --tokens hold. */
static uint64_t tokens_total(struct cli *cli, const uint64_t *tokens, uint32_t count)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < count && cli->exit == CLI_OK; i++) {
        const struct token_info *t = token_find(cli, tokens[i]);
        if (t != NULL && !amount_add(total, t->amount_ucr, &total))
            cli_fail(cli, CLI_USAGE, "the tokens hold more than there can be");
    }
    return total;
}

static int say_transferred(struct cli *cli, const struct op_token_transfer *op,
                           const struct result *r, uint64_t total, uint64_t change)
{
    char text[AMOUNT_TEXT_BYTES];
    cli_echo_outputs(cli, r, op->outputs.items, op->outputs.count);
    if (cli->exit != CLI_OK || cli->json)
        return cli_print_result(cli, &op_token_transfer_message, r, NULL, "%s", "");
    cli_print(cli, "transferred %s (event %" PRIu64 ")\n", text_credits(cli, total), r->index);
    for (uint32_t i = 0; i < op->outputs.count; i++)
        cli_print(cli, "  token %" PRIu64 "  %s  %s%s\n", r->token_first + i,
                  amount_format(op->outputs.items[i].amount_ucr, text),
                  name_of(cli, NAMED_ACCOUNT, op->outputs.items[i].account),
                  change > 0 && i + 1 == op->outputs.count ? "  (change)" : "");
    return cli->exit;
}

int command_token_transfer(struct cli *cli, int argc, char **argv)
{
    struct op_token_transfer op = {0};
    const struct payment *outputs = NULL;
    uint64_t total = 0;
    uint64_t held = 0;
    if (argc >= TRANSFER_OUTPUTS_MAX)
        return cli_fail(cli, CLI_USAGE, "a transfer has at most %d outputs, change included",
                        TRANSFER_OUTPUTS_MAX);
    op.outputs.count = name_payments(cli, argc, argv, &outputs, &total);
    op.inputs.count = option_numbers(cli, "tokens", &op.inputs.items);
    if (op.inputs.count > 0) {
        held = tokens_total(cli, op.inputs.items, op.inputs.count);
    } else {
        uint32_t series = funds_series(cli);
        if (cli->exit == CLI_OK)
            op.inputs.count =
                funds_choose(cli, series, total, TRANSFER_INPUTS_MAX, &op.inputs.items, &held);
    }
    if (cli->exit != CLI_OK)
        return cli->exit;
    if (held < total)
        return cli_fail(cli, CLI_REFUSED, "the tokens hold less than the outputs add up to");
    if (held > total) {
        /* name_payments() left room for the change. */
        struct payment *last = (struct payment *)&outputs[op.outputs.count++];
        last->account = connection_status(cli->connection)->you;
        last->amount_ucr = held - total;
    }
    op.outputs.items = outputs;
    const struct result *r = cli_apply(cli, &op_token_transfer_message, &op);
    return say_transferred(cli, &op, r, total, held - total);
}

int command_token_split(struct cli *cli, int argc, char **argv)
{
    struct op_token_transfer op = {0};
    uint64_t token = value_u64(cli, "TOKEN", argv[0]);
    const struct token_info *t = cli->exit == CLI_OK ? token_find(cli, token) : NULL;
    struct payment *outputs = arena_alloc(&cli->arena, (size_t)argc * sizeof(*outputs));
    if (cli->exit != CLI_OK)
        return cli->exit;
    if (outputs == NULL)
        return cli_fail(cli, CLI_LOCAL, "out of memory");
    uint64_t left = t->amount_ucr;
    for (int i = 1; i < argc && cli->exit == CLI_OK; i++) {
        struct payment *p = &outputs[op.outputs.count++];
        *p = (struct payment){t->owner, value_amount(cli, "AMOUNT", argv[i])};
        if (cli->exit == CLI_OK && p->amount_ucr == 0)
            return cli_fail(cli, CLI_USAGE, "AMOUNT: must be above 0");
        if (!amount_subtract(left, p->amount_ucr, &left))
            return cli_fail(cli, CLI_USAGE, "the amounts add up to more than the token holds");
    }
    uint64_t total = t->amount_ucr;
    if (left > 0)
        outputs[op.outputs.count++] = (struct payment){t->owner, left};
    op.inputs.items = &token;
    op.inputs.count = 1;
    op.outputs.items = outputs;
    const struct result *r = cli_apply(cli, &op_token_transfer_message, &op);
    return say_transferred(cli, &op, r, total, left);
}

int command_token_merge(struct cli *cli, int argc, char **argv)
{
    struct op_token_transfer op = {0};
    struct payment all = {0};
    if (argc > 0) {
        op.inputs.count = value_numbers(cli, "TOKEN", argc, argv, &op.inputs.items);
        all.amount_ucr = tokens_total(cli, op.inputs.items, op.inputs.count);
    } else {
        uint32_t series = funds_series(cli);
        if (cli->exit == CLI_OK)
            op.inputs.count = funds_choose(cli, series, UINT64_MAX, UINT32_MAX, &op.inputs.items,
                                           &all.amount_ucr);
        if (op.inputs.count > TRANSFER_INPUTS_MAX) { /* as many as go at once */
            op.inputs.count = TRANSFER_INPUTS_MAX;
            all.amount_ucr = tokens_total(cli, op.inputs.items, op.inputs.count);
            cli_note(cli, "merging the first %d tokens; run it again for the others\n",
                     TRANSFER_INPUTS_MAX);
        }
    }
    if (cli_connect(cli) != CLI_OK)
        return cli->exit;
    if (op.inputs.count < 2)
        return cli_fail(cli, CLI_USAGE, "there is only one token; nothing to merge");
    all.account = connection_status(cli->connection)->you;
    op.outputs.items = &all;
    op.outputs.count = 1;
    const struct result *r = cli_apply(cli, &op_token_transfer_message, &op);
    return say_transferred(cli, &op, r, all.amount_ucr, 0);
}

int command_token_burn(struct cli *cli, int argc, char **argv)
{
    struct op_token_burn op = {0};
    json_t *inputs = json_array();
    op.inputs.count = value_numbers(cli, "TOKEN", argc, argv, &op.inputs.items);
    for (uint32_t i = 0; i < op.inputs.count; i++)
        json_array_append_new(inputs, json_integer((json_int_t)op.inputs.items[i]));
    cli_echo(cli, json_pack("{s:o}", "inputs", inputs));
    return cli_print_result(cli, &op_token_burn_message,
                            cli_apply(cli, &op_token_burn_message, &op), NULL, "burned %s",
                            text_count(cli, (uint64_t)argc, "token"));
}
