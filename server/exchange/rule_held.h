/*
 * What the account of a rule holds over time: GPUs of leases that the rule would have bought, too.
 * Internal to rule.c and rule_run.c.
 */
#ifndef BOURSE_EXCHANGE_RULE_HELD_H
#define BOURSE_EXCHANGE_RULE_HELD_H

#include "protocol/buffer.h"
#include "server/exchange/rule.h"

/* A rule's row as a wish, for what can be asked of one without series, time and size. It points
 * into itself and into the row. */
struct rule_terms {
    struct sku_limit skus[ORDER_SKUS_MAX];
    uint64_t regions[FILTER_PLACES_MAX];
    uint64_t jurisdictions[FILTER_PLACES_MAX];
    struct required certifications[ORDER_CERTIFICATIONS_MAX];
    struct wish wish;
};
void rule_terms_read(const struct rule_row *row, struct rule_terms *out);

/* Whether the rule bought the lease, and it can still be used, at present or later. */
bool rule_lease_is_of(const struct exchange *x, const struct lease_row *lease,
                      const struct rule_row *rule);

/* GPUs of leases that meet the rule's terms from from_min on, as changes in the order of time. */
struct held {
    const struct exchange *x;
    const struct rule_row *rule;
    uint64_t from_min;
    uint64_t until_min; /* the end of the horizon; what is held beyond it is known, too */
    struct rule_terms terms;
    struct buffer changes; /* owned */
};

/* Reads what the account holds from the next minute on, without what the rule's leases have on
 * offer when that is asked for. False: too many leases, or pieces of them. The caller releases it
 * either way. Adds to *looks how many leases were looked at. */
bool held_read(struct held *h, const struct exchange *x, const struct rule_row *rule,
               bool less_offered, uint32_t *looks);
void held_release(struct held *h);
/* Whether a lease of the account counts for the rule: it can be used, at present or later, and is
 * such as the rule would buy, at whatever price and of whatever reliability. */
bool held_counts(const struct held *h, const struct lease_row *lease);

/* How many are held at from_min. */
uint32_t held_now(const struct held *h);
/* From where on fewer GPUs are held than wanted, which are more than 0. */
uint64_t held_short_from(const struct held *h);
/* How many more than wanted are held at any time of [from, to); 0: none. */
uint32_t held_surplus(const struct held *h, uint64_t from_min, uint64_t to_min);

/* The first time of the horizon with fewer GPUs than wanted, up to where they rise again or as long
 * as the horizon is; it may end beyond it. */
struct gap {
    uint64_t from_min;
    uint64_t to_min;
    uint32_t missing; /* 0: there is none */
};
struct gap held_gap(const struct held *h);

#endif
