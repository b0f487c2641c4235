#include "client/cli/cli.h"

int command_sku_add(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct op_sku_add op = {
        .name = value_text(cli, "NAME", argv[0], NAME_MAX_BYTES),
        .vendor = value_text(cli, "--vendor", option_required(cli, "vendor"), NAME_MAX_BYTES),
        .model = value_text(cli, "--model", option_required(cli, "model"), NAME_MAX_BYTES),
        .memory_gb = value_u32(cli, "--memory-gb", option_required(cli, "memory-gb")),
        .interconnect = option_string(cli, "interconnect", NAME_MAX_BYTES),
        .power_w = value_u32(cli, "--power-w", option_required(cli, "power-w")),
        .generation = option_string(cli, "generation", NAME_MAX_BYTES),
    };
    const struct result *r = cli_apply(cli, &op_sku_add_message, &op);
    return cli_print_result(cli, &op_sku_add_message, r, "sku", "added SKU %llu, %s",
                            r != NULL ? (unsigned long long)r->object : 0, argv[0]);
}

int command_sku_list(struct cli *cli, int argc, char **argv)
{
    struct q_skus q = {0};
    (void)argc;
    (void)argv;
    return records_list(cli, &q_skus_message, &q,
                        "sku name state vendor model memory_gb interconnect power_w generation",
                        "no SKUs yet; an admin adds them with 'bourse sku add'");
}

int command_sku_show(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct q_skus q = {.sku = name_sku(cli, argv[0])};
    return records_show(cli, &q_skus_message, &q, "there is no such SKU");
}

static int change(struct cli *cli, const char *name, enum sku_state state)
{
    const char *word = vocabulary_name(&sku_state_vocabulary, state);
    struct op_sku_change op = {.sku = name_sku(cli, name), .state = state};
    const struct result *r = cli_apply(cli, &op_sku_change_message, &op);
    cli_echo(cli, json_pack("{s:s}", "state", word));
    return cli_print_result(cli, &op_sku_change_message, r, "sku", "%s is %s now",
                            r != NULL ? name_of(cli, NAMED_SKU, op.sku) : name, word);
}

int command_sku_activate(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    return change(cli, argv[0], SKU_STATE_ACTIVE);
}

int command_sku_deprecate(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    return change(cli, argv[0], SKU_STATE_DEPRECATED);
}

int command_sku_retire(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    return change(cli, argv[0], SKU_STATE_RETIRED);
}
