#include "server/report/names.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/status.h"

void names_release(struct names *n)
{
    lookup_release(&n->accounts);
    lookup_release(&n->series);
    lookup_release(&n->skus);
    lookup_release(&n->sites);
    free(n->all_skus.rows);
    free(n->all_sites.rows);
    arena_release(&n->arena);
    *n = NAMES_OF(n->from);
}

/* --- By number --- */

/* The row of a number, which is laid out as its key, is read once; also that there is none. */
static const void *row_find(struct names *n, struct lookup *known, enum table table,
                            uint64_t number, const void *key)
{
    const struct lookup_item *item = lookup_find(known, number);
    if (item != NULL || n->status != 0)
        return item != NULL ? (const void *)(uintptr_t)item->value : NULL;
    struct lookup_item *kept = lookup_at(known, number);
    void *row = kept != NULL ? arena_alloc(&n->arena, exchange_tables[table].row_size) : NULL;
    int status = row != NULL ? n->from->find(n->from->of, table, key, row) : STATUS_MEMORY;
    if (status == 0)
        kept->value = (uint64_t)(uintptr_t)row;
    else if (status != STATUS_NOT_FOUND)
        n->status = status;
    return status == 0 ? row : NULL;
}

const struct account_row *names_account(struct names *n, uint32_t account)
{
    return row_find(n, &n->accounts, TABLE_ACCOUNT, account, &account);
}

const struct series_row *names_series(struct names *n, uint32_t series)
{
    return row_find(n, &n->series, TABLE_SERIES, series, &series);
}

const struct sku_row *names_sku(struct names *n, uint64_t sku)
{
    return row_find(n, &n->skus, TABLE_SKU, sku, &sku);
}

const struct site_row *names_site(struct names *n, uint64_t site)
{
    return row_find(n, &n->sites, TABLE_SITE, site, &site);
}

/* --- By name --- */

bool names_same(const char *name, struct text text)
{
    size_t length = strnlen(name, NAME_MAX_BYTES);
    return text.length == length && (length == 0 || memcmp(text.data, name, length) == 0);
}

/* Reads all rows of a table at the first time; false: they cannot be read. */
static bool rows_read(struct names *n, enum table table, struct source_rows *rows)
{
    if (rows->rows == NULL && n->status == 0)
        n->status = source_load(n->from, table, rows);
    return n->status == 0;
}

uint64_t names_site_named(struct names *n, struct text name)
{
    size_t count = rows_read(n, TABLE_SITE, &n->all_sites) ? n->all_sites.count : 0;
    const struct site_row *rows = n->all_sites.rows;
    for (size_t i = 0; i < count; i++) {
        if (names_same(rows[i].name, name))
            return rows[i].site;
    }
    return 0;
}

uint64_t names_sku_named(struct names *n, struct text name)
{
    size_t count = rows_read(n, TABLE_SKU, &n->all_skus) ? n->all_skus.count : 0;
    const struct sku_row *rows = n->all_skus.rows;
    for (size_t i = 0; i < count; i++) {
        if (names_same(rows[i].name, name))
            return rows[i].sku;
    }
    return 0;
}
