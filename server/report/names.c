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
