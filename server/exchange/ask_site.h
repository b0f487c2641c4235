/*
 * Asking about a whole site: what it has to offer counts again, since it reopened or its operator
 * was unfrozen. Its open offers are gone through in ticks, a bounded part at a time, in the order
 * of their serials, and each begins to ask (ask.h). Until then an offer that a resting order might
 * want counts for nobody else, just as if it were asking already. It takes its operator's turns
 * (ask_turn.h).
 */
#ifndef BOURSE_EXCHANGE_ASK_SITE_H
#define BOURSE_EXCHANGE_ASK_SITE_H

#include "server/exchange/offer.h"
#include "server/exchange/state.h"

/* NULL when nobody is to be asked about the site. Valid until the next change of the table. */
const struct ask_site_row *ask_site_find(const struct exchange *x, uint64_t site);

/* To be called when what the site offers counts again. When it is being gone through already, that
 * begins anew. */
void ask_about_site(struct exchange *x, uint64_t site);

/* Whether the offer has yet to be come to. */
bool ask_site_waits(const struct exchange *x, uint64_t site, uint64_t offer);
/* Whether it counts for nobody meanwhile. */
bool ask_site_hides(const struct exchange *x, const struct offer *o);
/* Whether none of the site's offers of a SKU up to a price counts, so that a search need not look
 * at each. May be false though none does. */
bool ask_site_hides_all(const struct exchange *x, uint64_t site, uint64_t sku,
                        uint64_t price_max_ucr);

/* To be called when an offer of the site stands in the book after it may have been hidden: nobody
 * waits for it, or all have been asked. */
void ask_site_shown(struct exchange *x, uint64_t site, uint64_t price_ucr);

#endif
