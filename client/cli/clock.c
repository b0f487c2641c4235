#include "client/cli/cli.h"

#include "protocol/moment.h"

static const struct a_status *status_query(struct cli *cli)
{
    struct q_status q = {{"bourse", 6}};
    return cli_query(cli, &q_status_message, &q);
}

int command_clock_show(struct cli *cli, int argc, char **argv)
{
    char time_text[MOMENT_TEXT_BYTES];
    char jump_text[MOMENT_TEXT_BYTES];
    const struct a_status *s = status_query(cli);
    (void)argc;
    (void)argv;
    if (s == NULL)
        return cli->exit;
    moment_format(cli_time_s(cli), time_text);
    moment_format(s->clock_s, jump_text);
    const char *mode = vocabulary_name(&clock_mode_vocabulary, s->clock_mode);
    if (cli->json)
        return cli_print_json(cli, json_pack("{s:s, s:s, s:b, s:s?}", "time_s", time_text,
                                             "clock_mode", mode, "clock_waits", (int)s->clock_waits,
                                             "clock_s", s->clock_s > 0 ? jump_text : NULL));
    cli_print(cli, "%s (%s clock)\n", time_text, mode);
    if (s->clock_waits)
        cli_print(
            cli,
            "The clock jumped to %s and waits for an admin: 'bourse clock confirm' if that is "
            "right; if not, set the machine's clock.\n",
            jump_text);
    return cli->exit;
}

static int advance(struct cli *cli, uint64_t time_s)
{
    char text[MOMENT_TEXT_BYTES];
    struct op_clock_advance op = {.time_s = time_s};
    cli_echo(cli, json_pack("{s:s}", "time_s", moment_format(time_s, text)));
    return cli_print_result(cli, &op_clock_advance_message,
                            cli_apply(cli, &op_clock_advance_message, &op), NULL,
                            "the exchange's time is %s now", moment_format(time_s, text));
}

int command_clock_advance(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    return advance(cli, value_moment(cli, "TIME", argv[0]));
}

int command_clock_confirm(struct cli *cli, int argc, char **argv)
{
    const struct a_status *s = status_query(cli);
    (void)argc;
    (void)argv;
    if (s != NULL && !s->clock_waits)
        return cli_fail(cli, CLI_REFUSED,
                        "the exchange's clock has not jumped; nothing to confirm");
    return s == NULL ? cli->exit : advance(cli, s->clock_s);
}
