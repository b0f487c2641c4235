/* Rules: what the exchange keeps for an account by itself. */
#include <inttypes.h>

#include "client/cli/check.h"
#include "client/cli/order_place.h"
#include "client/json.h"
#include "protocol/amount.h"
#include "protocol/moment.h"
#include "protocol/refusal.h"

#define NO_RULE "there is no such rule of yours; see 'bourse rule list'"

/* --- Adding --------------------------------------------------------------------------------- */

/* SKUs with limits, which a rule cannot do without: nobody looks when it buys. */
static void skus_read(struct cli *cli, struct op_rule_add *op,
                      struct sku_limit skus[ORDER_SKUS_MAX])
{
    bool limited[ORDER_SKUS_MAX];
    op->skus.items = skus;
    op->skus.count = order_skus(cli, skus, limited);
    if (op->skus.count == 0)
        cli_fail(cli, CLI_USAGE, "--sku is missing; see '%s --help'", cli->path);
    for (uint32_t i = 0; i < op->skus.count; i++) {
        if (!limited[i])
            cli_fail(cli, CLI_USAGE, "at what price at most? Give --limit, or --sku SKU=LIMIT");
    }
}

static void constraints_read(struct cli *cli, struct op_rule_add *op, const char **unknown_out)
{
    struct op_order_place o = {.skus = {op->skus.items, op->skus.count}};
    order_constraints(cli, &o);
    *unknown_out = cli->exit == CLI_OK ? order_unknown(cli, &o) : NULL;
    op->regions.items = o.regions.items;
    op->regions.count = o.regions.count;
    op->jurisdictions.items = o.jurisdictions.items;
    op->jurisdictions.count = o.jurisdictions.count;
    op->certifications.items = o.certifications.items;
    op->certifications.count = o.certifications.count;
    op->preemptible_ok = o.preemptible_ok;
    op->profile = o.profile;
    op->interconnect = o.interconnect;
    op->carbon_g_max = o.carbon_g_max;
    op->reliability_ppm_min = o.reliability_ppm_min;
}

/* The budget: --budget from a series, or what --tokens hold. */
static int budget_read(struct cli *cli, const uint64_t **tokens_out, uint32_t *count_out)
{
    bool named = option_text(cli, "tokens") != NULL;
    uint64_t budget_ucr = option_amount(cli, "budget", 0);
    if (cli->exit == CLI_OK && named && budget_ucr > 0)
        return cli_fail(cli, CLI_USAGE, "--tokens are the whole budget; leave out --budget");
    if (cli->exit == CLI_OK && !named && option_text(cli, "budget") != NULL && budget_ucr == 0)
        return cli_fail(cli, CLI_USAGE, "--budget: must be above 0");
    if (cli->exit != CLI_OK || named || budget_ucr == 0)
        return order_tokens(cli, tokens_out, count_out);
    return funds_cut(cli, budget_ucr, tokens_out, count_out);
}

/* A budget that may not even pay the first horizon is soon used. */
static void budget_warn(struct cli *cli, const struct op_rule_add *op, uint64_t budget_ucr)
{
    uint64_t limit = 0;
    for (uint32_t i = 0; i < op->skus.count; i++) {
        if (op->skus.items[i].limit_price_ucr > limit)
            limit = op->skus.items[i].limit_price_ucr;
    }
    uint64_t cost = order_cost(cli, op->gpus, op->horizon_min, limit);
    if (budget_ucr < cost)
        cli_note(cli,
                 "At its limit a single horizon comes to %s: the rule buys fewer GPUs, or for less "
                 "time, as far as the budget goes.\n",
                 text_credits(cli, cost));
}

int command_rule_add(struct cli *cli, int argc, char **argv)
{
    struct sku_limit skus[ORDER_SKUS_MAX];
    const char *unknown = NULL;
    const char *gpus = option_required(cli, "gpus");
    const char *horizon = option_required(cli, "horizon");
    (void)argc;
    (void)argv;
    if (cli->exit != CLI_OK)
        return cli->exit;
    struct op_rule_add op = {
        .gpus = value_u32(cli, "--gpus", gpus),
        .horizon_min = value_minutes(cli, "--horizon", horizon),
        .resell = option_text(cli, "sell") != NULL,
        .sell_price_ucr = option_amount(cli, "sell", 0),
        .runway_min = option_minutes(cli, "runway", 0),
    };
    if (cli->exit == CLI_OK && op.horizon_min < RULE_HORIZON_LEAST_MIN)
        cli_fail(cli, CLI_USAGE, "--horizon: at least %u minutes, or leases would be too short",
                 (unsigned)RULE_HORIZON_LEAST_MIN);
    skus_read(cli, &op, skus);
    constraints_read(cli, &op, &unknown);
    if (cli->exit == CLI_OK && option_text(cli, "budget") == NULL &&
        option_text(cli, "tokens") == NULL)
        return cli_fail(cli, CLI_USAGE, "how much may it spend? Give --budget, or --tokens");
    if (cli->exit != CLI_OK || budget_read(cli, &op.tokens.items, &op.tokens.count) != CLI_OK)
        return cli->exit;
    const struct result *r = cli_apply(cli, &op_rule_add_message, &op);
    struct q_rules q = {.rule = r != NULL ? r->object : 0};
    const struct a_rules *a = r != NULL ? cli_query_quietly(cli, &q_rules_message, &q) : NULL;
    const struct rule_info *rule = a != NULL && a->rows.count == 1 ? a->rows.items : NULL;
    if (rule != NULL)
        cli_echo(cli,
                 json_pack("{s:s, s:I, s:I}", "state",
                           vocabulary_name(&rule_state_vocabulary, rule->state), "gpus",
                           (json_int_t)rule->gpus, "budget_ucr", (json_int_t)rule->budget_ucr));
    if (unknown != NULL)
        cli_echo(cli, json_pack("{s:s}", "note", unknown));
    cli_print_result(cli, &op_rule_add_message, r, "rule",
                     "rule %" PRIu64 ": keeps %s for the next %s, with %s to spend",
                     r != NULL ? r->object : 0, text_count(cli, op.gpus, "GPU"), horizon,
                     rule != NULL ? text_credits(cli, rule->budget_ucr) : "its tokens");
    if (rule != NULL)
        budget_warn(cli, &op, rule->budget_ucr);
    if (r != NULL && unknown != NULL)
        cli_note(cli, "%s Until that changes it buys nothing: 'bourse rule end %" PRIu64 "'.\n",
                 unknown, r->object);
    return cli->exit;
}

/* --- Looking and changing ------------------------------------------------------------------- */

int command_rule_list(struct cli *cli, int argc, char **argv)
{
    const char *account = option_text(cli, "account");
    struct q_rules q = {.account = account != NULL ? name_account(cli, account) : 0};
    (void)argc;
    (void)argv;
    return records_list(
        cli, &q_rules_message, &q,
        "rule account state skus gpus held_gpus horizon_min sell_price_ucr "
        "budget_ucr spent_ucr runway_min last_refusal profile preemptible_ok regions "
        "jurisdictions certifications interconnect carbon_g_max "
        "reliability_ppm_min",
        "no rules; 'bourse rule add' makes one");
}

int command_rule_show(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct q_rules q = {.rule = value_u64(cli, "RULE", argv[0])};
    return records_show(cli, &q_rules_message, &q, NO_RULE);
}

int command_rule_why(struct cli *cli, int argc, char **argv)
{
    char start[MOMENT_TEXT_BYTES];
    char end[MOMENT_TEXT_BYTES];
    (void)argc;
    struct q_rule_why q = {.rule = value_u64(cli, "RULE", argv[0])};
    check_message(cli, &q_rule_why_message, &q);
    cli->missing = NO_RULE;
    const struct a_rule_why *a =
        cli->exit == CLI_OK ? cli_query(cli, &q_rule_why_message, &q) : NULL;
    cli->missing = NULL;
    if (a == NULL)
        return cli->exit;
    if (cli->json)
        return cli_print_json(cli, message_to_json(&a_rule_why_message, a));
    if (a->missing_gpus > 0)
        cli_print(cli, "rule %s misses %s from %s to %s\n", argv[0],
                  text_count(cli, a->missing_gpus, "GPU"), moment_format(a->start_s, start),
                  moment_format(a->end_s, end));
    if (a->refusal != REFUSAL_accepted)
        cli_print(cli, "%s (%s)\n", refusal_text(a->refusal), refusal_name(a->refusal));
    else if (a->missing_gpus == 0)
        cli_print(cli, "rule %s misses nothing\n", argv[0]);
    else
        cli_print(cli, "at its next step it buys %s\n", text_count(cli, a->gpus, "GPU"));
    /* The answer begins with the fields of a quote's. */
    if (a->funnel.count > 0)
        quote_why_print(cli, (const void *)a, a->missing_gpus);
    return cli->exit;
}

/* How many GPUs it keeps now: the operation says the number, changed or not. */
static uint32_t rule_gpus(struct cli *cli, uint64_t rule)
{
    struct q_rules q = {.rule = rule};
    cli->missing = NO_RULE;
    const struct a_rules *a = cli->exit == CLI_OK ? cli_query(cli, &q_rules_message, &q) : NULL;
    if (a != NULL && a->rows.count == 0)
        cli_fail(cli, CLI_REFUSED, NO_RULE);
    cli->missing = NULL;
    return cli->exit == CLI_OK ? a->rows.items[0].gpus : 0;
}

int command_rule_change(struct cli *cli, int argc, char **argv)
{
    const char *gpus = option_text(cli, "gpus");
    (void)argc;
    if (gpus == NULL && option_text(cli, "budget") == NULL && option_text(cli, "tokens") == NULL)
        return cli_fail(cli, CLI_USAGE, "what is to change? Give --gpus or --budget");
    struct op_rule_change op = {.rule = value_u64(cli, "RULE", argv[0])};
    op.gpus = gpus != NULL ? value_u32(cli, "--gpus", gpus) : rule_gpus(cli, op.rule);
    if (cli->exit != CLI_OK || budget_read(cli, &op.tokens.items, &op.tokens.count) != CLI_OK)
        return cli->exit;
    cli_echo(cli, json_pack("{s:I}", "gpus", (json_int_t)op.gpus));
    return cli_print_result(cli, &op_rule_change_message,
                            cli_apply(cli, &op_rule_change_message, &op), "rule",
                            "rule %s keeps %s; 'bourse rule show %s' has its budget", argv[0],
                            text_count(cli, op.gpus, "GPU"), argv[0]);
}

int command_rule_end(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct op_rule_end op = {.rule = value_u64(cli, "RULE", argv[0])};
    const struct result *r = cli_apply(cli, &op_rule_end_message, &op);
    cli_print_result(cli, &op_rule_end_message, r, "rule", "ended rule %s; its leases stay",
                     argv[0]);
    for (uint32_t i = 0; r != NULL && i < r->token_count; i++)
        cli_print(cli, "  the rest of its budget in token %" PRIu64 "\n", r->token_first + i);
    return cli->exit;
}
