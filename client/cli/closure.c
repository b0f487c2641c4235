/* When a site gives no capacity: maintenance that is announced, and outages. */
#include <inttypes.h>

#include "client/cli/cli.h"
#include "protocol/moment.h"

static int closure_send(struct cli *cli, const struct op_site_close *op, const char *site)
{
    char from[MOMENT_TEXT_BYTES];
    char until[MOMENT_TEXT_BYTES];
    const struct result *r = cli_apply(cli, &op_site_close_message, op);
    uint64_t closure = r != NULL ? r->object : 0;
    return cli_print_result(cli, &op_site_close_message, r, "closure",
                            "closure %" PRIu64 ": %s of %s from %s until %s; 'bourse site reopen "
                            "%" PRIu64 "' ends it",
                            closure, op->kind == CLOSURE_KIND_OUTAGE ? "outage" : "maintenance",
                            site, op->start_s > 0 ? moment_format(op->start_s, from) : "now",
                            moment_format(op->end_s, until), closure);
}

/* Both kinds of closure last until the end of the minute that was named. */
static uint64_t until_read(struct cli *cli)
{
    const char *until = option_required(cli, "until");
    return cli->exit == CLI_OK ? minute_ceil(value_moment(cli, "until", until)) : 0;
}

int command_site_maintenance(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct op_site_close op = {
        .kind = CLOSURE_KIND_MAINTENANCE,
        .end_s = until_read(cli),
        .reason = option_string(cli, "reason", REASON_MAX_BYTES),
    };
    const char *from = option_text(cli, "from");
    /* Now is the exchange's to say: this minute may be over when it arrives. */
    op.start_s = from != NULL ? minute_floor(value_moment(cli, "from", from)) : 0;
    if (cli->exit == CLI_OK && op.start_s >= op.end_s)
        return cli_fail(cli, CLI_USAGE, "--until lies before --from");
    if (op.start_s > 0 && cli->exit == CLI_OK && op.start_s <= cli_time_s(cli))
        op.start_s = 0;
    op.site = cli->exit == CLI_OK ? name_site(cli, argv[0]) : 0;
    return closure_send(cli, &op, argv[0]);
}

int command_site_outage(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct op_site_close op = {
        .kind = CLOSURE_KIND_OUTAGE,
        .end_s = until_read(cli),
        .reason = option_string(cli, "reason", REASON_MAX_BYTES),
    };
    op.site = cli->exit == CLI_OK ? name_site(cli, argv[0]) : 0;
    return closure_send(cli, &op, argv[0]);
}

int command_site_reopen(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct op_site_reopen op = {.closure = value_u64(cli, "CLOSURE", argv[0])};
    return cli_print_result(cli, &op_site_reopen_message,
                            cli_apply(cli, &op_site_reopen_message, &op), NULL,
                            "closure %s is over; the site gives capacity again", argv[0]);
}

/* Those that are over are many after a while, and say little. */
int command_site_closures(struct cli *cli, int argc, char **argv)
{
    struct q_closures q = {.site = argc > 0 ? name_site(cli, argv[0]) : 0};
    return records_list_where(cli, &q_closures_message, &q,
                              "closure site kind start_s end_s over reason",
                              "no maintenance and no outage; 'bourse site closures --all' shows "
                              "those that are over, too",
                              option_flag(cli, "all") ? NULL : "over");
}
