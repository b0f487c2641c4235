/*
 * What the rules share: the exchange's state with its indexes. Included by the files of this folder
 * alone; everybody else uses exchange.h.
 *
 * Each noun has its file: rows, validation and application of its operations, its index and its
 * hook. An operation first validates everything and then applies; a refused one has changed
 * nothing.
 */
#ifndef BOURSE_EXCHANGE_STATE_H
#define BOURSE_EXCHANGE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/amount.h"
#include "protocol/arena.h"
#include "protocol/buffer.h"
#include "server/exchange/exchange.h"
#include "server/exchange/owned.h"
#include "server/exchange/rows.h"
#include "server/store/store.h"

/* Each index is private to its file, which makes and frees it. */
struct account_index;
struct ledger_index;
struct series_index;
struct token_index;
struct gift_index;
struct sku_index;
struct site_index;
struct offer_index; /* the book and the free capacity in time */
struct order_index;
struct rest_index; /* resting orders by what they want */
struct lease_index;
struct closure_index;
struct key_index;
struct rule_index;
struct trade_index;
struct request_index;
struct contract_index;
struct pledge_index; /* what is missing in the funds of lease guarantees */
struct grant_index;
struct flow_index;
struct revshare_index;  /* shares of each operator by rank */
struct occupancy_index; /* what is sold and listed from now on */
struct proposal_index {
    uint64_t open;            /* proposals that wait */
    struct owned by_proposer; /* which these are */
};
struct due_queue;
struct turn_queue; /* of those who ask */

struct wish;
struct match;
struct fill;

/* Watches what is matched, for `boursed check --market` (referee.h); NULL: nobody does. */
struct witness {
    /* A search of an operation or a tick has ended so. */
    void (*matched)(void *context, const struct wish *w, const struct match *m);
    /* What it came to has become leases, or a guarantor has elected some without a search. */
    void (*granted)(void *context, const struct fill *f);
    /* A resting order is about to be filled as resting orders are asked about an offer. */
    void (*fills)(void *context, uint64_t offer, const struct rest_row *rest, uint64_t limit_ucr);
    /* All resting orders have been asked about the offer. */
    void (*asked)(void *context, uint64_t offer);
    /* A group has ended: nothing of it can be undone. */
    void (*settled)(void *context);
    void *context;
};

struct exchange {
    struct store *store;
    struct genesis genesis;
    struct arena genesis_arena; /* the genesis record's texts */
    uint8_t id[32];
    uint8_t nonce_key[32];
    struct head_row head;

    uint64_t group_time_s; /* the group's time; an operation may advance head.time_s after it */
    uint64_t last_time_s;  /* time of the group before */
    uint8_t seed[16];      /* of hashes in memory; nothing that is seen depends on it */

    struct buffer events;     /* data of the group's events */
    struct buffer event_ends; /* uint32_t each */
    uint64_t events_first;    /* log index of the group's first event */
    struct arena scratch;     /* cleared before each operation */
    uint64_t request_looks;   /* that searches and changes of capacity have taken in this request */
    uint64_t request_passed;  /* what of backstops it has settled, as backstop_pass() does */
    uint64_t asked_offer;     /* that resting orders are being asked about just now; 0: none */
    struct witness witness;
    uint32_t month; /* months since 1970 of month_from_s: exchange_month() */
    uint64_t month_from_s;
    uint64_t month_until_s;
    amount moved_ucr; /* that the present operation takes from its account: key_moves() */

    struct account_index *accounts;
    struct ledger_index *ledger;
    struct series_index *series;
    struct token_index *tokens;
    struct gift_index *gifts;
    struct sku_index *skus;
    struct site_index *sites;
    struct offer_index *offers;
    struct order_index *orders;
    struct rest_index *rests;
    struct lease_index *leases;
    struct closure_index *closures;
    struct key_index *keys;
    struct rule_index *rules;
    struct trade_index *trades;
    struct contract_index *contracts;
    struct pledge_index *pledges;
    struct grant_index *grants;
    struct revshare_index *revshares;
    struct flow_index *flows;
    struct occupancy_index *occupancy;
    struct proposal_index *proposals;
    struct request_index *requests;
    struct due_queue *due;
    struct turn_queue *turns;
};

/* Who acts in an operation, and what the operations of the request before it have issued. */
struct actor {
    uint32_t account;             /* 0: a newcomer */
    uint32_t role;                /* enum role; 0 for a newcomer */
    bool main_key;                /* the account's own key signed, not a further one */
    uint32_t scopes;              /* of the further key that signed */
    const uint8_t *key;           /* the signing key of the request */
    const struct result *results; /* of the operations before this one */
    uint32_t results_count;
};

/* An operation: validates, applies, logs one event and fills `out` (refusal and index are filled in
 * by the caller). `body` is the struct of the operation's message. */
typedef enum refusal operation_handler(struct exchange *x, const struct actor *actor,
                                       const void *body, struct result *out);

/* Operations, by noun. operation.c holds the table of who may do what. */
operation_handler account_register, account_freeze, account_unfreeze, account_rekey;
operation_handler account_key_add, account_key_remove;
operation_handler sku_add, sku_change, site_add, site_change, site_close, site_reopen;
operation_handler series_create, series_mint;
operation_handler token_transfer, token_burn;
operation_handler gift_give, gift_claim, gift_revoke;
operation_handler offer_publish, offer_amend, offer_withdraw;
operation_handler order_place, order_amend, order_cancel;
operation_handler rule_add, rule_change, rule_end;
operation_handler lease_activate, lease_meter, lease_dispute, dispute_decide, lease_end;
operation_handler lease_resell, lease_extend, lease_fund;
operation_handler payout_take;
operation_handler contract_accept, contract_decline, contract_fund, contract_withdraw;
operation_handler claim_pay;
operation_handler backstop_propose, backstop_elect;
operation_handler revshare_propose;
operation_handler grant_propose, grant_release, royalty_pay, royalty_record;
operation_handler revenue_declare;
operation_handler guarantee_propose, guarantee_call, guarantee_step_in;
operation_handler mint_propose, payout_propose, policy_propose, admin_propose;
operation_handler control_approve, control_reject;
operation_handler clock_advance;

/* The calendar month (UTC) of the present, as months since January 1970. */
uint32_t exchange_month(struct exchange *x);

/* Memory is out: says so and ends the process; the journal holds everything acknowledged. */
_Noreturn void memory_exhausted(void);
/* Zeroed memory, which the caller owns; does not return without. */
void *memory_zeroed(size_t count, size_t size);
/* Zeroed memory of x->scratch, gone with the next operation. */
void *scratch_alloc(struct exchange *x, size_t size);

/* Of two reasons the one to give: the first of enum refusal; accepted is none. */
static inline enum refusal refusal_first(enum refusal a, enum refusal b)
{
    return b != REFUSAL_accepted && (a == REFUSAL_accepted || b < a) ? b : a;
}

/* Whether something may be called so: plain UTF-8 of 1 to NAME_MAX_BYTES bytes that neither begins
 * nor ends with a space. */
bool name_allowed(struct text name);
/* Sets a text column of a row, `size` bytes with its NUL; the text must fit. */
void column_set(char *column, size_t size, struct text text);
/* Whether 32 bytes are all zero: no key. */
bool key_is_zero(const uint8_t key[32]);

#endif
