/* The commands of contracts: what all kinds share, then a noun for each kind. */
#include "client/cli/commands.h"

static const struct cli_option pay_options[] = {{"series", 0, "SERIES", "pay from this series"},
                                                {"tokens", 0, "N,...", "pay with these tokens"},
                                                END};
static const struct cli_option list_options[] = {
    {"account", 0, "ACCOUNT", "of this account (admins and auditors; default: oneself)"},
    LIMIT_OPTION,
    END};

/*
 * Accepting and declining are the same for all kinds, so that each noun has them: what is signed is
 * one version of the terms, by its number.
 */
#define ACCEPT_COMMAND                                                                             \
    COMMAND_MORE("accept", "Accept the terms that the other party proposes", "CONTRACT [VERSION]", \
                 1, 2, NULL, command_contract_accept,                                              \
                 "From then on they are in force. Read them first with 'show'; with VERSION, as\n" \
                 "'bourse contract show' has it under pending, no other terms are accepted that\n" \
                 "were proposed in their place meanwhile.")
#define DECLINE_COMMAND                                                                            \
    COMMAND_MORE("decline", "Decline the terms that are proposed, or take back one's own",         \
                 "CONTRACT [VERSION]", 1, 2, NULL, command_contract_decline,                       \
                 "What is in force stays so: of an amendment only the proposal is dropped.")

/* --- Contracts of all kinds --- */

static const struct cli_option contract_list_options[] = {
    {"kind", 0, "KIND", "backstop, revenue_share, grant or lease_guarantee (default: all)"},
    {"account", 0, "ACCOUNT", "of this account (admins and auditors; default: oneself)"},
    LIMIT_OPTION,
    END};
static const struct cli_option claim_list_options[] = {
    {"contract", 0, "CONTRACT", "of this contract only"},
    {"account", 0, "ACCOUNT", "of this account (admins and auditors; default: oneself)"},
    LIMIT_OPTION,
    END};
static const struct cli_option claim_pay_options[] = {
    {"series", 0, "SERIES", "out of the balance of this series only"}, END};
const struct cli_command contract_commands[] = {
    COMMAND("list", "List contracts of all kinds", NULL, 0, 0, contract_list_options,
            command_contract_list),
    COMMAND_MORE("show", "Show where a contract stands", "CONTRACT", 1, 1, NULL,
                 command_contract_show,
                 "Its parties, versions, fund and claims. The terms stand with its kind, such as\n"
                 "'bourse guarantee show'."),
    ACCEPT_COMMAND,
    DECLINE_COMMAND,
    COMMAND_MORE("fund", "Put credits into the fund of a contract (its parties)",
                 "CONTRACT [AMOUNT]", 1, 2, pay_options, command_contract_fund,
                 "Open claims against you are paid from it at once, the oldest first; what is\n"
                 "owed later is paid from it when it falls due. Without AMOUNT --tokens says\n"
                 "what to put in.\n"
                 "  bourse contract fund 7 250"),
    COMMAND_MORE("withdraw", "Take credits back from the fund of a contract", "CONTRACT AMOUNT", 2,
                 2, NULL, command_contract_withdraw,
                 "Only what the terms and open claims leave free.\n"
                 "  bourse contract withdraw 7 100"),
    NO_MORE};
const struct cli_command claim_commands[] = {
    COMMAND_MORE("list", "List what is owed under contracts", NULL, 0, 0, claim_list_options,
                 command_claim_list,
                 "What one owes and is owed, paid ones included, each with its age. 'bourse claim\n"
                 "pay' pays what one owes out of what one has earned, 'bourse contract fund' with\n"
                 "tokens.\n"
                 "  bourse claim list --contract 7"),
    COMMAND_MORE("pay", "Pay what one owes under a contract out of what one has earned",
                 "CONTRACT [AMOUNT]", 1, 2, claim_pay_options, command_claim_pay,
                 "The oldest claims first; without AMOUNT all of them, as far as the balances\n"
                 "go. Without --series one series after the other. What an escrow of a lease\n"
                 "guarantee is short of stays in the balances; what else is there pays, and the\n"
                 "answer says what stays owed. AMOUNT of one --series is paid in full or not at\n"
                 "all.\n"
                 "  bourse claim pay 7\n"
                 "  bourse claim pay 7 250 --series spring"),
    NO_MORE};

/* --- Backstops --- */

static const struct cli_option backstop_propose_options[] = {
    {"amend", 0, "CONTRACT",
     "propose other terms for this one; nothing else is required, and what is not given stays"},
    {"guarantor", 0, "ACCOUNT", "who pays for what is not sold (default: oneself)"},
    {"operator", 0, "ACCOUNT", "whose capacity it is (default: oneself)"},
    {"site", 0, "SITE", "where it is (required)"},
    {"sku", 0, "SKU", "of which kind (required)"},
    {"gpus", 0, "N", "how many are covered (required)"},
    {"strike", 0, "CREDITS", "owed for a GPU-hour (required)"},
    {"period", 0, "DURATION", "after which is settled (default 24h)"},
    {"start", 0, "TIME", "from when on (required)"},
    {"end", 0, "TIME", "until when (required)"},
    {"pool", 0, "CREDITS", "what the guarantor never exceeds, in all (required)"},
    {"lot", 0, "GPUS@TIME", "delivered then; may be repeated (default: all at the start)"},
    {"price-max", 0, "CREDITS", "only what is offered at this price or below counts (required)"},
    {"ahead", 0, "DURATION", "... and has been for so long (default 0)"},
    {"certification", 0, "NAME,...", "only while the site holds them; may be repeated"},
    {"no-certification", 0, NULL, "none is asked for any more (with --amend)"},
    END};
static const struct cli_option backstop_elect_options[] = {
    {"period", 0, "N", "which period, 0 the first (default: the next one to begin)"},
    {"series", 0, "SERIES", "pay from this series"},
    {"tokens", 0, "N,...", "pay with these tokens"},
    END};
static const struct cli_option statement_options[] = {LIMIT_OPTION, END};
const struct cli_command backstop_commands[] = {
    COMMAND_MORE(
        "propose", "Propose a backstop, or an amendment (guarantors, operators)", NULL, 0, 0,
        backstop_propose_options, command_backstop_propose,
        "Owed for each minute: the strike for each GPU that is covered, delivered, offered at\n"
        "or below --price-max at an open and certified site, and not sold.\n"
        "  bourse backstop propose --operator batam --site batam-1 --sku gb300 --gpus 40000 \\\n"
        "      --strike 2.10 --pool 6300000000 --start 2027-02-01 --end 2032-04-13 \\\n"
        "      --price-max 3 --ahead 24h --lot 20000@2027-02-01 --lot 20000@2027-06-01\n"
        "  bourse backstop propose --amend 7 --strike 1.95\n"
        "An amendment acts from its acceptance on."),
    ACCEPT_COMMAND,
    DECLINE_COMMAND,
    COMMAND_MORE("show", "Show a backstop: its terms, its pool, and where it stands",
                 "CONTRACT [VERSION]", 1, 2, NULL, command_backstop_show,
                 "The terms are those in force, or of VERSION: of an amendment that is pending."),
    COMMAND("list", "List backstops", NULL, 0, 0, list_options, command_backstop_list),
    COMMAND_MORE("elect", "Take what is unsold of a period to come as leases (the guarantor)",
                 "CONTRACT GPUS", 2, 2, backstop_elect_options, command_backstop_elect,
                 "At the strike, up to GPUS of what would be owed for in every minute of it. They\n"
                 "count against the pool, are charged in full where they are available, used or\n"
                 "not, and may be offered on with 'bourse lease resell'.\n"
                 "  bourse backstop elect 7 512"),
    COMMAND_MORE("statement", "List the settled periods of a backstop, and what they come to",
                 "CONTRACT", 1, 1, statement_options, command_backstop_statement,
                 "  bourse backstop statement 7"),
    NO_MORE};

/* --- Grants --- */

static const struct cli_option grant_propose_options[] = {
    {"amend", 0, "CONTRACT",
     "propose other terms for this one; nothing else is required, and what is not given stays"},
    {"funder", 0, "ACCOUNT", "who pays (default: oneself)"},
    {"startup", 0, "ACCOUNT", "who is funded (default: oneself)"},
    {"series", 0, "SERIES",
     "of which series; the funder is its funder, and no other grant has it (required)"},
    {"share", 0, "PERCENT", "of declared revenue, such as 5% (required)"},
    {"cap", 0, "MULTIPLE", "of what was advanced, such as 1.5 (required)"},
    {"start", 0, "TIME", "no tranche before that (default now)"},
    {"term", 0, "MONTHS", "months of the term, that of --start included (required)"},
    {"tail", 0, "MONTHS", "months after the term whose revenue counts, too (default 0)"},
    {"declare-days", 0, "N", "a month is declared within so many days of its end (default 30)"},
    {"tranche", 0, "AMOUNT@WHEN",
     "WHEN: start, TIME, spent:CREDITS or admin; may be repeated (required)"},
    {"carve-out", 0, "STREAM", "revenue of this name does not count; may be repeated"},
    {"no-carve-out", 0, NULL, "all revenue counts again (with --amend)"},
    END};
const struct cli_command grant_commands[] = {
    COMMAND_MORE(
        "propose", "Propose a grant, or an amendment (guarantors, admins, startups)", NULL, 0, 0,
        grant_propose_options, command_grant_propose,
        "  bourse grant propose --startup aurora --series aurora-2027 --share 5% --cap 1.5 \\\n"
        "      --term 60 --tail 24 --tranche 100000@start --tranche 100000@spent:80000 \\\n"
        "      --tranche 50000@admin --carve-out subsidies\n"
        "  bourse grant propose --amend 7 --share 4%\n"
        "An amendment acts from its acceptance on; months that are over count as they did."),
    ACCEPT_COMMAND,
    DECLINE_COMMAND,
    COMMAND_MORE("show", "Show a grant: its terms, what was advanced and what is due",
                 "CONTRACT [VERSION]", 1, 2, NULL, command_grant_show,
                 "The terms are those in force, or of VERSION: of an amendment that is pending."),
    COMMAND("list", "List grants", NULL, 0, 0, list_options, command_grant_list),
    COMMAND_MORE("release", "Release a tranche that waits for that (admins)", "CONTRACT TRANCHE", 2,
                 2, NULL, command_grant_release,
                 "The first tranche is 1. It is paid at once, if the fund covers it and no\n"
                 "declaration is late.\n"
                 "  bourse grant release 7 3"),
    NO_MORE};

static const struct cli_option declare_options[] = {
    {"evidence", 0, "FILE", "what shows it: its SHA-256 is declared along with it"}, END};
static const struct cli_option revenue_list_options[] = {
    {"account", 0, "ACCOUNT", "of this startup (its funders, admins, auditors; default: oneself)"},
    LIMIT_OPTION,
    END};
const struct cli_command revenue_commands[] = {
    COMMAND_MORE("declare", "Declare what was earned in a month (startups)",
                 "MONTH [STREAM=AMOUNT...]", 1, 1 + STREAMS_MAX, declare_options,
                 command_revenue_declare,
                 "Once the month is over. Again: in place of what was declared for it before.\n"
                 "Without a stream: that nothing was earned.\n"
                 "  bourse revenue declare 2027-01 sales=100000 subsidies=8000 \\\n"
                 "      --evidence books.pdf"),
    COMMAND("list", "List what was declared", NULL, 0, 0, revenue_list_options,
            command_revenue_list),
    NO_MORE};

static const struct cli_option royalty_list_options[] = {
    {"account", 0, "ACCOUNT", "of this account (admins and auditors; default: oneself)"},
    {"payments", 0, NULL, "each payment as well, with its reference; reads the log for them"},
    END};
static const struct cli_option royalty_record_options[] = {
    {"reference", 0, "TEXT", "the payment outside, such as that of a bank (required)"}, END};
const struct cli_command royalty_commands[] = {
    COMMAND_MORE(
        "list", "List royalty by grant and month, and what was paid of it", "[CONTRACT]", 0, 1,
        royalty_list_options, command_royalty_list,
        "Each month that is over: what was declared by stream, what of it is carved out,\n"
        "the rate of the terms by which it counts, what it earned before the cap and what is\n"
        "royalty within it, what of that is paid, the oldest months first; and by when it is\n"
        "to be declared.\n"
        "  bourse royalty list 7\n"
        "  bourse royalty list 7 --payments"),
    COMMAND_MORE("pay", "Pay royalty in credits (startups)", "CONTRACT AMOUNT", 2, 2, pay_options,
                 command_royalty_pay,
                 "At most what is due, which 'bourse grant show' has.\n"
                 "  bourse royalty pay 7 5000"),
    COMMAND_MORE("record", "Record royalty as paid outside the exchange (the funder)",
                 "CONTRACT AMOUNT", 2, 2, royalty_record_options, command_royalty_record,
                 "  bourse royalty record 7 5000 --reference 'wire of 3 February'"),
    NO_MORE};

/* --- Lease guarantees --- */

static const struct cli_option guarantee_propose_options[] = {
    {"amend", 0, "CONTRACT",
     "propose other terms for this one; nothing else is required, and what is not given stays"},
    {"guarantor", 0, "ACCOUNT", "who stands for the operator (default: oneself)"},
    {"operator", 0, "ACCOUNT", "whose payments are guaranteed (default: oneself)"},
    {"beneficiary", 0, "ACCOUNT", "who may call: a lender, a landlord (required)"},
    {"site", 0, "SITE", "the operator's site that it is for (required)"},
    {"limit", 0, "CREDITS", "the most the guarantor pays in all (required)"},
    {"escrow", 0, "CREDITS",
     "what the operator keeps in the fund, or of what it earns, and is paid first"},
    {"start", 0, "TIME", "from when on it may be called (default now)"},
    {"end", 0, "TIME", "until when (required)"},
    {"step-in", 0, "WORD",
     "yes (default): having paid, the guarantor may take what the site earns; no"},
    END};
static const struct cli_option guarantee_call_options[] = {
    {"reference", 0, "TEXT", "what was not paid, such as the number of an invoice (required)"},
    END};
const struct cli_command guarantee_commands[] = {
    COMMAND_MORE(
        "propose", "Propose a lease guarantee, or an amendment (guarantors, operators)", NULL, 0, 0,
        guarantee_propose_options, command_guarantee_propose,
        "  bourse guarantee propose --operator batam --beneficiary bank --site batam-1 \\\n"
        "      --limit 3500000 --escrow 100000 --end 2032-04-13\n"
        "  bourse guarantee propose --amend 7 --limit 4000000"),
    ACCEPT_COMMAND,
    DECLINE_COMMAND,
    COMMAND_MORE("show", "Show a lease guarantee: its terms, and what was called and recovered",
                 "CONTRACT [VERSION]", 1, 2, NULL, command_guarantee_show,
                 "The terms are those in force, or of VERSION: of an amendment that is pending."),
    COMMAND("list", "List lease guarantees", NULL, 0, 0, list_options, command_guarantee_list),
    COMMAND_MORE("call", "Call for what the operator has not paid (the beneficiary)",
                 "CONTRACT AMOUNT", 2, 2, guarantee_call_options, command_guarantee_call,
                 "Paid from what the operator has in the fund, then out of what it has earned as\n"
                 "far as the fund was short of its escrow, then by the guarantor up to the limit;\n"
                 "what its part of the fund lacks becomes a claim.\n"
                 "  bourse guarantee call 7 25000 --reference 'rent, March'"),
    COMMAND_MORE("step-in", "Take what the site earns until it is recovered (the guarantor)",
                 "CONTRACT", 1, 1, NULL, command_guarantee_step_in,
                 "Every settlement of the site's leases goes to the guarantor until it has back\n"
                 "what it paid under the guarantee."),
    NO_MORE};

/* --- Revenue shares --- */

static const struct cli_option share_list_options[] = {LIMIT_OPTION, END};
static const struct cli_option revshare_propose_options[] = {
    {"amend", 0, "CONTRACT",
     "propose other terms for this one; nothing else is required, and what is not given stays"},
    {"operator", 0, "ACCOUNT", "whose leases are shared (default: oneself)"},
    {"beneficiary", 0, "ACCOUNT", "who gets the share (default: oneself)"},
    {"site", 0, "SITE", "of leases at this site only (default: at all of the operator's)"},
    {"phase", 0, "RATE:UTILISATION:CASH",
     "a rate, and what leads to the next phase; the last one is a RATE alone (required)"},
    {"base", 0, "WORD", "gross, or above_floor (what a month brings above --floor)"},
    {"floor", 0, "CREDITS", "of each calendar month, which is not shared"},
    {"rank", 0, "N", "whom a settlement pays first: the lowest (default 1)"},
    {"window", 0, "DAYS", "over which utilisation is measured (default 30)"},
    {"latching", 0, "WORD", "yes (default): a utilisation once reached counts for good; no"},
    {"milestone", 0, "WORD", "what CASH counts: revenue (default), or the share itself"},
    {"start", 0, "TIME", "from when on settlements are shared (default now)"},
    END};
const struct cli_command revshare_commands[] = {
    COMMAND_MORE("propose", "Propose a revenue share, or an amendment", NULL, 0, 0,
                 revshare_propose_options, command_revshare_propose,
                 "Rates fall from phase to phase. A step takes both: so many credits in all, and\n"
                 "the utilisation over the window; 0 asks for none.\n"
                 "  bourse revshare propose --operator batam --site batam-1 \\\n"
                 "      --phase 20%:70%:5000000 --phase 10%:85%:12000000 --phase 5%\n"
                 "  bourse revshare propose --amend 7 --floor 250000 --base above_floor"),
    ACCEPT_COMMAND,
    DECLINE_COMMAND,
    COMMAND_MORE("show", "Show a revenue share: its phase, and what the next one takes",
                 "CONTRACT [VERSION]", 1, 2, NULL, command_revshare_show,
                 "The terms are those in force, or of VERSION: of an amendment that is pending."),
    COMMAND("list", "List revenue shares", NULL, 0, 0, list_options, command_revshare_list),
    COMMAND("shares", "List every deduction, settlement by settlement", "CONTRACT", 1, 1,
            share_list_options, command_revshare_shares),
    NO_MORE};

/* --- Flows --- */

static const struct cli_option flow_list_options[] = {
    {"account", 0, "ACCOUNT", "of this account (admins and auditors; default: oneself)"},
    {"from", 0, "TIME", "months that begin then or later"},
    {"until", 0, "TIME", "months that begin before then"},
    LIMIT_OPTION,
    END};
const struct cli_command flow_commands[] = {
    COMMAND_MORE("list", "List what was earned and paid, by calendar month", NULL, 0, 0,
                 flow_list_options, command_flow_list,
                 "Leases settled, shares, draws, royalties, recoveries, gains of resale, payouts;\n"
                 "not transfers of tokens.\n"
                 "  bourse flow list --from 2027-01-01 --until 2027-04-01"),
    NO_MORE};
