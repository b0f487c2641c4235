/* The tables' versions, keys and sizes stand in docs/storage.md as they are in the code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "server/exchange/rows.h"
#include "tests/protocol/document.h"

static int storage_load(void **state)
{
    *state = file_text(BOURSE_STORAGE_DOCUMENT);
    return 0;
}

/* "lease, period"; units and dashes of names are left out, as is what stands in brackets. */
static void key_text(const struct table_spec *t, char *out, size_t size)
{
    size_t length = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < t->key_columns; i++) {
        char name[64];
        snprintf(name, sizeof(name), "%s", t->columns[i].name);
        size_t end = strlen(name);
        if (end > 2 && strcmp(name + end - 2, "_s") == 0)
            name[end - 2] = '\0';
        for (char *c = name; *c != '\0'; c++)
            *c = *c == '_' ? ' ' : *c;
        length += (size_t)snprintf(out + length, size - length, "%s%s", i > 0 ? ", " : "", name);
    }
}

/* A number with spaces between thousands. */
static unsigned long cell_number(const char *cell)
{
    char digits[CELL_BYTES];
    size_t length = 0;
    for (; *cell != '\0'; cell++) {
        if (*cell != ' ')
            digits[length++] = *cell;
    }
    digits[length] = '\0';
    return strtoul(digits, NULL, 10);
}

static void table_compare(const struct row *row, const struct table_spec *t, struct faults *faults)
{
    char key[256];
    key_text(t, key, sizeof(key));
    size_t length = strcspn(row->cells[2], "(");
    while (length > 0 && row->cells[2][length - 1] == ' ')
        length--;
    if (!cell_names(row->cells[0], t->name))
        fault(faults, "%s stands where `%s` should", row->cells[0], t->name);
    else if (cell_number(row->cells[1]) != t->version)
        fault(faults, "`%s` has version %u", t->name, t->version);
    else if (strlen(key) != length || strncmp(row->cells[2], key, length) != 0)
        fault(faults, "`%s` has the key %s", t->name, key);
    else if (cell_number(row->cells[3]) != t->row_size)
        fault(faults, "a row of `%s` has %u bytes", t->name, t->row_size);
}

/* In the order of loading. */
static void tables_compare(const char *document, const struct table_spec *tables, size_t count,
                           struct faults *faults)
{
    const char *line = section_find(document, "### Tables");
    struct row row;
    if (line == NULL) {
        fault(faults, "there is no heading '### Tables'");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!row_next(&line, &row)) {
            fault(faults, "`%s` is missing", tables[i].name);
            return;
        }
        table_compare(&row, &tables[i], faults);
    }
    if (row_next(&line, &row))
        fault(faults, "%s is no table", row.cells[0]);
}

static void test_every_table_is_documented(void **state)
{
    struct faults f = {0, BUFFER_EMPTY};
    tables_compare(*state, exchange_tables, TABLE_COUNT, &f);
    expect_none(&f);
}

static void test_an_undocumented_change_is_reported(void **state)
{
    struct faults f = {0, BUFFER_EMPTY};
    struct table_spec tables[TABLE_COUNT];
    memcpy(tables, exchange_tables, sizeof(tables));
    tables_compare(*state, tables, TABLE_COUNT - 1, &f);
    expect_one(&f, "request");

    tables[TABLE_REST].version++;
    tables_compare(*state, tables, TABLE_COUNT, &f);
    expect_one(&f, "version");
    tables[TABLE_REST].version--;

    tables[TABLE_ESCROW].key_columns--;
    tables_compare(*state, tables, TABLE_COUNT, &f);
    expect_one(&f, "key");
    tables[TABLE_ESCROW].key_columns++;

    tables[TABLE_RULE].row_size = (uint16_t)(tables[TABLE_RULE].row_size + 8);
    tables_compare(*state, tables, TABLE_COUNT, &f);
    expect_one(&f, "bytes");
    tables[TABLE_RULE] = exchange_tables[TABLE_RULE];

    tables[TABLE_GIFT].name = "made_up";
    tables_compare(*state, tables, TABLE_COUNT, &f);
    expect_one(&f, "made_up");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_table_is_documented),
        cmocka_unit_test(test_an_undocumented_change_is_reported),
    };
    return cmocka_run_group_tests(tests, storage_load, document_free);
}
