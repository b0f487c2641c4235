/* Claims: what is owed under contracts, and paying it out of what one has earned. */
#include <inttypes.h>
#include <stdio.h>

#include "client/cli/contract.h"
#include "protocol/amount.h"
#include "protocol/refusal.h"

int command_claim_list(struct cli *cli, int argc, char **argv)
{
    const char *account = option_text(cli, "account");
    struct q_claims q = {
        .contract = option_u64(cli, "contract", 0),
        .account = account != NULL ? name_account(cli, account) : 0,
    };
    (void)argc;
    (void)argv;
    return records_list(cli, &q_claims_message, &q,
                        "claim contract creditor debtor amount_ucr left_ucr since_s age_s",
                        "nothing is owed");
}

/* --- Paying --------------------------------------------------------------------------------- */

/* What one owes under a contract, and what of it is paid on the way. */
struct debt {
    struct claim_info *claims; /* open ones, the oldest first */
    uint32_t count;
    uint32_t first; /* the first that is not paid */
    uint64_t owed_ucr;
    uint64_t left_ucr; /* of what is to be paid now */
    uint64_t paid_ucr;
    uint64_t free_ucr;    /* of what one has earned: what may pay claims */
    uint64_t pledged_ucr; /* of it: what stays for escrows of lease guarantees */
    json_t *outcomes;
};

static void debt_read(struct cli *cli, uint64_t contract, struct debt *d)
{
    struct q_claims q = {.contract = contract};
    const void *rows = NULL;
    uint32_t count = records_fetch(cli, &q_claims_message, &q, UINT32_MAX, &rows);
    uint32_t you = cli->exit == CLI_OK ? connection_status(cli->connection)->you : 0;
    const struct claim_info *claims = rows;
    d->claims = arena_alloc(&cli->arena, ((size_t)count + 1) * sizeof(*d->claims));
    if (d->claims == NULL) {
        cli_fail(cli, CLI_LOCAL, "out of memory");
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (claims[i].left_ucr == 0 || claims[i].debtor != you)
            continue;
        d->claims[d->count++] = claims[i];
        if (!amount_add(d->owed_ucr, claims[i].left_ucr, &d->owed_ucr))
            d->owed_ucr = UINT64_MAX;
    }
    if (cli->exit == CLI_OK && d->count == 0)
        cli_fail_refusal(cli, REFUSAL_no_claim);
}

/* What of `most` the claims take that one operation pays; `paid`: they are lowered by it. */
static uint64_t debt_take(struct debt *d, uint64_t most, bool paid)
{
    uint64_t taken = 0;
    for (uint32_t i = d->first; i < d->count && i < d->first + CLAIMS_PAID_MAX; i++) {
        uint64_t left = d->claims[i].left_ucr;
        uint64_t part = left < most - taken ? left : most - taken;
        taken += part;
        if (paid)
            d->claims[i].left_ucr -= part;
    }
    while (d->first < d->count && d->claims[d->first].left_ucr == 0)
        d->first++;
    return taken;
}

/* Pays up to `most` out of one series, in as many operations as it takes. */
static void series_pay(struct cli *cli, uint64_t contract, uint32_t series, uint64_t most,
                       struct debt *d)
{
    while (cli->exit == CLI_OK && most > 0 && d->left_ucr > 0) {
        struct op_claim_pay op = {.contract = contract, .series = series};
        op.amount_ucr = debt_take(d, most < d->left_ucr ? most : d->left_ucr, false);
        const struct result *r = cli_apply(cli, &op_claim_pay_message, &op);
        if (r == NULL)
            return;
        debt_take(d, op.amount_ucr, true);
        most -= op.amount_ucr;
        d->left_ucr -= op.amount_ucr;
        d->owed_ucr -= op.amount_ucr;
        d->paid_ucr += op.amount_ucr;
        json_t *one = cli_result_json(&op_claim_pay_message, r, "contract");
        json_object_set_new(one, "series", json_integer((json_int_t)series));
        json_object_set_new(one, "amount_ucr", json_integer((json_int_t)op.amount_ucr));
        json_object_set_new(one, "owed_ucr", json_integer((json_int_t)d->owed_ucr));
        json_object_set_new(one, "pledged_ucr", json_integer((json_int_t)d->pledged_ucr));
        json_array_append_new(d->outcomes, one);
        cli_print(cli, "paid %s of %s under contract %" PRIu64 " (event %" PRIu64 ")\n",
                  text_credits(cli, op.amount_ucr), name_of(cli, NAMED_SERIES, series), contract,
                  r->index);
    }
}

static uint64_t sum_of(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return amount_add(a, b, &sum) ? sum : UINT64_MAX;
}

/* What is missing in the funds of the lease guarantees of which one is the operator. */
static uint64_t pledged_fetch(struct cli *cli)
{
    uint32_t you = cli->exit == CLI_OK ? connection_status(cli->connection)->you : 0;
    struct q_guarantees q = {.account = you};
    const void *rows = NULL;
    uint64_t missing_ucr = 0;
    uint32_t count = records_fetch(cli, &q_guarantees_message, &q, UINT32_MAX, &rows);
    const struct guarantee_info *g = rows;
    for (uint32_t i = 0; i < count; i++) {
        if (g[i].operator== you)
            missing_ucr = sum_of(missing_ucr, g[i].escrow_missing_ucr);
    }
    return missing_ucr;
}

static void pledged_fail(struct cli *cli, uint64_t pledged_ucr)
{
    char hint[160];
    char text[AMOUNT_TEXT_BYTES];
    snprintf(hint, sizeof(hint),
             "All that you have earned, %s, stays for them: 'bourse guarantee list' shows what is "
             "missing.",
             amount_format(pledged_ucr, text));
    cli_fail_hint(cli, REFUSAL_balance_pledged, hint);
}

/* What one has earned, by series, and what of it may pay claims; how many rows. */
static uint32_t balances_read(struct cli *cli, struct debt *d, const struct balance_info **out)
{
    struct q_balances q = {.account = 0};
    const void *rows = NULL;
    uint64_t missing_ucr = pledged_fetch(cli);
    uint64_t earned_ucr = 0;
    uint32_t count = records_fetch(cli, &q_balances_message, &q, UINT32_MAX, &rows);
    *out = rows;
    for (uint32_t i = 0; i < count; i++)
        earned_ucr = sum_of(earned_ucr, (*out)[i].balance_ucr);
    d->pledged_ucr = missing_ucr < earned_ucr ? missing_ucr : earned_ucr;
    d->free_ucr = earned_ucr - d->pledged_ucr;
    return count;
}

/* Series after series (or `series` alone, if it is not 0), until nothing is left to pay or to pay
 * with: what is pledged for guarantees stays. */
static void balances_pay(struct cli *cli, uint64_t contract, uint32_t series, struct debt *d,
                         const struct balance_info *b, uint32_t count)
{
    bool has_any = false;
    for (uint32_t i = 0; i < count; i++)
        has_any |= b[i].balance_ucr > 0 && (series == 0 || series == b[i].series);
    if (cli->exit == CLI_OK && has_any && d->free_ucr == 0)
        pledged_fail(cli, d->pledged_ucr);
    for (uint32_t i = 0; i < count && cli->exit == CLI_OK; i++) {
        uint64_t most = b[i].balance_ucr < d->free_ucr ? b[i].balance_ucr : d->free_ucr;
        uint64_t before_ucr = d->paid_ucr;
        if (series == 0 || series == b[i].series)
            series_pay(cli, contract, b[i].series, most, d);
        d->free_ucr -= d->paid_ucr - before_ucr;
    }
    if (cli->exit == CLI_OK && json_array_size(d->outcomes) == 0)
        cli_fail_refusal(cli, REFUSAL_insufficient_funds);
}

/* What stays open, and why where not all was paid that was to be. */
static void debt_tell(struct cli *cli, const struct debt *d, bool one_series)
{
    char pledged[AMOUNT_TEXT_BYTES];
    const char *of = one_series ? "of that series " : "";
    if (json_array_size(d->outcomes) > 1)
        cli_print(cli, "%s in all; ", text_credits(cli, d->paid_ucr));
    if (d->owed_ucr == 0)
        cli_print(cli, "nothing more is owed under it\n");
    else if (d->left_ucr == 0)
        cli_print(cli, "%s still owed under it\n", text_credits(cli, d->owed_ucr));
    else if (d->free_ucr == 0 && d->pledged_ucr > 0)
        cli_print(cli,
                  "%s still owed under it: the other %s that you have earned stays for escrows of "
                  "lease guarantees; see 'bourse guarantee list'\n",
                  text_credits(cli, d->owed_ucr), amount_format(d->pledged_ucr, pledged));
    else
        cli_print(cli, "%s still owed under it: you have earned no more %sto pay with\n",
                  text_credits(cli, d->owed_ucr), of);
}

int command_claim_pay(struct cli *cli, int argc, char **argv)
{
    const char *series = option_text(cli, "series");
    uint64_t contract = value_u64(cli, "CONTRACT", argv[0]);
    uint64_t most = argc > 1 ? value_amount(cli, "AMOUNT", argv[1]) : UINT64_MAX;
    struct debt d = {.outcomes = json_array()};
    uint32_t named = series != NULL ? name_series(cli, series) : 0;
    if (cli->exit == CLI_OK && (contract == 0 || most == 0))
        cli_fail(cli, CLI_USAGE, "%s: 0 is too little", contract == 0 ? "CONTRACT" : "AMOUNT");
    if (contract_fetch(cli, contract) != NULL)
        debt_read(cli, contract, &d);
    d.left_ucr = most < d.owed_ucr ? most : d.owed_ucr;
    const struct balance_info *balances = NULL;
    uint32_t count = cli->exit == CLI_OK ? balances_read(cli, &d, &balances) : 0;
    /* So much of one series is asked for: then all of it, or nothing. */
    if (cli->exit == CLI_OK && named > 0 && argc > 1)
        series_pay(cli, contract, named, d.left_ucr, &d);
    else if (cli->exit == CLI_OK)
        balances_pay(cli, contract, named, &d, balances, count);
    if (json_array_size(d.outcomes) > 0)
        debt_tell(cli, &d, named > 0);
    return cli_print_outcomes(cli, d.outcomes);
}
