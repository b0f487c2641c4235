/* Placing an order, and changing it while it rests. */
#include "client/cli/order_place.h"

#include <inttypes.h>
#include <string.h>

#include "protocol/amount.h"
#include "protocol/moment.h"
#include "protocol/refusal.h"
#include "protocol/status.h"

enum { FILE_BYTES_MAX = 64 * 1024 * 1024 };

/* Of an elastic order's cost only so much is paid ahead. */
static void set_aside_print(struct cli *cli, const struct op_order_place *order,
                            const struct result *r)
{
    char span[MOMENT_TEXT_BYTES];
    struct q_leases q = {.order = r->object};
    const void *rows = NULL;
    uint64_t held = 0;
    uint32_t lasts = order->funded_min;
    uint32_t count = records_fetch(cli, &q_leases_message, &q, UINT32_MAX, &rows);
    for (uint32_t i = 0; i < count; i++) {
        const struct lease_info *lease = (const struct lease_info *)rows + i;
        uint32_t whole = order->funded_min - order->funded_min % lease->meter_period_min;
        held += lease->escrow_ucr;
        if (order->funded_min < order->duration_min && whole < lasts)
            lasts = whole;
    }
    cli_print(cli, "  %s %s set aside, for %s of full use", text_credits(cli, held),
              held == UCR_PER_CREDIT ? "is" : "are", duration_format(lasts * 60ULL, span));
    uint64_t grace_s = order->funded_min * 60ULL;
    if (order->funded_min < order->duration_min)
        cli_print(cli, "; then paused, and over %s later",
                  duration_format(grace_s < ELASTIC_GRACE_S ? grace_s : ELASTIC_GRACE_S, span));
    cli_print(cli, "; 'bourse lease fund' adds more\n");
}

static int placed_json(struct cli *cli, const struct result *r, const struct order_info *o,
                       const char *note)
{
    json_t *json = order_outcome_json(&op_order_place_message, r, o);
    if (note != NULL)
        json_object_set_new(json, "note", json_string(note));
    return cli_print_json(cli, json);
}

const char *order_end_why(const struct order_info *o)
{
    if (o->ends_s >= o->rest_until_s)
        return "";
    return o->ends_s > o->start_until_s ? " (the last minute in which it may start)"
                                        : " (when credits that pay for it expire)";
}

static int placed_print(struct cli *cli, const struct op_order_place *order, const struct result *r)
{
    char until[MOMENT_TEXT_BYTES];
    const struct order_info *o = order_find(cli, r->object);
    bool rests = o != NULL && o->state == ORDER_STATE_RESTING;
    const char *unknown = rests ? order_unknown(cli, order) : NULL;
    if (cli->json)
        return placed_json(cli, r, o, unknown);
    cli_print(cli, "order %" PRIu64, r->object);
    if (o != NULL)
        cli_print(cli, ": %u of %s for %s%s", (unsigned)o->gpus_filled,
                  text_count(cli, o->gpus, "GPU"), order->funded_min > 0 ? "up to " : "",
                  text_credits(cli, o->cost_ucr));
    cli_print(cli, " (event %" PRIu64 ")\n", r->index);
    if (r->lease_count > 0 && order->funded_min > 0)
        set_aside_print(cli, order, r);
    if (rests && o->gpus_filled > 0)
        cli_print(cli, "  the others are to start with these, at %s\n",
                  moment_format(o->start_from_s, until));
    if (rests)
        cli_print(
            cli,
            "  %s rest%s until %s at the latest%s, with %s in escrow; 'bourse order why %" PRIu64
            "' says what %s for\n",
            text_count(cli, o->gpus - o->gpus_filled, "GPU"),
            o->gpus - o->gpus_filled == 1 ? "s" : "", moment_format(o->ends_s, until),
            order_end_why(o), text_credits(cli, o->escrow_ucr), r->object,
            o->gpus - o->gpus_filled == 1 ? "it waits" : "they wait");
    for (uint32_t i = 0; i < r->lease_count; i++)
        cli_print(cli, "  lease %" PRIu64 "\n", r->lease_first + i);
    for (uint32_t i = 0; i < r->token_count; i++)
        cli_print(cli, "  change in token %" PRIu64 "\n", r->token_first + i);
    if (unknown != NULL)
        cli_note(cli,
                 "%s Until that changes it waits in vain: 'bourse order cancel %" PRIu64 "'.\n",
                 unknown, r->object);
    return cli->exit;
}

int order_permitted(struct cli *cli)
{
    if (cli_connect(cli) != CLI_OK)
        return cli->exit;
    const struct connection_status *s = connection_status(cli->connection);
    if (s->you == 0)
        return cli_fail_refusal(cli,
                                s->key_expired ? REFUSAL_key_expired : REFUSAL_unknown_account);
    bool may = s->role == ROLE_STARTUP || s->role == ROLE_OPERATOR || s->role == ROLE_GUARANTOR;
    return may ? CLI_OK : cli_fail_refusal(cli, REFUSAL_not_permitted);
}

int order_rest_check(struct cli *cli, uint64_t rest_until_s)
{
    char now[MOMENT_TEXT_BYTES];
    if (rest_until_s > cli_time_s(cli) + (uint64_t)HORIZON_MAX_MIN * 60)
        return cli_fail(cli, CLI_USAGE, "--rest: at most ten years from now");
    if (rest_until_s == 0 || rest_until_s > cli_time_s(cli))
        return cli->exit;
    return cli_fail(cli, CLI_USAGE, "--rest: lies in the past; the exchange's time is %s",
                    moment_format(cli_time_s(cli), now));
}

static int order_send(struct cli *cli, struct order_input *in)
{
    if (order_limited(cli, in) != CLI_OK || order_permitted(cli) != CLI_OK)
        return cli->exit;
    if (order_rest_check(cli, in->order.rest_until_s) != CLI_OK)
        return cli->exit;
    if (order_fund(cli, &in->order) != CLI_OK)
        return cli->exit;
    uint32_t refusal;
    const struct result *r = cli_try(cli, &op_order_place_message, &in->order, &refusal);
    if (refusal != REFUSAL_accepted)
        return order_fail(cli, &in->order, refusal);
    return r != NULL ? placed_print(cli, &in->order, r) : cli->exit;
}

/* One JSON document is one order; lines of JSON or CSV are many. */
static int file_send(struct cli *cli, const char *file)
{
    struct buffer text = BUFFER_EMPTY;
    struct order_input in;
    if (cli_read_file(cli, file, FILE_BYTES_MAX, &text) != CLI_OK)
        return cli->exit;
    size_t length = text.length;
    buffer_append(&text, "", 1);
    if (text.status != STATUS_OK)
        return cli_fail(cli, CLI_LOCAL, "out of memory");
    const char *bytes = (const char *)text.data;
    json_t *json = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(json) && !option_flag(cli, "atomic")) {
        if (order_from_json(cli, file, json, &in) == CLI_OK)
            order_send(cli, &in);
    } else {
        order_batch(cli, file, bytes, length);
    }
    json_decref(json);
    buffer_release(&text);
    return cli->exit;
}

int command_order_place(struct cli *cli, int argc, char **argv)
{
    struct order_input in;
    const char *file = option_text(cli, "file");
    (void)argc;
    (void)argv;
    if (file != NULL)
        return file_send(cli, file);
    if (option_flag(cli, "atomic"))
        return cli_fail(cli, CLI_USAGE, "--atomic is for the orders of a --file");
    return order_flags(cli, &in) == CLI_OK ? order_send(cli, &in) : cli->exit;
}
