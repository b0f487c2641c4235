/* The commands of reports: one for each kind, with what it tells and what it assumes. */
#include "client/cli/commands.h"

#define ACCOUNT_OPTION                                                                             \
    {                                                                                              \
        "account", 0, "ACCOUNT",                                                                   \
            "whose (default: the whole exchange for admins and auditors, else oneself)"            \
    }
#define SPAN_OPTIONS                                                                               \
    {"from", 0, "TIME", "from a month (2027-01) or a time on"},                                    \
        {"until", 0, "TIME", "... and before this month or time"},                                 \
    {                                                                                              \
        "month", 0, "MONTH", "this calendar month, such as 2027-01, in place of both"              \
    }
#define SKU_OPTION                                                                                 \
    {                                                                                              \
        "sku", 0, "SKU", "of this SKU only"                                                        \
    }
#define PLACE_OPTIONS {"site", 0, "SITE", "of this site only"}, SKU_OPTION
#define FORMAT_OPTIONS                                                                             \
    {"table", 0, "NAME", "this table only; all (default: all, in CSV the first)"},                 \
        {"csv", 0, NULL, "as CSV (RFC 4180), amounts in credits; as of what, on standard error"},  \
    {                                                                                              \
        "at", 0, "INDEX", "not here: an earlier state is 'boursed report --at', from the journal"  \
    }

static const struct cli_option plain_options[] = {ACCOUNT_OPTION, FORMAT_OPTIONS, END};
static const struct cli_option exposure_options[] = {ACCOUNT_OPTION, PLACE_OPTIONS, FORMAT_OPTIONS,
                                                     END};
static const struct cli_option span_options[] = {ACCOUNT_OPTION, SPAN_OPTIONS, FORMAT_OPTIONS, END};
static const struct cli_option place_options[] = {ACCOUNT_OPTION, SPAN_OPTIONS, PLACE_OPTIONS,
                                                  FORMAT_OPTIONS, END};
static const struct cli_option usage_options[] = {
    ACCOUNT_OPTION,
    SPAN_OPTIONS,
    PLACE_OPTIONS,
    {"par", 0, "VALUE", "what a credit is worth in the billing currency (default: 1)"},
    {"currency", 0, "CODE", "the billing currency, by ISO 4217 (default: USD)"},
    FORMAT_OPTIONS,
    END};
static const struct cli_option stress_options[] = {
    ACCOUNT_OPTION,
    {"demand-down", 0, "PERCENT", "so much less is bought, such as 20%"},
    {"price-down", 0, "PERCENT", "what is bought costs so much less, such as 20%"},
    {"generation", 0, "NAME", "GPUs of this generation are outdone by new ones"},
    {"density", 0, "FACTOR", "... of which one does as much as so many of them, such as 2.5"},
    PLACE_OPTIONS,
    FORMAT_OPTIONS,
    END};
static const struct cli_option collateral_options[] = {
    ACCOUNT_OPTION,
    PLACE_OPTIONS,
    {"debt", 0, "FILE", "what is owed, as CSV: month,outstanding"},
    {"curve", 0, "FILE", "what a GPU is worth as it ages, as CSV: sku,age_months,value"},
    {"fleet", 0, "FILE", "the GPUs by your own list, as CSV: site,sku,gpus,in_service (a month)"},
    FORMAT_OPTIONS,
    END};
static const struct cli_option endorsement_options[] = {
    ACCOUNT_OPTION, {"site", 0, "SITE", "the site that the loan is for"},
    SKU_OPTION,     {"debt", 0, "FILE", "what falls due, as CSV: month,due"},
    FORMAT_OPTIONS, END};

#define REPORT_COMMAND(name, summary, options, details)                                            \
    COMMAND_MORE(name, summary, NULL, 0, 0, options, command_report, details)

const struct cli_command report_commands[] = {
    REPORT_COMMAND(
        "exposure", "What guarantors may have to pay, at worst and as things go", exposure_options,
        "For guarantors and auditors. Backstops and lease guarantees in force, by contract,\n"
        "guarantor, operator, site, generation and month; and who has several roles.\n"
        "Nominal is what is left of each pool and limit; expected assumes that what is sold\n"
        "stays as it was over the last 90 days.\n"
        "  bourse report exposure\n"
        "  bourse report exposure --account meridian --csv --table months > months.csv"),
    REPORT_COMMAND(
        "stress", "What guarantors may have to pay when the market turns", stress_options,
        "For guarantors and auditors. The expected exposure by month, as it is and with less\n"
        "demand, lower prices, or a new generation of GPUs; and when each pool is used up.\n"
        "At least one of the three is given, be it 0%. Prices below a strike mean that the\n"
        "operator takes the strike.\n"
        "  bourse report stress --demand-down 20% --price-down 30%\n"
        "  bourse report stress --generation blackwell --density 2.5"),
    REPORT_COMMAND(
        "collateral", "What GPUs are worth against the debt on them", collateral_options,
        "For operators and their lenders. The fleet by site, SKU and age, what it is worth by\n"
        "the curve, and the loan to value of each month of the debt. Without --fleet the\n"
        "GPUs are those that the operator ever had on offer: it declares them, and nobody has\n"
        "counted them. PROVEN are those that leases took. Files are CSV, - is standard input;\n"
        "amounts are credits; a curve without the column sku is for all SKUs; --fleet has the\n"
        "columns site,sku,gpus,in_service, such as batam-1,gb300,5000,2026-09:\n"
        "  month,outstanding        sku,age_months,value\n"
        "  2027-01,1200000          gb300,0,40000\n"
        "  2027-02,1150000          gb300,36,12000\n"
        "  bourse report collateral --site batam-1 --debt debt.csv --curve curve.csv"),
    REPORT_COMMAND(
        "endorsement", "Whether a site's income covers its debt, with little sold",
        endorsement_options,
        "For operators, their lenders and guarantors. The cash of each month with 0, 25, 50\n"
        "and 75 % of the capacity sold and the backstop for the rest, less revenue shares,\n"
        "against what falls due; FUNDED counts only what the guarantor has paid in. A backstop\n"
        "counts until a certification that it asks for lapses: CERTIFIED-UNTIL. The file is\n"
        "CSV, - is standard input; amounts are credits:\n"
        "  month,due\n"
        "  2027-01,52000\n"
        "  bourse report endorsement --site batam-1 --debt debt.csv"),
    REPORT_COMMAND(
        "circularity", "How much of what guarantors and operators earn is a guarantor's own money",
        span_options,
        "For auditors. Income of guarantors in series that they fund themselves, and revenue\n"
        "of operators in each funder's series. Of whole months, by default of all. Royalty that\n"
        "was paid outside is in no series and not counted.\n"
        "  bourse report circularity --from 2027-01 --until 2027-07"),
    REPORT_COMMAND(
        "concentration", "How much depends on few", span_options,
        "For guarantors and auditors. The Herfindahl-Hirschman index (0 to 10 000) of\n"
        "what was settled, by tenant, operator, site and SKU, of whole months, by default the\n"
        "last twelve with the present one; and of what guarantors stand for now, by guarantor\n"
        "and, as exposure_..., by operator, site and SKU. To a guarantor its own.\n"
        "  bourse report concentration --month 2027-01"),
    REPORT_COMMAND(
        "vacancy", "What was on offer and not sold", place_options,
        "For operators and guarantors. By site, SKU and month, of whole UTC days: of an\n"
        "operator's own sites, and of the sites and SKUs that a guarantor backs by a\n"
        "backstop in force. Default: of the last 30 whole days.\n"
        "  bourse report vacancy --site batam-1 --from 2027-01 --until 2027-04"),
    REPORT_COMMAND(
        "carbon", "What leases emitted", place_options,
        "For tenants and operators. Settled GPU-hours, times the watts of the SKU and\n"
        "the grams of CO2 a kWh that the site listed when the lease was granted; cooling\n"
        "is not in it. Default: of all leases.\n"
        "  bourse report carbon --month 2027-01 --csv --table leases"),
    REPORT_COMMAND("portability", "How many of a startup's credits are good at several operators",
                   plain_options,
                   "For startups and auditors. Credits in series that can be spent now, as offers\n"
                   "are, at more than one operator.\n"
                   "  bourse report portability"),
    REPORT_COMMAND("statement", "An account's statement by calendar month", span_options,
                   "For everybody, of oneself; admins and auditors name an account. Opening,\n"
                   "movements and closing of each series and kind of holding, what was earned and\n"
                   "paid to whom, and contracts. Default: of this month so far.\n"
                   "  bourse report statement --month 2027-01\n"
                   "  bourse report statement --account aurora --month 2027-01 --json"),
    REPORT_COMMAND("usage", "Usage and cost, as FOCUS has them", usage_options,
                   "For tenants, operators, and whoever charges costs on. A row for each metered\n"
                   "period of a lease and each settled period of a backstop, in the columns of\n"
                   "FOCUS 1.2; what was paid for and not used has the status Unused. An operator\n"
                   "also has what it did not sell, by day, at no cost. FOCUS wants a national\n"
                   "billing currency: costs and unit prices are in USD at one for a credit, or in\n"
                   "another at its --par, and the columns PricingCurrency... in credits.\n"
                   "  bourse report usage --month 2027-01 --csv > usage.csv\n"
                   "  bourse report usage --month 2027-01 --par 0.92 --currency EUR --csv"),
    NO_MORE};
