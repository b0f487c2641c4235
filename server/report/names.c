#include "server/report/names.h"

#include <stdlib.h>
#include <string.h>

int names_load(const struct source *from, struct names *out)
{
    memset(out, 0, sizeof(*out));
    int status = source_load(from, TABLE_ACCOUNT, &out->accounts);
    if (status == 0)
        status = source_load(from, TABLE_SERIES, &out->series);
    if (status == 0)
        status = source_load(from, TABLE_SKU, &out->skus);
    if (status == 0)
        status = source_load(from, TABLE_SITE, &out->sites);
    return status;
}

void names_release(struct names *n)
{
    free(n->accounts.rows);
    free(n->series.rows);
    free(n->skus.rows);
    free(n->sites.rows);
    memset(n, 0, sizeof(*n));
}

const struct account_row *names_account(const struct names *n, uint32_t account)
{
    return source_find(&n->accounts, TABLE_ACCOUNT, &account);
}

const struct series_row *names_series(const struct names *n, uint32_t series)
{
    return source_find(&n->series, TABLE_SERIES, &series);
}

const struct sku_row *names_sku(const struct names *n, uint64_t sku)
{
    return source_find(&n->skus, TABLE_SKU, &sku);
}

const struct site_row *names_site(const struct names *n, uint64_t site)
{
    return source_find(&n->sites, TABLE_SITE, &site);
}

bool names_same(const char *name, struct text text)
{
    size_t length = strnlen(name, NAME_MAX_BYTES);
    return text.length == length && (length == 0 || memcmp(text.data, name, length) == 0);
}

uint64_t names_site_named(const struct names *n, struct text name)
{
    const struct site_row *rows = n->sites.rows;
    for (size_t i = 0; i < n->sites.count; i++) {
        if (names_same(rows[i].name, name))
            return rows[i].site;
    }
    return 0;
}

uint64_t names_sku_named(const struct names *n, struct text name)
{
    const struct sku_row *rows = n->skus.rows;
    for (size_t i = 0; i < n->skus.count; i++) {
        if (names_same(rows[i].name, name))
            return rows[i].sku;
    }
    return 0;
}
