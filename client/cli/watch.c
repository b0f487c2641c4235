/*
 * The market as it goes: follows the public events, so that no trade and no point of the price
 * index is missed, and asks for the depth again whenever it may have changed. Resting orders are
 * not public: for their sake it is asked for every few seconds as well.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/cli/book.h"
#include "client/cli/order_place.h"
#include "client/cli/screen.h"
#include "client/json.h"
#include "protocol/amount.h"
#include "protocol/moment.h"
#include "protocol/status.h"

enum {
    WATCH_SKUS_MAX = PAGE_ROWS_MAX,
    WATCH_TRADES = 64, /* that are kept to be shown */
    WATCH_LEVELS = 10, /* of each side that are asked for */
    WATCH_POLL_MS = 200,
    WATCH_DEPTH_MS = 2000,
    WATCH_DEPTH_MANY_MS = 10000, /* with more SKUs than */
    WATCH_SKUS_MANY = 20,
    DEPTH_WINDOW_S = 3600,
};

/* One SKU as it was seen last. */
struct watched {
    uint64_t sku;
    char name[NAME_MAX_BYTES + 1];
    struct depth_level levels[2 * WATCH_LEVELS];
    uint32_t levels_count;
    bool stale;
    uint64_t last_ucr; /* price of the last trade */
    bool traded;
    uint64_t level_ucr; /* of the spot index */
    uint64_t chain_ppm; /* 0: none yet */
    uint64_t hour_s;    /* it is of */
};

struct watched_trade {
    uint64_t trade;
    uint64_t time_s;
    uint64_t sku;
    uint64_t start_s;
    uint64_t end_s;
    uint64_t price_ucr;
    uint32_t gpus;
    char region[PLACE_MAX_BYTES + 1];
    bool resale;
    bool preemptible;
};

struct watch {
    struct cli *cli;
    struct screen screen;
    uint64_t only;       /* this SKU alone; 0: all */
    struct q_depth kind; /* of capacity */
    char region[PLACE_MAX_BYTES + 1];
    struct watched *skus; /* owned */
    uint32_t skus_count;
    struct watched_trade trades[WATCH_TRADES]; /* the latest last */
    uint32_t trades_count;
    uint64_t trade_seen; /* the number of the last one */
    uint64_t next_index; /* of the log */
    uint64_t depth_ms;   /* when the depth was asked for */
    uint64_t time_s;     /* the exchange's, as it was named last */
};

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static struct watched *watched_find(struct watch *w, uint64_t sku)
{
    for (uint32_t i = 0; i < w->skus_count; i++) {
        if (w->skus[i].sku == sku)
            return &w->skus[i];
    }
    return NULL;
}

static void watched_add(struct watch *w, uint64_t sku, struct text name)
{
    if (watched_find(w, sku) != NULL || w->skus_count == WATCH_SKUS_MAX ||
        (w->only != 0 && w->only != sku))
        return;
    struct watched *grown = realloc(w->skus, (w->skus_count + 1) * sizeof(*grown));
    if (grown == NULL) {
        cli_fail(w->cli, CLI_LOCAL, "out of memory");
        return;
    }
    w->skus = grown;
    struct watched *s = &w->skus[w->skus_count++];
    *s = (struct watched){.sku = sku, .stale = true};
    memcpy(s->name, name.data, name.length < NAME_MAX_BYTES ? name.length : NAME_MAX_BYTES);
}

static void all_stale(struct watch *w)
{
    for (uint32_t i = 0; i < w->skus_count; i++)
        w->skus[i].stale = true;
}

static const char *sku_name(struct watch *w, uint64_t sku)
{
    const struct watched *s = watched_find(w, sku);
    return s != NULL ? s->name : "?";
}

/* So that what stands behind names of SKUs is aligned. */
static int name_width(const struct watch *w)
{
    size_t width = 12;
    for (uint32_t i = 0; i < w->skus_count; i++)
        width = strlen(w->skus[i].name) > width ? strlen(w->skus[i].name) : width;
    return (int)width;
}

/* A line of the stream for programs; takes the reference. */
static void json_line(struct cli *cli, json_t *json)
{
    if (json == NULL) {
        cli_fail(cli, CLI_LOCAL, "out of memory");
        return;
    }
    json_print(stdout, json, JSON_COMPACT);
    json_decref(json);
}

/* {"type": ..., "index": ..., "name": ...} and the fields of the part. */
static void part_line(struct watch *w, const char *type, uint64_t index, uint64_t time_s,
                      uint64_t sku, const struct message *part, const void *body)
{
    char text[MOMENT_TEXT_BYTES];
    json_t *json = json_pack("{s:s, s:I, s:s, s:s}", "type", type, "index", (json_int_t)index,
                             "time_s", moment_format(time_s, text), "name", sku_name(w, sku));
    json_t *fields = message_to_json(part, body);
    if (json != NULL && fields != NULL)
        json_object_update(json, fields);
    json_decref(fields);
    json_line(w->cli, json);
}

/* --- Trades --------------------------------------------------------------------------------- */

static bool region_shown(const struct watch *w, struct text region)
{
    size_t length = strlen(w->region);
    return length == 0 || (region.length >= length && memcmp(region.data, w->region, length) == 0 &&
                           (region.length == length || region.data[length] == '-'));
}

static void trade_keep(struct watch *w, uint64_t time_s, const struct trade *t)
{
    if (w->trades_count == WATCH_TRADES) {
        memmove(w->trades, w->trades + 1, sizeof(w->trades) - sizeof(w->trades[0]));
        w->trades_count--;
    }
    struct watched_trade *kept = &w->trades[w->trades_count++];
    *kept = (struct watched_trade){
        .trade = t->trade,
        .time_s = time_s,
        .sku = t->sku,
        .start_s = t->start_s,
        .end_s = t->end_s,
        .price_ucr = t->price_ucr,
        .gpus = t->gpus,
        .resale = t->resale,
        .preemptible = t->preemptible,
    };
    memcpy(kept->region, t->region.data, t->region.length);
}

static const char *trade_words(const struct watched_trade *t)
{
    return t->resale ? t->preemptible ? "resale preemptible" : "resale"
                     : (t->preemptible ? "preemptible" : "");
}

static void trade_print(struct watch *w, const struct watched_trade *t, enum screen_style style)
{
    char time[MOMENT_TEXT_BYTES];
    char price[AMOUNT_TEXT_BYTES];
    char duration[MOMENT_TEXT_BYTES];
    screen_put(&w->screen, STYLE_PLAIN, "%s  %-*s %-6s", moment_format(t->time_s, time),
               name_width(w), sku_name(w, t->sku), t->region);
    screen_put(&w->screen, style, " %8u x %-10s", (unsigned)t->gpus,
               amount_format(t->price_ucr, price));
    screen_put(&w->screen, STYLE_PLAIN, " %-6s %s",
               duration_format(t->end_s - t->start_s, duration), trade_words(t));
    screen_newline(&w->screen);
}

static void trade_seen(struct watch *w, uint64_t index, uint64_t time_s, const struct trade *t)
{
    struct watched *sku = watched_find(w, t->sku);
    /* What the first question has shown is not shown again. */
    if (t->trade <= w->trade_seen || sku == NULL || !region_shown(w, t->region))
        return;
    w->trade_seen = t->trade;
    sku->last_ucr = t->price_ucr;
    sku->traded = true;
    sku->stale = true;
    trade_keep(w, time_s, t);
    if (w->cli->json)
        part_line(w, "trade", index, time_s, t->sku,
                  field_by_name(&ev_traded_message, "trades")->part, t);
    else if (!w->screen.live)
        trade_print(w, &w->trades[w->trades_count - 1], STYLE_PLAIN);
}

/* The last trades and points, so that the first screen is not empty. */
static void history_fetch(struct watch *w)
{
    struct q_trades q = {.sku = w->only, .region = text_of(w->region), .limit = WATCH_TRADES};
    const struct a_trades *a = cli_query(w->cli, &q_trades_message, &q);
    for (uint32_t i = a != NULL ? a->rows.count : 0; i > 0; i--) {
        const struct trade_info *row = &a->rows.items[i - 1];
        struct watched *sku = watched_find(w, row->sku);
        struct trade t = {
            .trade = row->trade,
            .sku = row->sku,
            .region = row->region,
            .gpus = row->gpus,
            .start_s = row->start_s,
            .end_s = row->end_s,
            .price_ucr = row->price_ucr,
            .preemptible = row->preemptible,
            .resale = row->resale,
        };
        trade_keep(w, row->time_s, &t);
        w->trade_seen = row->trade;
        if (sku != NULL) {
            sku->last_ucr = row->price_ucr;
            sku->traded = true;
        }
    }
    uint64_t now_s = w->time_s;
    for (uint32_t i = 0; i < w->skus_count && w->cli->exit == CLI_OK; i++) {
        struct q_index points = {.sku = w->skus[i].sku,
                                 .kind = TRADE_KIND_SPOT,
                                 .from = now_s > 7 * 86400 ? now_s - 7 * 86400 : 0};
        const struct a_index *answer = cli_query(w->cli, &q_index_message, &points);
        if (answer != NULL && answer->rows.count > 0) {
            const struct index_point *last = &answer->rows.items[answer->rows.count - 1];
            w->skus[i].level_ucr = last->level_ucr;
            w->skus[i].chain_ppm = last->chain_ppm;
            w->skus[i].hour_s = last->hour_s;
        }
    }
}

/* --- Depth ---------------------------------------------------------------------------------- */

static const struct depth_level *level_at(const struct depth_level *levels, uint32_t count,
                                          const struct depth_level *like)
{
    for (uint32_t i = 0; i < count; i++) {
        if (levels[i].side == like->side && levels[i].price_ucr == like->price_ucr)
            return &levels[i];
    }
    return NULL;
}

static void level_line(struct watch *w, const struct watched *s, struct depth_level level)
{
    char text[MOMENT_TEXT_BYTES];
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:I}", "type", "depth", "time_s", moment_format(w->time_s, text),
                  "name", s->name, "sku", (json_int_t)s->sku);
    json_t *fields = message_to_json(field_by_name(&a_depth_message, "rows")->part, &level);
    if (json != NULL && fields != NULL)
        json_object_update(json, fields);
    json_decref(fields);
    json_line(w->cli, json);
}

/* One line for each level that is new, other or (with no GPUs) gone. */
static void levels_lines(struct watch *w, const struct watched *s, const struct depth_level *now,
                         uint32_t count)
{
    for (uint32_t i = 0; i < s->levels_count; i++) {
        if (level_at(now, count, &s->levels[i]) == NULL)
            level_line(w, s,
                       (struct depth_level){.side = s->levels[i].side,
                                            .price_ucr = s->levels[i].price_ucr});
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct depth_level *before = level_at(s->levels, s->levels_count, &now[i]);
        if (before == NULL || before->gpus != now[i].gpus || before->count != now[i].count)
            level_line(w, s, now[i]);
    }
}

static const struct depth_level *best_of(const struct watched *s, enum side side)
{
    for (uint32_t i = 0; i < s->levels_count; i++) {
        if (s->levels[i].side == (uint32_t)side)
            return &s->levels[i];
    }
    return NULL;
}

/* "64 x 2.1", or "-". */
static const char *best_text(const struct depth_level *l, char out[SPREAD_TEXT_BYTES])
{
    char price[AMOUNT_TEXT_BYTES];
    snprintf(out, SPREAD_TEXT_BYTES, "-");
    if (l != NULL)
        snprintf(out, SPREAD_TEXT_BYTES, "%" PRIu64 " x %s", l->gpus,
                 amount_format(l->price_ucr, price));
    return out;
}

/* To a file or pipe: a line when the best prices are others. */
static void best_line(struct watch *w, const struct watched *s)
{
    char time[MOMENT_TEXT_BYTES];
    char ask[SPREAD_TEXT_BYTES];
    char bid[SPREAD_TEXT_BYTES];
    screen_put(&w->screen, STYLE_PLAIN, "%s  %-*s ask %-20s bid %s", moment_format(w->time_s, time),
               name_width(w), s->name, best_text(best_of(s, SIDE_SELL), ask),
               best_text(best_of(s, SIDE_BUY), bid));
    screen_newline(&w->screen);
}

static void depth_fetch(struct watch *w, struct watched *s)
{
    char before[2 * SPREAD_TEXT_BYTES], ask[SPREAD_TEXT_BYTES], bid[SPREAD_TEXT_BYTES];
    struct q_depth q = w->kind;
    q.sku = s->sku;
    q.region = text_of(w->region);
    q.limit = WATCH_LEVELS;
    const struct a_depth *a = cli_query(w->cli, &q_depth_message, &q);
    if (a == NULL)
        return;
    snprintf(before, sizeof(before), "%s %s", best_text(best_of(s, SIDE_SELL), ask),
             best_text(best_of(s, SIDE_BUY), bid));
    uint32_t count = a->rows.count < 2 * WATCH_LEVELS ? a->rows.count : 2 * WATCH_LEVELS;
    if (w->cli->json)
        levels_lines(w, s, a->rows.items, count);
    if (count > 0)
        memcpy(s->levels, a->rows.items, count * sizeof(s->levels[0]));
    s->levels_count = count;
    s->stale = false;
    char after[2 * SPREAD_TEXT_BYTES];
    snprintf(after, sizeof(after), "%s %s", best_text(best_of(s, SIDE_SELL), ask),
             best_text(best_of(s, SIDE_BUY), bid));
    if (!w->cli->json && !w->screen.live && strcmp(before, after) != 0)
        best_line(w, s);
}

static void depth_refresh(struct watch *w)
{
    uint64_t every_ms = w->skus_count > WATCH_SKUS_MANY ? WATCH_DEPTH_MANY_MS : WATCH_DEPTH_MS;
    if (w->depth_ms == 0 || now_ms() - w->depth_ms >= every_ms) {
        struct q_status q = {{"", 0}};
        const struct a_status *status = cli_query(w->cli, &q_status_message, &q);
        w->time_s = status != NULL && status->time_s > w->time_s ? status->time_s : w->time_s;
        all_stale(w);
        w->depth_ms = now_ms();
    }
    for (uint32_t i = 0; i < w->skus_count && w->cli->exit == CLI_OK; i++) {
        if (w->skus[i].stale)
            depth_fetch(w, &w->skus[i]);
    }
}

/* --- Events --------------------------------------------------------------------------------- */

static void point_seen(struct watch *w, uint64_t index, uint64_t time_s,
                       const struct index_point *p)
{
    char time[MOMENT_TEXT_BYTES];
    char level[AMOUNT_TEXT_BYTES];
    struct watched *s = watched_find(w, p->sku);
    if (s == NULL)
        return;
    if (p->kind == TRADE_KIND_SPOT) {
        s->level_ucr = p->level_ucr;
        s->chain_ppm = p->chain_ppm;
        s->hour_s = p->hour_s;
    }
    if (w->cli->json) {
        part_line(w, "index", index, time_s, p->sku,
                  field_by_name(&ev_index_published_message, "points")->part, p);
    } else if (!w->screen.live) {
        screen_put(
            &w->screen, STYLE_PLAIN, "%s  %-12s %s index %s, chained %" PRIu64 ".%02" PRIu64 " %%",
            moment_format(p->hour_s, time), s->name,
            vocabulary_name(&trade_kind_vocabulary, p->kind), amount_format(p->level_ucr, level),
            p->chain_ppm / 10000, p->chain_ppm / 100 % 100);
        screen_newline(&w->screen);
    }
}

static void event_seen(struct watch *w, const struct logged_event *logged)
{
    const struct message *m = NULL;
    const void *body = NULL;
    struct decode_error why;
    int status =
        event_decode(logged->data.data, logged->data.length, &w->cli->arena, &m, &body, &why);
    if (status != STATUS_OK) {
        cli_fail(w->cli, CLI_CONNECTION, "event %" PRIu64 " is not understood: %s", logged->index,
                 why.text);
        return;
    }
    const struct event_head *head = body;
    w->time_s = head->time_s > w->time_s ? head->time_s : w->time_s;
    if (m->code == EVENT_traded) {
        const struct ev_traded *e = body;
        for (uint32_t i = 0; i < e->trades.count; i++)
            trade_seen(w, logged->index, head->time_s, &e->trades.items[i]);
    } else if (m->code == EVENT_index_published) {
        const struct ev_index_published *e = body;
        for (uint32_t i = 0; i < e->points.count; i++)
            point_seen(w, logged->index, head->time_s, &e->points.items[i]);
    } else if (m->code == EVENT_sku_added) {
        const struct ev_sku_added *e = body;
        watched_add(w, e->sku, e->name);
    } else if (m->code != EVENT_request) {
        /* Offers, closures, leases that ended: whatever of it we may see. */
        all_stale(w);
    }
}

/* Waits a little for events and takes them in. */
static void events_take(struct watch *w, struct arena *arena)
{
    struct connection_error why;
    const struct frame_events *events = NULL;
    arena_clear(arena);
    int got = connection_events(w->cli->connection, WATCH_POLL_MS, arena, &events, &why);
    if (got == STATUS_TIMEOUT)
        return;
    if (got != STATUS_OK && cli_lost(got)) {
        cli_wait(w->cli);
        all_stale(w);
    } else if (got != STATUS_OK) {
        cli_fail_connection(w->cli, &why);
    }
    for (uint32_t i = 0; got == STATUS_OK && i < events->events.count; i++)
        event_seen(w, &events->events.items[i]);
}

/* --- The screen ----------------------------------------------------------------------------- */

static void trades_draw(struct watch *w)
{
    screen_put(&w->screen, STYLE_BOLD, "Trades");
    screen_put(&w->screen, STYLE_DIM, "%s", w->trades_count == 0 ? "  none yet" : "");
    screen_newline(&w->screen);
    for (uint32_t i = w->trades_count; i > 0 && screen_left(&w->screen) > 1; i--) {
        const struct watched_trade *t = &w->trades[i - 1];
        bool rose = i > 1 && t->price_ucr > w->trades[i - 2].price_ucr;
        trade_print(w, t, rose ? STYLE_BUY : STYLE_PLAIN);
    }
}

/* The exchange publishes one every hour while there are trades of the last day to make it of. */
static bool index_is_new(const struct watch *w, const struct watched *s)
{
    return s->chain_ppm > 0 && s->hour_s + INDEX_STALE_S > w->time_s;
}

static void one_draw(struct watch *w, const struct watched *s)
{
    char text[AMOUNT_TEXT_BYTES], hour[MOMENT_TEXT_BYTES];
    struct book_view view = {
        .sku = s->name,
        .region = w->region[0] != '\0' ? w->region : "every region",
        .start_s = minute_floor(w->time_s),
        .end_s = minute_floor(w->time_s) + DEPTH_WINDOW_S,
        .preemptible = w->kind.preemptible,
        .metered = w->kind.metered,
        .duration_min = w->kind.duration_min,
    };
    struct a_depth depth = {.rows = {s->levels, s->levels_count}};
    book_divide(&depth, &view);
    /* Half of the screen for the book at most, its title and spread included. */
    uint32_t levels = w->screen.rows > 14 ? (w->screen.rows / 2 - 5) / 2 : 1;
    book_draw(&w->screen, &view, levels < WATCH_LEVELS ? levels : WATCH_LEVELS);
    if (s->chain_ppm > 0) {
        screen_put(&w->screen, STYLE_DIM, "  spot index %s at %s",
                   amount_format(s->level_ucr, text), moment_format(s->hour_s, hour));
        screen_put(&w->screen, STYLE_DIM, ", chained %" PRIu64 ".%02" PRIu64 " %%%s",
                   s->chain_ppm / 10000, s->chain_ppm / 100 % 100,
                   index_is_new(w, s) ? "" : "; no trades in the day before now");
    }
    screen_newline(&w->screen);
}

static void all_draw(struct watch *w)
{
    uint32_t rows = w->screen.rows / 2 > 3 ? w->screen.rows / 2 - 2 : 1;
    int width = name_width(w);
    screen_put(&w->screen, STYLE_DIM, "%-*s %18s %18s %12s %12s", width, "SKU", "ASK", "BID",
               "LAST", "INDEX");
    screen_newline(&w->screen);
    for (uint32_t i = 0; i < w->skus_count && i < rows; i++) {
        const struct watched *s = &w->skus[i];
        char ask[SPREAD_TEXT_BYTES], bid[SPREAD_TEXT_BYTES], text[AMOUNT_TEXT_BYTES];
        screen_put(&w->screen, STYLE_PLAIN, "%-*s", width, s->name);
        screen_put(&w->screen, STYLE_SELL, " %18s", best_text(best_of(s, SIDE_SELL), ask));
        screen_put(&w->screen, STYLE_BUY, " %18s", best_text(best_of(s, SIDE_BUY), bid));
        screen_put(&w->screen, STYLE_PLAIN, " %12s",
                   s->traded ? amount_format(s->last_ucr, text) : "-");
        screen_put(&w->screen, STYLE_PLAIN, " %12s",
                   index_is_new(w, s) ? amount_format(s->level_ucr, text) : "-");
        screen_newline(&w->screen);
    }
    if (w->skus_count > rows) {
        screen_put(&w->screen, STYLE_DIM, "... and %u more", (unsigned)(w->skus_count - rows));
        screen_newline(&w->screen);
    }
}

static void watch_draw(struct watch *w)
{
    char text[MOMENT_TEXT_BYTES];
    struct screen *s = &w->screen;
    if (!s->live) {
        screen_show(s);
        return;
    }
    screen_clear(s);
    screen_put(s, STYLE_BOLD, "%s", connection_status(w->cli->connection)->origin);
    screen_put(s, STYLE_DIM, "  %s  (credits per GPU-hour; q ends)",
               moment_format(w->time_s, text));
    screen_newline(s);
    screen_newline(s);
    if (w->only != 0 && w->skus_count > 0)
        one_draw(w, &w->skus[0]);
    else
        all_draw(w);
    screen_newline(s);
    trades_draw(w);
    screen_show(s);
}

/* --- The command ---------------------------------------------------------------------------- */

static void watch_begin(struct watch *w)
{
    struct q_status status = {{"", 0}};
    struct q_skus q = {.sku = w->only};
    struct connection_error why;
    const struct a_status *a = cli_query(w->cli, &q_status_message, &status);
    if (a == NULL)
        return;
    /* From an index on the events themselves tell of the trades; else the last ones are asked for.
     */
    bool resumes = option_text(w->cli, "from") != NULL;
    w->next_index = option_u64(w->cli, "from", a->log_size);
    w->time_s = a->time_s;
    const struct a_skus *skus = cli_query(w->cli, &q_skus_message, &q);
    for (uint32_t i = 0; skus != NULL && i < skus->rows.count; i++) {
        if (skus->rows.items[i].state != SKU_STATE_RETIRED || w->only != 0)
            watched_add(w, skus->rows.items[i].sku, skus->rows.items[i].name);
    }
    if (w->cli->exit == CLI_OK && !resumes)
        history_fetch(w);
    int got = w->cli->exit == CLI_OK ? connection_subscribe(w->cli->connection, w->next_index, &why)
                                     : STATUS_OK;
    if (got != STATUS_OK && !cli_lost(got))
        cli_fail_connection(w->cli, &why);
}

int command_watch(struct cli *cli, int argc, char **argv)
{
    struct arena arena = ARENA_EMPTY;
    struct watch *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return cli_fail(cli, CLI_LOCAL, "out of memory");
    struct text region = region_option(cli);
    w->cli = cli;
    memcpy(w->region, region.data, region.length);
    book_kind(cli, &w->kind);
    cli->patient = true;
    w->only = argc > 0 ? name_sku(cli, argv[0]) : 0;
    const char *unheard = cli->exit == CLI_OK ? region_unheard(cli, region) : NULL;
    if (unheard != NULL)
        cli_note(cli, "%s\n", unheard);
    if (cli->exit == CLI_OK)
        watch_begin(w);
    if (cli->exit == CLI_OK) {
        screen_begin(&w->screen, cli, true);
        while (cli->exit == CLI_OK && !screen_ended(&w->screen, 0)) {
            depth_refresh(w);
            watch_draw(w);
            fflush(stdout);
            arena_clear(&cli->arena);
            if (cli->exit == CLI_OK)
                events_take(w, &arena);
        }
        screen_end(&w->screen);
    }
    arena_release(&arena);
    free(w->skus);
    free(w);
    return cli->exit;
}
