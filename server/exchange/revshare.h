/*
 * Revenue shares: a beneficiary gets a falling share of what leases of an operator settle. The
 * terms are rows by version; beside them PROGRESS says in which phase a share is, what was settled
 * and shared so far, and how full the site was. Steps by cash are taken within the settlement that
 * reaches the milestone, which is split there; steps by utilisation once a day.
 */
#ifndef BOURSE_EXCHANGE_REVSHARE_H
#define BOURSE_EXCHANGE_REVSHARE_H

#include "server/exchange/contract.h"
#include "server/exchange/state.h"
#include "server/exchange/tree.h"

/* A share in force among those of its operator, in the order in which they are paid. */
struct share_line {
    RB_ENTRY(share_line) link;
    uint64_t contract;
    uint32_t operator;
    uint32_t rank;
};

RB_HEAD(share_tree, share_line);

struct revshare_index {
    struct share_tree lines; /* a line for each row of PROGRESS; owned */
    uint64_t count;
};

/* NULL when there is none. Valid until the next change of the table. */
const struct revshare_row *revshare_terms(const struct exchange *x, uint64_t contract,
                                          uint32_t version);
const struct progress_row *revshare_progress(const struct exchange *x, uint64_t contract);

/* The claim that a deduction left behind; NULL: its settlement gave all of the share. */
const struct claim_row *revshare_claim(const struct exchange *x, const struct share_row *share);

/* The operator's first share in force, and the one after `line`; NULL: there is none. */
struct share_line *revshare_first(const struct exchange *x, uint32_t operator_account);
struct share_line *revshare_next(struct share_line *line);

/* By operator, rank and contract: the order in which a settlement pays. */
int share_line_compare(const struct share_line *a, const struct share_line *b);
/*
 * Whether the contract under these terms would go before the share of another beneficiary, in force
 * at the same site and of the same rank, that it does not go before now, or goes before one and
 * could take more than now. UINT64_MAX: a contract that has no number yet.
 */
bool revshare_passes(const struct exchange *x, uint64_t contract, const struct revshare_row *terms);

/* When utilisation is looked at next, after `after_s`: each midnight (UTC), once the day that ended
 * has its rows. 0: never, in the last phase. */
uint64_t revshare_look_s(const struct revshare_row *terms, const struct progress_row *p,
                         uint64_t after_s);

/* The first midnight up to which utilisation will have been measured; 0: it has been already, or is
 * not in the last phase. */
uint64_t revshare_measured_from_s(const struct contract_row *row, const struct revshare_row *terms,
                                  const struct progress_row *p);

/* Logs a step, by 0. `gross` and `share` are the totals at which it was taken. */
void revshare_step_log(struct exchange *x, const struct contract_row *row,
                       const struct revshare_row *terms, const struct progress_row *p,
                       uint32_t phase, amount gross, amount share);

#endif
