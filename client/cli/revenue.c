/* Revenue as startups declare it, by month. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "client/cli/cli.h"
#include "protocol/moment.h"
#include "protocol/month.h"

/* "2027-01", or any day of the month. */
static uint64_t month_read(struct cli *cli, const char *text)
{
    char day[16];
    uint64_t time_s;
    if (cli->exit != CLI_OK)
        return 0;
    if (strlen(text) == 7 && snprintf(day, sizeof(day), "%s-01", text) > 0 &&
        moment_parse(day, 0, &time_s))
        return time_s;
    cli_fail(cli, CLI_USAGE, "MONTH: '%s' is no month such as 2027-01", text);
    return 0;
}

/* STREAM=AMOUNT arguments. */
static uint32_t streams_read(struct cli *cli, int argc, char **argv, const struct revenue **out)
{
    struct revenue *streams = arena_alloc(&cli->arena, STREAMS_MAX * sizeof(*streams));
    if (streams == NULL || argc > STREAMS_MAX) {
        cli_fail(cli, CLI_USAGE, "at most %u streams", (unsigned)STREAMS_MAX);
        return 0;
    }
    for (int i = 0; i < argc; i++) {
        char *equals = strrchr(argv[i], '=');
        if (equals == NULL) {
            cli_fail(cli, CLI_USAGE, "'%s' is not STREAM=AMOUNT, such as sales=12500", argv[i]);
            return 0;
        }
        *equals = '\0';
        streams[i].name = value_text(cli, "STREAM", argv[i], NAME_MAX_BYTES);
        streams[i].amount_ucr = value_amount(cli, "AMOUNT", equals + 1);
    }
    *out = streams;
    return (uint32_t)argc;
}

/* The hash of a file of any size. */
static void evidence_read(struct cli *cli, uint8_t hash_out[32])
{
    const char *path = option_text(cli, "evidence");
    static uint8_t data[65536];
    crypto_hash_sha256_state state;
    size_t length;
    if (path == NULL || cli->exit != CLI_OK)
        return;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        cli_fail(cli, CLI_LOCAL, "--evidence: cannot read %s", path);
        return;
    }
    crypto_hash_sha256_init(&state);
    while ((length = fread(data, 1, sizeof(data), file)) > 0)
        crypto_hash_sha256_update(&state, data, length);
    if (ferror(file))
        cli_fail(cli, CLI_LOCAL, "--evidence: cannot read %s", path);
    fclose(file);
    crypto_hash_sha256_final(&state, hash_out);
}

int command_revenue_declare(struct cli *cli, int argc, char **argv)
{
    struct op_revenue_declare op = {.month_s = month_read(cli, argv[0])};
    op.streams.count = streams_read(cli, argc - 1, argv + 1, &op.streams.items);
    evidence_read(cli, op.evidence);
    const struct result *r =
        cli->exit == CLI_OK ? cli_apply(cli, &op_revenue_declare_message, &op) : NULL;
    return cli_print_result(cli, &op_revenue_declare_message, r, "account",
                            "declared the revenue of %s; 'bourse grant list' has what is due",
                            argv[0]);
}

int command_revenue_list(struct cli *cli, int argc, char **argv)
{
    const char *account = option_text(cli, "account");
    struct q_declarations q = {.account = account != NULL ? name_account(cli, account) : 0};
    (void)argc;
    (void)argv;
    return records_list(cli, &q_declarations_message, &q,
                        "month_s streams version declared_s evidence",
                        "no revenue declared; 'bourse revenue declare' does that");
}
