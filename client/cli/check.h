/*
 * What the command line asked for, looked at before it is sent: a value that the exchange could not
 * even read, or would refuse as malformed, is a wrong command line and is named in its words.
 */
#ifndef BOURSE_CLIENT_CLI_CHECK_H
#define BOURSE_CLIENT_CLI_CHECK_H

#include "client/cli/cli.h"

/* Holds the body of an operation or query to the limits of its description and to the rules of
 * form that need no look at the exchange. Returns cli->exit: CLI_USAGE, with the option or argument
 * that the value came from. */
int check_message(struct cli *cli, const struct message *m, const void *body);

/* --option must be an ISO 3166 code, of a country or with `subdivision` of a part of one, too.
 * Returns cli->exit. */
int check_place(struct cli *cli, const char *option, struct text code, bool subdivision);

#endif
