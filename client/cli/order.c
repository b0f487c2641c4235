/* Orders that were placed: looking at them, changing them, cancelling them. */
#include <inttypes.h>
#include <string.h>

#include "client/cli/check.h"
#include "client/cli/order_place.h"
#include "protocol/amount.h"
#include "protocol/moment.h"
#include "protocol/refusal.h"
#include "protocol/status.h"

#define NO_ORDER "there is no such order of yours; see 'bourse order list'"

int command_order_list(struct cli *cli, int argc, char **argv)
{
    const char *account = option_text(cli, "account");
    struct q_orders q = {
        .account = account != NULL ? name_account(cli, account) : 0,
        .resting_only = option_flag(cli, "resting"),
    };
    (void)argc;
    (void)argv;
    return records_list(cli, &q_orders_message, &q,
                        q.resting_only
                            ? "order account skus gpus gpus_filled duration_min placed_s "
                              "start_from_s start_until_s ends_s cost_ucr escrow_ucr gpus_min "
                              "block_gpus place rule"
                            : "order account state placed_s gpus gpus_filled duration_min cost_ucr "
                              "lease_first lease_count ended_by end_reason",
                        q.resting_only ? "no orders rest" : "no orders");
}

const struct order_info *order_find(struct cli *cli, uint64_t order)
{
    struct q_orders q = {.order = order};
    const struct a_orders *a =
        cli->exit == CLI_OK ? cli_query_quietly(cli, &q_orders_message, &q) : NULL;
    return a != NULL && a->rows.count == 1 ? a->rows.items : NULL;
}

json_t *order_outcome_json(const struct message *operation, const struct result *r,
                           const struct order_info *o)
{
    char until[MOMENT_TEXT_BYTES];
    if (r->refusal != REFUSAL_accepted)
        return json_pack("{s:s, s:o}", "operation", operation->name, "error",
                         cli_refusal_json(r->refusal));
    json_t *json = cli_result_json(operation, r, "order");
    json_t *now =
        o == NULL
            ? NULL
            : json_pack("{s:s, s:I, s:I, s:I, s:I}", "state",
                        vocabulary_name(&order_state_vocabulary, o->state), "gpus",
                        (json_int_t)o->gpus, "gpus_filled", (json_int_t)o->gpus_filled, "cost_ucr",
                        (json_int_t)o->cost_ucr, "escrow_ucr", (json_int_t)o->escrow_ucr);
    json_object_update(json, now);
    json_decref(now);
    if (o != NULL && o->state == ORDER_STATE_RESTING)
        json_object_set_new(json, "ends_s", json_string(moment_format(o->ends_s, until)));
    return json;
}

/* What is kept of an order only while it rests. */
#define ASKED                                                                                      \
    "rest_until_s skus gpus_min block_gpus start_from_s start_until_s ends_s regions "             \
    "jurisdictions preemptible_ok profile certifications interconnect carbon_g_max "               \
    "reliability_ppm_min place"

int command_order_show(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct q_orders q = {.order = value_u64(cli, "ORDER", argv[0])};
    if (cli->json || q.order == 0)
        return records_show(cli, &q_orders_message, &q, NO_ORDER);
    cli->missing = NO_ORDER;
    const struct a_orders *a = cli_query(cli, &q_orders_message, &q);
    cli->missing = NULL;
    if (a != NULL && a->rows.count == 0)
        cli_fail(cli, CLI_REFUSED, NO_ORDER);
    if (cli->exit != CLI_OK)
        return cli->exit;
    const struct order_info *o = a->rows.items;
    bool rests = o->state == ORDER_STATE_RESTING;
    record_print(cli, field_by_name(&a_orders_message, "rows")->part, o, rests ? NULL : ASKED);
    if (!rests && o->rule == 0)
        cli_print(cli, "what it asked for: 'bourse events --from %" PRIu64 " --limit 1'\n",
                  o->index);
    return cli->exit;
}

/* --- Amending ------------------------------------------------------------------------------- */

/* The order's SKUs with the limits that were given in place of theirs. */
static uint32_t limits_amend(struct cli *cli, const struct order_info *o,
                             struct sku_limit skus[ORDER_SKUS_MAX])
{
    struct sku_limit given[ORDER_SKUS_MAX];
    bool limited[ORDER_SKUS_MAX];
    uint32_t count = order_skus(cli, given, limited);
    uint64_t all = option_amount(cli, "limit", 0);
    bool changes = count > 0 || option_text(cli, "limit") != NULL;
    for (uint32_t i = 0; i < o->skus.count; i++) {
        skus[i] = o->skus.items[i];
        if (count == 0 && changes)
            skus[i].limit_price_ucr = all;
    }
    for (uint32_t i = 0; i < count && cli->exit == CLI_OK; i++) {
        uint32_t at = 0;
        while (at < o->skus.count && skus[at].sku != given[i].sku)
            at++;
        if (at == o->skus.count)
            cli_fail(cli, CLI_USAGE,
                     "--sku: the order does not name %s; its SKUs stay, cancel it for others",
                     name_of(cli, NAMED_SKU, given[i].sku));
        else if (!limited[i])
            cli_fail(cli, CLI_USAGE, "--sku: at what limit price? Give --sku SKU=LIMIT");
        else
            skus[at].limit_price_ucr = given[i].limit_price_ucr;
    }
    return changes ? o->skus.count : 0;
}

/* What the order needs beyond what it has in escrow; too much comes back at once. */
static uint64_t amend_need(struct cli *cli, const struct order_info *o,
                           const struct op_order_amend *op)
{
    uint64_t highest = 0;
    uint32_t gpus = op->gpus > 0 ? op->gpus : o->gpus;
    uint32_t count = op->skus.count > 0 ? op->skus.count : o->skus.count;
    const struct sku_limit *skus = op->skus.count > 0 ? op->skus.items : o->skus.items;
    for (uint32_t i = 0; i < count; i++)
        highest = skus[i].limit_price_ucr > highest ? skus[i].limit_price_ucr : highest;
    uint64_t missing = gpus > o->gpus_filled ? gpus - o->gpus_filled : 0;
    uint64_t need = order_cost(cli, missing, o->duration_min, highest);
    return need > o->escrow_ucr ? need - o->escrow_ucr : 0;
}

static int amended_print(struct cli *cli, const struct result *r, uint64_t order)
{
    char until[MOMENT_TEXT_BYTES];
    const struct order_info *o = order_find(cli, order);
    if (cli->json)
        return cli_print_json(cli, order_outcome_json(&op_order_amend_message, r, o));
    cli_print(cli, "amended order %" PRIu64, order);
    if (o != NULL)
        cli_print(cli, ": %s, %u of %s filled, %s in escrow",
                  vocabulary_name(&order_state_vocabulary, o->state), (unsigned)o->gpus_filled,
                  text_count(cli, o->gpus, "GPU"), text_credits(cli, o->escrow_ucr));
    cli_print(cli, " (event %" PRIu64 ")\n", r->index);
    if (o != NULL && o->state == ORDER_STATE_RESTING)
        cli_print(cli, "  it rests until %s at the latest%s\n", moment_format(o->ends_s, until),
                  order_end_why(o));
    for (uint32_t i = 0; i < r->lease_count; i++)
        cli_print(cli, "  lease %" PRIu64 "\n", r->lease_first + i);
    for (uint32_t i = 0; i < r->token_count; i++)
        cli_print(cli, "  change in token %" PRIu64 "\n", r->token_first + i);
    return cli->exit;
}

/* Of an order that is not one's own the exchange says whether there is one, as to a cancellation.
 */
static int amend_refused(struct cli *cli, uint64_t order)
{
    struct op_order_amend op = {.order = order};
    if (check_message(cli, &op_order_amend_message, &op) == CLI_OK &&
        cli_apply(cli, &op_order_amend_message, &op) != NULL)
        cli_fail(cli, CLI_REFUSED, NO_ORDER);
    return cli->exit;
}

int command_order_amend(struct cli *cli, int argc, char **argv)
{
    struct sku_limit skus[ORDER_SKUS_MAX];
    struct op_order_amend op = {.order = value_u64(cli, "ORDER", argv[0])};
    (void)argc;
    if (cli->given_count == 0 ||
        (option_text(cli, "gpus") == NULL && option_text(cli, "sku") == NULL &&
         option_text(cli, "limit") == NULL && option_text(cli, "rest") == NULL))
        return cli_fail(cli, CLI_USAGE,
                        "what is to change? Give --limit, --sku SKU=LIMIT, --gpus "
                        "or --rest");
    op.gpus = option_u32(cli, "gpus", 0);
    if (option_text(cli, "gpus") != NULL && op.gpus == 0)
        return cli_fail(cli, CLI_USAGE, "--gpus: 0 is below 1; 'bourse order cancel' ends it");
    op.rest_until_s = option_moment(cli, "rest", 0);
    if (order_rest_check(cli, op.rest_until_s) != CLI_OK)
        return cli->exit;
    const struct order_info *o = order_find(cli, op.order);
    if (o == NULL)
        return amend_refused(cli, op.order);
    if (o->state != ORDER_STATE_RESTING)
        return cli_fail_refusal(cli, REFUSAL_order_closed);
    if (op.gpus > 0 && op.gpus <= o->gpus_filled)
        return cli_fail(cli, CLI_USAGE,
                        "--gpus: %u are filled already; 'bourse order cancel' ends the rest",
                        (unsigned)o->gpus_filled);
    if (op.gpus > 0 && o->block_gpus > 1 && op.gpus % o->block_gpus != 0)
        return cli_fail(cli, CLI_USAGE, "--gpus: %u is no multiple of the order's block, %u",
                        (unsigned)op.gpus, (unsigned)o->block_gpus);
    op.skus.count = limits_amend(cli, o, skus);
    op.skus.items = skus;
    if (check_message(cli, &op_order_amend_message, &op) != CLI_OK)
        return cli->exit;
    uint64_t need = amend_need(cli, o, &op);
    if (cli->exit != CLI_OK || funds_for(cli, need, &op.tokens.items, &op.tokens.count) != CLI_OK)
        return cli->exit;
    const struct result *r = cli_apply(cli, &op_order_amend_message, &op);
    return r != NULL ? amended_print(cli, r, op.order) : cli->exit;
}

/* --- Cancelling ----------------------------------------------------------------------------- */

/* The numbers that were given, or those of all orders that rest. */
static uint32_t orders_named(struct cli *cli, int argc, char **argv, const uint64_t **out)
{
    const void *rows = NULL;
    struct q_orders q = {.resting_only = true};
    if (!option_flag(cli, "all"))
        return value_numbers(cli, "ORDER", argc, argv, out);
    uint32_t count = records_fetch(cli, &q_orders_message, &q, UINT32_MAX, &rows);
    uint64_t *orders = arena_alloc(&cli->arena, ((size_t)count + 1) * sizeof(*orders));
    if (orders == NULL)
        cli_fail(cli, CLI_LOCAL, "out of memory");
    /* An admin is shown everybody's. */
    uint32_t you = cli->exit == CLI_OK ? connection_status(cli->connection)->you : 0;
    uint32_t own = 0;
    for (uint32_t i = 0; i < count && cli->exit == CLI_OK; i++) {
        const struct order_info *o = (const struct order_info *)rows + i;
        if (o->account == you)
            orders[own++] = o->order;
    }
    *out = orders;
    return cli->exit == CLI_OK ? own : 0;
}

/* Sends one request; counts what was refused, of which the last goes to *refusal_out. */
static uint32_t cancels_send(struct cli *cli, const uint64_t *orders, uint32_t count,
                             json_t *outcomes, uint32_t *refusal_out)
{
    struct connection_error why;
    struct frame_reply reply;
    uint32_t refused = 0;
    struct op_order_cancel *bodies = arena_alloc(&cli->arena, count * sizeof(*bodies));
    struct operation *ops = arena_alloc(&cli->arena, count * sizeof(*ops));
    if (bodies == NULL || ops == NULL) {
        cli_fail(cli, CLI_LOCAL, "out of memory");
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        bodies[i].order = orders[i];
        ops[i] = (struct operation){&op_order_cancel_message, &bodies[i]};
    }
    int status = connection_request(cli->connection, ops, count, 0, &cli->arena, &reply, &why);
    if (status != STATUS_OK || reply.refusal != REFUSAL_accepted) {
        cli_fail_connection(cli, &why);
        return 0;
    }
    for (uint32_t i = 0; i < reply.results.count && i < count; i++) {
        const struct result *r = &reply.results.items[i];
        bool done = r->refusal == REFUSAL_accepted;
        refused += !done;
        json_t *one = order_outcome_json(&op_order_cancel_message, r, NULL);
        json_object_set_new(one, "order", json_integer((json_int_t)orders[i]));
        json_array_append_new(outcomes, one);
        if (!done) {
            *refusal_out = r->refusal;
            if (count > 1) /* of one alone it is the command's failure */
                cli_print(cli, "order %" PRIu64 ": %s (%s)\n", orders[i], refusal_text(r->refusal),
                          refusal_name(r->refusal));
            continue;
        }
        cli_print(cli, "cancelled order %" PRIu64, orders[i]);
        for (uint32_t j = 0; j < r->token_count; j++)
            cli_print(cli, "%s %" PRIu64, j == 0 ? ", the rest in token" : ",", r->token_first + j);
        cli_print(cli, " (event %" PRIu64 ")\n", r->index);
    }
    return refused;
}

int command_order_cancel(struct cli *cli, int argc, char **argv)
{
    const uint64_t *orders = NULL;
    uint32_t refused = 0;
    uint32_t refusal = REFUSAL_accepted;
    if ((argc > 0) == option_flag(cli, "all"))
        return cli_fail(cli, CLI_USAGE, "which orders? Give their numbers, or --all alone");
    uint32_t count = orders_named(cli, argc, argv, &orders);
    for (uint32_t i = 0; i < count; i++) {
        struct op_order_cancel op = {.order = orders[i]};
        check_message(cli, &op_order_cancel_message, &op);
    }
    if (cli_connect(cli) != CLI_OK)
        return cli->exit;
    if (cli->exit == CLI_OK && count == 0)
        cli_note(cli, "no orders rest\n");
    json_t *outcomes = json_array();
    for (uint32_t at = 0; at < count && cli->exit == CLI_OK; at += BATCH_OPERATIONS_MAX) {
        uint32_t left = count - at;
        refused += cancels_send(cli, orders + at,
                                left < BATCH_OPERATIONS_MAX ? left : BATCH_OPERATIONS_MAX, outcomes,
                                &refusal);
    }
    cli_print_outcomes(cli, outcomes);
    if (refused > 0 && count == 1)
        return cli_fail_refusal(cli, refusal);
    if (refused > 0)
        cli_fail(cli, CLI_REFUSED, "%u of %s %s not cancelled", (unsigned)refused,
                 text_count(cli, count, "order"), refused == 1 ? "was" : "were");
    return cli->exit;
}
