/* Market data: trades, the price index, prices by start, utilisation. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/cli/order_place.h"
#include "client/json.h"
#include "protocol/amount.h"
#include "protocol/moment.h"
#include "protocol/status.h"

enum {
    TRADES_USUAL = 30,
    POINTS_SHOWN = 24,
    SPARK_COLUMNS = 60,
    BAR_COLUMNS = 20,
    INDEX_USUAL_S = 7 * 24 * 3600,
    UTILISATION_USUAL_S = 24 * 3600,
    STARTS_USUAL = 24,
};

/* The rows of several pages, each `size` bytes; ends the command when memory is out. */
static const void *rows_kept(struct cli *cli, struct buffer *rows)
{
    if (rows->status != STATUS_OK)
        cli_fail(cli, CLI_LOCAL, "out of memory");
    return rows->data;
}

static json_t *rows_json(const struct message *part, const void *rows, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, message_to_json(part, (const uint8_t *)rows + i * part->size));
    return array;
}

static const struct message *part_of(const struct message *answer)
{
    return field_by_name(answer, "rows")->part;
}

/* Prints rows as JSON or as a table. */
static void rows_print(struct cli *cli, const struct message *part, const void *rows, size_t count,
                       const char *columns, const char *none)
{
    if (cli->exit != CLI_OK)
        return;
    if (cli->json)
        cli_print_json(cli, rows_json(part, rows, count));
    else if (count == 0)
        cli_note(cli, "%s\n", none);
    else
        records_table(cli, part, rows, (uint32_t)count, columns);
}

static uint64_t limit_read(struct cli *cli, uint64_t usual)
{
    uint64_t limit = option_u64(cli, "limit", usual);
    if (limit == 0)
        cli_fail(cli, CLI_USAGE, "--limit must be above 0");
    return limit;
}

/* Whether terminal and font may be taken to show more than ASCII. */
static bool shows_blocks(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && value[0] != '\0')
            return strcasestr(value, "utf-8") != NULL || strcasestr(value, "utf8") != NULL;
    }
    return false;
}

/* --- Trades --------------------------------------------------------------------------------- */

int command_market_trades(struct cli *cli, int argc, char **argv)
{
    struct buffer all = BUFFER_EMPTY;
    uint64_t limit = limit_read(cli, TRADES_USUAL);
    uint64_t count = 0;
    struct q_trades q = {
        .sku = argc > 0 ? name_sku(cli, argv[0]) : 0,
        .region = region_option(cli),
    };
    /* The latest come first: the cursor falls. */
    while (cli->exit == CLI_OK && count < limit) {
        q.limit = limit - count < PAGE_ROWS_MAX ? (uint32_t)(limit - count) : PAGE_ROWS_MAX;
        const struct a_trades *a = cli_query(cli, &q_trades_message, &q);
        if (a == NULL)
            break;
        buffer_append(&all, a->rows.items, a->rows.count * sizeof(*a->rows.items));
        count += a->rows.count;
        if (a->next == 0 || (q.from != 0 && a->next >= q.from))
            break;
        q.from = a->next;
    }
    const char *unheard = count == 0 && cli->exit == CLI_OK ? region_unheard(cli, q.region) : NULL;
    rows_print(cli, part_of(&a_trades_message), rows_kept(cli, &all), count,
               "trade time_s sku region gpus price_ucr kind start_s end_s preemptible resale",
               unheard != NULL ? unheard : "no trades yet");
    buffer_release(&all);
    return cli->exit;
}

/* --- Price index ---------------------------------------------------------------------------- */

static size_t index_fetch(struct cli *cli, struct q_index *q, struct buffer *all)
{
    size_t count = 0;
    while (cli->exit == CLI_OK) {
        const struct a_index *a = cli_query(cli, &q_index_message, q);
        if (a == NULL)
            break;
        buffer_append(all, a->rows.items, a->rows.count * sizeof(*a->rows.items));
        count += a->rows.count;
        if (a->next <= q->from)
            break;
        q->from = a->next;
    }
    return count;
}

/* One column for each stretch of time: the last point in it, a gap where there is none. */
static void spark_print(struct cli *cli, const struct index_point *points, size_t count)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const ascii[] = {".", ":", "-", "=", "+", "*", "#", "@"};
    char low_text[AMOUNT_TEXT_BYTES], high_text[AMOUNT_TEXT_BYTES];
    uint64_t low = UINT64_MAX;
    uint64_t high = 0;
    uint64_t from_s = points[0].hour_s;
    uint64_t hours = (points[count - 1].hour_s - from_s) / 3600 + 1;
    uint64_t columns = hours < SPARK_COLUMNS ? hours : SPARK_COLUMNS;
    struct buffer line = BUFFER_EMPTY;
    for (size_t i = 0; i < count; i++) {
        low = points[i].level_ucr < low ? points[i].level_ucr : low;
        high = points[i].level_ucr > high ? points[i].level_ucr : high;
    }
    size_t at = 0;
    for (uint64_t column = 0; column < columns; column++) {
        uint64_t until_s = from_s + hours * 3600 * (column + 1) / columns;
        const struct index_point *last = NULL;
        for (; at < count && points[at].hour_s < until_s; at++)
            last = &points[at];
        uint64_t height =
            last == NULL || high == low
                ? 3
                : (uint64_t)((double)(last->level_ucr - low) / (double)(high - low) * 7 + 0.5);
        buffer_printf(&line, "%s",
                      last == NULL ? " " : (shows_blocks() ? blocks : ascii)[height & 7]);
    }
    cli_print(cli, "  %.*s  %s to %s\n", (int)line.length,
              line.data != NULL ? (const char *)line.data : "", amount_format(low, low_text),
              amount_format(high, high_text));
    buffer_release(&line);
}

int command_market_index(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct buffer all = BUFFER_EMPTY;
    char from[MOMENT_TEXT_BYTES], until[MOMENT_TEXT_BYTES];
    uint64_t limit = limit_read(cli, cli->json ? UINT32_MAX : POINTS_SHOWN);
    uint64_t now_s = cli_time_s(cli);
    struct q_index q = {
        .sku = name_sku(cli, argv[0]),
        .kind = option_word(cli, "kind", &trade_kind_vocabulary, TRADE_KIND_SPOT),
        .from = option_moment(cli, "from", now_s > INDEX_USUAL_S ? now_s - INDEX_USUAL_S : 0),
    };
    size_t count = cli->exit == CLI_OK ? index_fetch(cli, &q, &all) : 0;
    const struct index_point *points = rows_kept(cli, &all);
    if (cli->exit == CLI_OK && !cli->json && count > 0) {
        cli_print(cli, "%s %s, %s to %s, credits per GPU-hour\n", name_of(cli, NAMED_SKU, q.sku),
                  vocabulary_name(&trade_kind_vocabulary, q.kind),
                  moment_format(points[0].hour_s, from),
                  moment_format(points[count - 1].hour_s, until));
        spark_print(cli, points, count);
    }
    size_t shown = count < limit ? count : (size_t)limit;
    rows_print(cli, part_of(&a_index_message), points != NULL ? points + (count - shown) : NULL,
               shown, "hour_s level_ucr chain_ppm trades gpu_minutes",
               "no index in this time: it is published hourly while there are trades");
    buffer_release(&all);
    return cli->exit;
}

/* --- Prices by start ------------------------------------------------------------------------ */

static const struct start_price *cheapest(const struct start_price *rows, size_t count)
{
    const struct start_price *best = NULL;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].gpus == 0)
            continue;
        if (best == NULL || rows[i].gpus > best->gpus ||
            (rows[i].gpus == best->gpus && rows[i].cost_ucr < best->cost_ucr))
            best = &rows[i];
    }
    return best;
}

/* What is not to be had has no price. */
static json_t *starts_json(const struct start_price *rows, size_t count)
{
    json_t *array = rows_json(part_of(&a_starts_message), rows, count);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].gpus > 0)
            continue;
        json_object_set_new(json_array_get(array, i), "price_ucr", json_null());
        json_object_set_new(json_array_get(array, i), "cost_ucr", json_null());
    }
    return array;
}

int command_market_starts(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct buffer all = BUFFER_EMPTY;
    struct order_input in;
    struct q_starts q = {0};
    char start[MOMENT_TEXT_BYTES];
    size_t count = 0;
    if (order_flags(cli, &in) != CLI_OK)
        return cli->exit;
    memcpy(&q, &in.order, offsetof(struct q_starts, tokens));
    _Static_assert(offsetof(struct q_starts, tokens) == offsetof(struct op_order_place, tokens),
                   "the question begins as an order does");
    q.step_min = option_minutes(cli, "step", 60);
    uint32_t wanted = option_u32(cli, "count", STARTS_USUAL);
    if (cli->exit == CLI_OK && (wanted == 0 || wanted > STARTS_MAX || q.step_min == 0))
        cli_fail(cli, CLI_USAGE, "--count is 1 to %d, and --step at least 1m", STARTS_MAX);
    while (cli->exit == CLI_OK && count < wanted) {
        q.count = wanted - (uint32_t)count;
        const struct a_starts *a = cli_query(cli, &q_starts_message, &q);
        if (a == NULL)
            break;
        buffer_append(&all, a->rows.items, a->rows.count * sizeof(*a->rows.items));
        count += a->rows.count;
        if (a->next <= q.start_from_s)
            break;
        q.start_from_s = a->next;
    }
    const struct start_price *rows = rows_kept(cli, &all);
    const struct start_price *best = cheapest(rows, count);
    if (cli->json && cli->exit == CLI_OK)
        cli_print_json(cli, starts_json(rows, count));
    else
        rows_print(cli, part_of(&a_starts_message), rows, count, "start_s gpus price_ucr cost_ucr",
                   "no start can be asked about");
    const char *unknown =
        cli->exit == CLI_OK && best == NULL ? order_unknown(cli, &in.order) : NULL;
    if (unknown != NULL)
        cli_note(cli, "%s\n", unknown);
    else if (cli->exit == CLI_OK && best == NULL && count > 0)
        cli_note(cli, "at none of these starts is there enough of it; 'bourse quote --why' with "
                      "the same options says what is missing\n");
    if (cli->exit == CLI_OK && best != NULL)
        cli_print(cli, "cheapest: %s from %s for %s\n", text_count(cli, best->gpus, "GPU"),
                  moment_format(best->start_s, start), text_credits(cli, best->cost_ucr));
    buffer_release(&all);
    return cli->exit;
}

/* --- Utilisation ---------------------------------------------------------------------------- */

static int utilisation_compare(const void *a, const void *b)
{
    const struct utilisation_row *p = a;
    const struct utilisation_row *q = b;
    if (p->site != q->site)
        return p->site < q->site ? -1 : 1;
    if (p->sku != q->sku)
        return p->sku < q->sku ? -1 : 1;
    return (p->start_s > q->start_s) - (p->start_s < q->start_s);
}

/* Rows of one site, SKU and step on several pages are parts of one sum. */
static size_t utilisation_add_up(struct utilisation_row *rows, size_t count)
{
    size_t kept = 0;
    if (count > 0)
        qsort(rows, count, sizeof(*rows), utilisation_compare);
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && utilisation_compare(&rows[kept - 1], &rows[i]) == 0) {
            rows[kept - 1].gpu_minutes_offered += rows[i].gpu_minutes_offered;
            rows[kept - 1].gpu_minutes_leased += rows[i].gpu_minutes_leased;
        } else {
            rows[kept++] = rows[i];
        }
    }
    return kept;
}

static void utilisation_print(struct cli *cli, const struct utilisation_row *rows, size_t count)
{
    char start[MOMENT_TEXT_BYTES], end[MOMENT_TEXT_BYTES];
    int site_width = 4, sku_width = 3;
    for (size_t i = 0; i < count; i++) {
        int site = (int)strlen(name_of(cli, NAMED_SITE, rows[i].site));
        int sku = (int)strlen(name_of(cli, NAMED_SKU, rows[i].sku));
        site_width = site > site_width ? site : site_width;
        sku_width = sku > sku_width ? sku : sku_width;
    }
    cli_print(cli, "%-*s  %-*s  %-20s  %-20s  %13s  %12s   LEASED\n", site_width, "SITE", sku_width,
              "SKU", "START", "END", "GPU-H-OFFERED", "GPU-H-LEASED");
    for (size_t i = 0; i < count; i++) {
        const struct utilisation_row *r = &rows[i];
        double offered = (double)r->gpu_minutes_offered;
        double part = offered > 0 ? (double)r->gpu_minutes_leased / offered : 0;
        int full = (int)((part < 1 ? part : 1) * BAR_COLUMNS + 0.5);
        cli_print(cli, "%-*s  %-*s  %-20s  %-20s  %13.1f  %12.1f  %5.1f %%%s%.*s\n", site_width,
                  name_of(cli, NAMED_SITE, r->site), sku_width, name_of(cli, NAMED_SKU, r->sku),
                  moment_format(r->start_s, start), moment_format(r->end_s, end), offered / 60,
                  (double)r->gpu_minutes_leased / 60, 100 * part, full > 0 ? " " : "", full,
                  "####################");
    }
}

int command_market_utilisation(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct buffer all = BUFFER_EMPTY;
    const char *site = option_text(cli, "site");
    const char *sku = option_text(cli, "sku");
    uint64_t now_s = minute_floor(cli_time_s(cli));
    struct q_utilisation q = {
        .site = site != NULL ? name_site(cli, site) : 0,
        .sku = sku != NULL ? name_sku(cli, sku) : 0,
        .start_s = minute_floor(option_moment(
            cli, "from", now_s > UTILISATION_USUAL_S ? now_s - UTILISATION_USUAL_S : 0)),
        .end_s = minute_floor(option_moment(cli, "until", now_s)),
        .step_min = option_minutes(cli, "step", 0),
    };
    if (cli->exit == CLI_OK && q.step_min > 0 && q.end_s > q.start_s &&
        (q.end_s - q.start_s - 1) / 60 / q.step_min >= PAGE_ROWS_MAX)
        return cli_fail(cli, CLI_USAGE,
                        "that is more than %d steps; give a longer --step or a later --from",
                        PAGE_ROWS_MAX);
    size_t count = 0;
    while (cli->exit == CLI_OK) {
        const struct a_utilisation *a = cli_query(cli, &q_utilisation_message, &q);
        if (a == NULL)
            break;
        buffer_append(&all, a->rows.items, a->rows.count * sizeof(*a->rows.items));
        count += a->rows.count;
        if (a->next <= q.from)
            break;
        q.from = a->next;
    }
    rows_kept(cli, &all);
    if (cli->exit == CLI_OK) {
        struct utilisation_row *rows = (struct utilisation_row *)(void *)all.data;
        count = utilisation_add_up(rows, count);
        if (cli->json)
            cli_print_json(cli, rows_json(part_of(&a_utilisation_message), rows, count));
        else if (count == 0)
            cli_note(cli, "nothing was offered in this time\n");
        else
            utilisation_print(cli, rows, count);
    }
    buffer_release(&all);
    return cli->exit;
}
