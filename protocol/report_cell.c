#include "protocol/report_cell.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "protocol/amount.h"
#include "protocol/moment.h"
#include "protocol/utf8.h"

/* --- Names of columns --- */

/* The unit as columns and messages write it, and as CSV does. */
struct unit {
    const char *message;
    const char *csv;
    bool first; /* stands before the rest of the name */
};

static struct unit unit_of(enum cell_kind kind)
{
    switch (kind) {
    case CELL_KIND_AMOUNT:
        return (struct unit){"ucr", "credits", false};
    case CELL_KIND_PPM:
        return (struct unit){"ppm", "percent", false};
    case CELL_KIND_TIME:
        return (struct unit){"s", "", false};
    case CELL_KIND_GPU_MINUTES:
        return (struct unit){"gpu_minutes", "gpu_hours", true};
    case CELL_KIND_GRAMS:
        return (struct unit){"grams", "kg", false};
    case CELL_KIND_MILLIGRAMS:
        return (struct unit){"milligrams", "kg", false};
    case CELL_KIND_TEXT:
    case CELL_KIND_COUNT:
    case CELL_KIND_MONTH:
    case CELL_KIND_NAMED:
    case CELL_KIND_YES:
        break;
    }
    return (struct unit){"", "", false};
}

/* Where the word stands in the name, between underscores; NULL: nowhere. */
static const char *word_find(struct text name, const char *word)
{
    size_t length = strlen(word);
    for (size_t i = 0; length > 0 && i + length <= name.length; i++) {
        if (memcmp(name.data + i, word, length) == 0 && (i == 0 || name.data[i - 1] == '_') &&
            (i + length == name.length || name.data[i + length] == '_'))
            return name.data + i;
    }
    return NULL;
}

bool report_column_is_foreign(const struct report_column *column)
{
    return column->name.length > 0 && column->name.data[0] >= 'A' && column->name.data[0] <= 'Z';
}

/* Appends `name` with `to` in place of its word at `at`. */
static void word_replace(struct text name, const char *at, size_t length, const char *to,
                         struct buffer *out)
{
    size_t before = (size_t)(at - name.data);
    size_t after = before + length;
    if (*to == '\0' && before > 0)
        before--;
    else if (*to == '\0' && after < name.length)
        after++;
    report_text_append(name.data, before, out);
    buffer_printf(out, "%s", to);
    report_text_append(name.data + after, name.length - after, out);
}

static void name_append(const struct report_column *column, enum report_format format,
                        struct buffer *out)
{
    struct unit unit = unit_of((enum cell_kind)column->kind);
    const char *wanted = format == REPORT_FORMAT_JSON ? unit.message : unit.csv;
    if (format == REPORT_FORMAT_TABLE && column->kind == CELL_KIND_PPM)
        wanted = "%";
    /* The heading of a table says that amounts are credits; "credits_credits" says no more. */
    bool bare = (format == REPORT_FORMAT_TABLE && column->kind == CELL_KIND_AMOUNT) ||
                (format == REPORT_FORMAT_CSV && word_find(column->name, wanted) != NULL);
    const char *at = word_find(column->name, unit.message);
    if (at != NULL && (!bare || column->name.length > strlen(unit.message)))
        word_replace(column->name, at, strlen(unit.message), bare ? "" : wanted, out);
    else if (bare || *wanted == '\0' || word_find(column->name, wanted) != NULL)
        report_text_append(column->name.data, column->name.length, out);
    else if (unit.first)
        buffer_printf(out, "%s_%.*s", wanted, (int)column->name.length, column->name.data);
    else
        buffer_printf(out, "%.*s_%s", (int)column->name.length, column->name.data, wanted);
}

void report_column_name(const struct report_column *column, enum report_format format,
                        struct buffer *out)
{
    size_t start = out->length;
    if (report_column_is_foreign(column)) {
        report_text_append(column->name.data, column->name.length, out);
        return;
    }
    name_append(column, format, out);
    for (size_t i = start; format == REPORT_FORMAT_TABLE && i < out->length; i++) {
        int c = out->data[i] == '_' ? '-' : toupper(out->data[i]);
        out->data[i] = (uint8_t)c;
    }
}

/* --- Cells --- */

bool report_cell_is_set(enum cell_kind kind, const struct report_cell *cell)
{
    switch (kind) {
    case CELL_KIND_TEXT:
        return cell->text.length > 0;
    case CELL_KIND_NAMED:
        return cell->number != REPORT_NONE && (cell->number != 0 || cell->text.length > 0);
    case CELL_KIND_TIME:
    case CELL_KIND_MONTH:
        return cell->number != REPORT_NONE && cell->number != 0;
    default:
        return cell->number != REPORT_NONE;
    }
}

struct report_cell report_row_cell(const struct report_row *row, uint32_t column)
{
    if (column < row->cells.count)
        return row->cells.items[column];
    return (struct report_cell){.number = REPORT_NONE, .text = {"", 0}};
}

/* With `hidden` characters spelt out as well, or as they are. */
static void text_append(const char *text, size_t length, bool hidden, struct buffer *out)
{
    char spelt[UTF8_SPELT_BYTES];
    for (size_t i = 0; i < length;) {
        size_t size;
        uint32_t point = utf8_hidden(text + i, length - i, &size);
        if (size == 0)
            buffer_printf(out, "\\x%02x", (unsigned char)text[i]);
        else if (hidden && point != 0)
            buffer_printf(out, "%s", utf8_spell(point, spelt));
        else
            buffer_append(out, text + i, size);
        i += size > 0 ? size : 1;
    }
}

void report_text_append(const char *text, size_t length, struct buffer *out)
{
    text_append(text, length, true, out);
}

/* `part` of `digits` decimals, without zeros at its end. */
static void decimal_append(uint64_t whole, uint32_t part, int digits, struct buffer *out)
{
    buffer_printf(out, "%" PRIu64, whole);
    while (part != 0 && part % 10 == 0) {
        part /= 10;
        digits--;
    }
    if (part != 0)
        buffer_printf(out, ".%0*" PRIu32, digits, part);
}

/* To the nearest millionth of an hour. */
static void hours_append(uint64_t minutes, struct buffer *out)
{
    uint32_t part = (uint32_t)(minutes % 60);
    decimal_append(minutes / 60, (part * 1000000 + 30) / 60, 6, out);
}

static void month_append(uint64_t time_s, struct buffer *out)
{
    char text[MOMENT_TEXT_BYTES];
    moment_format(time_s, text);
    /* What is not a month's first second is no month; it is shown as the time it is. */
    bool is_month = time_s <= TIME_MAX_S && strcmp(text + 7, "-01T00:00:00Z") == 0;
    buffer_printf(out, "%.*s", is_month ? 7 : MOMENT_TEXT_BYTES, text);
}

static void set_cell_append(enum cell_kind kind, const struct report_cell *cell, bool hidden,
                            struct buffer *out)
{
    char text[64];
    _Static_assert(sizeof(text) >= MOMENT_TEXT_BYTES, "a time fits");
    _Static_assert(sizeof(text) >= AMOUNT_TEXT_BYTES, "an amount fits");
    switch (kind) {
    case CELL_KIND_AMOUNT:
        buffer_printf(out, "%s", amount_format(cell->number, text));
        return;
    case CELL_KIND_PPM:
        decimal_append(cell->number / 10000, (uint32_t)(cell->number % 10000), 4, out);
        return;
    case CELL_KIND_TIME:
        buffer_printf(out, "%s", moment_format(cell->number, text));
        return;
    case CELL_KIND_MONTH:
        month_append(cell->number, out);
        return;
    case CELL_KIND_GPU_MINUTES:
        hours_append(cell->number, out);
        return;
    case CELL_KIND_GRAMS:
        decimal_append(cell->number / 1000, (uint32_t)(cell->number % 1000), 3, out);
        return;
    case CELL_KIND_MILLIGRAMS:
        decimal_append(cell->number / 1000000, (uint32_t)(cell->number % 1000000), 6, out);
        return;
    case CELL_KIND_YES:
        buffer_printf(out, "%s", cell->number != 0 ? "yes" : "no");
        return;
    case CELL_KIND_TEXT:
        text_append(cell->text.data, cell->text.length, hidden, out);
        return;
    case CELL_KIND_NAMED:
        if (cell->text.length > 0) {
            text_append(cell->text.data, cell->text.length, hidden, out);
            return;
        }
        break;
    case CELL_KIND_COUNT:
        break;
    }
    buffer_printf(out, "%" PRIu64, cell->number);
}

void report_cell_text(enum cell_kind kind, const struct report_cell *cell,
                      enum report_format format, struct buffer *out)
{
    if (report_cell_is_set(kind, cell))
        set_cell_append(kind, cell, format == REPORT_FORMAT_TABLE, out);
    else if (format == REPORT_FORMAT_TABLE)
        buffer_printf(out, "-");
}
