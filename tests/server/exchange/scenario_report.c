/* Lines that ask for a report and look at its cells. */
#include "tests/server/exchange/scenario_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/moment.h"
#include "protocol/month.h"
#include "server/report/report.h"

/* --- The same of rows that were taken over --- */

static bool texts_equal(struct text a, struct text b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

static bool tables_equal(const struct report_table *a, const struct report_table *b)
{
    if (!texts_equal(a->name, b->name) || !texts_equal(a->title, b->title) ||
        a->columns.count != b->columns.count)
        return false;
    for (uint32_t i = 0; i < a->columns.count; i++) {
        if (!texts_equal(a->columns.items[i].name, b->columns.items[i].name) ||
            a->columns.items[i].kind != b->columns.items[i].kind)
            return false;
    }
    return true;
}

static bool rows_equal(const struct report_row *a, const struct report_row *b)
{
    if (a->table != b->table || a->cells.count != b->cells.count)
        return false;
    for (uint32_t i = 0; i < a->cells.count; i++) {
        if (a->cells.items[i].number != b->cells.items[i].number ||
            !texts_equal(a->cells.items[i].text, b->cells.items[i].text))
            return false;
    }
    return true;
}

static bool pages_equal(const struct a_report *a, const struct a_report *b)
{
    if (a->kind != b->kind || a->index != b->index || a->time_s != b->time_s ||
        a->account != b->account || !texts_equal(a->account_name, b->account_name) ||
        a->from_s != b->from_s || a->until_s != b->until_s || a->notes.count != b->notes.count ||
        a->tables.count != b->tables.count || a->rows.count != b->rows.count)
        return false;
    for (uint32_t i = 0; i < a->notes.count; i++) {
        if (!texts_equal(a->notes.items[i].note, b->notes.items[i].note))
            return false;
    }
    for (uint32_t i = 0; i < a->tables.count; i++) {
        if (!tables_equal(&a->tables.items[i], &b->tables.items[i]))
            return false;
    }
    for (uint32_t i = 0; i < a->rows.count; i++) {
        if (!rows_equal(&a->rows.items[i], &b->rows.items[i]))
            return false;
    }
    return true;
}

/* Makes the report again of an exchange that has taken over the rows alone. */
static void report_again(struct scenario *s, const struct q_report *q, uint32_t account,
                         const struct report *made)
{
    struct exchange *copy = world_copy(&s->world);
    struct report *again = NULL;
    enum refusal refusal;
    if (!copy) {
        scenario_fail(s, "the rows contradict each other");
        return;
    }
    struct source source = source_of_store(exchange_store(copy));
    if (report_make(q, account, &source, &again, &refusal) != 0 || !again != !made) {
        scenario_fail(s, "the rows taken over give no such report");
    } else if (made) {
        struct a_report first = report_page(made, 0, true);
        struct a_report second = report_page(again, 0, true);
        if (!pages_equal(&first, &second))
            scenario_fail(s, "the rows taken over give another report");
    }
    report_free(again);
    exchange_free(copy);
}

/* --- Cells --- */

/* `2027-02` is the first second of that month. */
static bool month_read(const char *word, uint64_t *out)
{
    unsigned year, month;
    char rest;
    if (sscanf(word, "%4u-%2u%c", &year, &month, &rest) != 2 || year < 1970 || month - 1 > 11)
        return false;
    *out = month_start_s((year - 1970) * 12 + month - 1);
    return true;
}

/* `12.5%` are 125 000 parts per million. */
static bool ppm_read(const char *word, uint64_t *out)
{
    char number[NAME_ROOM];
    size_t length = strlen(word);
    if (length < 2 || length >= sizeof(number) || word[length - 1] != '%')
        return false;
    snprintf(number, sizeof(number), "%.*s", (int)(length - 1), word);
    if (!amount_parse(number, out))
        return false;
    *out /= 100;
    return true;
}

static bool cell_value_read(struct scenario *s, enum cell_kind kind, const char *word,
                            uint64_t *out)
{
    if (strcmp(word, "none") == 0) {
        *out = REPORT_NONE;
        return true;
    }
    if (kind == CELL_KIND_YES && (strcmp(word, "yes") == 0 || strcmp(word, "no") == 0)) {
        *out = word[0] == 'y';
        return true;
    }
    if ((kind == CELL_KIND_MONTH && month_read(word, out)) ||
        (kind == CELL_KIND_PPM && ppm_read(word, out)))
        return true;
    if (kind == CELL_KIND_TIME || kind == CELL_KIND_MONTH) {
        if (word[0] == 'T')
            return moment_parse(word[1] ? word + 1 : "+0s", s->scope.begin_s, out);
        return moment_parse(word, s->world.time_s, out);
    }
    return number_read(&s->scope, word, out);
}

/* Whether a cell is what the word says; a cell with a name may be given by it, or as $name. */
static bool cell_is(struct scenario *s, enum cell_kind kind, const struct report_cell *cell,
                    const char *word)
{
    uint64_t value;
    struct text text = text_of(word);
    if (kind == CELL_KIND_TEXT)
        return texts_equal(cell->text, text);
    if (kind == CELL_KIND_NAMED && cell->number != REPORT_NONE && texts_equal(cell->text, text))
        return true;
    return cell_value_read(s, kind, word, &value) && value == cell->number;
}

static void cell_say(enum cell_kind kind, const struct report_cell *cell, char *room, size_t size)
{
    if (kind == CELL_KIND_TEXT)
        snprintf(room, size, "%.*s", (int)cell->text.length, cell->text.data);
    else if (cell->number == REPORT_NONE)
        snprintf(room, size, "none");
    else if (kind == CELL_KIND_NAMED)
        snprintf(room, size, "%" PRIu64 " (%.*s)", cell->number, (int)cell->text.length,
                 cell->text.data);
    else if (kind == CELL_KIND_MONTH)
        snprintf(room, size, "%u-%02u", 1970 + month_of(cell->number) / 12,
                 month_of(cell->number) % 12 + 1);
    else
        snprintf(room, size, "%" PRIu64, cell->number);
}

/* --- Rows --- */

static int table_find(const struct a_report *page, const char *name)
{
    struct text text = text_of(name);
    for (uint32_t i = 0; i < page->tables.count; i++) {
        if (texts_equal(page->tables.items[i].name, text))
            return (int)i;
    }
    return -1;
}

/* `a/b`: whether the row's first cells are a, b. */
static bool row_begins(struct scenario *s, const struct report_table *table,
                       const struct report_row *row, const char *key)
{
    char copy[256], *rest = NULL;
    uint32_t i = 0;
    snprintf(copy, sizeof(copy), "%s", key);
    for (char *word = strtok_r(copy, "/", &rest); word; word = strtok_r(NULL, "/", &rest), i++) {
        if (i == row->cells.count ||
            !cell_is(s, table->columns.items[i].kind, &row->cells.items[i], word))
            return false;
    }
    return true;
}

/* By its place in the table, or by what its first cells are. */
static const struct report_row *row_find(struct scenario *s, const struct a_report *page,
                                         uint32_t table, const char *key)
{
    bool by_place = strspn(key, "0123456789") == strlen(key);
    unsigned long place = strtoul(key, NULL, 10);
    for (uint32_t i = 0; i < page->rows.count; i++) {
        const struct report_row *row = &page->rows.items[i];
        if (row->table != table)
            continue;
        if (by_place ? place-- == 0 : row_begins(s, &page->tables.items[table], row, key))
            return row;
    }
    return NULL;
}

/* `rows(TABLE)=N`, and `notes(TEXT)=N`: in how many notes these words are, blanks as `_`. */
static void count_check(struct scenario *s, const struct a_report *page, const char *what,
                        const char *expected)
{
    char name[NAME_ROOM];
    uint32_t count = 0;
    if (sscanf(what, "rows(%63[^)])", name) == 1) {
        int table = table_find(page, name);
        if (table < 0) {
            scenario_fail(s, "no table is called %s", name);
            return;
        }
        for (uint32_t i = 0; i < page->rows.count; i++)
            count += page->rows.items[i].table == (uint32_t)table;
    } else if (sscanf(what, "notes(%63[^)])", name) == 1) {
        for (char *c = name; *c; c++)
            *c = *c == '_' ? ' ' : *c;
        for (uint32_t i = 0; i < page->notes.count; i++) {
            struct text note = page->notes.items[i].note;
            count += memmem(note.data, note.length, name, strlen(name)) != NULL;
        }
    } else {
        scenario_fail(s, "no such thing in a report: %s", what);
        return;
    }
    if (count != strtoul(expected, NULL, 10))
        scenario_fail(s, "%s is %u, not %s", what, count, expected);
}

/* `TABLE[ROW].COLUMN=value` */
static void cell_check(struct scenario *s, const struct a_report *page, char *word)
{
    char name[NAME_ROOM], key[256], column[NAME_ROOM], has[320];
    char *value = strchr(word, '=');
    if (!value) {
        scenario_fail(s, "TABLE[ROW].COLUMN=value expected: %s", word);
        return;
    }
    *value++ = '\0';
    if (strchr(word, '(')) {
        count_check(s, page, word, value);
        return;
    }
    if (sscanf(word, "%63[^[][%255[^]]].%63s", name, key, column) != 3) {
        scenario_fail(s, "TABLE[ROW].COLUMN=value expected: %s", word);
        return;
    }
    int table = table_find(page, name);
    const struct report_row *row = table < 0 ? NULL : row_find(s, page, (uint32_t)table, key);
    if (!row) {
        scenario_fail(s, table < 0 ? "no table is called %s" : "%s has no row %s", name, key);
        return;
    }
    struct text wanted = text_of(column);
    for (uint32_t i = 0; i < row->cells.count; i++) {
        const struct report_column *c = &page->tables.items[table].columns.items[i];
        if (!texts_equal(c->name, wanted))
            continue;
        if (!cell_is(s, c->kind, &row->cells.items[i], value)) {
            cell_say(c->kind, &row->cells.items[i], has, sizeof(has));
            scenario_fail(s, "%s is %s, not %s", word, has, value);
        }
        return;
    }
    scenario_fail(s, "%s has no column %s", name, column);
}

/* --- The line --- */

/* Whose report it is, as the server decides: admins and auditors see all, others their own. */
static bool subject_of(struct scenario *s, uint64_t asking, uint32_t *account)
{
    const struct account_row *row = NULL;
    uint32_t number = (uint32_t)asking;
    if (asking != 0)
        row = store_find(exchange_store(s->world.x), TABLE_ACCOUNT, &number);
    bool sees_all = row && (row->role == ROLE_ADMIN || row->role == ROLE_AUDITOR);
    if (!row || (*account != 0 && *account != number && !sees_all))
        return false;
    if (*account == 0 && !sees_all)
        *account = number;
    return true;
}

static void page_print(const struct a_report *page)
{
    for (uint32_t i = 0; i < page->notes.count; i++)
        fprintf(stderr, "  note: %.*s\n", (int)page->notes.items[i].note.length,
                page->notes.items[i].note.data);
    for (uint32_t i = 0; i < page->rows.count; i++) {
        const struct report_row *row = &page->rows.items[i];
        const struct report_table *table = &page->tables.items[row->table];
        fprintf(stderr, "  %.*s:", (int)table->name.length, table->name.data);
        for (uint32_t c = 0; c < row->cells.count; c++) {
            char has[320];
            cell_say(table->columns.items[c].kind, &row->cells.items[c], has, sizeof(has));
            fprintf(stderr, " %.*s=%s", (int)table->columns.items[c].name.length,
                    table->columns.items[c].name.data, has);
        }
        fprintf(stderr, "\n");
    }
}

void report_line(struct scenario *s, const char *who, char *rest)
{
    char *outcome = outcome_cut(rest);
    struct q_report *q = scenario_room(s, sizeof(*q));
    uint64_t asking = 0;
    struct report *made = NULL;
    enum refusal refusal = REFUSAL_accepted;
    body_defaults(&q_report_message, q);
    scope_refresh(s);
    if (!scope_find(&s->scope, who, &asking)) {
        scenario_fail(s, "%s is no account", who);
        return;
    }
    if (!body_read(&s->scope, &q_report_message, rest, q, NULL)) {
        scenario_fail(s, "%s", s->scope.error);
        return;
    }
    uint32_t account = q->account;
    struct source source = source_of_store(exchange_store(s->world.x));
    if (!subject_of(s, asking, &account)) {
        refusal = REFUSAL_not_visible;
    } else {
        int status = report_make(q, account, &source, &made, &refusal);
        if (status != 0) {
            scenario_fail(s, "the report cannot be made: status %d", status);
            return;
        }
        report_again(s, q, account, made);
    }
    char *word = word_cut(&outcome);
    if (strcmp(word, "refused") == 0 || refusal != REFUSAL_accepted) {
        if (strcmp(word, "refused") != 0 || (int)refusal != refusal_from_name(outcome))
            scenario_fail(s, "refused %s", refusal_name(refusal));
        report_free(made);
        return;
    }
    struct a_report page = report_page(made, 0, true);
    for (; *word && !s->broken; word = word_cut(&outcome)) {
        if (strcmp(word, "print") == 0)
            page_print(&page);
        else if (strcmp(word, "ok") != 0)
            cell_check(s, &page, word);
    }
    report_free(made);
}
