/* Contracts of all kinds: accepting, declining, their funds and claims. */
#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/contract.h"
#include "client/cli/order_place.h"
#include "client/json.h"
#include "protocol/amount.h"

#define NO_CONTRACT "there is no such contract of yours; see 'bourse contract list'"

/* A contract with its parties by what they are in it, which differs from kind to kind. */
struct listed {
    struct contract_info row;
    struct text parties;
};

#define LISTED(field, kind, words)                                                                 \
    {                                                                                              \
#field, kind, offsetof(struct listed, row.field), 0, 0, NULL, words                        \
    }
static const struct field listed_fields[] = {
    LISTED(contract, FIELD_NUMBER, NULL),
    LISTED(kind, FIELD_ENUM, &contract_kind_vocabulary),
    LISTED(state, FIELD_ENUM, &contract_state_vocabulary),
    LISTED(version, FIELD_U32, NULL),
    LISTED(pending, FIELD_U32, NULL),
    LISTED(proposer, FIELD_ACCOUNT, NULL),
    {"parties", FIELD_TEXT, offsetof(struct listed, parties), 0, 0, NULL, NULL},
    LISTED(funded_ucr, FIELD_AMOUNT, NULL),
    LISTED(claims_ucr, FIELD_AMOUNT, NULL),
};
static const struct message listed_message = {"contract", 0, sizeof(struct listed),
                                              sizeof(listed_fields) / sizeof(listed_fields[0]),
                                              listed_fields};

static int contracts_print(struct cli *cli, struct q_contracts *q)
{
    const void *rows = NULL;
    uint64_t limit = option_u64(cli, "limit", UINT32_MAX);
    if (cli->exit == CLI_OK && limit == 0)
        return cli_fail(cli, CLI_USAGE, "--limit must be above 0");
    uint32_t count = records_fetch(cli, &q_contracts_message, q, limit, &rows);
    struct listed *listed = arena_alloc(&cli->arena, ((size_t)count + 1) * sizeof(*listed));
    if (cli->exit == CLI_OK && listed == NULL)
        cli_fail(cli, CLI_LOCAL, "out of memory");
    for (uint32_t i = 0; i < count && cli->exit == CLI_OK; i++) {
        listed[i].row = ((const struct contract_info *)rows)[i];
        listed[i].parties = contract_parties(cli, &listed[i].row);
    }
    if (cli->exit != CLI_OK)
        return cli->exit;
    if (count == 0)
        cli_note(cli, "no contracts; 'propose' of guarantee and the like makes one\n");
    else
        records_table(cli, &listed_message, listed, count,
                      "contract kind state version pending proposer parties funded_ucr claims_ucr");
    return cli->exit;
}

int command_contract_list(struct cli *cli, int argc, char **argv)
{
    const char *account = option_text(cli, "account");
    struct q_contracts q = {
        .account = account != NULL ? name_account(cli, account) : 0,
        .kind = option_word(cli, "kind", &contract_kind_vocabulary, 0),
    };
    (void)argc;
    (void)argv;
    if (cli->json)
        return records_list(cli, &q_contracts_message, &q, "", "");
    return contracts_print(cli, &q);
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

/* The noun of the command that runs, such as "guarantee". */
static bool noun_is(const struct cli *cli, const char *noun)
{
    const char *at = strchr(cli->path, ' ');
    size_t length = strlen(noun);
    return at != NULL && strncmp(at + 1, noun, length) == 0 && at[1 + length] == ' ';
}

const struct contract_info *contract_of_kind(struct cli *cli, uint64_t contract, uint32_t kind)
{
    if (cli->exit == CLI_OK && contract == 0)
        cli_fail(cli, CLI_USAGE, "contract: 0 is below 1");
    const struct contract_info *c = contract_fetch(cli, contract);
    if (c == NULL || c->kind == kind)
        return c;
    cli_fail(cli, CLI_REFUSED,
             "contract %" PRIu64 " is %s; 'bourse %s show %" PRIu64 "' is about it", contract,
             contract_called(c->kind), contract_noun(c->kind), contract);
    return NULL;
}

const struct contract_info *contract_of_noun(struct cli *cli, uint64_t contract)
{
    if (cli->exit == CLI_OK && contract == 0)
        cli_fail(cli, CLI_USAGE, "contract: 0 is below 1");
    const struct contract_info *c = contract_fetch(cli, contract);
    if (c == NULL || noun_is(cli, "contract") || noun_is(cli, contract_noun(c->kind)))
        return c;
    const char *verb = cli->command->name;
    const char *does = strcmp(verb, "accept") == 0    ? "signs it"
                       : strcmp(verb, "decline") == 0 ? "declines it"
                                                      : "is about it";
    cli_fail(cli, CLI_REFUSED, "contract %" PRIu64 " is %s; 'bourse %s %s %" PRIu64 "' %s",
             contract, contract_called(c->kind), contract_noun(c->kind), verb, contract, does);
    return NULL;
}

/* All of a contract, with its parties in place of their roles. */
static void contract_print(struct cli *cli, const struct contract_info *c)
{
    const struct listed listed = {*c, contract_parties(cli, c)};
    const uint32_t count = contract_info_message.fields_count;
    struct field *fields = arena_alloc(&cli->arena, (count + 1) * sizeof(*fields));
    if (fields == NULL) {
        cli_fail(cli, CLI_LOCAL, "out of memory");
        return;
    }
    static_assert(offsetof(struct listed, row) == 0, "the fields are where they were");
    memcpy(fields, contract_info_message.fields, count * sizeof(*fields));
    fields[count] = (struct field){
        .name = "parties", .kind = FIELD_TEXT, .offset = offsetof(struct listed, parties)};
    const struct message with_parties = {"contract", 0, sizeof(listed), count + 1, fields};
    record_print(cli, &with_parties, &listed, "creditor debtor beneficiary");
}

int command_contract_show(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct q_contracts q = {.contract = value_u64(cli, "CONTRACT", argv[0])};
    const struct contract_info *c = contract_of_noun(cli, q.contract);
    if (c == NULL || cli->json)
        return c == NULL ? cli->exit : records_show(cli, &q_contracts_message, &q, NO_CONTRACT);
    contract_print(cli, c);
    if (c->pending > 0)
        cli_print(cli, "Version %u is proposed: 'bourse %s show %s %u' has its terms.\n",
                  (unsigned)c->pending, contract_noun(c->kind), argv[0], (unsigned)c->pending);
    return cli->exit;
}

/* What the rows of a kind are. */
static const struct message *row_message(uint32_t kind)
{
    return field_by_name(message_by_code(&answer_set, contract_query(kind)->code), "rows")->part;
}

/* A row's state is the contract's; terms that are only proposed have that of a proposal. */
static void version_state(const struct contract_info *c, uint32_t version, void *row)
{
    const struct field *state = field_by_name(row_message(c->kind), "state");
    const uint32_t proposed = CONTRACT_STATE_PROPOSED;
    if (version == c->pending)
        memcpy((uint8_t *)row + state->offset, &proposed, sizeof(proposed));
}

int contract_show(struct cli *cli, int argc, char **argv, const char *without,
                  void (*more)(struct cli *cli, const void *row))
{
    uint64_t contract = value_u64(cli, "CONTRACT", argv[0]);
    uint32_t version = argc > 1 ? value_u32(cli, "VERSION", argv[1]) : 0;
    const struct contract_info *c = contract_of_noun(cli, contract);
    const void *found = c != NULL ? contract_row(cli, c->kind, contract, version) : NULL;
    if (cli->exit != CLI_OK)
        return cli->exit;
    if (found == NULL)
        return cli_fail(cli, CLI_REFUSED, "contract %" PRIu64 " has no version %u", contract,
                        (unsigned)version);
    const struct message *part = row_message(c->kind);
    void *row = arena_copy(&cli->arena, found, part->size);
    if (row == NULL)
        return cli_fail(cli, CLI_LOCAL, "out of memory");
    if (version > 0)
        version_state(c, version, row);
    cli->superseded = version > 0 && version != c->version && version != c->pending;
    if (cli->json) {
        json_t *json = contract_json(cli, part, row);
        json_object_set_new(json, "version_in_force", json_integer(c->version));
        return cli_print_json(cli, json);
    }
    record_print(cli, part, row, version > 0 ? NULL : without);
    if (more != NULL && version == 0)
        more(cli, row);
    if (cli->superseded)
        cli_print(cli, "These terms are not in force: those of version %u are.\n",
                  (unsigned)c->version);
    return cli->exit;
}

/* --- What is proposed ----------------------------------------------------------------------- */

/* The version that is answered: the one given, or the one that is proposed now. */
static uint32_t version_read(struct cli *cli, const struct contract_info *c, int argc, char **argv)
{
    if (argc > 1)
        return value_u32(cli, "VERSION", argv[1]);
    if (c->pending == 0)
        cli_fail(cli, CLI_REFUSED, "no terms are proposed for contract %" PRIu64, c->contract);
    return c->pending;
}

/* What the operator is to keep in the fund of a guarantee and has not put there. */
static uint64_t escrow_missing(const struct contract_info *c, const void *row)
{
    const struct guarantee_info *g = row;
    bool guarantee = row != NULL && c->kind == CONTRACT_KIND_GUARANTEE;
    return guarantee && g->escrow_ucr > g->operator_funds_ucr
               ? g->escrow_ucr - g->operator_funds_ucr
               : 0;
}

/* What was signed, for people and as JSON. */
static void terms_tell(struct cli *cli, const struct contract_info *c, uint32_t version,
                       const void *row)
{
    char text[AMOUNT_TEXT_BYTES];
    const struct message *terms = contract_terms(c->kind);
    uint64_t missing_ucr = escrow_missing(c, row);
    if (cli->json) {
        json_t *json =
            json_pack("{s:s, s:I}", "kind", vocabulary_name(&contract_kind_vocabulary, c->kind),
                      "version", (json_int_t)version);
        if (row != NULL)
            json_object_set_new(json, "terms", message_to_json(terms, row));
        if (c->kind == CONTRACT_KIND_GUARANTEE)
            json_object_set_new(json, "escrow_missing_ucr", json_integer((json_int_t)missing_ucr));
        cli_echo(cli, json);
        return;
    }
    if (row != NULL)
        record_print(cli, terms, row, NULL);
    if (missing_ucr > 0)
        cli_print(cli,
                  "Of the operator's escrow %s credits are not in the fund. As much of what it "
                  "earns does "
                  "not leave the exchange until they are there.\n",
                  amount_format(missing_ucr, text));
}

int command_contract_accept(struct cli *cli, int argc, char **argv)
{
    struct op_contract_accept op = {.contract = value_u64(cli, "CONTRACT", argv[0])};
    const struct contract_info *c = contract_of_noun(cli, op.contract);
    if (c == NULL)
        return cli->exit;
    op.version = version_read(cli, c, argc, argv);
    /* As they are before they are signed; a version stays as it was proposed. */
    const void *row =
        cli->exit == CLI_OK ? contract_row(cli, c->kind, op.contract, op.version) : NULL;
    const struct result *r =
        cli->exit == CLI_OK ? cli_apply(cli, &op_contract_accept_message, &op) : NULL;
    if (r != NULL)
        terms_tell(cli, c, op.version, row);
    return cli_print_result(cli, &op_contract_accept_message, r, "contract",
                            "accepted version %u of contract %" PRIu64 ": it is in force",
                            (unsigned)op.version, op.contract);
}

int command_contract_decline(struct cli *cli, int argc, char **argv)
{
    struct op_contract_decline op = {.contract = value_u64(cli, "CONTRACT", argv[0])};
    const struct contract_info *c = contract_of_noun(cli, op.contract);
    if (c == NULL)
        return cli->exit;
    op.version = version_read(cli, c, argc, argv);
    const struct result *r =
        cli->exit == CLI_OK ? cli_apply(cli, &op_contract_decline_message, &op) : NULL;
    return cli_print_result(cli, &op_contract_decline_message, r, "contract",
                            "version %u of contract %" PRIu64 " is proposed no more",
                            (unsigned)op.version, op.contract);
}

/* --- The fund ------------------------------------------------------------------------------- */

static void claims_echo(struct cli *cli, const struct contract_info *c)
{
    if (c != NULL)
        cli_echo(cli,
                 json_pack("{s:I, s:I, s:b}", "claims_open", (json_int_t)c->claims_open,
                           "claims_ucr", (json_int_t)c->claims_ucr, "paying", c->paying_s != 0));
}

/* What is left of the claims after a payment into the fund; the exchange may have paid further ones
 * meanwhile. */
static void claims_tell(struct cli *cli, const struct contract_info *c)
{
    if (c == NULL || c->claims_open == 0)
        return;
    const char *claims = c->claims_open == 1 ? "claim remains" : "claims remain";
    if (c->paying_s != 0)
        cli_print(cli, "%u %s; the exchange goes on paying, the oldest first\n",
                  (unsigned)c->claims_open, claims);
    else
        cli_print(cli, "%u %s until there is more in the fund\n", (unsigned)c->claims_open, claims);
}

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
    claims_echo(cli, c);
    cli_print_result(cli, &op_contract_fund_message, r, "contract",
                     "funded contract %" PRIu64 ": %s credits in its fund, %s owed in claims",
                     op.contract, c != NULL ? amount_format(c->funded_ucr, funded) : "?",
                     c != NULL ? amount_format(c->claims_ucr, claims) : "?");
    claims_tell(cli, c);
    return cli->exit;
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

uint64_t contract_amended(struct cli *cli, const char *fixed, const char *kind)
{
    const char *amend = option_text(cli, "amend");
    if (amend == NULL)
        return 0;
    while (*fixed != '\0') {
        char name[32];
        size_t length = strcspn(fixed, " ");
        snprintf(name, sizeof(name), "%.*s", (int)length, fixed);
        if (option_text(cli, name) != NULL) {
            cli_fail(cli, CLI_USAGE,
                     "--%s stays as it is in an amendment; leave it out, or propose a new %s", name,
                     kind);
            return 0;
        }
        fixed += length + (fixed[length] == ' ');
    }
    return value_u64(cli, "--amend", amend);
}

int contract_propose(struct cli *cli, const struct message *operation, const void *terms,
                     uint64_t amended, const char *noun)
{
    if (cli->exit == CLI_OK)
        contract_terms_check(cli, operation, terms, amended);
    const struct result *r = cli->exit == CLI_OK ? cli_apply(cli, operation, terms) : NULL;
    uint64_t contract = r != NULL ? r->object : 0;
    const struct contract_info *c = r != NULL && amended > 0 ? contract_fetch(cli, contract) : NULL;
    if (c == NULL)
        return cli_print_result(cli, operation, r, "contract",
                                "proposed as contract %" PRIu64
                                "; the other party accepts it with 'bourse %s accept %" PRIu64 "'",
                                contract, noun, contract);
    cli_echo(cli, json_pack("{s:I}", "version", (json_int_t)c->pending));
    return cli_print_result(cli, operation, r, "contract",
                            "proposed as version %u of contract %" PRIu64
                            "; the other party accepts it with 'bourse %s accept %" PRIu64 " %u'",
                            (unsigned)c->pending, contract, noun, contract, (unsigned)c->pending);
}
