/*
 * A backstop's view of its stand: COVER rows in memory while the backstop is in force. What is
 * sold, elected and withheld it reads off the stand's curve from its own cursor on; what is free in
 * offers that count under its terms (price, time ahead) is a curve of its own.
 *
 * That one alone grows with the stand's offers, so it is kept only for those that have begun, one
 * at a time at a stand but for those that wait to be settled: worked out from the rows when it is
 * first asked for, or before, some offers at a time (exchange_prepare), and followed by hooks from
 * then on. As it says the same whenever it was worked out, neither the rules nor undo know whether
 * it has been. An election does not read it (backstop_elect.c).
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
    uint64_t cursor_min;              /* minutes before are added up */
    int64_t values[CURVE_LINES];      /* what holds just before that: free in offers that count, all
                                       * else as at the stand */
    struct curve free;                /* CURVE_FREE alone; once it is kept: */
    struct stood_tree stood;          /* owned; by offer */
    bool kept;                        /* follows the stand's offers */
    const struct listed *next_listed; /* to be worked out; NULL: all are */
};

const struct cover_row *cover_row_find(const struct exchange *x, uint64_t contract);
/* Terms of a version; NULL when there is none. */
const struct backstop_row *backstop_terms(const struct exchange *x, uint64_t contract,
                                          uint32_t version);
/* NULL when no backstop of that number is in force. */
struct cover *cover_find(const struct exchange *x, uint64_t contract);

/* Works out what counts as free, as far as that is not done; before it is read. */
void cover_complete(const struct exchange *x, struct cover *c);
/* How many looks it takes to work out all of it. */
uint64_t cover_looks(const struct cover *c);
/* Works out what stood of the next ones, at most `offers`, of which one with many leases counts for
 * several; returns how many are left of these. */
uint32_t cover_prepare(const struct exchange *x, struct cover *c, uint32_t offers);

/* What has stood, by offer: the first one, and the one behind; NULL: there is none. Complete ones.
 */
const struct stood *cover_stood_first(const struct cover *c);
const struct stood *cover_stood_next(const struct stood *s);

/* An offer's parts have changed. */
void cover_list(struct exchange *x, struct cover *c, const struct listed *l);
/* A lease takes (gpus above 0) GPUs of an offer at the cover's stand, or gives them back. */
void cover_take(struct cover *c, const struct offer *o, uint64_t from_min, uint64_t to_min,
                int64_t gpus);

/* An offer leaves the stand, behind the last cover_list(). */
void cover_unlist(struct cover *c, const struct listed *l);

/* For the table COVER. */
void cover_hook(void *context, const void *old_row, const void *new_row);
/* At the end of a group. */
void cover_settle(struct cover *c);
void cover_free_all(struct stand *p);

#endif
