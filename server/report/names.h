/* What reports look up all the time: accounts, series, SKUs, sites, by number. */
#ifndef BOURSE_REPORT_NAMES_H
#define BOURSE_REPORT_NAMES_H

#include <stdbool.h>

#include "protocol/message.h"
#include "server/report/source.h"

struct names {
    struct source_rows accounts;
    struct source_rows series;
    struct source_rows skus;
    struct source_rows sites;
};

int names_load(const struct source *from, struct names *out);
void names_release(struct names *n);

/* NULL: there is none of this number. */
const struct account_row *names_account(const struct names *n, uint32_t account);
const struct series_row *names_series(const struct names *n, uint32_t series);
const struct sku_row *names_sku(const struct names *n, uint64_t sku);
const struct site_row *names_site(const struct names *n, uint64_t site);

/* Whether a name of a row is this text. */
bool names_same(const char *name, struct text text);
/* The number of what has this name; 0: there is none. */
uint64_t names_sku_named(const struct names *n, struct text name);
uint64_t names_site_named(const struct names *n, struct text name);

#endif
