/* The commands of dual control. */
#include "client/cli/commands.h"

static const struct cli_option list_options[] = {
    {"all", 0, NULL, "those that are done, rejected or too old as well"}, LIMIT_OPTION, END};
static const struct cli_option reject_options[] = {{"reason", 0, "TEXT", "why"}, END};
static const struct cli_option payout_options[] = {
    {"reference", 0, "TEXT", "such as the number of the bank transfer"}, END};
static const struct cli_option policy_options[] = {
    {"approvals", 0, "M", "how many admins must approve"},
    {"mint-limit", 0, "CREDITS", "minted in a UTC day without approval (0: any amount)"},
    {"payout-limit", 0, "CREDITS",
     "paid out of one account in a UTC day without approval (0: any amount)"},
    END};
static const struct cli_option admin_options[] = {
    {"unfreeze", 0, "ACCOUNT", "an admin who is frozen, instead of a new one"}, END};

const struct cli_command control_commands[] = {
    COMMAND("list", "List proposals that wait for approval", NULL, 0, 0, list_options,
            command_control_list),
    COMMAND("show", "Show a proposal, and who has approved it", "PROPOSAL", 1, 1, NULL,
            command_control_show),
    COMMAND_MORE("approve", "Approve a proposal (admins)", "PROPOSAL", 1, 1, NULL,
                 command_control_approve,
                 "The last approval that it needs carries it out. Read it first with 'show'."),
    COMMAND_MORE(
        "reject", "Reject a proposal, or take back one's own", "PROPOSAL", 1, 1, reject_options,
        command_control_reject,
        "Any admin can. What is neither approved nor rejected is too old after seven days."),
    COMMAND("policy", "Show how many admins must approve what, and the limits", NULL, 0, 0, NULL,
            command_control_policy),
    COMMAND_MORE("propose-mint", "Propose to issue tokens of a series (admins)",
                 "SERIES ACCOUNT=AMOUNT...", 2, -1, NULL, command_control_propose_mint,
                 "For what is above the limit of 'bourse mint'. Proposing is the first approval.\n"
                 "  bourse control propose-mint growth aurora=250000"),
    COMMAND_MORE("propose-payout", "Propose to pay out an account's balance (admins, treasurers)",
                 "SERIES ACCOUNT AMOUNT", 3, 3, payout_options, command_control_propose_payout,
                 "For what is above the limit of 'bourse payout'. A treasurer's proposal is no\n"
                 "approval yet.\n"
                 "  bourse control propose-payout growth meridian 90000 --reference 'wire 117'"),
    COMMAND_MORE("propose-policy", "Propose other limits or another number of approvals (admins)",
                 NULL, 0, 0, policy_options, command_control_propose_policy,
                 "What is not given stays.\n"
                 "  bourse control propose-policy --approvals 3 --mint-limit 100000"),
    COMMAND_MORE("propose-admin", "Propose another admin (admins)", "[NAME PUBLIC-KEY]", 0, 2,
                 admin_options, command_control_propose_admin,
                 "Where one admin approves, 'bourse account register' and 'unfreeze' do the same.\n"
                 "  bourse control propose-admin bea bourse-key:...\n"
                 "  bourse control propose-admin --unfreeze bea"),
    NO_MORE};
