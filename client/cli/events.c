#include "client/cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/json.h"
#include "protocol/events.h"
#include "protocol/moment.h"
#include "protocol/status.h"

static int event_json(struct cli *cli, uint64_t index, const struct message *m, const void *body)
{
    json_t *json = json_pack("{s:I, s:s}", "index", (json_int_t)index, "event", m->name);
    json_t *fields = message_to_json(m, body);
    if (json == NULL || fields == NULL || json_object_update(json, fields) != 0)
        cli_fail(cli, CLI_LOCAL, "out of memory");
    else
        json_print(stdout, json, JSON_COMPACT);
    json_decref(fields);
    json_decref(json);
    return cli->exit;
}

/* Index, time, who, what, and then the fields, of which keys and hashes say little to people. */
static int event_line(struct cli *cli, uint64_t index, const struct message *m, const void *body)
{
    char text[MOMENT_TEXT_BYTES];
    struct buffer line = BUFFER_EMPTY;
    const struct event_head *head = body;
    buffer_printf(&line, "%8" PRIu64 "  %s  %-18s", index, moment_format(head->time_s, text),
                  m->name);
    if (head->by != 0)
        buffer_printf(&line, " by=%s", name_of(cli, NAMED_ACCOUNT, head->by));
    for (uint32_t i = 2; i < m->fields_count; i++) {
        const struct field *f = &m->fields[i];
        if (f->kind == FIELD_KEY || f->kind == FIELD_HASH || f->kind == FIELD_ID ||
            f->kind == FIELD_SIGNATURE)
            continue;
        buffer_append(&line, " ", 1);
        field_title(f, '_', false, &line);
        buffer_append(&line, "=", 1);
        field_print(cli, m, f, body, &line);
    }
    buffer_append(&line, "\n", 1);
    if (line.status == STATUS_OK)
        fwrite(line.data, 1, line.length, stdout);
    buffer_release(&line);
    return cli->exit;
}

static int event_show(struct cli *cli, const struct logged_event *e)
{
    const struct message *m = NULL;
    const void *body = NULL;
    struct decode_error why;
    int status = event_decode(e->data.data, e->data.length, &cli->arena, &m, &body, &why);
    if (status != STATUS_OK)
        return cli_fail(cli, CLI_CONNECTION, "event %" PRIu64 " is not understood: %s", e->index,
                        why.text);
    return cli->json ? event_json(cli, e->index, m, body) : event_line(cli, e->index, m, body);
}

static int events_show(struct cli *cli, const struct frame_events *events, uint64_t *left)
{
    uint64_t count = events->events.count;
    count = count < *left ? count : *left;
    *left -= count;
    for (uint64_t i = 0; i < count && cli->exit == CLI_OK; i++)
        event_show(cli, &events->events.items[i]);
    fflush(stdout);
    return cli->exit;
}

int command_events(struct cli *cli, int argc, char **argv)
{
    struct connection_error why;
    const struct frame_events *events = NULL;
    struct arena arena = ARENA_EMPTY;
    bool follow = option_flag(cli, "follow");
    uint64_t from = option_u64(cli, "from", 0);
    uint64_t left = option_u64(cli, "limit", UINT64_MAX);
    (void)argc;
    (void)argv;
    cli->patient = follow;
    /* Until when: the log as it was when we came, unless we go on. */
    struct q_status q = {{"", 0}};
    const struct a_status *status = cli_query(cli, &q_status_message, &q);
    if (status == NULL)
        return cli->exit;
    uint64_t until = status->log_size;
    bool done = !follow && from >= until;
    int got = done ? STATUS_OK : connection_subscribe(cli->connection, from, &why);
    if (got != STATUS_OK && !(follow && cli_lost(got)))
        return cli_fail_connection(cli, &why);
    while (!done && left > 0 && cli->exit == CLI_OK) {
        arena_clear(&arena);
        /* Only who follows may wait for as long as it takes. */
        got = connection_events(cli->connection, follow ? -1 : CONNECTION_TIMEOUT_MS, &arena,
                                &events, &why);
        if (got != STATUS_OK && follow && cli_lost(got))
            cli_wait(cli);
        else if (got != STATUS_OK)
            cli_fail_connection(cli, &why);
        else
            events_show(cli, events, &left);
        done = got == STATUS_OK && !follow && events->next >= until;
        arena_clear(&cli->arena);
    }
    arena_release(&arena);
    return cli->exit;
}
