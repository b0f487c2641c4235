#include "client/cli/cli.h"

#include <stdio.h>
#include <string.h>

enum { WORD_MAX = 32, HELP_LEFT = 30, HELP_RIGHT = 66 };

/* What an option does, behind its name, going on below itself. */
static void help_wrap(const char *text)
{
    for (int gap = 2; *text != '\0'; gap = HELP_LEFT + 4) {
        size_t length = strlen(text);
        if (length > HELP_RIGHT) {
            length = HELP_RIGHT;
            while (length > 1 && text[length] != ' ')
                length--;
        }
        printf("%*s%.*s\n", gap, "", (int)length, text);
        text += length;
        text += strspn(text, " ");
    }
}

static void options_print(const char *title, const struct cli_option *options)
{
    if (options == NULL || options->name == NULL)
        return;
    printf("\n%s:\n", title);
    for (const struct cli_option *o = options; o->name != NULL; o++) {
        char left[64];
        char letter[8] = "    ";
        if (o->letter != 0)
            snprintf(letter, sizeof(letter), "-%c, ", o->letter);
        snprintf(left, sizeof(left), "%s--%s%s%s", letter, o->name, o->value != NULL ? " " : "",
                 o->value != NULL ? o->value : "");
        printf("  %-*s", HELP_LEFT, left);
        if (strlen(left) > HELP_LEFT)
            printf("\n  %*s", HELP_LEFT, "");
        help_wrap(o->help);
    }
}

static void children_print(const struct cli_command *command)
{
    printf("\nCommands:\n");
    for (const struct cli_command *c = command->children; c->name != NULL; c++)
        printf("  %-13s  %s\n", c->name, c->summary);
}

void help_print(const struct cli_command *command, const char *path)
{
    bool is_group = command->children != NULL;
    printf("Usage: %s%s%s%s\n\n%s.\n", path, is_group ? " COMMAND" : " [options]",
           command->arguments != NULL ? " " : "",
           command->arguments != NULL ? command->arguments : "", command->summary);
    if (command->details != NULL)
        printf("\n%s\n", command->details);
    if (is_group)
        children_print(command);
    options_print("Options", command->options);
    if (command == &cli_root)
        options_print("Options of every command", cli_common_options);
    if (is_group)
        printf("\n'%s COMMAND --help' says more about one of them.\n", path);
    else
        printf("\n'bourse --help' lists the options that every command takes.\n");
}

size_t help_distance(const char *a, const char *b)
{
    size_t row[WORD_MAX + 1];
    size_t a_length = strlen(a);
    size_t b_length = strlen(b);
    if (a_length > WORD_MAX || b_length > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t above = row[j];
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            best = above + 1 < best ? above + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            row[j] = best;
            diagonal = above;
        }
    }
    return row[b_length];
}

const char *help_suggest(const struct cli_command *commands, const char *text)
{
    const char *best = NULL;
    size_t best_distance = 3;
    for (const struct cli_command *c = commands; c != NULL && c->name != NULL; c++) {
        size_t d = help_distance(c->name, text);
        if (d < best_distance) {
            best = c->name;
            best_distance = d;
        }
    }
    return best;
}
