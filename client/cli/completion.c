/* A completion script for bash, made from the table of commands. */
#include "client/cli/cli.h"

#include <stdio.h>
#include <string.h>

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

/* Calls `use` for each option there is, of every command, as often as it stands there. */
static void options_each(const struct cli_command *command, const char *value,
                         void (*use)(const struct cli_option *, const char *value))
{
    for (const struct cli_option *o = command->options; o != NULL && o->name != NULL; o++)
        use(o, value);
    for (const struct cli_command *c = command->children; c != NULL && c->name != NULL; c++)
        options_each(c, value, use);
}

/* One alternative of a case pattern; that some are there twice does no harm. */
static void pattern_print(const struct cli_option *o, const char *value)
{
    if (o->value == NULL || (value != NULL && strcmp(o->value, value) != 0))
        return;
    printf("|--%s", o->name);
    if (o->letter != 0)
        printf("|-%c", o->letter);
}

/* The options whose value is a file. */
static void file_options(void)
{
    printf("--config");
    for (const struct cli_option *o = cli_common_options; o->name != NULL; o++)
        pattern_print(o, "FILE");
    options_each(&cli_root, "FILE", pattern_print);
}

static void common_value_options(void)
{
    printf("--server");
    for (const struct cli_option *o = cli_common_options; o->name != NULL; o++)
        pattern_print(o, NULL);
}

/* The options whose value is a word of a list. */
static void word_options(void)
{
    static const struct {
        const char *option;
        const struct vocabulary *words;
    } rows[] = {
        {"role", &role_vocabulary},
        {"profile", &profile_vocabulary},
        {"billing", &billing_vocabulary},
        {"kind", &trade_kind_vocabulary},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        printf("    --%s) COMPREPLY=($(compgen -W '", rows[i].option);
        for (uint32_t j = 0; j < rows[i].words->count; j++)
            printf("%s%s", j > 0 ? " " : "", rows[i].words->values[j].name);
        printf("' -- \"$current\")); return ;;\n");
    }
}

int command_completion(struct cli *cli, int argc, char **argv)
{
    (void)cli;
    (void)argc;
    (void)argv;
    printf("# bash completion for bourse. Use it with: source <(bourse completion)\n"
           "_bourse()\n{\n"
           "    local current=\"${COMP_WORDS[COMP_CWORD]}\" before= path=bourse words= common= i\n"
           "    local -a line=()\n"
           "    COMPREPLY=()\n"
           "    # bash divides words at : and = too; here host:port is one.\n"
           "    for ((i = 0; i < COMP_CWORD; i++)); do\n"
           "        if [[ ${#line[@]} -gt 0 && (${COMP_WORDS[i]} == [:=] || ${COMP_WORDS[i - 1]} "
           "== [:=]) ]]; then\n"
           "            line[${#line[@]}-1]+=${COMP_WORDS[i]}\n"
           "        else\n"
           "            line+=(\"${COMP_WORDS[i]}\")\n"
           "        fi\n"
           "    done\n"
           "    before=${line[${#line[@]}-1]}\n"
           "    if [[ $current == = ]]; then\n"
           "        current=\n"
           "    elif [[ $before == --*= ]]; then\n"
           "        before=${before%%=}\n"
           "    fi\n"
           "    case \"$before\" in\n    ");
    file_options();
    printf(") COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n");
    word_options();
    printf("    esac\n"
           "    for ((i = 1; i < ${#line[@]}; i++)); do\n"
           "        case \"${line[i]}\" in\n        ");
    common_value_options();
    printf(") ((i++)); continue ;;\n"
           "        esac\n"
           "        case \"$path\" in\n        ");
    group_paths(&cli_root, "bourse");
    printf(") [[ ${line[i]} != -* ]] && path=\"$path ${line[i]}\" ;;\n"
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
