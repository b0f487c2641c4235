/*
 * Further keys of an account. A key's secret never leaves who holds it: that one prints a request
 * (public keys and a proof), and the account's main key adds what the request says.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <sodium.h>

#include "client/cli/cli.h"
#include "client/key_request.h"
#include "protocol/amount.h"
#include "protocol/refusal.h"
#include "protocol/status.h"

void key_refusal_explain(struct cli *cli, struct connection_error *why)
{
    struct q_status q = {{"", 0}};
    struct connection_error other;
    const void *answer = NULL;
    char limit[AMOUNT_TEXT_BYTES], spent[AMOUNT_TEXT_BYTES];
    if (cli->connection == NULL || connection_query(cli->connection, &q_status_message, &q,
                                                    &cli->arena, &answer, &other) != STATUS_OK)
        return;
    const struct a_status *s = answer;
    if (s == NULL || other.refusal > 0 || s->keys.count == 0)
        return;
    const struct key_info *key = s->keys.items;
    size_t length = strlen(why->text);
    if (why->refusal == REFUSAL_key_over_amount) {
        snprintf(why->text + length, sizeof(why->text) - length,
                 " It may move %s credits a day (UTC), and has moved %s today.",
                 amount_format(key->daily_ucr, limit), amount_format(key->spent_today_ucr, spent));
        return;
    }
    length += (size_t)snprintf(why->text + length, sizeof(why->text) - length, " It may sign: %s",
                               key->scopes == 0 ? "nothing" : "");
    const char *between = "";
    for (uint32_t i = 0; i < scope_vocabulary.count && length < sizeof(why->text); i++) {
        if ((key->scopes & scope_vocabulary.values[i].value) == 0)
            continue;
        length += (size_t)snprintf(why->text + length, sizeof(why->text) - length, "%s%s", between,
                                   scope_vocabulary.values[i].name);
        between = ", ";
    }
    if (length + 2 < sizeof(why->text))
        memcpy(why->text + length, ".", 2);
}

int command_key_request(struct cli *cli, int argc, char **argv)
{
    struct key_request request;
    char text[KEY_REQUEST_TEXT_SIZE];
    (void)argc;
    uint32_t account = value_u32(cli, "ACCOUNT", argv[0]);
    if (cli_configure(cli) != CLI_OK)
        return cli->exit;
    if (account == 0)
        return cli_fail(cli, CLI_USAGE,
                        "ACCOUNT is the number of the account; 'bourse account show' tells its "
                        "owner");
    if (cli->config.exchange == NULL)
        return cli_fail(cli, CLI_USAGE,
                        "for which exchange? Ask the account's owner for its pin line and put it "
                        "into the configuration:\n  bourse config set exchange "
                        "bourse-exchange:v1:...\nor give it with --exchange.");
    if (cli_read_keys(cli) != CLI_OK)
        return cli->exit;
    key_request_make(&request, &cli->keys, account, cli->config.pin.exchange_id);
    key_request_print(&request, text);
    if (cli->json)
        return cli_print_json(
            cli, json_pack("{s:I, s:s}", "account", (json_int_t)account, "request", text));
    cli_note(cli,
             "For the owner of account %u, who adds it with 'bourse key add'. It holds no "
             "secret; %s does, and stays with you.\n",
             (unsigned)account, cli_key_file(cli));
    cli_print(cli, "%s\n", text);
    return cli->exit;
}

/* Reads the line and looks whether it can be meant for us, before anything is sent. */
static int request_read(struct cli *cli, const char *argument, struct key_request *out)
{
    struct buffer text = BUFFER_EMPTY;
    if (strcmp(argument, "-") == 0)
        cli_read_file(cli, argument, 4 * KEY_REQUEST_TEXT_SIZE, &text);
    else
        buffer_append(&text, argument, strlen(argument));
    int status = key_request_parse((const char *)text.data, text.length, out);
    buffer_release(&text);
    if (cli->exit != CLI_OK)
        return cli->exit;
    if (status == STATUS_VERSION)
        return cli_fail(cli, CLI_USAGE, "the line is of a newer version; install a newer client");
    if (status != STATUS_OK)
        return cli_fail(cli, CLI_USAGE,
                        "that is not the line 'bourse-key-request:v1:...' that 'bourse key "
                        "request' prints, or not all of it");
    if (cli_connect(cli) != CLI_OK)
        return cli->exit;
    uint32_t you = connection_status(cli->connection)->you;
    if (you != 0 && out->account != you)
        return cli_fail(cli, CLI_USAGE,
                        "the line was made for account %u, and yours is %u: let it be made again "
                        "with 'bourse key request %u'",
                        (unsigned)out->account, (unsigned)you, (unsigned)you);
    if (key_request_verify(out, cli->config.pin.exchange_id) != STATUS_OK)
        return cli_fail(cli, CLI_USAGE,
                        "the line was made for another exchange: its maker must have the same pin "
                        "line as you ('bourse config show')");
    return cli->exit;
}

int command_key_add(struct cli *cli, int argc, char **argv)
{
    struct key_request request;
    const char *scope;
    (void)argc;
    struct op_account_key_add op = {
        .label = option_string(cli, "label", NAME_MAX_BYTES),
        .daily_ucr = option_amount(cli, "daily", 0),
    };
    for (size_t i = 0; (scope = option_item(cli, "scopes", i)) != NULL; i++)
        op.scopes |= value_word(cli, &scope_vocabulary, scope);
    if (option_text(cli, "daily") != NULL && cli->exit == CLI_OK && op.daily_ucr == 0)
        cli_fail(cli, CLI_USAGE,
                 "--daily 0 would allow any amount; leave --daily out if that is meant, or the "
                 "scopes that move credits");
    if (cli->exit != CLI_OK || request_read(cli, argv[0], &request) != CLI_OK)
        return cli->exit;
    op.expires_s = option_moment(cli, "expires", 0);
    memcpy(op.sign_key, request.keys.sign, sizeof(op.sign_key));
    memcpy(op.channel_key, request.keys.channel, sizeof(op.channel_key));
    memcpy(op.proof, request.proof, sizeof(op.proof));
    const struct result *r = cli_apply(cli, &op_account_key_add_message, &op);
    return cli_print_result(cli, &op_account_key_add_message, r, "account",
                            "added a key to account %u%s", (unsigned)request.account,
                            op.scopes == 0 ? "; it has no --scopes and may only look" : "");
}

int command_key_list(struct cli *cli, int argc, char **argv)
{
    const char *account = option_text(cli, "account");
    struct q_keys q = {.account = account != NULL ? name_account(cli, account) : 0};
    (void)argc;
    (void)argv;
    return records_list(cli, &q_keys_message, &q,
                        "label scopes daily_ucr spent_today_ucr expires_s sign_key",
                        "no keys but the main one; 'bourse key add' adds one");
}

/* Whether a key is meant: by its label, its signing key as listed, or its public key as text. */
static bool key_is_named(const struct key_info *row, const char *name)
{
    struct keys_public keys;
    char hex[2 * sizeof(row->sign_key) + 1];
    if (keys_parse(name, &keys) == STATUS_OK)
        return memcmp(keys.sign, row->sign_key, sizeof(keys.sign)) == 0;
    sodium_bin2hex(hex, sizeof(hex), row->sign_key, sizeof(row->sign_key));
    return strcasecmp(hex, name) == 0 || (row->label.length == strlen(name) &&
                                          memcmp(row->label.data, name, row->label.length) == 0);
}

int command_key_remove(struct cli *cli, int argc, char **argv)
{
    struct q_keys q = {0};
    const void *rows = NULL;
    const struct key_info *found = NULL;
    (void)argc;
    if (argv[0][0] == '\0')
        return cli_fail(cli, CLI_USAGE, "KEY is a label or a signing key of 'bourse key list'");
    uint32_t count = records_fetch(cli, &q_keys_message, &q, KEYS_PER_ACCOUNT_MAX, &rows);
    for (uint32_t i = 0; i < count && cli->exit == CLI_OK; i++) {
        const struct key_info *row = (const struct key_info *)rows + i;
        if (!key_is_named(row, argv[0]))
            continue;
        if (found != NULL)
            return cli_fail(cli, CLI_USAGE,
                            "several keys are called %s; name one by its signing key, as 'bourse "
                            "key list' shows it",
                            argv[0]);
        found = row;
    }
    if (cli->exit != CLI_OK)
        return cli->exit;
    if (found == NULL)
        return cli_fail(cli, CLI_REFUSED, "no key is called %s; 'bourse key list' shows them",
                        argv[0]);
    struct op_account_key_remove op;
    memcpy(op.sign_key, found->sign_key, sizeof(op.sign_key));
    return cli_print_result(cli, &op_account_key_remove_message,
                            cli_apply(cli, &op_account_key_remove_message, &op), "account",
                            "removed the key %s; it is worth nothing from now on", argv[0]);
}
