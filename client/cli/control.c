/* Dual control: what admins propose to each other, approve and reject, and their policy. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/cli.h"
#include "protocol/amount.h"
#include "protocol/keys.h"
#include "protocol/status.h"

#define NO_PROPOSAL "there is no such proposal; see 'bourse control list --all'"

/* --- Looking -------------------------------------------------------------------------------- */

/* A proposal, as its first field, with how many of the approvals it needs it has. */
struct listed {
    struct proposal_info row;
    struct text has;
    struct text policy; /* what one of a policy asks for */
};

#define LISTED(field, kind, words)                                                                 \
    {                                                                                              \
#field, kind, offsetof(struct listed, row.field), 0, 0, NULL, words                        \
    }
static const struct field listed_fields[] = {
    LISTED(proposal, FIELD_NUMBER, NULL),
    LISTED(kind, FIELD_ENUM, &control_kind_vocabulary),
    LISTED(state, FIELD_ENUM, &control_state_vocabulary),
    LISTED(proposer, FIELD_ACCOUNT, NULL),
    {"has", FIELD_TEXT, offsetof(struct listed, has), 0, 0, NULL, NULL},
    {"approvals", FIELD_LIST, offsetof(struct listed, row.approvals), 0, APPROVALS_MAX,
     &approval_message, NULL},
    LISTED(series, FIELD_SERIES, NULL),
    LISTED(account, FIELD_ACCOUNT, NULL),
    LISTED(name, FIELD_TEXT, NULL),
    LISTED(amount_ucr, FIELD_AMOUNT, NULL),
    {"policy", FIELD_TEXT, offsetof(struct listed, policy), 0, 0, NULL, NULL},
    LISTED(until_s, FIELD_TIME, NULL),
};
const struct message proposal_listed_message = {"listed", 0, sizeof(struct listed),
                                                sizeof(listed_fields) / sizeof(listed_fields[0]),
                                                listed_fields};

/* "1 of 3": what a proposal has, of what it needs in all. Where a policy that came since asks for
 * fewer, the next approval does it. */
static struct text approvals_text(struct cli *cli, const struct proposal_info *p)
{
    char text[48];
    bool one_more = p->state == CONTROL_STATE_OPEN && p->approvals.count >= p->needed;
    int length = snprintf(text, sizeof(text), "%" PRIu32 " of %" PRIu32 "%s", p->approvals.count,
                          p->needed, one_more ? " (takes 1 more)" : "");
    const char *kept = arena_copy(&cli->arena, text, (size_t)length);
    return kept != NULL ? (struct text){kept, (uint32_t)length} : (struct text){"", 0};
}

static const char *limit_text(amount limit, char text[AMOUNT_TEXT_BYTES])
{
    return limit > 0 ? amount_format(limit, text) : "none";
}

/* "2 approvals, mint limit 1000, payout limit none". */
static struct text policy_text(struct cli *cli, const struct proposal_info *p)
{
    char mint[AMOUNT_TEXT_BYTES], payout[AMOUNT_TEXT_BYTES];
    char text[64 + 2 * AMOUNT_TEXT_BYTES];
    if (p->kind != CONTROL_KIND_POLICY)
        return (struct text){"", 0};
    int length =
        snprintf(text, sizeof(text), "%s, mint limit %s, payout limit %s",
                 text_count(cli, p->policy_approvals, "approval"),
                 limit_text(p->mint_limit_ucr, mint), limit_text(p->payout_limit_ucr, payout));
    const char *kept = arena_copy(&cli->arena, text, (size_t)length);
    return kept != NULL ? (struct text){kept, (uint32_t)length} : (struct text){"", 0};
}

int command_control_list(struct cli *cli, int argc, char **argv)
{
    struct q_proposals q = {.all = option_flag(cli, "all")};
    const char *none =
        q.all ? "nothing was ever proposed" : "nothing waits for approval; --all shows what did";
    uint64_t limit = option_u64(cli, "limit", UINT32_MAX);
    const void *rows = NULL;
    (void)argc;
    (void)argv;
    if (cli->json || limit == 0)
        return records_list(cli, &q_proposals_message, &q, "", none);
    uint32_t count = records_fetch(cli, &q_proposals_message, &q, limit, &rows);
    struct listed *listed = arena_alloc(&cli->arena, ((size_t)count + 1) * sizeof(*listed));
    if (cli->exit == CLI_OK && listed == NULL)
        cli_fail(cli, CLI_LOCAL, "out of memory");
    for (uint32_t i = 0; i < count && cli->exit == CLI_OK; i++) {
        listed[i].row = ((const struct proposal_info *)rows)[i];
        listed[i].has = approvals_text(cli, &listed[i].row);
        listed[i].policy = policy_text(cli, &listed[i].row);
    }
    if (cli->exit != CLI_OK)
        return cli->exit;
    if (count == 0)
        cli_note(cli, "%s\n", none);
    else
        records_table(cli, &proposal_listed_message, listed, count,
                      "proposal kind state proposer has=APPROVALS approvals=APPROVED-BY series "
                      "account name amount_ucr policy until_s");
    return cli->exit;
}

/* The fields of a proposal that its kind does not have, which are empty. */
static const char *fields_without(uint32_t kind)
{
    switch (kind) {
    case CONTROL_KIND_MINT:
        return "account reference policy_approvals mint_limit_ucr payout_limit_ucr name sign_key "
               "channel_key";
    case CONTROL_KIND_PAYOUT:
        return "outputs policy_approvals mint_limit_ucr payout_limit_ucr name sign_key channel_key";
    case CONTROL_KIND_POLICY:
        return "series outputs account amount_ucr reference name sign_key channel_key";
    default:
        return "series outputs amount_ucr reference policy_approvals mint_limit_ucr "
               "payout_limit_ucr";
    }
}

int command_control_show(struct cli *cli, int argc, char **argv)
{
    struct q_proposals q = {.proposal = value_u64(cli, "PROPOSAL", argv[0])};
    (void)argc;
    if (cli->json || q.proposal == 0)
        return records_show(cli, &q_proposals_message, &q, NO_PROPOSAL);
    cli->missing = NO_PROPOSAL;
    const struct a_proposals *a =
        cli->exit == CLI_OK ? cli_query(cli, &q_proposals_message, &q) : NULL;
    cli->missing = NULL;
    if (a == NULL)
        return cli->exit;
    if (a->rows.count == 0)
        return cli_fail(cli, CLI_REFUSED, NO_PROPOSAL);
    record_print(cli, &proposal_info_message, a->rows.items, fields_without(a->rows.items->kind));
    return cli->exit;
}

static const struct a_policy *policy_fetch(struct cli *cli)
{
    static const struct q_policy q = {0};
    return cli->exit == CLI_OK ? cli_query(cli, &q_policy_message, &q) : NULL;
}

static void limit_print(struct cli *cli, const char *title, amount limit)
{
    char text[AMOUNT_TEXT_BYTES];
    cli_print(cli, "%-14s%s\n", title, limit_text(limit, text));
}

int command_control_policy(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    const struct a_policy *a = policy_fetch(cli);
    if (a == NULL)
        return cli->exit;
    if (cli->json)
        return cli_print_json(
            cli, json_pack("{s:I, s:I, s:I, s:I}", "approvals", (json_int_t)a->approvals,
                           "mint_limit_ucr", (json_int_t)a->mint_limit_ucr, "payout_limit_ucr",
                           (json_int_t)a->payout_limit_ucr, "admins", (json_int_t)a->admins));
    cli_print(cli, "%-14s%" PRIu32 " of %" PRIu32 " admin%s\n", "approvals:", a->approvals,
              a->admins, a->admins == 1 ? "" : "s");
    limit_print(cli, "mint limit:", a->mint_limit_ucr);
    limit_print(cli, "payout limit:", a->payout_limit_ucr);
    return cli->exit;
}

/* --- Proposing and approving ---------------------------------------------------------------- */

/* Says what came of a proposal that was just made or approved: it may have been the last one. */
static int outcome_print(struct cli *cli, const struct message *operation, const struct result *r,
                         const char *what)
{
    uint64_t proposal = r != NULL ? r->object : 0;
    struct q_proposals q = {.proposal = proposal};
    const struct a_proposals *a =
        r != NULL && !cli->json ? cli_query(cli, &q_proposals_message, &q) : NULL;
    const struct proposal_info *p = a != NULL && a->rows.count > 0 ? a->rows.items : NULL;
    if (p != NULL && p->state == CONTROL_STATE_OPEN)
        return cli_print_result(cli, operation, r, "proposal",
                                "%s proposal %" PRIu64 ": %" PRIu32 " of %" PRIu32
                                " admins; the next one says 'bourse control approve %" PRIu64 "'",
                                what, proposal, p->approvals.count, p->needed, proposal);
    return cli_print_result(cli, operation, r, "proposal", "%s proposal %" PRIu64 ": it is done",
                            what, proposal);
}

static int propose(struct cli *cli, const struct message *operation, const void *op)
{
    const struct result *r = cli->exit == CLI_OK ? cli_apply(cli, operation, op) : NULL;
    return outcome_print(cli, operation, r, "made");
}

int command_control_propose_mint(struct cli *cli, int argc, char **argv)
{
    uint64_t total = 0;
    struct op_mint_propose op = {.series = name_series(cli, argv[0])};
    if (argc - 1 > CONTROL_PAYMENTS_MAX)
        return cli_fail(cli, CLI_USAGE, "a proposal to mint has at most %d outputs; make two",
                        (int)CONTROL_PAYMENTS_MAX);
    op.outputs.count = name_payments(cli, argc - 1, argv + 1, &op.outputs.items, &total);
    return propose(cli, &op_mint_propose_message, &op);
}

int command_control_propose_payout(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    option_required(cli, "reference");
    struct op_payout_propose op = {
        .series = name_series(cli, argv[0]),
        .account = name_account(cli, argv[1]),
        .amount_ucr = value_amount(cli, "AMOUNT", argv[2]),
        .reference = option_string(cli, "reference", REFERENCE_MAX_BYTES),
    };
    return propose(cli, &op_payout_propose_message, &op);
}

/* What is not given stays as it is. */
int command_control_propose_policy(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    if (option_text(cli, "approvals") == NULL && option_text(cli, "mint-limit") == NULL &&
        option_text(cli, "payout-limit") == NULL)
        return cli_fail(cli, CLI_USAGE,
                        "what is to change? Give --approvals, --mint-limit or --payout-limit");
    const struct a_policy *now = policy_fetch(cli);
    if (now == NULL)
        return cli->exit;
    struct op_policy_propose op = {
        .approvals = option_u32(cli, "approvals", now->approvals),
        .mint_limit_ucr = option_amount(cli, "mint-limit", now->mint_limit_ucr),
        .payout_limit_ucr = option_amount(cli, "payout-limit", now->payout_limit_ucr),
    };
    if (cli->exit == CLI_OK && (op.approvals == 0 || op.approvals > APPROVALS_MAX))
        return cli_fail(cli, CLI_USAGE, "--approvals is a number from 1 to %d", (int)APPROVALS_MAX);
    if (cli->exit == CLI_OK && op.approvals > now->admins)
        return cli_fail(cli, CLI_REFUSED,
                        "there are %" PRIu32 " active admins: so many at most can approve; see "
                        "'bourse control propose-admin'",
                        now->admins);
    return propose(cli, &op_policy_propose_message, &op);
}

int command_control_propose_admin(struct cli *cli, int argc, char **argv)
{
    struct op_admin_propose op = {0};
    struct keys_public keys;
    const char *frozen = option_text(cli, "unfreeze");
    if ((frozen != NULL) != (argc == 0) || argc == 1)
        return cli_fail(cli, CLI_USAGE,
                        "give NAME and PUBLIC-KEY of a new admin, or --unfreeze ACCOUNT alone");
    if (frozen != NULL) {
        op.account = name_account(cli, frozen);
        return propose(cli, &op_admin_propose_message, &op);
    }
    op.name = value_text(cli, "NAME", argv[0], NAME_MAX_BYTES);
    if (cli->exit == CLI_OK && keys_parse(argv[1], &keys) != STATUS_OK)
        return cli_fail(cli, CLI_USAGE,
                        "'%s' is not a public key: it is the line 'bourse-key:...' that 'bourse "
                        "keygen --show' prints",
                        argv[1]);
    if (cli->exit != CLI_OK)
        return cli->exit;
    memcpy(op.sign_key, keys.sign, sizeof(op.sign_key));
    memcpy(op.channel_key, keys.channel, sizeof(op.channel_key));
    return propose(cli, &op_admin_propose_message, &op);
}

int command_control_approve(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct op_control_approve op = {.proposal = value_u64(cli, "PROPOSAL", argv[0])};
    const struct result *r =
        cli->exit == CLI_OK ? cli_apply(cli, &op_control_approve_message, &op) : NULL;
    return outcome_print(cli, &op_control_approve_message, r, "approved");
}

int command_control_reject(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct op_control_reject op = {.proposal = value_u64(cli, "PROPOSAL", argv[0]),
                                   .reason = option_string(cli, "reason", REASON_MAX_BYTES)};
    const struct result *r =
        cli->exit == CLI_OK ? cli_apply(cli, &op_control_reject_message, &op) : NULL;
    return cli_print_result(cli, &op_control_reject_message, r, "proposal",
                            "closed proposal %" PRIu64 ": nobody can approve it any more",
                            op.proposal);
}
