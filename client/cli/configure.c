#include "client/cli/cli.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/status.h"

int command_config_show(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)cli_key_file(cli);
    if (cli->exit != CLI_OK)
        return cli->exit;
    if (cli->json)
        return cli_print_json(cli, json_pack("{s:s, s:b, s:s?, s:s?, s:s?}", "file",
                                             cli->config_file, "exists", (int)cli->config_found,
                                             "server", cli->config.server, "exchange",
                                             cli->config.exchange, "key", cli->config.key));
    cli_print(cli, "# %s%s\n", cli->config_file, cli->config_found ? "" : " (not there yet)");
    for (size_t i = 0; config_names[i] != NULL; i++) {
        const char *value = config_get(&cli->config, config_names[i]);
        cli_print(cli, "%s = %s\n", config_names[i], value != NULL ? value : "");
    }
    return cli->exit;
}

/* The file to write, whether or not it is there and can be read. */
static char *file_named(struct cli *cli)
{
    const char *named = option_text(cli, "config");
    char *file = named != NULL ? strdup(named) : config_default_file();
    if (file == NULL)
        cli_fail(cli, CLI_LOCAL, "there is no home folder; name a file with --config");
    return file;
}

/* A key file is found from every folder: a relative path is made absolute. In the arena. */
static const char *value_lasting(struct cli *cli, const char *name, const char *value)
{
    char folder[PATH_MAX];
    if (strcmp(name, "key") != 0 || value[0] == '/' || value[0] == '~' || value[0] == '\0' ||
        getcwd(folder, sizeof(folder)) == NULL)
        return value;
    size_t size = strlen(folder) + strlen(value) + 2;
    char *whole = arena_alloc(&cli->arena, size);
    if (whole != NULL)
        snprintf(whole, size, "%s/%s", folder, value);
    return whole != NULL ? whole : value;
}

static int write_one(struct cli *cli, const char *file, const char *name, const char *value)
{
    struct config_error why;
    int status = config_write(file, name, value_lasting(cli, name, value), &why);
    if (status == STATUS_MALFORMED || status == STATUS_NOT_FOUND)
        return cli_fail(cli, CLI_USAGE, "%s", why.text);
    if (status != STATUS_OK)
        return cli_fail(cli, CLI_LOCAL, "%s", why.text);
    return CLI_OK;
}

int command_config_set(struct cli *cli, int argc, char **argv)
{
    char *file = file_named(cli);
    (void)argc;
    if (file != NULL && write_one(cli, file, argv[0], argv[1]) == CLI_OK) {
        if (cli->json)
            cli_print_json(
                cli, json_pack("{s:s, s:s, s:s}", "file", file, "name", argv[0], "value", argv[1]));
        else
            cli_note(cli, "Wrote %s.\n", file);
    }
    free(file);
    return cli->exit;
}

int command_config_init(struct cli *cli, int argc, char **argv)
{
    char *file = file_named(cli);
    (void)argc;
    (void)argv;
    if (file == NULL)
        return cli->exit;
    if (access(file, F_OK) == 0)
        cli_fail(cli, CLI_LOCAL, "%s exists; change it with 'bourse config set'", file);
    option_required(cli, "exchange");
    for (size_t i = 0; config_names[i] != NULL && cli->exit == CLI_OK; i++) {
        const char *value = option_text(cli, config_names[i]);
        if (value != NULL)
            write_one(cli, file, config_names[i], value);
    }
    if (cli->exit == CLI_OK && cli->json)
        cli_print_json(cli, json_pack("{s:s}", "file", file));
    if (cli->exit == CLI_OK)
        cli_note(cli, "Wrote %s.\n", file);
    free(file);
    return cli->exit;
}
