#include "client/cli/cli.h"

#include <inttypes.h>
#include <string.h>

#include <sodium.h>

#include "client/json.h"
#include "protocol/amount.h"
#include "protocol/moment.h"

/* The account's state; NULL when there is no account or it does not show. */
static const char *state_ask(struct cli *cli, uint32_t you)
{
    struct q_accounts q = {.account = you};
    const struct a_accounts *a = you != 0 ? cli_query_quietly(cli, &q_accounts_message, &q) : NULL;
    return a != NULL && a->rows.count == 1
               ? vocabulary_name(&account_state_vocabulary, a->rows.items[0].state)
               : NULL;
}

/* Who signs with a further key is told what it may. */
static void key_print(struct cli *cli, const struct key_info *key, bool expired)
{
    char text[MOMENT_TEXT_BYTES];
    char spent[AMOUNT_TEXT_BYTES];
    const char *between = "";
    cli_print(cli, "key:        %s%.*s; may sign: ",
              key->label.length > 0 ? "a further one, " : "a further one", (int)key->label.length,
              key->label.data);
    for (uint32_t i = 0; i < scope_vocabulary.count; i++) {
        if ((key->scopes & scope_vocabulary.values[i].value) != 0) {
            cli_print(cli, "%s%s", between, scope_vocabulary.values[i].name);
            between = ", ";
        }
    }
    cli_print(cli, "%s", key->scopes == 0 ? "nothing, it may only look" : "");
    if (key->daily_ucr > 0) {
        cli_print(cli, "; %s of ", amount_format(key->spent_today_ucr, spent));
        cli_print(cli, "%s credits moved today", amount_format(key->daily_ucr, text));
    }
    if (key->expires_s > 0)
        cli_print(cli, "; expire%s %s", expired ? "d" : "s", moment_format(key->expires_s, text));
    cli_print(cli, "\n");
}

static void status_print(struct cli *cli, const struct a_status *s, const char *state)
{
    char id[65];
    char text[MOMENT_TEXT_BYTES];
    const char *role = vocabulary_name(&role_vocabulary, s->role);
    sodium_bin2hex(id, sizeof(id), s->exchange_id, 32);
    cli_print(cli, "exchange:   %.*s at %s\n", (int)s->origin.length, s->origin.data,
              cli->config.server);
    cli_print(cli, "id:         %s\n", id);
    cli_print(cli, "version:    %.*s\n", (int)s->version.length, s->version.data);
    cli_print(cli, "time:       %s (%s clock)%s\n", moment_format(cli_time_s(cli), text),
              vocabulary_name(&clock_mode_vocabulary, s->clock_mode),
              s->clock_waits ? ", waits for 'bourse clock confirm'" : "");
    cli_print(cli, "log:        %" PRIu64 " events; %s\n", s->log_size,
              connection_status(cli->connection)->first_seen ? "first seen now"
                                                             : "continues what was seen before");
    cli_print(cli, "activation: within %s", duration_format(s->activation_grace_s, text));
    cli_print(cli, "; metering: within %s", duration_format(s->meter_grace_s, text));
    cli_print(cli, "; disputes: within %s\n", duration_format(s->dispute_window_s, text));
    if (s->keys.count > 0)
        key_print(cli, &s->keys.items[0], s->you == 0);
    if (s->you == 0 && s->keys.count > 0)
        cli_print(cli,
                  "you:        nobody, until the main key removes this key ('bourse key remove') "
                  "and adds another ('bourse key add')\n");
    else if (s->you == 0)
        cli_print(cli, "you:        no account yet; give an admin your public key ('bourse keygen "
                       "--show') or claim a gift\n");
    else
        cli_print(cli, "you:        %.*s (account %u, %s%s)\n", (int)s->name.length, s->name.data,
                  (unsigned)s->you, role != NULL ? role : "?",
                  state != NULL && strcmp(state, "frozen") == 0 ? ", frozen; ask an admin" : "");
}

int command_status(struct cli *cli, int argc, char **argv)
{
    struct q_status q = {{"bourse", 6}};
    (void)argc;
    (void)argv;
    const struct a_status *s = cli_query(cli, &q_status_message, &q);
    if (s == NULL)
        return cli->exit;
    const char *state = state_ask(cli, s->you);
    if (cli->json) {
        json_t *json = message_to_json(&a_status_message, s);
        const char *role = vocabulary_name(&role_vocabulary, s->role);
        if (json != NULL) {
            json_object_set_new(json, "role", role != NULL ? json_string(role) : json_null());
            json_object_set_new(json, "state", state != NULL ? json_string(state) : json_null());
            json_object_set_new(json, "first_seen",
                                json_boolean(connection_status(cli->connection)->first_seen));
        }
        return cli_print_json(cli, json);
    }
    status_print(cli, s, state);
    return cli->exit;
}
