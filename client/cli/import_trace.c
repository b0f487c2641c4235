#include "client/cli/import_trace.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/status.h"
#include "protocol/utf8.h"
#include "protocol/vocabulary.h"

enum { COLUMNS_MAX = 64, TRACE_COLUMN_BYTES = 64 };

/* A value of a line: not NUL-terminated. */
struct cell {
    const char *data;
    size_t length;
};

/* A CSV file while it is read, a line at a time. */
struct reader {
    const char *path;
    FILE *file;
    char *line; /* owned; TRACE_LINE_BYTES_MAX */
    size_t line_length;
    uint32_t line_number;
    bool skips; /* bad lines are passed over */
    struct cell cells[COLUMNS_MAX];
    size_t cells_count;
    char *head;     /* owned; the first line */
    size_t columns; /* of the first line */
    uint64_t bad;
    struct buffer *error;
};

static void reader_complain(struct reader *r, const char *column, const char *what)
{
    r->bad++;
    if (r->bad < TRACE_ERRORS_MAX + 1)
        buffer_printf(r->error, "%s:%u: %s%s%s\n", r->path, r->line_number,
                      column == NULL ? "" : column, column == NULL ? "" : ": ", what);
}

/* How many bad lines there were, when not all are listed. */
static void reader_count(const struct reader *r)
{
    if (r->bad > TRACE_ERRORS_MAX)
        buffer_printf(r->error,
                      "%s: %" PRIu64 " lines are wrong, of which the first %d are listed\n",
                      r->path, r->bad, TRACE_ERRORS_MAX);
}

static int status_from_errno(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return STATUS_NOT_FOUND;
    case EACCES:
    case EPERM:
        return STATUS_PERMISSION;
    case ENOMEM:
        return STATUS_MEMORY;
    default:
        return STATUS_IO;
    }
}

/* The same of the byte at `at` of the line: names the column that it is in. */
static void reader_complain_at(struct reader *r, const char *at, const char *what)
{
    char name[TRACE_COLUMN_BYTES];
    const char *column = r->head;
    for (const char *c = r->line; column != NULL && c < at; c++) {
        if (*c == ',' && (column = strchr(column, ',')) != NULL)
            column++;
    }
    if (column != NULL)
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(column, ","), column);
    reader_complain(r, column == NULL ? NULL : name, what);
}

/* Splits the line at its commas. */
static bool reader_split(struct reader *r, size_t length)
{
    r->cells_count = 0;
    const char *at = r->line;
    const char *end = r->line + length;
    for (;;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma == NULL ? end : comma;
        if (r->cells_count == COLUMNS_MAX) {
            reader_complain(r, NULL, "more than 64 columns");
            return false;
        }
        r->cells[r->cells_count++] = (struct cell){at, (size_t)(stop - at)};
        if (comma == NULL)
            return true;
        at = comma + 1;
    }
}

/* Reads a line without its end, of which at most TRACE_LINE_BYTES_MAX are kept; false at the end of
 * the file or when it cannot be read. */
static bool line_read(struct reader *r, bool *too_long_out)
{
    int c = getc_unlocked(r->file);
    r->line_length = 0;
    *too_long_out = false;
    if (c == EOF)
        return false;
    for (; c != EOF && c != '\n'; c = getc_unlocked(r->file)) {
        if (r->line_length < TRACE_LINE_BYTES_MAX)
            r->line[r->line_length++] = (char)c;
        else
            *too_long_out = true;
    }
    r->line_number++;
    if (r->line_length > 0 && r->line[r->line_length - 1] == '\r')
        r->line_length--;
    return true;
}

/* Whether the line is text without quotes. */
static bool line_is_plain(struct reader *r)
{
    if (!utf8_is_plain(r->line, r->line_length)) {
        /* The first cell that is not plain is where it is: a comma is never part of another
         * character. */
        const char *at = r->line;
        const char *end = r->line + r->line_length;
        for (;;) {
            const char *comma = memchr(at, ',', (size_t)(end - at));
            if (comma == NULL || !utf8_is_plain(at, (size_t)(comma - at)))
                break;
            at = comma + 1;
        }
        reader_complain_at(r, at, "not plain text");
        return false;
    }
    const char *quote = memchr(r->line, '"', r->line_length);
    if (quote != NULL)
        reader_complain_at(r, quote, "quotes are not understood");
    return quote == NULL;
}

/* 0 with a line split into cells (empty lines are passed over, bad ones reported), STATUS_MORE at
 * the end of the file, or that it cannot be read. */
static int reader_next(struct reader *r)
{
    bool too_long;
    for (;;) {
        errno = 0;
        if (!line_read(r, &too_long))
            break;
        if (too_long) {
            reader_complain(r, NULL, "longer than 65536 bytes");
            continue;
        }
        if (r->line_length == 0 || !line_is_plain(r) || !reader_split(r, r->line_length))
            continue;
        if (r->columns == 0 || r->cells_count == r->columns)
            return STATUS_OK;
        char what[80];
        snprintf(what, sizeof(what), "%zu columns where the first line has %zu", r->cells_count,
                 r->columns);
        reader_complain(r, NULL, what);
    }
    if (!ferror(r->file))
        return STATUS_MORE;
    buffer_printf(r->error, "%s: %s\n", r->path, strerror(errno));
    return status_from_errno(errno);
}

static_assert(TRACE_LINE_BYTES_MAX == 65536, "the complaint names it");

static bool cell_is(struct cell c, const char *text)
{
    return c.length == strlen(text) && memcmp(c.data, text, c.length) == 0;
}

/* Some programs put a byte order mark in front of a text. */
static void bom_skip(struct cell *first)
{
    if (first->length < 3 || memcmp(first->data, "\xef\xbb\xbf", 3) != 0)
        return;
    first->data += 3;
    first->length -= 3;
}

static int columns_find(struct reader *r, const char *const *names, size_t names_count,
                        size_t *places_out)
{
    size_t found[COLUMNS_MAX] = {0};
    size_t found_all = 0;
    for (size_t i = 0; i < names_count; i++) {
        for (size_t j = 0; j < r->columns; j++) {
            if (!cell_is(r->cells[j], names[i]))
                continue;
            places_out[i] = j;
            found[i]++;
            found_all++;
        }
    }
    if (found_all == 0)
        reader_complain(r, NULL, "does not name the columns, with commas between them");
    for (size_t i = 0; found_all > 0 && i < names_count; i++) {
        if (found[i] != 1)
            reader_complain(r, names[i],
                            found[i] == 0 ? "no such column" : "a column named more than once");
    }
    return r->bad == 0 ? STATUS_OK : STATUS_MALFORMED;
}

/* Reads the first line and finds the columns asked for. */
static int reader_open(struct reader *r, const char *path, const char *const *names,
                       size_t names_count, size_t *places_out, bool skips, struct buffer *error)
{
    *r = (struct reader){.path = path, .skips = skips, .error = error};
    r->line = malloc(TRACE_LINE_BYTES_MAX);
    if (r->line == NULL)
        return STATUS_MEMORY;
    r->file = fopen(path, "re");
    if (r->file == NULL) {
        buffer_printf(error, "%s: %s\n", path, strerror(errno));
        return status_from_errno(errno);
    }
    int status = reader_next(r);
    if (status == STATUS_MORE) {
        buffer_printf(error, "%s: the file is empty\n", path);
        return STATUS_MALFORMED;
    }
    if (status != STATUS_OK)
        return status;
    bom_skip(&r->cells[0]);
    r->columns = r->cells_count;
    r->head = strndup(r->cells[0].data, r->line_length - (size_t)(r->cells[0].data - r->line));
    if (r->head == NULL)
        return STATUS_MEMORY;
    return columns_find(r, names, names_count, places_out);
}

static void reader_close(struct reader *r)
{
    free(r->line);
    free(r->head);
    if (r->file != NULL)
        fclose(r->file);
}

/* What reading to the end came to: `kept` things, which nobody can do without. */
static int reader_end(struct reader *r, int status, size_t kept, const char *none,
                      uint64_t *skipped_out)
{
    reader_count(r);
    if (status == STATUS_MORE)
        status = r->bad == 0 || r->skips ? STATUS_OK : STATUS_MALFORMED;
    if (status == STATUS_OK && kept == 0) {
        buffer_printf(r->error, "%s: %s\n", r->path, none);
        status = STATUS_MALFORMED;
    }
    if (skipped_out != NULL)
        *skipped_out = r->bad;
    reader_close(r);
    return status;
}

/* No more than `max` of these. */
static int reader_full(struct reader *r, int max, const char *what)
{
    buffer_printf(r->error, "%s:%u: more than %d %s\n", r->path, r->line_number, max, what);
    return STATUS_LIMIT;
}

/* A number of digits alone, at most `max`; false after a complaint. */
static bool reader_number(struct reader *r, size_t place, const char *column, uint64_t max,
                          uint64_t *out)
{
    struct cell c = r->cells[place];
    uint64_t value = 0;
    if (c.length == 0) {
        reader_complain(r, column, "empty");
        return false;
    }
    for (size_t i = 0; i < c.length; i++) {
        if (c.data[i] < '0' || c.data[i] > '9') {
            reader_complain(r, column, "not a whole number");
            return false;
        }
        unsigned digit = (unsigned)(c.data[i] - '0');
        if (value > (max - digit) / 10) {
            reader_complain(r, column, "too large");
            return false;
        }
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

/* The place of a model, which is added when it is new; false after a complaint. */
static bool trace_model(struct trace *t, struct reader *r, struct cell name, const char *column,
                        uint32_t *out)
{
    if (name.length == 0 || name.length >= TRACE_MODEL_BYTES) {
        reader_complain(r, column, name.length == 0 ? "an empty model" : "a model's name too long");
        return false;
    }
    for (uint32_t i = 0; i < t->models_count; i++) {
        if (cell_is(name, t->models[i])) {
            *out = i;
            return true;
        }
    }
    if (t->models_count == TRACE_MODELS_MAX) {
        reader_complain(r, column, "more than 16 models, which an order could not name");
        return false;
    }
    memcpy(t->models[t->models_count], name.data, name.length);
    *out = t->models_count++;
    return true;
}

/* Makes room for one more of `count` items of `size` bytes; the array doubles at powers of two. */
static bool grow(void *array, size_t count, size_t size)
{
    void **items = array;
    if (count != 0 && (count < 64 || (count & (count - 1)) != 0))
        return true;
    size_t capacity = count == 0 ? 64 : count * 2;
    void *grown = reallocarray(*items, capacity, size);
    if (grown == NULL)
        return false;
    *items = grown;
    return true;
}

static int read_nodes(struct trace *t, const char *path, uint64_t *skipped_out,
                      struct buffer *error)
{
    static const char *const names[] = {"gpu", "model"};
    size_t at[2];
    struct reader r;
    int status = reader_open(&r, path, names, 2, at, skipped_out != NULL, error);
    while (status == STATUS_OK && (status = reader_next(&r)) == STATUS_OK) {
        uint64_t gpus;
        uint32_t model;
        if (!reader_number(&r, at[0], names[0], TRACE_NODE_GPUS_MAX, &gpus) || gpus == 0 ||
            !trace_model(t, &r, r.cells[at[1]], names[1], &model))
            continue;
        if (t->nodes_count == TRACE_NODES_MAX) {
            status = reader_full(&r, TRACE_NODES_MAX, "nodes with GPUs");
            break;
        }
        if (!grow(&t->nodes, t->nodes_count, sizeof(*t->nodes))) {
            status = STATUS_MEMORY;
            break;
        }
        t->nodes[t->nodes_count++] = (struct trace_node){r.line_number, (uint32_t)gpus, model};
    }
    return reader_end(&r, status, t->nodes_count, "no node has a GPU", skipped_out);
}

/* The models of a gpu_spec as bits; 0 stands for any. False after a complaint. */
static bool task_models(struct trace *t, struct reader *r, size_t place, uint32_t *bits_out)
{
    struct cell spec = r->cells[place];
    *bits_out = 0;
    if (spec.length == 0)
        return true;
    const char *at = spec.data;
    const char *end = spec.data + spec.length;
    for (;;) {
        const char *bar = memchr(at, '|', (size_t)(end - at));
        struct cell name = {at, (size_t)((bar == NULL ? end : bar) - at)};
        uint32_t model;
        if (!trace_model(t, r, name, "gpu_spec", &model))
            return false;
        *bits_out |= UINT32_C(1) << model;
        if (bar == NULL)
            return true;
        at = bar + 1;
    }
}

enum task_column { TASK_GPUS, TASK_SPEC, TASK_QOS, TASK_CREATED, TASK_DELETED, TASK_COLUMNS };
static const char *const task_names[TASK_COLUMNS] = {"num_gpu", "gpu_spec", "qos", "creation_time",
                                                     "deletion_time"};

/* One line of tasks; false when there is nothing to keep (no GPUs, or a complaint). */
static bool read_task(struct trace *t, struct reader *r, const size_t at[TASK_COLUMNS],
                      struct trace_task *out)
{
    uint64_t gpus;
    uint64_t seconds_max = (uint64_t)OFFER_SPAN_MAX_MIN * 60;
    if (!reader_number(r, at[TASK_GPUS], task_names[TASK_GPUS], TRACE_TASK_GPUS_MAX, &gpus))
        return false;
    if (gpus == 0)
        return false;
    *out = (struct trace_task){.line = r->line_number, .gpus = (uint32_t)gpus};
    if (!reader_number(r, at[TASK_CREATED], task_names[TASK_CREATED], seconds_max,
                       &out->created_s) ||
        !reader_number(r, at[TASK_DELETED], task_names[TASK_DELETED], seconds_max,
                       &out->deleted_s) ||
        !task_models(t, r, at[TASK_SPEC], &out->models))
        return false;
    if (out->deleted_s < out->created_s) {
        reader_complain(r, task_names[TASK_DELETED], "before creation_time");
        return false;
    }
    if ((out->deleted_s + 59) / 60 - out->created_s / 60 > DURATION_MAX_MIN) {
        reader_complain(r, task_names[TASK_DELETED], "more than two years after creation_time");
        return false;
    }
    struct cell qos = r->cells[at[TASK_QOS]];
    out->profile = cell_is(qos, "LS") ? PROFILE_INFERENCE : PROFILE_TRAINING;
    out->qos = cell_is(qos, "BE")          ? TRACE_QOS_BEST_EFFORT
               : cell_is(qos, "Burstable") ? TRACE_QOS_BURSTABLE
                                           : TRACE_QOS_STRICT;
    return true;
}

static int read_tasks(struct trace *t, const char *path, uint64_t *skipped_out,
                      struct buffer *error)
{
    size_t at[TASK_COLUMNS];
    struct reader r;
    int status = reader_open(&r, path, task_names, TASK_COLUMNS, at, skipped_out != NULL, error);
    while (status == STATUS_OK && (status = reader_next(&r)) == STATUS_OK) {
        struct trace_task task;
        uint32_t models = t->models_count;
        if (!read_task(t, &r, at, &task)) {
            /* What a line that is not taken names is nothing. */
            t->models_count = models;
            continue;
        }
        if (t->tasks_count == TRACE_TASKS_MAX) {
            status = reader_full(&r, TRACE_TASKS_MAX, "tasks that want GPUs");
            break;
        }
        if (!grow(&t->tasks, t->tasks_count, sizeof(*t->tasks))) {
            status = STATUS_MEMORY;
            break;
        }
        t->tasks[t->tasks_count++] = task;
    }
    return reader_end(&r, status, t->tasks_count, "no task wants a GPU", skipped_out);
}

int trace_read(const char *nodes_path, const char *tasks_path, struct trace *out,
               struct trace_skipped *skipped_out, struct buffer *error)
{
    *out = (struct trace){.models_count = 0};
    int status =
        read_nodes(out, nodes_path, skipped_out == NULL ? NULL : &skipped_out->nodes, error);
    /* Whoever mends the one file wants to know about the other as well. */
    int tasks_status = STATUS_OK;
    if (status != STATUS_MEMORY)
        tasks_status =
            read_tasks(out, tasks_path, skipped_out == NULL ? NULL : &skipped_out->tasks, error);
    if (status == STATUS_OK)
        status = tasks_status;
    /* "Any" is only known when all models are: also those that a later task names. */
    uint32_t all = (UINT32_C(1) << out->models_count) - 1;
    for (size_t i = 0; i < out->tasks_count; i++) {
        if (out->tasks[i].models == 0)
            out->tasks[i].models = all;
    }
    if (status != STATUS_OK)
        trace_release(out);
    return status;
}

void trace_release(struct trace *t)
{
    free(t->nodes);
    free(t->tasks);
    *t = (struct trace){.models_count = 0};
}
