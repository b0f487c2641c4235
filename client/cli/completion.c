/* A completion script for bash, made from the table of commands. */
#include "client/cli/cli.h"

#include <stdio.h>

static void options_words(const struct cli_option *options)
{
    for (const struct cli_option *o = options; o != NULL && o->name != NULL; o++)
        printf(" --%s", o->name);
}

/* One line of the case statement for each command: what may follow it. */
static void command_lines(const struct cli_command *command, const char *path)
{
    printf("    '%s') words='", path);
    for (const struct cli_command *c = command->children; c != NULL && c->name != NULL; c++)
        printf("%s ", c->name);
    options_words(command->options);
    printf("' ;;\n");
    for (const struct cli_command *c = command->children; c != NULL && c->name != NULL; c++) {
        char child[CLI_PATH_BYTES];
        if (snprintf(child, sizeof(child), "%s %s", path, c->name) < CLI_PATH_BYTES)
            command_lines(c, child);
    }
}

static void group_paths(const struct cli_command *command, const char *path)
{
    if (command->children == NULL)
        return;
    printf("%s'%s'", command == &cli_root ? "" : "|", path);
    for (const struct cli_command *c = command->children; c->name != NULL; c++) {
        char child[CLI_PATH_BYTES];
        if (snprintf(child, sizeof(child), "%s %s", path, c->name) < CLI_PATH_BYTES)
            group_paths(c, child);
    }
}

/* The options whose value is a file. */
static void file_options(void)
{
    static const char *const names[] = {"file",        "key",   "config", "passphrase-file",
                                        "access-file", "nodes", "tasks"};
    printf("-o|--output");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        printf("|--%s", names[i]);
}

int command_completion(struct cli *cli, int argc, char **argv)
{
    (void)cli;
    (void)argc;
    (void)argv;
    printf("# bash completion for bourse. Use it with: source <(bourse completion)\n"
           "_bourse()\n{\n"
           "    local current=\"${COMP_WORDS[COMP_CWORD]}\"\n"
           "    local before=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
           "    local path=bourse words= common= i\n"
           "    COMPREPLY=()\n"
           "    case \"$before\" in\n    ");
    file_options();
    printf(") COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n    esac\n"
           "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
           "        case \"$path\" in\n        ");
    group_paths(&cli_root, "bourse");
    printf(") [[ ${COMP_WORDS[i]} != -* ]] && path=\"$path ${COMP_WORDS[i]}\" ;;\n"
           "        esac\n    done\n"
           "    case \"$path\" in\n");
    command_lines(&cli_root, "bourse");
    printf("    esac\n    common='");
    options_words(cli_common_options);
    printf("'\n"
           "    [[ $current == -* ]] && words=\"$words $common\"\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
           "    # File names where no word of ours fits.\n"
           "    ((${#COMPREPLY[@]})) || COMPREPLY=($(compgen -f -- \"$current\"))\n"
           "}\n"
           "complete -F _bourse bourse\n");
    return CLI_OK;
}
