/*
 * Backstops: a guarantor pays an operator, a minute at a time, for GPUs of a SKU at a site that are
 * covered, could have been had and were not sold. backstop.c has the terms, backstop_owed.c the sum
 * over minutes and the settlement of periods, backstop_elect.c what the guarantor takes itself.
 */
#ifndef BOURSE_EXCHANGE_BACKSTOP_H
#define BOURSE_EXCHANGE_BACKSTOP_H

#include "server/exchange/backstop_cover.h"
#include "server/exchange/contract.h"

/* The terms in force of a backstop that has been accepted; NULL: it has not. */
const struct backstop_row *backstop_in_force(const struct exchange *x, uint64_t contract);

/* How many periods there are, and where one begins and ends. */
uint32_t backstop_periods(const struct backstop_row *terms);
uint64_t backstop_period_start(const struct backstop_row *terms, uint32_t period);
uint64_t backstop_period_end(const struct backstop_row *terms, uint32_t period);

/* What the lots have delivered by the minute, at most `gpus`. */
uint64_t backstop_covered(const struct backstop_row *terms, uint64_t at_min);

/* How a stand stands at one minute under a backstop. */
struct backstop_minute {
    uint64_t covered;
    uint64_t sold;
    uint64_t elected;
    uint64_t not_offered; /* covered, and none of the others */
    uint64_t owed;        /* GPUs */
};

/* Goes over minutes from the cursor on; `until_min` is how far what it says holds. */
struct backstop_walk {
    const struct exchange *x;
    const struct backstop_row *terms;
    const struct steps *closed; /* NULL: the site never is */
    uint64_t at_min;
    int64_t values[CURVE_LINES];
    struct bend *bend; /* the next ones */
    struct bend *free_bend;
    uint64_t until_min;
};

void backstop_walk_begin(const struct exchange *x, struct cover *c,
                         const struct backstop_row *terms, struct backstop_walk *w);
/* The same with another curve of what is free in offers, which is 0 at the cursor. */
void backstop_walk_begin_free(const struct exchange *x, const struct cover *c,
                              const struct backstop_row *terms, const struct curve *free_gpus,
                              struct backstop_walk *w);
/* The piece from at_min to until_min, which is at most `end_min`; moves on to its end. */
struct backstop_minute backstop_walk_next(struct backstop_walk *w, uint64_t end_min);

/* Adds up what has passed of the period that runs. Does not settle: one that is over waits. */
void backstop_catch_up(struct exchange *x, uint64_t contract);
/* The same for all backstops of a site. */
void backstop_catch_up_site(struct exchange *x, uint64_t site);
/* Settles periods that are over and wait for their tick, and adds up what has passed since, under
 * what holds now: before terms change, or whether the site is certified or its operator frozen. As
 * that logs events by 0 it comes behind the event of what changes. Changes `row`, a copy. */
void backstop_pass(struct exchange *x, struct contract_row *row);
void backstop_pass_site(struct exchange *x, uint64_t site);
void backstop_pass_operator(struct exchange *x, uint32_t operator_account);
/* Whether more of it waits than one request may settle (BACKSTOP_BEHIND_MAX): too_many. Ticks
 * settle it meanwhile. Before each of the three. */
enum refusal backstop_pass_refusal(struct exchange *x, uint64_t contract);
enum refusal backstop_pass_site_refusal(struct exchange *x, uint64_t site);
enum refusal backstop_pass_operator_refusal(struct exchange *x, uint32_t operator_account);
/* Where the backstop stands once all periods are settled that are over; returns how many pieces of
 * time it had to go over for that. */
uint64_t backstop_as_of_now(const struct exchange *x, const struct cover_row *row,
                            struct cover_row *out);

/* The claim that a settled period left behind; NULL: its fund lacked nothing. */
const struct claim_row *backstop_claim(const struct exchange *x, const struct draw_row *draw);

/* When there is something to add up or to settle next. */
uint64_t backstop_next_s(const struct cover_row *cover, const struct backstop_row *terms);
uint32_t backstop_due(struct exchange *x, struct contract_row *row, uint32_t limit);

#endif
