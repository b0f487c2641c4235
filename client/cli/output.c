#include "client/cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/screen.h"
#include "protocol/amount.h"
#include "protocol/refusal.h"
#include "protocol/status.h"
#include "protocol/utf8.h"

static const char *class_name(int code)
{
    static const char *const names[] = {"ok",         "usage",     "refused",
                                        "connection", "untrusted", "local"};
    return code >= 0 && code <= CLI_LOCAL ? names[code] : "unknown";
}

int cli_exit_code(int status)
{
    switch (status) {
    case STATUS_OK:
        return CLI_OK;
    case STATUS_FORKED:
    case STATUS_FORGED:
    case STATUS_EXPIRED:
        return CLI_UNTRUSTED;
    case STATUS_CLOSED:
    case STATUS_TIMEOUT:
    case STATUS_VERSION:
    case STATUS_MALFORMED:
    case STATUS_NOT_FOUND:
        return CLI_CONNECTION;
    default:
        return CLI_LOCAL;
    }
}

__attribute__((format(printf, 2, 0))) static void escape_print(FILE *to, const char *format,
                                                               va_list args)
{
    struct buffer shown = BUFFER_EMPTY;
    char *text = NULL;
    int length = vasprintf(&text, format, args);
    if (length < 0)
        return;
    escape_append(&shown, text, (size_t)length, true);
    fwrite(shown.data != NULL ? shown.data : (uint8_t *)"", 1, shown.length, to);
    buffer_release(&shown);
    free(text);
}

/* Only strings have such characters. A piece never ends within a character. */
static int json_piece(const char *text, size_t length, void *to)
{
    char spelt[UTF8_SPELT_BYTES];
    while (length > 0) {
        size_t size;
        uint32_t hidden = utf8_hidden(text, length, &size);
        size = size > 0 ? size : 1;
        if (hidden != 0)
            fputs(utf8_spell_json(hidden, spelt), to);
        else
            fwrite(text, 1, size, to);
        text += size;
        length -= size;
    }
    return 0;
}

void json_print(FILE *to, const json_t *json, size_t flags)
{
    json_dump_callback(json, json_piece, to, flags);
    fputc('\n', to);
}

/* Of "what it means (refusal_word). What helps." the first half goes to *message_out; returns what
 * helps, or NULL when that is not how the text is made. */
static const char *hint_find(uint32_t refusal, const char *text, const char **message_out)
{
    const char *means = refusal > 0 && refusal_is_known(refusal) ? refusal_text(refusal) : NULL;
    const char *word = means != NULL ? refusal_name(refusal) : "";
    size_t length = means != NULL ? strlen(means) : 0;
    *message_out = text;
    if (means == NULL || strncmp(text, means, length) != 0 || text[length] != ' ' ||
        text[length + 1] != '(' || strncmp(text + length + 2, word, strlen(word)) != 0)
        return NULL;
    const char *rest = text + length + 2 + strlen(word);
    if (strncmp(rest, ").", 2) != 0 && strncmp(rest, "); ", 3) != 0)
        return NULL;
    *message_out = means;
    return rest + 2 + strspn(rest + 2, " ");
}

json_t *cli_error_json(int code, uint32_t refusal, const char *text, const char *where)
{
    const char *message;
    const char *hint = hint_find(refusal, text, &message);
    struct buffer shown = BUFFER_EMPTY;
    if (where != NULL)
        escape_append(&shown, where, strlen(where), true);
    if (where != NULL)
        buffer_printf(&shown, ": ");
    escape_append(&shown, message, strlen(message), true);
    json_t *json =
        json_pack("{s:s, s:i, s:s%}", "class", class_name(code), "exit_code", code, "message",
                  shown.data != NULL ? (const char *)shown.data : "", shown.length);
    if (hint != NULL && hint[0] != '\0')
        json_object_set_new(json, "hint", json_string(hint));
    if (refusal > 0)
        json_object_set_new(json, "refusal", json_string(refusal_name(refusal)));
    buffer_release(&shown);
    return json;
}

/* Line breaks are kept; other control characters are shown. */
static void error_print(struct cli *cli, const char *message)
{
    struct buffer shown = BUFFER_EMPTY;
    if (cli->where != NULL) {
        escape_append(&shown, cli->where, strlen(cli->where), true);
        buffer_printf(&shown, ": ");
    }
    escape_append(&shown, message, strlen(message), true);
    buffer_append(&shown, "", 1);
    fprintf(stderr, "%s %s\n", cli->colour ? "\033[1;31mbourse:\033[0m" : "bourse:",
            shown.status == STATUS_OK ? (const char *)shown.data : "out of memory");
    buffer_release(&shown);
}

static int fail_with(struct cli *cli, int code, uint32_t refusal, const char *message)
{
    if (cli->exit != CLI_OK)
        return cli->exit;
    cli->exit = code;
    screen_leave(); /* what is said on a screen of our own would go with it */
    fflush(stdout);
    if (!cli->json) {
        error_print(cli, message);
        return code;
    }
    json_t *json = json_pack("{s:o}", "error", cli_error_json(code, refusal, message, cli->where));
    json_print(stderr, json, JSON_COMPACT);
    json_decref(json);
    return code;
}

int cli_fail(struct cli *cli, int code, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    fail_with(cli, code, 0, length >= 0 ? text : "out of memory");
    if (length >= 0)
        free(text);
    return cli->exit;
}

/* What helps against a refusal that means something else under each command. */
static const struct {
    const char *path;
    uint32_t refusal;
    const char *hint;
} command_hints[] = {
    {"bourse backstop propose", REFUSAL_terms_invalid,
     "There are at most 100000 periods between --start and --end; make --period longer."},
    {"bourse revshare propose", REFUSAL_terms_invalid,
     "Each RATE must be below the one before, CASH must not fall, each phase but the last one has "
     "an end, and --floor goes with --base above_floor."},
    {"bourse grant propose", REFUSAL_terms_invalid,
     "The term must not be over, --start lies within 30 years of now, a tranche by date within the "
     "term, and spent: takes an amount above 0."},
    {"bourse contract fund", REFUSAL_series_restricted,
     "A grant takes credits of its own series alone, which 'bourse grant show' has; name it with "
     "--series."},
    {"bourse grant propose", REFUSAL_contract_overlaps,
     "Another grant in force has that series: each has one of its own, made with 'bourse series "
     "create' and given with --series."},
    {"bourse grant accept", REFUSAL_contract_overlaps,
     "Another grant in force has its series: each has one of its own. Decline it, and have it "
     "proposed with another --series."},
    {"bourse revshare propose", REFUSAL_contract_past_fixed,
     "Phases that have been passed stay as they were, and the present one is not left out: its "
     "rate, "
     "what leads on from it and what follows may change. Nor does the start change once it has "
     "come."},
    {"bourse control approve", REFUSAL_terms_invalid,
     "Its policy takes more approvals than there are active admins ('bourse control policy'). "
     "Propose another one first ('bourse control propose-admin'), or reject it."},
    {"bourse account freeze", REFUSAL_terms_invalid,
     "Fewer admins would be left than must approve ('bourse control policy'). Propose another one "
     "first ('bourse control propose-admin')."},
    {"bourse report statement", REFUSAL_terms_invalid,
     "Admins and auditors say whose it is with --account; and it is of whole calendar months that "
     "have begun: --month 2027-01, or --from 2027-01 --until 2027-04."},
    {"bourse report stress", REFUSAL_sku_not_found,
     "--generation and --sku are those of a SKU that there is ('bourse sku list' has them)."},
    {"bourse report collateral", REFUSAL_terms_invalid,
     "No month of --debt, and no age of one SKU in --curve, stands twice, and something must be "
     "outstanding."},
    {"bourse report endorsement", REFUSAL_terms_invalid,
     "No month of --debt stands twice, and something must fall due."},
    {"bourse report", REFUSAL_terms_invalid, "--from must lie before --until."},
};

static const char *command_hint(const struct cli *cli, uint32_t refusal)
{
    for (size_t i = 0; i < sizeof(command_hints) / sizeof(command_hints[0]); i++) {
        size_t length = strlen(command_hints[i].path);
        bool fits = strncmp(cli->path, command_hints[i].path, length) == 0 &&
                    (cli->path[length] == '\0' || cli->path[length] == ' ');
        if (fits && command_hints[i].refusal == refusal)
            return command_hints[i].hint;
    }
    return NULL;
}

int cli_fail_connection(struct cli *cli, const struct connection_error *error)
{
    struct connection_error why = *error;
    int code = why.refusal > 0 ? CLI_REFUSED : cli_exit_code(why.status);
    if (why.refusal == REFUSAL_key_over_amount || why.refusal == REFUSAL_key_out_of_scope)
        key_refusal_explain(cli, &why);
    const char *hint = why.refusal > 0 ? command_hint(cli, why.refusal) : NULL;
    if (hint != NULL)
        return cli_fail_hint(cli, why.refusal, hint);
    return fail_with(cli, code, why.refusal, why.text);
}

int cli_fail_refusal(struct cli *cli, uint32_t refusal)
{
    struct connection_error why;
    connection_explain_refusal(refusal, &why);
    return cli_fail_connection(cli, &why);
}

int cli_fail_hint(struct cli *cli, uint32_t refusal, const char *hint)
{
    struct buffer text = BUFFER_EMPTY;
    buffer_printf(&text, "%s (%s).%s%s", refusal_text(refusal), refusal_name(refusal),
                  hint != NULL ? " " : "", hint != NULL ? hint : "");
    buffer_append(&text, "", 1);
    fail_with(cli, CLI_REFUSED, refusal,
              text.status == STATUS_OK ? (const char *)text.data : "out of memory");
    buffer_release(&text);
    return cli->exit;
}

json_t *cli_refusal_json(uint32_t refusal)
{
    struct connection_error why;
    connection_explain_refusal(refusal, &why);
    return cli_error_json(CLI_REFUSED, refusal, why.text, NULL);
}

int cli_fail_status(struct cli *cli, int status, const char *doing)
{
    return cli_fail(cli, CLI_LOCAL, "%s: %s", doing, status_text(status));
}

void cli_print(struct cli *cli, const char *format, ...)
{
    va_list args;
    if (cli->json)
        return;
    va_start(args, format);
    escape_print(stdout, format, args);
    va_end(args);
}

void cli_note(struct cli *cli, const char *format, ...)
{
    va_list args;
    if (cli->json)
        return;
    fflush(stdout);
    va_start(args, format);
    escape_print(stderr, format, args);
    va_end(args);
}

const char *text_count(struct cli *cli, uint64_t count, const char *what)
{
    char text[64];
    snprintf(text, sizeof(text), "%llu %s%s", (unsigned long long)count, what,
             count == 1 ? "" : "s");
    const char *kept = arena_copy(&cli->arena, text, strlen(text) + 1);
    return kept != NULL ? kept : "?";
}

const char *text_credits(struct cli *cli, uint64_t amount_ucr)
{
    char number[AMOUNT_TEXT_BYTES];
    char text[AMOUNT_TEXT_BYTES + 16];
    snprintf(text, sizeof(text), "%s credit%s", amount_format(amount_ucr, number),
             amount_ucr == UCR_PER_CREDIT ? "" : "s");
    const char *kept = arena_copy(&cli->arena, text, strlen(text) + 1);
    return kept != NULL ? kept : "?";
}

int cli_print_outcomes(struct cli *cli, json_t *outcomes)
{
    int failed = cli->exit;
    if (failed != CLI_OK && json_array_size(outcomes) == 0) {
        json_decref(outcomes);
        return failed;
    }
    cli->exit = CLI_OK;
    cli_print_json(cli, outcomes);
    cli->exit = failed != CLI_OK ? failed : cli->exit;
    return cli->exit;
}

int cli_print_json(struct cli *cli, json_t *json)
{
    if (json == NULL)
        return cli_fail(cli, CLI_LOCAL, "out of memory");
    if (cli->json && cli->exit == CLI_OK)
        json_print(stdout, json, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    json_decref(json);
    return cli->exit;
}
