/* `bourse import`: a trace of nodes and tasks, run through a real exchange. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "client/cli/cli.h"
#include "client/cli/import_report.h"
#include "client/cli/import_run.h"
#include "client/cli/import_usage.h"
#include "client/cli/spawn.h"
#include "client/connection_errors.h"
#include "client/paths.h"
#include "client/stream.h"
#include "protocol/checkpoint.h"
#include "protocol/keyfile.h"
#include "protocol/moment.h"
#include "protocol/status.h"

enum {
    REPORT_MAX_MIN = 6 * 60, /* operators report at least so often */
    REST_MIN = 24 * 60,
    REST_MAX_MIN = 365 * 24 * 60,
    RECLAIM_PPM = 200000,
    HEADROOM_PPM = 500000,
    PLOT_MODE = 0644,
};

#define IMPORT_ORIGIN "import.invalid/bourse"
/* The trace's beginning: 2026-01-01, as an exchange made with --seed begins. */
#define IMPORT_EPOCH_S UINT64_C(1767225600)

const struct cli_option import_options[] = {
    {"nodes", 0, "FILE", "CSV of nodes, each an offer; columns gpu and model"},
    {"tasks", 0, "FILE", "CSV of tasks, each a redemption (columns: docs/import.md)"},
    {"every", 0, "N", "take each N-th node only (1)"},
    {"seed", 0, "N", "keys, ids and lots follow from it: the same log each time (1)"},
    {"skip-bad", 0, NULL, "pass over lines that are not understood, and list them"},
    {"resting", 0, "SHARE", "percent of the orders that rest; best-effort tasks first (0)"},
    {"rest", 0, "DURATION", "how long these rest (24h)"},
    {"headroom", 0, "PERCENT", "book longer than tasks run, end then (50 with --resting, else 0)"},
    {"spread", 0, "SHARE", "percent of the orders for several sites; large tasks first (0)"},
    {"partial", 0, "SHARE", "percent of the orders that take fewer GPUs; large tasks first (0)"},
    {"operators", 0, "N", "operators of each model, with a site each (1)"},
    {"preemptible", 0, "SHARE", "percent of offers that are, and of orders that allow it (0)"},
    {"reclaim", 0, "SHARE", "percent of preemptible leases that the operator ends (20)"},
    {"standing", 0, "SHARE", "percent of offers that reach 30 days ahead and renew (0)"},
    {"price-spread", 0, "PERCENT", "how far prices lie around the base, and limits above it (0)"},
    {"plot", 0, "FILE", "write an SVG of utilisation over time"},
    {"keep", 0, "DIR", "keep the exchange that was made, with the admin's key, in DIR"},
    {NULL, 0, NULL, NULL},
};

struct import {
    struct cli *cli;
    uint64_t seed;
    struct plan_options options;
    struct trace trace;
    struct trace_skipped skipped;
    struct buffer bad; /* the lines that were passed over */
    struct plan plan;
    struct usage *usage; /* NULL: no plot */
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

static int read_options(struct import *im)
{
    struct cli *cli = im->cli;
    struct plan_options *o = &im->options;
    im->seed = option_u64(cli, "seed", 1);
    *o = (struct plan_options){
        .every = option_u64(cli, "every", 1),
        .seed = im->seed,
        .operators = option_u32(cli, "operators", 1),
        .resting_ppm = option_ppm(cli, "resting", 0),
        .rest_min = option_minutes(cli, "rest", REST_MIN),
        .spread_ppm = option_ppm(cli, "spread", 0),
        .partial_ppm = option_ppm(cli, "partial", 0),
        .preemptible_ppm = option_ppm(cli, "preemptible", 0),
        .reclaim_ppm = option_ppm(cli, "reclaim", RECLAIM_PPM),
        .standing_ppm = option_ppm(cli, "standing", 0),
        .price_spread_ppm = option_ppm(cli, "price-spread", 0),
    };
    o->headroom_ppm = option_ppm(cli, "headroom", o->resting_ppm > 0 ? HEADROOM_PPM : 0);
    if (cli->exit == CLI_OK && o->every == 0)
        cli_fail(cli, CLI_USAGE, "--every is 1 or more");
    if (cli->exit == CLI_OK && im->seed > INT64_MAX)
        cli_fail(cli, CLI_USAGE, "--seed is at most %" PRId64, INT64_MAX);
    if (cli->exit == CLI_OK && (o->operators == 0 || o->operators > PLAN_OPERATORS_MAX))
        cli_fail(cli, CLI_USAGE, "--operators is 1 to %d", PLAN_OPERATORS_MAX);
    if (cli->exit == CLI_OK && (o->rest_min == 0 || o->rest_min > REST_MAX_MIN))
        cli_fail(cli, CLI_USAGE, "--rest is a minute to a year");
    if (cli->exit == CLI_OK && o->price_spread_ppm > PLAN_PRICE_SPREAD_MAX_PPM)
        cli_fail(cli, CLI_USAGE, "--price-spread is at most %d", PLAN_PRICE_SPREAD_MAX_PPM / 10000);
    return cli->exit;
}

/* Said now and not after the whole trace: whether the plot can be written there at all. */
static int plot_check(struct import *im)
{
    struct stat info;
    const char *file = option_text(im->cli, "plot");
    if (file == NULL)
        return im->cli->exit;
    const char *slash = strrchr(file, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(file, (size_t)(slash - file) + 1);
    if (folder == NULL)
        cli_fail_status(im->cli, STATUS_MEMORY, "importing");
    else if (file[0] == '\0' || (stat(file, &info) == 0 && S_ISDIR(info.st_mode)))
        cli_fail(im->cli, CLI_LOCAL, "--plot %s: not the name of a file", file);
    else if (access(folder, W_OK | X_OK) != 0)
        cli_fail(im->cli, CLI_LOCAL, "--plot %s: the folder: %s", file, strerror(errno));
    free(folder);
    return im->cli->exit;
}

static int read_files(struct import *im)
{
    const char *nodes = option_required(im->cli, "nodes");
    const char *tasks = option_required(im->cli, "tasks");
    if (im->cli->exit != CLI_OK || read_options(im) != CLI_OK || plot_check(im) != CLI_OK)
        return im->cli->exit;
    bool skips = option_flag(im->cli, "skip-bad");
    int status = trace_read(nodes, tasks, &im->trace, skips ? &im->skipped : NULL, &im->bad);
    if (status != STATUS_OK)
        return fail_buffer(im, CLI_LOCAL, status, &im->bad);
    if (im->bad.length > 0)
        cli_note(im->cli, "%.*s", (int)im->bad.length, (const char *)im->bad.data);
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
    im->options.report_min = report_min;
    int status = plan_make(&im->trace, &im->options, &im->plan);
    im->market.plan = &im->plan;
    im->market.seed = im->seed;
    if (status == STATUS_LIMIT)
        return cli_fail(im->cli, CLI_LOCAL,
                        "the trace is longer or larger than what an exchange holds; docs/import.md "
                        "names the limits");
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

/* What the plot shows, while the server can still be asked. */
static int usage_ask(struct import *im, struct connection_error *error)
{
    if (option_text(im->cli, "plot") == NULL)
        return STATUS_OK;
    im->usage = malloc(sizeof(*im->usage));
    if (im->usage == NULL)
        return connection_fail(error, STATUS_MEMORY, "out of memory");
    return usage_take(&im->market, im->usage, error);
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
    if (status == STATUS_OK)
        status = usage_ask(im, &error);
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

static void plot_write(struct import *im)
{
    struct buffer document = BUFFER_EMPTY;
    const char *file = option_text(im->cli, "plot");
    if (im->usage == NULL)
        return;
    usage_plot(im->usage, &im->plan, im->options.every, &document);
    int status = document.status;
    if (status == STATUS_OK)
        status = paths_replace(file, PLOT_MODE, document.data, document.length);
    if (status != STATUS_OK)
        cli_fail(im->cli, CLI_LOCAL, "--plot %s: %s", file, status_text(status));
    buffer_release(&document);
}

static void import_release(struct import *im)
{
    wire_close(im->market.wire);
    spawn_free(im->spawn);
    market_release(&im->market);
    plan_release(&im->plan);
    trace_release(&im->trace);
    buffer_release(&im->bad);
    free(im->usage);
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
        im->report.skipped = im->skipped;
        im->report.bad = &im->bad;
        im->report.epoch_s = im->market.epoch_s;
        keep_key(im);
        if (cli->json)
            cli_print_json(cli, import_report_json(&im->report));
        else
            import_report_print(cli, &im->report);
        plot_write(im);
    }
    import_release(im);
    return cli->exit;
}
