/* Series: the terms that tokens share. */
#ifndef BOURSE_EXCHANGE_SERIES_H
#define BOURSE_EXCHANGE_SERIES_H

#include "server/exchange/state.h"

/* NULL when there is none. Valid until the next change of the table. */
const struct series_row *series_find(const struct exchange *x, uint32_t series);
/* Whether its expiry has come, swept or not. */
bool series_expired(const struct exchange *x, const struct series_row *s);
/* Whether tokens of it may be redeemed for this SKU, region and one workload profile. A region "US"
 * of the series covers the site's "US-TX". */
bool series_allows(const struct series_row *s, uint64_t sku, const char *region, uint32_t profile);
/* Whether they may for any SKU that is wanted, anywhere within the regions. */
struct wish;
bool series_may_allow(const struct series_row *s, const struct wish *wish);
/* Whether tokens of it may pay under a contract: what may not change owner does so only where its
 * funder gives it or gets it. `payee`: 0 where it is not known yet. */
enum refusal series_payment_refusal(const struct series_row *s, uint32_t payer, uint32_t payee);

/* The sweep of an expired series, at most `limit` serials looked at; returns how many were. Logs an
 * `expired` event for each token and gift moved. */
uint32_t series_sweep(struct exchange *x, uint32_t series, uint32_t limit);

#endif
