/*
 * A plain model of the procedure in server/exchange/match.h: what is free of each offer in each
 * minute since the world began, and no index. For tests of small markets.
 */
#ifndef BOURSE_TESTS_EXCHANGE_PLAIN_MATCH_H
#define BOURSE_TESTS_EXCHANGE_PLAIN_MATCH_H

#include "server/exchange/match.h"

enum { PLAIN_MINUTES = 400, PLAIN_OFFERS_MAX = 400, PLAIN_STANDS_MAX = 16 };

struct plain_offer {
    struct offer_row row;
    uint32_t free[PLAIN_MINUTES];
};

struct plain {
    const struct exchange *x;
    struct plain_offer *offers; /* by price, then place */
    size_t count;
    uint64_t begin_min;
};

/* Reads the rows as they are; `offers` has room for PLAIN_OFFERS_MAX. */
void plain_read(struct plain *p, const struct exchange *x);
/* The least free GPUs of an offer over [start, start + duration) minutes. */
uint32_t plain_free(const struct plain *p, const struct plain_offer *o, uint64_t start,
                    uint32_t duration);
/* Whether an offer counts at a stand; `site` and `sku` 0: the one stand of a spread order. */
bool plain_counts(const struct plain *p, const struct wish *w, const struct plain_offer *o,
                  uint64_t site, uint64_t sku);
/* What the procedure comes to. */
void plain_match(const struct plain *p, const struct wish *w, struct match *best);

#endif
