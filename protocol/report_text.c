#include "protocol/report_text.h"

#include <inttypes.h>
#include <string.h>

#include "protocol/amount.h"
#include "protocol/moment.h"
#include "protocol/month.h"
#include "protocol/report_cell.h"
#include "protocol/status.h"
#include "protocol/utf8.h"

enum { ALL_TABLES = REPORT_TABLES_MAX, NOTE_WIDTH = 100 };

static bool text_is(struct text text, const char *word)
{
    return text.length == strlen(word) && memcmp(text.data, word, text.length) == 0;
}

/* --- What it is about --- */

static void time_append(uint64_t time_s, struct buffer *out)
{
    char text[MOMENT_TEXT_BYTES];
    buffer_printf(out, "%s", moment_format(time_s, text));
}

/* The times, or the months where they begin and end with months; 0: no beginning, or no end. */
static void span_append(const struct a_report *r, struct buffer *out)
{
    uint32_t first = month_of(r->from_s);
    uint32_t behind = month_of(r->until_s);
    char from[MOMENT_TEXT_BYTES];
    char until[MOMENT_TEXT_BYTES];
    moment_format(r->from_s, from);
    if (r->until_s == 0) {
        buffer_printf(out, "from %s on", from);
        return;
    }
    if (r->from_s == 0) {
        buffer_printf(out, "until %s", moment_format(r->until_s, until));
        return;
    }
    if (r->until_s <= r->from_s || month_start_s(first) != r->from_s ||
        month_start_s(behind) != r->until_s) {
        buffer_printf(out, "from %s until %s", from, moment_format(r->until_s, until));
        return;
    }
    moment_format(month_start_s(behind - 1), until);
    buffer_printf(out, behind - first == 1 ? "%.7s" : "%.7s to %.7s", from, until);
}

static void about_append(const struct a_report *r, struct buffer *out)
{
    const char *kind = vocabulary_name(&report_kind_vocabulary, r->kind);
    buffer_printf(out, "Report %s of ", kind != NULL ? kind : "?");
    if (r->account == 0)
        buffer_printf(out, "the whole exchange");
    else if (r->account_name.length > 0)
        report_text_append(r->account_name.data, r->account_name.length, out);
    if (r->account != 0)
        buffer_printf(out,
                      r->account_name.length > 0 ? " (account %" PRIu32 ")" : "account %" PRIu32,
                      r->account);
    if (r->from_s != 0 || r->until_s != 0) {
        buffer_printf(out, ", ");
        span_append(r, out);
    }
    buffer_printf(out, ",\nas of log index %" PRIu64 ", ", r->index);
    time_append(r->time_s, out);
    buffer_printf(out, r->kind == REPORT_KIND_USAGE
                           ? "; costs and unit prices in the BillingCurrency\n"
                           : "; amounts in credits\n");
}

/* A paragraph with a dash before it, in lines that fit a page. */
static void note_append(struct text note, struct buffer *out)
{
    size_t width = 0;
    buffer_printf(out, "-");
    for (uint32_t at = 0; at < note.length;) {
        uint32_t end = at;
        while (end < note.length && note.data[end] != ' ')
            end++;
        if (width > 0 && width + 1 + (end - at) > NOTE_WIDTH) {
            buffer_printf(out, "\n ");
            width = 0;
        }
        buffer_printf(out, " ");
        report_text_append(note.data + at, end - at, out);
        width += 1 + (end - at);
        at = end + (end < note.length);
    }
    buffer_printf(out, "\n");
}

/* What nobody may miss, whichever table is asked for. */
static bool note_warns(struct text note)
{
    static const char mark[] = "Attention:";
    return note.length > strlen(mark) && memcmp(note.data, mark, strlen(mark)) == 0;
}

/* With one table of several the notes that warn alone: what a report assumes is more than a page,
 * and there for who wants all of it. */
static void notes_append(const struct a_report *r, uint32_t table, struct buffer *out)
{
    bool whole = table == ALL_TABLES || r->tables.count == 1;
    uint32_t left_out = 0;
    for (uint32_t i = 0; i < r->notes.count; i++) {
        if (whole || note_warns(r->notes.items[i].note))
            note_append(r->notes.items[i].note, out);
        else
            left_out++;
    }
    if (left_out > 0)
        buffer_printf(out, "- What is assumed is said with all tables: --table all.\n");
}

/* --- Tables for people --- */

static void people_append(const struct a_report *r, uint32_t table, struct buffer *out)
{
    about_append(r, out);
    for (uint32_t i = 0; i < r->tables.count; i++) {
        if (table == ALL_TABLES || table == i)
            report_table_print(r, i, out);
    }
    if (r->notes.count > 0)
        buffer_printf(out, "\nNotes\n");
    notes_append(r, table, out);
}

/* --- JSON --- */

/* Bytes that are not plain text become U+FFFD: JSON is UTF-8. Hidden characters are escaped. */
static void quoted_append(const char *text, size_t length, struct buffer *out)
{
    char spelt[UTF8_SPELT_BYTES];
    buffer_printf(out, "\"");
    for (size_t i = 0; i < length;) {
        size_t size = 1;
        while (size < 4 && i + size < length && ((unsigned char)text[i + size] & 0xc0) == 0x80)
            size++;
        size_t hidden_size;
        uint32_t hidden = utf8_hidden(text + i, size, &hidden_size);
        if (!utf8_is_plain(text + i, size)) {
            size = 1;
            buffer_printf(out, "\xef\xbf\xbd");
        } else if (text[i] == '"' || text[i] == '\\') {
            buffer_printf(out, "\\%c", text[i]);
        } else if (hidden != 0) {
            buffer_printf(out, "%s", utf8_spell_json(hidden, spelt));
        } else {
            buffer_append(out, text + i, size);
        }
        i += size;
    }
    buffer_printf(out, "\"");
}

static void key_append(const char *key, struct buffer *out)
{
    buffer_printf(out, "\"%s\": ", key);
}

/* As client/json.h has numbers: what other languages' integers cannot hold is a string. */
static void number_append(uint64_t number, struct buffer *out)
{
    const char *mark = number > INT64_MAX ? "\"" : "";
    buffer_printf(out, "%s%" PRIu64 "%s", mark, number, mark);
}

/* The cell as CSV shows it: a decimal number, or a string. */
static void shown_append(enum cell_kind kind, const struct report_cell *cell, struct buffer *out)
{
    struct buffer text = BUFFER_EMPTY;
    bool is_number = kind == CELL_KIND_COUNT || kind == CELL_KIND_AMOUNT || kind == CELL_KIND_PPM ||
                     kind == CELL_KIND_GPU_MINUTES || kind == CELL_KIND_GRAMS ||
                     kind == CELL_KIND_MILLIGRAMS;
    report_cell_text(kind, cell, REPORT_FORMAT_CSV, &text);
    if (text.status != STATUS_OK)
        out->status = text.status;
    else if (is_number)
        buffer_append(out, text.data, text.length);
    else
        quoted_append((const char *)text.data, text.length, out);
    buffer_release(&text);
}

static void json_cell_append(const struct report_column *column, const struct report_cell *cell,
                             struct buffer *out)
{
    enum cell_kind kind = (enum cell_kind)column->kind;
    char text[AMOUNT_TEXT_BYTES];
    if (!report_cell_is_set(kind, cell)) {
        buffer_printf(out, "null");
    } else if (kind == CELL_KIND_YES) {
        buffer_printf(out, cell->number != 0 ? "true" : "false");
    } else if (kind == CELL_KIND_TEXT) {
        quoted_append(cell->text.data, cell->text.length, out);
    } else if (report_column_is_foreign(column) || kind == CELL_KIND_TIME ||
               kind == CELL_KIND_MONTH) {
        shown_append(kind, cell, out);
    } else if (kind == CELL_KIND_AMOUNT && cell->number > INT64_MAX) {
        buffer_printf(out, "\"%s\"", amount_format(cell->number, text));
    } else {
        number_append(cell->number, out);
    }
}

/* What has a name has two keys: its number, and the name. */
static bool column_has_name(const struct report_column *column)
{
    return column->kind == CELL_KIND_NAMED && !report_column_is_foreign(column);
}

static void json_row_append(const struct report_table *t, const struct report_row *row,
                            struct buffer *out)
{
    buffer_printf(out, "{");
    for (uint32_t i = 0; i < t->columns.count; i++) {
        const struct report_column *column = &t->columns.items[i];
        struct report_cell cell = report_row_cell(row, i);
        buffer_printf(out, "%s\"", i > 0 ? ", " : "");
        report_column_name(column, REPORT_FORMAT_JSON, out);
        buffer_printf(out, "\": ");
        json_cell_append(column, &cell, out);
        if (!column_has_name(column))
            continue;
        buffer_printf(out, ", \"");
        report_column_name(column, REPORT_FORMAT_JSON, out);
        buffer_printf(out, "_name\": ");
        if (cell.text.length > 0)
            quoted_append(cell.text.data, cell.text.length, out);
        else
            buffer_printf(out, "null");
    }
    buffer_printf(out, "}");
}

static void json_table_append(const struct a_report *r, uint32_t table, struct buffer *out)
{
    const struct report_table *t = &r->tables.items[table];
    bool any = false;
    buffer_printf(out, "    ");
    quoted_append(t->name.data, t->name.length, out);
    buffer_printf(out, ": [");
    for (uint32_t i = 0; i < r->rows.count; i++) {
        if (r->rows.items[i].table != table)
            continue;
        buffer_printf(out, any ? ",\n      " : "\n      ");
        json_row_append(t, &r->rows.items[i], out);
        any = true;
    }
    buffer_printf(out, any ? "\n    ]" : "]");
}

static void json_time_append(const char *key, uint64_t time_s, struct buffer *out)
{
    key_append(key, out);
    if (time_s == 0) {
        buffer_printf(out, "null,\n  ");
        return;
    }
    buffer_printf(out, "\"");
    time_append(time_s, out);
    buffer_printf(out, "\",\n  ");
}

static void json_append(const struct a_report *r, uint32_t table, struct buffer *out)
{
    const char *kind = vocabulary_name(&report_kind_vocabulary, r->kind);
    bool any = false;
    buffer_printf(out, "{\n  ");
    key_append("kind", out);
    buffer_printf(out, "\"%s\",\n  ", kind != NULL ? kind : "?");
    key_append("index", out);
    number_append(r->index, out);
    buffer_printf(out, ",\n  ");
    json_time_append("time_s", r->time_s, out);
    key_append("account", out);
    buffer_printf(out, "%" PRIu32 ",\n  ", r->account);
    key_append("account_name", out);
    quoted_append(r->account_name.data, r->account_name.length, out);
    buffer_printf(out, ",\n  ");
    json_time_append("from_s", r->from_s, out);
    json_time_append("until_s", r->until_s, out);
    key_append("notes", out);
    buffer_printf(out, "[");
    for (uint32_t i = 0; i < r->notes.count; i++) {
        buffer_printf(out, i > 0 ? ",\n    " : "\n    ");
        quoted_append(r->notes.items[i].note.data, r->notes.items[i].note.length, out);
    }
    buffer_printf(out, "%s],\n  ", r->notes.count > 0 ? "\n  " : "");
    key_append("tables", out);
    buffer_printf(out, "{");
    for (uint32_t i = 0; i < r->tables.count; i++) {
        if (table != ALL_TABLES && table != i)
            continue;
        buffer_printf(out, any ? ",\n" : "\n");
        json_table_append(r, i, out);
        any = true;
    }
    buffer_printf(out, "%s}\n}\n", any ? "\n  " : "");
}

/* --- CSV --- */

/* Whether a spreadsheet takes it for a formula: some read the wide forms of the signs as well. */
static bool text_is_formula(const char *text, size_t length)
{
    static const char *const signs[] = {"=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"};
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        size_t size = strlen(signs[i]);
        if (length >= size && memcmp(text, signs[i], size) == 0)
            return true;
    }
    return false;
}

/* One cell that is `length` bytes of text; what others wrote must not become a formula. */
static void csv_text_append(const char *text, size_t length, bool of_others, struct buffer *out)
{
    bool formula = of_others && text_is_formula(text, length);
    /* Blanks at the ends are kept by programs that would else trim them. */
    bool quote = length > 0 && (text[0] == ' ' || text[length - 1] == ' ');
    for (size_t i = 0; i < length && !quote; i++)
        quote = text[i] == ',' || text[i] == '"' || text[i] == '\r' || text[i] == '\n';
    buffer_printf(out, "%s%s", quote ? "\"" : "", formula ? "'" : "");
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '"')
            buffer_append(out, "\"", 1);
        buffer_append(out, &text[i], 1);
    }
    buffer_printf(out, "%s", quote ? "\"" : "");
}

static void csv_cell_append(const struct report_column *column, const struct report_cell *cell,
                            struct buffer *out)
{
    enum cell_kind kind = (enum cell_kind)column->kind;
    struct buffer text = BUFFER_EMPTY;
    report_cell_text(kind, cell, REPORT_FORMAT_CSV, &text);
    if (text.status != STATUS_OK)
        out->status = text.status;
    csv_text_append((const char *)text.data, text.length,
                    kind == CELL_KIND_TEXT || kind == CELL_KIND_NAMED, out);
    buffer_release(&text);
}

static void csv_row_append(const struct report_table *t, const struct report_row *row,
                           struct buffer *out)
{
    for (uint32_t i = 0; i < t->columns.count; i++) {
        const struct report_column *column = &t->columns.items[i];
        struct report_cell cell = report_row_cell(row, i);
        buffer_printf(out, "%s", i > 0 ? "," : "");
        if (!column_has_name(column)) {
            csv_cell_append(column, &cell, out);
            continue;
        }
        if (report_cell_is_set(CELL_KIND_NAMED, &cell))
            buffer_printf(out, "%" PRIu64, cell.number);
        buffer_printf(out, ",");
        if (cell.text.length > 0)
            csv_cell_append(column, &cell, out);
    }
    buffer_printf(out, "\r\n");
}

static void csv_table_append(const struct a_report *r, uint32_t table, struct buffer *out)
{
    const struct report_table *t = &r->tables.items[table];
    for (uint32_t i = 0; i < t->columns.count; i++) {
        const struct report_column *column = &t->columns.items[i];
        buffer_printf(out, "%s", i > 0 ? "," : "");
        report_column_name(column, REPORT_FORMAT_CSV, out);
        if (!column_has_name(column))
            continue;
        buffer_printf(out, ",");
        report_column_name(column, REPORT_FORMAT_CSV, out);
        buffer_printf(out, "_name");
    }
    buffer_printf(out, "\r\n");
    for (uint32_t i = 0; i < r->rows.count; i++) {
        if (r->rows.items[i].table == table)
            csv_row_append(t, &r->rows.items[i], out);
    }
}

static void csv_append(const struct a_report *r, uint32_t table, struct buffer *out)
{
    if (table != ALL_TABLES) {
        csv_table_append(r, table, out);
        return;
    }
    for (uint32_t i = 0; i < r->tables.count; i++) {
        struct text name = r->tables.items[i].name;
        buffer_printf(out, "%s", i > 0 ? "\r\n" : "");
        csv_text_append(name.data, name.length, true, out);
        buffer_printf(out, "\r\n");
        csv_table_append(r, i, out);
    }
}

/* --- All of it --- */

/* The table's place, or ALL_TABLES; -1: there is none of this name. */
static int table_find(const struct a_report *r, enum report_format format, const char *table)
{
    if (table == NULL)
        return format == REPORT_FORMAT_CSV && r->tables.count > 0 ? 0 : ALL_TABLES;
    for (uint32_t i = 0; i < r->tables.count; i++) {
        if (text_is(r->tables.items[i].name, table))
            return (int)i;
    }
    return strcmp(table, "all") == 0 ? ALL_TABLES : -1;
}

int report_text(const struct a_report *r, enum report_format format, const char *table,
                struct buffer *out)
{
    int at = table_find(r, format, table);
    if (at < 0)
        return STATUS_NOT_FOUND;
    if (format == REPORT_FORMAT_JSON)
        json_append(r, (uint32_t)at, out);
    else if (format == REPORT_FORMAT_CSV)
        csv_append(r, (uint32_t)at, out);
    else
        people_append(r, (uint32_t)at, out);
    return out->status;
}

void report_text_tables(const struct a_report *r, struct buffer *out)
{
    for (uint32_t i = 0; i < r->tables.count; i++) {
        struct text name = r->tables.items[i].name;
        buffer_printf(out, "%s", i > 0 ? ", " : "");
        report_text_append(name.data, name.length, out);
    }
}

void report_text_about(const struct a_report *r, enum report_format format, const char *table,
                       struct buffer *out)
{
    int at = table_find(r, format, table);
    if (format != REPORT_FORMAT_CSV || at < 0)
        return;
    about_append(r, out);
    if (at != ALL_TABLES && r->tables.count > 1) {
        struct text name = r->tables.items[at].name;
        buffer_printf(out, "This is table %.*s of ", (int)name.length, name.data);
        report_text_tables(r, out);
        buffer_printf(out, "; --table names another, or all\n");
    }
    notes_append(r, table == NULL ? ALL_TABLES : (uint32_t)at, out);
}
