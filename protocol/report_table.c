/* A report's table as people read it: aligned columns, or where those are too wide, row by row. */
#include <stdlib.h>
#include <string.h>

#include "protocol/report_cell.h"
#include "protocol/status.h"

enum { GAP = 2, WIDTH_MAX = 240, DIGITS = 3 };

/* A column while it is laid out. */
struct layout {
    size_t width;    /* characters */
    size_t decimals; /* digits behind the point, the most of any cell */
};

static bool kind_is_right(enum cell_kind kind)
{
    return kind != CELL_KIND_TEXT && kind != CELL_KIND_NAMED && kind != CELL_KIND_TIME &&
           kind != CELL_KIND_MONTH && kind != CELL_KIND_YES;
}

/* Whether the cells are decimals, with their points one below the other. */
static bool kind_is_decimal(enum cell_kind kind)
{
    return kind == CELL_KIND_AMOUNT || kind == CELL_KIND_PPM || kind == CELL_KIND_GPU_MINUTES ||
           kind == CELL_KIND_GRAMS || kind == CELL_KIND_MILLIGRAMS;
}

static size_t characters(const char *text, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* How many digits of the cell's text stand before and behind the point. */
static void digits_count(const struct buffer *text, size_t *before_out, size_t *behind_out)
{
    size_t before = 0;
    size_t behind = 0;
    while (before < text->length && is_digit(text->data[before]))
        before++;
    if (before < text->length && text->data[before] == '.') {
        while (before + 1 + behind < text->length && is_digit(text->data[before + 1 + behind]))
            behind++;
    }
    *before_out = before;
    *behind_out = behind;
}

/* Appends the cell, a decimal with its thousands apart and with as many digits as the column has.
 */
static void cell_append(const struct report_column *column, const struct layout *layout,
                        const struct report_cell *cell, struct buffer *out)
{
    enum cell_kind kind = (enum cell_kind)column->kind;
    struct buffer text = BUFFER_EMPTY;
    size_t before = 0;
    size_t behind = 0;
    report_cell_text(kind, cell, REPORT_FORMAT_TABLE, &text);
    if (text.status != STATUS_OK)
        out->status = text.status;
    if (kind_is_decimal(kind) && text.length > 0)
        digits_count(&text, &before, &behind);
    if (before == 0) {
        buffer_append(out, text.data, text.length);
        buffer_release(&text);
        return;
    }
    for (size_t i = 0; i < before; i++) {
        if (i > 0 && (before - i) % DIGITS == 0)
            buffer_append(out, ",", 1);
        buffer_append(out, &text.data[i], 1);
    }
    if (layout->decimals > 0)
        buffer_printf(out, ".");
    size_t at = before + (behind > 0 ? 1 : 0);
    buffer_append(out, text.data + at, behind);
    for (size_t i = behind; i < layout->decimals; i++)
        buffer_append(out, "0", 1);
    at += behind;
    buffer_append(out, text.data + at, text.length - at);
    buffer_release(&text);
}

static void layout_decimals(const struct a_report *r, uint32_t table, struct layout *layouts)
{
    const struct report_table *t = &r->tables.items[table];
    struct buffer text = BUFFER_EMPTY;
    for (uint32_t i = 0; i < r->rows.count; i++) {
        for (uint32_t j = 0; r->rows.items[i].table == table && j < t->columns.count; j++) {
            enum cell_kind kind = (enum cell_kind)t->columns.items[j].kind;
            struct report_cell cell = report_row_cell(&r->rows.items[i], j);
            size_t before = 0;
            size_t behind = 0;
            if (!kind_is_decimal(kind))
                continue;
            buffer_clear(&text);
            report_cell_text(kind, &cell, REPORT_FORMAT_TABLE, &text);
            digits_count(&text, &before, &behind);
            if (behind > layouts[j].decimals)
                layouts[j].decimals = behind;
        }
    }
    buffer_release(&text);
}

static void layout_widen(struct layout *layout, const struct buffer *text)
{
    size_t width = characters((const char *)text->data, text->length);
    layout->width = width > layout->width ? width : layout->width;
}

static uint32_t layout_widths(const struct a_report *r, uint32_t table, struct layout *layouts)
{
    const struct report_table *t = &r->tables.items[table];
    struct buffer text = BUFFER_EMPTY;
    uint32_t rows = 0;
    for (uint32_t j = 0; j < t->columns.count; j++) {
        buffer_clear(&text);
        report_column_name(&t->columns.items[j], REPORT_FORMAT_TABLE, &text);
        layout_widen(&layouts[j], &text);
    }
    for (uint32_t i = 0; i < r->rows.count; i++) {
        if (r->rows.items[i].table != table)
            continue;
        for (uint32_t j = 0; j < t->columns.count; j++) {
            struct report_cell cell = report_row_cell(&r->rows.items[i], j);
            buffer_clear(&text);
            cell_append(&t->columns.items[j], &layouts[j], &cell, &text);
            layout_widen(&layouts[j], &text);
        }
        rows++;
    }
    buffer_release(&text);
    return rows;
}

/* Appends the text in a field of the column's width; nothing behind the last one. */
static void field_append(const struct layout *layout, bool right, bool last,
                         const struct buffer *text, struct buffer *out)
{
    size_t width = characters((const char *)text->data, text->length);
    int pad = (int)(layout->width - width);
    if (right)
        buffer_printf(out, "%*s", pad, "");
    buffer_append(out, text->data, text->length);
    if (!last)
        buffer_printf(out, "%*s", (right ? 0 : pad) + GAP, "");
}

static void heading_append(const struct report_table *t, const struct layout *layouts,
                           struct buffer *out)
{
    struct buffer text = BUFFER_EMPTY;
    for (uint32_t j = 0; j < t->columns.count; j++) {
        const struct report_column *column = &t->columns.items[j];
        buffer_clear(&text);
        report_column_name(column, REPORT_FORMAT_TABLE, &text);
        field_append(&layouts[j], kind_is_right((enum cell_kind)column->kind),
                     j + 1 == t->columns.count, &text, out);
    }
    buffer_printf(out, "\n");
    buffer_release(&text);
}

static void row_append(const struct report_table *t, const struct layout *layouts,
                       const struct report_row *row, struct buffer *out)
{
    struct buffer text = BUFFER_EMPTY;
    for (uint32_t j = 0; j < t->columns.count; j++) {
        const struct report_column *column = &t->columns.items[j];
        struct report_cell cell = report_row_cell(row, j);
        buffer_clear(&text);
        cell_append(column, &layouts[j], &cell, &text);
        field_append(&layouts[j], kind_is_right((enum cell_kind)column->kind),
                     j + 1 == t->columns.count, &text, out);
    }
    buffer_printf(out, "\n");
    buffer_release(&text);
}

/* A row as lines of names and values, for tables that no screen is wide enough for. */
static void record_append(const struct report_table *t, const struct layout *layouts,
                          const struct report_row *row, struct buffer *out)
{
    struct layout names = {0};
    struct buffer text = BUFFER_EMPTY;
    for (uint32_t j = 0; j < t->columns.count; j++) {
        buffer_clear(&text);
        report_column_name(&t->columns.items[j], REPORT_FORMAT_TABLE, &text);
        layout_widen(&names, &text);
    }
    for (uint32_t j = 0; j < t->columns.count; j++) {
        struct report_cell cell = report_row_cell(row, j);
        buffer_clear(&text);
        report_column_name(&t->columns.items[j], REPORT_FORMAT_TABLE, &text);
        buffer_printf(out, "  ");
        field_append(&names, false, false, &text, out);
        cell_append(&t->columns.items[j], &layouts[j], &cell, out);
        buffer_printf(out, "\n");
    }
    buffer_release(&text);
}

void report_table_print(const struct a_report *r, uint32_t table, struct buffer *out)
{
    const struct report_table *t = &r->tables.items[table];
    struct layout layouts[REPORT_COLUMNS_MAX] = {0};
    size_t width = 0;
    bool first = true;
    layout_decimals(r, table, layouts);
    uint32_t rows = layout_widths(r, table, layouts);
    for (uint32_t j = 0; j < t->columns.count; j++)
        width += layouts[j].width + GAP;
    buffer_printf(out, "\n");
    report_text_append(t->title.data, t->title.length, out);
    buffer_printf(out, " (");
    report_text_append(t->name.data, t->name.length, out);
    buffer_printf(out, ")\n");
    if (rows == 0) {
        buffer_printf(out, "none\n");
        return;
    }
    if (width <= WIDTH_MAX)
        heading_append(t, layouts, out);
    for (uint32_t i = 0; i < r->rows.count; i++) {
        if (r->rows.items[i].table != table)
            continue;
        if (width > WIDTH_MAX)
            buffer_printf(out, "%s", first ? "" : "\n");
        first = false;
        if (width <= WIDTH_MAX)
            row_append(t, layouts, &r->rows.items[i], out);
        else
            record_append(t, layouts, &r->rows.items[i], out);
    }
}
