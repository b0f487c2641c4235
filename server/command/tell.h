/* What the subcommands tell people: failures on stderr, and how far they have come. */
#ifndef BOURSE_COMMAND_TELL_H
#define BOURSE_COMMAND_TELL_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/buffer.h"
#include "server/command/arguments.h"

/* Prints to stderr, with what a terminal might obey, or people not see, spelt out. */
__attribute__((format(printf, 1, 2))) void tell_people(const char *format, ...);
/* Prints the line, or the status where there is none, releases it, and is EXIT_FAILED. */
int tell_failure(const struct arguments *a, int status, struct buffer *error);

/* 64 hexadecimal digits and a NUL. */
const char *tell_hash(const uint8_t hash[32], char out[65]);

/* A bar on stderr, where that is a terminal. */
struct progress {
    const char *what;
    uint64_t total;
    bool is_shown;
};

struct progress progress_begin(const char *what, uint64_t total);
void progress_show(const struct progress *p, uint64_t done);
/* Wipes the bar away. */
void progress_end(const struct progress *p);

#endif
