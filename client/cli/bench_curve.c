/* `bourse bench redeem`: its options, and the curves as tables or JSON. */
#include <stdlib.h>
#include <unistd.h>

#include "client/cli/bench.h"
#include "client/cli/bench_redeem.h"
#include "client/cli/spawn.h"
#include "protocol/status.h"

enum {
    BATCH_DEFAULT = 10,
    OPERATIONS_DEFAULT = 3000,
    SECONDS_DEFAULT = 30,
    SECONDS_MAX = 600,
    /* One in so many orders is there for the new offers: a request may not use up more of them. */
    WANTED_EACH = 100,
};

static const char *const work_names[BENCH_WORKS] = {"measured", "floor_transfer", "floor_publish"};

/* --- Options --------------------------------------------------------------------------------- */

static void sizes_read(struct cli *cli, struct redeem_options *o)
{
    static const uint32_t usual[] = {1000, 10 * 1000, 100 * 1000};
    static const uint32_t quick[] = {200, 400};
    const uint64_t *given;
    uint32_t count = option_numbers(cli, "offers", &given);
    bool is_quick = option_flag(cli, "quick");
    if (cli->exit != CLI_OK)
        return;
    if (count > REDEEM_SIZES_MAX) {
        cli_fail(cli, CLI_USAGE, "--offers: at most %d numbers", REDEEM_SIZES_MAX);
        return;
    }
    o->sizes_count = count > 0 ? count : is_quick ? 2 : 3;
    for (uint32_t i = 0; i < o->sizes_count; i++) {
        uint64_t size = count > 0 ? given[i] : is_quick ? quick[i] : usual[i];
        if (size < BENCH_COUNT_MIN || size > BENCH_COUNT_MAX)
            cli_fail(cli, CLI_USAGE, "--offers are %d to %d", BENCH_COUNT_MIN, BENCH_COUNT_MAX);
        else if (size < (uint64_t)o->batch * WANTED_EACH)
            cli_fail(cli, CLI_USAGE, "--batch %u needs %u offers at least", (unsigned)o->batch,
                     (unsigned)o->batch * WANTED_EACH);
        o->sizes[i] = (uint32_t)size;
    }
}

static int options_read(struct cli *cli, struct redeem_options *o)
{
    bool quick = option_flag(cli, "quick");
    o->batch = (uint32_t)bench_number(cli, "batch", 1, BENCH_BATCH_MAX, quick ? 2 : BATCH_DEFAULT);
    o->operations = (uint32_t)bench_number(cli, "orders", 1, REDEEM_OPERATIONS_MAX,
                                           quick ? 20 : OPERATIONS_DEFAULT);
    o->seconds = (double)bench_number(cli, "seconds", 1, SECONDS_MAX, SECONDS_DEFAULT);
    o->interrupted = spawn_interrupted;
    o->origin = BENCH_ORIGIN;
    sizes_read(cli, o);
    if (cli->exit == CLI_OK)
        o->folder = bench_folder(cli);
    return cli->exit;
}

/* --- Curves ---------------------------------------------------------------------------------- */

static double ratio(double value, double to)
{
    return to > 0 ? value / to : 0;
}

static json_t *point_json(const struct redeem_options *o, const struct redeem_curve *c, uint32_t i)
{
    json_t *point = json_pack("{s:I}", "count", (json_int_t)o->sizes[i]);
    for (uint32_t work = 0; work < c->works; work++) {
        const struct redeem_figures *f = &c->points[i][work];
        const struct redeem_figures *first = &c->points[0][work];
        json_object_set_new(
            point, work_names[work],
            json_pack("{s:I, s:f, s:f, s:f, s:f, s:f, s:f}", "samples", (json_int_t)f->samples,
                      "engine_us", f->engine_us, "engine_p99_us", f->engine_p99_us, "engine_ratio",
                      ratio(f->engine_us, first->engine_us), "wall_us", f->wall_us, "wall_p99_us",
                      f->wall_p99_us, "wall_ratio", ratio(f->wall_us, first->wall_us)));
    }
    return point;
}

static json_t *curve_json(const struct redeem_options *o, const struct redeem_curve *c)
{
    json_t *points = json_array();
    for (uint32_t i = 0; i < o->sizes_count; i++)
        json_array_append_new(points, point_json(o, c, i));
    return json_pack("{s:s, s:s, s:f, s:o}", "shape", bench_shape_name(c->shape), "title",
                     bench_shape_title(c->shape), "fdatasync_us", c->sync_us, "points", points);
}

static void curve_print(struct cli *cli, const struct redeem_options *o,
                        const struct redeem_curve *c)
{
    bool asks = bench_shape_asks(c->shape);
    cli_print(cli, "\n%s\n", bench_shape_title(c->shape));
    cli_print(cli, "%8s | %28s | %28s | %16s |%s\n", asks ? "orders" : "offers",
              "engine us: p50   p99  ratio", "to reply us: p50  p99  ratio", "transfer: e, r",
              asks ? "  unasked: e, r" : "");
    for (uint32_t i = 0; i < o->sizes_count; i++) {
        const struct redeem_figures *f = c->points[i];
        const struct redeem_figures *first = c->points[0];
        cli_print(cli, "%8u | %12.1f %8.1f %6.2f | %12.1f %8.1f %6.2f | %7.1f %8.1f |",
                  (unsigned)o->sizes[i], f->engine_us, f->engine_p99_us,
                  ratio(f->engine_us, first->engine_us), f->wall_us, f->wall_p99_us,
                  ratio(f->wall_us, first->wall_us), f[WORK_FLOOR_TRANSFER].engine_us,
                  f[WORK_FLOOR_TRANSFER].wall_us);
        if (asks)
            cli_print(cli, " %6.1f %8.1f", f[WORK_FLOOR_PUBLISH].engine_us,
                      f[WORK_FLOOR_PUBLISH].wall_us);
        cli_print(cli, "\n");
    }
    cli_print(cli, "fdatasync of 4 KiB: %.1f us, a request's part\n", c->sync_us);
}

static int curves_measure(struct cli *cli, const struct redeem_options *o)
{
    struct connection_error error;
    json_t *shapes = json_array();
    cli_print(cli,
              "microseconds an operation, %u operations a request, up to %u of each kind at each "
              "size\nengine: processor time of the engine's thread; to reply: until the durable "
              "reply\n",
              (unsigned)o->batch, (unsigned)o->operations);
    for (int shape = 0; shape < BENCH_SHAPES; shape++) {
        struct redeem_curve c;
        int status = bench_redeem(o, (enum bench_shape)shape, &c, &error);
        if (status != STATUS_OK) {
            json_decref(shapes);
            return status == STATUS_MISUSE ? cli_fail(cli, CLI_REFUSED, "%s", error.text)
                                           : cli_fail_connection(cli, &error);
        }
        curve_print(cli, o, &c);
        json_array_append_new(shapes, curve_json(o, &c));
    }
    return cli_print_json(cli,
                          json_pack("{s:I, s:I, s:o}", "batch", (json_int_t)o->batch, "cores",
                                    (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "shapes", shapes));
}

int bench_run_redeem(struct cli *cli)
{
    struct redeem_options o = {.batch = 0};
    struct keys admin;
    if (options_read(cli, &o) != CLI_OK)
        return cli->exit;
    bench_admin(&admin);
    o.admin = &admin;
    curves_measure(cli, &o);
    keys_wipe(&admin);
    return cli->exit;
}
