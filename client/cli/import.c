/* `bourse import`: a trace of nodes and tasks, run through a real exchange. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <sodium.h>

#include "client/cli/cli.h"
#include "client/cli/import_report.h"
#include "client/cli/spawn.h"
#include "client/connection_errors.h"
#include "client/stream.h"
#include "protocol/checkpoint.h"
#include "protocol/keyfile.h"
#include "protocol/moment.h"
#include "protocol/status.h"

enum {
    REPORT_MAX_MIN = 6 * 60, /* operators report at least so often */
    DAY_S = 24 * 3600,
};

#define IMPORT_ORIGIN "import.invalid/bourse"
/* The trace's beginning: 2026-01-01, as an exchange made with --seed begins. */
#define IMPORT_EPOCH_S UINT64_C(1767225600)

const struct cli_option import_options[] = {
    {"nodes", 0, "FILE", "CSV of nodes, each an offer; columns gpu and model"},
    {"tasks", 0, "FILE", "CSV of tasks, each a redemption (columns: docs/import.md)"},
    {"every", 0, "N", "take each N-th node only (1)"},
    {"seed", 0, "N", "keys and ids follow from it: the same log each time (1)"},
    {"keep", 0, "DIR", "keep the exchange that was made, with the admin's key, in DIR"},
    {NULL, 0, NULL, NULL},
};

struct import {
    struct cli *cli;
    uint64_t seed;
    uint64_t every;
    struct trace trace;
    struct plan plan;
    struct spawn *spawn; /* NULL: somebody's server */
    struct market market;
    struct pin pin;
    const char *address;
    uint32_t meter_grace_s;
    uint32_t dispute_window_s;
    struct import_result result;
    struct import_report report;
};

/* Says what is in the buffer and releases it. */
static int fail_buffer(struct import *im, int code, int status, struct buffer *why)
{
    while (why->length > 0 && why->data[why->length - 1] == '\n')
        why->length--;
    if (why->length > 0)
        cli_fail(im->cli, code, "%.*s", (int)why->length, (const char *)why->data);
    else
        cli_fail(im->cli, code, "%s", status_text(status));
    buffer_release(why);
    return im->cli->exit;
}

static int read_files(struct import *im)
{
    struct buffer why = BUFFER_EMPTY;
    const char *nodes = option_required(im->cli, "nodes");
    const char *tasks = option_required(im->cli, "tasks");
    im->every = option_u64(im->cli, "every", 1);
    im->seed = option_u64(im->cli, "seed", 1);
    if (im->cli->exit == CLI_OK && im->every == 0)
        cli_fail(im->cli, CLI_USAGE, "--every is 1 or more");
    if (im->cli->exit == CLI_OK && im->seed > INT64_MAX)
        cli_fail(im->cli, CLI_USAGE, "--seed is at most %" PRId64, INT64_MAX);
    if (im->cli->exit != CLI_OK)
        return im->cli->exit;
    int status = trace_read(nodes, tasks, &im->trace, &why);
    if (status != STATUS_OK)
        return fail_buffer(im, CLI_LOCAL, status, &why);
    buffer_release(&why);
    return CLI_OK;
}

/* --- The server ------------------------------------------------------------------------------- */

static int server_start(struct import *im)
{
    struct buffer why = BUFFER_EMPTY;
    struct spawn_options options = {
        .origin = IMPORT_ORIGIN,
        .manual_clock = true,
        .has_seed = true,
        .seed = im->seed,
        .keep = option_text(im->cli, "keep"),
    };
    keys_get_public(&im->market.admin.keys, &options.admin);
    int status = spawn_start(&options, &im->spawn, &why);
    if (status != STATUS_OK)
        return fail_buffer(im, CLI_LOCAL, status, &why);
    buffer_release(&why);
    im->address = spawn_address(im->spawn);
    im->pin = *spawn_pin(im->spawn);
    return CLI_OK;
}

/* The connection that checks whom we talk to; the wire is opened to what it has proven. */
static int server_prove(struct import *im)
{
    struct connection_error error;
    struct connection *c = NULL;
    struct connection_options options = {.address = im->address,
                                         .pin = &im->pin,
                                         .keys = &im->market.admin.keys,
                                         .client = "bourse import",
                                         .retries = -1};
    int status = connection_open(&options, &c, &error);
    if (status != STATUS_OK)
        return cli_fail_connection(im->cli, &error);
    const struct connection_status *s = connection_status(c);
    im->market.admin.account = s->you;
    if (s->clock_mode != CLOCK_MODE_MANUAL)
        cli_fail(im->cli, CLI_USAGE,
                 "the exchange's clock is real, and a trace takes months: import into one that was "
                 "started with `boursed run --clock manual`");
    else if (s->role != ROLE_ADMIN)
        cli_fail(im->cli, CLI_USAGE, "the key is not an admin's, who alone advances the clock");
    if (im->cli->exit == CLI_OK) {
        uint64_t time_s = connection_time_s(c);
        im->market.epoch_s =
            time_s <= IMPORT_EPOCH_S ? IMPORT_EPOCH_S : (time_s + DAY_S - 1) / DAY_S * DAY_S;
        if (wire_open(im->address, &im->pin, &im->market.admin, im->seed, time_s, &im->market.wire,
                      &error) != STATUS_OK)
            cli_fail_connection(im->cli, &error);
    }
    connection_close(c);
    return im->cli->exit;
}

static int graces_ask(struct import *im)
{
    struct arena arena = ARENA_EMPTY;
    struct connection_error error;
    struct q_status body = {.client = {NULL, 0}};
    const void *got = NULL;
    int status = wire_ask(im->market.wire, &q_status_message, &body, &error);
    if (status == STATUS_OK)
        status = wire_answer(im->market.wire, &q_status_message, &arena, &got, &error);
    if (status == STATUS_OK) {
        const struct a_status *answer = got;
        im->meter_grace_s = answer->meter_grace_s;
        im->dispute_window_s = answer->dispute_window_s;
    } else {
        cli_fail_connection(im->cli, &error);
    }
    arena_release(&arena);
    return im->cli->exit;
}

static int server_reach(struct import *im)
{
    struct cli *cli = im->cli;
    if (option_text(cli, "server") == NULL) {
        wire_keys(im->seed, "admin", &im->market.admin.keys);
        server_start(im);
    } else if (option_text(cli, "keep") != NULL) {
        cli_fail(cli, CLI_USAGE, "--keep is for the server that import starts itself");
    } else if (cli_connect(cli) == CLI_OK) {
        im->market.admin.keys = cli->keys;
        im->address = cli->config.server;
        im->pin = cli->config.pin;
    }
    if (cli->exit == CLI_OK)
        server_prove(im);
    if (cli->exit == CLI_OK)
        graces_ask(im);
    return cli->exit;
}

/* --- The run ---------------------------------------------------------------------------------- */

/* Half the grace leaves room for a stop in between. */
static int plan(struct import *im)
{
    uint64_t half_min = im->meter_grace_s / 120;
    uint64_t report_min = half_min > REPORT_MAX_MIN ? REPORT_MAX_MIN : half_min > 0 ? half_min : 1;
    int status = plan_make(&im->trace, im->every, report_min, &im->plan);
    im->market.plan = &im->plan;
    im->market.seed = im->seed;
    if (status == STATUS_LIMIT)
        return cli_fail(im->cli, CLI_LOCAL,
                        "the trace is longer or larger than what an exchange holds");
    return status == STATUS_OK ? CLI_OK : cli_fail_status(im->cli, status, "planning");
}

/* The head of the log, verified under the pin. */
static int head_ask(struct import *im)
{
    struct arena arena = ARENA_EMPTY;
    struct connection_error error;
    struct q_checkpoint body = {.old_size = 0};
    const void *got = NULL;
    int status = wire_ask(im->market.wire, &q_checkpoint_message, &body, &error);
    if (status == STATUS_OK)
        status = wire_answer(im->market.wire, &q_checkpoint_message, &arena, &got, &error);
    if (status == STATUS_OK) {
        const struct a_checkpoint *answer = got;
        struct checkpoint head;
        struct note_error why;
        struct checkpoint_trust trust = {.origin = im->pin.origin,
                                         .root_public = im->pin.root,
                                         .exchange_id = im->pin.exchange_id};
        status = checkpoint_verify(&trust, (const char *)answer->note.data, answer->note.length,
                                   &head, &why);
        if (status == STATUS_OK) {
            im->report.log_size = head.size;
            memcpy(im->report.log_root, head.root, sizeof(im->report.log_root));
        } else {
            connection_fail(&error, status, "the head of the log does not verify: %s",
                            status_text(status));
        }
    }
    arena_release(&arena);
    return status == STATUS_OK ? CLI_OK : cli_fail_connection(im->cli, &error);
}

static bool at_stop(void *context, size_t done, size_t all, uint64_t time_s)
{
    progress_bar_at(context, done, all, time_s);
    return !spawn_interrupted();
}

static int trade(struct import *im)
{
    struct connection_error error = {.status = STATUS_OK};
    struct progress_bar bar;
    uint64_t begin_ms = stream_now_ms();
    int status = market_open(&im->market, &error);
    if (status == STATUS_OK) {
        progress_bar_begin(&bar, !im->cli->json);
        struct run_progress progress = {&bar, at_stop};
        status = run_plan(&im->market, im->dispute_window_s, &progress, &im->result, &error);
        progress_bar_end(&bar);
    }
    if (status == STATUS_MISUSE)
        return cli_fail(im->cli, CLI_REFUSED, "%s", error.text);
    if (status != STATUS_OK)
        return cli_fail_connection(im->cli, &error);
    if (head_ask(im) == CLI_OK)
        im->report.wall_s = (double)(stream_now_ms() - begin_ms) / 1000;
    return im->cli->exit;
}

/* Ends the server that was started and looks through its books. */
static int server_check(struct import *im)
{
    struct buffer why = BUFFER_EMPTY;
    if (im->spawn == NULL) {
        im->report.check = "not run";
        return CLI_OK;
    }
    int status = spawn_stop(im->spawn, &why);
    if (status == STATUS_OK)
        status = spawn_check(im->spawn, &why);
    if (status != STATUS_OK)
        return fail_buffer(im, status == STATUS_DAMAGED ? CLI_UNTRUSTED : CLI_LOCAL, status, &why);
    im->report.check = "passed";
    buffer_release(&why);
    return CLI_OK;
}

/* Beside the data directory that is kept: the key of its admin, who can go on by hand. */
static void keep_key(struct import *im)
{
    char path[PATH_MAX + 16];
    uint8_t seed[KEYS_SEED_BYTES];
    const char *folder = option_text(im->cli, "keep");
    if (folder == NULL)
        return;
    snprintf(path, sizeof(path), "%s/admin.key", folder);
    wire_key_seed(im->seed, "admin", seed);
    int status = keyfile_write(path, seed, NULL, 0, NULL);
    sodium_memzero(seed, sizeof(seed));
    if (status != STATUS_OK)
        cli_fail(im->cli, CLI_LOCAL, "%s: %s", path, status_text(status));
    else
        cli_note(im->cli,
                 "kept in %s: data (boursed run --data %s/data --clock manual) and "
                 "admin.key\n",
                 folder, folder);
}

static void import_release(struct import *im)
{
    wire_close(im->market.wire);
    spawn_free(im->spawn);
    market_release(&im->market);
    plan_release(&im->plan);
    trace_release(&im->trace);
    free(im);
}

int command_import(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct import *im = calloc(1, sizeof(*im));
    if (im == NULL)
        return cli_fail_status(cli, STATUS_MEMORY, "importing");
    im->cli = cli;
    if (read_files(im) == CLI_OK && server_reach(im) == CLI_OK && plan(im) == CLI_OK &&
        trade(im) == CLI_OK && server_check(im) == CLI_OK) {
        im->report.plan = &im->plan;
        im->report.result = &im->result;
        im->report.seed = im->seed;
        im->report.every = im->every;
        im->report.epoch_s = im->market.epoch_s;
        keep_key(im);
        if (cli->json)
            cli_print_json(cli, import_report_json(&im->report));
        else
            import_report_print(cli, &im->report);
    }
    import_release(im);
    return cli->exit;
}
