/* Backstops: what a guarantor covers, takes for itself and has paid. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/cli.h"
#include "client/cli/contract.h"
#include "client/cli/order_place.h"
#include "client/json.h"
#include "protocol/amount.h"
#include "protocol/refusal.h"

#define NO_BACKSTOP "there is no such backstop of yours; see 'bourse backstop list'"

/* --- Proposing ------------------------------------------------------------------------------ */

/* One backstop that one may see; NULL after a failure, which has been said. */
static const struct backstop_info *backstop_fetch(struct cli *cli, uint64_t contract)
{
    struct q_backstops q = {.contract = contract};
    cli->missing = NO_BACKSTOP;
    const struct a_backstops *a =
        cli->exit == CLI_OK ? cli_query(cli, &q_backstops_message, &q) : NULL;
    if (a != NULL && a->rows.count == 0)
        cli_fail(cli, CLI_REFUSED, NO_BACKSTOP);
    cli->missing = NULL;
    return cli->exit == CLI_OK ? a->rows.items : NULL;
}

/* The terms that an amendment begins with: those that stand. */
static void terms_fetch(struct cli *cli, uint64_t contract, struct op_backstop_propose *op)
{
    const struct backstop_info *b = backstop_fetch(cli, contract);
    if (b == NULL)
        return;
    *op = (struct op_backstop_propose){
        .contract = contract,
        .guarantor = b->guarantor,
        .operator= b->operator,
        .site = b->site,
        .sku = b->sku,
        .gpus = b->gpus,
        .strike_ucr = b->strike_ucr,
        .period_min = b->period_min,
        .start_s = b->start_s,
        .end_s = b->end_s,
        .pool_ucr = b->pool_ucr,
        .price_max_ucr = b->price_max_ucr,
        .ahead_min = b->ahead_min,
    };
    op->lots.items = b->lots.items;
    op->lots.count = b->lots.count;
    op->certifications.items = b->certifications.items;
    op->certifications.count = b->certifications.count;
}

/* An account that a new backstop names; oneself when the option is left out. */
static uint32_t party_read(struct cli *cli, const char *option)
{
    const char *text = option_text(cli, option);
    if (text != NULL)
        return name_account(cli, text);
    return cli_connect(cli) == CLI_OK ? connection_status(cli->connection)->you : 0;
}

static void parties_read(struct cli *cli, struct op_backstop_propose *op)
{
    static const char *const needed[] = {"site",  "sku", "gpus",      "strike", "pool",
                                         "start", "end", "price-max", NULL};
    if (options_required(cli, needed) == CLI_OK && option_text(cli, "guarantor") == NULL &&
        option_text(cli, "operator") == NULL)
        cli_fail(cli, CLI_USAGE, "with whom? Give --operator, or --guarantor");
    if (cli->exit != CLI_OK)
        return;
    op->guarantor = party_read(cli, "guarantor");
    op->operator= party_read(cli, "operator");
    op->site = name_site(cli, option_text(cli, "site"));
    op->sku = name_sku(cli, option_text(cli, "sku"));
    op->period_min = 24 * 60;
}

/* A moment of the terms, which are in minutes: one that is given from now on begins with the next
 * whole one. */
static uint64_t minute_up(const char *text, uint64_t time_s)
{
    return text != NULL && text[0] == '+' ? (time_s + 59) / 60 * 60 : time_s;
}

static struct lot lot_read(struct cli *cli, const char *item)
{
    const char *at = strchr(item, '@');
    char *gpus = at != NULL ? arena_copy(&cli->arena, item, (size_t)(at - item) + 1) : NULL;
    struct lot lot = {0};
    if (gpus == NULL) {
        cli_fail(cli, CLI_USAGE, "--lot: '%s' is not GPUS@TIME, such as 4096@2027-03-01", item);
        return lot;
    }
    gpus[at - item] = '\0';
    lot.gpus = value_u32(cli, "lot", gpus);
    lot.from_s = minute_up(at + 1, value_moment(cli, "lot", at + 1));
    return lot;
}

/* --lot; what stood before stays when there is none, and all GPUs of a new backstop are there from
 * its start on. */
static void lots_read(struct cli *cli, struct op_backstop_propose *op)
{
    uint32_t count = 0;
    if (option_nth(cli, "lot", 0) == NULL && op->contract != 0)
        return;
    struct lot *lots = arena_alloc(&cli->arena, LOTS_MAX * sizeof(*lots));
    if (lots == NULL) {
        cli_fail(cli, CLI_LOCAL, "out of memory");
        return;
    }
    for (const char *item; (item = option_nth(cli, "lot", count)) != NULL; count++) {
        if (count == LOTS_MAX) {
            cli_fail(cli, CLI_USAGE, "--lot: at most %u lots", (unsigned)LOTS_MAX);
            return;
        }
        lots[count] = lot_read(cli, item);
    }
    if (count == 0)
        lots[count++] = (struct lot){.gpus = op->gpus, .from_s = op->start_s};
    op->lots.items = lots;
    op->lots.count = count;
}

static void certifications_read(struct cli *cli, struct op_backstop_propose *op)
{
    uint32_t count = 0;
    if (option_flag(cli, "no-certification"))
        op->certifications.count = 0;
    if (option_item(cli, "certification", 0) == NULL)
        return;
    struct required *names = arena_alloc(&cli->arena, ORDER_CERTIFICATIONS_MAX * sizeof(*names));
    if (names == NULL) {
        cli_fail(cli, CLI_LOCAL, "out of memory");
        return;
    }
    for (const char *item; (item = option_item(cli, "certification", count)) != NULL; count++) {
        if (count == ORDER_CERTIFICATIONS_MAX) {
            cli_fail(cli, CLI_USAGE, "--certification: at most %u",
                     (unsigned)ORDER_CERTIFICATIONS_MAX);
            return;
        }
        names[count].name = value_text(cli, "certification", item, NAME_MAX_BYTES);
    }
    op->certifications.items = names;
    op->certifications.count = count;
}

static void terms_read(struct cli *cli, struct op_backstop_propose *op)
{
    op->gpus = option_u32(cli, "gpus", op->gpus);
    op->strike_ucr = option_amount(cli, "strike", op->strike_ucr);
    op->period_min = option_minutes(cli, "period", op->period_min);
    op->start_s = minute_up(option_text(cli, "start"), option_moment(cli, "start", op->start_s));
    op->end_s = minute_up(option_text(cli, "end"), option_moment(cli, "end", op->end_s));
    op->pool_ucr = option_amount(cli, "pool", op->pool_ucr);
    op->price_max_ucr = option_amount(cli, "price-max", op->price_max_ucr);
    op->ahead_min = option_minutes(cli, "ahead", op->ahead_min);
    lots_read(cli, op);
    certifications_read(cli, op);
    if (cli->exit == CLI_OK && (op->start_s % 60 != 0 || op->end_s % 60 != 0))
        cli_fail(cli, CLI_USAGE, "--start and --end: whole minutes, such as 2027-03-01T12:00");
}

int command_backstop_propose(struct cli *cli, int argc, char **argv)
{
    struct op_backstop_propose op = {0};
    uint64_t amended = contract_amended(cli, "guarantor operator site sku", "backstop");
    (void)argc;
    (void)argv;
    if (amended != 0)
        terms_fetch(cli, amended, &op);
    else if (cli->exit == CLI_OK)
        parties_read(cli, &op);
    if (cli->exit == CLI_OK)
        terms_read(cli, &op);
    return contract_propose(cli, &op_backstop_propose_message, &op, op.contract, "backstop");
}

/* --- Looking -------------------------------------------------------------------------------- */

int command_backstop_list(struct cli *cli, int argc, char **argv)
{
    const char *account = option_text(cli, "account");
    struct q_backstops q = {.account = account != NULL ? name_account(cli, account) : 0};
    (void)argc;
    (void)argv;
    return records_list(cli, &q_backstops_message, &q,
                        "contract state pending guarantor operator site sku gpus strike_ucr end_s "
                        "pool_left_ucr funded_ucr claims_ucr",
                        "no backstops; 'bourse backstop propose' makes one");
}

int command_backstop_show(struct cli *cli, int argc, char **argv)
{
    return contract_show(cli, argc, argv, NULL, NULL);
}

/* A settled period, with what a GPU-hour came to: the strike, unless it changed or the pool ended
 * on the way. */
struct settled {
    struct draw_info row;
    uint64_t per_gpu_hour_ucr;
};

#define SETTLED(field, kind)                                                                       \
    {                                                                                              \
#field, kind, offsetof(struct settled, row.field), 0, 0, NULL, NULL                        \
    }
static const struct field settled_fields[] = {
    SETTLED(contract, FIELD_NUMBER),
    SETTLED(period, FIELD_U32),
    SETTLED(start_s, FIELD_TIME),
    SETTLED(end_s, FIELD_TIME),
    SETTLED(gpu_minutes_covered, FIELD_U64),
    SETTLED(gpu_minutes_sold, FIELD_U64),
    SETTLED(gpu_minutes_elected, FIELD_U64),
    SETTLED(gpu_minutes_not_offered, FIELD_U64),
    SETTLED(gpu_minutes_owed, FIELD_U64),
    {"per_gpu_hour_ucr", FIELD_PRICE, offsetof(struct settled, per_gpu_hour_ucr), 0, 0, NULL, NULL},
    SETTLED(owed_ucr, FIELD_AMOUNT),
    SETTLED(paid_ucr, FIELD_AMOUNT),
    SETTLED(claim, FIELD_NUMBER),
    SETTLED(paid_since_ucr, FIELD_AMOUNT),
    SETTLED(left_ucr, FIELD_AMOUNT),
    SETTLED(pool_left_ucr, FIELD_AMOUNT),
    SETTLED(index, FIELD_U64),
};
static const struct message settled_message = {"settled", 0, sizeof(struct settled),
                                               sizeof(settled_fields) / sizeof(settled_fields[0]),
                                               settled_fields};

static struct settled settled_of(const struct draw_info *row)
{
    struct settled s = {.row = *row, .per_gpu_hour_ucr = row->strike_ucr};
    if (row->gpu_minutes_owed > 0)
        s.per_gpu_hour_ucr = (uint64_t)((wide)row->owed_ucr * 60 / row->gpu_minutes_owed);
    return s;
}

/* All settled periods that --limit asks for; NULL after a failure. */
static const struct settled *settled_fetch(struct cli *cli, struct q_draws *q, uint32_t *count_out)
{
    const void *rows = NULL;
    uint64_t limit = option_u64(cli, "limit", UINT32_MAX);
    if (cli->exit == CLI_OK && limit == 0)
        cli_fail(cli, CLI_USAGE, "--limit must be above 0");
    *count_out = cli->exit == CLI_OK ? records_fetch(cli, &q_draws_message, q, limit, &rows) : 0;
    struct settled *settled = arena_alloc(&cli->arena, ((size_t)*count_out + 1) * sizeof(*settled));
    if (settled == NULL)
        cli_fail(cli, CLI_LOCAL, "out of memory");
    for (uint32_t i = 0; i < *count_out && cli->exit == CLI_OK; i++)
        settled[i] = settled_of((const struct draw_info *)rows + i);
    return cli->exit == CLI_OK ? settled : NULL;
}

/* What the settled periods come to, for people. */
static void totals_print(struct cli *cli, const struct backstop_info *b)
{
    char pool[AMOUNT_TEXT_BYTES], left[AMOUNT_TEXT_BYTES], owed[AMOUNT_TEXT_BYTES];
    char paid[AMOUNT_TEXT_BYTES], claims[AMOUNT_TEXT_BYTES], elected[AMOUNT_TEXT_BYTES];
    char since[AMOUNT_TEXT_BYTES];
    uint64_t claimed_ucr = b->owed_ucr > b->paid_ucr ? b->owed_ucr - b->paid_ucr : 0;
    uint64_t since_ucr = claimed_ucr > b->claims_ucr ? claimed_ucr - b->claims_ucr : 0;
    cli_print(cli,
              "\nowed %s credits in all, %s of it paid at once, %s since, %s open as claims\n"
              "%s set aside for elections; %s left of a pool of %s\n",
              amount_format(b->owed_ucr, owed), amount_format(b->paid_ucr, paid),
              amount_format(since_ucr, since), amount_format(b->claims_ucr, claims),
              amount_format(b->elected_ucr, elected), amount_format(b->pool_left_ucr, left),
              amount_format(b->pool_ucr, pool));
}

static int settled_json(struct cli *cli, const struct settled *settled, uint32_t count)
{
    json_t *rows = json_array();
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(rows, message_to_json(&settled_message, &settled[i]));
    return cli_print_json(cli, rows);
}

int command_backstop_statement(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct q_draws q = {.contract = value_u64(cli, "CONTRACT", argv[0])};
    uint32_t count = 0;
    if (contract_of_kind(cli, q.contract, CONTRACT_KIND_BACKSTOP) == NULL)
        return cli->exit;
    const struct settled *settled = settled_fetch(cli, &q, &count);
    if (settled == NULL || cli->json)
        return settled == NULL ? cli->exit : settled_json(cli, settled, count);
    bool unoffered = false, exhausted = false;
    for (uint32_t i = 0; i < count; i++) {
        const struct draw_info *row = &settled[i].row;
        unoffered = unoffered || row->gpu_minutes_not_offered > 0;
        exhausted = exhausted || (row->gpu_minutes_owed > 0 && row->pool_left_ucr == 0);
    }
    if (count == 0)
        cli_note(cli, "no period has been settled yet\n");
    else
        records_table(cli, &settled_message, settled, count,
                      "period start_s end_s gpu_minutes_covered gpu_minutes_sold "
                      "gpu_minutes_elected gpu_minutes_not_offered gpu_minutes_owed "
                      "per_gpu_hour_ucr owed_ucr paid_ucr paid_since_ucr left_ucr pool_left_ucr "
                      "index");
    const struct backstop_info *b = backstop_fetch(cli, q.contract);
    if (unoffered)
        cli_print(cli,
                  "\nnot offered: covered and not sold, but in no offer of the operator, above "
                  "the price limit,\nlisted too late, at a site that was closed or not certified, "
                  "or withheld (granted, and\nnot handed over or taken back): nothing is owed for "
                  "it\n");
    if (exhausted)
        cli_print(cli,
                  "\ngpu minutes owed: counted also once the pool is used up; from then on nothing "
                  "more is owed\nfor them\n");
    if (b != NULL)
        totals_print(cli, b);
    return cli->exit;
}

/* --- Electing ------------------------------------------------------------------------------- */

/* The next period to begin, or the one that --period says. */
static uint32_t period_read(struct cli *cli, const struct backstop_info *b)
{
    uint64_t now_s = cli_time_s(cli);
    uint64_t span_s = (uint64_t)b->period_min * 60;
    uint64_t next = now_s < b->start_s ? 0 : (now_s - b->start_s) / span_s + 1;
    return option_u32(cli, "period", next < UINT32_MAX ? (uint32_t)next : UINT32_MAX);
}

/* How many GPUs the order took, and what they cost. */
static void election_tell(struct cli *cli, const struct op_backstop_elect *op,
                          const struct result *r)
{
    char cost[AMOUNT_TEXT_BYTES];
    struct q_leases q = {.order = r->object};
    const void *rows = NULL;
    uint64_t gpus = 0;
    uint64_t cost_ucr = 0;
    uint32_t count = records_fetch(cli, &q_leases_message, &q, UINT32_MAX, &rows);
    for (uint32_t i = 0; i < count; i++) {
        gpus += ((const struct lease_info *)rows)[i].gpus;
        cost_ucr += ((const struct lease_info *)rows)[i].cost_ucr;
    }
    cli_echo(cli, json_pack("{s:I, s:I, s:I, s:I}", "period", (json_int_t)op->period, "gpus",
                            (json_int_t)gpus, "gpus_asked", (json_int_t)op->gpus, "cost_ucr",
                            (json_int_t)cost_ucr));
    cli_print_result(cli, &op_backstop_elect_message, r, "order",
                     "elected %" PRIu64 " of %u GPUs for period %u in order %" PRIu64
                     ", for %s credits; 'bourse lease list' has the leases",
                     gpus, (unsigned)op->gpus, (unsigned)op->period, r->object,
                     amount_format(cost_ucr, cost));
    if (gpus < op->gpus)
        cli_print(cli,
                  "  No more are covered, on offer and unsold in every minute of the period, by "
                  "offers that give a lease of its whole length.\n");
}

/* How many periods there are, which one cannot elect beyond. */
static void period_fail(struct cli *cli, const struct backstop_info *b)
{
    char hint[96];
    uint64_t span_s = (uint64_t)b->period_min * 60;
    snprintf(hint, sizeof(hint), "The last period of the backstop is %" PRIu64 ".",
             (b->end_s - b->start_s - 1) / span_s);
    cli_fail_hint(cli, REFUSAL_period_not_found, hint);
}

/* What is left of the pool now, and what all of the GPUs would take of it. */
static void pool_fail(struct cli *cli, const struct op_backstop_elect *op, uint64_t most_ucr)
{
    char hint[128 + 2 * AMOUNT_TEXT_BYTES];
    char left[AMOUNT_TEXT_BYTES], most[AMOUNT_TEXT_BYTES];
    const struct backstop_info *b = contract_row(cli, CONTRACT_KIND_BACKSTOP, op->contract, 0);
    if (b != NULL)
        snprintf(hint, sizeof(hint),
                 "%s credits are left of it; %" PRIu32 " GPU%s for a whole period would take %s at "
                 "the strike.",
                 amount_format(b->pool_left_ucr, left), op->gpus, op->gpus == 1 ? "" : "s",
                 amount_format(most_ucr, most));
    cli_fail_hint(cli, REFUSAL_pool_exhausted, b != NULL ? hint : NULL);
}

static const struct result *elect_apply(struct cli *cli, const struct op_backstop_elect *op,
                                        const struct backstop_info *b, uint64_t most_ucr)
{
    uint32_t refusal;
    const struct result *r = cli_try(cli, &op_backstop_elect_message, op, &refusal);
    if (refusal == REFUSAL_period_not_found)
        period_fail(cli, b);
    else if (refusal == REFUSAL_pool_exhausted)
        pool_fail(cli, op, most_ucr);
    else if (refusal == REFUSAL_no_capacity)
        cli_fail_hint(
            cli, refusal,
            "None is covered, on offer as the terms ask for (listed at or below their "
            "price and as long ahead, at a site that is open and certified) and unsold in "
            "every minute of the period, or those that are have been elected already.");
    else if (refusal != REFUSAL_accepted)
        cli_fail_refusal(cli, refusal);
    return r;
}

int command_backstop_elect(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct op_backstop_elect op = {
        .contract = value_u64(cli, "CONTRACT", argv[0]),
        .gpus = value_u32(cli, "GPUS", argv[1]),
    };
    const struct backstop_info *b = backstop_fetch(cli, op.contract);
    if (b == NULL)
        return cli->exit;
    op.period = period_read(cli, b);
    uint64_t most_ucr = order_cost(cli, op.gpus, b->period_min, b->strike_ucr);
    if (cli->exit != CLI_OK ||
        funds_for(cli, most_ucr, &op.tokens.items, &op.tokens.count) != CLI_OK)
        return cli->exit;
    const struct result *r = elect_apply(cli, &op, b, most_ucr);
    if (r != NULL)
        election_tell(cli, &op, r);
    return cli->exit;
}
