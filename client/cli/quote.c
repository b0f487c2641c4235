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
           refusal == REFUSAL_size_not_met;
}

/* --- Failures ------------------------------------------------------------------------------- */

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
    if (needed > 0 && order->skus.count > 1)
        snprintf(why.text, sizeof(why.text),
                 "%s (%s). With no limits it would fill now at up to %s credits per GPU-hour; "
                 "'bourse quote' without them says what of which SKU, and raising the limit of one "
                 "may be enough.",
                 refusal_text(refusal), refusal_name(refusal), amount_format(needed, text));
    else if (needed > 0)
        snprintf(why.text, sizeof(why.text),
                 "%s (%s). Raise it: from %s credits per GPU-hour it would fill now.",
                 refusal_text(refusal), refusal_name(refusal), amount_format(needed, text));
    /* The funnel is there already: no need to point to it. */
    if (refusal == REFUSAL_no_capacity && option_text(cli, "why") != NULL)
        snprintf(why.text, sizeof(why.text), "%s (%s); above is where offers fell out.",
                 refusal_text(refusal), refusal_name(refusal));
    return cli_fail_connection(cli, &why);
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

/* What the order would get if this dimension alone did not bind it. */
static void miss_append(struct cli *cli, const struct funnel_row *row, uint32_t gpus,
                        struct buffer *out)
{
    char price[AMOUNT_TEXT_BYTES];
    char start[MOMENT_TEXT_BYTES];
    amount_format(row->price_ucr, price);
    minute_text(row->start_s, start);
    bool now = row->start_s <= minute_ceil(cli_time_s(cli));
    if (row->dimension == FUNNEL_PRICE && now && row->gpus >= gpus)
        buffer_printf(out, "at %s it would fill now", price);
    else if (row->dimension == FUNNEL_PRICE)
        buffer_printf(out, "at %s it would get %u of %u GPUs, from %s", price, (unsigned)row->gpus,
                      (unsigned)gpus, now ? "now" : start);
    else if (row->dimension == FUNNEL_TIME)
        buffer_printf(out, "first fits %s, at %s", start, price);
    else if (row->dimension == FUNNEL_SIZE)
        buffer_printf(out, "%u of %u GPUs, at %s", (unsigned)row->gpus, (unsigned)gpus, price);
    else
        buffer_printf(out, "without this %u GPUs at %s", (unsigned)row->gpus, price);
    if (row->site != 0)
        buffer_printf(out, ", %s", name_of(cli, NAMED_SITE, row->site));
    if (row->sku != 0 && row->dimension != FUNNEL_PRICE)
        buffer_printf(out, ", %s", name_of(cli, NAMED_SKU, row->sku));
}

void quote_why_print(struct cli *cli, const struct a_quote *a, uint32_t gpus)
{
    struct buffer b = BUFFER_EMPTY;
    bool first = true;
    cli_print(cli, "%" PRIu64 " open offer%s, %" PRIu64 " match\n", a->offers,
              a->offers == 1 ? "" : "s", a->matching);
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
    char text[AMOUNT_TEXT_BYTES];
    if (a->refusal == REFUSAL_accepted) {
        cli_print(cli, "%u GPUs for %s credits\n", (unsigned)a->gpus,
                  amount_format(a->cost_ucr, text));
        records_table(cli, &quoted_lease_message, a->leases.items, a->leases.count,
                      "offer site sku operator gpus start_s end_s price_ucr cost_ucr");
    }
    if (why)
        quote_why_print(cli, a, gpus);
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
                                      message_to_json(&a_quote_message, a)));
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
        return cli_print_json(cli, message_to_json(&a_quote_message, a));
    uint32_t missing = o->gpus - o->gpus_filled;
    cli_print(cli, "order %s: %u of %u GPUs filled, %u rest%s\n", argv[0], (unsigned)o->gpus_filled,
              (unsigned)o->gpus, (unsigned)missing, missing == 1 ? "s" : "");
    if (a->refusal != REFUSAL_accepted)
        cli_print(cli, "%s (%s)\n", refusal_text(a->refusal), refusal_name(a->refusal));
    quote_why_print(cli, a, o->gpus - o->gpus_filled);
    return cli->exit;
}
