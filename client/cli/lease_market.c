/* Leases as things of the market: sold on, extended, funded, taken back. */
#include <inttypes.h>
#include <stdio.h>

#include "client/cli/order_place.h"
#include "protocol/amount.h"
#include "protocol/moment.h"

/* What the lease is like after the operation, for programs. */
static void lease_echo(struct cli *cli, const struct lease_info *lease)
{
    char end[MOMENT_TEXT_BYTES];
    if (lease != NULL)
        cli_echo(cli, json_pack("{s:s, s:s, s:I, s:I}", "state",
                                vocabulary_name(&lease_state_vocabulary, lease->state), "end_s",
                                moment_format(lease->end_s, end), "cost_ucr",
                                (json_int_t)lease->cost_ucr, "escrow_ucr",
                                (json_int_t)lease->escrow_ucr));
}

/* --- Taking back ---------------------------------------------------------------------------- */

/* The same operation as the holder's end, but with the offer's notice; so that nobody ends by
 * accident what he holds, it is the operator's word only. */
int command_lease_reclaim(struct cli *cli, int argc, char **argv)
{
    char end[MOMENT_TEXT_BYTES];
    (void)argc;
    struct op_lease_end op = {.lease = value_u64(cli, "LEASE", argv[0])};
    const struct lease_info *lease = lease_find(cli, op.lease);
    if (lease == NULL)
        return cli->exit;
    if (lease->operator!= connection_status(cli->connection)->you)
        return cli_fail(cli, CLI_REFUSED,
                        "only its operator takes a lease back; its holder ends it with 'bourse "
                        "lease end %s'",
                        argv[0]);
    const struct result *r = cli_apply(cli, &op_lease_end_message, &op);
    lease = r != NULL ? lease_find(cli, op.lease) : NULL;
    lease_echo(cli, lease);
    return cli_print_result(
        cli, &op_lease_end_message, r, "lease",
        "lease %s ends at %s, when its notice has passed; what is delivered until then is paid",
        argv[0], lease != NULL ? moment_format(lease->end_s, end) : "?");
}

/* --- Selling on ----------------------------------------------------------------------------- */

static uint64_t resale_end(struct cli *cli, const struct lease_info *lease, uint64_t start_s)
{
    const char *duration = option_text(cli, "for");
    if (duration != NULL && option_text(cli, "end") != NULL)
        cli_fail(cli, CLI_USAGE, "--end and --for both say until when; give one of them");
    if (duration == NULL)
        return minute_floor(option_moment(cli, "end", 0));
    uint64_t now_s = minute_ceil(cli_time_s(cli));
    uint64_t first_s = lease->start_s > now_s ? lease->start_s : now_s;
    uint64_t from_s = start_s != 0 ? start_s : first_s;
    return from_s + (uint64_t)value_minutes(cli, "--for", duration) * 60;
}

int command_lease_resell(struct cli *cli, int argc, char **argv)
{
    char price_text[AMOUNT_TEXT_BYTES];
    const char *price = option_required(cli, "price");
    (void)argc;
    struct op_lease_resell op = {.lease = value_u64(cli, "LEASE", argv[0])};
    const struct lease_info *lease = lease_find(cli, op.lease);
    if (lease == NULL)
        return cli->exit;
    op.gpus = option_u32(cli, "gpus", lease->gpus_unsold);
    op.block_gpus = option_u32(cli, "block", 1);
    op.start_s = minute_ceil(option_moment(cli, "start", 0));
    op.end_s = resale_end(cli, lease, op.start_s);
    op.price_ucr = value_amount(cli, "--price", price);
    if (cli->exit == CLI_OK && op.price_ucr == 0)
        return cli_fail(cli, CLI_USAGE, "--price: a lease is not sold for nothing");
    op.lease_min_min = option_minutes(cli, "lease-min", 1);
    if (cli->exit == CLI_OK && op.gpus == 0 && option_text(cli, "gpus") == NULL)
        return cli_fail(
            cli, CLI_REFUSED,
            "no GPU of lease %s is unsold from now to its end; for a time at which some "
            "are, give --gpus with --start, --end",
            argv[0]);
    if (cli->exit == CLI_OK && op.gpus > lease->gpus)
        return cli_fail(cli, CLI_USAGE, "--gpus: lease %s has %u", argv[0], (unsigned)lease->gpus);
    if (cli->exit == CLI_OK && (op.end_s > lease->end_s || op.start_s >= lease->end_s))
        return cli_fail(cli, CLI_USAGE, "lease %s ends at %s; what is sold lies within it", argv[0],
                        moment_format(lease->end_s, price_text));
    const struct result *r = cli_apply(cli, &op_lease_resell_message, &op);
    cli_echo(cli, json_pack("{s:I, s:I, s:I}", "lease", (json_int_t)op.lease, "gpus",
                            (json_int_t)op.gpus, "price_ucr", (json_int_t)op.price_ucr));
    return cli_print_result(cli, &op_lease_resell_message, r, "offer",
                            "offer %" PRIu64 ": %s of lease %s at %s per GPU-hour; 'bourse "
                            "offer withdraw %" PRIu64 "' takes it back",
                            r != NULL ? r->object : 0, text_count(cli, op.gpus, "GPU"), argv[0],
                            amount_format(op.price_ucr, price_text), r != NULL ? r->object : 0);
}

/* --- Going on ------------------------------------------------------------------------------- */

static void change_print(struct cli *cli, const struct result *r)
{
    for (uint32_t i = 0; i < r->token_count; i++)
        cli_print(cli, "  change in token %" PRIu64 "\n", r->token_first + i);
}

int command_lease_extend(struct cli *cli, int argc, char **argv)
{
    char end[MOMENT_TEXT_BYTES];
    (void)argc;
    struct op_lease_extend op = {
        .lease = value_u64(cli, "LEASE", argv[0]),
        .duration_min = value_minutes(cli, "DURATION", argv[1]),
    };
    const struct lease_info *lease = lease_find(cli, op.lease);
    if (lease == NULL)
        return cli->exit;
    bool elastic = lease->elastic;
    uint64_t cost = order_cost(cli, lease->gpus, op.duration_min, lease->price_ucr);
    uint64_t cost_max = option_amount(cli, "max-cost", UINT64_MAX);
    uint64_t need = elastic ? 0 : cost;
    if (cli->exit == CLI_OK && cost > cost_max)
        return cli_fail(cli, CLI_REFUSED,
                        "at its price the lease would cost %s more, which is above --max-cost; "
                        "give a higher one or a shorter DURATION",
                        text_credits(cli, cost));
    if (cli->exit != CLI_OK || funds_for(cli, need, &op.tokens.items, &op.tokens.count) != CLI_OK)
        return cli->exit;
    const struct result *r = cli_apply(cli, &op_lease_extend_message, &op);
    lease = r != NULL ? lease_find(cli, op.lease) : NULL;
    lease_echo(cli, lease);
    cli_print_result(cli, &op_lease_extend_message, r, "lease",
                     "extended lease %s for %s%s: it ends at %s", argv[0], elastic ? "up to " : "",
                     text_credits(cli, cost),
                     lease != NULL ? moment_format(lease->end_s, end) : "?");
    if (r != NULL)
        change_print(cli, r);
    return cli->exit;
}

int command_lease_fund(struct cli *cli, int argc, char **argv)
{
    struct op_lease_fund op = {.lease = value_u64(cli, "LEASE", argv[0])};
    uint64_t amount_ucr = argc > 1 ? value_amount(cli, "AMOUNT", argv[1]) : 0;
    if (cli->exit == CLI_OK && (amount_ucr > 0) == (option_text(cli, "tokens") != NULL))
        return cli_fail(cli, CLI_USAGE, "how much? Give an AMOUNT, or --tokens alone");
    /* It takes what its tokens hold, as much as it can come to cost. */
    if (cli->exit == CLI_OK && amount_ucr > 0)
        funds_cut(cli, amount_ucr, &op.tokens.items, &op.tokens.count);
    else
        order_tokens(cli, &op.tokens.items, &op.tokens.count);
    const struct result *r =
        cli->exit == CLI_OK ? cli_apply(cli, &op_lease_fund_message, &op) : NULL;
    const struct lease_info *lease = r != NULL ? lease_find(cli, op.lease) : NULL;
    lease_echo(cli, lease);
    cli_print_result(cli, &op_lease_fund_message, r, "lease", "funded lease %s: %s, %s in escrow",
                     argv[0],
                     lease != NULL ? vocabulary_name(&lease_state_vocabulary, lease->state) : "?",
                     lease != NULL ? text_credits(cli, lease->escrow_ucr) : "?");
    if (r != NULL)
        change_print(cli, r);
    return cli->exit;
}
