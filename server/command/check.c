/*
 * `boursed check`: recomputes what must hold, from the journal up, beside a running server or
 * without one, and says what does not.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "protocol/status.h"
#include "server/command/command.h"
#include "server/command/positions.h"
#include "server/command/tell.h"
#include "server/engine/replay.h"
#include "server/exchange/referee.h"
#include "server/exchange/rows.h"
#include "server/port/clock.h"
#include "server/port/file.h"

enum {
    PROBLEMS_SHOWN_MAX = 20, /* of one check; the rest is counted */
    COMPARE_TRIES = 100,     /* beside a server that keeps flushing */
};

static const struct option_spec options[] = {
    {"data", "DIR", "the exchange's data directory", true},
    {"market", NULL, "match everything again, slowly and independently", false},
    {"json", NULL, "print one JSON object", false},
    {NULL, NULL, NULL, false},
};

static const char journal_advice[] =
    "do not delete anything: copy the directory, look at the disk, restore from a backup";

/* A check under way, and what all of them found. */
struct check {
    const struct data_folder *folder;
    bool is_json;
    json_t *done;       /* of each: name, ok, text, problems */
    const char *name;   /* of the one under way */
    const char *advice; /* what to do when it finds something; NULL: its lines say all */
    json_t *counts;     /* of what it looked at, in its JSON; NULL: none */
    json_t *problems;   /* its lines */
    uint64_t problems_count;
    uint64_t failed; /* checks */
};

static void check_begin(struct check *c, const char *name)
{
    c->name = name;
    c->advice = NULL;
    c->problems = json_array();
    c->problems_count = 0;
}

static void check_problem(void *context, const char *line)
{
    struct check *c = context;
    c->problems_count++;
    if (c->problems_count <= PROBLEMS_SHOWN_MAX)
        json_array_append_new(c->problems, json_string(line));
}

static void check_problem_buffer(struct check *c, struct buffer *line, int status)
{
    buffer_append(line, "", 1);
    check_problem(c, line->length > 1 && line->status == 0 ? (const char *)line->data
                                                           : status_text(status));
    buffer_release(line);
}

static void check_end(struct check *c, const char *text)
{
    bool is_ok = c->problems_count == 0;
    const char *told = is_ok ? text : c->advice != NULL ? c->advice : "";
    size_t place;
    json_t *line;
    c->failed += !is_ok;
    if (!c->is_json) {
        printf("%-5s %-8s %s\n", is_ok ? "ok" : "WRONG", c->name, told);
        json_array_foreach(c->problems, place, line) printf("      %s\n", json_string_value(line));
        if (c->problems_count > PROBLEMS_SHOWN_MAX)
            printf("      and %" PRIu64 " more\n", c->problems_count - PROBLEMS_SHOWN_MAX);
        fflush(stdout);
    }
    json_array_append_new(c->done,
                          json_pack("{s:s, s:b, s:s, s:o*, s:I, s:o}", "check", c->name, "ok",
                                    is_ok, "text", told, "counts", c->counts, "count",
                                    (json_int_t)c->problems_count, "problems", c->problems));
    c->problems = NULL;
    c->counts = NULL;
}

/* "1 offer", "2 offers". */
static void count_append(struct buffer *out, uint64_t count, const char *noun)
{
    buffer_printf(out, "%" PRIu64 " %s%s", count, noun, count == 1 ? "" : "s");
}

/* The same with a text that is made, which it releases. */
static void check_end_buffer(struct check *c, struct buffer *text)
{
    buffer_append(text, "", 1);
    check_end(c, text->status == 0 ? (const char *)text->data : "");
    buffer_release(text);
}

/* --- The checks --- */

static void certificates_look(struct check *c)
{
    struct buffer error = BUFFER_EMPTY;
    check_begin(c, "keys");
    int status =
        data_folder_certificates_check(c->folder, clock_wall_s(port_clock_system()), &error);
    if (status != 0)
        check_problem_buffer(c, &error, status);
    buffer_release(&error);
    check_end(c, "genesis, keys and the root's certificates fit together");
}

/* Opens the image; *out stays NULL when there is none yet. */
static void image_look(struct check *c, struct image **out, struct image_meta *meta_out)
{
    char path[PATH_MAX], text[128];
    struct image_error wrong = {{0}};
    struct buffer error = BUFFER_EMPTY;
    struct exchange *x = NULL;
    check_begin(c, "image");
    *out = NULL;
    int status = data_folder_path(c->folder, "image", path);
    if (status == 0)
        status = image_open(path, IMAGE_READ, exchange_tables, TABLE_COUNT, out, &wrong);
    if (status == 0)
        status = image_meta_read(*out, meta_out, &wrong);
    if (status == 0 && meta_out->group == 0 && !c->folder->has_base) {
        image_close(*out);
        *out = NULL;
        status = STATUS_NOT_FOUND;
    }
    if (status == STATUS_NOT_FOUND) {
        check_end(c, "none yet");
        return;
    }
    if (status != 0)
        check_problem(c, wrong.text);
    if (status == 0) {
        status = replay_exchange_load(c->folder, *out, &x, meta_out, &error);
        if (status != 0)
            check_problem_buffer(c, &error, status);
    }
    snprintf(text, sizeof(text), "loads, as of group %" PRIu64, meta_out->group);
    check_end(c, text);
    if (x == NULL)
        return;
    check_begin(c, "books");
    if (store_count(exchange_store(x), TABLE_HEAD) > 0)
        exchange_check(x, check_problem, c);
    check_end(c, "conservation, trial balance, indexes and references hold in the image");
    exchange_free(x);
}

static void groups_shown(void *context, uint64_t group)
{
    progress_show(context, group);
}

/* Works the journal off up to `to`; says whether that went well. */
static bool journal_look(struct check *c, struct replay *replay, uint64_t to)
{
    struct buffer error = BUFFER_EMPTY;
    if (replay->group == to)
        return true;
    struct progress progress = progress_begin("journal", to != UINT64_MAX ? to : 0);
    progress_show(&progress, replay->group);
    replay->progress = groups_shown;
    replay->context = &progress;
    int status = replay_journal(replay, READER_BESIDE, to, &error);
    replay->progress = NULL;
    progress_end(&progress);
    if (status != 0)
        check_problem_buffer(c, &error, status);
    buffer_release(&error);
    return status == 0;
}

/* Lines about differences, kept until it is clear that they count. */
struct differences {
    struct buffer lines; /* each ended by a NUL */
};

static void difference_keep(void *context, const char *line)
{
    struct differences *d = context;
    buffer_append(&d->lines, line, strlen(line) + 1);
}

static void differences_report(struct check *c, const struct differences *d)
{
    for (size_t at = 0; at < d->lines.length; at += strlen((const char *)d->lines.data + at) + 1)
        check_problem(c, (const char *)d->lines.data + at);
}

/* Of rows: all of them, and those of contracts once more in words. */
struct row_differences {
    struct differences all;
    struct differences contracts;
};

static void row_difference_keep(void *context, const struct image_difference *difference)
{
    struct row_differences *d = context;
    struct buffer words = BUFFER_EMPTY;
    difference_keep(&d->all, difference->line);
    position_difference(difference, &words);
    if (words.length > 0) {
        buffer_append(&words, "", 1);
        difference_keep(&d->contracts,
                        words.status == 0 ? (const char *)words.data : difference->line);
    }
    buffer_release(&words);
}

/* Compares the image with the replay, which follows it as long as a server moves it on. What is
 * different of contracts goes to `contracts` as well. */
static void image_compare_look(struct check *c, struct image *image, struct replay *replay,
                               struct differences *contracts)
{
    struct row_differences d = {{BUFFER_EMPTY}, {BUFFER_EMPTY}};
    struct image_meta meta = {0};
    struct image_error wrong = {{0}};
    int status = 0;
    bool is_settled = false, follows = true;
    check_begin(c, "rows");
    for (int i = 0; status == 0 && follows && !is_settled && i < COMPARE_TRIES; i++) {
        buffer_clear(&d.all.lines);
        buffer_clear(&d.contracts.lines);
        status = image_meta_read(image, &meta, &wrong);
        if (status == 0)
            follows = journal_look(c, replay, meta.group);
        if (status == 0 && follows)
            status = image_compare(image, exchange_store(replay->exchange), &meta,
                                   row_difference_keep, &d, &wrong);
        is_settled = status == 0 && follows && meta.group == replay->group;
    }
    if (status != 0)
        check_problem(c, wrong.text);
    else if (follows && !is_settled)
        check_problem(c, "the server moved the image on each time it was looked at");
    if (is_settled) {
        differences_report(c, &d.all);
        *contracts = d.contracts;
        d.contracts.lines = BUFFER_EMPTY;
    }
    struct image_meta found = replay_meta(replay);
    /* An image that nothing was flushed into yet names no root. */
    if (is_settled && meta.group > 0 &&
        (meta.log_size != found.log_size ||
         memcmp(meta.log_root, found.log_root, sizeof(found.log_root)) != 0))
        check_problem(c, "the image names another log root than the journal leads to");
    buffer_release(&d.all.lines);
    buffer_release(&d.contracts.lines);
    check_end(c, "every row of the image is what the journal leads to");
}

static void log_difference(void *context, const char *file, uint64_t index, const char *text)
{
    char line[256];
    snprintf(line, sizeof(line), "log/%s, at %" PRIu64 ": %s", file, index, text);
    check_problem(context, line);
}

/* Whether no server ran on the directory yet: each leaves its file LOCK behind. */
static bool never_ran(const struct data_folder *f)
{
    char path[PATH_MAX];
    return data_folder_path(f, "LOCK", path) == 0 && !file_exists(path);
}

static void log_look(struct check *c, const struct replay *replay)
{
    char path[PATH_MAX], text[128];
    struct log_store *log = NULL;
    struct image_meta known = replay_meta(replay);
    check_begin(c, "log");
    struct log_check_report report = {.context = c, .difference = log_difference};
    int status = data_folder_path(c->folder, "log", path);
    if (c->folder->is_backup) {
        check_end(c, "a backup has none; it is made again from the journal");
        return;
    }
    if (status == 0 && !file_exists(path) && never_ran(c->folder)) {
        check_end(c, "none yet; its files are made again from the journal at the first start");
        return;
    }
    c->advice = "derived data: with the server stopped, remove the folder log/; the next start "
                "makes it again from the journal";
    if (status == 0)
        status = log_store_look(path, 0, known.log_size, known.log_root, &log);
    if (status == 0)
        status = log_store_check(log, known.log_size, known.log_root, &report);
    if (status != 0 && c->problems_count == 0) {
        snprintf(text, sizeof(text),
                 "its first %" PRIu64 " entries are not there with the journal's root: %s",
                 known.log_size, status_text(status));
        check_problem(c, text);
    }
    log_store_close(log);
    snprintf(text, sizeof(text), "%" PRIu64 " entr%s the root that the journal leads to",
             known.log_size, known.log_size == 1 ? "y has" : "ies have");
    c->counts = json_pack("{s:I}", "entries", (json_int_t)known.log_size);
    check_end(c, text);
}

/* Where the journal ends just now: a server that runs goes on, and the check has to end.
 * UINT64_MAX when that cannot be read; the replay then says why. */
static uint64_t journal_end_find(const struct check *c, uint64_t from)
{
    char path[PATH_MAX];
    struct journal_reader *reader = NULL;
    struct journal_group group = {.index = from};
    const uint8_t *body;
    size_t length;
    int status = data_folder_path(c->folder, "journal", path);
    if (status == 0)
        status = journal_reader_open(path, c->folder->exchange_id, from + 1, READER_BESIDE, &reader,
                                     NULL);
    uint64_t last = from;
    while (status == 0) {
        status = journal_read(reader, &group, &body, &length, NULL);
        if (status == 0)
            last = group.index;
    }
    journal_reader_close(reader);
    return status == STATUS_MORE ? last : UINT64_MAX;
}

/* Where each contract stands, worked out from the journal alone, and what the image says else. */
static void contracts_look(struct check *c, const struct store *s, bool has_image,
                           const struct differences *found)
{
    struct buffer text = BUFFER_EMPTY;
    check_begin(c, "contract");
    differences_report(c, found);
    c->advice = "the journal is right, and the image made of it: keep a copy; with the server "
                "stopped, remove the folder image/; the next start makes it again";
    c->counts = positions_count(s, &text);
    if (has_image && store_count(s, TABLE_CONTRACT) > 0)
        buffer_printf(&text, "; the image has each of them there");
    check_end_buffer(c, &text);
}

/* The journal up to the image, the image against it, the log, and then the journal's rest. */
static void replay_look(struct check *c, struct image *image, const struct image_meta *meta,
                        struct replay *replay)
{
    struct buffer text = BUFFER_EMPTY;
    struct differences contracts = {BUFFER_EMPTY};
    check_begin(c, "journal");
    bool is_ok = image == NULL || journal_look(c, replay, meta->group);
    c->advice = journal_advice;
    if (is_ok) {
        json_decref(c->problems); /* it goes on below */
        if (image != NULL) {
            image_compare_look(c, image, replay, &contracts);
            log_look(c, replay);
        }
        check_begin(c, "journal");
        c->advice = journal_advice;
        is_ok = journal_look(c, replay, journal_end_find(c, replay->group));
    }
    count_append(&text, replay->group, "group");
    buffer_printf(&text, ", chained; ");
    count_append(&text, replay->requests, "request");
    buffer_printf(&text, ", signed by their accounts' keys");
    c->counts = json_pack("{s:I, s:I}", "groups", (json_int_t)replay->group, "requests",
                          (json_int_t)replay->requests);
    check_end_buffer(c, &text);
    if (is_ok) {
        check_begin(c, "state");
        if (replay->group > 0)
            exchange_check(replay->exchange, check_problem, c);
        check_end(c, "what the journal leads to holds too");
        contracts_look(c, exchange_store(replay->exchange), image != NULL, &contracts);
    }
    buffer_release(&contracts.lines);
}

/* What the referee found while the journal was replayed. */
static void market_look(struct check *c, const struct referee *referee,
                        const struct differences *found)
{
    struct referee_counts counts = referee_counts(referee);
    struct buffer text = BUFFER_EMPTY;
    check_begin(c, "market");
    differences_report(c, found);
    c->advice = "the first line names the first difference; keep a copy of the directory";
    buffer_printf(&text, "%" PRIu64 " search%s matched again from the rows alone; ", counts.matches,
                  counts.matches == 1 ? "" : "es");
    count_append(&text, counts.asked, "offer");
    buffer_printf(&text,
                  " asked about in the order of price and time; %" PRIu64
                  " lease%s as the searches came to; %" PRIu64
                  " search%s that ended for %s effort not compared; %" PRIu64
                  " order%s not judged because of blocks",
                  counts.leases, counts.leases == 1 ? "" : "s", counts.abandoned,
                  counts.abandoned == 1 ? "" : "es", counts.abandoned == 1 ? "its" : "their",
                  counts.unjudged, counts.unjudged == 1 ? "" : "s");
    c->counts = json_pack("{s:I, s:I, s:I, s:I, s:I}", "searches", (json_int_t)counts.matches,
                          "leases", (json_int_t)counts.leases, "offers_asked",
                          (json_int_t)counts.asked, "not_compared", (json_int_t)counts.abandoned,
                          "not_judged", (json_int_t)counts.unjudged);
    check_end_buffer(c, &text);
}

static int result_print(struct check *c, const struct image_meta *last)
{
    char hash[65];
    tell_hash(last->log_root, hash);
    if (c->is_json) {
        json_t *all = json_pack("{s:b, s:I, s:I, s:s, s:O}", "ok", c->failed == 0, "group",
                                (json_int_t)last->group, "log_size", (json_int_t)last->log_size,
                                "log_root", hash, "checks", c->done);
        json_dumpf(all, stdout, JSON_INDENT(2));
        printf("\n");
        json_decref(all);
    } else {
        printf("root  %s (%" PRIu64 " entries)\n", hash, last->log_size);
    }
    json_decref(c->done);
    return c->failed == 0 ? EXIT_DONE : EXIT_FAILED;
}

static int run(const struct arguments *a)
{
    struct data_folder *folder = NULL;
    struct buffer error = BUFFER_EMPTY;
    struct exchange *x = NULL;
    struct image *image = NULL;
    struct image_meta meta = {0}, last = {0};
    int status = data_folder_open(arguments_get(a, "data"), FOLDER_LOOK, &folder, &error);
    if (status != 0)
        return tell_failure(a, status, &error);
    struct check c = {.folder = folder, .is_json = arguments_has(a, "json"), .done = json_array()};
    certificates_look(&c);
    image_look(&c, &image, &meta);
    status = replay_exchange_new(folder, &x, &error);
    if (status == 0) {
        struct replay replay;
        struct differences market = {BUFFER_EMPTY};
        struct referee *referee =
            arguments_has(a, "market") ? referee_new(x, difference_keep, &market) : NULL;
        store_record_changes(exchange_store(x), 0);
        replay_init(&replay, folder, x, 0, 0, NULL);
        replay.verifies = true;
        replay_look(&c, image, &meta, &replay);
        last = replay_meta(&replay);
        replay_release(&replay);
        if (referee != NULL)
            market_look(&c, referee, &market);
        buffer_release(&market.lines);
        referee_free(referee);
        exchange_free(x);
    } else {
        check_begin(&c, "base");
        check_problem_buffer(&c, &error, status);
        check_end(&c, "");
    }
    if (image != NULL)
        image_close(image);
    data_folder_close(folder);
    return result_print(&c, &last);
}

const struct command command_check = {
    .name = "check",
    .summary = "recompute what must hold and say what does not",
    .text = "Checks the image's books, replays the journal with every signature, compares the "
            "image and the\nlog's files with that. Works beside a running server, and on a "
            "backup. With --market an\nindependent, slow matcher works every match out again "
            "from the rows and reports the first\ndifference.",
    .options = options,
    .run = run,
};
