/* boursed: the table of subcommands. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "server/command/command.h"
#include "server/command/run.h"

static const struct command *const commands[] = {
    &command_init,   &command_serve,  &command_check,   &command_replay,
    &command_report, &command_backup, &command_restore, &command_certify,
};
enum { COMMANDS_COUNT = sizeof(commands) / sizeof(commands[0]) };

static void usage(FILE *out)
{
    fprintf(out,
            "boursed %s, the server of an exchange for tokenized compute credits\n\n"
            "usage: boursed COMMAND [OPTIONS]\n\n",
            BOURSE_VERSION);
    for (size_t i = 0; i < COMMANDS_COUNT; i++)
        fprintf(out, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(out, "\n`boursed COMMAND --help` tells more. The client is `bourse`.\n");
}

int main(int argc, char **argv)
{
    if (sodium_init() < 0) {
        fprintf(stderr, "boursed: libsodium cannot start: no source of randomness\n");
        return EXIT_FAILED;
    }
    /* A write beyond the limit on file sizes fails then, and says so. */
    signal(SIGXFSZ, SIG_IGN);
    if (argc < 2) {
        usage(stderr);
        return EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        usage(stdout);
        return EXIT_DONE;
    }
    if (strcmp(name, "--version") == 0) {
        printf("boursed %s\n", BOURSE_VERSION);
        return EXIT_DONE;
    }
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        if (strcmp(name, commands[i]->name) == 0)
            return command_run(commands[i], argc - 2, argv + 2);
    }
    fprintf(stderr, "boursed: there is no command '%s'; `boursed --help` lists them\n", name);
    return EXIT_USAGE;
}
