#include "client/cli/book.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/order_place.h"
#include "client/json.h"
#include "protocol/amount.h"
#include "protocol/moment.h"

enum { BOOK_LEVELS = 10, BOOK_LEVELS_MAX = 500, BOOK_REFRESH_MS = 1000, BOOK_POLL_MS = 250 };

void book_kind(struct cli *cli, struct q_depth *q)
{
    q->preemptible = option_flag(cli, "preemptible");
    q->metered = option_flag(cli, "metered");
    q->duration_min = option_minutes(cli, "duration", 0);
}

void book_divide(const struct a_depth *depth, struct book_view *view)
{
    uint32_t sells = 0;
    while (sells < depth->rows.count && depth->rows.items[sells].side == SIDE_SELL)
        sells++;
    view->sells = depth->rows.items;
    view->sells_count = sells;
    view->buys = depth->rows.items + sells;
    view->buys_count = depth->rows.count - sells;
}

const char *book_spread(const struct book_view *view, char out[SPREAD_TEXT_BYTES])
{
    char text[AMOUNT_TEXT_BYTES];
    out[0] = '\0';
    if (view->sells_count == 0 || view->buys_count == 0)
        return out;
    uint64_t sell = view->sells[0].price_ucr;
    uint64_t buy = view->buys[0].price_ucr;
    /* Orders rest above an offer's price when something else keeps them apart, such as terms. */
    if (buy > sell)
        return strcpy(out, "none: more than prices differ");
    double percent = sell > 0 ? 100.0 * (double)(sell - buy) / (double)sell : 0;
    snprintf(out, SPREAD_TEXT_BYTES, "%s (%.1f %%)", amount_format(sell - buy, text), percent);
    return out;
}

/* Prices below each other have as many decimals as the finest of them needs, two at least. */
static unsigned decimals_needed(const struct depth_level *levels, uint32_t count, unsigned least)
{
    unsigned decimals = least;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t unit = 1;
        for (unsigned d = 6; d > decimals; d--, unit *= 10) {
            if (levels[i].price_ucr % (unit * 10) != 0) {
                decimals = d;
                break;
            }
        }
    }
    return decimals;
}

static void level_draw(struct screen *s, enum screen_style style, const struct depth_level *l,
                       unsigned decimals, uint64_t total)
{
    char price[AMOUNT_TEXT_BYTES];
    snprintf(price, sizeof(price), "%" PRIu64 ".%06" PRIu64, l->price_ucr / UCR_PER_CREDIT,
             l->price_ucr % UCR_PER_CREDIT);
    screen_put(s, style, "  %-4s %14.*s", l->side == SIDE_SELL ? "ask" : "bid",
               (int)(strlen(price) - 6 + decimals), price);
    screen_put(s, STYLE_PLAIN, "  %10" PRIu64 "  %10" PRIu64 "  %8u", l->gpus, total,
               (unsigned)l->count);
    screen_newline(s);
}

void book_draw(struct screen *s, const struct book_view *view, uint32_t levels)
{
    char start[MOMENT_TEXT_BYTES];
    char end[MOMENT_TEXT_BYTES];
    char spread[SPREAD_TEXT_BYTES];
    uint32_t sells = view->sells_count < levels ? view->sells_count : levels;
    uint32_t buys = view->buys_count < levels ? view->buys_count : levels;
    unsigned decimals = decimals_needed(view->buys, buys, decimals_needed(view->sells, sells, 2));
    uint64_t total = 0;
    screen_put(s, STYLE_BOLD, "%s", view->sku);
    screen_put(s, STYLE_PLAIN, " in %s, free from %s to %s", view->region,
               moment_format(view->start_s, start), moment_format(view->end_s, end));
    screen_newline(s);
    screen_put(s, STYLE_DIM, "  %s, %s, leases of %s; credits per GPU-hour",
               view->preemptible ? "preemptible" : "firm (not preemptible)",
               view->metered ? "metered" : "reserved",
               view->duration_min > 0 ? duration_format((uint64_t)view->duration_min * 60, start)
                                      : "any length");
    screen_newline(s);
    screen_put(s, STYLE_DIM, "       %14s  %10s  %10s  %8s", "PRICE", "GPUS", "TOTAL", "HOW MANY");
    screen_newline(s);
    for (uint32_t i = 0; i < sells; i++)
        total += view->sells[i].gpus;
    if (sells == 0) {
        screen_put(s, STYLE_DIM, "  nothing is offered");
        screen_newline(s);
        if (view->note != NULL) {
            screen_put(s, STYLE_PLAIN, "  %s", view->note);
            screen_newline(s);
        }
    }
    for (uint32_t i = sells; i > 0; i--) {
        level_draw(s, STYLE_SELL, &view->sells[i - 1], decimals, total);
        total -= view->sells[i - 1].gpus;
    }
    book_spread(view, spread);
    screen_put(s, STYLE_DIM, "  ---- %s%s ", spread[0] != '\0' ? "spread " : "", spread);
    screen_put(s, STYLE_DIM, "%.*s", (int)(spread[0] != '\0' ? 36 - strlen(spread) : 44),
               "--------------------------------------------");
    screen_newline(s);
    for (uint32_t i = 0; i < buys; i++) {
        total += view->buys[i].gpus;
        level_draw(s, STYLE_BUY, &view->buys[i], decimals, total);
    }
    if (buys == 0) {
        screen_put(s, STYLE_DIM, "  nobody waits");
        screen_newline(s);
    }
}

/* --- The command ---------------------------------------------------------------------------- */

static json_t *side_json(const struct depth_level *levels, uint32_t count)
{
    json_t *side = json_array();
    uint64_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        total += levels[i].gpus;
        json_array_append_new(
            side, json_pack("{s:I, s:I, s:I, s:I}", "price_ucr", (json_int_t)levels[i].price_ucr,
                            "gpus", (json_int_t)levels[i].gpus, "total_gpus", (json_int_t)total,
                            "count", (json_int_t)levels[i].count));
    }
    return side;
}

static json_t *book_json(const struct q_depth *q, const struct book_view *v)
{
    char start[MOMENT_TEXT_BYTES];
    char end[MOMENT_TEXT_BYTES];
    return json_pack("{s:I, s:s, s:s, s:s, s:s, s:b, s:b, s:I, s:o, s:o}", "sku",
                     (json_int_t)q->sku, "name", v->sku, "region",
                     q->region.length > 0 ? v->region : "", "start_s",
                     moment_format(v->start_s, start), "end_s", moment_format(v->end_s, end),
                     "preemptible", (int)q->preemptible, "metered", (int)q->metered, "duration_min",
                     (json_int_t)q->duration_min, "sell", side_json(v->sells, v->sells_count),
                     "buy", side_json(v->buys, v->buys_count));
}

/* One line of JSON for each state of the book that differs from the one before. */
static void book_json_line(struct cli *cli, const struct q_depth *q, const struct book_view *v,
                           struct buffer *last)
{
    json_t *json = book_json(q, v);
    char *sides = json != NULL ? json_dumps(json_object_get(json, "sell"), JSON_COMPACT) : NULL;
    char *other = json != NULL ? json_dumps(json_object_get(json, "buy"), JSON_COMPACT) : NULL;
    struct buffer now = BUFFER_EMPTY;
    if (sides == NULL || other == NULL)
        cli_fail(cli, CLI_LOCAL, "out of memory");
    else
        buffer_printf(&now, "%s %s", sides, other);
    bool same = now.length == last->length && now.length > 0 &&
                memcmp(now.data, last->data, now.length) == 0;
    if (!same && cli->exit == CLI_OK) {
        json_print(stdout, json, JSON_COMPACT);
        fflush(stdout);
    }
    buffer_release(last);
    *last = now;
    free(sides);
    free(other);
    json_decref(json);
}

/* Asks once and shows the answer. */
static void book_show(struct cli *cli, struct screen *s, struct q_depth *q, struct book_view *view,
                      struct buffer *last)
{
    struct q_status now = {{"", 0}};
    const struct a_status *status = cli_query(cli, &q_status_message, &now);
    /* Times that were not given are the exchange's to fill in: ours may be behind. */
    const struct a_depth *depth = status != NULL ? cli_query(cli, &q_depth_message, q) : NULL;
    if (depth == NULL)
        return;
    view->start_s = q->start_s != 0 ? q->start_s : minute_floor(status->time_s);
    view->end_s = q->end_s != 0 ? q->end_s : view->start_s + 3600;
    view->preemptible = q->preemptible;
    view->metered = q->metered;
    view->duration_min = q->duration_min;
    book_divide(depth, view);
    if (cli->json && last != NULL) {
        book_json_line(cli, q, view, last);
    } else if (cli->json) {
        cli_print_json(cli, book_json(q, view));
    } else {
        screen_clear(s);
        uint32_t levels = q->limit;
        uint32_t room = screen_left(s) > 6 ? (screen_left(s) - 5) / 2 : 1;
        book_draw(s, view, levels < room ? levels : room);
        if (depth->next != 0) {
            screen_put(s, STYLE_DIM,
                       "  the book is larger than one answer goes through: this is a part of it");
            screen_newline(s);
        }
        screen_show(s);
    }
}

static void book_follow(struct cli *cli, struct q_depth *q, struct book_view *view)
{
    struct screen s;
    struct buffer last = BUFFER_EMPTY;
    uint32_t waited = BOOK_REFRESH_MS;
    char *sku = strdup(view->sku);
    char *note = view->note != NULL ? strdup(view->note) : NULL;
    view->sku = sku;
    view->note = note;
    cli->patient = true;
    screen_begin(&s, cli, true);
    while (cli->exit == CLI_OK && !screen_ended(&s, BOOK_POLL_MS)) {
        waited += BOOK_POLL_MS;
        if (waited < BOOK_REFRESH_MS)
            continue;
        waited = 0;
        book_show(cli, &s, q, view, &last);
        arena_clear(&cli->arena);
    }
    screen_end(&s);
    buffer_release(&last);
    free(sku);
    free(note);
}

int command_book(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    struct screen s;
    struct book_view view = {0};
    struct q_depth q = {
        .sku = name_sku(cli, argv[0]),
        .start_s = minute_floor(option_moment(cli, "from", 0)),
        .end_s = minute_ceil(option_moment(cli, "until", 0)),
        .limit = option_u32(cli, "limit", BOOK_LEVELS),
    };
    const char *region = option_text(cli, "region");
    bool live = option_flag(cli, "live");
    char text[PLACE_MAX_BYTES + 1];
    q.region = region_option(cli);
    book_kind(cli, &q);
    if (cli->exit == CLI_OK && q.end_s != 0 &&
        q.end_s <= (q.start_s != 0 ? q.start_s : cli_time_s(cli)))
        cli_fail(cli, CLI_USAGE, "--until must lie after --from, which is now unless it is given");
    if (cli->exit == CLI_OK && (q.limit == 0 || q.limit > BOOK_LEVELS_MAX))
        cli_fail(cli, CLI_USAGE, "--limit is 1 to %d", BOOK_LEVELS_MAX);
    if (cli->exit != CLI_OK)
        return cli->exit;
    view.sku = name_of(cli, NAMED_SKU, q.sku);
    snprintf(text, sizeof(text), "%s", region != NULL ? region : "");
    view.region = text[0] != '\0' ? text : "every region";
    view.note = region_unheard(cli, q.region);
    /* Options live in the arena, which a long run clears. */
    q.region.data = text;
    if (live) {
        book_follow(cli, &q, &view);
        return cli->exit;
    }
    screen_begin(&s, cli, false);
    book_show(cli, &s, &q, &view, NULL);
    screen_end(&s);
    return cli->exit;
}
