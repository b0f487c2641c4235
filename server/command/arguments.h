/*
 * Options of a subcommand, as a table from which they are parsed and help is printed. Options are
 * `--name VALUE`, `--name=VALUE` or flags `--name`; there are no others, and no positions but one
 * word that a command may ask for before them.
 */
#ifndef BOURSE_COMMAND_ARGUMENTS_H
#define BOURSE_COMMAND_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { OPTIONS_MAX = 24, OPTION_REPEATS_MAX = 32 };

/* How a program of ours ends. */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1, /* it did not work, or a check found something */
    EXIT_USAGE = 2,  /* called in a wrong way */
};

struct option_spec {
    const char *name;     /* without dashes */
    const char *argument; /* what its value is called in help, "DIR"; NULL: a flag; "NAME..." when
                           * it may be given several times, as at most one of a command may */
    const char *help;
    bool required;
};

struct arguments;

/* A subcommand of boursed. `options` ends with an entry without a name. */
struct command {
    const char *name;
    const char *summary; /* one line */
    const char *text;    /* more, for its own help; may be NULL */
    const char *word;    /* what stands before the options, "KIND"; NULL: nothing does */
    const struct option_spec *options;
    int (*run)(const struct arguments *a); /* an exit code */
};

struct arguments {
    const struct command *command;
    const char *word;                         /* NULL: the command asks for none */
    const char *values[OPTIONS_MAX];          /* by place in the table; a flag's is "" when given */
    const char *repeated[OPTION_REPEATS_MAX]; /* of the one that may be given several times */
    uint32_t repeated_count;
};

/*
 * Parses what follows the subcommand's name and runs it. `--help` prints its help and returns
 * EXIT_DONE; a mistake is named on stderr and is EXIT_USAGE.
 */
int command_run(const struct command *c, int argc, char *const *argv);
/* Parses alone; false with a line on stderr. */
bool arguments_parse(const struct command *c, int argc, char *const *argv, struct arguments *out);
void command_help(const struct command *c, FILE *out);

/* The value of an option; NULL when it was not given. The name must be in the table. */
const char *arguments_get(const struct arguments *a, const char *name);
bool arguments_has(const struct arguments *a, const char *name);
/* The number from `low` to `high` that an option names; `absent` when it was not given. False with
 * a line on stderr when it is something else. */
bool arguments_number(const struct arguments *a, const char *name, uint64_t low, uint64_t high,
                      uint64_t absent, uint64_t *out);
/* The same for a duration such as 30m or 24h, in seconds. */
bool arguments_duration(const struct arguments *a, const char *name, uint64_t low, uint64_t high,
                        uint64_t absent, uint64_t *out);

#endif
