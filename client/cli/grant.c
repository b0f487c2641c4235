/* Grants: terms, tranches, where they stand. */
#include <inttypes.h>
#include <string.h>

#include "client/cli/cli.h"
#include "client/cli/contract.h"
#include "protocol/amount.h"
#include "protocol/moment.h"
#include "protocol/month.h"
#include "protocol/refusal.h"
#include "protocol/status.h"

#define NO_GRANT "there is no such grant of yours; see 'bourse grant list'"

/* --- Proposing ------------------------------------------------------------------------------ */

/* "AMOUNT@start", "AMOUNT@TIME", "AMOUNT@spent:CREDITS", "AMOUNT@admin". */
static struct tranche tranche_read(struct cli *cli, const char *item, uint64_t start_s)
{
    struct tranche tranche = {.kind = TRANCHE_KIND_DATE, .from_s = start_s};
    char *amount_text = arena_copy(&cli->arena, item, strlen(item) + 1);
    char *when = amount_text != NULL ? strchr(amount_text, '@') : NULL;
    if (when == NULL) {
        cli_fail(cli, CLI_USAGE,
                 "--tranche: '%s' is not AMOUNT@start, AMOUNT@TIME, AMOUNT@spent:CREDITS or "
                 "AMOUNT@admin",
                 item);
        return tranche;
    }
    *when++ = '\0';
    tranche.amount_ucr = value_amount(cli, "tranche", amount_text);
    if (strcmp(when, "admin") == 0) {
        tranche.kind = TRANCHE_KIND_ADMIN;
        tranche.from_s = 0;
    } else if (strncmp(when, "spent:", 6) == 0) {
        tranche.kind = TRANCHE_KIND_SPENT;
        tranche.from_s = 0;
        tranche.spent_ucr = value_amount(cli, "tranche", when + 6);
        if (cli->exit == CLI_OK && tranche.spent_ucr == 0)
            cli_fail(cli, CLI_USAGE, "--tranche: '%s' waits for nothing; give an amount above 0",
                     item);
    } else if (strcmp(when, "start") != 0) {
        tranche.from_s = value_moment(cli, "tranche", when);
    }
    return tranche;
}

/* --tranche, in their order; what stood before stays when there is none. */
static void tranches_read(struct cli *cli, struct op_grant_propose *op)
{
    uint32_t count = 0;
    if (option_item(cli, "tranche", 0) == NULL)
        return;
    struct tranche *tranches = arena_alloc(&cli->arena, TRANCHES_MAX * sizeof(*tranches));
    if (tranches == NULL) {
        cli_fail(cli, CLI_LOCAL, "out of memory");
        return;
    }
    for (const char *item; (item = option_item(cli, "tranche", count)) != NULL; count++) {
        if (count == TRANCHES_MAX) {
            cli_fail(cli, CLI_USAGE, "--tranche: at most %u tranches", (unsigned)TRANCHES_MAX);
            return;
        }
        tranches[count] = tranche_read(cli, item, op->start_s);
    }
    op->tranches.items = tranches;
    op->tranches.count = count;
}

static void carve_outs_read(struct cli *cli, struct op_grant_propose *op)
{
    uint32_t count = 0;
    if (option_flag(cli, "no-carve-out"))
        op->carve_outs.count = 0;
    if (option_nth(cli, "carve-out", 0) == NULL)
        return;
    struct required *names = arena_alloc(&cli->arena, STREAMS_MAX * sizeof(*names));
    if (names == NULL) {
        cli_fail(cli, CLI_LOCAL, "out of memory");
        return;
    }
    for (const char *name; (name = option_nth(cli, "carve-out", count)) != NULL; count++) {
        if (count == STREAMS_MAX) {
            cli_fail(cli, CLI_USAGE, "--carve-out: at most %u streams", (unsigned)STREAMS_MAX);
            return;
        }
        names[count].name = value_text(cli, "carve-out", name, NAME_MAX_BYTES);
    }
    op->carve_outs.items = names;
    op->carve_outs.count = count;
}

/* A percentage or a multiple that must be whole basis points; `ppm` is it in parts per million. */
static uint32_t basis_points(struct cli *cli, const char *option, uint64_t ppm)
{
    if (cli->exit == CLI_OK && (ppm % 100 != 0 || ppm / 100 > GRANT_CAP_MAX_BP))
        cli_fail(cli, CLI_USAGE, "--%s: '%s' is not in whole basis points, or too large", option,
                 option_text(cli, option));
    return cli->exit == CLI_OK ? (uint32_t)(ppm / 100) : 0;
}

static const struct grant_info *grant_fetch(struct cli *cli, uint64_t contract)
{
    struct q_grants q = {.contract = contract};
    cli->missing = NO_GRANT;
    const struct a_grants *a = cli->exit == CLI_OK ? cli_query(cli, &q_grants_message, &q) : NULL;
    if (a != NULL && a->rows.count == 0)
        cli_fail(cli, CLI_REFUSED, NO_GRANT);
    cli->missing = NULL;
    return cli->exit == CLI_OK ? a->rows.items : NULL;
}

/* The terms that an amendment begins with: those that stand. */
static void terms_fetch(struct cli *cli, uint64_t contract, struct op_grant_propose *op)
{
    const struct grant_info *g = grant_fetch(cli, contract);
    if (g == NULL)
        return;
    *op = (struct op_grant_propose){
        .contract = contract,
        .funder = g->funder,
        .startup = g->startup,
        .series = g->series,
        .share_bp = g->share_bp,
        .cap_bp = g->cap_bp,
        .start_s = g->start_s,
        .term_months = g->term_months,
        .tail_months = g->tail_months,
        .declare_days = g->declare_days,
        .tranches = {g->tranches.items, g->tranches.count},
        .carve_outs = {g->carve_outs.items, g->carve_outs.count},
    };
}

/* An account that a new grant names; oneself when the option is left out. */
static uint32_t party_read(struct cli *cli, const char *option)
{
    const char *text = option_text(cli, option);
    if (text != NULL)
        return name_account(cli, text);
    return cli_connect(cli) == CLI_OK ? connection_status(cli->connection)->you : 0;
}

static void new_read(struct cli *cli, struct op_grant_propose *op)
{
    static const char *const needed[] = {"series", "share", "cap", "term", "tranche", NULL};
    if (options_required(cli, needed) == CLI_OK && option_text(cli, "startup") == NULL &&
        option_text(cli, "funder") == NULL)
        cli_fail(cli, CLI_USAGE, "with whom? Give --startup, or --funder");
    if (cli->exit != CLI_OK)
        return;
    op->funder = party_read(cli, "funder");
    op->startup = party_read(cli, "startup");
    op->series = name_series(cli, option_text(cli, "series"));
    op->start_s = cli_time_s(cli);
    op->declare_days = 30;
}

/* What the exchange would refuse in fewer words: a date that is not within the term. */
static void tranches_check(struct cli *cli, const struct op_grant_propose *op)
{
    char from[MOMENT_TEXT_BYTES], start[MOMENT_TEXT_BYTES], end[MOMENT_TEXT_BYTES];
    if (cli->exit != CLI_OK)
        return;
    uint64_t end_s = month_start_s(month_of(op->start_s) + op->term_months);
    for (uint32_t i = 0; i < op->tranches.count; i++) {
        const struct tranche *t = &op->tranches.items[i];
        if (t->kind == TRANCHE_KIND_DATE && (t->from_s < op->start_s || t->from_s >= end_s))
            cli_fail(cli, CLI_USAGE, "--tranche: %s is not within the term, which is from %s to %s",
                     moment_format(t->from_s, from), moment_format(op->start_s, start),
                     moment_format(end_s, end));
    }
}

static void terms_read(struct cli *cli, struct op_grant_propose *op)
{
    op->start_s = option_moment(cli, "start", op->start_s);
    if (option_text(cli, "share") != NULL)
        op->share_bp = basis_points(cli, "share", option_ppm(cli, "share", 0));
    if (option_text(cli, "cap") != NULL)
        op->cap_bp = basis_points(cli, "cap", option_amount(cli, "cap", 0));
    op->term_months = option_u32(cli, "term", op->term_months);
    if (cli->exit == CLI_OK && (op->term_months == 0 || op->term_months > GRANT_MONTHS_MAX))
        cli_fail(cli, CLI_USAGE, "--term is a number of calendar months from 1 to %u",
                 (unsigned)GRANT_MONTHS_MAX);
    op->tail_months = option_u32(cli, "tail", op->tail_months);
    op->declare_days = option_u32(cli, "declare-days", op->declare_days);
    tranches_read(cli, op);
    carve_outs_read(cli, op);
    tranches_check(cli, op);
}

int command_grant_propose(struct cli *cli, int argc, char **argv)
{
    struct op_grant_propose op = {0};
    uint64_t amended = contract_amended(cli, "funder startup series", "grant");
    (void)argc;
    (void)argv;
    if (amended != 0)
        terms_fetch(cli, amended, &op);
    else if (cli->exit == CLI_OK)
        new_read(cli, &op);
    if (cli->exit == CLI_OK)
        terms_read(cli, &op);
    return contract_propose(cli, &op_grant_propose_message, &op, op.contract, "grant");
}

/* --- Looking -------------------------------------------------------------------------------- */

int command_grant_list(struct cli *cli, int argc, char **argv)
{
    const char *account = option_text(cli, "account");
    struct q_grants q = {.account = account != NULL ? name_account(cli, account) : 0};
    (void)argc;
    (void)argv;
    return records_list(cli, &q_grants_message, &q,
                        "contract state funder startup series share_bp cap_bp advanced_ucr "
                        "funded_ucr royalty_ucr paid_ucr recorded_ucr due_ucr late_month_s",
                        "no grants; 'bourse grant propose' makes one");
}

int command_grant_show(struct cli *cli, int argc, char **argv)
{
    return contract_show(cli, argc, argv, NULL, NULL);
}

/* --- Releasing ------------------------------------------------------------------------------ */

/* What the tranche that is not released is, and how it stands. */
static void release_fail(struct cli *cli, const struct op_grant_release *op, uint32_t refusal)
{
    const struct grant_info *g =
        contract_row(cli, CONTRACT_KIND_GRANT, op->contract, 0); /* NULL: not seen any more */
    struct buffer hint = BUFFER_EMPTY;
    if (g != NULL && op->tranche >= g->tranches.count) {
        buffer_printf(&hint, "It has %s; 'bourse grant show %" PRIu64 "' lists them.",
                      text_count(cli, g->tranches.count, "tranche"), op->contract);
    } else if (g != NULL) {
        const struct tranche *t = &g->tranches.items[op->tranche];
        buffer_printf(&hint, "Tranche %u is ", (unsigned)op->tranche + 1);
        contract_part_print(&tranche_message, t, 0, 1, &hint);
        contract_part_became(cli, &grant_info_message, &tranche_message, g, op->tranche, &hint);
        buffer_printf(&hint, ".");
    }
    buffer_append(&hint, "", 1);
    cli_fail_hint(cli, refusal,
                  hint.status == STATUS_OK && g != NULL ? (const char *)hint.data : NULL);
    buffer_release(&hint);
}

static const struct result *release_apply(struct cli *cli, const struct op_grant_release *op)
{
    uint32_t refusal;
    const struct result *r = cli_try(cli, &op_grant_release_message, op, &refusal);
    if (refusal == REFUSAL_tranche_not_found || refusal == REFUSAL_tranche_paid)
        release_fail(cli, op, refusal);
    else if (refusal != REFUSAL_accepted)
        cli_fail_refusal(cli, refusal);
    return r;
}

/* People count tranches from 1, messages from 0. */
int command_grant_release(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    uint32_t place = value_u32(cli, "TRANCHE", argv[1]);
    struct op_grant_release op = {.contract = value_u64(cli, "CONTRACT", argv[0])};
    if (cli->exit == CLI_OK && (place == 0 || place > TRANCHES_MAX))
        return cli_fail(cli, CLI_USAGE, "TRANCHE: the first is 1, and there are %u at most",
                        (unsigned)TRANCHES_MAX);
    op.tranche = place - 1;
    const struct result *r = cli->exit == CLI_OK ? release_apply(cli, &op) : NULL;
    const struct grant_info *g = r != NULL ? grant_fetch(cli, op.contract) : NULL;
    bool paid = g != NULL && (g->tranches_paid >> op.tranche & 1);
    return cli_print_result(
        cli, &op_grant_release_message, r, "contract",
        "released tranche %u of contract %" PRIu64 "%s", (unsigned)place, op.contract,
        paid ? ": it is paid" : "; it waits, for funds or for a declaration that is late");
}
