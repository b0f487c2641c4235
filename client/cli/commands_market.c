/* The commands of the market: sites, offers, orders, leases, rules. */
#include "client/cli/commands.h"

static const struct cli_option limit_options[] = {LIMIT_OPTION, END};
static const struct cli_option reason_options[] = {{"reason", 0, "TEXT", "why"}, END};

/* What a workload asks of the capacity: of orders, rules and advice. */
#define CONSTRAINT_OPTIONS                                                                         \
    {"profile", 0, "PROFILE",                                                                      \
     "training (default), tuning (default with --spread or --preemptible-ok) or inference"},       \
        {"region", 0, "CODE,...", "only in these regions"},                                        \
        {"jurisdiction", 0, "CODE,...", "only under these suppliers' jurisdictions"},              \
        {"sovereign", 0, "CODE,...", "region and jurisdiction both"},                              \
        {"carbon-max", 0, "N", "at most so many gCO2e/kWh"},                                       \
        {"cert", 0, "NAME", "the site has this certification; may be repeated"},                   \
        {"interconnect", 0, "TEXT", "the SKU has this interconnect, such as 'NVLink 5'"},          \
        {"reliability-min", 0, "PERCENT", "the site delivered at least so much, such as 99.5"},    \
    {                                                                                              \
        "preemptible-ok", 0, NULL, "leases that the operator may end are fine"                     \
    }
#define SKU_OPTION                                                                                 \
    {"sku", 0, "SKU[=LIMIT],...", "acceptable SKUs, each with a limit price per GPU-hour"},        \
    {                                                                                              \
        "limit", 0, "CREDITS", "limit price per GPU-hour of SKUs without one"                      \
    }
#define PAY_OPTIONS                                                                                \
    {"series", 0, "SERIES", "pay from this series"},                                               \
    {                                                                                              \
        "tokens", 0, "N,...", "pay with these tokens"                                              \
    }

/* --- Capacity --- */

static const struct cli_option site_add_options[] = {
    {"region", 0, "CODE", "ISO 3166 code, such as ID or US-TX"},
    {"jurisdiction", 0, "CODE", "whose law the supplier is under (default: the region's country)"},
    {"power-kw", 0, "N", "power ceiling in kW"},
    {"carbon", 0, "N", "carbon intensity in gCO2e/kWh"},
    {"certification", 0, "NAME:ISSUER:EXPIRY", "a certification; may be repeated"},
    END};
static const struct cli_option site_change_options[] = {
    {"power-kw", 0, "N", "power ceiling in kW"},
    {"carbon", 0, "N", "carbon intensity in gCO2e/kWh"},
    {"certification", 0, "NAME:ISSUER:EXPIRY", "these in place of the former ones; repeat it"},
    {"no-certification", 0, NULL, "none any more"},
    END};
static const struct cli_option site_list_options[] = {
    {"operator", 0, "ACCOUNT", "of this operator only"}, LIMIT_OPTION, END};
static const struct cli_option maintenance_options[] = {
    {"from", 0, "TIME", "when it begins (default now)"},
    {"until", 0, "TIME", "when it is over"},
    {"reason", 0, "TEXT", "why"},
    END};
static const struct cli_option outage_options[] = {
    {"until", 0, "TIME", "when it is likely to be over"}, {"reason", 0, "TEXT", "why"}, END};
static const struct cli_option closures_options[] = {
    {"all", 0, NULL, "those that are over, too"}, LIMIT_OPTION, END};
const struct cli_command site_commands[] = {
    COMMAND("add", "Add a site of one's own (operators)", "NAME", 1, 1, site_add_options,
            command_site_add),
    COMMAND_MORE("change", "Change a site of one's own (operators)", "SITE", 1, 1,
                 site_change_options, command_site_change,
                 "What is not named stays as it is. Leases and offers stay as they are.\n"
                 "  bourse site change batam --power-kw 480000"),
    COMMAND("show", "Show a site", "SITE", 1, 1, NULL, command_site_show),
    COMMAND("list", "List sites", NULL, 0, 0, site_list_options, command_site_list),
    COMMAND_MORE("maintenance", "Announce a maintenance window (operators)", "SITE", 1, 1,
                 maintenance_options, command_site_maintenance,
                 "No lease is granted into it; leases already granted stand.\n"
                 "  bourse site maintenance batam --from +7d --until +7d6h --reason 'new switch'"),
    COMMAND_MORE("outage", "Say that a site is down now (operators)", "SITE", 1, 1, outage_options,
                 command_site_outage,
                 "No lease is granted until it is over, and no minute of it counts as delivered.\n"
                 "  bourse site outage batam --until +4h --reason 'power cut'\n"
                 "'bourse site reopen' ends it, early or not."),
    COMMAND_MORE("reopen", "End a maintenance window or outage, or call it off (operators)",
                 "CLOSURE", 1, 1, NULL, command_site_reopen, "  bourse site reopen 5"),
    COMMAND("closures", "List maintenance windows and outages", "[SITE]", 0, 1, closures_options,
            command_site_closures),
    NO_MORE};

static const struct cli_option offer_publish_options[] = {
    {"site", 0, "SITE", "the site, by number or name"},
    {"sku", 0, "SKU", "the SKU, by number or name"},
    {"gpus", 0, "N", "how many GPUs"},
    {"block", 0, "N", "smallest unit leased together (default 1)"},
    {"start", 0, "TIME", "from when on (default now)"},
    {"end", 0, "TIME", "until when"},
    {"for", 0, "DURATION", "for how long, in place of --end"},
    {"standing", 0, "DURATION", "always so far ahead: the end moves on, up to --end if given"},
    {"price", 0, "CREDITS", "per GPU-hour"},
    {"preemptible", 0, NULL, "leases may be ended by the operator"},
    {"notice", 0, "DURATION", "... with so much notice (default: none)"},
    {"lease-min", 0, "DURATION", "shortest lease (default 1m)"},
    {"lease-max", 0, "DURATION", "longest lease (default: until the offer's end)"},
    {"metered", 0, NULL, "pay for what was used; without it: for what was made available"},
    {"billing", 0, "HOW", "reserved or metered, in other words"},
    {"least-charge", 0, "PERCENT", "of metered leases: charged at least, of what was available"},
    {"meter-period", 0, "DURATION", "how often leases are metered (default 1h)"},
    END};
static const struct cli_option offer_amend_options[] = {
    {"price", 0, "CREDITS", "another price per GPU-hour; gives the offer a new place"},
    {"gpus", 0, "N", "how many GPUs in all, leased ones included"},
    {"end", 0, "TIME", "another end"},
    END};
static const struct cli_option offer_list_options[] = {
    {"site", 0, "SITE", "of this site only"},
    {"sku", 0, "SKU", "of this SKU only"},
    {"operator", 0, "ACCOUNT", "of this operator only"},
    {"all", 0, NULL, "ended and withdrawn ones too"},
    LIMIT_OPTION,
    END};
const struct cli_command offer_commands[] = {
    COMMAND_MORE(
        "publish", "Publish spare capacity (operators)", NULL, 0, 0, offer_publish_options,
        command_offer_publish,
        "  bourse offer publish --site batam --sku gb300 --gpus 400 --for 30d --price 3.1\n"
        "  bourse offer publish --site batam --sku gb300 --gpus 64 --standing 14d \\\n"
        "    --price 1.9 --preemptible --notice 30m\n"
        "  bourse offer publish --site batam --sku gb300 --gpus 64 --standing 14d \\\n"
        "    --price 4 --metered --least-charge 20"),
    COMMAND_MORE(
        "amend", "Change price, size or end of an offer", "OFFER", 1, 1, offer_amend_options,
        command_offer_amend,
        "Leases already granted stay as they are. Another price, more GPUs or a later end\n"
        "make it the youngest of its price; fewer GPUs or an earlier end keep its place.\n"
        "  bourse offer amend 7 --price 2.75"),
    COMMAND("list", "List offers", NULL, 0, 0, offer_list_options, command_offer_list),
    COMMAND("show", "Show an offer", "OFFER", 1, 1, NULL, command_offer_show),
    COMMAND_MORE("withdraw", "Take the unsold part of an offer off the market", "OFFER", 1, 1, NULL,
                 command_offer_withdraw,
                 "Leases already granted go on.\n"
                 "  bourse offer withdraw 7"),
    NO_MORE};

/* --- Orders --- */

#define ORDER_OPTIONS                                                                              \
    SKU_OPTION, {"gpus", 0, "N", "how many GPUs"},                                                 \
        {"gpus-min", 0, "N", "take fewer, down to this (default: all or nothing)"},                \
        {"min-gpus", 0, "N", "the same as --gpus-min"},                                            \
        {"block", 0, "N", "each lease is a multiple of this, as --gpus is (default 1)"},           \
        {"duration", 0, "DURATION", "for how long"},                                               \
        {"start", 0, "TIME", "the earliest start (default now)"},                                  \
        {"start-until", 0, "TIME",                                                                 \
         "the latest start, one for all leases (default: as --start; with --rest: until then)"},   \
        {"rest", 0, "TIME", "what is not had at once waits in the book until then"},               \
        {"ioc", 0, NULL, "what is not had at once is cancelled (default)"},                        \
        {"fok", 0, NULL, "all GPUs at once or nothing"},                                           \
        {"fill-or-kill", 0, NULL, "the same as --fok"},                                            \
        {"spread", 0, NULL, "over several sites, if need be (default: all at one)"},               \
        {"funded", 0, "DURATION", "elastic (inference): pay for so long, fund more later"},        \
        CONSTRAINT_OPTIONS, PAY_OPTIONS

const struct cli_option quote_options[] = {
    ORDER_OPTIONS,
    {"file", 0, "FILE", "read the order as JSON, as a quote prints it; - for standard input"},
    {"why", 0, NULL, "show where offers fell out, and how near they came"},
    END};
const struct cli_option order_place_options[] = {
    ORDER_OPTIONS,
    {"any-price", 0, NULL, "no limit price"},
    {"file", 0, "FILE",
     "orders from a file: JSON as a quote prints it, JSON lines, or CSV; - for standard input"},
    {"atomic", 0, NULL, "of several orders in a file: all or none"},
    END};
static const struct cli_option order_list_options[] = {
    {"account", 0, "ACCOUNT", "of this account (default: oneself)"},
    {"resting", 0, NULL, "those that wait in the book only"},
    LIMIT_OPTION,
    END};
static const struct cli_option order_amend_options[] = {
    SKU_OPTION,
    {"gpus", 0, "N", "how many GPUs in all, what is filled included"},
    {"rest", 0, "TIME", "wait until then"},
    PAY_OPTIONS,
    END};
static const struct cli_option order_cancel_options[] = {
    {"all", 0, NULL, "all of one's orders that rest"}, END};
const struct cli_command order_commands[] = {
    COMMAND_MORE(
        "place", "Redeem tokens for GPUs", NULL, 0, 0, order_place_options, command_order_place,
        "  bourse order place --sku gb300=3.5,h100=2 --gpus 64 --min-gpus 16 --duration 7d \\\n"
        "    --rest +2d --sovereign ID\n"
        "Without --series or --tokens it pays with the series that expires first and may be\n"
        "redeemed for this; what it does not need comes back as a token.\n"
        "A CSV file has a column for each option that its orders need, called as the option,\n"
        "and a line for each order; options of the command line stand for all of them:\n"
        "  sku,gpus,duration,limit,start\n"
        "  gb300,16,24h,3.5,2027-01-16T10:00\n"
        "Flags are yes or no. The orders go out in batches, and each line is told its outcome."),
    COMMAND_MORE("amend", "Change an order that rests", "ORDER", 1, 1, order_amend_options,
                 command_order_amend,
                 "Another limit or more GPUs make it the youngest of its price; fewer GPUs or\n"
                 "another time keep its place. What it needs more is paid as with a new order.\n"
                 "  bourse order amend 7 --limit 3.75 --rest +1d"),
    COMMAND_MORE("cancel", "Cancel orders that rest", "[ORDER...]", 0, -1, order_cancel_options,
                 command_order_cancel,
                 "Leases that were granted stay; what was not spent comes back.\n"
                 "  bourse order cancel 7 9\n"
                 "  bourse order cancel --all"),
    COMMAND("list", "List orders", NULL, 0, 0, order_list_options, command_order_list),
    COMMAND("show", "Show an order", "ORDER", 1, 1, NULL, command_order_show),
    COMMAND_MORE("why", "Say why a resting order is not filled", "ORDER", 1, 1, NULL,
                 command_order_why, "  bourse order why 7"),
    NO_MORE};

const struct cli_option advise_options[] = {
    SKU_OPTION,
    {"start", 0, "TIME", "when the curve begins (default: at its times, or now if they are past)"},
    {"interruptible", 0, NULL, "the work survives being stopped with notice"},
    {"region", 0, "CODE,...", "only in these regions"},
    {"jurisdiction", 0, "CODE,...", "only under these suppliers' jurisdictions"},
    {"sovereign", 0, "CODE,...", "region and jurisdiction both"},
    {"carbon-max", 0, "N", "at most so many gCO2e/kWh"},
    {"cert", 0, "NAME", "the site has this certification; may be repeated"},
    {"interconnect", 0, "TEXT", "the SKU has this interconnect"},
    {"reliability-min", 0, "PERCENT", "the site delivered at least so much, such as 99.5"},
    END};

/* --- Rules --- */

static const struct cli_option rule_add_options[] = {
    SKU_OPTION,
    {"gpus", 0, "N", "how many GPUs to keep"},
    {"horizon", 0, "DURATION", "for how far ahead"},
    {"sell", 0, "CREDITS", "offer what is too much at this price per GPU-hour"},
    {"runway", 0, "DURATION", "warn when budget and leases last for less"},
    {"budget", 0, "CREDITS", "how much it may spend"},
    CONSTRAINT_OPTIONS,
    PAY_OPTIONS,
    END};
static const struct cli_option rule_change_options[] = {
    {"gpus", 0, "N", "how many GPUs to keep from now on"},
    {"budget", 0, "CREDITS", "so much more to spend"},
    PAY_OPTIONS,
    END};
static const struct cli_option account_options[] = {
    {"account", 0, "ACCOUNT", "of this account (default: oneself)"}, LIMIT_OPTION, END};
const struct cli_command rule_commands[] = {
    COMMAND_MORE(
        "add", "Keep GPUs by a rule that buys, and resells what is too much", NULL, 0, 0,
        rule_add_options, command_rule_add,
        "  bourse rule add --sku gb300=3.2 --gpus 64 --horizon 48h --budget 20000 \\\n"
        "    --sell 3.6 --runway 24h\n"
        "It runs inside the exchange, every quarter of an hour, until its budget is used."),
    COMMAND("list", "List rules", NULL, 0, 0, account_options, command_rule_list),
    COMMAND("show", "Show a rule", "RULE", 1, 1, NULL, command_rule_show),
    COMMAND_MORE("why", "Say why a rule does not buy what is missing", "RULE", 1, 1, NULL,
                 command_rule_why, "  bourse rule why 3"),
    COMMAND_MORE("change", "Change how many GPUs a rule keeps, or add to its budget", "RULE", 1, 1,
                 rule_change_options, command_rule_change,
                 "  bourse rule change 3 --gpus 32 --budget 5000"),
    COMMAND_MORE("end", "End a rule; its leases stay, the rest of the budget returns", "RULE", 1, 1,
                 NULL, command_rule_end, "  bourse rule end 3"),
    NO_MORE};

/* --- Leases --- */

static const struct cli_option lease_list_options[] = {
    {"account", 0, "ACCOUNT", "whose (default: one's own, as holder or operator)"},
    {"order", 0, "ORDER", "of this order only"},
    {"all", 0, NULL, "settled and failed ones too"},
    LIMIT_OPTION,
    END};
static const struct cli_option activate_options[] = {
    {"access-file", 0, "FILE",
     "address, credentials, ...: sealed to the holder (- standard input)"},
    {"no-access", 0, NULL, "hand over without: nothing can be attached later"},
    END};
static const struct cli_option access_options[] = {
    {"output", 'o', "FILE", "write to a new file, mode 0600"},
    {"old-key", 0, "FILE", "open it with this key file: the one from before a rekey"},
    END};
static const struct cli_option resell_options[] = {
    {"gpus", 0, "N", "how many of its GPUs (default: all unsold up to its end)"},
    {"price", 0, "CREDITS", "per GPU-hour"},
    {"block", 0, "N", "smallest unit sold together (default 1)"},
    {"start", 0, "TIME", "from when on (default now)"},
    {"end", 0, "TIME", "until when (default: the lease's end)"},
    {"for", 0, "DURATION", "for how long, in place of --end"},
    {"lease-min", 0, "DURATION", "shortest lease out of it (default 1m)"},
    END};
static const struct cli_option pay_options[] = {PAY_OPTIONS, END};
static const struct cli_option extend_options[] = {
    {"max-cost", 0, "CREDITS", "only if it costs no more than that"}, PAY_OPTIONS, END};
const struct cli_command lease_commands[] = {
    COMMAND("list", "List leases", NULL, 0, 0, lease_list_options, command_lease_list),
    COMMAND("show", "Show a lease", "LEASE", 1, 1, NULL, command_lease_show),
    COMMAND("periods", "List a lease's metering periods", "LEASE", 1, 1, limit_options,
            command_lease_periods),
    COMMAND("activate", "Hand over a lease (operators)", "LEASE", 1, 1, activate_options,
            command_lease_activate),
    COMMAND("access", "Open the access of a lease (its holder)", "LEASE", 1, 1, access_options,
            command_lease_access),
    COMMAND_MORE("meter", "Report what was delivered in a period (operators)",
                 "LEASE PERIOD [GPU-MINUTES]", 2, 3, NULL, command_lease_meter,
                 "Without GPU-MINUTES: all that was due but in outages of the site. 'bourse lease\n"
                 "periods' lists the periods."),
    COMMAND("dispute", "Say that less was delivered (the holder)", "LEASE PERIOD GPU-MINUTES", 3, 3,
            reason_options, command_lease_dispute),
    COMMAND("decide", "Decide a dispute (admins)", "LEASE PERIOD GPU-MINUTES", 3, 3, reason_options,
            command_lease_decide),
    COMMAND_MORE("end", "End a lease before its time", "LEASE", 1, 1, NULL, command_lease_end,
                 "What was delivered until then is paid; the rest comes back to the holder. A\n"
                 "lease of profile training is committed, and so is one that a guarantor elected:\n"
                 "'bourse lease resell' sells the rest.\n"
                 "  bourse lease end 7"),
    COMMAND_MORE("reclaim", "Take back a preemptible lease, with its notice (operators)", "LEASE",
                 1, 1, NULL, command_lease_reclaim,
                 "It ends when the notice has passed. What was delivered until then is paid, and\n"
                 "the site's record counts it.\n"
                 "  bourse lease reclaim 7"),
    COMMAND_MORE(
        "resell", "Offer a lease, or a part of it, to others (the holder)", "LEASE", 1, 1,
        resell_options, command_lease_resell,
        "Who buys gets a lease with the same operator and terms. 'bourse offer amend' and\n"
        "'bourse offer withdraw' take the offer's number.\n"
        "  bourse lease resell 7 --gpus 8 --price 3.4 --start +1d"),
    COMMAND_MORE(
        "extend", "Let a lease go on at its price (the holder)", "LEASE DURATION", 2, 2,
        extend_options, command_lease_extend,
        "The GPUs must be free then, and the offer must ask no more than the lease costs.\n"
        "What a guarantor elected cannot go on beyond its period.\n"
        "  bourse lease extend 7 24h --max-cost 500"),
    COMMAND_MORE("fund", "Put more into an elastic lease (the holder)", "LEASE [AMOUNT]", 1, 2,
                 pay_options, command_lease_fund,
                 "What it cannot come to cost comes back. A paused lease goes on from the next\n"
                 "minute. Without AMOUNT --tokens says what to put in.\n"
                 "  bourse lease fund 7 250"),
    NO_MORE};

/* --- Market data --- */

#define REGION_OPTION                                                                              \
    {                                                                                              \
        "region", 0, "CODE", "in this region, such as ID or US-TX"                                 \
    }
#define KIND_OPTIONS                                                                               \
    {"preemptible", 0, NULL, "what the operator may take back (default: what stays)"},             \
        {"metered", 0, NULL, "paid by use, for inference (default: reserved)"},                    \
    {                                                                                              \
        "duration", 0, "DURATION", "only what a lease of this length can be had of"                \
    }
const struct cli_option book_options[] = {
    REGION_OPTION,
    KIND_OPTIONS,
    {"from", 0, "TIME", "free from then on (default now)"},
    {"until", 0, "TIME", "... until then (default an hour later)"},
    {"live", 0, NULL, "show it again and again, until q or Ctrl-C"},
    {"limit", 0, "N", "at most so many prices of each side (default 10)"},
    END};
const struct cli_option watch_options[] = {
    REGION_OPTION,
    KIND_OPTIONS,
    {"from", 0, "INDEX", "from this event of the log on (default: what is new)"},
    END};
static const struct cli_option trades_options[] = {REGION_OPTION, LIMIT_OPTION, END};
static const struct cli_option index_options[] = {
    {"kind", 0, "KIND", "spot (default) or committed: 30 days and more"},
    {"from", 0, "TIME", "from when on (default a week ago)"},
    LIMIT_OPTION,
    END};
static const struct cli_option starts_options[] = {
    ORDER_OPTIONS,
    {"step", 0, "DURATION", "from one start to the next (default 1h)"},
    {"count", 0, "N", "how many starts (default 24)"},
    END};
static const struct cli_option utilisation_options[] = {
    {"site", 0, "SITE", "of this site only"},
    {"sku", 0, "SKU", "of this SKU only"},
    {"from", 0, "TIME", "from when on (default a day ago)"},
    {"until", 0, "TIME", "until when (default now)"},
    {"step", 0, "DURATION", "one row for each step (default: one for all of it)"},
    END};
const struct cli_command market_commands[] = {
    COMMAND_MORE(
        "trades", "List the last trades, of everybody", "[SKU]", 0, 1, trades_options,
        command_market_trades,
        "Prices are credits per GPU-hour.\n  bourse market trades gb300 --region ID --limit 20"),
    COMMAND_MORE("index", "Show the price index of a SKU", "SKU", 1, 1, index_options,
                 command_market_index,
                 "Published at whole hours, from the trades of the last 24 hours. The level is a\n"
                 "price; the chained index begins at 100 % and leaves out what only the mix of\n"
                 "regions changes. docs/protocol.md, \"Price index\", says how to work it out.\n"
                 "  bourse market index gb300 --kind committed --from -30d"),
    COMMAND_MORE("starts", "Show what an order would cost by its start", NULL, 0, 0, starts_options,
                 command_market_starts,
                 "Begins with --start (default now). The price is that of the dearest part.\n"
                 "  bourse market starts --sku gb300 --gpus 8 --duration 12h --step 6h --count 28"),
    COMMAND_MORE("utilisation", "Show how much of what is offered is leased", NULL, 0, 0,
                 utilisation_options, command_market_utilisation,
                 "  bourse market utilisation --site batam --from -7d --step 1d"),
    NO_MORE};
