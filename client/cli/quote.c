/* What an order would cost now, and why it would not be filled. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/check.h"
#include "client/cli/order_place.h"
#include "client/json.h"
#include "protocol/amount.h"
#include "protocol/moment.h"
#include "protocol/refusal.h"
#include "protocol/status.h"

/* A quote begins with the fields of an order. */
static_assert(offsetof(struct q_quote, tokens) == offsetof(struct op_order_place, tokens),
              "a quote's fields lie as an order's");

const struct a_quote *order_quote(struct cli *cli, const struct op_order_place *o, bool why)
{
    struct q_quote q = {.why = why};
    memcpy(&q, o, sizeof(*o));
    q.why = why;
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

uint64_t order_highest_limit(const struct op_order_place *order)
{
    uint64_t highest = 0;
    for (uint32_t i = 0; i < order->skus.count; i++) {
        uint64_t limit = order->skus.items[i].limit_price_ucr;
        highest = limit > highest ? limit : highest;
    }
    return highest;
}

bool order_may_rest(uint32_t refusal)
{
    return refusal == REFUSAL_no_capacity || refusal == REFUSAL_price_above_limit ||
           refusal == REFUSAL_size_not_met || refusal == REFUSAL_search_ended;
}

/* --- Failures ------------------------------------------------------------------------------- */

/* From which limit on the order would be filled now; 0 when that is not known. The SKU that has
 * this price goes to *sku_out. */
static uint64_t price_needed(struct cli *cli, const struct op_order_place *order, uint64_t *sku_out)
{
    struct sku_limit skus[ORDER_SKUS_MAX];
    struct op_order_place unlimited = *order;
    for (uint32_t i = 0; i < order->skus.count; i++)
        skus[i] = (struct sku_limit){order->skus.items[i].sku, PRICE_MAX_UCR};
    unlimited.skus.items = skus;
    const struct a_quote *a = order_quote(cli, &unlimited, false);
    uint64_t needed = a != NULL && a->refusal == REFUSAL_accepted ? order_highest_price(a) : 0;
    for (uint32_t i = 0; needed > 0 && i < a->leases.count; i++) {
        if (a->leases.items[i].price_ucr == needed)
            *sku_out = a->leases.items[i].sku;
    }
    return needed;
}

/* Names that nobody has are the likeliest reason. With --why the funnel is there already. */
static int capacity_fail(struct cli *cli, const struct op_order_place *order)
{
    struct buffer hint = BUFFER_EMPTY;
    const char *unknown = order_unknown(cli, order);
    buffer_printf(&hint, "%s%s%s", unknown != NULL ? unknown : "", unknown != NULL ? " " : "",
                  option_flag(cli, "why")
                      ? "Above is where offers fell out."
                      : "The same with 'bourse quote --why' shows where offers fell out.");
    buffer_append(&hint, "", 1);
    cli_fail_hint(cli, REFUSAL_no_capacity,
                  hint.status == STATUS_OK ? (const char *)hint.data : NULL);
    buffer_release(&hint);
    return cli->exit;
}

/* Of several SKUs one is meant. */
static int retired_fail(struct cli *cli, const struct op_order_place *order)
{
    char hint[2 * NAME_MAX_BYTES] = "'bourse sku list' shows what there is.";
    for (uint32_t i = 0; i < order->skus.count; i++) {
        struct q_skus q = {.sku = order->skus.items[i].sku};
        const struct a_skus *a = cli_query_quietly(cli, &q_skus_message, &q);
        if (a != NULL && a->rows.count == 1 && a->rows.items[0].state == SKU_STATE_RETIRED)
            snprintf(hint, sizeof(hint), "%s is %s; 'bourse sku list' shows others.",
                     name_of(cli, NAMED_SKU, q.sku),
                     vocabulary_name(&sku_state_vocabulary, a->rows.items[0].state));
    }
    return cli_fail_hint(cli, REFUSAL_sku_retired, hint);
}

int order_fail(struct cli *cli, const struct op_order_place *order, uint32_t refusal)
{
    struct connection_error why;
    char text[AMOUNT_TEXT_BYTES];
    uint64_t sku = 0;
    uint64_t needed = refusal == REFUSAL_price_above_limit ? price_needed(cli, order, &sku) : 0;
    connection_explain_refusal(refusal, &why);
    if (needed > 0 && order->skus.count > 1)
        snprintf(why.text, sizeof(why.text),
                 "%s (%s). With no limits it would fill now, at up to %s credits per GPU-hour for "
                 "%s; 'bourse quote' without them says what of which SKU, and raising the limit of "
                 "one may be enough.",
                 refusal_text(refusal), refusal_name(refusal), amount_format(needed, text),
                 name_of(cli, NAMED_SKU, sku));
    else if (needed > 0)
        snprintf(why.text, sizeof(why.text),
                 "%s (%s). Raise it: from %s credits per GPU-hour it would fill now.",
                 refusal_text(refusal), refusal_name(refusal), amount_format(needed, text));
    if (refusal == REFUSAL_sku_retired)
        return retired_fail(cli, order);
    return refusal == REFUSAL_no_capacity ? capacity_fail(cli, order)
                                          : cli_fail_connection(cli, &why);
}

/* --- The funnel ----------------------------------------------------------------------------- */

/* "2027-01-16 10:00": capacity is counted in whole minutes. */
static const char *minute_text(uint64_t time_s, char out[MOMENT_TEXT_BYTES])
{
    moment_format(time_s, out);
    char *t = strchr(out, 'T');
    if (t != NULL && strlen(t) > 6) {
        *t = ' ';
        t[6] = '\0';
    }
    return out;
}

#define ABOVE_LIMIT " (above the limit)"

/* How many it could be, and what keeps them from being what is wanted. */
static void size_append(struct cli *cli, const struct funnel_row *row, uint32_t gpus,
                        const char *price, struct buffer *out)
{
    if (row->gpus > gpus)
        buffer_printf(out, "%s, at %s", text_count(cli, row->gpus, "GPU"), price);
    else
        buffer_printf(out, "%u of %s, at %s", (unsigned)row->gpus, text_count(cli, gpus, "GPU"),
                      price);
    if (row->block_gpus > 0)
        buffer_printf(out, ", sold in blocks of %u", (unsigned)row->block_gpus);
    if (row->leases == ORDER_LEASES_MAX && row->gpus < gpus)
        buffer_printf(out, ", in %u leases, the most of one order", (unsigned)row->leases);
}

/* What the order would get if this dimension alone did not bind it, or this and the price. */
static void miss_append(struct cli *cli, const struct funnel_row *row, uint32_t gpus,
                        struct buffer *out)
{
    char price[AMOUNT_TEXT_BYTES + sizeof(ABOVE_LIMIT)];
    char start[MOMENT_TEXT_BYTES];
    amount_format(row->price_ucr, price);
    if (row->any_price)
        strcat(price, ABOVE_LIMIT);
    minute_text(row->start_s, start);
    bool now = row->start_s <= minute_ceil(cli_time_s(cli));
    if (row->dimension == FUNNEL_PRICE && now && row->gpus >= gpus)
        buffer_printf(out, "at %s it would fill now", price);
    else if (row->dimension == FUNNEL_PRICE)
        buffer_printf(out, "at %s it would get %u of %s, from %s", price, (unsigned)row->gpus,
                      text_count(cli, gpus, "GPU"), now ? "now" : start);
    else if (row->dimension == FUNNEL_TIME)
        buffer_printf(out, "first fits %s, at %s", start, price);
    else if (row->dimension == FUNNEL_SIZE)
        size_append(cli, row, gpus, price, out);
    else if (row->dimension == FUNNEL_LENGTH)
        buffer_printf(out, "for %s %s at %s", text_count(cli, row->duration_min, "minute"),
                      text_count(cli, row->gpus, "GPU"), price);
    else if (row->dimension == FUNNEL_BILLING && row->duration_min > 0)
        buffer_printf(out, "with %s paid ahead %s at %s",
                      text_count(cli, row->duration_min, "minute"),
                      text_count(cli, row->gpus, "GPU"), price);
    else if (row->dimension == FUNNEL_OWN)
        buffer_printf(out, "%s at %s would be bought from oneself",
                      text_count(cli, row->gpus, "GPU"), price);
    else
        buffer_printf(out, "without this %s at %s", text_count(cli, row->gpus, "GPU"), price);
    if (row->site != 0)
        buffer_printf(out, ", %s", name_of(cli, NAMED_SITE, row->site));
    if (row->sku != 0 && row->dimension != FUNNEL_PRICE)
        buffer_printf(out, ", %s", name_of(cli, NAMED_SKU, row->sku));
}

/* Whether there is something that does not fit, and nothing that would with one thing given up. */
static bool misses_none(const struct a_quote *a)
{
    bool fell_out = false;
    for (uint32_t i = 0; i < a->funnel.count; i++) {
        const struct funnel_row *row = &a->funnel.items[i];
        if (row->gpus > 0)
            return false;
        if (row->dimension != FUNNEL_SKU && row->dimension != FUNNEL_FROZEN)
            fell_out = fell_out || row->offers > 0;
    }
    return fell_out && a->gpus == 0 && !a->cut;
}

void quote_why_print(struct cli *cli, const struct a_quote *a, uint32_t gpus)
{
    struct buffer b = BUFFER_EMPTY;
    bool first = true;
    cli_print(cli, "%" PRIu64 " open offer%s, %" PRIu64 " match\n", a->offers,
              a->offers == 1 ? "" : "s", a->matching);
    if (a->cut)
        cli_print(cli, "  There is more than one answer looks at: this is about a part of it.\n");
    for (uint32_t i = 0; i < a->funnel.count; i++) {
        const struct funnel_row *row = &a->funnel.items[i];
        const char *word = vocabulary_name(&funnel_vocabulary, row->dimension);
        if (row->offers == 0 && row->gpus == 0)
            continue;
        if (first)
            cli_print(cli, "  FELL OUT AT    OFFERS  NEAREST MISS\n");
        first = false;
        buffer_clear(&b);
        if (row->gpus > 0)
            miss_append(cli, row, gpus, &b);
        else
            buffer_printf(&b, "-");
        cli_print(cli, "  %-13s  %6" PRIu64 "  %.*s\n", word != NULL ? word : "?", row->offers,
                  (int)b.length, (const char *)b.data);
    }
    if (misses_none(a))
        cli_print(cli, "  To give one of these up is not enough, at whatever price: more than one "
                       "has to give.\n");
    buffer_release(&b);
}

/* --- The commands --------------------------------------------------------------------------- */

/* Sent back as an order it must not cost more than was quoted: SKUs without a limit price get the
 * highest price of the quote. */
static void limits_fill(struct order_input *in, const struct a_quote *a)
{
    uint64_t highest = order_highest_price(a);
    for (uint32_t i = 0; i < in->order.skus.count && a->refusal == REFUSAL_accepted; i++) {
        if (!in->limited[i])
            in->skus[i].limit_price_ucr = highest;
    }
}

static void quote_print(struct cli *cli, const struct a_quote *a, uint32_t gpus, bool why)
{
    if (a->refusal == REFUSAL_accepted) {
        cli_print(cli, "%s for %s\n", text_count(cli, a->gpus, "GPU"),
                  text_credits(cli, a->cost_ucr));
        records_table(cli, &quoted_lease_message, a->leases.items, a->leases.count,
                      "offer site sku operator gpus start_s end_s price_ucr cost_ucr");
    }
    if (why)
        quote_why_print(cli, a, gpus);
}

/* A dimension that nothing came near has no price. */
static json_t *quote_json(const struct a_quote *a)
{
    json_t *json = message_to_json(&a_quote_message, a);
    json_t *funnel = json_object_get(json, "funnel");
    for (uint32_t i = 0; i < a->funnel.count; i++) {
        if (a->funnel.items[i].gpus == 0)
            json_object_set_new(json_array_get(funnel, i), "price_ucr", json_null());
    }
    return json;
}

int command_quote(struct cli *cli, int argc, char **argv)
{
    struct order_input in;
    bool why = option_flag(cli, "why");
    const char *series = option_text(cli, "series");
    (void)argc;
    (void)argv;
    if (order_read(cli, &in) != CLI_OK)
        return cli->exit;
    const struct a_quote *a = order_quote(cli, &in.order, why);
    /* With its tokens the series' rules count too. */
    if (a != NULL && a->refusal == REFUSAL_accepted && series != NULL && in.order.tokens.count == 0)
        a = order_fund(cli, &in.order) == CLI_OK ? order_quote(cli, &in.order, why) : NULL;
    if (a == NULL)
        return cli->exit;
    limits_fill(&in, a);
    if (cli->json)
        cli_print_json(cli, json_pack("{s:o, s:o}", "order",
                                      message_to_json(&op_order_place_message, &in.order), "quote",
                                      quote_json(a)));
    else
        quote_print(cli, a, in.order.gpus, why);
    return a->refusal == REFUSAL_accepted ? cli->exit : order_fail(cli, &in.order, a->refusal);
}

int command_order_why(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct q_orders whose = {.order = value_u64(cli, "ORDER", argv[0])};
    struct q_order_why q = {.order = whose.order};
    check_message(cli, &q_order_why_message, &q);
    cli->missing = "there is no such order of yours; see 'bourse order list'";
    const struct a_orders *orders =
        cli->exit == CLI_OK ? cli_query(cli, &q_orders_message, &whose) : NULL;
    if (orders != NULL && orders->rows.count == 0)
        cli_fail(cli, CLI_REFUSED, "%s", cli->missing);
    const struct order_info *o = cli->exit == CLI_OK ? orders->rows.items : NULL;
    if (o != NULL && o->state != ORDER_STATE_RESTING)
        return cli_fail(cli, CLI_REFUSED, "order %s does not rest any more: it is %s (%s, by %s)",
                        argv[0], vocabulary_name(&order_state_vocabulary, o->state),
                        vocabulary_name(&order_end_reason_vocabulary, o->end_reason),
                        vocabulary_name(&party_vocabulary, o->ended_by));
    const struct a_quote *a = o != NULL ? cli_query(cli, &q_order_why_message, &q) : NULL;
    if (a == NULL)
        return cli->exit;
    if (cli->json)
        return cli_print_json(cli, quote_json(a));
    uint32_t missing = o->gpus - o->gpus_filled;
    cli_print(cli, "order %s: %u of %s filled, %u rest%s\n", argv[0], (unsigned)o->gpus_filled,
              text_count(cli, o->gpus, "GPU"), (unsigned)missing, missing == 1 ? "s" : "");
    if (a->refusal != REFUSAL_accepted)
        cli_print(cli, "%s (%s)\n", refusal_text(a->refusal), refusal_name(a->refusal));
    quote_why_print(cli, a, o->gpus - o->gpus_filled);
    return cli->exit;
}
