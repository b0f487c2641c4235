#include "client/cli/cli.h"

#include <string.h>

#include <sodium.h>

#include "client/key_request.h"
#include "client/paths.h"
#include "protocol/keyfile.h"
#include "protocol/refusal.h"
#include "protocol/status.h"

int command_account_register(struct cli *cli, int argc, char **argv)
{
    struct op_account_register op = {0};
    struct keys_public keys;
    (void)argc;
    op.name = value_text(cli, "NAME", argv[0], NAME_MAX_BYTES);
    op.role = value_word(cli, &role_vocabulary, option_required(cli, "role"));
    if (cli->exit == CLI_OK && keys_parse(argv[1], &keys) != STATUS_OK)
        return cli_fail(cli, CLI_USAGE,
                        "'%s' is not a public key: it is the line 'bourse-key:...' that 'bourse "
                        "keygen --show' prints",
                        argv[1]);
    if (cli->exit != CLI_OK)
        return cli->exit;
    memcpy(op.sign_key, keys.sign, sizeof(op.sign_key));
    memcpy(op.channel_key, keys.channel, sizeof(op.channel_key));
    const struct result *r = cli_apply(cli, &op_account_register_message, &op);
    return cli_print_result(cli, &op_account_register_message, r, "account",
                            "registered account %llu, %s",
                            r != NULL ? (unsigned long long)r->object : 0, argv[0]);
}

int command_account_show(struct cli *cli, int argc, char **argv)
{
    struct q_accounts q = {0};
    if (argc > 0)
        q.account = name_account(cli, argv[0]);
    else if (cli_connect(cli) == CLI_OK)
        q.account = connection_status(cli->connection)->you;
    if (cli->exit == CLI_OK && argc == 0 && q.account == 0)
        return cli_fail(cli, CLI_REFUSED,
                        "your key has no account here; give an admin what 'bourse keygen --show' "
                        "prints, or claim a gift");
    return records_show(cli, &q_accounts_message, &q,
                        "there is no such account; see 'bourse account list'");
}

int command_account_list(struct cli *cli, int argc, char **argv)
{
    struct q_accounts q = {0};
    (void)argc;
    (void)argv;
    return records_list(cli, &q_accounts_message, &q, "account name role state registered_s",
                        "no accounts");
}

int command_account_freeze(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct op_account_freeze op = {.account = name_account(cli, argv[0]),
                                   .reason = option_string(cli, "reason", REASON_MAX_BYTES)};
    uint32_t refusal;
    const struct result *r = cli_try(cli, &op_account_freeze_message, &op, &refusal);
    const struct connection_status *s =
        refusal != REFUSAL_accepted ? connection_status(cli->connection) : NULL;
    if (refusal == REFUSAL_not_permitted && s->you == op.account && s->role == ROLE_ADMIN) {
        struct connection_error why = {
            .refusal = refusal,
            .text = "an admin cannot freeze itself (not_permitted). Another admin can."};
        return cli_fail_connection(cli, &why);
    }
    if (refusal != REFUSAL_accepted)
        return cli_fail_refusal(cli, refusal);
    return cli_print_result(cli, &op_account_freeze_message, r, "account", "froze %s",
                            r != NULL ? name_of(cli, NAMED_ACCOUNT, op.account) : "");
}

int command_account_unfreeze(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct op_account_unfreeze op = {.account = name_account(cli, argv[0])};
    const struct result *r = cli_apply(cli, &op_account_unfreeze_message, &op);
    return cli_print_result(cli, &op_account_unfreeze_message, r, "account", "unfroze %s",
                            r != NULL ? name_of(cli, NAMED_ACCOUNT, op.account) : "");
}

/* Reads the new key file, or makes it. */
static int new_keys(struct cli *cli, const char *file, struct keys *keys)
{
    uint8_t seed[KEYS_SEED_BYTES];
    struct keyfile_info info;
    struct buffer passphrase = BUFFER_EMPTY;
    int status = keyfile_inspect(file, &info);
    if (status == STATUS_NOT_FOUND) {
        randombytes_buf(seed, sizeof(seed));
        status = paths_make_parent(file);
        if (status == STATUS_OK)
            status = keyfile_write(file, seed, NULL, 0, NULL);
        if (status == STATUS_OK)
            cli_note(cli, "Wrote %s.\n", file);
    } else if (status == STATUS_OK) {
        if (info.sealed)
            cli_passphrase(cli, false, "Passphrase of the new key file: ", &passphrase);
        if (cli->exit == CLI_OK)
            status =
                keyfile_read(file, info.sealed ? passphrase.data : NULL, passphrase.length, seed);
        buffer_wipe(&passphrase);
    }
    if (cli->exit == CLI_OK && status != STATUS_OK)
        cli_fail(cli, CLI_LOCAL, "cannot use the key file %s: %s", file, status_text(status));
    if (cli->exit == CLI_OK)
        keys_from_seed(keys, seed);
    sodium_memzero(seed, sizeof(seed));
    return cli->exit;
}

int command_account_rekey(struct cli *cli, int argc, char **argv)
{
    struct op_account_rekey op = {0};
    struct keys keys;
    (void)argc;
    if (cli_connect(cli) != CLI_OK || new_keys(cli, argv[0], &keys) != CLI_OK)
        return cli->exit;
    memcpy(op.sign_key, keys.sign_public, sizeof(op.sign_key));
    memcpy(op.channel_key, keys.channel_public, sizeof(op.channel_key));
    key_request_sign(&keys, connection_status(cli->connection)->you, cli->config.pin.exchange_id,
                     op.proof);
    keys_wipe(&keys);
    return cli_print_result(
        cli, &op_account_rekey_message, cli_apply(cli, &op_account_rekey_message, &op), "account",
        "replaced the account's keys; from now on use the new file with 'bourse "
        "config set key %s'",
        argv[0]);
}
