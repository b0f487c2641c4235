/*
 * What reports look up all the time: accounts, series, SKUs, sites, by number. Each is read from
 * the source when it is first asked for and kept: of millions of accounts a report names a few.
 */
#ifndef BOURSE_REPORT_NAMES_H
#define BOURSE_REPORT_NAMES_H

#include <stdbool.h>

#include "protocol/arena.h"
#include "protocol/message.h"
#include "server/report/lookup.h"
#include "server/report/source.h"

struct names {
    const struct source *from; /* outlives the names */
    struct lookup accounts;
    struct lookup series;
    struct lookup skus;
    struct lookup sites;
    struct source_rows all_skus; /* once one was asked for by its name */
    struct source_rows all_sites;
    struct arena arena; /* the rows that were found */
    int status;         /* what reading has failed with: nothing more is found then */
};

#define NAMES_OF(source) ((struct names){.from = (source)})
void names_release(struct names *n);

/* NULL: there is none of this number, or it cannot be read (n->status). As long as the names. */
const struct account_row *names_account(struct names *n, uint32_t account);
const struct series_row *names_series(struct names *n, uint32_t series);
const struct sku_row *names_sku(struct names *n, uint64_t sku);
const struct site_row *names_site(struct names *n, uint64_t site);

/* Whether a name of a row is this text. */
bool names_same(const char *name, struct text text);
/* The number of what has this name; 0: there is none, or they cannot be read. */
uint64_t names_sku_named(struct names *n, struct text name);
uint64_t names_site_named(struct names *n, struct text name);

#endif
