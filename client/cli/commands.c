/* The table of commands. Options stand with the command that takes them. */
#include "client/cli/commands.h"

const struct cli_option cli_common_options[] = {
    {"json", 0, NULL, "print JSON, errors included (those on standard error)"},
    {"server", 0, "HOST:PORT", "where the exchange listens (default 127.0.0.1:7420)"},
    {"exchange", 0, "PIN", "the line 'bourse-exchange:v1:...' that boursed init printed"},
    {"key", 0, "FILE", "the key file (default ~/.config/bourse/key)"},
    {"passphrase-file", 0, "FILE", "where the key file's passphrase is (- standard input)"},
    {"config", 0, "FILE", "the configuration (BOURSE_CONFIG, or ~/.config/bourse/config)"},
    {"timeout", 0, "SECONDS", "how long to wait for an answer (default 30)"},
    {"retries", 0, "N", "how often to connect again when a connection breaks (default 3)"},
    {"no-color", 0, NULL, "no colours (there are none but on a terminal)"},
    {"help", 'h', NULL, "what the command does"},
    END};

static const struct cli_option limit_options[] = {LIMIT_OPTION, END};
static const struct cli_option root_options[] = {{"version", 0, NULL, "print the version"}, END};

static const struct cli_option keygen_options[] = {
    {"output", 'o', "FILE", "the key file, as FILE (default: the one that is configured)"},
    {"seal", 0, NULL, "seal the file with a passphrase"},
    {"show", 0, NULL, "print the public key of the key file there is"},
    END};

/* --- Accounts --- */

static const struct cli_option register_options[] = {
    {"role", 0, "ROLE", "admin, guarantor, operator, startup, auditor or treasurer"}, END};
static const struct cli_option reason_options[] = {{"reason", 0, "TEXT", "why"}, END};
static const struct cli_command account_commands[] = {
    COMMAND("register", "Register an account (admins)", "NAME PUBLIC-KEY", 2, 2, register_options,
            command_account_register),
    COMMAND("show", "Show an account, by default one's own", "[ACCOUNT]", 0, 1, NULL,
            command_account_show),
    COMMAND("list", "List accounts", NULL, 0, 0, limit_options, command_account_list),
    COMMAND("freeze", "Freeze an account (admins)", "ACCOUNT", 1, 1, reason_options,
            command_account_freeze),
    COMMAND("unfreeze", "Unfreeze an account (admins)", "ACCOUNT", 1, 1, NULL,
            command_account_unfreeze),
    COMMAND_MORE(
        "rekey", "Replace the account's keys by those of another key file", "NEW-KEY-FILE", 1, 1,
        NULL, command_account_rekey,
        "Makes the new key file unless it exists. The old key is worth nothing afterwards,\n"
        "but keep it: access that was sealed to it is opened with 'lease access --old-key'."),
    NO_MORE};

static const struct cli_option key_add_options[] = {
    {"label", 0, "TEXT", "what the key is for"},
    {"scopes", 0, "SCOPE,...",
     "what it may sign: credits, orders, capacity, leases, admin, contracts"},
    {"daily", 0, "CREDITS", "the most it may move in a UTC day (default: any amount)"},
    {"expires", 0, "TIME", "when it expires (default: never)"},
    END};
static const struct cli_option key_list_options[] = {
    {"account", 0, "ACCOUNT", "of this account (admins and auditors; default: oneself)"},
    LIMIT_OPTION,
    END};
static const struct cli_command key_commands[] = {
    COMMAND_MORE(
        "request", "Ask to become a further key of an account", "ACCOUNT", 1, 1, NULL,
        command_key_request,
        "Prints a line for the account's owner, who adds it with 'bourse key add'. Needs\n"
        "a key file of one's own ('bourse keygen') and the pin line of the exchange, and\n"
        "no network, so that ACCOUNT is a number. The line holds public keys and a proof, and\n"
        "no secret.\n"
        "  bourse key request 12 > request.txt"),
    COMMAND_MORE(
        "add", "Add a further key to one's account", "REQUEST", 1, 1, key_add_options,
        command_key_add,
        "REQUEST is the line that 'bourse key request' has printed; - reads it from\n"
        "standard input. Without --scopes the key may look at everything of the account\n"
        "and sign nothing. Only the main key adds and removes keys.\n"
        "  bourse key add - --label bot --scopes orders,leases --daily 500 --expires +90d \\\n"
        "    < request.txt"),
    COMMAND("list", "List the further keys of one's account", NULL, 0, 0, key_list_options,
            command_key_list),
    COMMAND_MORE("remove", "Remove a further key, by its label or signing key", "KEY", 1, 1, NULL,
                 command_key_remove, "  bourse key remove bot"),
    NO_MORE};

/* --- Capacity --- */

static const struct cli_option sku_add_options[] = {
    {"vendor", 0, "TEXT", "who makes it"},
    {"model", 0, "TEXT", "the model, such as GB300"},
    {"memory-gb", 0, "N", "memory of one GPU in GB"},
    {"interconnect", 0, "TEXT", "such as NVLink 5"},
    {"power-w", 0, "N", "power of one GPU in watts, with its share of everything around it"},
    {"generation", 0, "TEXT", "such as blackwell"},
    END};
static const struct cli_command sku_commands[] = {
    COMMAND("add", "Add a SKU (admins)", "NAME", 1, 1, sku_add_options, command_sku_add),
    COMMAND("list", "List SKUs", NULL, 0, 0, limit_options, command_sku_list),
    COMMAND("show", "Show a SKU", "SKU", 1, 1, NULL, command_sku_show),
    COMMAND("activate", "Allow new offers of a SKU again (admins)", "SKU", 1, 1, NULL,
            command_sku_activate),
    COMMAND("deprecate", "Allow no new offers of a SKU (admins)", "SKU", 1, 1, NULL,
            command_sku_deprecate),
    COMMAND("retire", "Retire a SKU (admins)", "SKU", 1, 1, NULL, command_sku_retire),
    NO_MORE};

/* --- Credits --- */

static const struct cli_option series_create_options[] = {
    {"funder", 0, "ACCOUNT", "who funds it (default: oneself)"},
    {"expired-to", 0, "ACCOUNT", "where expired value goes (default: the funder)"},
    {"expires", 0, "TIME", "when it expires (default: never)"},
    {"not-transferable", 0, NULL, "tokens may not change owner"},
    {"sku", 0, "SKU,...", "only for these SKUs"},
    {"region", 0, "CODE,...", "only in these regions"},
    {"profile", 0, "PROFILE,...", "only for these workloads: training, tuning, inference"},
    END};
static const struct cli_command series_commands[] = {
    COMMAND("create", "Create a series (admins)", "NAME", 1, 1, series_create_options,
            command_series_create),
    COMMAND("show", "Show a series", "SERIES", 1, 1, NULL, command_series_show),
    COMMAND("list", "List series", NULL, 0, 0, limit_options, command_series_list), NO_MORE};

static const struct cli_option token_list_options[] = {
    {"account", 0, "ACCOUNT", "of this account (admins and auditors; default: oneself)"},
    SERIES_OPTION,
    LIMIT_OPTION,
    END};
static const struct cli_option spend_options[] = {
    SERIES_OPTION, {"tokens", 0, "N,...", "spend these tokens (default: as few as will do)"}, END};
static const struct cli_option series_options[] = {SERIES_OPTION, END};
static const struct cli_option give_options[] = {
    SERIES_OPTION,
    {"tokens", 0, "N,...", "lock these tokens (default: as few as will do)"},
    {"output", 'o', "FILE", "write the line to a new file, mode 0600, not to standard output"},
    {"advertise", 0, "HOST:PORT", "where the newcomer finds the exchange (default: as we do)"},
    END};
static const struct cli_option claim_options[] = {
    {"file", 0, "FILE", "where the line is; - for standard input (default)"},
    {"name", 0, "NAME", "a newcomer's name"},
    END};
static const struct cli_option account_options[] = {
    {"account", 0, "ACCOUNT", "of this account (default: oneself)"}, LIMIT_OPTION, END};
static const struct cli_command token_commands[] = {
    COMMAND("list", "List tokens", NULL, 0, 0, token_list_options, command_token_list),
    COMMAND("show", "Show a token", "TOKEN", 1, 1, NULL, command_token_show),
    COMMAND_MORE("transfer", "Pay one or several accounts", "ACCOUNT=AMOUNT...", 1, -1,
                 spend_options, command_token_transfer,
                 "Chooses as few tokens of the series as will do; what they hold beyond the total\n"
                 "comes back as one token."),
    COMMAND("split", "Divide a token; what is left stays one more token", "TOKEN AMOUNT...", 2, -1,
            NULL, command_token_split),
    COMMAND("merge", "Make one token of several, or of all of a series", "[TOKEN...]", 0, -1,
            series_options, command_token_merge),
    COMMAND("burn", "Destroy tokens", "TOKEN...", 1, -1, NULL, command_token_burn),
    COMMAND_MORE("give", "Lock an amount to a line of text that somebody can claim", "AMOUNT", 1, 1,
                 give_options, command_token_give,
                 "Whoever has the line can claim the gift: hand it over like cash. Until it is\n"
                 "claimed, 'bourse token revoke' takes it back."),
    COMMAND_MORE("claim", "Claim a gift", NULL, 0, 0, claim_options, command_token_claim,
                 "A newcomer needs nothing but the line and a name:\n"
                 "  bourse token claim --file line.txt --name acme\n"
                 "makes a key file, registers the account and writes the configuration. The line\n"
                 "also says which exchange to trust: take it only from somebody you trust."),
    COMMAND("revoke", "Take back a gift that is not claimed", "GIFT", 1, 1, NULL,
            command_token_revoke),
    COMMAND("gifts", "List gifts that are not claimed", NULL, 0, 0, account_options,
            command_token_gifts),
    NO_MORE};

static const struct cli_option payout_options[] = {
    {"reference", 0, "TEXT", "such as the invoice's number"},
    {"account", 0, "ACCOUNT", "whose balance it is (treasurers; default: one's own)"},
    END};

/* --- Log, time, configuration --- */

static const struct cli_option output_options[] = {
    {"output", 'o', "FILE", "write to a new file, mode 0600"}, END};
static const struct cli_option events_options[] = {
    {"from", 0, "INDEX", "the first event (default 0)"},
    {"follow", 'f', NULL, "go on as events come"},
    LIMIT_OPTION,
    END};
static const struct cli_option verify_options[] = {END};
static const struct cli_command clock_commands[] = {
    COMMAND("show", "Show the exchange's clock", NULL, 0, 0, NULL, command_clock_show),
    COMMAND("advance", "Advance a manual clock (admins)", "TIME", 1, 1, NULL,
            command_clock_advance),
    COMMAND("confirm", "Confirm the time that the clock jumped to (admins)", NULL, 0, 0, NULL,
            command_clock_confirm),
    NO_MORE};
static const struct cli_command config_commands[] = {
    COMMAND("show", "Show what is configured, and where", NULL, 0, 0, NULL, command_config_show),
    COMMAND("set", "Set server, exchange or key", "NAME VALUE", 2, 2, NULL, command_config_set),
    COMMAND("init", "Write a configuration from --server, --exchange and --key", NULL, 0, 0, NULL,
            command_config_init),
    NO_MORE};
static const struct cli_option submit_options[] = {
    {"atomic", 0, NULL, "a refusal undoes all of it"}, END};

static const struct cli_command root_commands[] = {
    COMMAND("status", "Show the exchange and who you are to it", NULL, 0, 0, NULL, command_status),
    COMMAND("keygen", "Make a key file, or show its public key", "[FILE]", 0, 1, keygen_options,
            command_keygen),
    GROUP("config", "The configuration file", config_commands),
    GROUP("account", "Accounts: who takes part", account_commands),
    GROUP("key", "Further keys of an account, for bots and colleagues", key_commands),
    GROUP("series", "Series: the terms that tokens share", series_commands),
    COMMAND("mint", "Issue tokens of a series (admins)", "SERIES ACCOUNT=AMOUNT...", 2, -1, NULL,
            command_mint),
    GROUP("token", "Tokens: what one holds and pays with", token_commands),
    COMMAND("balance", "Show what an account holds, by series", "[ACCOUNT]", 0, 1, limit_options,
            command_balance),
    COMMAND("payout", "Take an earned balance out of the exchange", "SERIES AMOUNT", 2, 2,
            payout_options, command_payout),
    COMMAND("supply", "Show where the credits of each series are", "[SERIES]", 0, 1, limit_options,
            command_supply),
    GROUP("sku", "SKUs: fungible kinds of GPU", sku_commands),
    GROUP("site", "Sites: where operators run GPUs", site_commands),
    GROUP("offer", "Offers: spare capacity for sale", offer_commands),
    COMMAND_MORE(
        "quote", "Ask what an order would cost now", NULL, 0, 0, quote_options, command_quote,
        "With --json the answer holds the order, which can be sent back unchanged:\n"
        "  bourse quote --sku gb300 --gpus 8 --duration 24h --json | bourse redeem --file -"),
    COMMAND_MORE("redeem", "Redeem tokens for GPUs: the same as 'order place'", NULL, 0, 0,
                 order_place_options, command_order_place,
                 "Without --series or --tokens it pays with the series that expires first and may\n"
                 "be redeemed for this. Change comes back as a token."),
    GROUP("order", "Orders: redemptions, at once or resting in the book", order_commands),
    GROUP("lease", "Leases: GPUs for a time", lease_commands),
    GROUP("rule", "Rules: keep GPUs without watching the market", rule_commands),
    GROUP("control", "What needs several admins: proposals, approvals, limits", control_commands),
    GROUP("contract", "Contracts of all kinds: accepting, funds", contract_commands),
    GROUP("claim", "Claims: what is owed under contracts", claim_commands),
    GROUP("backstop", "Backstops: what a guarantor owes for what is not sold", backstop_commands),
    GROUP("revshare", "Revenue shares: a falling part of what leases settle", revshare_commands),
    GROUP("flow", "Flows: what was earned and paid, by month", flow_commands),
    GROUP("grant", "Grants: credits to a startup against a share of its revenue", grant_commands),
    GROUP("revenue", "Revenue: what a startup declares, by month", revenue_commands),
    GROUP("royalty", "Royalty: what is paid under grants", royalty_commands),
    GROUP("guarantee", "Lease guarantees: who stands for an operator's payments",
          guarantee_commands),
    GROUP("report", "Reports: exposure, statements, usage and others, as of one log index",
          report_commands),
    COMMAND_MORE("advise", "Say which profile and order fit a demand curve", "DEMAND.csv", 1, 1,
                 advise_options, command_advise,
                 "The file has the columns time (ISO 8601, or seconds) and gpus; each line holds\n"
                 "until the next one. docs/guides/trading.md, \"Which order fits\", says how it\n"
                 "decides. FILE - is standard input.\n"
                 "  bourse advise demand.csv --sku gb300,h100 --region ID --interruptible"),
    COMMAND_MORE("book", "Show what is offered and wanted of a SKU, by price", "SKU", 1, 1,
                 book_options, command_book,
                 "GPUs that are free over the whole window, above those that resting orders want\n"
                 "at most at a price. With --json --live each state of the book is one line.\n"
                 "  bourse book gb300 --region ID --live\n"
                 "  bourse book gb300 --preemptible --duration 7d --from +1d --until +8d"),
    COMMAND_MORE(
        "watch", "Follow depth, trades and the price index as they go", "[SKU]", 0, 1,
        watch_options, command_watch,
        "In a terminal it is one screen, until q or Ctrl-C. Into a file or pipe it writes\n"
        "a line for each trade, index point and change of the best prices; with --json\n"
        "one object a line, of every change of the depth, and none is missed when the\n"
        "connection breaks.\n"
        "  bourse watch gb300 --region ID\n"
        "  bourse watch --json > market.jsonl"),
    GROUP("market", "Market data: trades, price index, utilisation", market_commands),
    COMMAND_MORE("events", "Show the events that concern you", NULL, 0, 0, events_options,
                 command_events, "With --json each event is one line."),
    COMMAND("receipt", "Fetch the receipt of an event", "INDEX", 1, 1, output_options,
            command_receipt),
    COMMAND_MORE("verify", "Verify a receipt, offline", "FILE", 1, 1, verify_options,
                 command_verify,
                 "Needs the receipt and the pin line (--exchange or the configuration), and no\n"
                 "network. FILE - is standard input."),
    GROUP("clock", "The exchange's clock", clock_commands),
    COMMAND_MORE("submit", "Send a file of operations as one signed request", "FILE", 1, 1,
                 submit_options, command_submit,
                 "The file is a JSON array of objects, each with the name of an operation as\n"
                 "\"operation\" beside its fields, as docs/protocol.md names them; or an object\n"
                 "{\"atomic\": true, \"operations\": [...]}. FILE - is standard input."),
    COMMAND("import", "Run traces of a real cluster through an exchange", NULL, 0, 0,
            import_options, command_import),
    COMMAND("bench", "Measure an exchange", "WHAT", 1, 1, bench_options, command_bench),
    COMMAND("completion", "Print a completion script for bash", NULL, 0, 0, NULL,
            command_completion),
    NO_MORE};

const struct cli_command cli_root = {
    "bourse",
    "The client of Bourse, an exchange for tokenized compute credits",
    NULL,
    "Accounts, series, SKUs and sites can be given by number or by name. Amounts are credits\n"
    "(12.5), times are now, +6h or ISO 8601 in UTC, durations 90m, 24h, 7d.\n"
    "\n"
    "Exit codes: 0 done; 1 wrong command line; 2 refused by the exchange; 3 no connection;\n"
    "4 something does not verify, or the exchange rewrote its history; 5 a local file.",
    root_options,
    root_commands,
    NULL,
    0,
    0};
