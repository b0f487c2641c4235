/*
 * A backstop's view of its stand: COVER rows in memory while the backstop is in force. What is
 * sold, elected and withheld it reads off the stand's curve from its own cursor on; what is free in
 * offers that count under its terms (price, time ahead) is a curve of its own.
 */
#ifndef BOURSE_EXCHANGE_BACKSTOP_COVER_H
#define BOURSE_EXCHANGE_BACKSTOP_COVER_H

#include "server/exchange/history.h"
#include "server/exchange/occupancy.h"

/* What of an offer has stood under the terms, free or not. */
struct stood {
    RB_ENTRY(stood) link;
    uint64_t offer;
    struct steps gpus;
};

RB_HEAD(stood_tree, stood);

struct cover {
    struct cover *next; /* at its stand */
    struct stand *stand;
    uint64_t contract;
    uint32_t version; /* of the terms that it follows */
    uint64_t start_min;
    uint64_t end_min;
    uint64_t price_max_ucr;
    uint64_t ahead_min;
    uint64_t cursor_min;         /* minutes before are added up */
    int64_t values[CURVE_LINES]; /* what holds just before that: free in offers that count, all
                                  * else as at the stand */
    struct curve free;           /* CURVE_FREE alone */
    struct stood_tree stood;     /* owned; by offer */
};

const struct cover_row *cover_row_find(const struct exchange *x, uint64_t contract);
/* Terms of a version; NULL when there is none. */
const struct backstop_row *backstop_terms(const struct exchange *x, uint64_t contract,
                                          uint32_t version);
/* NULL when no backstop of that number is in force. */
struct cover *cover_find(const struct exchange *x, uint64_t contract);

/* What has stood of the first offer whose serial is at or above `offer`; NULL: of none. */
struct stood *cover_stood(const struct cover *c, uint64_t offer);

/* An offer's parts have changed. */
void cover_list(struct exchange *x, struct cover *c, const struct listed *l);
/* A lease takes (gpus above 0) GPUs of an offer at the cover's stand, or gives them back. */
void cover_take(struct cover *c, const struct offer *o, uint64_t from_min, uint64_t to_min,
                int64_t gpus);

/* For the table COVER. */
void cover_hook(void *context, const void *old_row, const void *new_row);
/* At the end of a group. */
void cover_settle(struct cover *c);
void cover_free_all(struct stand *p);

#endif
