/* The subcommands of boursed that work without a network, one file each. main.c lists them. */
#ifndef BOURSE_COMMAND_COMMAND_H
#define BOURSE_COMMAND_COMMAND_H

#include "server/command/arguments.h"

extern const struct command command_init;
extern const struct command command_certify;
extern const struct command command_check;
extern const struct command command_replay;
extern const struct command command_backup;
extern const struct command command_restore;
extern const struct command command_report;

#endif
