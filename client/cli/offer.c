#include <inttypes.h>

#include "client/cli/cli.h"

#include "protocol/amount.h"
#include "protocol/moment.h"

/* The end of the offer: --end, or --for counted from its start. A standing one may have none. */
static uint64_t end_read(struct cli *cli, uint64_t start_s)
{
    const char *duration = option_text(cli, "for");
    if (option_text(cli, "end") != NULL)
        return minute_floor(option_moment(cli, "end", 0));
    if (duration == NULL && option_text(cli, "standing") != NULL)
        return 0;
    if (duration == NULL) {
        cli_fail(cli, CLI_USAGE, "until when? Give --end, --for or --standing; see '%s --help'",
                 cli->path);
        return 0;
    }
    uint64_t from_s = start_s != 0 ? start_s : minute_ceil(cli_time_s(cli));
    return from_s + (uint64_t)value_minutes(cli, "--for", duration) * 60;
}

static uint32_t billing_read(struct cli *cli)
{
    bool metered = option_flag(cli, "metered") || option_text(cli, "least-charge") != NULL;
    uint32_t billing = option_word(cli, "billing", &billing_vocabulary,
                                   metered ? BILLING_METERED : BILLING_RESERVED);
    if (cli->exit == CLI_OK && metered && billing != BILLING_METERED)
        cli_fail(cli, CLI_USAGE, "--metered and --least-charge contradict --billing reserved");
    if (cli->exit == CLI_OK && option_text(cli, "least-charge") != NULL &&
        !option_flag(cli, "metered") && option_text(cli, "billing") == NULL)
        cli_fail(cli, CLI_USAGE,
                 "--least-charge is of metered offers: add --metered, if the holder shall pay by "
                 "use");
    return billing;
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
        .gpus = value_u32(cli, "--gpus", gpus),
        .block_gpus = option_u32(cli, "block", 1),
        .start_s = minute_ceil(option_moment(cli, "start", 0)),
        .price_ucr = value_amount(cli, "--price", price),
        .preemptible = option_flag(cli, "preemptible"),
        .notice_min = option_minutes(cli, "notice", 0),
        .lease_min_min = option_minutes(cli, "lease-min", 1),
        .lease_max_min = option_minutes(cli, "lease-max", 0),
        .billing = billing_read(cli),
        .meter_period_min = option_minutes(cli, "meter-period", 60),
        .standing_min = option_minutes(cli, "standing", 0),
        .least_charge_ppm = option_ppm(cli, "least-charge", 0),
    };
    op.end_s = end_read(cli, op.start_s);
    const struct result *r = cli_apply(cli, &op_offer_publish_message, &op);
    return cli_print_result(cli, &op_offer_publish_message, r, "offer",
                            "published offer %llu: %s of %s",
                            r != NULL ? (unsigned long long)r->object : 0,
                            text_count(cli, op.gpus, "GPU"), name_of(cli, NAMED_SKU, op.sku));
}

static int amended_print(struct cli *cli, const struct result *r, uint64_t offer)
{
    char price[AMOUNT_TEXT_BYTES];
    char end[MOMENT_TEXT_BYTES];
    struct q_offers q = {.offer = offer};
    const struct a_offers *a = cli_query_quietly(cli, &q_offers_message, &q);
    const struct offer_info *o = a != NULL && a->rows.count == 1 ? a->rows.items : NULL;
    if (o != NULL)
        cli_echo(cli, json_pack("{s:I, s:I, s:s}", "gpus", (json_int_t)o->gpus, "price_ucr",
                                (json_int_t)o->price_ucr, "end_s", moment_format(o->end_s, end)));
    if (cli->json)
        return cli_print_result(cli, &op_offer_amend_message, r, "offer", "%s", "");
    cli_print(cli, "amended offer %" PRIu64, offer);
    if (o != NULL)
        cli_print(cli, ": %s at %s until %s", text_count(cli, o->gpus, "GPU"),
                  amount_format(o->price_ucr, price), moment_format(o->end_s, end));
    cli_print(cli, " (event %" PRIu64 ")\n", r->index);
    return cli->exit;
}

int command_offer_amend(struct cli *cli, int argc, char **argv)
{
    const char *price = option_text(cli, "price");
    (void)argc;
    struct op_offer_amend op = {
        .offer = value_u64(cli, "OFFER", argv[0]),
        .gpus = option_u32(cli, "gpus", 0),
        .has_price = price != NULL,
        .price_ucr = option_amount(cli, "price", 0),
        .end_s = minute_floor(option_moment(cli, "end", 0)),
    };
    if (option_text(cli, "gpus") != NULL && op.gpus == 0)
        cli_fail(cli, CLI_USAGE,
                 "--gpus: 0 is below 1; 'bourse offer withdraw' takes it off the "
                 "market");
    if (cli->exit == CLI_OK && price == NULL && op.gpus == 0 && op.end_s == 0)
        cli_fail(cli, CLI_USAGE, "what is to change? Give --price, --gpus or --end");
    const struct result *r =
        cli->exit == CLI_OK ? cli_apply(cli, &op_offer_amend_message, &op) : NULL;
    return r != NULL ? amended_print(cli, r, op.offer) : cli->exit;
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
                        "price_ucr preemptible billing standing_min lease",
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
                            cli_apply(cli, &op_offer_withdraw_message, &op), "offer",
                            "withdrew offer %s; leases already granted go on", argv[0]);
}
