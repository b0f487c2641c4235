#include "client/cli/cli.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <sodium.h>

#include "client/cli/check.h"
#include "client/json.h"
#include "client/paths.h"
#include "protocol/keyfile.h"
#include "protocol/refusal.h"
#include "protocol/status.h"

#define SERVER_DEFAULT "127.0.0.1:7420"

enum {
    PASSPHRASE_BYTES_MAX = 1024,
    WAIT_FIRST_MS = 200,
    WAIT_MAX_MS = 5000,
    STRANGE_MAX = 3,
};

static int flag_over(struct cli *cli, const char *name)
{
    struct config_error why;
    const char *value = option_text(cli, name);
    if (value != NULL && config_set(&cli->config, name, value, &why) != STATUS_OK)
        return cli_fail(cli, CLI_USAGE, "--%s: %s", name, why.text);
    return cli->exit;
}

int cli_configure(struct cli *cli)
{
    struct config_error why;
    if (cli->exit != CLI_OK || cli->config_file != NULL)
        return cli->exit;
    const char *named = option_text(cli, "config");
    cli->config_file = named != NULL ? strdup(named) : config_default_file();
    if (cli->config_file == NULL)
        return cli_fail(cli, CLI_LOCAL, "there is no home folder; name a file with --config");
    int status = config_load(&cli->config, cli->config_file, &why);
    cli->config_found = status == STATUS_OK;
    if (status == STATUS_MALFORMED)
        return cli_fail(cli, CLI_USAGE, "%s", why.text);
    if (status != STATUS_OK && (status != STATUS_NOT_FOUND || (named != NULL && !cli->config_new)))
        return cli_fail(cli, CLI_LOCAL, "%s", why.text);
    for (size_t i = 0; config_names[i] != NULL; i++)
        flag_over(cli, config_names[i]);
    if (cli->config.server == NULL && cli->exit == CLI_OK)
        config_set(&cli->config, "server", SERVER_DEFAULT, &why);
    return cli->exit;
}

const char *cli_key_file(struct cli *cli)
{
    if (cli_configure(cli) != CLI_OK)
        return "";
    if (cli->config.key == NULL)
        cli->config.key = paths_config("key");
    if (cli->config.key == NULL) {
        cli_fail(cli, CLI_LOCAL, "there is no home folder; name a key file with --key");
        return "";
    }
    return cli->config.key;
}

/* --- Passphrases and files ------------------------------------------------------------------ */

int cli_read_file(struct cli *cli, const char *file, size_t limit, struct buffer *out)
{
    int status = cli->exit == CLI_OK ? paths_read(file, limit, out) : STATUS_OK;
    if (status == STATUS_LIMIT)
        cli_fail(cli, CLI_LOCAL, "%s is larger than %zu bytes", file, limit);
    else if (status == STATUS_NOT_FOUND)
        cli_fail(cli, CLI_LOCAL, "cannot read %s: there is no such file", file);
    else if (status != STATUS_OK)
        cli_fail(cli, CLI_LOCAL, "cannot read %s: %s",
                 strcmp(file, "-") == 0 ? "standard input" : file, status_text(status));
    return cli->exit;
}

static void strip_newline(struct buffer *b)
{
    while (b->length > 0 && (b->data[b->length - 1] == '\n' || b->data[b->length - 1] == '\r'))
        b->length--;
}

/* Reads a line from the terminal without showing it. */
static int terminal_read(struct cli *cli, const char *prompt, struct buffer *out)
{
    char line[PASSPHRASE_BYTES_MAX];
    struct termios shown;
    FILE *terminal = fopen("/dev/tty", "r+");
    if (terminal == NULL)
        return cli_fail(cli, CLI_USAGE,
                        "a passphrase is needed and there is no terminal; give --passphrase-file");
    setvbuf(terminal, NULL, _IONBF, 0); /* no copy of it may stay behind */
    bool hides = tcgetattr(fileno(terminal), &shown) == 0;
    struct termios hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    fputs(prompt, terminal);
    if (hides)
        tcsetattr(fileno(terminal), TCSAFLUSH, &hidden);
    char *got = fgets(line, sizeof(line), terminal);
    if (hides)
        tcsetattr(fileno(terminal), TCSAFLUSH, &shown);
    fputs("\n", terminal);
    fclose(terminal);
    if (got != NULL)
        buffer_append(out, line, strlen(line));
    sodium_memzero(line, sizeof(line));
    strip_newline(out);
    return got != NULL ? CLI_OK : cli_fail(cli, CLI_USAGE, "no passphrase was given");
}

int cli_passphrase(struct cli *cli, bool twice, const char *prompt, struct buffer *out)
{
    struct buffer again = BUFFER_EMPTY;
    const char *file = option_text(cli, "passphrase-file");
    if (file != NULL) {
        cli_read_file(cli, file, PASSPHRASE_BYTES_MAX, out);
        strip_newline(out);
    } else if (terminal_read(cli, prompt, out) == CLI_OK && twice) {
        terminal_read(cli, "Again: ", &again);
        if (cli->exit == CLI_OK &&
            (again.length != out->length ||
             (out->length > 0 && sodium_memcmp(again.data, out->data, out->length) != 0)))
            cli_fail(cli, CLI_USAGE, "the two passphrases differ; nothing was written");
        buffer_wipe(&again);
    }
    if (cli->exit == CLI_OK && out->length == 0)
        cli_fail(cli, CLI_USAGE, "the passphrase is empty");
    return cli->exit;
}

static int keyfile_fail(struct cli *cli, int status, const char *file)
{
    switch (status) {
    case STATUS_NOT_FOUND:
        return cli_fail(cli, CLI_LOCAL,
                        "there is no key file %s; make one with 'bourse keygen', or name another "
                        "with --key",
                        file);
    case STATUS_PERMISSION:
        return cli_fail(cli, CLI_LOCAL,
                        "the key file %s must be readable by you and nobody else: chmod 600 %s",
                        file, file);
    case STATUS_MALFORMED:
        return cli_fail(cli, CLI_LOCAL, "%s is not a key file; restore it from a backup", file);
    case STATUS_FORGED:
        return cli_fail(cli, CLI_LOCAL, "wrong passphrase for %s (or the file was changed)", file);
    default:
        return cli_fail(cli, CLI_LOCAL, "cannot read the key file %s: %s", file,
                        status_text(status));
    }
}

int cli_read_keys_from(struct cli *cli, const char *file, struct keys *keys_out)
{
    uint8_t seed[KEYS_SEED_BYTES];
    struct keyfile_info info;
    struct buffer passphrase = BUFFER_EMPTY;
    int status = keyfile_inspect(file, &info);
    if (status == STATUS_OK && info.sealed) {
        char *prompt = NULL;
        if (asprintf(&prompt, "Passphrase for %s: ", file) < 0)
            return cli_fail(cli, CLI_LOCAL, "out of memory");
        cli_passphrase(cli, false, prompt, &passphrase);
        free(prompt);
    }
    if (status == STATUS_OK && cli->exit == CLI_OK)
        status = keyfile_read(file, info.sealed ? passphrase.data : NULL, passphrase.length, seed);
    buffer_wipe(&passphrase);
    if (cli->exit != CLI_OK)
        return cli->exit;
    if (status != STATUS_OK)
        return keyfile_fail(cli, status, file);
    keys_from_seed(keys_out, seed);
    sodium_memzero(seed, sizeof(seed));
    return CLI_OK;
}

int cli_read_keys(struct cli *cli)
{
    const char *file = cli_key_file(cli);
    if (cli->exit == CLI_OK && !cli->keys_read)
        cli->keys_read = cli_read_keys_from(cli, file, &cli->keys) == CLI_OK;
    return cli->exit;
}

/* --- The exchange --------------------------------------------------------------------------- */

int cli_connect(struct cli *cli)
{
    struct connection_error why;
    if (cli->exit != CLI_OK || cli->connection != NULL)
        return cli->exit;
    if (cli_configure(cli) != CLI_OK)
        return cli->exit;
    if (cli->config.exchange == NULL)
        return cli_fail(cli, CLI_USAGE,
                        "which exchange? Put the line that 'boursed init' printed into the "
                        "configuration:\n  bourse config set exchange bourse-exchange:v1:...\n"
                        "or give it with --exchange.");
    if (cli_read_keys(cli) != CLI_OK)
        return cli->exit;
    uint64_t timeout_s = option_u64(cli, "timeout", 0);
    uint64_t retries = option_u64(cli, "retries", CONNECTION_RETRIES);
    if (timeout_s > 3600 || retries > 1000)
        cli_fail(cli, CLI_USAGE, "--timeout is at most 3600 and --retries 1000");
    char *state = paths_state();
    if (state == NULL)
        cli_fail(cli, CLI_LOCAL,
                 "there is no home folder to remember the exchange's log in; set XDG_STATE_HOME");
    if (cli->exit == CLI_OK) {
        struct connection_options o = {
            .address = cli->config.server,
            .pin = &cli->config.pin,
            .keys = &cli->keys,
            .state_folder = state,
            .timeout_ms = (int)timeout_s * 1000,
            .retries = cli->patient ? 0 : (int)retries,
        };
        if (connection_open(&o, &cli->connection, &why) != STATUS_OK)
            cli_fail_connection(cli, &why);
    }
    free(state);
    return cli->exit;
}

bool cli_lost(int status)
{
    return status == STATUS_CLOSED || status == STATUS_TIMEOUT || status == STATUS_IO;
}

int cli_wait(struct cli *cli)
{
    struct connection_error why;
    int pause_ms = WAIT_FIRST_MS;
    int strange = 0;
    int status = STATUS_CLOSED;
    cli_note(cli, "connection lost; waiting for %s\n", cli->config.server);
    while (status != STATUS_OK) {
        (void)poll(NULL, 0, pause_ms);
        pause_ms = 2 * pause_ms < WAIT_MAX_MS ? 2 * pause_ms : WAIT_MAX_MS;
        status = connection_resume(cli->connection, &why);
        /* A server that is being stopped may hang up where one with another key does. */
        strange = status == STATUS_FORGED ? strange + 1 : 0;
        if (status != STATUS_OK && !cli_lost(status) && (strange == 0 || strange > STRANGE_MAX))
            return cli_fail_connection(cli, &why);
    }
    cli_note(cli, "connected again\n");
    return CLI_OK;
}

uint64_t cli_time_s(struct cli *cli)
{
    return cli_connect(cli) == CLI_OK ? connection_time_s(cli->connection) : 0;
}

static bool is_not_found(uint32_t refusal)
{
    switch (refusal) {
    case REFUSAL_not_found:
    case REFUSAL_account_not_found:
    case REFUSAL_series_not_found:
    case REFUSAL_token_not_found:
    case REFUSAL_token_spent:
    case REFUSAL_gift_not_found:
    case REFUSAL_sku_not_found:
    case REFUSAL_site_not_found:
    case REFUSAL_offer_not_found:
    case REFUSAL_lease_not_found:
    case REFUSAL_order_not_found:
    case REFUSAL_closure_not_found:
    case REFUSAL_rule_not_found:
    case REFUSAL_proposal_not_found:
        return true;
    default:
        return false;
    }
}

static const void *query(struct cli *cli, const struct message *m, const void *body, bool quietly)
{
    struct connection_error why;
    const void *answer = NULL;
    if (check_message(cli, m, body) != CLI_OK || cli_connect(cli) != CLI_OK)
        return NULL;
    int status = connection_query(cli->connection, m, body, &cli->arena, &answer, &why);
    while (cli->patient && cli_lost(status)) {
        if (cli_wait(cli) != CLI_OK)
            return NULL;
        status = connection_query(cli->connection, m, body, &cli->arena, &answer, &why);
    }
    if (is_not_found(why.refusal) && cli->missing != NULL)
        snprintf(why.text, sizeof(why.text), "%s", cli->missing);
    if (status != STATUS_OK || (why.refusal > 0 && !quietly)) {
        cli_fail_connection(cli, &why);
        return NULL;
    }
    return answer;
}

const void *cli_query(struct cli *cli, const struct message *m, const void *body)
{
    return query(cli, m, body, false);
}

const void *cli_query_quietly(struct cli *cli, const struct message *m, const void *body)
{
    return query(cli, m, body, true);
}

const struct result *cli_try(struct cli *cli, const struct message *operation, const void *body,
                             uint32_t *refusal_out)
{
    struct connection_error why;
    struct operation one = {operation, body};
    struct frame_reply reply;
    *refusal_out = REFUSAL_accepted;
    if (check_message(cli, operation, body) != CLI_OK || cli_connect(cli) != CLI_OK)
        return NULL;
    int status = connection_request(cli->connection, &one, 1, 0, &cli->arena, &reply, &why);
    if (status == STATUS_OK && reply.refusal == REFUSAL_accepted && reply.results.count == 1) {
        *refusal_out = reply.results.items[0].refusal;
        return *refusal_out == REFUSAL_accepted ? reply.results.items : NULL;
    }
    if (status == STATUS_OK && reply.refusal == REFUSAL_accepted)
        why = (struct connection_error){.status = STATUS_MALFORMED,
                                        .text =
                                            "the exchange did not say what came of the operation"};
    cli_fail_connection(cli, &why);
    return NULL;
}

const struct result *cli_apply(struct cli *cli, const struct message *operation, const void *body)
{
    uint32_t refusal;
    const struct result *r = cli_try(cli, operation, body, &refusal);
    if (refusal != REFUSAL_accepted)
        cli_fail_refusal(cli, refusal);
    return r;
}

static int numbers_set(json_t *object, const char *name, uint64_t first, uint32_t count)
{
    json_t *numbers = json_array();
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(numbers, json_integer((json_int_t)(first + i)));
    return json_object_set_new(object, name, numbers);
}

void cli_echo(struct cli *cli, json_t *fields)
{
    if (cli->echo == NULL)
        cli->echo = json_object();
    if (cli->echo == NULL || fields == NULL)
        cli_fail(cli, CLI_LOCAL, "out of memory");
    else
        json_object_update(cli->echo, fields);
    json_decref(fields);
}

void cli_echo_outputs(struct cli *cli, const struct result *r, const struct payment *outputs,
                      uint32_t count)
{
    json_t *list = json_array();
    for (uint32_t i = 0; r != NULL && cli->json && i < count && i < r->token_count; i++)
        json_array_append_new(list, json_pack("{s:I, s:I, s:I}", "token",
                                              (json_int_t)(r->token_first + i), "account",
                                              (json_int_t)outputs[i].account, "amount_ucr",
                                              (json_int_t)outputs[i].amount_ucr));
    cli_echo(cli, json_pack("{s:o}", "outputs", list));
}

json_t *cli_result_json(const struct message *operation, const struct result *r,
                        const char *object_name)
{
    json_t *json =
        json_pack("{s:s, s:I}", "operation", operation->name, "index", (json_int_t)r->index);
    if (object_name != NULL)
        json_object_set_new(json, object_name, json_integer((json_int_t)r->object));
    if (r->token_count > 0)
        numbers_set(json, "tokens", r->token_first, r->token_count);
    if (r->lease_count > 0)
        numbers_set(json, "leases", r->lease_first, r->lease_count);
    return json;
}

int cli_print_result(struct cli *cli, const struct message *operation, const struct result *r,
                     const char *object_name, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    if (cli->exit != CLI_OK || r == NULL)
        return cli->exit;
    if (cli->json) {
        json_t *json = cli_result_json(operation, r, object_name);
        json_object_update(json, cli->echo);
        return cli_print_json(cli, json);
    }
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0)
        return cli_fail(cli, CLI_LOCAL, "out of memory");
    cli_print(cli, "%s (event %llu)\n", text, (unsigned long long)r->index);
    free(text);
    return cli->exit;
}
