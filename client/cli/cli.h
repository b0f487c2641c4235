/*
 * The command `bourse`: a table of commands, and what their functions share. A command's function
 * returns an exit code. Most helpers below keep the first failure in cli->exit, having said it to
 * the user, and do nothing from then on; so a command reads all its options, looks at cli->exit
 * once and goes on.
 */
#ifndef BOURSE_CLIENT_CLI_CLI_H
#define BOURSE_CLIENT_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "client/config.h"
#include "client/connection.h"
#include "protocol/arena.h"
#include "protocol/buffer.h"

/* The classes of outcome, which are the exit codes. */
enum {
    CLI_OK = 0,
    CLI_USAGE = 1,      /* the command line, or a value in it */
    CLI_REFUSED = 2,    /* the exchange refused, or there is no such thing */
    CLI_CONNECTION = 3, /* no connection, or it broke */
    CLI_UNTRUSTED = 4,  /* a history rewritten, a receipt or key that does not verify */
    CLI_LOCAL = 5,      /* a local file, memory */
};

struct cli;

struct cli_option {
    const char *name;  /* without the dashes; NULL ends a list */
    char letter;       /* 0: none */
    const char *value; /* what it takes, for the help; NULL: nothing */
    const char *help;
};

struct cli_command {
    const char *name;
    const char *summary;   /* one line */
    const char *arguments; /* "SERIES ACCOUNT=AMOUNT..."; NULL: none */
    const char *details;   /* more help; NULL: none */
    const struct cli_option *options;
    const struct cli_command *children; /* up to one without a name; NULL: none */
    int (*run)(struct cli *cli, int argc, char **argv);
    int arguments_min;
    int arguments_max; /* -1: any number */
};

enum { CLI_OPTIONS_MAX = 512, CLI_PATH_BYTES = 64 };

struct cli_given {
    const struct cli_option *option;
    const char *value; /* NULL for a flag */
};

/* Names that were asked for, to show them in tables. */
struct cli_name {
    uint64_t number;
    char name[NAME_MAX_BYTES + 1];
};
struct cli_names {
    bool asked;
    uint32_t missed;
    struct buffer known; /* struct cli_name each */
};
enum cli_named { NAMED_ACCOUNT, NAMED_SERIES, NAMED_SKU, NAMED_SITE, NAMED_KINDS };

struct cli {
    const struct cli_command *command;
    char path[CLI_PATH_BYTES]; /* "bourse token transfer" */
    struct cli_given given[CLI_OPTIONS_MAX];
    size_t given_count;
    bool json;
    bool colour;
    bool patient;       /* a connection that is lost is waited for without end */
    int exit;           /* the first failure */
    struct arena arena; /* as long as the command runs */
    char *config_file;
    bool config_found;
    bool config_new; /* a file that is named but not there is no error: it will be written */
    struct config config;
    struct keys keys;
    bool keys_read;
    struct connection *connection; /* once cli_connect() was called */
    struct cli_names names[NAMED_KINDS];
    json_t *echo;        /* cli_echo(): owned; NULL: nothing */
    const char *where;   /* "orders.csv, line 3", in front of errors; NULL: nothing */
    const char *missing; /* what to say when the next thing asked for is not there; NULL: the
                            exchange's own words */
    bool superseded;     /* the terms that are shown are neither in force nor proposed */
};

/* --- The table (commands.c) --- */

extern const struct cli_command cli_root;
/* Options that every command takes. */
extern const struct cli_option cli_common_options[];
/* Reads the command line and runs what it says. Used by main() and by the tests. */
int cli_main(int argc, char **argv);

/* --- Options (options.c) --- */

/*
 * Divides argv into options, which go to cli->given, and arguments, which are moved to the front of
 * it; returns how many, or -1 after an error, which has been said. Options may stand anywhere, as
 * `--name value`, `--name=value`, `-o value`; `--` ends them.
 */
int options_parse(struct cli *cli, int argc, char **argv);
/* The value last given; NULL: not given. "" for a flag that is given. */
const char *option_text(const struct cli *cli, const char *name);
bool option_flag(const struct cli *cli, const char *name);
/* The value number `n` of an option that may be repeated; NULL: no more. */
const char *option_nth(const struct cli *cli, const char *name, size_t n);
/* The same, but commas divide values too; copied to the arena. */
const char *option_item(struct cli *cli, const char *name, size_t n);
/* Fails when it is not given; never NULL. */
const char *option_required(struct cli *cli, const char *name);
/* The same of several, up to NULL: all that are missing are named at once. Returns cli->exit. */
int options_required(struct cli *cli, const char *const *names);

/* Values, with what is said in errors. All 0 after a failure. */
uint64_t value_u64(struct cli *cli, const char *what, const char *text);
uint32_t value_u32(struct cli *cli, const char *what, const char *text);
uint64_t value_amount(struct cli *cli, const char *what, const char *text);
/* Relative ones count from the exchange's time: connects for them. */
uint64_t value_moment(struct cli *cli, const char *what, const char *text);
uint32_t value_minutes(struct cli *cli, const char *what, const char *text);
uint32_t value_word(struct cli *cli, const struct vocabulary *words, const char *text);
struct text value_text(struct cli *cli, const char *what, const char *text, size_t max);
/* A percentage, in parts per million. */
uint32_t value_ppm(struct cli *cli, const char *what, const char *text);
/* Of options; `missing` when not given. */
uint64_t option_u64(struct cli *cli, const char *name, uint64_t missing);
uint32_t option_u32(struct cli *cli, const char *name, uint32_t missing);
uint64_t option_amount(struct cli *cli, const char *name, uint64_t missing);
uint32_t option_ppm(struct cli *cli, const char *name, uint32_t missing);
uint64_t option_moment(struct cli *cli, const char *name, uint64_t missing);
uint32_t option_minutes(struct cli *cli, const char *name, uint32_t missing);
uint32_t option_word(struct cli *cli, const char *name, const struct vocabulary *words,
                     uint32_t missing);
struct text option_string(struct cli *cli, const char *name, size_t max);
/* Numbers divided by commas, of any number of such options. */
uint32_t option_numbers(struct cli *cli, const char *name, const uint64_t **items_out);
/* The same of arguments. */
uint32_t value_numbers(struct cli *cli, const char *what, int argc, char **argv,
                       const uint64_t **items_out);

/* --- Help (help.c) --- */

void help_print(const struct cli_command *command, const char *path);
/* Levenshtein's distance between two short words. */
size_t help_distance(const char *a, const char *b);
/* The name among `commands` that is most like `text`; NULL when none is. */
const char *help_suggest(const struct cli_command *commands, const char *text);

/* --- Failures and output (output.c) --- */

/* Says what failed, on standard error, unless something has failed already; returns the exit code.
 */
int cli_fail(struct cli *cli, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int cli_fail_connection(struct cli *cli, const struct connection_error *error);
/* The exchange's refusal, with what helps. */
/* Appends to what a refusal of a further key says what this key may, as the exchange knows it. */
void key_refusal_explain(struct cli *cli, struct connection_error *why);
int cli_fail_refusal(struct cli *cli, uint32_t refusal);
/* The same with what helps in place of what is always said; NULL: nothing. */
int cli_fail_hint(struct cli *cli, uint32_t refusal, const char *hint);
int cli_fail_status(struct cli *cli, int status, const char *doing);
/* The exit code that stands for a status. */
int cli_exit_code(int status);

/* To standard output; control characters are shown as \xNN, but for newlines, hidden ones (see
 * protocol/utf8.h) as \uNNNN. Nothing with --json. */
void cli_print(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same to standard error: what is not a result. */
void cli_note(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What failed, as programs read it: class, exit_code, message, and of a refusal its word and what
 * helps ("hint"). `where` is put in front of the message; NULL: nothing. */
json_t *cli_error_json(int code, uint32_t refusal, const char *text, const char *where);
/* The same of a refusal, in the words that are always said of it. */
json_t *cli_refusal_json(uint32_t refusal);
/* "1 GPU", "8 GPUs", "1 order"; in the arena. */
const char *text_count(struct cli *cli, uint64_t count, const char *what);
/* "1 credit", "12.5 credits"; in the arena. */
const char *text_credits(struct cli *cli, uint64_t amount_ucr);
/* Prints and takes a reference; nothing without --json. NULL (memory) fails. Returns cli->exit. */
int cli_print_json(struct cli *cli, json_t *json);
/* The same for an array of what came of one thing after the other: what came of the first ones is
 * printed also when a later one failed. */
int cli_print_outcomes(struct cli *cli, json_t *outcomes);
/* A line of JSON, or several; hidden characters are escaped, which changes no value. */
void json_print(FILE *to, const json_t *json, size_t flags);

/* --- The exchange (session.c) --- */

/* Reads the configuration and what flags say instead, once. Returns cli->exit. */
int cli_configure(struct cli *cli);
/* Where the key file is, from flags, the configuration or by default; in the arena, never NULL. */
const char *cli_key_file(struct cli *cli);
/* Reads the key file, with its passphrase if it has one. Returns cli->exit. */
int cli_read_keys(struct cli *cli);
/* The same of any key file; the caller wipes the keys. */
int cli_read_keys_from(struct cli *cli, const char *file, struct keys *keys_out);
/* Connects once; returns cli->exit. */
int cli_connect(struct cli *cli);
/* Whether a status says that the connection went and may come again. */
bool cli_lost(int status);
/* Connects anew, as often as it takes, and resumes the subscription; says so. Fails only for what
 * no waiting helps against: a rewritten history, another exchange. Returns cli->exit. */
int cli_wait(struct cli *cli);
/* The exchange's time. Connects. */
uint64_t cli_time_s(struct cli *cli);
/* Asks; NULL after a failure, a refusal included. Lives in the arena. */
const void *cli_query(struct cli *cli, const struct message *query, const void *body);
/* The same, but a refusal gives NULL without failing. */
const void *cli_query_quietly(struct cli *cli, const struct message *query, const void *body);
/* Sends one operation; its result, or NULL after a failure, a refusal included. */
const struct result *cli_apply(struct cli *cli, const struct message *operation, const void *body);
/* The same, but a refusal gives NULL and its number without failing; else that is 0. */
const struct result *cli_try(struct cli *cli, const struct message *operation, const void *body,
                             uint32_t *refusal_out);
/* Prints what came of it: for people the words, as JSON the result with `object` under the name
 * `object_name` (NULL: left out). Returns cli->exit. */
int cli_print_result(struct cli *cli, const struct message *operation, const struct result *r,
                     const char *object_name, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* Fields that the result has as JSON too: what a command made or changed, called as in the
 * protocol. Takes the reference. */
void cli_echo(struct cli *cli, json_t *fields);
/* The tokens of a payment, by the order of its outputs, as the field "outputs". */
void cli_echo_outputs(struct cli *cli, const struct result *r, const struct payment *outputs,
                      uint32_t count);
json_t *cli_result_json(const struct message *operation, const struct result *r,
                        const char *object_name);

/* Reads a passphrase, from --passphrase-file or the terminal, into the empty buffer; the caller
 * wipes it. `twice`: a new one. Returns cli->exit. */
int cli_passphrase(struct cli *cli, bool twice, const char *prompt, struct buffer *out);
/* Reads a file, "-" for standard input. Returns cli->exit. */
int cli_read_file(struct cli *cli, const char *file, size_t limit, struct buffer *out);

/* --- Names (names.c): a number, or a name that is asked for. 0 after a failure --- */

uint32_t name_account(struct cli *cli, const char *text);
uint32_t name_series(struct cli *cli, const char *text);
uint64_t name_sku(struct cli *cli, const char *text);
uint64_t name_site(struct cli *cli, const char *text);
/* The name for a number, as people may be shown it; "17" itself when there is none or it may not be
 * seen. */
const char *name_of(struct cli *cli, enum cli_named kind, uint64_t number);
/* ACCOUNT=AMOUNT arguments as the outputs of a payment, with their total. */
uint32_t name_payments(struct cli *cli, int argc, char **argv, const struct payment **out,
                       uint64_t *total_out);

/* --- Rows (records.c) --- */

/*
 * Asks for all pages of a list and prints them: for people the columns, which are names of fields
 * of the answer's rows divided by spaces, "name=TITLE" with a title of its own; as JSON an array.
 * `body` is the query's struct, whose page fields are overwritten. Honours --limit. Returns
 * cli->exit.
 */
int records_list(struct cli *cli, const struct message *query, void *body, const char *columns,
                 const char *none);
/* The same, leaving out the rows of which the field `without` is true (NULL: none). */
int records_list_where(struct cli *cli, const struct message *query, void *body,
                       const char *columns, const char *none, const char *without);
/* Asks for one thing and prints all of it; fails with `none` when there is none. */
int records_show(struct cli *cli, const struct message *query, void *body, const char *none);
/* All rows of a list, in the arena. */
uint32_t records_fetch(struct cli *cli, const struct message *query, void *body, uint64_t limit,
                       const void **rows_out);
/* A row of proposal_info, first, with a column of how many approvals it has and needs. */
extern const struct message proposal_listed_message;
void records_table(struct cli *cli, const struct message *part, const void *rows, uint32_t count,
                   const char *columns);
/* All fields but those named, divided by spaces, in `without` (NULL: all), and but bits. */
void record_print(struct cli *cli, const struct message *part, const void *row,
                  const char *without);
/* Appends a field's value as people read it. */
void field_print(struct cli *cli, const struct message *m, const struct field *f, const void *body,
                 struct buffer *out);
/* Appends the field's name without its unit, which the value shows; `separator` for "_". */
void field_title(const struct field *f, char separator, bool upper, struct buffer *out);
const struct field *field_by_name(const struct message *m, const char *name);

/* --- Tokens to spend (funds.c) --- */

/*
 * Chooses own tokens of a series that cover `amount`, as few as possible; all of them when `amount`
 * is UINT64_MAX. Fails when they do not cover it or are more than `max`. The total goes to
 * *total_out.
 */
uint32_t funds_choose(struct cli *cli, uint32_t series, uint64_t amount, uint32_t max,
                      const uint64_t **tokens_out, uint64_t *total_out);
/* The rule alone: sorts `tokens` by amount, largest first, and returns how many of the first cover
 * the amount, the last of them being the smallest that will do; 0: they do not. */
uint32_t funds_pick(struct token_info *tokens, uint32_t count, uint64_t amount);
/* --series, or the only series that the account holds tokens of. */
uint32_t funds_series(struct cli *cli);

/* --- Leases (lease.c) --- */

/* One lease that one may see; NULL after a failure, which has been said. */
const struct lease_info *lease_find(struct cli *cli, uint64_t lease);

/* --- Commands --- */

typedef int cli_function(struct cli *cli, int argc, char **argv);
cli_function command_keygen, command_status, command_completion, command_submit;
cli_function command_account_register, command_account_show, command_account_list;
cli_function command_account_freeze, command_account_unfreeze, command_account_rekey;
cli_function command_key_request, command_key_add, command_key_list, command_key_remove;
cli_function command_sku_add, command_sku_list, command_sku_show;
cli_function command_sku_activate, command_sku_deprecate, command_sku_retire;
cli_function command_site_add, command_site_change, command_site_show, command_site_list;
cli_function command_site_maintenance, command_site_outage, command_site_reopen;
cli_function command_site_closures;
cli_function command_series_create, command_series_show, command_series_list;
cli_function command_mint, command_supply, command_balance, command_payout;
cli_function command_token_list, command_token_show, command_token_transfer, command_token_split;
cli_function command_token_merge, command_token_burn, command_token_give, command_token_claim;
cli_function command_token_revoke, command_token_gifts;
cli_function command_offer_publish, command_offer_list, command_offer_show, command_offer_withdraw;
cli_function command_offer_amend;
cli_function command_quote, command_order_place, command_order_amend, command_order_cancel;
cli_function command_order_list, command_order_show, command_order_why, command_advise;
cli_function command_rule_add, command_rule_list, command_rule_show, command_rule_change;
cli_function command_rule_why, command_rule_end;
cli_function command_contract_list, command_contract_show, command_contract_accept;
cli_function command_contract_decline, command_contract_fund, command_contract_withdraw;
cli_function command_claim_list, command_claim_pay;
cli_function command_backstop_propose, command_backstop_show, command_backstop_list;
cli_function command_backstop_statement, command_backstop_elect;
cli_function command_grant_propose, command_grant_show, command_grant_list, command_grant_release;
cli_function command_revenue_declare, command_revenue_list;
cli_function command_royalty_list, command_royalty_pay, command_royalty_record;
cli_function command_revshare_propose, command_revshare_show, command_revshare_list;
cli_function command_revshare_shares, command_flow_list;
cli_function command_guarantee_propose, command_guarantee_show, command_guarantee_list;
cli_function command_guarantee_call, command_guarantee_step_in;
cli_function command_report;
cli_function command_control_list, command_control_show, command_control_policy;
cli_function command_control_approve, command_control_reject;
cli_function command_control_propose_mint, command_control_propose_payout;
cli_function command_control_propose_policy, command_control_propose_admin;
cli_function command_lease_list, command_lease_show, command_lease_periods, command_lease_activate;
cli_function command_lease_access, command_lease_meter, command_lease_dispute, command_lease_decide;
cli_function command_lease_end, command_lease_reclaim, command_lease_resell, command_lease_extend;
cli_function command_lease_fund;
cli_function command_book, command_watch;
cli_function command_market_trades, command_market_index, command_market_starts;
cli_function command_market_utilisation;
cli_function command_events, command_receipt, command_verify;
cli_function command_clock_show, command_clock_advance, command_clock_confirm;
cli_function command_config_show, command_config_set, command_config_init;

/* In import.c and bench.c, with the options they take. */
cli_function command_import, command_bench;
extern const struct cli_option import_options[];
extern const struct cli_option bench_options[];

#endif
