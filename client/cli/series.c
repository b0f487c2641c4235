#include "client/cli/cli.h"

#include <inttypes.h>

#include "protocol/amount.h"

static uint32_t skus_read(struct cli *cli, const uint64_t **out)
{
    uint64_t *skus = arena_alloc(&cli->arena, SERIES_SKUS_MAX * sizeof(*skus));
    const char *name;
    uint32_t count = 0;
    while (skus != NULL && (name = option_item(cli, "sku", count)) != NULL && cli->exit == CLI_OK) {
        if (count == SERIES_SKUS_MAX) {
            cli_fail(cli, CLI_USAGE, "a series names at most %d SKUs", SERIES_SKUS_MAX);
            break;
        }
        skus[count++] = name_sku(cli, name);
    }
    *out = skus;
    return count;
}

static uint32_t regions_read(struct cli *cli, const struct place **out)
{
    struct place *places = arena_alloc(&cli->arena, SERIES_REGIONS_MAX * sizeof(*places));
    const char *code;
    uint32_t count = 0;
    while (places != NULL && (code = option_item(cli, "region", count)) != NULL &&
           cli->exit == CLI_OK) {
        if (count == SERIES_REGIONS_MAX) {
            cli_fail(cli, CLI_USAGE, "a series names at most %d regions", SERIES_REGIONS_MAX);
            break;
        }
        places[count++].code = value_text(cli, "--region", code, PLACE_MAX_BYTES);
    }
    *out = places;
    return count;
}

int command_series_create(struct cli *cli, int argc, char **argv)
{
    const char *funder = option_text(cli, "funder");
    const char *expired_to = option_text(cli, "expired-to");
    const char *profile;
    (void)argc;
    struct op_series_create op = {
        .name = value_text(cli, "NAME", argv[0], NAME_MAX_BYTES),
        .expires_s = option_moment(cli, "expires", 0),
        .transferable = !option_flag(cli, "not-transferable"),
    };
    if (funder != NULL)
        op.funder = name_account(cli, funder);
    else if (cli_connect(cli) == CLI_OK)
        op.funder = connection_status(cli->connection)->you;
    op.expired_to = expired_to != NULL ? name_account(cli, expired_to) : op.funder;
    op.skus.count = skus_read(cli, &op.skus.items);
    op.regions.count = regions_read(cli, &op.regions.items);
    for (size_t i = 0; (profile = option_item(cli, "profile", i)) != NULL; i++)
        op.profiles |= value_word(cli, &profile_vocabulary, profile);
    const struct result *r = cli_apply(cli, &op_series_create_message, &op);
    return cli_print_result(cli, &op_series_create_message, r, "series", "created series %llu, %s",
                            r != NULL ? (unsigned long long)r->object : 0, argv[0]);
}

int command_series_show(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct q_series q = {.series = name_series(cli, argv[0])};
    return records_show(cli, &q_series_message, &q, "there is no such series");
}

int command_series_list(struct cli *cli, int argc, char **argv)
{
    struct q_series q = {0};
    (void)argc;
    (void)argv;
    return records_list(cli, &q_series_message, &q,
                        "series name funder expires_s expired transferable skus regions profiles",
                        "no series yet; an admin creates them with 'bourse series create'");
}

int command_mint(struct cli *cli, int argc, char **argv)
{
    uint64_t total = 0;
    struct op_mint op = {.series = name_series(cli, argv[0])};
    op.outputs.count = name_payments(cli, argc - 1, argv + 1, &op.outputs.items, &total);
    const struct result *r = cli_apply(cli, &op_mint_message, &op);
    cli_echo(cli, json_pack("{s:I}", "series", (json_int_t)op.series));
    cli_echo_outputs(cli, r, op.outputs.items, op.outputs.count);
    return cli_print_result(
        cli, &op_mint_message, r, NULL, "minted %s of %s in %s, from %" PRIu64 " on",
        text_credits(cli, total), name_of(cli, NAMED_SERIES, op.series),
        text_count(cli, op.outputs.count, "token"), r != NULL ? r->token_first : 0);
}
