#include "client/cli/advise_curve.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "protocol/csv.h"
#include "protocol/limits.h"
#include "protocol/moment.h"

/* --- Reading -------------------------------------------------------------------------------- */

struct reading {
    struct csv csv;
    struct arena *arena;
    struct curve_step *steps;
    uint32_t count;
    uint32_t room;
    uint32_t time_at; /* columns */
    uint32_t gpus_at;
    uint64_t start_s;
    uint64_t last_s;
    uint64_t before_s; /* the line before the last */
    char *why;
};

__attribute__((format(printf, 2, 3))) static bool complain(struct reading *r, const char *format,
                                                           ...)
{
    va_list args;
    int length = snprintf(r->why, CURVE_ERROR_BYTES, ", line %u: ", (unsigned)r->csv.number);
    va_start(args, format);
    vsnprintf(r->why + length, (size_t)(CURVE_ERROR_BYTES - length), format, args);
    va_end(args);
    return false;
}

/* Of the whole file, not of a line. */
static bool complain_of_all(struct reading *r, const char *what)
{
    snprintf(r->why, CURVE_ERROR_BYTES, ": %s", what);
    return false;
}

/* Where the column of this title is; CSV_CELLS_MAX: nowhere. */
static uint32_t title_find(const struct reading *r, const char *title, bool *twice)
{
    uint32_t at = CSV_CELLS_MAX;
    for (uint32_t i = 0; i < r->csv.count; i++) {
        if (strcasecmp(r->csv.cells[i], title) != 0)
            continue;
        *twice = *twice || at < CSV_CELLS_MAX;
        at = i;
    }
    return at;
}

static bool titles_read(struct reading *r)
{
    bool twice = false;
    r->time_at = title_find(r, "time", &twice);
    r->gpus_at = title_find(r, "gpus", &twice);
    if (twice)
        return complain(r, "a column time or gpus is there twice");
    if (r->time_at < CSV_CELLS_MAX && r->gpus_at < CSV_CELLS_MAX)
        return true;
    return complain(r, "the first line names the columns, and two of them are time and gpus%s",
                    r->csv.count == 1 ? "; commas divide them" : "");
}

static bool number_read(const char *text, uint64_t max, uint64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *out <= max;
}

/* Seconds, or a moment, whose date and hour a blank may divide. */
static bool time_read(const char *text, uint64_t *out)
{
    char moment[MOMENT_TEXT_BYTES];
    if (number_read(text, TIME_MAX_S, out))
        return true;
    if (text[0] < '0' || text[0] > '9' || strlen(text) >= sizeof(moment))
        return false;
    strcpy(moment, text);
    char *blank = strchr(moment, ' ');
    if (blank != NULL)
        *blank = 'T';
    return moment_parse(moment, 0, out);
}

static bool step_add(struct reading *r, uint32_t minute, uint32_t gpus)
{
    if (r->count > 0 && r->steps[r->count - 1].minute == minute) {
        struct curve_step *last = &r->steps[r->count - 1];
        last->gpus = gpus > last->gpus ? gpus : last->gpus;
        return true;
    }
    if (r->count == CURVE_LINES_MAX)
        return complain(r, "more than %d lines", CURVE_LINES_MAX);
    if (r->count == r->room) {
        uint32_t room = r->room > 0 ? 2 * r->room : 256;
        struct curve_step *steps = arena_alloc(r->arena, room * sizeof(*steps));
        if (steps == NULL)
            return complain(r, "out of memory");
        if (r->count > 0)
            memcpy(steps, r->steps, r->count * sizeof(*steps));
        r->steps = steps;
        r->room = room;
    }
    r->steps[r->count++] = (struct curve_step){minute, gpus};
    return true;
}

static bool line_read(struct reading *r, bool first)
{
    uint64_t time_s = 0;
    uint64_t gpus = 0;
    if (r->csv.count <= r->time_at || r->csv.count <= r->gpus_at)
        return complain(r, "%u cell%s, and its time and gpus are not among them",
                        (unsigned)r->csv.count, r->csv.count == 1 ? "" : "s");
    const char *time = r->csv.cells[r->time_at];
    if (!time_read(time, &time_s))
        return complain(r,
                        "'%.40s' is not a time, such as 2026-11-22T10:00Z, nor a number of "
                        "seconds",
                        time);
    if (!number_read(r->csv.cells[r->gpus_at], GPUS_MAX, &gpus))
        return complain(r, "'%.40s' is not a whole number of GPUs (at most %d)",
                        r->csv.cells[r->gpus_at], GPUS_MAX);
    if (first)
        r->start_s = time_s;
    else if (time_s <= r->last_s)
        return complain(r, "its time does not lie after the one before it");
    if ((time_s - r->start_s) / 60 > DURATION_MAX_MIN)
        return complain(r, "a lease lasts for at most %d days, and the curve is longer",
                        DURATION_MAX_MIN / (24 * 60));
    r->before_s = r->last_s;
    r->last_s = time_s;
    return step_add(r, (uint32_t)((time_s - r->start_s) / 60), (uint32_t)gpus);
}

bool curve_read(const char *text, size_t length, struct arena *arena, struct curve *out,
                char why[CURVE_ERROR_BYTES])
{
    struct reading r = {.arena = arena, .why = why};
    uint32_t lines = 0;
    int got;
    csv_begin(&r.csv, text, length);
    while ((got = csv_next(&r.csv, arena)) > 0) {
        if (lines == 0 ? !titles_read(&r) : !line_read(&r, lines == 1))
            return false;
        lines++;
    }
    if (got < 0)
        return complain(&r, "%s", r.csv.error);
    if (lines == 0)
        return complain_of_all(&r, "it is empty");
    if (lines < 3)
        return complain_of_all(&r, "a curve needs at least two lines under its titles");
    uint32_t last = r.steps[r.count - 1].gpus;
    uint64_t end_s = last > 0 ? r.last_s + (r.last_s - r.before_s) : r.last_s;
    uint64_t minutes = (end_s - r.start_s + 59) / 60;
    if (minutes > DURATION_MAX_MIN)
        return complain(&r, "a lease lasts for at most %d days, and the curve is longer",
                        DURATION_MAX_MIN / (24 * 60));
    *out = (struct curve){.start_s = r.start_s,
                          .steps = r.steps,
                          .count = r.count,
                          .duration_min = (uint32_t)minutes};
    return true;
}

/* --- Looking -------------------------------------------------------------------------------- */

uint32_t curve_step_end(const struct curve *c, uint32_t i)
{
    return i + 1 < c->count ? c->steps[i + 1].minute : c->duration_min;
}

struct level {
    uint32_t gpus;
    uint32_t minutes;
};

static int highest_first(const void *left, const void *right)
{
    const struct level *a = left;
    const struct level *b = right;
    return a->gpus < b->gpus ? 1 : a->gpus > b->gpus ? -1 : 0;
}

bool curve_look(const struct curve *c, struct arena *arena, struct curve_facts *out)
{
    struct level *levels = arena_alloc(arena, c->count * sizeof(*levels));
    uint64_t seen = 0;
    if (levels == NULL)
        return false;
    memset(out, 0, sizeof(*out));
    for (uint32_t i = 0; i < c->count; i++) {
        uint32_t minutes = curve_step_end(c, i) - c->steps[i].minute;
        levels[i] = (struct level){c->steps[i].gpus, minutes};
        out->gpu_minutes += (uint64_t)c->steps[i].gpus * minutes;
        if (minutes > 0 && c->steps[i].gpus > out->peak)
            out->peak = c->steps[i].gpus;
    }
    qsort(levels, c->count, sizeof(*levels), highest_first);
    /* The highest level that demand reaches for nine tenths of the time. */
    for (uint32_t i = 0; i < c->count; i++) {
        seen += levels[i].minutes;
        if (seen * 100 >= (uint64_t)c->duration_min * CURVE_NEARLY_ALWAYS_PERCENT) {
            out->base = levels[i].gpus;
            break;
        }
    }
    if (out->peak > 0)
        out->variability_ppm = (uint32_t)((uint64_t)(out->peak - out->base) * 1000000 / out->peak);
    return true;
}

/* The step that minute `from` lies in. */
static uint32_t step_find(const struct curve *c, uint32_t from)
{
    uint32_t low = 0;
    uint32_t high = c->count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (c->steps[middle].minute <= from)
            low = middle;
        else
            high = middle;
    }
    return low;
}

uint64_t curve_use(const struct curve *c, uint32_t from, uint32_t to, uint32_t above, uint32_t most)
{
    uint64_t use = 0;
    for (uint32_t i = step_find(c, from); i < c->count && c->steps[i].minute < to; i++) {
        uint32_t begin = c->steps[i].minute > from ? c->steps[i].minute : from;
        uint32_t end = curve_step_end(c, i) < to ? curve_step_end(c, i) : to;
        uint32_t gpus = c->steps[i].gpus > above ? c->steps[i].gpus - above : 0;
        if (end > begin)
            use += (uint64_t)(gpus < most ? gpus : most) * (end - begin);
    }
    return use;
}
