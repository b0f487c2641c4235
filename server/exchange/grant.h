/*
 * Grants: credits of one series to a startup in tranches, against a share of the revenue that it
 * declares. A grant is worked on as copies of its rows (struct grant), which grant_go_on() puts
 * after it has done what follows from their change. Files: grant.c terms and life, tranche.c what
 * is advanced, royalty.c what is due and paid, revenue.c declarations.
 */
#ifndef BOURSE_EXCHANGE_GRANT_H
#define BOURSE_EXCHANGE_GRANT_H

#include "protocol/amount.h"
#include "server/exchange/contract.h"
#include "server/exchange/state.h"
#include "server/exchange/tree.h"

struct grant_line {
    RB_ENTRY(grant_line) link;
    uint32_t startup;
    uint64_t contract;
};

RB_HEAD(grant_tree, grant_line);

struct grant_index {
    struct grant_tree counting; /* what is declared counts, by startup and contract; owned */
    uint64_t counting_count;
    uint64_t *by_series; /* the grant that is or was in force with it, 0: none; owned */
    size_t by_series_size;
};

struct grant {
    struct contract_row row;
    struct grant_row terms; /* in force */
    struct advance_row advance;
    uint64_t at_s; /* as of when it is worked on: now, or when it fell due */
};

/* NULL when there is none. Valid until the next change of the table. */
const struct grant_row *grant_terms(const struct exchange *x, uint64_t contract, uint32_t version);
const struct advance_row *grant_advance(const struct exchange *x, uint64_t contract);
/* The terms by which a month counts that ends at `end_s`: those in force just before, of `terms`
 * and what they came in place of. Adds to *looks how many versions it went back. */
const struct grant_row *grant_terms_until(const struct exchange *x, const struct grant_row *terms,
                                          uint64_t end_s, uint64_t *looks);
/* The grant that comes first with the startup from contract `from` on of those for which
 * declarations count: in force, or expired below its cap; 0: none. */
uint64_t grant_counting_next(const struct exchange *x, uint32_t startup, uint64_t from);
/* The grant that is or was in force with the series; 0: none. */
uint64_t grant_of_series(const struct exchange *x, uint32_t series);

/* The months of the grant, each by its first second: the first one, the end of the term, and of the
 * tail; and when the last month must have been declared. */
uint64_t grant_first_s(const struct grant_row *terms);
uint64_t grant_term_end_s(const struct grant_row *terms);
uint64_t grant_tail_end_s(const struct grant_row *terms);
uint64_t grant_close_s(const struct grant_row *terms);
/* The first second of the month after the one that begins at `month_s`. */
uint64_t month_next_s(uint64_t month_s);

/* Reads a grant that is or was in force, as of now. */
void grant_read(const struct exchange *x, uint64_t contract, struct grant *out);
/* Pays the tranches that may be paid, ends the grant when it is over, says when it is to be looked
 * at next, and puts all rows; of one that has ended only what is due of it goes on. Logs what it
 * does, by 0. */
void grant_go_on(struct exchange *x, struct grant *g);
/* Who acts on a grant: any admin, or one of its parties. */
enum grant_actor { GRANT_ADMIN, GRANT_FUNDER, GRANT_STARTUP };
/* Whether the account may act so on a grant in force, and its parties on one that has ended while
 * something is due. Refusals: contract_not_found, contract_not_party, contract_not_in_force. */
enum refusal grant_operation_refusal(const struct exchange *x, uint64_t contract, uint32_t account,
                                     enum grant_actor as);

/* --- tranche.c --- */

/* Bits of the tranches that wait to be paid at a time: their date has come, so much is spent, or an
 * admin has released them. None before the start and after the term. */
uint32_t tranches_due(const struct grant_row *terms, const struct advance_row *advance,
                      uint64_t at_s);
/* Pays them in their order as long as the fund lasts, unless a declaration is late. Changes `g`. */
void tranches_pay(struct exchange *x, struct grant *g);
/* Bits of all tranches of the terms. */
uint32_t tranches_all(const struct grant_row *terms);
/* What the tranches of these bits come to. */
amount tranches_sum(const struct grant_row *terms, uint32_t bits);

/* --- royalty.c --- */

/* The most that is ever due: the cap on what was advanced. */
amount royalty_cap(const struct grant_row *terms, const struct advance_row *advance);
/* What is due now: nothing where more was paid than is due by now. */
amount royalty_due(const struct advance_row *advance);
/* Whether a stream, as declarations have its name, does not count under these terms. */
bool royalty_carved_out(const struct grant_row *terms, const uint8_t *name);
/* What a declaration adds under these terms, in 1/10 000 micro-credits. */
wide royalty_rated(const struct grant_row *terms, const struct declaration_row *declared);
wide advance_rated(const struct advance_row *advance);
void advance_rate(struct advance_row *advance, wide rated);
/* Works out what is due of what is rated and advanced; logs it where that has changed. month_s: of
 * the declaration, 0: none. Changes `g`. */
void royalty_update(struct exchange *x, struct grant *g, uint64_t month_s);

/* --- revenue.c --- */

/* NULL: the account has not declared the month. Valid until the next change of the table. */
const struct declaration_row *revenue_find(const struct exchange *x, uint32_t account,
                                           uint64_t month_s);
/* The first month from month_s on that the account has not declared. */
uint64_t revenue_undeclared_s(const struct exchange *x, uint32_t account, uint64_t month_s);
/* The month whose declaration is late under the grant at a time; 0: none. */
uint64_t revenue_late_s(const struct grant_row *terms, const struct advance_row *advance,
                        uint64_t at_s);
/* What is rated of everything declared, from the rows alone. */
wide revenue_rated(const struct exchange *x, const struct grant_row *terms);

#endif
