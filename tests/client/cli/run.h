/* Runs the program `bourse` and catches what it prints. */
#ifndef BOURSE_TESTS_CLIENT_CLI_RUN_H
#define BOURSE_TESTS_CLIENT_CLI_RUN_H

#include <stdbool.h>

struct run {
    int code; /* the exit code; 128 and more: it crashed */
    char out[65536];
    char error[16384];
};

/* `line` is divided at spaces, "bourse" is put in front; `input` (may be NULL) is standard input.
 */
void run_line(struct run *r, const char *line, const char *input);
/* Whether it printed the words, on either stream; runs of spaces count as one, so that a test need
 * not know how wide a table is. */
bool run_says(const struct run *r, const char *words);

#endif
