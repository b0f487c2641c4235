/* An order as the command line, or JSON, describes it. */
#include <stdio.h>
#include <string.h>

#include "client/cli/order_place.h"
#include "client/json.h"
#include "protocol/moment.h"
#include "protocol/status.h"

enum { FILE_BYTES_MAX = 1024 * 1024 };

/* --- SKUs and tokens ------------------------------------------------------------------------ */

uint32_t order_skus(struct cli *cli, struct sku_limit skus[ORDER_SKUS_MAX],
                    bool limited[ORDER_SKUS_MAX])
{
    const char *item;
    uint64_t limit = option_amount(cli, "limit", PRICE_MAX_UCR);
    bool any_limit = option_text(cli, "limit") != NULL;
    uint32_t count = 0;
    while (cli->exit == CLI_OK && (item = option_item(cli, "sku", count)) != NULL) {
        if (count == ORDER_SKUS_MAX) {
            cli_fail(cli, CLI_USAGE, "an order names at most %d SKUs", ORDER_SKUS_MAX);
            break;
        }
        char *name = arena_copy(&cli->arena, item, strlen(item) + 1);
        char *equals = name != NULL ? strrchr(name, '=') : NULL;
        if (equals != NULL)
            *equals = '\0';
        skus[count].sku = name_sku(cli, name != NULL ? name : "");
        skus[count].limit_price_ucr =
            equals != NULL ? value_amount(cli, "limit price", equals + 1) : limit;
        limited[count] = any_limit || equals != NULL;
        count++;
    }
    return count;
}

int order_tokens(struct cli *cli, const uint64_t **items_out, uint32_t *count_out)
{
    *count_out = option_numbers(cli, "tokens", items_out);
    if (cli->exit == CLI_OK && *count_out > ORDER_TOKENS_MAX)
        cli_fail(cli, CLI_USAGE, "at most %d tokens pay for one thing; merge some first",
                 ORDER_TOKENS_MAX);
    return cli->exit;
}

/* --- The order ------------------------------------------------------------------------------ */

/* Relative times rarely fall on a minute, and capacity is counted in whole ones. */
static uint64_t minute_option(struct cli *cli, const char *name)
{
    return minute_ceil(option_moment(cli, name, 0));
}

static void time_in_force_read(struct cli *cli, struct op_order_place *o)
{
    bool rests = option_text(cli, "rest") != NULL;
    bool all = option_flag(cli, "fok") || option_flag(cli, "fill-or-kill");
    if (rests + all + option_flag(cli, "ioc") > 1)
        cli_fail(cli, CLI_USAGE,
                 "--rest, --ioc and --fok exclude each other: what is not had at once waits, is "
                 "cancelled, or nothing is taken");
    o->time_in_force = rests ? TIME_IN_FORCE_GTT : all ? TIME_IN_FORCE_FOK : TIME_IN_FORCE_IOC;
    o->rest_until_s = option_moment(cli, "rest", 0);
    /* An order that could start in one minute only would not rest for long. */
    if (rests && option_text(cli, "start-until") == NULL) {
        uint64_t last_s = minute_floor(o->rest_until_s);
        o->start_until_s = last_s > o->start_from_s ? last_s : o->start_from_s;
    }
}

int order_flags(struct cli *cli, struct order_input *in)
{
    struct op_order_place *o = &in->order;
    memset(in, 0, sizeof(*in));
    const char *gpus = option_required(cli, "gpus");
    const char *duration = option_required(cli, "duration");
    if (cli->exit != CLI_OK)
        return cli->exit;
    o->gpus = value_u32(cli, "--gpus", gpus);
    o->gpus_min = option_u32(cli, "gpus-min", option_u32(cli, "min-gpus", o->gpus));
    o->block_gpus = option_u32(cli, "block", 1);
    o->duration_min = value_minutes(cli, "--duration", duration);
    o->start_from_s = minute_option(cli, "start");
    o->start_until_s = minute_option(cli, "start-until");
    time_in_force_read(cli, o);
    o->placement = option_flag(cli, "spread") ? PLACEMENT_SPREAD : PLACEMENT_ONE_SITE;
    o->funded_min = option_minutes(cli, "funded", 0);
    order_constraints(cli, o);
    order_tokens(cli, &o->tokens.items, &o->tokens.count);
    o->skus.items = in->skus;
    o->skus.count = order_skus(cli, in->skus, in->limited);
    if (o->skus.count == 0)
        cli_fail(cli, CLI_USAGE, "--sku is missing; see '%s --help'", cli->path);
    return cli->exit;
}

int order_from_json(struct cli *cli, const char *file, json_t *json, struct order_input *in)
{
    struct decode_error why;
    json_t *order = json_object_get(json, "order");
    memset(in, 0, sizeof(*in));
    int status = message_from_json(&op_order_place_message, order != NULL ? order : json,
                                   &cli->arena, &in->order, &why);
    if (status != STATUS_OK)
        return cli_fail(cli, CLI_USAGE, "%s: %s", file, why.text);
    /* The limits may be filled in, which are in the arena. */
    for (uint32_t i = 0; i < in->order.skus.count; i++) {
        in->skus[i] = in->order.skus.items[i];
        in->limited[i] = true;
    }
    in->order.skus.items = in->skus;
    return cli->exit;
}

int order_read(struct cli *cli, struct order_input *in)
{
    struct buffer text = BUFFER_EMPTY;
    json_error_t why;
    const char *file = option_text(cli, "file");
    if (file == NULL)
        return order_flags(cli, in);
    if (cli_read_file(cli, file, FILE_BYTES_MAX, &text) != CLI_OK)
        return cli->exit;
    json_t *json = json_loadb(text.data != NULL ? (const char *)text.data : "", text.length,
                              JSON_REJECT_DUPLICATES, &why);
    buffer_release(&text);
    if (json == NULL)
        return cli_fail(cli, CLI_USAGE, "%s is not JSON: line %d: %s", file, why.line, why.text);
    order_from_json(cli, file, json, in);
    json_decref(json);
    return cli->exit;
}

int order_limited(struct cli *cli, const struct order_input *in)
{
    bool any = option_flag(cli, "any-price");
    if (any && in->order.time_in_force == TIME_IN_FORCE_GTT)
        return cli_fail(cli, CLI_USAGE,
                        "an order that rests needs a limit price: it keeps what it could cost in "
                        "escrow. Give --limit");
    for (uint32_t i = 0; i < in->order.skus.count; i++) {
        if (!in->limited[i] && !any)
            return cli_fail(cli, CLI_USAGE,
                            "at what price at most? Give --limit, or --any-price; 'bourse quote' "
                            "shows prices");
    }
    return cli->exit;
}
