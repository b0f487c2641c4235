/* What the tables of commands are written with, and the groups that stand in files of their own. */
#ifndef BOURSE_CLIENT_CLI_COMMANDS_H
#define BOURSE_CLIENT_CLI_COMMANDS_H

#include "client/cli/cli.h"

#define END                                                                                        \
    {                                                                                              \
        NULL, 0, NULL, NULL                                                                        \
    }
/* A group, and a command: name, summary, arguments, least and most of them, options, function. */
#define GROUP(name, summary, children)                                                             \
    {                                                                                              \
        name, summary, NULL, NULL, NULL, children, NULL, 0, 0                                      \
    }
#define COMMAND(name, summary, arguments, min, max, options, function)                             \
    {                                                                                              \
        name, summary, arguments, NULL, options, NULL, function, min, max                          \
    }
#define COMMAND_MORE(name, summary, arguments, min, max, options, function, details)               \
    {                                                                                              \
        name, summary, arguments, details, options, NULL, function, min, max                       \
    }
#define NO_MORE                                                                                    \
    {                                                                                              \
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0                                             \
    }

#define LIMIT_OPTION                                                                               \
    {                                                                                              \
        "limit", 0, "N", "at most so many rows"                                                    \
    }
#define SERIES_OPTION                                                                              \
    {                                                                                              \
        "series", 0, "SERIES", "number or name of the series"                                      \
    }

/* In commands_market.c. */
extern const struct cli_command site_commands[], offer_commands[];
extern const struct cli_command order_commands[], lease_commands[], rule_commands[];
extern const struct cli_command market_commands[];
extern const struct cli_option book_options[], watch_options[];
extern const struct cli_option quote_options[], order_place_options[], advise_options[];

/* In commands_control.c. */
extern const struct cli_command control_commands[];

/* In commands_report.c. */
extern const struct cli_command report_commands[];

/* In commands_contracts.c. */
extern const struct cli_command backstop_commands[];
extern const struct cli_command revshare_commands[], flow_commands[];
extern const struct cli_command grant_commands[], revenue_commands[], royalty_commands[];
extern const struct cli_command contract_commands[], claim_commands[], guarantee_commands[];

#endif
