/*
 * What falls due: derived from the rows by their hooks, in the order (due, kind, serial, part). A
 * tick works off what is due at the group's time; the rules themselves compare deadlines with the
 * time and never wait for a tick.
 */
#ifndef BOURSE_EXCHANGE_DUE_H
#define BOURSE_EXCHANGE_DUE_H

#include "server/exchange/state.h"

enum due_kind {
    DUE_REQUEST = 1, /* request ids whose valid_until has passed are dropped; serial is that time */
    DUE_SERIES = 2,  /* a series expires */
    DUE_LEASE = 3,   /* a lease's next deadline: activation, end, metering of the next period */
    DUE_PERIOD = 4,  /* a metered period's dispute window ends; part is the period */
    DUE_OFFER = 5,   /* an offer ends; a standing one moves on */
    DUE_PAUSE = 6,   /* an elastic lease is to be paused, or to end after its pause */
    DUE_ORDER = 7,   /* a resting order expires */
    DUE_ASK_SITE = 8,   /* all offers of a site are to ask: due since they count again, and before
                         * any of them; part is its operator */
    DUE_ASK = 9,        /* resting orders are to be asked about an offer: due since it came; part
                         * is its seller */
    DUE_RULE = 10,      /* a rule acts */
    DUE_INDEX = 11,     /* the price index is published */
    DUE_KEY = 12,       /* a further key expires; serial is account x KEYS_PER_ACCOUNT_MAX + slot */
    DUE_CONTRACT = 13,  /* a contract's next_s: a period to settle, a tranche, a declaration */
    DUE_OCCUPANCY = 14, /* occupancy of a day is added up */
    DUE_PROPOSAL = 15,  /* a proposal is too old */
    DUE_CLAIMS = 16,    /* claims of a contract are paid from its fund: due since it could */
    DUE_KINDS_END
};

struct due_item {
    uint64_t due_s;
    uint32_t kind;
    uint32_t part;
    uint64_t serial;
};

void due_put(struct exchange *x, struct due_item item);    /* of no effect when it is there */
void due_remove(struct exchange *x, struct due_item item); /* of no effect when it is not */
/* The first item but of DUE_ASK_SITE and DUE_ASK, where sellers take turns (ask_turn.h); false when
 * there is none. */
bool due_first(const struct exchange *x, struct due_item *out);
/* And the first of those that belongs to the seller. */
bool due_first_to_ask(const struct exchange *x, uint32_t seller, struct due_item *out);
/* For checks. */
bool due_has(const struct exchange *x, struct due_item item);
uint64_t due_count(const struct exchange *x, enum due_kind kind);

/*
 * Works off one due item: must change rows so that the item goes or moves later. Each noun gives
 * its handler; tick.c calls it.
 */
typedef void due_handler(struct exchange *x, struct due_item item);
due_handler lease_due, period_due, offer_due, pause_due, order_due, index_due, key_due;
due_handler proposal_due;

/* Asks resting orders about an offer until all that want it have been asked or it has nothing left,
 * at most `limit` of them; returns how many were filled or asked. What a search looked at counts
 * besides and may come to more. */
uint32_t ask_due(struct exchange *x, uint64_t offer, uint32_t limit);

/* Lets the offers of a site ask, at most `limit` of them; returns how many it went through. */
uint32_t ask_site_due(struct exchange *x, uint64_t site, uint32_t limit);
/* Each does work of a kind that may be longer than one tick, at most `limit` items; returns how
 * many it took. */
uint32_t contract_due(struct exchange *x, uint64_t contract, uint32_t limit);
uint32_t claims_due(struct exchange *x, uint64_t contract, uint32_t limit);
uint32_t occupancy_due(struct exchange *x, uint32_t limit);

/* A rule acts; returns how many items of a tick that stands for, at most `limit`. */
uint32_t rule_due(struct exchange *x, uint64_t rule, uint32_t limit);

/* Work that may be longer than one tick: does at most `limit` rows of it, returns how many. Drops
 * the request ids that were valid until `valid_until_s`. (The other one is series_sweep().) */
uint32_t request_sweep(struct exchange *x, uint64_t valid_until_s, uint32_t limit);

#endif
