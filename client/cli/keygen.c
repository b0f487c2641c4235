#include "client/cli/cli.h"

#include <string.h>

#include <sodium.h>

#include "client/paths.h"
#include "protocol/keyfile.h"
#include "protocol/status.h"

static int public_print(struct cli *cli, const char *file, const struct keys_public *p)
{
    char text[KEYS_TEXT_BYTES + 1];
    keys_print(p, text);
    if (cli->json)
        return cli_print_json(cli, json_pack("{s:s, s:s}", "file", file, "public_key", text));
    cli_print(cli, "%s\n", text);
    return CLI_OK;
}

static int key_show(struct cli *cli, const char *file)
{
    struct keyfile_info info;
    int status = keyfile_inspect(file, &info);
    if (status == STATUS_NOT_FOUND)
        return cli_fail(cli, CLI_LOCAL, "there is no key file %s; 'bourse keygen' makes one", file);
    if (status == STATUS_PERMISSION)
        return cli_fail(cli, CLI_LOCAL,
                        "the key file must be readable by you and nobody else: chmod 600 %s", file);
    if (status != STATUS_OK)
        return cli_fail(cli, CLI_LOCAL, "%s: %s", file, status_text(status));
    return public_print(cli, file, &info.keys);
}

/* Draws a seed and writes it, sealed when `passphrase` has bytes. */
static int key_make(struct cli *cli, const char *file, const struct buffer *passphrase)
{
    uint8_t seed[KEYS_SEED_BYTES];
    struct keys keys;
    struct keys_public p;
    randombytes_buf(seed, sizeof(seed));
    int status = paths_make_parent(file);
    if (status == STATUS_OK)
        status = keyfile_write(file, seed, passphrase->length > 0 ? passphrase->data : NULL,
                               passphrase->length, NULL);
    keys_from_seed(&keys, seed);
    keys_get_public(&keys, &p);
    keys_wipe(&keys);
    sodium_memzero(seed, sizeof(seed));
    if (status == STATUS_EXISTS)
        return cli_fail(cli, CLI_LOCAL,
                        "%s exists and is left as it is; 'bourse keygen --show' prints its public "
                        "key, 'bourse keygen OTHER-FILE' makes another",
                        file);
    if (status != STATUS_OK)
        return cli_fail(cli, CLI_LOCAL, "cannot write %s: %s", file, status_text(status));
    cli_note(cli,
             "Wrote %s. Keep a copy of it in a safe place: nobody can replace it.\n"
             "The public key, for an admin to register:\n",
             file);
    return public_print(cli, file, &p);
}

int command_keygen(struct cli *cli, int argc, char **argv)
{
    struct buffer passphrase = BUFFER_EMPTY;
    const char *output = option_text(cli, "output");
    if (output != NULL && argc > 0)
        return cli_fail(cli, CLI_USAGE, "which file, %s or %s? Name one of them", output, argv[0]);
    const char *file = output != NULL ? output : argc > 0 ? argv[0] : cli_key_file(cli);
    if (cli->exit != CLI_OK)
        return cli->exit;
    if (option_flag(cli, "show"))
        return key_show(cli, file);
    if (option_flag(cli, "seal") || option_flag(cli, "passphrase-file"))
        cli_passphrase(cli, true, "New passphrase: ", &passphrase);
    if (cli->exit == CLI_OK)
        key_make(cli, file, &passphrase);
    buffer_wipe(&passphrase);
    return cli->exit;
}
