/*
 * Contracts: what all kinds share. One party proposes terms, the other accepts exactly that
 * version, and then it is in force; an amendment is a further version, proposed and accepted
 * likewise, and until then the terms in force stand. A contract has a fund: tokens that its parties
 * put into it, which are rows of escrow (ESCROW_KIND_CONTRACT) with their owners. What must be paid
 * is paid from the debtor's part of the fund, the rest becomes a claim with its age, paid first
 * when the fund grows: some at once, further ones by ticks.
 */
#ifndef BOURSE_EXCHANGE_CONTRACT_H
#define BOURSE_EXCHANGE_CONTRACT_H

#include "server/exchange/escrow.h"
#include "server/exchange/flow.h"
#include "server/exchange/owned.h"
#include "server/exchange/state.h"
#include "server/exchange/tree.h"

/* NULL when there is none. Valid until the next change of the table. */
const struct contract_row *contract_find(const struct exchange *x, uint64_t contract);
/* Whether the account is a party: debtor, creditor or third. */
bool contract_has_party(const struct contract_row *row, uint32_t account);
/* Whether it is one of the CONTRACTS_PER_ACCOUNT_MAX of its debtor or creditor. */
bool contract_counts_for(const struct contract_row *row, uint32_t account);
/* How many count for the account. */
uint32_t contract_live_count(const struct exchange *x, uint32_t account);

/* --- Proposing: for the operations of each kind --- */

struct contract_parties {
    uint32_t debtor;
    uint32_t creditor;
    uint32_t third; /* 0: none */
};

/*
 * Whether the account may propose terms for these parties: `contract` 0 for a new one, else an
 * amendment. The proposer must be debtor or creditor. Refusals: contract_not_found,
 * contract_not_party, contract_not_in_force, contract_pending, contract_parties_fixed,
 * account_not_found, party_frozen, too_many. Roles are for the caller to check (role_not_allowed).
 */
enum refusal contract_propose_refusal(const struct exchange *x, uint32_t account,
                                      enum contract_kind kind, uint64_t contract,
                                      const struct contract_parties *parties);
/*
 * Puts the contract's row with one more version pending; the caller puts the row of terms with the
 * contract's number and this version, and logs the proposal. start_s and end_s are those of the
 * terms while nothing is in force yet (end_s 0: none).
 */
struct contract_row contract_propose(struct exchange *x, uint32_t account, enum contract_kind kind,
                                     uint64_t contract, const struct contract_parties *parties,
                                     uint64_t start_s, uint64_t end_s);

/* --- What a kind gives (contract.c has the table) --- */

struct contract_rules {
    /* Whether the pending version may come into force now; contract_overlaps, contract_past_fixed,
     * terms_invalid, ... The row is as it stands. */
    enum refusal (*accept_refusal)(struct exchange *x, const struct contract_row *row);
    /* The version in `row` (a copy, put by the caller) is in force from now on: sets start_s, end_s
     * and next_s, and puts rows of its own; logs what follows, by 0. */
    void (*begin)(struct exchange *x, struct contract_row *row);
    /* next_s has come. Does at most `limit` items of work, returns how many, and sets next_s; puts
     * the row. */
    uint32_t (*due)(struct exchange *x, struct contract_row *row, uint32_t limit);
    /* What the account must leave in the fund. */
    amount (*kept)(const struct exchange *x, const struct contract_row *row, uint32_t account);
    /* Whether tokens of the series may be put into the fund by the account; NULL: any may. */
    enum refusal (*fund_refusal)(const struct exchange *x, const struct contract_row *row,
                                 uint32_t account, uint32_t series);
    /* What its claims are paid as; NULL: as its kind, of no site. */
    struct flow (*flow)(const struct exchange *x, const struct contract_row *row);
    /* The fund has grown, after claims were paid: what waits for it may go on. Puts the row. */
    void (*funded)(struct exchange *x, struct contract_row *row);
};
/* Of a kind; NULL for a number that is none. */
const struct contract_rules *contract_rules_of(uint32_t kind);
extern const struct contract_rules backstop_rules, revshare_rules, grant_rules, guarantee_rules;

/* Ends a contract in force: state completed or expired, nothing due any more; what is left in the
 * fund its owners may withdraw, when no claims against them are open. Puts the row and logs
 * contract_ended by 0. */
void contract_end(struct exchange *x, struct contract_row *row, enum contract_state state);

/* --- The fund and claims --- */

struct claim_line {
    RB_ENTRY(claim_line) link;
    uint64_t contract;
    uint64_t claim;
};

RB_HEAD(claim_tree, claim_line);

/* A guarantor that has stepped in at a site. (guarantee.c) */
struct step_in_line {
    RB_ENTRY(step_in_line) link;
    uint64_t site;
    uint64_t place;
    uint64_t contract;
};

RB_HEAD(step_in_tree, step_in_line);

struct contract_index {
    struct owned by_account; /* all contracts of each of their parties */
    uint32_t *live;          /* contracts that count for an account; owned */
    size_t live_size;
    struct claim_tree claims;     /* not wholly paid, by contract and claim; owned */
    struct owned claims_by_party; /* all claims of debtor and creditor */
    struct step_in_tree step_ins; /* guarantors that have stepped in, by site and place; owned */
};

/* What of the fund belongs to the account. */
amount contract_funds(const struct exchange *x, const struct contract_row *row, uint32_t account);

/* Credits by series that have moved, for an event. */
struct contract_paid {
    struct share shares[ESCROW_ROWS_MAX];
    uint32_t count;
    amount total;
};

/*
 * Pays up to `a` from what `payer` has in the fund to the balance of `payee`, pro rata of its
 * series, and books the flow. The contract's row stays as it is. Returns what was paid.
 */
amount contract_pay(struct exchange *x, const struct contract_row *row, uint32_t payer,
                    uint32_t payee, amount a, const struct flow *why, struct contract_paid *out);
/* How much of `a`, which the debtor owes from now on, its part of the fund may pay: what that has
 * beyond the claims that are open. */
amount contract_payable(const struct exchange *x, const struct contract_row *row, amount a);
/* Says whether ticks are to go on paying claims: some are open, and the debtor's part of the fund
 * has something. After claims were paid from it; changes `row`, a copy that the caller puts. */
void contract_paying_set(const struct exchange *x, struct contract_row *row);

/* Records a claim against the contract's debtor, owed since since_s, and logs it, by 0; changes
 * `row`, a copy that the caller puts. `a` may be 0: nothing happens. The claims of one contract
 * stop growing at UINT64_MAX in all. */
void claim_make(struct exchange *x, struct contract_row *row, uint32_t debtor, uint32_t creditor,
                amount a, uint64_t since_s);
/* The first claim that was made by the entry `index` of the log or a later one; NULL: none was. */
const struct claim_row *claim_made_from(const struct exchange *x, uint64_t index);
/* The oldest claim of a contract against `debtor` that is not wholly paid; NULL: there is none. */
const struct claim_row *claim_oldest(const struct exchange *x, uint64_t contract, uint32_t debtor);
/* `paid` was paid of a claim: puts it and logs that, by 0; changes `row`, a copy. */
void claim_lower(struct exchange *x, struct contract_row *row, const struct claim_row *claim,
                 const struct contract_paid *paid);

/* What a claim under the contract is paid as. */
struct flow claim_flow(const struct exchange *x, const struct contract_row *row);

/* For the hook of claims. (claim.c) */
void claim_hook(void *context, const void *old_row, const void *new_row);
void claim_tree_free(struct claim_tree *tree);
/* The same of lease guarantees' recourse rows. (guarantee.c) */
void recourse_hook(void *context, const void *old_row, const void *new_row);
void step_in_tree_free(struct step_in_tree *tree);

/*
 * A page of the contracts of one kind (0: of all) for a query with `contract`, `account`, `from`,
 * `limit`: a party's own ones; admins and auditors also others', and with `account` 0 everybody's.
 * fill() makes one row, `size` bytes each, with the terms of a version: of the one asked for, which
 * goes with a `contract` only (contract_no_proposal where there is none), or else of the one in
 * force, or of a contract that never was the last one proposed. (query_contracts.c)
 */
struct contract_page {
    uint64_t contract;
    uint32_t version;
    uint32_t account;
    uint32_t kind;
    uint64_t from;
    uint32_t limit;
    size_t size;
    void (*fill)(const struct exchange *x, const struct contract_row *row, uint32_t version,
                 struct arena *arena, void *info);
    /* Filled in: */
    void *rows;
    uint32_t count;
    uint64_t next;
};
enum refusal contract_page_fill(const struct exchange *x, uint32_t asking, struct arena *arena,
                                struct contract_page *page);
/* Whether the account may see the contract; contract_not_found otherwise. */
enum refusal contract_visible(const struct exchange *x, uint32_t asking, uint64_t contract);

/* For checks: what the open claims in memory of a contract come to and how many they are, whether
 * one is among them, and how many there are of all contracts. */
amount contract_claims(const struct exchange *x, uint64_t contract, uint32_t *count_out);
bool claim_listed(const struct exchange *x, const struct claim_row *row);
uint64_t claim_count_open(const struct exchange *x);

#endif
