#include "client/cli/order_place.h"

#include <stdio.h>
#include <string.h>

#include "client/json.h"
#include "protocol/amount.h"
#include "protocol/moment.h"
#include "protocol/refusal.h"
#include "protocol/status.h"

enum { FILE_BYTES_MAX = 1024 * 1024 };

static void skus_read(struct cli *cli, struct order_input *in)
{
    const char *item;
    uint64_t limit = option_amount(cli, "limit", PRICE_MAX_UCR);
    bool any_limit = option_text(cli, "limit") != NULL;
    uint32_t count = 0;
    while ((item = option_item(cli, "sku", count)) != NULL && cli->exit == CLI_OK) {
        if (count == ORDER_SKUS_MAX) {
            cli_fail(cli, CLI_USAGE, "an order names at most %d SKUs", ORDER_SKUS_MAX);
            break;
        }
        char *name = arena_copy(&cli->arena, item, strlen(item) + 1);
        char *equals = name != NULL ? strrchr(name, '=') : NULL;
        if (equals != NULL)
            *equals = '\0';
        in->skus[count].sku = name_sku(cli, name != NULL ? name : "");
        in->skus[count].limit_price_ucr =
            equals != NULL ? value_amount(cli, "limit price", equals + 1) : limit;
        in->limited[count] = any_limit || equals != NULL;
        count++;
    }
    if (count == 0)
        cli_fail(cli, CLI_USAGE, "--sku is missing; see '%s --help'", cli->path);
    in->order.skus.items = in->skus;
    in->order.skus.count = count;
}

static uint32_t places_read(struct cli *cli, const char *option, const struct place **out)
{
    struct place *places = arena_alloc(&cli->arena, FILTER_PLACES_MAX * sizeof(*places));
    const char *code;
    uint32_t count = 0;
    while (places != NULL && (code = option_item(cli, option, count)) != NULL &&
           cli->exit == CLI_OK) {
        if (count == FILTER_PLACES_MAX) {
            cli_fail(cli, CLI_USAGE, "at most %d of --%s", FILTER_PLACES_MAX, option);
            break;
        }
        places[count++].code = value_text(cli, option, code, PLACE_MAX_BYTES);
    }
    *out = places;
    return count;
}

/* Relative times rarely fall on a minute, and capacity is counted in whole ones. */
static uint64_t minute_option(struct cli *cli, const char *name)
{
    return minute_ceil(option_moment(cli, name, 0));
}

static int flags_read(struct cli *cli, struct order_input *in)
{
    struct op_order_place *o = &in->order;
    const char *gpus = option_required(cli, "gpus");
    const char *duration = option_required(cli, "duration");
    if (cli->exit != CLI_OK)
        return cli->exit;
    o->gpus = value_u32(cli, "gpus", gpus);
    o->gpus_min = option_u32(cli, "gpus-min", o->gpus);
    o->duration_min = value_minutes(cli, "duration", duration);
    o->start_from_s = minute_option(cli, "start");
    o->start_until_s = minute_option(cli, "start-until");
    o->placement = PLACEMENT_ONE_SITE;
    o->time_in_force = option_flag(cli, "fill-or-kill") ? TIME_IN_FORCE_FOK : TIME_IN_FORCE_IOC;
    o->preemptible_ok = option_flag(cli, "preemptible-ok");
    o->profile = option_word(cli, "profile", &profile_vocabulary, PROFILE_TRAINING);
    o->regions.count = places_read(cli, "region", &o->regions.items);
    o->jurisdictions.count = places_read(cli, "jurisdiction", &o->jurisdictions.items);
    o->tokens.count = option_numbers(cli, "tokens", &o->tokens.items);
    if (cli->exit == CLI_OK && o->tokens.count > ORDER_TOKENS_MAX)
        cli_fail(cli, CLI_USAGE, "an order is paid with at most %d tokens; merge some first",
                 ORDER_TOKENS_MAX);
    skus_read(cli, in);
    return cli->exit;
}

/* The order alone, or what `bourse quote --json` printed. */
static int file_read(struct cli *cli, const char *file, struct order_input *in)
{
    struct buffer text = BUFFER_EMPTY;
    struct decode_error why;
    json_error_t json_why;
    if (cli_read_file(cli, file, FILE_BYTES_MAX, &text) != CLI_OK)
        return cli->exit;
    json_t *json = json_loadb(text.data != NULL ? (const char *)text.data : "", text.length,
                              JSON_REJECT_DUPLICATES, &json_why);
    buffer_release(&text);
    if (json == NULL)
        return cli_fail(cli, CLI_USAGE, "%s is not JSON: line %d: %s", file, json_why.line,
                        json_why.text);
    json_t *order = json_object_get(json, "order");
    int status = message_from_json(&op_order_place_message, order != NULL ? order : json,
                                   &cli->arena, &in->order, &why);
    json_decref(json);
    if (status != STATUS_OK)
        return cli_fail(cli, CLI_USAGE, "%s: %s", file, why.text);
    for (uint32_t i = 0; i < in->order.skus.count; i++)
        in->limited[i] = true;
    return CLI_OK;
}

int order_read(struct cli *cli, struct order_input *in)
{
    const char *file = option_text(cli, "file");
    memset(in, 0, sizeof(*in));
    return file != NULL ? file_read(cli, file, in) : flags_read(cli, in);
}

const struct a_quote *order_quote(struct cli *cli, const struct op_order_place *o, bool why)
{
    struct q_quote q = {
        .gpus = o->gpus,
        .gpus_min = o->gpus_min,
        .duration_min = o->duration_min,
        .start_from_s = o->start_from_s,
        .start_until_s = o->start_until_s,
        .placement = o->placement,
        .time_in_force = o->time_in_force,
        .preemptible_ok = o->preemptible_ok,
        .profile = o->profile,
        .why = why,
    };
    q.skus.items = o->skus.items;
    q.skus.count = o->skus.count;
    q.regions.items = o->regions.items;
    q.regions.count = o->regions.count;
    q.jurisdictions.items = o->jurisdictions.items;
    q.jurisdictions.count = o->jurisdictions.count;
    q.tokens.items = o->tokens.items;
    q.tokens.count = o->tokens.count;
    return cli_query(cli, &q_quote_message, &q);
}

uint64_t order_highest_price(const struct a_quote *quote)
{
    uint64_t highest = 0;
    for (uint32_t i = 0; i < quote->leases.count; i++) {
        uint64_t price = quote->leases.items[i].price_ucr;
        highest = price > highest ? price : highest;
    }
    return highest;
}

/* From which limit on the order would be filled now; 0 when that is not known. */
static uint64_t price_needed(struct cli *cli, const struct op_order_place *order)
{
    struct sku_limit skus[ORDER_SKUS_MAX];
    struct op_order_place unlimited = *order;
    for (uint32_t i = 0; i < order->skus.count; i++)
        skus[i] = (struct sku_limit){order->skus.items[i].sku, PRICE_MAX_UCR};
    unlimited.skus.items = skus;
    const struct a_quote *a = order_quote(cli, &unlimited, false);
    return a != NULL && a->refusal == REFUSAL_accepted ? order_highest_price(a) : 0;
}

int order_fail(struct cli *cli, const struct op_order_place *order, uint32_t refusal)
{
    struct connection_error why;
    char text[AMOUNT_TEXT_BYTES];
    uint64_t needed = refusal == REFUSAL_price_above_limit ? price_needed(cli, order) : 0;
    connection_explain_refusal(refusal, &why);
    if (needed > 0)
        snprintf(why.text, sizeof(why.text),
                 "%s (%s). Raise it: from %s credits per GPU-hour it would fill now.",
                 refusal_text(refusal), refusal_name(refusal), amount_format(needed, text));
    /* The funnel is there already: no need to point to it. */
    if (refusal == REFUSAL_no_capacity && option_text(cli, "why") != NULL)
        snprintf(why.text, sizeof(why.text), "%s (%s); above is where offers fell out.",
                 refusal_text(refusal), refusal_name(refusal));
    return cli_fail_connection(cli, &why);
}
