#include "server/report/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/status.h"
#include "server/report/job.h"
#include "server/report/vector.h"

struct report {
    struct arena arena; /* texts, columns */
    struct head_row head;
    struct a_report answer; /* without its rows */
    struct report_note notes[REPORT_NOTES_MAX];
    struct report_table tables[REPORT_TABLES_MAX];
    struct report_row *rows; /* their cells are set when all are there */
    uint32_t rows_count;
    uint32_t rows_room;
    struct report_cell *cells;
    size_t cells_count;
    size_t cells_room;
    uint32_t missing; /* cells of the last row that are still to come */
    int status;       /* of what has failed; then nothing is added any more */
    enum refusal refusal;
};

static size_t report_memory(const struct report *r)
{
    return r->arena.used + r->rows_room * sizeof(*r->rows) + r->cells_room * sizeof(*r->cells);
}

static void report_fail(struct report *r, int status)
{
    if (r->status == 0)
        r->status = status;
}

static bool report_is_good(const struct report *r)
{
    return r->status == 0 && r->refusal == REFUSAL_accepted;
}

void job_refuse(struct job *j, enum refusal refusal)
{
    if (j->report->refusal == REFUSAL_accepted)
        j->report->refusal = refusal;
}

bool job_stops(struct job *j)
{
    const atomic_bool *stopping = j->source->stopping;
    bool stops = stopping != NULL && atomic_load_explicit(stopping, memory_order_relaxed);
    if (stops)
        report_fail(j->report, STATUS_CLOSED);
    return stops;
}

void *job_alloc(struct job *j, size_t size)
{
    if (report_memory(j->report) + size > REPORT_BYTES_MAX) {
        job_refuse(j, REFUSAL_report_too_large);
        return NULL;
    }
    void *memory = arena_alloc(j->arena, size);
    if (memory == NULL)
        report_fail(j->report, STATUS_MEMORY);
    return memory;
}

static struct text text_keep(struct job *j, const char *text, size_t length)
{
    char *kept = length == 0 ? NULL : job_alloc(j, length);
    if (kept == NULL)
        return (struct text){"", 0};
    memcpy(kept, text, length);
    return (struct text){kept, (uint32_t)length};
}

/* --- Filling --- */

uint32_t job_table(struct job *j, const char *name, const char *title,
                   const struct job_column *columns, uint32_t count)
{
    struct report *r = j->report;
    uint32_t at = r->answer.tables.count;
    struct report_column *kept = job_alloc(j, count * sizeof(*kept));
    if (kept == NULL)
        return 0; /* it has failed */
    if (at == REPORT_TABLES_MAX || count > REPORT_COLUMNS_MAX) {
        report_fail(r, STATUS_MISUSE);
        return 0;
    }
    for (uint32_t i = 0; i < count; i++)
        kept[i] = (struct report_column){text_of(columns[i].name), columns[i].kind};
    r->tables[at] = (struct report_table){text_of(name), text_of(title), {kept, count}};
    r->answer.tables.count++;
    return at;
}

/* Room for one more; false when there is none. */
static bool vector_grow(struct job *j, void **items, size_t size, size_t count, size_t *room)
{
    if (count < *room)
        return true;
    if (report_memory(j->report) + *room * size > REPORT_BYTES_MAX) {
        job_refuse(j, REFUSAL_report_too_large);
        return false;
    }
    void *moved = vector_reserve(*items, size, count, room);
    if (moved == NULL) {
        report_fail(j->report, STATUS_MEMORY);
        return false;
    }
    *items = moved;
    return true;
}

bool job_row(struct job *j, uint32_t table)
{
    struct report *r = j->report;
    void *rows = r->rows;
    size_t room = r->rows_room;
    if (!report_is_good(r))
        return false; /* its last row may lack cells */
    if (r->missing != 0 || table >= r->answer.tables.count)
        report_fail(r, STATUS_MISUSE);
    if (r->rows_count == REPORT_ROWS_MAX)
        job_refuse(j, REFUSAL_report_too_large);
    if (!report_is_good(r) || !vector_grow(j, &rows, sizeof(*r->rows), r->rows_count, &room))
        return false;
    r->rows = rows;
    r->rows_room = (uint32_t)room;
    r->missing = r->tables[table].columns.count;
    r->rows[r->rows_count++] = (struct report_row){.table = table, .cells.count = r->missing};
    return true;
}

static void cell_add(struct job *j, uint64_t number, struct text text)
{
    struct report *r = j->report;
    void *cells = r->cells;
    if (!report_is_good(r))
        return;
    if (r->missing == 0) {
        report_fail(r, STATUS_MISUSE);
        return;
    }
    if (!vector_grow(j, &cells, sizeof(*r->cells), r->cells_count, &r->cells_room))
        return;
    r->cells = cells;
    r->cells[r->cells_count++] = (struct report_cell){number, text};
    r->missing--;
}

void job_number(struct job *j, uint64_t number)
{
    cell_add(j, number, (struct text){"", 0});
}

void job_none(struct job *j)
{
    job_number(j, REPORT_NONE);
}

void job_text(struct job *j, const char *text)
{
    size_t length = strnlen(text, 255);
    cell_add(j, 0, text_keep(j, text, length));
}

void job_word(struct job *j, const char *word)
{
    cell_add(j, 0, (struct text){word, (uint32_t)strnlen(word, 255)});
}

static void cell_named(struct job *j, uint64_t number, const char *name)
{
    if (number == 0)
        job_none(j);
    else
        cell_add(j, number, text_keep(j, name, strnlen(name, NAME_MAX_BYTES)));
}

void job_account(struct job *j, uint32_t account)
{
    const struct account_row *row = names_account(j->names, account);
    cell_named(j, account, row != NULL ? row->name : "?");
}

void job_series(struct job *j, uint32_t series)
{
    const struct series_row *row = names_series(j->names, series);
    cell_named(j, series, row != NULL ? row->name : "?");
}

void job_sku(struct job *j, uint64_t sku)
{
    const struct sku_row *row = names_sku(j->names, sku);
    cell_named(j, sku, row != NULL ? row->name : "?");
}

void job_generation(struct job *j, uint64_t sku)
{
    const struct sku_row *row = names_sku(j->names, sku);
    const char *name = row != NULL ? row->generation : "";
    cell_add(j, 0, text_keep(j, name, strnlen(name, NAME_MAX_BYTES)));
}

void job_site(struct job *j, uint64_t site)
{
    const struct site_row *row = names_site(j->names, site);
    cell_named(j, site, row != NULL ? row->name : "?");
}

void job_note(struct job *j, const char *format, ...)
{
    struct report *r = j->report;
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    if (length <= 0 || (size_t)length >= sizeof(line) ||
        r->answer.notes.count == REPORT_NOTES_MAX) {
        report_fail(r, STATUS_MISUSE);
        return;
    }
    r->notes[r->answer.notes.count++].note = text_keep(j, line, (size_t)length);
}

void job_span(struct job *j, uint64_t from_s, uint64_t until_s)
{
    j->report->answer.from_s = from_s;
    j->report->answer.until_s = until_s;
}

/* --- Making --- */

static int head_take(void *context, const void *row)
{
    memcpy(context, row, sizeof(struct head_row));
    return 0;
}

static int kind_run(struct job *j)
{
    switch ((enum report_kind)j->query->kind) {
    case REPORT_KIND_EXPOSURE:
        return exposure_report(j);
    case REPORT_KIND_STRESS:
        return stress_report(j);
    case REPORT_KIND_COLLATERAL:
        return collateral_report(j);
    case REPORT_KIND_ENDORSEMENT:
        return endorsement_report(j);
    case REPORT_KIND_CIRCULARITY:
        return circularity_report(j);
    case REPORT_KIND_CONCENTRATION:
        return concentration_report(j);
    case REPORT_KIND_VACANCY:
        return vacancy_report(j);
    case REPORT_KIND_CARBON:
        return carbon_report(j);
    case REPORT_KIND_PORTABILITY:
        return portability_report(j);
    case REPORT_KIND_STATEMENT:
        return statement_report(j);
    case REPORT_KIND_USAGE:
        return usage_report(j);
    }
    return STATUS_MISUSE;
}

/* What is wrong with the question for every kind; else the kind itself. */
static int job_run(struct job *j)
{
    const struct q_report *q = j->query;
    if (q->site != 0 && names_site(j->names, q->site) == NULL)
        job_refuse(j, REFUSAL_site_not_found);
    else if (q->sku != 0 && names_sku(j->names, q->sku) == NULL)
        job_refuse(j, REFUSAL_sku_not_found);
    else if (q->until_s != 0 && q->until_s <= q->from_s)
        job_refuse(j, REFUSAL_terms_invalid);
    else
        return kind_run(j);
    return 0;
}

/* Now that no cell moves any more, the rows learn where theirs are. */
static void rows_finish(struct report *r)
{
    size_t at = 0;
    for (uint32_t i = 0; i < r->rows_count; i++) {
        r->rows[i].cells.items = r->cells + at;
        at += r->rows[i].cells.count;
    }
    r->answer.total = r->rows_count;
    r->answer.notes.items = r->notes;
    r->answer.tables.items = r->tables;
}

int report_make(const struct q_report *q, uint32_t account, const struct source *from,
                struct report **out, enum refusal *refusal_out)
{
    return report_make_between(q, account, NULL, from, out, refusal_out);
}

int report_make_between(const struct q_report *q, uint32_t account, const struct source *before,
                        const struct source *from, struct report **out, enum refusal *refusal_out)
{
    struct names names = NAMES_OF(from);
    struct report *r = calloc(1, sizeof(*r));
    *out = NULL;
    *refusal_out = REFUSAL_accepted;
    if (r == NULL)
        return STATUS_MEMORY;
    struct job job = {q, account, from, before, &r->head, &names, &r->arena, r};
    int status = from->each(from->of, TABLE_HEAD, head_take, &r->head);
    /* Months would not end: the calendar goes no further. */
    if (status == 0 && r->head.time_s > TIME_MAX_S)
        status = STATUS_DAMAGED;
    if (status == 0) {
        const struct account_row *row = names_account(&names, account);
        const char *name = row != NULL ? row->name : "";
        r->answer = (struct a_report){
            .kind = q->kind,
            .index = r->head.log_size,
            .time_s = r->head.time_s,
            .account = account,
            .account_name = text_keep(&job, name, strnlen(name, NAME_MAX_BYTES)),
        };
        status = job_run(&job);
    }
    if (status == 0)
        status = names.status;
    names_release(&names);
    if (status == 0)
        status = r->status;
    if (status == 0 && r->refusal == REFUSAL_accepted && r->missing != 0)
        status = STATUS_MISUSE;
    *refusal_out = status == 0 ? r->refusal : REFUSAL_accepted;
    if (status != 0 || r->refusal != REFUSAL_accepted) {
        report_free(r);
        return status;
    }
    rows_finish(r);
    *out = r;
    return 0;
}

void report_free(struct report *r)
{
    if (r == NULL)
        return;
    arena_release(&r->arena);
    free(r->rows);
    free(r->cells);
    free(r);
}

/* --- Reading --- */

uint64_t report_index(const struct report *r)
{
    return r->answer.index;
}

size_t report_bytes(const struct report *r)
{
    return sizeof(*r) + report_memory(r);
}

/* What a row takes in a frame, or somewhat more. */
static size_t row_bytes(const struct report_row *row)
{
    size_t bytes = 16;
    for (uint32_t i = 0; i < row->cells.count; i++)
        bytes += 16 + row->cells.items[i].text.length;
    return bytes;
}

struct a_report report_page(const struct report *r, uint32_t from, bool whole)
{
    struct a_report page = r->answer;
    uint32_t until = from > r->rows_count ? r->rows_count : from;
    from = until;
    for (size_t bytes = 0; until < r->rows_count; until++) {
        if (!whole && (bytes >= REPORT_PAGE_BYTES || until - from == PAGE_ROWS_MAX))
            break;
        bytes += row_bytes(&r->rows[until]);
    }
    page.rows.items = r->rows + from;
    page.rows.count = until - from;
    page.next = until < r->rows_count ? until : 0;
    return page;
}
