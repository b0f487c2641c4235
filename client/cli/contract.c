/* Contracts of all kinds: accepting, declining, their funds and claims. */
#include <inttypes.h>

#include "client/cli/contract.h"
#include "client/cli/order_place.h"
#include "protocol/amount.h"

#define NO_CONTRACT "there is no such contract of yours; see 'bourse contract list'"

int command_contract_list(struct cli *cli, int argc, char **argv)
{
    const char *account = option_text(cli, "account");
    struct q_contracts q = {
        .account = account != NULL ? name_account(cli, account) : 0,
        .kind = option_word(cli, "kind", &contract_kind_vocabulary, 0),
    };
    (void)argc;
    (void)argv;
    return records_list(cli, &q_contracts_message, &q,
                        "contract kind state version pending proposer creditor debtor funded_ucr "
                        "claims_ucr",
                        "no contracts; 'propose' of guarantee and the like makes one");
}

const struct contract_info *contract_fetch(struct cli *cli, uint64_t contract)
{
    struct q_contracts q = {.contract = contract};
    cli->missing = NO_CONTRACT;
    const struct a_contracts *a =
        cli->exit == CLI_OK ? cli_query(cli, &q_contracts_message, &q) : NULL;
    if (a != NULL && a->rows.count == 0)
        cli_fail(cli, CLI_REFUSED, NO_CONTRACT);
    cli->missing = NULL;
    return cli->exit == CLI_OK ? a->rows.items : NULL;
}

/* The noun of the command line for a kind. */
static const char *kind_noun(uint32_t kind)
{
    switch (kind) {
    case CONTRACT_KIND_BACKSTOP:
        return "backstop";
    case CONTRACT_KIND_REVSHARE:
        return "revshare";
    case CONTRACT_KIND_GRANT:
        return "grant";
    default:
        return "guarantee";
    }
}

int command_contract_show(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct q_contracts q = {.contract = value_u64(cli, "CONTRACT", argv[0])};
    if (records_show(cli, &q_contracts_message, &q, NO_CONTRACT) != CLI_OK)
        return cli->exit;
    const struct contract_info *c = contract_fetch(cli, q.contract);
    if (c != NULL && c->pending > 0)
        cli_print(cli, "Version %u is proposed: 'bourse %s show %s %u' has its terms.\n",
                  (unsigned)c->pending, kind_noun(c->kind), argv[0], (unsigned)c->pending);
    return cli->exit;
}

/* --- What is proposed ----------------------------------------------------------------------- */

/* The version that is answered: the one given, or the one that is proposed now. */
static uint32_t version_read(struct cli *cli, uint64_t contract, int argc, char **argv)
{
    if (argc > 1)
        return value_u32(cli, "VERSION", argv[1]);
    const struct contract_info *c = contract_fetch(cli, contract);
    if (c != NULL && c->pending == 0)
        cli_fail(cli, CLI_REFUSED, "no terms are proposed for contract %" PRIu64, contract);
    return c != NULL ? c->pending : 0;
}

int command_contract_accept(struct cli *cli, int argc, char **argv)
{
    struct op_contract_accept op = {.contract = value_u64(cli, "CONTRACT", argv[0])};
    op.version = version_read(cli, op.contract, argc, argv);
    const struct result *r =
        cli->exit == CLI_OK ? cli_apply(cli, &op_contract_accept_message, &op) : NULL;
    return cli_print_result(cli, &op_contract_accept_message, r, "contract",
                            "accepted version %u of contract %" PRIu64 ": it is in force",
                            (unsigned)op.version, op.contract);
}

int command_contract_decline(struct cli *cli, int argc, char **argv)
{
    struct op_contract_decline op = {.contract = value_u64(cli, "CONTRACT", argv[0])};
    op.version = version_read(cli, op.contract, argc, argv);
    const struct result *r =
        cli->exit == CLI_OK ? cli_apply(cli, &op_contract_decline_message, &op) : NULL;
    return cli_print_result(cli, &op_contract_decline_message, r, "contract",
                            "version %u of contract %" PRIu64 " is proposed no more",
                            (unsigned)op.version, op.contract);
}

/* --- Fund and claims ------------------------------------------------------------------------ */

int command_contract_fund(struct cli *cli, int argc, char **argv)
{
    char funded[AMOUNT_TEXT_BYTES];
    char claims[AMOUNT_TEXT_BYTES];
    struct op_contract_fund op = {.contract = value_u64(cli, "CONTRACT", argv[0])};
    uint64_t amount_ucr = argc > 1 ? value_amount(cli, "AMOUNT", argv[1]) : 0;
    if (cli->exit == CLI_OK && (amount_ucr > 0) == (option_text(cli, "tokens") != NULL))
        return cli_fail(cli, CLI_USAGE, "how much? Give an AMOUNT, or --tokens alone");
    /* It takes all that its tokens hold. */
    if (cli->exit == CLI_OK && amount_ucr > 0)
        funds_cut(cli, amount_ucr, &op.tokens.items, &op.tokens.count);
    else
        order_tokens(cli, &op.tokens.items, &op.tokens.count);
    const struct result *r =
        cli->exit == CLI_OK ? cli_apply(cli, &op_contract_fund_message, &op) : NULL;
    const struct contract_info *c = r != NULL ? contract_fetch(cli, op.contract) : NULL;
    return cli_print_result(cli, &op_contract_fund_message, r, "contract",
                            "funded contract %" PRIu64
                            ": %s credits in its fund, %s owed in claims",
                            op.contract, c != NULL ? amount_format(c->funded_ucr, funded) : "?",
                            c != NULL ? amount_format(c->claims_ucr, claims) : "?");
}

int command_contract_withdraw(struct cli *cli, int argc, char **argv)
{
    char text[AMOUNT_TEXT_BYTES];
    (void)argc;
    struct op_contract_withdraw op = {
        .contract = value_u64(cli, "CONTRACT", argv[0]),
        .amount_ucr = value_amount(cli, "AMOUNT", argv[1]),
    };
    const struct result *r =
        cli->exit == CLI_OK ? cli_apply(cli, &op_contract_withdraw_message, &op) : NULL;
    cli_print_result(cli, &op_contract_withdraw_message, r, "contract",
                     "withdrew %s credits from the fund of contract %" PRIu64,
                     amount_format(op.amount_ucr, text), op.contract);
    for (uint32_t i = 0; r != NULL && i < r->token_count; i++)
        cli_print(cli, "  in token %" PRIu64 "\n", r->token_first + i);
    return cli->exit;
}

int command_claim_list(struct cli *cli, int argc, char **argv)
{
    const char *account = option_text(cli, "account");
    struct q_claims q = {
        .contract = option_u64(cli, "contract", 0),
        .account = account != NULL ? name_account(cli, account) : 0,
    };
    (void)argc;
    (void)argv;
    return records_list(cli, &q_claims_message, &q,
                        "claim contract creditor debtor amount_ucr left_ucr since_s age_s",
                        "nothing is owed");
}

int contract_propose(struct cli *cli, const struct message *operation, const void *terms,
                     const char *noun)
{
    const struct result *r = cli->exit == CLI_OK ? cli_apply(cli, operation, terms) : NULL;
    uint64_t contract = r != NULL ? r->object : 0;
    return cli_print_result(cli, operation, r, "contract",
                            "proposed as contract %" PRIu64
                            "; the other party accepts it with 'bourse %s accept %" PRIu64 "'",
                            contract, noun, contract);
}
