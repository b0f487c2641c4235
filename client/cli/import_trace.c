#include "client/cli/import_trace.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/status.h"
#include "protocol/utf8.h"
#include "protocol/vocabulary.h"

enum { COLUMNS_MAX = 64 };

/* A value of a line: not NUL-terminated. */
struct cell {
    const char *data;
    size_t length;
};

/* A CSV file while it is read, a line at a time. */
struct reader {
    const char *path;
    FILE *file;
    char *line; /* owned by getline */
    size_t line_size;
    uint32_t line_number;
    struct cell cells[COLUMNS_MAX];
    size_t cells_count;
    size_t columns; /* of the first line */
    uint32_t bad;
    struct buffer *error;
};

static void reader_complain(struct reader *r, const char *column, const char *what)
{
    r->bad++;
    if (r->bad < TRACE_ERRORS_MAX + 1)
        buffer_printf(r->error, "%s:%u: %s%s%s\n", r->path, r->line_number,
                      column == NULL ? "" : column, column == NULL ? "" : ": ", what);
    else if (r->bad == TRACE_ERRORS_MAX + 1)
        buffer_printf(r->error, "%s: more lines are wrong\n", r->path);
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

/* 0 with a line split into cells (empty lines are passed over, bad ones reported), STATUS_MORE at
 * the end of the file, STATUS_IO. */
static int reader_next(struct reader *r)
{
    for (;;) {
        errno = 0;
        ssize_t got = getline(&r->line, &r->line_size, r->file);
        if (got < 0) {
            if (feof(r->file) && !ferror(r->file))
                return STATUS_MORE;
            buffer_printf(r->error, "%s: %s\n", r->path, strerror(errno));
            return status_from_errno(errno);
        }
        r->line_number++;
        size_t length = (size_t)got;
        if (length > 0 && r->line[length - 1] == '\n')
            length--;
        if (length > 0 && r->line[length - 1] == '\r')
            length--;
        if (length == 0)
            continue;
        if (!utf8_is_plain(r->line, length)) {
            reader_complain(r, NULL, "not plain text");
            continue;
        }
        if (memchr(r->line, '"', length) != NULL) {
            reader_complain(r, NULL, "quotes are not understood");
            continue;
        }
        if (!reader_split(r, length))
            continue;
        if (r->columns != 0 && r->cells_count != r->columns) {
            char what[80];
            snprintf(what, sizeof(what), "%zu columns where the first line has %zu", r->cells_count,
                     r->columns);
            reader_complain(r, NULL, what);
            continue;
        }
        return STATUS_OK;
    }
}

static bool cell_is(struct cell c, const char *text)
{
    return c.length == strlen(text) && memcmp(c.data, text, c.length) == 0;
}

/* Reads the first line and finds the columns asked for. */
static int reader_open(struct reader *r, const char *path, const char *const *names,
                       size_t names_count, size_t *places_out, struct buffer *error)
{
    *r = (struct reader){.path = path, .error = error};
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
    r->columns = r->cells_count;
    for (size_t i = 0; i < names_count; i++) {
        size_t found = 0;
        for (size_t j = 0; j < r->columns; j++) {
            if (!cell_is(r->cells[j], names[i]))
                continue;
            places_out[i] = j;
            found++;
        }
        if (found != 1)
            reader_complain(r, names[i],
                            found == 0 ? "no such column" : "a column named more than once");
    }
    return r->bad == 0 ? STATUS_OK : STATUS_MALFORMED;
}

static void reader_close(struct reader *r)
{
    free(r->line);
    if (r->file != NULL)
        fclose(r->file);
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
            reader_complain(r, column, "not a number of digits");
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

static int read_nodes(struct trace *t, const char *path, struct buffer *error)
{
    static const char *const names[] = {"gpu", "model"};
    size_t at[2];
    struct reader r;
    int status = reader_open(&r, path, names, 2, at, error);
    while (status == STATUS_OK && (status = reader_next(&r)) == STATUS_OK) {
        uint64_t gpus;
        uint32_t model;
        if (!reader_number(&r, at[0], names[0], TRACE_NODE_GPUS_MAX, &gpus) || gpus == 0 ||
            !trace_model(t, &r, r.cells[at[1]], names[1], &model))
            continue;
        if (!grow(&t->nodes, t->nodes_count, sizeof(*t->nodes))) {
            status = STATUS_MEMORY;
            break;
        }
        t->nodes[t->nodes_count++] = (struct trace_node){r.line_number, (uint32_t)gpus, model};
    }
    if (status == STATUS_MORE)
        status = r.bad == 0 ? STATUS_OK : STATUS_MALFORMED;
    if (status == STATUS_OK && t->nodes_count == 0) {
        buffer_printf(error, "%s: no node has a GPU\n", path);
        status = STATUS_MALFORMED;
    }
    reader_close(&r);
    return status;
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
    uint64_t seconds_max = (uint64_t)DURATION_MAX_MIN * 60;
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
    out->profile = cell_is(r->cells[at[TASK_QOS]], "LS") ? PROFILE_INFERENCE : PROFILE_TRAINING;
    return true;
}

static int read_tasks(struct trace *t, const char *path, struct buffer *error)
{
    size_t at[TASK_COLUMNS];
    struct reader r;
    int status = reader_open(&r, path, task_names, TASK_COLUMNS, at, error);
    while (status == STATUS_OK && (status = reader_next(&r)) == STATUS_OK) {
        struct trace_task task;
        if (!read_task(t, &r, at, &task))
            continue;
        if (!grow(&t->tasks, t->tasks_count, sizeof(*t->tasks))) {
            status = STATUS_MEMORY;
            break;
        }
        t->tasks[t->tasks_count++] = task;
    }
    if (status == STATUS_MORE)
        status = r.bad == 0 ? STATUS_OK : STATUS_MALFORMED;
    if (status == STATUS_OK && t->tasks_count == 0) {
        buffer_printf(error, "%s: no task wants a GPU\n", path);
        status = STATUS_MALFORMED;
    }
    reader_close(&r);
    return status;
}

int trace_read(const char *nodes_path, const char *tasks_path, struct trace *out,
               struct buffer *error)
{
    *out = (struct trace){.models_count = 0};
    int status = read_nodes(out, nodes_path, error);
    /* Whoever mends the one file wants to know about the other as well. */
    int tasks_status = status == STATUS_MEMORY ? STATUS_OK : read_tasks(out, tasks_path, error);
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
