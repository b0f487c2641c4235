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
    char text[AMOUNT_TEXT_BYTES];
    char span[MOMENT_TEXT_BYTES];
    struct q_leases q = {.order = r->object};
    const void *rows = NULL;
    uint64_t held = 0;
    uint32_t count = records_fetch(cli, &q_leases_message, &q, UINT32_MAX, &rows);
    for (uint32_t i = 0; i < count; i++)
        held += ((const struct lease_info *)rows)[i].escrow_ucr;
    cli_print(cli,
              "  %s credits are set aside, enough for %s of full use; 'bourse lease fund' "
              "adds more\n",
              amount_format(held, text), duration_format(order->funded_min * 60ULL, span));
}

static int placed_print(struct cli *cli, const struct op_order_place *order, const struct result *r)
{
    char text[AMOUNT_TEXT_BYTES];
    char until[MOMENT_TEXT_BYTES];
    struct q_orders q = {.order = r->object};
    const struct a_orders *a = cli_query_quietly(cli, &q_orders_message, &q);
    const struct order_info *o = a != NULL && a->rows.count == 1 ? a->rows.items : NULL;
    cli_print(cli, "order %" PRIu64, r->object);
    if (o != NULL)
        cli_print(cli, ": %u of %u GPUs for %s%s credits", (unsigned)o->gpus_filled,
                  (unsigned)o->gpus, order->funded_min > 0 ? "up to " : "",
                  amount_format(o->cost_ucr, text));
    cli_print(cli, " (event %" PRIu64 ")\n", r->index);
    if (r->lease_count > 0 && order->funded_min > 0)
        set_aside_print(cli, order, r);
    if (o != NULL && o->state == ORDER_STATE_RESTING && o->gpus_filled > 0)
        cli_print(cli, "  the others are to start with these, at %s\n",
                  moment_format(o->start_from_s, until));
    if (o != NULL && o->state == ORDER_STATE_RESTING)
        cli_print(cli,
                  "  %u GPUs rest until %s at the latest, with %s credits in escrow; 'bourse order "
                  "why %" PRIu64 "' says what they wait for\n",
                  (unsigned)(o->gpus - o->gpus_filled), moment_format(o->ends_s, until),
                  amount_format(o->escrow_ucr, text), r->object);
    for (uint32_t i = 0; i < r->lease_count; i++)
        cli_print(cli, "  lease %" PRIu64 "\n", r->lease_first + i);
    for (uint32_t i = 0; i < r->token_count; i++)
        cli_print(cli, "  change in token %" PRIu64 "\n", r->token_first + i);
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
    if (r == NULL)
        return cli->exit;
    if (cli->json)
        return cli_print_result(cli, &op_order_place_message, r, "order", "%s", "");
    return placed_print(cli, &in->order, r);
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
