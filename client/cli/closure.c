/* When a site gives no capacity: maintenance that is announced, and outages. */
#include <inttypes.h>

#include "client/cli/cli.h"
#include "protocol/moment.h"

static int closure_send(struct cli *cli, const struct op_site_close *op)
{
    char from[MOMENT_TEXT_BYTES];
    char until[MOMENT_TEXT_BYTES];
    const struct result *r = cli_apply(cli, &op_site_close_message, op);
    uint64_t closure = r != NULL ? r->object : 0;
    cli_echo(cli, json_pack("{s:I}", "site", (json_int_t)op->site));
    return cli_print_result(cli, &op_site_close_message, r, "closure",
                            "closure %" PRIu64 ": %s of %s from %s until %s; 'bourse site reopen "
                            "%" PRIu64 "' ends it",
                            closure, op->kind == CLOSURE_KIND_OUTAGE ? "outage" : "maintenance",
                            r != NULL ? name_of(cli, NAMED_SITE, op->site) : "",
                            op->start_s > 0 ? moment_format(op->start_s, from) : "now",
                            moment_format(op->end_s, until), closure);
}

/* Both kinds of closure last until the end of the minute that was named. */
static uint64_t until_read(struct cli *cli)
{
    const char *until = option_required(cli, "until");
    return cli->exit == CLI_OK ? minute_ceil(value_moment(cli, "--until", until)) : 0;
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
    /* From one time to another both are rounded alike, so that it lasts as long as was said. */
    const char *until = option_text(cli, "until");
    if (from != NULL && cli->exit == CLI_OK)
        op.end_s = minute_floor(value_moment(cli, "--until", until));
    /* Now is the exchange's to say: this minute may be over when it arrives. */
    op.start_s = from != NULL ? minute_floor(value_moment(cli, "--from", from)) : 0;
    if (cli->exit == CLI_OK && op.start_s >= op.end_s)
        return cli_fail(cli, CLI_USAGE, "--until lies before --from");
    if (op.start_s > 0 && cli->exit == CLI_OK && op.start_s <= cli_time_s(cli))
        op.start_s = 0;
    op.site = cli->exit == CLI_OK ? name_site(cli, argv[0]) : 0;
    return closure_send(cli, &op);
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
    return closure_send(cli, &op);
}

/* A closure of the site that holds at present, beside this one; 0: none. One
 * that was ended lasts to the end of its minute. */
static uint64_t closure_of_now(struct cli *cli, uint64_t site, uint64_t beside)
{
    struct q_closures q = {.site = site};
    const void *rows = NULL;
    uint64_t now_s = cli_time_s(cli);
    uint32_t count = site != 0 ? records_fetch(cli, &q_closures_message, &q, UINT32_MAX, &rows) : 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct closure_info *row = (const struct closure_info *)rows + i;
        if (row->closure != beside && !row->over && row->start_s <= now_s &&
            row->end_s > minute_ceil(now_s))
            return row->closure;
    }
    return 0;
}

int command_site_reopen(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct op_site_reopen op = {.closure = value_u64(cli, "CLOSURE", argv[0])};
    uint64_t site = 0;
    bool was_to_come = false;
    struct q_closures before = {.closure = op.closure};
    const struct a_closures *a =
        op.closure != 0 ? cli_query_quietly(cli, &q_closures_message, &before) : NULL;
    if (a != NULL && a->rows.count == 1) {
        site = a->rows.items[0].site;
        was_to_come = a->rows.items[0].start_s > cli_time_s(cli);
    }
    const struct result *r =
        cli->exit == CLI_OK ? cli_apply(cli, &op_site_reopen_message, &op) : NULL;
    uint64_t other = r != NULL && !was_to_come ? closure_of_now(cli, site, op.closure) : 0;
    if (was_to_come)
        return cli_print_result(cli, &op_site_reopen_message, r, "closure",
                                "closure %s is called off; the site stays as it is", argv[0]);
    if (other > 0)
        return cli_print_result(cli, &op_site_reopen_message, r, "closure",
                                "closure %s is over, but closure %" PRIu64
                                " still holds: the site gives no capacity until that is over, too",
                                argv[0], other);
    return cli_print_result(cli, &op_site_reopen_message, r, "closure",
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
