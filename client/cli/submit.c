#include "client/cli/cli.h"

#include <inttypes.h>
#include <string.h>

#include "client/json.h"
#include "client/operations_json.h"
#include "protocol/refusal.h"
#include "protocol/status.h"

enum { FILE_BYTES_MAX = 64 * 1024 * 1024 };

static json_t *reply_json(const struct frame_reply *reply)
{
    json_t *json = message_to_json(&frame_reply_message, reply);
    json_t *results = json_object_get(json, "results");
    for (uint32_t i = 0; i < reply->results.count; i++) {
        if (reply->results.items[i].refusal != REFUSAL_accepted)
            json_object_set_new(json_array_get(results, i), "error",
                                cli_refusal_json(reply->results.items[i].refusal));
    }
    json_object_del(json, "seq");
    return json;
}

static uint32_t refused_count(const struct frame_reply *reply)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < reply->results.count; i++)
        count += reply->results.items[i].refusal != REFUSAL_accepted;
    return count;
}

static void results_print(struct cli *cli, const struct request *request,
                          const struct frame_reply *reply)
{
    for (uint32_t i = 0; i < reply->results.count && i < request->operations.count; i++) {
        const struct result *r = &reply->results.items[i];
        const char *name = request->operations.items[i].message->name;
        if (r->refusal != REFUSAL_accepted)
            cli_print(cli, "%u  %s  refused: %s (%s)\n", (unsigned)i, name,
                      refusal_text(r->refusal), refusal_name(r->refusal));
        else
            cli_print(cli, "%u  %s  accepted, event %" PRIu64 "%s", (unsigned)i, name, r->index,
                      r->object > 0 ? "" : "\n");
        if (r->refusal == REFUSAL_accepted && r->object > 0)
            cli_print(cli, ", number %" PRIu64 "\n", r->object);
    }
}

int command_submit(struct cli *cli, int argc, char **argv)
{
    struct buffer text = BUFFER_EMPTY;
    struct request request;
    struct decode_error why;
    struct connection_error error;
    struct frame_reply reply;
    (void)argc;
    cli_read_file(cli, argv[0], FILE_BYTES_MAX, &text);
    if (cli->exit == CLI_OK) {
        int status =
            operations_from_json((const char *)text.data, text.length, &cli->arena, &request, &why);
        if (status != STATUS_OK)
            cli_fail(cli, CLI_USAGE, "%s: %s", argv[0], why.text);
    }
    buffer_release(&text);
    if (cli_connect(cli) != CLI_OK)
        return cli->exit;
    bool atomic = request.atomic || option_flag(cli, "atomic");
    int status =
        connection_request(cli->connection, request.operations.items, request.operations.count,
                           atomic ? REQUEST_ATOMIC : 0, &cli->arena, &reply, &error);
    if (status != STATUS_OK || reply.refusal != REFUSAL_accepted)
        return cli_fail_connection(cli, &error);
    cli_print_json(cli, reply_json(&reply));
    results_print(cli, &request, &reply);
    uint32_t refused = refused_count(&reply);
    if (refused > 0)
        cli_fail(cli, CLI_REFUSED, "%u of %s %s refused", (unsigned)refused,
                 text_count(cli, reply.results.count, "operation"), refused == 1 ? "was" : "were");
    return cli->exit;
}
