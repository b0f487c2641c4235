/* Revenue shares. */
#include <inttypes.h>
#include <string.h>

#include "client/cli/cli.h"
#include "client/cli/contract.h"
#include "protocol/amount.h"
#include "protocol/moment.h"

#define NO_REVSHARE "there is no such revenue share of yours; see 'bourse revshare list'"

/* --- Proposing ------------------------------------------------------------------------------ */

/* The next part of "RATE:UTILISATION:CASH", NUL-terminated; NULL when there is none. */
static char *part_next(char **rest)
{
    char *part = *rest;
    if (part == NULL)
        return NULL;
    char *colon = strchr(part, ':');
    *rest = colon != NULL ? colon + 1 : NULL;
    if (colon != NULL)
        *colon = '\0';
    return part;
}

static struct phase phase_read(struct cli *cli, const char *item)
{
    struct phase phase = {0};
    char *rest = arena_copy(&cli->arena, item, strlen(item) + 1);
    if (rest == NULL) {
        cli_fail(cli, CLI_LOCAL, "out of memory");
        return phase;
    }
    const char *rate = part_next(&rest);
    const char *utilisation = part_next(&rest);
    const char *cash = part_next(&rest);
    uint32_t rate_ppm = value_ppm(cli, "phase", rate);
    phase.rate_bp = rate_ppm / 100;
    phase.utilisation_ppm = utilisation != NULL ? value_ppm(cli, "phase", utilisation) : 0;
    phase.milestone_ucr = cash != NULL ? value_amount(cli, "phase", cash) : 0;
    if (cli->exit == CLI_OK && rate_ppm % 100 != 0)
        cli_fail(cli, CLI_USAGE,
                 "--phase: '%s' has more than two decimals; a rate is whole basis "
                 "points, such as 12.25%%",
                 rate);
    if (cli->exit == CLI_OK && (rest != NULL || (utilisation != NULL && cash == NULL)))
        cli_fail(cli, CLI_USAGE,
                 "--phase: '%s' is not RATE:UTILISATION:CASH, such as 20%%:70%%:5000000, nor the "
                 "RATE of the last phase",
                 item);
    return phase;
}

/* What the exchange would refuse in fewer words: a step that takes nothing, less cash than the one
 * before, or a last phase with an end. */
static void phases_check(struct cli *cli, const struct phase *phases, uint32_t count)
{
    for (uint32_t i = 0; i + 1 < count && cli->exit == CLI_OK; i++) {
        if (phases[i].milestone_ucr == 0 && phases[i].utilisation_ppm == 0)
            cli_fail(cli, CLI_USAGE,
                     "--phase: only the last phase has no end; give what leads to the next one, "
                     "such as 20%%:70%%:5000000");
        else if (i > 0 && phases[i].milestone_ucr < phases[i - 1].milestone_ucr)
            cli_fail(cli, CLI_USAGE,
                     "--phase: CASH counts from the beginning, so that it must not fall from phase "
                     "to phase");
    }
    if (cli->exit == CLI_OK &&
        (phases[count - 1].utilisation_ppm > 0 || phases[count - 1].milestone_ucr > 0))
        cli_fail(cli, CLI_USAGE,
                 "--phase: the last phase has no end: give its rate alone, such as --phase 5%%");
}

/* --phase, in the order of the phases; what stood before stays when there is none. */
static void phases_read(struct cli *cli, struct op_revshare_propose *op)
{
    uint32_t count = 0;
    if (option_item(cli, "phase", 0) == NULL)
        return;
    struct phase *phases = arena_alloc(&cli->arena, PHASES_MAX * sizeof(*phases));
    if (phases == NULL) {
        cli_fail(cli, CLI_LOCAL, "out of memory");
        return;
    }
    for (const char *item; (item = option_item(cli, "phase", count)) != NULL; count++) {
        if (count == PHASES_MAX) {
            cli_fail(cli, CLI_USAGE, "--phase: at most %u phases", (unsigned)PHASES_MAX);
            return;
        }
        phases[count] = phase_read(cli, item);
        if (cli->exit == CLI_OK && count > 0 && phases[count].rate_bp >= phases[count - 1].rate_bp)
            cli_fail(cli, CLI_USAGE, "--phase: each rate must be below the one before");
    }
    phases_check(cli, phases, count);
    op->phases.items = phases;
    op->phases.count = count;
}

/* One revenue share that one may see; NULL after a failure, which has been said. */
static const struct revshare_info *revshare_fetch(struct cli *cli, struct q_revshares *q)
{
    cli->missing = NO_REVSHARE;
    const struct a_revshares *a =
        cli->exit == CLI_OK ? cli_query(cli, &q_revshares_message, q) : NULL;
    if (a != NULL && a->rows.count == 0)
        cli_fail(cli, CLI_REFUSED, NO_REVSHARE);
    cli->missing = NULL;
    return cli->exit == CLI_OK ? a->rows.items : NULL;
}

/* The terms that an amendment begins with: those that stand. */
static void terms_fetch(struct cli *cli, uint64_t contract, struct op_revshare_propose *op)
{
    struct q_revshares q = {.contract = contract};
    const struct revshare_info *s = revshare_fetch(cli, &q);
    if (s == NULL)
        return;
    *op = (struct op_revshare_propose){
        .contract = contract,
        .beneficiary = s->beneficiary,
        .operator= s->operator,
        .site = s->site,
        .base = s->base,
        .floor_ucr = s->floor_ucr,
        .rank = s->rank,
        .start_s = s->start_s,
        .window_days = s->window_days,
        .latching = s->latching,
        .milestone = s->milestone,
    };
    op->phases.items = s->phases.items;
    op->phases.count = s->phases.count;
}

/* An account that a new share names; oneself when the option is left out. */
static uint32_t party_read(struct cli *cli, const char *option)
{
    const char *text = option_text(cli, option);
    if (text != NULL)
        return name_account(cli, text);
    return cli_connect(cli) == CLI_OK ? connection_status(cli->connection)->you : 0;
}

static void parties_read(struct cli *cli, struct op_revshare_propose *op)
{
    const char *site = option_text(cli, "site");
    option_required(cli, "phase");
    if (cli->exit == CLI_OK && option_text(cli, "operator") == NULL &&
        option_text(cli, "beneficiary") == NULL)
        cli_fail(cli, CLI_USAGE, "with whom? Give --operator, or --beneficiary");
    if (cli->exit != CLI_OK)
        return;
    op->operator= party_read(cli, "operator");
    op->beneficiary = party_read(cli, "beneficiary");
    op->site = site != NULL ? name_site(cli, site) : 0;
    op->base = option_text(cli, "floor") != NULL ? SHARE_BASE_ABOVE_FLOOR : SHARE_BASE_GROSS;
    op->rank = 1;
    op->start_s = cli_time_s(cli);
    op->window_days = 30;
    op->latching = true;
    op->milestone = MILESTONE_KIND_REVENUE;
}

static void latching_read(struct cli *cli, struct op_revshare_propose *op)
{
    const char *text = option_text(cli, "latching");
    if (text == NULL)
        return;
    if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
        cli_fail(cli, CLI_USAGE, "--latching: '%s' is neither yes nor no", text);
    op->latching = strcmp(text, "yes") == 0;
}

static void terms_read(struct cli *cli, struct op_revshare_propose *op)
{
    op->base = option_word(cli, "base", &share_base_vocabulary, op->base);
    op->floor_ucr = option_amount(cli, "floor", op->floor_ucr);
    op->rank = option_u32(cli, "rank", op->rank);
    op->start_s = option_moment(cli, "start", op->start_s);
    op->window_days = option_u32(cli, "window", op->window_days);
    op->milestone = option_word(cli, "milestone", &milestone_kind_vocabulary, op->milestone);
    latching_read(cli, op);
    phases_read(cli, op);
    if (op->base == SHARE_BASE_GROSS && option_text(cli, "floor") == NULL)
        op->floor_ucr = 0; /* what an amendment leaves behind */
    if (cli->exit == CLI_OK && op->base == SHARE_BASE_GROSS && op->floor_ucr > 0)
        cli_fail(cli, CLI_USAGE, "--floor goes with --base above_floor");
}

int command_revshare_propose(struct cli *cli, int argc, char **argv)
{
    struct op_revshare_propose op = {0};
    uint64_t amended = contract_amended(cli, "beneficiary operator site", "revenue share");
    (void)argc;
    (void)argv;
    if (amended != 0)
        terms_fetch(cli, amended, &op);
    else if (cli->exit == CLI_OK)
        parties_read(cli, &op);
    if (cli->exit == CLI_OK)
        terms_read(cli, &op);
    return contract_propose(cli, &op_revshare_propose_message, &op, op.contract, "revshare");
}

/* --- Looking -------------------------------------------------------------------------------- */

int command_revshare_list(struct cli *cli, int argc, char **argv)
{
    const char *account = option_text(cli, "account");
    struct q_revshares q = {.account = account != NULL ? name_account(cli, account) : 0};
    (void)argc;
    (void)argv;
    return records_list(cli, &q_revshares_message, &q,
                        "contract state pending operator beneficiary site rank phase gross_ucr "
                        "share_ucr paid_ucr claims_ucr cash_left_ucr",
                        "no revenue shares; 'bourse revshare propose' makes one");
}

/* What the next phase takes, for people: credits, a utilisation, or both. */
static void needed_print(struct cli *cli, const struct revshare_info *s, const struct phase *now)
{
    char cash[AMOUNT_TEXT_BYTES];
    bool cash_left = now->milestone_ucr > 0 && (s->cash_left_ucr > 0 || now->utilisation_ppm == 0);
    if (cash_left)
        cli_print(cli, "%s credits more of %s%s", amount_format(s->cash_left_ucr, cash),
                  s->milestone == MILESTONE_KIND_SHARE ? "the share" : "revenue",
                  now->utilisation_ppm > 0 ? " and " : "\n");
    if (now->utilisation_ppm > 0)
        cli_print(cli, "a utilisation of %u.%02u%% (%s)\n", (unsigned)now->utilisation_ppm / 10000,
                  (unsigned)now->utilisation_ppm / 100 % 100,
                  s->utilisation_reached ? "reached" : "to come");
}

/* What is missing of the step to the next phase, for people. */
static void step_print(struct cli *cli, const struct revshare_info *s)
{
    const struct phase *now = &s->phases.items[s->phase];
    cli_print(cli, "\nphase %u of %u, at %u.%02u%%: ", (unsigned)s->phase + 1,
              (unsigned)s->phases.count, (unsigned)now->rate_bp / 100,
              (unsigned)now->rate_bp % 100);
    if (s->phase + 1 == s->phases.count) {
        cli_print(cli, "the last one\n");
        return;
    }
    cli_print(cli, "the next one takes ");
    needed_print(cli, s, now);
}

/* The utilisation and the time up to which it was measured, or why there is none. */
static void utilisation_print(struct cli *cli, const struct revshare_info *s)
{
    char text[MOMENT_TEXT_BYTES], window[MOMENT_TEXT_BYTES] = "day";
    bool last = s->phase + 1 == s->phases.count;
    if (s->window_days > 1)
        snprintf(window, sizeof(window), "%u days", (unsigned)s->window_days);
    if (s->utilisation_s > 0)
        cli_print(cli, "utilisation: %u.%02u%% over the %s until %s%s\n",
                  (unsigned)s->utilisation_now_ppm / 10000,
                  (unsigned)s->utilisation_now_ppm / 100 % 100, window,
                  moment_format(s->utilisation_s, text),
                  last ? " (in the last phase it is not measured any more)" : "");
    else if (last)
        cli_print(cli, "utilisation: - (in the last phase it is not measured)\n");
    else
        cli_print(cli, "utilisation: - (measured over %s, for the first time at %s)\n",
                  s->window_days > 1 ? window : "a day",
                  moment_format(s->utilisation_from_s, text));
}

static void standing_print(struct cli *cli, const void *row)
{
    const struct revshare_info *s = row;
    if (s->state != CONTRACT_STATE_IN_FORCE || s->phase >= s->phases.count)
        return;
    step_print(cli, s);
    utilisation_print(cli, s);
}

/* What standing_print() says in sentences is no field as well. */
int command_revshare_show(struct cli *cli, int argc, char **argv)
{
    return contract_show(cli, argc, argv,
                         "phase utilisation_reached cash_reached cash_left_ucr "
                         "utilisation_now_ppm utilisation_s utilisation_from_s",
                         standing_print);
}

int command_revshare_shares(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct q_shares q = {.contract = value_u64(cli, "CONTRACT", argv[0])};
    if (contract_of_kind(cli, q.contract, CONTRACT_KIND_REVSHARE) == NULL)
        return cli->exit;
    return records_list(cli, &q_shares_message, &q,
                        "share time_s lease period gross_ucr base_ucr phase_first phase_last "
                        "share_ucr paid_ucr claims_ucr=OLDER-CLAIMS paid_since_ucr left_ucr index",
                        "nothing has been shared yet");
}
