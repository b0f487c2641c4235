#include "client/cli/cli.h"

#include "protocol/moment.h"

/* The end of the offer: --end, or --for counted from its start. */
static uint64_t end_read(struct cli *cli, uint64_t start_s)
{
    const char *duration = option_text(cli, "for");
    if (option_text(cli, "end") != NULL)
        return minute_floor(option_moment(cli, "end", 0));
    if (duration == NULL) {
        cli_fail(cli, CLI_USAGE, "until when? Give --end or --for; see '%s --help'", cli->path);
        return 0;
    }
    uint64_t from_s = start_s != 0 ? start_s : minute_ceil(cli_time_s(cli));
    return from_s + (uint64_t)value_minutes(cli, "for", duration) * 60;
}

int command_offer_publish(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    const char *site = option_required(cli, "site");
    const char *sku = option_required(cli, "sku");
    const char *gpus = option_required(cli, "gpus");
    const char *price = option_required(cli, "price");
    if (cli->exit != CLI_OK)
        return cli->exit;
    struct op_offer_publish op = {
        .site = name_site(cli, site),
        .sku = name_sku(cli, sku),
        .gpus = value_u32(cli, "gpus", gpus),
        .block_gpus = option_u32(cli, "block", 1),
        .start_s = minute_ceil(option_moment(cli, "start", 0)),
        .price_ucr = value_amount(cli, "price", price),
        .preemptible = option_flag(cli, "preemptible"),
        .notice_min = option_minutes(cli, "notice", 0),
        .lease_min_min = option_minutes(cli, "lease-min", 1),
        .lease_max_min = option_minutes(cli, "lease-max", 0),
        .billing = option_word(cli, "billing", &billing_vocabulary, BILLING_RESERVED),
        .meter_period_min = option_minutes(cli, "meter-period", 60),
    };
    op.end_s = end_read(cli, op.start_s);
    const struct result *r = cli_apply(cli, &op_offer_publish_message, &op);
    return cli_print_result(cli, &op_offer_publish_message, r, "offer",
                            "published offer %llu: %u GPUs",
                            r != NULL ? (unsigned long long)r->object : 0, (unsigned)op.gpus);
}

int command_offer_list(struct cli *cli, int argc, char **argv)
{
    const char *site = option_text(cli, "site");
    const char *sku = option_text(cli, "sku");
    const char *whose = option_text(cli, "operator");
    (void)argc;
    (void)argv;
    struct q_offers q = {
        .site = site != NULL ? name_site(cli, site) : 0,
        .sku = sku != NULL ? name_sku(cli, sku) : 0,
        .operator= whose != NULL ? name_account(cli, whose) : 0,
        .open_only = !option_flag(cli, "all"),
    };
    return records_list(cli, &q_offers_message, &q,
                        "offer operator site sku state gpus free_gpus block_gpus start_s end_s "
                        "price_ucr preemptible",
                        "no offers; operators publish them with 'bourse offer publish'");
}

int command_offer_show(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct q_offers q = {.offer = value_u64(cli, "OFFER", argv[0])};
    return records_show(cli, &q_offers_message, &q,
                        "there is no such offer; see 'bourse offer list'");
}

int command_offer_withdraw(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct op_offer_withdraw op = {.offer = value_u64(cli, "OFFER", argv[0])};
    return cli_print_result(cli, &op_offer_withdraw_message,
                            cli_apply(cli, &op_offer_withdraw_message, &op), NULL,
                            "withdrew offer %s; leases already granted go on", argv[0]);
}
