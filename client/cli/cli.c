#include "client/cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/claim.h"

static const struct cli_command *child_find(const struct cli_command *command, const char *name)
{
    for (const struct cli_command *c = command->children; c != NULL && c->name != NULL; c++) {
        if (strcmp(c->name, name) == 0)
            return c;
    }
    return NULL;
}

static const struct cli_option *common_find(const char *word)
{
    for (const struct cli_option *o = cli_common_options; o->name != NULL; o++) {
        if ((word[1] == '-' && strcmp(o->name, word + 2) == 0) ||
            (word[1] != '-' && word[1] == o->letter && word[2] == '\0'))
            return o;
    }
    return NULL;
}

static void say_unknown(struct cli *cli, const char *word)
{
    const char *like = help_suggest(cli->command->children, word);
    if (like != NULL)
        cli_fail(cli, CLI_USAGE, "%s has no command '%s'; did you mean '%s'? See '%s --help'",
                 cli->path, word, like, cli->path);
    else
        cli_fail(cli, CLI_USAGE, "%s has no command '%s'; see '%s --help'", cli->path, word,
                 cli->path);
}

/*
 * Follows argv down the table; what is not the name of a command moves to the front of it, and how
 * much that is, is returned. Options before the command are common ones; the value of one must not
 * be taken for a command.
 */
static int command_find(struct cli *cli, int argc, char **argv)
{
    int rest = 0;
    cli->command = &cli_root;
    snprintf(cli->path, sizeof(cli->path), "bourse");
    for (int i = 0; i < argc; i++) {
        bool is_option = argv[i][0] == '-' && argv[i][1] != '\0';
        if (is_option || cli->command->children == NULL) {
            const struct cli_option *o = is_option ? common_find(argv[i]) : NULL;
            bool takes_next = cli->command->children != NULL && o != NULL && o->value != NULL;
            argv[rest++] = argv[i];
            if (takes_next && i + 1 < argc)
                argv[rest++] = argv[++i];
            continue;
        }
        const struct cli_command *child = child_find(cli->command, argv[i]);
        if (child == NULL) {
            say_unknown(cli, argv[i]);
            return rest;
        }
        size_t length = strlen(cli->path);
        snprintf(cli->path + length, sizeof(cli->path) - length, " %s", child->name);
        cli->command = child;
    }
    return rest;
}

static bool has_word(int argc, char **argv, const char *word)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], word) == 0)
            return true;
    }
    return false;
}

/* Whoever has a gift's line has the gift: it must not stand in an error either. */
static bool has_secret(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strstr(argv[i], CLAIM_KIND) != NULL)
            return true;
    }
    return false;
}

static int arguments_check(struct cli *cli, int count, char **argv)
{
    const struct cli_command *c = cli->command;
    if (count < c->arguments_min)
        return cli_fail(cli, CLI_USAGE, "'%s' needs more arguments: %s", cli->path,
                        c->arguments != NULL ? c->arguments : "");
    if (c->arguments_max >= 0 && count > c->arguments_max)
        return cli_fail(cli, CLI_USAGE, "'%s' is one argument too many for '%s'; see '%s --help'",
                        argv[c->arguments_max], cli->path, cli->path);
    return cli->exit;
}

static void cli_release(struct cli *cli)
{
    connection_close(cli->connection);
    keys_wipe(&cli->keys);
    config_release(&cli->config);
    free(cli->config_file);
    for (int i = 0; i < NAMED_KINDS; i++)
        buffer_release(&cli->names[i].known);
    json_decref(cli->echo);
    arena_release(&cli->arena);
}

static int command_run(struct cli *cli, int argc, char **argv)
{
    if (has_word(argc, argv, "--help") || has_word(argc, argv, "-h")) {
        help_print(cli->command, cli->path);
        return CLI_OK;
    }
    if (cli->command->children != NULL) {
        if (options_parse(cli, argc, argv) < 0)
            return cli->exit;
        cli->json = option_flag(cli, "json");
        if (option_flag(cli, "version")) {
            cli_print(cli, "bourse %s\n", BOURSE_VERSION);
            return cli_print_json(cli, json_pack("{s:s}", "version", BOURSE_VERSION));
        }
        if (cli->json)
            return cli_fail(cli, CLI_USAGE, "which command? See '%s --help'", cli->path);
        help_print(cli->command, cli->path);
        return CLI_USAGE;
    }
    int count = options_parse(cli, argc, argv);
    cli->json = option_flag(cli, "json");
    if (option_flag(cli, "no-color"))
        cli->colour = false;
    if (count < 0 || arguments_check(cli, count, argv) != CLI_OK)
        return cli->exit;
    int code = cli->command->run(cli, count, argv);
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == CLI_OK)
        code = cli_fail(cli, CLI_LOCAL, "cannot write to standard output");
    return code;
}

int cli_main(int argc, char **argv)
{
    const char *no_color = getenv("NO_COLOR");
    struct cli *cli = calloc(1, sizeof(*cli));
    if (cli == NULL)
        return CLI_LOCAL;
    cli->json = has_word(argc - 1, argv + 1, "--json"); /* for errors before it is parsed */
    cli->colour =
        (no_color == NULL || no_color[0] == '\0') && isatty(STDOUT_FILENO) && isatty(STDERR_FILENO);
    argc--;
    argv++;
    if (argc > 0 && strcmp(argv[0], "help") == 0) {
        argv[0] = "--help"; /* `bourse help token` is `bourse token --help` */
    }
    if (has_secret(argc, argv)) {
        int refused = cli_fail(cli, CLI_USAGE,
                               "a claim line is not given on the command line, where others can "
                               "see it; use --file or standard input");
        free(cli);
        return refused;
    }
    int rest = command_find(cli, argc, argv);
    int code = cli->exit != CLI_OK ? cli->exit : command_run(cli, rest, argv);
    cli_release(cli);
    free(cli);
    return code;
}
