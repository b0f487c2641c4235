#include "tests/server/report/made.h"

#include <string.h>

void made_begin(struct made *m, uint64_t time_s)
{
    const struct head_row head = {.time_s = time_s, .log_size = 1};
    memset(m, 0, sizeof(*m));
    m->store = store_new(exchange_tables, TABLE_COUNT);
    m->source = source_of_store(m->store);
    made_put(m, TABLE_HEAD, &head);
}

void made_end(struct made *m)
{
    report_free(m->report);
    store_free(m->store);
    memset(m, 0, sizeof(*m));
}

void made_put(struct made *m, enum table table, const void *row)
{
    store_put(m->store, table, row);
    store_settle(m->store);
}

enum refusal made_ask(struct made *m, const struct q_report *q, uint32_t account)
{
    enum refusal refusal;
    report_free(m->report);
    m->report = NULL;
    memset(&m->page, 0, sizeof(m->page));
    assert_int_equal(report_make(q, account, &m->source, &m->report, &refusal), 0);
    if (m->report != NULL)
        m->page = report_page(m->report, 0, true);
    return refusal;
}

static bool text_is(struct text text, const char *word)
{
    return text.length == strlen(word) && memcmp(text.data, word, text.length) == 0;
}

static uint32_t table_place(const struct made *m, const char *table)
{
    for (uint32_t i = 0; i < m->page.tables.count; i++) {
        if (text_is(m->page.tables.items[i].name, table))
            return i;
    }
    fail_msg("there is no table %s", table);
    return 0;
}

uint32_t made_rows(const struct made *m, const char *table)
{
    uint32_t at = table_place(m, table), count = 0;
    for (uint32_t i = 0; i < m->page.rows.count; i++)
        count += m->page.rows.items[i].table == at;
    return count;
}

static const struct report_cell *cell_find(const struct made *m, const char *table, uint32_t place,
                                           const char *column)
{
    uint32_t at = table_place(m, table);
    const struct report_table *columns = &m->page.tables.items[at];
    for (uint32_t i = 0; i < m->page.rows.count; i++) {
        const struct report_row *row = &m->page.rows.items[i];
        if (row->table != at || place-- > 0)
            continue;
        for (uint32_t c = 0; c < columns->columns.count; c++) {
            if (text_is(columns->columns.items[c].name, column))
                return &row->cells.items[c];
        }
    }
    fail_msg("%s has no such row, or no column %s", table, column);
    return NULL;
}

uint64_t made_number(const struct made *m, const char *table, uint32_t place, const char *column)
{
    return cell_find(m, table, place, column)->number;
}

struct text made_text(const struct made *m, const char *table, uint32_t place, const char *column)
{
    return cell_find(m, table, place, column)->text;
}
