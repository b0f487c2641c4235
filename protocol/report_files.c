#include "protocol/report_files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "protocol/amount.h"
#include "protocol/csv.h"
#include "protocol/moment.h"
#include "protocol/utf8.h"

enum { COLUMNS_MAX = 4, NOWHERE = CSV_CELLS_MAX };

struct reading {
    struct csv csv;
    struct arena *arena;
    const char *file;
    char *why;
    const char *const *columns; /* what they may be called; NULL where there is none */
    uint32_t at[COLUMNS_MAX];   /* where each is; NOWHERE: it is not there */
    uint32_t width;             /* cells of the first line */
};

static bool complain_printed(struct reading *r, size_t length, const char *format, va_list args)
{
    vsnprintf(r->why + length, REPORT_ERROR_BYTES - length, format, args);
    return false;
}

/* Of the line that was read last. */
__attribute__((format(printf, 2, 3))) static bool complain(struct reading *r, const char *format,
                                                           ...)
{
    va_list args;
    int length =
        snprintf(r->why, REPORT_ERROR_BYTES, "%.200s, line %" PRIu32 ": ", r->file, r->csv.number);
    va_start(args, format);
    complain_printed(r, (size_t)length, format, args);
    va_end(args);
    return false;
}

/* Of the whole file. */
__attribute__((format(printf, 2, 3))) static bool complain_of_all(struct reading *r,
                                                                  const char *format, ...)
{
    va_list args;
    int length = snprintf(r->why, REPORT_ERROR_BYTES, "%.200s: ", r->file);
    va_start(args, format);
    complain_printed(r, (size_t)length, format, args);
    va_end(args);
    return false;
}

/* Columns that nobody knows are errors: a slip in a name would leave the amounts out silently. */
static bool titles_read(struct reading *r, const char *example)
{
    for (uint32_t i = 0; i < COLUMNS_MAX; i++)
        r->at[i] = NOWHERE;
    r->width = r->csv.count;
    for (uint32_t i = 0; i < r->csv.count; i++) {
        uint32_t column = 0;
        while (column < COLUMNS_MAX &&
               (r->columns[column] == NULL || strcasecmp(r->csv.cells[i], r->columns[column]) != 0))
            column++;
        if (column == COLUMNS_MAX)
            return complain(r,
                            "there is no column '%.40s'; the first line names the columns, divided "
                            "by commas: %s",
                            r->csv.cells[i], example);
        if (r->at[column] != NOWHERE)
            return complain(r, "the column %s is there twice", r->columns[column]);
        r->at[column] = i;
    }
    return true;
}

static bool column_needed(struct reading *r, uint32_t column, const char *example)
{
    return r->at[column] != NOWHERE || complain(r, "the column %s is missing; the columns are: %s",
                                                r->columns[column], example);
}

static const char *cell_of(const struct reading *r, uint32_t column)
{
    return r->at[column] != NOWHERE ? r->csv.cells[r->at[column]] : NULL;
}

/* 0 when the column is not there. */
static bool credits_read(struct reading *r, uint32_t column, uint64_t *out)
{
    const char *cell = cell_of(r, column);
    *out = 0;
    return cell == NULL || amount_parse(cell, out) ||
           complain(r,
                    "%s: '%.40s' is not an amount of credits, such as 12.5 (digits and a point, at "
                    "most 6 decimals)",
                    r->columns[column], cell);
}

bool report_month_parse(const char *text, uint64_t *start_s_out)
{
    char day[MOMENT_TEXT_BYTES];
    if (strlen(text) != 7 || text[0] < '0' || text[0] > '9')
        return false;
    snprintf(day, sizeof(day), "%s-01", text);
    return moment_parse(day, 0, start_s_out);
}

/* The next line: 1, 0 at the end, -1 with what is wrong. */
static int line_next(struct reading *r)
{
    int got = csv_next(&r->csv, r->arena);
    if (got < 0) {
        complain(r, "%s", r->csv.error);
        return -1;
    }
    for (uint32_t i = 0; got == 1 && i < r->csv.count; i++) {
        if (!utf8_is_plain(r->csv.cells[i], strlen(r->csv.cells[i]))) {
            complain(r, "it is not text in UTF-8");
            return -1;
        }
    }
    if (got == 1 && r->width != 0 && r->csv.count != r->width) {
        complain(r, "%" PRIu32 " cell%s under %" PRIu32 " column%s", r->csv.count,
                 r->csv.count == 1 ? "" : "s", r->width, r->width == 1 ? "" : "s");
        return -1;
    }
    return got;
}

/* Begins with the first line and room for the rows; NULL with what is wrong. */
static void *rows_begin(struct reading *r, const char *const columns[COLUMNS_MAX],
                        const char *example, const char *file, const char *text, size_t length,
                        struct arena *arena, char *why, size_t size)
{
    *r = (struct reading){.arena = arena, .file = file, .why = why, .columns = columns};
    if (strcmp(file, "-") == 0)
        r->file = "standard input";
    csv_begin(&r->csv, text, length);
    int got = line_next(r);
    if (got == 0)
        complain_of_all(r, "it is empty; the first line names the columns: %s", example);
    if (got != 1 || !titles_read(r, example))
        return NULL;
    void *rows = arena_alloc(arena, size);
    if (rows == NULL)
        complain_of_all(r, "out of memory");
    return rows;
}

/* --- Debt --- */

static bool debt_line(struct reading *r, struct debt_row *rows, uint32_t count)
{
    struct debt_row *row = &rows[count];
    const char *month = cell_of(r, 0);
    if (count == REPORT_DEBT_ROWS_MAX)
        return complain(r, "more than %d months", REPORT_DEBT_ROWS_MAX);
    if (!report_month_parse(month, &row->month_s))
        return complain(r, "'%.40s' is not a month, such as 2027-01", month);
    if (count > 0 && row->month_s <= rows[count - 1].month_s)
        return complain(r, "%s does not come after the month before it; sort the lines by month",
                        month);
    return credits_read(r, 1, &row->outstanding_ucr) && credits_read(r, 2, &row->due_ucr);
}

bool report_debt_read(struct q_report *q, const char *file, const char *text, size_t length,
                      struct arena *arena, char why[REPORT_ERROR_BYTES])
{
    static const char *const columns[COLUMNS_MAX] = {"month", "outstanding", "due"};
    static const char example[] = "month,outstanding,due";
    struct reading r;
    struct debt_row *rows = rows_begin(&r, columns, example, file, text, length, arena, why,
                                       (REPORT_DEBT_ROWS_MAX) * sizeof(*rows));
    uint32_t count = 0;
    int got;
    if (rows == NULL || !column_needed(&r, 0, example))
        return false;
    if (r.width == 1)
        return complain(&r, "the month alone says no amount; the columns are: %s", example);
    for (; (got = line_next(&r)) == 1; count++) {
        if (!debt_line(&r, rows, count))
            return false;
    }
    if (got == 0 && count == 0)
        return complain_of_all(&r, "it has no months below its first line");
    q->debt.items = rows;
    q->debt.count = count;
    return got == 0;
}

/* --- Depreciation --- */

static bool text_equals(struct text a, struct text b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

/* Digits alone, as a number up to `most`. */
static bool digits_read(const char *cell, unsigned long most, uint32_t *out)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(cell, &end, 10);
    *out = (uint32_t)number;
    return cell[0] >= '0' && cell[0] <= '9' && *end == '\0' && errno == 0 && number <= most;
}

static bool age_read(struct reading *r, uint32_t *out)
{
    enum { AGE_MAX = 1200 };
    const char *cell = cell_of(r, 1);
    return digits_read(cell, AGE_MAX, out) ||
           complain(r, "'%.40s' is not an age in whole months (at most %d)", cell, AGE_MAX);
}

static bool name_read(struct reading *r, uint32_t column, struct text *out)
{
    const char *name = cell_of(r, column) != NULL ? cell_of(r, column) : "";
    *out = text_of(name);
    return strlen(name) <= NAME_MAX_BYTES ||
           complain(r, "a name has at most %d bytes, and '%.40s...' is longer", NAME_MAX_BYTES,
                    name);
}

static bool curve_line(struct reading *r, struct curve_row *rows, uint32_t count)
{
    struct curve_row *row = &rows[count];
    if (count == REPORT_CURVE_ROWS_MAX)
        return complain(r, "more than %d points", REPORT_CURVE_ROWS_MAX);
    if (!name_read(r, 0, &row->sku) || !age_read(r, &row->age_months) ||
        !credits_read(r, 2, &row->value_ucr))
        return false;
    for (uint32_t i = count; i > 0; i--) {
        if (!text_equals(rows[i - 1].sku, row->sku))
            continue;
        if (rows[i - 1].age_months < row->age_months)
            break;
        return complain(r,
                        "the age %" PRIu32 " does not come after %" PRIu32 "%s%s; sort the lines "
                        "by age",
                        row->age_months, rows[i - 1].age_months, row->sku.length > 0 ? " of " : "",
                        row->sku.data);
    }
    return true;
}

bool report_curve_read(struct q_report *q, const char *file, const char *text, size_t length,
                       struct arena *arena, char why[REPORT_ERROR_BYTES])
{
    static const char *const columns[COLUMNS_MAX] = {"sku", "age_months", "value"};
    static const char example[] = "sku,age_months,value";
    struct reading r;
    struct curve_row *rows = rows_begin(&r, columns, example, file, text, length, arena, why,
                                        (REPORT_CURVE_ROWS_MAX) * sizeof(*rows));
    uint32_t count = 0;
    int got;
    if (rows == NULL || !column_needed(&r, 1, example) || !column_needed(&r, 2, example))
        return false;
    for (; (got = line_next(&r)) == 1; count++) {
        if (!curve_line(&r, rows, count))
            return false;
    }
    if (got == 0 && count == 0)
        return complain_of_all(&r, "it has no points below its first line");
    q->curve.items = rows;
    q->curve.count = count;
    return got == 0;
}

/* --- Fleet --- */

static bool fleet_line(struct reading *r, struct fleet_row *rows, uint32_t count)
{
    struct fleet_row *row = &rows[count];
    if (count == REPORT_FLEET_ROWS_MAX)
        return complain(r, "more than %d rows", REPORT_FLEET_ROWS_MAX);
    if (!name_read(r, 0, &row->site) || !name_read(r, 1, &row->sku))
        return false;
    if (row->site.length == 0 || row->sku.length == 0)
        return complain(r, "the name of the %s is missing", row->site.length == 0 ? "site" : "SKU");
    if (!digits_read(cell_of(r, 2), UINT32_MAX, &row->gpus) || row->gpus == 0)
        return complain(r, "'%.40s' is not a number of GPUs", cell_of(r, 2));
    return report_month_parse(cell_of(r, 3), &row->in_service_s) ||
           complain(r, "'%.40s' is not a month, such as 2027-01", cell_of(r, 3));
}

bool report_fleet_read(struct q_report *q, const char *file, const char *text, size_t length,
                       struct arena *arena, char why[REPORT_ERROR_BYTES])
{
    static const char *const columns[COLUMNS_MAX] = {"site", "sku", "gpus", "in_service"};
    static const char example[] = "site,sku,gpus,in_service";
    struct reading r;
    struct fleet_row *rows = rows_begin(&r, columns, example, file, text, length, arena, why,
                                        (REPORT_FLEET_ROWS_MAX) * sizeof(*rows));
    uint32_t count = 0;
    int got;
    if (rows == NULL)
        return false;
    for (uint32_t i = 0; i < COLUMNS_MAX; i++) {
        if (!column_needed(&r, i, example))
            return false;
    }
    for (; (got = line_next(&r)) == 1; count++) {
        if (!fleet_line(&r, rows, count))
            return false;
    }
    if (got == 0 && count == 0)
        return complain_of_all(&r, "it has no GPUs below its first line");
    q->fleet.items = rows;
    q->fleet.count = count;
    return got == 0;
}
