/* `bourse bench`: measurements against a server of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include <sodium.h>

#include "client/cli/bench.h"
#include "client/cli/bench_transfer.h"
#include "client/cli/cli.h"
#include "client/cli/spawn.h"
#include "protocol/limits.h"
#include "protocol/status.h"

enum {
    BATCH_DEFAULT = 1000,
    TOKENS_DEFAULT = 1000 * 1000,
    TOKENS_MAX = 50 * 1000 * 1000,
    SECONDS_DEFAULT = 10,
    SECONDS_MAX = 3600,
    CONNECTIONS_DEFAULT = 2,
    WINDOW_DEFAULT = 8,
};

const struct cli_option bench_options[] = {
    {"batch", 0, "N", "operations in a request (transfer: 1000, redeem: 10)"},
    {"tokens", 0, "N", "tokens that there are (1000000)"},
    {"seconds", 0, "N", "how long to measure (transfer: 10; redeem: each curve at most, 30)"},
    {"offers", 0, "LIST", "redeem: among how many offers and orders (1000,10000,100000)"},
    {"orders", 0, "N", "redeem: how many to measure at each point (3000)"},
    {"quick", 0, NULL, "redeem: small sizes and few of them, to see that it works"},
    {"requests", 0, "N", "measure this many requests instead"},
    {"connections", 0, "N", "connections (2)"},
    {"window", 0, "N", "requests on their way on each connection (8)"},
    {"dir", 0, "DIR", "where the server's data lie: a real disk ($TMPDIR or /tmp)"},
    {"check", 0, NULL, "run `boursed check` on the data at the end"},
    {NULL, 0, NULL, NULL},
};

/* Processor time of a process, all threads, in seconds; 0 when it cannot be read. */
static double process_cpu_s(pid_t pid)
{
    char path[64];
    char text[1024];
    unsigned long user = 0;
    unsigned long kernel = 0;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return 0;
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[n] = '\0';
    /* The second field is a name in parentheses, which may hold anything. */
    const char *at = strrchr(text, ')');
    if (at == NULL ||
        sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel) != 2)
        return 0;
    return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

/* Whether the folder is on a disk: a file system in memory syncs nothing. */
static bool is_on_disk(const char *folder)
{
    struct statfs info;
    return statfs(folder, &info) != 0 || (info.f_type != TMPFS_MAGIC && info.f_type != RAMFS_MAGIC);
}

uint64_t bench_number(struct cli *cli, const char *name, uint64_t low, uint64_t high,
                      uint64_t missing)
{
    uint64_t value = option_u64(cli, name, missing);
    if (cli->exit == CLI_OK && option_text(cli, name) != NULL && (value < low || value > high))
        cli_fail(cli, CLI_USAGE, "--%s is %llu to %llu", name, (unsigned long long)low,
                 (unsigned long long)high);
    return value;
}

static int options_read(struct cli *cli, struct bench_options *o)
{
    o->batch = (uint32_t)bench_number(cli, "batch", 1, BATCH_OPERATIONS_MAX, BATCH_DEFAULT);
    o->tokens = bench_number(cli, "tokens", 1, TOKENS_MAX, TOKENS_DEFAULT);
    o->connections =
        (uint32_t)bench_number(cli, "connections", 1, BENCH_CONNECTIONS_MAX, CONNECTIONS_DEFAULT);
    o->window = (uint32_t)bench_number(cli, "window", 1, BENCH_WINDOW_MAX, WINDOW_DEFAULT);
    o->requests = bench_number(cli, "requests", 1, UINT32_MAX, 0);
    o->seconds = (double)bench_number(cli, "seconds", 1, SECONDS_MAX, SECONDS_DEFAULT);
    if (cli->exit == CLI_OK && o->tokens < (uint64_t)o->batch * BENCH_ACCOUNTS)
        cli_fail(cli, CLI_USAGE,
                 "--tokens must be %d times --batch at least, so that each of the %d accounts can "
                 "fill a request",
                 BENCH_ACCOUNTS, BENCH_ACCOUNTS);
    return cli->exit;
}

/* What was measured, and how fast the disk alone would be. */
struct report {
    const struct bench_options *options;
    const struct bench_figures *figures;
    double sync_per_s;
    double server_cpu_s;
    bool durable;
    const char *check;
};

static double operations_per_s(const struct bench_figures *f)
{
    return f->wall_s > 0 ? (double)f->operations / f->wall_s : 0;
}

static json_t *report_json(const struct report *r)
{
    const struct bench_figures *f = r->figures;
    return json_pack("{s:f, s:f, s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:i, s:i, s:b, s:f, s:f, s:f, "
                     "s:f, s:f, s:I, s:s}",
                     "ops_per_s", operations_per_s(f), "p50_ms", f->p50_ms, "p99_ms", f->p99_ms,
                     "max_ms", f->max_ms, "operations", (json_int_t)f->operations, "requests",
                     (json_int_t)f->requests, "groups", (json_int_t)f->groups, "batch",
                     (json_int_t)r->options->batch, "tokens", (json_int_t)r->options->tokens,
                     "connections", (int)r->options->connections, "window", (int)r->options->window,
                     "durable", (int)r->durable, "wall_s", f->wall_s, "setup_s", f->mint_s,
                     "client_cpu_s", f->client_cpu_s, "server_cpu_s", r->server_cpu_s,
                     "fdatasync_per_s", r->sync_per_s, "cores",
                     (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "check", r->check);
}

static void report_print(struct cli *cli, const struct report *r)
{
    const struct bench_figures *f = r->figures;
    cli_print(cli, "transfers/s   %.0f %s (%llu in %.1f s)\n", operations_per_s(f),
              r->durable ? "durable" : "in memory alone, not durable",
              (unsigned long long)f->operations, f->wall_s);
    cli_print(cli, "request       p50 %.2f ms, p99 %.2f ms, longest %.2f ms\n", f->p50_ms,
              f->p99_ms, f->max_ms);
    cli_print(cli,
              "load          %u transfers a request, %u connections, %u requests on their way "
              "on each, %llu tokens\n",
              (unsigned)r->options->batch, (unsigned)r->options->connections,
              (unsigned)r->options->window, (unsigned long long)r->options->tokens);
    cli_print(cli, "groups        %llu, of %.1f requests\n", (unsigned long long)f->groups,
              f->groups > 0 ? (double)f->requests / (double)f->groups : 0);
    cli_print(cli, "processors    %ld; server %.1f s, client %.1f s of time used\n",
              sysconf(_SC_NPROCESSORS_ONLN), r->server_cpu_s, f->client_cpu_s);
    cli_print(cli, "disk          %.0f fdatasync/s of 4 KiB\n", r->sync_per_s);
    cli_print(cli, "boursed check %s\n", r->check);
}

static int fail_buffer(struct cli *cli, int code, int status, struct buffer *why)
{
    if (why->length > 0)
        cli_fail(cli, code, "%.*s", (int)why->length, (const char *)why->data);
    else
        cli_fail(cli, code, "%s", status_text(status));
    buffer_release(why);
    return cli->exit;
}

/* Stops the server, and looks through its books if that is wanted. */
static int server_end(struct cli *cli, struct spawn *s, struct report *r)
{
    struct buffer why = BUFFER_EMPTY;
    int status = spawn_stop(s, &why);
    if (status == STATUS_OK && option_flag(cli, "check")) {
        status = spawn_check(s, &why);
        r->check = "passed";
    }
    if (status != STATUS_OK)
        return fail_buffer(cli, status == STATUS_DAMAGED ? CLI_UNTRUSTED : CLI_LOCAL, status, &why);
    buffer_release(&why);
    return CLI_OK;
}

static int transfer_against(struct cli *cli, struct spawn *s, struct bench_options *o,
                            const char *folder, double sync_per_s)
{
    struct bench_figures figures;
    struct connection_error error;
    struct report r = {o, &figures, sync_per_s, 0, is_on_disk(folder), "not run"};
    o->address = spawn_address(s);
    o->pin = spawn_pin(s);
    o->interrupted = spawn_interrupted;
    int status = bench_transfer(o, &figures, &error);
    r.server_cpu_s = process_cpu_s(spawn_pid(s));
    if (status == STATUS_MISUSE)
        return cli_fail(cli, CLI_REFUSED, "%s", error.text);
    if (status != STATUS_OK)
        return cli_fail_connection(cli, &error);
    if (server_end(cli, s, &r) != CLI_OK)
        return cli->exit;
    if (cli->json)
        return cli_print_json(cli, report_json(&r));
    report_print(cli, &r);
    return cli->exit;
}

const char *bench_folder(struct cli *cli)
{
    const char *folder = option_text(cli, "dir");
    if (folder == NULL)
        folder = getenv("TMPDIR");
    if (folder == NULL || *folder == '\0')
        folder = "/tmp";
    if (!is_on_disk(folder))
        cli_note(cli, "%s is in memory, where nothing is durable; name a disk with --dir\n",
                 folder);
    return folder;
}

void bench_admin(struct keys *out)
{
    uint8_t seed[KEYS_SEED_BYTES];
    randombytes_buf(seed, sizeof(seed));
    keys_from_seed(out, seed);
    sodium_memzero(seed, sizeof(seed));
}

static int bench_run_transfer(struct cli *cli)
{
    struct bench_options o = {.batch = 0};
    struct buffer why = BUFFER_EMPTY;
    struct spawn *s = NULL;
    struct keys admin;
    if (options_read(cli, &o) != CLI_OK)
        return cli->exit;
    const char *folder = bench_folder(cli);
    bench_admin(&admin);
    struct spawn_options how = {.origin = BENCH_ORIGIN, .parent = folder};
    keys_get_public(&admin, &how.admin);
    o.admin = &admin;
    double sync_per_s = bench_sync_rate(folder);
    int status = spawn_start(&how, &s, &why);
    if (status != STATUS_OK)
        fail_buffer(cli, CLI_LOCAL, status, &why);
    else
        transfer_against(cli, s, &o, folder, sync_per_s);
    spawn_free(s);
    keys_wipe(&admin);
    return cli->exit;
}

int command_bench(struct cli *cli, int argc, char **argv)
{
    if (argc == 1 && strcmp(argv[0], "transfer") == 0)
        return bench_run_transfer(cli);
    if (argc == 1 && strcmp(argv[0], "redeem") == 0)
        return bench_run_redeem(cli);
    return cli_fail(cli, CLI_USAGE, "what there is to measure: transfer, redeem");
}
