/* The subcommand that serves; beside command.h because it alone needs the network. */
#ifndef BOURSE_COMMAND_RUN_H
#define BOURSE_COMMAND_RUN_H

#include "server/command/arguments.h"

extern const struct command command_serve;

#endif
