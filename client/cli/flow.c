/* Flows: what went from one account to another, by calendar month. */
#include "client/cli/cli.h"

int command_flow_list(struct cli *cli, int argc, char **argv)
{
    const char *account = option_text(cli, "account");
    struct q_flows q = {
        .account = account != NULL ? name_account(cli, account) : 0,
        .from_s = option_moment(cli, "from", 0),
        .until_s = option_moment(cli, "until", 0),
    };
    (void)argc;
    (void)argv;
    return records_list(cli, &q_flows_message, &q,
                        "month_s kind payer payee series site sku amount_ucr gpu_minutes",
                        "nothing was earned or paid yet");
}
