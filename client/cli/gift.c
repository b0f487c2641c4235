#include "client/cli/cli.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "client/claim.h"
#include "client/paths.h"
#include "protocol/amount.h"
#include "protocol/keyfile.h"
#include "protocol/status.h"

/* Makes the line, and the key that the gift is locked to. */
static int claim_begin(struct cli *cli, struct claim *claim, uint8_t claim_key[32])
{
    struct keys keys;
    char text[CLAIM_TEXT_SIZE];
    const char *server = option_text(cli, "advertise");
    claim->pin = cli->config.pin;
    snprintf(claim->server, sizeof(claim->server), "%s",
             server != NULL ? server : cli->config.server);
    randombytes_buf(claim->seed, sizeof(claim->seed));
    keys_from_seed(&keys, claim->seed);
    memcpy(claim_key, keys.sign_public, 32);
    keys_wipe(&keys);
    /* Whether it can be printed must be known before the gift is locked. */
    if (claim_print(claim, text) != STATUS_OK)
        cli_fail(cli, CLI_USAGE, "'%s' is not host:port", claim->server);
    sodium_memzero(text, sizeof(text));
    return cli->exit;
}

static int claim_give_out(struct cli *cli, const struct claim *claim, const struct result *r)
{
    char text[CLAIM_TEXT_SIZE + 1];
    const char *file = option_text(cli, "output");
    if (claim_print(claim, text) != STATUS_OK)
        return cli_fail(cli, CLI_LOCAL,
                        "cannot print the line; take the gift back with 'bourse "
                        "token revoke %" PRIu64 "'",
                        r->object);
    if (file != NULL) {
        size_t length = strlen(text);
        text[length++] = '\n';
        int status =
            access(file, F_OK) == 0 ? STATUS_EXISTS : paths_replace(file, 0600, text, length);
        if (status != STATUS_OK)
            cli_fail(cli, CLI_LOCAL,
                     "cannot write %s (%s); take the gift back with 'bourse token revoke %" PRIu64
                     "'",
                     file, status_text(status), r->object);
    }
    if (cli->exit == CLI_OK && cli->json) {
        json_t *json = cli_result_json(&op_token_give_message, r, "gift");
        if (file == NULL)
            json_object_set_new(json, "claim", json_string(text));
        cli_print_json(cli, json);
    } else if (cli->exit == CLI_OK) {
        cli_note(cli,
                 "gift %" PRIu64 " (event %" PRIu64 "). Whoever has the line has the gift; 'bourse "
                 "token revoke %" PRIu64 "' takes it back until it is claimed.\n",
                 r->object, r->index, r->object);
        if (file == NULL)
            cli_print(cli, "%s\n", text);
    }
    sodium_memzero(text, sizeof(text));
    return cli->exit;
}

int command_token_give(struct cli *cli, int argc, char **argv)
{
    struct op_token_give op = {.amount_ucr = value_amount(cli, "AMOUNT", argv[0])};
    struct claim claim = {0};
    uint64_t held = 0;
    const char *file = option_text(cli, "output");
    (void)argc;
    if (file != NULL && access(file, F_OK) == 0)
        return cli_fail(cli, CLI_LOCAL, "%s exists; name another file", file);
    op.inputs.count = option_numbers(cli, "tokens", &op.inputs.items);
    if (op.inputs.count == 0) {
        uint32_t series = funds_series(cli);
        if (cli->exit == CLI_OK)
            op.inputs.count = funds_choose(cli, series, op.amount_ucr, TRANSFER_INPUTS_MAX,
                                           &op.inputs.items, &held);
    }
    if (cli_connect(cli) == CLI_OK && claim_begin(cli, &claim, op.claim_key) == CLI_OK) {
        const struct result *r = cli_apply(cli, &op_token_give_message, &op);
        if (r != NULL) {
            claim.gift = r->object;
            claim_give_out(cli, &claim, r);
        } else if (cli->exit == CLI_CONNECTION) {
            cli_note(cli,
                     "If the gift was made all the same, its line is lost: 'bourse token gifts' "
                     "lists it and 'bourse token revoke' takes it back.\n");
        }
    }
    claim_wipe(&claim);
    return cli->exit;
}

/* --- Claiming ------------------------------------------------------------------------------- */

static int claim_read(struct cli *cli, struct claim *claim)
{
    struct buffer text = BUFFER_EMPTY;
    const char *file = option_text(cli, "file");
    if (file == NULL && isatty(STDIN_FILENO))
        cli_note(cli, "Paste the line and press Ctrl-D:\n");
    cli_read_file(cli, file != NULL ? file : "-", 4 * CLAIM_TEXT_SIZE, &text);
    int status =
        cli->exit == CLI_OK ? claim_parse((const char *)text.data, text.length, claim) : STATUS_OK;
    buffer_wipe(&text);
    if (status == STATUS_VERSION)
        cli_fail(cli, CLI_USAGE, "the line is of a newer version; install a newer client");
    else if (status != STATUS_OK)
        cli_fail(cli, CLI_USAGE,
                 "not a gift's line, or a character of it is wrong or missing. It is one line and "
                 "begins with bourse-gift:v1:");
    return cli->exit;
}

/* What the configuration does not say is taken from the line. */
static int take_over(struct cli *cli, const struct claim *claim)
{
    struct config_error why;
    char pin[PIN_TEXT_SIZE];
    if (cli_configure(cli) != CLI_OK)
        return cli->exit;
    bool pinned = cli->config.exchange != NULL;
    if (pinned && memcmp(cli->config.pin.exchange_id, claim->pin.exchange_id, 32) != 0)
        return cli_fail(cli, CLI_USAGE,
                        "the gift is of another exchange (%s) than the configured one (%s). If you "
                        "trust who gave you the line, name another configuration with --config.",
                        claim->pin.origin, cli->config.pin.origin);
    if (pinned)
        return CLI_OK;
    if (pin_print(&claim->pin, pin) != STATUS_OK ||
        config_set(&cli->config, "exchange", pin, &why) != STATUS_OK)
        return cli_fail(cli, CLI_USAGE, "the line's pin cannot be used");
    if (option_text(cli, "server") == NULL && strcmp(claim->server, "-") != 0 &&
        config_set(&cli->config, "server", claim->server, &why) != STATUS_OK)
        return cli_fail(cli, CLI_USAGE, "%s", why.text);
    return cli->exit;
}

static int key_ensure(struct cli *cli)
{
    uint8_t seed[KEYS_SEED_BYTES];
    struct keyfile_info info;
    const char *file = cli_key_file(cli);
    if (cli->exit != CLI_OK || keyfile_inspect(file, &info) != STATUS_NOT_FOUND)
        return cli->exit;
    randombytes_buf(seed, sizeof(seed));
    int status = paths_make_parent(file);
    if (status == STATUS_OK)
        status = keyfile_write(file, seed, NULL, 0, NULL);
    sodium_memzero(seed, sizeof(seed));
    if (status != STATUS_OK)
        return cli_fail(cli, CLI_LOCAL, "cannot write the key file %s: %s", file,
                        status_text(status));
    cli_note(cli, "Wrote your key file %s. Keep a copy of it in a safe place.\n", file);
    return CLI_OK;
}

static void config_keep(struct cli *cli)
{
    struct config_error why;
    if (cli->config_found || cli->exit != CLI_OK)
        return;
    for (size_t i = 0; config_names[i] != NULL; i++) {
        const char *value = config_get(&cli->config, config_names[i]);
        if (value != NULL &&
            config_write(cli->config_file, config_names[i], value, &why) != STATUS_OK) {
            cli_note(cli, "The gift is yours, but the configuration was not written: %s\n",
                     why.text);
            return;
        }
    }
    cli_note(cli, "Wrote the configuration %s.\n", cli->config_file);
}

static int claim_send(struct cli *cli, const struct claim *claim)
{
    char text[AMOUNT_TEXT_BYTES];
    struct op_gift_claim op = {.gift = claim->gift};
    const char *name = option_text(cli, "name");
    const struct connection_status *s = connection_status(cli->connection);
    if (s->you == 0 && name == NULL)
        return cli_fail(cli, CLI_USAGE,
                        "your key has no account yet; choose a name with --name and claim again");
    if (s->you != 0 && name != NULL)
        return cli_fail(cli, CLI_USAGE, "you have an account already, %s; leave --name out",
                        s->name);
    if (s->you == 0) {
        op.name = value_text(cli, "--name", name, NAME_MAX_BYTES);
        memcpy(op.channel_key, cli->keys.channel_public, sizeof(op.channel_key));
    }
    claim_prove(claim, cli->keys.sign_public, op.channel_key, op.proof);
    const struct result *r = cli_apply(cli, &op_gift_claim_message, &op);
    if (r == NULL)
        return cli->exit;
    config_keep(cli);
    struct q_tokens q = {.token = r->token_first};
    const struct a_tokens *a =
        r->token_count > 0 && !cli->json ? cli_query_quietly(cli, &q_tokens_message, &q) : NULL;
    bool known = a != NULL && a->rows.count > 0;
    cli_echo(cli, json_pack("{s:I}", "gift", (json_int_t)claim->gift));
    return cli_print_result(cli, &op_gift_claim_message, r, "account",
                            "claimed gift %" PRIu64 ": token %" PRIu64
                            "%s%s%s for account %" PRIu64,
                            claim->gift, r->token_first, known ? " of " : "",
                            known ? amount_format(a->rows.items[0].amount_ucr, text) : "",
                            known ? " credits" : "", r->object);
}

int command_token_claim(struct cli *cli, int argc, char **argv)
{
    struct claim claim = {0};
    (void)argc;
    (void)argv;
    cli->config_new = true;
    if (claim_read(cli, &claim) == CLI_OK && take_over(cli, &claim) == CLI_OK &&
        key_ensure(cli) == CLI_OK && cli_connect(cli) == CLI_OK)
        claim_send(cli, &claim);
    claim_wipe(&claim);
    return cli->exit;
}

int command_token_revoke(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct op_gift_revoke op = {.gift = value_u64(cli, "GIFT", argv[0])};
    const struct result *r = cli_apply(cli, &op_gift_revoke_message, &op);
    return cli_print_result(cli, &op_gift_revoke_message, r, "gift",
                            "took gift %s back as token %" PRIu64, argv[0],
                            r != NULL ? r->token_first : 0);
}

int command_token_gifts(struct cli *cli, int argc, char **argv)
{
    const char *account = option_text(cli, "account");
    struct q_gifts q = {.account = account != NULL ? name_account(cli, account) : 0};
    (void)argc;
    (void)argv;
    return records_list(cli, &q_gifts_message, &q, "gift giver series amount_ucr index",
                        "no gifts wait to be claimed");
}
